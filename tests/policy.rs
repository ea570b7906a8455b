//! The policy as its authors meet it: lint, tests, schema, waivers, components, roll-out, Rego.

use std::path::Path;

use serde_json::Value;

use crate::repository::Repo;

const GUARDED: &str = "from flask import Flask\nfrom flask_login import login_required\n\n\
    app = Flask(__name__)\n\n\n@app.get(\"/users\")\n@login_required\ndef users():\n    return load()\n";

/// A base with these files, and a branch on which a guard is gone.
fn lost(files: &[(&str, &str)]) -> Repo {
    let repo = Repo::new();
    for (path, text) in files {
        repo.write(path, text);
    }
    repo.commit_file("pay/app.py", GUARDED);
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.commit_file("pay/app.py", GUARDED.replace("@login_required\n", ""));
    repo
}

fn verdict(files: &[(&str, &str)]) -> (i32, Value) {
    let run = lost(files).check(&["--base", "main"]);
    (run.code, run.json())
}

fn with_policy(policy: &str) -> (i32, Value) {
    verdict(&[(".threatgate/policy.toml", policy)])
}

#[test]
fn components_say_what_a_place_is() {
    let component = "version = 1\n[[component]]\nname = \"payments\"\npaths = [\"pay/\"]\nowners = [\"@pay\"]\n\
                     exposure = \"internet\"\ncriticality = \"high\"\ndata = [\"pci\"]\n";
    let rule = |when: &str| {
        format!("{component}[[rule]]\nid = \"own\"\nverdict = \"block\"\nwhen = {{ {when} }}\n")
    };
    for (when, code) in [
        ("component = \"payments\"", 1),
        (
            "exposure = \"internet\", criticality = [\"high\", \"critical\"]",
            1,
        ),
        ("data = \"pci\"", 1),
        ("threat = \"TG-AUTHN-*\"", 1),
        ("exposure = \"internal\"", 3),
        ("data = \"phi\"", 3),
        ("critical = true", 3),
        ("threat = \"TG-CRYPTO-*\"", 3),
    ] {
        assert_eq!(with_policy(&rule(when)).0, code, "{when}");
    }
    let (_, json) = with_policy(component);
    assert!(
        json["review"]["reviewers"]
            .to_string()
            .contains("component payments")
    );

    // The critical path: by a component, by paths, by an owner.
    let critical = "[[rule]]\nid = \"own\"\nverdict = \"block\"\nwhen = { critical = true }\n";
    for more in [
        "[critical]\npaths = [\"pay/**\"]\n",
        "[critical]\nowners = [\"@money\"]\n",
        "[[component]]\nname = \"p\"\npaths = [\"pay/\"]\ncriticality = \"critical\"\n",
    ] {
        let policy = format!("version = 1\n{more}{critical}");
        let files = [
            (".threatgate/policy.toml", policy.as_str()),
            (".github/CODEOWNERS", "/pay/ @money\n"),
        ];
        let (code, json) = verdict(&files);
        assert_eq!(code, 1, "{more}");
        let risk = json["threats"][0]["risk"]["vector"].to_string();
        assert!(risk.contains("/K:1"), "{risk}");
    }
}

#[test]
fn floors_and_the_roll_out_bound_what_rules_say() {
    let pass = "version = 1\n[[rule]]\nid = \"all\"\nverdict = \"pass\"\n";
    assert_eq!(with_policy(pass).0, 0);
    let floor = format!(
        "{pass}[[floor]]\nid = \"f\"\nverdict = \"review\"\nwhen = {{ kind = \"auth\" }}\n"
    );
    assert_eq!(with_policy(&floor).0, 3);
    let observe = "version = 1\n[[rollout]]\nwhen = { kind = \"auth\" }\nmode = \"observe\"\n";
    let (code, json) = with_policy(observe);
    assert_eq!(code, 0);
    assert!(
        json["changes"]
            .to_string()
            .contains("would be review; the mode observe")
    );
    let other = observe.replace("auth", "crypto");
    assert_eq!(with_policy(&other).0, 3);
}

