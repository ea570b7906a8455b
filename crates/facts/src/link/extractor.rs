//! Guards among the parameters of a function: dependencies and extractors that turn callers away.

use super::*;

impl Linker<'_> {
    /// Guards among the parameters of a function: `Depends(current_user)`, an extractor type.
    pub(super) fn parameter_guards(&self, file: FileId, function: FnId) -> Vec<GuardUse> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut uses = Vec::new();
        for param in &unit.function(function).params {
            let mut found = false;
            for id in [param.default, param.ty_expr].into_iter().flatten() {
                for (at, inner) in self.type_parts(file, id, 0) {
                    let other = self.project.parsed(at);
                    if let ExprKind::Call { callee, .. } = other.unit.kind(inner)
                        && let Some(guards) = self.inner_guards(at, *callee, inner)
                    {
                        for (file, id) in guards {
                            found = true;
                            uses.push(self.guard_use(file, id, "handler"));
                        }
                    }
                }
            }
            for decorator in &param.decorators {
                let guards = self
                    .decorator_guards(file, *decorator, "handler")
                    .into_iter();
                uses.extend(guards.filter(|guard| {
                    let sure = Classified::Guard {
                        kind: GuardKind::Authentication,
                        heuristic: false,
                    };
                    guard.class == sure
                }));
            }
            if found {
                continue;
            }
            if let Some(ty) = param.ty_expr
                && let Some(guard) = self.extractor(file, ty, param.span)
            {
                uses.push(guard);
            }
        }
        if let Some(class) = unit.function(function).class {
            self.attribute_guards(file, class, &mut BTreeSet::new(), &mut uses, 0);
        }
        uses
    }

    /// Dependencies that a class names as attributes, for all its methods: `user = Depends(signed_in)`;
    /// those of its bases too, unless it gives such a name to another one.
    fn attribute_guards(
        &self,
        file: FileId,
        class: ClassId,
        seen: &mut BTreeSet<String>,
        uses: &mut Vec<GuardUse>,
        depth: u32,
    ) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let attributes = unit
            .assigns
            .iter()
            .filter(|assign| assign.class == Some(class) && assign.function.is_none());
        for assign in attributes {
            let Some(name) = assign.name.as_deref().filter(|name| !seen.contains(*name)) else {
                continue;
            };
            let parts = [assign.value, assign.ty_expr].into_iter().flatten();
            for (at, inner) in parts.flat_map(|id| self.type_parts(file, id, 0)) {
                let other = self.project.parsed(at);
                if let ExprKind::Call { callee, .. } = other.unit.kind(inner)
                    && let Some(guards) = self.dependencies(at, *callee, inner)
                {
                    let guards = guards.into_iter();
                    uses.extend(guards.map(|(at, id)| self.guard_use(at, id, "class")));
                }
            }
            seen.insert(name.to_owned());
        }
        for base in &unit.class(class).bases {
            if let Value::Class(at, base) = self.eval(file, *base)
                && (at, base) != (file, class)
                && depth < 6
            {
                self.attribute_guards(at, base, seen, uses, depth + 1);
            }
        }
    }

    /// The parts of a type or default in which a dependency may stand: itself, the arguments of
    /// `Annotated[…]`, what an alias stands for.
    pub(super) fn type_parts(&self, file: FileId, id: ExprId, depth: u32) -> Vec<(FileId, ExprId)> {
        let parsed = self.project.parsed(file);
        if depth > 3 {
            return Vec::new();
        }
        match parsed.unit.kind(id) {
            ExprKind::Call { .. } => vec![(file, id)],
            ExprKind::Index { index, .. } => index
                .iter()
                .flat_map(|part| self.type_parts(file, *part, depth + 1))
                .collect(),
            ExprKind::Name(_) | ExprKind::Member { .. } => {
                let Some(path) = parsed.unit.path(id) else {
                    return Vec::new();
                };
                let expr = parsed.unit.expr(id);
                let first = path.split('.').next().unwrap_or(&path);
                let mut target = self
                    .project
                    .lookup(file, first, expr.function, expr.span.start);
                if let (crate::project::Target::Module(module), Some((_, rest))) =
                    (&target, path.split_once('.'))
                {
                    target = self.project.export(*module, rest, 0);
                }
                match target {
                    crate::project::Target::Assign(at, index) => {
                        let other = self.project.parsed(at);
                        match other.unit.assigns[index as usize].value {
                            Some(value) => self.type_parts(at, value, depth + 1),
                            None => Vec::new(),
                        }
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// A parameter's type that lets only some callers in: by its name, or because the code that
    /// makes it from the request denies.
    fn extractor(&self, file: FileId, ty: ExprId, span: Span) -> Option<GuardUse> {
        let parsed = self.project.parsed(file);
        let parsed_kind = parsed.unit.kind(ty);
        // `Option<User>` and `Result<User, _>` let everybody in.
        if let ExprKind::Index { object, index } = parsed_kind {
            let outer = parsed.unit.last_name(*object).unwrap_or_default();
            if matches!(outer, "Option" | "Result" | "Optional") {
                return None;
            }
            if let Some(name) = self.name_of(file, *object)
                && let Some(class @ Classified::Guard { .. }) = self.definite(file, &name)
            {
                return Some(GuardUse {
                    file,
                    span,
                    text: outer.to_owned(),
                    class,
                    body: None,
                    attached: "handler",
                });
            }
            // `Authorized<Write>`, whose own code denies; then what it holds.
            return self.extractor(file, *object, span).or_else(|| {
                let mut inner = index.iter();
                inner.find_map(|inner| self.extractor(file, *inner, span))
            });
        }
        let name = self.name_of(file, ty)?;
        let text = parsed.unit.last_name(ty).unwrap_or_default().to_owned();
        match self.definite(file, &name) {
            Some(class @ Classified::Guard { .. }) => {
                return Some(GuardUse {
                    file,
                    span,
                    text,
                    class,
                    body: None,
                    attached: "handler",
                });
            }
            Some(Classified::Not) => return None,
            _ => {}
        }
        let (at, class) = match (self.aliased(file, ty), self.eval(file, ty)) {
            (Some(found), _) => found,
            (None, Value::Class(at, class)) => (at, class),
            _ => return None,
        };
        if let Some(method) = self.answering(at, class) {
            self.targets.borrow_mut().insert(method);
            let class = Classified::Guard {
                kind: GuardKind::Authorization,
                heuristic: false,
            };
            return Some(GuardUse {
                body: None,
                file,
                span,
                text,
                class,
                attached: "handler",
            });
        }
        let extracts = self.extracts(at, class);
        if extracts {
            self.remember_class(at, class);
        }
        extracts.then_some(GuardUse {
            file,
            span,
            text,
            class: Classified::Guard {
                kind: GuardKind::Authentication,
                heuristic: false,
            },
            body: None,
            attached: "handler",
        })
    }

    /// What is implemented for another name of a type: `impl FromRequest for SignedIn` with
    /// `type SignedIn = User`.
    fn aliased(&self, file: FileId, ty: ExprId) -> Option<(FileId, ClassId)> {
        let (at, index) = self.assignment(file, ty)?;
        let parsed = self.project.parsed(at);
        let unit = &parsed.unit;
        let name = unit.assigns[index as usize].name.as_ref()?;
        let class = unit.classes.iter().position(|class| class.name == *name)?;
        Some((at, ClassId(class as u32)))
    }

    /// Whether some block makes this class from a request, and denies while doing so.
    fn extracts(&self, file: FileId, class: ClassId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let name = &unit.class(class).name;
        for (index, other) in unit.classes.iter().enumerate() {
            if other.name != *name {
                continue;
            }
            let from_request = other.bases.iter().any(|base| {
                let base = match unit.kind(*base) {
                    ExprKind::Index { object, .. } => *object,
                    _ => *base,
                };
                let Some(last) = unit.last_name(base) else {
                    return false;
                };
                self.index(file)
                    .classes
                    .candidates(last)
                    .any(|(rule, pattern)| {
                        let loaded = self.rule(rule);
                        let used = self.in_use(file, loaded.framework);
                        loaded.rule.link == Some(Link::Guard) && used && {
                            let name = self.name_of(file, base).unwrap_or_default();
                            loaded.patterns[pattern].matches(&name)
                                || loaded.patterns[pattern].matches(last)
                        }
                    })
            });
            if !from_request {
                continue;
            }
            let id = ClassId(index as u32);
            if parsed.methods(id).iter().any(|method| {
                let function = unit.function(*method);
                self.denies(file, *method, 0)
                    || function.params.iter().any(|param| {
                        param
                            .ty_expr
                            .is_some_and(|ty| self.extractor(file, ty, param.span).is_some())
                    })
                    || self.calls_extractor(file, *method)
            }) {
                return true;
            }
        }
        false
    }

    /// `User::from_request(…)` inside another extractor.
    fn calls_extractor(&self, file: FileId, method: FnId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(method).span;
        unit.inside(span).any(|id| match unit.kind(id) {
            ExprKind::Call { callee, .. } => match unit.kind(*callee) {
                ExprKind::Member { object, .. } => match self.eval(file, *object) {
                    Value::Class(at, class) => {
                        let owner = unit
                            .function(method)
                            .class
                            .map(|class| unit.class(class).name.clone());
                        let same = at == file
                            && owner.as_deref()
                                == Some(&*unit_name(&self.project.parsed(at).unit, class));
                        !same && self.depth_guarded(|| self.extracts(at, class))
                    }
                    _ => false,
                },
                _ => false,
            },
            _ => false,
        })
    }

    fn depth_guarded(&self, look: impl FnOnce() -> bool) -> bool {
        if self.depth.get() > 20 {
            return false;
        }
        self.depth.set(self.depth.get() + 4);
        let answer = look();
        self.depth.set(self.depth.get() - 4);
        answer
    }
}

fn unit_name(unit: &Unit, class: ClassId) -> Box<str> {
    unit.class(class).name.clone()
}
