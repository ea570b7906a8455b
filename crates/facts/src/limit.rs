//! What lookups and comparisons are limited to: the caller's own records, or those of one owner,
//! tenant or parent. Whoever drops such a limit opens everybody's records (CWE-639).

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::json;

use crate::check::{self, Told};
use crate::element::*;
use crate::fact::{Attributes, Fact};
use crate::link::{Linker, Value};
use crate::local::{Site, named, subject};
use crate::project::FileId;
use crate::rule::Link;
use crate::text::{digest, render, shorten};

/// Keys by which one record is found.
const RECORD_KEYS: [&str; 4] = ["id", "pk", "_id", "uuid"];

/// How names of values end by which one record is found.
const RECORD_NAMES: [&str; 9] = [
    "id", "pk", "uuid", "key", "code", "slug", "token", "handle", "hash",
];

/// Chains and names are followed this far to what a lookup starts from.
const MAX_CHAIN: usize = 32;

/// Functions are looked into this deep for the lookup that they make.
const MAX_CALLS: u32 = 2;

/// Longest value of a limit that is shown, in characters.
const SHOWN: usize = 60;

/// Something that only records of one owner meet.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    /// The column, or what the records hang on: `user_id`, `current_user.notes`.
    key: String,
    /// What it must be, as shown; `?` for a value that is handed to the database apart.
    value: String,
    /// Whether the value stands for the caller.
    caller: bool,
    /// Nothing else is asked of the records: they are what is looked for.
    alone: bool,
    /// It is no lookup: what was found is held against the value.
    compared: bool,
    /// The parameter that the value comes from, of the function or of one around it.
    parameter: Option<(FnId, usize)>,
    /// The function of the repository that looks up.
    through: Option<String>,
    function: FnId,
    /// The lookup or comparison.
    at: ExprId,
    /// What is shown of it.
    span: Span,
}

/// The limits of a file's functions, remembered by file.
pub(crate) type Limits = Arc<Vec<Limit>>;

/// Conditions of a file's lookups and comparisons, as facts.
pub(crate) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let direct = limits(linker, site.file);
    let passed = passed_on(linker, site.file);
    for limit in direct.iter().chain(&passed) {
        facts.push(fact(site, unit, limit));
    }
}

fn fact(site: &Site<'_>, unit: &Unit, limit: &Limit) -> Fact {
    let subject = subject(unit, limit.at);
    let call = match limit.value.as_str() {
        "" => limit.key.clone(),
        value => format!("{}={value}", limit.key),
    };
    let mut attributes = Attributes::new();
    let whose = if limit.caller { "caller" } else { "owner" };
    attributes.insert("limits".into(), json!(whose));
    if limit.compared {
        attributes.insert("compared".into(), json!(true));
    }
    if limit.alone {
        attributes.insert("alone".into(), json!(true));
    }
    if let Some(through) = &limit.through {
        attributes.insert("through".into(), json!(through));
    }
    let told = Told {
        subject: &subject,
        callee: &limit.key,
        call: &call,
        same: &digest(&call),
        rule: "scoped-lookup",
        span: limit.span,
    };
    check::fact(site, &told, attributes)
}

/// Whether a condition holds an owner against somebody: `profile.id !== post.profile_id`.
pub(crate) fn compares_owner(linker: &Linker<'_>, file: FileId, condition: ExprId) -> bool {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let reader = Reader { linker, file, unit };
    unit.descendants(condition).into_iter().any(|id| {
        let ExprKind::Binary { op, left, right } = unit.kind(id) else {
            return false;
        };
        let sides = [(*left, *right), (*right, *left)];
        matches!(&**op, "==" | "===" | "!=" | "!==")
            && sides.into_iter().any(|(owner, value)| {
                let key = unit.last_name(owner);
                let key = key.filter(|key| {
                    reader.owner(key)
                        && called_path(unit, owner).is_some_and(|path| path.contains('.'))
                });
                key.is_some_and(|key| reader.caller(value).is_some() || reader.somebody(key, value))
            })
    })
}

/// The limits in a file's functions.
fn limits(linker: &Linker<'_>, file: FileId) -> Limits {
    if let Some(known) = linker.limits.borrow().get(&file) {
        return known.clone();
    }
    let parsed = linker.project.parsed(file);
    let reader = Reader {
        linker,
        file,
        unit: &parsed.unit,
    };
    let mut found = reader.lookups();
    found.extend(reader.comparisons());
    let mut seen = BTreeSet::new();
    found.retain(|limit| {
        seen.insert((
            limit.function,
            limit.key.clone(),
            limit.value.clone(),
            limit.at,
        ))
    });
    let found: Limits = Arc::new(found);
    linker.limits.borrow_mut().insert(file, found.clone());
    found
}

