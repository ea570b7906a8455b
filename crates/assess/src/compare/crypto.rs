//! Uses of cryptography: a counted multiset within the function around them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::occurrence::{came_or_went, key, text};
use super::{Sides, change, deltas, pair};
use crate::assessment::{Change, ChangeKind, Direction};

/// Attributes that have an order, with whether more is safer.
const ORDERED: [&str; 6] = [
    "strength",
    "key_bits",
    "iterations",
    "memory",
    "min_version",
    "length",
];

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (before, after) = sides.of(FactKind::Crypto);
    let is_through = |fact: &&Fact| fact.text("through").is_some();
    let (through_before, before): (Vec<&Fact>, Vec<&Fact>) =
        before.into_iter().partition(is_through);
    let (through_after, after): (Vec<&Fact>, Vec<&Fact>) = after.into_iter().partition(is_through);
    through(
        sides,
        (through_before, &before),
        (through_after, &after),
        changes,
    );
    let is_constant = |fact: &&Fact| fact.text("constant").is_some();
    let (mut old_constants, mut before): (Vec<&Fact>, Vec<&Fact>) =
        before.into_iter().partition(is_constant);
    let (mut new_constants, mut after): (Vec<&Fact>, Vec<&Fact>) =
        after.into_iter().partition(is_constant);
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
    // Where a function has another use of the same kind on the other side, that one took its place.
    let (own_before, own_after) = (places(&before), places(&after));
    let stays =
        |fact: &Fact| within(fact, &sides.after.functions) || own_after.contains(&place(fact));
    let stood =
        |fact: &Fact| within(fact, &sides.before.functions) || own_before.contains(&place(fact));
    let (mut staying, mut leaving): (Vec<&Fact>, Vec<&Fact>) =
        before.into_iter().partition(|fact| stays(fact));
    let (settled, mut free): (Vec<&Fact>, Vec<&Fact>) = after
        .into_iter()
        .partition(|fact| own_before.contains(&place(fact)));
    pair(&mut leaving, &mut free, shape);
    let after = [settled, free].concat();
    let (known, mut arriving): (Vec<&Fact>, Vec<&Fact>) =
        after.into_iter().partition(|fact| stood(fact));
    let (kept, mut moving): (Vec<&Fact>, Vec<&Fact>) = staying
        .into_iter()
        .partition(|fact| own_after.contains(&place(fact)));
    pair(&mut moving, &mut arriving, shape);
    staying = [kept, moving].concat();
    let (mut before, mut after) = ([leaving, staying].concat(), [arriving, known].concat());
    let mut pairs = pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "operation"])
    });
    // Within a function one use took another's place: `hashlib.md5` became `secrets.token_hex`.
    let (mut alone, mut single): (Vec<&Fact>, Vec<&Fact>) =
        after.into_iter().partition(|fact| stands_alone(fact));
    let (own, mut others): (Vec<&Fact>, Vec<&Fact>) =
        before.into_iter().partition(|fact| stands_alone(fact));
    pairs.extend(pair(&mut others, &mut single, |fact| {
        key(fact, &["subject"])
    }));
    // What was drawn before is written down now: told once.
    others.retain(|fact| {
        // In the function itself, or in a block of it.
        let same = |new: &&Fact| {
            let rest = text(fact, "subject").strip_prefix(text(new, "subject"));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        text(fact, "operation") != "random" || !alone.iter().any(|new| same(new) && is_weak(new))
    });
    alone.append(&mut single);
    let (mut before, mut after) = ([own, others].concat(), alone);
    let remains =
        |fact: &Fact| within(fact, &sides.before.functions) && within(fact, &sides.after.functions);
    pairs.extend(pair(&mut before, &mut after, |fact| {
        let place = format!("{}|{}", text(fact, "operation"), fact.location.path);
        if remains(fact) {
            format!("{place}|{}", text(fact, "subject"))
        } else {
            place
        }
    }));
    // A constant by its name, and the call that is handed it, tell one thing.
    let costs = |fact: &Fact| {
        let number = |name: &str| fact.attributes.get(name).and_then(Json::as_i64);
        (number("iterations"), number("memory"))
    };
    let by_calls: Vec<_> = pairs
        .iter()
        .map(|(old, new)| (costs(old), costs(new)))
        .collect();
    let named = |fact: &Fact| key(fact, &["subject", "constant"]);
    for (old, new) in pair(&mut old_constants, &mut new_constants, named) {
        if costs(old) != costs(new) && !by_calls.contains(&(costs(old), costs(new))) {
            pairs.push((old, new));
        }
    }
    for (old, new) in pairs {
        let direction = weigh(old, new);
        let how = match direction {
            Direction::Weakened => "weakened",
            Direction::Strengthened => "strengthened",
            Direction::Neutral => "changed",
        };
        let title = match (unverified(old), unverified(new)) {
            (false, true) => format!(
                "{} no longer verified in {}",
                verified(new),
                text(new, "subject")
            ),
            (true, false) => format!(
                "{} verified again in {}",
                verified(old),
                text(new, "subject")
            ),
            _ => format!(
                "{} in {} {how}: {}",
                operation(old),
                text(new, "subject"),
                difference(old, new)
            ),
        };
        let mut one = change(
            FactKind::Crypto,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &DERIVED);
        changes.push(one);
    }
    // What is verified in another place now was moved there.
    let verified_elsewhere = |old: &Fact| {
        let mut others = after.iter();
        others.any(|new| verifies(new) && text(new, "operation") == text(old, "operation"))
    };
    let hashed_elsewhere = after.iter().any(|new| hashes(new));
    // The same of what came: it was verified or hashed in another place before.
    let verified_before: BTreeSet<&str> = before
        .iter()
        .filter(|old| verifies(old))
        .map(|old| text(old, "operation"))
        .collect();
    let hashed_before = before.iter().any(|old| hashes(old));
    for old in before {
        let gone = came_or_went(old, &sides.after.functions, &BTreeSet::new());
        let direction = match against_default(old) {
            Some(Ordering::Greater) => Direction::Weakened,
            Some(Ordering::Less) => Direction::Strengthened,
            _ if unverified(old) => Direction::Strengthened,
            _ if written_down(old) && !gone => Direction::Strengthened,
            _ if is_constant_time(old) && !gone => Direction::Weakened,
            _ if is_unchecked(old) && !gone => Direction::Strengthened,
            _ if verifies(old) && !gone && !verified_elsewhere(old) => Direction::Weakened,
            _ if hashes(old) && !gone && !hashed_elsewhere => Direction::Weakened,
            _ => Direction::Neutral,
        };
        let place = text(old, "subject");
        let title = if unverified(old) {
            format!("{} verified again in {place}", verified(old))
        } else if let Some(what) = constant(old) {
            format!("{place} no longer uses {what}")
        } else if text(old, "operation") == "random" {
            match text(old, "algorithm") {
                "secure" => format!("{place} no longer draws a random value from a secure source"),
                _ => format!("{place} no longer draws a predictable random value"),
            }
        } else if is_constant_time(old) {
            format!("{place} no longer compares in constant time")
        } else if verifies(old) {
            let what = match text(old, "operation") {
                "saml" => "signatures of SAML messages",
                _ => "a token's signature",
            };
            format!("{place} no longer verifies {what}")
        } else if hashes(old) && !gone {
            format!("{place} no longer hashes passwords with {}", shown(old))
        } else if lists(old) {
            format!("{} in {place} are the library's own again", operation(old))
        } else if let Some(what) = unchecked(old) {
            format!("{what} of tokens is checked again in {place}")
        } else {
            format!("{} with {} in {place} removed", operation(old), shown(old))
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
            _ if is_constant_time(new) && known => Direction::Strengthened,
            _ if verifies(new) && known && !verified_before.contains(text(new, "operation")) => {
                Direction::Strengthened
            }
            _ if hashes(new) && known && !hashed_before => Direction::Strengthened,
            _ => Direction::Neutral,
        };
        let place = text(new, "subject");
        let title = if unverified(new) {
            format!("{} not verified in {place}", verified(new))
        } else if let Some(what) = constant(new) {
            format!("{place} uses {what}")
        } else if is_constant_time(new) {
            format!("{place} compares in constant time")
        } else if let Some(what) = unchecked(new) {
            format!("{what} of tokens is not checked in {place}")
        } else if lists(new) {
            let all: Vec<String> = items(new).into_iter().collect();
            format!(
                "{} in {place} are limited to {}",
                operation(new),
                super::enumerate(&all, 2)
            )
        } else if verifies(new) && direction == Direction::Strengthened {
            let what = match text(new, "operation") {
                "saml" => "signatures of SAML messages",
                _ => "a token's signature",
            };
            format!("{place} verifies {what}")
        } else if hashes(new) && direction == Direction::Strengthened {
            format!("{place} hashes passwords with {}", shown(new))
        } else if text(new, "operation") == "random" {
            let how = match text(new, "algorithm") {
                "secure" => "a",
                _ => "a predictable",
            };
            format!("{how} random value in {place}")
        } else if text(new, "operation") == "compare" {
            format!("{place} compares an HMAC in a time that tells how much of it is right")
        } else {
            let low = low(new).map(|low| format!(", {low}")).unwrap_or_default();
            format!("{} with {}{low} in {place}", operation(new), shown(new))
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

/// Calls of functions of the repository that encrypt or hash for their callers. Only who stays and
/// stops, or begins, to call one that stays is told; what took its place in the same function, or
/// calls it elsewhere now, does the same.
fn through(
    sides: &Sides<'_>,
    (mut old, direct_old): (Vec<&Fact>, &[&Fact]),
    (mut new, direct_new): (Vec<&Fact>, &[&Fact]),
    changes: &mut Vec<Change>,
) {
    pair(&mut old, &mut new, place);
    // Encryption and hashing are two words for what happens to a password.
    pair(&mut old, &mut new, |fact| text(fact, "subject").to_owned());
    pair(&mut old, &mut new, |fact| text(fact, "through").to_owned());
    let (before, after) = (&sides.before.functions, &sides.after.functions);
    let stays = |fact: &Fact| {
        let around = text(fact, "subject");
        let both = before.contains(around) && after.contains(around);
        let called = fact.text("through_function");
        both && called.is_none_or(|name| before.contains(name) == after.contains(name))
    };
    let direct = |fact: &Fact, others: &[&Fact]| {
        let mut others = others.iter();
        others.any(|other| text(other, "subject") == text(fact, "subject") && protects(other))
    };
    let verb = |fact: &Fact| match text(fact, "operation") {
        "cipher" => "encrypts",
        _ => "hashes",
    };
    for fact in old {
        if !stays(fact) || direct(fact, direct_new) {
            continue;
        }
        let direction = match is_weak(fact) {
            true => Direction::Strengthened,
            false => Direction::Weakened,
        };
        let title = format!(
            "{} no longer {} with `{}` ({})",
            text(fact, "subject"),
            verb(fact),
            text(fact, "through"),
            shown(fact)
        );
        let kind = ChangeKind::Removed;
        let one = change(FactKind::Crypto, kind, direction, title, Some(fact), None);
        changes.push(one);
    }
    for fact in new {
        if !stays(fact) || direct(fact, direct_old) {
            continue;
        }
        let direction = match is_weak(fact) {
            true => Direction::Weakened,
            false => Direction::Strengthened,
        };
        let title = format!(
            "{} {} with `{}` ({})",
            text(fact, "subject"),
            verb(fact),
            text(fact, "through"),
            shown(fact)
        );
        let kind = ChangeKind::Added;
        let one = change(FactKind::Crypto, kind, direction, title, None, Some(fact));
        changes.push(one);
    }
}

/// Whether the use hides what it is handed.
fn protects(fact: &Fact) -> bool {
    matches!(
        text(fact, "operation"),
        "cipher" | "hash" | "hmac" | "kdf" | "password-hash"
    )
}

/// Attributes that follow from others, or say where.
const DERIVED: [&str; 8] = [
    "subject",
    "shown",
    "family",
    "primitive",
    "security_bits",
    "quantum_level",
    "quantum_vulnerable",
    "oid",
];

/// Attributes that a title names, with their words.
const SAID: [(&str, &str); 12] = [
    ("mode", "mode"),
    ("padding", "padding"),
    ("key_bits", "key size"),
    ("iterations", "iterations"),
    ("memory", "memory"),
    ("length", "length"),
    ("min_version", "minimum version"),
    ("iv", "IV"),
    ("salt", "salt"),
    ("key_origin", "key"),
    ("expiry", "expiry"),
    ("verify", "verification"),
];

fn place(fact: &Fact) -> String {
    key(fact, &["subject", "operation"])
}

fn places(facts: &[&Fact]) -> BTreeSet<String> {
    facts.iter().map(|fact| place(fact)).collect()
}

fn shown(fact: &Fact) -> &str {
    fact.text("shown")
        .unwrap_or_else(|| text(fact, "algorithm"))
}

fn unverified(fact: &Fact) -> bool {
    fact.attributes.get("verify") == Some(&json!(false))
}

fn is_constant_time(fact: &Fact) -> bool {
    text(fact, "operation") == "compare" && text(fact, "algorithm") == "constant-time"
}

/// A use of cryptography in words.
pub(super) fn said(fact: &Fact) -> String {
    let place = text(fact, "subject");
    if let Some(through) = fact.text("through") {
        let verb = match text(fact, "operation") {
            "cipher" => "encrypts",
            _ => "hashes",
        };
        return format!("{place} {verb} with `{through}` ({})", shown(fact));
    }
    if unverified(fact) {
        return format!("{} not verified in {place}", verified(fact));
    }
    if verifies(fact) {
        return format!(
            "{place} verifies {}",
            match text(fact, "operation") {
                "saml" => "signatures of SAML messages",
                _ => "a token's signature",
            }
        );
    }
    if is_constant_time(fact) {
        return format!("{place} compares in constant time");
    }
    match (text(fact, "operation"), text(fact, "algorithm")) {
        ("random", "secure") => format!("a random value in {place}"),
        ("random", _) => format!("a predictable random value in {place}"),
        ("compare", _) => {
            format!("{place} compares an HMAC in a time that tells how much of it is right")
        }
        _ => {
            let low = low(fact).map(|low| format!(", {low}")).unwrap_or_default();
            format!("{} with {}{low} in {place}", operation(fact), shown(fact))
        }
    }
}

/// What verification is about, with its verb.
fn verified(fact: &Fact) -> &'static str {
    match (text(fact, "operation"), text(fact, "algorithm")) {
        ("tls", "hostname") => "names of TLS servers are",
        ("tls", _) => "TLS certificates are",
        ("ssh", _) => "keys of SSH hosts are",
        ("saml", _) => "signatures of SAML messages are",
        ("jwt", _) => "a token's signature is",
        _ => "what is signed is",
    }
}

/// Whether what must be new each time, or what nobody may know, is written in the code.
fn written_down(fact: &Fact) -> bool {
    constant(fact).is_some()
}

/// Facts of their own that stand beside another use: an IV.
fn stands_alone(fact: &Fact) -> bool {
    text(fact, "operation") == "iv" || lists(fact)
}

/// Whether messages or tokens are verified here.
fn verifies(fact: &Fact) -> bool {
    let checks = matches!(text(fact, "operation"), "saml" | "jwt");
    checks && text(fact, "action") == "verify" && !is_weak(fact)
}

/// Whether a password is hashed, or held against its hash, in a way that withstands guessing.
fn hashes(fact: &Fact) -> bool {
    text(fact, "operation") == "password-hash" && !is_weak(fact)
}

/// Whether the use is a list of what is allowed.
fn lists(fact: &Fact) -> bool {
    matches!(text(fact, "operation"), "tls-suites" | "tls-groups")
}

/// What such a list names.
fn items(fact: &Fact) -> BTreeSet<String> {
    let all = text(fact, "algorithm").split('+');
    all.map(|one| one.to_ascii_uppercase().replace('-', "_"))
        .collect()
}

/// Claims that a token may have and that tell whether it counts.
const CLAIMS: [(&str, &str); 4] = [
    ("expiry", "the expiry"),
    ("audience", "the audience"),
    ("issuer", "the issuer"),
    ("signer", "the key"),
];

/// The claim that is not looked at.
fn unchecked(fact: &Fact) -> Option<&'static str> {
    let found = CLAIMS
        .iter()
        .find(|(name, _)| fact.text(name) == Some("unchecked"));
    found.map(|(_, word)| *word)
}

fn is_unchecked(fact: &Fact) -> bool {
    unchecked(fact).is_some()
}

fn constant(fact: &Fact) -> Option<&'static str> {
    let is = |name: &str| fact.text(name) == Some("constant");
    match () {
        () if is("key_origin") => Some("a key that is written in the code"),
        () if is("iv") => Some("an IV that is always the same"),
        () if is("salt") => Some("a salt that is always the same"),
        () => None,
    }
}

