//! `threatgate backtest`: what the present policy would have said of the last merges.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use threatgate_assess::{SCHEMA_VERSION, Verdict};
use threatgate_git::{Range, Repository, Side, Step};

use crate::check::Judged;
use crate::output::one_line;

#[derive(Args, Debug)]
pub(crate) struct BacktestArgs {
    /// The repository: a work tree, a bare repository or a folder inside one
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// The revision to go back from
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    rev: String,
    /// How many merges (or commits) of the first-parent line
    #[arg(long, value_name = "N", default_value_t = 200)]
    last: usize,
    /// A policy file in place of .threatgate/policy.toml of the revision
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// Of merges that would have asked for something so many are named.
const SHOWN: usize = 20;

/// What is kept of one merge.
#[derive(Debug, Serialize)]
struct Replayed {
    commit: String,
    summary: String,
    week: String,
    verdict: Verdict,
    /// Kinds of the changes that asked for something, with the most that each asked for.
    kinds: BTreeMap<&'static str, Verdict>,
    threats: BTreeSet<String>,
    /// The first reason.
    reason: Option<String>,
    milliseconds: u64,
}

/// The ISO week of a time: `2026-W09`.
fn week(seconds: i64) -> String {
    let date = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let week = date
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .iso_week_date();
    format!("{:04}-W{:02}", week.year(), week.week())
}

#[expect(
    clippy::print_stderr,
    reason = "progress, for a person at a terminal only"
)]
fn progress(done: usize, all: usize) {
    if std::io::stderr().is_terminal() {
        let end = if done == all { "\n" } else { "\r" };
        eprint!("{done} of {all}{end}");
        let _ = std::io::stderr().flush();
    }
}

pub(crate) fn backtest(args: &BacktestArgs) -> Result<ExitCode> {
    let repository = Repository::open(&args.repo)?;
    let steps = repository.first_parents(&args.rev, args.last)?;
    if steps.is_empty() {
        bail!("{} has no commit with a parent to replay", args.rev);
    }
    let present = Side::Commit(repository.commit(&args.rev)?);
    let configuration = crate::configuration::read(&repository, &present, args.policy.as_deref())?;
    let engine = crate::inventory::engine(&configuration.team)?;
    let mut replayed = Vec::new();
    let mut failed: Vec<(String, String)> = Vec::new();
    let all = steps.len();
    for (number, step) in steps.into_iter().enumerate() {
        progress(number + 1, all);
        let start = Instant::now();
        let side = |name: &str| -> Result<Side> { Ok(Side::Commit(repository.commit(name)?)) };
        let range = Range {
            base: side(&step.parent)?,
            head: side(&step.id)?,
            source: "backtest".into(),
            notes: Vec::new(),
        };
        match crate::check::of_range(&repository, range, &configuration, &engine)? {
            Judged::Assessment(assessment, _) => {
                let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                replayed.push(kept(step, &assessment, milliseconds));
            }
            Judged::Undetermined(reason) => failed.push((step.id, reason)),
        }
    }
    let text = if args.format == "json" {
        crate::output::json(&json!({
            "schema_version": SCHEMA_VERSION,
            "policy": configuration.policy.source,
            "rules": engine.digest(),
            "merges": replayed.len(),
            "verdicts": verdicts(replayed.iter().map(|one| one.verdict)),
            "kinds": by_kind(&replayed),
            "threats": by_threat(&replayed),
            "weeks": by_week(&replayed),
            "milliseconds": times(&replayed),
            "replayed": replayed,
            "not_replayed": failed.iter().map(|(commit, reason)| json!({ "commit": commit, "reason": reason })).collect::<Vec<_>>(),
        }))
    } else {
        as_text(&replayed, &failed, &configuration.policy.source)
    };
    crate::output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn kept(step: Step, assessment: &threatgate_assess::Assessment, milliseconds: u64) -> Replayed {
    let mut kinds = BTreeMap::new();
    let asking = assessment.changes.iter();
    for change in asking.filter(|change| change.verdict > Verdict::Pass) {
        let most: &mut Verdict = kinds.entry(change.kind.name()).or_default();
        *most = (*most).max(change.verdict);
    }
    let news = assessment.threats.iter();
    let news = news.filter(|threat| threat.status.is_news());
    Replayed {
        week: week(step.seconds),
        commit: step.id,
        summary: step.summary,
        verdict: assessment.verdict,
        kinds,
        threats: news.map(|threat| threat.rule.clone()).collect(),
        reason: assessment.reasons.first().cloned(),
        milliseconds,
    }
}

const VERDICTS: [Verdict; 5] = [
    Verdict::Pass,
    Verdict::Warn,
    Verdict::Incomplete,
    Verdict::Review,
    Verdict::Block,
];

fn verdicts(all: impl Iterator<Item = Verdict>) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> =
        VERDICTS.iter().map(|verdict| (verdict.name(), 0)).collect();
    for verdict in all {
        *counts.entry(verdict.name()).or_default() += 1;
    }
    counts
}

