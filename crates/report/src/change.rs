//! What all reports ask about a change: its code, its level, its threats, its place at head.

use std::collections::{BTreeMap, BTreeSet};

use threatgate_assess::{
    Assessment, Change, Direction, Question, Review, Risk, Threat, ThreatStatus, Verdict,
};
use threatgate_facts::{FactKind, Location};

use crate::excerpt::at_head;
use crate::visible::short;
use crate::{Side, Sources};

/// How loud a report is about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warning,
    Note,
}

impl Level {
    /// The word that rustc, SARIF and GitHub share.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

pub(crate) fn level(verdict: Verdict) -> Level {
    match verdict {
        Verdict::Block | Verdict::Review => Level::Error,
        Verdict::Incomplete | Verdict::Warn => Level::Warning,
        Verdict::Pass => Level::Note,
    }
}

/// The threats of a change that were not there before, or not so grave, in the order of the catalogue.
pub(crate) fn news<'a>(
    assessment: &'a Assessment,
    change: &'a Change,
) -> impl Iterator<Item = &'a Threat> {
    let threats = assessment.threats.iter();
    threats.filter(move |threat| threat.status.is_news() && threat.changes.contains(&change.id))
}

/// How a report begins to speak of a threat: `threat`, `worse threat`, `possible threat`.
pub(crate) const fn lead(threat: &Threat) -> &'static str {
    match threat.status {
        ThreatStatus::Worsened => "worse threat",
        ThreatStatus::Unclear => "possible threat",
        _ => "threat",
    }
}

/// Threats that went or became less grave: status, id, title and how often, in the order of the catalogue.
pub(crate) fn better(assessment: &Assessment) -> Vec<(ThreatStatus, &str, &str, usize)> {
    let mut found: Vec<(ThreatStatus, &str, &str, usize)> = Vec::new();
    let threats = assessment.threats.iter();
    for threat in threats.filter(|threat| {
        matches!(
            threat.status,
            ThreatStatus::Resolved | ThreatStatus::Improved
        )
    }) {
        let times = threat.subjects.len().max(1);
        let known = found
            .iter_mut()
            .find(|one| one.0 == threat.status && one.1 == threat.rule);
        match known {
            Some(one) => one.3 += times,
            None => found.push((threat.status, &threat.rule, &threat.title, times)),
        }
    }
    found
}

/// The gravest risk among the threats that a change introduces.
pub(crate) fn risk<'a>(assessment: &'a Assessment, change: &'a Change) -> Option<&'a Risk> {
    let threats = news(assessment, change);
    let risks = threats.filter_map(|threat| threat.risk.as_ref());
    risks.max_by_key(|risk| (risk.severity, risk.rank))
}

/// `high 67 = likelihood 7.8 × impact 7: whoever can log in, data of unknown class`.
pub(crate) fn risk_words(risk: &Risk) -> String {
    format!(
        "{} {} = likelihood {} × impact {}: {}",
        risk.severity,
        risk.rank,
        risk.likelihood,
        risk.impact,
        risk.because.join(", ")
    )
}

/// The threat that a change introduces, otherwise its kind: `TG-AUTHN-003`, `auth-removed`.
pub(crate) fn code(assessment: &Assessment, change: &Change) -> String {
    match news(assessment, change).next() {
        Some(threat) => threat.rule.clone(),
        None => format!("{}-{}", change.kind.name(), change.change.name()),
    }
}

/// The redacted value of a secret; never the value.
pub(crate) fn preview(change: &Change) -> Option<&str> {
    if change.kind != FactKind::Secret {
        return None;
    }
    let fact = change.after.as_ref().or(change.before.as_ref())?;
    fact.text("preview")
}

