//! Package URLs: <https://github.com/package-url/purl-spec>.

use std::fmt::Write as _;

/// What a package URL is made of.
pub(super) struct Package<'a> {
    /// `npm`, `maven` …
    pub(super) ecosystem: &'a str,
    /// The name as facts write it: `@scope/name`, `group:artifact`, `vendor/name`.
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
    /// As facts write it: `git+…`, `registry+…`, `url+…`, `path+…`.
    pub(super) source: Option<&'a str>,
}

impl Package<'_> {
    /// The namespace and the name within it.
    pub(super) fn parts(&self) -> (Option<&str>, &str) {
        let at = match self.ecosystem {
            "maven" => self.name.find(':'),
            _ => self.name.rfind('/'),
        };
        match at {
            Some(at) => (Some(&self.name[..at]), &self.name[at + 1..]),
            None => (None, self.name),
        }
    }

    /// The package URL.
    pub(super) fn url(&self) -> String {
        let (namespace, name) = self.parts();
        let mut url = format!("pkg:{}/", self.ecosystem);
        for part in namespace.into_iter().flat_map(|names| names.split('/')) {
            encode(&mut url, part);
            url.push('/');
        }
        encode(&mut url, name);
        if let Some(version) = self.version {
            url.push('@');
            encode(&mut url, version);
        }
        if let Some((key, value)) = self.source.and_then(|source| source.split_once('+')) {
            let qualifier = match key {
                "git" => Some(("vcs_url", format!("git+{}", value.replace('#', "@")))),
                "url" => Some(("download_url", value.to_owned())),
                "registry" => Some(("repository_url", value.to_owned())),
                _ => None,
            };
            if let Some((key, value)) = qualifier {
                let _ = write!(url, "?{key}=");
                encode(&mut url, &value);
            }
        }
        url
    }
}

/// Percent-encodes all but the unreserved characters and the colon.
fn encode(url: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                url.push(char::from(byte));
            }
            _ => {
                let _ = write!(url, "%{byte:02X}");
            }
        }
    }
}
