//! What a guard asks, in words that another name, place or message does not change.

use super::*;
use crate::text::{digest, plain};

/// A guard with more conditions is told by its name.
const MAX_CONDITIONS: usize = 64;

impl Linker<'_> {
    /// A digest of a function's conditions, and of where the names in them come from; of its whole
    /// body where it has none.
    pub(crate) fn asks(&self, file: FileId, function: FnId) -> Option<String> {
        if let Some(known) = self.asks.borrow().get(&(file, function)) {
            return known.clone();
        }
        let found = self.conditions_of(file, function);
        self.asks
            .borrow_mut()
            .insert((file, function), found.clone());
        found
    }

    fn conditions_of(&self, file: FileId, function: FnId) -> Option<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let own = &self.project.language(file).self_names;
        let span = unit.function(function).span;
        let mut asked = BTreeSet::new();
        let branches = unit.inside(span).filter_map(|id| match unit.kind(id) {
            ExprKind::Branch { condition, .. } => Some(*condition),
            _ => None,
        });
        for condition in branches {
            let mut words = vec![plain(unit, condition, own)];
            for part in unit.descendants(condition) {
                let ExprKind::Name(name) = unit.kind(part) else {
                    continue;
                };
                let given = unit.assigns_to(name).rfind(|assign| {
                    span.holds(assign.span) && assign.span.start < unit.expr(condition).span.end
                });
                words.extend(
                    given
                        .and_then(|assign| assign.value)
                        .map(|value| plain(unit, value, own)),
                );
            }
            asked.insert(words.join(" of "));
            if asked.len() > MAX_CONDITIONS {
                return None;
            }
        }
        if asked.is_empty() {
            // Without a condition it is what it does.
            let body = unit.function(function).body?;
            return Some(digest(&plain(unit, body, own)));
        }
        let asked: Vec<String> = asked.into_iter().collect();
        Some(digest(&asked.join("; ")))
    }
}
