//! Checks that stand elsewhere than where they count: in a method that takes the place of a
//! base's, in an attribute of a class, in what a class derives from, in a function that is called.

use std::collections::BTreeSet;

use serde_json::json;

use crate::check::{self, Told};
use crate::element::*;
use crate::fact::{Attributes, Fact};
use crate::link::{Linker, Value};
use crate::local::Site;
use crate::project::FileId;
use crate::rule::{Link, On, Rule};
use crate::text::{digest, render};

/// Classes that one derives from are followed no further than this.
const MAX_BASES: usize = 24;

/// Whether a rule tells a check by its name alone.
pub(crate) fn by_name(rule: &Rule) -> bool {
    !rule.denies && rule.on.is_none() && rule.constraints.is_empty()
}

/// A check that is no call of the place where it counts.
pub(crate) fn check(
    site: &Site<'_>,
    (via, subject): (&str, &str),
    (callee, call): (&str, &str),
    span: Span,
    rule: &str,
) -> Fact {
    let attributes = Attributes::from([("via".to_owned(), json!(via))]);
    let same = format!("{via}:{}", digest(call));
    let told = Told {
        subject,
        callee,
        call,
        same: &same,
        rule,
        span,
    };
    check::fact(site, &told, attributes)
}

/// The method around a function: the function itself, or what it stands in.
fn method_around(unit: &Unit, function: FnId) -> Option<(FnId, ClassId)> {
    let mut scope = Some(function);
    while let Some(id) = scope {
        let element = unit.function(id);
        if let Some(class) = element.class {
            return Some((id, class));
        }
        scope = element.parent;
    }
    None
}

/// Whether the method around takes the place of a base's, or one that does calls it: whoever
/// takes it away leaves what the base does.
pub(crate) fn overrides(linker: &Linker<'_>, file: FileId, function: FnId) -> bool {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let Some((method, class)) = method_around(unit, function) else {
        return false;
    };
    if unit.class(class).bases.is_empty() {
        return false;
    }
    if replaces(linker, file, method, class) {
        return true;
    }
    let name = &unit.function(method).name;
    let own = &linker.project.language(file).self_names;
    unit.inside(unit.class(class).span).any(|id| {
        let ExprKind::Call { callee, .. } = unit.kind(id) else {
            return false;
        };
        let ExprKind::Member { object, property } = unit.kind(*callee) else {
            return false;
        };
        let on_self = matches!(unit.kind(*object), ExprKind::Name(word) if own.iter().any(|own| **own == **word));
        let around = unit.expr(id).function;
        let around = around.and_then(|function| method_around(unit, function));
        on_self
            && property == name
            && around.is_some_and(|(other, of)| {
                of == class && other != method && replaces(linker, file, other, class)
            })
    })
}

fn replaces(linker: &Linker<'_>, file: FileId, method: FnId, class: ClassId) -> bool {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let element = unit.function(method);
    let bases = &unit.class(class).bases;
    let inherited = bases.iter().any(|base| match linker.eval(file, *base) {
        Value::Class(at, base) if (at, base) != (file, class) => {
            match linker.class_member(at, base, &element.name, 0) {
                // What only promises a method answers nothing.
                Value::Function(other, function) => {
                    let other = linker.project.parsed(other);
                    other.unit.function(function).body.is_some()
                }
                _ => false,
            }
        }
        _ => false,
    });
    // A base outside is known to have it where it is called.
    inherited
        || unit.inside(element.span).any(|id| {
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                return false;
            };
            let ExprKind::Member { object, property } = unit.kind(*callee) else {
                return false;
            };
            let object = match unit.kind(*object) {
                ExprKind::Call { callee, .. } => *callee,
                _ => *object,
            };
            let path = unit.path(object);
            let base = bases.iter().any(|base| unit.path(*base) == path);
            *property == element.name
                && path.is_some()
                && (base || path.as_deref() == Some("super"))
        })
}

/// Whether a call may be a check by a rule that asks for more than its name.
pub(crate) fn counts(linker: &Linker<'_>, file: FileId, id: ExprId, rule: &Rule) -> bool {
    if rule.on.is_some() || !linker.holds(&linker.matched(file, id), &rule.constraints) {
        return false;
    }
    !rule.denies || denies(linker, file, id)
}

