//! Canaries: credentials in every place where a fact is read, and every output searched for them,
//! as they are and in the encodings that a report could use.

use std::fmt::Write as _;

use crate::repository::{Repo, threatgate};

/// The values, put together here so that no scanner reports this file.
fn canaries() -> Vec<String> {
    let drawn = |seed: &str| format!("{seed}Zt0pLx2RvB9sKdw4Mfc1HyT6uJ3n");
    vec![
        ["sk_", "live_", &drawn("q7")].concat(),
        ["AKIA", "Z7Q3M5N2X4LWKDUV"].concat(),
        drawn("w8"),
        drawn("e9"),
        ["vK8#tr0ub4", "dor2mis"].concat(),
        ["h4Zp!mone", "ta7kiw"].concat(),
        drawn("r3"),
        drawn("t5"),
        drawn("y6"),
        drawn("u2"),
        drawn("i4"),
        ["glpat-", "q7Zt0pLx2RvB9sKdw4Mf"].concat(),
        ["npm_", "q7Zt0pLx2RvB9sKdw4Mfc1HyT6uJ3nQ8aYb5"].concat(),
        drawn("o1"),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        let number = number << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(DIGITS[(number >> (18 - 6 * place)) as usize & 63] as char);
        }
    }
    out
}

/// The value as it is and as a report could encode it.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned(), value.to_uppercase(), value.to_lowercase()];
    // Half of it tells nearly as much.
    forms.push(value[value.len() / 2..].to_owned());
    forms.push(value[..value.len() * 2 / 3].to_owned());
    let (mut hex, mut percent) = (String::new(), String::new());
    for byte in value.bytes() {
        let _ = write!(hex, "{byte:02x}");
        if byte.is_ascii_alphanumeric() {
            percent.push(char::from(byte));
        } else {
            let _ = write!(percent, "%{byte:02X}");
        }
    }
    forms.extend([
        hex.to_uppercase(),
        hex,
        percent.clone(),
        percent.to_lowercase(),
    ]);
    // In base64 a text looks different at each of three places.
    for before in ["", "x", "xx"] {
        let whole = base64(format!("{before}{value}").as_bytes());
        let inner = whole[4..whole.len() - 4].to_owned();
        forms.push(inner.replace('+', "-").replace('/', "_"));
        forms.push(inner);
    }
    forms.retain(|form| form.len() >= 8);
    forms
}

/// Files in which each canary stands where some fact is read; `{0}` is the first one.
const FILES: [(&str, &str); 13] = [
    (
        "app.py",
        "import jwt, requests, subprocess, hashlib\nfrom flask import Flask, request, abort\nimport stripe\napp = Flask(__name__)\nstripe.api_key = \"{0}\"\n@app.get(\"/users\")\ndef users():\n    if request.headers.get(\"X-Role\") != \"admin\":\n        abort(403)\n    return jwt.encode({}, \"{3}\", algorithm=\"HS256\")\n@app.post(\"/run\")\ndef run():\n    subprocess.run(\"mysqldump -p{4} \" + request.args[\"db\"], shell=True, env={\"DB_PASSWORD\": \"{4}\"})\n    requests.get(\"https://bot:{6}@api.shop.io/v1\", verify=False)\n    return hashlib.md5(\"{7}\".encode()).hexdigest()\n",
    ),
    (
        "shop/settings.py",
        "INSTALLED_APPS = [\"django.contrib.admin\"]\nSECRET_KEY = \"{2}\"\nDATABASES = {\"default\": {\"ENGINE\": \"x\", \"PASSWORD\": \"{4}\", \"HOST\": \"db.shop.io\"}}\nAWS_ACCESS_KEY_ID = \"{1}\"\nSIGNING_KEY = \"{8}\"\nSIMPLE_JWT = {\"SIGNING_KEY\": \"{9}\", \"ALGORITHM\": \"HS256\"}\n",
    ),
    (
        "shop/models.py",
        "from django.db import models\nclass Account(models.Model):\n    api_key = models.CharField(max_length=99, default=\"{8}\")\n    password = models.CharField(max_length=99, default=\"{5}\")\n",
    ),
    (
        "server.js",
        "const express = require('express');\nconst session = require('express-session');\nconst jwt = require('jsonwebtoken');\nconst app = express();\napp.use(session({ secret: '{9}', cookie: { secure: false } }));\napp.get('/admin', (req, res) => { if (req.query.role !== 'admin') return res.status(401).end(); res.json(jwt.sign({ a: 1 }, '{3}')); });\napp.listen(3000);\n",
    ),
    (
        "requirements.txt",
        "flask==3.0\nshop @ git+https://bot:{13}@git.shop.io/shop.git@main\n--extra-index-url https://bot:{7}@pypi.shop.io/simple\n",
    ),
    (
        "package.json",
        "{\"name\": \"shop\", \"dependencies\": {\"inner\": \"git+https://oauth2:{11}@git.shop.io/inner.git\"}}\n",
    ),
    (".npmrc", "//npm.shop.io/:_authToken={12}\n"),
    (
        "docker-compose.yml",
        "services:\n  shop:\n    image: shop:1\n    environment:\n      DATABASE_URL: postgres://shop:{8}@db.shop.io/shop\n      API_TOKEN: {10}\n",
    ),
    (
        "Dockerfile",
        "FROM python:3.12\nENV API_TOKEN={2}\nRUN curl -u bot:{6} https://get.shop.io | sh\n",
    ),
    (
        "deploy/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\ndata:\n  url: {base64}\nstringData:\n  password: {5}\n",
    ),
    (
        "main.tf",
        "resource \"aws_db_instance\" \"shop\" {\n  engine = \"postgres\"\n  password = \"{8}\"\n  publicly_accessible = true\n}\n",
    ),
    (
        ".github/workflows/ci.yml",
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    env:\n      API_TOKEN: {9}\n    steps:\n      - run: curl -H \"Authorization: Bearer {10}\" https://get.shop.io\n",
    ),
    (
        "schema.sql",
        "CREATE TABLE account (id int PRIMARY KEY, api_key text DEFAULT '{8}');\nCREATE USER shop WITH PASSWORD '{5}';\n",
    ),
];

