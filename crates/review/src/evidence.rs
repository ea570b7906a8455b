//! Evidence of a run: what went in, what was found, what was decided and who approved, as an in-toto
//! statement in a DSSE envelope, to be verified without network and without the repository.
//!
//! Formats: <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>,
//! <https://github.com/secure-systems-lab/dsse/blob/master/envelope.md> and `protocol.md` beside it. The envelope's
//! signature is an SSH signature over DSSE's pre-authentication encoding.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use threatgate_assess::{Assessment, Verdict};

use crate::signature::{AllowedSigners, SignatureError, Signer, sign};
use crate::signoff::Found;

/// What the statement is about.
pub const PREDICATE_TYPE: &str = "https://threatgate.dev/attestation/assessment/v1";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The namespace of the envelope's signature; a sign-off's does not count for it, nor the other way round.
const NAMESPACE: &str = "threatgate-evidence";

/// Evidence that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It is no envelope of ours.
    #[error("is no evidence of threatgate: {0}")]
    Format(String),
    /// A signature does not hold.
    #[error("the envelope's signature {0}")]
    Signature(#[from] SignatureError),
    /// What it says does not follow from what it holds.
    #[error("contradicts itself: {0}")]
    Contradiction(String),
}

/// <https://github.com/secure-systems-lab/dsse/blob/master/envelope.md>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// `application/vnd.in-toto+json`
    pub payload_type: String,
    /// The statement in base64.
    pub payload: String,
    /// Signatures over both.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// The key's fingerprint.
    #[serde(default)]
    pub keyid: String,
    /// An SSH signature in base64.
    pub sig: String,
}

/// <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// `https://in-toto.io/Statement/v1`
    #[serde(rename = "_type")]
    pub kind: String,
    /// The head that was judged.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`]
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What was found and decided.
    pub predicate: Predicate,
}

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `head`, or where there is no commit what was judged.
    pub name: String,
    /// Its digests: `gitCommit`, or `sha256` of the assessment.
    pub digest: BTreeMap<String, String>,
}

/// The body of the statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    /// Every file that decided or was read: configuration of the base, changed files of both sides, sign-offs.
    pub inputs: Vec<Input>,
    /// Digest of the policy.
    pub policy_digest: String,
    /// SHA-256 of the assessment below in compact JSON.
    pub assessment_sha256: String,
    /// Facts, threats, decision: the published JSON.
    pub assessment: serde_json::Value,
    /// The sign-offs as they were signed.
    pub approvals: Vec<Approval>,
}

/// A file that went in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// What it was for: `policy`, `before`, `after`.
    pub role: String,
    /// Its path.
    pub path: String,
    /// `sha256` of what was read, or `gitBlob`.
    pub digest: BTreeMap<String, String>,
}

impl Input {
    /// A file by its text.
    pub fn of_text(role: &str, path: &str, text: &str) -> Self {
        Self {
            role: role.to_owned(),
            path: path.to_owned(),
            digest: [("sha256".to_owned(), sha256(text.as_bytes()))].into(),
        }
    }

    /// A file by the id of its blob.
    pub fn of_blob(role: &str, path: &str, id: &str) -> Self {
        Self {
            role: role.to_owned(),
            path: path.to_owned(),
            digest: [("gitBlob".to_owned(), id.to_owned())].into(),
        }
    }
}

/// A sign-off as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Where it stood.
    pub place: String,
    /// What was signed.
    pub record: String,
    /// Its signature.
    pub signature: String,
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The statement of a run.
///
/// # Errors
/// None that an assessment can have; the writer's own.
pub fn statement(
    assessment: &Assessment,
    policy_digest: &str,
    mut inputs: Vec<Input>,
    approvals: &[Found],
) -> Result<Statement, EvidenceError> {
    let format = |error: serde_json::Error| EvidenceError::Format(error.to_string());
    let value = serde_json::to_value(assessment).map_err(format)?;
    let digest = sha256(value.to_string().as_bytes());
    inputs.sort();
    inputs.dedup();
    let (name, key, id) = match &assessment.head {
        Some(head) => ("head", "gitCommit", head.clone()),
        None => ("assessment", "sha256", digest.clone()),
    };
    Ok(Statement {
        kind: STATEMENT_TYPE.into(),
        subject: vec![Subject {
            name: name.into(),
            digest: [(key.to_owned(), id)].into(),
        }],
        predicate_type: PREDICATE_TYPE.into(),
        predicate: Predicate {
            inputs,
            policy_digest: policy_digest.to_owned(),
            assessment_sha256: digest,
            assessment: value,
            approvals: approvals
                .iter()
                .map(|found| Approval {
                    place: found.place.clone(),
                    record: found.text.clone(),
                    signature: found.signature.clone(),
                })
                .collect(),
        },
    })
}

