//! Packages as components, and who needs whom as far as lock files tell.

use std::collections::{BTreeMap, BTreeSet};

use threatgate_facts::{Fact, FactKind, Inventory, Scope, is_lock};

use super::purl::Package;
use super::{Component, Dependency, Evidence, Hash, Occurrence, Property, ROOT, Reference};

/// The packages of an inventory, by package URL.
pub(super) fn of(inventory: &Inventory) -> (Vec<Component>, Vec<Dependency>) {
    let facts = inventory.facts.iter().filter(|fact| {
        fact.kind == FactKind::Dependency && fact.text("ecosystem").is_some() && asked_for(fact)
    });
    let facts: Vec<&Fact> = facts.collect();
    let mut locked = Locked::default();
    for fact in facts.iter().filter(|fact| is_lock(&fact.location.path)) {
        locked.add(fact);
    }
    let mut found = Found::default();
    for fact in &facts {
        if is_lock(&fact.location.path) {
            let url = found.add(fact);
            if is_direct(fact) {
                found.needs(ROOT, url);
            }
        } else if let Some(served) = locked.serving(fact) {
            for fact in served.iter().copied() {
                let url = found.add(fact);
                found.needs(ROOT, url);
            }
        } else if !locked.covers(fact) {
            let url = found.add(fact);
            // Go lists what others need as well.
            if fact.attributes.get("direct") != Some(&serde_json::Value::Bool(false)) {
                found.needs(ROOT, url);
            }
        }
    }
    for fact in facts.iter().filter(|fact| is_lock(&fact.location.path)) {
        let url = found.add(fact);
        for wanted in fact.texts("requires") {
            for other in locked.named(fact, wanted) {
                let other = package(other).url();
                found.needs(&url, other);
            }
        }
    }
    found.finish()
}

/// What only fixes a version (an override, a catalogue) is no part of the project.
fn asked_for(fact: &Fact) -> bool {
    fact.text("group") != Some("constraint") && !own(fact)
}

/// Whether it is the project's own code.
fn own(fact: &Fact) -> bool {
    fact.text("source")
        .is_some_and(|source| source == "workspace" || source.starts_with("path+"))
}

fn is_direct(fact: &Fact) -> bool {
    fact.attributes.get("direct") == Some(&serde_json::Value::Bool(true))
}

fn package(fact: &Fact) -> Package<'_> {
    Package {
        ecosystem: fact.text("ecosystem").unwrap_or_default(),
        name: fact.text("package").unwrap_or_default(),
        // What a tag names may move, but it is all that is known.
        version: fact
            .text("locked")
            .or_else(|| match fact.text("ecosystem") {
                Some("docker" | "github") => fact.text("constraint"),
                _ => None,
            }),
        source: fact.text("source"),
    }
}

/// Whether one folder is the other or above it.
fn above(upper: &str, lower: &str) -> bool {
    upper.is_empty()
        || lower
            .strip_prefix(upper)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What lock files hold, by identity.
#[derive(Default)]
struct Locked<'a> {
    by_name: BTreeMap<&'a str, Vec<&'a Fact>>,
}

impl<'a> Locked<'a> {
    fn add(&mut self, fact: &'a Fact) {
        self.by_name.entry(&fact.identity).or_default().push(fact);
    }

    /// What a lock file in the manifest's folder or above it says of the same package.
    fn serving(&self, fact: &Fact) -> Option<Vec<&'a Fact>> {
        let folder = fact.text("manifest").unwrap_or_default();
        let all = self.by_name.get(fact.identity.as_str())?;
        let above = |fact: &&&Fact| above(fact.text("manifest").unwrap_or_default(), folder);
        let served: Vec<&Fact> = all.iter().filter(above).copied().collect();
        // A lock that says what is direct holds other versions for others.
        let direct: Vec<&Fact> = served
            .iter()
            .filter(|fact| is_direct(fact))
            .copied()
            .collect();
        let served = if direct.is_empty() { served } else { direct };
        (!served.is_empty()).then_some(served)
    }

    /// Whether a lock file that has all packages leaves out one that any version will do for: then it is a
    /// member of the workspace.
    fn covers(&self, fact: &Fact) -> bool {
        let any = fact.text("constraint").is_none_or(|version| version == "*");
        let folder = fact.text("manifest").unwrap_or_default();
        any && self.by_name.values().flatten().any(|lock| {
            lock.text("ecosystem") == fact.text("ecosystem")
                && above(lock.text("manifest").unwrap_or_default(), folder)
        })
    }

    /// The entries of the same lock file that `package@version` or `package` means.
    fn named(&self, fact: &Fact, wanted: &str) -> Vec<&'a Fact> {
        let ecosystem = fact.text("ecosystem").unwrap_or_default();
        let at = wanted.get(1..).and_then(|rest| rest.find('@'));
        let (name, version) = match at {
            Some(at) => (&wanted[..=at], Some(&wanted[at + 2..])),
            None => (wanted, None),
        };
        let all = self.by_name.get(format!("{ecosystem}:{name}").as_str());
        let all = all.into_iter().flatten().copied();
        let same = all.filter(|other| other.location.path == fact.location.path);
        same.filter(|other| version.is_none() || other.text("locked") == version)
            .collect()
    }
}

