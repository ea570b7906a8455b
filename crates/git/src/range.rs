//! From arguments and environment to the two sides of a comparison.

use git2::{ErrorCode, Oid};

use crate::environment::{Base, Environment};
use crate::repository::{Error, Repository, Side};

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeRequest {
    /// `--base`
    pub base: Option<String>,
    /// `--head`
    pub head: Option<String>,
    /// `--staged`: the index against HEAD.
    pub staged: bool,
    /// `--worktree`: the files on disk against HEAD.
    pub worktree: bool,
    /// `--exact`: the two trees as they are, without the merge base.
    pub exact: bool,
}

/// The two sides of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// What is compared from.
    pub base: Side,
    /// What is compared to.
    pub head: Side,
    /// How it was found: `arguments`, `GitHub pull_request`.
    pub source: String,
    /// Words about it for the reader.
    pub notes: Vec<String>,
}

/// Why there is no range.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// The arguments or the repository are wrong (exit code 2).
    #[error(transparent)]
    CannotRun(#[from] Error),
    /// The repository is fine, but its history does not reach far enough (exit code 4).
    #[error("{0}")]
    Undetermined(String),
    /// The two commits share no history (exit code 2).
    #[error(
        "{0} and {1} share no history, so there is no merge base; pass --exact to compare the two trees as they are"
    )]
    Unrelated(String, String),
}

/// Finds the two sides.
///
/// # Errors
/// See [`RangeError`].
pub fn resolve(
    repository: &Repository,
    request: &RangeRequest,
    environment: &Environment,
) -> Result<Range, RangeError> {
    let resolver = Resolver {
        repository,
        environment,
    };
    if request.staged || request.worktree {
        let (head, source) = if request.staged {
            (Side::Index, "staged")
        } else {
            (Side::Worktree, "work tree")
        };
        let base = match repository
            .inner
            .head()
            .and_then(|head| head.peel_to_commit())
        {
            Ok(commit) => Side::Commit(commit.id()),
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                Side::Empty
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        return Ok(Range {
            base,
            head,
            source: source.into(),
            notes: Vec::new(),
        });
    }
    if let Some(base) = &request.base {
        let base = repository.commit(base)?;
        let head = repository.commit(request.head.as_deref().unwrap_or("HEAD"))?;
        let exact = request.exact;
        return resolver.between(base, head, exact, "arguments".into(), Vec::new());
    }
    let job = environment.job();
    match job {
        Some(job) => {
            let head = match &request.head {
                Some(name) => repository.commit(name)?,
                None if job.heads.is_empty() => repository.commit("HEAD")?,
                None => {
                    let mut found = job
                        .heads
                        .iter()
                        .filter_map(|name| repository.commit(name).ok());
                    found.next().ok_or_else(|| {
                        RangeError::Undetermined(format!(
                            "{}: the head commit {} is not in the clone; {} or fetch it before the gate runs",
                            job.name, job.heads[0], job.fix
                        ))
                    })?
                }
            };
            resolver.of_job(&job.name, &job.base, head, request.exact)
        }
        None => {
            let head = repository.commit(request.head.as_deref().unwrap_or("HEAD"))?;
            resolver.of_job(
                "default branch",
                &[Base::Default(None)],
                head,
                request.exact,
            )
        }
    }
}

struct Resolver<'a> {
    repository: &'a Repository,
    environment: &'a Environment,
}

