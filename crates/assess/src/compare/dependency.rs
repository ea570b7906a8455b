//! Packages: one change for each direct package, manifest and lock file together; transitive ones
//! in one change for each lock file.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use threatgate_facts::manifest::{Ecosystem, Traits, Versions, compare_versions};
use threatgate_facts::{Fact, FactKind};

use super::{Sides, affected, change, delta, enumerate, package_setting};
use crate::assessment::{Change, ChangeKind, Direction};

/// Whether more, or fewer, entries leave the content open; one more that is fixed is no news. Where none
/// is fixed on either side, their number says nothing.
fn opened(a: &Package<'_>, b: &Package<'_>) -> Ordering {
    let ((sealed, open), (sealed_now, open_now)) = (a.pins(), b.pins());
    match sealed + sealed_now {
        0 => Ordering::Equal,
        _ => open_now.cmp(&open),
    }
}

fn traits(fact: &Fact) -> Option<Traits> {
    Ecosystem::named(fact.text("ecosystem")?).map(Ecosystem::traits)
}

/// One package on one side.
#[derive(Default)]
struct Package<'a> {
    /// From manifests.
    direct: Vec<&'a Fact>,
    /// From lock files.
    locked: Vec<&'a Fact>,
    /// The lock file began to say who runs scripts, so that it says nothing of who did before.
    scripts_unknown: bool,
}

