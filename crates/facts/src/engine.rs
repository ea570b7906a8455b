//! The whole of reading: rules are loaded once, then a revision's files become an inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use rayon::prelude::*;

use crate::crypto::Cryptography;
use crate::element::Unit;
use crate::error::{Lines, RuleError};
use crate::fact::{Fact, Inventory, Problem, Scope};
use crate::hash::HashMap;
use crate::language::{Language, Languages};
use crate::link::{Linker, RuleIndex, TeamNames};
use crate::local::{self, Site};
use crate::project::{FileId, Parsed, Project, Reader};
use crate::rule::{Link, Rules};
use crate::secret::Credentials;
use crate::sensitivity::Sensitivity;

/// Larger source files are not parsed: nobody writes them by hand.
pub const MAX_SOURCE: usize = 2 * 1024 * 1024;

/// The stack of a thread that links: as large as that of a program's first thread.
const LINK_STACK: usize = 8 * 1024 * 1024;

/// The elements of a file that took longer to read are not kept.
const MAX_KEPT: Duration = Duration::from_secs(1);

/// Lock files are written by programs and grow with the project.
const MAX_LOCK: usize = 8 * 1024 * 1024;

/// How many bytes of a file are read at most, by its path.
pub fn most_bytes(path: &str) -> usize {
    if crate::is_lock(path) {
        MAX_LOCK
    } else {
        MAX_SOURCE
    }
}

/// All rules, read and indexed.
pub struct Engine {
    pub(crate) languages: Languages,
    pub(crate) rules: Rules,
    pub(crate) index: BTreeMap<String, RuleIndex>,
    pub(crate) sensitivity: Sensitivity,
    cryptography: Cryptography,
    pub(crate) plain: crate::plain::Plain,
    infra: crate::infra::Infra,
    names: TeamNames,
    roots: AhoCorasick,
    digest: String,
    /// Digest of what decides how a text is read: this program and the languages' files.
    reading: blake3::Hash,
}

/// What a team adds to the rules, from its policy at the base revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    /// Names of guards.
    pub names: TeamNames,
    /// Sensitivity classes: name and field patterns.
    pub classes: Vec<(String, Vec<String>)>,
    /// Rule files, as path below `.threatgate/rules/` and text.
    pub rules: Vec<(String, String)>,
}

/// A revision's files.
pub trait Tree: Sync {
    /// All paths, sorted.
    fn paths(&self) -> &BTreeSet<String>;
    /// The text of a file; `None` when it is absent, binary or beyond a bound.
    fn text(&self, path: &str) -> Option<Arc<str>>;
    /// A key that is equal for equal content; `None` when it has none.
    fn key(&self, path: &str) -> Option<String>;
    /// The scope that the repository's attributes give, if they speak.
    fn scope(&self, path: &str) -> Option<Scope>;
    /// A digest of the text that [`Self::text`] gives, if one is known: what is read of the file may
    /// then be kept beyond the run.
    fn content(&self, _path: &str) -> Option<String> {
        None
    }
}

/// Keeps bytes beyond a run, by keys that stand for all that the bytes were made of.
pub trait Store: Send + Sync {
    /// What was kept under the key, exactly as it was handed in; `None` where nothing is, or where it
    /// was damaged.
    fn get(&self, key: &[u8; 32]) -> Option<Vec<u8>>;
    /// Keeps bytes, if it can.
    fn put(&self, key: &[u8; 32], bytes: Vec<u8>);
}

/// Parsed files by content, shared between revisions, and where told between runs.
#[derive(Default)]
pub struct Cache {
    parsed: Mutex<HashMap<(String, usize), Slot>>,
    store: Option<Box<dyn Store>>,
}

impl Cache {
    /// One that outlives the run in a store.
    pub fn kept_in(store: Box<dyn Store>) -> Self {
        Self {
            store: Some(store),
            ..Self::default()
        }
    }
}

/// A file that was parsed, or one that cannot be.
type Reading = Option<Arc<Parsed>>;

/// The place of a file: whoever comes first fills it, the others wait.
type Slot = Arc<OnceLock<Reading>>;

