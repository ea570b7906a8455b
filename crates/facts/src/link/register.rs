//! Finds routers, routes, mounts and guards in the files and hangs them onto each other.

use super::select::Matched;
use super::*;
use crate::language::ModuleStyle;
use crate::rule::{On, Rule};

/// Routers are handed on from function to function no further than this.
const MAX_HANDED: u32 = 4;

impl<'a> Linker<'a> {
    /// The router that a call makes or is called on, by the rules.
    pub(super) fn router_of_call(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
        args: &[Arg],
    ) -> Option<RouterId> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        // `require("fastify")()`: the module itself is called.
        let made = match unit.kind(callee) {
            ExprKind::Call { .. } => match self.eval(file, callee) {
                Value::External(path) => path.rsplit('.').next().map(str::to_owned),
                _ => None,
            },
            _ => None,
        };
        let last = unit.last_name(callee).or(made.as_deref())?;
        for (rule_id, pattern) in self.call_rules(file, callee, last) {
            let loaded = self.rule(rule_id);
            let Some(
                link @ (Link::Router | Link::Route | Link::Mount | Link::Handler | Link::Guard),
            ) = loaded.rule.link
            else {
                continue;
            };
            if loaded.rule.scoped || loaded.rule.in_class {
                continue;
            }
            let pattern = &loaded.patterns[pattern];
            let matched = Matched {
                file,
                callee: Some(callee),
                args: args.to_vec(),
                value: Some(id),
            };
            if let Some(receiver) = &pattern.receiver {
                if receiver != "$router" || !pattern.matches(last) {
                    continue;
                }
                let ExprKind::Member { object, .. } = unit.kind(callee) else {
                    continue;
                };
                let Some(router) = self.receiver(file, *object, rule_id, &matched) else {
                    continue;
                };
                if link != Link::Router {
                    return Some(router);
                }
                if !self.holds(&matched, &loaded.rule.constraints) {
                    continue;
                }
                let child = self.make_router(rule_id, &matched, id, None);
                let span = unit.expr(id).span;
                if child.1 {
                    self.hang(router, child.0, file, span);
                }
                return Some(child.0);
            }
            let Some(name) = self.name_of(file, callee) else {
                continue;
            };
            if !pattern.matches(&name)
                || !self.allowed(file, loaded)
                || !self.holds(&matched, &loaded.rule.constraints)
            {
                continue;
            }
            match link {
                Link::Router => return Some(self.make_router(rule_id, &matched, id, None).0),
                Link::Mount => {
                    let mut routers = Vec::new();
                    for (child_file, child) in self.exprs(&matched, &loaded.rule.child) {
                        // Beside a list of routes a text is its name: `include((routes, "app"))`.
                        let text = matches!(self.eval(child_file, child), Value::Str(_));
                        if routers.is_empty() || !text {
                            routers.extend(self.routers_of(child_file, child));
                        }
                    }
                    return match routers[..] {
                        [] => None,
                        [one] => match self.path(&matched, &loaded.rule.path) {
                            // A prefix that is a setting is taken away, whatever it is.
                            Some(path) if !path.text.is_empty() && path.text != UNKNOWN => {
                                Some(self.below(file, id, loaded.framework, path, one))
                            }
                            _ => Some(one),
                        },
                        _ => Some(self.group(file, id, loaded.framework, &routers)),
                    };
                }
                Link::Route => {
                    let (router, fresh) = self.make_router(rule_id, &matched, id, None);
                    if fresh {
                        self.routers.borrow_mut()[router.0 as usize].root = loaded.rule.root;
                        self.routers.borrow_mut()[router.0 as usize].listed = !loaded.rule.root;
                        self.routers.borrow_mut()[router.0 as usize].prefix = PathText::default();
                        self.routers.borrow_mut()[router.0 as usize].guards.clear();
                        self.add_route(router, rule_id, &matched, unit.expr(id).span, None);
                    }
                    return Some(router);
                }
                _ => {}
            }
        }
        // A class of the repository that derives from a router class.
        let target = match self.eval(file, callee) {
            Value::Class(file, class) => (file, class),
            _ => return None,
        };
        let rule_id = self.router_rule_of_class(target.0, target.1, 0)?;
        let matched = Matched {
            file,
            callee: Some(callee),
            args: args.to_vec(),
            value: Some(id),
        };
        let (router, fresh) = self.make_router(rule_id, &matched, id, None);
        if fresh {
            let inherited = self.inherited_arguments(target.0, target.1, rule_id);
            let mut routers = self.routers.borrow_mut();
            let router = &mut routers[router.0 as usize];
            router.guards.extend(inherited.0);
            if router.prefix.text.is_empty() {
                router.prefix = inherited.1;
            }
        }
        Some(router)
    }

    /// Guards and prefix that a router class gives in its constructor: `super().__init__(…)`.
    fn inherited_arguments(
        &self,
        file: FileId,
        class: ClassId,
        rule_id: usize,
    ) -> (Vec<GuardUse>, PathText) {
        let parsed = self.project.parsed(file);
        let rule = &self.rule(rule_id).rule;
        let (mut guards, mut prefix) = (Vec::new(), PathText::default());
        for id in parsed.unit.inside(parsed.unit.class(class).span) {
            let ExprKind::Call { callee, args } = parsed.unit.kind(id) else {
                continue;
            };
            let ExprKind::Member { object, .. } = parsed.unit.kind(*callee) else {
                continue;
            };
            let on_super = match parsed.unit.kind(*object) {
                ExprKind::Call { callee, .. } => {
                    matches!(parsed.unit.kind(*callee), ExprKind::Name(name) if &**name == "super")
                }
                _ => false,
            };
            if on_super {
                let matched = Matched {
                    file,
                    callee: Some(*callee),
                    args: args.clone(),
                    value: Some(id),
                };
                guards.extend(self.guard_uses(&matched, &rule.guards, "router"));
                prefix = self
                    .path(&matched, &rule.path)
                    .filter(|path| !path.unknown)
                    .unwrap_or(prefix);
            }
        }
        (guards, prefix)
    }

    /// The rule by which instances of a class are routers.
    fn router_rule_of_class(&self, file: FileId, class: ClassId, hops: u32) -> Option<usize> {
        if hops > 6 {
            return None;
        }
        let parsed = self.project.parsed(file);
        for base in &parsed.unit.class(class).bases {
            match self.eval(file, *base) {
                Value::Class(file, class) => {
                    if let Some(rule) = self.router_rule_of_class(file, class, hops + 1) {
                        return Some(rule);
                    }
                }
                Value::External(path) => {
                    let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
                    for (rule, pattern) in self.index(file).calls.candidates(&last) {
                        let loaded = self.rule(rule);
                        let pattern = &loaded.patterns[pattern];
                        if loaded.rule.link == Some(Link::Router)
                            && pattern.receiver.is_none()
                            && pattern.matches(&path)
                        {
                            return Some(rule);
                        }
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn make_router(
        &self,
        rule_id: usize,
        matched: &Matched,
        id: ExprId,
        key: Option<RouterKey>,
    ) -> (RouterId, bool) {
        let file = matched.file;
        if let Some(known) = self.known_router(file, key.unwrap_or(RouterKey::Expr(id))) {
            return (known, false);
        }
        let loaded = self.rule(rule_id);
        let rule = &loaded.rule;
        let parsed = self.project.parsed(file);
        let prefix = self.path(matched, &rule.path).unwrap_or_default();
        let guards = self.guard_uses(
            matched,
            &rule.guards,
            if rule.root { "app" } else { "router" },
        );
        let name = parsed
            .unit
            .assigns
            .iter()
            .find(|assign| assign.value == Some(id))
            .and_then(|assign| assign.name.as_deref())
            .unwrap_or_default()
            .to_owned();
        let tail = self.texts(matched, &rule.tail).into_iter().next();
        let (router, fresh) = self.router(file, key.unwrap_or(RouterKey::Expr(id)), || Router {
            name,
            prefix,
            tail: tail.unwrap_or_default(),
            guards,
            root: rule.root,
            single: rule.single,
            listed: rule.promises,
            ..Router::new(loaded.framework, file, parsed.unit.expr(id).span)
        });
        if fresh {
            self.add_listed(router, rule_id, matched);
            self.add_keyed(router, rule_id, matched);
            self.gather(router, rule_id, matched);
            if let Some(method) = &rule.index {
                let span = parsed.unit.expr(id).span;
                let route = Route {
                    methods: vec![method.clone()],
                    ..Route::new(rule_id, file, span)
                };
                self.push_at(router, (file, span.end), EntryKind::Route(route));
            }
            let span = parsed.unit.expr(id).span;
            for (at, parent) in self.exprs(matched, &rule.parent) {
                for parent in self.routers_of(at, parent) {
                    self.hang(parent, router, file, span);
                }
            }
        }
        (router, fresh)
    }

    /// Hangs a list of routes onto a router: `routes=[…]`, `urlpatterns = […]`.
    fn add_listed(&self, router: RouterId, rule_id: usize, matched: &Matched) {
        let rule = &self.rule(rule_id).rule;
        for (file, id) in self.all_exprs(matched, &rule.entries) {
            let span = self.project.parsed(file).unit.expr(id).span;
            for child in self.listed_routers(file, id) {
                self.hang(router, child, file, span);
            }
        }
    }

    /// The router that a method is called on, if the rule may speak of it.
    fn receiver(
        &self,
        file: FileId,
        object: ExprId,
        rule_id: usize,
        matched: &Matched,
    ) -> Option<RouterId> {
        self.named_receiver(file, object, rule_id, matched)
            .map(|router| self.at_place(file, object, router))
    }

    fn named_receiver(
        &self,
        file: FileId,
        object: ExprId,
        rule_id: usize,
        matched: &Matched,
    ) -> Option<RouterId> {
        match self.eval(file, object) {
            Value::Router(router) => self.speaks(rule_id, router).then_some(router),
            Value::Param(param_file, function, index) => {
                self.param_router(param_file, function, index, file, rule_id, matched)
            }
            Value::ExternalInstance(path) | Value::External(path) => {
                // A typed field or variable: `private app: express.Application`.
                self.typed_router(file, object, &path, rule_id, matched)
            }
            _ => None,
        }
    }

    /// Whether a type is that of a framework's routers: what a rule makes them with, or names.
    fn of_framework(&self, framework: usize, name: &str) -> bool {
        let wanted = &self.rules.frameworks[framework];
        self.rules.all.iter().any(|loaded| {
            let other = &self.rules.frameworks[loaded.framework];
            loaded.rule.link == Some(Link::Router)
                && other.language == wanted.language
                && (loaded.framework == framework
                    || wanted.extends.contains(&other.name)
                    || other.extends.contains(&wanted.name))
                && loaded.types.iter().any(|pattern| pattern.matches(name))
        })
    }

    fn typed_router(
        &self,
        file: FileId,
        object: ExprId,
        ty: &str,
        rule_id: usize,
        matched: &Matched,
    ) -> Option<RouterId> {
        let loaded = self.rule(rule_id);
        if !self.of_framework(loaded.framework, ty) || !self.routed(matched, &loaded.rule) {
            return None;
        }
        let parsed = self.project.parsed(file);
        // One router for one variable: its declaration is the key.
        let key = match parsed.unit.kind(object) {
            ExprKind::Name(name) => {
                let expr = parsed.unit.expr(object);
                match self
                    .project
                    .lookup(file, name, expr.function, expr.span.start)
                {
                    crate::project::Target::Assign(_, index) => RouterKey::Assign(index),
                    _ => RouterKey::Expr(object),
                }
            }
            ExprKind::Member { property, .. } => {
                let class = self.enclosing_class(file, parsed.unit.expr(object).function);
                match class.and_then(|class| parsed.members(class, property).first().copied()) {
                    Some(crate::project::Member::Field(index)) => RouterKey::Assign(index),
                    _ => RouterKey::Expr(object),
                }
            }
            _ => RouterKey::Expr(object),
        };
        let (at, key) = self
            .field_of(file, object)
            .map_or((file, key), |(at, index)| (at, RouterKey::Assign(index)));
        let (router, _) = self.router(at, key, || Router {
            name: ty.rsplit('.').next().unwrap_or(ty).to_owned(),
            root: true,
            ..Router::new(loaded.framework, file, Span::default())
        });
        self.speaks(rule_id, router).then_some(router)
    }

    /// The declaration of the field that a member of an object of the repository names.
    fn field_of(&self, file: FileId, id: ExprId) -> Option<(FileId, u32)> {
        let parsed = self.project.parsed(file);
        let ExprKind::Member { object, property } = parsed.unit.kind(id) else {
            return None;
        };
        let (at, class) = match self.eval(file, *object) {
            Value::Instance(at, class) => (at, class),
            Value::Param(at, function, index) => {
                let owner = self.project.parsed(at);
                let ty = owner.unit.function(function).params.get(index)?.ty_expr?;
                match self.eval(at, ty) {
                    Value::Class(at, class) => (at, class),
                    _ => return None,
                }
            }
            _ => return None,
        };
        self.declared_field(at, class, property, 0)
    }

    /// The declaration of a field, by the class or by one of its bases.
    fn declared_field(
        &self,
        file: FileId,
        class: ClassId,
        name: &str,
        depth: u32,
    ) -> Option<(FileId, u32)> {
        let owner = self.project.parsed(file);
        let mut own = owner.members(class, name).iter();
        let own = own.find_map(|member| match member {
            crate::project::Member::Field(index) => Some((file, *index)),
            _ => None,
        });
        let mut bases = owner.unit.class(class).bases.iter();
        own.or_else(|| {
            bases.find_map(|base| match self.eval(file, *base) {
                Value::Class(at, base) if depth < 8 && (at, base) != (file, class) => {
                    self.declared_field(at, base, name, depth + 1)
                }
                _ => None,
            })
        })
    }

    /// Whether the call looks like a registration: a path and something behind it, a router, a guard.
    fn routed(&self, matched: &Matched, rule: &Rule) -> bool {
        match rule.link {
            Some(Link::Route) if rule.protocol.is_none() => {
                let path = self.path(matched, &rule.path);
                path.is_none_or(|path| {
                    path.text.is_empty()
                        || path.text.starts_with(['/', '{', '*', ':', '<', '^', '('])
                })
            }
            _ => true,
        }
    }

    /// The rule of the framework that says that a parameter of this name is a router.
    fn handed_rule(&self, framework: usize, name: &str) -> Option<&Rule> {
        let rules = self.rules.all.iter();
        let mut rules = rules.map(|loaded| (loaded, &loaded.rule));
        let found = rules.find(|(loaded, _)| {
            loaded.framework == framework
                && loaded.rule.link == Some(Link::Router)
                && loaded.rule.parameters.iter().any(|word| wild(word, name))
        });
        found.map(|(_, rule)| rule)
    }

    /// What was put onto routers under a name.
    pub(super) fn attached(&self, name: &str) -> Option<(FileId, ExprId)> {
        let all = self.attached.get_or_init(|| {
            let mut all = HashMap::default();
            for file in (0..self.project.len()).map(|file| FileId(file as u32)) {
                let parsed = self.project.parsed(file);
                for id in parsed.unit.ids() {
                    let ExprKind::Call { callee, .. } = parsed.unit.kind(id) else {
                        continue;
                    };
                    let ExprKind::Member { property, .. } = parsed.unit.kind(*callee) else {
                        continue;
                    };
                    for (rule_id, pattern) in self.call_rules(file, *callee, property) {
                        let loaded = self.rule(rule_id);
                        if loaded.rule.link != Some(Link::Attach)
                            || !loaded.patterns[pattern].matches(property)
                            || !self.in_use(file, loaded.framework)
                        {
                            continue;
                        }
                        let matched = self.matched(file, id);
                        let name = self.texts(&matched, &loaded.rule.named).into_iter().next();
                        let value = self.exprs(&matched, &loaded.rule.gives).into_iter().next();
                        if let (Some(name), Some(value)) = (name, value) {
                            all.insert(name, value);
                        }
                    }
                }
            }
            all
        });
        all.get(name).copied()
    }

    /// The router behind a parameter. Evidence is asked for: its type, an import of the
    /// framework, or a name that routers have.
    fn param_router(
        &self,
        file: FileId,
        function: FnId,
        index: usize,
        at: FileId,
        rule_id: usize,
        matched: &Matched,
    ) -> Option<RouterId> {
        if let Some(known) = self.known_router(file, RouterKey::Param(function, index)) {
            return self.speaks(rule_id, known).then_some(known);
        }
        let loaded = self.rule(rule_id);
        let ty = self.param_type(file, function, index);
        let parsed = self.project.parsed(file);
        let param = parsed.unit.function(function).params.get(index)?;
        let typed = ty
            .as_deref()
            .map(|ty| self.of_framework(loaded.framework, ty));
        let evidence = match typed {
            Some(typed) => typed,
            None => {
                let name = crate::project::param_name(&param.name).to_ascii_lowercase();
                let named = [
                    "app",
                    "router",
                    "api",
                    "server",
                    "cfg",
                    "config",
                    "application",
                    "blueprint",
                    "bp",
                    "routes",
                ];
                let named = named
                    .iter()
                    .any(|word| name == *word || name.ends_with(word));
                let handed = self.handed_rule(loaded.framework, &name).is_some();
                // A framework that nothing here uses has no routers.
                (handed
                    || named
                        && (loaded.rule.link != Some(Link::Guard)
                            || self.imported(at).contains(&loaded.framework)))
                    && self.in_use(at, loaded.framework)
            }
        };
        // What has the type of a router needs no path that looks like one.
        if !evidence || typed != Some(true) && !self.routed(matched, &loaded.rule) {
            return None;
        }
        let name = crate::project::param_name(&param.name).to_ascii_lowercase();
        let serves = self
            .handed_rule(loaded.framework, &name)
            .is_some_and(|rule| rule.serves);
        let (router, _) = self.router(file, RouterKey::Param(function, index), || Router {
            name: crate::project::param_name(&param.name).to_owned(),
            root: serves,
            ..Router::new(loaded.framework, file, param.span)
        });
        Some(router)
    }

    /// The router that a function takes as its first parameter, by the parameter's type: its
    /// routes may not have been looked at yet.
    fn typed_parameter(&self, file: FileId, function: FnId) -> Option<RouterId> {
        let ty = self.param_type(file, function, 0)?;
        let makers = self.rules.all.iter();
        let framework = makers
            .filter(|loaded| loaded.rule.link == Some(Link::Router))
            .filter(|loaded| !loaded.rule.types.is_empty())
            .find(|loaded| loaded.types.iter().any(|pattern| pattern.matches(&ty)))?
            .framework;
        let parsed = self.project.parsed(file);
        let param = parsed.unit.function(function).params.first()?;
        let (router, _) = self.router(file, RouterKey::Param(function, 0), || Router {
            name: crate::project::param_name(&param.name).to_owned(),
            ..Router::new(framework, file, param.span)
        });
        Some(router)
    }

    /// The routers that an expression stands for, where a router is expected.
    pub(super) fn routers_of(&self, file: FileId, id: ExprId) -> Vec<RouterId> {
        match self.eval(file, id) {
            Value::Unknown => self.looped_routers(file, id),
            value => self.routers_of_value(&value, 0),
        }
    }

    /// As [`Self::routers_of`]; what describes requests is one as well.
    fn listed_routers(&self, file: FileId, id: ExprId) -> Vec<RouterId> {
        let found = self.routers_of(file, id);
        match found.is_empty() {
            true => self.described(file, id).into_iter().collect(),
            false => found,
        }
    }

    /// The routers that a loop goes through: `for router in [users, orders]`.
    fn looped_routers(&self, file: FileId, id: ExprId) -> Vec<RouterId> {
        let Some((at, index)) = self.assignment(file, id) else {
            return Vec::new();
        };
        let parsed = self.project.parsed(at);
        let assign = &parsed.unit.assigns[index as usize];
        let Some(table) = assign.value.filter(|_| assign.each) else {
            return Vec::new();
        };
        let Value::List(at, items) = self.eval(at, table) else {
            return Vec::new();
        };
        let all = items.iter().flat_map(|item| {
            let value = self.eval(at, *item);
            match (&value, assign.place) {
                (Value::List(at, parts), Some(place)) => match parts.get(place) {
                    Some(part) => self.routers_of_value(&self.eval(*at, *part), 1),
                    None => Vec::new(),
                },
                _ => self.routers_of_value(&value, 1),
            }
        });
        all.collect()
    }

    pub(super) fn routers_of_value(&self, value: &Value, depth: u32) -> Vec<RouterId> {
        if depth > 6 {
            return Vec::new();
        }
        match value {
            Value::Router(router) => vec![*router],
            Value::List(file, items) => {
                if let Some((path, below, child)) = self.path_and_router(*file, items) {
                    let framework = self.routers.borrow()[child.0 as usize].framework;
                    let path = self.path_text(*file, path);
                    return vec![self.below(*file, below, framework, path, child)];
                }
                let all = items.iter().flat_map(|item| {
                    let value = self.eval(*file, *item);
                    self.routers_of_value(&value, depth + 1)
                });
                all.collect()
            }
            Value::Function(file, function) => {
                if let Some(router) = self.known_router(*file, RouterKey::Function(*function)) {
                    return vec![router];
                }
                self.register(*file);
                if let Some(router) = self.known_router(*file, RouterKey::Function(*function)) {
                    return vec![router];
                }
                let parts = self.parts_in(*file, *function);
                if !parts.is_empty() {
                    return parts.into_iter().map(|(_, part)| part).collect();
                }
                if let Some(router) = self.known_router(*file, RouterKey::Param(*function, 0)) {
                    return vec![router];
                }
                if let Some(router) = self.typed_parameter(*file, *function) {
                    return vec![router];
                }
                match self.result(*file, *function) {
                    Value::Router(router) => vec![router],
                    _ => Vec::new(),
                }
            }
            Value::Class(file, class) | Value::Instance(file, class) => {
                self.register(*file);
                self.known_router(*file, RouterKey::Class(*class))
                    .into_iter()
                    .collect()
            }
            // `include("app.urls")`
            Value::Str(name) => match self.module_by_name(name) {
                Some(module) => self.routers_of_value(&Value::Module(module), depth + 1),
                None => Vec::new(),
            },
            Value::Module(file) => {
                self.register(*file);
                if let Some(default) = self.project.default_export(*file) {
                    let value = self.eval(*file, default);
                    if value != Value::Module(*file) && value != Value::Unknown {
                        return self.routers_of_value(&value, depth + 1);
                    }
                }
                let ids = self.ids.borrow();
                let mut listed: Vec<RouterId> = ids
                    .iter()
                    .filter(|((at, key), _)| at == file && matches!(key, RouterKey::Assign(_)))
                    .map(|(_, router)| *router)
                    .collect();
                listed.sort();
                listed
            }
            _ => Vec::new(),
        }
    }

    /// A pair of a path and what is below it: `(r"^orders/", include(orders))`.
    pub(super) fn path_and_router(
        &self,
        file: FileId,
        items: &[ExprId],
    ) -> Option<(ExprId, ExprId, RouterId)> {
        let [path, below, ..] = *items else {
            return None;
        };
        let parsed = self.project.parsed(file);
        let text = matches!(parsed.unit.kind(path), ExprKind::Str(_));
        let call = matches!(parsed.unit.kind(below), ExprKind::Call { .. });
        if !text || !call {
            return None;
        }
        match self.eval(file, below) {
            Value::Router(child) => Some((path, below, child)),
            _ => None,
        }
    }

    /// A module by the dotted name that a string gives, from the repository's root.
    pub(super) fn module_by_name(&self, name: &str) -> Option<FileId> {
        let stem = name.replace('.', "/");
        let paths = self.project.paths();
        let languages = self.project.languages.modules();
        let dotted = languages
            .map(|(_, modules)| modules)
            .filter(|modules| modules.style == ModuleStyle::Dotted);
        let wanted: Vec<String> = dotted
            .flat_map(|modules| {
                let folders = modules.index.iter().map(|index| format!("{stem}/{index}"));
                let stems = std::iter::once(stem.clone()).chain(folders);
                stems.flat_map(|stem| {
                    let extensions = modules.extensions.iter();
                    extensions.map(move |extension| format!("{stem}.{extension}"))
                })
            })
            .collect();
        let exact = wanted.iter().find(|path| paths.contains(*path));
        let below = || {
            let suffixes: Vec<String> = wanted.iter().map(|path| format!("/{path}")).collect();
            let mut paths = paths.iter();
            paths.find(|path| suffixes.iter().any(|suffix| path.ends_with(suffix)))
        };
        exact
            .or_else(below)
            .and_then(|path| self.project.load(path))
    }

    /// What answers, and the guards that wrap it: `login_required(View.as_view())`.
    pub(super) fn handler(
        &self,
        file: FileId,
        id: ExprId,
        guards: &mut Vec<GuardUse>,
        depth: u32,
    ) -> Option<Handler> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        if let ExprKind::Await(inner) = unit.kind(id) {
            return self.handler(file, *inner, guards, depth);
        }
        if let ExprKind::Call { callee, args } = unit.kind(id)
            && depth < 6
        {
            // A rule says what the handler of this call is.
            if let Some((file, inner)) = self.handler_inside(file, id, *callee) {
                return self.handler(file, inner, guards, depth + 1);
            }
            // A wrapper around the handler, which may be a guard.
            for arg in args.iter().rev() {
                let inner = self.eval(file, arg.value);
                let is_call = matches!(unit.kind(arg.value), ExprKind::Call { .. });
                if matches!(inner, Value::Function(..) | Value::Class(..)) || is_call {
                    let mut inner_guards = Vec::new();
                    let handler = self.handler(file, arg.value, &mut inner_guards, depth + 1);
                    let outside = matches!(handler, Some(Handler::Other(_)))
                        && !self.outside_methods(file, arg.value, depth).is_empty();
                    if let Some(handler) = handler
                        && (outside
                            || matches!(handler, Handler::Function(..) | Handler::Class(..)))
                    {
                        let others = args.iter().filter(|one| one.value != arg.value);
                        let others: Vec<Arg> = others.cloned().collect();
                        guards.push(self.wrapping(file, *callee, &others));
                        guards.extend(inner_guards);
                        return Some(handler);
                    }
                }
            }
            // A call that gives the handler: `makeHandler(options)`.
            return Some(match self.eval(file, id) {
                Value::Function(file, function) => Handler::Function(file, function),
                Value::Class(file, class) | Value::Instance(file, class) => {
                    Handler::Class(file, class)
                }
                _ => Handler::Other(unit.path(*callee).unwrap_or_else(|| "a call".to_owned())),
            });
        }
        match self.eval(file, id) {
            Value::Function(file, function) => Some(Handler::Function(file, function)),
            Value::Class(file, class) | Value::Instance(file, class) => {
                Some(Handler::Class(file, class))
            }
            Value::Str(_) | Value::List(..) => None,
            Value::Map(map_file, map) => {
                // `{ handler: f, preHandler: [g] }`
                let (file, id) = self.map_value(map_file, map, "handler")?;
                self.handler(file, id, guards, depth + 1)
            }
            _ => Some(Handler::Other(
                unit.path(id).unwrap_or_else(|| "an expression".to_owned()),
            )),
        }
    }

    pub(super) fn add_route(
        &self,
        router: RouterId,
        rule_id: usize,
        matched: &Matched,
        span: Span,
        decorated: Option<Handler>,
    ) {
        let rule = &self.rule(rule_id).rule;
        let file = matched.file;
        if rule.each
            && let Some(first) = matched.args.first()
            && let Value::List(at, items) = self.eval(file, first.value)
        {
            // What else the call is handed is handed for each of them.
            let others = matched.args.iter().skip(1).filter(|_| at == file);
            let others: Vec<Arg> = others.cloned().collect();
            for value in items {
                let item = Arg {
                    name: None,
                    value,
                    spread: false,
                };
                let one = Matched {
                    file: at,
                    callee: None,
                    args: std::iter::once(item).chain(others.clone()).collect(),
                    value: Some(value),
                };
                let span = self.project.parsed(at).unit.expr(value).span;
                self.add_route(router, rule_id, &one, span, None);
            }
            return;
        }
        let single = self.routers.borrow()[router.0 as usize].single;
        let path_exprs = match single {
            true => Vec::new(),
            false => self.exprs(matched, &rule.path),
        };
        let is_path = path_exprs
            .first()
            .is_some_and(|(file, id)| !self.is_handler_like(*file, *id));
        let mut path = if is_path || rule.path.iter().any(|selector| selector.text.is_some()) {
            self.path(matched, &rule.path).unwrap_or_default()
        } else {
            PathText::default()
        };
        if path.text.is_empty()
            && rule.path.iter().any(|selector| selector.decorated)
            && let Some(Handler::Function(file, function)) = decorated
        {
            path.text = self
                .project
                .parsed(file)
                .unit
                .function(function)
                .name
                .to_string();
        }
        let mut guards: Vec<GuardUse> = Vec::new();
        let mut handler = decorated;
        let mut handler_expr = None;
        if handler.is_none() {
            for selector in &rule.handler {
                let found = self
                    .exprs(matched, std::slice::from_ref(selector))
                    .into_iter()
                    .next();
                if let Some((handler_file, id)) = found {
                    if is_path && path_exprs.first() == Some(&(handler_file, id)) {
                        continue;
                    }
                    handler_expr = Some((handler_file, id));
                    break;
                }
            }
            if !rule.handler.is_empty() {
                let Some((handler_file, id)) = handler_expr else {
                    return;
                };
                // A router as the handler is a mount: `path("x/", include(…))`, `.route("/x", get(h))`.
                let value = self.eval(handler_file, id);
                let routers = match value {
                    Value::Router(_) | Value::List(..) | Value::Module(_) => {
                        self.routers_of_value(&value, 0)
                    }
                    _ => Vec::new(),
                };
                if !routers.is_empty() {
                    for child in routers {
                        let guards = self.guard_uses_except(matched, &rule.guards, &[], "mount");
                        let mount = Mount {
                            prefix: match rule.whole {
                                true => PathText::default(),
                                false => path.clone(),
                            },
                            guards,
                            whole: rule.whole,
                            ..Mount::new(child, file, span)
                        };
                        self.push_at(router, (file, span.end), EntryKind::Mount(mount));
                    }
                    return;
                }
                if self.mounts(handler_file, id) {
                    let framework = self.rule(rule_id).framework;
                    let missed = (framework, handler_file, span.line);
                    self.unfollowed.borrow_mut().insert(missed);
                    return;
                }
                if let Value::List(list_file, items) = &value {
                    // `[guard, guard, handler]`
                    if let Some((last, before)) = items.split_last() {
                        guards.extend(
                            before
                                .iter()
                                .map(|item| self.guard_use(*list_file, *item, "handler")),
                        );
                        handler = self.handler(*list_file, *last, &mut guards, 0);
                    }
                } else {
                    handler = self.handler(handler_file, id, &mut guards, 0);
                }
                if handler.is_none() {
                    return;
                }
            }
        }
        let mut skip = path_exprs;
        skip.extend(handler_expr);
        let all = [crate::rule::Selector {
            from: Some(0),
            ..Default::default()
        }];
        let selectors = match single && !rule.guards.is_empty() {
            true => &all[..],
            false => &rule.guards[..],
        };
        let mut around = match rule.guard {
            Some(kind) => self.option_guards(matched, rule, kind),
            None => self.guard_uses_except(matched, selectors, &skip, "handler"),
        };
        around.extend(guards);
        let mut methods = self.texts(matched, &rule.methods);
        for method in &mut methods {
            *method = method.to_uppercase();
        }
        if methods.is_empty()
            && let Some(Handler::Other(_)) = handler
            && let Some((at, id)) = handler_expr
        {
            methods = self.outside_methods(at, id, 0);
        }
        let mut paths = vec![path];
        if let Some((list_file, id)) = skip.first().filter(|_| is_path)
            && let Value::List(list_file, items) = self.eval(*list_file, *id)
            && !items.is_empty()
        {
            // `app.get(["/a", "/b"], …)`
            let items = items.iter();
            paths = items
                .flat_map(|item| self.path_texts(list_file, *item))
                .collect();
        } else if is_path && skip.len() > 1 && rule.path.iter().any(|one| one.from.is_some()) {
            // `@GetMapping("/a", "/b")`
            let all = self.all_exprs(matched, &rule.path).into_iter();
            paths = all
                .flat_map(|(file, id)| self.path_texts(file, id))
                .collect();
        } else if let Some((path_file, id)) = skip.first().filter(|_| is_path)
            && paths[0].text == self.path_text(*path_file, *id).text
        {
            paths = self.path_texts(*path_file, *id);
        }
        let blocks = self.block_prefixes(router, file, span);
        if !blocks.is_empty() {
            let both = paths.iter().flat_map(|path| {
                blocks.iter().map(move |block| PathText {
                    text: format!("{}{}", block.text, path.text),
                    unknown: block.unknown || path.unknown,
                })
            });
            paths = both.collect();
        }
        for path in paths {
            let route = Route {
                methods: methods.clone(),
                path,
                handler: handler.clone(),
                guards: around.clone(),
                protocol: rule.protocol.clone(),
                ..Route::new(rule_id, file, span)
            };
            self.push_route(router, matched, route);
        }
    }

    /// The methods that a class from outside answers, by the rules: `RedirectView.as_view()`, also
    /// with something around it.
    fn outside_methods(&self, file: FileId, id: ExprId, depth: u32) -> Vec<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        if depth > 6 {
            return Vec::new();
        }
        match unit.kind(id) {
            ExprKind::Call { callee, args } => {
                if let Some((at, inner)) = self.handler_inside(file, id, *callee) {
                    return self.outside_methods(at, inner, depth + 1);
                }
                let mut args = args.iter().rev();
                let found = args.find_map(|arg| {
                    let methods = self.outside_methods(file, arg.value, depth + 1);
                    (!methods.is_empty()).then_some(methods)
                });
                found.unwrap_or_default()
            }
            ExprKind::Name(_) | ExprKind::Member { .. } => match self.eval(file, id) {
                Value::External(path) => self.methods_of_type(file, &path),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The methods that the rules say a class from outside answers at its own path.
    fn methods_of_type(&self, file: FileId, path: &str) -> Vec<String> {
        let last = path.rsplit('.').next().unwrap_or(path);
        let mut methods = Vec::new();
        for (rule, pattern) in self.index(file).classes.candidates(last) {
            let loaded = self.rule(rule);
            if loaded.rule.link != Some(Link::View) || !loaded.patterns[pattern].matches(path) {
                continue;
            }
            let own = loaded.rule.actions.values();
            let plain = own.filter(|words| !words.contains(' ') && !methods.contains(*words));
            methods.extend(plain.cloned().collect::<Vec<_>>());
        }
        methods
    }

    /// What a rule says is the handler of a call: `View` of `View.as_view()`.
    fn handler_inside(&self, file: FileId, id: ExprId, callee: ExprId) -> Option<(FileId, ExprId)> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        for (rule_id, pattern) in self.index(file).calls.candidates(last) {
            let loaded = self.rule(rule_id);
            if loaded.rule.link != Some(Link::Handler) {
                continue;
            }
            let pattern = &loaded.patterns[pattern];
            let matches = match pattern.receiver.as_deref() {
                Some("$router") => false,
                Some(_) => pattern.matches(last),
                None => self
                    .name_of(file, callee)
                    .is_some_and(|name| pattern.matches(&name)),
            };
            if matches {
                let matched = self.matched(file, id);
                let found = self.exprs(&matched, &loaded.rule.handler);
                if let Some(found) = found.into_iter().next() {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Whether a call brings in routes from elsewhere: `include(…)`.
    fn mounts(&self, file: FileId, id: ExprId) -> bool {
        match self.project.parsed(file).unit.kind(id) {
            ExprKind::Call { callee, .. } => self.speaks_as(file, *callee, Link::Mount),
            _ => false,
        }
    }

    fn is_handler_like(&self, file: FileId, id: ExprId) -> bool {
        matches!(
            self.eval(file, id),
            Value::Function(..) | Value::Class(..) | Value::Router(_) | Value::Instance(..)
        )
    }

    /// Registers what a file declares; every file once.
    pub(crate) fn register(&self, file: FileId) {
        if !self.registered.borrow_mut().insert(file) {
            return;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let index = self.index(file);
        self.register_exports(file);
        self.register_document(file);
        self.register_directives(file);
        for class in 0..unit.classes.len() {
            self.register_class(file, ClassId(class as u32));
        }
        self.register_filters(file);
        self.register_marked_classes(file);
        self.register_path_orders(file);
        for (at, assign) in unit.assigns.iter().enumerate() {
            let Some(name) = assign.name.as_deref() else {
                continue;
            };
            for (rule_id, pattern) in index.assigns.candidates(name) {
                if index.set.contains(&rule_id) {
                    continue;
                }
                let loaded = self.rule(rule_id);
                let Some(link) = loaded.rule.link else {
                    continue;
                };
                if assign.function.is_some()
                    || !loaded.patterns[pattern].matches(name)
                    || !self.allowed(file, loaded)
                {
                    continue;
                }
                let Some(value) = assign.value else { continue };
                let matched = Matched {
                    file,
                    callee: None,
                    args: Vec::new(),
                    value: Some(value),
                };
                match link {
                    Link::Router => {
                        // `urlpatterns += […]` grows the first one.
                        let first = unit
                            .assigns
                            .iter()
                            .position(|other| {
                                other.name.as_deref() == Some(name)
                                    && other.function.is_none()
                                    && other.class.is_none()
                            })
                            .unwrap_or(at) as u32;
                        let (router, fresh) = self.make_router(
                            rule_id,
                            &matched,
                            value,
                            Some(RouterKey::Assign(first)),
                        );
                        if !fresh {
                            self.add_listed(router, rule_id, &matched);
                        }
                    }
                    Link::Guard => self.add_global(rule_id, &matched),
                    _ => {}
                }
            }
        }
        if !index.set.is_empty() {
            self.register_set(file);
        }
        for (at, function) in unit.functions.iter().enumerate() {
            for decorator in &function.decorators {
                self.register_decorator(file, *decorator, FnId(at as u32), None);
            }
        }
        for rule_id in &index.methods {
            self.register_methods(file, *rule_id);
        }
        for id in unit.ids() {
            match unit.kind(id) {
                ExprKind::Call { callee, args } => self.register_call(file, id, *callee, args),
                ExprKind::Map(pairs) if !index.maps.is_empty() && !pairs.is_empty() => {
                    self.register_map(file, id)
                }
                _ => {}
            }
        }
    }

    /// The functions of classes that are routers, as routes.
    fn register_methods(&self, file: FileId, rule_id: usize) {
        let loaded = self.rule(rule_id);
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        for (at, function) in unit.functions.iter().enumerate() {
            let Some(class) = function.class.filter(|_| function.declared) else {
                continue;
            };
            let owner = &unit.class(class).name;
            let named = loaded
                .rule
                .of
                .iter()
                .any(|name| crate::rule::wild(name, owner))
                && loaded
                    .patterns
                    .iter()
                    .any(|one| one.matches(&function.name));
            let Some(router) = self.known_router(file, RouterKey::Class(class)) else {
                continue;
            };
            if !named || !self.speaks(rule_id, router) {
                continue;
            }
            let matched = Matched {
                file,
                callee: None,
                args: Vec::new(),
                value: None,
            };
            let handler = Handler::Function(file, FnId(at as u32));
            self.add_route(router, rule_id, &matched, function.head, Some(handler));
        }
    }

    pub(super) fn add_global(&self, rule_id: usize, matched: &Matched) {
        let loaded = self.rule(rule_id);
        let said = loaded.rule.guard.filter(|_| !loaded.rule.call.is_empty());
        let guards = match said {
            Some(kind) => {
                let mut guards = self.option_guards(matched, &loaded.rule, kind);
                for guard in &mut guards {
                    guard.attached = "setting";
                }
                guards
            }
            None => self.guard_uses(matched, &loaded.rule.guards, "setting"),
        };
        for mut guard in guards {
            if guard.class == Classified::Not {
                continue;
            }
            if matches!(guard.class, Classified::Guard { .. }) && self.denies_deep(&guard) {
                let reason = format!("`{}` holds under a condition only", guard.text);
                guard.class = Classified::Unknown(reason);
            }
            self.globals.borrow_mut().push(GlobalGuard {
                framework: loaded.framework,
                guard,
                default: loaded.rule.default,
            });
        }
    }

    fn register_map(&self, file: FileId, id: ExprId) {
        for rule_id in &self.index(file).maps {
            let loaded = self.rule(*rule_id);
            let all = loaded.rule.has.iter().all(|(key, pattern)| {
                self.map_value(file, id, key)
                    .and_then(|(file, value)| self.name_of(file, value))
                    .is_some_and(|name| crate::rule::Pattern::parse(pattern).matches(&name))
            });
            if all && loaded.rule.link == Some(Link::Guard) {
                // The map is the first argument of what was matched.
                let args = vec![Arg {
                    name: None,
                    value: id,
                    spread: false,
                }];
                let matched = Matched {
                    file,
                    callee: None,
                    args,
                    value: Some(id),
                };
                self.add_global(*rule_id, &matched);
            }
        }
    }

    fn register_call(&self, file: FileId, id: ExprId, callee: ExprId, args: &[Arg]) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(last) = unit.last_name(callee) else {
            return;
        };
        if args.is_empty() {
            self.called_in_place(file, id, callee);
        }
        let mut hung = Vec::new();
        for (rule_id, pattern) in self.call_rules(file, callee, last) {
            let loaded = self.rule(rule_id);
            if let Some(Link::PathRule | Link::PathScope | Link::Application) = loaded.rule.link {
                self.add_path_rule(file, id, callee, (rule_id, pattern));
                continue;
            }
            if let Some(Link::PathGuard | Link::Implementation) = loaded.rule.link {
                self.add_beside(file, id, callee, (rule_id, pattern));
                continue;
            }
            let Some(
                link @ (Link::Router
                | Link::Route
                | Link::Mount
                | Link::Guard
                | Link::Handler
                | Link::Exempt
                | Link::Version
                | Link::TokenStyle
                | Link::Prefix
                | Link::Resource
                | Link::Concern),
            ) = loaded.rule.link
            else {
                continue;
            };
            let pattern = &loaded.patterns[pattern];
            let matched = Matched {
                file,
                callee: Some(callee),
                args: args.to_vec(),
                value: Some(id),
            };
            let span = unit.expr(id).span;
            if loaded.rule.in_class {
                continue;
            }
            if loaded.rule.scoped {
                let name = match &pattern.receiver {
                    Some(_) => Some(last.to_owned()),
                    None => self.name_of(file, callee),
                };
                if name.is_some_and(|name| pattern.matches(&name))
                    && self.allowed(file, loaded)
                    && self.holds(&matched, &loaded.rule.constraints)
                    && !hung.contains(&loaded.framework)
                {
                    // Whose block it is shows when the blocks around are known.
                    self.register_scoped(file, id, rule_id, &matched);
                    // One call may mount several: `withRouting(web: …, api: …)`.
                    if link != Link::Mount {
                        hung.push(loaded.framework);
                    }
                }
                continue;
            }
            if !hung.is_empty() {
                continue;
            }
            let Some(receiver) = &pattern.receiver else {
                let everywhere = matches!(link, Link::Guard | Link::Prefix | Link::TokenStyle);
                let global = loaded.rule.global && everywhere;
                let alone = link == Link::Router || link == Link::Route && loaded.rule.root;
                if alone || global {
                    // Standing alone it still counts: an app that is only made and handed on.
                    if alone {
                        self.eval(file, id);
                    } else if self
                        .name_of(file, callee)
                        .is_some_and(|name| pattern.matches(&name))
                    {
                        self.global_call(rule_id, link, &matched, span);
                    }
                }
                continue;
            };
            if !pattern.matches(last)
                || !self.allowed(file, loaded)
                || !self.holds(&matched, &loaded.rule.constraints)
            {
                continue;
            }
            if loaded.rule.global && receiver == "$any" {
                let modules = self.project.language(file).modules.as_ref();
                // Where names need no import, the file need not say what it uses.
                let loose = modules.is_some_and(|modules| modules.loose);
                if self.imported(file).contains(&loaded.framework)
                    || loose && self.in_use(file, loaded.framework)
                {
                    self.global_call(rule_id, link, &matched, span);
                }
                continue;
            }
            if receiver == "$route" {
                if self.after_route(file, callee, rule_id, &matched) {
                    return;
                }
                continue;
            }
            if receiver != "$router" {
                continue;
            }
            let ExprKind::Member { object, .. } = unit.kind(callee) else {
                continue;
            };
            let Some(router) = self.receiver(file, *object, rule_id, &matched) else {
                continue;
            };
            let calls = self.call_rules(file, callee, last).into_iter();
            if self.said_nearer(calls, last, rule_id, router) {
                continue;
            }
            let order = (file, span.end);
            match link {
                Link::Router => {
                    self.eval(file, id);
                }
                Link::Route => self.add_route(router, rule_id, &matched, span, None),
                Link::Mount => self.add_mount(router, rule_id, &matched, span),
                Link::Handler => {
                    let found = self
                        .exprs(&matched, &loaded.rule.handler)
                        .into_iter()
                        .next();
                    if let Some((handler_file, handler)) = found {
                        let mut guards = Vec::new();
                        let handler = self.handler(handler_file, handler, &mut guards, 0);
                        let mut routers = self.routers.borrow_mut();
                        let last = routers[router.0 as usize]
                            .entries
                            .iter_mut()
                            .rev()
                            .find_map(|entry| match &mut entry.kind {
                                EntryKind::Route(route) => Some(route),
                                _ => None,
                            });
                        if let Some(route) = last {
                            route.handler = handler;
                            route.guards.extend(guards);
                            route.span = span;
                        }
                    }
                }
                Link::Guard => {
                    let attached = if self.routers.borrow()[router.0 as usize].root {
                        "app"
                    } else {
                        "router"
                    };
                    let path = self.guard_path(&matched, &loaded.rule);
                    let exprs = self.exprs(&matched, &loaded.rule.path);
                    for guard in
                        self.guard_uses_except(&matched, &loaded.rule.guards, &exprs, attached)
                    {
                        let kind = EntryKind::Guard {
                            guard,
                            path: path.clone(),
                            applies: loaded.rule.applies,
                        };
                        self.push(router, Entry { order, kind });
                    }
                }
                _ => {}
            }
            return;
        }
    }

    /// Whether the router's own framework has a word for a call that another one's rule matches,
    /// which its own extends.
    fn said_nearer(
        &self,
        mut rules: impl Iterator<Item = (usize, usize)>,
        last: &str,
        rule_id: usize,
        router: RouterId,
    ) -> bool {
        let framework = self.routers.borrow()[router.0 as usize].framework;
        self.rule(rule_id).framework != framework
            && rules.any(|(other, pattern)| {
                let loaded = self.rule(other);
                let pattern = &loaded.patterns[pattern];
                loaded.framework == framework
                    && loaded.rule.link == self.link(rule_id)
                    && pattern.receiver.as_deref() == Some("$router")
                    && pattern.matches(last)
            })
    }

    /// A call behind a route, which guards it: `app.get("/x", f).require("admin")`.
    fn after_route(&self, file: FileId, callee: ExprId, rule_id: usize, matched: &Matched) -> bool {
        let rule = &self.rule(rule_id).rule;
        let parsed = self.project.parsed(file);
        let mut next = Some(callee);
        while let Some(id) = next {
            let made = self.made.borrow().get(&(file, id)).cloned();
            if let Some(entries) = made {
                let mut guards = self.named_guard_uses(matched, &rule.guards, "handler");
                if rule.link == Some(Link::Exempt) && !guards.is_empty() {
                    // It takes away the guards that it names, and no others.
                    for guard in &mut guards {
                        guard.attached = WITHOUT;
                    }
                }
                if guards.is_empty() && matches!(rule.link, Some(Link::Guard | Link::Exempt)) {
                    guards.push(self.guard_use(file, callee, "handler"));
                }
                let mut routers = self.routers.borrow_mut();
                for (router, at) in entries {
                    if let Some(entry) = routers[router.0 as usize].entries.get_mut(at)
                        && let EntryKind::Route(route) = &mut entry.kind
                    {
                        route.guards.extend(guards.iter().cloned());
                    }
                }
                return true;
            }
            next = match parsed.unit.kind(id) {
                ExprKind::Call { callee, .. } => Some(*callee),
                ExprKind::Member { object, .. } => Some(*object),
                ExprKind::Name(_) => self.assigned_call(file, id),
                _ => None,
            };
        }
        false
    }

    /// The value of a variable, where it is a call.
    pub(super) fn assigned_call(&self, file: FileId, id: ExprId) -> Option<ExprId> {
        let (at, index) = self.assignment(file, id)?;
        let parsed = self.project.parsed(at);
        let value = parsed.unit.assigns[index as usize].value?;
        (at == file && value < id).then_some(value)
    }

    /// The path that limits a guard, if the first argument is one.
    fn guard_path(&self, matched: &Matched, rule: &Rule) -> Option<PathText> {
        let (file, id) = self.exprs(matched, &rule.path).into_iter().next()?;
        match self.eval(file, id) {
            Value::Str(text) => Some(PathText {
                text,
                unknown: false,
            }),
            _ => None,
        }
    }

    fn global_call(&self, rule_id: usize, link: Link, matched: &Matched, span: Span) {
        match link {
            Link::Guard if self.hung_by_decorator(rule_id, matched) => {
                self.add_global(rule_id, matched);
            }
            Link::Version => self.add_versioning(rule_id, matched),
            Link::TokenStyle => self.add_style(rule_id, matched),
            Link::Prefix => {
                if !self.comes_through(matched, &self.rule(rule_id).rule.through) {
                    return;
                }
                let framework = self.rule(rule_id).framework;
                for (file, id) in self.all_exprs(matched, &self.rule(rule_id).rule.except) {
                    let found = self.keyed(file, id, Some("path")).unwrap_or((file, id));
                    let texts = self.path_texts(found.0, found.1);
                    let known = texts.into_iter().filter(|text| !text.unknown);
                    self.left_out
                        .borrow_mut()
                        .extend(known.map(|text| (framework, text.text)));
                }
                let places = self.exprs(matched, &self.rule(rule_id).rule.path);
                if let [(at, id)] = places[..] {
                    // `beta ? "/v2-beta" : "/v2"`: everything is there under each of them.
                    let others = self.path_texts(at, id).into_iter().skip(1);
                    self.other_prefixes
                        .borrow_mut()
                        .extend(others.map(|path| (framework, path)));
                }
                if let Some(path) = self.path(matched, &self.rule(rule_id).rule.path) {
                    let rule = &self.rule(rule_id).rule;
                    let namespaces = self.namespaces(matched, &rule.namespaces);
                    self.prefixes.borrow_mut().push(super::reach::Prefix {
                        framework,
                        path,
                        namespaces,
                        file: matched.file,
                        span,
                    });
                }
            }
            _ => {}
        }
    }

    /// Hangs a router below another as it is: without a prefix or guards of the mount's own.
    pub(super) fn hang(&self, parent: RouterId, child: RouterId, file: FileId, span: Span) {
        let mount = Mount::new(child, file, span);
        self.push_at(parent, (file, span.end), EntryKind::Mount(mount));
    }

    /// One router that mounts several: those of `include([…])`, those that a function may return.
    pub(super) fn group(
        &self,
        file: FileId,
        id: ExprId,
        framework: usize,
        children: &[RouterId],
    ) -> RouterId {
        let span = self.project.parsed(file).unit.expr(id).span;
        let (group, fresh) = self.router(file, RouterKey::Expr(id), || Router {
            name: "include".to_owned(),
            listed: true,
            ..Router::new(framework, file, span)
        });
        if fresh {
            for child in children {
                self.hang(group, *child, file, span);
            }
        }
        group
    }

    fn add_mount(&self, router: RouterId, rule_id: usize, matched: &Matched, span: Span) {
        let rule = &self.rule(rule_id).rule;
        let file = matched.file;
        if !rule.within.is_empty() {
            return self.mount_folder(router, rule_id, matched, span);
        }
        let path_exprs = self.exprs(matched, &rule.path);
        let children = self.all_exprs(matched, &rule.child);
        // Where the path may be left out, what is wholly unknown is rather a guard or a router.
        let optional = path_exprs.iter().any(|path| children.contains(path));
        let is_path = |path: &PathText| !path.unknown || !optional || path.text != UNKNOWN;
        let path = self
            .guard_path(matched, rule)
            .or_else(|| self.path(matched, &rule.path).filter(is_path))
            .unwrap_or_default();
        // Of many arguments some are routers and the others guards, in their order.
        let mut guards: Vec<GuardUse> = Vec::new();
        let mut mounted = false;
        let mut loose: Vec<GuardUse> = Vec::new();
        for (child_file, id) in children {
            if path_exprs.contains(&(child_file, id)) {
                let text = self.path_text(child_file, id).text;
                if text.starts_with('/') || text.starts_with("{?}/") {
                    continue;
                }
            }
            if rule.inside_function {
                self.part_ahead(child_file, id, router);
            }
            let value = self.eval(child_file, id);
            if matches!(value, Value::Str(_)) && !rule.replaces_prefix {
                continue;
            }
            let routers: Vec<_> = self
                .routers_of(child_file, id)
                .into_iter()
                .filter(|child| self.speaks_of_child(rule_id, *child))
                .collect();
            if routers.is_empty() {
                let guard = self.guard_use(child_file, id, "mount");
                loose.push(guard);
                continue;
            }
            guards.append(&mut loose);
            guards.extend(self.guard_uses(matched, &rule.guards, "mount"));
            for child in routers {
                mounted = true;
                let mount = Mount {
                    prefix: path.clone(),
                    guards: guards.clone(),
                    replaces_prefix: rule.replaces_prefix && !path.text.is_empty(),
                    ..Mount::new(child, file, span)
                };
                self.push_at(router, (file, span.end), EntryKind::Mount(mount));
            }
        }
        if !mounted && !loose.is_empty() {
            // Middleware only: a guard on the router, limited to the path.
            let attached = if self.routers.borrow()[router.0 as usize].root {
                "app"
            } else {
                "router"
            };
            let limit = (!path.text.is_empty() && path.text != "/").then_some(path);
            for mut guard in loose {
                guard.attached = attached;
                let kind = EntryKind::Guard {
                    guard,
                    path: limit.clone(),
                    applies: rule.applies,
                };
                self.push(
                    router,
                    Entry {
                        order: (file, span.end),
                        kind,
                    },
                );
            }
        }
    }

    fn speaks_of_child(&self, rule_id: usize, child: RouterId) -> bool {
        let language = &self.rules.frameworks[self.rule(rule_id).framework].language;
        let framework = self.routers.borrow()[child.0 as usize].framework;
        self.rules.frameworks[framework].language == *language || self.speaks(rule_id, child)
    }

    fn register_class(&self, file: FileId, class: ClassId) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.class(class);
        for decorator in &element.decorators {
            let matched = self.matched(file, *decorator);
            let Some(callee) = matched.callee else {
                continue;
            };
            let Some(last) = unit.last_name(callee) else {
                continue;
            };
            for (rule_id, pattern) in self.index(file).decorators.candidates(last) {
                let loaded = self.rule(rule_id);
                let Some(link) = loaded.rule.link else {
                    continue;
                };
                if loaded.rule.on == Some(On::Function) || !self.allowed(file, loaded) {
                    continue;
                }
                let pattern = &loaded.patterns[pattern];
                match (link, pattern.receiver.is_some()) {
                    (Link::Router, false)
                        if self
                            .name_of(file, callee)
                            .is_some_and(|name| pattern.matches(&name))
                            && self.holds(&matched, &loaded.rule.constraints) =>
                    {
                        let (router, fresh) = self.make_router(
                            rule_id,
                            &matched,
                            *decorator,
                            Some(RouterKey::Class(class)),
                        );
                        if !fresh && !loaded.rule.path.is_empty() {
                            // `@RestController` made it; `@RequestMapping` says where.
                            let path = self.path(&matched, &loaded.rule.path);
                            let known = &mut self.routers.borrow_mut()[router.0 as usize];
                            if let Some(path) = path.filter(|_| known.prefix.text.is_empty()) {
                                known.prefix = path;
                            }
                        }
                        if fresh {
                            self.complete_class(file, class, router, rule_id, &matched);
                            self.invoked_class(router, file, class, rule_id, &matched);
                        }
                    }
                    (Link::Route, true) => {
                        if !pattern.matches(last) {
                            continue;
                        }
                        let ExprKind::Member { object, .. } = unit.kind(callee) else {
                            continue;
                        };
                        if let Some(router) = self.receiver(file, *object, rule_id, &matched) {
                            let span = unit.expr(*decorator).span;
                            self.add_route(
                                router,
                                rule_id,
                                &matched,
                                span,
                                Some(Handler::Class(file, class)),
                            );
                        }
                    }
                    _ => {}
                }
            }
        }
        self.register_derived(file, class);
    }

    /// A class that answers by itself where its router stands.
    fn invoked_class(
        &self,
        router: RouterId,
        file: FileId,
        class: ClassId,
        rule_id: usize,
        matched: &Matched,
    ) {
        let loaded = self.rule(rule_id);
        let names = &self.rules.frameworks[loaded.framework].handlers.invoke;
        let parsed = self.project.parsed(file);
        let method = parsed.methods(class).into_iter().find(|method| {
            let function = parsed.unit.function(*method);
            names.iter().any(|name| **name == *function.name)
        });
        let Some(method) = method else { return };
        let span = parsed.unit.function(method).head;
        let route = Route {
            methods: self.texts(matched, &loaded.rule.methods),
            handler: Some(Handler::Function(file, method)),
            protocol: loaded.rule.protocol.clone(),
            ..Route::new(rule_id, file, span)
        };
        self.push_at(router, (file, span.end), EntryKind::Route(route));
    }

    /// What a decorator of a function registers; `onto` the router of a class that inherits it.
    pub(super) fn register_decorator(
        &self,
        file: FileId,
        decorator: ExprId,
        function: FnId,
        onto: Option<RouterId>,
    ) {
        if onto.is_none() {
            self.register_composed(file, decorator, function);
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let matched = self.matched(file, decorator);
        let Some(callee) = matched.callee else { return };
        let Some(last) = unit.last_name(callee) else {
            return;
        };
        let element = unit.function(function);
        for (rule_id, pattern) in self.index(file).decorators.candidates(last) {
            let loaded = self.rule(rule_id);
            let Some(link) = loaded.rule.link else {
                continue;
            };
            if loaded.rule.on == Some(On::Class)
                || !self.allowed(file, loaded)
                || !self.holds(&matched, &loaded.rule.constraints)
            {
                continue;
            }
            let pattern = &loaded.patterns[pattern];
            let handler = Handler::Function(file, function);
            let span = unit.expr(decorator).span;
            if pattern.receiver.is_some() {
                if !pattern.matches(last) {
                    continue;
                }
                let ExprKind::Member { object, .. } = unit.kind(callee) else {
                    continue;
                };
                let Some(router) = self.receiver(file, *object, rule_id, &matched) else {
                    continue;
                };
                let decorators = self.index(file).decorators.candidates(last);
                if self.said_nearer(decorators, last, rule_id, router) {
                    continue;
                }
                match link {
                    Link::Route => self.add_route(router, rule_id, &matched, span, Some(handler)),
                    Link::Guard => {
                        let attached = if self.routers.borrow()[router.0 as usize].root {
                            "app"
                        } else {
                            "router"
                        };
                        let guard = self.guard_of_function(file, function, span, attached);
                        let kind = EntryKind::Guard {
                            guard,
                            path: None,
                            applies: loaded.rule.applies,
                        };
                        self.push(
                            router,
                            Entry {
                                order: (file, span.end),
                                kind,
                            },
                        );
                    }
                    _ => {}
                }
                continue;
            }
            if link != Link::Route
                || !self
                    .name_of(file, callee)
                    .is_some_and(|name| pattern.matches(&name))
            {
                continue;
            }
            // A route that a method or function declares on itself.
            let class_router = onto.or_else(|| {
                let class = element.class?;
                self.known_router(file, RouterKey::Class(class))
            });
            if loaded.rule.needs_prefix && !class_router.is_some_and(|id| self.says_path(id)) {
                continue;
            }
            let router = match class_router {
                Some(router) => router,
                None if element.class.is_some() && loaded.rule.on.is_none() => continue,
                None => {
                    self.router(file, RouterKey::Function(function), || Router {
                        name: element.name.to_string(),
                        root: loaded.rule.root,
                        listed: !loaded.rule.root,
                        ..Router::new(loaded.framework, file, span)
                    })
                    .0
                }
            };
            self.add_route(router, rule_id, &matched, span, Some(handler));
        }
    }

    /// Hangs the routers behind parameters under the routers that are handed in. A function may only
    /// hand its parameter on: then that is a router as well.
    pub(crate) fn bind_parameters(&self) {
        for _ in 0..MAX_HANDED {
            if !self.bind_once() {
                return;
            }
        }
    }

    /// Whether further parameters turned out to be routers.
    fn bind_once(&self) -> bool {
        let mut found = false;
        let wanted: Vec<(FileId, FnId, usize, RouterId)> = {
            let ids = self.ids.borrow();
            let routers = self.routers.borrow();
            let all = ids.iter().filter_map(|((file, key), router)| match key {
                RouterKey::Param(function, index) if !routers[router.0 as usize].mounted => {
                    Some((*file, *function, *index, *router))
                }
                _ => None,
            });
            let mut all: Vec<_> = all.collect();
            all.sort_by_key(|item| (item.0, item.1, item.2));
            all
        };
        if wanted.is_empty() {
            return false;
        }
        let extensions = self.extensions(&wanted);
        for file in 0..self.project.len() {
            let file = FileId(file as u32);
            let parsed = self.project.parsed(file);
            for id in parsed.unit.ids() {
                let ExprKind::Call { callee, args } = parsed.unit.kind(id) else {
                    continue;
                };
                let extended = self.extension_on(file, *callee, &extensions);
                if args.is_empty() && extended.is_none() {
                    continue;
                }
                let on = extended.map(|(object, _)| object);
                let target = match self.eval(file, *callee) {
                    _ if extended.is_some() => extended.map(|(_, target)| target),
                    Value::Function(file, function) => Some((file, function)),
                    Value::Module(module) => match self
                        .project
                        .default_export(module)
                        .map(|id| self.eval(module, id))
                    {
                        Some(Value::Function(file, function)) => Some((file, function)),
                        _ => None,
                    },
                    Value::Class(file, class) => ["constructor", "__init__", "new"]
                        .iter()
                        .find_map(|name| match self.class_member(file, class, name, 0) {
                            Value::Function(file, function) => Some((file, function)),
                            _ => None,
                        }),
                    _ => None,
                };
                let Some((target_file, target)) = target else {
                    continue;
                };
                for (param_file, function, index, child) in &wanted {
                    if (*param_file, *function) != (target_file, target) {
                        continue;
                    }
                    // `self` is not handed in.
                    let first = self
                        .project
                        .parsed(*param_file)
                        .unit
                        .function(*function)
                        .params
                        .first()
                        .map(|param| param.name.clone());
                    let language = self.project.language(*param_file);
                    let shift = usize::from(first.is_some_and(|name| {
                        language.self_names.iter().any(|word| **word == *name)
                    }));
                    let shift = shift + usize::from(on.is_some());
                    let handed = match on {
                        Some(object) if *index == 0 => Some(object),
                        _ => {
                            let index = index.checked_sub(shift);
                            let arg = index.and_then(|index| args.get(index));
                            arg.map(|arg| arg.value)
                        }
                    };
                    let Some(handed) = handed else { continue };
                    let parent = match self.eval(file, handed) {
                        Value::Router(router) => Some(router),
                        Value::Param(file, function, index) => {
                            let (parent, fresh) = self.handed_on(file, function, index, *child);
                            found |= fresh;
                            Some(parent)
                        }
                        _ => None,
                    };
                    let parent = parent.map(|parent| self.at_place(file, handed, parent));
                    if let Some(parent) = parent {
                        let span = parsed.unit.expr(id).span;
                        self.hang(parent, *child, file, span);
                    }
                }
            }
        }
        found
    }

    /// The router that a parameter is which a function hands on to another, and whether it is new.
    fn handed_on(
        &self,
        file: FileId,
        function: FnId,
        index: usize,
        child: RouterId,
    ) -> (RouterId, bool) {
        let framework = self.routers.borrow()[child.0 as usize].framework;
        let parsed = self.project.parsed(file);
        let param = parsed.unit.function(function).params.get(index);
        let span = param.map_or_else(Span::default, |param| param.span);
        self.router(file, RouterKey::Param(function, index), || Router {
            name: param.map_or_else(String::new, |param| {
                crate::project::param_name(&param.name).to_owned()
            }),
            ..Router::new(framework, file, span)
        })
    }
}
