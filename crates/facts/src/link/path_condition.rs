//! What a function that sees every request does at one path: whether it turns callers away there,
//! by what its conditions ask of the path.

use super::path_pattern::PathPattern;
use super::*;

/// Functions are looked into this deep.
const MAX_CALLS: u32 = 3;

/// What a condition is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
    /// It asks for something else: the caller.
    Asks,
    /// It asks for the path in a way that is not understood.
    Unsure,
}

impl Holds {
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            other => other,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unsure, _) | (_, Self::Unsure) => Self::Unsure,
            (Self::Asks, _) | (_, Self::Asks) => Self::Asks,
            _ => Self::Yes,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

/// Where a request goes.
pub(super) struct Request<'a> {
    pub(super) path: &'a str,
    pub(super) method: &'a str,
    /// Calls whose arguments are patterns of paths.
    pub(super) matchers: &'a [String],
}

/// What names stand for in a function that is called: a text, or the path of the request.
type Names = Vec<(Box<str>, Stands)>;

#[derive(Clone, Debug)]
enum Stands {
    Text(String),
    Path,
}

impl Linker<'_> {
    /// Whether a function turns strangers away at a path.
    pub(super) fn turns_away(
        &self,
        file: FileId,
        function: FnId,
        request: &Request<'_>,
        depth: u32,
    ) -> Holds {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        let mut answer = Holds::No;
        for id in unit.inside(span) {
            let here = if self
                .denial_by(file, id)
                .is_some_and(|(_, rule)| rule.is_none_or(|rule| self.asks_caller(file, id, rule)))
            {
                Holds::Yes
            } else if let ExprKind::Call { callee, .. } = unit.kind(id) {
                match self.eval(file, *callee) {
                    Value::Function(at, other)
                        if depth < MAX_CALLS
                            && (at, other) != (file, function)
                            && self.denies(at, other, 1) =>
                    {
                        self.turns_away(at, other, request, depth + 1)
                    }
                    Value::External(name) | Value::ExternalInstance(name) => {
                        match self.definite(file, &name) {
                            Some(Classified::Guard {
                                kind: GuardKind::Authentication | GuardKind::Authorization,
                                ..
                            }) => Holds::Yes,
                            _ => Holds::No,
                        }
                    }
                    _ => Holds::No,
                }
            } else {
                Holds::No
            };
            if here == Holds::No {
                continue;
            }
            let reached = self.reached(file, span, id, request, true);
            answer = answer.or(here.and(reached));
            if matches!(answer, Holds::Yes | Holds::Asks) {
                return Holds::Yes;
            }
        }
        answer
    }

    /// Whether a place in a function is reached at a path; `exits`: also those that leave before.
    fn reached(
        &self,
        file: FileId,
        within: Span,
        id: ExprId,
        request: &Request<'_>,
        exits: bool,
    ) -> Holds {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let at = unit.expr(id).span;
        let mut reached = Holds::Yes;
        for other in unit.inside(within) {
            let ExprKind::Branch {
                condition,
                then,
                otherwise,
            } = unit.kind(other)
            else {
                continue;
            };
            let holds = |part: ExprId| unit.expr(part).span.holds(at);
            let asked = || self.condition_at(file, *condition, request, &Names::new(), 0);
            if holds(*then) {
                reached = reached.and(asked());
                continue;
            }
            if otherwise.is_some_and(holds) {
                reached = reached.and(asked().not());
                continue;
            }
            let before = unit.expr(other).span.end <= at.start;
            if !exits || !before || holds(*condition) || !self.leaves(file, *then) {
                continue;
            }
            // Who is turned away before is turned away.
            let denies = unit
                .descendants(*then)
                .into_iter()
                .any(|id| self.denial(file, id).is_some());
            if denies {
                continue;
            }
            let gone = asked().and(self.reached(file, within, other, request, false));
            reached = reached.and(match gone {
                // Only what is certain lets everybody through here.
                Holds::Yes => Holds::No,
                Holds::Unsure => Holds::Unsure,
                Holds::No | Holds::Asks => Holds::Yes,
            });
        }
        reached
    }

    /// Whether a branch ends its function, whatever stands in it.
    fn leaves(&self, file: FileId, branch: ExprId) -> bool {
        let unit = &self.project.parsed(file).unit;
        match unit.kind(branch) {
            ExprKind::Exit { .. } => true,
            ExprKind::Block(items) => items
                .iter()
                .any(|id| matches!(unit.kind(*id), ExprKind::Exit { .. })),
            _ => false,
        }
    }

    fn condition_at(
        &self,
        file: FileId,
        id: ExprId,
        request: &Request<'_>,
        names: &Names,
        depth: u32,
    ) -> Holds {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        if depth > 8 {
            return Holds::Unsure;
        }
        let inner = |id: ExprId| self.condition_at(file, id, request, names, depth + 1);
        let unclear = || match self.asks_path(file, id, names, 0) {
            true => Holds::Unsure,
            false => Holds::Asks,
        };
        match unit.kind(id) {
            ExprKind::Bool(value) => Holds::of(*value),
            ExprKind::Unary { op, value } if &**op == "!" => inner(*value).not(),
            ExprKind::Await(value) => inner(*value),
            ExprKind::Binary { op, left, right } => match &**op {
                "&&" | "and" => inner(*left).and(inner(*right)),
                "||" | "or" | "??" => inner(*left).or(inner(*right)),
                "===" | "==" | "!==" | "!=" => {
                    let sides = [(*left, *right), (*right, *left)];
                    let equal = sides.into_iter().find_map(|(one, other)| {
                        let text = self.text_at(file, other, names)?;
                        if self.is_path(file, one, names) {
                            return Some(self.same(&text, request.path));
                        }
                        let method = unit.last_name(one) == Some("method");
                        method.then(|| match request.method {
                            "ANY" => Holds::Unsure,
                            method => Holds::of(text.eq_ignore_ascii_case(method)),
                        })
                    });
                    match equal {
                        Some(equal) if op.starts_with('!') => equal.not(),
                        Some(equal) => equal,
                        None => unclear(),
                    }
                }
                _ => unclear(),
            },
            ExprKind::Name(_) => match self.given_value(file, id) {
                Some((at, value)) => self.condition_at(at, value, request, names, depth + 1),
                None => Holds::Asks,
            },
            ExprKind::Call { callee, args } => {
                let found = self.asked_of_path(file, (*callee, args), request, names, depth);
                found.unwrap_or_else(unclear)
            }
            _ => unclear(),
        }
    }

    /// What a call asks of the path: `path.startsWith("/x")`, `isPublic(req)`.
    fn asked_of_path(
        &self,
        file: FileId,
        (callee, args): (ExprId, &[Arg]),
        request: &Request<'_>,
        names: &Names,
        depth: u32,
    ) -> Option<Holds> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let path = request.path;
        let first = args.first().map(|arg| arg.value);
        let unknown = path.contains(UNKNOWN);
        let test = |found: bool| match unknown {
            true => Holds::Unsure,
            false => Holds::of(found),
        };
        if let ExprKind::Member { object, property } = unit.kind(callee) {
            let begins = self
                .name_rules(file, property)
                .iter()
                .any(|(rule, pattern)| {
                    let loaded = self.rule(*rule);
                    loaded.rule.link == Some(Link::Beginning)
                        && loaded.patterns[*pattern].matches(property)
                });
            if self.is_path(file, *object, names) {
                let text = self.text_at(file, first?, names);
                return match (&**property, text) {
                    ("endsWith", Some(text)) => Some(test(path.ends_with(&text))),
                    ("includes", Some(text)) => Some(test(path.contains(&text))),
                    (_, Some(text)) if begins => Some(test(path.starts_with(&text))),
                    ("match", text) => {
                        let text = text.or_else(|| unit.literal(first?).map(str::to_owned))?;
                        let pattern = PathPattern::expression(&text)?;
                        Some(test(pattern.matches(path)))
                    }
                    _ => None,
                };
            }
            if &**property == "test" && self.is_path(file, first?, names) {
                let text = self.text_at(file, *object, names)?;
                return Some(test(PathPattern::expression(&text)?.matches(path)));
            }
            if let Value::List(at, items) = self.eval(file, *object) {
                let item = |item: &ExprId| self.text_at(at, *item, names);
                let texts: Option<Vec<String>> = items.iter().map(item).collect();
                let texts = texts?;
                return match &**property {
                    "includes" | "has" | "contains" if self.is_path(file, first?, names) => {
                        let all = texts.iter().map(|text| self.same(text, path));
                        Some(all.fold(Holds::No, Holds::or))
                    }
                    "some" | "any" | "find" => {
                        let Value::Function(at, function) = self.eval(file, first?) else {
                            return None;
                        };
                        let parsed = self.project.parsed(at);
                        let name = parsed.unit.function(function).params.first()?.name.clone();
                        let body = self.only_result(at, function)?;
                        let all = texts.into_iter().map(|text| {
                            let mut names = names.clone();
                            names.push((name.clone(), Stands::Text(text)));
                            self.condition_at(at, body, request, &names, depth + 1)
                        });
                        Some(all.fold(Holds::No, Holds::or))
                    }
                    _ => None,
                };
            }
        }
        // `const isPrivate = createRouteMatcher(["/admin(.*)"])`
        if let Some((at, made)) = self.given_value(file, callee)
            && let parsed = self.project.parsed(at)
            && let ExprKind::Call { callee, args } = parsed.unit.kind(made)
        {
            let name = self.name_of(at, *callee).unwrap_or_default();
            let mut matchers = request.matchers.iter();
            if matchers.any(|text| crate::rule::Pattern::parse(text).matches(&name)) {
                let mut patterns = Vec::new();
                self.flatten(at, args.first()?.value, &mut patterns, 0);
                let mut found = Holds::No;
                for (at, id) in patterns {
                    let one = self.text_at(at, id, names);
                    let one = one.and_then(|text| PathPattern::parse(&text, false));
                    found = found.or(one.map_or(Holds::Unsure, |one| test(one.matches(path))));
                }
                return Some(found);
            }
        }
        if let Value::Function(at, function) = self.eval(file, callee) {
            let parsed = self.project.parsed(at);
            let params = parsed.unit.function(function).params.iter();
            let handed = args.iter().zip(params);
            let own: Names = handed
                .filter(|(arg, _)| self.is_path(file, arg.value, names))
                .map(|(_, param)| (param.name.clone(), Stands::Path))
                .collect();
            if own.is_empty() && !self.asks_path_in(at, function) {
                return None;
            }
            let result = self.only_result(at, function)?;
            return Some(self.condition_at(at, result, request, &own, depth + 1));
        }
        None
    }

    fn same(&self, text: &str, path: &str) -> Holds {
        if path.contains(UNKNOWN) {
            return Holds::Unsure;
        }
        let bare = |text: &str| text.trim_end_matches('/').to_owned();
        Holds::of(bare(text) == bare(path))
    }

    /// The text that an expression is, also by the names of what goes through a list.
    fn text_at(&self, file: FileId, id: ExprId, names: &Names) -> Option<String> {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(id) {
            ExprKind::Name(name) => {
                let mut known = names.iter().rev();
                match known.find(|(other, _)| other == name) {
                    Some((_, Stands::Text(text))) => Some(text.clone()),
                    Some((_, Stands::Path)) => None,
                    None => match self.eval(file, id) {
                        Value::Str(text) => Some(text),
                        _ => None,
                    },
                }
            }
            ExprKind::Str(text) => Some(text.to_string()),
            ExprKind::Template(parts) => {
                let parts = parts.iter().map(|part| self.text_at(file, *part, names));
                parts.collect::<Option<Vec<_>>>().map(|all| all.concat())
            }
            ExprKind::Binary { op, left, right } if &**op == "+" => {
                let left = self.text_at(file, *left, names)?;
                Some(left + &self.text_at(file, *right, names)?)
            }
            _ => match self.eval(file, id) {
                Value::Str(text) => Some(text),
                _ => None,
            },
        }
    }

    /// Whether an expression stands for the path of the request.
    fn is_path(&self, file: FileId, id: ExprId, names: &Names) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        if let ExprKind::Name(name) = unit.kind(id)
            && let Some((_, stands)) = names.iter().rev().find(|(other, _)| other == name)
        {
            return matches!(stands, Stands::Path);
        }
        let (Some(last), Some(path)) = (unit.last_name(id), unit.path(id)) else {
            return false;
        };
        let rules = self.name_rules(file, last).into_iter();
        let mut named = rules.filter(|(rule, _)| self.link(*rule) == Some(Link::RequestPath));
        if named.any(|(rule, pattern)| self.rule(rule).patterns[pattern].matches(&path)) {
            return true;
        }
        match (unit.kind(id), self.given_value(file, id)) {
            (ExprKind::Name(_), Some((at, value))) => {
                !matches!(self.project.parsed(at).unit.kind(value), ExprKind::Name(_))
                    && self
                        .deeper(|| self.is_path(at, value, &Names::new()))
                        .unwrap_or(false)
            }
            _ => false,
        }
    }

    /// Whether anything in an expression, or in what its names were given, speaks of the path.
    fn asks_path(&self, file: FileId, id: ExprId, names: &Names, depth: u32) -> bool {
        let unit = &self.project.parsed(file).unit;
        unit.descendants(id).into_iter().any(|id| {
            self.is_path(file, id, names)
                || depth < 4
                    && matches!(unit.kind(id), ExprKind::Name(_))
                    && self
                        .given_value(file, id)
                        .is_some_and(|(at, value)| self.asks_path(at, value, names, depth + 1))
        })
    }

    fn asks_path_in(&self, file: FileId, function: FnId) -> bool {
        let unit = &self.project.parsed(file).unit;
        let span = unit.function(function).span;
        let names = Names::new();
        unit.inside(span).any(|id| self.is_path(file, id, &names))
    }

    /// What a function gives, if that is one expression.
    fn only_result(&self, file: FileId, function: FnId) -> Option<ExprId> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let body = unit.function(function).body?;
        if !matches!(unit.kind(body), ExprKind::Block(_)) {
            return Some(body);
        }
        let mut results = unit.descendants(body).into_iter().filter_map(|id| {
            let expr = unit.expr(id);
            match &expr.kind {
                ExprKind::Exit {
                    kind: ExitKind::Return,
                    value,
                } if expr.function == Some(function) => Some(*value),
                _ => None,
            }
        });
        let only = results.next()??;
        results.next().is_none().then_some(only)
    }

    /// The value that a name was given, wherever it was.
    fn given_value(&self, file: FileId, id: ExprId) -> Option<(FileId, ExprId)> {
        let (at, index) = self.assignment(file, id)?;
        let assign = &self.project.parsed(at).unit.assigns[index as usize];
        let value = assign.value.filter(|_| assign.name.is_some())?;
        ((at, value) != (file, id)).then_some((at, value))
    }
}

#[cfg(test)]
mod tests {
    use super::Holds::*;

    #[test]
    fn conditions_come_together() {
        assert_eq!(Asks.and(No), No);
        assert_eq!(Asks.and(Yes), Asks);
        assert_eq!(Unsure.and(Asks), Unsure);
        assert_eq!(Unsure.or(Yes), Yes);
        assert_eq!(No.or(Asks), Asks);
        assert_eq!(Asks.not(), Asks);
    }
}
