//! Linking: all files' elements and the rules become endpoints with full paths and guards.
//!
//! Everything that routes hang on is a *router*: an app, a blueprint, a controller class, a list
//! of URL patterns, a single route that waits to be mounted. A router has entries (routes, mounts
//! of other routers, guards) in the order of their registration. Endpoints come out by walking
//! from the routers that nobody mounts down to the routes.

mod asks;
mod aspect;
mod body;
mod caller;
mod caught;
mod class_guard;
mod class_way;
mod cleaning;
mod condition;
mod contract;
mod declared;
mod denial;
mod derived;
mod directive;
mod document;
mod emit;
mod evaluate;
mod extractor;
mod file_route;
mod filed;
mod filter;
mod guard;
mod keyed;
mod listed;
mod loaded;
mod marked;
mod option;
mod parameter;
mod partial;
mod pass;
mod path_condition;
mod path_guard;
mod path_pattern;
mod path_rule;
mod reach;
mod register;
mod scope;
mod select;
mod service;
mod shape;
mod spare;
mod style;
mod taint;
mod text;
mod typed;
mod version;
mod within;
mod wrap;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::element::*;
use crate::hash::{HashMap, HashSet};
use crate::language::LanguageId;
use crate::project::{FileId, Project};
use crate::rule::{Applies, GuardKind, Link, LoadedRule, Rules, Wild, wild};

pub(crate) use cleaning::{Cleaner, How};
pub(crate) use emit::Endpoint;
pub(crate) use select::Matched;
pub(crate) use taint::{Found as FoundSink, Trace};
pub(crate) use text::PathText;

/// Stands for a part of a path that is not known before the program runs.
const UNKNOWN: &str = "{?}";

/// Where a guard hangs that a call behind a route takes away.
const WITHOUT: &str = "without";

/// What a name of a language was found to be.
type Names = HashMap<(LanguageId, Box<str>), Option<Classified>>;

/// Routes that a call made: the router and the place among its entries.
type Made = Vec<(RouterId, usize)>;

/// A function that is looked into, with the texts that each of its arguments may be.
type Bound = ((FileId, FnId), Vec<Vec<PathText>>);

/// Paths that a guard lets through by itself.
type Spared = Arc<Vec<spare::Spared>>;

/// Index of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RouterId(u32);

/// What an expression stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Router(RouterId),
    Function(FileId, FnId),
    Class(FileId, ClassId),
    /// An object of a class of the repository.
    Instance(FileId, ClassId),
    Module(FileId),
    /// Something outside the repository, or a global name.
    External(String),
    /// What a call of something outside gave.
    ExternalInstance(String),
    Str(String),
    List(FileId, Vec<ExprId>),
    Map(FileId, ExprId),
    Param(FileId, FnId, usize),
    Unknown,
}

/// What a router is made of; two expressions with the same key are the same router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RouterKey {
    Expr(ExprId),
    Param(FnId, usize),
    Class(ClassId),
    /// Routes that a function declares on itself.
    Function(FnId),
    /// A module-level list, by its name's first assignment.
    Assign(u32),
    /// The block of a function, for a framework.
    Scope(FnId, usize),
    /// The statements of the file, for a framework.
    File(usize),
    /// What mounts the router of a class under each of its paths.
    Paths(ClassId),
    /// Routes that no call hangs anywhere: those of a file's place, those of chains in maps.
    Place(usize),
    /// The part of a router that is registered inside a function.
    Part(FnId, RouterId),
}

/// A guard where it hangs.
#[derive(Clone, Debug)]
pub(crate) struct GuardUse {
    pub(crate) file: FileId,
    pub(crate) span: Span,
    /// As shown: `requireRole(admin)`.
    pub(crate) text: String,
    pub(crate) class: Classified,
    /// The function of the repository that it is.
    pub(crate) body: Option<(FileId, FnId)>,
    /// `handler`, `class`, `router`, `mount`, `app`, `setting`, `path`.
    pub(crate) attached: &'static str,
}

impl GuardUse {
    /// Whether it turns callers away by who they are or what they may.
    pub(crate) fn asks_caller(&self) -> bool {
        matches!(
            self.class,
            Classified::Guard {
                kind: GuardKind::Authentication | GuardKind::Authorization,
                ..
            }
        )
    }
}

