//! Resources of infrastructure and of the delivery pipeline: what each trait gained and lost, by
//! the weights that the rules gave: above 0 harms, below 0 protects.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use threatgate_facts::{Fact, FactKind, Location};

use super::{Sides, affected, change, delta, enumerate, group, pair};
use crate::assessment::{Affected, Change, ChangeKind, Direction};

/// From this weight on an item of a new resource is worth a word.
const SERIOUS: f64 = 2.0;
/// Below this weight a gain is no news, nor up to it an exchange of like for like.
const NOTABLE: f64 = 1.0;
/// The aspect of a resource that is there to protect others.
const PROTECTS: &str = "protection";

#[derive(Clone, Debug, Deserialize)]
struct Item {
    item: String,
    weight: f64,
    says: String,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    unknown: bool,
    /// How it is written, where many are one.
    #[serde(default)]
    shown: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    start: usize,
    end: usize,
}

impl Item {
    fn location(&self, path: &str) -> Location {
        Location {
            path: path.to_owned(),
            line: self.line,
            column: self.column,
            end_line: self.end_line,
            end_column: self.end_column,
            start: self.start,
            end: self.end,
        }
    }

    fn words(&self) -> String {
        if self.says.is_empty() {
            format!("has {}", self.item)
        } else {
            self.says.clone()
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Trait {
    aspect: String,
    #[serde(default)]
    told: bool,
    items: Vec<Item>,
}

fn traits(fact: &Fact) -> Vec<(&String, Trait)> {
    let map = fact.attributes.get("traits").and_then(Json::as_object);
    let all = map.into_iter().flatten();
    all.filter_map(|(name, value)| Some((name, Trait::deserialize(value).ok()?)))
        .collect()
}

/// All that is compared, free of places.
fn content(fact: &Fact) -> String {
    let mut out = fact.text("resource").unwrap_or_default().to_owned();
    for (name, one) in traits(fact) {
        for item in one.items {
            out.push_str(&format!("\n{name}={}", item.item));
        }
    }
    out
}

fn title(fact: &Fact) -> &str {
    fact.text("title").unwrap_or(&fact.identity)
}

/// The fact as a report shows it: without weights and places.
fn shown(fact: &Fact, of: Option<(&str, &str, f64)>) -> Fact {
    let mut fact = fact.clone();
    fact.attributes.remove("traits");
    fact.attributes.remove("told");
    if let Some((name, aspect, weight)) = of {
        let severity = if weight >= SERIOUS {
            "serious"
        } else {
            "minor"
        };
        fact.attributes.insert("trait".into(), json!(name));
        fact.attributes.insert("aspect".into(), json!(aspect));
        fact.attributes.insert("severity".into(), json!(severity));
    }
    fact
}

pub(super) fn compare(sides: &Sides<'_>, changes: &mut Vec<Change>) {
    let (mut old, mut new) = sides.of(FactKind::Infra);
    pair(&mut old, &mut new, |fact| {
        format!("{}|{}|{}", fact.identity, content(fact), fact.location.path)
    });
    pair(&mut old, &mut new, |fact| {
        format!("{}|{}", fact.identity, content(fact))
    });
    let mut pairs = pair(&mut old, &mut new, |fact| {
        format!("{}|{}", fact.identity, fact.location.path)
    });
    pairs.extend(pair(&mut old, &mut new, |fact| fact.identity.clone()));
    // Another name, and nothing else.
    pair(&mut old, &mut new, content);
    // The only one of its kind in its file has another name.
    let place = |fact: &Fact| {
        format!(
            "{}|{}",
            fact.text("resource").unwrap_or_default(),
            fact.location.path
        )
    };
    let (mut lone_old, mut lone_new) = (Vec::new(), Vec::new());
    let (by_old, by_new) = (
        group(old.iter().copied(), place),
        group(new.iter().copied(), place),
    );
    for (key, ones) in &by_old {
        if let ([a], Some([b])) = (&ones[..], by_new.get(key).map(Vec::as_slice)) {
            lone_old.push(*a);
            lone_new.push(*b);
        }
    }
    old.retain(|fact| !lone_old.iter().any(|other| std::ptr::eq(*other, *fact)));
    new.retain(|fact| !lone_new.iter().any(|other| std::ptr::eq(*other, *fact)));
    pairs.extend(lone_old.into_iter().zip(lone_new));
    let mut all = Vec::new();
    for (a, b) in pairs {
        modified(a, b, &mut all);
    }
    grouped(all, changes);
    for fact in old {
        removed(fact, changes);
    }
    added(&new, changes);
}

/// What several items do, the heaviest first.
fn phrases(items: &[&Item], gone: bool) -> String {
    let mut items = items.to_vec();
    items.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    let mut words: Vec<String> = Vec::new();
    for item in items {
        let phrase = item.words();
        if !words.contains(&phrase) {
            words.push(phrase);
        }
    }
    // Phrases that begin alike share their beginning.
    if let [first, rest @ ..] = &words[..]
        && !rest.is_empty()
    {
        let mut common = 0;
        for (at, _) in first.match_indices(' ') {
            if rest.iter().all(|word| word.starts_with(&first[..=at])) {
                common = at + 1;
            }
        }
        for word in words.iter_mut().skip(1) {
            *word = word[common..].to_owned();
        }
    }
    let line = enumerate(&words, 2);
    if !gone {
        return line;
    }
    // "is no longer", "may no longer", "no longer runs".
    match line.split_once(' ') {
        Some((verb @ ("is" | "may" | "can"), rest)) => format!("{verb} no longer {rest}"),
        _ => format!("no longer {line}"),
    }
}

fn texts(items: &[&Item]) -> String {
    let given = items.iter().filter(|item| !item.default);
    let words: Vec<String> = given
        .map(|item| match &*item.shown {
            "" => format!("`{}`", item.item),
            shown => format!("`{shown}`"),
        })
        .collect();
    enumerate(&words, 2)
}

/// A change with what it says beside the resource's name.
struct Said {
    change: Change,
    title: String,
    what: String,
}

/// The same of several resources of a file is one change.
fn grouped(all: Vec<Said>, changes: &mut Vec<Change>) {
    let mut groups: Vec<Vec<Said>> = Vec::new();
    for one in all {
        let same = |other: &Said| {
            other.what == one.what
                && other.change.direction == one.change.direction
                && other.change.location.path == one.change.location.path
        };
        match groups
            .iter_mut()
            .find(|group| group.first().is_some_and(same))
        {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    for group in groups {
        let count = group.len();
        let mut group = group.into_iter();
        let Some(mut first) = group.next() else {
            continue;
        };
        if count > 1 {
            let also = count - 1;
            first.change.title = format!("{} and {also} more: {}", first.title, first.what);
        }
        first.change.affected = group
            .map(|one| {
                affected(&one.title, one.what, &one.change.location)
                    .of(one.change.before.as_ref(), one.change.after.as_ref())
            })
            .collect();
        changes.push(first.change);
    }
}

fn modified(a: &Fact, b: &Fact, changes: &mut Vec<Said>) {
    let (before, after) = (traits(a), traits(b));
    let names: BTreeSet<&String> = before.iter().chain(&after).map(|(name, _)| *name).collect();
    for name in names {
        let of = |side: &[(&String, Trait)]| {
            let one = side.iter().find(|(known, _)| *known == name);
            one.map(|(_, one)| one.clone())
        };
        let (x, y) = (of(&before), of(&after));
        let both = x.is_some() && y.is_some();
        let Some(known) = y.as_ref().or(x.as_ref()) else {
            continue;
        };
        // Where a trait does not apply, neither does its default.
        let items = |one: &Option<Trait>| -> Vec<Item> {
            let items = one.iter().flat_map(|one| one.items.clone());
            items.filter(|item| both || !item.default).collect()
        };
        let (old, new) = (items(&x), items(&y));
        let lacks = |items: &[Item], item: &Item| !items.iter().any(|one| one.item == item.item);
        let lost: Vec<&Item> = old.iter().filter(|item| lacks(&new, item)).collect();
        let gained: Vec<&Item> = new.iter().filter(|item| lacks(&old, item)).collect();
        if lost.is_empty() && gained.is_empty() {
            continue;
        }
        let most = |items: &[&Item], sign: f64| {
            let weights = items.iter().map(|item| item.weight * sign);
            weights.fold(0.0, f64::max)
        };
        let harm = most(&gained, 1.0).max(most(&lost, -1.0));
        let help = most(&lost, 1.0).max(most(&gained, -1.0));
        let unknown = gained.iter().any(|item| item.unknown) && most(&gained, 1.0) == 0.0;
        let direction = if unknown {
            Direction::Neutral
        } else if harm > help {
            Direction::Weakened
        } else if help > harm {
            Direction::Strengthened
        } else {
            Direction::Neutral
        };
        if direction == Direction::Neutral && !known.told && harm.max(help) <= NOTABLE {
            continue;
        }
        // Small gains are no news: an action less, a download less.
        if direction == Direction::Strengthened && help < NOTABLE && !known.told {
            continue;
        }
        // What is put into a variable is no news where nothing was at stake.
        if unknown && !known.told && help >= harm {
            continue;
        }
        let pick = |items: &[&'_ Item], sign: f64| -> Vec<Item> {
            let own = items.iter().filter(|item| item.weight * sign > 0.0);
            own.map(|item| (*item).clone()).collect()
        };
        let (cause, at_head) = match direction {
            Direction::Weakened if most(&gained, 1.0) >= most(&lost, -1.0) => {
                (pick(&gained, 1.0), true)
            }
            Direction::Weakened => (pick(&lost, -1.0), false),
            Direction::Strengthened if most(&gained, -1.0) >= most(&lost, 1.0) => {
                (pick(&gained, -1.0), true)
            }
            Direction::Strengthened => (pick(&lost, 1.0), false),
            Direction::Neutral if gained.is_empty() => {
                (lost.iter().map(|item| (*item).clone()).collect(), false)
            }
            Direction::Neutral => (gained.iter().map(|item| (*item).clone()).collect(), true),
        };
        let cause: Vec<&Item> = cause.iter().collect();
        let beside = if at_head {
            texts(&lost)
        } else {
            texts(&gained)
        };
        let (what, word) = if unknown {
            let now = texts(&gained);
            (format!("takes {name} from {now}"), "was")
        } else if at_head {
            (phrases(&cause, false), "was")
        } else {
            (phrases(&cause, true), "now")
        };
        let mut what = what;
        if !beside.is_empty() {
            what.push_str(&format!(" ({word} {beside})"));
        }
        let of = Some((name.as_str(), known.aspect.as_str(), harm.max(help)));
        let (before, after) = (shown(a, of), shown(b, of));
        let mut one = change(
            FactKind::Infra,
            ChangeKind::Modified,
            direction,
            format!("{} {what}", title(b)),
            Some(&before),
            Some(&after),
        );
        // A default stands nowhere; then the resource does.
        if let Some(item) = gained.iter().find(|item| !item.default) {
            one.location = item.location(&b.location.path);
        }
        let value = |fact: &Fact| fact.attributes.get(name).cloned().unwrap_or(Json::Null);
        one.deltas.push(delta(name, value(a), value(b)));
        changes.push(Said {
            change: one,
            title: title(b).to_owned(),
            what,
        });
    }
}

/// What a whole resource does by itself, heaviest first: phrase and aspect.
fn serious(fact: &Fact) -> Vec<(Item, String, String)> {
    let mut all: Vec<(Item, String, String)> = Vec::new();
    for (name, one) in traits(fact) {
        for item in one.items {
            if item.weight >= SERIOUS && !item.default {
                all.push((item, name.clone(), one.aspect.clone()));
            }
        }
    }
    all.sort_by(|a, b| b.0.weight.total_cmp(&a.0.weight));
    all
}

fn removed(fact: &Fact, changes: &mut Vec<Change>) {
    let worst = serious(fact);
    let (direction, line, of) = if let Some(protects) = fact.text("protects") {
        let line = format!("{} removed: it {protects}", title(fact));
        (
            Direction::Weakened,
            line,
            Some(("protects", PROTECTS, SERIOUS)),
        )
    } else if let Some((first, name, aspect)) = worst.first() {
        let items: Vec<&Item> = worst.iter().map(|(item, _, _)| item).collect();
        let line = format!("{} removed: it {}", title(fact), phrases(&items, false));
        let of = Some((name.as_str(), aspect.as_str(), first.weight));
        (Direction::Strengthened, line, of)
    } else {
        return;
    };
    let before = shown(fact, of);
    changes.push(change(
        FactKind::Infra,
        ChangeKind::Removed,
        direction,
        line,
        Some(&before),
        None,
    ));
}

fn added(new: &[&Fact], changes: &mut Vec<Change>) {
    let mut quiet: Vec<&Fact> = Vec::new();
    let mut loud: Vec<Said> = Vec::new();
    for fact in new {
        let worst = serious(fact);
        let (direction, what, of, place) = if let Some((first, name, aspect)) = worst.first() {
            let items: Vec<&Item> = worst.iter().map(|(item, _, _)| item).collect();
            let of = (name.as_str(), aspect.as_str(), first.weight);
            let place = first.location(&fact.location.path);
            (Direction::Weakened, phrases(&items, false), of, place)
        } else if let Some(protects) = fact.text("protects") {
            let of = ("protects", PROTECTS, SERIOUS);
            let place = fact.location.clone();
            (Direction::Strengthened, protects.to_owned(), of, place)
        } else {
            if fact.attributes.contains_key("told") {
                quiet.push(fact);
            }
            continue;
        };
        let after = shown(fact, Some(of));
        let mut one = change(
            FactKind::Infra,
            ChangeKind::Added,
            direction,
            format!("{} added: it {what}", title(fact)),
            None,
            Some(&after),
        );
        one.location = place;
        loud.push(Said {
            change: one,
            title: format!("{} added", title(fact)),
            what,
        });
    }
    let mut news = Vec::new();
    grouped(loud, &mut news);
    // What comes together with nothing remarkable is one line, or stands under what is.
    for (path, facts) in group(quiet, |fact| fact.location.path.clone()) {
        let also = |facts: &[&Fact]| -> Vec<Affected> {
            let all = facts.iter();
            all.map(|fact| affected(title(fact), "added", &fact.location))
                .collect()
        };
        if let Some(loud) = news.iter_mut().find(|one| one.location.path == path) {
            loud.affected.extend(also(&facts));
            continue;
        }
        let [first, rest @ ..] = &facts[..] else {
            continue;
        };
        let mut line = format!("{} added", title(first));
        if !rest.is_empty() {
            line = format!("{} and {} more added", title(first), rest.len());
        }
        let after = shown(first, None);
        let mut one = change(
            FactKind::Infra,
            ChangeKind::Added,
            Direction::Neutral,
            line,
            None,
            Some(&after),
        );
        one.affected = also(rest);
        news.push(one);
    }
    changes.append(&mut news);
}
