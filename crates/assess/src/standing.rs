//! A fact of one revision with what stands around it: the endpoints that its function answers, what
//! else that function does, and whose data it handles. From this a threat's presence and risk are told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;
use threatgate_facts::{Fact, FactKind, Inventory, Scope};

use crate::assessment::Change;

/// Of one function no more endpoints and facts than these are looked at.
const MOST_AROUND: usize = 64;

/// A fact of one revision and its surroundings there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) fact: Fact,
    /// Of an endpoint what its handler does, of others what else their function does.
    pub(crate) beside: Vec<Fact>,
    /// The endpoints that the function around the fact answers.
    pub(crate) endpoints: Vec<Fact>,
    /// Whether the function was read: only then is what is not in `beside` not there.
    pub(crate) read: bool,
    /// Classes of the data that it handles, each with what tells so.
    pub(crate) data: BTreeMap<String, String>,
}

/// What a change reaches: its own facts, the affected ones, and the endpoints whose handlers these
/// stand in; each at base and at head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    pub(crate) pairs: Vec<Pair>,
}

/// The same thing at base and at head.
pub(crate) type Pair = (Option<Standing>, Option<Standing>);

/// The facts of a revision by the functions that they stand in.
pub(crate) struct Index<'a> {
    inventory: &'a Inventory,
    by_subject: HashMap<&'a str, Vec<&'a Fact>>,
    by_handler: HashMap<&'a str, Vec<&'a Fact>>,
    /// Classes of the fields of each entity, by its plain name.
    entities: HashMap<String, (&'a str, BTreeSet<&'a str>)>,
}

/// Whether a fact can raise a threat at all.
pub(crate) fn counts(fact: &Fact) -> bool {
    fact.scope == Scope::Production || matches!(fact.kind, FactKind::Secret | FactKind::Gate)
}

/// Where the function stands that answers an endpoint.
fn handler_path(endpoint: &Fact) -> &str {
    let mut evidence = endpoint.evidence.iter();
    let handler = evidence.find(|evidence| evidence.role == "handler");
    handler.map_or(&endpoint.location.path, |handler| &handler.location.path)
}

fn classes(fields: Option<&Json>) -> BTreeSet<&str> {
    let fields = fields.and_then(Json::as_array).into_iter().flatten();
    let shown = fields.filter(|field| field.get("hidden") != Some(&Json::Bool(true)));
    shown
        .filter_map(|field| field.get("sensitivity").and_then(Json::as_str))
        .collect()
}

impl<'a> Index<'a> {
    pub(crate) fn new(inventory: &'a Inventory) -> Self {
        let mut index = Self {
            inventory,
            by_subject: HashMap::new(),
            by_handler: HashMap::new(),
            entities: HashMap::new(),
        };
        for fact in inventory.facts.iter().filter(|fact| counts(fact)) {
            if let Some(subject) = fact.text("subject") {
                index.by_subject.entry(subject).or_default().push(fact);
            }
            match fact.kind {
                FactKind::Endpoint => {
                    if let Some(handler) = fact.text("handler").filter(|name| !name.is_empty()) {
                        index.by_handler.entry(handler).or_default().push(fact);
                    }
                }
                FactKind::DataModel if fact.text("operation").is_none() => {
                    let found = classes(fact.attributes.get("fields"));
                    if let Some(entity) = fact.text("entity").filter(|_| !found.is_empty()) {
                        let plain = crate::compare::plain(entity);
                        let known = index.entities.entry(plain);
                        known.or_insert((entity, BTreeSet::new())).1.extend(found);
                    }
                }
                _ => {}
            }
        }
        index
    }

