//! Terraform and OpenTofu as trees, in the shape of their own JSON syntax: `resource/TYPE/NAME`.
//! Variables with defaults, locals and `.tfvars` of the folder are put in; what only a run knows is
//! unknown.
//!
//! Source: <https://developer.hashicorp.com/terraform/language/syntax/json>.

use std::collections::BTreeMap;

use tree_sitter::{Node as Syntax, Parser};

use super::node::{DEPTH, Kind, Node};
use super::place;

/// What names stand for: `var.x`, `local.y`.
#[derive(Default)]
pub(super) struct Known {
    values: BTreeMap<String, Node>,
}

/// Locals may stand on each other this often.
const ROUNDS: usize = 5;

/// One file, parsed.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    tree: tree_sitter::Tree,
}

impl<'a> Source<'a> {
    /// `None` if the parser gives up.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        let mut parser = Parser::new();
        parser
            .set_language(&tree_sitter_hcl::LANGUAGE.into())
            .ok()?;
        let tree = parser.parse(text, None)?;
        Some(Self { text, tree })
    }

    /// The first line that was not understood.
    pub(super) fn broken(&self) -> Option<u32> {
        let mut at = self.tree.root_node();
        if !at.has_error() {
            return None;
        }
        while let Some(inner) = children(at).into_iter().find(|node| node.has_error()) {
            at = inner;
        }
        u32::try_from(at.start_position().row + 1).ok()
    }

    /// The document.
    pub(super) fn read(&self, known: &Known) -> Node {
        let root = self.tree.root_node();
        let bodies = children(root);
        let body = bodies.iter().find(|node| node.kind() == "body");
        let reader = Reader {
            text: self.text,
            known,
        };
        match body {
            Some(body) => reader.body(*body, 0),
            None => Node::new(Kind::Map(Vec::new()), 0, self.text.len()),
        }
    }
}

impl Known {
    /// What the files of a folder give: `variables` are files of values (`.tfvars`).
    pub(super) fn new(sources: &[&Source<'_>], variables: &[&Source<'_>]) -> Self {
        let mut known = Self::default();
        for source in sources {
            let document = source.read(&known);
            for (name, variable) in document.get("variable").map_or(&[][..], Node::map) {
                let default = variable
                    .each()
                    .iter()
                    .find_map(|block| block.get("default"));
                if let Some(default) = default {
                    known.set(format!("var.{name}"), default.clone());
                }
            }
        }
        for source in variables {
            for (name, value) in source.read(&Self::default()).map() {
                known.set(format!("var.{name}"), value.clone());
            }
        }
        for _ in 0..ROUNDS {
            let mut locals = Vec::new();
            for source in sources {
                let document = source.read(&known);
                for block in document.get("locals").map_or(&[][..], Node::each) {
                    let entries = block.map().iter();
                    locals.extend(entries.map(|(name, value)| (name.clone(), value.clone())));
                }
            }
            let mut news = false;
            for (name, value) in locals {
                news |= known.set(format!("local.{name}"), value);
            }
            if !news {
                break;
            }
        }
        known
    }

    /// Whether that is news.
    fn set(&mut self, name: String, value: Node) -> bool {
        // A value that grows with every round would never end.
        if matches!(value.kind, Kind::Unknown(_)) || value.size() > 2000 {
            return false;
        }
        let old = self.values.insert(name, value.clone());
        old.is_none_or(|old| old.kind != value.kind)
    }

    fn get(&self, path: &[String]) -> Option<&Node> {
        let mut at = self.values.get(&path.get(..2)?.join("."))?;
        for part in &path[2..] {
            at = match &at.kind {
                Kind::List(items) => items.get(part.parse::<usize>().ok()?)?,
                _ => at.get(part)?,
            };
        }
        Some(at)
    }
}

fn children(node: Syntax<'_>) -> Vec<Syntax<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

struct Reader<'a> {
    text: &'a str,
    known: &'a Known,
}

