//! What code does so that sensitive values stay out of logs, messages, answers and stored copies:
//! calls and decorators that redact, lists of what is redacted, texts in place of values. What each
//! place does is one fact of a data model with the role `redaction`; the words are in
//! `rules/redaction/`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use crate::element::*;
use crate::error::RuleError;
use crate::fact::{Attributes, Confidence, Fact, FactKind};
use crate::hash::HashMap;
use crate::local::{Site, subject};
use crate::names::contains;
use crate::sensitivity::{Sensitivity, split};

/// The longest item of a list, in bytes, and the most items that are kept.
const MAX_ITEM: usize = 120;
const MAX_ITEMS: usize = 400;

/// All of `rules/redaction/`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redaction {
    /// For the reader of the file.
    #[serde(rename = "source", default)]
    _source: String,
    #[serde(default)]
    acts: Vec<String>,
    #[serde(default)]
    lists: Vec<String>,
    #[serde(default)]
    placeholders: Vec<String>,
    #[serde(default)]
    fills: Vec<char>,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default, rename = "builder")]
    builders: Vec<Builder>,
}

/// Files that build an answer field by field.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Builder {
    ends: Vec<String>,
    /// What is called.
    object: String,
    /// Methods that name several fields behind what they are taken from.
    several: Vec<String>,
    /// Methods that name none.
    except: Vec<String>,
}

impl Redaction {
    /// Reads `redaction/` of the rules.
    pub(crate) fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut all = Self::default();
        for (path, text) in files {
            if !path.starts_with("redaction/") {
                continue;
            }
            let read: Self = crate::error::read_rules(path, text)?;
            all.acts.extend(read.acts);
            all.lists.extend(read.lists);
            all.placeholders.extend(read.placeholders);
            all.fills.extend(read.fills);
            all.answers.extend(read.answers);
            all.builders.extend(read.builders);
        }
        Ok(all)
    }

    fn is_act(&self, name: &str) -> bool {
        let words = split(name);
        self.acts.iter().any(|pattern| contains(&words, pattern))
    }

    fn is_list(&self, name: &str) -> bool {
        let words = split(name);
        self.lists.iter().any(|pattern| contains(&words, pattern))
    }

    /// Whether a function, decorator or list of this name keeps values out of sight.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.is_act(name) || self.is_list(name)
    }

    fn is_answer(&self, class: &str) -> bool {
        let words = split(class).join(" ");
        let mut answers = self.answers.iter();
        answers.any(|end| {
            words
                .strip_suffix(end.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with(' '))
        })
    }

    fn is_placeholder(&self, text: &str) -> bool {
        let filled = self
            .fills
            .iter()
            .any(|fill| text.chars().count() >= 4 && text.chars().all(|c| c == *fill));
        let lower = text.to_lowercase();
        let like = |pattern: &String| crate::rule::wild(pattern, &lower);
        filled || text.len() <= MAX_ITEM && self.placeholders.iter().any(like)
    }
}

/// What one place does.
#[derive(Default)]
struct Place {
    /// The names of what does it, in source order.
    by: Vec<String>,
    items: BTreeSet<String>,
    replaces: bool,
    /// By a decorator: it goes with the method that it stands on.
    decorates: bool,
    span: Option<Span>,
}

