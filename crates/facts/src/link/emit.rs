//! Endpoints: every way from a router that nobody mounts down to a route.

use super::*;
use crate::rule::PathStyle;

/// Mounts are followed no deeper than this.
const MAX_MOUNTS: usize = 24;
/// Endpoints of one revision; a hostile repository must not exhaust memory.
const MAX_ENDPOINTS: usize = 50_000;

/// One endpoint with what was found on its chain.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) protocol: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) framework: usize,
    pub(crate) rule: usize,
    pub(crate) handler: Option<Handler>,
    pub(crate) guards: Vec<GuardUse>,
    /// What could not be resolved on the chain.
    pub(crate) unknown: Vec<String>,
    /// Prefixes, outermost first.
    pub(crate) mounts: Vec<(String, FileId, Span)>,
    pub(crate) file: FileId,
    pub(crate) span: Span,
    pub(crate) heuristic: bool,
}

#[derive(Clone, Default)]
struct Chain {
    prefix: String,
    /// The part of the prefix that a setting puts before everything, and how many mounts it is.
    global: (String, usize),
    guards: Vec<GuardUse>,
    unknown: Vec<String>,
    mounts: Vec<(String, FileId, Span)>,
    stack: Vec<RouterId>,
    heuristic: bool,
    /// Namespaces for names of handlers, and the class of those that name a method only.
    modules: Vec<String>,
    controller: Option<String>,
    /// The prefix of the resource around, without its record: in full, and for routes of a record.
    outside: Option<(String, String)>,
    /// The prefix in front of the outermost resource around.
    before: Option<String>,
    /// Methods of the routes that name none.
    methods: Vec<String>,
    shallow: bool,
}

impl Chain {
    /// The prefix that a place starts from.
    fn base(&self, place: &super::scope::Place) -> &str {
        let shallow = self.shallow && place.member;
        match (&self.outside, &self.before) {
            (_, Some(before)) if shallow && !place.outside => before,
            (Some((_, short)), _) if place.outside && place.member => short,
            (Some((full, _)), _) if place.outside => full,
            _ => &self.prefix,
        }
    }

    /// Takes over what a place says of the routes inside.
    fn enter(
        &mut self,
        place: &super::scope::Place,
        around: &str,
        normal: impl Fn(&str) -> String,
    ) {
        self.modules.extend(place.module.clone());
        if place.controller.is_some() {
            self.controller.clone_from(&place.controller);
        }
        self.shallow |= place.shallow;
        if !place.methods.is_empty() {
            self.methods.clone_from(&place.methods);
        }
        if let Some(outside) = &place.nested {
            let own = normal(outside);
            self.outside = Some((join(around, &own), join(&self.prefix, &own)));
            self.before.get_or_insert_with(|| self.prefix.clone());
        }
    }
}

const VERBS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

