//! `threatgate policy lint`: what is wrong or pointless in a policy, with the place in its text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::schema::{policy_schema, waivers_schema};
use super::{Policy, waiver};
use crate::nearest::nearest;
use crate::owners::Owners;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It has no effect, or not the one that was meant.
    Warning,
    /// The file cannot be used.
    Error,
}

/// A finding about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// How grave.
    pub level: Level,
    /// What kind: `unknown-key`.
    pub id: &'static str,
    /// One line.
    pub message: String,
    /// The place, in bytes.
    pub span: Range<usize>,
    /// Words at the place.
    pub label: String,
    /// A second place with its words.
    pub other: Option<(Range<usize>, String)>,
    /// What to do.
    pub help: Option<String>,
}

/// What is known around the policy; with less of it fewer things are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct LintContext<'a> {
    /// CODEOWNERS.
    pub owners: Option<&'a Owners>,
    /// All paths of the repository.
    pub paths: Option<&'a BTreeSet<String>>,
    /// Principals of allowed signers.
    pub signers: Option<&'a [String]>,
    /// Identities of the facts of the repository.
    pub subjects: Option<&'a BTreeSet<String>>,
    /// Ids of the catalogue.
    pub threats: Option<&'a BTreeSet<String>>,
}

type Table<'t, 'i> = &'t DeTable<'i>;

/// Looks through a policy, and with `waivers` through a file of waivers in its stead.
pub fn lint(
    default: &str,
    file: &str,
    text: &str,
    waivers: Option<(&str, &str)>,
    context: LintContext<'_>,
    today: jiff::civil::Date,
) -> (Vec<Lint>, Vec<Lint>) {
    let mut found = structure(text, &policy_schema());
    let policy = Policy::new(default, Some((file, text)));
    match &policy {
        Err(error) if found.is_empty() => found.push(error_at(text, error.line, &error.message)),
        Err(_) => {}
        Ok(policy) => {
            if let Ok(table) = DeTable::parse(text) {
                let table = table.get_ref();
                shadowed(table, &mut found);
                owners_and_reviewers(policy, table, context, &mut found);
                places(policy, table, context, &mut found);
                exceptions(table, today, &mut found);
                threats(table, context, &mut found);
            }
        }
    }
    found.sort_by_key(|lint| (lint.span.start, lint.id));
    let mut of_waivers = Vec::new();
    if let Some((file, text)) = waivers {
        of_waivers = structure(text, &waivers_schema());
        match waiver::parse(file, text) {
            Err(error) if of_waivers.is_empty() => {
                of_waivers.push(error_at(text, error.line, &error.message));
            }
            Err(_) => {}
            Ok(all) => {
                if let Ok(policy) = &policy {
                    for waiver in &all {
                        of_waivers.extend(waiver_lint(policy, waiver, text, context, today));
                    }
                }
            }
        }
        of_waivers.sort_by_key(|lint| (lint.span.start, lint.id));
    }
    (found, of_waivers)
}

fn warning(id: &'static str, message: String, span: Range<usize>, label: &str) -> Lint {
    Lint {
        level: Level::Warning,
        id,
        message,
        span,
        label: label.to_owned(),
        other: None,
        help: None,
    }
}

/// The text of a line, from 1, without the white space around it.
fn line_span(text: &str, line: usize) -> Range<usize> {
    let mut start = 0;
    for (at, content) in text.split_inclusive('\n').enumerate() {
        if at + 1 == line {
            let indent = content.len() - content.trim_start().len();
            return start + indent..start + content.trim_end().len().max(indent);
        }
        start += content.len();
    }
    0..0
}

fn error_at(text: &str, line: usize, message: &str) -> Lint {
    let mut words = message.lines().filter(|line| !line.is_empty());
    Lint {
        level: Level::Error,
        id: "invalid",
        message: words.next().unwrap_or_default().to_owned(),
        span: line_span(text, line),
        label: String::new(),
        other: None,
        help: words.next().map(str::to_owned),
    }
}

/// Of `unknown field` and `unknown variant` the word and what may stand in its place.
pub(crate) fn unknown_word(message: &str) -> Option<(String, Vec<String>)> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
    Some((quoted.next()?, quoted.collect()))
}