/// Adds a fact for each function, class or list that redacts.
pub(crate) fn extract(
    sensitivity: &Sensitivity,
    unit: &Unit,
    site: &Site<'_>,
    facts: &mut Vec<Fact>,
) {
    let redaction = sensitivity.redaction();
    answers(redaction, sensitivity, unit, site, facts);
    let mut builders = redaction.builders.iter();
    if let Some(builder) =
        builders.find(|one| one.ends.iter().any(|end| site.path.ends_with(end.as_str())))
    {
        built(builder, sensitivity, unit, site, facts);
    }
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    // Code says the same names over and over.
    let acts = RefCell::new(HashMap::default());
    let is_act = |name: &str| -> bool {
        if let Some(known) = acts.borrow().get(name) {
            return *known;
        }
        let is = redaction.is_act(name);
        acts.borrow_mut().insert(name.to_owned(), is);
        is
    };
    for id in unit.ids() {
        match unit.kind(id) {
            ExprKind::Call { callee, args } => {
                let path = unit.path(*callee);
                let path = path.as_deref().or_else(|| unit.last_name(*callee));
                // Who redacts: the function, its class, or what is handed to a decorator.
                let named = path.and_then(|path| path.split('.').rev().find(|part| is_act(part)));
                let handed = args.iter().find_map(|arg| match unit.kind(arg.value) {
                    ExprKind::Name(name) if is_act(name) && decorates(unit, id) => Some(&**name),
                    _ => None,
                });
                let options = args.iter().filter_map(|arg| {
                    let on = matches!(unit.kind(arg.value), ExprKind::Bool(true));
                    arg.name.as_deref().filter(|name| on && is_act(name))
                });
                let by: Vec<&str> = named.or(handed).into_iter().chain(options).collect();
                if by.is_empty() {
                    continue;
                }
                let decorates = decorates(unit, id);
                let Some(name) = around(unit, id) else {
                    continue;
                };
                let place = places.entry(name).or_default();
                place.span.get_or_insert(unit.expr(id).span);
                place.decorates |= decorates;
                if named.is_some() {
                    let inside = args.iter().flat_map(|arg| unit.descendants(arg.value));
                    let lists: Vec<ExprId> = inside.collect();
                    for list in lists {
                        if let ExprKind::List(_) = unit.kind(list) {
                            place.items.extend(texts(unit, list));
                        }
                    }
                    let own = args.iter().filter_map(|arg| unit.literal(arg.value));
                    place
                        .items
                        .extend(own.filter(|text| is_name(text)).map(str::to_owned));
                }
                place.by.extend(by.into_iter().map(str::to_owned));
            }
            ExprKind::Str(text) if redaction.is_placeholder(text) => {
                // A constant may as well be compared with.
                let Some(name) = around(unit, id).filter(|name| name != "module") else {
                    continue;
                };
                let place = places.entry(name).or_default();
                place.span.get_or_insert(unit.expr(id).span);
                place.replaces = true;
            }
            _ => {}
        }
    }
    for assign in &unit.assigns {
        let (Some(value), Some(name)) = (assign.value, unit.last_name(assign.target)) else {
            continue;
        };
        if !redaction.is_list(name) || !holds_list(unit, value) {
            continue;
        }
        let items = texts(unit, value);
        if items.is_empty() {
            continue;
        }
        // A list of a class or a file is known by its name, whatever stands around it.
        let place = places.entry(format!("{name}[]")).or_default();
        place.span.get_or_insert(assign.span);
        place.items.extend(items);
    }
    for (subject, place) in places {
        let Some(span) = place.span else { continue };
        let (subject, list) = match subject.strip_suffix("[]") {
            Some(name) => (name.to_owned(), true),
            None => (subject, false),
        };
        let mut attributes = Attributes::new();
        attributes.insert("role".into(), json!("redaction"));
        attributes.insert("subject".into(), json!(subject));
        if list {
            attributes.insert("list".into(), json!(true));
        }
        if !place.by.is_empty() {
            attributes.insert("by".into(), json!(place.by));
        }
        if !place.items.is_empty() {
            let items: Vec<&String> = place.items.iter().take(MAX_ITEMS).collect();
            attributes.insert("items".into(), json!(items));
        }
        if place.decorates {
            attributes.insert("decorates".into(), json!(true));
        }
        if place.replaces {
            attributes.insert("replaces".into(), json!(true));
        }
        let mut fact = site.fact(
            FactKind::DataModel,
            format!("redaction:{subject}"),
            attributes,
            span,
            "redaction",
        );
        fact.confidence = Confidence::Heuristic;
        facts.push(fact);
    }
}

/// The sensitive fields that a file gives an answer.
fn built(
    builder: &Builder,
    sensitivity: &Sensitivity,
    unit: &Unit,
    site: &Site<'_>,
    facts: &mut Vec<Fact>,
) {
    let is = |list: &[String], word: &str| list.iter().any(|one| one == word);
    let mut given: BTreeSet<&str> = BTreeSet::new();
    let mut first: Option<Span> = None;
    for id in unit.ids() {
        let ExprKind::Call { callee, args } = unit.kind(id) else {
            continue;
        };
        let ExprKind::Member { object, property } = unit.kind(*callee) else {
            continue;
        };
        let of_builder = unit.last_name(*object) == Some(&*builder.object);
        if !of_builder || args.is_empty() || is(&builder.except, property) {
            continue;
        }
        first.get_or_insert(unit.expr(id).span);
        let sensitive = |name: &&str| sensitivity.classify("", name, Some("string")).is_some();
        match is(&builder.several, property) {
            true => {
                let named = args
                    .iter()
                    .skip(1)
                    .filter_map(|arg| unit.literal(arg.value));
                given.extend(named.filter(sensitive));
            }
            false => given.extend(Some(&**property).filter(sensitive)),
        }
    }
    let Some(span) = first else { return };
    // A view is known by its name below the folder of views.
    let name = site.path.split("views/").last().unwrap_or(site.path);
    let mut attributes = Attributes::new();
    attributes.insert("role".into(), json!("answer"));
    attributes.insert("subject".into(), json!(name));
    attributes.insert("entity".into(), json!(builder.object));
    attributes.insert("given".into(), json!(given));
    let identity = format!("answer:{name}");
    let mut fact = site.fact(FactKind::DataModel, identity, attributes, span, "answer");
    fact.confidence = Confidence::Heuristic;
    facts.push(fact);
}

