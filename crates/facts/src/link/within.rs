//! Routes that hang below a call because they are registered inside the function that it is handed:
//! `m.Group("/users", func() { m.Get("/", list) }, signedIn)`.

use super::*;

impl Linker<'_> {
    fn nests(&self, framework: usize) -> bool {
        self.rules
            .all
            .iter()
            .any(|loaded| loaded.framework == framework && loaded.rule.inside_function)
    }

    /// The router that a name stands for at this place: inside a function without parameters it is
    /// a part of the one outside, which hangs wherever the function is handed to.
    pub(super) fn at_place(&self, file: FileId, id: ExprId, router: RouterId) -> RouterId {
        let (framework, made, span) = {
            let routers = self.routers.borrow();
            let router = &routers[router.0 as usize];
            (router.framework, router.file, router.span)
        };
        if !self.nests(framework) {
            return router;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut scope = unit.expr(id).function;
        while let Some(function) = scope {
            let element = unit.function(function);
            let inside = element.span;
            let own = made == file && inside.holds(span);
            if element.declared || own {
                return router;
            }
            if element.params.is_empty() {
                return self.part_of(file, function, router);
            }
            scope = element.parent;
        }
        router
    }

    /// What a function without parameters registers on a router.
    fn part_of(&self, file: FileId, function: FnId, router: RouterId) -> RouterId {
        let framework = self.routers.borrow()[router.0 as usize].framework;
        let span = self.project.parsed(file).unit.function(function).span;
        let key = RouterKey::Part(function, router);
        let (part, _) = self.router(file, key, || Router {
            name: "a group".to_owned(),
            ..Router::new(framework, file, span)
        });
        part
    }

    /// The part of a router, or of the one that it is a part of, that a function registers: what
    /// it calls may do so later.
    pub(super) fn part_ahead(&self, file: FileId, id: ExprId, router: RouterId) {
        if let Value::Function(at, function) = self.eval(file, id)
            && self.parts_in(at, function).is_empty()
        {
            let ids = self.ids.borrow();
            let outer = ids.iter().find_map(|((_, key), part)| match key {
                RouterKey::Part(_, outer) if *part == router => Some(*outer),
                _ => None,
            });
            drop(ids);
            self.part_of(at, function, outer.unwrap_or(router));
        }
    }

    /// The parts of routers that are registered inside a function, with the routers outside.
    pub(super) fn parts_in(&self, file: FileId, function: FnId) -> Vec<(RouterId, RouterId)> {
        let ids = self.ids.borrow();
        let mut all: Vec<(RouterId, RouterId)> = ids
            .iter()
            .filter_map(|((at, key), part)| match key {
                RouterKey::Part(own, outer) if *at == file && *own == function => {
                    Some((*outer, *part))
                }
                _ => None,
            })
            .collect();
        all.sort();
        all
    }

    /// A call of such a function hangs its routes where the call stands.
    pub(super) fn called_in_place(&self, file: FileId, id: ExprId, callee: ExprId) {
        let parsed = self.project.parsed(file);
        if !matches!(parsed.unit.kind(callee), ExprKind::Name(_)) {
            return;
        }
        let Value::Function(at, function) = self.eval(file, callee) else {
            return;
        };
        for (outer, part) in self.parts_in(at, function) {
            let parent = self.at_place(file, callee, outer);
            self.hang(parent, part, file, parsed.unit.expr(id).span);
        }
    }
}
