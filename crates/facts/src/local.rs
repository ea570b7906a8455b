//! Facts that one file holds by itself: cryptography, settings, checks and denials.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::element::*;
use crate::elsewhere;
use crate::entity;
use crate::error::Lines;
use crate::fact::{Attributes, Confidence, Fact, FactKind, Location, Scope};
use crate::link::{Linker, Matched};
use crate::project::FileId;
use crate::refusal::{self, Way, Wording};
use crate::rule::{Link, LoadedRule, On, wild};
use crate::sensitivity::Sensitivity;
use crate::text::{as_written, digest, plain, plain_without, render, shorten};

/// What facts of one file share.
pub(crate) struct Site<'a> {
    pub(crate) file: FileId,
    pub(crate) path: &'a str,
    pub(crate) source: &'a str,
    pub(crate) lines: &'a Lines,
    pub(crate) scope: Scope,
}

impl Site<'_> {
    /// A span as a location, with lines and columns from 1; one that covers a body is shown by its first line.
    pub(crate) fn location(&self, span: Span) -> Location {
        let (start, end) = (span.start as usize, span.end as usize);
        self.lines.location(self.path, self.source, start, end)
    }

    pub(crate) fn fact(
        &self,
        kind: FactKind,
        identity: String,
        attributes: Attributes,
        span: Span,
        rule: &str,
    ) -> Fact {
        Fact {
            kind,
            identity,
            attributes,
            location: self.location(span),
            rule: rule.to_owned(),
            confidence: Confidence::Resolved,
            scope: self.scope,
            evidence: Vec::new(),
        }
    }
}

/// Reads the facts of one file.
pub(crate) fn extract(
    linker: &Linker<'_>,
    site: &Site<'_>,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
    wording: &mut Wording,
) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for id in unit.ids() {
        match unit.kind(id) {
            ExprKind::Call { callee, .. } => {
                if let Some(last) = unit.last_name(*callee) {
                    by_call(linker, site, id, *callee, last, facts);
                }
            }
            ExprKind::Name(_) | ExprKind::Member { .. } => by_mention(linker, site, id, facts),
            ExprKind::Map(pairs) if !pairs.is_empty() => by_map(linker, site, id, pairs, facts),
            _ => {}
        }
    }
    for assign in &unit.assigns {
        by_assign(linker, site, assign, facts);
    }
    for class in 0..unit.classes.len() {
        entity::by_class(linker, site, ClassId(class as u32), sensitivity, facts);
    }
    by_document(linker, site, facts);
    crate::content_policy::extract(site, unit, facts);
    crate::crypto::extract(linker, site, facts);
    crate::sink::extract(linker, site, facts);
    crate::protection::extract(linker, site, facts);
    let client = &linker.project.language(site.file).client;
    let mut imports = unit.imports.iter();
    let imported = imports.any(|import| client.iter().any(|package| **package == *import.module));
    // A file may say itself that it only runs there.
    let said = unit.root.is_some_and(|root| match unit.kind(root) {
        ExprKind::Block(items) => items
            .first()
            .and_then(|first| unit.literal(*first))
            .is_some_and(|text| client.iter().any(|one| one == text)),
        _ => false,
    });
    // So may the package that it belongs to.
    let shown = imported || linker.project.only_client(site.file, site.path);
    if shown || said {
        if !said {
            denials(linker, site, facts, true, wording);
        }
        return;
    }
    crate::redaction::extract(sensitivity, unit, site, facts);
    let told = denials(linker, site, facts, false, wording);
    crate::annotated::extract(linker, site, facts);
    check_bodies(linker, site, facts);
    elsewhere::attributes(linker, site, facts);
    elsewhere::bases(linker, site, facts);
    crate::limit::extract(linker, site, facts);
    crate::asked::extract(linker, site, &told, facts);
}

/// What is compared of the body of a guard or of a check: what it writes into a log decides nothing.
///
/// Nothing of a function that registers the handlers it holds: those are guarded, and guard nobody.
pub(crate) fn body_attributes(
    linker: &Linker<'_>,
    file: FileId,
    function: FnId,
) -> Option<Attributes> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let element = unit.function(function);
    let mut inner = (0..unit.functions.len() as u32).map(FnId);
    if inner.any(|one| unit.function(one).parent == Some(function) && linker.is_handler(file, one))
    {
        return None;
    }
    let own = &linker.project.language(file).self_names;
    let logs: BTreeSet<ExprId> = unit
        .inside(element.span)
        .filter(|id| linker.is_log(file, *id))
        .collect();
    let body = plain_without(unit, element.body?, own, &logs);
    let body = without_local_names(unit, function, &body);
    let mut attributes = Attributes::new();
    attributes.insert("type".into(), json!("guard-body"));
    attributes.insert("name".into(), json!(&*element.qualified));
    attributes.insert("subject".into(), json!(&*element.qualified));
    attributes.insert("digest".into(), json!(digest(&body)));
    if ends_early(unit, element.body?) {
        attributes.insert("ends_early".into(), json!(true));
    }
    Some(attributes)
}

