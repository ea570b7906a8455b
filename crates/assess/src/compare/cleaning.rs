//! What makes values harmless: it is missed where the value is still there and nothing took its place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use threatgate_facts::{Fact, FactKind, Inventory};

use super::occurrence::{key, text};
use super::{Sides, change, delta, enumerate, pair};
use crate::assessment::{Change, ChangeKind, Direction};

pub(super) fn compare<'a>(
    sides: &Sides<'a>,
    before: Vec<&'a Fact>,
    after: Vec<&'a Fact>,
    changes: &mut Vec<Change>,
) {
    let allows = |fact: &&Fact| fact.text("how") == Some("allowance");
    let (allowed, mut before): (Vec<&Fact>, Vec<&Fact>) = before.into_iter().partition(allows);
    let (allowing, mut after): (Vec<&Fact>, Vec<&Fact>) = after.into_iter().partition(allows);
    let mut same = pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "callee", "value", "how"])
    });
    same.extend(pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "callee", "how"])
    }));
    // A function that is gone is told by those that called it.
    let body = |fact: &&Fact| fact.text("how") != Some("body");
    before.retain(body);
    after.retain(body);
    let told: BTreeSet<String> = changes.iter().flat_map(subjects).collect();
    for (old, new) in same {
        widened(old, new, changes);
    }
    allowances(sides, allowed, allowing, changes);
    // Another one took its place, or it moved with the value or with the function around. A page says for
    // itself what it escapes; a function may do it for another.
    let apart = |fact: &Fact| match is_of_page(fact) {
        true => fact.identity.clone(),
        false => String::new(),
    };
    pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "value", "against"])
    });
    pair(&mut before, &mut after, |fact| {
        format!("{}|{}", apart(fact), key(fact, &["subject", "against"]))
    });
    pair(&mut before, &mut after, |fact| {
        key(fact, &["callee", "value"])
    });
    pair(&mut before, &mut after, |fact| {
        format!("{}|{}", apart(fact), key(fact, &["callee"]))
    });
    let missed = |other: &Inventory, own: &Inventory, facts: Vec<&'a Fact>| {
        let mut groups: BTreeMap<String, Vec<&Fact>> = BTreeMap::new();
        for fact in facts {
            if is_missed(other, fact)
                && gave_way(other, own, fact)
                && !told.contains(text(fact, "subject"))
            {
                let one = key(fact, &["subject", "callee", "how"]);
                groups.entry(one).or_default().push(fact);
            }
        }
        groups
    };
    for facts in missed(sides.after, sides.before, before).into_values() {
        changes.push(change(
            FactKind::Sink,
            ChangeKind::Removed,
            Direction::Weakened,
            title(&facts, false),
            Some(facts[0]),
            None,
        ));
    }
    for facts in missed(sides.before, sides.after, after).into_values() {
        changes.push(change(
            FactKind::Sink,
            ChangeKind::Added,
            Direction::Strengthened,
            title(&facts, true),
            None,
            Some(facts[0]),
        ));
    }
}

/// What a change of a dangerous call speaks of.
fn subjects(change: &Change) -> Vec<String> {
    if change.kind != FactKind::Sink {
        return Vec::new();
    }
    let facts = change.before.iter().chain(&change.after);
    facts.map(|fact| text(fact, "subject").to_owned()).collect()
}

/// Takes out what makes values harmless where the same place is told as what protects a use, or as
/// what keeps a value out of sight: that says more.
pub(super) fn without_told(changes: &mut Vec<Change>) {
    let is_more = |change: &Change| {
        let mut facts = change.before.iter().chain(&change.after);
        facts.any(|fact| matches!(fact.text("role"), Some("protection" | "redaction")))
    };
    type Lines = (String, u32, u32);
    let mut told: Vec<(Direction, Lines)> = Vec::new();
    for change in changes.iter().filter(|change| is_more(change)) {
        let places = change.affected.iter().map(|one| &one.location);
        for at in places.chain([&change.location]) {
            told.push((change.direction, (at.path.clone(), at.line, at.end_line)));
        }
    }
    changes.retain(|change| {
        let mut facts = change.before.iter().chain(&change.after);
        let cleans = facts.any(|fact| fact.text("operation") == Some("sanitise"));
        let at = &change.location;
        let known = |(direction, (path, from, to)): &(Direction, Lines)| {
            *direction == change.direction && *path == at.path && (*from..=*to).contains(&at.line)
        };
        !cleans || !told.iter().any(known)
    });
}

