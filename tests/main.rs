//! The program from outside, and the rules on fixtures. One binary declares all others as modules.

mod cache;
mod canaries;
mod cli;
mod coverage;
mod cyclonedx;
mod fixture;
mod fixtures;
mod metamorphic;
mod policy;
mod reports;
mod repository;
mod reviews;
mod secrets;
mod threats;
