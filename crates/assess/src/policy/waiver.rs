//! `.threatgate/waivers.toml`: single threats that somebody accepted for a time.
//!
//! A waiver lowers to a warning and stays visible. One that is not in order has no effect and is a
//! finding: it expired, nobody owns it, it holds too long for the severity, or nothing has its key.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Policy, PolicyError, at_line};
use crate::assessment::{Change, PolicyFinding, Threat};
use threatgate_model::risk::Severity;

/// Where waivers stand.
pub const WAIVERS_PATH: &str = ".threatgate/waivers.toml";

/// The file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "threatgate waivers")]
pub(crate) struct WaiversText {
    /// The version of this format: 1.
    version: u32,
    /// The waivers.
    #[serde(default, rename = "waiver")]
    waivers: Vec<WaiverText>,
}

/// What a waiver says about the threat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It is there, and accepted for now.
    #[default]
    Accepted,
    /// It is not there: the gate is wrong.
    FalsePositive,
}

/// One threat that somebody accepted for a time. Owner, approver and expiry may be missing in the
/// text so that a report can say so; such a waiver has no effect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WaiverText {
    /// The threat's exact id (`TG-AUTHN-002@http GET /users/{}`), or a change's (`TC-…`).
    threat: String,
    /// Whether it is accepted or not there.
    #[serde(default)]
    state: State,
    /// Why.
    #[serde(default)]
    reason: String,
    /// Who answers for it.
    #[serde(default)]
    owner: String,
    /// Who granted it.
    #[serde(default)]
    approved_by: String,
    /// What stands in the way of the threat meanwhile.
    #[serde(default)]
    compensating_control: String,
    /// The day on which it was granted.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    created: Option<jiff::civil::Date>,
    /// The last day on which it counts.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    expires: Option<jiff::civil::Date>,
    /// Where it is followed up.
    #[serde(default)]
    ticket: Option<String>,
}

/// A waiver with the line on which it begins.
#[derive(Clone, Debug)]
pub(crate) struct Waiver {
    text: WaiverText,
    line: usize,
}

pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Waiver>, PolicyError> {
    let all: WaiversText = toml::from_str(text).map_err(|error| at_line(file, text, &error))?;
    if all.version != 1 {
        return Err(PolicyError {
            file: file.to_owned(),
            line: 1,
            message: format!(
                "version {} of waivers is not known; expected 1",
                all.version
            ),
        });
    }
    let lines = text.lines().enumerate();
    let heads: Vec<usize> = lines
        .filter(|(_, line)| line.trim_start().starts_with("[[waiver]]"))
        .map(|(at, _)| at + 1)
        .collect();
    let waivers = all.waivers.into_iter().enumerate();
    Ok(waivers
        .map(|(index, text)| Waiver {
            text,
            line: heads.get(index).copied().unwrap_or(1),
        })
        .collect())
}

impl Waiver {
    pub(crate) fn key(&self) -> &str {
        &self.text.threat
    }