/// A text of a function in which its own variables are named by their order among those that it names:
/// another name for one is no other check, nor is another variable beside them.
fn without_local_names(unit: &Unit, function: FnId, text: &str) -> String {
    let named: BTreeSet<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect();
    let mut locals: Vec<&str> = Vec::new();
    for assign in &unit.assigns {
        // What is declared, and not a member or a variable of elsewhere that is given a value.
        let declared = assign.function == Some(function) && !assign.given && !assign.extends;
        if let Some(name) = assign.name.as_deref().filter(|_| declared)
            && named.contains(name)
            && !locals.contains(&name)
        {
            locals.push(name);
        }
    }
    with_words(text, |word| {
        let at = locals.iter().position(|name| *name == word)?;
        Some(format!("${at}"))
    })
}

/// The same for its parameters as well, which stand for their places.
pub(crate) fn without_own_names(unit: &Unit, function: FnId, text: &str) -> String {
    let params = &unit.function(function).params;
    let names: Vec<&str> = params
        .iter()
        .map(|param| crate::project::param_name(&param.name))
        .collect();
    let text = without_local_names(unit, function, text);
    with_words(&text, |word| {
        let at = names.iter().position(|name| *name == word)?;
        Some(format!("@{at}"))
    })
}

/// A text with some of its words in the place of others.
pub(crate) fn with_words(text: &str, other: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        match other(&word) {
            Some(words) => out.push_str(&words),
            None => out.push_str(&word),
        }
        word.clear();
        out.push(c);
    }
    out
}

/// What a function asks, whatever its variables and parameters are called: those stand for what
/// they were given, and for their places.
pub(crate) fn by_origin(unit: &Unit, function: Option<FnId>, text: &str, own: &[String]) -> String {
    let Some(function) = function else {
        return text.to_owned();
    };
    let params = &unit.function(function).params;
    with_words(text, |word| {
        if let Some(at) = params.iter().position(|param| *param.name == *word) {
            return Some(format!("$p{at}"));
        }
        let given = |assign: &&Assign| assign.function == Some(function);
        let mut given = unit.assigns_to(word).filter(given);
        match (given.next(), given.next()) {
            (Some(assign), None) => {
                let value = plain(unit, assign.value?, own);
                let value = match assign.place {
                    Some(place) => format!("{value}.{place}"),
                    None => value,
                };
                // A value that names itself is nobody's origin.
                (!value.contains(word)).then_some(value)
            }
            _ => None,
        }
    })
}

/// Whether a condition only asks whether the object is there on which a denial is called: `if (res)
/// res.status(401).end()`.
fn asks_for_answerer(unit: &Unit, condition: ExprId, denial: ExprId) -> bool {
    let mut at = denial;
    let answerer = loop {
        match unit.kind(at) {
            ExprKind::Call { callee, .. } => at = *callee,
            ExprKind::Member { object, .. } => at = *object,
            ExprKind::Name(name) => break name,
            _ => return false,
        }
    };
    at != denial
        && unit
            .descendants(condition)
            .into_iter()
            .all(|id| match unit.kind(id) {
                ExprKind::Name(name) => name == answerer,
                ExprKind::Binary { op, .. } => &**op == "&&",
                ExprKind::Member { .. } => true,
                _ => false,
            })
}

/// Whether a body returns before its last statement, whatever the request: what follows, its
/// checks among it, never runs.
fn ends_early(unit: &Unit, body: ExprId) -> bool {
    let ExprKind::Block(statements) = unit.kind(body) else {
        return false;
    };
    let Some((_, before)) = statements.split_last() else {
        return false;
    };
    before.iter().any(|id| {
        matches!(
            unit.kind(*id),
            ExprKind::Exit {
                kind: ExitKind::Return,
                ..
            }
        )
    })
}

/// Functions that are checks by their name, where they are defined: an early `return true` in
/// `is_owner` opens all that asks it. So does a further way in `current_user`, which says who calls.
fn check_bodies(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    // `export const isOwner = (user) => …` declares it as well.
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
        let name = &element.name;
        let declared = element.declared || given.contains(&function);
        if !declared || linker.is_guard(site.file, function) {
            continue;
        }
        let checks = check_rules(linker, site.file, name).any(|loaded| {
            let about = &loaded.rule.about;
            about.is_empty() || decides_about(unit, function, about)
        });
        let finds = named(linker, site.file, Link::Caller, name, name);
        if !(checks || finds) || gives_itself(linker, site.file, function) {
            continue;
        }
        if let Some(mut attributes) = body_attributes(linker, site.file, function) {
            if finds && !checks {
                attributes.insert("finds_caller".into(), json!(true));
            }
            let mut fact = site.fact(
                FactKind::Auth,
                format!("guard-body:{}", element.qualified),
                attributes,
                element.head,
                "guard-body",
            );
            fact.confidence = Confidence::Heuristic;
            facts.push(fact);
        }
    }
}

