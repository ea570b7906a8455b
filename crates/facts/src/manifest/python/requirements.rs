//! `requirements.txt` as pip reads it:
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/>.

use super::is_pypi;
use super::requirement::{address, excerpt, requirement};
use crate::manifest::reader::{Reader, Span};
use crate::manifest::{Group, SettingKind, Source};

/// Reads requirement lines; `constraints` only fix versions.
pub(crate) fn read(reader: &mut Reader<'_>, path: &str, constraints: bool) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let group = match Group::of_name(name.rsplit_once('.').map_or(name, |(stem, _)| stem)) {
        _ if constraints => Group::Constraint,
        Some(group) => group,
        None => Group::Runtime,
    };
    for (line, span) in logical_lines(reader.text) {
        if line.starts_with('-') {
            option(reader, &line, span, group);
        } else {
            package(reader, &line, span, group);
        }
    }
}

/// Joins lines that end in a backslash, drops comments and empty lines.
fn logical_lines(text: &str) -> Vec<(String, Span)> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    let mut start = None;
    let mut offset = 0;
    for raw in text.split_inclusive('\n') {
        let line = raw
            .trim_start_matches('\u{FEFF}')
            .trim_end_matches(['\n', '\r']);
        let lead = raw.len() - raw.trim_start_matches(['\u{FEFF}', ' ', '\t']).len();
        let content = without_comment(line).trim_end();
        let continued = content
            .strip_suffix('\\')
            .filter(|_| !line.trim_start().starts_with('#'));
        let body = continued.unwrap_or(content);
        let first = *start.get_or_insert(offset + lead);
        joined.push_str(body.trim_start());
        offset += raw.len();
        if continued.is_some() {
            joined.push(' ');
            continue;
        }
        let line = joined.trim().to_owned();
        if !line.is_empty() {
            lines.push((
                line,
                first..offset - (raw.len() - raw.trim_end().len()).min(offset),
            ));
        }
        joined.clear();
        start = None;
    }
    if !joined.trim().is_empty() {
        lines.push((joined.trim().to_owned(), start.unwrap_or(0)..text.len()));
    }
    lines
}

/// A comment starts at a `#` at the beginning or after white space.
fn without_comment(line: &str) -> &str {
    let mut before = b' ';
    for (at, byte) in line.bytes().enumerate() {
        if byte == b'#' && before.is_ascii_whitespace() {
            return &line[..at];
        }
        before = byte;
    }
    line
}

fn option(reader: &mut Reader<'_>, line: &str, span: Span, group: Group) {
    let (name, value) = match line.strip_prefix("--") {
        Some(long) => {
            let end = long
                .find(|c: char| c == '=' || c.is_whitespace())
                .unwrap_or(long.len());
            (
                &long[..end],
                long[end..].trim_start_matches(['=', ' ', '\t']).trim(),
            )
        }
        None => {
            let end = line.char_indices().nth(2).map_or(line.len(), |(at, _)| at);
            (
                &line[1..end],
                line[end..].trim_start_matches(['=', ' ', '\t']).trim(),
            )
        }
    };
    let kind = match name {
        "r" | "requirement" | "c" | "constraint" => SettingKind::Include,
        "i" | "index-url" | "pypi-url" | "extra-index-url" | "f" | "find-links" | "no-index" => {
            if is_pypi(value) && name != "f" {
                return;
            }
            SettingKind::Registry
        }
        "trusted-host" => SettingKind::Trust,
        "pre" | "no-binary" | "only-binary" | "prefer-binary" | "require-hashes"
        | "use-feature" => SettingKind::Resolution,
        "e" | "editable" => return package(reader, value, span, group),
        _ => return reader.problem(span.start, format!("unknown option \"{}\"", excerpt(line))),
    };
    let long = match name {
        "r" => "requirement",
        "c" => "constraint",
        "i" | "pypi-url" => "index-url",
        "f" => "find-links",
        other => other,
    };
    reader.setting(kind, long, value, span);
}

fn package(reader: &mut Reader<'_>, line: &str, span: Span, group: Group) {
    let (what, options) = match line.find(" --") {
        Some(at) => (line[..at].trim_end(), &line[at..]),
        None => (line, ""),
    };
    let found = if is_address(what) {
        Ok(from_address(reader, what, span.clone()))
    } else {
        requirement(reader, what, span.clone())
    };
    match found {
        Ok(mut dependency) => {
            dependency.group = group;
            if group == Group::Constraint {
                dependency.direct = None;
            }
            let hashes = options.split_whitespace().collect::<Vec<_>>().join(" ");
            let hashes = hashes.replace("--hash ", "--hash=");
            let hashes = hashes
                .split(' ')
                .filter_map(|option| option.strip_prefix("--hash="));
            let hashes: Vec<&str> = hashes.collect();
            if !hashes.is_empty() {
                dependency.verified_by(hashes);
            }
            reader.add(dependency);
        }
        Err(message) => reader.problem(span.start, message),
    }
}

/// Whether a line is an address or a path, not a name.
fn is_address(text: &str) -> bool {
    let head = text.split([' ', ';', '@', '[']).next().unwrap_or(text);
    let archive = [".whl", ".tar.gz", ".zip", ".tar.bz2"]
        .iter()
        .any(|end| head.ends_with(end));
    head.contains('/') || head.starts_with('.') || head.contains("://") || archive
}

fn from_address(reader: &Reader<'_>, text: &str, span: Span) -> crate::manifest::Dependency {
    let (text, marker) = match text.split_once(" ;").or_else(|| text.split_once("; ")) {
        Some((text, marker)) => (text.trim(), Some(marker)),
        None => (text, None),
    };
    let (place, fragment) = text.split_once('#').unwrap_or((text, ""));
    let egg = fragment
        .split('&')
        .find_map(|part| part.strip_prefix("egg="));
    // Extras of a path: `./package[extra]`.
    let (bare, extras) = match place.split_once('[') {
        Some((bare, extras)) if !bare.contains("://") => (bare, extras.trim_end_matches(']')),
        _ => (place, ""),
    };
    let path = bare.split_once("://").map_or(bare, |(_, rest)| {
        // Never the authority: it may hold a password.
        rest.split_once('/').map_or("unnamed", |(_, path)| path)
    });
    let last = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path);
    let last = last.split('@').next().unwrap_or(last);
    let name = match egg {
        Some(egg) => egg.split('[').next().unwrap_or(egg),
        // `name-1.0-py3-none-any.whl`, `name-1.0.tar.gz`, `repository.git`
        None => {
            let stem = last.trim_end_matches(".git");
            let cut = stem
                .char_indices()
                .zip(stem.chars().skip(1))
                .find_map(|((at, c), next)| (c == '-' && next.is_ascii_digit()).then_some(at));
            cut.map_or(stem, |at| &stem[..at])
        }
    };
    let mut dependency = reader.dependency(name, span);
    let extras = extras
        .split(',')
        .map(str::trim)
        .filter(|extra| !extra.is_empty());
    dependency.features = extras.map(str::to_ascii_lowercase).collect();
    if bare.len() == place.len() {
        address(&mut dependency, text);
    } else {
        dependency.source = Some(Source::path(bare));
    }
    dependency.condition = marker.map(super::requirement::condition);
    dependency
}