/// A number of which more is safer, where it makes the use weak.
fn low(fact: &Fact) -> Option<String> {
    if !is_weak(fact) {
        return None;
    }
    let number = |name: &str| fact.attributes.get(name).and_then(Json::as_i64);
    if let Some(count) = number("iterations") {
        return Some(format!("{} iterations", thousands(count)));
    }
    match text(fact, "operation") {
        "key" => number("key_bits").map(|bits| format!("{bits} bits")),
        _ => fact
            .text("mode")
            .filter(|mode| !names(shown(fact), mode))
            .map(str::to_owned),
    }
}

fn names(shown: &str, part: &str) -> bool {
    let lower = shown.to_ascii_lowercase();
    lower
        .split('-')
        .any(|word| word == part.to_ascii_lowercase())
}

/// `600,000`
fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What a number of rounds is called: of bcrypt it is an exponent.
fn unit<'a>(fact: &Fact, name: &str, word: &'a str) -> &'a str {
    match (name, fact.text("family")) {
        ("iterations", Some("bcrypt")) => "cost",
        _ => word,
    }
}

fn value(fact: &Fact, name: &str) -> Option<String> {
    let value = fact.attributes.get(name)?;
    Some(match (value.as_str(), value.as_i64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(number)) if name == "key_bits" => format!("{number} bits"),
        (None, Some(number)) => thousands(number),
        (None, None) => value.to_string(),
    })
}

