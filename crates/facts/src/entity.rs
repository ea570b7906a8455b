//! Data models of source code: entities with their fields, and the steps of migrations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::element::*;
use crate::fact::{Attributes, Fact, FactKind};
use crate::link::{Linker, Matched, Value};
use crate::local::{Site, typed};
use crate::project::FileId;
use crate::rule::{FieldRule, LoadedRule, Pattern, Selector, wild};
use crate::sensitivity::Sensitivity;
use crate::text::{render, shorten};

/// Fields nested deeper than this are left out.
const MAX_NESTING: u32 = 6;

/// A class that a rule knows as a data model, by what it derives from or by its decorators.
pub(crate) fn by_class(
    linker: &Linker<'_>,
    site: &Site<'_>,
    class: ClassId,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
) {
    let parsed = linker.project.parsed(site.file);
    let element = parsed.unit.class(class);
    let mut bases = BTreeSet::new();
    linker.bases(site.file, class, &mut bases, 0);
    for base in &bases {
        let last = base.rsplit('.').next().unwrap_or(base);
        for (rule_id, pattern) in linker.class_rules(site.file, last) {
            let loaded = linker.loaded(rule_id);
            if loaded.rule.fact == Some(FactKind::DataModel)
                && loaded.patterns[pattern].matches(base)
                && linker.speaks_in(site.file, loaded)
            {
                facts.extend(model(linker, site, class, loaded, Vec::new(), sensitivity));
                return;
            }
        }
    }
    for decorator in &element.decorators {
        let matched = linker.matched(site.file, *decorator);
        let Some(callee) = matched.callee else {
            continue;
        };
        let Some(last) = parsed.unit.last_name(callee) else {
            continue;
        };
        for (rule_id, pattern) in linker.decorator_rules(site.file, last) {
            let loaded = linker.loaded(rule_id);
            if loaded.rule.fact == Some(FactKind::DataModel)
                && linker
                    .name_of(site.file, callee)
                    .is_some_and(|name| loaded.patterns[pattern].matches(&name))
                && linker.speaks_in(site.file, loaded)
                && linker.holds(&matched, &loaded.rule.constraints)
            {
                let args = matched.args;
                facts.extend(model(linker, site, class, loaded, args, sensitivity));
                return;
            }
        }
    }
}

/// The class as a rule's selectors see it: the decorator's arguments, named arguments of its other
/// decorators, and its members by name; those of an inner class as `Meta.fields`.
fn seen(unit: &Unit, file: FileId, class: ClassId, mut args: Vec<Arg>) -> Matched {
    for decorator in &unit.class(class).decorators {
        if let ExprKind::Call { args: more, .. } = unit.kind(*decorator) {
            args.extend(more.iter().filter(|arg| arg.name.is_some()).cloned());
        }
    }
    for assign in unit
        .assigns
        .iter()
        .filter(|assign| assign.function.is_none())
    {
        let (Some(at), Some(name), Some(value)) = (assign.class, &assign.name, assign.value) else {
            continue;
        };
        let name = if at == class {
            name.to_string()
        } else if unit.class(at).parent == Some(class) {
            format!("{}.{name}", unit.class(at).name)
        } else {
            continue;
        };
        args.push(Arg {
            name: Some(name.into()),
            value,
            spread: false,
        });
    }
    Matched {
        file,
        callee: None,
        args,
        value: None,
    }
}

fn model(
    linker: &Linker<'_>,
    site: &Site<'_>,
    class: ClassId,
    loaded: &LoadedRule,
    args: Vec<Arg>,
    sensitivity: &Sensitivity,
) -> Option<Fact> {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let element = unit.class(class);
    let rule = loaded.rule.field.as_ref()?;
    let matched = seen(unit, site.file, class, args);
    let mut attributes = fact_attributes(linker, loaded, &matched);
    let entity = match attributes.get("entity").and_then(Json::as_str) {
        Some(entity) => entity.to_owned(),
        None => element.name.to_string(),
    };
    let reader = FieldReader {
        linker,
        rule,
        entity: &entity,
        sensitivity,
    };
    let mut fields = Vec::new();
    for assign in unit
        .assigns
        .iter()
        .filter(|assign| assign.class == Some(class) && assign.function.is_none())
    {
        if let Some(name) = assign.name.as_deref() {
            fields.extend(reader.member(site.file, name, assign));
        }
    }
    for list in &rule.listed {
        let selector = Selector {
            name: Some(list.clone()),
            ..Selector::default()
        };
        for name in linker.texts(&matched, &[selector]) {
            if !fields.iter().any(|field: &Json| field["name"] == name) {
                fields.extend(reader.made(&name, None, BTreeMap::new()));
            }
        }
    }
    if fields.is_empty() {
        return None;
    }
    if attributes.get("role") == Some(&json!("transfer"))
        && linker.is_request_model(site.file, class)
    {
        attributes.insert("role".into(), json!("request"));
    }
    attributes.insert("entity".into(), json!(entity));
    attributes.insert(
        "framework".into(),
        json!(linker.framework_name(loaded.framework)),
    );
    attributes.insert("fields".into(), Json::from(fields));
    Some(site.fact(
        FactKind::DataModel,
        entity,
        attributes,
        element.head,
        &loaded.rule.id,
    ))
}

