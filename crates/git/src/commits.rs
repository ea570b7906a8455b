//! Who brought what between base and head, and the notes in which sign-offs may stand.

use std::collections::BTreeSet;

use git2::{ObjectType, Oid, Sort};

use crate::repository::{Error, Repository, Side};

/// More commits of a range are not looked at.
const MAX_COMMITS: usize = 2_000;
/// More notes are not read, nor larger ones.
const MAX_NOTES: usize = 5_000;
const MAX_NOTE: usize = 1 << 18;

/// Where notes with sign-offs stand.
pub const NOTES: &str = "refs/notes/threatgate";

/// A commit that brought something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Its id.
    pub id: String,
    /// Addresses of author, committer and co-authors, in lower case.
    pub people: BTreeSet<String>,
    /// Its signature, and what was signed.
    pub signature: Option<(String, Vec<u8>)>,
}

/// The commits of a range that brought something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// From the oldest to the newest.
    pub contributions: Vec<Contribution>,
    /// Why not all could be read.
    pub incomplete: Option<String>,
}

impl Repository {
    /// The commits between base and head that brought anything outside of a folder. A merge that takes
    /// over what its parents have brings nothing.
    ///
    /// # Errors
    /// An unreadable object database.
    pub fn contributions(&self, base: &Side, head: &Side, but: &str) -> Result<Commits, Error> {
        let mut found = Commits::default();
        let Side::Commit(head) = head else {
            return Ok(found);
        };
        let mut walk = self.inner.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
        walk.push(*head)?;
        if let Side::Commit(base) = base {
            walk.hide(*base)?;
        }
        for (count, id) in walk.enumerate() {
            if count == MAX_COMMITS {
                found.incomplete = Some(format!("the range has more than {MAX_COMMITS} commits"));
                break;
            }
            match id
                .map_err(Error::from)
                .and_then(|id| self.contribution(id, but))
            {
                Ok(contribution) => found.contributions.extend(contribution),
                Err(error) => {
                    found.incomplete = Some(format!("a commit could not be read ({error})"));
                    break;
                }
            }
        }
        Ok(found)
    }

    fn contribution(&self, id: Oid, but: &str) -> Result<Option<Contribution>, Error> {
        let commit = self.inner.find_commit(id)?;
        let tree = commit.tree()?;
        let mut brought: Option<BTreeSet<Vec<u8>>> = None;
        for at in 0..commit.parent_count().max(1) {
            let parent = match commit.parent_count() {
                0 => None,
                _ => Some(commit.parent(at)?.tree()?),
            };
            let diff = self
                .inner
                .diff_tree_to_tree(parent.as_ref(), Some(&tree), None)?;
            let mut paths = BTreeSet::new();
            for delta in diff.deltas() {
                for file in [delta.old_file(), delta.new_file()] {
                    paths.extend(file.path_bytes().map(<[u8]>::to_vec));
                }
            }
            brought = Some(match brought {
                None => paths,
                Some(known) => known.intersection(&paths).cloned().collect(),
            });
        }
        let brought = brought.unwrap_or_default();
        if !brought.iter().any(|path| !path.starts_with(but.as_bytes())) {
            return Ok(None);
        }
        let mut people = BTreeSet::new();
        for person in [commit.author(), commit.committer()] {
            let address = String::from_utf8_lossy(person.email_bytes());
            people.insert(address.trim().to_lowercase());
        }
        // https://docs.github.com/en/pull-requests/committing-changes-to-your-project/creating-and-editing-commits/creating-a-commit-with-multiple-authors
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        for line in message.lines() {
            let line = line.trim();
            let is_author = line
                .get(..15)
                .is_some_and(|start| start.eq_ignore_ascii_case("co-authored-by:"));
            if is_author
                && let Some((_, rest)) = line.rsplit_once('<')
                && let Some((address, _)) = rest.split_once('>')
            {
                people.insert(address.trim().to_lowercase());
            }
        }
        let signature = self.inner.extract_signature(&id, None).ok();
        Ok(Some(Contribution {
            id: id.to_string(),
            people,
            signature: signature.map(|(signature, signed)| {
                (
                    String::from_utf8_lossy(&signature).into_owned(),
                    signed.to_vec(),
                )
            }),
        }))
    }

    /// All notes of [`NOTES`], by the commit that each is about. They are looked through for sign-offs,
    /// which are bound to what was reviewed and not to a commit: a rebase leaves notes behind.
    pub fn notes(&self) -> Vec<(String, String)> {
        let tree = self
            .inner
            .find_reference(NOTES)
            .and_then(|reference| reference.peel_to_tree());
        let mut found = Vec::new();
        if let Ok(tree) = tree {
            self.notes_of(&tree, "", 0, &mut found);
        }
        found.sort();
        found
    }

    fn notes_of(
        &self,
        tree: &git2::Tree<'_>,
        prefix: &str,
        depth: u32,
        found: &mut Vec<(String, String)>,
    ) {
        for entry in tree {
            let name = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
            match entry.kind() {
                Some(ObjectType::Tree) if depth < 4 => {
                    if let Ok(inner) = self.inner.find_tree(entry.id()) {
                        self.notes_of(&inner, &name, depth + 1, found);
                    }
                }
                Some(ObjectType::Blob) if found.len() < MAX_NOTES => {
                    if let Ok(blob) = self.inner.find_blob(entry.id())
                        && blob.size() <= MAX_NOTE
                        && let Ok(text) = std::str::from_utf8(blob.content())
                    {
                        found.push((name, text.to_owned()));
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds a text to the note of a commit. The one place that writes into a repository, and only where a
    /// person asks for it.
    ///
    /// # Errors
    /// An unknown revision, or an object database that cannot be written.
    pub fn add_note(
        &self,
        revision: &str,
        text: &str,
        name: &str,
        address: &str,
    ) -> Result<(), Error> {
        let id = self.commit(revision)?;
        let person = match self.inner.signature() {
            Ok(person) => person,
            Err(_) => git2::Signature::now(name, address)?,
        };
        let mut all = self
            .inner
            .find_note(Some(NOTES), id)
            .ok()
            .and_then(|note| note.message().ok().map(str::to_owned))
            .unwrap_or_default();
        if !all.is_empty() {
            all = format!("{}\n", all.trim_end());
        }
        all.push_str(text);
        self.inner
            .note(&person, &person, Some(NOTES), id, &all, true)?;
        Ok(())
    }

    /// When a side was committed, in seconds since 1970; nothing for what is no commit.
    pub fn committed(&self, side: &Side) -> Option<i64> {
        let Side::Commit(id) = side else {
            return None;
        };
        let commit = self.inner.find_commit(*id).ok()?;
        Some(commit.time().seconds())
    }

    /// The address under which commits are made here, if one is configured.
    pub fn own_address(&self) -> Option<String> {
        let person = self.inner.signature().ok()?;
        Some(String::from_utf8_lossy(person.email_bytes()).to_lowercase())
    }

    /// A setting of git's configuration.
    pub fn text_setting(&self, name: &str) -> Option<String> {
        self.inner.config().ok()?.get_string(name).ok()
    }
}
