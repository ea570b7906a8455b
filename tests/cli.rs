//! The program as its user sees it: ranges, pipelines, exit codes, odd repositories, errors.

use std::path::Path;

use crate::repository::{Repo, git, threatgate};

/// A service in which each route of `names` asks for a login, and each of `open` does not.
fn service(names: &[&str], open: &[&str]) -> String {
    let mut text = "from flask import Flask\nfrom flask_login import login_required\n\n\
                    app = Flask(__name__)\n"
        .to_owned();
    for (name, guard) in names
        .iter()
        .map(|name| (name, "@login_required\n"))
        .chain(open.iter().map(|name| (name, "")))
    {
        text +=
            &format!("\n\n@app.get(\"/{name}\")\n{guard}def {name}():\n    return \"{name}\"\n");
    }
    text
}

const LOST: &str = "GET /users lost `login_required`";

/// `main` with a guard, `feature` (checked out) without it.
fn guard_lost() -> Repo {
    let repo = Repo::new();
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.commit_file("app.py", service(&[], &["users"]));
    repo
}

/// `main` has moved on since `feature` left it: it lost a guard of its own.
fn diverged() -> Repo {
    let repo = Repo::new();
    repo.commit_file("app.py", service(&["users", "orders"], &[]));
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.commit_file("app.py", service(&["orders"], &["users"]));
    repo.git(&["checkout", "-q", "main"]);
    repo.commit_file("other.txt", "main moves on\n");
    repo.commit_file("app.py", service(&["users"], &["orders"]));
    repo.git(&["checkout", "-q", "feature"]);
    repo
}

// --- ranges

#[test]
fn the_base_is_the_merge_base_unless_exact() {
    let repo = diverged();
    let run = repo.check(&["--base", "main"]).expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(
        run.json()["base"],
        repo.git(&["merge-base", "main", "HEAD"])
    );
    assert_eq!(run.json()["head"], repo.git(&["rev-parse", "HEAD"]));

    let exact = repo.check(&["--base", "main", "--exact"]).expect(3);
    let titles = exact.titles();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(
        titles.contains(&"GET /orders gained `login_required`".to_owned()),
        "{titles:?}"
    );
    assert_eq!(exact.json()["base"], repo.git(&["rev-parse", "main"]));
}

#[test]
fn without_arguments_the_default_branch_is_the_base() {
    let run = guard_lost().check(&[]).expect(3);
    assert_eq!(run.titles(), [LOST]);
    let note = run.json()["notes"].to_string();
    assert!(note.contains("compared with main"), "{note}");
}

#[test]
fn a_head_inside_the_base_is_said_in_words() {
    let repo = guard_lost();
    let run = repo
        .check(&["--base", "feature", "--head", "main"])
        .expect(0);
    assert!(run.titles().is_empty());
    let notes = run.json()["notes"].to_string();
    assert!(notes.contains("already contained in the base"), "{notes}");
}

#[test]
fn an_empty_range_passes() {
    let repo = guard_lost();
    repo.commit("nothing");
    let run = repo.check(&["--base", "HEAD~1"]).expect(0);
    assert_eq!(run.json()["verdict"], "pass");
    assert_eq!(run.json()["coverage"]["files_changed"], 0);
}

#[test]
fn staged_is_the_index_and_not_the_disk() {
    let repo = Repo::new();
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.write("app.py", service(&[], &["users"]));
    repo.check(&["--staged"]).expect(0);
    assert_eq!(repo.check(&["--worktree"]).expect(3).titles(), [LOST]);

    repo.git(&["add", "app.py"]);
    repo.write("app.py", service(&["users"], &[]));
    assert_eq!(repo.check(&["--staged"]).expect(3).titles(), [LOST]);
    repo.check(&["--worktree"]).expect(0);
}

#[test]
fn the_work_tree_has_untracked_files_and_no_ignored_ones() {
    let repo = Repo::new();
    repo.commit_file(".gitignore", "ignored.py\n");
    repo.write("ignored.py", service(&[], &["ignored"]));
    repo.write("fresh.py", service(&[], &["fresh"]));
    let titles = repo.check(&["--worktree"]).titles().join("\n");
    assert!(titles.contains("/fresh"), "{titles}");
    assert!(!titles.contains("/ignored"), "{titles}");
}

#[test]
fn the_first_commit_is_compared_with_nothing() {
    let repo = Repo::new();
    repo.write("app.py", service(&["users"], &[]));
    repo.git(&["add", "-A"]);
    let staged = repo.check(&["--staged"]);
    assert!(staged.titles().join("\n").contains("/users"));
    let root = repo.commit("first");
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_SHA", &root),
    ];
    let run = repo.check_in(&[], &variables);
    assert!(run.titles().join("\n").contains("/users"));
    assert!(run.json()["base"].is_null());
    assert!(run.json()["notes"].to_string().contains("first commit"));
}

