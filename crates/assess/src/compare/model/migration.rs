//! Steps of migrations. A step that says what a model says as well is no change of its own: the
//! model's change gets its place, and what it destroys.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::{Told, fields, plain, sensitive, table};
use crate::assessment::{Change, ChangeKind, Direction};
use crate::compare::{affected, change, enumerate, group, pair};

/// How a step changes the data model.
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

fn operation(fact: &Fact) -> &str {
    fact.text("operation").unwrap_or_default()
}

/// The columns that a step names.
fn columns(fact: &Fact) -> Vec<String> {
    let all = fact.attributes.get("fields").and_then(Json::as_array);
    let named = all.into_iter().flatten();
    let named = named.filter_map(|field| field["name"].as_str());
    let of_column = operation(fact).ends_with("-column");
    let own = fact.text("column").filter(|_| of_column);
    named.chain(own).map(plain).collect()
}

/// What a loss means to whoever runs the migration.
fn meaning(loss: &str) -> &'static str {
    match loss {
        "not-null-without-default" => "fails where the table has rows",
        "type-may-narrow" => "values that do not fit the new type are cut or make it fail",
        "constraint-dropped" => "what the constraint kept out gets in from now on",
        "policy-dropped" | "row-security-off" => "rows are no longer kept apart by the database",
        "trigger-dropped" => "what the trigger did no longer happens",
        _ => "destroys data: it cannot be rolled back without a backup",
    }
}

pub(super) fn compare<'a>(mut old: Vec<&'a Fact>, mut new: Vec<&'a Fact>, told: &mut Vec<Told>) {
    pair(&mut old, &mut new, |fact| {
        format!("{}|{:?}", fact.identity, fact.attributes)
    });
    // A step that was edited is told by its new form.
    let edited: Vec<(&Fact, &Fact)> = pair(&mut old, &mut new, |fact| fact.identity.clone());
    let mut groups: BTreeMap<(String, ChangeKind), Vec<(&Fact, bool)>> = BTreeMap::new();
    for (_, fact) in &edited {
        let key = (table(fact), ChangeKind::Modified);
        groups.entry(key).or_default().push((fact, true));
    }
    for fact in &new {
        let key = (table(fact), kind_of(operation(fact)));
        groups.entry(key).or_default().push((fact, true));
    }
    for fact in &old {
        let key = (table(fact), inverse(kind_of(operation(fact))));
        groups.entry(key).or_default().push((fact, false));
    }
    for ((table, kind), mut steps) in groups {
        steps.retain(|(fact, at_head)| !joined(fact, *at_head, &table, told));
        if !steps.is_empty() {
            told.push(step(table, kind, &steps));
        }
    }
}

/// Adds a step to the change of a model that tells of the same; whether there is one.
fn joined(fact: &Fact, at_head: bool, table: &str, told: &mut [Told]) -> bool {
    let loss = fact.text("destructive").filter(|_| at_head);
    let columns = columns(fact);
    let whole = matches!(operation(fact), "create-table" | "drop-table");
    let of_table = |one: &Told| !one.words.is_empty() && !one.passes && one.table == table;
    let says = |one: &Told| {
        of_table(one)
            && (whole && one.whole
                || !columns.is_empty() && columns.iter().all(|name| one.columns.contains(name)))
    };
    if let Some(one) = told.iter_mut().find(|one| says(one)) {
        let subject = fact.text("column").or(fact.text("table"));
        let place = affected(subject.unwrap_or_default(), operation(fact), &fact.location);
        one.change.affected.push(place);
        if let Some(loss) = loss {
            destroys(&mut one.change, loss);
        }
        return true;
    }
    // What else is done to a table whose model changes is how the change is made.
    let hides = columns.is_empty() || sensitive(fields(fact).values().copied()).is_empty();
    loss.is_none() && hides && told.iter().any(of_table)
}

fn destroys(change: &mut Change, loss: &str) {
    change.direction = Direction::Weakened;
    let fact = match &mut change.after {
        Some(fact) => Some(fact),
        None => change.before.as_mut(),
    };
    if let Some(fact) = fact {
        fact.attributes.insert("destructive".into(), json!(loss));
    }
    let note = meaning(loss);
    if !change.notes.iter().any(|said| said == note) {
        change.notes.push(note.into());
    }
}

fn step(table: String, kind: ChangeKind, steps: &[(&Fact, bool)]) -> Told {
    let losses = steps.iter().filter(|(_, at_head)| *at_head);
    let losses: Vec<&str> = losses
        .filter_map(|(fact, _)| fact.text("destructive"))
        .collect();
    let (first, at_head) = steps[0];
    let mut words: Vec<String> = steps
        .iter()
        .map(|(fact, at_head)| {
            let listed = || {
                let all = fact.attributes.get("fields").and_then(Json::as_array);
                let names = super::names(all.into_iter().flatten());
                let creates = operation(fact) == "create-table";
                (!names.is_empty() && !creates).then(|| format!(" {}", enumerate(&names, 3)))
            };
            let column = fact
                .text("column")
                .map(|column| format!(" `{column}`"))
                .or_else(listed)
                .unwrap_or_default();
            let operation = operation(fact).replace('-', " ");
            let removed = if *at_head { "" } else { " (migration removed)" };
            format!("{operation}{column}{removed}")
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
    let all = steps
        .iter()
        .flat_map(|(fact, _)| fields(fact).into_values());
    let deciding = super::names(all.filter(|field| super::decides(field)));
    if !deciding.is_empty() && kind == ChangeKind::Added {
        title.push_str(&format!("; access-control {}", enumerate(&deciding, 3)));
    }
    let opens = |(fact, _): &(&Fact, bool)| {
        matches!(
            operation(fact),
            "disable-row-security" | "drop-policy" | "grant"
        )
    };
    let weakened = !losses.is_empty() || steps.iter().any(opens);
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
    for loss in losses {
        destroys(&mut one, loss);
    }
    if steps.len() > 1 {
        let by = group(steps.iter().map(|(fact, _)| *fact), |fact| {
            fact.identity.clone()
        });
        one.affected = by
            .values()
            .map(|facts| {
                let fact = facts[0];
                let subject = fact.text("column").or(fact.text("table"));
                affected(subject.unwrap_or_default(), operation(fact), &fact.location)
            })
            .collect();
    }
    Told {
        change: one,
        table,
        columns: Default::default(),
        whole: false,
        words: String::new(),
        passes: false,
    }
}
