//! Orders versions and constraints by each ecosystem's own rules.

use std::cmp::Ordering;
use std::str::FromStr;

use super::{Ecosystem, compare};

/// Compares two versions or constraints: `Less` if `a` is older than `b`.
///
/// Versions follow PEP 440 (Python) or Semantic Versioning 2.0.0, §11 (npm, Cargo; build
/// metadata does not count). A constraint stands for the lowest version it allows: `^1.2` for
/// `1.2.0`, `>=1,<2 || >=3` for `1`; one without a lower bound (`<2`, `*`) stands below every
/// version. None where a side has no order: a tag, a branch, an address.
pub fn compare_versions(ecosystem: Ecosystem, a: &str, b: &str) -> Option<Ordering> {
    if a.trim() == b.trim() {
        return Some(Ordering::Equal);
    }
    let (a, b) = (lowest(ecosystem, a)?, lowest(ecosystem, b)?);
    match ecosystem {
        Ecosystem::Pypi => {
            let version = |text: Option<String>| match text {
                Some(text) => pep440_rs::Version::from_str(&text).ok().map(Some),
                None => Some(None),
            };
            Some(version(a)?.cmp(&version(b)?))
        }
        Ecosystem::Npm | Ecosystem::Cargo | Ecosystem::Golang => {
            let version = |text: Option<String>| match text {
                Some(text) => semver::Version::parse(&text).ok().map(Some),
                None => Some(None),
            };
            Some(match (version(a)?, version(b)?) {
                (Some(a), Some(b)) => a.cmp_precedence(&b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
        }
        _ => match (a, b) {
            (Some(a), Some(b)) => compare::numbers(ecosystem, &a, &b),
            (a, b) => Some(a.is_some().cmp(&b.is_some())),
        },
    }
}

/// Whether a constraint allows one version only: `==1.2.3`, npm's `1.2.3`, Cargo's `=1.2.3`.
pub fn is_exact(ecosystem: Ecosystem, constraint: &str) -> bool {
    let constraint = constraint.trim();
    match ecosystem {
        Ecosystem::Pypi => {
            let Some(rest) = constraint.strip_prefix("==") else {
                return false;
            };
            pep440_rs::Version::from_str(rest.trim_start_matches('=').trim()).is_ok()
        }
        Ecosystem::Npm => semver::Version::parse(bare(constraint)).is_ok(),
        Ecosystem::Cargo => {
            constraint.starts_with('=') && semver::Version::parse(bare(constraint)).is_ok()
        }
        Ecosystem::Golang => bare(constraint).starts_with(|c: char| c.is_ascii_digit()),
        Ecosystem::Maven | Ecosystem::Nuget => {
            let moving = ["latest", "LATEST", "RELEASE", "SNAPSHOT"];
            !constraint.is_empty()
                && !constraint.contains(['[', '(', ',', '+', '*', '$'])
                && !moving.iter().any(|word| constraint.contains(word))
        }
        Ecosystem::Gem | Ecosystem::Composer => {
            let number = bare(constraint);
            number.starts_with(|c: char| c.is_ascii_digit())
                && !number.contains([',', '|', ' ', '*', '@'])
        }
        // Tags move; what fixes an image or an action is its hash.
        Ecosystem::Docker | Ecosystem::Github => false,
    }
}

/// A constraint without the operator for equality.
pub(super) fn bare(constraint: &str) -> &str {
    let rest = constraint.trim().trim_start_matches('=').trim_start();
    match rest.strip_prefix(['v', 'V']) {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => number,
        _ => rest,
    }
}

/// The lowest version that a constraint allows, as a version its ecosystem can order;
/// `Some(None)` without a lower bound, `None` without an order.
fn lowest(ecosystem: Ecosystem, constraint: &str) -> Option<Option<String>> {
    let constraint = constraint.trim();
    let constraint = constraint.strip_prefix("workspace:").unwrap_or(constraint);
    // `[1.0,2.0)`: what stands before the comma.
    let constraint = match constraint.strip_prefix(['[', '(']) {
        Some(range) if matches!(ecosystem, Ecosystem::Maven | Ecosystem::Nuget) => {
            let low = range
                .split([',', ']', ')'])
                .next()
                .unwrap_or_default()
                .trim();
            if low.is_empty() {
                return Some(None);
            }
            low
        }
        _ => constraint,
    };
    let constraint = match constraint.strip_prefix("npm:") {
        Some(alias) => alias.get(1..)?.split_once('@')?.1,
        None => constraint,
    };
    if constraint.len() > 1000 {
        return None;
    }
    let mut least: Option<Option<String>> = None;
    for alternative in constraint.split("||") {
        let bound = alternative_bound(ecosystem, alternative.trim())?;
        least = Some(match (least, bound) {
            (None, bound) => bound,
            (Some(None), _) | (Some(_), None) => None,
            (Some(Some(a)), Some(b)) => {
                let less = compare_versions(ecosystem, &b, &a)? == Ordering::Less;
                Some(if less { b } else { a })
            }
        });
    }
    least
}

fn alternative_bound(ecosystem: Ecosystem, text: &str) -> Option<Option<String>> {
    // npm: `1.2 - 2.3`.
    if let Some((low, _)) = text.split_once(" - ") {
        return number(ecosystem, low.trim());
    }
    let mut highest: Option<String> = None;
    for (operator, version) in comparators(text)? {
        if matches!(operator, "<" | "<=" | "!=") {
            continue;
        }
        if let Some(version) = number(ecosystem, version)? {
            let higher = match &highest {
                Some(so_far) => compare_versions(ecosystem, &version, so_far)? == Ordering::Greater,
                None => true,
            };
            if higher {
                highest = Some(version);
            }
        }
    }
    Some(highest)
}

/// Splits `>=1.2, <2` and `>= 1.2 <2` into operators and versions.
fn comparators(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !"<>=!~^".contains(c))
            .unwrap_or(rest.len());
        let (operator, after) = rest.split_at(end);
        let after = after.trim_start();
        let end = after
            .find(|c: char| c == ',' || c.is_whitespace())
            .unwrap_or(after.len());
        let (version, after) = after.split_at(end);
        if version.is_empty() {
            return None;
        }
        found.push((operator, version));
        rest = after.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    Some(found)
}

/// One version, partial ones filled up; `Some(None)` for a wildcard.
fn number(ecosystem: Ecosystem, text: &str) -> Option<Option<String>> {
    let text = bare(text);
    let wild = |part: &str| matches!(part, "*" | "x" | "X");
    if text.is_empty() || wild(text) {
        return Some(None);
    }
    if ecosystem == Ecosystem::Pypi {
        let text = text.trim_end_matches(".*");
        return pep440_rs::Version::from_str(text)
            .ok()
            .map(|_| Some(text.to_owned()));
    }
    if !matches!(
        ecosystem,
        Ecosystem::Npm | Ecosystem::Cargo | Ecosystem::Golang
    ) {
        // `1.+`, `1.2.*`, `1.0@beta`.
        let text = text.split('@').next().unwrap_or(text);
        let text = text.trim_end_matches(['*', '+', 'x']).trim_end_matches('.');
        let numbered = text.starts_with(|c: char| c.is_ascii_digit());
        return numbered.then(|| Some(text.to_owned()));
    }
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (release, suffix) = text.split_at(end);
    let mut parts: Vec<&str> = release.split('.').take_while(|part| !wild(part)).collect();
    while parts.len() < 3 {
        parts.push("0");
    }
    let full = format!("{}{suffix}", parts.join("."));
    semver::Version::parse(&full).ok().map(|_| Some(full))
}
