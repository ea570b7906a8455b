//! What is known of cryptography, as data: `rules/crypto/*.toml`. A use of cryptography comes in as
//! the words that a rule took out of a call; out come one spelling of its algorithm, its parts
//! (mode, padding, key), what it is for, and how strong it is.
//!
//! Strength is 0 (broken) to 4 within one operation, and that of the weakest part.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::element::*;
use crate::error::RuleError;
use crate::fact::{Attributes, Fact, FactKind};
use crate::link::Linker;
use crate::local::{Site, subject};
use crate::names::Around;
use crate::rule::wild;

pub(crate) mod origin;
mod through;

use origin::Origins;

/// A `==` is looked at no deeper than through this many variables.
const MAX_VARIABLES: u32 = 5;

/// All of `rules/crypto/`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cryptography {
    spellings: Vec<Spelling>,
    algorithms: Vec<Algorithm>,
    modes: Vec<Part>,
    paddings: Vec<Part>,
    costs: Vec<Cost>,
    purposes: Vec<Purpose>,
    verifiers: Vec<Verifier>,
    wrappers: Vec<through::Wrapper>,
    comparison: Comparison,
    pub(crate) origins: Origins,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    /// For the reader of the file.
    #[serde(rename = "source")]
    _source: String,
    #[serde(default, rename = "spelling")]
    spellings: Vec<Spelling>,
    #[serde(default, rename = "algorithm")]
    algorithms: Vec<Algorithm>,
    #[serde(default, rename = "mode")]
    modes: Vec<Part>,
    #[serde(default, rename = "padding")]
    paddings: Vec<Part>,
    #[serde(default, rename = "cost")]
    costs: Vec<Cost>,
    #[serde(default, rename = "purpose")]
    purposes: Vec<Purpose>,
    #[serde(default, rename = "verifier")]
    verifiers: Vec<Verifier>,
    #[serde(default, rename = "wrapper")]
    wrappers: Vec<through::Wrapper>,
    comparison: Option<Comparison>,
    origin: Option<Origins>,
}

/// A beginning that is written in another way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelling {
    from: String,
    to: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Algorithm {
    name: String,
    like: Vec<String>,
    /// A primitive of CycloneDX 1.6.
    primitive: Option<String>,
    /// By operation.
    #[serde(default)]
    strength: BTreeMap<String, i64>,
    /// Classical strength in bits.
    bits: Option<i64>,
    /// NIST's category; 0 falls to a quantum computer.
    quantum: Option<i64>,
    /// Strengths by the size of the key.
    #[serde(default)]
    sizes: BTreeMap<String, Size>,
    oid: Option<String>,
    /// One key for both sides, or a pair.
    keys: Option<Keys>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    bits: i64,
    quantum: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Keys {
    Shared,
    Pair,
}

/// A mode or a padding.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    like: Vec<String>,
    strength: Option<i64>,
    #[serde(default)]
    authenticated: bool,
}

/// A number below which a use is weak.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    like: Vec<String>,
    attribute: String,
    least: i64,
    /// Above this it counts in another way, of which nothing is known.
    most: Option<i64>,
}

/// What something is for, by the names around.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Purpose {
    name: String,
    operations: Vec<String>,
    #[serde(default)]
    named: Vec<String>,
    #[serde(default)]
    handed: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    /// Nothing rests on it.
    #[serde(default)]
    harmless: bool,
    /// The operation by which its strength counts.
    strength: Option<String>,
}

/// Functions that verify a peer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verifier {
    functions: Vec<String>,
    /// Types of which a parameter has one.
    parameters: Vec<String>,
    about: String,
    /// Calls that decide nothing.
    #[serde(default)]
    calls: Vec<String>,
}

/// How values are compared in a time that depends on them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Comparison {
    /// Operations whose results nobody may guess bit by bit.
    of: Vec<String>,
    operators: Vec<String>,
    calls: Vec<String>,
    /// What these give of a value says little about it.
    measures: Vec<String>,
}

