//! Python: requirement lines, `pyproject.toml` and its dialects, Pipenv, lock files.

pub(super) mod lock;
pub(super) mod pipfile;
pub(super) mod pyproject;
pub(super) mod requirement;
pub(super) mod requirements;
pub(super) mod setup_cfg;

use super::source::{Source, host};

/// The addresses of PyPI, which is where packages come from if nothing is said.
pub(super) fn is_pypi(url: &str) -> bool {
    let known = ["pypi.org", "files.pythonhosted.org", "pypi.python.org"];
    url.starts_with("https://") && host(url).is_some_and(|host| known.contains(&host.as_str()))
}

/// An index or registry by its address; none for PyPI.
pub(super) fn index(url: &str) -> Option<Source> {
    (!is_pypi(url)).then(|| Source::registry(url))
}
