//! What a function is handed where it is called: a guard or a text that it only passes on.

use super::*;

impl Linker<'_> {
    /// The parameters, of a function and of those around it, that only a caller who was let in
    /// makes: an extractor, what a dependency gives.
    pub(crate) fn guard_parameters(&self, file: FileId, function: FnId) -> Vec<Box<str>> {
        let parsed = self.project.parsed(file);
        let mut all = Vec::new();
        let mut around = Some(function);
        while let Some(id) = around {
            let element = parsed.unit.function(id);
            let guards = self.parameter_guards(file, id);
            let made = element.params.iter().filter(|param| {
                let mut guards = guards.iter();
                guards.any(|guard| {
                    matches!(guard.class, Classified::Guard { .. }) && param.span.holds(guard.span)
                })
            });
            all.extend(made.map(|param| param.name.clone()));
            around = element.parent;
        }
        all
    }

    /// Whether what a macro expands to leaves the function around its call.
    pub(crate) fn macro_ends(&self, file: FileId, callee: ExprId) -> bool {
        let Value::Function(at, function) = self.eval(file, callee) else {
            return false;
        };
        let parsed = self.project.parsed(at);
        let unit = &parsed.unit;
        unit.inside(unit.function(function).span).any(|id| {
            matches!(
                unit.kind(id),
                ExprKind::Exit {
                    kind: ExitKind::Return | ExitKind::Raise,
                    ..
                }
            )
        })
    }

    /// The calls of a function in production code, by its name.
    fn calls_of(&self, file: FileId, function: FnId) -> Vec<(FileId, Vec<Arg>)> {
        let owner = self.project.parsed(file);
        let name = &owner.unit.function(function).name;
        let mut all = Vec::new();
        if name.is_empty() {
            return all;
        }
        for (at, id) in self.calls_named(name) {
            let parsed = self.project.parsed(at);
            let ExprKind::Call { callee, args } = parsed.unit.kind(id) else {
                continue;
            };
            if self.eval(at, *callee) == Value::Function(file, function) {
                all.push((at, args.clone()));
            }
        }
        all
    }

    /// The calls in production code whose last name is this, by file and place.
    fn calls_named(&self, name: &str) -> Vec<(FileId, ExprId)> {
        let (seen, mut known) = self.calls.take();
        let count = self.project.len();
        for at in (seen..count).map(|at| FileId(at as u32)) {
            let path = self.project.path(at);
            if crate::scope::scope_of_path(&path) != crate::fact::Scope::Production {
                continue;
            }
            let parsed = self.project.parsed(at);
            let unit = &parsed.unit;
            for id in unit.ids() {
                if let ExprKind::Call { callee, .. } = unit.kind(id)
                    && let Some(last) = unit.last_name(*callee)
                {
                    match known.get_mut(last) {
                        Some(all) => all.push((at, id)),
                        None => {
                            known.insert(last.into(), vec![(at, id)]);
                        }
                    }
                }
            }
        }
        let found = known.get(name).cloned().unwrap_or_default();
        self.calls.replace((count, known));
        found
    }

    /// The texts that a parameter is handed, over all calls.
    pub(super) fn handed_texts(
        &self,
        file: FileId,
        function: FnId,
        index: usize,
    ) -> Option<Vec<PathText>> {
        let texts = self.deeper(|| {
            let mut texts: Vec<PathText> = Vec::new();
            for (at, args) in self.calls_of(file, function) {
                let arg = args.get(index)?;
                for text in self.path_texts(at, arg.value) {
                    if !texts.contains(&text) {
                        texts.push(text);
                    }
                }
            }
            Some(texts)
        })??;
        (!texts.is_empty()).then_some(texts)
    }

    /// The guards that a parameter is handed by the only call of its function; the last parameter
    /// may be all that follows.
    pub(super) fn handed_guards(
        &self,
        file: FileId,
        id: ExprId,
        attached: &'static str,
    ) -> Option<Vec<GuardUse>> {
        let Value::Param(at, function, index) = self.eval(file, id) else {
            return None;
        };
        let parsed = self.project.parsed(at);
        let element = parsed.unit.function(function);
        let own = element.params.len() - usize::from(element.receiver.is_some());
        let calls = self.deeper(|| self.calls_of(at, function))?;
        let [(from, args)] = &calls[..] else {
            return None;
        };
        let last = index + 1 == own;
        let handed = args.get(index..).unwrap_or_default();
        if !last && handed.is_empty() {
            return None;
        }
        let count = if last { handed.len() } else { 1 };
        let guards = handed[..count].iter();
        Some(
            guards
                .map(|arg| self.guard_use(*from, arg.value, attached))
                .collect(),
        )
    }
}
