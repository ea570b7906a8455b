//! One shape for TOML, JSON and YAML: values with their places.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::reader::{Reader, Span};

/// Nesting beyond this is not followed.
pub(super) const DEPTH: usize = 96;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    Null,
    /// Any scalar; a number or truth value as it is written.
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// In source order; of equal keys the last one counts.
    Map(Vec<Entry<'a>>),
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    /// First byte of the key, its quote included.
    pub(super) start: usize,
    pub(super) value: Node<'a>,
}

impl Entry<'_> {
    /// From the key to the end of the value.
    pub(super) fn span(&self) -> Span {
        self.start..self.value.end.max(self.start)
    }
}

impl<'a> Node<'a> {
    pub(super) fn null(at: usize) -> Self {
        Self {
            kind: Kind::Null,
            start: at,
            end: at,
        }
    }

    pub(super) fn span(&self) -> Span {
        self.start..self.end
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[Entry<'a>] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The values of a list; none of anything else.
    pub(super) fn items(&self) -> &[Node<'a>] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries().iter().rfind(|entry| entry.key == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Follows keys through nested maps.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node<'a>> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of the map at a path; none if there is no map.
    pub(super) fn entries_at(&self, path: &[&str]) -> &[Entry<'a>] {
        self.at(path).map_or(&[], Node::entries)
    }

    /// The values of the list at a path; none if there is no list.
    pub(super) fn items_at(&self, path: &[&str]) -> &[Node<'a>] {
        self.at(path).map_or(&[], Node::items)
    }

    pub(super) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// Whether a key holds `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.text_at(key) == Some("true")
    }
}

/// Reads TOML; what cannot be understood becomes a problem and the rest is kept.
pub(super) fn toml<'a>(reader: &mut Reader<'a>) -> Node<'a> {
    if let Some(offset) = too_deep(reader.text) {
        reader.problem(offset, "tables nested too deeply; the file was not read");
        return Node::null(0);
    }
    let (table, errors) = DeTable::parse_recoverable(reader.text);
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        reader.problem(
            offset,
            format!("not TOML: {}", error.message().replace('\n', " ")),
        );
    }
    let span = table.span();
    let mut cut = None;
    let kind = map(table.into_inner(), 0, &mut cut);
    if let Some(offset) = cut {
        reader.problem(offset, "nested too deeply; what is inside was not read");
    }
    Node {
        kind,
        start: span.start,
        end: span.end,
    }
}

/// Finds a value whose dotted keys could nest thousands deep. The TOML reader allows keys of 80
/// parts in 80 nested tables, which together overflow a thread's stack.
fn too_deep(text: &str) -> Option<usize> {
    const MOST: usize = 512;
    if !text.contains('{') || text.bytes().filter(|byte| *byte == b'.').count() <= MOST {
        return None;
    }
    let mut open = Vec::new();
    let mut dots = 0;
    for token in Source::new(text).lex() {
        match token.kind() {
            kind @ (TokenKind::LeftCurlyBracket | TokenKind::LeftSquareBracket) => open.push(kind),
            TokenKind::RightCurlyBracket => {
                open.pop_if(|kind| *kind == TokenKind::LeftCurlyBracket);
            }
            TokenKind::RightSquareBracket => {
                open.pop_if(|kind| *kind == TokenKind::LeftSquareBracket);
            }
            TokenKind::Newline if open.is_empty() => dots = 0,
            // Strings are tokens of their own: these part keys (or, rarely, floats).
            TokenKind::Dot => dots += 1,
            _ => {}
        }
        if dots > MOST {
            return Some(token.span().start());
        }
    }
    None
}

/// `cut` becomes the place of a value whose inside was left out: the TOML reader bounds keys and
/// brackets, but together they still nest thousands deep.
fn map<'a>(table: DeTable<'a>, depth: usize, cut: &mut Option<usize>) -> Kind<'a> {
    let entries = table.into_iter().map(|(key, value)| Entry {
        start: key.span().start,
        key: key.into_inner(),
        value: node(value, depth + 1, cut),
    });
    let mut entries: Vec<Entry<'a>> = entries.collect();
    entries.sort_by_key(|entry| entry.start);
    Kind::Map(entries)
}

fn node<'a>(value: Spanned<DeValue<'a>>, depth: usize, cut: &mut Option<usize>) -> Node<'a> {
    let span = value.span();
    if depth > DEPTH {
        cut.get_or_insert(span.start);
        return Node {
            kind: Kind::Null,
            start: span.start,
            end: span.end,
        };
    }
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Text(text),
        DeValue::Boolean(value) => Kind::Text(Cow::Borrowed(if value { "true" } else { "false" })),
        DeValue::Integer(number) => Kind::Text(Cow::Owned(number.as_str().to_owned())),
        DeValue::Float(number) => Kind::Text(Cow::Owned(number.as_str().to_owned())),
        DeValue::Datetime(time) => Kind::Text(Cow::Owned(time.to_string())),
        DeValue::Array(items) => Kind::List(
            items
                .into_iter()
                .map(|item| node(item, depth + 1, cut))
                .collect(),
        ),
        DeValue::Table(table) => map(table, depth, cut),
    };
    Node {
        kind,
        start: span.start,
        end: span.end,
    }
}
