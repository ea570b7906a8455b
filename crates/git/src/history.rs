//! What the commits between base and head brought and no longer hold at head: it stays in the
//! history, and whoever clones the repository has it.

use std::collections::BTreeSet;

use git2::{ObjectType, Oid, Sort, Tree};

use crate::repository::{Entry, Error, Repository, Side, kind_of};

/// Later commits of longer ranges are looked at only.
const MAX_COMMITS: usize = 1_000;
/// More files are not looked at.
const MAX_FILES: usize = 5_000;
/// Deeper folders are not entered.
const MAX_DEPTH: u32 = 200;

/// A file as one commit of the range left it, which is neither at base nor at head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassingFile {
    /// The commit.
    pub commit: String,
    /// The file's path in that commit.
    pub path: String,
    /// The file in that commit.
    pub entry: Entry,
    /// The file of that path in the commit's first parent.
    pub before: Option<Entry>,
}

/// The files that came and went within a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// In the order of the commits, the oldest first.
    pub files: Vec<PassingFile>,
    /// What was left out, in words for the reader.
    pub notes: Vec<String>,
}

impl Repository {
    /// The files that commits after `base` up to `head` brought and that are not among `known`,
    /// the files of both sides. Nothing where base is no ancestor of head, and for sides that are
    /// no commits. The cost follows the range, not the repository.
    ///
    /// # Errors
    /// An unreadable object database.
    pub fn history(
        &self,
        base: &Side,
        head: &Side,
        known: &BTreeSet<Oid>,
    ) -> Result<History, Error> {
        let mut history = History::default();
        let (Side::Commit(base), Side::Commit(head)) = (base, head) else {
            return Ok(history);
        };
        let last = self.inner.find_commit(*head)?;
        let alone = last.parent_count() == 1 && last.parent_id(0).is_ok_and(|id| id == *base);
        if alone
            || !self
                .inner
                .graph_descendant_of(*head, *base)
                .unwrap_or(false)
        {
            return Ok(history);
        }
        let mut walk = self.inner.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL)?;
        walk.push(*head)?;
        walk.hide(*base)?;
        let mut commits = Vec::new();
        for id in walk {
            let Ok(id) = id else {
                history.notes.push(
                    "the range's history is not whole in this clone: credentials that were added and removed again may be missing"
                        .into(),
                );
                break;
            };
            if commits.len() == MAX_COMMITS {
                history.notes.push(format!(
                    "the range has more than {MAX_COMMITS} commits: credentials that were added and removed again were looked for in the last {MAX_COMMITS}"
                ));
                break;
            }
            commits.push(id);
        }
        let mut seen = BTreeSet::new();
        for id in commits.into_iter().rev().filter(|id| id != head) {
            let commit = self.inner.find_commit(id)?;
            let Ok(tree) = commit.tree() else { continue };
            let parents: Vec<Option<Tree<'_>>> =
                commit.parents().map(|parent| parent.tree().ok()).collect();
            let mut found = Found {
                repository: self,
                commit: id.to_string(),
                known,
                seen: &mut seen,
                files: &mut history.files,
            };
            found.brought(&tree, &parents, "", 0);
            if history.files.len() >= MAX_FILES {
                history.notes.push(format!(
                    "the range's commits touch more than {MAX_FILES} files: credentials that were added and removed again were not looked for in all"
                ));
                break;
            }
        }
        Ok(history)
    }
}

struct Found<'a> {
    repository: &'a Repository,
    commit: String,
    known: &'a BTreeSet<Oid>,
    seen: &'a mut BTreeSet<Oid>,
    files: &'a mut Vec<PassingFile>,
}