impl Cryptography {
    /// Reads `crypto/` of the rules.
    pub(crate) fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut all = Self::default();
        for (path, text) in files {
            if !path.starts_with("crypto/") {
                continue;
            }
            let read: Text = crate::error::read_rules(path, text)?;
            all.spellings.extend(read.spellings);
            all.algorithms.extend(read.algorithms);
            all.modes.extend(read.modes);
            all.paddings.extend(read.paddings);
            all.costs.extend(read.costs);
            all.purposes.extend(read.purposes);
            all.verifiers.extend(read.verifiers);
            all.wrappers.extend(read.wrappers);
            if let Some(comparison) = read.comparison {
                all.comparison = comparison;
            }
            if let Some(origins) = read.origin {
                all.origins = origins;
            }
        }
        Ok(all)
    }

    /// One spelling for an algorithm: `SHA-1`, `sha1` and `Sha1` are `sha1`.
    pub(crate) fn canonical(&self, text: &str) -> String {
        let lower = text.to_ascii_lowercase();
        let lower = lower.trim_end_matches("digest");
        let mut out = String::new();
        for c in lower.chars() {
            if c.is_ascii_alphanumeric() {
                out.push(c);
            } else if !out.ends_with('-') && matches!(c, '-' | '_' | '/' | ':' | ' ' | '.' | '+') {
                out.push('-');
            }
        }
        let mut out = out.trim_matches('-').to_owned();
        for spelling in &self.spellings {
            if let Some(rest) = out.strip_prefix(&spelling.from) {
                out = format!("{}{rest}", spelling.to);
            }
        }
        out
    }

    fn algorithm(&self, canonical: &str) -> Option<&Algorithm> {
        let fits = |one: &&Algorithm| one.like.iter().any(|pattern| wild(pattern, canonical));
        self.algorithms.iter().find(fits)
    }

    /// Puts what is known of a use of cryptography beside what a rule took out of it. Returns the
    /// spelling of its algorithm.
    pub(crate) fn describe(&self, operation: &str, attributes: &mut Attributes) -> String {
        let names: BTreeSet<String> = match attributes.get("algorithm") {
            Some(Json::String(one)) => BTreeSet::from([self.canonical(one)]),
            // Several are allowed: which is used, the other side decides.
            Some(Json::Array(several)) => {
                let names = several.iter().filter_map(Json::as_str);
                names.map(|name| self.canonical(name)).collect()
            }
            _ => BTreeSet::new(),
        };
        let mut name = names.iter().cloned().collect::<Vec<_>>().join("+");
        if name.is_empty() {
            name = "unknown".to_owned();
        }
        attributes.insert("algorithm".into(), json!(name));
        // A version that is computed is not known.
        let version = attributes.get("min_version").and_then(Json::as_str);
        if version.is_some_and(|version| version.parse::<f64>().is_err()) {
            attributes.remove("min_version");
        }
        match &names.iter().collect::<Vec<_>>()[..] {
            [] => {}
            [one] => self.parts(operation, one, attributes),
            _ => {
                attributes.insert("shown".into(), json!(name.to_uppercase()));
            }
        }
        name
    }

    /// The parts that the name of an algorithm says: `aes-256-gcm`.
    fn parts(&self, operation: &str, name: &str, attributes: &mut Attributes) {
        let Some(algorithm) = self.algorithm(name) else {
            return;
        };
        let words: Vec<&str> = name.split('-').collect();
        let said = |list: &[Part]| {
            let fits = |part: &&Part| find(std::slice::from_ref(*part), &words).is_some();
            list.iter().find(fits).map(|part| part.name.clone())
        };
        if operation == "cipher" {
            let block = algorithm.primitive.as_deref() == Some("block-cipher");
            if let Some(mode) = attributes.get("mode").and_then(Json::as_str) {
                let spelt = self.canonical(mode);
                let spelt: Vec<&str> = spelt.split('-').collect();
                if let Some(part) = find(&self.modes, &spelt) {
                    attributes.insert("mode".into(), json!(part.name));
                }
            } else if let Some(mode) = said(&self.modes).filter(|_| block) {
                attributes.insert("mode".into(), json!(mode));
            }
            if !block {
                attributes.remove("mode");
            }
            let padding = match attributes.get("padding").and_then(Json::as_str) {
                Some(padding) => {
                    let spelt = self.canonical(padding);
                    find(&self.paddings, &[&spelt]).map(|part| part.name.clone())
                }
                None => said(&self.paddings),
            };
            if let Some(padding) = padding {
                attributes.insert("padding".into(), json!(padding));
            }
        }
        let sizes = words
            .iter()
            .filter(|word| algorithm.sizes.contains_key(**word));
        let size = sizes.filter_map(|word| word.parse::<i64>().ok()).next();
        if let Some(size) = size
            && !attributes.contains_key("key_bits")
        {
            attributes.insert("key_bits".into(), json!(size));
        }
        let bits = attributes.get("key_bits").and_then(Json::as_i64);
        let sized = bits.and_then(|bits| algorithm.sizes.get(&bits.to_string()));
        attributes.insert("family".into(), json!(algorithm.name));
        if let Some(primitive) = &algorithm.primitive {
            let mode = attributes.get("mode").and_then(Json::as_str);
            let seals = self
                .modes
                .iter()
                .any(|one| one.authenticated && Some(&*one.name) == mode);
            let primitive = match operation {
                "hmac" => "mac",
                _ if seals => "ae",
                _ => primitive,
            };
            attributes.insert("primitive".into(), json!(primitive));
        }
        let quantum = sized.map(|size| size.quantum).or(algorithm.quantum);
        let bits = sized.map(|size| size.bits).or(algorithm.bits);
        for (name, value) in [("security_bits", bits), ("quantum_level", quantum)] {
            if let Some(value) = value {
                attributes.insert(name.into(), json!(value));
            }
        }
        // What Shor's algorithm breaks whatever the size of the key.
        let falls =
            quantum == Some(0) && (algorithm.keys == Some(Keys::Pair) || is_public(algorithm));
        if falls {
            attributes.insert("quantum_vulnerable".into(), json!(true));
        }
        // The one of a hash is not that of a MAC made with it.
        if let Some(oid) = algorithm.oid.as_ref().filter(|_| operation != "hmac") {
            attributes.insert("oid".into(), json!(oid));
        }
        attributes.insert("shown".into(), json!(self.shown(&words, algorithm)));
    }

    /// An algorithm's name for people: `AES-256-GCM`, `SHA-256`, `bcrypt`. Paddings are said
    /// apart, and a mode where there is none is left out.
    fn shown(&self, words: &[&str], algorithm: &Algorithm) -> String {
        let block = algorithm.primitive.as_deref() == Some("block-cipher");
        let public = matches!(algorithm.primitive.as_deref(), Some("pke"));
        // What hash OAEP uses says less than OAEP does.
        if public && words.len() > 1 && find(&self.paddings, words).is_some() {
            return algorithm.name.clone();
        }
        let told = |word: &&str| {
            let one = std::slice::from_ref(word);
            !(block && find(&self.paddings, one).is_some())
                && !(public
                    && (find(&self.modes, one).is_some() || find(&self.paddings, one).is_some()))
        };
        let words: Vec<&str> = words.iter().copied().filter(|word| told(word)).collect();
        shown(&words.join("-"), algorithm)
    }

    /// How strong a use of cryptography is; a higher number is stronger within one operation.
    pub(crate) fn strength(&self, operation: &str, attributes: &Attributes) -> Option<i64> {
        let text = |name: &str| attributes.get(name).and_then(Json::as_str);
        let name = text("algorithm").unwrap_or_default();
        let mut counted = operation;
        if let Some(purpose) = text("purpose") {
            let known = self.purposes.iter().find(|one| one.name == purpose);
            match known {
                Some(one) if !one.harmless => {
                    counted = one.strength.as_deref().unwrap_or(operation);
                }
                _ => return None,
            }
        }
        let algorithms: Vec<&Algorithm> = name
            .split('+')
            .filter_map(|one| self.algorithm(one))
            .collect();
        let own = algorithms
            .iter()
            .filter_map(|one| one.strength.get(counted).copied())
            .min();
        let mut parts = Vec::new();
        match counted {
            "cipher" => {
                let part = |list: &[Part], name: &str| {
                    let name = text(name)?;
                    list.iter().find(|part| part.name == name)?.strength
                };
                let block = |one: &&Algorithm| one.primitive.as_deref() == Some("block-cipher");
                let mode = part(&self.modes, "mode");
                // A block cipher without a known mode says nothing, unless it is broken itself.
                if algorithms.iter().any(block) && mode.is_none() {
                    parts.extend(own.filter(|own| *own == 0));
                } else {
                    parts.extend(own);
                    parts.extend(mode);
                }
                parts.extend(part(&self.paddings, "padding"));
            }
            "tls" | "jwt" | "saml" | "ssh" => {
                parts.push(own.unwrap_or(2));
                if attributes.get("verify") == Some(&json!(false)) {
                    parts.push(0);
                }
                if text("min_version")
                    .and_then(|version| version.parse::<f64>().ok())
                    .is_some_and(|version| version < 1.2)
                {
                    parts.push(1);
                }
                // What is signed with a public key as the shared one would be accepted.
                let keys: BTreeSet<Keys> = algorithms.iter().filter_map(|one| one.keys).collect();
                if keys.len() > 1 && text("action") == Some("verify") {
                    parts.push(1);
                }
            }
            _ => parts.extend(own),
        }
        for cost in &self.costs {
            let fits = cost.like.iter().any(|pattern| wild(pattern, name));
            let number = attributes.get(&cost.attribute).and_then(Json::as_i64);
            if let Some(number) = number.filter(|_| fits)
                && number < cost.least
                && number > 0
                && cost.most.is_none_or(|most| number <= most)
            {
                parts.push(1);
            }
        }
        if ["issuer", "audience", "expiry", "signer"]
            .iter()
            .any(|part| text(part) == Some("unchecked"))
        {
            parts.push(1);
        }
        if ["iv", "salt", "key_origin"]
            .iter()
            .any(|part| text(part) == Some("constant"))
        {
            parts.push(1);
        }
        parts.into_iter().min()
    }

    /// What an expression is for, by the names around it and those that are handed to it.
    pub(crate) fn purpose(&self, unit: &Unit, id: ExprId, operation: &str) -> Option<&str> {
        let mut candidates = self.purposes.iter();
        let concerned = |one: &Purpose| one.operations.iter().any(|word| word == operation);
        if !self.purposes.iter().any(concerned) {
            return None;
        }
        let mut around = Around::new(unit, id);
        around.with_class();
        let handed = Around::handed(unit, id);
        let found = candidates.find(|one| {
            concerned(one)
                && (around.is_like(&one.named) || handed.is_like(&one.handed))
                && !around.is_like(&one.unless)
                && !handed.is_like(&one.unless)
        });
        found.map(|one| one.name.as_str())
    }
}

