//! Guards that turn only some callers away: those who send something that is then found wrong,
//! while whoever sends nothing passes; or nobody, unless a setting says so.

use super::*;

/// Names and calls are followed this far to what a caller sent.
const MAX_STEPS: u32 = 3;

/// Why a guard is none for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partial {
    /// It judges what is sent; who sends nothing passes.
    Sent,
    /// It holds only where a setting turns it on.
    Switched,
}

impl Linker<'_> {
    /// Why a function that denies some callers lets others pass without a question, if it does.
    pub(super) fn partial(&self, file: FileId, function: FnId) -> Option<Partial> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        let sites: Vec<(ExprId, u32)> = unit
            .inside(span)
            .filter(|id| self.ends_request(file, function, *id))
            .map(|id| (id, unit.expr(id).span.start))
            .collect();
        if sites.is_empty() {
            return None;
        }
        let within = |span: Span, at: u32| span.start <= at && at < span.end;
        let mut spared: Vec<(Span, Partial)> = Vec::new();
        for id in unit.inside(span) {
            let ExprKind::Branch {
                condition,
                then,
                otherwise,
            } = unit.kind(id)
            else {
                continue;
            };
            let inner = unit.expr(*then).span;
            if self.is_sent(file, *condition) {
                spared.push((inner, Partial::Sent));
            } else if self.is_missing(file, *condition) {
                if let Some(otherwise) = otherwise {
                    spared.push((unit.expr(*otherwise).span, Partial::Sent));
                }
                // `return unless token`: what follows is only for those who sent one.
                if unit.expr(id).function == Some(function) && self.goes_on(file, *then) {
                    let rest = Span {
                        start: inner.end.max(unit.expr(id).span.end),
                        ..span
                    };
                    spared.push((rest, Partial::Sent));
                }
            } else if self.is_switch(file, *condition, true) {
                spared.push((inner, Partial::Switched));
            }
            // `return unless Setting.closed?`
            if unit.expr(id).function == Some(function)
                && (self.goes_on(file, *then) || self.hands_on(file, function, *then))
                && self.switches(file, *condition)
            {
                let rest = Span {
                    start: unit.expr(id).span.end,
                    ..span
                };
                spared.push((rest, Partial::Switched));
            }
            if let Some(otherwise) = otherwise
                && self.is_switch(file, *condition, false)
            {
                spared.push((unit.expr(*otherwise).span, Partial::Switched));
            }
        }
        let mut why = None;
        for (id, at) in sites {
            let mut around = spared.iter().filter(|(span, _)| within(*span, at));
            let found = match around.clone().any(|(_, found)| *found == Partial::Sent) {
                true => Some(Partial::Sent),
                false => around.next().map(|(_, found)| *found),
            };
            let found = match found {
                Some(found) => found,
                // What it calls may be no guard for everybody itself.
                None => self.partial_callee(file, function, id)?,
            };
            if why != Some(Partial::Sent) {
                why = Some(found);
            }
        }
        why
    }

    /// Whether something is a guard only where a setting turns it on.
    pub(super) fn is_switched(&self, value: &Value) -> bool {
        match value {
            Value::Function(file, function) => {
                self.partial(*file, *function) == Some(Partial::Switched)
            }
            _ => false,
        }
    }

    fn partial_callee(&self, file: FileId, function: FnId, id: ExprId) -> Option<Partial> {
        if self.denial(file, id).is_some() {
            return None;
        }
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, .. } = parsed.unit.kind(id) else {
            return None;
        };
        match self.eval(file, *callee) {
            Value::Function(at, other) if (at, other) != (file, function) => {
                self.deeper(|| self.partial(at, other)).flatten()
            }
            _ => None,
        }
    }

    /// Whether an expression ends the request, itself or through what it calls.
    fn ends_request(&self, file: FileId, function: FnId, id: ExprId) -> bool {
        if self.denial(file, id).is_some() {
            return true;
        }
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, .. } = parsed.unit.kind(id) else {
            return false;
        };
        match self.eval(file, *callee) {
            Value::Function(at, other) => {
                (at, other) != (file, function) && self.denies(at, other, 1)
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
        }
    }

    /// Whether a branch leaves the function and lets the request go on: `return`, `return true`.
    fn goes_on(&self, file: FileId, id: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(id) {
            ExprKind::Block(items) if items.len() == 1 => self.goes_on(file, items[0]),
            ExprKind::Exit {
                kind: ExitKind::Return,
                value,
            } => value.is_none_or(|value| {
                matches!(parsed.unit.kind(value), ExprKind::Bool(_) | ExprKind::Null)
            }),
            _ => false,
        }
    }

    /// Whether a condition holds only for who sent something: `token`, `header.present?`,
    /// `token && expired?(token)`.
    fn is_sent(&self, file: FileId, condition: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(condition) {
            ExprKind::Unary { op, value } if is_not(op) => self.is_missing(file, *value),
            ExprKind::Binary { op, left, right } => match &**op {
                "&&" | "and" => self.is_sent(file, *left) || self.is_sent(file, *right),
                "||" | "or" => self.is_sent(file, *left) && self.is_sent(file, *right),
                "!=" | "!==" if matches!(parsed.unit.kind(*right), ExprKind::Null) => {
                    self.stands_for_sent(file, *left, 0)
                }
                _ => false,
            },
            _ => !self.asks_absence(file, condition) && self.stands_for_sent(file, condition, 0),
        }
    }

    /// Whether a condition holds for everybody who sent nothing: `!token`, `header.blank?`.
    fn is_missing(&self, file: FileId, condition: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(condition) {
            ExprKind::Unary { op, value } if is_not(op) => self.is_sent(file, *value),
            ExprKind::Binary { op, left, right } => match &**op {
                "&&" | "and" => self.is_missing(file, *left) && self.is_missing(file, *right),
                "||" | "or" => self.is_missing(file, *left) || self.is_missing(file, *right),
                "==" | "===" if matches!(parsed.unit.kind(*right), ExprKind::Null) => {
                    self.stands_for_sent(file, *left, 0)
                }
                _ => false,
            },
            _ => self.asks_absence(file, condition) && self.stands_for_sent(file, condition, 0),
        }
    }

    /// `token.blank?`
    fn asks_absence(&self, file: FileId, id: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let name = match unit.kind(id) {
            ExprKind::Call { callee, .. } => unit.last_name(*callee),
            _ => unit.last_name(id),
        };
        let words = &self.project.language(file).absence;
        name.is_some_and(|name| words.iter().any(|word| **word == *name))
    }

    /// Whether an expression stands for something that a request brings: a header, a parameter,
    /// what is known of the caller by them.
    fn stands_for_sent(&self, file: FileId, id: ExprId, steps: u32) -> bool {
        if steps > MAX_STEPS {
            return false;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        if self.is_parameter(file, id) || self.is_caller(file, id) {
            return true;
        }
        match unit.kind(id) {
            ExprKind::Index { object, .. } => self.stands_for_sent(file, *object, steps),
            ExprKind::Member { object, .. } => {
                self.stands_for_sent(file, *object, steps)
                    || self.assigned_from_sent(file, id, steps)
            }
            ExprKind::Call { callee, args } => {
                // `user = User.find_by(key: key)`: found by what was sent.
                let found_by = steps > 0
                    && args
                        .iter()
                        .any(|arg| self.stands_for_sent(file, arg.value, steps + 1));
                found_by
                    || match unit.kind(*callee) {
                        ExprKind::Member { object, .. } => {
                            self.stands_for_sent(file, *object, steps)
                        }
                        _ => self.stands_for_sent(file, *callee, steps),
                    }
            }
            ExprKind::Binary { op, left, right } if matches!(&**op, "||" | "??" | "or") => {
                self.stands_for_sent(file, *left, steps)
                    && self.stands_for_sent(file, *right, steps)
            }
            ExprKind::Assign(index) => unit.assigns[*index as usize]
                .value
                .is_some_and(|value| self.stands_for_sent(file, value, steps + 1)),
            ExprKind::Name(_) => {
                if let Value::Function(at, function) = self.eval(file, id) {
                    // `token` that is a method which reads a header.
                    return !self.denies(at, function, 1)
                        && self.reads_request(at, function, steps);
                }
                self.assigned_from_sent(file, id, steps)
            }
            _ => false,
        }
    }

    /// Whether a function reads something that the request brings, itself or through what it calls.
    fn reads_request(&self, file: FileId, function: FnId, steps: u32) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        unit.inside(span).any(|id| {
            self.is_parameter(file, id)
                || self.is_caller(file, id)
                || steps < MAX_STEPS
                    && match unit.kind(id) {
                        ExprKind::Call { callee, .. } => match self.eval(file, *callee) {
                            Value::Function(at, other) => {
                                (at, other) != (file, function)
                                    && self.reads_request(at, other, steps + 1)
                            }
                            _ => false,
                        },
                        _ => false,
                    }
        })
    }

    /// A variable that was given what the request brings.
    fn assigned_from_sent(&self, file: FileId, id: ExprId, steps: u32) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(path) = unit.path(id) else {
            return false;
        };
        // Blocks see the variables of the functions around them.
        let mut around = Vec::new();
        let mut function = unit.expr(id).function;
        while let Some(inner) = function {
            around.push(inner);
            function = unit.function(inner).parent;
        }
        let mut given = unit.assigns.iter().filter(|assign| {
            assign.function.is_some_and(|inner| around.contains(&inner))
                && unit.path(assign.target).as_deref() == Some(&*path)
        });
        given.any(|assign| {
            assign
                .value
                .is_some_and(|value| self.stands_for_sent(file, value, steps + 1))
        })
    }

    /// Whether a rule says that an expression stands for the caller.
    fn is_caller(&self, file: FileId, id: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let (Some(last), Some(path)) = (parsed.unit.last_name(id), parsed.unit.path(id)) else {
            return false;
        };
        let mut rules = self.index(file).names.candidates(last);
        rules.any(|(rule, pattern)| {
            let loaded = self.rule(rule);
            loaded.rule.link == Some(Link::Caller) && loaded.patterns[pattern].matches(&path)
        })
    }

    /// Whether a rule says that an expression is a parameter of the request.
    fn is_parameter(&self, file: FileId, id: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(last) = unit.last_name(id) else {
            return false;
        };
        let Some(path) = unit.path(id) else {
            return false;
        };
        let mut rules = self.index(file).mentions.candidates(last);
        rules.any(|(rule, pattern)| {
            let loaded = self.rule(rule);
            loaded.rule.link == Some(Link::Parameter)
                && loaded.patterns[pattern].matches(&path)
                && self.in_use(file, loaded.framework)
        })
    }

    /// Whether a condition asks a setting, or a method that only asks settings.
    fn switches(&self, file: FileId, condition: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(condition) {
            ExprKind::Unary { value, .. } => return self.switches(file, *value),
            ExprKind::Binary { op, left, right } if matches!(&**op, "&&" | "and") => {
                return self.switches(file, *left) && self.switches(file, *right);
            }
            _ => {}
        }
        if self.is_switch(file, condition, true) {
            return true;
        }
        let Value::Function(at, function) = self.eval(file, condition_callee(unit, condition))
        else {
            return false;
        };
        let other = self.project.parsed(at);
        let span = other.unit.function(function).span;
        let mut inside = other.unit.inside(span);
        inside.any(|id| self.is_switch(at, id, true)) && !self.reads_request(at, function, 0)
    }

    /// Whether a condition has this answer only if a setting says so, whoever asks.
    fn is_switch(&self, file: FileId, condition: ExprId, answer: bool) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let id = match unit.kind(condition) {
            ExprKind::Unary { op, value } => {
                return self.is_switch(file, *value, answer != is_not(op));
            }
            ExprKind::Binary { op, left, right } => {
                let sides = [left, right].map(|side| self.is_switch(file, *side, answer));
                return match (&**op, answer) {
                    // One side is enough where both must have the answer.
                    ("&&" | "and", true) | ("||" | "or", false) => sides.contains(&true),
                    ("&&" | "and", false) | ("||" | "or", true) => sides == [true, true],
                    _ => sides.contains(&true),
                };
            }
            ExprKind::Call { callee, .. } => *callee,
            ExprKind::Index { object, .. } => *object,
            _ => condition,
        };
        let (Some(last), Some(path)) = (unit.last_name(id), unit.path(id)) else {
            return false;
        };
        let mut rules = self.index(file).names.candidates(last);
        let named = rules.any(|(rule, pattern)| {
            let loaded = self.rule(rule);
            loaded.rule.link == Some(Link::Switch) && loaded.patterns[pattern].matches(&path)
        });
        // `return false unless require_authentication!`: what turns callers away asks no setting.
        named
            && match self.eval(file, id) {
                Value::Function(at, function) => !self.denies(at, function, 1),
                _ => true,
            }
    }
}

fn condition_callee(unit: &Unit, condition: ExprId) -> ExprId {
    match unit.kind(condition) {
        ExprKind::Call { callee, .. } => *callee,
        _ => condition,
    }
}

fn is_not(op: &str) -> bool {
    matches!(op, "!" | "not")
}