impl<'a> Package<'a> {
    fn fact(&self) -> Option<&'a Fact> {
        // Who asks for it says more than who fixes its version.
        let asks = |fact: &&&Fact| fact.text("group") != Some("constraint");
        let asking = self.direct.iter().find(asks);
        asking
            .or(self.direct.first())
            .or(self.locked.first())
            .copied()
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
        let asked = |fact: &&Fact| fact.attributes.get("direct") != Some(&json!(false));
        self.direct.iter().any(asked)
            || self
                .locked
                .iter()
                .any(|fact| fact.attributes.get("direct") == Some(&json!(true)))
    }

    /// Features and extras that manifests ask for; not where in a repository something stands.
    fn features(&self) -> BTreeSet<&'a str> {
        let features = self.direct.iter().flat_map(|fact| fact.texts("features"));
        features.filter(|name| !name.contains('=')).collect()
    }

    /// Whether something asks for it, and not only for one of its versions (an override, a catalogue).
    fn is_asked_for(&self) -> bool {
        let fixes = |fact: &&&Fact| fact.text("group") == Some("constraint");
        !self.locked.is_empty() || self.direct.iter().any(|fact| !fixes(&fact))
    }

    /// How many of its entries in manifests are fixed by a hash, and how many are not.
    fn pins(&self) -> (usize, usize) {
        let pinned = |fact: &&&Fact| fact.text("integrity").is_some();
        let count = self.direct.iter().filter(pinned).count();
        (count, self.direct.len() - count)
    }

    /// The hashes of each version.
    fn seals(&self) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for fact in self.locked.iter().chain(&self.direct) {
            let version = match traits(fact).map(|traits| traits.versions) {
                Some(Versions::Moving) => None,
                // `v4` moves as well; a whole version does not.
                Some(Versions::Whole) => fact
                    .text("constraint")
                    .filter(|version| version.matches('.').count() >= 2),
                _ => fact.text("locked").filter(|version| {
                    version.starts_with(|c: char| c.is_ascii_digit() || c == 'v')
                }),
            };
            if let (Some(version), Some(hash)) = (version, fact.text("hash")) {
                all.entry(version).or_default().insert(hash);
            }
        }
        all
    }

    /// Whether a lock file says that its installation runs its scripts.
    fn runs_scripts(&self) -> bool {
        let runs = |fact: &&Fact| fact.attributes.get("install_script") == Some(&json!(true));
        !self.scripts_unknown && self.locked.iter().any(runs)
    }

    /// Whether every entry in a manifest names one version, and no lock file is there to name it.
    fn is_exact(&self) -> bool {
        let exact = |fact: &&Fact| {
            fact.text("locked").is_some() || fact.text("group") == Some("constraint")
        };
        !self.direct.is_empty() && self.locked.is_empty() && self.direct.iter().all(exact)
    }

    /// Whether an entry that is not for developers alone leaves the version to whoever installs it, and not
    /// to another file.
    fn is_open(&self) -> bool {
        let elsewhere = |fact: &Fact| match fact.text("constraint") {
            None => traits(fact).is_some_and(|traits| traits.version_elsewhere),
            Some(version) => version.contains('$'),
        };
        self.direct.iter().any(|fact| {
            fact.text("locked").is_none()
                && !elsewhere(fact)
                && !matches!(fact.text("group"), Some("development" | "constraint"))
        })
    }

    /// Whether all that ask for it are for developers.
    fn is_for_developers(&self) -> bool {
        let all: &[&Fact] = match self.direct.is_empty() {
            true => &self.locked,
            false => &self.direct,
        };
        all.iter()
            .all(|fact| matches!(fact.text("group"), Some("development" | "constraint")))
            && all
                .iter()
                .any(|fact| fact.text("group") == Some("development"))
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
    let (old, mut new) = (packages(&before), packages(&after));
    // A version that runs scripts now ran them before.
    let marked = new.iter().any(|(name, b)| {
        old.get(name).is_some_and(|a| {
            !a.locked.is_empty()
                && a.versions() == b.versions()
                && !a.runs_scripts()
                && b.runs_scripts()
        })
    });
    for package in new.values_mut() {
        package.scripts_unknown = marked;
    }
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let none = Package::default();
    let mut transitive: BTreeMap<String, Vec<(String, String, &Fact, bool)>> = BTreeMap::new();
    let mut direct = false;
    // Transitive packages that come from elsewhere, by both places.
    let mut moved: BTreeMap<(String, String), Vec<&String>> = BTreeMap::new();
    for name in names {
        let (a, b) = (
            old.get(name).unwrap_or(&none),
            new.get(name).unwrap_or(&none),
        );
        let same = a.constraints() == b.constraints()
            && a.versions() == b.versions()
            && a.sources() == b.sources()
            && a.is_direct() == b.is_direct()
            && opened(a, b) == Ordering::Equal
            && a.features() == b.features();
        let again = b.is_direct() && is_sealed_again(a, b);
        if same && weakness(a, b).is_none() && !again {
            continue;
        }
        if !a.is_asked_for() && !b.is_asked_for() && (a.fact().is_none() || b.fact().is_none()) {
            // A version that nobody asks for is no dependency yet.
            continue;
        }
        // A version that is fixed somewhere becomes a dependency with who asks for it.
        let comes = !a.is_asked_for() && b.is_asked_for() && b.locked.is_empty();
        let a = if comes { &none } else { a };
        if a.is_direct() || b.is_direct() {
            direct = true;
            changes.extend(one(name, a, b));
        } else if weakness(a, b) == Some(Weakness::Source) {
            let places = (list(a.sources()), list(b.sources()));
            moved.entry(places).or_default().push(name);
        } else if suspicious(a, b) {
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
    for ((was, is), names) in moved {
        let all = names.iter().filter_map(|name| {
            let (a, b) = (old.get(*name)?, new.get(*name)?);
            Some((*name, one(name, a, b)?, b.fact()?))
        });
        let all: Vec<(&String, Change, &Fact)> = all.collect();
        // A lock file that was written with another registry is one cause.
        if let [(_, first, _), _, ..] = &all[..] {
            let mut first = first.clone();
            first.title = format!("{} packages come from {is} now (was {was})", names.len());
            first.affected = all
                .iter()
                .map(|(name, change, fact)| affected(name, change.title.clone(), &fact.location))
                .collect();
            changes.push(first);
        } else {
            changes.extend(all.into_iter().map(|(_, change, _)| change));
        }
    }
    for (path, packages) in transitive {
        let (_, _, fact, at_head) = packages[0].clone();
        let counted = counted(&packages);
        if direct {
            // The direct packages brought them: told as a note of the first.
            if let Some(first) = changes
                .iter_mut()
                .find(|change| change.kind == FactKind::Dependency)
            {
                first.notes.push(format!("{counted} in {path}"));
            }
            continue;
        }
        let names: Vec<String> = packages
            .iter()
            .map(|(name, words, ..)| format!("{name} {words}"))
            .collect();
        let title = format!("{counted} in {path}: {}", enumerate(&names, 2));
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
    for (name, b) in &new {
        if let Some(a) = old.get(name) {
            changes.extend(tls_library(name, a, b));
        }
    }
    package_setting::compare(&before, &after, changes);
}

/// A package that speaks TLS through another library.
fn tls_library(name: &str, a: &Package<'_>, b: &Package<'_>) -> Option<Change> {
    let of = |package: &Package<'_>| -> BTreeSet<String> {
        let facts = package.direct.iter();
        let all = facts.flat_map(|fact| fact.texts("tls"));
        all.map(str::to_owned).collect()
    };
    let (was, is) = (of(a), of(b));
    if was.is_empty() || is.is_empty() || was == is {
        return None;
    }
    let short = name.split_once(':').map_or(name, |(_, package)| package);
    let words = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" and ");
    let title = format!(
        "{short} speaks TLS with {} instead of {}",
        words(&is),
        words(&was)
    );
    let kind = ChangeKind::Modified;
    let direction = Direction::Neutral;
    let mut one = change(FactKind::Crypto, kind, direction, title, a.fact(), b.fact());
    one.deltas.push(delta("tls", json!(was), json!(is)));
    Some(one)
}

/// `3 transitive packages added, 1 removed, 12 changed`.
fn counted(packages: &[(String, String, &Fact, bool)]) -> String {
    let of = |word: &str| {
        let counted = packages.iter().filter(|(_, words, ..)| match word {
            "changed" => !words.starts_with("added ") && !words.starts_with("removed "),
            word => words.starts_with(word),
        });
        (counted.count(), word.to_owned())
    };
    let parts = ["added", "removed", "changed"].map(of);
    let mut words = String::new();
    for (count, word) in parts.iter().filter(|(count, _)| *count > 0) {
        if words.is_empty() {
            let packages = if *count == 1 { "package" } else { "packages" };
            words = format!("{count} transitive {packages} {word}");
        } else {
            words.push_str(&format!(", {count} {word}"));
        }
    }
    words
}

/// How less can be trusted than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weakness {
    /// Its hash is gone.
    Unsealed,
    /// The same version has another hash.
    Resealed,
    /// It comes from elsewhere.
    Source,
    /// Any version of a range may be installed where it was one.
    Loosened,
    /// Installing it runs its scripts, which it did not.
    Scripts,
}

