use serde_json::{Value, json};
use threatgate_facts::{Confidence, Fact, FactKind, Inventory, Location, Scope};

use super::purl::Package;
use super::{Subject, write};

fn fact(path: &str, attributes: Value) -> Fact {
    let attributes = attributes.as_object().cloned().unwrap_or_default();
    let text = |name: &str| attributes[name].as_str().unwrap_or_default().to_owned();
    Fact {
        kind: FactKind::Dependency,
        identity: format!("{}:{}", text("ecosystem"), text("package")),
        attributes: attributes.into_iter().collect(),
        location: Location {
            path: path.to_owned(),
            line: 3,
            ..Location::default()
        },
        rule: "manifest".into(),
        confidence: Confidence::Resolved,
        scope: Scope::Production,
        evidence: Vec::new(),
    }
}

fn bom(facts: Vec<Fact>) -> Value {
    let inventory = Inventory {
        facts,
        ..Inventory::default()
    };
    let subject = Subject {
        name: "shop",
        revision: None,
    };
    let mut bytes = Vec::new();
    write(&inventory, subject, &mut bytes).expect("written");
    let mut again = Vec::new();
    write(&inventory, subject, &mut again).expect("written");
    assert_eq!(bytes, again);
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn manifest_and_lock_are_one_component() {
    let bom = bom(vec![
        fact(
            "package.json",
            json!({"ecosystem": "npm", "package": "@a/b", "group": "runtime", "manifest": "",
                "constraint": "^1.0.0", "direct": true}),
        ),
        fact(
            "package-lock.json",
            json!({"ecosystem": "npm", "package": "@a/b", "group": "runtime", "manifest": "",
                "locked": "1.0.2", "direct": true, "requires": ["c@2.0.0"],
                "hash": format!("sha1:{}", "0".repeat(40))}),
        ),
        fact(
            "package-lock.json",
            json!({"ecosystem": "npm", "package": "c", "group": "development", "manifest": "",
                "locked": "2.0.0", "direct": false}),
        ),
    ]);
    assert_eq!(
        bom["dependencies"],
        json!([
            {"ref": "project", "dependsOn": ["pkg:npm/%40a/b@1.0.2"]},
            {"ref": "pkg:npm/%40a/b@1.0.2", "dependsOn": ["pkg:npm/c@2.0.0"]},
            {"ref": "pkg:npm/c@2.0.0"},
        ])
    );
    let first = &bom["components"][0];
    assert_eq!(first["group"], "@a");
    assert_eq!(first["scope"], "required");
    assert_eq!(first["hashes"][0]["alg"], "SHA-1");
    assert_eq!(bom["components"][1]["scope"], "excluded");
    assert!(
        bom["serialNumber"]
            .as_str()
            .is_some_and(|serial| serial.len() == 45)
    );
}

#[test]
fn package_urls() {
    let url = |ecosystem, name, version, source| {
        Package {
            ecosystem,
            name,
            version,
            source,
        }
        .url()
    };
    assert_eq!(
        url("maven", "org.a:b", Some("1.0"), None),
        "pkg:maven/org.a/b@1.0"
    );
    assert_eq!(
        url(
            "golang",
            "github.com/a/b/v2",
            Some("v2.0.0+incompatible"),
            None
        ),
        "pkg:golang/github.com/a/b/v2@v2.0.0%2Bincompatible"
    );
    assert_eq!(
        url("pypi", "a", None, Some("git+https://example.org/a#main")),
        "pkg:pypi/a?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fa%40main"
    );
}

#[test]
fn uses_of_an_algorithm_are_one_asset() {
    let use_of = |line: u32| {
        let mut fact = fact(
            "src/seal.rs",
            json!({"operation": "cipher", "algorithm": "aes-256-gcm", "shown": "AES-256-GCM",
                "family": "AES", "primitive": "ae", "key_bits": 256, "mode": "GCM",
                "security_bits": 256, "quantum_level": 5, "oid": "2.16.840.1.101.3.4.1"}),
        );
        fact.kind = FactKind::Crypto;
        fact.location.line = line;
        fact
    };
    let bom = bom(vec![use_of(3), use_of(9)]);
    let assets = bom["components"].as_array().expect("a list");
    assert_eq!(assets.len(), 1);
    assert_eq!(assets[0]["type"], "cryptographic-asset");
    assert_eq!(
        assets[0]["cryptoProperties"],
        json!({"assetType": "algorithm", "oid": "2.16.840.1.101.3.4.1", "algorithmProperties": {
            "primitive": "ae", "parameterSetIdentifier": "256",
            "executionEnvironment": "software-plain-ram", "mode": "gcm",
            "classicalSecurityLevel": 256, "nistQuantumSecurityLevel": 5,
            "cryptoFunctions": ["decrypt", "encrypt"]}})
    );
    assert_eq!(assets[0]["evidence"]["occurrences"][1]["line"], 9);
}