/// What is asked of [`Engine::inventory`].
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The files whose own facts are read; `None` for all. Endpoints are always those of the
    /// whole revision.
    pub only: Option<BTreeSet<String>>,
    /// Whether endpoints are left out: nothing that they are read from is of interest.
    pub unlinked: bool,
}

/// How much was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Files that were parsed or found parsed in the cache.
    pub parsed: usize,
    /// Words that should make a reader stop.
    pub alarms: Vec<String>,
}

impl Engine {
    /// Reads the rules, given as path below `rules/` and text, and what the team adds.
    ///
    /// # Errors
    /// A rule file that cannot be read, with its line and the accepted words.
    pub fn new(files: &[(&str, &str)], team: &Team) -> Result<Self, RuleError> {
        let mut languages = Vec::new();
        let mut frameworks = Vec::new();
        let mut hasher = blake3::Hasher::new();
        let mut reading = blake3::Hasher::new();
        reading.update(env!("THREATGATE_READING").as_bytes());
        let own = team
            .rules
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()));
        // A team's file stands in place of the built-in one at the same path.
        let built_in = files
            .iter()
            .copied()
            .filter(|(path, _)| !team.rules.iter().any(|(own, _)| own == path));
        for (path, text) in built_in.chain(own) {
            hasher
                .update(path.as_bytes())
                .update(&[0])
                .update(text.as_bytes())
                .update(&[0]);
            let entry = (path.to_owned(), text.to_owned());
            if path.ends_with("/language.toml") {
                reading.update(text.as_bytes()).update(&[0]);
                languages.push(entry);
            } else if ![
                "crypto/",
                "policy/",
                "redaction/",
                "threats/",
                "secrets/",
                "dependencies/",
                "sensitivity/",
                "infra/",
                "templates/",
            ]
            .iter()
            .any(|folder| path.starts_with(folder))
            {
                frameworks.push(entry);
            }
        }
        let mut languages = Languages::load(&languages)?;
        for (path, _) in &team.rules {
            let folder = path.rsplit('/').nth(1).unwrap_or_default();
            let known: BTreeSet<&str> = languages.iter().map(|one| one.name.as_str()).collect();
            // A rule of an unknown language would never speak.
            if folder != "any" && !known.contains(folder) {
                let known: Vec<&str> = known.into_iter().collect();
                return Err(RuleError {
                    path: path.clone(),
                    line: 1,
                    message: format!(
                        "no rules can stand here; expected a folder named after one of any, {}",
                        known.join(", ")
                    ),
                });
            }
        }
        let rules = Rules::load(&frameworks)?;
        languages.add_places(rules.documents());
        let mut index = BTreeMap::new();
        for language in languages.iter() {
            index.insert(
                language.name.clone(),
                RuleIndex::new(&rules, &language.family),
            );
        }
        let roots = AhoCorasick::new(root_words(&rules)).map_err(|error| RuleError {
            path: "rules".into(),
            line: 1,
            message: error.to_string(),
        })?;
        let mut sensitivity = crate::plain::sensitivity(files, team)?;
        sensitivity.set_redaction(crate::redaction::Redaction::load(files)?);
        let cryptography = Cryptography::load(files)?;
        let plain = crate::plain::Plain::load(files)?;
        let infra = crate::infra::Infra::load(files)?;
        Ok(Self {
            languages,
            rules,
            index,
            sensitivity,
            cryptography,
            plain,
            infra,
            names: team.names.clone(),
            roots,
            digest: hasher.finalize().to_hex()[..12].to_owned(),
            reading: reading.finalize(),
        })
    }

    /// Digest of all rules, 12 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether a rule says of a file by its path that it holds routes, so that its place means
    /// something.
    pub fn by_place(&self, path: &str) -> bool {
        self.rules.by_place(path)
    }

    /// Whether what endpoints are can hang on a file of this name: sources, the manifests that name
    /// packages, and the documents that list the endpoints of the repository.
    pub fn links(&self, path: &str) -> bool {
        let names = |manifest: &String| path.ends_with(manifest.as_str());
        let mut modules = self.languages.modules();
        self.languages.of(path).is_some()
            || crate::specification::is_named_so(path)
            || modules.any(|(_, modules)| modules.manifest.as_ref().is_some_and(names))
    }

    /// Adds the endpoints of a revision to inventories that were made without, of revisions that do not
    /// differ in what endpoints are read from.
    pub fn add_endpoints(
        &self,
        tree: &dyn Tree,
        cache: &Cache,
        inventories: [&mut Inventory; 2],
    ) -> Stats {
        let request = Request {
            only: Some(BTreeSet::new()),
            unlinked: false,
        };
        let (shared, stats) = self.inventory(tree, cache, &request);
        for inventory in inventories {
            let mut facts = shared.facts.clone();
            inventory.credentials.hide(&mut facts);
            inventory.facts.append(&mut facts);
            inventory.facts.sort_by(in_order);
            inventory.problems.extend(shared.problems.iter().cloned());
            inventory.problems.sort();
            inventory.problems.dedup();
        }
        stats
    }

    /// Whether facts can come from a file of this name.
    pub fn reads(&self, path: &str) -> bool {
        self.languages.of(path).is_some() || self.plain.reads(path) || self.infra.reads(path)
    }

    /// The rules as id, framework, what they look for and where they stand, in file order.
    pub fn list(&self) -> Vec<RuleSummary> {
        let all = self.rules.all.iter().map(|loaded| {
            let framework = &self.rules.frameworks[loaded.framework];
            let rule = &loaded.rule;
            let looks = [
                &rule.call,
                &rule.decorator,
                &rule.class,
                &rule.assign,
                &rule.mention,
                &rule.parameter,
                &rule.names,
            ];
            let meaning = match (rule.fact, rule.link) {
                (Some(fact), _) => fact.name().to_owned(),
                (None, Some(link)) => format!("{link:?}").to_lowercase(),
                (None, None) => String::new(),
            };
            RuleSummary {
                id: rule.id.clone(),
                framework: framework.name.clone(),
                language: framework.language.clone(),
                meaning,
                patterns: looks.iter().flat_map(|list| list.iter().cloned()).collect(),
                file: framework.file.clone(),
                source: framework.source.clone(),
            }
        });
        all.collect()
    }

    /// What each rule file recognises, by language and framework.
    pub fn coverage(&self) -> Vec<Coverage> {
        let all = self.rules.frameworks.iter().enumerate();
        let mut all: Vec<Coverage> = all
            .map(|(index, framework)| {
                let own = self.rules.all.iter();
                let own = own.filter(|loaded| loaded.framework == index);
                let mut of = Coverage {
                    language: framework.language.clone(),
                    framework: framework.name.clone(),
                    file: framework.file.clone(),
                    source: framework.source.clone(),
                    gaps: framework.gaps.clone(),
                    ..Coverage::default()
                };
                for loaded in own {
                    let rule = &loaded.rule;
                    if let Some(fact) = rule.fact {
                        let setting = rule.attributes.contains_key("setting");
                        of.recognises.insert(match fact {
                            crate::fact::FactKind::Auth if setting => "settings",
                            other => other.name(),
                        });
                    }
                    of.protocols.extend(rule.protocol.clone());
                    let word = match rule.link {
                        Some(Link::Route | Link::Resource | Link::View | Link::Filter) => "routes",
                        Some(Link::Router | Link::Mount | Link::Prefix | Link::Concern) => {
                            "prefixes and mounts"
                        }
                        Some(Link::Guard | Link::GuardName | Link::Alias | Link::Service) => {
                            "guards"
                        }
                        Some(Link::Exempt) => "exemptions",
                        Some(Link::Denial | Link::Check) => "checks in the body",
                        Some(
                            Link::Lookup
                            | Link::LookupData
                            | Link::LookupFunction
                            | Link::Caller
                            | Link::Owner,
                        ) => "ownership",
                        Some(Link::Parameter) => "parameters",
                        _ => continue,
                    };
                    of.recognises.insert(word);
                }
                of
            })
            .collect();
        all.sort_by(|a, b| (&a.language, &a.framework).cmp(&(&b.language, &b.framework)));
        all
    }

    /// Ids of the rules that have matched nothing since the engine was made, as `language/id`:
    /// after all fixtures were read, those that no fixture exercises.
    pub fn unmatched_rules(&self) -> Vec<String> {
        let silent = self.rules.all.iter().filter(|loaded| {
            !loaded.patterns.is_empty()
                && !loaded
                    .patterns
                    .iter()
                    .any(crate::rule::Pattern::has_matched)
        });
        silent
            .map(|loaded| {
                let language = &self.rules.frameworks[loaded.framework].language;
                format!("{language}/{}", loaded.rule.id)
            })
            .collect()
    }

    /// The linked inventory of a revision.
    pub fn inventory(
        &self,
        tree: &dyn Tree,
        cache: &Cache,
        request: &Request,
    ) -> (Inventory, Stats) {
        self.linked(tree, cache, request, &self.chosen(tree, cache, request))
    }

    /// The linked inventories of two revisions, made at the same time; what is equal in both is
    /// parsed once.
    pub fn inventories(
        &self,
        (before, of_before): (&dyn Tree, &Request),
        (after, of_after): (&dyn Tree, &Request),
        cache: &Cache,
    ) -> ((Inventory, Stats), (Inventory, Stats)) {
        // Files are read by all threads, linking takes one for each revision.
        let first = self.chosen(before, cache, of_before);
        let second = self.chosen(after, cache, of_after);
        let link_first = || self.linked(before, cache, of_before, &first);
        let link_second = || self.linked(after, cache, of_after, &second);
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(LINK_STACK);
            match thread.spawn_scoped(scope, link_first) {
                Ok(running) => {
                    let second = link_second();
                    match running.join() {
                        Ok(first) => (first, second),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
                // No thread is to be had: one after the other.
                Err(_) => (link_first(), link_second()),
            }
        })
    }

    /// The files that are read, sorted by path, and whether each is read for linking. They are
    /// parsed afterwards.
    fn chosen<'a>(
        &self,
        tree: &'a dyn Tree,
        cache: &Cache,
        request: &Request,
    ) -> Vec<(&'a String, bool)> {
        let reader = CachedReader {
            engine: self,
            tree,
            cache,
        };
        let wanted = |path: &str| request.only.as_ref().is_none_or(|only| only.contains(path));
        // Which files are read for linking: those that hold a word of a rule.
        let sources: Vec<&String> = tree
            .paths()
            .iter()
            .filter(|path| self.languages.of(path).is_some())
            .collect();
        sources
            .par_iter()
            .filter_map(|path| {
                let scope = tree
                    .scope(path)
                    .unwrap_or_else(|| crate::scope::scope_of_path(path));
                let linked =
                    !request.unlinked && matches!(scope, Scope::Production | Scope::Example);
                let wanted = wanted(path);
                if !linked && !wanted {
                    return None;
                }
                let text = tree.text(path).filter(|text| text.len() <= MAX_SOURCE)?;
                let root = linked
                    && (self.roots.is_match(text.as_bytes()) || self.rules.by_place(path))
                    && crate::scope::scope_of_text(path, &text) != Scope::Generated;
                if root || wanted {
                    reader.read(path);
                }
                (root || wanted).then_some((*path, root))
            })
            .collect()
    }

    fn linked(
        &self,
        tree: &dyn Tree,
        cache: &Cache,
        request: &Request,
        chosen: &[(&String, bool)],
    ) -> (Inventory, Stats) {
        let reader = CachedReader {
            engine: self,
            tree,
            cache,
        };
        let wanted = |path: &str| request.only.as_ref().is_none_or(|only| only.contains(path));
        let packages = match request.unlinked {
            true => crate::project::Packages::default(),
            false => {
                crate::project::packages(&self.languages, tree.paths(), &|path| tree.text(path))
            }
        };
        let project = Project::new(&self.languages, &reader, tree.paths(), packages);
        let linker = Linker::new(
            project,
            &self.rules,
            &self.index,
            &self.names,
            &self.sensitivity,
            &self.cryptography,
        );
        for (path, root) in chosen {
            if *root {
                linker.project.load(path);
            }
        }
        for file in 0..linker.project.len() {
            linker.gather_aliases(FileId(file as u32));
        }
        let mut registered = 0;
        while registered < linker.project.len() {
            linker.register(FileId(registered as u32));
            registered += 1;
        }
        for _ in 0..3 {
            linker.bind_parameters();
            while registered < linker.project.len() {
                linker.register(FileId(registered as u32));
                registered += 1;
            }
        }
        linker.settle_scopes();
        while registered < linker.project.len() {
            linker.register(FileId(registered as u32));
            registered += 1;
        }
        linker.settle_scopes();
        let mut inventory = Inventory::default();
        let mut stats = Stats::default();
        if !request.unlinked {
            crate::endpoint::facts(self, &linker, tree, &mut inventory, &mut stats);
        }
        for (path, _) in chosen.iter().filter(|(path, _)| wanted(path)) {
            let Some(text) = tree.text(path) else {
                continue;
            };
            let Some(file) = linker.project.load(path) else {
                inventory.problems.push(Problem {
                    path: (*path).clone(),
                    line: None,
                    reason: "could not be parsed".into(),
                    whole: true,
                });
                continue;
            };
            let scope = tree
                .scope(path)
                .unwrap_or_else(|| crate::scope::scope_of_text(path, &text));
            let lines = Lines::of(&text);
            let site = Site {
                file,
                path,
                source: &text,
                lines: &lines,
                scope,
            };
            if !matches!(scope, Scope::Generated | Scope::Vendored) {
                // What is said already is looked for among the facts of the file, not of all files.
                let mut facts = Vec::new();
                local::extract(
                    &linker,
                    &site,
                    &self.sensitivity,
                    &mut facts,
                    &mut inventory.wording,
                );
                inventory.facts.append(&mut facts);
                let unit = &linker.project.parsed(file).unit;
                inventory.wording.declared(unit);
                let functions = unit.functions.iter();
                inventory
                    .functions
                    .extend(functions.map(|function| function.qualified.to_string()));
                crate::cleaning::words(unit, &mut inventory.words);
                let classes = unit.classes.iter();
                inventory
                    .functions
                    .extend(classes.map(|class| class.name.to_string()));
                if let Some(line) = unit.broken.first() {
                    let more = if unit.broken.len() > 1 {
                        format!(" and {} more places", unit.broken.len() - 1)
                    } else {
                        String::new()
                    };
                    inventory.problems.push(Problem {
                        path: (*path).clone(),
                        line: Some(line + 1),
                        reason: format!(
                            "syntax that the grammar does not know{more}; the rest was read"
                        ),
                        whole: false,
                    });
                }
                if unit.too_deep {
                    inventory.problems.push(Problem {
                        path: (*path).clone(),
                        line: None,
                        reason: "nested too deep; the innermost parts were left out".into(),
                        whole: false,
                    });
                }
            }
        }
        // Files that are no source: manifests, schemas, and any text for secrets.
        let texts: Vec<&String> = tree.paths().iter().filter(|path| wanted(path)).collect();
        let plain: Vec<_> = texts
            .par_iter()
            .filter_map(|path| {
                let text = tree.text(path)?;
                let scope = tree
                    .scope(path)
                    .unwrap_or_else(|| crate::scope::scope_of_text(path, &text));
                let read = |path: &str| tree.text(path).map(|text| text.to_string());
                let (mut facts, problems) =
                    self.plain
                        .extract(path, &text, scope, &self.sensitivity, &read);
                crate::document_model::models(
                    &self.languages,
                    path,
                    &text,
                    scope,
                    &self.sensitivity,
                    &mut facts,
                );
                crate::specification::endpoints(
                    &self.languages,
                    path,
                    &text,
                    scope,
                    &read,
                    &mut facts,
                );
                let words = self.plain.outputs(path, &text, scope, &mut facts);
                Some((*path, facts, problems, words))
            })
            .collect();
        for (path, facts, problems, words) in plain {
            if !words.is_empty() {
                let name = path.rsplit('/').next().unwrap_or(path).to_owned();
                inventory.words.entry(name).or_default().extend(words);
            }
            inventory.facts.extend(facts);
            inventory.problems.extend(problems);
        }
        let (facts, problems) = self.infra.extract(tree, request.only.as_ref());
        inventory.facts.extend(facts);
        inventory.problems.extend(problems);
        if request.only.is_none() {
            crate::specification::without_doubles(&mut inventory);
        }
        if !request.unlinked {
            self.mark_unlisted(tree, &wanted, &mut inventory);
        }
        stats.parsed = linker.project.len();
        inventory.credentials = Credentials::of(&inventory.facts, |path| tree.text(path));
        inventory.credentials.hide(&mut inventory.facts);
        inventory.facts.sort_by(in_order);
        inventory.problems.sort();
        inventory.problems.dedup();
        (inventory, stats)
    }

    /// Holds endpoints against the documents of the repository: those of the files that are read, or all where a
    /// document itself is among them.
    fn mark_unlisted(
        &self,
        tree: &dyn Tree,
        wanted: &dyn Fn(&str) -> bool,
        inventory: &mut Inventory,
    ) {
        let named = crate::specification::documents(tree.paths().iter());
        let all = named.iter().any(|path| wanted(path));
        let judged = |path: &str| all || wanted(path);
        let mut endpoints = inventory.facts.iter();
        let any = endpoints.any(|fact| {
            fact.kind == crate::fact::FactKind::Endpoint && judged(&fact.location.path)
        });
        if !any {
            return;
        }
        let texts: Vec<_> = named
            .into_iter()
            .filter_map(|path| Some((path.as_str(), tree.text(path)?)))
            .collect();
        let documents: Vec<(&str, &str)> =
            texts.iter().map(|(path, text)| (*path, &**text)).collect();
        let read = |path: &str| tree.text(path).map(|text| text.to_string());
        crate::specification::mark_unlisted(&self.languages, &documents, &judged, &read, inventory);
    }

    /// The credentials in one text, which may be of any revision. Without a scope it follows from
    /// the path and the text.
    pub fn secrets(&self, path: &str, text: &str, scope: Option<Scope>) -> Vec<Fact> {
        let scope = scope.unwrap_or_else(|| crate::scope::scope_of_text(path, text));
        self.plain.secrets(path, text, scope)
    }
}

