//! Languages: a grammar and one file of structure each. The only place that knows the grammars.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::error::{RuleError, position};
use crate::lazy::{LazyGlobs, LazyRegex};

/// Index of a language in [`Languages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LanguageId(pub(crate) usize);

/// The grammars that are built in, by the name that `language.toml` uses.
fn grammar(name: &str) -> Option<tree_sitter::Language> {
    Some(match name {
        "c_sharp" => tree_sitter_c_sharp::LANGUAGE.into(),
        "go" => tree_sitter_go::LANGUAGE.into(),
        "graphql" => tree_sitter_graphql::LANGUAGE.into(),
        "java" => tree_sitter_java::LANGUAGE.into(),
        "javascript" => tree_sitter_javascript::LANGUAGE.into(),
        "json" => tree_sitter_json::LANGUAGE.into(),
        "kotlin" => tree_sitter_kotlin_ng::LANGUAGE.into(),
        "php" => tree_sitter_php::LANGUAGE_PHP.into(),
        "proto" => tree_sitter_proto::LANGUAGE.into(),
        "python" => tree_sitter_python::LANGUAGE.into(),
        "ruby" => tree_sitter_ruby::LANGUAGE.into(),
        "rust" => tree_sitter_rust::LANGUAGE.into(),
        "tsx" => tree_sitter_typescript::LANGUAGE_TSX.into(),
        "typescript" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        "yaml" => tree_sitter_yaml::LANGUAGE.into(),
        _ => return None,
    })
}

/// What a node of the syntax tree becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    Skip,
    Through,
    Block,
    Name,
    Member,
    /// A member that only items have, never a variable: `module::name`.
    Path,
    Index,
    Call,
    /// A callee with types that are handed to it: `derive::<Sha256>`.
    Generic,
    Macro,
    /// What a macro stands for, under the macro's name.
    MacroDefinition,
    /// Tokens that no grammar orders.
    Tokens,
    Named,
    Spread,
    String,
    Concat,
    Number,
    True,
    False,
    Boolean,
    Null,
    List,
    Map,
    Pair,
    Decorator,
    Attribute,
    Function,
    Class,
    Assign,
    Branch,
    /// A name that is a call where no variable has it.
    NameOrCall,
    /// Holds decorators: Java's modifiers, C#'s attribute lists.
    Decorators,
    /// One part stands for itself, several are a list.
    Tuple,
    /// A map if it has pairs, a list otherwise.
    Literal,
    /// A value with its type in front: a list, a map or a call by the type.
    Composite,
    /// A type's further base, named inside its body.
    Mixin,
    /// The namespace of the file, or of the declarations inside.
    Package,
    /// Names of another namespace or package.
    Import,
    /// Goes through the items of a value.
    Loop,
    /// A block that a call opens.
    Within,
    /// A block whose errors are caught.
    Try,
    /// What runs where an error was raised.
    Rescue,
    Return,
    Raise,
    Await,
    Binary,
    Unary,
    Module,
    ImportModules,
    ImportFrom,
    ImportEs,
    ExportEs,
    Use,
    Other,
}

/// Which child of a node is a part: a field's name, `#n` for the n-th named child (`#-1` the last),
/// `@kind` for the first child of a kind, `.` for the node itself, `^part` for a part of the node
/// around, `part>part` for a part of a part; alternatives are parted by `|`.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Field(String),
    Nth(isize),
    Kind(String),
    This,
    Around(Box<Part>),
    Inside(Box<Part>, Box<Part>),
}

fn parts(text: &str) -> Vec<Part> {
    text.split('|').map(part).collect()
}

