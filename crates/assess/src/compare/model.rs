//! Data models field by field, and migrations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::{Sides, change, delta, enumerate, group, pair};
use crate::assessment::{Change, ChangeKind, Direction};

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let mut own = Vec::new();
    all(sides, &mut own);
    changes.extend(once(own));
}

/// A struct to read, one to insert and the schema say one thing of one table: the first is told.
fn once(changes: Vec<Change>) -> Vec<Change> {
    let mut told = BTreeSet::new();
    let mut kept = Vec::new();
    for change in changes {
        let key = change
            .after
            .as_ref()
            .or(change.before.as_ref())
            .map(|fact| {
                let top = fact.location.path.split('/').next().unwrap_or_default();
                let words = change.title.strip_prefix(&fact.identity);
                (top.to_owned(), table(fact), words.map(str::to_owned))
            });
        // Steps of migrations have titles of another form.
        let again = key.is_some_and(|key| key.2.is_some() && !told.insert(key));
        if !again {
            kept.push(change);
        }
    }
    kept
}

fn all(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (before, after) = sides.of(FactKind::DataModel);
    let is_migration = |fact: &&Fact| fact.text("operation").is_some();
    let (old_steps, mut before): (Vec<&Fact>, Vec<&Fact>) =
        before.into_iter().partition(is_migration);
    let (new_steps, mut after): (Vec<&Fact>, Vec<&Fact>) =
        after.into_iter().partition(is_migration);
    let mut pairs = pair(&mut before, &mut after, |fact| {
        format!("{}|{}", fact.identity, fact.location.path)
    });
    pairs.extend(pair(&mut before, &mut after, |fact| {
        format!(
            "{}|{}",
            fact.identity,
            fact.text("framework").unwrap_or_default()
        )
    }));
    let mut touched = BTreeSet::new();
    for (old, new) in pairs {
        entity(old, new, &mut touched, changes);
    }
    let told = |fact: &&&Fact| !fields(fact).is_empty();
    for new in after.iter().filter(told) {
        let fields = fields(new);
        let sensitive = sensitive(fields.values().copied());
        touched.insert(table(new));
        let title = match &sensitive[..] {
            [] => format!("{} added with {} fields", new.identity, fields.len()),
            names => format!(
                "{} added with sensitive {}",
                new.identity,
                enumerate(names, 3)
            ),
        };
        changes.push(change(
            FactKind::DataModel,
            ChangeKind::Added,
            Direction::Neutral,
            title,
            None,
            Some(new),
        ));
    }
    for old in before.iter().filter(told) {
        touched.insert(table(old));
        let title = format!("{} removed", old.identity);
        changes.push(change(
            FactKind::DataModel,
            ChangeKind::Removed,
            Direction::Neutral,
            title,
            Some(old),
            None,
        ));
    }
    migrations(old_steps, new_steps, &touched, changes);
}

/// What the entity is called in the database, as far as it can be told.
fn table(fact: &Fact) -> String {
    let name = fact.text("table").unwrap_or(&fact.identity);
    let name = name.rsplit('.').next().unwrap_or(name);
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    plain.strip_suffix('s').unwrap_or(&plain).to_owned()
}

/// The fields that are compared: all of what is stored, the sensitive ones of what only passes
/// through. What callers hand in holds their credentials by its nature.
fn fields(fact: &Fact) -> BTreeMap<String, &Json> {
    let all = fact.attributes.get("fields").and_then(Json::as_array);
    let told = |field: &Json| {
        let class = field.get("sensitivity").and_then(Json::as_str);
        match fact.text("role") {
            Some("transfer") => class.is_some(),
            Some("request") => class.is_some_and(|class| class != "credential"),
            _ => true,
        }
    };
    all.into_iter()
        .flatten()
        .filter(|field| told(field))
        .filter_map(|field| Some((field["name"].as_str()?.to_owned(), field)))
        .collect()
}

fn sensitive<'a>(fields: impl Iterator<Item = &'a Json>) -> Vec<String> {
    fields
        .filter_map(|field| {
            let class = field.get("sensitivity")?.as_str()?;
            let encrypted = if field.get("encrypted") == Some(&json!(true)) {
                ", encrypted"
            } else {
                ""
            };
            Some(format!(
                "`{}` ({class}{encrypted})",
                field["name"].as_str()?
            ))
        })
        .collect()
}