/// Whether something is a guard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Classified {
    Guard {
        kind: GuardKind,
        heuristic: bool,
    },
    Not,
    /// A guard only where a decorator writes the metadata of this key.
    Asks {
        key: String,
        kind: GuardKind,
    },
    /// Lets everybody in, whatever hangs around it; `all`: also whatever hangs beside it.
    Exempt {
        all: bool,
    },
    Unknown(String),
}

/// What answers a route.
#[derive(Clone, Debug)]
pub(crate) enum Handler {
    Function(FileId, FnId),
    Class(FileId, ClassId),
    /// A method of a class, which may have inherited it.
    Method((FileId, ClassId), FileId, FnId),
    /// Something outside the repository or not resolved, by its words.
    Other(String),
}

#[derive(Clone, Debug)]
struct Route {
    methods: Vec<String>,
    path: PathText,
    handler: Option<Handler>,
    /// The handler where a text names it.
    named: Option<scope::Named>,
    /// Where it stands, beside its path.
    place: Option<Box<scope::Place>>,
    guards: Vec<GuardUse>,
    protocol: Option<String>,
    rule: usize,
    file: FileId,
    span: Span,
}

#[derive(Clone, Debug)]
struct Mount {
    child: RouterId,
    prefix: PathText,
    guards: Vec<GuardUse>,
    replaces_prefix: bool,
    /// What it says of the routes below, beside their prefix.
    place: Option<Box<scope::Place>>,
    /// The child sees the whole path, whatever stands before it.
    whole: bool,
    file: FileId,
    span: Span,
}

#[derive(Clone, Debug)]
enum EntryKind {
    Route(Route),
    Mount(Mount),
    Guard {
        guard: GuardUse,
        path: Option<PathText>,
        applies: Applies,
    },
}

#[derive(Clone, Debug)]
struct Entry {
    /// Where in its file it is registered; entries of other files keep their file's order.
    order: (FileId, u32),
    kind: EntryKind,
}

#[derive(Clone, Debug)]
struct Router {
    framework: usize,
    name: String,
    prefix: PathText,
    /// What stands behind every path: `/`.
    tail: String,
    guards: Vec<GuardUse>,
    entries: Vec<Entry>,
    root: bool,
    /// Its routes say no path of their own.
    single: bool,
    mounted: bool,
    /// A list of routes that some other list may include.
    listed: bool,
    file: FileId,
    /// Where it is made.
    span: Span,
}

impl Router {
    /// A router that waits to be mounted, without prefix, guards and routes.
    fn new(framework: usize, file: FileId, span: Span) -> Self {
        Self {
            framework,
            name: String::new(),
            prefix: PathText::default(),
            tail: String::new(),
            guards: Vec::new(),
            entries: Vec::new(),
            root: false,
            single: false,
            mounted: false,
            listed: false,
            file,
            span,
        }
    }
}

impl Mount {
    /// The child as it is: without a prefix or guards of the mount's own.
    fn new(child: RouterId, file: FileId, span: Span) -> Self {
        Self {
            child,
            prefix: PathText::default(),
            guards: Vec::new(),
            replaces_prefix: false,
            place: None,
            whole: false,
            file,
            span,
        }
    }
}

impl Route {
    /// A route that a rule found, with nothing said of it yet.
    fn new(rule: usize, file: FileId, span: Span) -> Self {
        Self {
            methods: Vec::new(),
            path: PathText::default(),
            handler: None,
            named: None,
            place: None,
            guards: Vec::new(),
            protocol: None,
            rule,
            file,
            span,
        }
    }
}

/// A guard that hangs nowhere in particular: a framework's setting.
#[derive(Clone, Debug)]
struct GlobalGuard {
    framework: usize,
    guard: GuardUse,
    /// Only where nothing nearer is said.
    default: bool,
}

/// Rules by the last name that they look for.
#[derive(Debug, Default)]
struct Dispatch {
    by_name: HashMap<String, Vec<(usize, usize)>>,
    /// Patterns whose last name has a `*`, with that name.
    wild: Vec<(Wild, (usize, usize))>,
    /// What was found for a name: code says the same names over and over.
    found: std::sync::Mutex<HashMap<Box<str>, Found>>,
}

/// Rules and patterns that may speak of a name.
type Found = Arc<[(usize, usize)]>;

impl Dispatch {
    fn add(&mut self, rule: usize, index: usize, names: &[String]) {
        for name in names {
            if name.contains('*') {
                self.wild.push((Wild::new(name), (rule, index)));
            } else {
                self.by_name
                    .entry(name.clone())
                    .or_default()
                    .push((rule, index));
            }
        }
    }

