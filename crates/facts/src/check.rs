//! Calls in a file that check the caller: by their name, by what they do where the function around
//! goes no further, or because a class has them called before it stores something.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::element::*;
use crate::elsewhere;
use crate::fact::{Attributes, Confidence, Fact, FactKind};
use crate::link::{Linker, Value};
use crate::local::{Site, by_origin, hook, shown, subject, with_words};
use crate::project::FileId;
use crate::refusal::{Wording, asked_by};
use crate::rule::{Link, wild};
use crate::text::{digest, plain, render, shorten};

/// Longest check that is shown, in characters.
const SHOWN: usize = 160;

/// Adds a check for each such call.
///
/// `told`: what conditions of denials ask, which the denials say already.
pub(crate) fn extract(
    linker: &Linker<'_>,
    site: &Site<'_>,
    told: &BTreeSet<ExprId>,
    facts: &mut Vec<Fact>,
    wording: &mut Wording,
) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let own = &linker.project.language(site.file).self_names;
    let answered = answered(unit);
    // What hangs on a class speaks at its endpoints.
    let hanging = linker.hanging_calls(site.file);
    let mut found: BTreeMap<ExprId, (&str, Found)> = BTreeMap::new();
    // What is handed on to another call may be asked there.
    let handed: BTreeSet<ExprId> = unit
        .ids()
        .filter_map(|id| match unit.kind(id) {
            ExprKind::Call { args, .. } => Some(args),
            _ => None,
        })
        .flatten()
        .flat_map(|arg| match unit.kind(arg.value) {
            ExprKind::List(items) => items.clone(),
            _ => vec![arg.value],
        })
        .collect();
    // Of some answers more is asked: `auth().user()`.
    let further: BTreeSet<ExprId> = unit
        .ids()
        .filter_map(|id| match unit.kind(id) {
            ExprKind::Member { object, .. } => Some(*object),
            _ => None,
        })
        .collect();
    for id in unit.ids() {
        let ExprKind::Call { callee, .. } = unit.kind(id) else {
            continue;
        };
        let Some(last) = unit.last_name(*callee) else {
            continue;
        };
        // What its denial says need not be said again, nor that the denial itself turns away.
        if hanging.contains(&id)
            || told.contains(&id)
            || linker.said_denial(site.file, id).is_some()
        {
            continue;
        }
        let place = Asked {
            handed: handed.contains(&id),
            further: further.contains(&id),
        };
        let rule = match named(linker, site, id, last, &place) {
            Some(rule) => rule,
            None if answered.contains(&id) && elsewhere::denies(linker, site.file, id) => Found {
                rule: "denying-call".to_owned(),
                denies: true,
            },
            None => continue,
        };
        // A decorator is a guard and speaks at its endpoint.
        let mut functions = unit.functions.iter();
        if functions.any(|function| function.decorators.contains(&id))
            || unit.expr(id).function.is_none() && property(unit, id).is_none()
        {
            continue;
        }
        found.insert(id, (last, rule));
    }
    let others = alternatives(linker, site, unit);
    let mut known = BTreeMap::new();
    for (id, (callee, rule)) in &found {
        let mut subject = subject(unit, *id);
        if unit.expr(*id).function.is_none()
            && let Some(name) = property(unit, *id)
        {
            subject = format!("{subject}.{name}");
        }
        let words = plain(unit, *id, own);
        let same = wording.digest(&words);
        let call = shown(linker, site, unit, *id);
        let mut attributes = Attributes::new();
        attributes.insert("digest".into(), json!(same));
        let origin = by_origin(unit, unit.expr(*id).function, &words, own);
        if origin.trim_end() != words {
            let origin = wording.digest(origin.trim_end());
            attributes.insert("origin".into(), json!(origin));
        }
        attributes.insert("awaited".into(), json!(awaited(unit, *id)));
        if hook(linker, site.file, &subject) {
            attributes.insert("hook".into(), json!(true));
        }
        if let Some(within) = within(linker, site, unit, *id) {
            attributes.insert("within".into(), json!(within));
        }
        let span = unit.expr(*id).span;
        let beside = others
            .iter()
            .filter(|(part, _)| unit.expr(**part).span.holds(span))
            .flat_map(|(_, others)| others)
            .flat_map(|other| {
                let other = unit.expr(*other).span;
                let within = found
                    .keys()
                    .filter(move |id| other.holds(unit.expr(**id).span));
                within.map(|id| digest(&plain(unit, *id, own)))
            });
        let beside: BTreeSet<String> = beside.collect();
        if !beside.is_empty() {
            let beside: Vec<String> = beside.into_iter().collect();
            attributes.insert("alternative_to".into(), Json::from(beside));
        }
        if rule.denies {
            attributes.insert("via".into(), json!("call"));
        }
        let asks = handed_in(linker, site.file, *id, &mut known);
        if !asks.is_empty() {
            attributes.insert("asks".into(), Json::from(asks));
        }
        if linker.swallowed(site.file, *id) {
            attributes.insert("swallowed".into(), json!(true));
        }
        let function = unit.expr(*id).function;
        if function.is_some_and(|function| elsewhere::overrides(linker, site.file, function)) {
            attributes.insert("overrides".into(), json!(true));
        }
        let told = Told {
            subject: &subject,
            callee,
            call: &call,
            same: &same,
            rule: &rule.rule,
            span,
        };
        facts.push(fact(site, &told, attributes));
    }
    by_class(linker, site, facts);
}