fn listed(fields: &[&Json]) -> Json {
    Json::from(
        fields
            .iter()
            .map(|field| (*field).clone())
            .collect::<Vec<_>>(),
    )
}

fn entity(old: &Fact, new: &Fact, touched: &mut BTreeSet<String>, changes: &mut Vec<Change>) {
    let (a, b) = (fields(old), fields(new));
    let added: Vec<&Json> = b
        .iter()
        .filter(|(name, _)| !a.contains_key(*name))
        .map(|(_, field)| *field)
        .collect();
    let removed: Vec<&Json> = a
        .iter()
        .filter(|(name, _)| !b.contains_key(*name))
        .map(|(_, field)| *field)
        .collect();
    let mut modified = Vec::new();
    for (name, after) in &b {
        if let Some(before) = a.get(name)
            && before != after
        {
            modified.push((name.clone(), *before, *after));
        }
    }
    if added.is_empty() && removed.is_empty() && modified.is_empty() {
        return;
    }
    touched.insert(table(new));
    let names = |fields: &[&Json]| -> Vec<String> {
        fields
            .iter()
            .filter_map(|field| Some(format!("`{}`", field["name"].as_str()?)))
            .collect()
    };
    if !added.is_empty() {
        let sensitive = sensitive(added.iter().copied());
        let title = match &sensitive[..] {
            [] => format!("{} gains {}", new.identity, enumerate(&names(&added), 3)),
            some => format!("{} gains sensitive {}", new.identity, enumerate(some, 3)),
        };
        let direction = if sensitive.is_empty() {
            Direction::Neutral
        } else {
            Direction::Weakened
        };
        let mut one = change(
            FactKind::DataModel,
            ChangeKind::Added,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas.push(delta("fields", json!([]), listed(&added)));
        changes.push(one);
    }
    if !removed.is_empty() {
        let title = format!("{} loses {}", new.identity, enumerate(&names(&removed), 3));
        let mut one = change(
            FactKind::DataModel,
            ChangeKind::Removed,
            Direction::Neutral,
            title,
            Some(old),
            Some(new),
        );
        one.deltas
            .push(delta("fields", listed(&removed), json!([])));
        changes.push(one);
    }
    if !modified.is_empty() {
        let words: Vec<String> = modified
            .iter()
            .map(|(name, before, after)| format!("`{name}` ({})", difference(before, after)))
            .collect();
        let lost_encryption = modified.iter().any(|(_, before, after)| {
            before.get("encrypted") == Some(&json!(true))
                && after.get("encrypted") != Some(&json!(true))
        });
        let direction = if lost_encryption {
            Direction::Weakened
        } else {
            Direction::Neutral
        };
        let title = format!("{} changes {}", new.identity, enumerate(&words, 3));
        let mut one = change(
            FactKind::DataModel,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        for (name, before, after) in modified {
            one.deltas.push(delta(
                &format!("fields.{name}"),
                before.clone(),
                after.clone(),
            ));
        }
        changes.push(one);
    }
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
        .filter(|key| a.get(*key) != b.get(*key))
        .map(|key| format!("{key} {} to {}", show(a.get(key)), show(b.get(key))))
        .collect();
    words.join(", ")
}

// --- migrations

/// How a step changes the data model; `None` for permissions and policies, which are told apart.
fn kind_of(operation: &str) -> ChangeKind {
    match operation {
        name if name.starts_with("create")
            || name.starts_with("add")
            || name.starts_with("enable")
            || name == "grant" =>
        {
            ChangeKind::Added
        }
        name if name.starts_with("drop")
            || name.starts_with("disable")
            || matches!(name, "truncate" | "delete-all" | "revoke") =>
        {
            ChangeKind::Removed
        }
        _ => ChangeKind::Modified,
    }
}

fn inverse(kind: ChangeKind) -> ChangeKind {
    match kind {
        ChangeKind::Added => ChangeKind::Removed,
        ChangeKind::Removed => ChangeKind::Added,
        ChangeKind::Modified => ChangeKind::Modified,
    }
}

fn migrations<'a>(
    mut old: Vec<&'a Fact>,
    mut new: Vec<&'a Fact>,
    touched: &BTreeSet<String>,
    changes: &mut Vec<Change>,
) {
    pair(&mut old, &mut new, |fact| {
        format!("{}|{:?}", fact.identity, fact.attributes)
    });
    // A step that was edited is told by its new form.
    let edited: Vec<(&Fact, &Fact)> = pair(&mut old, &mut new, |fact| fact.identity.clone());
    let mut groups: BTreeMap<(String, ChangeKind), Vec<(&Fact, bool)>> = BTreeMap::new();
    for (_, fact) in &edited {
        groups
            .entry((table(fact), ChangeKind::Modified))
            .or_default()
            .push((fact, true));
    }
    for fact in &new {
        let kind = kind_of(fact.text("operation").unwrap_or_default());
        groups
            .entry((table(fact), kind))
            .or_default()
            .push((fact, true));
    }
    for fact in &old {
        let kind = inverse(kind_of(fact.text("operation").unwrap_or_default()));
        groups
            .entry((table(fact), kind))
            .or_default()
            .push((fact, false));
    }
    for ((table, kind), steps) in groups {
        let destructive = steps
            .iter()
            .any(|(fact, at_head)| *at_head && fact.attributes.contains_key("destructive"));
        if touched.contains(&table) && !destructive {
            continue;
        }
        let (first, at_head) = steps[0];
        let mut words: Vec<String> = steps
            .iter()
            .map(|(fact, at_head)| {
                let names = || {
                    let all = fact.attributes.get("fields").and_then(Json::as_array);
                    let names = all.into_iter().flatten();
                    let names = names.filter_map(|field| field["name"].as_str());
                    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                    let creates = fact.text("operation") == Some("create-table");
                    (!names.is_empty() && !creates).then(|| format!(" {}", enumerate(&names, 3)))
                };
                let column = fact
                    .text("column")
                    .map(|column| format!(" `{column}`"))
                    .or_else(names)
                    .unwrap_or_default();
                let operation = fact.text("operation").unwrap_or_default().replace('-', " ");
                format!(
                    "{operation}{column}{}",
                    if *at_head { "" } else { " (migration removed)" }
                )
            })
            .collect();
        words.dedup();
        let found: Vec<String> = steps
            .iter()
            .flat_map(|(fact, _)| sensitive(fields(fact).values().copied()))
            .collect();
        let mut title = format!(
            "table {}: {}",
            first.text("table").unwrap_or_default(),
            enumerate(&words, 3)
        );
        if !found.is_empty() && kind == ChangeKind::Added {
            title.push_str(&format!("; sensitive {}", enumerate(&found, 3)));
        }
        let weakened = destructive
            || steps.iter().any(|(fact, _)| {
                matches!(
                    fact.text("operation"),
                    Some("disable-row-security" | "drop-policy" | "grant")
                )
            });
        let direction = if weakened || kind == ChangeKind::Added && !found.is_empty() {
            Direction::Weakened
        } else {
            Direction::Neutral
        };
        let (before, after) = if at_head {
            (None, Some(first))
        } else {
            (Some(first), None)
        };
        let mut one = change(FactKind::DataModel, kind, direction, title, before, after);
        if destructive {
            one.notes
                .push("destroys data: it cannot be rolled back without a backup".into());
        }
        groups_group(&steps, &mut one);
        changes.push(one);
    }
}

fn groups_group(steps: &[(&Fact, bool)], one: &mut Change) {
    if steps.len() > 1 {
        let by = group(steps.iter().map(|(fact, _)| *fact), |fact| {
            fact.identity.clone()
        });
        one.affected = by
            .values()
            .map(|facts| {
                let fact = facts[0];
                super::affected(
                    fact.text("column")
                        .or(fact.text("table"))
                        .unwrap_or_default(),
                    fact.text("operation").unwrap_or_default(),
                    &fact.location,
                )
            })
            .collect();
    }
}
