//! The catalogue of threats. A threat stands in a revision where its facts are like its entry says; a
//! change introduces, worsens, improves or resolves it by what it does to these facts. What has no
//! state, a migration that destroys or a gate that is loosened, is told by the change alone.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use threatgate_facts::{Confidence, Fact, Inventory, Location};
use threatgate_model::risk::Severity;

use crate::assessment::{
    AnswerKind, Change, Classes, Controls, Direction, Proof, Risk, Threat, ThreatStatus,
};
use crate::condition::{Condition, Pattern, Patterns, any, attribute, attributes, many};
use crate::policy::PolicyError;
use crate::rating::{Caller, Effect, Factors, Flag, Place, rate};
use crate::standing::{Index, Standing, counts};
use crate::state::{Beside, State};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    /// 1: for the first release, 2: where facts exist.
    #[serde(default = "one")]
    tier: u8,
    title: String,
    /// Letters of STRIDE: Spoofing, Tampering, Repudiation, Information disclosure, Denial of
    /// service, Elevation of privilege.
    stride: String,
    cwe: Vec<String>,
    /// Where else it is classified.
    #[serde(default)]
    classes: Classes,
    /// How likely and how bad, before anything is known about where it stands.
    factors: Option<Factors>,
    /// What the place changes about the factors.
    #[serde(default)]
    flags: Vec<Flag>,
    /// It stands where a fact is like any of these.
    #[serde(default)]
    present: Vec<State>,
    /// How it is called where the place was there before, without it; the first that fits.
    #[serde(default)]
    when_lost: Vec<WhenLost>,
    /// It stands where a fact is like any of these; which changes bring it is said apart.
    #[serde(default)]
    stands: Vec<State>,
    /// Any of these changes introduces it.
    #[serde(default)]
    introduced: Vec<Condition>,
    /// Any of these may have let it in or driven it out.
    #[serde(default)]
    unclear: Vec<Condition>,
    /// Any of these resolves it.
    #[serde(default)]
    resolved: Vec<Condition>,
    /// Names of controls that count against it.
    #[serde(default)]
    controls: Vec<String>,
    mitigations: Vec<String>,
    questions: Vec<Asked>,
    /// What shows that it is dealt with.
    #[serde(default)]
    evidence: Vec<Proof>,
    /// In how many programming languages a fixture shows how it comes and goes, at least; 0 where it
    /// stands in no programming language.
    #[serde(default = "two")]
    languages: usize,
    sources: Vec<String>,
}

/// A question to the reviewer: its words, or its words with what counts as an answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a question, or { ask = \"…\", answer = \"choice\", \"link\" or \"person\" }"
)]
enum Asked {
    Words(String),
    Typed(Typed),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    ask: String,
    answer: AnswerKind,
}

impl Asked {
    fn words(&self) -> &str {
        match self {
            Self::Words(text) => text,
            Self::Typed(typed) => &typed.ask,
        }
    }

    fn answer(&self) -> AnswerKind {
        match self {
            Self::Words(_) => AnswerKind::Text,
            Self::Typed(typed) => typed.answer,
        }
    }
}

/// How a threat is called that came to a place which was there before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhenLost {
    /// Where hung what was lost; anywhere, if nothing is said.
    #[serde(default, deserialize_with = "many")]
    attached: Vec<Pattern>,
    /// Its id.
    is: String,
}

fn one() -> u8 {
    1
}

fn two() -> usize {
    2
}

/// Something that code does against threats.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    id: String,
    says: String,
    /// A guard of such a name on the endpoint.
    #[serde(default, deserialize_with = "many")]
    guard: Vec<Pattern>,
    /// The fact itself is like this.
    #[serde(default)]
    attributes: BTreeMap<String, Patterns>,
    /// The fact itself is like none of these.
    #[serde(default)]
    except: BTreeMap<String, Patterns>,
    /// The function around does this.
    #[serde(default)]
    beside: Vec<Beside>,
    effect: Vec<Effect>,
}

impl Control {
    fn is_like(&self, fact: &Fact) -> bool {
        let asks = !self.attributes.is_empty() || !self.except.is_empty();
        let mut except = self.except.iter();
        asks && attributes(&self.attributes, Some(fact))
            && !except.any(|(name, patterns)| any(&patterns.0, &attribute(fact, name)))
    }

    fn stands(&self, standing: &Standing) -> bool {
        let mut guards = standing.endpoints.iter().map(|endpoint| {
            let names: Vec<String> = endpoint
                .texts("guards")
                .into_iter()
                .map(str::to_owned)
                .collect();
            any(&self.guard, &names)
        });
        // One way without it is enough to get in.
        let guarded = !standing.endpoints.is_empty() && guards.all(|one| one);
        guarded
            || self.is_like(&standing.fact)
            || self.beside.iter().any(|beside| beside.holds(standing))
    }
}

