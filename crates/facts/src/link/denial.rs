//! What ends a request because of the caller, and whether a function or a class does.

use super::guard::MAX_CALLS;
use super::select::Matched;
use super::*;
use crate::rule::{Rule, wild};

impl Linker<'_> {
    /// Whether a guard asks the caller only where something else holds: all of its denials stand
    /// within two conditions at least. What hangs on everything is then no guard of each.
    pub(super) fn denies_deep(&self, guard: &GuardUse) -> bool {
        let parsed = self.project.parsed(guard.file);
        let last = guard.text.split('(').next().unwrap_or_default();
        let mut inside = parsed.unit.inside(guard.span);
        let at = inside.find(|id| parsed.unit.last_name(*id) == Some(last));
        let value = at.map(|id| self.eval(guard.file, id));
        let functions = match value {
            Some(Value::Function(file, function)) => vec![(file, function)],
            Some(Value::Class(file, class) | Value::Instance(file, class)) => {
                let methods = self.project.parsed(file).methods(class).into_iter();
                methods.map(|method| (file, method)).collect()
            }
            _ => return false,
        };
        self.all_denials_deep(functions)
    }

    /// The same of all methods of a class.
    pub(super) fn class_denies_deep(&self, file: FileId, class: ClassId) -> bool {
        let methods = self.project.parsed(file).methods(class).into_iter();
        self.all_denials_deep(methods.map(|method| (file, method)).collect())
    }

    fn all_denials_deep(&self, functions: Vec<(FileId, FnId)>) -> bool {
        let mut denials = 0;
        for (file, function) in functions {
            let parsed = self.project.parsed(file);
            let unit = &parsed.unit;
            let span = unit.function(function).span;
            let branches: Vec<Span> = unit
                .inside(span)
                .filter_map(|id| match unit.kind(id) {
                    ExprKind::Branch {
                        then, otherwise, ..
                    } => Some([Some(*then), *otherwise]),
                    _ => None,
                })
                .flatten()
                .flatten()
                .map(|part| unit.expr(part).span)
                .collect();
            for id in unit.inside(span) {
                if self.denial(file, id).is_none() {
                    continue;
                }
                denials += 1;
                let at = unit.expr(id).span;
                let around = branches.iter().filter(|branch| branch.holds(at));
                if around.count() < 2 {
                    return false;
                }
            }
        }
        denials > 0
    }

    /// Whether a rule says that this expression ends the request because the caller may not;
    /// the outcome is the rule's word for it: `401`, `403`.
    pub(crate) fn denial(&self, file: FileId, id: ExprId) -> Option<String> {
        self.denial_by(file, id).map(|(outcome, _)| outcome)
    }

    /// Whether a denial depends on who calls, as far as its rule asks that.
    pub(crate) fn asks_who_calls(&self, file: FileId, id: ExprId) -> bool {
        let rule = self.denial_by(file, id).and_then(|(_, rule)| rule);
        rule.is_none_or(|rule| self.asks_caller(file, id, rule))
    }

    /// Whether a denial ends a request also where a page is made.
    pub(crate) fn denies_on_server(&self, file: FileId, id: ExprId) -> bool {
        let rule = self.denial_by(file, id).and_then(|(_, rule)| rule);
        rule.is_some_and(|rule| self.rule(rule).rule.server && self.asks_caller(file, id, rule))
    }

    /// The outcome of a denial, and the rule that says so; none of one that is caught again.
    pub(super) fn denial_by(&self, file: FileId, id: ExprId) -> Option<(String, Option<usize>)> {
        let found = self.said_denial(file, id)?;
        (!self.swallowed(file, id)).then_some(found)
    }

    /// [`Self::denial_by`], whatever becomes of it.
    pub(crate) fn said_denial(&self, file: FileId, id: ExprId) -> Option<(String, Option<usize>)> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let index = self.index(file);
        let outcome = |rule: &Rule| rule.outcome.clone().unwrap_or_else(|| "denied".to_owned());
        match unit.kind(id) {
            ExprKind::Call { callee, .. } => {
                let last = unit.last_name(*callee)?;
                if unit.macro_calls.contains(callee)
                    && let Value::Function(at, function) = self.eval(file, *callee)
                    && (at, Some(function)) != (file, unit.expr(id).function)
                {
                    // What a macro expands to stands at its call.
                    if let Some(found) = self.denial_of_macro(at, function) {
                        return Some((found, None));
                    }
                }
                let matched = self.matched(file, id);
                let mut name = None;
                for (rule_id, pattern) in self.call_rules(file, *callee, last) {
                    let loaded = self.rule(rule_id);
                    if loaded.rule.link != Some(Link::Denial) {
                        continue;
                    }
                    let pattern = &loaded.patterns[pattern];
                    let matches = match pattern.receiver {
                        Some(_) => {
                            matches!(unit.kind(*callee), ExprKind::Member { .. })
                                && pattern.matches(last)
                        }
                        None => pattern.matches(name.get_or_insert_with(|| {
                            self.name_of(file, *callee).unwrap_or_default()
                        })),
                    };
                    if matches && self.holds(&matched, &loaded.rule.constraints) {
                        return Some((outcome(&loaded.rule), Some(rule_id)));
                    }
                }
                None
            }
            ExprKind::Member { .. } | ExprKind::Name(_) => {
                let last = unit.last_name(id)?;
                let mut path = None;
                for (rule_id, pattern) in index.mentions.candidates(last) {
                    let loaded = self.rule(rule_id);
                    if loaded.rule.link != Some(Link::Denial) {
                        continue;
                    }
                    let path = path.get_or_insert_with(|| unit.path(id).unwrap_or_default());
                    if loaded.patterns[pattern].matches(path) {
                        return Some((outcome(&loaded.rule), Some(rule_id)));
                    }
                }
                None
            }
            ExprKind::Map(pairs) if !pairs.is_empty() && returned(unit, id) => index
                .maps
                .iter()
                .filter(|rule| self.link(**rule) == Some(Link::Denial))
                .find(|rule| {
                    let mut has = self.rule(**rule).rule.has.iter();
                    has.all(|(key, pattern)| {
                        let value = self.map_value(file, id, key);
                        value.is_some_and(|(at, value)| {
                            pattern == "*"
                                || self
                                    .word(at, value)
                                    .is_some_and(|word| wild(pattern, &word))
                        })
                    })
                })
                .map(|rule| (outcome(&self.rule(*rule).rule), Some(*rule))),
            ExprKind::Exit {
                kind: ExitKind::Raise,
                value: Some(value),
            } => {
                let callee = match unit.kind(*value) {
                    ExprKind::Call { callee, .. } => *callee,
                    // `raise "not permitted"`
                    ExprKind::Str(_) | ExprKind::Template(_) | ExprKind::Binary { .. } => {
                        return self.denial_by_text(file, *value);
                    }
                    _ => *value,
                };
                self.denial_by_words(file, callee, *value).or_else(|| {
                    let outcome = self.denial_by_class(file, callee);
                    outcome.map(|outcome| (outcome, None))
                })
            }
            _ => None,
        }
    }

    /// An error that is raised is a denial by its name, its code or its message.
    fn denial_by_words(
        &self,
        file: FileId,
        callee: ExprId,
        error: ExprId,
    ) -> Option<(String, Option<usize>)> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        for (rule_id, pattern) in self.index(file).names.candidates(last) {
            let loaded = self.rule(rule_id);
            if loaded.rule.link == Some(Link::Denial) && loaded.patterns[pattern].matches(last) {
                let matched = self.matched(file, error);
                if self.holds(&matched, &loaded.rule.constraints) {
                    let outcome = loaded.rule.outcome.clone();
                    let outcome = outcome.unwrap_or_else(|| "denied".to_owned());
                    return Some((outcome, Some(rule_id)));
                }
            }
        }
        None
    }

    /// A text that is raised by itself is a denial by what it says.
    fn denial_by_text(&self, file: FileId, text: ExprId) -> Option<(String, Option<usize>)> {
        let matched = Matched {
            file,
            callee: None,
            args: vec![Arg {
                name: None,
                value: text,
                spread: false,
            }],
            value: Some(text),
        };
        let mut rules = self.index(file).names.candidates("");
        rules.find_map(|(rule_id, pattern)| {
            let rule = &self.rule(rule_id).rule;
            let says = rule.link == Some(Link::Denial)
                && !rule.constraints.is_empty()
                && self.rule(rule_id).patterns[pattern].matches("")
                && self.holds(&matched, &rule.constraints);
            says.then(|| {
                let outcome = rule.outcome.clone();
                let outcome = outcome.unwrap_or_else(|| "denied".to_owned());
                (outcome, Some(rule_id))
            })
        })
    }

    fn denial_of_macro(&self, file: FileId, function: FnId) -> Option<String> {
        self.deeper(|| {
            let parsed = self.project.parsed(file);
            let span = parsed.unit.function(function).span;
            let mut inside = parsed.unit.inside(span);
            inside.find_map(|id| self.denial(file, id))
        })
        .flatten()
    }

    /// Whether a function turns callers away, itself or through what it calls or depends on.
    pub(crate) fn denies(&self, file: FileId, function: FnId, depth: u32) -> bool {
        if let Some(known) = self.guards.borrow().get(&(file, function)) {
            return known.unwrap_or(false);
        }
        self.guards.borrow_mut().insert((file, function), None);
        let answer = self.denies_inner(file, function, depth, &[]);
        self.guards
            .borrow_mut()
            .insert((file, function), Some(answer));
        answer
    }

    /// Whether a function itself, and not only what it calls, turns callers away.
    pub(crate) fn denies_itself(&self, file: FileId, function: FnId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        unit.inside(unit.function(function).span).any(|id| {
            self.denial_by(file, id).is_some_and(|(outcome, rule)| {
                matches!(&*outcome, "401" | "403" | "denied")
                    && rule.is_none_or(|rule| self.asks_caller(file, id, rule))
            })
        })
    }

    /// [`Self::denies`], where some parts of the function do not run.
    pub(super) fn denies_outside(&self, file: FileId, function: FnId, parts: &[Span]) -> bool {
        self.denies_inner(file, function, 0, parts)
    }

    fn denies_inner(&self, file: FileId, function: FnId, depth: u32, except: &[Span]) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.function(function);
        for guard in self.parameter_guards(file, function) {
            if matches!(guard.class, Classified::Guard { .. }) {
                return true;
            }
        }
        let mut granted = granted(unit, element.span);
        granted.extend(except);
        for id in unit.inside(element.span) {
            let at = unit.expr(id).span;
            if granted.iter().any(|branch| branch.holds(at)) {
                continue;
            }
            if let Some((_, rule)) = self.denial_by(file, id)
                && rule.is_none_or(|rule| self.asks_caller(file, id, rule))
            {
                return true;
            }
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                continue;
            };
            if self.swallowed(file, id) {
                continue;
            }
            match self.eval(file, *callee) {
                Value::Function(at, other) => {
                    if depth < MAX_CALLS
                        && (at, other) != (file, function)
                        && self.denies(at, other, depth + 1)
                    {
                        return true;
                    }
                }
                _ => {
                    if let Some(name) = self.name_of(file, *callee)
                        && let Some(Classified::Guard {
                            kind: GuardKind::Authentication | GuardKind::Authorization,
                            ..
                        }) = self.definite(file, &name)
                    {
                        return true;
                    }
                    // A decorator-maker that carries guards: `applyDecorators(UseGuards(…))`.
                    if let Some(inner) = self.inner_guards(file, *callee, id)
                        && inner.iter().any(|(file, id)| {
                            matches!(self.classify(*file, *id, 3), Classified::Guard { .. })
                        })
                    {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Whether a class is a guard: by what it derives from, or because a method denies.
    pub(crate) fn class_denies(&self, file: FileId, class: ClassId, depth: u32) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let name = unit.class(class).name.clone();
        for (index, other) in unit.classes.iter().enumerate() {
            if other.name != name {
                continue;
            }
            let id = ClassId(index as u32);
            for base in &other.bases {
                if let Some(name) = self.name_of(file, *base)
                    && let Some(Classified::Guard { .. }) = self.definite(file, &name)
                {
                    return true;
                }
                if depth < MAX_CALLS
                    && let Value::Class(at, base) = self.eval(file, *base)
                    && self.class_denies(at, base, depth + 1)
                {
                    return true;
                }
            }
            let methods = parsed.methods(id);
            if methods
                .iter()
                .any(|method| self.denies(file, *method, depth + 1))
                || methods
                    .iter()
                    .any(|method| self.makes_guard(file, *method, class, depth))
            {
                return true;
            }
        }
        false
    }

    /// Whether a method of a guard makes what denies in its place, out of what it is handed:
    /// `transform` gives an endpoint around another that asks before it hands on.
    fn makes_guard(&self, file: FileId, method: FnId, class: ClassId, depth: u32) -> bool {
        let parsed = self.project.parsed(file);
        let element = parsed.unit.function(method);
        let constructor = matches!(&*element.name, "__init__" | "constructor" | "new")
            || element.name == parsed.unit.class(class).name;
        let handed = |id: ExprId| match parsed.unit.kind(id) {
            ExprKind::Name(name) => element.params.iter().any(|param| param.name == *name),
            _ => false,
        };
        depth < MAX_CALLS
            && !constructor
            && parsed.unit.inside(element.span).any(|id| {
                let ExprKind::Call { callee, args } = parsed.unit.kind(id) else {
                    return false;
                };
                if !args.iter().any(|arg| handed(arg.value)) {
                    return false;
                }
                match self.eval(file, *callee) {
                    Value::Class(at, made) => {
                        let other = self.project.parsed(at);
                        let same = parsed.unit.class(class).name == other.unit.class(made).name;
                        !(same && at == file) && self.class_denies(at, made, MAX_CALLS)
                    }
                    _ => false,
                }
            })
    }
}

/// Whether a value is what a function gives back.
fn returned(unit: &Unit, id: ExprId) -> bool {
    // What surrounds an expression follows it.
    let after = unit.ids().skip(id.0 as usize + 1).take(3);
    after.into_iter().any(|outer| {
        matches!(unit.kind(outer), ExprKind::Exit { kind: ExitKind::Return, value } if *value == Some(id))
    })
}

/// The branches that only callers reach who were found out to be somebody (`if err == nil`), where
/// those who were not go on below: a denial in there turns nobody else away.
fn granted(unit: &Unit, span: Span) -> Vec<Span> {
    let branches = unit.inside(span).filter_map(|id| match unit.kind(id) {
        ExprKind::Branch {
            condition,
            then,
            otherwise: None,
        } => {
            let ExprKind::Binary { op, left, right } = unit.kind(*condition) else {
                return None;
            };
            let nothing = matches!(unit.kind(*right), ExprKind::Null);
            let name = unit.last_name(*left)?;
            (&**op == "==" && nothing && name.to_ascii_lowercase().starts_with("err"))
                .then(|| unit.expr(*then).span)
        }
        _ => None,
    });
    branches.collect()
}
