//! Container images: of a `Dockerfile` (<https://docs.docker.com/reference/dockerfile/>) and of compose files.

use std::collections::BTreeMap;

use super::reader::{Reader, Span};
use super::source::Source;
use super::{Dependency, Ecosystem, Group, SettingKind};
use crate::infra::containerfile::instructions;

/// Variables that say where package managers fetch from and what they verify.
const SETTINGS: [(&str, SettingKind); 16] = [
    ("GOPROXY", SettingKind::Registry),
    ("GONOPROXY", SettingKind::Registry),
    ("GOINSECURE", SettingKind::Trust),
    ("GONOSUMDB", SettingKind::Trust),
    ("GONOSUMCHECK", SettingKind::Trust),
    ("GOSUMDB", SettingKind::Trust),
    ("GOFLAGS", SettingKind::Trust),
    ("PIP_INDEX_URL", SettingKind::Registry),
    ("PIP_EXTRA_INDEX_URL", SettingKind::Registry),
    ("PIP_TRUSTED_HOST", SettingKind::Trust),
    ("UV_INDEX_URL", SettingKind::Registry),
    ("UV_EXTRA_INDEX_URL", SettingKind::Registry),
    ("NPM_CONFIG_REGISTRY", SettingKind::Registry),
    ("NPM_CONFIG_STRICT_SSL", SettingKind::Trust),
    ("COMPOSER_ALLOW_SUPERUSER", SettingKind::Trust),
    ("BUNDLE_MIRROR__ALL", SettingKind::Registry),
];

/// Reads a `Dockerfile`. The last stage is what runs; the others build it.
pub(super) fn read(reader: &mut Reader<'_>) {
    let all = instructions(reader.text);
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: Vec<String> = Vec::new();
    let mut found: Vec<(Dependency, usize)> = Vec::new();
    // Which earlier stage a stage begins with, by position.
    let mut begins: Vec<Option<usize>> = Vec::new();
    for instruction in &all {
        let rest = instruction.rest.trim();
        let span = instruction.start..instruction.end;
        match instruction.word.as_str() {
            "ARG" | "ENV" => {
                for (name, value) in pairs(rest) {
                    if let Some((_, kind)) = SETTINGS.iter().find(|(known, _)| *known == name) {
                        reader.setting(*kind, &name, &value, span.clone());
                    }
                    // Before the first stage: what `FROM` may use.
                    if stages.is_empty() && begins.is_empty() {
                        values.insert(name, value);
                    }
                }
            }
            "FROM" => {
                let mut words = rest
                    .split_whitespace()
                    .filter(|word| !word.starts_with("--"));
                let image = words.next().unwrap_or_default();
                let image = interpolate(image, &values);
                let name = match words.next() {
                    Some(word) if word.eq_ignore_ascii_case("as") => words.next(),
                    _ => None,
                };
                let known = stages
                    .iter()
                    .position(|stage| stage.eq_ignore_ascii_case(&image));
                begins.push(known);
                let stage = begins.len() - 1;
                stages.resize(stage, String::new());
                stages.push(name.unwrap_or_default().to_owned());
                if known.is_some() || image == "scratch" {
                    continue;
                }
                // A stage that the platform chooses, a template that another program fills in.
                let chosen = image.split_once("${").is_some_and(|(before, _)| {
                    !before.is_empty() && stages.iter().any(|stage| stage.starts_with(before))
                });
                if chosen || image.contains("{{") || image.contains("{%") {
                    continue;
                }
                match dependency(reader, &image, span.clone()) {
                    Some(image) => found.push((image, stage)),
                    None => reader.problem(
                        span.start,
                        format!("which image \"{image}\" is stands outside of the file"),
                    ),
                }
            }
            "COPY" | "ADD" => {
                let from = rest
                    .split_whitespace()
                    .find_map(|word| word.strip_prefix("--from="));
                let Some(from) = from else { continue };
                let number = from.parse::<usize>().is_ok();
                let stage = stages.iter().any(|stage| stage.eq_ignore_ascii_case(from));
                // A plain name may be a build context that the caller gives.
                let image = from.contains([':', '@', '/']);
                if !number
                    && !stage
                    && image
                    && let Some(mut image) =
                        dependency(reader, &interpolate(from, &values), span.clone())
                {
                    image.group_name = Some("copy".to_owned());
                    found.push((image, usize::MAX));
                }
            }
            _ => {}
        }
    }
    // What runs begins with the last stage's image, through other stages.
    let mut running = begins.len().checked_sub(1);
    while let Some(Some(earlier)) = running.and_then(|stage| begins.get(stage)).copied() {
        if Some(earlier) >= running {
            break;
        }
        running = Some(earlier);
    }
    for (mut image, stage) in found {
        image.group = match running {
            Some(running) if stage == running || stage == usize::MAX => Group::Runtime,
            _ => Group::Build,
        };
        reader.add(image);
    }
}

