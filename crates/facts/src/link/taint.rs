//! Where a value comes from: whether a caller chooses it, whether it was made harmless on the way,
//! and whether it was put together from parts.
//!
//! Sources, sanitisers and what carries a value on are rules. A value is followed backwards within
//! its function, through variables, texts that are put together and one function of the repository
//! that makes it; a parameter is what callers hand in. All of it is bounded.

use super::select::Matched;
use super::*;
use crate::fact::FactKind;
use crate::project::{Target, param_name};

/// Steps of one question.
const MAX_STEPS: u32 = 400;

/// Functions that are gone through.
const MAX_HOPS: u32 = 2;

/// Calls of a function that are looked at.
const MAX_CALLERS: usize = 40;

/// Operations that only the beginning of a text steers: the host of a URL, the target of a redirect.
const BY_BEGINNING: [&str; 2] = ["outbound", "redirect"];

/// The place of what a language model wrote.
const MODEL: &str = "model";

/// What is known of where a value comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trace {
    /// The words by which the request is read.
    pub(crate) request: Option<String>,
    /// The call by which a language model was asked that wrote it.
    pub(crate) model: Option<String>,
    /// Something that is not known before the program runs.
    pub(crate) computed: bool,
    /// A text that is put together with such a part.
    pub(crate) built: bool,
    /// A part was made harmless.
    pub(crate) cleaned: bool,
    /// What made it harmless for just this, or asked whether it is.
    pub(crate) by: BTreeSet<String>,
    /// Parameters of functions that it depends on.
    pub(crate) params: BTreeSet<(FileId, FnId, usize)>,
}

impl Trace {
    fn unknown() -> Self {
        Self {
            computed: true,
            ..Self::default()
        }
    }

    fn clean() -> Self {
        Self {
            cleaned: true,
            ..Self::default()
        }
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.request = self.request.or(other.request);
        self.model = self.model.or(other.model);
        self.computed |= other.computed;
        self.built |= other.built;
        self.cleaned |= other.cleaned;
        self.params.extend(other.params);
        self.by.extend(other.by);
        self
    }

    fn clean_by(name: &str) -> Self {
        if name.is_empty() {
            return Self::clean();
        }
        Self {
            by: BTreeSet::from([name.to_owned()]),
            ..Self::clean()
        }
    }

    /// The word for the argument; `bound` says that values are handed over apart.
    pub(crate) fn word(&self, bound: bool) -> &'static str {
        match self {
            Self {
                request: Some(_), ..
            } => "request",
            Self { model: Some(_), .. } => "model",
            Self { built: true, .. } => "built",
            Self { computed: true, .. } => "unknown",
            Self { cleaned: true, .. } => "sanitised",
            _ if bound => "parameterised",
            _ => "constant",
        }
    }
}

/// A dangerous call, assignment or map, and the rule that names it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: ExprId,
    pub(crate) rule: usize,
    pub(crate) matched: Matched,
}

/// What one file holds for these questions.
#[derive(Debug, Default)]
struct Sites {
    sinks: Vec<Found>,
    /// Conditions and calls that may ask whether a name is harmless.
    questions: Vec<(ExprId, Option<FnId>)>,
    /// What only some runs go through.
    branches: Vec<Span>,
    /// Calls that are handed something.
    calls: Vec<ExprId>,
    /// Calls that make a value harmless for something, with the rule that says so.
    sanitisers: Vec<(ExprId, usize)>,
}

/// Calls of the repository by the last name of what they call.
type CallsByName = HashMap<Box<str>, Vec<(FileId, ExprId)>>;

/// What is remembered.
#[derive(Default)]
pub(crate) struct Flow {
    sites: RefCell<HashMap<FileId, Arc<Sites>>>,
    /// Names in the paths of the endpoints that a function answers.
    paths: RefCell<HashMap<(FileId, FnId), BTreeSet<String>>>,
    calls: std::cell::OnceCell<CallsByName>,
    taken: RefCell<HashMap<(FileId, FnId, usize), Taken>>,
    dangers: RefCell<HashMap<(FileId, FnId, u32), Dangers>>,
}

/// Parameters that reach dangerous calls, with the operations.
type Dangers = Arc<Vec<(usize, String)>>;

/// What a parameter of a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// The caller of the endpoint chooses it.
    Request,
    /// So it is, but its type leaves nothing harmful.
    Clean,
    /// Another function hands it in.
    Own,
}

/// One question.
struct Walk<'w> {
    operation: &'w str,
    steps: u32,
    hops: u32,
}

