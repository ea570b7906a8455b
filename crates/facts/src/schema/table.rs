//! `CREATE TABLE`'s parts: column definitions and table constraints.

use super::cursor::{Cursor, join};
use super::token::Kind;
use super::{Constraint, ConstraintKind, Field, Lines, collapse};

/// Words that end a column's type or default.
#[rustfmt::skip]
const COLUMN_WORDS: &[&str] = &[
    "NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "CONSTRAINT", "COLLATE",
    "GENERATED", "AUTO_INCREMENT", "AUTOINCREMENT", "IDENTITY", "COMMENT", "ON", "AS", "CHARSET",
    "KEY", "INVISIBLE", "VISIBLE", "SPARSE", "ROWGUIDCOL", "ENCRYPTED", "MASKED", "STORED",
    "VIRTUAL", "PERSISTED", "FIRST", "AFTER", "USING", "STORAGE", "COMPRESSION", "DEFERRABLE",
    "INITIALLY", "HIDDEN", "ENABLE", "DISABLE",
];

/// The definition list of `CREATE TABLE`; what cannot be read is counted in `unread`.
pub(super) fn definitions(
    body: Cursor<'_>,
    lines: &Lines<'_>,
    unread: &mut Vec<usize>,
) -> (Vec<Field>, Vec<Constraint>) {
    let (mut fields, mut constraints) = (Vec::new(), Vec::new());
    for item in body.items() {
        if item.is(0, &["LIKE", "PERIOD"]) && item.tokens.len() > 1 {
            continue;
        }
        if let Some(constraint) = constraint(item) {
            constraints.push(constraint);
        } else if let Some(field) = field(item, lines) {
            fields.push(field);
        } else {
            unread.push(item.bounds().0);
        }
    }
    for constraint in &constraints {
        for field in fields
            .iter_mut()
            .filter(|field| constraint.columns.contains(&field.name))
        {
            apply(constraint, field);
        }
    }
    (fields, constraints)
}

/// What a table constraint says about one of its columns.
fn apply(constraint: &Constraint, field: &mut Field) {
    match &constraint.kind {
        ConstraintKind::PrimaryKey => {
            field.primary_key = true;
            field.nullable = false;
        }
        ConstraintKind::NotNull => field.nullable = false,
        ConstraintKind::Unique if constraint.columns.len() == 1 => field.unique = true,
        ConstraintKind::ForeignKey { references } if constraint.columns.len() == 1 => {
            field.references = Some(references.clone())
        }
        _ => {}
    }
}

/// A table constraint, or `None` where the item is a column.
pub(super) fn constraint(mut item: Cursor<'_>) -> Option<Constraint> {
    let mut name = None;
    if item.is(0, &["CONSTRAINT"]) {
        item.bump();
        if !item.is(0, &["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"])
            || item.is(1, &["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"])
        {
            name = Some(join(item.parts()?));
        }
    }
    if name.is_some() && item.eat(&["NOT", "NULL"]) {
        return Some(Constraint {
            name,
            kind: ConstraintKind::NotNull,
            columns: vec![item.ident()?],
        });
    }
    if item.eat(&["PRIMARY", "KEY"]) {
        return Some(Constraint {
            name,
            kind: ConstraintKind::PrimaryKey,
            columns: key_columns(item),
        });
    }
    if item.eat(&["FOREIGN", "KEY"]) {
        item.skip_if_exists();
        if !item.is_symbol(0, b'(') {
            name = name.or(item.ident());
        }
        let columns = item.group()?.columns();
        let references = if item.eat(&["REFERENCES"]) {
            target(&mut item)?
        } else {
            String::new()
        };
        return Some(Constraint {
            name,
            kind: ConstraintKind::ForeignKey { references },
            columns,
        });
    }
    if item.is(0, &["CHECK"]) && (item.is_symbol(1, b'(') || item.is(1, &["CONSTRAINT"])) {
        item.bump();
        let text = item.group().unwrap_or(item).source();
        return Some(Constraint {
            name,
            kind: ConstraintKind::Check { text },
            columns: Vec::new(),
        });
    }
    if item.is(0, &["EXCLUDE"]) && item.tokens.len() > 1 {
        return Some(Constraint {
            name,
            kind: ConstraintKind::Exclude,
            columns: Vec::new(),
        });
    }
    let unique = item.is(0, &["UNIQUE"]);
    if unique || item.is(0, &["INDEX", "KEY", "FULLTEXT", "SPATIAL"]) {
        let mut keys = item;
        keys.bump();
        keys.skip(&[
            "KEY",
            "INDEX",
            "CLUSTERED",
            "NONCLUSTERED",
            "NULLS",
            "NOT",
            "DISTINCT",
        ]);
        if keys.eat(&["USING"]) {
            // An existing index becomes the constraint.
            return Some(Constraint {
                name,
                kind: ConstraintKind::Unique,
                columns: Vec::new(),
            });
        }
        if !keys.is_symbol(0, b'(') {
            name = keys.ident().or(name);
            keys.skip(&[
                "USING",
                "BTREE",
                "HASH",
                "CLUSTERED",
                "NONCLUSTERED",
                "UNIQUE",
            ]);
        }
        // `key varchar(20)` is a column, `KEY by_name (name)` is not.
        let columns = keys.group().filter(|group| {
            group.peek().is_some_and(|token| {
                matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Symbol(b'('))
            })
        })?;
        let kind = if unique {
            ConstraintKind::Unique
        } else {
            ConstraintKind::Index
        };
        return Some(Constraint {
            name,
            kind,
            columns: columns.columns(),
        });
    }
    None
}