/// How a threat is classified, in words: `spoofing, tampering; CWE-20`.
pub(crate) fn classes(threat: &Threat) -> String {
    let parts = [stride(&threat.stride).join(", "), threat.cwe.join(", ")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// The letters of STRIDE in words.
/// <https://learn.microsoft.com/en-us/azure/security/develop/threat-modeling-tool-threats>
pub(crate) fn stride(letters: &str) -> Vec<&'static str> {
    let word = |letter| match letter {
        'S' => Some("spoofing"),
        'T' => Some("tampering"),
        'R' => Some("repudiation"),
        'I' => Some("information disclosure"),
        'D' => Some("denial of service"),
        'E' => Some("elevation of privilege"),
        _ => None,
    };
    letters.chars().filter_map(word).collect()
}

/// A change with those that say the same of other places.
pub(crate) struct Told<'a> {
    pub(crate) change: &'a Change,
    pub(crate) also: Vec<&'a Change>,
}

impl<'a> Told<'a> {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'a Change> {
        std::iter::once(self.change).chain(self.also.iter().copied())
    }
}

/// Puts together what is told in the same words, of the same threat and by the same policy.
pub(crate) fn told<'a>(assessment: &Assessment, changes: &[&'a Change]) -> Vec<Told<'a>> {
    let mut all: Vec<Told<'a>> = Vec::new();
    let mut known = BTreeMap::new();
    for change in changes {
        let key = (
            &change.title,
            change.verdict,
            code(assessment, change),
            &change.policy_rule,
            &change.exception,
            // What reaches others is shown with them.
            !change.affected.is_empty() || !change.notes.is_empty(),
        );
        let alone = key.5;
        match known.get(&key) {
            Some(at) if !alone => {
                let same: &mut Told<'a> = &mut all[*at];
                same.also.push(change);
            }
            _ => {
                known.insert(key, all.len());
                all.push(Told {
                    change,
                    also: Vec::new(),
                });
            }
        }
    }
    all
}

/// So many dependencies of one file are one line among what is allowed.
const MANY_DEPENDENCIES: usize = 3;

/// What is allowed, as a title and a place each; many dependencies of one file are one line, with
/// their own titles below it.
pub(crate) fn lines(changes: &[&Change]) -> Vec<(String, String, Vec<String>)> {
    let mut of_file: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    let dependencies = changes
        .iter()
        .filter(|change| change.kind == FactKind::Dependency);
    for change in dependencies {
        of_file
            .entry(&change.location.path)
            .or_default()
            .push(change);
    }
    of_file.retain(|_, of| of.len() >= MANY_DEPENDENCIES);
    let mut lines = Vec::new();
    for change in changes {
        let path = change.location.path.as_str();
        if change.kind != FactKind::Dependency || !of_file.contains_key(path) {
            lines.push((change.title.clone(), whereabouts(change), Vec::new()));
        }
    }
    for (path, of) in of_file {
        let title = format!("{} dependencies changed", of.len());
        let titles = of.iter().map(|change| change.title.clone()).collect();
        lines.push((title, path.to_owned(), titles));
    }
    lines
}

/// What a question of a review is about.
pub(crate) enum About<'a> {
    /// All that is reviewed.
    Everything,
    /// What this question before it is about.
    As(&'a str),
    /// Titles and places of the first few changes, and how many are left.
    Changes(Vec<(&'a str, String)>, usize),
}

pub(crate) fn about<'a>(
    assessment: &'a Assessment,
    review: &'a Review,
    question: &Question,
) -> About<'a> {
    const MOST: usize = 3;
    let ids = std::iter::once(&question.change).chain(&question.also);
    // What all of the review is about need not be said.
    if review
        .changes
        .iter()
        .all(|id| ids.clone().any(|own| own == id))
    {
        return About::Everything;
    }
    let mut changes: Vec<&Change> = ids
        .filter_map(|id| assessment.changes.iter().find(|change| change.id == *id))
        .collect();
    let mut seen = BTreeSet::new();
    changes.retain(|change| seen.insert((&change.title, &change.location.path)));
    // One more than fits is shown, not counted.
    let shown = match changes.len() {
        all if all <= MOST + 1 => all,
        _ => MOST,
    };
    let about = |question: &Question| {
        let ids = std::iter::once(&question.change).chain(&question.also);
        ids.cloned().collect::<BTreeSet<String>>()
    };
    let mut before = review.questions.iter();
    let before = before.find(|other| about(other) == about(question));
    if let Some(other) = before.filter(|other| other.id != question.id) {
        return About::As(other.id.as_str());
    }
    let told = changes[..shown].iter();
    About::Changes(
        told.map(|change| (change.title.as_str(), whereabouts(change)))
            .collect(),
        changes.len() - shown,
    )
}

