//! Every fixture's changes are the expected ones. `UPDATE_FIXTURES=1` rewrites the expected blocks.

use similar::TextDiff;

use std::collections::{BTreeMap, BTreeSet};

use threatgate_assess::{Assessment, ThreatStatus};

use crate::fixture::{cases, inventories, judge, judge_facts, lines, threats, update};

/// A model that merely gains a field is no migration that loses data.
#[test]
fn only_what_loses_data_is_called_destructive() {
    let mut seen = 0;
    for case in cases() {
        for change in judge(&case.before, &case.after).changes {
            if change.policy_rule == "destructive-migration" {
                seen += 1;
                let fact = change.after.as_ref().or(change.before.as_ref());
                let loss = fact.and_then(|fact| fact.text("destructive"));
                assert!(loss.is_some(), "{}: {}", case.title, change.title);
            }
        }
    }
    assert!(seen > 0, "no fixture loses data");
}

#[test]
fn fixtures() {
    let results: Vec<_> = cases()
        .into_iter()
        .map(|case| {
            let assessment = judge(&case.before, &case.after);
            let actual = (lines(&assessment), threats(&assessment));
            (case, actual)
        })
        .collect();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        update(&results);
        return;
    }
    let mut wrong = String::new();
    for (case, (changes, threats)) in &results {
        let mut blocks = vec![(&case.expected, changes)];
        blocks.extend(case.threats.iter().map(|(expected, _)| (expected, threats)));
        for (expected, actual) in blocks {
            if expected == actual {
                continue;
            }
            let diff = TextDiff::from_lines(expected, actual);
            wrong.push_str(&format!(
                "\n{}: {}\n{}",
                case.file.display(),
                case.title,
                diff.unified_diff()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nUPDATE_FIXTURES=1 rewrites the expected blocks"
    );
}

/// A rule whose pattern matches nothing in any fixture is a rule that nobody has seen work.
#[test]
fn every_rule_is_exercised() {
    for case in cases() {
        judge(&case.before, &case.after);
    }
    let silent = crate::fixture::engine().unmatched_rules();
    assert!(
        silent.is_empty(),
        "{} rules match nothing in the fixtures:\n{}",
        silent.len(),
        silent.join("\n")
    );
}

/// What an assessment says of threats with one of these statuses, by catalogue id and subject.
fn told(assessment: &Assessment, statuses: &[ThreatStatus]) -> BTreeSet<String> {
    let threats = assessment.threats.iter();
    let meant = threats.filter(|threat| statuses.contains(&threat.status));
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

/// A threat that comes one way goes the other way; what only a change can be, a migration that
/// destroys or a gate that is loosened, has no way back.
#[test]
fn threats_are_the_same_both_ways() {
    const ONE_WAY: [&str; 7] = [
        "TG-DATA-004@",
        "TG-DATA-009@",
        "TG-CI-003@",
        "TG-DEP-001@",
        "TG-DEP-002@",
        "TG-DATA-002@",
        "TG-AUTHZ-004@",
    ];
    let mut wrong = String::new();
    for case in cases() {
        let there = judge(&case.before, &case.after);
        let back = judge(&case.after, &case.before);
        for (one, other) in [(&there, &back), (&back, &there)] {
            let came = told(one, &[ThreatStatus::Introduced, ThreatStatus::Worsened]);
            let went = told(other, &[ThreatStatus::Resolved, ThreatStatus::Improved]);
            for id in came.symmetric_difference(&went) {
                if !ONE_WAY.iter().any(|start| id.starts_with(start)) {
                    wrong.push_str(&format!("{}: {}: {id}\n", case.file.display(), case.title));
                }
            }
        }
    }
    let lines: BTreeSet<&str> = wrong.lines().collect();
    assert!(lines.is_empty(), "{} differ:\n{wrong}", lines.len());
}

/// Nothing changes, nothing comes; and the order of facts is no matter.
#[test]
fn threats_stand_still_and_keep_their_order() {
    for case in cases().iter().step_by(7) {
        assert_eq!(
            judge(&case.after, &case.after).threats,
            [],
            "{}",
            case.title
        );
        let once = judge(&case.before, &case.after);
        let (mut old, mut new) = inventories(&case.before, &case.after);
        old.facts.reverse();
        new.facts.reverse();
        let again = judge_facts(&old, &new);
        // Which of several equal places is named first may differ; what is said may not.
        let what = |assessment: &Assessment| -> BTreeSet<(String, ThreatStatus)> {
            let threats = assessment.threats.iter();
            threats
                .map(|threat| (threat.rule.clone(), threat.status))
                .collect()
        };
        assert_eq!(what(&once), what(&again), "{}", case.title);
    }
}

/// What the built-in policy stops is a loss, a dangerous call that a caller steers, or proven, and
/// nothing that rests on a name alone.
#[test]
fn only_what_is_certain_is_stopped() {
    for case in cases() {
        let assessment = judge(&case.before, &case.after);
        let stopped = assessment.changes.iter();
        for change in stopped.filter(|change| change.verdict == threatgate_assess::Verdict::Block) {
            let fact = change.after.as_ref().or(change.before.as_ref());
            let fact = fact.expect("a change of something");
            let steered = fact.text("argument") == Some("request");
            let proven = fact.kind == threatgate_facts::FactKind::Secret
                || fact.attributes.get("verify") == Some(&false.into());
            let sure = fact.confidence == threatgate_facts::Confidence::Resolved;
            assert!(
                sure && (steered || proven),
                "{}: {}",
                case.title,
                change.title
            );
        }
    }
}

/// Every entry of the first tier has a fixture that brings it and one that resolves it; those that
/// have no way back only one that brings it.
#[test]
fn every_threat_comes_and_goes_in_a_fixture() {
    let catalogue = threatgate_assess::Catalogue::new(threatgate_rules::folder("threats"))
        .expect("the built-in threats are readable");
    let mut came: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut went: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        let folder = case.file.parent().and_then(|folder| folder.file_name());
        let folder = folder.unwrap_or_default().to_string_lossy().into_owned();
        for threat in judge(&case.before, &case.after).threats {
            let side = match threat.status.is_news() {
                true => &mut came,
                false => &mut went,
            };
            side.entry(threat.rule).or_default().insert(folder.clone());
        }
    }
    let mut missing = Vec::new();
    for (id, _) in catalogue.list() {
        let entry = catalogue.explain(id).expect("an entry that is listed");
        if !came.contains_key(id) {
            missing.push(format!("{id} comes in no fixture"));
        }
        if entry.resolves && !went.contains_key(id) {
            missing.push(format!("{id} goes in no fixture"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
