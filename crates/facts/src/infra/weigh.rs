//! A trait of a resource as weighed items.

use super::node::{Found, Kind, Node};
use super::rule::{Condition, Form, Trait};
use super::{network, policy};

/// One value of a trait.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) text: String,
    /// Above 0 harms, below 0 protects.
    pub(super) weight: f64,
    /// What it does, in the third person.
    pub(super) says: String,
    /// Written down, not a default.
    pub(super) given: bool,
    /// Only known when it runs.
    pub(super) unknown: bool,
    /// How it is written, where many are one.
    pub(super) shown: Option<String>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// More values than this are not told apart.
const MAX_ITEMS: usize = 200;

/// A text without line breaks that may be shown.
fn folded(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > 160 {
        text = text.chars().take(159).chain(['…']).collect();
    }
    text
}

pub(super) fn holds(condition: &Condition, at: &Found<'_>) -> bool {
    let found = condition.path.select(at);
    let mut words: Vec<String> = Vec::new();
    let mut unknown = false;
    for one in &found {
        for item in one.node.each() {
            match &item.kind {
                Kind::Text(text) => words.push(text.clone()),
                Kind::Unknown(text) => {
                    unknown = true;
                    words.push(text.clone());
                }
                Kind::Map(entries) => words.extend(entries.iter().map(|(key, _)| key.clone())),
                _ => {}
            }
        }
    }
    let like = condition
        .like
        .as_ref()
        .is_none_or(|globs| words.iter().any(|word| globs.matches(word)));
    let unlike = condition
        .unlike
        .as_ref()
        .is_none_or(|globs| unknown || !words.iter().any(|word| globs.matches(word)));
    let present = condition
        .present
        .is_none_or(|wanted| wanted != found.is_empty());
    like && unlike && present
}

/// A value before it is weighed.
struct Raw {
    text: String,
    unknown: bool,
    start: usize,
    end: usize,
}

impl Raw {
    fn new(text: &str, node: &Node) -> Self {
        Self {
            text: folded(text),
            unknown: false,
            start: node.start,
            end: node.end,
        }
    }

    fn unknown(text: &str, node: &Node) -> Self {
        Self {
            unknown: true,
            ..Self::new(text, node)
        }
    }
}

/// The items of a trait, sorted by their text; `None` if it is not about this resource.
pub(super) fn items(rule: &Trait, at: &Found<'_>, file: &str) -> Option<Vec<Item>> {
    if !rule.when.iter().all(|condition| holds(condition, at)) {
        return None;
    }
    let select = |paths: &[super::node::Path]| -> Vec<Found<'_>> {
        let found = paths.iter().flat_map(|path| path.select(at));
        let found = found.filter(|one| !matches!(one.node.kind, Kind::Null));
        let holding = |one: &Found<'_>| rule.places.iter().all(|condition| holds(condition, one));
        // Conditions are about the item of a list, or about the map around a text.
        let split = found.flat_map(|one| {
            let nodes = one.node.each().iter();
            let each = nodes.map(|node| {
                let mut inner = one.clone();
                inner.node = node;
                inner
            });
            each.collect::<Vec<_>>()
        });
        split.filter(holding).take(MAX_ITEMS * 10).collect()
    };
    let mut found = select(&rule.path);
    // What stands nearer counts before what stands further away.
    for path in &rule.fallback {
        if found.is_empty() {
            found = select(std::slice::from_ref(path));
        }
    }
    let mut items: Vec<Item> = match rule.form {
        Form::Network => network::items(rule, &found),
        Form::Policy => policy::items(&found),
        Form::Text | Form::Names => {
            let raws = found.iter().flat_map(|one| raws(rule, one, file));
            raws.filter_map(|raw| weighed(rule, raw, true)).collect()
        }
    };
    if items.is_empty()
        && let Some(default) = &rule.default
    {
        let mut raw = Raw::new(default, at.node);
        raw.end = raw.start;
        items.extend(weighed(rule, raw, false));
    }
    for item in &mut items {
        if item.says.is_empty() {
            item.says = rule.says.replace("{}", &item.text);
        }
    }
    items.sort_by(|a, b| a.text.cmp(&b.text).then(b.weight.total_cmp(&a.weight)));
    items.dedup_by(|a, b| a.text == b.text);
    items.truncate(MAX_ITEMS);
    Some(items)
}

