//! What makes values harmless, as facts: one that is gone is news, wherever the value leads. The
//! comparison asks whether the value is still there, so that the names that each function uses are
//! kept beside the facts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::element::*;
use crate::fact::{Attributes, Fact, FactKind};
use crate::link::{Cleaner, How, Linker};
use crate::local::{Site, subject};
use crate::text::{render, shorten};

/// Names by the function, class or template that uses them, as digests.
pub type Words = BTreeMap<String, BTreeSet<u32>>;

/// The digest of a name.
pub(crate) fn word(name: &str) -> u32 {
    // FNV-1a: short, and the same in every run.
    name.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Reads what makes values harmless in one file.
pub(crate) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let cleaners = linker.cleaners_in(site.file);
    let redaction = linker.sensitivity().redaction();
    for one in &cleaners {
        let operation = &linker.loaded(one.rule).rule.operation;
        if one.how == How::Call
            && operation.iter().all(|one| one == "log")
            && !operation.is_empty()
            && redaction.knows(&one.name)
        {
            // Told as a redaction.
            continue;
        }
        facts.push(match one.how {
            How::Harm => harm(linker, site, unit, one),
            _ => fact(linker, site, unit, one),
        });
    }
    // A function of the repository may do it, whatever its name.
    for id in unit.ids() {
        if let ExprKind::Call { callee, .. } = unit.kind(id)
            && !cleaners.iter().any(|one| one.id == id)
            && linker.cleans_request(site.file, id, "path")
        {
            let subject = subject(unit, id);
            let callee = unit.last_name(*callee).unwrap_or_default();
            let mut attributes = Attributes::new();
            attributes.insert("operation".into(), json!("sanitise"));
            attributes.insert("callee".into(), json!(callee));
            attributes.insert("subject".into(), json!(subject));
            attributes.insert("against".into(), json!(["path"]));
            let identity = format!("{subject}:sanitise:{callee}");
            let span = unit.expr(id).span;
            let rule = "cleans-request";
            facts.push(site.fact(FactKind::Sink, identity, attributes, span, rule));
        }
    }
}

/// A text that does harm by itself.
fn harm(linker: &Linker<'_>, site: &Site<'_>, unit: &Unit, one: &Cleaner) -> Fact {
    let rule = &linker.loaded(one.rule).rule;
    let subject = subject(unit, one.id);
    let mut attributes = Attributes::new();
    attributes.insert("operation".into(), json!(rule.operation.first()));
    attributes.insert("callee".into(), json!(shorten(&one.name, 60)));
    attributes.insert("subject".into(), json!(subject));
    let identity = format!("{subject}:{}", one.name);
    let span = unit.expr(one.id).span;
    site.fact(FactKind::Sink, identity, attributes, span, &rule.id)
}

fn fact(linker: &Linker<'_>, site: &Site<'_>, unit: &Unit, one: &Cleaner) -> Fact {
    let rule = &linker.loaded(one.rule).rule;
    let subject = subject(unit, one.id);
    let mut attributes = Attributes::new();
    attributes.insert("operation".into(), json!("sanitise"));
    attributes.insert("callee".into(), json!(one.name));
    attributes.insert("subject".into(), json!(subject));
    attributes.insert("against".into(), json!(rule.operation));
    let how = match one.how {
        How::Call => None,
        How::Option => Some("option"),
        How::Text => Some("text"),
        How::Hidden => Some("hidden"),
        How::Body => Some("body"),
        How::Allowance => Some("allowance"),
        How::Harm => None,
    };
    if let Some(how) = how {
        attributes.insert("how".into(), json!(how));
    }
    if let Some(value) = one.value {
        attributes.insert("value".into(), json!(shorten(&render(unit, value), 80)));
        if let Some(last) = last_word(unit, value, 0)
            && !is_handed_in(unit, one.id, last)
        {
            attributes.insert("still".into(), json!(last));
            let made_of = made_of(unit, one.id, last);
            if made_of.len() > 1 {
                attributes.insert("made_of".into(), json!(made_of));
            }
        }
    }
    if !rule.instead.is_empty() {
        attributes.insert("instead".into(), json!(rule.instead));
    }
    if !one.allows.is_empty() {
        attributes.insert("allows".into(), json!(one.allows));
    }
    if let Some(function) = unit.expr(one.id).function {
        let element = unit.function(function);
        let hooked = |id: &ExprId| {
            let name = match unit.kind(*id) {
                ExprKind::Call { callee, .. } => unit.last_name(*callee),
                _ => unit.last_name(*id),
            };
            name.is_some_and(|name| linker.is_hook(site.file, name))
        };
        let hook =
            linker.is_hook(site.file, &element.name) || element.decorators.iter().any(hooked);
        if let Some(class) = element.class.filter(|_| hook) {
            attributes.insert("class".into(), json!(&*unit.class(class).name));
        }
        let mut around = element.parent;
        let mut outer = Vec::new();
        while let Some(parent) = around {
            outer.push(&*unit.function(parent).qualified);
            around = unit.function(parent).parent;
        }
        if !outer.is_empty() {
            attributes.insert("outer".into(), json!(outer));
        }
    }
    let identity = format!("{subject}:sanitise:{}", one.name);
    let span = unit.expr(one.id).span;
    site.fact(FactKind::Sink, identity, attributes, span, &rule.id)
}

