//! `bun.lock`: JSON with trailing commas, one tuple per package.

use std::collections::BTreeMap;

use super::package_json::TABLES;
use super::{name_and_rest, rename, resolved};
use crate::manifest::reader::Reader;
use crate::manifest::source::Source;
use crate::manifest::tree::Node;
use crate::manifest::{Group, SettingKind, json};

/// What a name means to a package: its own copy, one of a package that holds it, or the hoisted one.
fn installed(places: &BTreeMap<&str, &str>, from: &str, name: &str) -> Option<String> {
    let mut holder = from;
    loop {
        if let Some(found) = places.get(format!("{holder}/{name}").as_str()) {
            return Some((*found).to_owned());
        }
        match holder.rsplit_once('/') {
            Some((above, _)) => holder = above,
            None => return places.get(name).map(|found| (*found).to_owned()),
        }
    }
}

/// Reads the packages; which are direct say the workspaces.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let root = json::json(reader);
    let mut direct: BTreeMap<&str, Group> = BTreeMap::new();
    for workspace in root.entries_at(&["workspaces"]) {
        for (table, group) in TABLES {
            for entry in workspace.value.entries_at(&[table]) {
                let least = direct.entry(&entry.key).or_insert(group);
                *least = group.min(*least);
            }
        }
    }
    let places: BTreeMap<&str, &str> = root
        .entries_at(&["packages"])
        .iter()
        .filter_map(|entry| Some((&*entry.key, entry.value.items().first()?.text()?)))
        .collect();
    for entry in root.entries_at(&["packages"]) {
        let tuple = entry.value.items();
        let Some((package, place)) = tuple.first().and_then(Node::text).and_then(name_and_rest)
        else {
            reader.problem(
                entry.start,
                format!("\"{}\" is no package of a bun.lock", entry.key),
            );
            continue;
        };
        if place.starts_with("workspace:") {
            continue;
        }
        // `parent/name` is a copy for one parent, `name` and `@scope/name` are the hoisted ones.
        let key = &*entry.key;
        let hoisted = key.matches('/').count() <= usize::from(key.starts_with('@'));
        let name = if hoisted { key } else { package };
        let mut dependency = reader.dependency(name, entry.start..tuple[0].end);
        let group = direct.get(name).copied().filter(|_| hoisted);
        dependency.direct = Some(group.is_some());
        dependency.group = group.unwrap_or(Group::Runtime);
        rename(&mut dependency, package);
        let tables = tuple.iter().find(|item| item.is_map());
        let needs = ["dependencies", "optionalDependencies"]
            .into_iter()
            .filter_map(|table| Some(tables?.entries_at(&[table])))
            .flatten();
        dependency.requires = needs
            .filter_map(|wanted| installed(&places, key, &wanted.key))
            .collect();
        let texts = || tuple.iter().skip(1).filter_map(Node::text);
        let hash = texts().find(|text| text.starts_with("sha") && text.contains('-'));
        dependency.verified_by(hash);
        if place.starts_with(|c: char| c.is_ascii_digit()) {
            dependency.locked = Some(place.to_owned());
            // The second value is the address, empty for the default registry.
            if let Some(url) = texts().next().filter(|url| url.contains("://")) {
                resolved(&mut dependency, url);
            }
        } else if let Some(git) = ["git+", "github:", "git:"]
            .iter()
            .find(|scheme| place.starts_with(**scheme))
        {
            let (url, commit) = place.split_once('#').unwrap_or((place, ""));
            let url = match url.strip_prefix("github:").filter(|_| *git == "github:") {
                Some(repository) => format!("https://github.com/{repository}"),
                None => url.to_owned(),
            };
            dependency.source = Some(Source::git(&url, Some(commit)));
        } else if place.contains("://") {
            dependency.source = Some(Source::url(place));
        } else {
            dependency.source = Some(Source::path(place));
        }
        reader.add(dependency);
    }
    for item in root.items_at(&["trustedDependencies"]) {
        let value = item.text().unwrap_or_default();
        reader.setting(
            SettingKind::Trust,
            "trustedDependencies",
            value,
            item.span(),
        );
    }
    for entry in root.entries_at(&["patchedDependencies"]) {
        let patch = entry.value.text().unwrap_or_default();
        reader.setting(SettingKind::Patch, &entry.key, patch, entry.span());
    }
    super::package_json::overrides(reader, root.entries_at(&["overrides"]), "");
}