impl Linker<'_> {
    /// All endpoints of the revision.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let routers = self.routers.borrow().clone();
        let mut endpoints = Vec::new();
        for (index, router) in routers.iter().enumerate() {
            if router.mounted || router.listed || router.entries.is_empty() {
                continue;
            }
            let mut chain = Chain::default();
            let framework = &self.rules.frameworks[router.framework];
            for prefix in self.prefixes.borrow().iter() {
                if self.under(prefix, router) {
                    let text = &prefix.path.text;
                    chain.prefix = join(&chain.prefix, &self.normal(router.framework, text));
                    chain.mounts.push((text.clone(), prefix.file, prefix.span));
                }
            }
            if let Some((path, file, span)) = self.folder_prefix(router.file) {
                chain.prefix = join(&chain.prefix, &self.normal(router.framework, &path.text));
                chain.mounts.push((path.text, file, span));
            }
            chain.global = (chain.prefix.clone(), chain.mounts.len());
            for global in self.globals.borrow().iter() {
                let other = &self.rules.frameworks[global.framework];
                let reaches = global.framework == router.framework
                    || framework.extends.contains(&other.name)
                    || other.extends.contains(&framework.name);
                if reaches && !global.default {
                    chain.guards.push(global.guard.clone());
                }
            }
            if !router.root {
                let what = if router.name.is_empty() {
                    "a router".to_owned()
                } else {
                    format!("`{}`", router.name)
                };
                let path = self.project.path(router.file);
                chain.heuristic = true;
                chain
                    .unknown
                    .push(format!("where {what} of {path} is mounted"));
            }
            let others = self.other_prefixes.borrow();
            let others = others
                .iter()
                .filter(|(other, _)| *other == router.framework);
            for (framework, path) in others {
                let mut chain = chain.clone();
                chain.prefix = self.normal(*framework, &path.text);
                chain.global.0 = chain.prefix.clone();
                self.walk(&routers, RouterId(index as u32), chain, &mut endpoints);
            }
            self.walk(&routers, RouterId(index as u32), chain, &mut endpoints);
        }
        self.apply_path_rules(&mut endpoints);
        self.apply_services(&mut endpoints);
        self.apply_path_guards(&mut endpoints);
        for endpoint in &mut endpoints {
            self.take_away(endpoint);
        }
        endpoints
    }

    /// Takes away the guards that a call behind the route names, and groups that hold them.
    fn take_away(&self, endpoint: &mut Endpoint) {
        let taken = endpoint.guards.iter();
        let taken: Vec<String> = taken
            .filter(|guard| guard.attached == WITHOUT)
            .map(|guard| guard.text.clone())
            .collect();
        if taken.is_empty() {
            return;
        }
        let aliases = self.aliases.borrow().clone();
        let stands_for = |word: &str| {
            let all = aliases.get(word).into_iter().flatten();
            all.map(|(file, id)| match self.eval(*file, *id) {
                Value::Str(text) => text,
                _ => self.guard_text(*file, *id),
            })
            .collect::<Vec<_>>()
        };
        let names: Vec<String> = taken.iter().flat_map(|word| stands_for(word)).collect();
        endpoint.guards.retain(|guard| {
            let inner = stands_for(&guard.text);
            guard.attached != WITHOUT
                && !taken.contains(&guard.text)
                && !names.contains(&guard.text)
                && !inner.iter().any(|word| taken.contains(word))
        });
    }

    fn normal(&self, framework: usize, path: &str) -> String {
        normal_path(path, self.rules.frameworks[framework].path_style)
    }

    fn walk(&self, routers: &[Router], id: RouterId, chain: Chain, endpoints: &mut Vec<Endpoint>) {
        if chain.stack.contains(&id)
            || chain.stack.len() > MAX_MOUNTS
            || endpoints.len() > MAX_ENDPOINTS
        {
            return;
        }
        let own = &routers[id.0 as usize].prefix;
        let prefixes = match self.alternatives.borrow().get(&id) {
            Some(all) if all.first() == Some(own) => all.clone(),
            _ => vec![own.clone()],
        };
        for prefix in &prefixes {
            self.walk_below(routers, id, prefix, chain.clone(), endpoints);
        }
    }

    fn walk_below(
        &self,
        routers: &[Router],
        id: RouterId,
        own_prefix: &PathText,
        mut chain: Chain,
        endpoints: &mut Vec<Endpoint>,
    ) {
        chain.stack.push(id);
        let router = &routers[id.0 as usize];
        if own_prefix.unknown {
            chain.heuristic = true;
        }
        if !own_prefix.text.is_empty() {
            let place = (own_prefix.text.clone(), router.file, router.span);
            chain.mounts.push(place);
        }
        chain.prefix = join(
            &chain.prefix,
            &self.normal(router.framework, &own_prefix.text),
        );
        chain.guards.extend(router.guards.iter().cloned());
        for entry in &router.entries {
            let reached = |path: &str| -> Vec<GuardUse> {
                let guards = router.entries.iter().filter_map(|other| match &other.kind {
                    EntryKind::Guard {
                        guard,
                        path: limit,
                        applies,
                    } => {
                        let in_order = match applies {
                            Applies::All => true,
                            Applies::After => {
                                other.order.0 != entry.order.0 || other.order.1 < entry.order.1
                            }
                            Applies::Before => {
                                other.order.0 != entry.order.0 || other.order.1 > entry.order.1
                            }
                        };
                        let in_path = limit.as_ref().is_none_or(|limit| {
                            let limit =
                                join(&chain.prefix, &self.normal(router.framework, &limit.text));
                            let limit = limit.trim_end_matches('*').trim_end_matches('/');
                            path.strip_prefix(limit)
                                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                        });
                        (in_order && in_path).then(|| guard.clone())
                    }
                    _ => None,
                });
                guards.collect()
            };
            match &entry.kind {
                EntryKind::Guard { .. } => {}
                EntryKind::Mount(mount) => {
                    let mut inner = chain.clone();
                    let prefix = self.normal(router.framework, &mount.prefix.text);
                    if let Some(place) = &mount.place {
                        inner.prefix = inner.base(place).to_owned();
                        inner.enter(place, &chain.prefix, |path| {
                            self.normal(router.framework, path)
                        });
                    }
                    inner.prefix = join(&inner.prefix, &prefix);
                    if mount.whole {
                        inner.guards.extend(reached(&inner.prefix));
                        inner.prefix = String::new();
                    }
                    inner.heuristic |= mount.prefix.unknown;
                    if !mount.whole {
                        inner.guards.extend(reached(&inner.prefix));
                    }
                    inner.guards.extend(mount.guards.iter().cloned());
                    if !prefix.is_empty() {
                        inner
                            .mounts
                            .push((mount.prefix.text.clone(), mount.file, mount.span));
                    }
                    if mount.replaces_prefix {
                        let mut replaced = routers.to_vec();
                        replaced[mount.child.0 as usize].prefix = PathText::default();
                        self.walk(&replaced, mount.child, inner, endpoints);
                    } else {
                        self.walk(routers, mount.child, inner, endpoints);
                    }
                }
                EntryKind::Route(route) => {
                    let mut own = self.normal(self.rule(route.rule).framework, &route.path.text);
                    if !own.ends_with(&*router.tail) {
                        own.push_str(&router.tail);
                    }
                    let absolute = self.rule(route.rule).rule.absolute.iter();
                    let mut marks =
                        absolute.filter_map(|mark| route.path.text.strip_prefix(&**mark));
                    let (prefix, chain) = match (marks.next(), &route.place) {
                        // The path stands in place of the class's own.
                        (Some(rest), _) => {
                            own = self.normal(self.rule(route.rule).framework, &format!("/{rest}"));
                            let mut outer = chain.clone();
                            outer.mounts.truncate(chain.global.1);
                            (chain.global.0.clone(), outer)
                        }
                        (None, Some(place)) => (chain.base(place).to_owned(), chain.clone()),
                        (None, None) => (chain.prefix.clone(), chain.clone()),
                    };
                    let http = route.protocol.as_deref().is_none_or(|name| name == "http");
                    for version in self.version_segments(route.rule, route.handler.as_ref()) {
                        let path = join(&prefix, &own);
                        let rest = path
                            .strip_prefix(&*chain.global.0)
                            .unwrap_or(&path)
                            .to_owned();
                        let path = match () {
                            () if !http => path,
                            () if self.left_out(router.framework, &rest) => join(&version, &rest),
                            () if version.is_empty() => path,
                            () => join(&join(&chain.global.0, &version), &rest),
                        };
                        let path = self.filled(route, path);
                        let mut guards = chain.guards.clone();
                        guards.extend(reached(&path));
                        guards.extend(route.guards.iter().cloned());
                        guards.retain(|guard| !self.spares(guard, &path));
                        if http || chain.global.1 == 0 {
                            self.route(route, &path, guards, &chain, endpoints);
                        } else {
                            // A prefix for everything is one for everything that has paths.
                            let (global, mounts) = &chain.global;
                            let rest = chain.prefix.strip_prefix(global.as_str());
                            let path = join(rest.unwrap_or(&chain.prefix), &own);
                            let mut chain = chain.clone();
                            chain.mounts.drain(..mounts);
                            self.route(route, &path, guards, &chain, endpoints);
                        }
                    }
                }
            }
        }
    }

    /// The path with the names of what answers in place of the words that stand for them.
    fn filled(&self, route: &Route, path: String) -> String {
        let tokens = &self.rules.frameworks[self.rule(route.rule).framework].tokens;
        if tokens.class.is_empty() && tokens.function.is_empty() {
            return path;
        }
        let (Some(Handler::Function(file, function)) | Some(Handler::Method(_, file, function))) =
            route.handler
        else {
            return path;
        };
        let unit = &self.project.parsed(file).unit;
        let element = unit.function(function);
        let class = element.class.map(|class| {
            let class = unit.class(class);
            match tokens.qualified {
                true => &*class.qualified,
                false => &*class.name,
            }
        });
        let framework = self.rule(route.rule).framework;
        let style = |name: &str| self.styled(framework, name);
        tokens.fill(&path, class, Some(&element.name), &style)
    }

    fn route(
        &self,
        route: &Route,
        path: &str,
        guards: Vec<GuardUse>,
        chain: &Chain,
        endpoints: &mut Vec<Endpoint>,
    ) {
        let before = endpoints.len();
        let joined = &self.rules.frameworks[self.rule(route.rule).framework].joined;
        let path = match joined {
            Some(mark) if path.len() > 1 => &format!("/{}", path[1..].replace('/', mark)),
            _ => path,
        };
        self.all_of_route(route, path, guards, chain, endpoints);
        for endpoint in &mut endpoints[before..] {
            self.settle(&mut endpoint.guards, endpoint.handler.as_ref());
        }
    }

    fn all_of_route(
        &self,
        route: &Route,
        path: &str,
        guards: Vec<GuardUse>,
        chain: &Chain,
        endpoints: &mut Vec<Endpoint>,
    ) {
        let loaded = self.rule(route.rule);
        let found = route.named.as_ref().filter(|_| route.handler.is_none());
        let found = found.map(|named| {
            let controller = chain.controller.as_deref();
            let framework = loaded.framework;
            self.named_handler(route.file, framework, named, &chain.modules, controller)
        });
        let resolved;
        let route = match found {
            Some(handler) => {
                resolved = Route {
                    handler: Some(handler),
                    ..route.clone()
                };
                &resolved
            }
            None => route,
        };
        let limited;
        let route = match route.methods.is_empty() && !chain.methods.is_empty() {
            true => {
                limited = Route {
                    methods: chain.methods.clone(),
                    ..route.clone()
                };
                &limited
            }
            false => route,
        };
        let base = Endpoint {
            protocol: route.protocol.clone().unwrap_or_else(|| "http".to_owned()),
            method: String::new(),
            path: path.to_owned(),
            framework: loaded.framework,
            rule: route.rule,
            handler: route.handler.clone(),
            guards,
            unknown: [&chain.unknown[..], loaded.rule.unknown.as_slice()].concat(),
            mounts: chain.mounts.clone(),
            file: route.file,
            span: route.span,
            heuristic: chain.heuristic || route.path.unknown,
        };
        match &route.handler {
            Some(Handler::Class(file, class)) => {
                self.class_routes(route, base, *file, *class, endpoints)
            }
            Some(Handler::Method((file, class), at, function)) => {
                let mut endpoint = base;
                let parsed = self.project.parsed(*at);
                let name = &parsed.unit.function(*function).name;
                endpoint.guards.extend(self.class_guards(*file, *class));
                endpoint
                    .guards
                    .extend(self.class_call_guards(*file, *class, name));
                self.function_guards(&mut endpoint, *at, *function);
                push(endpoints, endpoint, &route.methods);
            }
            Some(Handler::Function(file, function)) => {
                let mut endpoint = base;
                let mut methods = route.methods.clone();
                self.function_guards(&mut endpoint, *file, *function);
                if let Some(class) = self.project.parsed(*file).unit.function(*function).class
                    && self.known_router(*file, RouterKey::Class(class)).is_none()
                {
                    endpoint.guards.extend(self.class_guards(*file, class));
                }
                if methods.is_empty() {
                    methods = self.declared_methods(*file, *function);
                }
                if methods.is_empty() {
                    methods.extend(loaded.rule.default_method.clone());
                }
                if self.rule(route.rule).rule.link == Some(Link::Route) && route.guards.is_empty() {
                    self.defaults(&mut endpoint, None);
                }
                push(endpoints, endpoint, &methods);
            }
            _ => {
                let mut endpoint = base;
                if loaded.rule.link == Some(Link::Router) {
                    self.defaults(&mut endpoint, None);
                }
                if let Some(Handler::Other(words)) = &route.handler {
                    match self.definite(route.file, words) {
                        // A handler of a package that is known to let in whom it should.
                        Some(class @ Classified::Guard { .. }) => endpoint.guards.push(GuardUse {
                            body: None,
                            file: route.file,
                            span: route.span,
                            text: words.clone(),
                            class,
                            attached: "handler",
                        }),
                        Some(Classified::Not) => {}
                        _ if endpoint.guards.is_empty() => {
                            endpoint.unknown.push(format!("the handler `{words}`"));
                        }
                        _ => {}
                    }
                }
                push(endpoints, endpoint, &route.methods);
            }
        }
    }

    /// Methods that decorators of a handler allow: `@require_POST`.
    fn declared_methods(&self, file: FileId, function: FnId) -> Vec<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        for decorator in &unit.function(function).decorators {
            let matched = self.matched(file, *decorator);
            let Some(callee) = matched.callee else {
                continue;
            };
            let Some(last) = unit.last_name(callee) else {
                continue;
            };
            for (rule_id, pattern) in self.index(file).decorators.candidates(last) {
                let loaded = self.rule(rule_id);
                if loaded.rule.link == Some(Link::View)
                    && self
                        .name_of(file, callee)
                        .is_some_and(|name| loaded.patterns[pattern].matches(&name))
                {
                    let methods = self.texts(&matched, &loaded.rule.methods);
                    if !methods.is_empty() {
                        return methods.iter().map(|method| method.to_uppercase()).collect();
                    }
                }
            }
        }
        Vec::new()
    }

    fn function_guards(&self, endpoint: &mut Endpoint, file: FileId, function: FnId) {
        let parsed = self.project.parsed(file);
        for decorator in &parsed.unit.function(function).decorators {
            endpoint
                .guards
                .extend(self.decorator_guards(file, *decorator, "handler"));
        }
        endpoint
            .guards
            .extend(self.parameter_guards(file, function));
        let own = self.body_guard(file, function, &endpoint.path);
        endpoint.guards.extend(own);
        if !endpoint.guards.iter().any(GuardUse::asks_caller) {
            let handed_on = self.answered_by(file, function, &endpoint.path);
            endpoint.guards.extend(handed_on);
        }
    }

    /// Guards that hold where the class says nothing.
    fn defaults(&self, endpoint: &mut Endpoint, class: Option<(FileId, ClassId)>) {
        let framework = &self.rules.frameworks[endpoint.framework];
        let frameworks: Vec<usize> = match class {
            // A class may come from another framework than the route.
            Some((file, class)) => self.class_frameworks(file, class, 0),
            None => Vec::new(),
        };
        for global in self.globals.borrow().iter() {
            let other = &self.rules.frameworks[global.framework];
            let reaches = frameworks.contains(&global.framework) || framework.name == other.name;
            if global.default && reaches {
                endpoint.guards.push(global.guard.clone());
            }
        }
    }

    fn class_frameworks(&self, file: FileId, class: ClassId, depth: u32) -> Vec<usize> {
        let mut all = Vec::new();
        if depth > 8 {
            return all;
        }
        let parsed = self.project.parsed(file);
        for base in &parsed.unit.class(class).bases {
            match self.eval(file, *base) {
                Value::Class(at, base) => all.extend(self.class_frameworks(at, base, depth + 1)),
                Value::External(path) => {
                    for (rule, pattern) in self
                        .index(file)
                        .classes
                        .candidates(path.rsplit('.').next().unwrap_or(&path))
                    {
                        if self.rule(rule).patterns[pattern].matches(&path) {
                            all.push(self.rule(rule).framework);
                        }
                    }
                }
                _ => {}
            }
        }
        all
    }

    fn class_routes(
        &self,
        route: &Route,
        base: Endpoint,
        file: FileId,
        class: ClassId,
        endpoints: &mut Vec<Endpoint>,
    ) {
        let mut class_guards = self.class_guards(file, class);
        if let Some(method) = route
            .named
            .as_ref()
            .and_then(|named| named.method.as_deref())
        {
            // A method that the class has from outside.
            class_guards.extend(self.class_call_guards(file, class, method));
        }
        let said = self.says_guards(file, class, 0);
        let rule = &self.rule(route.rule).rule;
        let actions = match rule.link == Some(Link::Route) && !rule.actions.is_empty() {
            true => self.answering_methods(route.rule, file, class),
            false => self.actions(file, class),
        };
        let mut base = base;
        base.guards.extend(class_guards);
        if !said {
            self.defaults(&mut base, Some((file, class)));
        }
        if actions.is_empty() {
            let mut methods = route.methods.clone();
            if methods.is_empty() {
                methods = self.method_limits(file, class);
            }
            if methods.is_empty() {
                methods.extend(self.rule(route.rule).rule.default_method.clone());
            }
            push(endpoints, base, &methods);
            return;
        }
        let framework = base.framework;
        for action in actions {
            if !route.methods.is_empty()
                && !action.method.is_empty()
                && !route.methods.contains(&action.method)
            {
                continue;
            }
            let mut endpoint = base.clone();
            if !action.suffix.is_empty() {
                let slash = endpoint.path.ends_with('/');
                endpoint.path = join(&endpoint.path, &self.normal(framework, &action.suffix));
                if slash && !endpoint.path.ends_with('/') {
                    endpoint.path.push('/');
                }
            }
            if let Some((at, function)) = action.function {
                endpoint.handler = Some(Handler::Function(at, function));
                let parsed = self.project.parsed(at);
                endpoint.file = at;
                endpoint.span = parsed.unit.function(function).head;
                if !action.guards.is_empty() || action.overrides {
                    // What is said at the method stands in place of the class.
                    endpoint.guards.retain(|guard| {
                        guard.attached != "class" && guard.attached != "setting"
                            || matches!(guard.class, Classified::Not)
                    });
                    endpoint.guards.extend(action.guards.iter().cloned());
                }
                self.function_guards(&mut endpoint, at, function);
            } else {
                endpoint.handler = Some(Handler::Class(file, class));
            }
            let methods: Vec<String> = if action.method.is_empty() {
                route.methods.clone()
            } else {
                vec![action.method.clone()]
            };
            push(endpoints, endpoint, &methods);
        }
    }

    /// What a class answers to: its own methods named after HTTP's, what its bases answer, and
    /// routes that its methods declare.
    fn actions(&self, file: FileId, class: ClassId) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        self.collect_actions(file, class, &mut actions, 0);
        let limits = self.method_limits(file, class);
        if !limits.is_empty() {
            actions.retain(|action| action.method.is_empty() || limits.contains(&action.method));
        }
        actions
    }

    /// The methods of a handler's class that answer by the rule of its route.
    fn answering_methods(&self, rule_id: usize, file: FileId, class: ClassId) -> Vec<Action> {
        let rule = &self.rule(rule_id).rule;
        let all = rule.actions.iter().filter_map(|(name, words)| {
            let (verb, suffix) = words.split_once(' ').unwrap_or((words, ""));
            let function = self.method_named(file, class, name)?;
            Some(Action {
                method: verb.to_owned(),
                suffix: suffix.to_owned(),
                function: Some(function),
                guards: Vec::new(),
                overrides: false,
            })
        });
        all.collect()
    }

    fn method_limits(&self, file: FileId, class: ClassId) -> Vec<String> {
        let parsed = self.project.parsed(file);
        for attribute in &self.index(file).method_attributes {
            for member in parsed.members(class, attribute) {
                let crate::project::Member::Field(at) = member else {
                    continue;
                };
                let Some(value) = parsed.unit.assigns[*at as usize].value else {
                    continue;
                };
                let mut all = Vec::new();
                self.flatten(file, value, &mut all, 0);
                return all
                    .iter()
                    .filter_map(|(file, id)| self.word(*file, *id))
                    .map(|word| word.to_uppercase())
                    .collect();
            }
        }
        Vec::new()
    }

    fn collect_actions(&self, file: FileId, class: ClassId, actions: &mut Vec<Action>, depth: u32) {
        if depth > 8 {
            return;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        for method in parsed.methods(class) {
            let function = unit.function(method);
            let routed = self.known_router(file, RouterKey::Function(method));
            if VERBS.contains(&&*function.name) && routed.is_none() {
                let verb = function.name.to_uppercase();
                if !actions
                    .iter()
                    .any(|action| action.method == verb && action.suffix.is_empty())
                {
                    actions.push(Action {
                        method: verb,
                        suffix: String::new(),
                        function: Some((file, method)),
                        guards: Vec::new(),
                        overrides: false,
                    });
                }
            }
            if let Some(router) = routed {
                let routes: Vec<Route> = self.routers.borrow()[router.0 as usize]
                    .entries
                    .iter()
                    .filter_map(|entry| match &entry.kind {
                        EntryKind::Route(route) => Some(route.clone()),
                        _ => None,
                    })
                    .collect();
                for route in routes {
                    let rule = &self.rule(route.rule).rule;
                    let name = if route.path.text.is_empty() {
                        function.name.to_string()
                    } else {
                        route.path.text.clone()
                    };
                    let suffix = match &rule.suffix {
                        Some(suffix) if !suffix.is_empty() => format!("{suffix}/{name}"),
                        _ => name,
                    };
                    let methods = if route.methods.is_empty() {
                        vec!["GET".to_owned()]
                    } else {
                        route.methods.clone()
                    };
                    for verb in methods {
                        actions.push(Action {
                            method: verb,
                            suffix: suffix.clone(),
                            function: Some((file, method)),
                            guards: route.guards.clone(),
                            overrides: !route.guards.is_empty(),
                        });
                    }
                }
            }
        }
        for base in &unit.class(class).bases {
            let value = self.eval(file, *base);
            let path = match &value {
                Value::External(path) => Some(path.clone()),
                Value::Class(..) => self.name_of(file, *base),
                _ => None,
            };
            if let Value::Class(at, base) = value
                && (at, base) != (file, class)
            {
                self.collect_actions(at, base, actions, depth + 1);
            }
            let Some(path) = path else { continue };
            let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
            for (rule_id, pattern) in self.index(file).classes.candidates(&last) {
                let loaded = self.rule(rule_id);
                if loaded.rule.link != Some(Link::View) || !loaded.patterns[pattern].matches(&path)
                {
                    continue;
                }
                for (name, words) in &loaded.rule.actions {
                    let (verb, suffix) = words.split_once(' ').unwrap_or((words, ""));
                    if actions
                        .iter()
                        .any(|action| action.method == verb && action.suffix == suffix)
                    {
                        continue;
                    }
                    let own = self.method_named(file, class, name);
                    if loaded.rule.own && own.is_none() {
                        continue;
                    }
                    actions.push(Action {
                        method: verb.to_owned(),
                        suffix: suffix.to_owned(),
                        function: own,
                        guards: Vec::new(),
                        overrides: false,
                    });
                }
            }
        }
    }

    fn method_named(&self, file: FileId, class: ClassId, name: &str) -> Option<(FileId, FnId)> {
        match self.class_member(file, class, name, 0) {
            Value::Function(file, function) => Some((file, function)),
            _ => None,
        }
    }
}