#[test]
fn waivers_lower_to_a_warning_and_are_watched() {
    let (_, json) = verdict(&[]);
    let threat = json["threats"][0]["id"]
        .as_str()
        .expect("a threat")
        .to_owned();
    let today = jiff::Zoned::now().date();
    let day = |days: i64| {
        let day = today
            .checked_add(jiff::Span::new().days(days))
            .expect("a day");
        day.to_string()
    };
    let waiver = format!(
        "version = 1\n\n[[waiver]]\nthreat = \"{threat}\"\nreason = \"moves behind the gateway\"\n\
         owner = \"@acme/platform\"\napproved-by = \"@acme/security\"\ncompensating-control = \"IP allow list\"\n\
         created = \"{}\"\nexpires = \"{}\"\n",
        day(-5),
        day(10)
    );
    let run = |text: &str| {
        verdict(&[
            (".threatgate/waivers.toml", text),
            (".threatgate/policy.toml", "version = 1\n"),
        ])
    };
    let (code, json) = run(&waiver);
    assert_eq!(code, 0, "{json}");
    assert_eq!(json["verdict"], "warn");
    let exception = json["changes"][0]["exception"].to_string();
    assert!(
        exception.contains("IP allow list") && exception.contains("approved by @acme/security"),
        "{exception}"
    );

    for (from, to, id) in [
        (
            format!("expires = \"{}\"", day(10)),
            format!("expires = \"{}\"", day(-1)),
            "waiver-expired",
        ),
        (
            format!("expires = \"{}\"", day(10)),
            format!("expires = \"{}\"", day(400)),
            "waiver-too-long",
        ),
        (
            "owner = \"@acme/platform\"".into(),
            "owner = \"\"".into(),
            "waiver-without-owner",
        ),
        (
            "@acme/security".into(),
            "@acme/platform".into(),
            "waiver-unapproved",
        ),
        (
            "compensating-control".into(),
            "ticket".into(),
            "waiver-incomplete",
        ),
        (threat.clone(), "TG-AUTHN-*".into(), "waiver-wildcard"),
        (threat.clone(), "TG-NONE-001@x".into(), "waiver-unmatched"),
    ] {
        let (code, json) = run(&waiver.replace(&from, &to));
        assert_eq!(code, 3, "{id}");
        let finding = &json["policy_findings"][0];
        assert_eq!(finding["id"], id, "{json}");
        assert_eq!(finding["line"], 3);
    }
}

