//! What a policy rule, an exception or a threat asks of a change.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;

use globset::{Glob, GlobBuilder, GlobMatcher};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{IntoDeserializer, SeqAccess, Visitor};
use serde_json::Value as Json;
use threatgate_facts::{Confidence, Fact, FactKind, Scope};
use threatgate_model::risk::Severity;

use crate::assessment::{Change, ChangeKind, Direction};
use crate::policy::{Criticality, Exposure};

/// One value or several of which any counts. A value's own error comes through: it lists what may
/// stand there.
pub(crate) fn many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            Ok(vec![T::deserialize(text.into_deserializer())?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(item) = items.next_element()? {
                all.push(item);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
}

/// A glob that is compiled when something is first held against it: most rules of a policy and of
/// the catalogue never get that far, and compiling all of them takes longer than a small check.
#[derive(Clone, Debug)]
struct Matcher {
    glob: Glob,
    compiled: OnceLock<GlobMatcher>,
}

impl Matcher {
    fn new(text: &str, separator: bool) -> Result<Self, globset::Error> {
        let glob = GlobBuilder::new(text)
            .literal_separator(separator)
            .build()?;
        Ok(Self {
            glob,
            compiled: OnceLock::new(),
        })
    }

    fn is_match(&self, text: &str) -> bool {
        let plain = self.glob.glob();
        if !plain.contains(['*', '?', '[', ']', '{', '}', '\\']) {
            return plain == text;
        }
        self.compiled
            .get_or_init(|| self.glob.compile_matcher())
            .is_match(text)
    }
}

/// A pattern over a text: `*` stands for any run of characters, `{a,b}` for alternatives.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Matcher);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Matcher::new(&text, false)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A pattern over a path, as in `.gitignore`: `**` crosses folders, `*` does not.
#[derive(Clone, Debug)]
pub(crate) struct PathGlob(Matcher);

impl PathGlob {
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

impl<'de> Deserialize<'de> for PathGlob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let text = if text.ends_with('/') {
            format!("{text}**")
        } else {
            text
        };
        Matcher::new(&text, true)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// All that is given must hold; of a list any value. An empty condition holds for every change.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Kinds of fact.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<FactKind>")]
    kind: Vec<FactKind>,
    /// `added`, `removed`, `modified`
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<ChangeKind>")]
    change: Vec<ChangeKind>,
    /// `weakened`, `strengthened`, `neutral`
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<Direction>")]
    direction: Vec<Direction>,
    /// The endpoint's guard at head: `guarded`, `open`, `unknown`; of a group any of them.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    guard_state: Vec<String>,
    /// The endpoint can write: its method is none of GET, HEAD, OPTIONS.
    writes: Option<bool>,
    /// Most endpoints of the same file are guarded.
    guarded_siblings: Option<bool>,
    /// Sensitivity classes of the fields concerned; `*` for any.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    sensitivity: Vec<Pattern>,
    /// What the fields concerned decide: `access`, `ownership`, `tenancy`; `*` for any.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    control: Vec<Pattern>,
    /// What the file is for.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<Scope>")]
    scope: Vec<Scope>,
    /// `resolved` or `heuristic`
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<Confidence>")]
    confidence: Vec<Confidence>,
    /// How grave the gravest threat is that the change introduces.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<Severity>")]
    severity: Vec<Severity>,
    /// Paths.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    path: Vec<PathGlob>,
    /// Components of the policy.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    component: Vec<String>,
    /// A component says that it is reached from there: `internet`, `partner`, `internal`, `none`.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<Exposure>")]
    exposure: Vec<Exposure>,
    /// A component says that the business depends on it so much: `low`, `medium`, `high`, `critical`.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "words_of::<Criticality>")]
    criticality: Vec<Criticality>,
    /// A component says that it handles data of this class.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    data: Vec<String>,
    /// The file is on the critical path.
    critical: Option<bool>,
    /// Threats that the change introduces or resolves: `TG-AUTHN-*`, or with their subject.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    threat: Vec<Pattern>,
    /// Attributes that differ.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    delta: Vec<String>,
    /// Attributes that do not differ.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    no_delta: Vec<String>,
    /// Attributes that the fact has at all, whatever their value.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    has: Vec<String>,
    /// Attributes of the fact at head (at base if it is gone); `none` stands for an absent one.
    #[serde(default)]
    attributes: BTreeMap<String, Patterns>,
    /// None of these may hold of the fact at head (at base if it is gone).
    #[serde(default)]
    not_attributes: BTreeMap<String, Patterns>,
    /// Attributes of the fact at base.
    #[serde(default)]
    before: BTreeMap<String, Patterns>,
    /// Patterns over the title.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    title: Vec<Pattern>,
    /// Where a guard that came or went hung: `handler`, `class`, `router`, `mount`, `app`, `setting`.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    attached: Vec<Pattern>,
    /// Names of the guards that came or went, any of them.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    guard: Vec<Pattern>,
    /// All guards that came or went are called otherwise.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    no_guard: Vec<Pattern>,
    /// Paths of the endpoints concerned, any of them.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    route: Vec<Pattern>,
    /// None of the endpoints concerned has such a path.
    #[serde(default, deserialize_with = "many")]
    #[schemars(schema_with = "texts")]
    no_route: Vec<Pattern>,
}

#[derive(Clone, Debug)]
pub(crate) struct Patterns(pub(crate) Vec<Pattern>);

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        many(deserializer).map(Self)
    }
}

