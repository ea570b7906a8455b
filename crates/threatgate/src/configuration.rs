//! The team's configuration. Read from the **base** revision, so that a change cannot edit its own
//! judge: policy, rules and owners at head play no part.

use std::path::Path;

use anyhow::{Context, Result, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use threatgate_assess::{CODEOWNERS_PATHS, Catalogue, Owners, Policy, WAIVERS_PATH};
use threatgate_facts::{Team, TeamNames};
use threatgate_git::{Content, Repository, Side};

/// Where a team's policy stands.
pub(crate) const POLICY_PATH: &str = ".threatgate/policy.toml";
/// Where a team's own rules stand.
pub(crate) const RULES_FOLDER: &str = ".threatgate/rules/";
/// Whose signatures count.
pub(crate) const SIGNERS_PATH: &str = ".threatgate/allowed_signers";
/// Where sign-offs stand. They count by their signatures alone, so that they are not part of the gate's
/// configuration.
pub(crate) const REVIEWS_FOLDER: &str = ".threatgate/reviews/";
/// A policy or rule file is never larger.
const MAX_CONFIGURATION: usize = 1 << 20;

/// What a team has said.
pub(crate) struct Configuration {
    pub(crate) policy: Policy,
    pub(crate) team: Team,
    pub(crate) owners: Owners,
    pub(crate) catalogue: Catalogue,
    pub(crate) excluded: Option<GlobSet>,
    /// `.threatgate/allowed_signers`.
    pub(crate) signers: String,
    /// Modules in Rego: path and text.
    pub(crate) modules: Vec<(String, String)>,
    /// Every file that was read: path and text.
    pub(crate) sources: Vec<(String, String)>,
}

/// The files of a configuration.
#[derive(Default)]
struct Texts {
    policy: Option<(String, String)>,
    waivers: Option<String>,
    rules: Vec<(String, String)>,
    owners: String,
    signers: String,
    modules: Vec<(String, String)>,
    sources: Vec<(String, String)>,
}

/// The built-in policy's text.
pub(crate) fn default_policy() -> &'static str {
    let mut files = threatgate_rules::folder("policy");
    let default = files.find(|(path, _)| *path == "policy/default.toml");
    default.map(|(_, text)| text).unwrap_or_default()
}

/// The built-in policy and nothing else.
pub(crate) fn built_in() -> Result<Configuration> {
    configuration(Texts::default())
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
    let mut texts = Texts {
        waivers: text(WAIVERS_PATH)?,
        signers: text(SIGNERS_PATH)?.unwrap_or_default(),
        ..Texts::default()
    };
    texts.policy = match policy {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading the policy {}", path.display()))?;
            Some((path.display().to_string(), text))
        }
        None => text(POLICY_PATH)?.map(|text| (POLICY_PATH.to_owned(), text)),
    };
    if !matches!(side, Side::Empty) {
        let paths = repository.below(side, RULES_FOLDER)?;
        for path in paths.into_iter().filter(|path| path.ends_with(".toml")) {
            if let Some(text) = text(&path)? {
                let short = path.trim_start_matches(RULES_FOLDER).to_owned();
                texts.sources.push((path, text.clone()));
                texts.rules.push((short, text));
            }
        }
    }
    if !matches!(side, Side::Empty) {
        let paths = repository.below(side, ".threatgate/")?;
        for path in paths.into_iter().filter(|path| path.ends_with(".rego")) {
            // Tests of modules are for opa and conftest.
            if path.ends_with("_test.rego") {
                continue;
            }
            if let Some(text) = text(&path)? {
                texts.sources.push((path.clone(), text.clone()));
                texts.modules.push((path, text));
            }
        }
    }
    let mut owners = None;
    for path in CODEOWNERS_PATHS {
        if owners.is_none() {
            owners = text(path)?;
            let found = owners.iter().map(|text| (path.to_owned(), text.clone()));
            texts.sources.extend(found);
        }
    }
    texts.owners = owners.unwrap_or_default();
    texts.sources.extend(texts.policy.clone());
    let waivers = texts.waivers.iter();
    let waivers = waivers.map(|text| (WAIVERS_PATH.to_owned(), text.clone()));
    texts.sources.extend(waivers);
    if !texts.signers.is_empty() {
        let signers = (SIGNERS_PATH.to_owned(), texts.signers.clone());
        texts.sources.push(signers);
    }
    texts.sources.sort();
    configuration(texts)
}

fn configuration(texts: Texts) -> Result<Configuration> {
    let given = texts
        .policy
        .as_ref()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let mut policy = Policy::new(default_policy(), given)?;
    if let Some(waivers) = &texts.waivers {
        policy = policy.with_waivers(WAIVERS_PATH, waivers)?;
    }
    let (guards, not_guards) = policy.guards();
    let team = Team {
        names: TeamNames { guards, not_guards },
        classes: policy.sensitivity(),
        rules: texts.rules,
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
        owners: Owners::parse(&texts.owners),
        catalogue: Catalogue::new(threatgate_rules::ready_folder("threats"))?,
        excluded,
        signers: texts.signers,
        modules: texts.modules,
        sources: texts.sources,
    })
}
