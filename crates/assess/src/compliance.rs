//! Control objectives and the requirements of public frameworks that they serve: what code gives
//! evidence for, and what is open. It never says that a requirement is met.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use threatgate_facts::{Inventory, Location};

use crate::policy::PolicyError;
use crate::standing::{Index, counts};
use crate::state::State;
use crate::threat::{Catalogue, read};

/// What code can be asked for an objective.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Objective {
    id: String,
    title: String,
    #[serde(default)]
    evidence: Vec<Shows>,
}

/// Facts that speak for an objective.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shows {
    says: String,
    like: Vec<State>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Objectives {
    objective: Vec<Objective>,
}

/// A public framework: ids of requirements, each with the objectives that serve it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// `nist-800-53`
    pub id: String,
    /// Its name and edition.
    pub title: String,
    /// Where the ids come from.
    pub source: String,
    requirement: Vec<Served>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Served {
    id: String,
    objectives: Vec<String>,
}

/// What is known about one requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Its id in the framework.
    pub id: String,
    /// The objectives that serve it, in our words.
    pub title: String,
    /// Their ids.
    pub objectives: Vec<String>,
    /// What code shows for it.
    pub evidence: Vec<Evidence>,
    /// Threats that stand against it.
    pub open: Vec<Open>,
    /// `evidence`, `open`, `both`, or `no evidence from code`.
    pub status: &'static str,
}

/// Places that speak for a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What they show.
    pub says: String,
    /// Where, in path and line order.
    pub places: Vec<Location>,
}

/// A threat that stands against a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Open {
    /// Catalogue id.
    pub rule: String,
    /// One line.
    pub title: String,
    /// Where, in path and line order.
    pub places: Vec<Location>,
}

/// All objectives and frameworks that are known.
#[derive(Clone, Debug, Default)]
pub struct Compliance {
    objectives: Vec<Objective>,
    frameworks: Vec<Framework>,
}

/// The file of the objectives; the others are frameworks.
const OBJECTIVES: &str = "objectives.toml";

impl Compliance {
    /// Reads the files, given as path and text.
    ///
    /// # Errors
    /// A file that cannot be used, with its line.
    pub fn new<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, PolicyError> {
        let mut compliance = Self::default();
        for (path, text) in files {
            if path.rsplit('/').next() == Some(OBJECTIVES) {
                let file: Objectives = read(path, text)?;
                compliance.objectives = file.objective;
            } else {
                compliance.frameworks.push(read(path, text)?);
            }
        }
        for framework in &compliance.frameworks {
            let mut named = framework.requirement.iter().flat_map(|one| &one.objectives);
            if let Some(unknown) = named.find(|id| compliance.objective(id).is_none()) {
                return Err(PolicyError {
                    file: format!("policy/compliance/{}.toml", framework.id),
                    line: 1,
                    message: format!("no objective is called \"{unknown}\""),
                });
            }
        }
        Ok(compliance)
    }

    fn objective(&self, id: &str) -> Option<&Objective> {
        self.objectives.iter().find(|objective| objective.id == id)
    }

    /// Ids of the frameworks, in order.
    pub fn frameworks(&self) -> impl Iterator<Item = &str> {
        self.frameworks
            .iter()
            .map(|framework| framework.id.as_str())
    }

    /// The framework of this id.
    pub fn framework(&self, id: &str) -> Option<&Framework> {
        self.frameworks.iter().find(|framework| framework.id == id)
    }

    /// What a revision shows for each requirement.
    pub fn judge(
        &self,
        framework: &Framework,
        catalogue: &Catalogue,
        inventory: &Inventory,
    ) -> Vec<Requirement> {
        let index = Index::new(inventory);
        let mut shown: BTreeMap<&str, BTreeMap<&str, Vec<Location>>> = BTreeMap::new();
        for fact in inventory.facts.iter().filter(|fact| counts(fact)) {
            let mut standing = None;
            for objective in &self.objectives {
                for shows in &objective.evidence {
                    if !shows.like.iter().any(|state| state.concerns(fact.kind)) {
                        continue;
                    }
                    let standing = standing.get_or_insert_with(|| index.around(fact));
                    let found = shows
                        .like
                        .iter()
                        .any(|state| !state.places(standing).is_empty());
                    if found {
                        let of = shown.entry(&objective.id).or_default();
                        let places = of.entry(&shows.says).or_default();
                        places.push(fact.location.clone());
                    }
                }
            }
        }
        let standing = catalogue.standing(inventory);
        let requirements = framework.requirement.iter();
        requirements
            .map(|served| {
                let titles = served.objectives.iter();
                let titles = titles.filter_map(|id| Some(self.objective(id)?.title.as_str()));
                let titles: Vec<&str> = titles.collect();
                let mut evidence: BTreeMap<&str, Vec<Location>> = BTreeMap::new();
                for id in &served.objectives {
                    for (says, places) in shown.get(id.as_str()).into_iter().flatten() {
                        evidence.entry(says).or_default().extend(places.clone());
                    }
                }
                let mut open: BTreeMap<(&str, &str), Vec<Location>> = BTreeMap::new();
                for one in &standing {
                    let mut against = one.classes.objectives.iter();
                    if against.any(|id| served.objectives.contains(id)) {
                        let places = open.entry((&one.rule, &one.title)).or_default();
                        places.push(one.location.clone());
                    }
                }
                let order = |mut places: Vec<Location>| {
                    places.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
                    places.dedup();
                    places
                };
                Requirement {
                    id: served.id.clone(),
                    title: titles.join("; "),
                    objectives: served.objectives.clone(),
                    status: match (evidence.is_empty(), open.is_empty()) {
                        (true, true) => "no evidence from code",
                        (false, true) => "evidence",
                        (true, false) => "open",
                        (false, false) => "both",
                    },
                    evidence: evidence
                        .into_iter()
                        .map(|(says, places)| Evidence {
                            says: says.to_owned(),
                            places: order(places),
                        })
                        .collect(),
                    open: open
                        .into_iter()
                        .map(|((rule, title), places)| Open {
                            rule: rule.to_owned(),
                            title: title.to_owned(),
                            places: order(places),
                        })
                        .collect(),
                }
            })
            .collect()
    }
}
