//! Routers inside something that answers in their place: `logged(authenticated(mux))`.

use super::*;

impl Linker<'_> {
    /// A call of a function that is handed a router, where its rule says that functions which take
    /// such a thing wrap it: a router that has the function as its guard.
    pub(super) fn wrapped(
        &self,
        file: FileId,
        id: ExprId,
        target: (FileId, FnId),
        args: &[Arg],
    ) -> Option<RouterId> {
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, .. } = parsed.unit.kind(id) else {
            return None;
        };
        let (index, inner) =
            args.iter()
                .enumerate()
                .find_map(|(index, arg)| match self.eval(file, arg.value) {
                    Value::Router(router) => Some((index, router)),
                    _ => None,
                })?;
        let ty = self.param_type(target.0, target.1, index)?;
        if !self.answers_requests(&ty) {
            return None;
        }
        let guard = self.guard_use(file, *callee, "mount");
        let span = parsed.unit.expr(id).span;
        let outer = {
            let routers = self.routers.borrow();
            let inner = &routers[inner.0 as usize];
            (inner.framework, inner.root)
        };
        let (router, fresh) = self.router(file, RouterKey::Expr(id), || Router {
            name: guard.text.clone(),
            guards: vec![guard],
            root: outer.1,
            ..Router::new(outer.0, file, span)
        });
        if fresh {
            self.hang(router, inner, file, span);
        }
        Some(router)
    }

    /// Whether a rule says that what has this type answers requests.
    pub(super) fn answers_requests(&self, ty: &str) -> bool {
        self.rules.all.iter().any(|loaded| {
            let mut types = loaded.rule.wraps.iter();
            types.any(|text| crate::rule::Pattern::parse(text).matches(ty))
        })
    }

    /// The router of a call that only takes a prefix away before it hands on.
    pub(super) fn below(
        &self,
        file: FileId,
        id: ExprId,
        framework: usize,
        prefix: PathText,
        child: RouterId,
    ) -> RouterId {
        let router = self.group(file, id, framework, &[child]);
        self.routers.borrow_mut()[router.0 as usize].prefix = prefix;
        router
    }
}
