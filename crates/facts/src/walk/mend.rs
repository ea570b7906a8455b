//! Texts as the parser reads them: what a grammar does not know yet, or takes for something else,
//! is written in words that it understands. Elements keep the places and the texts of the source.

use std::borrow::Cow;
use std::ops::Range;

use tree_sitter::Tree;

use crate::language::Mend;

/// A text for the parser, and where its parts stand in the source.
#[derive(Default)]
pub(super) struct Mended<'a> {
    pub(super) text: Cow<'a, str>,
    /// Starts of parts, in the text and in the source, in order; none where both are the same.
    parts: Vec<(usize, usize)>,
}

impl Mended<'_> {
    /// The place in the source of a place in the text.
    pub(super) fn at(&self, place: usize) -> usize {
        let next = self.parts.partition_point(|(start, _)| *start <= place);
        let Some((start, source)) = next.checked_sub(1).and_then(|at| self.parts.get(at)) else {
            return place;
        };
        let found = source + (place - start);
        match self.parts.get(next) {
            Some((_, end)) => found.min(*end),
            None => found,
        }
    }
}

/// Applies a language's mends; those for broken syntax only where `broken`.
pub(super) fn mend<'a>(mends: &[Mend], source: &'a str, broken: bool) -> Mended<'a> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for mend in mends.iter().filter(|mend| broken || !mend.broken) {
        for found in mend.find.captures_iter(source) {
            let Some(whole) = found.get(1).or_else(|| found.get(0)) else {
                continue;
            };
            let parts = match &mend.each {
                Some(each) => each
                    .find_iter(whole.as_str())
                    .map(|part| whole.start() + part.start()..whole.start() + part.end())
                    .collect(),
                None => vec![whole.range()],
            };
            for part in parts {
                let put = match &mend.put {
                    Some(put) => put.clone(),
                    None => " ".repeat(part.len()),
                };
                edits.push((part, put));
            }
        }
    }
    if edits.is_empty() {
        return Mended {
            text: Cow::Borrowed(source),
            parts: Vec::new(),
        };
    }
    edits.sort_by_key(|(part, _)| (part.start, part.end));
    let mut text = String::with_capacity(source.len() + 64);
    let mut parts = Vec::new();
    let mut done = 0;
    for (part, put) in edits {
        if part.start < done {
            continue;
        }
        text.push_str(&source[done..part.start]);
        done = part.end;
        let same = put.len() == part.len();
        if !same {
            parts.push((text.len(), part.start));
        }
        text.push_str(&put);
        if !same {
            parts.push((text.len(), part.end));
        }
    }
    text.push_str(&source[done..]);
    Mended {
        text: Cow::Owned(text),
        parts,
    }
}

/// How much of a tree the parser did not understand.
pub(super) fn broken(tree: &Tree) -> usize {
    let mut cursor = tree.walk();
    let mut count = 0;
    loop {
        let node = cursor.node();
        if node.is_error() {
            count += node.end_byte() - node.start_byte() + 1;
        } else if node.is_missing() {
            count += 1;
        } else if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(find: &str, put: Option<&str>, each: Option<&str>) -> Mend {
        let regex = |text: &str| crate::lazy::LazyRegex::new(text).ok();
        Mend {
            find: regex(find).unwrap_or_else(|| unreachable!("a pattern of this test")),
            put: put.map(str::to_owned),
            each: each.and_then(regex),
            broken: false,
        }
    }

    #[test]
    fn places_are_those_of_the_source() {
        let mends = [one("()class", Some("open "), None)];
        let mended = mend(&mends, "a class b", false);
        assert_eq!(mended.text, "a open class b");
        let at: Vec<usize> = [0, 2, 6, 7, 13].map(|place| mended.at(place)).to_vec();
        assert_eq!(at, [0, 2, 2, 2, 8]);
    }

    #[test]
    fn blanks_keep_the_length() {
        let mends = [one(r#"\$\$"[^"]*""#, None, Some(r"\$"))];
        let mended = mend(&mends, r#"f($$"a${b}")"#, false);
        assert_eq!(mended.text, r#"f(  "a {b}")"#);
        assert_eq!(mended.at(5), 5);
    }
}
