//! The team's policy: `.threatgate/policy.toml` over the built-in default.

use serde::Deserialize;
use threatgate_facts::Confidence;

use crate::assessment::{Change, Verdict};
use crate::condition::{Condition, PathGlob};

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

/// How far the gate goes; for rolling it out step by step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Reports are written; nothing fails.
    Observe,
    /// As observe, and the result is meant for a comment.
    Comment,
    /// Asks for reviews, blocks nothing.
    Review,
    /// Every verdict counts.
    #[default]
    Block,
}

/// What a rule of the policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asks {
    Pass,
    Warn,
    Review,
    Block,
}

impl From<Asks> for Verdict {
    fn from(asks: Asks) -> Self {
        match asks {
            Asks::Pass => Self::Pass,
            Asks::Warn => Self::Warn,
            Asks::Review => Self::Review,
            Asks::Block => Self::Block,
        }
    }
}

/// What is done about something that was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnUnknown {
    Pass,
    Warn,
    Incomplete,
}

impl From<OnUnknown> for Verdict {
    fn from(asks: OnUnknown) -> Self {
        match asks {
            OnUnknown::Pass => Self::Pass,
            OnUnknown::Warn => Self::Warn,
            OnUnknown::Incomplete => Self::Incomplete,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PolicyText {
    version: u32,
    #[serde(default)]
    mode: Mode,
    #[serde(default, rename = "component")]
    components: Vec<Component>,
    #[serde(default)]
    sensitivity: std::collections::BTreeMap<String, Vec<String>>,
    #[serde(default)]
    guards: Guards,
    #[serde(default)]
    scan: Scan,
    #[serde(default)]
    unknown: Unknown,
    #[serde(default)]
    secrets: Secrets,
    #[serde(default)]
    review: ReviewSettings,
    #[serde(default, rename = "rule")]
    rules: Vec<PolicyRule>,
    #[serde(default, rename = "exception")]
    exceptions: Vec<Exception>,
}

/// A part of the repository with a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Component {
    name: String,
    paths: Vec<PathGlob>,
    #[serde(default)]
    owners: Vec<String>,
    /// What happens to its code is graver.
    #[serde(default)]
    critical: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Guards {
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    not_guards: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    #[serde(default)]
    exclude: Vec<String>,
}

/// Credentials that open nothing, by their digest.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secrets {
    #[serde(default)]
    allow: Vec<AllowedSecret>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedSecret {
    digest: String,
    /// Asked for so that the next reader of the policy need not guess.
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Unknown {
    guards: OnUnknown,
    files: OnUnknown,
}

impl Default for Unknown {
    fn default() -> Self {
        Self {
            guards: OnUnknown::Warn,
            files: OnUnknown::Pass,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReviewSettings {
    #[serde(default)]
    reviewers: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyRule {
    id: String,
    #[serde(default)]
    when: Condition,
    verdict: Asks,
    #[serde(default)]
    reviewers: Vec<String>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    id: String,
    #[serde(default)]
    when: Condition,
    /// Ids of changes; together with `when` both must hold.
    #[serde(default)]
    changes: Vec<String>,
    reason: String,
    owner: String,
    expires: jiff::civil::Date,
}

/// A policy ready for use.
#[derive(Clone, Debug)]
pub struct Policy {
    text: PolicyText,
    default: Vec<PolicyRule>,
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
    pub(crate) note: Option<String>,
}

fn parse(file: &str, text: &str) -> Result<PolicyText, PolicyError> {
    let policy: PolicyText = toml::from_str(text).map_err(|error| PolicyError {
        file: file.to_owned(),
        line: error.span().map_or(1, |span| {
            text[..span.start.min(text.len())].matches('\n').count() + 1
        }),
        message: error.message().to_owned(),
    })?;
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
    for id in policy
        .rules
        .iter()
        .map(|rule| &rule.id)
        .chain(policy.exceptions.iter().map(|exception| &exception.id))
    {
        if !ids.insert(id) {
            return wrong(id, format!("id \"{id}\" is used twice"));
        }
    }
    let known: Vec<&str> = policy
        .components
        .iter()
        .map(|component| component.name.as_str())
        .collect();
    let conditions = policy
        .rules
        .iter()
        .map(|rule| &rule.when)
        .chain(policy.exceptions.iter().map(|exception| &exception.when));
    for name in conditions.flat_map(Condition::components) {
        if !known.contains(&name.as_str()) {
            return wrong(
                name,
                format!(
                    "unknown component \"{name}\"; the policy has: {}",
                    known.join(", ")
                ),
            );
        }
    }
    Ok(policy)
}

impl Policy {
    /// Reads the built-in rules and, over them, the team's file given as name and text.
    ///
    /// # Errors
    /// A file that cannot be used, with its line and the accepted words.
    pub fn new(default: &str, team: Option<(&str, &str)>) -> Result<Self, PolicyError> {
        let built_in = parse("policy/default.toml", default)?;
        let rules = built_in.rules.clone();
        let (text, source) = match team {
            Some((file, text)) => (parse(file, text)?, file.to_owned()),
            None => (
                PolicyText {
                    rules: Vec::new(),
                    ..built_in
                },
                "built in".to_owned(),
            ),
        };
        Ok(Self {
            text,
            default: rules,
            source,
        })
    }

    /// The mode of the roll-out.
    pub fn mode(&self) -> Mode {
        self.text.mode
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

    /// The components of a path with their owners.
    pub(crate) fn components(&self, path: &str) -> Vec<(&str, &[String])> {
        let matching = self
            .text
            .components
            .iter()
            .filter(|component| component.paths.iter().any(|glob| glob.matches(path)));
        matching
            .map(|component| (component.name.as_str(), component.owners.as_slice()))
            .collect()
    }

    /// Why the code of a path is critical, if a component says so.
    pub(crate) fn critical(&self, path: &str) -> Option<String> {
        let mut critical = self.text.components.iter().filter(|one| one.critical);
        let found = critical.find(|one| one.paths.iter().any(|glob| glob.matches(path)))?;
        Some(format!("critical code: component {}", found.name))
    }

    /// What the policy asks for a change. The team's rules come first, then the built-in ones; the
    /// first that holds decides. What was read by a heuristic never blocks.
    pub(crate) fn decide(&self, change: &Change, today: jiff::civil::Date) -> Decision {
        let components: Vec<&str> = self
            .components(&change.location.path)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let rules = self.text.rules.iter().chain(&self.default);
        let rule = rules
            .into_iter()
            .find(|rule| rule.when.holds(change, &components));
        let mut decision = match rule {
            Some(rule) => Decision {
                verdict: rule.verdict.into(),
                rule: rule.id.clone(),
                reviewers: rule.reviewers.clone(),
                exception: None,
                note: rule.reason.clone(),
            },
            None => Decision {
                verdict: Verdict::Pass,
                rule: "none".into(),
                reviewers: Vec::new(),
                exception: None,
                note: None,
            },
        };
        let fact = change.after.as_ref().or(change.before.as_ref());
        if decision.verdict == Verdict::Block
            && fact.is_some_and(|fact| fact.confidence == Confidence::Heuristic)
        {
            decision.verdict = Verdict::Review;
        }
        if decision.verdict <= Verdict::Warn {
            return decision;
        }
        for exception in &self.text.exceptions {
            let named = exception.changes.is_empty() || exception.changes.contains(&change.id);
            if !named || !exception.when.holds(change, &components) {
                continue;
            }
            if exception.expires < today {
                decision.note = Some(format!(
                    "exception {} of {} expired on {}",
                    exception.id, exception.owner, exception.expires
                ));
                continue;
            }
            decision.verdict = Verdict::Warn;
            decision.exception = Some(format!(
                "{}: {} ({}, until {})",
                exception.id, exception.reason, exception.owner, exception.expires
            ));
            break;
        }
        decision
    }

    /// The built-in and the team's rules as id, verdict and reason, for `threatgate explain`.
    pub fn rules(&self) -> Vec<(String, Verdict, String)> {
        let all = self.text.rules.iter().chain(&self.default);
        all.map(|rule| {
            (
                rule.id.clone(),
                rule.verdict.into(),
                rule.reason.clone().unwrap_or_default(),
            )
        })
        .collect()
    }
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
        let exception =
            error("version = 1\n[[exception]]\nid = \"a\"\nreason = \"r\"\nowner = \"o\"\n");
        assert!(exception.contains("missing field `expires`"), "{exception}");
    }
}