impl Linker<'_> {
    /// Remembers the names in the path of an endpoint that a function answers.
    pub(crate) fn remember_path(&self, file: FileId, function: FnId, names: Vec<String>) {
        let mut paths = self.flow.paths.borrow_mut();
        paths.entry((file, function)).or_default().extend(names);
    }

    /// Where the value of an expression comes from, where this is done with it.
    pub(crate) fn trace(&self, file: FileId, id: ExprId, operation: &str) -> Trace {
        let mut walk = Walk {
            operation,
            steps: 0,
            hops: 0,
        };
        self.follow(file, id, &mut walk)
    }

    /// The dangerous calls of a file.
    pub(crate) fn sinks_in(&self, file: FileId) -> Vec<Found> {
        self.sites(file).sinks.clone()
    }

    /// The calls of a file that make values harmless for something, with what for.
    pub(crate) fn sanitisers_in(&self, file: FileId) -> Vec<(ExprId, usize)> {
        self.sites(file).sanitisers.clone()
    }

    /// Whether any of the parameters is handed, by the callers of their functions, what a request
    /// brings.
    pub(crate) fn handed_by_request(&self, trace: &Trace, operation: &str) -> Option<String> {
        trace.params.iter().find_map(|(file, function, index)| {
            self.calls_to(*file, *function)
                .into_iter()
                .find_map(|(at, call)| {
                    let value = self.argument(at, call, *file, *function, *index)?;
                    self.trace(at, value, operation).request
                })
        })
    }

    /// What a call of a function of the repository hands to dangerous calls there: the operation,
    /// the words by which the request is read, and the function.
    pub(crate) fn reaches_through(
        &self,
        file: FileId,
        call: ExprId,
    ) -> Vec<(String, String, FnId, FileId)> {
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, args } = parsed.unit.kind(call) else {
            return Vec::new();
        };
        if args.is_empty() {
            return Vec::new();
        }
        let Value::Function(at, function) = self.eval(file, *callee) else {
            return Vec::new();
        };
        let mut all: Vec<(String, String, FnId, FileId)> = Vec::new();
        for (index, operation) in self.dangers(at, function, 0).iter() {
            if all.iter().any(|(known, ..)| known == operation) {
                continue;
            }
            let Some(value) = self.argument(file, call, at, function, *index) else {
                continue;
            };
            if let Some(words) = self.trace(file, value, operation).request {
                all.push((operation.clone(), words, function, at));
            }
        }
        all
    }

    /// The parameters of a function that reach dangerous calls in it, or in a function that it
    /// hands them on to, each with the operation.
    fn dangers(&self, file: FileId, function: FnId, depth: u32) -> Dangers {
        // How deep the question is decides how far it goes.
        let key = (file, function, depth);
        if let Some(known) = self.flow.dangers.borrow().get(&key) {
            return known.clone();
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        let sites = self.sites(file);
        let mut all: BTreeSet<(usize, String)> = BTreeSet::new();
        let mut add = |trace: &Trace, operation: &str| {
            if trace.request.is_some() {
                return;
            }
            for (owner, of, index) in &trace.params {
                if (*owner, *of) == (file, function) {
                    all.insert((*index, operation.to_owned()));
                }
            }
        };
        for sink in &sites.sinks {
            let Some(operation) = self.rule(sink.rule).rule.operation.first() else {
                continue;
            };
            // What these are told is judged by its name.
            let by_name = matches!(&**operation, "log" | "disclose");
            if !by_name && span.holds(unit.expr(sink.id).span) {
                for (at, id) in self.handed_to(sink) {
                    add(&self.trace(at, id, operation), operation);
                }
            }
        }
        let inside = sites
            .calls
            .iter()
            .filter(|call| span.holds(unit.expr(**call).span));
        for call in inside.filter(|_| depth < MAX_HOPS) {
            let ExprKind::Call { callee, .. } = unit.kind(*call) else {
                continue;
            };
            let Value::Function(at, other) = self.eval(file, *callee) else {
                continue;
            };
            for (index, operation) in self.dangers(at, other, depth + 1).iter() {
                if let Some(value) = self.argument(file, *call, at, other, *index) {
                    add(&self.trace(file, value, operation), operation);
                }
            }
        }
        let all: Dangers = Arc::new(all.into_iter().collect());
        self.flow.dangers.borrow_mut().insert(key, all.clone());
        all
    }

    /// What a dangerous call is handed that may do harm.
    pub(crate) fn handed_to(&self, sink: &Found) -> Vec<(FileId, ExprId)> {
        let selectors = self.rule(sink.rule).rule.reaches.iter();
        let mut all = Vec::new();
        for one in selectors.flat_map(|one| self.exprs(&sink.matched, std::slice::from_ref(one))) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// The text that an expression begins with, as far as it is known.
    pub(crate) fn beginning(&self, file: FileId, id: ExprId) -> String {
        self.path_text(file, id).text
    }

    fn sites(&self, file: FileId) -> Arc<Sites> {
        if let Some(known) = self.flow.sites.borrow().get(&file) {
            return known.clone();
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut sites = Sites::default();
        for id in unit.ids() {
            match unit.kind(id) {
                ExprKind::Call { callee, args } => {
                    if !args.is_empty() {
                        sites.calls.push(id);
                    }
                    let Some(last) = unit.last_name(*callee) else {
                        continue;
                    };
                    let rules = self.call_rules(file, *callee, last);
                    if rules.is_empty() {
                        continue;
                    }
                    self.sinks_of_call(file, id, *callee, last, &rules, &mut sites.sinks);
                    let definite = rules.iter().find(|(rule, pattern)| {
                        let rule_of = &self.rule(*rule).rule;
                        rule_of.link == Some(Link::Sanitizer)
                            && !rule_of.operation.is_empty()
                            && !rule_of.default
                            && self.fits_call(file, *callee, last, *rule, *pattern)
                            && (rule_of.constraints.is_empty()
                                || self.holds(&self.matched(file, id), &rule_of.constraints))
                    });
                    if let Some((rule, _)) = definite {
                        sites.sanitisers.push((id, *rule));
                    }
                    let asks = rules.iter().any(|(rule, _)| self.rule(*rule).rule.asks);
                    if asks {
                        sites.questions.push((id, unit.expr(id).function));
                    }
                }
                ExprKind::Binary { op, .. } if matches!(&**op, "in" | "not in" | "==" | "===") => {
                    sites.questions.push((id, unit.expr(id).function));
                }
                ExprKind::Branch { .. } => sites.branches.push(unit.expr(id).span),
                ExprKind::Map(pairs) if !pairs.is_empty() => {
                    self.sinks_of_map(file, id, pairs, &mut sites.sinks);
                }
                _ => {}
            }
        }
        for assign in &unit.assigns {
            self.sinks_of_assign(file, assign, &mut sites.sinks);
        }
        let dead = unreached(unit);
        if !dead.is_empty() {
            sites.sinks.retain(|sink| {
                let at = unit.expr(sink.id);
                !dead
                    .iter()
                    .any(|(span, function)| span.holds(at.span) && at.function == *function)
            });
        }
        let sites = Arc::new(sites);
        self.flow.sites.borrow_mut().insert(file, sites.clone());
        sites
    }

    fn sinks_of_call(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
        last: &str,
        rules: &[(usize, usize)],
        sinks: &mut Vec<Found>,
    ) {
        let mut operations: BTreeSet<&str> = BTreeSet::new();
        let mut matched = None;
        for (rule_id, pattern) in rules {
            let loaded = self.rule(*rule_id);
            let rule = &loaded.rule;
            let Some(operation) = rule.operation.first().filter(|_| is_sink(loaded)) else {
                continue;
            };
            if operations.contains(&**operation)
                || !self.fits_call(file, callee, last, *rule_id, *pattern)
            {
                continue;
            }
            let matched = matched.get_or_insert_with(|| self.matched(file, id));
            let around = &rule.inside_call;
            let inside = around.is_empty() || self.stands_inside(file, id, around);
            if inside && self.holds(matched, &rule.constraints) {
                operations.insert(operation);
                sinks.push(Found {
                    id,
                    rule: *rule_id,
                    matched: matched.clone(),
                });
            }
        }
    }

    fn sinks_of_map(
        &self,
        file: FileId,
        id: ExprId,
        pairs: &[(ExprId, ExprId)],
        sinks: &mut Vec<Found>,
    ) {
        let parsed = self.project.parsed(file);
        for rule_id in &self.index(file).maps {
            let loaded = self.rule(*rule_id);
            if !is_sink(loaded) || !self.allowed(file, loaded) {
                continue;
            }
            let all = loaded.rule.has.keys().all(|key| {
                pairs.iter().any(|(name, _)| {
                    matches!(parsed.unit.kind(*name), ExprKind::Name(name) | ExprKind::Str(name) if **name == **key)
                })
            });
            if all {
                let args = vec![Arg {
                    name: None,
                    value: id,
                    spread: false,
                }];
                sinks.push(Found {
                    id,
                    rule: *rule_id,
                    matched: Matched {
                        file,
                        callee: None,
                        args,
                        value: Some(id),
                    },
                });
            }
        }
    }

    fn sinks_of_assign(&self, file: FileId, assign: &Assign, sinks: &mut Vec<Found>) {
        let parsed = self.project.parsed(file);
        let Some(value) = assign.value else { return };
        let ExprKind::Member { property, .. } = parsed.unit.kind(assign.target) else {
            return;
        };
        for (rule_id, pattern) in self.index(file).assigns.candidates(property) {
            let loaded = self.rule(rule_id);
            if is_sink(loaded)
                && loaded.patterns[pattern].receiver.is_some()
                && loaded.patterns[pattern].matches(property)
                && self.imports(file, loaded.framework)
                && self.allowed(file, loaded)
            {
                sinks.push(Found {
                    id: assign.target,
                    rule: rule_id,
                    matched: Matched {
                        file,
                        callee: Some(assign.target),
                        args: Vec::new(),
                        value: Some(value),
                    },
                });
            }
        }
    }

    /// Whether the pattern of a rule fits what is called, and the rule may speak here.
    pub(super) fn fits_call(
        &self,
        file: FileId,
        callee: ExprId,
        last: &str,
        rule_id: usize,
        pattern: usize,
    ) -> bool {
        let loaded = self.rule(rule_id);
        let pattern = &loaded.patterns[pattern];
        if !self.allowed(file, loaded) {
            return false;
        }
        match pattern.receiver {
            Some(_) => {
                let parsed = self.project.parsed(file);
                let member = matches!(parsed.unit.kind(callee), ExprKind::Member { .. });
                member && self.imports(file, loaded.framework) && pattern.matches(last)
            }
            // By what it is, or as it is written: `c.Param` whatever type `c` has.
            None => {
                let fits = |name: Option<String>| name.is_some_and(|name| pattern.matches(&name));
                fits(self.name_of(file, callee))
                    || fits(self.project.parsed(file).unit.path(callee))
            }
        }
    }

    /// The first rule with this meaning that fits a call.
    pub(super) fn flow_rule(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
        wanted: impl Fn(&LoadedRule) -> bool,
    ) -> Option<usize> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let rules = self.call_rules(file, callee, last).into_iter();
        let mut rules = rules.filter(|(rule, _)| wanted(self.rule(*rule)));
        let found = rules.find(|(rule, pattern)| {
            let constraints = &self.rule(*rule).rule.constraints;
            self.fits_call(file, callee, last, *rule, *pattern)
                && (constraints.is_empty() || self.holds(&self.matched(file, id), constraints))
        });
        found.map(|(rule, _)| rule)
    }

    /// Whether a call writes into a log.
    pub(crate) fn is_log(&self, file: FileId, id: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, .. } = parsed.unit.kind(id) else {
            return false;
        };
        let log = |loaded: &LoadedRule| {
            loaded.rule.fact == Some(FactKind::Sink)
                && loaded.rule.operation.iter().any(|one| one == "log")
        };
        self.flow_rule(file, id, *callee, log).is_some()
    }

    /// The words of a place of the request, if the expression is one.
    fn read_from(&self, file: FileId, id: ExprId, walk: &Walk<'_>) -> Option<String> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(id)?;
        let mut path = None;
        let mut rules = self.index(file).mentions.candidates(last);
        rules.find_map(|(rule_id, pattern)| {
            let loaded = self.rule(rule_id);
            let rule = &loaded.rule;
            if !matches!(rule.link, Some(Link::Parameter | Link::Source))
                || matches!(rule.place.as_deref(), Some("session" | MODEL))
                || !concerns(rule, walk.operation)
            {
                return None;
            }
            let path = path.get_or_insert_with(|| parsed.unit.path(id).unwrap_or_default());
            let reads = loaded.patterns[pattern].matches(path)
                && self.in_use(file, loaded.framework)
                && self.allowed(file, loaded);
            reads.then(|| path.clone())
        })
    }

    fn follow(&self, file: FileId, id: ExprId, walk: &mut Walk<'_>) -> Trace {
        walk.steps += 1;
        if walk.steps > MAX_STEPS {
            return Trace::unknown();
        }
        let followed = self.deeper(|| self.follow_inner(file, id, walk));
        followed.unwrap_or_else(Trace::unknown)
    }

    fn follow_inner(&self, file: FileId, id: ExprId, walk: &mut Walk<'_>) -> Trace {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(id) {
            ExprKind::Str(_)
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::Null
            | ExprKind::Function(_)
            | ExprKind::Class(_) => Trace::default(),
            ExprKind::Template(parts) => self.together(file, parts, walk),
            ExprKind::Binary { op, left, right } => match &**op {
                "==" | "!=" | "===" | "!==" | "<" | ">" | "<=" | ">=" | "in" | "not in"
                | "instanceof" | "is" => Trace::default(),
                "-" | "*" | "/" | "<<" | ">>" | "&" | "^" if !self.path_like(walk, op) => {
                    let trace = self.all(file, &[*left, *right], walk);
                    match trace.computed || trace.request.is_some() {
                        true => Trace::clean(),
                        false => trace,
                    }
                }
                "||" | "??" | "or" | "and" | "&&" | "?:" => self.all(file, &[*left, *right], walk),
                _ => {
                    let mut parts = Vec::new();
                    operands(unit, id, &mut parts, 0);
                    self.together(file, &parts, walk)
                }
            },
            ExprKind::Unary { op, .. } if matches!(&**op, "!" | "not" | "-" | "~") => {
                Trace::default()
            }
            ExprKind::Unary { value, .. } | ExprKind::Await(value) => {
                self.follow(file, *value, walk)
            }
            ExprKind::List(items) => {
                let mut of = self.all(file, items, walk);
                // Words of a command that no shell reads.
                of.built &= walk.operation != "command";
                of
            }
            ExprKind::Other(items) => self.all(file, items, walk),
            // Under a key that is written down a value chooses no operators.
            ExprKind::Map(_) if walk.operation == "nosql" => Trace::clean(),
            ExprKind::Map(pairs) => {
                let values: Vec<ExprId> = pairs.iter().map(|(_, value)| *value).collect();
                self.all(file, &values, walk)
            }
            ExprKind::Branch {
                then, otherwise, ..
            } => {
                let ways: Vec<ExprId> = [Some(*then), *otherwise].into_iter().flatten().collect();
                self.all(file, &ways, walk)
            }
            ExprKind::Block(items) => match items.last() {
                Some(last) => self.follow(file, *last, walk),
                None => Trace::default(),
            },
            ExprKind::Assign(index) => match unit.assigns[*index as usize].value {
                Some(value) => self.follow(file, value, walk),
                None => Trace::default(),
            },
            ExprKind::Exit { value, .. } => match value {
                Some(value) => self.follow(file, *value, walk),
                None => Trace::default(),
            },
            ExprKind::Index { object, index } => {
                if let Some(words) = self
                    .read_from(file, *object, walk)
                    .or(self.read_from(file, id, walk))
                {
                    return self.requested(file, id, words, walk);
                }
                if self.is_clean_name(file, id, walk) {
                    return Trace::clean();
                }
                let of = self.follow(file, *object, walk);
                // One of the values of a table that is written down.
                if of.request.is_none() && !of.computed && !index.is_empty() {
                    return Trace::clean();
                }
                self.unless_asked(file, id, of, walk)
            }
            ExprKind::Member { object, property } => {
                let read = self
                    .read_from(file, id, walk)
                    .or_else(|| self.read_from(file, *object, walk));
                if let Some(words) = read {
                    return self.requested(file, id, words, walk);
                }
                if let Value::Str(_) = self.eval(file, id) {
                    return Trace::default();
                }
                if is_constant_name(property) || self.is_clean_name(file, id, walk) {
                    return Trace::clean();
                }
                if unit.bare_calls.contains(&id) || self.is_value(file, *object) {
                    let mut of = self.follow(file, *object, walk);
                    of.computed = true;
                    return self.unless_asked(file, id, of, walk);
                }
                self.unless_asked(file, id, Trace::unknown(), walk)
            }
            ExprKind::Name(name) => {
                if let Some(words) = self.read_from(file, id, walk) {
                    return self.requested(file, id, words, walk);
                }
                let expr = unit.expr(id);
                self.of_name(file, name, expr.function, expr.span.start, walk)
            }
            ExprKind::Call { callee, args } => self.of_call(file, id, *callee, args, walk),
        }
    }

    /// In paths `/` puts together what it stands between.
    fn path_like(&self, walk: &Walk<'_>, op: &str) -> bool {
        op == "/" && walk.operation == "path"
    }

    /// Whether an object is a value that is handed on, and no module or class.
    fn is_value(&self, file: FileId, object: ExprId) -> bool {
        !matches!(
            self.eval(file, object),
            Value::Module(_) | Value::Class(..) | Value::External(_) | Value::Function(..)
        ) || matches!(
            self.project.parsed(file).unit.kind(object),
            ExprKind::Call { .. } | ExprKind::Index { .. }
        ) || self.is_given(file, object, 0)
    }

    /// Whether an object is a variable that holds what a call gave, or a part of one, wherever the function stands.
    fn is_given(&self, file: FileId, object: ExprId, depth: u32) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(object) {
            ExprKind::Member { object, .. } if depth < 8 => self.is_given(file, *object, depth + 1),
            ExprKind::Index { .. } | ExprKind::Call { .. } => depth > 0,
            ExprKind::Name(name) => {
                let expr = unit.expr(object);
                let found = self
                    .project
                    .lookup(file, name, expr.function, expr.span.start);
                let Target::Assign(at, index) = found else {
                    return false;
                };
                let parsed = self.project.parsed(at);
                let assign = &parsed.unit.assigns[index as usize];
                // What a module holds for all is set up, and not handed on.
                assign.function.is_some()
                    && assign.value.is_some_and(|value| {
                        matches!(
                            parsed.unit.kind(value),
                            ExprKind::Call { .. } | ExprKind::Await(_) | ExprKind::Index { .. }
                        )
                    })
            }
            _ => false,
        }
    }

    fn all(&self, file: FileId, ids: &[ExprId], walk: &mut Walk<'_>) -> Trace {
        ids.iter()
            .map(|id| self.follow(file, *id, walk))
            .fold(Trace::default(), Trace::and)
    }

    /// A text that is put together.
    fn together(&self, file: FileId, parts: &[ExprId], walk: &mut Walk<'_>) -> Trace {
        let mut trace = Trace::default();
        let by_beginning = BY_BEGINNING.contains(&walk.operation);
        let parsed = self.project.parsed(file);
        let mut texts = false;
        for part in parts {
            if let ExprKind::Str(text) = parsed.unit.kind(*part) {
                texts |= !text.trim().is_empty();
                if by_beginning && !is_open(text) {
                    break;
                }
                continue;
            }
            let of = self.follow(file, *part, walk);
            // What stands behind the beginning chooses no host.
            let begun = of.computed || of.request.is_some();
            trace = trace.and(of);
            if by_beginning && begun {
                break;
            }
        }
        trace.built |= texts && (trace.computed || trace.request.is_some());
        trace
    }

    /// The trace of a part of a value, unless something asks whether just this part is harmless.
    fn unless_asked(&self, file: FileId, id: ExprId, of: Trace, walk: &Walk<'_>) -> Trace {
        if !of.computed {
            return of;
        }
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        let shown = crate::text::render(&parsed.unit, id);
        match self.asked(file, expr.function, &shown, expr.span.start, walk) {
            Some(by) => Trace::clean_by(&by),
            None => of,
        }
    }

    fn requested(&self, file: FileId, id: ExprId, words: String, walk: &Walk<'_>) -> Trace {
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        let shown = crate::text::render(&parsed.unit, id);
        if let Some(by) = self.asked(file, expr.function, &shown, expr.span.start, walk) {
            return Trace::clean_by(&by);
        }
        Trace {
            request: Some(words),
            computed: true,
            ..Trace::default()
        }
    }

    fn of_name(
        &self,
        file: FileId,
        name: &str,
        function: Option<FnId>,
        before: u32,
        walk: &mut Walk<'_>,
    ) -> Trace {
        if is_constant_name(name) {
            return Trace::default();
        }
        let target = self.project.lookup(file, name, function, before);
        let trace = match target {
            Target::Assign(at, index) => self.of_variable(at, index, name, function, before, walk),
            Target::Param(at, owner, index) => self.of_parameter(at, owner, index),
            Target::Unknown => match self.taken_apart(file, name, function, before, walk) {
                Some(trace) => trace,
                None => Trace::unknown(),
            },
            _ => Trace::unknown(),
        };
        if trace.request.is_none() && self.is_clean_word(file, name, walk) {
            return Trace::clean();
        }
        if trace.computed
            && let Some(by) = self.asked(file, function, name, before, walk)
        {
            return Trace::clean_by(&by);
        }
        trace
    }

    /// What a variable was given before the place, and what was put behind it.
    fn of_variable(
        &self,
        file: FileId,
        index: u32,
        name: &str,
        function: Option<FnId>,
        before: u32,
        walk: &mut Walk<'_>,
    ) -> Trace {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let first = &unit.assigns[index as usize];
        let own = |assign: &&Assign| assign.function == first.function;
        let sites = self.sites(file);
        let some_runs = |span: Span| {
            sites.branches.iter().any(|branch| {
                branch.holds(span) && !(branch.start <= before && before < branch.end)
            })
        };
        let mut trace = Trace::default();
        let mut grown = false;
        let given = unit.assigns_to(name).filter(own).filter(|assign| {
            let known = assign
                .block
                .is_none_or(|block| block.start <= before && before < block.end);
            known && assign.span.end <= before || std::ptr::eq(*assign, first)
        });
        for assign in given {
            let Some(value) = assign.value else { continue };
            let spans = unit.expr(value).span;
            if spans.start <= before && before < spans.end && function == assign.function {
                continue;
            }
            // `x = clean(x)` stands in the place of what was before, unless only some runs do it.
            let certain = !assign.extends && !some_runs(assign.span);
            let ty = assign.ty.as_deref();
            let of = match ty.is_some_and(|ty| self.is_clean_type(file, ty)) {
                true => Trace::clean(),
                false => self.follow(file, value, walk),
            };
            grown |= assign.extends;
            trace = if certain { of } else { trace.and(of) };
        }
        if first.extends || grown {
            trace.built |= trace.computed || trace.request.is_some();
        }
        trace
    }

    /// A name that an assignment takes out of a value: `const { q } = req.query`.
    fn taken_apart(
        &self,
        file: FileId,
        name: &str,
        function: Option<FnId>,
        before: u32,
        walk: &mut Walk<'_>,
    ) -> Option<Trace> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut scope = function;
        while let Some(id) = scope {
            let own = unit
                .assigns_to_others()
                .filter(|assign| assign.function == Some(id) && assign.span.end <= before);
            for assign in own {
                let parts: Vec<ExprId> = match unit.kind(assign.target) {
                    ExprKind::Map(pairs) => pairs.iter().map(|(_, value)| *value).collect(),
                    ExprKind::List(items) | ExprKind::Other(items) => items.clone(),
                    _ => continue,
                };
                let names = |part: &ExprId| matches!(unit.kind(*part), ExprKind::Name(own) if **own == *name);
                if parts.iter().any(names) {
                    let value = assign.value?;
                    if let Some(words) = self.read_from(file, value, walk) {
                        return Some(self.requested(file, value, words, walk));
                    }
                    return Some(self.follow(file, value, walk));
                }
            }
            scope = unit.function(id).parent;
        }
        None
    }

    fn of_parameter(&self, file: FileId, function: FnId, index: usize) -> Trace {
        match self.taken(file, function, index) {
            Taken::Request => {
                let parsed = self.project.parsed(file);
                let name = &parsed.unit.function(function).params[index].name;
                Trace {
                    request: Some(param_name(name).to_owned()),
                    computed: true,
                    ..Trace::default()
                }
            }
            Taken::Clean => Trace::clean(),
            Taken::Own => Trace {
                params: BTreeSet::from([(file, function, index)]),
                ..Trace::unknown()
            },
        }
    }

    fn taken(&self, file: FileId, function: FnId, index: usize) -> Taken {
        let key = (file, function, index);
        if let Some(known) = self.flow.taken.borrow().get(&key) {
            return *known;
        }
        let parsed = self.project.parsed(file);
        let element = parsed.unit.function(function);
        let param = &element.params[index];
        let name = param_name(&param.name);
        let in_path = self
            .flow
            .paths
            .borrow()
            .get(&(file, function))
            .is_some_and(|names| names.contains(name));
        let taken = in_path || !self.places_of(file, function, param).is_empty();
        let clean = param
            .ty
            .as_deref()
            .is_some_and(|ty| self.is_clean_type(file, ty))
            // A type of the repository that a part of the path is read into says what it may be.
            || in_path
                && param
                    .ty_expr
                    .is_some_and(|ty| matches!(self.eval(file, ty), Value::Class(..)));
        let taken = match (taken, clean) {
            (_, true) => Taken::Clean,
            (true, false) => Taken::Request,
            (false, false) => Taken::Own,
        };
        self.flow.taken.borrow_mut().insert(key, taken);
        taken
    }

    /// Whether a type has no value that does harm: a number, a date.
    fn is_clean_type(&self, file: FileId, ty: &str) -> bool {
        let mut words = ty
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty());
        words.any(|word| {
            let mut rules = self.index(file).names.candidates(word);
            rules.any(|(rule, pattern)| {
                let loaded = self.rule(rule);
                loaded.rule.link == Some(Link::Sanitizer)
                    && loaded.rule.operation.is_empty()
                    && loaded.patterns[pattern].matches(word)
            })
        })
    }

    /// Whether a name says that its value is the program's own: a table, a placeholder.
    fn is_clean_word(&self, file: FileId, name: &str, walk: &Walk<'_>) -> bool {
        let mut rules = self.index(file).names.candidates(name);
        rules.any(|(rule, pattern)| {
            let loaded = self.rule(rule);
            loaded.rule.link == Some(Link::Sanitizer)
                && loaded
                    .rule
                    .operation
                    .iter()
                    .any(|one| one == walk.operation)
                && loaded.patterns[pattern].matches(name)
        })
    }

    fn is_clean_name(&self, file: FileId, id: ExprId, walk: &Walk<'_>) -> bool {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(id);
        last.is_some_and(|last| self.is_clean_word(file, last, walk))
    }

    /// What asks, before the place, whether the name is harmless.
    fn asked(
        &self,
        file: FileId,
        function: Option<FnId>,
        name: &str,
        before: u32,
        walk: &Walk<'_>,
    ) -> Option<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let sites = self.sites(file);
        let is = |id: ExprId| match unit.kind(whole(unit, id)) {
            ExprKind::Name(own) => **own == *name,
            ExprKind::Member { .. } | ExprKind::Index { .. } => {
                crate::text::render(unit, whole(unit, id)) == name
            }
            _ => false,
        };
        sites.questions.iter().find_map(|(id, own)| {
            let span = unit.expr(*id).span;
            if *own != function {
                return None;
            }
            let found = match unit.kind(*id) {
                ExprKind::Binary { op, left, right } => {
                    let asks = match &**op {
                        "in" | "not in" => {
                            is(*left) && !matches!(unit.kind(*right), ExprKind::Str(_))
                        }
                        // It is this text, in what follows inside.
                        _ => {
                            let written = |id: ExprId| {
                                matches!(unit.kind(id), ExprKind::Str(text) if !text.is_empty())
                            };
                            is(*left)
                                && written(*right)
                                && self.within_branch(file, *id, before)
                        }
                    };
                    // A comparison is no call that could get lost.
                    asks.then(String::new)
                }
                ExprKind::Call { callee, args } => {
                    let on = match unit.kind(*callee) {
                        ExprKind::Member { object, .. } => is(*object),
                        _ => false,
                    };
                    if !on && !args.iter().any(|arg| is(arg.value)) {
                        return None;
                    }
                    self.flow_rule(file, *id, *callee, |loaded| {
                        loaded.rule.asks && cleans(loaded, walk.operation)
                    })?;
                    unit.last_name(*callee).map(str::to_owned)
                }
                _ => None,
            };
            // A condition may stand behind what it lets through: `f(x) if X.include?(x)`.
            // What holds the place itself has not answered before.
            found.filter(|_| span.end <= before || self.within_branch(file, *id, before))
        })
    }

    /// Whether a place stands in what a condition lets through.
    fn within_branch(&self, file: FileId, condition: ExprId, place: u32) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.expr(condition).span;
        unit.branches().any(|id| match unit.kind(id) {
            ExprKind::Branch {
                condition, then, ..
            } => {
                let then = unit.expr(*then).span;
                unit.expr(*condition).span.holds(span) && then.start <= place && place < then.end
            }
            _ => false,
        })
    }

    fn of_call(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
        args: &[Arg],
        walk: &mut Walk<'_>,
    ) -> Trace {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let cleaned = self.flow_rule(file, id, callee, |loaded| {
            !loaded.rule.asks && cleans(loaded, walk.operation)
        });
        let converts = unit
            .last_name(callee)
            .is_some_and(|last| self.is_clean_type(file, last));
        if let Some(rule) = cleaned
            && !self.rule(rule).rule.operation.is_empty()
        {
            return Trace::clean_by(unit.last_name(callee).unwrap_or_default());
        }
        if cleaned.is_some() || converts {
            return Trace::clean();
        }
        let object = match unit.kind(callee) {
            ExprKind::Member { object, .. } => Some(*object),
            _ => None,
        };
        // `request.args.get("q")`, `c.Query("q")`
        let read = self
            .read_from(file, callee, walk)
            .or_else(|| object.and_then(|object| self.read_from(file, object, walk)));
        if let Some(words) = read {
            return Trace {
                request: Some(words),
                computed: true,
                ..Trace::default()
            };
        }
        let source = self.flow_rule(file, id, callee, |loaded| {
            let rule = &loaded.rule;
            let reads = rule.link == Some(Link::Source)
                || rule.link == Some(Link::Parameter)
                    && !rule.named.is_empty()
                    && rule.gives.is_empty()
                    && rule.shape.is_empty();
            reads
                && rule.place.as_deref() != Some("session")
                && (rule.link != Some(Link::Source) || concerns(rule, walk.operation))
        });
        if let Some(rule) = source {
            let words = unit
                .path(callee)
                .or_else(|| unit.last_name(callee).map(str::to_owned));
            let (request, model) = match self.rule(rule).rule.place.as_deref() {
                Some(MODEL) => (None, words),
                _ => (words, None),
            };
            return Trace {
                request,
                model,
                computed: true,
                ..Trace::default()
            };
        }
        let values: Vec<ExprId> = args.iter().map(|arg| arg.value).collect();
        if self.rule_as(file, callee, Link::Format).is_some() {
            return self.formatted_parts(file, id, &values, walk);
        }
        let carries = self.flow_rule(file, id, callee, |loaded| {
            loaded.rule.link == Some(Link::Carrier)
        });
        if let Some(rule) = carries
            && !self.rule(rule).rule.gives.is_empty()
        {
            let picked = self.exprs(&self.matched(file, id), &self.rule(rule).rule.gives);
            return picked
                .into_iter()
                .map(|(at, part)| self.follow(at, part, walk))
                .fold(Trace::default(), Trace::and);
        }
        if carries.is_some() {
            let mut parts: Vec<ExprId> = object
                .filter(|object| self.is_value(file, *object))
                .into_iter()
                .collect();
            parts.extend(&values);
            return self.together(file, &parts, walk);
        }
        if let Value::Function(at, function) = self.eval(file, callee) {
            if walk.hops >= MAX_HOPS {
                return Trace::unknown();
            }
            walk.hops += 1;
            let trace = self.of_result(file, id, at, function, walk);
            walk.hops -= 1;
            return trace;
        }
        // One of the values of a table that is written down, or what is given in its place.
        let table = object.is_some_and(|object| {
            matches!(unit.kind(object), ExprKind::Map(_))
                || matches!(self.eval(file, object), Value::Map(..))
        });
        if let Some(object) = object.filter(|_| table && !args.is_empty()) {
            let of = self.follow(file, object, walk);
            if of == Trace::default() {
                let others = self.all(file, &values[1..], walk);
                return Trace::clean().and(others);
            }
        }
        // A method of a value gives a part of it, or another form of it.
        match object {
            Some(object) if self.is_value(file, object) => {
                let mut of = self.follow(file, object, walk);
                of.computed = true;
                of.built = false;
                of
            }
            _ => Trace::unknown(),
        }
    }

    /// The parts of a text that a call puts together after a template.
    fn formatted_parts(
        &self,
        file: FileId,
        id: ExprId,
        values: &[ExprId],
        walk: &mut Walk<'_>,
    ) -> Trace {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut trace = self.together(file, values, walk);
        if let Some(text) = values.first().and_then(|first| unit.literal(*first)) {
            let begins = text.starts_with(['{', '%']);
            if BY_BEGINNING.contains(&walk.operation) {
                let rest = values.get(1..2).unwrap_or_default();
                trace = match begins && !rest.is_empty() {
                    true => self.all(file, rest, walk),
                    false => Trace::default(),
                };
                if !begins {
                    return trace;
                }
            }
            // `format!("… {name}")`
            let expr = unit.expr(id);
            let mut rest = text;
            let mut count = 0;
            while let Some((_, after)) = rest.split_once('{') {
                let Some((inner, next)) = after.split_once('}') else {
                    break;
                };
                let name = inner.split(':').next().unwrap_or_default();
                let plain = !name.is_empty()
                    && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                    && !name.starts_with(|c: char| c.is_ascii_digit());
                count += 1;
                if plain && count <= 20 {
                    let of = self.of_name(file, name, expr.function, expr.span.start, walk);
                    trace = trace.and(of);
                }
                rest = next;
                if BY_BEGINNING.contains(&walk.operation) {
                    break;
                }
            }
            trace.built |= trace.computed || trace.request.is_some();
        }
        trace
    }

    /// What a function of the repository gives for these arguments.
    fn of_result(
        &self,
        file: FileId,
        call: ExprId,
        at: FileId,
        function: FnId,
        walk: &mut Walk<'_>,
    ) -> Trace {
        let parsed = self.project.parsed(at);
        let unit = &parsed.unit;
        let Some(body) = unit.function(function).body else {
            return Trace::unknown();
        };
        let mut given: Vec<ExprId> = Vec::new();
        for id in unit.descendants(body) {
            if let ExprKind::Exit {
                kind: ExitKind::Return,
                value: Some(value),
            } = unit.kind(id)
            {
                given.push(*value);
            }
        }
        if given.is_empty() || self.project.language(at).result_is_last {
            given.push(body);
        }
        let inner = self.all(at, &given, walk);
        let mut trace = Trace {
            params: BTreeSet::new(),
            ..inner.clone()
        };
        for (owner, of, index) in inner.params {
            if (owner, of) != (at, function) {
                trace.params.insert((owner, of, index));
                continue;
            }
            if let Some(value) = self.argument(file, call, at, function, index) {
                trace = trace.and(self.follow(file, value, walk));
            }
        }
        trace
    }

    /// What a call hands to a parameter of a function.
    fn argument(
        &self,
        file: FileId,
        call: ExprId,
        at: FileId,
        function: FnId,
        index: usize,
    ) -> Option<ExprId> {
        let owner = self.project.parsed(at);
        let element = owner.unit.function(function);
        let name = param_name(&element.params.get(index)?.name);
        let parsed = self.project.parsed(file);
        let ExprKind::Call { callee, args } = parsed.unit.kind(call) else {
            return None;
        };
        if let Some(arg) = args.iter().find(|arg| arg.name.as_deref() == Some(name)) {
            return Some(arg.value);
        }
        // What stands for the object itself is handed in by the place.
        let selves = &self.project.language(at).self_names;
        let own = element.params.first().is_some_and(|first| {
            let first = param_name(&first.name);
            selves.iter().any(|word| **word == *first)
        });
        let member = matches!(parsed.unit.kind(*callee), ExprKind::Member { .. });
        let skip = usize::from(own && member);
        let plain = args.iter().filter(|arg| arg.name.is_none());
        plain.map(|arg| arg.value).nth(index.checked_sub(skip)?)
    }

    fn calls_to(&self, file: FileId, function: FnId) -> Vec<(FileId, ExprId)> {
        let calls = self.flow.calls.get_or_init(|| {
            let mut all: HashMap<Box<str>, Vec<(FileId, ExprId)>> = HashMap::default();
            for at in (0..self.project.len()).map(|at| FileId(at as u32)) {
                let path = self.project.path(at);
                if crate::scope::scope_of_path(&path) != crate::fact::Scope::Production {
                    continue;
                }
                let parsed = self.project.parsed(at);
                for id in parsed.unit.ids() {
                    if let ExprKind::Call { callee, args } = parsed.unit.kind(id)
                        && !args.is_empty()
                        && let Some(last) = parsed.unit.last_name(*callee)
                    {
                        match all.get_mut(last) {
                            Some(known) => known.push((at, id)),
                            None => {
                                all.insert(last.into(), vec![(at, id)]);
                            }
                        }
                    }
                }
            }
            all
        });
        let owner = self.project.parsed(file);
        let name = &owner.unit.function(function).name;
        let found = calls.get(name).map(Vec::as_slice).unwrap_or_default();
        let same = found.iter().filter(|(at, id)| {
            let parsed = self.project.parsed(*at);
            match parsed.unit.kind(*id) {
                ExprKind::Call { callee, .. } => {
                    self.eval(*at, *callee) == Value::Function(file, function)
                }
                _ => false,
            }
        });
        same.take(MAX_CALLERS).copied().collect()
    }
}

