//! What templates put out as it is: text in, raw-HTML facts out. No grammar is needed for that;
//! `rules/templates/` says how each kind of template writes it.

mod output;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use crate::error::{RuleError, position};
use crate::fact::{Attributes, Confidence, Fact, FactKind, Location, Scope};
use crate::lazy::{LazyGlobs, LazyRegex};

/// Places of one file; more are not listed.
const MAX_PLACES: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "for the reader of the rule file")]
    source: String,
    #[serde(default, rename = "marker")]
    markers: Vec<Entry>,
    #[serde(default)]
    harmless: Harmless,
    #[serde(default, rename = "output")]
    outputs: Vec<output::OutputEntry>,
    #[serde(default, rename = "element")]
    elements: Vec<output::ElementEntry>,
    #[serde(default, rename = "link")]
    links: Vec<output::LinkEntry>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Harmless {
    #[serde(default)]
    calls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    files: Vec<String>,
    find: String,
    /// Only in what this finds: the code between the signs of a template.
    within: Option<String>,
}

/// One way of putting out HTML as it is.
struct Marker {
    id: String,
    files: LazyGlobs,
    find: LazyRegex,
    within: Option<LazyRegex>,
}

/// All that is known of templates.
#[derive(Default)]
pub(crate) struct Markup {
    markers: Vec<Marker>,
    harmless: Vec<String>,
    outputs: output::Outputs,
}

