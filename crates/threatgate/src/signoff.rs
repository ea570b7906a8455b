//! From an assessment to its final verdict: modules of the policy, what a review is bound to, and the
//! sign-offs that are found at head and in notes.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use threatgate_assess::{Assessment, Identity, Review, Ruling};
use threatgate_facts::{Engine, Fact};
use threatgate_git::{Content, Environment, Repository, Side};
use threatgate_report::Sources;
use threatgate_review::{AllowedSigners, Found, Input, People, notes, settle};

use crate::configuration::{Configuration, REVIEWS_FOLDER, SIGNERS_PATH};
use crate::revision::Texts;

/// Larger sign-offs are not read.
const MAX_RECORD: usize = 1 << 18;
/// More functions of a name are not looked at.
const MAX_FILES: usize = 400;

/// What evidence of a run lists.
#[derive(Default)]
pub(crate) struct Trail {
    pub(crate) inputs: Vec<Input>,
    pub(crate) approvals: Vec<Found>,
    pub(crate) policy_digest: String,
}

/// A range with all that is needed to settle its review.
pub(crate) struct Run<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) sides: (&'a Side, &'a Side),
    pub(crate) configuration: &'a Configuration,
    pub(crate) engine: &'a Engine,
    pub(crate) environment: &'a Environment,
}

impl Run<'_> {
    /// Brings the assessment to its final verdict.
    pub(crate) fn settle(&self, assessment: &mut Assessment, texts: &Texts) -> Result<Trail> {
        let Configuration {
            policy,
            owners,
            modules,
            ..
        } = self.configuration;
        let rulings = rulings(modules, assessment)?;
        if !rulings.is_empty() {
            threatgate_assess::rule_further(assessment, &rulings, policy, owners);
        }
        let mut trail = Trail {
            inputs: self.inputs(texts),
            approvals: Vec::new(),
            policy_digest: policy.digest().to_owned(),
        };
        let Some(mut review) = assessment.review.take() else {
            return Ok(trail);
        };
        for (name, digest) in self.code(assessment, &review, texts) {
            review.inputs.insert(name, digest);
        }
        for (path, text) in modules {
            let digest = blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
            review.inputs.insert(format!("module {path}"), digest);
        }
        review.seal();
        let found = self.found()?;
        let signers = AllowedSigners::parse(&self.configuration.signers);
        for (line, fault) in &signers.faults {
            assessment
                .notes
                .push(format!("{SIGNERS_PATH}:{line} names no signer: {fault}"));
        }
        let today = jiff::Zoned::now().date();
        let people = match found.is_empty() {
            true => None,
            false => Some(self.people(&signers, today)?),
        };
        if let Some(people) = people {
            let settled = settle(review, &found, &signers, &people, policy, today);
            review = settled.review;
            if let Some(words) = settled.words {
                threatgate_assess::sign_off(
                    assessment,
                    review,
                    &words,
                    settled.closes_blocks,
                    &rulings,
                    policy,
                    owners,
                );
                trail.approvals = found;
                return Ok(trail);
            }
        }
        assessment.review = Some(review);
        trail.approvals = found;
        Ok(trail)
    }

    /// Digests of the functions that the reviewed facts stand in, or name as handler or guard.
    fn code(
        &self,
        assessment: &Assessment,
        review: &Review,
        texts: &Texts,
    ) -> Vec<(String, String)> {
        let reviewed = assessment
            .changes
            .iter()
            .filter(|change| review.changes.contains(&change.id));
        let mut places: BTreeSet<(String, usize)> = BTreeSet::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        for change in reviewed {
            let Some(fact) = &change.after else {
                continue;
            };
            let evidence = fact.evidence.iter().map(|one| &one.location);
            let affected = change.affected.iter().map(|one| &one.location);
            for location in std::iter::once(&fact.location)
                .chain(evidence)
                .chain(affected)
            {
                places.insert((location.path.clone(), location.start));
            }
            names.extend(named(fact));
        }
        let changed = texts.changed.iter().filter_map(|(_, after)| after.as_ref());
        let mut files: BTreeSet<&str> = changed.map(|(path, _)| path.as_str()).collect();
        files.extend(places.iter().map(|(path, _)| path.as_str()));
        let mut found = Vec::new();
        for path in files.into_iter().take(MAX_FILES) {
            let Some(text) = texts.text(threatgate_report::Side::Head, path) else {
                continue;
            };
            let functions = self.engine.functions(path, &text);
            let mut wanted: BTreeSet<usize> = BTreeSet::new();
            // A function that is only named counts where the change made it another: that something else in
            // its file changed says nothing.
            let same = self.unchanged(path, texts);
            for (index, function) in functions.iter().enumerate() {
                let known =
                    || same.contains(&(function.qualified.clone(), function.digest.clone()));
                if names.contains(last(&function.qualified)) && !known() {
                    wanted.insert(index);
                }
            }
            for (_, start) in places.iter().filter(|(place, _)| place == path) {
                let around = functions
                    .iter()
                    .enumerate()
                    .filter(|(_, one)| one.start <= *start && *start < one.end);
                wanted.extend(
                    around
                        .min_by_key(|(_, one)| one.end - one.start)
                        .map(|(at, _)| at),
                );
            }
            for index in wanted {
                let function = &functions[index];
                found.push((
                    format!("code of {}", function.qualified),
                    function.digest.clone(),
                ));
            }
        }
        // Functions of one name count together.
        found.sort();
        let mut joined: Vec<(String, String)> = Vec::new();
        for (name, digest) in found {
            match joined.last_mut() {
                Some((known, digests)) if *known == name => {
                    digests.push('+');
                    digests.push_str(&digest);
                }
                _ => joined.push((name, digest)),
            }
        }
        joined
    }

    /// The functions of a file at base, by name and digest.
    fn unchanged(&self, path: &str, texts: &Texts) -> BTreeSet<(String, String)> {
        let mut changed = texts.changed.iter();
        let before = changed
            .find(|(_, after)| after.as_ref().is_some_and(|(after, _)| after == path))
            .map_or(Some(path), |(before, _)| {
                before.as_ref().map(|(path, _)| path.as_str())
            });
        let text = before.and_then(|path| texts.text(threatgate_report::Side::Base, path));
        let text = text.unwrap_or_default();
        let functions = self.engine.functions(before.unwrap_or(path), &text);
        functions
            .into_iter()
            .map(|function| (function.qualified, function.digest))
            .collect()
    }

    /// The sign-offs at head, and in notes.
    pub(crate) fn found(&self) -> Result<Vec<Found>> {
        let (base, head) = self.sides;
        let mut found = Vec::new();
        let reader = self.repository.reader()?;
        let read = |path: &str| -> Option<String> {
            let entry = self.repository.entry(head, path)?;
            match reader.read(head, path, &entry, MAX_RECORD) {
                Content::Text { text, .. } => Some(text),
                _ => None,
            }
        };
        let paths = match head {
            Side::Empty => Vec::new(),
            head => self.repository.below(head, REVIEWS_FOLDER)?,
        };
        for path in paths.into_iter().filter(|path| path.ends_with(".toml")) {
            let Some(text) = read(&path) else {
                continue;
            };
            let id = |side: &Side| self.repository.entry(side, &path).map(|entry| entry.id);
            found.push(Found {
                at_base: id(base).is_some() && id(base) == id(head),
                signature: read(&format!("{path}.sig")).unwrap_or_default(),
                text,
                place: path,
            });
        }
        for (commit, note) in self.repository.notes() {
            let short = commit.get(..7).unwrap_or(&commit);
            for (text, signature) in notes(&note) {
                found.push(Found {
                    place: format!("note of {short}"),
                    text,
                    signature,
                    at_base: true,
                });
            }
        }
        Ok(found)
    }

    /// Who contributed to the range.
    fn people(&self, signers: &AllowedSigners, today: jiff::civil::Date) -> Result<People> {
        let (base, head) = self.sides;
        let commits = self
            .repository
            .contributions(base, head, REVIEWS_FOLDER)
            .context("reading who contributed")?;
        let mut people = People {
            contributors: BTreeSet::new(),
            identity: Identity::Signed,
            unknown: commits.incomplete,
        };
        for commit in commits.contributions {
            people.contributors.extend(commit.people);
            let signer = commit
                .signature
                .and_then(|(signature, text)| signers.verify(&signature, "git", &text, today).ok());
            match signer {
                Some(signer) => people
                    .contributors
                    .extend(signer.principals.iter().map(|name| name.to_lowercase())),
                None => people.identity = Identity::Weak,
            }
        }
        // What is staged or on disk is whose it is that commits here.
        if head.id().is_none() {
            people.contributors.extend(self.repository.own_address());
            people.identity = Identity::Weak;
        }
        people.contributors.extend(self.environment.people());
        Ok(people)
    }

    /// Every file that decided, and the changed files of both sides.
    fn inputs(&self, texts: &Texts) -> Vec<Input> {
        let sources = self.configuration.sources.iter();
        let mut all: Vec<Input> = sources
            .map(|(path, text)| Input::of_text("configuration", path, text))
            .collect();
        for (before, after) in &texts.changed {
            for (role, side) in [("before", before), ("after", after)] {
                let blob = side.iter().map(|(path, id)| Input::of_blob(role, path, id));
                all.extend(blob);
            }
        }
        all
    }
}