struct Action {
    method: String,
    suffix: String,
    function: Option<(FileId, FnId)>,
    guards: Vec<GuardUse>,
    overrides: bool,
}

fn push(endpoints: &mut Vec<Endpoint>, endpoint: Endpoint, methods: &[String]) {
    if methods.is_empty() {
        endpoints.push(Endpoint {
            method: "ANY".to_owned(),
            ..endpoint
        });
        return;
    }
    for method in methods {
        let method = match method.as_str() {
            "ALL" | "*" => "ANY",
            method => method,
        };
        endpoints.push(Endpoint {
            method: method.to_owned(),
            ..endpoint.clone()
        });
    }
}

/// Joins two normalised pieces with one slash between them.
fn join(prefix: &str, path: &str) -> String {
    match (prefix, path) {
        ("", path) => path.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, path) => format!(
            "{}/{}",
            prefix.trim_end_matches('/'),
            path.trim_start_matches('/')
        ),
    }
}

/// A path with its parameters as `{name}` and a slash in front.
pub(crate) fn normal_path(path: &str, style: PathStyle) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut text = match style {
        PathStyle::Angle => angle(path),
        PathStyle::Colon => colon(path),
        PathStyle::Optional => optional(path),
        PathStyle::Brace => brace(path),
        PathStyle::Group => group(path),
        // Both of a framework's notations: anchors and groups, or angle brackets.
        PathStyle::Regex => {
            if path.contains("(?P")
                || path.starts_with('^')
                || path.ends_with('$')
                || path.contains('\\')
                || path.contains('(')
            {
                regex(path)
            } else {
                angle(path)
            }
        }
    };
    while text.contains("//") {
        text = text.replace("//", "/");
    }
    if !text.starts_with('/') {
        text.insert(0, '/');
    }
    text
}

