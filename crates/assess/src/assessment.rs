//! The result of a comparison: changes, threats, verdict, review, coverage. This is the type
//! that every report renders and whose JSON is the public contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use threatgate_facts::{Confidence, Fact, FactKind, Location, Problem};
use threatgate_model::risk::{Severity, Vector};

use crate::standing::Context;

/// The version of the JSON contract.
pub const SCHEMA_VERSION: &str = "1";

/// What the gate says; ordered from harmless to severe.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing material, or material and allowed.
    #[default]
    Pass,
    /// Shown, does not fail.
    Warn,
    /// Not enough was understood for the policy.
    Incomplete,
    /// A threat review is required and not yet signed off.
    Review,
    /// Policy forbids it.
    Block,
}

impl Verdict {
    /// The verdict's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Incomplete => "incomplete",
            Self::Review => "review",
            Self::Block => "block",
        }
    }

    /// The process exit code: 0 pass and warn, 1 block, 3 review, 4 incomplete. (2 is "could
    /// not run" and never a verdict.)
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass | Self::Warn => 0,
            Self::Block => 1,
            Self::Review => 3,
            Self::Incomplete => 4,
        }
    }
}

/// How a fact changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Holds at head only.
    Added,
    /// Holds at base only.
    Removed,
    /// Holds at both with other attributes.
    Modified,
}

impl ChangeKind {
    /// The change's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
        }
    }
}

/// Which way a change goes, where an order is known.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// A protection was lost or lowered, or exposure grew.
    Weakened,
    /// A protection was gained or raised.
    Strengthened,
    /// Neither, or not known.
    #[default]
    Neutral,
}

/// One attribute on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// The attribute's name.
    pub attribute: String,
    /// Its value at base; null if absent.
    pub before: serde_json::Value,
    /// Its value at head; null if absent.
    pub after: serde_json::Value,
}

/// A fact that a cause elsewhere has changed: one of the endpoints under a mount that lost its guard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affected {
    /// `POST /admin/refunds`.
    pub subject: String,
    /// What became of it: `now open`, `still guarded by requireOwner`.
    pub outcome: String,
    /// Where it stands at head (at base if it is gone).
    #[serde(flatten)]
    pub location: Location,
    /// The fact at base and at head, as far as it stands there; not shown.
    #[serde(skip)]
    pub sides: Sides,
}

/// The same thing at base and at head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sides {
    /// At base, if it stands there.
    pub before: Option<Box<Fact>>,
    /// At head, if it stands there.
    pub after: Option<Box<Fact>>,
}

/// One material change, grouped by its cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Stable id: `TC-` and 12 hexadecimal digits over kind, change, identity and deltas; no path or line.
    pub id: String,
    /// Kind of the fact.
    pub kind: FactKind,
    /// How it changed.
    pub change: ChangeKind,
    /// Which way it goes.
    pub direction: Direction,
    /// One line: `GET /users/{id} lost login_required`.
    pub title: String,
    /// The place to look at: at head, or at base for what was removed.
    #[serde(flatten)]
    pub location: Location,
    /// True when `path` and `line` are of the base revision.
    pub at_base: bool,
    /// The fact at base.
    pub before: Option<Fact>,
    /// The fact at head.
    pub after: Option<Fact>,
    /// The attributes that differ.
    pub deltas: Vec<Delta>,
    /// What the change reaches beyond its own place, grouped under it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub affected: Vec<Affected>,
    /// Further words for the reader: siblings and their guard, what exposes a field.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// What the policy asks for this change.
    pub verdict: Verdict,
    /// The policy rule that decided, or `default`.
    pub policy_rule: String,
    /// Ids of the threats that this change introduces or resolves.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub threats: Vec<String>,
    /// How grave the gravest threat is that it introduces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub severity: Option<Severity>,
    /// The exception that lowered the verdict, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exception: Option<String>,
    /// Of a guard that came or went, where it hung: `handler`, `class`, `router`, `mount`, `app`, `setting`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attached: Option<String>,
    /// What it reaches, with what stands around it on either side; not shown.
    #[serde(skip)]
    pub context: Context,
}

