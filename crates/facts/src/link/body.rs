//! Checks in the body of a handler.

use super::guard::MAX_CALLS;
use super::*;

impl Linker<'_> {
    /// Whether a handler does nothing but deny: it answers everybody so, and asks nobody.
    fn only_denies(&self, file: FileId, function: FnId, denial: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(body) = unit.function(function).body else {
            return false;
        };
        let span = unit.expr(body).span;
        let branches = unit
            .inside(span)
            .any(|id| matches!(unit.kind(id), ExprKind::Branch { .. }));
        let last = match unit.kind(body) {
            ExprKind::Block(statements) => match statements[..] {
                [only] => only,
                _ => return false,
            },
            _ => body,
        };
        let value = match unit.kind(last) {
            ExprKind::Exit { value, .. } => *value,
            _ => Some(last),
        };
        !branches && (last == denial || value == Some(denial))
    }

    /// Whether callers come in through a handler, by its name: that it turns away those whose
    /// password is wrong does not guard it.
    fn lets_in(&self, file: FileId, function: FnId) -> bool {
        let parsed = self.project.parsed(file);
        let mut scope = Some(function);
        while let Some(id) = scope {
            let element = parsed.unit.function(id);
            let class = element.class.map(|class| &parsed.unit.class(class).name);
            let names = [Some(&element.name), element.receiver.as_ref(), class];
            let enters = names.into_iter().flatten().any(|name| {
                let mut rules = self.index(file).names.candidates(name);
                rules.any(|(rule_id, pattern)| {
                    let loaded = self.rule(rule_id);
                    loaded.rule.link == Some(Link::Entry) && loaded.patterns[pattern].matches(name)
                })
            });
            if enters || element.declared {
                return enters;
            }
            // A function that makes the handler names it; one that registers it does not.
            scope = element
                .parent
                .filter(|outer| gives(&parsed.unit, *outer, element.span));
        }
        false
    }

    /// Whether a call answers the request in the place of the function around it, which then only
    /// has to return: `if session.Abort(c) { return }`, `form, err := read(c); if err != nil { return }`.
    fn ends(&self, file: FileId, span: Span, call: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let at = unit.expr(call).span;
        let given = unit.assigns_of(call);
        let given: Vec<&str> = given.filter_map(|assign| assign.name.as_deref()).collect();
        let answers = |condition: ExprId| {
            let later = unit.expr(condition).span.start >= at.end;
            later
                && unit.descendants(condition).into_iter().any(
                    |id| matches!(unit.kind(id), ExprKind::Name(name) if given.contains(&&**name)),
                )
        };
        unit.inside(span).any(|id| match unit.kind(id) {
            ExprKind::Branch {
                condition, then, ..
            } => {
                let asked = unit.expr(*condition).span;
                (asked.holds(at) || !given.is_empty() && answers(*condition))
                    && unit.descendants(*then).into_iter().any(|id| {
                        matches!(
                            unit.kind(id),
                            ExprKind::Exit {
                                kind: ExitKind::Return,
                                value: None
                            }
                        )
                    })
            }
            _ => false,
        })
    }

    /// Whether functions of this name only ask and turn away: `ensure_owner(note)?`.
    fn enforces(&self, file: FileId, name: &str) -> bool {
        let mut rules = self.index(file).names.candidates(name);
        rules.any(|(rule_id, pattern)| {
            let loaded = self.rule(rule_id);
            loaded.rule.link == Some(Link::Check)
                && loaded.rule.guard.is_some()
                && loaded.patterns[pattern].matches(name)
        })
    }

    /// The call that gave a variable its value.
    pub(super) fn made_by(&self, file: FileId, id: ExprId) -> Option<ExprId> {
        let (at, index) = self.assignment(file, id)?;
        let parsed = self.project.parsed(at);
        let assign = &parsed.unit.assigns[index as usize];
        assign
            .value
            .filter(|_| at == file && assign.place.is_none())
    }

    /// Whether a call stands in what answers an endpoint, is one of a function of the repository
    /// that turns callers away, and what it raises is not caught at once.
    pub(crate) fn turns_away_in_handler(&self, file: FileId, id: ExprId, callee: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut around = unit.expr(id).function;
        while let Some(function) = around {
            if self.is_handler(file, function) {
                break;
            }
            around = unit.function(function).parent;
        }
        around.is_some()
            && !caught(unit, id)
            && match self.eval(file, callee) {
                Value::Function(at, other) => {
                    (at, Some(other)) != (file, around) && self.denies(at, other, 1)
                }
                _ => false,
            }
    }

    /// An authentication check inside the handler itself.
    pub(super) fn body_guard(&self, file: FileId, function: FnId, path: &str) -> Option<GuardUse> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        // Decorators may stand inside of what they decorate; they are asked for themselves.
        let decorators = unit.function(function).decorators.iter();
        let around: Vec<Span> = decorators.map(|id| unit.expr(*id).span).collect();
        if self.lets_in(file, function) {
            return None;
        }
        // What is answered where an error was raised (who raises it, and why, stands elsewhere),
        // or where a feature is turned off.
        let mut left: Option<(Span, String, &str)> = None;
        // A path by which callers come in: being turned away there does not guard it, a guard does.
        let last = path.rsplit('/').find(|part| !part.starts_with('{'));
        let entry = last.is_some_and(|last| {
            let last = format!("/{last}");
            let mut rules = self.index(file).names.candidates(&last);
            rules.any(|(rule_id, pattern)| {
                let loaded = self.rule(rule_id);
                loaded.rule.link == Some(Link::Entry) && loaded.patterns[pattern].matches(&last)
            })
        });
        for id in unit.inside(span) {
            let at = unit.expr(id).span;
            if around.iter().any(|span| span.holds(at)) {
                continue;
            }
            if !entry
                && let Some((outcome, rule)) = self.denial_by(file, id)
                && rule.is_none_or(|rule| self.asks_caller(file, id, rule))
                && (outcome == "401" || outcome == "403" || outcome == "hidden")
            {
                let span = unit.expr(id).span;
                if self.only_denies(file, function, id) {
                    return None;
                }
                let why = match unit.rescues.iter().any(|part| part.holds(span)) {
                    true => Some("is raised elsewhere"),
                    false => self
                        .asks_setting(file, id)
                        .then_some("asks for a setting only"),
                };
                if let Some(why) = why {
                    left.get_or_insert((span, outcome, why));
                    continue;
                }
                let class = Classified::Guard {
                    kind: GuardKind::Authorization,
                    heuristic: true,
                };
                return Some(GuardUse {
                    file,
                    span,
                    text: format!("a check that ends in {outcome}"),
                    class,
                    body: None,
                    attached: "body",
                });
            }
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                continue;
            };
            if caught(unit, id) {
                continue;
            }
            let value = self.eval(file, *callee);
            let called = match value {
                Value::Function(at, other) if (at, other) != (file, function) => {
                    let name = unit.last_name(*callee).unwrap_or_default();
                    let named = matches!(self.named(file, name), Some(Classified::Guard { .. }));
                    named && self.denies(at, other, 1)
                        || self.enforces(file, name) && self.denies(at, other, MAX_CALLS)
                        || self.ends(file, span, id) && self.denies(at, other, MAX_CALLS)
                }
                _ => self.name_of(file, *callee).is_some_and(|name| {
                    matches!(
                        self.definite(file, &name),
                        Some(Classified::Guard {
                            kind: GuardKind::Authentication | GuardKind::Authorization,
                            ..
                        })
                    )
                }),
            };
            if called && !self.swallowed(file, id) {
                let class = Classified::Guard {
                    kind: GuardKind::Authorization,
                    heuristic: true,
                };
                return Some(GuardUse {
                    file,
                    span: unit.expr(id).span,
                    text: self.guard_text(file, *callee),
                    class,
                    body: None,
                    attached: "body",
                });
            }
        }
        let Some((span, outcome, why)) = left else {
            return self.asks_below(file, function, entry, 0);
        };
        let text = format!("what ends in {outcome}");
        Some(GuardUse {
            file,
            span,
            class: Classified::Unknown(format!("{text} {why}")),
            text,
            body: None,
            attached: "body",
        })
    }
}

