//! What a condition judges a value by: the folder that a path lies in, the host of an address, the
//! ending of a file's name. Rules name it (`aspect`); here a value is followed back to one.

use super::*;

/// Expressions that one question looks at.
const MAX_STEPS: u32 = 60;

impl<'a> Linker<'a> {
    /// The rule that names what an expression is, or what it was made of within its function.
    pub(crate) fn aspect(&self, file: FileId, id: ExprId) -> Option<&'a LoadedRule> {
        let mut steps = MAX_STEPS;
        self.aspect_of(file, id, &mut steps)
            .map(|rule| self.rule(rule))
    }

    /// The rule by which a call compares such a thing, or asks whether a value is harmless.
    pub(crate) fn comparing(&self, file: FileId, id: ExprId) -> Option<&'a LoadedRule> {
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, .. } = parsed.unit.kind(id) else {
            return None;
        };
        let found = self.flow_rule(file, id, *callee, |loaded| {
            loaded.rule.asks && matches!(loaded.rule.link, Some(Link::Aspect | Link::Sanitizer))
        });
        found.map(|rule| self.rule(rule))
    }

    /// The rules of a sanitiser or of a question that are about one thing, by the name of the
    /// function that they call.
    pub(crate) fn rules_of_function(&self, file: FileId, name: &str) -> Vec<&'a LoadedRule> {
        let candidates = self.index(file).calls.candidates(name);
        let rules = candidates.map(|(rule, pattern)| (self.rule(rule), pattern));
        let named = rules.filter(|(loaded, pattern)| {
            loaded.rule.link == Some(Link::Sanitizer)
                && !loaded.rule.operation.is_empty()
                && !loaded.rule.default
                && loaded.rule.constraints.is_empty()
                && loaded.patterns[*pattern].matches(name)
                && self.allowed(file, loaded)
        });
        named.map(|(loaded, _)| loaded).collect()
    }

    /// Whether a call hands what a request brings to a function of the repository that makes it harmless.
    pub(crate) fn cleans_request(&self, file: FileId, call: ExprId, operation: &str) -> bool {
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, args } = parsed.unit.kind(call) else {
            return false;
        };
        if args.is_empty() || !matches!(self.eval(file, *callee), Value::Function(..)) {
            return false;
        }
        let mut args = args.iter();
        if !args.any(|arg| self.trace(file, arg.value, operation).request.is_some()) {
            return false;
        }
        let trace = self.trace(file, call, operation);
        trace.request.is_none() && !trace.by.is_empty() && !trace.by.contains("")
    }

    /// The rules that say what a decorator, or a call, lets a value be.
    pub(crate) fn constraint_of(&self, file: FileId, id: ExprId) -> Option<&'a LoadedRule> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let callee = match unit.kind(id) {
            ExprKind::Call { callee, .. } => *callee,
            _ => id,
        };
        let last = unit.last_name(callee)?;
        let decorators = self.index(file).decorators.candidates(last);
        let calls = self.index(file).calls.candidates(last);
        let mut all = decorators.chain(calls);
        let found = all.find(|(rule, pattern)| {
            let loaded = self.rule(*rule);
            if loaded.rule.link != Some(Link::Constraint) || !self.allowed(file, loaded) {
                return false;
            }
            let pattern = &loaded.patterns[*pattern];
            let fits = match pattern.receiver {
                Some(_) => self.imports(file, loaded.framework) && pattern.matches(last),
                None => {
                    let written = unit.path(callee);
                    let known = self.name_of(file, callee);
                    [written, known]
                        .into_iter()
                        .flatten()
                        .any(|name| pattern.matches(&name))
                }
            };
            fits && self.holds(&self.matched(file, id), &loaded.rule.constraints)
        });
        found.map(|(rule, _)| self.rule(rule))
    }

    fn aspect_of(&self, file: FileId, id: ExprId, steps: &mut u32) -> Option<usize> {
        *steps = steps.checked_sub(1)?;
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(id) {
            ExprKind::Call { callee, args } => {
                let named = self.flow_rule(file, id, *callee, |loaded| {
                    loaded.rule.link == Some(Link::Aspect) && !loaded.rule.asks
                });
                if named.is_some() {
                    return named;
                }
                if let ExprKind::Member { object, .. } = unit.kind(*callee)
                    && let Some(found) = self.aspect_of(file, *object, steps)
                {
                    return Some(found);
                }
                let mut values = args.iter().take(2).map(|arg| arg.value);
                values.find_map(|value| self.aspect_of(file, value, steps))
            }
            ExprKind::Member { object, property } => self
                .aspect_by_name(file, id, property)
                .or_else(|| self.aspect_of(file, *object, steps)),
            ExprKind::Name(name) => {
                let expr = unit.expr(id);
                let given = unit.assigns_to(name).rev().filter(|assign| {
                    assign.function == expr.function && assign.span.end <= expr.span.start
                });
                let values: Vec<ExprId> = given.take(3).filter_map(|assign| assign.value).collect();
                values
                    .into_iter()
                    .find_map(|value| self.aspect_of(file, value, steps))
            }
            ExprKind::Index { object, .. } => self.aspect_of(file, *object, steps),
            ExprKind::Await(value) | ExprKind::Unary { value, .. } => {
                self.aspect_of(file, *value, steps)
            }
            ExprKind::Binary { op, left, right } if matches!(&**op, "+" | "." | "/" | "??") => self
                .aspect_of(file, *left, steps)
                .or_else(|| self.aspect_of(file, *right, steps)),
            ExprKind::Other(items) if items.len() <= 2 => {
                items.iter().find_map(|id| self.aspect_of(file, *id, steps))
            }
            _ => None,
        }
    }

    fn aspect_by_name(&self, file: FileId, id: ExprId, property: &str) -> Option<usize> {
        let mut written = None;
        let mut rules = self.index(file).mentions.candidates(property);
        let found = rules.find(|(rule, pattern)| {
            let loaded = self.rule(*rule);
            if loaded.rule.link != Some(Link::Aspect) || !self.allowed(file, loaded) {
                return false;
            }
            let pattern = &loaded.patterns[*pattern];
            let fits = match pattern.receiver {
                Some(_) => pattern.matches(property),
                None => {
                    let parsed = self.project.parsed(file);
                    let written = written
                        .get_or_insert_with(|| parsed.unit.path(id).unwrap_or_default().clone());
                    pattern.matches(written)
                }
            };
            fits && self.holds(&self.matched(file, id), &loaded.rule.constraints)
        });
        found.map(|(rule, _)| rule)
    }
}
