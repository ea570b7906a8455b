//! Which fields hold sensitive data, judged by name, type and entity.
//!
//! In goes the dictionary of `rules/sensitivity/`, out comes a class for a field or nothing. A name
//! never proves what a column holds, so precision comes first: in an English compound the last word
//! says what the thing is, hence a term must end the name (`billing_email` is an email,
//! `email_template` a template), save for words that only say how the value is kept
//! (`password_hash`); and the type must be able to hold such a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::error::{RuleError, line_of, read_rules};
use crate::redaction::Redaction;

/// What kind of sensitive data a field holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A class of the team's own.
    Custom(String),
    /// What lets its holder in: passwords, keys, tokens (CWE-522).
    Credential,
    /// Cardholder and sensitive authentication data (PCI DSS v4.0.1, account data).
    Pci,
    /// Health data (HIPAA, 45 CFR 160.103; GDPR Article 4(15)).
    Phi,
    /// Special categories of personal data (GDPR Article 9, 10).
    SpecialCategory,
    /// Income, accounts and other financial circumstances of a person.
    Financial,
    /// Other personal data (GDPR Article 4(1)).
    Pii,
}

impl Class {
    const BUILT_IN: [Self; 6] = [
        Self::Credential,
        Self::Pci,
        Self::Phi,
        Self::SpecialCategory,
        Self::Financial,
        Self::Pii,
    ];

    /// The class's name in rules, policy and reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Custom(name) => name,
            Self::Credential => "credential",
            Self::Pci => "pci",
            Self::Phi => "phi",
            Self::SpecialCategory => "special-category",
            Self::Financial => "financial",
            Self::Pii => "pii",
        }
    }

    /// The class of that name; any other name is a class of the team's own.
    pub fn named(name: &str) -> Self {
        let built_in = Self::BUILT_IN
            .into_iter()
            .find(|class| class.name() == name);
        built_in.unwrap_or_else(|| Self::Custom(name.to_owned()))
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much the name alone says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The name has other readings: `token`, `address`.
    Low,
    /// The name has no other common reading.
    #[default]
    High,
}

/// What a field was judged to hold, and by which term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classification<'a> {
    /// The class.
    pub class: &'a Class,
    /// The dictionary's term, kebab-case.
    pub term: &'a str,
    /// How much the name alone says.
    pub certainty: Certainty,
}

/// The dictionary.
#[derive(Clone, Debug, Default)]
pub struct Sensitivity {
    terms: Vec<Term>,
    /// Last word of a pattern → term and pattern.
    by_last_word: BTreeMap<String, Vec<(usize, usize)>>,
    words: WordLists,
    redaction: Redaction,
}

#[derive(Clone, Debug)]
struct Term {
    class: Class,
    name: String,
    patterns: Vec<Vec<String>>,
    except: Vec<Vec<String>>,
    on: Vec<String>,
    off: Vec<String>,
    entity: Option<Vec<String>>,
    whole: bool,
    types: Vec<Kind>,
    certainty: Certainty,
    /// The class is what the field decides about access, not what it holds.
    control: bool,
}

#[derive(Clone, Debug, Default)]
struct WordLists {
    before: BTreeSet<String>,
    after: BTreeSet<String>,
    entity_after: BTreeSet<String>,
    no_value: BTreeSet<String>,
    contexts: BTreeMap<String, BTreeSet<String>>,
}

/// What values a type can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Boolean,
    Number,
    Text,
    Time,
    Binary,
    Json,
    Uuid,
    /// A type of the project's own.
    Other,
}

const DEFAULT_TYPES: [Kind; 4] = [Kind::Text, Kind::Binary, Kind::Json, Kind::Other];