/// What says of a parameter what it must look like.
const CONVERTERS: [&str; 8] = [
    "string", "int", "float", "path", "uuid", "any", "slug", "re",
];

fn angle(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(open) = rest.find('<') {
        let Some(close) = rest[open..].find('>') else {
            break;
        };
        out.push_str(&rest[..open]);
        let inner = &rest[open + 1..open + close];
        // Flask's converter stands in front; Rocket's rest (`<path..>`) and Bottle's filter behind.
        let (first, last) = inner.split_once(':').unwrap_or((inner, inner));
        let converter = CONVERTERS.contains(&first);
        let filter = last.split(':').next().unwrap_or(last);
        let name = match first.contains("..") || !converter && CONVERTERS.contains(&filter) {
            true => first,
            false => inner.rsplit(':').next().unwrap_or(inner),
        };
        out.push_str(&format!("{{{}}}", name.trim_end_matches("..").trim()));
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    // The query is no part of the path; the mark of an unknown part, `{?}`, is none.
    let mut depth = 0;
    let end = out.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == '?' && depth == 0
    });
    out.truncate(end.unwrap_or(out.len()));
    out
}

/// The name that a path goes on with.
fn word(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut name = String::new();
    while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
        name.push(c);
    }
    name
}

/// `(:num)` is `{num}`; a group of another kind has no name.
fn group(path: &str) -> String {
    let mut out = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        if c != '(' {
            out.push(c);
            continue;
        }
        let mut inner = String::new();
        let mut depth = 1;
        for c in chars.by_ref() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if depth == 0 {
                break;
            }
            inner.push(c);
        }
        let name = inner.strip_prefix(':').unwrap_or("part");
        out.push_str(&format!("{{{name}}}"));
    }
    out
}

