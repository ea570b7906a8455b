//! Workflows and actions: what they run of others
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>).

use super::reader::{Reader, Span};
use super::{Ecosystem, Group, docker};

/// A `key: value` of a YAML text, outside of block scalars.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) indent: usize,
    pub(super) key: &'a str,
    /// Without quotes; empty if a block follows.
    pub(super) value: &'a str,
    /// Without `#`.
    pub(super) comment: &'a str,
    pub(super) span: Span,
}

/// The keys of a text with their places. Anchors, aliases and flow collections are no concern of what is
/// looked for here, so that a line is enough and a broken file gives what can be read.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    // The indentation of the key that a block scalar hangs on.
    let mut scalar: Option<usize> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim_start_matches(['\u{FEFF}', ' ']);
        let mut indent = line.len() - content.len();
        let trimmed = content.trim_end();
        if trimmed.is_empty() {
            continue;
        }
        if let Some(holder) = scalar {
            if indent > holder {
                continue;
            }
            scalar = None;
        }
        if trimmed.starts_with('#') {
            continue;
        }
        let mut rest = trimmed;
        // A key in a list stands where its dash is not.
        while let Some(item) = rest.strip_prefix("- ") {
            let inner = item.trim_start();
            indent += rest.len() - inner.len();
            rest = inner;
        }
        let Some((key, value)) = rest.split_once(':') else {
            continue;
        };
        if !value.is_empty() && !value.starts_with([' ', '\t']) {
            continue;
        }
        let (value, comment) = cut(value.trim());
        if value.starts_with(['|', '>']) {
            scalar = Some(line.len() - content.len());
            continue;
        }
        let at = start + (line.trim_end().len() - rest.len());
        found.push(Line {
            indent,
            key: key.trim().trim_matches(['"', '\'']),
            value,
            comment,
            span: at..start + line.trim_end().len(),
        });
    }
    found
}

/// Value and comment; quotes are taken off.
fn cut(value: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some((inside, after)) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.split_once(quote))
        {
            return (inside, after.trim_start().trim_start_matches('#').trim());
        }
    }
    match value.split_once(" #") {
        Some((value, comment)) => (value.trim_end(), comment.trim()),
        None => (value, ""),
    }
}

/// Reads what `uses:`, `image:` and `container:` name.
pub(super) fn read(reader: &mut Reader<'_>) {
    for line in lines(reader.text) {
        match line.key {
            "uses" if !line.value.is_empty() => uses(reader, &line),
            "image" | "container" if !line.value.is_empty() => {
                let image = line.value.strip_prefix("docker://").unwrap_or(line.value);
                // `image: Dockerfile` is the action's own.
                let own = image.starts_with('.') || image.starts_with("Dockerfile");
                if !own
                    && let Some(mut found) = docker::dependency(reader, image, line.span.clone())
                {
                    found.group = Group::Build;
                    reader.add(found);
                }
            }
            _ => {}
        }
    }
}

fn uses(reader: &mut Reader<'_>, line: &Line<'_>) {
    if line.value.starts_with("./") || line.value.starts_with("../") {
        return;
    }
    if let Some(image) = line.value.strip_prefix("docker://") {
        if let Some(mut found) = docker::dependency(reader, image, line.span.clone()) {
            found.group = Group::Build;
            reader.add(found);
        }
        return;
    }
    let (place, reference) = match line.value.split_once('@') {
        Some((place, reference)) => (place, Some(reference)),
        None => (line.value, None),
    };
    let mut parts = place.splitn(3, '/');
    let (Some(owner), Some(repository)) = (parts.next(), parts.next()) else {
        reader.problem(
            line.span.start,
            format!("\"{}\" names no action", line.value),
        );
        return;
    };
    if owner.is_empty() || repository.is_empty() || place.contains("${{") {
        return;
    }
    let mut found = reader.dependency(&format!("{owner}/{repository}"), line.span.clone());
    found.ecosystem = Ecosystem::Github;
    found.group = Group::Build;
    if let Some(folder) = parts.next() {
        found.features.push(format!("path={folder}"));
    }
    let commit =
        |text: &&str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match reference {
        Some(reference) if commit(&reference) => {
            found.verified_by([format!("git:{}", reference.to_ascii_lowercase()).as_str()]);
            // People and bots write the version that the commit is of behind it.
            // A date further on is none.
            let version = line.comment.split_whitespace().next().filter(|word| {
                let number = word.trim_start_matches('v');
                let fits =
                    |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
                number.starts_with(|c: char| c.is_ascii_digit())
                    && number.chars().all(fits)
                    && word.len() < 40
            });
            let version = version.unwrap_or(&reference[..12]);
            found.constraint = Some(version.to_owned());
            found.hash = Some(format!("git:{}", reference.to_ascii_lowercase()));
            found.locked = Some(reference.to_ascii_lowercase());
        }
        reference => found.constraint = reference.map(str::to_owned),
    }
    reader.add(found);
}