/// Whether a method gives back what it is called on: it writes down what is to be asked, and asks
/// nobody (`operation.requirePermission("read").withQuery()`).
pub(crate) fn gives_itself(linker: &Linker<'_>, file: FileId, function: FnId) -> bool {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let own = &linker.project.language(file).self_names;
    let mut exits = unit
        .inside(unit.function(function).span)
        .filter(|id| unit.expr(*id).function == Some(function))
        .filter_map(|id| match unit.kind(id) {
            ExprKind::Exit {
                kind: ExitKind::Return,
                value,
            } => Some(*value),
            _ => None,
        })
        .peekable();
    // Where the grammar has no word for the object around, the declared type tells.
    let element = unit.function(function);
    let class = element.class.map(|class| &unit.class(class).name);
    let own_type = class.is_some() && element.return_type.as_ref() == class;
    exits.peek().is_some()
        && exits.all(|value| match value.map(|value| unit.kind(value)) {
            Some(ExprKind::Name(name)) => own.iter().any(|own| **own == **name),
            Some(_) => false,
            None => own_type,
        })
        && !linker.denies_itself(file, function)
}

/// Whether a function is handed, belongs to or asks what the patterns fit.
fn decides_about(unit: &Unit, function: FnId, about: &[String]) -> bool {
    let element = unit.function(function);
    let fits = |text: &str| about.iter().any(|pattern| wild(pattern, text));
    let mut owner = element.qualified.rsplit('.').skip(1);
    // `User.can_edit`, and not what is only about users: `UserNavigation.is_editable_group`.
    let whole = |owner: &str| {
        about
            .iter()
            .any(|pattern| pattern.trim_matches('*') == owner)
    };
    owner.next().is_some_and(whole)
        || element.params.iter().any(|param| {
            let mut words = [Some(&param.name), param.ty.as_ref()].into_iter().flatten();
            words.any(|word| fits(word))
        })
        || element.body.is_some_and(|body| fits(&render(unit, body)))
}

/// The qualified name of the function or class around an expression, or of the one that it
/// decorates; the file's own level is `module`.
pub(crate) fn subject(unit: &Unit, id: ExprId) -> String {
    let expr = unit.expr(id);
    let decorates = |decorators: &[ExprId]| {
        decorators.iter().any(|decorator| {
            let span = unit.expr(*decorator).span;
            span.start <= expr.span.start && expr.span.end <= span.end
        })
    };
    if let Some(function) = unit
        .functions
        .iter()
        .find(|function| decorates(&function.decorators))
    {
        return function.qualified.to_string();
    }
    match (expr.function, expr.class) {
        (Some(function), _) => unit.function(function).qualified.to_string(),
        (None, Some(class)) => unit.class(class).name.to_string(),
        (None, None) => "module".to_owned(),
    }
}

fn by_call(
    linker: &Linker<'_>,
    site: &Site<'_>,
    id: ExprId,
    callee: ExprId,
    last: &str,
    facts: &mut Vec<Fact>,
) {
    let mut name = None;
    // A call is one fact of a kind, of several rules the first; but it may set several things, and
    // do several things of cryptography.
    let mut kinds = BTreeSet::new();
    let mut operations: BTreeSet<String> = BTreeSet::new();
    for (rule_id, pattern) in linker.call_rules(site.file, callee, last) {
        let loaded = linker.loaded(rule_id);
        let Some(kind) = loaded.rule.fact.filter(|kind| !kinds.contains(kind)) else {
            continue;
        };
        // What is handed to a dangerous call is followed apart from this.
        if !loaded.rule.reaches.is_empty() {
            continue;
        }
        let pattern = &loaded.patterns[pattern];
        let matches = match pattern.receiver {
            // A method of an object that was not followed: the file must import the library.
            Some(_) => linker.imports(site.file, loaded.framework) && pattern.matches(last),
            None => pattern.matches(
                name.get_or_insert_with(|| linker.name_of(site.file, callee).unwrap_or_default()),
            ),
        };
        if !matches || !linker.speaks_in(site.file, loaded) {
            continue;
        }
        let matched = linker.matched(site.file, id);
        let around = &loaded.rule.inside_call;
        let inside = around.is_empty() || linker.stands_inside(site.file, id, around);
        if inside && linker.holds(&matched, &loaded.rule.constraints) {
            if kind == FactKind::DataModel {
                entity::by_call(linker, site, id, loaded, &matched, facts);
            } else {
                // Two rules may say the same of a call.
                if let Some(fact) = made(linker, site, id, loaded, kind, &matched) {
                    let same = |other: &Fact| {
                        other.identity == fact.identity && other.location == fact.location
                    };
                    let operation = fact.text("operation").unwrap_or_default().to_owned();
                    let known = kind == FactKind::Crypto && !operations.insert(operation);
                    if !known && !facts.iter().any(same) {
                        facts.push(fact);
                    }
                }
            }
            if !matches!(kind, FactKind::Auth | FactKind::Crypto) {
                kinds.insert(kind);
            }
        }
    }
}

