//! Uses of cryptography as cryptographic assets (CycloneDX 1.6, "Cryptography Bill of Materials",
//! <https://cyclonedx.org/capabilities/cbom/>): one for each algorithm with its parameters, with all
//! places that use it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use threatgate_facts::{Fact, FactKind, Inventory, Scope};

use super::{Component, Evidence, Occurrence, Property};

/// Primitives that the specification knows.
const PRIMITIVES: [&str; 14] = [
    "drbg",
    "mac",
    "block-cipher",
    "stream-cipher",
    "signature",
    "hash",
    "pke",
    "xof",
    "kdf",
    "key-agree",
    "kem",
    "ae",
    "combiner",
    "other",
];

/// The cryptographic assets of an inventory, by reference.
pub(super) fn of(inventory: &Inventory) -> Vec<Component> {
    let mut assets: BTreeMap<String, Asset> = BTreeMap::new();
    let facts = inventory.facts.iter().filter(|fact| {
        fact.kind == FactKind::Crypto && !matches!(fact.scope, Scope::Test | Scope::Example)
    });
    for fact in facts {
        let Some(properties) = algorithm(fact).or_else(|| protocol(fact)) else {
            continue;
        };
        let name = name(fact);
        let reference = format!("crypto/{}", reference(&name, &properties));
        let asset = assets.entry(reference.clone()).or_insert_with(|| Asset {
            component: Component {
                kind: "cryptographic-asset",
                reference,
                name,
                ..Component::default()
            },
            properties,
            functions: BTreeSet::new(),
            notes: BTreeSet::new(),
            places: BTreeSet::new(),
        });
        asset.functions.extend(functions(fact));
        asset.notes.extend(notes(fact));
        asset.places.insert(Occurrence {
            location: fact.location.path.clone(),
            line: fact.location.line,
        });
    }
    assets.into_values().map(Asset::finish).collect()
}

struct Asset {
    component: Component,
    properties: Value,
    functions: BTreeSet<&'static str>,
    notes: BTreeSet<Property>,
    places: BTreeSet<Occurrence>,
}

impl Asset {
    fn finish(mut self) -> Component {
        if let Some(algorithm) = self.properties.get_mut("algorithmProperties")
            && !self.functions.is_empty()
        {
            algorithm["cryptoFunctions"] = json!(self.functions);
        }
        Component {
            properties: self.notes.into_iter().collect(),
            evidence: Some(Evidence {
                occurrences: self.places.into_iter().collect(),
            }),
            crypto_properties: Some(self.properties),
            ..self.component
        }
    }
}

fn name(fact: &Fact) -> String {
    if fact.text("operation") == Some("tls") {
        return "TLS".to_owned();
    }
    let shown = fact.text("shown").or_else(|| fact.text("family"));
    let shown = shown.unwrap_or("unknown").to_owned();
    match fact.text("operation") {
        Some("hmac") => format!("HMAC-{shown}"),
        _ => shown,
    }
}

/// What tells one asset from another, as a part of a reference.
fn reference(name: &str, properties: &Value) -> String {
    let mut words = vec![name.to_lowercase().replace([' ', '/'], "-")];
    if let Some(version) = properties["protocolProperties"]["version"].as_str() {
        words.push(version.to_owned());
    }
    let own = &properties["algorithmProperties"];
    for key in ["primitive", "parameterSetIdentifier", "mode", "padding"] {
        if let Some(text) = own[key].as_str() {
            words.push(text.to_owned());
        }
    }
    words.join("/")
}

fn algorithm(fact: &Fact) -> Option<Value> {
    fact.text("family")?;
    let primitive = fact.text("primitive")?;
    let mut own = Map::new();
    let mut put = |key: &str, value: Value| {
        own.insert(key.to_owned(), value);
    };
    let known = PRIMITIVES.contains(&primitive);
    put(
        "primitive",
        json!(if known { primitive } else { "unknown" }),
    );
    let number = |name: &str| fact.attributes.get(name).and_then(Value::as_i64);
    if let Some(bits) = number("key_bits") {
        put("parameterSetIdentifier", json!(bits.to_string()));
    }
    put("executionEnvironment", json!("software-plain-ram"));
    if let Some(mode) = fact.text("mode") {
        let mode = match mode {
            "CBC" | "ECB" | "CCM" | "GCM" | "CFB" | "OFB" | "CTR" => mode.to_lowercase(),
            _ => "other".to_owned(),
        };
        put("mode", json!(mode));
    }
    if let Some(padding) = fact.text("padding") {
        let padding = match padding {
            "OAEP" => "oaep",
            "PKCS#7" => "pkcs7",
            "PKCS#1 v1.5" => "pkcs1v15",
            "none" => "raw",
            _ => "other",
        };
        put("padding", json!(padding));
    }
    if let Some(bits) = number("security_bits") {
        put("classicalSecurityLevel", json!(bits));
    }
    if let Some(level) = number("quantum_level") {
        put("nistQuantumSecurityLevel", json!(level));
    }
    let mut all = json!({"assetType": "algorithm", "algorithmProperties": own});
    if let Some(oid) = fact.text("oid") {
        all["oid"] = json!(oid);
    }
    Some(all)
}

fn protocol(fact: &Fact) -> Option<Value> {
    if fact.text("operation") != Some("tls") {
        return None;
    }
    let mut own = json!({"type": "tls"});
    if let Some(version) = fact.text("min_version") {
        own["version"] = json!(version);
    }
    Some(json!({"assetType": "protocol", "protocolProperties": own}))
}

fn functions(fact: &Fact) -> Vec<&'static str> {
    match fact.text("operation").unwrap_or_default() {
        "hash" | "password-hash" => vec!["digest"],
        "hmac" => vec!["tag"],
        "cipher" => vec!["encrypt", "decrypt"],
        "kdf" => vec!["keyderive"],
        "key" => vec!["keygen"],
        "sign" => vec!["sign", "verify"],
        "random" => vec!["generate"],
        "jwt" => match fact.text("action") {
            Some("verify") => vec!["verify"],
            Some("sign") => vec!["sign"],
            _ => vec!["sign", "verify"],
        },
        _ => Vec::new(),
    }
}

fn notes(fact: &Fact) -> Vec<Property> {
    let mut notes = Vec::new();
    let mut note = |name, value: String| notes.push(Property { name, value });
    if let Some(purpose) = fact.text("purpose") {
        note("threatgate:purpose", purpose.to_owned());
    }
    if fact.attributes.contains_key("quantum_vulnerable") {
        note("threatgate:quantum-vulnerable", "true".to_owned());
    }
    if fact.attributes.get("verify") == Some(&Value::Bool(false)) {
        note("threatgate:verification", "off".to_owned());
    }
    for (name, word) in [
        ("iv", "threatgate:iv"),
        ("salt", "threatgate:salt"),
        ("key_origin", "threatgate:key"),
    ] {
        if let Some(origin) = fact.text(name) {
            note(word, origin.to_owned());
        }
    }
    if let Some(count) = fact.attributes.get("iterations").and_then(Value::as_i64) {
        note("threatgate:iterations", count.to_string());
    }
    notes
}
