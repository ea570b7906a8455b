//! Path rules: ordered lists, apart from the routes, that say who may call which paths.
//!
//! All rules in one function are one list. A list may be limited to some paths; of all lists the
//! first that speaks of an endpoint's path decides, and in it the first rule. A pattern that is
//! not known may or may not speak: if it would decide otherwise, nothing is known.

use super::emit::Endpoint;
use super::*;
use crate::rule::Pattern;

/// Methods that say nothing of what an endpoint for any method lets through.
const SIDE: [&str; 3] = ["OPTIONS", "HEAD", "TRACE"];
const METHODS: [&str; 8] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE",
];

/// All lists of the revision.
#[derive(Debug, Default)]
pub(super) struct PathRules {
    lists: BTreeMap<(FileId, Option<u32>), List>,
    /// Places of functions and classes among the lists.
    orders: HashMap<(FileId, Owner), i64>,
    applications: BTreeSet<FileId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Function(FnId),
    Class(ClassId),
}

#[derive(Clone, Debug, Default)]
struct List {
    framework: usize,
    scope: Vec<Patterns>,
    rules: Vec<One>,
}

#[derive(Clone, Debug)]
struct One {
    /// Before, among, or after the others.
    rank: u8,
    at: u32,
    patterns: Patterns,
    methods: Vec<String>,
    guard: GuardUse,
}

/// What an item of a document says of paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) paths: Vec<String>,
    /// Some of its paths are not known.
    pub(super) unknown: bool,
    /// What it asks for, in words.
    pub(super) words: String,
}

/// The paths that a rule speaks of.
#[derive(Clone, Debug, Default)]
struct Patterns {
    texts: Vec<String>,
    /// One of them is not known.
    unknown: bool,
}

/// Whether a pattern speaks of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Speaks {
    No,
    Maybe,
    Yes,
}