fn key_columns(mut item: Cursor<'_>) -> Vec<String> {
    while !item.is_empty() {
        if let Some(group) = item.group() {
            return group.columns();
        }
        item.bump();
    }
    Vec::new()
}

/// `users`, `users(id)`.
fn target(item: &mut Cursor<'_>) -> Option<String> {
    let table = item.name()?;
    let columns = item.group().map(Cursor::columns).unwrap_or_default();
    Some(if columns.is_empty() {
        table
    } else {
        format!("{table}({})", columns.join(","))
    })
}

/// A column definition: name, type, constraints.
pub(super) fn field(mut item: Cursor<'_>, lines: &Lines<'_>) -> Option<Field> {
    let (start, end) = item.bounds();
    let mut field = Field {
        name: item.ident()?,
        nullable: true,
        span: lines.span(start, end),
        ..Field::default()
    };
    let before = item;
    while !item.is_empty() && !ends_type(&item) {
        item.take_tree();
    }
    let ty = before.until(&item);
    if !ty.is_empty() {
        field.list = ty.source().ends_with(']') || ty.has(&["ARRAY"]);
        field.nullable = !ty.is(0, &["SERIAL", "BIGSERIAL", "SMALLSERIAL", "ROWVERSION"]);
        field.ty = Some(tidy(&ty.source()));
    }
    while !item.is_empty() {
        read_constraint(&mut item, &mut field)?;
    }
    if field.primary_key {
        field.nullable = false;
    }
    Some(field)
}

fn ends_type(item: &Cursor<'_>) -> bool {
    item.is(0, COLUMN_WORDS)
        || (item.is(0, &["CHARACTER"]) && item.is(1, &["SET"]))
        || item.is_symbol(0, b'=')
}

fn read_constraint(item: &mut Cursor<'_>, field: &mut Field) -> Option<()> {
    if item.eat(&["NOT", "NULL"]) {
        field.nullable = false;
    } else if item.eat(&["NULL"]) {
        field.nullable = true;
    } else if item.eat(&["DEFAULT"]) {
        field.default = Some(expression(item));
    } else if item.eat(&["PRIMARY", "KEY"]) {
        field.primary_key = true;
    } else if item.eat(&["UNIQUE"]) {
        field.unique = true;
    } else if item.eat(&["REFERENCES"]) {
        field.references = Some(target(item)?);
    } else if item.eat(&["GENERATED"]) {
        item.skip(&["ALWAYS", "BY", "DEFAULT", "ON", "NULL"]);
        item.eat(&["AS"]);
        if item.eat(&["IDENTITY"]) {
            field.nullable = false;
        } else {
            field.generated = true;
        }
        item.group();
    } else if item.eat(&["AS"]) {
        field.generated = true;
        item.take_tree();
    } else if item.eat(&["IDENTITY"]) {
        field.nullable = false;
        field.default = Some("identity".to_owned());
        item.group();
    } else if item.is(0, &["AUTO_INCREMENT", "AUTOINCREMENT"]) {
        item.bump();
        field.nullable = false;
        field.default = Some("auto_increment".to_owned());
    } else if item.is(0, &["ENCRYPTED", "MASKED"]) {
        item.bump();
        field.encrypted = true;
    } else if item.is(0, &["CONSTRAINT", "COLLATE", "COMMENT"]) {
        item.bump();
        item.take_tree();
    } else if item.eat(&["ON"]) {
        // ON DELETE SET NULL, ON UPDATE CURRENT_TIMESTAMP: the action is no column constraint.
        item.bump();
        if item.is(0, &["SET", "NO"]) {
            item.bump();
        }
        item.bump();
    } else {
        item.take_tree();
    }
    Some(())
}

