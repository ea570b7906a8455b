//! What a fact of one revision must be like for a threat to stand on it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use threatgate_facts::{Confidence, Fact, FactKind};

use crate::condition::{Pattern, Patterns, any, attribute, attributes, many, words};
use crate::standing::Standing;

/// All that is given must hold; of a list any value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Kinds of fact.
    #[serde(deserialize_with = "many")]
    kind: Vec<FactKind>,
    /// `resolved` or `heuristic`
    #[serde(default, deserialize_with = "many")]
    confidence: Vec<Confidence>,
    /// Its attributes; `none` stands for an absent one.
    #[serde(default)]
    attributes: BTreeMap<String, Patterns>,
    /// None of these may hold.
    #[serde(default)]
    except: BTreeMap<String, Patterns>,
    /// The endpoint can write: its method is none of GET, HEAD, OPTIONS.
    writes: Option<bool>,
    /// Only the items of this list, each a place of its own: the fields of a model.
    each: Option<String>,
    /// What an item must be like.
    #[serde(default)]
    item: BTreeMap<String, Patterns>,
    /// What it must not be like.
    #[serde(default)]
    not_item: BTreeMap<String, Patterns>,
    /// Of a resource: it has an item of one of these aspects that harms.
    #[serde(default, deserialize_with = "many")]
    aspect: Vec<Pattern>,
    /// Some guard on the endpoint is called so.
    #[serde(default, deserialize_with = "many")]
    guard: Vec<Pattern>,
    /// No guard on the endpoint is called so.
    #[serde(default, deserialize_with = "many")]
    no_guard: Vec<Pattern>,
    /// The function around does this, each of them.
    #[serde(default)]
    with: Vec<Beside>,
    /// The function around was read and does none of these.
    #[serde(default)]
    without: Vec<Beside>,
}

/// Another fact of the same function.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beside {
    #[serde(deserialize_with = "many")]
    kind: Vec<FactKind>,
    #[serde(default)]
    attributes: BTreeMap<String, Patterns>,
}

impl Beside {
    pub(crate) fn holds(&self, standing: &Standing) -> bool {
        standing
            .beside
            .iter()
            .any(|fact| self.kind.contains(&fact.kind) && attributes(&self.attributes, Some(fact)))
    }
}

/// From this weight on an item of infrastructure harms so much that it stands as a threat.
const HARMS: f64 = 2.0;

impl State {
    /// Whether a fact of this kind can be meant.
    pub(crate) fn concerns(&self, kind: FactKind) -> bool {
        self.kind.contains(&kind)
    }

    /// The attributes that it asks for.
    pub(crate) fn asks_for(&self, attribute: &str) -> bool {
        self.attributes.contains_key(attribute)
    }

    /// The places of the fact where it holds: items by name, or one without a name for the whole.
    pub(crate) fn places(&self, standing: &Standing) -> Vec<String> {
        let fact = &standing.fact;
        if !self.concerns(fact.kind) || !self.fits(standing) {
            return Vec::new();
        }
        if !self.aspect.is_empty() {
            return self.harmful(fact);
        }
        let Some(list) = &self.each else {
            return vec![String::new()];
        };
        let items = fact.attributes.get(list).and_then(Json::as_array);
        let like = |item: &Json, wanted: &BTreeMap<String, Patterns>, all: bool| {
            let one = |(name, patterns): (&String, &Patterns)| {
                any(&patterns.0, &words(item.get(name).unwrap_or(&Json::Null)))
            };
            match all {
                true => wanted.iter().all(one),
                false => wanted.iter().any(one),
            }
        };
        let items = items.into_iter().flatten();
        let meant =
            items.filter(|item| like(item, &self.item, true) && !like(item, &self.not_item, false));
        meant
            .filter_map(|item| item.get("name")?.as_str().map(str::to_owned))
            .collect()
    }

    fn fits(&self, standing: &Standing) -> bool {
        let fact = &standing.fact;
        let one = |(name, patterns): (&String, &Patterns)| any(&patterns.0, &attribute(fact, name));
        let guards = || -> Vec<String> {
            let guards = fact.texts("guards").into_iter();
            guards.map(str::to_owned).collect()
        };
        // What protects a dangerous use is not the use.
        let use_itself = fact.kind != FactKind::Sink
            || fact.text("role") != Some("protection")
            || self.asks_for("role");
        let method = fact.text("method").unwrap_or("GET");
        let writes = !matches!(method, "GET" | "HEAD" | "OPTIONS");
        use_itself
            && (self.confidence.is_empty() || self.confidence.contains(&fact.confidence))
            && attributes(&self.attributes, Some(fact))
            && !self.except.iter().any(one)
            && self.writes.is_none_or(|wanted| wanted == writes)
            && (self.guard.is_empty() || any(&self.guard, &guards()))
            && (self.no_guard.is_empty() || !any(&self.no_guard, &guards()))
            && self.with.iter().all(|beside| beside.holds(standing))
            && (self.without.is_empty()
                || standing.read && !self.without.iter().any(|beside| beside.holds(standing)))
    }

    /// The traits of a resource that harm, of the aspects that are meant.
    fn harmful(&self, fact: &Fact) -> Vec<String> {
        let traits = fact.attributes.get("traits").and_then(Json::as_object);
        let harms = |one: &Json| {
            let items = one.get("items").and_then(Json::as_array);
            let mut items = items.into_iter().flatten();
            items.any(|item| {
                let weight = item.get("weight").and_then(Json::as_f64);
                let default = item.get("default") == Some(&Json::Bool(true));
                !default && weight.is_some_and(|weight| weight >= HARMS)
            })
        };
        let traits = traits.into_iter().flatten();
        let meant = traits.filter(|(_, one)| {
            let aspect = one.get("aspect").map(words).unwrap_or_default();
            any(&self.aspect, &aspect) && harms(one)
        });
        meant.map(|(name, _)| name.clone()).collect()
    }
}
