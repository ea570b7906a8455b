//! Credentials in any text: formats of providers, private keys, addresses with a password, and
//! literals that a name calls secret.
//!
//! A value never leaves this module. What goes out is its place, its length, the part of its
//! prefix that the rule file spells out (four characters at most), and a digest. The digest is
//! there so that the same value in two revisions compares as equal. For values that machines drew
//! it has 64 bits: nobody can try all values. What people choose can be guessed, so a long digest
//! would confirm a guess, as it would for a short value that a machine drew; its digest has 8 bits, which leaves one of 256 guesses standing and
//! lets one of 256 replaced passwords pass as the old one.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use serde_json::json;

use self::assignment::{Assignments, Pair};
use self::check::{Check, basic_auth, compact};
use self::format::{Format, Mark};
use self::value::{entropy, is_filler, is_random, is_reference};
use crate::error::RuleError;
use crate::fact::{Attributes, Confidence, Fact, FactKind, Problem, Scope};
use crate::plain::location;

mod assignment;
mod check;
mod format;
mod hide;
#[cfg(test)]
mod tests;
mod value;
mod wrapped;

pub use self::hide::Credentials;

/// More credentials in one file are a list of samples.
const MAX_PER_FILE: usize = 200;
/// A value with fewer bits of entropy could be found by trying.
const GUESSABLE: f64 = 64.0;
/// How far around a value words are looked for that make it public, in bytes.
const NEAR: usize = 600;
/// The context of the digest's key (BLAKE3, `derive_key` mode).
const CONTEXT: &str = "threatgate 2026-11 secret fact identity";

/// All formats and the knowledge of names.
#[derive(Default)]
pub(crate) struct Secrets {
    formats: Vec<Format>,
    assignments: Assignments,
    keywords: Option<AhoCorasick>,
    /// The formats of each keyword.
    owners: Vec<Vec<usize>>,
    /// The formats that a name tells, by the first of the words.
    named: BTreeMap<String, Vec<usize>>,
}

/// A value's place and what is known of it.
struct Hit {
    start: usize,
    end: usize,
    id: String,
    rule: String,
    provider: String,
    preview: String,
    validated: bool,
    confidence: Confidence,
    /// By what it was found; a name that tells the provider knows better than a prefix.
    mark: Mark,
}

