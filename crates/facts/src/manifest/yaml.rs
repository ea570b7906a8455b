//! The part of YAML that lock files are written in, with places.
//!
//! Tools write `pnpm-lock.yaml` and berry's `yarn.lock` in block style with one-line scalars and
//! small flow maps. Reading just that is many times faster than a full YAML reader; whatever goes
//! beyond it (anchors, aliases, tags, merge keys, tabs) becomes a problem, never silence.

use std::borrow::Cow;

use super::json::quoted;
use super::reader::Reader;
use super::tree::{DEPTH, Entry, Kind, Node};

/// Reads every document of a text.
pub(super) fn yaml<'a>(reader: &mut Reader<'a>) -> Vec<Node<'a>> {
    let mut parser = Parser {
        text: reader.text,
        lines: Vec::new(),
        next: 0,
        problems: Vec::new(),
    };
    let mut documents = Vec::new();
    let mut offset = 0;
    for line in reader.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let body = line.trim_start_matches('\u{FEFF}');
        let start = start + (line.len() - body.len());
        let content = body.trim_start_matches(' ');
        let indent = body.len() - content.len();
        let trimmed = content.trim_end();
        if trimmed.is_empty() || trimmed.starts_with('#') || trimmed.starts_with('%') {
            continue;
        }
        if indent == 0 && (trimmed == "---" || trimmed == "...") {
            parser.document(&mut documents);
            continue;
        }
        if content.starts_with('\t') {
            parser.problem(start, "a tab in the indentation");
        }
        let start = start + indent;
        parser.lines.push(Line {
            indent,
            start,
            end: start + trimmed.len(),
        });
    }
    parser.document(&mut documents);
    for (offset, message) in parser.problems {
        reader.problem(offset, format!("not the YAML of a lock file: {message}"));
    }
    documents
}

#[derive(Clone, Copy)]
struct Line {
    indent: usize,
    start: usize,
    end: usize,
}

struct Parser<'a> {
    text: &'a str,
    /// Of the document at hand, without empty lines and comments.
    lines: Vec<Line>,
    next: usize,
    problems: Vec<(usize, &'static str)>,
}

impl<'a> Parser<'a> {
    fn problem(&mut self, offset: usize, message: &'static str) {
        self.problems.push((offset, message));
    }

    fn document(&mut self, documents: &mut Vec<Node<'a>>) {
        self.next = 0;
        if let Some(first) = self.lines.first().copied() {
            documents.push(self.block(first.indent, 0));
            if let Some(line) = self.peek() {
                self.problem(
                    line.start,
                    "the indentation does not fit; the rest was not read",
                );
            }
        }
        self.lines.clear();
    }

    fn peek(&self) -> Option<Line> {
        self.lines.get(self.next).copied()
    }

