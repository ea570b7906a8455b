//! The program: arguments, configuration, the pipeline, exit codes.
//!
//! Exit codes: 0 pass or warn, 1 blocked, 2 could not run, 3 review required, 4 not understood well
//! enough. They never depend on the output format.

mod backtest;
mod cache;
mod check;
mod compliance;
mod configuration;
mod evidence;
mod explain;
mod gate;
mod history;
mod inventory;
mod output;
mod policy;
mod review;
mod revision;
mod rules;
mod score;
mod signoff;
mod threats;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use threatgate_assess::{Verdict, nearest};
use threatgate_facts::FactKind;

/// Facts are many small texts, made by several threads at once, at which the allocator of musl is slow.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Says which changes of a pull request are material to security, and gates them.
#[derive(Parser, Debug)]
#[command(name = "threatgate", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    cache: cache::CacheArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Compare two revisions and decide by the policy
    Check(check::CheckArgs),
    /// List all facts of one revision or of a plain folder
    Inventory(inventory::InventoryArgs),
    /// List what guards the endpoints, and what may be a guard that nobody counts
    Guards(inventory::GuardsArgs),
    /// Show what the rules see in one file
    Facts(inventory::FactsArgs),
    /// List, test and explain the rules
    Rules(rules::RulesArgs),
    /// Look through the policy, and try it on recorded assessments
    Policy(policy::PolicyArgs),
    /// List the threats that stand in one revision or in a plain folder, the gravest first
    Threats(threats::ThreatsArgs),
    /// Say what code gives evidence for, and what is open, by the requirements of a framework
    Compliance(compliance::ComplianceArgs),
    /// Replay the last merges under the present policy: how many would have warned, asked for a review, or stopped
    Backtest(backtest::BacktestArgs),
    /// Show, answer, sign and verify the threat review that a range requires
    Review(review::ReviewArgs),
    /// Verify and show evidence of a run
    Evidence(evidence::EvidenceArgs),
    /// Explain a change, a threat, a rule or a rule of the policy
    Explain(explain::ExplainArgs),
    /// Compute severity and rank of a risk vector
    Score(score::ScoreArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln_error(&error);
            let undetermined = error.downcast_ref::<check::Undetermined>().is_some();
            ExitCode::from(if undetermined {
                Verdict::Incomplete.exit_code()
            } else {
                2
            })
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place that reports errors")]
fn eprintln_error(error: &anyhow::Error) {
    eprintln!("error: {}", output::printable(&format!("{error:#}")));
}

#[expect(clippy::print_stderr, reason = "stdout carries only the report")]
fn report_undetermined(reason: &str) {
    eprintln!("verdict: incomplete: {}", output::printable(reason));
}

fn run(cli: Cli) -> Result<ExitCode> {
    cache::settle(&cli.cache);
    match cli.command {
        Command::Check(args) => check::check(&args),
        Command::Inventory(args) => inventory::inventory(&args),
        Command::Guards(args) => inventory::guards(&args),
        Command::Facts(args) => inventory::facts(&args),
        Command::Rules(args) => rules::rules(&args),
        Command::Policy(args) => policy::policy(&args),
        Command::Threats(args) => threats::threats(&args),
        Command::Compliance(args) => compliance::compliance(&args),
        Command::Backtest(args) => backtest::backtest(&args),
        Command::Review(args) => review::review(&args),
        Command::Evidence(args) => evidence::evidence(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Score(args) => score::score(&args),
    }
}

/// Reads a kind of fact from the command line.
fn kind(text: &str) -> Result<FactKind, String> {
    text.parse()
}
