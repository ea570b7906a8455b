//! Which files differ between two sides, and which of them were renamed.

use std::collections::{BTreeMap, HashMap};

use git2::Oid;

use crate::blob::Content;
use crate::repository::{BlobReader, Entry, EntryKind, Side};

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// At head only.
    Added,
    /// At base only.
    Deleted,
    /// Other content.
    Modified,
    /// Another path, perhaps other content too.
    Renamed,
    /// A file became a link, or the reverse; only the mode changed.
    Mode,
}

/// A file that differs between base and head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Path and entry at base.
    pub before: Option<(String, Entry)>,
    /// Path and entry at head.
    pub after: Option<(String, Entry)>,
    /// How it differs.
    pub status: Status,
}

impl ChangedFile {
    /// The path at head, or at base if it is gone.
    pub fn path(&self) -> &str {
        let side = self.after.as_ref().or(self.before.as_ref());
        side.map(|(path, _)| path.as_str()).unwrap_or_default()
    }
}

/// More pairs than this are not compared for similarity.
const MAX_PAIRS: usize = 4_000;
/// Larger files are not compared for similarity.
const MAX_SIMILAR: usize = 512 * 1024;

/// The files that differ, by path. Renames with equal content are found always, those with edits
/// when at most `MAX_PAIRS` pairs could be meant.
pub fn changed_files(
    base: (&Side, &BTreeMap<String, Entry>),
    head: (&Side, &BTreeMap<String, Entry>),
    reader: &BlobReader,
) -> Vec<ChangedFile> {
    let mut files = Vec::new();
    let mut deleted: Vec<(String, Entry)> = Vec::new();
    let mut added: Vec<(String, Entry)> = Vec::new();
    for (path, entry) in base.1 {
        match head.1.get(path) {
            None => deleted.push((path.clone(), *entry)),
            Some(other) if other != entry => files.push(ChangedFile {
                before: Some((path.clone(), *entry)),
                after: Some((path.clone(), *other)),
                status: if other.id == entry.id || is_link(entry) != is_link(other) {
                    Status::Mode
                } else {
                    Status::Modified
                },
            }),
            Some(_) => {}
        }
    }
    added.extend(
        head.1
            .iter()
            .filter(|(path, _)| !base.1.contains_key(*path))
            .map(|(path, entry)| (path.clone(), *entry)),
    );
    // Equal content first; of several candidates the one with the same name.
    let mut by_id: HashMap<Oid, Vec<usize>> = HashMap::new();
    for (index, (_, entry)) in deleted.iter().enumerate() {
        by_id.entry(entry.id).or_default().push(index);
    }
    let mut gone = vec![false; deleted.len()];
    let mut pair = |index: usize, after: &(String, Entry), gone: &mut Vec<bool>| {
        gone[index] = true;
        files.push(ChangedFile {
            before: Some(deleted[index].clone()),
            after: Some(after.clone()),
            status: Status::Renamed,
        });
    };
    let mut rest = Vec::new();
    for after in added {
        let candidates = by_id
            .get(&after.1.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let free = || candidates.iter().copied().filter(|index| !gone[*index]);
        let same_name = free().find(|index| name(&deleted[*index].0) == name(&after.0));
        match same_name.or_else(|| free().next()) {
            Some(index) => pair(index, &after, &mut gone),
            None => rest.push(after),
        }
    }
    let open: Vec<usize> = (0..deleted.len()).filter(|index| !gone[*index]).collect();
    let mut taken = vec![false; rest.len()];
    if !rest.is_empty() && open.len() * rest.len() <= MAX_PAIRS {
        let lines = |side: &Side, file: &(String, Entry)| lines_of(side, file, reader);
        let before: Vec<_> = open
            .iter()
            .map(|index| lines(base.0, &deleted[*index]))
            .collect();
        let after: Vec<_> = rest.iter().map(|file| lines(head.0, file)).collect();
        let mut scored = Vec::new();
        for (i, left) in before.iter().enumerate() {
            for (j, right) in after.iter().enumerate() {
                let score = similarity(left, right);
                if score >= 50 {
                    let same = name(&deleted[open[i]].0) == name(&rest[j].0);
                    scored.push((std::cmp::Reverse((score, same)), i, j));
                }
            }
        }
        scored.sort();
        for (_, i, j) in scored {
            if !gone[open[i]] && !taken[j] {
                taken[j] = true;
                pair(open[i], &rest[j], &mut gone);
            }
        }
    }
    for (index, file) in deleted
        .iter()
        .enumerate()
        .filter(|(index, _)| !gone[*index])
    {
        debug_assert!(!gone[index]);
        files.push(ChangedFile {
            before: Some(file.clone()),
            after: None,
            status: Status::Deleted,
        });
    }
    for (file, taken) in rest.into_iter().zip(taken) {
        if !taken {
            files.push(ChangedFile {
                before: None,
                after: Some(file),
                status: Status::Added,
            });
        }
    }
    files.sort_by(|a, b| a.path().cmp(b.path()));
    files
}

fn is_link(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Symlink | EntryKind::Submodule)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Digests of the lines of a text with their counts.
fn lines_of(side: &Side, file: &(String, Entry), reader: &BlobReader) -> HashMap<String, usize> {
    let mut lines = HashMap::new();
    if let Content::Text { text, .. } = reader.read(side, &file.0, &file.1, MAX_SIMILAR) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
    }
    lines
}

/// Share of common lines in percent of the longer text.
fn similarity(left: &HashMap<String, usize>, right: &HashMap<String, usize>) -> usize {
    let total = |lines: &HashMap<String, usize>| lines.values().sum::<usize>();
    let longest = total(left).max(total(right));
    if longest == 0 {
        return 0;
    }
    let common: usize = left
        .iter()
        .map(|(line, count)| (*count).min(right.get(line).copied().unwrap_or(0)))
        .sum();
    common * 100 / longest
}
