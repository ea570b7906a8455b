//! Credentials that commits of the range brought and later ones took away again: at head they are
//! gone, in the history they are not.

use std::collections::BTreeSet;

use anyhow::Result;
use globset::GlobSet;
use threatgate_facts::{Engine, Fact, FactKind, Inventory, Scope, Tree};
use threatgate_git::{Content, Entry, Repository};

use crate::revision::{Blobs, Revision};

/// More text of a range is not read.
const MAX_BYTES: usize = 64 << 20;

/// The credentials that are neither at base nor at head, each with the commit that brought it, and
/// words about what was left out.
pub(crate) fn secrets(
    repository: &Repository,
    (before, after): (&Revision<'_>, &Revision<'_>),
    (base, head): (&Inventory, &Inventory),
    engine: &Engine,
    blobs: &Blobs,
    excluded: Option<&GlobSet>,
) -> Result<(Vec<Fact>, Vec<String>)> {
    let sides = [before, after].into_iter();
    let known = sides.flat_map(|side| side.entries.values().map(|entry| entry.id));
    let history = repository.history(&before.side, &after.side, &known.collect())?;
    let mut notes = history.notes;
    let is_secret = |fact: &&Fact| fact.kind == FactKind::Secret;
    let standing = base.facts.iter().chain(&head.facts).filter(is_secret);
    let mut told: BTreeSet<String> = standing.map(|fact| fact.identity.clone()).collect();
    let mut facts = Vec::new();
    let (mut read, mut missing) = (0, 0);
    for file in &history.files {
        if excluded.is_some_and(|excluded| excluded.is_match(&file.path)) {
            continue;
        }
        let mut of = |entry: &Entry, scope: Option<Scope>| match blobs.read(
            &after.side,
            &file.path,
            entry,
        ) {
            Content::Text { text, .. } => {
                read += text.len();
                engine.secrets(&file.path, &text, scope)
            }
            Content::Missing => {
                missing += 1;
                Vec::new()
            }
            _ => Vec::new(),
        };
        let scope = after.scope(&file.path);
        let found = of(&file.entry, scope);
        if found.iter().all(|fact| told.contains(&fact.identity)) {
            continue;
        }
        // Only what the commit itself added.
        let old: BTreeSet<String> = match &file.before {
            Some(entry) => of(entry, scope)
                .into_iter()
                .map(|fact| fact.identity)
                .collect(),
            None => BTreeSet::new(),
        };
        for mut fact in found {
            if !old.contains(&fact.identity) && told.insert(fact.identity.clone()) {
                let commit = repository.short(&file.commit);
                fact.attributes.insert("commit".into(), commit.into());
                facts.push(fact);
            }
        }
        if read > MAX_BYTES {
            notes.push(format!(
                "the range's commits hold more than {} MB: credentials that were added and removed again were not looked for in all",
                MAX_BYTES >> 20
            ));
            break;
        }
    }
    if missing > 0 {
        notes.push(format!(
            "{missing} files of the range's commits are not in the object database: credentials in them were not looked for"
        ));
    }
    Ok((facts, notes))
}
