//! `threatgate inventory` and `threatgate facts`: all facts of one revision, folder or file.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use threatgate_facts::{Cache, Engine, Fact, FactKind, Inventory, Request, Stats, Team, Tree};
use threatgate_git::{Attributes, Repository};
use threatgate_report::guards::Guards;
use threatgate_report::inventory::{Listing, Shape};

use crate::revision::{Blobs, Folder, Revision};

#[derive(Args, Debug)]
pub(crate) struct InventoryArgs {
    /// A plain folder to read instead of a revision
    #[arg(value_name = "PATH", conflicts_with_all = ["repo", "rev"])]
    path: Option<PathBuf>,
    /// The repository: a work tree, a bare repository or a folder inside one
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// The revision to read
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// Only facts of these kinds
    #[arg(long = "kind", value_name = "KIND", value_parser = crate::kind)]
    kinds: Vec<FactKind>,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

#[derive(Args, Debug)]
pub(crate) struct FactsArgs {
    /// The file to read
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// What was read: the facts with what is said of them.
struct Reading {
    revision: Option<String>,
    inventory: Inventory,
    stats: Stats,
    files: usize,
}

pub(crate) fn inventory(args: &InventoryArgs) -> Result<ExitCode> {
    let reading = read(args)?;
    print(&args.format, Shape::Table, reading, &args.kinds)
}

pub(crate) fn guards(args: &InventoryArgs) -> Result<ExitCode> {
    let guards = Guards::of(&read(args)?.inventory);
    let mut out = crate::output::stdout();
    let result = match args.format.as_str() {
        "json" => guards.json(&mut out),
        _ => guards.text(&mut out, crate::output::width()),
    };
    crate::output::ignore_closed_pipe(result.and_then(|()| out.flush()))
        .context("writing to stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn read(args: &InventoryArgs) -> Result<Reading> {
    if let Some(path) = &args.path {
        let engine = engine(&Team::default())?;
        let folder = Folder::open(path)?;
        let (inventory, stats) = engine.inventory(&folder, &Cache::default(), &Request::default());
        return Ok(Reading {
            revision: None,
            inventory,
            stats,
            files: folder.paths().len(),
        });
    }
    let repository = Repository::open(args.repo.as_deref().unwrap_or(".".as_ref()))?;
    let commit = repository.commit(args.rev.as_deref().unwrap_or("HEAD"))?;
    let side = threatgate_git::Side::Commit(commit);
    let (entries, _) = repository.entries(&side)?;
    let attributes = Attributes::read(&repository, &side, &entries)?;
    let blobs = Blobs::new(&repository)?;
    let configuration = crate::configuration::read(&repository, &side, None)?;
    let engine = engine(&configuration.team)?;
    let excluded = configuration.excluded.as_ref();
    let revision = Revision::new(&repository, side, &blobs, &attributes, excluded)?;
    let (mut inventory, stats) =
        engine.inventory(&revision, &Cache::default(), &Request::default());
    for path in revision.missing.iter().cloned().chain(blobs.missing()) {
        inventory.problems.push(threatgate_facts::Problem {
            path,
            line: None,
            reason: "not in the object database".into(),
            whole: true,
        });
    }
    Ok(Reading {
        revision: Some(commit.to_string()),
        inventory,
        stats,
        files: revision.entries.len(),
    })
}

pub(crate) fn facts(args: &FactsArgs) -> Result<ExitCode> {
    let engine = engine(&Team::default())?;
    if !args.file.is_file() {
        bail!(
            "{} is not a file; give a source file, a manifest or a schema",
            args.file.display()
        );
    }
    let folder = Folder::open(&args.file)?;
    let (inventory, stats) = engine.inventory(&folder, &Cache::default(), &Request::default());
    let reading = Reading {
        revision: None,
        inventory,
        stats,
        files: 1,
    };
    print(&args.format, Shape::Outline, reading, &[])
}

/// The engine with the rules of this program and of the team.
pub(crate) fn engine(team: &Team) -> Result<Engine> {
    Engine::new(threatgate_rules::files(), team).map_err(|mut error| {
        if team.rules.iter().any(|(path, _)| *path == error.path) {
            error.path.insert_str(0, crate::configuration::RULES_FOLDER);
        }
        error.into()
    })
}

fn print(format: &str, shape: Shape, reading: Reading, kinds: &[FactKind]) -> Result<ExitCode> {
    let mut inventory = reading.inventory;
    let keep = |fact: &Fact| kinds.is_empty() || kinds.contains(&fact.kind);
    inventory.facts.retain(keep);
    let listing = Listing {
        revision: reading.revision,
        inventory,
        files: reading.files,
        parsed: reading.stats.parsed,
        alarms: reading.stats.alarms,
    };
    let mut out = crate::output::stdout();
    let result = match format {
        "json" => listing.json(&mut out),
        _ => listing.text(&mut out, shape, crate::output::width()),
    };
    crate::output::ignore_closed_pipe(result.and_then(|()| out.flush()))
        .context("writing to stdout")?;
    Ok(ExitCode::SUCCESS)
}
