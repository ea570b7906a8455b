//! SQL text → statements. Own tokens rather than a parser per dialect: migrations mix dialects,
//! placeholders, client commands and broken parts, and one unknown word must not hide a `DROP`.

use std::ops::Range;

use super::create::{options, routine};
use super::cursor::{Cursor, join};
use super::token::{Kind, pair, tokens};
use super::{Lines, Loss, Operation, Problem, Reading, Statement, alter, replay, split};

/// How deep strings that are run as SQL are followed.
const DEPTH: usize = 3;

/// Statements that leave data model and protection alone.
#[rustfmt::skip]
const IRRELEVANT: &[&str] = &[
    "INSERT", "SELECT", "SET", "BEGIN", "COMMIT", "ROLLBACK", "START", "END", "PRAGMA", "COMMENT",
    "ANALYZE", "VACUUM", "COPY", "USE", "LOCK", "UNLOCK", "SHOW", "EXPLAIN", "REINDEX", "REFRESH",
    "CALL", "EXEC", "EXECUTE", "DECLARE", "PRINT", "IF", "WHILE", "RETURN", "RAISERROR", "THROW",
    "MERGE", "REPLACE", "VALUES", "NOTIFY", "LISTEN", "CLUSTER", "SAVEPOINT", "RELEASE", "RESET",
    "DISCARD", "PREPARE", "DEALLOCATE", "ATTACH", "DETACH", "OPTIMIZE", "REPAIR", "FLUSH",
    "SECURITY", "CHECKPOINT", "LOAD", "ELSE", "RAISE", "PERFORM", "WITH", "DO", "ABORT", "TABLE",
    "GO", "SAVE", "WAITFOR", "FETCH", "OPEN", "CLOSE", "BREAK", "CONTINUE", "KILL", "HANDLER",
    "DESCRIBE", "DESC", "IMPORT", "REASSIGN", "ELSIF", "ELSEIF", "EXCEPTION", "WHEN", "LOOP", "FOR",
    "NULL", "TRANSACTION", "TRAN", "WORK", "GOTO", "EXIT", "LEAVE", "ITERATE", "CHECK",
];

/// Objects whose making and unmaking leaves data model and protection alone.
#[rustfmt::skip]
pub(super) const OTHER_OBJECTS: &[&str] = &[
    "EXTENSION", "TYPE", "SEQUENCE", "DOMAIN", "AGGREGATE", "OPERATOR", "COLLATION", "CAST", "RULE",
    "SERVER", "PUBLICATION", "SUBSCRIPTION", "STATISTICS", "TEXT", "EVENT", "LANGUAGE", "SYNONYM",
    "DEFAULT", "FULLTEXT", "PARTITION", "XML", "TABLESPACE", "ACCESS", "CONVERSION", "FOREIGN",
    "LARGE", "SYSTEM", "ASSEMBLY", "MASTER", "CERTIFICATE", "SYMMETRIC", "COLUMN", "LOGFILE",
    "RESOURCE", "TRANSFORM", "OWNED", "PREPARED", "MESSAGE", "CONTRACT", "QUEUE", "SERVICE",
    "AVAILABILITY", "ENDPOINT", "WORKLOAD", "DICTIONARY", "MACRO", "SPATIAL",
];

/// Reads the statements that matter to the data model and its protection.
///
/// PostgreSQL, MySQL, SQLite and SQL Server, mixed as migrations mix them; `GO`, `DELIMITER`, psql
/// commands and `COPY` data are known. The bodies of functions, procedures and triggers are not
/// read; `DO` blocks and literal `EXECUTE`s are. Broken text gives problems, never a panic.
pub fn read_sql(text: &str) -> Reading {
    let lines = Lines::new(text);
    let mut reader = Reader {
        text,
        lines: &lines,
        out: Reading::default(),
        down: false,
        unread: Vec::new(),
    };
    reader.read(0..text.len(), 0);
    let mut out = reader.out;
    replay::settle(&mut out.statements);
    out.problems
        .sort_by(|a, b| (a.line, &a.message).cmp(&(b.line, &b.message)));
    out.problems.dedup();
    out
}

