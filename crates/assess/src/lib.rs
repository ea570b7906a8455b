//! Compares two inventories and decides by policy. Pure: no files, no clock, no environment.

mod assess;
mod assessment;
mod compare;
mod compliance;
mod condition;
pub mod nearest;
mod owners;
mod policy;
mod rating;
mod standing;
mod state;
mod threat;

pub use assess::{Circumstances, Ruling, assess, rule_further, sign_off};
pub use assessment::{
    Affected, AnswerKind, Assessment, Change, ChangeKind, Classes, Controls, Coverage, Delta,
    Direction, Identity, PolicyFinding, Proof, Question, Review, ReviewState, Reviewers, Risk,
    SCHEMA_VERSION, Sides, Signoff, Threat, ThreatStatus, Tool, UnknownGuard, Verdict,
};
pub use compare::{compare, said};
pub use compliance::{Compliance, Evidence, Framework, Open, Requirement};
pub use condition::Condition;
pub use owners::{CODEOWNERS_PATHS, Owners};
pub use policy::{
    Case, Cases, Closes, Criticality, Exposure, Level, Lint, LintContext, Mode, Outcome, Place,
    Policy, PolicyError, ReviewSettings, WAIVERS_PATH, decide_again, lint, policy_schema, recorded,
    waivers_schema,
};
pub use standing::Context;
pub use threat::{Catalogue, Explained, Stands};
