//! Data models field by field, and migrations. What a model and a migration say of the same column
//! is one change with both places.

mod entity;
mod migration;
mod redaction;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use threatgate_facts::{Evidence, Fact, FactKind};

use super::{Sides, enumerate, pair};
use crate::assessment::{Change, ChangeKind};

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let mut told = Vec::new();
    all(sides, &mut told);
    let told = together(once(told));
    changes.extend(told.into_iter().map(placed));
}

/// The change at the first field that it tells of, where the entity stays; who reads it need not be told
/// where the others stand.
fn placed(one: Told) -> Change {
    let mut change = one.change;
    if let (Some(after), false, false) = (&change.after, one.whole, change.at_base) {
        let told =
            |field: &&Evidence| field.role == "field" && one.columns.contains(&plain(&field.text));
        let first = after
            .evidence
            .iter()
            .filter(told)
            .map(|field| &field.location);
        if let Some(place) = first.min_by_key(|place| place.start) {
            change.location = place.clone();
        }
    }
    for fact in [&mut change.before, &mut change.after]
        .into_iter()
        .flatten()
    {
        fact.evidence.retain(|place| place.role != "field");
    }
    change
}

/// A change with what it is about.
struct Told {
    change: Change,
    /// What the entity is called in the database, as far as it can be told.
    table: String,
    /// The columns that it tells of.
    columns: BTreeSet<String>,
    /// The entity as a whole comes or goes.
    whole: bool,
    /// What it says but for the entity's name; equal words of one table are told once. Empty for
    /// steps of migrations.
    words: String,
    /// What only passes through: told together where it says the same of several.
    passes: bool,
}

/// A struct to read, one to insert and the schema say one thing of one table: the first is told.
fn once(all: Vec<Told>) -> Vec<Told> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for one in all {
        let top = one.change.location.path.split('/').next();
        let key = (
            top.unwrap_or_default().to_owned(),
            one.table.clone(),
            one.words.clone(),
        );
        if one.words.is_empty() || seen.insert(key) {
            kept.push(one);
        }
    }
    kept
}

/// The same fields that come through several doors are one change.
fn together(all: Vec<Told>) -> Vec<Told> {
    let mut kept: Vec<Told> = Vec::new();
    let mut first: BTreeMap<(ChangeKind, u8, BTreeSet<String>), usize> = BTreeMap::new();
    let mut more: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for one in all {
        let direction = super::direction(&one.change);
        let key = (one.change.change, direction, one.columns.clone());
        if !one.passes || one.columns.is_empty() {
            kept.push(one);
            continue;
        }
        let Some(at) = first.get(&key).copied() else {
            first.insert(key, kept.len());
            kept.push(one);
            continue;
        };
        let fact = one.change.after.as_ref().or(one.change.before.as_ref());
        let name = fact.map(|fact| fact.identity.clone()).unwrap_or_default();
        let affected = super::affected(&name, one.change.title.clone(), &one.change.location)
            .of(one.change.before.as_ref(), one.change.after.as_ref());
        kept[at].change.affected.push(affected);
        more.entry(at).or_default().push(format!("`{name}`"));
    }
    for (at, names) in more {
        let also = enumerate(&names, 2);
        kept[at].change.title.push_str(&format!("; so does {also}"));
    }
    kept
}

