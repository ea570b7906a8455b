//! `threatgate evidence`: what a run rests on, in a file that can be verified without network and repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use threatgate_assess::Assessment;
use threatgate_review::{AllowedSigners, seal, statement, verify};

use crate::output::one_line;
use crate::signoff::Trail;

#[derive(Args, Debug)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Subcommand, Debug)]
enum EvidenceCommand {
    /// Verify a file that `threatgate check --evidence` wrote; exits with 1 if it does not hold
    Verify(VerifyArgs),
    /// Print the statement in it
    Show(ShowArgs),
}

#[derive(Args, Debug)]
struct VerifyArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose seals and sign-offs count: a file of allowed signers that you trust
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

#[derive(Args, Debug)]
struct ShowArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Writes evidence of a run.
pub(crate) fn write(
    file: &Path,
    key: Option<&Path>,
    assessment: &Assessment,
    trail: &Trail,
) -> Result<()> {
    let statement = statement(
        assessment,
        &trail.policy_digest,
        trail.inputs.clone(),
        &trail.approvals,
    )?;
    let text = match key {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("reading the key {}", path.display()))?,
        ),
        None => None,
    };
    let name = key
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    let key = text
        .as_deref()
        .map(|text| (text, name.as_deref().unwrap_or_default()));
    let envelope = seal(&statement, key).context("sealing the evidence")?;
    let mut bytes = serde_json::to_vec_pretty(&envelope)?;
    bytes.push(b'\n');
    crate::output::write_file(file, &bytes)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

pub(crate) fn evidence(args: &EvidenceArgs) -> Result<ExitCode> {
    let today = jiff::Zoned::now().date();
    match &args.command {
        EvidenceCommand::Show(args) => {
            let verified = verify(&read(&args.file)?, None, today)
                .with_context(|| args.file.display().to_string())?;
            let statement = serde_json::to_value(&verified.statement)?;
            crate::output::print(&crate::output::json(&statement))?;
            Ok(ExitCode::SUCCESS)
        }
        EvidenceCommand::Verify(args) => {
            let signers = match &args.signers {
                Some(path) => Some(AllowedSigners::parse(&read(path)?)),
                None => None,
            };
            let outcome = verify(&read(&args.file)?, signers.as_ref(), today);
            let name = args.file.display().to_string();
            let (text, code) = match &outcome {
                Ok(verified) if args.format == "json" => {
                    let json = json!({
                        "holds": true,
                        "verdict": verified.assessment.verdict,
                        "base": verified.assessment.base,
                        "head": verified.assessment.head,
                        "shown": verified.holds,
                        "open": verified.open,
                    });
                    (crate::output::json(&json), 0)
                }
                Ok(verified) => {
                    let mut text = format!("{}: holds\n", one_line(&name));
                    for words in &verified.holds {
                        let _ = writeln!(text, "  {}", one_line(words));
                    }
                    for words in &verified.open {
                        let _ = writeln!(text, "  not shown: {}", one_line(words));
                    }
                    (text, 0)
                }
                Err(error) if args.format == "json" => {
                    let json = json!({ "holds": false, "because": error.to_string() });
                    (crate::output::json(&json), 1)
                }
                Err(error) => (
                    format!("{}: {}\n", one_line(&name), one_line(&error.to_string())),
                    1,
                ),
            };
            crate::output::print(&text)?;
            Ok(ExitCode::from(code))
        }
    }
}
