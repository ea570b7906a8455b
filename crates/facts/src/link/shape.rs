//! What a validator lets through, as parameters: `z.object({ name: z.string() })`, a JSON schema.

use super::parameter::Found;
use super::select::Matched;
use super::*;

/// Fields of fields are not listed; shapes of shapes are followed this deep.
const MAX_SHAPES: u32 = 6;

impl Linker<'_> {
    /// The parameters that validators around a route, or in its options, ask for.
    pub(super) fn shaped(&self, endpoint: &super::Endpoint, found: &mut Found) {
        let known = self.shaping.get_or_init(|| {
            let mut rules = self.rules.all.iter().map(|loaded| &loaded.rule);
            rules.any(|rule| rule.link == Some(Link::Parameter) && !rule.shape.is_empty())
        });
        if !known {
            return;
        }
        for guard in &endpoint.guards {
            let parsed = self.project.parsed(guard.file);
            let call = parsed.unit.inside(guard.span).find(|id| {
                parsed.unit.expr(*id).span == guard.span
                    && matches!(parsed.unit.kind(*id), ExprKind::Call { .. })
            });
            if let Some(call) = call {
                self.shapes_of_call(guard.file, call, None, found);
            }
        }
        // `{ schema: { body: … } }` beside the path.
        let parsed = self.project.parsed(endpoint.file);
        let call = parsed.unit.inside(endpoint.span).find(|id| {
            parsed.unit.expr(*id).span == endpoint.span
                && matches!(parsed.unit.kind(*id), ExprKind::Call { .. })
        });
        if let Some(call) = call {
            self.shapes_of_call(endpoint.file, call, Some(endpoint.framework), found);
        }
    }

    /// What a call validates, by the rules; `route`: the call is a route of this framework.
    pub(super) fn shapes_of_call(
        &self,
        file: FileId,
        id: ExprId,
        route: Option<usize>,
        found: &mut Found,
    ) {
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, .. } = parsed.unit.kind(id) else {
            return;
        };
        let Some(last) = parsed.unit.last_name(*callee) else {
            return;
        };
        let matched = self.matched(file, id);
        for (rule_id, pattern) in self.call_rules(file, *callee, last) {
            let loaded = self.rule(rule_id);
            let rule = &loaded.rule;
            let pattern = &loaded.patterns[pattern];
            let of_route = pattern.receiver.as_deref() == Some("$router");
            let speaks = match route {
                Some(framework) => of_route && loaded.framework == framework,
                None => !of_route && self.in_use(file, loaded.framework),
            };
            if rule.link != Some(Link::Parameter) || rule.shape.is_empty() || !speaks {
                continue;
            }
            let matches = match pattern.receiver {
                Some(_) => pattern.matches(last),
                None => pattern.matches(&self.name_of(file, *callee).unwrap_or_default()),
            };
            if !matches || !self.holds(&matched, &rule.constraints) {
                continue;
            }
            let place = match &rule.place {
                Some(place) => place.clone(),
                None => match self.texts(&matched, &rule.named).into_iter().next() {
                    Some(place) => place,
                    None => continue,
                },
            };
            for (at, shape) in self.exprs(&matched, &rule.shape) {
                self.shape(at, shape, &place, found, 0);
            }
        }
    }

    /// The fields of a shape.
    fn shape(&self, file: FileId, id: ExprId, place: &str, found: &mut Found, depth: u32) {
        if depth > MAX_SHAPES {
            return;
        }
        let (file, id) = self.definition(file, id);
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(id) {
            ExprKind::Call { callee, .. } => {
                // The calls of a chain from its root on: `z.object({…}).extend({…}).strict()`.
                if let Some(before) = self.call_behind(file, *callee) {
                    self.shape(file, before, place, found, depth + 1);
                }
                let matched = self.matched(file, id);
                let last = unit.last_name(*callee).unwrap_or_default();
                for (rule_id, pattern) in self.call_rules(file, *callee, last) {
                    let loaded = self.rule(rule_id);
                    let pattern = &loaded.patterns[pattern];
                    let matches = match pattern.receiver {
                        Some(_) => pattern.matches(last),
                        None => pattern.matches(&self.name_of(file, *callee).unwrap_or_default()),
                    };
                    if loaded.rule.link == Some(Link::Shape) && matches {
                        for (at, fields) in self.exprs(&matched, &loaded.rule.shape) {
                            self.shape_fields(at, fields, rule_id, place, found);
                        }
                        return;
                    }
                }
            }
            ExprKind::Map(_) => {
                // A JSON schema: `{ type: "object", required: ["a"], properties: { a: … } }`
                let Some((at, fields)) = self.map_value(file, id, "properties") else {
                    return;
                };
                let required = self.map_value(file, id, "required");
                let required = required.map(|(at, id)| {
                    let mut all = Vec::new();
                    self.flatten(at, id, &mut all, 0);
                    let words = all.into_iter().filter_map(|(at, id)| self.word(at, id));
                    words.collect::<Vec<_>>()
                });
                let Value::Map(at, map) = self.eval(at, fields) else {
                    return;
                };
                let parsed = self.project.parsed(at);
                let ExprKind::Map(pairs) = parsed.unit.kind(map) else {
                    return;
                };
                for (key, value) in pairs {
                    let Some(name) = self.key_of(at, *key) else {
                        continue;
                    };
                    let ty = match self.eval(at, *value) {
                        Value::Map(at, map) => self.map_value(at, map, "type"),
                        _ => None,
                    };
                    let ty = ty.and_then(|(at, id)| self.word(at, id));
                    let needed = required.as_ref().is_some_and(|all| all.contains(&name));
                    found.insert((place.to_owned(), name), (ty, Some(needed)));
                }
            }
            _ => {}
        }
    }

    fn key_of(&self, file: FileId, key: ExprId) -> Option<String> {
        match self.project.parsed(file).unit.kind(key) {
            ExprKind::Name(name) | ExprKind::Str(name) => Some(name.to_string()),
            _ => None,
        }
    }

    /// The call that stands before the last one of a chain.
    fn call_behind(&self, file: FileId, callee: ExprId) -> Option<ExprId> {
        let parsed = self.project.parsed(file);
        let ExprKind::Member { object, .. } = parsed.unit.kind(callee) else {
            return None;
        };
        match parsed.unit.kind(*object) {
            ExprKind::Call { .. } | ExprKind::Name(_) => Some(*object),
            _ => None,
        }
    }

    /// The fields of a map of types: `{ name: z.string().optional() }`.
    fn shape_fields(
        &self,
        file: FileId,
        id: ExprId,
        rule_id: usize,
        place: &str,
        found: &mut Found,
    ) {
        let rule = &self.rule(rule_id).rule;
        let Value::Map(file, map) = self.eval(file, id) else {
            return;
        };
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let ExprKind::Map(pairs) = unit.kind(map) else {
            return;
        };
        for (key, value) in pairs {
            let Some(name) = self.key_of(file, *key) else {
                continue;
            };
            // The name of a type is that of the first call of its chain.
            let (at, id) = self.definition(file, *value);
            let matched = Matched {
                file: at,
                callee: None,
                args: vec![Arg {
                    name: None,
                    value: id,
                    spread: false,
                }],
                value: Some(id),
            };
            let root = crate::rule::Selector {
                arg: Some(crate::rule::ArgAt::Position(0)),
                root: true,
                ..Default::default()
            };
            let ty = self.texts(&matched, &[root]).into_iter().next();
            let said = |all: &[crate::rule::Selector]| {
                (!all.is_empty()).then(|| !self.texts(&matched, all).is_empty())
            };
            let required = match (said(&rule.optional), said(&rule.only)) {
                (Some(optional), _) => Some(!optional),
                (None, needed) => needed,
            };
            found.insert((place.to_owned(), name), (ty, required));
        }
    }
}
