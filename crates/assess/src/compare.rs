//! Two inventories in, material changes out. Facts are compared by identity or, where they have
//! no natural one, as counted multisets; text and lines are never looked at.

mod cause;
mod cleaning;
mod crypto;
mod dependency;
mod endpoint;
mod gate;
mod infra;
mod model;
mod occurrence;
mod package_setting;
mod protection;
mod secret;
mod setting;
mod sink;

pub(crate) use endpoint::GUARDED_SIBLINGS;
pub(crate) use model::plain;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use threatgate_facts::{Fact, FactKind, Inventory, Location, Scope};

use crate::assessment::{Affected, Change, ChangeKind, Delta, Direction, Verdict};

/// The changes from `before` to `after`, without verdicts; ordered by direction, kind, path, line
/// and id. Comparing an inventory with itself gives nothing.
///
/// Facts of tests, examples, generated and vendored files count only as secrets and as the gate's
/// own configuration: code that leaves or enters production is therefore removed or added.
pub fn compare(before: &Inventory, after: &Inventory) -> Vec<Change> {
    let sides = Sides { before, after };
    let mut changes = Vec::new();
    let endpoints = endpoint::compare(&sides, &mut changes);
    occurrence::compare(&sides, &endpoints, &mut changes);
    setting::compare(&sides, &mut changes);
    model::compare(&sides, &mut changes);
    dependency::compare(&sides, &mut changes);
    crypto::compare(&sides, &mut changes);
    sink::compare(&sides, &mut changes);
    protection::compare(&sides, &mut changes);
    cleaning::without_told(&mut changes);
    secret::compare(&sides, &mut changes);
    infra::compare(&sides, &mut changes);
    gate::compare(&sides, &mut changes);
    occurrence::without_told_bodies(&mut changes);
    for change in &mut changes {
        change.id = id(change);
    }
    crate::standing::surround(before, after, &mut changes);
    changes.sort_by(|a, b| {
        (
            direction(a),
            a.kind,
            &a.location.path,
            a.location.line,
            &a.id,
        )
            .cmp(&(
                direction(b),
                b.kind,
                &b.location.path,
                b.location.line,
                &b.id,
            ))
    });
    // The same thing twice is told apart by its number.
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for change in &mut changes {
        let count = seen.entry(change.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            change.id = format!("{}-{count}", change.id);
        }
    }
    changes
}

/// A fact of one revision in the words in which its changes are told; nothing where its identity says it.
pub fn said(fact: &Fact) -> Option<String> {
    match fact.kind {
        FactKind::Auth => occurrence::said(fact),
        FactKind::Crypto => Some(crypto::said(fact)),
        FactKind::DataModel => model::said(fact),
        FactKind::Sink if sink::is_protection(fact) => Some(protection::said(fact)),
        FactKind::Sink if fact.text("operation") == Some("sanitise") => Some(cleaning::said(fact)),
        FactKind::Sink => Some(sink::said(fact)),
        FactKind::Egress => Some(sink::speaks(fact)),
        _ => None,
    }
}

fn direction(change: &Change) -> u8 {
    match change.direction {
        Direction::Weakened => 0,
        Direction::Neutral => 1,
        Direction::Strengthened => 2,
    }
}

/// Both inventories.
struct Sides<'a> {
    before: &'a Inventory,
    after: &'a Inventory,
}

impl<'a> Sides<'a> {
    /// The facts of a kind that count, on both sides.
    fn of(&self, kind: FactKind) -> (Vec<&'a Fact>, Vec<&'a Fact>) {
        let pick = |inventory: &'a Inventory| {
            let facts = inventory.facts.iter().filter(|fact| fact.kind == kind);
            let mut facts: Vec<&Fact> = facts.filter(|fact| counts(fact)).collect();
            // As an inventory is ordered; what is paired must not hang on who read first.
            facts.sort_by(|a, b| {
                let place = |fact: &'a Fact| (&fact.location.path, fact.location.start);
                place(a)
                    .cmp(&place(b))
                    .then_with(|| a.identity.cmp(&b.identity))
            });
            facts
        };
        (pick(self.before), pick(self.after))
    }
}

fn counts(fact: &Fact) -> bool {
    fact.scope == Scope::Production || matches!(fact.kind, FactKind::Secret | FactKind::Gate)
}

