//! Dangerous calls by what is handed to them, and the hosts and services that a program speaks to.

use threatgate_facts::{Fact, FactKind};

use super::occurrence::{key, text};
use super::{Sides, change, deltas, pair};
use crate::assessment::{Change, ChangeKind, Direction};

/// Operations that a text which is put together already makes dangerous.
const BY_BUILDING: [&str; 7] = [
    "sql", "command", "code", "template", "nosql", "ldap", "xpath",
];

/// Operations that are news by themselves, whatever they are handed.
const BY_ITSELF: [&str; 3] = ["command", "code", "deserialisation"];

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    sinks(sides, changes);
    egress(sides, changes);
}

fn sinks(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (mut before, mut after) = sides.of(FactKind::Sink);
    before.retain(|fact| !is_protection(fact));
    after.retain(|fact| !is_protection(fact));
    let cleans = |fact: &&Fact| text(fact, "operation") == "sanitise";
    let (cleaned, mut before): (Vec<&Fact>, Vec<&Fact>) = before.into_iter().partition(cleans);
    let (clean, mut after): (Vec<&Fact>, Vec<&Fact>) = after.into_iter().partition(cleans);
    let (all_before, all_after) = (before.clone(), after.clone());
    // First what stays where it is, then what moves, then what is renamed with its function.
    pair(&mut before, &mut after, |fact| {
        key(
            fact,
            &[
                "subject",
                "operation",
                "callee",
                "argument",
                "via",
                "by",
                "handed",
            ],
        )
    });
    pair(&mut before, &mut after, |fact| {
        key(
            fact,
            &["subject", "operation", "callee", "argument", "via", "by"],
        )
    });
    let unguarded = pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "operation", "callee", "via"])
    });
    let (same, mut changed): (Vec<_>, Vec<_>) = unguarded
        .into_iter()
        .partition(|(old, new)| old.attributes.get("argument") == new.attributes.get("argument"));
    changed.extend(same);
    pair(&mut before, &mut after, |fact| {
        key(fact, &["operation", "callee", "argument"])
    });
    pair(&mut before, &mut after, |fact| {
        format!("{}|{}", key(fact, &["subject", "operation"]), danger(fact))
    });
    pair(&mut before, &mut after, |fact| {
        format!(
            "{}|{}|{}",
            key(fact, &["operation"]),
            danger(fact),
            fact.location.path
        )
    });
    changed.extend(pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "operation"])
    }));
    for (old, new) in changed {
        modified(old, new, changes);
    }
    before.retain(|fact| !stands(fact, &all_after));
    after.retain(|fact| !stands(fact, &all_before));
    for old in before {
        let title = format!("{} no longer {}", text(old, "subject"), does(old));
        let how = (ChangeKind::Removed, Direction::Strengthened);
        changes.extend(came_or_gone(old, how, title));
    }
    for new in after {
        let title = format!("{} {}", text(new, "subject"), does(new));
        let how = (ChangeKind::Added, Direction::Weakened);
        changes.extend(came_or_gone(new, how, title));
    }
    super::cleaning::compare(sides, cleaned, clean, changes);
}

/// Whether the other side has the same call with the same argument in the same function: once more is no news.
fn stands(fact: &Fact, others: &[&Fact]) -> bool {
    let what = |fact: &Fact| {
        let names = [
            "subject",
            "operation",
            "callee",
            "argument",
            "from",
            "by",
            "handed",
        ];
        key(fact, &names)
    };
    fact.text("handed").is_some() && others.iter().any(|other| what(other) == what(fact))
}

/// Whether a fact is what protects a dangerous use, and not the use itself.
pub(super) fn is_protection(fact: &Fact) -> bool {
    fact.text("role") == Some("protection")
}

/// The change of a call that only one side has, unless it is harmless; only a serious one has a
/// direction.
fn came_or_gone(fact: &Fact, how: (ChangeKind, Direction), title: String) -> Option<Change> {
    let direction = match danger(fact) {
        0 => return None,
        2 => how.1,
        _ => Direction::Neutral,
    };
    let (before, after) = match how.0 {
        ChangeKind::Removed => (Some(fact), None),
        _ => (None, Some(fact)),
    };
    let kind = FactKind::Sink;
    Some(change(kind, how.0, direction, title, before, after))
}

