//! `threatgate check`: the whole pipeline, from a git range to a verdict.

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use threatgate_assess::{
    Assessment, Circumstances, Coverage, SCHEMA_VERSION, Tool, UnknownGuard, Verdict, assess,
    compare,
};
use threatgate_facts::{
    Engine, Fact, FactKind, Inventory, Problem, Request, Team, is_lock, is_manifest,
    is_read_together, shares_packages,
};
use threatgate_git::{
    Attributes, ChangedFile, Content, Environment, Range, RangeError, RangeRequest, Repository,
    Side, Status, changed_files, resolve,
};
use threatgate_report::{Format, NoSources, Sources};

use crate::configuration::{self, Configuration};
use crate::revision::{Blobs, Revision, Texts};

/// Manifests that are read beside a changed lock file; a hostile repository must not exhaust time.
const MAX_MANIFESTS: usize = 400;

/// Which two revisions, and which policy.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RangeArgs {
    /// The repository: a work tree, a bare repository or a folder inside one
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// What to compare with; the merge base with it is the base [default: from the pipeline's event, or the default branch]
    #[arg(long, value_name = "REV", conflicts_with_all = ["staged", "worktree"])]
    base: Option<String>,
    /// The revision to judge [default: from the pipeline's event, or HEAD]
    #[arg(long, value_name = "REV", conflicts_with_all = ["staged", "worktree"])]
    head: Option<String>,
    /// Judge what is staged, against HEAD
    #[arg(long, conflicts_with = "worktree")]
    staged: bool,
    /// Judge the files on disk, against HEAD
    #[arg(long)]
    worktree: bool,
    /// Compare the two trees as they are, without the merge base
    #[arg(long)]
    exact: bool,
    /// A policy file in place of .threatgate/policy.toml of the base revision
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl RangeArgs {
    /// The policy file that was given, if one was.
    pub(crate) fn policy(&self) -> Option<&std::path::Path> {
        self.policy.as_deref()
    }
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    range: RangeArgs,
    /// How to report, and where to: text, json, sarif, markdown or github, each with =FILE for a file; may be repeated
    #[arg(long = "format", value_name = "FORMAT[=FILE]", default_value = "text", value_parser = target)]
    formats: Vec<Target>,
    /// Report as ever, but exit with 0 whatever the verdict
    #[arg(long)]
    exit_zero: bool,
    /// Write evidence of this run: an in-toto statement in a DSSE envelope
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Seal the evidence with this private SSH key
    #[arg(long, value_name = "KEY", requires = "evidence")]
    evidence_key: Option<PathBuf>,
}

/// A report and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    format: Format,
    file: Option<PathBuf>,
}

fn target(text: &str) -> Result<Target, String> {
    let (format, file) = crate::output::target(text)?;
    Ok(Target {
        format: format.parse()?,
        file,
    })
}

pub(crate) fn check(args: &CheckArgs) -> Result<ExitCode> {
    let on_stdout = args
        .formats
        .iter()
        .filter(|target| target.file.is_none())
        .count();
    if on_stdout > 1 {
        bail!(
            "{on_stdout} reports would go to stdout; give all but one a file: --format sarif=threatgate.sarif"
        );
    }
    let (assessment, texts) = match judge(&args.range)? {
        Judged::Assessment(assessment, texts) => (*assessment, Some(texts)),
        Judged::Undetermined(reason) => {
            crate::report_undetermined(&reason);
            (undetermined(reason)?, None)
        }
    };
    let sources: &dyn Sources = match &texts {
        Some(texts) => &**texts,
        None => &NoSources,
    };
    if let (Some(file), Some(texts)) = (&args.evidence, &texts) {
        crate::evidence::write(
            file,
            args.evidence_key.as_deref(),
            &assessment,
            &texts.trail,
        )?;
    }
    // Files first: a reader that closes stdout early must not cost them.
    for target in &args.formats {
        if let Some(file) = &target.file {
            let mut bytes = Vec::new();
            target
                .format
                .write(&assessment, sources, &style(false), &mut bytes)?;
            crate::output::write_file(file, &bytes)?;
        }
    }
    if let Some(target) = args.formats.iter().find(|target| target.file.is_none()) {
        let mut out = crate::output::stdout();
        let style = style(crate::output::colour());
        let written = target.format.write(&assessment, sources, &style, &mut out);
        crate::output::ignore_closed_pipe(written.and_then(|()| std::io::Write::flush(&mut out)))
            .context("writing to stdout")?;
    }
    Ok(ExitCode::from(if args.exit_zero {
        0
    } else {
        assessment.verdict.exit_code()
    }))
}