fn is_public(algorithm: &Algorithm) -> bool {
    let primitive = algorithm.primitive.as_deref();
    matches!(primitive, Some("signature" | "pke" | "key-agree" | "kem"))
}

/// The first part that one of the words names.
fn find<'a>(parts: &'a [Part], words: &[&str]) -> Option<&'a Part> {
    parts.iter().find(|part| {
        let mut patterns = part.like.iter();
        patterns.any(|pattern| {
            wild(pattern, &words.join("-")) || words.iter().any(|word| wild(pattern, word))
        })
    })
}

/// An algorithm's name for people: `AES-256-GCM`, `SHA-256`, `bcrypt`.
fn shown(name: &str, algorithm: &Algorithm) -> String {
    let bare = |text: &str| text.replace(['-', '/', ' '], "").to_ascii_lowercase();
    if bare(name) == bare(&algorithm.name) {
        return algorithm.name.clone();
    }
    // A name in small letters is written so.
    let small = algorithm.name.to_ascii_lowercase() == algorithm.name;
    match small {
        true => name.to_owned(),
        false => match name.strip_prefix("des3") {
            Some(rest) => format!("3DES{}", rest.to_ascii_uppercase()),
            None => name.to_ascii_uppercase(),
        },
    }
}

/// Functions that verify a peer and let everybody through, and values of cryptography that are
/// compared like any other. `facts` holds those of the file that its calls make.
pub(crate) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    verifiers(linker, site, facts);
    comparisons(linker, site, facts);
    through::extract(linker, site, facts);
}

