//! PHP: `composer.json`, `composer.lock` (<https://getcomposer.org/doc/04-schema.md>).

use super::json::json;
use super::reader::Reader;
use super::source::{Source, host};
use super::tree::Node;
use super::{Group, SettingKind};

/// Whether a name is one of the platform: PHP itself, an extension, a library of the system.
fn is_platform(name: &str) -> bool {
    !name.contains('/')
}

/// Reads a `composer.json`.
pub(super) fn read(reader: &mut Reader<'_>) {
    let root = json(reader);
    for (table, group) in [
        ("require", Group::Runtime),
        ("require-dev", Group::Development),
    ] {
        for entry in root.entries_at(&[table]) {
            if is_platform(&entry.key) {
                continue;
            }
            let Some(version) = entry.value.text() else {
                reader.problem(
                    entry.start,
                    format!("the version of \"{}\" is no text", entry.key),
                );
                continue;
            };
            let mut found = reader.dependency(&entry.key, entry.span());
            found.group = group;
            found.constraint =
                (version != "*").then(|| version.replace(" || ", "||").replace(" | ", "|"));
            reader.add(found);
        }
    }
    let repositories = root.get("repositories");
    let listed = repositories
        .map_or(&[][..], Node::items)
        .iter()
        .map(|item| ("", item));
    let named = repositories.map_or(&[][..], Node::entries).iter();
    let named = named.map(|entry| (&*entry.key, &entry.value));
    for (key, repository) in listed.chain(named) {
        let kind = repository.text_at("type").unwrap_or_default();
        let off = ["packagist.org", "packagist"]
            .iter()
            .any(|name| repository.text_at(name) == Some("false"))
            || matches!(key, "packagist.org" | "packagist") && repository.text() == Some("false");
        if off {
            reader.setting(
                SettingKind::Registry,
                "packagist.org",
                "false",
                repository.span(),
            );
        } else if let Some(url) = repository.text_at("url") {
            reader.setting(
                SettingKind::Registry,
                &format!("repository {kind}"),
                url,
                repository.span(),
            );
        }
    }
    for entry in root.entries_at(&["config", "allow-plugins"]) {
        let value = entry.value.text().unwrap_or_default();
        reader.setting(
            SettingKind::Trust,
            &format!("allow-plugins {}", entry.key),
            value,
            entry.span(),
        );
    }
    for key in ["secure-http", "disable-tls", "allow-plugins"] {
        if let Some(entry) = root.get("config").and_then(|config| config.entry(key))
            && let Some(value) = entry.value.text()
        {
            reader.setting(SettingKind::Trust, key, value, entry.span());
        }
    }
    if let Some(entry) = root.entry("minimum-stability") {
        let value = entry.value.text().unwrap_or_default();
        reader.setting(
            SettingKind::Resolution,
            "minimum-stability",
            value,
            entry.span(),
        );
    }
    for entry in root.entries_at(&["scripts"]) {
        let runs = [
            "install",
            "update",
            "autoload-dump",
            "package-install",
            "root-package-install",
            "create-project",
        ];
        let event = entry
            .key
            .strip_prefix("pre-")
            .or_else(|| entry.key.strip_prefix("post-"));
        let event = event.and_then(|event| event.strip_suffix("-cmd").or(Some(event)));
        if !event.is_some_and(|event| runs.contains(&event)) {
            continue;
        }
        let listed = entry.value.items().iter().filter_map(Node::text);
        let commands: Vec<&str> = entry.value.text().into_iter().chain(listed).collect();
        reader.setting(
            SettingKind::Script,
            &entry.key,
            &commands.join("; "),
            entry.span(),
        );
    }
}

/// Reads a `composer.lock`.
pub(super) fn read_lock(reader: &mut Reader<'_>) {
    let root = json(reader);
    for (table, group) in [
        ("packages", Group::Runtime),
        ("packages-dev", Group::Development),
    ] {
        for package in root.items_at(&[table]) {
            let Some(name) = package.entry("name") else {
                reader.problem(package.start, "a package without a name");
                continue;
            };
            let end = package
                .get("version")
                .map_or(name.value.end, |version| version.end);
            let mut found =
                reader.dependency(name.value.text().unwrap_or_default(), name.start..end);
            found.group = group;
            found.direct = None;
            found.locked = package
                .text_at("version")
                .map(|version| version.strip_prefix('v').unwrap_or(version).to_owned());
            let dist = package.get("dist");
            let sum = dist.and_then(|dist| dist.text_at("shasum"));
            found.verified_by(sum.filter(|sum| !sum.is_empty()));
            // Of code hosts the commit is what fixes the content.
            let reference = ["dist", "source"]
                .iter()
                .find_map(|key| package.get(key)?.text_at("reference"))
                .filter(|commit| commit.len() == 40);
            if found.integrity.is_none() {
                found.verified_by(reference.map(|commit| format!("git:{commit}")).as_deref());
                found.hash = reference.map(|commit| format!("git:{commit}"));
            }
            found.source = source(package);
            found.requires = package
                .entries_at(&["require"])
                .iter()
                .filter(|entry| !is_platform(&entry.key))
                .map(|entry| entry.key.to_ascii_lowercase())
                .collect();
            reader.add(found);
        }
    }
}

/// Where a package comes from, if Packagist did not tell: what it names are the usual code hosts.
fn source(package: &Node<'_>) -> Option<Source> {
    let (dist, source) = (package.get("dist"), package.get("source"));
    if let Some(dist) = dist.filter(|dist| dist.text_at("type") == Some("path")) {
        return Some(Source::path(dist.text_at("url").unwrap_or_default()));
    }
    let told = package.text_at("notification-url");
    let packagist = told
        .and_then(host)
        .is_some_and(|host| host == "packagist.org");
    if packagist {
        return None;
    }
    if let Some(source) = source.filter(|source| source.text_at("type") == Some("git")) {
        let url = source.text_at("url").unwrap_or_default();
        return Some(Source::git(url, source.text_at("reference")));
    }
    dist?.text_at("url").map(Source::url)
}