/// Whether a word about the place that begins so names what is wanted.
fn said(place: &[&str], prefix: &str, wanted: impl Fn(&str) -> bool) -> bool {
    let mut words = place.iter().filter_map(|word| word.strip_prefix(prefix));
    words.any(wanted)
}

/// A set of words that a schema lists.
trait Words {
    /// All of them.
    fn all() -> Vec<&'static str>;
}

impl Words for FactKind {
    fn all() -> Vec<&'static str> {
        Self::ALL.iter().map(|kind| kind.name()).collect()
    }
}

macro_rules! words {
    ($($type:ty: $($word:literal)+;)+) => {
        $(impl Words for $type {
            fn all() -> Vec<&'static str> {
                vec![$($word),+]
            }
        })+
    };
}

words! {
    ChangeKind: "added" "removed" "modified";
    Direction: "weakened" "strengthened" "neutral";
    Scope: "production" "test" "example" "generated" "vendored";
    Confidence: "resolved" "heuristic";
    Severity: "note" "low" "medium" "high" "critical";
    Exposure: "internet" "partner" "internal" "none";
    Criticality: "low" "medium" "high" "critical";
}

fn one_or_many(item: &Json) -> Schema {
    json_schema!({ "anyOf": [item, { "type": "array", "items": item }] })
}

fn words_of<T: Words>(_: &mut SchemaGenerator) -> Schema {
    one_or_many(&serde_json::json!({ "type": "string", "enum": T::all() }))
}

fn texts(_: &mut SchemaGenerator) -> Schema {
    one_or_many(&serde_json::json!({ "type": "string" }))
}

impl JsonSchema for Patterns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Patterns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        texts(generator)
    }
}

pub(crate) fn words(value: &Json) -> Vec<String> {
    match value {
        Json::Null => vec!["none".into()],
        Json::String(text) => vec![text.clone()],
        Json::Array(items) if items.is_empty() => vec!["none".into()],
        Json::Array(items) => items.iter().flat_map(words).collect(),
        other => vec![other.to_string()],
    }
}

/// The words of an attribute; `none` if it is absent.
pub(crate) fn attribute(fact: &Fact, name: &str) -> Vec<String> {
    words(fact.attributes.get(name).unwrap_or(&Json::Null))
}

pub(crate) fn any(patterns: &[Pattern], texts: &[String]) -> bool {
    patterns
        .iter()
        .any(|pattern| texts.iter().any(|text| pattern.0.is_match(text)))
}

