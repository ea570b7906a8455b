//! `build.gradle` and `build.gradle.kts`: what is written out in them. Code that computes
//! coordinates is not run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::group_of;
use crate::manifest::beside::upwards;
use crate::manifest::reader::Reader;
use crate::manifest::{Group, SettingKind};

static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // `implementation("g:a:v")`, `implementation platform('g:a:v')`, `implementation "g:a:$v"`
    Regex::new(
        r#"^\s*(?:add\(\s*)?["']?([A-Za-z][A-Za-z0-9_]*)["']?[\s(,]+(?:(?:enforcedPlatform|platform|testFixtures|dependencies\.create)\s*\(?\s*)?["']([^"':\s]+):([^"':\s]+)(?::([^"'@\s]*))?[^"']*["']"#,
    )
    .ok()
});
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // `implementation group: 'g', name: 'a', version: 'v'`
    Regex::new(
        r#"^\s*([A-Za-z][A-Za-z0-9_]*)[\s(]+group\s*[:=]\s*["']([^"']+)["']\s*,\s*name\s*[:=]\s*["']([^"']+)["'](?:\s*,\s*version\s*[:=]\s*(?:["']([^"']+)["']|([A-Za-z_][\w.]*)))?"#,
    )
    .ok()
});
static CATALOG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // `implementation(libs.ktor.server.core)`, `api platform(libs.spring.bom)`
    Regex::new(
        r#"^\s*["']?([A-Za-z][A-Za-z0-9_]*)["']?[\s(]+(?:(?:enforcedPlatform|platform|testFixtures)\s*\(?\s*)?libs\.([A-Za-z][A-Za-z0-9_.]*)"#,
    )
    .ok()
});
static PLUGIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"^\s*(?:(id)\s*\(?\s*["']([^"']+)["']\s*\)?|kotlin\(\s*["']([^"']+)["']\s*\))\s*version\s*\(?\s*(?:["']([^"']+)["']|([A-Za-z_][\w.]*))"#,
    )
    .ok()
});
static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"^\s*(?:(?:val|def|var|String|const val|private val)\s+)?(?:ext\.|extra\[?["']?|project\.ext\.)?([A-Za-z_][\w.]*)(?:["']\]|["']\s*,)?\s*(?:=|by extra\()\s*["']([^"']*)["']"#,
    )
    .ok()
});
static REPOSITORY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"\b(?:maven|ivy)\s*[({].*?["']([a-z]+://[^"']+)["']|^\s*(?:url\s*[=(]?|setUrl\()\s*(?:=\s*)?(?:uri\(\s*)?["']([a-z]+://[^"']+)["']"#,
    )
    .ok()
});

/// Reads a script.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let (Some(call), Some(named), Some(plugin), Some(repository)) = (
        CALL.as_ref(),
        NAMED.as_ref(),
        PLUGIN.as_ref(),
        REPOSITORY.as_ref(),
    ) else {
        return;
    };
    let catalog = CATALOG.as_ref();
    let variables = variables(reader);
    let value = |text: &str| substitute(text, &variables);
    let text = reader.text;
    let mut offset = 0;
    let mut comment = false;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let trimmed = line.trim();
        let span = start + (line.len() - line.trim_start().len())..start + line.trim_end().len();
        if comment {
            comment = !trimmed.contains("*/");
            continue;
        }
        if trimmed.starts_with("//") || trimmed.starts_with('*') {
            continue;
        }
        if trimmed.starts_with("/*") {
            comment = !trimmed.contains("*/");
            continue;
        }
        // A call may stand behind the bracket of its block: `dependencies { implementation("…") }`.
        let code = match line.find("dependencies {").or(line.find("dependencies{")) {
            Some(at) => line[at..].split_once('{').map_or(line, |(_, rest)| rest),
            None => line,
        };
        if let Some(found) = call.captures(code)
            && let Some(group) = group_of(&found[1])
        {
            let name = value(&format!("{}:{}", &found[2], &found[3]));
            let version = found.get(4).map(|version| value(version.as_str()));
            add(reader, &name, version, group, span);
        } else if let Some(found) = named.captures(code)
            && let Some(group) = group_of(&found[1])
        {
            let name = value(&format!("{}:{}", &found[2], &found[3]));
            let version = found.get(4).map(|version| value(version.as_str()));
            let version = version.or_else(|| variables.get(found.get(5)?.as_str()).cloned());
            add(reader, &name, version, group, span);
        } else if let Some(found) = catalog.and_then(|catalog| catalog.captures(code))
            && let Some(group) = group_of(&found[1])
        {
            let alias = found[2].trim_end_matches(".get");
            // One alias is one library; a bundle is several.
            let all = variables.get(&format!("libs.{alias}"));
            for library in all.into_iter().flat_map(|all| all.split(' ')) {
                let mut parts = library.splitn(3, ':');
                if let (Some(owner), Some(name)) = (parts.next(), parts.next()) {
                    let version = parts.next().map(str::to_owned);
                    add(
                        reader,
                        &format!("{owner}:{name}"),
                        version,
                        group,
                        span.clone(),
                    );
                }
            }
        } else if let Some(found) = plugin.captures(code) {
            let id = match (found.get(2), found.get(3)) {
                (Some(id), _) => id.as_str().to_owned(),
                (None, Some(kotlin)) => format!("org.jetbrains.kotlin.{}", kotlin.as_str()),
                (None, None) => continue,
            };
            let version = found.get(4).map(|version| value(version.as_str()));
            let version = version.or_else(|| variables.get(found.get(5)?.as_str()).cloned());
            let name = format!("{id}:{id}.gradle.plugin");
            add(reader, &name, version, Group::Build, span);
        } else if let Some(found) = repository.captures(line) {
            let url = found.get(1).or(found.get(2)).map_or("", |url| url.as_str());
            reader.setting(SettingKind::Registry, "repository", &value(url), span);
        } else if trimmed.starts_with("jcenter()") || trimmed.starts_with("mavenLocal()") {
            let name = trimmed.split('(').next().unwrap_or(trimmed);
            reader.setting(SettingKind::Registry, "repository", name, span);
        } else if trimmed
            .replace(' ', "")
            .to_ascii_lowercase()
            .contains("allowinsecureprotocol=true")
        {
            reader.setting(SettingKind::Trust, "allowInsecureProtocol", "true", span);
        }
    }
}