/// The order of an inventory's facts.
fn in_order(a: &Fact, b: &Fact) -> std::cmp::Ordering {
    let place = |fact: &Fact| fact.location.start;
    (a.kind, &a.location.path, place(a), &a.identity).cmp(&(
        b.kind,
        &b.location.path,
        place(b),
        &b.identity,
    ))
}

/// What a rule file recognises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The language's folder.
    pub language: String,
    /// The framework or library.
    pub framework: String,
    /// The rule file, below `rules/`.
    pub file: String,
    /// The document it was written from.
    pub source: String,
    /// In words: `routes`, `guards`, `crypto` …
    pub recognises: BTreeSet<&'static str>,
    /// Protocols beside HTTP.
    pub protocols: BTreeSet<String>,
    /// What is known not to be recognised.
    pub gaps: Vec<String>,
}

/// A rule in short.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RuleSummary {
    /// Its id.
    pub id: String,
    /// The framework or library.
    pub framework: String,
    /// The language's folder.
    pub language: String,
    /// The fact or link that it gives.
    pub meaning: String,
    /// What it looks for.
    pub patterns: Vec<String>,
    /// The file it stands in.
    pub file: String,
    /// The document it was written from.
    pub source: String,
}

/// Words without which a file cannot hold a route, a router, a mount or a global guard.
fn root_words(rules: &Rules) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for framework in &rules.frameworks {
        let links = |loaded: &&crate::rule::LoadedRule| {
            matches!(
                loaded.rule.link,
                Some(
                    Link::Router
                        | Link::Route
                        | Link::Mount
                        | Link::View
                        | Link::Prefix
                        | Link::PathRule
                        | Link::Service
                        | Link::PathGuard
                        | Link::Implementation
                )
            )
        };
        let own = rules
            .all
            .iter()
            .filter(|loaded| rules.frameworks[loaded.framework].file == framework.file);
        if own.clone().filter(links).count() > 0 {
            words.extend(framework.imports.iter().cloned());
            // Some languages part namespaces by another sign.
            let dotted = framework.imports.iter().filter(|name| name.contains('.'));
            words.extend(dotted.map(|name| name.replace('.', "\\")));
        }
    }
    for loaded in &rules.all {
        let rule = &loaded.rule;
        words.extend(rule.directive.clone());
        if !rule.collected.is_empty() {
            let names = loaded.patterns.iter().flat_map(|pattern| pattern.last());
            words.extend(names.map(|name| format!("{name}<")));
        }
        if rule.link == Some(Link::Router) && !rule.class.is_empty() {
            // A class that is a router by what it derives from.
            let names = loaded.patterns.iter().flat_map(|pattern| pattern.last());
            words.extend(names.filter(|name| !name.contains('*')).cloned());
        }
        let linked = matches!(
            loaded.rule.link,
            Some(
                Link::Router | Link::Route | Link::Mount | Link::Guard | Link::Prefix | Link::Alias
            )
        );
        if !linked {
            continue;
        }
        if !loaded.rule.assign.is_empty() {
            let names = loaded.patterns.iter().flat_map(|pattern| pattern.last());
            words.extend(names.filter(|name| name.len() > 5).cloned());
        }
        for pattern in &loaded.patterns {
            if loaded.rule.scoped && loaded.rule.link == Some(Link::Router) {
                words.extend(pattern.last().iter().cloned());
            }
            // Chains in maps are found from the routers that hold them.
            if pattern.receiver.as_deref() == Some("$keyed") {
                continue;
            }
            if pattern.receiver.is_none() {
                // What needs no import in its file is known by its own name.
                if loaded.rule.link == Some(Link::Route) && pattern.is_anywhere() {
                    let names = pattern.last().iter();
                    words.extend(names.filter(|name| name.len() > 6).cloned());
                }
                if !loaded.rule.keyed.is_empty() {
                    let names = pattern.last().iter().filter(|name| !name.contains('*'));
                    words.extend(names.map(|name| format!("{name}({{")));
                }
                continue;
            }
            for name in pattern.last() {
                if name.len() >= 5 && !name.contains('*') {
                    words.insert(format!(".{name}("));
                } else {
                    // Short names are everywhere; a path behind them is not.
                    for quote in ['"', '\'', '`'] {
                        words.insert(format!(".{name}({quote}/"));
                    }
                }
            }
        }
    }
    words.remove("");
    words
}

