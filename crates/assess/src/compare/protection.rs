//! What protects dangerous uses: settings of parsers and clients, conditions that judge a value,
//! bodies of functions that answer such questions, and what fields may hold.
//!
//! One that moves, or that another one of its kind takes the place of, is no loss; nor is one that goes with the
//! function around it.

use std::collections::{BTreeMap, BTreeSet};

use threatgate_facts::{Fact, FactKind};

use super::occurrence::{key, text};
use super::sink::is_protection;
use super::{Sides, change, deltas, enumerate, pair};
use crate::assessment::{Change, ChangeKind, Direction};

pub(super) fn compare<'a>(sides: &Sides<'a>, changes: &mut Vec<Change>) {
    let (mut before, mut after) = sides.of(FactKind::Sink);
    before.retain(|fact| is_protection(fact));
    after.retain(|fact| is_protection(fact));
    let pick = |facts: &[&'a Fact], forms: &[&str]| -> Vec<&'a Fact> {
        let facts = facts.iter().copied();
        facts
            .filter(|fact| forms.contains(&text(fact, "form")))
            .collect()
    };
    let (b, a) = (pick(&before, &["predicate"]), pick(&after, &["predicate"]));
    bodies_of(b, a, changes);
    for forms in [["condition", ""], ["constraint", "setting"]] {
        let (b, a) = (pick(&before, &forms), pick(&after, &forms));
        occurrences(sides, b, a, changes);
    }
}

/// Functions by whose answer something counts as harmless.
fn bodies_of<'a>(mut before: Vec<&'a Fact>, mut after: Vec<&'a Fact>, changes: &mut Vec<Change>) {
    let mut pairs = pair(&mut before, &mut after, |fact| {
        key(fact, &["form", "subject", "digest"])
    });
    pairs.extend(pair(&mut before, &mut after, |fact| {
        key(fact, &["form", "subject"])
    }));
    pairs.extend(pair(&mut before, &mut after, |fact| {
        key(fact, &["form", "callee"])
    }));
    for (old, new) in pairs {
        if old.text("digest") == new.text("digest") {
            continue;
        }
        let (subject, what) = (text(new, "subject"), against(new));
        let (lost, won) = (less(old, new), less(new, old));
        let (direction, says) = match (lost, won) {
            (true, false) => (Direction::Weakened, "refuses less"),
            (false, true) => (Direction::Strengthened, "refuses more"),
            _ => (Direction::Neutral, "works differently now"),
        };
        let title = format!("{subject}, which says which {what} are harmless, {says}");
        let mut one = change(
            FactKind::Sink,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject", "digest"]);
        changes.push(one);
    }
}

/// Whether a function refuses at something at which another version does not.
fn less(old: &Fact, new: &Fact) -> bool {
    let mut left = new.texts("refuses");
    old.texts("refuses")
        .into_iter()
        .any(|one| match left.iter().position(|other| *other == one) {
            Some(at) => {
                left.remove(at);
                false
            }
            None => true,
        })
}

/// Settings, conditions and constraints, as counted multisets.
fn occurrences<'a>(
    sides: &Sides<'_>,
    mut before: Vec<&'a Fact>,
    mut after: Vec<&'a Fact>,
    changes: &mut Vec<Change>,
) {
    let (all_before, all_after) = (before.clone(), after.clone());
    let what = ["operation", "callee", "says", "digest", "slot"];
    let same = |fact: &Fact| key(fact, &what);
    pair(&mut before, &mut after, |fact| {
        format!("{}{}", key(fact, &["subject"]), same(fact))
    });
    pair(&mut before, &mut after, same);
    for (old, new) in pair(&mut before, &mut after, |fact| {
        key(
            fact,
            &["subject", "operation", "callee", "slot", "says", "form"],
        )
    }) {
        let asks = text(new, "form") == "condition";
        if !asks || old.text("digest") == new.text("digest") {
            continue;
        }
        let title = format!(
            "{} judges {} differently: `{}` became `{}`",
            text(new, "subject"),
            against(new),
            text(old, "condition"),
            text(new, "condition")
        );
        let mut one = change(
            FactKind::Sink,
            ChangeKind::Modified,
            Direction::Neutral,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject", "digest"]);
        changes.push(one);
    }
    // What another one takes the place of, and what moved within its file and was rewritten.
    pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "operation", "form", "slot"])
    });
    pair(&mut before, &mut after, |fact| {
        format!(
            "{}{}",
            key(fact, &["operation", "form", "slot"]),
            fact.location.path
        )
    });
    // A field that comes or goes brings or takes its constraints.
    before.retain(|fact| stays(fact, &all_after));
    after.retain(|fact| stays(fact, &all_before));
    let lost = gather(before, &sides.after.functions);
    let won = gather(after, &sides.before.functions);
    for (facts, how, direction) in lost
        .into_iter()
        .map(|facts| (facts, ChangeKind::Removed, Direction::Weakened))
        .chain(
            won.into_iter()
                .map(|facts| (facts, ChangeKind::Added, Direction::Strengthened)),
        )
    {
        let Some(first) = facts.first() else { continue };
        let title = told(&facts, how == ChangeKind::Removed);
        let (old, new) = match how {
            ChangeKind::Removed => (Some(*first), None),
            _ => (None, Some(*first)),
        };
        let mut one = change(FactKind::Sink, how, direction, title, old, new);
        if facts.len() > 1 {
            let rest = facts.iter().skip(1);
            let rest = rest.map(|fact| {
                let said = match text(fact, "form") {
                    "" if how == ChangeKind::Removed => format!("no longer {}", says(fact)),
                    _ => says(fact).to_owned(),
                };
                super::affected(text(fact, "subject"), said, &fact.location)
            });
            one.affected = rest.collect();
        }
        changes.push(one);
    }
}