fn by_kind(all: &[Replayed]) -> BTreeMap<&'static str, BTreeMap<&'static str, usize>> {
    let mut kinds: BTreeMap<&'static str, Vec<Verdict>> = BTreeMap::new();
    for (kind, verdict) in all.iter().flat_map(|one| &one.kinds) {
        kinds.entry(kind).or_default().push(*verdict);
    }
    let kinds = kinds.into_iter();
    kinds
        .map(|(kind, asked)| (kind, verdicts(asked.into_iter())))
        .collect()
}

fn by_threat(all: &[Replayed]) -> BTreeMap<&str, usize> {
    let mut threats = BTreeMap::new();
    for threat in all.iter().flat_map(|one| &one.threats) {
        *threats.entry(threat.as_str()).or_default() += 1;
    }
    threats
}

fn by_week(all: &[Replayed]) -> BTreeMap<&str, BTreeMap<&'static str, usize>> {
    let mut weeks: BTreeMap<&str, Vec<Verdict>> = BTreeMap::new();
    for one in all {
        weeks.entry(&one.week).or_default().push(one.verdict);
    }
    let weeks = weeks.into_iter();
    weeks
        .map(|(week, asked)| (week, verdicts(asked.into_iter())))
        .collect()
}

/// The middle, the 95th of a hundred, and the longest.
fn times(all: &[Replayed]) -> BTreeMap<&'static str, u64> {
    let mut times: Vec<u64> = all.iter().map(|one| one.milliseconds).collect();
    times.sort_unstable();
    let at = |hundredth: usize| {
        let place = (times.len() * hundredth).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default()
    };
    BTreeMap::from([("median", at(50)), ("p95", at(95)), ("longest", at(100))])
}

fn as_text(all: &[Replayed], failed: &[(String, String)], policy: &str) -> String {
    let mut text = format!(
        "{} merges replayed under the policy ({})\n\n",
        all.len(),
        one_line(policy)
    );
    let share = |count: usize| 100.0 * count as f64 / all.len().max(1) as f64;
    let counts = verdicts(all.iter().map(|one| one.verdict));
    for verdict in VERDICTS {
        let count = counts[verdict.name()];
        let _ = writeln!(
            text,
            "{:<10} {count:>5}  {:>5.1}%",
            verdict.name(),
            share(count)
        );
    }
    let head = |text: &mut String, name: &str| {
        let _ = writeln!(
            text,
            "\n{name:<14} {:>6} {:>6} {:>6}",
            "warn", "review", "block"
        );
    };
    let line = |text: &mut String, name: &str, counts: &BTreeMap<&'static str, usize>| {
        let _ = writeln!(
            text,
            "{name:<14} {:>6} {:>6} {:>6}",
            counts["warn"], counts["review"], counts["block"]
        );
    };
    head(&mut text, "kind");
    for (kind, counts) in by_kind(all) {
        line(&mut text, kind, &counts);
    }
    head(&mut text, "week");
    for (week, counts) in by_week(all) {
        line(&mut text, week, &counts);
    }
    let times = times(all);
    let _ = writeln!(
        text,
        "\ntime of a merge: {} ms in the middle, {} ms at 95%, {} ms at most",
        times["median"], times["p95"], times["longest"]
    );
    let asking = all.iter().filter(|one| one.verdict >= Verdict::Review);
    let asking: Vec<&Replayed> = asking.collect();
    if !asking.is_empty() {
        let _ = writeln!(
            text,
            "\nwould have needed a review or been stopped: {}",
            asking.len()
        );
    }
    for one in asking.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "  {:<6} {} {}\n         {}",
            one.verdict.name(),
            &one.commit[..one.commit.len().min(9)],
            one_line(&one.summary),
            one_line(one.reason.as_deref().unwrap_or_default())
        );
    }
    if asking.len() > SHOWN {
        let _ = writeln!(
            text,
            "  and {} more; --format json has all",
            asking.len() - SHOWN
        );
    }
    for (commit, reason) in failed {
        let _ = writeln!(text, "not replayed: {commit}: {}", one_line(reason));
    }
    text
}
