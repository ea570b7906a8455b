//! Every fixture's changes are the expected ones. `UPDATE_FIXTURES=1` rewrites the expected blocks.

use similar::TextDiff;

use crate::fixture::{cases, judge, lines, update};

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