/// What holds for all threats: who gets past which guard, what counts as a control, whose code is critical.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Surroundings {
    #[serde(default, rename = "caller")]
    callers: Vec<Caller>,
    #[serde(default, rename = "control")]
    controls: Vec<Control>,
    /// Owners by CODEOWNERS whose code is critical.
    #[serde(default, deserialize_with = "many")]
    critical_owners: Vec<Pattern>,
}

/// The file of the catalogue that holds for all threats.
const SURROUNDINGS: &str = "context.toml";

/// All threats that are known.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
    surroundings: Surroundings,
}

/// A threat that stands in one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stands {
    /// Catalogue id and subject: `TG-INJ-001@list_users sql execute`.
    pub id: String,
    /// Catalogue id.
    pub rule: String,
    /// One line.
    pub title: String,
    /// What it stands on.
    pub subject: String,
    /// Where.
    #[serde(flatten)]
    pub location: Location,
    /// How sure the reading is.
    pub confidence: Confidence,
    /// How grave it is there.
    pub risk: Option<Risk>,
    /// What code does against it, and what would count and is not seen.
    pub controls: Controls,
    /// STRIDE letters.
    pub stride: String,
    /// CWE numbers.
    pub cwe: Vec<String>,
    /// Where else it is classified.
    pub classes: Classes,
}

/// A threat of the catalogue in full, for `threatgate explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its id.
    pub id: String,
    /// 1 or 2.
    pub tier: u8,
    /// One line.
    pub title: String,
    /// STRIDE letters.
    pub stride: String,
    /// CWE numbers.
    pub cwe: Vec<String>,
    /// Where else it is classified.
    pub classes: Classes,
    /// The factors of its risk before the place is known: `ED:7/EE:9/ID:8/C:8/I:5/A:1`.
    pub factors: Option<String>,
    /// What the place changes about them, in words.
    pub flags: Vec<&'static str>,
    /// What code does against it, in words.
    pub controls: Vec<String>,
    /// What to do about it.
    pub mitigations: Vec<String>,
    /// What a reviewer must answer.
    pub questions: Vec<String>,
    /// What shows that it is dealt with.
    pub evidence: Vec<Proof>,
    /// In how many programming languages it must be shown to come and go.
    pub languages: usize,
    /// Where the knowledge comes from.
    pub sources: Vec<String>,
    /// Whether a change can resolve it: a threat that is a state can go, one that is a change cannot.
    pub resolves: bool,
}

/// What became of a threat by one change, before it is told.
struct Found<'a> {
    entry: &'a Entry,
    status: ThreatStatus,
    subject: String,
    confidence: Confidence,
    risk: Option<Risk>,
    controls: Controls,
}

/// Reads a file that comes with the program, and says where one cannot be read.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    path: &str,
    text: &str,
) -> Result<T, PolicyError> {
    threatgate_facts::read_rules(path, text).map_err(|wrong| PolicyError {
        file: wrong.path,
        line: wrong.line as usize,
        message: wrong.message,
    })
}

impl Catalogue {
    /// Reads the files, given as path and text; one threat each, and one that holds for all.
    ///
    /// # Errors
    /// A file that cannot be used, with its line.
    pub fn new<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, PolicyError> {
        let mut catalogue = Self::default();
        for (path, text) in files {
            if path.rsplit('/').next() == Some(SURROUNDINGS) {
                catalogue.surroundings = read(path, text)?;
                continue;
            }
            catalogue.entries.push(read(path, text)?);
        }
        catalogue.entries.sort_by(|a, b| a.id.cmp(&b.id));
        catalogue.consistent()?;
        Ok(catalogue)
    }

    /// What entries name must exist.
    fn consistent(&self) -> Result<(), PolicyError> {
        for entry in &self.entries {
            let wrong = |message: String| PolicyError {
                file: format!("threats/{}.toml", entry.id),
                line: 1,
                message,
            };
            for name in &entry.controls {
                if self.control(name).is_none() {
                    return Err(wrong(format!("no control is called \"{name}\"")));
                }
            }
            let mut others = entry.when_lost.iter().map(|lost| &lost.is);
            if let Some(other) = others.find(|id| self.entry(id).is_none()) {
                return Err(wrong(format!("no threat is called \"{other}\"")));
            }
        }
        Ok(())
    }

