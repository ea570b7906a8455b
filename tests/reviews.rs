//! Threat reviews from the change to the sign-off and back: what keeps an approval, what voids it, and what
//! does not count as one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::repository::{Repo, Run, git, threatgate};

const POLICY: &str = "version = 1\n\n[review]\nreviewers = [\"@acme/security\"]\n\n\
    [[team]]\nname = \"@acme/security\"\nmembers = [\"bob@example.org\"]\n";

fn app(guard: &str, body: &str) -> String {
    format!(
        "from flask import Flask, g, abort\nfrom guards import admin_only, members_only\n\n\
         app = Flask(__name__)\n\n\n@app.get(\"/users\")\n{guard}def users():\n    {body}\n"
    )
}

fn guards(condition: &str) -> String {
    format!(
        "from functools import wraps\nfrom flask import abort, g\n\n\n\
         def admin_only(f):\n    @wraps(f)\n    def inner(*args, **kwargs):\n        \
         if not g.user.is_admin:\n            abort(403)\n        return f(*args, **kwargs)\n\n    return inner\n\n\n\
         def members_only(f):\n    @wraps(f)\n    def inner(*args, **kwargs):\n        \
         if not {condition}:\n            abort(403)\n        return f(*args, **kwargs)\n\n    return inner\n"
    )
}

/// A repository whose base knows Bob and Alice, keys of both, and a branch of Alice's on which a guard got weaker.
struct Scene {
    repo: Repo,
}

fn has_ssh_keygen() -> bool {
    Command::new("ssh-keygen").arg("-?").output().is_ok()
}

impl Scene {
    /// None where ssh-keygen, which makes the keys, is not there.
    fn new() -> Option<Self> {
        Self::with(POLICY)
    }

    fn with(policy: &str) -> Option<Self> {
        if !has_ssh_keygen() {
            return None;
        }
        let repo = Repo::new();
        let mut signers = String::new();
        for name in ["bob", "alice", "mallory"] {
            let key = repo.beside(name);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(&key)
                .status();
            assert!(made.expect("ssh-keygen").success());
            if name != "mallory" {
                let public = std::fs::read_to_string(key.with_extension("pub")).expect("a key");
                signers += &format!("{name}@example.org {public}");
            }
        }
        repo.write(".threatgate/policy.toml", policy);
        repo.write(".threatgate/allowed_signers", signers);
        repo.write("guards.py", guards("g.user.is_member"));
        repo.write("app.py", app("@admin_only\n", "return load()"));
        repo.commit("base");
        repo.git(&["checkout", "-q", "-b", "feature"]);
        repo.write("app.py", app("", "return load()"));
        let scene = Self { repo };
        scene.commit_as("alice", "open the list");
        Some(scene)
    }

    fn commit_as(&self, name: &str, message: &str) {
        let address = format!("{name}@example.org");
        self.repo.git(&["add", "-A"]);
        let committer = format!("user.email={address}");
        self.repo.git(&[
            "-c",
            &committer,
            "commit",
            "-q",
            "--allow-empty",
            "--author",
            &format!("{name} <{address}>"),
            "-m",
            message,
        ]);
    }

    fn check(&self) -> Run {
        self.repo.check(&["--base", "main"])
    }

    fn review(&self) -> Value {
        self.check().json()["review"].clone()
    }

    fn id(&self) -> String {
        self.review()["id"].as_str().expect("a review").to_owned()
    }

    fn key(&self, name: &str) -> PathBuf {
        self.repo.beside(name)
    }

    /// Signs off with all questions answered.
    fn sign(&self, name: &str, further: &[&str]) -> Run {
        let review = self.review();
        let id = review["id"].as_str().expect("a review").to_owned();
        let questions = review["questions"].as_array().expect("questions");
        let answers: Vec<String> = questions
            .iter()
            .map(|question| {
                let number = question["id"].as_str().expect("a number");
                format!("{number}=yes, nobody but members; see https://ci.example.org/run/1")
            })
            .collect();
        let signer = format!("{name}@example.org");
        let key = self.key(name);
        let key = key.to_str().expect("a path");
        let mut args = vec![
            "review", "sign", &id, "--base", "main", "--as", &signer, "--key", key,
        ];
        for answer in &answers {
            args.extend(["--answer", answer]);
        }
        args.extend(further);
        self.repo.run(&args)
    }

    fn record(&self, name: &str) -> PathBuf {
        let path = format!(".threatgate/reviews/{}/{name}@example.org.toml", self.id());
        self.repo.path.join(path)
    }

