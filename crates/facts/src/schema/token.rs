//! SQL text → tokens, for every dialect at once: what is ambiguous is decided by its surroundings.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or bare name.
    Word,
    /// `"x"`, `` `x` `` or `[x]`.
    Quoted,
    /// `'x'`, `$$x$$`.
    String,
    Number,
    Symbol(u8),
    /// The end of a statement: `;`, `GO`, the text that `DELIMITER` names.
    End,
    /// The end of a batch: `GO`.
    Batch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it is the first on its line.
    pub(super) first: bool,
    /// How many tokens on its closing parenthesis stands; 0 where there is none.
    pub(super) mate: usize,
}

pub(super) struct Tokens {
    pub(super) list: Vec<Token>,
    /// Where a comment says that the way back begins (`true`) or ends.
    pub(super) turns: Vec<(usize, bool)>,
    /// Where a string, name or comment is opened and never closed.
    pub(super) open: Vec<usize>,
    /// Whether the text is written for SQL Server.
    pub(super) server: bool,
}

/// Cuts `text[range]` into tokens; offsets count from the start of `text`.
pub(super) fn tokens(text: &str, range: Range<usize>) -> Tokens {
    let part = &text[range.clone()];
    let mut lexer = Lexer {
        bytes: &text.as_bytes()[..range.end],
        at: range.start,
        mysql: is_mysql(part),
        first: true,
        delimiter: b";".to_vec(),
        out: Tokens {
            list: Vec::new(),
            turns: Vec::new(),
            open: Vec::new(),
            server: is_server(part),
        },
        statement: 0,
    };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.out
}

/// MySQL knows `\'` and `# comment`, the others do not.
fn is_mysql(text: &str) -> bool {
    text.contains('`')
        || contains_any_case(text, "auto_increment")
        || contains_any_case(text, "engine=")
}

fn is_server(text: &str) -> bool {
    text.lines().any(|line| {
        line.trim().eq_ignore_ascii_case("go") || line.trim().eq_ignore_ascii_case("go;")
    }) || contains_any_case(text, "[dbo]")
        || contains_any_case(text, "nvarchar")
        || contains_any_case(text, "object_id(")
        || contains_any_case(text, "sp_rename")
}

fn contains_any_case(text: &str, lower: &str) -> bool {
    text.as_bytes()
        .windows(lower.len())
        .any(|window| window.eq_ignore_ascii_case(lower.as_bytes()))
}