fn part(word: &str) -> Part {
    if let Some((outer, inner)) = word.split_once('>') {
        return Part::Inside(Box::new(part(outer)), Box::new(part(inner)));
    }
    match word.as_bytes().first() {
        Some(b'^') => Part::Around(Box::new(part(&word[1..]))),
        Some(b'#') => Part::Nth(word[1..].parse().unwrap_or(isize::MAX)),
        Some(b'@') => Part::Kind(word[1..].to_owned()),
        Some(b'.') => Part::This,
        _ => Part::Field(word.to_owned()),
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeText {
    is: Shape,
    callee: Option<String>,
    arguments: Option<String>,
    object: Option<String>,
    property: Option<String>,
    index: Option<String>,
    name: Option<String>,
    value: Option<String>,
    key: Option<String>,
    parameters: Option<String>,
    body: Option<String>,
    #[serde(rename = "type")]
    ty: Option<String>,
    target: Option<String>,
    left: Option<String>,
    right: Option<String>,
    operator: Option<String>,
    condition: Option<String>,
    then: Option<String>,
    otherwise: Option<String>,
    module: Option<String>,
    /// The function that a call is followed by: Ruby's block, Kotlin's trailing lambda.
    block: Option<String>,
    /// The type that a function is a method of, where it stands outside of it.
    receiver: Option<String>,
    text: Option<String>,
    /// The import brings in every name.
    #[serde(default)]
    star: bool,
    #[serde(default)]
    extends: bool,
    /// The name is known in the block around only.
    #[serde(default)]
    scoped: bool,
    /// Gives a value to a variable that is declared elsewhere.
    #[serde(default)]
    given: bool,
    /// The text beside a field that holds its decorators.
    tags: Option<String>,
    /// A field without a name gives its class all members of its type.
    #[serde(default)]
    embeds: bool,
    #[serde(default)]
    bases: Vec<String>,
    #[serde(default)]
    content: Vec<String>,
    #[serde(default)]
    interpolation: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    alias: Vec<String>,
    #[serde(default)]
    wildcard: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamText {
    name: Option<String>,
    #[serde(rename = "type")]
    ty: Option<String>,
    default: Option<String>,
}

/// How modules are named and found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModuleStyle {
    /// `a.b` is a/b.
    Dotted,
    /// `./a` is a file beside.
    Path,
    /// `crate::a::b` is src/a/b.
    Crate,
    /// All files of a folder share their names; an import names the folder.
    Folder,
    /// Files say which namespace their names are in; a type's file is named after it.
    Namespace,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Modules {
    pub(crate) style: ModuleStyle,
    /// File stems that stand for their folder.
    pub(crate) index: Vec<String>,
    /// Extensions that a module's name may leave out, the likeliest first.
    pub(crate) extensions: Vec<String>,
    /// The manifest that names a package, and where in it the name stands.
    #[serde(default)]
    pub(crate) manifest: Option<String>,
    #[serde(default)]
    pub(crate) name: String,
    /// Tables of the manifest that list packages.
    #[serde(default)]
    pub(crate) dependencies: Vec<String>,
    /// Packages by which a package runs on a server, also beside those of a user's side; `*` allowed.
    #[serde(default)]
    pub(crate) servers: Vec<String>,
    /// Files beside the manifest, whose folder has the package's sources; none: the manifest's.
    #[serde(default)]
    pub(crate) entry: Vec<String>,
    /// Names of the namespaces around are known without an import.
    #[serde(default)]
    pub(crate) parents: bool,
    /// A file is named after its type in lower case: `users_controller` for `UsersController`.
    #[serde(default)]
    pub(crate) snake: bool,
    /// A type that only one file declares is known without an import.
    #[serde(default)]
    pub(crate) loose: bool,
    /// A file may declare what it is not named after: all of a namespace's folder are looked through.
    #[serde(default)]
    pub(crate) together: bool,
    /// Functions that import by call.
    #[serde(default)]
    pub(crate) require: Vec<String>,
    /// Functions that load a package for the whole file.
    #[serde(default)]
    pub(crate) loads: Vec<String>,
    /// Paths that an assignment exports through.
    #[serde(default)]
    pub(crate) exports: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageText {
    #[allow(dead_code, reason = "for the reader; its presence is required")]
    source: String,
    name: String,
    grammar: String,
    inherits: Option<String>,
    extensions: Vec<String>,
    #[serde(default, rename = "self")]
    self_names: Vec<String>,
    result: Option<String>,
    /// A bare name may be a member of the class around.
    #[serde(default)]
    implicit_self: bool,
    /// A guard may hang on any method, not only on what answers requests.
    #[serde(default)]
    method_guards: bool,
    /// Comments before declarations hold decorators: `@Route("/users")`.
    #[serde(default)]
    annotations: bool,
    /// Operators that join texts, beside `+`.
    #[serde(default)]
    concat: Vec<String>,
    /// Calls in a class whose arguments are further bases.
    #[serde(default)]
    mixins: Vec<String>,
    /// Methods that ask whether something is missing.
    #[serde(default)]
    absence: Vec<String>,
    /// Patterns of a value that says that something failed.
    #[serde(default)]
    failures: Vec<String>,
    /// Patterns of a value that nothing came of, and of one that something did.
    #[serde(default)]
    nothing: Vec<String>,
    #[serde(default)]
    something: Vec<String>,
    /// Methods whose argument counts where nothing came of what they are called on.
    #[serde(default)]
    instead: Vec<String>,
    /// Methods that give what they are called on.
    #[serde(default)]
    same: Vec<String>,
    /// Decorators of functions that are decorators; what else has such a name is none.
    #[serde(default)]
    decorated_by: Vec<String>,
    /// Conditions are shown as they are written.
    #[serde(default)]
    as_written: bool,
    /// Calls that raise an error.
    #[serde(default)]
    raises: Vec<String>,
    /// Methods of a type that make an object of it.
    #[serde(default)]
    construct: Vec<String>,
    /// Members that stand for the type itself: `User.class`.
    #[serde(default)]
    class_literal: Vec<String>,
    /// Kinds of parameters that are members of the class.
    #[serde(default)]
    promoted: Vec<String>,
    /// Nodes whose words stand before a declaration: `public`, `abstract`.
    #[serde(default)]
    marks: Vec<String>,
    /// Endings of types that a decorator leaves out.
    #[serde(default)]
    decorator_suffix: Vec<String>,
    /// Methods that hand each item to a function.
    #[serde(default)]
    each: Vec<String>,
    /// Attributes of what only tests compile, without white space; `*` allowed.
    #[serde(default)]
    tests: Vec<String>,
    /// Packages that only run in front of a user: what is checked there guards nothing.
    #[serde(default)]
    client: Vec<String>,
    modules: Option<Modules>,
    /// What the grammar does not know, as it is written for the parser.
    #[serde(default, rename = "mend")]
    mends: Vec<MendText>,
    #[serde(default)]
    nodes: BTreeMap<String, NodeText>,
    #[serde(default)]
    params: BTreeMap<String, ParamText>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MendText {
    find: String,
    put: Option<String>,
    each: Option<String>,
    #[serde(default)]
    broken: bool,
}

/// What is written in another way for the parser.
#[derive(Clone, Debug)]
pub(crate) struct Mend {
    /// What is replaced: the first group, or the whole.
    pub(crate) find: LazyRegex,
    /// What stands in its place; blanks where nothing is said.
    pub(crate) put: Option<String>,
    /// Of what was found only these parts are replaced.
    pub(crate) each: Option<LazyRegex>,
    /// Only where the text is not understood otherwise.
    pub(crate) broken: bool,
}

fn mends(path: &str, texts: &[MendText]) -> Result<Vec<Mend>, RuleError> {
    let regex = |text: &str| {
        LazyRegex::new(text).map_err(|message| RuleError {
            path: path.to_owned(),
            line: 1,
            message,
        })
    };
    let all = texts.iter().map(|text| {
        Ok(Mend {
            find: regex(&text.find)?,
            put: text.put.clone(),
            each: text.each.as_deref().map(regex).transpose()?,
            broken: text.broken,
        })
    });
    all.collect()
}

/// A node's shape with its parts, ready for the walker.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    pub(crate) callee: Vec<Part>,
    pub(crate) arguments: Vec<Part>,
    pub(crate) object: Vec<Part>,
    pub(crate) property: Vec<Part>,
    pub(crate) index: Vec<Part>,
    pub(crate) name: Vec<Part>,
    pub(crate) value: Vec<Part>,
    pub(crate) key: Vec<Part>,
    pub(crate) parameters: Vec<Part>,
    pub(crate) body: Vec<Part>,
    pub(crate) ty: Vec<Part>,
    pub(crate) target: Vec<Part>,
    pub(crate) left: Vec<Part>,
    pub(crate) right: Vec<Part>,
    pub(crate) operator: Vec<Part>,
    pub(crate) condition: Vec<Part>,
    pub(crate) then: Vec<Part>,
    pub(crate) otherwise: Vec<Part>,
    pub(crate) module: Vec<Part>,
    pub(crate) block: Vec<Part>,
    pub(crate) receiver: Vec<Part>,
    pub(crate) star: bool,
    pub(crate) text: Option<String>,
    pub(crate) extends: bool,
    pub(crate) scoped: bool,
    pub(crate) given: bool,
    pub(crate) tags: Vec<Part>,
    pub(crate) embeds: bool,
    pub(crate) bases: Vec<Vec<Part>>,
    pub(crate) content: Vec<String>,
    pub(crate) interpolation: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) alias: Vec<String>,
    pub(crate) wildcard: Vec<String>,
}

/// A parameter's parts.
#[derive(Clone, Debug)]
pub(crate) struct ParamNode {
    pub(crate) name: Vec<Part>,
    pub(crate) ty: Vec<Part>,
    pub(crate) default: Vec<Part>,
}

/// The tables of one language, indexed by the grammar's kind ids.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) grammar: tree_sitter::Language,
    pub(crate) nodes: Vec<Option<Node>>,
    pub(crate) params: Vec<Option<ParamNode>>,
}

/// One language.
#[derive(Debug)]
pub(crate) struct Language {
    pub(crate) name: String,
    /// Itself and the languages it inherits from, nearest first.
    pub(crate) family: Vec<String>,
    /// Its files have no extension by which they are known.
    pub(crate) bare: bool,
    pub(crate) self_names: Vec<String>,
    pub(crate) result_is_last: bool,
    /// A bare name may be a member of the class around.
    pub(crate) implicit_self: bool,
    /// A guard may hang on any method, not only on what answers requests.
    pub(crate) method_guards: bool,
    /// Comments before declarations hold decorators.
    pub(crate) annotations: bool,
    /// Operators that join texts, beside `+`.
    pub(crate) concat: Vec<String>,
    /// Calls in a class whose arguments are further bases.
    pub(crate) mixins: Vec<String>,
    /// Methods that ask whether something is missing.
    pub(crate) absence: Vec<String>,
    /// Patterns of a value that says that something failed.
    pub(crate) failures: Vec<String>,
    /// Patterns of a value that nothing came of.
    pub(crate) nothing: Vec<String>,
    /// Patterns of a value that something came of.
    pub(crate) something: Vec<String>,
    /// Methods whose argument counts where nothing came of what they are called on.
    pub(crate) instead: Vec<String>,
    /// Methods that give what they are called on.
    pub(crate) same: Vec<String>,
    /// Decorators of functions that are decorators; what else has such a name is none.
    pub(crate) decorated_by: Vec<String>,
    /// Conditions are shown as they are written.
    pub(crate) as_written: bool,
    /// Calls that raise an error.
    pub(crate) raises: Vec<String>,
    /// Methods of a type that make an object of it.
    pub(crate) construct: Vec<String>,
    /// Members that stand for the type itself.
    pub(crate) class_literal: Vec<String>,
    /// Kinds of parameters that are members of the class.
    pub(crate) promoted: Vec<String>,
    /// Nodes whose words stand before a declaration.
    pub(crate) marks: Vec<String>,
    /// Endings of types that a decorator leaves out.
    pub(crate) decorator_suffix: Vec<String>,
    /// Methods that hand each item to a function.
    pub(crate) each: Vec<String>,
    /// Attributes of what only tests compile, without white space; `*` allowed.
    pub(crate) tests: Vec<String>,
    /// Packages that only run in front of a user.
    pub(crate) client: Vec<String>,
    pub(crate) modules: Option<Modules>,
    pub(crate) mends: Vec<Mend>,
    grammar: String,
    nodes: BTreeMap<String, NodeText>,
    params: BTreeMap<String, ParamText>,
    tables: OnceLock<Tables>,
}

impl Language {
    /// The tables, made on first use: a run pays only for the languages it meets.
    pub(crate) fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| {
            // The name was checked when the file was read.
            let grammar =
                grammar(&self.grammar).unwrap_or_else(|| tree_sitter_python::LANGUAGE.into());
            let count = grammar.node_kind_count();
            let mut nodes = vec![None; count];
            let mut params = vec![None; count];
            for id in 0..count {
                let Some(kind) = u16::try_from(id)
                    .ok()
                    .and_then(|id| grammar.node_kind_for_id(id))
                else {
                    continue;
                };
                if !u16::try_from(id).is_ok_and(|id| grammar.node_kind_is_named(id)) {
                    continue;
                }
                nodes[id] = self.nodes.get(kind).map(node);
                params[id] = self.params.get(kind).map(|text| ParamNode {
                    name: optional(&text.name),
                    ty: optional(&text.ty),
                    default: optional(&text.default),
                });
            }
            Tables {
                grammar,
                nodes,
                params,
            }
        })
    }
}