/// What the first rule of cryptography that a call or name fits says of it; nothing of its place.
pub(crate) fn use_at(linker: &Linker<'_>, file: FileId, id: ExprId) -> Option<Attributes> {
    let parsed = linker.project.parsed(file);
    let (callee, rules) = match parsed.unit.kind(id) {
        ExprKind::Call { callee, .. } => {
            let last = parsed.unit.last_name(*callee)?;
            (*callee, linker.call_rules(file, *callee, last))
        }
        ExprKind::Name(_) | ExprKind::Member { .. } => {
            let last = parsed.unit.last_name(id)?;
            (id, linker.mention_rules(file, last))
        }
        _ => return None,
    };
    let last = parsed.unit.last_name(callee)?;
    let mut found = rules.into_iter().filter_map(|(rule, pattern)| {
        let loaded = linker.loaded(rule);
        if loaded.rule.fact != Some(FactKind::Crypto) {
            return None;
        }
        let pattern = &loaded.patterns[pattern];
        let fits = match pattern.receiver {
            Some(_) => linker.imports(file, loaded.framework) && pattern.matches(last),
            None => pattern.matches(&linker.name_of(file, callee).unwrap_or_default()),
        };
        let matched = linker.matched(file, id);
        let holds = fits
            && linker.speaks_in(file, loaded)
            && linker.holds(&matched, &loaded.rule.constraints);
        holds.then(|| attributes_of(linker, loaded, &matched))
    });
    found.next()
}

/// A map with certain keys and values: `{ rejectUnauthorized: false }`.
fn by_map(
    linker: &Linker<'_>,
    site: &Site<'_>,
    id: ExprId,
    pairs: &[(ExprId, ExprId)],
    facts: &mut Vec<Fact>,
) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for rule_id in linker.map_rules(site.file) {
        let loaded = linker.loaded(*rule_id);
        let fact = loaded.rule.fact.filter(|_| loaded.rule.reaches.is_empty());
        let Some(kind) = fact else {
            continue;
        };
        let all = loaded.rule.has.iter().all(|(key, pattern)| {
            pairs.iter().any(|(name, value)| {
                matches!(unit.kind(*name), ExprKind::Name(name) | ExprKind::Str(name) if **name == **key)
                    && (pattern == "*"
                        || linker
                            .word(site.file, *value)
                            .is_some_and(|word| wild(pattern, &word)))
            })
        });
        if !all || !linker.speaks_in(site.file, loaded) {
            continue;
        }
        let matched = Matched {
            file: site.file,
            callee: None,
            args: vec![Arg {
                name: None,
                value: id,
                spread: false,
            }],
            value: Some(id),
        };
        if linker.holds(&matched, &loaded.rule.constraints) {
            facts.extend(made(linker, site, id, loaded, kind, &matched));
            // One map may set several things.
            if kind != FactKind::Auth {
                return;
            }
        }
    }
}

/// What stands in a document: `framework: session: cookie_secure: auto`.
fn by_document(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    for (rule_id, matched) in linker.document_items(site.file) {
        let loaded = linker.loaded(rule_id);
        if let (Some(kind), Some(item)) = (loaded.rule.fact, matched.value) {
            facts.extend(made(linker, site, item, loaded, kind, &matched));
        }
    }
}

fn by_mention(linker: &Linker<'_>, site: &Site<'_>, id: ExprId, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let Some(last) = parsed.unit.last_name(id) else {
        return;
    };
    let mut name = None;
    for (rule_id, pattern) in linker.mention_rules(site.file, last) {
        let loaded = linker.loaded(rule_id);
        let Some(kind) = loaded.rule.fact else {
            continue;
        };
        let name = name.get_or_insert_with(|| linker.name_of(site.file, id).unwrap_or_default());
        if !loaded.patterns[pattern].matches(name) || !linker.speaks_in(site.file, loaded) {
            continue;
        }
        let matched = linker.matched(site.file, id);
        let around = &loaded.rule.inside_call;
        let inside = around.is_empty() || linker.stands_inside(site.file, id, around);
        if inside && linker.holds(&matched, &loaded.rule.constraints) {
            facts.extend(made(linker, site, id, loaded, kind, &matched));
            return;
        }
    }
}