    fn content(&self, line: Line) -> &'a str {
        &self.text[line.start..line.end]
    }

    fn block(&mut self, indent: usize, depth: usize) -> Node<'a> {
        let Some(first) = self.peek() else {
            return Node::null(self.text.len());
        };
        if depth > DEPTH {
            self.problem(first.start, "nested too deeply");
            self.skip_deeper(indent.saturating_sub(1));
            return Node::null(first.start);
        }
        let content = self.content(first);
        let kind = if content == "-" || content.starts_with("- ") {
            self.list(indent, depth)
        } else if content.starts_with(['{', '[']) || key_end(content).is_none() {
            self.next += 1;
            return self.value(first, 0, depth);
        } else {
            self.map(indent, depth)
        };
        let last = self
            .next
            .checked_sub(1)
            .and_then(|last| self.lines.get(last));
        let end = last.map_or(first.end, |line| line.end);
        Node {
            kind,
            start: first.start,
            end,
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Kind<'a> {
        let mut items = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.indent == indent) {
            let content = self.content(line);
            let Some(rest) = content.strip_prefix('-') else {
                break;
            };
            let inner = rest.trim_start();
            if inner.is_empty() {
                self.next += 1;
                match self.peek().filter(|next| next.indent > indent) {
                    Some(next) => items.push(self.block(next.indent, depth + 1)),
                    None => items.push(Node::null(line.end)),
                }
                continue;
            }
            // The rest of the line is a block of its own, further to the right.
            let shift = content.len() - inner.len();
            let moved = Line {
                indent: indent + shift,
                start: line.start + shift,
                end: line.end,
            };
            self.lines[self.next] = moved;
            items.push(self.block(moved.indent, depth + 1));
        }
        Kind::List(items)
    }

    fn map(&mut self, indent: usize, depth: usize) -> Kind<'a> {
        let mut entries = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.indent == indent) {
            let content = self.content(line);
            if let Some(long) = content.strip_prefix("? ") {
                // A key of more than 1,024 characters; its value follows after `:`.
                self.next += 1;
                let value = match self.peek() {
                    Some(next) if next.indent == indent && self.content(next).starts_with(':') => {
                        self.next += 1;
                        self.value(next, 1, depth)
                    }
                    _ => Node::null(line.end),
                };
                entries.push(Entry {
                    key: scalar(long),
                    start: line.start,
                    value,
                });
                continue;
            }
            let Some(end) = key_end(content) else {
                if content.starts_with("- ") || content == "-" {
                    break;
                }
                self.problem(line.start, "expected a key followed by `:`");
                self.next += 1;
                self.skip_deeper(indent);
                continue;
            };
            if content.starts_with(['&', '*', '!', '<']) {
                self.problem(
                    line.start,
                    "anchors, aliases, tags and merge keys are not read",
                );
            }
            self.next += 1;
            let key = scalar(&content[..end]);
            let value = self.value(line, end + 1, depth);
            entries.push(Entry {
                key,
                start: line.start,
                value,
            });
        }
        Kind::Map(entries)
    }

    /// The value that starts after `skip` bytes of a line whose successor is next.
    fn value(&mut self, line: Line, skip: usize, depth: usize) -> Node<'a> {
        let rest = &self.text[line.start + skip..line.end];
        let inner = rest.trim_start();
        let start = line.end - inner.len();
        let inner = if inner.starts_with('#') { "" } else { inner };
        match inner.bytes().next() {
            None => match self.peek() {
                Some(next) if next.indent > line.indent => self.block(next.indent, depth + 1),
                Some(next)
                    if next.indent == line.indent
                        && (self.content(next) == "-" || self.content(next).starts_with("- ")) =>
                {
                    self.block(next.indent, depth + 1)
                }
                _ => Node::null(line.end),
            },
            Some(b'|' | b'>') => {
                self.skip_deeper(line.indent);
                Node::null(start)
            }
            Some(b'&' | b'*' | b'!') => {
                self.problem(start, "anchors, aliases and tags are not read");
                self.skip_deeper(line.indent);
                Node::null(start)
            }
            Some(b'{' | b'[' | b'"' | b'\'') => {
                let mut flow = Flow {
                    text: self.text,
                    at: start,
                    failed: false,
                };
                let node = flow.value(depth);
                if flow.failed {
                    self.problem(start, "a flow value without end");
                }
                // It may end lines later.
                while self.peek().is_some_and(|next| next.start < flow.at) {
                    self.next += 1;
                }
                let last = self.lines[self.next - 1];
                let tail = self
                    .text
                    .get(flow.at..last.end)
                    .unwrap_or_default()
                    .trim_start();
                if !tail.is_empty() && !tail.starts_with('#') {
                    self.problem(flow.at, "something follows the end of a value");
                }
                node
            }
            Some(_) => {
                let text = plain(inner);
                let end = start + text.len();
                // A plain scalar may go on in deeper lines; none that matters here does.
                self.skip_deeper(line.indent);
                Node {
                    kind: word(Cow::Borrowed(text)),
                    start,
                    end,
                }
            }
        }
    }

    fn skip_deeper(&mut self, indent: usize) {
        while self.peek().is_some_and(|line| line.indent > indent) {
            self.next += 1;
        }
    }
}

