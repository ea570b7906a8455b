//! The team's policy: `.threatgate/policy.toml` over the built-in default.

mod lint;
mod place;
mod recorded;
mod schema;
mod text;
mod waiver;

use threatgate_facts::Confidence;

use crate::assessment::{Assessment, Change, PolicyFinding, Threat, Verdict};
use crate::condition::Condition;
use crate::owners::Owners;

pub use lint::{Level, Lint, LintContext, lint};
pub use place::Place;
pub use recorded::{Case, Cases, Outcome, recorded};
pub use schema::{policy_schema, waivers_schema};
pub use text::{Closes, Criticality, Exposure, Mode, ReviewSettings};
use text::{Exception, PolicyRule, PolicyText};
pub use waiver::WAIVERS_PATH;
use waiver::Waiver;

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}:{line}: {message}")]
pub struct PolicyError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what is accepted.
    pub message: String,
}

/// A policy ready for use.
#[derive(Clone, Debug)]
pub struct Policy {
    text: PolicyText,
    /// The built-in rules and floors.
    default: PolicyText,
    waivers: Vec<Waiver>,
    digest: String,
    /// Where it came from, for the report.
    pub source: String,
}

/// What the policy says about one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    pub(crate) rule: String,
    pub(crate) reviewers: Vec<String>,
    pub(crate) exception: Option<String>,
    pub(crate) notes: Vec<String>,
}

/// The error of the parser with its line, and what may have been meant.
fn at_line(file: &str, text: &str, error: &toml::de::Error) -> PolicyError {
    let mut message = error.message().to_owned();
    if let Some((word, known)) = lint::unknown_word(&message) {
        let close = crate::nearest::nearest(&word, known.iter().map(String::as_str));
        if let Some(close) = close.first() {
            message.push_str(&format!("; did you mean `{close}`?"));
        }
    }
    PolicyError {
        file: file.to_owned(),
        line: error.span().map_or(1, |span| {
            text[..span.start.min(text.len())].matches('\n').count() + 1
        }),
        message,
    }
}

fn parse(file: &str, text: &str) -> Result<PolicyText, PolicyError> {
    let policy: PolicyText = toml::from_str(text).map_err(|error| at_line(file, text, &error))?;
    let wrong = |word: &str, message: String| {
        let line = text
            .lines()
            .position(|line| line.contains(word))
            .map_or(1, |at| at + 1);
        Err(PolicyError {
            file: file.to_owned(),
            line,
            message,
        })
    };
    if policy.version != 1 {
        return wrong(
            "version",
            format!("policy version {} is not known; expected 1", policy.version),
        );
    }
    let mut ids = std::collections::BTreeSet::new();
    let rules = policy.rules.iter().map(|rule| &rule.id);
    let floors = policy.floors.iter().map(|floor| &floor.id);
    let exceptions = policy.exceptions.iter().map(|exception| &exception.id);
    for id in rules.chain(exceptions).chain(floors) {
        if !ids.insert(id) {
            return wrong(id, format!("id \"{id}\" is used twice"));
        }
    }
    let mut known: Vec<&str> = Vec::new();
    for component in &policy.components {
        let name = component.name.as_str();
        if known.contains(&name) {
            return wrong(name, format!("component \"{name}\" is written twice"));
        }
        if name.is_empty() || name.contains(':') {
            return wrong(name, format!("component \"{name}\": a name has no `:`"));
        }
        known.push(name);
    }
    for name in conditions(&policy).flat_map(Condition::components) {
        if !known.contains(&name.as_str()) {
            let hint = crate::nearest::hint(name, known.iter().copied());
            return wrong(
                name,
                format!(
                    "unknown component \"{name}\"; the policy has: {}{hint}",
                    known.join(", ")
                ),
            );
        }
    }
    Ok(policy)
}

fn conditions(policy: &PolicyText) -> impl Iterator<Item = &Condition> {
    let rules = policy.rules.iter().map(|rule| &rule.when);
    let floors = policy.floors.iter().map(|floor| &floor.when);
    let exceptions = policy.exceptions.iter().map(|exception| &exception.when);
    let rollout = policy.rollout.iter().map(|rollout| &rollout.when);
    rules.chain(floors).chain(exceptions).chain(rollout)
}

impl Policy {
    /// Reads the built-in rules and, over them, the team's file given as name and text.
    ///
    /// # Errors
    /// A file that cannot be used, with its line and the accepted words.
    pub fn new(default: &str, team: Option<(&str, &str)>) -> Result<Self, PolicyError> {
        let built_in = parse("policy/default.toml", default)?;
        let (text, source, digest) = match team {
            Some((file, text)) => (
                parse(file, text)?,
                file.to_owned(),
                blake3::hash(text.as_bytes()).to_hex()[..16].to_owned(),
            ),
            None => (
                PolicyText {
                    rules: Vec::new(),
                    floors: Vec::new(),
                    ..built_in.clone()
                },
                "built in".to_owned(),
                "built in".to_owned(),
            ),
        };
        Ok(Self {
            text,
            default: built_in,
            waivers: Vec::new(),
            digest,
            source,
        })
    }

