//! Resources of infrastructure and of the delivery pipeline: containers, workloads, clouds, workflows.
//!
//! Files become trees (`yaml`, `hcl`, `containerfile`, `template`), rules under `rules/infra/` say
//! which part of a tree is a resource and what its traits are (`rule`), and `weigh` turns each
//! trait into items with weights: above 0 harms, below 0 protects. What is compared is the items,
//! so that order, format and place say nothing.

pub(crate) mod containerfile;
mod hcl;
mod network;
mod node;
mod policy;
mod rule;
mod template;
mod weigh;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::{Value as Json, json};

use crate::engine::Tree;
use crate::error::RuleError;
use crate::fact::{Attributes, Confidence, Fact, FactKind, Location, Problem, Scope};
use node::Found;
pub(crate) use node::{Kind, Node};
use rule::{Format, Resource, RuleFile, Trait};
use weigh::Item;

/// Larger files are not read: nobody writes them by hand.
const MAX_TEXT: usize = 1024 * 1024;

/// All rules of infrastructure.
pub(crate) struct Infra {
    files: Vec<RuleFile>,
}

/// Gives a value and all in it this place.
fn place(node: &mut Node, start: usize, end: usize) {
    (node.start, node.end) = (start, end);
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| place(item, start, end)),
        Kind::Map(entries) => entries
            .iter_mut()
            .for_each(|(_, value)| place(value, start, end)),
        _ => {}
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn within(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The chart that a path belongs to: its folder.
fn chart<'a>(path: &'a str, tree: &dyn Tree) -> Option<&'a str> {
    let mut at = folder(path);
    for _ in 0..6 {
        if tree.paths().contains(&within(at, "Chart.yaml")) {
            return Some(at);
        }
        if at.is_empty() {
            return None;
        }
        at = folder(at);
    }
    None
}

fn in_folder<'a>(tree: &'a dyn Tree, folder: &str) -> impl Iterator<Item = &'a String> {
    let start = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let all = tree.paths().range(start.clone()..);
    all.take_while(move |path| path.starts_with(&start))
}

/// The documents of a YAML or JSON text, as trees with places.
pub(crate) fn yaml_documents(text: &str) -> Vec<Node> {
    yaml::read(text).documents
}

/// Whether a file is read as one with others: those of a Terraform folder, the values of a chart.
pub(crate) fn is_read_together(path: &str) -> bool {
    [".tf", ".tofu", ".tfvars"]
        .iter()
        .any(|end| path.ends_with(end))
        || matches!(file_name(path), "values.yaml" | "values.yml")
}