fn word(text: Cow<'_, str>) -> Kind<'_> {
    if matches!(&*text, "" | "~" | "null") {
        Kind::Null
    } else {
        Kind::Text(text)
    }
}

/// A plain scalar ends where a comment begins.
fn plain(text: &str) -> &str {
    text.find(" #").map_or(text, |at| &text[..at]).trim_end()
}

/// Where the key of `key: value` ends; none if the text is no such pair.
fn key_end(content: &str) -> Option<usize> {
    if content.starts_with("? ") {
        return Some(0);
    }
    if content.starts_with(['"', '\'']) {
        let (_, after) = string(content, 0);
        let after = after?;
        let colon = after + content[after..].find(':')?;
        let between = content[after..colon].trim().is_empty();
        let tail = &content[colon + 1..];
        return (between && (tail.is_empty() || tail.starts_with(' '))).then_some(colon);
    }
    let mut from = 0;
    loop {
        let colon = from + content[from..].find(':')?;
        let tail = &content[colon + 1..];
        if tail.is_empty() || tail.starts_with(' ') {
            return Some(colon);
        }
        from = colon + 1;
    }
}

/// A scalar that stands alone: quoted or plain.
fn scalar(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.starts_with(['"', '\'']) {
        string(text, 0).0
    } else {
        Cow::Borrowed(text)
    }
}

/// Reads a quoted string that starts at `at`; its text and the offset after it.
fn string(text: &str, at: usize) -> (Cow<'_, str>, Option<usize>) {
    if text.as_bytes().get(at) == Some(&b'"') {
        return quoted(text, at);
    }
    let body = text.get(at + 1..).unwrap_or_default();
    let mut from = 0;
    while let Some(found) = body[from..].find('\'') {
        let end = from + found;
        if body[end + 1..].starts_with('\'') {
            from = end + 2;
            continue;
        }
        let value = &body[..end];
        let value = if from == 0 {
            Cow::Borrowed(value)
        } else {
            value.replace("''", "'").into()
        };
        return (value, Some(at + end + 2));
    }
    (Cow::Borrowed(""), None)
}

/// Reads `{a: b, 'c': [d]}`.
struct Flow<'a> {
    text: &'a str,
    at: usize,
    failed: bool,
}

impl<'a> Flow<'a> {
    fn skip(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Node<'a> {
        let byte = self.skip();
        let start = self.at;
        if depth > DEPTH {
            self.failed = true;
            return Node::null(start);
        }
        let kind = match byte {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"' | b'\'') => Kind::Text(self.string()),
            _ => word(Cow::Borrowed(self.plain())),
        };
        Node {
            kind,
            start,
            end: self.at,
        }
    }

    fn string(&mut self) -> Cow<'a, str> {
        let (text, after) = string(self.text, self.at);
        match after {
            Some(after) => self.at = after,
            None => self.failed = true,
        }
        text
    }

    fn plain(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let mut end = rest.len();
        for (at, byte) in rest.bytes().enumerate() {
            let colon = byte == b':' && matches!(rest.as_bytes().get(at + 1), Some(b' ' | b'\n'));
            if colon || matches!(byte, b',' | b'}' | b']' | b'\n') {
                end = at;
                break;
            }
        }
        self.at += end;
        rest[..end].trim_end()
    }

    fn map(&mut self, depth: usize) -> Kind<'a> {
        let mut entries = Vec::new();
        self.at += 1;
        while !self.failed {
            let start = match self.skip() {
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(_) => self.at,
                None => {
                    self.failed = true;
                    break;
                }
            };
            let quote = matches!(self.text.as_bytes()[start], b'"' | b'\'');
            let key = if quote {
                self.string()
            } else {
                Cow::Borrowed(self.plain())
            };
            let value = if self.skip() == Some(b':') {
                self.at += 1;
                self.value(depth + 1)
            } else {
                Node::null(self.at)
            };
            entries.push(Entry { key, start, value });
            self.separator(b'}');
        }
        Kind::Map(entries)
    }

    fn list(&mut self, depth: usize) -> Kind<'a> {
        let mut items = Vec::new();
        self.at += 1;
        while !self.failed {
            if self.skip() == Some(b']') {
                self.at += 1;
                break;
            }
            items.push(self.value(depth + 1));
            self.separator(b']');
        }
        Kind::List(items)
    }

    fn separator(&mut self, close: u8) {
        match self.skip() {
            Some(b',') => self.at += 1,
            Some(byte) if byte == close => {}
            _ => self.failed = true,
        }
    }
}
