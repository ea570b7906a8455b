//! Data models as text states them: SQL (migrations, dumps) and Prisma schema files.
//!
//! In comes one text, out come statements or models with their places. Nothing here knows paths or
//! revisions: whether a migration runs forward is the caller's knowledge, except where the text
//! itself holds both directions (goose, dbmate, sql-migrate), see [`Statement::down`].
//!
//! A default is repository text and may be a credential: redact [`Field::default`] before showing it.

mod alter;
mod create;
mod cursor;
mod element;
mod liquibase;
mod mapping;
mod prisma;
mod replay;
mod split;
mod sql;
mod table;
#[cfg(test)]
mod tests;
mod token;

pub use liquibase::read_liquibase;
pub use mapping::{Mapping, read_mapping};
pub use prisma::{Enum, Model, ModelKind, PrismaSchema, read_prisma};
pub use sql::read_sql;
pub use table::narrows;

/// A stretch of text: bytes from 0, line and column from 1, columns in Unicode scalar values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// Line of the first byte.
    pub line: u32,
    /// Column of the first byte.
    pub column: u32,
}

/// A part of the text that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: u32,
    /// What could not be read; no repository text beyond a keyword.
    pub message: String,
}

/// What was read in a SQL text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What matters to the data model and its protection, in source order.
    pub statements: Vec<Statement>,
    /// What was not understood, in source order.
    pub problems: Vec<Problem>,
    /// Statements seen, including those that do not matter here (`INSERT`, `SELECT`, `SET` …).
    pub seen: usize,
}

/// One operation on one table; `ALTER TABLE` with three actions gives three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The table, view, function or role, unquoted, without a default schema (`public`, `dbo`,
    /// `main`). Empty where the text names none (`DROP INDEX x` in PostgreSQL).
    pub table: String,
    /// What is done.
    pub operation: Operation,
    /// Why it may destroy data or protection, or fail on existing rows.
    pub destructive: Option<Loss>,
    /// Whether the text marks it as the way back (`-- +goose Down`, `-- migrate:down`).
    pub down: bool,
    /// The statement, or the action within `ALTER TABLE`.
    pub span: Span,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "variants and fields carry SQL's own words")]
pub enum Operation {
    CreateTable {
        fields: Vec<Field>,
        constraints: Vec<Constraint>,
        temporary: bool,
    },
    DropTable,
    RenameTable {
        to: String,
    },
    AddColumn(Field),
    DropColumn {
        column: String,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    AlterColumn {
        column: String,
        change: ColumnChange,
    },
    AddConstraint(Constraint),
    DropConstraint {
        name: String,
    },
    CreateIndex {
        name: Option<String>,
        unique: bool,
        columns: Vec<String>,
    },
    DropIndex {
        name: String,
    },
    EnableRowSecurity {
        force: bool,
    },
    DisableRowSecurity {
        force: bool,
    },
    CreatePolicy {
        name: String,
        text: String,
    },
    AlterPolicy {
        name: String,
        text: String,
    },
    DropPolicy {
        name: String,
    },
    CreateTrigger {
        name: String,
    },
    DropTrigger {
        name: String,
    },
    DisableTrigger {
        name: String,
    },
    EnableTrigger {
        name: String,
    },
    Truncate,
    DeleteAll,
    UpdateAll {
        columns: Vec<String>,
    },
    Grant {
        privileges: Vec<String>,
        to: Vec<String>,
    },
    Revoke {
        privileges: Vec<String>,
        from: Vec<String>,
    },
    CreateView {
        materialized: bool,
    },
    DropView,
    DropSchema,
    CreateRoutine {
        security_definer: bool,
    },
    DropRoutine,
    CreateRole {
        options: Vec<String>,
    },
    AlterRole {
        options: Vec<String>,
    },
}

/// How a column is altered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "variants carry SQL's own words")]
pub enum ColumnChange {
    Type(String),
    SetNotNull,
    DropNotNull,
    SetDefault(String),
    DropDefault,
    /// `MODIFY`, `CHANGE` (MySQL), `ALTER COLUMN c type` (SQL Server): the whole definition anew.
    Redefine(Field),
    /// Statistics, storage, identity, collation: no part of the model.
    Other,
}

/// Why a statement is risky to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// A table and its rows go.
    Table,
    /// A schema or database goes.
    Schema,
    /// A column and its values go.
    Column,
    /// All rows go: `TRUNCATE`, or `DELETE` without a condition.
    Rows,
    /// All rows are overwritten: `UPDATE` without a condition.
    Overwrite,
    /// The new column is `NOT NULL` without a default: fails where rows exist.
    NotNullWithoutDefault,
    /// The new type may not hold the old values; see [`narrows`] once both are known.
    MayNarrow,
    /// A constraint goes.
    Constraint,
    /// A row security policy goes.
    Policy,
    /// A trigger goes or is switched off.
    Trigger,
    /// Row security is switched off.
    RowSecurity,
}

impl Loss {
    /// The reason's name in rules and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table-dropped",
            Self::Schema => "schema-dropped",
            Self::Column => "column-dropped",
            Self::Rows => "rows-deleted",
            Self::Overwrite => "rows-overwritten",
            Self::NotNullWithoutDefault => "not-null-without-default",
            Self::MayNarrow => "type-may-narrow",
            Self::Constraint => "constraint-dropped",
            Self::Policy => "policy-dropped",
            Self::Trigger => "trigger-dropped",
            Self::RowSecurity => "row-security-off",
        }
    }
}

/// A column, or a field of a Prisma model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Name in the code: the column's name in SQL, the field's in Prisma.
    pub name: String,
    /// The column's name in the database where it differs (`@map`).
    pub column: Option<String>,
    /// Type as written, white space collapsed; SQLite needs none.
    pub ty: Option<String>,
    /// Whether it may be null: in SQL the default.
    pub nullable: bool,
    /// Default as written.
    pub default: Option<String>,
    /// Whether it is (part of) the primary key.
    pub primary_key: bool,
    /// Whether it alone is unique.
    pub unique: bool,
    /// The table or model it refers to, `users(id)` where the columns are named.
    pub references: Option<String>,
    /// Whether it is a list or array.
    pub list: bool,
    /// Whether it is computed (`GENERATED ALWAYS AS (…)`, SQL Server `AS (…)`).
    pub generated: bool,
    /// Whether the database encrypts or masks it (SQL Server `ENCRYPTED WITH`, `MASKED WITH`).
    pub encrypted: bool,
    /// The definition's place.
    pub span: Span,
}

/// A table constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// The columns it is about; empty for a check.
    pub columns: Vec<String>,
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "variants carry SQL's own words")]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    NotNull,
    ForeignKey { references: String },
    Check { text: String },
    Exclude,
    Index,
}

/// Byte offsets to lines and columns, without a walk over the text for each.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let after = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let row = self
            .starts
            .partition_point(|at| *at <= start)
            .saturating_sub(1);
        let before = self
            .text
            .as_bytes()
            .get(self.starts[row]..start)
            .unwrap_or_default();
        let column = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        Span {
            start,
            end,
            line: count(row),
            column: count(column),
        }
    }

    pub(crate) fn line(&self, at: usize) -> u32 {
        count(
            self.starts
                .partition_point(|start| *start <= at)
                .saturating_sub(1),
        )
    }
}

/// Counts from 1.
fn count(from_zero: usize) -> u32 {
    u32::try_from(from_zero).unwrap_or(u32::MAX - 1) + 1
}

/// White space collapsed to single spaces.
fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
