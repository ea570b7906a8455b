//! Where a package comes from, and how addresses are shown.

use std::fmt;

/// A place other than the ecosystem's own registry. Addresses hold no credentials.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Another registry or index, by address or by its name in the project's configuration.
    Registry(String),
    /// A version control system.
    Git {
        /// The repository.
        url: String,
        /// `branch=main`, `tag=v1`, or what the file calls the revision; in a lock file the commit.
        revision: Option<String>,
    },
    /// An archive at an address.
    Url(String),
    /// A folder or an archive on disk.
    Path(String),
    /// Another member of the same workspace, or what the workspace's root says.
    Workspace,
}

impl Source {
    /// A version control address without its revision; strips credentials.
    pub(super) fn git(url: &str, revision: Option<&str>) -> Self {
        let url = url.strip_prefix("git+").unwrap_or(url);
        let revision = revision
            .map(str::trim)
            .filter(|revision| !revision.is_empty());
        Self::Git {
            url: redact(url),
            revision: revision.map(str::to_owned),
        }
    }

    pub(super) fn url(url: &str) -> Self {
        Self::Url(redact(url.split('#').next().unwrap_or(url)))
    }

    pub(super) fn path(path: &str) -> Self {
        let bare = path
            .strip_prefix("file://")
            .or_else(|| path.strip_prefix("file:"));
        Self::Path(bare.unwrap_or(path).to_owned())
    }

    pub(super) fn registry(url: &str) -> Self {
        Self::Registry(redact(url.trim_end_matches('/')))
    }

    /// Whether the address names one content for ever: a full commit id. Other sources are
    /// fixed only by a hash.
    pub fn is_fixed(&self) -> bool {
        let Self::Git {
            revision: Some(revision),
            ..
        } = self
        else {
            return false;
        };
        let commit = revision.rsplit('=').next().unwrap_or(revision);
        matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The kind as one word, for policy and reports.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Registry(_) => "registry",
            Self::Git { .. } => "git",
            Self::Url(_) => "url",
            Self::Path(_) => "path",
            Self::Workspace => "workspace",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(at) | Self::Url(at) | Self::Path(at) => {
                write!(f, "{}+{at}", self.kind())
            }
            Self::Git {
                url,
                revision: Some(revision),
            } => write!(f, "git+{url}#{revision}"),
            Self::Git {
                url,
                revision: None,
            } => write!(f, "git+{url}"),
            Self::Workspace => f.write_str("workspace"),
        }
    }
}

/// Removes what may be a secret from every address in a text: the user and password before
/// `@` (except the customary `git@`) and the query.
pub(super) fn redact(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        safe.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ';'));
        let (address, tail) = after.split_at(end.unwrap_or(after.len()));
        let (authority, path) = address.split_at(authority_end(address));
        match authority.rsplit_once('@') {
            Some(("git", host)) => safe.extend(["git@", host]),
            Some((_, host)) => safe.extend(["***@", host]),
            None if has_odd_port(authority) => safe.push_str("***"),
            None => safe.push_str(authority),
        }
        match path.split_once('?') {
            Some((path, query)) => {
                safe.extend([path, "?…"]);
                if let Some((_, fragment)) = query.split_once('#') {
                    safe.extend(["#", fragment]);
                }
            }
            None => safe.push_str(path),
        }
        rest = tail;
    }
    safe.push_str(rest);
    safe
}

/// Where the authority of an address ends: before its path, unless an unescaped password holds
/// a `/`, which shows as a port that is no number.
fn authority_end(address: &str) -> usize {
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let authority = &address[..end];
    let odd = !authority.contains('@') && has_odd_port(authority);
    match address.rfind('@').filter(|at| odd && *at > end) {
        Some(at) => {
            at + address[at..]
                .find(['/', '?', '#'])
                .unwrap_or(address.len() - at)
        }
        None => end,
    }
}

/// Whether what follows the host is no port: then it is rather a user with a password.
fn has_odd_port(authority: &str) -> bool {
    let port = authority
        .split_once(':')
        .filter(|(host, _)| !host.starts_with('['));
    port.is_some_and(|(_, port)| port.bytes().any(|byte| !byte.is_ascii_digit()))
}

/// The host of an address, in lower case, without user and port.
pub(super) fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    Some(host.split(':').next().unwrap_or(host).to_ascii_lowercase())
}
