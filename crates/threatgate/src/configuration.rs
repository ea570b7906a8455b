//! The team's configuration, read from the base revision.

use anyhow::Result;
use threatgate_facts::Team;
use threatgate_git::{Repository, Side};

pub(crate) struct TeamFiles {
    pub(crate) team: Team,
    pub(crate) excluded: Option<globset::GlobSet>,
}

pub(crate) fn team(_: &Repository, _: &Side, _: Option<&std::path::Path>) -> Result<TeamFiles> {
    Ok(TeamFiles { team: Team::default(), excluded: None })
}
