//! The bill of materials of the program against the official schema (trimmed: see its `$comment`).

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn inventory(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_threatgate"))
        .args(["inventory", "."])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("threatgate runs")
}

#[test]
fn a_bill_of_materials_keeps_the_official_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
    };
    write(
        "package.json",
        r#"{"dependencies": {"@a/b": "^1.0.0", "fork": "git+https://me:S3cretCanary@example.org/fork.git#main"}}"#,
    );
    let digest = "A".repeat(86);
    write(
        "package-lock.json",
        &format!(
            r#"{{"lockfileVersion": 3, "packages": {{"": {{"dependencies": {{"@a/b": "^1.0.0"}}}},
            "node_modules/@a/b": {{"version": "1.0.2", "integrity": "sha512-{digest}==", "dependencies": {{"c": "2"}}}},
            "node_modules/c": {{"version": "2.0.0", "hasInstallScript": true}}}}}}"#
        ),
    );
    write(
        "pom.xml",
        "<project><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId>\
         <version>1.0</version></dependency></dependencies></project>",
    );
    write(
        "go.mod",
        "module m\n\nrequire example.org/x/v2 v2.0.1+incompatible\n",
    );
    write("Dockerfile", "FROM python:3.12\n");
    write(
        "seal.js",
        "import crypto from \"node:crypto\";\n\
         export const seal = (key, iv) => crypto.createCipheriv(\"aes-256-gcm\", key, iv);\n\
         export const mark = (data) => crypto.createHash(\"sha1\").update(data).digest();\n\
         export const agent = { rejectUnauthorized: false };\n",
    );
    let output = inventory(folder.path(), &["--format", "cyclonedx"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!text.contains("S3cretCanary"), "{text}");
    let schema = include_str!("schema/cyclonedx-1.6.json");
    let schema: Value = serde_json::from_str(schema).expect("a schema in JSON");
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    let mut bom: Value = serde_json::from_str(&text).expect("JSON");
    let errors: Vec<String> = validator
        .iter_errors(&bom)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let urls: Vec<&str> = bom["components"]
        .as_array()
        .expect("components")
        .iter()
        .filter_map(|component| component["purl"].as_str())
        .collect();
    for url in [
        "pkg:npm/%40a/b@1.0.2",
        "pkg:npm/c@2.0.0",
        "pkg:maven/g/a@1.0",
        "pkg:golang/example.org/x/v2@v2.0.1%2Bincompatible",
        "pkg:docker/python@3.12",
    ] {
        assert!(urls.contains(&url), "{url} in {urls:?}");
    }
    let assets: Vec<&str> = bom["components"]
        .as_array()
        .expect("components")
        .iter()
        .filter(|component| component["type"] == "cryptographic-asset")
        .filter_map(|component| component["name"].as_str())
        .collect();
    assert_eq!(assets, ["AES-256-GCM", "SHA-1", "TLS"]);
    // A schema that takes anything would be no contract.
    bom["components"][0]["scope"] = json!("always");
    assert!(!validator.is_valid(&bom));
    // To a file, and the same bytes.
    let output = inventory(folder.path(), &["--format", "cyclonedx=out.json"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty());
    let again = std::fs::read_to_string(folder.path().join("out.json")).expect("a file");
    assert_eq!(text, again);
}
