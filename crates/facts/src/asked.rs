//! Conditions that ask whether something is for the caller, and end the function where it is not.
//!
//! `if !note.seen_by(&me) { … }` says nothing that a rule could know by name; what it hands over tells
//! what it asks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::check::{self, Told};
use crate::element::*;
use crate::fact::{Attributes, Fact};
use crate::limit::called_path;
use crate::link::Linker;
use crate::local::{Site, named, shown, subject};
use crate::project::FileId;
use crate::rule::Link;
use crate::text::{digest, plain};

/// Reads the conditions of one file.
///
/// `told`: what conditions of denials ask, which the denials say already.
pub(crate) fn extract(
    linker: &Linker<'_>,
    site: &Site<'_>,
    told: &BTreeSet<ExprId>,
    facts: &mut Vec<Fact>,
) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let mut seen: BTreeSet<(u32, String)> = facts
        .iter()
        .filter(|fact| fact.text("type") == Some("check") && fact.location.path == *site.path)
        .map(|fact| (fact.location.start as u32, fact.identity.clone()))
        .collect();
    let callers = RefCell::default();
    for id in unit.ids() {
        let ExprKind::Branch {
            condition,
            then,
            otherwise,
        } = unit.kind(id)
        else {
            continue;
        };
        let Some(function) = unit.expr(id).function else {
            continue;
        };
        let asked = asked(unit, *condition);
        if asked.is_empty() {
            continue;
        }
        let ways: Vec<ExprId> = [Some(*then), *otherwise]
            .into_iter()
            .flatten()
            .flat_map(|way| unit.descendants(way))
            .collect();
        // A denial on the way says the same.
        if ways
            .iter()
            .any(|id| linker.denial(site.file, *id).is_some())
        {
            continue;
        }
        let ends = ways.iter().any(|id| ends(linker, site.file, *id));
        let place = Place {
            linker,
            site,
            unit,
            function,
            callers: &callers,
        };
        for id in asked.into_iter().filter(|id| !told.contains(id)) {
            let fact = match unit.kind(id) {
                ExprKind::Call { callee, args } => place
                    .compared(id)
                    .or_else(|| ends.then(|| place.handed(id, *callee, args)).flatten()),
                ExprKind::Binary { .. } => place.compared(id),
                ExprKind::Member { .. } if ends => place.authority(id),
                _ => None,
            };
            if let Some(fact) = fact
                && seen.insert((fact.location.start as u32, fact.identity.clone()))
            {
                facts.push(fact);
            }
        }
    }
}

/// The questions of which a condition is made: `!f(x) && user.role == ADMIN`.
fn asked(unit: &Unit, condition: ExprId) -> Vec<ExprId> {
    match unit.kind(condition) {
        ExprKind::Binary { op, left, right } => match &**op {
            "&&" | "||" | "and" | "or" => {
                let mut all = asked(unit, *left);
                all.extend(asked(unit, *right));
                all
            }
            "==" | "===" | "!=" | "!==" => vec![condition],
            _ => Vec::new(),
        },
        ExprKind::Unary { value, .. } => asked(unit, *value),
        ExprKind::Await(inner) => asked(unit, *inner),
        ExprKind::Call { .. } | ExprKind::Member { .. } => vec![condition],
        _ => Vec::new(),
    }
}

/// Whether an expression leaves the function, itself or by the macro that it is.
pub(crate) fn ends(linker: &Linker<'_>, file: FileId, id: ExprId) -> bool {
    let parsed = linker.project.parsed(file);
    match parsed.unit.kind(id) {
        ExprKind::Exit { .. } => true,
        ExprKind::Call { callee, .. } if parsed.unit.macro_calls.contains(callee) => {
            linker.macro_ends(file, *callee)
        }
        _ => false,
    }
}

struct Place<'a> {
    linker: &'a Linker<'a>,
    site: &'a Site<'a>,
    unit: &'a Unit,
    function: FnId,
    /// Parameters that stand for the caller, by function.
    callers: &'a RefCell<BTreeMap<FnId, Vec<Box<str>>>>,
}

