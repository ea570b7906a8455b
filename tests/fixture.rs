//! Reads a fixture: a pull request in small, as Markdown.
//!
//! A section `## title` holds a block per file and one `changes` block. A file's block is either
//! ```` ```diff path ```` (every line starts with a blank, `+` or `-`; `old -> new` for a rename) or
//! ```` ```language path ```` for a file that is the same on both sides.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use threatgate_assess::{Assessment, Catalogue, Circumstances, Owners, Policy, assess, compare};
use threatgate_facts::{
    Cache, Engine, Inventory, Request, Scope, Team, Tree, is_manifest, is_read_together,
};

/// One section of a fixture.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) file: PathBuf,
    pub(crate) title: String,
    pub(crate) before: Files,
    pub(crate) after: Files,
    pub(crate) expected: String,
    /// Lines of the expected text in the fixture, from 0, end exclusive.
    pub(crate) lines: (usize, usize),
    /// What is expected to become of threats, where the fixture says so, with its lines.
    pub(crate) threats: Option<(String, (usize, usize))>,
}

/// A revision in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Files {
    texts: BTreeMap<String, Arc<str>>,
    paths: BTreeSet<String>,
}

impl Files {
    pub(crate) fn new(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let texts: BTreeMap<String, Arc<str>> = texts
            .into_iter()
            .map(|(path, text)| (path, text.into()))
            .collect();
        Self {
            paths: texts.keys().cloned().collect(),
            texts,
        }
    }

    /// Every file's path and text, changed.
    pub(crate) fn map(&self, change: impl Fn(&str, &str) -> (String, String)) -> Self {
        Self::new(self.texts.iter().map(|(path, text)| change(path, text)))
    }
}

impl Tree for Files {
    fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        self.texts.get(path).cloned()
    }

    fn key(&self, _: &str) -> Option<String> {
        None
    }

    fn scope(&self, _: &str) -> Option<Scope> {
        None
    }
}

/// The built-in rules.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        Engine::new(threatgate_rules::ready(), &Team::default())
            .expect("the built-in rules are readable")
    })
}

/// The facts of both sides as `check` reads them: endpoints of the whole revision, the rest of the
/// changed files.
pub(crate) fn inventories(before: &Files, after: &Files) -> (Inventory, Inventory) {
    let side = |own: &Files, other: &Files| {
        let changed = own
            .texts
            .iter()
            .filter(|(path, text)| other.texts.get(*path) != Some(*text) || is_manifest(path));
        let gone = other.texts.keys().filter(|path| is_read_together(path));
        let gone = gone.filter(|path| !own.texts.contains_key(*path));
        let only = changed.map(|(path, _)| path).chain(gone).cloned().collect();
        engine()
            .inventory(
                own,
                &Cache::default(),
                &Request {
                    only: Some(only),
                    ..Request::default()
                },
            )
            .0
    };
    (side(before, after), side(after, before))
}

/// What the gate says of a change from `before` to `after` by the built-in policy.
pub(crate) fn judge(before: &Files, after: &Files) -> Assessment {
    let (old, new) = inventories(before, after);
    judge_facts(&old, &new)
}

/// The built-in threats.
pub(crate) fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        Catalogue::new(threatgate_rules::ready_folder("threats"))
            .expect("the built-in threats are readable")
    })
}

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let policy =
            threatgate_rules::folder("policy").find(|(path, _)| *path == "policy/default.toml");
        Policy::new(policy.expect("a built-in policy").1, None)
            .expect("the built-in policy is readable")
    })
}

/// The same of facts that were read already.
pub(crate) fn judge_facts(old: &Inventory, new: &Inventory) -> Assessment {
    let today = "2026-01-01".parse().expect("a date");
    assess(
        compare(old, new),
        policy(),
        catalogue(),
        &Owners::parse(""),
        today,
        Circumstances::default(),
    )
}

/// The changes as a fixture lists them, in path and line order.
pub(crate) fn lines(assessment: &Assessment) -> String {
    let mut all: Vec<_> = assessment
        .changes
        .iter()
        .map(|change| {
            let place = (change.location.path.clone(), change.location.line);
            let direction = format!("{:?}", change.direction).to_lowercase();
            let mut text = format!(
                "{}:{} {} {} ({direction}, {}): {}\n",
                place.0,
                place.1,
                change.kind,
                change.change.name(),
                change.verdict.name(),
                change.title
            );
            for affected in &change.affected {
                text.push_str(&format!("    {}: {}\n", affected.subject, affected.outcome));
            }
            (place, text)
        })
        .collect();
    all.sort();
    all.into_iter().map(|(_, text)| text).collect()
}

