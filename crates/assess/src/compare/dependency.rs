//! Packages: one change for each direct package, manifest and lock file together; transitive ones
//! in one change for each lock file.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use threatgate_facts::manifest::{Ecosystem, compare_versions};
use threatgate_facts::{Fact, FactKind};

use super::{Sides, affected, change, delta, enumerate, group};
use crate::assessment::{Change, ChangeKind, Direction};

/// One package on one side.
#[derive(Default)]
struct Package<'a> {
    /// From manifests.
    direct: Vec<&'a Fact>,
    /// From lock files.
    locked: Vec<&'a Fact>,
}

impl<'a> Package<'a> {
    fn fact(&self) -> Option<&'a Fact> {
        self.direct.first().or(self.locked.first()).copied()
    }

    fn values(&self, facts: &[&Fact], name: &str) -> BTreeSet<String> {
        facts
            .iter()
            .filter_map(|fact| fact.text(name).map(str::to_owned))
            .collect()
    }

    fn constraints(&self) -> BTreeSet<String> {
        let facts = self.direct.iter();
        facts
            .map(|fact| {
                format!(
                    "{}{}",
                    fact.text("constraint").unwrap_or("any version"),
                    fact.text("source")
                        .map(|source| format!(" from {source}"))
                        .unwrap_or_default()
                )
            })
            .collect()
    }

    fn versions(&self) -> BTreeSet<String> {
        self.values(&self.locked, "locked")
    }

    fn sources(&self) -> BTreeSet<String> {
        let all: Vec<&Fact> = self.direct.iter().chain(&self.locked).copied().collect();
        self.values(&all, "source")
    }

    fn is_direct(&self) -> bool {
        !self.direct.is_empty()
            || self
                .locked
                .iter()
                .any(|fact| fact.attributes.get("direct") == Some(&json!(true)))
    }

    /// What to show as its version.
    fn shown(&self) -> String {
        let versions = self.versions();
        let list = if versions.is_empty() {
            self.constraints()
        } else {
            versions
        };
        list.into_iter().collect::<Vec<_>>().join(", ")
    }
}

fn packages<'a>(facts: &[&'a Fact]) -> BTreeMap<String, Package<'a>> {
    let mut all: BTreeMap<String, Package<'a>> = BTreeMap::new();
    for fact in facts {
        if fact.identity.starts_with("setting:") {
            continue;
        }
        let package = all.entry(fact.identity.clone()).or_default();
        if threatgate_facts::is_lock(&fact.location.path) {
            package.locked.push(fact);
        } else {
            package.direct.push(fact);
        }
    }
    all
}

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (before, after) = sides.of(FactKind::Dependency);
    let (old, new) = (packages(&before), packages(&after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let none = Package::default();
    let mut transitive: BTreeMap<String, Vec<(String, String, &Fact, bool)>> = BTreeMap::new();
    let mut direct = false;
    for name in names {
        let (a, b) = (
            old.get(name).unwrap_or(&none),
            new.get(name).unwrap_or(&none),
        );
        let same = a.constraints() == b.constraints()
            && a.versions() == b.versions()
            && a.sources() == b.sources()
            && a.is_direct() == b.is_direct();
        if same && integrity(a, b).is_none() {
            continue;
        }
        if a.is_direct() || b.is_direct() || suspicious(a, b) {
            direct = true;
            changes.extend(one(name, a, b));
        } else if let Some(fact) = b.fact().or(a.fact()) {
            let words = match (a.fact(), b.fact()) {
                (None, _) => format!("added {}", b.shown()),
                (_, None) => format!("removed {}", a.shown()),
                _ => format!("{} to {}", a.shown(), b.shown()),
            };
            transitive
                .entry(fact.location.path.clone())
                .or_default()
                .push((name.clone(), words, fact, b.fact().is_some()));
        }
    }
    for (path, packages) in transitive {
        let (_, _, fact, at_head) = packages[0].clone();
        let names: Vec<String> = packages
            .iter()
            .map(|(name, words, ..)| format!("{name} {words}"))
            .collect();
        if direct {
            // The direct packages brought them: told as a note of the first.
            if let Some(first) = changes
                .iter_mut()
                .find(|change| change.kind == FactKind::Dependency)
            {
                first.notes.push(format!(
                    "{} transitive packages changed in {path}",
                    names.len()
                ));
            }
            continue;
        }
        let title = format!(
            "{} transitive packages changed in {path}: {}",
            names.len(),
            enumerate(&names, 2)
        );
        let (before, after) = if at_head {
            (None, Some(fact))
        } else {
            (Some(fact), None)
        };
        let mut change = change(
            FactKind::Dependency,
            ChangeKind::Modified,
            Direction::Neutral,
            title,
            before,
            after,
        );
        change.affected = packages
            .iter()
            .map(|(name, words, fact, _)| affected(name, words.clone(), &fact.location))
            .collect();
        changes.push(change);
    }
    settings(&before, &after, changes);
}

/// The integrity hash is gone while the version is the same.
fn integrity(a: &Package<'_>, b: &Package<'_>) -> Option<()> {
    let has = |package: &Package<'_>| {
        package
            .locked
            .iter()
            .any(|fact| fact.text("integrity").is_some())
    };
    (a.versions() == b.versions() && has(a) && !has(b) && !b.locked.is_empty()).then_some(())
}

