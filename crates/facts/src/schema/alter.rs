//! `ALTER TABLE`: one statement for each action.

use super::cursor::{Cursor, join};
use super::table::{constraint, expression, field, type_of, widest};
use super::{ColumnChange, Field, Lines, Loss, Operation};

/// What one action does; the kinds that do not matter to the model give nothing.
pub(super) type Action = (Operation, Option<Loss>, (usize, usize));

/// Verbs that begin an action; an item without one continues the verb before it (SQL Server).
#[rustfmt::skip]
const VERBS: &[&str] = &[
    "ADD", "DROP", "ALTER", "MODIFY", "CHANGE", "RENAME", "ENABLE", "DISABLE", "FORCE", "NO",
    "OWNER", "SET", "RESET", "VALIDATE", "ATTACH", "DETACH", "CLUSTER", "INHERIT", "ENGINE",
    "AUTO_INCREMENT", "CONVERT", "COMMENT", "REPLICA", "ALGORITHM", "LOCK", "CHECK", "NOCHECK",
    "WITH", "REBUILD", "SWITCH", "ORDER", "COLLATE", "ROW_FORMAT", "CHARSET", "CHARACTER",
    "DEFAULT", "PARTITION", "TRUNCATE", "OF", "NOT", "DISCARD", "IMPORT", "EXCHANGE", "COALESCE",
    "REORGANIZE", "REMOVE", "WITHOUT",
];

