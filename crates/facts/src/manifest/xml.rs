//! XML with places.

use roxmltree::{Document, Node, ParsingOptions};

use super::reader::{Reader, Span};

/// Reads an XML text; what is none becomes a problem.
pub(super) fn document<'a>(reader: &mut Reader<'a>) -> Option<Document<'a>> {
    match parse(reader.text) {
        Ok(document) => Some(document),
        Err(error) => {
            let at = error.pos();
            let line = reader
                .text
                .split_inclusive('\n')
                .take(at.row.saturating_sub(1) as usize);
            let offset = line.map(str::len).sum();
            reader.problem(offset, format!("not XML: {error}; the file was not read"));
            None
        }
    }
}

/// Reads another file's text; nothing where it is none.
pub(super) fn parse(text: &str) -> Result<Document<'_>, roxmltree::Error> {
    /// Beyond this the tree would be larger than any file that people write.
    const MOST: u32 = 1_000_000;
    let options = ParsingOptions {
        nodes_limit: MOST,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options)
}

/// The children of a name, whatever their namespace.
pub(super) fn children<'n, 'a: 'n>(
    node: Node<'n, 'a>,
    name: &'n str,
) -> impl Iterator<Item = Node<'n, 'a>> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The first child of a name.
pub(super) fn child<'n, 'a: 'n>(node: Node<'n, 'a>, name: &'n str) -> Option<Node<'n, 'a>> {
    children(node, name).next()
}

/// The trimmed text of the first child of a name.
pub(super) fn text<'n, 'a: 'n>(node: Node<'n, 'a>, name: &'n str) -> Option<&'n str> {
    child(node, name)?.text().map(str::trim)
}

/// An attribute, whatever the case of its name.
pub(super) fn attribute<'n>(node: Node<'n, '_>, name: &str) -> Option<&'n str> {
    let found = node
        .attributes()
        .find(|attribute| attribute.name().eq_ignore_ascii_case(name))?;
    node.attribute(found.name()).map(str::trim)
}

/// Where a node stands.
pub(super) fn span(node: Node<'_, '_>) -> Span {
    node.range()
}
