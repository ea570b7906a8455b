//! Pipenv: `Pipfile` and `Pipfile.lock`.

use super::pyproject::{attributes, constraint};
use crate::manifest::reader::Reader;
use crate::manifest::tree::{Node, toml};
use crate::manifest::{Group, SettingKind, json};

/// Reads a `Pipfile`; every table that is no setting is a category of packages.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let root = toml(reader);
    let indexes = sources(reader, root.items_at(&["source"]));
    for table in root.entries() {
        let (group, name) = match &*table.key {
            "source" | "requires" | "scripts" | "pipenv" | "pipfile" => continue,
            "packages" => (Group::Runtime, None),
            "dev-packages" => (Group::Development, None),
            other => (
                Group::of_name(other).unwrap_or(Group::Optional),
                Some(other.to_owned()),
            ),
        };
        for entry in table.value.entries() {
            let mut dependency = reader.dependency(&entry.key, entry.span());
            dependency.group = group;
            dependency.group_name.clone_from(&name);
            match entry.value.text() {
                Some(text) => dependency.constraint = constraint(text),
                None => attributes(&mut dependency, &entry.value, &indexes),
            }
            reader.add(dependency);
        }
    }
}

/// Reads a `Pipfile.lock`.
pub(crate) fn read_lock(reader: &mut Reader<'_>) {
    let root = json::json(reader);
    let indexes = sources(reader, root.items_at(&["_meta", "sources"]));
    for table in root.entries() {
        let (group, name) = match &*table.key {
            "_meta" => continue,
            "default" => (Group::Runtime, None),
            "develop" => (Group::Development, None),
            other => (
                Group::of_name(other).unwrap_or(Group::Optional),
                Some(other.to_owned()),
            ),
        };
        for entry in table.value.entries() {
            let mut dependency = reader.dependency(&entry.key, entry.span());
            dependency.group = group;
            dependency.group_name.clone_from(&name);
            dependency.direct = None;
            attributes(&mut dependency, &entry.value, &indexes);
            let version = dependency.constraint.take();
            dependency.locked =
                version.map(|version| version.trim_start_matches('=').trim().to_owned());
            let hashes = entry
                .value
                .items_at(&["hashes"])
                .iter()
                .filter_map(Node::text);
            dependency.verified_by(hashes);
            reader.add(dependency);
        }
    }
}

/// The indexes by name, each also a setting.
fn sources(reader: &mut Reader<'_>, sources: &[Node<'_>]) -> Vec<(String, String)> {
    let mut indexes = Vec::new();
    for source in sources {
        let name = source.text_at("name").unwrap_or_default();
        let url = source.text_at("url").unwrap_or_default();
        if !super::is_pypi(url) {
            reader.setting(
                SettingKind::Registry,
                &format!("source {name}"),
                url,
                source.span(),
            );
        }
        if source.text_at("verify_ssl") == Some("false") {
            reader.setting(SettingKind::Trust, "verify_ssl", "false", source.span());
        }
        indexes.push((name.to_owned(), url.to_owned()));
    }
    indexes
}