/// Objects of answers that code makes: which credentials of somebody they are given.
fn answers(
    redaction: &Redaction,
    sensitivity: &Sensitivity,
    unit: &Unit,
    site: &Site<'_>,
    facts: &mut Vec<Fact>,
) {
    for id in unit.ids() {
        let ExprKind::Call { callee, args } = unit.kind(id) else {
            continue;
        };
        let Some(class) = unit.last_name(*callee) else {
            continue;
        };
        let begins = class.starts_with(char::is_uppercase);
        let named = args.iter().any(|arg| arg.name.is_some());
        if !begins || !named || unit.expr(id).function.is_none() || !redaction.is_answer(class) {
            continue;
        }
        let credential = |name: &str| {
            let found = sensitivity.classify("", name, Some("string"));
            found.is_some_and(|class| class.class.name() == "credential")
        };
        // The record's own, and nothing that was made for the answer.
        let given: BTreeSet<&str> = args
            .iter()
            .filter(|arg| {
                matches!(unit.kind(arg.value), ExprKind::Member { property, .. } if credential(property))
            })
            .filter_map(|arg| arg.name.as_deref().filter(|name| credential(name)))
            .collect();
        let Some(subject) = around(unit, id) else {
            continue;
        };
        let mut attributes = Attributes::new();
        attributes.insert("role".into(), json!("answer"));
        attributes.insert("subject".into(), json!(subject));
        attributes.insert("entity".into(), json!(class));
        attributes.insert("given".into(), json!(given));
        let identity = format!("answer:{subject}:{class}");
        let span = unit.expr(id).span;
        let mut fact = site.fact(FactKind::DataModel, identity, attributes, span, "answer");
        fact.confidence = Confidence::Heuristic;
        facts.push(fact);
    }
}

/// The declared function or the class around. What stands in a function without a name of its own, such as
/// one of many handlers, cannot be told from the others.
pub(crate) fn around(unit: &Unit, id: ExprId) -> Option<String> {
    let innermost = unit.expr(id).function;
    let mut function = innermost;
    while let Some(at) = function {
        let element = unit.function(at);
        if element.declared {
            return Some(element.qualified.to_string());
        }
        function = element.parent;
    }
    let Some(innermost) = innermost else {
        return Some(subject(unit, id));
    };
    // A block in a class: `attribute :payload do … end`.
    let qualified = &unit.function(innermost).qualified;
    let mut classes = unit.classes.iter().map(|class| &class.name);
    let class = classes.find(|name| {
        let rest = qualified.strip_prefix(&***name);
        !name.is_empty() && rest.is_some_and(|rest| rest.starts_with('.'))
    });
    class.map(|name| name.to_string())
}

/// Whether a call is a decorator, or stands in one.
fn decorates(unit: &Unit, id: ExprId) -> bool {
    let at = unit.expr(id).span;
    let functions = unit.functions.iter().flat_map(|one| &one.decorators);
    let mut all = functions.chain(unit.classes.iter().flat_map(|one| &one.decorators));
    all.any(|decorator| unit.expr(*decorator).span.holds(at))
}

fn holds_list(unit: &Unit, value: ExprId) -> bool {
    let mut inside = unit.descendants(value).into_iter();
    inside.any(|id| matches!(unit.kind(id), ExprKind::List(_) | ExprKind::Map(_)))
}

/// The texts in an expression.
fn texts(unit: &Unit, id: ExprId) -> Vec<String> {
    let inside = unit.descendants(id).into_iter();
    let all = inside.filter_map(|id| match unit.kind(id) {
        ExprKind::Str(text) if is_item(text) => Some(text.to_string()),
        _ => None,
    });
    all.collect()
}

/// Whether a text names or describes a value, and cannot be one: a sample beside a pattern may look
/// like a credential.
fn is_item(text: &str) -> bool {
    let describes = |c: char| "()[]{}*^$|\\ ".contains(c);
    let long = text.len() >= 16 && text.bytes().any(|byte| byte.is_ascii_digit());
    !text.is_empty() && text.len() <= MAX_ITEM && (!long || text.contains(describes))
}

/// Whether a text is the name of something, and no sentence.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    is_item(text) && text.len() <= 60 && text.chars().all(fits)
}
