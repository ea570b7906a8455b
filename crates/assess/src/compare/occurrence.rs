//! Facts without a natural unique identity, as counted multisets: checks, denials and the bodies
//! of guards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use threatgate_facts::{Fact, FactKind, Location};

use super::cause::by_cause;
use super::endpoint::Handlers;
use super::{Sides, affected, change, deltas, enumerate, pair, plural};
use crate::assessment::{Affected, Change, ChangeKind, Direction};

pub(super) fn compare(sides: &Sides<'_>, handlers: &Handlers, changes: &mut Vec<Change>) {
    let (mut before, mut after) = sides.of(FactKind::Auth);
    let subjects = Subjects::new(sides);
    still_refused(sides, &mut before, &mut after);
    asked_by_helper(&mut before, &mut after);
    asked_by_helper(&mut after, &mut before);
    handed_on(&subjects, &mut before, &mut after, changes);
    let mut renamed = Vec::new();
    let (b, a) = (of_type(&before, "check"), of_type(&after, "check"));
    checks(sides, &subjects, handlers, b, a, &mut renamed, changes);
    let (b, a) = (of_type(&before, "denial"), of_type(&after, "denial"));
    denials(sides, &subjects, handlers, b, a, &mut renamed, changes);
    by_other_names(&subjects, &renamed, changes);
    let (b, a) = (
        of_type(&before, "guard-body"),
        of_type(&after, "guard-body"),
    );
    bodies(b, a, changes);
}

/// Takes out denials that only answer otherwise: the other side refuses at the same place, on the
/// same condition, with another status or error.
fn still_refused<'a>(sides: &Sides<'a>, before: &mut Vec<&'a Fact>, after: &mut Vec<&'a Fact>) {
    let (old, new) = (of_type(before, "denial"), of_type(after, "denial"));
    let place = |fact: &Fact| {
        (
            text(fact, "subject").to_owned(),
            text(fact, "digest").to_owned(),
        )
    };
    let count = |facts: &[&Fact], key: &(String, String)| {
        facts.iter().filter(|fact| place(fact) == *key).count()
    };
    let refusals = [
        &sides.before.wording.refusals,
        &sides.after.wording.refusals,
    ];
    let others = |side: usize, denials: &[&Fact], key: &(String, String)| {
        let all = refusals[side].get(key).map_or(0, Vec::len);
        all.saturating_sub(count(denials, key))
    };
    let keys: BTreeSet<(String, String)> = old.iter().chain(&new).map(|fact| place(fact)).collect();
    for key in keys {
        let (was, is) = (count(&old, &key), count(&new, &key));
        let (other_was, other_is) = (others(0, &old, &key), others(1, &new, &key));
        // Those that answer otherwise now, on the side where they are no denials.
        let (side, many) = if was > is && other_is > other_was {
            (1, (was - is).min(other_is - other_was))
        } else if is > was && other_was > other_is {
            (0, (is - was).min(other_was - other_is))
        } else {
            continue;
        };
        let (denials, checks) = match side {
            1 => (&mut *before, &mut *after),
            _ => (&mut *after, &mut *before),
        };
        let mut left = many;
        denials.retain(|fact| {
            let same = left > 0 && text(fact, "type") == "denial" && place(fact) == key;
            left -= usize::from(same);
            !same
        });
        // A denial tells what its condition asks; these refusals tell nothing.
        let places = refusals[side].get(&key);
        checks.retain(|fact| {
            let at = &fact.location;
            let inside = |place: &Location| {
                place.path == at.path && place.start <= at.start && at.start < place.end
            };
            let mut places = places.into_iter().flatten();
            text(fact, "type") != "check" || !places.any(inside)
        });
    }
}

/// Takes out denials of functions that call a helper in their place which asks the same, and
/// these calls.
fn asked_by_helper<'a>(denying: &mut Vec<&'a Fact>, calling: &mut Vec<&'a Fact>) {
    let (mut old, mut new) = (denying.clone(), calling.clone());
    pair(&mut old, &mut new, |fact| match text(fact, "type") {
        "denial" => key(fact, &["type", "subject", "digest"]),
        _ => format!("{}|{}", key(fact, &["type", "subject"]), asked(fact)),
    });
    let calls = of_type(&new, "check");
    let mut told: Vec<&Fact> = Vec::new();
    for denial in of_type(&old, "denial") {
        let call = calls.iter().find(|call| {
            text(call, "subject") == text(denial, "subject")
                && call.texts("asks").contains(&text(denial, "digest"))
        });
        let Some(call) = call else { continue };
        told.extend([denial, *call]);
        // The helper may have been there without it.
        let own = of_type(&new, "denial").into_iter().find(|own| {
            let last = text(own, "subject").rsplit('.').next();
            last == Some(text(call, "callee"))
        });
        told.extend(own);
    }
    let stays = |fact: &&Fact| !told.iter().any(|other| std::ptr::eq(*other, *fact));
    denying.retain(stays);
    calling.retain(stays);
}

/// When a denial turns away, as said.
fn when(fact: &Fact) -> String {
    match text(fact, "condition") {
        "always" => "everybody".to_owned(),
        // What stands in the other branch of a condition is denied unless it holds.
        condition => match condition.strip_prefix("else of ") {
            Some(rest) if !rest.contains("else of ") => format!("unless `{rest}`"),
            _ => format!("when `{condition}`"),
        },
    }
}

/// The words for what asks: a function by its name, one without by the endpoint that it answers or
/// by the function that it stands in.
struct Subjects {
    endpoints: BTreeMap<String, String>,
}

impl Subjects {
    fn new(sides: &Sides<'_>) -> Self {
        let (before, after) = sides.of(FactKind::Endpoint);
        let all = before.into_iter().chain(after);
        let all = all.filter_map(|fact| Some((fact.text("handler")?, fact)));
        let unnamed = all.filter(|(handler, _)| is_unnamed(handler));
        Self {
            endpoints: unnamed
                .map(|(handler, fact)| (handler.to_owned(), super::endpoint::name(fact)))
                .collect(),
        }
    }