/// Digests of what the function that is called asks where it turns callers away, with what it is
/// handed in the place of its parameters: as if it stood here.
fn handed_in(
    linker: &Linker<'_>,
    file: FileId,
    id: ExprId,
    known: &mut BTreeMap<(FileId, FnId), Vec<String>>,
) -> Vec<String> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let own = &linker.project.language(file).self_names;
    let ExprKind::Call { callee, args } = unit.kind(id) else {
        return Vec::new();
    };
    let Value::Function(at, function) = linker.eval(file, *callee) else {
        return Vec::new();
    };
    let asked = known
        .entry((at, function))
        .or_insert_with(|| asked_by(linker, at, function));
    if asked.is_empty() {
        return Vec::new();
    }
    let other = linker.project.parsed(at);
    // The object around is no parameter that anybody is handed.
    let params = other.unit.function(function).params.iter();
    let params = params.map(|param| crate::project::param_name(&param.name));
    let params: Vec<&str> = params
        .filter(|param| !own.iter().any(|own| own == param))
        .collect();
    let handed = |word: &str| {
        let place = params.iter().position(|param| *param == word)?;
        let named = args.iter().find(|arg| arg.name.as_deref() == Some(word));
        let arg = named.or_else(|| args.get(place).filter(|arg| arg.name.is_none()))?;
        Some(plain(unit, arg.value, own))
    };
    let asked = asked
        .iter()
        .map(|text| digest(with_words(text, handed).trim_end()));
    asked.collect()
}

/// What every check tells.
pub(crate) struct Told<'a> {
    /// The function, class or member that asks.
    pub(crate) subject: &'a str,
    /// What is asked, by its name and as it is shown.
    pub(crate) callee: &'a str,
    pub(crate) call: &'a str,
    /// What tells it from others of its subject.
    pub(crate) same: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) span: Span,
}

/// A check as a fact; `attributes` are those that not every check has.
pub(crate) fn fact(site: &Site<'_>, told: &Told<'_>, mut attributes: Attributes) -> Fact {
    attributes.insert("type".into(), json!("check"));
    attributes.insert("subject".into(), json!(told.subject));
    attributes.insert("callee".into(), json!(told.callee));
    attributes.insert("call".into(), json!(shorten(told.call, SHOWN)));
    attributes.entry("awaited".into()).or_insert(json!(false));
    let identity = format!("check:{}:{}", told.subject, told.same);
    let mut fact = site.fact(FactKind::Auth, identity, attributes, told.span, told.rule);
    fact.confidence = Confidence::Heuristic;
    fact
}

/// The member of a class that a value is given to outside of functions: a property.
fn property(unit: &Unit, id: ExprId) -> Option<&str> {
    let (at, class) = (unit.expr(id).span, unit.expr(id).class?);
    let assign = unit.assigns.iter().find(|assign| {
        let value = assign.value.map(|value| unit.expr(value).span);
        assign.class == Some(class)
            && assign.function.is_none()
            && value.is_some_and(|value| value.holds(at))
    });
    assign?.name.as_deref()
}

/// How a call stands in the code around it.
struct Asked {
    /// It is handed on to another call.
    handed: bool,
    /// More is asked of its answer.
    further: bool,
}