fn fact_attributes(linker: &Linker<'_>, loaded: &LoadedRule, matched: &Matched) -> Attributes {
    let mut attributes = Attributes::new();
    for (name, selectors) in &loaded.rule.attributes {
        if let [text] = &linker.texts(matched, &selectors.0)[..] {
            attributes.insert(name.clone(), typed(text));
        }
    }
    attributes
}

/// Reads the fields of one entity by one rule.
struct FieldReader<'a> {
    linker: &'a Linker<'a>,
    rule: &'a FieldRule,
    entity: &'a str,
    sensitivity: &'a Sensitivity,
}

impl FieldReader<'_> {
    fn made(
        &self,
        name: &str,
        ty: Option<&str>,
        mut attributes: BTreeMap<String, Json>,
    ) -> Option<Json> {
        if self.rule.except.iter().any(|word| wild(word, name)) {
            return None;
        }
        let mut ty = ty.map(str::to_owned);
        if let Some(written) = &mut ty {
            if let Some(inner) = inner_of(&self.rule.wrapper, written) {
                *written = inner;
            }
            if let Some(inner) = inner_of(&self.rule.optional, written) {
                *written = inner;
                attributes
                    .entry("nullable".to_owned())
                    .or_insert(json!(true));
            }
        }
        Some(field_json(
            self.entity,
            name,
            ty.as_deref(),
            attributes,
            &self.rule.encrypted,
            self.sensitivity,
        ))
    }

    /// Whether the callee is one that makes fields.
    fn calls(&self, patterns: &[String], file: FileId, callee: ExprId) -> bool {
        if patterns.is_empty() {
            return false;
        }
        let full = self.linker.name_of(file, callee).unwrap_or_default();
        patterns
            .iter()
            .any(|pattern| Pattern::parse(pattern).matches(&full))
    }

    fn attributes(&self, matched: &Matched, into: &mut BTreeMap<String, Json>) {
        for (attribute, selectors) in &self.rule.attributes {
            if let Some(text) = self.linker.texts(matched, &selectors.0).into_iter().next() {
                into.insert(attribute.clone(), typed(&text));
            }
        }
    }

    /// A member of a class.
    fn member(&self, file: FileId, name: &str, assign: &Assign) -> Option<Json> {
        let (linker, rule) = (self.linker, self.rule);
        let written = assign.ty.as_deref().map(|ty| shorten(ty, 80));
        let excluded = |ty: &String| rule.not_type.iter().any(|pattern| wild(pattern, ty));
        if written.as_ref().is_some_and(excluded) {
            return None;
        }
        let mut found = rule.typed && written.is_some();
        let mut ty = written;
        let mut attributes = BTreeMap::new();
        for id in assign
            .value
            .into_iter()
            .chain(assign.decorators.iter().copied())
        {
            let matched = linker.matched(file, id);
            let Some(callee) = matched.callee else {
                continue;
            };
            if self.calls(&rule.not_call, file, callee) {
                return None;
            }
            let patterns = if assign.decorators.contains(&id) {
                &rule.decorator
            } else {
                &rule.call
            };
            if !self.calls(patterns, file, callee) {
                continue;
            }
            found = true;
            if let Some(text) = linker.texts(&matched, &rule.ty).into_iter().next() {
                ty = Some(text);
            }
            self.attributes(&matched, &mut attributes);
        }
        if !found {
            return None;
        }
        self.made(name, ty.as_deref(), attributes)
    }

    /// The keys of a map, or the named arguments of a call: `{ name: String }`.
    fn keys(&self, file: FileId, id: ExprId, prefix: &str, depth: u32, fields: &mut Vec<Json>) {
        let parsed = self.linker.project.parsed(file);
        let (file, pairs): (FileId, Vec<(String, ExprId)>) = match parsed.unit.kind(id) {
            ExprKind::Call { args, .. } if args.iter().any(|arg| arg.name.is_some()) => {
                let named = args.iter().filter_map(|arg| {
                    let name = arg.name.as_deref()?;
                    Some((name.to_owned(), arg.value))
                });
                (file, named.collect())
            }
            _ => {
                let Value::Map(file, map) = self.linker.eval(file, id) else {
                    return;
                };
                let parsed = self.linker.project.parsed(file);
                let ExprKind::Map(pairs) = parsed.unit.kind(map) else {
                    return;
                };
                let mut named = Vec::new();
                for (key, value) in pairs {
                    match parsed.unit.kind(*key) {
                        ExprKind::Name(name) | ExprKind::Str(name) => {
                            named.push((name.to_string(), *value));
                        }
                        // `...base`
                        ExprKind::Null if depth < MAX_NESTING => {
                            self.keys(file, *value, prefix, depth + 1, fields);
                        }
                        _ => {}
                    }
                }
                (file, named)
            }
        };
        let parsed = self.linker.project.parsed(file);
        for (name, value) in pairs {
            let name = format!("{prefix}{name}");
            let matched = Matched {
                file,
                callee: None,
                args: vec![Arg {
                    name: None,
                    value,
                    spread: false,
                }],
                value: Some(value),
            };
            let ty = self
                .linker
                .texts(&matched, &self.rule.ty)
                .into_iter()
                .next();
            let is_map = matches!(self.linker.eval(file, value), Value::Map(..));
            if ty.is_none() && is_map && self.rule.nested && depth < MAX_NESTING {
                self.keys(file, value, &format!("{name}."), depth + 1, fields);
                continue;
            }
            let ty = match parsed.unit.kind(value) {
                ExprKind::Index { .. } => Some(shorten(&render(&parsed.unit, value), 80)),
                _ => ty.or_else(|| self.linker.word(file, value)),
            };
            let mut attributes = BTreeMap::new();
            self.attributes(&matched, &mut attributes);
            fields.extend(self.made(&name, ty.as_deref(), attributes));
        }
    }

    /// Calls of a builder inside a function: `(table) => { table.text("x") }`.
    fn built(&self, file: FileId, function: ExprId, fields: &mut Vec<Json>) {
        let Value::Function(file, function) = self.linker.eval(file, function) else {
            return;
        };
        let parsed = self.linker.project.parsed(file);
        let Some(body) = parsed.unit.function(function).body else {
            return;
        };
        for id in parsed.unit.descendants(body) {
            self.item(file, id, None, MAX_NESTING, fields);
        }
    }

    /// Columns that stand in a row: `Column("email", String())`, `("email", EmailField())`.
    fn items(&self, matched: &Matched, column: Option<&str>) -> Vec<Json> {
        let mut fields = Vec::new();
        for selector in &self.rule.items {
            let picked = self.linker.exprs(matched, std::slice::from_ref(selector));
            for (file, id) in picked {
                self.item(file, id, column, 0, &mut fields);
            }
        }
        fields
    }

    fn item(
        &self,
        file: FileId,
        id: ExprId,
        column: Option<&str>,
        depth: u32,
        fields: &mut Vec<Json>,
    ) {
        let parsed = self.linker.project.parsed(file);
        match parsed.unit.kind(id) {
            ExprKind::List(items) => {
                if let [name, value] = items[..]
                    && let Some(name) = parsed.unit.literal(name)
                {
                    self.item(file, value, Some(name), depth + 1, fields);
                } else if depth < MAX_NESTING {
                    for item in items {
                        self.item(file, *item, column, depth + 1, fields);
                    }
                }
            }
            ExprKind::Call { callee, .. } if self.calls(&self.rule.call, file, *callee) => {
                let matched = self.linker.matched(file, id);
                let own = self.linker.texts(&matched, &self.rule.name);
                let Some(name) = own.into_iter().next().or(column.map(str::to_owned)) else {
                    return;
                };
                let ty = self
                    .linker
                    .texts(&matched, &self.rule.ty)
                    .into_iter()
                    .next();
                let mut attributes = BTreeMap::new();
                self.attributes(&matched, &mut attributes);
                fields.extend(self.made(&name, ty.as_deref(), attributes));
            }
            _ => {}
        }
    }
}