/// What became of threats, as a fixture lists it.
pub(crate) fn threats(assessment: &Assessment) -> String {
    let mut all: Vec<String> = assessment
        .threats
        .iter()
        .map(|threat| {
            let risk = threat.risk.as_ref();
            let risk = risk.map_or(String::new(), |risk| {
                format!(" ({} {})", risk.severity, risk.rank)
            });
            let more = match threat.subjects.len() {
                0 | 1 => String::new(),
                many => format!(" and {} more", many - 1),
            };
            format!("{} {}{more}{risk}\n", threat.status.name(), threat.id)
        })
        .collect();
    all.sort();
    all.concat()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// All cases of all fixtures, in path order.
pub(crate) fn cases() -> Vec<Case> {
    let mut files = Vec::new();
    collect(&root(), &mut files);
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|file| read(file)).collect();
    assert!(!cases.is_empty(), "no fixtures in {}", root().display());
    cases
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the fixtures folder") {
        let path = entry.expect("a fixture").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
}

fn read(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).expect("a fixture");
    let all: Vec<&str> = text.lines().collect();
    let mut cases: Vec<Case> = Vec::new();
    let mut title = None;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut threats = None;
    let mut at = 0;
    while at < all.len() {
        let line = all[at];
        at += 1;
        if let Some(words) = line.strip_prefix("## ") {
            assert!(
                before.is_empty() && after.is_empty(),
                "{}: section without a changes block before \"{words}\"",
                file.display()
            );
            title = Some(words.to_owned());
        }
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else {
            continue;
        };
        let length = all[at..].iter().position(|line| *line == "```");
        let length =
            length.unwrap_or_else(|| panic!("{}:{at}: the block has no end", file.display()));
        let body = &all[at..at + length];
        let lines = (at, at + length);
        at += length + 1;
        match info.split_once(' ') {
            Some(("diff", names)) => {
                let (old, new) = names.split_once(" -> ").unwrap_or((names, names));
                let side = |mark: char| -> Option<String> {
                    let picked = body
                        .iter()
                        .filter(|line| line.is_empty() || line.starts_with([' ', mark]));
                    let text: String = picked
                        .map(|line| format!("{}\n", line.get(1..).unwrap_or_default()))
                        .collect();
                    (!text.trim().is_empty()).then_some(text)
                };
                for line in body {
                    assert!(
                        line.is_empty() || line.starts_with([' ', '+', '-']),
                        "{}:{at}: no diff line: {line}",
                        file.display()
                    );
                }
                before.extend(side('-').map(|text| (old.trim().to_owned(), text)));
                after.extend(side('+').map(|text| (new.trim().to_owned(), text)));
            }
            Some((_, path)) => {
                let text: String = body.iter().map(|line| format!("{line}\n")).collect();
                before.push((path.trim().to_owned(), text.clone()));
                after.push((path.trim().to_owned(), text));
            }
            None if info == "threats" => {
                let expected = body.iter().map(|line| format!("{line}\n")).collect();
                threats = Some((expected, lines));
            }
            None if info == "changes" => {
                let title = title.take().unwrap_or_else(|| {
                    panic!("{}:{at}: a changes block without a title", file.display())
                });
                let expected = body.iter().map(|line| format!("{line}\n")).collect();
                cases.push(Case {
                    file: file.to_owned(),
                    title,
                    before: Files::new(std::mem::take(&mut before)),
                    after: Files::new(std::mem::take(&mut after)),
                    expected,
                    lines,
                    threats: threats.take(),
                });
            }
            None => panic!(
                "{}:{at}: a block of `{info}` without a path",
                file.display()
            ),
        }
    }
    cases
}

/// What a case gives: its changes, and what became of threats.
pub(crate) type Actual = (String, String);

/// Writes the results into the fixtures.
pub(crate) fn update(results: &[(Case, Actual)]) {
    let mut files: BTreeMap<&Path, Vec<&(Case, Actual)>> = BTreeMap::new();
    for result in results {
        files.entry(&result.0.file).or_default().push(result);
    }
    for (file, results) in files {
        let text = std::fs::read_to_string(file).expect("a fixture");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (case, (changes, threats)) in results.iter().rev() {
            let mut blocks = vec![(case.lines, changes)];
            blocks.extend(case.threats.iter().map(|(_, place)| (*place, threats)));
            // From the end, so that lines before keep their numbers.
            blocks.sort_by_key(|b| std::cmp::Reverse(b.0));
            for ((start, end), actual) in blocks {
                lines.splice(start..end, actual.lines().map(str::to_owned));
            }
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(file, text).expect("a writable fixture");
    }
}
