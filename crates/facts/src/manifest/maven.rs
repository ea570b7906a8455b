//! Maven: `pom.xml` (<https://maven.apache.org/pom.html>), with what its parents in the repository say.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::beside::{folder, join};
use super::reader::Reader;
use super::source::Source;
use super::xml::{child, children, document, parse, span, text};
use super::{Group, SettingKind};

/// Parents beyond this are not read.
const DEPTH: usize = 12;

/// What a project and its parents say for all.
#[derive(Default)]
struct Inherited {
    properties: BTreeMap<String, String>,
    /// `group:artifact` to version, unresolved.
    managed: BTreeMap<String, String>,
    group: Option<String>,
    version: Option<String>,
}

impl Inherited {
    /// Adds what one project says; the nearest project comes first and wins.
    fn add(&mut self, project: Node<'_, '_>, own: bool) {
        if let Some(properties) = child(project, "properties") {
            for property in properties.children().filter(Node::is_element) {
                let value = property.text().unwrap_or_default().trim().to_owned();
                let name = property.tag_name().name().to_owned();
                self.properties.entry(name).or_insert(value);
            }
        }
        let parent = child(project, "parent");
        let of = |name| text(project, name).or_else(|| text(parent?, name));
        if let Some(group) = of("groupId").filter(|_| self.group.is_none()) {
            self.group = Some(group.to_owned());
        }
        if let Some(version) = of("version").filter(|_| self.version.is_none()) {
            self.version = Some(version.to_owned());
        }
        if own && let Some(parent) = parent {
            for name in ["groupId", "version"] {
                if let Some(value) = text(parent, name) {
                    self.properties
                        .insert(format!("project.parent.{name}"), value.to_owned());
                }
            }
        }
        let profiles = child(project, "profiles").into_iter();
        let profiles = profiles.flat_map(|profiles| profiles.children().filter(Node::is_element));
        for holder in std::iter::once(project).chain(profiles) {
            let managed = child(holder, "dependencyManagement")
                .and_then(|managed| child(managed, "dependencies"));
            for dependency in managed
                .iter()
                .flat_map(|list| children(*list, "dependency"))
            {
                if let (Some(name), Some(version)) = (name(dependency), text(dependency, "version"))
                {
                    self.managed.entry(name).or_insert(version.to_owned());
                }
            }
            let plugins = child(holder, "build")
                .and_then(|build| child(build, "pluginManagement"))
                .and_then(|managed| child(managed, "plugins"));
            for plugin in plugins.iter().flat_map(|list| children(*list, "plugin")) {
                if let (Some(name), Some(version)) = (plugin_name(plugin), text(plugin, "version"))
                {
                    self.managed.entry(name).or_insert(version.to_owned());
                }
            }
        }
    }

    /// A text with its `${…}` replaced as far as they are known.
    fn resolve(&self, value: &str) -> String {
        let mut value = value.to_owned();
        // A property may hold others; a ring of them ends here.
        for _ in 0..8 {
            let Some((before, rest)) = value.split_once("${") else {
                break;
            };
            let Some((name, after)) = rest.split_once('}') else {
                break;
            };
            let known = match name {
                "project.version" | "version" | "pom.version" => self.version.as_deref(),
                "project.groupId" | "groupId" | "pom.groupId" => self.group.as_deref(),
                _ => None,
            };
            let property = || self.properties.get(name).map(String::as_str);
            match known.or_else(property).filter(|known| known.len() < 200) {
                Some(known) => value = format!("{before}{known}{after}"),
                None => break,
            }
        }
        value
    }
}

/// `group:artifact`, unresolved.
fn name(node: Node<'_, '_>) -> Option<String> {
    Some(format!(
        "{}:{}",
        text(node, "groupId")?,
        text(node, "artifactId")?
    ))
}

/// Plugins of Maven itself need no group.
fn plugin_name(node: Node<'_, '_>) -> Option<String> {
    let group = text(node, "groupId").unwrap_or("org.apache.maven.plugins");
    Some(format!("{group}:{}", text(node, "artifactId")?))
}

/// Reads a `pom.xml`.
pub(super) fn read(reader: &mut Reader<'_>) {
    let Some(document) = document(reader) else {
        return;
    };
    let project = document.root_element();
    let mut inherited = Inherited::default();
    inherited.add(project, true);
    parents(reader, project, &mut inherited);
    if let Some(parent) = child(project, "parent")
        && let Some(name) = name(parent)
        && parent_path(reader, project).is_none()
    {
        let mut found = reader.dependency(&inherited.resolve(&name), span(parent));
        found.group = Group::Build;
        found.group_name = Some("parent".to_owned());
        found.constraint = text(parent, "version").map(|version| inherited.resolve(version));
        reader.add(found);
    }
    holder(reader, project, &inherited, None);
    let profiles = child(project, "profiles");
    for profile in profiles.iter().flat_map(|list| children(*list, "profile")) {
        holder(reader, profile, &inherited, text(profile, "id"));
    }
}

/// The path of the parent's file, if the repository holds it.
fn parent_path(reader: &Reader<'_>, project: Node<'_, '_>) -> Option<String> {
    let parent = child(project, "parent")?;
    path_of_parent(reader, reader.path, parent).map(|(path, _)| path)
}

