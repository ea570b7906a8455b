//! From changes to a verdict and the review that it asks for.

use std::collections::BTreeMap;

use threatgate_facts::FactKind;

use crate::assessment::*;
use crate::owners::Owners;
use crate::policy::{Mode, Policy};
use crate::threat::Catalogue;

/// What is known about the range and the reading; handed through to the report.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The program's version.
    pub version: String,
    /// Digest of the rules.
    pub rules: String,
    /// Base commit.
    pub base: Option<String>,
    /// Head commit.
    pub head: Option<String>,
    /// How the range was found.
    pub range: String,
    /// Words about the range.
    pub notes: Vec<String>,
    /// What was read, and what was not.
    pub coverage: Coverage,
}

/// Decides on the changes by the policy. `today` is what exceptions expire against.
pub fn assess(
    mut changes: Vec<Change>,
    policy: &Policy,
    catalogue: &Catalogue,
    owners: &Owners,
    today: jiff::civil::Date,
    circumstances: Circumstances,
) -> Assessment {
    let all = changes.len();
    changes.retain(|change| !policy.allows(change));
    let mut notes = circumstances.notes;
    match all - changes.len() {
        0 => {}
        1 => notes.push("a credential is allowed by its digest in the policy".into()),
        allowed => notes.push(format!(
            "{allowed} credentials are allowed by their digests in the policy"
        )),
    }
    let threats = catalogue.apply(&mut changes, &|path| {
        let owners = owners.of(path).map(|(_, owners)| owners);
        policy
            .critical(path)
            .or_else(|| catalogue.critical(owners.unwrap_or_default()))
    });
    let mut reviewers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in &mut changes {
        let decision = policy.decide(change, today);
        change.verdict = decision.verdict;
        change.policy_rule = decision.rule;
        change.exception = decision.exception;
        change.notes.extend(decision.note);
        if !decision.reviewers.is_empty() {
            reviewers.insert(change.id.clone(), decision.reviewers);
        }
    }
    changes.sort_by(|a, b| {
        let rank = |change: &Change| {
            (
                std::cmp::Reverse(change.verdict),
                change.direction != Direction::Weakened,
                change.kind,
            )
        };
        (rank(a), &a.location.path, a.location.line, &a.id).cmp(&(
            rank(b),
            &b.location.path,
            b.location.line,
            &b.id,
        ))
    });
    let mut reasons = Vec::new();
    let mut verdict = changes
        .iter()
        .map(|change| change.verdict)
        .max()
        .unwrap_or_default();
    for change in changes
        .iter()
        .filter(|change| change.verdict == verdict && verdict > Verdict::Warn)
    {
        reasons.push(format!(
            "{} (policy rule {})",
            change.title, change.policy_rule
        ));
    }
    let coverage = circumstances.coverage;
    let (guards, files) = policy.unknown();
    if !coverage.unknown_guards.is_empty() && guards > Verdict::Pass {
        let words = match coverage.unknown_guards.len() {
            1 => format!(
                "the guard of {} is unknown",
                coverage.unknown_guards[0].endpoint
            ),
            count => format!("the guards of {count} endpoints are unknown"),
        };
        reasons.push(words);
        verdict = verdict.max(guards);
    }
    let unread: Vec<_> = coverage
        .problems
        .iter()
        .filter(|problem| problem.whole)
        .collect();
    if !unread.is_empty() && files > Verdict::Pass {
        reasons.push(format!(
            "{} of the changed files could not be read",
            unread.len()
        ));
        verdict = verdict.max(files);
    }
    let review = review(&changes, &threats, policy, owners, &reviewers);
    let capped = match policy.mode() {
        Mode::Observe | Mode::Comment => verdict.min(Verdict::Warn),
        Mode::Review => verdict.min(Verdict::Review),
        Mode::Block => verdict,
    };
    if capped != verdict {
        reasons.insert(
            0,
            format!(
                "the policy's mode lowers {} to {}",
                verdict.name(),
                capped.name()
            ),
        );
    }
    Assessment {
        schema_version: SCHEMA_VERSION.into(),
        tool: Tool {
            name: "threatgate".into(),
            version: circumstances.version,
            rules: circumstances.rules,
        },
        verdict: capped,
        reasons,
        base: circumstances.base,
        head: circumstances.head,
        range: circumstances.range,
        notes,
        changes,
        threats,
        coverage,
        review,
        policy: policy.source.clone(),
    }
}