pub(super) struct Reader<'a, 'b> {
    text: &'a str,
    pub(super) lines: &'b Lines<'a>,
    out: Reading,
    down: bool,
    pub(super) unread: Vec<usize>,
}

impl Reader<'_, '_> {
    fn read(&mut self, range: Range<usize>, depth: usize) {
        let mut tokens = tokens(self.text, range);
        for at in &tokens.open {
            self.out.problems.push(Problem {
                line: self.lines.line(*at),
                message: "unterminated string, name or comment".to_owned(),
            });
        }
        let mut turn = 0;
        for range in split::statements(self.text, &tokens, depth > 0) {
            let statement = &mut tokens.list[range];
            pair(statement);
            while tokens
                .turns
                .get(turn)
                .is_some_and(|(at, _)| *at < statement[0].start)
            {
                self.down = tokens.turns[turn].1;
                turn += 1;
            }
            self.out.seen += 1;
            let cursor = Cursor {
                text: self.text,
                tokens: statement,
            };
            self.unread.clear();
            let understood = self.statement(cursor, depth).is_some();
            let (start, _) = cursor.bounds();
            let places = if understood {
                std::mem::take(&mut self.unread)
            } else {
                vec![start]
            };
            for at in places {
                let verb = [cursor.word(0), cursor.word(1)]
                    .join(" ")
                    .trim()
                    .chars()
                    .take(60)
                    .collect::<String>()
                    .to_ascii_uppercase();
                let message = if verb.is_empty() {
                    "not a statement".to_owned()
                } else {
                    format!("{verb}: not understood")
                };
                self.out.problems.push(Problem {
                    line: self.lines.line(at),
                    message,
                });
            }
        }
    }

    pub(super) fn push(
        &mut self,
        at: Cursor<'_>,
        table: impl Into<String>,
        operation: Operation,
        destructive: Option<Loss>,
    ) -> Option<()> {
        let (start, end) = at.bounds();
        let span = self.lines.span(start, end);
        self.out.statements.push(Statement {
            table: table.into(),
            operation,
            destructive,
            down: self.down,
            span,
        });
        Some(())
    }

    fn statement(&mut self, all: Cursor<'_>, depth: usize) -> Option<()> {
        let mut at = all;
        at.skip(&["BEGIN", "THEN", "ELSE", "LOOP", "TRY", "CATCH"]);
        if at.is_empty() {
            return Some(());
        }
        if at.eat(&["CREATE"]) {
            return self.create(all, at);
        }
        if at.eat(&["ALTER"]) {
            return self.alter(all, at);
        }
        if at.eat(&["DROP"]) {
            return self.drop(all, at);
        }
        if at.eat(&["TRUNCATE"]) {
            at.skip(&["TABLE", "ONLY"]);
            for mut item in at.items() {
                let table = item.name()?;
                self.push(all, table, Operation::Truncate, Some(Loss::Rows))?;
            }
            return Some(());
        }
        if at.eat(&["RENAME", "TABLE"]) {
            for mut item in at.items() {
                let from = item.name()?;
                item.eat(&["TO"]).then_some(())?;
                let to = item.name()?;
                self.push(all, from, Operation::RenameTable { to }, None)?;
            }
            return Some(());
        }
        if at.is(0, &["GRANT", "REVOKE"]) {
            return self.grant(all, at);
        }
        if at.is(0, &["DELETE", "UPDATE"]) {
            return self.rows(all, at);
        }
        if at.is(0, &["DO", "EXECUTE", "EXEC"]) {
            return self.run(all, at, depth);
        }
        if at.is(0, &["WITH"]) {
            let names = at;
            while !at.is_empty() && !at.is(0, &["DELETE", "UPDATE", "INSERT", "SELECT", "MERGE"]) {
                at.take_tree();
            }
            let mut target = at;
            target.skip(&["DELETE", "UPDATE", "FROM"]);
            let target = target.name();
            // SQL Server updates a table through the query that WITH names.
            let named = names.until(&at).items().into_iter().any(|mut item| {
                item.skip(&["WITH", "RECURSIVE"]);
                item.name() == target
            });
            return if at.is(0, &["DELETE", "UPDATE"]) && !named {
                self.rows(all, at)
            } else {
                Some(())
            };
        }
        let known = at.is(0, IRRELEVANT)
            || at.is_symbol(0, b'(')
            || all.word(0).starts_with(['@', '$'])
            || all.word(0).ends_with(':');
        (known || at.is_symbol(1, b'=') || at.is_symbol(1, b':') || depth > 0).then_some(())
    }

