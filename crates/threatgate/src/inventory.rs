//! `threatgate inventory` and `threatgate facts`: all facts of one revision, folder or file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use threatgate_facts::{Cache, Engine, Fact, FactKind, Inventory, Request, Stats, Team, Tree};
use threatgate_git::{Attributes, Repository};
use threatgate_report::cyclonedx::{self, Subject};
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
    /// How to print them: text, json or cyclonedx (a bill of materials), each with =FILE for a file
    #[arg(long, value_name = "FORMAT[=FILE]", default_value = "text", value_parser = target)]
    format: Target,
}

#[derive(Args, Debug)]
pub(crate) struct GuardsArgs {
    /// A plain folder to read instead of a revision
    #[arg(value_name = "PATH", conflicts_with_all = ["repo", "rev"])]
    path: Option<PathBuf>,
    /// The repository: a work tree, a bare repository or a folder inside one
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// The revision to read
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// How facts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    CycloneDx,
}

impl Format {
    fn read(name: &str) -> Result<Self, String> {
        Ok(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "cyclonedx" => Self::CycloneDx,
            _ => {
                return Err(format!(
                    "unknown format \"{name}\"; expected one of text, json, cyclonedx"
                ));
            }
        })
    }
}

/// A listing and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    format: Format,
    file: Option<PathBuf>,
}

fn target(text: &str) -> Result<Target, String> {
    let (format, file) = crate::output::target(text)?;
    Ok(Target {
        format: Format::read(format)?,
        file,
    })
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
pub(crate) struct Reading {
    /// The project's name: its folder's.
    name: String,
    pub(crate) revision: Option<String>,
    pub(crate) inventory: Inventory,
    stats: Stats,
    files: usize,
}

pub(crate) fn inventory(args: &InventoryArgs) -> Result<ExitCode> {
    let reading = read(
        args.path.as_deref(),
        args.repo.as_deref(),
        args.rev.as_deref(),
    )?;
    print(&args.format, Shape::Table, reading, &args.kinds)
}

pub(crate) fn guards(args: &GuardsArgs) -> Result<ExitCode> {
    let reading = read(
        args.path.as_deref(),
        args.repo.as_deref(),
        args.rev.as_deref(),
    )?;
    let guards = Guards::of(&reading.inventory);
    let mut out = crate::output::stdout();
    let result = match args.format.as_str() {
        "json" => guards.json(&mut out),
        _ => guards.text(&mut out, crate::output::width()),
    };
    crate::output::ignore_closed_pipe(result.and_then(|()| out.flush()))
        .context("writing to stdout")?;
    Ok(ExitCode::SUCCESS)
}

/// The name of a folder, of a bare repository without its ending.
fn name(folder: &Path) -> String {
    let whole = folder.canonicalize();
    let whole = whole.as_deref().unwrap_or(folder);
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".git").unwrap_or(&name).to_owned()
}

pub(crate) fn read(path: Option<&Path>, repo: Option<&Path>, rev: Option<&str>) -> Result<Reading> {
    if let Some(path) = path {
        let engine = engine(&Team::default())?;
        let folder = Folder::open(path)?;
        let (inventory, stats) = engine.inventory(&folder, &Cache::default(), &Request::default());
        return Ok(Reading {
            name: name(path),
            revision: None,
            inventory,
            stats,
            files: folder.paths().len(),
        });
    }
    let folder = repo.unwrap_or(".".as_ref());
    let repository = Repository::open(folder)?;
    let commit = repository.commit(rev.unwrap_or("HEAD"))?;
    let side = threatgate_git::Side::Commit(commit);
    let (entries, _) = repository.entries(&side)?;
    let attributes = Attributes::read(&repository, &side, &entries)?;
    let blobs = Blobs::new(&repository)?;
    let configuration = crate::configuration::read(&repository, &side, None)?;
    let engine = engine(&configuration.team)?;
    let excluded = configuration.excluded.as_ref();
    let revision = Revision::new(&repository, side, &blobs, &attributes, excluded)?;
    let (mut inventory, stats) =
        engine.inventory(&revision, &crate::cache::open(), &Request::default());
    for path in revision.missing.iter().cloned().chain(blobs.missing()) {
        inventory.problems.push(threatgate_facts::Problem {
            path,
            line: None,
            reason: "not in the object database".into(),
            whole: true,
        });
    }
    Ok(Reading {
        name: name(folder),
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
        name: name(&args.file),
        revision: None,
        inventory,
        stats,
        files: 1,
    };
    let target = Target {
        format: Format::read(&args.format).map_err(anyhow::Error::msg)?,
        file: None,
    };
    print(&target, Shape::Outline, reading, &[])
}

/// The engine with the rules of this program and of the team.
pub(crate) fn engine(team: &Team) -> Result<Engine> {
    Engine::new(threatgate_rules::ready(), team).map_err(|mut error| {
        if team.rules.iter().any(|(path, _)| *path == error.path) {
            error.path.insert_str(0, crate::configuration::RULES_FOLDER);
        }
        error.into()
    })
}

fn print(target: &Target, shape: Shape, reading: Reading, kinds: &[FactKind]) -> Result<ExitCode> {
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
    let subject = Subject {
        name: &reading.name,
        revision: listing.revision.as_deref(),
    };
    let width = crate::output::width();
    if let Some(file) = &target.file {
        let mut bytes = Vec::new();
        write(target.format, &listing, subject, shape, width, &mut bytes)?;
        crate::output::write_file(file, &bytes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = crate::output::stdout();
    let result = write(target.format, &listing, subject, shape, width, &mut out);
    crate::output::ignore_closed_pipe(result.and_then(|()| out.flush()))
        .context("writing to stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn write(
    format: Format,
    listing: &Listing,
    subject: Subject<'_>,
    shape: Shape,
    width: usize,
    out: &mut impl Write,
) -> std::io::Result<()> {
    match format {
        Format::Text => listing.text(out, shape, width),
        Format::Json => listing.json(out),
        Format::CycloneDx => cyclonedx::write(&listing.inventory, subject, out),
    }
}
