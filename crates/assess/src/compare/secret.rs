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
        let what = format!("{} `{}`", text(new, "provider"), text(new, "preview"));
        let title = match new.text("commit") {
            Some(commit) => {
                format!("{what}{scope} in commit {commit}, removed again in the range: rotate it")
            }
            None => format!("{what} added{scope}"),
        };
        let mut one = change(
            FactKind::Secret,
            ChangeKind::Added,
            Direction::Weakened,
            title,
            None,
            Some(new),
        );
        // Read by people who know that the value opens nothing.
        let digest = text(new, "digest");
        if !digest.is_empty() {
            one.notes
                .push(format!("a policy can allow it by its digest: `{digest}`"));
        }
        changes.push(one);
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
