//! Whether something is a guard, and what a guard's words are.

use super::select::Matched;
use super::*;
use crate::rule::Selector;
use crate::rule::{Rule, wild};

/// Stands before a name that is a text of the code, where names are remembered.
pub(super) const TEXT: char = '"';

/// Functions are looked into this deep when asking whether one denies.
pub(super) const MAX_CALLS: u32 = 3;

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
    pub(super) fn unwrapped(
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
        let index = self.index(file);
        self.inner_of(file, callee, id, &[&index.parameters, &index.decorators])
    }

    /// The guards that a parameter's default or type carries, by the rules.
    pub(super) fn dependencies(
        &self,
        file: FileId,
        callee: ExprId,
        id: ExprId,
    ) -> Option<Vec<(FileId, ExprId)>> {
        self.inner_of(file, callee, id, &[&self.index(file).parameters])
    }

    fn inner_of(
        &self,
        file: FileId,
        callee: ExprId,
        id: ExprId,
        dispatches: &[&Dispatch],
    ) -> Option<Vec<(FileId, ExprId)>> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        for dispatch in dispatches {
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
                with_words(name, &self.argument_words(file, args))
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

    /// The words of arguments: `admin`, `role=admin`.
    fn argument_words(&self, file: FileId, args: &[Arg]) -> Vec<String> {
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
        words
    }

    /// The words of a guard that is called with these arguments.
    pub(super) fn called_text(&self, file: FileId, callee: ExprId, args: &[Arg]) -> String {
        with_words(
            self.guard_text(file, callee),
            &self.argument_words(file, args),
        )
    }

    /// A guard that is handed what it guards beside what it asks for: `require(show, "admin")`.
    pub(super) fn wrapping(&self, file: FileId, callee: ExprId, others: &[Arg]) -> GuardUse {
        let mut guard = self.guard_use(file, callee, "handler");
        guard.text = with_words(guard.text, &self.argument_words(file, others));
        guard
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
        let mut lost = None;
        for arg in args {
            let wrapped = self.eval(file, arg.value);
            if let Value::Function(..) | Value::Class(..) = wrapped
                && let found @ (Classified::Guard { .. } | Classified::Unknown(_)) =
                    self.classify(file, arg.value, depth + 1)
            {
                return found;
            }
            // `from_fn(other_crate::auth_middleware)`: what is outside is known by its name only.
            if let Value::External(path) = &wrapped
                && matches!(
                    unit.kind(arg.value),
                    ExprKind::Member { .. } | ExprKind::Name(_)
                )
                && let Some(found @ Classified::Guard { .. }) = self.named(file, path)
            {
                return found;
            }
            // Of what should stand in the repository and was not found there nobody knows.
            if matches!(wrapped, Value::External(_) | Value::Unknown)
                && named.is_none()
                && let Some(path) = unit.path(arg.value)
                && path
                    .split_once('.')
                    .is_some_and(|(package, _)| self.project.is_package(file, package))
            {
                let text = self.guard_text(file, arg.value);
                lost = Some(Classified::Unknown(format!("`{text}` was not found")));
            }
        }
        if let Some(lost) = lost {
            return lost;
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

    pub(super) fn remember_class(&self, file: FileId, class: ClassId) {
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
}

/// `require_role(admin)`.
fn with_words(name: String, words: &[String]) -> String {
    if words.is_empty() {
        name
    } else {
        format!("{name}({})", words.join(", "))
    }
}
