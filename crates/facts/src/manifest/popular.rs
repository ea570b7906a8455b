//! Names that a new one may be mistaken for, as data: `rules/dependencies/popular.toml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Ecosystem;
use crate::error::RuleError;

/// Popular names and those that are near by nature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Popular {
    popular: BTreeMap<String, Vec<String>>,
    known: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    popular: BTreeMap<String, Vec<String>>,
    neighbours: BTreeMap<String, Vec<String>>,
}

impl Popular {
    /// Reads the file.
    ///
    /// # Errors
    /// What is no list of names, or is of no known ecosystem.
    pub fn parse(path: &str, text: &str) -> Result<Self, RuleError> {
        let file: File = crate::error::read_rules(path, text)?;
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (ecosystem, names) in file.popular.iter().chain(&file.neighbours) {
            if !Ecosystem::ALL.iter().any(|one| one.name() == ecosystem) {
                return Err(RuleError {
                    path: path.to_owned(),
                    line: 1,
                    message: format!("\"{ecosystem}\" is no ecosystem"),
                });
            }
            let known = known.entry(ecosystem.clone()).or_default();
            known.extend(names.iter().cloned());
        }
        Ok(Self {
            popular: file.popular,
            known,
        })
    }

    /// The popular name that a package's name can be taken for; none of a well-known name itself.
    pub fn resembles(&self, ecosystem: Ecosystem, package: &str) -> Option<&str> {
        let known = self.known.get(ecosystem.name())?;
        if known.contains(package) || package.len() > 100 {
            return None;
        }
        let popular = self.popular.get(ecosystem.name())?.iter();
        let mut popular = popular.filter(|name| !same_owner(name, package));
        popular.find(|name| near(name, package)).map(String::as_str)
    }
}

/// Within an owner's own names (`@scope/…`, `vendor/…`, `github.com/owner/…`) nobody else can publish.
fn same_owner(a: &str, b: &str) -> bool {
    match (a.rsplit_once('/'), b.rsplit_once('/')) {
        (Some((a, _)), Some((b, _))) => a == b,
        _ => false,
    }
}

/// Whether one can be taken for the other.
fn near(popular: &str, name: &str) -> bool {
    if popular.len().abs_diff(name.len()) > 2 {
        return false;
    }
    let bare = |text: &str| -> String {
        text.chars()
            .filter(|c| !matches!(c, '-' | '_' | '.'))
            .collect()
    };
    let (a, b) = (bare(popular), bare(name));
    // `crossenv` for `cross-env`.
    if a == b {
        return true;
    }
    // Of short names too many are one step apart.
    let least = a.len().min(b.len());
    if least < 5 {
        return false;
    }
    if alike(&a) == alike(&b) {
        return true;
    }
    // A number behind a name is a version of it: `mysql2`, `through2`.
    let unnumbered = |text: &str| {
        text.trim_end_matches(|c: char| c.is_ascii_digit())
            .to_owned()
    };
    if unnumbered(&a) == unnumbered(&b) {
        return false;
    }
    swapped(&a, &b) || least >= 6 && one_edit(&a, &b)
}

/// Signs that look alike as one.
fn alike(text: &str) -> String {
    text.replace('0', "o")
        .replace(['1', 'i'], "l")
        .replace("rn", "m")
        .replace("vv", "w")
        .replace('5', "s")
}

/// Two neighbouring letters have changed places.
fn swapped(a: &str, b: &str) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let differ: Vec<usize> = (0..a.len())
        .filter(|at| a.as_bytes()[*at] != b.as_bytes()[*at])
        .collect();
    let (a, b) = (a.as_bytes(), b.as_bytes());
    matches!(differ[..], [x, y] if y == x + 1 && a[x] == b[y] && a[y] == b[x])
}

/// One letter more, less or other.
fn one_edit(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let (short, long) = (short.as_bytes(), long.as_bytes());
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    match long.len() - short.len() {
        0 => short[same..].get(1..) == long[same..].get(1..),
        1 => short[same..] == long[same + 1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_taken_for_others() {
        let text = "[popular]\nnpm = [\"cross-env\", \"express\", \"lodash\", \"react\", \"@types/node\"]\n\
            pypi = [\"requests\"]\n[neighbours]\nnpm = [\"preact\"]\n";
        let popular = Popular::parse("popular.toml", text).expect("names");
        let near = |name| popular.resembles(Ecosystem::Npm, name);
        assert_eq!(near("crossenv"), Some("cross-env"));
        assert_eq!(near("expres"), Some("express"));
        assert_eq!(near("1odash"), Some("lodash"));
        assert_eq!(near("loadsh"), Some("lodash"));
        assert_eq!(near("lodahs"), Some("lodash"));
        assert_eq!(near("raect"), Some("react"));
        for silent in [
            "react",
            "preact",
            "express",
            "lodash2",
            "@types/nodes",
            "left-pad",
        ] {
            assert_eq!(near(silent), None, "{silent}");
        }
        assert_eq!(
            popular.resembles(Ecosystem::Pypi, "reqests"),
            Some("requests")
        );
        assert!(Popular::parse("popular.toml", "[popular]\nnone = []\n[neighbours]\n").is_err());
    }
}