#[test]
fn lint_points_into_the_file() {
    let repo = Repo::new();
    repo.write(
        ".threatgate/policy.toml",
        "version = 1\n\n[[rule]]\nid = \"wide\"\nwhen = { kind = \"auth\" }\nverdict = \"review\"\n\n\
         [[rule]]\nid = \"narrow\"\nwhen = { kind = \"auth\", change = \"added\" }\nverdict = \"block\"\n",
    );
    let run = repo.run(&["policy", "lint"]).expect(0);
    assert!(
        run.stdout
            .contains("warning[shadowed-rule]: the rule `narrow` never decides"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains(".threatgate/policy.toml:9:"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("`wide` holds wherever it does"),
        "{}",
        run.stdout
    );
    repo.run(&["policy", "lint", "--strict"]).expect(1);
    repo.write(".threatgate/policy.toml", "version = 1\nmod = \"block\"\n");
    let run = repo.run(&["policy", "lint"]).expect(2);
    assert!(
        run.stdout.contains("error[unknown-key]: unknown key `mod`"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("did you mean `mode`?"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_policy_is_tested_on_recorded_assessments() {
    let repo = lost(&[]);
    let file = ".threatgate/tests/lost.json";
    let recorded = repo.run(&[
        "check",
        "--base",
        "main",
        "--format",
        &format!("json={file}"),
    ]);
    assert_eq!(recorded.code, 3);
    let case = |verdict: &str| {
        format!(
            "[[case]]\nname = \"a guard is lost\"\nassessment = \"lost.json\"\nverdict = \"{verdict}\"\n"
        )
    };
    repo.write(".threatgate/tests/cases.toml", case("review"));
    repo.run(&["policy", "test"]).expect(0);
    repo.write(
        ".threatgate/policy.toml",
        "version = 1\n[[rule]]\nid = \"strict\"\nwhen = { kind = \"auth\" }\nverdict = \"block\"\n",
    );
    let run = repo.run(&["policy", "test"]).expect(1);
    assert!(
        run.stdout.contains("expected review, is block"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("review -> block (strict)"),
        "{}",
        run.stdout
    );
    repo.write(".threatgate/tests/cases.toml", case("block"));
    repo.run(&["policy", "test"]).expect(0);
    repo.run(&["policy", "test", file]).expect(0);
}

#[test]
fn the_schemas_for_editors_take_what_is_read_and_nothing_else() {
    let repo = Repo::new();
    for (name, example) in [
        (
            "policy",
            "version = 1\nmode = \"review\"\n[[rule]]\nid = \"a\"\nverdict = \"warn\"\nwhen = { kind = [\"auth\"], writes = true }\n",
        ),
        (
            "waivers",
            "version = 1\n[[waiver]]\nthreat = \"TG-AUTHN-002@x\"\n",
        ),
    ] {
        let schema = repo.run(&["policy", "schema", name]).expect(0);
        let validator = jsonschema::validator_for(&schema.json()).expect("a schema");
        let example: toml::Value = toml::from_str(example).expect("TOML");
        let mut example = serde_json::to_value(example).expect("JSON");
        assert!(validator.is_valid(&example));
        example["odd"] = true.into();
        assert!(!validator.is_valid(&example));
    }
}

/// The published schemas are those that the program prints, and every example of the page keeps them.
/// `UPDATE_FIXTURES=1` writes the schemas anew.
#[test]
fn the_schemas_are_published_and_examples_keep_them() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let repo = Repo::new();
    let validator = |name: &str| {
        let printed = repo.run(&["policy", "schema", name]).expect(0).stdout;
        let file = docs.join(format!("schema/{name}.schema.json"));
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&file, &printed).expect("a schema can be written");
        }
        let published = std::fs::read_to_string(&file).expect("a published schema");
        assert_eq!(
            published, printed,
            "UPDATE_FIXTURES=1 cargo test --test main policy writes {name} anew"
        );
        let schema: Value = serde_json::from_str(&printed).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    };
    let (policies, waivers) = (validator("policy"), validator("waivers"));
    let page = std::fs::read_to_string(docs.join("policy.md")).expect("the page");
    let mut seen = 0;
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let example: toml::Value = toml::from_str(text).expect("TOML");
        let mut example = serde_json::to_value(example).expect("JSON");
        // Expectations of `policy test` are no policy.
        if example.get("case").is_some() {
            continue;
        }
        let schema = match example.get("waiver") {
            Some(_) => &waivers,
            None => &policies,
        };
        // The page shows parts of a file.
        if example.get("version").is_none() {
            example["version"] = 1.into();
        }
        let errors: Vec<String> = schema
            .iter_errors(&example)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{text}\n{errors:#?}");
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} examples");
}

#[test]
#[cfg(feature = "rego")]
fn modules_in_rego_raise_and_never_lower() {
    let module = "package main\nimport rego.v1\n\n\
        deny contains {\"msg\": \"no guard is lost on a Friday\", \"change\": c.id} if {\n    some c in input.changes\n    c.kind == \"auth\"\n}\n";
    let policy = (".threatgate/policy.toml", "version = 1\n");
    let (code, json) = verdict(&[policy, (".threatgate/own.rego", module)]);
    assert_eq!(code, 1, "{json}");
    assert_eq!(json["changes"][0]["policy_rule"], ".threatgate/own.rego");
    assert!(
        json["changes"][0]["notes"]
            .to_string()
            .contains("on a Friday")
    );

    let whole = "package main\nimport rego.v1\nreview contains \"Is the range too large?\" if input.coverage.files_changed > 0\n";
    let repo = Repo::new();
    repo.write(".threatgate/own.rego", whole);
    repo.commit_file("a.txt", "a\n");
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.commit_file("a.txt", "b\n");
    let run = repo.check(&["--base", "main"]).expect(3);
    assert_eq!(
        run.json()["review"]["questions"][0]["text"],
        "Is the range too large?"
    );

    let broken = lost(&[(".threatgate/own.rego", "package main\ndeny contains {\n")]);
    let run = broken.check(&["--base", "main"]).expect(2);
    assert!(
        run.stderr.contains(".threatgate/own.rego"),
        "{}",
        run.stderr
    );
}