    fn control(&self, id: &str) -> Option<&Control> {
        self.surroundings
            .controls
            .iter()
            .find(|control| control.id == id)
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The entry of this id.
    pub fn explain(&self, id: &str) -> Option<Explained> {
        let entry = self.entry(id)?;
        let controls = entry.controls.iter();
        let controls = controls.filter_map(|name| Some(self.control(name)?.says.clone()));
        Some(Explained {
            id: entry.id.clone(),
            tier: entry.tier,
            title: entry.title.clone(),
            stride: entry.stride.clone(),
            cwe: entry.cwe.clone(),
            classes: entry.classes.clone(),
            factors: entry.factors.map(|factors| factors.to_string()),
            flags: entry.flags.iter().map(|flag| flag.words()).collect(),
            controls: controls.collect(),
            mitigations: entry.mitigations.clone(),
            questions: entry.asked(),
            evidence: entry.evidence.clone(),
            languages: entry.languages,
            sources: entry.sources.clone(),
            resolves: !entry.present.is_empty() || !entry.resolved.is_empty(),
        })
    }

    /// Ids and titles, in order.
    pub fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|entry| (entry.id.as_str(), entry.title.as_str()))
    }

    /// Why the code of these owners is critical, if it is.
    pub(crate) fn critical(&self, owners: &[String]) -> Option<String> {
        let patterns = &self.surroundings.critical_owners;
        let owner = owners
            .iter()
            .find(|owner| any(patterns, std::slice::from_ref(owner)))?;
        Some(format!("critical code: owned by {owner}"))
    }

    fn rate(&self, entry: &Entry, place: &Place, effects: &[Effect]) -> Option<Risk> {
        let callers = &self.surroundings.callers;
        Some(rate(entry.factors?, &entry.flags, place, callers, effects))
    }

    /// The controls of an entry where it stands, and what they do.
    fn controls<'a>(
        &self,
        entry: &Entry,
        standings: impl Iterator<Item = &'a Standing> + Clone,
    ) -> (Controls, Vec<Effect>) {
        let mut controls = Controls::default();
        let mut effects = Vec::new();
        for control in entry.controls.iter().filter_map(|id| self.control(id)) {
            let mut all = standings.clone().peekable();
            if all.peek().is_some() && all.all(|standing| control.stands(standing)) {
                controls.existing.push(control.says.clone());
                effects.extend(&control.effect);
            } else {
                controls.missing.push(control.says.clone());
            }
        }
        (controls, effects)
    }

    /// The places of a fact on which an entry stands, each with its risk there.
    fn places(
        &self,
        entry: &Entry,
        states: &[State],
        standing: Option<&Standing>,
        critical: &Critical<'_>,
    ) -> BTreeMap<String, (Option<Risk>, Controls)> {
        let mut found = BTreeMap::new();
        let Some(standing) = standing else {
            return found;
        };
        for item in states.iter().flat_map(|state| state.places(standing)) {
            let mut place = Place::of(standing, &item);
            place.critical = critical(&standing.fact.location.path);
            let (controls, effects) = self.controls(entry, std::iter::once(standing));
            let risk = self.rate(entry, &place, &effects);
            found.insert(item, (risk, controls));
        }
        found
    }

    /// The threats that stand in a revision, the gravest first.
    pub fn standing(&self, inventory: &Inventory) -> Vec<Stands> {
        let index = Index::new(inventory);
        let mut all = Vec::new();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for fact in inventory.facts.iter().filter(|fact| counts(fact)) {
            let mut concerned = self.entries.iter().filter(|entry| {
                let mut states = entry.present.iter().chain(&entry.stands);
                states.any(|state| state.concerns(fact.kind))
            });
            let Some(first) = concerned.next() else {
                continue;
            };
            let standing = index.around(fact);
            for entry in std::iter::once(first).chain(concerned) {
                for states in [&entry.present, &entry.stands] {
                    let places = self.places(entry, states, Some(&standing), &|_| None);
                    for (item, (risk, controls)) in places {
                        let subject = subject(fact, &item);
                        let id = format!("{}@{subject}", entry.id);
                        *seen.entry(id.clone()).or_default() += 1;
                        // The same thing twice in one function is one place to look at.
                        if seen[&id] > 1 {
                            continue;
                        }
                        all.push(Stands {
                            id,
                            rule: entry.id.clone(),
                            title: entry.title.clone(),
                            subject,
                            location: fact.location.clone(),
                            confidence: fact.confidence,
                            risk,
                            controls,
                            stride: entry.stride.clone(),
                            cwe: entry.cwe.clone(),
                            classes: entry.classes.clone(),
                        });
                    }
                }
            }
        }
        all.sort_by(|a, b| (rank(&b.risk), &a.id).cmp(&(rank(&a.risk), &b.id)));
        all
    }

    /// What became of a threat where a change touches the facts on which it stands.
    fn by_state<'a>(
        &'a self,
        entry: &'a Entry,
        change: &Change,
        critical: &Critical<'_>,
    ) -> Vec<Found<'a>> {
        let mut all = Vec::new();
        for (number, (base, head)) in change.context.pairs.iter().enumerate() {
            let concerns = |standing: &Option<Standing>| {
                let fact = standing.as_ref().map(|standing| standing.fact.kind);
                fact.is_some_and(|kind| entry.present.iter().any(|state| state.concerns(kind)))
            };
            if !concerns(base) && !concerns(head) {
                continue;
            }
            let was = self.places(entry, &entry.present, base.as_ref(), critical);
            let is = self.places(entry, &entry.present, head.as_ref(), critical);
            let mut lost = entry.when_lost.iter().filter(|lost| {
                lost.attached.is_empty() || any(&lost.attached, change.attached.as_slice())
            });
            let lost = lost.next().and_then(|lost| self.entry(&lost.is));
            let items: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            for item in items {
                let (old, new) = (was.get(item), is.get(item));
                let status = match (old, new) {
                    (None, Some(_)) => ThreatStatus::Introduced,
                    (Some(_), None) => ThreatStatus::Resolved,
                    (Some(old), Some(new)) => {
                        let own = number == 0 && entry.is_about(change);
                        match (rank(&new.0).cmp(&rank(&old.0)), change.direction) {
                            (Ordering::Greater, _) => ThreatStatus::Worsened,
                            (Ordering::Less, _) => ThreatStatus::Improved,
                            (_, Direction::Weakened) if own => ThreatStatus::Worsened,
                            (_, Direction::Strengthened) if own => ThreatStatus::Improved,
                            _ => continue,
                        }
                    }
                    (None, None) => continue,
                };
                // It is called after the side on which it stands.
                let side = match status {
                    ThreatStatus::Resolved => base.as_ref(),
                    _ => head.as_ref(),
                };
                let Some(standing) = side else {
                    continue;
                };
                let came_or_went =
                    matches!(status, ThreatStatus::Introduced | ThreatStatus::Resolved);
                let named = match (base, head) {
                    (Some(_), Some(_)) if came_or_went => lost.unwrap_or(entry),
                    _ => entry,
                };
                let (risk, controls) = match new {
                    // The name under which it came decides how grave it is.
                    Some(_) if !std::ptr::eq(named, entry) => {
                        let mut place = Place::of(standing, item);
                        place.critical = critical(&standing.fact.location.path);
                        let (controls, effects) = self.controls(named, std::iter::once(standing));
                        (self.rate(named, &place, &effects), controls)
                    }
                    Some((risk, controls)) => (risk.clone(), controls.clone()),
                    None => (None, Controls::default()),
                };
                all.push(Found {
                    entry: named,
                    status,
                    subject: subject(&standing.fact, item),
                    confidence: standing.fact.confidence,
                    risk,
                    controls,
                });
            }
        }
        all
    }

    /// What became of a threat by what the change is.
    fn by_change<'a>(
        &'a self,
        entry: &'a Entry,
        change: &Change,
        critical: &Critical<'_>,
    ) -> Option<Found<'a>> {
        let holds = |conditions: &[Condition]| {
            let mut conditions = conditions.iter();
            conditions.any(|condition| condition.holds(change, &[]))
        };
        let status = if holds(&entry.introduced) {
            ThreatStatus::Introduced
        } else if holds(&entry.resolved) {
            ThreatStatus::Resolved
        } else if holds(&entry.unclear) {
            ThreatStatus::Unclear
        } else {
            return None;
        };
        let (old, new) = (change.before.as_ref(), change.after.as_ref());
        let fact = match status {
            ThreatStatus::Resolved => old.or(new),
            _ => new.or(old),
        };
        let heads = change
            .context
            .pairs
            .iter()
            .filter_map(|(_, head)| head.as_ref());
        let (controls, effects) = self.controls(entry, heads);
        let mut place = Place::of_change(change);
        place.critical = critical(&change.location.path);
        let risk = self.rate(entry, &place, &effects);
        // What is gone has no risk left.
        let (risk, controls) = match status {
            ThreatStatus::Resolved => (None, Controls::default()),
            _ => (risk, controls),
        };
        Some(Found {
            entry,
            status,
            subject: fact.map_or(String::new(), |fact| fact.identity.clone()),
            confidence: fact.map_or(Confidence::Resolved, |fact| fact.confidence),
            risk,
            controls,
        })
    }

    /// What became of the threats that the changes touch; the changes learn their ids.
    /// `critical` says why the code of a path is critical, if it is.
    pub(crate) fn apply(&self, changes: &mut [Change], critical: &Critical<'_>) -> Vec<Threat> {
        let mut threats: Vec<Threat> = Vec::new();
        for change in changes {
            let mut found: Vec<Found<'_>> = Vec::new();
            for entry in &self.entries {
                found.extend(self.by_state(entry, change, critical));
            }
            for entry in &self.entries {
                let known = found.iter().any(|one| std::ptr::eq(one.entry, entry));
                if !known {
                    found.extend(self.by_change(entry, change, critical));
                }
            }
            found.sort_by(|a, b| {
                let key = |one: &Found<'_>| (one.entry.id.clone(), one.status);
                key(a).cmp(&key(b))
            });
            // One cause is one threat, with all that it stands on.
            let mut groups: Vec<Vec<Found<'_>>> = Vec::new();
            for one in found {
                match groups.last_mut() {
                    Some(group)
                        if std::ptr::eq(group[0].entry, one.entry)
                            && group[0].status == one.status =>
                    {
                        group.push(one);
                    }
                    _ => groups.push(vec![one]),
                }
            }
            for group in groups {
                tell(group, change, &mut threats);
            }
        }
        threats
    }
}

