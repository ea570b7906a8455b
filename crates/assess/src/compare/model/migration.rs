//! Steps of migrations. A step that says what a model says as well is no change of its own: the
//! model's change gets its place, and what it destroys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind};

use super::{Told, fields, plain, sensitive, table};
use crate::assessment::{Change, ChangeKind, Direction};
use crate::compare::{affected, change, enumerate, group, pair};

/// The attribute that says what a destroyed column held.
const CONCERNS: &str = "concerns";

/// Nothing sensitive, and nothing that decides about access.
const ORDINARY: &str = "ordinary";

/// Attributes of a field without which its loss is that of a column like any other.
const TELLING: [&str; 6] = [
    "sensitivity",
    "control",
    "unique",
    "references",
    "encrypted",
    "primary_key",
];

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
    let again = replaced(&new);
    let rebuilt = rebuilt(&mut new);
    // Tables of which something that kept order goes at the same time: no column is lost there by itself.
    let loosened: BTreeSet<String> = new
        .iter()
        .filter(|fact| takes_protection(operation(fact)) && !again.contains(&fact.identity))
        .map(|fact| table(fact))
        .collect();
    // What an edited step makes that it did not make before.
    let mut more: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    let mut less: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for (old, fact) in &edited {
        let before = fields(old);
        let came = fields(fact).into_iter();
        let came = came.filter(|(name, _)| !before.contains_key(name));
        let came: Vec<Json> = came.map(|(_, field)| field.clone()).collect();
        more.entry(fact.identity.clone()).or_default().extend(came);
        let after = fields(fact);
        let gone = before.into_iter();
        let gone = gone.filter(|(name, _)| !after.contains_key(name));
        let gone = gone.map(|(_, field)| field.clone());
        less.entry(fact.identity.clone()).or_default().extend(gone);
        let key = (table(fact), ChangeKind::Modified);
        groups.entry(key).or_default().push((fact, true));
    }
    for fact in &new {
        let same = again.contains(&fact.identity) || rebuilt.contains(&fact.identity);
        let kind = match same {
            true => ChangeKind::Modified,
            false => kind_of(operation(fact)),
        };
        let key = (table(fact), kind);
        groups.entry(key).or_default().push((fact, true));
    }
    for fact in &old {
        let key = (table(fact), inverse(kind_of(operation(fact))));
        groups.entry(key).or_default().push((fact, false));
    }
    for ((table, kind), mut steps) in groups {
        let alone = !loosened.contains(&table);
        steps.retain(|(fact, at_head)| !joined(fact, *at_head, (&table, alone), told));
        if !steps.is_empty() {
            told.push(step((table, alone), kind, &steps, (&more, &less)));
        }
    }
}

/// Constraints that are dropped and made again, by the steps' identities. A convention may put
/// more before the name: `ck_logs_realm` for `realm`.
fn replaced(steps: &[&Fact]) -> BTreeSet<String> {
    let of = |wanted: &str| -> Vec<&Fact> {
        let own = steps.iter().filter(|fact| operation(fact) == wanted);
        own.filter(|fact| fact.text("column").is_some())
            .copied()
            .collect()
    };
    let mut again = BTreeSet::new();
    let made = of("add-constraint");
    for dropped in of("drop-constraint") {
        let name = dropped.text("column").unwrap_or_default();
        let same = made.iter().find(|fact| {
            let other = fact.text("column").unwrap_or_default();
            let prefixed = name.strip_suffix(other);
            table(fact) == table(dropped)
                && prefixed.is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
        });
        if let Some(same) = same {
            again.insert(dropped.identity.clone());
            again.insert(same.identity.clone());
        }
    }
    again
}

/// Takes out what makes room for a table that is made anew with its rows: the old one is renamed,
/// and dropped at the end. Gives the steps that make it.
fn rebuilt(steps: &mut Vec<&Fact>) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    let aside: Vec<(String, String)> = steps
        .iter()
        .filter(|fact| operation(fact) == "rename-table")
        .filter_map(|fact| Some((table(fact), plain(fact.text("to")?))))
        .collect();
    for (name, old) in aside {
        let of = |wanted: &str, table_name: &str| {
            let mut found = steps.iter();
            found
                .find(|fact| operation(fact) == wanted && table(fact) == table_name)
                .map(|fact| fact.identity.clone())
        };
        let (Some(create), Some(_)) = (of("create-table", &name), of("drop-table", &old)) else {
            continue;
        };
        made.insert(create);
        steps.retain(|fact| {
            let table = table(fact);
            !(operation(fact) == "rename-table" && table == name
                || operation(fact) == "drop-table" && table == old)
        });
    }
    made
}

/// Adds a step to the change of a model that tells of the same; whether there is one.
fn joined(fact: &Fact, at_head: bool, (table, alone): (&str, bool), told: &mut [Told]) -> bool {
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
            let ordinary = alone && is_ordinary(fact) && says_nothing_else(&one.change);
            destroys(&mut one.change, loss, ordinary);
        }
        return true;
    }
    // What else is done to a table whose model changes is how the change is made.
    let hides = columns.is_empty() || sensitive(fields(fact).values().copied()).is_empty();
    loss.is_none() && hides && told.iter().any(of_table)
}

/// By a name, what is said of it.
type Columns = BTreeMap<String, Vec<Json>>;

/// Whether a step takes away what keeps rows in order or apart.
fn takes_protection(operation: &str) -> bool {
    matches!(
        operation,
        "drop-constraint"
            | "drop-policy"
            | "alter-policy"
            | "drop-trigger"
            | "disable-row-security"
            | "grant"
    )
}

