//! `CREATE` and `DROP` of everything but their columns.

use super::cursor::{Cursor, join};
use super::sql::{OTHER_OBJECTS, Reader};
use super::token::Kind;
use super::{Loss, Operation, table};

impl Reader<'_, '_> {
    pub(super) fn create(&mut self, all: Cursor<'_>, mut at: Cursor<'_>) -> Option<()> {
        let mut temporary = false;
        while at.is(
            0,
            &[
                "OR",
                "REPLACE",
                "ALTER",
                "GLOBAL",
                "LOCAL",
                "TEMP",
                "TEMPORARY",
                "UNLOGGED",
                "VIRTUAL",
                "EXTERNAL",
                "FOREIGN",
                "RECURSIVE",
                "CONSTRAINT",
                "EDITIONABLE",
                "FORCE",
            ],
        ) && !at.is(1, &["DATA"])
        {
            temporary |= at.is(0, &["TEMP", "TEMPORARY"]);
            at.bump();
        }
        if at.eat(&["TABLE"]) {
            return self.create_table(all, at, temporary);
        }
        if routine(&at) || at.is(0, &["DEFINER"]) && at.has(&["FUNCTION", "PROCEDURE"]) {
            return self.create_routine(all, at);
        }
        if at.is(0, &["TRIGGER"]) || at.is(0, &["DEFINER"]) && at.has(&["TRIGGER"]) {
            while !at.is_empty() && !at.is(0, &["TRIGGER"]) {
                at.bump();
            }
            at.bump();
            at.skip_if_exists();
            let name = join(at.parts()?);
            while !at.is_empty() && !at.is(0, &["ON"]) {
                at.bump();
            }
            at.bump();
            let table = at.name().unwrap_or_default();
            return self.push(all, table, Operation::CreateTrigger { name }, None);
        }
        if let (true, mut view) = (at.has(&["VIEW"]), at) {
            while !view.is_empty() && !view.is(0, &["VIEW"]) {
                view.bump();
            }
            view.bump();
            view.skip_if_exists();
            let materialized = at.is(0, &["MATERIALIZED"]);
            return match view.name() {
                Some(name) => self.push(all, name, Operation::CreateView { materialized }, None),
                None => at.is(0, OTHER_OBJECTS).then_some(()),
            };
        }
        let unique = at.is(0, &["UNIQUE"]);
        at.skip(&[
            "UNIQUE",
            "CLUSTERED",
            "NONCLUSTERED",
            "COLUMNSTORE",
            "FULLTEXT",
            "SPATIAL",
        ]);
        if at.eat(&["INDEX"]) {
            at.eat(&["CONCURRENTLY"]);
            at.skip_if_exists();
            let name = if at.is(0, &["ON"]) {
                None
            } else {
                Some(join(at.parts()?))
            };
            while !at.is_empty() && !at.is(0, &["ON"]) {
                at.bump();
            }
            at.bump();
            at.eat(&["ONLY"]);
            let table = at.name()?;
            while !at.is_empty() && !at.is_symbol(0, b'(') {
                at.bump();
            }
            let columns = at.group().map(Cursor::columns).unwrap_or_default();
            return self.push(
                all,
                table,
                Operation::CreateIndex {
                    name,
                    unique,
                    columns,
                },
                None,
            );
        }
        at.eat(&["SECURITY"]);
        if at.eat(&["POLICY"]) {
            at.skip_if_exists();
            let name = join(at.parts()?);
            let text = at;
            while !at.is_empty() && !at.is(0, &["ON"]) {
                at.bump();
            }
            at.bump();
            let table = at.name().unwrap_or_default();
            return self.push(
                all,
                table,
                Operation::CreatePolicy {
                    name,
                    text: text.source(),
                },
                None,
            );
        }
        if at.is(0, &["ROLE", "USER", "LOGIN"]) {
            at.bump();
            at.skip_if_exists();
            let name = at.name()?;
            return self.push(
                all,
                name,
                Operation::CreateRole {
                    options: options(at),
                },
                None,
            );
        }
        (at.is(0, OTHER_OBJECTS) || at.is(0, &["SCHEMA", "DATABASE", "GROUP", "TRUSTED", "DATA"]))
            .then_some(())
    }

