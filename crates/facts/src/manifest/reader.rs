//! Collects what a format's reader finds and gives it its places.

use std::fmt::Write as _;

use super::{Dependency, Ecosystem, Group, Problem, Reading, Roles, Setting, SettingKind};
use super::{is_exact, source, version};

/// Bytes of the text, from the first to one past the last.
pub(super) type Span = std::ops::Range<usize>;

/// The text being read and what was found so far.
pub(super) struct Reader<'a> {
    /// From the repository's root.
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    /// Gives the text of another file of the revision.
    pub(super) beside: &'a dyn Fn(&str) -> Option<String>,
    ecosystem: Ecosystem,
    reading: Reading,
    problems: Vec<(usize, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        ecosystem: Ecosystem,
        path: &'a str,
        text: &'a str,
        beside: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self {
            path,
            beside,
            text,
            ecosystem,
            reading: Reading::default(),
            problems: Vec::new(),
        }
    }

    /// A direct runtime dependency without further attributes, to be completed and added.
    pub(super) fn dependency(&self, package: &str, span: Span) -> Dependency {
        let package = match self.ecosystem {
            Ecosystem::Pypi => normal_python_name(package),
            // Compared without case, shown as most people write them.
            Ecosystem::Nuget | Ecosystem::Composer | Ecosystem::Docker | Ecosystem::Github => {
                package.to_ascii_lowercase()
            }
            _ => package.to_owned(),
        };
        Dependency {
            ecosystem: self.ecosystem,
            package,
            alias: None,
            constraint: None,
            locked: None,
            source: None,
            integrity: None,
            hash: None,
            requires: Vec::new(),
            direct: Some(true),
            group: Group::Runtime,
            group_name: None,
            role: None,
            resembles: None,
            features: Vec::new(),
            condition: None,
            install_script: false,
            start: span.start,
            end: span.end.max(span.start),
            line: 0,
            column: 0,
        }
    }

    pub(super) fn add(&mut self, dependency: Dependency) {
        self.reading.dependencies.push(dependency);
    }

    /// The dependencies added so far, for what is said about them elsewhere in the file.
    pub(super) fn added(&mut self) -> &mut [Dependency] {
        &mut self.reading.dependencies
    }

    pub(super) fn setting(&mut self, kind: SettingKind, name: &str, value: &str, span: Span) {
        self.reading.settings.push(Setting {
            kind,
            name: name.to_owned(),
            value: source::redact(value.trim()),
            start: span.start,
            end: span.end.max(span.start),
            line: 0,
            column: 0,
        });
    }

    pub(super) fn problem(&mut self, offset: usize, message: impl Into<String>) {
        /// A hostile file shall not fill the report.
        const MOST: usize = 50;
        if self.problems.len() < MOST {
            self.problems.push((offset, message.into()));
        }
    }

    pub(super) fn finish(self, roles: &Roles) -> Reading {
        let Self {
            text,
            mut reading,
            mut problems,
            ..
        } = self;
        reading
            .dependencies
            .sort_by_key(|dependency| dependency.start);
        reading.settings.sort_by_key(|setting| setting.start);
        problems.sort_by_key(|(offset, _)| *offset);
        let mut places = Places::new(text);
        for dependency in &mut reading.dependencies {
            (dependency.line, dependency.column) = places.at(dependency.start);
            complete(dependency, roles);
        }
        let mut places = Places::new(text);
        for setting in &mut reading.settings {
            (setting.line, setting.column) = places.at(setting.start);
        }
        let mut places = Places::new(text);
        let problems = problems.into_iter().map(|(offset, message)| Problem {
            line: Some(places.at(offset).0),
            message,
        });
        reading.problems = problems.collect();
        reading
    }
}