fn raws(rule: &Trait, one: &Found<'_>, file: &str) -> Vec<Raw> {
    if let Some(pattern) = &rule.find {
        let mut texts = Vec::new();
        one.node.texts(&mut texts);
        let mut all = Vec::new();
        for node in texts {
            let (Kind::Text(text) | Kind::Unknown(text)) = &node.kind else {
                continue;
            };
            for capture in pattern.0.captures_iter(text).take(MAX_ITEMS) {
                let part = (1..capture.len())
                    .find_map(|group| capture.get(group))
                    .or_else(|| capture.get(0));
                all.extend(part.map(|part| Raw::new(part.as_str(), node)));
            }
        }
        return all;
    }
    if let Some(template) = &rule.item {
        return fill(template, one, file)
            .into_iter()
            .map(|(text, unknown)| Raw {
                unknown,
                ..Raw::new(&text, one.node)
            })
            .collect();
    }
    match (&one.node.kind, rule.form) {
        (Kind::Unknown(_), _) if rule.hidden => Vec::new(),
        (Kind::Text(_), _) if rule.hidden => {
            let name = one.keys.last().copied().unwrap_or_default();
            vec![Raw::new(name, one.node)]
        }
        (Kind::Text(text), _) => vec![Raw::new(text, one.node)],
        (Kind::Unknown(text), _) => vec![Raw::unknown(text, one.node)],
        (Kind::Map(entries), Form::Names) => entries
            .iter()
            .map(|(key, value)| Raw::new(key, value))
            .collect(),
        (Kind::Map(_) | Kind::List(_), _) => vec![Raw::new("set", one.node)],
        (Kind::Null, _) => Vec::new(),
    }
}

fn weighed(rule: &Trait, raw: Raw, given: bool) -> Option<Item> {
    let known = rule
        .items
        .iter()
        .find(|weighed| !raw.unknown && weighed.like.matches(&raw.text));
    if known.is_some_and(|known| known.ignore) {
        return None;
    }
    let text = known
        .and_then(|known| known.is.clone())
        .unwrap_or_else(|| raw.text.clone());
    let says = known.map(|known| known.says.replace("{}", &raw.text));
    Some(Item {
        shown: (text != raw.text).then(|| raw.text.clone()),
        weight: known.map_or(0.0, |known| known.weight),
        says: says.unwrap_or_default(),
        given,
        unknown: raw.unknown,
        start: raw.start,
        end: raw.end,
        text,
    })
}

/// A template with its parts filled in, once for each combination of values; the flag says that
/// a part is unknown. `{key}` is the key that leads here, `{key-1}` the one before, `{value}` the
/// text itself, `{file}` the file's name; `{a/b|c?none}` are paths with alternatives and a word
/// for nothing.
pub(super) fn fill(template: &str, at: &Found<'_>, file: &str) -> Vec<(String, bool)> {
    let mut all = vec![(String::new(), false)];
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else {
            break;
        };
        let before = &rest[..open];
        let name = &rest[open + 1..open + close];
        rest = &rest[open + close + 1..];
        let (name, none) = match name.split_once('?') {
            Some((name, none)) => (name, Some(none)),
            None => (name, None),
        };
        let mut values = part(name, at, file);
        if values.is_empty() {
            values.push((none.unwrap_or_default().to_owned(), false));
        }
        let mut next = Vec::new();
        for (text, unknown) in &all {
            for (value, new) in &values {
                if next.len() < MAX_ITEMS {
                    next.push((format!("{text}{before}{value}"), *unknown || *new));
                }
            }
        }
        all = next;
    }
    for (text, _) in &mut all {
        text.push_str(rest);
    }
    all
}

fn part(name: &str, at: &Found<'_>, file: &str) -> Vec<(String, bool)> {
    for alternative in name.split('|') {
        let values = match alternative {
            "key" => named(at, 0),
            "key-1" => named(at, 1),
            "key-2" => named(at, 2),
            "file" => vec![(file.to_owned(), false)],
            "value" => scalars(at),
            path => match super::node::Path::try_from(path.to_owned()) {
                Ok(path) => path.select(at).iter().flat_map(scalars).collect(),
                Err(_) => Vec::new(),
            },
        };
        if !values.is_empty() {
            return values;
        }
    }
    Vec::new()
}

fn named(at: &Found<'_>, back: usize) -> Vec<(String, bool)> {
    let index = at.keys.len().checked_sub(1 + back);
    let key = index.and_then(|index| at.keys.get(index));
    key.map(|key| ((*key).to_owned(), false))
        .into_iter()
        .collect()
}

fn scalars(at: &Found<'_>) -> Vec<(String, bool)> {
    let each = at.node.each().iter();
    each.filter_map(|node| match &node.kind {
        Kind::Text(text) => Some((folded(text), false)),
        Kind::Unknown(text) => Some((folded(text), true)),
        _ => None,
    })
    .collect()
}