impl Resolver<'_> {
    fn undetermined(&self, what: &str) -> RangeError {
        RangeError::Undetermined(format!(
            "{what}; {} (or pass --base and --head with --exact to compare two trees as they are)",
            self.environment.fix()
        ))
    }

    fn of_job(
        &self,
        name: &str,
        bases: &[Base],
        head: Oid,
        exact: bool,
    ) -> Result<Range, RangeError> {
        let mut notes = Vec::new();
        let mut lost = None;
        for (index, base) in bases.iter().enumerate() {
            match base {
                Base::MergeParent(source) => {
                    let commit = self
                        .repository
                        .inner
                        .find_commit(head)
                        .map_err(Error::from)?;
                    let merge = commit.parent_count() == 2;
                    let second = commit.parent_id(1).ok().map(|id| id.to_string());
                    if merge
                        && source
                            .as_ref()
                            .is_none_or(|source| second.as_ref() == Some(source))
                    {
                        let parent = commit.parent_id(0).map_err(Error::from)?;
                        if self.repository.inner.find_commit(parent).is_err() {
                            return Err(self.undetermined(&format!(
                                "{name}: the target branch's tip {parent} is not in the clone"
                            )));
                        }
                        // The merge's tree already holds the target's: what differs from the first
                        // parent is what the pull request brings.
                        return self.between(parent, head, true, name.to_owned(), notes);
                    }
                }
                Base::Commit(id) | Base::Exact(id) => match self.repository.commit(id) {
                    Ok(base) => {
                        let as_is = exact
                            || matches!(wanted(self.repository, bases, base, id), Exactness::Exact);
                        match self.between(base, head, as_is, name.to_owned(), notes.clone()) {
                            Err(RangeError::Unrelated(..)) => notes
                                .push(format!("{id} is not related to the head (a force push?)")),
                            other => return other,
                        }
                    }
                    Err(_) => {
                        lost = lost.or(Some(id));
                        notes.push(format!(
                            "{id} is not in the clone (a force push, or a shallow clone)"
                        ));
                    }
                },
                Base::Branch(branch) => {
                    if let Some((base, _)) = self.branch(branch) {
                        return self.between(base, head, exact, name.to_owned(), notes);
                    }
                    let missing =
                        format!("{name}: the target branch \"{branch}\" is not in the clone");
                    if index + 1 == bases.len() {
                        return Err(self.undetermined(&missing));
                    }
                    notes.push(missing);
                }
                Base::Default(known) => {
                    // Falling back would judge the last commits only and call the rest fine.
                    if let Some(id) = lost
                        && self.repository.is_shallow()
                    {
                        return Err(self.undetermined(&format!(
                            "{name}: the commit {id}, with which to compare, is not in this shallow clone"
                        )));
                    }
                    return self.of_default(name, known.as_deref(), head, exact, notes);
                }
            }
        }
        Err(self.undetermined(&format!(
            "{name}: the pipeline does not say what to compare with"
        )))
    }

    fn of_default(
        &self,
        name: &str,
        known: Option<&str>,
        head: Oid,
        exact: bool,
        mut notes: Vec<String>,
    ) -> Result<Range, RangeError> {
        let candidates: Vec<String> = match known {
            Some(branch) => vec![branch.to_owned()],
            None => self.default_names(),
        };
        let found = candidates.iter().find_map(|branch| self.branch(branch));
        let pipeline = name != "default branch";
        let Some((base, branch)) = found else {
            if pipeline {
                // Its last commit alone would stand for all of the branch.
                return Err(
                    self.undetermined(&format!("{name}: the default branch is not in the clone"))
                );
            }
            return self.first_parent(name, head, notes, "no default branch was found");
        };
        if pipeline && (base == head || self.contains(base, head)) {
            // A push to the default branch itself, on which others may have come since.
            return self.first_parent(name, head, notes, "the head is in the default branch");
        }
        if name == "default branch" {
            notes.push(format!("compared with {branch}, the default branch"));
        }
        self.between(base, head, exact, name.to_owned(), notes)
    }

    fn contains(&self, tip: Oid, commit: Oid) -> bool {
        self.repository
            .inner
            .graph_descendant_of(tip, commit)
            .unwrap_or(false)
    }

    fn first_parent(
        &self,
        name: &str,
        head: Oid,
        mut notes: Vec<String>,
        why: &str,
    ) -> Result<Range, RangeError> {
        let commit = self
            .repository
            .inner
            .find_commit(head)
            .map_err(Error::from)?;
        if commit.parent_count() == 0 {
            if self.repository.is_shallow() {
                return Err(self.undetermined(&format!(
                    "{name}: {why}, and the clone holds one commit only"
                )));
            }
            notes.push("the first commit: everything is new".into());
            return Ok(Range {
                base: Side::Empty,
                head: Side::Commit(head),
                source: name.to_owned(),
                notes,
            });
        }
        let parent = commit.parent_id(0).map_err(Error::from)?;
        if self.repository.inner.find_commit(parent).is_err() {
            return Err(self.undetermined(&format!(
                "{name}: {why}, and its parent {parent} is not in the clone"
            )));
        }
        notes.push(format!(
            "{why}: its last commit is compared with its parent"
        ));
        Ok(Range {
            base: Side::Commit(parent),
            head: Side::Commit(head),
            source: name.to_owned(),
            notes,
        })
    }

    /// Names that the default branch may have, the likeliest first.
    fn default_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Ok(reference) = self
            .repository
            .inner
            .find_reference("refs/remotes/origin/HEAD")
            && let Ok(Some(target)) = reference.symbolic_target()
        {
            names.push(
                target
                    .strip_prefix("refs/remotes/origin/")
                    .unwrap_or(target)
                    .to_owned(),
            );
        }
        names.extend(["main", "master", "trunk", "develop"].map(str::to_owned));
        names
    }

    /// The tip of a branch: the remote's first, which is what a merge would go into.
    fn branch(&self, name: &str) -> Option<(Oid, String)> {
        for full in [
            format!("refs/remotes/origin/{name}"),
            format!("refs/heads/{name}"),
        ] {
            if let Ok(commit) = self
                .repository
                .inner
                .find_reference(&full)
                .and_then(|reference| reference.peel_to_commit())
            {
                let short = full
                    .trim_start_matches("refs/remotes/")
                    .trim_start_matches("refs/heads/")
                    .to_owned();
                return Some((commit.id(), short));
            }
        }
        None
    }

    fn between(
        &self,
        base: Oid,
        head: Oid,
        exact: bool,
        source: String,
        mut notes: Vec<String>,
    ) -> Result<Range, RangeError> {
        if exact {
            return Ok(Range {
                base: Side::Commit(base),
                head: Side::Commit(head),
                source,
                notes,
            });
        }
        let bases = match self.repository.inner.merge_bases(base, head) {
            Ok(bases) if !bases.is_empty() => bases,
            Ok(_) => return Err(self.no_base(base, head)),
            Err(error) if error.code() == ErrorCode::NotFound => {
                return Err(self.no_base(base, head));
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        if bases.len() > 1 {
            notes.push(format!(
                "{} merge bases (a criss-cross merge); the first is used",
                bases.len()
            ));
        }
        let merge_base = bases[0];
        if merge_base == head {
            notes.push(
                "the head is already contained in the base: there is nothing to merge".into(),
            );
        }
        Ok(Range {
            base: Side::Commit(merge_base),
            head: Side::Commit(head),
            source,
            notes,
        })
    }

    fn no_base(&self, base: Oid, head: Oid) -> RangeError {
        let (base, head) = (
            self.repository.short(&base.to_string()),
            self.repository.short(&head.to_string()),
        );
        if self.repository.is_shallow() {
            self.undetermined(&format!(
                "the merge base of {base} and {head} is not in this shallow clone"
            ))
        } else {
            RangeError::Unrelated(base, head)
        }
    }
}

enum Exactness {
    Exact,
    MergeBase,
}

/// Whether the pipeline gave this commit as one whose tree is meant.
fn wanted(_: &Repository, bases: &[Base], _: Oid, id: &str) -> Exactness {
    if bases
        .iter()
        .any(|base| matches!(base, Base::Exact(exact) if exact == id))
    {
        Exactness::Exact
    } else {
        Exactness::MergeBase
    }
}