/// The same call is handed something else.
fn modified(old: &Fact, new: &Fact, changes: &mut Vec<Change>) {
    let (was, is) = (danger(old), danger(new));
    let order = |fact: &Fact| match text(fact, "argument") {
        "request" | "model" => 3,
        "built" => 2,
        "unknown" => 1,
        _ => 0,
    };
    // What made the value harmless is gone, or came; what is written down needs nothing.
    let (had, has) = (old.texts("by"), new.texts("by"));
    let steered = |fact: &Fact| order(fact) > 0;
    let lost = !had.is_empty() && has.is_empty() && steered(new);
    let won = had.is_empty() && !has.is_empty() && steered(old);
    if lost || won {
        let (names, direction) = match lost {
            true => (had, Direction::Weakened),
            false => (has, Direction::Strengthened),
        };
        let title = format!(
            "what {} hands to {} {} `{}`{}",
            text(new, "subject"),
            call(new),
            match lost {
                true => "no longer goes through",
                false => "now goes through",
            },
            names.join("`, `"),
            match text(new, "argument") {
                "request" => format!(", and {}", from_request(new)),
                _ => String::new(),
            }
        );
        let mut one = change(
            FactKind::Sink,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject", "from", "via", "handed"]);
        changes.push(one);
        return;
    }
    if was.max(is) < 2 || order(old) == order(new) {
        return;
    }
    let direction = match order(new) > order(old) {
        true => Direction::Weakened,
        false => Direction::Strengthened,
    };
    let title = format!(
        "{} in {}: what it is handed {} and now {}",
        call(new),
        text(new, "subject"),
        match text(old, "argument") {
            "request" => "came from the request",
            "model" => "was written by a language model",
            "built" => "was put together from parts",
            "unknown" => "was not known",
            "sanitised" => "was made harmless first",
            "parameterised" => "was bound apart",
            _ => "was written down",
        },
        match text(new, "argument") {
            "request" => from_request(new),
            "model" => from_model(new),
            "built" => "is put together from parts".to_owned(),
            "unknown" => "is computed elsewhere".to_owned(),
            "sanitised" => "is made harmless first".to_owned(),
            "parameterised" => "is bound apart".to_owned(),
            _ => "is written down".to_owned(),
        }
    );
    let mut one = change(
        FactKind::Sink,
        ChangeKind::Modified,
        direction,
        title,
        Some(old),
        Some(new),
    );
    one.deltas = deltas(old, new, &["subject", "from", "via", "handed"]);
    changes.push(one);
}

/// 2: a caller may choose what is done; 1: worth knowing; 0: not worth a word.
fn danger(fact: &Fact) -> u8 {
    let operation = text(fact, "operation");
    match fact.text("argument") {
        // What says nothing of an argument is dangerous by itself.
        None | Some("request" | "model" | "sensitive") => 2,
        Some("built") if BY_BUILDING.contains(&operation) => 2,
        // Nobody escapes what is put out as it is.
        Some("built" | "unknown" | "expression") if operation == "raw-html" => 2,
        Some(_) if BY_ITSELF.contains(&operation) => 1,
        Some(_) => 0,
    }
}

/// A dangerous call in words.
pub(super) fn said(fact: &Fact) -> String {
    format!("{} {}", text(fact, "subject"), does(fact))
}

/// A connection in words.
pub(super) fn speaks(fact: &Fact) -> String {
    match fact.text("protocol") {
        Some(protocol @ ("http" | "https")) => format!(
            "{} speaks to {} by {protocol}",
            text(fact, "subject"),
            target(fact)
        ),
        _ => format!("{} speaks to {}", text(fact, "subject"), target(fact)),
    }
}

fn call(fact: &Fact) -> String {
    match fact.text("via") {
        Some(via) => format!("`{via}`, which {},", verb(fact)),
        None => format!("`{}`", text(fact, "callee")),
    }
}

fn from_request(fact: &Fact) -> String {
    match fact.text("from") {
        Some(from) => format!("comes from the request (`{from}`)"),
        None => "comes from the request".to_owned(),
    }
}

fn from_model(fact: &Fact) -> String {
    match fact.text("from") {
        Some(from) => format!("was written by a language model (`{from}`)"),
        None => "was written by a language model".to_owned(),
    }
}

/// `runs a command by `exec``.
fn verb(fact: &Fact) -> &str {
    match text(fact, "operation") {
        "command" => "runs a command",
        "code" => "runs code from a text",
        "sql" => "sends raw SQL",
        "nosql" => "queries by a condition",
        "ldap" => "asks a directory",
        "xpath" => "evaluates an XPath",
        "template" => "compiles a template",
        "deserialisation" => "makes objects of data",
        "path" => "opens a file",
        "archive" => "unpacks an archive",
        "xml" => "reads XML with external entities",
        "redirect" => "redirects",
        "raw-html" => "puts out HTML as it is",
        "reflection" => "picks code by a name",
        "regex" => "compiles a regular expression",
        "log" => "logs a credential",
        "disclose" => "tells another company",
        "prompt" => "asks a language model that may call tools",
        "browser-store" => "keeps a secret in the browser",
        "outbound" => "sends a request",
        "header" => "sets a header",
        "csrf-exempt" => "is exempt from protection against forged requests",
        "mail" => "sends a mail",
        other => other,
    }
}

fn does(fact: &Fact) -> String {
    let callee = text(fact, "callee");
    let call = match fact.text("via") {
        Some(via) => format!("{} through `{via}`", verb(fact)),
        None if callee.is_empty() => verb(fact).to_owned(),
        None => format!("{} by `{callee}`", verb(fact)),
    };
    match fact.text("argument") {
        Some("request") => format!("{call}, and what it is handed {}", from_request(fact)),
        Some("model") => format!("{call}, and what it is handed {}", from_model(fact)),
        Some("built") => format!("{call}, which is put together from parts"),
        Some("sensitive") => format!("{call}: `{}`", text(fact, "from")),
        _ => call,
    }
}

fn egress(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (mut before, mut after) = sides.of(FactKind::Egress);
    pair(&mut before, &mut after, |fact| fact.identity.clone());
    for (old, new) in pair(&mut before, &mut after, |fact| key(fact, &["host"])) {
        // It stands in another function now.
        if old.text("protocol") == new.text("protocol") {
            continue;
        }
        let plain = |fact: &Fact| matches!(text(fact, "protocol"), "http" | "ws" | "ftp");
        let direction = match (plain(old), plain(new)) {
            (false, true) => Direction::Weakened,
            (true, false) => Direction::Strengthened,
            _ => Direction::Neutral,
        };
        let title = format!(
            "{} is spoken to by {} instead of {}",
            text(new, "host"),
            text(new, "protocol"),
            text(old, "protocol")
        );
        let mut one = change(
            FactKind::Egress,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject", "callee"]);
        changes.push(one);
    }
    // A host that another place of the same files still speaks to is no news.
    let known = |facts: &[Fact], fact: &Fact| {
        let mut facts = facts.iter().filter(|one| one.kind == FactKind::Egress);
        let host = fact.text("host");
        facts.any(|one| one.identity == fact.identity || host.is_some() && one.text("host") == host)
    };
    let mut told = std::collections::BTreeSet::new();
    for old in before {
        if known(&sides.after.facts, old) || !told.insert(old.identity.clone()) {
            continue;
        }
        let title = format!("{} is no longer spoken to", target(old));
        changes.push(change(
            FactKind::Egress,
            ChangeKind::Removed,
            Direction::Neutral,
            title,
            Some(old),
            None,
        ));
    }
    told.clear();
    for new in after {
        if known(&sides.before.facts, new) || !told.insert(new.identity.clone()) {
            continue;
        }
        let title = format!("{} speaks to {}", text(new, "subject"), target(new));
        changes.push(change(
            FactKind::Egress,
            ChangeKind::Added,
            Direction::Neutral,
            title,
            None,
            Some(new),
        ));
    }
}

fn target(fact: &Fact) -> &str {
    fact.text("host").unwrap_or(&fact.identity)
}
