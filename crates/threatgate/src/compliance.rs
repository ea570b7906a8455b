//! `threatgate compliance`: what code gives evidence for, by the requirements of a framework.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use threatgate_assess::{Compliance, Requirement, SCHEMA_VERSION};

use crate::output::one_line;
use crate::threats::OfArgs;

#[derive(Args, Debug)]
pub(crate) struct ComplianceArgs {
    /// nist-800-53, ssdf, pci-dss-4, soc2, iso-27001 or gdpr
    #[arg(long, value_name = "FRAMEWORK")]
    framework: String,
    #[command(flatten)]
    of: OfArgs,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// Of evidence and of open threats so many are named.
const SHOWN: usize = 3;

pub(crate) fn compliance(args: &ComplianceArgs) -> Result<ExitCode> {
    let files = threatgate_rules::ready_folder("policy");
    let files = files.filter(|(path, _)| path.starts_with("policy/compliance/"));
    let compliance = Compliance::new(files)?;
    let Some(framework) = compliance.framework(&args.framework) else {
        let known: Vec<&str> = compliance.frameworks().collect();
        bail!(
            "unknown framework \"{}\"; expected one of {}{}",
            args.framework,
            known.join(", "),
            crate::nearest::hint(&args.framework, known.iter().copied())
        );
    };
    let reading = args.of.read()?;
    let catalogue = crate::configuration::built_in()?.catalogue;
    let requirements = compliance.judge(framework, &catalogue, &reading.inventory);
    let text = if args.format == "json" {
        crate::output::json(&json!({
            "schema_version": SCHEMA_VERSION,
            "revision": reading.revision,
            "framework": framework.id,
            "title": framework.title,
            "source": framework.source,
            "requirements": requirements,
        }))
    } else {
        let mut text = format!("{}\n", framework.title);
        for requirement in &requirements {
            one(&mut text, requirement);
        }
        text.push_str(
            "\nWhat code shows is evidence, not a verdict: whether a requirement is met is for people to say.\n",
        );
        text
    };
    crate::output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn one(text: &mut String, requirement: &Requirement) {
    let _ = writeln!(text, "\n{}  {}", requirement.id, requirement.title);
    if requirement.evidence.is_empty() && requirement.open.is_empty() {
        text.push_str("  no evidence from code\n");
        return;
    }
    for evidence in &requirement.evidence {
        let places: Vec<String> = evidence
            .places
            .iter()
            .take(SHOWN)
            .map(|place| one_line(&format!("{}:{}", place.path, place.line)))
            .collect();
        let _ = writeln!(
            text,
            "  evidence: {} ({}): {}",
            evidence.says,
            evidence.places.len(),
            places.join(", ")
        );
    }
    for open in &requirement.open {
        let places: Vec<String> = open
            .places
            .iter()
            .take(SHOWN)
            .map(|place| one_line(&format!("{}:{}", place.path, place.line)))
            .collect();
        let _ = writeln!(
            text,
            "  open: {} {} ({}): {}",
            open.rule,
            open.title,
            open.places.len(),
            places.join(", ")
        );
    }
}