    fn name(&self, fact: &Fact) -> String {
        let subject = text(fact, "subject");
        if !is_unnamed(subject) {
            return match subject {
                "module" => fact.location.path.clone(),
                _ => subject.to_owned(),
            };
        }
        if let Some(endpoint) = self.endpoints.get(subject) {
            return endpoint.clone();
        }
        match fact.text("within").or_else(|| around(subject)) {
            Some(around) => format!("a function in {around}"),
            None => format!("a function of {}", fact.location.path),
        }
    }
}

/// Whether a function is called after the call that it is handed to, or not at all.
fn is_unnamed(subject: &str) -> bool {
    subject.ends_with(')') || subject.rsplit('.').next() == Some("anonymous")
}

/// The function around one without a name.
fn around(subject: &str) -> Option<&str> {
    let around = subject
        .split_once('(')
        .map_or(subject, |(around, _)| around);
    let mut around = around.rsplit_once('.')?.0;
    while let Some(outer) = around.strip_suffix(".anonymous") {
        around = outer;
    }
    (!matches!(around, "" | "anonymous")).then_some(around)
}

/// Denials that a function left to a call, and the reverse: it turned callers away itself and now
/// asks something that does. Takes both out of the lists.
fn handed_on<'a>(
    subjects: &Subjects,
    before: &mut Vec<&'a Fact>,
    after: &mut Vec<&'a Fact>,
    changes: &mut Vec<Change>,
) {
    let (mut old, mut new) = (before.clone(), after.clone());
    let same = |fact: &Fact| match text(fact, "type") {
        "check" => format!("{}|{}", text(fact, "subject"), asked(fact)),
        _ => key(fact, &["type", "subject", "digest", "outcome"]),
    };
    let matters = |fact: &&Fact| match text(fact, "type") {
        "denial" => !fact.attributes.contains_key("of_error"),
        "check" => !limits(fact) && !matches!(text(fact, "via"), "base" | "attribute"),
        _ => false,
    };
    old.retain(matters);
    new.retain(matters);
    pair(&mut old, &mut new, same);
    pair(&mut old, &mut new, |fact| match text(fact, "type") {
        "check" => asked(fact).to_owned(),
        _ => key(fact, &["type", "digest", "outcome"]),
    });
    let by_subject = |facts: Vec<&'a Fact>| {
        let mut groups: BTreeMap<&str, (Vec<&Fact>, Vec<&Fact>)> = BTreeMap::new();
        for fact in facts {
            let group = groups.entry(text(fact, "subject")).or_default();
            match text(fact, "type") {
                "denial" => group.0.push(fact),
                _ => group.1.push(fact),
            }
        }
        groups
    };
    // A lookup's limit that is held against what was found instead is the same control.
    let held = |limit: &Fact, others: &[&'a Fact]| {
        let mut others = others.iter().copied();
        others.find(|other| {
            looks_up(limit)
                && text(other, "type") == "denial"
                && text(other, "subject") == text(limit, "subject")
                && text(other, "condition")
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| word == text(limit, "callee"))
        })
    };
    let limited = |facts: &[&'a Fact]| -> Vec<&'a Fact> {
        let facts = facts.iter().copied();
        facts
            .filter(|fact| text(fact, "type") == "check" && looks_up(fact))
            .collect()
    };
    let (mut was, mut is) = (limited(before), limited(after));
    pair(&mut was, &mut is, same);
    let mut told: Vec<&Fact> = Vec::new();
    for (limits, others) in [(was, &mut new), (is, &mut old)] {
        for limit in limits {
            if let Some(denial) = held(limit, others) {
                told.extend([limit, denial]);
                others.retain(|other| !std::ptr::eq(*other, denial));
            }
        }
    }
    let (old, new) = (by_subject(old), by_subject(new));
    let mut moves: BTreeMap<(String, bool), Vec<(&Fact, &Fact)>> = BTreeMap::new();
    for (subject, was) in &old {
        let Some(is) = new.get(subject) else { continue };
        let (from, to, inwards) = match (&was.0[..], &was.1[..], &is.0[..], &is.1[..]) {
            (denials, [], [], [check, ..]) if !denials.is_empty() => (denials, *check, false),
            ([], [check, ..], denials, []) if !denials.is_empty() => (denials, *check, true),
            _ => continue,
        };
        told.extend(from);
        told.push(to);
        let words = format!("{}|{}", text(from[0], "condition"), text(to, "callee"));
        let (before, after) = if inwards {
            (to, from[0])
        } else {
            (from[0], to)
        };
        moves
            .entry((words, inwards))
            .or_default()
            .push((before, after));
    }
    let gone = |fact: &&Fact| !told.iter().any(|other| std::ptr::eq(*other, *fact));
    before.retain(gone);
    after.retain(gone);
    for ((_, inwards), places) in moves {
        let (old, new) = places[0];
        let (denial, check) = if inwards { (new, old) } else { (old, new) };
        let (who, verb) = match (places.len(), inwards) {
            (1, false) => (subjects.name(new), "now leaves"),
            (1, true) => (subjects.name(new), "no longer leaves"),
            (many, false) => (plural(many, "place"), "now leave"),
            (many, true) => (plural(many, "place"), "no longer leave"),
        };
        let (callee, outcome, when) = (text(check, "callee"), outcome(denial), when(denial));
        // What the denial's own condition asked, and what is only asked now, denies nobody.
        let asked = text(denial, "condition")
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == callee);
        let many = places.len() > 1;
        let title = match (asked, inwards) {
            (false, _) => format!("{who} {verb} it to `{callee}` to deny ({outcome}) {when}"),
            (true, false) => {
                let verb = if many {
                    "no longer deny"
                } else {
                    "no longer denies"
                };
                format!("{who} {verb} ({outcome}) {when}, though `{callee}` is still asked")
            }
            (true, true) => {
                let verb = if many { "now deny" } else { "now denies" };
                format!("{who} {verb} ({outcome}) {when}; `{callee}` was asked before")
            }
        };
        let (kind, how) = (FactKind::Auth, ChangeKind::Modified);
        let mut one = change(kind, how, Direction::Neutral, title, Some(old), Some(new));
        if places.len() > 1 {
            let places = places.iter();
            one.affected = places
                .map(|(_, new)| affected(text(new, "subject"), verb, &new.location))
                .collect();
        }
        changes.push(one);
    }
}

