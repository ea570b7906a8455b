//! A policy as it is written: the types that `.threatgate/policy.toml` is read into, and from which
//! the schema for editors is made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use threatgate_model::risk::Severity;

use crate::assessment::Verdict;
use crate::condition::{Condition, PathGlob};

/// How far the gate goes; for rolling it out step by step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
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

impl Mode {
    /// The most that a verdict can be.
    pub(crate) fn cap(self, verdict: Verdict) -> Verdict {
        match self {
            Self::Observe | Self::Comment => verdict.min(Verdict::Warn),
            Self::Review => verdict.min(Verdict::Review),
            Self::Block => verdict,
        }
    }

    /// The mode's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Comment => "comment",
            Self::Review => "review",
            Self::Block => "block",
        }
    }
}

/// What a rule of the policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Asks {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnUnknown {
    Pass,
    Warn,
    Incomplete,
    Block,
}

impl From<OnUnknown> for Verdict {
    fn from(asks: OnUnknown) -> Self {
        match asks {
            OnUnknown::Pass => Self::Pass,
            OnUnknown::Warn => Self::Warn,
            OnUnknown::Incomplete => Self::Incomplete,
            OnUnknown::Block => Self::Block,
        }
    }
}

/// The policy of a team.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "threatgate policy")]
pub(crate) struct PolicyText {
    /// The version of this format: 1.
    pub(crate) version: u32,
    /// How far the gate goes.
    #[serde(default)]
    pub(crate) mode: Mode,
    /// Another mode for some changes; the first that holds decides.
    #[serde(default)]
    pub(crate) rollout: Vec<Rollout>,
    /// Parts of the repository.
    #[serde(default, rename = "component")]
    pub(crate) components: Vec<Component>,
    /// What the business stands and falls with.
    #[serde(default)]
    pub(crate) critical: Critical,
    /// Groups of people by name.
    #[serde(default, rename = "team")]
    pub(crate) teams: Vec<TeamText>,
    /// Classes of sensitive fields beside the built-in ones.
    #[serde(default)]
    pub(crate) sensitivity: BTreeMap<String, Vec<String>>,
    /// Names of guards.
    #[serde(default)]
    pub(crate) guards: Guards,
    /// What is read.
    #[serde(default)]
    pub(crate) scan: Scan,
    /// What is done about what was not understood.
    #[serde(default)]
    pub(crate) unknown: Unknown,
    /// Credentials.
    #[serde(default)]
    pub(crate) secrets: Secrets,
    /// Threat reviews and their sign-off.
    #[serde(default)]
    pub(crate) review: ReviewSettings,
    /// How long waivers may hold, and who may grant them.
    #[serde(default)]
    pub(crate) waivers: WaiverSettings,
    /// What changes ask for; the first that holds decides.
    #[serde(default, rename = "rule")]
    pub(crate) rules: Vec<PolicyRule>,
    /// The least that changes ask for, whatever the rules say.
    #[serde(default, rename = "floor")]
    pub(crate) floors: Vec<Floor>,
    /// What is let through for a time.
    #[serde(default, rename = "exception")]
    pub(crate) exceptions: Vec<Exception>,
}

/// Another mode for some changes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollout {
    /// Which changes.
    pub(crate) when: Condition,
    /// How far the gate goes with them.
    pub(crate) mode: Mode,
}

/// From where a component is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exposure {
    /// By anybody.
    Internet,
    /// By partners, or behind a login of the platform.
    Partner,
    /// From the internal network only.
    Internal,
    /// By nobody from outside: a tool, a job.
    None,
}

impl Exposure {
    /// The exposure's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internet => "internet",
            Self::Partner => "partner",
            Self::Internal => "internal",
            Self::None => "none",
        }
    }
}

/// How much the business depends on a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Criticality {
    /// It can be missed.
    Low,
    /// As most are.
    Medium,
    /// It is hard to do without.
    High,
    /// Nothing goes without it: it is on the critical path.
    Critical,
}

impl Criticality {
    /// The criticality's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A part of the repository with a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    /// What conditions call it.
    pub(crate) name: String,
    /// Its files: `services/payments/`, `**/billing*.py`.
    #[schemars(with = "Vec<String>")]
    pub(crate) paths: Vec<PathGlob>,
    /// Who must sign reviews of it; none: its owners in CODEOWNERS.
    #[serde(default)]
    pub(crate) owners: Vec<String>,
    /// From where it is reached.
    #[serde(default)]
    pub(crate) exposure: Option<Exposure>,
    /// Classes of the data that it handles: `pii`, `pci`.
    #[serde(default)]
    pub(crate) data: Vec<String>,
    /// How much the business depends on it.
    #[serde(default)]
    pub(crate) criticality: Option<Criticality>,
    /// It is on the critical path, as with `criticality = "critical"`.
    #[serde(default)]
    pub(crate) critical: bool,
}

/// What the business stands and falls with: a threat there has one more point of impact.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Critical {
    /// Files on the critical path.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) paths: Vec<PathGlob>,
    /// Whatever CODEOWNERS gives to one of these is on the critical path.
    #[serde(default)]
    pub(crate) owners: Vec<String>,
}

/// A group of people.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamText {
    /// As owners are named: `@acme/security`.
    pub(crate) name: String,
    /// Principals of `.threatgate/allowed_signers`, or user names: `alice@example.org`.
    pub(crate) members: Vec<String>,
}

