//! The files of one revision, read on demand, and what a name in one of them means.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::element::*;
use crate::hash::{HashMap, HashSet};
use crate::language::{Language, LanguageId, Languages, ModuleStyle, Modules};
use crate::rule::wild;

/// Index of a loaded file in [`Project`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(crate) u32);

/// Chains of imports and names are followed no further than this.
const MAX_HOPS: u32 = 24;

/// A parsed file with its names.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) language: LanguageId,
    pub(crate) unit: Unit,
    /// Names at the top of the file.
    top: HashMap<Box<str>, Vec<Definition>>,
    /// Assignments by enclosing function and name.
    local: HashMap<(FnId, Box<str>), Vec<u32>>,
    /// Functions inside functions.
    inner: HashMap<(FnId, Box<str>), FnId>,
    /// Members of classes by name.
    members: HashMap<(ClassId, Box<str>), Vec<Member>>,
    /// Star imports.
    stars: Vec<usize>,
    /// Functions by the type that they are methods of, where they stand outside of it.
    received: HashMap<(Box<str>, Box<str>), FnId>,
    /// Names with their namespaces, of classes and of what stands outside of them.
    qualified: HashMap<Box<str>, Definition>,
    /// Values that functions give to variables of the file or of another one.
    given: HashMap<Box<str>, Vec<u32>>,
    /// Values that methods give to fields of the type that they are methods of.
    fields: HashMap<(Box<str>, Box<str>), Vec<u32>>,
}

#[derive(Clone, Copy, Debug)]
enum Definition {
    Function(FnId),
    Class(ClassId),
    Assign(u32),
    Import(usize),
}

/// A member of a class.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member {
    Method(FnId),
    /// A field, also one that is assigned through `self`.
    Field(u32),
}

impl Parsed {
    /// `mixed`: functions in a block of a class or file are methods of that.
    pub(crate) fn new(
        language: LanguageId,
        unit: Unit,
        self_names: &[String],
        mixed: bool,
    ) -> Self {
        let mut top: HashMap<Box<str>, Vec<Definition>> = HashMap::default();
        let mut local: HashMap<(FnId, Box<str>), Vec<u32>> = HashMap::default();
        let mut inner = HashMap::default();
        let mut members: HashMap<(ClassId, Box<str>), Vec<Member>> = HashMap::default();
        let mut stars = Vec::new();
        let mut received = HashMap::default();
        let mut qualified: HashMap<Box<str>, Definition> = HashMap::default();
        let full = |name: &str| match unit.package.is_empty() {
            true => Box::<str>::from(name),
            false => format!("{}.{name}", unit.package).into(),
        };
        for (index, import) in unit.imports.iter().enumerate() {
            if &*import.local == "*" {
                stars.push(index);
            } else {
                top.entry(import.local.clone())
                    .or_default()
                    .push(Definition::Import(index));
            }
        }
        for (index, function) in unit.functions.iter().enumerate() {
            let id = FnId(index as u32);
            if !function.declared {
                continue;
            }
            if let Some(receiver) = &function.receiver {
                received.insert((receiver.clone(), function.name.clone()), id);
                continue;
            }
            match (function.class, function.parent) {
                (Some(class), _) => members
                    .entry((class, function.name.clone()))
                    .or_default()
                    .push(Member::Method(id)),
                (None, Some(parent)) => {
                    inner.insert((parent, function.name.clone()), id);
                    let around = unit.function(parent);
                    match (around.class, around.parent) {
                        _ if !mixed || around.declared => {}
                        (Some(class), _) => {
                            let all = members.entry((class, function.name.clone()));
                            all.or_default().push(Member::Method(id));
                        }
                        (None, None) => {
                            let own = top.entry(function.name.clone()).or_default();
                            own.push(Definition::Function(id));
                        }
                        _ => {}
                    }
                }
                (None, None) => {
                    let definition = Definition::Function(id);
                    qualified.entry(full(&function.name)).or_insert(definition);
                    let own = top.entry(function.name.clone()).or_default();
                    own.push(definition);
                }
            }
        }
        let locals: HashSet<(FnId, &str)> = unit
            .assigns
            .iter()
            .filter(|assign| !assign.given)
            .filter_map(|assign| Some((assign.function?, assign.name.as_deref()?)))
            .collect();
        let classes = unit.classes.iter().enumerate();
        for (index, class) in classes.filter(|(_, class)| class.declared) {
            let definition = Definition::Class(ClassId(index as u32));
            let named = qualified.entry(class.qualified.clone());
            named.or_insert(definition);
            top.entry(class.name.clone()).or_default().push(definition);
        }
        let declared = |function: FnId, name: &str| {
            let mut scope = Some(function);
            while let Some(id) = scope {
                let own = unit.function(id).params.iter();
                let mut own = own.map(|param| param_name(&param.name));
                if own.any(|own| own == name) || locals.contains(&(id, name)) {
                    return true;
                }
                scope = unit.function(id).parent;
            }
            false
        };
        let mut given: HashMap<Box<str>, Vec<u32>> = HashMap::default();
        let mut fields: HashMap<(Box<str>, Box<str>), Vec<u32>> = HashMap::default();
        for (index, assign) in unit.assigns.iter().enumerate() {
            let index = index as u32;
            match &assign.name {
                Some(name) if assign.given => match assign.function {
                    Some(function) if !declared(function, name) => {
                        given.entry(name.clone()).or_default().push(index);
                    }
                    Some(function) => local
                        .entry((function, name.clone()))
                        .or_default()
                        .push(index),
                    None => {}
                },
                Some(name) => match (assign.function, assign.class) {
                    (Some(function), _) => local
                        .entry((function, name.clone()))
                        .or_default()
                        .push(index),
                    (None, Some(class)) => members
                        .entry((class, name.clone()))
                        .or_default()
                        .push(Member::Field(index)),
                    (None, None) => {
                        let definition = Definition::Assign(index);
                        qualified.entry(full(name)).or_insert(definition);
                        top.entry(name.clone()).or_default().push(definition);
                    }
                },
                None => {
                    // `self.x = …` in a method is a member of its class.
                    let Some(path) = unit.path(assign.target) else {
                        continue;
                    };
                    let Some((object, property)) = path.split_once('.') else {
                        continue;
                    };
                    if property.contains('.') {
                        continue;
                    }
                    if let Some(receiver) = received_as(&unit, assign.function, object) {
                        let key = (receiver, property.into());
                        fields.entry(key).or_default().push(index);
                        continue;
                    }
                    if !self_names.iter().any(|name| name == object) {
                        // `Server.instance = …` is a member of the class `Server`.
                        let mut classes = unit.classes.iter();
                        if let Some(class) = classes.position(|class| &*class.name == object) {
                            members
                                .entry((ClassId(class as u32), property.into()))
                                .or_default()
                                .push(Member::Field(index));
                        }
                        continue;
                    }
                    let mut function = assign.function;
                    while let Some(id) = function {
                        let outer = unit.function(id);
                        if let Some(class) = outer.class {
                            members
                                .entry((class, property.into()))
                                .or_default()
                                .push(Member::Field(index));
                            break;
                        }
                        function = outer.parent;
                    }
                }
            }
        }
        Self {
            language,
            unit,
            top,
            local,
            inner,
            members,
            stars,
            received,
            qualified,
            given,
            fields,
        }
    }

