//! `threatgate review`: the threat review that a range requires, to read or to file.

mod signing;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use threatgate_assess::{Assessment, Change, Question, Review, Threat};

use crate::check::RangeArgs;
use crate::output::one_line;

#[derive(Args, Debug)]
pub(crate) struct ReviewArgs {
    #[command(subcommand)]
    command: ReviewCommand,
}

#[derive(Subcommand, Debug)]
enum ReviewCommand {
    /// List the review that the range requires, if it requires one
    List(ListArgs),
    /// Show what changed, what to answer and who must sign
    Show(ShowArgs),
    /// Write the requirement to a file, as JSON or, by the ending .md, as Markdown
    Write(WriteArgs),
    /// Answer questions in a draft of your sign-off
    Answer(SignArgs),
    /// Sign the review off, with an SSH key
    Sign(SignArgs),
    /// Say which sign-offs count and why others do not; exits as check does
    Verify(ListArgs),
}

#[derive(Args, Debug)]
struct SignArgs {
    /// The review's id (TR-…)
    #[arg(value_name = "ID")]
    id: String,
    /// Your name in .threatgate/allowed_signers [default: the address that git commits with]
    #[arg(long = "as", value_name = "PRINCIPAL")]
    signer: Option<String>,
    /// An answer, by the question's number; may be repeated
    #[arg(long = "answer", value_name = "q1=TEXT")]
    answers: Vec<String>,
    /// Anything else that a later reader should know
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Days for which the sign-off holds [default: as many as the policy allows]
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// The SSH key: a private key, or with an agent or in hardware its public half [default: git's user.signingKey]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Record your own review of a change of yours; the policy must allow it
    #[arg(long = "self", conflicts_with = "reject")]
    own: bool,
    /// Sign that the change must not be merged as it is
    #[arg(long)]
    reject: bool,
    /// Put it into a git note (refs/notes/threatgate) in place of a file
    #[arg(long)]
    note: bool,
    #[command(flatten)]
    range: RangeArgs,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    range: RangeArgs,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

#[derive(Args, Debug)]
struct ShowArgs {
    /// The review's id (TR-…), to be sure that it is still the one that is required
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json", "markdown"])]
    format: String,
}

#[derive(Args, Debug)]
struct WriteArgs {
    /// Where to write it; `.md` for Markdown, anything else for JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    range: RangeArgs,
}

pub(crate) fn review(args: &ReviewArgs) -> Result<ExitCode> {
    match &args.command {
        ReviewCommand::List(args) => {
            let assessment = crate::check::assessment(&args.range)?;
            let text = match args.format.as_str() {
                "json" => crate::output::json(&json!({
                    "schema_version": assessment.schema_version,
                    "base": assessment.base,
                    "head": assessment.head,
                    "reviews": assessment.review.iter().collect::<Vec<_>>(),
                })),
                _ => match &assessment.review {
                    Some(review) => line(review),
                    None => none(&assessment),
                },
            };
            crate::output::print(&text)?;
        }
        ReviewCommand::Show(args) => {
            let assessment = crate::check::assessment(&args.range)?;
            let required = required(&assessment);
            if let Some(id) = &args.id
                && required
                    .as_ref()
                    .is_none_or(|required| required.review.id != *id)
            {
                let now = match &required {
                    Some(required) => format!("{} is required instead", required.review.id),
                    None => "no review is required".to_owned(),
                };
                bail!("this range does not require review \"{id}\": {now}");
            }
            let text = match (args.format.as_str(), &required) {
                ("json", _) => crate::output::json(&document(&assessment, required.as_ref())),
                (_, None) => none(&assessment),
                ("markdown", Some(required)) => markdown(&assessment, required),
                (_, Some(required)) => text(&assessment, required),
            };
            crate::output::print(&text)?;
        }
        ReviewCommand::Write(args) => {
            let assessment = crate::check::assessment(&args.range)?;
            let Some(required) = required(&assessment) else {
                bail!(
                    "nothing to write to {}: {}",
                    args.file.display(),
                    none(&assessment).trim()
                );
            };
            let is_markdown = args
                .file
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("md"));
            let text = if is_markdown {
                markdown(&assessment, &required)
            } else {
                crate::output::json(&document(&assessment, Some(&required)))
            };
            crate::output::write_file(&args.file, text.as_bytes())?;
            crate::output::print(&format!("{}\n", args.file.display()))?;
        }
        ReviewCommand::Answer(args) => signing::answer(args)?,
        ReviewCommand::Sign(args) => signing::sign(args)?,
        ReviewCommand::Verify(args) => return signing::verify(args),
    }
    Ok(ExitCode::SUCCESS)
}