/// One file of `rules/sensitivity/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    /// Class of the file's terms.
    class: Option<String>,
    /// What the file's terms decide, in place of a class: `access`, `tenancy`, `ownership`.
    control: Option<String>,
    #[serde(default)]
    term: Vec<TermTable>,
    /// Words before a term that make the field something else: `has`, `max`.
    #[serde(default)]
    before: Vec<String>,
    /// Words that may follow a term: `hash`, `encrypted`.
    #[serde(default)]
    after: Vec<String>,
    /// Words that may follow the noun in an entity's name: `dto`, `profile`.
    #[serde(default)]
    entity_after: Vec<String>,
    /// Last words of types that hold no value: `service`.
    #[serde(default)]
    no_value: Vec<String>,
    /// Kinds of entity by their nouns.
    #[serde(default)]
    context: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TermTable {
    name: String,
    /// The term's own class, where a file holds several.
    class: Option<String>,
    words: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    on: Vec<String>,
    #[serde(default)]
    off: Vec<String>,
    /// Whether no word may stand before the term.
    #[serde(default)]
    whole: bool,
    types: Option<Vec<Kind>>,
    #[serde(default)]
    certainty: Certainty,
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests run them"))]
    examples: Examples,
}

/// `Entity.field: type`, one each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), expect(dead_code, reason = "the tests run them"))]
struct Examples {
    #[serde(rename = "match")]
    matching: Vec<String>,
    silent: Vec<String>,
}

impl Sensitivity {
    /// What keeps sensitive values out of sight.
    pub(crate) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    pub(crate) fn set_redaction(&mut self, redaction: Redaction) {
        self.redaction = redaction;
    }

