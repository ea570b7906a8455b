//! What the environment of a pipeline says about the range.

use std::collections::{BTreeMap, BTreeSet};

/// Variables and the event file, handed in so that nothing here reads the process's environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// The text of the file that `GITHUB_EVENT_PATH` names.
    event: Option<serde_json::Value>,
}

/// The pipeline that a run stands in, with what it says about both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// `GitHub pull_request`, `GitLab merge request` …
    pub(crate) name: String,
    /// What to compare with, the most trustworthy first.
    pub(crate) base: Vec<Base>,
    /// Names of the head, the best first: of a merge ref only the merge or only the pull request's
    /// own tip may have been fetched. `HEAD` if none is said.
    pub(crate) heads: Vec<String>,
    /// The line that fetches enough history here.
    pub(crate) fix: &'static str,
}

/// How a pipeline names the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The first parent of the head, if the head is a merge whose second parent is this commit
    /// (any merge when none is given).
    MergeParent(Option<String>),
    /// A commit, compared from the merge base.
    Commit(String),
    /// A commit whose tree is compared as it is.
    Exact(String),
    /// A branch, also of a remote.
    Branch(String),
    /// The default branch, by this name if it is known.
    Default(Option<String>),
}

const GITHUB_FIX: &str = "set `fetch-depth: 0` on actions/checkout";
const GITLAB_FIX: &str = "set the variable `GIT_DEPTH: \"0\"` in .gitlab-ci.yml";
const BITBUCKET_FIX: &str = "set `clone: { depth: full }` in bitbucket-pipelines.yml";
const AZURE_FIX: &str = "set `fetchDepth: 0` on the checkout step";
const CIRCLE_FIX: &str = "set `method: full` on the checkout step";
const JENKINS_FIX: &str = "run `git fetch origin '+refs/heads/*:refs/remotes/origin/*'` first, in a shallow clone with `--unshallow`";
const PLAIN_FIX: &str = "run `git fetch --unshallow` first";
const PARTIAL_FIX: &str = "clone without a filter, or run `git fetch --refetch --no-filter` first";

impl Environment {
    /// Takes the variables; `event` is the text of the event file, if there is one.
    pub fn new(variables: BTreeMap<String, String>, event: Option<&str>) -> Self {
        Self {
            variables,
            event: event.and_then(|text| serde_json::from_str(text).ok()),
        }
    }

    fn var(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// Who opened the pull request, as far as the pipeline says so: `@alice`. Who started the pipeline is no
    /// contributor by that: somebody who pushes a sign-off starts it too.
    pub fn people(&self) -> BTreeSet<String> {
        let author = self.event("/pull_request/user/login");
        author
            .into_iter()
            .map(|name| format!("@{}", name.to_lowercase()))
            .collect()
    }

    fn event(&self, pointer: &str) -> Option<String> {
        self.event
            .as_ref()?
            .pointer(pointer)?
            .as_str()
            .map(str::to_owned)
    }

    /// The line that fetches enough history where this runs.
    pub(crate) fn fix(&self) -> &'static str {
        self.job().map_or(PLAIN_FIX, |job| job.fix)
    }

    /// Why nothing can be judged when these files are not in the clone, and what helps.
    pub fn lacking(&self, files: &BTreeSet<String>) -> String {
        let first = files.first().map_or("", String::as_str);
        let rest = match files.len() {
            0 | 1 => "is".to_owned(),
            count => format!("and {} more are", count - 1),
        };
        let fix = match self.fix() {
            CIRCLE_FIX => CIRCLE_FIX,
            _ => PARTIAL_FIX,
        };
        format!("{first} {rest} not in this partial clone; {fix}")
    }