    fn candidates(&self, name: &str) -> impl Iterator<Item = (usize, usize)> + use<> {
        let found = self.find(name);
        let count = found.as_ref().map_or(0, |found| found.len());
        (0..count).filter_map(move |at| found.as_ref().map(|found| found[at]))
    }

    fn list(&self, name: &str) -> Vec<(usize, usize)> {
        self.find(name)
            .map_or_else(Vec::new, |found| found.to_vec())
    }

    fn find(&self, name: &str) -> Option<Found> {
        let exact = self.by_name.get(name).map(Vec::as_slice);
        let exact = exact.unwrap_or_default();
        if self.wild.is_empty() && exact.is_empty() {
            return None;
        }
        let mut known = match self.found.lock() {
            Ok(known) => known,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(found) = known.get(name) {
            return Some(found.clone());
        }
        let wild = self
            .wild
            .iter()
            .filter(|(pattern, _)| pattern.matches(name));
        let found: Found = exact
            .iter()
            .copied()
            .chain(wild.map(|(_, at)| *at))
            .collect();
        known.insert(name.into(), found.clone());
        Some(found)
    }
}

/// The rules of one language family, by what they look at.
#[derive(Debug, Default)]
pub(crate) struct RuleIndex {
    frameworks: BTreeSet<usize>,
    calls: Dispatch,
    decorators: Dispatch,
    classes: Dispatch,
    assigns: Dispatch,
    mentions: Dispatch,
    parameters: Dispatch,
    names: Dispatch,
    methods: Vec<usize>,
    /// Rules of classes by their members, and by members of others.
    members: Vec<usize>,
    maps: Vec<usize>,
    /// Rules of texts that code writes out.
    written: Vec<usize>,
    /// Routers that classes are by what they derive from.
    derived: Vec<usize>,
    /// Assignments to a member of anything, which set a guard for everything.
    set: Vec<usize>,
    /// Rules of names that files hand out.
    exports: Vec<usize>,
    /// Rules of what stands in documents.
    documents: Vec<usize>,
    /// Rules of what begins with a text.
    directives: Vec<usize>,
    /// Attributes of classes that hold guards of views.
    guard_attributes: Vec<String>,
    /// Attributes of classes that limit the methods.
    method_attributes: Vec<String>,
}

impl RuleIndex {
    pub(crate) fn new(rules: &Rules, family: &[String]) -> Self {
        let mut index = Self {
            frameworks: rules.frameworks_of(family).into_iter().collect(),
            ..Self::default()
        };
        for (id, loaded) in rules.all.iter().enumerate() {
            if !index.frameworks.contains(&loaded.framework) {
                continue;
            }
            let rule = &loaded.rule;
            if rule.link == Some(Link::View) {
                for attribute in &rule.guard_attributes {
                    if !index.guard_attributes.contains(attribute) {
                        index.guard_attributes.push(attribute.clone());
                    }
                }
            }
            let methods = rule.method_attributes.iter().cloned();
            index.method_attributes.extend(methods);
            if !rule.has.is_empty() {
                index.maps.push(id);
            }
            if !rule.written.is_empty() {
                index.written.push(id);
            }
            if !rule.method.is_empty() {
                index.methods.push(id);
                continue;
            }
            if !rule.member.is_empty() || !rule.collected.is_empty() || !rule.called.is_empty() {
                index.members.push(id);
                continue;
            }
            if !rule.exports.is_empty() {
                index.exports.push(id);
            }
            if !rule.document.is_empty() {
                index.documents.push(id);
            }
            if rule.directive.is_some() {
                index.directives.push(id);
            }
            if !rule.class.is_empty() && rule.link == Some(Link::Router) {
                index.derived.push(id);
            }
            if !rule.assign.is_empty() && rule.link == Some(Link::Guard) && rule.global {
                index.set.push(id);
            }
            let dispatch = if !rule.call.is_empty() {
                &mut index.calls
            } else if !rule.decorator.is_empty() {
                &mut index.decorators
            } else if !rule.class.is_empty() {
                &mut index.classes
            } else if !rule.assign.is_empty() {
                &mut index.assigns
            } else if !rule.mention.is_empty() {
                &mut index.mentions
            } else if !rule.parameter.is_empty() {
                &mut index.parameters
            } else {
                &mut index.names
            };
            for (at, pattern) in loaded.patterns.iter().enumerate() {
                dispatch.add(id, at, pattern.last());
            }
        }
        index
    }
}

/// Classes that mix something in, with where they name it.
type Mixers = Vec<(FileId, ClassId, ExprId)>;

/// Calls by their last name.
type Calls = HashMap<Box<str>, Vec<(FileId, ExprId)>>;

/// Links one revision.
pub(crate) struct Linker<'a> {
    pub(crate) project: Project<'a>,
    rules: &'a Rules,
    /// By language name.
    index: &'a BTreeMap<String, RuleIndex>,
    /// Names that the team added.
    names: &'a TeamNames,
    sensitivity: &'a crate::sensitivity::Sensitivity,
    cryptography: &'a crate::crypto::Cryptography,
    values: RefCell<HashMap<(FileId, ExprId), Value>>,
    routers: RefCell<Vec<Router>>,
    ids: RefCell<HashMap<(FileId, RouterKey), RouterId>>,
    /// Files whose declarations are registered.
    registered: RefCell<HashSet<FileId>>,
    globals: RefCell<Vec<GlobalGuard>>,
    prefixes: RefCell<Vec<reach::Prefix>>,
    /// Decorators of the repository that turn guards on or off.
    decorator_marks: RefCell<HashMap<(FileId, ClassId), Classified>>,
    /// How names are written in paths, by framework.
    styles: RefCell<HashMap<usize, style::Style>>,
    /// Further ones that stand in the place of the first.
    other_prefixes: RefCell<Vec<(usize, PathText)>>,
    /// Paths that those prefixes leave out, by framework.
    left_out: RefCell<Vec<(usize, String)>>,
    versionings: RefCell<Vec<version::Versioning>>,
    path_rules: RefCell<path_rule::PathRules>,
    path_guards: RefCell<Vec<path_guard::PathGuard>>,
    /// Keys of the maps that routes and mounts stand in: the router and the place among its entries.
    keys: RefCell<HashMap<(RouterId, usize), Box<str>>>,
    /// All prefixes of the routers that have several.
    alternatives: RefCell<HashMap<RouterId, Vec<PathText>>>,
    guards: RefCell<HashMap<(FileId, FnId), Option<bool>>>,
    imports: RefCell<HashMap<FileId, Arc<HashSet<usize>>>>,
    used: std::cell::OnceCell<HashSet<usize>>,
    /// Places that bring in routes which were not found: framework, file, line from 0.
    unfollowed: RefCell<BTreeSet<(usize, FileId, u32)>>,
    /// Parameters of handlers that were looked at.
    taken: RefCell<HashMap<(FileId, FnId), Arc<parameter::Found>>>,
    request_models: RefCell<HashSet<(FileId, ClassId)>>,
    /// Rules of names that stand for settings.
    settings: Vec<&'a LoadedRule>,
    /// What settings were found to be.
    set: RefCell<HashMap<String, Option<Value>>>,
    /// What the rules of a language say of a name.
    classes: RefCell<Names>,
    /// Blocks of routes that others take over by name.
    concerns: RefCell<HashMap<(usize, String), RouterId>>,
    /// Names that were given to guards.
    aliases: RefCell<HashMap<String, Vec<(FileId, ExprId)>>>,
    class_calls: RefCell<HashMap<FileId, Arc<Vec<class_guard::ClassCall>>>>,
    /// Prefixes that documents give to folders.
    folder_prefixes: RefCell<Vec<(String, PathText, FileId, Span)>>,
    /// Where guards stand that run one after another.
    in_order: RefCell<HashSet<(FileId, u32)>>,
    /// What guards ask, by function.
    asks: RefCell<HashMap<(FileId, FnId), Option<String>>>,
    /// The routes that calls made.
    made: RefCell<HashMap<(FileId, ExprId), Made>>,
    /// Whether rules say what validators let through.
    shaping: std::cell::OnceCell<bool>,
    /// What names were put onto routers: `app.decorate("authenticate", f)`.
    attached: std::cell::OnceCell<HashMap<String, (FileId, ExprId)>>,
    /// The guards that methods of a class are which run before its actions.
    hooks: RefCell<HashMap<(FileId, ClassId), Vec<GuardUse>>>,
    /// Classes that decorators filed under something.
    filed: std::cell::OnceCell<Vec<filed::Filed>>,
    /// Types of members with a type argument, as outer and inner name.
    collections: std::cell::OnceCell<Vec<(String, String)>>,
    /// Functions that turned out to be guards.
    targets: RefCell<std::collections::BTreeSet<(FileId, FnId)>>,
    /// Texts of the arguments of the functions that are looked into.
    bound: RefCell<Vec<Bound>>,
    /// Paths that guards let through by themselves.
    spared: RefCell<HashMap<(FileId, FnId), Spared>>,
    /// What the lookups of files' functions are limited to.
    pub(crate) limits: RefCell<HashMap<FileId, crate::limit::Limits>>,
    /// How many files were looked through for classes that mix something in, and which do, by
    /// its name.
    mixed: RefCell<(usize, HashMap<Box<str>, Mixers>)>,
    /// How many files were looked through for calls, and the calls by their last name.
    calls: RefCell<(usize, Calls)>,
    depth: std::cell::Cell<u32>,
    /// How deep the running question for a text is, and how many steps it took.
    text_steps: std::cell::Cell<(u32, u32)>,
    /// Functions that answer endpoints.
    handlers: RefCell<BTreeSet<(FileId, FnId)>>,
    /// What is known of where values come from.
    flow: taint::Flow,
}