    /// Reads the dictionary's files, given as path and text; several may state the same class.
    ///
    /// # Errors
    ///
    /// A key, class, type or context that is not known, with file and line.
    pub fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut out = Self::default();
        let mut contexts = Vec::new();
        for (path, text) in files {
            let file: File = read_rules(path, text)?;
            // `wanted` stands behind the name of the term.
            let error = |term: &str, wanted: &str, message: String| RuleError {
                path: (*path).to_owned(),
                line: line_of(text, &format!("\"{term}\""), wanted),
                message,
            };
            out.words
                .before
                .extend(file.before.iter().map(|word| singular(word)));
            out.words
                .after
                .extend(file.after.iter().map(|word| singular(word)));
            out.words
                .entity_after
                .extend(file.entity_after.iter().map(|word| singular(word)));
            out.words
                .no_value
                .extend(file.no_value.iter().map(|word| singular(word)));
            for (name, words) in file.context {
                let words = words.iter().map(|word| singular(word));
                out.words.contexts.entry(name).or_default().extend(words);
            }
            for term in file.term {
                let own = term.class.as_ref().or(file.class.as_ref());
                let Some(class) = own.or(file.control.as_ref()) else {
                    return Err(error(
                        &term.name,
                        "",
                        "a term needs a `class`, its own or its file's".to_owned(),
                    ));
                };
                if class.trim().is_empty() {
                    let place = term.class.as_ref().map_or("", |_| &*term.name);
                    return Err(error(place, "class", "`class` is empty".to_owned()));
                }
                let patterns: Vec<_> = term.words.iter().map(|words| split(words)).collect();
                if patterns.is_empty() || patterns.iter().any(Vec::is_empty) {
                    return Err(error(
                        &term.name,
                        "words",
                        "`words` needs at least one word each".to_owned(),
                    ));
                }
                for context in term.on.iter().chain(&term.off) {
                    let at = error(&term.name, &format!("\"{context}\""), String::new());
                    contexts.push((context.clone(), at));
                }
                out.insert(Term {
                    class: Class::named(class),
                    name: term.name,
                    patterns,
                    except: term.except.iter().map(|words| split(words)).collect(),
                    on: term.on,
                    off: term.off,
                    entity: None,
                    whole: term.whole,
                    types: term.types.unwrap_or_else(|| DEFAULT_TYPES.to_vec()),
                    certainty: term.certainty,
                    control: file.control.is_some(),
                });
            }
        }
        // Files may come in any order, so contexts are looked up at the end.
        for (name, at) in contexts {
            if !out.words.contexts.contains_key(&name) {
                let known: Vec<_> = out.words.contexts.keys().map(String::as_str).collect();
                let message = format!(
                    "unknown context \"{name}\"; expected one of {}",
                    known.join(", ")
                );
                return Err(RuleError { message, ..at });
            }
        }
        Ok(out)
    }

    /// Adds a class of the team's own: `loyalty_number`, or `Member.level` for one entity.
    ///
    /// Such terms win over the dictionary's and hold for every type.
    ///
    /// # Errors
    ///
    /// A class or pattern without a word.
    pub fn add(&mut self, class: &str, patterns: &[&str]) -> Result<(), String> {
        if class.trim().is_empty() {
            return Err("a class needs a name".to_owned());
        }
        for pattern in patterns {
            let (entity, field) = match pattern.rsplit_once('.') {
                Some((entity, field)) => (Some(split(entity)), split(field)),
                None => (None, split(pattern)),
            };
            if field.is_empty() || entity.as_ref().is_some_and(Vec::is_empty) {
                return Err(format!(
                    "\"{pattern}\" is no pattern; expected `field` or `Entity.field`"
                ));
            }
            self.insert(Term {
                class: Class::named(class),
                name: field.join("-"),
                patterns: vec![field],
                except: Vec::new(),
                on: Vec::new(),
                off: Vec::new(),
                entity: entity.or(Some(Vec::new())),
                whole: false,
                types: Vec::new(),
                certainty: Certainty::High,
                control: false,
            });
        }
        Ok(())
    }

    fn insert(&mut self, term: Term) {
        let at = self.terms.len();
        for (index, pattern) in term.patterns.iter().enumerate() {
            if let Some(last) = pattern.last() {
                self.by_last_word
                    .entry(last.clone())
                    .or_default()
                    .push((at, index));
            }
        }
        self.terms.push(term);
    }

    /// Says what a field of an entity holds. The type is taken as any language writes it.
    pub fn classify(
        &self,
        entity: &str,
        field: &str,
        ty: Option<&str>,
    ) -> Option<Classification<'_>> {
        self.find(entity, field, ty, false)
    }

    /// Says what a field decides about access: who may what (`access`), whose a record is
    /// (`ownership`) or whose data it stands among (`tenancy`).
    pub fn control(&self, entity: &str, field: &str, ty: Option<&str>) -> Option<&str> {
        let found = self.find(entity, field, ty, true)?;
        Some(found.class.name())
    }

    /// Whether a column's name says neither that it holds something sensitive nor that it decides about access.
    /// A reference may be named without the end of its column: `tenant` for `tenant_id`.
    pub(crate) fn is_ordinary(&self, entity: &str, column: &str) -> bool {
        let reference = format!("{column}_id");
        self.classify(entity, column, None).is_none()
            && [column, &reference]
                .iter()
                .all(|name| self.control(entity, name, None).is_none())
    }

    fn find(
        &self,
        entity: &str,
        field: &str,
        ty: Option<&str>,
        control: bool,
    ) -> Option<Classification<'_>> {
        let words = split(field);
        let entity = split(entity.rsplit(['.', ':', '/']).next().unwrap_or(entity));
        let (kind, valueless) = ty.map_or((None, false), |ty| {
            let words = type_words(ty);
            let valueless = words
                .last()
                .is_some_and(|last| self.words.no_value.contains(last));
            (Some(kind(&words)), valueless)
        });
        let subject = Subject {
            words: &words,
            entity: &entity,
            kind,
            valueless,
        };
        let mut end = words.len();
        while end > 0 {
            let found = self.by_last_word.get(&words[end - 1]).into_iter().flatten();
            let best = found
                .filter(|(term, _)| self.terms[*term].control == control)
                .filter(|(term, pattern)| self.holds(&self.terms[*term], *pattern, end, &subject))
                .max_by_key(|(term, pattern)| {
                    let found = &self.terms[*term];
                    let own = found.entity.is_some();
                    (
                        own,
                        found.patterns[*pattern].len(),
                        std::cmp::Reverse((&found.class, *term)),
                    )
                });
            if let Some((term, _)) = best {
                let Term {
                    class,
                    name,
                    certainty,
                    ..
                } = &self.terms[*term];
                return Some(Classification {
                    class,
                    term: name,
                    certainty: *certainty,
                });
            }
            let last = &words[end - 1];
            let says_how =
                self.words.after.contains(last) || last.bytes().all(|byte| byte.is_ascii_digit());
            if !says_how {
                return None;
            }
            end -= 1;
        }
        None
    }

    fn holds(&self, term: &Term, pattern: usize, end: usize, subject: &Subject<'_>) -> bool {
        let pattern = &term.patterns[pattern];
        let Some(start) = end.checked_sub(pattern.len()) else {
            return false;
        };
        if subject.words[start..end] != pattern[..] {
            return false;
        }
        if let Some(entity) = &term.entity {
            return entity.is_empty() || entity == subject.entity;
        }
        let contains = |part: &Vec<String>| {
            subject
                .words
                .windows(part.len())
                .any(|words| words == &part[..])
        };
        let within = |context: &String| {
            let words = self.words.contexts.get(context);
            words.is_some_and(|words| subject.entity.iter().any(|word| words.contains(word)))
        };
        let misplaced = subject.valueless || term.whole && start > 0;
        !misplaced
            && subject.kind.is_none_or(|kind| term.types.contains(&kind))
            && !subject.words[..start]
                .iter()
                .any(|word| self.words.before.contains(word))
            && !term.except.iter().any(contains)
            && (term.on.is_empty()
                || term
                    .on
                    .iter()
                    .any(|context| self.is_a(subject.entity, context)))
            && !term.off.iter().any(within)
    }

    /// Whether the entity's noun belongs to the context: `AppUser`, `UserDto`, not `UserGroup`.
    fn is_a(&self, entity: &[String], context: &str) -> bool {
        let Some(nouns) = self.words.contexts.get(context) else {
            return false;
        };
        for word in entity.iter().rev() {
            if nouns.contains(word) {
                return true;
            }
            if !self.words.entity_after.contains(word)
                && !word.bytes().all(|byte| byte.is_ascii_digit())
            {
                return false;
            }
        }
        false
    }
}

