//! Data models of source code: entities with their fields, and the steps of migrations.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::element::*;
use crate::fact::{Attributes, Evidence, Fact, FactKind};
use crate::link::{Linker, Matched, Value};
use crate::local::{Site, typed};
use crate::project::FileId;
use crate::rule::{LoadedRule, Selector, wild};
use crate::sensitivity::Sensitivity;

mod field;

use field::FieldReader;
pub(crate) use field::field_json;

/// Classes that one derives from and that are looked at.
const MAX_BASES: usize = 20;

/// A class that rules know as a data model: by what it derives from, by its decorators, by those
/// of its members, or by who holds many of it. The first that finds fields tells them; beside it
/// stand those that say how fields are protected.
pub(crate) fn by_class(
    linker: &Linker<'_>,
    site: &Site<'_>,
    class: ClassId,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
) {
    let mut told = false;
    for (loaded, args) in rules_of(linker, site, class) {
        let protects = |fact: &Fact| fact.text("role") == Some("protection");
        let Some(fact) = model(linker, site, class, loaded, args, sensitivity) else {
            continue;
        };
        // What a model gives back of itself is no other reading of the model.
        let gives = loaded.rule.field.as_ref();
        let passes = fact.text("role").is_some();
        let gives = passes && gives.is_some_and(|rule| !rule.returned_by.is_empty());
        if protects(&fact) || gives {
            facts.push(fact);
        } else if !told {
            told = true;
            facts.push(fact);
        }
    }
}