impl Secrets {
    /// Reads `secrets/` of the rules.
    pub(crate) fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut secrets = Self::default();
        let mut known = BTreeSet::new();
        let own = files
            .iter()
            .filter(|(path, _)| path.starts_with("secrets/"));
        for (path, text) in own {
            if path.ends_with("/assignments.toml") {
                secrets.assignments = Assignments::parse(path, text)?;
                continue;
            }
            for format in format::parse(path, text)? {
                if !known.insert(format.id.clone()) {
                    return Err(RuleError {
                        path: format.place.0,
                        line: format.place.1,
                        message: format!("format {} exists already", format.id),
                    });
                }
                secrets.formats.push(format);
            }
        }
        let mut words: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, format) in secrets.formats.iter().enumerate() {
            for word in &format.keywords {
                let owners = words.entry(word.to_ascii_lowercase()).or_default();
                owners.push(index);
            }
            for name in &format.named {
                if let Some(first) = name.first() {
                    secrets.named.entry(first.clone()).or_default().push(index);
                }
            }
        }
        let (words, owners): (Vec<String>, Vec<Vec<usize>>) = words.into_iter().unzip();
        secrets.owners = owners;
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(words)
            .map_err(|error| RuleError {
                path: "secrets".into(),
                line: 1,
                message: error.to_string(),
            })?;
        secrets.keywords = Some(keywords);
        Ok(secrets)
    }

    /// The credentials of one text.
    pub(crate) fn extract(
        &self,
        path: &str,
        text: &str,
        scope: Scope,
        facts: &mut Vec<Fact>,
        problems: &mut Vec<Problem>,
    ) {
        if self.assignments.is_lock(path) {
            return;
        }
        let (mut hits, rejected) = self.formats(text, problems);
        // A name in a bundle or in somebody else's code says little.
        if !matches!(scope, Scope::Generated | Scope::Vendored) {
            for pair in self.assignments.pairs(path, text) {
                // A format knows better than a name.
                let known = |span: &(usize, usize)| pair.start < span.1 && span.0 < pair.end;
                if !rejected.iter().any(known) {
                    hits.extend(self.of_pair(text, &pair));
                }
            }
        }
        for inner in wrapped::find(text) {
            let (found, _) = self.formats(&inner.text, problems);
            hits.extend(found.into_iter().take(1).map(|hit| Hit {
                start: inner.start,
                end: inner.end,
                provider: format!("{} in base64", hit.provider),
                ..hit
            }));
        }
        // Where several formats see one place, the surest speaks, then the earlier in the rules.
        let mut chosen: Vec<Hit> = Vec::new();
        hits.sort_by_key(|hit| (hit.rule == "assignment", hit.confidence, hit.mark));
        let all = hits.len();
        for hit in hits.into_iter().take(MAX_PER_FILE * 4) {
            let free = |other: &Hit| hit.end <= other.start || other.end <= hit.start;
            if chosen.len() < MAX_PER_FILE && chosen.iter().all(free) {
                chosen.push(hit);
            }
        }
        if chosen.len() == MAX_PER_FILE && all > MAX_PER_FILE {
            problems.push(Problem {
                path: path.to_owned(),
                line: None,
                reason: format!("more than {MAX_PER_FILE} credentials; the rest was left out"),
                whole: false,
            });
        }
        chosen.sort_by_key(|hit| hit.start);
        let tests = if chosen.is_empty() || scope != Scope::Production {
            Vec::new()
        } else {
            self.assignments.tests(text)
        };
        for hit in chosen {
            let tested = tests
                .iter()
                .any(|span| span.0 <= hit.start && hit.end <= span.1);
            let scope = if tested { Scope::Test } else { scope };
            // Tests and examples are full of values that open nothing.
            if hit.confidence == Confidence::Heuristic
                && matches!(scope, Scope::Test | Scope::Example)
            {
                continue;
            }
            let mut attributes = Attributes::new();
            attributes.insert("provider".into(), json!(hit.provider));
            attributes.insert("preview".into(), json!(hit.preview));
            attributes.insert("validated".into(), json!(hit.validated));
            // What a policy names to allow the value: the identity without its kind.
            let digest = hit.id.trim_start_matches("secret:");
            attributes.insert("digest".into(), json!(digest));
            facts.push(Fact {
                kind: FactKind::Secret,
                identity: hit.id,
                attributes,
                location: location(path, text, hit.start, hit.end),
                rule: hit.rule,
                confidence: hit.confidence,
                scope,
                evidence: Vec::new(),
            });
        }
    }

    /// The values of formats, and the spans of what has a format and is no real value.
    fn formats(&self, text: &str, problems: &mut Vec<Problem>) -> (Vec<Hit>, Vec<(usize, usize)>) {
        let (mut hits, mut rejected) = (Vec::new(), Vec::new());
        let Some(keywords) = &self.keywords else {
            return (hits, rejected);
        };
        // From where on each format looks for its next value.
        let mut next: Vec<usize> = vec![0; self.formats.len()];
        let mut whole = BTreeSet::new();
        for found in keywords.find_overlapping_iter(text) {
            for index in &self.owners[found.pattern().as_usize()] {
                let format = &self.formats[*index];
                if format.mark == Mark::File {
                    whole.insert(*index);
                } else if next[*index] <= found.start()
                    && format.may_begin(text, found.start(), found.end())
                    && let Some(compiled) = compiled(format, problems)
                {
                    let from = found.start().saturating_sub(compiled.before);
                    let from = floor(text, from.max(next[*index]));
                    let to = floor(text, found.end() + compiled.reach);
                    let window = (from, to);
                    let end = self.try_window(format, text, window, &mut hits, &mut rejected);
                    next[*index] = end.max(found.end());
                }
            }
        }
        for format in whole.into_iter().map(|index| &self.formats[index]) {
            if compiled(format, problems).is_some() {
                self.try_window(format, text, (0, text.len()), &mut hits, &mut rejected);
            }
        }
        (hits, rejected)
    }

    /// The values of one format in a part of the text; where the last of them ends.
    fn try_window(
        &self,
        format: &Format,
        text: &str,
        (from, to): (usize, usize),
        hits: &mut Vec<Hit>,
        rejected: &mut Vec<(usize, usize)>,
    ) -> usize {
        let mut end = 0;
        let Some(compiled) = format.compiled() else {
            return end;
        };
        let all = compiled.regex.captures_iter(&text[from..to]);
        for captures in all.take(MAX_PER_FILE + 1) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            end = from + whole.end();
            let value = captures.name("value").unwrap_or(whole);
            let host = captures.name("host").map(|host| host.as_str());
            let span = (from + value.start(), from + value.end());
            let open = whole.start() == value.start() && !starts_free(text, span.0);
            let on = whole.end() == value.end() && !ends_free(text, span.1);
            if open || on || hits.len() > MAX_PER_FILE * 4 {
                continue;
            }
            if self.is_real(format, text, span, host) {
                hits.push(hit(format, value.as_str(), span.0));
            } else {
                rejected.push(span);
            }
        }
        end
    }

    /// A literal as a provider's whom its name tells, or as a secret because its name says so.
    fn of_pair(&self, text: &str, pair: &Pair<'_>) -> Option<Hit> {
        let value = &text[pair.start..pair.end];
        if !self.assignments.may_be_secret(pair.name)
            && self.assignments.judge_name(pair.name).is_none()
        {
            return None;
        }
        let parts = value::words(pair.name);
        for (at, word) in parts.iter().enumerate() {
            for index in self.named.get(word).into_iter().flatten() {
                let format = &self.formats[*index];
                let span = (pair.start, pair.end);
                let whole = |name: &Vec<String>| parts[at..].starts_with(name);
                if format.named.iter().any(whole)
                    && format
                        .compiled()
                        .is_some_and(|compiled| compiled.regex.is_match(value))
                    && self.is_real(format, text, span, None)
                {
                    return Some(hit(format, value, pair.start));
                }
            }
        }
        let people = self.assignments.judge_name(pair.name)?;
        self.assignments
            .judge_value(pair.name, value, people)
            .then(|| Hit {
                start: pair.start,
                end: pair.end,
                id: format!(
                    "secret:assignment:{}:{}",
                    pair.name.to_ascii_lowercase(),
                    digest(value, true)
                ),
                rule: "assignment".into(),
                provider: format!("secret literal of {}", pair.name),
                preview: format!("{} characters", value.chars().count()),
                validated: false,
                confidence: Confidence::Heuristic,
                mark: Mark::Name,
            })
    }

    /// Whether a value of the format can be one that somebody uses.
    fn is_real(
        &self,
        format: &Format,
        text: &str,
        (start, end): (usize, usize),
        host: Option<&str>,
    ) -> bool {
        let value = &text[start..end];
        if format.check.is_some_and(|check| !check.passes(value))
            || format
                .examples
                .iter()
                .any(|example| value.starts_with(example.as_str()))
        {
            return false;
        }
        // The prefix is the same in all values: `sk_test_` is no word for a placeholder.
        let prefix = format
            .keywords
            .iter()
            .filter(|word| value.starts_with(word.as_str()))
            .map(String::len)
            .max();
        let body = &value[prefix.unwrap_or(0)..];
        if format.check == Some(Check::BasicAuth) {
            let password = basic_auth(value).unwrap_or_default();
            return password.len() >= 6
                && !is_reference(&password)
                && !is_filler(&password)
                && !self.assignments.is_placeholder(&password, 3)
                && !self.assignments.is_trivial(&password);
        }
        let multiline = format.check == Some(Check::Base64Body);
        if entropy(body) < format.min_entropy || (!multiline && is_filler(body)) {
            return false;
        }
        if multiline || format.check == Some(Check::Jwt) {
            return true;
        }
        // Three letters are in every other random value by chance.
        let least = if format.chosen_by_people { 3 } else { 4 };
        if self.assignments.is_placeholder(body, least) || body.contains("...") {
            return false;
        }
        if format.chosen_by_people {
            if is_reference(value) || self.assignments.is_trivial(value) {
                return false;
            }
            if host.is_some_and(|host| self.assignments.is_local(host)) && !is_random(value) {
                return false;
            }
        }
        let near = floor(text, start.saturating_sub(NEAR))..floor(text, end + NEAR);
        !format
            .unless
            .iter()
            .any(|word| text[near.clone()].contains(word.as_str()))
    }
}

