//! Functions that answer by a text that they begin with, `"use server"`: each of its own, or all
//! that a file hands out which begins with it.

use super::*;

impl Linker<'_> {
    pub(super) fn register_directives(&self, file: FileId) {
        for rule_id in self.index(file).directives.iter().copied() {
            let loaded = self.rule(rule_id);
            if !self.allowed(file, loaded) {
                continue;
            }
            let Some(text) = loaded.rule.directive.as_deref() else {
                continue;
            };
            let parsed = self.project.parsed(file);
            let unit = &parsed.unit;
            let begins = |body: Option<ExprId>| {
                let ExprKind::Block(items) = unit.kind(body?) else {
                    return None;
                };
                let first = unit.literal(*items.first()?)?;
                (first == text).then_some(())
            };
            if begins(unit.root).is_some() {
                self.handed_out(file, rule_id);
                continue;
            }
            for (at, function) in unit.functions.iter().enumerate() {
                if begins(function.body).is_some() && !function.name.is_empty() {
                    let handler = Handler::Function(file, FnId(at as u32));
                    self.add_called(file, rule_id, &function.name, handler, function.head);
                }
            }
        }
    }

    /// All that the file hands out: functions, and what calls make of functions.
    fn handed_out(&self, file: FileId, rule_id: usize) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let out = |name: &str, span: Span| {
            unit.handed_out.iter().any(|outer| outer.holds(span))
                || unit
                    .exports
                    .iter()
                    .any(|(other, id)| **other == *name || unit.last_name(*id) == Some(name))
        };
        for (at, function) in unit.functions.iter().enumerate() {
            let free = function.declared && function.parent.is_none() && function.class.is_none();
            if free && out(&function.name, function.span) {
                let handler = Handler::Function(file, FnId(at as u32));
                self.add_called(file, rule_id, &function.name, handler, function.head);
            }
        }
        for assign in &unit.assigns {
            let (Some(name), Some(value)) = (&assign.name, assign.value) else {
                continue;
            };
            let free = assign.function.is_none() && assign.class.is_none();
            if !free || !out(name, assign.span) {
                continue;
            }
            if let ExprKind::Function(function) = unit.kind(value) {
                let handler = Handler::Function(file, *function);
                self.add_called(file, rule_id, name, handler, assign.span);
                continue;
            }
            if !matches!(unit.kind(value), ExprKind::Call { .. }) {
                continue;
            }
            // A chain of calls that its rules know, or a wrapper around the function.
            let router = self.called_router(file, rule_id);
            let count = || self.routers.borrow()[router.0 as usize].entries.len();
            let before = count();
            self.keyed_route(router, file, value, &format!("/{name}"));
            if count() > before {
                continue;
            }
            let mut guards = Vec::new();
            let handler = self.handler(file, value, &mut guards, 0);
            if let Some(handler @ Handler::Function(..)) = handler {
                let at = self.add_called(file, rule_id, name, handler, assign.span);
                let mut routers = self.routers.borrow_mut();
                if let Some(entry) = routers[router.0 as usize].entries.get_mut(at)
                    && let EntryKind::Route(route) = &mut entry.kind
                {
                    route.guards.extend(guards);
                }
            }
        }
    }

    fn called_router(&self, file: FileId, rule_id: usize) -> RouterId {
        let framework = self.rule(rule_id).framework;
        let key = RouterKey::Place(framework);
        let (router, _) = self.router(file, key, || Router {
            root: true,
            ..Router::new(framework, file, Span::default())
        });
        router
    }

    /// Adds what is called by its name; gives its place among the router's entries.
    fn add_called(
        &self,
        file: FileId,
        rule_id: usize,
        name: &str,
        handler: Handler,
        span: Span,
    ) -> usize {
        let rule = &self.rule(rule_id).rule;
        let router = self.called_router(file, rule_id);
        let methods = rule.methods.iter().filter_map(|one| one.text.clone());
        let route = Route {
            methods: methods.collect(),
            path: PathText {
                text: name.to_owned(),
                unknown: false,
            },
            handler: Some(handler),
            protocol: rule.protocol.clone(),
            ..Route::new(rule_id, file, span)
        };
        let at = self.routers.borrow()[router.0 as usize].entries.len();
        self.push_at(router, (file, span.end), EntryKind::Route(route));
        at
    }
}