#[test]
fn bare_repositories_and_linked_work_trees_are_read() {
    let repo = guard_lost();
    let bare = repo.beside("bare.git");
    git(
        &repo.path,
        &["clone", "-q", "--bare", ".", bare.to_str().unwrap()],
    );
    let from = |folder: &Path, args: &[&str]| threatgate(folder, args, &[]);
    let args = [
        "check", "--format", "json", "--base", "main", "--head", "feature",
    ];
    assert_eq!(from(&bare, &args).expect(3).titles(), [LOST]);
    let run = from(&bare, &["check", "--format", "json", "--staged"]).expect(2);
    assert!(
        run.stderr.contains("is a bare repository"),
        "{}",
        run.stderr
    );

    let linked = repo.beside("linked");
    repo.git(&[
        "worktree",
        "add",
        "-q",
        "--detach",
        linked.to_str().unwrap(),
        "feature",
    ]);
    let args = ["check", "--format", "json", "--base", "main"];
    assert_eq!(from(&linked, &args).expect(3).titles(), [LOST]);
    std::fs::create_dir(linked.join("below")).unwrap();
    assert_eq!(
        from(&linked.join("below"), &args).expect(3).titles(),
        [LOST]
    );
}

fn shallow(repo: &Repo, branch: &str, depth: &str) -> std::path::PathBuf {
    let clone = repo.beside("shallow");
    let source = format!("file://{}", repo.path.display());
    let target = clone.to_str().expect("UTF-8");
    let args = [
        "clone",
        "-q",
        "--depth",
        depth,
        "--no-single-branch",
        "-b",
        branch,
        &source,
        target,
    ];
    git(&repo.path, &args);
    clone
}

#[test]
fn a_shallow_clone_is_incomplete_and_says_what_helps() {
    let repo = diverged();
    let clone = shallow(&repo, "feature", "1");
    let report = repo.beside("report.json");
    let to_file = format!("json={}", report.display());
    let run = threatgate(
        &clone,
        &[
            "check",
            "--base",
            "origin/main",
            "--format",
            "json",
            "--format",
            &to_file,
        ],
        &[],
    )
    .expect(4);
    let json = run.json();
    assert_eq!(json["verdict"], "incomplete");
    assert!(
        json["reasons"][0]
            .as_str()
            .unwrap()
            .contains("git fetch --unshallow"),
        "{json}"
    );
    assert!(json["coverage"]["alarms"][0].is_string(), "{json}");
    assert_eq!(std::fs::read_to_string(&report).unwrap(), run.stdout);

    let github = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_BASE_REF", "main"),
    ];
    let run = threatgate(&clone, &["check", "--format", "json"], &github).expect(4);
    assert!(run.stderr.contains("fetch-depth: 0"), "{}", run.stderr);
    threatgate(
        &clone,
        &["check", "--format", "json", "--exit-zero"],
        &github,
    )
    .expect(0);
    let run = threatgate(&clone, &["review", "list"], &github).expect(4);
    assert!(run.stderr.contains("fetch-depth: 0"), "{}", run.stderr);
}

#[test]
fn a_package_of_constants_is_no_alarm_where_another_framework_answers() {
    let gin = "package main\n\nimport (\n\t\"net/http\"\n\n\t\"github.com/gin-gonic/gin\"\n)\n\nfunc main() {\n\tr := gin.New()\n\tr.GET(\"/\", func(c *gin.Context) { c.Status(http.StatusOK) })\n\tr.Run()\n}\n";
    let folder = tempfile::TempDir::new().unwrap();
    let command = ["inventory", ".", "--format", "json"];
    std::fs::write(folder.path().join("main.go"), gin).unwrap();
    let run = threatgate(folder.path(), &command, &[]).expect(0);
    let alarms = run.json()["coverage"]["alarms"].clone();
    assert_eq!(alarms, serde_json::json!([]));

    let other = "package main\n\nimport \"net/http\"\n\nvar mux = http.NewServeMux()\n";
    std::fs::write(folder.path().join("other.go"), other).unwrap();
    let run = threatgate(folder.path(), &command, &[]).expect(0);
    let alarms = run.json()["coverage"]["alarms"].to_string();
    assert!(alarms.contains("net_http is imported"), "{alarms}");
}

#[test]
fn a_partial_clone_is_incomplete_and_says_what_helps() {
    let repo = diverged();
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let head = repo.git(&["rev-parse", "feature"]);
    let source = format!("file://{}", repo.path.display());
    let clone = repo.beside("partial");
    let target = clone.to_str().expect("UTF-8");
    git(
        &repo.path,
        &[
            "clone",
            "-q",
            "--filter=blob:none",
            "-b",
            "feature",
            &source,
            target,
        ],
    );
    let circle = [("CIRCLECI", "true"), ("CIRCLE_SHA1", head.as_str())];
    let args = ["check", "--format", "json"];
    let run = threatgate(&clone, &args, &circle).expect(4);
    assert_eq!(run.json()["verdict"], "incomplete");
    assert!(run.stderr.contains("app.py is not in"), "{}", run.stderr);
    assert!(run.stderr.contains("method: full"), "{}", run.stderr);
    let run = threatgate(&clone, &args, &[]).expect(4);
    assert!(run.stderr.contains("--no-filter"), "{}", run.stderr);

    git(&clone, &["fetch", "-q", "--refetch", "--no-filter"]);
    let run = threatgate(&clone, &args, &circle).expect(3);
    assert_eq!(run.titles(), [LOST]);
}

