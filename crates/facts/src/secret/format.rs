//! Credential formats as data: `rules/secrets/`.

use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;
use toml::Spanned;

use super::check::Check;
use crate::error::{RuleError, position};
use crate::fact::Confidence;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "format")]
    formats: Vec<Spanned<Entry>>,
}

/// A credential's format as it stands in a rule file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    id: String,
    provider: String,
    source: String,
    pattern: String,
    keywords: Vec<String>,
    #[serde(default)]
    check: Option<Check>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    examples: Vec<String>,
    min_entropy: f64,
    confidence: Confidence,
    #[serde(default)]
    chosen_by_people: bool,
}

/// A credential's format.
pub(super) struct Format {
    /// Its id, unique.
    pub(super) id: String,
    /// Who issues it and what it is, in words.
    pub(super) provider: String,
    /// The text around and of the value: the group `value`, else the whole; `host` where the
    /// value opens a host.
    pub(super) pattern: String,
    /// One of these is in every text that holds a value.
    pub(super) keywords: Vec<String>,
    /// What verifies a value.
    pub(super) check: Option<Check>,
    /// Words near a value that make it public.
    pub(super) unless: Vec<String>,
    /// First characters of values that documentation shows.
    pub(super) examples: Vec<String>,
    /// Least entropy in bits per character.
    pub(super) min_entropy: f64,
    /// How much the format proves.
    pub(super) confidence: Confidence,
    /// Whether people choose the value, so that it can be guessed.
    pub(super) chosen_by_people: bool,
    /// The rule file and line.
    pub(super) place: (String, u32),
    regex: OnceLock<Option<Regex>>,
}

impl Format {
    /// The compiled pattern; most runs need only a few of them. `None` when it is no regular
    /// expression.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.regex
            .get_or_init(|| Regex::new(&self.pattern).ok())
            .as_ref()
    }
}

/// Reads one rule file's formats.
pub(super) fn parse(path: &str, text: &str) -> Result<Vec<Format>, RuleError> {
    let file: File = toml::from_str(text).map_err(|error| RuleError::toml(path, text, &error))?;
    let mut formats = Vec::with_capacity(file.formats.len());
    for entry in file.formats {
        let line = position(text, entry.span().start).0;
        let entry = entry.into_inner();
        let wrong = |message: &str| RuleError {
            path: path.to_owned(),
            line,
            message: format!("format {}: {message}", entry.id),
        };
        if entry.keywords.is_empty() || entry.keywords.iter().any(|word| word.len() < 3) {
            return Err(wrong("expected keywords of at least 3 characters"));
        }
        if !entry.source.starts_with("https://") {
            return Err(wrong("expected a source that starts with https://"));
        }
        formats.push(Format {
            id: entry.id,
            provider: entry.provider,
            pattern: entry.pattern,
            keywords: entry.keywords,
            check: entry.check,
            unless: entry.unless,
            examples: entry.examples,
            min_entropy: entry.min_entropy,
            confidence: entry.confidence,
            chosen_by_people: entry.chosen_by_people,
            place: (path.to_owned(), line),
            regex: OnceLock::new(),
        });
    }
    Ok(formats)
}
