//! Endpoints and what hangs on their way: added, removed, moved, and guards lost, gained or
//! replaced, each once, at the place that caused it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use threatgate_facts::{Confidence, Evidence, Fact, FactKind, Location};

use super::{Sides, affected, change, delta, enumerate, group, pair, plural};
use crate::assessment::{Change, ChangeKind, Direction};

/// What other comparisons want to know: the handlers that came and went with their endpoints.
pub(super) struct Handlers {
    pub(super) added: BTreeSet<String>,
    pub(super) removed: BTreeSet<String>,
}

/// `POST /refunds`, the words for an endpoint.
pub(super) fn name(fact: &Fact) -> String {
    let method = fact.text("method").unwrap_or("ANY");
    let path = fact.text("path").unwrap_or("/");
    match fact.text("protocol") {
        Some("http") | None if promised(fact) => format!("{method} {path} (specification)"),
        Some("http") | None => format!("{method} {path}"),
        Some(protocol) => format!("{protocol} {path}"),
    }
}

/// Whether a specification says so, not the code.
fn promised(fact: &Fact) -> bool {
    fact.text("declared") == Some("specification")
}

/// What specifications promise counts only where neither side's code shows it: one change of both
/// is told once, at the code.
fn without_doubles(before: &mut Vec<&Fact>, after: &mut Vec<&Fact>) {
    let key = |fact: &Fact| {
        let nameless = fact.identity.rsplit(' ').next().unwrap_or_default();
        let method = fact.text("method").unwrap_or_default();
        (method.to_owned(), nameless.to_owned())
    };
    let code = before.iter().chain(after.iter());
    let code: Vec<(String, String)> = code
        .filter(|fact| !promised(fact))
        .map(|fact| key(fact))
        .collect();
    let double = |fact: &Fact| {
        let (method, path) = key(fact);
        code.iter().any(|(other, shown)| {
            (*other == method || other == "ANY")
                && (path.ends_with(shown.as_str()) || shown.ends_with(path.as_str()))
        })
    };
    before.retain(|fact| !promised(fact) || !double(fact));
    after.retain(|fact| !promised(fact) || !double(fact));
}

fn state(fact: &Fact) -> &str {
    fact.text("guard_state").unwrap_or("unknown")
}

fn handler(fact: &Fact) -> String {
    fact.text("handler").unwrap_or_default().to_owned()
}

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) -> Handlers {
    let (mut before, mut after) = sides.of(FactKind::Endpoint);
    without_doubles(&mut before, &mut after);
    let all_after = after.clone();
    let mut pairs = pair(&mut before, &mut after, |fact| {
        format!("{} {}", fact.identity, handler(fact))
    });
    pairs.extend(pair(&mut before, &mut after, |fact| fact.identity.clone()));
    // The same handler under another path or method is one change.
    let named = |fact: &Fact| !handler(fact).is_empty();
    let (mut gone, mut come): (Vec<_>, Vec<_>) = (
        before.iter().copied().filter(|fact| named(fact)).collect(),
        after.iter().copied().filter(|fact| named(fact)).collect(),
    );
    let mut moved = pair(&mut gone, &mut come, |fact| {
        format!(
            "{}|{}|{}",
            handler(fact),
            fact.text("method").unwrap_or_default(),
            fact.location.path
        )
    });
    moved.extend(pair(&mut gone, &mut come, |fact| {
        format!(
            "{}|{}",
            handler(fact),
            fact.text("method").unwrap_or_default()
        )
    }));
    moved.extend(pair(&mut gone, &mut come, |fact| {
        format!(
            "{}|{}",
            handler(fact),
            fact.text("path").unwrap_or_default()
        )
    }));
    let is = |list: &[(&Fact, &Fact)], fact: &Fact| {
        list.iter()
            .any(|(a, b)| std::ptr::eq(*a, fact) || std::ptr::eq(*b, fact))
    };
    before.retain(|fact| !is(&moved, fact));
    after.retain(|fact| !is(&moved, fact));

    relocated(&moved, changes);
    pairs.extend(moved);
    guards(&pairs, changes);
    order(&pairs, changes);
    ways_in(&pairs, changes);
    parameters(&pairs, changes);
    listed(&pairs, changes);
    came(&after, &all_after, changes);
    went(&before, changes);
    Handlers {
        added: after
            .iter()
            .map(|fact| handler(fact))
            .filter(|name| !name.is_empty())
            .collect(),
        removed: before
            .iter()
            .map(|fact| handler(fact))
            .filter(|name| !name.is_empty())
            .collect(),
    }
}

