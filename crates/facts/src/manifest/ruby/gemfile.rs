//! `Gemfile` (<https://bundler.io/man/gemfile.5.html>) and `*.gemspec`: what is written out in them.

use crate::manifest::reader::Reader;
use crate::manifest::source::Source;
use crate::manifest::{Group, SettingKind};

/// What a block says of the gems in it.
enum Block {
    Group(Vec<String>),
    Source(Source),
    Other,
}

/// Reads a `Gemfile`.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut offset = 0;
    // A call may go on after a comma.
    let mut pending: Option<(usize, String)> = None;
    for line in reader.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let code = without_comment(line).trim();
        if code.is_empty() {
            continue;
        }
        let at = start + (line.len() - line.trim_start().len());
        let (at, statement) = match pending.take() {
            Some((at, before)) => (at, format!("{before} {code}")),
            None => (at, code.to_owned()),
        };
        let end = start + line.trim_end().len();
        if code.ends_with(',') && statement.len() < 4000 {
            pending = Some((at, statement));
            continue;
        }
        let opens = statement.ends_with(" do") || statement.contains(" do |");
        let verb = statement.split([' ', '(']).next().unwrap_or_default();
        match verb {
            "gem" => gem(reader, &statement, at..end, &blocks),
            "source" => {
                let url = strings(&statement).into_iter().next();
                match (url, opens) {
                    (Some(url), true) => blocks.push(Block::Source(Source::registry(&url))),
                    (Some(url), false) if !is_default(&url) => {
                        reader.setting(SettingKind::Registry, "source", &url, at..end);
                    }
                    (None, true) => blocks.push(Block::Other),
                    _ => {}
                }
                continue;
            }
            "group" | "groups" if opens => {
                blocks.push(Block::Group(symbols(&statement)));
                continue;
            }
            "git" | "github" | "path" if opens => {
                let place = strings(&statement).into_iter().next().unwrap_or_default();
                blocks.push(Block::Source(source_of(verb, &place, None)));
                continue;
            }
            "eval_gemfile" => {
                let file = strings(&statement).into_iter().next().unwrap_or_default();
                reader.setting(SettingKind::Include, verb, &file, at..end);
            }
            "plugin" => {
                let name = strings(&statement).into_iter().next().unwrap_or_default();
                reader.setting(SettingKind::Trust, verb, &name, at..end);
            }
            "end" => {
                blocks.pop();
                continue;
            }
            _ => {}
        }
        let block = ["if", "unless", "case", "begin", "def", "while"].contains(&verb);
        if opens || block {
            blocks.push(Block::Other);
        }
    }
}

fn gem(reader: &mut Reader<'_>, statement: &str, span: std::ops::Range<usize>, blocks: &[Block]) {
    let plain = positional(statement);
    let Some((name, versions)) = plain.split_first() else {
        return;
    };
    // A name that is put together.
    if name.contains("#{") {
        return;
    }
    let mut found = reader.dependency(name, span);
    let constraint: Vec<String> = versions
        .iter()
        .map(|version| version.replace(' ', ""))
        .collect();
    found.constraint = (!constraint.is_empty()).then(|| constraint.join(","));
    let mut groups = Vec::new();
    for block in blocks {
        match block {
            Block::Group(names) => groups.extend(names.iter().cloned()),
            Block::Source(source) => found.source = Some(source.clone()),
            Block::Other => {}
        }
    }
    for key in ["group", "groups"] {
        if let Some(value) = option(statement, key) {
            groups.extend(symbols(value));
        }
    }
    let group = groups.iter().map(|name| match name.as_str() {
        "default" | "production" => Group::Runtime,
        name => Group::of_name(name).unwrap_or(Group::Optional),
    });
    found.group = group.min().unwrap_or(Group::Runtime);
    found.group_name = (!groups.is_empty()).then(|| groups.join("+"));
    let revision = ["ref", "tag", "branch"].iter().find_map(|key| {
        let value = strings(option(statement, key)?).into_iter().next()?;
        Some(match *key {
            "ref" => value,
            key => format!("{key}={value}"),
        })
    });
    for key in ["git", "github", "path", "source"] {
        let value = option(statement, key).and_then(|value| strings(value).into_iter().next());
        if let Some(place) = value {
            found.source = Some(source_of(key, &place, revision.as_deref()));
        }
    }
    reader.add(found);
}