/// The requirement over all changes that ask for a review.
fn review(
    changes: &[Change],
    threats: &[Threat],
    policy: &Policy,
    owners: &Owners,
    named: &BTreeMap<String, Vec<String>>,
) -> Option<Review> {
    let asked: Vec<&Change> = changes
        .iter()
        .filter(|change| change.verdict >= Verdict::Review)
        .collect();
    if !asked.iter().any(|change| change.verdict == Verdict::Review) {
        return None;
    }
    let mut ids: Vec<String> = asked.iter().map(|change| change.id.clone()).collect();
    ids.sort();
    let mut hasher = blake3::Hasher::new();
    for id in &ids {
        hasher.update(id.as_bytes()).update(&[0]);
    }
    let fingerprint = hasher.finalize().to_hex().to_string();
    let mut questions: Vec<Question> = Vec::new();
    for change in &asked {
        let mut texts: Vec<&str> = threats
            .iter()
            .filter(|threat| threat.status.is_news() && threat.changes.contains(&change.id))
            .flat_map(|threat| threat.questions.iter().map(String::as_str))
            .collect();
        if texts.is_empty() {
            texts.push(question(change.kind));
        }
        for text in texts {
            if !questions.iter().any(|question| question.text == text) {
                let id = format!("q{}", questions.len() + 1);
                questions.push(Question {
                    id,
                    text: text.to_owned(),
                    change: change.id.clone(),
                });
            }
        }
    }
    let mut reviewers: Vec<Reviewers> = Vec::new();
    let mut add = |owners: &[String], reason: String| {
        if !owners.is_empty() && !reviewers.iter().any(|known| known.owners == owners) {
            reviewers.push(Reviewers {
                owners: owners.to_vec(),
                reason,
            });
        }
    };
    for change in &asked {
        if let Some(owners) = named.get(&change.id) {
            add(owners, format!("policy rule {}", change.policy_rule));
        }
        for (name, owners) in policy.components(&change.location.path) {
            add(owners, format!("component {name}"));
        }
        if let Some((pattern, owners)) = owners.of(&change.location.path) {
            add(owners, format!("CODEOWNERS: {pattern}"));
        }
    }
    if reviewers.is_empty() && !policy.default_reviewers().is_empty() {
        reviewers.push(Reviewers {
            owners: policy.default_reviewers().to_vec(),
            reason: "the policy's default".into(),
        });
    }
    Some(Review {
        id: format!("TR-{}", &fingerprint[..8]),
        fingerprint,
        changes: ids,
        questions,
        reviewers,
    })
}

/// What to ask where no threat of the catalogue speaks.
fn question(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Endpoint => "Who may call this, and what stops everybody else?",
        FactKind::Auth => "Which callers gain access that they did not have, and is that intended?",
        FactKind::Crypto => "What does this protect, and is the new strength enough for it?",
        FactKind::DataModel => "Who needs this data, how long is it kept, and who can read it?",
        FactKind::Secret => "Is the credential revoked, and where does its successor live?",
        FactKind::Dependency => "Why is this package trusted, and who keeps it up to date?",
        FactKind::Infra => "What becomes reachable or permitted that was not?",
        FactKind::Sink => "Can a caller influence what reaches this call?",
        FactKind::Egress => "Which data leaves, and under which agreement?",
        FactKind::Gate => "Does the gate still see and stop what it did before?",
    }
}