/// Unknown keys, all of them, by the schema.
fn structure(text: &str, schema: &Json) -> Vec<Lint> {
    let mut found = Vec::new();
    match DeTable::parse(text) {
        Ok(table) => keys(table.get_ref(), schema, schema, &mut found),
        Err(error) => found.push(Lint {
            level: Level::Error,
            id: "syntax",
            message: error
                .message()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
            span: error.span().unwrap_or(0..0),
            label: String::new(),
            other: None,
            help: None,
        }),
    }
    found
}

fn resolved<'s>(schema: &'s Json, root: &'s Json) -> &'s Json {
    let reference = schema.get("$ref").and_then(Json::as_str);
    let target = reference.and_then(|path| root.pointer(path.trim_start_matches('#')));
    let all = schema.get("allOf").and_then(|all| all.get(0));
    match (target, all) {
        (Some(target), _) => resolved(target, root),
        (None, Some(inner)) => resolved(inner, root),
        _ => schema,
    }
}

fn keys(table: Table<'_, '_>, schema: &Json, root: &Json, found: &mut Vec<Lint>) {
    let schema = resolved(schema, root);
    let Some(known) = schema.get("properties").and_then(Json::as_object) else {
        return;
    };
    for (key, value) in table {
        let name: &str = key.get_ref();
        match known.get(name) {
            Some(of_key) => values(value, of_key, root, found),
            None => {
                let close = nearest(name, known.keys().map(String::as_str));
                found.push(Lint {
                    level: Level::Error,
                    id: "unknown-key",
                    message: format!("unknown key `{name}`"),
                    span: key.span(),
                    label: close
                        .first()
                        .map(|close| format!("did you mean `{close}`?"))
                        .unwrap_or_default(),
                    other: None,
                    help: close.is_empty().then(|| {
                        let all: Vec<&str> = known.keys().map(String::as_str).collect();
                        format!("here may stand: {}", all.join(", "))
                    }),
                });
            }
        }
    }
}

fn values(value: &Spanned<DeValue<'_>>, schema: &Json, root: &Json, found: &mut Vec<Lint>) {
    let schema = resolved(schema, root);
    match value.get_ref() {
        DeValue::Table(table) => keys(table, schema, root, found),
        DeValue::Array(items) => {
            if let Some(of_item) = schema.get("items") {
                for item in items {
                    values(item, of_item, root, found);
                }
            }
        }
        DeValue::String(word) => {
            let one_of = schema.get("enum").or_else(|| {
                let either = schema.get("anyOf")?.as_array()?;
                either.iter().find_map(|one| one.get("enum"))
            });
            let Some(words) = one_of.and_then(Json::as_array) else {
                return;
            };
            let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
            if !words.contains(&word.as_ref()) {
                let close = nearest(word, words.iter().copied());
                found.push(Lint {
                    level: Level::Error,
                    id: "unknown-word",
                    message: format!("unknown word `{word}`"),
                    span: value.span(),
                    label: match close.first() {
                        Some(close) => format!("did you mean `{close}`?"),
                        None => format!("expected one of {}", words.join(", ")),
                    },
                    other: None,
                    help: None,
                });
            }
        }
        _ => {}
    }
}

fn tables<'t, 'i>(table: Table<'t, 'i>, name: &str) -> Vec<Table<'t, 'i>> {
    let array = table.get(name).and_then(|value| match value.get_ref() {
        DeValue::Array(items) => Some(items),
        _ => None,
    });
    let items = array.into_iter().flat_map(|items| items.iter());
    items
        .filter_map(|item| match item.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        })
        .collect()
}

fn text_of<'t>(table: Table<'t, '_>, name: &str) -> Option<(&'t str, Range<usize>)> {
    let value = table.get(name)?;
    match value.get_ref() {
        DeValue::String(text) => Some((text, value.span())),
        _ => None,
    }
}

