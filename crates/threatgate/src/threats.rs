//! `threatgate threats`: the threats that stand in one revision or folder.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use threatgate_assess::{SCHEMA_VERSION, Stands};
use threatgate_model::risk::Severity;

use crate::output::one_line;

#[derive(Args, Debug)]
pub(crate) struct ThreatsArgs {
    #[command(flatten)]
    of: OfArgs,
    /// Only threats at least as grave: note, low, medium, high or critical
    #[arg(long, value_name = "SEVERITY", default_value = "note", value_parser = severity)]
    severity: Severity,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// A revision or a folder.
#[derive(Args, Clone, Debug)]
pub(crate) struct OfArgs {
    /// A plain folder to read instead of a revision
    #[arg(value_name = "PATH", conflicts_with_all = ["repo", "rev"])]
    path: Option<PathBuf>,
    /// The repository: a work tree, a bare repository or a folder inside one
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// The revision to read
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
}

impl OfArgs {
    pub(crate) fn read(&self) -> Result<crate::inventory::Reading> {
        let (path, repo) = (self.path.as_deref(), self.repo.as_deref());
        crate::inventory::read(path, repo, self.rev.as_deref())
    }
}

const GRADES: [Severity; 5] = [
    Severity::Note,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

fn severity(text: &str) -> Result<Severity, String> {
    let found = GRADES.into_iter().find(|grade| grade.name() == text);
    found.ok_or_else(|| {
        let names = GRADES.map(Severity::name).join(", ");
        format!("unknown severity \"{text}\"; expected one of {names}")
    })
}

fn grade(stands: &Stands) -> Severity {
    let risk = stands.risk.as_ref();
    risk.map_or(Severity::Note, |risk| risk.severity)
}

pub(crate) fn threats(args: &ThreatsArgs) -> Result<ExitCode> {
    let reading = args.of.read()?;
    let catalogue = crate::configuration::built_in()?.catalogue;
    let mut all = catalogue.standing(&reading.inventory);
    all.retain(|stands| grade(stands) >= args.severity);
    let text = if args.format == "json" {
        crate::output::json(&json!({
            "schema_version": SCHEMA_VERSION,
            "revision": reading.revision,
            "threats": all,
        }))
    } else {
        as_text(&all)
    };
    crate::output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Of one threat with one risk so many places are named.
const SHOWN: usize = 12;

fn as_text(all: &[Stands]) -> String {
    let mut text = String::new();
    // What stands with the same risk and controls in many places is told once.
    let mut groups: Vec<Vec<&Stands>> = Vec::new();
    for stands in all {
        let same = |group: &&mut Vec<&Stands>| {
            let first = group[0];
            first.rule == stands.rule
                && first.risk == stands.risk
                && first.controls == stands.controls
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(stands),
            None => groups.push(vec![stands]),
        }
    }
    for group in groups {
        let stands = group[0];
        let rank = stands.risk.as_ref().map_or(0, |risk| risk.rank);
        let _ = writeln!(
            text,
            "{:<8} {rank:>3}  {:<13} {}",
            grade(stands).name(),
            stands.rule,
            stands.title,
        );
        if let Some(risk) = &stands.risk {
            let _ = writeln!(
                text,
                "    likelihood {} × impact {}: {}\n    {}",
                risk.likelihood,
                risk.impact,
                one_line(&risk.because.join(", ")),
                risk.vector
            );
        }
        for (words, names) in [
            ("seen against it", &stands.controls.existing),
            ("not seen", &stands.controls.missing),
        ] {
            if !names.is_empty() {
                let _ = writeln!(text, "    {words}: {}", names.join("; "));
            }
        }
        for one in group.iter().take(SHOWN) {
            let place = format!("{}:{}", one.location.path, one.location.line);
            let _ = writeln!(text, "  * {}  {}", one_line(&one.subject), one_line(&place));
        }
        if group.len() > SHOWN {
            let _ = writeln!(text, "  * and {} more", group.len() - SHOWN);
        }
    }
    let counts: Vec<String> = GRADES
        .into_iter()
        .rev()
        .filter_map(|wanted| {
            let count = all.iter().filter(|one| grade(one) == wanted).count();
            (count > 0).then(|| format!("{count} {}", wanted.name()))
        })
        .collect();
    let sum = match counts.is_empty() {
        true => "none that the rules see".to_owned(),
        false => counts.join(", "),
    };
    let _ = writeln!(text, "threats: {sum}");
    text
}
