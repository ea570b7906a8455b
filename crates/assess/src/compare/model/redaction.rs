//! What code does so that sensitive values stay out of logs, messages and answers. A place that
//! stays and stops is told, and what a list no longer names; what moves with its function, or is
//! done by another function of the same place, is not.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::super::{Sides, change, delta, enumerate, pair};
use super::Told;
use crate::assessment::{ChangeKind, Direction};

pub(super) fn compare<'a>(
    sides: &Sides<'_>,
    mut old: Vec<&'a Fact>,
    mut new: Vec<&'a Fact>,
    told: &mut Vec<Told>,
) {
    pair(&mut old, &mut new, |fact| {
        format!(
            "{}|{:?}|{:?}|{}",
            key(fact),
            all(fact, "by"),
            all(fact, "items"),
            replaces(fact)
        )
    });
    for (before, after) in pair(&mut old, &mut new, key) {
        changed(before, after, told);
    }
    // What does the same under another name moved.
    let does = |fact: &Fact| {
        format!(
            "{:?}|{:?}|{}",
            set(fact, "by"),
            set(fact, "items"),
            replaces(fact)
        )
    };
    pair(&mut old, &mut new, does);
    for fact in &old {
        let elsewhere = new.iter().any(|other| shares(fact, other));
        let stays = stays(fact, &sides.after.functions);
        if elsewhere || !stays && !is_list(fact) {
            continue;
        }
        let direction = match stays {
            true => Direction::Weakened,
            false => Direction::Neutral,
        };
        let title = match is_list(fact) {
            true => format!(
                "`{}`, the list of what is kept out of sight, is gone ({})",
                subject(fact),
                shown(&set(fact, "items"))
            ),
            false => format!("{} no longer redacts{}", subject(fact), with(fact)),
        };
        told.push(one(ChangeKind::Removed, direction, title, Some(fact), None));
    }
    for fact in &new {
        let elsewhere = old.iter().any(|other| shares(fact, other));
        if elsewhere || !stays(fact, &sides.before.functions) {
            continue;
        }
        let title = match is_list(fact) {
            true => format!(
                "`{}` says what is kept out of sight: {}",
                subject(fact),
                shown(&set(fact, "items"))
            ),
            false => format!("{} now redacts{}", subject(fact), with(fact)),
        };
        let strong = Direction::Strengthened;
        told.push(one(ChangeKind::Added, strong, title, None, Some(fact)));
    }
}

fn changed(old: &Fact, new: &Fact, told: &mut Vec<Told>) {
    let (before, after) = (set(old, "items"), set(new, "items"));
    let lost: BTreeSet<String> = before.difference(&after).cloned().collect();
    let won: BTreeSet<String> = after.difference(&before).cloned().collect();
    let place = match is_list(new) {
        true => format!("`{}`", subject(new)),
        false => subject(new).to_owned(),
    };
    // The same number of calls do the same under other names.
    let (count, now) = (all(old, "by").len(), all(new, "by").len());
    let stopped = now < count || replaces(old) && !replaces(new) && now == 0;
    let began = now > count || !replaces(old) && replaces(new) && count == 0;
    let (direction, title) = if !lost.is_empty() {
        let title = format!("{place} no longer keeps {} out of sight", shown(&lost));
        (Direction::Weakened, title)
    } else if stopped {
        let gone: BTreeSet<String> = set(old, "by")
            .difference(&set(new, "by"))
            .cloned()
            .collect();
        let title = match gone.is_empty() {
            true => format!("{place} redacts in fewer places"),
            false => format!("{place} no longer redacts with {}", shown(&gone)),
        };
        (Direction::Weakened, title)
    } else if !won.is_empty() {
        let title = format!("{place} keeps {} out of sight", shown(&won));
        (Direction::Strengthened, title)
    } else if began {
        (
            Direction::Strengthened,
            format!("{place} now redacts{}", with(new)),
        )
    } else {
        return;
    };
    let mut one = one(ChangeKind::Modified, direction, title, Some(old), Some(new));
    if before != after {
        let delta = delta("items", json!(before), json!(after));
        one.change.deltas.push(delta);
    }
    told.push(one);
}

