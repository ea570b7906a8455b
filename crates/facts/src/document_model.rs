//! Data models that documents state: schemas of OpenAPI, JSON Schema and Avro. They say what passes
//! the border of the program, so only their sensitive fields are compared.
//!
//! Source: <https://spec.openapis.org/oas/v3.1.1.html#schema-object>,
//! <https://json-schema.org/draft/2020-12/json-schema-core>,
//! <https://avro.apache.org/docs/1.12.0/specification/#schema-record>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::element::{ExprId, ExprKind, Unit};
use crate::entity::field_json;
use crate::fact::{Attributes, Confidence, Fact, FactKind, Scope};
use crate::language::{Language, Languages};
use crate::sensitivity::Sensitivity;

/// Records inside records are read no deeper.
const MAX_DEPTH: u32 = 8;
/// Larger documents are left out: they are data.
const MAX_BYTES: usize = 2 << 20;

/// What a document is, by its name and its first words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    OpenApi,
    JsonSchema,
    Avro,
}

fn kind(path: &str, text: &str) -> Option<(Kind, &'static str)> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let language = match name.rsplit_once('.')?.1 {
        "json" | "avsc" => "json",
        "yaml" | "yml" => "yaml",
        _ => return None,
    };
    if name.ends_with(".avsc") {
        return Some((Kind::Avro, language));
    }
    if crate::specification::is_specification(path, text) {
        return Some((Kind::OpenApi, language));
    }
    let schema = [".schema.json", ".schema.yaml", ".schema.yml"];
    let named = schema.iter().any(|end| name.ends_with(end));
    named.then_some((Kind::JsonSchema, language))
}

/// Reads the models of one document.
pub(crate) fn models(
    languages: &Languages,
    path: &str,
    text: &str,
    scope: Scope,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
) {
    let Some((kind, name)) = kind(path, text).filter(|_| text.len() <= MAX_BYTES) else {
        return;
    };
    let mut all = languages.iter();
    let Some(language): Option<&Language> = all.find(|one| one.name == name) else {
        return;
    };
    let Some(unit) = crate::walk::walk(language, text) else {
        return;
    };
    // The outermost map is complete last.
    let maps = unit
        .ids()
        .filter(|id| matches!(unit.kind(*id), ExprKind::Map(_)));
    let Some(root) = maps.last() else { return };
    let mut reader = Reader {
        unit: &unit,
        path,
        text,
        scope,
        sensitivity,
        facts,
    };
    match kind {
        Kind::OpenApi => {
            let stated = reader
                .get(root, "components")
                .and_then(|id| reader.get(id, "schemas"))
                .or_else(|| reader.get(root, "definitions"));
            let pairs = stated.map(|id| reader.pairs(id)).unwrap_or_default();
            for (name, schema) in pairs {
                if let Some(name) = reader.word(name) {
                    reader.schema(&name, name_role(&name), schema);
                }
            }
        }
        Kind::JsonSchema => {
            let file = path.rsplit('/').next().unwrap_or(path);
            let stem = file.split('.').next().unwrap_or(file).to_owned();
            let title = reader.get(root, "title").and_then(|id| reader.word(id));
            // Most describe settings, which hold credentials by their nature.
            reader.schema(&title.unwrap_or(stem), "request", root);
            for key in ["$defs", "definitions"] {
                let inner = reader.get(root, key);
                let pairs = inner.map(|id| reader.pairs(id)).unwrap_or_default();
                for (name, schema) in pairs {
                    if let Some(name) = reader.word(name) {
                        reader.schema(&name, "request", schema);
                    }
                }
            }
        }
        Kind::Avro => reader.record(root, 0),
    }
}

/// Whether callers hand it in or get it, as far as the name says.
fn name_role(name: &str) -> &'static str {
    let ends = |list: &[&str]| list.iter().any(|end| name.ends_with(end));
    let begins = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
    if ends(&["Request", "Input", "Body", "Params", "Payload", "Command"])
        || begins(&["Create", "Update", "Patch", "New"])
    {
        "request"
    } else if ends(&["Response", "Output", "Result", "View"]) {
        "response"
    } else {
        "transfer"
    }
}

struct Reader<'a> {
    unit: &'a Unit,
    path: &'a str,
    text: &'a str,
    scope: Scope,
    sensitivity: &'a Sensitivity,
    facts: &'a mut Vec<Fact>,
}

impl<'a> Reader<'a> {
    fn pairs(&self, id: ExprId) -> Vec<(ExprId, ExprId)> {
        match self.unit.kind(id) {
            ExprKind::Map(pairs) => pairs.clone(),
            _ => Vec::new(),
        }
    }