#[test]
fn a_branch_without_the_default_branch_is_not_judged_by_its_last_commit() {
    let repo = diverged();
    repo.git(&["checkout", "-q", "feature"]);
    let head = repo.commit_file("other.txt", "harmless\n");
    let jenkins = [
        ("JENKINS_URL", "https://ci.example.org/"),
        ("GIT_COMMIT", head.as_str()),
    ];
    assert_eq!(repo.check_in(&[], &jenkins).expect(3).titles(), [LOST]);
    repo.git(&["branch", "-q", "-D", "main"]);
    let run = repo.check_in(&[], &jenkins).expect(4);
    assert!(run.stderr.contains("git fetch origin"), "{}", run.stderr);
}

#[test]
fn a_push_to_the_default_branch_is_judged_when_others_came_since() {
    let repo = Repo::new();
    repo.commit_file("app.py", service(&["users"], &[]));
    let head = repo.commit_file("app.py", service(&[], &["users"]));
    repo.commit_file("other.txt", "harmless\n");
    let circle = [("CIRCLECI", "true"), ("CIRCLE_SHA1", head.as_str())];
    assert_eq!(repo.check_in(&[], &circle).expect(3).titles(), [LOST]);
}

#[test]
fn a_push_whose_start_is_cut_off_is_not_judged_by_its_last_commit() {
    let repo = Repo::new();
    let before = repo.commit_file("app.py", service(&["users"], &[]));
    repo.commit_file("app.py", service(&[], &["users"]));
    let after = repo.commit_file("other.txt", "harmless\n");
    let clone = shallow(&repo, "main", "2");
    let event = repo.beside("event.json");
    let text = serde_json::json!({ "before": before, "after": after, "repository": { "default_branch": "main" } });
    std::fs::write(&event, text.to_string()).unwrap();
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
    ];
    let run = threatgate(&clone, &["check", "--format", "json"], &variables).expect(4);
    assert!(run.stderr.contains("fetch-depth: 0"), "{}", run.stderr);
    assert_eq!(repo.check_in(&[], &variables).expect(3).titles(), [LOST]);
}

#[test]
fn histories_without_a_common_commit_need_exact() {
    let repo = guard_lost();
    repo.git(&["checkout", "-q", "--orphan", "other"]);
    repo.commit("unrelated");
    let run = repo.check(&["--base", "main"]).expect(2);
    assert!(run.stderr.contains("--exact"), "{}", run.stderr);
    repo.check(&["--base", "main", "--exact"]).expect(3);
}

// --- pipelines

/// Runs in a pipeline that has written an event file.
fn in_github(
    repo: &Repo,
    name: &str,
    event: &serde_json::Value,
    variables: &[(&str, &str)],
) -> crate::repository::Run {
    let path = repo.beside("event.json");
    std::fs::write(&path, event.to_string()).expect("a file");
    let mut all = vec![
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", name),
        ("GITHUB_EVENT_PATH", path.to_str().expect("UTF-8")),
    ];
    all.extend(variables);
    repo.check_in(&[], &all)
}

/// The merge of `feature` into `main`, checked out as a pipeline does.
fn merged() -> (Repo, String, String) {
    let repo = Repo::new();
    repo.commit_file("app.py", service(&["users", "orders"], &[]));
    repo.git(&["checkout", "-q", "-b", "feature"]);
    let tip = repo.commit_file("app.py", service(&["orders"], &["users"]));
    repo.git(&["checkout", "-q", "main"]);
    repo.commit_file(
        "other.py",
        service(&[], &["arrived-on-main"]).replace("def arrived-on-main", "def arrived"),
    );
    repo.git(&["checkout", "-q", "--detach"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "feature"]);
    let merge = repo.git(&["rev-parse", "HEAD"]);
    (repo, tip, merge)
}

#[test]
fn github_pull_request_uses_the_merge_refs_first_parent() {
    let (repo, tip, merge) = merged();
    // The frozen base of the event must play no part.
    let stale = repo.git(&["rev-parse", "main~1"]);
    let event = serde_json::json!({ "pull_request": { "base": { "ref": "main", "sha": stale }, "head": { "sha": tip } } });
    let variables = [("GITHUB_SHA", merge.as_str()), ("GITHUB_BASE_REF", "main")];
    let run = in_github(&repo, "pull_request", &event, &variables).expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(run.json()["base"], repo.git(&["rev-parse", "main"]));
    assert_eq!(run.json()["range"], "GitHub pull_request");

    // Who checks out the tip has no merge ref.
    let gone = "1234567890123456789012345678901234567890";
    let run = in_github(
        &repo,
        "pull_request",
        &event,
        &[("GITHUB_SHA", gone), ("GITHUB_BASE_REF", "main")],
    )
    .expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(run.json()["head"], tip);
}

#[test]
fn github_merge_group_compares_the_trees_of_its_event() {
    let (repo, _, merge) = merged();
    let base = repo.git(&["rev-parse", "main"]);
    let event = serde_json::json!({ "merge_group": { "base_sha": base, "head_sha": merge } });
    let run = in_github(&repo, "merge_group", &event, &[("GITHUB_SHA", &merge)]).expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(run.json()["base"], base);
}