impl Linker<'_> {
    /// What asks, in a handler or in what it calls, who calls, and answers in its own way: what
    /// becomes of the answer is not known.
    fn asks_below(
        &self,
        file: FileId,
        function: FnId,
        entry: bool,
        depth: u32,
    ) -> Option<GuardUse> {
        if entry {
            return None;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let calls =
            unit.inside(unit.function(function).span)
                .filter_map(|id| match unit.kind(id) {
                    ExprKind::Call { callee, .. } => Some((id, *callee)),
                    _ => None,
                });
        let calls: Vec<(ExprId, ExprId)> = calls.collect();
        let asks = |callee: ExprId| {
            let name = unit.last_name(callee)?;
            let mut rules = self.index(file).names.candidates(name);
            rules
                .any(|(rule_id, pattern)| {
                    let loaded = self.rule(rule_id);
                    loaded.rule.link == Some(Link::Check)
                        && loaded.rule.guard.is_some()
                        && !loaded.rule.denies
                        && loaded.patterns[pattern].matches(name)
                })
                .then(|| name.to_owned())
        };
        for (id, callee) in &calls {
            if let Some(name) = asks(*callee) {
                let reason = format!("what becomes of the answer of `{name}`");
                return Some(GuardUse {
                    file,
                    span: unit.expr(*id).span,
                    text: name,
                    class: Classified::Unknown(reason),
                    body: None,
                    attached: "body",
                });
            }
        }
        if depth > 0 {
            return None;
        }
        calls.iter().find_map(|(id, callee)| {
            let Value::Function(at, other) = self.eval(file, *callee) else {
                return None;
            };
            if (at, other) == (file, function) {
                return None;
            }
            let found = self.asks_below(at, other, entry, depth + 1)?;
            let span = unit.expr(*id).span;
            Some(GuardUse {
                file,
                span,
                ..found
            })
        })
    }

    /// The guards of the functions that answer in the place of a handler, which only hands the
    /// request on: `if request.method == "POST": return create(request)`.
    pub(super) fn answered_by(&self, file: FileId, function: FnId, path: &str) -> Vec<GuardUse> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.function(function);
        let answers = unit
            .inside(element.span)
            .filter_map(|id| match unit.kind(id) {
                ExprKind::Exit {
                    kind: ExitKind::Return,
                    value: Some(value),
                } if unit.expr(id).function == Some(function) => Some(*value),
                _ => None,
            });
        let mut answers: Vec<ExprId> = answers.collect();
        if let Some(body) = element.body {
            let last = self.project.language(file).result_is_last;
            if last || !matches!(unit.kind(body), ExprKind::Block(_)) {
                results(unit, body, &mut answers);
            }
        }
        let mut all = Vec::new();
        let mut open = None;
        for answer in answers {
            let answer = match unit.kind(answer) {
                ExprKind::Await(inner) => *inner,
                _ => answer,
            };
            let ExprKind::Call { callee, args } = unit.kind(answer) else {
                return Vec::new();
            };
            let handed = args.iter().any(|arg| match unit.kind(arg.value) {
                ExprKind::Name(name) => element.params.iter().any(|param| param.name == *name),
                _ => false,
            });
            let (true, Value::Function(at, other)) = (handed, self.eval(file, *callee)) else {
                return Vec::new();
            };
            if (at, other) == (file, function) {
                return Vec::new();
            }
            let target = self.project.parsed(at);
            let decorators = target.unit.function(other).decorators.iter();
            let mut guards: Vec<GuardUse> = decorators
                .flat_map(|id| self.decorator_guards(at, *id, "handler"))
                .collect();
            guards.extend(self.parameter_guards(at, other));
            guards.extend(self.body_guard(at, other, path));
            guards.retain(GuardUse::asks_caller);
            if guards.is_empty() {
                open = Some((unit.expr(answer).span, self.guard_text(file, *callee)));
            }
            all.extend(guards);
        }
        match open {
            Some((span, text)) if !all.is_empty() => vec![GuardUse {
                file,
                span,
                class: Classified::Unknown(format!(
                    "`{text}` answers some requests and asks nobody"
                )),
                text,
                body: None,
                attached: "handler",
            }],
            _ => all,
        }
    }

    /// The parameter of a path that is a secret by its name: whoever knows it gets in.
    pub(crate) fn capability(&self, endpoint: &Endpoint, names: &[String]) -> Option<String> {
        let secret = |name: &&String| {
            let mut rules = self.index(endpoint.file).names.candidates(name);
            rules.any(|(rule, pattern)| {
                let loaded = self.rule(rule);
                loaded.rule.link == Some(Link::Capability) && loaded.patterns[pattern].matches(name)
            })
        };
        names.iter().find(secret).cloned()
    }
}

