//! Runs the gate on a pull request that it makes up: `cargo run --release --example demo [DIR]`.
//!
//! `demo/base` and `demo/head` hold a small service in Python, TypeScript and Rust on both sides of
//! the pull request. They become two commits of a new repository in DIR (else in a temporary
//! folder), and the gate judges them as it would in a pipeline. Needs git.

#![expect(clippy::print_stdout, reason = "a demonstration speaks to its reader")]

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

const STORY: &str = "\
A pull request on a small shop, called \"Refunds, and a tidier layout\":
  office   the mount of /admin loses requireAdmin; its routes are reordered and reformatted
  shop     a refund route without the login that its siblings ask for
  shop     passwords are hashed with MD5 in place of PBKDF2
  shop     customers get a national id
  shop     the payment key moves from the environment into the code
  invoices the routes move into another file and are reordered; nothing else
";

fn main() -> Result<()> {
    let program = build()?;
    let temporary;
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => {
            temporary = tempfile::tempdir()?;
            temporary.path().join("shop")
        }
    };
    repository(&folder)?;

    println!("{STORY}");
    run(git(&folder).args(["--no-pager", "diff", "--stat=80", "-M", "main...feature"]))?;
    let range = ["--base", "main", "--head", "feature"];
    show(&folder, &program, "check", &[], &range)?;
    show(&folder, &program, "review", &["show"], &range)?;
    Ok(())
}

/// Builds the program with this example's profile and says where it is.
fn build() -> Result<PathBuf> {
    // target/PROFILE/examples/demo
    let own = std::env::current_exe()?;
    let folder = own
        .ancestors()
        .nth(2)
        .context("finding the build's folder")?;
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // With the example, cargo takes the crates as it has built them for the example; else it would
    // build most of them again, without the features that the tests ask for.
    run(Command::new(cargo)
        .args(["build", "--bin", "threatgate", "--example", "demo"])
        .args(["--profile", profile])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")))?;
    Ok(folder.join(format!("threatgate{}", std::env::consts::EXE_SUFFIX)))
}

/// The repository: `main` with the service, `feature` with the pull request.
fn repository(folder: &Path) -> Result<()> {
    ensure!(
        !folder.exists() || folder.read_dir()?.next().is_none(),
        "{} is not empty",
        folder.display()
    );
    std::fs::create_dir_all(folder)?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
    run(git(folder).args(["init", "--quiet", "--initial-branch", "main"]))?;
    copy(&sources.join("base"), folder)?;
    run(git(folder).args(["add", "--all"]))?;
    run(git(folder).args(["commit", "--quiet", "-m", "The shop"]))?;
    run(git(folder).args(["checkout", "--quiet", "-b", "feature"]))?;
    run(git(folder).args(["rm", "--quiet", "-r", "."]))?;
    copy(&sources.join("head"), folder)?;
    run(git(folder).args(["add", "--all"]))?;
    run(git(folder).args(["commit", "--quiet", "-m", "Refunds, and a tidier layout"]))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let entries = from
        .read_dir()
        .with_context(|| format!("reading {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            let text = std::fs::read_to_string(entry.path())?;
            std::fs::write(target, text.replace("{{ generated key }}", &key()))?;
        }
    }
    Ok(())
}

/// 40 letters and digits that open nothing. Made here, so that no file of this repository holds
/// what looks like a credential; always the same, so that the demonstration is.
fn key() -> String {
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut state: u64 = 0x2545_F491_4F6C_DD1D;
    let mut letter = || {
        // xorshift64, Marsaglia 2003, https://www.jstatsoft.org/article/view/v008i14
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(ALPHABET[(state % ALPHABET.len() as u64) as usize])
    };
    (0..40).map(|_| letter()).collect()
}

/// git that reads none of the user's configuration.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .env(
            "GIT_CONFIG_GLOBAL",
            if cfg!(windows) { "NUL" } else { "/dev/null" },
        )
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
    command
}

fn run(command: &mut Command) -> Result<()> {
    std::io::stdout().flush()?;
    let status = command
        .status()
        .with_context(|| format!("running {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// Runs the gate and shows the command as a user would type it. A verdict is no failure.
fn show(folder: &Path, program: &Path, name: &str, more: &[&str], range: &[&str]) -> Result<()> {
    let words = [&[name], more, range].concat().join(" ");
    println!("\n$ threatgate {words}\n");
    std::io::stdout().flush()?;
    let status = Command::new(program)
        .arg(name)
        .args(more)
        .arg("--repo")
        .arg(folder)
        .args(range)
        .status()
        .with_context(|| format!("running {}", program.display()))?;
    match status.code() {
        Some(code) if code != 2 => println!("\nexit {code}"),
        _ => bail!("threatgate {words}: {status}"),
    }
    Ok(())
}