fn path_of_parent(
    reader: &Reader<'_>,
    path: &str,
    parent: Node<'_, '_>,
) -> Option<(String, String)> {
    let relative = match child(parent, "relativePath") {
        Some(relative) => relative
            .text()
            .map(str::trim)
            .filter(|path| !path.is_empty())?,
        None => "../pom.xml",
    };
    let found = join(folder(path), relative)?;
    let found = if found.ends_with(".xml") {
        found
    } else {
        join(&found, "pom.xml")?
    };
    let text = (reader.beside)(&found)?;
    Some((found, text))
}

fn parents(reader: &Reader<'_>, project: Node<'_, '_>, inherited: &mut Inherited) {
    let mut next =
        child(project, "parent").and_then(|parent| path_of_parent(reader, reader.path, parent));
    for _ in 0..DEPTH {
        let Some((path, text)) = next else { return };
        let Ok(document) = parse(&text) else { return };
        let project = document.root_element();
        inherited.add(project, false);
        next = child(project, "parent").and_then(|parent| path_of_parent(reader, &path, parent));
    }
}

/// Reads what a project or a profile holds.
fn holder(
    reader: &mut Reader<'_>,
    node: Node<'_, '_>,
    inherited: &Inherited,
    profile: Option<&str>,
) {
    for list in children(node, "dependencies") {
        for entry in children(list, "dependency") {
            dependency(reader, entry, inherited, None, profile);
        }
    }
    let managed = child(node, "dependencyManagement").and_then(|node| child(node, "dependencies"));
    for entry in managed
        .iter()
        .flat_map(|list| children(*list, "dependency"))
    {
        dependency(reader, entry, inherited, Some(Group::Constraint), profile);
    }
    if let Some(build) = child(node, "build") {
        let managed = child(build, "pluginManagement");
        for holder in [Some(build), managed].into_iter().flatten() {
            let list = child(holder, "plugins");
            for entry in list.iter().flat_map(|list| children(*list, "plugin")) {
                plugin(reader, entry, inherited, profile);
            }
        }
        let extensions = child(build, "extensions");
        for entry in extensions
            .iter()
            .flat_map(|list| children(*list, "extension"))
        {
            dependency(reader, entry, inherited, Some(Group::Build), profile);
        }
    }
    for (list, item) in [
        ("repositories", "repository"),
        ("pluginRepositories", "pluginRepository"),
    ] {
        let Some(list) = child(node, list) else {
            continue;
        };
        for repository in children(list, item) {
            let id = text(repository, "id").unwrap_or_default();
            let url = text(repository, "url").unwrap_or_default();
            let name = format!("{item} {id}");
            let url = inherited.resolve(url);
            reader.setting(SettingKind::Registry, &name, &url, span(repository));
        }
    }
}

fn dependency(
    reader: &mut Reader<'_>,
    entry: Node<'_, '_>,
    inherited: &Inherited,
    group: Option<Group>,
    profile: Option<&str>,
) {
    let Some(name) = name(entry) else {
        reader.problem(span(entry).start, "a dependency without group or artifact");
        return;
    };
    let version = text(entry, "version")
        .or_else(|| inherited.managed.get(&name).map(String::as_str))
        .map(str::to_owned);
    let resolved = inherited.resolve(&name);
    let version = version.or_else(|| inherited.managed.get(&resolved).cloned());
    let mut found = reader.dependency(&resolved, span(entry));
    found.constraint = version.map(|version| inherited.resolve(&version));
    let scope = text(entry, "scope");
    found.group = group.unwrap_or(match scope {
        Some("test") => Group::Development,
        Some("provided") => Group::Peer,
        _ if text(entry, "optional") == Some("true") => Group::Optional,
        _ => Group::Runtime,
    });
    if group == Some(Group::Constraint) {
        found.direct = None;
        found.group_name = Some("managed".to_owned());
    }
    found.condition = profile.map(|profile| format!("profile {profile}"));
    if let Some(path) = text(entry, "systemPath") {
        found.source = Some(Source::path(path));
    }
    // A module of the same build carries the build's own version.
    let own = resolved.split(':').next() == inherited.group.as_deref()
        && found.constraint.is_some()
        && found.constraint
            == inherited
                .version
                .as_deref()
                .map(|own| inherited.resolve(own));
    if !own {
        reader.add(found);
    }
}

fn plugin(
    reader: &mut Reader<'_>,
    entry: Node<'_, '_>,
    inherited: &Inherited,
    profile: Option<&str>,
) {
    let Some(name) = plugin_name(entry) else {
        reader.problem(span(entry).start, "a plugin without an artifact");
        return;
    };
    let version =
        text(entry, "version").or_else(|| inherited.managed.get(&name).map(String::as_str));
    // The name says where it stands; what it is configured with is not its place.
    let end = child(entry, "artifactId").map_or(span(entry).end, |artifact| span(artifact).end);
    let mut found = reader.dependency(&inherited.resolve(&name), span(entry).start..end);
    found.group = Group::Build;
    found.group_name = Some("plugin".to_owned());
    found.constraint = version.map(|version| inherited.resolve(version));
    found.condition = profile.map(|profile| format!("profile {profile}"));
    reader.add(found);
    let list = child(entry, "dependencies");
    for inner in list.iter().flat_map(|list| children(*list, "dependency")) {
        dependency(reader, inner, inherited, Some(Group::Build), profile);
    }
}