fn style(colour: bool) -> threatgate_report::Style {
    threatgate_report::Style {
        colour,
        width: crate::output::width(),
    }
}

/// The result of judging a range.
pub(crate) enum Judged {
    /// With the texts from which a report shows lines.
    Assessment(Box<Assessment>, Box<Texts>),
    /// The range could not be determined, or not be read: why, and what to do.
    Undetermined(String),
}

/// From arguments to an assessment.
pub(crate) fn judge(args: &RangeArgs) -> Result<Judged> {
    let repository = Repository::open(&args.repo)?;
    if args.staged
        && let Some(index) = std::env::var_os("GIT_INDEX_FILE")
    {
        repository.use_index(index.as_ref())?;
    }
    let request = RangeRequest {
        base: args.base.clone(),
        head: args.head.clone(),
        staged: args.staged,
        worktree: args.worktree,
        exact: args.exact,
    };
    let environment = environment();
    let range = match resolve(&repository, &request, &environment) {
        Ok(range) => range,
        Err(RangeError::Undetermined(reason)) => return Ok(Judged::Undetermined(reason)),
        Err(error) => return Err(error.into()),
    };
    let configuration = configuration::read(&repository, &range.base, args.policy.as_deref())?;
    // The program ends soon: to take thousands of rules apart would only delay that.
    let engine = ManuallyDrop::new(crate::inventory::engine(&configuration.team)?);
    let policy_source = match (&args.policy, range.base.id()) {
        (None, Some(base)) if configuration.policy.source != "built in" => {
            format!("{} at {}", configuration.policy.source, &base[..7])
        }
        _ => configuration.policy.source.clone(),
    };
    let (base, head) = (range.base.clone(), range.head.clone());
    match of_range(&repository, range, &configuration, &engine)? {
        Judged::Assessment(mut assessment, mut texts) => {
            assessment.policy = policy_source;
            let sides = (&base, &head);
            let signed = crate::signoff::Run {
                repository: &repository,
                sides,
                configuration: &configuration,
                engine: &engine,
                environment: &environment,
            };
            texts.trail = signed.settle(&mut assessment, &texts)?;
            Ok(Judged::Assessment(assessment, texts))
        }
        Judged::Undetermined(absent) => Ok(Judged::Undetermined(absent)),
    }
}

/// The assessment of a range by a configuration, before anybody signed it off.
pub(crate) fn of_range(
    repository: &Repository,
    range: Range,
    configuration: &Configuration,
    engine: &Engine,
) -> Result<Judged> {
    let read = |endpoints: Endpoints| {
        let ends = (&range.base, &range.head);
        Sides::read(repository, ends, configuration, engine, endpoints)
    };
    let mut sides = read(Endpoints::WhereTheyMayDiffer)?;
    let mut changes = compare(&sides.before, &sides.after);
    // What surrounds a change is said with it.
    if !sides.linked && !changes.is_empty() {
        sides = read(Endpoints::Always)?;
        changes = compare(&sides.before, &sides.after);
    }
    // What cannot be read of the base would look new, and what was lost would not be seen.
    if !sides.missing.is_empty() {
        return Ok(Judged::Undetermined(environment().lacking(&sides.missing)));
    }

    let circumstances = Circumstances {
        version: env!("CARGO_PKG_VERSION").into(),
        rules: engine.digest().into(),
        base: range.base.id(),
        head: range.head.id(),
        head_date: repository
            .committed(&range.head)
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date()),
        range: range.source,
        notes: range.notes.into_iter().chain(sides.notes).collect(),
        coverage: sides.coverage,
    };
    let today = jiff::Zoned::now().date();
    let Configuration {
        policy,
        catalogue,
        owners,
        ..
    } = configuration;
    let assessment = assess(changes, policy, catalogue, owners, today, circumstances);
    Ok(Judged::Assessment(
        Box::new(assessment),
        Box::new(sides.texts),
    ))
}

