//! Dangerous calls and connections to the outside, as counted multisets.

use threatgate_facts::FactKind;

use super::occurrence::{key, text};
use super::{Sides, change, pair};
use crate::assessment::{Change, ChangeKind, Direction};

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    for kind in [FactKind::Sink, FactKind::Egress] {
        let (mut before, mut after) = sides.of(kind);
        pair(&mut before, &mut after, |fact| {
            format!("{}|{:?}", fact.identity, fact.attributes)
        });
        pair(&mut before, &mut after, |fact| {
            key(fact, &["operation", "callee", "argument"])
        });
        for old in before {
            let title = format!(
                "{} in {} removed",
                text(old, "operation"),
                text(old, "subject")
            );
            changes.push(change(
                kind,
                ChangeKind::Removed,
                Direction::Strengthened,
                title,
                Some(old),
                None,
            ));
        }
        for new in after {
            let title = format!("{} in {}", text(new, "operation"), text(new, "subject"));
            changes.push(change(
                kind,
                ChangeKind::Added,
                Direction::Weakened,
                title,
                None,
                Some(new),
            ));
        }
    }
}