impl Place<'_> {
    fn named(&self, link: Link, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        named(self.linker, self.site.file, link, last, name)
    }

    /// `!note.visible_to(&me)`: the caller is handed to what answers.
    fn handed(&self, id: ExprId, callee: ExprId, args: &[Arg]) -> Option<Fact> {
        let name = self.unit.last_name(callee)?;
        if self.named(Link::Check, name) || self.unit.macro_calls.contains(&callee) {
            return None;
        }
        args.iter().find_map(|arg| self.caller(arg.value))?;
        Some(self.fact(id, name, "asks-for-caller"))
    }

    /// `user.is_admin`: what somebody may is asked.
    fn authority(&self, id: ExprId) -> Option<Fact> {
        let path = self.unit.path(id)?;
        let name = self.unit.last_name(id)?;
        (path.contains('.') && self.named(Link::Authority, name))
            .then(|| self.fact(id, name, "asks-for-authority"))
    }

    /// `user.role == Role.ADMIN`, `user.role.equals(ADMIN)`: what somebody may is held against
    /// what is written down.
    fn compared(&self, id: ExprId) -> Option<Fact> {
        let unit = self.unit;
        let (left, right) = match unit.kind(id) {
            ExprKind::Binary { left, right, .. } => (*left, *right),
            ExprKind::Call { callee, args } => match (unit.kind(*callee), &args[..]) {
                (ExprKind::Member { object, property }, [only])
                    if matches!(&**property, "eq" | "equals" | "Equals" | "ne") =>
                {
                    (*object, only.value)
                }
                _ => return None,
            },
            _ => return None,
        };
        let fixed = |id: ExprId| {
            let id = bare(unit, id);
            match unit.kind(id) {
                ExprKind::Str(_) | ExprKind::Number(_) => true,
                // `Role.ADMIN`, `ROLE_ADMIN`
                ExprKind::Name(_) | ExprKind::Member { .. } => unit
                    .path(id)
                    .is_some_and(|path| path.starts_with(char::is_uppercase)),
                _ => false,
            }
        };
        [(left, right), (right, left)]
            .into_iter()
            .find_map(|(role, value)| {
                let role = bare(unit, role);
                let name = unit.last_name(role)?;
                let somebodys = unit.path(role)?.contains('.') && !fixed(role);
                (somebodys && fixed(value) && self.named(Link::Authority, name))
                    .then(|| self.fact(id, name, "asks-for-authority"))
            })
    }

    fn fact(&self, id: ExprId, name: &str, rule: &str) -> Fact {
        let subject = subject(self.unit, id);
        let own = &self.linker.project.language(self.site.file).self_names;
        let same = digest(&plain(self.unit, id, own));
        let call = shown(self.linker, self.site, self.unit, id);
        let attributes = Attributes::from([("digest".to_owned(), json!(same))]);
        let told = Told {
            subject: &subject,
            callee: name,
            call: &call,
            same: &same,
            rule,
            span: self.unit.expr(id).span,
        };
        check::fact(self.site, &told, attributes)
    }

    /// The path of a value that stands for the caller, by a rule or because only a caller who was
    /// let in makes the parameter that it is part of.
    fn caller(&self, id: ExprId) -> Option<String> {
        let path = called_path(self.unit, bare(self.unit, id))?;
        if self.named(Link::Caller, &path) {
            return Some(path);
        }
        let (root, _) = path.split_once('.')?;
        let mut callers = self.callers.borrow_mut();
        let parameters = callers
            .entry(self.function)
            .or_insert_with(|| self.linker.guard_parameters(self.site.file, self.function));
        parameters
            .iter()
            .any(|name| **name == *root)
            .then_some(path)
    }
}

/// What is behind a mark or a conversion: `&id`, `id.clone()`.
fn bare(unit: &Unit, id: ExprId) -> ExprId {
    match unit.kind(id) {
        ExprKind::Unary { value, .. } => bare(unit, *value),
        ExprKind::Call { callee, args } if args.is_empty() => match unit.kind(*callee) {
            ExprKind::Member { object, property } if CONVERSIONS.contains(&&**property) => {
                bare(unit, *object)
            }
            _ => id,
        },
        _ => id,
    }
}

/// Methods that give the same value in another form.
const CONVERSIONS: [&str; 12] = [
    "clone",
    "as_str",
    "as_ref",
    "to_string",
    "to_owned",
    "into",
    "String",
    "toString",
    "deref",
    "inner",
    "into_inner",
    "to_s",
];
