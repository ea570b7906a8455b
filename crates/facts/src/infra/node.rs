//! A document of infrastructure as one tree, whatever it was written in, and the paths through it.

use serde::Deserialize;

use crate::lazy::LazyGlobs;

/// Deeper than this nothing is read.
pub(super) const DEPTH: usize = 64;
/// A document may not have more nodes, aliases expanded.
pub(super) const MAX_NODES: usize = 200_000;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Nothing was said.
    Null,
    /// Text, number or truth value, as it was written, without its quotes.
    Text(String),
    /// What is only known when it runs, in its own words.
    Unknown(String),
    List(Vec<Node>),
    /// In the order of the source; a later entry of the same key counts.
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn new(kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, start, end }
    }

    pub(super) fn map(&self) -> &[(String, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let mut entries = self.map().iter().rev();
        entries
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list, or the value itself.
    pub(super) fn each(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// Every text in it, keys left out.
    pub(super) fn texts<'a>(&'a self, out: &mut Vec<&'a Node>) {
        match &self.kind {
            Kind::Text(_) | Kind::Unknown(_) => out.push(self),
            Kind::List(items) => items.iter().for_each(|item| item.texts(out)),
            Kind::Map(entries) => entries.iter().for_each(|(_, value)| value.texts(out)),
            Kind::Null => {}
        }
    }

    /// How many nodes it has.
    pub(super) fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::List(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
            _ => 0,
        }
    }
}

/// A node with the way that led to it.
#[derive(Clone, Debug)]
pub(super) struct Found<'a> {
    pub(super) node: &'a Node,
    /// The maps around it, outermost first.
    pub(super) around: Vec<&'a Node>,
    /// The keys on the way, outermost first.
    pub(super) keys: Vec<&'a str>,
}

impl<'a> Found<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self {
            node,
            around: Vec::new(),
            keys: Vec::new(),
        }
    }

    fn top(&self) -> &'a Node {
        self.around.first().copied().unwrap_or(self.node)
    }

    fn below(&self, owner: &'a Node, key: &'a str, node: &'a Node) -> Self {
        let mut next = self.clone();
        next.around.push(owner);
        next.keys.push(key);
        next.node = node;
        next
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A key that is like this.
    Key(String),
    Like(LazyGlobs),
    /// Any depth, also none.
    Deep,
    /// The map around.
    Up,
    /// The items of a list, taken one by one.
    Items,
}

/// A way through a document: `spec/template/spec`, `**/containers`, `/kind`, `../name`. A list is
/// taken item by item; keys are compared without case where nothing fits exactly.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Path {
    absolute: bool,
    steps: Vec<Step>,
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let absolute = text.starts_with('/');
        let mut steps = Vec::new();
        // A bar within braces belongs to a name.
        let mut depth = 0;
        let parts = text.split(|letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            letter == '/' && depth == 0
        });
        for part in parts.filter(|part| !part.is_empty()) {
            steps.push(match part {
                "**" => Step::Deep,
                ".." => Step::Up,
                "." => Step::Items,
                part if part.contains(['*', '{', '[']) => {
                    Step::Like(LazyGlobs::new(&[part.to_owned()])?)
                }
                part => Step::Key(part.to_owned()),
            });
        }
        Ok(Self { absolute, steps })
    }
}

impl Path {
    /// All that stands there, in source order.
    pub(super) fn select<'a>(&self, from: &Found<'a>) -> Vec<Found<'a>> {
        let start = if self.absolute {
            Found::root(from.top())
        } else {
            from.clone()
        };
        let mut found = Vec::new();
        walk(&start, &self.steps, &mut found, 0);
        found
    }
}

fn walk<'a>(at: &Found<'a>, steps: &[Step], found: &mut Vec<Found<'a>>, depth: usize) {
    if depth > DEPTH * 2 || found.len() > MAX_NODES {
        return;
    }
    let Some((step, rest)) = steps.split_first() else {
        found.push(at.clone());
        return;
    };
    if let Step::Up = step {
        let mut up = at.clone();
        if let Some(node) = up.around.pop() {
            up.node = node;
            up.keys.pop();
            walk(&up, rest, found, depth + 1);
        }
        return;
    }
    if let Kind::List(items) = &at.node.kind {
        for item in items {
            let mut inner = at.clone();
            inner.node = item;
            walk(&inner, steps, found, depth + 1);
        }
        return;
    }
    match step {
        Step::Items => walk(at, rest, found, depth + 1),
        Step::Key(key) => {
            if let Some((name, value)) = at.node.map().iter().rev().find(|(name, _)| name == key) {
                walk(&at.below(at.node, name, value), rest, found, depth + 1);
            }
        }
        Step::Like(glob) => {
            for (name, value) in at.node.map() {
                if glob.is_match(name) {
                    walk(&at.below(at.node, name, value), rest, found, depth + 1);
                }
            }
        }
        Step::Deep => {
            walk(at, rest, found, depth + 1);
            for (name, value) in at.node.map() {
                walk(&at.below(at.node, name, value), steps, found, depth + 1);
            }
        }
        Step::Up => {}
    }
}