/// Why the code of a path is critical, if it is.
pub(crate) type Critical<'a> = dyn Fn(&str) -> Option<String> + 'a;

impl Entry {
    fn asked(&self) -> Vec<String> {
        let questions = self.questions.iter();
        questions.map(|one| one.words().to_owned()).collect()
    }

    /// Whether the change differs in what the entry asks of a fact.
    fn is_about(&self, change: &Change) -> bool {
        let mut states = self.present.iter();
        states.any(|state| {
            let mut deltas = change.deltas.iter();
            deltas.any(|delta| state.asks_for(&delta.attribute))
        })
    }
}

fn rank(risk: &Option<Risk>) -> Option<(Severity, u8)> {
    risk.as_ref().map(|risk| (risk.severity, risk.rank))
}

/// A fact's name, and the part of it that is meant.
fn subject(fact: &Fact, item: &str) -> String {
    match item {
        "" => fact.identity.clone(),
        item => format!("{}.{item}", fact.identity),
    }
}

/// Adds what one change did to one threat.
fn tell(group: Vec<Found<'_>>, change: &mut Change, threats: &mut Vec<Threat>) {
    let Some(first) = group.first() else {
        return;
    };
    let (entry, status) = (first.entry, first.status);
    let mut subjects: Vec<String> = Vec::new();
    for one in &group {
        if !subjects.contains(&one.subject) {
            subjects.push(one.subject.clone());
        }
    }
    let id = format!("{}@{}", entry.id, first.subject);
    let sure = group
        .iter()
        .any(|one| one.confidence == Confidence::Resolved);
    let gravest = group.into_iter().max_by(|a, b| {
        let grave = rank(&a.risk).cmp(&rank(&b.risk));
        grave.then_with(|| b.subject.cmp(&a.subject))
    });
    let Some(gravest) = gravest else {
        return;
    };
    change.threats.push(id.clone());
    if status.is_news() {
        let severity = gravest.risk.as_ref().map(|risk| risk.severity);
        change.severity = change.severity.max(severity);
    }
    let known = threats
        .iter_mut()
        .find(|threat| threat.id == id && threat.status == status);
    match known {
        Some(threat) => {
            threat.changes.push(change.id.clone());
            if rank(&gravest.risk) > rank(&threat.risk) {
                threat.risk = gravest.risk;
                threat.controls = gravest.controls;
            }
        }
        None => threats.push(Threat {
            id,
            rule: entry.id.clone(),
            status,
            title: entry.title.clone(),
            subjects: match subjects.len() {
                1 => Vec::new(),
                _ => subjects,
            },
            confidence: match sure {
                true => Confidence::Resolved,
                false => Confidence::Heuristic,
            },
            stride: entry.stride.clone(),
            cwe: entry.cwe.clone(),
            classes: entry.classes.clone(),
            risk: gravest.risk,
            controls: gravest.controls,
            mitigations: entry.mitigations.clone(),
            questions: entry.asked(),
            answers: entry.questions.iter().map(Asked::answer).collect(),
            evidence: entry.evidence.clone(),
            changes: vec![change.id.clone()],
        }),
    }
}