impl Reader<'_> {
    fn words(&self, node: Syntax<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn node(node: Syntax<'_>, kind: Kind) -> Node {
        Node::new(kind, node.start_byte(), node.end_byte())
    }

    fn unknown(&self, node: Syntax<'_>) -> Node {
        let words = self.words(node).split_whitespace().collect::<Vec<_>>();
        let mut words = words.join(" ");
        if words.chars().count() > 80 {
            words = words.chars().take(79).chain(['…']).collect();
        }
        Self::node(node, Kind::Unknown(words))
    }

    fn body(&self, body: Syntax<'_>, depth: usize) -> Node {
        let mut entries: Vec<(String, Node)> = Vec::new();
        if depth <= DEPTH {
            for child in children(body) {
                match child.kind() {
                    "attribute" => {
                        let parts = children(child);
                        let (Some(name), Some(value)) = (parts.first(), parts.get(1)) else {
                            continue;
                        };
                        let mut value = self.value(*value, depth + 1);
                        value.start = child.start_byte();
                        entries.push((self.words(*name).to_owned(), value));
                    }
                    "block" => self.block(child, &mut entries, depth),
                    _ => {}
                }
            }
        }
        Self::node(body, Kind::Map(entries))
    }

    fn block(&self, block: Syntax<'_>, entries: &mut Vec<(String, Node)>, depth: usize) {
        let parts = children(block);
        let mut names: Vec<String> = Vec::new();
        let mut content = None;
        for part in parts {
            match part.kind() {
                "identifier" => names.push(self.words(part).to_owned()),
                "string_lit" => names.push(self.words(part).trim_matches('"').to_owned()),
                "body" => content = Some(part),
                _ => {}
            }
        }
        let mut node = match content {
            Some(body) => self.body(body, depth + 1),
            None => Self::node(block, Kind::Map(Vec::new())),
        };
        (node.start, node.end) = (block.start_byte(), block.end_byte());
        // `dynamic "ingress" { content { … } }` writes blocks of that name.
        if names.first().is_some_and(|name| name == "dynamic") && names.len() == 2 {
            names.remove(0);
            let content = node.get("content").and_then(|list| list.each().first());
            node = content.cloned().unwrap_or(node);
        }
        // `name` and the labels are maps in maps; blocks of the same name are a list.
        let mut level = entries;
        let last = names.len().saturating_sub(1);
        let labelled = names.len() > 1;
        for (index, name) in names.into_iter().enumerate() {
            let at = match level.iter().position(|(known, _)| *known == name) {
                Some(at) => at,
                None => {
                    let kind = if index == last && !labelled {
                        Kind::List(Vec::new())
                    } else {
                        Kind::Map(Vec::new())
                    };
                    level.push((name, Node::new(kind, node.start, node.end)));
                    level.len() - 1
                }
            };
            let slot = &mut level[at].1;
            if index == last {
                match &mut slot.kind {
                    Kind::List(items) => items.push(node),
                    _ => *slot = node,
                }
                return;
            }
            match &mut slot.kind {
                Kind::Map(inner) => level = inner,
                _ => return,
            }
        }
    }

    fn value(&self, node: Syntax<'_>, depth: usize) -> Node {
        if depth > DEPTH {
            return self.unknown(node);
        }
        let inner = children(node);
        match node.kind() {
            "expression" => match &inner[..] {
                [one] => self.value(*one, depth + 1),
                [first, ..] if first.kind() == "variable_expr" => self.reference(node, &inner),
                _ => self.unknown(node),
            },
            "literal_value" => match inner.first().map(|one| one.kind()) {
                Some("null_lit") => Self::node(node, Kind::Null),
                Some("string_lit") => self.template(node, inner[0], depth),
                _ => Self::node(node, Kind::Text(self.words(node).to_owned())),
            },
            "template_expr" => match inner.first() {
                Some(one) => self.template(node, *one, depth),
                None => self.unknown(node),
            },
            "collection_value" | "object" | "tuple" => self.collection(node, depth),
            "variable_expr" => self.reference(node, &[node]),
            "conditional" => match &inner[..] {
                [condition, yes, no] => {
                    let condition = self.value(*condition, depth + 1);
                    match condition.text() {
                        Some("true") => self.value(*yes, depth + 1),
                        Some("false") => self.value(*no, depth + 1),
                        _ => self.unknown(node),
                    }
                }
                _ => self.unknown(node),
            },
            "function_call" => self.call(node, &inner, depth),
            _ => self.unknown(node),
        }
    }

    fn reference(&self, node: Syntax<'_>, parts: &[Syntax<'_>]) -> Node {
        let mut path = Vec::new();
        for part in parts {
            match part.kind() {
                "variable_expr" => path.push(self.words(*part).to_owned()),
                "get_attr" => {
                    path.push(self.words(*part).trim_start_matches('.').trim().to_owned());
                }
                "index" => {
                    let inside = self.words(*part).trim_matches(['[', ']', '.', ' ']);
                    path.push(inside.trim_matches('"').to_owned());
                }
                _ => return self.unknown(node),
            }
        }
        match self.known.get(&path) {
            Some(value) => {
                // It stands where it is used.
                let mut value = value.clone();
                place(&mut value, node.start_byte(), node.end_byte());
                value
            }
            None => self.unknown(node),
        }
    }

    fn collection(&self, node: Syntax<'_>, depth: usize) -> Node {
        let inner = children(node);
        match (node.kind(), inner.first()) {
            ("collection_value", Some(one)) => self.collection(*one, depth),
            ("tuple", _) => {
                let items = inner.iter().filter(|one| one.kind() == "expression");
                let items = items.map(|one| self.value(*one, depth + 1)).collect();
                Self::node(node, Kind::List(items))
            }
            _ => {
                let elements = inner.iter().filter(|one| one.kind() == "object_elem");
                let entries = elements.filter_map(|element| {
                    let key = element.child_by_field_name("key")?;
                    let value = element.child_by_field_name("val")?;
                    let key = self.words(key).trim_matches(['"', '(', ')']).to_owned();
                    let mut value = self.value(value, depth + 1);
                    value.start = element.start_byte();
                    Some((key, value))
                });
                Self::node(node, Kind::Map(entries.collect()))
            }
        }
    }

    /// A text with its parts put in.
    fn template(&self, whole: Syntax<'_>, template: Syntax<'_>, depth: usize) -> Node {
        let parts = children(template);
        let mut out = String::new();
        for part in &parts {
            match part.kind() {
                "template_literal" => out.push_str(self.words(*part)),
                "template_interpolation" => {
                    let inner = children(*part);
                    let expression = inner.iter().find(|one| one.kind() == "expression");
                    let value = expression.map(|one| self.value(*one, depth + 1));
                    match value.as_ref().and_then(Node::text) {
                        Some(text) => out.push_str(text),
                        // Of a text that is JSON, what is known still counts.
                        None if template.kind() == "heredoc_template" => out.push_str("${…}"),
                        None => return self.unknown(whole),
                    }
                }
                "template_directive" => return self.unknown(whole),
                _ => {}
            }
        }
        Self::node(whole, Kind::Text(out.replace("\\\"", "\"")))
    }

    fn call(&self, node: Syntax<'_>, inner: &[Syntax<'_>], depth: usize) -> Node {
        let name = inner
            .first()
            .map(|one| self.words(*one))
            .unwrap_or_default();
        let arguments: Vec<Node> = inner
            .iter()
            .filter(|one| one.kind() == "function_arguments")
            .flat_map(|one| children(*one))
            .filter(|one| one.kind() == "expression")
            .map(|one| self.value(one, depth + 1))
            .collect();
        let first = arguments.first().cloned();
        match name {
            "jsonencode" | "yamlencode" | "tolist" | "toset" | "tomap" | "tostring"
            | "tonumber" | "tobool" | "sort" | "distinct" | "compact" | "nonsensitive"
            | "sensitive" | "try" | "coalesce" | "jsondecode" => {
                first.unwrap_or_else(|| self.unknown(node))
            }
            "concat" | "flatten" | "setunion" => {
                let mut items = Vec::new();
                for argument in arguments {
                    match argument.kind {
                        Kind::List(own) => {
                            for item in own {
                                match item.kind {
                                    Kind::List(deeper) if name == "flatten" => items.extend(deeper),
                                    _ => items.push(item),
                                }
                            }
                        }
                        _ => items.push(argument),
                    }
                }
                Self::node(node, Kind::List(items))
            }
            "merge" => {
                let maps = arguments
                    .into_iter()
                    .filter_map(|argument| match argument.kind {
                        Kind::Map(entries) => Some(entries),
                        _ => None,
                    });
                Self::node(node, Kind::Map(maps.flatten().collect()))
            }
            "lower" | "upper" | "trimspace" => match first.as_ref().and_then(Node::text) {
                Some(text) => {
                    let text = match name {
                        "lower" => text.to_lowercase(),
                        "upper" => text.to_uppercase(),
                        _ => text.trim().to_owned(),
                    };
                    Self::node(node, Kind::Text(text))
                }
                None => self.unknown(node),
            },
            _ => self.unknown(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_locals_and_blocks() {
        let source = Source::new(
            r#"
variable "open" { default = "0.0.0.0/0" }
locals { all = [var.open, var.other] }
resource "aws_security_group" "web" {
  ingress {
    from_port   = 22
    cidr_blocks = local.all
  }
  ingress { description = "${var.open}!" }
  policy = jsonencode({ Action = "s3:*" })
}
"#,
        )
        .expect("parsed");
        let known = Known::new(&[&source], &[]);
        let document = source.read(&known);
        let group = document
            .get("resource")
            .and_then(|all| all.get("aws_security_group"));
        let web = group.and_then(|all| all.get("web")).expect("web");
        let ingress = web.get("ingress").expect("ingress").each();
        assert_eq!(ingress.len(), 2);
        let all = ingress[0].get("cidr_blocks").expect("cidr").each();
        assert_eq!(all[0].text(), Some("0.0.0.0/0"));
        assert_eq!(all[1].kind, Kind::Unknown("var.other".into()));
        let words = ingress[1].get("description").and_then(Node::text);
        assert_eq!(words, Some("0.0.0.0/0!"));
        let policy = web.get("policy").and_then(|policy| policy.get("Action"));
        assert_eq!(policy.and_then(Node::text), Some("s3:*"));
    }

    #[test]
    fn hostile_texts_are_bounded() {
        let nested = format!("a = {}{}", "[".repeat(20_000), "]".repeat(20_000));
        let source = Source::new(&nested).expect("parsed");
        source.read(&Known::default());
    }
}
