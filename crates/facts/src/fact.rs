//! What the code does that matters: the [`Fact`] and its parts.
//!
//! A fact is read from one revision. Its identity never contains a path, a line, formatting or
//! order, so that a move or a reformat compares as equal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// Typed attributes of a fact, by name; compared one by one between two revisions.
pub type Attributes = BTreeMap<String, serde_json::Value>;

/// The kinds of fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// A place where a request, message or call from outside enters.
    Endpoint,
    /// A guard, a security setting, an authorisation call, a denial or the body of a guard.
    Auth,
    /// A use of cryptography.
    Crypto,
    /// An entity and its fields.
    DataModel,
    /// A credential in the text; never its value.
    Secret,
    /// A package that the project depends on.
    Dependency,
    /// A resource of infrastructure or of the delivery pipeline.
    Infra,
    /// A call whose argument can be dangerous.
    Sink,
    /// A connection to the outside.
    Egress,
    /// The gate's own configuration: policy, rules, exceptions, workflow.
    Gate,
}

impl FactKind {
    /// All kinds in reporting order.
    pub const ALL: [Self; 10] = [
        Self::Endpoint,
        Self::Auth,
        Self::Crypto,
        Self::DataModel,
        Self::Secret,
        Self::Dependency,
        Self::Infra,
        Self::Sink,
        Self::Egress,
        Self::Gate,
    ];

    /// The kind's name in rules, policy and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Auth => "auth",
            Self::Crypto => "crypto",
            Self::DataModel => "data-model",
            Self::Secret => "secret",
            Self::Dependency => "dependency",
            Self::Infra => "infra",
            Self::Sink => "sink",
            Self::Egress => "egress",
            Self::Gate => "gate",
        }
    }
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for FactKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
                format!(
                    "unknown kind \"{text}\"; expected one of {}",
                    names.join(", ")
                )
            })
    }
}

/// How sure the reading is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Names were followed to what they mean.
    #[default]
    Resolved,
    /// A name or a shape speaks for it.
    Heuristic,
}

/// What the file is for; part of what is compared, because code that leaves the tests is news.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Code that is shipped.
    #[default]
    Production,
    /// Tests and their data.
    Test,
    /// Examples, documentation, demonstrations.
    Example,
    /// Written by a program.
    Generated,
    /// Somebody else's code, copied in.
    Vendored,
}

impl Scope {
    /// The scope's name in policy and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Test => "test",
            Self::Example => "example",
            Self::Generated => "generated",
            Self::Vendored => "vendored",
        }
    }
}

/// A place in a text. Bytes count from 0, lines and columns from 1 (SARIF 2.1.0, §3.30);
/// columns count Unicode scalar values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// Line on which it ends.
    pub end_line: u32,
    /// Column after its last character.
    pub end_column: u32,
    /// First byte, from 0.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// A further place that made the fact what it is: a guard on a router, a mount with a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// What the place contributes: `guard`, `mount`, `exemption`, `model`, `setting`.
    pub role: String,
    /// The words to show: `requireAdmin`, `/api`.
    pub text: String,
    /// Where it hangs: `handler`, `class`, `router`, `mount`, `app`, `setting`.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub attached: String,
    /// Of a guard, a digest of what it asks, which another name or place does not change.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub asks: String,
    /// Where it stands.
    #[serde(flatten)]
    pub location: Location,
}

/// One thing the code does that matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Its kind.
    pub kind: FactKind,
    /// What makes it the same thing in two revisions, readable: `GET /users/{}`.
    /// Several facts may share one identity; they are compared as a counted multiset.
    pub identity: String,
    /// What is compared.
    pub attributes: Attributes,
    /// Where it stands.
    #[serde(flatten)]
    pub location: Location,
    /// The rule that saw it.
    pub rule: String,
    /// How sure the reading is.
    pub confidence: Confidence,
    /// What the file is for.
    pub scope: Scope,
    /// Further places that made it what it is, in path and line order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<Evidence>,
}

impl Fact {
    /// The attribute as text, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(|value| value.as_str())
    }

    /// The attribute's texts, if it is a list; empty otherwise.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.attributes.get(name).and_then(|value| value.as_array());
        list.into_iter()
            .flatten()
            .filter_map(|value| value.as_str())
            .collect()
    }
}

/// Something that could not be read or resolved, and why. Silence must never look like safety.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Path from the repository's root.
    pub path: String,
    /// Line, from 1, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// What could not be understood.
    pub reason: String,
    /// Whether the whole file is affected.
    pub whole: bool,
}

/// All facts of one revision, linked across files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Ordered by kind, path, start and identity.
    pub facts: Vec<Fact>,
    /// What was not understood, in path and line order.
    pub problems: Vec<Problem>,
    /// The functions and classes of the files whose own facts were read, by qualified name: a check that is
    /// gone together with its function is no lost check.
    #[serde(skip)]
    pub functions: BTreeSet<String>,
    /// The names that those functions, classes and templates use: what is no longer made harmless is news
    /// only where the value is still there.
    #[serde(skip)]
    pub words: crate::cleaning::Words,
    /// What else these files say, for comparing.
    #[serde(skip)]
    pub wording: crate::refusal::Wording,
    /// The values of its credentials, to be hidden wherever text of the repository is shown.
    #[serde(skip)]
    pub credentials: crate::secret::Credentials,
}

impl Inventory {
    /// Whether a function, class or template uses a name; nothing where it is not there.
    pub fn uses(&self, subject: &str, name: &str) -> Option<bool> {
        let words = self.words.get(subject)?;
        Some(words.contains(&crate::cleaning::word(name)))
    }
}