fn is_of_page(fact: &Fact) -> bool {
    matches!(fact.text("how"), Some("page" | "element" | "link"))
}

/// Whether what it made harmless is still there on the other side.
fn is_missed(other: &Inventory, fact: &Fact) -> bool {
    let uses = |subject: &str| match fact.text("still") {
        Some(name) => {
            let named = other.uses(subject, name)?;
            let parts = fact.texts("made_of");
            let mut parts_used = parts.iter().map(|part| other.uses(subject, part));
            Some(named || !parts.is_empty() && parts_used.all(|used| used == Some(true)))
        }
        None => other.uses(subject, "").map(|_| true),
    };
    if let Some(used) = uses(text(fact, "subject")) {
        return used;
    }
    // What a framework calls needs nobody who names it.
    if fact
        .text("class")
        .is_some_and(|class| other.uses(class, "").is_some())
    {
        return true;
    }
    let mut outer = fact.texts("outer").into_iter();
    outer.find_map(uses).unwrap_or_default()
}

/// Whether what must have come in its place did.
fn gave_way(other: &Inventory, own: &Inventory, fact: &Fact) -> bool {
    let names = fact.texts("instead");
    let subject = text(fact, "subject");
    let uses = |side: &Inventory, name: &str| side.uses(subject, name).unwrap_or_default();
    let mut came = names.iter().copied();
    names.is_empty() || came.any(|name| uses(other, name) && !uses(own, name))
}

/// What a sanitiser does, in words.
pub(super) fn said(fact: &Fact) -> String {
    title(&[fact], true)
}

fn title(facts: &[&Fact], comes: bool) -> String {
    let fact = facts[0];
    let (subject, callee) = (text(fact, "subject"), text(fact, "callee"));
    let values: BTreeSet<String> = facts
        .iter()
        .filter_map(|fact| fact.text("value"))
        .map(|value| format!("`{value}`"))
        .collect();
    let values = enumerate(&values.into_iter().collect::<Vec<_>>(), 3);
    let (negated, made) = match comes {
        true => ("", "makes"),
        false => ("no longer ", "made"),
    };
    let verb = |one: &str| match comes {
        true => format!("{one}s"),
        false => format!("no longer {one}s"),
    };
    match fact.text("how") {
        Some("page" | "element") => {
            format!("{subject} {negated}puts {values} through `{callee}`")
        }
        Some("link") => format!(
            "{subject} {} to {values}, which opens a window",
            verb("write") + &format!(" `{callee}` at the link")
        ),
        Some("option") => format!(
            "{subject} {} `{callee}`, which {made} values harmless for {}",
            verb("set"),
            against(fact)
        ),
        Some("text") => format!(
            "{subject} {negated}says `{callee}`, which {made} values harmless for {}",
            against(fact)
        ),
        Some("hidden") => format!(
            "{subject} {} `{callee}` from {}",
            verb("hide"),
            against(fact)
        ),
        Some("body") => format!("{subject} {}", verb("clean")),
        _ => format!(
            "{subject} {} `{callee}`, which {made} values harmless for {}",
            verb("call"),
            against(fact)
        ),
    }
}