/// DSSE's pre-authentication encoding.
fn encoded(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Puts a statement into an envelope; without a key it has no signature, and proves no origin.
///
/// # Errors
/// A key that cannot sign.
pub fn seal(statement: &Statement, key: Option<(&str, &str)>) -> Result<Envelope, EvidenceError> {
    let payload =
        serde_json::to_vec(statement).map_err(|error| EvidenceError::Format(error.to_string()))?;
    let mut signatures = Vec::new();
    if let Some((private, keyid)) = key {
        let signature = sign(private, NAMESPACE, &encoded(PAYLOAD_TYPE, &payload))?;
        signatures.push(EnvelopeSignature {
            keyid: keyid.to_owned(),
            sig: Base64::encode_string(signature.as_bytes()),
        });
    }
    Ok(Envelope {
        payload_type: PAYLOAD_TYPE.into(),
        payload: Base64::encode_string(&payload),
        signatures,
    })
}

/// Evidence that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The statement.
    pub statement: Statement,
    /// The assessment in it.
    pub assessment: Assessment,
    /// Who sealed it; nobody known where no signers were given or it bears no signature.
    pub signers: Vec<Signer>,
    /// What holds, in sentences.
    pub holds: Vec<String>,
    /// What could not be shown, in sentences.
    pub open: Vec<String>,
}

/// Verifies evidence by what it holds, and against allowed signers if they are given. Never needs the
/// network, nor the repository.
///
/// # Errors
/// What does not hold.
pub fn verify(
    text: &str,
    signers: Option<&AllowedSigners>,
    today: jiff::civil::Date,
) -> Result<Verified, EvidenceError> {
    let format = |error: String| EvidenceError::Format(error);
    let envelope: Envelope =
        serde_json::from_str(text).map_err(|error| format(error.to_string()))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(format(format!(
            "its payload is \"{}\"",
            envelope.payload_type
        )));
    }
    let payload =
        Base64::decode_vec(&envelope.payload).map_err(|error| format(error.to_string()))?;
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(|error| format(error.to_string()))?;
    if statement.kind != STATEMENT_TYPE || statement.predicate_type != PREDICATE_TYPE {
        return Err(format(format!(
            "its statement is \"{}\"",
            statement.predicate_type
        )));
    }
    let (mut holds, mut open, mut known) = (Vec::new(), Vec::new(), Vec::new());
    let message = encoded(PAYLOAD_TYPE, &payload);
    match signers {
        _ if envelope.signatures.is_empty() => {
            open.push("the envelope is not signed: who made it is not shown".into());
        }
        None => open.push("no allowed signers were given: who made it is not shown".into()),
        Some(signers) => {
            for signature in &envelope.signatures {
                let armored = Base64::decode_vec(&signature.sig)
                    .map_err(|error| format(error.to_string()))?;
                let armored = String::from_utf8_lossy(&armored).into_owned();
                known.push(signers.verify(&armored, NAMESPACE, &message, today)?);
            }
            let names: Vec<String> = known.iter().map(|one| one.principals.join(", ")).collect();
            holds.push(format!("sealed by {}", names.join(" and ")));
        }
    }
    let predicate = &statement.predicate;
    if sha256(predicate.assessment.to_string().as_bytes()) != predicate.assessment_sha256 {
        let words = "the digest of the assessment is another".to_owned();
        return Err(EvidenceError::Contradiction(words));
    }
    let assessment: Assessment = serde_json::from_value(predicate.assessment.clone())
        .map_err(|error| format(error.to_string()))?;
    consistent(&statement, &assessment)?;
    holds.push(format!(
        "the assessment ({}) follows from its {} changes and fits its digest",
        assessment.verdict.name(),
        assessment.changes.len()
    ));
    if let Some(review) = &assessment.review {
        for signoff in review.signoffs.iter().filter(|one| one.counts) {
            let approval = predicate
                .approvals
                .iter()
                .find(|one| one.place == signoff.place);
            let Some(approval) = approval else {
                return Err(EvidenceError::Contradiction(format!(
                    "the sign-off of {} is not in it",
                    signoff.signer
                )));
            };
            let record = crate::Record::parse(&approval.place, &approval.record)
                .map_err(|error| EvidenceError::Contradiction(error.to_string()))?;
            if record.fingerprint != review.fingerprint || record.signer != signoff.signer {
                return Err(EvidenceError::Contradiction(format!(
                    "the sign-off of {} is for another review",
                    signoff.signer
                )));
            }
            if let Some(signers) = signers {
                // The signature held when the gate ran; the key may have been retired since.
                let on = record.date;
                let text = approval.record.as_bytes();
                signers.verify(&approval.signature, crate::NAMESPACE, text, on)?;
                holds.push(format!("signed off by {}", record.signer));
            }
        }
    }
    Ok(Verified {
        statement,
        assessment,
        signers: known,
        holds,
        open,
    })
}

