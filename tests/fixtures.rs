//! Every fixture's changes are the expected ones. `UPDATE_FIXTURES=1` rewrites the expected blocks.

use similar::TextDiff;

use crate::fixture::{cases, judge, lines, update};

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
            let actual = lines(&judge(&case.before, &case.after));
            (case, actual)
        })
        .collect();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        update(&results);
        return;
    }
    let mut wrong = String::new();
    for (case, actual) in &results {
        if *actual != case.expected {
            let diff = TextDiff::from_lines(&case.expected, actual);
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