fn add(
    reader: &mut Reader<'_>,
    name: &str,
    version: Option<String>,
    group: Group,
    span: std::ops::Range<usize>,
) {
    // A module that only the running build knows.
    if name.contains('$') {
        return;
    }
    let mut found = reader.dependency(name, span);
    found.group = group;
    found.constraint = version.filter(|version| !version.is_empty());
    reader.add(found);
}

/// What names stand for: in the script itself, in `gradle.properties` and the scripts above.
fn variables(reader: &Reader<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    script_variables(reader.text, &mut found);
    let above = [
        "gradle.properties",
        "build.gradle",
        "build.gradle.kts",
        "gradle/libs.versions.toml",
    ];
    for (path, text) in upwards(reader, &above) {
        if path.ends_with(".toml") {
            // `${libs.versions.ktor.get()}`
            let catalog: toml::Table = toml::from_str(&text).unwrap_or_default();
            let versions = catalog.get("versions").and_then(toml::Value::as_table);
            for (name, version) in versions.into_iter().flatten() {
                if let Some(version) = version.as_str() {
                    let name = name.replace(['-', '_'], ".");
                    let name = format!("libs.versions.{name}.get()");
                    found.entry(name).or_insert(version.to_owned());
                }
            }
            libraries(&catalog, &mut found);
        } else if path.ends_with(".properties") {
            for line in text.lines() {
                if let Some((key, value)) = line.split_once('=') {
                    let key = key.trim().to_owned();
                    found.entry(key).or_insert_with(|| value.trim().to_owned());
                }
            }
        } else {
            script_variables(&text, &mut found);
        }
    }
    found
}

/// The libraries and bundles of a catalogue, as scripts call them: `libs.ktor.core`.
fn libraries(catalog: &toml::Table, found: &mut BTreeMap<String, String>) {
    let table = |name: &str| catalog.get(name).and_then(toml::Value::as_table);
    let text = |value: &toml::Value| value.as_str().map(str::to_owned);
    let version = |value: Option<&toml::Value>| -> Option<String> {
        let value = value?;
        let named = value.get("ref").and_then(toml::Value::as_str);
        match named {
            Some(name) => table("versions")?.get(name).and_then(text),
            None => text(value),
        }
    };
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    for (alias, library) in table("libraries").into_iter().flatten() {
        let part = |name: &str| library.get(name).and_then(toml::Value::as_str);
        let module = match (
            library.as_str(),
            part("module"),
            part("group"),
            part("name"),
        ) {
            (Some(whole), ..) => whole.to_owned(),
            (None, Some(module), ..) => module.to_owned(),
            (None, None, Some(group), Some(name)) => format!("{group}:{name}"),
            _ => continue,
        };
        let whole = match version(library.get("version")) {
            Some(version) => format!("{module}:{version}"),
            None => module,
        };
        let name = alias.replace(['-', '_'], ".");
        found.entry(format!("libs.{name}")).or_insert(whole.clone());
        known.insert(alias, whole);
    }
    for (alias, bundle) in table("bundles").into_iter().flatten() {
        let names = bundle.as_array().into_iter().flatten();
        let all: Vec<&str> = names
            .filter_map(|name| known.get(name.as_str()?).map(String::as_str))
            .collect();
        let name = alias.replace(['-', '_'], ".");
        found
            .entry(format!("libs.bundles.{name}"))
            .or_insert(all.join(" "));
    }
}

fn script_variables(text: &str, found: &mut BTreeMap<String, String>) {
    let Some(variable) = VARIABLE.as_ref() else {
        return;
    };
    for line in text.lines().filter(|line| line.len() < 1000) {
        if let Some(set) = variable.captures(line) {
            let (name, value) = (set[1].to_owned(), set[2].to_owned());
            found.entry(name).or_insert(value);
        }
    }
}

/// Replaces `$name` and `${name}`.
fn substitute(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, behind) = match after.strip_prefix('{') {
            Some(inside) => inside.split_once('}').unwrap_or((inside, "")),
            None => {
                let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        let bare = name.rsplit('.').next().unwrap_or(name);
        match variables.get(name).or_else(|| variables.get(bare)) {
            Some(value) if !value.contains('$') => result.push_str(value),
            _ => {
                result.push_str("${");
                result.push_str(name);
                result.push('}');
            }
        }
        rest = behind;
    }
    result.push_str(rest);
    result
}
