//! The gate's own configuration, by the digest of its files.

use std::collections::BTreeSet;

use serde_json::json;
use threatgate_facts::FactKind;

use super::{Sides, change, delta, group};
use crate::assessment::{Change, ChangeKind, Direction};

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (before, after) = sides.of(FactKind::Gate);
    let (old, new) = (
        group(before, |fact| fact.identity.clone()),
        group(after, |fact| fact.identity.clone()),
    );
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (a, b) = (
            old.get(name).map(|facts| facts[0]),
            new.get(name).map(|facts| facts[0]),
        );
        let (how, verb) = match (a, b) {
            (None, Some(_)) => (ChangeKind::Added, "added"),
            (Some(_), None) => (ChangeKind::Removed, "removed"),
            (Some(a), Some(b)) if a.attributes != b.attributes => (ChangeKind::Modified, "changed"),
            _ => continue,
        };
        let title = format!("{name} {verb}: the gate judges this change by the base's version");
        let mut one = change(FactKind::Gate, how, Direction::Neutral, title, a, b);
        if let (Some(a), Some(b)) = (a, b) {
            one.deltas.push(delta(
                "digest",
                json!(a.text("digest")),
                json!(b.text("digest")),
            ));
        }
        changes.push(one);
    }
}
