//! Where a file makes values harmless: calls that clean, functions of the repository that hand on
//! what such a call gives, options that protect, texts that only a protection writes, and what lets
//! more through a sanitiser.

use super::*;

/// Parts of names that say what a function makes harmless.
const SPEAKING: [&str; 12] = [
    "html", "xss", "markup", "markdown", "escape", "quote", "csv", "formula", "tex", "path",
    "file", "url",
];

/// How a value is made harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// By a call that it goes through.
    Call,
    /// By an option that is set.
    Option,
    /// By a text that code writes out: `noopener`.
    Text,
    /// By a name in a list of what is hidden.
    Hidden,
    /// By the function of this name, whatever it is called for.
    Body,
    /// Not at all: more comes through.
    Allowance,
    /// Not at all: the text itself does harm.
    Harm,
}

/// One such place.
#[derive(Clone, Debug)]
pub(crate) struct Cleaner {
    pub(crate) id: ExprId,
    /// The rule that knows it, or that knows what it calls.
    pub(crate) rule: usize,
    pub(crate) how: How,
    /// What is called, set or written.
    pub(crate) name: String,
    /// What is made harmless.
    pub(crate) value: Option<ExprId>,
    /// Texts that say what comes through.
    pub(crate) allows: BTreeSet<String>,
}

