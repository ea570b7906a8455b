//! Every fixture's changes are the expected ones. `UPDATE_FIXTURES=1` rewrites the expected blocks.

use similar::TextDiff;

use crate::fixture::{cases, judge, lines, threats, update};

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
