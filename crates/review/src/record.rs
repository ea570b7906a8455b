//! A sign-off as it is written: `.threatgate/reviews/TR-…/SIGNER.toml` with its signature beside it in
//! `SIGNER.toml.sig`, or both in a git note.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use threatgate_assess::{AnswerKind, Question, Review};

/// A record that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct RecordError {
    /// The file or note.
    pub file: String,
    /// What is wrong.
    pub message: String,
}

/// What the signer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The change may be merged.
    #[default]
    Approve,
    /// As approve, by somebody who contributed to it; counts where the policy allows it.
    SelfReview,
    /// It may not, as it is.
    Reject,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question's words: numbers move, words do not.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// A sign-off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this format: 1.
    pub version: u32,
    /// `TR-…`
    pub review: String,
    /// What is signed: the review's fingerprint.
    pub fingerprint: String,
    /// What the signer says.
    #[serde(default)]
    pub decision: Decision,
    /// A principal of allowed signers.
    pub signer: String,
    /// The day.
    pub date: jiff::civil::Date,
    /// The last day on which it counts.
    pub expires: jiff::civil::Date,
    /// Anything else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The answers.
    #[serde(default, rename = "answer", skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// What the fingerprint was made of, so that a later reader sees what changed since.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
}

impl Record {
    /// A record of a review without answers.
    pub fn new(
        review: &Review,
        signer: &str,
        date: jiff::civil::Date,
        expires: jiff::civil::Date,
    ) -> Self {
        Self {
            version: 1,
            review: review.id.clone(),
            fingerprint: review.fingerprint.clone(),
            decision: Decision::Approve,
            signer: signer.to_owned(),
            date,
            expires,
            comment: String::new(),
            answers: Vec::new(),
            inputs: review.inputs.clone(),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// A text that is none, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, RecordError> {
        let error = |message: String| RecordError {
            file: file.to_owned(),
            message,
        };
        let record: Self = toml::from_str(text).map_err(|wrong| {
            let line = wrong.span().map_or(1, |span| {
                text[..span.start.min(text.len())].matches('\n').count() + 1
            });
            error(format!("line {line}: {}", wrong.message()))
        })?;
        if record.version != 1 {
            return Err(error(format!(
                "version {} of a sign-off is not known; expected 1",
                record.version
            )));
        }
        Ok(record)
    }

    /// The record as it is signed.
    ///
    /// # Errors
    /// None that a record can have; the writer's own.
    pub fn text(&self) -> Result<String, RecordError> {
        toml::to_string_pretty(self).map_err(|wrong| RecordError {
            file: self.review.clone(),
            message: wrong.to_string(),
        })
    }

    /// Sets the answer to a question.
    pub fn answer(&mut self, question: &Question, answer: &str) {
        self.answers.retain(|one| one.question != question.text);
        self.answers.push(Answer {
            question: question.text.clone(),
            answer: answer.trim().to_owned(),
        });
    }

    /// The answer to a question.
    pub fn answer_to(&self, question: &Question) -> Option<&str> {
        let answer = self
            .answers
            .iter()
            .find(|one| one.question == question.text);
        answer.map(|one| one.answer.as_str())
    }

    /// What is missing or does not answer, in sentences.
    pub fn missing(&self, review: &Review) -> Vec<String> {
        let questions = review.questions.iter();
        questions
            .filter_map(|question| {
                let fault = match self.answer_to(question) {
                    None | Some("") => "is not answered".to_owned(),
                    Some(answer) => fault(question.answer, answer)?.to_owned(),
                };
                Some(format!("{} ({}) {fault}", question.id, question.text))
            })
            .collect()
    }

    /// Whether an answer links to evidence; words alone never close what is blocked.
    pub fn has_evidence(&self) -> bool {
        self.answers
            .iter()
            .any(|one| one.answer.split_whitespace().any(is_link))
    }
}

fn is_link(word: &str) -> bool {
    let word = word.trim_matches(['(', ')', ',', '.', '<', '>']);
    word.starts_with("https://") && word.len() > 12
        || word.contains('/')
            && word.contains('.')
            && !word.starts_with('/')
            && !word.contains("..")
}

/// Why a text is no answer of this kind.
fn fault(kind: AnswerKind, answer: &str) -> Option<&'static str> {
    let first = answer
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let good = match kind {
        AnswerKind::Text => answer.chars().filter(|c| c.is_alphanumeric()).count() >= 2,
        AnswerKind::Choice => matches!(first.as_str(), "yes" | "no"),
        AnswerKind::Link => answer.split_whitespace().any(is_link),
        AnswerKind::Person => answer.chars().any(char::is_alphabetic),
    };
    (!good).then_some(match kind {
        AnswerKind::Text => "needs words",
        AnswerKind::Choice => "needs yes or no first",
        AnswerKind::Link => "needs an https:// link or a path in the repository",
        AnswerKind::Person => "needs somebody's name",
    })
}

/// Records and signatures of a git note, in its order; what is no such pair is left out.
pub fn notes(text: &str) -> Vec<(String, String)> {
    const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
    const END: &str = "-----END SSH SIGNATURE-----";
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let Some(end) = rest[begin..].find(END).map(|end| begin + end + END.len()) else {
            break;
        };
        let record = rest[..begin].trim_start_matches(['\n', '\r']);
        pairs.push((record.to_owned(), format!("{}\n", &rest[begin..end])));
        rest = &rest[end..];
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked_by_their_kind() {
        let check = |kind, answer: &str| fault(kind, answer).is_none();
        assert!(check(AnswerKind::Choice, "Yes, by SEC-12"));
        assert!(!check(AnswerKind::Choice, "perhaps"));
        assert!(check(AnswerKind::Link, "see https://ci.example.org/1"));
        assert!(check(AnswerKind::Link, "tests/test_users.py"));
        assert!(!check(AnswerKind::Link, "it is tested"));
        assert!(!check(AnswerKind::Text, " - "));
        assert!(check(AnswerKind::Person, "Eve"));
        assert_eq!(
            AnswerKind::of("Is it public? (yes/no)"),
            ("Is it public?", AnswerKind::Choice)
        );
        assert_eq!(
            AnswerKind::of("Which test proves it? (link)"),
            ("Which test proves it?", AnswerKind::Link)
        );
        assert_eq!(
            AnswerKind::of("Who may call it (and why)?"),
            ("Who may call it (and why)?", AnswerKind::Text)
        );
    }

    #[test]
    fn a_record_survives_writing_and_a_note() {
        let mut review = Review::default();
        review.inputs.insert("policy \"x\"".into(), "a\nb".into());
        review.seal();
        let day = jiff::civil::date(2026, 6, 1);
        let mut record = Record::new(&review, "bob@example.org", day, day);
        let question = Question {
            text: "Why?".into(),
            ..Question::default()
        };
        record.answer(&question, "Because.");
        let text = record.text().unwrap();
        assert_eq!(Record::parse("x", &text).unwrap(), record);
        let signature = "-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n";
        let note = format!("{text}{signature}\n{text}{signature}");
        let pair = (text, signature.to_owned());
        assert_eq!(notes(&note), [pair.clone(), pair]);
        assert!(Record::parse("x", "version = 1\nodd = 2\n").is_err());
    }
}
