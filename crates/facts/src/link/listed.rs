//! Classes whose method returns their routes: `get_urls()` of an application's configuration.

use super::*;
use crate::project::Member;
use crate::rule::Rule;

/// Bases and values are followed no further than this.
const MAX_STEPS: usize = 24;

impl Linker<'_> {
    /// The router that a member of a class stands for, by a rule: `shop.urls`.
    pub(super) fn routes_under(
        &self,
        file: FileId,
        class: ClassId,
        property: &str,
    ) -> Option<RouterId> {
        let derived = &self.index(file).derived;
        let named = |rule: &Rule| rule.under.iter().any(|name| name == property);
        let rules = derived.iter().filter(|rule| named(&self.rule(**rule).rule));
        let patterns: Vec<_> = rules.map(|rule| &self.rule(*rule).patterns).collect();
        if patterns.is_empty() {
            return None;
        }
        let mut patterns = patterns.into_iter();
        if !patterns.any(|patterns| self.derives_from(file, class, patterns, 0)) {
            return None;
        }
        self.register_derived(file, class);
        self.known_router(file, RouterKey::Class(class))
    }

    /// A class and its bases of the repository, in the order in which members are looked for.
    pub(super) fn in_order(&self, file: FileId, class: ClassId) -> Vec<(FileId, ClassId)> {
        let mut all = Vec::new();
        self.collect_order(file, class, &mut all, 0);
        // What several bases share comes behind all of them.
        let last = |at: usize, one: &(FileId, ClassId)| !all[at + 1..].contains(one);
        let kept = all.iter().enumerate().filter(|(at, one)| last(*at, one));
        kept.map(|(_, one)| *one).collect()
    }

    fn collect_order(
        &self,
        file: FileId,
        class: ClassId,
        all: &mut Vec<(FileId, ClassId)>,
        depth: u32,
    ) {
        if depth > 8 || all.len() > 4 * MAX_STEPS {
            return;
        }
        all.push((file, class));
        for base in &self.project.parsed(file).unit.class(class).bases {
            if let Value::Class(at, base) = self.eval(file, *base)
                && (at, base) != (file, class)
            {
                self.collect_order(at, base, all, depth + 1);
            }
        }
    }

    /// Hangs the routes that methods of a class return onto the class's router.
    pub(super) fn add_returned(
        &self,
        file: FileId,
        class: ClassId,
        router: RouterId,
        rule_id: usize,
    ) {
        let rule = &self.rule(rule_id).rule;
        for name in &rule.routes_of {
            for (at, of) in self.in_order(file, class) {
                let parsed = self.project.parsed(at);
                let unit = &parsed.unit;
                let methods = parsed.methods(of).into_iter();
                let method = methods.rev().find(|id| *unit.function(*id).name == **name);
                let Some(body) = method.and_then(|id| unit.function(id).body) else {
                    continue;
                };
                let mut found = Returned::default();
                for id in unit.descendants(body) {
                    if let ExprKind::Exit {
                        kind: ExitKind::Return,
                        value: Some(value),
                    } = unit.kind(id)
                    {
                        self.returned(at, *value, name, &mut found);
                    }
                }
                for (child_file, child, span) in found.routers {
                    self.hang(router, child, child_file, span);
                }
                if (at, of) != (file, class) {
                    // What this class takes over is there once.
                    self.register_derived(at, of);
                    if let Some(base) = self.known_router(at, RouterKey::Class(of)) {
                        self.routers.borrow_mut()[base.0 as usize].listed = true;
                    }
                }
                if let Some(through) = found.through {
                    let guards = self.hung_on(file, class, through, rule);
                    let mut routers = self.routers.borrow_mut();
                    routers[router.0 as usize].guards.extend(guards);
                }
                if !found.inherited {
                    break;
                }
            }
        }
    }

    /// The routers of what a method returns: through variables, lists, sums, and functions that
    /// it is handed through.
    fn returned(&self, file: FileId, id: ExprId, method: &str, found: &mut Returned) {
        found.steps += 1;
        if found.steps > 64 * MAX_STEPS {
            return;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let expr = unit.expr(id);
        match &expr.kind {
            ExprKind::Call { callee, args } => {
                let of_base = unit.last_name(*callee) == Some(method)
                    && matches!(unit.kind(*callee), ExprKind::Member { .. });
                if of_base {
                    found.inherited = true;
                    return;
                }
                if let Value::Function(at, function) = self.eval(file, *callee) {
                    let before = found.routers.len();
                    for arg in args {
                        self.returned(file, arg.value, method, found);
                    }
                    if found.routers.len() > before && self.denies(at, function, 0) {
                        found.through = Some((file, *callee));
                    }
                    if found.routers.len() > before {
                        return;
                    }
                }
                self.returned_router(file, id, found);
            }
            ExprKind::Name(name) => {
                let assigns = unit
                    .assigns_to(name)
                    .filter(|assign| assign.function == expr.function);
                let values: Vec<ExprId> = assigns.filter_map(|assign| assign.value).collect();
                if values.is_empty() {
                    return self.returned_router(file, id, found);
                }
                for value in values {
                    if !found.seen.contains(&(file, value)) {
                        found.seen.push((file, value));
                        self.returned(file, value, method, found);
                    }
                }
                // `urls.append(path(…))`
                let Some(function) = expr.function else {
                    return;
                };
                for id in unit.inside(unit.function(function).span) {
                    if let ExprKind::Call { callee, args } = unit.kind(id)
                        && let ExprKind::Member { object, property } = unit.kind(*callee)
                        && matches!(&**property, "append" | "extend" | "insert")
                        && matches!(unit.kind(*object), ExprKind::Name(other) if other == name)
                        && !found.seen.contains(&(file, id))
                    {
                        found.seen.push((file, id));
                        for arg in args {
                            self.returned(file, arg.value, method, found);
                        }
                    }
                }
            }
            ExprKind::List(items) => {
                for item in items {
                    self.returned(file, *item, method, found);
                }
            }
            ExprKind::Binary { op, left, right } if &**op == "+" => {
                self.returned(file, *left, method, found);
                self.returned(file, *right, method, found);
            }
            ExprKind::Branch {
                then, otherwise, ..
            } => {
                self.returned(file, *then, method, found);
                if let Some(other) = otherwise {
                    self.returned(file, *other, method, found);
                }
            }
            ExprKind::Member { .. } => self.returned_router(file, id, found),
            _ => {}
        }
    }

    fn returned_router(&self, file: FileId, id: ExprId, found: &mut Returned) {
        let span = self.project.parsed(file).unit.expr(id).span;
        for router in self.routers_of(file, id) {
            if !found.routers.iter().any(|(_, other, _)| *other == router) {
                found.routers.push((file, router, span));
            }
        }
    }

    /// What a function that the routes are handed through hangs on them, by the attributes of
    /// the class that the rule names.
    fn hung_on(
        &self,
        file: FileId,
        class: ClassId,
        (at, callee): (FileId, ExprId),
        rule: &Rule,
    ) -> Vec<GuardUse> {
        let order = self.in_order(file, class);
        let guard = |text: String, place: FileId, span: Span, class: Classified| GuardUse {
            file: place,
            span,
            text,
            class,
            body: None,
            attached: "router",
        };
        for attribute in &rule.guard_attributes {
            if let Some((place, value)) = self.said(&order, attribute) {
                let mut all = Vec::new();
                self.flatten(place, value, &mut all, 0);
                let words = all.iter().filter_map(|(file, id)| self.word(*file, *id));
                let words: Vec<String> = words.collect();
                let span = self.project.parsed(place).unit.expr(value).span;
                let class = Classified::Guard {
                    kind: GuardKind::Authorization,
                    heuristic: true,
                };
                let text = format!("{attribute}({})", words.join(", "));
                return vec![guard(text, place, span, class)];
            }
        }
        let mut depends = rule.depends_on.iter();
        if !rule.depends_on.is_empty() && !depends.any(|name| self.said(&order, name).is_some()) {
            return Vec::new();
        }
        let text = self.guard_text(at, callee);
        let reason = format!("what `{text}` hangs on the routes");
        let span = self.project.parsed(at).unit.expr(callee).span;
        vec![guard(text, at, span, Classified::Unknown(reason))]
    }

    /// The value of an attribute where the first class that has it says something.
    pub(super) fn said(&self, order: &[(FileId, ClassId)], name: &str) -> Option<(FileId, ExprId)> {
        for (file, class) in order {
            let parsed = self.project.parsed(*file);
            let members = parsed.members(*class, name);
            let values = members.iter().filter_map(|member| match member {
                Member::Field(index) => parsed.unit.assigns[*index as usize].value,
                Member::Method(_) => None,
            });
            let values: Vec<ExprId> = values.collect();
            if values.is_empty() {
                continue;
            }
            let says = |value: &&ExprId| match parsed.unit.kind(**value) {
                ExprKind::List(items) => !items.is_empty(),
                ExprKind::Map(pairs) => !pairs.is_empty(),
                ExprKind::Null | ExprKind::Bool(false) => false,
                _ => true,
            };
            return values.iter().find(says).map(|value| (*file, *value));
        }
        None
    }
}

/// What was found of a method that returns routes.
#[derive(Default)]
struct Returned {
    routers: Vec<(FileId, RouterId, Span)>,
    /// It also returns what the method of the base does.
    inherited: bool,
    /// A function that turns callers away, which the routes are handed through.
    through: Option<(FileId, ExprId)>,
    seen: Vec<(FileId, ExprId)>,
    steps: usize,
}