/// A default, up to the next column constraint.
pub(super) fn expression(item: &mut Cursor<'_>) -> String {
    let before = *item;
    item.take_tree();
    while !item.is_empty() && !ends_type(item) {
        item.take_tree();
    }
    collapse(&before.until(item).source())
}

/// `VARCHAR (50)` and `VARCHAR(50)` are one type.
fn tidy(ty: &str) -> String {
    ty.replace(" (", "(")
        .replace("( ", "(")
        .replace(" )", ")")
        .replace(['"', '`'], "")
}

/// The type of `ALTER COLUMN c TYPE t USING …`.
pub(super) fn type_of(item: &mut Cursor<'_>) -> String {
    let before = *item;
    item.take_tree();
    while !item.is_empty() && !ends_type(item) {
        item.take_tree();
    }
    tidy(&before.until(item).source())
}

/// Whether values of one type may not fit another. Unknown pairs may not.
pub fn narrows(before: &str, after: &str) -> bool {
    let (before, after) = (parse(before), parse(after));
    if before == after {
        return false;
    }
    match (rank(&before.0), rank(&after.0)) {
        (_, Some((Family::Text, _))) if after.1.is_none() => false,
        (Some((from, a)), Some((to, b))) if from == to => {
            b < a
                || matches!((before.1, after.1), (Some(a), Some(b)) if b < a)
                || (before.1.is_none() && after.1.is_some() && from == Family::Text)
        }
        (Some((Family::Integer, _)), Some((Family::Decimal, _))) => after.1.is_some(),
        _ => true,
    }
}

/// Whether a type is the widest of its family: a change to it seldom loses anything.
pub(super) fn widest(ty: &str) -> bool {
    let (name, length) = parse(ty);
    let wide = [
        "bigint",
        "int8",
        "timestamptz",
        "timestamp with time zone",
        "double precision",
        "double",
        "numeric",
        "json",
        "jsonb",
        "bytea",
        "datetimeoffset",
    ];
    // A time's precision is no length.
    let time = ["timestamptz", "timestamp with time zone", "datetimeoffset"];
    (length.is_none() || time.contains(&name.as_str()))
        && (wide.contains(&name.as_str()) || matches!(rank(&name), Some((Family::Text, _))))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Integer,
    Float,
    Decimal,
    Text,
    Time,
}

fn rank(name: &str) -> Option<(Family, u8)> {
    Some(match name {
        "bit" | "bool" | "boolean" => (Family::Integer, 0),
        "tinyint" => (Family::Integer, 1),
        "smallint" | "int2" | "smallserial" => (Family::Integer, 2),
        "mediumint" => (Family::Integer, 3),
        "int" | "integer" | "int4" | "serial" => (Family::Integer, 4),
        "bigint" | "int8" | "bigserial" => (Family::Integer, 8),
        "real" | "float4" => (Family::Float, 4),
        "double precision" | "double" | "float8" | "float" => (Family::Float, 8),
        "decimal" | "numeric" => (Family::Decimal, 0),
        "tinytext" => (Family::Text, 1),
        "char" | "character" | "varchar" | "character varying" | "nvarchar" | "nchar" | "text"
        | "citext" | "string" => (Family::Text, 2),
        "mediumtext" => (Family::Text, 3),
        "longtext" => (Family::Text, 4),
        "date" => (Family::Time, 1),
        "timestamp" | "datetime" | "datetime2" | "timestamp without time zone" => (Family::Time, 2),
        "timestamptz" | "timestamp with time zone" | "datetimeoffset" => (Family::Time, 3),
        _ => return None,
    })
}

/// A type's name and its first argument, `MAX` being none.
fn parse(ty: &str) -> (String, Option<u32>) {
    let lower = ty.to_ascii_lowercase();
    match lower.split_once('(') {
        Some((name, rest)) => {
            let (inner, tail) = rest.split_once(')').unwrap_or((rest, ""));
            let length = inner
                .split(',')
                .next()
                .and_then(|length| length.trim().parse().ok());
            (collapse(&format!("{name} {tail}")), length)
        }
        None => (collapse(&lower), None),
    }
}