    /// Values that functions of the file give to a variable that stands outside of them.
    pub(crate) fn given(&self, name: &str) -> &[u32] {
        self.given.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Values that methods of the file give to a field of their type.
    pub(crate) fn given_field(&self, ty: &str, name: &str) -> &[u32] {
        let key = (ty.into(), name.into());
        self.fields.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Members of a class by name, own ones only.
    pub(crate) fn members(&self, class: ClassId, name: &str) -> &[Member] {
        self.members
            .get(&(class, name.into()))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// A method of a type of this name that stands outside of it.
    pub(crate) fn received(&self, ty: &str, name: &str) -> Option<FnId> {
        self.received.get(&(ty.into(), name.into())).copied()
    }

    /// The methods of a class, in source order.
    pub(crate) fn methods(&self, class: ClassId) -> Vec<FnId> {
        let all = self.unit.functions.iter().enumerate();
        all.filter(|(_, function)| function.class == Some(class))
            .map(|(index, _)| FnId(index as u32))
            .collect()
    }
}

/// The type of a method that stands outside of it, if its receiver has this name.
fn received_as(unit: &Unit, function: Option<FnId>, name: &str) -> Option<Box<str>> {
    let mut scope = function;
    while let Some(id) = scope {
        let function = unit.function(id);
        if let Some(receiver) = &function.receiver {
            // The receiver stands behind the other parameters.
            let last = function.params.last()?;
            return (param_name(&last.name) == name).then(|| receiver.clone());
        }
        scope = function.parent;
    }
    None
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Function(FileId, FnId),
    Class(FileId, ClassId),
    /// An assignment: file and index.
    Assign(FileId, u32),
    Param(FileId, FnId, usize),
    Module(FileId),
    /// Something outside the repository, by its dotted name.
    External(String),
    Unknown,
}

/// Files by their folder, by the folder's last name.
type Folders = HashMap<Box<str>, BTreeMap<Box<str>, Vec<Box<str>>>>;

/// Folders with more files are not looked through for a name.
const MAX_TOGETHER: usize = 200;

/// Files by the full names that they declare.
type Declaring = HashMap<Box<str>, Vec<FileId>>;

/// Gives the parsed text of a path; `None` when it cannot be read.
pub(crate) trait Reader {
    fn read(&self, path: &str) -> Option<Arc<Parsed>>;
}

#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: Arc<str>,
    pub(crate) parsed: Arc<Parsed>,
}

/// The packages of a repository, by their manifests.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    /// Folder of the sources of each package, by the name that imports use.
    sources: BTreeMap<String, String>,
    /// The folders with a manifest, and whether what stands there only runs in front of a user.
    client: BTreeMap<String, bool>,
}

/// One revision's files.
pub(crate) struct Project<'a> {
    pub(crate) languages: &'a Languages,
    reader: &'a dyn Reader,
    paths: &'a BTreeSet<String>,
    files: RefCell<Vec<File>>,
    ids: RefCell<HashMap<String, Option<FileId>>>,
    modules: RefCell<HashMap<(FileId, String), Option<FileId>>>,
    /// The files of the same folder that share names with a file.
    siblings: RefCell<HashMap<FileId, Vec<FileId>>>,
    /// What files hand out, as far as it was asked.
    exported: RefCell<HashMap<(FileId, Box<str>), Target>>,
    /// What the running question has asked on its way.
    asked: RefCell<HashSet<(FileId, Box<str>)>>,
    packages: Packages,
    /// Macros of the loaded files: they are used by their bare name anywhere.
    macros: RefCell<HashMap<Box<str>, (FileId, FnId)>>,
    /// What names with their namespaces were found to be.
    spaces: RefCell<HashMap<(LanguageId, String), Target>>,
    /// Source files by their names without extension.
    stems: std::cell::OnceCell<HashMap<Box<str>, Vec<Box<str>>>>,
    /// Folders with their files, by the folder's last name.
    folders: std::cell::OnceCell<Folders>,
    /// The files that declare a full name, and how many files were looked into so far.
    declaring: RefCell<(usize, Declaring)>,
}

impl<'a> Project<'a> {
    pub(crate) fn new(
        languages: &'a Languages,
        reader: &'a dyn Reader,
        paths: &'a BTreeSet<String>,
        packages: Packages,
    ) -> Self {
        Self {
            languages,
            reader,
            paths,
            files: RefCell::default(),
            ids: RefCell::default(),
            modules: RefCell::default(),
            siblings: RefCell::default(),
            exported: RefCell::default(),
            asked: RefCell::default(),
            packages,
            macros: RefCell::default(),
            spaces: RefCell::default(),
            stems: std::cell::OnceCell::new(),
            folders: std::cell::OnceCell::new(),
            declaring: RefCell::default(),
        }
    }