/// A format's pattern, or a problem where it is none.
fn compiled<'a>(format: &'a Format, problems: &mut Vec<Problem>) -> Option<&'a format::Compiled> {
    let compiled = format.compiled();
    if compiled.is_none() {
        problems.push(Problem {
            path: format.place.0.clone(),
            line: Some(format.place.1),
            reason: format!("the pattern of {} is no regular expression", format.id),
            whole: false,
        });
    }
    compiled
}

/// A value of a format.
fn hit(format: &Format, value: &str, start: usize) -> Hit {
    let normal = match format.check {
        Some(Check::Base64Body) => compact(value),
        _ => value.to_owned(),
    };
    let bits = entropy(&normal) * normal.len() as f64;
    let guessable = format.chosen_by_people || bits < GUESSABLE;
    Hit {
        start,
        end: start + value.trim_end().len(),
        id: format!("secret:{}:{}", format.id, digest(&normal, guessable)),
        rule: format.id.clone(),
        provider: format.provider.clone(),
        preview: preview(format, &normal),
        validated: format.check.is_some_and(|check| check.proves(value)),
        confidence: format.confidence,
        mark: format.mark,
    }
}

/// The next character boundary at or before an offset.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Whether a value does not go on to the left. The `n` of an escaped line end is no part of it.
fn starts_free(text: &str, at: usize) -> bool {
    let before = text.as_bytes()[..at].last_chunk::<2>();
    let last = text.as_bytes()[..at].last();
    last.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        || before.is_some_and(|pair| pair[0] == b'\\' && pair[1].is_ascii_alphabetic())
}

/// Whether a value does not go on to the right.
fn ends_free(text: &str, at: usize) -> bool {
    text.as_bytes()
        .get(at)
        .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
}

/// A digest to compare values by, in hexadecimal; short where the value could be guessed.
fn digest(value: &str, guessable: bool) -> String {
    let key = blake3::derive_key(CONTEXT, value.as_bytes());
    let length = if guessable { 1 } else { 8 };
    key[..length]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What may be shown: at most four characters that the rule file itself spells out, and the
/// length.
fn preview(format: &Format, value: &str) -> String {
    let length = value.chars().count();
    let prefix = format
        .keywords
        .iter()
        .filter(|word| !format.chosen_by_people && value.starts_with(word.as_str()))
        .map(|word| word.chars().take(4).collect::<String>())
        .max_by_key(String::len);
    match prefix {
        Some(prefix) => format!("{prefix}…, {length} characters"),
        None => format!("{length} characters"),
    }
}
