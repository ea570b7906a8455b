//! What fields and parameters may hold: patterns, lengths, lists. A rule with `link = "constraint"`
//! names the decorator, the call or the class; the field or parameter around is what it is about,
//! unless the rule says where the fields are named.

use std::collections::BTreeSet;

use serde_json::json;

use crate::element::*;
use crate::fact::{Attributes, Confidence, Fact, FactKind};
use crate::link::{Linker, Value};
use crate::local::{Site, subject};
use crate::project::FileId;
use crate::rule::{Link, Rule, wild};

/// More constraints than this are not read from one map.
const MAX_FIELDS: usize = 500;

/// One constraint: whose field it is, the field, and what it must be.
struct Found {
    subject: String,
    slot: String,
    demand: String,
    /// All fields of the map that names them: one that is gone is held to nothing.
    among: Vec<String>,
    span: Span,
    rule: String,
}

impl Found {
    fn fact(self, site: &Site<'_>) -> Fact {
        let mut attributes = Attributes::from([
            ("form".to_owned(), json!("constraint")),
            ("role".to_owned(), json!("protection")),
            ("operation".to_owned(), json!("validation")),
            ("subject".to_owned(), json!(self.subject)),
            ("slot".to_owned(), json!(self.slot)),
            ("callee".to_owned(), json!(self.demand)),
        ]);
        if !self.among.is_empty() {
            attributes.insert("among".to_owned(), json!(self.among));
        }
        let identity = format!("{}:constraint:{}:{}", self.subject, self.slot, self.demand);
        let mut fact = site.fact(FactKind::Sink, identity, attributes, self.span, &self.rule);
        fact.confidence = Confidence::Resolved;
        fact
    }
}

/// Reads the constraints of one file.
pub(crate) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let mut told: BTreeSet<u32> = BTreeSet::new();
    let mut add = |id: ExprId, of: &str, slot: &str, facts: &mut Vec<Fact>| {
        if !told.insert(id.0) {
            return;
        }
        let Some(loaded) = linker.constraint_of(site.file, id) else {
            return;
        };
        let Some(demand) = called(unit, id) else {
            return;
        };
        let found = Found {
            subject: of.to_owned(),
            slot: slot.to_owned(),
            demand,
            among: Vec::new(),
            span: unit.expr(id).span,
            rule: loaded.rule.id.clone(),
        };
        facts.push(found.fact(site));
    };
    for function in &unit.functions {
        for param in &function.params {
            for decorator in &param.decorators {
                add(*decorator, &function.qualified, &param.name, facts);
            }
        }
    }
    for assign in &unit.assigns {
        let Some(name) = &assign.name else { continue };
        let of = match (assign.class, assign.function) {
            (Some(class), None) => unit.class(class).name.to_string(),
            _ => continue,
        };
        for decorator in &assign.decorators {
            add(*decorator, &of, name, facts);
        }
    }
    for id in unit.ids() {
        if !matches!(unit.kind(id), ExprKind::Call { .. }) {
            continue;
        }
        let Some(loaded) = linker.constraint_of(site.file, id) else {
            continue;
        };
        let rule = &loaded.rule;
        if !rule.named.is_empty() || !rule.shape.is_empty() {
            let all = named(linker, site.file, id, rule);
            facts.extend(all.into_iter().map(|found| found.fact(site)));
            continue;
        }
        let Some(slot) = slot(unit, id) else { continue };
        add(id, &subject(unit, id), &slot, facts);
    }
    for index in 0..unit.classes.len() {
        let class = ClassId(index as u32);
        let all = answered(linker, site.file, class);
        facts.extend(all.into_iter().map(|found| found.fact(site)));
    }
}

/// The last name of what is called.
fn called(unit: &Unit, id: ExprId) -> Option<String> {
    let callee = match unit.kind(id) {
        ExprKind::Call { callee, .. } => *callee,
        _ => id,
    };
    unit.last_name(callee).map(str::to_owned)
}

/// The constraints of a call that names its fields: by texts, with what they must be as named
/// arguments, or as the keys of a map.
fn named(linker: &Linker<'_>, file: FileId, id: ExprId, rule: &Rule) -> Vec<Found> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let matched = linker.matched(file, id);
    let of = subject(unit, id);
    let span = unit.expr(id).span;
    let mut all = Vec::new();
    for (at, map) in linker.all_exprs(&matched, &rule.shape) {
        keyed(linker, (at, map), (&of, span), rule, &mut all);
    }
    let given: Vec<String> = if rule.demands.is_empty() {
        called(unit, id).into_iter().collect()
    } else {
        let names = matched.args.iter().filter_map(|arg| arg.name.as_deref());
        let names = names.map(str::to_owned);
        names.filter(|name| is_demand(rule, name)).collect()
    };
    for slot in linker.texts(&matched, &rule.named) {
        for demand in &given {
            all.push(Found {
                subject: of.clone(),
                slot: slot.clone(),
                demand: demand.clone(),
                among: Vec::new(),
                span,
                rule: rule.id.clone(),
            });
        }
    }
    all
}