/// Pairs the parentheses of one statement.
pub(super) fn pair(statement: &mut [Token]) {
    let mut open = Vec::new();
    for at in 0..statement.len() {
        match statement[at].kind {
            Kind::Symbol(b'(') => open.push(at),
            Kind::Symbol(b')') => {
                if let Some(from) = open.pop() {
                    statement[from].mate = at - from;
                }
            }
            _ => {}
        }
    }
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    mysql: bool,
    first: bool,
    delimiter: Vec<u8>,
    out: Tokens,
    /// Index of the current statement's first token.
    statement: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn push(&mut self, kind: Kind, start: usize) {
        let first = std::mem::replace(&mut self.first, false);
        self.out.list.push(Token {
            kind,
            start,
            end: self.at,
            first,
            mate: 0,
        });
    }

    fn step(&mut self) {
        let start = self.at;
        let byte = self.peek(0);
        if self.delimiter != b";" && self.rest().starts_with(&self.delimiter) {
            self.at += self.delimiter.len();
            self.end_statement(Kind::End, start);
            return;
        }
        match byte {
            b'\n' => {
                self.first = true;
                self.at += 1;
            }
            b' ' | b'\t' | b'\r' | 0 => self.at += 1,
            b'-' if self.peek(1) == b'-' => self.comment(),
            b'#' if self.mysql && self.peek(1) != b'>' => self.comment(),
            b'\\' if self.first => self.skip_line(),
            b'/' if self.peek(1) == b'*' && self.peek(2) == b'!' => {
                // MySQL runs what stands in /*!50001 … */.
                self.at += 3;
                self.skip_while(|byte| byte.is_ascii_digit());
            }
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'*' if self.peek(1) == b'/' => self.at += 2,
            b'\'' => self.quoted(b'\'', Kind::String, self.mysql, start),
            b'"' => self.quoted(b'"', Kind::Quoted, self.mysql, start),
            b'`' => self.quoted(b'`', Kind::Quoted, false, start),
            b'[' if self.opens_name() => self.quoted(b']', Kind::Quoted, false, start),
            b'$' => self.dollar(start),
            b'{' if self.peek(1) == b'{' => {
                // A template's placeholder.
                self.at += find(&self.rest()[..self.rest().len().min(200)], b"}}").unwrap_or(0) + 2;
                self.skip_while(is_word_part);
                self.push(Kind::Word, start);
            }
            b';' if self.delimiter == b";" => {
                self.at += 1;
                self.end_statement(Kind::End, start);
            }
            _ if is_word_start(byte)
                || ((byte == b'#' || byte == b'@') && is_word_start(self.peek(1))) =>
            {
                self.word(start)
            }
            _ if byte.is_ascii_digit() => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
                self.push(Kind::Number, start);
            }
            _ => {
                self.at += 1;
                self.push(Kind::Symbol(byte), start);
            }
        }
    }

    fn skip_while(&mut self, test: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|byte| test(*byte)) {
            self.at += 1;
        }
    }

    fn skip_line(&mut self) {
        self.skip_while(|byte| byte != b'\n');
    }

    fn comment(&mut self) {
        let start = self.at;
        self.skip_line();
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]).to_ascii_lowercase();
        let words: Vec<_> = text
            .trim_start_matches(['-', '#', ' '])
            .split_whitespace()
            .collect();
        match words.as_slice() {
            ["+goose" | "+migrate" | "+micrate", "down", ..] | ["migrate:down", ..] => {
                self.out.turns.push((start, true))
            }
            ["+goose" | "+migrate" | "+micrate", "up", ..] | ["migrate:up", ..] => {
                self.out.turns.push((start, false))
            }
            _ => {}
        }
    }

    /// PostgreSQL and SQL Server nest block comments.
    fn block_comment(&mut self) {
        let (start, mut depth) = (self.at, 0usize);
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') if depth == 0 || !self.mysql => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.at = self.bytes.len();
        self.out.open.push(start);
    }

    /// Reads to the closing mark; doubled, it is part of the content.
    fn quoted(&mut self, close: u8, kind: Kind, escapes: bool, start: usize) {
        self.at += 1;
        if self.peek(0) == b'{' && self.peek(1) == b'{' {
            // A template's placeholder may hold quotes of its own.
            self.at += find(&self.rest()[..self.rest().len().min(200)], b"}}").unwrap_or(0);
        }
        loop {
            match self.bytes.get(self.at) {
                None => {
                    self.out.open.push(start);
                    break;
                }
                Some(b'\\') if escapes => self.at = (self.at + 2).min(self.bytes.len()),
                Some(byte) if *byte == close => {
                    self.at += 1;
                    if self.peek(0) != close {
                        break;
                    }
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
        self.push(kind, start);
    }

    /// `[name]` is a name, outside SQL Server `text[]`, `array['a']`, `a[1]` and `a[i]` are not.
    fn opens_name(&self) -> bool {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|at| self.bytes.get(at))
            .copied()
            .unwrap_or(b' ');
        if self.out.server {
            return true;
        }
        is_word_start(self.peek(1))
            && !(before.is_ascii_alphanumeric() || matches!(before, b'_' | b']' | b')'))
    }

    /// `$$ … $$`, `$tag$ … $tag$`, `$1`, `${placeholder}`.
    fn dollar(&mut self, start: usize) {
        if self.peek(1) == b'{' {
            self.skip_while(|byte| byte != b'}' && byte != b'\n');
            self.at = (self.at + 1).min(self.bytes.len());
            self.skip_while(is_word_part);
            return self.push(Kind::Word, start);
        }
        self.at += 1;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        if self.peek(0) != b'$' || self.bytes[start + 1].is_ascii_digit() {
            return self.push(Kind::Number, start);
        }
        self.at += 1;
        let tag = &self.bytes[start..self.at];
        match find(self.rest(), tag) {
            Some(length) => self.at += length + tag.len(),
            None => {
                self.at = self.bytes.len();
                self.out.open.push(start);
            }
        }
        self.push(Kind::String, start);
    }

    fn word(&mut self, start: usize) {
        self.at += 1;
        self.skip_while(is_word_part);
        let word = &self.bytes[start..self.at];
        // E'it\'s' (PostgreSQL), N'…', B'…', X'…', U&'…'.
        if self.peek(0) == b'\'' && word.len() == 1 {
            let escapes = word.eq_ignore_ascii_case(b"e") || self.mysql;
            return self.quoted(b'\'', Kind::String, escapes, start);
        }
        let line = self.first.then(|| {
            self.rest()
                .split(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default()
                .trim_ascii()
        });
        if let Some(line) = line {
            if word.eq_ignore_ascii_case(b"go")
                && (line.is_empty() || line == b";" || line.iter().all(u8::is_ascii_digit))
            {
                self.skip_line();
                return self.end_statement(Kind::Batch, start);
            }
            if word.eq_ignore_ascii_case(b"delimiter") && !line.is_empty() && line.len() < 8 {
                self.delimiter = line.to_vec();
                self.skip_line();
                return self.end_statement(Kind::End, start);
            }
        }
        self.push(Kind::Word, start);
    }

    fn end_statement(&mut self, kind: Kind, start: usize) {
        let bytes = self.bytes;
        let is =
            |token: &Token, word: &[u8]| bytes[token.start..token.end].eq_ignore_ascii_case(word);
        let statement = &self.out.list[self.statement..];
        let copies = statement.first().is_some_and(|token| is(token, b"copy"))
            && statement.iter().any(|token| is(token, b"stdin"));
        self.push(kind, start);
        self.statement = self.out.list.len();
        if copies {
            // Data up to the line `\.`.
            self.at =
                find(self.rest(), b"\n\\.").map_or(self.bytes.len(), |length| self.at + length + 3);
        }
    }
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'@') || byte >= 0x80
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