/// By what a call is a check.
struct Found {
    rule: String,
    /// The function that is called turns callers away.
    denies: bool,
}

/// The rule by which a call's name, and what it is called on or handed, says that it checks.
fn named(
    linker: &Linker<'_>,
    site: &Site<'_>,
    id: ExprId,
    last: &str,
    place: &Asked,
) -> Option<Found> {
    let unit = &linker.project.parsed(site.file).unit;
    let rules = linker.name_rules(site.file, last).into_iter();
    let rules = rules.map(|(rule, pattern)| (linker.loaded(rule), pattern));
    let known = rules.filter(|(loaded, pattern)| loaded.patterns[*pattern].matches(last));
    let (mut checks, mut none): (Option<Found>, bool) = (None, false);
    for (loaded, _) in known {
        let rule = &loaded.rule;
        none |= rule.link == Some(Link::NotGuard) && !rule.as_text;
        // In what answers a request a function that turns callers away by itself is a check.
        if rule.link == Some(Link::GuardName) && checks.is_none() && !place.handed {
            checks = turns_away(linker, site, id).then(|| Found {
                rule: rule.id.clone(),
                denies: false,
            });
        }
        if rule.link != Some(Link::Check) {
            continue;
        }
        // `auth().user()` asks who calls, and `Auth { db: … }` is made.
        if rule.by_itself && (place.further || made_of_fields(unit, id)) {
            continue;
        }
        let counts = if elsewhere::by_name(rule) {
            rule.about.is_empty() || speaks_about(unit, id, &rule.about)
        } else {
            checks.is_none() && elsewhere::counts(linker, site.file, id, rule)
        };
        // A framework's own rule comes after those of any language.
        if counts {
            checks = Some(Found {
                rule: rule.id.clone(),
                denies: rule.denies,
            });
        }
    }
    checks.filter(|_| !none && !builds(linker, site.file, id))
}

/// Whether a call is of a method of the repository that only writes down what is to be asked.
fn builds(linker: &Linker<'_>, file: FileId, id: ExprId) -> bool {
    let unit = &linker.project.parsed(file).unit;
    match unit.kind(id) {
        ExprKind::Call { callee, .. } => match linker.eval(file, *callee) {
            Value::Function(at, function) => crate::local::gives_itself(linker, at, function),
            _ => false,
        },
        _ => false,
    }
}

/// Whether all that a call is handed has a name.
fn made_of_fields(unit: &Unit, id: ExprId) -> bool {
    match unit.kind(id) {
        ExprKind::Call { args, .. } => {
            !args.is_empty() && args.iter().all(|arg| arg.name.is_some())
        }
        _ => false,
    }
}

fn turns_away(linker: &Linker<'_>, site: &Site<'_>, id: ExprId) -> bool {
    let unit = &linker.project.parsed(site.file).unit;
    match unit.kind(id) {
        ExprKind::Call { callee, .. } => linker.turns_away_in_handler(site.file, id, *callee),
        _ => false,
    }
}

/// Whether a call is made on something, or handed something, that one of the patterns fits.
fn speaks_about(unit: &Unit, id: ExprId, about: &[String]) -> bool {
    let ExprKind::Call { callee, args } = unit.kind(id) else {
        return false;
    };
    let object = match unit.kind(*callee) {
        ExprKind::Member { object, .. } => Some(*object),
        _ => None,
    };
    let mut all = object.into_iter().chain(args.iter().map(|arg| arg.value));
    all.any(|id| {
        let text = render(unit, id);
        about.iter().any(|pattern| wild(pattern, &text))
    })
}

/// The function that decides what a lookup's condition is written for: `list` for the function
/// in `notes.filter(note => note.visibleTo(user))`.
fn within(linker: &Linker<'_>, site: &Site<'_>, unit: &Unit, id: ExprId) -> Option<String> {
    let mut at = unit.expr(id).function?;
    let inner = at;
    loop {
        let function = unit.function(at);
        let Some(parent) = function.parent else { break };
        let name = &function.name;
        let looks = crate::local::named(linker, site.file, Link::Lookup, name, name);
        if function.declared || !looks {
            break;
        }
        at = parent;
    }
    (at != inner).then(|| unit.function(at).qualified.to_string())
}

