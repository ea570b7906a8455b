//! A repository: its trees, index and work tree as lists of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};

use crate::blob::{Content, decode};

/// What can go wrong with a repository.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path holds no repository that can be read.
    #[error(
        "{path}: not a git repository that threatgate can read ({reason}); pass --repo DIR with a work tree, a bare repository or a .git folder"
    )]
    Open {
        /// The path.
        path: PathBuf,
        /// libgit2's words.
        reason: String,
    },
    /// A revision does not exist.
    #[error("revision \"{name}\" is not in this repository{hint}")]
    Revision {
        /// As given.
        name: String,
        /// Similar names, or what to fetch.
        hint: String,
    },
    /// The index has conflicts.
    #[error(
        "the index has unresolved conflicts in {paths}; resolve them before the gate can judge what is staged"
    )]
    Conflict {
        /// The first few paths.
        paths: String,
    },
    /// The mode needs a work tree.
    #[error(
        "{0} is a bare repository: there is no index or work tree to check; give --base and --head"
    )]
    Bare(PathBuf),
    /// Any other error of the object database.
    #[error("reading the repository: {0}")]
    Git(#[from] git2::Error),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Nothing at all: before the first commit.
    Empty,
    /// A commit's tree, by the commit's id.
    Commit(Oid),
    /// What is staged.
    Index,
    /// The files on disk.
    Worktree,
}

impl Side {
    /// The commit's id in hexadecimal, if the side is a commit.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Commit(id) => Some(id.to_string()),
            _ => None,
        }
    }
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A link; never followed.
    Symlink,
    /// A commit of another repository; never entered.
    Submodule,
}

/// A file of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The blob's id; of a file on disk the id that it would have.
    pub id: Oid,
    /// What it is.
    pub kind: EntryKind,
}

/// An open repository.
pub struct Repository {
    pub(crate) inner: git2::Repository,
    path: PathBuf,
}