/// One component as it is put together from several entries.
struct Part {
    component: Component,
    /// The least group of its entries, as position in [`GROUPS`].
    group: usize,
    properties: BTreeSet<Property>,
    places: BTreeSet<Occurrence>,
}

/// Groups from most to least reach, with the scope that CycloneDX calls them by.
const GROUPS: [(&str, &str); 5] = [
    ("runtime", "required"),
    ("optional", "optional"),
    ("peer", "optional"),
    ("build", "excluded"),
    ("development", "excluded"),
];

#[derive(Default)]
struct Found {
    parts: BTreeMap<String, Part>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Found {
    /// Adds an entry; its package URL.
    fn add(&mut self, fact: &Fact) -> String {
        let package = package(fact);
        let url = package.url();
        let part = self.parts.entry(url.clone()).or_insert_with(|| {
            let (group, name) = package.parts();
            Part {
                component: Component {
                    kind: match package.ecosystem {
                        "docker" | "oci" => "container",
                        _ => "library",
                    },
                    reference: url.clone(),
                    group: group.map(str::to_owned),
                    name: name.to_owned(),
                    version: package.version.map(str::to_owned),
                    hashes: hash(fact).into_iter().collect(),
                    external_references: reference(fact).into_iter().collect(),
                    purl: Some(url.clone()),
                    ..Component::default()
                },
                group: GROUPS.len() - 1,
                properties: BTreeSet::new(),
                places: BTreeSet::new(),
            }
        });
        let group = fact.text("group").unwrap_or_default();
        let group = GROUPS.iter().position(|(name, _)| *name == group);
        // What stands among tests and examples is not shipped, whatever its manifest says.
        let group = match fact.scope {
            Scope::Production | Scope::Generated => group.unwrap_or(0),
            Scope::Test | Scope::Example | Scope::Vendored => GROUPS.len() - 1,
        };
        part.group = part.group.min(group);
        let mut property = |name, value: Option<&str>| {
            part.properties.extend(value.map(|value| Property {
                name,
                value: value.to_owned(),
            }));
        };
        property("threatgate:constraint", fact.text("constraint"));
        property("threatgate:role", fact.text("role"));
        if fact.attributes.contains_key("install_script") {
            property("threatgate:install-script", Some("true"));
        }
        part.places.insert(Occurrence {
            location: fact.location.path.clone(),
            line: fact.location.line,
        });
        url
    }

    fn needs(&mut self, from: &str, to: String) {
        if from != to {
            self.needs.entry(from.to_owned()).or_default().insert(to);
        }
    }

    fn finish(mut self) -> (Vec<Component>, Vec<Dependency>) {
        let references = std::iter::once(ROOT.to_owned()).chain(self.parts.keys().cloned());
        let dependencies = references.map(|reference| Dependency {
            depends_on: self
                .needs
                .remove(&reference)
                .into_iter()
                .flatten()
                .collect(),
            reference,
        });
        let dependencies = dependencies.collect();
        let components = self.parts.into_values().map(|part| Component {
            scope: Some(GROUPS[part.group].1),
            properties: part.properties.into_iter().collect(),
            evidence: Some(Evidence {
                occurrences: part.places.into_iter().collect(),
            }),
            ..part.component
        });
        (components.collect(), dependencies)
    }
}

fn hash(fact: &Fact) -> Option<Hash> {
    let (algorithm, content) = fact.text("hash")?.split_once(':')?;
    let alg = match algorithm {
        "md5" => "MD5",
        "sha1" => "SHA-1",
        "sha256" => "SHA-256",
        "sha384" => "SHA-384",
        "sha512" => "SHA-512",
        _ => return None,
    };
    Some(Hash {
        alg,
        content: content.to_owned(),
    })
}

/// Where it comes from, if not from its ecosystem's registry.
fn reference(fact: &Fact) -> Option<Reference> {
    let (kind, address) = fact.text("source")?.split_once('+')?;
    let kind = match kind {
        "git" => "vcs",
        "url" | "registry" => "distribution",
        _ => return None,
    };
    // Names of registries and what is redacted are no addresses.
    let address = address.contains("://") && !address.contains(['*', '…']);
    address.then(|| Reference {
        kind,
        url: fact
            .text("source")
            .and_then(|source| source.split_once('+'))
            .map_or(String::new(), |(_, url)| url.to_owned()),
    })
}
