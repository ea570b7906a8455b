//! SSH signatures as `ssh-keygen -Y sign` and `-Y verify` make and check them.
//!
//! Format of signatures: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig>;
//! of allowed signers: ssh-keygen(1), section ALLOWED SIGNERS.

use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

/// The namespace of sign-offs: a signature that was given for anything else does not count.
pub const NAMESPACE: &str = "threatgate";

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no signature.
    #[error("is no SSH signature ({0})")]
    Format(String),
    /// It was given for something else.
    #[error("was signed for \"{found}\" and not for \"{wanted}\"")]
    Namespace {
        /// The signature's namespace.
        found: String,
        /// The one that counts.
        wanted: String,
    },
    /// Nobody known has this key.
    #[error("the key {0} is not in allowed_signers of the base revision")]
    Unknown(String),
    /// The key is known, and does not count today or for this.
    #[error("the key {key} does not count: {why}")]
    NotValid {
        /// The key's fingerprint.
        key: String,
        /// Why.
        why: String,
    },
    /// Keys of this kind are not verified here.
    #[error("{0}")]
    Unsupported(String),
    /// What was signed is something else.
    #[error("the signature does not fit the text: it was changed after signing, or forged")]
    Forged,
    /// The private key cannot be used here.
    #[error("{0}")]
    PrivateKey(String),
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The names that allowed signers give to the key.
    pub principals: Vec<String>,
    /// The key's fingerprint: `SHA256:…`.
    pub key: String,
}

/// The keys whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct AllowedSigners {
    lines: Vec<Line>,
    /// Lines that are no allowed signer, with what is wrong about each.
    pub faults: Vec<(usize, String)>,
}

#[derive(Clone, Debug)]
struct Line {
    principals: Vec<String>,
    namespaces: Option<Vec<String>>,
    after: Option<String>,
    before: Option<String>,
    key: PublicKey,
}

/// Splits at white space and at `,`, outside of quotes.
fn split(text: &str, at: impl Fn(char) -> bool) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        if c == '"' {
            quoted = !quoted;
        }
        if at(c) && !quoted {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn list(text: &str) -> Vec<String> {
    let parts = text.trim_matches('"').split(',');
    parts
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// Why keys of this kind do not count: nothing here can verify them, and what cannot be verified must not look forged.
fn unsupported(algorithm: &Algorithm) -> Option<String> {
    let known = matches!(
        algorithm,
        Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256
            }
    );
    (!known).then(|| {
        format!(
            "keys of the kind {} are not verified here; use an Ed25519 key (ssh-keygen -t ed25519) or ECDSA P-256 (-t ecdsa -b 256)",
            algorithm.as_str()
        )
    })
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|prefix| word.starts_with(prefix))
}

impl AllowedSigners {
    /// Reads the file; lines that cannot be used are [`AllowedSigners::faults`].
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Self::line(line) {
                Ok(line) => all.lines.push(line),
                Err(fault) => all.faults.push((at + 1, fault)),
            }
        }
        all
    }

    fn line(line: &str) -> Result<Line, String> {
        let words = split(line, char::is_whitespace);
        let mut words = words.iter().map(String::as_str);
        let principals = list(words.next().unwrap_or_default());
        let mut next = words.next().ok_or("has no key")?;
        let (mut namespaces, mut after, mut before) = (None, None, None);
        if !is_key_type(next) {
            for option in split(next, |c| c == ',') {
                let (name, value) = option.split_once('=').unwrap_or((&option, ""));
                let value = value.trim_matches('"');
                match name.to_ascii_lowercase().as_str() {
                    "namespaces" => namespaces = Some(list(value)),
                    "valid-after" => after = Some(value.to_owned()),
                    "valid-before" => before = Some(value.to_owned()),
                    "cert-authority" => return Err("certificates do not count here".to_owned()),
                    other => return Err(format!("has an unknown option \"{other}\"")),
                }
            }
            next = words.next().ok_or("has no key")?;
        }
        let data = words.next().ok_or("has no key")?;
        let key = PublicKey::from_openssh(&format!("{next} {data}"))
            .map_err(|error| format!("its key cannot be read: {error}"))?;
        if let Some(why) = unsupported(&key.algorithm()) {
            return Err(why);
        }
        if principals.is_empty() {
            return Err("names nobody".to_owned());
        }
        Ok(Line {
            principals,
            namespaces,
            after,
            before,
            key,
        })
    }

    /// All names, in the order of the file.
    pub fn principals(&self) -> Vec<String> {
        let all = self.lines.iter();
        all.flat_map(|line| line.principals.iter().cloned())
            .collect()
    }

    /// Who signed `message` for `namespace`, if the signature holds and its key counts on this day.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify(
        &self,
        signature: &str,
        namespace: &str,
        message: &[u8],
        today: jiff::civil::Date,
    ) -> Result<Signer, SignatureError> {
        let signature = SshSig::from_pem(signature.trim_start())
            .map_err(|error| SignatureError::Format(error.to_string()))?;
        if signature.namespace() != namespace {
            return Err(SignatureError::Namespace {
                found: signature.namespace().to_owned(),
                wanted: namespace.to_owned(),
            });
        }
        let data = signature.public_key();
        if let Some(why) = unsupported(&data.algorithm()) {
            return Err(SignatureError::Unsupported(why));
        }
        let key = data.fingerprint(HashAlg::Sha256).to_string();
        let mut principals: Vec<String> = Vec::new();
        let mut why = None;
        for line in self.lines.iter().filter(|line| line.key.key_data() == data) {
            match line.fault(namespace, today) {
                Some(fault) => why = Some(fault),
                None => principals.extend(line.principals.iter().cloned()),
            }
        }
        if principals.is_empty() {
            return Err(match why {
                Some(why) => SignatureError::NotValid { key, why },
                None => SignatureError::Unknown(key),
            });
        }
        PublicKey::from(data.clone())
            .verify(namespace, message, &signature)
            .map_err(|_| SignatureError::Forged)?;
        principals.dedup();
        Ok(Signer { principals, key })
    }
}