/// What `*` stands for in the first pattern that the text matches.
fn inner_of(patterns: &[String], text: &str) -> Option<String> {
    patterns.iter().find_map(|pattern| {
        let (head, tail) = pattern.split_once('*')?;
        let inner = text.strip_prefix(head)?.strip_suffix(tail)?;
        Some(inner.trim().to_owned())
    })
}

/// A field as an attribute value, with its sensitivity.
pub(crate) fn field_json(
    entity: &str,
    name: &str,
    ty: Option<&str>,
    attributes: BTreeMap<String, Json>,
    encrypted: &[String],
    sensitivity: &Sensitivity,
) -> Json {
    let mut field = serde_json::Map::new();
    field.insert("name".into(), json!(name));
    if let Some(ty) = ty {
        field.insert("type".into(), json!(ty));
    }
    for (key, value) in attributes {
        field.insert(key, value);
    }
    if let Some(class) = sensitivity.classify(entity, name, ty) {
        field.insert("sensitivity".into(), json!(class.class.name()));
    }
    if ty.is_some_and(|ty| encrypted.iter().any(|pattern| wild(pattern, ty))) {
        field.insert("encrypted".into(), json!(true));
    }
    Json::Object(field)
}

/// Whether an expression stands in a function of one of these names, at any depth.
fn within(unit: &Unit, id: ExprId, names: &[String]) -> bool {
    let mut scope = unit.expr(id).function;
    while let Some(function) = scope {
        let function = unit.function(function);
        if names.iter().any(|name| **name == *function.name) {
            return true;
        }
        scope = function.parent;
    }
    false
}