fn all(sides: &Sides<'_>, told: &mut Vec<Told>) {
    let (before, after) = sides.of(FactKind::DataModel);
    let redacts = |fact: &&Fact| fact.text("role") == Some("redaction");
    let (old_redaction, before): (Vec<&Fact>, Vec<&Fact>) = before.into_iter().partition(redacts);
    let (new_redaction, after): (Vec<&Fact>, Vec<&Fact>) = after.into_iter().partition(redacts);
    redaction::compare(sides, old_redaction, new_redaction, told);
    let answers = |fact: &&Fact| fact.text("role") == Some("answer");
    let (old_answers, before): (Vec<&Fact>, Vec<&Fact>) = before.into_iter().partition(answers);
    let (new_answers, after): (Vec<&Fact>, Vec<&Fact>) = after.into_iter().partition(answers);
    redaction::answers((old_answers, &before), (new_answers, &after), told);
    let is_migration = |fact: &&Fact| fact.text("operation").is_some();
    let (old_steps, before): (Vec<&Fact>, Vec<&Fact>) = before.into_iter().partition(is_migration);
    let (new_steps, after): (Vec<&Fact>, Vec<&Fact>) = after.into_iter().partition(is_migration);
    let protects = |fact: &&Fact| fact.text("role") == Some("protection");
    let (old_protection, mut before): (Vec<&Fact>, Vec<&Fact>) =
        before.into_iter().partition(protects);
    let (new_protection, mut after): (Vec<&Fact>, Vec<&Fact>) =
        after.into_iter().partition(protects);
    // A document that is new, or gone, as a whole tells what the code had before.
    let places = |facts: &[&Fact]| -> BTreeSet<String> {
        let all = facts.iter().filter(|fact| stated(fact));
        all.map(|fact| fact.location.path.clone()).collect()
    };
    let (old_places, new_places) = (places(&before), places(&after));
    before.retain(|fact| !stated(fact) || new_places.contains(&fact.location.path));
    after.retain(|fact| !stated(fact) || old_places.contains(&fact.location.path));
    let mut pairs = pair(&mut before, &mut after, |fact| {
        format!("{}|{}|{}", fact.identity, fact.location.path, passes(fact))
    });
    pairs.extend(pair(&mut before, &mut after, |fact| {
        format!(
            "{}|{}|{}",
            fact.identity,
            fact.text("framework").unwrap_or_default(),
            passes(fact)
        )
    }));
    for (old, new) in pairs {
        entity::changed(old, new, told);
    }
    // An entity of the same fields under another name was renamed.
    let shape = |fact: &Fact| {
        let fields: Vec<String> = fields(fact).values().map(|one| one.to_string()).collect();
        match fields.len() {
            0 | 1 => format!("{} {}", fact.identity, fact.location.path),
            _ => fields.join("|"),
        }
    };
    for (old, new) in pair(&mut before, &mut after, shape) {
        entity::renamed(old, new, told);
    }
    // What only passes the border has no name to keep: one that took the place of another in its file, or
    // in another file under a name of the same words, with the same sensitive fields, tells nothing new.
    let carried = |fact: &Fact| -> Option<String> {
        let mut all: Vec<String> = fields(fact).into_values().map(field_key).collect();
        all.sort();
        (passes(fact) && !all.is_empty()).then(|| {
            format!(
                "{}|{}",
                fact.text("role").unwrap_or_default(),
                all.join("|")
            )
        })
    };
    let none = |fact: &Fact| format!("none {} {}", fact.identity, fact.location.path);
    pair(&mut before, &mut after, |fact| match carried(fact) {
        Some(all) => format!("{all}|{}", fact.location.path),
        None => none(fact),
    });
    pair(&mut before, &mut after, |fact| match carried(fact) {
        Some(all) => format!("{all}|{}", last_words(&fact.identity)),
        None => none(fact),
    });
    let some = |fact: &&&Fact| !fields(fact).is_empty() && !carries(fact);
    for new in after.iter().filter(some) {
        told.push(entity::added(new));
    }
    for old in before.iter().filter(some) {
        told.push(entity::removed(old));
    }
    entity::protection(old_protection, new_protection, &after, &before, told);
    migration::compare(old_steps, new_steps, told);
}

/// A step of a migration in words; a model says what it is by its name and fields.
pub(super) fn said(fact: &Fact) -> Option<String> {
    let step = fact.text("operation")?.replace('-', " ");
    let table = fact.text("table").unwrap_or_default();
    let column = fact
        .text("column")
        .map(|column| format!(" `{column}`"))
        .unwrap_or_default();
    Some(format!("table {table}: {step}{column}"))
}

