//! `docs/secrets.md` lists the formats of `rules/secrets/`. `UPDATE_FIXTURES=1` writes the table anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;

const MARK: &str = "<!-- The table is written from the rules. -->\n";

/// The table of all formats, by provider.
fn table() -> String {
    let mut rows = BTreeSet::new();
    for (path, text) in threatgate_rules::folder("secrets") {
        let file: toml::Table = text.parse().expect("a rule file");
        let formats = file.get("format").and_then(toml::Value::as_array);
        for format in formats.into_iter().flatten() {
            let word = |key: &str| {
                format
                    .get(key)
                    .and_then(toml::Value::as_str)
                    .unwrap_or_default()
            };
            let list = |key: &str| {
                let words = format.get(key).and_then(toml::Value::as_array);
                let words = words.into_iter().flatten().filter_map(toml::Value::as_str);
                let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
                words.join(", ")
            };
            let found = if !list("named").is_empty() {
                format!("a name with {}", list("named"))
            } else if !list("file-has").is_empty() {
                format!("in a file with {}", list("file-has"))
            } else {
                list("keywords")
            };
            assert!(!found.is_empty(), "{path}: {}", word("id"));
            rows.insert(format!(
                "| [{}]({}) | `{}` | {} | {} | {} |\n",
                word("provider"),
                word("source"),
                word("id"),
                found.replace('|', "\\|"),
                word("check"),
                if word("confidence") == "resolved" {
                    "resolved"
                } else {
                    "heuristic"
                },
            ));
        }
    }
    let mut text = String::new();
    let _ = writeln!(text, "\n{} formats.\n", rows.len());
    text.push_str("| provider and source | rule | found by | verified by | confidence |\n|---|---|---|---|---|\n");
    text.extend(rows);
    text
}

#[test]
fn the_page_lists_the_formats() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/secrets.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (head, _) = page.split_once(MARK).expect("the mark in the page");
    let wanted = format!("{head}{MARK}{}", table());
    assert!(wanted.lines().count() > 200);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &wanted).expect("the page is written");
    } else {
        assert!(
            page == wanted,
            "run UPDATE_FIXTURES=1 cargo test --test main secrets"
        );
    }
}
