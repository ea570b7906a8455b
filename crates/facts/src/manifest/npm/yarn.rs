//! `yarn.lock`, classic (its own format) and berry (YAML).

use std::collections::{BTreeMap, BTreeSet};

use super::{name_and_rest, rename, resolved, spec};
use crate::manifest::Dependency;
use crate::manifest::reader::{Reader, Span};
use crate::manifest::source::Source;
use crate::manifest::tree::{Entry, Node};
use crate::manifest::yaml::yaml;

/// Reads either format; berry's says so with `__metadata:`.
pub(crate) fn read(reader: &mut Reader<'_>) {
    if reader.text.starts_with("__metadata:") || reader.text.contains("\n__metadata:") {
        for document in yaml(reader) {
            berry(reader, &document);
        }
    } else {
        classic(reader);
    }
}

#[derive(Default)]
struct Block<'a> {
    head: &'a str,
    start: usize,
    end: usize,
    version: Option<&'a str>,
    resolved: Option<&'a str>,
    integrity: Option<&'a str>,
    /// `name@range` of what it needs.
    needs: Vec<String>,
}

fn classic(reader: &mut Reader<'_>) {
    let text = reader.text;
    let mut block: Option<Block<'_>> = None;
    let mut within = false;
    let mut known = BTreeMap::new();
    let mut offset = 0;
    for raw in text.split_inclusive('\n') {
        let start = offset;
        offset += raw.len();
        let line = raw.trim_start_matches('\u{FEFF}').trim_end();
        if line.trim_start().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if indent == 0 {
            finish(reader, block.take(), &mut known);
            match line.strip_suffix(':') {
                Some(head) => {
                    let end = start + line.len();
                    block = Some(Block {
                        head,
                        start,
                        end,
                        ..Block::default()
                    });
                }
                None => reader.problem(start, "not a yarn.lock: expected `name@range:`"),
            }
            continue;
        }
        let Some(block) = block.as_mut() else {
            reader.problem(start, "not a yarn.lock: an indented line without a package");
            continue;
        };
        let (key, value) = content.split_once(' ').unwrap_or((content, ""));
        let value = value.trim().trim_matches('"');
        if indent != 2 {
            if within {
                block
                    .needs
                    .push(format!("{}@{value}", key.trim_matches('"')));
            }
            continue;
        }
        within = matches!(key, "dependencies:" | "optionalDependencies:");
        match key.trim_matches('"') {
            "version" => block.version = Some(value),
            "resolved" => block.resolved = Some(value),
            "integrity" => block.integrity = Some(value),
            _ => continue,
        }
        block.end = start + line.len();
    }
    finish(reader, block, &mut known);
    resolve(reader, &known);
}

/// Turns `name@range` of what packages need into the package and version of the entry that
/// serves it.
fn resolve(reader: &mut Reader<'_>, known: &BTreeMap<String, String>) {
    for dependency in reader.added() {
        let needs = std::mem::take(&mut dependency.requires);
        let found = needs.iter().filter_map(|wanted| known.get(wanted));
        dependency.requires = found.cloned().collect();
    }
}

/// What serves a `name@range`.
fn serves(dependency: &Dependency) -> String {
    match &dependency.locked {
        Some(version) => format!("{}@{version}", dependency.package),
        None => dependency.package.clone(),
    }
}

fn finish(reader: &mut Reader<'_>, block: Option<Block<'_>>, known: &mut BTreeMap<String, String>) {
    let Some(block) = block else { return };
    let patterns = block
        .head
        .split(", ")
        .map(|pattern| pattern.trim().trim_matches('"'));
    // Several names can share an entry if they are aliases of one package.
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for pattern in patterns {
        let (name, range) = name_and_rest(pattern).unwrap_or((pattern, ""));
        if !names.insert(name) {
            if let Some(dependency) = reader.added().last() {
                known.insert(pattern.to_owned(), serves(dependency));
            }
            continue;
        }
        let mut dependency = reader.dependency(name, block.start..block.end);
        dependency.requires.clone_from(&block.needs);
        dependency.direct = None;
        spec::apply(&mut dependency, range);
        dependency.constraint = None;
        dependency.locked = block.version.map(str::to_owned);
        dependency.verified_by(block.integrity);
        if let Some(url) = block.resolved {
            // A registry's address has yarn's own SHA-1 behind `#`.
            if dependency.integrity.is_none()
                && let Some((place, hash)) = url.split_once('#')
                && place.ends_with(".tgz")
            {
                dependency.verified_by([hash]);
            }
            resolved(&mut dependency, url);
        }
        if block.version.is_none() {
            reader.problem(block.start, format!("\"{name}\" has no version"));
        }
        known.insert(pattern.to_owned(), serves(&dependency));
        reader.add(dependency);
    }
}

