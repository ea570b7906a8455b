//! The fields of one entity.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::element::*;
use crate::link::{Linker, Matched, Value};
use crate::local::typed;
use crate::project::FileId;
use crate::rule::{ArgAt, FieldRule, Pattern, Selector, wild};
use crate::sensitivity::{Certainty, Sensitivity};
use crate::text::{render, shorten};

/// Fields nested deeper than this are left out.
const MAX_NESTING: u32 = 6;

/// Reads the fields of one entity by one rule.
pub(super) struct FieldReader<'a> {
    pub(super) linker: &'a Linker<'a>,
    pub(super) rule: &'a FieldRule,
    pub(super) entity: &'a str,
    pub(super) sensitivity: &'a Sensitivity,
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
        let counts = |ty: &String| self.rule.only_type.iter().any(|word| wild(word, ty));
        if !self.rule.only_type.is_empty() && !ty.as_ref().is_some_and(counts) {
            return None;
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
    pub(super) fn member(&self, file: FileId, name: &str, assign: &Assign) -> Option<Json> {
        let (linker, rule) = (self.linker, self.rule);
        let written = assign.ty.as_deref().map(|ty| shorten(ty, 80));
        let said = |words: &[String]| {
            words
                .iter()
                .any(|word| assign.marks.iter().any(|mark| **mark == **word))
        };
        if said(&rule.not_marked) || !rule.marked.is_empty() && !said(&rule.marked) {
            return None;
        }
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
            let hidden = rule.encrypted_at.iter().any(|selector| {
                let texts = linker.texts(&matched, std::slice::from_ref(selector));
                let mut words = texts.iter();
                words.any(|text| rule.encrypted.iter().any(|word| wild(word, text)))
            });
            if hidden {
                attributes.insert("encrypted".to_owned(), json!(true));
            }
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

    /// Fields that members of the class list by name or as the keys of a map.
    pub(super) fn listed(&self, matched: &Matched) -> Vec<Json> {
        let mut fields = Vec::new();
        let member = |name: &String| Selector {
            name: Some(name.clone()),
            ..Selector::default()
        };
        for list in &self.rule.listed {
            for name in self.linker.texts(matched, &[member(list)]) {
                if self.rule.everything.contains(&name) {
                    fields.push(json!({ "name": "*", "everything": true }));
                } else {
                    fields.extend(self.made(&name, None, BTreeMap::new()));
                }
            }
        }
        for list in &self.rule.listed_in {
            for (file, map) in self.linker.exprs(matched, &[member(list)]) {
                if let Some((file, map)) = self.below(file, map) {
                    self.keys(file, map, "", 0, &mut fields);
                }
            }
        }
        fields
    }

    /// The map in which the fields stand.
    fn below(&self, file: FileId, map: ExprId) -> Option<(FileId, ExprId)> {
        let key = ArgAt::Name("map".into());
        match &self.rule.inside {
            None => Some((file, map)),
            Some(inside) => {
                let matched = Matched {
                    file,
                    callee: None,
                    args: vec![Arg {
                        name: Some("map".into()),
                        value: map,
                        spread: false,
                    }],
                    value: None,
                };
                let selector = Selector {
                    arg: Some(key),
                    key: Some(inside.clone()),
                    ..Selector::default()
                };
                self.linker.exprs(&matched, &[selector]).into_iter().next()
            }
        }
    }

    /// Fields that functions of the class are, and those of the maps that they give back.
    pub(super) fn functions(&self, file: FileId, class: ClassId) -> Vec<Json> {
        let mut fields = Vec::new();
        let parsed = self.linker.project.parsed(file);
        let unit = &parsed.unit;
        let rule = self.rule;
        if !rule.methods && rule.returned_by.is_empty() {
            return fields;
        }
        let name = &unit.class(class).name;
        let own = |one: &&Function| one.class == Some(class) || one.receiver.as_ref() == Some(name);
        for function in unit.functions.iter().filter(own) {
            if rule.methods {
                let ty = function.return_type.as_deref().map(|ty| shorten(ty, 80));
                fields.extend(self.made(&function.name, ty.as_deref(), BTreeMap::new()));
            }
            let gives = rule.returned_by.iter().any(|one| **one == *function.name);
            if let Some(body) = function.body.filter(|_| gives) {
                self.given(file, body, &mut fields);
            }
        }
        fields
    }

    /// The fields of what a function gives back: the keys of a map, or calls in a list.
    fn given(&self, file: FileId, body: ExprId, fields: &mut Vec<Json>) {
        let parsed = self.linker.project.parsed(file);
        let unit = &parsed.unit;
        let all = unit.descendants(body);
        let literal = |unit: &Unit, key: ExprId| match unit.kind(key) {
            ExprKind::Name(name) | ExprKind::Str(name) => Some(name.to_string()),
            _ => None,
        };
        let last = match unit.kind(body) {
            ExprKind::Block(items) => items.last().copied(),
            _ => Some(body),
        };
        let last = last.filter(|_| self.linker.project.language(file).result_is_last);
        let returned = all.iter().filter_map(|id| match unit.kind(*id) {
            ExprKind::Exit {
                kind: ExitKind::Return,
                value,
            } => *value,
            _ => None,
        });
        for value in returned.chain(last) {
            if let ExprKind::List(items) = unit.kind(value) {
                for item in items {
                    self.item(file, *item, None, MAX_NESTING, fields);
                }
            }
            // Where their types count, or stand further in, what the keys hold is read.
            if self.rule.inside.is_some() || !self.rule.only_type.is_empty() {
                if let Some((at, map)) = self.below(file, value) {
                    self.keys(at, map, "", 0, fields);
                }
                continue;
            }
            if let Value::Map(at, map) = self.linker.eval(file, value)
                && let other = self.linker.project.parsed(at)
                && let ExprKind::Map(pairs) = other.unit.kind(map)
            {
                let names = pairs
                    .iter()
                    .filter_map(|(key, _)| literal(&other.unit, *key));
                for name in names {
                    fields.extend(self.made(&name, None, BTreeMap::new()));
                }
            }
            // `result["email"] = …` before it.
            let ExprKind::Name(returned) = unit.kind(value) else {
                continue;
            };
            for id in &all {
                let ExprKind::Assign(index) = unit.kind(*id) else {
                    continue;
                };
                let target = unit.assigns[*index as usize].target;
                if let ExprKind::Index { object, index } = unit.kind(target)
                    && matches!(unit.kind(*object), ExprKind::Name(name) if name == returned)
                    && let [key] = index[..]
                    && let Some(name) = unit.literal(key)
                {
                    fields.extend(self.made(name, None, BTreeMap::new()));
                }
            }
        }
    }

    /// Fields that calls in the class's body list by name: `attributes :id, :email`.
    pub(super) fn listed_by(&self, file: FileId, class: ClassId) -> Vec<Json> {
        let mut fields = Vec::new();
        let parsed = self.linker.project.parsed(file);
        let unit = &parsed.unit;
        for id in unit.ids().filter(|_| !self.rule.listed_by.is_empty()) {
            let expr = unit.expr(id);
            let ExprKind::Call { callee, args } = &expr.kind else {
                continue;
            };
            let named = unit.path(*callee);
            if expr.class != Some(class)
                || expr.function.is_some()
                || !named.is_some_and(|name| self.rule.listed_by.contains(&name))
            {
                continue;
            }
            let matched = self.linker.matched(file, id);
            for arg in args.iter().filter(|arg| arg.name.is_none()) {
                let names = match unit.kind(arg.value) {
                    ExprKind::List(items) => items.clone(),
                    _ => vec![arg.value],
                };
                for name in names.into_iter().filter_map(|id| unit.literal(id)) {
                    let mut attributes = BTreeMap::new();
                    self.attributes(&matched, &mut attributes);
                    fields.extend(self.made(name, None, attributes));
                }
            }
        }
        fields
    }

    /// The keys of a map, or the named arguments of a call: `{ name: String }`.
    pub(super) fn keys(
        &self,
        file: FileId,
        id: ExprId,
        prefix: &str,
        depth: u32,
        fields: &mut Vec<Json>,
    ) {
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
    pub(super) fn built(&self, file: FileId, function: ExprId, fields: &mut Vec<Json>) {
        let Value::Function(file, function) = self.linker.eval(file, function) else {
            return;
        };
        let parsed = self.linker.project.parsed(file);
        let Some(body) = parsed.unit.function(function).body else {
            return;
        };
        let unit = &parsed.unit;
        let all = unit.descendants(body);
        // `table.integer("up").alter()`: the calls before it speak of a column that is there.
        let mut altered = std::collections::BTreeSet::new();
        for id in &all {
            if let ExprKind::Call { callee, .. } = unit.kind(*id)
                && let Some(name) = unit.last_name(*callee)
                && self.rule.altered_by.iter().any(|word| word == name)
            {
                altered.extend(unit.descendants(*callee));
            }
        }
        for id in all {
            let before = fields.len();
            self.item(file, id, None, MAX_NESTING, fields);
            if altered.contains(&id) {
                for field in &mut fields[before..] {
                    field["altered"] = json!(true);
                }
            }
        }
    }

    /// Columns that stand in a row: `Column("email", String())`, `("email", EmailField())`.
    pub(super) fn items(&self, matched: &Matched, column: Option<&str>) -> Vec<Json> {
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
            // What a function makes: `table => new { Email = table.Column<string>() }`.
            ExprKind::Function(function) if depth < MAX_NESTING => {
                if let Some(body) = parsed.unit.function(*function).body {
                    self.item(file, body, column, depth + 1, fields);
                }
            }
            ExprKind::Block(items) | ExprKind::Other(items) if depth < MAX_NESTING => {
                // `Email = table.Column<string>()`: a name and what it is.
                let mut name = column;
                for item in items {
                    match parsed.unit.kind(*item) {
                        ExprKind::Name(word) => name = Some(&**word),
                        _ => self.item(file, *item, name, depth + 1, fields),
                    }
                }
            }
            ExprKind::Exit {
                value: Some(value), ..
            } if depth < MAX_NESTING => {
                self.item(file, *value, column, depth + 1, fields);
            }
            ExprKind::Map(pairs) if depth < MAX_NESTING => {
                for (key, value) in pairs {
                    let name = parsed.unit.last_name(*key).or(parsed.unit.literal(*key));
                    self.item(file, *value, name, depth + 1, fields);
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
    if ty.is_some_and(|ty| encrypted.iter().any(|pattern| wild(pattern, ty))) {
        field.insert("encrypted".into(), json!(true));
    }
    if let Some(class) = sensitivity.classify(entity, name, ty) {
        field.insert("sensitivity".into(), json!(class.class.name()));
        // A name alone proves nothing; a type that can hold such a value, or its encryption, does.
        let sure = ty.is_some() && class.certainty == Certainty::High
            || field.get("encrypted") == Some(&json!(true));
        let confidence = if sure { "resolved" } else { "heuristic" };
        field.insert("confidence".into(), json!(confidence));
    }
    if let Some(control) = sensitivity.control(entity, name, ty) {
        field.insert("control".into(), json!(control));
    }
    Json::Object(field)
}
