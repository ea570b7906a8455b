//! Tokens → statements, also where nothing but a keyword parts them (SQL Server, `DO` blocks).

use std::ops::Range;

use super::token::{Kind, Tokens};

/// The token ranges of the statements, in order, none empty.
///
/// In `procedural` text (the body of a block) a statement also begins after `BEGIN`, `THEN`, `ELSE`, `LOOP`.
pub(super) fn statements(text: &str, tokens: &Tokens, procedural: bool) -> Vec<Range<usize>> {
    let list = &tokens.list;
    let word = |at: usize| {
        list.get(at)
            .filter(|token| token.kind == Kind::Word)
            .map_or("", |token| &text[token.start..token.end])
    };
    let is = |at: usize, words: &[&str]| {
        words
            .iter()
            .any(|other| word(at).eq_ignore_ascii_case(other))
    };
    let mut ranges = Vec::new();
    let (mut start, mut depth, mut blocks) = (0usize, 0usize, 0usize);
    let mut routine = false;
    for (at, token) in list.iter().enumerate() {
        if at == start {
            routine = begins_routine(at, &is);
            (depth, blocks) = (0, 0);
        }
        match token.kind {
            Kind::Batch => {
                ranges.push(start..at);
                start = at + 1;
            }
            Kind::End if !(routine && (blocks > 0 || tokens.server)) => {
                ranges.push(start..at);
                start = at + 1;
            }
            Kind::Symbol(b'(') => depth += 1,
            Kind::Symbol(b')') => depth = depth.saturating_sub(1),
            Kind::Word if routine => {
                if is(at, &["begin", "case"]) && !(at > 0 && is(at - 1, &["end"])) {
                    blocks += 1;
                } else if is(at, &["end"]) && !is(at + 1, &["if", "while", "loop", "repeat", "for"])
                {
                    blocks = blocks.saturating_sub(1);
                }
            }
            Kind::Word if at > start && depth == 0 => {
                let opened = at > 0 && is(at - 1, &["begin", "then", "else", "loop"]);
                let strong = (procedural || tokens.server)
                    && begins_definition(at, &is)
                    && !is(at - 1, &["or"]);
                let weak = tokens.server
                    && token.first
                    && !is(start, &["with"])
                    && is(
                        at,
                        &[
                            "delete", "update", "insert", "exec", "execute", "if", "print",
                            "declare", "begin", "end", "merge",
                        ],
                    )
                    && !is(at - 1, &["on", "for", "after", "of", "then", "as", "with"]);
                if strong
                    || weak
                    || (procedural
                        && opened
                        && is(
                            at,
                            &["delete", "update", "execute", "alter", "grant", "revoke"],
                        ))
                {
                    ranges.push(start..at);
                    start = at;
                    routine = begins_routine(at, &is);
                }
            }
            _ => {}
        }
    }
    ranges.push(start..list.len());
    ranges.retain(|range| !range.is_empty());
    ranges
}

/// `CREATE … FUNCTION` and their like: statements in the body run later, if ever.
fn begins_routine(at: usize, is: &impl Fn(usize, &[&str]) -> bool) -> bool {
    is(at, &["create", "alter"])
        && (at + 1..at + 12)
            .take_while(|next| {
                !is(
                    *next,
                    &["table", "view", "index", "as", "on", "to", "user", "role"],
                )
            })
            .any(|next| {
                is(
                    next,
                    &[
                        "function",
                        "procedure",
                        "proc",
                        "trigger",
                        "event",
                        "package",
                    ],
                )
            })
}

/// Two words that never stand within another statement.
fn begins_definition(at: usize, is: &impl Fn(usize, &[&str]) -> bool) -> bool {
    const OBJECTS: &[&str] = &[
        "table",
        "view",
        "procedure",
        "proc",
        "function",
        "trigger",
        "schema",
        "database",
        "policy",
        "type",
        "index",
    ];
    (is(at, &["alter", "drop"])
        && is(at + 1, OBJECTS)
        && !(is(at, &["alter"]) && is(at + 1, &["index"])))
        || (is(at, &["create"])
            && (is(at + 1, OBJECTS)
                || is(
                    at + 1,
                    &[
                        "or",
                        "unique",
                        "clustered",
                        "nonclustered",
                        "temporary",
                        "temp",
                    ],
                )))
        || (is(at, &["truncate"]) && is(at + 1, &["table"]))
}