// --- added and removed

fn came(added: &[&Fact], all: &[&Fact], changes: &mut Vec<Change>) {
    let groups = group(added.iter().copied(), |fact| {
        format!(
            "{}|{}{}|{}|{}",
            fact.location.path,
            state(fact),
            fact.text("capability").unwrap_or_default(),
            fact.texts("guards").join(","),
            fact.scope.name()
        )
    });
    for facts in groups.values() {
        let first = facts[0];
        let guards: Vec<String> = first
            .texts("guards")
            .iter()
            .map(|guard| format!("`{guard}`"))
            .collect();
        let how = match state(first) {
            "guarded" if guards.is_empty() => "checked in its body".to_owned(),
            "guarded" => format!("guarded by {}", enumerate(&guards, 3)),
            "open" => "with no guard".to_owned(),
            _ if first.text("capability").is_some() => format!(
                "open to whoever knows its `{}`",
                first.text("capability").unwrap_or_default()
            ),
            _ => "its guard is unknown".to_owned(),
        };
        let title = match facts.len() {
            1 => format!("{} added, {how}", name(first)),
            count => {
                let names: Vec<String> = facts.iter().map(|fact| name(fact)).collect();
                format!("{count} endpoints added, {how}: {}", enumerate(&names, 2))
            }
        };
        let direction = if state(first) == "open" {
            Direction::Weakened
        } else {
            Direction::Neutral
        };
        let mut one = change(
            FactKind::Endpoint,
            ChangeKind::Added,
            direction,
            title,
            None,
            Some(first),
        );
        if facts.len() > 1 {
            one.affected = facts
                .iter()
                .map(|fact| affected(&name(fact), how.clone(), &fact.location).of(None, Some(fact)))
                .collect();
        }
        if state(first) != "guarded" {
            one.notes.extend(siblings(first, all, added));
        }
        let unknown = first.texts("unknown").into_iter();
        for reason in unknown.filter(|_| first.text("capability").is_none()) {
            one.notes.push(format!("not understood: {reason}"));
        }
        changes.push(one);
    }
}

/// The words of the note by which a policy knows it.
pub(crate) const GUARDED_SIBLINGS: &str = "beside it are guarded";
/// How many siblings are named.
const SHOWN: usize = 3;
/// Of more than these in one file only those with the longest common path are siblings.
const NEAR: usize = 12;

/// Words about the endpoints beside it, when they have the guard that this one lacks.
fn siblings(fact: &Fact, all: &[&Fact], added: &[&Fact]) -> Option<String> {
    let mut others: Vec<&Fact> = all
        .iter()
        .copied()
        .filter(|other| {
            other.location.path == fact.location.path
                && !added.iter().any(|new| std::ptr::eq(*new, *other))
        })
        .collect();
    if others.len() > NEAR {
        // A file with all routes of an application: those below the same path.
        let common = |other: &Fact| {
            let (own, other) = (fact.text("path"), other.text("path"));
            let (own, other) = (own.unwrap_or_default(), other.unwrap_or_default());
            let pairs = own.split('/').zip(other.split('/'));
            pairs.take_while(|(a, b)| a == b).count()
        };
        let most = others.iter().map(|other| common(other)).max()?;
        others.retain(|other| common(other) == most);
    }
    let guarded: Vec<&Fact> = others
        .iter()
        .copied()
        .filter(|other| state(other) == "guarded")
        .collect();
    if guarded.is_empty() || guarded.len() * 2 < others.len() {
        return None;
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for other in &guarded {
        for guard in other.texts("guards") {
            *counts.entry(guard).or_default() += 1;
        }
    }
    let most = counts
        .into_iter()
        .max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)));
    let by = most
        .map(|(guard, _)| format!(" by `{guard}`"))
        .unwrap_or_default();
    let names: Vec<String> = guarded.iter().map(|other| name(other)).collect();
    Some(format!(
        "{} of {} {GUARDED_SIBLINGS}{by}: {}",
        guarded.len(),
        others.len(),
        enumerate(&names, SHOWN)
    ))
}