    /// Adds the waivers of a file given as name and text.
    ///
    /// # Errors
    /// A file that cannot be used, with its line and the accepted words.
    pub fn with_waivers(mut self, file: &str, text: &str) -> Result<Self, PolicyError> {
        self.waivers = waiver::parse(file, text)?;
        Ok(self)
    }

    /// Digest of the team's file; a review is bound to it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The mode of the roll-out.
    pub fn mode(&self) -> Mode {
        self.text.mode
    }

    /// What holds for reviews.
    pub fn review(&self) -> &ReviewSettings {
        &self.text.review
    }

    /// Names of guards, and of what is none, that the team adds.
    pub fn guards(&self) -> (Vec<String>, Vec<String>) {
        (
            self.text.guards.names.clone(),
            self.text.guards.not_guards.clone(),
        )
    }

    /// The team's own sensitivity classes with their field patterns.
    pub fn sensitivity(&self) -> Vec<(String, Vec<String>)> {
        self.text.sensitivity.clone().into_iter().collect()
    }

    /// Paths that are not read.
    pub fn excluded(&self) -> &[String] {
        &self.text.scan.exclude
    }

    /// Who signs where nobody else is named.
    pub(crate) fn default_reviewers(&self) -> &[String] {
        &self.text.review.reviewers
    }

    /// Who must sign what a rule asks for.
    pub(crate) fn reviewers_of(&self, rule: &str) -> &[String] {
        let mut rules = self.text.rules.iter().chain(&self.default.rules);
        let rule = rules.find(|one| one.id == rule);
        rule.map_or(&[], |rule| &rule.reviewers)
    }

    /// Whether one of these names is the owner or, if the owner is a team, one of its members.
    pub fn is_owner(&self, owner: &str, names: &[String]) -> bool {
        let same = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
        let mut teams = self.text.teams.iter();
        same(owner)
            || teams.any(|team| {
                team.name.eq_ignore_ascii_case(owner) && team.members.iter().any(|one| same(one))
            })
    }

    /// The members of a team of the policy.
    pub fn members(&self, owner: &str) -> Option<&[String]> {
        let mut teams = self.text.teams.iter();
        let team = teams.find(|team| team.name.eq_ignore_ascii_case(owner))?;
        Some(&team.members)
    }

    /// Whether a change brings a credential that the team allows.
    pub(crate) fn allows(&self, change: &Change) -> bool {
        let digest = change.after.as_ref().and_then(|fact| fact.text("digest"));
        change.kind == threatgate_facts::FactKind::Secret
            && digest.is_some_and(|digest| {
                let mut allowed = self.text.secrets.allow.iter();
                allowed.any(|one| one.digest == digest)
            })
    }

    /// What an unknown guard, and an unread file, lead to.
    pub(crate) fn unknown(&self) -> (Verdict, Verdict) {
        (
            self.text.unknown.guards.into(),
            self.text.unknown.files.into(),
        )
    }

    /// What the policy asks for a change. The team's rules come first, then the built-in ones; the
    /// first that holds decides. What was read by a heuristic never blocks.
    pub(crate) fn decide(
        &self,
        change: &Change,
        owners: &Owners,
        today: jiff::civil::Date,
    ) -> Decision {
        let words = self.place_of(change, owners).words();
        let place: Vec<&str> = words.iter().map(String::as_str).collect();
        let rules = self.text.rules.iter().chain(&self.default.rules);
        let rule = rules
            .into_iter()
            .find(|rule| rule.when.holds(change, &place));
        let mut decision = match rule {
            Some(rule) => Decision {
                verdict: rule.verdict.into(),
                rule: rule.id.clone(),
                reviewers: rule.reviewers.clone(),
                exception: None,
                notes: rule.reason.iter().cloned().collect(),
            },
            None => Decision {
                verdict: Verdict::Pass,
                rule: "none".into(),
                reviewers: Vec::new(),
                exception: None,
                notes: Vec::new(),
            },
        };
        let own = |id: &str| self.text.floors.iter().any(|floor| floor.id == id);
        let built_in = self.default.floors.iter().filter(|floor| !own(&floor.id));
        for floor in self.text.floors.iter().chain(built_in) {
            let least: Verdict = floor.verdict.into();
            if least > decision.verdict && floor.when.holds(change, &place) {
                decision.verdict = least;
                decision.rule.clone_from(&floor.id);
                decision.notes = floor.reason.iter().cloned().collect();
            }
        }
        let fact = change.after.as_ref().or(change.before.as_ref());
        if decision.verdict == Verdict::Block
            && fact.is_some_and(|fact| fact.confidence == Confidence::Heuristic)
        {
            decision.verdict = Verdict::Review;
        }
        let mut rollout = self.text.rollout.iter();
        if let Some(rollout) = rollout.find(|one| one.when.holds(change, &place)) {
            let capped = rollout.mode.cap(decision.verdict);
            if capped != decision.verdict {
                decision.notes.push(format!(
                    "would be {}; the mode {} of the roll-out lowers it",
                    decision.verdict.name(),
                    rollout.mode.name()
                ));
                decision.verdict = capped;
            }
        }
        if decision.verdict > Verdict::Warn {
            self.except(&mut decision, change, &place, today);
        }
        decision
    }

