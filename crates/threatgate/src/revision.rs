//! One revision's files, from the object database or from a plain folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use threatgate_facts::{Credentials, Scope, Tree, most_bytes};
use threatgate_git::{Attributes, BlobReader, Content, Entry, Readers, Repository, Side};

/// Blobs of a repository, read by many threads and kept while both sides are compared.
pub(crate) struct Blobs {
    readers: Readers,
    idle: Mutex<Vec<BlobReader>>,
    texts: Mutex<HashMap<String, Option<Arc<str>>>>,
    missing: Mutex<BTreeSet<String>>,
}

impl Blobs {
    pub(crate) fn new(repository: &Repository) -> Result<Self> {
        let readers = repository.readers();
        let first = readers.open()?;
        Ok(Self {
            readers,
            idle: Mutex::new(vec![first]),
            texts: Mutex::default(),
            missing: Mutex::default(),
        })
    }

    /// Files that were asked for and that the object database does not have (a partial clone).
    pub(crate) fn missing(&self) -> BTreeSet<String> {
        self.missing
            .lock()
            .map(|missing| missing.clone())
            .unwrap_or_default()
    }

    pub(crate) fn read(&self, side: &Side, path: &str, entry: &Entry) -> Content {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let reader = match idle.map(Ok).unwrap_or_else(|| self.readers.open()) {
            Ok(reader) => reader,
            Err(_) => return Content::Missing,
        };
        let content = reader.read(side, path, entry, most_bytes(path));
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(reader);
        }
        if content == Content::Missing
            && *side != Side::Worktree
            && let Ok(mut missing) = self.missing.lock()
        {
            missing.insert(path.to_owned());
        }
        content
    }

    fn text(&self, side: &Side, path: &str, entry: &Entry) -> Option<Arc<str>> {
        let key = entry.id.to_string();
        if let Ok(texts) = self.texts.lock()
            && let Some(known) = texts.get(&key)
        {
            return known.clone();
        }
        let text = match self.read(side, path, entry) {
            Content::Text { text, .. } => Some(Arc::from(text)),
            _ => None,
        };
        if let Ok(mut texts) = self.texts.lock() {
            texts.insert(key, text.clone());
        }
        text
    }
}

/// One side of a comparison as the engine reads it.
pub(crate) struct Revision<'a> {
    pub(crate) side: Side,
    pub(crate) entries: BTreeMap<String, Entry>,
    /// Folders that are not in the object database.
    pub(crate) missing: Vec<String>,
    paths: BTreeSet<String>,
    blobs: &'a Blobs,
    attributes: &'a Attributes,
}

impl<'a> Revision<'a> {
    /// Lists a side. `attributes` are those of the base: a pull request must not mark its own
    /// files as generated.
    pub(crate) fn new(
        repository: &Repository,
        side: Side,
        blobs: &'a Blobs,
        attributes: &'a Attributes,
        excluded: Option<&globset::GlobSet>,
    ) -> Result<Self> {
        let (mut entries, missing) = repository.entries(&side)?;
        if let Some(excluded) = excluded {
            entries.retain(|path, _| !excluded.is_match(path));
        }
        let paths = entries.keys().cloned().collect();
        Ok(Self {
            side,
            entries,
            missing,
            paths,
            blobs,
            attributes,
        })
    }

    /// What is needed to read files later, when the comparison is over.
    pub(crate) fn into_files(self) -> Files {
        Files {
            side: self.side,
            entries: self.entries,
        }
    }

    pub(crate) fn read(&self, path: &str) -> Option<Content> {
        let entry = self.entries.get(path)?;
        Some(self.blobs.read(&self.side, path, entry))
    }
}

impl Tree for Revision<'_> {
    fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        let entry = self.entries.get(path)?;
        self.blobs.text(&self.side, path, entry)
    }

    fn key(&self, path: &str) -> Option<String> {
        Some(self.entries.get(path)?.id.to_string())
    }

    fn scope(&self, path: &str) -> Option<Scope> {
        if self.attributes.generated(path) == Some(true) {
            return Some(Scope::Generated);
        }
        if self.attributes.vendored(path) == Some(true) {
            return Some(Scope::Vendored);
        }
        None
    }

    fn content(&self, path: &str) -> Option<String> {
        // A file on disk may change between the moments at which its id and its text are read, and
        // its line ends need not be those of the blob.
        match self.side {
            Side::Worktree => None,
            _ => self.key(path),
        }
    }
}

/// The files of one side.
pub(crate) struct Files {
    side: Side,
    entries: BTreeMap<String, Entry>,
}

/// A file's path and its blob's id.
pub(crate) type PathAndBlob = (String, String);

/// Texts of both sides, from which reports show lines.
pub(crate) struct Texts {
    pub(crate) before: Files,
    pub(crate) after: Files,
    pub(crate) blobs: Blobs,
    /// What no report shows, wherever it stands.
    pub(crate) credentials: Credentials,
    /// The files that differ, each with its blob's id, before and after.
    pub(crate) changed: Vec<(Option<PathAndBlob>, Option<PathAndBlob>)>,
    /// What evidence of the run lists.
    pub(crate) trail: crate::signoff::Trail,
}

impl threatgate_report::Sources for Texts {
    fn text(&self, side: threatgate_report::Side, path: &str) -> Option<Arc<str>> {
        let files = match side {
            threatgate_report::Side::Base => &self.before,
            threatgate_report::Side::Head => &self.after,
        };
        let entry = files.entries.get(path)?;
        let text = self.blobs.text(&files.side, path, entry)?;
        Some(self.credentials.masked(text))
    }
}

/// A folder that is no repository; files that its `.gitignore` names are left out.
pub(crate) struct Folder {
    root: PathBuf,
    paths: BTreeSet<String>,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let meta =
            std::fs::metadata(root).with_context(|| format!("reading {}", root.display()))?;
        let mut paths = BTreeSet::new();
        let (root, walk) = if meta.is_file() {
            let plain = root
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            // Rules may ask for folders (`**/settings/**`): a path below this folder keeps its own.
            let (folder, file) = match root.parent() {
                Some(parent) if !plain => (parent.to_owned(), root.file_name().map(Path::new)),
                _ => (PathBuf::from("."), Some(root)),
            };
            if let Some(file) = file {
                let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
                paths.insert(parts.join("/"));
            }
            (folder, false)
        } else {
            (root.to_owned(), true)
        };
        if walk {
            let walker = ignore::WalkBuilder::new(&root)
                .hidden(false)
                .follow_links(false)
                .filter_entry(|entry| entry.file_name() != ".git")
                .build();
            for entry in walker.flatten() {
                if entry.file_type().is_some_and(|kind| kind.is_file())
                    && let Ok(path) = entry.path().strip_prefix(&root)
                {
                    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                    paths.insert(parts.join("/"));
                }
            }
        }
        Ok(Self { root, paths })
    }
}

impl Tree for Folder {
    fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        let most = most_bytes(path) as u64;
        let path = self.root.join(path);
        let size = std::fs::metadata(&path).ok()?.len();
        if size > most {
            return None;
        }
        match threatgate_git::decode(&std::fs::read(path).ok()?) {
            Content::Text { text, .. } => Some(text.into()),
            _ => None,
        }
    }

    fn key(&self, path: &str) -> Option<String> {
        Some(path.to_owned())
    }

    fn scope(&self, _: &str) -> Option<Scope> {
        None
    }
}
