//! Uses of cryptography: a counted multiset within the function around them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::occurrence::{came_or_went, key, text};
use super::{Sides, change, deltas, pair};
use crate::assessment::{Change, ChangeKind, Direction};

/// Attributes that have an order, with whether more is safer.
const ORDERED: [&str; 5] = [
    "strength",
    "key_bits",
    "iterations",
    "memory",
    "min_version",
];

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (mut before, mut after) = sides.of(FactKind::Crypto);
    let shape = |fact: &Fact| {
        let rest: Vec<String> = fact
            .attributes
            .iter()
            .filter(|(name, _)| *name != "subject")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        rest.join("|")
    };
    pair(&mut before, &mut after, |fact| {
        format!("{}|{}", text(fact, "subject"), shape(fact))
    });
    // The same use under another name was moved with its function, or into a new one. A weak use
    // or a comparison that changes places between functions that stay is two changes.
    let matters = |fact: &Fact| is_weak(fact) || text(fact, "operation") == "compare";
    let within = |fact: &Fact, functions: &BTreeSet<String>| {
        matters(fact) && !came_or_went(fact, functions, &BTreeSet::new())
    };
    let (mut staying, mut leaving): (Vec<&Fact>, Vec<&Fact>) = before
        .into_iter()
        .partition(|fact| within(fact, &sides.after.functions));
    pair(&mut leaving, &mut after, shape);
    let (known, mut arriving): (Vec<&Fact>, Vec<&Fact>) = after
        .into_iter()
        .partition(|fact| within(fact, &sides.before.functions));
    pair(&mut staying, &mut arriving, shape);
    let (mut before, mut after) = ([leaving, staying].concat(), [arriving, known].concat());
    let mut pairs = pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "operation"])
    });
    // Within a function one use took another's place: `hashlib.md5` became `secrets.token_hex`.
    pairs.extend(pair(&mut before, &mut after, |fact| {
        key(fact, &["subject"])
    }));
    let stays =
        |fact: &Fact| within(fact, &sides.before.functions) && within(fact, &sides.after.functions);
    pairs.extend(pair(&mut before, &mut after, |fact| {
        let place = format!("{}|{}", text(fact, "operation"), fact.location.path);
        if stays(fact) {
            format!("{place}|{}", text(fact, "subject"))
        } else {
            place
        }
    }));
    for (old, new) in pairs {
        let words = |fact: &Fact| {
            let mut words = text(fact, "algorithm").to_owned();
            if text(old, "algorithm") == text(new, "algorithm")
                && text(old, "library") != text(new, "library")
            {
                words = format!("{words} of {}", text(fact, "library"));
            }
            for name in ["mode", "key_bits", "iterations", "memory", "min_version"] {
                if let Some(value) = fact.attributes.get(name) {
                    let value = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    words.push_str(&format!(" {name} {value}"));
                }
            }
            if fact.attributes.get("verify") == Some(&json!(false)) {
                words.push_str(" without verification");
            }
            if let Some(purpose) = fact.text("purpose") {
                words.push_str(&format!(" as {purpose}"));
            }
            words
        };
        let direction = weigh(old, new);
        let how = match direction {
            Direction::Weakened => "weakened",
            Direction::Strengthened => "strengthened",
            Direction::Neutral => "changed",
        };
        let title = format!(
            "{} in {} {how}: {} became {}",
            operation(old),
            text(new, "subject"),
            words(old),
            words(new)
        );
        let mut one = change(
            FactKind::Crypto,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject"]);
        changes.push(one);
    }
    for old in before {
        let unverified = old.attributes.get("verify") == Some(&json!(false));
        let gone = came_or_went(old, &sides.after.functions, &BTreeSet::new());
        let direction = match against_default(old) {
            Some(Ordering::Greater) => Direction::Weakened,
            Some(Ordering::Less) => Direction::Strengthened,
            _ if unverified => Direction::Strengthened,
            _ if text(old, "operation") == "compare" && !gone => Direction::Weakened,
            _ => Direction::Neutral,
        };
        let title = if unverified {
            format!(
                "{} is verified again in {}",
                operation(old),
                text(old, "subject")
            )
        } else {
            format!(
                "{} with {} in {} removed",
                operation(old),
                text(old, "algorithm"),
                text(old, "subject")
            )
        };
        changes.push(change(
            FactKind::Crypto,
            ChangeKind::Removed,
            direction,
            title,
            Some(old),
            None,
        ));
    }
    for new in after {
        let known = !came_or_went(new, &sides.before.functions, &BTreeSet::new());
        let direction = match against_default(new) {
            Some(Ordering::Greater) => Direction::Strengthened,
            Some(Ordering::Less) => Direction::Weakened,
            _ if is_weak(new) => Direction::Weakened,
            _ if text(new, "operation") == "compare" && known => Direction::Strengthened,
            _ => Direction::Neutral,
        };
        let title = if new.attributes.get("verify") == Some(&json!(false)) {
            format!(
                "{} is not verified in {}",
                operation(new),
                text(new, "subject")
            )
        } else {
            format!(
                "{} with {} in {}",
                operation(new),
                text(new, "algorithm"),
                text(new, "subject")
            )
        };
        changes.push(change(
            FactKind::Crypto,
            ChangeKind::Added,
            direction,
            title,
            None,
            Some(new),
        ));
    }
}

fn is_weak(fact: &Fact) -> bool {
    let strength = fact.attributes.get("strength").and_then(Json::as_i64);
    strength.is_some_and(|strength| strength <= 1)
        || fact.attributes.get("verify") == Some(&json!(false))
}

/// How strong a setting is beside what holds where it is absent.
fn against_default(fact: &Fact) -> Option<Ordering> {
    let number = |name: &str| fact.attributes.get(name).and_then(Json::as_i64);
    Some(number("strength")?.cmp(&number("default_strength")?))
}

fn operation(fact: &Fact) -> &'static str {
    match text(fact, "operation") {
        "hash" => "a hash",
        "hmac" => "an HMAC",
        "cipher" => "encryption",
        "kdf" => "a key derivation",
        "password-hash" => "password hashing",
        "random" => "a random value",
        "tls" => "TLS",
        "jwt" => "a JWT",
        "sign" => "a signature",
        "compare" => "a comparison",
        "key" => "a key",
        _ => "cryptography",
    }
}

fn weigh(old: &Fact, new: &Fact) -> Direction {
    let verify = |fact: &Fact| fact.attributes.get("verify").and_then(Json::as_bool);
    match (verify(old), verify(new)) {
        (Some(true) | None, Some(false)) => return Direction::Weakened,
        (Some(false), Some(true) | None) => return Direction::Strengthened,
        _ => {}
    }
    for name in ORDERED {
        let number = |fact: &Fact| {
            let value = fact.attributes.get(name)?;
            let text = || value.as_str().and_then(|text| text.parse::<f64>().ok());
            value.as_f64().or_else(text)
        };
        if let (Some(a), Some(b)) = (number(old), number(new))
            && a != b
        {
            return if b < a {
                Direction::Weakened
            } else {
                Direction::Strengthened
            };
        }
    }
    if text(old, "operation") == "compare" && text(new, "operation") != "compare" {
        return Direction::Weakened;
    }
    Direction::Neutral
}