/// `NAME=value NAME="value"` and the old `NAME value`.
fn pairs(text: &str) -> Vec<(String, String)> {
    if !text.contains('=') {
        let (name, value) = text.split_once(' ').unwrap_or((text, ""));
        // An argument without a default comes from outside.
        return match value.is_empty() {
            true => Vec::new(),
            false => vec![(name.to_owned(), value.trim().to_owned())],
        };
    }
    let pairs = text.split_whitespace().filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
    });
    pairs.collect()
}

/// Replaces `$NAME`, `${NAME}`, `${NAME:-default}`; what is not known stays. A value may hold others
/// once more; rings of them end.
fn interpolate(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut done = String::new();
    let mut rest = text.to_owned();
    for _ in 0..32 {
        let Some((before, after)) = rest.split_once('$') else {
            break;
        };
        done.push_str(before);
        let (inside, behind) = match after.strip_prefix('{') {
            Some(inside) => inside.split_once('}').unwrap_or((inside, "")),
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        let (name, default) = match inside.find([':', '-', '?', '+']) {
            Some(at) => {
                let rest = inside[at..].trim_start_matches(':');
                (&inside[..at], rest.strip_prefix('-'))
            }
            None => (inside, None),
        };
        let known = values.get(name).map(String::as_str);
        let known = known.filter(|value| !value.is_empty()).or(default);
        rest = match known.filter(|value| value.len() < 1000) {
            Some(value) => format!("{value}{behind}"),
            None => {
                done.push_str("${");
                done.push_str(name);
                done.push('}');
                behind.to_owned()
            }
        };
    }
    done + &rest
}

/// An image's reference as a dependency; none if its name is not known.
pub(super) fn dependency(reader: &Reader<'_>, image: &str, span: Span) -> Option<Dependency> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    // A colon behind the last slash parts the tag; one before belongs to a port.
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match name[slash..].find(':') {
        Some(at) => (&name[..slash + at], Some(&name[slash + at + 1..])),
        None => (name, None),
    };
    if name.is_empty() || name.contains(['$', '{', ' ', '<']) {
        return None;
    }
    let (registry, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            (Some(host), path)
        }
        _ => (None, name),
    };
    let hub = ["docker.io", "index.docker.io", "registry-1.docker.io"];
    let registry = registry.filter(|host| !hub.contains(host));
    let path = match registry {
        None => path.strip_prefix("library/").unwrap_or(path),
        Some(_) => path,
    };
    let mut found = reader.dependency(path, span);
    found.ecosystem = Ecosystem::Docker;
    found.package = path.to_ascii_lowercase();
    found.constraint = tag.map(str::to_owned);
    found.source = registry.map(Source::registry);
    found.verified_by(digest);
    Some(found)
}

/// Reads the images of a compose file; what is built in place keeps its own name.
pub(super) fn read_compose(reader: &mut Reader<'_>) {
    let lines = super::actions::lines(reader.text);
    let values = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        if line.key != "image" || line.value.is_empty() {
            continue;
        }
        let beside = |other: &&super::actions::Line<'_>| other.indent >= line.indent;
        let after = lines[at + 1..].iter().take_while(beside);
        let before = lines[..at].iter().rev().take_while(beside);
        let built = after
            .chain(before)
            .any(|other| other.indent == line.indent && other.key == "build");
        if built {
            continue;
        }
        let image = interpolate(line.value, &values);
        if let Some(found) = dependency(reader, &image, line.span.clone()) {
            reader.add(found);
        }
    }
}