#[test]
fn github_push_starts_where_the_event_says() {
    let repo = Repo::new();
    let before = repo.commit_file("app.py", service(&["users"], &[]));
    repo.commit_file("app.py", service(&[], &["users"]));
    let after = repo.commit_file("other.txt", "harmless\n");
    let event = |before: &str| serde_json::json!({ "before": before, "after": after, "forced": false, "repository": { "default_branch": "main" } });
    let run = in_github(&repo, "push", &event(&before), &[]).expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(run.json()["base"], before);

    // The first push of a branch has no start: the merge base with the default branch.
    let repo = diverged();
    let zero = "0".repeat(40);
    let event = serde_json::json!({ "before": zero, "after": repo.git(&["rev-parse", "HEAD"]), "repository": { "default_branch": "main" } });
    let run = in_github(&repo, "push", &event, &[]).expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(
        run.json()["base"],
        repo.git(&["merge-base", "main", "feature"])
    );

    // A forced push is compared from where old and new part.
    let event = serde_json::json!({ "before": repo.git(&["rev-parse", "main"]), "after": repo.git(&["rev-parse", "HEAD"]), "forced": true });
    let run = in_github(&repo, "push", &event, &[]).expect(3);
    assert_eq!(run.titles(), [LOST]);
}

#[test]
fn gitlab_merge_requests_and_branches() {
    let repo = diverged();
    let head = repo.git(&["rev-parse", "feature"]);
    let base = repo.git(&["merge-base", "main", "feature"]);
    let variables = [
        ("GITLAB_CI", "true"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.as_str()),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        (
            "CI_COMMIT_BEFORE_SHA",
            "0000000000000000000000000000000000000000",
        ),
        ("CI_COMMIT_SHA", head.as_str()),
    ];
    let run = repo.check_in(&[], &variables).expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(run.json()["range"], "GitLab merge request");
    let run = repo.check_in(
        &[],
        &[
            ("GITLAB_CI", "true"),
            (
                "CI_COMMIT_BEFORE_SHA",
                "0000000000000000000000000000000000000000",
            ),
            ("CI_COMMIT_SHA", head.as_str()),
            ("CI_DEFAULT_BRANCH", "main"),
        ],
    );
    assert_eq!(run.expect(3).titles(), [LOST]);

    let (repo, tip, merge) = merged();
    let target = repo.git(&["rev-parse", "main"]);
    let variables = [
        ("GITLAB_CI", "true"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_EVENT_TYPE", "merged_result"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", tip.as_str()),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", target.as_str()),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_COMMIT_SHA", merge.as_str()),
    ];
    let run = repo.check_in(&[], &variables).expect(3);
    assert_eq!(run.titles(), [LOST]);
    assert_eq!(run.json()["base"], target);
}

#[test]
fn other_pipelines_name_their_target_branch() {
    let repo = diverged();
    let head = repo.git(&["rev-parse", "feature"]);
    let head = head.as_str();
    let jobs: [(&str, Vec<(&str, &str)>); 4] = [
        (
            "Bitbucket Pipelines",
            vec![
                ("BITBUCKET_COMMIT", head),
                ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
            ],
        ),
        (
            "Azure Pipelines",
            vec![
                ("TF_BUILD", "True"),
                ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
                ("SYSTEM_PULLREQUEST_SOURCECOMMITID", head),
                ("BUILD_SOURCEVERSION", head),
            ],
        ),
        (
            "Jenkins",
            vec![
                ("JENKINS_URL", "https://ci.example.org/"),
                ("CHANGE_TARGET", "main"),
                ("GIT_COMMIT", head),
            ],
        ),
        (
            "CircleCI",
            vec![("CIRCLECI", "true"), ("CIRCLE_SHA1", head)],
        ),
    ];
    for (name, variables) in jobs {
        let run = repo.check_in(&[], &variables).expect(3);
        assert_eq!(run.titles(), [LOST], "{name}");
        assert_eq!(run.json()["range"], name);
    }
    let run = repo
        .check_in(
            &[],
            &[
                ("BITBUCKET_COMMIT", head),
                ("BITBUCKET_PR_DESTINATION_BRANCH", "gone"),
            ],
        )
        .expect(4);
    assert!(run.stderr.contains("depth: full"), "{}", run.stderr);
}

// --- policy, exceptions, exit codes

const BLOCKS: &str = "version = 1\n[[rule]]\nid = \"no-guard-lost\"\nwhen = { kind = \"auth\", direction = \"weakened\" }\nverdict = \"block\"\n";
const ALLOWS: &str = "version = 1\n[[rule]]\nid = \"all-fine\"\nverdict = \"pass\"\n";

#[test]
fn the_policy_is_that_of_the_base() {
    let repo = Repo::new();
    repo.write(".threatgate/policy.toml", BLOCKS);
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.write(".threatgate/policy.toml", ALLOWS);
    repo.commit_file("app.py", service(&[], &["users"]));
    let run = repo.check(&["--base", "main"]).expect(1);
    assert_eq!(run.json()["verdict"], "block");
    assert!(
        run.json()["policy"]
            .as_str()
            .unwrap()
            .starts_with(".threatgate/policy.toml at ")
    );
    // The change of the policy is itself a change.
    assert_eq!(run.json()["changes"].as_array().unwrap().len(), 2);
    repo.check(&["--base", "main", "--exit-zero"]).expect(0);

    let file = repo.beside("policy.toml");
    let args = ["--base", "main", "--policy", file.to_str().unwrap()];
    std::fs::write(&file, ALLOWS).unwrap();
    // The built-in floor holds whatever the rules say; a floor of the same name takes its place.
    let run = repo.check(&args).expect(3);
    assert!(
        run.json()["reasons"][0]
            .as_str()
            .unwrap()
            .contains("gate-floor")
    );
    let floor = "[[floor]]\nid = \"gate-floor\"\nwhen = { kind = \"gate\" }\nverdict = \"pass\"\n";
    std::fs::write(&file, format!("{ALLOWS}{floor}")).unwrap();
    let run = repo.check(&args).expect(0);
    assert_eq!(run.json()["verdict"], "pass");
}