fn complete(dependency: &mut Dependency, roles: &Roles) {
    let role = roles.role(dependency.ecosystem, &dependency.package);
    dependency.role = role.map(str::to_owned);
    let own = matches!(
        dependency.source,
        Some(super::Source::Path(_) | super::Source::Workspace)
    );
    if dependency.direct == Some(true) && !own {
        let near = roles
            .popular
            .resembles(dependency.ecosystem, &dependency.package);
        dependency.resembles = near.map(str::to_owned);
    }
    if dependency.locked.is_none() {
        let constraint = dependency.constraint.as_deref();
        dependency.locked = constraint
            .filter(|constraint| is_exact(dependency.ecosystem, constraint))
            .map(|constraint| match dependency.ecosystem {
                Ecosystem::Golang => constraint.to_owned(),
                _ => version::bare(constraint).to_owned(),
            });
    }
    dependency.features.sort_unstable();
    dependency.features.dedup();
    dependency.requires.sort_unstable();
    dependency.requires.dedup();
}

/// Turns ascending offsets into lines and columns in one pass over the text, so that a file of
/// one long line costs no more than others.
struct Places<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
    column: u32,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
            column: 1,
        }
    }

    fn at(&mut self, offset: usize) -> (u32, u32) {
        let bytes = self.text.as_bytes();
        let between = bytes
            .get(self.offset..offset.min(bytes.len()))
            .unwrap_or_default();
        let mut rest = between;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.line = self.line.saturating_add(1);
            self.column = 1;
            rest = &rest[at + 1..];
        }
        let characters = rest.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        self.column = self
            .column
            .saturating_add(u32::try_from(characters).unwrap_or(u32::MAX));
        self.offset += between.len();
        (self.line, self.column)
    }
}

/// The normal form of a Python name (PEP 503): lower case, runs of `-`, `_`, `.` as one `-`.
pub(super) fn normal_python_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.trim().chars() {
        if !matches!(character, '-' | '_' | '.') {
            normal.push(character.to_ascii_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
}

/// Sums up hashes as `algorithm:digest` (see [`Dependency::integrity`]). A hash is written
/// `sha256:…`, `sha512-…`, `sha1=…`; bare hexadecimal digits tell the algorithm by their length.
pub(super) fn integrity<'t>(hashes: impl IntoIterator<Item = &'t str>) -> Option<String> {
    let hashes = hashes.into_iter().flat_map(str::split_ascii_whitespace);
    let mut hashes: Vec<(&str, &str)> = hashes.map(algorithm).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let mut algorithms: Vec<&str> = hashes.iter().map(|(name, _)| *name).collect();
    algorithms.dedup();
    let mut hasher = blake3::Hasher::new();
    for (name, digest) in &hashes {
        hasher
            .update(name.as_bytes())
            .update(b":")
            .update(digest.as_bytes())
            .update(b"\n");
    }
    let digest = hasher.finalize().to_hex();
    match hashes.len() {
        0 => None,
        1 => Some(format!("{}:{}", algorithms.join("+"), &digest[..16])),
        many => Some(format!("{}×{many}:{}", algorithms.join("+"), &digest[..16])),
    }
}

impl Dependency {
    /// Takes the hashes of a package's archives.
    pub(super) fn verified_by<'t>(&mut self, hashes: impl IntoIterator<Item = &'t str>) {
        let hashes: Vec<&str> = hashes
            .into_iter()
            .flat_map(str::split_ascii_whitespace)
            .collect();
        self.hash = match &hashes[..] {
            [one] => hexadecimal(one),
            _ => None,
        };
        self.integrity = integrity(hashes);
    }
}

/// A hash as `algorithm:digest`, if it is one of a known length.
fn hexadecimal(hash: &str) -> Option<String> {
    let (name, digest) = algorithm(hash);
    let length = match name {
        "md5" => 32,
        "sha1" => 40,
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return None,
    };
    if digest.len() == length && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(format!("{name}:{}", digest.to_ascii_lowercase()));
    }
    // RFC 4648, section 4.
    let mut hex = String::with_capacity(length);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in digest.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            let _ = write!(hex, "{:02x}", bits >> held & 0xff);
        }
    }
    (hex.len() == length).then(|| format!("{name}:{hex}"))
}

fn algorithm(hash: &str) -> (&str, &str) {
    if let Some((name, digest)) = hash.split_once([':', '-', '='])
        && !name.is_empty()
        && name.len() <= 10
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return (name, digest);
    }
    match hash.len() {
        32 => ("md5", hash),
        40 => ("sha1", hash),
        64 => ("sha256", hash),
        128 => ("sha512", hash),
        _ => ("unknown", hash),
    }
}