pub(crate) fn attributes(wanted: &BTreeMap<String, Patterns>, fact: Option<&Fact>) -> bool {
    wanted.iter().all(|(name, patterns)| {
        let value = fact
            .and_then(|fact| fact.attributes.get(name))
            .unwrap_or(&Json::Null);
        any(&patterns.0, &words(value))
    })
}

impl Condition {
    /// Whether the condition holds for a change in a place: names of components, and what the
    /// policy says of it (its words).
    pub fn holds(&self, change: &Change, place: &[&str]) -> bool {
        let fact = change.after.as_ref().or(change.before.as_ref());
        let given = |list_is_empty: bool, holds: bool| list_is_empty || holds;
        given(self.kind.is_empty(), self.kind.contains(&change.kind))
            && given(self.change.is_empty(), self.change.contains(&change.change))
            && given(
                self.direction.is_empty(),
                self.direction.contains(&change.direction),
            )
            && given(
                self.guard_state.is_empty(),
                guard_states(change)
                    .iter()
                    .any(|state| self.guard_state.contains(state)),
            )
            && self.writes.is_none_or(|wanted| wanted == writes(change))
            && self.guarded_siblings.is_none_or(|wanted| {
                wanted
                    == change
                        .notes
                        .iter()
                        .any(|note| note.contains(crate::compare::GUARDED_SIBLINGS))
            })
            && given(
                self.sensitivity.is_empty(),
                any(&self.sensitivity, &judged(change, "sensitivity")),
            )
            && given(
                self.control.is_empty(),
                any(&self.control, &judged(change, "control")),
            )
            && given(
                self.scope.is_empty(),
                fact.is_some_and(|fact| self.scope.contains(&fact.scope)),
            )
            && given(
                self.confidence.is_empty(),
                fact.is_some_and(|fact| self.confidence.contains(&fact.confidence)),
            )
            && given(
                self.severity.is_empty(),
                change
                    .severity
                    .is_some_and(|severity| self.severity.contains(&severity)),
            )
            && given(
                self.path.is_empty(),
                self.path
                    .iter()
                    .any(|glob| glob.matches(&change.location.path)),
            )
            && given(
                self.component.is_empty(),
                place
                    .iter()
                    .any(|name| self.component.iter().any(|wanted| wanted == name)),
            )
            && given(
                self.exposure.is_empty(),
                said(place, "exposure:", |name| {
                    self.exposure.iter().any(|one| one.name() == name)
                }),
            )
            && given(
                self.criticality.is_empty(),
                said(place, "criticality:", |name| {
                    self.criticality.iter().any(|one| one.name() == name)
                }),
            )
            && given(
                self.data.is_empty(),
                said(place, "data:", |name| {
                    self.data.iter().any(|one| one == name)
                }),
            )
            && self
                .critical
                .is_none_or(|wanted| wanted == place.contains(&"critical:"))
            && given(
                self.threat.is_empty(),
                change.threats.iter().any(|id| {
                    let rule = id.split('@').next().unwrap_or(id);
                    any(&self.threat, &[id.clone(), rule.to_owned()])
                }),
            )
            && given(
                self.delta.is_empty(),
                change
                    .deltas
                    .iter()
                    .any(|delta| self.delta.contains(&delta.attribute)),
            )
            && self
                .has
                .iter()
                .all(|name| fact.is_some_and(|fact| fact.attributes.contains_key(name)))
            && attributes(&self.attributes, fact)
            && attributes(&self.before, change.before.as_ref())
            && !self.not_attributes.iter().any(|(name, patterns)| {
                let value = fact.and_then(|fact| fact.attributes.get(name));
                any(&patterns.0, &words(value.unwrap_or(&Json::Null)))
            })
            && !change
                .deltas
                .iter()
                .any(|delta| self.no_delta.contains(&delta.attribute))
            && given(
                self.title.is_empty(),
                any(&self.title, std::slice::from_ref(&change.title)),
            )
            && given(
                self.attached.is_empty(),
                any(&self.attached, change.attached.as_slice()),
            )
            && given(self.guard.is_empty(), any(&self.guard, &guards(change)))
            && given(
                self.no_guard.is_empty(),
                !any(&self.no_guard, &guards(change)),
            )
            && given(self.route.is_empty(), any(&self.route, &routes(change)))
            && given(
                self.no_route.is_empty(),
                !any(&self.no_route, &routes(change)),
            )
    }

