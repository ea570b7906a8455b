//! What protects a dangerous use where the use itself does not change: conditions that judge a
//! path, an address or a file's name before it is used, the bodies of functions that answer such
//! questions, and the end of the options in a command.
//!
//! Each is a fact of kind `sink` with `role = "protection"`, whose `operation` says against what.
//! Rules make such facts as well, where a setting or a call is enough to know it.

mod constraint;

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::asked::ends;
use crate::element::*;
use crate::fact::{Attributes, Confidence, FactKind};
use crate::link::Linker;
use crate::local::{Site, shown, subject, without_own_names};
use crate::text::{digest, plain, shorten};

/// Longest condition that is shown, in characters.
const SHOWN: usize = 120;

/// Parts of a path that lead out of the folder it begins in.
const UPWARDS: [&str; 6] = ["..", "../", "..\\", "/..", "/../", "\\.."];

/// Arguments behind which a program takes no options.
const ENDS_OPTIONS: [&str; 2] = ["--", "--end-of-options"];

/// Words of what a function gives back where it refuses.
const ERRORS: [&str; 10] = [
    "err",
    "Err",
    "BadRequest",
    "Invalid",
    "invalid",
    "abort",
    "400",
    "403",
    "415",
    "422",
];

/// Reads the protections of one file.
pub(crate) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<crate::fact::Fact>) {
    let place = Place { linker, site };
    place.conditions(facts);
    place.bodies(facts);
    place.options(facts);
    constraint::extract(linker, site, facts);
}

struct Place<'a> {
    linker: &'a Linker<'a>,
    site: &'a Site<'a>,
}

/// A question of a condition, with what it is about.
struct Question {
    id: ExprId,
    against: String,
    /// Something is only compared with nothing.
    empty: bool,
    /// It asks whether two things are one.
    equals: bool,
}