fn went(removed: &[&Fact], changes: &mut Vec<Change>) {
    let groups = group(removed.iter().copied(), |fact| fact.location.path.clone());
    for facts in groups.values() {
        let first = facts[0];
        let names: Vec<String> = facts.iter().map(|fact| name(fact)).collect();
        let title = match facts.len() {
            1 => format!("{} removed", names[0]),
            count => format!("{count} endpoints removed: {}", enumerate(&names, 2)),
        };
        let mut one = change(
            FactKind::Endpoint,
            ChangeKind::Removed,
            Direction::Neutral,
            title,
            Some(first),
            None,
        );
        if facts.len() > 1 {
            one.affected = facts
                .iter()
                .map(|fact| affected(&name(fact), "gone", &fact.location).of(Some(fact), None))
                .collect();
        }
        changes.push(one);
    }
}

// --- the same handler under another path

fn mounts(fact: &Fact) -> Vec<&Evidence> {
    fact.evidence
        .iter()
        .filter(|evidence| evidence.role == "mount")
        .collect()
}

fn relocated(moved: &[(&Fact, &Fact)], changes: &mut Vec<Change>) {
    // One prefix that changed moves many endpoints: they are told under it.
    let mut groups: BTreeMap<String, Vec<(&Fact, &Fact)>> = BTreeMap::new();
    for (before, after) in moved {
        let texts = |fact: &Fact| {
            mounts(fact)
                .iter()
                .map(|mount| mount.text.clone())
                .collect::<Vec<_>>()
        };
        let (old, new) = (texts(before), texts(after));
        let key = if old == new {
            format!(
                "own {} {}",
                before.text("path").unwrap_or_default(),
                handler(after)
            )
        } else {
            format!("mount {} -> {}", old.join(" "), new.join(" "))
        };
        groups.entry(key).or_default().push((before, after));
    }
    for (key, pairs) in groups {
        let (before, after) = pairs[0];
        let how = format!("{} became {}", name(before), name(after));
        let mut one = change(
            FactKind::Endpoint,
            ChangeKind::Modified,
            Direction::Neutral,
            how,
            Some(before),
            Some(after),
        );
        one.deltas = ["method", "path", "protocol"]
            .into_iter()
            .filter(|attribute| {
                before.attributes.get(*attribute) != after.attributes.get(*attribute)
            })
            .map(|attribute| {
                let value = |fact: &Fact| {
                    fact.attributes
                        .get(attribute)
                        .cloned()
                        .unwrap_or(Json::Null)
                };
                delta(attribute, value(before), value(after))
            })
            .collect();
        if key.starts_with("mount") {
            let old: BTreeSet<&str> = mounts(before)
                .iter()
                .map(|mount| mount.text.as_str())
                .collect();
            let place = mounts(after)
                .into_iter()
                .find(|mount| !old.contains(mount.text.as_str()));
            if let Some(place) = place.or(mounts(after).first().copied()) {
                one.location = place.location.clone();
                if pairs.len() > 1 {
                    one.title = format!(
                        "{} moved: mounted at `{}`, {}",
                        plural(pairs.len(), "endpoint"),
                        place.text,
                        one.title
                    );
                }
            }
        }
        if pairs.len() > 1 {
            one.affected = pairs
                .iter()
                .map(|(before, after)| {
                    affected(
                        &name(before),
                        format!("now {}", name(after)),
                        &after.location,
                    )
                    .of(Some(before), Some(after))
                })
                .collect();
        }
        changes.push(one);
    }
}

// --- guards

/// A guard's name without its arguments.
fn bare(text: &str) -> &str {
    text.split(['(', ' ']).next().unwrap_or(text)
}

/// What makes two losses the same one: the guard and the place where it hung.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    lost: Vec<String>,
    gained: Vec<String>,
    attached: String,
    place: Location,
    exempted: bool,
}

/// The place of a loss, with the endpoint at base and at head.
type Lost<'a> = (Location, (&'a Fact, &'a Fact));

fn guards(pairs: &[(&Fact, &Fact)], changes: &mut Vec<Change>) {
    let mut causes: BTreeMap<Cause, Vec<Lost<'_>>> = BTreeMap::new();
    for (before, after) in pairs {
        if let Some(mut cause) = cause(before, after) {
            let place = cause.place.clone();
            if matches!(cause.attached.as_str(), "handler" | "class") {
                // The same edit of many handlers is one.
                cause.place = Location::default();
                cause.without_arguments();
            }
            let places = causes.entry(cause).or_default();
            places.push((place, (before, after)));
        }
    }
    for (mut cause, mut places) in causes {
        places.sort_by(|a, b| a.0.cmp(&b.0));
        cause.place = places[0].0.clone();
        let pairs: Vec<_> = places.into_iter().map(|(_, pair)| pair).collect();
        changes.push(guard_change(&cause, &pairs));
    }
}

