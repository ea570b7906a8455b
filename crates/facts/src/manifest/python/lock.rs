//! `uv.lock`, `poetry.lock`, `pdm.lock` and `pylock.toml` (PEP 751).

use std::collections::BTreeMap;

use super::index;
use crate::manifest::reader::{Reader, normal_python_name};
use crate::manifest::tree::{Node, toml};
use crate::manifest::{Dependency, Group, Source};

/// Reads a `uv.lock`. The project's own members are not dependencies; what they name is direct.
pub(crate) fn read_uv(reader: &mut Reader<'_>) {
    let root = toml(reader);
    let packages = root.items_at(&["package"]);
    let mut direct: BTreeMap<String, Group> = BTreeMap::new();
    for member in packages.iter().filter(|package| is_member(package)) {
        let mut note = |items: &[Node<'_>], group: Group| {
            for name in items.iter().filter_map(|item| item.text_at("name")) {
                let least = direct.entry(normal_python_name(name)).or_insert(group);
                *least = group.min(*least);
            }
        };
        note(member.items_at(&["dependencies"]), Group::Runtime);
        for extra in member.entries_at(&["optional-dependencies"]) {
            note(
                extra.value.items(),
                Group::of_name(&extra.key).unwrap_or(Group::Optional),
            );
        }
        for group in member.entries_at(&["dev-dependencies"]) {
            note(
                group.value.items(),
                Group::of_name(&group.key).unwrap_or(Group::Optional),
            );
        }
    }
    for package in packages.iter().filter(|package| !is_member(package)) {
        let Some(mut dependency) = entry(reader, package) else {
            continue;
        };
        if let Some(source) = package.get("source") {
            dependency.source = uv_source(source);
        }
        let group = direct.get(&dependency.package);
        dependency.direct = Some(group.is_some());
        dependency.group = group.copied().unwrap_or(Group::Runtime);
        dependency.requires = named(package.items_at(&["dependencies"]));
        let wheels = package.items_at(&["wheels"]).iter();
        let files = package.get("sdist").into_iter().chain(wheels);
        dependency.verified_by(files.filter_map(|file| file.text_at("hash")));
        reader.add(dependency);
    }
}

