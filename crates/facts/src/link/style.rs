//! How names are written that stand in a path in the place of words: `[controller]` as
//! `my-account`, where the application says how.

use super::*;

/// What an application makes of a name.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// What stands between the words of a name.
    between: String,
    lower: bool,
}

impl Style {
    /// The name in this style: `MyAccount` as `my-account`.
    pub(super) fn write(&self, name: &str) -> String {
        let mut out = String::with_capacity(name.len() + 4);
        let mut before = ' ';
        for c in name.chars() {
            if before.is_ascii_lowercase() && c.is_ascii_uppercase() {
                out.push_str(&self.between);
            }
            before = c;
            out.push(c);
        }
        match self.lower {
            true => out.to_lowercase(),
            false => out,
        }
    }
}

impl Linker<'_> {
    /// Remembers what a class makes of names, by the text that it puts in the place of what it
    /// finds (`$1-$2`).
    pub(super) fn add_style(&self, rule_id: usize, matched: &select::Matched) {
        let loaded = self.rule(rule_id);
        for (file, id) in self.all_exprs(matched, &loaded.rule.gives) {
            let (Value::Class(at, class) | Value::Instance(at, class)) = self.eval(file, id) else {
                continue;
            };
            let parsed = self.project.parsed(at);
            let unit = &parsed.unit;
            let span = unit.class(class).span;
            let between = unit.inside(span).find_map(|id| {
                let text = unit.literal(id)?;
                let (_, rest) = text.split_once("$1")?;
                let (between, _) = rest.split_once("$2")?;
                Some(between.to_owned())
            });
            let Some(between) = between else { continue };
            let lower = unit.inside(span).any(|id| match unit.kind(id) {
                ExprKind::Call { callee, .. } => unit
                    .last_name(*callee)
                    .is_some_and(|name| name.to_ascii_lowercase().contains("lower")),
                _ => false,
            });
            let style = Style { between, lower };
            self.styles.borrow_mut().insert(loaded.framework, style);
        }
    }

    /// A name as the application writes it in paths.
    pub(super) fn styled(&self, framework: usize, name: &str) -> String {
        match self.styles.borrow().get(&framework) {
            Some(style) => style.write(name),
            None => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Style;

    #[test]
    fn words_are_parted_where_a_capital_follows() {
        let style = Style {
            between: "-".into(),
            lower: true,
        };
        assert_eq!(style.write("MyAccount"), "my-account");
        assert_eq!(style.write("Disable2faWarning"), "disable2fa-warning");
    }
}