/// More comes through the same sanitiser, or less.
fn widened(old: &Fact, new: &Fact, changes: &mut Vec<Change>) {
    let (was, is): (BTreeSet<&str>, BTreeSet<&str>) = (
        old.texts("allows").into_iter().collect(),
        new.texts("allows").into_iter().collect(),
    );
    let list = |texts: BTreeSet<&str>| {
        let texts: Vec<String> = texts.into_iter().map(|text| format!("`{text}`")).collect();
        enumerate(&texts, 4)
    };
    let more: BTreeSet<&str> = is.difference(&was).copied().collect();
    let less: BTreeSet<&str> = was.difference(&is).copied().collect();
    if new.text("how") == Some("body") {
        // Whether a text is let through or kept out is not known of a body.
        if was != is {
            let title = format!("what `{}` looks for in values changed", text(new, "callee"));
            let direction = Direction::Neutral;
            let how = ChangeKind::Modified;
            let mut one = change(FactKind::Sink, how, direction, title, Some(old), Some(new));
            one.deltas = vec![delta("looks_for", json!(less), json!(more))];
            changes.push(one);
        }
        return;
    }
    // Without a list its own one holds, which is not known here.
    if was.is_empty() || is.is_empty() || more.is_empty() == less.is_empty() {
        return;
    }
    let (direction, what) = match less.is_empty() {
        true => (
            Direction::Weakened,
            format!("lets {} through as well", list(more)),
        ),
        false => (
            Direction::Strengthened,
            format!("no longer lets {} through", list(less)),
        ),
    };
    let title = format!(
        "`{}` in {} {what}",
        text(new, "callee"),
        text(new, "subject")
    );
    let mut one = change(
        FactKind::Sink,
        ChangeKind::Modified,
        direction,
        title,
        Some(old),
        Some(new),
    );
    one.deltas = vec![delta("allows", json!(was), json!(is))];
    changes.push(one);
}

/// Calls that let more through a sanitiser.
fn allowances<'a>(
    sides: &Sides<'a>,
    mut before: Vec<&'a Fact>,
    mut after: Vec<&'a Fact>,
    changes: &mut Vec<Change>,
) {
    pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "callee", "allows"])
    });
    let changed = pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "callee"])
    });
    for (old, new) in changed {
        widened(old, new, changes);
    }
    pair(&mut before, &mut after, |fact| {
        key(fact, &["callee", "allows"])
    });
    let known = |side: &Inventory, fact: &Fact| side.uses(text(fact, "subject"), "").is_some();
    let what = |fact: &Fact| {
        let texts: Vec<String> = fact
            .texts("allows")
            .into_iter()
            .map(|text| format!("`{text}`"))
            .collect();
        match texts.is_empty() {
            true => "more".to_owned(),
            false => enumerate(&texts, 4),
        }
    };
    for old in before.into_iter().filter(|old| known(sides.after, old)) {
        let title = format!(
            "{} no longer lets {} through its sanitiser (`{}`)",
            text(old, "subject"),
            what(old),
            text(old, "callee")
        );
        let how = ChangeKind::Removed;
        let direction = Direction::Strengthened;
        changes.push(change(
            FactKind::Sink,
            how,
            direction,
            title,
            Some(old),
            None,
        ));
    }
    for new in after.into_iter().filter(|new| known(sides.before, new)) {
        let title = format!(
            "{} lets {} through its sanitiser (`{}`)",
            text(new, "subject"),
            what(new),
            text(new, "callee")
        );
        let how = ChangeKind::Added;
        let direction = Direction::Weakened;
        changes.push(change(
            FactKind::Sink,
            how,
            direction,
            title,
            None,
            Some(new),
        ));
    }
}

/// What a sanitiser makes values harmless for, in words.
fn against(fact: &Fact) -> String {
    let words = fact.texts("against").into_iter().map(|one| match one {
        "path" => "paths of files",
        "archive" => "archives",
        "raw-html" => "HTML",
        "redirect" => "redirects",
        "outbound" => "requests to other hosts",
        "header" => "headers",
        "command" => "commands",
        "sql" => "SQL",
        "regex" => "regular expressions",
        "csv" => "spreadsheets",
        "log" => "logs",
        "latex" => "LaTeX",
        "terminal" => "terminals",
        "template" => "templates",
        "reflection" => "names of code",
        "tabnabbing" => "windows that links open",
        "scheme" => "links of another scheme",
        other => other,
    });
    words.collect::<Vec<_>>().join(", ")
}