#[cfg(feature = "rego")]
fn rulings(modules: &[(String, String)], assessment: &Assessment) -> Result<Vec<Ruling>> {
    if modules.is_empty() {
        return Ok(Vec::new());
    }
    Ok(threatgate_rego::rule(modules, assessment)?)
}

#[cfg(not(feature = "rego"))]
fn rulings(modules: &[(String, String)], _: &Assessment) -> Result<Vec<Ruling>> {
    match modules.first() {
        None => Ok(Vec::new()),
        // A policy is never half understood.
        Some((path, _)) => anyhow::bail!("{path}: this threatgate was built without Rego"),
    }
}

/// The last part of a name: `show` of `Users.show`, `users#show`, `requireRole("admin")`.
fn last(name: &str) -> &str {
    let name = name.split('(').next().unwrap_or(name);
    name.rsplit(['.', ':', '#', '/', ' ', '\\'])
        .next()
        .unwrap_or(name)
}

/// The functions that a fact names.
fn named(fact: &Fact) -> Vec<String> {
    let handler = fact.text("handler").into_iter();
    let guards = fact.texts("guards").into_iter();
    let evidence = fact.evidence.iter().filter(|one| one.role == "guard");
    let evidence = evidence.map(|one| one.text.as_str());
    let own = fact.identity.strip_prefix("guard-body:").into_iter();
    handler
        .chain(guards)
        .chain(evidence)
        .chain(own)
        .map(|name| last(name).to_owned())
        .filter(|name| name.len() > 1)
        .collect()
}