impl Line {
    fn fault(&self, namespace: &str, today: jiff::civil::Date) -> Option<String> {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => namespace.starts_with(start),
            None => pattern == namespace,
        };
        if let Some(namespaces) = &self.namespaces
            && !namespaces.iter().any(fits)
        {
            return Some(format!("it is for {} only", namespaces.join(", ")));
        }
        // YYYYMMDD[HHMM[SS]][Z]: the day decides.
        let today = today.strftime("%Y%m%d").to_string();
        let day = |stamp: &String| stamp.get(..8).unwrap_or(stamp).to_owned();
        if self.after.as_ref().is_some_and(|stamp| today < day(stamp)) {
            return Some("it is not valid yet".to_owned());
        }
        if self
            .before
            .as_ref()
            .is_some_and(|stamp| today >= day(stamp))
        {
            return Some("it is not valid any more".to_owned());
        }
        None
    }
}

/// Signs a text with a private key in OpenSSH's format.
///
/// # Errors
/// A key that cannot be used here: encrypted, in hardware, or of another kind than Ed25519 and ECDSA P-256.
pub fn sign(private_key: &str, namespace: &str, message: &[u8]) -> Result<String, SignatureError> {
    let wrong = |words: &str| SignatureError::PrivateKey(words.to_owned());
    let key = PrivateKey::from_openssh(private_key)
        .map_err(|error| wrong(&format!("is no private key in OpenSSH's format ({error})")))?;
    if key.is_encrypted() {
        return Err(wrong("the key is encrypted"));
    }
    let signature = key
        .sign(namespace, HashAlg::Sha512, message)
        .map_err(|error| wrong(&format!("this kind of key cannot sign here ({error})")))?;
    signature
        .to_pem(LineEnding::LF)
        .map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ssh_key::private::{Ed25519Keypair, KeypairData};

    /// A key that is made for the test alone.
    pub(crate) fn key(seed: u8) -> (String, String) {
        let pair = Ed25519Keypair::from_seed(&[seed; 32]);
        let key = PrivateKey::new(KeypairData::Ed25519(pair), "test").unwrap();
        let public = key.public_key().to_openssh().unwrap();
        (key.to_openssh(LineEnding::LF).unwrap().to_string(), public)
    }

    #[test]
    fn kinds_of_keys_that_are_not_verified_say_what_to_use() {
        assert_eq!(unsupported(&Algorithm::Ed25519), None);
        let rsa = unsupported(&Algorithm::Rsa { hash: None }).unwrap();
        assert!(rsa.contains("ssh-rsa") && rsa.contains("ed25519"), "{rsa}");
        let curve = EcdsaCurve::NistP384;
        assert!(unsupported(&Algorithm::Ecdsa { curve }).is_some());
    }

    #[test]
    fn a_signature_counts_for_one_text_one_purpose_and_a_known_key() {
        let (private, public) = key(1);
        let (other, _) = key(2);
        let today = jiff::civil::date(2026, 6, 1);
        let signers = AllowedSigners::parse(&format!("# team\nbob@example.org,@bob {public}\n"));
        assert_eq!(signers.faults, []);
        let signature = sign(&private, NAMESPACE, b"text").unwrap();
        let verified = signers
            .verify(&signature, NAMESPACE, b"text", today)
            .unwrap();
        assert_eq!(verified.principals, ["bob@example.org", "@bob"]);
        let verify = |signature: &str, namespace: &str, text: &[u8]| {
            signers
                .verify(signature, namespace, text, today)
                .unwrap_err()
        };
        assert_eq!(
            verify(&signature, NAMESPACE, b"other"),
            SignatureError::Forged
        );
        let foreign = sign(&other, NAMESPACE, b"text").unwrap();
        let unknown = verify(&foreign, NAMESPACE, b"text");
        assert!(matches!(unknown, SignatureError::Unknown(_)), "{unknown}");
        let git = sign(&private, "git", b"text").unwrap();
        let namespace = verify(&git, NAMESPACE, b"text");
        assert!(matches!(namespace, SignatureError::Namespace { .. }));
        assert!(matches!(
            verify("", NAMESPACE, b""),
            SignatureError::Format(_)
        ));
    }

    #[test]
    fn options_bound_a_key() {
        let (private, public) = key(1);
        let signature = sign(&private, NAMESPACE, b"text").unwrap();
        let verify = |options: &str, year: i16| {
            let signers = AllowedSigners::parse(&format!("bob@example.org {options} {public}\n"));
            assert_eq!(signers.faults, []);
            let today = jiff::civil::date(year, 6, 1);
            signers.verify(&signature, NAMESPACE, b"text", today)
        };
        assert!(verify("namespaces=\"git,threatgate*\"", 2026).is_ok());
        assert!(verify("namespaces=\"git\"", 2026).is_err());
        let bounds = "valid-after=\"20260101\",valid-before=\"20270101Z\"";
        assert!(verify(bounds, 2025).is_err());
        assert!(verify(bounds, 2026).is_ok());
        assert!(verify(bounds, 2027).is_err());
        let faults =
            AllowedSigners::parse("a\nb odd=\"1\" ssh-ed25519 x\nc ssh-ed25519 x\n").faults;
        assert_eq!(faults.len(), 3);
    }
}
