//! Compares two inventories and decides by policy. Pure: no files, no clock, no environment.

mod assessment;

pub use assessment::{
    Affected, Assessment, Change, ChangeKind, Coverage, Delta, Direction, Question, Review,
    Reviewers, SCHEMA_VERSION, Threat, ThreatStatus, Tool, UnknownGuard, Verdict,
};
