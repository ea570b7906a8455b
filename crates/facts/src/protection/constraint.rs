//! What fields and parameters may hold: patterns, lengths, lists. A rule with `link = "constraint"`
//! names the decorator or the call; the field or parameter around is what it is about.

use std::collections::BTreeSet;

use serde_json::json;

use crate::element::*;
use crate::fact::{Attributes, Confidence, Fact, FactKind};
use crate::link::Linker;
use crate::local::{Site, subject};

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
        let callee = match unit.kind(id) {
            ExprKind::Call { callee, .. } => *callee,
            _ => id,
        };
        let Some(name) = unit.last_name(callee) else {
            return;
        };
        let attributes = Attributes::from([
            ("form".to_owned(), json!("constraint")),
            ("role".to_owned(), json!("protection")),
            ("operation".to_owned(), json!("validation")),
            ("subject".to_owned(), json!(of)),
            ("slot".to_owned(), json!(slot)),
            ("callee".to_owned(), json!(name)),
        ]);
        let identity = format!("{of}:constraint:{slot}:{name}");
        let mut fact = site.fact(
            FactKind::Sink,
            identity,
            attributes,
            unit.expr(id).span,
            &loaded.rule.id,
        );
        fact.confidence = Confidence::Resolved;
        facts.push(fact);
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
        let call = matches!(unit.kind(id), ExprKind::Call { .. });
        if !call || linker.constraint_of(site.file, id).is_none() {
            continue;
        }
        let Some(slot) = slot(unit, id) else { continue };
        add(id, &subject(unit, id), &slot, facts);
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
