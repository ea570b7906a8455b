//! What is kept between runs never shows: with any cache, and any number of threads, the same bytes.

use std::path::{Path, PathBuf};

use crate::repository::{Repo, threatgate};

/// A service whose routes, guards and helpers stand in several files and languages.
fn service(guard: &str) -> Vec<(String, String)> {
    let mut files = vec![
        (
            "app/__init__.py".to_owned(),
            "from flask import Flask\nfrom app.users import users\n\napp = Flask(__name__)\n\
             app.register_blueprint(users, url_prefix=\"/users\")\n"
                .to_owned(),
        ),
        (
            "app/users.py".to_owned(),
            format!(
                "from flask import Blueprint\nfrom flask_login import login_required\n\n\
                 users = Blueprint(\"users\", __name__)\n\n\
                 @users.get(\"/<int:id>\")\n{guard}def show(id):\n    return str(id)\n"
            ),
        ),
    ];
    for number in 0..20 {
        files.push((
            format!("web/route{number}.js"),
            format!(
                "const express = require('express');\nconst router = express.Router();\n\
                 router.get('/r{number}', (req, res) => res.send('ok'));\nmodule.exports = router;\n"
            ),
        ));
    }
    files
}

fn lost() -> Repo {
    let repo = Repo::new();
    for guard in ["@login_required\n", ""] {
        for (path, text) in service(guard) {
            repo.write(&path, text);
        }
        repo.commit("service");
    }
    repo
}

fn check(repo: &Repo, cache: Option<&Path>, variables: &[(&str, &str)]) -> String {
    let mut args = vec![
        "check", "--base", "HEAD~1", "--head", "HEAD", "--format", "json",
    ];
    match cache {
        Some(cache) => args.extend(["--cache-dir", cache.to_str().expect("UTF-8")]),
        None => args.push("--no-cache"),
    }
    let run = threatgate(&repo.path, &args, variables).expect(3);
    assert_eq!(run.stderr, "");
    run.stdout
}

fn packs(cache: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cache).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    all.sort();
    all
}

#[test]
fn the_same_bytes_cold_warm_damaged_and_without_a_cache() {
    let repo = lost();
    let cache = repo.beside("cache");
    let expected = check(&repo, None, &[]);
    assert!(expected.contains("lost `login_required`"));
    assert!(packs(&cache).is_empty(), "nothing is kept unasked");
    assert_eq!(check(&repo, Some(&cache), &[]), expected, "cold");
    let [pack] = &packs(&cache)[..] else {
        panic!("one pack: {:?}", packs(&cache));
    };
    assert_eq!(check(&repo, Some(&cache), &[]), expected, "warm");
    assert_eq!(packs(&cache).len(), 1, "nothing was new");
    let whole = std::fs::read(pack).expect("the pack");
    // A prime, so that all parts of a pack are hit.
    for at in (0..whole.len()).step_by(whole.len() / 17 + 1) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        std::fs::write(pack, &damaged).expect("a write");
        assert_eq!(check(&repo, Some(&cache), &[]), expected, "damaged at {at}");
        std::fs::write(pack, &whole[..at]).expect("a write");
        assert_eq!(check(&repo, Some(&cache), &[]), expected, "cut at {at}");
        for path in packs(&cache) {
            std::fs::remove_file(path).expect("a pack");
        }
    }
    std::fs::remove_dir_all(&cache).expect("the cache");
    assert_eq!(check(&repo, Some(&cache), &[]), expected, "deleted");
}

#[test]
fn the_same_bytes_with_one_thread_and_many() {
    let repo = lost();
    let expected = check(&repo, None, &[("RAYON_NUM_THREADS", "1")]);
    for threads in ["2", "8"] {
        let run = check(&repo, None, &[("RAYON_NUM_THREADS", threads)]);
        assert_eq!(run, expected, "{threads} threads");
    }
}