impl Repository {
    /// Opens a bare repository, a work tree, a folder below one, a linked work tree or a `.git` folder.
    ///
    /// # Errors
    /// [`Error::Open`] when libgit2 cannot read what is there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // The owner check guards those who run hooks and configuration of a repository. Nothing of
        // it is run here, and in containers the owner differs as a rule.
        #[expect(
            unsafe_code,
            reason = "a process-wide switch of libgit2, set before any repository is open"
        )]
        // SAFETY: libgit2 documents the option as not thread-safe; it is set to the same value only.
        let owner = unsafe { git2::opts::set_verify_owner_validation(false) };
        owner?;
        let failed = |error: git2::Error| Error::Open {
            path: path.to_owned(),
            reason: error.message().to_owned(),
        };
        let inner = git2::Repository::open_ext(
            path,
            git2::RepositoryOpenFlags::empty(),
            &[] as &[&std::ffi::OsStr],
        )
        .map_err(failed)?;
        Ok(Self {
            inner,
            path: path.to_owned(),
        })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The root of the work tree, if there is one.
    pub fn workdir(&self) -> Option<&Path> {
        self.inner.workdir()
    }

    /// Takes another file for the index: in a hook of `git commit -a`, `git commit FILE` or `git
    /// commit -p` what will be committed is not in the usual one, and `GIT_INDEX_FILE` names it
    /// (githooks(5), git(1)).
    ///
    /// # Errors
    /// A file that is no index.
    pub fn use_index(&self, path: &Path) -> Result<(), Error> {
        let mut index = git2::Index::open(path)?;
        Ok(self.inner.set_index(&mut index)?)
    }

    /// Whether its history was cut off.
    pub fn is_shallow(&self) -> bool {
        self.inner.is_shallow()
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    /// [`Error::Revision`] with similar names, or with what to fetch in a shallow clone.
    pub fn commit(&self, name: &str) -> Result<Oid, Error> {
        let found = self
            .inner
            .revparse_single(name)
            .and_then(|object| object.peel_to_commit());
        found
            .map(|commit| commit.id())
            .map_err(|_| Error::Revision {
                name: name.to_owned(),
                hint: self.hint(name),
            })
    }

    fn hint(&self, name: &str) -> String {
        let last = name.rsplit('/').next().unwrap_or(name);
        let mut similar = Vec::new();
        if let Ok(references) = self.inner.references() {
            for reference in references.flatten() {
                if let Ok(short) = reference.shorthand()
                    && short.ends_with(last)
                    && similar.len() < 3
                {
                    similar.push(short.to_owned());
                }
            }
        }
        if !similar.is_empty() {
            format!("; did you mean {}?", similar.join(" or "))
        } else if self.is_shallow() {
            "; the clone is shallow: fetch more history (actions/checkout with `fetch-depth: 0`, or `git fetch --unshallow`)".to_owned()
        } else {
            "; fetch it first, or check the spelling".to_owned()
        }
    }

    /// The shortest unambiguous form of a commit's id, at least seven digits.
    pub fn short(&self, id: &str) -> String {
        let found = Oid::from_str(id)
            .and_then(|id| self.inner.find_object(id, None))
            .and_then(|object| object.short_id());
        match found {
            Ok(short) => short.as_str().unwrap_or(id).to_owned(),
            Err(_) => id.get(..7).unwrap_or(id).to_owned(),
        }
    }

    /// All files of a side by path. What is missing from the object database (a partial clone) is
    /// listed, not an error.
    ///
    /// # Errors
    /// A conflicted index, a work tree of a bare repository, an unreadable object database.
    pub fn entries(&self, side: &Side) -> Result<(BTreeMap<String, Entry>, Vec<String>), Error> {
        let mut entries = BTreeMap::new();
        let mut missing = Vec::new();
        match side {
            Side::Empty => {}
            Side::Commit(id) => {
                let commit = self.inner.find_commit(*id)?;
                match commit.tree() {
                    Ok(tree) => self.list(&tree, "", &mut entries, &mut missing, 0),
                    Err(_) => missing.push(String::new()),
                }
            }
            Side::Index => self.list_index(&mut entries)?,
            Side::Worktree => self.list_worktree(&mut entries)?,
        }
        Ok((entries, missing))
    }

    fn list(
        &self,
        tree: &git2::Tree<'_>,
        prefix: &str,
        entries: &mut BTreeMap<String, Entry>,
        missing: &mut Vec<String>,
        depth: u32,
    ) {
        for entry in tree {
            let name = String::from_utf8_lossy(entry.name_bytes());
            let path = if prefix.is_empty() {
                name.into_owned()
            } else {
                format!("{prefix}/{name}")
            };
            match entry.kind() {
                Some(ObjectType::Tree) => match self.inner.find_tree(entry.id()) {
                    Ok(inner) if depth < 200 => {
                        self.list(&inner, &path, entries, missing, depth + 1)
                    }
                    _ => missing.push(path),
                },
                _ => {
                    if let Some(kind) = kind_of(entry.filemode()) {
                        entries.insert(
                            path,
                            Entry {
                                id: entry.id(),
                                kind,
                            },
                        );
                    }
                }
            }
        }
    }

    fn list_index(&self, entries: &mut BTreeMap<String, Entry>) -> Result<(), Error> {
        if self.inner.is_bare() {
            return Err(Error::Bare(self.path.clone()));
        }
        let index = self.inner.index()?;
        if index.has_conflicts() {
            let mut paths: Vec<String> = Vec::new();
            for conflict in index.conflicts()?.flatten() {
                if let Some(entry) = conflict.our.or(conflict.their).or(conflict.ancestor) {
                    paths.push(String::from_utf8_lossy(&entry.path).into_owned());
                }
            }
            paths.truncate(3);
            return Err(Error::Conflict {
                paths: paths.join(", "),
            });
        }
        for entry in index.iter() {
            // A file that is only announced (`git add --intent-to-add`) has no content yet.
            let announced = entry.flags_extended & (1 << 13) != 0;
            if let Some(kind) = kind_of(entry.mode as i32).filter(|_| !announced) {
                entries.insert(
                    String::from_utf8_lossy(&entry.path).into_owned(),
                    Entry { id: entry.id, kind },
                );
            }
        }
        Ok(())
    }

    fn list_worktree(&self, entries: &mut BTreeMap<String, Entry>) -> Result<(), Error> {
        let root = self
            .workdir()
            .ok_or_else(|| Error::Bare(self.path.clone()))?
            .to_owned();
        self.list_index(entries)?;
        let mut options = git2::StatusOptions::new();
        options
            .include_untracked(true)
            .recurse_untracked_dirs(true)
            .include_ignored(false)
            .exclude_submodules(true);
        for status in self.inner.statuses(Some(&mut options))?.iter() {
            let path = String::from_utf8_lossy(status.path_bytes()).into_owned();
            let on_disk = root.join(&path);
            let Ok(meta) = std::fs::symlink_metadata(&on_disk) else {
                entries.remove(&path);
                continue;
            };
            let kind = if meta.is_symlink() {
                EntryKind::Symlink
            } else {
                EntryKind::File
            };
            if meta.is_dir() {
                continue;
            }
            if kind == EntryKind::Symlink {
                entries.insert(
                    path,
                    Entry {
                        id: Oid::ZERO_SHA1,
                        kind,
                    },
                );
            } else if let Ok(id) = Oid::hash_file(ObjectType::Blob, &on_disk) {
                entries.insert(path, Entry { id, kind });
            }
        }
        Ok(())
    }

    /// One file of a side.
    pub fn entry(&self, side: &Side, path: &str) -> Option<Entry> {
        match side {
            Side::Commit(id) => {
                let tree = self.inner.find_commit(*id).ok()?.tree().ok()?;
                let entry = tree.get_path(Path::new(path)).ok()?;
                kind_of(entry.filemode()).map(|kind| Entry {
                    id: entry.id(),
                    kind,
                })
            }
            Side::Empty => None,
            _ => self.entries(side).ok()?.0.get(path).copied(),
        }
    }

    /// The files below a folder (with `/` at its end) of a side, sorted.
    ///
    /// # Errors
    /// As [`Repository::entries`].
    pub fn below(&self, side: &Side, folder: &str) -> Result<Vec<String>, Error> {
        if let Side::Commit(id) = side {
            let tree = self.inner.find_commit(*id)?.tree()?;
            if tree
                .get_path(Path::new(folder.trim_end_matches('/')))
                .is_err()
            {
                return Ok(Vec::new());
            }
        }
        let (entries, _) = self.entries(side)?;
        let paths = entries.into_keys();
        Ok(paths.filter(|path| path.starts_with(folder)).collect())
    }

    /// A reader of blobs for one thread.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn reader(&self) -> Result<BlobReader, Error> {
        self.readers().open()
    }

    /// What every thread needs to open its own reader.
    pub fn readers(&self) -> Readers {
        Readers {
            path: self.inner.path().to_owned(),
            root: self.workdir().map(Path::to_owned),
        }
    }

    /// The last merges (or commits) on the first-parent line from a revision back, newest first.
    ///
    /// # Errors
    /// An unknown revision.
    pub fn first_parents(&self, head: &str, limit: usize) -> Result<Vec<Step>, Error> {
        let mut all = Vec::new();
        let mut next = Some(self.commit(head)?);
        while let Some(id) = next.take().filter(|_| all.len() < limit) {
            let commit = self.inner.find_commit(id)?;
            if let Ok(parent) = commit.parent_id(0) {
                let summary = commit.summary().ok().flatten().unwrap_or_default();
                all.push(Step {
                    id: id.to_string(),
                    parent: parent.to_string(),
                    summary: summary.to_owned(),
                    seconds: commit.time().seconds(),
                });
                next = Some(parent).filter(|parent| self.inner.find_commit(*parent).is_ok());
            }
        }
        Ok(all)
    }
}

