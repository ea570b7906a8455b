//! The catalogue of threats: which change introduces or resolves which threat.

use serde::Deserialize;

use crate::assessment::{Change, Classes, Risk, Threat, ThreatStatus};
use crate::condition::Condition;
use crate::policy::PolicyError;
use crate::rating::{Factors, Flag, rate};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    title: String,
    /// Letters of STRIDE: Spoofing, Tampering, Repudiation, Information disclosure, Denial of
    /// service, Elevation of privilege.
    stride: String,
    cwe: Vec<String>,
    /// Where else it is classified.
    #[serde(default)]
    classes: Classes,
    /// How likely and how bad, before anything is known about where it stands.
    factors: Option<Factors>,
    /// What the place changes about the factors.
    #[serde(default)]
    flags: Vec<Flag>,
    /// Any of these changes introduces it.
    #[serde(default)]
    introduced: Vec<Condition>,
    /// Any of these resolves it.
    #[serde(default)]
    resolved: Vec<Condition>,
    mitigations: Vec<String>,
    questions: Vec<String>,
    sources: Vec<String>,
}

/// All threats that are known.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// A threat of the catalogue in full, for `threatgate explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its id.
    pub id: String,
    /// One line.
    pub title: String,
    /// STRIDE letters.
    pub stride: String,
    /// CWE numbers.
    pub cwe: Vec<String>,
    /// Where else it is classified.
    pub classes: Classes,
    /// The factors of its risk before the place is known: `ED:7/EE:9/ID:8/C:8/I:5/A:1`.
    pub factors: Option<String>,
    /// What the place changes about them, in words.
    pub flags: Vec<&'static str>,
    /// What to do about it.
    pub mitigations: Vec<String>,
    /// What a reviewer must answer.
    pub questions: Vec<String>,
    /// Where the knowledge comes from.
    pub sources: Vec<String>,
}

impl Catalogue {
    /// Reads the files, given as path and text; one threat each.
    ///
    /// # Errors
    /// A file that cannot be used, with its line.
    pub fn new<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, PolicyError> {
        let mut entries = Vec::new();
        for (path, text) in files {
            let entry: Entry = toml::from_str(text).map_err(|error| PolicyError {
                file: path.to_owned(),
                line: error.span().map_or(1, |span| {
                    text[..span.start.min(text.len())].matches('\n').count() + 1
                }),
                message: error.message().to_owned(),
            })?;
            entries.push(entry);
        }
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Self { entries })
    }

    /// The entry of this id.
    pub fn explain(&self, id: &str) -> Option<Explained> {
        let entry = self.entries.iter().find(|entry| entry.id == id)?;
        Some(Explained {
            id: entry.id.clone(),
            title: entry.title.clone(),
            stride: entry.stride.clone(),
            cwe: entry.cwe.clone(),
            classes: entry.classes.clone(),
            factors: entry.factors.map(|factors| factors.to_string()),
            flags: entry.flags.iter().map(|flag| flag.words()).collect(),
            mitigations: entry.mitigations.clone(),
            questions: entry.questions.clone(),
            sources: entry.sources.clone(),
        })
    }

    /// Ids and titles, in order.
    pub fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|entry| (entry.id.as_str(), entry.title.as_str()))
    }

    /// The threats that the changes introduce and resolve; the changes learn their ids.
    pub(crate) fn apply(&self, changes: &mut [Change]) -> Vec<Threat> {
        let mut threats: Vec<Threat> = Vec::new();
        for change in changes {
            for entry in &self.entries {
                let holds = |conditions: &[Condition]| {
                    conditions
                        .iter()
                        .any(|condition| condition.holds(change, &[]))
                };
                let status = if holds(&entry.introduced) {
                    ThreatStatus::Introduced
                } else if holds(&entry.resolved) {
                    ThreatStatus::Resolved
                } else {
                    continue;
                };
                let subject = change
                    .after
                    .as_ref()
                    .or(change.before.as_ref())
                    .map_or("", |fact| &fact.identity);
                let id = format!("{}@{subject}", entry.id);
                change.threats.push(id.clone());
                // What is gone has no risk left.
                let risk = match (status, entry.factors) {
                    (ThreatStatus::Introduced, Some(factors)) => {
                        Some(rate(factors, &entry.flags, change))
                    }
                    _ => None,
                };
                change.severity = change.severity.max(risk.as_ref().map(|risk| risk.severity));
                match threats
                    .iter_mut()
                    .find(|threat| threat.id == id && threat.status == status)
                {
                    Some(threat) => {
                        threat.changes.push(change.id.clone());
                        let rank = |risk: &Option<Risk>| {
                            risk.as_ref().map(|risk| (risk.severity, risk.rank))
                        };
                        if rank(&risk) > rank(&threat.risk) {
                            threat.risk = risk;
                        }
                    }
                    None => threats.push(Threat {
                        id,
                        rule: entry.id.clone(),
                        status,
                        title: entry.title.clone(),
                        stride: entry.stride.clone(),
                        cwe: entry.cwe.clone(),
                        classes: entry.classes.clone(),
                        risk,
                        mitigations: entry.mitigations.clone(),
                        questions: entry.questions.clone(),
                        changes: vec![change.id.clone()],
                    }),
                }
            }
        }
        threats
    }
}
