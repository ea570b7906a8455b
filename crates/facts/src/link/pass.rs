//! Guards that let callers through: those that ask nothing of a caller who brings nothing, and
//! those that ask only where a decorator says what.

use super::*;

/// Names are followed to what they were assigned no further than this.
const MAX_NAMES: u32 = 4;

/// Whom a guard lets through.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pass {
    /// A caller who sends no token, header or the like.
    Absent,
    /// Everybody, where no decorator writes the metadata of this key.
    Unasked(String),
}

/// What the last parameter of a function may be that hands the request on.
#[derive(Clone, Copy)]
enum Next {
    /// That of the function itself: `next()`.
    Own,
    /// That of a function around, which is called: `next(c)`.
    Around,
    /// One whose type answers requests: `next.ServeHTTP(w, r)`.
    Handler,
}

impl Linker<'_> {
    /// Whom the function or class that was found to be a guard lets through.
    pub(super) fn passes(&self, value: &Value) -> Option<Pass> {
        match value {
            Value::Function(file, function) => self
                .function_passes(*file, *function)
                // What it wraps is called from the inside: `return func(w, r) { next(w, r) }`.
                .or_else(|| self.inner_passes(*file, *function))
                // A function that makes the guard: `authenticate({ optional: true })`.
                .filter(|_| !self.has_inner_denial(*file, *function)),
            Value::Class(file, class) | Value::Instance(file, class) => {
                let parsed = self.project.parsed(*file);
                let mut methods = parsed.methods(*class).into_iter();
                methods.find_map(|method| self.function_passes(*file, method))
            }
            _ => None,
        }
    }

    /// Whether a function inside the function denies: then the outer one only makes it.
    fn has_inner_denial(&self, file: FileId, function: FnId) -> bool {
        let unit = &self.project.parsed(file).unit;
        let inner = unit.functions.iter().enumerate();
        inner
            .filter(|(_, inner)| inner.parent == Some(function))
            .any(|(index, inner)| {
                let id = FnId(index as u32);
                self.function_passes(file, id).is_none()
                    && unit
                        .inside(inner.span)
                        .any(|id| self.denial(file, id).is_some())
            })
    }

    /// Whom the functions let through that a function makes, if they deny.
    fn inner_passes(&self, file: FileId, function: FnId) -> Option<Pass> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let inner = unit.functions.iter().enumerate();
        inner
            .filter(|(_, inner)| inner.parent == Some(function))
            .filter(|(_, inner)| {
                let mut inside = unit.inside(inner.span);
                inside.any(|id| self.denial(file, id).is_some())
            })
            .find_map(|(index, _)| self.function_passes(file, FnId(index as u32)))
    }

    fn function_passes(&self, file: FileId, function: FnId) -> Option<Pass> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.function(function);
        let next = self.next_of(file, function);
        let denials: Vec<Span> = unit
            .inside(element.span)
            .filter(|id| self.denial(file, *id).is_some())
            .map(|id| unit.expr(id).span)
            .collect();
        let within = |outer: Span| {
            let mut all = denials.iter();
            all.any(|span| outer.holds(*span))
        };
        for id in unit.inside(element.span) {
            if unit.expr(id).function != Some(function) {
                continue;
            }
            let ExprKind::Branch {
                condition,
                then,
                otherwise,
            } = unit.kind(id)
            else {
                continue;
            };
            // `if (!token) return next()`
            if !within(unit.expr(*then).span)
                && self.lets_on(file, *then, &next)
                && let Some(pass) = self.absence(file, *condition)
            {
                return Some(pass);
            }
            if let Some(pass) = self.presence(file, *condition) {
                // `if (token) { … } else { next() }`
                if let Some(otherwise) = otherwise
                    && !within(unit.expr(*otherwise).span)
                    && self.lets_on(file, *otherwise, &next)
                {
                    return Some(pass);
                }
                // `if (token) { … }`, and no denial anywhere else
                let span = unit.expr(*then).span;
                let inside = |one: &Span| span.holds(*one);
                let some = denials.iter().any(inside);
                if otherwise.is_none() && some && denials.iter().all(inside) {
                    return Some(pass);
                }
            }
        }
        None
    }

    /// What may hand the request on: the last parameter of the function and of those around.
    fn next_of(&self, file: FileId, function: FnId) -> Vec<(Box<str>, Next)> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut next: Vec<(Box<str>, Next)> = Vec::new();
        let mut around = Some(function);
        while let Some(id) = around {
            let one = unit.function(id);
            // The receiver stands behind the parameters.
            let own = one.params.len() - usize::from(one.receiver.is_some());
            if let Some(index) = own.checked_sub(1) {
                let last = &one.params[index];
                let ty = self.param_type(file, id, index);
                let kind = match ty.is_some_and(|ty| self.answers_requests(&ty)) {
                    true => Next::Handler,
                    false if id == function => Next::Own,
                    false => Next::Around,
                };
                next.push((last.name.clone(), kind));
            }
            around = one.parent;
        }
        next
    }

    /// Whether a branch leaves the function and hands the request on: `return next.run(request)`.
    pub(super) fn hands_on(&self, file: FileId, function: FnId, branch: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let only = match unit.kind(branch) {
            ExprKind::Block(items) => items.len() == 1,
            _ => true,
        };
        only && self.lets_on(file, branch, &self.next_of(file, function))
    }

    /// Whether a branch lets the request go on: `return true`, `next()`, `return`. What comes next is
    /// the last parameter, the function's own or that of one around it.
    fn lets_on(&self, file: FileId, branch: ExprId, next: &[(Box<str>, Next)]) -> bool {
        let unit = &self.project.parsed(file).unit;
        let only = match unit.kind(branch) {
            ExprKind::Block(items) => items.len() == 1,
            _ => true,
        };
        unit.descendants(branch)
            .into_iter()
            .any(|id| match unit.kind(id) {
                ExprKind::Exit {
                    kind: ExitKind::Return,
                    value,
                } => match value {
                    Some(value) => matches!(unit.kind(*value), ExprKind::Bool(true)),
                    None => only,
                },
                ExprKind::Call { callee, args } => {
                    let (object, method) = match unit.kind(*callee) {
                        ExprKind::Member { object, .. } => (*object, true),
                        _ => (*callee, false),
                    };
                    let ExprKind::Name(called) = unit.kind(object) else {
                        return false;
                    };
                    // `next(error)` ends the request; a wrapped handler is handed the request.
                    next.iter().any(|(name, kind)| {
                        name == called
                            && match kind {
                                Next::Own => args.is_empty() && !method,
                                Next::Around => !method,
                                Next::Handler => true,
                            }
                    })
                }
                _ => false,
            })
    }

    /// What is missing where the condition holds: `!token`, `roles == null`.
    fn absence(&self, file: FileId, condition: ExprId) -> Option<Pass> {
        let unit = &self.project.parsed(file).unit;
        match unit.kind(condition) {
            ExprKind::Unary { op, value } if matches!(&**op, "!" | "not") => {
                self.presence(file, *value)
            }
            ExprKind::Binary { op, left, right } => match &**op {
                "==" | "===" | "is" => {
                    let nothing = match unit.kind(*right) {
                        ExprKind::Null => true,
                        ExprKind::Number(text) => &**text == "0",
                        ExprKind::Str(text) => text.is_empty(),
                        _ => false,
                    };
                    nothing.then(|| self.brought(file, *left, 0)).flatten()
                }
                "||" | "or" => self
                    .absence(file, *left)
                    .or_else(|| self.absence(file, *right)),
                "&&" | "and" => {
                    let left = self.absence(file, *left);
                    self.absence(file, *right).and(left)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What is there where the condition holds: `token`, `token && !valid(token)`.
    fn presence(&self, file: FileId, condition: ExprId) -> Option<Pass> {
        let unit = &self.project.parsed(file).unit;
        match unit.kind(condition) {
            ExprKind::Binary { op, left, right } if matches!(&**op, "&&" | "and") => self
                .presence(file, *left)
                .or_else(|| self.presence(file, *right)),
            ExprKind::Binary { op, left, .. } if matches!(&**op, "||" | "or" | "??") => {
                self.presence(file, *left)
            }
            ExprKind::Name(_) | ExprKind::Member { .. } | ExprKind::Index { .. } => {
                self.brought(file, condition, 0)
            }
            ExprKind::Call { .. } => self.metadata_key(file, condition).map(Pass::Unasked),
            _ => None,
        }
    }

    /// Whether a function reads a header or a cookie, itself or by what it calls.
    pub(super) fn reads_credential(&self, file: FileId, function: FnId, depth: u32) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        unit.inside(span).any(|id| match unit.kind(id) {
            ExprKind::Member { property, .. } => self.is_sent_as(file, id, property),
            ExprKind::Call { callee, .. } if depth < 2 => match self.eval(file, *callee) {
                Value::Function(at, other) if (at, other) != (file, function) => {
                    self.reads_credential(at, other, depth + 1)
                }
                _ => false,
            },
            _ => false,
        })
    }

    /// Whether a rule says that a member is a header or a cookie of the request.
    fn is_sent_as(&self, file: FileId, id: ExprId, property: &str) -> bool {
        let parsed = self.project.parsed(file);
        let mut rules = self.mention_rules(file, property).into_iter();
        rules.any(|(rule, pattern)| {
            let loaded = self.rule(rule);
            loaded.rule.link == Some(Link::Parameter)
                && matches!(loaded.rule.place.as_deref(), Some("header" | "cookie"))
                && parsed
                    .unit
                    .path(id)
                    .is_some_and(|path| loaded.patterns[pattern].matches(&path))
        })
    }

    /// What the caller brings or a decorator says, if the expression stands for that.
    fn brought(&self, file: FileId, id: ExprId, depth: u32) -> Option<Pass> {
        let unit = &self.project.parsed(file).unit;
        if depth > MAX_NAMES {
            return None;
        }
        for part in unit.descendants(id) {
            if let Some(key) = self.metadata_key(file, part) {
                return Some(Pass::Unasked(key));
            }
            match unit.kind(part) {
                ExprKind::Member { property, .. } if self.is_sent_as(file, part, property) => {
                    return Some(Pass::Absent);
                }
                ExprKind::Name(name) => {
                    let expr = unit.expr(part);
                    let target = self
                        .project
                        .lookup(file, name, expr.function, expr.span.start);
                    if let crate::project::Target::Assign(at, index) = target
                        && at == file
                        && let Some(value) = unit.assigns[index as usize].value
                        && value != part
                        && let Some(pass) = self.brought(file, value, depth + 1)
                    {
                        return Some(pass);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The key of the metadata that a call reads or writes, by the rules.
    fn metadata_key(&self, file: FileId, id: ExprId) -> Option<String> {
        let unit = &self.project.parsed(file).unit;
        let ExprKind::Call { callee, .. } = unit.kind(id) else {
            return None;
        };
        let last = unit.last_name(*callee)?;
        let mut name = None;
        for (rule_id, pattern) in self.call_rules(file, *callee, last) {
            let loaded = self.rule(rule_id);
            if loaded.rule.link != Some(Link::Metadata) {
                continue;
            }
            let name = name.get_or_insert_with(|| self.name_of(file, *callee).unwrap_or_default());
            if !loaded.patterns[pattern].matches(name) {
                continue;
            }
            let matched = self.matched(file, id);
            let (at, key) = self
                .exprs(&matched, &loaded.rule.named)
                .into_iter()
                .next()?;
            return match self.eval(at, key) {
                Value::Str(key) => Some(key),
                _ => self.name_of(at, key),
            };
        }
        None
    }

    /// The guards that hold on what these decorators stand on: one that asks only where metadata
    /// says what is none without them, and has their words with them.
    pub(super) fn settle(&self, guards: &mut Vec<GuardUse>, handler: Option<&Handler>) {
        if !guards
            .iter()
            .any(|guard| matches!(guard.class, Classified::Asks { .. }))
        {
            return;
        }
        let decorators = self.decorators_of(handler);
        for guard in guards.iter_mut() {
            let Classified::Asks { key, kind } = &guard.class else {
                continue;
            };
            let said = decorators
                .iter()
                .find(|(file, decorator)| self.writes(*file, *decorator, key, 0));
            match said {
                Some((file, decorator)) => {
                    if let ExprKind::Call { args, .. } =
                        self.project.parsed(*file).unit.kind(*decorator)
                    {
                        let words: Vec<String> = args
                            .iter()
                            .filter_map(|arg| self.word(*file, arg.value))
                            .collect();
                        if !words.is_empty() {
                            guard.text = format!("{}({})", guard.text, words.join(", "));
                        }
                    }
                    guard.class = Classified::Guard {
                        kind: *kind,
                        heuristic: false,
                    };
                }
                None => guard.class = Classified::Not,
            }
        }
        guards.retain(|guard| !matches!(guard.class, Classified::Not));
    }

    /// The decorators of what answers, and those of its class.
    pub(super) fn decorators_of(&self, handler: Option<&Handler>) -> Vec<(FileId, ExprId)> {
        let (file, function, class) = match handler {
            Some(Handler::Function(file, function)) => {
                let unit = &self.project.parsed(*file).unit;
                (*file, Some(*function), unit.function(*function).class)
            }
            Some(Handler::Class(file, class)) => (*file, None, Some(*class)),
            _ => return Vec::new(),
        };
        let unit = &self.project.parsed(file).unit;
        let own = function.map(|function| unit.function(function).decorators.clone());
        let around = class.map(|class| unit.class(class).decorators.clone());
        let all = own.into_iter().chain(around).flatten();
        all.map(|decorator| (file, decorator)).collect()
    }

    /// Whether a decorator writes the metadata of this key, itself or through what it is made of.
    fn writes(&self, file: FileId, decorator: ExprId, key: &str, depth: u32) -> bool {
        if self.metadata_key(file, decorator).as_deref() == Some(key) {
            return true;
        }
        let parsed = self.project.parsed(file);
        let callee = match parsed.unit.kind(decorator) {
            ExprKind::Call { callee, .. } => *callee,
            _ => decorator,
        };
        if self.name_of(file, callee).as_deref() == Some(key) {
            return true;
        }
        match self.eval(file, callee) {
            Value::Function(at, function) if depth < 3 => {
                let unit = &self.project.parsed(at).unit;
                let span = unit.function(function).span;
                unit.inside(span).any(|id| match unit.kind(id) {
                    ExprKind::Call { .. } => self.writes(at, id, key, depth + 1),
                    _ => false,
                })
            }
            _ => false,
        }
    }

    /// What the nearest base with a known name protects with.
    pub(super) fn base_kind(&self, file: FileId, class: ClassId, depth: u32) -> Option<GuardKind> {
        let parsed = self.project.parsed(file);
        let bases = &parsed.unit.class(class).bases;
        bases.iter().find_map(|base| {
            if let Some(name) = self.name_of(file, *base)
                && let Some(Classified::Guard { kind, .. }) = self.definite(file, &name)
            {
                return Some(kind);
            }
            match self.eval(file, *base) {
                Value::Class(at, base) if depth < 8 && (at, base) != (file, class) => {
                    self.base_kind(at, base, depth + 1)
                }
                _ => None,
            }
        })
    }
}