impl Place<'_> {
    /// Conditions that ask for what a value is judged by, where the answer decides what is done.
    fn conditions(&self, facts: &mut Vec<crate::fact::Fact>) {
        let parsed = self.linker.project.parsed(self.site.file);
        let unit = &parsed.unit;
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        for id in unit.ids() {
            let (condition, ways) = match unit.kind(id) {
                ExprKind::Branch {
                    condition,
                    then,
                    otherwise,
                } => (*condition, vec![Some(*then), *otherwise]),
                ExprKind::Exit {
                    kind: ExitKind::Return,
                    value: Some(value),
                } if decides(unit, *value) => (*value, Vec::new()),
                _ => continue,
            };
            let mut atoms = Vec::new();
            take_apart(unit, condition, &mut atoms);
            let questions: Vec<Question> = atoms
                .into_iter()
                .filter_map(|atom| self.question(unit, atom))
                .collect();
            if questions.is_empty() {
                continue;
            }
            let ways = ways.into_iter().flatten();
            let answers = matches!(unit.kind(id), ExprKind::Exit { .. });
            let (mut leaves, mut refuses) = (answers, false);
            for way in ways {
                leaves |= self.leaves(unit, way);
                refuses |= self.refuses(unit, way);
            }
            let addresses = questions.iter().filter(|one| one.against == "outbound");
            let several = addresses.clone().count() > 1;
            for question in &questions {
                let alone = match &*question.against {
                    "path" => !question.equals || leaves,
                    "outbound" => several || leaves,
                    // What is done with files of one kind is no check of their names.
                    _ => refuses,
                };
                if question.empty && !several || !alone {
                    continue;
                }
                // A condition may be a part of another one.
                if seen.insert(question.id.0) {
                    facts.push(self.condition(unit, question));
                }
            }
        }
    }

    fn leaves(&self, unit: &Unit, way: ExprId) -> bool {
        let mut inside = unit.descendants(way).into_iter();
        inside.any(|id| ends(self.linker, self.site.file, id))
    }

    /// Whether a way raises, or gives back nothing, no, or an error.
    fn refuses(&self, unit: &Unit, way: ExprId) -> bool {
        let mut inside = unit.descendants(way).into_iter();
        inside.any(|id| match unit.kind(id) {
            ExprKind::Exit {
                kind: ExitKind::Return,
                value: Some(value),
            } => {
                matches!(unit.kind(*value), ExprKind::Null | ExprKind::Bool(false)) || {
                    let text = crate::text::render(unit, *value);
                    ERRORS.iter().any(|word| text.contains(word))
                }
            }
            _ => ends(self.linker, self.site.file, id),
        })
    }

    fn question(&self, unit: &Unit, id: ExprId) -> Option<Question> {
        let file = self.site.file;
        let (operands, compares) = match unit.kind(id) {
            ExprKind::Binary { op, left, right } => {
                let compares = matches!(
                    &**op,
                    "==" | "!=" | "===" | "!==" | "in" | "not in" | "=~" | "!~" | "<>"
                );
                (vec![*left, *right], compares)
            }
            ExprKind::Call { callee, args } => {
                let object = match unit.kind(*callee) {
                    ExprKind::Member { object, .. } => Some(*object),
                    _ => None,
                };
                let handed = args.iter().map(|arg| arg.value);
                let operands: Vec<ExprId> = object.into_iter().chain(handed).collect();
                (operands, self.linker.comparing(file, id).is_some())
            }
            _ => return None,
        };
        let upwards = operands
            .iter()
            .any(|id| matches!(unit.kind(*id), ExprKind::Str(text) if UPWARDS.contains(&&**text)));
        let known = matches!(unit.kind(id), ExprKind::Call { .. }) || compares;
        if upwards && known {
            return Some(Question {
                id,
                against: "path".to_owned(),
                empty: false,
                equals: false,
            });
        }
        if !compares {
            return None;
        }
        let nothing = |id: &ExprId| match unit.kind(*id) {
            ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) => true,
            ExprKind::Str(text) => text.is_empty(),
            _ => false,
        };
        let found = operands
            .iter()
            .find_map(|id| self.linker.aspect(file, *id))?;
        let against = found.rule.operation.first()?.clone();
        let empty = operands.iter().any(nothing);
        if empty && against != "outbound" {
            return None;
        }
        let equals = matches!(unit.kind(id), ExprKind::Binary { .. });
        // Whether two paths are the same file.
        let both = || {
            let mut operands = operands.iter();
            operands.all(|id| self.linker.aspect(file, *id).is_some())
        };
        if against == "path" && equals && both() {
            return None;
        }
        Some(Question {
            id,
            against,
            empty,
            equals,
        })
    }

    /// A question as a fact.
    fn condition(&self, unit: &Unit, question: &Question) -> crate::fact::Fact {
        let id = question.id;
        let callee = match unit.kind(id) {
            ExprKind::Call { callee, .. } => unit.last_name(*callee).unwrap_or_default(),
            ExprKind::Binary { op, .. } => op,
            _ => "",
        };
        let own = &self.linker.project.language(self.site.file).self_names;
        let mut same = plain(unit, id, own);
        if let Some(function) = unit.expr(id).function {
            same = without_own_names(unit, function, &same);
        }
        let text = shorten(&shown(self.linker, self.site, unit, id), SHOWN);
        let attributes = Attributes::from([
            ("form".to_owned(), json!("condition")),
            ("callee".to_owned(), json!(callee)),
            ("digest".to_owned(), json!(digest(&same))),
            ("condition".to_owned(), json!(text)),
        ]);
        self.fact(
            &subject(unit, id),
            &question.against,
            attributes,
            unit.expr(id).span,
            "judges-value",
        )
    }

    fn fact(
        &self,
        subject: &str,
        against: &str,
        mut attributes: Attributes,
        span: Span,
        rule: &str,
    ) -> crate::fact::Fact {
        attributes.insert("operation".into(), json!(against));
        attributes.insert("role".into(), json!("protection"));
        attributes.insert("subject".into(), json!(subject));
        let form = attributes.get("form").and_then(Json::as_str);
        let form = form.unwrap_or_default().to_owned();
        let identity = format!("{subject}:protection:{against}:{form}");
        let mut fact = self
            .site
            .fact(FactKind::Sink, identity, attributes, span, rule);
        fact.confidence = Confidence::Heuristic;
        fact
    }

    /// The bodies of functions that say whether a value is harmless, by their name.
    fn bodies(&self, facts: &mut Vec<crate::fact::Fact>) {
        let file = self.site.file;
        let parsed = self.linker.project.parsed(file);
        let unit = &parsed.unit;
        let given: BTreeSet<FnId> = unit
            .assigns
            .iter()
            .filter(|assign| assign.function.is_none())
            .filter_map(|assign| match unit.kind(assign.value?) {
                ExprKind::Function(function) => Some(*function),
                _ => None,
            })
            .collect();
        for (index, element) in unit.functions.iter().enumerate() {
            let function = FnId(index as u32);
            if !(element.declared || given.contains(&function)) {
                continue;
            }
            let rules = self.linker.rules_of_function(file, &element.name);
            let Some(rule) = rules.iter().find(|loaded| loaded.rule.asks) else {
                continue;
            };
            let (Some(body), Some(against)) = (element.body, rule.rule.operation.first()) else {
                continue;
            };
            let mut attributes = Attributes::new();
            attributes.insert("callee".into(), json!(&*element.name));
            let asks = self.asks(unit, function, body);
            let refuses = self.refusals(unit, function);
            attributes.insert("form".into(), json!("predicate"));
            attributes.insert("digest".into(), json!(digest(&asks.join("|"))));
            attributes.insert("asks".into(), json!(asks));
            attributes.insert("refuses".into(), json!(refuses));
            facts.push(self.fact(
                &element.qualified,
                against,
                attributes,
                element.head,
                "harmless-body",
            ));
        }
    }

    /// Digests of what a function asks: its conditions and what it answers with.
    fn asks(&self, unit: &Unit, function: FnId, body: ExprId) -> Vec<String> {
        let span = unit.function(function).span;
        let own = &self.linker.project.language(self.site.file).self_names;
        let mut atoms = Vec::new();
        for id in unit.inside(span) {
            match unit.kind(id) {
                ExprKind::Branch { condition, .. } => take_apart(unit, *condition, &mut atoms),
                ExprKind::Exit {
                    value: Some(value), ..
                } => take_apart(unit, *value, &mut atoms),
                _ => {}
            }
        }
        let language = self.linker.project.language(self.site.file);
        if language.result_is_last
            && let Some(last) = last_of(unit, body)
        {
            take_apart(unit, last, &mut atoms);
        }
        atoms.sort();
        atoms.dedup();
        let texts = atoms.into_iter().map(|id| {
            let text = plain(unit, id, own);
            digest(&without_own_names(unit, function, &text))
        });
        let mut all: Vec<String> = texts.collect();
        all.sort();
        all
    }

    /// Digests of the conditions at which a function says no or raises.
    fn refusals(&self, unit: &Unit, function: FnId) -> Vec<String> {
        let span = unit.function(function).span;
        let own = &self.linker.project.language(self.site.file).self_names;
        let mut all = Vec::new();
        for id in unit.inside(span) {
            let ExprKind::Branch {
                condition, then, ..
            } = unit.kind(id)
            else {
                continue;
            };
            let refuses = unit
                .descendants(*then)
                .into_iter()
                .any(|id| match unit.kind(id) {
                    ExprKind::Exit {
                        kind: ExitKind::Raise,
                        ..
                    } => true,
                    ExprKind::Exit { value, .. } => value.is_none_or(|value| {
                        matches!(unit.kind(value), ExprKind::Null | ExprKind::Bool(false))
                    }),
                    _ => ends(self.linker, self.site.file, id),
                });
            if !refuses {
                continue;
            }
            let mut atoms = Vec::new();
            take_apart(unit, *condition, &mut atoms);
            for atom in atoms {
                let text = plain(unit, atom, own);
                all.push(digest(&without_own_names(unit, function, &text)));
            }
        }
        all.sort();
        all
    }

    /// `--` before what is computed: what follows can be no option.
    fn options(&self, facts: &mut Vec<crate::fact::Fact>) {
        let parsed = self.linker.project.parsed(self.site.file);
        let unit = &parsed.unit;
        for id in unit.ids() {
            let items: Vec<ExprId> = match unit.kind(id) {
                ExprKind::Call { args, .. } => args.iter().map(|arg| arg.value).collect(),
                ExprKind::List(items) => items.clone(),
                _ => continue,
            };
            let ends = |id: &ExprId| {
                unit.literal(*id)
                    .is_some_and(|text| ENDS_OPTIONS.contains(&text))
            };
            let Some(at) = items.iter().position(ends) else {
                continue;
            };
            let computed = |id: &ExprId| {
                !matches!(
                    unit.kind(*id),
                    ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null
                )
            };
            // `append(args, "--", name)` and `.arg("--")` before `.arg(name)` as well.
            if !items[at..].iter().any(computed) && items.len() > 1 {
                continue;
            }
            let words: Vec<&str> = items[..at]
                .iter()
                .filter_map(|id| unit.literal(*id))
                .collect();
            let attributes = Attributes::from([
                ("form".to_owned(), json!("setting")),
                ("callee".to_owned(), json!(unit.literal(items[at]))),
                ("says".to_owned(), json!("ends the options of a command")),
                ("digest".to_owned(), json!(words.join(" "))),
            ]);
            let span = unit.expr(items[at]).span;
            facts.push(self.fact(
                &subject(unit, id),
                "command",
                attributes,
                span,
                "ends-options",
            ));
        }
    }
}