fn optional(text: &Option<String>) -> Vec<Part> {
    text.as_deref().map(parts).unwrap_or_default()
}

fn node(text: &NodeText) -> Node {
    Node {
        shape: text.is,
        callee: optional(&text.callee),
        arguments: optional(&text.arguments),
        object: optional(&text.object),
        property: optional(&text.property),
        index: optional(&text.index),
        name: optional(&text.name),
        value: optional(&text.value),
        key: optional(&text.key),
        parameters: optional(&text.parameters),
        body: optional(&text.body),
        ty: optional(&text.ty),
        target: optional(&text.target),
        left: optional(&text.left),
        right: optional(&text.right),
        operator: optional(&text.operator),
        condition: optional(&text.condition),
        then: optional(&text.then),
        otherwise: optional(&text.otherwise),
        module: optional(&text.module),
        block: optional(&text.block),
        receiver: optional(&text.receiver),
        star: text.star,
        text: text.text.clone(),
        extends: text.extends,
        scoped: text.scoped,
        given: text.given,
        tags: optional(&text.tags),
        embeds: text.embeds,
        bases: text.bases.iter().map(|text| parts(text)).collect(),
        content: text.content.clone(),
        interpolation: text.interpolation.clone(),
        names: text.names.clone(),
        alias: text.alias.clone(),
        wildcard: text.wildcard.clone(),
    }
}