    /// Loads a file of the revision.
    pub(crate) fn load(&self, path: &str) -> Option<FileId> {
        if let Some(known) = self.ids.borrow().get(path) {
            return *known;
        }
        let parsed = if self.paths.contains(path) {
            self.reader.read(path)
        } else {
            None
        };
        let id = parsed.map(|parsed| {
            let mut files = self.files.borrow_mut();
            let id = FileId(files.len() as u32);
            let unit = &parsed.unit;
            for function in &unit.macros {
                let name = unit.function(*function).name.clone();
                let mut macros = self.macros.borrow_mut();
                macros.entry(name).or_insert((id, *function));
            }
            files.push(File {
                path: path.into(),
                parsed,
            });
            id
        });
        self.ids.borrow_mut().insert(path.to_owned(), id);
        id
    }

    pub(crate) fn parsed(&self, id: FileId) -> Arc<Parsed> {
        self.files.borrow()[id.0 as usize].parsed.clone()
    }

    pub(crate) fn path(&self, id: FileId) -> Arc<str> {
        self.files.borrow()[id.0 as usize].path.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.files.borrow().len()
    }

    pub(crate) fn language(&self, id: FileId) -> &'a Language {
        let language = self.files.borrow()[id.0 as usize].parsed.language;
        self.languages.get(language)
    }

    /// The first of the candidate paths that exists.
    fn existing(&self, stem: &str, language: &Language) -> Option<FileId> {
        let stem = stem.trim_start_matches('/');
        let modules = language.modules.as_ref()?;
        if self.paths.contains(stem) && self.languages.of(stem).is_some() {
            return self.load(stem);
        }
        for extension in &modules.extensions {
            let path = format!("{stem}.{extension}");
            if self.paths.contains(&path) {
                return self.load(&path);
            }
        }
        // A name written with the extension that it will be compiled to.
        if let Some((bare, "js" | "mjs" | "cjs" | "jsx")) = stem.rsplit_once('.') {
            for extension in &modules.extensions {
                let path = format!("{bare}.{extension}");
                if self.paths.contains(&path) {
                    return self.load(&path);
                }
            }
        }
        for index in &modules.index {
            for extension in &modules.extensions {
                let path = if stem.is_empty() {
                    format!("{index}.{extension}")
                } else {
                    format!("{stem}/{index}.{extension}")
                };
                if self.paths.contains(&path) {
                    return self.load(&path);
                }
            }
        }
        None
    }

    /// The file that a module name means in `from`; `None` for one outside the repository.
    pub(crate) fn module(&self, from: FileId, module: &str) -> Option<FileId> {
        let key = (from, module.to_owned());
        if let Some(known) = self.modules.borrow().get(&key) {
            return *known;
        }
        let found = self.find_module(from, module);
        self.modules.borrow_mut().insert(key, found);
        found
    }

    /// A word that stands for a module at the head of a path: `crate::users::list`.
    pub(crate) fn module_word(&self, file: FileId, name: &str) -> Option<FileId> {
        if self.style(file) != Some(ModuleStyle::Crate) {
            return None;
        }
        match name {
            "self" => Some(file),
            "crate" | "super" => self.module(file, name),
            _ => None,
        }
    }

    /// A package of the repository at the head of a path: `other_crate::users::list`.
    pub(crate) fn package_module(&self, file: FileId, name: &str) -> Option<FileId> {
        if self.style(file) != Some(ModuleStyle::Crate) || !self.packages.sources.contains_key(name)
        {
            return None;
        }
        self.module(file, name)
    }

    fn find_module(&self, from: FileId, module: &str) -> Option<FileId> {
        let language = self.language(from);
        let path = self.path(from);
        let folder = path
            .rsplit_once('/')
            .map(|(folder, _)| folder)
            .unwrap_or_default();
        match language.modules.as_ref()?.style {
            ModuleStyle::Folder => self.folder_of(module).and_then(|folder| {
                self.in_folder(&folder, language)
                    .into_iter()
                    .find(|file| *file != from)
            }),
            // Names are qualified; no file stands for a namespace.
            ModuleStyle::Namespace => None,
            ModuleStyle::Dotted => {
                let dots = module.len() - module.trim_start_matches('.').len();
                let rest = module[dots..].replace('.', "/");
                if dots > 0 {
                    let base = ancestor(folder, dots - 1)?;
                    let stem = join(base, &rest);
                    return self.existing(&stem, language);
                }
                // The nearest folder above from which the path exists: sources need not start at
                // the repository's root.
                let mut base = Some(folder);
                while let Some(here) = base {
                    if let Some(found) = self.existing(&join(here, &rest), language)
                        && found != from
                    {
                        return Some(found);
                    }
                    base = ancestor(here, 1);
                }
                self.existing(&join("src", &rest), language)
            }
            ModuleStyle::Path => {
                if module.starts_with('.') {
                    return self.existing(&relative(folder, module)?, language);
                }
                let rest = module
                    .strip_prefix("@/")
                    .or_else(|| module.strip_prefix("~/"))
                    .or_else(|| module.strip_prefix("#/"))
                    .or_else(|| module.strip_prefix("$/"))
                    .or_else(|| module.strip_prefix("$lib/"));
                let aliased = rest.is_some();
                let rest = rest.unwrap_or(module);
                if !aliased && !module.contains('/') {
                    return self.in_package(module, language);
                }
                if let Some(found) = self.in_package(module, language) {
                    return Some(found);
                }
                // `@scope/package` is a package unless a folder of the repository has its name.
                let inner = if aliased {
                    None
                } else {
                    rest.strip_prefix('@')
                        .and_then(|rest| rest.split_once('/'))
                        .map(|(_, rest)| rest)
                };
                let mut base = Some(folder);
                while let Some(here) = base {
                    for root in ["", "src", "app", "lib"] {
                        let here = join(here, root);
                        if let Some(found) = self.existing(&join(&here, rest), language) {
                            return Some(found);
                        }
                        if let Some(inner) = inner.filter(|inner| inner.contains('/'))
                            && let Some(found) = self.existing(&join(&here, inner), language)
                        {
                            return Some(found);
                        }
                    }
                    base = ancestor(here, 1);
                }
                // A package of the same repository.
                let (package, rest) = match inner {
                    Some(inner) => inner.split_once('/').unwrap_or((inner, "")),
                    None => return None,
                };
                for workspace in ["packages", "libs", "apps", "modules"] {
                    for root in ["src", ""] {
                        let stem = join(&join(&join(workspace, package), root), rest);
                        if let Some(found) = self.existing(&stem, language) {
                            return Some(found);
                        }
                    }
                }
                None
            }
            ModuleStyle::Crate => {
                let mut words = module.split('.');
                let first = words.next()?;
                let rest: Vec<&str> = words.collect();
                let base = match first {
                    "crate" => crate_root(&path, self.paths)?,
                    "self" => module_folder(&path),
                    "super" => {
                        let mut folder = module_folder(&path);
                        let mut rest = &rest[..];
                        folder = ancestor(&folder, 1)?.to_owned();
                        while let Some(("super", more)) =
                            rest.split_first().map(|(word, more)| (*word, more))
                        {
                            folder = ancestor(&folder, 1)?.to_owned();
                            rest = more;
                        }
                        return self
                            .existing(&join(&folder, &rest.join("/")), language)
                            .filter(|found| *found != from || rest.is_empty());
                    }
                    other => match self.packages.sources.get(other) {
                        Some(folder) => folder.clone(),
                        // A module that is declared in this file.
                        None => {
                            let stem = join(&join(&module_folder(&path), other), &rest.join("/"));
                            let found = self.existing(&stem, language);
                            return found.or_else(|| self.root_path(&path, other, &rest, language));
                        }
                    },
                };
                self.existing(&join(&base, &rest.join("/")), language)
            }
        }
    }

    /// A path of a crate of the 2015 edition, which begins at the crate's root: one that names the
    /// crates that it uses.
    fn root_path(
        &self,
        path: &str,
        first: &str,
        rest: &[&str],
        language: &Language,
    ) -> Option<FileId> {
        let folder = crate_root(path, self.paths)?;
        let found = self.existing(&join(&join(&folder, first), &rest.join("/")), language)?;
        let root = self.load(&join(&folder, "lib.rs"));
        let root = self.parsed(root.or_else(|| self.load(&join(&folder, "main.rs")))?);
        let crates = root.unit.imports.iter();
        let mut crates = crates
            .filter(|import| import.symbol.is_none() && import.module == import.local)
            .peekable();
        crates.peek()?;
        (!crates.any(|import| *import.local == *first)).then_some(found)
    }

    /// A module of a package of this repository: `@shop/guards`, `@shop/guards/admin`.
    fn in_package(&self, module: &str, language: &Language) -> Option<FileId> {
        let scope = usize::from(module.starts_with('@'));
        let end = module.match_indices('/').nth(scope);
        let (name, rest) = match end {
            Some((at, _)) => (&module[..at], &module[at + 1..]),
            None => (module, ""),
        };
        let folder = self.packages.sources.get(name)?;
        ["src", ""]
            .iter()
            .find_map(|root| self.existing(&join(&join(folder, root), rest), language))
    }

    /// What the name of a macro means in `file`.
    pub(crate) fn lookup_macro(&self, file: FileId, name: &str) -> Target {
        let parsed = self.parsed(file);
        let unit = &parsed.unit;
        let mut own = unit.macros.iter().rev();
        if let Some(function) = own.find(|function| &*unit.function(**function).name == name) {
            return Target::Function(file, *function);
        }
        if let Some((file, function)) = self.macros.borrow().get(name) {
            return Target::Function(*file, *function);
        }
        let imported = parsed.top.get(name).into_iter().flatten();
        for definition in imported {
            if let Definition::Import(index) = definition {
                // A module of the same name is none.
                match self.import(file, *index, 0) {
                    Target::Module(_) => {}
                    found => return found,
                }
            }
        }
        Target::Unknown
    }

    /// The type that a class only adds to, where an import of the file names it.
    pub(crate) fn extended(&self, file: FileId, class: ClassId) -> Option<(FileId, ClassId)> {
        let parsed = self.parsed(file);
        let element = parsed.unit.class(class);
        let mut found = parsed.top.get(&element.name)?.iter();
        let import = found.find_map(|definition| match definition {
            Definition::Import(index) if element.extends => Some(*index),
            _ => None,
        })?;
        match self.import(file, import, 0) {
            Target::Class(at, class) if at != file => Some((at, class)),
            _ => None,
        }
    }

    /// What `name` means at the place of an expression of `file`.
    pub(crate) fn lookup(
        &self,
        file: FileId,
        name: &str,
        function: Option<FnId>,
        before: u32,
    ) -> Target {
        let parsed = self.parsed(file);
        let mut scope = function;
        while let Some(id) = scope {
            if let Some(found) = parsed.local.get(&(id, name.into())) {
                // The last assignment before the place; a rebinding shadows.
                let assigns = &parsed.unit.assigns;
                let known = |index: &&u32| {
                    let block = assigns[**index as usize].block;
                    block.is_none_or(|block| block.start <= before && before < block.end)
                };
                let mut found = found.iter().filter(known);
                let first = found.clone().next();
                let is_before = |index: &&u32| assigns[**index as usize].span.end <= before;
                // What only some runs are given leaves the value before it possible.
                let certain = found.clone().rfind(|index| {
                    let assign = &assigns[**index as usize];
                    let some = assign.given_in.is_some_and(|block| block.end <= before);
                    is_before(index) && !some && (assign.value.is_some() || !assign.given)
                });
                let certain = certain.filter(|index| assigns[**index as usize].value.is_some());
                let earlier = certain.or_else(|| found.rfind(is_before));
                // What a block declares is not known before.
                let first = first.filter(|index| assigns[**index as usize].block.is_none());
                if let Some(index) = earlier.or(first) {
                    return Target::Assign(file, *index);
                }
            }
            if let Some(inner) = parsed.inner.get(&(id, name.into())) {
                return Target::Function(file, *inner);
            }
            let outer = parsed.unit.function(id);
            if let Some(index) = outer
                .params
                .iter()
                .position(|param| param_name(&param.name) == name)
            {
                return Target::Param(file, id, index);
            }
            scope = outer.parent;
        }
        self.top(file, name, before, 0)
    }

    fn top(&self, file: FileId, name: &str, before: u32, hops: u32) -> Target {
        let parsed = self.parsed(file);
        if let Some(found) = parsed.top.get(name) {
            let assigns = &parsed.unit.assigns;
            let earlier = found.iter().rev().find(|definition| match definition {
                Definition::Assign(index) => {
                    assigns[*index as usize].span.end <= before && !assigns[*index as usize].extends
                }
                _ => true,
            });
            // What only adds to a type is not the type, where that is declared beside it.
            let adds = |definition: &Definition| match definition {
                Definition::Class(id) => parsed.unit.class(*id).extends,
                _ => false,
            };
            let declares = |definition: &&Definition| {
                matches!(definition, Definition::Class(_)) && !adds(definition)
            };
            let earlier = match earlier {
                Some(definition) if adds(definition) => {
                    found.iter().rev().find(declares).or(Some(definition))
                }
                earlier => earlier,
            };
            match earlier.or(found.first()) {
                Some(Definition::Function(id)) => return Target::Function(file, *id),
                Some(Definition::Class(id)) => return Target::Class(file, *id),
                Some(Definition::Assign(index)) => return Target::Assign(file, *index),
                Some(Definition::Import(index)) => return self.import(file, *index, hops),
                None => {}
            }
        }
        match self.style(file) {
            Some(ModuleStyle::Folder) => return self.beside(file, name),
            Some(ModuleStyle::Namespace) => return self.in_namespaces(file, name, before),
            _ => {}
        }
        if hops < MAX_HOPS {
            for index in &parsed.stars {
                let import = &parsed.unit.imports[*index];
                if let Some(module) = self.module(file, &import.module) {
                    let found = self.export(module, name, hops + 1);
                    if found != Target::Unknown {
                        return found;
                    }
                } else if import.module.split('.').next_back() == Some("prelude")
                    || !import.module.starts_with('.')
                {
                    continue;
                }
            }
        }
        Target::Unknown
    }

    fn style(&self, file: FileId) -> Option<ModuleStyle> {
        let modules = self.language(file).modules.as_ref();
        modules.map(|modules| modules.style)
    }

    /// The folder of a package of this repository, by the path that imports use.
    fn folder_of(&self, path: &str) -> Option<String> {
        let mut name = path;
        loop {
            if let Some(folder) = self.packages.sources.get(name) {
                return Some(join(folder, path[name.len()..].trim_start_matches('/')));
            }
            name = name.rsplit_once('/')?.0;
        }
    }

    /// The files of a folder that share their names; those of tests are not among them.
    fn in_folder(&self, folder: &str, language: &Language) -> Vec<FileId> {
        let start = match folder.is_empty() {
            true => String::new(),
            false => format!("{folder}/"),
        };
        let below = self.paths.range::<str, _>((
            std::ops::Bound::Included(start.as_str()),
            std::ops::Bound::Unbounded,
        ));
        below
            .take_while(|path| path.starts_with(&start))
            .filter(|path| !path[start.len()..].contains('/'))
            .filter(|path| {
                let own = self.languages.of(path).map(|id| self.languages.get(id));
                own.is_some_and(|own| own.name == language.name)
                    && crate::scope::scope_of_path(path) != crate::fact::Scope::Test
            })
            .filter_map(|path| self.load(path))
            .collect()
    }

    /// The files that share their names with this one, itself left out.
    pub(crate) fn siblings(&self, file: FileId) -> Vec<FileId> {
        if self.style(file) != Some(ModuleStyle::Folder) {
            return Vec::new();
        }
        if let Some(known) = self.siblings.borrow().get(&file) {
            return known.clone();
        }
        let path = self.path(file);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut all = self.in_folder(folder, self.language(file));
        all.retain(|other| *other != file);
        self.siblings.borrow_mut().insert(file, all.clone());
        all
    }

    /// What another file of the folder declares under a name.
    fn beside(&self, file: FileId, name: &str) -> Target {
        for other in self.siblings(file) {
            let parsed = self.parsed(other);
            for definition in parsed.top.get(name).into_iter().flatten() {
                match definition {
                    Definition::Function(id) => return Target::Function(other, *id),
                    Definition::Class(id) => return Target::Class(other, *id),
                    Definition::Assign(index) => return Target::Assign(other, *index),
                    Definition::Import(_) => {}
                }
            }
        }
        Target::Unknown
    }

    /// What a bare name means by the namespaces around the place and those that are imported.
    fn in_namespaces(&self, file: FileId, name: &str, before: u32) -> Target {
        let parsed = self.parsed(file);
        let Some(modules) = self.language(file).modules.as_ref() else {
            return Target::Unknown;
        };
        let mut around = Some(parsed.unit.namespace(before));
        while let Some(space) = around {
            let full = match space.is_empty() {
                true => name.to_owned(),
                false => format!("{space}.{name}"),
            };
            let found = self.qualified(file, &full);
            if found != Target::Unknown {
                return found;
            }
            around = match space.rsplit_once('.') {
                // The types around are always known, the namespaces around only in some languages.
                _ if space.is_empty() || !modules.parents && space == &*parsed.unit.package => None,
                Some((outer, _)) => Some(outer),
                None => Some(""),
            };
        }
        for index in &parsed.stars {
            let module = &parsed.unit.imports[*index].module;
            let found = self.qualified(file, &format!("{module}.{name}"));
            if found != Target::Unknown {
                return found;
            }
        }
        if modules.loose && name.starts_with(char::is_uppercase) {
            let stems = self.stems();
            if let Some([only]) = stems.get(name).map(Vec::as_slice)
                && let Some(other) = self.load(only)
                && let Some(found) = self.declared(other, name, false)
            {
                return found;
            }
        }
        Target::Unknown
    }

    /// The one class of the file with this name, or the one whose full name this is.
    fn declared(&self, file: FileId, name: &str, full: bool) -> Option<Target> {
        let parsed = self.parsed(file);
        let definition = match full {
            true => parsed.qualified.get(name),
            false => parsed.top.get(name)?.first(),
        };
        match definition? {
            Definition::Function(id) => Some(Target::Function(file, *id)),
            Definition::Class(id) => Some(Target::Class(file, *id)),
            Definition::Assign(index) => Some(Target::Assign(file, *index)),
            Definition::Import(_) => None,
        }
    }

    fn stems(&self) -> &HashMap<Box<str>, Vec<Box<str>>> {
        self.stems.get_or_init(|| {
            let mut stems: HashMap<Box<str>, Vec<Box<str>>> = HashMap::default();
            for path in self.paths {
                let name = path.rsplit('/').next().unwrap_or(path);
                if let Some((stem, _)) = name.split_once('.')
                    && self.languages.of(path).is_some()
                    && crate::scope::scope_of_path(path) != crate::fact::Scope::Test
                {
                    let paths = stems.entry(stem.into()).or_default();
                    paths.push(path.as_str().into());
                }
            }
            stems
        })
    }

    /// What a name with its namespace means: what a loaded file declares, or the file that is
    /// named after it.
    pub(crate) fn qualified(&self, file: FileId, full: &str) -> Target {
        if self.style(file) != Some(ModuleStyle::Namespace) {
            return Target::Unknown;
        }
        let language = self.files.borrow()[file.0 as usize].parsed.language;
        let key = (language, full.to_owned());
        if let Some(known) = self.spaces.borrow().get(&key) {
            return known.clone();
        }
        self.spaces
            .borrow_mut()
            .insert(key.clone(), Target::Unknown);
        let found = self.find_qualified(file, full);
        self.spaces.borrow_mut().insert(key, found.clone());
        found
    }

    fn find_qualified(&self, file: FileId, full: &str) -> Target {
        let Some(modules) = self.language(file).modules.as_ref() else {
            return Target::Unknown;
        };
        let name = full.rsplit('.').next().unwrap_or(full);
        let stem = match modules.snake {
            true => snake(name),
            false => name.to_owned(),
        };
        let named = self.stems().get(stem.as_str()).cloned().unwrap_or_default();
        let tail = snake(full).replace('.', "/");
        for path in &named {
            // Where files are named after their namespaces, others of the same name are not asked.
            if modules.snake
                && !path
                    .rsplit_once('.')
                    .is_some_and(|(stem, _)| stem.ends_with(&tail))
            {
                continue;
            }
            if let Some(other) = self.load(path)
                && self.shares_names(file, other, full)
                && let Some(found) = self.declared(other, full, true)
            {
                return found;
            }
        }
        let among_loaded = || {
            self.declaring(full).into_iter().find_map(|other| {
                let shares = self.shares_names(file, other, full);
                shares.then(|| self.declared(other, full, true)).flatten()
            })
        };
        if let Some(found) = among_loaded() {
            return found;
        }
        // A file may hold what it is not named after; it stands in the folder of its namespace.
        if modules.together && self.load_namespace(file, full) {
            return among_loaded().unwrap_or(Target::Unknown);
        }
        Target::Unknown
    }

    /// Loads the files of the folders that a name's namespace is; whether there are any.
    fn load_namespace(&self, file: FileId, full: &str) -> bool {
        let Some((space, _)) = full.rsplit_once('.') else {
            return false;
        };
        let language = self.files.borrow()[file.0 as usize].parsed.language;
        let tail = space.replace('.', "/");
        let last = tail.rsplit('/').next().unwrap_or(&tail);
        let folders = self.folders.get_or_init(|| {
            let mut folders = Folders::default();
            for path in self.paths {
                let Some((folder, _)) = path.rsplit_once('/') else {
                    continue;
                };
                if self.languages.of(path).is_none()
                    || crate::scope::scope_of_path(path) == crate::fact::Scope::Test
                {
                    continue;
                }
                let last = folder.rsplit('/').next().unwrap_or(folder);
                let same = folders.entry(last.into()).or_default();
                same.entry(folder.into())
                    .or_default()
                    .push(path.as_str().into());
            }
            folders
        });
        let mut any = false;
        for (folder, paths) in folders.get(last).into_iter().flatten() {
            let own = folder.strip_suffix(tail.as_str());
            if !own.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
                || paths.len() > MAX_TOGETHER
            {
                continue;
            }
            for path in paths {
                if self.languages.of(path) == Some(language) {
                    any |= self.load(path).is_some();
                }
            }
        }
        any
    }

    /// The one class of which this is the end of the full name.
    pub(crate) fn ending(&self, file: FileId, tail: &str) -> Target {
        let name = tail.rsplit('.').next().unwrap_or(tail);
        let stem = match self.language(file).modules.as_ref() {
            Some(modules) if modules.snake => snake(name),
            _ => name.to_owned(),
        };
        let end = format!(".{tail}");
        let mut found = Vec::new();
        for path in self.stems().get(stem.as_str()).into_iter().flatten() {
            let Some(other) = self.load(path) else {
                continue;
            };
            let parsed = self.parsed(other);
            let classes = parsed.unit.classes.iter().enumerate();
            let ended = classes.filter(|(_, class)| class.qualified.ends_with(&end));
            found.extend(ended.map(|(at, _)| Target::Class(other, ClassId(at as u32))));
        }
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => only,
            _ => Target::Unknown,
        }
    }

    /// Whether a name of another file may be meant: languages with namespaces see each other's
    /// names where they are written in full.
    fn shares_names(&self, file: FileId, other: FileId, full: &str) -> bool {
        self.style(other) == Some(ModuleStyle::Namespace) && {
            let files = self.files.borrow();
            let language = |file: FileId| files[file.0 as usize].parsed.language;
            language(file) == language(other) || full.contains('.')
        }
    }

    /// The loaded files that declare a full name.
    fn declaring(&self, full: &str) -> Vec<FileId> {
        let mut known = self.declaring.borrow_mut();
        let (seen, names) = &mut *known;
        while *seen < self.len() {
            let file = FileId(*seen as u32);
            *seen += 1;
            if self.style(file) == Some(ModuleStyle::Namespace) {
                let parsed = self.parsed(file);
                #[expect(
                    clippy::iter_over_hash_type,
                    reason = "each name gets the same file, whatever the order"
                )]
                for name in parsed.qualified.keys() {
                    names.entry(name.clone()).or_default().push(file);
                }
            }
        }
        names.get(full).cloned().unwrap_or_default()
    }

    /// What an import stands for.
    pub(crate) fn import(&self, file: FileId, index: usize, hops: u32) -> Target {
        if hops > MAX_HOPS {
            return Target::Unknown;
        }
        let parsed = self.parsed(file);
        let import = &parsed.unit.imports[index];
        let Some(symbol) = &import.symbol else {
            return match self.module(file, &import.module) {
                Some(module) => Target::Module(module),
                None => Target::External(import.module.to_string()),
            };
        };
        // A submodule wins over nothing; a name of the module wins over a submodule.
        if let Some(module) = self.module(file, &import.module) {
            let found = self.export(module, symbol, hops + 1);
            if found != Target::Unknown {
                return found;
            }
            if &**symbol == "default" {
                return Target::Module(module);
            }
        }
        let submodule = if import.module.ends_with('.') {
            format!("{}{symbol}", import.module)
        } else {
            format!("{}.{symbol}", import.module)
        };
        let style = self.style(file);
        if style == Some(ModuleStyle::Namespace) {
            return match self.qualified(file, &submodule) {
                Target::Unknown => Target::External(submodule),
                found => found,
            };
        }
        if style != Some(ModuleStyle::Path)
            && let Some(module) = self.module(file, &submodule)
            && module != file
        {
            return Target::Module(module);
        }
        // `use Type::Variant`, `use self::name`: a name of this file.
        if style == Some(ModuleStyle::Crate) {
            let first = import.module.split('.').next().unwrap_or_default();
            if matches!(first, "crate" | "self" | "super")
                || self.packages.sources.contains_key(first)
            {
                return self.rust_item(file, &import.module, symbol, hops);
            }
        }
        if &**symbol == "default" {
            return Target::External(import.module.to_string());
        }
        Target::External(submodule)
    }

    /// An item below an inline module or a re-export: the longest part of the path that is a file.
    fn rust_item(&self, file: FileId, module: &str, symbol: &str, hops: u32) -> Target {
        let mut path = module;
        let mut rest = vec![symbol];
        while let Some((head, tail)) = path.rsplit_once('.') {
            rest.push(tail);
            if let Some(found) = self.module(file, head) {
                let mut target = self.export(found, tail, hops + 1);
                if target == Target::Unknown {
                    target = self.export(found, symbol, hops + 1);
                    return target;
                }
                for name in rest.iter().rev().skip(1) {
                    target = match target {
                        Target::Module(module) => self.export(module, name, hops + 1),
                        Target::External(path) => Target::External(format!("{path}.{name}")),
                        other => return other,
                    };
                }
                return target;
            }
            path = head;
        }
        Target::Unknown
    }

    /// What a file hands out under a name.
    ///
    /// Files may hand on each other's names in circles and by `*`, so one question visits each
    /// (file, name) once.
    pub(crate) fn export(&self, file: FileId, name: &str, hops: u32) -> Target {
        let key = (file, Box::<str>::from(name));
        if let Some(known) = self.exported.borrow().get(&key) {
            return known.clone();
        }
        let outermost = self.asked.borrow().is_empty();
        if hops > MAX_HOPS || !self.asked.borrow_mut().insert(key.clone()) {
            return Target::Unknown;
        }
        let found = self.find_export(file, name, hops);
        // Inside a circle "unknown" may only mean "asked already".
        if outermost || found != Target::Unknown {
            self.exported.borrow_mut().insert(key, found.clone());
        }
        if outermost {
            self.asked.borrow_mut().clear();
        }
        found
    }

    fn find_export(&self, file: FileId, name: &str, hops: u32) -> Target {
        let parsed = self.parsed(file);
        if let Some((_, id)) = parsed
            .unit
            .exports
            .iter()
            .rev()
            .find(|(export, _)| &**export == name)
        {
            let expr = parsed.unit.expr(*id);
            return match &expr.kind {
                ExprKind::Name(inner) if &**inner != name || name == "default" => {
                    self.lookup(file, inner, expr.function, u32::MAX)
                }
                ExprKind::Function(function) => Target::Function(file, *function),
                ExprKind::Class(class) => Target::Class(file, *class),
                _ => match self.top(file, name, u32::MAX, hops) {
                    Target::Unknown => self.assigned(file, *id),
                    found => found,
                },
            };
        }
        self.top(file, name, u32::MAX, hops)
    }

    /// The assignment that has this expression as its value, so that a `Target` can name it.
    fn assigned(&self, file: FileId, value: ExprId) -> Target {
        let parsed = self.parsed(file);
        let index = parsed
            .unit
            .assigns
            .iter()
            .position(|assign| assign.value == Some(value));
        match index {
            Some(index) => Target::Assign(file, index as u32),
            None => Target::Unknown,
        }
    }

    /// The expression that a file exports as its default.
    pub(crate) fn default_export(&self, file: FileId) -> Option<ExprId> {
        let parsed = self.parsed(file);
        parsed
            .unit
            .exports
            .iter()
            .rev()
            .find(|(name, _)| &**name == "default")
            .map(|(_, id)| *id)
    }

    /// Whether a name that begins a path is that of a package of the repository.
    pub(crate) fn is_package(&self, file: FileId, name: &str) -> bool {
        self.style(file) == Some(ModuleStyle::Crate) && self.packages.sources.contains_key(name)
    }

    /// Whether a file belongs to a package that only runs in front of a user.
    pub(crate) fn only_client(&self, file: FileId, path: &str) -> bool {
        // The manifest of another language says nothing.
        let modules = self.language(file).modules.as_ref();
        if modules.is_none_or(|modules| modules.dependencies.is_empty()) {
            return false;
        }
        let mut folder = path;
        loop {
            folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
            match self.packages.client.get(folder) {
                Some(client) => return *client,
                None if folder.is_empty() => return false,
                None => {}
            }
        }
    }

    /// All paths of the revision.
    pub(crate) fn paths(&self) -> &'a BTreeSet<String> {
        self.paths
    }
}

