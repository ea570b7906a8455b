//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3:
//! <https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json>.

use std::collections::BTreeMap;

use super::package_json::TABLES;
use super::resolved;
use crate::manifest::reader::Reader;
use crate::manifest::tree::{Entry, Node};
use crate::manifest::{Dependency, Group, json};

/// Reads the lock; of version 2, which holds everything twice, the newer half.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let root = json::json(reader);
    match root.get("packages") {
        Some(packages) => flat(reader, packages),
        None => nested(reader, root.entries_at(&["dependencies"])),
    }
}

fn flat(reader: &mut Reader<'_>, packages: &Node<'_>) {
    // What the project's own packages (the root and its workspaces) ask for.
    let mut direct: BTreeMap<&str, Group> = BTreeMap::new();
    for own in packages
        .entries()
        .iter()
        .filter(|entry| !entry.key.contains("node_modules/"))
    {
        for (table, group) in TABLES {
            for entry in own.value.entries_at(&[table]) {
                let least = direct.entry(&entry.key).or_insert(group);
                *least = group.min(*least);
            }
        }
    }
    let places: BTreeMap<&str, &Node<'_>> = packages
        .entries()
        .iter()
        .map(|entry| (&*entry.key, &entry.value))
        .collect();
    for entry in packages.entries() {
        let Some((holder, name)) = entry.key.rsplit_once("node_modules/") else {
            continue;
        };
        // A link leads to a workspace's folder, which is the project's own code.
        if entry.value.flag("link") {
            continue;
        }
        let mut dependency = locked(reader, entry, name);
        if let Some(real) = entry.value.text_at("name") {
            super::rename(&mut dependency, real);
        }
        // Nested copies serve another package, or a workspace with its own version.
        let own = holder.is_empty() || !holder.contains("node_modules/");
        let group = direct.get(name).copied().filter(|_| own);
        dependency.direct = Some(group.is_some());
        dependency.group = group.unwrap_or(dependency.group);
        dependency.requires = needs(&entry.value)
            .filter_map(|wanted| installed(&places, &entry.key, wanted))
            .collect();
        reader.add(dependency);
    }
}

/// The names that a package asks for itself.
fn needs<'n>(package: &'n Node<'_>) -> impl Iterator<Item = &'n str> {
    // Peers are installed as well, unless they are optional.
    ["dependencies", "optionalDependencies", "peerDependencies"]
        .into_iter()
        .flat_map(|table| package.entries_at(&[table]))
        .map(|entry| &*entry.key)
}

/// What a name means in a folder: the nearest `node_modules` upwards that holds it.
fn installed(places: &BTreeMap<&str, &Node<'_>>, from: &str, name: &str) -> Option<String> {
    let mut folder = from;
    loop {
        let prefix = if folder.is_empty() { "" } else { "/" };
        let key = format!("{folder}{prefix}node_modules/{name}");
        if let Some(found) = places.get(key.as_str()) {
            let real = found.text_at("name").unwrap_or(name);
            return Some(format!("{real}@{}", found.text_at("version")?));
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder
            .rsplit_once("node_modules/")
            .map_or("", |(above, _)| above.trim_end_matches('/'));
    }
}

fn nested(reader: &mut Reader<'_>, entries: &[Entry<'_>]) {
    for entry in entries {
        let mut dependency = locked(reader, entry, &entry.key);
        dependency.direct = None;
        // Without an address the version may hold one, or an alias.
        if let Some(version) = dependency.locked.take_if(|version| version.contains(':')) {
            super::spec::apply(&mut dependency, &version);
            dependency.locked = dependency.constraint.take();
        }
        reader.add(dependency);
        nested(reader, entry.value.entries_at(&["dependencies"]));
    }
}

fn locked(reader: &Reader<'_>, entry: &Entry<'_>, name: &str) -> Dependency {
    let value = &entry.value;
    let end = value
        .get("version")
        .map_or(value.start, |version| version.end);
    let mut dependency = reader.dependency(name, entry.start..end.max(entry.start));
    dependency.locked = value.text_at("version").map(str::to_owned);
    dependency.verified_by(value.text_at("integrity"));
    dependency.install_script = value.flag("hasInstallScript");
    dependency.group = if value.flag("dev") {
        Group::Development
    } else if value.flag("optional") || value.flag("devOptional") {
        Group::Optional
    } else if value.flag("peer") {
        Group::Peer
    } else {
        Group::Runtime
    };
    if let Some(url) = value.text_at("resolved") {
        resolved(&mut dependency, url);
    }
    dependency
}