impl Found<'_> {
    /// Collects the files of a tree that no parent has so.
    fn brought(&mut self, tree: &Tree<'_>, parents: &[Option<Tree<'_>>], prefix: &str, depth: u32) {
        for entry in tree {
            if self.files.len() >= MAX_FILES || depth > MAX_DEPTH {
                return;
            }
            let name = entry.name_bytes();
            let of = |parent: &Option<Tree<'_>>| {
                let tree = parent.as_ref()?;
                let found = match std::str::from_utf8(name) {
                    Ok(name) => tree.get_name(name),
                    Err(_) => tree.iter().find(|other| other.name_bytes() == name),
                }?;
                Some((found.id(), found.kind(), found.filemode()))
            };
            let before: Vec<_> = parents.iter().map(of).collect();
            if before.iter().flatten().any(|(id, _, _)| *id == entry.id()) {
                continue;
            }
            let path = format!("{prefix}{}", String::from_utf8_lossy(name));
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let inner = &self.repository.inner;
                    let Ok(tree) = inner.find_tree(entry.id()) else {
                        continue;
                    };
                    let trees: Vec<Option<Tree<'_>>> = before
                        .iter()
                        .map(|found| {
                            let (id, kind, _) = (*found)?;
                            (kind == Some(ObjectType::Tree))
                                .then(|| inner.find_tree(id).ok())
                                .flatten()
                        })
                        .collect();
                    self.brought(&tree, &trees, &format!("{path}/"), depth + 1);
                }
                Some(ObjectType::Blob) => {
                    let id = entry.id();
                    let Some(kind) = kind_of(entry.filemode()) else {
                        continue;
                    };
                    if self.known.contains(&id) || !self.seen.insert(id) {
                        continue;
                    }
                    let first = before.first().copied().flatten();
                    self.files.push(PassingFile {
                        commit: self.commit.clone(),
                        path,
                        entry: Entry { id, kind },
                        before: first
                            .and_then(|(id, _, mode)| kind_of(mode).map(|kind| Entry { id, kind })),
                    });
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(repository: &git2::Repository, files: &[(&str, &str)], parents: &[Oid]) -> Oid {
        let mut index = git2::Index::new().unwrap();
        for (path, text) in files {
            let id = repository.blob(text.as_bytes()).unwrap();
            index
                .add(&git2::IndexEntry {
                    ctime: git2::IndexTime::new(0, 0),
                    mtime: git2::IndexTime::new(0, 0),
                    dev: 0,
                    ino: 0,
                    mode: 0o100_644,
                    uid: 0,
                    gid: 0,
                    file_size: 0,
                    id,
                    flags: 0,
                    flags_extended: 0,
                    path: path.as_bytes().to_vec(),
                })
                .unwrap();
        }
        let tree = index.write_tree_to(repository).unwrap();
        let tree = repository.find_tree(tree).unwrap();
        let who = git2::Signature::new("A", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let parents: Vec<_> = parents
            .iter()
            .map(|id| repository.find_commit(*id).unwrap())
            .collect();
        let parents: Vec<_> = parents.iter().collect();
        repository
            .commit(None, &who, &who, "c", &tree, &parents)
            .unwrap()
    }

    #[test]
    fn what_came_and_went_is_found_once_with_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let inner = git2::Repository::init(folder.path()).unwrap();
        let base = commit(&inner, &[("a/b.txt", "one"), ("c.txt", "c")], &[]);
        let first = commit(&inner, &[("a/b.txt", "two"), ("c.txt", "c")], &[base]);
        let second = commit(
            &inner,
            &[("a/b.txt", "two"), ("c.txt", "d"), ("e.txt", "two")],
            &[first],
        );
        let head = commit(&inner, &[("a/b.txt", "three"), ("c.txt", "d")], &[second]);
        let repository = Repository::open(folder.path()).unwrap();
        let sides = [base, head].map(Side::Commit);
        let mut known = BTreeSet::new();
        for side in &sides {
            let (entries, _) = repository.entries(side).unwrap();
            known.extend(entries.values().map(|entry| entry.id));
        }
        let history = repository.history(&sides[0], &sides[1], &known).unwrap();
        let told: Vec<_> = history
            .files
            .iter()
            .map(|file| {
                (
                    file.path.as_str(),
                    file.commit.clone(),
                    file.before.is_some(),
                )
            })
            .collect();
        assert_eq!(told, [("a/b.txt", first.to_string(), true)]);
        assert_eq!(history.notes, Vec::<String>::new());
        // A single commit, the other way round, and the index have no history of their own.
        for (base, head) in [(&sides[1], &sides[0]), (&Side::Empty, &sides[1])] {
            let none = repository.history(base, head, &known).unwrap();
            assert_eq!(none, History::default());
        }
        let one = Side::Commit(second);
        let none = repository
            .history(&one, &sides[1], &BTreeSet::new())
            .unwrap();
        assert_eq!(none, History::default());
    }
}