/// What became of a threat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThreatStatus {
    /// Stands at head and not at base.
    Introduced,
    /// Stands on both sides, and is graver at head.
    Worsened,
    /// May have come or gone: what changed has no order that is known.
    Unclear,
    /// Stands on both sides, and is less grave at head.
    Improved,
    /// Stood at base and no longer does.
    Resolved,
}

impl ThreatStatus {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::Worsened => "worsened",
            Self::Unclear => "unclear",
            Self::Improved => "improved",
            Self::Resolved => "resolved",
        }
    }

    /// Whether somebody must look at it: it is there, or may be, and was not before.
    pub const fn is_news(self) -> bool {
        matches!(self, Self::Introduced | Self::Worsened | Self::Unclear)
    }
}

/// A threat with its public classifications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threat {
    /// Catalogue id and subject: `TG-AUTHN-002@GET /users/{}`.
    pub id: String,
    /// Catalogue id: `TG-AUTHN-002`.
    pub rule: String,
    /// What became of it.
    pub status: ThreatStatus,
    /// One line.
    pub title: String,
    /// What it stands on, where that is more than one thing: `GET /users/{}`, `POST /users`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subjects: Vec<String>,
    /// How sure the reading is. What rests on a name alone never blocks.
    #[serde(default = "resolved")]
    pub confidence: Confidence,
    /// STRIDE letters: `SIE`.
    pub stride: String,
    /// CWE numbers: `CWE-306`.
    pub cwe: Vec<String>,
    /// Where else it is classified.
    #[serde(skip_serializing_if = "Classes::is_empty", default)]
    pub classes: Classes,
    /// How grave it is where it stands; none for a threat that went.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub risk: Option<Risk>,
    /// What code does against it, and what would count and is not seen.
    #[serde(skip_serializing_if = "Controls::is_empty", default)]
    pub controls: Controls,
    /// What to do about it.
    pub mitigations: Vec<String>,
    /// What a reviewer must answer.
    pub questions: Vec<String>,
    /// What counts as an answer to each of them, in their order; words, where nothing is said.
    #[serde(skip_serializing_if = "only_words", default)]
    pub answers: Vec<AnswerKind>,
    /// What shows that it is dealt with.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<Proof>,
    /// Ids of the changes that raise it.
    pub changes: Vec<String>,
}

fn resolved() -> Confidence {
    Confidence::Resolved
}

fn only_words(answers: &[AnswerKind]) -> bool {
    answers.iter().all(|one| *one == AnswerKind::Text)
}

/// What shows that a threat is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A test that fails without the control.
    Test,
    /// A scan of the running program that met no such weakness.
    Scan,
    /// The setting as it is deployed.
    Configuration,
    /// Who decided it, and where that is written down.
    Decision,
}

impl Proof {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Scan => "scan",
            Self::Configuration => "configuration",
            Self::Decision => "decision",
        }
    }

    /// The evidence in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Test => "a test that fails without the control",
            Self::Scan => "a scan of the running program",
            Self::Configuration => "the setting as it is deployed",
            Self::Decision => "who decided it, and where that is written down",
        }
    }
}

/// Controls against a threat where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Controls {
    /// Seen in the code; the risk counts them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub existing: Vec<String>,
    /// Would count, and is not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