/// The expressions that a body gives back without saying so: the last of a block, of each branch.
fn results(unit: &Unit, id: ExprId, found: &mut Vec<ExprId>) {
    match unit.kind(id) {
        ExprKind::Block(items) => {
            if let Some(last) = items.last() {
                results(unit, *last, found);
            }
        }
        ExprKind::Branch {
            then, otherwise, ..
        } => {
            results(unit, *then, found);
            if let Some(otherwise) = otherwise {
                results(unit, *otherwise, found);
            }
        }
        ExprKind::Exit { .. } => {}
        _ => found.push(id),
    }
}

/// Whether what a call raises is caught at once: `getSession(c).catch(() => null)`.
fn caught(unit: &Unit, id: ExprId) -> bool {
    let mut after = unit.ids().skip(id.0 as usize + 1).take(2);
    after.any(|outer| {
        matches!(unit.kind(outer), ExprKind::Member { object, property }
            if *object == id && &**property == "catch")
    })
}

/// Whether a function gives back what stands at this place.
fn gives(unit: &Unit, function: FnId, inner: Span) -> bool {
    let element = unit.function(function);
    let whole = element.body.is_some_and(|body| {
        !matches!(unit.kind(body), ExprKind::Block(_)) && unit.expr(body).span.holds(inner)
    });
    whole
        || unit.inside(element.span).any(|id| {
            matches!(unit.kind(id), ExprKind::Exit { kind: ExitKind::Return, value: Some(value) }
                if unit.expr(*value).span.holds(inner))
        })
}