/// A review with the changes and threats that it is about.
struct Required<'a> {
    review: &'a Review,
    changes: Vec<&'a Change>,
    threats: Vec<&'a Threat>,
}

fn required(assessment: &Assessment) -> Option<Required<'_>> {
    let review = assessment.review.as_ref()?;
    let changes = assessment.changes.iter();
    let threats = assessment.threats.iter();
    Some(Required {
        review,
        changes: changes
            .filter(|change| review.changes.contains(&change.id))
            .collect(),
        threats: threats
            .filter(|threat| threat.changes.iter().any(|id| review.changes.contains(id)))
            .collect(),
    })
}

/// The requirement for programs: all that a reviewer needs, and nothing that is not reviewed.
fn document(assessment: &Assessment, required: Option<&Required<'_>>) -> Value {
    json!({
        "schema_version": assessment.schema_version,
        "tool": assessment.tool,
        "base": assessment.base,
        "head": assessment.head,
        "policy": assessment.policy,
        "review": required.map(|required| required.review),
        "changes": required.map(|required| required.changes.as_slice()).unwrap_or_default(),
        "threats": required.map(|required| required.threats.as_slice()).unwrap_or_default(),
    })
}

/// Why there is no review.
fn none(assessment: &Assessment) -> String {
    let mut text = match assessment.changes.len() {
        0 => "no review is required: nothing material changed\n".to_owned(),
        count => format!(
            "no review is required; verdict {} over {count} material {}\n",
            assessment.verdict.name(),
            plural(count, "change")
        ),
    };
    for note in &assessment.notes {
        let _ = writeln!(text, "note: {}", one_line(note));
    }
    text
}