struct Subject<'a> {
    words: &'a [String],
    entity: &'a [String],
    kind: Option<Kind>,
    valueless: bool,
}

/// A name's words, lower case and singular: `userIDs`, `user_id` and `user-ids` are the same.
pub(crate) fn split(name: &str) -> Vec<String> {
    pieces(name, true)
        .iter()
        .map(|word| singular(word))
        .collect()
}

fn pieces(name: &str, digits_apart: bool) -> Vec<String> {
    #[derive(PartialEq, Clone, Copy)]
    enum Shape {
        Upper,
        Lower,
        Digit,
    }
    let shape = |c: char| match c {
        c if c.is_numeric() => Shape::Digit,
        c if c.is_uppercase() => Shape::Upper,
        _ => Shape::Lower,
    };
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().copied().enumerate() {
        if !c.is_alphanumeric() {
            words.push(std::mem::take(&mut word));
            continue;
        }
        let before = at
            .checked_sub(1)
            .map(|before| chars[before])
            .filter(|c| c.is_alphanumeric());
        let next_is_lower = chars
            .get(at + 1)
            .is_some_and(|c| c.is_alphabetic() && shape(*c) == Shape::Lower);
        let breaks = before.is_some_and(|before| match (shape(before), shape(c)) {
            (Shape::Lower, Shape::Upper) => true,
            // The last capital of a run begins the next word: HTTPServer.
            (Shape::Upper, Shape::Upper) => next_is_lower && chars.get(at + 1) != Some(&'s'),
            (Shape::Digit, Shape::Digit) => false,
            (Shape::Digit, _) | (_, Shape::Digit) => digits_apart,
            _ => false,
        });
        if breaks {
            words.push(std::mem::take(&mut word));
        }
        for c in c.to_lowercase() {
            match unmarked(c) {
                "" => word.push(c),
                plain => word.push_str(plain),
            }
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// A letter with a mark as it is written where there are none; empty for any other.
const fn unmarked(c: char) -> &'static str {
    match c {
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ą' => "a",
        'é' | 'è' | 'ê' | 'ë' | 'ę' => "e",
        'í' | 'ì' | 'î' | 'ï' => "i",
        'ó' | 'ò' | 'ô' | 'õ' => "o",
        'ú' | 'ù' | 'û' => "u",
        'ç' | 'ć' => "c",
        'ñ' | 'ń' => "n",
        'ł' => "l",
        'ś' => "s",
        'ź' | 'ż' => "z",
        _ => "",
    }
}

/// A plural's singular, near enough: both sides of a comparison go through it.
fn singular(word: &str) -> String {
    let word = word.to_lowercase();
    if word.len() > 4
        && let Some(stem) = word.strip_suffix("ies")
    {
        return format!("{stem}y");
    }
    if ["sses", "xes", "ches", "shes"]
        .iter()
        .any(|end| word.ends_with(end))
    {
        return word[..word.len() - 2].to_owned();
    }
    let keeps = ["ss", "us", "is"].iter().any(|end| word.ends_with(end)) || word.len() < 3;
    word.strip_suffix('s')
        .filter(|_| !keeps)
        .map_or(word.clone(), str::to_owned)
}

/// A type's words without wrappers: `Option<Vec<String>>`, `string | null`, `Mapped[str]`.
fn type_words(ty: &str) -> Vec<String> {
    const WRAPPERS: &[&str] = &[
        "option",
        "optional",
        "nullable",
        "mapped",
        "null",
        "undefined",
        "none",
        "vec",
        "list",
        "array",
        "readonly",
        "std",
        "not",
        "models",
        "field",
        "arc",
        "rc",
        "box",
        "set",
        "annotated",
        "column",
        "maybe",
    ];
    let text = ty.to_ascii_lowercase();
    if text.contains("vec<u8>")
        || text.contains("[u8]")
        || text.contains("[]byte")
        || text.contains("byte[]")
    {
        return vec!["bytes".to_owned()];
    }
    if text.replace(' ', "").contains("tinyint(1)") {
        return vec!["boolean".to_owned()];
    }
    let mut words = pieces(ty, false);
    words.retain(|word| !WRAPPERS.contains(&word.as_str()));
    words
}

fn kind(words: &[String]) -> Kind {
    let known = |word: &String| {
        Some(match word.as_str() {
            "bool" | "boolean" | "bit" => Kind::Boolean,
            "int" | "integer" | "bigint" | "smallint" | "tinyint" | "mediumint" | "int2"
            | "int4" | "int8" | "int16" | "int32" | "int64" | "i8" | "i16" | "i32" | "i64"
            | "i128" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" | "uint" | "uint32"
            | "uint64" | "number" | "float" | "float32" | "float64" | "f32" | "f64" | "double"
            | "decimal" | "numeric" | "real" | "long" | "short" | "serial" | "bigserial"
            | "money" | "big" | "counter" => Kind::Number,
            "date" | "datetime" | "datetime2" | "datetimeoffset" | "timestamp" | "timestamptz"
            | "time" | "instant" | "naive" | "interval" | "duration" | "timedelta" => Kind::Time,
            "uuid" | "guid" | "uniqueidentifier" | "cuid" | "ulid" => Kind::Uuid,
            "str" | "string" | "text" | "varchar" | "nvarchar" | "char" | "nchar" | "character"
            | "citext" | "longtext" | "mediumtext" | "tinytext" | "email" | "slug" | "clob" => {
                Kind::Text
            }
            "bytes" | "bytea" | "blob" | "binary" | "varbinary" | "buffer" | "longblob" => {
                Kind::Binary
            }
            "json" | "jsonb" | "jsonfield" => Kind::Json,
            _ => return None,
        })
    };
    words.iter().find_map(known).unwrap_or(Kind::Other)
}

#[cfg(test)]
mod tests;
