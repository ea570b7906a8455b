//! The gate's own configuration as facts: whoever changes it changes what the gate sees.

use std::collections::BTreeSet;

use threatgate_assess::CODEOWNERS_PATHS;
use threatgate_facts::{Attributes, Confidence, Fact, FactKind, Location, Scope, Tree};

use crate::configuration::REVIEWS_FOLDER;
use crate::revision::Revision;

/// Whether a revision has a configuration of the gate.
pub(crate) fn is_used(revision: &Revision<'_>) -> bool {
    let mut paths = revision.entries.keys();
    paths.any(|path| path.starts_with(".threatgate/"))
}

/// Facts about `.threatgate/**` and about pipelines that run the gate, among `only`; where the base is
/// `used` to the gate also about CODEOWNERS.
pub(crate) fn facts(revision: &Revision<'_>, only: &BTreeSet<String>, used: bool) -> Vec<Fact> {
    let mut facts = Vec::new();
    for path in only {
        // Who owns what, and what is generated, decide about the gate only where the team uses it.
        let own = path.starts_with(".threatgate/") && !path.starts_with(REVIEWS_FOLDER)
            || used && CODEOWNERS_PATHS.contains(&path.as_str());
        let pipeline = is_pipeline(path);
        if !own && !pipeline {
            continue;
        }
        let Some(text) = revision.text(path) else {
            continue;
        };
        if !own && !text.contains("threatgate") {
            continue;
        }
        let digest = blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
        let mut attributes = Attributes::new();
        attributes.insert("path".into(), path.clone().into());
        attributes.insert("digest".into(), digest.into());
        facts.push(Fact {
            kind: FactKind::Gate,
            identity: path.clone(),
            attributes,
            location: Location {
                path: path.clone(),
                line: 1,
                column: 1,
                end_line: 1,
                end_column: 1,
                start: 0,
                end: 0,
            },
            rule: "gate-configuration".into(),
            confidence: Confidence::Resolved,
            scope: Scope::Production,
            evidence: Vec::new(),
        });
    }
    facts
}

/// Files in which a pipeline says what it runs.
fn is_pipeline(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with(".github/workflows/")
        || path.starts_with(".circleci/")
        || matches!(
            name,
            ".gitlab-ci.yml"
                | "azure-pipelines.yml"
                | "bitbucket-pipelines.yml"
                | "Jenkinsfile"
                | ".pre-commit-config.yaml"
                | "lefthook.yml"
        )
}