/// A check, a denial, a guard's body or a setting in words.
pub(super) fn said(fact: &Fact) -> Option<String> {
    let subject = text(fact, "subject");
    Some(match text(fact, "type") {
        "check" => {
            let call = text(fact, "call");
            match text(fact, "via") {
                "call" => format!("{subject} asks `{call}`, which turns callers away"),
                "base" => format!("{subject} derives from `{call}`, which checks callers"),
                _ if looks_up(fact) => format!("{subject} limits its lookup by `{call}`"),
                _ => format!("{subject} checks `{call}`"),
            }
        }
        "denial" => format!("{subject} denies ({}) {}", outcome(fact), when(fact)),
        "guard-body" => format!("the guard `{}`", text(fact, "name")),
        "setting" => super::setting::said(fact),
        _ => return None,
    })
}

fn of_type<'a>(facts: &[&'a Fact], ty: &str) -> Vec<&'a Fact> {
    let facts = facts.iter().copied();
    facts.filter(|fact| fact.text("type") == Some(ty)).collect()
}

pub(super) fn text<'a>(fact: &'a Fact, name: &str) -> &'a str {
    fact.text(name).unwrap_or_default()
}

pub(super) fn key(fact: &Fact, names: &[&str]) -> String {
    let mut key = String::new();
    for name in names {
        if let Some(value) = fact.attributes.get(*name) {
            key.push_str(&value.to_string());
        }
        key.push('|');
    }
    key
}

/// Whether the function around a fact came or went as a whole.
pub(super) fn came_or_went(
    fact: &Fact,
    functions: &BTreeSet<String>,
    handlers: &BTreeSet<String>,
) -> bool {
    let subject = text(fact, "subject");
    // The condition of a lookup goes with the function that looks up.
    let body = fact.text("within").unwrap_or(subject);
    handlers.contains(subject) || !functions.contains(body) && subject != "module"
}

/// As [`came_or_went`]; but a check of a class that stays is lost with its method.
fn left(fact: &Fact, functions: &BTreeSet<String>, handlers: &BTreeSet<String>) -> bool {
    let stays = || {
        let Some((class, _)) = text(fact, "subject").rsplit_once('.') else {
            return false;
        };
        let start = format!("{class}.");
        let mut others = functions.range(start.clone()..);
        others.next().is_some_and(|name| name.starts_with(&start))
    };
    let is = |name: &str| fact.attributes.get(name) == Some(&json!(true));
    // A method that answers requests goes with its endpoint.
    let overrides = is("overrides") && !handlers.contains(text(fact, "subject"));
    came_or_went(fact, functions, handlers) && !((is("hook") || overrides) && stays())
}

/// What a check asks, however it is written.
fn asked(fact: &Fact) -> &str {
    let same = fact.text("digest");
    same.unwrap_or_else(|| text(fact, "call"))
}

/// The checks that stand in a function, by what they ask.
fn standing<'a>(facts: &[&'a Fact]) -> BTreeSet<(&'a str, &'a str)> {
    let facts = facts.iter();
    facts
        .map(|fact| (text(fact, "subject"), asked(fact)))
        .collect()
}

/// Whether passing this check is enough where another one stood, or stands, by itself.
fn is_alternative(fact: &Fact, others: &BTreeSet<(&str, &str)>) -> bool {
    let beside = fact.texts("alternative_to");
    let mut beside = beside.into_iter();
    beside.any(|other| others.contains(&(text(fact, "subject"), other)))
}

/// A digest of what is asked, whatever variables are called.
fn origin(fact: &Fact) -> Option<&str> {
    fact.text("origin").or_else(|| fact.text("digest"))
}

/// Pairs those that ask the same of variables by other names.
fn pair_origins<'a>(
    sides: &Sides<'a>,
    before: &mut Vec<&'a Fact>,
    after: &mut Vec<&'a Fact>,
    names: &[&str],
    renamed: &mut Vec<Renamed<'a>>,
) {
    pair(before, after, |fact| {
        let origin = origin(fact).unwrap_or(&fact.identity);
        format!("{}|{origin}", key(fact, names))
    });
    // What is declared under another name now is asked as before.
    let (old, new) = (&sides.before.wording, &sides.after.wording);
    before.retain(|fact| {
        let Some(was) = origin(fact).and_then(|digest| old.texts.get(digest)) else {
            return true;
        };
        let same = after.iter().enumerate().find_map(|(at, other)| {
            let is = origin(other).and_then(|digest| new.texts.get(digest))?;
            let names = (key(fact, names) == key(other, names))
                .then(|| other_names(was, is, &old.names, &new.names))??;
            Some((at, names))
        });
        let Some((at, names)) = same else {
            return true;
        };
        renamed.push((*fact, after.remove(at), names));
        false
    });
}

/// Two that ask the same by other names, and these names.
type Renamed<'a> = (&'a Fact, &'a Fact, BTreeMap<String, String>);

/// The names by which two texts differ, if each is declared on its own side only.
fn other_names(
    was: &str,
    is: &str,
    old: &BTreeSet<String>,
    new: &BTreeSet<String>,
) -> Option<BTreeMap<String, String>> {
    let words = |text: &str| -> Vec<String> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut words: Vec<String> = Vec::new();
        let mut last = None;
        for c in text.chars() {
            match words.last_mut() {
                Some(word) if last == Some(is_word(c)) => word.push(c),
                _ => words.push(c.to_string()),
            }
            last = Some(is_word(c));
        }
        words
    };
    let (was, is) = (words(was), words(is));
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let same = was.len() == is.len()
        && was.iter().zip(&is).all(|(a, b)| {
            let gave_way =
                || old.contains(a) && !new.contains(a) && new.contains(b) && !old.contains(b);
            a == b || gave_way() && names.entry(a.clone()).or_insert_with(|| b.clone()) == b
        });
    same.then_some(names)
}