/// Reads the manifests of a repository's packages.
pub(crate) fn packages(
    languages: &Languages,
    paths: &BTreeSet<String>,
    text: &dyn Fn(&str) -> Option<Arc<str>>,
) -> Packages {
    let mut packages = Packages::default();
    for (language, modules) in languages.modules() {
        let Some(manifest) = &modules.manifest else {
            continue;
        };
        for path in paths {
            let folder = match path.strip_suffix(manifest.as_str()) {
                Some("") => "",
                Some(folder) if folder.ends_with('/') => folder.trim_end_matches('/'),
                _ => continue,
            };
            if crate::scope::scope_of_path(path) == crate::fact::Scope::Vendored {
                continue;
            }
            let sources = match &modules.entry[..] {
                [] => Some(folder.to_owned()),
                entries => entries
                    .iter()
                    .map(|entry| join(folder, entry))
                    .find(|entry| paths.contains(entry))
                    .map(|entry| ancestor(&entry, 1).unwrap_or_default().to_owned()),
            };
            let Some(text) = text(path) else { continue };
            if !modules.dependencies.is_empty() && !packages.client.contains_key(folder) {
                let client = only_client(language, modules, &text);
                packages.client.insert(folder.to_owned(), client);
            }
            if let Some(sources) = sources
                && let Some(name) = manifest_name(manifest, &text, &modules.name)
            {
                let name = match modules.style {
                    ModuleStyle::Crate => name.replace('-', "_"),
                    _ => name,
                };
                packages.sources.entry(name).or_insert(sources);
            }
        }
    }
    packages
}