    fn items(&self, id: ExprId) -> &'a [ExprId] {
        match self.unit.kind(id) {
            ExprKind::List(items) => items,
            _ => &[],
        }
    }

    fn word(&self, id: ExprId) -> Option<String> {
        match self.unit.kind(id) {
            ExprKind::Str(text) | ExprKind::Number(text) => Some(text.to_string()),
            _ => None,
        }
    }

    fn get(&self, id: ExprId, key: &str) -> Option<ExprId> {
        let pairs = match self.unit.kind(id) {
            ExprKind::Map(pairs) => pairs,
            _ => return None,
        };
        let named = |id: ExprId| match self.unit.kind(id) {
            ExprKind::Str(text) => **text == *key,
            _ => false,
        };
        let found = pairs.iter().find(|(name, _)| named(*name));
        found.map(|(_, value)| *value)
    }

    fn is_true(&self, id: ExprId, key: &str) -> bool {
        self.get(id, key)
            .is_some_and(|id| matches!(self.unit.kind(id), ExprKind::Bool(true)))
    }

    fn push(&mut self, name: &str, role: &str, at: ExprId, fields: Vec<Json>, framework: &str) {
        if fields.is_empty() {
            return;
        }
        let mut attributes = Attributes::new();
        attributes.insert("entity".into(), json!(name));
        attributes.insert("framework".into(), json!(framework));
        attributes.insert("role".into(), json!(role));
        attributes.insert("fields".into(), Json::from(fields));
        let span = self.unit.expr(at).span;
        let (start, end) = (span.start as usize, span.end as usize);
        self.facts.push(Fact {
            kind: FactKind::DataModel,
            identity: name.to_owned(),
            attributes,
            location: crate::plain::location(self.path, self.text, start, end),
            rule: framework.to_owned(),
            confidence: Confidence::Resolved,
            scope: self.scope,
            evidence: Vec::new(),
        });
    }

    /// The properties of a schema, also of the parts that `allOf` puts together.
    fn schema(&mut self, name: &str, role: &str, schema: ExprId) {
        let mut parts = vec![schema];
        if let Some(all) = self.get(schema, "allOf") {
            parts.extend(self.items(all));
        }
        let mut fields = Vec::new();
        for part in parts {
            let mut required = BTreeSet::new();
            if let Some(list) = self.get(part, "required") {
                let names = self.items(list).iter();
                required.extend(names.filter_map(|id| self.word(*id)));
            }
            let properties = self.get(part, "properties");
            let pairs = properties.map(|id| self.pairs(id)).unwrap_or_default();
            for (key, value) in pairs {
                let Some(field) = self.word(key) else {
                    continue;
                };
                let mut attributes = BTreeMap::new();
                if required.contains(&field) {
                    attributes.insert("required".to_owned(), json!(true));
                }
                for (word, attribute) in [("writeOnly", "write_only"), ("readOnly", "read_only")] {
                    if self.is_true(value, word) {
                        attributes.insert(attribute.to_owned(), json!(true));
                    }
                }
                let ty = self.get(value, "type").and_then(|id| {
                    let several = self.items(id).iter();
                    let mut words = several.filter_map(|id| self.word(*id));
                    self.word(id).or_else(|| words.find(|word| word != "null"))
                });
                fields.push(field_json(
                    name,
                    &field,
                    ty.as_deref(),
                    attributes,
                    &[],
                    self.sensitivity,
                ));
            }
        }
        self.push(name, role, schema, fields, "openapi");
    }

    /// A record of Avro with those inside it.
    fn record(&mut self, record: ExprId, depth: u32) {
        let (Some(name), Some(list)) = (
            self.get(record, "name").and_then(|id| self.word(id)),
            self.get(record, "fields"),
        ) else {
            return;
        };
        let mut fields = Vec::new();
        for item in self.items(list) {
            let Some(field) = self.get(*item, "name").and_then(|id| self.word(id)) else {
                continue;
            };
            let ty = self.get(*item, "type");
            let mut attributes = BTreeMap::new();
            let mut written = ty.and_then(|id| self.word(id));
            let several = ty.map(|id| self.items(id)).unwrap_or_default();
            for one in several {
                match self.word(*one) {
                    Some(word) if word == "null" => {
                        attributes.insert("nullable".to_owned(), json!(true));
                    }
                    Some(word) => written = written.or(Some(word)),
                    None if matches!(self.unit.kind(*one), ExprKind::Null) => {
                        attributes.insert("nullable".to_owned(), json!(true));
                    }
                    None => {}
                }
            }
            if depth < MAX_DEPTH {
                for inner in ty.into_iter().chain(several.iter().copied()) {
                    self.record(inner, depth + 1);
                    if let Some(items) = self.get(inner, "items") {
                        self.record(items, depth + 1);
                    }
                }
            }
            fields.push(field_json(
                &name,
                &field,
                written.as_deref(),
                attributes,
                &[],
                self.sensitivity,
            ));
        }
        self.push(&name, "transfer", record, fields, "avro");
    }
}