    /// A fact with what stands around it.
    pub(crate) fn around(&self, fact: &Fact) -> Standing {
        let (function, path) = match fact.kind {
            FactKind::Endpoint => (fact.text("handler").unwrap_or_default(), handler_path(fact)),
            _ => (
                fact.text("subject").unwrap_or_default(),
                fact.location.path.as_str(),
            ),
        };
        let here = |list: Option<&Vec<&'a Fact>>, place: fn(&Fact) -> &str| -> Vec<Fact> {
            let facts = list.into_iter().flatten().copied();
            let facts = facts.filter(|other| place(other) == path);
            facts.take(MOST_AROUND).cloned().collect()
        };
        let beside = here(self.by_subject.get(function), |other| &other.location.path);
        let endpoints = match fact.kind {
            FactKind::Endpoint => vec![fact.clone()],
            _ => here(self.by_handler.get(function), handler_path),
        };
        let mut data = BTreeMap::new();
        for endpoint in &endpoints {
            self.data(endpoint, &mut data);
        }
        Standing {
            fact: fact.clone(),
            beside,
            read: !function.is_empty() && self.inventory.functions.contains(function),
            endpoints,
            data,
        }
    }

    /// The classes of data that an endpoint handles: of what it takes, and of the entity that its
    /// path names.
    fn data(&self, endpoint: &Fact, data: &mut BTreeMap<String, String>) {
        let parameters = endpoint.attributes.get("parameters");
        let parameters = parameters.and_then(Json::as_array).into_iter().flatten();
        for parameter in parameters {
            if let (Some(class), Some(name)) = (
                parameter.get("sensitivity").and_then(Json::as_str),
                parameter.get("name").and_then(Json::as_str),
            ) {
                let because = format!("it takes `{name}`");
                data.entry(class.to_owned()).or_insert(because);
            }
        }
        let path = endpoint.text("path").unwrap_or_default();
        for part in path.split('/').filter(|part| !part.contains('{')) {
            if let Some((entity, classes)) = self.entities.get(&crate::compare::plain(part)) {
                for class in classes {
                    let because = format!("`{entity}` is in its path");
                    data.entry((*class).to_owned()).or_insert(because);
                }
            }
        }
    }

    /// The endpoints that the function around a fact answers, but for the fact itself.
    fn answered(&self, fact: &Fact) -> Vec<&'a Fact> {
        if fact.kind == FactKind::Endpoint {
            return Vec::new();
        }
        let Some(subject) = fact.text("subject") else {
            return Vec::new();
        };
        let all = self.by_handler.get(subject).into_iter().flatten().copied();
        all.filter(|endpoint| handler_path(endpoint) == fact.location.path)
            .take(MOST_AROUND)
            .collect()
    }
}

/// Gives each change what it reaches. Only what the changes touch is looked at.
pub(crate) fn surround(before: &Inventory, after: &Inventory, changes: &mut [Change]) {
    if changes.is_empty() {
        return;
    }
    let (base, head) = (Index::new(before), Index::new(after));
    for change in changes {
        let mut pairs: Vec<(Option<&Fact>, Option<&Fact>)> =
            vec![(change.before.as_ref(), change.after.as_ref())];
        for affected in &change.affected {
            let sides = &affected.sides;
            let (old, new) = (sides.before.as_deref(), sides.after.as_deref());
            if (old.is_some() || new.is_some()) && !pairs.contains(&(old, new)) {
                pairs.push((old, new));
            }
        }
        // What the handlers of endpoints do decides about the endpoints.
        let mut endpoints: BTreeMap<&str, (Option<&Fact>, Option<&Fact>)> = BTreeMap::new();
        for (old, new) in &pairs {
            let subject = new.or(*old);
            for fact in subject.into_iter().flat_map(|fact| base.answered(fact)) {
                endpoints.entry(&fact.identity).or_default().0 = Some(fact);
            }
            for fact in subject.into_iter().flat_map(|fact| head.answered(fact)) {
                endpoints.entry(&fact.identity).or_default().1 = Some(fact);
            }
        }
        // One that came or went by itself is told by its own change.
        let both = endpoints.into_values();
        let both = both.filter(|(old, new)| old.is_some() && new.is_some());
        pairs.extend(both);
        let around = |index: &Index<'_>, fact: Option<&Fact>| {
            fact.filter(|fact| counts(fact))
                .map(|fact| index.around(fact))
        };
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(old, new)| (around(&base, old), around(&head, new)));
        change.context = Context {
            pairs: pairs.collect(),
        };
    }
}