/// Calls of functions of the repository whose lookup is limited by what they are handed:
/// `labelOf(repo.id, id)`.
fn passed_on(linker: &Linker<'_>, file: FileId) -> Vec<Limit> {
    let parsed = linker.project.parsed(file);
    let mut found = Vec::new();
    for id in parsed.unit.ids() {
        passed_by(linker, file, id, 0, &mut found);
    }
    found
}

/// The limits that one call hands on.
fn passed_by(linker: &Linker<'_>, file: FileId, id: ExprId, depth: u32, found: &mut Vec<Limit>) {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let ExprKind::Call { callee, args } = unit.kind(id) else {
        return;
    };
    let (Some(function), Some(last)) = (unit.expr(id).function, unit.last_name(*callee)) else {
        return;
    };
    if args.len() < 2 || !named(linker, file, Link::LookupFunction, last, last) {
        return;
    }
    let Value::Function(at, target) = linker.eval(file, *callee) else {
        return;
    };
    if (at, target) == (file, function) {
        return;
    }
    let other = linker.project.parsed(at);
    let element = other.unit.function(target);
    let mut inner: Vec<Limit> = limits(linker, at).to_vec();
    // Also in a closure that it hands on: `transaction(|db| …)`.
    inner.retain(|limit| element.span.holds(other.unit.function(limit.function).span));
    if inner.is_empty() && depth < MAX_CALLS {
        let calls = other.unit.inside(element.span).collect::<Vec<_>>();
        for call in calls {
            passed_by(linker, at, call, depth + 1, &mut inner);
        }
    }
    // The object that a method is called on is no argument.
    let own = &linker.project.language(at).self_names;
    let first = element.params.first();
    let receiver = first.is_some_and(|param| {
        // `&mut self`
        let name = param.name.rsplit([' ', '&']).next();
        own.iter().any(|own| Some(own.as_str()) == name)
    });
    let receiver = usize::from(receiver);
    let reader = Reader { linker, file, unit };
    for limit in inner {
        let index = limit
            .parameter
            .filter(|(of, _)| *of == target)
            .and_then(|(_, index)| index.checked_sub(receiver));
        let Some(arg) = index.and_then(|index| args.get(index)) else {
            continue;
        };
        let Some(value) = shown(unit, arg.value) else {
            continue;
        };
        found.push(Limit {
            parameter: reader.parameter(function, Some(arg.value), &limit.key),
            key: limit.key,
            value,
            caller: false,
            alone: limit.alone,
            compared: false,
            through: Some(element.qualified.to_string()),
            function,
            at: id,
            span: unit.expr(id).span,
        });
    }
}

/// A value as it is shown, if it is neither written out nor built of more than names.
fn shown(unit: &Unit, id: ExprId) -> Option<String> {
    let id = match unit.kind(id) {
        ExprKind::Unary { value, .. } | ExprKind::Await(value) => *value,
        _ => id,
    };
    match unit.kind(id) {
        ExprKind::Name(_) | ExprKind::Member { .. } | ExprKind::Call { .. } => {}
        ExprKind::Index { .. } => {}
        _ => return None,
    }
    Some(shorten(&render(unit, id), SHOWN))
}

/// Letters and digits only, small: `userID` and `user_id` are the same name.
fn squash(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// One condition of a lookup.
struct Condition {
    key: String,
    value: Option<ExprId>,
    /// What is shown where the value is not an expression of the code.
    at: ExprId,
}

struct Reader<'a> {
    linker: &'a Linker<'a>,
    file: FileId,
    unit: &'a Unit,
}