    /// Signed by Bob, committed by Bob, and through.
    fn signed(&self) {
        self.check().expect(3);
        self.sign("bob", &[]).expect(0);
        self.commit_as("bob", "sign off");
        let run = self.check().expect(0);
        assert_eq!(run.json()["review"]["state"], "signed");
    }

    /// The reasons for which the only sign-off does not count.
    #[track_caller]
    fn refused(&self, words: &str) {
        let run = self.check().expect(3);
        let review = &run.json()["review"];
        assert_eq!(review["state"], "required");
        let because = review["signoffs"].to_string();
        assert!(because.contains(words), "{because}");
    }
}

#[test]
fn a_sign_off_survives_a_rebase_and_dies_with_what_was_reviewed() {
    let Some(scene) = Scene::new() else { return };
    scene.signed();
    let repo = &scene.repo;
    let json = scene.check().json();
    assert_eq!(json["verdict"], "warn");
    assert_eq!(json["review"]["identity"], "weak");
    repo.run(&["review", "verify", "--base", "main"]).expect(0);

    // The target branch moves on, and the branch is put on top of it.
    repo.git(&["checkout", "-q", "main"]);
    repo.commit_file("other.py", "x = 1\n");
    repo.git(&["checkout", "-q", "feature"]);
    repo.git(&["rebase", "-q", "main"]);
    scene.check().expect(0);

    // Comments and white space say nothing.
    let formatted = app("", "# all of them\n    return  load( )");
    repo.write("app.py", formatted.replace("\"/users\"", "'/users'"));
    scene.commit_as("alice", "format");
    scene.check().expect(0);

    // Another handler is another thing.
    repo.write("app.py", app("", "return load(secrets=True)"));
    scene.commit_as("alice", "more");
    let run = scene.check().expect(3);
    let differs = run.json()["review"]["signoffs"][0]["differs"].to_string();
    assert!(
        differs.contains("code of users: changed since it was signed"),
        "{differs}"
    );

    // So is another guard, and the report says which input changed.
    repo.write("app.py", app("@members_only\n", "return load()"));
    scene.commit_as("alice", "members");
    let run = scene.check().expect(3);
    let differs = run.json()["review"]["signoffs"][0]["differs"].to_string();
    assert!(differs.contains("guards: was []"), "{differs}");
    let text = repo.run(&["check", "--base", "main"]).expect(3).stdout;
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("does not count: what was signed is not what is to be reviewed"),
        "{text}"
    );
}

#[test]
fn the_body_of_a_guard_is_part_of_what_is_signed() {
    let Some(scene) = Scene::new() else { return };
    let repo = &scene.repo;
    repo.write("app.py", app("@members_only\n", "return load()"));
    scene.commit_as("alice", "members");
    scene.signed();
    let commented = format!(
        "{}\n\ndef other():\n    return 1\n",
        guards("g.user.is_member")
    );
    repo.write("guards.py", commented);
    scene.commit_as("alice", "something else in the file");
    scene.check().expect(0);
    repo.write("guards.py", guards("g.user"));
    scene.commit_as("alice", "a wider guard");
    let run = scene.check().expect(3);
    let signoffs = run.json()["review"]["signoffs"].to_string();
    assert!(signoffs.contains("members_only"), "{signoffs}");
}

#[test]
fn what_is_no_approval_does_not_count() {
    // Nobody's key.
    let Some(scene) = Scene::new() else { return };
    scene.check().expect(3);
    scene.sign("mallory", &[]).expect(0);
    scene.commit_as("bob", "sign off");
    scene.refused("is not in allowed_signers");

    // A record that was changed after it was signed.
    let Some(scene) = Scene::new() else { return };
    scene.sign("bob", &[]).expect(0);
    let record = scene.record("bob");
    let text = std::fs::read_to_string(&record).expect("a record");
    std::fs::write(&record, text.replace("nobody but", "anybody and")).expect("a file");
    scene.commit_as("bob", "sign off");
    scene.refused("changed after signing, or forged");

    // A record without its signature.
    let Some(scene) = Scene::new() else { return };
    scene.sign("bob", &[]).expect(0);
    let mut signature = scene.record("bob").into_os_string();
    signature.push(".sig");
    std::fs::remove_file(signature).expect("a signature");
    scene.commit_as("bob", "sign off");
    scene.refused("is not signed");

    // The author's own, and that of somebody who is not asked.
    let Some(scene) = Scene::new() else { return };
    scene.sign("alice", &[]).expect(0);
    scene.commit_as("alice", "sign off");
    scene.refused("contributed to the change");
    scene.refused("none of those who must sign");

    // Bob's, who contributed too.
    let Some(scene) = Scene::new() else { return };
    scene.repo.write("help.py", "y = 1\n");
    scene.commit_as("bob", "help");
    scene.sign("bob", &[]).expect(0);
    scene.commit_as("bob", "sign off");
    scene.refused("bob@example.org contributed");

    // One that is over.
    let Some(scene) = Scene::new() else { return };
    scene.sign("bob", &[]).expect(0);
    let record = scene.record("bob");
    let text = std::fs::read_to_string(&record).expect("a record");
    let day = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line");
        line.to_owned()
    };
    let text = text
        .replace(&day("date"), "date = \"2020-01-01\"")
        .replace(&day("expires"), "expires = \"2020-02-01\"");
    std::fs::write(&record, text).expect("a file");
    resign(&scene.key("bob"), &record);
    scene.commit_as("bob", "sign off");
    scene.refused("expired on 2020-02-01");

    // One that is taken away again.
    let Some(scene) = Scene::new() else { return };
    scene.signed();
    std::fs::remove_dir_all(scene.repo.path.join(".threatgate/reviews")).expect("a folder");
    scene.commit_as("alice", "tidy up");
    scene.check().expect(3);

    // A rejection.
    let Some(scene) = Scene::new() else { return };
    scene.sign("bob", &["--reject"]).expect(0);
    scene.commit_as("bob", "no");
    scene.refused("rejects the change");
}