/// An endpoint at base and at head, for each.
type Pairs<'a> = Vec<(&'a Fact, &'a Fact)>;

/// Guards for permissions that changed places with the one that finds out who calls: before it
/// they may have nobody to ask about.
fn order(pairs: &[(&Fact, &Fact)], changes: &mut Vec<Change>) {
    let mut groups: BTreeMap<(Vec<String>, bool), Pairs<'_>> = BTreeMap::new();
    for (before, after) in pairs {
        for early in [true, false] {
            let (was, is) = match early {
                true => ("late_guards", "early_guards"),
                false => ("early_guards", "late_guards"),
            };
            let (was, is) = (before.texts(was), after.texts(is));
            let moved = is.iter().filter(|guard| was.contains(guard));
            let moved: Vec<String> = moved.map(|guard| (*guard).to_owned()).collect();
            if !moved.is_empty() {
                let group = groups.entry((moved, early)).or_default();
                group.push((before, after));
            }
        }
    }
    for ((moved, early), pairs) in groups {
        let (before, after) = pairs[0];
        let subject = match pairs.len() {
            1 => name(after),
            many => plural(many, "endpoint"),
        };
        let moved: Vec<String> = moved.iter().map(|guard| format!("`{guard}`")).collect();
        let (direction, where_to) = match early {
            true => (Direction::Weakened, "before"),
            false => (Direction::Strengthened, "after"),
        };
        let title = format!(
            "on {subject} {} now runs {where_to} the guard that finds out who calls",
            enumerate(&moved, 3)
        );
        let how = ChangeKind::Modified;
        let kind = FactKind::Auth;
        let mut one = change(kind, how, direction, title, Some(before), Some(after));
        let value = |fact: &Fact| json!(fact.texts("early_guards"));
        one.deltas
            .push(delta("early_guards", value(before), value(after)));
        if pairs.len() > 1 {
            let places = pairs.iter();
            one.affected = places
                .map(|(before, after)| {
                    affected(&name(after), where_to, &after.location).of(Some(before), Some(after))
                })
                .collect();
        }
        changes.push(one);
    }
}

/// Ways in that an endpoint gained or lost: what runs before it and may find out who calls.
fn ways_in(pairs: &[(&Fact, &Fact)], changes: &mut Vec<Change>) {
    let mut groups: BTreeMap<(Vec<String>, bool), Pairs<'_>> = BTreeMap::new();
    for (before, after) in pairs {
        let (old, new) = (before.texts("ways_in"), after.texts("ways_in"));
        for (here, there, gained) in [(&new, &old, true), (&old, &new, false)] {
            let differ = here.iter().filter(|way| !there.contains(way));
            let differ: Vec<String> = differ.map(|way| format!("`{way}`")).collect();
            if !differ.is_empty() {
                let group = groups.entry((differ, gained)).or_default();
                group.push((before, after));
            }
        }
    }
    for ((ways, gained), pairs) in groups {
        let (before, after) = pairs[0];
        let subject = match pairs.len() {
            1 => name(after),
            many => plural(many, "endpoint"),
        };
        let verb = match (gained, pairs.len()) {
            (true, 1) => "now knows",
            (true, _) => "now know",
            (false, 1) => "no longer knows",
            (false, _) => "no longer know",
        };
        let title = format!("{subject} {verb} callers by {}", enumerate(&ways, 3));
        let mut one = change(
            FactKind::Auth,
            ChangeKind::Modified,
            Direction::Neutral,
            title,
            Some(before),
            Some(after),
        );
        let value = |fact: &Fact| json!(fact.texts("ways_in"));
        one.deltas
            .push(delta("ways_in", value(before), value(after)));
        if pairs.len() > 1 {
            let places = pairs.iter();
            one.affected = places
                .map(|(before, after)| {
                    affected(&name(after), verb, &after.location).of(Some(before), Some(after))
                })
                .collect();
        }
        changes.push(one);
    }
}

