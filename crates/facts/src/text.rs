//! Elements back as words: for conditions, digests and showing, free of formatting and comments.

use std::collections::BTreeSet;

use crate::element::*;

/// The expression in one line, with nothing of its formatting. Long texts are not cut: the
/// result is compared, not shown.
pub(crate) fn render(unit: &Unit, id: ExprId) -> String {
    let mut out = String::new();
    let words = Words {
        unit,
        own: None,
        without: None,
    };
    write(&words, id, &mut out, 0);
    out
}

/// As [`render`], for comparing only: `self.user`, `user` and a `user` that is called without
/// saying so are one. `own` are the names of the object around.
pub(crate) fn plain(unit: &Unit, id: ExprId, own: &[String]) -> String {
    let mut out = String::new();
    let words = Words {
        unit,
        own: Some(own),
        without: None,
    };
    write(&words, id, &mut out, 0);
    out
}

/// The same without some of its statements, which say nothing that counts.
pub(crate) fn plain_without(
    unit: &Unit,
    id: ExprId,
    own: &[String],
    without: &BTreeSet<ExprId>,
) -> String {
    let mut out = String::new();
    let words = Words {
        unit,
        own: Some(own),
        without: Some(without),
    };
    write(&words, id, &mut out, 0);
    out
}

/// The expression as it is written, white space folded.
pub(crate) fn as_written(unit: &Unit, id: ExprId, source: &str) -> String {
    let span = unit.expr(id).span;
    let text = source
        .get(span.start as usize..span.end as usize)
        .unwrap_or_default();
    let mut folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // `unless x` asks for `!x`, and writes no such sign.
    if let ExprKind::Unary { op, value } = unit.kind(id)
        && !folded.starts_with(&**op)
    {
        let joined = matches!(unit.kind(*value), ExprKind::Binary { .. });
        if joined && !folded.starts_with('(') {
            folded = format!("({folded})");
        }
        folded.insert_str(0, op);
    }
    folded
}

/// Whose words are wanted, and the names of the object around where they do not count.
struct Words<'a> {
    unit: &'a Unit,
    own: Option<&'a [String]>,
    /// Statements that do not count.
    without: Option<&'a BTreeSet<ExprId>>,
}

impl Words<'_> {
    /// Whether this stands for the object around, and that does not count.
    fn is_own(&self, id: ExprId) -> bool {
        let ExprKind::Name(name) = self.unit.kind(id) else {
            return false;
        };
        let mut own = self.own.unwrap_or_default().iter();
        own.any(|own| **own == **name)
    }
}

impl Words<'_> {
    /// Whether this is a module by its path, which does not count either: what is moved to another
    /// one is called as before. Types, and what is no path, are told.
    fn is_module(&self, id: ExprId) -> bool {
        let small = |name: &str| name.starts_with(|c: char| c.is_lowercase() || c == '_');
        self.own.is_some()
            && match self.unit.kind(id) {
                ExprKind::Name(name) => small(name) && self.unit.path_heads.contains(&id),
                ExprKind::Member { object, property } => small(property) && self.is_module(*object),
                _ => false,
            }
    }
}

fn list(
    words: &Words<'_>,
    items: impl IntoIterator<Item = ExprId>,
    between: &str,
    out: &mut String,
    depth: u32,
) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        write(words, item, out, depth);
    }
}

fn write(words: &Words<'_>, id: ExprId, out: &mut String, depth: u32) {
    if depth > 200 {
        return;
    }
    let depth = depth + 1;
    let unit = words.unit;
    match unit.kind(id) {
        ExprKind::Name(name) => out.push_str(name),
        ExprKind::Member { object, property }
            if words.is_own(*object) || words.is_module(*object) =>
        {
            out.push_str(property);
        }
        ExprKind::Call { callee, .. } if words.own.is_some() && unit.bare_calls.contains(&id) => {
            write(words, *callee, out, depth);
        }
        ExprKind::Call { callee, .. }
            if words.own.is_some()
                && unit.same_calls.contains(&id)
                && let ExprKind::Member { object, .. } = unit.kind(*callee) =>
        {
            write(words, *object, out, depth);
        }
        ExprKind::Member { object, property } => {
            write(words, *object, out, depth);
            out.push('.');
            out.push_str(property);
        }
        ExprKind::Index { object, index } => {
            write(words, *object, out, depth);
            out.push('[');
            list(words, index.iter().copied(), ", ", out, depth);
            out.push(']');
        }
        ExprKind::Call { callee, args } => {
            write(words, *callee, out, depth);
            out.push('(');
            for (index, arg) in args.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                if let Some(name) = &arg.name {
                    out.push_str(name);
                    out.push('=');
                }
                write(words, arg.value, out, depth);
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
                        write(words, *part, out, depth);
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
            list(words, items.iter().copied(), ", ", out, depth);
            out.push(']');
        }
        ExprKind::Map(pairs) => {
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(words, *key, out, depth);
                out.push_str(": ");
                write(words, *value, out, depth);
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
                write(words, *decorator, out, depth);
                out.push(' ');
            }
            if let Some(body) = function.body {
                write(words, body, out, depth);
            }
        }
        ExprKind::Class(class) => {
            let class = unit.class(*class);
            out.push_str("class ");
            out.push_str(&class.name);
            if let Some(body) = class.body {
                write(words, body, out, depth);
            }
        }
        ExprKind::Binary { op, left, right } => {
            write(words, *left, out, depth);
            out.push(' ');
            out.push_str(op);
            out.push(' ');
            write(words, *right, out, depth);
        }
        ExprKind::Unary { op, value } => {
            out.push_str(op);
            if op.chars().all(char::is_alphabetic) {
                out.push(' ');
            }
            write(words, *value, out, depth);
        }
        ExprKind::Await(value) => {
            out.push_str("await ");
            write(words, *value, out, depth);
        }
        ExprKind::Assign(index) => {
            let assign = &unit.assigns[*index as usize];
            write(words, assign.target, out, depth);
            if let Some(value) = assign.value {
                out.push_str(if assign.extends { " += " } else { " = " });
                write(words, value, out, depth);
            }
        }
        ExprKind::Branch {
            condition,
            then,
            otherwise,
        } => {
            out.push_str("if ");
            write(words, *condition, out, depth);
            out.push_str(" then ");
            write(words, *then, out, depth);
            if let Some(otherwise) = otherwise {
                out.push_str(" else ");
                write(words, *otherwise, out, depth);
            }
        }
        ExprKind::Exit { kind, value } => {
            out.push_str(if *kind == ExitKind::Return {
                "return "
            } else {
                "raise "
            });
            if let Some(value) = value {
                write(words, *value, out, depth);
            }
        }
        ExprKind::Block(items) | ExprKind::Other(items) => {
            // A text that stands alone is a comment by another name.
            let items = items
                .iter()
                .copied()
                .filter(|item| !matches!(unit.kind(*item), ExprKind::Str(_)) || items.len() == 1)
                .filter(|item| !words.without.is_some_and(|without| without.contains(item)));
            list(words, items, "; ", out, depth);
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