fn source_of(key: &str, place: &str, revision: Option<&str>) -> Source {
    match key {
        "path" => Source::path(place),
        "source" => Source::registry(place),
        "github" if !place.contains("://") => {
            let place = match place.contains('/') {
                true => place.to_owned(),
                false => format!("{place}/{place}"),
            };
            Source::git(&format!("https://github.com/{place}"), revision)
        }
        _ => Source::git(place, revision),
    }
}

pub(super) fn is_default(url: &str) -> bool {
    ["https://rubygems.org", "https://index.rubygems.org"].contains(&url.trim_end_matches('/'))
}

/// A line without what stands behind a `#` outside of strings.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') => return &line[..at],
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    line
}

/// All texts in quotes.
fn strings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let quote = if rest[at..].starts_with('"') {
            '"'
        } else {
            '\''
        };
        let Some((inside, after)) = rest[at + 1..].split_once(quote) else {
            break;
        };
        found.push(inside.to_owned());
        rest = after;
    }
    found
}

/// The texts before the first option.
fn positional(statement: &str) -> Vec<String> {
    let mut depth = None;
    let mut end = statement.len();
    let bytes = statement.as_bytes();
    for (at, character) in statement.char_indices() {
        match (depth, character) {
            (None, '\'' | '"') => depth = Some(character),
            (Some(open), _) if open == character => depth = None,
            // `name:` or `=>` begins the options; `if` ends the call.
            (None, ':') if at > 0 && bytes[at - 1].is_ascii_alphanumeric() => end = at,
            (None, '=') if statement[at..].starts_with("=>") => end = at,
            (None, ' ')
                if statement[at..].starts_with(" if ")
                    || statement[at..].starts_with(" unless ") =>
            {
                end = at
            }
            _ => {}
        }
        if end != statement.len() {
            break;
        }
    }
    strings(&statement[..end])
}

/// What stands behind `key:`, `:key =>` or `"key" =>`, to the end of the call.
fn option<'s>(statement: &'s str, key: &str) -> Option<&'s str> {
    for mark in [
        format!(" {key}: "),
        format!(" {key}:"),
        format!(":{key} => "),
        format!(":{key}=>"),
        format!("\"{key}\" => "),
    ] {
        if let Some(at) = statement.find(&mark) {
            let rest = &statement[at + mark.len()..];
            // To the comma that begins the next option.
            let list = rest.trim_start().starts_with('[');
            let end = if list { rest.find(']') } else { rest.find(',') };
            return Some(&rest[..end.unwrap_or(rest.len())]);
        }
    }
    None
}

/// `:name` and `"name"`.
fn symbols(text: &str) -> Vec<String> {
    let mut found = strings(text);
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        if !name.is_empty() && !after.starts_with(':') {
            found.push(name.to_owned());
        }
        rest = after;
    }
    // `%i[test development]`
    if let Some((_, list)) = text.split_once("%i[").or_else(|| text.split_once("%w[")) {
        let list = list.split(']').next().unwrap_or(list);
        found.extend(list.split_whitespace().map(str::to_owned));
    }
    found
}

/// Reads a `*.gemspec`: `add_dependency`, `add_development_dependency`.
pub(crate) fn read_gemspec(reader: &mut Reader<'_>) {
    let mut offset = 0;
    for line in reader.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let code = without_comment(line);
        let group = if code.contains(".add_development_dependency") {
            Group::Development
        } else if code.contains(".add_dependency") || code.contains(".add_runtime_dependency") {
            Group::Runtime
        } else {
            continue;
        };
        let plain = positional(code);
        let Some((name, versions)) = plain.split_first() else {
            continue;
        };
        let at = start + (line.len() - line.trim_start().len());
        let mut found = reader.dependency(name, at..start + line.trim_end().len());
        found.group = group;
        let versions: Vec<String> = versions
            .iter()
            .map(|version| version.replace(' ', ""))
            .collect();
        found.constraint = (!versions.is_empty()).then(|| versions.join(","));
        // A gem of the same repository carries its version.
        if !code.contains("::VERSION") && !code.contains(".version") {
            reader.add(found);
        }
    }
}
