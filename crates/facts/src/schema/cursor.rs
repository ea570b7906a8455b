//! A place in one statement's tokens.

use super::collapse;
use super::token::{Kind, Token};

#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
}

impl<'a> Cursor<'a> {
    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.first()
    }

    pub(super) fn bump(&mut self) -> Option<&'a Token> {
        let (token, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(token)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The bare word so many tokens ahead; empty where there is none.
    pub(super) fn word(&self, ahead: usize) -> &'a str {
        self.tokens
            .get(ahead)
            .filter(|token| token.kind == Kind::Word)
            .map_or("", |token| &self.text[token.start..token.end])
    }

    pub(super) fn is(&self, ahead: usize, words: &[&str]) -> bool {
        let word = self.word(ahead);
        words.iter().any(|other| word.eq_ignore_ascii_case(other))
    }

    pub(super) fn is_symbol(&self, ahead: usize, symbol: u8) -> bool {
        self.tokens
            .get(ahead)
            .is_some_and(|token| token.kind == Kind::Symbol(symbol))
    }

    /// Takes the words if all stand here in this order.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let all = words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.is(ahead, &[*word]));
        if all {
            self.tokens = &self.tokens[words.len()..];
        }
        all
    }

    pub(super) fn eat_symbol(&mut self, symbol: u8) -> bool {
        let here = self.is_symbol(0, symbol);
        if here {
            self.tokens = &self.tokens[1..];
        }
        here
    }

    /// Takes any of the words, as often as they come.
    pub(super) fn skip(&mut self, words: &[&str]) {
        while self.is(0, words) {
            self.bump();
        }
    }

    /// `IF EXISTS`, `IF NOT EXISTS`.
    pub(super) fn skip_if_exists(&mut self) {
        if self.eat(&["IF"]) {
            self.eat(&["NOT"]);
            self.eat(&["EXISTS"]);
        }
    }

    /// One part of a name, without its quotes.
    pub(super) fn ident(&mut self) -> Option<String> {
        let token = self.peek()?;
        let text = &self.text[token.start..token.end];
        let name = match token.kind {
            Kind::Word => text.to_owned(),
            Kind::Quoted | Kind::String => unquote(text),
            _ => return None,
        };
        self.bump();
        Some(name)
    }

    /// A name with its qualifiers, `a.b.c`.
    pub(super) fn parts(&mut self) -> Option<Vec<String>> {
        let mut parts = vec![self.ident()?];
        while self.is_symbol(0, b'.') {
            self.bump();
            if self.is_symbol(0, b'.') {
                continue; // `db..table`
            }
            parts.push(self.ident()?);
        }
        Some(parts)
    }

    /// A table's name, without a default schema.
    pub(super) fn name(&mut self) -> Option<String> {
        Some(join(self.parts()?))
    }

    /// What stands in the parentheses that open here.
    pub(super) fn group(&mut self) -> Option<Cursor<'a>> {
        let close = self
            .peek()
            .filter(|token| token.kind == Kind::Symbol(b'('))?
            .mate;
        if close == 0 || close >= self.tokens.len() {
            return None;
        }
        let inner = Cursor {
            tokens: &self.tokens[1..close],
            ..*self
        };
        self.tokens = &self.tokens[close + 1..];
        Some(inner)
    }

    /// Takes a token, or a whole group where one opens.
    pub(super) fn take_tree(&mut self) {
        if self.group().is_none() {
            self.bump();
        }
    }

    /// The parts between commas outside parentheses.
    pub(super) fn items(self) -> Vec<Cursor<'a>> {
        let mut items = Vec::new();
        let (mut depth, mut start) = (0usize, 0usize);
        for (at, token) in self.tokens.iter().enumerate() {
            match token.kind {
                Kind::Symbol(b'(' | b'[') => depth += 1,
                Kind::Symbol(b')' | b']') => depth = depth.saturating_sub(1),
                Kind::Symbol(b',') if depth == 0 => {
                    items.push(Cursor {
                        tokens: &self.tokens[start..at],
                        ..self
                    });
                    start = at + 1;
                }
                _ => {}
            }
        }
        items.push(Cursor {
            tokens: &self.tokens[start..],
            ..self
        });
        items.retain(|item| !item.is_empty());
        items
    }

    /// Whether a word stands outside parentheses.
    pub(super) fn has(mut self, words: &[&str]) -> bool {
        while !self.is_empty() {
            if self.is(0, words) {
                return true;
            }
            self.take_tree();
        }
        false
    }

    /// The names of a column list, without `ASC`, lengths and expressions.
    pub(super) fn columns(self) -> Vec<String> {
        self.items()
            .into_iter()
            .filter_map(|mut item| item.parts()?.pop())
            .collect()
    }

    /// First and last byte.
    pub(super) fn bounds(&self) -> (usize, usize) {
        let start = self.tokens.first().map_or(0, |token| token.start);
        (start, self.tokens.last().map_or(start, |token| token.end))
    }

    /// The text as written, white space collapsed.
    pub(super) fn source(&self) -> String {
        let (start, end) = self.bounds();
        collapse(&self.text[start..end])
    }

    /// What lies between here and a later place of the same statement.
    pub(super) fn until(&self, later: &Cursor<'a>) -> Cursor<'a> {
        Cursor {
            tokens: &self.tokens[..self.tokens.len().saturating_sub(later.tokens.len())],
            ..*self
        }
    }
}

/// Parts of a name, without a default schema or a placeholder for one.
pub(super) fn join(mut parts: Vec<String>) -> String {
    let default = |part: &String| {
        ["public", "dbo", "main"]
            .iter()
            .any(|schema| part.eq_ignore_ascii_case(schema))
    };
    if parts.len() > 1 && (default(&parts[0]) || parts[0].starts_with(['$', '{'])) {
        parts.remove(0);
    }
    parts.join(".")
}

fn unquote(text: &str) -> String {
    let text = text
        .strip_prefix(['N', 'n', 'E', 'e'])
        .filter(|rest| rest.starts_with('\''))
        .unwrap_or(text);
    let mut chars = text.chars();
    let open = chars.next().unwrap_or_default();
    let close = if open == '[' { ']' } else { open };
    let inner = chars.as_str();
    let inner = inner.strip_suffix(close).unwrap_or(inner);
    inner.replace(&format!("{close}{close}"), &close.to_string())
}
