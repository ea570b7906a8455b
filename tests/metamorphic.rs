//! What must stay silent, and what must speak, on every fixture: relations between a text and the
//! same text changed in a way whose effect is known.

use crate::fixture::{Case, Files, cases, judge, lines};

/// Every side of every case against a variant of itself gives no change.
fn silent(what: &str, change: impl Fn(&str, &str) -> (String, String)) {
    let mut wrong = String::new();
    let mut changed = 0;
    for case in cases() {
        for side in [&case.before, &case.after] {
            let variant = side.map(&change);
            changed += usize::from(variant != *side);
            let said = lines(&judge(side, &variant));
            if !said.is_empty() {
                wrong.push_str(&format!(
                    "\n{}: {}: {what}\n{said}",
                    case.file.display(),
                    case.title
                ));
            }
        }
    }
    assert!(changed > 0, "{what} changed no fixture");
    assert!(wrong.is_empty(), "{wrong}");
}

/// The mark of a comment to the end of the line, for the kinds of file that fixtures use.
fn comment(path: &str) -> Option<&'static str> {
    let extension = path.rsplit('.').next()?;
    match extension {
        "py" | "pyi" => Some("#"),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "tsx" | "rs" => Some("//"),
        _ => None,
    }
}

fn same(path: &str, text: String) -> (String, String) {
    (path.to_owned(), text)
}

#[test]
fn the_same_revision_twice() {
    let mut wrong = String::new();
    for case in cases() {
        for side in [&case.before, &case.after] {
            let said = lines(&judge(side, side));
            if !said.is_empty() {
                wrong.push_str(&format!(
                    "\n{}: {}\n{said}",
                    case.file.display(),
                    case.title
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn comments() {
    silent("comments were added", |path, text| match comment(path) {
        Some(mark) => {
            // Before a line at the left margin; inside brackets and strings a comment may be none.
            let mut out = format!("{mark} a note, e.g. app.get(\"/x\")\n");
            out.push_str(text);
            out.push_str(&format!("{mark} the end\n"));
            same(path, out)
        }
        None => same(path, text.to_owned()),
    });
}

#[test]
fn blank_lines() {
    silent("blank lines were added", |path, text| match comment(path) {
        Some(_) => same(
            path,
            format!("\n\n{}\n\n", text.replace("\n\n", "\n\n\n\n")),
        ),
        None => same(path, text.to_owned()),
    });
}

#[test]
fn line_ends() {
    silent("line ends became CRLF", |path, text| match comment(path) {
        Some(_) => same(path, text.replace('\n', "\r\n")),
        None => same(path, text.to_owned()),
    });
}

/// Functions, classes and items that stand side by side at the left margin, in reverse order.
fn reversed(path: &str, text: &str) -> String {
    let declares: &[&str] = match comment(path) {
        Some("#") => &["def ", "async def "],
        Some(_) if path.ends_with(".rs") => &["fn ", "async fn ", "pub fn ", "pub async fn "],
        // Registration order is meaning in JavaScript; hoisted functions are free to move.
        Some(_) => &["function ", "async function "],
        None => return text.to_owned(),
    };
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let free = |block: &str| {
        let first = block.trim_start_matches('\n');
        declares.iter().any(|word| first.starts_with(word))
            && !first.contains("\n\n")
            && first
                .lines()
                .skip(1)
                .all(|line| line.starts_with([' ', '\t', '}', ')']) || line.is_empty())
    };
    let mut out: Vec<&str> = Vec::new();
    let mut run: Vec<&str> = Vec::new();
    for block in blocks {
        let block = block.trim_end_matches('\n');
        if free(block) {
            run.push(block.trim_start_matches('\n'));
        } else {
            out.extend(run.drain(..).rev());
            out.push(block);
        }
    }
    out.extend(run.drain(..).rev());
    format!("{}\n", out.join("\n\n"))
}

#[test]
fn declarations_in_another_order() {
    silent("declarations were reordered", |path, text| {
        same(path, reversed(path, text))
    });
}

/// Turned around, what spoke speaks and what was silent is silent.
#[test]
fn the_way_back_speaks_too() {
    let mut wrong = String::new();
    for Case {
        file,
        title,
        before,
        after,
        ..
    } in cases()
    {
        let (there, back) = (
            lines(&judge(&before, &after)),
            lines(&judge(&after, &before)),
        );
        if there.is_empty() != back.is_empty() {
            wrong.push_str(&format!(
                "\n{}: {title}\nthere:\n{there}back:\n{back}",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Everything that is taken away is told, and nothing of it is left at head.
#[test]
fn all_files_moved_below_a_folder() {
    let mut wrong = String::new();
    for case in cases() {
        if case.before == case.after {
            continue;
        }
        let moved =
            |files: &Files| files.map(|path, text| (format!("service/{path}"), text.to_owned()));
        let (here, there) = (
            judge(&case.before, &case.after),
            judge(&moved(&case.before), &moved(&case.after)),
        );
        let told = lines(&there).replace("service/", "");
        if lines(&here) != told {
            wrong.push_str(&format!(
                "\n{}: {}\nat the root:\n{}below a folder:\n{told}",
                case.file.display(),
                case.title,
                lines(&here)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