/// What is weaker, the most serious first. What is new or gone is not weaker.
fn weakness(a: &Package<'_>, b: &Package<'_>) -> Option<Weakness> {
    if a.fact().is_none() || b.fact().is_none() {
        return None;
    }
    if changes_source(a, b) || leaves_registry(a, b) || becomes_public(a, b) {
        return Some(Weakness::Source);
    }
    let has = |package: &Package<'_>| {
        package
            .locked
            .iter()
            .any(|fact| fact.text("integrity").is_some())
    };
    let lock_lost = a.versions() == b.versions() && has(a) && !has(b) && !b.locked.is_empty();
    let ((sealed, open), (sealed_now, open_now)) = (a.pins(), b.pins());
    if lock_lost || b.locked.is_empty() && sealed_now < sealed && open_now > open {
        return Some(Weakness::Unsealed);
    }
    let (old, new) = (a.seals(), b.seals());
    let kind = |hash: &str| hash.split(':').next().unwrap_or(hash).to_owned();
    let resealed = old.iter().any(|(version, hashes)| {
        let Some(others) = new.get(version) else {
            return false;
        };
        let comparable = hashes
            .iter()
            .any(|hash| others.iter().any(|other| kind(hash) == kind(other)));
        comparable && hashes.is_disjoint(others)
    });
    if resealed {
        return Some(Weakness::Resealed);
    }
    if a.is_exact() && b.locked.is_empty() && b.is_open() {
        return Some(Weakness::Loosened);
    }
    let scripts = !a.locked.is_empty() && !a.runs_scripts() && b.runs_scripts();
    scripts.then_some(Weakness::Scripts)
}

/// What a transitive package must not do unnoticed.
fn suspicious(a: &Package<'_>, b: &Package<'_>) -> bool {
    weakness(a, b).is_some_and(|weakness| weakness != Weakness::Scripts)
}