/// A fact from a rule's attributes.
fn made(
    linker: &Linker<'_>,
    site: &Site<'_>,
    id: ExprId,
    loaded: &LoadedRule,
    kind: FactKind,
    matched: &Matched,
) -> Option<Fact> {
    let parsed = linker.project.parsed(site.file);
    let subject = subject(&parsed.unit, id);
    let mut attributes = attributes_of(linker, loaded, matched);
    // A setting that lists nothing is not set.
    if kind == FactKind::Auth
        && !attributes.contains_key("value")
        && let Some(selectors) = loaded.rule.attributes.get("value")
    {
        let mut picked = linker.exprs(matched, &selectors.0).into_iter();
        let lists = |id| matches!(linker.project.parsed(site.file).unit.kind(id), ExprKind::List(items) if items.is_empty());
        if picked.any(|(at, id)| at == site.file && lists(id)) {
            return None;
        }
    }
    let identity = match kind {
        FactKind::Crypto => {
            let operation = attributes
                .get("operation")
                .and_then(Json::as_str)
                .unwrap_or("use")
                .to_owned();
            let knowledge = linker.cryptography();
            let algorithm = knowledge.describe(&operation, &mut attributes);
            if !attributes.contains_key("purpose")
                && let Some(purpose) = knowledge.purpose(&parsed.unit, id, &operation)
            {
                attributes.insert("purpose".into(), json!(purpose));
            }
            attributes.insert(
                "library".into(),
                json!(linker.framework_name(loaded.framework)),
            );
            if let Some(strength) = knowledge.strength(&operation, &attributes) {
                attributes.insert("strength".into(), json!(strength));
                if let Some(default) = loaded.rule.default_level {
                    attributes.insert("default_strength".into(), json!(default));
                }
            }
            format!("{subject}:{operation}:{algorithm}")
        }
        FactKind::Auth => {
            let setting = match attributes.get("setting").and_then(Json::as_str) {
                Some(setting) => setting.to_owned(),
                None => {
                    let name = matched.callee.and_then(|callee| {
                        let named = parsed.unit.last_name(callee);
                        let keyed = match parsed.unit.kind(callee) {
                            ExprKind::Index { index, .. } => {
                                index.first().and_then(|key| parsed.unit.literal(*key))
                            }
                            _ => None,
                        };
                        keyed.or(named)
                    })?;
                    attributes.insert("setting".into(), json!(name));
                    name.to_owned()
                }
            };
            level(loaded, &mut attributes);
            match attributes.get("of").and_then(Json::as_str) {
                Some(of) => format!("setting:{setting}:{of}"),
                None => format!("setting:{setting}"),
            }
        }
        _ => {
            let operation = attributes
                .get("operation")
                .and_then(Json::as_str)
                .unwrap_or("use");
            format!("{subject}:{operation}")
        }
    };
    if kind != FactKind::Auth {
        attributes.insert("subject".into(), json!(subject));
    } else {
        attributes.insert("type".into(), json!("setting"));
    }
    Some(site.fact(
        kind,
        identity,
        attributes,
        parsed.unit.expr(id).span,
        &loaded.rule.id,
    ))
}

fn attributes_of(linker: &Linker<'_>, loaded: &LoadedRule, matched: &Matched) -> Attributes {
    let mut attributes = Attributes::new();
    for (name, selectors) in &loaded.rule.attributes {
        let texts = linker.texts(matched, &selectors.0);
        let value = match &texts[..] {
            [] => continue,
            [one] => typed(one),
            many => Json::from(many.to_vec()),
        };
        attributes.insert(name.clone(), value);
    }
    attributes
}

/// A word as a number or truth value if it is one.
pub(crate) fn typed(text: &str) -> Json {
    match text {
        "true" | "True" => json!(true),
        "false" | "False" => json!(false),
        _ => {
            let digits = text.replace('_', "");
            // A number may carry its type: `19456u32`.
            let bare = ["u32", "u64", "usize", "u16", "u8", "i32", "i64"]
                .iter()
                .find_map(|suffix| digits.strip_suffix(suffix))
                .unwrap_or(&digits);
            match bare.parse::<i64>() {
                Ok(number) => json!(number),
                Err(_) => json!(text),
            }
        }
    }
}

fn level(loaded: &LoadedRule, attributes: &mut Attributes) {
    let levels = &loaded.rule.levels;
    if levels.is_empty() {
        return;
    }
    let words: Vec<String> = match attributes.get("value") {
        Some(Json::Array(items)) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Some(Json::String(text)) => vec![text.clone()],
        Some(other) => vec![other.to_string()],
        None => return,
    };
    // The worst of several values counts.
    let found = words
        .iter()
        .map(|word| {
            if word == "*" {
                "any".to_owned()
            } else {
                word.clone()
            }
        })
        .filter_map(|word| {
            levels
                .iter()
                .find(|(pattern, _)| wild(pattern, &word))
                .or_else(|| levels.get_key_value("else"))
        })
        .map(|(_, level)| *level)
        .min();
    if let Some(level) = found {
        attributes.insert("level".into(), json!(level));
    }
    if let Some(default) = loaded.rule.default_level {
        attributes.insert("default_level".into(), json!(default));
    }
}

