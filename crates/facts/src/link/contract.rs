//! Routers that only promise routes, as maps that hold method and path, and what answers them:
//! `contract({ list: { method: "GET", path: "/users" } })`, `answer(contract, { list: async () => … })`.

use super::select::Matched;
use super::*;

impl Linker<'_> {
    /// A route that is written as a map: `{ method: "GET", path: "/users" }`.
    pub(super) fn written_route(
        &self,
        router: RouterId,
        rule_id: usize,
        (file, map): (FileId, ExprId),
        key: &str,
    ) -> bool {
        let framework = self.rule(rule_id).framework;
        let found = self.index(file).maps.iter().find(|id| {
            let loaded = self.rule(**id);
            let has = &loaded.rule.has;
            loaded.rule.link == Some(Link::Route)
                && loaded.framework == framework
                && has
                    .keys()
                    .all(|key| self.map_value(file, map, key).is_some())
        });
        let Some(found) = found else {
            return false;
        };
        let rule = &self.rule(*found).rule;
        let matched = Matched {
            file,
            callee: None,
            args: vec![Arg {
                name: None,
                value: map,
                spread: false,
            }],
            value: Some(map),
        };
        let methods = self.texts(&matched, &rule.methods).into_iter();
        let span = self.project.parsed(file).unit.expr(map).span;
        let route = Route {
            methods: methods.map(|one| one.to_uppercase()).collect(),
            path: self.path(&matched, &rule.path).unwrap_or_default(),
            handler: Some(Handler::Other(key.trim_start_matches('/').to_owned())),
            protocol: rule.protocol.clone(),
            ..Route::new(*found, file, span)
        };
        let order = (file, span.end);
        let kind = EntryKind::Route(route);
        self.push_keyed(router, key, Entry { order, kind });
        true
    }

    /// Hangs an entry onto a router under its key in a map.
    pub(super) fn push_keyed(&self, router: RouterId, key: &str, entry: Entry) {
        let at = self.routers.borrow()[router.0 as usize].entries.len();
        self.keys.borrow_mut().insert((router, at), key.into());
        self.push(router, entry);
    }

    /// A call that says what answers the routes of a router.
    pub(super) fn add_implementation(&self, rule_id: usize, matched: &Matched, span: Span) {
        let rule = &self.rule(rule_id).rule;
        let Some((at, contract)) = self.exprs(matched, &rule.child).into_iter().next() else {
            return;
        };
        let routers = self.routers_of(at, contract);
        let handlers = self.exprs(matched, &rule.handler).into_iter().next();
        let (Some((at, handlers)), Some(id)) = (handlers, matched.value) else {
            return;
        };
        let Value::Map(at, map) = self.eval(at, handlers) else {
            return;
        };
        let (root, fresh) = self.router(matched.file, RouterKey::Expr(id), || Router {
            root: true,
            guards: self.guard_uses(matched, &rule.guards, "router"),
            ..Router::new(self.rule(rule_id).framework, matched.file, span)
        });
        if fresh {
            for contract in routers {
                self.answer(contract, at, map, 0);
                self.hang(root, contract, matched.file, span);
            }
        }
    }

    /// Gives the routes of a router the handlers that stand under their keys.
    fn answer(&self, router: RouterId, file: FileId, map: ExprId, depth: u32) {
        if depth > 6 {
            return;
        }
        let count = self.routers.borrow()[router.0 as usize].entries.len();
        for at in 0..count {
            let key = self.keys.borrow().get(&(router, at)).cloned();
            let Some(key) = key else { continue };
            let found = self.keyed(file, map, Some(&key.trim_matches('/').replace('/', ".")));
            let Some((file, id)) = found else { continue };
            let child = match &self.routers.borrow()[router.0 as usize].entries[at].kind {
                EntryKind::Mount(mount) => Some(mount.child),
                _ => None,
            };
            if let Some(child) = child {
                if let Value::Map(file, map) = self.eval(file, id) {
                    self.answer(child, file, map, depth + 1);
                }
                continue;
            }
            let mut guards = Vec::new();
            let handler = self.handler(file, id, &mut guards, 0);
            let span = self.project.parsed(file).unit.expr(id).span;
            if let EntryKind::Route(route) =
                &mut self.routers.borrow_mut()[router.0 as usize].entries[at].kind
            {
                route.handler = handler.or(route.handler.take());
                route.guards.extend(guards);
                // What answers is more than what is promised.
                (route.file, route.span) = (file, span);
            }
        }
    }
}
