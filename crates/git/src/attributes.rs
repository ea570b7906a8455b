//! `.gitattributes` of a tree, as far as linguist reads them.

use std::collections::BTreeMap;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::blob::Content;
use crate::repository::{Entry, Error, Repository, Side};

/// Attributes that say what a file is for. Read from the **base** side: a pull request must not
/// mark its own files as generated.
#[derive(Default)]
pub struct Attributes {
    /// Innermost folder last; each line with its matcher and what it says.
    lines: Vec<Line>,
}

struct Line {
    folder: String,
    matcher: Gitignore,
    generated: Option<Option<bool>>,
    vendored: Option<Option<bool>>,
}

impl Attributes {
    /// Reads all `.gitattributes` of a side.
    ///
    /// # Errors
    /// An unreadable repository.
    pub fn read(
        repository: &Repository,
        side: &Side,
        entries: &BTreeMap<String, Entry>,
    ) -> Result<Self, Error> {
        let mut files: Vec<(&String, &Entry)> = entries
            .iter()
            .filter(|(path, _)| path.rsplit('/').next() == Some(".gitattributes"))
            .collect();
        files.sort_by_key(|(path, _)| path.matches('/').count());
        let reader = repository.reader()?;
        let mut attributes = Self::default();
        for (path, entry) in files {
            if let Content::Text { text, .. } = reader.read(side, path, entry, 1 << 20) {
                attributes.add(
                    path.strip_suffix(".gitattributes").unwrap_or_default(),
                    &text,
                );
            }
        }
        Ok(attributes)
    }

    /// Adds the lines of one file; later and deeper ones win.
    pub fn add(&mut self, folder: &str, text: &str) {
        for line in text.lines() {
            let line = line.trim();
            let mut words = line.split_whitespace();
            let Some(pattern) = words.next().filter(|pattern| !pattern.starts_with('#')) else {
                continue;
            };
            let (mut generated, mut vendored) = (None, None);
            for word in words {
                let (name, value) = match word.as_bytes().first() {
                    Some(b'-') => (&word[1..], Some(false)),
                    Some(b'!') => (&word[1..], None),
                    _ => match word.split_once('=') {
                        Some((name, value)) => (name, Some(value != "false")),
                        None => (word, Some(true)),
                    },
                };
                match name {
                    "linguist-generated" => generated = Some(value),
                    "linguist-vendored" => vendored = Some(value),
                    _ => {}
                }
            }
            if generated.is_none() && vendored.is_none() {
                continue;
            }
            let mut builder = GitignoreBuilder::new("");
            // A pattern of attributes matches as one of ignore files does, but never negates.
            if pattern.starts_with('!') || builder.add_line(None, pattern).is_err() {
                continue;
            }
            if let Ok(matcher) = builder.build() {
                self.lines.push(Line {
                    folder: folder.to_owned(),
                    matcher,
                    generated,
                    vendored,
                });
            }
        }
    }

    fn last(&self, path: &str, value: impl Fn(&Line) -> Option<Option<bool>>) -> Option<bool> {
        let mut answer = None;
        for line in &self.lines {
            let Some(rest) = path.strip_prefix(&line.folder) else {
                continue;
            };
            if let Some(value) = value(line)
                // Unlike an ignored folder, one that a line names says nothing of the files below it.
                && line.matcher.matched(rest, false).is_ignore()
            {
                answer = value;
            }
        }
        answer
    }

    /// What `linguist-generated` says of a path.
    pub fn generated(&self, path: &str) -> Option<bool> {
        self.last(path, |line| line.generated)
    }

    /// What `linguist-vendored` says of a path.
    pub fn vendored(&self, path: &str) -> Option<bool> {
        self.last(path, |line| line.vendored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_and_deeper_lines_win() {
        let mut attributes = Attributes::default();
        attributes.add("", "*.js linguist-generated\napi/** linguist-generated=true\nsrc/*.js -linguist-generated\nlib/* linguist-vendored\n");
        attributes.add("api/own/", "*.ts !linguist-generated\n");
        assert_eq!(attributes.generated("a.js"), Some(true));
        assert_eq!(attributes.generated("src/a.js"), Some(false));
        assert_eq!(attributes.generated("api/x/y.ts"), Some(true));
        assert_eq!(attributes.generated("api/own/y.ts"), None);
        assert_eq!(attributes.generated("a.py"), None);
        assert_eq!(attributes.vendored("lib/a.py"), Some(true));
        assert_eq!(attributes.vendored("lib/own/a.py"), None);
    }
}
