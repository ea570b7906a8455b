//! Routers that are maps: the key is a route's name, the value is a chain of calls that makes it.

use super::*;
use crate::project::Target;

/// Maps in maps and builders of builders are followed no deeper than this.
const MAX_NESTED: u32 = 8;

impl Linker<'_> {
    /// Hangs what a map holds onto a router.
    pub(super) fn add_keyed(&self, router: RouterId, rule_id: usize, matched: &Matched) {
        let rule = &self.rule(rule_id).rule;
        for (file, id) in self.exprs(matched, &rule.keyed) {
            self.keyed_map(router, (rule_id, file), id, "", 0);
        }
    }

    fn keyed_map(
        &self,
        router: RouterId,
        (rule_id, file): (usize, FileId),
        id: ExprId,
        outer: &str,
        depth: u32,
    ) {
        let Value::Map(file, map) = self.eval(file, id) else {
            return;
        };
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let ExprKind::Map(pairs) = unit.kind(map) else {
            return;
        };
        if depth > MAX_NESTED {
            return;
        }
        for (key, value) in pairs {
            let name = match unit.kind(*key) {
                ExprKind::Name(name) | ExprKind::Str(name) => format!("{outer}/{name}"),
                // `...queries`
                ExprKind::Null => {
                    self.keyed_map(router, (rule_id, file), *value, outer, depth + 1);
                    continue;
                }
                _ => continue,
            };
            match self.eval(file, *value) {
                Value::Router(child) => {
                    let span = unit.expr(*value).span;
                    let mut mount = Mount::new(child, file, span);
                    if !self.rule(rule_id).rule.pathless {
                        mount.prefix.text.clone_from(&name);
                    }
                    let kind = EntryKind::Mount(mount);
                    let order = (file, span.end);
                    self.push_keyed(router, &name, Entry { order, kind });
                }
                Value::Map(at, map) => {
                    if !self.written_route(router, rule_id, (at, map), &name) {
                        self.keyed_map(router, (rule_id, at), map, &name, depth + 1);
                    }
                }
                _ => {
                    let (at, id) = self.definition(file, *value);
                    self.keyed_route(router, at, id, &name);
                }
            }
        }
    }

    /// The expression that a name stands for.
    pub(super) fn definition(&self, file: FileId, id: ExprId) -> (FileId, ExprId) {
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        let target = match &expr.kind {
            ExprKind::Name(name) => self
                .project
                .lookup(file, name, expr.function, expr.span.start),
            ExprKind::Member { object, property } => match self.eval(file, *object) {
                Value::Module(module) => self.project.export(module, property, 0),
                Value::Map(at, map) => match self.map_value(at, map, property) {
                    Some((at, id)) => return self.definition(at, id),
                    None => Target::Unknown,
                },
                _ => Target::Unknown,
            },
            _ => Target::Unknown,
        };
        match target {
            Target::Assign(at, index) => {
                let value = self.project.parsed(at).unit.assigns[index as usize].value;
                match value {
                    Some(value) if (at, value) != (file, id) => self
                        .deeper(|| self.definition(at, value))
                        .unwrap_or((at, value)),
                    _ => (file, id),
                }
            }
            _ => (file, id),
        }
    }

    pub(super) fn keyed_route(&self, router: RouterId, file: FileId, id: ExprId, name: &str) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut guards = Vec::new();
        self.chain_guards(file, id, &mut guards, 0);
        let mut handler = None;
        let mut next = Some(id);
        while let Some(id) = next {
            next = match unit.kind(id) {
                ExprKind::Call { callee, .. } => Some(*callee),
                ExprKind::Member { object, .. } => Some(*object),
                _ => None,
            };
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                continue;
            };
            let Some(last) = unit.last_name(*callee) else {
                continue;
            };
            let matched = self.matched(file, id);
            for (route_id, pattern) in self.call_rules(file, *callee, last) {
                let loaded = self.rule(route_id);
                let pattern = &loaded.patterns[pattern];
                if loaded.rule.link != Some(Link::Route)
                    || pattern.receiver.as_deref() != Some("$keyed")
                    || !pattern.matches(last)
                    || !self.in_use(file, loaded.framework)
                    || !self.holds(&matched, &loaded.rule.constraints)
                {
                    continue;
                }
                let mut around = guards.clone();
                let answers = self
                    .exprs(&matched, &loaded.rule.handler)
                    .into_iter()
                    .next();
                if let Some((at, answer)) = answers {
                    handler = self.handler(at, answer, &mut around, 0);
                }
                let own = self.path(&matched, &loaded.rule.path);
                let under = own.is_none();
                let methods = self.texts(&matched, &loaded.rule.methods);
                let span = unit.expr(id).span;
                let route = Route {
                    named: None,
                    place: None,
                    methods: methods.iter().map(|method| method.to_uppercase()).collect(),
                    path: own.unwrap_or_else(|| PathText {
                        text: name.to_owned(),
                        unknown: false,
                    }),
                    handler: handler.clone(),
                    guards: around,
                    protocol: loaded.rule.protocol.clone(),
                    rule: route_id,
                    file,
                    span: Span {
                        end: span.end,
                        ..unit.expr(id).span
                    },
                };
                // A path of its own does not hang below the keys.
                let to = if under {
                    router
                } else {
                    self.by_itself(route_id, file)
                };
                let kind = EntryKind::Route(route);
                let order = (file, span.end);
                self.push(to, Entry { order, kind });
            }
        }
    }

    /// The router of a file's routes that have a path of their own.
    fn by_itself(&self, route: usize, file: FileId) -> RouterId {
        let framework = self.rule(route).framework;
        let key = RouterKey::Place(framework);
        let (router, _) = self.router(file, key, || Router {
            name: String::new(),
            root: true,
            ..Router::new(framework, file, Span::default())
        });
        router
    }

    /// The guards that a chain of calls and the builders that it starts from put before a route.
    fn chain_guards(&self, file: FileId, id: ExprId, guards: &mut Vec<GuardUse>, depth: u32) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut at = id;
        loop {
            match unit.kind(at) {
                ExprKind::Call { callee, .. } => {
                    let matched = self.matched(file, at);
                    if let Some(last) = unit.last_name(*callee) {
                        for (rule_id, pattern) in self.call_rules(file, *callee, last) {
                            let loaded = self.rule(rule_id);
                            let pattern = &loaded.patterns[pattern];
                            if loaded.rule.link == Some(Link::Guard)
                                && pattern.receiver.as_deref() == Some("$keyed")
                                && pattern.matches(last)
                            {
                                let mut own =
                                    self.guard_uses(&matched, &loaded.rule.guards, "handler");
                                // Whatever only adds to the context is not worth a word.
                                own.retain(|guard| guard.class != Classified::Not);
                                guards.extend(own);
                            }
                        }
                    }
                    at = *callee;
                }
                ExprKind::Member { object, .. } => at = *object,
                _ => break,
            }
        }
        if at == id && depth > 0 && !matches!(unit.kind(id), ExprKind::Name(_)) {
            return;
        }
        let (other, made) = self.definition(file, at);
        let mut base = Vec::new();
        if (other, made) != (file, at) {
            if depth < MAX_NESTED {
                self.chain_guards(other, made, &mut base, depth + 1);
            }
            // What a builder asks is shown under the builder's name.
            if let Some(first) = base.first() {
                guards.push(GuardUse {
                    body: None,
                    file,
                    span: unit.expr(at).span,
                    text: self.guard_text(file, at),
                    class: first.class.clone(),
                    attached: "handler",
                });
            }
            return;
        }
        // A builder from elsewhere speaks by its name only.
        if let ExprKind::Name(_) = unit.kind(at)
            && matches!(self.eval(file, at), Value::External(_) | Value::Unknown)
            && let guard = self.guard_use(file, at, "handler")
            && matches!(guard.class, Classified::Guard { .. })
        {
            guards.push(guard);
        }
    }
}
