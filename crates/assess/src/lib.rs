//! Compares two inventories and decides by policy. Pure: no files, no clock, no environment.

mod assess;
mod assessment;
mod compare;
mod compliance;
mod condition;
mod owners;
mod policy;
mod rating;
mod standing;
mod state;
mod threat;

pub use assess::{Circumstances, assess};
pub use assessment::{
    Affected, Assessment, Change, ChangeKind, Classes, Controls, Coverage, Delta, Direction,
    Question, Review, Reviewers, Risk, SCHEMA_VERSION, Sides, Threat, ThreatStatus, Tool,
    UnknownGuard, Verdict,
};
pub use compare::compare;
pub use compliance::{Compliance, Evidence, Framework, Open, Requirement};
pub use condition::Condition;
pub use owners::{CODEOWNERS_PATHS, Owners};
pub use policy::{Mode, Policy, PolicyError};
pub use standing::Context;
pub use threat::{Catalogue, Explained, Stands};