/// Names of guards that the gate cannot know.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Guards {
    /// What turns callers away; `*` stands for any characters.
    #[serde(default)]
    pub(crate) names: Vec<String>,
    /// What looks as if it did, and does not.
    #[serde(default)]
    pub(crate) not_guards: Vec<String>,
}

/// What is read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scan {
    /// Paths that are not read at all, on neither side.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

/// Credentials that open nothing, by their digest.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    /// Credentials that open nothing.
    #[serde(default)]
    pub(crate) allow: Vec<AllowedSecret>,
}

/// A credential that opens nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllowedSecret {
    /// The digest that reports show.
    pub(crate) digest: String,
    /// Asked for so that the next reader of the policy need not guess.
    #[serde(rename = "reason")]
    pub(crate) _reason: String,
}

/// What is done about something that was not understood.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Unknown {
    /// An endpoint whose guard could not be followed.
    pub(crate) guards: OnUnknown,
    /// A changed file that could not be read.
    pub(crate) files: OnUnknown,
}

impl Default for Unknown {
    fn default() -> Self {
        Self {
            guards: OnUnknown::Warn,
            files: OnUnknown::Pass,
        }
    }
}

/// The gravest verdict that a sign-off can close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Closes {
    /// What is blocked stays blocked; a waiver is the way.
    #[default]
    Review,
    /// Blocked changes too, where an answer links to evidence.
    Block,
}

/// Threat reviews and their sign-off.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ReviewSettings {
    /// Who signs where no rule, component or line of CODEOWNERS names anybody.
    pub reviewers: Vec<String>,
    /// How many people must sign at least.
    pub count: usize,
    /// Whether somebody who contributed to the change may sign it.
    pub contributors_allowed: bool,
    /// For small teams: whether a contributor's own record of a review counts.
    pub self_review: bool,
    /// Whether all commits must bear a signature of an allowed signer for any sign-off to count.
    pub require_signed_commits: bool,
    /// How many days a sign-off holds at most.
    pub valid_days: u32,
    /// The gravest verdict that a sign-off can close.
    pub closes: Closes,
    /// Days from the day on which head was committed until a review should be signed, by its severity.
    pub due_days: DueDays,
}

/// Days until a review should be signed, by its severity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DueDays {
    /// With a critical threat.
    pub critical: u16,
    /// With a high one.
    pub high: u16,
    /// With a medium one.
    pub medium: u16,
    /// With less, or with none that is rated.
    pub low: u16,
}

impl Default for DueDays {
    fn default() -> Self {
        Self {
            critical: 2,
            high: 5,
            medium: 10,
            low: 20,
        }
    }
}

impl DueDays {
    /// The days for the gravest threat of a review.
    pub(crate) fn of(&self, severity: Option<Severity>) -> u16 {
        match severity {
            Some(Severity::Critical) => self.critical,
            Some(Severity::High) => self.high,
            Some(Severity::Medium) => self.medium,
            _ => self.low,
        }
    }
}

impl Default for ReviewSettings {
    fn default() -> Self {
        Self {
            reviewers: Vec::new(),
            count: 1,
            contributors_allowed: false,
            self_review: false,
            require_signed_commits: false,
            valid_days: 180,
            closes: Closes::Review,
            due_days: DueDays::default(),
        }
    }
}

/// How long waivers may hold, and who may grant them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct WaiverSettings {
    /// Who may grant them; none: anybody but their owner.
    pub(crate) approvers: Vec<String>,
    /// Days from `created` to `expires`, by severity.
    pub(crate) max_days: MaxDays,
}

/// Days from `created` to `expires`, by severity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MaxDays {
    pub(crate) critical: u32,
    pub(crate) high: u32,
    pub(crate) medium: u32,
    pub(crate) low: u32,
}

impl Default for MaxDays {
    fn default() -> Self {
        Self {
            critical: 30,
            high: 90,
            medium: 180,
            low: 365,
        }
    }
}

/// What a change asks for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyRule {
    /// Unique; reports name it.
    pub(crate) id: String,
    /// Which changes; none: every change.
    #[serde(default)]
    pub(crate) when: Condition,
    /// What they ask for.
    pub(crate) verdict: Asks,
    /// Who must sign what this rule asks for.
    #[serde(default)]
    pub(crate) reviewers: Vec<String>,
    /// Shown in the report.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// The least that changes ask for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Floor {
    /// Unique; a floor of a team takes the place of a built-in one with this id.
    pub(crate) id: String,
    /// Which changes; none: every change.
    #[serde(default)]
    pub(crate) when: Condition,
    /// The least that they ask for.
    pub(crate) verdict: Asks,
    /// Shown in the report.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// What is let through for a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exception {
    /// Unique; reports name it.
    pub(crate) id: String,
    /// Which changes.
    #[serde(default)]
    pub(crate) when: Condition,
    /// Ids of changes; together with `when` both must hold.
    #[serde(default)]
    pub(crate) changes: Vec<String>,
    /// Why.
    pub(crate) reason: String,
    /// Who answers for it.
    pub(crate) owner: String,
    /// The last day on which it counts: `2027-03-31`.
    #[schemars(with = "String")]
    pub(crate) expires: jiff::civil::Date,
}
