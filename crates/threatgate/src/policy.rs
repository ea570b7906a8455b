//! `threatgate policy`: what is wrong in a policy, what it says about recorded assessments, and its schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use annotate_snippets::renderer::{DEFAULT_TERM_WIDTH, DecorStyle};
use annotate_snippets::{AnnotationKind, Level as Severity, Renderer, Snippet};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use threatgate_assess::{
    Assessment, CODEOWNERS_PATHS, Cases, Catalogue, Level, Lint, LintContext, Outcome, Owners,
    Policy, WAIVERS_PATH, lint, policy_schema, recorded, waivers_schema,
};
use threatgate_facts::{Cache, Request, Tree};

use crate::configuration::{POLICY_PATH, SIGNERS_PATH, default_policy};
use crate::output::one_line;
use crate::revision::Folder;

/// Where a team's expectations and recorded assessments stand.
const TESTS_FOLDER: &str = ".threatgate/tests";

#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Subcommand, Debug)]
enum PolicyCommand {
    /// Look through .threatgate/policy.toml and waivers.toml as they stand on disk
    Lint(LintArgs),
    /// Decide about recorded assessments by the policy as it stands on disk
    Test(TestArgs),
    /// Print the JSON Schema for editors
    Schema(SchemaArgs),
}

#[derive(Args, Debug)]
struct LintArgs {
    /// The folder that holds .threatgate/
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Another policy file
    #[arg(value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

#[derive(Args, Debug)]
struct TestArgs {
    /// Recorded assessments (JSON), or files of cases (TOML) [default: all in .threatgate/tests]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The folder that holds .threatgate/
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Another policy file
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct SchemaArgs {
    /// Of which file
    #[arg(value_name = "FILE", default_value = "policy", value_parser = ["policy", "waivers"])]
    of: String,
}

pub(crate) fn policy(args: &PolicyArgs) -> Result<ExitCode> {
    match &args.command {
        PolicyCommand::Lint(args) => lint_files(args),
        PolicyCommand::Test(args) => test(args),
        PolicyCommand::Schema(args) => {
            let schema = match args.of.as_str() {
                "waivers" => waivers_schema(),
                _ => policy_schema(),
            };
            crate::output::print(&crate::output::json(&schema))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn read_if_there(path: &Path) -> Result<Option<String>> {
    if path.exists() {
        read(path).map(Some)
    } else {
        Ok(None)
    }
}

/// CODEOWNERS as it stands on disk.
fn owners(repo: &Path) -> Result<Option<Owners>> {
    for path in CODEOWNERS_PATHS {
        if let Some(text) = read_if_there(&repo.join(path))? {
            return Ok(Some(Owners::parse(&text)));
        }
    }
    Ok(None)
}

fn lint_files(args: &LintArgs) -> Result<ExitCode> {
    let path = args
        .policy
        .clone()
        .unwrap_or_else(|| args.repo.join(POLICY_PATH));
    if !path.exists() {
        bail!(
            "{}: there is no policy to look through; the built-in one holds (docs/policy.md says how to write one)",
            path.display()
        );
    }
    let text = read(&path)?;
    let owners = owners(&args.repo)?;
    let folder = Folder::open(&args.repo)?;
    let signers = read_if_there(&args.repo.join(SIGNERS_PATH))?;
    let signers = signers.map(|text| threatgate_review::AllowedSigners::parse(&text).principals());
    let waivers = read_if_there(&args.repo.join(WAIVERS_PATH))?;
    let catalogue = Catalogue::new(threatgate_rules::ready_folder("threats"))?;
    let threats: BTreeSet<String> = catalogue.list().map(|(id, _)| id.to_owned()).collect();
    // Which subjects there are is asked only where a waiver names one.
    let subjects = match &waivers {
        Some(_) => Some(subjects(&folder)?),
        None => None,
    };
    let context = LintContext {
        owners: owners.as_ref(),
        paths: Some(folder.paths()),
        signers: signers.as_deref(),
        subjects: subjects.as_ref(),
        threats: Some(&threats),
    };
    let name = path.display().to_string();
    let waivers = waivers.as_ref().map(|text| (WAIVERS_PATH, text.as_str()));
    let today = jiff::Zoned::now().date();
    let (of_policy, of_waivers) = lint(default_policy(), &name, &text, waivers, context, today);
    let mut out = String::new();
    for found in &of_policy {
        let _ = writeln!(out, "{}\n", rendered(found, &name, &text));
    }
    for found in &of_waivers {
        let (file, text) = waivers.unwrap_or_default();
        let _ = writeln!(out, "{}\n", rendered(found, file, text));
    }
    let all = || of_policy.iter().chain(&of_waivers);
    let errors = all().filter(|found| found.level == Level::Error).count();
    let warnings = all().count() - errors;
    let _ = writeln!(out, "{name}: {errors} errors, {warnings} warnings");
    crate::output::print(&out)?;
    // As `rules test`: a file that cannot be used could not run (2); warnings fail where asked (1).
    Ok(ExitCode::from(match (errors, warnings) {
        (0, 0) => 0,
        (0, _) => u8::from(args.strict),
        _ => 2,
    }))
}

/// Identities of all facts of a folder.
fn subjects(folder: &Folder) -> Result<BTreeSet<String>> {
    let engine = crate::inventory::engine(&threatgate_facts::Team::default())?;
    let (inventory, _) = engine.inventory(folder, &Cache::default(), &Request::default());
    let facts = inventory.facts.into_iter();
    Ok(facts.map(|fact| fact.identity).collect())
}

/// A finding as rustc shows it.
fn rendered(lint: &Lint, file: &str, text: &str) -> String {
    let level = match lint.level {
        Level::Error => Severity::ERROR,
        Level::Warning => Severity::WARNING,
    };
    let label = (!lint.label.is_empty()).then_some(lint.label.as_str());
    let mut primary = AnnotationKind::Primary.span(lint.span.clone());
    if let Some(label) = label {
        primary = primary.label(label);
    }
    let mut snippet = Snippet::source(text).path(file).annotation(primary);
    if let Some((span, words)) = &lint.other {
        let other = AnnotationKind::Context
            .span(span.clone())
            .label(words.as_str());
        snippet = snippet.annotation(other);
    }
    let mut group = level
        .primary_title(lint.message.as_str())
        .id(lint.id)
        .element(snippet);
    if let Some(help) = &lint.help {
        group = group.element(Severity::HELP.message(help.as_str()));
    }
    let renderer = if crate::output::colour() {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer
        .decor_style(DecorStyle::Ascii)
        .term_width(crate::output::width().max(DEFAULT_TERM_WIDTH.min(100)))
        .render(&[group])
}

/// One recorded assessment with the outcome.
fn test(args: &TestArgs) -> Result<ExitCode> {
    let path = args
        .policy
        .clone()
        .unwrap_or_else(|| args.repo.join(POLICY_PATH));
    let name = path.display().to_string();
    let text = match &args.policy {
        Some(_) => Some(read(&path)?),
        None => read_if_there(&path)?,
    };
    let given = text.as_ref().map(|text| (name.as_str(), text.as_str()));
    let mut policy = Policy::new(default_policy(), given)?;
    if let Some(waivers) = read_if_there(&args.repo.join(WAIVERS_PATH))? {
        policy = policy.with_waivers(WAIVERS_PATH, &waivers)?;
    }
    let owners = owners(&args.repo)?.unwrap_or_default();
    let today = jiff::Zoned::now().date();
    let files = if args.files.is_empty() {
        default_files(&args.repo.join(TESTS_FOLDER))?
    } else {
        args.files.clone()
    };
    let mut out = String::new();
    let (mut run, mut failed) = (0, 0);
    let mut told = |title: &str, outcome: &Outcome| {
        run += 1;
        failed += usize::from(!outcome.failures.is_empty());
        let word = if outcome.failures.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        let _ = writeln!(
            out,
            "{word:<7} {}: {} (recorded {})",
            one_line(title),
            outcome.verdict.name(),
            outcome.recorded.name()
        );
        for failure in &outcome.failures {
            let _ = writeln!(out, "        {}", one_line(failure));
        }
        for (title, before, now, rule) in &outcome.moved {
            let words = format!("{title}: {} -> {} ({rule})", before.name(), now.name());
            let _ = writeln!(out, "        {}", one_line(&words));
        }
    };
    for file in &files {
        let shown = file.display().to_string();
        if file.extension().is_some_and(|ending| ending == "toml") {
            let cases = Cases::parse(&shown, &read(file)?)?;
            let folder = file.parent().unwrap_or(Path::new("."));
            for case in &cases.cases {
                let assessment = assessment(&folder.join(&case.assessment))?;
                let outcome = recorded(&assessment, Some(case), &policy, &owners, today);
                told(&case.name, &outcome);
            }
        } else {
            let outcome = recorded(&assessment(file)?, None, &policy, &owners, today);
            told(&shown, &outcome);
        }
    }
    if run == 0 {
        bail!("no case was run; write one, as docs/policy.md shows");
    }
    let _ = writeln!(out, "{run} run, {failed} failed");
    crate::output::print(&out)?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// The files of cases in a folder, or if it has none its recorded assessments.
fn default_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "reading {}; name files, or record one there: threatgate check --format json={}/NAME.json",
            folder.display(),
            folder.display()
        )
    })?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let of = |ending: &str| -> Vec<PathBuf> {
        let files = files.iter();
        let files = files.filter(|file| file.extension().is_some_and(|one| one == ending));
        files.cloned().collect()
    };
    let cases = of("toml");
    Ok(if cases.is_empty() { of("json") } else { cases })
}

fn assessment(path: &Path) -> Result<Assessment> {
    serde_json::from_str(&read(path)?).with_context(|| {
        format!(
            "{}: no assessment; record one with `threatgate check --format json={}`",
            path.display(),
            path.display()
        )
    })
}