/// Whether a step only costs a column that holds nothing sensitive and decides nothing.
fn is_ordinary(fact: &Fact) -> bool {
    fact.text(CONCERNS) == Some(ORDINARY)
}

/// Whether the fields that a change tells of are ordinary, and nothing kept rows apart or in order by them.
fn says_nothing_else(change: &Change) -> bool {
    let mut values: Vec<&Json> = Vec::new();
    for delta in &change.deltas {
        values.extend([&delta.before, &delta.after]);
    }
    while let Some(value) = values.pop() {
        match value {
            Json::Array(items) => values.extend(items),
            Json::Object(field) => {
                let says = |key: &&str| !matches!(field.get(*key), None | Some(Json::Bool(false)));
                if TELLING.iter().any(says) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

fn destroys(change: &mut Change, loss: &str, ordinary: bool) {
    let fact = match &mut change.after {
        Some(fact) => Some(fact),
        None => change.before.as_mut(),
    };
    if let Some(fact) = fact {
        // What was weakened by something else stays so.
        let so_far = change.direction != Direction::Weakened || is_ordinary(fact);
        fact.attributes.insert("destructive".into(), json!(loss));
        match ordinary && so_far {
            true => fact.attributes.insert(CONCERNS.into(), json!(ORDINARY)),
            false => fact.attributes.remove(CONCERNS),
        };
    }
    change.direction = Direction::Weakened;
    let note = meaning(loss);
    if !change.notes.iter().any(|said| said == note) {
        change.notes.push(note.into());
    }
}

fn step(
    (table, alone): (String, bool),
    kind: ChangeKind,
    steps: &[(&Fact, bool)],
    (more, less): (&Columns, &Columns),
) -> Told {
    let losses = steps.iter().filter(|(_, at_head)| *at_head);
    let losses: Vec<(&str, bool)> = losses
        .filter(|(fact, _)| {
            kind != ChangeKind::Modified || !operation(fact).ends_with("-constraint")
        })
        .filter_map(|(fact, _)| Some((fact.text("destructive")?, is_ordinary(fact))))
        .collect();
    let (first, at_head) = steps[0];
    let mut words: Vec<String> = steps
        .iter()
        .map(|(fact, at_head)| {
            let listed = || {
                let all = fact.attributes.get("fields").and_then(Json::as_array);
                // A column that several branches write in their own way is one.
                let mut names = super::names(all.into_iter().flatten());
                let mut seen = BTreeSet::new();
                names.retain(|name| seen.insert(name.clone()));
                let creates = operation(fact) == "create-table";
                (!names.is_empty() && !creates).then(|| format!(" {}", enumerate(&names, 3)))
            };
            let column = fact
                .text("column")
                .map(|column| format!(" `{column}`"))
                .or_else(listed)
                .unwrap_or_default();
            let edited = more.get(&fact.identity);
            let operation = match (operation(fact), kind) {
                ("create-table", ChangeKind::Modified) if edited.is_none() => {
                    "rebuild table".to_owned()
                }
                (operation, _) => operation.replace('-', " "),
            };
            let removed = if *at_head { "" } else { " (migration removed)" };
            let came = super::names(edited.into_iter().flatten());
            let now = match came.is_empty() {
                true => String::new(),
                false => format!(" now with {}", enumerate(&came, 3)),
            };
            let gone = super::names(less.get(&fact.identity).into_iter().flatten());
            let without = match (gone.is_empty(), came.is_empty()) {
                (true, _) => String::new(),
                (false, true) => format!(" now without {}", enumerate(&gone, 3)),
                (false, false) => format!(" and without {}", enumerate(&gone, 3)),
            };
            format!("{operation}{column}{now}{without}{removed}")
        })
        .collect();
    words.dedup();
    let gains = |fact: &Fact| -> Vec<Json> {
        match (kind, more.get(&fact.identity)) {
            (ChangeKind::Added, _) => fields(fact).into_values().cloned().collect(),
            (ChangeKind::Modified, Some(came)) => came.clone(),
            _ => Vec::new(),
        }
    };
    let gained: Vec<Json> = steps.iter().flat_map(|(fact, _)| gains(fact)).collect();
    let found = sensitive(gained.iter());
    let mut title = format!(
        "table {}: {}",
        first.text("table").unwrap_or_default(),
        enumerate(&words, 3)
    );
    if !found.is_empty() {
        title.push_str(&format!("; sensitive {}", enumerate(&found, 3)));
    }
    let deciding = super::names(gained.iter().filter(|field| super::decides(field)));
    if !deciding.is_empty() {
        title.push_str(&format!("; access-control {}", enumerate(&deciding, 3)));
    }
    // What a migration that is gone would have opened stays shut.
    let opens = |(fact, at_head): &(&Fact, bool)| {
        *at_head
            && matches!(
                operation(fact),
                "disable-row-security" | "drop-policy" | "grant"
            )
    };
    let weakened = !losses.is_empty() || steps.iter().any(opens);
    let direction = if weakened || !found.is_empty() {
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
    let ordinary = alone
        && found.is_empty()
        && deciding.is_empty()
        && !steps.iter().any(opens)
        && losses.iter().all(|(_, ordinary)| *ordinary);
    for fact in [&mut one.before, &mut one.after].into_iter().flatten() {
        fact.attributes.remove(CONCERNS);
    }
    if !losses.is_empty() {
        one.direction = Direction::Neutral;
    }
    for (loss, _) in losses {
        destroys(&mut one, loss, ordinary);
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
