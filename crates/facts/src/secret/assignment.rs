//! Literals that a name marks as secret: `DB_PASSWORD = "…"`, whatever their format.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;
use serde::Deserialize;

use super::value::{
    is_filler, is_public, is_random, is_reference, is_short_random, is_strong, words,
};
use crate::error::RuleError;

/// Longer lines are data or were written by a tool.
const MAX_LINE: usize = 1000;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    names: Names,
    values: Values,
    files: Files,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    ends: Vec<String>,
    people: Vec<String>,
    after: Vec<String>,
    never: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    words: Vec<String>,
    trivial: Vec<String>,
    public: Vec<String>,
    hosts: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    unquoted: Vec<String>,
    markup: Vec<String>,
    prose: Vec<String>,
    messages: Vec<String>,
    locks: Vec<String>,
    tests: Vec<String>,
}

/// Knowledge of names, values and files.
#[derive(Default)]
pub(super) struct Assignments {
    file: File,
    ends: Vec<Vec<String>>,
    keywords: Option<AhoCorasick>,
}

/// A literal and the name that it is given.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A quoted literal after a name, perhaps with a type between. All patterns take ASCII only: with
/// bounds on it, a set of all of Unicode takes long to compile.
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r"(?P<name>[A-Za-z_][A-Za-z0-9_.\-]{1,80})";
    let operator = r"(?::\s{0,4}&?(?:'static )?[A-Za-z][A-Za-z0-9_<>\[\]|. ]{0,40}=|:=|=>|[:=])";
    let value = r#"(?:"(?P<a>[ -~&&[^"]]{8,300})"|'(?P<b>[ -~&&[^']]{8,300})'|`(?P<c>[ -~&&[^`]]{8,300})`)"#;
    Regex::new(&format!(
        r#"{name}["'`]?\]?\s{{0,40}}{operator}\s{{0,40}}[A-Za-z]{{0,2}}{value}"#
    ))
    .ok()
});

/// A call with the name and the literal: `getenv("DB_PASSWORD", "…")`.
static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"\(\s{0,8}["'](?P<name>[A-Za-z_][A-Za-z0-9_.\-]{1,80})["']\s{0,8},\s{0,8}(?:"(?P<a>[ -~&&[^"]]{8,300})"|'(?P<b>[ -~&&[^']]{8,300})')"#,
    )
    .ok()
});

/// A line of a configuration file.
static UNQUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"^\s{0,40}(?:export\s+|set\s+|ENV\s+|ARG\s+|-\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.\-]{1,80})\s{0,8}(?:=|:\s)\s{0,8}(?P<a>[!-~&&[^"'`#,;]]{8,300})\s{0,8}(?:#.*)?$"#,
    )
    .ok()
});

/// The text of an element: `<password>…</password>`, `<string name="api_key">…</string>`.
static ELEMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"<(?:[A-Za-z]{1,20} name=")?(?P<name>[A-Za-z_][A-Za-z0-9_.\-]{1,80})"?>(?P<a>[!-~&&[^<>]]{8,300})</"#,
    )
    .ok()
});

/// A pair of attributes: `<add key="Password" value="…"/>`.
static ATTRIBUTE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"\b(?:key|name)="(?P<name>[A-Za-z_][A-Za-z0-9_.:\-]{1,80})"\s{1,8}value="(?P<a>[!-~&&[^"<>]]{8,300})""#,
    )
    .ok()
});

impl Assignments {
    pub(super) fn parse(path: &str, text: &str) -> Result<Self, RuleError> {
        let file: File = crate::error::read_rules(path, text)?;
        let ends: Vec<Vec<String>> = file.names.ends.iter().map(|end| words(end)).collect();
        // The last word is somewhere in every name.
        let last: Vec<&str> = ends
            .iter()
            .filter_map(|end| end.last())
            .map(String::as_str)
            .collect();
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(last)
            .map_err(|error| RuleError {
                path: path.to_owned(),
                line: 1,
                message: error.to_string(),
            })?;
        Ok(Self {
            file,
            ends,
            keywords: Some(keywords),
        })
    }