/// One change for all that asks the same by other names; whether these stand for the same is for
/// a reader to see.
fn by_other_names(subjects: &Subjects, places: &[Renamed<'_>], changes: &mut Vec<Change>) {
    let Some((old, new, _)) = places.first() else {
        return;
    };
    let names: BTreeSet<String> = places
        .iter()
        .flat_map(|(.., names)| names)
        .map(|(was, is)| format!("`{is}` for `{was}`"))
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    let title = match places.len() {
        1 => format!("{} asks by other names: ", subjects.name(new)),
        many => format!("{} ask by other names: ", plural(many, "place")),
    } + &enumerate(&names, 3);
    let (kind, how) = (FactKind::Auth, ChangeKind::Modified);
    let mut one = change(kind, how, Direction::Neutral, title, Some(old), Some(new));
    one.deltas = deltas(old, new, &["digest", "subject", "within", "origin", "asks"]);
    if places.len() > 1 {
        let places = places.iter();
        one.affected = places
            .map(|(old, new, _)| {
                affected(text(new, "subject"), "asks by other names", &new.location)
                    .of(Some(old), Some(new))
            })
            .collect();
    }
    changes.push(one);
}

fn checks<'a>(
    sides: &Sides<'a>,
    subjects: &Subjects,
    handlers: &Handlers,
    mut before: Vec<&'a Fact>,
    mut after: Vec<&'a Fact>,
    renamed: &mut Vec<Renamed<'a>>,
    changes: &mut Vec<Change>,
) {
    let (stood, stands) = (standing(&before), standing(&after));
    let how = |fact: &Fact| format!("{}|{}", asked(fact), key(fact, &["awaited", "swallowed"]));
    pair(&mut before, &mut after, |fact| {
        format!("{}|{}", key(fact, &["subject"]), how(fact))
    });
    pair(&mut before, &mut after, how);
    pair_origins(
        sides,
        &mut before,
        &mut after,
        &["subject", "awaited", "swallowed"],
        renamed,
    );
    // Two that turn callers away: one stands in the place of the other, or it is renamed.
    let by_call = |fact: &&Fact| fact.text("via") == Some("call");
    let (mut old, rest): (Vec<&Fact>, Vec<&Fact>) = before.into_iter().partition(by_call);
    let (mut new, more): (Vec<&Fact>, Vec<&Fact>) = after.into_iter().partition(by_call);
    pair(&mut old, &mut new, |fact| key(fact, &["subject"]));
    let mut before = [rest, old].concat();
    let mut after = [more, new].concat();
    let mut rewritten = Vec::new();
    for (old, new) in pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "callee"])
    }) {
        if limits(old) && limits(new) && same_value(old, new) {
            continue;
        }
        let lost_await = old.attributes.get("awaited") == Some(&json!(true))
            && new.attributes.get("awaited") == Some(&json!(false));
        let won_await = old.attributes.get("awaited") == Some(&json!(false))
            && new.attributes.get("awaited") == Some(&json!(true));
        let swallows = |fact: &Fact| fact.attributes.contains_key("swallowed");
        let (direction, title) = if swallows(old) != swallows(new) {
            let subject = subjects.name(new);
            let callee = text(new, "callee");
            match swallows(new) {
                true => (
                    Direction::Weakened,
                    format!(
                        "{subject} goes on whatever its check `{callee}` says: what it raises is caught"
                    ),
                ),
                false => (
                    Direction::Strengthened,
                    format!("{subject} no longer catches what its check `{callee}` raises"),
                ),
            }
        } else if won_await && old.text("call") == new.text("call") {
            (
                Direction::Strengthened,
                format!(
                    "{} now awaits `{}`",
                    subjects.name(new),
                    text(new, "callee")
                ),
            )
        } else if lost_await && old.text("call") == new.text("call") {
            (
                Direction::Weakened,
                format!(
                    "{} no longer awaits `{}`",
                    subjects.name(new),
                    text(new, "callee")
                ),
            )
        } else {
            (
                Direction::Neutral,
                format!(
                    "{} {}: `{}` became `{}`",
                    subjects.name(new),
                    match looks_up(new) {
                        true => "limits its lookup by another value",
                        false => "changed its check",
                    },
                    text(old, "call"),
                    text(new, "call")
                ),
            )
        };
        let mut one = change(
            FactKind::Auth,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(
            old,
            new,
            &["subject", "within", "alone", "through", "origin", "asks"],
        );
        rewritten.push(one);
    }
    changes.extend(by_cause(rewritten));
    // A call that lives on in another function of the same file was moved and rewritten.
    pair(&mut before, &mut after, |fact| {
        format!(
            "{}|{}",
            fact.text("callee").unwrap_or_default(),
            fact.location.path
        )
    });
    // A limit by the same column that stands elsewhere now was moved with the lookup.
    let (mut limited, mut before): (Vec<&Fact>, Vec<&Fact>) =
        before.into_iter().partition(|fact| limits(fact));
    pair(&mut limited, &mut after, |fact| match limits(fact) {
        true => text(fact, "callee").to_owned(),
        false => format!("{}|{}", fact.identity, fact.location.path),
    });
    before.extend(limited);
    let moved = Moved::new(sides);
    let gone = told_at_the_lookup(before, &sides.after.functions).into_iter();
    let mut gone: Vec<&Fact> = gone
        .filter(|old| {
            !left(old, &sides.after.functions, &handlers.removed)
                && !moved.tells(old, 1, &sides.after.functions)
        })
        .collect();
    let come = told_at_the_lookup(after, &sides.before.functions).into_iter();
    let mut come: Vec<&Fact> = come
        .filter(|new| {
            !left(new, &sides.before.functions, &handlers.added)
                && !moved.tells(new, -1, &sides.before.functions)
        })
        .collect();
    let alternative = |fact: &Fact| is_alternative(fact, &stands) || is_alternative(fact, &stood);
    replaced(subjects, alternative, &mut gone, &mut come, changes);
    let words = |old: &Fact| {
        let call = text(old, "call");
        if is_alternative(old, &stands) {
            let words = format!("no longer lets in by `{call}` alone");
            return Words::new(Direction::Strengthened, words);
        }
        if came_or_went(old, &sides.after.functions, &handlers.removed)
            && sides.before.functions.contains(text(old, "subject"))
        {
            return Words::new(
                Direction::Neutral,
                format!("is gone with its check `{call}`"),
            );
        }
        let (one, many) = match text(old, "via") {
            "call" => (
                format!("no longer asks `{call}`, which turns callers away"),
                format!("no longer ask `{call}`, which turns callers away"),
            ),
            "base" => (
                format!("no longer derives from `{call}`, which checks callers"),
                format!("no longer derive from `{call}`, which checks callers"),
            ),
            _ if looks_up(old) => (
                format!("no longer limits its lookup by `{call}`"),
                format!("no longer limit their lookup by `{call}`"),
            ),
            _ => (
                format!("lost its check `{call}`"),
                format!("lost their check `{call}`"),
            ),
        };
        Words::both(Direction::Weakened, one, many)
    };
    told_once(subjects, gone, words, ChangeKind::Removed, changes);
    let words = |new: &Fact| {
        let call = text(new, "call");
        if is_alternative(new, &stood) {
            return Words::new(Direction::Weakened, format!("now also lets in by `{call}`"));
        }
        let (one, many) = match text(new, "via") {
            "call" => (
                format!("now asks `{call}`, which turns callers away"),
                format!("now ask `{call}`, which turns callers away"),
            ),
            "base" => (
                format!("now derives from `{call}`, which checks callers"),
                format!("now derive from `{call}`, which checks callers"),
            ),
            _ if looks_up(new) => (
                format!("now limits its lookup by `{call}`"),
                format!("now limit their lookup by `{call}`"),
            ),
            _ => (
                format!("gained the check `{call}`"),
                format!("gained the check `{call}`"),
            ),
        };
        Words::both(Direction::Strengthened, one, many)
    };
    told_once(subjects, come, words, ChangeKind::Added, changes);
}

