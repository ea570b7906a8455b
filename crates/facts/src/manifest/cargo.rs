//! Rust: `Cargo.toml` and `Cargo.lock`.
//! <https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html>

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Reader;
use super::source::Source;
use super::tree::{Entry, Node, toml};
use super::{Group, SettingKind};

/// Reads a `Cargo.toml`: a package's, a workspace's or both.
pub(super) fn read(reader: &mut Reader<'_>) {
    let root = toml(reader);
    tables(reader, &root, None);
    for target in root.entries_at(&["target"]) {
        tables(reader, &target.value, Some(&target.key));
    }
    for entry in root.entries_at(&["workspace", "dependencies"]) {
        dependency(reader, entry, Group::Constraint, Some("workspace"), None);
    }
    for registry in root.entries_at(&["patch"]) {
        for entry in registry.value.entries() {
            dependency(reader, entry, Group::Constraint, Some("patch"), None);
        }
    }
    for entry in root.entries_at(&["replace"]) {
        dependency(reader, entry, Group::Constraint, Some("replace"), None);
    }
    if let Some(entry) = root
        .get("package")
        .and_then(|package| package.entry("build"))
    {
        let value = entry.value.text().unwrap_or_default();
        reader.setting(SettingKind::Build, "build", value, entry.span());
    }
}

fn tables(reader: &mut Reader<'_>, node: &Node<'_>, target: Option<&str>) {
    let tables = [
        ("dependencies", Group::Runtime),
        ("dev-dependencies", Group::Development),
        ("dev_dependencies", Group::Development),
        ("build-dependencies", Group::Build),
        ("build_dependencies", Group::Build),
    ];
    for (key, group) in tables {
        for entry in node.entries_at(&[key]) {
            dependency(reader, entry, group, None, target);
        }
    }
}

fn dependency(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    group: Group,
    group_name: Option<&str>,
    target: Option<&str>,
) {
    // `[replace]` keys are `name:version`.
    let key = entry.key.split(':').next().unwrap_or(&entry.key);
    let value = &entry.value;
    let name = value.text_at("package").unwrap_or(key);
    let mut found = reader.dependency(name, entry.span());
    found.alias = (name != key).then(|| key.to_owned());
    found.group = if value.flag("optional") && group == Group::Runtime {
        Group::Optional
    } else {
        group
    };
    found.direct = (group != Group::Constraint).then_some(true);
    found.group_name = group_name.map(str::to_owned);
    found.condition = target.map(str::to_owned);
    let version = value.text().or_else(|| value.text_at("version"));
    found.constraint = version.map(|version| version.replace(", ", ",").replace("= ", "="));
    let features = value.items_at(&["features"]).iter().filter_map(Node::text);
    found.features = features.map(str::to_owned).collect();
    let defaults = value
        .text_at("default-features")
        .or(value.text_at("default_features"));
    if defaults == Some("false") {
        found.features.push("-default".to_owned());
    }
    found.source = source(value);
    if !value.is_map() && value.text().is_none() {
        reader.problem(
            entry.start,
            format!("\"{key}\" has neither a version nor a table"),
        );
    }
    reader.add(found);
}

fn source(value: &Node<'_>) -> Option<Source> {
    if let Some(url) = value.text_at("git") {
        let revision = ["rev", "tag", "branch"].iter().find_map(|key| {
            let revision = value.text_at(key)?;
            Some(if *key == "rev" {
                revision.to_owned()
            } else {
                format!("{key}={revision}")
            })
        });
        return Some(Source::git(url, revision.as_deref()));
    }
    if let Some(path) = value.text_at("path") {
        return Some(Source::path(path));
    }
    if value.flag("workspace") {
        return Some(Source::Workspace);
    }
    let registry = value
        .text_at("registry")
        .or_else(|| value.text_at("registry-index"))?;
    (registry != "crates-io").then(|| Source::registry(registry))
}

/// Reads a `Cargo.lock`. Packages without a source are the project's own: what they name is
/// direct.
pub(super) fn read_lock(reader: &mut Reader<'_>) {
    let root = toml(reader);
    let packages = root.items_at(&["package"]);
    let own = packages
        .iter()
        .filter(|package| package.get("source").is_none());
    let named = own
        .flat_map(|package| package.items_at(&["dependencies"]))
        .filter_map(Node::text);
    // `name`, `name version` or `name version (source)`.
    let mut direct: BTreeSet<(&str, Option<&str>)> = BTreeSet::new();
    for name in named {
        let mut words = name.split(' ');
        direct.insert((words.next().unwrap_or_default(), words.next()));
    }
    // The first versions of the format keep checksums apart.
    let old = root.entries_at(&["metadata"]).iter();
    let old: BTreeMap<&str, &str> = old
        .filter_map(|entry| Some((&*entry.key, entry.value.text()?)))
        .collect();
    for package in packages {
        let Some(name) = package.text_at("name") else {
            reader.problem(package.start, "a package without a name");
            continue;
        };
        let Some(source) = package.text_at("source") else {
            continue;
        };
        let version = package.text_at("version");
        let start = package
            .entry("name")
            .map_or(package.start, |entry| entry.start);
        let end = package.get("version").map_or(start, |version| version.end);
        let mut found = reader.dependency(name, start..end);
        found.locked = version.map(str::to_owned);
        found.direct = Some(direct.contains(&(name, None)) || direct.contains(&(name, version)));
        found.source = lock_source(source);
        let checksum = package.text_at("checksum").or_else(|| {
            let key = format!("checksum {name} {} ({source})", version?);
            old.get(key.as_str()).copied()
        });
        found.requires = package
            .items_at(&["dependencies"])
            .iter()
            .filter_map(Node::text)
            .map(|needed| {
                let mut words = needed.split(' ');
                let name = words.next().unwrap_or_default();
                match words.next() {
                    Some(version) => format!("{name}@{version}"),
                    None => name.to_owned(),
                }
            })
            .collect();
        found.verified_by(checksum.filter(|checksum| *checksum != "<none>"));
        reader.add(found);
    }
}

fn lock_source(source: &str) -> Option<Source> {
    if let Some(url) = source.strip_prefix("git+") {
        let (place, commit) = url.split_once('#').unwrap_or((url, ""));
        return Some(Source::git(
            place.split('?').next().unwrap_or(place),
            Some(commit),
        ));
    }
    let url = source
        .strip_prefix("registry+")
        .or_else(|| source.strip_prefix("sparse+"));
    let url = url.unwrap_or(source);
    let crates_io = [
        "https://github.com/rust-lang/crates.io-index",
        "https://index.crates.io/",
    ];
    (!crates_io.contains(&url)).then(|| Source::registry(url))
}