fn environment() -> Environment {
    let variables: std::collections::BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let event = variables
        .get("GITHUB_EVENT_PATH")
        .and_then(|path| std::fs::read_to_string(path).ok());
    Environment::new(variables, event.as_deref())
}

/// One absent file in so many leaves too little of a revision to judge by.
const MOST_ABSENT: usize = 20;

/// Whether endpoints are looked for, which takes a look at the whole revision.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Endpoints {
    /// Where a file differs on which they can hang.
    WhereTheyMayDiffer,
    Always,
}

/// Both inventories, and what was read for them.
struct Sides {
    /// Whether endpoints are among the facts.
    linked: bool,
    before: Inventory,
    after: Inventory,
    coverage: Coverage,
    /// Files and folders that are not in the object database and without which nothing can be
    /// judged: what changed, and whole folders. A file that stays as it is is only a problem.
    missing: BTreeSet<String>,
    /// Words about the range's commits.
    notes: Vec<String>,
    texts: Texts,
}

impl Sides {
    fn read(
        repository: &Repository,
        (base, head): (&Side, &Side),
        configuration: &Configuration,
        engine: &Engine,
        endpoints: Endpoints,
    ) -> Result<Self> {
        let blobs = Blobs::new(repository)?;
        let (base_entries, _) = repository.entries(base)?;
        let attributes = Attributes::read(repository, base, &base_entries)?;
        let excluded = configuration.excluded.as_ref();
        let before = Revision::new(repository, base.clone(), &blobs, &attributes, excluded)?;
        let after = Revision::new(repository, head.clone(), &blobs, &attributes, excluded)?;
        let reader = repository.reader()?;
        let files = changed_files((base, &before.entries), (head, &after.entries), &reader);
        let mut coverage = Coverage {
            files_changed: files.len(),
            ..Coverage::default()
        };
        for file in &files {
            look(file, &before, &after, engine, &mut coverage);
        }
        let touched = |side: fn(&ChangedFile) -> Option<&str>| -> BTreeSet<String> {
            files.iter().filter_map(side).map(str::to_owned).collect()
        };
        let mut only_before = touched(|file| file.before.as_ref().map(|(path, _)| path.as_str()));
        let mut only_after = touched(|file| file.after.as_ref().map(|(path, _)| path.as_str()));
        // A manifest that is new stands beside others on both sides.
        let both: BTreeSet<String> = only_before.union(&only_after).cloned().collect();
        beside_locks(&before, &both, &mut only_before);
        beside_locks(&after, &both, &mut only_after);
        // What is read as one is read on both sides, also where only one still has the file.
        let together = |only: &BTreeSet<String>| -> Vec<String> {
            let paths = only.iter().filter(|path| is_read_together(path));
            paths.cloned().collect()
        };
        let (of_before, of_after) = (together(&only_before), together(&only_after));
        only_before.extend(of_after);
        only_after.extend(of_before);
        let mut inventories = (Inventory::default(), Inventory::default());
        let of_any = |holds: &dyn Fn(&str) -> bool| {
            let sides = files.iter().flat_map(|file| [&file.before, &file.after]);
            let mut paths = sides.flatten().map(|(path, _)| path);
            paths.any(|path| holds(path))
        };
        let differ = of_any(&|path| engine.links(path));
        let mut linked = true;
        if of_any(&|path| engine.reads(path))
            || files.iter().any(|file| file.status != Status::Mode)
        {
            let cache = crate::cache::open();
            let of = |only: &BTreeSet<String>| Request {
                only: Some(only.clone()),
                unlinked: !differ,
            };
            let ((mut first, _), (mut second, mut stats)) = engine.inventories(
                (&before, &of(&only_before)),
                (&after, &of(&only_after)),
                &cache,
            );
            linked = differ || endpoints == Endpoints::Always;
            if !differ && linked {
                stats = engine.add_endpoints(&after, &cache, [&mut first, &mut second]);
            }
            coverage.files_context = stats.parsed;
            coverage.alarms = stats.alarms;
            coverage.problems.extend(second.problems.iter().cloned());
            coverage.unknown_guards = unknown_guards(&second, &only_after);
            inventories = (first, second);
        }
        let (mut before_facts, mut after_facts) = inventories;
        let used = crate::gate::is_used(&before);
        before_facts
            .facts
            .extend(crate::gate::facts(&before, &only_before, used));
        after_facts
            .facts
            .extend(crate::gate::facts(&after, &only_after, used));
        let mut missing: BTreeSet<String> = before
            .missing
            .iter()
            .chain(&after.missing)
            .cloned()
            .collect();
        let absent = blobs.missing();
        // After that: what the range's commits lack is their own note.
        let (passing, notes) = crate::history::secrets(
            repository,
            (&before, &after),
            (&before_facts, &after_facts),
            engine,
            &blobs,
            excluded,
        )?;
        after_facts.facts.extend(passing);
        let changed = files.iter().flat_map(|file| {
            let sides = [&file.before, &file.after].into_iter().flatten();
            sides.map(|(path, _)| path)
        });
        let changed = changed.filter(|path| absent.contains(*path) && engine.reads(path));
        missing.extend(changed.cloned());
        if absent.len() * MOST_ABSENT > after.entries.len() {
            missing.extend(absent.iter().cloned());
        }
        coverage.problems.extend(
            absent
                .iter()
                .map(|path| problem(path, "not in the object database")),
        );
        coverage.problems.sort();
        coverage.problems.dedup();
        let (before, after) = (before.into_files(), after.into_files());
        let changed = files
            .iter()
            .map(|file| {
                let path = |side: &Option<(String, threatgate_git::Entry)>| {
                    side.as_ref()
                        .map(|(path, entry)| (path.clone(), entry.id.to_string()))
                };
                (path(&file.before), path(&file.after))
            })
            .collect();
        let mut credentials = before_facts.credentials.clone();
        credentials.extend(&after_facts.credentials);
        let texts = Texts {
            before,
            after,
            blobs,
            credentials,
            changed,
            trail: crate::signoff::Trail::default(),
        };
        Ok(Self {
            linked,
            before: before_facts,
            after: after_facts,
            coverage,
            missing,
            notes,
            texts,
        })
    }
}