/// Whether it comes from other places. What a manifest says of its own folders is no place.
fn changes_source(a: &Package<'_>, b: &Package<'_>) -> bool {
    // Another commit of the same repository is another version, not another place.
    let places = |package: &Package<'_>| -> BTreeSet<String> {
        let sources = package.sources().into_iter();
        sources
            .map(|source| {
                let place = source.split('#').next().unwrap_or(&source);
                // Archives of code hosts carry the commit as their last part.
                let commit = |part: &str| {
                    part.len() == 40 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
                };
                match place.rsplit_once('/') {
                    Some((before, last)) if commit(last) => before.to_owned(),
                    _ => place.to_owned(),
                }
            })
            .collect()
    };
    let (was, is) = (places(a), places(b));
    !was.is_empty() && !is.is_empty() && was != is && !is.is_subset(&was)
}

/// Whether what came from the ecosystem's own registry, which manifests do not name, comes from a
/// repository or an address now.
fn leaves_registry(a: &Package<'_>, b: &Package<'_>) -> bool {
    let always = |package: &Package<'_>| {
        let traits = package.fact().and_then(traits);
        traits.is_some_and(|traits| traits.names_registry)
    };
    // Lock files name every registry but the usual one.
    let named = always(b) || !a.locked.is_empty() && !b.locked.is_empty();
    let elsewhere = |source: &String| {
        source.starts_with("git+")
            || source.starts_with("url+")
            || named && source.starts_with("registry+")
    };
    a.fact().is_some() && a.sources().is_empty() && b.sources().iter().any(elsewhere)
}

/// Whether what a registry of one's own served comes from the ecosystem's, where whoever claims the name
/// first is believed (dependency confusion, CWE-427). A way back from an open connection is no such thing.
fn becomes_public(a: &Package<'_>, b: &Package<'_>) -> bool {
    let was = a.sources();
    let own = |source: &String| source.starts_with("registry+") && !source.contains("+http://");
    let locked = !a.locked.is_empty() && !b.locked.is_empty();
    locked && !was.is_empty() && was.iter().all(own) && b.sources().is_empty()
}

/// The same version has a hash in the lock file, which it had not.
fn is_sealed_again(a: &Package<'_>, b: &Package<'_>) -> bool {
    !a.locked.is_empty() && weakness(b, a) == Some(Weakness::Unsealed)
}