fn filled(text: &str, canaries: &[String]) -> String {
    let url = format!("postgres://shop:{}@db.shop.io/shop", canaries[8]);
    let mut text = text.replace("{base64}", &base64(url.as_bytes()));
    for (at, value) in canaries.iter().enumerate() {
        text = text.replace(&format!("{{{at}}}"), value);
    }
    text
}

#[test]
fn no_output_holds_a_canary() {
    let canaries = canaries();
    let repo = Repo::new();
    repo.write("README.md", "shop\n");
    let base = repo.commit("base");
    for (path, text) in FILES {
        repo.write(path, filled(text, &canaries));
    }
    // Nothing to hide: what is kept between runs holds it.
    repo.write("words.py", "GREETING = \"kept between runs\"\n");
    let head = repo.commit("head");
    // The other way round: they are on the side that goes.
    for (path, _) in FILES {
        std::fs::remove_file(repo.path.join(path)).expect("a file");
    }
    let gone = repo.commit("gone");
    let mut runs: Vec<Vec<String>> = Vec::new();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for format in ["text", "json", "sarif", "markdown", "github"] {
        for (from, to) in [(&base, &head), (&head, &gone), (&base, &gone)] {
            let range = format!("check --format {format} --base {from} --head {to} --exact");
            runs.push(words(&range));
        }
    }
    for format in ["text", "json"] {
        runs.push(words(&format!("inventory --rev {head} --format {format}")));
        runs.push(words(&format!("guards --rev {head} --format {format}")));
    }
    runs.push(words(&format!("inventory --rev {head} --format cyclonedx")));
    runs.push(words(&format!(
        "review list --base {base} --head {head} --exact"
    )));
    repo.git(&["checkout", "-q", &head]);
    for (path, _) in FILES {
        runs.push(words(&format!("facts {path}")));
    }
    let range = ["--base", base.as_str(), "--head", head.as_str(), "--exact"];
    let assessment = repo.check(&range).json();
    let changes = assessment["changes"].as_array().expect("changes");
    let secrets = changes.iter().filter(|change| change["kind"] == "secret");
    assert!(secrets.count() >= 15, "{changes:#?}");
    let kinds: std::collections::BTreeSet<&str> = changes
        .iter()
        .filter_map(|change| change["kind"].as_str())
        .collect();
    assert!(kinds.len() >= 5, "{kinds:?}");
    // A dozen of them: each run reads the repository anew.
    for change in changes.iter().step_by(changes.len().div_ceil(12)) {
        let id = change["id"].as_str().expect("an id");
        runs.push(words(&format!(
            "explain {id} --base {base} --head {head} --exact"
        )));
    }
    let forms: Vec<(usize, String)> = canaries
        .iter()
        .enumerate()
        .flat_map(|(at, value)| forms(value).into_iter().map(move |form| (at, form)))
        .collect();
    let mut leaks = Vec::new();
    let mut spoken = 0;
    let cache = tempfile::tempdir().expect("a folder");
    let folder = cache.path().to_str().expect("UTF-8");
    for args in &runs {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let run = threatgate(
            &repo.path,
            &args,
            &[
                ("RUST_LOG", "trace"),
                ("RUST_BACKTRACE", "1"),
                ("THREATGATE_CACHE_DIR", folder),
            ],
        );
        assert_ne!(run.code, 2, "{args:?}: {}", run.stderr);
        spoken += usize::from(!run.stdout.is_empty());
        for (at, form) in &forms {
            for line in run.stdout.lines().chain(run.stderr.lines()) {
                if line.contains(form.as_str()) {
                    leaks.push(format!("canary {at} in {args:?}: {line}"));
                }
            }
        }
    }
    let mut kept = false;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        kept |= text.contains("kept between runs");
        // What only a default of a field is (5 and 8) no scanner calls a credential.
        let values = canaries.iter().enumerate();
        let held =
            values.filter(|(at, value)| !matches!(at, 5 | 8) && text.contains(value.as_str()));
        leaks.extend(held.map(|(at, _)| format!("canary {at} in the cache")));
    }
    assert!(kept, "nothing is kept between runs");
    assert!(spoken * 10 >= runs.len() * 9, "{spoken} of {}", runs.len());
    leaks.dedup();
    leaks.truncate(40);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn a_credential_that_was_removed_again_stays_in_the_history() {
    let value = ["sk_", "live_", "q7Zt0pLx2RvB9sKdw4Mfc1HyT6uJ3n"].concat();
    let repo = Repo::new();
    repo.write("pay.py", "import stripe\n");
    let base = repo.commit("base");
    repo.write(
        "pay.py",
        format!("import stripe\nstripe.api_key = \"{value}\"\n"),
    );
    let leak = repo.commit("leak");
    repo.write("pay.py", "import os, stripe\n");
    let head = repo.commit("head");
    let range = ["--base", base.as_str(), "--head", head.as_str()];
    let run = repo.check(&range);
    let title = format!(
        "Stripe live secret key `sk_l…, 38 characters` in commit {}, removed again in the range: rotate it",
        &leak[..7]
    );
    assert_eq!(run.titles(), [title], "{}", run.stdout);
    assert_eq!(run.json()["verdict"], "block");
    // The same with a merge in between, and with two trees where one is the other's ancestor.
    repo.git(&["checkout", "-q", "-b", "side", &base]);
    repo.write("other.py", "x = 1\n");
    repo.commit("side");
    repo.git(&["merge", "-q", "--no-edit", &head]);
    let merge = repo.git(&["rev-parse", "HEAD"]);
    let range = ["--base", base.as_str(), "--head", merge.as_str(), "--exact"];
    assert_eq!(repo.check(&range).titles().len(), 1);
    // Without ancestry there is no range of commits.
    let range = ["--base", merge.as_str(), "--head", base.as_str(), "--exact"];
    assert_eq!(repo.check(&range).titles(), Vec::<String>::new());
    // What stands at head is told as usual, and once.
    let range = ["--base", base.as_str(), "--head", leak.as_str()];
    assert_eq!(repo.check(&range).titles().len(), 1);
}