fn verifiers(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let knowledge = linker.cryptography();
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for function in &unit.functions {
        let known = knowledge.verifiers.iter().find(|one| {
            one.functions.iter().any(|name| **name == *function.name)
                && function.params.iter().any(|param| {
                    let mut types = one.parameters.iter();
                    types.any(|ty| param.ty.as_deref().is_some_and(|text| wild(ty, text)))
                })
        });
        let Some(verifier) = known else { continue };
        if !lets_through(unit, function.body, &verifier.calls) {
            continue;
        }
        let mut attributes = Attributes::new();
        attributes.insert("operation".into(), json!("tls"));
        attributes.insert("algorithm".into(), json!(verifier.about));
        attributes.insert("verify".into(), json!(false));
        attributes.insert("strength".into(), json!(0));
        attributes.insert("subject".into(), json!(&*function.qualified));
        let identity = format!("{}:tls:{}", function.qualified, verifier.about);
        facts.push(site.fact(
            FactKind::Crypto,
            identity,
            attributes,
            function.head,
            "accepting-verifier",
        ));
    }
}

/// Whether a body raises nothing, asks nothing and gives nothing but "yes".
pub(crate) fn lets_through(unit: &Unit, body: Option<ExprId>, allowed: &[String]) -> bool {
    let Some(body) = body else { return false };
    let fine = |word: &str| {
        let mut words = allowed.iter();
        words.any(|one| one == word)
    };
    unit.descendants(body)
        .into_iter()
        .all(|id| match unit.kind(id) {
            ExprKind::Call { callee, .. } => unit.last_name(*callee).is_some_and(fine),
            ExprKind::Exit { kind, .. } => *kind == ExitKind::Return,
            ExprKind::Bool(value) => *value,
            ExprKind::Binary { .. }
            | ExprKind::Branch { .. }
            | ExprKind::Unary { .. }
            | ExprKind::Assign(_)
            | ExprKind::Await(_) => false,
            ExprKind::Name(name) => {
                matches!(&**name, "undefined" | "null" | "nil") || !allowed.is_empty()
            }
            _ => true,
        })
}

