//! What manifests say beside packages: registries, trust, overrides, scripts that run on installation.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::{change, delta, group};
use crate::assessment::{Change, ChangeKind, Direction};

/// Settings that keep something safe, whatever their value but `false`: losing them is a loss.
const SAFE: [&str; 14] = [
    "strict-ssl",
    "enableStrictSsl",
    "checksumBehavior",
    "ignore-scripts",
    "minimum-release-age",
    "npmMinimalAgeGate",
    "GOSUMDB",
    "require-hashes",
    "verify-metadata",
    "verify-signatures",
    "minimumReleaseAge",
    "secure-http",
    "packageSourceMapping",
    "signatureValidationMode",
];

/// Settings that name a registry beside another one: of two that know a name the higher version counts, so that
/// whoever claims a private name in the public one is believed
/// (<https://pip.pypa.io/en/stable/cli/pip_install/#cmdoption-extra-index-url>).
const BESIDE: [&str; 1] = ["extra-index-url"];

/// How trust changes with a setting.
fn direction(fact: Option<&Fact>, was: Option<&String>, is: Option<&String>) -> Direction {
    let name = fact
        .and_then(|fact| fact.text("package"))
        .unwrap_or_default();
    let kind = fact
        .and_then(|fact| fact.text("setting"))
        .unwrap_or_default();
    let on = |value: Option<&String>| value.is_some_and(|value| value != "false" && value != "off");
    if SAFE.iter().any(|safe| name.starts_with(safe)) {
        // Off by default, or on by default and switched off.
        return match (on(was), is) {
            (true, None) => Direction::Weakened,
            (_, Some(value)) if ["false", "off", "ignore", "0"].contains(&value.as_str()) => {
                Direction::Weakened
            }
            (false, Some(_)) => Direction::Strengthened,
            // A refusal is gone.
            (false, None) => Direction::Strengthened,
            _ => Direction::Neutral,
        };
    }
    match kind {
        "trust" if on(is) && !on(was) => Direction::Weakened,
        "trust" if on(was) && !on(is) => Direction::Strengthened,
        "registry" => {
            let plain = |value: Option<&String>| {
                value.is_some_and(|value| {
                    value.contains("http://") && !value.contains("http://localhost")
                })
            };
            let beside = name.to_ascii_lowercase().replace('_', "-");
            let beside = BESIDE.iter().any(|word| beside.contains(word));
            match (plain(was), plain(is)) {
                (false, true) => Direction::Weakened,
                _ if beside && was.is_none() => Direction::Weakened,
                _ if beside && is.is_none() => Direction::Strengthened,
                (true, false) => Direction::Strengthened,
                _ => Direction::Neutral,
            }
        }
        _ => Direction::Neutral,
    }
}

/// Registries, trust, overrides, install scripts.
pub(super) fn compare(before: &[&Fact], after: &[&Fact], changes: &mut Vec<Change>) {
    let of = |facts: &[&'_ Fact]| -> BTreeMap<String, String> {
        let settings = facts
            .iter()
            .filter(|fact| fact.identity.starts_with("setting:"));
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fact in settings {
            let value = match fact.attributes.get("value") {
                Some(Json::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            all.entry(fact.identity.clone()).or_default().push(value);
        }
        all.into_iter()
            .map(|(name, mut values)| {
                values.sort();
                (name, values.join(", "))
            })
            .collect()
    };
    let (old, new) = (of(before), of(after));
    let first = |facts: &[&Fact], name: &str| {
        facts
            .iter()
            .find(|fact| fact.identity == *name)
            .map(|fact| (*fact).clone())
    };
    let by = group(before.iter().chain(after).copied(), |fact| {
        fact.identity.clone()
    });
    for name in by.keys().filter(|name| name.starts_with("setting:")) {
        let (a, b) = (old.get(name), new.get(name));
        if a == b {
            continue;
        }
        let words = name.trim_start_matches("setting:").replace(':', " ");
        let (how, title) = match (a, b) {
            (None, Some(value)) => (
                ChangeKind::Added,
                format!("package setting {words} set to {value}"),
            ),
            (Some(value), None) => (
                ChangeKind::Removed,
                format!("package setting {words} removed (was {value})"),
            ),
            (Some(a), Some(b)) => (
                ChangeKind::Modified,
                format!("package setting {words} became {b} (was {a})"),
            ),
            (None, None) => continue,
        };
        let (old_fact, new_fact) = (first(before, name), first(after, name));
        let mut one = change(
            FactKind::Dependency,
            how,
            direction(new_fact.as_ref().or(old_fact.as_ref()), a, b),
            title,
            old_fact.as_ref(),
            new_fact.as_ref(),
        );
        one.deltas.push(delta("value", json!(a), json!(b)));
        changes.push(one);
    }
}
