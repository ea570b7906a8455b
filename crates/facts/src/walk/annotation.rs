//! Decorators that stand in the comment before what they decorate: `@Route("/users")`.

use tree_sitter::Node as Tree;

use super::Walker;
use crate::element::*;

/// Nested values are read no deeper than this.
const MAX_VALUES: u32 = 8;

/// The parts of a list that commas outside of texts and brackets separate.
fn parts(text: &str) -> Vec<&str> {
    let (mut all, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0u32, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '{' | '[' if !quoted => depth += 1,
            ')' | '}' | ']' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                all.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(&text[start..]);
    all.into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// What stands between the bracket that the text starts with and the one that closes it.
fn bracketed(text: &str) -> Option<&str> {
    let (mut depth, mut quoted) = (0u32, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(&text[1..at]);
                }
            }
            _ => {}
        }
    }
    None
}

impl Walker<'_> {
    /// The decorators that the comment before a declaration holds.
    pub(super) fn annotations(&mut self, node: Tree<'_>) {
        let Some(comment) = node.prev_sibling() else {
            return;
        };
        let text = self.text(comment);
        let Some(inner) = text
            .strip_prefix("/**")
            .map(|text| text.trim_end_matches("*/"))
        else {
            return;
        };
        let lines = inner
            .lines()
            .map(|line| line.trim().trim_start_matches('*'));
        let text = lines.collect::<Vec<_>>().join("\n");
        let span = self.span(comment);
        let mut rest = &*text;
        while let Some(at) = rest.find('@') {
            // Only what starts a line; an address has an `@` too.
            let starts = rest[..at].trim_end_matches([' ', '\t']);
            let starts = starts.is_empty() || starts.ends_with('\n');
            rest = &rest[at + 1..];
            let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '\\');
            let name = &rest[..name.unwrap_or(rest.len())];
            // Small letters are for documentation: `@param`.
            if !starts || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
                continue;
            }
            rest = &rest[name.len()..];
            let inner = match rest.starts_with('(') {
                true => bracketed(rest).unwrap_or_default(),
                false => "",
            };
            let mut words = name.split('\\');
            let first = words.next().unwrap_or_default();
            let mut callee = self.add_at(span, ExprKind::Name(first.into()));
            for word in words {
                let kind = ExprKind::Member {
                    object: callee,
                    property: word.into(),
                };
                callee = self.add_at(span, kind);
            }
            let mut args = Vec::new();
            for part in parts(inner) {
                let named = part.split_once('=').filter(|(name, _)| {
                    let name = name.trim();
                    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                });
                let value = named.map_or(part, |(_, value)| value.trim());
                let value = self.annotation_value(span, value, 0);
                args.push(Arg {
                    name: named.map(|(name, _)| name.trim().into()),
                    value,
                    spread: false,
                });
            }
            let call = self.add_at(span, ExprKind::Call { callee, args });
            self.pending.push(call);
            rest = &rest[inner.len()..];
        }
    }

    fn annotation_value(&mut self, span: Span, text: &str, depth: u32) -> ExprId {
        let inner = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        let quoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let kind = match (inner, quoted) {
            (Some(inner), _) if depth < MAX_VALUES => {
                let items = parts(inner).into_iter();
                let items = items.map(|item| self.annotation_value(span, item, depth + 1));
                ExprKind::List(items.collect())
            }
            (_, Some(text)) => ExprKind::Str(text.into()),
            _ => match text {
                "true" => ExprKind::Bool(true),
                "false" => ExprKind::Bool(false),
                "null" => ExprKind::Null,
                _ => ExprKind::Name(text.into()),
            },
        };
        self.add_at(span, kind)
    }
}