/// Digest over what the change says, free of path and line.
fn id(change: &Change) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(text.as_bytes()).update(&[0]);
    };
    add(change.kind.name());
    add(change.change.name());
    add(change.before.as_ref().map_or("", |fact| &fact.identity));
    add(change.after.as_ref().map_or("", |fact| &fact.identity));
    for delta in &change.deltas {
        add(&delta.attribute);
        add(&delta.before.to_string());
        add(&delta.after.to_string());
    }
    for affected in &change.affected {
        add(&affected.subject);
        add(&affected.outcome);
    }
    format!("TC-{}", &hasher.finalize().to_hex()[..12])
}

/// A change with the usual parts filled in.
fn change(
    kind: FactKind,
    how: ChangeKind,
    direction: Direction,
    title: String,
    before: Option<&Fact>,
    after: Option<&Fact>,
) -> Change {
    let at_base = after.is_none();
    let place = after.or(before);
    Change {
        id: String::new(),
        kind,
        change: how,
        direction,
        title,
        location: place.map(|fact| fact.location.clone()).unwrap_or_default(),
        at_base,
        before: before.cloned(),
        after: after.cloned(),
        deltas: Vec::new(),
        affected: Vec::new(),
        notes: Vec::new(),
        verdict: Verdict::Pass,
        policy_rule: String::new(),
        threats: Vec::new(),
        severity: None,
        exception: None,
        attached: None,
        context: crate::standing::Context::default(),
    }
}

fn delta(attribute: &str, before: Json, after: Json) -> Delta {
    Delta {
        attribute: attribute.to_owned(),
        before,
        after,
    }
}

/// The attributes that differ, but for those in `except`.
fn deltas(before: &Fact, after: &Fact, except: &[&str]) -> Vec<Delta> {
    let names: BTreeSet<&String> = before
        .attributes
        .keys()
        .chain(after.attributes.keys())
        .collect();
    let mut all = Vec::new();
    for name in names {
        if except.contains(&name.as_str()) {
            continue;
        }
        let (old, new) = (before.attributes.get(name), after.attributes.get(name));
        if old != new {
            let value = |side: Option<&Json>| side.cloned().unwrap_or(Json::Null);
            all.push(delta(name, value(old), value(new)));
        }
    }
    all
}

/// Facts by a key, in the order in which they come.
fn group<'a>(
    facts: impl IntoIterator<Item = &'a Fact>,
    key: impl Fn(&Fact) -> String,
) -> BTreeMap<String, Vec<&'a Fact>> {
    let mut groups: BTreeMap<String, Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        groups.entry(key(fact)).or_default().push(fact);
    }
    groups
}

/// Takes pairs with equal keys out of both lists.
fn pair<'a>(
    before: &mut Vec<&'a Fact>,
    after: &mut Vec<&'a Fact>,
    key: impl Fn(&Fact) -> String,
) -> Vec<(&'a Fact, &'a Fact)> {
    let mut waiting = group(after.iter().copied(), &key);
    let mut pairs = Vec::new();
    before.retain(|fact| match waiting.get_mut(&key(fact)) {
        Some(others) if !others.is_empty() => {
            pairs.push((*fact, others.remove(0)));
            false
        }
        _ => true,
    });
    after.retain(|fact| {
        waiting
            .get(&key(fact))
            .is_some_and(|left| left.iter().any(|other| std::ptr::eq(*other, *fact)))
    });
    pairs
}

fn affected(subject: &str, outcome: impl Into<String>, location: &Location) -> Affected {
    Affected {
        subject: subject.to_owned(),
        outcome: outcome.into(),
        location: location.clone(),
        sides: crate::assessment::Sides::default(),
    }
}

impl Affected {
    /// With the facts that it is about.
    fn of(mut self, before: Option<&Fact>, after: Option<&Fact>) -> Self {
        let side = |fact: Option<&Fact>| fact.map(|fact| Box::new(fact.clone()));
        self.sides = crate::assessment::Sides {
            before: side(before),
            after: side(after),
        };
        self
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(crate) fn enumerate(items: &[String], most: usize) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        items if items.len() <= most => {
            let (last, first) = (&items[items.len() - 1], &items[..items.len() - 1]);
            format!("{} and {last}", first.join(", "))
        }
        items => format!(
            "{} and {} more",
            items[..most.max(1)].join(", "),
            items.len() - most.max(1)
        ),
    }
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_words() {
        let check = |items: &[&str], expected: &str| {
            let items: Vec<String> = items.iter().map(|item| (*item).to_owned()).collect();
            assert_eq!(enumerate(&items, 2), expected);
        };
        check(&[], "");
        check(&["a"], "a");
        check(&["a", "b"], "a and b");
        check(&["a", "b", "c", "d"], "a, b and 2 more");
    }
}
