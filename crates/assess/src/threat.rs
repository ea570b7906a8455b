//! The catalogue of threats: which change introduces or resolves which threat.

use serde::Deserialize;

use crate::assessment::{Change, Threat, ThreatStatus};
use crate::condition::Condition;
use crate::policy::PolicyError;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    title: String,
    /// Letters of STRIDE: Spoofing, Tampering, Repudiation, Information disclosure, Denial of
    /// service, Elevation of privilege.
    stride: String,
    cwe: Vec<String>,
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
                match threats
                    .iter_mut()
                    .find(|threat| threat.id == id && threat.status == status)
                {
                    Some(threat) => threat.changes.push(change.id.clone()),
                    None => threats.push(Threat {
                        id,
                        rule: entry.id.clone(),
                        status,
                        title: entry.title.clone(),
                        stride: entry.stride.clone(),
                        cwe: entry.cwe.clone(),
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
