//! OpenAPI 2 and 3 documents: what they promise is an endpoint in its own right.
//!
//! Source: <https://spec.openapis.org/oas/v3.1.1.html>,
//! <https://spec.openapis.org/oas/v2.0.html>.

use serde_json::{Value as Json, json};

use crate::element::{ExprId, ExprKind, Unit};
use crate::fact::{Attributes, Confidence, Fact, FactKind, Inventory, Scope};
use crate::language::{Language, Languages};

/// Keys of a path that are methods.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// The key that says what a document is stands among the first.
const HEAD: usize = 4096;
/// References to other places of a document are followed no further.
const MAX_HOPS: u32 = 8;

/// Whether a document says of itself that it is a specification.
pub(crate) fn is_specification(path: &str, text: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, end)| end);
    let known = ["json", "yaml", "yml"];
    if !extension.is_some_and(|end| known.iter().any(|one| end.eq_ignore_ascii_case(one))) {
        return false;
    }
    let mut end = text.len().min(HEAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].lines().any(|line| {
        let line = line.trim_start().trim_start_matches(['"', '\'', '{', ' ']);
        ["openapi", "swagger"].iter().any(|word| {
            let rest = line.strip_prefix(word);
            let rest = rest.map(|rest| rest.trim_start_matches(['"', '\'', ' ']));
            rest.is_some_and(|rest| rest.starts_with(':'))
        })
    })
}

/// The language of a specification in this file; `None` if it holds none.
fn language<'a>(languages: &'a Languages, path: &str, text: &str) -> Option<&'a Language> {
    let name = match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "json" => "json",
        _ => "yaml",
    };
    let mut all = languages.iter();
    is_specification(path, text).then(|| all.find(|language| language.name == name))?
}

struct Document<'a> {
    unit: &'a Unit,
    root: ExprId,
}

impl Document<'_> {
    fn pairs(&self, id: ExprId) -> &[(ExprId, ExprId)] {
        match self.unit.kind(id) {
            ExprKind::Map(pairs) => pairs,
            _ => &[],
        }
    }

    fn text(&self, id: ExprId) -> Option<&str> {
        match self.unit.kind(id) {
            ExprKind::Str(text) | ExprKind::Number(text) => Some(text),
            _ => None,
        }
    }

    fn get(&self, id: ExprId, key: &str) -> Option<ExprId> {
        let pairs = self.pairs(id).iter();
        let mut found = pairs.filter(|(name, _)| self.text(*name) == Some(key));
        found.next().map(|(_, value)| *value)
    }

    fn items(&self, id: ExprId) -> &[ExprId] {
        match self.unit.kind(id) {
            ExprKind::List(items) => items,
            _ => &[],
        }
    }

    /// What stands here, or in the place of this document that a reference names.
    fn followed(&self, id: ExprId, hops: u32) -> ExprId {
        let reference = self.get(id, "$ref").or_else(|| self.get(id, "ref"));
        let Some(path) = reference
            .and_then(|reference| self.text(reference))
            .and_then(|text| text.strip_prefix("#/"))
            .filter(|_| hops < MAX_HOPS)
        else {
            return id;
        };
        let mut steps = path.split('/');
        let found = steps.try_fold(self.root, |at, step| {
            self.get(at, &step.replace("~1", "/").replace("~0", "~"))
        });
        found.map_or(id, |found| self.followed(found, hops + 1))
    }

    /// The path in front of all others: of the first server, or `basePath`.
    fn base(&self) -> String {
        let server = self
            .get(self.root, "servers")
            .and_then(|list| self.items(list).first())
            .and_then(|server| self.get(*server, "url"))
            .or_else(|| self.get(self.root, "basePath"));
        let url = server.and_then(|url| self.text(url)).unwrap_or_default();
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
            None => url,
        };
        path.trim_end_matches('/').to_owned()
    }

    /// The schemes that are asked for, each alternative in its words; empty where none is, also
    /// where asking for nothing is one of the alternatives.
    fn security(&self, operation: ExprId) -> Vec<String> {
        let said = self
            .get(operation, "security")
            .or_else(|| self.get(self.root, "security"));
        let Some(said) = said else { return Vec::new() };
        let mut all = Vec::new();
        for alternative in self.items(said) {
            let schemes = self
                .pairs(*alternative)
                .iter()
                .filter_map(|(name, scopes)| {
                    let name = self.text(*name)?;
                    let items = self.items(*scopes).iter();
                    let scopes: Vec<&str> = items.filter_map(|scope| self.text(*scope)).collect();
                    Some(match scopes.is_empty() {
                        true => name.to_owned(),
                        false => format!("{name}({})", scopes.join(", ")),
                    })
                });
            let schemes: Vec<String> = schemes.collect();
            if schemes.is_empty() {
                return Vec::new();
            }
            all.push(schemes.join(" and "));
        }
        all.sort();
        all
    }

    fn parameters(&self, path: ExprId, operation: ExprId) -> Vec<Json> {
        let mut all: Vec<Json> = Vec::new();
        for place in [path, operation] {
            let Some(list) = self.get(place, "parameters") else {
                continue;
            };
            for item in self.items(list) {
                let item = self.followed(*item, 0);
                let word = |key| self.get(item, key).and_then(|id| self.text(id));
                let (Some(name), Some(place)) = (word("name"), word("in")) else {
                    continue;
                };
                let required = self
                    .get(item, "required")
                    .is_some_and(|id| matches!(self.unit.kind(id), ExprKind::Bool(true)));
                let place = match place {
                    "formData" => "form",
                    other => other,
                };
                let known = |other: &Json| other["name"] == name && other["in"] == place;
                all.retain(|other| !known(other));
                all.push(json!({ "name": name, "in": place, "required": required }));
            }
        }
        all
    }
}

