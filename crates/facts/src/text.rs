//! Elements back as words: for conditions, digests and showing, free of formatting and comments.

use crate::element::*;

/// The expression in one line, with nothing of its formatting. Long texts are not cut: the
/// result is compared, not shown.
pub(crate) fn render(unit: &Unit, id: ExprId) -> String {
    let mut out = String::new();
    write(unit, id, &mut out, 0);
    out
}

fn list(
    unit: &Unit,
    items: impl IntoIterator<Item = ExprId>,
    between: &str,
    out: &mut String,
    depth: u32,
) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        write(unit, item, out, depth);
    }
}

fn write(unit: &Unit, id: ExprId, out: &mut String, depth: u32) {
    if depth > 200 {
        return;
    }
    let depth = depth + 1;
    match unit.kind(id) {
        ExprKind::Name(name) => out.push_str(name),
        ExprKind::Member { object, property } => {
            write(unit, *object, out, depth);
            out.push('.');
            out.push_str(property);
        }
        ExprKind::Index { object, index } => {
            write(unit, *object, out, depth);
            out.push('[');
            list(unit, index.iter().copied(), ", ", out, depth);
            out.push(']');
        }
        ExprKind::Call { callee, args } => {
            write(unit, *callee, out, depth);
            out.push('(');
            for (index, arg) in args.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                if let Some(name) = &arg.name {
                    out.push_str(name);
                    out.push('=');
                }
                write(unit, arg.value, out, depth);
            }
            out.push(')');
        }
        ExprKind::Str(text) => {
            out.push('"');
            out.push_str(text);
            out.push('"');
        }
        ExprKind::Template(parts) => {
            out.push('`');
            for part in parts {
                match unit.kind(*part) {
                    ExprKind::Str(text) => out.push_str(text),
                    _ => {
                        out.push('{');
                        write(unit, *part, out, depth);
                        out.push('}');
                    }
                }
            }
            out.push('`');
        }
        ExprKind::Number(text) => out.push_str(text),
        ExprKind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        ExprKind::Null => out.push_str("null"),
        ExprKind::List(items) => {
            out.push('[');
            list(unit, items.iter().copied(), ", ", out, depth);
            out.push(']');
        }
        ExprKind::Map(pairs) => {
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(unit, *key, out, depth);
                out.push_str(": ");
                write(unit, *value, out, depth);
            }
            out.push('}');
        }
        ExprKind::Function(function) => {
            let function = unit.function(*function);
            let params: Vec<&str> = function.params.iter().map(|param| &*param.name).collect();
            out.push('(');
            out.push_str(&params.join(", "));
            out.push_str(") => ");
            for decorator in &function.decorators {
                out.push('@');
                write(unit, *decorator, out, depth);
                out.push(' ');
            }
            if let Some(body) = function.body {
                write(unit, body, out, depth);
            }
        }
        ExprKind::Class(class) => {
            let class = unit.class(*class);
            out.push_str("class ");
            out.push_str(&class.name);
            if let Some(body) = class.body {
                write(unit, body, out, depth);
            }
        }
        ExprKind::Binary { op, left, right } => {
            write(unit, *left, out, depth);
            out.push(' ');
            out.push_str(op);
            out.push(' ');
            write(unit, *right, out, depth);
        }
        ExprKind::Unary { op, value } => {
            out.push_str(op);
            if op.chars().all(char::is_alphabetic) {
                out.push(' ');
            }
            write(unit, *value, out, depth);
        }
        ExprKind::Await(value) => {
            out.push_str("await ");
            write(unit, *value, out, depth);
        }
        ExprKind::Assign(index) => {
            let assign = &unit.assigns[*index as usize];
            write(unit, assign.target, out, depth);
            if let Some(value) = assign.value {
                out.push_str(if assign.extends { " += " } else { " = " });
                write(unit, value, out, depth);
            }
        }
        ExprKind::Branch {
            condition,
            then,
            otherwise,
        } => {
            out.push_str("if ");
            write(unit, *condition, out, depth);
            out.push_str(" then ");
            write(unit, *then, out, depth);
            if let Some(otherwise) = otherwise {
                out.push_str(" else ");
                write(unit, *otherwise, out, depth);
            }
        }
        ExprKind::Exit { kind, value } => {
            out.push_str(if *kind == ExitKind::Return {
                "return "
            } else {
                "raise "
            });
            if let Some(value) = value {
                write(unit, *value, out, depth);
            }
        }
        ExprKind::Block(items) | ExprKind::Other(items) => {
            // A text that stands alone is a comment by another name.
            let items = items
                .iter()
                .copied()
                .filter(|item| !matches!(unit.kind(*item), ExprKind::Str(_)) || items.len() == 1);
            list(unit, items, "; ", out, depth);
        }
    }
}

/// A digest of text: 16 hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// At most `limit` characters, with an ellipsis where it was cut.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}
