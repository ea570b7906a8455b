//! Projects of MSBuild and what they share:
//! <https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files>.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::manifest::Group;
use crate::manifest::beside::upwards;
use crate::manifest::reader::Reader;
use crate::manifest::xml::{attribute, document, parse, span, text};

/// Reads a project or a `Directory.*.props`.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let Some(document) = document(reader) else {
        return;
    };
    let root = document.root_element();
    let mut shared = Shared::default();
    shared.add(root);
    let names = [
        "Directory.Packages.props",
        "Directory.Build.props",
        "Directory.Build.targets",
    ];
    let central = reader.path.rsplit('/').next() == Some("Directory.Packages.props");
    for (_, text) in upwards(reader, &names) {
        if let Ok(document) = parse(&text) {
            shared.add(document.root_element());
        }
    }
    for node in root.descendants().filter(Node::is_element) {
        let group = match node.tag_name().name() {
            "PackageReference" => reference_group(node),
            // What analyses or builds for all projects.
            "GlobalPackageReference" => Group::Build,
            "PackageVersion" => Group::Constraint,
            "DotNetCliToolReference" => Group::Build,
            _ => continue,
        };
        // `Update` changes what another file includes, `Remove` takes it away.
        let Some(name) = attribute(node, "Include").or_else(|| attribute(node, "Update")) else {
            if attribute(node, "Remove").is_none() {
                reader.problem(span(node).start, "a package reference without a name");
            }
            continue;
        };
        let stated = ["VersionOverride", "Version"]
            .iter()
            .find_map(|key| attribute(node, key).or_else(|| text(node, key)));
        let version = stated.map(str::to_owned);
        let version = version.or_else(|| shared.versions.get(&name.to_ascii_lowercase()).cloned());
        for name in name
            .split(';')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let mut found = reader.dependency(&shared.resolve(name), span(node));
            found.group = group;
            found.constraint = version.as_deref().map(|version| shared.resolve(version));
            if group == Group::Constraint {
                found.direct = None;
                found.group_name = Some("central".to_owned());
            } else if central {
                found.group = Group::Build;
            }
            reader.add(found);
        }
    }
}

/// Analysers and build tools keep their assets to themselves.
fn reference_group(node: Node<'_, '_>) -> Group {
    let private = attribute(node, "PrivateAssets").or_else(|| text(node, "PrivateAssets"));
    match private {
        Some(assets) if assets.eq_ignore_ascii_case("all") => Group::Build,
        _ => Group::Runtime,
    }
}

/// Properties and central versions.
#[derive(Default)]
struct Shared {
    properties: BTreeMap<String, String>,
    /// By name in lower case.
    versions: BTreeMap<String, String>,
}

impl Shared {
    fn add(&mut self, root: Node<'_, '_>) {
        for node in root.descendants().filter(Node::is_element) {
            let parent = node.parent_element();
            let inside = |name: &str| parent.is_some_and(|parent| parent.tag_name().name() == name);
            if inside("PropertyGroup") {
                let value = node.text().unwrap_or_default().trim().to_owned();
                let name = node.tag_name().name().to_ascii_lowercase();
                self.properties.entry(name).or_insert(value);
            } else if node.tag_name().name() == "PackageVersion"
                && let Some(name) = attribute(node, "Include")
                && let Some(version) = attribute(node, "Version").or_else(|| text(node, "Version"))
            {
                let name = name.to_ascii_lowercase();
                self.versions.entry(name).or_insert(version.to_owned());
            }
        }
    }

    /// A text with its `$(…)` replaced as far as they are known.
    fn resolve(&self, value: &str) -> String {
        let mut value = value.to_owned();
        for _ in 0..8 {
            let Some((before, rest)) = value.split_once("$(") else {
                break;
            };
            let Some((name, after)) = rest.split_once(')') else {
                break;
            };
            match self.properties.get(&name.to_ascii_lowercase()) {
                Some(known) if known.len() < 200 => value = format!("{before}{known}{after}"),
                _ => break,
            }
        }
        value
    }
}
