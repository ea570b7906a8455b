//! The reports of the program on a repository: JSON against its published schemas, SARIF in what
//! code scanning needs, and the same bytes twice.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const BEFORE: &str = "from flask import Flask\nfrom flask_login import login_required\n\
    app = Flask(__name__)\n\n\
    @app.get(\"/users/<id>\")\n@login_required\ndef user(id):\n    return {}\n\n\
    @app.post(\"/orders\")\n@login_required\ndef order():\n    return {}\n";

/// Runs git without the user's and the machine's configuration, at a fixed time.
fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_AUTHOR_DATE", "2020-01-01T00:00:00Z")
        .env("GIT_COMMITTER_NAME", "A")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

fn threatgate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_threatgate"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("threatgate runs")
}

/// A repository in which two routes lose their guard, a file has a hostile name, and one is new.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    git(path, &["init", "-q", "-b", "main"]);
    std::fs::write(path.join("app.py"), BEFORE).expect("a file");
    git(path, &["add", "-A"]);
    git(path, &["commit", "-q", "-m", "base"]);
    let after = BEFORE.replace("@login_required\n", "");
    std::fs::write(path.join("app.py"), after).expect("a file");
    let hostile = "a\u{1b}[31m%0A b.py";
    let route = "from flask import Flask\napp = Flask(__name__)\n\
        @app.post(\"/pay\")\ndef pay():\n    return {}\n";
    std::fs::write(path.join(hostile), route).expect("a file");
    git(path, &["add", "-A"]);
    git(path, &["commit", "-q", "-m", "head"]);
    folder
}

fn check(folder: &Path, format: &str) -> String {
    let range = ["--base", "HEAD~1", "--head", "HEAD", "--exact"];
    let mut arguments = vec!["check", "--format", format];
    arguments.extend(range);
    let output = threatgate(folder, &arguments);
    assert_eq!(output.status.code(), Some(3), "{format}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn validate(schema: &str, document: &str) -> Value {
    let schema: Value = serde_json::from_str(schema).expect("a schema in JSON");
    let document: Value = serde_json::from_str(document).expect("a document in JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // A schema that takes anything would be no contract.
    let mut other = document.clone();
    other["surprise"] = Value::Bool(true);
    assert!(!validator.is_valid(&other));
    document
}

#[test]
fn json_keeps_its_schemas() {
    let folder = repository();
    let assessment = validate(
        include_str!("../docs/schema/assessment.schema.json"),
        &check(folder.path(), "json"),
    );
    assert_eq!(assessment["verdict"], "review");
    assert!(
        assessment["changes"]
            .as_array()
            .is_some_and(|all| all.len() >= 2)
    );
    assert!(assessment["review"].is_object());
    let output = threatgate(folder.path(), &["inventory", "--format", "json"]);
    assert!(output.status.success(), "{output:?}");
    let inventory = validate(
        include_str!("../docs/schema/inventory.schema.json"),
        &String::from_utf8_lossy(&output.stdout),
    );
    assert!(
        inventory["facts"]
            .as_array()
            .is_some_and(|all| all.len() >= 3)
    );
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let folder = repository();
    let log: Value = serde_json::from_str(&check(folder.path(), "sarif")).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert!(results.len() >= 2, "{results:#?}");
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let print = result["partialFingerprints"]["threatgate/v1"].as_str();
        assert!(print.is_some_and(|print| print.starts_with("TC-")));
        let physical = &result["locations"][0]["physicalLocation"];
        let uri = physical["artifactLocation"]["uri"]
            .as_str()
            .expect("a path");
        assert!(["app.py", "a%1B%5B31m%250A%20b.py"].contains(&uri), "{uri}");
        assert!(physical["region"]["startLine"].as_u64() >= Some(1));
    }
}

#[test]
fn reports_show_both_sides_and_no_escapes() {
    let folder = repository();
    for format in ["text", "json", "sarif", "markdown", "github"] {
        let first = check(folder.path(), format);
        assert_eq!(first, check(folder.path(), format), "{format}");
        assert!(!first.contains('\u{1b}'), "{format}");
    }
    let text = check(folder.path(), "text");
    assert!(text.contains(" - @login_required"), "{text}");
    assert!(text.contains("verdict: review (exit code 3)"), "{text}");
    let markdown = check(folder.path(), "markdown");
    assert!(markdown.starts_with("<!-- threatgate -->\n"), "{markdown}");
    assert!(markdown.contains("\n- @login_required\n"), "{markdown}");
}