fn is_demand(rule: &Rule, word: &str) -> bool {
    rule.demands.iter().any(|pattern| wild(pattern, word))
}

/// The constraints of a class whose methods answer with a map of them.
fn answered(linker: &Linker<'_>, file: FileId, class: ClassId) -> Vec<Found> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let mut bases = BTreeSet::new();
    linker.bases(file, class, &mut bases, 0);
    let mut all = Vec::new();
    for base in &bases {
        let last = base.rsplit('.').next().unwrap_or(base);
        for (rule, pattern) in linker.class_rules(file, last) {
            let loaded = linker.loaded(rule);
            let rule = &loaded.rule;
            if rule.link != Some(Link::Constraint)
                || !loaded.patterns[pattern].matches(base)
                || !linker.speaks_in(file, loaded)
            {
                continue;
            }
            let own = unit.functions.iter().filter(|one| one.class == Some(class));
            for function in own.filter(|one| rule.answers.iter().any(|name| **name == *one.name)) {
                let Some(body) = function.body else { continue };
                for id in unit.descendants(body) {
                    if let ExprKind::Exit {
                        kind: ExitKind::Return,
                        value: Some(value),
                    } = unit.kind(id)
                    {
                        let of = (&*function.qualified, unit.expr(id).span);
                        keyed(linker, (file, *value), of, rule, &mut all);
                    }
                }
            }
        }
    }
    all
}

/// The constraints of a map of fields: `"email" => "required|max:255"`, `"name" => ["max:80"]`.
fn keyed(
    linker: &Linker<'_>,
    (file, id): (FileId, ExprId),
    (of, span): (&str, Span),
    rule: &Rule,
    all: &mut Vec<Found>,
) {
    let Value::Map(at, map) = linker.eval(file, id) else {
        return;
    };
    let parsed = linker.project.parsed(at);
    let unit = &parsed.unit;
    let ExprKind::Map(pairs) = unit.kind(map) else {
        return;
    };
    let slots = pairs.iter().take(MAX_FIELDS);
    let slots = slots.filter_map(|(key, _)| unit.literal(*key));
    let among: Vec<String> = slots.map(str::to_owned).collect();
    for (key, value) in pairs.iter().take(MAX_FIELDS) {
        let Some(slot) = unit.literal(*key) else {
            continue;
        };
        let mut parts = Vec::new();
        linker.flatten(at, *value, &mut parts, 0);
        let mut words = Vec::new();
        for (place, part) in parts {
            match linker.eval(place, part) {
                Value::Str(text) => words.extend(text.split('|').map(str::to_owned)),
                // `Rule::in([…])`, `new Password`
                _ => words.extend(called(&linker.project.parsed(place).unit, part)),
            }
        }
        let mut seen = BTreeSet::new();
        for word in words {
            let demand = word.split(':').next().unwrap_or_default().trim().to_owned();
            if is_demand(rule, &demand) && seen.insert(demand.clone()) {
                all.push(Found {
                    subject: of.to_owned(),
                    slot: slot.to_owned(),
                    demand,
                    among: among.clone(),
                    span: if at == file {
                        unit.expr(*key).span
                    } else {
                        span
                    },
                    rule: rule.id.clone(),
                });
            }
        }
    }
}

/// The name that a value is given: of the field, the variable, and the keys of the maps around.
fn slot(unit: &Unit, id: ExprId) -> Option<String> {
    let span = unit.expr(id).span;
    let around = unit.assigns.iter().filter(|assign| {
        assign
            .value
            .is_some_and(|value| unit.expr(value).span.holds(span))
    });
    let assign = around.min_by_key(|assign| assign.span.end - assign.span.start)?;
    let mut words = vec![assign.name.as_deref()?.to_owned()];
    let within = unit.expr(assign.value?).span;
    for other in unit.inside(within) {
        let ExprKind::Map(pairs) = unit.kind(other) else {
            continue;
        };
        for (key, value) in pairs {
            if unit.expr(*value).span.holds(span)
                && let ExprKind::Name(name) | ExprKind::Str(name) = unit.kind(*key)
            {
                words.push(name.to_string());
            }
        }
    }
    Some(words.join("."))
}
