//! One substitution in many places is one change.

use std::collections::BTreeMap;

use super::affected;
use super::occurrence::text;
use crate::assessment::{Change, Direction};

/// So many places of one substitution are told together.
const ONE_CAUSE: usize = 3;

/// Checks of which the same words were replaced by the same others are one change, with all places.
pub(super) fn by_cause(all: Vec<Change>) -> Vec<Change> {
    let key = |change: &Change| -> Option<(String, String, String)> {
        let (old, new) = (change.before.as_ref()?, change.after.as_ref()?);
        if change.direction != Direction::Neutral {
            return None;
        }
        let (gone, came) = replaced(old.text("call")?, new.text("call")?);
        Some((text(new, "callee").to_owned(), gone, came))
    };
    let mut count: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for found in all.iter().filter_map(key) {
        *count.entry(found).or_default() += 1;
    }
    let mut first: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut kept: Vec<Change> = Vec::new();
    for one in all {
        let cause = key(&one).filter(|cause| count.get(cause).is_some_and(|all| *all >= ONE_CAUSE));
        let Some(cause) = cause else {
            kept.push(one);
            continue;
        };
        let all = count.get(&cause).copied().unwrap_or_default();
        let name = |change: &Change| -> String {
            let fact = change.after.as_ref();
            fact.map(|fact| text(fact, "subject").to_owned())
                .unwrap_or_default()
        };
        match first.get(&cause).copied() {
            Some(at) => {
                let place = affected(&name(&one), one.title.clone(), &one.location)
                    .of(one.before.as_ref(), one.after.as_ref());
                kept[at].affected.push(place);
            }
            None => {
                first.insert(cause, kept.len());
                let mut one = one;
                one.title.push_str(&format!("; so do {} more", all - 1));
                kept.push(one);
            }
        }
    }
    kept
}

/// What was taken out of a text, and what was put in its place.
fn replaced(old: &str, new: &str) -> (String, String) {
    let same = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| -> usize {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let head = same(&mut old.chars(), &mut new.chars());
    let (old, new): (Vec<char>, Vec<char>) = (
        old.chars().skip(head).collect(),
        new.chars().skip(head).collect(),
    );
    let tail = same(
        &mut old.iter().rev().copied(),
        &mut new.iter().rev().copied(),
    );
    let part = |all: &[char]| all[..all.len() - tail].iter().collect();
    (part(&old), part(&new))
}
