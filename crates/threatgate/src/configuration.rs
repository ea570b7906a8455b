//! The team's configuration. Read from the **base** revision, so that a change cannot edit its own
//! judge: policy, rules and owners at head play no part.

use std::path::Path;

use anyhow::{Context, Result, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use threatgate_assess::{CODEOWNERS_PATHS, Catalogue, Owners, Policy};
use threatgate_facts::{Team, TeamNames};
use threatgate_git::{Content, Repository, Side};

/// Where a team's policy stands.
pub(crate) const POLICY_PATH: &str = ".threatgate/policy.toml";
/// Where a team's own rules stand.
pub(crate) const RULES_FOLDER: &str = ".threatgate/rules/";
/// A policy or rule file is never larger.
const MAX_CONFIGURATION: usize = 1 << 20;

/// What a team has said.
pub(crate) struct Configuration {
    pub(crate) policy: Policy,
    pub(crate) team: Team,
    pub(crate) owners: Owners,
    pub(crate) catalogue: Catalogue,
    pub(crate) excluded: Option<GlobSet>,
}

/// The built-in policy and nothing else.
pub(crate) fn built_in() -> Result<Configuration> {
    configuration(None, Vec::new(), "")
}

/// Reads the configuration at a side; `policy` is a file that stands in place of the team's.
pub(crate) fn read(
    repository: &Repository,
    side: &Side,
    policy: Option<&Path>,
) -> Result<Configuration> {
    let reader = repository.reader()?;
    let text = |path: &str| -> Result<Option<String>> {
        let Some(entry) = repository.entry(side, path) else {
            return Ok(None);
        };
        match reader.read(side, path, &entry, MAX_CONFIGURATION) {
            Content::Text { text, .. } => Ok(Some(text)),
            Content::Missing => bail!(
                "{path} of the base revision is not in the object database: fetch it, or give --policy"
            ),
            _ => bail!("{path} of the base revision is no readable text file"),
        }
    };
    let team_policy = match policy {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading the policy {}", path.display()))?;
            Some((path.display().to_string(), text))
        }
        None => text(POLICY_PATH)?.map(|text| (POLICY_PATH.to_owned(), text)),
    };
    let mut rules = Vec::new();
    if !matches!(side, Side::Empty) {
        let paths = repository.below(side, RULES_FOLDER)?;
        for path in paths.into_iter().filter(|path| path.ends_with(".toml")) {
            if let Some(text) = text(&path)? {
                let short = path.trim_start_matches(RULES_FOLDER).to_owned();
                rules.push((short, text));
            }
        }
    }
    let mut owners = None;
    for path in CODEOWNERS_PATHS {
        if owners.is_none() {
            owners = text(path)?;
        }
    }
    configuration(team_policy, rules, &owners.unwrap_or_default())
}

fn configuration(
    policy: Option<(String, String)>,
    rules: Vec<(String, String)>,
    owners: &str,
) -> Result<Configuration> {
    let default =
        threatgate_rules::folder("policy").find(|(path, _)| *path == "policy/default.toml");
    let default = default.map(|(_, text)| text).unwrap_or_default();
    let given = policy
        .as_ref()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let policy = Policy::new(default, given)?;
    let (guards, not_guards) = policy.guards();
    let team = Team {
        names: TeamNames { guards, not_guards },
        classes: policy.sensitivity(),
        rules,
    };
    let mut excluded = None;
    if !policy.excluded().is_empty() {
        let mut builder = GlobSetBuilder::new();
        for pattern in policy.excluded() {
            let pattern = if pattern.ends_with('/') {
                format!("{pattern}**")
            } else {
                pattern.clone()
            };
            let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
            builder.add(glob.with_context(|| format!("{}: scan.exclude", policy.source))?);
        }
        excluded = Some(builder.build()?);
    }
    Ok(Configuration {
        policy,
        team,
        owners: Owners::parse(owners),
        catalogue: Catalogue::new(threatgate_rules::folder("threats"))?,
        excluded,
    })
}