impl Reader<'_> {
    fn named(&self, link: Link, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        named(self.linker, self.file, link, last, name)
    }

    fn owner(&self, key: &str) -> bool {
        self.named(Link::Owner, key)
    }

    /// The path of a value that stands for the caller.
    fn caller(&self, id: ExprId) -> Option<String> {
        let id = match self.unit.kind(id) {
            ExprKind::Call { callee, .. } => *callee,
            ExprKind::Unary { value, .. } => *value,
            _ => id,
        };
        let path = self.unit.path(id).or_else(|| called_path(self.unit, id))?;
        self.named(Link::Caller, &path).then_some(path)
    }

    /// The parameter that a value comes from, of a function or of the nearest one around it.
    fn parameter(&self, function: FnId, value: Option<ExprId>, key: &str) -> Option<(FnId, usize)> {
        let path = value.map(|value| called_path(self.unit, value));
        let name = match &path {
            Some(path) => Some(path.as_deref()?.split('.').next()?),
            None => None,
        };
        let key = squash(key);
        let is = |one: &Param| match name {
            Some(name) => *one.name == *name,
            None => squash(&one.name) == key,
        };
        let mut function = Some(function);
        while let Some(of) = function {
            let element = self.unit.function(of);
            if let Some(index) = element.params.iter().position(is) {
                return Some((of, index));
            }
            function = element.parent;
        }
        None
    }

    fn limit(&self, condition: &Condition, caller: Option<&str>, at: ExprId) -> Option<Limit> {
        let function = self.unit.expr(at).function?;
        let value = match (caller, condition.value) {
            (Some(caller), _) => caller.to_owned(),
            (None, Some(value)) => shown(self.unit, value)?,
            (None, None) => "?".to_owned(),
        };
        Some(Limit {
            key: condition.key.clone(),
            value,
            caller: caller.is_some(),
            alone: false,
            compared: false,
            parameter: self.parameter(function, condition.value, &condition.key),
            through: None,
            function,
            at,
            span: self.unit.expr(condition.value.unwrap_or(condition.at)).span,
        })
    }

    /// Conditions of lookups: `owner=request.user`, `where("repo_id = ?", repo.id)`.
    fn lookups(&self) -> Vec<Limit> {
        let unit = self.unit;
        let mut found = Vec::new();
        let mut seen: BTreeSet<ExprId> = BTreeSet::new();
        // What stands around others comes later: a chain is read from its end.
        for id in unit.ids().collect::<Vec<_>>().into_iter().rev() {
            if unit.expr(id).function.is_none() {
                continue;
            }
            match unit.kind(id) {
                ExprKind::Call { callee, .. } => {
                    let looks = unit.last_name(*callee);
                    let looks = looks.is_some_and(|last| self.named(Link::Lookup, last));
                    if looks && !seen.contains(&id) {
                        self.lookup(id, &mut seen, &mut found);
                    }
                }
                ExprKind::Str(_) | ExprKind::Template(_) if !seen.contains(&id) => {
                    seen.extend(unit.descendants(id));
                    let text = self.text(id);
                    if QUERY.is_match(&text) {
                        let conditions = self.sql_conditions(&text, id);
                        self.owned(&conditions, 0, id, &mut found);
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn lookup(&self, id: ExprId, seen: &mut BTreeSet<ExprId>, found: &mut Vec<Limit>) {
        let unit = self.unit;
        let mut conditions = Vec::new();
        // Records found by an argument that names no column: `find(params[:id])`.
        let mut keyed = 0;
        let mut next = Some(id);
        // What the first lookup is called on.
        let mut root = None;
        for _ in 0..MAX_CHAIN {
            let Some(at) = next else { break };
            next = match unit.kind(at) {
                ExprKind::Call { callee, args } => {
                    seen.insert(at);
                    let object = match unit.kind(*callee) {
                        ExprKind::Member { object, .. } => Some(*object),
                        _ => None,
                    };
                    let last = unit.last_name(*callee);
                    if last.is_some_and(|last| self.named(Link::Lookup, last)) {
                        keyed += self.conditions(args, &mut conditions, seen);
                        root = object;
                    }
                    object
                }
                ExprKind::Await(inner) => Some(*inner),
                ExprKind::Member { object, .. } => match unit.kind(*object) {
                    ExprKind::Call { .. } => Some(*object),
                    _ => None,
                },
                // The query was begun before: `notes = Note.where(…)`.
                ExprKind::Name(name) => self.begun(at, name),
                _ => None,
            };
        }
        if let Some(root) = root {
            self.belonging(root, id, keyed + conditions.len(), found);
        }
        self.owned(&conditions, keyed, id, found);
    }

    /// What a name's only assignment in the function gave it.
    fn given(&self, at: ExprId, name: &str) -> Option<ExprId> {
        let function = self.unit.expr(at).function;
        let mut all = self.unit.assigns_to(name).filter(|assign| {
            assign.function == function && assign.span.start < self.unit.expr(at).span.start
        });
        let only = all.next()?.value?;
        all.next().is_none().then_some(only)
    }

    /// The query that a name stands for.
    fn begun(&self, at: ExprId, name: &str) -> Option<ExprId> {
        let only = self.given(at, name)?;
        matches!(self.unit.kind(only), ExprKind::Call { .. }).then_some(only)
    }

    /// Limits among conditions: all that ask for the caller, and columns of an owner.
    fn owned(&self, conditions: &[Condition], keyed: usize, at: ExprId, found: &mut Vec<Limit>) {
        let mut seen = BTreeSet::new();
        for condition in conditions {
            // The caller's own record is looked up by its key; that limits nothing.
            if RECORD_KEYS.contains(&condition.key.as_str())
                || condition.value.is_some_and(|value| !seen.insert(value))
            {
                continue;
            }
            let caller = condition.value.and_then(|value| self.caller(value));
            let others = conditions.iter().filter(|one| one.key != condition.key);
            let beside = keyed > 0 || others.count() > 0;
            if caller.is_some() || self.owner(&condition.key) {
                let limit = self.limit(condition, caller.as_deref(), at);
                found.extend(limit.map(|limit| Limit {
                    alone: caller.is_none() && !beside,
                    ..limit
                }));
            }
        }
    }

    /// Records that are looked up among those of somebody: `current_user.notes.find(id)`.
    fn belonging(&self, root: ExprId, at: ExprId, asked: usize, found: &mut Vec<Limit>) {
        let Some(path) = called_path(self.unit, root) else {
            return;
        };
        let parts: Vec<&str> = path.split('.').collect();
        let found_at = (1..parts.len()).find(|at| {
            let (whose, last) = (parts[..*at].join("."), parts[*at - 1]);
            // `Project.issues` is no record's, and the caller's own key is no collection.
            !last.starts_with(char::is_uppercase)
                && !RECORD_KEYS.contains(&parts[*at])
                && parts[*at] != "objects"
                && (self.named(Link::Caller, &whose) || self.owner(&format!("{last}_id")))
        });
        let (Some(end), Some(function)) = (found_at, self.unit.expr(at).function) else {
            return;
        };
        let element = self.unit.function(function);
        let mut params = element.params.iter();
        found.push(Limit {
            key: parts[..=end].join("."),
            value: String::new(),
            caller: self.named(Link::Caller, &parts[..end].join(".")),
            alone: asked == 0,
            compared: false,
            parameter: params
                .position(|one| *one.name == *parts[0])
                .map(|index| (function, index)),
            through: None,
            function,
            at,
            span: self.unit.expr(at).span,
        });
    }

    /// What the arguments of a lookup ask. Returns how many of them ask for a record without
    /// naming a column.
    fn conditions(
        &self,
        args: &[Arg],
        conditions: &mut Vec<Condition>,
        seen: &mut BTreeSet<ExprId>,
    ) -> usize {
        let unit = self.unit;
        let mut keyed = 0;
        let mut add = |key: &str, value: ExprId| {
            conditions.push(Condition {
                key: key.to_owned(),
                value: Some(value),
                at: value,
            });
        };
        // `where("user_id", $user->id)`
        if let [key, .., value] = args
            && let Some(key) = unit.literal(key.value)
            && !key.contains(' ')
        {
            add(key, value.value);
        }
        // What is written is no condition.
        let data = |name: &str| self.named(Link::LookupData, name);
        let mut written: BTreeSet<ExprId> = BTreeSet::new();
        let mut texts = Vec::new();
        // What follows a text of conditions are its values: `where("id = ?", id)`.
        let by_text = args.first().is_some_and(|first| {
            matches!(
                unit.kind(first.value),
                ExprKind::Str(_) | ExprKind::Template(_)
            )
        });
        for arg in args {
            if let Some(name) = &arg.name {
                if data(name) {
                    continue;
                }
                add(name, arg.value);
            } else if !by_text && self.record_key(arg.value) {
                keyed += 1;
            }
            let mut asked = unit.descendants(arg.value);
            // A record that says what is looked for: `label := Label{RepoID: repo.ID}`.
            if let ExprKind::Name(name) = unit.kind(arg.value)
                && let Some(value) = self.given(arg.value, name)
                && !matches!(unit.kind(value), ExprKind::Name(_) | ExprKind::Function(_))
            {
                asked.extend(unit.descendants(value));
            }
            for inner in asked {
                if written.contains(&inner) {
                    continue;
                }
                match unit.kind(inner) {
                    ExprKind::Call { callee, args } => {
                        for arg in args {
                            if let Some(name) = &arg.name {
                                add(name, arg.value);
                            }
                        }
                        // `notes::owner.eq(user.id)`
                        if let ExprKind::Member { object, property } = unit.kind(*callee)
                            && matches!(&**property, "eq" | "Equals" | "equals" | "is_in")
                            && let [only] = &args[..]
                            && let Some(key) = unit.last_name(*object)
                        {
                            add(key, only.value);
                        }
                    }
                    ExprKind::Map(pairs) => {
                        for (key, value) in pairs {
                            let Some(key) = key_text(unit, *key) else {
                                continue;
                            };
                            if data(key) {
                                written.extend(unit.descendants(*value));
                            } else if !matches!(unit.kind(*value), ExprKind::Map(_)) {
                                add(key, *value);
                            }
                        }
                    }
                    ExprKind::Binary { op, left, right } if matches!(&**op, "==" | "===") => {
                        for (key, value) in [(left, right), (right, left)] {
                            if let Some(key) = unit.last_name(*key) {
                                add(key, *value);
                            }
                        }
                    }
                    ExprKind::Function(function) => {
                        // `Where(note => note.OwnerId == owner)`
                        let body = unit.function(*function).body;
                        let body = body.into_iter().flat_map(|body| unit.descendants(body));
                        for inner in body {
                            if let ExprKind::Binary { op, left, right } = unit.kind(inner)
                                && matches!(&**op, "==" | "===")
                            {
                                for (key, value) in [(left, right), (right, left)] {
                                    if let ExprKind::Member { property, .. } = unit.kind(*key) {
                                        add(property, *value);
                                    }
                                }
                            }
                        }
                    }
                    ExprKind::Str(_) | ExprKind::Template(_) if seen.insert(inner) => {
                        seen.extend(unit.descendants(inner));
                        texts.push(inner);
                    }
                    _ => {}
                }
            }
        }
        for text in texts {
            conditions.extend(self.sql_conditions(&self.text(text), text));
        }
        keyed
    }

    /// Whether a value is the key of one record by its name: `noteId`, `params[:slug]`.
    fn record_key(&self, id: ExprId) -> bool {
        let name = match self.unit.kind(id) {
            ExprKind::Index { index, .. } => {
                index.first().and_then(|key| key_text(self.unit, *key))
            }
            ExprKind::Call { .. } | ExprKind::Name(_) | ExprKind::Member { .. } => {
                self.unit.last_name(id)
            }
            _ => None,
        };
        name.is_some_and(|name| {
            let name = squash(name);
            RECORD_NAMES.iter().any(|end| name.ends_with(end))
        })
    }

    /// A text with `{}` for what is computed.
    fn text(&self, id: ExprId) -> String {
        match self.unit.kind(id) {
            ExprKind::Str(text) => text.to_string(),
            ExprKind::Template(parts) => {
                let parts = parts.iter();
                parts
                    .map(|part| self.unit.literal(*part).unwrap_or("{}"))
                    .collect()
            }
            _ => String::new(),
        }
    }

    /// The conditions of a query's text, or of a part of one.
    fn sql_conditions(&self, text: &str, at: ExprId) -> Vec<Condition> {
        // What stands before `WHERE` is no condition.
        let from = WHERE.find(text).map_or(0, |found| found.end());
        let all = ASKED.captures_iter(&text[from..]);
        let all = all.filter_map(|found| {
            let key = found.get(1)?.as_str();
            Some(Condition {
                key: key.to_owned(),
                value: None,
                at,
            })
        });
        all.collect()
    }

    /// `if order.user_id != user.id`: whoever is not the owner goes another way.
    fn comparisons(&self) -> Vec<Limit> {
        let unit = self.unit;
        let mut found = Vec::new();
        for id in unit.ids() {
            let (asked, ways) = match unit.kind(id) {
                ExprKind::Branch {
                    condition,
                    then,
                    otherwise,
                } => (*condition, Some((*then, *otherwise))),
                ExprKind::Exit {
                    value: Some(value), ..
                } => (*value, None),
                _ => continue,
            };
            if unit.expr(id).function.is_none() {
                continue;
            }
            for inner in unit.descendants(asked) {
                let ExprKind::Binary { op, left, right } = unit.kind(inner) else {
                    continue;
                };
                let equal = match &**op {
                    "==" | "===" => true,
                    "!=" | "!==" => false,
                    _ => continue,
                };
                let sides = [(*left, *right), (*right, *left)];
                let limit = sides.into_iter().find_map(|(owner, value)| {
                    let key = unit.last_name(owner)?;
                    let path = unit.path(owner)?;
                    if !self.owner(key) || !path.contains('.') {
                        return None;
                    }
                    let caller = self.caller(value);
                    // Whoever compares with anybody must turn the others away.
                    if caller.is_none() && !self.turns_away(ways, equal, key, value) {
                        return None;
                    }
                    let condition = Condition {
                        key: key.to_owned(),
                        value: Some(value),
                        at: value,
                    };
                    self.limit(&condition, caller.as_deref(), id)
                });
                let Some(limit) = limit else { continue };
                // A denial on the way says the same.
                let ways = ways.into_iter();
                let mut ways = ways.flat_map(|(then, otherwise)| [Some(then), otherwise]);
                let denies = ways.any(|way| {
                    let inside = way.into_iter().flat_map(|way| unit.descendants(way));
                    let mut inside = inside.into_iter();
                    inside.any(|id| self.linker.denial(self.file, id).is_some())
                });
                if !denies {
                    found.push(Limit {
                        compared: true,
                        ..limit
                    });
                }
            }
        }
        found
    }

    /// Whether a value that an owner is held against stands for somebody: `profile.id`.
    fn somebody(&self, key: &str, value: ExprId) -> bool {
        let Some(path) = called_path(self.unit, value) else {
            return false;
        };
        let last = path.rsplit('.').next().unwrap_or(&path);
        squash(last) == squash(key)
            || self.owner(last)
            || path.contains('.') && RECORD_KEYS.contains(&last.to_lowercase().as_str())
    }

    /// Whether a comparison of an owner with a value leaves the function for all others.
    fn turns_away(
        &self,
        ways: Option<(ExprId, Option<ExprId>)>,
        equal: bool,
        key: &str,
        value: ExprId,
    ) -> bool {
        let unit = self.unit;
        let Some((then, otherwise)) = ways else {
            return false;
        };
        let way = if equal { otherwise } else { Some(then) };
        self.somebody(key, value)
            && way.is_some_and(|way| {
                let mut inside = unit.descendants(way).into_iter();
                inside.any(|id| crate::asked::ends(self.linker, self.file, id))
            })
    }
}

fn key_text(unit: &Unit, key: ExprId) -> Option<&str> {
    match unit.kind(key) {
        ExprKind::Name(key) | ExprKind::Str(key) => Some(key),
        _ => None,
    }
}

/// The path of a name in which something is called: `request.user().id`.
pub(crate) fn called_path(unit: &Unit, id: ExprId) -> Option<String> {
    match unit.kind(id) {
        ExprKind::Name(name) => Some(name.to_string()),
        ExprKind::Member { object, property } => {
            Some(format!("{}.{property}", called_path(unit, *object)?))
        }
        ExprKind::Call { callee, .. } => called_path(unit, *callee),
        _ => None,
    }
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
static QUERY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?is)\b(select|update|delete)\b.*\bwhere\b").unwrap());
#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
static WHERE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)\bwhere\b").unwrap());
/// A column and what it must be, where that is handed in from outside of the text.
#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
static ASKED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?:\b\w+\.|["`\[]\w+["`\]]\.)?["`\[]?\b(\w+)["`\]]?\s*(?:=|\bin\s*\(|=\s*any\s*\()\s*(?:\$\d+|\?|:\w+|@\w+|%s|%\(\w+\)s|\{\})"#,
    )
    .unwrap()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_query() {
        let keys = |text: &str| -> Vec<String> {
            let all = ASKED.captures_iter(text);
            all.map(|found| found[1].to_owned()).collect()
        };
        assert_eq!(keys("id = ? AND repo_id=?"), ["id", "repo_id"]);
        assert_eq!(
            keys(r#"n."user_id" = $1 and n.id IN ($2)"#),
            ["user_id", "id"]
        );
        assert_eq!(keys("`t`.`owner` = :owner"), ["owner"]);
        assert_eq!(keys("a.user_id = b.user_id AND state = 'open'"), [""; 0]);
        assert_eq!(keys("project_id IN ({})"), ["project_id"]);
    }
}
