//! `pnpm-lock.yaml`, versions 5 to 9, and `pnpm-workspace.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use super::package_json::{TABLES, dependency, overrides};
use super::{name_and_rest, resolved};
use crate::manifest::reader::Reader;
use crate::manifest::source::Source;
use crate::manifest::tree::{Entry, Node};
use crate::manifest::yaml::yaml;
use crate::manifest::{Group, SettingKind};

/// Reads the packages; which are direct say the importers (or the root, in a single project).
pub(crate) fn read(reader: &mut Reader<'_>) {
    for document in yaml(reader) {
        lock(reader, &document);
    }
}

fn lock(reader: &mut Reader<'_>, root: &Node<'_>) {
    // Package and version as in the keys below, to the group that asks for them.
    let mut direct: BTreeMap<(String, String), Group> = BTreeMap::new();
    let importers = root
        .entries_at(&["importers"])
        .iter()
        .map(|importer| &importer.value);
    for importer in importers.chain([root]) {
        for (table, group) in TABLES {
            for entry in importer.entries_at(&[table]) {
                // Until version 6 the version stood beside the name, later in a table.
                let version = entry
                    .value
                    .text()
                    .or_else(|| entry.value.text_at("version"));
                let Some(version) = version else { continue };
                let least = direct.entry(real(&entry.key, version)).or_insert(group);
                *least = group.min(*least);
            }
        }
    }
    // Since version 9 what packages need stands apart.
    let mut needs: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    let apart = root.entries_at(&["snapshots"]).iter();
    for entry in apart.chain(root.entries_at(&["packages"])) {
        let Some(key) = package_key(entry) else {
            continue;
        };
        let wanted = ["dependencies", "optionalDependencies"]
            .into_iter()
            .flat_map(|table| entry.value.entries_at(&[table]));
        needs.entry(key).or_default().extend(wanted.map(|wanted| {
            let (name, version) = real(&wanted.key, wanted.value.text().unwrap_or_default());
            format!("{name}@{version}")
        }));
    }
    for entry in root.entries_at(&["packages"]) {
        let Some((name, version)) = package_key(entry) else {
            reader.problem(
                entry.start,
                format!("\"{}\" is no package of a pnpm lock", entry.key),
            );
            continue;
        };
        let value = &entry.value;
        let mut found = reader.dependency(name, entry.start..entry.start + entry.key.len());
        let group = direct.get(&(name.to_owned(), version.to_owned()));
        found.direct = Some(group.is_some());
        found.group = match group {
            Some(group) => *group,
            None if value.flag("dev") => Group::Development,
            None if value.flag("optional") => Group::Optional,
            None => Group::Runtime,
        };
        if let Some(needs) = needs.get(&(name, version)) {
            found.requires = needs.iter().cloned().collect();
        }
        found.install_script = value.flag("requiresBuild");
        let stated = value.text_at("version").map(str::to_owned);
        let numbered = version.starts_with(|c: char| c.is_ascii_digit());
        found.locked = stated.or_else(|| numbered.then(|| version.to_owned()));
        if let Some(resolution) = value.get("resolution") {
            found.verified_by(resolution.text_at("integrity"));
            if let Some(url) = resolution.text_at("tarball") {
                resolved(&mut found, url);
            } else if let Some(repository) = resolution.text_at("repo") {
                found.source = Some(Source::git(repository, resolution.text_at("commit")));
            } else if let Some(folder) = resolution.text_at("directory") {
                found.source = Some(Source::path(folder));
            }
        }
        reader.add(found);
    }
    for entry in root.entries_at(&["overrides"]) {
        overrides(reader, std::slice::from_ref(entry), "");
    }
    for entry in root.entries_at(&["patchedDependencies"]) {
        let hash = entry.value.text().or_else(|| entry.value.text_at("hash"));
        reader.setting(
            SettingKind::Patch,
            &entry.key,
            hash.unwrap_or_default(),
            entry.span(),
        );
    }
}

