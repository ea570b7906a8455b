//! From changes to a verdict and the review that it asks for.

use std::collections::BTreeMap;

use threatgate_facts::FactKind;

use crate::assessment::*;
use crate::owners::Owners;
use crate::policy::{Closes, Policy};
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
    /// The day on which head was committed.
    pub head_date: Option<jiff::civil::Date>,
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
        let named = owners.of(path).map(|(_, owners)| owners);
        policy
            .place(path, owners)
            .critical
            .or_else(|| catalogue.critical(named.unwrap_or_default()))
    });
    let mut assessment = Assessment {
        schema_version: SCHEMA_VERSION.into(),
        tool: Tool {
            name: "threatgate".into(),
            version: circumstances.version,
            rules: circumstances.rules,
        },
        verdict: Verdict::Pass,
        reasons: Vec::new(),
        base: circumstances.base,
        head: circumstances.head,
        head_date: circumstances.head_date,
        range: circumstances.range,
        notes,
        changes,
        threats,
        coverage: circumstances.coverage,
        review: None,
        policy: policy.source.clone(),
        policy_findings: Vec::new(),
    };
    let knows = |id: &str| catalogue.explain(id).is_some();
    decide(&mut assessment, policy, &knows, owners, today);
    assessment
}

/// Asks the policy about each change, and says what follows for all.
pub(crate) fn decide(
    assessment: &mut Assessment,
    policy: &Policy,
    knows: &dyn Fn(&str) -> bool,
    owners: &Owners,
    today: jiff::civil::Date,
) {
    for change in &mut assessment.changes {
        let decision = policy.decide(change, owners, today);
        change.verdict = decision.verdict;
        change.policy_rule = decision.rule;
        change.exception = decision.exception;
        for note in decision.notes {
            if !change.notes.contains(&note) {
                change.notes.push(note);
            }
        }
    }
    assessment.policy_findings =
        policy.waive(&mut assessment.changes, &assessment.threats, knows, today);
    settle(assessment, policy, owners, &[]);
}

/// What a module of the policy says beyond its rules: it raises, and never lowers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The module's file.
    pub module: String,
    /// What it asks for.
    pub verdict: Verdict,
    /// Why.
    pub message: String,
    /// The change it is about; none: the whole.
    pub change: Option<String>,
    /// Who must sign.
    pub reviewers: Vec<String>,
}

/// Raises verdicts by further rulings. A change that is waived or excepted stays so.
pub fn rule_further(
    assessment: &mut Assessment,
    rulings: &[Ruling],
    policy: &Policy,
    owners: &Owners,
) {
    for ruling in rulings {
        let Some(id) = &ruling.change else {
            continue;
        };
        let change = assessment.changes.iter_mut().find(|one| one.id == *id);
        if let Some(change) = change
            && change.exception.is_none()
            && ruling.verdict >= change.verdict
        {
            let raised = ruling.verdict > change.verdict;
            change.verdict = ruling.verdict;
            if raised {
                change.policy_rule.clone_from(&ruling.module);
            }
            change.notes.push(ruling.message.clone());
        }
    }
    settle(assessment, policy, owners, rulings);
}

/// Lowers what a valid sign-off closes to a warning that says so; the review stays in the report.
pub fn sign_off(
    assessment: &mut Assessment,
    review: Review,
    words: &str,
    closes_blocks: bool,
    rulings: &[Ruling],
    policy: &Policy,
    owners: &Owners,
) {
    for change in &mut assessment.changes {
        let closed =
            change.verdict == Verdict::Review || change.verdict == Verdict::Block && closes_blocks;
        if closed && review.changes.contains(&change.id) {
            change.verdict = Verdict::Warn;
            change.notes.push(words.to_owned());
        }
    }
    let left: Vec<Ruling> = rulings
        .iter()
        .filter(|ruling| ruling.verdict != Verdict::Review)
        .cloned()
        .collect();
    settle(assessment, policy, owners, &left);
    assessment.review = Some(review);
}

