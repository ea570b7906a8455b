//! What must hold of threats over all fixtures: each one is shown to come and to go, what comes one
//! way goes the other way, nothing comes where nothing changes, the order of reading does not tell,
//! and what gets stricter is never asked about.

use std::collections::{BTreeMap, BTreeSet};

use threatgate_assess::{Assessment, Direction, ThreatStatus, Verdict};
use threatgate_facts::{FactKind, Inventory};

use crate::fixture::{Case, cases, catalogue, inventories, judge, judge_facts, lines, threats};

/// Faults, a line each; a test over a set shows all of them.
fn none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

fn named(case: &Case) -> String {
    let folder = case.file.parent().and_then(|folder| folder.file_name());
    let folder = folder.unwrap_or_default().to_string_lossy();
    let file = case.file.file_name().unwrap_or_default().to_string_lossy();
    format!("{folder}/{file}: {}", case.title)
}

/// The programming language of a path; files that are no program are of none.
fn language(path: &str) -> Option<&'static str> {
    let extension = path.rsplit_once('.')?.1;
    let known = [
        ("C#", &["cs", "cshtml", "razor"][..]),
        ("Go", &["go"]),
        ("Java", &["java", "jsp"]),
        ("JavaScript", &["js", "mjs", "cjs", "jsx", "vue"]),
        ("Kotlin", &["kt"]),
        ("PHP", &["php"]),
        ("Python", &["py"]),
        ("Ruby", &["rb", "erb"]),
        ("Rust", &["rs"]),
        ("SQL", &["sql"]),
        ("TypeScript", &["ts", "tsx"]),
    ];
    let found = known
        .iter()
        .find(|(_, extensions)| extensions.contains(&extension));
    found.map(|(language, _)| *language)
}