impl Infra {
    pub(crate) fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        Ok(Self {
            files: rule::load(files)?,
        })
    }

    /// Whether facts can come from a file of this name, and its format says so by itself.
    pub(crate) fn reads(&self, path: &str) -> bool {
        self.files
            .iter()
            .any(|file| file.contains.is_empty() && file.files.matches(path))
            || path.ends_with(".tfvars")
    }

    /// The facts of the wanted files, and of those that are read together with them.
    pub(crate) fn extract(
        &self,
        tree: &dyn Tree,
        wanted: Option<&BTreeSet<String>>,
    ) -> (Vec<Fact>, Vec<Problem>) {
        let asked: Vec<&String> = match wanted {
            Some(wanted) => wanted.iter().collect(),
            None => tree.paths().iter().collect(),
        };
        let mut single: BTreeSet<&String> = BTreeSet::new();
        let mut modules: BTreeSet<&str> = BTreeSet::new();
        for path in asked {
            if path.ends_with(".tf") || path.ends_with(".tofu") || path.ends_with(".tfvars") {
                modules.insert(folder(path));
                continue;
            }
            if matches!(file_name(path), "values.yaml" | "values.yml" | "Chart.yaml")
                && let Some(chart) = chart(path, tree)
                && chart == folder(path)
            {
                let templates = within(chart, "templates");
                let yaml = |path: &&String| path.ends_with(".yaml") || path.ends_with(".yml");
                single.extend(in_folder(tree, &templates).filter(yaml));
            }
            if tree.paths().contains(path.as_str())
                && self.files.iter().any(|file| file.files.matches(path))
            {
                single.insert(path);
            }
        }
        let single: Vec<&String> = single.into_iter().collect();
        let mut read: Vec<(Vec<Fact>, Vec<Problem>)> =
            single.par_iter().map(|path| self.one(path, tree)).collect();
        let modules: Vec<&str> = modules.into_iter().collect();
        read.extend(
            modules
                .par_iter()
                .map(|folder| self.module(folder, tree))
                .collect::<Vec<_>>(),
        );
        let mut facts = Vec::new();
        let mut problems = Vec::new();
        for (own, troubles) in read {
            facts.extend(own);
            problems.extend(troubles);
        }
        (facts, problems)
    }

    /// The facts of a file that is read by itself.
    fn one(&self, path: &str, tree: &dyn Tree) -> (Vec<Fact>, Vec<Problem>) {
        let mut facts = Vec::new();
        let mut problems = Vec::new();
        let Some(text) = tree.text(path) else {
            return (facts, problems);
        };
        let rules: Vec<&RuleFile> = self
            .files
            .iter()
            .filter(|file| file.format != Format::Hcl && file.files.matches(path))
            .filter(|file| {
                file.contains
                    .iter()
                    .all(|word| text.contains(word.as_str()))
            })
            .collect();
        if rules.is_empty() {
            return (facts, problems);
        }
        let mut problem = |line: Option<u32>, reason: String, whole: bool| {
            problems.push(Problem {
                path: path.to_owned(),
                line,
                reason,
                whole,
            });
        };
        if text.len() > MAX_TEXT {
            problem(None, "too large; its resources were not read".into(), true);
            return (facts, problems);
        }
        let scope = scope(tree, path, &text);
        let mut written = None;
        for rules in rules {
            if rules.format == Format::Containerfile {
                if let Some(root) = containerfile::read(&text) {
                    let source = Source::new(path, &text, &text);
                    resources(rules, &root, &source, scope, &mut facts);
                }
                continue;
            }
            let (rendered, documents) = written.get_or_insert_with(|| {
                let chart = text.contains("{{").then(|| chart(path, tree)).flatten();
                let rendered: Arc<str> = match chart {
                    Some(chart) => {
                        let values = ["values.yaml", "values.yml"].iter().find_map(|name| {
                            let text = tree.text(&within(chart, name))?;
                            yaml::read(&text).documents.into_iter().next()
                        });
                        template::render(&text, values.as_ref()).into()
                    }
                    None => text.clone(),
                };
                let mut reading = yaml::read(&rendered);
                if let Some((line, reason)) = reading.problem {
                    problem(
                        Some(line),
                        format!("not understood as YAML: {reason}; what stands before it was read"),
                        false,
                    );
                }
                if chart.is_some() {
                    reading.documents.iter_mut().for_each(template::settle);
                }
                (rendered, reading.documents)
            });
            let source = Source::new(path, &text, rendered);
            for document in documents.iter() {
                let mut parts: Vec<&Node> = Vec::new();
                for split in &rules.split {
                    let found = split.select(&Found::root(document));
                    parts.extend(found.iter().flat_map(|one| one.node.each()));
                }
                if parts.is_empty() {
                    parts.push(document);
                }
                for part in parts {
                    let resolved = rules
                        .parameters
                        .as_ref()
                        .map(|parameters| resolved(part, parameters));
                    let part = resolved.as_ref().unwrap_or(part);
                    resources(rules, part, &source, scope, &mut facts);
                }
            }
        }
        (facts, problems)
    }

    /// The facts of a folder of Terraform files.
    fn module(&self, folder: &str, tree: &dyn Tree) -> (Vec<Fact>, Vec<Problem>) {
        let mut facts = Vec::new();
        let mut problems = Vec::new();
        let mut texts: Vec<(&String, Arc<str>)> = Vec::new();
        for path in in_folder(tree, folder) {
            let own = self::folder(path) == folder;
            let named = path.ends_with(".tf") || path.ends_with(".tofu");
            let values = path.ends_with(".auto.tfvars") || path.ends_with("terraform.tfvars");
            if own
                && (named || values)
                && let Some(text) = tree.text(path)
            {
                if text.len() > MAX_TEXT {
                    problems.push(Problem {
                        path: path.clone(),
                        line: None,
                        reason: "too large; its resources were not read".into(),
                        whole: true,
                    });
                    continue;
                }
                texts.push((path, text));
            }
        }
        let mut sources = Vec::new();
        let mut values = Vec::new();
        for (path, text) in &texts {
            let Some(source) = hcl::Source::new(text) else {
                continue;
            };
            if let Some(line) = source.broken() {
                problems.push(Problem {
                    path: (*path).clone(),
                    line: Some(line),
                    reason: "syntax that the grammar does not know; the rest was read".into(),
                    whole: false,
                });
            }
            if path.ends_with(".tfvars") {
                values.push(source);
            } else {
                sources.push((*path, source));
            }
        }
        let known = hcl::Known::new(
            &sources.iter().map(|(_, source)| source).collect::<Vec<_>>(),
            &values.iter().collect::<Vec<_>>(),
        );
        for (path, source) in &sources {
            let document = source.read(&known);
            let scope = scope(tree, path, source.text);
            let place = Source::new(path, source.text, source.text);
            let rules = self.files.iter().filter(|file| file.format == Format::Hcl);
            for rules in rules {
                resources(rules, &document, &place, scope, &mut facts);
            }
        }
        (facts, problems)
    }
}

