//! Repository text made harmless and measurable: an attacker chooses file names and contents, and
//! no report may hand on a terminal escape, a line break or a character that hides or reorders text.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Characters that move, hide or reorder what is beside them ("Trojan Source", CVE-2021-42574;
/// <https://www.unicode.org/reports/tr36/>).
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

/// The text in one line; what deceives is written as `\u{1b}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(deceives) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if deceives(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Columns that the text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// At most `limit` columns, with an ellipsis where it was cut.
pub(crate) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if columns(text) <= limit {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > limit {
            break;
        }
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

/// The words in lines: the first of at most `first` columns, the others of `rest`. A longer word
/// is broken.
pub(crate) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let (first, rest) = (first.max(8), rest.max(8));
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    let limit = |lines: &[String]| if lines.is_empty() { first } else { rest };
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let width = columns(word);
        if used > 0 && used + 1 + width <= limit(&lines) {
            line.push(' ');
            used += 1;
        } else if used > 0 {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for c in word.chars() {
            let width = c.width().unwrap_or(0);
            if used + width > limit(&lines) {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += width;
        }
    }
    lines.push(line);
    lines
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

/// A commit in seven digits; a side without one has a name.
pub(crate) fn short(commit: Option<&str>, otherwise: &str) -> String {
    commit.map_or(otherwise.to_owned(), |id| id.chars().take(7).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_written_out() {
        let check = |text: &str, expected: &str| assert_eq!(visible(text), expected);
        check("src/ä.py", "src/ä.py");
        check("a\u{1b}[31mb", "a\\u{1b}[31mb");
        check("a\nb\r", "a\\u{a}b\\u{d}");
        check("a\tb", "a b");
        check("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}");
        check("\u{9b}1m", "\\u{9b}1m");
    }

    #[test]
    fn lines_fit() {
        assert_eq!(wrap("one two three", 8, 8), ["one two", "three"]);
        assert_eq!(wrap("0123456789", 8, 8), ["01234567", "89"]);
        assert_eq!(wrap("漢字漢字漢", 8, 8), ["漢字漢字", "漢"]);
        assert_eq!(wrap("0123456789 ab cd", 10, 8), ["0123456789", "ab cd"]);
        assert_eq!(cut("漢字漢字漢", 8), "漢字漢…");
        assert_eq!(cut("short", 8), "short");
    }
}