/// Checks in the place of which another one of their kind stands now: one change each, and
/// nobody knows here which of them lets fewer in.
fn replaced<'a>(
    subjects: &Subjects,
    alternative: impl Fn(&Fact) -> bool,
    gone: &mut Vec<&'a Fact>,
    come: &mut Vec<&'a Fact>,
    changes: &mut Vec<Change>,
) {
    let (mut old, mut new) = (gone.clone(), come.clone());
    old.retain(|fact| !alternative(fact));
    new.retain(|fact| !alternative(fact));
    let pairs = pair(&mut old, &mut new, |fact| {
        let kind = match text(fact, "via") {
            "" if looks_up(fact) => "lookup",
            via => via,
        };
        format!("{}|{kind}", text(fact, "subject"))
    });
    let of_pair = |fact: &&Fact| {
        let mut pairs = pairs.iter();
        !pairs.any(|(old, new)| std::ptr::eq(*old, *fact) || std::ptr::eq(*new, *fact))
    };
    gone.retain(of_pair);
    come.retain(of_pair);
    let mut edits: BTreeMap<String, Vec<(&Fact, &Fact)>> = BTreeMap::new();
    for (old, new) in pairs {
        let (was, is) = (text(old, "call"), text(new, "call"));
        let (verb, verbs) = match text(new, "via") {
            "base" => ("derives from", "derive from"),
            "" if looks_up(new) => ("limits its lookup by", "limit their lookup by"),
            _ => ("asks", "ask"),
        };
        let words = format!("{verb}|{verbs}|`{is}` in place of `{was}`");
        edits.entry(words).or_default().push((old, new));
    }
    for (words, places) in edits {
        let (old, new) = places[0];
        let mut words = words.splitn(3, '|');
        let (one, many) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let what = words.next().unwrap_or("");
        let title = match places.len() {
            1 => format!("{} {one} {what}", subjects.name(new)),
            count => format!("{} {many} {what}", plural(count, "place")),
        };
        let (kind, how) = (FactKind::Auth, ChangeKind::Modified);
        let mut change = change(kind, how, Direction::Neutral, title, Some(old), Some(new));
        change.deltas = vec![super::delta(
            "call",
            json!(text(old, "call")),
            json!(text(new, "call")),
        )];
        if places.len() > 1 {
            let places = places.iter();
            change.affected = places
                .map(|(old, new)| {
                    affected(text(new, "subject"), format!("{one} {what}"), &new.location)
                        .of(Some(old), Some(new))
                })
                .collect();
        }
        changes.push(change);
    }
}

/// What is said of a check that came or went, of one function and of many.
struct Words {
    direction: Direction,
    one: String,
    many: Option<String>,
}

impl Words {
    /// Words that are said of one function only.
    fn new(direction: Direction, one: String) -> Self {
        Self {
            direction,
            one,
            many: None,
        }
    }

    fn both(direction: Direction, one: String, many: String) -> Self {
        Self {
            direction,
            one,
            many: Some(many),
        }
    }
}

/// One change for all functions of which the same is said.
fn told_once(
    subjects: &Subjects,
    checks: Vec<&Fact>,
    words: impl Fn(&Fact) -> Words,
    kind: ChangeKind,
    changes: &mut Vec<Change>,
) {
    let mut groups: Vec<(Words, Vec<&Fact>)> = Vec::new();
    for fact in checks {
        let said = words(fact);
        let same = groups
            .iter_mut()
            .find(|(other, _)| said.many.is_some() && other.one == said.one);
        match same {
            Some((_, facts)) => facts.push(fact),
            None => groups.push((said, vec![fact])),
        }
    }
    for (said, facts) in groups {
        let first = facts[0];
        let who: BTreeSet<&str> = facts.iter().map(|fact| text(fact, "subject")).collect();
        let title = match (&said.many, who.len()) {
            (Some(many), 2..) => format!("{} {many}", plural(who.len(), "place")),
            _ => format!("{} {}", subjects.name(first), said.one),
        };
        let (before, after) = match kind {
            ChangeKind::Removed => (Some(first), None),
            _ => (None, Some(first)),
        };
        let mut one = change(FactKind::Auth, kind, said.direction, title, before, after);
        if facts.len() > 1 {
            let facts = facts.iter();
            one.affected = facts
                .map(|fact| affected(text(fact, "subject"), said.one.clone(), &fact.location))
                .collect();
        }
        changes.push(one);
    }
}

