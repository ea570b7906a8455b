//! Gradle's files that are no scripts.

use super::group_of;
use crate::manifest::reader::Reader;
use crate::manifest::source::{Source, host};
use crate::manifest::tree::{Node, toml};
use crate::manifest::xml::{attribute, child, children, document, span};
use crate::manifest::{Group, SettingKind};

/// Reads a version catalogue: <https://docs.gradle.org/current/userguide/version_catalogs.html>.
pub(crate) fn read_catalog(reader: &mut Reader<'_>) {
    let root = toml(reader);
    for entry in root.entries_at(&["libraries"]) {
        let value = &entry.value;
        let (name, version) = match value.text() {
            Some(text) => {
                let mut parts = text.splitn(3, ':');
                let name = format!(
                    "{}:{}",
                    parts.next().unwrap_or_default(),
                    parts.next().unwrap_or_default()
                );
                (name, parts.next().map(str::to_owned))
            }
            None => {
                let module = value.text_at("module").map(str::to_owned);
                let parts = || {
                    Some(format!(
                        "{}:{}",
                        value.text_at("group")?,
                        value.text_at("name")?
                    ))
                };
                (
                    module.or_else(parts).unwrap_or_default(),
                    version(&root, value.get("version")),
                )
            }
        };
        if name.len() < 3 {
            reader.problem(entry.start, format!("\"{}\" names no module", entry.key));
            continue;
        }
        let mut found = reader.dependency(&name, entry.span());
        found.constraint = version;
        found.group_name = Some("catalog".to_owned());
        found.group = Group::of_name(&entry.key).unwrap_or(Group::Runtime);
        reader.add(found);
    }
    for entry in root.entries_at(&["plugins"]) {
        let value = &entry.value;
        let (id, version) = match value.text() {
            Some(text) => match text.split_once(':') {
                Some((id, version)) => (id.to_owned(), Some(version.to_owned())),
                None => (text.to_owned(), None),
            },
            None => (
                value.text_at("id").unwrap_or_default().to_owned(),
                version(&root, value.get("version")),
            ),
        };
        if id.is_empty() {
            reader.problem(entry.start, format!("\"{}\" names no plugin", entry.key));
            continue;
        }
        let mut found = reader.dependency(&format!("{id}:{id}.gradle.plugin"), entry.span());
        found.constraint = version;
        found.group = Group::Build;
        found.group_name = Some("plugin".to_owned());
        reader.add(found);
    }
}

/// A version, a reference to one, or a rich one.
fn version(root: &Node<'_>, value: Option<&Node<'_>>) -> Option<String> {
    let value = value?;
    let rich = |value: &Node<'_>| {
        let keys = ["strictly", "require", "prefer"];
        let found = keys.iter().find_map(|key| value.text_at(key));
        found.or_else(|| value.text()).map(str::to_owned)
    };
    match value.text_at("ref") {
        Some(name) => rich(root.at(&["versions", name])?),
        None => rich(value),
    }
}

/// Reads a `gradle.lockfile`: `group:artifact:version=configuration,configuration`.
pub(crate) fn read_lock(reader: &mut Reader<'_>) {
    let mut offset = 0;
    for line in reader.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let (coordinates, configurations) = content.split_once('=').unwrap_or((content, ""));
        if coordinates == "empty" {
            continue;
        }
        let mut parts = coordinates.splitn(3, ':');
        let (Some(group), Some(artifact), Some(version)) =
            (parts.next(), parts.next(), parts.next())
        else {
            reader.problem(start, "expected `group:artifact:version=configurations`");
            continue;
        };
        let name = format!("{group}:{artifact}");
        let mut found = reader.dependency(&name, start..start + coordinates.len());
        found.locked = Some(version.to_owned());
        found.direct = None;
        let groups = configurations.split(',').filter_map(group_of);
        found.group = groups.min().unwrap_or(Group::Build);
        reader.add(found);
    }
}

/// Reads what is verified of downloads, and what is trusted without:
/// <https://docs.gradle.org/current/userguide/dependency_verification.html>.
pub(crate) fn read_verification(reader: &mut Reader<'_>) {
    let Some(document) = document(reader) else {
        return;
    };
    let Some(configuration) = child(document.root_element(), "configuration") else {
        return;
    };
    for name in ["verify-metadata", "verify-signatures"] {
        if let Some(node) = child(configuration, name) {
            let value = node.text().unwrap_or_default().trim().to_owned();
            reader.setting(SettingKind::Resolution, name, &value, span(node));
        }
    }
    for (list, item) in [
        ("trusted-artifacts", "trust"),
        ("ignored-keys", "ignored-key"),
        ("trusted-keys", "trusted-key"),
    ] {
        let Some(node) = child(configuration, list) else {
            continue;
        };
        for entry in children(node, item) {
            let mut words: Vec<String> = ["group", "name", "version", "file", "id"]
                .iter()
                .filter_map(|name| Some(format!("{name}={}", attribute(entry, name)?)))
                .collect();
            words.sort();
            reader.setting(SettingKind::Trust, list, &words.join(" "), span(entry));
        }
    }
}

/// Reads which Gradle or Maven a wrapper downloads and runs.
pub(crate) fn read_wrapper(reader: &mut Reader<'_>) {
    let mut offset = 0;
    let mut url: Option<(String, std::ops::Range<usize>)> = None;
    let mut sum = None;
    for line in reader.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let Some((key, value)) = line.trim().split_once('=') else {
            continue;
        };
        match key.trim() {
            "distributionUrl" => {
                let value = value.trim().replace("\\:", ":");
                url = Some((value, start..start + line.trim_end().len()));
            }
            "distributionSha256Sum" => sum = Some(value.trim()),
            _ => {}
        }
    }
    let Some((url, span)) = url else { return };
    let file = url.rsplit('/').next().unwrap_or_default();
    // `gradle-8.5-bin.zip`, `apache-maven-3.9.6-bin.zip`
    let at = file
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(file.len());
    let (tool, rest) = file.split_at(at);
    let package = if tool.contains("maven") {
        "org.apache.maven:apache-maven"
    } else {
        "org.gradle:gradle"
    };
    let mut found = reader.dependency(package, span);
    found.group = Group::Build;
    let end = rest
        .find("-bin")
        .or(rest.find("-all"))
        .or(rest.find(".zip"));
    found.constraint = end.map(|end| rest[..end].to_owned());
    let known = [
        "services.gradle.org",
        "repo.maven.apache.org",
        "repo1.maven.org",
    ];
    let host = host(&url).unwrap_or_default();
    if !known.contains(&host.as_str()) || !url.starts_with("https://") {
        found.source = Some(Source::url(&url));
    }
    found.verified_by(sum);
    reader.add(found);
}
