//! What a class has beyond its own lines: from its bases and interfaces, and from decorators that
//! the repository makes of others.

use super::select::Matched;
use super::*;

/// Bases, and decorators on decorators, are followed no deeper than this.
const MAX_HOPS: u32 = 6;

impl Linker<'_> {
    /// A class and those that it stands in, the innermost first.
    pub(super) fn with_outer(&self, file: FileId, class: ClassId) -> Vec<ClassId> {
        let parsed = self.project.parsed(file);
        let span = parsed.unit.class(class).span;
        let classes = parsed.unit.classes.iter().enumerate();
        let around = classes.filter(|(at, other)| {
            let outer = other.span.start <= span.start && span.end <= other.span.end;
            outer && *at as u32 != class.0
        });
        let mut outer: Vec<_> = around
            .map(|(at, other)| (other.span.end - other.span.start, ClassId(at as u32)))
            .collect();
        outer.sort();
        let outer = outer.into_iter().map(|(_, class)| class);
        std::iter::once(class).chain(outer).collect()
    }

    /// The decorators of the class that a decorator is declared by, if the repository declares it.
    fn on_decorator(&self, file: FileId, callee: ExprId) -> Vec<(FileId, ExprId)> {
        let Value::Class(at, class) = self.eval(file, callee) else {
            return Vec::new();
        };
        let parsed = self.project.parsed(at);
        let own = &parsed.unit.class(class).decorators;
        own.iter().map(|decorator| (at, *decorator)).collect()
    }

    /// Routers of classes whose decorator is made of one that makes routers, and prefixes that
    /// stand at a class.
    pub(super) fn register_marked_classes(&self, file: FileId) {
        let parsed = self.project.parsed(file);
        for (at, element) in parsed.unit.classes.iter().enumerate() {
            let class = ClassId(at as u32);
            for decorator in &element.decorators {
                let matched = self.matched(file, *decorator);
                if let Some(callee) = matched.callee
                    && let Some(rule) = self.decorator_rule(file, callee, Link::Prefix)
                    && let Some(path) = self.path(&matched, &self.rule(rule).rule.path)
                {
                    let framework = self.rule(rule).framework;
                    let span = parsed.unit.expr(*decorator).span;
                    self.prefixes.borrow_mut().push(super::reach::Prefix {
                        framework,
                        path,
                        namespaces: Vec::new(),
                        file,
                        span,
                    });
                }
            }
            if self.known_router(file, RouterKey::Class(class)).is_some() {
                continue;
            }
            let own = element.decorators.iter();
            let mut around: Vec<(FileId, ExprId, u32)> =
                own.map(|decorator| (file, *decorator, 0)).collect();
            while let Some((at, decorator, hops)) = around.pop() {
                let matched = self.matched(at, decorator);
                let Some(callee) = matched.callee else {
                    continue;
                };
                if hops > 0
                    && let Some(rule_id) = self.decorator_rule(at, callee, Link::Router)
                {
                    self.mark(file, class, rule_id, &matched);
                    break;
                }
                if hops < MAX_HOPS {
                    let more = self.on_decorator(at, callee).into_iter();
                    around.extend(more.map(|(at, one)| (at, one, hops + 1)));
                }
            }
        }
    }

    fn mark(&self, file: FileId, class: ClassId, rule_id: usize, matched: &Matched) {
        let loaded = self.rule(rule_id);
        let parsed = self.project.parsed(file);
        let element = parsed.unit.class(class);
        let (router, fresh) = self.router(file, RouterKey::Class(class), || Router {
            name: element.name.to_string(),
            prefix: self.path(matched, &loaded.rule.path).unwrap_or_default(),
            root: loaded.rule.root,
            ..Router::new(loaded.framework, file, element.span)
        });
        if fresh {
            // The path may stand beside the decorator that is made of the other.
            for decorator in &element.decorators {
                let beside = self.matched(file, *decorator);
                self.prefix_of(router, rule_id, &beside);
            }
            self.complete_class(file, class, router, rule_id, matched);
        }
    }

    /// The rule with this meaning that a decorator is named by.
    fn decorator_rule(&self, file: FileId, callee: ExprId, link: Link) -> Option<usize> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let mut candidates = self.index(file).decorators.candidates(last);
        let found = candidates.find(|(rule_id, pattern)| {
            let loaded = self.rule(*rule_id);
            let pattern = &loaded.patterns[*pattern];
            loaded.rule.link == Some(link)
                && pattern.receiver.is_none()
                && self
                    .name_of(file, callee)
                    .is_some_and(|name| pattern.matches(&name))
        });
        found.map(|(rule_id, _)| rule_id)
    }

    /// Takes the prefix, or several, from what a rule's selectors pick.
    fn prefix_of(&self, router: RouterId, rule_id: usize, matched: &Matched) {
        // The first selector that finds something counts.
        let mut picked = Vec::new();
        for (file, id) in self.exprs(matched, &self.rule(rule_id).rule.path) {
            self.flatten(file, id, &mut picked, 0);
        }
        let texts = picked
            .iter()
            .flat_map(|(file, id)| self.path_texts(*file, *id));
        let texts: Vec<PathText> = texts.collect();
        let Some(first) = texts.first() else { return };
        self.routers.borrow_mut()[router.0 as usize].prefix = first.clone();
        if texts.len() > 1 {
            self.alternatives.borrow_mut().insert(router, texts);
        }
    }

    /// Gives a class that routes hang on its prefix, its guards, and what its bases declare.
    pub(super) fn complete_class(
        &self,
        file: FileId,
        class: ClassId,
        router: RouterId,
        rule_id: usize,
        matched: &Matched,
    ) {
        self.prefix_of(router, rule_id, matched);
        let guards = self.class_guards(file, class);
        {
            let parsed = self.project.parsed(file);
            let mut routers = self.routers.borrow_mut();
            let known = &mut routers[router.0 as usize];
            known.name = parsed.unit.class(class).name.to_string();
            known.guards.extend(guards);
        }
        if self.rule(rule_id).rule.inherits {
            let mut seen = vec![(file, class)];
            self.inherit_declared(router, rule_id, (file, class), (file, class), &mut seen);
        }
    }

    /// The routes and the prefix that bases and interfaces declare.
    fn inherit_declared(
        &self,
        router: RouterId,
        rule_id: usize,
        heir: (FileId, ClassId),
        (file, class): (FileId, ClassId),
        seen: &mut Vec<(FileId, ClassId)>,
    ) {
        let parsed = self.project.parsed(file);
        for base in &parsed.unit.class(class).bases {
            let Value::Class(at, base) = self.eval(file, *base) else {
                continue;
            };
            if seen.contains(&(at, base)) || seen.len() > 24 {
                continue;
            }
            seen.push((at, base));
            let other = self.project.parsed(at);
            let bare = self.routers.borrow()[router.0 as usize]
                .prefix
                .text
                .is_empty();
            if bare {
                for decorator in &other.unit.class(base).decorators {
                    // A base without the rule's own decorator may still say where it is.
                    let beside = Matched {
                        value: Some(*decorator),
                        ..self.matched(at, *decorator)
                    };
                    self.prefix_beside(router, rule_id, &beside);
                }
            }
            for method in other.methods(base) {
                self.inherit_routes(router, heir, at, method);
            }
            self.inherit_declared(router, rule_id, heir, (at, base), seen);
        }
    }

    /// The prefix that a decorator holds which the rule looks for beside its own.
    fn prefix_beside(&self, router: RouterId, rule_id: usize, matched: &Matched) {
        let Some(name) = matched
            .callee
            .and_then(|callee| self.name_of(matched.file, callee))
        else {
            return;
        };
        for selector in &self.rule(rule_id).rule.path {
            let mut patterns = selector.beside.iter();
            if !patterns.any(|text| crate::rule::Pattern::parse(text).matches(&name)) {
                continue;
            }
            let bare = crate::rule::Selector {
                beside: Vec::new(),
                ..selector.clone()
            };
            let picked = self.all_exprs(matched, std::slice::from_ref(&bare));
            if let Some((file, id)) = picked.first() {
                let text = self.path_text(*file, *id);
                self.routers.borrow_mut()[router.0 as usize].prefix = text;
                return;
            }
        }
    }

    fn inherit_routes(
        &self,
        router: RouterId,
        (file, class): (FileId, ClassId),
        at: FileId,
        method: FnId,
    ) {
        let other = self.project.parsed(at);
        let element = other.unit.function(method);
        let routes: Vec<(ExprId, usize)> = element
            .decorators
            .iter()
            .filter_map(|decorator| {
                let callee = self.matched(at, *decorator).callee?;
                let rule = self.decorator_rule(at, callee, Link::Route)?;
                self.holds(
                    &self.matched(at, *decorator),
                    &self.rule(rule).rule.constraints,
                )
                .then_some((*decorator, rule))
            })
            .collect();
        if routes.is_empty() {
            return;
        }
        // The method of the class itself answers, where it has one.
        let parsed = self.project.parsed(file);
        let own = parsed.methods(class).into_iter().find(|own| {
            let function = parsed.unit.function(*own);
            function.name == element.name && function.params.len() == element.params.len()
        });
        let handler = match own {
            Some(own) => {
                let declares = parsed
                    .unit
                    .function(own)
                    .decorators
                    .iter()
                    .any(|decorator| {
                        let callee = self.matched(file, *decorator).callee;
                        callee
                            .and_then(|callee| self.decorator_rule(file, callee, Link::Route))
                            .is_some()
                    });
                if declares {
                    return;
                }
                Handler::Function(file, own)
            }
            None => Handler::Function(at, method),
        };
        let guards: Vec<GuardUse> = match own {
            Some(_) => {
                let all = element.decorators.iter();
                all.flat_map(|decorator| self.decorator_guards(at, *decorator, "handler"))
                    .collect()
            }
            None => Vec::new(),
        };
        for (decorator, rule) in routes {
            let matched = self.matched(at, decorator);
            let span = other.unit.expr(decorator).span;
            let before = self.routers.borrow()[router.0 as usize].entries.len();
            self.add_route(router, rule, &matched, span, Some(handler.clone()));
            let mut routers = self.routers.borrow_mut();
            for entry in &mut routers[router.0 as usize].entries[before..] {
                if let EntryKind::Route(route) = &mut entry.kind {
                    route.guards.extend(guards.iter().cloned());
                }
            }
        }
    }

    /// A route by a decorator of the repository that is made of a framework's: the path stands at
    /// the handler, the methods at the decorator's declaration, or either at both.
    pub(super) fn register_composed(&self, file: FileId, decorator: ExprId, function: FnId) {
        let parsed = self.project.parsed(file);
        let outer = self.matched(file, decorator);
        let Some(callee) = outer.callee else { return };
        let class = parsed.unit.function(function).class;
        let Some(router) = class.and_then(|class| self.known_router(file, RouterKey::Class(class)))
        else {
            return;
        };
        for (at, inner) in self.on_decorator(file, callee) {
            let matched = self.matched(at, inner);
            let Some(rule_id) = matched
                .callee
                .and_then(|callee| self.decorator_rule(at, callee, Link::Route))
            else {
                continue;
            };
            let rule = &self.rule(rule_id).rule;
            let texts = |matched: &Matched| -> Vec<PathText> {
                let all = self.all_exprs(matched, &rule.path).into_iter();
                all.flat_map(|(file, id)| self.path_texts(file, id))
                    .collect()
            };
            let mut paths = texts(&outer);
            if paths.is_empty() {
                paths = texts(&matched);
            }
            if paths.is_empty() {
                paths.push(PathText::default());
            }
            let methods = self.texts(&matched, &rule.methods);
            let span = parsed.unit.expr(decorator).span;
            for path in paths {
                let route = Route {
                    methods: methods.iter().map(|one| one.to_uppercase()).collect(),
                    path,
                    handler: Some(Handler::Function(file, function)),
                    protocol: rule.protocol.clone(),
                    ..Route::new(rule_id, file, span)
                };
                let kind = EntryKind::Route(route);
                let order = (file, span.end);
                self.push(router, Entry { order, kind });
            }
        }
    }

    /// The guards that a decorator of the repository is made of.
    pub(super) fn composed_guards(
        &self,
        file: FileId,
        callee: ExprId,
        attached: &'static str,
    ) -> Vec<GuardUse> {
        let all = self.on_decorator(file, callee).into_iter();
        self.deeper(|| {
            all.flat_map(|(at, inner)| self.decorator_guards(at, inner, attached))
                .collect()
        })
        .unwrap_or_default()
    }

    /// An error of the repository is a denial by what it is marked with, or by what it derives from.
    pub(super) fn denial_by_class(&self, file: FileId, callee: ExprId) -> Option<String> {
        let Value::Class(at, class) = self.eval(file, callee) else {
            return None;
        };
        let outcome = |loaded: &LoadedRule| {
            let word = loaded.rule.outcome.clone();
            word.unwrap_or_else(|| "denied".to_owned())
        };
        let parsed = self.project.parsed(at);
        let element = parsed.unit.class(class);
        for decorator in &element.decorators {
            let matched = self.matched(at, *decorator);
            let Some(name) = matched.callee else { continue };
            let last = parsed.unit.last_name(name).unwrap_or_default();
            for (rule_id, pattern) in self.index(at).decorators.candidates(last) {
                let loaded = self.rule(rule_id);
                if loaded.rule.link == Some(Link::Denial)
                    && self
                        .name_of(at, name)
                        .is_some_and(|name| loaded.patterns[pattern].matches(&name))
                    && self.holds(&matched, &loaded.rule.constraints)
                {
                    return Some(outcome(loaded));
                }
            }
        }
        for base in &element.bases {
            let last = parsed.unit.last_name(*base).unwrap_or_default();
            for (rule_id, pattern) in self.index(at).names.candidates(last) {
                let loaded = self.rule(rule_id);
                if loaded.rule.link == Some(Link::Denial)
                    && loaded.rule.constraints.is_empty()
                    && loaded.patterns[pattern].matches(last)
                {
                    return Some(outcome(loaded));
                }
            }
            if let Some(found) = self.deeper(|| self.denial_by_class(at, *base)).flatten() {
                return Some(found);
            }
        }
        None
    }
}