impl Markup {
    /// Reads the files of `templates/` among the rules.
    pub(crate) fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut markup = Self::default();
        for (path, text) in files {
            if !path.starts_with("templates/") {
                continue;
            }
            let file: File = crate::error::read_rules(path, text)?;
            markup.harmless.extend(file.harmless.calls);
            let failing = |id: &str| {
                let line = text
                    .find(&format!("\"{id}\""))
                    .map_or(1, |offset| position(text, offset).0);
                move |message: String| RuleError {
                    path: (*path).to_owned(),
                    line,
                    message,
                }
            };
            for entry in file.outputs {
                let fail = failing(&entry.id);
                markup.outputs.add_output(entry).map_err(fail)?;
            }
            for entry in file.elements {
                let fail = failing(&entry.id);
                markup.outputs.add_element(entry).map_err(fail)?;
            }
            for entry in file.links {
                let fail = failing(&entry.id);
                markup.outputs.add_link(entry).map_err(fail)?;
            }
            for entry in file.markers {
                let fail = failing(&entry.id);
                let within = entry.within.as_deref().map(LazyRegex::new);
                markup.markers.push(Marker {
                    id: entry.id.clone(),
                    files: LazyGlobs::new(&entry.files).map_err(&fail)?,
                    find: LazyRegex::new(&entry.find).map_err(&fail)?,
                    within: within.transpose().map_err(&fail)?,
                });
            }
        }
        Ok(markup)
    }

    /// Whether a file of this name is a template.
    pub(crate) fn reads(&self, path: &str) -> bool {
        self.markers
            .iter()
            .any(|marker| marker.files.is_match(path))
            || self.outputs.reads(path)
    }

    /// What a template puts out at all, by digests, and what it cleans of it as facts.
    pub(crate) fn outputs(
        &self,
        path: &str,
        text: &str,
        scope: Scope,
        facts: &mut Vec<Fact>,
    ) -> BTreeSet<u32> {
        let mut words = BTreeSet::new();
        if self.outputs.reads(path) && text.len() <= crate::MAX_SOURCE && !is_plain(path) {
            self.outputs.extract(path, text, scope, facts, &mut words);
        }
        words
    }

    /// Reads one file.
    pub(crate) fn extract(&self, path: &str, text: &str, scope: Scope, facts: &mut Vec<Fact>) {
        let mut markers = self
            .markers
            .iter()
            .filter(|marker| marker.files.is_match(path))
            .peekable();
        if markers.peek().is_none() || text.len() > crate::MAX_SOURCE || is_plain(path) {
            return;
        }
        for marker in markers {
            let whole = [(0, text.len())];
            let parts: Vec<(usize, usize)> = match &marker.within {
                Some(within) => within
                    .find_iter(text)
                    .map(|part| (part.start(), part.end()))
                    .collect(),
                None => whole.to_vec(),
            };
            let mut left = MAX_PLACES;
            for (start, end) in parts {
                for place in marker.find.captures_iter(&text[start..end]).take(left) {
                    left -= 1;
                    // The group that took part.
                    let Some(value) = place.iter().skip(1).flatten().next() else {
                        continue;
                    };
                    if let Some(whole) = place.get(0)
                        && let Some(shown) = self.expression(value.as_str())
                    {
                        let at = (start + whole.start(), start + whole.end());
                        facts.push(fact(path, text, at, &shown, scope, &marker.id));
                    }
                }
            }
        }
    }

    /// What is put out, without what it goes through for looks; nothing where it is a text or
    /// harmless.
    fn expression(&self, value: &str) -> Option<String> {
        let value = value.trim();
        let quoted = |quote: char| {
            value.len() > 1
                && value.starts_with(quote)
                && value.ends_with(quote)
                && !value[1..value.len() - 1].contains(quote)
                && !value.contains("#{")
                && !value.contains("${")
        };
        if value.is_empty() || quoted('"') || quoted('\'') {
            return None;
        }
        let mut words = value.split(|c: char| !c.is_alphanumeric() && c != '_');
        let harmless = words.any(|word| self.harmless.iter().any(|one| one == word));
        if harmless {
            return None;
        }
        Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// Whether a template's name says that it puts out plain text: the body or the subject of a message.
fn is_plain(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut words = name.split(['-', '_', '.']);
    words.any(|word| matches!(word, "text" | "txt" | "plain" | "subject"))
}

fn fact(
    path: &str,
    text: &str,
    (start, end): (usize, usize),
    value: &str,
    scope: Scope,
    rule: &str,
) -> Fact {
    let (line, column) = position(text, start);
    let (end_line, end_column) = position(text, end);
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut attributes = Attributes::new();
    attributes.insert("operation".into(), json!("raw-html"));
    attributes.insert("callee".into(), json!(crate::text::shorten(value, 60)));
    attributes.insert("argument".into(), json!("expression"));
    attributes.insert("subject".into(), json!(name));
    Fact {
        kind: FactKind::Sink,
        identity: format!("{name}:raw-html:{value}"),
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
        rule: rule.to_owned(),
        confidence: Confidence::Heuristic,
        scope,
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_put_out_what_is_computed() {
        let rules = include_str!("../../../rules/templates/raw_html.toml");
        let markup = Markup::load(&[("templates/raw_html.toml", rules)]).unwrap();
        let check = |path: &str, text: &str, expected: &[&str]| {
            let mut facts = Vec::new();
            markup.extract(path, text, Scope::Production, &mut facts);
            let found: Vec<&str> = facts
                .iter()
                .filter_map(|fact| fact.text("callee"))
                .collect();
            assert_eq!(found, expected, "{path}: {text}");
        };
        check(
            "a.html",
            "{{ body|safe }} {{ name }} {{ \"<b>\"|safe }}",
            &["body"],
        );
        check(
            "a.html",
            "{{ form.render()|safe }} {{ x|escape|safe }}",
            &[],
        );
        check(
            "a.blade.php",
            "{!! $post->body !!} {{ $x }} {!! csrf_field() !!}",
            &["$post->body"],
        );
        check(
            "a.html.erb",
            "<%== @body %> <%= raw @text %> <%= name.html_safe %> <%= x %>",
            &["@body", "@text", "name"],
        );
        check(
            "a.vue",
            "<p v-html=\"comment\" /> <p :title=\"x\" />",
            &["comment"],
        );
        check("a.hbs", "{{{body}}} {{name}}", &["body"]);
        check(
            "a.cshtml",
            "@Html.Raw(Model.Body) @Model.Name",
            &["Model.Body"],
        );
        check(
            "a.html",
            "<p th:utext=\"${body}\" th:text=\"${x}\">",
            &["${body}"],
        );
        check(
            "a.ejs",
            "<%- body %> <%= name %> <%- include('x') %>",
            &["body"],
        );
        check("a.svelte", "{@html body} {name}", &["body"]);
        check("a.txt", "{{ body|safe }}", &[]);
    }
}
