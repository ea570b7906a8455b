//! `pyproject.toml`: PEP 518, 621 and 735, and the tables of Poetry, uv, PDM and Hatch.

use std::collections::BTreeMap;

use super::index;
use super::requirement::requirement;
use crate::manifest::reader::{Reader, Span, normal_python_name};
use crate::manifest::tree::{Entry, Node, toml};
use crate::manifest::{Dependency, Group, SettingKind, Source};

/// Reads every table that names packages.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let root = toml(reader);
    list(
        reader,
        root.items_at(&["project", "dependencies"]),
        Group::Runtime,
        None,
    );
    for extra in root.entries_at(&["project", "optional-dependencies"]) {
        named(reader, extra);
    }
    for group in root.entries_at(&["dependency-groups"]) {
        named(reader, group);
    }
    list(
        reader,
        root.items_at(&["build-system", "requires"]),
        Group::Build,
        None,
    );
    for key in ["build-backend", "backend-path"] {
        let Some(entry) = root.get("build-system").and_then(|table| table.entry(key)) else {
            continue;
        };
        let value = entry
            .value
            .text()
            .unwrap_or(&reader.text[entry.value.span()]);
        reader.setting(SettingKind::Build, key, value, entry.span());
    }
    if let Some(tool) = root.get("tool") {
        poetry(reader, tool);
        pdm(reader, tool);
        for environment in tool.entries_at(&["hatch", "envs"]) {
            for key in ["dependencies", "extra-dependencies"] {
                let items = environment.value.items_at(&[key]);
                list(reader, items, Group::Development, Some(&environment.key));
            }
        }
        uv(reader, tool);
    }
}

/// A list of requirements under the name of an extra or a group.
fn named(reader: &mut Reader<'_>, entry: &Entry<'_>) {
    let group = Group::of_name(&entry.key).unwrap_or(Group::Optional);
    list(reader, entry.value.items(), group, Some(&entry.key));
}

fn list(reader: &mut Reader<'_>, items: &[Node<'_>], group: Group, name: Option<&str>) {
    for item in items {
        // `{include-group = "…"}` repeats what is read where it stands.
        let Some(text) = item.text() else { continue };
        let text = text.strip_prefix("-e ").unwrap_or(text);
        match requirement(reader, text, item.span()) {
            Ok(mut dependency) => {
                dependency.group = group;
                dependency.group_name = name.map(str::to_owned);
                if group == Group::Constraint {
                    dependency.direct = None;
                }
                reader.add(dependency);
            }
            Err(message) => reader.problem(item.start, message),
        }
    }
}

fn poetry(reader: &mut Reader<'_>, tool: &Node<'_>) {
    let Some(poetry) = tool.get("poetry") else {
        return;
    };
    let mut indexes: Vec<(String, String)> = Vec::new();
    for source in poetry.items_at(&["source"]) {
        let (name, url) = (source.text_at("name"), source.text_at("url"));
        let name = name.unwrap_or_default();
        if let Some(url) = url {
            indexes.push((name.to_owned(), url.to_owned()));
        }
        let priority = source.text_at("priority").unwrap_or("primary");
        let value = format!("{} ({priority})", url.unwrap_or(name));
        reader.setting(
            SettingKind::Registry,
            &format!("source {name}"),
            &value,
            source.span(),
        );
    }
    poetry_table(
        reader,
        poetry.entries_at(&["dependencies"]),
        Group::Runtime,
        None,
        &indexes,
    );
    let dev = poetry.entries_at(&["dev-dependencies"]);
    poetry_table(reader, dev, Group::Development, Some("dev"), &indexes);
    for group in poetry.entries_at(&["group"]) {
        let name = &*group.key;
        let kind = Group::of_name(name).unwrap_or(Group::Optional);
        let entries = group.value.entries_at(&["dependencies"]);
        poetry_table(reader, entries, kind, Some(name), &indexes);
    }
}