impl Cause {
    /// Where guards took the place of others, their names tell it; the arguments differ by handler.
    fn without_arguments(&mut self) {
        let names = |guards: &[String]| -> BTreeSet<String> {
            guards.iter().map(|guard| bare(guard).to_owned()).collect()
        };
        let (lost, gained) = (names(&self.lost), names(&self.gained));
        if !lost.is_empty() && !gained.is_empty() && lost.is_disjoint(&gained) {
            self.lost = lost.into_iter().collect();
            self.gained = gained.into_iter().collect();
        }
    }
}

fn uses<'a>(fact: &'a Fact, role: &str) -> Vec<&'a Evidence> {
    fact.evidence
        .iter()
        .filter(|evidence| evidence.role == role)
        .collect()
}

fn cause(before: &Fact, after: &Fact) -> Option<Cause> {
    // What could not be understood and is gone may have been a guard as well.
    let all = |fact: &Fact| -> BTreeSet<String> {
        let guards = fact.texts("guards").into_iter().map(str::to_owned);
        guards
            .chain(
                uses(fact, "unknown")
                    .iter()
                    .map(|evidence| evidence.text.clone()),
            )
            .collect()
    };
    let (old, new) = (all(before), all(after));
    let mut lost: Vec<String> = old.difference(&new).cloned().collect();
    let mut gained: Vec<String> = new.difference(&old).cloned().collect();
    renamed(before, after, &mut lost, &mut gained);
    if lost.is_empty() && gained.is_empty() {
        return None;
    }
    let place = |fact: &Fact, names: &[String]| {
        let mut found: Vec<&Evidence> = fact
            .evidence
            .iter()
            .filter(|evidence| {
                matches!(evidence.role.as_str(), "guard" | "unknown")
                    && names.contains(&evidence.text)
            })
            .collect();
        found.sort_by_key(|evidence| rank(&evidence.attached));
        found
            .first()
            .map(|evidence| (evidence.attached.clone(), evidence.location.clone()))
    };
    let exemptions: Vec<String> = uses(before, "exemption")
        .iter()
        .map(|evidence| evidence.text.clone())
        .collect();
    let exempted = uses(after, "exemption")
        .into_iter()
        .find(|evidence| !exemptions.contains(&evidence.text));
    if let Some(evidence) = exempted.filter(|_| !lost.is_empty()) {
        return Some(Cause {
            lost,
            gained: vec![evidence.text.clone()],
            attached: evidence.attached.clone(),
            place: evidence.location.clone(),
            exempted: true,
        });
    }
    let (mut attached, place) = match place(before, &lost) {
        Some(found) => found,
        None => place(after, &gained).unwrap_or_else(|| ("handler".into(), after.location.clone())),
    };
    // What was let past a guard and no longer is has its cause where it was let past.
    let exempt = uses(after, "exemption");
    let lifted = uses(before, "exemption")
        .into_iter()
        .find(|evidence| !exempt.iter().any(|other| other.text == evidence.text));
    if let Some(evidence) = lifted.filter(|_| lost.is_empty()) {
        attached.clone_from(&evidence.attached);
    }
    Some(Cause {
        lost,
        gained,
        attached,
        place,
        exempted: false,
    })
}

/// Leaves out guards that ask the same under another name, hung on the same.
fn renamed(before: &Fact, after: &Fact, lost: &mut Vec<String>, gained: &mut Vec<String>) {
    let asks = |fact: &Fact, name: &str| {
        let all = uses(fact, "guard").into_iter();
        let mut all = all.filter(|evidence| evidence.text == name && !evidence.asks.is_empty());
        let found = all.next();
        found.map(|evidence| (evidence.asks.clone(), evidence.attached.clone()))
    };
    lost.retain(|name| {
        let Some(asked) = asks(before, name) else {
            return true;
        };
        // Another role is another guard, whoever asks for it.
        let handed = |text: &str| text[bare(text).len()..].to_owned();
        let same = gained.iter().position(|other| {
            handed(name) == handed(other) && asks(after, other).as_ref() == Some(&asked)
        });
        match same {
            Some(at) => {
                gained.remove(at);
                false
            }
            None => true,
        }
    });
}

/// The outermost place first: it is the cause of what the others lost.
fn rank(attached: &str) -> u8 {
    match attached {
        "setting" => 0,
        "app" => 1,
        "mount" => 2,
        "router" => 3,
        "class" => 4,
        _ => 5,
    }
}