/// Places in words.
fn list(set: BTreeSet<String>) -> String {
    match set.is_empty() {
        true => "the registry".to_owned(),
        false => set.into_iter().collect::<Vec<_>>().join(", "),
    }
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
        // What others brought already.
        (false, true) if a.fact().is_some() => (
            ChangeKind::Modified,
            Direction::Neutral,
            format!("{short}{role} {} is a direct dependency now", b.shown()),
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
                // What only developers run is told, but nothing that is shipped gets weaker.
                Some(true) if b.is_for_developers() => (Direction::Neutral, "downgraded"),
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
    // Images and actions are packages for a bill of materials; a change of them is one of what runs the
    // project and its pipeline.
    let kind = match traits(fact) {
        Some(traits) if traits.runs_the_project => FactKind::Infra,
        _ => FactKind::Dependency,
    };
    let mut change = change(kind, how, direction, title, a.fact(), b.fact());
    if how == ChangeKind::Added
        && let Some(popular) = b.fact().and_then(|fact| fact.text("resembles"))
    {
        direction = Direction::Weakened;
        change.title = format!("{short} {} added; its name resembles {popular}", b.shown());
    }
    // Who only becomes a direct dependency is the same package.
    if how == ChangeKind::Modified && was {
        let ((_, open), (sealed_now, open_now)) = (a.pins(), b.pins());
        let by = traits(fact).map_or("a hash", |traits| traits.pin);
        if let Some(weakness) = weakness(a, b) {
            direction = Direction::Weakened;
            let now = b.shown();
            let (title, name, was, is) = match weakness {
                Weakness::Unsealed if b.locked.is_empty() => (
                    format!("{short}{role} is no longer pinned by {by} ({now})"),
                    "integrity",
                    json!(true),
                    json!(false),
                ),
                Weakness::Unsealed => (
                    format!("{short}{role} lost its integrity hash"),
                    "integrity",
                    json!(true),
                    json!(false),
                ),
                Weakness::Resealed => (
                    format!("{short}{role} {now} has another hash than before"),
                    "hash",
                    json!(a.seals()),
                    json!(b.seals()),
                ),
                Weakness::Source => (
                    format!(
                        "{short}{role} comes from {} now (was {})",
                        list(b.sources()),
                        list(a.sources())
                    ),
                    "source",
                    json!(a.sources()),
                    json!(b.sources()),
                ),
                Weakness::Loosened => (
                    format!(
                        "{short}{role} is no longer fixed to one version: {now} (was {})",
                        a.shown()
                    ),
                    "exact",
                    json!(true),
                    json!(false),
                ),
                Weakness::Scripts => (
                    format!("{short}{role} {now} runs scripts when it is installed"),
                    "install_script",
                    json!(false),
                    json!(true),
                ),
            };
            change.title = title;
            change.deltas.push(delta(name, was, is));
        } else if is_sealed_again(a, b) {
            direction = Direction::Strengthened;
            change.title = format!("{short}{role} has an integrity hash now");
            change
                .deltas
                .push(delta("integrity", json!(false), json!(true)));
        } else if a.shown() == b.shown() && a.sources() != b.sources() {
            change.title = format!("{short}{role} {} is another revision now", b.shown());
            change
                .deltas
                .push(delta("source", json!(a.sources()), json!(b.sources())));
        } else if a.shown() == b.shown() && a.features() != b.features() {
            let (was, is) = (a.features(), b.features());
            let signed = |sign: &'static str, of: &BTreeSet<&str>, without: &BTreeSet<&str>| {
                let names = of.difference(without);
                names
                    .map(|name| format!("{sign}{name}"))
                    .collect::<Vec<_>>()
            };
            let mut words = signed("+", &is, &was);
            words.extend(signed("-", &was, &is));
            change.title = format!(
                "{short}{role} with other features: {}",
                enumerate(&words, 6)
            );
            change.deltas.push(delta("features", json!(was), json!(is)));
        } else if open > 0 && sealed_now > 0 && open_now == 0 && direction == Direction::Neutral {
            direction = Direction::Strengthened;
            change.title = format!("{short}{role} is pinned by {by} now ({})", b.shown());
            change
                .deltas
                .push(delta("integrity", json!(false), json!(true)));
        } else if a.shown() == b.shown() && opened(a, b) != Ordering::Equal {
            let all = sealed_now + open_now;
            direction = match opened(a, b) {
                Ordering::Less => Direction::Strengthened,
                _ => Direction::Weakened,
            };
            change.title = format!(
                "{short}{role} is pinned by {by} in {sealed_now} of {all} places now ({})",
                b.shown()
            );
            change
                .deltas
                .push(delta("unpinned_places", json!(open), json!(open_now)));
        } else if a.shown() == b.shown() && a.constraints() != b.constraints() {
            let (was, is) = (list(a.constraints()), list(b.constraints()));
            change.title = format!("{short}{role} is asked for as {is}, was {was}");
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
    // Where only one side has a lock file, what is locked and what is asked for are not compared.
    let locked = !a.versions().is_empty() && !b.versions().is_empty();
    let newest = |package: &Package<'_>| -> Option<(Ecosystem, String)> {
        let versions: Vec<String> = if !locked {
            package
                .values(&package.direct, "constraint")
                .into_iter()
                .collect()
        } else {
            package.versions().into_iter().collect()
        };
        let ecosystem = Ecosystem::named(package.fact()?.text("ecosystem")?)?;
        let order =
            |x: &String, y: &String| compare_versions(ecosystem, x, y).unwrap_or(Ordering::Equal);
        Some((ecosystem, versions.into_iter().max_by(order)?))
    };
    // One of several copies that goes is no downgrade.
    let (was, is) = (a.versions(), b.versions());
    if !is.is_empty() && is.is_subset(&was) {
        return None;
    }
    let ((ecosystem, old), (_, new)) = (newest(a)?, newest(b)?);
    match compare_versions(ecosystem, &old, &new)? {
        Ordering::Greater => Some(true),
        Ordering::Less => Some(false),
        Ordering::Equal => None,
    }
}