/// Where fixtures show that a threat comes, and that it goes.
#[derive(Default)]
struct Shown {
    comes: (usize, BTreeSet<&'static str>),
    goes: (usize, BTreeSet<&'static str>),
}

/// Every entry of the first tier comes in one fixture and goes in another, in as many languages as it
/// says; entries of the second tier in one.
#[test]
fn every_threat_comes_and_goes() {
    let mut shown: BTreeMap<String, Shown> = BTreeMap::new();
    for case in cases() {
        let assessment = judge(&case.before, &case.after);
        for threat in &assessment.threats {
            let shown = shown.entry(threat.rule.clone()).or_default();
            // Of what takes another's place nobody knows which is stronger: it may have come.
            let unclear = catalogue()
                .explain(&threat.rule)
                .is_some_and(|entry| entry.tier > 1);
            let count = match threat.status {
                ThreatStatus::Introduced => &mut shown.comes,
                ThreatStatus::Unclear if unclear => &mut shown.comes,
                ThreatStatus::Resolved => &mut shown.goes,
                _ => continue,
            };
            count.0 += 1;
            for change in &assessment.changes {
                if threat.changes.contains(&change.id) {
                    count.1.extend(language(&change.location.path));
                }
            }
        }
    }
    let mut faults = Vec::new();
    let mut entries = 0;
    for (id, title) in catalogue().list() {
        let entry = catalogue().explain(id).expect("an entry of the list");
        entries += 1;
        let nothing = Shown::default();
        let shown = shown.get(id).unwrap_or(&nothing);
        let wanted = match entry.tier {
            1 => entry.languages,
            _ => entry.languages.min(1),
        };
        for (what, (fixtures, languages), holds) in [
            ("introduces", &shown.comes, true),
            ("resolves", &shown.goes, entry.resolves),
        ] {
            if holds && (*fixtures == 0 || languages.len() < wanted) {
                let languages: Vec<&str> = languages.iter().copied().collect();
                faults.push(format!(
                    "{id} {title}: {fixtures} fixtures {what} it, in {} of {wanted} languages ({})",
                    languages.len(),
                    languages.join(", ")
                ));
            }
        }
    }
    assert!(entries > 60, "only {entries} threats");
    none(&faults);
}

/// What an assessment says of threats with one of these statuses, by catalogue id and subject.
fn told(assessment: &Assessment, status: ThreatStatus) -> BTreeSet<String> {
    let threats = assessment.threats.iter();
    let meant = threats.filter(|threat| threat.status == status);
    meant
        .flat_map(|threat| {
            let whole = vec![threat.id.clone()];
            let each = threat.subjects.iter();
            let each = each.map(|subject| format!("{}@{subject}", threat.rule));
            match threat.subjects.is_empty() {
                true => whole,
                false => each.collect(),
            }
        })
        .collect()
}

/// Cases in which the way back is another one, and why.
const ANOTHER_WAY_BACK: [(&str, &str); 10] = [
    (
        "any/dependencies-images.md: Downgraded through an argument; another registry",
        "another registry is another one both ways",
    ),
    (
        "csharp/aspnet_mvc.md: A method that asks in place of its base's goes",
        "whose base asks as well loses nothing with its own method, and wins by it",
    ),
    (
        "infra/terraform.md: A variable's default opens what another file says",
        "a network that gets smaller in a way that is not known to be enough",
    ),
    (
        "infra/terraform.md: What only a run knows is never safe",
        "what only a run knows is not known to be gone",
    ),
    (
        "threats/back.md: A variable's default opens what another file says",
        "as above",
    ),
    (
        "threats/back.md: What only a run knows is never safe",
        "as above",
    ),
    (
        "python/indico.md: A handler no longer checks for itself, its base still does",
        "a check that the base has as well is no loss, and is won",
    ),
    (
        "python/models.md: A serializer exposes a personal field, and one all of them",
        "all fields of a model may hold none that is sensitive",
    ),
    (
        "ruby/rails.md: What runs before storing, and who calls, is asked in another way",
        "a lookup that is limited again is told where it is called",
    ),
    (
        "rust/sinks.md: Commands, files, redirects and requests",
        "an endpoint whose handler goes is gone, and one that comes has a guard",
    ),
];

/// A threat that comes one way goes the other way, and what gets graver one way gets less grave the other
/// way. What is told by a change alone (a migration that destroys) cannot go.
#[test]
fn threats_are_the_same_both_ways() {
    let mut faults = Vec::new();
    for case in cases() {
        let there = judge(&case.before, &case.after);
        let back = judge(&case.after, &case.before);
        let lasts = |id: &String| {
            let rule = id.split('@').next().unwrap_or(id);
            let entry = catalogue().explain(rule);
            entry.is_none_or(|entry| entry.resolves)
        };
        for (one, other) in [(&there, &back), (&back, &there)] {
            for (status, opposite) in [
                (ThreatStatus::Introduced, ThreatStatus::Resolved),
                (ThreatStatus::Worsened, ThreatStatus::Improved),
            ] {
                let mut came = told(one, status);
                came.retain(lasts);
                let mut went = told(other, opposite);
                // What stands on both sides has the name of the side that is head.
                if status != ThreatStatus::Introduced {
                    let rule = |id: &String| id.split('@').next().unwrap_or(id).to_owned();
                    came = came.iter().map(rule).collect();
                    went = went.iter().map(rule).collect();
                }
                if came != went {
                    faults.push(format!(
                        "{}: {} {came:?}, the other way {} {went:?}",
                        named(&case),
                        status.name(),
                        opposite.name()
                    ));
                }
            }
        }
    }
    faults.dedup();
    for (case, why) in ANOTHER_WAY_BACK {
        let all = faults.len();
        faults.retain(|fault| !fault.starts_with(case));
        if faults.len() == all {
            faults.push(format!(
                "{case} is the same both ways now, in spite of: {why}"
            ));
        }
    }
    none(&faults);
}

/// Nothing changes, nothing comes.
#[test]
fn threats_stand_still() {
    let mut faults = Vec::new();
    for case in cases() {
        for side in [&case.before, &case.after] {
            if !judge(side, side).threats.is_empty() {
                faults.push(named(&case));
            }
        }
    }
    none(&faults);
}

/// The facts in another order, by a fixed way of shuffling.
fn shuffled(inventory: &Inventory, seed: u64) -> Inventory {
    let mut other = inventory.clone();
    let mut state = seed;
    for at in (1..other.facts.len()).rev() {
        // Knuth's generator: any order will do, as long as it is the same in every run.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let to = usize::try_from(state >> 33).unwrap_or_default() % (at + 1);
        other.facts.swap(at, to);
    }
    other
}

/// What is read twice, by many threads at once or in another order is told alike.
#[test]
fn the_order_of_reading_does_not_tell() {
    let all = cases();
    let words = |assessment: &Assessment| format!("{}{}", lines(assessment), threats(assessment));
    let alone: Vec<String> = all
        .iter()
        .map(|case| words(&judge(&case.before, &case.after)))
        .collect();
    const THREADS: usize = 4;
    let mut faults = Vec::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|own| {
                let (all, alone, words) = (&all, &alone, &words);
                scope.spawn(move || {
                    let mut faults = Vec::new();
                    for (case, alone) in all.iter().zip(alone).skip(own).step_by(THREADS) {
                        let (old, new) = inventories(&case.before, &case.after);
                        let again = words(&judge_facts(&old, &new));
                        let (old, new) = (shuffled(&old, 7), shuffled(&new, 11));
                        let other = words(&judge_facts(&old, &new));
                        for (what, said) in [("again", again), ("in another order", other)] {
                            if said != *alone {
                                let name = named(case);
                                faults.push(format!("{name}: {what}\n{alone}---\n{said}"));
                            }
                        }
                    }
                    faults
                })
            })
            .collect();
        for worker in workers {
            faults.extend(worker.join().expect("a worker that ends"));
        }
    });
    none(&faults);
}

