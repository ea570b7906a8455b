//! One entity on both sides: fields that come, go, change, are renamed, hidden or encrypted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::{Told, class, decides, fields, has, names, passes, plain, sensitive, table};
use crate::assessment::{Change, ChangeKind, Direction};
use crate::compare::{change, delta, enumerate, pair};

/// Attributes that say how the dictionary judges a field, not what the field is.
const JUDGED: [&str; 3] = ["sensitivity", "confidence", "control"];

fn told(change: Change, fact: &Fact, words: String, columns: BTreeSet<String>) -> Told {
    Told {
        change,
        table: table(fact),
        columns,
        whole: false,
        words,
        passes: passes(fact),
    }
}

fn columns<'a>(fields: impl Iterator<Item = &'a Json>) -> BTreeSet<String> {
    let names = fields.filter_map(|field| field["name"].as_str());
    names.map(plain).collect()
}

fn neutral(how: ChangeKind, title: String, before: Option<&Fact>, after: Option<&Fact>) -> Change {
    change(
        FactKind::DataModel,
        how,
        Direction::Neutral,
        title,
        before,
        after,
    )
}

/// What an entity with these fields is told to have: `added with sensitive …`.
pub(super) fn added(new: &Fact) -> Told {
    let all = fields(new);
    let found = sensitive(all.values().copied());
    let deciding = names(all.values().copied().filter(|field| decides(field)));
    let words = match (&found[..], &deciding[..]) {
        ([], []) if all.values().any(|field| has(field, "everything")) => {
            "added, which exposes all fields of its model".to_owned()
        }
        ([], []) => format!("added with {} fields", all.len()),
        ([], some) => format!("added with access-control {}", enumerate(some, 3)),
        (some, _) => format!("added with sensitive {}", enumerate(some, 3)),
    };
    let title = format!("{} {words}", new.identity);
    let one = neutral(ChangeKind::Added, title, None, Some(new));
    let counted = all.values().copied();
    let columns = match passes(new) {
        true => columns(counted.filter(|field| class(field).is_some())),
        false => columns(counted),
    };
    Told {
        whole: true,
        ..told(one, new, words, columns)
    }
}

pub(super) fn removed(old: &Fact) -> Told {
    let title = format!("{} removed", old.identity);
    let one = neutral(ChangeKind::Removed, title, Some(old), None);
    let columns = columns(fields(old).values().copied());
    Told {
        whole: true,
        ..told(one, old, "removed".to_owned(), columns)
    }
}

/// The same fields under another name; what only passes through has no name to keep.
pub(super) fn renamed(old: &Fact, new: &Fact, all: &mut Vec<Told>) {
    let same_table = new.text("table").is_some() && old.text("table") == new.text("table");
    if passes(new) || same_table {
        return;
    }
    let words = format!("renamed from {}", old.identity);
    let title = format!("{} {words}", new.identity);
    let one = neutral(ChangeKind::Modified, title, Some(old), Some(new));
    let mut one = told(one, new, words, BTreeSet::new());
    one.whole = true;
    all.push(one);
}

fn listed<'a>(fields: impl Iterator<Item = &'a Json>) -> Json {
    Json::from(fields.cloned().collect::<Vec<_>>())
}

/// What a field is, but for its name and what the dictionary says of it.
fn nature(field: &Json) -> Vec<(String, Json)> {
    let all = field.as_object().into_iter().flatten();
    let own = all.filter(|(key, _)| *key != "name" && !JUDGED.contains(&key.as_str()));
    own.map(
        |(key, value)| match value.as_str().filter(|_| key == "type") {
            Some(ty) => (key.clone(), Json::from(spelled(ty))),
            None => (key.clone(), value.clone()),
        },
    )
    .collect()
}

/// A type in one spelling: without blanks and without the path of its name, in small letters where
/// SQL's custom writes it in capitals. `chrono::NaiveDateTime` is `NaiveDateTime`, `VARCHAR (20)` `varchar(20)`.
fn spelled(ty: &str) -> String {
    let one = ty.replace("::", ".");
    let mut out = String::new();
    // Where the name that is being read begins.
    let mut start = 0;
    for c in one.chars().filter(|c| !c.is_whitespace()) {
        if c == '.' && out.len() > start {
            out.truncate(start);
            continue;
        }
        out.push(c);
        if !(c.is_alphanumeric() || c == '_') {
            start = out.len();
        }
    }
    if out.chars().any(char::is_lowercase) {
        out
    } else {
        out.to_lowercase()
    }
}