fn by_assign(linker: &Linker<'_>, site: &Site<'_>, assign: &Assign, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let Some(value) = assign.value else { return };
    let (last, name) = match &assign.name {
        Some(name) => (name.to_string(), name.to_string()),
        None => {
            // `app.config["SESSION_COOKIE_SECURE"] = True`, `tls.rejectUnauthorized = false`
            match parsed.unit.kind(assign.target) {
                ExprKind::Index { object, index } => {
                    let Some(key) = index.first().and_then(|key| parsed.unit.literal(*key)) else {
                        return;
                    };
                    let Some(object) = parsed.unit.path(*object) else {
                        return;
                    };
                    (key.to_owned(), format!("{object}.{key}"))
                }
                _ => {
                    let Some(path) = parsed.unit.path(assign.target) else {
                        return;
                    };
                    (path.rsplit('.').next().unwrap_or(&path).to_owned(), path)
                }
            }
        }
    };
    for (rule_id, pattern) in linker.assign_rules(site.file, &last) {
        let loaded = linker.loaded(rule_id);
        let fact = loaded.rule.fact.filter(|_| loaded.rule.reaches.is_empty());
        let Some(kind) = fact else {
            continue;
        };
        if assign.function.is_some()
            && assign.name.is_some()
            && loaded.rule.on != Some(On::Function)
        {
            continue;
        }
        let pattern = &loaded.patterns[pattern];
        let matches = if pattern.receiver.is_some() {
            pattern.matches(&last)
                && assign.name.is_none()
                && linker.imports(site.file, loaded.framework)
        } else {
            pattern.matches(&name)
        };
        if !matches || !linker.speaks_in(site.file, loaded) {
            continue;
        }
        let args = vec![Arg {
            name: None,
            value,
            spread: false,
        }];
        let matched = Matched {
            file: site.file,
            callee: Some(assign.target),
            args,
            value: Some(value),
        };
        if linker.holds(&matched, &loaded.rule.constraints) {
            facts.extend(made(linker, site, value, loaded, kind, &matched));
            return;
        }
    }
}

// --- checks and denials

/// Whether a rule with this meaning matches a name; `last` is the name's last part.
pub(crate) fn named(linker: &Linker<'_>, file: FileId, link: Link, last: &str, name: &str) -> bool {
    let mut rules = linker.name_rules(file, last).into_iter();
    rules.any(|(rule, pattern)| {
        let loaded = linker.loaded(rule);
        loaded.rule.link == Some(link)
            && (link != Link::Check || elsewhere::by_name(&loaded.rule))
            && loaded.patterns[pattern].matches(name)
    })
}

/// An expression for showing: as it is written where the language's elements say it in other words.
pub(crate) fn shown(linker: &Linker<'_>, site: &Site<'_>, unit: &Unit, id: ExprId) -> String {
    match linker.project.language(site.file).as_written {
        true => as_written(unit, id, site.source),
        false => render(unit, id),
    }
}

/// Whether a method is a check by its name: a framework may ask it, whoever else defines it.
pub(crate) fn hook(linker: &Linker<'_>, file: FileId, subject: &str) -> bool {
    let Some((_, method)) = subject.rsplit_once('.') else {
        return false;
    };
    let method = method.trim_start_matches('_');
    checks_by_name(linker, file, method)
}

/// Whether a function checks by its name alone, whatever it is about.
pub(crate) fn checks_by_name(linker: &Linker<'_>, file: FileId, name: &str) -> bool {
    check_rules(linker, file, name).any(|loaded| loaded.rule.about.is_empty())
}

/// The rules by which a name is one of a check.
fn check_rules<'a>(
    linker: &'a Linker<'_>,
    file: FileId,
    name: &'a str,
) -> impl Iterator<Item = &'a LoadedRule> {
    let rules = linker.name_rules(file, name).into_iter();
    rules.filter_map(move |(rule, pattern)| {
        let loaded = linker.loaded(rule);
        let check = loaded.rule.link == Some(Link::Check) && elsewhere::by_name(&loaded.rule);
        (check && loaded.patterns[pattern].matches(name)).then_some(loaded)
    })
}