/// The packages of a list of tables with names and, where a name has several, versions.
fn named(items: &[Node<'_>]) -> Vec<String> {
    let named = items.iter().filter_map(|item| {
        let name = normal_python_name(item.text_at("name")?);
        Some(match item.text_at("version") {
            Some(version) => format!("{name}@{version}"),
            None => name,
        })
    });
    named.collect()
}

fn is_member(package: &Node<'_>) -> bool {
    let source = package.get("source");
    source.is_some_and(|source| source.get("virtual").or(source.get("editable")).is_some())
}

fn uv_source(source: &Node<'_>) -> Option<Source> {
    if let Some(url) = source.text_at("registry") {
        return if url.contains("://") {
            index(url)
        } else {
            Some(Source::path(url))
        };
    }
    if let Some(url) = source.text_at("git") {
        // `https://host/repository?rev=v1#commit`
        let (place, commit) = url.split_once('#').unwrap_or((url, ""));
        return Some(Source::git(
            place.split('?').next().unwrap_or(place),
            Some(commit),
        ));
    }
    if let Some(url) = source.text_at("url") {
        return Some(Source::url(url));
    }
    let path = source
        .text_at("path")
        .or_else(|| source.text_at("directory"))?;
    Some(Source::path(path))
}

/// Name and version of a `[[package]]`; a nameless one is a problem.
fn entry(reader: &mut Reader<'_>, package: &Node<'_>) -> Option<Dependency> {
    let Some(name) = package.text_at("name") else {
        reader.problem(package.start, "a package without a name");
        return None;
    };
    // The table's own place is its header; the name tells more.
    let start = package
        .entry("name")
        .map_or(package.start, |name| name.start);
    let end = package.get("version").map_or(start, |version| version.end);
    let mut dependency = reader.dependency(name, start..end);
    dependency.locked = package.text_at("version").map(str::to_owned);
    dependency.direct = None;
    if let Some(marker) = package
        .text_at("marker")
        .or_else(|| package.text_at("markers"))
    {
        dependency.condition = Some(super::requirement::condition(marker));
    }
    Some(dependency)
}

/// The group of a locked package from the names of the groups that need it.
fn group_of(names: &[Node<'_>]) -> Option<Group> {
    let groups = names.iter().filter_map(Node::text).map(|name| match name {
        "main" | "default" => Group::Runtime,
        other => Group::of_name(other).unwrap_or(Group::Optional),
    });
    groups.min()
}

/// The files by package, which older formats keep apart.
fn old_files<'n>(root: &'n Node<'_>) -> BTreeMap<&'n str, &'n [Node<'n>]> {
    let entries = root.entries_at(&["metadata", "files"]).iter();
    entries
        .map(|entry| (&*entry.key, entry.value.items()))
        .collect()
}

/// Reads a `poetry.lock`, versions 1 and 2.
pub(crate) fn read_poetry(reader: &mut Reader<'_>) {
    let root = toml(reader);
    let old = old_files(&root);
    for package in root.items_at(&["package"]) {
        let Some(mut dependency) = entry(reader, package) else {
            continue;
        };
        dependency.group = match (package.text_at("category"), package.get("groups")) {
            (Some("dev"), _) => Group::Development,
            (_, Some(groups)) => group_of(groups.items()).unwrap_or(Group::Runtime),
            _ if package.flag("optional") => Group::Optional,
            _ => Group::Runtime,
        };
        if let Some(source) = package.get("source") {
            let url = source.text_at("url").unwrap_or_default();
            let reference = source.text_at("resolved_reference");
            dependency.source = match source.text_at("type") {
                Some("git") => Some(Source::git(url, reference.or(source.text_at("reference")))),
                Some("url") => Some(Source::url(url)),
                Some("file" | "directory") => Some(Source::path(url)),
                _ => index(url),
            };
        }
        dependency.requires = package
            .entries_at(&["dependencies"])
            .iter()
            .map(|entry| normal_python_name(&entry.key))
            .collect();
        let old = package.text_at("name").and_then(|name| old.get(name));
        let files = package
            .items_at(&["files"])
            .iter()
            .chain(old.copied().unwrap_or_default());
        dependency.verified_by(files.filter_map(|file| file.text_at("hash")));
        reader.add(dependency);
    }
}

/// Reads a `pdm.lock`.
pub(crate) fn read_pdm(reader: &mut Reader<'_>) {
    let root = toml(reader);
    let old = old_files(&root);
    for package in root.items_at(&["package"]) {
        let Some(mut dependency) = entry(reader, package) else {
            continue;
        };
        dependency.group = group_of(package.items_at(&["groups"])).unwrap_or(Group::Runtime);
        for extra in package.items_at(&["extras"]).iter().filter_map(Node::text) {
            dependency.features.push(extra.to_ascii_lowercase());
        }
        dependency.source = if let Some(url) = package.text_at("git") {
            let revision = package
                .text_at("revision")
                .or_else(|| package.text_at("ref"));
            Some(Source::git(url, revision))
        } else if let Some(url) = package.text_at("url") {
            Some(Source::url(url))
        } else {
            package.text_at("path").map(Source::path)
        };
        let needs = package.items_at(&["dependencies"]).iter();
        dependency.requires = needs
            .filter_map(Node::text)
            .map(|text| {
                let end = text.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)));
                normal_python_name(&text[..end.unwrap_or(text.len())])
            })
            .collect();
        let key = package.text_at("name").zip(package.text_at("version"));
        let old = key.and_then(|(name, version)| old.get(format!("{name} {version}").as_str()));
        let files = package
            .items_at(&["files"])
            .iter()
            .chain(old.copied().unwrap_or_default());
        dependency.verified_by(files.filter_map(|file| file.text_at("hash")));
        reader.add(dependency);
    }
}

/// Reads a `pylock.toml`.
pub(crate) fn read_pylock(reader: &mut Reader<'_>) {
    let root = toml(reader);
    for package in root.items_at(&["packages"]) {
        let Some(mut dependency) = entry(reader, package) else {
            continue;
        };
        let part = |key: &str| package.get(key);
        dependency.source = if let Some(vcs) = part("vcs") {
            let url = vcs
                .text_at("url")
                .or_else(|| vcs.text_at("path"))
                .unwrap_or_default();
            Some(Source::git(url, vcs.text_at("commit-id")))
        } else if let Some(directory) = part("directory") {
            directory.text_at("path").map(Source::path)
        } else if let Some(archive) = part("archive") {
            let url = archive.text_at("url").map(Source::url);
            url.or_else(|| archive.text_at("path").map(Source::path))
        } else {
            package.text_at("index").and_then(index)
        };
        let wheels = package.items_at(&["wheels"]).iter();
        let files = part("archive")
            .into_iter()
            .chain(part("sdist"))
            .chain(wheels);
        dependency.requires = named(package.items_at(&["dependencies"]));
        let hashes: Vec<String> = files
            .flat_map(|file| file.entries_at(&["hashes"]))
            .filter_map(|hash| Some(format!("{}:{}", hash.key, hash.value.text()?)))
            .collect();
        dependency.verified_by(hashes.iter().map(String::as_str));
        reader.add(dependency);
    }
}