impl Linker<'_> {
    /// Remembers the place that a decorator gives to the rules of a function or class, and the
    /// classes that start an application.
    pub(super) fn register_path_orders(&self, file: FileId) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let functions = unit.functions.iter().enumerate().map(|(at, one)| {
            let owner = Owner::Function(FnId(at as u32));
            (owner, &one.decorators)
        });
        let classes = unit.classes.iter().enumerate().map(|(at, one)| {
            let owner = Owner::Class(ClassId(at as u32));
            (owner, &one.decorators)
        });
        for (owner, decorators) in functions.chain(classes) {
            for decorator in decorators {
                let matched = self.matched(file, *decorator);
                let Some(callee) = matched.callee else {
                    continue;
                };
                let last = unit.last_name(callee).unwrap_or_default();
                for (rule_id, pattern) in self.index(file).decorators.candidates(last) {
                    let loaded = self.rule(rule_id);
                    let Some(link @ (Link::PathOrder | Link::Application)) = loaded.rule.link
                    else {
                        continue;
                    };
                    let name = self.name_of(file, callee).unwrap_or_default();
                    if !loaded.patterns[pattern].matches(&name) {
                        continue;
                    }
                    let mut rules = self.path_rules.borrow_mut();
                    if link == Link::Application {
                        rules.applications.insert(file);
                        continue;
                    }
                    drop(rules);
                    let number = self.texts(&matched, &loaded.rule.path);
                    if let Some(number) = number.iter().find_map(|text| text.parse().ok()) {
                        let mut rules = self.path_rules.borrow_mut();
                        rules.orders.insert((file, owner), number);
                    }
                }
            }
        }
    }

    /// Adds what a call says of paths to the list of its function.
    pub(super) fn add_path_rule(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
        (rule_id, pattern): (usize, usize),
    ) {
        let loaded = self.rule(rule_id);
        let rule = &loaded.rule;
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let matched = self.matched(file, id);
        let pattern = &loaded.patterns[pattern];
        let last = unit.last_name(callee).unwrap_or_default();
        let name = match &pattern.receiver {
            Some(_) => last.to_owned(),
            None => self.name_of(file, callee).unwrap_or_default(),
        };
        // Where names need no import, the file need not say what it uses.
        let modules = self.project.language(file).modules.as_ref();
        let loose = modules.is_some_and(|modules| modules.loose);
        let used = self.imported(file).contains(&loaded.framework)
            || loose && self.in_use(file, loaded.framework);
        if !pattern.matches(&name)
            || !used
            || !self.allowed(file, loaded)
            || !self.holds(&matched, &rule.constraints)
        {
            return;
        }
        if rule.link == Some(Link::Application) {
            self.path_rules.borrow_mut().applications.insert(file);
            return;
        }
        if !rule.inside_call.is_empty() && !self.stands_inside(file, id, &rule.inside_call) {
            return;
        }
        // What names the paths: the call before, or the call itself.
        let mut before = self.call_before(file, callee);
        let named = |id: Option<ExprId>, names: &[String]| {
            let ExprKind::Call { callee, .. } = unit.kind(id?) else {
                return None;
            };
            let last = unit.last_name(*callee)?;
            names.iter().any(|name| name == last).then_some(id?)
        };
        let mut names = matched.clone();
        if !rule.of.is_empty() {
            let Some(call) = named(before, &rule.of) else {
                return;
            };
            names = self.matched(file, call);
        }
        if !rule.behind.is_empty() {
            let own = loaded.patterns.iter().flat_map(|one| one.last()).cloned();
            let own: Vec<String> = own.collect();
            while let Some(call) = named(before, &own)
                && named(before, &rule.behind).is_none()
            {
                before = match unit.kind(call) {
                    ExprKind::Call { callee, .. } => self.call_before(file, *callee),
                    _ => None,
                };
            }
            if named(before, &rule.behind).is_none() {
                return;
            }
        }
        let methods: Vec<String> = self
            .texts(&names, &rule.methods)
            .into_iter()
            .map(|text| text.to_uppercase())
            .filter(|text| METHODS.contains(&text.as_str()))
            .collect();
        let mut patterns = Patterns::default();
        let picked = self.all_exprs(&names, &rule.path);
        if picked.is_empty() && (rule.last || !rule.of.is_empty()) {
            patterns.texts.push("/**".to_owned());
        }
        let mut wrapped = Vec::new();
        for (at, id) in picked {
            self.path_patterns(at, id, rule_id, &mut patterns, &mut wrapped, 0);
        }
        if let Some(below) = &rule.suffix {
            let all: Vec<String> = patterns
                .texts
                .iter()
                .map(|text| format!("{}{below}", text.trim_end_matches('/')))
                .collect();
            patterns.texts.extend(all);
        }
        let methods = [methods, wrapped].concat();
        if patterns.texts.is_empty() && !patterns.unknown {
            // Only methods: all paths. Only matchers of elsewhere: none.
            if methods.is_empty() {
                return;
            }
            patterns.texts.push("/**".to_owned());
        }
        let key = (file, self.list_of(file, id).map(|function| function.0));
        if rule.link == Some(Link::PathScope) {
            let mut rules = self.path_rules.borrow_mut();
            let list = rules.lists.entry(key).or_default();
            list.framework = loaded.framework;
            list.scope.push(patterns);
            return;
        }
        let demanded = self.exprs(&matched, &rule.guards).into_iter().next();
        let (at, what) = demanded.unwrap_or((file, id));
        let class = match &rule.unknown {
            _ if rule.exempt => Classified::Exempt { all: false },
            Some(reason) => Classified::Unknown(reason.clone()),
            None => Classified::Guard {
                kind: rule.guard.unwrap_or(GuardKind::Authorization),
                heuristic: false,
            },
        };
        let guard = GuardUse {
            body: None,
            file: at,
            span: unit.expr(id).span,
            text: self.guard_text(at, what),
            class,
            // What takes guards away hangs beside them.
            attached: match rule.exempt && rule.global {
                true => "exclusion",
                false => "path",
            },
        };
        let one = One {
            rank: if rule.first {
                0
            } else {
                1 + u8::from(rule.last)
            },
            at: unit.expr(id).span.end,
            patterns,
            methods,
            guard,
        };
        let mut rules = self.path_rules.borrow_mut();
        let list = rules.lists.entry(key).or_default();
        list.framework = loaded.framework;
        list.rules.push(one);
    }

    /// Adds what an item of a document says of paths to the list of its file.
    pub(super) fn add_said(&self, rule_id: usize, matched: &Matched, said: Said) {
        let loaded = self.rule(rule_id);
        let rule = &loaded.rule;
        let Some(item) = matched.value else { return };
        let file = matched.file;
        let span = self.project.parsed(file).unit.expr(item).span;
        let class = match &rule.unknown {
            _ if rule.exempt => Classified::Exempt { all: false },
            Some(reason) => Classified::Unknown(reason.clone()),
            None => Classified::Guard {
                kind: rule.guard.unwrap_or(GuardKind::Authorization),
                heuristic: false,
            },
        };
        let methods = self.texts(matched, &rule.methods);
        let methods = methods.into_iter().map(|text| text.to_uppercase());
        let one = One {
            rank: match rule.first {
                true => 0,
                false => 1 + u8::from(rule.last),
            },
            at: span.end,
            patterns: Patterns {
                texts: said.paths,
                unknown: said.unknown,
            },
            methods: methods.collect(),
            guard: GuardUse {
                body: None,
                file,
                span,
                text: said.words,
                class,
                attached: "path",
            },
        };
        let mut rules = self.path_rules.borrow_mut();
        let list = rules.lists.entry((file, None)).or_default();
        list.framework = loaded.framework;
        list.rules.push(one);
    }

    /// The call that this one is chained to.
    fn call_before(&self, file: FileId, callee: ExprId) -> Option<ExprId> {
        let parsed = self.project.parsed(file);
        let ExprKind::Member { object, .. } = parsed.unit.kind(callee) else {
            return None;
        };
        match parsed.unit.kind(*object) {
            ExprKind::Call { .. } => Some(*object),
            ExprKind::Name(_) => self.assigned_call(file, *object),
            _ => None,
        }
    }

    pub(crate) fn stands_inside(&self, file: FileId, id: ExprId, names: &[String]) -> bool {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.expr(id).span;
        unit.ids().skip(id.0 as usize).any(|outer| {
            let ExprKind::Call { callee, args } = unit.kind(outer) else {
                return false;
            };
            let last = unit.last_name(*callee).unwrap_or_default();
            names.iter().any(|name| name == last)
                && args.iter().any(|arg| {
                    let around = unit.expr(arg.value).span;
                    around.holds(span)
                })
        })
    }

    /// The named function around a place: its rules are one list.
    fn list_of(&self, file: FileId, id: ExprId) -> Option<FnId> {
        let parsed = self.project.parsed(file);
        let mut scope = parsed.unit.expr(id).function;
        while let Some(function) = scope {
            let element = parsed.unit.function(function);
            if element.declared || element.parent.is_none() {
                return Some(function);
            }
            scope = element.parent;
        }
        None
    }

    fn path_patterns(
        &self,
        file: FileId,
        id: ExprId,
        rule_id: usize,
        patterns: &mut Patterns,
        methods: &mut Vec<String>,
        depth: u32,
    ) {
        let rule = &self.rule(rule_id).rule;
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let named = |names: &[String], name: &str| {
            names.iter().any(|text| Pattern::parse(text).matches(name))
        };
        match unit.kind(id) {
            ExprKind::Call { callee, args } => {
                let name = self.name_of(file, *callee).unwrap_or_default();
                let last = unit.last_name(*callee).unwrap_or_default();
                if named(&rule.elsewhere, &name) {
                } else if depth < 4 && (named(&rule.matchers, &name) || named(&rule.matchers, last))
                {
                    for arg in args {
                        let mut all = Vec::new();
                        self.flatten(file, arg.value, &mut all, 0);
                        for (at, id) in all {
                            self.path_patterns(at, id, rule_id, patterns, methods, depth + 1);
                        }
                    }
                } else {
                    patterns.unknown = true;
                }
                return;
            }
            ExprKind::Name(_) | ExprKind::Member { .. } => {
                let last = unit.last_name(id).unwrap_or_default();
                if rule.everything.iter().any(|name| name == last) {
                    patterns.texts.push("/**".to_owned());
                    return;
                }
                if METHODS.contains(&last) && !matches!(self.eval(file, id), Value::Str(_)) {
                    methods.push(last.to_owned());
                    return;
                }
                if let Some(call) = self.assigned_call(file, id)
                    && depth < 4
                {
                    return self.path_patterns(file, call, rule_id, patterns, methods, depth + 1);
                }
            }
            ExprKind::Null => return,
            _ => {}
        }
        for text in self.path_texts(file, id) {
            // A regular expression is none of these patterns.
            if text.unknown || outside_braces(&text.text).contains(['^', '$', '(', '[', '\\', '+'])
            {
                patterns.unknown = true;
            } else if METHODS.contains(&text.text.as_str()) {
                methods.push(text.text);
            } else {
                patterns.texts.push(text.text);
            }
        }
    }

    /// Hangs onto each endpoint what the first path rule that speaks of it says.
    pub(super) fn apply_path_rules(&self, endpoints: &mut [Endpoint]) {
        let rules = self.path_rules.borrow();
        if rules.lists.is_empty() {
            return;
        }
        let mut lists: Vec<(i64, FileId, List)> = Vec::new();
        for ((file, function), list) in &rules.lists {
            let function = function.map(FnId);
            let class = self.enclosing_class(*file, function);
            let owners = [function.map(Owner::Function), class.map(Owner::Class)];
            let mut owners = owners.into_iter().flatten();
            let order = owners.find_map(|owner| rules.orders.get(&(*file, owner)).copied());
            let mut list = list.clone();
            list.rules.sort_by_key(|one| (one.rank, one.at));
            // What is asked before all others is a list of its own.
            let (first, rest) = list.rules.into_iter().partition(|one| one.rank == 0);
            let framework = list.framework;
            lists.push((
                i64::MIN,
                *file,
                List {
                    framework,
                    scope: Vec::new(),
                    rules: first,
                },
            ));
            list.rules = rest;
            if !list.rules.is_empty() || !list.scope.is_empty() {
                lists.push((order.unwrap_or(i64::MAX), *file, list));
            }
        }
        lists.sort_by_key(|(order, file, _)| (*order, *file));
        for endpoint in endpoints {
            if endpoint.protocol != "http" {
                continue;
            }
            let framework = &self.rules.frameworks[endpoint.framework];
            let mut possible: Vec<&GuardUse> = Vec::new();
            let mut decided: Option<Option<&GuardUse>> = None;
            for (_, file, list) in &lists {
                let other = &self.rules.frameworks[list.framework];
                if list.framework != endpoint.framework && !framework.extends.contains(&other.name)
                {
                    continue;
                }
                let own = match self.same_application(&rules.applications, *file, endpoint.file) {
                    Speaks::No => continue,
                    own => own,
                };
                let mut reach = own;
                if !list.scope.is_empty() {
                    let scopes = list.scope.iter().map(|one| speaks(one, &endpoint.path));
                    reach = reach.min(scopes.max().unwrap_or(Speaks::No));
                }
                if reach == Speaks::No {
                    continue;
                }
                let mut found = None;
                for one in &list.rules {
                    let path = speaks(&one.patterns, &endpoint.path);
                    match path.min(methods(&one.methods, &endpoint.method)) {
                        Speaks::No => {}
                        Speaks::Maybe => possible.push(&one.guard),
                        Speaks::Yes => {
                            found = Some(&one.guard);
                            break;
                        }
                    }
                }
                match (found, reach) {
                    // A list of exemptions that names other paths says nothing.
                    (None, _) if list.scope.is_empty() => {}
                    (found, Speaks::Yes) => {
                        decided = Some(found);
                        break;
                    }
                    (found, _) => possible.extend(found),
                }
            }
            let asked = decided.is_some();
            let decided = decided.flatten();
            // Whom a rule lets in the handler turns away for what it is sent: a wrong password.
            let exempt =
                decided.is_some_and(|guard| matches!(guard.class, Classified::Exempt { .. }));
            if possible.is_empty() && decided.is_none_or(|_| exempt) {
                let said = exempt || asked;
                endpoint.guards.retain(|guard| {
                    guard.attached != "body" || !said && !guard.text.ends_with("401")
                });
            }
            let open = |guard: &GuardUse| !matches!(guard.class, Classified::Guard { .. });
            let doubt = possible
                .iter()
                .find(|guard| open(guard) != decided.is_none_or(open));
            match (decided, doubt) {
                (_, Some(doubt)) => {
                    let path = self.project.path(doubt.file);
                    let line = doubt.span.line + 1;
                    endpoint.unknown.push(format!(
                        "whether `{}` at {path}:{line} speaks of this path",
                        doubt.text
                    ));
                }
                (Some(guard), None) => endpoint.guards.push(guard.clone()),
                (None, None) => {}
            }
        }
    }

    /// Whether two files belong to the same application: the one that shares the longest folder.
    fn same_application(
        &self,
        applications: &BTreeSet<FileId>,
        rule: FileId,
        endpoint: FileId,
    ) -> Speaks {
        if applications.len() < 2 {
            return Speaks::Yes;
        }
        let owner = |file: FileId| {
            let path = self.project.path(file);
            let shared = applications.iter().map(|application| {
                let other = self.project.path(*application);
                let folders = path.split('/').zip(other.split('/'));
                (folders.take_while(|(a, b)| a == b).count(), *application)
            });
            let all: Vec<_> = shared.collect();
            let most = all.iter().map(|(count, _)| *count).max()?;
            let mut best = all.iter().filter(|(count, _)| *count == most);
            let one = best.next()?.1;
            best.next().is_none().then_some(one)
        };
        match (owner(rule), owner(endpoint)) {
            (Some(rule), Some(endpoint)) if rule == endpoint => Speaks::Yes,
            (Some(_), Some(_)) => Speaks::No,
            _ => Speaks::Maybe,
        }
    }
}