/// Takes fields that only have another name out of what came and went: written otherwise, or the
/// only one that went where the only one of its type came.
fn renames<'a>(
    added: &mut BTreeMap<String, &'a Json>,
    removed: &mut BTreeMap<String, &'a Json>,
) -> Vec<(&'a Json, &'a Json)> {
    let mut pairs = Vec::new();
    let single = added.len() == 1 && removed.len() == 1;
    let candidates: Vec<String> = removed.keys().cloned().collect();
    for old in candidates {
        let before = removed[&old];
        let found = added.iter().find(|(name, after)| {
            let same_name = plain(name) == plain(&old);
            let typed = before.get("type").is_some() && nature(before) == nature(after);
            // A field that becomes sensitive is more than renamed.
            let tells = class(after).is_some_and(|now| Some(now) != class(before));
            let decides = decides(after) && !decides(before);
            !tells && !decides && typed && (same_name || single)
        });
        if let Some((name, after)) = found.map(|(name, after)| (name.clone(), *after)) {
            added.remove(&name);
            removed.remove(&old);
            pairs.push((before, after));
        }
    }
    pairs
}

pub(super) fn changed(old: &Fact, new: &Fact, all: &mut Vec<Told>) {
    let (a, b) = (fields(old), fields(new));
    let without = |fields: &BTreeMap<String, &'_ Json>, other: &BTreeMap<String, &'_ Json>| {
        let own = fields.iter().filter(|(name, _)| !other.contains_key(*name));
        own.map(|(name, field)| (name.clone(), (*field).clone()))
            .collect::<BTreeMap<String, Json>>()
    };
    let (added, removed) = (without(&b, &a), without(&a, &b));
    let mut added: BTreeMap<String, &Json> = added
        .iter()
        .map(|(name, one)| (name.clone(), one))
        .collect();
    let mut removed: BTreeMap<String, &Json> = removed
        .iter()
        .map(|(name, one)| (name.clone(), one))
        .collect();
    // A field that a base has now, or had, says the same in another place.
    let from_bases = |fact: &Fact| -> BTreeSet<String> {
        fact.texts("inherits")
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let (inherited, inherits) = (from_bases(old), from_bases(new));
    added.retain(|name, _| !inherited.contains(name));
    removed.retain(|name, _| !inherits.contains(name));
    let renamed = renames(&mut added, &mut removed);
    if !renamed.is_empty() && !passes(new) {
        let pairs: Vec<String> = renamed
            .iter()
            .filter_map(|(from, to)| {
                Some(format!(
                    "`{}` to `{}`",
                    from["name"].as_str()?,
                    to["name"].as_str()?
                ))
            })
            .collect();
        let words = format!("renames {}", enumerate(&pairs, 3));
        let title = format!("{} {words}", new.identity);
        let mut one = neutral(ChangeKind::Modified, title, Some(old), Some(new));
        for (from, to) in &renamed {
            let name = from["name"].as_str().unwrap_or_default();
            let attribute = format!("fields.{name}");
            one.deltas
                .push(delta(&attribute, (*from).clone(), (*to).clone()));
        }
        let both = renamed.iter().flat_map(|(from, to)| [*from, *to]);
        all.push(told(one, new, words, columns(both)));
    }
    if !added.is_empty() {
        all.push(gained(old, new, &added));
    }
    if !removed.is_empty() {
        let words = format!("loses {}", enumerate(&names(removed.values().copied()), 3));
        let title = format!("{} {words}", new.identity);
        let mut one = neutral(ChangeKind::Removed, title, Some(old), Some(new));
        let gone = listed(removed.values().copied());
        one.deltas.push(delta("fields", gone, json!([])));
        all.push(told(one, new, words, columns(removed.values().copied())));
    }
    let mut modified = Vec::new();
    for (name, after) in &b {
        let Some(before) = a.get(name) else { continue };
        if nature(before) == nature(after) {
            continue;
        }
        if let Some(one) = protected(old, new, (name, before, after)) {
            all.push(one);
        } else {
            modified.push((name.clone(), *before, *after));
        }
    }
    if !modified.is_empty() {
        all.push(altered(old, new, modified));
    }
}

fn gained(old: &Fact, new: &Fact, added: &BTreeMap<String, &Json>) -> Told {
    let found = sensitive(added.values().copied());
    let deciding = names(added.values().copied().filter(|field| decides(field)));
    let exposes = new.text("role") == Some("response");
    let hands_in = new.text("role") == Some("request");
    let everything = added.values().any(|field| has(field, "everything"));
    let plainly = names(added.values().copied());
    let verb = |many: bool| if many { "are" } else { "is" };
    let title = match (&found[..], &deciding[..]) {
        _ if everything => format!("{} exposes all fields of its model", new.identity),
        ([], []) => format!("{} gains {}", new.identity, enumerate(&plainly, 3)),
        ([], some) if hands_in => format!(
            "{} {} newly accepted by `{}`",
            enumerate(some, 3),
            verb(some.len() > 1),
            new.identity
        ),
        ([], some) => format!(
            "{} gains access-control {}",
            new.identity,
            enumerate(some, 3)
        ),
        (some, deciding) if !exposes && !deciding.is_empty() => format!(
            "{} gains sensitive {} and access-control {}",
            new.identity,
            enumerate(some, 3),
            enumerate(deciding, 3)
        ),
        (some, _) if exposes => format!(
            "{} {} newly exposed by `{}`",
            enumerate(some, 3),
            verb(some.len() > 1),
            new.identity
        ),
        (some, _) => format!("{} gains sensitive {}", new.identity, enumerate(some, 3)),
    };
    let weaker = !found.is_empty() || everything;
    let direction = if weaker {
        Direction::Weakened
    } else {
        Direction::Neutral
    };
    let mut one = change(
        FactKind::DataModel,
        ChangeKind::Added,
        direction,
        title,
        Some(old),
        Some(new),
    );
    let came = listed(added.values().copied());
    one.deltas.push(delta("fields", json!([]), came));
    let all = [&found[..], &plainly[..]].concat();
    let words = format!("gains {}", enumerate(&all, 12));
    told(one, new, words, columns(added.values().copied()))
}

/// A field that loses or gains its encryption, or is shown where it was hidden: a change of its own.
fn protected(old: &Fact, new: &Fact, (name, before, after): (&str, &Json, &Json)) -> Option<Told> {
    let lost = |attribute: &str| has(before, attribute) && !has(after, attribute);
    let won = |attribute: &str| !has(before, attribute) && has(after, attribute);
    let told_of = class(after).is_some() || decides(after);
    let (direction, words) = if lost("encrypted") {
        (Direction::Weakened, "is no longer encrypted")
    } else if lost("hidden") && told_of {
        (Direction::Weakened, "is newly exposed: it was hidden")
    } else if won("encrypted") {
        (Direction::Strengthened, "is now encrypted")
    } else if won("hidden") && told_of {
        (Direction::Strengthened, "is now hidden")
    } else {
        return None;
    };
    let class = class(after).map_or(String::new(), |class| format!(" ({class})"));
    let title = format!("`{}.{name}`{class} {words}", new.identity);
    let mut one = change(
        FactKind::DataModel,
        ChangeKind::Modified,
        direction,
        title,
        Some(old),
        Some(new),
    );
    let attribute = format!("fields.{name}");
    one.deltas
        .push(delta(&attribute, before.clone(), after.clone()));
    let words = format!("{name} {words}");
    Some(told(one, new, words, BTreeSet::from([plain(name)])))
}

fn altered(old: &Fact, new: &Fact, modified: Vec<(String, &Json, &Json)>) -> Told {
    let words: Vec<String> = modified
        .iter()
        .map(|(name, before, after)| format!("`{name}` ({})", difference(before, after)))
        .collect();
    // Two people with one address, a record of nobody: what told them apart is gone.
    let loosened = modified.iter().any(|(_, before, after)| {
        let lost = |attribute: &str| {
            let unset =
                |field: &Json| matches!(field.get(attribute), None | Some(Json::Bool(false)));
            !unset(before) && unset(after)
        };
        (lost("unique") || lost("references"))
            && (class(after).is_some() || after.get("control").is_some())
    });
    let direction = if loosened {
        Direction::Weakened
    } else {
        Direction::Neutral
    };
    let words = format!("changes {}", enumerate(&words, 3));
    let title = format!("{} {words}", new.identity);
    let mut one = change(
        FactKind::DataModel,
        ChangeKind::Modified,
        direction,
        title,
        Some(old),
        Some(new),
    );
    let columns = modified.iter().map(|(name, _, _)| plain(name)).collect();
    for (name, before, after) in modified {
        let attribute = format!("fields.{name}");
        one.deltas
            .push(delta(&attribute, before.clone(), after.clone()));
    }
    told(one, new, words, columns)
}

fn difference(before: &Json, after: &Json) -> String {
    let (Some(a), Some(b)) = (before.as_object(), after.as_object()) else {
        return "changed".into();
    };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let show = |value: Option<&Json>| match value {
        None | Some(Json::Null) => "unset".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let words: Vec<String> = keys
        .into_iter()
        .filter(|key| a.get(*key) != b.get(*key) && key.as_str() != "confidence")
        .map(|key| format!("{key} {} to {}", show(a.get(key)), show(b.get(key))))
        .collect();
    words.join(", ")
}

/// Lists beside a model that say which of its fields are encrypted, hidden or may be given by
/// callers. A list that goes with its model says nothing of its own.
pub(super) fn protection<'a>(
    mut old: Vec<&'a Fact>,
    mut new: Vec<&'a Fact>,
    added: &[&Fact],
    removed: &[&Fact],
    all: &mut Vec<Told>,
) {
    let key = |fact: &Fact| {
        let how = fact.text("protection").unwrap_or_default();
        format!("{}|{how}|{}", fact.identity, fact.location.path)
    };
    // A list of what callers may set says what they may not.
    let with_list = |facts: &[&Fact]| -> BTreeSet<String> {
        let lists = facts.iter();
        let lists = lists.filter(|fact| fact.text("protection") == Some("assignable"));
        lists.map(|fact| fact.identity.clone()).collect()
    };
    let (listed_before, listed_now) = (with_list(&old), with_list(&new));
    let mut pairs: Vec<(Option<&Fact>, Option<&Fact>)> = pair(&mut old, &mut new, key)
        .into_iter()
        .map(|(old, new)| (Some(old), Some(new)))
        .collect();
    let moved = |fact: &Fact| {
        let how = fact.text("protection").unwrap_or_default();
        format!("{}|{how}", fact.identity)
    };
    let others = pair(&mut old, &mut new, moved);
    pairs.extend(others.into_iter().map(|(old, new)| (Some(old), Some(new))));
    let in_list =
        |list: &[&Fact], fact: &Fact| list.iter().any(|other| other.identity == fact.identity);
    pairs.extend(old.iter().map(|fact| (Some(*fact), None)));
    pairs.extend(new.iter().map(|fact| (None, Some(*fact))));
    for (old, new) in pairs {
        let Some(fact) = new.or(old) else { continue };
        if old.is_none() && in_list(added, fact) || new.is_none() && in_list(removed, fact) {
            continue;
        }
        let guards = fact.text("protection") == Some("guarded");
        let other = match (old, new) {
            (Some(_), None) => &listed_now,
            (None, Some(_)) => &listed_before,
            _ => &BTreeSet::new(),
        };
        if guards && other.contains(&fact.identity) {
            continue;
        }
        let empty = BTreeMap::new();
        let (a, b) = (old.map_or(empty.clone(), fields), new.map_or(empty, fields));
        let how = fact.text("protection").unwrap_or_default();
        let matters = |field: &&&Json| match how {
            "assignable" => decides(field) || class(field) == Some("credential"),
            "guarded" => {
                decides(field) || class(field) == Some("credential") || has(field, "everything")
            }
            "encrypted" => true,
            _ => class(field).is_some(),
        };
        let gone: Vec<&Json> = a
            .iter()
            .filter(|(name, _)| !b.contains_key(*name))
            .map(|(_, field)| *field)
            .collect();
        let came: Vec<&Json> = b
            .iter()
            .filter(|(name, _)| !a.contains_key(*name))
            .map(|(_, field)| *field)
            .collect();
        let words = match how {
            "assignable" => ["no longer settable by callers", "newly settable by callers"],
            "guarded" => ["newly settable by callers", "no longer settable by callers"],
            "hidden" => ["newly exposed: no longer hidden", "now hidden"],
            _ => ["no longer encrypted", "now encrypted"],
        };
        let (weaker, stronger) = (Direction::Weakened, Direction::Strengthened);
        let directions = match how {
            "assignable" => [stronger, weaker],
            _ => [weaker, stronger],
        };
        for (at, list) in [&gone, &came].into_iter().enumerate() {
            let (direction, words) = (directions[at], words[at]);
            let list: Vec<&Json> = list.iter().filter(matters).copied().collect();
            if list.is_empty() {
                continue;
            }
            // Callers give their own passwords: that they may is no loss by itself.
            let direction = match how {
                "assignable" | "guarded"
                    if !list
                        .iter()
                        .any(|field| decides(field) || has(field, "everything")) =>
                {
                    Direction::Neutral
                }
                _ => direction,
            };
            let shown = names(list.iter().copied());
            let shown: Vec<String> = shown
                .iter()
                .map(|name| format!("`{}.{}`", fact.identity, name.trim_matches('`')))
                .collect();
            let verb = if shown.len() == 1 { "is" } else { "are" };
            let title = format!("{} {verb} {words}", enumerate(&shown, 3));
            let mut one = change(
                FactKind::DataModel,
                ChangeKind::Modified,
                direction,
                title,
                old,
                new,
            );
            let inner = listed(list.iter().copied());
            let attribute = format!("protection.{how}");
            one.deltas.push(match at {
                0 => delta(&attribute, inner, json!([])),
                _ => delta(&attribute, json!([]), inner),
            });
            let columns = columns(list.into_iter());
            let mut one = told(one, fact, words.to_owned(), columns);
            one.passes = false;
            one.words.clear();
            all.push(one);
        }
    }
}
