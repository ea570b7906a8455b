//! Credential formats as data: `rules/secrets/`.

use std::sync::OnceLock;

use regex::Regex;
use regex_syntax::hir::Hir;
use regex_syntax::hir::literal::Extractor;
use serde::Deserialize;

use super::check::Check;
use super::value::words;
use crate::error::{RuleError, read_rules};
use crate::fact::Confidence;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "format")]
    formats: Vec<Entry>,
}

/// A credential's format as it stands in a rule file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    id: String,
    provider: String,
    source: String,
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    file_has: Vec<String>,
    #[serde(default)]
    named: Vec<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    check: Option<Check>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default = "usual_entropy")]
    min_entropy: f64,
    #[serde(default = "usual_confidence")]
    confidence: Confidence,
    #[serde(default)]
    chosen_by_people: bool,
}

fn usual_entropy() -> f64 {
    3.0
}

fn usual_confidence() -> Confidence {
    Confidence::Heuristic
}

/// By what a value of a format is found; what says most about the provider first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// The name that the value is given says whose it is.
    Name,
    /// The value has no mark of its own; one of the keywords is somewhere in the file.
    File,
    /// One of the keywords is a part of every value or of what stands around it.
    Keyword,
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
    /// By what it is found.
    pub(super) mark: Mark,
    /// One of these is in every text that holds a value.
    pub(super) keywords: Vec<String>,
    /// Words of a provider, one of which is in the name of the value.
    pub(super) named: Vec<Vec<String>>,
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
    /// Whether the pattern as it is written begins with a keyword.
    begins: bool,
    compiled: OnceLock<Option<Compiled>>,
}

/// A pattern ready for use, and how far from a keyword it must be tried.
pub(super) struct Compiled {
    /// The pattern; where `before` is 0 it holds at the beginning only.
    pub(super) regex: Regex,
    /// Bytes of a match that may stand before the keyword.
    pub(super) before: usize,
    /// Bytes that a match may have.
    pub(super) reach: usize,
}

/// Longer values are cut where they are read; keys of 16,384 bits are shorter.
const MAX_REACH: usize = 16 * 1024;
/// Most bytes of a match before its keyword.
const MAX_BEFORE: usize = 512;

impl Format {
    /// The compiled pattern; most runs need only a few of them. `None` when it is no regular
    /// expression.
    pub(super) fn compiled(&self) -> Option<&Compiled> {
        self.compiled
            .get_or_init(|| {
                let hir = regex_syntax::parse(&self.pattern).ok()?;
                let reach = hir.properties().maximum_len().unwrap_or(MAX_REACH);
                let reach = reach.min(MAX_REACH);
                let at_start = self.mark == Mark::Keyword && self.starts_with_keyword(&hir);
                let pattern = match self.mark {
                    Mark::Name => format!(r"\A(?:{})\z", self.pattern),
                    _ if at_start => format!(r"\A(?:{})", self.pattern),
                    _ => self.pattern.clone(),
                };
                Some(Compiled {
                    regex: Regex::new(&pattern).ok()?,
                    before: if at_start { 0 } else { reach.min(MAX_BEFORE) },
                    reach,
                })
            })
            .as_ref()
    }

    /// Whether every match begins with one of the keywords.
    fn starts_with_keyword(&self, hir: &Hir) -> bool {
        let prefixes = Extractor::new().extract(hir);
        prefixes.literals().is_some_and(|literals| {
            !literals.is_empty()
                && literals.iter().all(|literal| {
                    self.keywords
                        .iter()
                        .any(|word| literal.as_bytes().starts_with(word.as_bytes()))
                })
        })
    }

    /// Whether a value may begin where the keyword was found; asked before anything is compiled.
    pub(super) fn may_begin(&self, text: &str, start: usize, end: usize) -> bool {
        !self.begins
            || (super::starts_free(text, start)
                && self.keywords.iter().any(|word| *word == text[start..end]))
    }
}

/// Reads one rule file's formats.
pub(super) fn parse(path: &str, text: &str) -> Result<Vec<Format>, RuleError> {
    let file: File = read_rules(path, text)?;
    let mut formats = Vec::with_capacity(file.formats.len());
    // Each entry is told by the line of its heading.
    let lines = text.lines().zip(1..);
    let mut headings = lines.filter_map(|(line, number)| {
        let heading = line.trim_start().starts_with("[[format]]");
        heading.then_some(number)
    });
    for entry in file.formats {
        let line = headings.next().unwrap_or(1);
        let wrong = |message: &str| RuleError {
            path: path.to_owned(),
            line,
            message: format!("format {}: {message}", entry.id),
        };
        let marks = [&entry.keywords, &entry.file_has, &entry.named];
        if marks.iter().filter(|words| !words.is_empty()).count() != 1 {
            return Err(wrong(
                "expected one of `keywords`, `file-has` and `named`: by what is a value found?",
            ));
        }
        let mark = match (entry.named.is_empty(), entry.file_has.is_empty()) {
            (false, _) => Mark::Name,
            (_, false) => Mark::File,
            _ => Mark::Keyword,
        };
        let pattern = match (mark, &entry.pattern, &entry.value) {
            (Mark::Name, None, Some(value)) => value.clone(),
            (Mark::Keyword | Mark::File, Some(pattern), None) => pattern.clone(),
            _ => return Err(wrong("expected `value` beside `named`, else `pattern`")),
        };
        let keywords = if mark == Mark::File {
            entry.file_has.clone()
        } else {
            entry.keywords.clone()
        };
        if keywords.iter().any(|word| word.len() < 3) {
            return Err(wrong("expected keywords of at least 3 characters"));
        }
        if !entry.source.starts_with("https://") {
            return Err(wrong("expected a source that starts with https://"));
        }
        formats.push(Format {
            begins: mark == Mark::Keyword
                && keywords.len() == 1
                && pattern.starts_with(keywords[0].as_str()),
            named: entry.named.iter().map(|name| words(name)).collect(),
            id: entry.id,
            provider: entry.provider,
            pattern,
            mark,
            keywords,
            check: entry.check,
            unless: entry.unless,
            examples: entry.examples,
            min_entropy: entry.min_entropy,
            confidence: entry.confidence,
            chosen_by_people: entry.chosen_by_people,
            place: (path.to_owned(), line),
            compiled: OnceLock::new(),
        });
    }
    Ok(formats)
}