/// What a transitive package must not do unnoticed.
fn suspicious(a: &Package<'_>, b: &Package<'_>) -> bool {
    let (was, is) = (a.sources(), b.sources());
    let changed_source = !was.is_empty() && !is.is_empty() && was != is;
    changed_source || leaves_registry(a, b) || integrity(a, b).is_some()
}

/// Whether what came from the ecosystem's own registry, which manifests do not name, comes from a
/// repository or an address now.
fn leaves_registry(a: &Package<'_>, b: &Package<'_>) -> bool {
    let elsewhere = |source: &String| source.starts_with("git+") || source.starts_with("url+");
    a.fact().is_some() && a.sources().is_empty() && b.sources().iter().any(elsewhere)
}

fn one(name: &str, a: &Package<'_>, b: &Package<'_>) -> Option<Change> {
    let fact = b.fact().or(a.fact())?;
    let role = fact
        .text("role")
        .map(|role| format!(" ({role})"))
        .unwrap_or_default();
    let short = name.split_once(':').map_or(name, |(_, package)| package);
    let (was, is) = (
        a.is_direct() || a.fact().is_some() && b.is_direct() == a.is_direct(),
        b.fact().is_some(),
    );
    let (how, mut direction, title) = match (was, is) {
        (_, false) => (
            ChangeKind::Removed,
            Direction::Neutral,
            format!("{short}{role} removed (was {})", a.shown()),
        ),
        (false, true) => (
            ChangeKind::Added,
            Direction::Neutral,
            format!("{short}{role} {} added", b.shown()),
        ),
        (true, true) if a.is_direct() && !b.is_direct() => (
            ChangeKind::Removed,
            Direction::Neutral,
            format!("{short}{role} is no longer a direct dependency"),
        ),
        (true, true) => {
            let order = downgraded(a, b);
            let (direction, verb) = match order {
                Some(true) => (Direction::Weakened, "downgraded"),
                Some(false) => (Direction::Neutral, "upgraded"),
                None => (Direction::Neutral, "changed"),
            };
            (
                ChangeKind::Modified,
                direction,
                format!("{short}{role} {verb} from {} to {}", a.shown(), b.shown()),
            )
        }
    };
    let mut change = change(
        FactKind::Dependency,
        how,
        direction,
        title,
        a.fact(),
        b.fact(),
    );
    if how == ChangeKind::Modified {
        if suspicious(a, b) {
            direction = Direction::Weakened;
            if integrity(a, b).is_some() {
                change.title = format!("{short}{role} lost its integrity hash");
                change
                    .deltas
                    .push(delta("integrity", json!(true), json!(false)));
            } else {
                let list = |set: BTreeSet<String>| match set.is_empty() {
                    true => "the registry".to_owned(),
                    false => set.into_iter().collect::<Vec<_>>().join(", "),
                };
                change.title = format!(
                    "{short}{role} comes from {} now (was {})",
                    list(b.sources()),
                    list(a.sources())
                );
                change
                    .deltas
                    .push(delta("source", json!(a.sources()), json!(b.sources())));
            }
        }
        if a.versions() != b.versions() {
            change
                .deltas
                .push(delta("locked", json!(a.versions()), json!(b.versions())));
        }
        if a.constraints() != b.constraints() {
            change.deltas.push(delta(
                "constraint",
                json!(a.constraints()),
                json!(b.constraints()),
            ));
        }
    }
    change.direction = direction;
    Some(change)
}

/// Whether the newest version went down; `None` when the versions cannot be ordered.
fn downgraded(a: &Package<'_>, b: &Package<'_>) -> Option<bool> {
    let newest = |package: &Package<'_>| -> Option<(Ecosystem, String)> {
        let versions: Vec<String> = if package.versions().is_empty() {
            package
                .values(&package.direct, "constraint")
                .into_iter()
                .collect()
        } else {
            package.versions().into_iter().collect()
        };
        let ecosystem = package.fact()?.text("ecosystem")?;
        let ecosystem = Ecosystem::ALL
            .into_iter()
            .find(|known| known.name() == ecosystem)?;
        let order =
            |x: &String, y: &String| compare_versions(ecosystem, x, y).unwrap_or(Ordering::Equal);
        Some((ecosystem, versions.into_iter().max_by(order)?))
    };
    let ((ecosystem, old), (_, new)) = (newest(a)?, newest(b)?);
    match compare_versions(ecosystem, &old, &new)? {
        Ordering::Greater => Some(true),
        Ordering::Less => Some(false),
        Ordering::Equal => None,
    }
}

/// Registries, trust, overrides, install scripts.
fn settings(before: &[&Fact], after: &[&Fact], changes: &mut Vec<Change>) {
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
            Direction::Neutral,
            title,
            old_fact.as_ref(),
            new_fact.as_ref(),
        );
        one.deltas.push(delta("value", json!(a), json!(b)));
        changes.push(one);
    }
}