    /// The pipeline's word for the range, if this is one.
    pub(crate) fn job(&self) -> Option<Job> {
        if self.var("GITHUB_ACTIONS").is_some() || self.var("GITHUB_EVENT_NAME").is_some() {
            return self.github();
        }
        if self.var("GITLAB_CI").is_some() {
            return Some(self.gitlab());
        }
        if let Some(commit) = self.var("BITBUCKET_COMMIT") {
            let base = match self.var("BITBUCKET_PR_DESTINATION_BRANCH") {
                Some(branch) => vec![Base::Branch(branch)],
                None => vec![Base::Default(None)],
            };
            return Some(Job {
                name: "Bitbucket Pipelines".into(),
                base,
                heads: vec![commit],
                fix: BITBUCKET_FIX,
            });
        }
        if self.var("TF_BUILD").is_some() {
            let base = match self.var("SYSTEM_PULLREQUEST_TARGETBRANCH") {
                Some(branch) => {
                    let branch = branch
                        .strip_prefix("refs/heads/")
                        .unwrap_or(&branch)
                        .to_owned();
                    vec![
                        Base::MergeParent(self.var("SYSTEM_PULLREQUEST_SOURCECOMMITID")),
                        Base::Branch(branch),
                    ]
                }
                None => vec![Base::Default(None)],
            };
            return Some(Job {
                name: "Azure Pipelines".into(),
                base,
                heads: [
                    self.var("BUILD_SOURCEVERSION"),
                    self.var("SYSTEM_PULLREQUEST_SOURCECOMMITID"),
                ]
                .into_iter()
                .flatten()
                .collect(),
                fix: AZURE_FIX,
            });
        }
        if self.var("JENKINS_URL").is_some() || self.var("CHANGE_TARGET").is_some() {
            let base = match (
                self.var("CHANGE_TARGET"),
                self.var("GIT_PREVIOUS_SUCCESSFUL_COMMIT"),
            ) {
                (Some(branch), _) => vec![Base::Branch(branch)],
                (None, Some(commit)) => vec![Base::Commit(commit), Base::Default(None)],
                (None, None) => vec![Base::Default(None)],
            };
            return Some(Job {
                name: "Jenkins".into(),
                base,
                heads: self.var("GIT_COMMIT").into_iter().collect(),
                // A multibranch project fetches only what it builds.
                fix: JENKINS_FIX,
            });
        }
        if let Some(commit) = self.var("CIRCLE_SHA1") {
            return Some(Job {
                name: "CircleCI".into(),
                base: vec![Base::Default(None)],
                heads: vec![commit],
                // Its checkout is without blobs unless told otherwise.
                fix: CIRCLE_FIX,
            });
        }
        None
    }

    fn github(&self) -> Option<Job> {
        let event = self.var("GITHUB_EVENT_NAME")?;
        let job = |base, heads: Vec<Option<String>>| {
            Some(Job {
                name: format!("GitHub {event}"),
                base,
                heads: heads.into_iter().flatten().collect(),
                fix: GITHUB_FIX,
            })
        };
        match event.as_str() {
            "pull_request" | "pull_request_review" | "pull_request_review_comment" => {
                // `pull_request.base.sha` is frozen when the pull request is opened; never asked.
                let mut base = vec![Base::MergeParent(self.event("/pull_request/head/sha"))];
                base.extend(
                    self.var("GITHUB_BASE_REF")
                        .or_else(|| self.event("/pull_request/base/ref"))
                        .map(Base::Branch),
                );
                // GITHUB_SHA is the merge ref's commit; who checks out the tip has not fetched it.
                job(
                    base,
                    vec![self.var("GITHUB_SHA"), self.event("/pull_request/head/sha")],
                )
            }
            "pull_request_target" => {
                // GITHUB_SHA is the default branch's tip here, whatever the target: of no use for
                // either end. The head must have been fetched.
                let base = self
                    .var("GITHUB_BASE_REF")
                    .or_else(|| self.event("/pull_request/base/ref"));
                job(
                    base.map(Base::Branch).into_iter().collect(),
                    vec![self.event("/pull_request/head/sha")],
                )
            }
            "merge_group" => {
                let base = self.event("/merge_group/base_sha").map(Base::Exact);
                let head = self
                    .event("/merge_group/head_sha")
                    .or_else(|| self.var("GITHUB_SHA"));
                job(
                    base.into_iter().chain([Base::Default(None)]).collect(),
                    vec![head],
                )
            }
            "push" => {
                let default = Base::Default(self.event("/repository/default_branch"));
                let before = self
                    .event("/before")
                    .filter(|id| id.bytes().any(|byte| byte != b'0'));
                let forced = self
                    .event
                    .as_ref()
                    .and_then(|event| event.pointer("/forced")?.as_bool())
                    == Some(true);
                let mut base = Vec::new();
                if let Some(before) = before {
                    base.push(if forced {
                        Base::Commit(before)
                    } else {
                        Base::Exact(before)
                    });
                }
                base.push(default);
                let after = self
                    .event("/after")
                    .filter(|id| id.bytes().any(|byte| byte != b'0'));
                job(base, vec![after.or_else(|| self.var("GITHUB_SHA"))])
            }
            _ => job(
                vec![Base::Default(self.event("/repository/default_branch"))],
                vec![self.var("GITHUB_SHA")],
            ),
        }
    }

