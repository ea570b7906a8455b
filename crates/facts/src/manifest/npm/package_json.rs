//! `package.json`.

use super::{name_and_rest, spec};
use crate::manifest::reader::Reader;
use crate::manifest::tree::{Entry, Node};
use crate::manifest::{Group, SettingKind, json};

/// The tables of a manifest that ask for packages, with what for.
pub(crate) const TABLES: [(&str, Group); 4] = [
    ("dependencies", Group::Runtime),
    ("optionalDependencies", Group::Optional),
    ("peerDependencies", Group::Peer),
    ("devDependencies", Group::Development),
];

/// Scripts that run when the package is installed or packed from git.
const INSTALL_SCRIPTS: [&str; 8] = [
    "preinstall",
    "install",
    "postinstall",
    "preprepare",
    "prepare",
    "postprepare",
    "prepublish",
    "dependencies",
];

/// Reads the packages that a manifest asks for, what it overrides and what it runs on install.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let root = json::json(reader);
    for (table, group) in TABLES {
        for entry in root.entries_at(&[table]) {
            dependency(reader, entry, group, None);
        }
    }
    overrides(reader, root.entries_at(&["overrides"]), "");
    overrides(reader, root.entries_at(&["resolutions"]), "");
    overrides(reader, root.entries_at(&["pnpm", "overrides"]), "");
    for holder in [Some(&root), root.get("workspaces")].into_iter().flatten() {
        for entry in holder.entries_at(&["catalog"]) {
            dependency(reader, entry, Group::Constraint, Some("catalog"));
        }
        for catalog in holder.entries_at(&["catalogs"]) {
            for entry in catalog.value.entries() {
                dependency(reader, entry, Group::Constraint, Some(&catalog.key));
            }
        }
    }
    if let Some(entry) = root.entry("packageManager")
        && let Some((name, version)) = entry.value.text().and_then(name_and_rest)
    {
        let (version, hash) = version.split_once('+').unwrap_or((version, ""));
        let mut manager = reader.dependency(name, entry.span());
        manager.group = Group::Build;
        manager.constraint = Some(version.to_owned());
        manager.verified_by((!hash.is_empty()).then_some(hash).map(dotted).as_deref());
        reader.add(manager);
    }
    settings(reader, &root);
}

/// Corepack writes `sha512.…`.
fn dotted(hash: &str) -> String {
    hash.replacen('.', ":", 1)
}

fn settings(reader: &mut Reader<'_>, root: &Node<'_>) {
    for entry in root.entries_at(&["scripts"]) {
        if INSTALL_SCRIPTS.contains(&&*entry.key) {
            let command = entry.value.text().unwrap_or_default();
            reader.setting(SettingKind::Script, &entry.key, command, entry.span());
        }
    }
    let trusted = [
        &["trustedDependencies"][..],
        &["pnpm", "onlyBuiltDependencies"],
    ];
    for path in trusted {
        for item in root.items_at(path) {
            let key = path.last().copied().unwrap_or_default();
            reader.setting(
                SettingKind::Trust,
                key,
                item.text().unwrap_or_default(),
                item.span(),
            );
        }
    }
    for path in [
        &["patchedDependencies"][..],
        &["pnpm", "patchedDependencies"],
    ] {
        for entry in root.entries_at(path) {
            let patch = entry.value.text().unwrap_or_default();
            reader.setting(SettingKind::Patch, &entry.key, patch, entry.span());
        }
    }
    if let Some(entry) = root
        .get("publishConfig")
        .and_then(|config| config.entry("registry"))
    {
        let registry = entry.value.text().unwrap_or_default();
        reader.setting(
            SettingKind::Registry,
            "publishConfig.registry",
            registry,
            entry.span(),
        );
    }
}

/// Adds one `"name": "version"`.
pub(crate) fn dependency(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    group: Group,
    group_name: Option<&str>,
) {
    let Some(text) = entry.value.text() else {
        reader.problem(
            entry.start,
            format!("the version of \"{}\" is no text", entry.key),
        );
        return;
    };
    let mut dependency = reader.dependency(&entry.key, entry.span());
    dependency.group = group;
    dependency.group_name = group_name.map(str::to_owned);
    if group == Group::Constraint {
        dependency.direct = None;
    }
    spec::apply(&mut dependency, text);
    reader.add(dependency);
}

/// Overrides of transitive packages: npm nests them, yarn and pnpm write paths.
pub(crate) fn overrides(reader: &mut Reader<'_>, entries: &[Entry<'_>], parent: &str) {
    for entry in entries {
        if entry.value.is_map() {
            overrides(reader, entry.value.entries(), &entry.key);
            continue;
        }
        let Some(text) = entry.value.text() else {
            continue;
        };
        // In `"foo": {".": "1.0"}` the point stands for foo itself.
        let name = target(if entry.key == "." { parent } else { &entry.key });
        let mut dependency = reader.dependency(name, entry.span());
        dependency.group = Group::Constraint;
        dependency.direct = None;
        // `-` (pnpm) removes the package, `$name` (npm) repeats a direct dependency's range.
        spec::apply(&mut dependency, text);
        reader.add(dependency);
    }
}

/// The package of `a/b`, `**/b`, `a>b@1`, `@scope/b@^2`.
fn target(key: &str) -> &str {
    // A `>` may also stand in a range: `foo@>1`.
    let last = match key.rfind('>') {
        Some(at) if key[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '@') => {
            &key[at + 1..]
        }
        _ => key,
    };
    // An `@` at the beginning or after a slash opens a scope, another one a range.
    let mut before = '/';
    let range = last.char_indices().find(|(_, c)| {
        let opens = std::mem::replace(&mut before, *c) == '/';
        *c == '@' && !opens
    });
    let name = range.map_or(last, |(at, _)| &last[..at]);
    match name.rfind("/@") {
        Some(at) => &name[at + 1..],
        None if name.starts_with('@') && name.matches('/').count() == 1 => name,
        None => name.rsplit('/').next().unwrap_or(name),
    }
}
