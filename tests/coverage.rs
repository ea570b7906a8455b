//! `docs/coverage.md` says what the rules say. `UPDATE_FIXTURES=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use threatgate_facts::Coverage;

use crate::fixture::engine;

const HEAD: &str = "# What is recognised

This page is written from the rule files by `UPDATE_FIXTURES=1 cargo test --test main coverage`; a test holds it to them. Every rule has a
case in [`fixtures/`](../fixtures) that must speak. What a framework does that its rules do not know is shown as `unknown` or not at all; the
gaps that are known stand below each table.
";

/// The columns of frameworks that answer requests.
const ROUTED: [&str; 8] = [
    "routes",
    "prefixes and mounts",
    "guards",
    "exemptions",
    "checks in the body",
    "ownership",
    "parameters",
    "settings",
];

fn table(text: &mut String, first: &str, columns: &[&str], rows: &[&Coverage]) {
    let _ = writeln!(text, "\n| {first} | {} |", columns.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(columns.len()));
    for row in rows {
        let cells = columns
            .iter()
            .map(|column| match row.recognises.contains(column) {
                true => "yes",
                false => "",
            });
        let source = row.source.split([',', ' ']).next().unwrap_or_default();
        let mut name = format!("[{}]({source})", row.framework.replace('_', " "));
        if !row.protocols.is_empty() {
            let protocols: Vec<&str> = row.protocols.iter().map(String::as_str).collect();
            let _ = write!(name, " (also {})", protocols.join(", "));
        }
        let cells: Vec<&str> = cells.collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    let gaps: Vec<&&Coverage> = rows.iter().filter(|row| !row.gaps.is_empty()).collect();
    if !gaps.is_empty() {
        let _ = writeln!(text, "\nKnown not to be recognised:\n");
        for row in gaps {
            let name = row.framework.replace('_', " ");
            let _ = writeln!(text, "- {name}: {}.", row.gaps.join("; "));
        }
    }
}

fn page() -> String {
    let all = engine().coverage();
    let mut text = HEAD.to_owned();
    let languages: BTreeSet<&str> = all.iter().map(|row| row.language.as_str()).collect();
    for language in languages {
        let own: Vec<&Coverage> = all.iter().filter(|row| row.language == language).collect();
        let routed = |row: &&&Coverage| row.recognises.iter().any(|word| ROUTED.contains(word));
        let (frameworks, libraries): (Vec<&Coverage>, Vec<&Coverage>) =
            own.iter().partition(|row| routed(row));
        let title = match language {
            "any" => "all languages",
            other => other,
        };
        let _ = writeln!(text, "\n## {title}");
        if !frameworks.is_empty() {
            table(&mut text, "framework", &ROUTED, &frameworks);
        }
        let libraries: Vec<&Coverage> = libraries
            .into_iter()
            .filter(|row| !row.recognises.is_empty())
            .collect();
        if !libraries.is_empty() {
            let kinds: BTreeSet<&str> = libraries
                .iter()
                .flat_map(|row| row.recognises.iter().copied())
                .collect();
            let kinds: Vec<&str> = kinds.into_iter().collect();
            table(&mut text, "library", &kinds, &libraries);
        }
    }
    text
}

#[test]
fn the_page_says_what_the_rules_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/coverage.md");
    let page = page();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&file, page).expect("docs/coverage.md can be written");
        return;
    }
    let written = std::fs::read_to_string(&file).expect("docs/coverage.md is there");
    assert_eq!(
        written, page,
        "UPDATE_FIXTURES=1 cargo test --test main coverage writes it anew"
    );
}