/// A call that makes a data model or is a migration's step: `mongoose.Schema({ name: String })`,
/// `op.drop_column("users", "email")`.
pub(crate) fn by_call(
    linker: &Linker<'_>,
    site: &Site<'_>,
    id: ExprId,
    loaded: &LoadedRule,
    matched: &Matched,
    facts: &mut Vec<Fact>,
) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    if within(unit, id, &loaded.rule.outside) {
        return;
    }
    if !loaded.rule.sql.is_empty() {
        statements(linker, site, id, loaded, matched, facts);
        return;
    }
    let mut attributes = fact_attributes(linker, loaded, matched);
    let text = |attributes: &Attributes, name: &str| {
        let found = attributes.get(name).and_then(Json::as_str);
        found.map(str::to_owned)
    };
    let operation = text(&attributes, "operation");
    let variable = || {
        let assign = unit
            .assigns
            .iter()
            .find(|assign| assign.value == Some(id))?;
        assign.name.as_deref().map(str::to_owned)
    };
    let named = text(&attributes, "entity").or_else(|| text(&attributes, "table"));
    let entity = match (named, &operation) {
        (Some(entity), _) => entity,
        (None, None) => match variable() {
            Some(name) => name,
            None => return,
        },
        // A step on a table that is not known by name here.
        (None, Some(_)) => "unknown".to_owned(),
    };
    let entity = entity.trim_end_matches("Schema").to_owned();
    let mut fields = Vec::new();
    if let Some(rule) = &loaded.rule.field {
        let reader = FieldReader {
            linker,
            rule,
            entity: &entity,
            sensitivity: linker.sensitivity(),
        };
        if rule.keys_of.is_some() {
            let selector = Selector {
                arg: rule.keys_of.clone(),
                ..Selector::default()
            };
            if let Some((file, map)) = linker.exprs(matched, &[selector]).into_iter().next() {
                reader.keys(file, map, "", 0, &mut fields);
            }
        }
        if rule.built_by.is_some() {
            let selector = Selector {
                arg: rule.built_by.clone(),
                ..Selector::default()
            };
            for (file, function) in linker.exprs(matched, &[selector]) {
                reader.built(file, function, &mut fields);
            }
        }
        fields.extend(reader.items(matched, text(&attributes, "column").as_deref()));
    }
    let built = loaded
        .rule
        .field
        .as_ref()
        .is_some_and(|rule| rule.built_by.is_some());
    let identity = match &operation {
        None if fields.is_empty() => return,
        // Nothing is added by a builder that drops, renames or indexes.
        Some(operation) if operation == "add-column" && built && fields.is_empty() => return,
        None => {
            attributes.insert(
                "framework".into(),
                json!(linker.framework_name(loaded.framework)),
            );
            entity.clone()
        }
        Some(operation) => {
            if let [field] = &fields[..]
                && !attributes.contains_key("column")
            {
                attributes.insert("column".into(), field["name"].clone());
            }
            attributes
                .entry("table".to_owned())
                .or_insert(json!(entity));
            let column = text(&attributes, "column").unwrap_or_default();
            format!("migration:{entity}:{operation}:{column}")
        }
    };
    attributes.insert("entity".into(), json!(entity));
    if !fields.is_empty() {
        attributes.insert("fields".into(), Json::from(fields));
    }
    facts.push(site.fact(
        FactKind::DataModel,
        identity,
        attributes,
        unit.expr(id).span,
        &loaded.rule.id,
    ));
}

/// SQL statements in strings of a migration.
fn statements(
    linker: &Linker<'_>,
    site: &Site<'_>,
    id: ExprId,
    loaded: &LoadedRule,
    matched: &Matched,
    facts: &mut Vec<Fact>,
) {
    for (file, text) in linker.all_exprs(matched, &loaded.rule.sql) {
        let sql = linker.joined(file, text);
        let span = linker.project.parsed(site.file).unit.expr(id).span;
        let mut found = Vec::new();
        crate::plain::statements(
            &sql,
            site.path,
            site.scope,
            linker.sensitivity(),
            &mut found,
        );
        for fact in &mut found {
            fact.location = site.location(span);
            fact.rule.clone_from(&loaded.rule.id);
        }
        facts.append(&mut found);
    }
}