fn outside_braces(text: &str) -> String {
    let mut depth = 0;
    let outside = text.chars().filter(|c| {
        depth += i32::from(*c == '{');
        let keep = depth == 0;
        depth -= i32::from(*c == '}');
        keep
    });
    outside.collect()
}

fn methods(of_rule: &[String], method: &str) -> Speaks {
    let any = matches!(method, "ANY" | "ALL");
    match of_rule {
        [] => Speaks::Yes,
        _ if any && of_rule.iter().all(|one| SIDE.contains(&one.as_str())) => Speaks::No,
        _ if any => Speaks::Maybe,
        _ if of_rule.iter().any(|one| one == method) => Speaks::Yes,
        _ => Speaks::No,
    }
}

fn speaks(patterns: &Patterns, path: &str) -> Speaks {
    let known = patterns.texts.iter().map(|text| matches_path(text, path));
    let known = known.max().unwrap_or(Speaks::No);
    match patterns.unknown {
        true => known.max(Speaks::Maybe),
        false => known,
    }
}

/// Whether a pattern (`*` in a segment, `**` for any number of them, `{name}`) matches a route's
/// path. Where the route's parameter could happen to be the pattern's word it does not.
fn matches_path(pattern: &str, path: &str) -> Speaks {
    let split = |text: &str| -> Vec<String> {
        let text = text.trim_start_matches('/');
        match text {
            "" => Vec::new(),
            text => text.split('/').map(str::to_owned).collect(),
        }
    };
    segments(&split(pattern), &split(path))
}