/// Guards that a team names in its policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamNames {
    /// Functions, annotations and middleware that are guards; `*` allowed.
    pub guards: Vec<String>,
    /// Those that are not, whatever they are called.
    pub not_guards: Vec<String>,
}

impl<'a> Linker<'a> {
    pub(crate) fn new(
        project: Project<'a>,
        rules: &'a Rules,
        index: &'a BTreeMap<String, RuleIndex>,
        names: &'a TeamNames,
        sensitivity: &'a crate::sensitivity::Sensitivity,
        cryptography: &'a crate::crypto::Cryptography,
    ) -> Self {
        Self {
            project,
            rules,
            index,
            names,
            sensitivity,
            cryptography,
            values: RefCell::default(),
            routers: RefCell::default(),
            ids: RefCell::default(),
            registered: RefCell::default(),
            globals: RefCell::default(),
            prefixes: RefCell::default(),
            styles: RefCell::default(),
            decorator_marks: RefCell::default(),
            other_prefixes: RefCell::default(),
            left_out: RefCell::default(),
            versionings: RefCell::default(),
            path_rules: RefCell::default(),
            path_guards: RefCell::default(),
            keys: RefCell::default(),
            alternatives: RefCell::default(),
            guards: RefCell::default(),
            imports: RefCell::default(),
            used: std::cell::OnceCell::new(),
            unfollowed: RefCell::default(),
            taken: RefCell::default(),
            request_models: RefCell::default(),
            set: RefCell::default(),
            settings: rules
                .all
                .iter()
                .filter(|loaded| loaded.rule.link == Some(Link::Setting))
                .collect(),
            classes: RefCell::default(),
            concerns: RefCell::default(),
            aliases: RefCell::default(),
            class_calls: RefCell::default(),
            folder_prefixes: RefCell::default(),
            in_order: RefCell::default(),
            asks: RefCell::default(),
            made: RefCell::default(),
            shaping: std::cell::OnceCell::new(),
            attached: std::cell::OnceCell::new(),
            hooks: RefCell::default(),
            filed: std::cell::OnceCell::new(),
            collections: std::cell::OnceCell::new(),
            targets: RefCell::default(),
            limits: RefCell::default(),
            mixed: RefCell::default(),
            calls: RefCell::default(),
            bound: RefCell::default(),
            spared: RefCell::default(),
            depth: std::cell::Cell::new(0),
            text_steps: std::cell::Cell::default(),
            handlers: RefCell::default(),
            flow: taint::Flow::default(),
        }
    }

