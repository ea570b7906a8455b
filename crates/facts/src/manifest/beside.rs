//! Files that a format spreads over: paths, and files of a name upwards.

use super::reader::Reader;

/// The folder of a path.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path relative to a folder, from the repository's root; none outside of it.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The files of one of some names in the file's own folder and the folders above, the nearest first.
pub(super) fn upwards(reader: &Reader<'_>, names: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut at = folder(reader.path);
    loop {
        for name in names {
            let path = if at.is_empty() {
                (*name).to_owned()
            } else {
                format!("{at}/{name}")
            };
            if path != reader.path
                && let Some(text) = (reader.beside)(&path)
            {
                found.push((path, text));
            }
        }
        if at.is_empty() {
            return found;
        }
        at = folder(at);
    }
}
