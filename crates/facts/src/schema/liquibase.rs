//! Changelogs of Liquibase in XML, YAML and JSON, as the statements that they stand for.
//! <https://docs.liquibase.com/change-types/home.html>. Changelogs in SQL are read as SQL.

use super::element::{self, Element};
use super::{
    ColumnChange, Constraint, ConstraintKind, Field, Loss, Operation, Span, Statement, read_sql,
};

/// Changes that are looked at no deeper than this inside each other.
const DEPTH: u32 = 12;

/// Whether a text is a changelog; YAML and JSON by what they begin with.
pub(super) fn is_changelog(path: &str, text: &str) -> bool {
    let end = path.rsplit('.').next().unwrap_or_default();
    let known = matches!(end, "xml" | "yaml" | "yml" | "json");
    known && text.contains("databaseChangeLog")
}

/// The statements of a changelog, in the order of the source. Ways back and conditions are left out.
pub fn read_liquibase(path: &str, text: &str) -> Vec<Statement> {
    if !is_changelog(path, text) {
        return Vec::new();
    }
    let root = match path.ends_with(".xml") {
        true => element::xml(text),
        false => element::yaml(text),
    };
    let mut statements = Vec::new();
    if let Some(root) = root {
        inside(&root, text, 0, &mut statements);
    }
    statements
}

fn inside(element: &Element, text: &str, depth: u32, statements: &mut Vec<Statement>) {
    if depth > DEPTH {
        return;
    }
    for child in &element.children {
        match child.name.as_str() {
            "rollback" | "preConditions" | "property" | "include" | "includeAll" => {}
            _ => match changes(child) {
                Some(found) => {
                    let span = span(child, text);
                    let made = found
                        .into_iter()
                        .map(|(table, operation, destructive)| Statement {
                            table,
                            operation,
                            destructive,
                            down: false,
                            span,
                        });
                    statements.extend(made);
                }
                None if child.name == "sql" => {
                    let words = child.get("sql").unwrap_or(&child.text);
                    let read = read_sql(words).statements.into_iter();
                    statements.extend(read.map(|statement| Statement {
                        span: span(child, text),
                        ..statement
                    }));
                }
                None => inside(child, text, depth + 1, statements),
            },
        }
    }
}

fn span(element: &Element, text: &str) -> Span {
    let start = element.start.min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    Span {
        start,
        end: element.end.min(text.len()),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}

type Change = (String, Operation, Option<Loss>);

/// What a change does; none for an element that is no change of the data model.
fn changes(element: &Element) -> Option<Vec<Change>> {
    let get = |name: &str| element.get(name).unwrap_or_default().to_owned();
    let table = get("tableName");
    let one =
        |operation: Operation, loss: Option<Loss>| Some(vec![(table.clone(), operation, loss)]);
    let altered = |change: ColumnChange, loss: Option<Loss>| {
        let column = get("columnName");
        one(Operation::AlterColumn { column, change }, loss)
    };
    let constraint = |kind: ConstraintKind| {
        let names = element.get("columnNames").or(element.get("columnName"));
        let names = names.or(element.get("baseColumnNames")).unwrap_or_default();
        let columns = names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        Operation::AddConstraint(Constraint {
            name: element.get("constraintName").map(str::to_owned),
            kind,
            columns,
        })
    };
    let dropped = |name: String| Operation::DropConstraint { name };
    match element.name.as_str() {
        "createTable" => {
            let operation = Operation::CreateTable {
                fields: columns(element),
                constraints: Vec::new(),
                temporary: false,
            };
            one(operation, None)
        }
        "addColumn" => {
            let added = columns(element).into_iter().map(|field| {
                let mandatory = !field.nullable && field.default.is_none() && !field.primary_key;
                let loss = mandatory.then_some(Loss::NotNullWithoutDefault);
                (table.clone(), Operation::AddColumn(field), loss)
            });
            Some(added.collect())
        }
        "dropTable" => one(Operation::DropTable, Some(Loss::Table)),
        "dropColumn" => {
            let mut names: Vec<String> = columns(element).into_iter().map(|one| one.name).collect();
            names.extend(element.get("columnName").map(str::to_owned));
            let gone = names.into_iter().map(|column| {
                (
                    table.clone(),
                    Operation::DropColumn { column },
                    Some(Loss::Column),
                )
            });
            Some(gone.collect())
        }
        "renameTable" => {
            let to = get("newTableName");
            Some(vec![(
                get("oldTableName"),
                Operation::RenameTable { to },
                None,
            )])
        }
        "renameColumn" => {
            let (from, to) = (get("oldColumnName"), get("newColumnName"));
            one(Operation::RenameColumn { from, to }, None)
        }
        "modifyDataType" => altered(
            ColumnChange::Type(get("newDataType")),
            Some(Loss::MayNarrow),
        ),
        "addNotNullConstraint" => altered(ColumnChange::SetNotNull, None),
        "dropNotNullConstraint" => altered(ColumnChange::DropNotNull, None),
        "dropDefaultValue" => altered(ColumnChange::DropDefault, None),
        "addUniqueConstraint" => one(constraint(ConstraintKind::Unique), None),
        "addPrimaryKey" => one(constraint(ConstraintKind::PrimaryKey), None),
        "addForeignKeyConstraint" => {
            let references = get("referencedTableName");
            let operation = constraint(ConstraintKind::ForeignKey { references });
            Some(vec![(get("baseTableName"), operation, None)])
        }
        "dropUniqueConstraint" | "dropPrimaryKey" | "dropCheckConstraint" => {
            one(dropped(get("constraintName")), Some(Loss::Constraint))
        }
        "dropForeignKeyConstraint" => {
            let operation = dropped(get("constraintName"));
            Some(vec![(
                get("baseTableName"),
                operation,
                Some(Loss::Constraint),
            )])
        }
        "dropAllForeignKeyConstraints" => {
            let operation = dropped("all foreign keys".to_owned());
            Some(vec![(
                get("baseTableName"),
                operation,
                Some(Loss::Constraint),
            )])
        }
        "delete" if element.get("where").is_none() => one(Operation::DeleteAll, Some(Loss::Rows)),
        _ => None,
    }
}

/// The columns of an element, whether they stand in it or in a list of their own.
fn columns(element: &Element) -> Vec<Field> {
    let lists = element
        .children
        .iter()
        .filter(|child| child.name == "columns");
    let inner = lists.flat_map(|list| &list.children);
    let own = element
        .children
        .iter()
        .filter(|child| child.name == "column");
    own.chain(inner).filter_map(column).collect()
}

fn column(element: &Element) -> Option<Field> {
    let constraints = element.child("constraints");
    let said = |name: &str| constraints.is_some_and(|one| one.is(name));
    let denied = |name: &str| constraints.and_then(|one| one.get(name)) == Some("false");
    let default = [
        "defaultValue",
        "defaultValueNumeric",
        "defaultValueBoolean",
        "defaultValueDate",
        "defaultValueComputed",
    ];
    let references =
        constraints.and_then(|one| one.get("references").or(one.get("referencedTableName")));
    Some(Field {
        name: element.get("name")?.to_owned(),
        ty: element.get("type").map(str::to_owned),
        nullable: !denied("nullable") && !said("primaryKey"),
        default: default
            .iter()
            .find_map(|name| element.get(name))
            .map(str::to_owned),
        primary_key: said("primaryKey"),
        unique: said("unique"),
        references: references.map(str::to_owned),
        ..Field::default()
    })
}