/// What changed: `AES-256-GCM became AES-256-ECB`, `PBKDF2 iterations 600,000 became 1,000`.
fn difference(old: &Fact, new: &Fact) -> String {
    if lists(new) && lists(old) {
        let (a, b) = (items(old), items(new));
        let some = |verb: &str, from: &BTreeSet<String>, to: &BTreeSet<String>| {
            let only: Vec<String> = from.difference(to).cloned().collect();
            (!only.is_empty()).then(|| format!("{verb} {}", super::enumerate(&only, 2)))
        };
        let parts = [some("now with", &b, &a), some("no longer with", &a, &b)];
        return parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    }
    let differs = |name: &str| old.attributes.get(name) != new.attributes.get(name);
    let purpose = |fact: &Fact| match fact.text("purpose") {
        Some(purpose) if differs("purpose") => format!(" as {purpose}"),
        _ => String::new(),
    };
    if shown(old) == shown(new) && text(old, "operation") == text(new, "operation") {
        let mut parts = Vec::new();
        match (constant(old), constant(new)) {
            (None, Some(what)) => parts.push(format!("now with {what}")),
            (Some(what), None) => parts.push(format!("no longer with {what}")),
            _ => {}
        }
        match (unchecked(old), unchecked(new)) {
            (None, Some(what)) => parts.push(format!("{what} of tokens is no longer checked")),
            (Some(what), None) => parts.push(format!("{what} of tokens is checked again")),
            _ => {}
        }
        for (name, word) in SAID {
            let told = ["iv", "salt", "key_origin"].contains(&name)
                || name == "padding" && new.attributes.contains_key("mode")
                || [old, new]
                    .iter()
                    .any(|fact| fact.text(name) == Some("unchecked"));
            if differs(name) && !told {
                let word = unit(new, name, word);
                let side = |fact: &Fact| value(fact, name).unwrap_or_else(|| "not said".to_owned());
                parts.push(format!("{word} {} became {}", side(old), side(new)));
            }
        }
        if !parts.is_empty() {
            return match shown(new) {
                "unknown" => parts.join(", "),
                shown => format!("{shown} {}", parts.join(", ")),
            };
        }
        if differs("library") {
            let side = |fact: &Fact| format!("{} of {}", shown(fact), text(fact, "library"));
            return format!("{} became {}", side(old), side(new));
        }
    }
    let side = |fact: &Fact| {
        let mut words = shown(fact).to_owned();
        for (name, word) in SAID {
            let Some(value) = value(fact, name).filter(|_| differs(name)) else {
                continue;
            };
            let said = names(&words, value.trim_end_matches(" bits"));
            let beside = name == "padding" && fact.attributes.contains_key("mode");
            if name == "verify" || said || beside || value == "random" {
                continue;
            }
            let word = unit(fact, name, word);
            let with = match words.contains(" with ") {
                true => ", ",
                false => " with ",
            };
            words.push_str(&match (name, word) {
                ("mode" | "key_bits" | "padding", _) => format!(" {value}"),
                ("iterations", "iterations") => format!("{with}{value} {word}"),
                _ => format!("{with}{word} {value}"),
            });
        }
        words + &purpose(fact)
    };
    format!("{} became {}", side(old), side(new))
}