/// The endpoints that a document promises.
pub(crate) fn endpoints(
    languages: &Languages,
    path: &str,
    text: &str,
    scope: Scope,
    read: &dyn Fn(&str) -> Option<String>,
    facts: &mut Vec<Fact>,
) {
    let Some(language) = language(languages, path, text) else {
        return;
    };
    let Some(unit) = crate::walk::walk(language, text) else {
        return;
    };
    // The outermost map is complete last.
    let root = unit.ids().filter(|id| match unit.kind(*id) {
        ExprKind::Map(pairs) => {
            let mut keys = pairs.iter().map(|(key, _)| unit.literal(*key));
            keys.any(|key| key == Some("paths"))
        }
        _ => false,
    });
    let Some(root) = root.last() else { return };
    let document = Document { unit: &unit, root };
    let base = document.base();
    let Some(paths) = document.get(root, "paths") else {
        return;
    };
    for (key, item) in document.pairs(paths) {
        let Some(written) = document.text(*key) else {
            continue;
        };
        // `$ref: "./paths/users.yaml"`: what is promised stands in a file of its own.
        let beside = document
            .get(*item, "$ref")
            .or_else(|| document.get(*item, "ref"))
            .and_then(|reference| document.text(reference))
            .filter(|name| !name.starts_with('#') && !name.contains("://"))
            .and_then(|name| whole(languages, &beside(path, name), read));
        if let Some((place, text, unit, root)) = &beside {
            let other = Document { unit, root: *root };
            let fallback = document.security(document.root);
            let at = Promised {
                path: place,
                text,
                scope,
                base: &base,
                written,
            };
            other.promised(&at, *root, Some(&fallback), facts);
            continue;
        }
        let item = document.followed(*item, 0);
        let at = Promised {
            path,
            text,
            scope,
            base: &base,
            written,
        };
        document.promised(&at, item, None, facts);
    }
}

/// Where a promise stands, and of which path it speaks.
struct Promised<'a> {
    path: &'a str,
    text: &'a str,
    scope: Scope,
    base: &'a str,
    written: &'a str,
}