/// What gets stricter is never asked about. The gate's own files are: nobody has read yet which of
/// their lines are stricter.
#[test]
fn what_gets_stricter_asks_for_nothing() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for case in cases() {
        let there = judge(&case.before, &case.after);
        let back = judge(&case.after, &case.before);
        for (one, other) in [(&there, &back), (&back, &there)] {
            let stricter = one.changes.iter();
            let stricter = stricter.filter(|change| change.direction == Direction::Strengthened);
            for change in stricter {
                seen += 1;
                if change.verdict > Verdict::Pass {
                    faults.push(format!("{}: {}", named(&case), change.title));
                }
            }
            // All of it is a loss the one way, so nothing of it is one the other way.
            let lost = |change: &threatgate_assess::Change| {
                change.direction == Direction::Weakened && change.kind != FactKind::Gate
            };
            if one.changes.is_empty() || !one.changes.iter().all(lost) {
                continue;
            }
            for change in &other.changes {
                if change.verdict >= Verdict::Review {
                    let how = format!("{:?} by {}", change.direction, change.policy_rule);
                    faults.push(format!(
                        "{} (the other way): {} ({how})",
                        named(&case),
                        change.title
                    ));
                }
            }
        }
    }
    // Another hash of the same version, or another source, is another one both ways.
    let both = |fault: &String| {
        fault.contains("has another hash than before (Weakened")
            || fault.contains(" comes from registry+") && fault.contains(" now (was ")
    };
    faults.retain(|fault| !both(fault));
    assert!(seen > 100, "only {seen} protections were won");
    none(&faults);
}

/// More changes never ask for less: two pull requests in one ask for what each asks for.
#[test]
fn more_changes_never_ask_for_less() {
    let all = cases();
    let mut faults = Vec::new();
    // Nothing of the one may have moved into the other: a pipeline has no part in code.
    let folder = |case: &Case| {
        case.file
            .parent()
            .and_then(|path| path.file_name())
            .map(ToOwned::to_owned)
    };
    let (infra, code): (Vec<&Case>, Vec<&Case>) = all
        .iter()
        .partition(|case| folder(case).is_some_and(|folder| folder == "infra"));
    for (one, other) in code.into_iter().zip(infra.into_iter().cycle()) {
        let sides = |case: &Case| inventories(&case.before, &case.after);
        let (mut old, mut new) = sides(one);
        let (more_old, more_new) = sides(other);
        old.facts.extend(more_old.facts);
        old.functions.extend(more_old.functions);
        new.facts.extend(more_new.facts);
        new.functions.extend(more_new.functions);
        let both = judge_facts(&old, &new).verdict;
        for case in [one, other] {
            let alone = judge(&case.before, &case.after).verdict;
            if alone > both {
                faults.push(format!(
                    "{}: {} alone, {} with another",
                    named(case),
                    alone.name(),
                    both.name()
                ));
            }
        }
    }
    none(&faults);
}