    /// `DO $$ … $$`, `EXECUTE '…'`, `EXEC('…')`, `EXEC sp_rename …`.
    fn run(&mut self, all: Cursor<'_>, mut at: Cursor<'_>, depth: usize) -> Option<()> {
        at.bump();
        if at.is(0, &["sp_rename"]) || at.is(2, &["sp_rename"]) {
            while !at.is_empty() && !at.is(0, &["sp_rename"]) {
                at.bump();
            }
            at.bump();
            return self.rename_procedure(all, at);
        }
        if depth < DEPTH {
            for token in at.tokens.iter().filter(|token| token.kind == Kind::String) {
                let inner = inside(self.text, token.start, token.end);
                if self.text[inner.clone()].contains(' ') {
                    let unread = std::mem::take(&mut self.unread);
                    self.read(inner, depth + 1);
                    self.unread = unread;
                }
            }
        }
        Some(())
    }

    /// SQL Server: `sp_rename 'dbo.Old.Name', 'New', 'COLUMN'`.
    fn rename_procedure(&mut self, all: Cursor<'_>, at: Cursor<'_>) -> Option<()> {
        let mut arguments = at.items().into_iter().map(|mut item| {
            if item.is_symbol(1, b'=') {
                item.bump();
                item.bump();
            }
            item.ident()
        });
        let (from, to) = (arguments.next()??, arguments.next()??);
        let kind = arguments.next().flatten().unwrap_or_default();
        let mut parts: Vec<String> = from
            .split('.')
            .map(|part| part.trim_matches(['[', ']', '"']).to_owned())
            .collect();
        if kind.eq_ignore_ascii_case("column") {
            let from = parts.pop()?;
            return self.push(all, join(parts), Operation::RenameColumn { from, to }, None);
        }
        if kind.eq_ignore_ascii_case("index") {
            return Some(());
        }
        self.push(all, join(parts), Operation::RenameTable { to }, None)
    }

    /// `DELETE` and `UPDATE` that no condition and no other table limits.
    fn rows(&mut self, all: Cursor<'_>, mut at: Cursor<'_>) -> Option<()> {
        let delete = at.is(0, &["DELETE"]);
        at.bump();
        if delete && at.is(0, &["TOP"]) {
            return Some(());
        }
        at.skip(&["FROM", "ONLY", "LOW_PRIORITY", "IGNORE", "QUICK"]);
        if at.is_symbol(0, b'(') || at.is(0, &["STATISTICS", "TOP"]) {
            return Some(());
        }
        let table = at.name()?;
        let mut condition = at;
        while !condition.is_empty() && !condition.is(0, &["WHERE"]) {
            condition.take_tree();
        }
        condition.bump();
        let vacuous = condition.is_empty()
            || matches!(
                condition.source().to_ascii_lowercase().as_str(),
                "true" | "1 = 1" | "1=1" | "1"
            );
        if !vacuous || at.has(&["JOIN", "USING", "FROM", "LIMIT"]) {
            return Some(());
        }
        if delete {
            return self.push(all, table, Operation::DeleteAll, Some(Loss::Rows));
        }
        while !at.is_empty() && !at.is(0, &["SET"]) {
            at.bump();
        }
        at.bump();
        let columns = at.columns();
        self.push(
            all,
            table,
            Operation::UpdateAll { columns },
            Some(Loss::Overwrite),
        )
    }