#[test]
fn runs_share_a_cache_at_the_same_time() {
    let repo = lost();
    let cache = repo.beside("cache");
    let expected = check(&repo, None, &[]);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(check(&repo, Some(&cache), &[]), expected));
        }
        scope.spawn(|| {
            // Somebody clears the folder meanwhile.
            for _ in 0..20 {
                let _ = std::fs::remove_dir_all(&cache);
                std::thread::yield_now();
            }
        });
    });
    assert_eq!(check(&repo, Some(&cache), &[]), expected);
}

#[test]
fn a_folder_that_cannot_be_written_is_no_error() {
    let repo = lost();
    let file = repo.beside("file");
    std::fs::write(&file, "no folder").expect("a file");
    let expected = check(&repo, None, &[]);
    assert_eq!(check(&repo, Some(&file), &[]), expected);
    assert_eq!(check(&repo, Some(&file.join("below")), &[]), expected);
}

#[test]
fn the_work_tree_is_read_anew() {
    let repo = lost();
    let cache = repo.beside("cache");
    let dir = cache.to_str().expect("UTF-8");
    let args = [
        "check",
        "--worktree",
        "--format",
        "json",
        "--cache-dir",
        dir,
    ];
    assert!(repo.run(&args).expect(0).titles().is_empty());
    for (path, text) in service("@login_required\n") {
        repo.write(&path, text);
    }
    let run = repo.run(&args).expect(0);
    assert_eq!(run.titles().len(), 1, "{:?}", run.titles());
}

/// The changes of the newest commit.
fn changes(repo: &Repo) -> serde_json::Value {
    let args = [
        "check",
        "--base",
        "HEAD~1",
        "--head",
        "HEAD",
        "--format",
        "json",
        "--no-cache",
        "--exit-zero",
    ];
    let run = threatgate(&repo.path, &args, &[]).expect(0);
    let mut report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    report["changes"].take()
}

#[test]
fn what_hangs_on_no_source_says_the_same_when_sources_change_too() {
    // Endpoints are looked for only where a file differs on which they can hang, or something changed
    // that they surround.
    let container = |user: &str| {
        format!(
            "FROM python:3.12\nWORKDIR /app\nCOPY . .\n{user}EXPOSE 8000\nCMD [\"flask\", \"run\"]\n"
        )
    };
    let told: Vec<serde_json::Value> = ["", "# a comment\n"]
        .into_iter()
        .map(|comment| {
            let repo = Repo::new();
            for (user, comment) in [("USER app\n", ""), ("", comment)] {
                for (path, text) in service("@login_required\n") {
                    repo.write(
                        &path,
                        comment.replace("# ", if path.ends_with(".js") { "// " } else { "# " })
                            + &text,
                    );
                }
                repo.write("Dockerfile", container(user));
                repo.commit("service");
            }
            changes(&repo)
        })
        .collect();
    assert_eq!(told[0].as_array().map(Vec::len), Some(1), "{}", told[0]);
    assert_eq!(told[0], told[1]);
}

#[test]
fn documents_alone_change_nothing() {
    let repo = lost();
    repo.write("README.md", "# Service\n");
    repo.commit("documents");
    assert_eq!(changes(&repo), serde_json::json!([]));
}

#[test]
fn a_document_that_lists_less_is_held_against_the_code() {
    // Only the document differs, and yet endpoints hang on it.
    let repo = Repo::new();
    let routes: String = ["one", "two", "three"]
        .iter()
        .map(|name| format!("@app.get(\"/{name}\")\ndef {name}():\n    return \"ok\"\n\n"))
        .collect();
    repo.write(
        "app.py",
        format!("from flask import Flask\n\napp = Flask(__name__)\n\n{routes}"),
    );
    for names in [&["one", "two", "three"][..], &["one", "two"]] {
        let paths: String = names
            .iter()
            .map(|name| format!("  /{name}:\n    get:\n      responses: {}\n", "{}"))
            .collect();
        repo.write(
            "openapi.yaml",
            format!(
                "openapi: 3.0.3\ninfo: {}\npaths:\n{paths}",
                "{title: Api, version: \"1\"}"
            ),
        );
        repo.commit("document");
    }
    let told = changes(&repo).to_string();
    assert!(
        told.contains("GET /three is not listed in the document of the API"),
        "{told}"
    );
}
