//! What templates put out, and through what: a value that went through a sanitiser and no longer
//! does, an element that cleans and gave way to one that does not, a link that opens a window and
//! hands its own to it. `rules/templates/` says how each kind of template writes that.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use crate::cleaning::word;
use crate::error::position;
use crate::fact::{Attributes, Confidence, Fact, FactKind, Location, Scope};
use crate::lazy::{LazyGlobs, LazyRegex};

/// Outputs of one file; more are not listed.
const MAX_OUTPUTS: usize = 3000;

/// How a kind of template puts out values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputEntry {
    pub(super) id: String,
    files: Vec<String>,
    /// A regular expression whose group is what is put out.
    find: String,
    /// Names of calls and filters that clean, as regular expressions.
    #[serde(default)]
    words: Vec<String>,
    /// Those that do nothing where all is escaped, and count where a value is put out as it is.
    #[serde(default)]
    raw_words: Vec<String>,
    /// What says that a value is put out as it is.
    #[serde(default)]
    raw: Vec<String>,
}

/// Elements whose name says that they clean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ElementEntry {
    pub(super) id: String,
    files: Vec<String>,
    /// Groups `name` and `value`.
    find: String,
}

/// Links that open a window.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkEntry {
    pub(super) id: String,
    files: Vec<String>,
    /// The tag.
    find: String,
    /// It opens a window.
    opens: String,
    /// The window does not get hold of this one.
    safe: String,
    /// Where it leads.
    to: String,
}

struct Output {
    id: String,
    files: LazyGlobs,
    find: LazyRegex,
    clean: Option<LazyRegex>,
    clean_raw: Option<LazyRegex>,
    raw: Option<LazyRegex>,
}

struct Element {
    id: String,
    files: LazyGlobs,
    find: LazyRegex,
}

struct Anchor {
    id: String,
    files: LazyGlobs,
    find: LazyRegex,
    opens: LazyRegex,
    safe: LazyRegex,
    to: LazyRegex,
}

/// All that is known of what templates put out.
#[derive(Default)]
pub(super) struct Outputs {
    outputs: Vec<Output>,
    elements: Vec<Element>,
    anchors: Vec<Anchor>,
}

/// Filters (`| clean`) and calls (`clean(x)`, `clean x`) of these names.
fn cleaning(words: &[String]) -> Result<Option<LazyRegex>, String> {
    if words.is_empty() {
        return Ok(None);
    }
    let names = words.join("|");
    let text = format!(
        r#"\|\s*(?P<filter>{names})\b(?:\([^()]*\)|:"[^"]*")?|(?:[\w$]+(?:\.|::|->|:))*\b(?P<call>{names})(?:\s*\(|\s+[@$\w.:"'])"#
    );
    LazyRegex::new(&text).map(Some)
}

impl Outputs {
    pub(super) fn add_output(&mut self, entry: OutputEntry) -> Result<(), String> {
        let raw = match entry.raw.is_empty() {
            true => None,
            false => Some(LazyRegex::new(&entry.raw.join("|"))?),
        };
        let all: Vec<String> = entry
            .words
            .iter()
            .chain(&entry.raw_words)
            .cloned()
            .collect();
        self.outputs.push(Output {
            id: entry.id,
            files: LazyGlobs::new(&entry.files)?,
            find: LazyRegex::new(&entry.find)?,
            clean: cleaning(&entry.words)?,
            clean_raw: cleaning(&all)?,
            raw,
        });
        Ok(())
    }

    pub(super) fn add_element(&mut self, entry: ElementEntry) -> Result<(), String> {
        self.elements.push(Element {
            id: entry.id,
            files: LazyGlobs::new(&entry.files)?,
            find: LazyRegex::new(&entry.find)?,
        });
        Ok(())
    }

    pub(super) fn add_link(&mut self, entry: LinkEntry) -> Result<(), String> {
        self.anchors.push(Anchor {
            id: entry.id,
            files: LazyGlobs::new(&entry.files)?,
            find: LazyRegex::new(&entry.find)?,
            opens: LazyRegex::new(&entry.opens)?,
            safe: LazyRegex::new(&entry.safe)?,
            to: LazyRegex::new(&entry.to)?,
        });
        Ok(())
    }

    pub(super) fn reads(&self, path: &str) -> bool {
        self.outputs.iter().any(|one| one.files.is_match(path))
            || self.elements.iter().any(|one| one.files.is_match(path))
            || self.anchors.iter().any(|one| one.files.is_match(path))
    }