/// Objects of answers that a function makes on both sides: a credential that only one side puts in.
/// Where the class itself gains or loses the field, that tells it.
pub(super) fn answers<'a>(
    (mut old, models): (Vec<&'a Fact>, &[&Fact]),
    (mut new, models_after): (Vec<&'a Fact>, &[&Fact]),
    told: &mut Vec<Told>,
) {
    let known = |models: &[&Fact], fact: &Fact| {
        let mut models = models.iter();
        models.any(|model| Some(&*model.identity) == fact.text("entity"))
    };
    let made = |fact: &Fact| format!("{}|{:?}", fact.identity, all(fact, "given"));
    pair(&mut old, &mut new, made);
    for (before, after) in pair(&mut old, &mut new, |fact| fact.identity.clone()) {
        if known(models, before) || known(models_after, after) {
            continue;
        }
        let (a, b) = (set(before, "given"), set(after, "given"));
        let won: BTreeSet<String> = b.difference(&a).cloned().collect();
        let lost: BTreeSet<String> = a.difference(&b).cloned().collect();
        let entity = after.text("entity").unwrap_or_default();
        let verb = |names: &BTreeSet<String>| if names.len() > 1 { "are" } else { "is" };
        let (direction, title) = match (won.is_empty(), lost.is_empty()) {
            (false, _) => (
                Direction::Weakened,
                format!(
                    "{} {} newly given out by {} (`{entity}`)",
                    shown(&won),
                    verb(&won),
                    subject(after)
                ),
            ),
            (true, false) => (
                Direction::Strengthened,
                format!(
                    "{} {} no longer given out by {} (`{entity}`)",
                    shown(&lost),
                    verb(&lost),
                    subject(after)
                ),
            ),
            _ => continue,
        };
        let mut one = one(
            ChangeKind::Modified,
            direction,
            title,
            Some(before),
            Some(after),
        );
        one.change.deltas.push(delta("given", json!(a), json!(b)));
        told.push(one);
    }
}

fn one(
    kind: ChangeKind,
    direction: Direction,
    title: String,
    old: Option<&Fact>,
    new: Option<&Fact>,
) -> Told {
    Told {
        change: change(FactKind::DataModel, kind, direction, title, old, new),
        table: String::new(),
        columns: BTreeSet::new(),
        whole: false,
        words: String::new(),
        passes: false,
    }
}

/// What tells places apart: those outside of functions by their file.
fn key(fact: &Fact) -> String {
    match subject(fact) {
        "module" => format!("module|{}", fact.location.path),
        name => format!("{name}|{}", is_list(fact)),
    }
}

fn subject(fact: &Fact) -> &str {
    fact.text("subject").unwrap_or_default()
}

fn is_list(fact: &Fact) -> bool {
    fact.attributes.get("list") == Some(&json!(true))
}

fn replaces(fact: &Fact) -> bool {
    fact.attributes.get("replaces") == Some(&json!(true))
}

fn all(fact: &Fact, name: &str) -> Vec<String> {
    let items = fact.attributes.get(name).and_then(Json::as_array);
    let texts = items.into_iter().flatten().filter_map(Json::as_str);
    texts.map(str::to_owned).collect()
}

fn set(fact: &Fact, name: &str) -> BTreeSet<String> {
    all(fact, name).into_iter().collect()
}

/// Whether two places call, or name, some of the same.
fn shares(fact: &Fact, other: &Fact) -> bool {
    ["by", "items"].iter().any(|name| {
        let (a, b) = (set(fact, name), set(other, name));
        !a.is_disjoint(&b)
    })
}

/// Whether the function, or the class that it is a method of, is there.
fn stays(fact: &Fact, functions: &BTreeSet<String>) -> bool {
    let name = subject(fact);
    let class = name.rsplit_once('.').map(|(class, _)| class);
    let own = replaces(fact) || fact.attributes.get("decorates") == Some(&json!(true));
    let method = own && class.is_some_and(|class| functions.contains(class));
    name == "module" || functions.contains(name) || method
}

fn with(fact: &Fact) -> String {
    let by = set(fact, "by");
    match by.is_empty() {
        true => " what it shows".to_owned(),
        false => format!(" with {}", shown(&by)),
    }
}

fn shown(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    enumerate(&names, 3)
}
