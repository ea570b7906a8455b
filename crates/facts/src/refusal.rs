//! When code turns a request away: the condition around each place in one spelling, however the
//! language lets it be written, and every refusal by its condition, whatever it answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::element::*;
use crate::fact::Location;
use crate::link::Linker;
use crate::local::{Site, shown, subject};
use crate::project::FileId;
use crate::text::{digest, plain};

/// By subject and the digest of what is asked: where a request is refused.
pub type Refusals = BTreeMap<(String, String), Vec<Location>>;

/// What the files say whose own facts were read, beside these facts: for comparing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wording {
    /// What the code asks where it turns a request away, whatever it answers: a denial that only
    /// answers otherwise is no lost denial.
    pub refusals: Refusals,
    /// The names of types and fields that are declared: where one of one side gave way to one of the
    /// other, it may be another name for the same.
    pub names: BTreeSet<String>,
    /// What denials and checks ask, by their digests.
    pub texts: BTreeMap<String, String>,
}

impl Wording {
    /// A digest of a text that is known by it.
    pub(crate) fn digest(&mut self, text: &str) -> String {
        let digest = digest(text);
        self.texts
            .entry(digest.clone())
            .or_insert_with(|| text.to_owned());
        digest
    }

    /// Adds what a file declares.
    pub(crate) fn declared(&mut self, unit: &Unit) {
        let fields = unit
            .assigns
            .iter()
            .filter(|assign| assign.function.is_none());
        let types = unit.classes.iter().map(|class| &class.name);
        let names = types.chain(fields.filter_map(|assign| assign.name.as_ref()));
        self.names.extend(names.map(|name| name.to_string()));
    }
}

/// How a condition must turn out for a place to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Holds,
    Fails,
    /// Nothing came of the value: it is none, or an error.
    Nothing,
}

