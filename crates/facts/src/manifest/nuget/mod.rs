//! .NET: projects, central versions, lock files and sources of NuGet.

pub(super) mod files;
pub(super) mod project;