/// The outcome of a part of a function that turns away everybody who reaches it.
fn always_denies(linker: &Linker<'_>, file: FileId, way: ExprId) -> Option<String> {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    match unit.kind(way) {
        ExprKind::Block(items) | ExprKind::Other(items) => {
            always_denies(linker, file, *items.last()?)
        }
        ExprKind::Branch {
            then,
            otherwise: Some(otherwise),
            ..
        } => {
            let outcome = always_denies(linker, file, *then)?;
            (always_denies(linker, file, *otherwise)? == outcome).then_some(outcome)
        }
        ExprKind::Branch { .. } => None,
        ExprKind::Exit {
            kind: ExitKind::Return,
            value: Some(value),
        } => always_denies(linker, file, *value),
        _ => linker.said_denial(file, way).map(|(outcome, _)| outcome),
    }
}

/// Whether a condition asks which error it was that turned the caller away somewhere else:
/// `error.code === "UNAUTHORIZED"`, `errors.Is(err, ErrForbidden)`.
fn translates(linker: &Linker<'_>, file: FileId, condition: ExprId) -> bool {
    let parsed = linker.project.parsed(file);
    let unit = &parsed.unit;
    let parts = unit.descendants(condition);
    let name = |id: ExprId| match unit.kind(id) {
        ExprKind::Name(_) | ExprKind::Member { .. } => unit.last_name(id),
        ExprKind::Str(text) => Some(&**text),
        _ => None,
    };
    parts.iter().any(|part| {
        let Some(last) = name(*part) else {
            return false;
        };
        let mut rules = linker.name_rules(file, last).into_iter();
        rules.any(|(rule, pattern)| {
            let loaded = linker.loaded(rule);
            loaded.rule.link == Some(Link::Translated)
                && loaded.patterns[pattern].matches(last)
                && parts.iter().filter(|other| *other != part).any(|other| {
                    let path = match unit.kind(*other) {
                        ExprKind::Name(_) | ExprKind::Member { .. } => unit.path(*other),
                        _ => None,
                    };
                    path.is_some_and(|path| loaded.rule.about.iter().any(|one| wild(one, &path)))
                })
        })
    })
}