/// All languages with a `language.toml`.
#[derive(Debug, Default)]
pub(crate) struct Languages {
    all: Vec<Language>,
    by_extension: BTreeMap<String, LanguageId>,
    /// Files of languages that are known by where they stand.
    by_place: Vec<(LazyGlobs, LanguageId)>,
}

impl Languages {
    /// How the languages name and find modules.
    pub(crate) fn modules(&self) -> impl Iterator<Item = (&Language, &Modules)> {
        self.all
            .iter()
            .filter_map(|language| Some((language, language.modules.as_ref()?)))
    }

    /// Reads the languages from their files, given as path and text.
    pub(crate) fn load(files: &[(String, String)]) -> Result<Self, RuleError> {
        let mut texts: BTreeMap<String, (String, LanguageText)> = BTreeMap::new();
        for (path, text) in files {
            let parsed: LanguageText = crate::error::read_rules(path, text)?;
            if grammar(&parsed.grammar).is_none() {
                return Err(RuleError {
                    path: path.clone(),
                    line: position(text, text.find("grammar").unwrap_or(0)).0,
                    message: format!("no grammar \"{}\" is built in", parsed.grammar),
                });
            }
            texts.insert(parsed.name.clone(), (path.clone(), parsed));
        }
        let mut languages = Self::default();
        for (path, text) in texts.values() {
            let mut merged = text.clone();
            let mut family = vec![text.name.clone()];
            let mut parent = text.inherits.clone();
            while let Some(name) = parent {
                let Some((_, base)) = texts.get(&name).filter(|_| !family.contains(&name)) else {
                    return Err(RuleError {
                        path: path.clone(),
                        line: 1,
                        message: format!(
                            "inherits \"{name}\", which is not a language or inherits in a circle"
                        ),
                    });
                };
                for (kind, node) in &base.nodes {
                    merged
                        .nodes
                        .entry(kind.clone())
                        .or_insert_with(|| node.clone());
                }
                for (kind, param) in &base.params {
                    merged
                        .params
                        .entry(kind.clone())
                        .or_insert_with(|| param.clone());
                }
                merged.modules = merged.modules.or_else(|| base.modules.clone());
                for (own, inherited) in [
                    (&mut merged.each, &base.each),
                    (&mut merged.tests, &base.tests),
                    (&mut merged.client, &base.client),
                ] {
                    if own.is_empty() {
                        own.clone_from(inherited);
                    }
                }
                if merged.self_names.is_empty() {
                    merged.self_names.clone_from(&base.self_names);
                }
                family.push(name);
                parent = base.inherits.clone();
            }
            let id = LanguageId(languages.all.len());
            for extension in &merged.extensions {
                languages.by_extension.insert(extension.clone(), id);
            }
            languages.all.push(Language {
                bare: merged.extensions.is_empty(),
                name: merged.name,
                family,
                self_names: merged.self_names,
                result_is_last: merged.result.as_deref() == Some("last"),
                implicit_self: merged.implicit_self,
                method_guards: merged.method_guards,
                annotations: merged.annotations,
                concat: merged.concat,
                mixins: merged.mixins,
                absence: merged.absence,
                failures: merged.failures,
                nothing: merged.nothing,
                something: merged.something,
                instead: merged.instead,
                same: merged.same,
                decorated_by: merged.decorated_by,
                as_written: merged.as_written,
                raises: merged.raises,
                construct: merged.construct,
                class_literal: merged.class_literal,
                promoted: merged.promoted,
                marks: merged.marks,
                decorator_suffix: merged.decorator_suffix,
                each: merged.each,
                tests: merged.tests,
                client: merged.client,
                modules: merged.modules,
                mends: mends(path, &merged.mends)?,
                grammar: merged.grammar,
                nodes: merged.nodes,
                params: merged.params,
                tables: OnceLock::new(),
            });
        }
        Ok(languages)
    }

    /// The language of a file, by its extension or by where it stands.
    pub(crate) fn of(&self, path: &str) -> Option<LanguageId> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (_, extension) = name.rsplit_once('.')?;
        let extension = extension.to_ascii_lowercase();
        let known = self.by_extension.get(&extension).copied();
        known.or_else(|| {
            if !matches!(&*extension, "yaml" | "yml" | "json") {
                return None;
            }
            let mut placed = self.by_place.iter();
            let found = placed.find(|(files, _)| files.is_match(path));
            found.map(|(_, language)| *language)
        })
    }

    /// Files of a language that has no extensions of its own belong to it where they stand here.
    pub(crate) fn add_places<'a>(
        &mut self,
        places: impl Iterator<Item = (&'a str, &'a LazyGlobs)>,
    ) {
        for (name, files) in places {
            let mut all = self.all.iter();
            if let Some(at) = all.position(|one| one.name == name && one.bare) {
                self.by_place.push((files.clone(), LanguageId(at)));
            }
        }
    }

    pub(crate) fn get(&self, id: LanguageId) -> &Language {
        &self.all[id.0]
    }

    /// All languages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Language> {
        self.all.iter()
    }
}