struct CachedReader<'a> {
    engine: &'a Engine,
    tree: &'a dyn Tree,
    cache: &'a Cache,
}

impl CachedReader<'_> {
    /// The elements of a text, from the store if they are there.
    fn unit(&self, path: &str, language: &Language, text: &str) -> Option<Unit> {
        let content = self.tree.content(path);
        let Some((store, content)) = self.cache.store.as_ref().zip(content) else {
            return crate::walk::walk(language, text);
        };
        let mut key = blake3::Hasher::new();
        key.update(self.engine.reading.as_bytes())
            .update(language.name.as_bytes())
            .update(&[0])
            .update(content.as_bytes());
        let key = key.finalize();
        let known = store.get(key.as_bytes());
        if let Some(unit) = known.and_then(|bytes| Unit::decode(&bytes)) {
            return Some(unit);
        }
        let start = Instant::now();
        let unit = crate::walk::walk(language, text);
        // What takes long may have been given up: it depends on the machine and is not kept. Nor is what
        // holds a credential.
        if let Some(bytes) = unit.as_ref().and_then(Unit::encode)
            && start.elapsed() < MAX_KEPT
            && self
                .engine
                .secrets(path, text, Some(Scope::Production))
                .is_empty()
        {
            store.put(key.as_bytes(), bytes);
        }
        unit
    }
}

impl Reader for CachedReader<'_> {
    fn read(&self, path: &str) -> Option<Arc<Parsed>> {
        let language = self.engine.languages.of(path)?;
        let key = self.tree.key(path).map(|key| (key, language.0));
        let text = || self.tree.text(path);
        let parse = |text: Arc<str>| {
            if text.len() > MAX_SOURCE {
                return None;
            }
            let language_data = self.engine.languages.get(language);
            let unit = self.unit(path, language_data, &text);
            unit.map(|unit| {
                Arc::new(Parsed::new(
                    language,
                    unit,
                    &language_data.self_names,
                    !language_data.mixins.is_empty(),
                ))
            })
        };
        let slot = key.and_then(|key| {
            let mut all = self.cache.parsed.lock().ok()?;
            Some(all.entry(key).or_default().clone())
        });
        match slot {
            // Who comes second waits for the first: nothing is parsed twice.
            Some(slot) => slot.get_or_init(|| text().and_then(parse)).clone(),
            None => text().and_then(parse),
        }
    }
}
