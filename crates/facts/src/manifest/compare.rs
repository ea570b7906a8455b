//! Orders of versions that no small crate knows: Maven, NuGet, RubyGems, Composer, and tags.

use std::cmp::Ordering;

use super::Ecosystem;

/// Compares two versions that begin with a number.
pub(super) fn numbers(ecosystem: Ecosystem, a: &str, b: &str) -> Option<Ordering> {
    match ecosystem {
        Ecosystem::Maven => Some(maven(a, b)),
        Ecosystem::Nuget => Some(nuget(a, b)),
        Ecosystem::Gem => Some(gem(a, b)),
        Ecosystem::Composer => Some(composer(a, b)),
        Ecosystem::Docker | Ecosystem::Github => tag(a, b),
        Ecosystem::Pypi | Ecosystem::Npm | Ecosystem::Cargo | Ecosystem::Golang => None,
    }
}

/// A part of a version: a number without leading zeros, or letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Number(&'a str),
    Word(&'a str),
}

/// Splits at separators and between digits and letters.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !first.is_alphanumeric() {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| !c.is_alphanumeric() || c.is_ascii_digit() != digits);
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        found.push(if digits {
            Part::Number(part.trim_start_matches('0'))
        } else {
            Part::Word(part)
        });
        rest = after;
    }
    found
}

/// Numbers of any length.
fn number(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Compares part by part; `rank` places a word (negative before the release, 0 at it, positive behind it)
/// and a missing part counts as the release itself.
fn ranked(a: &[Part<'_>], b: &[Part<'_>], rank: impl Fn(&str) -> i32) -> Ordering {
    for at in 0..a.len().max(b.len()) {
        let order = match (a.get(at), b.get(at)) {
            (Some(Part::Number(a)), Some(Part::Number(b))) => number(a, b),
            (Some(Part::Word(a)), Some(Part::Word(b))) => {
                let order = rank(a).cmp(&rank(b));
                order.then_with(|| a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()))
            }
            (Some(Part::Number(_)), Some(Part::Word(_))) => Ordering::Greater,
            (Some(Part::Word(_)), Some(Part::Number(_))) => Ordering::Less,
            (Some(Part::Number(a)), None) => number(a, ""),
            (None, Some(Part::Number(b))) => number("", b),
            (Some(Part::Word(a)), None) => rank(a).cmp(&0),
            (None, Some(Part::Word(b))) => 0.cmp(&rank(b)),
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// <https://maven.apache.org/pom.html#version-order-specification>
fn maven(a: &str, b: &str) -> Ordering {
    let rank = |word: &str| match word.to_ascii_lowercase().as_str() {
        "alpha" | "a" => -5,
        "beta" | "b" => -4,
        "milestone" | "m" => -3,
        "rc" | "cr" => -2,
        "snapshot" => -1,
        "ga" | "final" | "release" => 0,
        "sp" => 1,
        _ => 2,
    };
    ranked(&parts(a), &parts(b), rank)
}

/// SemVer 2.0.0 with up to four numbers, without regard to case:
/// <https://learn.microsoft.com/nuget/concepts/package-versioning>
fn nuget(a: &str, b: &str) -> Ordering {
    let split = |text: &str| {
        let text = text.split('+').next().unwrap_or(text).to_ascii_lowercase();
        match text.split_once('-') {
            Some((release, label)) => (release.to_owned(), Some(label.to_owned())),
            None => (text, None),
        }
    };
    let ((a, label_a), (b, label_b)) = (split(a), split(b));
    let order = ranked(&parts(&a), &parts(&b), |_| 0);
    order.then_with(|| match (label_a, label_b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => labels(&a, &b),
    })
}

/// Semantic Versioning 2.0.0, §11.4.
fn labels(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (numeric(a), numeric(b)) {
                (true, true) => number(a.trim_start_matches('0'), b.trim_start_matches('0')),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Letters stand before numbers and before the end: <https://docs.ruby-lang.org/en/3.4/Gem/Version.html>
fn gem(a: &str, b: &str) -> Ordering {
    ranked(&parts(a), &parts(b), |_| -1)
}

/// As PHP's `version_compare`, with Composer's stabilities.
fn composer(a: &str, b: &str) -> Ordering {
    let rank = |word: &str| match word.to_ascii_lowercase().as_str() {
        "dev" => -5,
        "alpha" | "a" => -4,
        "beta" | "b" => -3,
        "rc" => -2,
        "stable" => 0,
        "patch" | "pl" | "p" => 1,
        _ => -6,
    };
    ranked(&parts(a), &parts(b), rank)
}

/// Tags of images and repositories: the numbers that both have. `3` and `3.12` may be the same.
fn tag(a: &str, b: &str) -> Option<Ordering> {
    // A commit that happens to begin with a digit.
    let commit = |text: &str| text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit(a) || commit(b) {
        return None;
    }
    let numbers = |text: &str| -> Vec<String> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let text = &text[..end.unwrap_or(text.len())];
        text.split('.')
            .filter(|part| !part.is_empty())
            .map(|part| part.trim_start_matches('0').to_owned())
            .collect()
    };
    let (a, b) = (numbers(a), numbers(b));
    let orders = a.iter().zip(&b).map(|(a, b)| number(a, b));
    orders.into_iter().find(|order| *order != Ordering::Equal)
}
