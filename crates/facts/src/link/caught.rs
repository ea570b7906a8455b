//! Denials that are caught and forgotten: `try: check(user) except PermissionDenied: pass`.

use super::*;

impl Linker<'_> {
    /// Whether what an expression raises is caught around it, in its function, and nothing comes
    /// of it.
    pub(crate) fn swallowed(&self, file: FileId, id: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let expr = unit.expr(id);
        let inside = |span: Span| {
            let around = expr.function.map(|function| unit.function(function).span);
            around.is_none_or(|around| around.holds(span))
        };
        let mut tries = unit.tries.iter();
        tries.any(|attempt| {
            attempt.body.holds(expr.span)
                && inside(attempt.body)
                && attempt.clauses.iter().any(|clause| {
                    !clause.matters
                        && (clause.all || self.names_denial(file, clause.head))
                        && !unit
                            .inside(clause.body)
                            .any(|id| self.said_denial(file, id).is_some())
                })
        })
    }

    /// Whether an expression inside is the name of what denials raise.
    fn names_denial(&self, file: FileId, head: Span) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        unit.inside(head).any(|id| {
            let Some(last) = unit.last_name(id) else {
                return false;
            };
            self.index(file)
                .names
                .candidates(last)
                .any(|(rule, pattern)| {
                    let loaded = self.rule(rule);
                    loaded.rule.link == Some(Link::Denial)
                        && loaded.rule.constraints.is_empty()
                        && loaded.patterns[pattern].matches(last)
                })
        })
    }

    /// The prefixes that a block around, which a router's call opens, gives to a route; a path
    /// without one may be kept beside them.
    pub(super) fn block_prefixes(
        &self,
        router: RouterId,
        file: FileId,
        span: Span,
    ) -> Vec<PathText> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut all = Vec::new();
        for (head, body) in &unit.within {
            if !body.holds(span) {
                continue;
            }
            for id in unit.inside(*head) {
                let ExprKind::Call { callee, args } = unit.kind(id) else {
                    continue;
                };
                let ExprKind::Member { object, property } = unit.kind(*callee) else {
                    continue;
                };
                if self.eval(file, *object) != Value::Router(router) {
                    continue;
                }
                for (rule_id, pattern) in self.call_rules(file, *callee, property) {
                    let loaded = self.rule(rule_id);
                    let pattern = &loaded.patterns[pattern];
                    if loaded.rule.link != Some(Link::Prefix)
                        || pattern.receiver.as_deref() != Some("$router")
                        || !pattern.matches(property)
                        || !self.speaks(rule_id, router)
                    {
                        continue;
                    }
                    let matched = Matched {
                        file,
                        callee: Some(*callee),
                        args: args.clone(),
                        value: Some(id),
                    };
                    let parts = [&loaded.rule.base, &loaded.rule.path];
                    all.extend(parts.iter().filter_map(|part| self.path(&matched, part)));
                }
            }
        }
        all
    }
}