/// Whether the field of a constraint is there on the other side, as far as its map says.
fn stays(fact: &Fact, others: &[&Fact]) -> bool {
    let slot = text(fact, "slot");
    let same = |other: &&&Fact| {
        text(other, "subject") == text(fact, "subject") && other.attributes.contains_key("among")
    };
    let mut maps = others.iter().filter(same).peekable();
    !fact.attributes.contains_key("among")
        || maps.peek().is_none()
        || maps.any(|other| other.texts("among").contains(&slot))
}

/// Facts whose function stands on the other side too; those that say the same of one function, or the same constraint of
/// several fields, are one.
fn gather<'a>(facts: Vec<&'a Fact>, functions: &BTreeSet<String>) -> Vec<Vec<&'a Fact>> {
    let mut groups: BTreeMap<String, Vec<&'a Fact>> = BTreeMap::new();
    for fact in facts {
        let subject = text(fact, "subject");
        if subject != "module" && !functions.contains(subject) {
            continue;
        }
        let by = match text(fact, "form") {
            "constraint" => format!("{}|{}", key(fact, &["callee"]), fact.location.path),
            "condition" => key(fact, &["subject", "operation"]),
            _ => format!(
                "{}|{}",
                key(fact, &["subject", "operation", "says"]),
                fact.location.path
            ),
        };
        groups.entry(by).or_default().push(fact);
    }
    groups.into_values().collect()
}

fn told(facts: &[&Fact], lost: bool) -> String {
    let first = facts[0];
    let subject = text(first, "subject");
    match text(first, "form") {
        "constraint" => {
            let mut places: Vec<String> = facts
                .iter()
                .map(|fact| format!("{}.{}", text(fact, "subject"), text(fact, "slot")))
                .collect();
            places.dedup();
            let verb = match (places.len() > 1, lost) {
                (false, true) => "is no longer held to",
                (true, true) => "are no longer held to",
                (false, false) => "is held to",
                (true, false) => "are held to",
            };
            format!(
                "{} {verb} `{}`",
                enumerate(&places, 2),
                text(first, "callee")
            )
        }
        "condition" => {
            let mut asked: Vec<String> = facts
                .iter()
                .map(|fact| format!("`{}`", text(fact, "condition")))
                .collect();
            asked.dedup();
            let verb = if lost { "no longer judges" } else { "judges" };
            format!(
                "{subject} {verb} {} by {}",
                against(first),
                enumerate(&asked, 2)
            )
        }
        _ => {
            let no = if lost { "no longer " } else { "" };
            format!("{subject} {no}{}", says(first))
        }
    }
}

/// What protects a dangerous use, in words.
pub(super) fn said(fact: &Fact) -> String {
    match text(fact, "form") {
        "predicate" => format!(
            "{} says which {} are harmless",
            text(fact, "subject"),
            against(fact)
        ),
        _ => told(&[fact], false),
    }
}

fn says(fact: &Fact) -> &str {
    fact.text("says")
        .or(fact.text("condition"))
        .unwrap_or(text(fact, "callee"))
}

/// What a protection is about, in words.
fn against(fact: &Fact) -> &str {
    match text(fact, "operation") {
        "path" | "archive" => "paths of files",
        "outbound" => "addresses",
        "redirect" => "targets of redirects",
        "upload" => "names of files",
        "raw-html" => "HTML",
        "header" => "headers",
        "command" => "commands",
        "sql" => "SQL",
        "regex" => "regular expressions",
        "log" => "logs",
        "graphql" => "queries of GraphQL",
        "oauth" => "answers of a login",
        "xml" => "XML",
        "deserialisation" => "data that becomes objects",
        other => other,
    }
}