    fn gitlab(&self) -> Job {
        let mut base = Vec::new();
        let default = self.var("CI_DEFAULT_BRANCH");
        let mut name = "GitLab branch pipeline";
        if self.var("CI_MERGE_REQUEST_IID").is_some()
            || self.var("CI_MERGE_REQUEST_TARGET_BRANCH_NAME").is_some()
        {
            name = "GitLab merge request";
            let train = self.var("CI_MERGE_REQUEST_EVENT_TYPE").as_deref() == Some("merge_train");
            if train {
                name = "GitLab merge train";
            }
            // In merged-result and train pipelines the commit is a merge of source into target.
            base.extend(
                self.var("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
                    .map(|source| Base::MergeParent(Some(source))),
            );
            base.extend(
                self.var("CI_MERGE_REQUEST_TARGET_BRANCH_SHA")
                    .map(Base::Commit),
            );
            base.extend(self.var("CI_MERGE_REQUEST_DIFF_BASE_SHA").map(Base::Commit));
            base.extend(
                self.var("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
                    .map(Base::Branch),
            );
        } else {
            let before = self
                .var("CI_COMMIT_BEFORE_SHA")
                .filter(|id| id.bytes().any(|byte| byte != b'0'));
            // Nothing says whether the push was forced: the merge base is right in both cases.
            base.extend(before.map(Base::Commit));
            base.push(Base::Default(default));
        }
        Job {
            name: name.into(),
            base,
            heads: self.var("CI_COMMIT_SHA").into_iter().collect(),
            fix: GITLAB_FIX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(variables: &[(&str, &str)], event: &str) -> Job {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Environment::new(variables, Some(event)).job().unwrap()
    }

    #[test]
    fn the_default_branch_is_no_target() {
        let event = r#"{"pull_request": {"base": {"ref": "release"}, "head": {"sha": "abc"}}}"#;
        let variables = [
            ("GITHUB_EVENT_NAME", "pull_request_target"),
            ("GITHUB_SHA", "def"),
        ];
        let job = job(&variables, event);
        assert_eq!(job.base, [Base::Branch("release".into())]);
        assert_eq!(job.heads, ["abc"]);
    }

    #[test]
    fn a_comment_on_a_pull_request_names_its_target() {
        let event = r#"{"pull_request": {"base": {"ref": "release"}, "head": {"sha": "abc"}}}"#;
        let variables = [
            ("GITHUB_EVENT_NAME", "pull_request_review_comment"),
            ("GITHUB_SHA", "def"),
        ];
        let job = job(&variables, event);
        let merge = Base::MergeParent(Some("abc".into()));
        assert_eq!(job.base, [merge, Base::Branch("release".into())]);
        assert_eq!(job.heads, ["def", "abc"]);
    }
}
