//! Classes that are routers by what they derive from, and guards that are set for everything.

use super::select::Matched;
use super::*;
use crate::rule::{Pattern, Rule, Selector};

/// Bases are followed no further than this.
const MAX_BASES: u32 = 8;

impl Linker<'_> {
    /// Makes a router of a class that derives from what a rule names, with the routes of its bases.
    pub(super) fn register_derived(&self, file: FileId, class: ClassId) {
        let parsed = self.project.parsed(file);
        let element = parsed.unit.class(class);
        if !element.declared || element.bases.is_empty() && element.decorators.is_empty() {
            return;
        }
        for rule_id in &self.index(file).derived {
            let loaded = self.rule(*rule_id);
            let rule = &loaded.rule;
            if self.known_router(file, RouterKey::Class(class)).is_some()
                || !self.allowed(file, loaded)
                || !lacks(&element.marks, &rule.marked)
                || !self.derives_from(file, class, &loaded.patterns, 0)
            {
                continue;
            }
            let paths = self.class_paths(file, class, rule);
            let guards = self.class_guards(file, class);
            let make = |prefix: PathText, guards: Vec<GuardUse>| Router {
                name: element.name.to_string(),
                prefix,
                guards,
                root: rule.root,
                ..Router::new(loaded.framework, file, element.head)
            };
            let first = match &paths[..] {
                [one] => one.clone(),
                _ => PathText::default(),
            };
            let (router, _) = self.router(file, RouterKey::Class(class), || make(first, guards));
            if paths.len() > 1 {
                let key = RouterKey::Paths(class);
                let (outer, _) = self.router(file, key, || make(PathText::default(), Vec::new()));
                for prefix in &paths {
                    let mount = Mount {
                        prefix: prefix.clone(),
                        ..Mount::new(router, file, element.head)
                    };
                    self.push_at(outer, (file, element.head.end), EntryKind::Mount(mount));
                }
            }
            self.inherit(file, class, router, 0);
            self.add_returned(file, class, router, *rule_id);
            if !rule.actions.is_empty() {
                self.add_actions(file, class, router, *rule_id, paths.is_empty());
            }
        }
    }

    /// Whether the class of a router says a path.
    pub(super) fn says_path(&self, router: RouterId) -> bool {
        let routers = self.routers.borrow();
        let router = &routers[router.0 as usize];
        !router.prefix.text.is_empty() || router.mounted
    }

    /// Whether a class derives from, or is marked by, what the patterns name.
    pub(super) fn derives_from(
        &self,
        file: FileId,
        class: ClassId,
        patterns: &[Pattern],
        depth: u32,
    ) -> bool {
        if depth > MAX_BASES {
            return false;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let element = unit.class(class);
        let named = |id: ExprId| {
            let name = self.name_of(file, id);
            name.is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(&name)))
        };
        element.decorators.iter().any(|id| {
            let callee = self.matched(file, *id).callee;
            callee.is_some_and(named)
        }) || element
            .bases
            .iter()
            .any(|base| match self.eval(file, *base) {
                Value::Class(at, other) if (at, other) != (file, class) => {
                    let owner = self.project.parsed(at);
                    let name = &owner.unit.class(other).name;
                    let may =
                        |pattern: &Pattern| pattern.last().iter().any(|last| wild(last, name));
                    patterns.iter().any(may) && named(*base)
                        || self.derives_from(at, other, patterns, depth + 1)
                }
                _ => named(*base),
            })
    }

    /// The paths that a class says: at its own decorators, or at those of its nearest base.
    fn class_paths(&self, file: FileId, class: ClassId, rule: &Rule) -> Vec<PathText> {
        if let Some(name) = &rule.prefix_attribute {
            let order = self.in_order(file, class);
            let said = self.said(&order, name).into_iter();
            return said
                .flat_map(|(file, id)| self.path_texts(file, id))
                .collect();
        }
        for selector in &rule.path {
            let found = match &selector.below {
                Some(folder) => {
                    let group = selector.group.as_deref();
                    self.file_below(file, folder, group).into_iter().collect()
                }
                None => self.decorated_paths(file, class, selector, 0),
            };
            if !found.is_empty() {
                let tokens = &self.rules.frameworks[self.framework_of(rule)].tokens;
                let name = self.project.parsed(file).unit.class(class).name.clone();
                let framework = self.framework_of(rule);
                let style = |name: &str| self.styled(framework, name);
                let filled = found.into_iter().map(|path| PathText {
                    text: tokens.fill(&path.text, Some(&name), None, &style),
                    ..path
                });
                return filled.collect();
            }
        }
        Vec::new()
    }

    fn framework_of(&self, rule: &Rule) -> usize {
        let mut all = self.rules.all.iter();
        let loaded = all.find(|loaded| loaded.rule.id == rule.id);
        loaded.map_or(0, |loaded| loaded.framework)
    }

    fn decorated_paths(
        &self,
        file: FileId,
        class: ClassId,
        selector: &Selector,
        depth: u32,
    ) -> Vec<PathText> {
        if depth > MAX_BASES {
            return Vec::new();
        }
        let parsed = self.project.parsed(file);
        let element = parsed.unit.class(class);
        let patterns: Vec<Pattern> = selector
            .beside
            .iter()
            .map(|text| Pattern::parse(text))
            .collect();
        let bare = Selector {
            beside: Vec::new(),
            ..selector.clone()
        };
        let mut paths = Vec::new();
        for decorator in &element.decorators {
            let matched = self.matched(file, *decorator);
            let name = matched.callee.and_then(|callee| self.name_of(file, callee));
            if name.is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(&name))) {
                paths.extend(self.path(&matched, std::slice::from_ref(&bare)));
            }
        }
        if !paths.is_empty() {
            return paths;
        }
        let mut bases = element.bases.iter();
        let inherited = bases.find_map(|base| match self.eval(file, *base) {
            Value::Class(at, base) if (at, base) != (file, class) => {
                let found = self.decorated_paths(at, base, selector, depth + 1);
                (!found.is_empty()).then_some(found)
            }
            _ => None,
        });
        inherited.unwrap_or_default()
    }

    /// `/Admin/Users` for `web/Pages/Admin/Users.cshtml.cs` and the folder `Pages`. What stands
    /// above the folder counts from the folder that groups several of them: `Areas/Shop/Pages`.
    fn file_below(&self, file: FileId, folder: &str, group: Option<&str>) -> Option<PathText> {
        let path = self.project.path(file);
        let parts: Vec<&str> = path.split('/').collect();
        let at = parts.iter().position(|part| *part == folder)?;
        let (name, folders) = parts[at + 1..].split_last()?;
        let stem = name.split('.').next().unwrap_or(name);
        let grouped = |at: &usize| group.is_some_and(|group| parts[*at] == group);
        let area = at.checked_sub(2).filter(grouped);
        let mut words: Vec<&str> = area.iter().map(|group| parts[*group + 1]).collect();
        words.extend(folders);
        if stem != "Index" {
            words.push(stem);
        }
        Some(PathText {
            text: format!("/{}", words.join("/")),
            unknown: false,
        })
    }

    /// The routes that the bases of a class declare, unless it has a method of the same name.
    fn inherit(&self, file: FileId, class: ClassId, router: RouterId, depth: u32) {
        if depth > MAX_BASES {
            return;
        }
        let parsed = self.project.parsed(file);
        for base in &parsed.unit.class(class).bases {
            let Value::Class(at, base) = self.eval(file, *base) else {
                continue;
            };
            if (at, base) == (file, class) {
                continue;
            }
            let other = self.project.parsed(at);
            for method in other.methods(base) {
                let function = other.unit.function(method);
                if parsed.members(class, &function.name).is_empty() {
                    for decorator in &function.decorators {
                        self.register_decorator(at, *decorator, method, Some(router));
                    }
                }
            }
            self.inherit(at, base, router, depth + 1);
        }
    }

    /// Methods that answer by their names, where no decorator says a path.
    fn add_actions(
        &self,
        file: FileId,
        class: ClassId,
        router: RouterId,
        rule_id: usize,
        plain: bool,
    ) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let rule = &self.rule(rule_id).rule;
        for method in parsed.methods(class) {
            let function = unit.function(method);
            let mut actions = rule.actions.iter();
            let Some((key, words)) = actions.find(|(key, _)| wild(key, &function.name)) else {
                continue;
            };
            // Any name at all answers only where the class says no path.
            let named = key != "*";
            if !named && !plain
                || function.name == unit.class(class).name
                || !lacks(&function.marks, &rule.marked)
                || !has(&function.marks, &rule.marked)
            {
                continue;
            }
            let Some(mut methods) = self.verbs_beside(file, &function.decorators) else {
                continue;
            };
            let (verb, path) = words.split_once(' ').unwrap_or((words, ""));
            if methods.is_empty() {
                methods.push(verb.to_owned());
            }
            let route = Route {
                methods,
                path: PathText {
                    text: path.to_owned(),
                    unknown: false,
                },
                handler: Some(Handler::Function(file, method)),
                protocol: rule.protocol.clone(),
                ..Route::new(rule_id, file, function.head)
            };
            self.push_at(router, (file, function.head.end), EntryKind::Route(route));
        }
    }

    /// The methods that decorators of a function allow; none where one says a path, or that the
    /// function answers nothing.
    fn verbs_beside(&self, file: FileId, decorators: &[ExprId]) -> Option<Vec<String>> {
        let mut verbs = Vec::new();
        for decorator in decorators {
            let matched = self.matched(file, *decorator);
            let unit = &self.project.parsed(file).unit;
            let Some(last) = matched.callee.and_then(|callee| unit.last_name(callee)) else {
                continue;
            };
            for (rule_id, pattern) in self.index(file).decorators.candidates(last) {
                let loaded = self.rule(rule_id);
                let name = matched.callee.and_then(|callee| self.name_of(file, callee));
                if !name.is_some_and(|name| loaded.patterns[pattern].matches(&name)) {
                    continue;
                }
                match loaded.rule.link {
                    Some(Link::Route) if self.path(&matched, &loaded.rule.path).is_some() => {
                        return None;
                    }
                    Some(Link::Route) => {
                        for verb in self.texts(&matched, &loaded.rule.methods) {
                            if !verbs.contains(&verb) {
                                verbs.push(verb);
                            }
                        }
                    }
                    Some(Link::NotRoute) => return None,
                    _ => {}
                }
            }
        }
        Some(verbs)
    }

    /// Guards for everything that are assigned to a member: `options.FallbackPolicy = …`.
    pub(super) fn register_set(&self, file: FileId) {
        let parsed = self.project.parsed(file);
        for assign in &parsed.unit.assigns {
            let Some(value) = assign.value else { continue };
            if assign.name.is_some() {
                continue;
            }
            let Some(path) = parsed.unit.path(assign.target) else {
                continue;
            };
            for rule_id in &self.index(file).set {
                let loaded = self.rule(*rule_id);
                let mut patterns = loaded.patterns.iter();
                if !patterns.any(|pattern| pattern.matches(&path)) || !self.allowed(file, loaded) {
                    continue;
                }
                let matched = Matched {
                    file,
                    callee: None,
                    args: Vec::new(),
                    value: Some(value),
                };
                self.add_global(*rule_id, &matched);
            }
        }
    }

    /// A call of one of these functions on its first parameter: what it is called on.
    pub(super) fn extension_on(
        &self,
        file: FileId,
        callee: ExprId,
        extensions: &HashMap<Box<str>, (FileId, FnId)>,
    ) -> Option<(ExprId, (FileId, FnId))> {
        let parsed = self.project.parsed(file);
        let ExprKind::Member { object, property } = parsed.unit.kind(callee) else {
            return None;
        };
        let target = extensions.get(property)?;
        let handed = matches!(
            self.eval(file, *object),
            Value::Router(_) | Value::Param(..)
        );
        handed.then_some((*object, *target))
    }

    /// Those of the functions that are called on their first parameter, by name.
    pub(super) fn extensions(
        &self,
        wanted: &[(FileId, FnId, usize, RouterId)],
    ) -> HashMap<Box<str>, (FileId, FnId)> {
        let named = wanted.iter().filter_map(|(file, function, index, _)| {
            let parsed = self.project.parsed(*file);
            let element = parsed.unit.function(*function);
            (*index == 0 && element.extension).then(|| (element.name.clone(), (*file, *function)))
        });
        named.collect()
    }
}

/// None of the words that must not be there stands there.
fn lacks(marks: &[Box<str>], wanted: &[String]) -> bool {
    let mut without = wanted.iter().filter_map(|word| word.strip_prefix('!'));
    !without.any(|word| marks.iter().any(|mark| **mark == *word))
}

/// All of the words that must be there stand there.
fn has(marks: &[Box<str>], wanted: &[String]) -> bool {
    let mut with = wanted.iter().filter(|word| !word.starts_with('!'));
    with.all(|word| marks.iter().any(|mark| **mark == **word))
}