/// Signs a file by the real ssh-keygen: ours must read it.
fn resign(key: &Path, file: &Path) {
    let mut signature = file.as_os_str().to_owned();
    signature.push(".sig");
    let _ = std::fs::remove_file(&signature);
    let done = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "threatgate", "-f"])
        .arg(key)
        .arg(file)
        .output()
        .expect("ssh-keygen");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn ssh_keygen_signs_for_us_and_verifies_what_we_signed() {
    let Some(scene) = Scene::new() else { return };
    scene.sign("bob", &[]).expect(0);
    let record = scene.record("bob");
    let mut signature = record.clone().into_os_string();
    signature.push(".sig");
    let verified = Command::new("ssh-keygen")
        .args([
            "-Y",
            "verify",
            "-n",
            "threatgate",
            "-I",
            "bob@example.org",
            "-f",
        ])
        .arg(scene.repo.path.join(".threatgate/allowed_signers"))
        .arg("-s")
        .arg(&signature)
        .stdin(std::fs::File::open(&record).expect("a record"))
        .output()
        .expect("ssh-keygen");
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );

    resign(&scene.key("bob"), &record);
    scene.commit_as("bob", "sign off");
    scene.check().expect(0);
}

#[test]
fn a_note_counts_as_a_file_does() {
    let Some(scene) = Scene::new() else { return };
    scene.sign("bob", &["--note"]).expect(0);
    scene.check().expect(0);
    // The note stays with the commit before; what was signed is still the same.
    scene.repo.write("other.py", "x = 1\n");
    scene.commit_as("alice", "more");
    scene.check().expect(0);
    scene
        .repo
        .git(&["update-ref", "-d", "refs/notes/threatgate"]);
    scene.check().expect(3);
}

#[test]
fn a_change_cannot_edit_its_own_judge() {
    for (path, text) in [
        (
            ".threatgate/policy.toml",
            "version = 1\n[[rule]]\nid = \"all\"\nverdict = \"pass\"\n[[floor]]\nid = \"gate-floor\"\nverdict = \"pass\"\n",
        ),
        (
            ".threatgate/waivers.toml",
            "version = 1\n[[waiver]]\nthreat = \"TG-AUTHN-002@http GET /users\"\nreason = \"r\"\nowner = \"a\"\n\
             approved-by = \"b\"\ncompensating-control = \"c\"\ncreated = \"2026-01-01\"\nexpires = \"2027-01-01\"\n",
        ),
        (".threatgate/rules/python/own.toml", ""),
        (".threatgate/own.rego", "package main\n"),
        (".github/CODEOWNERS", "* @alice\n"),
    ] {
        let Some(scene) = Scene::new() else { return };
        scene.repo.write(path, text);
        scene.commit_as("alice", "help myself");
        let run = scene.check().expect(3);
        let titles = run.titles().join("\n");
        assert!(titles.contains("GET /users lost"), "{titles}");
        assert!(
            titles.contains(path.trim_start_matches('.').rsplit('/').next().unwrap()),
            "{titles}"
        );
    }

    // Mallory adds his own key and signs with it.
    let Some(scene) = Scene::new() else { return };
    let public =
        std::fs::read_to_string(scene.key("mallory").with_extension("pub")).expect("a key");
    scene.repo.write(
        ".threatgate/allowed_signers",
        format!("mallory@example.org,bob@example.org {public}"),
    );
    scene.commit_as("alice", "a new colleague");
    scene.sign("mallory", &[]).expect(0);
    scene.commit_as("mallory", "sign off");
    scene.refused("is not in allowed_signers");
}