fn segments(pattern: &[String], path: &[String]) -> Speaks {
    let Some((first, rest)) = pattern.split_first() else {
        return match path.is_empty() {
            true => Speaks::Yes,
            false => Speaks::No,
        };
    };
    if first == "**" || first.starts_with("{*") {
        let skips = 0..=path.len();
        let all = skips.map(|skip| segments(rest, &path[skip..]));
        return all.max().unwrap_or(Speaks::No);
    }
    let Some((own, others)) = path.split_first() else {
        return Speaks::No;
    };
    let here = if own.contains(UNKNOWN) {
        // What is not known may be any number of segments.
        return Speaks::Maybe;
    } else if first == "*" || first.starts_with('{') && !first.contains(':') && own != "**" {
        Speaks::Yes
    } else if own.contains('{') || own.contains('*') {
        match first == own {
            true => Speaks::Yes,
            false => Speaks::No,
        }
    } else if first.starts_with('{') {
        Speaks::Maybe
    } else if word(first, own) {
        Speaks::Yes
    } else {
        Speaks::No
    };
    match here {
        Speaks::No => Speaks::No,
        here => here.min(segments(rest, others)),
    }
}

/// Whether a word matches a pattern in which `?` stands for a character, `*` for any number.
fn word(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.chars();
    match parts.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = parts.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| word(rest, &text[at..]))
        }
        Some(c) => {
            let mut others = text.chars();
            let own = others.next();
            own.is_some_and(|own| c == '?' || c == own) && word(parts.as_str(), others.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_speak_of_paths() {
        let check = |pattern: &str, path: &str, expected| {
            assert_eq!(matches_path(pattern, path), expected, "{pattern} {path}");
        };
        check("/api/**", "/api", Speaks::Yes);
        check("/api/**", "/api/users/{id}", Speaks::Yes);
        check("/api/**", "/apis", Speaks::No);
        check("/api/*", "/api/users", Speaks::Yes);
        check("/api/*", "/api/users/{id}", Speaks::No);
        check("/api/v*/private/**", "/api/v1/private/x", Speaks::Yes);
        check("/users/{id}", "/users/{name}", Speaks::Yes);
        check("/users/{id:[0-9]+}", "/users/me", Speaks::Maybe);
        check("/users/me", "/users/{name}", Speaks::No);
        check("/**", "/", Speaks::Yes);
        check("/", "/", Speaks::Yes);
        check("/", "/a", Speaks::No);
        check("/**/edit", "/a/b/edit", Speaks::Yes);
        check("/admin/**", "/{?}/users", Speaks::Maybe);
        check("/kobo/**", "/kobo/{token}/**", Speaks::Yes);
    }
}
