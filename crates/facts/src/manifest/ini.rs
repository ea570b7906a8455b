//! INI as Python's `configparser` reads it.

use super::reader::Span;

/// One `key = value` with the lines that continue it.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) section: &'a str,
    pub(super) key: &'a str,
    /// The value's lines, trimmed, without empty ones and comments.
    pub(super) lines: Vec<(&'a str, Span)>,
    /// Whether the value began on the key's own line.
    pub(super) inline: bool,
}

/// Reads the pairs of a text in source order.
pub(super) fn pairs(text: &str) -> Vec<Pair<'_>> {
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    let mut section = "";
    let mut open = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let span_of = |part: &str| {
            let at = start + (part.as_ptr() as usize - line.as_ptr() as usize);
            at..at + part.len()
        };
        if line.starts_with([' ', '\t']) {
            if let Some(pair) = pairs.last_mut().filter(|_| open) {
                pair.lines.push((content, span_of(content)));
            }
            continue;
        }
        if let Some(name) = content
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.trim();
            open = false;
            continue;
        }
        let (key, value) = content.split_once(['=', ':']).unwrap_or((content, ""));
        let value = value.trim();
        let inline = !value.is_empty();
        let lines = if inline {
            vec![(value, span_of(value))]
        } else {
            Vec::new()
        };
        pairs.push(Pair {
            section,
            key: key.trim(),
            lines,
            inline,
        });
        open = true;
    }
    pairs
}
