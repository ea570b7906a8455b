//! Temporary repositories with real commits, and the program run on them, both with an environment
//! that holds nothing of the machine's.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A repository in a folder that goes with it.
pub(crate) struct Repo {
    folder: TempDir,
    /// The work tree, or the bare repository.
    pub(crate) path: PathBuf,
}

/// What a run of the program gave.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// stdout as JSON, which it must be.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.stdout, self.stderr))
    }

    /// The titles of all changes.
    #[track_caller]
    pub(crate) fn titles(&self) -> Vec<String> {
        let json = self.json();
        let changes = json["changes"].as_array().expect("changes");
        changes
            .iter()
            .map(|change| change["title"].as_str().expect("a title").to_owned())
            .collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }
}

fn scrubbed(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder);
    for name in ["PATH", "SYSTEMROOT", "TEMP", "TMP"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("HOME", folder)
        // No cache but where a test asks for one: the home is a work tree.
        .env("XDG_CACHE_HOME", "/dev/null")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_COMMITTER_NAME", "A")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
    command
}

/// Runs git and gives its output, trimmed.
#[track_caller]
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let output = scrubbed("git", folder).args(args).output().expect("git");
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs the program in a folder.
#[track_caller]
pub(crate) fn threatgate(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Run {
    let output = scrubbed(env!("CARGO_BIN_EXE_threatgate"), folder)
        .args(args)
        .envs(variables.iter().copied())
        .output()
        .expect("threatgate");
    Run {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Repo {
    /// An empty repository on the branch `main`.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("repo");
        std::fs::create_dir(&path).expect("a folder");
        git(&path, &["init", "-q", "-b", "main"]);
        Self { folder, path }
    }

    /// A path beside the repository, for clones and reports.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.path, args)
    }

    /// Writes a file of the work tree.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// Commits the whole work tree and gives the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Writes a file and commits.
    pub(crate) fn commit_file(&self, path: &str, content: impl AsRef<[u8]>) -> String {
        self.write(path, content);
        self.commit(path)
    }

    /// Runs the program in the repository.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        threatgate(&self.path, args, &[])
    }

    /// `threatgate check --format json` with further arguments.
    pub(crate) fn check(&self, args: &[&str]) -> Run {
        self.check_in(args, &[])
    }

    /// The same in a pipeline with these variables.
    pub(crate) fn check_in(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut all = vec!["check", "--format", "json"];
        all.extend(args);
        threatgate(&self.path, &all, variables)
    }
}
