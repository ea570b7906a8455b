//! Blocks of code that are routers: a call inside a block hangs on the router that the block
//! belongs to, without naming it.
//!
//! A call is seen before the one that it stands in, so the router of a block is made when the
//! first call inside asks for it, and hung where it belongs when the block's owner is seen. A
//! block that nobody owns (a condition, a loop) is passed through at the end.

use super::select::Matched;
use super::*;
use crate::rule::{Rule, Selector};

/// Where the routes of a mount stand, beside its prefix.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The namespace that names of handlers get: `admin`.
    pub(super) module: Option<String>,
    /// The class of handlers that are named by their method only.
    pub(super) controller: Option<String>,
    /// It is the inside of a resource: `/users/{user_id}`, where `/users` is the outside.
    pub(super) nested: Option<String>,
    /// It hangs on the outside of the resource around: `member`, `collection`.
    pub(super) outside: bool,
    /// It has a record of its own, so that it needs no prefix of the resources around where they
    /// are shallow.
    pub(super) member: bool,
    /// The resources inside are shallow.
    pub(super) shallow: bool,
    /// Methods of the routes inside that name none.
    pub(super) methods: Vec<String>,
}

/// A handler that a text names, to be found with what the routers around say.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) class: Option<String>,
    pub(super) method: Option<String>,
}

/// `line_item` as a class is named, `admin/line_items` with its namespace: `Admin.LineItems`.
fn camel(text: &str) -> String {
    let parts = text.split(['/', '.']).filter(|part| !part.is_empty());
    let words = parts.map(|part| {
        let mut out = String::new();
        for word in part.split('_') {
            let mut chars = word.chars();
            out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
            out.push_str(chars.as_str());
        }
        out
    });
    words.collect::<Vec<_>>().join(".")
}

/// The name of one of several: `categories` to `category`.
fn singular(text: &str) -> String {
    for (plural, single) in [("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch")] {
        if let Some(stem) = text.strip_suffix(plural) {
            return format!("{stem}{single}");
        }
    }
    match text.strip_suffix('s') {
        Some(stem) if !stem.ends_with('s') && !stem.ends_with('u') => stem.to_owned(),
        _ => text.to_owned(),
    }
}