    /// Whether a tool writes the file with digests of packages.
    pub(super) fn is_lock(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.file.files.locks.iter().any(|lock| lock == name)
    }

    /// Whether a value after a name is an illustration or a word for people.
    fn is_prose(&self, path: &str) -> bool {
        let files = &self.file.files;
        let lower = path.to_ascii_lowercase();
        files.prose.iter().any(|end| lower.ends_with(end.as_str()))
            || lower.split('/').any(|part| {
                files
                    .messages
                    .iter()
                    .any(|folder| folder == part.split('.').next().unwrap_or(part))
            })
    }

    /// The spans of tests that stand among the code that is shipped.
    pub(super) fn tests(&self, text: &str) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        let marks = &self.file.files.tests;
        if !marks.iter().any(|mark| text.contains(mark.as_str())) {
            return spans;
        }
        let (mut offset, mut marked, mut open) = (0, false, None);
        for line in text.split_inclusive('\n') {
            let start = offset;
            offset += line.len();
            match open {
                Some(from) if line.starts_with('}') => {
                    spans.push((from, offset));
                    open = None;
                }
                Some(_) => {}
                None if marked && line.trim_end().ends_with('{') => open = Some(start),
                None => {}
            }
            marked = marks.iter().any(|mark| line.starts_with(mark.as_str()));
        }
        spans
    }

    /// Whether a value stands without quotation marks there.
    fn is_unquoted(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let files = &self.file.files;
        files
            .unquoted
            .iter()
            .any(|end| name.ends_with(end.as_str()))
            || name.starts_with(".env.")
    }

    /// Whether values stand in elements and attributes there.
    fn is_markup(&self, path: &str) -> bool {
        let mut ends = self.file.files.markup.iter();
        ends.any(|end| path.ends_with(end.as_str()))
    }

    /// The words of a name, without those at its end that say which one it is. None where a word
    /// says that its values are public or made up.
    fn telling_words(&self, name: &str) -> Option<Vec<String>> {
        let names = &self.file.names;
        // `config.test.password`: the last part names the value.
        let last = name.rsplit('.').next().unwrap_or(name);
        if words(last).iter().any(|word| names.never.contains(word)) {
            return None;
        }
        // `shop.api.key`: all parts together say that it is secret.
        let mut parts = words(name);
        while parts.last().is_some_and(|word| {
            names.after.contains(word) || word.bytes().all(|byte| byte.is_ascii_digit())
        }) {
            parts.pop();
        }
        Some(parts)
    }

    /// Whether a name that tells a provider may be that of a secret: `ALGOLIA_ADMIN_KEY`.
    pub(super) fn may_be_secret(&self, name: &str) -> bool {
        let parts = self.telling_words(name).unwrap_or_default();
        let last = parts.last();
        last.is_some_and(|last| self.ends.iter().any(|end| end.last() == Some(last)))
    }

    /// Whether the name says secret, and whether people choose such values.
    pub(super) fn judge_name(&self, name: &str) -> Option<bool> {
        let parts = self.telling_words(name)?;
        let last = parts.last()?;
        let ends = self.ends.iter().any(|end| {
            parts.ends_with(end)
                // `dbpassword`, `authtoken`: words without a seam.
                || (end.len() == 1 && end[0].len() >= 5 && last.ends_with(end[0].as_str()))
        });
        let people = || {
            let mut people = self.file.names.people.iter();
            people.any(|word| last.ends_with(word.as_str()))
        };
        ends.then(people)
    }

    /// Whether words of the value, of `least` letters or more, say that it is none.
    pub(super) fn is_placeholder(&self, value: &str, least: usize) -> bool {
        let words = words(value);
        let list = &self.file.values.words;
        let lower = value.to_ascii_lowercase();
        words
            .iter()
            .any(|word| word.len() >= least && list.contains(word))
            || list
                .iter()
                .any(|word| word.len() >= 5 && lower.contains(word.as_str()))
    }

    /// Whether a value is made of words that every development database uses.
    pub(super) fn is_trivial(&self, value: &str) -> bool {
        words(value).iter().all(|word| {
            self.file.values.trivial.contains(word)
                || word.bytes().all(|byte| byte.is_ascii_digit())
        })
    }

    /// Whether a host is documentation's, the own machine or a container beside it.
    pub(super) fn is_local(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        !host.contains('.')
            || self.file.values.hosts.iter().any(|known| {
                host == *known
                    || (host.ends_with(known.as_str())
                        && (known.starts_with('.')
                            || host[..host.len() - known.len()].ends_with('.')))
            })
    }

    /// Whether the value of a name that says secret can be one.
    pub(super) fn judge_value(&self, name: &str, value: &str, people: bool) -> bool {
        if is_reference(value) || is_public(value) || is_filler(value) {
            return false;
        }
        let mut public = self.file.values.public.iter();
        if public.any(|start| value.starts_with(start.as_str())) {
            return false;
        }
        if self.is_placeholder(value, 3) || self.is_trivial(value) {
            return false;
        }
        // A name that is its own value is a key in a store, not a secret.
        let squeezed = |text: &str| words(text).concat();
        if squeezed(value).contains(&squeezed(name)) {
            return false;
        }
        is_random(value) || (people && (is_strong(value) || is_short_random(value)))
    }

    /// The literals of a text with the names that they are given, where a name may say secret.
    pub(super) fn pairs<'a>(&self, path: &str, text: &'a str) -> Vec<Pair<'a>> {
        let mut pairs: Vec<Pair<'a>> = Vec::new();
        let Some(keywords) = &self.keywords else {
            return pairs;
        };
        if self.is_prose(path) {
            return pairs;
        }
        let unquoted = self.is_unquoted(path);
        let markup = self.is_markup(path);
        let (mut offset, mut comment) = (0, false);
        let last_end = text.rfind("*/").unwrap_or(0);
        for whole in text.split_inclusive('\n') {
            let start = offset;
            offset += whole.len();
            let line = whole.trim_end_matches(['\n', '\r']);
            // A comment over several lines describes; it may hold an answer of somebody's service.
            if comment || line.trim_start().starts_with("/*") {
                comment = !line.contains("*/") && offset <= last_end;
                continue;
            }
            if line.len() > MAX_LINE || !keywords.is_match(line) {
                continue;
            }
            let mut patterns = vec![&QUOTED, &CALL];
            if unquoted {
                patterns.push(&UNQUOTED);
            }
            if markup {
                patterns.extend([&ELEMENT, &ATTRIBUTE]);
            }
            for pattern in patterns.into_iter().filter_map(|pattern| pattern.as_ref()) {
                for captures in pattern.captures_iter(line) {
                    let value = ["a", "b", "c"]
                        .iter()
                        .find_map(|group| captures.name(group));
                    let (Some(name), Some(value)) = (captures.name("name"), value) else {
                        continue;
                    };
                    // `"…" + rest` and `"…" % rest` are parts of something.
                    let after = line[value.end()..].trim_start_matches(['"', '\'', '`']);
                    if after.trim_start().starts_with(['+', '%']) {
                        continue;
                    }
                    let start = start + value.start();
                    // `<add key="Token" value="…">` gives one value two names.
                    let known =
                        |other: &Pair<'_>| other.start == start && other.name == name.as_str();
                    if !pairs.iter().rev().take(20).any(known) {
                        pairs.push(Pair {
                            name: name.as_str(),
                            start,
                            end: start + value.len(),
                        });
                    }
                }
            }
        }
        pairs
    }
}
