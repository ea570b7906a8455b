//! What a text's statements amount to together: what is replaced is no loss, and what remains.

use std::collections::BTreeSet;

use super::{ColumnChange, Constraint, ConstraintKind, Field, Loss, Operation, Reading, Statement};

/// A direction, a table and the name of something on it, without regard to case.
type Key = (bool, String, String);

fn key(statement: &Statement, kind: &str, name: &str) -> Key {
    let name = format!("{kind} {}", name.to_ascii_lowercase());
    (statement.down, statement.table.to_ascii_lowercase(), name)
}

/// Clears the loss of what the same text makes anew, of what it made itself, and of a table that
/// makes room for its rebuilt copy (SQLite's way to alter one).
pub(super) fn settle(statements: &mut [Statement]) {
    replaced(statements);
    rebuilt(statements);
}

/// Backwards: what is made later in the text.
fn replaced(statements: &mut [Statement]) {
    let mut made = BTreeSet::new();
    for statement in statements.iter_mut().rev() {
        let makes = match &statement.operation {
            Operation::CreateTrigger { name } => Some(key(statement, "trigger", name)),
            Operation::EnableTrigger { name } => Some(key(statement, "switch", name)),
            Operation::CreatePolicy { name, .. } => Some(key(statement, "policy", name)),
            Operation::EnableRowSecurity { force } => {
                Some(key(statement, "rls", &force.to_string()))
            }
            Operation::AddConstraint(constraint)
                if constraint.kind == ConstraintKind::PrimaryKey =>
            {
                Some(key(statement, "constraint", "PRIMARY KEY"))
            }
            _ => None,
        };
        made.extend(makes);
        if let Operation::AddConstraint(Constraint {
            name: Some(name), ..
        }) = &statement.operation
        {
            made.insert(key(statement, "constraint", name));
        }
        let undone = match &statement.operation {
            Operation::DropTrigger { name } => Some(key(statement, "trigger", name)),
            Operation::DisableTrigger { name } => Some(key(statement, "switch", name)),
            Operation::DropPolicy { name } => Some(key(statement, "policy", name)),
            Operation::DisableRowSecurity { force } => {
                Some(key(statement, "rls", &force.to_string()))
            }
            Operation::DropConstraint { name } => Some(key(statement, "constraint", name)),
            _ => None,
        };
        let made_later = undone.is_some_and(|key| made.contains(&key));
        if made_later {
            statement.destructive = None;
        }
    }
}

/// Forwards: what the text made itself or holds a copy of.
fn rebuilt(statements: &mut [Statement]) {
    let renames: BTreeSet<(bool, String, String)> = statements
        .iter()
        .filter_map(|statement| match &statement.operation {
            Operation::RenameTable { to } => Some((
                statement.down,
                to.to_ascii_lowercase(),
                statement.table.to_ascii_lowercase(),
            )),
            _ => None,
        })
        .collect();
    let mut created = BTreeSet::new();
    let mut added = BTreeSet::new();
    for statement in statements.iter_mut() {
        let table = (statement.down, statement.table.to_ascii_lowercase());
        match &statement.operation {
            Operation::CreateTable { .. } => {
                created.insert(table);
                continue;
            }
            Operation::AddColumn(field) => {
                added.insert(key(statement, "column", &field.name));
            }
            _ => {}
        }
        let own = created.contains(&table);
        // Another table was renamed to this one, or will be, and one of the two names is new here.
        let from = (table.0, table.1.clone(), String::new());
        let copied = renames
            .range(from..)
            .take_while(|(down, to, _)| *down == table.0 && *to == table.1)
            .any(|(down, _, from)| created.contains(&(*down, from.clone())));
        let harmless = match (&statement.operation, statement.destructive) {
            (Operation::DropTable, _) => own || copied,
            (Operation::UpdateAll { columns }, _) => {
                own || !columns.is_empty()
                    && columns
                        .iter()
                        .all(|column| added.contains(&key(statement, "column", column)))
            }
            (
                _,
                Some(Loss::Rows | Loss::Column | Loss::NotNullWithoutDefault | Loss::MayNarrow),
            ) => own,
            _ => false,
        };
        if harmless {
            statement.destructive = None;
        }
    }
}

impl Reading {
    /// The tables that the text leaves behind when run on an empty database, in order of making.
    ///
    /// Statements marked as the way back are left out. Useful for dumps and for migrations that are
    /// read as one text; names are compared without regard to case.
    pub fn tables(&self) -> Vec<(String, Vec<Field>)> {
        let mut tables: Vec<(String, Vec<Field>)> = Vec::new();
        for statement in self.statements.iter().filter(|statement| !statement.down) {
            apply(&mut tables, statement);
        }
        tables
    }
}

fn apply(tables: &mut Vec<(String, Vec<Field>)>, statement: &Statement) {
    if let Operation::CreateTable {
        fields,
        temporary: false,
        ..
    } = &statement.operation
    {
        if !tables
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(&statement.table))
        {
            tables.push((statement.table.clone(), fields.clone()));
        }
        return;
    }
    let Some(at) = tables
        .iter()
        .position(|(name, _)| name.eq_ignore_ascii_case(&statement.table))
    else {
        return;
    };
    let (name, fields) = &mut tables[at];
    let find = |fields: &[Field], column: &str| {
        fields
            .iter()
            .position(|field| field.name.eq_ignore_ascii_case(column))
    };
    match &statement.operation {
        Operation::DropTable => drop(tables.remove(at)),
        Operation::RenameTable { to } => to.clone_into(name),
        Operation::AddColumn(field) if find(fields, &field.name).is_none() => {
            fields.push(field.clone())
        }
        Operation::DropColumn { column } => {
            fields.retain(|field| !field.name.eq_ignore_ascii_case(column))
        }
        Operation::RenameColumn { from, to } => {
            if let Some(at) = find(fields, from) {
                to.clone_into(&mut fields[at].name);
            }
        }
        Operation::AlterColumn { column, change } => {
            if let Some(at) = find(fields, column) {
                alter_field(&mut fields[at], change);
            }
        }
        _ => {}
    }
}

fn alter_field(field: &mut Field, change: &ColumnChange) {
    match change {
        ColumnChange::Type(ty) => field.ty = Some(ty.clone()),
        ColumnChange::SetNotNull => field.nullable = false,
        ColumnChange::DropNotNull => field.nullable = true,
        ColumnChange::SetDefault(value) => field.default = Some(value.clone()),
        ColumnChange::DropDefault => field.default = None,
        ColumnChange::Redefine(new) => {
            *field = Field {
                primary_key: field.primary_key,
                unique: field.unique,
                references: field.references.clone(),
                ..new.clone()
            };
        }
        ColumnChange::Other => {}
    }
}