    /// Reads one file: what is cleaned as facts, what is put out at all as words.
    pub(super) fn extract(
        &self,
        path: &str,
        text: &str,
        scope: Scope,
        facts: &mut Vec<Fact>,
        words: &mut BTreeSet<u32>,
    ) {
        let mut add = |at: (usize, usize), how: &str, name: &str, value: &str, rule: &str| {
            let found = Found {
                how,
                name,
                value,
                rule,
            };
            facts.push(fact(path, text, at, scope, &found));
        };
        // What stands in an element that cleans is put out by it alone.
        let mut rest = text.to_owned();
        for element in self.elements.iter().filter(|one| one.files.is_match(path)) {
            for place in element.find.captures_iter(text).take(MAX_OUTPUTS) {
                let (Some(whole), Some(value)) = (place.get(0), place.name("value")) else {
                    continue;
                };
                let name = place.name("name").map_or("", |name| name.as_str());
                let value = core(value.as_str(), None, None);
                add(
                    (whole.start(), whole.end()),
                    "element",
                    name,
                    &value,
                    &element.id,
                );
                let blank = " ".repeat(whole.len());
                rest.replace_range(whole.range(), &blank);
            }
        }
        for output in self.outputs.iter().filter(|one| one.files.is_match(path)) {
            for place in output.find.captures_iter(&rest).take(MAX_OUTPUTS) {
                let Some(value) = place.iter().skip(1).flatten().next() else {
                    continue;
                };
                let value = value.as_str();
                let raw = output.raw.as_ref().is_some_and(|raw| raw.is_match(value));
                let clean = match raw {
                    true => output.clean_raw.as_ref(),
                    false => output.clean.as_ref(),
                };
                let core = core(value, output.clean_raw.as_ref(), output.raw.as_ref());
                if core.is_empty() {
                    continue;
                }
                words.insert(word(&core));
                let names: Vec<&str> = clean
                    .into_iter()
                    .flat_map(|clean| clean.captures_iter(value))
                    .filter_map(|found| found.name("filter").or_else(|| found.name("call")))
                    .map(|name| name.as_str())
                    .collect();
                if let (Some(first), Some(whole)) = (names.first(), place.get(0)) {
                    add(
                        (whole.start(), whole.end()),
                        "page",
                        first,
                        &core,
                        &output.id,
                    );
                }
            }
        }
        for anchor in self.anchors.iter().filter(|one| one.files.is_match(path)) {
            for tag in anchor.find.find_iter(text).take(MAX_OUTPUTS) {
                let written = tag.as_str();
                if !anchor.opens.is_match(written) {
                    continue;
                }
                let to = anchor.to.captures(written);
                let Some(to) = to.and_then(|to| to.iter().skip(1).flatten().next()) else {
                    continue;
                };
                let to = to.as_str().split_whitespace().collect::<String>();
                match anchor.safe.find(written) {
                    Some(_) => add(
                        (tag.start(), tag.end()),
                        "link",
                        "noopener",
                        &to,
                        &anchor.id,
                    ),
                    None => {
                        words.insert(word(&to));
                    }
                }
            }
        }
    }
}

/// What is put out, without what it goes through and without how that is written.
fn core(value: &str, clean: Option<&LazyRegex>, raw: Option<&LazyRegex>) -> String {
    let mut text = value.to_owned();
    if let Some(clean) = clean {
        // The last sign of a call without parentheses belongs to what is handed over.
        let replaced = clean.replace_all(&text, |found: &regex::Captures<'_>| {
            let whole = &found[0];
            match found.name("call") {
                Some(_) if !whole.ends_with('(') => {
                    whole.chars().last().map(String::from).unwrap_or_default()
                }
                _ => String::new(),
            }
        });
        text = replaced.into_owned();
    }
    if let Some(raw) = raw {
        text = raw.replace_all(&text, "").into_owned();
    }
    text.retain(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | ';'));
    text
}

struct Found<'a> {
    how: &'a str,
    name: &'a str,
    value: &'a str,
    rule: &'a str,
}

fn fact(
    path: &str,
    text: &str,
    (start, end): (usize, usize),
    scope: Scope,
    found: &Found<'_>,
) -> Fact {
    let (line, column) = position(text, start);
    let (end_line, end_column) = position(text, end);
    let subject = path.rsplit('/').next().unwrap_or(path);
    let against = match found.how {
        "link" => "tabnabbing",
        _ => "raw-html",
    };
    let mut attributes = Attributes::new();
    attributes.insert("operation".into(), json!("sanitise"));
    attributes.insert("callee".into(), json!(found.name));
    attributes.insert("subject".into(), json!(subject));
    attributes.insert("against".into(), json!([against]));
    attributes.insert("how".into(), json!(found.how));
    attributes.insert("value".into(), json!(crate::text::shorten(found.value, 60)));
    attributes.insert("still".into(), json!(found.value));
    Fact {
        kind: FactKind::Sink,
        identity: format!("{subject}:sanitise:{}:{}", found.name, found.value),
        attributes,
        location: Location {
            path: path.to_owned(),
            line,
            column,
            end_line,
            end_column,
            start,
            end,
        },
        rule: found.rule.to_owned(),
        confidence: Confidence::Heuristic,
        scope,
        evidence: Vec::new(),
    }
}