fn problem(path: &str, reason: &str) -> Problem {
    Problem {
        path: path.to_owned(),
        line: None,
        reason: reason.to_owned(),
        whole: true,
    }
}

/// Says of a changed file whether it can be read at head, and why not.
fn look(
    file: &ChangedFile,
    before: &Revision<'_>,
    after: &Revision<'_>,
    engine: &Engine,
    coverage: &mut Coverage,
) {
    let (path, content) = match (&file.after, &file.before) {
        (Some((path, _)), _) => (path, after.read(path)),
        (None, Some((path, _))) => (path, before.read(path)),
        (None, None) => return,
    };
    let reads = engine.reads(path);
    let reason = match content {
        Some(Content::Text { lossy, .. }) => {
            coverage.files_read += usize::from(reads);
            if lossy && reads {
                let words = "some bytes are no valid UTF-8 and were replaced".to_owned();
                coverage.problems.push(Problem {
                    path: path.clone(),
                    line: None,
                    reason: words,
                    whole: false,
                });
            }
            return;
        }
        Some(Content::Submodule) => "a submodule moved; its content is in another repository",
        Some(Content::Symlink) => "a symbolic link; links are not followed",
        Some(Content::LfsPointer) if reads => "its content is in Git LFS",
        Some(Content::Binary) if reads => "is no text",
        Some(Content::Missing) => "is not in the object database",
        Some(Content::TooLarge(size)) if reads => {
            coverage.problems.push(problem(
                path,
                &format!("is larger than is read ({size} bytes)"),
            ));
            return;
        }
        _ => return,
    };
    coverage.problems.push(problem(path, reason));
}

