//! Go: `go.mod`, `go.sum`, `go.work` (<https://go.dev/ref/mod>).

use std::collections::BTreeMap;

use super::beside::folder;
use super::reader::{Reader, Span};
use super::source::Source;
use super::{Group, SettingKind};

/// One directive: its verb, its words, its comment and place.
struct Directive<'a> {
    verb: &'a str,
    words: Vec<&'a str>,
    comment: &'a str,
    span: Span,
}

/// Reads a `go.mod`.
pub(super) fn read(reader: &mut Reader<'_>) {
    let beside = folder(reader.path);
    let beside = if beside.is_empty() {
        "go.sum".to_owned()
    } else {
        format!("{beside}/go.sum")
    };
    let text = (reader.beside)(&beside).unwrap_or_default();
    let sums = sums(&text);
    for directive in directives(reader) {
        let Directive {
            verb, words, span, ..
        } = &directive;
        match (*verb, &words[..]) {
            ("require", [module, version, ..]) => {
                let mut found = reader.dependency(module, span.clone());
                found.constraint = Some((*version).to_owned());
                // `// indirect` after the version (https://go.dev/ref/mod#go-mod-file-require).
                let note = directive.comment.trim_start_matches('/').trim();
                found.direct = Some(!note.starts_with("indirect"));
                if let Some(sum) = sums.get(&(*module, *version)) {
                    found.verified_by([*sum]);
                    found.hash = Some((*sum).to_owned());
                }
                reader.add(found);
            }
            ("replace", words) => replace(reader, words, span.clone()),
            ("tool", [module, ..]) => {
                reader.setting(SettingKind::Build, "tool", module, span.clone());
            }
            ("exclude", [module, version, ..]) => {
                let name = format!("exclude {module}");
                reader.setting(SettingKind::Resolution, &name, version, span.clone());
            }
            ("require", _) => reader.problem(span.start, "a requirement without a version"),
            _ => {}
        }
    }
}

/// Reads a `go.work`.
pub(super) fn read_work(reader: &mut Reader<'_>) {
    for directive in directives(reader) {
        if directive.verb == "replace" {
            replace(reader, &directive.words, directive.span);
        }
    }
}

/// `old [version] => new [version]`.
fn replace(reader: &mut Reader<'_>, words: &[&str], span: Span) {
    let Some(arrow) = words.iter().position(|word| *word == "=>") else {
        reader.problem(span.start, "a replacement without `=>`");
        return;
    };
    let (Some(old), Some(new)) = (words.first(), words.get(arrow + 1)) else {
        reader.problem(span.start, "a replacement without its modules");
        return;
    };
    let mut found = reader.dependency(old, span);
    found.group = Group::Constraint;
    found.group_name = Some("replace".to_owned());
    found.direct = None;
    found.constraint = words.get(arrow + 2).map(|version| (*version).to_owned());
    if new.starts_with("./") || new.starts_with("../") || new.starts_with('/') {
        found.source = Some(Source::path(new));
    } else if new != old {
        found.source = Some(Source::git(&format!("https://{new}"), None));
    }
    reader.add(found);
}

/// The hashes of a `go.sum`, by module and version; those of `go.mod` files alone do not count.
fn sums(text: &str) -> BTreeMap<(&str, &str), &str> {
    let entries = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let key = (words.next()?, words.next()?);
        let hash = words.next()?;
        (!key.1.ends_with("/go.mod")).then_some((key, hash))
    });
    entries.collect()
}

/// The directives of a text, those in brackets with the verb before them.
fn directives<'a>(reader: &mut Reader<'a>) -> Vec<Directive<'a>> {
    let mut found = Vec::new();
    let mut block: Option<&str> = None;
    let mut offset = 0;
    for line in reader.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let trimmed = code.trim();
        if trimmed.is_empty() {
            continue;
        }
        let start = start + (code.len() - code.trim_start().len());
        let span = start..start + trimmed.len();
        let mut words: Vec<&str> = trimmed
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '`']))
            .collect();
        match (block, &words[..]) {
            (Some(_), [")"]) => block = None,
            (Some(verb), _) => found.push(Directive {
                verb,
                words,
                comment: comment.trim(),
                span,
            }),
            (None, [verb, "("]) => block = Some(verb),
            (None, _) => {
                let verb = words.remove(0);
                found.push(Directive {
                    verb,
                    words,
                    comment: comment.trim(),
                    span,
                });
            }
        }
    }
    if block.is_some() {
        reader.problem(reader.text.len(), "a bracket is not closed");
    }
    found
}
