//! `threatgate policy test`: a policy against recorded assessments, with what the team expects of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Policy, PolicyError, at_line, decide_again};
use crate::assessment::{Assessment, Verdict};
use crate::owners::Owners;

/// Expectations: `.threatgate/tests/*.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// The expectations, in the order of the file.
    #[serde(default, rename = "case")]
    pub cases: Vec<Case>,
}

/// What is expected of one recorded assessment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// For the report.
    pub name: String,
    /// The recorded assessment, beside this file: the output of `threatgate check --format json`.
    pub assessment: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The day on which it is judged; waivers and exceptions expire.
    #[serde(default)]
    pub today: Option<jiff::civil::Date>,
    /// Of single changes, by id, the rule that decides.
    #[serde(default)]
    pub rules: BTreeMap<String, String>,
}

impl Cases {
    /// Reads a file of expectations.
    ///
    /// # Errors
    /// A file that cannot be used, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyError> {
        toml::from_str(text).map_err(|error| at_line(file, text, &error))
    }
}

/// What the policy says about a recorded assessment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict that was recorded.
    pub recorded: Verdict,
    /// The verdict of this policy.
    pub verdict: Verdict,
    /// Changes that are decided otherwise: title, the recorded verdict, verdict and rule now.
    pub moved: Vec<(String, Verdict, Verdict, String)>,
    /// What was expected otherwise, in sentences.
    pub failures: Vec<String>,
}

/// Decides again about a recorded assessment, and compares with what is expected.
pub fn recorded(
    assessment: &Assessment,
    case: Option<&Case>,
    policy: &Policy,
    owners: &Owners,
    today: jiff::civil::Date,
) -> Outcome {
    let today = case.and_then(|case| case.today).unwrap_or(today);
    let again = decide_again(assessment, policy, owners, today);
    let mut moved = Vec::new();
    for change in &again.changes {
        let before = assessment.changes.iter().find(|one| one.id == change.id);
        if let Some(before) = before
            && before.verdict != change.verdict
        {
            moved.push((
                change.title.clone(),
                before.verdict,
                change.verdict,
                change.policy_rule.clone(),
            ));
        }
    }
    let mut failures = Vec::new();
    if let Some(case) = case {
        if case.verdict != again.verdict {
            failures.push(format!(
                "expected {}, is {}",
                case.verdict.name(),
                again.verdict.name()
            ));
        }
        for (id, rule) in &case.rules {
            match again.changes.iter().find(|change| change.id == *id) {
                None => failures.push(format!("{} has no change {id}", case.assessment)),
                Some(change) if change.policy_rule != *rule => failures.push(format!(
                    "{id} ({}): expected the rule {rule}, decided by {}",
                    change.title, change.policy_rule
                )),
                Some(_) => {}
            }
        }
    }
    Outcome {
        recorded: assessment.verdict,
        verdict: again.verdict,
        moved,
        failures,
    }
}