/// What an importer's `name: version` leads to: `7.0.0(react@18.0.0)`, an alias such as
/// `/other/7.0.0` or `other@7.0.0`, or a link.
fn real(name: &str, version: &str) -> (String, String) {
    let bare = bare(version);
    let pair = match bare.strip_prefix('/') {
        Some(path) => split(path),
        None if bare.starts_with('@') || bare.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            name_and_rest(bare).filter(|(package, _)| !package.contains(':'))
        }
        None => None,
    };
    let (name, version) = pair.unwrap_or((name, bare));
    (name.to_owned(), version.to_owned())
}

/// Cuts the peers off: `(react@18.0.0)`, until version 5 `1.0.0_react@18.0.0`.
fn bare(version: &str) -> &str {
    let bare = version.split('(').next().unwrap_or(version);
    let numbered = bare.starts_with(|c: char| c.is_ascii_digit());
    if numbered {
        bare.split('_').next().unwrap_or(bare)
    } else {
        bare
    }
}

/// Splits `name/1.0.0_peer` (version 5) and `name@1.0.0` (since 6).
fn split(path: &str) -> Option<(&str, &str)> {
    if let Some((name, version)) = name_and_rest(path).filter(|(name, _)| is_name(name)) {
        return Some((name, version));
    }
    let start = if path.starts_with('@') {
        path.find('/')? + 1
    } else {
        0
    };
    let at = start + path[start..].find('/')?;
    let version = &path[at + 1..];
    Some((&path[..at], version.split('_').next().unwrap_or(version)))
}

/// Whether a text can be a package's name: no slash but the scope's.
fn is_name(text: &str) -> bool {
    text.matches('/').count() <= usize::from(text.starts_with('@'))
}

/// Name and version of a package's key, with or without a leading slash or registry.
fn package_key<'n>(entry: &'n Entry<'_>) -> Option<(&'n str, &'n str)> {
    let key = bare(&entry.key);
    // Archives and repositories have an address as their key and the name inside.
    let inside = entry.value.text_at("name");
    if let Some(name) = inside {
        let version = name_and_rest(key).filter(|(package, _)| *package == name);
        return Some((name, version.map_or(key, |(_, version)| version)));
    }
    if let Some(path) = key.strip_prefix('/') {
        return split(path);
    }
    if key.starts_with("file:") {
        return Some((key, key));
    }
    let pair = name_and_rest(key).filter(|(name, _)| !name.contains(':') && is_name(name));
    if pair.is_some() {
        return pair;
    }
    // `registry.example.org/name/1.0.0`
    let (_, path) = key.split_once('/')?;
    split(path)
}

/// Reads the settings of a workspace that decide versions and scripts.
pub(crate) fn read_workspace(reader: &mut Reader<'_>) {
    for root in yaml(reader) {
        for entry in root.entries_at(&["catalog"]) {
            dependency(reader, entry, Group::Constraint, Some("catalog"));
        }
        for catalog in root.entries_at(&["catalogs"]) {
            for entry in catalog.value.entries() {
                dependency(reader, entry, Group::Constraint, Some(&catalog.key));
            }
        }
        overrides(reader, root.entries_at(&["overrides"]), "");
        for key in [
            "onlyBuiltDependencies",
            "dangerouslyAllowAllBuilds",
            "allowBuilds",
        ] {
            let Some(entry) = root.entry(key) else {
                continue;
            };
            let mut listed: Vec<String> = entry
                .value
                .items()
                .iter()
                .filter_map(Node::text)
                .map(str::to_owned)
                .collect();
            listed.extend(entry.value.text().map(str::to_owned));
            for allowed in entry.value.entries() {
                let value = allowed.value.text().unwrap_or_default();
                listed.push(format!("{}: {value}", allowed.key));
            }
            for value in listed {
                reader.setting(SettingKind::Trust, key, &value, entry.span());
            }
        }
        for entry in root.entries_at(&["patchedDependencies"]) {
            let patch = entry.value.text().unwrap_or_default();
            reader.setting(SettingKind::Patch, &entry.key, patch, entry.span());
        }
        if let Some(entry) = root.entry("minimumReleaseAge") {
            let age = entry.value.text().unwrap_or_default();
            reader.setting(
                SettingKind::Resolution,
                "minimumReleaseAge",
                age,
                entry.span(),
            );
        }
    }
}