fn guard_change(cause: &Cause, pairs: &[(&Fact, &Fact)]) -> Change {
    let (before, after) = pairs[0];
    let list = |names: &[String]| {
        enumerate(
            &names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>(),
            3,
        )
    };
    let subject = match pairs.len() {
        1 => name(after),
        count => format!("{count} endpoints"),
    };
    let names: BTreeSet<&str> = cause.gained.iter().map(|name| bare(name)).collect();
    let kept_name = cause.lost.iter().all(|name| names.contains(bare(name)));
    // The worst endpoint decides: one that is open now and was not.
    let rank = |fact: &Fact| match state(fact) {
        "guarded" => 2,
        "unknown" => 1,
        _ => 0,
    };
    let worse = pairs
        .iter()
        .any(|(before, after)| rank(after) < rank(before));
    let better = !worse
        && pairs
            .iter()
            .any(|(before, after)| rank(after) > rank(before));
    let (how, direction, title) = if cause.exempted {
        (
            ChangeKind::Removed,
            Direction::Weakened,
            format!(
                "{subject} lost {} through {}",
                list(&cause.lost),
                list(&cause.gained)
            ),
        )
    } else if cause.gained.is_empty() {
        (
            ChangeKind::Removed,
            Direction::Weakened,
            format!("{subject} lost {}", list(&cause.lost)),
        )
    } else if cause.lost.is_empty() {
        let direction = if worse {
            Direction::Neutral
        } else {
            Direction::Strengthened
        };
        (
            ChangeKind::Added,
            direction,
            format!("{subject} gained {}", list(&cause.gained)),
        )
    } else {
        let direction = if worse {
            Direction::Weakened
        } else if better {
            Direction::Strengthened
        } else {
            Direction::Neutral
        };
        let verb = match (kept_name, pairs.len()) {
            (true, 1) => "changed its guard",
            (true, _) => "changed their guard",
            (false, 1) => "replaced its guard",
            (false, _) => "replaced their guard",
        };
        (
            ChangeKind::Modified,
            direction,
            format!(
                "{subject} {verb}: {} became {}",
                list(&cause.lost),
                list(&cause.gained)
            ),
        )
    };
    let mut one = change(
        FactKind::Auth,
        how,
        direction,
        title,
        Some(before),
        Some(after),
    );
    one.deltas.push(delta(
        "guards",
        json!(before.texts("guards")),
        json!(after.texts("guards")),
    ));
    if state(before) != state(after) {
        one.deltas.push(delta(
            "guard_state",
            json!(state(before)),
            json!(state(after)),
        ));
    }
    one.location = cause.place.clone();
    one.attached = Some(cause.attached.clone()).filter(|attached| !attached.is_empty());
    one.at_base = !cause.lost.is_empty() && !cause.exempted;
    if one.at_base {
        // The reader looks at the head: the mount or handler that stands there now.
        one.notes.push(format!(
            "{} hung on the {} at {}:{} of the base",
            list(&cause.lost),
            cause.attached,
            cause.place.path,
            cause.place.line
        ));
        if cause.attached == "handler" || cause.attached == "body" {
            let handler = uses(after, "handler").into_iter().next();
            one.location = handler
                .map_or(&after.location, |evidence| &evidence.location)
                .clone();
            one.at_base = false;
        }
    }
    if pairs.len() > 1 {
        one.affected = pairs
            .iter()
            .map(|(before, after)| {
                let left: Vec<String> = after
                    .texts("guards")
                    .iter()
                    .map(|guard| format!("`{guard}`"))
                    .collect();
                let outcome = match state(after) {
                    "open" => "now open".to_owned(),
                    "guarded" if left.is_empty() => "still checked in its body".to_owned(),
                    "guarded" => format!("guarded by {}", enumerate(&left, 3)),
                    _ => "guard unknown".to_owned(),
                };
                affected(&name(after), outcome, &after.location).of(Some(before), Some(after))
            })
            .collect();
    } else if state(after) == "open" {
        one.notes.push("no guard is left on it".into());
    } else if let Some(name) = after.text("capability") {
        one.notes
            .push(format!("only the `{name}` in its path is left"));
    }
    if pairs
        .iter()
        .all(|(before, _)| before.confidence == Confidence::Heuristic)
        && let Some(before) = &mut one.before
    {
        before.confidence = Confidence::Heuristic;
    }
    one
}

// --- the repository's own document of its API

