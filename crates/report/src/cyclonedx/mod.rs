//! CycloneDX 1.6 in JSON (ECMA-424, <https://cyclonedx.org/docs/1.6/json/>): what one revision consists of:
//! its packages and its cryptography.
//!
//! The same facts give the same bytes: there is no clock, and the serial number is a digest of the content.
//! What is not known (licences, suppliers) is left out, never guessed.

mod cbom;
mod purl;
mod sbom;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use serde::Serialize;
use threatgate_facts::Inventory;

/// The bom-ref of the project itself.
const ROOT: &str = "project";

/// What a bill of materials is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The project's name.
    pub name: &'a str,
    /// The commit, if it is one.
    pub revision: Option<&'a str>,
}

/// A bill of materials.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom {
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    tools: Tools,
    component: Component,
}

#[derive(Serialize)]
struct Tools {
    components: Vec<Component>,
}

/// A library, an image, an algorithm, a certificate …
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Component {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "String::is_empty")]
    pub(crate) reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) external_references: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) properties: Vec<Property>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<Evidence>,
    /// Of cryptographic assets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crypto_properties: Option<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Hash {
    pub(crate) alg: &'static str,
    pub(crate) content: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Reference {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Evidence {
    pub(crate) occurrences: Vec<Occurrence>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Occurrence {
    pub(crate) location: String,
    pub(crate) line: u32,
}

/// Who needs whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dependency {
    #[serde(rename = "ref")]
    pub(crate) reference: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) depends_on: Vec<String>,
}

/// Writes the bill of materials of an inventory.
///
/// # Errors
/// Those of the writer.
pub fn write(inventory: &Inventory, subject: Subject<'_>, out: &mut impl Write) -> io::Result<()> {
    let (mut components, dependencies) = sbom::of(inventory);
    components.extend(cbom::of(inventory));
    let mut bom = Bom {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: String::new(),
        version: 1,
        metadata: Metadata {
            tools: Tools {
                components: vec![Component {
                    kind: "application",
                    name: "threatgate".to_owned(),
                    version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                    ..Component::default()
                }],
            },
            component: Component {
                kind: "application",
                reference: ROOT.to_owned(),
                name: subject.name.to_owned(),
                version: subject.revision.map(str::to_owned),
                ..Component::default()
            },
        },
        components,
        dependencies,
    };
    bom.serial_number = serial(&serde_json::to_vec(&bom)?);
    serde_json::to_writer_pretty(&mut *out, &bom)?;
    writeln!(out)
}

/// A UUID of version 8 (RFC 9562, section 5.8) made of a digest.
fn serial(content: &[u8]) -> String {
    let digest = blake3::hash(content).to_hex();
    let part = |from: usize, to: usize| &digest[from..to];
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}
