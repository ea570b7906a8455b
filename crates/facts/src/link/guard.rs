//! Whether something is a guard, and what a guard's words are.

use super::select::Matched;
use super::*;
use crate::project::Member;
use crate::rule::Selector;
use crate::rule::{Rule, wild};

/// Stands before a name that is a text of the code, where names are remembered.
pub(super) const TEXT: char = '"';

/// Functions are looked into this deep when asking whether one denies.
const MAX_CALLS: u32 = 3;

impl Linker<'_> {
    /// The guards that a rule's selectors pick.
    pub(super) fn guard_uses(
        &self,
        matched: &Matched,
        selectors: &[Selector],
        attached: &'static str,
    ) -> Vec<GuardUse> {
        self.guard_uses_except(matched, selectors, &[], attached)
    }

    pub(super) fn guard_uses_except(
        &self,
        matched: &Matched,
        selectors: &[Selector],
        except: &[(FileId, ExprId)],
        attached: &'static str,
    ) -> Vec<GuardUse> {
        let mut uses = Vec::new();
        for selector in selectors {
            for (file, id) in self.all_exprs(matched, std::slice::from_ref(selector)) {
                if except.contains(&(file, id)) {
                    continue;
                }
                // A path in a guard list of a setting is the guard's name.
                match self.project.parsed(file).unit.kind(id) {
                    ExprKind::Str(_) if attached != "setting" => continue,
                    ExprKind::Null => continue,
                    _ => {}
                }
                uses.extend(self.unwrapped(file, id, attached, 0));
            }
        }
        uses
    }

    /// The guards that options of a route name by texts: `{ auth: "session" }`; `false` takes those
    /// of everything away, and where `unless` finds something nobody is turned away.
    pub(super) fn option_guards(
        &self,
        matched: &Matched,
        rule: &Rule,
        kind: GuardKind,
    ) -> Vec<GuardUse> {
        let optional = !self.texts(matched, &rule.unless).is_empty();
        let mut uses = Vec::new();
        for (file, id) in self.all_exprs(matched, &rule.guards) {
            let parsed = self.project.parsed(file);
            let (text, class) = match (self.eval(file, id), parsed.unit.kind(id)) {
                (_, ExprKind::Bool(false)) => {
                    ("false".to_owned(), Classified::Exempt { all: false })
                }
                (Value::Str(text), _) if optional => (text, Classified::Exempt { all: false }),
                (Value::Str(text), _) => {
                    let heuristic = false;
                    (text, Classified::Guard { kind, heuristic })
                }
                (Value::Map(..), _) => continue,
                _ => {
                    let text = self.guard_text(file, id);
                    let reason = format!("`{text}` could not be followed");
                    (text, Classified::Unknown(reason))
                }
            };
            uses.push(GuardUse {
                file,
                span: parsed.unit.expr(id).span,
                text,
                class,
                body: None,
                attached: "handler",
            });
        }
        uses
    }

    /// The guards in an expression: a rule may say that they are its arguments.
    fn unwrapped(
        &self,
        file: FileId,
        id: ExprId,
        attached: &'static str,
        depth: u32,
    ) -> Vec<GuardUse> {
        let parsed = self.project.parsed(file);
        if depth < 4
            && let ExprKind::Call { callee, .. } = parsed.unit.kind(id)
            && let Some(inner) = self.inner_guards(file, *callee, id)
        {
            let mut all = Vec::new();
            for (file, id) in inner {
                all.extend(self.unwrapped(file, id, attached, depth + 1));
            }
            return all;
        }
        let guard = self.guard_use(file, id, attached);
        if matches!(guard.class, Classified::Unknown(_))
            && let Some(handed) = self.handed_guards(file, id, attached)
        {
            return handed;
        }
        vec![guard]
    }

    /// The guards that a decorator, a parameter's default or a wrapper carries, by the rules.
    pub(super) fn inner_guards(
        &self,
        file: FileId,
        callee: ExprId,
        id: ExprId,
    ) -> Option<Vec<(FileId, ExprId)>> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let index = self.index(file);
        for dispatch in [&index.parameters, &index.decorators] {
            for (rule_id, pattern) in dispatch.candidates(last) {
                let loaded = self.rule(rule_id);
                if loaded.rule.link != Some(Link::Guard) || loaded.rule.guards.is_empty() {
                    continue;
                }
                let pattern = &loaded.patterns[pattern];
                if pattern.receiver.is_none()
                    && self
                        .name_of(file, callee)
                        .is_some_and(|name| pattern.matches(&name))
                {
                    let matched = self.matched(file, id);
                    return Some(self.all_exprs(&matched, &loaded.rule.guards));
                }
            }
        }
        None
    }

    pub(super) fn guard_use(&self, file: FileId, id: ExprId, attached: &'static str) -> GuardUse {
        let parsed = self.project.parsed(file);
        GuardUse {
            file,
            span: parsed.unit.expr(id).span,
            text: self.guard_text(file, id),
            class: self.classify(file, id, 0),
            body: self.guard_body(file, id),
            attached,
        }
    }

    /// The function of the repository that a guard is, or is made by.
    fn guard_body(&self, file: FileId, id: ExprId) -> Option<(FileId, FnId)> {
        let parsed = self.project.parsed(file);
        let callee = match parsed.unit.kind(id) {
            ExprKind::Call { callee, .. } => *callee,
            _ => id,
        };
        match self.eval(file, callee) {
            Value::Function(at, function) => Some((at, function)),
            _ => None,
        }
    }

    /// A function that is a guard by where it hangs: `@app.before_request`.
    pub(super) fn guard_of_function(
        &self,
        file: FileId,
        function: FnId,
        span: Span,
        attached: &'static str,
    ) -> GuardUse {
        let parsed = self.project.parsed(file);
        let text = parsed.unit.function(function).name.to_string();
        let class = match self.denying_function(file, function) {
            true => Classified::Guard {
                kind: GuardKind::Authentication,
                heuristic: false,
            },
            false => Classified::Not,
        };
        GuardUse {
            file,
            span,
            text,
            class,
            body: None,
            attached,
        }
    }

    /// The words of a guard: `login_required`, `require_role(admin)`.
    pub(crate) fn guard_text(&self, file: FileId, id: ExprId) -> String {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(id) {
            ExprKind::Await(inner) => self.guard_text(file, *inner),
            ExprKind::Call { callee, args } => {
                let name = match unit.kind(*callee) {
                    // `BasicAuth::new(check)` is called after what it makes.
                    ExprKind::Member { object, property }
                        if matches!(&**property, "new" | "default")
                            && unit.path_heads.contains(object) =>
                    {
                        self.guard_text(file, *object)
                    }
                    _ => self.guard_text(file, *callee),
                };
                let mut words = Vec::new();
                for arg in args {
                    let mut all = Vec::new();
                    self.flatten(file, arg.value, &mut all, 0);
                    for (at, id) in all {
                        let text = match self.eval(at, id) {
                            Value::Str(text) => Some(text),
                            Value::Map(..) => self.map_words(at, id),
                            _ => self.word(at, id),
                        };
                        if let Some(text) = text {
                            words.push(match &arg.name {
                                Some(name) => format!("{name}={text}"),
                                None => text,
                            });
                        }
                    }
                }
                if words.is_empty() {
                    name
                } else {
                    format!("{name}({})", words.join(", "))
                }
            }
            ExprKind::Function(function) => {
                let function = unit.function(*function);
                if function.name.is_empty() {
                    "a function".to_owned()
                } else {
                    function.name.to_string()
                }
            }
            ExprKind::Str(text) => text.rsplit('.').next().unwrap_or(text).to_owned(),
            ExprKind::Binary { op, left, right } => {
                format!(
                    "{} {op} {}",
                    self.guard_text(file, *left),
                    self.guard_text(file, *right)
                )
            }
            ExprKind::Unary { op, value } => format!("{op}{}", self.guard_text(file, *value)),
            ExprKind::Index { object, .. } => self.guard_text(file, *object),
            _ => unit.last_name(id).unwrap_or("an expression").to_owned(),
        }
    }

    fn map_words(&self, file: FileId, id: ExprId) -> Option<String> {
        let parsed = self.project.parsed(file);
        let ExprKind::Map(pairs) = parsed.unit.kind(id) else {
            return None;
        };
        let words = pairs.iter().filter_map(|(key, value)| {
            let key = self.word(file, *key)?;
            Some(match self.word(file, *value) {
                Some(value) if value != key => format!("{key}={value}"),
                _ => key,
            })
        });
        let words: Vec<_> = words.collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// What the rules and the team say of a name.
    pub(super) fn named(&self, file: FileId, name: &str) -> Option<Classified> {
        let key = (self.project.parsed(file).language, Box::from(name));
        if let Some(known) = self.classes.borrow().get(&key) {
            return known.clone();
        }
        let found = self.find_named(file, name);
        self.classes.borrow_mut().insert(key, found.clone());
        found
    }

    fn find_named(&self, file: FileId, name: &str) -> Option<Classified> {
        let (name, text) = match name.strip_prefix(TEXT) {
            Some(text) => (text, true),
            None => (name, false),
        };
        let last = name.rsplit('.').next().unwrap_or(name);
        let team = |list: &[String]| list.iter().any(|word| wild(word, last) || wild(word, name));
        if team(&self.names.not_guards) {
            return Some(Classified::Not);
        }
        if team(&self.names.guards) {
            return Some(Classified::Guard {
                kind: GuardKind::Authentication,
                heuristic: false,
            });
        }
        let mut found: Option<(usize, Classified)> = None;
        for (rule_id, pattern) in self.index(file).names.candidates(last) {
            let loaded = self.rule(rule_id);
            let class = match loaded.rule.link {
                Some(Link::GuardName) => Classified::Guard {
                    kind: loaded.rule.guard.unwrap_or(GuardKind::Authentication),
                    heuristic: loaded.rule.default,
                },
                Some(Link::NotGuard) => Classified::Not,
                Some(Link::Exempt) => Classified::Exempt {
                    all: loaded.rule.global,
                },
                _ => continue,
            };
            if loaded.rule.as_text && !text || !loaded.patterns[pattern].matches(name) {
                continue;
            }
            // A rule with a definite name beats a lexicon.
            let rank = if loaded.rule.default { 1 } else { 0 };
            if found.as_ref().is_none_or(|(other, _)| rank < *other) {
                found = Some((rank, class));
            }
        }
        found.map(|(_, class)| class)
    }

    /// Whether a name alone, from the lexicon, speaks for a guard; definite names too.
    pub(super) fn definite(&self, file: FileId, name: &str) -> Option<Classified> {
        self.named(file, name).filter(|class| {
            !matches!(
                class,
                Classified::Guard {
                    heuristic: true,
                    ..
                }
            )
        })
    }

    /// Whether an expression is a guard.
    pub(crate) fn classify(&self, file: FileId, id: ExprId, depth: u32) -> Classified {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let (callee, args): (ExprId, &[Arg]) = match unit.kind(id) {
            ExprKind::Await(inner) => return self.classify(file, *inner, depth),
            ExprKind::Call { callee, args } => (*callee, args),
            ExprKind::Binary { op, left, right } => {
                // `IsAdmin | IsOwner` is a guard if both sides are: either lets the caller in.
                // Of `IsAuthenticated & IsFriendly` one is enough.
                let (left, right) = (
                    self.classify(file, *left, depth + 1),
                    self.classify(file, *right, depth + 1),
                );
                let any = matches!(&**op, "|" | "||" | "or");
                return match (&left, &right) {
                    (Classified::Guard { .. }, Classified::Guard { .. }) => left,
                    (guard @ Classified::Guard { .. }, other)
                    | (other, guard @ Classified::Guard { .. }) => {
                        if any { other } else { guard }.clone()
                    }
                    (Classified::Unknown(_), _) => left,
                    _ => right,
                };
            }
            _ => (id, &[]),
        };
        if let Some(said) = self.called(file, id, callee) {
            return said;
        }
        if let ExprKind::Member { object, property } = unit.kind(callee)
            && depth <= 5
            && matches!(
                self.eval(file, *object),
                Value::Router(_) | Value::Param(..) | Value::Unknown | Value::ExternalInstance(_)
            )
            && let Some((at, other)) = self.attached(property)
        {
            return self.classify(at, other, depth + 1);
        }
        if depth > 5 {
            return Classified::Unknown(format!(
                "`{}` is nested too deep",
                self.guard_text(file, id)
            ));
        }
        let value = self.eval(file, callee);
        // A name for what a call with options gave.
        if let (ExprKind::Name(_), Value::Function(..)) = (unit.kind(id), &value)
            && let Some(call) = self.made_by(file, id)
            && let ExprKind::Call { callee, args } = unit.kind(call)
            && let Value::Function(at, function) = self.eval(file, *callee)
            && self.denies(at, function, 0)
        {
            let text = self.guard_text(file, *callee);
            if let Some(class) = self.by_options(file, args, (at, function), &text) {
                return class;
            }
        }
        let name = match &value {
            // A middleware or class that a setting names.
            Value::Str(name) => Some(name.clone()),
            _ => self.name_of(file, callee),
        };
        let named = name.as_deref().and_then(|name| self.named(file, name));
        match &named {
            Some(Classified::Guard {
                heuristic: true, ..
            })
            | None => {}
            Some(definite) => return definite.clone(),
        }
        if let Value::Function(at, function) = &value
            && !args.is_empty()
            && self.denies(*at, *function, 0)
        {
            let text = self.guard_text(file, callee);
            if let Some(class) = self.by_options(file, args, (*at, *function), &text) {
                return class;
            }
        }
        let looked = match &value {
            Value::Function(at, function) => Some(self.denying_function(*at, *function)),
            Value::Class(at, class) | Value::Instance(at, class) => {
                Some(self.denying_class(*at, *class))
            }
            Value::Str(path) => {
                let (module, class) = path.rsplit_once('.').unwrap_or(("", path));
                let target = self
                    .module_named(file, module)
                    .map(|module| self.project.export(module, class, 0));
                match target.map(|target| self.value_of(target)) {
                    Some(Value::Class(at, class)) => Some(self.denying_class(at, class)),
                    Some(Value::Function(at, function)) => {
                        Some(self.denying_function(at, function))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        match looked {
            Some(true) => {
                let base = match &value {
                    Value::Class(at, class) | Value::Instance(at, class) => {
                        self.base_kind(*at, *class, 0)
                    }
                    _ => None,
                };
                let kind = match (named, base) {
                    (_, Some(kind @ (GuardKind::RateLimit | GuardKind::Csrf))) => kind,
                    (Some(Classified::Guard { kind, .. }), _) => kind,
                    _ => GuardKind::Authentication,
                };
                return match self.passes(&value) {
                    Some(pass::Pass::Absent) => Classified::Not,
                    Some(pass::Pass::Unasked(key)) => Classified::Asks { key, kind },
                    None if self.is_switched(&value) => Classified::Unknown(format!(
                        "whether a setting turns `{}` on",
                        self.guard_text(file, callee)
                    )),
                    None => Classified::Guard {
                        kind,
                        heuristic: false,
                    },
                };
            }
            // A name alone does not make a guard of a body that lets everything through, unless
            // the body leads out of the repository.
            Some(false) => {
                return match named {
                    Some(guard) => guard,
                    None => Classified::Not,
                };
            }
            None => {}
        }
        // A wrapper from outside: what it wraps decides. `from_fn(auth)`, `asyncHandler(auth)`.
        for arg in args {
            if let Value::Function(..) | Value::Class(..) = self.eval(file, arg.value)
                && let found @ (Classified::Guard { .. } | Classified::Unknown(_)) =
                    self.classify(file, arg.value, depth + 1)
            {
                return found;
            }
        }
        if let Some(guard) = named {
            return guard;
        }
        match value {
            // `const signedIn = t.middleware(check)`
            Value::ExternalInstance(_)
                if args.is_empty()
                    && let (at, made) = self.definition(file, callee)
                    && (at, made) != (file, callee)
                    && matches!(
                        self.project.parsed(at).unit.kind(made),
                        ExprKind::Call { .. } | ExprKind::Await(_)
                    ) =>
            {
                self.classify(at, made, depth + 1)
            }
            Value::External(_) | Value::ExternalInstance(_) => Classified::Not,
            Value::Param(..) | Value::Unknown | Value::Map(..) => {
                // A method of something outside, by its name only.
                match unit.last_name(callee) {
                    Some(last) if self.project.language(file).modules.is_some() => {
                        match self.named(file, last) {
                            Some(found) => found,
                            None => Classified::Unknown(format!(
                                "`{}` could not be followed",
                                self.guard_text(file, id)
                            )),
                        }
                    }
                    _ => Classified::Unknown(format!(
                        "`{}` could not be followed",
                        self.guard_text(file, id)
                    )),
                }
            }
            _ => Classified::Not,
        }
    }

    /// What a rule says of a call by its arguments: `jwt({ passthrough: true })`.
    fn called(&self, file: FileId, id: ExprId, callee: ExprId) -> Option<Classified> {
        let parsed = self.project.parsed(file);
        if id == callee {
            return None;
        }
        let last = parsed.unit.last_name(callee)?;
        let mut name = None;
        for (rule_id, pattern) in self.call_rules(file, callee, last) {
            let loaded = self.rule(rule_id);
            let class = match loaded.rule.link {
                Some(Link::GuardName) => Classified::Guard {
                    kind: loaded.rule.guard.unwrap_or(GuardKind::Authentication),
                    heuristic: loaded.rule.default,
                },
                Some(Link::NotGuard) => Classified::Not,
                _ => continue,
            };
            let name = name.get_or_insert_with(|| self.name_of(file, callee).unwrap_or_default());
            if loaded.patterns[pattern].matches(name)
                && self.holds(&self.matched(file, id), &loaded.rule.constraints)
            {
                return Some(class);
            }
        }
        None
    }

    /// [`Self::denies`], remembered as a guard whose body is worth watching.
    pub(super) fn denying_function(&self, file: FileId, function: FnId) -> bool {
        let answer = self.denies(file, function, 0);
        if answer {
            self.targets.borrow_mut().insert((file, function));
        }
        answer
    }

    fn denying_class(&self, file: FileId, class: ClassId) -> bool {
        let answer = self.class_denies(file, class, 0);
        if answer {
            self.remember_class(file, class);
        }
        answer
    }

    fn remember_class(&self, file: FileId, class: ClassId) {
        let parsed = self.project.parsed(file);
        let name = &parsed.unit.class(class).name;
        for (index, other) in parsed.unit.classes.iter().enumerate() {
            if other.name == *name {
                let methods = parsed.methods(ClassId(index as u32));
                self.targets
                    .borrow_mut()
                    .extend(methods.into_iter().map(|method| (file, method)));
            }
        }
    }

    fn module_named(&self, file: FileId, module: &str) -> Option<FileId> {
        if module.is_empty() {
            return None;
        }
        self.project.module(file, module)
    }

    /// Whether a guard asks the caller only where something else holds: all of its denials stand
    /// within two conditions at least. What hangs on everything is then no guard of each.
    pub(super) fn denies_deep(&self, guard: &GuardUse) -> bool {
        let parsed = self.project.parsed(guard.file);
        let last = guard.text.split('(').next().unwrap_or_default();
        let at = parsed.unit.ids().find(|id| {
            let span = parsed.unit.expr(*id).span;
            span.start >= guard.span.start
                && span.end <= guard.span.end
                && parsed.unit.last_name(*id) == Some(last)
        });
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

    /// Guards among the parameters of a function: `Depends(current_user)`, an extractor type.
    pub(super) fn parameter_guards(&self, file: FileId, function: FnId) -> Vec<GuardUse> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut uses = Vec::new();
        for param in &unit.function(function).params {
            let mut found = false;
            for id in [param.default, param.ty_expr].into_iter().flatten() {
                for (at, inner) in self.type_parts(file, id, 0) {
                    let other = self.project.parsed(at);
                    if let ExprKind::Call { callee, .. } = other.unit.kind(inner)
                        && let Some(guards) = self.inner_guards(at, *callee, inner)
                    {
                        for (file, id) in guards {
                            found = true;
                            uses.push(self.guard_use(file, id, "handler"));
                        }
                    }
                }
            }
            for decorator in &param.decorators {
                let guards = self
                    .decorator_guards(file, *decorator, "handler")
                    .into_iter();
                uses.extend(guards.filter(|guard| {
                    let sure = Classified::Guard {
                        kind: GuardKind::Authentication,
                        heuristic: false,
                    };
                    guard.class == sure
                }));
            }
            if found {
                continue;
            }
            if let Some(ty) = param.ty_expr
                && let Some(guard) = self.extractor(file, ty, param.span)
            {
                uses.push(guard);
            }
        }
        uses
    }

    /// The parts of a type or default in which a dependency may stand: itself, the arguments of
    /// `Annotated[…]`, what an alias stands for.
    pub(super) fn type_parts(&self, file: FileId, id: ExprId, depth: u32) -> Vec<(FileId, ExprId)> {
        let parsed = self.project.parsed(file);
        if depth > 3 {
            return Vec::new();
        }
        match parsed.unit.kind(id) {
            ExprKind::Call { .. } => vec![(file, id)],
            ExprKind::Index { index, .. } => index
                .iter()
                .flat_map(|part| self.type_parts(file, *part, depth + 1))
                .collect(),
            ExprKind::Name(_) | ExprKind::Member { .. } => {
                let Some(path) = parsed.unit.path(id) else {
                    return Vec::new();
                };
                let expr = parsed.unit.expr(id);
                let first = path.split('.').next().unwrap_or(&path);
                let mut target = self
                    .project
                    .lookup(file, first, expr.function, expr.span.start);
                if let (crate::project::Target::Module(module), Some((_, rest))) =
                    (&target, path.split_once('.'))
                {
                    target = self.project.export(*module, rest, 0);
                }
                match target {
                    crate::project::Target::Assign(at, index) => {
                        let other = self.project.parsed(at);
                        match other.unit.assigns[index as usize].value {
                            Some(value) => self.type_parts(at, value, depth + 1),
                            None => Vec::new(),
                        }
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// A parameter's type that lets only some callers in: by its name, or because the code that
    /// makes it from the request denies.
    fn extractor(&self, file: FileId, ty: ExprId, span: Span) -> Option<GuardUse> {
        let parsed = self.project.parsed(file);
        let parsed_kind = parsed.unit.kind(ty);
        // `Option<User>` and `Result<User, _>` let everybody in.
        if let ExprKind::Index { object, index } = parsed_kind {
            let outer = parsed.unit.last_name(*object).unwrap_or_default();
            if matches!(outer, "Option" | "Result" | "Optional") {
                return None;
            }
            if let Some(name) = self.name_of(file, *object)
                && let Some(class @ Classified::Guard { .. }) = self.definite(file, &name)
            {
                return Some(GuardUse {
                    file,
                    span,
                    text: outer.to_owned(),
                    class,
                    body: None,
                    attached: "handler",
                });
            }
            // `Authorized<Write>`, whose own code denies; then what it holds.
            return self.extractor(file, *object, span).or_else(|| {
                let mut inner = index.iter();
                inner.find_map(|inner| self.extractor(file, *inner, span))
            });
        }
        let name = self.name_of(file, ty)?;
        let text = parsed.unit.last_name(ty).unwrap_or_default().to_owned();
        match self.definite(file, &name) {
            Some(class @ Classified::Guard { .. }) => {
                return Some(GuardUse {
                    file,
                    span,
                    text,
                    class,
                    body: None,
                    attached: "handler",
                });
            }
            Some(Classified::Not) => return None,
            _ => {}
        }
        let Value::Class(at, class) = self.eval(file, ty) else {
            return None;
        };
        if let Some(method) = self.answering(at, class) {
            self.targets.borrow_mut().insert(method);
            let class = Classified::Guard {
                kind: GuardKind::Authorization,
                heuristic: false,
            };
            return Some(GuardUse {
                body: None,
                file,
                span,
                text,
                class,
                attached: "handler",
            });
        }
        let extracts = self.extracts(at, class);
        if extracts {
            self.remember_class(at, class);
        }
        extracts.then_some(GuardUse {
            file,
            span,
            text,
            class: Classified::Guard {
                kind: GuardKind::Authentication,
                heuristic: false,
            },
            body: None,
            attached: "handler",
        })
    }

    /// Whether some block makes this class from a request, and denies while doing so.
    fn extracts(&self, file: FileId, class: ClassId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let name = &unit.class(class).name;
        for (index, other) in unit.classes.iter().enumerate() {
            if other.name != *name {
                continue;
            }
            let from_request = other.bases.iter().any(|base| {
                let base = match unit.kind(*base) {
                    ExprKind::Index { object, .. } => *object,
                    _ => *base,
                };
                let Some(last) = unit.last_name(base) else {
                    return false;
                };
                self.index(file)
                    .classes
                    .candidates(last)
                    .any(|(rule, pattern)| {
                        let loaded = self.rule(rule);
                        let used = self.in_use(file, loaded.framework);
                        loaded.rule.link == Some(Link::Guard) && used && {
                            let name = self.name_of(file, base).unwrap_or_default();
                            loaded.patterns[pattern].matches(&name)
                                || loaded.patterns[pattern].matches(last)
                        }
                    })
            });
            if !from_request {
                continue;
            }
            let id = ClassId(index as u32);
            if parsed.methods(id).iter().any(|method| {
                let function = unit.function(*method);
                self.denies(file, *method, 0)
                    || function.params.iter().any(|param| {
                        param
                            .ty_expr
                            .is_some_and(|ty| self.extractor(file, ty, param.span).is_some())
                    })
                    || self.calls_extractor(file, *method)
            }) {
                return true;
            }
        }
        false
    }

    /// `User::from_request(…)` inside another extractor.
    fn calls_extractor(&self, file: FileId, method: FnId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(method).span;
        unit.inside(span).any(|id| match unit.kind(id) {
            ExprKind::Call { callee, .. } => match unit.kind(*callee) {
                ExprKind::Member { object, .. } => match self.eval(file, *object) {
                    Value::Class(at, class) => {
                        let owner = unit
                            .function(method)
                            .class
                            .map(|class| unit.class(class).name.clone());
                        let same = at == file
                            && owner.as_deref()
                                == Some(&*unit_name(&self.project.parsed(at).unit, class));
                        !same && self.depth_guarded(|| self.extracts(at, class))
                    }
                    _ => false,
                },
                _ => false,
            },
            _ => false,
        })
    }

    fn depth_guarded(&self, look: impl FnOnce() -> bool) -> bool {
        if self.depth.get() > 20 {
            return false;
        }
        self.depth.set(self.depth.get() + 4);
        let answer = look();
        self.depth.set(self.depth.get() - 4);
        answer
    }

    /// Guards of a class that answers requests: decorators, bases, attributes; inherited ones too.
    pub(super) fn class_guards(&self, file: FileId, class: ClassId) -> Vec<GuardUse> {
        let mut uses = Vec::new();
        let mut said = HashSet::new();
        self.collect_class_guards(file, class, &mut uses, &mut said, 0);
        uses
    }

    fn collect_class_guards(
        &self,
        file: FileId,
        class: ClassId,
        uses: &mut Vec<GuardUse>,
        said: &mut HashSet<String>,
        depth: u32,
    ) {
        if depth > 8 {
            return;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.class(class);
        for decorator in &element.decorators {
            uses.extend(self.decorator_guards(file, *decorator, "class"));
        }
        for base in &element.bases {
            if let Some(name) = self.name_of(file, *base)
                && let Some(class @ Classified::Guard { .. }) = self.definite(file, &name)
            {
                let text = self.guard_text(file, *base);
                let span = unit.expr(*base).span;
                let text = match self.mixin_arguments(file, ClassId(index_of(unit, element))) {
                    Some(words) => format!("{text}({words})"),
                    None => text,
                };
                uses.push(GuardUse {
                    file,
                    span,
                    text,
                    class,
                    body: None,
                    attached: "class",
                });
            }
        }
        for attribute in self.guard_attributes(file) {
            if said.contains(&attribute) {
                continue;
            }
            for member in parsed.members(class, &attribute) {
                let Member::Field(index) = member else {
                    continue;
                };
                let Some(value) = unit.assigns[*index as usize].value else {
                    continue;
                };
                said.insert(attribute.clone());
                let mut all = Vec::new();
                self.flatten(file, value, &mut all, 0);
                for (at, id) in all {
                    if !matches!(self.project.parsed(at).unit.kind(id), ExprKind::Str(_)) {
                        uses.extend(self.unwrapped(at, id, "class", 0));
                    }
                }
                break;
            }
        }
        if depth == 0 {
            uses.extend(self.hook_guards(file, class));
        }
        for base in &element.bases {
            if let Value::Class(at, base) = self.eval(file, *base)
                && (at, base) != (file, class)
            {
                self.collect_class_guards(at, base, uses, said, depth + 1);
            }
        }
    }

    /// Methods that the class, or a base in the repository, has run before each of its actions,
    /// where they turn callers away.
    fn hook_guards(&self, file: FileId, class: ClassId) -> Vec<GuardUse> {
        if let Some(known) = self.hooks.borrow().get(&(file, class)) {
            return known.clone();
        }
        let uses = self.find_hooks(file, class);
        self.hooks.borrow_mut().insert((file, class), uses.clone());
        uses
    }

    fn find_hooks(&self, file: FileId, class: ClassId) -> Vec<GuardUse> {
        let mut bases = BTreeSet::new();
        self.bases(file, class, &mut bases, 0);
        let mut names: Vec<&String> = Vec::new();
        for base in &bases {
            let last = base.rsplit('.').next().unwrap_or(base);
            for (rule, pattern) in self.index(file).classes.candidates(last) {
                let loaded = self.rule(rule);
                if loaded.rule.link == Some(Link::View) && loaded.patterns[pattern].matches(base) {
                    let hooks = loaded.rule.hooks.iter();
                    names.extend(
                        hooks
                            .filter(|name| !names.contains(name))
                            .collect::<Vec<_>>(),
                    );
                }
            }
        }
        let mut uses = Vec::new();
        for name in names {
            let Value::Function(at, function) = self.class_member(file, class, name, 0) else {
                continue;
            };
            if !self.hook_denies(at, function, 0) {
                continue;
            }
            self.targets.borrow_mut().insert((at, function));
            let parsed = self.project.parsed(at);
            uses.push(GuardUse {
                file: at,
                span: parsed.unit.function(function).head,
                text: name.clone(),
                class: Classified::Guard {
                    kind: GuardKind::Authorization,
                    heuristic: true,
                },
                body: Some((at, function)),
                attached: "class",
            });
        }
        uses
    }

    /// Whether a method turns callers away, or the one of a base that it takes the place of and
    /// calls.
    fn hook_denies(&self, file: FileId, function: FnId, depth: u32) -> bool {
        if self.denies(file, function, 0) {
            return true;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.function(function);
        depth < 8
            && unit.inside(element.span).any(|id| match unit.kind(id) {
                ExprKind::Call { callee, .. }
                    if unit.last_name(*callee) == Some(&*element.name) =>
                {
                    match self.eval(file, *callee) {
                        Value::Function(at, other) if (at, other) != (file, function) => {
                            self.hook_denies(at, other, depth + 1)
                        }
                        _ => false,
                    }
                }
                _ => false,
            })
    }

    /// `permission_required = "app.change"` beside the mixin that reads it.
    fn mixin_arguments(&self, file: FileId, class: ClassId) -> Option<String> {
        let parsed = self.project.parsed(file);
        let members = parsed.members(class, "permission_required");
        let Some(Member::Field(index)) = members.first() else {
            return None;
        };
        let value = parsed.unit.assigns[*index as usize].value?;
        let mut all = Vec::new();
        self.flatten(file, value, &mut all, 0);
        let words: Vec<_> = all
            .iter()
            .filter_map(|(file, id)| self.word(*file, *id))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Whether a class or one of its bases says itself who may call, so that defaults do not hold.
    pub(super) fn says_guards(&self, file: FileId, class: ClassId, depth: u32) -> bool {
        let parsed = self.project.parsed(file);
        self.guard_attributes(file)
            .iter()
            .any(|attribute| !parsed.members(class, attribute).is_empty())
            || depth < 8
                && parsed
                    .unit
                    .class(class)
                    .bases
                    .iter()
                    .any(|base| match self.eval(file, *base) {
                        Value::Class(at, base) => {
                            (at, base) != (file, class) && self.says_guards(at, base, depth + 1)
                        }
                        _ => false,
                    })
    }

    fn guard_attributes(&self, file: FileId) -> Vec<String> {
        let index = self.index(file);
        let mut all = Vec::new();
        for (id, loaded) in self.rules.all.iter().enumerate() {
            if index.frameworks.contains(&loaded.framework) && self.link(id) == Some(Link::View) {
                for attribute in &loaded.rule.guard_attributes {
                    if !all.contains(attribute) {
                        all.push(attribute.clone());
                    }
                }
            }
        }
        all
    }

    /// The guards that a decorator of a handler or class means; none for a route or for one that
    /// is known to be something else.
    pub(crate) fn decorator_guards(
        &self,
        file: FileId,
        decorator: ExprId,
        attached: &'static str,
    ) -> Vec<GuardUse> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let matched = self.matched(file, decorator);
        let Some(callee) = matched.callee else {
            return Vec::new();
        };
        if let Some(last) = unit.last_name(callee) {
            for (rule_id, pattern) in self.index(file).decorators.candidates(last) {
                let loaded = self.rule(rule_id);
                let pattern = &loaded.patterns[pattern];
                let matches = match pattern.receiver {
                    Some(_) => pattern.matches(last) && self.may_be_on(file, callee, rule_id),
                    None => self
                        .name_of(file, callee)
                        .is_some_and(|name| pattern.matches(&name)),
                };
                if !matches {
                    continue;
                }
                match loaded.rule.link {
                    Some(Link::Guard) if !loaded.rule.guards.is_empty() => {
                        let uses = self.all_exprs(&matched, &loaded.rule.guards);
                        return uses
                            .into_iter()
                            .flat_map(|(file, id)| self.unwrapped(file, id, attached, 1))
                            .collect();
                    }
                    // What a decorator means may depend on its arguments.
                    Some(link @ (Link::Guard | Link::Exempt))
                        if self.holds(&matched, &loaded.rule.constraints) =>
                    {
                        let class = match link {
                            Link::Exempt => Classified::Exempt { all: false },
                            _ => Classified::Guard {
                                kind: loaded.rule.guard.unwrap_or(GuardKind::Authorization),
                                heuristic: false,
                            },
                        };
                        return vec![GuardUse {
                            body: None,
                            file,
                            span: unit.expr(decorator).span,
                            text: self.guard_text(file, decorator),
                            class,
                            attached,
                        }];
                    }
                    Some(Link::Route | Link::Router) => return Vec::new(),
                    _ => {}
                }
            }
        }
        if let Some(class) = self.mark_of(file, callee) {
            return vec![GuardUse {
                body: None,
                file,
                span: unit.expr(decorator).span,
                text: self.guard_text(file, decorator),
                class,
                attached,
            }];
        }
        let composed = self.composed_guards(file, callee, attached);
        if !composed.is_empty() {
            return composed;
        }
        let guard = self.guard_use(file, decorator, attached);
        match guard.class {
            Classified::Not => Vec::new(),
            // A decorator that could not be followed is seldom a guard; only its name may say so.
            Classified::Unknown(_) => Vec::new(),
            _ => vec![guard],
        }
    }

    /// Whether what a method is called on may be a router that a rule speaks of.
    fn may_be_on(&self, file: FileId, callee: ExprId, rule_id: usize) -> bool {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(callee) {
            ExprKind::Member { object, .. } => match self.eval(file, *object) {
                Value::Router(router) => self.speaks(rule_id, router),
                _ => true,
            },
            _ => false,
        }
    }

    /// Whether a handler does nothing but deny: it answers everybody so, and asks nobody.
    fn only_denies(&self, file: FileId, function: FnId, denial: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(body) = unit.function(function).body else {
            return false;
        };
        let span = unit.expr(body).span;
        let branches = unit
            .inside(span)
            .any(|id| matches!(unit.kind(id), ExprKind::Branch { .. }));
        let last = match unit.kind(body) {
            ExprKind::Block(statements) => match statements[..] {
                [only] => only,
                _ => return false,
            },
            _ => body,
        };
        let value = match unit.kind(last) {
            ExprKind::Exit { value, .. } => *value,
            _ => Some(last),
        };
        !branches && (last == denial || value == Some(denial))
    }

    /// Whether callers come in through a handler, by its name: that it turns away those whose
    /// password is wrong does not guard it.
    fn lets_in(&self, file: FileId, function: FnId) -> bool {
        let parsed = self.project.parsed(file);
        let mut scope = Some(function);
        while let Some(id) = scope {
            let element = parsed.unit.function(id);
            let class = element.class.map(|class| &parsed.unit.class(class).name);
            let names = [Some(&element.name), element.receiver.as_ref(), class];
            let enters = names.into_iter().flatten().any(|name| {
                let mut rules = self.index(file).names.candidates(name);
                rules.any(|(rule_id, pattern)| {
                    let loaded = self.rule(rule_id);
                    loaded.rule.link == Some(Link::Entry) && loaded.patterns[pattern].matches(name)
                })
            });
            if enters || element.declared {
                return enters;
            }
            // A function that makes the handler names it; one that registers it does not.
            scope = element
                .parent
                .filter(|outer| gives(&parsed.unit, *outer, element.span));
        }
        false
    }

    /// Whether a call answers the request in the place of the function around it, which then only
    /// has to return: `if session.Abort(c) { return }`.
    fn ends(&self, file: FileId, span: Span, call: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let at = unit.expr(call).span;
        unit.inside(span).any(|id| match unit.kind(id) {
            ExprKind::Branch {
                condition, then, ..
            } => {
                let asked = unit.expr(*condition).span;
                asked.holds(at)
                    && unit.descendants(*then).into_iter().any(|id| {
                        matches!(
                            unit.kind(id),
                            ExprKind::Exit {
                                kind: ExitKind::Return,
                                value: None
                            }
                        )
                    })
            }
            _ => false,
        })
    }

    /// The call that gave a variable its value.
    fn made_by(&self, file: FileId, id: ExprId) -> Option<ExprId> {
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        let ExprKind::Name(name) = &expr.kind else {
            return None;
        };
        let target = self
            .project
            .lookup(file, name, expr.function, expr.span.start);
        match target {
            crate::project::Target::Assign(at, index) if at == file => {
                let assign = &parsed.unit.assigns[index as usize];
                assign.value.filter(|_| assign.place.is_none())
            }
            _ => None,
        }
    }

    /// Whether a call stands in what answers an endpoint, is one of a function of the repository
    /// that turns callers away, and what it raises is not caught at once.
    pub(crate) fn turns_away_in_handler(&self, file: FileId, id: ExprId, callee: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut around = unit.expr(id).function;
        while let Some(function) = around {
            if self.is_handler(file, function) {
                break;
            }
            around = unit.function(function).parent;
        }
        around.is_some()
            && !caught(unit, id)
            && match self.eval(file, callee) {
                Value::Function(at, other) => {
                    (at, Some(other)) != (file, around) && self.denies(at, other, 1)
                }
                _ => false,
            }
    }

    /// An authentication check inside the handler itself.
    pub(super) fn body_guard(&self, file: FileId, function: FnId, path: &str) -> Option<GuardUse> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        // Decorators may stand inside of what they decorate; they are asked for themselves.
        let decorators = unit.function(function).decorators.iter();
        let around: Vec<Span> = decorators.map(|id| unit.expr(*id).span).collect();
        if self.lets_in(file, function) {
            return None;
        }
        // What is answered where an error was raised (who raises it, and why, stands elsewhere),
        // or where a feature is turned off.
        let mut left: Option<(Span, String, &str)> = None;
        // A path by which callers come in: being turned away there does not guard it, a guard does.
        let last = path.rsplit('/').find(|part| !part.starts_with('{'));
        let entry = last.is_some_and(|last| {
            let last = format!("/{last}");
            let mut rules = self.index(file).names.candidates(&last);
            rules.any(|(rule_id, pattern)| {
                let loaded = self.rule(rule_id);
                loaded.rule.link == Some(Link::Entry) && loaded.patterns[pattern].matches(&last)
            })
        });
        for id in unit.inside(span) {
            let at = unit.expr(id).span;
            if around.iter().any(|span| span.holds(at)) {
                continue;
            }
            if !entry
                && let Some((outcome, rule)) = self.denial_by(file, id)
                && rule.is_none_or(|rule| self.asks_caller(file, id, rule))
                && (outcome == "401" || outcome == "403" || outcome == "hidden")
            {
                let span = unit.expr(id).span;
                if self.only_denies(file, function, id) {
                    return None;
                }
                let why = match unit.rescues.iter().any(|part| part.holds(span)) {
                    true => Some("is raised elsewhere"),
                    false => self
                        .asks_setting(file, id)
                        .then_some("asks for a setting only"),
                };
                if let Some(why) = why {
                    left.get_or_insert((span, outcome, why));
                    continue;
                }
                let class = Classified::Guard {
                    kind: GuardKind::Authorization,
                    heuristic: true,
                };
                return Some(GuardUse {
                    file,
                    span,
                    text: format!("a check that ends in {outcome}"),
                    class,
                    body: None,
                    attached: "body",
                });
            }
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                continue;
            };
            if caught(unit, id) {
                continue;
            }
            let value = self.eval(file, *callee);
            let called = match value {
                Value::Function(at, other) if (at, other) != (file, function) => {
                    let name = unit.last_name(*callee).unwrap_or_default();
                    let named = matches!(self.named(file, name), Some(Classified::Guard { .. }));
                    named && self.denies(at, other, 1)
                        || self.ends(file, span, id) && self.denies(at, other, MAX_CALLS)
                }
                _ => self.name_of(file, *callee).is_some_and(|name| {
                    matches!(
                        self.definite(file, &name),
                        Some(Classified::Guard {
                            kind: GuardKind::Authentication | GuardKind::Authorization,
                            ..
                        })
                    )
                }),
            };
            if called && !self.swallowed(file, id) {
                let class = Classified::Guard {
                    kind: GuardKind::Authorization,
                    heuristic: true,
                };
                return Some(GuardUse {
                    file,
                    span: unit.expr(id).span,
                    text: self.guard_text(file, *callee),
                    class,
                    body: None,
                    attached: "body",
                });
            }
        }
        let (span, outcome, why) = left?;
        let text = format!("what ends in {outcome}");
        Some(GuardUse {
            file,
            span,
            class: Classified::Unknown(format!("{text} {why}")),
            text,
            body: None,
            attached: "body",
        })
    }
}

/// Whether what a call raises is caught at once: `getSession(c).catch(() => null)`.
fn caught(unit: &Unit, id: ExprId) -> bool {
    let mut after = unit.ids().skip(id.0 as usize + 1).take(2);
    after.any(|outer| {
        matches!(unit.kind(outer), ExprKind::Member { object, property }
            if *object == id && &**property == "catch")
    })
}

/// Whether a function gives back what stands at this place.
fn gives(unit: &Unit, function: FnId, inner: Span) -> bool {
    let element = unit.function(function);
    let whole = element.body.is_some_and(|body| {
        !matches!(unit.kind(body), ExprKind::Block(_)) && unit.expr(body).span.holds(inner)
    });
    whole
        || unit.inside(element.span).any(|id| {
            matches!(unit.kind(id), ExprKind::Exit { kind: ExitKind::Return, value: Some(value) }
                if unit.expr(*value).span.holds(inner))
        })
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

fn unit_name(unit: &Unit, class: ClassId) -> Box<str> {
    unit.class(class).name.clone()
}

fn index_of(unit: &Unit, class: &Class) -> u32 {
    unit.classes
        .iter()
        .position(|other| other.span == class.span)
        .unwrap_or_default() as u32
}
