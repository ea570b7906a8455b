//! JSON with places, tolerant of comments and trailing commas (`bun.lock` has both).

use std::borrow::Cow;

use super::reader::Reader;
use super::tree::{DEPTH, Entry, Kind, Node};

/// Reads JSON; at the first error the rest is left out and a problem says where.
pub(super) fn json<'a>(reader: &mut Reader<'a>) -> Node<'a> {
    let mut parser = Parser {
        text: reader.text,
        at: 0,
        error: None,
    };
    let node = parser.value(0);
    if parser.error.is_none() && parser.skip().is_some() {
        parser.fail("something follows the end of the value");
    }
    if let Some((offset, message)) = parser.error {
        reader.problem(
            offset,
            format!("not JSON: {message}; the rest was not read"),
        );
    }
    node
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    error: Option<(usize, &'static str)>,
}

impl<'a> Parser<'a> {
    fn fail(&mut self, message: &'static str) {
        self.error.get_or_insert((self.at, message));
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes white space and comments; the next byte.
    fn skip(&mut self) -> Option<u8> {
        loop {
            match self.peek()? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'/' => {
                    let rest = &self.text[self.at..];
                    let end = if rest.starts_with("//") {
                        rest.find('\n')
                    } else if rest.starts_with("/*") {
                        rest.find("*/").map(|end| end + 2)
                    } else {
                        return Some(b'/');
                    };
                    self.at += end.unwrap_or(rest.len());
                }
                0xEF if self.text[self.at..].starts_with('\u{FEFF}') => self.at += 3,
                byte => return Some(byte),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Node<'a> {
        let byte = self.skip();
        let start = self.at;
        if depth > DEPTH {
            self.fail("nested too deeply");
            return Node::null(start);
        }
        let kind = match byte {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Kind::Text(self.string()),
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'-' => {
                let rest = &self.text[start..];
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
                let word = &rest[..end.unwrap_or(rest.len())];
                self.at += word.len();
                if word == "null" {
                    Kind::Null
                } else {
                    Kind::Text(Cow::Borrowed(word))
                }
            }
            _ => {
                self.fail("expected a value");
                Kind::Null
            }
        };
        Node {
            kind,
            start,
            end: self.at,
        }
    }

    fn object(&mut self, depth: usize) -> Kind<'a> {
        let mut entries = Vec::new();
        self.at += 1;
        while self.error.is_none() {
            let start = match self.skip() {
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(b'"') => self.at,
                _ => {
                    self.fail("expected a key in double quotes or `}`");
                    break;
                }
            };
            let key = self.string();
            if self.skip() != Some(b':') {
                self.fail("expected `:` after the key");
                break;
            }
            self.at += 1;
            let value = self.value(depth + 1);
            entries.push(Entry { key, start, value });
            self.comma(b'}');
        }
        Kind::Map(entries)
    }

    fn array(&mut self, depth: usize) -> Kind<'a> {
        let mut items = Vec::new();
        self.at += 1;
        while self.error.is_none() {
            if self.skip() == Some(b']') {
                self.at += 1;
                break;
            }
            items.push(self.value(depth + 1));
            self.comma(b']');
        }
        Kind::List(items)
    }

    fn comma(&mut self, close: u8) {
        match self.skip() {
            Some(b',') => self.at += 1,
            Some(byte) if byte == close => {}
            _ => self.fail("expected `,` or the end of the list"),
        }
    }

    fn string(&mut self) -> Cow<'a, str> {
        let (text, after) = quoted(self.text, self.at);
        match after {
            Some(after) => self.at = after,
            None => self.fail("a string without end"),
        }
        text
    }
}

/// Reads a string in double quotes that starts at `at`; its text and the offset after it.
pub(super) fn quoted(text: &str, at: usize) -> (Cow<'_, str>, Option<usize>) {
    let body = text.get(at + 1..).unwrap_or_default();
    let bytes = body.as_bytes();
    let stop = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    match stop {
        Some(end) if bytes[end] == b'"' => {
            return (Cow::Borrowed(&body[..end]), Some(at + end + 2));
        }
        Some(_) => {}
        None => return (Cow::Borrowed(""), None),
    }
    let mut value = String::new();
    let mut characters = body.char_indices();
    while let Some((offset, character)) = characters.next() {
        match character {
            '"' => return (Cow::Owned(value), Some(at + offset + 2)),
            '\\' => match characters.next().map(|(_, escape)| escape) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('b') => value.push('\u{8}'),
                Some('f') => value.push('\u{c}'),
                Some('u') => {
                    let mut unit = unit(body, offset);
                    for _ in 0..4 {
                        characters.next();
                    }
                    if (0xD800..0xDC00).contains(&unit) {
                        // The second half of a surrogate pair follows as another `\u`.
                        let low = unit_at(body, offset + 6);
                        if let Some(low) = low.filter(|low| (0xDC00..0xE000).contains(low)) {
                            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                            for _ in 0..6 {
                                characters.next();
                            }
                        }
                    }
                    value.push(char::from_u32(unit).unwrap_or('\u{FFFD}'));
                }
                Some(other) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    (Cow::Owned(value), None)
}

fn unit(body: &str, escape: usize) -> u32 {
    unit_at(body, escape).unwrap_or(0xFFFD)
}

/// The code unit of the `\uXXXX` that starts at an offset.
fn unit_at(body: &str, escape: usize) -> Option<u32> {
    let digits = body.get(escape..escape + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}
