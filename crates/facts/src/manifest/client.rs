//! What package clients are told for a project: registries, what is not verified, what may run.
//! Tokens stand in these files as well and are never read.

use super::reader::Reader;
use super::tree::toml;
use super::{SettingKind, actions, ini};

/// Keys of `.npmrc` and what they are about
/// (<https://docs.npmjs.com/cli/v11/using-npm/config>, <https://pnpm.io/settings>).
const NPM: [(&str, SettingKind); 5] = [
    ("registry", SettingKind::Registry),
    ("strict-ssl", SettingKind::Trust),
    ("ignore-scripts", SettingKind::Trust),
    ("minimum-release-age", SettingKind::Resolution),
    ("package-lock", SettingKind::Resolution),
];

/// Keys of `.yarnrc.yml` (<https://yarnpkg.com/configuration/yarnrc>).
const YARN: [(&str, SettingKind); 6] = [
    ("npmRegistryServer", SettingKind::Registry),
    ("enableStrictSsl", SettingKind::Trust),
    ("enableScripts", SettingKind::Trust),
    ("checksumBehavior", SettingKind::Trust),
    ("unsafeHttpWhitelist", SettingKind::Trust),
    ("npmMinimalAgeGate", SettingKind::Resolution),
];

/// Keys of `pip.conf` (<https://pip.pypa.io/en/stable/topics/configuration/>).
const PIP: [(&str, SettingKind); 5] = [
    ("index-url", SettingKind::Registry),
    ("extra-index-url", SettingKind::Registry),
    ("find-links", SettingKind::Registry),
    ("trusted-host", SettingKind::Trust),
    ("require-hashes", SettingKind::Resolution),
];

/// Reads a `.npmrc`.
pub(super) fn read_npmrc(reader: &mut Reader<'_>) {
    for pair in ini::pairs(reader.text) {
        let Some((value, span)) = pair.lines.first() else {
            continue;
        };
        // `@scope:registry`
        let (key, value) = match pair.key.starts_with('@') {
            true => match value.split_once('=') {
                Some((rest, value)) if rest.trim() == "registry" => {
                    (format!("{}:registry", pair.key), value.trim())
                }
                _ => continue,
            },
            false => (pair.key.to_owned(), *value),
        };
        let known = NPM.iter().find(|(name, _)| *name == key);
        let kind = match known {
            Some((_, kind)) => *kind,
            None if key.starts_with('@') => SettingKind::Registry,
            None => continue,
        };
        reader.setting(kind, &key, value, span.clone());
    }
}

/// Reads a `.yarnrc.yml`.
pub(super) fn read_yarnrc(reader: &mut Reader<'_>) {
    for line in actions::lines(reader.text) {
        if let Some((_, kind)) = YARN.iter().find(|(name, _)| *name == line.key) {
            reader.setting(*kind, line.key, line.value, line.span.clone());
        }
    }
}

/// Reads a `pip.conf` or `pip.ini`.
pub(super) fn read_pip(reader: &mut Reader<'_>) {
    for pair in ini::pairs(reader.text) {
        let Some((_, kind)) = PIP.iter().find(|(name, _)| *name == pair.key) else {
            continue;
        };
        for (value, span) in pair.lines {
            reader.setting(*kind, pair.key, value, span);
        }
    }
}

/// Reads a `.cargo/config.toml` (<https://doc.rust-lang.org/cargo/reference/source-replacement.html>).
pub(super) fn read_cargo(reader: &mut Reader<'_>) {
    let root = toml(reader);
    for source in root.entries_at(&["source"]) {
        for key in [
            "replace-with",
            "registry",
            "git",
            "directory",
            "local-registry",
        ] {
            if let Some(entry) = source.value.entry(key) {
                let name = format!("source.{}.{key}", source.key);
                let value = entry.value.text().unwrap_or_default();
                reader.setting(SettingKind::Registry, &name, value, entry.span());
            }
        }
    }
    for registry in root.entries_at(&["registries"]) {
        if let Some(entry) = registry.value.entry("index") {
            let name = format!("registries.{}.index", registry.key);
            let value = entry.value.text().unwrap_or_default();
            reader.setting(SettingKind::Registry, &name, value, entry.span());
        }
    }
}