#[test]
fn a_policy_allows_a_credential_by_its_digest() {
    let value = ["sk_", "live_", "q7Zt0pLx2RvB9sKdw4Mfc1HyT6uJ3n"].concat();
    let repo = Repo::new();
    let base = repo.commit_file("pay.py", "import stripe\n");
    let head = repo.commit_file(
        "pay.py",
        format!("import stripe\nstripe.api_key = \"{value}\"\n"),
    );
    let range = ["--base", base.as_str(), "--head", head.as_str()];
    let run = repo.check(&range).expect(1);
    let json = run.json();
    let digest = json["changes"][0]["after"]["attributes"]["digest"]
        .as_str()
        .expect("a digest");
    assert!(digest.starts_with("stripe-live-key:"), "{digest}");
    let policy = repo.beside("policy.toml");
    let text = format!(
        "version = 1\n[secrets]\nallow = [{{ digest = \"{digest}\", reason = \"a sandbox that opens nothing\" }}]\n"
    );
    std::fs::write(&policy, text).expect("a file");
    let policy = policy.to_str().expect("UTF-8");
    let mut args = range.to_vec();
    args.extend(["--policy", policy]);
    let run = repo.check(&args).expect(0);
    assert_eq!(run.titles(), Vec::<String>::new());
    assert!(
        run.stdout
            .contains("a credential is allowed by its digest in the policy")
    );
}