/// Whether a function inside another one is handed the value, so that it has another name outside.
fn is_handed_in(unit: &Unit, id: ExprId, name: &str) -> bool {
    let Some(function) = unit.expr(id).function else {
        return false;
    };
    let element = unit.function(function);
    element.parent.is_some()
        && element.declared
        && element
            .params
            .iter()
            .any(|param| *crate::project::param_name(&param.name) == *name)
}

/// The names that a variable is made of which a function sets once: without its sanitiser the
/// variable may be gone as well.
fn made_of<'u>(unit: &'u Unit, id: ExprId, name: &str) -> BTreeSet<&'u str> {
    let function = unit.expr(id).function;
    let mut given = unit.assigns.iter().filter(|assign| {
        function.is_some() && assign.function == function && assign.name.as_deref() == Some(name)
    });
    let (Some(assign), None) = (given.next(), given.next()) else {
        return BTreeSet::new();
    };
    let inside = assign
        .value
        .into_iter()
        .flat_map(|value| unit.descendants(value));
    let names = inside.filter_map(|id| match unit.kind(id) {
        ExprKind::Name(name) => Some(&**name),
        _ => None,
    });
    names.filter(|one| *one != name).take(12).collect()
}

/// The name by which a value is known where it is used again.
fn last_word(unit: &Unit, id: ExprId, depth: u32) -> Option<&str> {
    if depth > 20 {
        return None;
    }
    let next = |id: ExprId| last_word(unit, id, depth + 1);
    match unit.kind(id) {
        ExprKind::Name(name) => Some(name),
        ExprKind::Member { property, .. } => Some(property),
        ExprKind::Call { callee, args } => {
            let handed = args.iter().find_map(|arg| next(arg.value));
            handed.or_else(|| match unit.kind(*callee) {
                ExprKind::Member { object, .. } => next(*object),
                _ => next(*callee),
            })
        }
        ExprKind::Index { object, .. } => next(*object),
        ExprKind::Binary { left, right, .. } => next(*right).or_else(|| next(*left)),
        ExprKind::Unary { value, .. } | ExprKind::Await(value) => next(*value),
        ExprKind::Branch { then, .. } => next(*then),
        ExprKind::Template(parts) | ExprKind::List(parts) | ExprKind::Other(parts) => {
            parts.iter().find_map(|part| next(*part))
        }
        _ => None,
    }
}

/// The names that the functions and classes of a file use.
pub(crate) fn words(unit: &Unit, words: &mut Words) {
    let mut names: Vec<(u32, u32)> = unit
        .ids()
        .filter_map(|id| {
            let name = match unit.kind(id) {
                ExprKind::Name(name) => name,
                ExprKind::Member { property, .. } => property,
                _ => return None,
            };
            Some((unit.expr(id).span.start, word(name)))
        })
        .collect();
    // A member begins where its object does.
    names.sort_unstable();
    let mut add = |subject: &str, span: Span| {
        let from = names.partition_point(|(at, _)| *at < span.start);
        let to = names.partition_point(|(at, _)| *at < span.end);
        let all = words.entry(subject.to_owned()).or_default();
        all.extend(names[from..to].iter().map(|(_, name)| *name));
    };
    for function in &unit.functions {
        add(&function.qualified, function.span);
    }
    for class in &unit.classes {
        add(&class.name, class.span);
    }
    if let Some(root) = unit.root {
        add("module", unit.expr(root).span);
    }
}