    fn create_table(&mut self, all: Cursor<'_>, mut at: Cursor<'_>, temporary: bool) -> Option<()> {
        at.skip_if_exists();
        let table = at.name()?;
        let temporary = temporary || table.starts_with(['#', '@']);
        if at.is_empty() {
            return None;
        }
        // USING fts5(…), PARTITION OF …, AS SELECT …, LIKE …: columns are not stated here.
        let body = at
            .group()
            .filter(|body| !body.is(0, &["SELECT", "LIKE"]) || body.is_symbol(1, b','));
        let mut unread = Vec::new();
        let (fields, constraints) = body
            .map(|body| table::definitions(body, self.lines, &mut unread))
            .unwrap_or_default();
        let closed = body.is_some()
            || at.is(
                0,
                &[
                    "USING",
                    "PARTITION",
                    "AS",
                    "LIKE",
                    "OF",
                    "INHERITS",
                    "CLONE",
                    "SELECT",
                ],
            )
            || !at.is_symbol(0, b'(');
        self.unread.extend(unread);
        self.push(
            all,
            table,
            Operation::CreateTable {
                fields,
                constraints,
                temporary,
            },
            None,
        )?;
        closed.then_some(())
    }

    pub(super) fn create_routine(&mut self, all: Cursor<'_>, mut at: Cursor<'_>) -> Option<()> {
        while !at.is_empty() && !at.is(0, &["FUNCTION", "PROCEDURE", "PROC", "PACKAGE"]) {
            at.bump();
        }
        at.bump();
        at.skip_if_exists();
        let name = at.name()?;
        let mut security_definer = false;
        while !at.is_empty() {
            let definer = at.eat(&["SECURITY", "DEFINER"]) || at.eat(&["EXECUTE", "AS", "OWNER"]);
            security_definer |= definer;
            if !definer {
                at.bump();
            }
        }
        self.push(
            all,
            name,
            Operation::CreateRoutine { security_definer },
            None,
        )
    }

    pub(super) fn drop(&mut self, all: Cursor<'_>, mut at: Cursor<'_>) -> Option<()> {
        at.skip(&["TEMPORARY", "MATERIALIZED", "SECURITY", "FOREIGN"]);
        let object = at.word(0).to_ascii_uppercase();
        at.bump()?;
        at.skip(&["CONCURRENTLY"]);
        at.skip_if_exists();
        match object.as_str() {
            "TABLE" | "VIEW" | "SCHEMA" | "DATABASE" | "FUNCTION" | "PROCEDURE" | "PROC" => {
                for mut item in at.items() {
                    let name = item.name()?;
                    let (operation, loss) = match object.as_str() {
                        "TABLE" if name.starts_with(['#', '@']) => (Operation::DropTable, None),
                        "TABLE" => (Operation::DropTable, Some(Loss::Table)),
                        "VIEW" => (Operation::DropView, None),
                        "SCHEMA" | "DATABASE" => (Operation::DropSchema, Some(Loss::Schema)),
                        _ => (Operation::DropRoutine, None),
                    };
                    self.push(all, name, operation, loss)?;
                }
                Some(())
            }
            "INDEX" | "TRIGGER" | "POLICY" => {
                let name = join(at.parts()?);
                let table = if at.eat(&["ON"]) {
                    at.name()?
                } else {
                    String::new()
                };
                let (operation, loss) = match object.as_str() {
                    "INDEX" => (Operation::DropIndex { name }, None),
                    "TRIGGER" => (Operation::DropTrigger { name }, Some(Loss::Trigger)),
                    _ => (Operation::DropPolicy { name }, Some(Loss::Policy)),
                };
                self.push(all, table, operation, loss)
            }
            "ROLE" | "USER" | "LOGIN" | "GROUP" => Some(()),
            _ => OTHER_OBJECTS.contains(&object.as_str()).then_some(()),
        }
    }
}

pub(super) fn routine(at: &Cursor<'_>) -> bool {
    at.is(0, &["FUNCTION", "PROCEDURE", "PROC", "PACKAGE"])
        || at.is(0, &["AGGREGATE"]) && at.is(1, &["FUNCTION"])
}

/// A role's options without what follows `PASSWORD`.
pub(super) fn options(at: Cursor<'_>) -> Vec<String> {
    at.tokens
        .iter()
        .filter(|token| token.kind == Kind::Word)
        .map(|token| at.text[token.start..token.end].to_ascii_uppercase())
        .collect()
}