fn berry(reader: &mut Reader<'_>, root: &Node<'_>) {
    let is_own = |entry: &&Entry<'_>| {
        let resolution = entry.value.text_at("resolution").and_then(name_and_rest);
        resolution.is_some_and(|(_, rest)| rest.starts_with("workspace:"))
    };
    let mut known = BTreeMap::new();
    // `name@range` as the project's own packages ask for them.
    let mut direct: BTreeSet<String> = BTreeSet::new();
    for own in root.entries().iter().filter(is_own) {
        for table in ["dependencies", "optionalDependencies"] {
            for wanted in own.value.entries_at(&[table]) {
                let range = wanted.value.text().unwrap_or_default();
                direct.insert(format!("{}@{range}", wanted.key));
                // Older versions leave the protocol out.
                direct.insert(format!("{}@npm:{range}", wanted.key));
            }
        }
    }
    for entry in root
        .entries()
        .iter()
        .filter(|entry| entry.key != "__metadata")
    {
        if is_own(&entry) {
            continue;
        }
        let end = entry
            .value
            .get("version")
            .map_or(entry.start, |version| version.end);
        let direct = entry
            .key
            .split(", ")
            .any(|pattern| direct.contains(pattern));
        berry_entry(reader, entry, entry.start..end, direct);
        let needs = ["dependencies", "optionalDependencies"]
            .into_iter()
            .flat_map(|table| entry.value.entries_at(&[table]));
        let needs = needs.map(|wanted| {
            let range = wanted.value.text().unwrap_or_default();
            // Older versions leave the protocol out.
            let protocol = if range.contains(':') { "" } else { "npm:" };
            format!("{}@{protocol}{range}", wanted.key)
        });
        let needs: Vec<String> = needs.collect();
        if let Some(dependency) = reader.added().last_mut() {
            dependency.requires = needs;
            for pattern in entry.key.split(", ") {
                known.insert(pattern.to_owned(), serves(dependency));
            }
        }
    }
    resolve(reader, &known);
}

fn berry_entry(reader: &mut Reader<'_>, entry: &Entry<'_>, span: Span, direct: bool) {
    let value = &entry.value;
    let head = entry.key.split(", ").next().unwrap_or(&entry.key);
    let Some((name, _)) = name_and_rest(head) else {
        reader.problem(entry.start, "not a yarn.lock: expected `name@range:`");
        return;
    };
    let mut dependency = reader.dependency(name, span);
    dependency.direct = Some(direct);
    dependency.locked = value.text_at("version").map(str::to_owned);
    // `10c0/…`: the cache's key before the SHA-512.
    let checksum = value.text_at("checksum");
    let checksum = checksum.map(|sum| sum.rsplit('/').next().unwrap_or(sum));
    dependency.verified_by(checksum.map(|sum| format!("sha512:{sum}")).as_deref());
    // It is the sum of yarn's own archive.
    dependency.hash = None;
    let Some((package, place)) = value.text_at("resolution").and_then(name_and_rest) else {
        reader.problem(entry.start, format!("\"{name}\" has no resolution"));
        reader.add(dependency);
        return;
    };
    rename(&mut dependency, package);
    if place.starts_with("patch:") {
        dependency.features.push("patched".to_owned());
    } else if let Some(version) = place.strip_prefix("npm:") {
        // `npm:1.0.0::__archiveUrl=https%3A%2F%2F…` for archives elsewhere.
        if let Some((_, archive)) = version.split_once("__archiveUrl=") {
            let url = archive.split('&').next().unwrap_or(archive);
            resolved(
                &mut dependency,
                &url.replace("%3A", ":").replace("%2F", "/"),
            );
        }
    } else if let Some((place, commit)) = place.split_once("#commit=") {
        dependency.source = Some(Source::git(place, Some(commit)));
    } else if place.starts_with("https://") || place.starts_with("http://") {
        dependency.source = Some(Source::url(place));
    } else {
        let path = place.split("::").next().unwrap_or(place);
        spec::apply(&mut dependency, path);
        dependency.constraint = None;
    }
    reader.add(dependency);
}
