//! Paths that stand at a type: `@Resource("/articles") class Articles` for `get<Articles> { … }`.

use super::select::Matched;
use super::*;
use crate::rule::{Pattern, Selector};

impl Linker<'_> {
    /// The path that a selector's decorators give the type that it picks, behind the paths of the
    /// types around. `None` where no selector asks for one, or the type has none; nothing inside
    /// where the type was not found.
    pub(super) fn typed_path(
        &self,
        matched: &Matched,
        selectors: &[Selector],
    ) -> Option<Option<PathText>> {
        let selector = selectors.iter().find(|one| !one.marked_by.is_empty())?;
        let bare = Selector {
            marked_by: Vec::new(),
            ..selector.clone()
        };
        let picked = self.exprs(matched, std::slice::from_ref(&bare));
        let (file, id) = picked.into_iter().next().unzip();
        let (Some(file), Some(id)) = (file, id) else {
            return Some(None);
        };
        let types = match self.eval(file, id) {
            Value::Class(at, class) | Value::Instance(at, class) => vec![(at, class)],
            // `typed_get(show)`: the path stands at the type of a parameter.
            Value::Function(at, function) => {
                let parsed = self.project.parsed(at);
                let params = parsed.unit.function(function).params.iter();
                let types = params.filter_map(|param| match self.eval(at, param.ty_expr?) {
                    Value::Class(at, class) => Some((at, class)),
                    _ => None,
                });
                types.collect()
            }
            _ => Vec::new(),
        };
        if types.is_empty() {
            return Some(None);
        }
        let patterns: Vec<Pattern> = selector
            .marked_by
            .iter()
            .map(|text| Pattern::parse(text))
            .collect();
        let mut paths = types.into_iter();
        let found = paths.find_map(|(at, class)| self.marked_path(at, class, &patterns));
        found.map(Some)
    }

    /// The path that decorators of such names give a class, behind those of the classes around.
    fn marked_path(&self, at: FileId, class: ClassId, patterns: &[Pattern]) -> Option<PathText> {
        let mut path = PathText::default();
        let mut any = false;
        let mut around = self.with_outer(at, class);
        around.reverse();
        for class in around {
            let parsed = self.project.parsed(at);
            for decorator in &parsed.unit.class(class).decorators {
                let other = self.matched(at, *decorator);
                let name = other.callee.and_then(|callee| self.name_of(at, callee));
                if !name.is_some_and(|name| patterns.iter().any(|one| one.matches(&name))) {
                    continue;
                }
                let Some(own) = other.args.first() else {
                    continue;
                };
                let own = self.path_text(at, own.value);
                any = true;
                path = PathText {
                    text: format!(
                        "{}/{}",
                        path.text.trim_end_matches('/'),
                        own.text.trim_start_matches('/')
                    ),
                    unknown: path.unknown || own.unknown,
                };
            }
        }
        any.then_some(path)
    }
}
