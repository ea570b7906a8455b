//! The rule files of infrastructure: which part of a document is a resource, what its traits are,
//! and how much each value weighs.

use globset::GlobBuilder;
use serde::Deserialize;

use super::node::Path;
use crate::error::RuleError;
use crate::lazy::{LazyGlobs, LazyRegex};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// YAML or JSON.
    Yaml,
    /// Terraform, all files of a folder together.
    Hcl,
    Containerfile,
}

/// One rule file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// The document that the rules were written from.
    #[serde(rename = "source")]
    pub(super) _source: String,
    /// The technology's name in reports.
    pub(super) technology: String,
    /// What is known not to be recognised.
    #[serde(default, rename = "gaps")]
    pub(super) _gaps: Vec<String>,
    pub(super) format: Format,
    /// Which files.
    pub(super) files: Globs,
    /// Words that the text must hold, all of them.
    #[serde(default)]
    pub(super) contains: Vec<String>,
    /// What must stand in a document.
    #[serde(default)]
    pub(super) has: Vec<Condition>,
    /// Keys whose items are documents of their own.
    #[serde(default)]
    pub(super) split: Vec<Path>,
    /// Where the default of a parameter stands: `Parameters/{}/Default`.
    #[serde(default)]
    pub(super) parameters: Option<String>,
    /// Traits that several resources share.
    #[serde(default)]
    pub(super) set: std::collections::BTreeMap<String, Vec<Trait>>,
    #[serde(default)]
    pub(super) resource: Vec<Resource>,
}

/// What kind of thing a part of a document is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    /// Its type in facts: `container`, `workflow`.
    pub(super) kind: String,
    /// Where it stands; the document itself where nothing is said.
    #[serde(default)]
    pub(super) at: Vec<Path>,
    #[serde(default)]
    pub(super) when: Vec<Condition>,
    /// Its identity, free of paths: `{/kind}/{/metadata/name}`.
    pub(super) address: String,
    /// How a report calls it; the address where nothing is said.
    #[serde(default)]
    pub(super) title: String,
    /// Whether a new one is worth a word by itself.
    #[serde(default)]
    pub(super) told: bool,
    /// What it does for security; one that goes is a loss.
    #[serde(default)]
    pub(super) protects: String,
    /// Sets of traits.
    #[serde(default)]
    pub(super) uses: Vec<String>,
    #[serde(default, rename = "trait")]
    pub(super) traits: Vec<Trait>,
}

/// How the values of a trait are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// Texts as they are.
    #[default]
    Text,
    /// The keys of a map, the items of a list, or the text itself.
    Names,
    /// Networks and ports, weighed by their width.
    Network,
    /// Statements of an access policy, weighed by their wildcards.
    Policy,
}

/// One thing about a resource that is compared.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trait {
    pub(super) name: String,
    /// `exposure`, `privilege`, `identity`, `encryption`, `pinning`, `secret`, `trigger`, `code`,
    /// `audit`, `availability`, `network`, `gate`
    pub(super) aspect: String,
    /// Where its values stand.
    pub(super) path: Vec<Path>,
    /// Where they stand if there are none.
    #[serde(default)]
    pub(super) fallback: Vec<Path>,
    /// What must hold for the resource.
    #[serde(default)]
    pub(super) when: Vec<Condition>,
    /// What must hold for each place.
    #[serde(default, rename = "where")]
    pub(super) places: Vec<Condition>,
    #[serde(default)]
    pub(super) form: Form,
    /// The text that stands for a place, made of its parts: `{verbs} {resources}`.
    #[serde(default)]
    pub(super) item: Option<String>,
    /// Where ports stand beside a network.
    #[serde(default)]
    pub(super) ports: Vec<Path>,
    /// Takes parts out of texts: the first group, or all that fits.
    #[serde(default)]
    pub(super) find: Option<Pattern>,
    /// The item that holds where nothing is said.
    #[serde(default)]
    pub(super) default: Option<String>,
    /// What the items weigh; the first that fits counts.
    #[serde(default)]
    pub(super) items: Vec<Weighed>,
    /// Whether a change that makes nothing better or worse is worth a word.
    #[serde(default)]
    pub(super) told: bool,
    /// The phrase where no item has one.
    #[serde(default)]
    pub(super) says: String,
    /// Whether values may be credentials, so that only their being there is said.
    #[serde(default)]
    pub(super) hidden: bool,
}

/// Items of a trait and what they mean.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weighed {
    pub(super) like: Globs,
    /// Above 0 harms, below 0 protects; 2 and more is serious.
    #[serde(default)]
    pub(super) weight: f64,
    /// A phrase in the third person: `runs privileged`; `{}` is the item.
    #[serde(default)]
    pub(super) says: String,
    /// What the item is called instead, so that all that are like this are one.
    #[serde(default)]
    pub(super) is: Option<String>,
    /// Such items are none.
    #[serde(default)]
    pub(super) ignore: bool,
}

/// What must stand at a path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) path: Path,
    /// Any text or key there is like one of these.
    #[serde(default)]
    pub(super) like: Option<Globs>,
    /// None is like one of these.
    #[serde(default)]
    pub(super) unlike: Option<Globs>,
    /// Something stands there, or nothing does.
    #[serde(default)]
    pub(super) present: Option<bool>,
}

/// Patterns of which any may fit; without regard to case.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "OneOrMany")]
pub(super) struct Globs(LazyGlobs);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<OneOrMany> for Globs {
    type Error = String;

    fn try_from(patterns: OneOrMany) -> Result<Self, String> {
        let patterns = match patterns {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        };
        let globs = patterns.iter().map(|pattern| {
            let crosses = !pattern.contains("**/");
            let glob = GlobBuilder::new(pattern)
                .case_insensitive(true)
                .literal_separator(!crosses)
                .build();
            glob.map_err(|error| error.to_string())
        });
        let globs = globs.collect::<Result<Vec<_>, _>>();
        globs.map(LazyGlobs::of).map(Self)
    }
}

impl Globs {
    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// A regular expression.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern(pub(super) LazyRegex);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        LazyRegex::new(&text).map(Self)
    }
}

/// Reads the rule files below `infra/`.
pub(super) fn load(files: &[(&str, &str)]) -> Result<Vec<RuleFile>, RuleError> {
    let mut all = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("infra/")) {
        let file: RuleFile = crate::error::read_rules(path, text)?;
        for name in file.resource.iter().flat_map(|resource| &resource.uses) {
            if !file.set.contains_key(name) {
                return Err(RuleError {
                    path: (*path).to_owned(),
                    line: 1,
                    message: format!("unknown set of traits \"{name}\""),
                });
            }
        }
        all.push(file);
    }
    Ok(all)
}
