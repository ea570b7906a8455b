//! Errors in rule files.

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

impl RuleError {
    /// An error of the TOML reader, which names the accepted words itself.
    pub(crate) fn toml(path: &str, text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map_or(1, |span| position(text, span.start).0);
        let message = error.message().replace('\n', " ");
        Self {
            path: path.to_owned(),
            line,
            message,
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