/// Endpoints that such a document no longer lists while it lists others of their file, or lists again.
fn listed(pairs: &[(&Fact, &Fact)], changes: &mut Vec<Change>) {
    let missed = |fact: &Fact| fact.attributes.get("undocumented") == Some(&json!(true));
    for lost in [true, false] {
        let all: Vec<(&Fact, &Fact)> = pairs
            .iter()
            .copied()
            .filter(|(before, after)| missed(before) != lost && missed(after) == lost)
            .collect();
        let Some((before, after)) = all.first().copied() else {
            continue;
        };
        let (direction, words) = match lost {
            true => (Direction::Neutral, "not listed in the document of the API"),
            false => (
                Direction::Strengthened,
                "now listed in the document of the API",
            ),
        };
        let title = match all.len() {
            1 => format!("{} is {words}", name(after)),
            many => format!("{} are {words}", plural(many, "endpoint")),
        };
        let mut one = change(
            FactKind::Endpoint,
            ChangeKind::Modified,
            direction,
            title,
            Some(before),
            Some(after),
        );
        one.deltas
            .push(delta("undocumented", json!(!lost), json!(lost)));
        if all.len() > 1 {
            one.affected = all
                .iter()
                .map(|(before, after)| {
                    affected(&name(after), words, &after.location).of(Some(before), Some(after))
                })
                .collect();
        }
        changes.push(one);
    }
}

// --- parameters

fn parameters(pairs: &[(&Fact, &Fact)], changes: &mut Vec<Change>) {
    // A model that many endpoints read their request into tells once.
    let mut groups: BTreeMap<Vec<String>, Vec<(&Fact, &Fact)>> = BTreeMap::new();
    for (before, after) in pairs {
        let words = parameter_words(before, after);
        if !words.is_empty() {
            groups.entry(words).or_default().push((before, after));
        }
    }
    for (words, pairs) in groups {
        let (before, after) = pairs[0];
        let title = match pairs.len() {
            1 => format!("{} {}", name(after), together(&words)),
            many => format!("{}: {}", plural(many, "endpoint"), together(&words)),
        };
        let mut one = change(
            FactKind::Endpoint,
            ChangeKind::Modified,
            Direction::Neutral,
            title,
            Some(before),
            Some(after),
        );
        let value = |fact: &Fact| {
            fact.attributes
                .get("parameters")
                .cloned()
                .unwrap_or(Json::Null)
        };
        one.deltas
            .push(delta("parameters", value(before), value(after)));
        if pairs.len() > 1 {
            one.affected = pairs
                .iter()
                .map(|(before, after)| {
                    affected(&name(after), together(&words), &after.location)
                        .of(Some(before), Some(after))
                })
                .collect();
        }
        changes.push(one);
    }
}

/// Words that begin alike, told once: `takes query `a`, `b` and 2 more`.
fn together(words: &[String]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for word in words {
        let (verb, named) = word.split_at(word.find('`').unwrap_or(word.len()));
        match groups.last_mut() {
            Some((known, names)) if *known == verb => names.push(named.to_owned()),
            _ => groups.push((verb, vec![named.to_owned()])),
        }
    }
    let groups = groups.into_iter();
    let told = groups.map(|(verb, names)| format!("{verb}{}", enumerate(&names, 3)));
    enumerate(&told.collect::<Vec<_>>(), 3)
}

/// What an endpoint takes that it did not take, and the reverse.
fn parameter_words(before: &Fact, after: &Fact) -> Vec<String> {
    let list = |fact: &Fact| -> BTreeMap<String, Json> {
        let all = fact.attributes.get("parameters").and_then(Json::as_array);
        all.into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] != "path")
            .map(|parameter| {
                let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
                (
                    format!("{} `{}`", text("in"), text("name")),
                    parameter.clone(),
                )
            })
            .collect()
    };
    let (old, new) = (list(before), list(after));
    let mut words = Vec::new();
    for (key, value) in &new {
        match old.get(key) {
            None => words.push(format!("takes {key}")),
            Some(known) if differ(known, value) => words.push(format!("changed {key}")),
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    words.extend(gone.map(|key| format!("no longer takes {key}")));
    words
}

/// Whether two parameters of one name differ in what is said of both.
fn differ(before: &Json, after: &Json) -> bool {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return before != after;
    };
    // A type that another package holds now is the same by its own name.
    let last = |value: &Json| {
        let text = value.as_str()?;
        let last = text.rsplit(['.', ':', '\\']).next();
        last.map(str::to_owned)
    };
    old.iter().any(|(key, value)| {
        new.get(key)
            .is_some_and(|other| other != value && (key != "type" || last(other) != last(value)))
    })
}
