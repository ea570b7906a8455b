//! Security settings: cookies, CORS, CSRF, hosts, debug.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use threatgate_facts::{Fact, FactKind};

use super::{Sides, change, deltas, pair};
use crate::assessment::{Change, ChangeKind, Direction};

fn shown(fact: &Fact) -> String {
    match fact.attributes.get("value") {
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "an expression".into(),
    }
}

/// A setting with its value in words.
pub(super) fn said(fact: &Fact) -> String {
    let name = fact.text("setting").unwrap_or(&fact.identity);
    let name = name.strip_prefix("setting:").unwrap_or(name);
    match shown(fact) {
        value if VAGUE.contains(&value.as_str()) => format!("{name} is set"),
        value => format!("{name} is {value}"),
    }
}

/// Values that rules give where what is written is no literal; they tell a reader nothing.
const VAGUE: [&str; 3] = ["a value", "a check", "computed"];

fn level(fact: &Fact) -> Option<i64> {
    fact.attributes.get("level").and_then(Json::as_i64)
}

fn default(fact: &Fact) -> Option<i64> {
    fact.attributes.get("default_level").and_then(Json::as_i64)
}

fn order(before: Option<i64>, after: Option<i64>) -> Direction {
    match (before, after) {
        (Some(a), Some(b)) if b < a => Direction::Weakened,
        (Some(a), Some(b)) if b > a => Direction::Strengthened,
        _ => Direction::Neutral,
    }
}

/// Leaves out a whole content security policy where its directives are told beside it.
fn told_by_directives<'a>(old: &mut Vec<&'a Fact>, new: &mut Vec<&'a Fact>) {
    let directive = |fact: &&Fact| fact.rule == "content-policy";
    let whole = |fact: &&Fact| fact.text("setting") == Some("Content-Security-Policy");
    let files = |facts: &[&'a Fact]| -> Vec<&'a str> {
        let facts = facts.iter().filter(|fact| directive(fact));
        facts.map(|fact| fact.location.path.as_str()).collect()
    };
    let wholes = |facts: &[&'a Fact]| -> BTreeMap<&'a str, usize> {
        let mut counts = BTreeMap::new();
        for fact in facts.iter().filter(|fact| whole(fact)) {
            *counts.entry(fact.location.path.as_str()).or_default() += 1;
        }
        counts
    };
    let (before, after) = (files(old), files(new));
    // One that is set at fewer places is told as such, though its text stays.
    let (set, sets) = (wholes(old), wholes(new));
    let as_often = |path: &str| set.get(path) == sets.get(path);
    // A policy that is there on one side only is told as a whole, by its header.
    for (own, other, facts) in [(&before, &after, &mut *old), (&after, &before, &mut *new)] {
        let both: Vec<&str> = own
            .iter()
            .filter(|path| other.contains(path))
            .copied()
            .collect();
        let headers: Vec<&str> = wholes(facts).into_keys().collect();
        facts.retain(|fact| {
            let path = fact.location.path.as_str();
            if whole(fact) {
                !both.contains(&path) || !as_often(path)
            } else {
                !directive(fact) || both.contains(&path) || !headers.contains(&path)
            }
        });
    }
}

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (before, after) = sides.of(FactKind::Auth);
    let of = |facts: Vec<_>| {
        facts
            .into_iter()
            .filter(|fact: &&Fact| fact.text("type") == Some("setting"))
            .collect::<Vec<&Fact>>()
    };
    let (mut old, mut new) = (of(before), of(after));
    // What is set of a cookie comes and goes with it: a cookie that stays says each of its settings.
    let cookie = |fact: &&Fact| fact.text("protection") == Some("cookie");
    let cookies = |facts: &[&'_ Fact]| -> BTreeSet<String> {
        let cookies = facts.iter().filter(|fact| cookie(fact));
        cookies
            .filter_map(|fact| Some(fact.text("of")?.to_owned()))
            .collect()
    };
    let (was, is) = (cookies(&old), cookies(&new));
    old.retain(|fact| !cookie(fact) || fact.text("of").is_none_or(|of| is.contains(of)));
    // One that comes without protection is news.
    let protects = |fact: &Fact| !matches!(shown(fact).to_lowercase().as_str(), "false" | "none");
    new.retain(|fact| {
        let known = fact.text("of").is_none_or(|of| was.contains(of));
        !cookie(fact) || known || !protects(fact)
    });
    told_by_directives(&mut old, &mut new);
    pair(&mut old, &mut new, |fact| {
        format!("{}|{}|{}", fact.identity, shown(fact), fact.location.path)
    });
    pair(&mut old, &mut new, |fact| {
        format!("{}|{}", fact.identity, shown(fact))
    });
    let mut pairs = pair(&mut old, &mut new, |fact| {
        format!("{}|{}", fact.identity, fact.location.path)
    });
    pairs.extend(pair(&mut old, &mut new, |fact| fact.identity.clone()));
    let name = |fact: &Fact| {
        let setting = fact.text("setting").unwrap_or_default();
        match fact.text("of") {
            Some(of) => format!("{setting} of `{of}`"),
            None => setting.to_owned(),
        }
    };
    for (a, b) in pairs {
        let title = format!("{} became {} (was {})", name(b), shown(b), shown(a));
        let mut one = change(
            FactKind::Auth,
            ChangeKind::Modified,
            order(level(a), level(b)),
            title,
            Some(a),
            Some(b),
        );
        one.deltas = deltas(a, b, &[]);
        changes.push(one);
    }
    for fact in old {
        // Back to the default: silent when that is what it said.
        let direction = order(level(fact), default(fact));
        if level(fact).is_some() && level(fact) == default(fact) {
            continue;
        }
        let title = match fact.text("value") {
            Some(vague) if VAGUE.contains(&vague) => format!("{} removed", name(fact)),
            _ => format!("{} removed (was {})", name(fact), shown(fact)),
        };
        changes.push(change(
            FactKind::Auth,
            ChangeKind::Removed,
            direction,
            title,
            Some(fact),
            None,
        ));
    }
    for fact in new {
        if level(fact).is_some() && level(fact) == default(fact) {
            continue;
        }
        let title = format!("{} set to {}", name(fact), shown(fact));
        changes.push(change(
            FactKind::Auth,
            ChangeKind::Added,
            order(default(fact), level(fact)),
            title,
            None,
            Some(fact),
        ));
    }
}
