//! One shape for XML and YAML documents that describe a data model: elements with attributes and
//! children. `createTable: { tableName: users }` reads like `<createTable tableName="users"/>`.

use std::collections::BTreeMap;

use roxmltree::ParsingOptions;

use crate::infra::{Kind, Node, yaml_documents};

/// Deeper than this nothing is read.
const DEPTH: u32 = 32;
/// A document may not have more nodes.
const MOST: u32 = 200_000;

/// An element with its place.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) children: Vec<Element>,
    /// The text in it.
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Element {
    /// An attribute, or the text of a child of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let child = || {
            let found = self.child(name)?;
            (!found.text.is_empty()).then_some(&*found.text)
        };
        self.attributes.get(name).map(String::as_str).or_else(child)
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

/// The outermost element of an XML document; none where it is no XML.
pub(super) fn xml(text: &str) -> Option<Element> {
    let options = ParsingOptions {
        nodes_limit: MOST,
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = roxmltree::Document::parse_with_options(text, options).ok()?;
    Some(element(document.root_element(), 0))
}

fn element(node: roxmltree::Node<'_, '_>, depth: u32) -> Element {
    let range = node.range();
    let attributes = node.attributes();
    let inner = node.children().filter(|_| depth < DEPTH);
    let text = node.children().filter(|child| child.is_text());
    let text: String = text.filter_map(|child| child.text()).collect();
    Element {
        name: node.tag_name().name().to_owned(),
        attributes: attributes
            .map(|one| (one.name().to_owned(), one.value().to_owned()))
            .collect(),
        children: inner
            .filter(|child| child.is_element())
            .map(|child| element(child, depth + 1))
            .collect(),
        text: text.trim().to_owned(),
        start: range.start,
        end: range.end,
    }
}

/// The first document of a YAML or JSON text as an element without a name.
pub(super) fn yaml(text: &str) -> Option<Element> {
    let documents = yaml_documents(text);
    let root = documents.first()?;
    Some(converted("", root, 0))
}

fn converted(name: &str, node: &Node, depth: u32) -> Element {
    let mut made = Element {
        name: name.to_owned(),
        start: node.start,
        end: node.end,
        ..Element::default()
    };
    if depth > DEPTH {
        return made;
    }
    match &node.kind {
        Kind::Text(text) => made.text.clone_from(text),
        Kind::Map(entries) => {
            for (key, value) in entries {
                match &value.kind {
                    Kind::Text(text) => {
                        made.attributes.insert(key.clone(), text.clone());
                    }
                    _ => made.children.push(converted(key, value, depth + 1)),
                }
            }
        }
        Kind::List(items) => {
            for item in items {
                // `- column: { name: id }`: an element with its name.
                made.children.push(match &item.kind {
                    Kind::Map(entries) if entries.len() == 1 => {
                        let (key, value) = &entries[0];
                        let mut inner = converted(key, value, depth + 1);
                        inner.start = item.start;
                        inner
                    }
                    _ => converted("item", item, depth + 1),
                });
            }
        }
        Kind::Null | Kind::Unknown(_) => {}
    }
    made
}