/// The calls behind whose answer a function goes no further: `return unless may?(:edit)`,
/// `may?(:edit) or return`.
fn answered(unit: &Unit) -> BTreeSet<ExprId> {
    let leaves = |id: ExprId| {
        let mut id = id;
        while let ExprKind::Block(items) | ExprKind::Other(items) = unit.kind(id)
            && let [only] = &items[..]
        {
            id = *only;
        }
        match unit.kind(id) {
            ExprKind::Exit {
                kind: ExitKind::Return,
                value,
            } => value.is_none_or(|value| {
                matches!(unit.kind(value), ExprKind::Null | ExprKind::Bool(false))
            }),
            _ => false,
        }
    };
    let mut calls = BTreeSet::new();
    for id in unit.ids() {
        let asked = match unit.kind(id) {
            ExprKind::Branch {
                condition, then, ..
            } if leaves(*then) => *condition,
            ExprKind::Binary { left, right, .. } if leaves(*right) => *left,
            _ => continue,
        };
        let asked = unit.descendants(asked).into_iter();
        calls.extend(asked.filter(|id| matches!(unit.kind(*id), ExprKind::Call { .. })));
    }
    calls
}

/// The parts of conditions of which one is enough to get further, each with the others.
fn alternatives(
    linker: &Linker<'_>,
    site: &Site<'_>,
    unit: &Unit,
) -> BTreeMap<ExprId, Vec<ExprId>> {
    let mut all = BTreeMap::new();
    let denies = |way: ExprId| {
        unit.descendants(way).into_iter().any(|id| {
            let leaves = match unit.kind(id) {
                ExprKind::Exit {
                    kind: ExitKind::Raise,
                    ..
                } => true,
                ExprKind::Exit { value, .. } => value.is_none_or(|value| {
                    matches!(unit.kind(value), ExprKind::Null | ExprKind::Bool(false))
                }),
                _ => false,
            };
            leaves || linker.denial(site.file, id).is_some()
        })
    };
    for id in unit.ids() {
        match unit.kind(id) {
            ExprKind::Branch {
                condition, then, ..
            } if joined(unit, *condition) => either(unit, *condition, !denies(*then), &mut all),
            ExprKind::Exit {
                kind: ExitKind::Return,
                value: Some(value),
            } => either(unit, *value, true, &mut all),
            _ => {}
        }
    }
    all
}

fn joined(unit: &Unit, id: ExprId) -> bool {
    match unit.kind(id) {
        ExprKind::Unary { value, .. } => joined(unit, *value),
        ExprKind::Binary { .. } => true,
        _ => false,
    }
}

/// Takes a condition apart. `further`: where it holds, the caller gets further.
fn either(unit: &Unit, id: ExprId, further: bool, all: &mut BTreeMap<ExprId, Vec<ExprId>>) {
    match unit.kind(id) {
        ExprKind::Unary { op, value } if matches!(&**op, "!" | "not") => {
            either(unit, *value, !further, all);
        }
        ExprKind::Binary { op, left, right } => {
            let any = match &**op {
                "||" | "or" => true,
                "&&" | "and" => false,
                _ => return,
            };
            if any == further {
                all.entry(*left).or_default().push(*right);
                all.entry(*right).or_default().push(*left);
            }
            either(unit, *left, further, all);
            either(unit, *right, further, all);
        }
        _ => {}
    }
}

/// Methods that a class has called before it stores something, and which deny.
fn by_class(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for called in linker.class_checks(site.file) {
        let ExprKind::Call { callee, .. } = unit.kind(called.call) else {
            continue;
        };
        let when = unit.last_name(*callee).unwrap_or_default();
        let subject = format!("{}.{when}", unit.class(called.class).name);
        let mut attributes = Attributes::new();
        attributes.insert("digest".into(), json!(digest(&called.name)));
        attributes.insert("hook".into(), json!(true));
        let told = Told {
            subject: &subject,
            callee: &called.name,
            call: &called.name,
            same: &called.name,
            rule: &called.rule,
            span: unit.expr(called.at).span,
        };
        facts.push(fact(site, &told, attributes));
    }
}

fn awaited(unit: &Unit, id: ExprId) -> bool {
    // The parent follows its child in the arena.
    unit.exprs[id.0 as usize + 1..]
        .iter()
        .take(2)
        .any(|expr| matches!(expr.kind, ExprKind::Await(inner) if inner == id))
}