    fn except(
        &self,
        decision: &mut Decision,
        change: &Change,
        place: &[&str],
        today: jiff::civil::Date,
    ) {
        for exception in &self.text.exceptions {
            let named = exception.changes.is_empty() || exception.changes.contains(&change.id);
            if !named || !exception.when.holds(change, place) {
                continue;
            }
            if exception.expires < today {
                decision.notes.push(format!(
                    "exception {} of {} expired on {}",
                    exception.id, exception.owner, exception.expires
                ));
                continue;
            }
            decision.verdict = Verdict::Warn;
            decision.exception = Some(described(exception));
            break;
        }
    }

    /// Lowers what is waived, and says which waivers are not in order. `knows` tells ids of the catalogue.
    pub(crate) fn waive(
        &self,
        changes: &mut [Change],
        threats: &[Threat],
        knows: &dyn Fn(&str) -> bool,
        today: jiff::civil::Date,
    ) -> Vec<PolicyFinding> {
        waiver::apply(self, changes, threats, knows, today)
    }

    /// The built-in and the team's rules as id, verdict and reason, for `threatgate explain`.
    pub fn rules(&self) -> Vec<(String, Verdict, String)> {
        let rule = |rule: &PolicyRule| {
            let reason = rule.reason.clone().unwrap_or_default();
            (rule.id.clone(), rule.verdict.into(), reason)
        };
        let floor = |floor: &text::Floor| {
            let reason = floor.reason.clone().unwrap_or_default();
            (floor.id.clone(), floor.verdict.into(), reason)
        };
        let texts = [&self.text, &self.default];
        let rules = texts.iter().flat_map(|text| text.rules.iter().map(rule));
        let floors = texts.iter().flat_map(|text| text.floors.iter().map(floor));
        rules.chain(floors).collect()
    }

    /// The gravest verdict once the mode has had its say.
    pub(crate) fn cap(&self, verdict: Verdict) -> Verdict {
        self.text.mode.cap(verdict)
    }
}

/// Decides again about a recorded assessment by another policy.
pub fn decide_again(
    recorded: &Assessment,
    policy: &Policy,
    owners: &Owners,
    today: jiff::civil::Date,
) -> Assessment {
    let mut assessment = recorded.clone();
    assessment.policy.clone_from(&policy.source);
    assessment.changes.retain(|change| !policy.allows(change));
    crate::assess::decide(&mut assessment, policy, &|_| true, owners, today);
    assessment
}

fn described(exception: &Exception) -> String {
    format!(
        "{}: {} ({}, until {})",
        exception.id, exception.reason, exception.owner, exception.expires
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(".threatgate/policy.toml", text)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn mistakes_have_a_line_and_the_accepted_words() {
        assert_eq!(
            error("version = 2\n"),
            ".threatgate/policy.toml:1: policy version 2 is not known; expected 1"
        );
        let unknown = error("version = 1\n\n[[rule]]\nid = \"a\"\nverdict = \"stop\"\n");
        assert!(
            unknown.starts_with(
                ".threatgate/policy.toml:5: unknown variant `stop`, expected one of `pass`"
            ),
            "{unknown}"
        );
        let key = error(
            "version = 1\n[[rule]]\nid = \"a\"\nverdict = \"warn\"\nwhen = { kinds = \"auth\" }\n",
        );
        assert!(key.contains(":5: unknown field `kinds`"), "{key}");
        let component = error(
            "version = 1\n[[rule]]\nid = \"a\"\nverdict = \"warn\"\nwhen = { component = \"pay\" }\n",
        );
        assert!(
            component.contains("unknown component \"pay\""),
            "{component}"
        );
        assert!(key.ends_with("did you mean `kind`?"), "{key}");
        let exception =
            error("version = 1\n[[exception]]\nid = \"a\"\nreason = \"r\"\nowner = \"o\"\n");
        assert!(exception.contains("missing field `expires`"), "{exception}");
    }
}