/// Reads the actions behind the table's name; the place of each that is not understood goes to `unread`.
pub(super) fn actions(rest: Cursor<'_>, lines: &Lines<'_>, unread: &mut Vec<usize>) -> Vec<Action> {
    let mut out = Vec::new();
    let mut verb = Verb::Other;
    for item in rest.items() {
        let mut reader = Reader {
            item,
            whole: item,
            lines,
            out: &mut out,
            verb,
        };
        if reader.read().is_none() {
            unread.push(item.bounds().0);
        }
        verb = reader.verb;
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    DropColumn,
    DropConstraint,
    Other,
}

struct Reader<'a, 'b> {
    item: Cursor<'a>,
    whole: Cursor<'a>,
    lines: &'b Lines<'b>,
    out: &'b mut Vec<Action>,
    verb: Verb,
}

impl Reader<'_, '_> {
    fn push(&mut self, operation: Operation, loss: Option<Loss>) -> Option<()> {
        self.out.push((operation, loss, self.whole.bounds()));
        Some(())
    }

    fn read(&mut self) -> Option<()> {
        let item = &mut self.item;
        if item.eat(&["WITH", "CHECK"]) || item.eat(&["WITH", "NOCHECK"]) {
            // SQL Server: WITH CHECK ADD CONSTRAINT …
        }
        if !item.is(0, VERBS) {
            return match self.verb {
                Verb::Add => self.add(),
                Verb::DropColumn => self.drop_column(),
                Verb::DropConstraint => self.drop_constraint(),
                Verb::Other => None,
            };
        }
        self.verb = Verb::Other;
        if item.eat(&["ADD"]) {
            self.verb = Verb::Add;
            return self.add();
        }
        if item.eat(&["DROP"]) {
            return self.drop();
        }
        if item.is(0, &["ALTER"]) && !item.is(1, &["INDEX", "CONSTRAINT", "CHECK"]) {
            return self.alter();
        }
        if item.eat(&["MODIFY"]) {
            item.eat(&["COLUMN"]);
            let field = field(*item, self.lines)?;
            return self.redefine(field.name.clone(), field);
        }
        if item.eat(&["CHANGE"]) {
            item.eat(&["COLUMN"]);
            let from = item.ident()?;
            let field = field(*item, self.lines)?;
            if field.name != from {
                self.push(
                    Operation::RenameColumn {
                        from,
                        to: field.name.clone(),
                    },
                    None,
                )?;
            }
            return self.redefine(field.name.clone(), field);
        }
        if item.eat(&["RENAME"]) {
            return self.rename();
        }
        self.switch()
    }

    fn redefine(&mut self, column: String, field: Field) -> Option<()> {
        let loss = (!field.ty.as_deref().is_some_and(widest)).then_some(Loss::MayNarrow);
        self.push(
            Operation::AlterColumn {
                column,
                change: ColumnChange::Redefine(field),
            },
            loss,
        )
    }

    fn add(&mut self) -> Option<()> {
        let item = &mut self.item;
        if item.eat(&["PARTITION"]) || item.eat(&["VALUE"]) || item.eat(&["PERIOD"]) {
            return Some(());
        }
        if item.is(0, &["CONSTRAINT"]) {
            // SQL Server: ADD CONSTRAINT name DEFAULT (0) FOR column
            let mut default = *item;
            default.bump();
            default.parts()?;
            if default.eat(&["DEFAULT"]) {
                let value = type_or_value(&mut default);
                let column = if default.eat(&["FOR"]) {
                    default.ident()?
                } else {
                    return None;
                };
                return self.push(
                    Operation::AlterColumn {
                        column,
                        change: ColumnChange::SetDefault(value),
                    },
                    None,
                );
            }
        }
        if let Some(constraint) = constraint(*item) {
            return self.push(Operation::AddConstraint(constraint), None);
        }
        item.eat(&["COLUMN"]);
        item.skip_if_exists();
        if let Some(group) = item.group() {
            for item in group.items() {
                if let Some(constraint) = constraint(item) {
                    self.push(Operation::AddConstraint(constraint), None)?;
                } else {
                    let field = field(item, self.lines)?;
                    self.add_field(field)?;
                }
            }
            return Some(());
        }
        let field = field(*item, self.lines)?;
        self.add_field(field)
    }

    fn add_field(&mut self, field: Field) -> Option<()> {
        let filled =
            field.nullable || field.default.is_some() || field.generated || is_serial(&field);
        let identity = field.primary_key && field.default.is_some();
        let loss = (!filled && !identity).then_some(Loss::NotNullWithoutDefault);
        self.push(Operation::AddColumn(field), loss)
    }

    fn drop(&mut self) -> Option<()> {
        let item = &mut self.item;
        if item.eat(&["CONSTRAINT"]) || (item.is(1, &["KEY"]) && item.eat(&["FOREIGN", "KEY"])) {
            self.verb = Verb::DropConstraint;
            return self.drop_constraint();
        }
        if item.eat(&["CHECK"]) {
            return self.drop_constraint();
        }
        if item.eat(&["PRIMARY", "KEY"]) {
            return self.push(
                Operation::DropConstraint {
                    name: "PRIMARY KEY".to_owned(),
                },
                Some(Loss::Constraint),
            );
        }
        if item.is(0, &["INDEX", "KEY"]) && item.tokens.len() > 1 {
            item.bump();
            item.skip_if_exists();
            let name = item.ident()?;
            return self.push(Operation::DropIndex { name }, None);
        }
        if item.is(0, &["PARTITION", "PERIOD", "SYSTEM"]) && item.tokens.len() > 1 {
            return Some(());
        }
        if item.tokens.len() > 1 {
            item.eat(&["COLUMN"]);
        }
        self.verb = Verb::DropColumn;
        self.drop_column()
    }

    fn drop_column(&mut self) -> Option<()> {
        self.item.skip_if_exists();
        if self.item.tokens.len() > 1 {
            self.item.eat(&["COLUMN"]);
            if self.item.eat(&["CONSTRAINT"]) {
                return self.drop_constraint();
            }
        }
        if let Some(group) = self.item.group() {
            for column in group.columns() {
                self.push(Operation::DropColumn { column }, Some(Loss::Column))?;
            }
            return Some(());
        }
        let column = self.item.ident()?;
        self.push(Operation::DropColumn { column }, Some(Loss::Column))
    }

    fn drop_constraint(&mut self) -> Option<()> {
        self.item.skip_if_exists();
        if self.item.tokens.len() > 1 && self.item.eat(&["COLUMN"]) {
            self.verb = Verb::DropColumn;
            return self.drop_column();
        }
        let name = join(self.item.parts()?);
        self.push(Operation::DropConstraint { name }, Some(Loss::Constraint))
    }

    fn alter(&mut self) -> Option<()> {
        let item = &mut self.item;
        item.bump();
        item.eat(&["COLUMN"]);
        item.skip_if_exists();
        let column = item.ident()?;
        let (change, loss) = if item.eat(&["SET", "DATA", "TYPE"]) || item.eat(&["TYPE"]) {
            let ty = type_of(item);
            let loss = (!widest(&ty)).then_some(Loss::MayNarrow);
            (ColumnChange::Type(ty), loss)
        } else if item.eat(&["SET", "NOT", "NULL"]) {
            (ColumnChange::SetNotNull, None)
        } else if item.eat(&["DROP", "NOT", "NULL"]) {
            (ColumnChange::DropNotNull, None)
        } else if item.eat(&["SET", "DEFAULT"]) {
            (ColumnChange::SetDefault(expression(item)), None)
        } else if item.eat(&["DROP", "DEFAULT"]) {
            (ColumnChange::DropDefault, None)
        } else if item.is(0, &["SET", "RESET", "ADD", "DROP", "RESTART"]) {
            (ColumnChange::Other, None)
        } else {
            // SQL Server: ALTER COLUMN name type [NOT] NULL
            let mut whole = self.whole;
            whole.bump();
            whole.eat(&["COLUMN"]);
            let field = field(whole, self.lines)?;
            field.ty.as_ref()?;
            return self.redefine(column, field);
        };
        self.push(Operation::AlterColumn { column, change }, loss)
    }

    fn rename(&mut self) -> Option<()> {
        let item = &mut self.item;
        if item.eat(&["TO"]) || item.eat(&["AS"]) {
            let to = item.name()?;
            // PostgreSQL renames sequences as tables too, and calls its own `TABLE_COLUMN_seq`.
            if to.ends_with("_seq") {
                return Some(());
            }
            return self.push(Operation::RenameTable { to }, None);
        }
        if item.is(0, &["CONSTRAINT", "INDEX", "KEY"]) && item.tokens.len() > 3 {
            return Some(());
        }
        if item.tokens.len() > 3 {
            item.eat(&["COLUMN"]);
        }
        item.skip_if_exists();
        let from = item.ident()?;
        if !item.eat(&["TO"]) {
            // MySQL may leave out TO before a table's name.
            return self.push(Operation::RenameTable { to: from }, None);
        }
        let to = item.ident()?;
        self.push(Operation::RenameColumn { from, to }, None)
    }

    /// What is switched on or off; everything else leaves model and protection alone.
    fn switch(&mut self) -> Option<()> {
        let item = &mut self.item;
        let security = ["ROW", "LEVEL", "SECURITY"];
        let off = Some(Loss::RowSecurity);
        if item.is(2, &["LEVEL"]) || item.is(3, &["LEVEL"]) {
            let (operation, loss) = if item.eat(&["ENABLE"]) {
                (Operation::EnableRowSecurity { force: false }, None)
            } else if item.eat(&["DISABLE"]) {
                (Operation::DisableRowSecurity { force: false }, off)
            } else if item.eat(&["NO", "FORCE"]) {
                (Operation::DisableRowSecurity { force: true }, off)
            } else if item.eat(&["FORCE"]) {
                (Operation::EnableRowSecurity { force: true }, None)
            } else {
                return None;
            };
            return if item.eat(&security) {
                self.push(operation, loss)
            } else {
                None
            };
        }
        if item.eat(&["DISABLE", "TRIGGER"]) {
            let name = item.ident()?;
            return self.push(Operation::DisableTrigger { name }, Some(Loss::Trigger));
        }
        if item.eat(&["ENABLE"]) {
            item.skip(&["REPLICA", "ALWAYS"]);
            if item.eat(&["TRIGGER"]) {
                let name = item.ident()?;
                return self.push(Operation::EnableTrigger { name }, None);
            }
            return Some(());
        }
        if item.eat(&["NOCHECK", "CONSTRAINT"]) {
            let name = item.ident()?;
            return self.push(Operation::DropConstraint { name }, Some(Loss::Constraint));
        }
        Some(())
    }
}

fn type_or_value(item: &mut Cursor<'_>) -> String {
    let before = *item;
    while !item.is_empty() && !item.is(0, &["FOR"]) {
        item.take_tree();
    }
    before.until(item).source()
}

fn is_serial(field: &Field) -> bool {
    field
        .ty
        .as_deref()
        .is_some_and(|ty| ty.to_ascii_lowercase().contains("serial"))
}
