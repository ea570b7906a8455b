//! Cryptography that a function of the repository does for its callers: who stops to call
//! `encrypt(value)`, or hands a password to `encodeMd5`, changes as much as who does it by itself.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::element::*;
use crate::fact::{Attributes, Confidence, Fact, FactKind};
use crate::link::{Linker, Value};
use crate::local::{Site, use_at};
use crate::names::{Around, contains};
use crate::project::FileId;
use crate::redaction::around;
use crate::sensitivity::split;

/// A function's body is searched through this many calls.
const MAX_DEPTH: u32 = 3;
/// Names of functions that may do cryptography for their callers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrapper {
    /// Words that follow one another in the name.
    words: Vec<String>,
    /// What the body must do.
    operations: Vec<String>,
    /// What must be handed over, or be around, for it to count; empty: anything.
    #[serde(default)]
    about: Vec<String>,
    /// The algorithm where the name alone says it.
    algorithm: Option<String>,
}

/// Adds a fact for each such call. `facts` holds those of the file that its calls make.
pub(super) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let wrappers = &linker.cryptography().wrappers;
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let mut found = Vec::new();
    for id in unit.ids() {
        let ExprKind::Call { callee, args } = unit.kind(id) else {
            continue;
        };
        if args.is_empty() || unit.expr(id).function.is_none() {
            continue;
        }
        let Some(last) = unit.last_name(*callee) else {
            continue;
        };
        let words = split(last);
        let named = |wrapper: &&Wrapper| {
            let mut all = wrapper.words.iter();
            all.any(|pattern| contains(&words, pattern))
        };
        let Some(wrapper) = wrappers.iter().find(named) else {
            continue;
        };
        let about = || {
            Around::handed(unit, id).is_like(&wrapper.about)
                || Around::new(unit, id).is_like(&wrapper.about)
        };
        let start = unit.expr(id).span.start as usize;
        let told = |fact: &Fact| {
            fact.kind == FactKind::Crypto
                && fact.location.path == site.path
                && fact.location.start == start
        };
        if !wrapper.about.is_empty() && !about() || facts.iter().any(told) {
            continue;
        }
        let mut attributes = Attributes::new();
        let value = linker.eval(site.file, *callee);
        let inner = match &value {
            Value::Function(file, function) => {
                let other = linker.project.parsed(*file);
                let element = other.unit.function(*function);
                if unit.expr(id).function == Some(*function) && *file == site.file {
                    continue;
                }
                attributes.insert("through_function".into(), json!(&*element.qualified));
                inside(linker, *file, *function, &wrapper.operations, 0)
            }
            _ => None,
        };
        let (operation, algorithm) = match (inner, &wrapper.algorithm) {
            (Some(inner), _) => inner,
            (None, Some(algorithm)) => (wrapper.operations[0].clone(), algorithm.clone()),
            (None, None) => continue,
        };
        attributes.insert("algorithm".into(), json!(algorithm));
        let knowledge = linker.cryptography();
        let algorithm = knowledge.describe(&operation, &mut attributes);
        if let Some(purpose) = knowledge.purpose(unit, id, &operation) {
            attributes.insert("purpose".into(), json!(purpose));
        }
        attributes.insert("operation".into(), json!(operation));
        if let Some(strength) = knowledge.strength(&operation, &attributes) {
            attributes.insert("strength".into(), json!(strength));
        }
        attributes.insert("through".into(), json!(last));
        let Some(subject) = around(unit, id) else {
            continue;
        };
        attributes.insert("subject".into(), json!(subject));
        let identity = format!("{subject}:{operation}:{algorithm}:{last}");
        let span = unit.expr(id).span;
        let mut fact = site.fact(
            FactKind::Crypto,
            identity,
            attributes,
            span,
            "cryptography-through",
        );
        fact.confidence = Confidence::Heuristic;
        found.push(fact);
    }
    facts.extend(found);
}

/// What a function does of these operations, by itself or through functions that it calls.
fn inside(
    linker: &Linker<'_>,
    file: FileId,
    function: FnId,
    operations: &[String],
    depth: u32,
) -> Option<(String, String)> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let body = unit.function(function).body?;
    let all = unit.descendants(body);
    let calls: Vec<(ExprId, ExprId)> = all
        .iter()
        .copied()
        .filter_map(|id| match unit.kind(id) {
            ExprKind::Call { callee, .. } => Some((id, *callee)),
            _ => None,
        })
        .collect();
    let own = all.iter().find_map(|id| {
        let attributes = use_at(linker, file, *id)?;
        let text = |name: &str| attributes.get(name).and_then(Json::as_str);
        let operation = text("operation")?;
        let wanted = operations.iter().any(|one| one == operation);
        wanted.then(|| {
            let algorithm = text("algorithm").unwrap_or_default();
            (operation.to_owned(), algorithm.to_owned())
        })
    });
    if own.is_some() || depth >= MAX_DEPTH {
        return own;
    }
    calls
        .iter()
        .take(40)
        .find_map(|(_, callee)| match linker.eval(file, *callee) {
            Value::Function(at, inner) if (at, inner) != (file, function) => {
                inside(linker, at, inner, operations, depth + 1)
            }
            _ => None,
        })
}
