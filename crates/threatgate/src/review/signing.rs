//! Answering, signing and verifying a review.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use jiff::ToSpan;
use serde_json::json;
use threatgate_assess::{Assessment, Identity, Review, ReviewState};
use threatgate_git::Repository;
use threatgate_review::{Decision, NAMESPACE, Record};

use super::{ListArgs, SignArgs, none};
use crate::configuration::REVIEWS_FOLDER;
use crate::output::one_line;

/// The sign-offs of a review, with what became of each.
pub(super) fn signoffs(review: &Review) -> String {
    let mut text = String::new();
    if !review.signoffs.is_empty() {
        text.push_str("\nsign-offs\n");
    }
    for signoff in &review.signoffs {
        let word = if signoff.counts {
            "counts"
        } else {
            "does not count"
        };
        let words = format!(
            "{} of {} ({}): {word}",
            signoff.signer, signoff.date, signoff.place
        );
        let _ = writeln!(text, "  {}", one_line(&words));
        for because in signoff.because.iter().chain(&signoff.differs) {
            let _ = writeln!(text, "      {}", one_line(because));
        }
    }
    if review.identity == Some(Identity::Weak) {
        text.push_str(
            "\nidentity: weak; commits bear no signature of an allowed signer, so who contributed is what they say of themselves\n",
        );
    }
    text
}

pub(super) fn verify(args: &ListArgs) -> Result<ExitCode> {
    let assessment = crate::check::assessment(&args.range)?;
    let text = match (&assessment.review, args.format.as_str()) {
        (review, "json") => crate::output::json(&json!({
            "schema_version": assessment.schema_version,
            "verdict": assessment.verdict,
            "base": assessment.base,
            "head": assessment.head,
            "review": review,
        })),
        (None, _) => none(&assessment),
        (Some(review), _) => {
            let state = match review.state {
                ReviewState::Required => "not signed off",
                ReviewState::Signed => "signed off",
                ReviewState::SelfReviewed => "self-reviewed",
            };
            let mut text = format!("{}: {state}\n", review.id);
            text.push_str(&signoffs(review));
            if review.state == ReviewState::Required && review.signoffs.is_empty() {
                let _ = writeln!(
                    text,
                    "\nno sign-off was found below {REVIEWS_FOLDER} at head, nor in refs/notes/threatgate"
                );
            }
            text
        }
    };
    crate::output::print(&text)?;
    Ok(ExitCode::from(assessment.verdict.exit_code()))
}

/// The review that the range requires, which must be the one that is meant.
fn wanted<'a>(assessment: &'a Assessment, id: &str) -> Result<&'a Review> {
    match &assessment.review {
        Some(review) if review.id == id => Ok(review),
        Some(review) => bail!(
            "this range requires {} and not {id}: what is to be reviewed has changed, or the range is another",
            review.id
        ),
        None => bail!("{}", none(assessment).trim()),
    }
}

struct Draft {
    repository: Repository,
    record: Record,
    path: PathBuf,
}

/// The signer's record with what is there already and the answers of the command line.
fn draft(args: &SignArgs, review: &Review) -> Result<Draft> {
    let repository = Repository::open(&args.range.repo)?;
    let Some(signer) = args.signer.clone().or_else(|| repository.own_address()) else {
        bail!("who signs? give --as with your name in .threatgate/allowed_signers");
    };
    let name: String = signer
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "@.-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let Some(root) = repository.workdir() else {
        bail!("a bare repository has no place for a sign-off; sign in a clone of it");
    };
    let path = root
        .join(REVIEWS_FOLDER)
        .join(&review.id)
        .join(format!("{}.toml", name.trim_start_matches('.')));
    let today = jiff::Zoned::now().date();
    let days = args
        .days
        .unwrap_or(review.valid_days)
        .min(review.valid_days);
    let expires = today
        .checked_add(i64::from(days).days())
        .context("the day on which it expires")?;
    let mut record = Record::new(review, &signer, today, expires);
    if path.exists() {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let known = Record::parse(&path.display().to_string(), &text)?;
        record.answers = known.answers;
        record.comment = known.comment;
    }
    for answer in &args.answers {
        let (number, words) = answer.split_once('=').unwrap_or((answer, ""));
        let question = review.questions.iter().find(|one| one.id == number.trim());
        let Some(question) = question.filter(|_| answer.contains('=')) else {
            let known: Vec<&str> = review.questions.iter().map(|one| one.id.as_str()).collect();
            bail!(
                "--answer \"{answer}\": give it as q1=TEXT; the review asks {}",
                known.join(", ")
            );
        };
        record.answer(question, words);
    }
    if let Some(comment) = &args.comment {
        record.comment.clone_from(comment);
    }
    record.decision = match (args.own, args.reject) {
        (true, _) => Decision::SelfReview,
        (_, true) => Decision::Reject,
        _ => Decision::Approve,
    };
    Ok(Draft {
        repository,
        record,
        path,
    })
}