    fn grant(&mut self, all: Cursor<'_>, mut at: Cursor<'_>) -> Option<()> {
        let grant = at.is(0, &["GRANT"]);
        at.bump();
        at.eat(&["GRANT", "OPTION", "FOR"]);
        let privileges = at;
        while !at.is_empty() && !at.is(0, &["ON", "TO", "FROM"]) {
            at.take_tree();
        }
        let privileges = privileges
            .until(&at)
            .items()
            .iter()
            .map(|item| item.source().to_ascii_uppercase())
            .collect();
        let mut object = String::new();
        if at.eat(&["ON"]) {
            let place = at;
            while !at.is_empty() && !at.is(0, &["TO", "FROM"]) {
                at.bump();
            }
            let mut place = place.until(&at);
            object = place.source();
            place.eat(&["TABLE"]);
            if let Some(name) = place.name().filter(|_| place.is_empty()) {
                object = name;
            }
        }
        at.bump()?;
        let roles = at
            .items()
            .into_iter()
            .filter_map(|mut item| item.name())
            .collect();
        let operation = if grant {
            Operation::Grant {
                privileges,
                to: roles,
            }
        } else {
            Operation::Revoke {
                privileges,
                from: roles,
            }
        };
        self.push(all, object, operation, None)
    }

    fn alter(&mut self, all: Cursor<'_>, mut at: Cursor<'_>) -> Option<()> {
        at.skip(&["ONLINE", "OFFLINE", "IGNORE", "FOREIGN"]);
        if at.eat(&["TABLE"]) {
            at.skip_if_exists();
            at.eat(&["ONLY"]);
            let table = at.name()?;
            at.eat_symbol(b'*');
            let mut unread = Vec::new();
            for (operation, loss, (start, end)) in alter::actions(at, self.lines, &mut unread) {
                let span = self.lines.span(start, end);
                self.out.statements.push(Statement {
                    table: table.clone(),
                    operation,
                    destructive: loss,
                    down: self.down,
                    span,
                });
            }
            self.unread.extend(unread);
            return (!at.is_empty()).then_some(());
        }
        at.eat(&["SECURITY"]);
        if at.eat(&["POLICY"]) {
            let name = join(at.parts()?);
            let table = if at.eat(&["ON"]) {
                at.name()?
            } else {
                String::new()
            };
            return self.push(
                all,
                table,
                Operation::AlterPolicy {
                    name,
                    text: at.source(),
                },
                None,
            );
        }
        if at.is(0, &["ROLE", "USER", "LOGIN"]) {
            at.bump();
            let name = at.name()?;
            return self.push(
                all,
                name,
                Operation::AlterRole {
                    options: options(at),
                },
                None,
            );
        }
        if routine(&at) {
            return self.create_routine(all, at);
        }
        (at.is(0, OTHER_OBJECTS)
            || at.is(
                0,
                &[
                    "INDEX",
                    "VIEW",
                    "MATERIALIZED",
                    "SCHEMA",
                    "DATABASE",
                    "TRIGGER",
                    "GROUP",
                    "AUTHORIZATION",
                    "ALGORITHM",
                ],
            ))
        .then_some(())
    }
}

/// The bytes between a string's quotes.
fn inside(text: &str, start: usize, end: usize) -> Range<usize> {
    let raw = &text[start..end];
    let (open, close) = match raw.find(['\'', '$']) {
        Some(at) if raw[at..].starts_with('$') => {
            let length = raw[at + 1..].find('$').map_or(1, |length| length + 2);
            (at + length, length)
        }
        Some(at) => (at + 1, 1),
        None => (0, 0),
    };
    let to = if raw.len() >= open + close {
        end - close
    } else {
        end
    };
    let from = (start + open).min(to);
    if text.is_char_boundary(from) && text.is_char_boundary(to) {
        from..to
    } else {
        start..start
    }
}