    fn index(&self, file: FileId) -> &'a RuleIndex {
        let language = self.project.language(file);
        // Every language has an index, made from the same list.
        &self.index[&language.name]
    }

    fn rule(&self, id: usize) -> &'a LoadedRule {
        &self.rules.all[id]
    }

    /// Frameworks that the file imports.
    fn imported(&self, file: FileId) -> Arc<HashSet<usize>> {
        if let Some(known) = self.imports.borrow().get(&file) {
            return known.clone();
        }
        let parsed = self.project.parsed(file);
        let mut found = HashSet::default();
        for framework in &self.index(file).frameworks {
            let packages = &self.rules.frameworks[*framework].imports;
            let used = packages.is_empty()
                || parsed.unit.imports.iter().any(|import| {
                    packages.iter().any(|package| {
                        let module = &*import.module;
                        // `use Illuminate\Support\Facades\Route` names a class of a package.
                        let whole = import.symbol.as_ref().is_some_and(|symbol| {
                            let rest = package.strip_prefix(module);
                            rest.and_then(|rest| rest.strip_prefix('.')) == Some(symbol)
                        });
                        whole
                            || module == package
                            || module
                                .strip_prefix(package.as_str())
                                .is_some_and(|rest| rest.starts_with(['.', '/']))
                    })
                });
            if used {
                found.insert(*framework);
            }
        }
        let found = Arc::new(found);
        self.imports.borrow_mut().insert(file, found.clone());
        found
    }

    /// Whether the rule may speak in this file at all.
    fn allowed(&self, file: FileId, rule: &LoadedRule) -> bool {
        rule.files
            .as_ref()
            .is_none_or(|globs| globs.is_match(&*self.project.path(file)))
            && (!rule.bare || self.in_use(file, rule.framework))
    }

    /// Whether the file imports the framework, or another one does.
    fn in_use(&self, file: FileId, framework: usize) -> bool {
        self.imported(file).contains(&framework) || self.used().contains(&framework)
    }

    /// Frameworks that some file imports: names of theirs may reach others without an import.
    fn used(&self) -> &HashSet<usize> {
        self.used.get_or_init(|| {
            let files = (0..self.project.len()).map(|file| FileId(file as u32));
            let imported = files.map(|file| self.imported(file));
            imported
                .flat_map(|found| found.iter().copied().collect::<Vec<_>>())
                .collect()
        })
    }

    fn router(
        &self,
        file: FileId,
        key: RouterKey,
        make: impl FnOnce() -> Router,
    ) -> (RouterId, bool) {
        if let Some(known) = self.ids.borrow().get(&(file, key)) {
            return (*known, false);
        }
        let router = make();
        let mut routers = self.routers.borrow_mut();
        let id = RouterId(routers.len() as u32);
        routers.push(router);
        self.ids.borrow_mut().insert((file, key), id);
        (id, true)
    }

    fn known_router(&self, file: FileId, key: RouterKey) -> Option<RouterId> {
        self.ids.borrow().get(&(file, key)).copied()
    }

    fn push_at(&self, router: RouterId, order: (FileId, u32), kind: EntryKind) {
        self.push(router, Entry { order, kind });
    }

    fn push(&self, router: RouterId, entry: Entry) {
        if let EntryKind::Mount(mount) = &entry.kind {
            if mount.child == router {
                return;
            }
            self.routers.borrow_mut()[mount.child.0 as usize].mounted = true;
        }
        self.routers.borrow_mut()[router.0 as usize]
            .entries
            .push(entry);
    }

    /// Whether a rule's framework may speak of a router.
    fn speaks(&self, rule: usize, router: RouterId) -> bool {
        let framework = self.routers.borrow()[router.0 as usize].framework;
        let wanted = self.rule(rule).framework;
        framework == wanted
            || self.rules.frameworks[framework]
                .extends
                .contains(&self.rules.frameworks[wanted].name)
    }

    fn link(&self, rule: usize) -> Option<Link> {
        self.rule(rule).rule.link
    }
}