#[test]
fn exceptions_end_on_their_day() {
    let exception = |expires: &str| {
        format!(
            "{BLOCKS}[[exception]]\nid = \"migration\"\nreason = \"moved to the proxy\"\nowner = \"@acme/web\"\nexpires = \"{expires}\"\n"
        )
    };
    let repo = guard_lost();
    let file = repo.beside("policy.toml");
    let args = ["--base", "main", "--policy", file.to_str().unwrap()];
    std::fs::write(&file, exception("2999-01-01")).unwrap();
    let run = repo.check(&args).expect(0);
    assert_eq!(run.json()["verdict"], "warn");
    assert!(
        run.json()["changes"][0]["exception"]
            .as_str()
            .unwrap()
            .contains("migration")
    );
    std::fs::write(&file, exception("2001-01-01")).unwrap();
    let run = repo.check(&args).expect(1);
    let notes = run.json()["changes"][0]["notes"].to_string();
    assert!(notes.contains("expired on 2001-01-01"), "{notes}");
}

#[test]
fn what_was_not_understood_can_fail_the_gate() {
    let repo = Repo::new();
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.commit_file("app.py", b"\0binary");
    let file = repo.beside("policy.toml");
    std::fs::write(&file, "version = 1\n[unknown]\nfiles = \"incomplete\"\nguards = \"pass\"\n[[rule]]\nid = \"all\"\nverdict = \"pass\"\n").unwrap();
    let run = repo
        .check(&["--base", "HEAD~1", "--policy", file.to_str().unwrap()])
        .expect(4);
    assert_eq!(run.json()["verdict"], "incomplete");
    assert_eq!(run.json()["coverage"]["problems"][0]["path"], "app.py");
}

#[test]
fn mistakes_in_the_configuration_have_a_line() {
    let repo = Repo::new();
    repo.write(
        ".threatgate/policy.toml",
        "version = 1\n\n[[rule]]\nid = \"a\"\nverdict = \"stop\"\n",
    );
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.commit("next");
    let run = repo.check(&["--base", "HEAD~1"]).expect(2);
    assert!(
        run.stderr
            .contains(".threatgate/policy.toml:5: unknown variant `stop`"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.is_empty());

    let repo = Repo::new();
    repo.write(
        ".threatgate/rules/python/own.toml",
        "source = \"https://example.org\"\n\n[[rule]]\nid = \"own\"\ncal = \"x.y\"\n",
    );
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.commit("next");
    let run = repo.check(&["--base", "HEAD~1"]).expect(2);
    assert!(
        run.stderr
            .contains(".threatgate/rules/python/own.toml:5: unknown field `cal`"),
        "{}",
        run.stderr
    );
}

#[test]
fn wrong_arguments_say_what_is_right() {
    let repo = guard_lost();
    let error = |args: &[&str], words: &str| {
        let run = repo.run(args).expect(2);
        assert!(run.stderr.contains(words), "{args:?}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{args:?}: {}", run.stdout);
    };
    error(&["check", "--format", "yaml"], "unknown format \"yaml\"");
    error(&["check", "--format", "json="], "no file name");
    error(
        &["check", "--format", "json", "--format", "json"],
        "2 reports would go to stdout",
    );
    error(
        &["check", "--staged", "--worktree", "--format", "json"],
        "cannot be used with",
    );
    error(
        &["check", "--base", "mai", "--format", "json"],
        "revision \"mai\" is not in this repository",
    );
    error(
        &["check", "--repo", "/nowhere", "--format", "json"],
        "not a git repository",
    );
    error(
        &["check", "--policy", "nowhere.toml", "--format", "json"],
        "nowhere.toml",
    );
    error(&["nonsense"], "unrecognized subcommand");
    error(&["explain", "TG-AUTHN-01"], "did you mean TG-AUTHN-001");
    error(
        &["explain", "TC-000000000000", "--base", "main"],
        "no change \"TC-000000000000\"",
    );
    error(
        &["rules", "explain", "flask-rout"],
        "did you mean flask-route",
    );
    error(&["rules", "test"], "no rule files");
    let empty = tempfile::TempDir::new().unwrap();
    let run = threatgate(empty.path(), &["check", "--format", "json"], &[]).expect(2);
    assert!(
        run.stderr.contains("not a git repository"),
        "{}",
        run.stderr
    );
}

#[test]
fn reports_go_to_stdout_and_to_files() {
    let repo = guard_lost();
    let file = repo.beside("reports/deep/report.json");
    let target = format!("json={}", file.display());
    let run = repo
        .check(&["--base", "main", "--format", &target])
        .expect(3);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), run.stdout);
    // The same input gives the same bytes.
    assert_eq!(repo.check(&["--base", "main"]).stdout, run.stdout);
    let silent = repo
        .run(&["check", "--base", "main", "--format", &target])
        .expect(3);
    assert!(silent.stdout.is_empty());
}

