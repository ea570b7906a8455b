//! Guards on everything that decorators of the repository turn on or off: a filter that is only
//! registered where a method does not carry `@Open`, or that is bound to what carries `@Secured`.

use super::select::Matched;
use super::*;
use crate::rule::{GuardKind, Pattern};

impl Linker<'_> {
    /// A guard on everything that is hung below a condition on a decorator. Gives whether the
    /// guard holds where nothing is said.
    pub(super) fn hung_by_decorator(&self, rule_id: usize, matched: &Matched) -> bool {
        let readers = &self.rule(rule_id).rule.reads_decorator;
        let Some(id) = matched.value.filter(|_| !readers.is_empty()) else {
            return true;
        };
        let Some((file, condition, mut negated)) = self.condition_around(matched.file, id) else {
            return true;
        };
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut asked = condition;
        loop {
            asked = match unit.kind(asked) {
                ExprKind::Unary { op, value } => {
                    negated ^= matches!(&**op, "!" | "not");
                    *value
                }
                // `method.getAnnotation(Open.class) == null`
                ExprKind::Binary { op, left, right }
                    if matches!(unit.kind(*right), ExprKind::Null) =>
                {
                    negated ^= matches!(&**op, "==" | "===");
                    *left
                }
                _ => break,
            };
        }
        let ExprKind::Call { callee, args } = unit.kind(asked) else {
            return true;
        };
        let last = unit.last_name(*callee).unwrap_or_default();
        let marks: Vec<(FileId, ClassId)> = args
            .iter()
            .filter_map(|arg| match self.eval(file, arg.value) {
                Value::Class(at, class) => Some((at, class)),
                _ => None,
            })
            .collect();
        if !readers.iter().any(|name| name == last) || marks.is_empty() {
            return true;
        }
        let guard = self.guard_uses(matched, &self.rule(rule_id).rule.guards, "setting");
        let Some(guard) = guard
            .into_iter()
            .find(|one| matches!(one.class, Classified::Guard { .. }))
        else {
            return negated;
        };
        let class = match negated {
            true => Classified::Exempt { all: false },
            false => guard.class,
        };
        let mut known = self.decorator_marks.borrow_mut();
        known.extend(marks.into_iter().map(|mark| (mark, class.clone())));
        negated
    }

    /// Classes of the repository that are asked before everything, by what they derive from:
    /// filters. One that carries a decorator which binds it is asked only where that one stands.
    pub(super) fn register_filters(&self, file: FileId) {
        let parsed = self.project.parsed(file);
        for (at, element) in parsed.unit.classes.iter().enumerate() {
            let class = ClassId(at as u32);
            for base in &element.bases {
                let last = parsed.unit.last_name(*base).unwrap_or_default();
                for (rule_id, pattern) in self.index(file).classes.candidates(last) {
                    let loaded = self.rule(rule_id);
                    let rule = &loaded.rule;
                    let filter = rule.link == Some(Link::Guard) && rule.global;
                    let named = || {
                        let name = self.name_of(file, *base);
                        name.is_some_and(|name| loaded.patterns[pattern].matches(&name))
                    };
                    if filter && named() && self.carries(file, &element.decorators, &rule.of) {
                        self.add_filter(file, class, rule_id);
                    }
                }
            }
        }
    }

    /// Whether one of the decorators is named so; no names ask nothing.
    fn carries(&self, file: FileId, decorators: &[ExprId], names: &[String]) -> bool {
        let patterns: Vec<Pattern> = names.iter().map(|text| Pattern::parse(text)).collect();
        patterns.is_empty()
            || decorators.iter().any(|decorator| {
                let callee = self.matched(file, *decorator).callee;
                callee
                    .and_then(|callee| self.name_of(file, callee))
                    .is_some_and(|name| patterns.iter().any(|one| one.matches(&name)))
            })
    }

    fn add_filter(&self, file: FileId, class: ClassId, rule_id: usize) {
        let loaded = self.rule(rule_id);
        let parsed = self.project.parsed(file);
        let element = parsed.unit.class(class);
        if !self.class_denies(file, class, 0) {
            return;
        }
        let guard = Classified::Guard {
            kind: loaded.rule.guard.unwrap_or(GuardKind::Authentication),
            heuristic: true,
        };
        let mut bound = false;
        for decorator in &element.decorators {
            let Some(callee) = self.matched(file, *decorator).callee else {
                continue;
            };
            let Value::Class(at, mark) = self.eval(file, callee) else {
                continue;
            };
            let parsed = self.project.parsed(at);
            let own = &parsed.unit.class(mark).decorators;
            if !loaded.rule.binding.is_empty() && self.carries(at, own, &loaded.rule.binding) {
                bound = true;
                let mut marks = self.decorator_marks.borrow_mut();
                marks.insert((at, mark), guard.clone());
            }
        }
        if bound {
            return;
        }
        let mut guard = GuardUse {
            file,
            span: element.head,
            text: element.name.to_string(),
            class: guard,
            body: None,
            attached: "setting",
        };
        if self.class_denies_deep(file, class) {
            let reason = format!("`{}` holds under a condition only", guard.text);
            guard.class = Classified::Unknown(reason);
        }
        self.globals.borrow_mut().push(GlobalGuard {
            framework: loaded.framework,
            guard,
            default: loaded.rule.default,
        });
    }

    /// What a decorator of the repository was found to turn on or off.
    pub(super) fn mark_of(&self, file: FileId, callee: ExprId) -> Option<Classified> {
        if self.decorator_marks.borrow().is_empty() {
            return None;
        }
        match self.eval(file, callee) {
            Value::Class(at, class) => self.decorator_marks.borrow().get(&(at, class)).cloned(),
            _ => None,
        }
    }
}