/// What shows that the threats of a review are dealt with, in words.
pub(crate) fn evidence(review: &Review) -> Option<String> {
    let words: Vec<&str> = review
        .evidence_needed
        .iter()
        .map(|one| one.words())
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Changes that ask for something, those that got better, and the rest that passes.
pub(crate) struct Parts<'a> {
    pub(crate) asking: Vec<&'a Change>,
    pub(crate) better: Vec<&'a Change>,
    pub(crate) passing: Vec<&'a Change>,
}

pub(crate) fn parts(assessment: &Assessment) -> Parts<'_> {
    let (asking, quiet): (Vec<_>, Vec<_>) = assessment
        .changes
        .iter()
        .partition(|change| change.verdict > Verdict::Pass);
    let (better, passing) = quiet
        .into_iter()
        .partition(|change| change.direction == Direction::Strengthened);
    Parts {
        asking,
        better,
        passing,
    }
}

/// Base and head in words.
pub(crate) fn ends(assessment: &Assessment) -> (String, String) {
    let (base, head) = match assessment.range.as_str() {
        "undetermined" => ("?", "?"),
        range => ("empty", range),
    };
    (
        short(assessment.base.as_deref(), base),
        short(assessment.head.as_deref(), head),
    )
}

/// Whether there is nothing to say but the verdict.
pub(crate) fn nothing(assessment: &Assessment) -> bool {
    let coverage = &assessment.coverage;
    assessment.changes.is_empty()
        && assessment.verdict == Verdict::Pass
        && coverage.problems.is_empty()
        && coverage.unknown_guards.is_empty()
        && coverage.alarms.is_empty()
        && assessment.notes.is_empty()
}

/// Where a code host can show the change: it knows files of head only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: String,
    /// First and last line and, on head's own lines, the columns; the end is exclusive.
    pub(crate) lines: Option<(u32, u32)>,
    pub(crate) columns: Option<(u32, u32)>,
    /// Whether the path exists at head, as far as is known.
    pub(crate) exists: bool,
}

impl Place {
    pub(crate) fn head(location: &Location) -> Self {
        let line = location.line.max(1);
        let whole = location.column > 0
            && (location.end_line > line
                || location.end_line == line && location.end_column > location.column);
        Self {
            path: location.path.clone(),
            lines: Some((line, location.end_line.max(line))),
            columns: whole.then_some((location.column, location.end_column)),
            exists: true,
        }
    }
}

/// The place at head: the change's own, the line that took the place of what is gone, something
/// that the change affects, and at last the path that was removed, without a line.
pub(crate) fn place(change: &Change, sources: &dyn Sources) -> Place {
    if !change.at_base {
        return Place::head(&change.location);
    }
    let path = &change.location.path;
    let after = sources.text(Side::Head, path);
    if let Some(after) = after {
        let before = sources.text(Side::Base, path);
        let line = before.map(|before| at_head(&before, &after, change.location.line));
        return Place {
            path: path.clone(),
            lines: line.map(|line| (line, line)),
            columns: None,
            exists: true,
        };
    }
    let reached = change
        .affected
        .iter()
        .map(|affected| &affected.location)
        .find(|location| sources.text(Side::Head, &location.path).is_some());
    reached.map_or_else(
        || Place {
            path: path.clone(),
            lines: None,
            columns: None,
            exists: false,
        },
        Place::head,
    )
}

/// Where it stands, for people: `src/a.py:12`, and of what is gone `src/a.py:12 at base`.
pub(crate) fn whereabouts(change: &Change) -> String {
    let side = if change.at_base { " at base" } else { "" };
    format!("{}:{}{side}", change.location.path, change.location.line)
}
