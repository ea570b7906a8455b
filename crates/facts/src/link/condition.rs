//! What a denial's condition asks: `abort_if(! $user, 403)` asks for the caller,
//! `abort_if($closed, 403)` does not.

use super::*;
use crate::rule::wild;
use crate::text::render;

impl Linker<'_> {
    /// The condition that is handed to a denial, and whether it must not hold.
    pub(crate) fn handed_condition(
        &self,
        file: FileId,
        id: ExprId,
    ) -> Option<(FileId, ExprId, bool)> {
        let (_, rule) = self.denial_by(file, id)?;
        let rule = &self.rule(rule?).rule;
        let matched = self.matched(file, id);
        let (at, condition) = self.exprs(&matched, &rule.condition).into_iter().next()?;
        Some((at, condition, rule.negated))
    }

    /// Whether a denial depends on who calls; always so where the rule does not ask.
    pub(super) fn asks_caller(&self, file: FileId, id: ExprId, rule: usize) -> bool {
        let rule = &self.rule(rule).rule;
        if rule.about.is_empty() {
            return true;
        }
        let condition = self.handed_condition(file, id);
        let condition = condition.or_else(|| self.condition_around(file, id));
        match condition {
            Some((at, condition, negated)) => {
                self.speaks_of(at, condition, negated, &rule.about)
                    || crate::limit::compares_owner(self, at, condition)
            }
            None => {
                let hides = rule.outcome.as_deref() == Some("hidden");
                self.left_over(file, id, &rule.about, !hides)
            }
        }
    }

    /// Whether what stands without a condition is left for strangers: the function lets callers
    /// through before, or lets nobody through. What nobody finds (`hidden`) is just not there.
    fn left_over(&self, file: FileId, id: ExprId, about: &[String], nobody: bool) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(function) = unit.expr(id).function else {
            return nobody;
        };
        let mut conditions = unit
            .inside(unit.function(function).span)
            .filter_map(|id| match unit.kind(id) {
                ExprKind::Branch { condition, .. } => Some(*condition),
                _ => None,
            })
            .peekable();
        nobody && conditions.peek().is_none()
            || conditions.any(|one| self.mentions(file, one, about))
    }

    /// Whether a denial's condition asks for nothing but a setting: `if (!badges.isEnabled())`.
    pub(super) fn asks_setting(&self, file: FileId, id: ExprId) -> bool {
        let Some((at, condition, _)) = self.condition_around(file, id) else {
            return false;
        };
        let parsed = self.project.parsed(at);
        let unit = &parsed.unit;
        let mut asked = condition;
        loop {
            asked = match unit.kind(asked) {
                ExprKind::Unary { value, .. } => *value,
                ExprKind::Await(value) => *value,
                ExprKind::Call { callee, .. } => *callee,
                _ => break,
            };
        }
        let Some(last) = unit.last_name(asked) else {
            return false;
        };
        let mut rules = self.index(at).names.candidates(last);
        rules.any(|(rule_id, pattern)| {
            let loaded = self.rule(rule_id);
            loaded.rule.link == Some(Link::Switch) && loaded.patterns[pattern].matches(last)
        })
    }

    /// The nearest condition around an expression, and whether it must not hold.
    pub(super) fn condition_around(
        &self,
        file: FileId,
        id: ExprId,
    ) -> Option<(FileId, ExprId, bool)> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.expr(id).span;
        let holds = |part: ExprId| {
            let part = unit.expr(part).span;
            part.holds(span)
        };
        // What surrounds an expression comes after it; the nearest first.
        unit.ids().skip(id.0 as usize + 1).find_map(|other| {
            let ExprKind::Branch {
                condition,
                then,
                otherwise,
            } = unit.kind(other)
            else {
                return None;
            };
            if holds(*then) {
                Some((file, *condition, false))
            } else if otherwise.is_some_and(holds) {
                Some((file, *condition, true))
            } else {
                None
            }
        })
    }

    /// Whether a condition that leads to a denial asks for the caller. Where several must come
    /// together, one that asks for something else lets callers through.
    fn speaks_of(&self, file: FileId, id: ExprId, negated: bool, about: &[String]) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(id) {
            ExprKind::Unary { op, value } if &**op == "!" => {
                self.speaks_of(file, *value, !negated, about)
            }
            ExprKind::Binary { op, left, right } if matches!(&**op, "&&" | "and" | "||" | "or") => {
                let mut sides = [*left, *right].into_iter();
                let asks = |side| self.speaks_of(file, side, negated, about);
                match matches!(&**op, "&&" | "and") != negated {
                    true => sides.all(asks),
                    false => sides.any(asks),
                }
            }
            _ => self.mentions(file, id, about),
        }
    }

    fn mentions(&self, file: FileId, id: ExprId, about: &[String]) -> bool {
        let parsed = self.project.parsed(file);
        let text = render(&parsed.unit, id);
        about.iter().any(|pattern| wild(pattern, &text))
    }

    /// A parameter's type that turns callers away by what one of its methods answers.
    pub(super) fn answering(&self, file: FileId, class: ClassId) -> Option<(FileId, FnId)> {
        let mut bases = BTreeSet::new();
        self.bases(file, class, &mut bases, 0);
        for base in &bases {
            let last = base.rsplit('.').next().unwrap_or(base);
            for (rule, pattern) in self.index(file).classes.candidates(last) {
                let loaded = self.rule(rule);
                let speaks =
                    loaded.rule.link == Some(Link::Guard) && !loaded.rule.answers.is_empty();
                if !speaks || !loaded.patterns[pattern].matches(base) {
                    continue;
                }
                for name in &loaded.rule.answers {
                    if let Value::Function(at, function) = self.class_member(file, class, name, 0)
                        && self.refuses(at, function, &loaded.rule.about)
                    {
                        return Some((at, function));
                    }
                }
            }
        }
        None
    }

    /// Whether a function may answer anything but `true`, by what it says of the caller.
    fn refuses(&self, file: FileId, function: FnId, about: &[String]) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(body) = unit.function(function).body else {
            return false;
        };
        let returns = unit
            .descendants(body)
            .into_iter()
            .filter_map(|id| match unit.kind(id) {
                ExprKind::Exit {
                    kind: ExitKind::Return,
                    value: Some(value),
                } => Some(*value),
                _ => None,
            });
        let mut always = true;
        for value in returns {
            always &= matches!(unit.kind(value), ExprKind::Bool(true));
        }
        !always && self.mentions(file, body, about)
    }
}
