//! One requirement as PEP 508 writes it: `name[extra] >=1,<2 ; marker`, `name @ url`.

use crate::manifest::reader::{Reader, Span};
use crate::manifest::{Dependency, Source};

/// Reads one requirement; an error says what is wrong with it.
pub(crate) fn requirement(
    reader: &Reader<'_>,
    text: &str,
    span: Span,
) -> Result<Dependency, String> {
    let text = text.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(format!("\"{}\" is no requirement (PEP 508)", excerpt(text)));
    }
    let mut dependency = reader.dependency(name.trim_end_matches(['-', '_', '.']), span);
    let mut rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('[') {
        let Some((extras, after)) = inner.split_once(']') else {
            return Err(format!("\"{}\" opens extras without end", excerpt(text)));
        };
        let extras = extras
            .split(',')
            .map(str::trim)
            .filter(|extra| !extra.is_empty());
        dependency.features = extras.map(str::to_ascii_lowercase).collect();
        rest = after.trim_start();
    }
    if let Some(url) = rest.strip_prefix('@') {
        // A marker after an address needs a space before its semicolon.
        let (url, marker) = match url.find(" ;").or_else(|| url.find("\t;")) {
            Some(at) => (&url[..at], Some(&url[at + 2..])),
            None => (url, None),
        };
        address(&mut dependency, url.trim());
        dependency.condition = marker.map(condition);
        return Ok(dependency);
    }
    let (specifier, marker) = match rest.split_once(';') {
        Some((specifier, marker)) => (specifier, Some(marker)),
        None => (rest, None),
    };
    let specifier = specifier.trim();
    let specifier = match specifier
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
    {
        Some(inner) => inner.trim(),
        None => specifier,
    };
    if !specifier.is_empty() && !specifier.starts_with(['<', '>', '=', '!', '~']) {
        return Err(format!("\"{}\" is no requirement (PEP 508)", excerpt(text)));
    }
    let compact: String = specifier.chars().filter(|c| !c.is_whitespace()).collect();
    dependency.constraint = (!compact.is_empty()).then_some(compact);
    dependency.condition = marker.map(condition);
    Ok(dependency)
}

/// Sets source and hash from an address as pip writes it: an archive, a folder, `git+…@rev`.
pub(crate) fn address(dependency: &mut Dependency, url: &str) {
    let (place, fragment) = url.split_once('#').unwrap_or((url, ""));
    for part in fragment.split('&') {
        match part.split_once('=') {
            Some(("sha256" | "sha384" | "sha512" | "sha1" | "md5", _)) => {
                dependency.verified_by([part]);
            }
            Some(("subdirectory", folder)) => {
                dependency.features.push(format!("subdirectory={folder}"));
            }
            _ => {}
        }
    }
    let scheme = place.split_once("://").map_or("", |(scheme, _)| scheme);
    let vcs = ["git", "hg", "svn", "bzr"].iter().any(|vcs| {
        scheme
            .strip_prefix(vcs)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    });
    dependency.source = Some(if vcs || place.starts_with("git+") {
        // `@` before the path belongs to the user's name.
        let path = place.find("://").map_or(0, |at| at + 3);
        let path = path + place[path..].find('/').unwrap_or(place.len() - path);
        match place[path..].rsplit_once('@') {
            Some((before, revision)) => Source::git(&place[..path + before.len()], Some(revision)),
            None => Source::git(place, None),
        }
    } else if scheme == "file" || scheme.is_empty() {
        Source::path(place)
    } else {
        Source::url(place)
    });
}

/// A marker with its white space folded.
pub(crate) fn condition(marker: &str) -> String {
    marker.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, for a message.
pub(crate) fn excerpt(text: &str) -> String {
    let safe = crate::manifest::source::redact(text);
    safe.chars().take(60).collect()
}