/// The rules that know a class as a data model, with the arguments of the decorator that says so.
fn rules_of<'a>(
    linker: &Linker<'a>,
    site: &Site<'_>,
    class: ClassId,
) -> Vec<(&'a LoadedRule, Vec<Arg>)> {
    let parsed = linker.project.parsed(site.file);
    let element = parsed.unit.class(class);
    let mut found: Vec<(&LoadedRule, Vec<Arg>)> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut bases = BTreeSet::new();
    linker.bases(site.file, class, &mut bases, 0);
    for base in &bases {
        let last = base.rsplit('.').next().unwrap_or(base);
        for (rule_id, pattern) in linker.class_rules(site.file, last) {
            let loaded = linker.loaded(rule_id);
            if loaded.rule.fact == Some(FactKind::DataModel)
                && loaded.patterns[pattern].matches(base)
                && linker.speaks_in(site.file, loaded)
                && ids.insert(rule_id)
            {
                found.push((loaded, Vec::new()));
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
                && ids.insert(rule_id)
            {
                found.push((loaded, matched.args.clone()));
            }
        }
    }
    for rule_id in linker.member_rules(site.file) {
        let loaded = linker.loaded(*rule_id);
        let named = &loaded.patterns;
        let called = || named.iter().any(|pattern| pattern.matches(&element.name));
        let known = loaded.rule.fact == Some(FactKind::DataModel)
            && linker.speaks_in(site.file, loaded)
            && (carried(linker, site.file, class, loaded)
                || !loaded.rule.called.is_empty() && called()
                || !loaded.rule.collected.is_empty()
                    && linker.collected(&loaded.patterns, &element.name));
        if known {
            found.push((loaded, Vec::new()));
        }
    }
    found
}

/// Whether a member of the class carries a decorator of the rule.
fn carried(linker: &Linker<'_>, file: FileId, class: ClassId, loaded: &LoadedRule) -> bool {
    let parsed = linker.project.parsed(file);
    !loaded.rule.member.is_empty()
        && parsed
            .unit
            .assigns
            .iter()
            .filter(|assign| assign.class == Some(class) && assign.function.is_none())
            .flat_map(|assign| &assign.decorators)
            .any(|id| {
                let callee = linker.matched(file, *id).callee;
                let name = callee.and_then(|callee| linker.name_of(file, callee));
                name.is_some_and(|name| {
                    loaded.patterns.iter().any(|pattern| pattern.matches(&name))
                })
            })
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
    if rule.not_class.iter().any(|word| wild(word, &element.name)) {
        return None;
    }
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
    let mut places = Vec::new();
    for assign in unit
        .assigns
        .iter()
        .filter(|assign| assign.class == Some(class) && assign.function.is_none())
    {
        if let Some(name) = assign.name.as_deref() {
            let found = reader.member(site.file, name, assign);
            let named = found.as_ref().and_then(|field| field["name"].as_str());
            places.extend(named.map(|name| Evidence {
                role: "field".to_owned(),
                text: name.to_owned(),
                attached: String::new(),
                asks: String::new(),
                location: site.location(assign.span),
            }));
            fields.extend(found);
        }
    }
    let mut listed = reader.listed(&matched);
    listed.extend(reader.listed_by(site.file, class));
    listed.extend(reader.functions(site.file, class));
    for field in listed {
        if !fields
            .iter()
            .any(|other: &Json| other["name"] == field["name"])
        {
            fields.push(field);
        }
    }
    if fields.is_empty() {
        return None;
    }
    if attributes.get("role") == Some(&json!("transfer")) {
        let like = |words: &[String]| words.iter().any(|word| wild(word, &element.name));
        if linker.is_request_model(site.file, class) || like(&rule.request) {
            attributes.insert("role".into(), json!("request"));
        } else if like(&rule.response) {
            attributes.insert("role".into(), json!("response"));
        }
    }
    let inherited = inherited(linker, site.file, class);
    if !inherited.is_empty() {
        attributes.insert("inherits".into(), json!(inherited));
    }
    attributes.insert("entity".into(), json!(entity));
    attributes.insert(
        "framework".into(),
        json!(linker.framework_name(loaded.framework)),
    );
    attributes.insert("fields".into(), Json::from(fields));
    let head = element.head;
    let mut fact = site.fact(
        FactKind::DataModel,
        entity,
        attributes,
        head,
        &loaded.rule.id,
    );
    fact.evidence = places;
    Some(fact)
}

/// The members that a class has from classes of the repository that it derives from.
fn inherited(linker: &Linker<'_>, file: FileId, class: ClassId) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::from([(file, class)]);
    let mut open = vec![(file, class)];
    while let Some((file, class)) = open.pop() {
        let parsed = linker.project.parsed(file);
        for base in &parsed.unit.class(class).bases {
            let Value::Class(at, base) = linker.eval(file, *base) else {
                continue;
            };
            if seen.len() > MAX_BASES || !seen.insert((at, base)) {
                continue;
            }
            let other = linker.project.parsed(at);
            let own = other.unit.assigns.iter();
            let own = own.filter(|assign| assign.class == Some(base) && assign.function.is_none());
            names.extend(own.filter_map(|assign| assign.name.as_deref().map(str::to_owned)));
            open.push((at, base));
        }
    }
    names
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
        (None, Some(_)) => built_around(unit, id).unwrap_or_else(|| "unknown".to_owned()),
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
    // A column of which only the name is said here.
    if fields.is_empty()
        && operation.as_deref() == Some("add-column")
        && let Some(column) = text(&attributes, "column")
    {
        let none = Default::default();
        let judge = linker.sensitivity();
        fields.push(field_json(&entity, &column, None, none, &[], judge));
    }
    let built = loaded
        .rule
        .field
        .as_ref()
        .is_some_and(|rule| rule.built_by.is_some());
    let mut operation = operation;
    let altered = |field: &Json| field.get("altered") == Some(&json!(true));
    if operation.as_deref() == Some("add-column") && !fields.is_empty() {
        // A builder that only changes columns adds none.
        if fields.iter().all(altered) {
            operation = Some("alter-column".to_owned());
            attributes.insert("operation".into(), json!("alter-column"));
        } else {
            fields.retain(|field| !altered(field));
        }
    }
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
    // Where rows exist there is nothing to put into such a column.
    let mandatory = |field: &Json| {
        field.get("nullable") == Some(&json!(false)) && field.get("default").is_none()
    };
    if operation.as_deref() == Some("add-column") && fields.iter().any(mandatory) {
        attributes.insert("destructive".into(), json!("not-null-without-default"));
    }
    let of_column = operation
        .as_deref()
        .is_some_and(|operation| operation.ends_with("-column"));
    if of_column && attributes.contains_key("destructive") {
        let columns = named_columns(linker, (site.file, id), (&entity, &fields), loaded, matched);
        let judge = linker.sensitivity();
        if !columns.is_empty()
            && columns
                .iter()
                .all(|column| judge.is_ordinary(&entity, column))
        {
            attributes.insert("concerns".into(), json!("ordinary"));
        }
    }
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

/// All columns that a step may be about: those of its rule, its fields, and every text that it is handed; a step may
/// name several where its rule picks the first. Empty where one cannot be known.
fn named_columns(
    linker: &Linker<'_>,
    (file, id): (FileId, ExprId),
    (entity, fields): (&str, &[Json]),
    loaded: &LoadedRule,
    matched: &Matched,
) -> Vec<String> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let picked = loaded.rule.attributes.get("column").map(|selectors| {
        let all = selectors.0.iter().cloned().map(|selector| Selector {
            first: false,
            ..selector
        });
        linker.texts(matched, &all.collect::<Vec<_>>())
    });
    let mut columns = picked.unwrap_or_default();
    columns.extend(
        fields
            .iter()
            .filter_map(|field| field["name"].as_str().map(str::to_owned)),
    );
    if columns.is_empty() {
        return columns;
    }
    if let ExprKind::Call { args, .. } = unit.kind(id) {
        let handed = args.iter().flat_map(|arg| unit.descendants(arg.value));
        let texts = handed.filter_map(|id| unit.literal(id));
        columns.extend(texts.filter(|text| *text != entity).map(str::to_owned));
    }
    columns
}

/// The table that the call names in whose function a step stands: `alterTable("users", t => { … })`.
fn built_around(unit: &Unit, id: ExprId) -> Option<String> {
    let at = unit.expr(id).span;
    let around = unit.ids().filter_map(|id| {
        let ExprKind::Call { args, .. } = unit.kind(id) else {
            return None;
        };
        let inside = args.iter().any(|arg| match unit.kind(arg.value) {
            ExprKind::Function(function) => unit.function(*function).span.holds(at),
            _ => false,
        });
        let name = args.first().filter(|_| inside)?;
        unit.literal(name.value).map(str::to_owned)
    });
    // Calls stand in source order, the innermost last.
    around.last()
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