impl Controls {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Ids of a threat in public lists, and the control objectives that it is against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Classes {
    /// OWASP Top 10 of 2021: `A01`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top10_2021: Vec<String>,
    /// OWASP Top 10 of 2025: `A01`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top10_2025: Vec<String>,
    /// OWASP API Security Top 10 of 2023: `API1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_2023: Vec<String>,
    /// OWASP ASVS 5.0.0: `V8.2.1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asvs_5: Vec<String>,
    /// OWASP Web Security Testing Guide: `WSTG-ATHZ-02`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wstg: Vec<String>,
    /// Attack patterns: `CAPEC-115`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capec: Vec<String>,
    /// Control objectives: `AUTHN`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<String>,
}

impl Classes {
    /// The lists with their names and the ids in them.
    pub fn lists(&self) -> [(&'static str, &[String]); 7] {
        [
            ("OWASP Top 10 2021", &self.top10_2021),
            ("OWASP Top 10 2025", &self.top10_2025),
            ("OWASP API Top 10 2023", &self.api_2023),
            ("OWASP ASVS 5.0.0", &self.asvs_5),
            ("OWASP WSTG", &self.wstg),
            ("CAPEC", &self.capec),
            ("control objectives", &self.objectives),
        ]
    }

    /// Whether it is classified nowhere.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How grave a threat is where it came, by the method TGR:1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// The grade.
    pub severity: Severity,
    /// 0 to 100; orders threats of one severity.
    pub rank: u8,
    /// Likelihood with one decimal, 0 to 9: `8.5`.
    pub likelihood: String,
    /// Impact, 0 to 9.
    pub impact: u8,
    /// All factors; it alone gives the above.
    pub vector: Vector,
    /// What the factors rest on, in words: `anybody on the internet (assumed)`.
    pub because: Vec<String>,
}

/// Something about the policy or its waivers that is not in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFinding {
    /// What kind of fault: `waiver-expired`.
    pub id: String,
    /// One sentence.
    pub message: String,
    /// The file, at base.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
}

/// A required threat review.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// `TR-` and 8 hexadecimal digits of the fingerprint.
    pub id: String,
    /// Digest over [`Review::inputs`]; free of commits, lines and time.
    pub fingerprint: String,
    /// Ids of the changes to review.
    pub changes: Vec<String>,
    /// Ids of the threats that they introduce.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub threats: Vec<String>,
    /// The gravest of what the changes ask for.
    #[serde(default)]
    pub verdict: Verdict,
    /// How grave the gravest threat is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub severity: Option<Severity>,
    /// What the reviewer must answer.
    pub questions: Vec<Question>,
    /// Who must sign: every entry needs one of its owners.
    pub reviewers: Vec<Reviewers>,
    /// How many people must sign at least.
    #[serde(default)]
    pub count: usize,
    /// Whether somebody who contributed to the change may sign it.
    #[serde(default)]
    pub contributors_allowed: bool,
    /// Whether a contributor's own record of a review counts.
    #[serde(default)]
    pub self_review: bool,
    /// How many days a sign-off holds at most.
    #[serde(default)]
    pub valid_days: u32,
    /// The day by which it should be signed, as the policy says for its severity; it stops nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due: Option<jiff::civil::Date>,
    /// What shows that its threats are dealt with.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence_needed: Vec<Proof>,
    /// Control objectives that are touched.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub objectives: Vec<String>,
    /// What a sign-off is bound to, by readable names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub inputs: BTreeMap<String, String>,
    /// Where it stands.
    #[serde(default)]
    pub state: ReviewState,
    /// How well the contributors are known; none while nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<Identity>,
    /// The sign-offs that were found, with what became of each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub signoffs: Vec<Signoff>,
}

impl Review {
    /// Derives fingerprint and id from the inputs.
    pub fn seal(&mut self) {
        let mut hasher = blake3::Hasher::new();
        for (name, value) in &self.inputs {
            for text in [name, value] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
        self.fingerprint = hasher.finalize().to_hex().to_string();
        self.id = format!("TR-{}", &self.fingerprint[..8]);
    }
}

/// Where a review stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// Not signed, or not by all who must.
    #[default]
    Required,
    /// Signed by all who must.
    Signed,
    /// Signed by a contributor, which the policy allows.
    SelfReviewed,
}

/// How well the contributors of a change are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Every commit bears a signature of an allowed signer.
    Signed,
    /// By what commits say about themselves, which anybody can write.
    Weak,
}

/// A sign-off that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signoff {
    /// Who says to have signed.
    pub signer: String,
    /// The day, as written there.
    pub date: String,
    /// The file, or the git note.
    pub place: String,
    /// Whether it counts.
    pub counts: bool,
    /// Why it does not count, or what is to be known about it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub because: Vec<String>,
    /// Of a stale one, the inputs that differ: `policy: was a, now b`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub differs: Vec<String>,
    /// Fingerprint of the key that signed it, if its signature holds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
}