pub(super) fn answer(args: &SignArgs) -> Result<()> {
    let assessment = crate::check::assessment(&args.range)?;
    let review = wanted(&assessment, &args.id)?;
    let Draft { record, path, .. } = draft(args, review)?;
    crate::output::write_file(&path, record.text()?.as_bytes())?;
    // What was signed is another text now.
    let signature = with_sig(&path);
    if signature.exists() {
        std::fs::remove_file(&signature)
            .with_context(|| format!("removing {}", signature.display()))?;
    }
    let mut text = format!("{}\n", path.display());
    for missing in record.missing(review) {
        let _ = writeln!(text, "  {}", one_line(&missing));
    }
    crate::output::print(&text)
}

fn with_sig(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

pub(super) fn sign(args: &SignArgs) -> Result<()> {
    let assessment = crate::check::assessment(&args.range)?;
    let review = wanted(&assessment, &args.id)?;
    let Draft {
        repository,
        record,
        path,
    } = draft(args, review)?;
    if record.decision != Decision::Reject {
        let missing = record.missing(review);
        if !missing.is_empty() {
            let mut words = format!("{} is not answered in full:", review.id);
            for one in &missing {
                let _ = write!(words, "\n  {one}");
            }
            let _ = write!(
                words,
                "\nanswer with --answer q1=TEXT, or in {}",
                path.display()
            );
            bail!(words);
        }
    }
    let text = record.text()?;
    let key = match &args.key {
        Some(key) => key.clone(),
        None => match repository.text_setting("user.signingkey") {
            Some(key) => PathBuf::from(key),
            None => bail!("no key to sign with: give --key FILE, or set git's user.signingKey"),
        },
    };
    let signature = signature(&key, &text)?;
    if args.note {
        let revision = assessment.head.as_deref().unwrap_or("HEAD");
        repository
            .add_note(
                revision,
                &format!("{text}{signature}"),
                &record.signer,
                &record.signer,
            )
            .context("writing the note")?;
        return crate::output::print(&format!(
            "{} signed in refs/notes/threatgate; push it: git push origin refs/notes/threatgate\n",
            review.id
        ));
    }
    crate::output::write_file(&path, text.as_bytes())?;
    let beside = with_sig(&path);
    crate::output::write_file(&beside, signature.as_bytes())?;
    crate::output::print(&format!(
        "{}\n{}\ncommit both and push\n",
        path.display(),
        beside.display()
    ))
}

/// The signature over a text: by ourselves where the key can be read, else by ssh-keygen, which knows
/// agents, passphrases and hardware.
fn signature(key: &Path, text: &str) -> Result<String> {
    let content = std::fs::read_to_string(key)
        .with_context(|| format!("reading the key {}", key.display()))?;
    let own = threatgate_review::sign(&content, NAMESPACE, text.as_bytes());
    let why = match own {
        Ok(signature) => return Ok(signature),
        Err(why) => why,
    };
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}: {why}, and ssh-keygen cannot be run", key.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        std::io::Write::write_all(&mut stdin, text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "{}: {why}, and ssh-keygen could not sign with it either",
            key.display()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
