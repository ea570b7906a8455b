//! `setup.cfg`: the declarative part of setuptools.

use super::requirement::requirement;
use crate::manifest::ini::pairs;
use crate::manifest::reader::Reader;
use crate::manifest::{Group, SettingKind};

/// Reads `install_requires` and its siblings.
pub(crate) fn read(reader: &mut Reader<'_>) {
    for pair in pairs(reader.text) {
        let key = pair.key.replace('-', "_");
        let (group, name) = match (pair.section, key.as_str()) {
            ("options", "install_requires") => (Group::Runtime, None),
            ("options", "setup_requires") => (Group::Build, None),
            ("options", "tests_require") => (Group::Development, None),
            ("options.extras_require", _) => (
                Group::of_name(pair.key).unwrap_or(Group::Optional),
                Some(pair.key),
            ),
            ("options", "dependency_links") => {
                for (line, span) in pair.lines {
                    reader.setting(SettingKind::Registry, "dependency_links", line, span);
                }
                continue;
            }
            ("easy_install", "index_url" | "find_links") => {
                for (line, span) in pair.lines {
                    reader.setting(SettingKind::Registry, &key, line, span);
                }
                continue;
            }
            _ => continue,
        };
        // On one line requirements are parted by semicolons, on several each has its own.
        let alone = pair.inline && pair.lines.len() == 1;
        for (line, span) in pair.lines {
            if let Some(files) = line.strip_prefix("file:") {
                reader.setting(SettingKind::Include, "file", files, span);
                continue;
            }
            let parts: Vec<&str> = if alone {
                line.split(';').collect()
            } else {
                vec![line]
            };
            for part in parts
                .into_iter()
                .map(str::trim)
                .filter(|part| !part.is_empty())
            {
                let part = part.split(" #").next().unwrap_or(part);
                match requirement(reader, part, span.clone()) {
                    Ok(mut dependency) => {
                        dependency.group = group;
                        dependency.group_name = name.map(str::to_owned);
                        reader.add(dependency);
                    }
                    Err(message) => reader.problem(span.start, message),
                }
            }
        }
    }
}