/// Whether a check limits records to those of somebody.
fn limits(fact: &Fact) -> bool {
    fact.attributes.contains_key("limits")
}

/// Whether a check limits what is looked up, not what was found.
fn looks_up(fact: &Fact) -> bool {
    limits(fact) && !fact.attributes.contains_key("compared")
}

/// Whether two limits by one column ask for the same: a variable may have another name now, the
/// caller may not have become somebody else.
fn same_value(old: &Fact, new: &Fact) -> bool {
    let last = |fact: &Fact| {
        text(fact, "call")
            .rsplit(['.', '='])
            .next()
            .map(str::to_owned)
    };
    text(old, "limits") == text(new, "limits")
        && (text(old, "limits") == "owner" || last(old) == last(new))
}

/// Without the callers of a function whose own lookup says the same, and without columns that
/// are all that is asked: what is looked for, not what it is limited to.
///
/// `others`: the functions of the other side. What came or went as a whole tells nothing itself.
fn told_at_the_lookup<'a>(facts: Vec<&'a Fact>, others: &BTreeSet<String>) -> Vec<&'a Fact> {
    let own: BTreeSet<(String, String)> = facts
        .iter()
        .filter(|fact| limits(fact) && fact.text("through").is_none())
        .filter(|fact| others.contains(text(fact, "subject")))
        .map(|fact| {
            (
                text(fact, "subject").to_owned(),
                text(fact, "callee").to_owned(),
            )
        })
        .collect();
    let mut told = facts;
    told.retain(|fact| {
        let through = fact.text("through");
        let alone = fact.attributes.contains_key("alone");
        !alone
            && through.is_none_or(|through| {
                !own.contains(&(through.to_owned(), text(fact, "callee").to_owned()))
            })
    });
    told
}

/// How many denials and checks each function has more at head than at base.
struct Moved {
    more: BTreeMap<String, i64>,
}

impl Moved {
    fn new(sides: &Sides<'_>) -> Self {
        let (before, after) = sides.of(FactKind::Auth);
        let mut more = BTreeMap::new();
        for (facts, sign) in [(before, -1), (after, 1)] {
            let all = facts.into_iter();
            let own = all.filter(|fact| {
                let direct = fact.text("type") == Some("check") && fact.text("via").is_none();
                fact.text("type") == Some("denial") || direct
            });
            for fact in own {
                *more.entry(text(fact, "subject").to_owned()).or_default() += sign;
            }
        }
        Self { more }
    }

    /// Whether the loss (or, with -1, the gain) of a call that turns callers away is told already:
    /// the function around does it itself now, or what it calls does it no longer.
    fn tells(&self, fact: &Fact, sign: i64, functions: &BTreeSet<String>) -> bool {
        if fact.text("via") != Some("call") {
            return false;
        }
        let callee = text(fact, "callee");
        self.more.iter().any(|(subject, more)| {
            let last = subject.rsplit('.').next().unwrap_or(subject);
            // A function that is gone or new says nothing of its calls.
            let stays = functions.contains(subject);
            subject == text(fact, "subject") && more * sign > 0
                || last == callee && more * sign < 0 && stays
        })
    }
}

fn denials<'a>(
    sides: &Sides<'a>,
    subjects: &Subjects,
    handlers: &Handlers,
    mut before: Vec<&'a Fact>,
    mut after: Vec<&'a Fact>,
    renamed: &mut Vec<Renamed<'a>>,
    changes: &mut Vec<Change>,
) {
    pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "digest", "outcome", "swallowed"])
    });
    pair_origins(
        sides,
        &mut before,
        &mut after,
        &["subject", "outcome", "swallowed"],
        renamed,
    );
    for (old, new) in pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "digest", "outcome"])
    }) {
        let swallowed = new.attributes.contains_key("swallowed");
        let subject = subjects.name(new);
        let when = match text(new, "condition") {
            "always" => String::new(),
            condition => format!(" when `{condition}`"),
        };
        let (direction, title) = match swallowed {
            true => (
                Direction::Weakened,
                format!("{subject} catches its own denial{when} and goes on"),
            ),
            false => (
                Direction::Strengthened,
                format!("{subject} no longer catches its own denial{when}"),
            ),
        };
        let mut one = change(
            FactKind::Auth,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject"]);
        changes.push(one);
    }
    // 401 became 403, the test is the same: nobody gets further than before.
    pair(&mut before, &mut after, |fact| {
        key(fact, &["subject", "digest"])
    });
    pair(&mut before, &mut after, |fact| {
        key(fact, &["digest", "outcome"])
    });
    // One edit of many functions is told once.
    let mut edits: BTreeMap<(&str, &str), Vec<(&Fact, &Fact)>> = BTreeMap::new();
    for (old, new) in pair(&mut before, &mut after, |fact| key(fact, &["subject"])) {
        let edit = (text(old, "condition"), text(new, "condition"));
        edits.entry(edit).or_default().push((old, new));
    }
    for ((was, is), places) in edits {
        let (old, new) = places[0];
        let who = match places.len() {
            1 => format!("{} denies", subjects.name(new)),
            many => format!("{} deny", plural(many, "place")),
        };
        let direction = match (was, is) {
            ("always", _) => Direction::Weakened,
            (_, "always") => Direction::Strengthened,
            _ => against(was, is),
        };
        let title = match (was, is) {
            ("always", _) => format!("{who} when `{is}` only, and no longer everybody"),
            (_, "always") => format!("{who} everybody now, not only when `{was}`"),
            _ => {
                let how = match direction {
                    Direction::Strengthened => "in more cases",
                    Direction::Weakened => "in fewer cases",
                    Direction::Neutral => "on another condition",
                };
                format!("{who} {how}: `{was}` became `{is}`")
            }
        };
        let mut one = change(
            FactKind::Auth,
            ChangeKind::Modified,
            direction,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["digest", "subject", "within", "origin"]);
        if places.len() > 1 {
            let places = places.iter().map(|(old, new)| {
                let outcome = format!("denies ({})", outcome(new));
                affected(text(new, "subject"), outcome, &new.location).of(Some(old), Some(new))
            });
            one.affected = places.collect();
        }
        changes.push(one);
    }
    // What failed is not let through on the other side either: only its words differ.
    let asks = |fact: &&Fact| !fact.attributes.contains_key("of_error");
    let gone = before
        .into_iter()
        .filter(|old| !left(old, &sides.after.functions, &handlers.removed))
        .filter(asks);
    for places in by_condition(gone) {
        let (one, many) = ("no longer denies", "no longer deny");
        let title = denial_title(subjects, &places, one, many);
        let (kind, direction) = (ChangeKind::Removed, Direction::Weakened);
        let mut one = change(
            FactKind::Auth,
            kind,
            direction,
            title,
            Some(places[0]),
            None,
        );
        one.affected = denial_places(&places, "no longer denies", false);
        changes.push(one);
    }
    let come = after
        .into_iter()
        .filter(|new| !left(new, &sides.before.functions, &handlers.added))
        .filter(asks);
    for places in by_condition(come) {
        let title = denial_title(subjects, &places, "now denies", "now deny");
        let (kind, direction) = (ChangeKind::Added, Direction::Strengthened);
        let mut one = change(
            FactKind::Auth,
            kind,
            direction,
            title,
            None,
            Some(places[0]),
        );
        one.affected = denial_places(&places, "now denies", true);
        changes.push(one);
    }
}

