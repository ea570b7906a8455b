//! Where a value comes from that must be new each time (a nonce, an IV, a salt) or that nobody may
//! know (a key): is it written down, drawn, or made of something else?

use serde::Deserialize;

use crate::element::*;
use crate::link::Linker;
use crate::project::{FileId, Target};

/// Values are followed through this many variables and calls.
const MAX_DEPTH: u32 = 10;

/// What calls do with values, by the last part of their names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origins {
    /// Gives random values.
    random: Vec<String>,
    /// Fills what it is handed with random bytes.
    fills: Vec<String>,
    /// Gives what it is handed in another form.
    keeps: Vec<String>,
    /// Makes room.
    blank: Vec<String>,
    /// Gives what follows from what it is handed.
    derives: Vec<String>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Constant,
    /// Room that nothing has filled yet.
    Blank,
    Random,
    Derived,
    Unknown,
}

/// `constant`, `derived` or `random`; none where it is not known.
pub(crate) fn origin(linker: &Linker<'_>, file: FileId, id: ExprId) -> Option<&'static str> {
    match find(linker, file, id, 0) {
        Origin::Constant => Some("constant"),
        Origin::Derived => Some("derived"),
        Origin::Random => Some("random"),
        Origin::Blank | Origin::Unknown => None,
    }
}

fn find(linker: &Linker<'_>, file: FileId, id: ExprId, depth: u32) -> Origin {
    if depth > MAX_DEPTH {
        return Origin::Unknown;
    }
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let deeper = |id: ExprId| find(linker, file, id, depth + 1);
    match unit.kind(id) {
        // An empty text is no value yet.
        ExprKind::Str(text) if !text.is_empty() => Origin::Constant,
        ExprKind::Number(_) => Origin::Blank,
        ExprKind::List(items) if !items.is_empty() => {
            let number = |id: &ExprId| matches!(unit.kind(*id), ExprKind::Number(_));
            if items.iter().all(number) {
                return Origin::Constant;
            }
            together(items.iter().map(|item| deeper(*item)))
        }
        ExprKind::Template(parts) => together(parts.iter().map(|part| deeper(*part))),
        ExprKind::Binary { op, left, right } if matches!(&**op, "+" | "." | "*") => {
            together([deeper(*left), deeper(*right)].into_iter())
        }
        ExprKind::Unary { value, .. } | ExprKind::Await(value) => deeper(*value),
        ExprKind::Index { object, .. } => deeper(*object),
        ExprKind::Name(name) => by_name(linker, file, id, name, depth),
        ExprKind::Member { object, property } => by_member(linker, file, *object, property, depth),
        ExprKind::Call { callee, args } => {
            let knowledge = &linker.cryptography().origins;
            let Some(last) = unit.last_name(*callee) else {
                return Origin::Unknown;
            };
            let is = |list: &[String]| list.iter().any(|word| word == last);
            let parts: Vec<Origin> = args.iter().map(|arg| deeper(arg.value)).collect();
            let object = match unit.kind(*callee) {
                ExprKind::Member { object, .. } => deeper(*object),
                _ => Origin::Unknown,
            };
            let all = || parts.iter().copied().chain([object]);
            if is(&knowledge.keeps) && all().any(|one| one == Origin::Constant) {
                // `hex` and the like are options, numbers are lengths.
                return match all().any(|one| one == Origin::Random) {
                    true => Origin::Random,
                    false if parts.contains(&Origin::Unknown) => Origin::Unknown,
                    false => Origin::Constant,
                };
            }
            if is(&knowledge.random) || all().any(|one| one == Origin::Random) {
                return Origin::Random;
            }
            if is(&knowledge.derives) {
                return Origin::Derived;
            }
            if is(&knowledge.blank) && parts.iter().all(|part| *part == Origin::Blank) {
                return Origin::Blank;
            }
            if is(&knowledge.keeps) && parts.iter().all(|part| *part == Origin::Blank) {
                return Origin::Blank;
            }
            Origin::Unknown
        }
        _ => Origin::Unknown,
    }
}

/// Of what is put together: random if a part is, constant if all are.
fn together(parts: impl Iterator<Item = Origin>) -> Origin {
    let parts: Vec<Origin> = parts.collect();
    let all_constant = parts
        .iter()
        .all(|part| matches!(part, Origin::Constant | Origin::Blank));
    if parts.contains(&Origin::Random) {
        Origin::Random
    } else if all_constant && parts.contains(&Origin::Constant) {
        Origin::Constant
    } else {
        Origin::Unknown
    }
}

fn by_name(linker: &Linker<'_>, file: FileId, id: ExprId, name: &str, depth: u32) -> Origin {
    let parsed = linker.project.parsed(file);
    let expr = parsed.unit.expr(id);
    let target = linker
        .project
        .lookup(file, name, expr.function, expr.span.start);
    let Target::Assign(at, index) = target else {
        return field(linker, file, name, depth);
    };
    let other = linker.project.parsed(at);
    let unit = &other.unit;
    let assign = &unit.assigns[index as usize];
    if at == file && filled(linker, unit, name, assign.function) {
        return Origin::Random;
    }
    let Some(value) = assign
        .value
        .filter(|_| !assign.each && assign.place.is_none())
    else {
        return Origin::Unknown;
    };
    // What takes several values in turn is none of them.
    let again = unit
        .assigns_to(name)
        .any(|one| !std::ptr::eq(one, assign) && one.function == assign.function);
    match again {
        true => Origin::Unknown,
        false => find(linker, at, value, depth + 1),
    }
}

/// A field of the class around, or a constant of a class of the file.
fn by_member(
    linker: &Linker<'_>,
    file: FileId,
    object: ExprId,
    property: &str,
    depth: u32,
) -> Origin {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let ExprKind::Name(name) = unit.kind(object) else {
        return Origin::Unknown;
    };
    let own = linker.project.language(file).self_names.iter();
    let known = own.chain([&"Self".to_owned()]).any(|word| **word == **name)
        || unit.classes.iter().any(|class| class.name == *name);
    match known {
        true => field(linker, file, property, depth),
        false => Origin::Unknown,
    }
}

/// What the only field, or constant of a class, of this name in the file is given.
fn field(linker: &Linker<'_>, file: FileId, name: &str, depth: u32) -> Origin {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let mut fields = unit
        .assigns_to(name)
        .filter(|one| one.class.is_some() && one.function.is_none());
    match (fields.next(), fields.next()) {
        (Some(only), None) if !filled(linker, unit, name, None) => match only.value {
            Some(value) => find(linker, file, value, depth + 1),
            None => Origin::Unknown,
        },
        _ => Origin::Unknown,
    }
}

/// Whether a variable is handed to a call that fills it with random bytes.
fn filled(linker: &Linker<'_>, unit: &Unit, name: &str, function: Option<FnId>) -> bool {
    let fills = &linker.cryptography().origins.fills;
    unit.ids().any(|id| {
        let ExprKind::Call { callee, args } = unit.kind(id) else {
            return false;
        };
        (function.is_none() || unit.expr(id).function == function)
            && unit
                .last_name(*callee)
                .is_some_and(|last| fills.iter().any(|word| word == last))
            && args.iter().any(|arg| {
                let inside = unit.descendants(arg.value).into_iter();
                inside
                    .map(|id| unit.kind(id))
                    .any(|kind| matches!(kind, ExprKind::Name(one) if **one == *name))
            })
    })
}