#[test]
fn a_small_team_records_its_own_review() {
    let policy = "version = 1\n[review]\nself-review = true\nreviewers = [\"alice@example.org\"]\n";
    let Some(scene) = Scene::with(policy) else {
        return;
    };
    scene.sign("alice", &[]).expect(0);
    scene.commit_as("alice", "sign off");
    scene.refused("contributed to the change");
    scene.sign("alice", &["--self"]).expect(0);
    scene.commit_as("alice", "sign off");
    let run = scene.check().expect(0);
    assert_eq!(run.json()["review"]["state"], "self-reviewed");
}

#[test]
fn answers_are_asked_for() {
    let Some(scene) = Scene::new() else { return };
    // Each question has a type, and the requirement says what shows that it is dealt with, and when.
    let review = scene.review();
    let types = review["questions"].as_array().expect("questions");
    let types: Vec<&str> = types
        .iter()
        .filter_map(|question| question["answer"].as_str())
        .collect();
    assert!(
        types.contains(&"link") && types.contains(&"text"),
        "{review}"
    );
    assert_eq!(review["evidence_needed"], serde_json::json!(["test"]));
    assert!(review["due"].is_string(), "{review}");
    let shown = scene.repo.run(&["review", "show", "--base", "main"]);
    let shown = shown.expect(0).stdout;
    assert!(shown.contains("[a link or a path]"), "{shown}");
    assert!(shown.contains("evidence that is wanted"), "{shown}");
    let id = scene.id();
    let key = scene.key("bob");
    let key = key.to_str().expect("a path");
    let base = ["--base", "main", "--as", "bob@example.org", "--key", key];
    let mut args = vec!["review", "sign", &id];
    args.extend(base);
    let run = scene.repo.run(&args).expect(2);
    assert!(
        run.stderr.contains("is not answered in full"),
        "{}",
        run.stderr
    );
    let mut args = vec![
        "review",
        "answer",
        &id,
        "--answer",
        "q1=Members, through the gateway",
    ];
    args.extend(base);
    let run = scene.repo.run(&args).expect(0);
    assert!(!run.stdout.contains("q1 "), "{}", run.stdout);
    let run = scene
        .repo
        .run(&["review", "sign", "TR-00000000", "--base", "main"])
        .expect(2);
    assert!(run.stderr.contains("and not TR-00000000"), "{}", run.stderr);
}

#[test]
fn evidence_of_a_run_is_verified_offline() {
    let Some(scene) = Scene::new() else { return };
    scene.signed();
    let file = scene.repo.beside("evidence.json");
    let file = file.to_str().expect("a path");
    let key = scene.key("bob");
    scene
        .repo
        .check(&[
            "--base",
            "main",
            "--evidence",
            file,
            "--evidence-key",
            key.to_str().unwrap(),
        ])
        .expect(0);
    let elsewhere = scene.repo.beside("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let signers = scene.repo.path.join(".threatgate/allowed_signers");
    let signers = signers.to_str().expect("a path");
    let run = threatgate(
        &elsewhere,
        &["evidence", "verify", file, "--signers", signers],
        &[],
    )
    .expect(0);
    assert!(
        run.stdout.contains("sealed by bob@example.org"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("signed off by bob@example.org"),
        "{}",
        run.stdout
    );
    let shown = threatgate(&elsewhere, &["evidence", "show", file], &[])
        .expect(0)
        .json();
    assert_eq!(shown["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        shown["subject"][0]["digest"]["gitCommit"],
        git(&scene.repo.path, &["rev-parse", "HEAD"])
    );
    let inputs = shown["predicate"]["inputs"].to_string();
    assert!(
        inputs.contains(".threatgate/policy.toml") && inputs.contains("gitBlob"),
        "{inputs}"
    );

    let text = std::fs::read_to_string(file).expect("evidence");
    let mut envelope: Value = serde_json::from_str(&text).expect("an envelope");
    let payload = envelope["payload"]
        .as_str()
        .expect("a payload")
        .replacen('A', "B", 1);
    envelope["payload"] = payload.into();
    std::fs::write(file, envelope.to_string()).expect("a file");
    threatgate(
        &elsewhere,
        &["evidence", "verify", file, "--signers", signers],
        &[],
    )
    .expect(1);
}