// --- odd files

/// A repository with one file, and the same with the file changed, at HEAD.
fn changed(path: &str, before: impl AsRef<[u8]>, after: impl AsRef<[u8]>) -> Repo {
    let repo = Repo::new();
    repo.commit_file(path, before);
    repo.commit_file(path, after);
    repo
}

fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

#[test]
fn encodings_and_line_ends_change_nothing() {
    let text = service(&["users"], &[]);
    let bom = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    let crlf = text.replace('\n', "\r\n");
    for (name, bytes) in [
        ("bom", bom),
        ("crlf", crlf.into_bytes()),
        ("utf-16", utf16(&text)),
    ] {
        let run = changed("app.py", &text, bytes).check(&["--base", "HEAD~1"]);
        assert_eq!(run.titles(), [""; 0], "{name}");
        assert_eq!(run.json()["coverage"]["files_read"], 1, "{name}");
    }
    let open = service(&[], &["users"]);
    let run = changed("app.py", utf16(&text), open.replace('\n', "\r\n"))
        .check(&["--base", "HEAD~1"])
        .expect(3);
    assert_eq!(run.titles(), [LOST]);
}

#[test]
fn invalid_utf8_is_read_and_counted() {
    let mut after = service(&[], &["users"]).into_bytes();
    after.extend(b"\n# caf\xE9\n");
    let run = changed("app.py", service(&["users"], &[]), after)
        .check(&["--base", "HEAD~1"])
        .expect(3);
    assert_eq!(run.titles(), [LOST]);
    let problems = run.json()["coverage"]["problems"].to_string();
    assert!(problems.contains("no valid UTF-8"), "{problems}");
}

#[test]
fn huge_and_minified_files_end_in_the_coverage() {
    let mut huge = service(&["users"], &[]);
    while huge.len() < 3 << 20 {
        huge += "# a comment that makes the file larger than anybody writes by hand\n";
    }
    let run = changed("app.py", service(&["users"], &[]), huge).check(&["--base", "HEAD~1"]);
    let problems = run.json()["coverage"]["problems"].to_string();
    assert!(problems.contains("larger than is read"), "{problems}");

    let minified = format!("const a=[{}];\n", "f(1,{b:[2]}),".repeat(60_000));
    let run = changed("bundle.min.js", "const a=[];\n", minified)
        .check(&["--base", "HEAD~1"])
        .expect(0);
    assert!(run.titles().is_empty());
}

#[test]
fn deep_nesting_does_not_crash() {
    let deep = format!("x = {}{}\n", "[".repeat(50_000), "]".repeat(50_000));
    let run = changed(
        "app.py",
        service(&["users"], &[]),
        deep + &service(&["users"], &[]),
    )
    .check(&["--base", "HEAD~1"]);
    assert!(matches!(run.code, 0 | 3), "{}: {}", run.code, run.stderr);
    run.json();
}

#[test]
fn a_renamed_and_edited_file_is_silent() {
    let repo = Repo::new();
    repo.commit_file("app.py", service(&["users", "orders"], &[]));
    std::fs::create_dir(repo.path.join("web")).unwrap();
    repo.git(&["mv", "app.py", "web/main.py"]);
    repo.commit_file(
        "web/main.py",
        format!("# The service.\n{}", service(&["orders", "users"], &[])),
    );
    let run = repo.check(&["--base", "HEAD~1"]).expect(0);
    assert_eq!(run.titles(), [""; 0]);
    assert_eq!(run.json()["coverage"]["files_changed"], 1);
}

#[test]
fn a_deleted_file_takes_its_endpoints_with_it() {
    let repo = Repo::new();
    repo.write("keep.txt", "kept\n");
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.git(&["rm", "-q", "app.py"]);
    repo.commit("gone");
    let run = repo.check(&["--base", "HEAD~1"]);
    assert_eq!(run.json()["changes"][0]["change"], "removed");
    assert_eq!(run.json()["changes"][0]["at_base"], true);
}

#[cfg(unix)]
#[test]
fn links_submodules_and_lfs_pointers_are_counted_and_not_followed() {
    let repo = Repo::new();
    repo.write("big.py", service(&["users"], &[]));
    repo.commit_file("app.py", service(&["users"], &[]));
    std::os::unix::fs::symlink("/etc/passwd", repo.path.join("link.py")).unwrap();
    repo.write("big.py", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n");
    let commit = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},vendor/lib"),
    ]);
    std::fs::create_dir_all(repo.path.join("vendor/lib")).unwrap();
    repo.git(&["add", "link.py", "big.py"]);
    repo.git(&["commit", "-q", "-m", "odd"]);
    let run = repo.check(&["--base", "HEAD~1"]);
    assert!(!run.stdout.contains("root:"), "the link was followed");
    let json = run.json();
    let problems: Vec<(&str, &str)> = json["coverage"]["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            (
                problem["path"].as_str().unwrap(),
                problem["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        problems,
        [
            ("big.py", "its content is in Git LFS"),
            ("link.py", "a symbolic link; links are not followed"),
            (
                "vendor/lib",
                "a submodule moved; its content is in another repository"
            ),
        ]
    );
}

