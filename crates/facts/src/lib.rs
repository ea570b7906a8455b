//! Reads facts out of one file's text and links all files' facts into a revision's inventory.

mod annotated;
mod asked;
mod check;
mod cleaning;
mod code;
mod content_policy;
mod crypto;
mod document_model;
mod element;
mod elsewhere;
mod endpoint;
mod engine;
mod entity;
mod error;
mod fact;
mod hash;
mod infra;
mod language;
mod lazy;
mod limit;
mod link;
mod local;
pub mod manifest;
mod markup;
mod names;
mod plain;
mod project;
mod protection;
mod redaction;
mod refusal;
mod rule;
pub mod schema;
mod scope;
mod secret;
pub mod sensitivity;
mod sink;
mod specification;
mod text;
mod walk;

pub use cleaning::Words;
pub use code::Code;
pub use engine::{
    Cache, Coverage, Engine, MAX_SOURCE, Request, RuleSummary, Stats, Store, Team, Tree, most_bytes,
};
pub use error::{RuleError, read_rules};
pub use fact::{
    Attributes, Confidence, Evidence, Fact, FactKind, Inventory, Location, Problem, Scope,
};
pub use link::TeamNames;
pub use refusal::{Refusals, Wording};
pub use secret::Credentials;

pub use scope::{scope_of_path, scope_of_text};

/// Whether a path names a manifest or lock file that is read.
pub fn is_manifest(path: &str) -> bool {
    manifest::is_manifest(path).is_some()
}

/// Whether what a manifest asks for may stand in further files below it: of all but images, which every
/// file names for itself.
pub fn shares_packages(path: &str) -> bool {
    use manifest::Manifest;
    let kind = manifest::is_manifest(path);
    kind.is_some_and(|kind| !matches!(kind, Manifest::Dockerfile | Manifest::Compose))
}

/// Whether a path names a lock file that is read.
pub fn is_lock(path: &str) -> bool {
    manifest::is_manifest(path).is_some_and(manifest::Manifest::is_lock)
}

/// Whether a path names a file that is read as one with others of its folder or chart.
pub fn is_read_together(path: &str) -> bool {
    infra::is_read_together(path)
}
