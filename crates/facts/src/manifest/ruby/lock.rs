//! `Gemfile.lock`.

use std::collections::{BTreeMap, BTreeSet};

use super::gemfile::is_default;
use crate::manifest::reader::Reader;
use crate::manifest::source::Source;

/// Reads the gems with what they need, which are direct, and the checksums.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let text = reader.text;
    let (mut direct, mut sums) = (BTreeSet::new(), BTreeMap::new());
    let mut section = "";
    for line in text.lines() {
        if !line.starts_with(' ') {
            section = line.trim();
            continue;
        }
        let words = line.trim();
        match section {
            "DEPENDENCIES" => {
                let name = words.split([' ', '!']).next().unwrap_or(words);
                direct.insert(name);
            }
            // `  name (1.0) sha256=…`
            "CHECKSUMS" => {
                let sum = words.split_once(") ").map(|(_, sum)| sum);
                if let (Some((name, version)), Some(sum)) = (gem(words), sum) {
                    sums.insert((name, version), sum);
                }
            }
            _ => {}
        }
    }
    let mut source: Option<Source> = None;
    let (mut remote, mut revision) = (String::new(), None);
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim();
        if !line.starts_with(' ') {
            section = content;
            (remote, revision) = (String::new(), None);
            if content.starts_with("<<<<<<<") {
                reader.problem(start, "a conflict is not resolved");
            }
            continue;
        }
        if !matches!(section, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE") {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if let Some(url) = content.strip_prefix("remote: ") {
            url.clone_into(&mut remote);
        } else if let Some(commit) = content.strip_prefix("revision: ") {
            revision = Some(commit.to_owned());
        } else if content == "specs:" {
            source = match section {
                "GIT" => Some(Source::git(&remote, revision.as_deref())),
                "PATH" => Some(Source::path(&remote)),
                _ if is_default(&remote) => None,
                _ => Some(Source::registry(&remote)),
            };
        } else if indent == 4
            && let Some((name, version)) = gem(content)
        {
            let at = start + indent;
            let mut found = reader.dependency(name, at..at + content.len());
            found.locked = Some(without_platform(version).to_owned());
            found.direct = Some(direct.contains(name));
            found.source = source.clone();
            found.verified_by(sums.get(&(name, version)).copied());
            // One version may be there for several platforms, each with a hash of its own.
            if version.contains('-') {
                found.hash = None;
            }
            let known = reader
                .added()
                .iter()
                .position(|other| other.package == found.package && other.locked == found.locked);
            match known {
                Some(at) => reader.added()[at].hash = None,
                None => reader.add(found),
            }
        } else if indent == 6
            && let Some(last) = reader.added().last_mut()
        {
            let name = content.split(' ').next().unwrap_or(content);
            last.requires.push(name.to_owned());
        }
    }
}

/// `name (1.0)`.
fn gem(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(" (")?;
    Some((name, rest.split(')').next()?))
}

/// `1.16.0-x86_64-linux`: the version; a dash never belongs to a gem's version.
fn without_platform(version: &str) -> &str {
    version.split('-').next().unwrap_or(version)
}