/// The path of a file that is named relative to another.
fn beside(path: &str, name: &str) -> String {
    let name = name.split('#').next().unwrap_or(name);
    let mut words: Vec<&str> = path.split('/').collect();
    words.pop();
    for word in name.split('/') {
        match word {
            "" | "." => {}
            ".." => {
                words.pop();
            }
            word => words.push(word),
        }
    }
    words.join("/")
}

/// A file that is one map, and its outermost map.
fn whole(
    languages: &Languages,
    path: &str,
    read: &dyn Fn(&str) -> Option<String>,
) -> Option<(String, String, Unit, ExprId)> {
    let (_, extension) = path.rsplit_once('.')?;
    let name = match extension {
        "json" => "json",
        "yaml" | "yml" => "yaml",
        _ => return None,
    };
    let text = read(path)?;
    let language = languages.iter().find(|language| language.name == name)?;
    let unit = crate::walk::walk(language, &text)?;
    // The outermost map is complete last.
    let maps = unit
        .ids()
        .filter(|id| matches!(unit.kind(*id), ExprKind::Map(_)));
    let root = maps.last()?;
    Some((path.to_owned(), text, unit, root))
}

impl Document<'_> {
    /// The endpoints that a path's map promises. Without words of its own an operation asks for
    /// what the whole document asks for, which may be another file.
    fn promised(
        &self,
        at: &Promised<'_>,
        item: ExprId,
        fallback: Option<&[String]>,
        facts: &mut Vec<Fact>,
    ) {
        let document = self;
        let unit = self.unit;
        let Promised {
            path,
            text,
            scope,
            base,
            written,
        } = *at;
        for (method, operation) in document.pairs(item) {
            let Some(name) = document.text(*method).filter(|name| METHODS.contains(name)) else {
                continue;
            };
            let full = format!("{base}{written}");
            let method_name = name.to_uppercase();
            let guards = match fallback {
                Some(words) if document.get(*operation, "security").is_none() => words.to_vec(),
                _ => document.security(*operation),
            };
            let mut attributes = Attributes::new();
            attributes.insert("protocol".into(), json!("http"));
            attributes.insert("method".into(), json!(method_name));
            attributes.insert("path".into(), json!(full));
            attributes.insert("framework".into(), json!("openapi"));
            attributes.insert("declared".into(), json!("specification"));
            let state = if guards.is_empty() { "open" } else { "guarded" };
            attributes.insert("guard_state".into(), json!(state));
            attributes.insert("guards".into(), json!(guards));
            let parameters = document.parameters(item, *operation);
            attributes.insert("parameters".into(), Json::from(parameters));
            if let Some(id) = document.get(*operation, "operationId") {
                let id = document.text(id).unwrap_or_default();
                attributes.insert("handler".into(), json!(id));
            }
            let span = unit.expr(*method).span;
            facts.push(Fact {
                kind: FactKind::Endpoint,
                identity: format!(
                    "specification http {method_name} {}",
                    crate::endpoint::nameless(&full)
                ),
                attributes,
                location: crate::plain::location(
                    path,
                    text,
                    span.start as usize,
                    span.end as usize,
                ),
                rule: "openapi".into(),
                confidence: Confidence::Resolved,
                scope,
                evidence: Vec::new(),
            });
        }
    }
}

/// Documents that are held against the code.
const MAX_DOCUMENTS: usize = 2;
/// Longer ones are not, in bytes.
const MAX_LISTED: usize = 1_000_000;
/// So many other endpoints of a file a document lists before the rest is missed.
const SIBLINGS: usize = 2;

/// Whether a file says by its name that it describes an API.
pub(crate) fn is_named_so(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let kind = name.rsplit_once('.').map_or("", |(_, end)| end);
    let mut kinds = ["json", "yaml", "yml"].iter();
    // All paths of a repository are asked; few have the ending.
    kinds.any(|one| kind.eq_ignore_ascii_case(one)) && {
        let name = name.to_ascii_lowercase();
        name.contains("openapi") || name.contains("swagger")
    }
}