#[cfg(unix)]
#[test]
fn hostile_file_names_cannot_speak() {
    let repo = Repo::new();
    repo.commit_file("keep.txt", "kept\n");
    let name = "a\n::error::x\u{1b}[2J.py";
    repo.commit_file(name, service(&[], &["users"]));
    let run = repo.check(&["--base", "HEAD~1"]);
    assert_eq!(run.json()["changes"][0]["path"], name);
    assert!(!run.stdout.contains('\u{1b}'));
    for args in [
        ["review", "show", "--base", "HEAD~1"],
        ["review", "list", "--base", "HEAD~1"],
    ] {
        let run = repo.run(&args);
        assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
        assert!(!run.stdout.contains("\n::error"), "{}", run.stdout);
    }
}

// --- the other commands

#[test]
fn a_required_review_is_shown_and_written() {
    let repo = Repo::new();
    repo.write(".github/CODEOWNERS", "* @acme/web\n");
    repo.commit_file("app.py", service(&["users"], &[]));
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.commit_file("app.py", service(&[], &["users"]));
    let range = ["--base", "main"];
    let run = |args: &[&str]| {
        let mut all = vec!["review"];
        all.extend(args);
        all.extend(range);
        repo.run(&all)
    };
    let listed = run(&["list", "--format", "json"]).expect(0).json();
    let id = listed["reviews"][0]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("TR-"));
    assert!(run(&["list"]).expect(0).stdout.starts_with(&id));
    let shown = run(&["show", &id]).expect(0).stdout;
    for words in [LOST, "app.py:7", "q1", "one of @acme/web"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let other = run(&["show", "TR-00000000"]).expect(2);
    assert!(other.stderr.contains(&id), "{}", other.stderr);

    run(&["write", "out/review.json"]).expect(0);
    let text = std::fs::read_to_string(repo.path.join("out/review.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["review"]["id"], id.as_str());
    assert_eq!(written["changes"][0]["title"], LOST);
    run(&["write", "out/review.md"]).expect(0);
    let text = std::fs::read_to_string(repo.path.join("out/review.md")).unwrap();
    assert!(
        text.starts_with(&format!("# Threat review {id}\n")),
        "{text}"
    );
    assert!(text.contains("&#64;acme/web"), "{text}");

    let none = repo
        .run(&["review", "write", "none.json", "--base", "HEAD"])
        .expect(2);
    assert!(
        none.stderr.contains("no review is required"),
        "{}",
        none.stderr
    );
    assert!(!repo.path.join("none.json").exists());
}

#[test]
fn ids_of_a_report_can_be_explained() {
    let repo = guard_lost();
    let report = repo.check(&["--base", "main"]).json();
    let change = report["changes"][0]["id"].as_str().unwrap();
    let shown = repo
        .run(&["explain", change, "--base", "main"])
        .expect(0)
        .stdout;
    for words in [
        LOST,
        "guard at app.py:8: login_required",
        "guard_state: guarded → open",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let threat = report["threats"][0]["id"].as_str().unwrap();
    assert!(
        repo.run(&["explain", threat])
            .expect(0)
            .stdout
            .contains("CWE-")
    );
    let rule = report["changes"][0]["before"]["rule"].as_str().unwrap();
    let shown = repo.run(&["explain", rule]).expect(0).stdout;
    assert!(shown.contains("rules/python/flask.toml"), "{shown}");
    let policy = report["changes"][0]["policy_rule"].as_str().unwrap();
    let run = repo.run(&["explain", policy, "--format", "json"]).expect(0);
    assert_eq!(run.json()["verdict"], "review");
}

#[test]
fn a_teams_rules_are_tested_listed_and_used() {
    let repo = Repo::new();
    let rule = "source = \"https://example.org/guards\"\nimports = [\"acme\"]\n\n[[rule]]\nid = \"acme-login\"\nnames = [\"acme.auth.signed_in\"]\nlink = \"guard-name\"\nguard = \"authentication\"\n";
    repo.write(".threatgate/rules/python/acme.toml", rule);
    assert_eq!(repo.run(&["rules", "test"]).expect(0).stdout, "1 rule ok\n");
    let listed = repo
        .run(&["rules", "list", "--format", "json"])
        .expect(0)
        .json();
    let rules = listed["rules"].as_array().unwrap();
    assert!(
        rules.iter().any(|rule| rule["id"] == "acme-login"
            && rule["file"] == ".threatgate/rules/python/acme.toml")
    );
    assert!(rules.iter().any(|rule| rule["id"] == "flask-route"));
    let shown = repo
        .run(&["rules", "explain", "acme-login"])
        .expect(0)
        .stdout;
    assert!(shown.contains("https://example.org/guards"), "{shown}");

    repo.write(
        ".threatgate/rules/python/acme.toml",
        rule.replace("link = \"guard-name\"", "link = \"guard-nam\""),
    );
    repo.write(".threatgate/rules/klingon/acme.toml", rule);
    let run = repo.run(&["rules", "test"]).expect(2);
    assert!(
        run.stderr
            .contains(".threatgate/rules/python/acme.toml:7: unknown variant `guard-nam`"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains(".threatgate/rules/klingon/acme.toml:1: no rules can stand here"),
        "{}",
        run.stderr
    );
}

/// What turns callers away and hangs on no endpoint is proposed, a handler's own check is not.
#[test]
fn guards_and_candidates_are_listed() {
    let repo = Repo::new();
    repo.commit_file(
        "app.py",
        "from flask import Flask, abort, g\nfrom flask_login import login_required\n\n\
         app = Flask(__name__)\n\n\n\
         def ensure_team(team):\n    if team not in g.teams:\n        abort(403)\n\n\n\
         @app.get('/teams')\n@login_required\ndef teams():\n    return []\n\n\n\
         @app.get('/staff')\ndef staff():\n    if not g.staff:\n        abort(403)\n    return []\n",
    );
    let json = repo.run(&["guards", "--format", "json"]).expect(0).json();
    assert_eq!(json["guards"][0]["name"], "login_required");
    assert_eq!(json["guards"][0]["endpoints"], 1);
    let candidates = json["candidates"].as_array().expect("candidates");
    let names: Vec<_> = candidates.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["ensure_team"]);
    let text = repo.run(&["guards"]).expect(0).stdout;
    assert!(text.contains("names = [\"ensure_team\"]"), "{text}");
}

#[test]
fn help_and_version_exit_with_zero() {
    let repo = Repo::new();
    for args in [
        &["--help"][..],
        &["--version"],
        &["check", "--help"],
        &["review", "show", "--help"],
        &["rules", "test", "--help"],
    ] {
        let run = repo.run(args).expect(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{args:?}");
    }
}

/// A file that is absent and stays as it is does not keep the gate from judging; it is listed.
#[test]
fn an_absent_file_that_did_not_change_is_a_problem_only() {
    let repo = Repo::new();
    for index in 0..40 {
        repo.write(&format!("notes/n{index}.py"), format!("N = {index}\n"));
    }
    repo.write("data.py", "from flask import Flask\nDATA = 1\n");
    let app = "from flask import Flask\nfrom flask_login import login_required\n\n\
               app = Flask(__name__)\n\n\n@app.get('/orders')\n@login_required\n\
               def orders():\n    return []\n";
    let base = repo.commit_file("app.py", app);
    let head = repo.commit_file("app.py", app.replace("@login_required\n", ""));
    let blob = repo.git(&["rev-parse", "HEAD:data.py"]);
    let blob = blob.trim();
    std::fs::remove_file(
        repo.path
            .join(format!(".git/objects/{}/{}", &blob[..2], &blob[2..])),
    )
    .expect("the object is loose");
    let run = repo.check(&["--base", &base, "--head", &head]).expect(3);
    let json = run.json();
    assert_eq!(json["verdict"], "review");
    let problems = json["coverage"]["problems"].to_string();
    assert!(problems.contains("data.py"), "{problems}");
}

#[test]
fn a_vector_alone_gives_the_score() {
    let vector = "TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1";
    let repo = Repo::new();
    let run = repo.run(&["score", vector]).expect(0);
    assert_eq!(run.stdout, "critical 84 = likelihood 8.5 × impact 8\n");
    let run = repo.run(&["score", "TGR:1/O:9"]).expect(2);
    assert!(run.stderr.contains("\"S\" is missing"), "{}", run.stderr);
}

/// Every risk in a report is what its vector gives.
#[test]
fn risks_follow_from_their_vectors() {
    let repo = guard_lost();
    let run = repo.run(&["check", "--base", "HEAD~1", "--format", "json"]);
    let assessment = run.json();
    let mut seen = 0;
    for threat in assessment["threats"].as_array().expect("threats") {
        let risk = &threat["risk"];
        let vector = risk["vector"].as_str().expect("a vector");
        let score = repo.run(&["score", vector, "--format", "json"]).json();
        for part in ["severity", "rank", "likelihood", "impact"] {
            assert_eq!(score[part], risk[part], "{vector}");
        }
        seen += 1;
    }
    assert!(seen > 0, "{}", run.stdout);
}

#[test]
fn a_policy_can_ask_for_the_severity() {
    let repo = guard_lost();
    let file = repo.beside("policy.toml");
    let args = ["--base", "main", "--policy", file.to_str().unwrap()];
    let rule = |severity: &str, verdict: &str| {
        format!(
            "version = 1\n\n[[rule]]\nid = \"grave\"\nwhen = {{ severity = {severity} }}\nverdict = \"{verdict}\"\n"
        )
    };
    std::fs::write(&file, rule("[\"critical\", \"high\"]", "block")).unwrap();
    let run = repo.check(&args).expect(1);
    assert_eq!(run.json()["changes"][0]["policy_rule"], "grave");
    std::fs::write(&file, rule("\"note\"", "block")).unwrap();
    let run = repo.check(&args).expect(3);
    assert_eq!(run.json()["changes"][0]["policy_rule"], "guard-lost");
    std::fs::write(&file, rule("\"grave\"", "block")).unwrap();
    let run = repo.check(&args).expect(2);
    assert!(run.stderr.contains("critical"), "{}", run.stderr);
}
