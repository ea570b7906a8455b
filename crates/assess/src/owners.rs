//! CODEOWNERS: who must look at a path.
//!
//! Format: <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>;
//! GitLab's sections are read as further lines with their default owners.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Where the file may stand, in the order in which code hosts look.
pub const CODEOWNERS_PATHS: [&str; 4] = [
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".gitlab/CODEOWNERS",
];

/// The owners of paths.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    pattern: String,
    matcher: Gitignore,
    owners: Vec<String>,
}

impl Owners {
    /// Reads the file's text; lines that are no pattern are left out.
    pub fn parse(text: &str) -> Self {
        let mut lines = Vec::new();
        let mut section: Vec<String> = Vec::new();
        for line in text.lines() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let owner = |word: &str| word.starts_with('@') || word.contains('@');
            if line.starts_with('[') || line.starts_with("^[") {
                let rest = line.rsplit(']').next().unwrap_or_default();
                section = rest
                    .split_whitespace()
                    .filter(|word| owner(word))
                    .map(str::to_owned)
                    .collect();
                continue;
            }
            let mut words = line.split_whitespace();
            let Some(pattern) = words.next() else {
                continue;
            };
            let mut owners: Vec<String> = words
                .filter(|word| owner(word))
                .map(str::to_owned)
                .collect();
            if owners.is_empty() {
                owners.clone_from(&section);
            }
            let mut builder = GitignoreBuilder::new("");
            if builder.add_line(None, pattern).is_err() {
                continue;
            }
            if let Ok(matcher) = builder.build() {
                lines.push(Line {
                    pattern: pattern.to_owned(),
                    matcher,
                    owners,
                });
            }
        }
        Self { lines }
    }

    /// The owners of a path and the pattern that names them: the last that matches.
    pub fn of(&self, path: &str) -> Option<(&str, &[String])> {
        let line = self.lines.iter().rev().find(|line| {
            line.matcher
                .matched_path_or_any_parents(path, false)
                .is_ignore()
        })?;
        (!line.owners.is_empty()).then_some((line.pattern.as_str(), line.owners.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_matching_line_decides() {
        let owners =
            Owners::parse("* @all\n/src/admin/ @sec @ops # why\n*.md\n[Web] @web\n/web/\n");
        let of = |path: &str| {
            owners
                .of(path)
                .map(|(_, owners)| owners.join(" "))
                .unwrap_or_default()
        };
        assert_eq!(of("README"), "@all");
        assert_eq!(of("src/admin/users.py"), "@sec @ops");
        assert_eq!(of("lib/src/admin/users.py"), "@all");
        assert_eq!(of("a.md"), "");
        assert_eq!(of("web/x.js"), "@web");
    }
}