/// The texts of a value that is one text or a list of them.
fn texts_of(value: &DeValue<'_>) -> BTreeSet<String> {
    match value {
        DeValue::String(text) => [text.to_string()].into(),
        DeValue::Boolean(yes) => [yes.to_string()].into(),
        DeValue::Array(items) => items
            .iter()
            .flat_map(|item| texts_of(item.get_ref()))
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// A condition as its keys with the texts that any of must hold.
fn condition(rule: Table<'_, '_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    if let Some(DeValue::Table(when)) = rule.get("when").map(Spanned::get_ref) {
        for (key, value) in when {
            let key = key.get_ref();
            match value.get_ref() {
                DeValue::Table(inner) => {
                    for (name, value) in inner {
                        all.insert(
                            format!("{key}.{}", name.get_ref()),
                            texts_of(value.get_ref()),
                        );
                    }
                }
                // Each must hold, so that fewer ask for less: each is a key of its own.
                list if key == "has" => {
                    for name in texts_of(list) {
                        all.insert(format!("has.{name}"), BTreeSet::new());
                    }
                }
                value => {
                    all.insert(key.to_string(), texts_of(value));
                }
            }
        }
    }
    all
}

/// Whether whatever holds for `narrow` holds for `wide`.
fn covers(
    wide: &BTreeMap<String, BTreeSet<String>>,
    narrow: &BTreeMap<String, BTreeSet<String>>,
) -> bool {
    let fits = |patterns: &BTreeSet<String>, text: &str, is_path: bool| {
        let plain = !text.contains(['*', '?', '[', '{']);
        patterns.iter().any(|pattern| {
            pattern == text
                || pattern == "*" && !is_path
                || pattern == "**" && is_path
                || is_path && pattern.ends_with('/') && text.starts_with(pattern.as_str())
                || plain
                    && globset::GlobBuilder::new(pattern)
                        .literal_separator(is_path)
                        .build()
                        .is_ok_and(|glob| glob.compile_matcher().is_match(text))
        })
    };
    wide.iter().all(|(key, patterns)| {
        narrow.get(key).is_some_and(|texts| {
            patterns == texts
                || !texts.is_empty() && texts.iter().all(|text| fits(patterns, text, key == "path"))
        })
    })
}

/// Rules that never decide, because an earlier one holds wherever they do.
fn shadowed(table: Table<'_, '_>, found: &mut Vec<Lint>) {
    let rules = tables(table, "rule");
    let conditions: Vec<_> = rules.iter().map(|rule| condition(rule)).collect();
    for (at, rule) in rules.iter().enumerate() {
        let earlier = (0..at).find(|one| covers(&conditions[*one], &conditions[at]));
        let Some((id, span)) = text_of(rule, "id") else {
            continue;
        };
        if let Some(earlier) = earlier
            && let Some((wide, place)) = text_of(rules[earlier], "id")
        {
            let mut lint = warning(
                "shadowed-rule",
                format!("the rule `{id}` never decides"),
                span,
                "",
            );
            lint.other = Some((
                place,
                format!("`{wide}` holds wherever it does, and comes first"),
            ));
            lint.help = Some(format!("move `{id}` before `{wide}`, or remove it"));
            found.push(lint);
        }
    }
}

/// Teams that add nobody, and people who cannot sign.
fn owners_and_reviewers(
    policy: &Policy,
    table: Table<'_, '_>,
    context: LintContext<'_>,
    found: &mut Vec<Lint>,
) {
    let everywhere: Vec<&String> = match context.owners.and_then(|owners| owners.of("\u{1}")) {
        Some((_, owners)) => owners.iter().collect(),
        None => Vec::new(),
    };
    let mut asked: Vec<(String, &Spanned<DeValue<'_>>)> = Vec::new();
    if let Some(DeValue::Table(review)) = table.get("review").map(Spanned::get_ref) {
        asked.extend(
            review
                .get("reviewers")
                .map(|value| ("[review]".to_owned(), value)),
        );
    }
    for rule in tables(table, "rule") {
        let id = text_of(rule, "id").map_or("", |(id, _)| id);
        asked.extend(
            rule.get("reviewers")
                .map(|value| (format!("the rule `{id}`"), value)),
        );
    }
    for component in tables(table, "component") {
        let name = text_of(component, "name").map_or("", |(name, _)| name);
        let owners = component.get("owners");
        asked.extend(owners.map(|value| (format!("the component `{name}`"), value)));
    }
    for (who, value) in asked {
        let named = texts_of(value.get_ref());
        if named.is_empty() {
            continue;
        }
        if !everywhere.is_empty() && named.iter().all(|one| everywhere.contains(&one)) {
            let mut lint = warning(
                "reviewers-are-default-owners",
                format!("{who} asks nobody beside the default owners"),
                value.span(),
                "CODEOWNERS gives every file to them",
            );
            lint.help = Some("name people who do not approve every change anyway".into());
            found.push(lint);
        }
        let Some(signers) = context.signers else {
            continue;
        };
        if !named.iter().any(|owner| policy.is_owner(owner, signers)) {
            let mut lint = warning(
                "nobody-can-sign",
                format!("nobody whom {who} names can sign a review"),
                value.span(),
                "no principal of .threatgate/allowed_signers is one of them",
            );
            lint.help = Some(
                "list the members of a team in [[team]], and their keys in allowed_signers".into(),
            );
            found.push(lint);
        }
    }
}

/// Components that hold no file.
fn places(policy: &Policy, table: Table<'_, '_>, context: LintContext<'_>, found: &mut Vec<Lint>) {
    let Some(paths) = context.paths else {
        return;
    };
    for (component, written) in policy
        .text
        .components
        .iter()
        .zip(tables(table, "component"))
    {
        let held = paths
            .iter()
            .any(|path| component.paths.iter().any(|glob| glob.matches(path)));
        if !held && let Some(value) = written.get("paths") {
            found.push(warning(
                "empty-component",
                format!("the component `{}` holds no file", component.name),
                value.span(),
                "matches nothing in the repository",
            ));
        }
    }
}

fn exceptions(table: Table<'_, '_>, today: jiff::civil::Date, found: &mut Vec<Lint>) {
    for exception in tables(table, "exception") {
        let (Some((id, _)), Some((expires, span))) =
            (text_of(exception, "id"), text_of(exception, "expires"))
        else {
            continue;
        };
        if expires
            .parse::<jiff::civil::Date>()
            .is_ok_and(|day| day < today)
        {
            let mut lint = warning(
                "expired-exception",
                format!("the exception `{id}` has no effect any more"),
                span,
                "this day has passed",
            );
            lint.help = Some("remove it, or decide again and give a new day".into());
            found.push(lint);
        }
    }
}

/// Conditions on threats that the catalogue does not have.
fn threats(table: Table<'_, '_>, context: LintContext<'_>, found: &mut Vec<Lint>) {
    let Some(known) = context.threats else {
        return;
    };
    for list in ["rule", "floor", "rollout", "exception"] {
        for rule in tables(table, list) {
            let Some(DeValue::Table(when)) = rule.get("when").map(Spanned::get_ref) else {
                continue;
            };
            let Some(value) = when.get("threat") else {
                continue;
            };
            for text in texts_of(value.get_ref()) {
                let rule = text.split('@').next().unwrap_or(&text);
                if rule.contains(['*', '{', '?', '[']) || known.contains(rule) {
                    continue;
                }
                let hint = nearest(rule, known.iter().map(String::as_str));
                let label = hint
                    .first()
                    .map(|close| format!("did you mean `{close}`?"))
                    .unwrap_or_default();
                found.push(warning(
                    "unknown-threat",
                    format!("the catalogue has no threat `{rule}`"),
                    value.span(),
                    &label,
                ));
            }
        }
    }
}

fn waiver_lint(
    policy: &Policy,
    waiver: &waiver::Waiver,
    text: &str,
    context: LintContext<'_>,
    today: jiff::civil::Date,
) -> Option<Lint> {
    let span = line_span(text, waiver.line());
    if let Some((id, message)) = waiver.fault(policy, today) {
        return Some(warning(id, message, span, "has no effect"));
    }
    let (rule, subject) = waiver.parts()?;
    let message = if context.threats.is_some_and(|known| !known.contains(rule)) {
        format!("the catalogue has no threat `{rule}`")
    } else if context
        .subjects
        .is_some_and(|known| !known.contains(subject))
    {
        format!("nothing in the repository is `{subject}`")
    } else {
        return None;
    };
    Some(warning("waiver-unmatched", message, span, "has no effect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, context: LintContext<'_>) -> Vec<String> {
        let default = "version = 1\n";
        let today = jiff::civil::date(2026, 6, 1);
        let (found, _) = lint(default, "policy.toml", text, None, context, today);
        found
            .iter()
            .map(|lint| {
                let other = lint
                    .other
                    .as_ref()
                    .map_or("", |(span, _)| &text[span.clone()]);
                format!(
                    "{} `{}` {other} {}",
                    lint.id,
                    &text[lint.span.clone()],
                    lint.label
                )
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
            })
            .collect()
    }

    #[test]
    fn every_unknown_key_is_told_with_what_was_meant() {
        let text = "version = 1\nmod = \"block\"\n[[rule]]\nid = \"a\"\nverdikt = \"warn\"\n\
                    when = { kinds = \"auth\", change = \"adddd\" }\n[reviews]\ncount = 2\n";
        assert_eq!(
            of(text, LintContext::default()),
            [
                "unknown-key `mod` did you mean `mode`?",
                "unknown-key `verdikt` did you mean `verdict`?",
                "unknown-key `kinds` did you mean `kind`?",
                "unknown-word `\"adddd\"` did you mean `added`?",
                "unknown-key `reviews` did you mean `review`?",
            ]
        );
    }

    #[test]
    fn rules_that_never_decide_are_told() {
        let rule = |id: &str, when: &str| {
            format!("[[rule]]\nid = \"{id}\"\nverdict = \"warn\"\nwhen = {{ {when} }}\n")
        };
        let shadow = |first: &str, second: &str| {
            let text = format!(
                "version = 1\n{}{}",
                rule("wide", first),
                rule("narrow", second)
            );
            !of(&text, LintContext::default()).is_empty()
        };
        assert!(shadow(
            "kind = \"auth\"",
            "kind = \"auth\", change = \"added\""
        ));
        assert!(shadow("kind = [\"auth\", \"crypto\"]", "kind = \"crypto\""));
        assert!(shadow("path = \"src/**\"", "path = \"src/a/b.py\""));
        assert!(shadow("path = \"src/\"", "path = \"src/a/**\""));
        assert!(shadow("", "kind = \"auth\""));
        assert!(shadow(
            "attributes = { path = \"/a*\" }",
            "attributes = { path = \"/admin\" }"
        ));
        assert!(!shadow("kind = \"auth\"", "kind = [\"auth\", \"crypto\"]"));
        assert!(!shadow("kind = \"auth\", writes = true", "kind = \"auth\""));
        assert!(!shadow("path = \"src/*\"", "path = \"src/a/b.py\""));
        assert!(!shadow("has = [\"a\", \"b\"]", "has = [\"a\"]"));
        assert!(shadow("has = [\"a\"]", "has = [\"a\", \"b\"]"));
    }

    #[test]
    fn a_team_that_owns_everything_adds_nobody() {
        let text = "version = 1\n[review]\nreviewers = [\"@all\"]\n\
                    [[component]]\nname = \"pay\"\npaths = [\"pay/\"]\nowners = [\"@sec\"]\n\
                    [[team]]\nname = \"@sec\"\nmembers = [\"eve@example.org\"]\n";
        let owners = Owners::parse("* @all\n/pay/ @sec\n");
        let paths = BTreeSet::from(["a.py".to_owned()]);
        let signers = ["eve@example.org".to_owned()];
        let context = LintContext {
            owners: Some(&owners),
            paths: Some(&paths),
            signers: Some(&signers),
            ..LintContext::default()
        };
        assert_eq!(
            of(text, context),
            [
                "nobody-can-sign `[\"@all\"]` no principal of .threatgate/allowed_signers is one of them",
                "reviewers-are-default-owners `[\"@all\"]` CODEOWNERS gives every file to them",
                "empty-component `[\"pay/\"]` matches nothing in the repository",
            ]
        );
    }
}