/// Whether a package depends on what only runs in front of a user, and on nothing of a server.
fn only_client(language: &Language, modules: &Modules, manifest: &str) -> bool {
    let Ok(manifest) = serde_json::from_str::<serde_json::Value>(manifest) else {
        return false;
    };
    let tables = modules.dependencies.iter();
    let names: Vec<&String> = tables
        .filter_map(|table| manifest.get(table)?.as_object())
        .flat_map(|table| table.keys())
        .collect();
    let like = |list: &[String]| {
        names
            .iter()
            .any(|name| list.iter().any(|one| wild(one, name)))
    };
    like(&language.client) && !like(&modules.servers)
}

/// `Admin.UsersController` as files are named: `admin.users_controller`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        if c.is_uppercase() {
            let before = at.checked_sub(1).map(|before| chars[before]);
            let starts = before.is_some_and(|before| before.is_lowercase() || before.is_numeric());
            let ends = before.is_some_and(char::is_uppercase)
                && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
            if starts || ends {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        } else {
            out.push(*c);
        }
    }
    out
}

/// The value at a dotted key of a manifest; of one that is no table, what follows the word.
fn manifest_name(manifest: &str, text: &str, key: &str) -> Option<String> {
    let plain = !manifest.ends_with(".toml") && !manifest.ends_with(".json");
    if plain {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        return value.map(|value| value.trim().trim_matches('"').to_owned());
    }
    let value: serde_json::Value = if manifest.ends_with(".toml") {
        let table: toml::Table = text.parse().ok()?;
        serde_json::to_value(table).ok()?
    } else {
        serde_json::from_str(text).ok()?
    };
    let mut keys = key.split('.');
    let found = keys.try_fold(&value, |value, key| value.get(key))?;
    found.as_str().map(str::to_owned)
}

