//! Guards of the paths that they name, apart from the routes and beside other guards:
//! `consumer.apply(f).forRoutes("users")`, a file of middleware with the paths that it sees.

use super::emit::{Endpoint, normal_path};
use super::path_condition::{Holds, Request};
use super::path_pattern::PathPattern;
use super::select::Matched;
use super::*;

/// A guard with the paths that it sees.
#[derive(Clone, Debug)]
pub(super) struct PathGuard {
    rule: usize,
    /// None: all paths.
    sees: Option<Vec<Seen>>,
    except: Vec<Seen>,
    classes: Vec<(FileId, ClassId)>,
    /// Whether a path is seen could not be told.
    unknown: bool,
    guards: Vec<GuardUse>,
    /// What the guard does at a path, its body says.
    body: Option<(FileId, FnId)>,
    /// Only what stands below this folder.
    folder: Option<String>,
}

#[derive(Clone, Debug)]
struct Seen {
    pattern: PathPattern,
    method: Option<String>,
}

impl Linker<'_> {
    /// A call that speaks of routes from beside: a guard of paths, or what answers a contract.
    pub(super) fn add_beside(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
        (rule_id, pattern): (usize, usize),
    ) {
        let loaded = self.rule(rule_id);
        let parsed = self.project.parsed(file);
        let matched = self.matched(file, id);
        let pattern = &loaded.patterns[pattern];
        let last = parsed.unit.last_name(callee).unwrap_or_default();
        let name = match &pattern.receiver {
            Some(_) => last.to_owned(),
            None => self.name_of(file, callee).unwrap_or_default(),
        };
        if !pattern.matches(&name)
            || !self.imported(file).contains(&loaded.framework)
            || !self.allowed(file, loaded)
            || !self.holds(&matched, &loaded.rule.constraints)
        {
            return;
        }
        if loaded.rule.link == Some(Link::Implementation) {
            let span = parsed.unit.expr(id).span;
            return self.add_implementation(rule_id, &matched, span);
        }
        let guards = self.guard_uses(&matched, &loaded.rule.guards, "path");
        let mut guard = PathGuard {
            rule: rule_id,
            sees: Some(Vec::new()),
            except: Vec::new(),
            classes: Vec::new(),
            unknown: false,
            guards,
            body: None,
            folder: None,
        };
        let (mut sees, mut except) = (Vec::new(), Vec::new());
        for (at, id) in self.all_exprs(&matched, &loaded.rule.path) {
            match self.eval(at, id) {
                Value::Class(at, class) => guard.classes.push((at, class)),
                _ => guard.unknown |= !self.seen(at, id, true, &mut sees),
            }
        }
        for (at, id) in self.all_exprs(&matched, &loaded.rule.except) {
            // What is left out somewhere may be left out anywhere.
            guard.unknown |= !self.seen(at, id, false, &mut except);
        }
        guard.sees = Some(sees);
        guard.except = except;
        self.path_guards.borrow_mut().push(guard);
    }

    /// The paths that an expression names: a text, or a map of path and method.
    fn seen(&self, file: FileId, id: ExprId, below: bool, all: &mut Vec<Seen>) -> bool {
        let (text, method) = match self.eval(file, id) {
            Value::Map(at, map) => {
                let method = self.map_value(at, map, "method");
                let method = method.and_then(|(at, id)| self.word(at, id));
                let Some((at, id)) = self
                    .map_value(at, map, "path")
                    .or_else(|| self.map_value(at, map, "source"))
                else {
                    return false;
                };
                (self.path_text(at, id), method)
            }
            _ => (self.path_text(file, id), None),
        };
        if text.unknown {
            return false;
        }
        let below = below && method.is_none();
        let slash = match text.text.starts_with(['/', '*', '(']) {
            true => text.text,
            false => format!("/{}", text.text),
        };
        let Some(pattern) = PathPattern::parse(&slash, below) else {
            return false;
        };
        let method = method.filter(|method| method != "ALL");
        all.push(Seen { pattern, method });
        true
    }

    /// What a file of middleware hands out.
    pub(super) fn register_path_guard(&self, file: FileId, rule_id: usize) {
        let loaded = self.rule(rule_id);
        let rule = &loaded.rule;
        let parsed = self.project.parsed(file);
        let found = rule.exports.keys().find_map(|name| {
            let target = match &**name {
                "default" => match self.project.default_export(file) {
                    Some(id) => return Some((file, id)),
                    None => self.project.export(file, name, 0),
                },
                _ => self.project.export(file, name, 0),
            };
            match target {
                crate::project::Target::Function(at, function) => {
                    let unit = &self.project.parsed(at).unit;
                    let mut ids = unit.ids();
                    let id = ids.find(
                        |id| matches!(unit.kind(*id), ExprKind::Function(one) if *one == function),
                    )?;
                    Some((at, id))
                }
                crate::project::Target::Assign(at, index) => {
                    let unit = &self.project.parsed(at).unit;
                    unit.assigns[index as usize].value.map(|id| (at, id))
                }
                _ => None,
            }
        });
        let path = self.project.path(file);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = folder.strip_suffix("src").unwrap_or(folder);
        let folder = folder.trim_end_matches('/');
        let mut guard = PathGuard {
            rule: rule_id,
            sees: None,
            except: Vec::new(),
            classes: Vec::new(),
            unknown: false,
            guards: Vec::new(),
            body: None,
            folder: Some(match folder {
                "" => String::new(),
                folder => format!("{folder}/"),
            }),
        };
        match found {
            Some((at, id)) => self.middleware(at, id, &mut guard, 0),
            // `export { default } from "next-auth/middleware"`
            None => {
                for import in parsed.unit.imports.iter() {
                    if !rule.exports.contains_key(&*import.local) {
                        continue;
                    }
                    let symbol = import.symbol.as_deref().unwrap_or("default");
                    let name = format!("{}.{symbol}", import.module);
                    if let Some(class @ Classified::Guard { .. }) = self.definite(file, &name) {
                        guard.guards.push(GuardUse {
                            file,
                            span: import.span,
                            text: import.module.to_string(),
                            class,
                            body: None,
                            attached: "path",
                        });
                    }
                }
            }
        }
        if guard.guards.is_empty() {
            return;
        }
        let argument = rule.argument.as_deref();
        let target = argument.map(|name| self.project.export(file, name, 0));
        if let Some(crate::project::Target::Assign(at, index)) = target
            && let Some(value) = self.project.parsed(at).unit.assigns[index as usize].value
        {
            let matched = Matched {
                file: at,
                callee: None,
                args: vec![Arg {
                    name: None,
                    value,
                    spread: false,
                }],
                value: Some(value),
            };
            let paths = self.all_exprs(&matched, &rule.path);
            if !paths.is_empty() {
                let mut sees = Vec::new();
                for (at, id) in paths {
                    guard.unknown |= !self.seen(at, id, false, &mut sees);
                }
                guard.sees = Some(sees);
            }
        }
        self.path_guards.borrow_mut().push(guard);
    }

    /// The guard that a file of middleware is: by its name, by its body, or by what it wraps.
    fn middleware(&self, file: FileId, id: ExprId, guard: &mut PathGuard, depth: u32) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut found = GuardUse {
            body: None,
            ..self.guard_use(file, id, "path")
        };
        match self.eval(file, id) {
            Value::Function(at, function) => {
                if self.denies(at, function, 0) {
                    self.targets.borrow_mut().insert((at, function));
                    found.class = Classified::Guard {
                        kind: GuardKind::Authentication,
                        heuristic: false,
                    };
                    found.text = match &*self.project.parsed(at).unit.function(function).name {
                        "" => "middleware".to_owned(),
                        name => name.to_owned(),
                    };
                    found.span = self.project.parsed(at).unit.function(function).head;
                    found.file = at;
                    guard.guards.push(found);
                    guard.body = Some((at, function));
                }
            }
            _ => {
                let ExprKind::Call { callee, args } = unit.kind(id) else {
                    if let ExprKind::Name(_) = unit.kind(id)
                        && let (at, made) = self.definition(file, id)
                        && (at, made) != (file, id)
                        && depth < 4
                    {
                        return self.middleware(at, made, guard, depth + 1);
                    }
                    if matches!(
                        found.class,
                        Classified::Guard { .. } | Classified::Unknown(_)
                    ) {
                        guard.guards.push(found);
                    }
                    return;
                };
                found.text = self.guard_text(file, *callee);
                let name = self.name_of(file, *callee).unwrap_or_default();
                let definite = self.definite(file, &name);
                if let Some(class @ Classified::Guard { .. }) = definite {
                    found.class = class;
                    guard.guards.push(found);
                    return;
                }
                let functions = args
                    .iter()
                    .filter_map(|arg| match self.eval(file, arg.value) {
                        Value::Function(at, function) => Some((arg.value, at, function)),
                        _ => None,
                    });
                for (inner, at, function) in functions.collect::<Vec<_>>() {
                    if self.denies(at, function, 0) && guard.guards.is_empty() && depth < 4 {
                        self.middleware(file, inner, guard, depth + 1);
                        if let Some(first) = guard.guards.first_mut() {
                            first.text.clone_from(&found.text);
                            first.span = unit.expr(*callee).span;
                            first.file = file;
                        }
                    }
                }
            }
        }
    }

    /// Hangs the guards of paths onto the endpoints that they see.
    pub(super) fn apply_path_guards(&self, endpoints: &mut [Endpoint]) {
        let all = self.path_guards.borrow().clone();
        if all.is_empty() {
            return;
        }
        for endpoint in endpoints {
            if endpoint.protocol != "http" {
                continue;
            }
            for guard in &all {
                match self.sees(guard, endpoint) {
                    Holds::No | Holds::Asks => {}
                    Holds::Yes => endpoint.guards.extend(guard.guards.iter().cloned()),
                    Holds::Unsure => {
                        for one in &guard.guards {
                            if !matches!(one.class, Classified::Guard { .. }) {
                                continue;
                            }
                            let path = self.project.path(one.file);
                            let line = one.span.line + 1;
                            endpoint.unknown.push(format!(
                                "whether `{}` at {path}:{line} guards this path",
                                one.text
                            ));
                        }
                    }
                }
            }
        }
    }

    fn sees(&self, guard: &PathGuard, endpoint: &Endpoint) -> Holds {
        let framework = self.rule(guard.rule).framework;
        let own = &self.rules.frameworks[endpoint.framework];
        let other = &self.rules.frameworks[framework];
        if framework != endpoint.framework && !own.extends.contains(&other.name) {
            return Holds::No;
        }
        if let Some(folder) = &guard.folder
            && !self.project.path(endpoint.file).starts_with(folder)
        {
            return Holds::No;
        }
        let mut paths = vec![endpoint.path.clone()];
        if guard.folder.is_none() {
            // Prefixes for everything and versions stand before what is named.
            for prefix in self.prefixes.borrow().iter() {
                let text = normal_path(&prefix.path.text, other.path_style);
                let rest = endpoint.path.strip_prefix(text.as_str());
                if let Some(rest) = rest.filter(|_| prefix.framework == endpoint.framework) {
                    paths.push(rest.to_owned());
                }
            }
            for at in 0..paths.len() {
                let mut parts = paths[at].trim_start_matches('/').splitn(2, '/');
                let version = parts.next().and_then(|part| part.strip_prefix('v'));
                if version.is_some_and(|rest| rest.parse::<u32>().is_ok()) {
                    paths.push(format!("/{}", parts.next().unwrap_or_default()));
                }
            }
        }
        let matches = |seen: &Seen| {
            let method = match seen.method.as_deref() {
                None => Holds::Yes,
                Some(_) if endpoint.method == "ANY" => Holds::Unsure,
                Some(method) if method == endpoint.method => Holds::Yes,
                Some(_) => Holds::No,
            };
            let path = paths.iter().any(|path| seen.pattern.matches(path));
            let path = match path {
                true => Holds::Yes,
                false if endpoint.path.contains(UNKNOWN) => Holds::Unsure,
                false => Holds::No,
            };
            path.and(method)
        };
        let any = |all: &[Seen]| all.iter().map(matches).fold(Holds::No, Holds::or);
        let mut seen = match &guard.sees {
            None => Holds::Yes,
            Some(all) => any(all),
        };
        if let Some(class) = self.class_of(endpoint)
            && guard.classes.contains(&class)
        {
            seen = Holds::Yes;
        }
        if guard.unknown
            && (seen == Holds::No || guard.folder.is_none() && !guard.except.is_empty())
        {
            seen = Holds::Unsure;
        }
        seen = seen.and(any(&guard.except).not());
        if seen != Holds::No
            && let Some((file, function)) = guard.body
        {
            let request = Request {
                path: &endpoint.path,
                method: &endpoint.method,
                matchers: &self.rule(guard.rule).rule.matchers,
            };
            seen = seen.and(self.turns_away(file, function, &request, 0));
        }
        seen
    }

    fn class_of(&self, endpoint: &Endpoint) -> Option<(FileId, ClassId)> {
        match endpoint.handler.as_ref()? {
            Handler::Method(class, ..) => Some(*class),
            Handler::Class(file, class) => Some((*file, *class)),
            Handler::Function(file, function) => {
                let class = self.project.parsed(*file).unit.function(*function).class?;
                Some((*file, class))
            }
            Handler::Other(_) => None,
        }
    }
}
