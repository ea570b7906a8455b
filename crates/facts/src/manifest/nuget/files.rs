//! NuGet's files that are no projects.

use crate::manifest::json::json;
use crate::manifest::reader::Reader;
use crate::manifest::source::Source;
use crate::manifest::xml::{attribute, children, document, span};
use crate::manifest::{Group, SettingKind};

/// Reads a `packages.config`.
pub(crate) fn read_packages(reader: &mut Reader<'_>) {
    let Some(document) = document(reader) else {
        return;
    };
    for node in children(document.root_element(), "package") {
        let Some(name) = attribute(node, "id") else {
            reader.problem(span(node).start, "a package without an id");
            continue;
        };
        let mut found = reader.dependency(name, span(node));
        found.constraint = attribute(node, "version").map(str::to_owned);
        if attribute(node, "developmentDependency") == Some("true") {
            found.group = Group::Development;
        }
        // The file holds transitive packages as well.
        found.direct = None;
        reader.add(found);
    }
}

/// Reads a `packages.lock.json`.
pub(crate) fn read_lock(reader: &mut Reader<'_>) {
    let root = json(reader);
    for framework in root.entries_at(&["dependencies"]) {
        for entry in framework.value.entries() {
            let value = &entry.value;
            let kind = value.text_at("type").unwrap_or_default();
            let mut found = reader.dependency(&entry.key, entry.start..value.start);
            if kind == "Project" {
                found.source = Some(Source::Workspace);
                continue;
            }
            found.locked = value.text_at("resolved").map(str::to_owned);
            found.direct = Some(kind == "Direct");
            found.verified_by(
                value
                    .text_at("contentHash")
                    .map(|hash| format!("sha512-{hash}"))
                    .as_deref(),
            );
            // It is the sum of the content, not of the archive.
            found.hash = None;
            found.requires = value
                .entries_at(&["dependencies"])
                .iter()
                .map(|needed| needed.key.to_ascii_lowercase())
                .collect();
            reader.add(found);
        }
    }
}

/// Reads where packages come from: <https://learn.microsoft.com/nuget/reference/nuget-config-file>.
pub(crate) fn read_config(reader: &mut Reader<'_>) {
    let Some(document) = document(reader) else {
        return;
    };
    for section in document
        .root_element()
        .children()
        .filter(|node| node.is_element())
    {
        match section.tag_name().name() {
            "packageSources" => {
                for node in children(section, "add") {
                    let name = format!(
                        "packageSource {}",
                        attribute(node, "key").unwrap_or_default()
                    );
                    let url = attribute(node, "value").unwrap_or_default();
                    reader.setting(SettingKind::Registry, &name, url, span(node));
                    if attribute(node, "allowInsecureConnections")
                        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
                    {
                        reader.setting(
                            SettingKind::Trust,
                            "allowInsecureConnections",
                            url,
                            span(node),
                        );
                    }
                }
            }
            "packageSourceMapping" => {
                for source in children(section, "packageSource") {
                    let key = attribute(source, "key").unwrap_or_default();
                    let name = format!("packageSourceMapping {key}");
                    for package in children(source, "package") {
                        let pattern = attribute(package, "pattern").unwrap_or_default();
                        reader.setting(SettingKind::Resolution, &name, pattern, span(package));
                    }
                }
            }
            "config" => {
                for node in children(section, "add") {
                    let key = attribute(node, "key").unwrap_or_default();
                    if key.eq_ignore_ascii_case("signatureValidationMode") {
                        let value = attribute(node, "value").unwrap_or_default();
                        reader.setting(SettingKind::Trust, key, value, span(node));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Reads a `dotnet-tools.json`.
pub(crate) fn read_tools(reader: &mut Reader<'_>) {
    let root = json(reader);
    for entry in root.entries_at(&["tools"]) {
        let mut found = reader.dependency(&entry.key, entry.span());
        found.group = Group::Build;
        found.constraint = entry.value.text_at("version").map(str::to_owned);
        reader.add(found);
    }
}