fn scope(tree: &dyn Tree, path: &str, text: &str) -> Scope {
    let scope = tree
        .scope(path)
        .unwrap_or_else(|| crate::scope::scope_of_text(path, text));
    // What builds and tests is the pipeline itself, wherever a name says "test".
    if path.starts_with(".github/") || path.starts_with(".gitlab") {
        return Scope::Production;
    }
    scope
}

/// A text and what it was rendered to, line by line.
struct Source<'a> {
    path: &'a str,
    text: &'a str,
    /// Where the lines begin, in the text and in what was read.
    lines: Vec<usize>,
    read: Vec<usize>,
    same: bool,
}

impl<'a> Source<'a> {
    fn new(path: &'a str, text: &'a str, read: &str) -> Self {
        let starts = |text: &str| {
            let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0)
                .chain(breaks.map(|(at, _)| at + 1))
                .collect::<Vec<_>>()
        };
        Self {
            path,
            text,
            lines: starts(text),
            read: starts(read),
            same: text == read,
        }
    }

    fn location(&self, start: usize, end: usize) -> Location {
        let (start, end) = if self.same {
            (start, end)
        } else {
            // Of a rendered text only the line holds.
            let line = self.read.partition_point(|at| *at <= start).max(1) - 1;
            let from = self.lines.get(line).copied().unwrap_or_default();
            let to = self.lines.get(line + 1).copied();
            let to = to.map_or(self.text.len(), |to| to - 1);
            let blank = self
                .text
                .get(from..to)
                .map_or(0, |line| line.len() - line.trim_start().len());
            (from + blank, to)
        };
        let mut end = end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let mut start = start.min(end);
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        // A resource is shown by its first line.
        let line = self.lines.partition_point(|at| *at <= start).max(1) - 1;
        let next = self
            .lines
            .get(line + 1)
            .map_or(self.text.len(), |at| at - 1);
        let end = end.min(next).max(start);
        let trimmed = self
            .text
            .get(start..end)
            .map_or(end, |span| start + span.trim_end().len());
        crate::plain::location(self.path, self.text, start, trimmed)
    }
}

/// A document with the defaults of its parameters put in; other functions are unknown.
fn resolved(document: &Node, parameters: &str) -> Node {
    fn walk(node: &Node, root: &Node, parameters: &str) -> Node {
        if let [(key, value)] = node.map()
            && (key == "Ref" || key.starts_with("Fn::"))
        {
            if let Some(all) = alternatives(key, value, root) {
                let all = all.iter().map(|one| walk(one, root, parameters));
                // What a condition adds to a list stands in the list.
                let flat = all.flat_map(|one| match one.kind {
                    Kind::List(items) => items,
                    Kind::Null => Vec::new(),
                    _ => vec![one],
                });
                let mut flat: Vec<Node> = flat.collect();
                return match flat.len() {
                    1 => flat.remove(0),
                    _ => Node::new(Kind::List(flat), node.start, node.end),
                };
            }
            let words = value.text().unwrap_or("…");
            let default = (key == "Ref")
                .then(|| node::Path::try_from(parameters.replace("{}", words)).ok())
                .flatten()
                .and_then(|path| path.select(&Found::root(root)).first().map(|one| one.node));
            let kind = match default {
                Some(default) => default.kind.clone(),
                None => Kind::Unknown(format!("{key} {words}")),
            };
            return Node::new(kind, node.start, node.end);
        }
        let kind = match &node.kind {
            Kind::List(items) => Kind::List(
                items
                    .iter()
                    .map(|item| walk(item, root, parameters))
                    .collect(),
            ),
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), walk(value, root, parameters)))
                    .collect(),
            ),
            other => other.clone(),
        };
        Node::new(kind, node.start, node.end)
    }
    walk(document, document, parameters)
}

/// The values that a function of a template may give: both sides of a condition, all that a mapping holds,
/// a text without variables. A condition that leaves a value out gives none.
fn alternatives(key: &str, value: &Node, root: &Node) -> Option<Vec<Node>> {
    let none = |node: &Node| {
        let reference = node.get("Ref").and_then(Node::text);
        reference == Some("AWS::NoValue")
    };
    match (key, &value.kind) {
        ("Fn::If", Kind::List(parts)) => match &parts[..] {
            [_, then, otherwise] => {
                let both = [then, otherwise].into_iter().filter(|one| !none(one));
                Some(both.cloned().collect())
            }
            _ => None,
        },
        ("Fn::FindInMap", Kind::List(parts)) => {
            let [name, _, second] = &parts[..] else {
                return None;
            };
            let (name, second) = (name.text()?, second.text()?);
            let mapping = root.get("Mappings")?.get(name)?;
            let all = mapping.map().iter();
            let all: Vec<Node> = all
                .filter_map(|(_, one)| one.get(second).cloned())
                .collect();
            (!all.is_empty()).then_some(all)
        }
        ("Fn::Sub", Kind::Text(text)) if !text.contains("${") => Some(vec![value.clone()]),
        _ => None,
    }
}