/// A name without the ways of writing it: `user_profiles`, `UserProfile`, `"UserProfiles"`.
pub(crate) fn plain(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    if let Some(stem) = plain.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        return format!("{stem}y");
    }
    for end in ["sses", "xes", "ches", "shes", "uses"] {
        if plain.ends_with(end) {
            return plain[..plain.len() - 2].to_owned();
        }
    }
    plain.strip_suffix('s').unwrap_or(&plain).to_owned()
}

/// What the entity is called in the database, as far as it can be told.
fn table(fact: &Fact) -> String {
    let name = fact.text("table").unwrap_or(&fact.identity);
    let name = plain(name.rsplit('.').next().unwrap_or(name));
    // A model to derive from stands for those that only name it: `AbstractOrder` for `order`.
    let own = name.strip_prefix("abstract").filter(|own| !own.is_empty());
    own.map(str::to_owned).unwrap_or(name)
}

fn has(field: &Json, attribute: &str) -> bool {
    field.get(attribute) == Some(&Json::Bool(true))
}

fn class(field: &Json) -> Option<&str> {
    field.get("sensitivity").and_then(Json::as_str)
}

/// Whether a field decides who may what.
fn decides(field: &Json) -> bool {
    field.get("control").and_then(Json::as_str) == Some("access")
}

/// Whether a document states the model, and no code.
fn stated(fact: &Fact) -> bool {
    fact.text("framework") == Some("openapi")
}

/// A sensitive field by its name and what it holds.
fn field_key(field: &Json) -> String {
    let name = field["name"].as_str().unwrap_or_default();
    let class = class(field).unwrap_or_default();
    format!("{} {class} {}", plain(name), decides(field))
}

/// The last two words of a name in capitals: `AuthorDto` of `ItemAuthorDto`.
fn last_words(name: &str) -> &str {
    let starts: Vec<usize> = name
        .char_indices()
        .filter(|(_, letter)| letter.is_uppercase())
        .map(|(at, _)| at)
        .collect();
    let at = starts.len().checked_sub(2).map_or(0, |at| starts[at]);
    name.get(at..).unwrap_or(name)
}

/// Whether what is said of the fact only passes the border of the program.
fn passes(fact: &Fact) -> bool {
    matches!(fact.text("role"), Some("transfer" | "request" | "response"))
}

/// Whether an answer, new or gone as a whole, only carries a credential that its name alone tells: to
/// hand over a token is what it is for, and the endpoint tells it.
fn carries(fact: &Fact) -> bool {
    let named = |field: &&Json| {
        class(field) == Some("credential")
            && field.get("confidence").and_then(Json::as_str) != Some("resolved")
            && !decides(field)
    };
    passes(fact) && fields(fact).values().all(named)
}

/// The fields that are compared: all of what is stored, the sensitive ones of what only passes
/// through. What callers hand in holds their credentials by its nature.
fn fields(fact: &Fact) -> BTreeMap<String, &Json> {
    let all = fact.attributes.get("fields").and_then(Json::as_array);
    let told = |field: &Json| match fact.text("role") {
        Some("transfer") => class(field).is_some() && !has(field, "hidden"),
        Some("response") => {
            let shown = !has(field, "hidden") && !has(field, "write_only");
            shown && (class(field).is_some() || has(field, "everything"))
        }
        // Callers say who they are; that is news only where nothing else can be meant.
        Some("request") => {
            let sure = field.get("confidence").and_then(Json::as_str) == Some("resolved");
            let told = class(field).is_some_and(|class| class != "credential") && sure;
            !has(field, "read_only") && (told || decides(field))
        }
        _ => true,
    };
    all.into_iter()
        .flatten()
        .filter(|field| told(field))
        .filter_map(|field| Some((field["name"].as_str()?.to_owned(), field)))
        .collect()
}

/// The sensitive ones among fields, each with its class.
fn sensitive<'a>(fields: impl Iterator<Item = &'a Json>) -> Vec<String> {
    fields
        .filter_map(|field| {
            let class = class(field)?;
            let encrypted = if has(field, "encrypted") {
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

fn names<'a>(fields: impl Iterator<Item = &'a Json>) -> Vec<String> {
    fields
        .filter_map(|field| Some(format!("`{}`", field["name"].as_str()?)))
        .collect()
}
