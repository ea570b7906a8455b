//! Errors in rule files, and places in texts.

use crate::fact::Location;

/// A rule file that cannot be used: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {message}")]
pub struct RuleError {
    /// The rule file.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// What is wrong, with the accepted words.
    pub message: String,
}

/// Reads a file of the rules. People write TOML; what comes with the program was turned into JSON
/// when it was built, which is read in a tenth of the time. No TOML begins with a brace.
///
/// # Errors
/// What cannot be read, with its line and the accepted words.
pub fn read_rules<T: serde::de::DeserializeOwned>(path: &str, text: &str) -> Result<T, RuleError> {
    let (line, message) = if text.starts_with('{') {
        match serde_json::from_str(text) {
            Ok(read) => return Ok(read),
            Err(error) => (1, error.to_string()),
        }
    } else {
        match toml::from_str(text) {
            Ok(read) => return Ok(read),
            Err(error) => (
                error.span().map_or(1, |span| position(text, span.start).0),
                error.message().replace('\n', " "),
            ),
        }
    };
    Err(RuleError {
        path: path.to_owned(),
        line,
        message,
    })
}

/// The line, from 1, in which something of a rule file stands: `wanted`, behind the first `after`.
pub(crate) fn line_of(text: &str, after: &str, wanted: &str) -> u32 {
    let first = text.find(after).unwrap_or(0);
    let found = text[first..].find(wanted).map_or(first, |at| first + at);
    position(text, found).0
}

/// Where the lines of a text begin, so that many places in it are found fast.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes());
        Self(std::iter::once(0).chain(breaks.map(|at| at + 1)).collect())
    }

    /// What [`position`] gives for the same text.
    pub(crate) fn position(&self, text: &str, offset: usize) -> (u32, u32) {
        let offset = offset.min(text.len());
        let line = self.0.partition_point(|start| *start <= offset).max(1);
        let start = self.0.get(line - 1).copied().unwrap_or(0);
        let column = position(text.get(start..).unwrap_or_default(), offset - start).1;
        (u32::try_from(line).unwrap_or(u32::MAX), column)
    }

    /// Bytes of the same text as a location; a span of several lines is shown by its first.
    pub(crate) fn location(&self, path: &str, text: &str, start: usize, end: usize) -> Location {
        let (line, column) = self.position(text, start);
        let first_line = text
            .get(start..end)
            .and_then(|span| span.find('\n'))
            .map_or(end, |at| start + at);
        let (end_line, end_column) = self.position(text, first_line);
        Location {
            path: path.to_owned(),
            line,
            column,
            end_line,
            end_column,
            start,
            end,
        }
    }
}

/// Line and column, both from 1, of a byte offset. Columns count Unicode scalar values.
pub(crate) fn position(text: &str, offset: usize) -> (u32, u32) {
    let offset = offset.min(text.len());
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    // Count the bytes that start a character.
    let column = before[start..]
        .iter()
        .filter(|byte| **byte & 0xC0 != 0x80)
        .count();
    (
        u32::try_from(line).unwrap_or(u32::MAX - 1) + 1,
        u32::try_from(column).unwrap_or(u32::MAX - 1) + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_give_the_same_places() {
        for text in ["", "\n", "a", "a\n", "é\nß ü\n\n x", "a\r\nb"] {
            let lines = Lines::of(text);
            for offset in 0..text.len() + 3 {
                assert_eq!(
                    lines.position(text, offset),
                    position(text, offset),
                    "{text:?} {offset}"
                );
            }
        }
    }
}