/// What counts as an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// Words.
    #[default]
    Text,
    /// `yes` or `no`, and words after it.
    Choice,
    /// A URL, or a path in the repository.
    Link,
    /// Somebody's name or address.
    Person,
}

impl AnswerKind {
    /// A question that was written as a mere text, and what answers it: a mark at its end, `(yes/no)`,
    /// `(link)` or `(person)`, says so and is no part of the question.
    pub fn of(question: &str) -> (&str, Self) {
        let question = question.trim_end();
        let marks = [
            ("(yes/no)", Self::Choice),
            ("(link)", Self::Link),
            ("(person)", Self::Person),
        ];
        let mut found = marks
            .into_iter()
            .filter_map(|(mark, kind)| Some((question.strip_suffix(mark)?.trim_end(), kind)));
        found.next().unwrap_or((question, Self::Text))
    }

    /// What is wanted, in words; nothing where any words do.
    pub const fn wants(self) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Choice => Some("yes or no first"),
            Self::Link => Some("a link or a path"),
            Self::Person => Some("a name"),
        }
    }

    /// The kind's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice => "choice",
            Self::Link => "link",
            Self::Person => "person",
        }
    }
}

/// A question of a review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// `q1`, `q2` …
    pub id: String,
    /// The question.
    pub text: String,
    /// What counts as an answer.
    #[serde(default)]
    pub answer: AnswerKind,
    /// The change it is about; empty: the whole.
    pub change: String,
    /// Further changes that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also: Vec<String>,
}

/// One of `owners` must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewers {
    /// Users or teams: `@acme/security`.
    pub owners: Vec<String>,
    /// Why they: `policy rule lost-guard`, `CODEOWNERS: /src/admin/`.
    pub reason: String,
}

/// What was read, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Files that differ between base and head.
    pub files_changed: usize,
    /// Of those, files that hold source, manifests or schemas that we read.
    pub files_read: usize,
    /// Files read whole or in part for context (routers, guards, models) at head.
    pub files_context: usize,
    /// Files that were read only in part or not at all, and why.
    pub problems: Vec<Problem>,
    /// Endpoints at head whose guard state is unknown, and why, where this change touches them.
    pub unknown_guards: Vec<UnknownGuard>,
    /// Words that should make a reader stop: a web framework is imported but no endpoint was seen.
    pub alarms: Vec<String>,
}

/// An endpoint whose guard could not be resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnknownGuard {
    /// `POST /beta`.
    pub endpoint: String,
    /// What could not be resolved.
    pub reason: String,
    /// Where.
    #[serde(flatten)]
    pub location: Location,
}

/// The assessment of one pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Version of this contract.
    pub schema_version: String,
    /// `threatgate` and its version.
    pub tool: Tool,
    /// What the gate says.
    pub verdict: Verdict,
    /// Why, in sentences, the deciding one first.
    pub reasons: Vec<String>,
    /// Commit compared from; null for an empty tree or the index.
    pub base: Option<String>,
    /// Commit compared to; null for the index or the work tree.
    pub head: Option<String>,
    /// The day on which head was committed, in UTC; what a review is due by counts from it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head_date: Option<jiff::civil::Date>,
    /// How the range was found: `arguments`, `GitHub pull_request`.
    pub range: String,
    /// Words about the range: contained head, several merge bases.
    pub notes: Vec<String>,
    /// Material changes, most severe first, then by path, line and id.
    pub changes: Vec<Change>,
    /// Threats introduced and resolved.
    pub threats: Vec<Threat>,
    /// What was read, and what was not.
    pub coverage: Coverage,
    /// The review that is required, if one is.
    pub review: Option<Review>,
    /// Where the policy came from: `built in`, `.threatgate/policy.toml at 4b1e9c2`.
    pub policy: String,
    /// What is not in order about the policy and its waivers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub policy_findings: Vec<PolicyFinding>,
}

/// The program that made the assessment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `threatgate`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Digest of the rules that were used, 12 hexadecimal digits.
    pub rules: String,
}