/// Whether a call leads to another function of the repository that turns callers away.
pub(crate) fn denies(linker: &Linker<'_>, file: FileId, id: ExprId) -> bool {
    let unit = &linker.project.parsed(file).unit;
    let ExprKind::Call { callee, .. } = unit.kind(id) else {
        return false;
    };
    match linker.eval(file, *callee) {
        Value::Function(at, function) => {
            (Some(function), at) != (unit.expr(id).function, file)
                // What hangs somewhere as a guard is told there.
                && !linker.is_guard(at, function)
                && linker.denies_itself(at, function)
        }
        _ => false,
    }
}

/// What attributes of a class ask of callers: `required_permissions = ["orders.refund"]`.
pub(crate) fn attributes(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for assign in &unit.assigns {
        let (Some(name), Some(class), None, Some(value)) =
            (&assign.name, assign.class, assign.function, assign.value)
        else {
            continue;
        };
        let element = unit.class(class);
        let nothing = match unit.kind(value) {
            ExprKind::List(items) => items.is_empty(),
            ExprKind::Map(pairs) => pairs.is_empty(),
            ExprKind::Null | ExprKind::Bool(_) => true,
            _ => false,
        };
        if nothing || element.bases.is_empty() {
            continue;
        }
        let mut rules = linker.name_rules(site.file, name).into_iter();
        let found = rules.find(|(rule, pattern)| {
            let loaded = linker.loaded(*rule);
            loaded.rule.link == Some(Link::Check)
                && loaded.rule.on == Some(On::Class)
                && loaded.patterns[*pattern].matches(name)
        });
        let Some((rule, _)) = found else { continue };
        let call = format!("{name} = {}", render(unit, value));
        facts.push(check(
            site,
            ("attribute", &element.name),
            (name, &call),
            unit.expr(value).span,
            &linker.loaded(rule).rule.id,
        ));
    }
}

/// Classes of the repository whose methods check callers, where another class that answers no
/// requests by itself derives from them: the restricted base of a GraphQL type.
pub(crate) fn bases(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for (index, element) in unit.classes.iter().enumerate() {
        let class = ClassId(index as u32);
        if element.bases.is_empty() {
            continue;
        }
        let mut found = Vec::new();
        let mut seen = BTreeSet::from([(site.file.0, class.0)]);
        collect(linker, (site.file, class), &mut seen, &mut found);
        if found.is_empty() || answers(linker, site.file, class) {
            continue;
        }
        for name in found {
            facts.push(check(
                site,
                ("base", &element.name),
                ("base", &name),
                element.span,
                "checking-base",
            ));
        }
    }
}

fn collect(
    linker: &Linker<'_>,
    (file, class): (FileId, ClassId),
    seen: &mut BTreeSet<(u32, u32)>,
    found: &mut Vec<String>,
) {
    let parsed = linker.project.parsed(file);
    for base in &parsed.unit.class(class).bases {
        let Value::Class(at, base) = linker.eval(file, *base) else {
            continue;
        };
        if seen.len() > MAX_BASES || !seen.insert((at.0, base.0)) {
            continue;
        }
        if checks(linker, at, base) {
            found.push(linker.project.parsed(at).unit.class(base).name.to_string());
        }
        collect(linker, (at, base), seen, found);
    }
}

/// Whether a method of the class itself turns callers away or limits what it gives to them.
fn checks(linker: &Linker<'_>, file: FileId, class: ClassId) -> bool {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    unit.inside(unit.class(class).span).any(|id| {
        unit.expr(id).function.is_some()
            && match unit.kind(id) {
                ExprKind::Call { callee, .. } => {
                    let Some(last) = unit.last_name(*callee) else {
                        return false;
                    };
                    let mut rules = linker.name_rules(file, last).into_iter();
                    rules.any(|(rule, pattern)| {
                        let loaded = linker.loaded(rule);
                        loaded.rule.link == Some(Link::Check)
                            && by_name(&loaded.rule)
                            && loaded.patterns[pattern].matches(last)
                    })
                }
                ExprKind::Exit { .. } => linker.denial(file, id).is_some(),
                _ => false,
            }
    })
}

/// Whether a class answers requests: its endpoints tell what guards them.
fn answers(linker: &Linker<'_>, file: FileId, class: ClassId) -> bool {
    let mut bases = BTreeSet::new();
    linker.bases(file, class, &mut bases, 0);
    bases.iter().any(|base| {
        let last = base.rsplit('.').next().unwrap_or(base);
        let mut rules = linker.class_rules(file, last).into_iter();
        rules.any(|(rule, pattern)| {
            let loaded = linker.loaded(rule);
            matches!(
                loaded.rule.link,
                Some(Link::View | Link::Router | Link::Guard)
            ) && loaded.patterns[pattern].matches(base)
        })
    })
}