    /// Names of components that are asked for, for checking that they exist.
    pub(crate) fn components(&self) -> &[String] {
        &self.component
    }
}

/// Names of the guards that came or went.
fn guards(change: &Change) -> Vec<String> {
    let differing = change
        .deltas
        .iter()
        .filter(|delta| delta.attribute == "guards");
    let mut names = Vec::new();
    for delta in differing {
        let (old, new) = (words(&delta.before), words(&delta.after));
        let differ = old.iter().filter(|name| !new.contains(name));
        names.extend(differ.cloned());
        names.extend(new.iter().filter(|name| !old.contains(name)).cloned());
    }
    names.retain(|name| name != "none");
    names
}

/// Paths of the endpoints that a change reaches: its own, the affected, and those that the function
/// around answers.
fn routes(change: &Change) -> Vec<String> {
    let pairs = change.context.pairs.iter();
    let standing = pairs.flat_map(|(old, new)| old.iter().chain(new));
    let endpoints = standing.flat_map(|standing| &standing.endpoints);
    let mut paths: Vec<String> = endpoints
        .filter_map(|fact| fact.text("path").map(str::to_owned))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Guard states at head of everything that the change reaches.
pub(crate) fn guard_states(change: &Change) -> Vec<String> {
    let mut states: Vec<String> = change
        .after
        .iter()
        .filter_map(|fact| fact.text("guard_state").map(str::to_owned))
        .collect();
    for affected in &change.affected {
        let state = match affected.outcome.as_str() {
            "now open" | "with no guard" => "open",
            outcome if outcome.contains("unknown") => "unknown",
            _ => continue,
        };
        states.push(state.into());
    }
    states
}

pub(crate) fn writes(change: &Change) -> bool {
    let method = |text: &str| !matches!(text, "GET" | "HEAD" | "OPTIONS");
    let own = change
        .after
        .as_ref()
        .or(change.before.as_ref())
        .and_then(|fact| fact.text("method"))
        .is_some_and(method);
    own || change
        .affected
        .iter()
        .any(|affected| affected.subject.split(' ').next().is_some_and(method))
}

/// Classes of the fields that came or changed.
pub(crate) fn sensitivities(change: &Change) -> Vec<String> {
    judged(change, "sensitivity")
}

/// What the dictionary says of the fields that came or changed.
fn judged(change: &Change, attribute: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut collect = |value: &Json| {
        let mut stack = vec![value];
        while let Some(value) = stack.pop() {
            match value {
                Json::Array(items) => stack.extend(items),
                Json::Object(map) => {
                    found.extend(map.get(attribute).and_then(Json::as_str).map(str::to_owned))
                }
                _ => {}
            }
        }
    };
    if change.deltas.is_empty() {
        for fact in change.after.iter().chain(&change.before) {
            if let Some(fields) = fact.attributes.get("fields") {
                collect(fields);
            }
        }
    }
    for delta in &change.deltas {
        collect(&delta.before);
        collect(&delta.after);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_lists_every_word_that_is_read() {
        fn check<T: Words + for<'de> Deserialize<'de>>(count: usize) {
            assert_eq!(T::all().len(), count);
            for word in T::all() {
                let text = Json::String(word.to_owned());
                assert!(serde_json::from_value::<T>(text).is_ok(), "{word}");
            }
        }
        check::<FactKind>(10);
        check::<ChangeKind>(3);
        check::<Direction>(3);
        check::<Scope>(5);
        check::<Confidence>(2);
        check::<Severity>(5);
        check::<Exposure>(4);
        check::<Criticality>(4);
    }
}