/// The nearest condition around each expression of a file that has one, inside of its function.
///
/// `except`: branches that ask nothing that counts.
pub(crate) fn conditions(
    linker: &Linker<'_>,
    file: FileId,
    except: &BTreeSet<ExprId>,
) -> BTreeMap<ExprId, (ExprId, Way)> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let instead = &linker.project.language(file).instead;
    let mut found: BTreeMap<ExprId, (ExprId, Way)> = BTreeMap::new();
    // What is inside has smaller ids and is seen first: the nearest wins.
    for id in unit.ids() {
        match unit.kind(id) {
            ExprKind::Branch {
                condition,
                then,
                otherwise,
            } if !except.contains(&id) => {
                for inner in unit.descendants(*then) {
                    found.entry(inner).or_insert((*condition, Way::Holds));
                }
                for inner in otherwise.iter().flat_map(|id| unit.descendants(*id)) {
                    found.entry(inner).or_insert((*condition, Way::Fails));
                }
            }
            // `may() or refuse()`, `found ?? refuse()`
            ExprKind::Binary { op, left, right } => {
                let way = match &**op {
                    "&&" | "and" => Way::Holds,
                    "||" | "or" => Way::Fails,
                    "??" | "?:" => Way::Nothing,
                    _ => continue,
                };
                for inner in unit.descendants(*right) {
                    found.entry(inner).or_insert((*left, way));
                }
            }
            // `found.ok_or(refusal)?`, `found.map_err(|_| refusal)?`
            ExprKind::Call { callee, args } if !instead.is_empty() => {
                let ExprKind::Member { object, property } = unit.kind(*callee) else {
                    continue;
                };
                if !instead.iter().any(|name| **name == **property) {
                    continue;
                }
                for arg in args {
                    let inner: Vec<ExprId> = match unit.kind(arg.value) {
                        ExprKind::Function(function) => {
                            unit.inside(unit.function(*function).span).collect()
                        }
                        _ => unit.descendants(arg.value),
                    };
                    for inner in inner {
                        found.entry(inner).or_insert((*object, Way::Nothing));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// The name of a pattern: `Some` of `Some(user)`.
fn pattern(unit: &Unit, mut id: ExprId) -> Option<&str> {
    while let ExprKind::Other(parts) | ExprKind::Block(parts) = unit.kind(id)
        && let [only] = &parts[..]
    {
        id = *only;
    }
    let named = match unit.kind(id) {
        ExprKind::List(parts) => *parts.first()?,
        ExprKind::Call { callee, .. } => *callee,
        _ => id,
    };
    unit.last_name(named)
}

/// The value of which a condition says that nothing came of it: of `None` in a `match`, and of the
/// other way of `let Some(user) = found`.
pub(crate) fn nothing_of(
    linker: &Linker<'_>,
    file: FileId,
    condition: ExprId,
    way: Way,
) -> Option<ExprId> {
    if way == Way::Nothing {
        return Some(condition);
    }
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let language = linker.project.language(file);
    let among = |names: &[String], name: &str| names.iter().any(|one| one == name);
    if let ExprKind::Assign(index) = unit.kind(condition) {
        let assign = &unit.assigns[*index as usize];
        let name = pattern(unit, assign.target)?;
        let nothing = match way {
            Way::Holds => among(&language.nothing, name),
            _ => among(&language.something, name),
        };
        return assign.value.filter(|_| nothing);
    }
    let held = unit.held.get(&condition).filter(|_| way == Way::Holds)?;
    let nothing = match pattern(unit, condition) {
        Some("_") | None => {
            // What is left where the other way is that something came of it.
            let others = unit.held.iter();
            let mut others = others.filter(|(other, at)| **other != condition && *at == held);
            let other = others.next().and_then(|(other, _)| pattern(unit, *other));
            others.next().is_none() && other.is_some_and(|name| among(&language.something, name))
        }
        Some(name) => among(&language.nothing, name),
    };
    // The outermost expression of those that stand there.
    let ids = unit.inside(*held).filter(|id| unit.expr(*id).span == *held);
    nothing.then(|| ids.last()).flatten()
}

/// A condition in words: those for comparing, and those for showing.
pub(crate) fn words(
    linker: &Linker<'_>,
    site: &Site<'_>,
    unit: &Unit,
    condition: ExprId,
    way: Way,
) -> (String, String) {
    let same = same(linker, site.file, condition, way);
    if let Some(value) = nothing_of(linker, site.file, condition, way) {
        let shown = shown(linker, site, unit, value);
        return (same, format!("{shown} gives nothing"));
    }
    let text = match shown(linker, site, unit, condition) {
        // A pattern for all that no other one takes.
        text if text.is_empty() => "nothing else matches".to_owned(),
        text => text,
    };
    match way {
        Way::Holds => (same, text),
        _ => (same, format!("else of {text}")),
    }
}

/// A condition in the words for comparing.
fn same(linker: &Linker<'_>, file: FileId, condition: ExprId, way: Way) -> String {
    let parsed = linker.project.parsed(file);
    let own = &linker.project.language(file).self_names;
    match nothing_of(linker, file, condition, way) {
        Some(value) => format!("nothing of {}", plain(&parsed.unit, value, own)),
        None => spelled(&parsed.unit, condition, way == Way::Holds, own),
    }
}

/// What a function asks where it turns callers away itself, in its own words.
pub(crate) fn asked_by(linker: &Linker<'_>, file: FileId, function: FnId) -> Vec<String> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let span = unit.function(function).span;
    let denials: Vec<ExprId> = unit
        .inside(span)
        .filter(|id| linker.said_denial(file, *id).is_some())
        .collect();
    if denials.is_empty() {
        return Vec::new();
    }
    let own = &linker.project.language(file).self_names;
    let conditions = conditions(linker, file, &BTreeSet::new());
    let asked = denials.into_iter().filter_map(|id| {
        let handed = linker.handed_condition(file, id);
        if let Some((at, condition, negated)) = handed {
            let unit = &linker.project.parsed(at).unit;
            return Some(spelled(unit, condition, !negated, own));
        }
        let (condition, way) = *conditions.get(&id)?;
        Some(same(linker, file, condition, way))
    });
    asked.collect()
}

/// A condition for comparing: `if (!x)` and the other way of `if (x)` are one, and so are
/// `a != b` and the other way of `a == b`.
pub(crate) fn spelled(unit: &Unit, condition: ExprId, holds: bool, own: &[String]) -> String {
    let (mut id, mut holds) = (condition, holds);
    let text = loop {
        match unit.kind(id) {
            ExprKind::Unary { op, value } if matches!(&**op, "!" | "not") => {
                (id, holds) = (*value, !holds);
            }
            ExprKind::Other(parts) | ExprKind::Block(parts) if parts.len() == 1 => id = parts[0],
            ExprKind::Binary { op, left, right } => {
                let equal = match &**op {
                    "==" | "!=" => "==",
                    "===" | "!==" => "===",
                    "is" | "is not" => "is",
                    _ => break plain(unit, id, own),
                };
                holds ^= **op != *equal;
                let (left, right) = (plain(unit, *left, own), plain(unit, *right, own));
                break format!("{left} {equal} {right}");
            }
            _ => break plain(unit, id, own),
        }
    };
    match holds {
        true => text,
        false => format!("else of {text}"),
    }
}

/// Adds the branches that raise an error or answer that something is wrong, whatever it is.
///
/// `told`: what denials are told by already.
pub(crate) fn branches(
    linker: &Linker<'_>,
    site: &Site<'_>,
    told: &BTreeSet<ExprId>,
    refusals: &mut Refusals,
) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for id in unit.ids() {
        let ExprKind::Branch {
            condition,
            then,
            otherwise,
        } = unit.kind(id)
        else {
            continue;
        };
        let ways = [(Some(*then), Way::Holds), (*otherwise, Way::Fails)];
        for (way, holds) in ways {
            let Some(way) = way else { continue };
            let parts = unit.descendants(way);
            if parts.iter().any(|part| told.contains(part)) || !refuses(linker, site.file, way) {
                continue;
            }
            let (same, _) = words(linker, site, unit, *condition, holds);
            let key = (subject(unit, id), digest(&same));
            let place = site.location(unit.expr(*condition).span);
            refusals.entry(key).or_default().push(place);
        }
    }
}

/// Whether a way of a branch ends in an error, or in an answer whose status says that the request
/// was wrong.
fn refuses(linker: &Linker<'_>, file: FileId, way: ExprId) -> bool {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let failures = &linker.project.language(file).failures;
    let statements = match unit.kind(way) {
        ExprKind::Block(items) => items.clone(),
        _ => vec![way],
    };
    let status = |id: ExprId| match unit.kind(id) {
        ExprKind::Number(text) => text
            .parse::<u16>()
            .is_ok_and(|code| (400..600).contains(&code)),
        _ => false,
    };
    let ends = |id: ExprId| match unit.kind(id) {
        ExprKind::Exit {
            kind: ExitKind::Raise,
            ..
        } => true,
        ExprKind::Call { callee, args } => {
            let name = unit.last_name(*callee).unwrap_or_default();
            failures.iter().any(|failure| failure == name)
                || args.iter().any(|arg| status(arg.value))
        }
        _ => false,
    };
    statements
        .into_iter()
        .filter(|id| !matches!(unit.kind(*id), ExprKind::Branch { .. }))
        .flat_map(|id| unit.descendants(id))
        .any(ends)
}