impl Linker<'_> {
    /// The router of the block around an expression; at the top of a class or file theirs.
    fn scope_of(&self, file: FileId, id: ExprId, framework: usize) -> Option<RouterId> {
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        match (expr.function, expr.class) {
            (Some(function), _) => Some(self.scope_router(file, function, framework)),
            (None, Some(class)) => self.class_router(file, class, framework),
            (None, None) => self.file_router(file, framework),
        }
    }

    /// The router that a class is, if it is one of this framework.
    fn class_router(&self, file: FileId, class: ClassId, framework: usize) -> Option<RouterId> {
        let router = self.known_router(file, RouterKey::Class(class))?;
        let own = self.routers.borrow()[router.0 as usize].framework == framework;
        own.then_some(router)
    }

    fn scope_router(&self, file: FileId, function: FnId, framework: usize) -> RouterId {
        let key = RouterKey::Scope(function, framework);
        let parsed = self.project.parsed(file);
        let element = parsed.unit.function(function);
        let made = self.router(file, key, || Router {
            name: element.name.to_string(),
            listed: true,
            ..Router::new(framework, file, element.span)
        });
        made.0
    }

    /// The router of a file whose statements are routes, by a rule that says so.
    pub(super) fn file_router(&self, file: FileId, framework: usize) -> Option<RouterId> {
        let key = RouterKey::File(framework);
        if let Some(known) = self.known_router(file, key) {
            return Some(known);
        }
        let rules = self.rules.all.iter();
        let rule = rules
            .filter(|loaded| loaded.framework == framework)
            .find(|loaded| {
                loaded.rule.whole_file
                    && self.allowed(file, loaded)
                    && (!loaded.rule.imported || self.imported(file).contains(&framework))
            })?;
        let path = self.project.path(file);
        let (router, _) = self.router(file, key, || Router {
            name: path.rsplit('/').next().unwrap_or(&path).to_owned(),
            root: rule.rule.root,
            ..Router::new(framework, file, Span::default())
        });
        Some(router)
    }

    /// The file that a text or a call around it names: `base_path("routes/api.php")`.
    fn named_file(&self, file: FileId, id: ExprId, template: Option<&str>) -> Option<FileId> {
        let parsed = self.project.parsed(file);
        let text = self.path_text(file, id).text;
        let text = match template {
            Some(template) if !text.contains(UNKNOWN) => template.replace("{}", &text),
            Some(_) => return None,
            None => text,
        };
        let known = match &*text {
            UNKNOWN | "" => {
                let ExprKind::Call { args, .. } = parsed.unit.kind(id) else {
                    return None;
                };
                self.path_text(file, args.first()?.value).text
            }
            _ => text,
        };
        // What stands in front is a folder that only the running program knows.
        let tail = known.rsplit(UNKNOWN).next().unwrap_or(&known);
        let mut words: Vec<&str> = Vec::new();
        for word in tail
            .split('/')
            .filter(|word| !word.is_empty() && *word != ".")
        {
            if word == ".." {
                words.pop();
            } else {
                words.push(word);
            }
        }
        let tail = words.join("/");
        if !tail.contains('.') {
            return None;
        }
        let paths = self.project.paths();
        let suffix = format!("/{tail}");
        let exact = paths.get(&tail);
        let own = self.project.path(file);
        let near = |path: &&String| {
            let shared = own.split('/').zip(path.split('/'));
            shared.take_while(|(a, b)| a == b).count()
        };
        let below = || {
            paths
                .iter()
                .filter(|path| path.ends_with(&suffix))
                .max_by_key(near)
        };
        self.project.load(exact.or_else(below)?)
    }

    /// The routers of the functions and files that a rule's `scope` picks.
    fn scopes(&self, matched: &Matched, rule: &Rule, framework: usize) -> Vec<RouterId> {
        let mut found = Vec::new();
        for (file, id) in self.all_exprs(matched, &rule.scope) {
            match self.eval(file, id) {
                Value::Function(at, function) => {
                    found.push(self.scope_router(at, function, framework));
                }
                Value::Map(..) | Value::Class(..) | Value::Router(_) => {}
                _ => {
                    let other = self.named_file(file, id, rule.file.as_deref());
                    found.extend(other.and_then(|other| self.file_router(other, framework)));
                }
            }
        }
        found
    }

    /// Registers a call whose router is the block that it stands in.
    pub(super) fn register_scoped(
        &self,
        file: FileId,
        id: ExprId,
        rule_id: usize,
        matched: &Matched,
    ) {
        let loaded = self.rule(rule_id);
        let rule = &loaded.rule;
        let framework = loaded.framework;
        let span = self.project.parsed(file).unit.expr(id).span;
        if rule.link == Some(Link::Router) {
            let prefix = self.path(matched, &rule.path).unwrap_or_default();
            let guards = self.guard_uses(matched, &rule.guards, "app");
            for router in self.scopes(matched, rule, framework) {
                let mut routers = self.routers.borrow_mut();
                let router = &mut routers[router.0 as usize];
                router.root = true;
                router.listed = false;
                router.prefix = prefix.clone();
                router.guards.extend(guards.iter().cloned());
            }
            return;
        }
        if rule.link == Some(Link::Concern) {
            let name = self.texts(matched, &rule.named).into_iter().next();
            if let (Some(name), Some(router)) = (
                name,
                self.scopes(matched, rule, framework).into_iter().next(),
            ) {
                let mut concerns = self.concerns.borrow_mut();
                concerns.insert((framework, name), router);
            }
            return;
        }
        let Some(parent) = self.scope_of(file, id, framework) else {
            return;
        };
        match rule.link {
            Some(Link::Mount) => {
                let mut path = match self.typed_path(matched, &rule.path) {
                    Some(typed) => match typed {
                        Some(path) => path,
                        None => return,
                    },
                    None => self.path(matched, &rule.path).unwrap_or_default(),
                };
                if rule.braced && !path.text.is_empty() {
                    path.text = format!("{{{}}}", path.text);
                }
                let place = Place {
                    module: self.texts(matched, &rule.module).into_iter().next(),
                    controller: self.texts(matched, &rule.controller).into_iter().next(),
                    nested: None,
                    outside: rule.around,
                    member: rule.around && path.text.contains('{'),
                    shallow: rule.shallow_inside || self.says(matched, &rule.shallow),
                    methods: self.upper(self.texts(matched, &rule.methods)),
                };
                let mut children = self.scopes(matched, rule, framework);
                for (at, child) in self.all_exprs(matched, &rule.child) {
                    let name = match self.eval(at, child) {
                        Value::Str(name) => Some(name),
                        _ => None,
                    };
                    let concerns = self.concerns.borrow();
                    let concern = name.and_then(|name| concerns.get(&(framework, name)).copied());
                    drop(concerns);
                    match concern {
                        Some(router) => children.push(router),
                        None => children.extend(self.routers_of(at, child)),
                    }
                }
                let guards = self.named_guard_uses(matched, &rule.guards, "router");
                for child in children {
                    self.hang_at(
                        parent,
                        child,
                        (path.clone(), guards.clone()),
                        place.clone(),
                        file,
                        span,
                    );
                }
            }
            Some(Link::Route) => self.add_scoped_route(parent, rule_id, matched, span),
            Some(Link::Resource) => self.add_resource(parent, rule_id, matched, span),
            Some(Link::Prefix) => {
                if let Some(path) = self.path(matched, &rule.path) {
                    let mut routers = self.routers.borrow_mut();
                    let prefix = &mut routers[parent.0 as usize].prefix;
                    let texts = match rule.around {
                        true => [&*path.text, &*prefix.text],
                        false => [&*prefix.text, &*path.text],
                    };
                    *prefix = PathText {
                        text: texts.join("/"),
                        unknown: prefix.unknown || path.unknown,
                    };
                }
            }
            Some(Link::Guard) => {
                let path = self.path(matched, &rule.path);
                for guard in self.named_guard_uses(matched, &rule.guards, "router") {
                    let kind = EntryKind::Guard {
                        guard,
                        path: path.clone(),
                        applies: rule.applies,
                    };
                    let order = (file, span.end);
                    self.push(parent, Entry { order, kind });
                }
            }
            _ => {}
        }
    }

    /// The words of a map: `{ new: "sign_in" }`.
    fn pairs(&self, matched: &Matched, selectors: &[Selector]) -> HashMap<String, String> {
        let mut found = HashMap::default();
        for (file, id) in self.exprs(matched, selectors) {
            let Value::Map(file, map) = self.eval(file, id) else {
                continue;
            };
            let parsed = self.project.parsed(file);
            let ExprKind::Map(pairs) = parsed.unit.kind(map) else {
                continue;
            };
            for (key, value) in pairs {
                if let (Some(key), Some(value)) = (self.word(file, *key), self.word(file, *value)) {
                    found.insert(key, value);
                }
            }
        }
        found
    }

    fn upper(&self, words: Vec<String>) -> Vec<String> {
        words.iter().map(|word| word.to_uppercase()).collect()
    }

    fn says(&self, matched: &Matched, selectors: &[Selector]) -> bool {
        let words = self.texts(matched, selectors);
        words.first().is_some_and(|word| word == "true")
    }

    fn hang_at(
        &self,
        parent: RouterId,
        child: RouterId,
        (prefix, guards): (PathText, Vec<GuardUse>),
        place: Place,
        file: FileId,
        span: Span,
    ) {
        let mount = Mount {
            prefix,
            guards,
            place: Some(Box::new(place)),
            ..Mount::new(child, file, span)
        };
        self.push_at(parent, (file, span.end), EntryKind::Mount(mount));
    }

    /// A route whose handler may be named by a text, by its path or by what is around.
    fn add_scoped_route(&self, parent: RouterId, rule_id: usize, matched: &Matched, span: Span) {
        let loaded = self.rule(rule_id);
        let rule = &loaded.rule;
        let handlers = &self.rules.frameworks[loaded.framework].handlers;
        let mut paths = Vec::new();
        let typed = self.typed_path(matched, &rule.path);
        if let Some(None) = typed {
            return;
        }
        let written = match &typed {
            Some(_) => Vec::new(),
            None => self.exprs(matched, &rule.path),
        };
        paths.extend(typed.flatten());
        for (file, id) in written {
            let mut all = Vec::new();
            self.flatten(file, id, &mut all, 0);
            for (file, id) in all {
                // A block that follows a route without a path is none.
                if !matches!(self.eval(file, id), Value::Function(..)) {
                    paths.extend(self.path_texts(file, id));
                }
            }
        }
        if paths.is_empty() {
            let fixed = rule.path.iter().find_map(|selector| selector.text.clone());
            let Some(text) = fixed else { return };
            paths.push(PathText {
                text,
                unknown: false,
            });
        }
        let mut guards = self.named_guard_uses(matched, &rule.guards, "handler");
        let found = self.exprs(matched, &rule.handler).into_iter().next();
        let (mut handler, mut named) = (None, Named::default());
        if let Some((file, id)) = found {
            match self.eval(file, id) {
                Value::Str(text) => {
                    // A selector may take a part of the text only.
                    let part = self.texts(matched, &rule.handler).into_iter().next();
                    named = self.named_by(&part.unwrap_or(text), &handlers.separator);
                }
                Value::List(at, items) => (handler, named) = self.handler_pair(at, &items),
                value @ (Value::Class(..) | Value::Instance(..)) => {
                    handler = self.invoked(&value, &handlers.invoke);
                }
                Value::Map(..) => {}
                _ => handler = self.handler(file, id, &mut guards, 0),
            }
        }
        let text = |selectors: &[Selector]| self.texts(matched, selectors).into_iter().next();
        named.class = text(&rule.controller).or(named.class);
        named.method = text(&rule.action).or(named.method);
        let methods = self.upper(self.texts(matched, &rule.methods));
        for path in paths {
            let mut named = named.clone();
            if named.method.is_none() && handler.is_none() && handlers.by_path {
                // `get "stories/search"` answers with `search` of the stories.
                let plain = path.text.trim_matches('/');
                let (class, method) = match plain.rsplit_once('/') {
                    Some((class, method)) => (Some(class.to_owned()), method),
                    None => (None, plain),
                };
                named.class = named.class.or(class);
                named.method = Some(method.to_owned());
            }
            let is_named = named.method.is_some() || named.class.is_some();
            let path = match self.path(matched, &rule.base) {
                Some(base) => PathText {
                    text: format!(
                        "{}/{}",
                        base.text.trim_end_matches('/'),
                        path.text.trim_start_matches('/')
                    ),
                    unknown: base.unknown || path.unknown,
                },
                None => path,
            };
            let path = match &rule.prefix {
                Some(prefix) => PathText {
                    text: format!("{prefix}/{}", path.text.trim_start_matches('/')),
                    ..path
                },
                None => path,
            };
            let place = Place {
                outside: rule.around,
                member: rule.around && path.text.contains('{'),
                ..Place::default()
            };
            let route = Route {
                methods: methods.clone(),
                path,
                handler: handler.clone(),
                named: is_named.then_some(named),
                guards: guards.clone(),
                protocol: rule.protocol.clone(),
                place: Some(Box::new(place)),
                ..Route::new(rule_id, matched.file, span)
            };
            self.push_route(parent, matched, route);
        }
    }

    /// Pushes a route and remembers which call made it.
    pub(super) fn push_route(&self, router: RouterId, matched: &Matched, route: Route) {
        if let Some(call) = matched.value {
            let at = self.routers.borrow()[router.0 as usize].entries.len();
            let mut made = self.made.borrow_mut();
            let all = made.entry((matched.file, call)).or_default();
            all.push((router, at));
        }
        self.push_at(
            router,
            (route.file, route.span.end),
            EntryKind::Route(route),
        );
    }

    /// `users#show`, `UserController@show`.
    fn named_by(&self, text: &str, separator: &str) -> Named {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match text.split_once(separator).filter(|_| !separator.is_empty()) {
            Some((class, method)) => Named {
                class: some(class),
                method: some(method),
            },
            None => Named {
                class: None,
                method: some(text),
            },
        }
    }

    /// `[UserController::class, "show"]`.
    pub(super) fn handler_pair(&self, file: FileId, items: &[ExprId]) -> (Option<Handler>, Named) {
        let [class, method] = items else {
            return (None, Named::default());
        };
        let Value::Str(method) = self.eval(file, *method) else {
            return (None, Named::default());
        };
        match self.eval(file, *class) {
            Value::Class(at, class) | Value::Instance(at, class) => {
                match self.class_member(at, class, &method, 0) {
                    Value::Function(file, function) => (
                        Some(self.method_of(at, class, file, function)),
                        Named::default(),
                    ),
                    _ => (Some(Handler::Class(at, class)), Named::default()),
                }
            }
            Value::External(path) => {
                let class = path.rsplit('.').next().unwrap_or(&path);
                (
                    Some(Handler::Other(format!("{class}.{method}"))),
                    Named::default(),
                )
            }
            _ => (None, Named::default()),
        }
    }

    /// A method as the handler of a class that may have inherited it.
    fn method_of(&self, file: FileId, class: ClassId, at: FileId, function: FnId) -> Handler {
        Handler::Method((file, class), at, function)
    }

    /// A class that answers by itself, through the method that frameworks call.
    fn invoked(&self, value: &Value, names: &[String]) -> Option<Handler> {
        let (Value::Class(file, class) | Value::Instance(file, class)) = value else {
            return None;
        };
        let method =
            names
                .iter()
                .find_map(|name| match self.class_member(*file, *class, name, 0) {
                    Value::Function(at, function) => Some((at, function)),
                    _ => None,
                });
        Some(match method {
            Some((at, function)) => self.method_of(*file, *class, at, function),
            None => Handler::Class(*file, *class),
        })
    }

    /// The routes of a resource: a table of actions, limited by `only` and `except`.
    fn add_resource(&self, parent: RouterId, rule_id: usize, matched: &Matched, span: Span) {
        let loaded = self.rule(rule_id);
        let rule = &loaded.rule;
        let handlers = &self.rules.frameworks[loaded.framework].handlers;
        let (only, except) = (
            self.limits(matched, &rule.only),
            self.limits(matched, &rule.except),
        );
        let text = |selectors: &[Selector]| self.texts(matched, selectors).into_iter().next();
        let names: Vec<String> = self.texts(matched, &rule.path);
        let class = self.exprs(matched, &rule.handler).into_iter().next();
        let class = class.map(|(file, id)| self.eval(file, id));
        let guards = self.named_guard_uses(matched, &rule.guards, "handler");
        let segment = text(&rule.segment);
        let parameter = text(&rule.key).unwrap_or_else(|| "id".to_owned());
        let controller = text(&rule.controller);
        let module = text(&rule.module);
        let shallow = self.says(matched, &rule.shallow);
        let renamed = self.pairs(matched, &rule.renamed);
        let classes = self.pairs(matched, &rule.controllers);
        for name in &names {
            // `photos.comments` is nested: `/photos/{photo}/comments`.
            let mut words: Vec<&str> = match rule.dotted {
                true => name.split('.').collect(),
                false => vec![name],
            };
            let own = words.pop().unwrap_or(name);
            let mut base: String = words
                .iter()
                .map(|word| format!("/{word}/{{{}}}", singular(word)))
                .collect();
            let segment = segment.as_deref().unwrap_or(own);
            if !segment.is_empty() {
                base.push('/');
                base.push_str(segment);
            }
            let single = singular(own);
            let class_name = controller.clone().unwrap_or_else(|| {
                let plural = match rule.plural_class && !own.ends_with('s') {
                    true => format!("{own}s"),
                    false => own.to_owned(),
                };
                match &module {
                    Some(module) => format!("{module}/{plural}"),
                    None => plural,
                }
            });
            for (action, words) in &rule.actions {
                // `sessions#new` names a class of its own.
                let (other, method) = match action.split_once(&handlers.separator) {
                    Some((class, method)) if !handlers.separator.is_empty() => {
                        (Some(class), method)
                    }
                    _ => (None, &**action),
                };
                let said = |words: &[String]| {
                    words
                        .iter()
                        .any(|word| *word == *action || other == Some(&**word))
                };
                let wanted = only.as_ref().is_none_or(|only| said(only))
                    && !except.as_ref().is_some_and(|except| said(except));
                if !wanted {
                    continue;
                }
                let mut words = words.split(' ');
                let verbs = words.next().unwrap_or_default();
                let suffix = words.next().unwrap_or_default();
                let own_handler = words.next();
                let class_name = match other {
                    Some(other) => match (classes.get(other), &module) {
                        (Some(class), _) => class.clone(),
                        (None, Some(module)) => format!("{module}/{other}"),
                        (None, None) => other.to_owned(),
                    },
                    None => class_name.clone(),
                };
                let action = method;
                let suffix = suffix.replace("{id}", &format!("{{{parameter}}}"));
                let parts = suffix.split('/');
                let parts = parts.map(|part| renamed.get(part).map_or(part, |word| &**word));
                let suffix = parts.collect::<Vec<_>>().join("/");
                let (handler, named) = match &class {
                    _ if own_handler.is_some() => {
                        let text = own_handler.unwrap_or_default();
                        (None, Some(self.named_by(text, &handlers.separator)))
                    }
                    Some(Value::Class(at, class)) => {
                        match self.class_member(*at, *class, action, 0) {
                            Value::Function(file, function) => {
                                (Some(self.method_of(*at, *class, file, function)), None)
                            }
                            _ => (Some(Handler::Class(*at, *class)), None),
                        }
                    }
                    Some(Value::Str(text)) => (
                        None,
                        Some(Named {
                            class: Some(text.clone()),
                            method: Some(action.to_owned()),
                        }),
                    ),
                    Some(Value::External(path)) => {
                        let class = path.rsplit('.').next().unwrap_or(path);
                        (Some(Handler::Other(format!("{class}.{action}"))), None)
                    }
                    _ => (
                        None,
                        Some(Named {
                            class: Some(class_name.clone()),
                            method: Some(action.to_owned()),
                        }),
                    ),
                };
                let place = Place {
                    member: suffix.contains('{'),
                    ..Place::default()
                };
                let route = Route {
                    methods: verbs.split('|').map(str::to_owned).collect(),
                    path: PathText {
                        text: format!("{base}/{suffix}").trim_end_matches('/').to_owned(),
                        unknown: false,
                    },
                    handler,
                    named,
                    guards: guards.clone(),
                    protocol: rule.protocol.clone(),
                    place: Some(Box::new(place)),
                    ..Route::new(rule_id, matched.file, span)
                };
                self.push_route(parent, matched, route);
            }
            let inside = match &rule.nested {
                Some(template) => {
                    let key = template
                        .replace("{single}", &single)
                        .replace("{key}", &parameter);
                    format!("{base}/{{{key}}}")
                }
                None => base.clone(),
            };
            let mut children = self.scopes(matched, rule, loaded.framework);
            for concern in self.texts(matched, &rule.child) {
                let concerns = self.concerns.borrow();
                children.extend(concerns.get(&(loaded.framework, concern)).copied());
            }
            for child in children {
                let place = Place {
                    module: None,
                    controller: handlers.by_path.then(|| class_name.clone()),
                    nested: Some(base.clone()),
                    outside: false,
                    member: rule.nested.is_some(),
                    shallow,
                    methods: Vec::new(),
                };
                let prefix = PathText {
                    text: inside.clone(),
                    unknown: false,
                };
                self.hang_at(
                    parent,
                    child,
                    (prefix, Vec::new()),
                    place,
                    matched.file,
                    span,
                );
            }
        }
    }

    /// The words of `only` or `except`; none where it is not said.
    pub(super) fn limits(&self, matched: &Matched, selectors: &[Selector]) -> Option<Vec<String>> {
        let said = !self.exprs(matched, selectors).is_empty();
        said.then(|| self.texts(matched, selectors))
    }

    /// Hangs the blocks that nobody owns on the ones around them, and functions whose calls stand
    /// in blocks on those.
    pub(crate) fn settle_scopes(&self) {
        let mut settled = HashSet::default();
        loop {
            let loose: Vec<(FileId, FnId, usize, RouterId)> = {
                let ids = self.ids.borrow();
                let routers = self.routers.borrow();
                let mut all: Vec<_> = ids
                    .iter()
                    .filter_map(|((file, key), router)| match key {
                        RouterKey::Scope(function, framework) => {
                            let made = &routers[router.0 as usize];
                            let free = made.listed && !made.mounted && !settled.contains(router);
                            free.then_some((*file, *function, *framework, *router))
                        }
                        _ => None,
                    })
                    .collect();
                all.sort();
                all
            };
            let concerns: HashSet<RouterId> = self.concerns.borrow().values().copied().collect();
            if loose.is_empty() {
                return;
            }
            let wanted: BTreeSet<(FileId, FnId)> = loose
                .iter()
                .map(|(file, function, ..)| (*file, *function))
                .collect();
            let callers = self.callers(&wanted);
            for (file, function, framework, router) in loose {
                settled.insert(router);
                if concerns.contains(&router) {
                    continue;
                }
                let parsed = self.project.parsed(file);
                let element = parsed.unit.function(function);
                let span = element.span;
                if element.declared {
                    let calls = callers.get(&(file, function));
                    let mut hung = false;
                    for (at, call) in calls.into_iter().flatten() {
                        if let Some(parent) = self.scope_of(*at, *call, framework)
                            && parent != router
                        {
                            let span = self.project.parsed(*at).unit.expr(*call).span;
                            self.hang(parent, router, *at, span);
                            hung = true;
                        }
                    }
                    if !hung && self.rules.frameworks[framework].handlers.open {
                        let mut routers = self.routers.borrow_mut();
                        routers[router.0 as usize].listed = false;
                        routers[router.0 as usize].root = true;
                    }
                    continue;
                }
                let parent = match (element.parent, element.class) {
                    (Some(parent), _) => Some(self.scope_router(file, parent, framework)),
                    (None, Some(class)) => self.class_router(file, class, framework),
                    (None, None) => self.file_router(file, framework),
                };
                if let Some(parent) = parent {
                    self.hang(parent, router, file, span);
                }
            }
        }
    }

    /// The calls of some functions.
    fn callers(
        &self,
        wanted: &BTreeSet<(FileId, FnId)>,
    ) -> HashMap<(FileId, FnId), Vec<(FileId, ExprId)>> {
        let mut names = HashSet::default();
        for (file, function) in wanted {
            let parsed = self.project.parsed(*file);
            let element = parsed.unit.function(*function);
            if element.declared {
                names.insert(element.name.clone());
            }
        }
        let mut found: HashMap<_, Vec<_>> = HashMap::default();
        if names.is_empty() {
            return found;
        }
        for file in 0..self.project.len() {
            let file = FileId(file as u32);
            let parsed = self.project.parsed(file);
            for id in parsed.unit.ids() {
                if let ExprKind::Call { callee, .. } = parsed.unit.kind(id)
                    && parsed
                        .unit
                        .last_name(*callee)
                        .is_some_and(|name| names.contains(name))
                    && let Value::Function(at, function) = self.eval(file, *callee)
                    && wanted.contains(&(at, function))
                {
                    found.entry((at, function)).or_default().push((file, id));
                }
            }
        }
        found
    }

    /// The handler that a text names, with the namespace and class that the routers around give.
    /// A file in which the framework's language finds names: a document has none of its own.
    fn speaking(&self, file: FileId, framework: usize) -> FileId {
        if self.project.language(file).modules.is_some() {
            return file;
        }
        let language = &self.rules.frameworks[framework].language;
        let mut files = (0..self.project.len()).map(|file| FileId(file as u32));
        let found = files.find(|file| self.project.language(*file).name == *language);
        found.unwrap_or(file)
    }

    pub(super) fn named_handler(
        &self,
        file: FileId,
        framework: usize,
        named: &Named,
        modules: &[String],
        controller: Option<&str>,
    ) -> Handler {
        let handlers = &self.rules.frameworks[framework].handlers;
        let file = self.speaking(file, framework);
        let words = |class: Option<&str>| match (class, &named.method) {
            (Some(class), Some(method)) => format!("{class}{}{method}", handlers.separator),
            (Some(word), None) => word.to_owned(),
            (None, method) => method.clone().unwrap_or_default(),
        };
        let Some(class) = named.class.as_deref().or(controller) else {
            // A class that answers by itself, or a function, by its name alone.
            if let Some(name) = &named.method
                && !handlers.invoke.is_empty()
                && let name = name.replace('\\', ".")
                && let crate::project::Target::Class(at, class) =
                    self.project.qualified(file, name.trim_matches('.'))
            {
                let value = Value::Class(at, class);
                let handler = self.invoked(&value, &handlers.invoke);
                return handler.unwrap_or(Handler::Class(at, class));
            }
            if let Some(name) = &named.method
                && let crate::project::Target::Function(at, function) =
                    self.project.qualified(file, name)
            {
                return Handler::Function(at, function);
            }
            return Handler::Other(words(None));
        };
        let (class, absolute) = match class.strip_prefix('/') {
            Some(class) => (class, true),
            None => (class, false),
        };
        let own = match &handlers.class {
            Some(template) => {
                let own = template.replace("{Camel}", &camel(class));
                own.replace('\\', ".").trim_matches('.').to_owned()
            }
            None => class.replace('\\', ".").trim_matches('.').to_owned(),
        };
        let mut candidates = Vec::new();
        if !absolute && !modules.is_empty() {
            let inner = modules.iter().map(|module| match handlers.class {
                Some(_) => camel(module),
                None => module.replace('\\', ".").trim_matches('.').to_owned(),
            });
            candidates.push(format!("{}.{own}", inner.collect::<Vec<_>>().join(".")));
        }
        candidates.extend(
            handlers
                .namespaces
                .iter()
                .map(|space| format!("{space}.{own}")),
        );
        candidates.push(own.clone());
        // A package may hang its routes on namespaces of its own.
        let package = candidates
            .first()
            .filter(|_| handlers.class.is_some())
            .cloned();
        let known = candidates
            .iter()
            .map(|candidate| self.project.qualified(file, candidate));
        let known = known.chain(package.map(|name| self.project.ending(file, &name)));
        for found in known {
            if let crate::project::Target::Class(at, class) = found {
                let Some(method) = &named.method else {
                    let value = Value::Class(at, class);
                    return self
                        .invoked(&value, &handlers.invoke)
                        .unwrap_or(Handler::Class(at, class));
                };
                return match self.class_member(at, class, method, 0) {
                    Value::Function(file, function) => self.method_of(at, class, file, function),
                    // What a base outside answers is still guarded by the class.
                    _ => Handler::Class(at, class),
                };
            }
        }
        Handler::Other(words(Some(class)))
    }
}
