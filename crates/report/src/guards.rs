//! What guards the endpoints of a revision, and what may guard them without counting as a guard.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::json;
use threatgate_facts::{Confidence, Fact, FactKind, Inventory, Scope};

use crate::visible::{columns, visible};

/// A guard on endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// As it is shown: `requireRole(admin)`.
    pub name: String,
    /// On how many endpoints it hangs.
    pub endpoints: usize,
    /// It counts by its name only; nobody has read what it does.
    pub by_name: bool,
    /// Where it hangs first, as path and line.
    pub place: (String, u32),
}

/// Something that turns callers away or could not be followed, and counts as no guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name, with the class around it.
    pub name: String,
    /// Why it may be a guard.
    pub why: String,
    /// Where it stands, if that is known.
    pub place: Option<(String, u32)>,
}

/// What `threatgate guards` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Guards, those on most endpoints first.
    pub known: Vec<Guard>,
    /// Candidates, in order of their names.
    pub candidates: Vec<Candidate>,
}

impl Guards {
    /// Reads guards and candidates out of an inventory of all files.
    pub fn of(inventory: &Inventory) -> Self {
        let production = |fact: &&Fact| fact.scope == Scope::Production;
        let facts = || inventory.facts.iter().filter(production);
        let endpoints: Vec<&Fact> = facts()
            .filter(|fact| fact.kind == FactKind::Endpoint)
            .collect();
        let mut known: BTreeMap<String, Guard> = BTreeMap::new();
        let mut unfollowed: BTreeMap<String, usize> = BTreeMap::new();
        for endpoint in &endpoints {
            for name in endpoint.texts("guards") {
                let evidence = endpoint
                    .evidence
                    .iter()
                    .find(|evidence| evidence.role == "guard" && evidence.text == name);
                let at = evidence.map_or(&endpoint.location, |evidence| &evidence.location);
                let guard = known.entry(name.to_owned()).or_insert_with(|| Guard {
                    name: name.to_owned(),
                    endpoints: 0,
                    by_name: true,
                    place: (at.path.clone(), at.line),
                });
                guard.endpoints += 1;
                guard.by_name &= endpoint.confidence == Confidence::Heuristic;
            }
            for reason in endpoint.texts("unknown") {
                *unfollowed.entry(reason.to_owned()).or_default() += 1;
            }
        }
        let handlers: BTreeSet<&str> = endpoints
            .iter()
            .filter_map(|fact| fact.text("handler"))
            .collect();
        let bodies: BTreeSet<&str> = facts()
            .filter(|fact| fact.text("type") == Some("guard-body"))
            .filter_map(|fact| fact.text("name"))
            .collect();
        let inside = |subject: &str, names: &BTreeSet<&str>| {
            let mut outer = Some(subject);
            while let Some(name) = outer {
                if names.contains(name) {
                    return true;
                }
                outer = name.rsplit_once('.').map(|(outer, _)| outer);
            }
            false
        };
        let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
        for fact in facts().filter(|fact| fact.text("type") == Some("denial")) {
            let Some(subject) = fact.text("subject") else {
                continue;
            };
            let counted = inside(subject, &handlers) || inside(subject, &bodies);
            if counted || subject == "module" || subject.ends_with("anonymous") {
                continue;
            }
            let outcome = fact.text("outcome").unwrap_or("denied");
            candidates
                .entry(subject.to_owned())
                .or_insert_with(|| Candidate {
                    name: subject.to_owned(),
                    why: format!("turns callers away ({outcome})"),
                    place: Some((fact.location.path.clone(), fact.location.line)),
                });
        }
        for (reason, count) in unfollowed {
            let endpoints = match count {
                1 => "1 endpoint".to_owned(),
                count => format!("{count} endpoints"),
            };
            candidates.entry(reason.clone()).or_insert(Candidate {
                name: reason,
                why: format!("leaves {endpoints} unknown"),
                place: None,
            });
        }
        let mut known: Vec<Guard> = known.into_values().collect();
        known.sort_by(|a, b| b.endpoints.cmp(&a.endpoints).then(a.name.cmp(&b.name)));
        Self {
            known,
            candidates: candidates.into_values().collect(),
        }
    }

    /// As JSON.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let place = |(path, line): &(String, u32)| json!({ "path": path, "line": line });
        let known = self.known.iter().map(|guard| {
            json!({
                "name": guard.name,
                "endpoints": guard.endpoints,
                "by_name": guard.by_name,
                "location": place(&guard.place),
            })
        });
        let candidates = self.candidates.iter().map(|candidate| {
            json!({
                "name": candidate.name,
                "why": candidate.why,
                "location": candidate.place.as_ref().map(place),
            })
        });
        let value = json!({
            "schema_version": threatgate_assess::SCHEMA_VERSION,
            "guards": known.collect::<Vec<_>>(),
            "candidates": candidates.collect::<Vec<_>>(),
        });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)
    }

    /// For people.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn text(&self, out: &mut impl Write, width: usize) -> io::Result<()> {
        writeln!(out, "guards ({})", self.known.len())?;
        for guard in &self.known {
            let endpoints = match guard.endpoints {
                1 => "1 endpoint".to_owned(),
                count => format!("{count} endpoints"),
            };
            let name = match guard.by_name {
                true => " (by its name only)",
                false => "",
            };
            let what = format!("{}  {endpoints}{name}", guard.name);
            line(out, &what, Some(&guard.place), width)?;
        }
        writeln!(out, "\ncandidates ({})", self.candidates.len())?;
        for candidate in &self.candidates {
            let what = format!("{}  {}", candidate.name, candidate.why);
            line(out, &what, candidate.place.as_ref(), width)?;
        }
        let names: BTreeSet<&str> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.place.is_some())
            .filter_map(|candidate| candidate.name.rsplit('.').next())
            .collect();
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            writeln!(
                out,
                "\nThose that turn callers away count as guards once .threatgate/policy.toml lists them:\n"
            )?;
            writeln!(out, "[guards]\nnames = [{}]", visible(&names.join(", ")))?;
        }
        Ok(())
    }
}

fn line(
    out: &mut impl Write,
    what: &str,
    place: Option<&(String, u32)>,
    width: usize,
) -> io::Result<()> {
    let what = visible(what);
    let Some((path, number)) = place else {
        return writeln!(out, "  {what}");
    };
    let place = format!("{path}:{number}");
    let place = visible(&place);
    let used = columns(&what) + columns(&place) + 4;
    if used <= width {
        writeln!(out, "  {what}{}{place}", " ".repeat(width - used + 2))
    } else {
        writeln!(out, "  {what}\n      {place}")
    }
}