/// Denials with the same condition and outcome, in the order of the first of each.
fn by_condition<'a>(denials: impl Iterator<Item = &'a Fact>) -> Vec<Vec<&'a Fact>> {
    let mut groups: Vec<Vec<&Fact>> = Vec::new();
    for fact in denials {
        let same = |other: &&mut Vec<&Fact>| {
            text(other[0], "condition") == text(fact, "condition")
                && text(other[0], "outcome") == text(fact, "outcome")
                && text(fact, "condition") != "always"
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(fact),
            None => groups.push(vec![fact]),
        }
    }
    groups
}

/// How a denial ends, as shown.
fn outcome(fact: &Fact) -> &str {
    match text(fact, "outcome") {
        "hidden" => "404",
        outcome => outcome,
    }
}

/// The parts of a condition between signs that stand outside of brackets and texts.
fn between<'a>(condition: &'a str, signs: &[&str]) -> BTreeSet<&'a str> {
    let mut parts = BTreeSet::new();
    let (mut depth, mut quote, mut start) = (0_i32, None, 0);
    for (at, c) in condition.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'' | '`', None) => quote = Some(c),
            ('(' | '[' | '{', None) => depth += 1,
            (')' | ']' | '}', None) => depth -= 1,
            (' ', None) if depth == 0 => {
                let sign = signs.iter().find(|sign| condition[at..].starts_with(*sign));
                if let Some(sign) = sign
                    && at >= start
                {
                    parts.insert(condition[start..at].trim());
                    start = at + sign.len();
                }
            }
            _ => {}
        }
    }
    parts.insert(condition[start..].trim());
    parts
}

/// Whether one condition of a denial denies in more cases than another: one alternative more, or one
/// requirement less. Where both are of the other branch it is the other way round.
fn against(was: &str, is: &str) -> Direction {
    const OTHERWISE: &str = "else of ";
    let (was, is, turned) = match (was.strip_prefix(OTHERWISE), is.strip_prefix(OTHERWISE)) {
        (Some(was), Some(is)) => (was, is, true),
        (None, None) => (was, is, false),
        _ => return Direction::Neutral,
    };
    let by = |signs: &[&str]| (between(was, signs), between(is, signs));
    let alternatives = by(&[" || ", " or "]);
    let several = alternatives.0.len() > 1 || alternatives.1.len() > 1;
    let ((old, new), more_denies) = match several {
        true => (alternatives, true),
        false => (by(&[" && ", " and "]), false),
    };
    if old == new || !(old.is_subset(&new) || new.is_subset(&old)) {
        return Direction::Neutral;
    }
    let more = old.is_subset(&new);
    match (more == more_denies) != turned {
        true => Direction::Strengthened,
        false => Direction::Weakened,
    }
}

fn denial_title(subjects: &Subjects, places: &[&Fact], one: &str, many: &str) -> String {
    let fact = places[0];
    let who = match places.len() {
        1 => format!("{} {one}", subjects.name(fact)),
        count => format!("{} {many}", plural(count, "place")),
    };
    format!("{who} ({}) {}", outcome(fact), when(fact))
}

fn denial_places(places: &[&Fact], how: &str, at_head: bool) -> Vec<Affected> {
    if places.len() < 2 {
        return Vec::new();
    }
    let places = places.iter();
    places
        .map(|fact| {
            let place = affected(text(fact, "subject"), how, &fact.location);
            match at_head {
                true => place.of(None, Some(fact)),
                false => place.of(Some(fact), None),
            }
        })
        .collect()
}

/// Leaves out that a guard works differently where a change of its cryptography says how.
pub(super) fn without_told_bodies(changes: &mut Vec<Change>) {
    let place = |change: &Change| {
        let fact = change.after.as_ref().or(change.before.as_ref());
        fact.map(|fact| (text(fact, "subject").to_owned(), fact.location.path.clone()))
    };
    // What hashes a password or verifies a token, and denies by it, is told as that.
    let call = |change: &Change| {
        let at = &change.location;
        (
            at.path.clone(),
            at.line,
            change.at_base,
            change.change,
            change.direction,
        )
    };
    let calls: BTreeSet<_> = changes
        .iter()
        .filter(|change| change.kind == FactKind::Crypto && change.direction != Direction::Neutral)
        .map(call)
        .collect();
    changes.retain(|change| {
        let fact = change.after.as_ref().or(change.before.as_ref());
        let check = fact.and_then(|fact| fact.text("type")) == Some("check");
        !check || !change.affected.is_empty() || !calls.contains(&call(change))
    });
    let told: BTreeSet<(String, String)> = changes
        .iter()
        .filter(|change| change.kind == FactKind::Crypto)
        .filter_map(place)
        .collect();
    changes.retain(|change| {
        let body = change.after.as_ref().and_then(|fact| fact.text("type")) == Some("guard-body");
        let weakened = change.direction == Direction::Weakened;
        !body || weakened || place(change).is_none_or(|place| !told.contains(&place))
    });
}