/// The documents of a repository that describe its API, by their names: the outermost first.
pub(crate) fn documents<'a>(paths: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let production = |path: &&String| {
        is_named_so(path) && crate::scope::scope_of_path(path) == Scope::Production
    };
    let mut all: Vec<&String> = paths.filter(production).collect();
    all.sort_by_key(|path| (path.matches('/').count(), path.as_str()));
    all.truncate(MAX_DOCUMENTS);
    all
}

/// Says of endpoints that the repository's own documents do not list them while they list what stands beside
/// them in the code. Only those in files that `judged` picks are told of.
pub(crate) fn mark_unlisted(
    languages: &Languages,
    documents: &[(&str, &str)],
    judged: &dyn Fn(&str) -> bool,
    read: &dyn Fn(&str) -> Option<String>,
    inventory: &mut Inventory,
) {
    let mut promised = Vec::new();
    for (path, text) in documents {
        if text.len() <= MAX_LISTED {
            endpoints(
                languages,
                path,
                text,
                Scope::Production,
                read,
                &mut promised,
            );
        }
    }
    let listed: Vec<(String, String)> = promised.iter().filter_map(called).collect();
    if listed.is_empty() {
        return;
    }
    let of_code = |fact: &Fact| {
        fact.kind == FactKind::Endpoint
            && fact.scope == Scope::Production
            && fact.text("declared") != Some("specification")
            && matches!(fact.text("protocol"), None | Some("http"))
    };
    let is_listed =
        |fact: &Fact| called(fact).is_some_and(|own| listed.iter().any(|one| is_same(one, &own)));
    let mut files: std::collections::BTreeMap<String, (usize, usize)> = Default::default();
    for fact in inventory.facts.iter().filter(|fact| of_code(fact)) {
        if judged(&fact.location.path) {
            let (all, known) = files.entry(fact.location.path.clone()).or_default();
            *all += 1;
            *known += usize::from(is_listed(fact));
        }
    }
    files.retain(|_, (all, known)| *known >= SIBLINGS && *known * 3 >= *all * 2);
    for fact in &mut inventory.facts {
        let method = fact.text("method").is_some_and(|method| method != "ANY");
        if of_code(fact) && method && files.contains_key(&fact.location.path) && !is_listed(fact) {
            fact.attributes.insert("undocumented".into(), json!(true));
        }
    }
}

/// Method and path of an endpoint.
fn called(fact: &Fact) -> Option<(String, String)> {
    let path = crate::endpoint::nameless(fact.text("path")?);
    Some((fact.text("method")?.to_owned(), path))
}

/// Whether what a document promises is what the code shows.
fn is_same((method, path): &(String, String), (other, code): &(String, String)) -> bool {
    let ends = path.ends_with(code.as_str()) || code.ends_with(path.as_str());
    (method == other || other == "ANY")
        && (ends || path.trim_end_matches('/') == code.trim_end_matches('/'))
}

/// Leaves out what a specification promises and the code itself shows.
pub(crate) fn without_doubles(inventory: &mut Inventory) {
    let promised = |fact: &Fact| fact.text("declared") == Some("specification");
    let of_code: Vec<(String, String)> = inventory
        .facts
        .iter()
        .filter(|fact| fact.kind == FactKind::Endpoint && !promised(fact))
        .filter_map(called)
        .collect();
    let shown =
        |fact: &Fact| called(fact).is_some_and(|own| of_code.iter().any(|one| is_same(&own, one)));
    // Of a document that describes this code, by most of what it promises, the rest is out of date.
    let mut documents: std::collections::BTreeMap<String, (usize, usize)> = Default::default();
    for fact in inventory.facts.iter().filter(|fact| promised(fact)) {
        let (all, known) = documents.entry(fact.location.path.clone()).or_default();
        *all += 1;
        *known += usize::from(shown(fact));
    }
    let describes = |fact: &Fact| {
        let counts = documents.get(&fact.location.path);
        counts.is_some_and(|(all, known)| known * 2 > *all)
    };
    inventory.facts.retain(|fact| {
        fact.kind != FactKind::Endpoint || !promised(fact) || !(describes(fact) || shown(fact))
    });
}