fn is_weak(fact: &Fact) -> bool {
    let strength = fact.attributes.get("strength").and_then(Json::as_i64);
    strength.is_some_and(|strength| strength <= 1) || unverified(fact)
}

/// How strong a setting is beside what holds where it is absent.
fn against_default(fact: &Fact) -> Option<Ordering> {
    let number = |name: &str| fact.attributes.get(name).and_then(Json::as_i64);
    Some(number("strength")?.cmp(&number("default_strength")?))
}

fn operation(fact: &Fact) -> &'static str {
    if text(fact, "purpose") == "password" {
        return "password hashing";
    }
    match text(fact, "operation") {
        "hash" => "a hash",
        "hmac" => "an HMAC",
        "cipher" => "encryption",
        "kdf" => "a key derivation",
        "password-hash" => "password hashing",
        "random" => "a random value",
        "tls" => "TLS",
        "tls-suites" => "the TLS cipher suites",
        "tls-groups" => "the TLS key exchange groups",
        "jwt" => "a JWT",
        "sign" => "a signature",
        "compare" => "a comparison",
        "key" => "a key",
        "iv" => "an IV",
        "saml" => "SAML",
        "ssh" => "SSH",
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
    for name in ["iv", "salt", "key_origin"] {
        let constant = |fact: &Fact| fact.text(name) == Some("constant");
        match (constant(old), constant(new)) {
            (false, true) => return Direction::Weakened,
            (true, false) => return Direction::Strengthened,
            _ => {}
        }
    }
    for name in ["issuer", "audience", "expiry", "signer"] {
        let checked = |fact: &Fact| fact.text(name) != Some("unchecked");
        match (checked(old), checked(new)) {
            (true, false) => return Direction::Weakened,
            (false, true) => return Direction::Strengthened,
            _ => {}
        }
    }
    if text(old, "operation") == "compare" && text(new, "operation") != "compare" {
        return Direction::Weakened;
    }
    Direction::Neutral
}