/// Order, verdict, reasons and review, as they follow from what each change asks for.
fn settle(assessment: &mut Assessment, policy: &Policy, owners: &Owners, rulings: &[Ruling]) {
    let changes = &mut assessment.changes;
    changes.sort_by(|a, b| {
        let rank = |change: &Change| {
            (
                std::cmp::Reverse(change.verdict),
                std::cmp::Reverse(change.severity),
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
    let whole = rulings.iter().filter(|ruling| ruling.change.is_none());
    let mut verdict = changes
        .iter()
        .map(|change| change.verdict)
        .chain(whole.clone().map(|ruling| ruling.verdict))
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
    for ruling in whole.filter(|ruling| ruling.verdict == verdict && verdict > Verdict::Pass) {
        reasons.push(format!("{} ({})", ruling.message, ruling.module));
    }
    let coverage = &assessment.coverage;
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
    let capped = policy.cap(verdict);
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
    let review = review(assessment, policy, owners, rulings);
    assessment.verdict = capped;
    assessment.reasons = reasons;
    assessment.review = review;
}

/// The requirement over all changes that ask for a review.
fn review(
    assessment: &Assessment,
    policy: &Policy,
    owners: &Owners,
    rulings: &[Ruling],
) -> Option<Review> {
    let threats = &assessment.threats;
    let asked: Vec<&Change> = assessment
        .changes
        .iter()
        .filter(|change| change.verdict >= Verdict::Review)
        .collect();
    let of_whole = rulings
        .iter()
        .filter(|ruling| ruling.change.is_none() && ruling.verdict == Verdict::Review);
    let closes_blocks = policy.review().closes == Closes::Block;
    let closable = |change: &&Change| change.verdict == Verdict::Review || closes_blocks;
    if !asked.iter().any(closable) && of_whole.clone().count() == 0 {
        return None;
    }
    let mut ids: Vec<String> = asked.iter().map(|change| change.id.clone()).collect();
    ids.sort();
    let mut questions: Vec<Question> = Vec::new();
    for change in &asked {
        let news = threats
            .iter()
            .filter(|threat| threat.status.is_news() && threat.changes.contains(&change.id));
        let mut texts: Vec<(&str, AnswerKind)> = news
            .flat_map(|threat| {
                let answers = threat.answers.iter().copied();
                let answers = answers.chain(std::iter::repeat(AnswerKind::Text));
                threat.questions.iter().map(String::as_str).zip(answers)
            })
            .collect();
        if texts.is_empty() {
            texts.push((question(change), AnswerKind::Text));
        }
        for (text, answer) in texts {
            match questions.iter_mut().find(|question| question.text == text) {
                Some(known) if known.change != change.id && !known.also.contains(&change.id) => {
                    known.also.push(change.id.clone());
                }
                Some(_) => {}
                None => questions.push(Question {
                    id: format!("q{}", questions.len() + 1),
                    answer,
                    text: text.to_owned(),
                    change: change.id.clone(),
                    also: Vec::new(),
                }),
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
        add(
            policy.reviewers_of(&change.policy_rule),
            format!("policy rule {}", change.policy_rule),
        );
        let of_change = rulings
            .iter()
            .filter(|one| one.change.as_ref() == Some(&change.id));
        for ruling in of_change.filter(|ruling| ruling.verdict >= Verdict::Review) {
            add(&ruling.reviewers, ruling.module.clone());
        }
        for (name, owners) in policy.place_of(change, owners).components() {
            add(owners, format!("component {name}"));
        }
        if let Some((pattern, owners)) = owners.of(&change.location.path) {
            add(owners, format!("CODEOWNERS: {pattern}"));
        }
    }
    for ruling in of_whole {
        add(&ruling.reviewers, ruling.module.clone());
        let (text, answer) = AnswerKind::of(&ruling.message);
        if !questions.iter().any(|question| question.text == text) {
            questions.push(Question {
                id: format!("q{}", questions.len() + 1),
                answer,
                text: text.to_owned(),
                change: String::new(),
                also: Vec::new(),
            });
        }
    }
    if reviewers.is_empty() && !policy.default_reviewers().is_empty() {
        reviewers.push(Reviewers {
            owners: policy.default_reviewers().to_vec(),
            reason: "the policy's default".into(),
        });
    }
    let introduced: Vec<&Threat> = threats
        .iter()
        .filter(|threat| threat.status.is_news())
        .filter(|threat| threat.changes.iter().any(|id| ids.contains(id)))
        .collect();
    let mut objectives: Vec<String> = introduced
        .iter()
        .flat_map(|threat| threat.classes.objectives.iter().cloned())
        .collect();
    objectives.sort();
    objectives.dedup();
    let mut evidence_needed: Vec<Proof> = introduced
        .iter()
        .flat_map(|threat| threat.evidence.iter().copied())
        .collect();
    evidence_needed.sort_unstable();
    evidence_needed.dedup();
    let settings = policy.review();
    let severity = asked.iter().filter_map(|change| change.severity).max();
    let mut review = Review {
        changes: ids,
        threats: introduced.iter().map(|threat| threat.id.clone()).collect(),
        verdict: asked
            .iter()
            .map(|change| change.verdict)
            .max()
            .unwrap_or(Verdict::Review),
        severity,
        due: assessment.head_date.and_then(|committed| {
            let days = settings.due_days.of(severity);
            let days = jiff::Span::new().try_days(days).ok()?;
            committed.checked_add(days).ok()
        }),
        evidence_needed,
        questions,
        reviewers,
        count: settings.count.max(1),
        contributors_allowed: settings.contributors_allowed,
        self_review: settings.self_review,
        valid_days: settings.valid_days,
        objectives,
        inputs: inputs(&asked, &introduced, policy),
        ..Review::default()
    };
    for ruling in rulings {
        let name = format!("ruling of {}: {}", ruling.module, ruling.message);
        review.inputs.insert(name, ruling.verdict.name().into());
    }
    review.seal();
    Some(review)
}

/// What a sign-off is bound to, by readable names: nothing of it is a commit, a path, a line or a time, so
/// that a rebase or a reformat keeps it and a change of what was reviewed does not.
fn inputs(asked: &[&Change], threats: &[&Threat], policy: &Policy) -> BTreeMap<String, String> {
    let mut inputs: BTreeMap<String, String> = BTreeMap::new();
    inputs.insert("contract".to_owned(), SCHEMA_VERSION.to_owned());
    inputs.insert("policy".to_owned(), policy.digest().to_owned());
    for threat in threats {
        if let Some(risk) = &threat.risk {
            inputs.insert(format!("risk of {}", threat.id), risk.vector.to_string());
        }
    }
    for change in asked {
        let kind = format!("{} {}", change.kind, change.change.name());
        inputs.insert(format!("change {}", change.id), kind);
        for (side, fact) in [("before", &change.before), ("after", &change.after)] {
            let Some(fact) = fact else {
                continue;
            };
            let of = format!("{} {} ({side})", fact.kind, fact.identity);
            for (name, value) in &fact.attributes {
                let (key, value) = (format!("{of}: {name}"), short(value));
                // Several facts may share an identity; the order of changes must not tell.
                let values = inputs.entry(key).or_default();
                let mut all: Vec<&str> =
                    values.split(" | ").filter(|one| !one.is_empty()).collect();
                all.push(&value);
                all.sort_unstable();
                *values = all.join(" | ");
            }
        }
        for affected in &change.affected {
            inputs.insert(
                format!("{} is reached", affected.subject),
                affected.outcome.clone(),
            );
        }
    }
    inputs
}

/// A value that can be read, or its digest.
fn short(value: &serde_json::Value) -> String {
    const MOST: usize = 160;
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= MOST {
        text
    } else {
        format!("digest {}", &blake3::hash(text.as_bytes()).to_hex()[..16])
    }
}

/// What to ask where no threat of the catalogue speaks.
fn question(change: &Change) -> &'static str {
    match change.kind {
        FactKind::Endpoint => "Who may call this, and what stops everybody else?",
        FactKind::Auth if change.direction == Direction::Neutral => {
            "Does the check still turn away everybody whom it turned away before?"
        }
        FactKind::Auth => "Which callers gain access that they did not have, and is that intended?",
        FactKind::Crypto if change.change == ChangeKind::Removed => {
            "What protects it now, or why does it need no protection any more?"
        }
        FactKind::Crypto => "What does this protect, and is the new strength enough for it?",
        FactKind::DataModel if change.change == ChangeKind::Removed => {
            "Does anything still need what goes, and is there a way back?"
        }
        FactKind::DataModel => "Who needs this data, how long is it kept, and who can read it?",
        FactKind::Secret => "Is the credential revoked, and where does its successor live?",
        FactKind::Dependency => "Why is this package trusted, and who keeps it up to date?",
        FactKind::Infra => "What becomes reachable or permitted that was not?",
        FactKind::Sink => "Can a caller influence what reaches this call?",
        FactKind::Egress => "Which data leaves, and under which agreement?",
        FactKind::Gate => "Does the gate still see and stop what it did before?",
    }
}