/// What other modules ask of the rules and names.
impl<'a> Linker<'a> {
    pub(crate) fn loaded(&self, rule: usize) -> &'a LoadedRule {
        self.rule(rule)
    }

    /// Rules that may speak of a call: by the last name as it is written, and by the one that an
    /// import of another name stands for (`const session = require("express-session")`).
    pub(crate) fn call_rules(
        &self,
        file: FileId,
        callee: ExprId,
        last: &str,
    ) -> Vec<(usize, usize)> {
        let calls = &self.index(file).calls;
        let mut all = calls.list(last);
        let parsed = self.project.parsed(file);
        if matches!(parsed.unit.kind(callee), ExprKind::Name(_))
            && !parsed.unit.macro_calls.contains(&callee)
            && let Value::External(path) = self.eval(file, callee)
        {
            let other = path.rsplit('.').next().unwrap_or(&path);
            if other != last {
                for found in calls.candidates(other) {
                    if !all.contains(&found) {
                        all.push(found);
                    }
                }
            }
        }
        all
    }

    pub(crate) fn map_rules(&self, file: FileId) -> &'a [usize] {
        &self.index(file).maps
    }

    pub(crate) fn member_rules(&self, file: FileId) -> &'a [usize] {
        &self.index(file).members
    }

    pub(crate) fn mention_rules(&self, file: FileId, last: &str) -> Vec<(usize, usize)> {
        self.index(file).mentions.list(last)
    }

    pub(crate) fn assign_rules(&self, file: FileId, last: &str) -> Vec<(usize, usize)> {
        self.index(file).assigns.list(last)
    }

    pub(crate) fn class_rules(&self, file: FileId, last: &str) -> Vec<(usize, usize)> {
        self.index(file).classes.candidates(last).collect()
    }

    pub(crate) fn decorator_rules(&self, file: FileId, last: &str) -> Vec<(usize, usize)> {
        self.index(file).decorators.candidates(last).collect()
    }

    pub(crate) fn name_rules(&self, file: FileId, last: &str) -> Vec<(usize, usize)> {
        self.index(file).names.list(last)
    }

    pub(crate) fn imports(&self, file: FileId, framework: usize) -> bool {
        self.imported(file).contains(&framework)
    }

    pub(crate) fn speaks_in(&self, file: FileId, rule: &LoadedRule) -> bool {
        self.allowed(file, rule)
    }

    pub(crate) fn framework_name(&self, framework: usize) -> &'a str {
        &self.rules.frameworks[framework].name
    }

    pub(crate) fn sensitivity(&self) -> &'a crate::sensitivity::Sensitivity {
        self.sensitivity
    }

    pub(crate) fn cryptography(&self) -> &'a crate::crypto::Cryptography {
        self.cryptography
    }

    /// Whether some class that was read has a member whose type is like one of the patterns and
    /// holds many of the class of this name: `DbSet<User>`.
    pub(crate) fn collected(&self, patterns: &[crate::rule::Pattern], name: &str) -> bool {
        let all = self.collections.get_or_init(|| {
            let mut all = Vec::new();
            for file in 0..self.project.len() {
                let parsed = self.project.parsed(FileId(file as u32));
                let members = parsed.unit.assigns.iter();
                let members = members.filter(|assign| assign.class.is_some());
                for ty in members.filter_map(|assign| assign.ty.as_deref()) {
                    let inner = ty.trim_end_matches(['?', '!', ' ']).strip_suffix('>');
                    if let Some((outer, inner)) = inner.and_then(|ty| ty.split_once('<')) {
                        let inner = inner.rsplit('.').next().unwrap_or(inner).trim();
                        all.push((outer.trim().to_owned(), inner.to_owned()));
                    }
                }
            }
            all
        });
        all.iter().any(|(outer, inner)| {
            inner == name && patterns.iter().any(|pattern| pattern.matches(outer))
        })
    }

    /// The dotted names of all classes that a class derives from.
    pub(crate) fn bases(
        &self,
        file: FileId,
        class: ClassId,
        all: &mut std::collections::BTreeSet<String>,
        depth: u32,
    ) {
        if depth > 8 {
            return;
        }
        let parsed = self.project.parsed(file);
        for base in &parsed.unit.class(class).bases {
            if let Some(name) = self.name_of(file, *base) {
                all.insert(name);
            }
            if let Value::Class(at, base) = self.eval(file, *base)
                && (at, base) != (file, class)
            {
                self.bases(at, base, all, depth + 1);
            }
        }
    }
}

