//! Guards that calls in a class hang on its methods: `before_action :sign_in, only: :show`.

use super::*;
use crate::rule::{ArgAt, Rule, Selector};

use super::partial::Partial;
use super::select::Matched;

/// A call in a class that guards its methods, or takes a guard away.
#[derive(Clone, Debug)]
pub(super) struct ClassCall {
    class: ClassId,
    call: ExprId,
    rule: usize,
}

/// A method that a class has called before it stores something, and which denies.
pub(crate) struct ClassCheck {
    pub(crate) class: ClassId,
    pub(crate) call: ExprId,
    /// Where the method is named, and how.
    pub(crate) at: ExprId,
    pub(crate) name: String,
    pub(crate) rule: String,
}

impl Linker<'_> {
    /// The methods that a file's classes have called before they store something, which deny.
    pub(crate) fn class_checks(&self, file: FileId) -> Vec<ClassCheck> {
        let mut found = Vec::new();
        for call in self.class_calls(file).iter() {
            let rule = &self.rule(call.rule).rule;
            let matched = self.matched(file, call.call);
            if rule.link != Some(Link::Check) || !self.holds(&matched, &rule.constraints) {
                continue;
            }
            for (at, id) in self.all_exprs(&matched, &rule.guards) {
                if at == file
                    && let Value::Str(name) = self.eval(at, id)
                    && let Value::Function(other, function) =
                        self.class_member(file, call.class, &name, 0)
                    && (self.denies(other, function, 0)
                        || crate::local::checks_by_name(self, file, &name))
                {
                    found.push(ClassCheck {
                        class: call.class,
                        call: call.call,
                        at: id,
                        name,
                        rule: rule.id.clone(),
                    });
                }
            }
        }
        found
    }

    /// The calls in a file's classes that hang guards on their methods.
    pub(crate) fn hanging_calls(&self, file: FileId) -> BTreeSet<ExprId> {
        let calls = self.class_calls(file);
        calls.iter().map(|call| call.call).collect()
    }

    /// The calls in the classes of a file that rules know.
    fn class_calls(&self, file: FileId) -> Arc<Vec<ClassCall>> {
        if let Some(known) = self.class_calls.borrow().get(&file) {
            return known.clone();
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut found = Vec::new();
        for id in unit.ids() {
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                continue;
            };
            let Some(last) = unit.last_name(*callee) else {
                continue;
            };
            for (rule, pattern) in self.index(file).calls.candidates(last) {
                let loaded = self.rule(rule);
                if !loaded.rule.in_class || !self.allowed(file, loaded) {
                    continue;
                }
                let pattern = &loaded.patterns[pattern];
                let matches = match &pattern.receiver {
                    Some(_) => pattern.matches(last),
                    None => self
                        .name_of(file, *callee)
                        .is_some_and(|name| pattern.matches(&name)),
                };
                if matches && let Some(class) = self.class_around(file, id, &loaded.rule.inside) {
                    found.push(ClassCall {
                        class,
                        call: id,
                        rule,
                    });
                    break;
                }
            }
        }
        let found = Arc::new(found);
        self.class_calls.borrow_mut().insert(file, found.clone());
        found
    }

    /// The class in whose body a call stands, also in a block there or in one of its methods of
    /// these names.
    fn class_around(&self, file: FileId, id: ExprId, inside: &[String]) -> Option<ClassId> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let expr = unit.expr(id);
        let mut function = match expr.function {
            None => return expr.class,
            Some(function) => unit.function(function),
        };
        loop {
            if function.declared && !inside.contains(&function.name.to_string()) {
                return None;
            }
            match (function.class, function.parent) {
                (Some(class), _) => return Some(class),
                (None, Some(parent)) => function = unit.function(parent),
                (None, None) => return None,
            }
        }
    }

    /// The guards that calls in a class and its bases hang on one of its methods.
    pub(super) fn class_call_guards(
        &self,
        file: FileId,
        class: ClassId,
        method: &str,
    ) -> Vec<GuardUse> {
        let mut all = Vec::new();
        self.collect_call_guards((file, class), file, class, method, &mut all, 0);
        all.into_iter().map(|(_, guard)| guard).collect()
    }

    fn collect_call_guards(
        &self,
        concrete: (FileId, ClassId),
        file: FileId,
        class: ClassId,
        method: &str,
        all: &mut Vec<(String, GuardUse)>,
        depth: u32,
    ) {
        if depth > 10 {
            return;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        // What is mixed in counts from where it is mixed in.
        let mut bases = unit.class(class).bases.iter().peekable();
        let mut mix_in = |until: u32, all: &mut Vec<(String, GuardUse)>| {
            while let Some(base) = bases.next_if(|base| unit.expr(**base).span.start < until) {
                if let Value::Class(at, base) = self.eval(file, *base)
                    && (at, base) != (file, class)
                {
                    self.collect_call_guards(concrete, at, base, method, all, depth + 1);
                }
            }
        };
        for call in self.class_calls(file).iter() {
            if call.class != class {
                continue;
            }
            mix_in(unit.expr(call.call).span.start, all);
            let matched = self.matched(file, call.call);
            let rule = &self.rule(call.rule).rule;
            let hangs = matches!(rule.link, Some(Link::Guard | Link::Exempt));
            if !hangs || !self.holds(&matched, &rule.constraints) {
                continue;
            }
            let only = self.limits(&matched, &rule.only);
            let except = self.limits(&matched, &rule.except);
            let reaches = only.is_none_or(|only| only.iter().any(|name| name == method))
                && except.is_none_or(|except| !except.iter().any(|name| name == method));
            for selector in &rule.guards {
                for (at, id) in self.all_exprs(&matched, std::slice::from_ref(selector)) {
                    let name = match self.eval(at, id) {
                        Value::Str(name) => name,
                        _ => self.guard_text(at, id),
                    };
                    // Said again it replaces what was said before; taken away it is gone.
                    let exempt = rule.link == Some(Link::Exempt);
                    if !exempt || reaches {
                        all.retain(|(other, _)| *other != name);
                    }
                    if exempt || !reaches {
                        continue;
                    }
                    let mut guard = self.named_guard(concrete, at, id, "class");
                    if (at, id) == (file, call.call) {
                        guard.text = self.without_limits(file, id, rule);
                    }
                    if rule.unless.iter().any(|selector| {
                        !self
                            .exprs(&matched, std::slice::from_ref(selector))
                            .is_empty()
                    }) && let Classified::Guard { .. } = guard.class
                    {
                        guard.class =
                            Classified::Unknown(format!("`{name}` holds under a condition only"));
                    }
                    self.in_order
                        .borrow_mut()
                        .insert((guard.file, guard.span.start));
                    all.push((name, guard));
                }
            }
        }
        mix_in(u32::MAX, all);
    }

    /// The words of a call that is a guard itself, without what says which methods it is for.
    fn without_limits(&self, file: FileId, id: ExprId, rule: &Rule) -> String {
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, args } = parsed.unit.kind(id) else {
            return self.guard_text(file, id);
        };
        let limits = |arg: &Arg| {
            let mut selectors = rule.only.iter().chain(&rule.except);
            selectors.any(|selector| match (&selector.arg, arg.name.as_deref()) {
                (Some(ArgAt::Name(limit)), Some(name)) => limit == name,
                _ => false,
            })
        };
        let asks: Vec<Arg> = args.iter().filter(|arg| !limits(arg)).cloned().collect();
        self.called_text(file, *callee, &asks)
    }

    /// The checks of permissions on an endpoint, by whether they run before or after the guard that
    /// finds out who calls; nothing where none does.
    pub(crate) fn by_order(&self, guards: &[GuardUse]) -> (Vec<String>, Vec<String>) {
        let in_order = self.in_order.borrow();
        let ordered = guards
            .iter()
            .filter(|guard| in_order.contains(&(guard.file, guard.span.start)));
        let ordered: Vec<&GuardUse> = ordered.collect();
        let speaks = |guard: &GuardUse, kind: GuardKind| {
            let mut rules = self.index(guard.file).names.candidates(&guard.text);
            rules.any(|(rule, pattern)| {
                let loaded = self.rule(rule);
                loaded.rule.link == Some(Link::GuardName)
                    && loaded.rule.guard == Some(kind)
                    && loaded.patterns[pattern].matches(&guard.text)
            })
        };
        let first = ordered.iter().position(|guard| match &guard.class {
            Classified::Guard { kind, .. } => *kind == GuardKind::Authentication,
            // It finds out who calls, though it may let some through.
            Classified::Unknown(_) => speaks(guard, GuardKind::Authentication),
            _ => false,
        });
        let Some(first) = first else {
            return (Vec::new(), Vec::new());
        };
        // Also one that lets some through by itself speaks of permissions by its name.
        let permits = |guard: &&&GuardUse| speaks(guard, GuardKind::Authorization);
        let texts = |guards: &[&GuardUse]| {
            let texts = guards
                .iter()
                .filter(permits)
                .map(|guard| guard.text.clone());
            let texts: BTreeSet<String> = texts.collect();
            texts.into_iter().collect()
        };
        (texts(&ordered[..first]), texts(&ordered[first + 1..]))
    }

    /// What runs before an endpoint and may find out who calls, without turning anybody away.
    pub(crate) fn ways_in(&self, guards: &[GuardUse]) -> Vec<String> {
        let in_order = self.in_order.borrow();
        let ordered = guards.iter().filter(|guard| {
            guard.class == Classified::Not && in_order.contains(&(guard.file, guard.span.start))
        });
        let finds = |guard: &&GuardUse| {
            let mut rules = self.index(guard.file).names.candidates(&guard.text);
            rules.any(|(rule, pattern)| {
                let loaded = self.rule(rule);
                loaded.rule.link == Some(Link::Caller)
                    && loaded.patterns[pattern].matches(&guard.text)
            })
        };
        let found: BTreeSet<String> = ordered
            .filter(finds)
            .map(|guard| guard.text.clone())
            .collect();
        found.into_iter().collect()
    }

    /// A guard that may be given by the name of a method or of something registered.
    fn named_guard(
        &self,
        concrete: (FileId, ClassId),
        file: FileId,
        id: ExprId,
        attached: &'static str,
    ) -> GuardUse {
        let mut guard = self.guard_use(file, id, attached);
        if let Value::Str(name) = self.eval(file, id) {
            guard.text = name.clone();
            guard.class = match self.class_member(concrete.0, concrete.1, &name, 0) {
                Value::Function(at, function) => self.classify_function(file, &name, at, function),
                _ => self.classify_word(file, &name),
            };
        }
        guard
    }

    fn classify_function(
        &self,
        file: FileId,
        name: &str,
        at: FileId,
        function: FnId,
    ) -> Classified {
        let said = self.definite(file, name);
        if let Some(Classified::Not | Classified::Exempt { .. }) = said {
            return Classified::Not;
        }
        if !self.denying_function(at, function) {
            return Classified::Not;
        }
        match self.partial(at, function) {
            Some(Partial::Sent) => Classified::Not,
            Some(Partial::Switched) => {
                Classified::Unknown(format!("`{name}` holds only where a setting says so"))
            }
            None => said.unwrap_or_else(|| {
                let kind = match self.named(file, name) {
                    Some(Classified::Guard { kind, .. }) => kind,
                    _ => GuardKind::Authentication,
                };
                let heuristic = false;
                Classified::Guard { kind, heuristic }
            }),
        }
    }

    /// Whether a word that stands for a guard is one: by what it was registered as, or by name.
    pub(super) fn classify_word(&self, file: FileId, word: &str) -> Classified {
        let aliases = self.aliases.borrow().get(word).cloned();
        let bare = word.split(':').next().unwrap_or(word);
        let aliases = aliases.or_else(|| self.aliases.borrow().get(bare).cloned());
        let text = |word: &str| format!("{}{word}", super::guard::TEXT);
        let own = self.aliases.borrow().contains_key(word);
        match self.definite(file, &text(word)) {
            Some(Classified::Not) if own => {}
            Some(found) => return found,
            None => {}
        }
        let said = self.definite(file, &text(bare));
        if let Some(found @ (Classified::Guard { .. } | Classified::Exempt { .. })) = said {
            return found;
        }
        if let Some(all) = aliases {
            let mut last = Classified::Not;
            for (at, id) in all {
                let found = match self.eval(at, id) {
                    Value::Str(inner) if inner != word && inner != bare => self
                        .deeper(|| self.classify_word(at, &inner))
                        .unwrap_or(Classified::Not),
                    Value::Str(_) => continue,
                    _ => self.classify(at, id, 0),
                };
                match found {
                    Classified::Guard {
                        kind: GuardKind::Authentication | GuardKind::Authorization,
                        ..
                    } => return found,
                    Classified::Unknown(_) => last = found,
                    Classified::Guard { .. } if last == Classified::Not => last = found,
                    _ => {}
                }
            }
            return last;
        }
        self.named(file, &text(bare))
            .unwrap_or_else(|| Classified::Unknown(format!("`{word}` could not be followed")))
    }

    /// Guards that a rule's selectors pick, where texts name guards.
    pub(super) fn named_guard_uses(
        &self,
        matched: &Matched,
        selectors: &[Selector],
        attached: &'static str,
    ) -> Vec<GuardUse> {
        let mut uses = Vec::new();
        for selector in selectors {
            if let (Some(text), Some(call)) = (&selector.text, matched.value) {
                let mut guard = self.guard_use(matched.file, call, attached);
                guard.class = self.classify_word(matched.file, text);
                guard.text.clone_from(text);
                uses.push(guard);
                continue;
            }
            let picked = self.exprs(matched, std::slice::from_ref(selector));
            if let [(file, id)] = picked[..]
                && let Value::List(at, items) = self.eval(file, id)
                && let (Some(Handler::Method(_, owner, function)), _) =
                    self.handler_pair(at, &items)
            {
                // `[$this, "may_read"]`
                let mut guard = self.guard_use(file, id, attached);
                let name = self.project.parsed(owner);
                let name = name.unit.function(function).name.to_string();
                guard.class = self.classify_function(file, &name, owner, function);
                guard.text = name;
                uses.push(guard);
                continue;
            }
            for (file, id) in self.all_exprs(matched, std::slice::from_ref(selector)) {
                let mut guard = self.guard_use(file, id, attached);
                if let Value::Str(name) = self.eval(file, id) {
                    guard.class = self.classify_word(file, &name);
                    guard.text = name;
                }
                uses.push(guard);
            }
        }
        uses
    }

    /// Registers the names that a file gives to guards, before anything hangs them by name.
    pub(crate) fn gather_aliases(&self, file: FileId) {
        let index = self.index(file);
        let mut rules = self.rules.all.iter();
        let asks = |loaded: &LoadedRule| {
            loaded.rule.link == Some(Link::Alias) && index.frameworks.contains(&loaded.framework)
        };
        if !rules.any(asks) {
            return;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        for assign in &unit.assigns {
            let (Some(name), Some(value)) = (assign.name.as_deref(), assign.value) else {
                continue;
            };
            for (rule, pattern) in index.assigns.candidates(name) {
                let loaded = self.rule(rule);
                if asks(loaded)
                    && loaded.patterns[pattern].matches(name)
                    && self.allowed(file, loaded)
                {
                    let matched = Matched {
                        file,
                        callee: None,
                        args: Vec::new(),
                        value: Some(value),
                    };
                    self.add_aliases(&matched, &loaded.rule);
                }
            }
        }
        for id in unit.ids() {
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                continue;
            };
            let Some(last) = unit.last_name(*callee) else {
                continue;
            };
            for (rule, pattern) in index.calls.candidates(last) {
                let loaded = self.rule(rule);
                if asks(loaded)
                    && self.allowed(file, loaded)
                    && self
                        .name_of(file, *callee)
                        .is_some_and(|name| loaded.patterns[pattern].matches(&name))
                {
                    self.add_aliases(&self.matched(file, id), &loaded.rule);
                }
            }
        }
    }

    /// Registers the names that a map gives to guards, or the one that the rule names.
    pub(super) fn add_aliases(&self, matched: &Matched, rule: &Rule) {
        if let Some(name) = self.texts(matched, &rule.named).into_iter().next() {
            let all = self.all_exprs(matched, &rule.guards);
            let mut aliases = self.aliases.borrow_mut();
            aliases.entry(name).or_default().extend(all);
            return;
        }
        for (file, id) in self.exprs(matched, &rule.guards) {
            let Value::Map(file, map) = self.eval(file, id) else {
                continue;
            };
            let parsed = self.project.parsed(file);
            let ExprKind::Map(pairs) = parsed.unit.kind(map) else {
                continue;
            };
            for (key, value) in pairs {
                let Value::Str(name) = self.eval(file, *key) else {
                    continue;
                };
                let mut all = Vec::new();
                self.flatten(file, *value, &mut all, 0);
                self.aliases
                    .borrow_mut()
                    .entry(name)
                    .or_default()
                    .extend(all);
            }
        }
    }
}