/// A lock file alone does not say which packages are direct: the manifests below it are read too.
fn beside_locks(revision: &Revision<'_>, touched: &BTreeSet<String>, only: &mut BTreeSet<String>) {
    let folders: BTreeSet<String> = touched
        .iter()
        .filter(|path| shares_packages(path))
        .map(|path| {
            path.rsplit_once('/')
                .map_or(String::new(), |(folder, _)| format!("{folder}/"))
        })
        .collect();
    let manifests = revision
        .entries
        .keys()
        .filter(|path| is_manifest(path) && !is_lock(path));
    let below = manifests.filter(|path| {
        folders
            .iter()
            .any(|folder| path.starts_with(folder.as_str()))
    });
    let found: Vec<String> = below.take(MAX_MANIFESTS).cloned().collect();
    only.extend(found);
}

/// Endpoints whose guard is unknown and which stand in, or hang on, a changed file.
fn unknown_guards(inventory: &Inventory, changed: &BTreeSet<String>) -> Vec<UnknownGuard> {
    let concerns = |fact: &&Fact| {
        let places = std::iter::once(&fact.location)
            .chain(fact.evidence.iter().map(|evidence| &evidence.location));
        places
            .into_iter()
            .any(|place| changed.contains(&place.path))
    };
    let endpoints = inventory.facts.iter().filter(|fact| {
        fact.kind == FactKind::Endpoint && fact.text("guard_state") == Some("unknown")
    });
    endpoints
        .filter(|fact| fact.scope == threatgate_facts::Scope::Production)
        // That a secret in its path lets callers in is understood.
        .filter(|fact| fact.text("capability").is_none())
        .filter(concerns)
        .map(|fact| UnknownGuard {
            endpoint: format!(
                "{} {}",
                fact.text("method").unwrap_or_default(),
                fact.text("path").unwrap_or_default()
            ),
            reason: fact.texts("unknown").join("; "),
            location: fact.location.clone(),
        })
        .collect()
}

/// The report when nothing could be compared: never a pass, and never an empty stdout.
fn undetermined(reason: String) -> Result<Assessment> {
    Ok(Assessment {
        schema_version: SCHEMA_VERSION.into(),
        tool: Tool {
            name: "threatgate".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            rules: crate::inventory::engine(&Team::default())?.digest().into(),
        },
        verdict: Verdict::Incomplete,
        reasons: vec![reason],
        base: None,
        head: None,
        head_date: None,
        range: "undetermined".into(),
        notes: Vec::new(),
        changes: Vec::new(),
        threats: Vec::new(),
        coverage: Coverage {
            alarms: vec!["no file was compared".into()],
            ..Coverage::default()
        },
        review: None,
        policy: "not read: nothing was compared".into(),
        policy_findings: Vec::new(),
    })
}

/// The range of a command other than `check` could not be determined; `main` exits with 4 for it.
#[derive(Debug)]
pub(crate) struct Undetermined(String);

impl std::fmt::Display for Undetermined {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Undetermined {}

/// For other commands: the assessment or a reason to stop.
pub(crate) fn assessment(args: &RangeArgs) -> Result<Assessment> {
    match judge(args)? {
        Judged::Assessment(assessment, _) => Ok(*assessment),
        Judged::Undetermined(reason) => Err(Undetermined(reason).into()),
    }
}