impl Linker<'_> {
    /// The functions that guards were found to be, and the methods of guard classes.
    /// Beside them those that guards ask for what the caller brings, a header or a cookie.
    pub(crate) fn guard_functions(&self) -> std::collections::BTreeSet<(FileId, FnId)> {
        let mut all = self.targets.borrow().clone();
        let mut latest: Vec<(FileId, FnId)> = all.iter().copied().collect();
        for _ in 0..2 {
            let mut next = Vec::new();
            for (file, function) in latest {
                let parsed = self.project.parsed(file);
                let span = parsed.unit.function(function).span;
                for id in parsed.unit.inside(span) {
                    if let ExprKind::Call { callee, .. } = parsed.unit.kind(id)
                        && let Value::Function(at, other) = self.eval(file, *callee)
                        && !all.contains(&(at, other))
                        && self.reads_credential(at, other, 0)
                    {
                        all.insert((at, other));
                        next.push((at, other));
                    }
                }
            }
            latest = next;
        }
        all
    }

    /// Remembers a function that answers an endpoint.
    pub(crate) fn remember_handler(&self, file: FileId, function: FnId) {
        self.handlers.borrow_mut().insert((file, function));
    }

    /// Whether a function answers an endpoint.
    pub(crate) fn is_handler(&self, file: FileId, function: FnId) -> bool {
        self.handlers.borrow().contains(&(file, function))
    }

    /// Whether a function turned out to be a guard.
    pub(crate) fn is_guard(&self, file: FileId, function: FnId) -> bool {
        self.targets.borrow().contains(&(file, function))
    }

    /// Per framework: how many places bring in routes that were not found, and the first of them.
    pub(crate) fn unfollowed(&self) -> Vec<(usize, usize, String, u32)> {
        let mut all: Vec<(usize, usize, String, u32)> = Vec::new();
        for (framework, file, line) in self.unfollowed.borrow().iter() {
            let path = self.project.path(*file);
            if crate::scope::scope_of_path(&path) != crate::fact::Scope::Production {
                continue;
            }
            match all.iter_mut().find(|entry| entry.0 == *framework) {
                Some(entry) => entry.1 += 1,
                None => all.push((*framework, 1, path.to_string(), line + 1)),
            }
        }
        all
    }

    /// Frameworks with routes that some file of production code imports; where the repository has
    /// endpoints of others, only those whose way to make routers or routes is taken somewhere.
    pub(crate) fn imported_with_routes(&self, others: bool) -> std::collections::BTreeSet<usize> {
        let mut found = std::collections::BTreeSet::new();
        for file in self.production() {
            found.extend(self.imported(file).iter().copied());
        }
        found.retain(|framework| {
            !self.rules.frameworks[*framework].imports.is_empty()
                && self.rules.all.iter().any(|loaded| {
                    loaded.framework == *framework
                        && matches!(loaded.rule.link, Some(Link::Route | Link::Filter))
                })
        });
        if others {
            found.retain(|framework| self.taken_up(*framework));
        }
        found
    }

    fn production(&self) -> impl Iterator<Item = FileId> + '_ {
        let files = (0..self.project.len()).map(|file| FileId(file as u32));
        files.filter(|file| {
            let scope = crate::scope::scope_of_path(&self.project.path(*file));
            scope == crate::fact::Scope::Production
        })
    }

    /// Whether code makes a router or a route as the framework's rules say, or a file stands where
    /// they look for routes: a package may be imported for its constants only.
    fn taken_up(&self, framework: usize) -> bool {
        let makes = |rule: usize| {
            let loaded = self.rule(rule);
            loaded.framework == framework
                && matches!(
                    loaded.rule.link,
                    Some(Link::Router | Link::Route | Link::Filter)
                )
                // What serves a router of another framework makes none.
                && loaded.rule.entries.is_empty()
        };
        let placed = |loaded: &LoadedRule| {
            let Some(globs) = &loaded.files else {
                return false;
            };
            let mut paths = self.project.paths().iter();
            (!loaded.rule.exports.is_empty() || loaded.rule.whole_file)
                && paths.any(|path| {
                    crate::scope::scope_of_path(path) == crate::fact::Scope::Production
                        && globs.is_match(path)
                })
        };
        if (0..self.rules.all.len()).any(|rule| makes(rule) && placed(self.rule(rule))) {
            return true;
        }
        let mut files = self.production();
        files.any(|file| {
            if !self.imported(file).contains(&framework) {
                return false;
            }
            let parsed = self.project.parsed(file);
            let unit = &parsed.unit;
            let index = self.index(file);
            let matches = |dispatch: &Dispatch, id: ExprId| {
                unit.last_name(id).is_some_and(|last| {
                    dispatch.candidates(last).any(|(rule, pattern)| {
                        let pattern = &self.rule(rule).patterns[pattern];
                        makes(rule)
                            && pattern.receiver.is_none()
                            && self
                                .name_of(file, id)
                                .is_some_and(|name| pattern.matches(&name))
                    })
                })
            };
            let called = |id: ExprId| match unit.kind(id) {
                ExprKind::Call { callee, .. } => *callee,
                _ => id,
            };
            let mut bases = unit.classes.iter().flat_map(|class| &class.bases);
            unit.ids().any(|id| match unit.kind(id) {
                ExprKind::Call { callee, .. } => {
                    matches(&index.calls, *callee) || matches(&index.decorators, *callee)
                }
                _ => unit.decorator_names.contains(&id) && matches(&index.decorators, id),
            }) || bases.any(|base| matches(&index.classes, called(*base)))
                || unit.assigns.iter().any(|assign| {
                    let mut rules = assign
                        .name
                        .iter()
                        .flat_map(|name| index.assigns.candidates(name));
                    rules.any(|(rule, _)| makes(rule))
                })
        })
    }
}