/// The bound name of a parameter: `mut x`, `State(x)`, `...x` are `x`.
pub(crate) fn param_name(text: &str) -> &str {
    let inner = text.rsplit(['(', '{']).next().unwrap_or(text);
    let inner = inner.trim_matches([')', '}', '&', '*', '.', ' ']);
    inner.strip_prefix("mut ").unwrap_or(inner).trim()
}

fn join(folder: &str, rest: &str) -> String {
    match (folder.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{rest}"),
    }
}

fn ancestor(folder: &str, levels: usize) -> Option<&str> {
    let mut here = folder;
    for _ in 0..levels {
        if here.is_empty() {
            return None;
        }
        here = here
            .rsplit_once('/')
            .map(|(above, _)| above)
            .unwrap_or_default();
    }
    Some(here)
}

fn relative(folder: &str, module: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The folder with the crate's `lib.rs` or `main.rs`.
fn crate_root(path: &str, paths: &BTreeSet<String>) -> Option<String> {
    let mut folder = path
        .rsplit_once('/')
        .map(|(folder, _)| folder)
        .unwrap_or_default();
    loop {
        for name in ["lib.rs", "main.rs"] {
            if paths.contains(&join(folder, name)) {
                return Some(folder.to_owned());
            }
        }
        folder = ancestor(folder, 1)?;
    }
}

/// The folder in which the submodules of a file stand.
fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => join(folder, name.trim_end_matches(".rs")),
    }
}
