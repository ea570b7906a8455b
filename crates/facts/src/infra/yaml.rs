//! YAML and JSON as trees: every document of a text, anchors and merge keys followed, local tags
//! (`!Ref x`) as a map of one key, as CloudFormation's long form writes them.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::node::{DEPTH, Kind, MAX_NODES, Node};

/// The documents, and where reading stopped, if it did.
pub(super) struct Reading {
    pub(super) documents: Vec<Node>,
    /// Line, from 1, and what is wrong.
    pub(super) problem: Option<(u32, String)>,
}

/// Byte offsets of characters: the parser counts those.
struct Offsets {
    /// Every 64th character's byte; none where all are one byte long.
    marks: Option<Vec<usize>>,
    length: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let marks = (!text.is_ascii()).then(|| {
            let indices = text.char_indices().map(|(at, _)| at);
            indices.collect()
        });
        Self {
            marks,
            length: text.len(),
        }
    }

    fn byte(&self, marker: Marker) -> usize {
        let at = match &self.marks {
            Some(marks) => marks.get(marker.index()).copied(),
            None => Some(marker.index()),
        };
        at.unwrap_or(self.length).min(self.length)
    }
}

enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

struct Frame {
    open: Open,
    start: usize,
    anchor: usize,
    tag: Option<String>,
}

/// Reads all documents of a text. What stands before an error is kept.
pub(super) fn read(text: &str) -> Reading {
    let offsets = Offsets::new(text);
    let mut reading = Reading {
        documents: Vec::new(),
        problem: None,
    };
    let mut frames: Vec<Frame> = Vec::new();
    let mut anchors: HashMap<usize, Node> = HashMap::new();
    let mut nodes = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(both) => both,
            Err(error) => {
                let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
                reading.problem = Some((line.max(1), error.info().to_owned()));
                break;
            }
        };
        let (start, end) = (offsets.byte(span.start), offsets.byte(span.end));
        nodes += 1;
        if frames.len() > DEPTH || nodes > MAX_NODES {
            let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
            reading.problem = Some((line, "nested too deep or too large".to_owned()));
            break;
        }
        let done = match event {
            Event::SequenceStart(anchor, tag) => {
                frames.push(frame(Open::List(Vec::new()), start, anchor, tag.as_deref()));
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                let open = Open::Map(Vec::new(), None);
                frames.push(frame(open, start, anchor, tag.as_deref()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = frames.pop() else { continue };
                let kind = match frame.open {
                    Open::List(items) => Kind::List(items),
                    Open::Map(entries, _) => Kind::Map(merged(entries)),
                };
                let node = tagged(Node::new(kind, frame.start, end), frame.tag.as_deref());
                if frame.anchor > 0 {
                    anchors.insert(frame.anchor, node.clone());
                }
                node
            }
            Event::Scalar(value, style, anchor, tag) => {
                let node = tagged(
                    Node::new(scalar(&value, style), start, end.max(start)),
                    name(tag.as_deref()).as_deref(),
                );
                if anchor > 0 {
                    anchors.insert(anchor, node.clone());
                }
                node
            }
            Event::Alias(anchor) => {
                let mut node = anchors
                    .get(&anchor)
                    .cloned()
                    .unwrap_or_else(|| Node::new(Kind::Null, start, end));
                nodes += node.size();
                (node.start, node.end) = (start, end);
                node
            }
            _ => continue,
        };
        match frames.last_mut().map(|frame| &mut frame.open) {
            None => reading.documents.push(done),
            Some(Open::List(items)) => items.push(done),
            Some(Open::Map(entries, key)) => match key.take() {
                None => *key = Some(done.text().unwrap_or_default().to_owned()),
                Some(key) => entries.push((key, done)),
            },
        }
    }
    reading
}

fn frame(open: Open, start: usize, anchor: usize, tag: Option<&Tag>) -> Frame {
    Frame {
        open,
        start,
        anchor,
        tag: name(tag),
    }
}

/// The name of a local tag: `Ref` of `!Ref`.
fn name(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    (tag.handle == "!" && !tag.suffix.is_empty()).then(|| tag.suffix.clone())
}

fn tagged(node: Node, tag: Option<&str>) -> Node {
    let Some(tag) = tag else { return node };
    let key = match tag {
        "Ref" | "Condition" => tag.to_owned(),
        // GitLab's way to another place of the document.
        "reference" => return Node::new(Kind::Unknown("!reference".into()), node.start, node.end),
        other => format!("Fn::{other}"),
    };
    let (start, end) = (node.start, node.end);
    Node::new(Kind::Map(vec![(key, node)]), start, end)
}

fn scalar(value: &str, style: ScalarStyle) -> Kind {
    if style != ScalarStyle::Plain {
        return Kind::Text(value.to_owned());
    }
    match value {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "True" | "TRUE" => Kind::Text("true".into()),
        "False" | "FALSE" => Kind::Text("false".into()),
        other => Kind::Text(other.to_owned()),
    }
}

/// `<<` brings in the entries of other maps; own ones come first.
fn merged(entries: Vec<(String, Node)>) -> Vec<(String, Node)> {
    if !entries.iter().any(|(key, _)| key == "<<") {
        return entries;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key == "<<");
    for (_, value) in merges {
        for map in value.each() {
            for (key, value) in map.map() {
                if !own.iter().any(|(known, _)| known == key) {
                    own.push((key.clone(), value.clone()));
                }
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_anchors_tags_and_merges() {
        let reading = read("a: &x {b: 1}\nc: {<<: *x, d: !Ref P}\n---\n- True\n- 'True'\n");
        assert!(reading.problem.is_none());
        let [first, second] = &reading.documents[..] else {
            panic!("two documents");
        };
        let c = first.get("c").expect("c");
        assert_eq!(c.get("b").and_then(Node::text), Some("1"));
        let reference = c.get("d").and_then(|d| d.get("Ref"));
        assert_eq!(reference.and_then(Node::text), Some("P"));
        let texts: Vec<_> = second.each().iter().map(Node::text).collect();
        assert_eq!(texts, [Some("true"), Some("True")]);
    }

    #[test]
    fn hostile_texts_are_bounded() {
        assert!(read(&"[".repeat(100_000)).problem.is_some());
        let mut bomb = String::from("a0: &a0 [x, x]\n");
        for n in 1..40 {
            bomb += &format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1);
        }
        assert!(read(&bomb).problem.is_some());
        assert!(read("a: [1\nb: {").problem.is_some());
    }
}