fn comparisons(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let knowledge = &linker.cryptography().comparison;
    let made: Vec<Span> = facts
        .iter()
        .filter(|fact| fact.kind == FactKind::Crypto && fact.location.path == site.path)
        .filter(|fact| {
            knowledge
                .of
                .iter()
                .any(|one| fact.text("operation") == Some(one))
        })
        .map(|fact| Span {
            start: fact.location.start as u32,
            // A fact's location ends with its first line.
            end: fact.location.start as u32 + 1,
            ..Span::default()
        })
        .collect();
    if made.is_empty() {
        return;
    }
    // A comparison that a rule knows takes the same time whatever is right.
    let known: BTreeSet<usize> = facts
        .iter()
        .filter(|fact| fact.kind == FactKind::Crypto && fact.text("operation") == Some("compare"))
        .map(|fact| fact.location.start)
        .collect();
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let is = |list: &[String], word: &str| list.iter().any(|one| one == word);
    for id in unit.ids() {
        if known.contains(&(unit.expr(id).span.start as usize)) {
            continue;
        }
        let sides: Vec<ExprId> = match unit.kind(id) {
            ExprKind::Binary { op, left, right } if is(&knowledge.operators, op) => {
                vec![*left, *right]
            }
            ExprKind::Call { callee, args } => match unit.kind(*callee) {
                ExprKind::Member { object, property } if is(&knowledge.calls, property) => {
                    match &args[..] {
                        [one] => vec![*object, one.value],
                        [one, two] => vec![one.value, two.value],
                        _ => continue,
                    }
                }
                ExprKind::Name(name) if is(&knowledge.calls, name) && args.len() == 2 => {
                    vec![args[0].value, args[1].value]
                }
                _ => continue,
            },
            _ => continue,
        };
        let literal = |id: &ExprId| {
            matches!(
                unit.kind(*id),
                ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null
            ) || matches!(unit.kind(*id), ExprKind::Name(name) if matches!(&**name, "undefined" | "nil" | "None" | "null"))
        };
        if sides.iter().any(literal) {
            continue;
        }
        let secret = |id: &ExprId| comes_of(linker, site, unit, *id, &made, &knowledge.measures, 0);
        if !sides.iter().any(secret) {
            continue;
        }
        let subject = subject(unit, id);
        let mut attributes = Attributes::new();
        attributes.insert("operation".into(), json!("compare"));
        attributes.insert("algorithm".into(), json!("ordinary"));
        attributes.insert("strength".into(), json!(1));
        attributes.insert("subject".into(), json!(subject));
        let identity = format!("{subject}:compare:ordinary");
        facts.push(site.fact(
            FactKind::Crypto,
            identity,
            attributes,
            unit.expr(id).span,
            "ordinary-comparison",
        ));
    }
}

