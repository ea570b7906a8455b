//! All facts of one revision, as a list or as JSON.

use std::io::{self, Write};

use serde_json::json;
use threatgate_facts::{Fact, FactKind, Inventory};

use crate::visible::{columns, visible};

/// What `threatgate inventory` prints.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The commit, if it is one.
    pub revision: Option<String>,
    /// Its facts.
    pub inventory: Inventory,
    /// Files of the revision.
    pub files: usize,
    /// Files that were parsed.
    pub parsed: usize,
    /// Words that should make a reader stop.
    pub alarms: Vec<String>,
}

/// How a listing is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line for each fact, grouped by kind.
    Table,
    /// Every fact with all attributes, for authors of rules.
    Outline,
}

impl Listing {
    /// The listing as JSON (`docs/schema/inventory.schema.json`).
    ///
    /// # Errors
    /// Those of the writer.
    pub fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let unknown = self.unknown().count();
        let value = json!({
            "schema_version": threatgate_assess::SCHEMA_VERSION,
            "revision": self.revision,
            "facts": self.inventory.facts,
            "coverage": {
                "files": self.files,
                "files_read": self.parsed,
                "problems": self.inventory.problems,
                "unknown_guards": unknown,
                "alarms": self.alarms,
            },
        });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)
    }

    fn unknown(&self) -> impl Iterator<Item = &Fact> {
        self.inventory
            .facts
            .iter()
            .filter(|fact| fact.text("guard_state") == Some("unknown"))
    }

    /// The listing for people.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn text(&self, out: &mut impl Write, shape: Shape, width: usize) -> io::Result<()> {
        for kind in FactKind::ALL {
            let facts: Vec<&Fact> = self
                .inventory
                .facts
                .iter()
                .filter(|fact| fact.kind == kind)
                // What an answer is given matters only where it changes.
                .filter(|fact| shape == Shape::Outline || fact.text("role") != Some("answer"))
                .collect();
            if facts.is_empty() {
                continue;
            }
            writeln!(out, "{kind} ({})", facts.len())?;
            for fact in facts {
                match shape {
                    Shape::Table => line(out, fact, width)?,
                    Shape::Outline => outline(out, fact)?,
                }
            }
            writeln!(out)?;
        }
        if self.inventory.facts.is_empty() {
            writeln!(out, "no facts")?;
        }
        for problem in &self.inventory.problems {
            let line = problem
                .line
                .map(|line| format!(":{line}"))
                .unwrap_or_default();
            let words = format!("not read: {}{line}: {}", problem.path, problem.reason);
            writeln!(out, "{}", visible(&words))?;
        }
        for alarm in &self.alarms {
            writeln!(out, "note: {}", visible(alarm))?;
        }
        let unknown = self.unknown().count();
        write!(
            out,
            "coverage: {} of {} files parsed",
            self.parsed, self.files
        )?;
        if unknown > 0 {
            write!(out, "; the guard of {unknown} endpoints is unknown")?;
        }
        writeln!(out)
    }
}

fn line(out: &mut impl Write, fact: &Fact, width: usize) -> io::Result<()> {
    let what = summary(fact);
    let place = format!("{}:{}", fact.location.path, fact.location.line);
    let (what, place) = (visible(&what), visible(&place));
    let used = columns(&what) + columns(&place) + 4;
    if used <= width {
        writeln!(out, "  {what}{}{place}", " ".repeat(width - used + 2))
    } else {
        writeln!(out, "  {what}\n      {place}")
    }
}

/// One line about a fact, without its place.
pub fn summary(fact: &Fact) -> String {
    // Models that redact and those with fields have words of their own below.
    if fact.text("role") != Some("redaction")
        && let Some(words) = threatgate_assess::said(fact)
    {
        return words;
    }
    match fact.kind {
        FactKind::Endpoint => {
            let guards = fact.texts("guards");
            let guard = match fact.text("guard_state") {
                Some("guarded") if guards.is_empty() => "checked in its body".to_owned(),
                Some("guarded") => guards.join(", "),
                Some(state) => state.to_owned(),
                None => String::new(),
            };
            let protocol = fact.text("protocol").filter(|protocol| *protocol != "http");
            let protocol = protocol
                .map(|protocol| format!("{protocol} "))
                .unwrap_or_default();
            format!(
                "{protocol}{:<6} {}  [{guard}]",
                fact.text("method").unwrap_or_default(),
                fact.text("path").unwrap_or_default()
            )
        }
        FactKind::DataModel if fact.text("role") == Some("redaction") => {
            let names = fact.texts("by");
            let with = match names.is_empty() {
                true => String::new(),
                false => format!(" with {}", names.join(", ")),
            };
            let subject = fact.text("subject").unwrap_or_default();
            match fact.texts("items").len() {
                0 => format!("{subject} redacts{with}"),
                count => format!("{subject} redacts{with} ({count} names)"),
            }
        }
        FactKind::DataModel => {
            let fields = fact
                .attributes
                .get("fields")
                .and_then(|fields| fields.as_array());
            let sensitive: Vec<&str> = fields
                .into_iter()
                .flatten()
                .filter(|field| {
                    field
                        .get("sensitivity")
                        .is_some_and(|value| !value.is_null())
                })
                .filter_map(|field| field.get("name")?.as_str())
                .collect();
            let count = fields.map_or(0, Vec::len);
            let fields = match count {
                1 => "1 field".to_owned(),
                count => format!("{count} fields"),
            };
            match &sensitive[..] {
                [] => format!("{} ({fields})", fact.identity),
                names => format!(
                    "{} ({fields}; sensitive: {})",
                    fact.identity,
                    names.join(", ")
                ),
            }
        }
        FactKind::Dependency => {
            let version = fact
                .text("locked")
                .or(fact.text("constraint"))
                .unwrap_or_default();
            format!("{} {version}", fact.identity).trim_end().to_owned()
        }
        FactKind::Secret => format!(
            "{} {}",
            fact.text("provider").unwrap_or_default(),
            fact.text("preview").unwrap_or_default()
        ),
        _ => fact.identity.clone(),
    }
}

fn outline(out: &mut impl Write, fact: &Fact) -> io::Result<()> {
    let at = &fact.location;
    writeln!(
        out,
        "  {}:{}-{}:{}  {}  (rule {}, {:?}, {})",
        at.line,
        at.column,
        at.end_line,
        at.end_column,
        visible(&fact.identity),
        fact.rule,
        fact.confidence,
        fact.scope.name()
    )?;
    for (name, value) in &fact.attributes {
        writeln!(out, "      {name} = {}", visible(&value.to_string()))?;
    }
    for evidence in &fact.evidence {
        writeln!(
            out,
            "      {} `{}` {} {}:{}",
            evidence.role,
            visible(&evidence.text),
            evidence.attached,
            visible(&evidence.location.path),
            evidence.location.line
        )?;
    }
    Ok(())
}
