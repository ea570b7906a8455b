//! Versions in paths: a setting puts one before every path that does not name its own.

use super::*;

/// How a framework writes versions into paths.
#[derive(Clone, Debug)]
pub(super) struct Versioning {
    framework: usize,
    /// Stands before the number: `v`.
    mark: String,
    /// What holds where nothing is said.
    default: Vec<String>,
}

impl Linker<'_> {
    pub(super) fn add_versioning(&self, rule_id: usize, matched: &Matched) {
        let loaded = self.rule(rule_id);
        if !self.holds(matched, &loaded.rule.constraints) {
            return;
        }
        let mark = self.texts(matched, &loaded.rule.path).into_iter().next();
        self.versionings.borrow_mut().push(Versioning {
            framework: loaded.framework,
            mark: mark.unwrap_or_default(),
            default: self.texts(matched, &loaded.rule.version),
        });
    }

    /// The segments that versions put before a route's path: one empty segment without any.
    pub(super) fn version_segments(&self, rule: usize, handler: Option<&Handler>) -> Vec<String> {
        let framework = self.rule(rule).framework;
        let versionings = self.versionings.borrow();
        let mut all = versionings.iter();
        let Some(versioning) = all.find(|one| one.framework == framework) else {
            return vec![String::new()];
        };
        // What is said at the method comes before what is said at the class.
        let said = self
            .decorators_of(handler)
            .into_iter()
            .find_map(|(file, decorator)| self.version_of(file, decorator));
        let versions = said.unwrap_or_else(|| versioning.default.clone());
        let segments = versions.iter().map(|version| match version.is_empty() {
            true => String::new(),
            false => format!("/{}{version}", versioning.mark),
        });
        let segments: Vec<String> = segments.collect();
        if segments.is_empty() {
            vec![String::new()]
        } else {
            segments
        }
    }

    fn version_of(&self, file: FileId, decorator: ExprId) -> Option<Vec<String>> {
        let parsed = self.project.parsed(file);
        let matched = self.matched(file, decorator);
        let callee = matched.callee?;
        let last = parsed.unit.last_name(callee)?;
        let name = self.name_of(file, callee)?;
        let found = self
            .decorator_rules(file, last)
            .into_iter()
            .map(|(rule, pattern)| (self.rule(rule), pattern))
            .filter(|(loaded, pattern)| {
                !loaded.rule.version.is_empty() && loaded.patterns[*pattern].matches(&name)
            })
            .map(|(loaded, _)| self.texts(&matched, &loaded.rule.version))
            .next()?;
        (!found.is_empty()).then_some(found)
    }

    /// Whether a path is one of those that the prefix for everything leaves out.
    pub(super) fn left_out(&self, framework: usize, path: &str) -> bool {
        let all = self.left_out.borrow();
        let mut all = all.iter();
        all.any(|(other, pattern)| {
            *other == framework && {
                let pattern = pattern.trim_matches('/');
                let path = path.trim_matches('/');
                match pattern.find(['{', '*', '(']) {
                    Some(end) => {
                        let start = pattern[..end].trim_end_matches('/');
                        path.strip_prefix(start)
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    }
                    None => path == pattern,
                }
            }
        })
    }
}