/// Whether a value is, or is made of, what stands at one of these places.
fn comes_of(
    linker: &Linker<'_>,
    site: &Site<'_>,
    unit: &Unit,
    id: ExprId,
    made: &[Span],
    measures: &[String],
    depth: u32,
) -> bool {
    if depth > MAX_VARIABLES {
        return false;
    }
    let deeper = |id: ExprId| comes_of(linker, site, unit, id, made, measures, depth + 1);
    let measure = |word: &str| measures.iter().any(|one| one == word);
    match unit.kind(id) {
        ExprKind::Call { callee, args } => {
            if unit.last_name(*callee).is_some_and(measure) {
                return false;
            }
            let span = unit.expr(id).span;
            if made
                .iter()
                .any(|place| place.start == span.start && span.end >= place.end)
            {
                return true;
            }
            let object = match unit.kind(*callee) {
                ExprKind::Member { object, .. } => Some(*object),
                _ => None,
            };
            object.into_iter().any(deeper) || args.iter().any(|arg| deeper(arg.value))
        }
        ExprKind::Name(name) => {
            let expr = unit.expr(id);
            let target = linker
                .project
                .lookup(site.file, name, expr.function, expr.span.start);
            match target {
                crate::project::Target::Assign(at, index) if at == site.file => {
                    unit.assigns[index as usize].value.is_some_and(deeper)
                }
                _ => false,
            }
        }
        ExprKind::Await(inner) | ExprKind::Unary { value: inner, .. } => deeper(*inner),
        ExprKind::Index { object, .. } => deeper(*object),
        ExprKind::Binary { op, left, right } if matches!(&**op, "+" | "." | "||" | "??") => {
            deeper(*left) || deeper(*right)
        }
        ExprKind::Template(parts) => parts.iter().any(|part| deeper(*part)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowledge() -> Cryptography {
        let files = [
            (
                "crypto/algorithms.toml",
                include_str!("../../../rules/crypto/algorithms.toml"),
            ),
            (
                "crypto/modes.toml",
                include_str!("../../../rules/crypto/modes.toml"),
            ),
            (
                "crypto/contexts.toml",
                include_str!("../../../rules/crypto/contexts.toml"),
            ),
        ];
        Cryptography::load(&files).expect("the built-in files can be read")
    }

    #[test]
    fn algorithms_have_one_spelling() {
        let all = knowledge();
        let check = |text: &str, expected: &str| assert_eq!(all.canonical(text), expected);
        check("SHA-1", "sha1");
        check("sha1", "sha1");
        check("SHA256", "sha256");
        check("RSA-SHA256", "sha256");
        check("HmacSHA256", "sha256");
        check("AES_256_GCM", "aes-256-gcm");
        check("aes-256-cbc", "aes-256-cbc");
        check("AES/CBC/PKCS5Padding", "aes-cbc-pkcs5padding");
        check("DESede/ECB/NoPadding", "des3-ecb-nopadding");
    }

    #[test]
    fn a_use_is_as_strong_as_its_weakest_part() {
        let all = knowledge();
        let check = |operation: &str, given: &[(&str, Json)], expected: Option<i64>| {
            let mut attributes: Attributes = given
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect();
            all.describe(operation, &mut attributes);
            assert_eq!(all.strength(operation, &attributes), expected, "{given:?}");
        };
        let named = |name: &str| ("algorithm", json!(name));
        check("cipher", &[named("AES/GCM/NoPadding")], Some(3));
        check("cipher", &[named("AES/CBC/PKCS5Padding")], Some(2));
        check(
            "cipher",
            &[named("AES"), ("mode", json!("MODE_ECB"))],
            Some(1),
        );
        check(
            "cipher",
            &[named("aes-256-gcm"), ("iv", json!("constant"))],
            Some(1),
        );
        check("cipher", &[named("AES")], None);
        check("cipher", &[named("des-ede3-cbc")], Some(0));
        check("cipher", &[named("RSA/ECB/PKCS1Padding")], Some(2));
        check(
            "cipher",
            &[named("RSA/ECB/OAEPWithSHA-256AndMGF1Padding")],
            Some(3),
        );
        check("hash", &[named("MD5")], Some(0));
        check("hmac", &[named("HmacSHA1")], Some(2));
        check("sign", &[named("SHA256withRSA")], Some(3));
        check("sign", &[named("SHA1withRSA")], Some(1));
        check(
            "password-hash",
            &[named("bcrypt"), ("iterations", json!(4))],
            Some(1),
        );
        check(
            "password-hash",
            &[named("bcrypt"), ("iterations", json!(12))],
            Some(3),
        );
        check(
            "kdf",
            &[named("PBKDF2WithHmacSHA256"), ("iterations", json!(1000))],
            Some(1),
        );
        check("key", &[named("rsa"), ("key_bits", json!(1024))], Some(1));
        check("key", &[named("secp256r1")], Some(2));
        check("key", &[named("SECP192R1")], Some(1));
        check("jwt", &[named("none")], Some(0));
        check("jwt", &[named("HS256"), ("verify", json!(false))], Some(0));
        check(
            "jwt",
            &[
                ("algorithm", json!(["HS256", "RS256"])),
                ("action", json!("verify")),
            ],
            Some(1),
        );
        check(
            "tls",
            &[named("tls"), ("min_version", json!("1.0"))],
            Some(1),
        );
    }
}