/// Whether a value that is given back is an answer to a question.
fn decides(unit: &Unit, id: ExprId) -> bool {
    match unit.kind(id) {
        ExprKind::Binary { op, .. } => matches!(
            &**op,
            "==" | "!="
                | "==="
                | "!=="
                | "in"
                | "not in"
                | "&&"
                | "||"
                | "and"
                | "or"
                | "=~"
                | "!~"
        ),
        ExprKind::Unary { op, .. } => matches!(&**op, "!" | "not"),
        ExprKind::Call { .. } => true,
        _ => false,
    }
}

/// The single questions of a condition: `a && !(b || c)`.
fn take_apart(unit: &Unit, id: ExprId, atoms: &mut Vec<ExprId>) {
    match unit.kind(id) {
        ExprKind::Binary { op, left, right }
            if matches!(&**op, "&&" | "||" | "and" | "or" | "??") =>
        {
            take_apart(unit, *left, atoms);
            take_apart(unit, *right, atoms);
        }
        ExprKind::Unary { op, value } if matches!(&**op, "!" | "not") => {
            take_apart(unit, *value, atoms);
        }
        ExprKind::Await(value) => take_apart(unit, *value, atoms),
        ExprKind::Other(items) if items.len() == 1 => take_apart(unit, items[0], atoms),
        ExprKind::Block(items) if items.len() == 1 => take_apart(unit, items[0], atoms),
        // `if err := f(); !ok`
        ExprKind::Block(items) => {
            if let Some(last) = items.last() {
                take_apart(unit, *last, atoms);
            }
        }
        _ => atoms.push(id),
    }
}

fn last_of(unit: &Unit, body: ExprId) -> Option<ExprId> {
    match unit.kind(body) {
        ExprKind::Block(items) => items.last().copied(),
        _ => Some(body),
    }
}
