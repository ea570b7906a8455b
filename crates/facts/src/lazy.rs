//! Patterns of rules that are read when the program starts and compiled when they are first asked:
//! a run needs few of them, and compiling takes most of the time of reading them.

use std::ops::Deref;
use std::sync::{LazyLock, OnceLock};

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::Regex;

/// Stands where a pattern is understood, yet too large to be compiled: it matches nothing.
static NEVER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[^\s\S]").expect("the pattern is a constant"));

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct LazyRegex {
    text: String,
    compiled: OnceLock<Regex>,
}

impl LazyRegex {
    /// Reads a pattern; what is wrong with it is said at once.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        match regex_syntax::parse(text) {
            Ok(_) => Ok(Self {
                text: text.to_owned(),
                compiled: OnceLock::new(),
            }),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Deref for LazyRegex {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        let compile = || Regex::new(&self.text).unwrap_or_else(|_| NEVER.clone());
        self.compiled.get_or_init(compile)
    }
}

/// Patterns of paths or texts, any of which may fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct LazyGlobs {
    globs: Vec<Glob>,
    compiled: OnceLock<GlobSet>,
}

impl LazyGlobs {
    /// Reads patterns; what is wrong with one is said at once.
    pub(crate) fn new(texts: &[String]) -> Result<Self, String> {
        let globs = texts.iter().map(|text| Glob::new(text));
        let globs = globs.collect::<Result<Vec<_>, _>>();
        globs.map(Self::of).map_err(|error| error.to_string())
    }

    pub(crate) fn of(globs: Vec<Glob>) -> Self {
        Self {
            globs,
            compiled: OnceLock::new(),
        }
    }
}

impl Deref for LazyGlobs {
    type Target = GlobSet;

    fn deref(&self) -> &GlobSet {
        self.compiled.get_or_init(|| {
            let mut set = GlobSetBuilder::new();
            for glob in &self.globs {
                set.add(glob.clone());
            }
            set.build().unwrap_or_else(|_| GlobSet::empty())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_checked_when_it_is_read() {
        assert!(LazyRegex::new("a(b").is_err());
        assert!(LazyRegex::new(r"\p{Nothing}").is_err());
        assert!(LazyRegex::new("a(b)?").is_ok_and(|regex| regex.is_match("xay")));
        assert!(LazyGlobs::new(&["a/[".to_owned()]).is_err());
        let globs = LazyGlobs::new(&["**/x.rs".to_owned(), "y".to_owned()]);
        assert!(globs.is_ok_and(|globs| globs.is_match("a/x.rs") && !globs.is_match("z")));
    }

    #[test]
    fn what_is_too_large_matches_nothing() {
        let huge = LazyRegex::new(r"(?:\w{1000}){1000}");
        assert!(huge.is_ok_and(|regex| !regex.is_match("aaa")));
    }
}
