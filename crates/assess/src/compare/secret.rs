//! Credentials, by the digest of their value.

use std::collections::BTreeSet;

use threatgate_facts::FactKind;

use super::occurrence::text;
use super::{Sides, change, pair};
use crate::assessment::{Change, ChangeKind, Direction};

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (mut before, mut after) = sides.of(FactKind::Secret);
    // The same value elsewhere is no new secret, unless it left the tests.
    pair(&mut before, &mut after, |fact| {
        format!("{}|{}", fact.identity, fact.scope.name())
    });
    pair(&mut before, &mut after, |fact| fact.identity.clone());
    let mut told = BTreeSet::new();
    for new in after {
        if !told.insert(new.identity.clone()) {
            continue;
        }
        let scope = match new.scope {
            threatgate_facts::Scope::Production => String::new(),
            scope => format!(" in {} code", scope.name()),
        };
        let title = format!(
            "{} `{}` added{scope}",
            text(new, "provider"),
            text(new, "preview")
        );
        changes.push(change(
            FactKind::Secret,
            ChangeKind::Added,
            Direction::Weakened,
            title,
            None,
            Some(new),
        ));
    }
    for old in before {
        let title = format!(
            "{} `{}` removed",
            text(old, "provider"),
            text(old, "preview")
        );
        let mut one = change(
            FactKind::Secret,
            ChangeKind::Removed,
            Direction::Strengthened,
            title,
            Some(old),
            None,
        );
        one.notes.push("it stays in the history: rotate it".into());
        changes.push(one);
    }
}