    /// The catalogue's id and the subject, of a waiver for a threat.
    pub(crate) fn parts(&self) -> Option<(&str, &str)> {
        self.text.threat.split_once('@')
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// What is wrong with it by itself: its id and words.
    pub(crate) fn fault(
        &self,
        policy: &Policy,
        today: jiff::civil::Date,
    ) -> Option<(&'static str, String)> {
        let text = &self.text;
        let key = &text.threat;
        for (name, value) in [("owner", &text.owner), ("reason", &text.reason)] {
            if value.trim().is_empty() {
                let id = if name == "owner" {
                    "waiver-without-owner"
                } else {
                    "waiver-incomplete"
                };
                return Some((id, format!("the waiver of {key} has no {name}")));
            }
        }
        for (name, value) in [
            ("approved-by", &text.approved_by),
            ("compensating-control", &text.compensating_control),
        ] {
            let needed = name == "approved-by" || text.state == State::Accepted;
            if needed && value.trim().is_empty() {
                return Some((
                    "waiver-incomplete",
                    format!("the waiver of {key} has no {name}"),
                ));
            }
        }
        let (Some(created), Some(expires)) = (text.created, text.expires) else {
            let words = format!("the waiver of {key} needs both created and expires");
            return Some(("waiver-incomplete", words));
        };
        if key.contains('*') || self.parts().is_none() && !key.starts_with("TC-") {
            let words = format!(
                "the waiver of {key} names no single threat; give its exact id from the report"
            );
            return Some(("waiver-wildcard", words));
        }
        let approvers = &policy.text.waivers.approvers;
        let granted = if approvers.is_empty() {
            text.approved_by != text.owner || policy.text.review.contributors_allowed
        } else {
            let by = std::slice::from_ref(&text.approved_by);
            approvers.iter().any(|one| policy.is_owner(one, by))
        };
        if !granted {
            let words = format!(
                "the waiver of {key} was approved by {}, who may not grant it",
                text.approved_by
            );
            return Some(("waiver-unapproved", words));
        }
        if created > today {
            let words = format!("the waiver of {key} begins on {created} only");
            return Some(("waiver-early", words));
        }
        if expires < today {
            let words = format!("the waiver of {key} by {} expired on {expires}", text.owner);
            return Some(("waiver-expired", words));
        }
        None
    }

    /// Whether it holds longer than is allowed for this severity.
    pub(crate) fn too_long(&self, policy: &Policy, severity: Severity) -> Option<String> {
        let max = &policy.text.waivers.max_days;
        let most = match severity {
            Severity::Critical => max.critical,
            Severity::High => max.high,
            Severity::Medium => max.medium,
            Severity::Low | Severity::Note => max.low,
        };
        let days = self
            .text
            .expires?
            .duration_since(self.text.created?)
            .as_hours()
            / 24;
        (days > i64::from(most)).then(|| {
            format!(
                "the waiver of {} holds {days} days; for severity {severity} at most {most} are allowed",
                self.text.threat
            )
        })
    }

    /// For the report: who, why and until when.
    fn words(&self) -> String {
        let text = &self.text;
        let mut words = match text.state {
            State::Accepted => format!("waiver: {}", text.reason),
            State::FalsePositive => format!("false positive: {}", text.reason),
        };
        if !text.compensating_control.is_empty() {
            words.push_str(&format!("; meanwhile {}", text.compensating_control));
        }
        words.push_str(&format!(
            " ({}, approved by {}",
            text.owner, text.approved_by
        ));
        if let Some(expires) = text.expires {
            words.push_str(&format!(", until {expires}"));
        }
        if let Some(ticket) = &text.ticket {
            words.push_str(&format!(", {ticket}"));
        }
        words.push(')');
        words
    }
}

/// The waivers over all changes: which change is lowered by which words, and what is not in order.
pub(crate) fn apply(
    policy: &Policy,
    changes: &mut [Change],
    threats: &[Threat],
    knows: &dyn Fn(&str) -> bool,
    today: jiff::civil::Date,
) -> Vec<PolicyFinding> {
    use crate::assessment::Verdict;
    let mut findings = Vec::new();
    let mut tell = |waiver: &Waiver, id: &str, message: String| {
        findings.push(PolicyFinding {
            id: id.to_owned(),
            message,
            path: WAIVERS_PATH.to_owned(),
            line: waiver.line,
        });
    };
    let mut good: Vec<&Waiver> = Vec::new();
    for waiver in &policy.waivers {
        if let Some((id, message)) = waiver.fault(policy, today) {
            tell(waiver, id, message);
            continue;
        }
        if let Some((rule, _)) = waiver.parts()
            && !knows(rule)
        {
            let words = format!(
                "the waiver of {} names no threat that is known",
                waiver.key()
            );
            tell(waiver, "waiver-unmatched", words);
            continue;
        }
        let of_key: Vec<&Threat> = threats
            .iter()
            .filter(|one| one.id == waiver.key())
            .collect();
        let introduced = |one: &&&Threat| one.status.is_news();
        if !of_key.is_empty() && of_key.iter().filter(introduced).count() == 0 {
            let words = format!(
                "the waiver of {} is no longer needed: the threat is resolved here",
                waiver.key()
            );
            tell(waiver, "waiver-unmatched", words);
        }
        let severity = of_key
            .iter()
            .filter_map(|one| one.risk.as_ref().map(|risk| risk.severity))
            .chain(
                changes
                    .iter()
                    .filter(|change| change.id == waiver.key())
                    .filter_map(|change| change.severity),
            )
            .max();
        match severity.and_then(|severity| waiver.too_long(policy, severity)) {
            Some(words) => tell(waiver, "waiver-too-long", words),
            None => good.push(waiver),
        }
    }
    for change in changes.iter_mut().filter(|one| one.verdict > Verdict::Warn) {
        let of = |key: &str| good.iter().copied().find(|waiver| waiver.key() == key);
        let mut used: Vec<&Waiver> = of(&change.id).into_iter().collect();
        if used.is_empty() {
            // Each threat must be waived, or the change still brings one that nobody accepted.
            let brought = change.threats.iter().filter(|id| {
                let mut of_id = threats.iter().filter(|one| one.id == **id);
                of_id.any(|one| one.status.is_news())
            });
            let each: Option<Vec<&Waiver>> = brought.map(|id| of(id)).collect();
            used = each.unwrap_or_default();
        }
        if !used.is_empty() {
            let words: Vec<String> = used.iter().map(|waiver| waiver.words()).collect();
            change.verdict = Verdict::Warn;
            change.exception = Some(words.join("; "));
        }
    }
    findings
}