/// What stands behind a statement of its block that always leaves; functions are declared there all the same.
fn unreached(unit: &Unit) -> Vec<(Span, Option<FnId>)> {
    let mut all = Vec::new();
    for id in unit.ids() {
        let ExprKind::Block(items) = unit.kind(id) else {
            continue;
        };
        let leaves = |id: &ExprId| matches!(unit.kind(*id), ExprKind::Exit { .. });
        let Some(at) = items.iter().position(leaves) else {
            continue;
        };
        for item in &items[at + 1..] {
            let expr = unit.expr(*item);
            all.push((expr.span, expr.function));
        }
    }
    all
}

/// Whether a rule names a dangerous call whose argument is followed.
pub(crate) fn is_sink(loaded: &LoadedRule) -> bool {
    matches!(loaded.rule.fact, Some(FactKind::Sink | FactKind::Egress))
        && !loaded.rule.reaches.is_empty()
}

/// Whether a source matters to an operation: those that it names, or all.
fn concerns(rule: &crate::rule::Rule, operation: &str) -> bool {
    rule.link != Some(Link::Source)
        || rule.operation.is_empty()
        || rule.operation.iter().any(|one| one == operation)
}

/// Whether a sanitiser makes a value harmless for an operation.
fn cleans(loaded: &LoadedRule, operation: &str) -> bool {
    let rule = &loaded.rule;
    rule.link == Some(Link::Sanitizer)
        && (rule.operation.is_empty() || rule.operation.iter().any(|one| one == operation))
}

