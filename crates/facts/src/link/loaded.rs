//! Calls that find something by a text: `import_string("shop.views.Basket")`.

use super::*;
use crate::rule::Pattern;

impl Linker<'_> {
    /// What a call finds in the repository by its texts, by a rule.
    pub(super) fn found_by_text(&self, file: FileId, id: ExprId, callee: ExprId) -> Option<Value> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let mut name = None;
        for (rule_id, pattern) in self.named_calls(file, callee, last) {
            let loaded = self.rule(rule_id);
            let rule = &loaded.rule;
            if rule.link != Some(Link::Value)
                || rule.loads.is_empty() && rule.instance_of.is_empty()
            {
                continue;
            }
            let name = name.get_or_insert_with(|| self.name_of(file, callee).unwrap_or_default());
            if !loaded.patterns[pattern].matches(name) {
                continue;
            }
            let matched = self.matched(file, id);
            if !rule.instance_of.is_empty() {
                let wanted = self.texts(&matched, &rule.named).into_iter().next()?;
                return self.instance_named(&rule.instance_of, &rule.named_by, &wanted);
            }
            let parts = rule.loads.iter().map(|selector| {
                let texts = self.texts(&matched, std::slice::from_ref(selector));
                texts.into_iter().next()
            });
            let path = parts.collect::<Option<Vec<String>>>()?.join(".");
            return self.named_item(&path);
        }
        None
    }

    /// What stands under a dotted name in the repository.
    pub(super) fn named_item(&self, path: &str) -> Option<Value> {
        let (module, name) = path.rsplit_once('.')?;
        if let Some(module) = self.module_by_name(module)
            && let target = self.project.export(module, name, 0)
            && target != crate::project::Target::Unknown
        {
            return Some(self.value_of(target));
        }
        self.module_by_name(path).map(Value::Module)
    }

    /// An object of the class that derives from a type and says in an attribute how it is called.
    fn instance_named(
        &self,
        types: &[String],
        attributes: &[String],
        wanted: &str,
    ) -> Option<Value> {
        let patterns: Vec<Pattern> = types.iter().map(|text| Pattern::parse(text)).collect();
        let mut found: Vec<(FileId, ClassId)> = Vec::new();
        for file in (0..self.project.len()).map(|file| FileId(file as u32)) {
            let path = self.project.path(file);
            if crate::scope::scope_of_path(&path) != crate::fact::Scope::Production {
                continue;
            }
            let parsed = self.project.parsed(file);
            for (index, element) in parsed.unit.classes.iter().enumerate() {
                let class = ClassId(index as u32);
                if element.bases.is_empty() {
                    continue;
                }
                // The first attribute that the class has says it.
                let called = attributes.iter().find_map(|attribute| {
                    match self.class_member(file, class, attribute, 0) {
                        Value::Str(text) => Some(text),
                        _ => None,
                    }
                });
                let is = called.is_some_and(|text| text.rsplit('.').next() == Some(wanted));
                if is && self.derives_from(file, class, &patterns, 0) {
                    found.push((file, class));
                }
            }
        }
        // Of classes that derive from each other the last one is in use.
        let derives = |(file, class): (FileId, ClassId), other: (FileId, ClassId)| {
            self.in_order(file, class)[1..].contains(&other)
        };
        let last = found
            .iter()
            .find(|one| !found.iter().any(|other| derives(*other, **one)));
        last.map(|(file, class)| Value::Instance(*file, *class))
    }
}