/// What must follow from the parts does.
fn consistent(statement: &Statement, assessment: &Assessment) -> Result<(), EvidenceError> {
    let wrong = |words: String| Err(EvidenceError::Contradiction(words));
    let of_head = statement
        .subject
        .first()
        .and_then(|one| one.digest.get("gitCommit"));
    if of_head != assessment.head.as_ref() {
        return wrong("its subject is not the head of the assessment".into());
    }
    for threat in &assessment.threats {
        if let Some(risk) = &threat.risk {
            let score = risk.vector.score();
            if (score.severity, score.rank) != (risk.severity, risk.rank) {
                return wrong(format!(
                    "the risk of {} does not follow from its vector",
                    threat.id
                ));
            }
        }
    }
    let most = assessment.changes.iter().map(|change| change.verdict).max();
    let lowered = assessment
        .reasons
        .iter()
        .any(|reason| reason.contains("mode lowers"));
    if most.is_some_and(|most| most > assessment.verdict) && !lowered {
        return wrong("its verdict is less than a change asks for".into());
    }
    if let Some(review) = &assessment.review {
        let mut again = review.clone();
        again.seal();
        if again.fingerprint != review.fingerprint {
            return wrong(format!(
                "the fingerprint of {} does not follow from its inputs",
                review.id
            ));
        }
        let required = review.state == threatgate_assess::ReviewState::Required;
        let signed = review.signoffs.iter().any(|one| one.counts);
        if !required && !signed {
            return wrong(format!("{} is closed without a sign-off", review.id));
        }
        let open = assessment
            .changes
            .iter()
            .any(|change| change.verdict == Verdict::Review);
        if required && !open && assessment.verdict < Verdict::Review && !lowered {
            return wrong(format!("{} is open, and nothing asks for it", review.id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::key;

    fn assessment() -> Assessment {
        let text = r#"{"schema_version":"1","tool":{"name":"threatgate","version":"0","rules":"r"},
            "verdict":"pass","reasons":[],"base":null,"head":"abc","range":"arguments","notes":[],
            "changes":[],"threats":[],"coverage":{"files_changed":0,"files_read":0,"files_context":0,
            "problems":[],"unknown_guards":[],"alarms":[]},"review":null,"policy":"built in"}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn evidence_holds_offline_and_shows_tampering() {
        let inputs = vec![Input::of_text("policy", "p.toml", "version = 1\n")];
        let statement = statement(&assessment(), "d", inputs, &[]).unwrap();
        let (private, public) = key(3);
        let envelope = seal(&statement, Some((&private, "k"))).unwrap();
        let text = serde_json::to_string(&envelope).unwrap();
        let signers = AllowedSigners::parse(&format!("ci@example.org {public}\n"));
        let today = jiff::civil::date(2026, 6, 1);
        let verified = verify(&text, Some(&signers), today).unwrap();
        assert_eq!(verified.signers[0].principals, ["ci@example.org"]);
        assert_eq!(verified.open, Vec::<String>::new());
        assert_eq!(verify(&text, None, today).unwrap().open.len(), 1);

        let mut other = statement.clone();
        other.predicate.policy_digest = "e".into();
        let forged = Envelope {
            payload: Base64::encode_string(&serde_json::to_vec(&other).unwrap()),
            ..envelope.clone()
        };
        let forged = serde_json::to_string(&forged).unwrap();
        let error = verify(&forged, Some(&signers), today).unwrap_err();
        assert_eq!(error, EvidenceError::Signature(SignatureError::Forged));

        other.predicate.assessment["verdict"] = "warn".into();
        let unsigned = serde_json::to_string(&seal(&other, None).unwrap()).unwrap();
        let error = verify(&unsigned, None, today).unwrap_err();
        assert!(matches!(error, EvidenceError::Contradiction(_)), "{error}");
        assert!(verify("{}", None, today).is_err());
    }
}