/// A merge or commit with what it came upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The commit.
    pub id: String,
    /// Its first parent.
    pub parent: String,
    /// The first line of its message.
    pub summary: String,
    /// When it was committed, in seconds since 1970.
    pub seconds: i64,
}

pub(crate) fn kind_of(mode: i32) -> Option<EntryKind> {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o111 != 0 => Some(EntryKind::Executable),
        0o100_000 => Some(EntryKind::File),
        0o120_000 => Some(EntryKind::Symlink),
        0o160_000 => Some(EntryKind::Submodule),
        _ => None,
    }
}

/// Opens readers; may be shared between threads, which a repository may not.
#[derive(Clone, Debug)]
pub struct Readers {
    path: PathBuf,
    root: Option<PathBuf>,
}

impl Readers {
    /// A reader for one thread.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open(&self) -> Result<BlobReader, Error> {
        let inner = git2::Repository::open(&self.path)?;
        Ok(BlobReader {
            inner,
            root: self.root.clone(),
        })
    }
}

/// Reads blobs; one for each thread.
pub struct BlobReader {
    inner: git2::Repository,
    root: Option<PathBuf>,
}

impl BlobReader {
    /// The content of an entry, decoded, up to `limit` bytes.
    pub fn read(&self, side: &Side, path: &str, entry: &Entry, limit: usize) -> Content {
        match entry.kind {
            EntryKind::Submodule => return Content::Submodule,
            EntryKind::Symlink => return Content::Symlink,
            EntryKind::File | EntryKind::Executable => {}
        }
        if let Ok(blob) = self.inner.find_blob(entry.id) {
            if blob.size() > limit {
                return Content::TooLarge(blob.size());
            }
            return decode(blob.content());
        }
        // A changed file of the work tree is in no object database.
        if *side == Side::Worktree
            && let Some(root) = &self.root
        {
            let on_disk = root.join(path);
            let Ok(meta) = std::fs::symlink_metadata(&on_disk) else {
                return Content::Missing;
            };
            if meta.is_symlink() {
                return Content::Symlink;
            }
            let size = usize::try_from(meta.len()).unwrap_or(usize::MAX);
            if size > limit {
                return Content::TooLarge(size);
            }
            return std::fs::read(&on_disk).map_or(Content::Missing, |bytes| decode(&bytes));
        }
        Content::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hook_will_commit_is_in_the_index_that_git_names() {
        let folder = tempfile::tempdir().unwrap();
        let inner = git2::Repository::init(folder.path()).unwrap();
        std::fs::write(folder.path().join("app.py"), "print(1)\n").unwrap();
        let other = folder.path().join("index.lock");
        let mut index = git2::Index::open(&other).unwrap();
        inner.set_index(&mut index).unwrap();
        index.add_path(Path::new("app.py")).unwrap();
        index.write().unwrap();
        drop(inner);

        let repository = Repository::open(folder.path()).unwrap();
        let staged = || repository.entries(&Side::Index).unwrap().0;
        assert!(staged().is_empty());
        repository.use_index(&other).unwrap();
        assert_eq!(staged().into_keys().collect::<Vec<_>>(), ["app.py"]);
    }
}