/// The resources of one document as facts.
fn resources(
    rules: &RuleFile,
    document: &Node,
    source: &Source<'_>,
    scope: Scope,
    facts: &mut Vec<Fact>,
) {
    let root = Found::root(document);
    if !rules
        .has
        .iter()
        .all(|condition| weigh::holds(condition, &root))
    {
        return;
    }
    for resource in &rules.resource {
        let mut found: Vec<Found<'_>> = Vec::new();
        if resource.at.is_empty() {
            found.push(root.clone());
        }
        for path in &resource.at {
            for one in path.select(&root) {
                for node in one.node.each() {
                    let mut inner = one.clone();
                    inner.node = node;
                    found.push(inner);
                }
            }
        }
        let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
        for one in found {
            let is_map = matches!(one.node.kind, Kind::Map(_));
            if is_map
                && seen.insert((one.node.start, one.node.end))
                && resource
                    .when
                    .iter()
                    .all(|condition| weigh::holds(condition, &one))
            {
                facts.push(fact(rules, resource, &one, source, scope));
            }
        }
    }
}

fn fact(
    rules: &RuleFile,
    resource: &Resource,
    at: &Found<'_>,
    source: &Source<'_>,
    scope: Scope,
) -> Fact {
    let file = file_name(source.path);
    let filled = |template: &str| {
        let all = weigh::fill(template, at, file);
        all.into_iter()
            .next()
            .map(|(text, _)| text)
            .unwrap_or_default()
    };
    let identity = filled(&resource.address);
    let title = if resource.title.is_empty() {
        format!("`{identity}`")
    } else {
        filled(&resource.title)
    };
    let mut attributes = Attributes::new();
    attributes.insert("technology".into(), json!(rules.technology));
    attributes.insert("resource".into(), json!(resource.kind));
    attributes.insert("title".into(), json!(title));
    if resource.told {
        attributes.insert("told".into(), json!(true));
    }
    if !resource.protects.is_empty() {
        attributes.insert("protects".into(), json!(filled(&resource.protects)));
    }
    let mut traits: BTreeMap<&str, (&Trait, Vec<Item>)> = BTreeMap::new();
    let sets = resource.uses.iter().filter_map(|name| rules.set.get(name));
    for one in sets.flatten().chain(&resource.traits) {
        let Some(items) = weigh::items(one, at, file) else {
            continue;
        };
        // A trait may be read in several ways.
        let known = traits.entry(&one.name).or_insert((one, Vec::new()));
        known.1.extend(items);
    }
    let mut described: BTreeMap<&str, Json> = BTreeMap::new();
    for (name, (rule, mut items)) in traits {
        if items.is_empty() && rule.default.is_none() {
            continue;
        }
        items.sort_by(|a, b| a.text.cmp(&b.text));
        items.dedup_by(|a, b| a.text == b.text);
        let values: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        let value = match (&values[..], rule.default.is_some()) {
            ([value], true) => json!(value),
            _ => json!(values),
        };
        attributes.insert(name.to_owned(), value);
        let mut entry = json!({
            "aspect": rule.aspect,
            "items": items.iter().map(|item| item_json(item, source)).collect::<Vec<_>>(),
        });
        if rule.told {
            entry["told"] = json!(true);
        }
        described.insert(name, entry);
    }
    attributes.insert("traits".into(), json!(described));
    Fact {
        kind: FactKind::Infra,
        identity,
        attributes,
        location: source.location(at.node.start, at.node.end),
        rule: format!("{}-{}", rules.technology, resource.kind),
        confidence: Confidence::Resolved,
        scope,
        evidence: Vec::new(),
    }
}

/// An item as the comparison reads it.
fn item_json(item: &Item, source: &Source<'_>) -> Json {
    let location = source.location(item.start, item.end);
    let mut described = json!({
        "item": item.text, "weight": item.weight, "says": item.says,
        "line": location.line, "column": location.column,
        "end_line": location.end_line, "end_column": location.end_column,
        "start": location.start, "end": location.end,
    });
    if !item.given {
        described["default"] = json!(true);
    }
    if item.unknown {
        described["unknown"] = json!(true);
    }
    if let Some(shown) = &item.shown {
        described["shown"] = json!(shown);
    }
    described
}
