//! Takes the values of credentials out of what is shown: a condition may compare with one, and a
//! line beside a change may hold one.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use serde_json::Value as Json;

use crate::fact::{Fact, FactKind};

/// Shorter values are ordinary words too often, and are no real credentials.
const LEAST: usize = 8;

/// What stands in the place of a value in a fact.
const HIDDEN: &str = "[credential]";

/// The values of the credentials of a revision. They are here to be hidden, and are never shown.
#[derive(Clone, Default, PartialEq)]
pub struct Credentials(BTreeSet<String>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} credentials", self.0.len())
    }
}

impl Credentials {
    /// Those of these facts; `text` gives the text of a path.
    pub(crate) fn of(facts: &[Fact], text: impl Fn(&str) -> Option<Arc<str>>) -> Self {
        let secrets = facts.iter().filter(|fact| fact.kind == FactKind::Secret);
        let value = |fact: &Fact| {
            let at = &fact.location;
            let value = text(&at.path)?.get(at.start..at.end)?.trim().to_owned();
            (value.len() >= LEAST).then_some(value)
        };
        Self(secrets.filter_map(value).collect())
    }

    /// Adds those of another revision.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// The text with a star for each character of a credential: lines and columns stay.
    pub fn masked(&self, text: Arc<str>) -> Arc<str> {
        match self.search().filter(|search| search.is_match(&*text)) {
            Some(search) => {
                let star = |c: char| if c.is_whitespace() { c } else { '*' };
                let stars: Vec<String> = self
                    .0
                    .iter()
                    .map(|one| one.chars().map(star).collect())
                    .collect();
                search.replace_all(&text, &stars).into()
            }
            None => text,
        }
    }

    /// Hides the values in everything that facts but those of credentials say.
    pub(crate) fn hide(&self, facts: &mut [Fact]) {
        let Some(search) = self.search() else { return };
        let hidden = vec![HIDDEN; self.0.len()];
        let replace = |text: &mut String| {
            if search.is_match(text.as_str()) {
                *text = search.replace_all(text, &hidden);
            }
        };
        for fact in facts
            .iter_mut()
            .filter(|fact| fact.kind != FactKind::Secret)
        {
            replace(&mut fact.identity);
            for value in fact.attributes.values_mut() {
                texts(value, &replace);
            }
            for evidence in &mut fact.evidence {
                replace(&mut evidence.text);
            }
        }
    }

    fn search(&self) -> Option<AhoCorasick> {
        let kind = aho_corasick::MatchKind::LeftmostLongest;
        let mut builder = AhoCorasick::builder();
        // More than the library can search for at once would take gigabytes of credentials.
        (!self.0.is_empty())
            .then(|| builder.match_kind(kind).build(&self.0).ok())
            .flatten()
    }
}

fn texts(value: &mut Json, replace: &impl Fn(&mut String)) {
    match value {
        Json::String(text) => replace(text),
        Json::Array(items) => items.iter_mut().for_each(|item| texts(item, replace)),
        Json::Object(map) => map.values_mut().for_each(|item| texts(item, replace)),
        _ => {}
    }
}
