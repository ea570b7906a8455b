//! What the facts of a revision mean. Pure: no files, environment, network or clock.

pub mod risk;