/// Branches that turn the caller away, and calls that check the caller. Returns what conditions of
/// denials ask.
///
/// `rendered`: the file also makes what a user sees, so that only what ends requests on the server
/// counts.
fn denials(
    linker: &Linker<'_>,
    site: &Site<'_>,
    facts: &mut Vec<Fact>,
    rendered: bool,
    wording: &mut Wording,
) -> BTreeSet<ExprId> {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    // Branches both ways of which end in the same: their condition asks nothing that counts.
    let mut same_ways: BTreeSet<ExprId> = BTreeSet::new();
    // A condition or pattern that names a denial asks for one and is none.
    let mut asked: BTreeSet<ExprId> = BTreeSet::new();
    // The other one of two ways that end in the same denial.
    let mut doubled: BTreeSet<ExprId> = BTreeSet::new();
    for id in unit.ids() {
        let ExprKind::Branch {
            condition,
            then,
            otherwise,
        } = unit.kind(id)
        else {
            continue;
        };
        asked.extend(unit.descendants(*condition));
        if let Some(otherwise) = otherwise
            && let Some(outcome) = always_denies(linker, site.file, *then)
            && always_denies(linker, site.file, *otherwise).as_ref() == Some(&outcome)
        {
            doubled.extend(unit.descendants(*otherwise));
            same_ways.insert(id);
        }
    }
    // There the condition around is the nearest.
    let conditions = refusal::conditions(linker, site.file, &same_ways);
    // Where something failed already, which error it was asks nobody.
    let failures = &linker.project.language(site.file).failures;
    let failed: Vec<(ExprId, Span)> = match failures.is_empty() {
        true => Vec::new(),
        false => unit
            .ids()
            .filter_map(|id| match unit.kind(id) {
                ExprKind::Branch {
                    condition, then, ..
                } => Some((*condition, unit.expr(*then).span)),
                _ => None,
            })
            .filter(|(condition, _)| {
                let mut pattern = *condition;
                while let ExprKind::Other(parts) | ExprKind::Block(parts) = unit.kind(pattern)
                    && let [only] = &parts[..]
                {
                    pattern = *only;
                }
                let named = match unit.kind(pattern) {
                    ExprKind::List(parts) => parts.first().copied(),
                    ExprKind::Call { callee, .. } => Some(*callee),
                    _ => Some(pattern),
                };
                let name = named.and_then(|id| unit.last_name(id));
                name.is_some_and(|name| failures.iter().any(|failure| failure == name))
            })
            .collect(),
    };
    let of_error = |id: ExprId| {
        let near = conditions.get(&id).map(|(condition, _)| *condition);
        if near.is_some_and(|near| translates(linker, site.file, near)) {
            return true;
        }
        let near = near.filter(|near| failed.iter().all(|(failure, _)| failure != near));
        let at = unit.expr(id).span;
        near.is_some_and(|near| {
            let near = unit.expr(near).span;
            failed
                .iter()
                .any(|(_, inside)| inside.holds(near) && inside.holds(at))
        })
    };
    let overrides = |id: ExprId| {
        let function = unit.expr(id).function;
        function.is_some_and(|function| elsewhere::overrides(linker, site.file, function))
    };
    let mut covered = BTreeSet::new();
    let mut told = BTreeSet::new();
    let mut refused = BTreeSet::new();
    for id in unit.ids().collect::<Vec<_>>().into_iter().rev() {
        let named = matches!(unit.kind(id), ExprKind::Name(_) | ExprKind::Member { .. });
        if covered.contains(&id) || doubled.contains(&id) || named && asked.contains(&id) {
            continue;
        }
        if let Some((outcome, _)) = linker.said_denial(site.file, id) {
            let own = &linker.project.language(site.file).self_names;
            let mut around = conditions.get(&id).copied();
            // Whether there is something to answer with decides only how to refuse.
            while let Some((condition, Way::Holds)) = around
                && asks_for_answerer(unit, condition, id)
                && let Some(outer) = conditions.get(&condition).copied()
            {
                around = Some(outer);
            }
            // The function around is what denies, not the one that makes its error.
            let place = match around {
                Some((value, Way::Nothing)) => value,
                _ => id,
            };
            let subject = subject(unit, place);
            let mut function = unit.expr(id).function;
            while let Some(inner) = function.filter(|one| !unit.function(*one).declared) {
                function = unit.function(inner).parent;
            }
            let function = function.map(|function| unit.function(function));
            let handed = linker.handed_condition(site.file, id);
            let near = around.map(|(condition, way)| {
                refusal::nothing_of(linker, site.file, condition, way).unwrap_or(condition)
            });
            let asked = match handed {
                Some((file, condition, _)) => (file == site.file).then_some(condition),
                None => near,
            };
            let handed = handed.map(|(file, condition, negated)| {
                let parsed = linker.project.parsed(file);
                let shown = match file == site.file {
                    true => shown(linker, site, unit, condition),
                    false => render(&parsed.unit, condition),
                };
                let same = refusal::spelled(&parsed.unit, condition, !negated, own);
                match negated {
                    true => (same, format!("else of {shown}")),
                    false => (same, shown),
                }
            });
            let around =
                around.map(|(condition, way)| refusal::words(linker, site, unit, condition, way));
            let always = || ("always".to_owned(), "always".to_owned());
            let (words, condition) = handed.or(around).unwrap_or_else(always);
            refused.insert(id);
            let span = asked.map_or(unit.expr(id).span, |asked| unit.expr(asked).span);
            let same = wording.digest(&words);
            let key = (subject.clone(), same.clone());
            let refusal = wording.refusals.entry(key).or_default();
            refusal.push(site.location(span));
            // An error that only has a name yet turns nobody away.
            let only_named = unit.expr(id).function.is_none()
                && unit.assigns.iter().any(|assign| {
                    let value = assign.value.map(|value| unit.expr(value).span);
                    assign.function.is_none()
                        && value.is_some_and(|value| value.holds(unit.expr(id).span))
                });
            let counts = !only_named && (!rendered || linker.denies_on_server(site.file, id))
                // Other outcomes do not say by themselves that the caller may not.
                && (matches!(&*outcome, "401" | "403") || linker.asks_who_calls(site.file, id));
            if !counts {
                continue;
            }
            covered.extend(unit.descendants(id));
            let asked = asked.into_iter().chain(near);
            told.extend(asked.flat_map(|asked| unit.descendants(asked)));
            let mut attributes = Attributes::new();
            attributes.insert("type".into(), json!("denial"));
            attributes.insert("subject".into(), json!(subject));
            attributes.insert("condition".into(), json!(shorten(&condition, 200)));
            attributes.insert("digest".into(), json!(same));
            let origin = by_origin(unit, unit.expr(place).function, &words, own);
            if origin.trim_end() != words {
                let origin = wording.digest(origin.trim_end());
                attributes.insert("origin".into(), json!(origin));
            }
            attributes.insert("outcome".into(), json!(outcome));
            if hook(linker, site.file, &subject) {
                attributes.insert("hook".into(), json!(true));
            }
            if overrides(id) {
                attributes.insert("overrides".into(), json!(true));
            }
            if let Some(function) = function
                && *function.qualified != *subject
            {
                attributes.insert("within".into(), json!(&*function.qualified));
            }
            if of_error(id) {
                attributes.insert("of_error".into(), json!(true));
            }
            if linker.swallowed(site.file, id) {
                attributes.insert("swallowed".into(), json!(true));
            }
            let identity = format!("denial:{subject}:{same}:{outcome}");
            facts.push(site.fact(
                FactKind::Auth,
                identity,
                attributes,
                unit.expr(id).span,
                "denial",
            ));
        }
    }
    refusal::branches(linker, site, &refused, &mut wording.refusals);
    if !rendered {
        crate::check::extract(linker, site, &told, facts, wording);
    }
    told
}