fn line(review: &Review) -> String {
    let owners: Vec<String> = review
        .reviewers
        .iter()
        .map(|reviewers| reviewers.owners.join(" or "))
        .collect();
    let owners = if owners.is_empty() {
        "anybody but the author".to_owned()
    } else {
        owners.join(" and ")
    };
    format!(
        "{}  {} {}, {} {}, to be signed by {}\n",
        review.id,
        review.changes.len(),
        plural(review.changes.len(), "change"),
        review.questions.len(),
        plural(review.questions.len(), "question"),
        one_line(&owners)
    )
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

/// `4b1e9c2..e4f5a6b`; what is no commit goes by its name.
fn range(assessment: &Assessment) -> String {
    let short = |id: &Option<String>, other: &str| match id {
        Some(id) => id.get(..7).unwrap_or(id).to_owned(),
        None => other.to_owned(),
    };
    format!(
        "{}..{}",
        short(&assessment.base, "nothing"),
        short(&assessment.head, &assessment.range)
    )
}

fn place(change: &Change) -> String {
    let side = if change.at_base { " at base" } else { "" };
    format!("{}:{}{side}", change.location.path, change.location.line)
}

/// What counts as an answer: ` [a link or a path]`.
fn wants(question: &Question) -> String {
    let wants = question.answer.wants();
    wants.map(|wants| format!(" [{wants}]")).unwrap_or_default()
}

/// Ids of the changes that a question is about.
fn about(question: &Question) -> String {
    let ids = std::iter::once(&question.change).chain(&question.also);
    let ids: Vec<&str> = ids
        .map(String::as_str)
        .filter(|id| !id.is_empty())
        .collect();
    ids.join(", ")
}

fn text(assessment: &Assessment, required: &Required<'_>) -> String {
    let review = required.review;
    let mut text = format!("{}  {}\n\nwhat changed\n", review.id, range(assessment));
    for change in &required.changes {
        let _ = writeln!(text, "  {}  {}", change.id, one_line(&change.title));
        let _ = writeln!(text, "      at {}", one_line(&place(change)));
        for note in &change.notes {
            let _ = writeln!(text, "      {}", one_line(note));
        }
        for affected in &change.affected {
            let words = format!(
                "reaches {} ({}:{}): {}",
                affected.subject, affected.location.path, affected.location.line, affected.outcome
            );
            let _ = writeln!(text, "      {}", one_line(&words));
        }
    }
    if !required.threats.is_empty() {
        text.push_str("\nthreats\n");
        for threat in &required.threats {
            let words = format!(
                "{}  {} ({})",
                threat.rule,
                threat.title,
                threat.cwe.join(", ")
            );
            let _ = writeln!(text, "  {}", one_line(&words));
        }
    }
    text.push_str("\nquestions to answer\n");
    for question in &review.questions {
        let words = format!("{}  {}{}", question.id, question.text, wants(question));
        let _ = writeln!(text, "  {}", one_line(&words));
        let about = about(question);
        if !about.is_empty() {
            let _ = writeln!(text, "      about {about}");
        }
    }
    if !review.evidence_needed.is_empty() {
        text.push_str("\nevidence that is wanted\n");
        for one in &review.evidence_needed {
            let _ = writeln!(text, "  {}  {}", one.name(), one.words());
        }
    }
    if let Some(due) = review.due {
        let _ = writeln!(text, "\ndue {due}");
    }
    text.push_str("\nwho must sign\n");
    if review.reviewers.is_empty() {
        text.push_str("  anybody but the author: neither policy nor CODEOWNERS names somebody\n");
    }
    for reviewers in &review.reviewers {
        let words = format!(
            "one of {}  ({})",
            reviewers.owners.join(", "),
            reviewers.reason
        );
        let _ = writeln!(text, "  {}", one_line(&words));
    }
    if review.count > 1 {
        let _ = writeln!(text, "  {} people at least", review.count);
    }
    text.push_str(&signing::signoffs(review));
    text
}

/// Text from the repository as Markdown that shows it and does nothing else: no link, no image, no
/// HTML, no mention.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in one_line(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}

fn markdown(assessment: &Assessment, required: &Required<'_>) -> String {
    let review = required.review;
    let mut text = format!(
        "# Threat review {}\n\nRange `{}`, policy {}, fingerprint `{}`.\n\n## What changed\n\n",
        review.id,
        range(assessment),
        escaped(&assessment.policy),
        review.fingerprint
    );
    for change in &required.changes {
        let _ = writeln!(
            text,
            "* **{}** at {} ({})",
            escaped(&change.title),
            escaped(&place(change)),
            change.id
        );
        for note in &change.notes {
            let _ = writeln!(text, "  * {}", escaped(note));
        }
        for affected in &change.affected {
            let _ = writeln!(
                text,
                "  * reaches {} at {}:{}: {}",
                escaped(&affected.subject),
                escaped(&affected.location.path),
                affected.location.line,
                escaped(&affected.outcome)
            );
        }
    }
    if !required.threats.is_empty() {
        text.push_str("\n## Threats\n\n");
        for threat in &required.threats {
            let _ = writeln!(
                text,
                "* {} {} ({}, STRIDE {})",
                threat.rule,
                escaped(&threat.title),
                threat.cwe.join(", "),
                threat.stride
            );
            for mitigation in &threat.mitigations {
                let _ = writeln!(text, "  * {}", escaped(mitigation));
            }
        }
    }
    text.push_str("\n## Questions to answer\n\n");
    for question in &review.questions {
        let about = match about(question) {
            about if about.is_empty() => about,
            about => format!(" ({about})"),
        };
        let _ = writeln!(
            text,
            "* [ ] {}: {}{}{about}",
            question.id,
            escaped(&question.text),
            escaped(&wants(question)),
        );
    }
    if !review.evidence_needed.is_empty() {
        text.push_str("\n## Evidence that is wanted\n\n");
        for one in &review.evidence_needed {
            let _ = writeln!(text, "* [ ] {}", one.words());
        }
    }
    if let Some(due) = review.due {
        let _ = writeln!(text, "\nDue {due}.");
    }
    text.push_str("\n## Who must sign\n\n");
    if review.reviewers.is_empty() {
        text.push_str("Anybody but the author: neither policy nor CODEOWNERS names somebody.\n");
    }
    for reviewers in &review.reviewers {
        let _ = writeln!(
            text,
            "* [ ] one of {} ({})",
            escaped(&reviewers.owners.join(", ")),
            escaped(&reviewers.reason)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_of_hostile_text_only_shows_it() {
        assert_eq!(
            escaped("<img src=x> @team [a](b) `c` \u{1b}[0m\n# d"),
            "&lt;img src=x&gt; &#64;team \\[a\\](b) \\`c\\` \\\\u{1b}\\[0m\\\\n\\# d"
        );
    }
}