/// A name in capitals is a constant in every language here.
fn is_constant_name(name: &str) -> bool {
    name.len() > 1
        && name.chars().any(|c| c.is_ascii_uppercase())
        && !name.starts_with('_')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// What a method without arguments is called on: another form of the same value.
fn whole(unit: &Unit, id: ExprId) -> ExprId {
    let mut id = id;
    for _ in 0..8 {
        id = match unit.kind(id) {
            ExprKind::Call { callee, args } if args.is_empty() => match unit.kind(*callee) {
                ExprKind::Member { object, .. } => *object,
                _ => return id,
            },
            _ => return id,
        };
    }
    id
}

/// Whether what follows a beginning still chooses the host: nothing, a scheme, or a part of a host.
fn is_open(text: &str) -> bool {
    let text = text.trim_start();
    match text.split_once("://") {
        Some((_, rest)) => !rest.contains(['/', '?']) && !rest.ends_with(':'),
        // `Location: ` stands before where it leads.
        None => text.is_empty() || text == "//" || text.trim_end().ends_with(':'),
    }
}

/// The operands of a chain of the same operator, in their order.
fn operands(unit: &Unit, id: ExprId, all: &mut Vec<ExprId>, depth: u32) {
    match unit.kind(id) {
        ExprKind::Binary { op, left, right }
            if depth < 200 && matches!(&**op, "+" | "." | "%" | "/" | ".." | "<>") =>
        {
            operands(unit, *left, all, depth + 1);
            operands(unit, *right, all, depth + 1);
        }
        _ => all.push(id),
    }
}