fn colon(path: &str) -> String {
    let mut out = String::new();
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ':' if chars.peek().is_some_and(|c| c.is_alphabetic() || *c == '_') => {
                let name = word(&mut chars);
                // `:id(\\d+)`
                if chars.peek() == Some(&'(') {
                    let mut depth = 0;
                    for c in chars.by_ref() {
                        depth += i32::from(c == '(') - i32::from(c == ')');
                        if depth == 0 {
                            break;
                        }
                    }
                }
                if matches!(chars.peek(), Some('?' | '+' | '*')) {
                    chars.next();
                }
                out.push_str(&format!("{{{name}}}"));
            }
            // Anchors, marks and optional parts of a pattern: `/^:kind(a|b)$`, `/?:page`.
            '^' | '\\' => {}
            '$' if matches!(chars.peek(), None | Some('/')) => {}
            '?' if chars.peek() == Some(&':') => {}
            // `*rest`: a named rest; a bare `*` stays.
            '*' if chars.peek().is_some_and(|c| c.is_alphabetic() || *c == '_') => {
                let name = word(&mut chars);
                out.push_str(&format!("{{{name}}}"));
            }
            _ => out.push(c),
        }
    }
    out
}

/// Optional parts in brackets are there, unless they only name a format.
fn optional(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("(.:format)") {
            rest = &rest["(.:format)".len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        let name = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        match c {
            '(' | ')' => {
                rest = rest.trim_start_matches('?');
            }
            ':' | '*' if name > 0 => {
                out.push_str(&format!("{{{}}}", &rest[..name]));
                rest = rest[name..].trim_start_matches('?');
            }
            c => out.push(c),
        }
    }
    out
}

fn brace(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(open) = rest.find('{') {
        let mut depth = 0;
        let close = rest[open..].char_indices().find(|(_, c)| {
            depth += i32::from(*c == '{') - i32::from(*c == '}');
            depth == 0
        });
        let Some((close, _)) = close else { break };
        out.push_str(&rest[..open]);
        let inner = rest[open + 1..open + close].trim_start_matches('*');
        let name = inner.split(':').next().unwrap_or(inner);
        // `{$}` only says that the path ends here; `{rest...}` takes all that follows.
        if name != "$" {
            out.push_str(&format!("{{{}}}", name.trim_end_matches("...")));
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    if out.contains(':') { colon(&out) } else { out }
}

fn regex(path: &str) -> String {
    let path = path
        .trim_start_matches('^')
        .trim_end_matches('$')
        .trim_end_matches("\\Z");
    let mut out = String::new();
    let chars: Vec<char> = path.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '(' => {
                let start = at;
                let mut depth = 0;
                while at < chars.len() {
                    if chars[at] == '\\' {
                        at += 2;
                        continue;
                    }
                    depth += i32::from(chars[at] == '(') - i32::from(chars[at] == ')');
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
                let group: String = chars[start..at.min(chars.len())].iter().collect();
                if let Some(rest) = group.strip_prefix("(?P<") {
                    let name = rest.split('>').next().unwrap_or_default();
                    out.push_str(&format!("{{{name}}}"));
                } else if let Some(rest) = group.strip_prefix("(?:") {
                    // An optional or alternative part without a name is kept as one parameter if
                    // it has alternatives, dropped if it is only optional text.
                    let inner = rest.trim_end_matches(')');
                    if !matches!(chars.get(at), Some('?')) {
                        out.push_str(&regex(inner));
                    }
                } else {
                    out.push_str("{}");
                }
                if matches!(chars.get(at), Some('?' | '*' | '+')) {
                    at += 1;
                }
            }
            '\\' => {
                if let Some(next) = chars.get(at + 1).filter(|next| !next.is_alphanumeric()) {
                    out.push(*next);
                }
                at += 2;
            }
            // The mark of an unknown part is no quantifier.
            '{' if chars[at..].starts_with(&['{', '?', '}']) => {
                out.push_str(UNKNOWN);
                at += 3;
            }
            '?' | '$' | '^' => at += 1,
            c => {
                out.push(c);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        let check =
            |path: &str, style, expected: &str| assert_eq!(normal_path(path, style), expected);
        check("/users/<int:id>", PathStyle::Angle, "/users/{id}");
        check("/files/<path..>", PathStyle::Angle, "/files/{path}");
        check("/users/<id:int>", PathStyle::Angle, "/users/{id}");
        check("/files/<file:re:[a-z]+>", PathStyle::Angle, "/files/{file}");
        check("/files/<path:path>", PathStyle::Angle, "/files/{path}");
        check("/u/:id(\\d+)/x/:y?", PathStyle::Colon, "/u/{id}/x/{y}");
        check(
            "/u/{id:[0-9]{2}}/{*rest}",
            PathStyle::Brace,
            "/u/{id}/{rest}",
        );
        check("/files/*path", PathStyle::Colon, "/files/{path}");
        check(
            "users/(:num)/(a|b)",
            PathStyle::Group,
            "/users/{num}/{part}",
        );
        check("/files/*", PathStyle::Colon, "/files/*");
        check("/files/{path...}", PathStyle::Brace, "/files/{path}");
        check("/{$}", PathStyle::Brace, "/");
        check(
            "/u(/:id(/p/:page))(.:format)",
            PathStyle::Optional,
            "/u/{id}/p/{page}",
        );
        check(
            "/~:name.json/*rest",
            PathStyle::Optional,
            "/~{name}.json/{rest}",
        );
        check("/a/:b?/*", PathStyle::Optional, "/a/{b}/*");
        check("^u/(?P<pk>[0-9]+)/$", PathStyle::Regex, "/u/{pk}/");
        check("u/<uuid:code>/", PathStyle::Regex, "/u/{code}/");
        check("^{?}", PathStyle::Regex, "/{?}");
        check("{?}", PathStyle::Regex, "/{?}");
        check("/{?}/a?b", PathStyle::Angle, "/{?}/a");
        check("^a\\.json$", PathStyle::Regex, "/a.json");
    }
}