impl Linker<'_> {
    /// The places of a file where values are made harmless.
    pub(crate) fn cleaners_in(&self, file: FileId) -> Vec<Cleaner> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let known: HashMap<ExprId, usize> = self.sanitisers_in(file).into_iter().collect();
        let mut all = Vec::new();
        for id in unit.ids() {
            match unit.kind(id) {
                ExprKind::Call { callee, args } => {
                    let name = unit.last_name(*callee).unwrap_or_default();
                    if let Some(rule) = known.get(&id) {
                        if self.is_borne_out(file, *callee, name)
                            && let Some(value) = self.cleaned(file, *rule, id)
                        {
                            let mut one = cleaner(id, *rule, How::Call, name, value);
                            one.allows = self.allowed_texts(file, args);
                            all.push(one);
                        }
                    } else if let Some(rule) = self.hands_on_clean(file, *callee, args) {
                        let value = args.iter().map(|arg| arg.value);
                        let mut value = value.filter(|value| !is_written(unit, *value));
                        if let Some(value) = value.next() {
                            all.push(cleaner(id, rule, How::Call, name, Some(value)));
                        }
                    }
                    self.allowance(file, id, *callee, name, args, &mut all);
                    let pairs = args.iter().filter_map(|arg| {
                        let name = arg.name.as_deref()?;
                        Some((name, arg.value))
                    });
                    self.options(file, id, &pairs.collect::<Vec<_>>(), &mut all);
                }
                ExprKind::Map(pairs) => {
                    let pairs = pairs
                        .iter()
                        .filter_map(|(name, value)| match unit.kind(*name) {
                            ExprKind::Name(name) | ExprKind::Str(name) => Some((&**name, *value)),
                            _ => None,
                        });
                    self.options(file, id, &pairs.collect::<Vec<_>>(), &mut all);
                }
                ExprKind::Str(text) => self.written_out(file, id, text, &mut all),
                ExprKind::List(items) => {
                    let texts: Vec<&str> =
                        items.iter().filter_map(|one| unit.literal(*one)).collect();
                    if texts.len() > 1 && texts.len() < 40 {
                        self.written_out(file, id, &texts.join(" "), &mut all);
                    }
                }
                _ => {}
            }
        }
        for assign in &unit.assigns {
            self.hidden(file, assign, &mut all);
        }
        for function in &unit.functions {
            self.body(file, function, &mut all);
        }
        all
    }

    /// Names in a list that is set: those of what no log shows.
    fn hidden(&self, file: FileId, assign: &Assign, all: &mut Vec<Cleaner>) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let (Some(value), Some(last)) = (assign.value, unit.last_name(assign.target)) else {
            return;
        };
        for (rule_id, pattern) in self.index(file).assigns.candidates(last) {
            let loaded = self.rule(rule_id);
            let path = unit.path(assign.target).unwrap_or_default();
            if loaded.rule.link != Some(Link::Sanitizer)
                || !loaded.patterns[pattern].matches(&path)
                || !self.allowed(file, loaded)
            {
                continue;
            }
            // Told as a redaction.
            if self.sensitivity().redaction().knows(last) {
                return;
            }
            for id in unit.descendants(value).into_iter().take(400) {
                if let ExprKind::Str(text) = unit.kind(id) {
                    all.push(cleaner(id, rule_id, How::Hidden, text, None));
                }
            }
        }
    }

    /// What a function looks for whose name says that it cleans.
    fn body(&self, file: FileId, function: &Function, all: &mut Vec<Cleaner>) {
        let Some(body) = function.body.filter(|_| function.declared) else {
            return;
        };
        let mut rules = self.index(file).calls.candidates(&function.name);
        let found = rules.find(|(rule, pattern)| {
            let loaded = self.rule(*rule);
            loaded.rule.link == Some(Link::Sanitizer)
                && !loaded.rule.operation.is_empty()
                && !loaded.rule.asks
                && !loaded.rule.default
                && loaded.rule.constraints.is_empty()
                && loaded.patterns[*pattern].receiver.is_none()
                && loaded.patterns[*pattern].matches(&function.name)
                && self.allowed(file, loaded)
        });
        if let Some((rule, _)) = found {
            let parsed = self.project.parsed(file);
            let mut one = cleaner(body, rule, How::Body, &function.name, None);
            for id in parsed.unit.inside(parsed.unit.expr(body).span).take(4000) {
                if let ExprKind::Str(text) = parsed.unit.kind(id)
                    && !text.is_empty()
                    && text.len() < 200
                    && !text.contains(' ')
                {
                    one.allows.insert(text.to_string());
                }
            }
            all.push(one);
        }
    }

    /// Whether a function is called by a framework by its name.
    pub(crate) fn is_hook(&self, file: FileId, name: &str) -> bool {
        let mut rules = self.index(file).names.candidates(name);
        rules.any(|(rule, pattern)| {
            let loaded = self.rule(rule);
            loaded.rule.link == Some(Link::Hook)
                && loaded.patterns[pattern].matches(name)
                && self.allowed(file, loaded)
        })
    }

    /// Whether a function of the repository whose name says little does what its name says: it calls a
    /// sanitiser, or looks for signs that have a meaning somewhere.
    fn is_borne_out(&self, file: FileId, callee: ExprId, name: &str) -> bool {
        let lower = name.to_lowercase();
        if SPEAKING.iter().any(|word| lower.contains(word)) {
            return true;
        }
        let Value::Function(at, function) = self.eval(file, callee) else {
            return true;
        };
        let parsed = self.project.parsed(at);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        let mut known = self.sanitisers_in(at).into_iter();
        known.any(|(id, _)| span.holds(unit.expr(id).span))
            || unit.inside(span).any(|id| match unit.kind(id) {
                ExprKind::Str(text) => {
                    text.len() < 60
                        && (text.starts_with("[^")
                            || text.contains(['<', '>', '&', '"', '\'', '\n', '\r', '\\']))
                }
                _ => false,
            })
    }

    /// What a sanitiser is handed; nothing at all where that is written down.
    fn cleaned(&self, file: FileId, rule: usize, id: ExprId) -> Option<Option<ExprId>> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let ExprKind::Call { callee, args } = unit.kind(id) else {
            return None;
        };
        let selectors = &self.rule(rule).rule.reaches;
        if !selectors.is_empty() {
            let picked = self.exprs(&self.matched(file, id), selectors);
            let value = picked.into_iter().map(|(_, value)| value);
            let mut value = value.filter(|value| !is_written(unit, *value));
            return value.next().map(Some);
        }
        // A class says by its own name, or a symbol, what is cleaned; a decorator what it is about.
        let span = unit.expr(id).span;
        let functions = unit.functions.iter().flat_map(|one| &one.decorators);
        let classes = unit.classes.iter().flat_map(|one| &one.decorators);
        let decorates = functions
            .chain(classes)
            .any(|one| unit.expr(*one).span.holds(span));
        if decorates || unit.expr(id).function.is_none() && unit.expr(id).class.is_some() {
            return Some(args.first().map(|arg| arg.value));
        }
        let mut values = args.iter().map(|arg| arg.value);
        if let Some(value) = values.find(|value| !is_written(unit, *value)) {
            return Some(Some(value));
        }
        match unit.kind(*callee) {
            ExprKind::Member { object, .. } if !is_written(unit, *object) => Some(Some(*object)),
            // What is made, and hands on nothing: a sandbox.
            ExprKind::Name(_) if args.is_empty() => Some(None),
            _ => None,
        }
    }

    /// The rule of the sanitiser through which everything goes that a called function of the
    /// repository gives.
    fn hands_on_clean(&self, file: FileId, callee: ExprId, args: &[Arg]) -> Option<usize> {
        if args.is_empty() {
            return None;
        }
        let Value::Function(at, function) = self.eval(file, callee) else {
            return None;
        };
        let parsed = self.project.parsed(at);
        let unit = &parsed.unit;
        let body = unit.function(function).body?;
        let known: HashMap<ExprId, usize> = self.sanitisers_in(at).into_iter().collect();
        let mut given: Vec<ExprId> = unit
            .descendants(body)
            .into_iter()
            .filter_map(|id| match unit.kind(id) {
                ExprKind::Exit {
                    kind: ExitKind::Return,
                    value,
                } => *value,
                _ => None,
            })
            .collect();
        if given.is_empty() {
            given.push(last_of(unit, body));
        }
        let mut found = None;
        for id in given {
            let id = unwrapped(unit, id);
            match known.get(&id) {
                Some(rule) if !self.rule(*rule).rule.asks => found = Some(*rule),
                _ if is_written(unit, id) || matches!(unit.kind(id), ExprKind::Name(_)) => {}
                _ => return None,
            }
        }
        found
    }

    /// Options that protect, in a map or among named arguments.
    fn options(&self, file: FileId, id: ExprId, pairs: &[(&str, ExprId)], all: &mut Vec<Cleaner>) {
        if pairs.is_empty() {
            return;
        }
        for rule_id in &self.index(file).maps {
            let loaded = self.rule(*rule_id);
            let how = match loaded.rule.link {
                Some(Link::Sanitizer) => How::Option,
                Some(Link::Allowance) => How::Allowance,
                _ => continue,
            };
            let mut value = None;
            let holds = loaded.rule.has.iter().all(|(key, pattern)| {
                pairs.iter().any(|(name, given)| {
                    value = Some(*given);
                    *name == key.as_str()
                        && (pattern == "*"
                            || self
                                .word(file, *given)
                                .is_some_and(|word| wild(pattern, &word)))
                })
            });
            if !holds || !self.allowed(file, loaded) {
                continue;
            }
            let name: Vec<&str> = loaded.rule.has.keys().map(String::as_str).collect();
            let mut one = cleaner(id, *rule_id, how, &name.join(", "), None);
            if how == How::Allowance {
                let value: Vec<ExprId> = value.into_iter().collect();
                one.allows = self.texts_below(file, &value);
            }
            all.push(one);
        }
    }

    /// A call that lets more through a sanitiser.
    fn allowance(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
        name: &str,
        args: &[Arg],
        all: &mut Vec<Cleaner>,
    ) {
        let mut rules = self.call_rules(file, callee, name).into_iter();
        let found = rules.find(|(rule, pattern)| {
            let loaded = self.rule(*rule);
            loaded.rule.link == Some(Link::Allowance)
                && self.fits_call(file, callee, name, *rule, *pattern)
        });
        if let Some((rule, _)) = found {
            let mut one = cleaner(id, rule, How::Allowance, name, None);
            let values: Vec<ExprId> = args.iter().map(|arg| arg.value).collect();
            one.allows = self.texts_below(file, &values);
            all.push(one);
        }
    }

    fn written_out(&self, file: FileId, id: ExprId, text: &str, all: &mut Vec<Cleaner>) {
        for rule_id in &self.index(file).written {
            let loaded = self.rule(*rule_id);
            let how = match loaded.rule.link {
                Some(Link::Sanitizer) => How::Text,
                _ if loaded.rule.fact.is_some() => How::Harm,
                _ => continue,
            };
            if text.len() > 4000 {
                continue;
            }
            let mut patterns = loaded.written.iter();
            if let Some(found) = patterns.find_map(|pattern| pattern.find(text))
                && self.allowed(file, loaded)
            {
                all.push(cleaner(id, *rule_id, how, found.as_str(), None));
                return;
            }
        }
    }

    /// The texts of lists that a sanitiser is handed; what stands in its map of options is told by itself.
    fn allowed_texts(&self, file: FileId, args: &[Arg]) -> BTreeSet<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let lists = args
            .iter()
            .map(|arg| arg.value)
            .filter(|value| matches!(unit.kind(*value), ExprKind::List(_) | ExprKind::Name(_)));
        self.texts_below(file, &lists.collect::<Vec<_>>())
    }

    fn texts_below(&self, file: FileId, values: &[ExprId]) -> BTreeSet<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut texts = BTreeSet::new();
        for value in values {
            let value = match unit.kind(*value) {
                ExprKind::Name(name) => {
                    let mut given = unit.assigns_to(name).filter(|one| one.function.is_none());
                    match given.next().and_then(|one| one.value) {
                        Some(value) => value,
                        None => continue,
                    }
                }
                _ => *value,
            };
            for id in unit.descendants(value).into_iter().take(400) {
                if let ExprKind::Str(text) = unit.kind(id)
                    && !text.is_empty()
                    && text.len() < 40
                {
                    texts.insert(text.to_string());
                }
            }
        }
        texts
    }
}

fn cleaner(id: ExprId, rule: usize, how: How, name: &str, value: Option<ExprId>) -> Cleaner {
    Cleaner {
        id,
        rule,
        how,
        name: name.to_owned(),
        value,
        allows: BTreeSet::new(),
    }
}

/// Nothing of it is known only when the program runs.
fn is_written(unit: &Unit, id: ExprId) -> bool {
    match unit.kind(id) {
        ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null => true,
        ExprKind::Template(parts) => parts.iter().all(|part| is_written(unit, *part)),
        ExprKind::Function(_) | ExprKind::Class(_) => true,
        _ => false,
    }
}

/// What a function gives whose body is one expression.
fn last_of(unit: &Unit, body: ExprId) -> ExprId {
    match unit.kind(body) {
        ExprKind::Block(items) => items.last().map_or(body, |last| last_of(unit, *last)),
        _ => body,
    }
}

/// Without what only names its type.
fn unwrapped(unit: &Unit, id: ExprId) -> ExprId {
    match unit.kind(id) {
        ExprKind::Await(inner) => unwrapped(unit, *inner),
        ExprKind::Other(parts) if parts.len() == 1 => unwrapped(unit, parts[0]),
        _ => id,
    }
}