fn poetry_table(
    reader: &mut Reader<'_>,
    entries: &[Entry<'_>],
    group: Group,
    name: Option<&str>,
    indexes: &[(String, String)],
) {
    for entry in entries {
        if entry.key.eq_ignore_ascii_case("python") {
            continue;
        }
        // A list holds one alternative per platform or Python version.
        let alternatives = match entry.value.items() {
            [] => std::slice::from_ref(&entry.value),
            items => items,
        };
        for value in alternatives {
            let mut dependency = reader.dependency(&entry.key, entry.start..value.end);
            dependency.group = if value.flag("optional") {
                Group::Optional
            } else {
                group
            };
            dependency.group_name = name.map(str::to_owned);
            if let Some(text) = value.text() {
                dependency.constraint = constraint(text);
            } else {
                attributes(&mut dependency, value, indexes);
            }
            reader.add(dependency);
        }
    }
}

/// A constraint without white space around operators; none for "any version".
pub(crate) fn constraint(text: &str) -> Option<String> {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let folded = folded
        .replace(", ", ",")
        .replace("= ", "=")
        .replace("> ", ">");
    let folded = folded.replace("< ", "<");
    (!folded.is_empty() && folded != "*").then_some(folded)
}

/// The attributes that Poetry, Pipenv, PDM and uv write in a table beside a name.
pub(crate) fn attributes(
    dependency: &mut Dependency,
    value: &Node<'_>,
    indexes: &[(String, String)],
) {
    if let Some(version) = value.text_at("version") {
        dependency.constraint = constraint(version);
    }
    for extra in value.items_at(&["extras"]).iter().filter_map(Node::text) {
        dependency.features.push(extra.to_ascii_lowercase());
    }
    if let Some(marker) = value.text_at("markers").or_else(|| value.text_at("marker")) {
        dependency.condition = Some(super::requirement::condition(marker));
    }
    if let Some(source) = place(value, indexes) {
        dependency.source = Some(source);
    }
}

/// Where a table says its package comes from.
fn place(value: &Node<'_>, indexes: &[(String, String)]) -> Option<Source> {
    if let Some(url) = value.text_at("git") {
        let revision = ["rev", "tag", "branch", "ref"].iter().find_map(|key| {
            let revision = value.text_at(key)?;
            Some(match *key {
                "rev" | "ref" => revision.to_owned(),
                key => format!("{key}={revision}"),
            })
        });
        return Some(Source::git(url, revision.as_deref()));
    }
    if let Some(url) = value.text_at("url") {
        return Some(Source::url(url));
    }
    if let Some(path) = value.text_at("path").or_else(|| value.text_at("file")) {
        return Some(if path.contains("://") {
            Source::url(path)
        } else {
            Source::path(path)
        });
    }
    if value.flag("workspace") {
        return Some(Source::Workspace);
    }
    let name = value.text_at("source").or_else(|| value.text_at("index"))?;
    match indexes.iter().find(|(known, _)| known == name) {
        Some((_, url)) => index(url),
        None if name.eq_ignore_ascii_case("pypi") => None,
        None => Some(Source::registry(name)),
    }
}

fn pdm(reader: &mut Reader<'_>, tool: &Node<'_>) {
    let Some(pdm) = tool.get("pdm") else { return };
    for group in pdm.entries_at(&["dev-dependencies"]) {
        list(
            reader,
            group.value.items(),
            Group::Development,
            Some(&group.key),
        );
    }
    for source in pdm.items_at(&["source"]) {
        let name = source.text_at("name").unwrap_or_default();
        let url = source.text_at("url").unwrap_or_default();
        reader.setting(
            SettingKind::Registry,
            &format!("source {name}"),
            url,
            source.span(),
        );
        if source.text_at("verify_ssl") == Some("false") {
            reader.setting(SettingKind::Trust, "verify_ssl", "false", source.span());
        }
    }
    for entry in pdm.entries_at(&["resolution", "overrides"]) {
        let mut dependency = reader.dependency(&entry.key, entry.span());
        dependency.group = Group::Constraint;
        dependency.direct = None;
        dependency.constraint = entry.value.text().and_then(constraint);
        reader.add(dependency);
    }
}

fn uv(reader: &mut Reader<'_>, tool: &Node<'_>) {
    let Some(uv) = tool.get("uv") else { return };
    list(
        reader,
        uv.items_at(&["dev-dependencies"]),
        Group::Development,
        Some("dev"),
    );
    for key in [
        "constraint-dependencies",
        "override-dependencies",
        "build-constraint-dependencies",
    ] {
        list(reader, uv.items_at(&[key]), Group::Constraint, Some(key));
    }
    let mut indexes: Vec<(String, String)> = Vec::new();
    for found in uv.items_at(&["index"]) {
        let name = found.text_at("name").unwrap_or_default();
        let url = found.text_at("url").unwrap_or_default();
        indexes.push((name.to_owned(), url.to_owned()));
        let mut value = url.to_owned();
        for flag in ["default", "explicit"] {
            if found.flag(flag) {
                value.push_str(&format!(" ({flag})"));
            }
        }
        reader.setting(
            SettingKind::Registry,
            &format!("index {name}"),
            &value,
            found.span(),
        );
    }
    for (key, kind) in [
        ("index-url", SettingKind::Registry),
        ("extra-index-url", SettingKind::Registry),
        ("find-links", SettingKind::Registry),
        ("index-strategy", SettingKind::Resolution),
        ("prerelease", SettingKind::Resolution),
        ("allow-insecure-host", SettingKind::Trust),
    ] {
        if let Some(entry) = uv.entry(key) {
            let value = entry
                .value
                .text()
                .unwrap_or(&reader.text[entry.value.span()]);
            reader.setting(kind, key, value, entry.span());
        }
    }
    let mut redirected: BTreeMap<String, (Span, Source, bool)> = BTreeMap::new();
    for entry in uv.entries_at(&["sources"]) {
        let alternatives = match entry.value.items() {
            [] => std::slice::from_ref(&entry.value),
            items => items,
        };
        // Several sources differ by marker; the first that is not PyPI is shown.
        let mut sources = alternatives
            .iter()
            .filter_map(|value| place(value, &indexes));
        if let Some(source) = sources.next() {
            redirected.insert(
                normal_python_name(&entry.key),
                (entry.span(), source, false),
            );
        }
    }
    for dependency in reader
        .added()
        .iter_mut()
        .filter(|added| added.source.is_none())
    {
        if let Some((_, source, used)) = redirected.get_mut(&dependency.package) {
            dependency.source = Some(source.clone());
            *used = true;
        }
    }
    for (package, (span, source, _)) in redirected.into_iter().filter(|(_, found)| !found.2) {
        // It redirects a package that others ask for.
        let mut dependency = reader.dependency(&package, span);
        dependency.group = Group::Constraint;
        dependency.direct = None;
        dependency.source = Some(source);
        reader.add(dependency);
    }
}