/// Guards on both sides by what they came to take or left, and whether they came to take it.
type Taking<'a> = BTreeMap<(Vec<String>, bool), Vec<(&'a Fact, &'a Fact)>>;

/// Places from where guards take what shows who calls, and did not, or no longer do. Gives the
/// names of these guards.
fn credentials<'a>(pairs: &[(&'a Fact, &'a Fact)], changes: &mut Vec<Change>) -> BTreeSet<&'a str> {
    let mut groups = Taking::new();
    let mut told = BTreeSet::new();
    for (old, new) in pairs {
        let (was, is) = (old.texts("credentials"), new.texts("credentials"));
        for (here, there, gained) in [(&is, &was, true), (&was, &is, false)] {
            let differ = here.iter().filter(|place| !there.contains(place));
            let differ: Vec<String> = differ.map(|place| (*place).to_owned()).collect();
            if !differ.is_empty() {
                told.insert(text(new, "name"));
                groups.entry((differ, gained)).or_default().push((old, new));
            }
        }
    }
    for ((places, gained), guards) in groups {
        let (old, new) = guards[0];
        let verb = match (gained, guards.len()) {
            (true, 1) => "takes",
            (true, _) => "take",
            (false, 1) => "no longer takes",
            (false, _) => "no longer take",
        };
        let who = match guards.len() {
            1 => format!("the guard `{}`", guard(new)),
            many => plural(many, "guard"),
        };
        let places: Vec<String> = places
            .iter()
            .filter_map(|place| place.split_once(' '))
            .map(|(place, name)| format!("the {place} `{name}`"))
            .collect();
        let title = format!("{who} {verb} credentials from {}", enumerate(&places, 3));
        let mut one = change(
            FactKind::Auth,
            ChangeKind::Modified,
            Direction::Neutral,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject", "digest"]);
        if guards.len() > 1 {
            let guards = guards.iter();
            one.affected = guards
                .map(|(old, new)| {
                    affected(text(new, "name"), format!("{verb} them"), &new.location)
                        .of(Some(old), Some(new))
                })
                .collect();
        }
        changes.push(one);
    }
    told
}

/// The name of a guard; of a function without one, that of the function which makes it.
fn guard(fact: &Fact) -> &str {
    let name = text(fact, "name");
    match is_unnamed(name) {
        true => around(name).unwrap_or(name),
        false => name,
    }
}

/// The body of what is used as a guard on both sides.
fn bodies<'a>(mut before: Vec<&'a Fact>, mut after: Vec<&'a Fact>, changes: &mut Vec<Change>) {
    let mut pairs = pair(&mut before, &mut after, |fact| {
        format!("{}|{}", fact.identity, fact.location.path)
    });
    pairs.extend(pair(&mut before, &mut after, |fact| fact.identity.clone()));
    let told = credentials(&pairs, changes);
    for (old, new) in pairs {
        if old.text("digest") == new.text("digest") || told.contains(text(new, "name")) {
            continue;
        }
        let early = |fact: &Fact| fact.attributes.contains_key("ends_early");
        if early(new) != early(old) && !new.attributes.contains_key("finds_caller") {
            let (direction, how) = match early(new) {
                true => (
                    Direction::Weakened,
                    "returns before it has checked anything",
                ),
                false => (
                    Direction::Strengthened,
                    "no longer returns before it has checked anything",
                ),
            };
            let title = format!("the guard `{}` {how}", guard(new));
            let mut one = change(
                FactKind::Auth,
                ChangeKind::Modified,
                direction,
                title,
                Some(old),
                Some(new),
            );
            one.deltas = deltas(old, new, &["subject"]);
            changes.push(one);
            continue;
        }
        // A denial or check in it that changed says the same, and what.
        let name = text(new, "name");
        let within = |fact: &Fact| {
            let inner = text(fact, "subject").strip_prefix(name);
            fact.location.path == new.location.path
                && matches!(fact.text("type"), Some("denial" | "check"))
                && inner.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let told = changes.iter().any(|change| {
            let places = change.affected.iter();
            let mut places = places.map(|place| (place.subject.as_str(), &place.location.path));
            change
                .after
                .as_ref()
                .or(change.before.as_ref())
                .is_some_and(within)
                || change.kind == FactKind::Auth
                    && places.any(|(subject, path)| {
                        let inner = subject.strip_prefix(name);
                        *path == new.location.path
                            && inner.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    })
        });
        if told {
            continue;
        }
        let name = guard(new);
        let title = match new.attributes.contains_key("finds_caller") {
            true => format!("`{name}` finds out who calls in another way now"),
            false => format!("the guard `{name}` works differently now"),
        };
        let mut one = change(
            FactKind::Auth,
            ChangeKind::Modified,
            Direction::Neutral,
            title,
            Some(old),
            Some(new),
        );
        one.deltas = deltas(old, new, &["subject"]);
        changes.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_are_weighed_by_their_parts() {
        let check = |was: &str, is: &str, expected| assert_eq!(against(was, is), expected, "{is}");
        check("!a", "!a || !b", Direction::Strengthened);
        check("not a or f(b or c)", "not a", Direction::Weakened);
        check("!a", "!a && !b", Direction::Weakened);
        check("a and b == \" and \"", "a", Direction::Strengthened);
        check("a", "b", Direction::Neutral);
        check("a || b", "a || c", Direction::Neutral);
        check("else of a", "else of a && b", Direction::Strengthened);
        check("else of a", "a", Direction::Neutral);
    }
}
