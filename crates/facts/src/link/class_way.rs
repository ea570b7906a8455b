//! Guards that a class brings by itself: by its attributes, its bases, and the methods that run before
//! its actions.

use super::*;
use crate::project::Member;

impl Linker<'_> {
    /// Guards of a class that answers requests: decorators, bases, attributes; inherited ones too.
    pub(super) fn class_guards(&self, file: FileId, class: ClassId) -> Vec<GuardUse> {
        let mut uses = Vec::new();
        let mut said = HashSet::default();
        self.collect_class_guards(file, class, &mut uses, &mut said, 0);
        uses
    }

    fn collect_class_guards(
        &self,
        file: FileId,
        class: ClassId,
        uses: &mut Vec<GuardUse>,
        said: &mut HashSet<String>,
        depth: u32,
    ) {
        if depth > 8 {
            return;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.class(class);
        for decorator in &element.decorators {
            uses.extend(self.decorator_guards(file, *decorator, "class"));
        }
        for base in &element.bases {
            if let Some(name) = self.name_of(file, *base)
                && let Some(class @ Classified::Guard { .. }) = self.definite(file, &name)
            {
                let text = self.guard_text(file, *base);
                let span = unit.expr(*base).span;
                let text = match self.mixin_arguments(file, ClassId(index_of(unit, element))) {
                    Some(words) => format!("{text}({words})"),
                    None => text,
                };
                uses.push(GuardUse {
                    file,
                    span,
                    text,
                    class,
                    body: None,
                    attached: "class",
                });
            }
        }
        for attribute in &self.index(file).guard_attributes {
            if said.contains(attribute) {
                continue;
            }
            for member in parsed.members(class, attribute) {
                let Member::Field(index) = member else {
                    continue;
                };
                let Some(value) = unit.assigns[*index as usize].value else {
                    continue;
                };
                said.insert(attribute.clone());
                let mut all = Vec::new();
                self.flatten(file, value, &mut all, 0);
                for (at, id) in all {
                    if !matches!(self.project.parsed(at).unit.kind(id), ExprKind::Str(_)) {
                        uses.extend(self.unwrapped(at, id, "class", 0));
                    }
                }
                break;
            }
        }
        if depth == 0 {
            uses.extend(self.hook_guards(file, class));
        }
        for base in &element.bases {
            if let Value::Class(at, base) = self.eval(file, *base)
                && (at, base) != (file, class)
            {
                self.collect_class_guards(at, base, uses, said, depth + 1);
            }
        }
    }

    /// Methods that the class, or a base in the repository, has run before each of its actions,
    /// where they turn callers away.
    fn hook_guards(&self, file: FileId, class: ClassId) -> Vec<GuardUse> {
        if let Some(known) = self.hooks.borrow().get(&(file, class)) {
            return known.clone();
        }
        let uses = self.find_hooks(file, class);
        self.hooks.borrow_mut().insert((file, class), uses.clone());
        uses
    }

    fn find_hooks(&self, file: FileId, class: ClassId) -> Vec<GuardUse> {
        let mut bases = BTreeSet::new();
        self.bases(file, class, &mut bases, 0);
        let mut names: Vec<&String> = Vec::new();
        for base in &bases {
            let last = base.rsplit('.').next().unwrap_or(base);
            for (rule, pattern) in self.index(file).classes.candidates(last) {
                let loaded = self.rule(rule);
                if loaded.rule.link == Some(Link::View) && loaded.patterns[pattern].matches(base) {
                    let hooks = loaded.rule.hooks.iter();
                    names.extend(
                        hooks
                            .filter(|name| !names.contains(name))
                            .collect::<Vec<_>>(),
                    );
                }
            }
        }
        let mut uses = Vec::new();
        for name in names {
            let Value::Function(at, function) = self.class_member(file, class, name, 0) else {
                continue;
            };
            if !self.hook_denies(at, function, 0) {
                continue;
            }
            self.targets.borrow_mut().insert((at, function));
            let parsed = self.project.parsed(at);
            uses.push(GuardUse {
                file: at,
                span: parsed.unit.function(function).head,
                text: name.clone(),
                class: Classified::Guard {
                    kind: GuardKind::Authorization,
                    heuristic: true,
                },
                body: Some((at, function)),
                attached: "class",
            });
        }
        uses
    }

    /// Whether a method turns callers away, or the one of a base that it takes the place of and
    /// calls.
    fn hook_denies(&self, file: FileId, function: FnId, depth: u32) -> bool {
        if self.denies(file, function, 0) {
            return true;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.function(function);
        depth < 8
            && unit.inside(element.span).any(|id| match unit.kind(id) {
                ExprKind::Call { callee, .. }
                    if unit.last_name(*callee) == Some(&*element.name) =>
                {
                    match self.eval(file, *callee) {
                        Value::Function(at, other) if (at, other) != (file, function) => {
                            self.hook_denies(at, other, depth + 1)
                        }
                        _ => false,
                    }
                }
                _ => false,
            })
    }

    /// `permission_required = "app.change"` beside the mixin that reads it.
    fn mixin_arguments(&self, file: FileId, class: ClassId) -> Option<String> {
        let parsed = self.project.parsed(file);
        let members = parsed.members(class, "permission_required");
        let Some(Member::Field(index)) = members.first() else {
            return None;
        };
        let value = parsed.unit.assigns[*index as usize].value?;
        let mut all = Vec::new();
        self.flatten(file, value, &mut all, 0);
        let words: Vec<_> = all
            .iter()
            .filter_map(|(file, id)| self.word(*file, *id))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Whether a class or one of its bases says itself who may call, so that defaults do not hold.
    pub(super) fn says_guards(&self, file: FileId, class: ClassId, depth: u32) -> bool {
        let parsed = self.project.parsed(file);
        self.index(file)
            .guard_attributes
            .iter()
            .any(|attribute| !parsed.members(class, attribute).is_empty())
            || depth < 8
                && parsed
                    .unit
                    .class(class)
                    .bases
                    .iter()
                    .any(|base| match self.eval(file, *base) {
                        Value::Class(at, base) => {
                            (at, base) != (file, class) && self.says_guards(at, base, depth + 1)
                        }
                        _ => false,
                    })
    }
}

fn index_of(unit: &Unit, class: &Class) -> u32 {
    unit.classes
        .iter()
        .position(|other| other.span == class.span)
        .unwrap_or_default() as u32
}
