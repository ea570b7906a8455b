//! What must stay silent, and what must speak, on every fixture: relations between a text and the
//! same text changed in a way whose effect is known.

use threatgate_facts::{Evidence, FactKind, Inventory, Tree};

use crate::fixture::{Case, Files, cases, engine, inventories, judge, lines};

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
        // A pipeline is read from the root of a repository and nowhere else.
        let by_place = |path: &str| path.starts_with(".github/") || path.starts_with(".gitlab-ci");
        let mut paths = case.before.paths().iter().chain(case.after.paths());
        if case.before == case.after || paths.any(|path| by_place(path)) {
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

/// A file that no other file names may have another name.
#[test]
fn single_files_under_another_name() {
    let mut wrong = String::new();
    let mut renamed = 0;
    for case in cases() {
        for side in [&case.before, &case.after] {
            for path in side.paths() {
                let Some(variant) = under_another_name(side, path) else {
                    continue;
                };
                renamed += 1;
                let said = lines(&judge(side, &variant));
                if !said.is_empty() {
                    let (file, title) = (case.file.display(), &case.title);
                    wrong.push_str(&format!("\n{file}: {title}: {path} was renamed\n{said}"));
                }
            }
        }
    }
    assert!(renamed > 50, "only {renamed} files could be renamed");
    assert!(wrong.is_empty(), "{wrong}");
}

/// The revision with one file renamed; `None` where the name has a meaning of its own.
fn under_another_name(side: &Files, path: &str) -> Option<Files> {
    comment(path)?;
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, rest) = name.split_once('.')?;
    // Names that a language or a framework reads, and what a folder says about its files.
    let meaning = [
        "main", "lib", "mod", "index", "settings", "models", "conftest",
    ];
    let by_folder = ["migrations", "migration", "settings", "config", "test"];
    if meaning.contains(&stem)
        || stem.starts_with("__")
        || engine().by_place(path)
        || by_folder.iter().any(|word| path.contains(word))
    {
        return None;
    }
    let named = side
        .paths()
        .iter()
        .any(|other| other != path && side.text(other).is_some_and(|text| text.contains(stem)));
    if named {
        return None;
    }
    let other = match folder {
        "" => format!("{stem}_renamed.{rest}"),
        folder => format!("{folder}/{stem}_renamed.{rest}"),
    };
    Some(side.map(|at, text| {
        let at = if at == path { &other } else { at };
        (at.to_owned(), text.to_owned())
    }))
}

/// What the gate must say something about: each variant of a side.
fn speaks(what: &str, least: usize, variants: impl Fn(&Files, &Inventory) -> Vec<Files>) {
    let mut wrong = String::new();
    let mut tried = 0;
    for case in cases() {
        for side in [&case.before, &case.after] {
            let (facts, _) = inventories(side, &Files::default());
            for variant in variants(side, &facts) {
                tried += 1;
                if lines(&judge(side, &variant)).is_empty() {
                    let (file, title) = (case.file.display(), &case.title);
                    let changed = changed_lines(side, &variant);
                    wrong.push_str(&format!(
                        "\n{file}: {title}: {what}, and nothing is said\n{changed}"
                    ));
                }
            }
        }
    }
    assert!(tried >= least, "only {tried} times {what}");
    assert!(wrong.is_empty(), "{wrong}");
}

fn changed_lines(side: &Files, variant: &Files) -> String {
    let mut out = String::new();
    for path in side.paths() {
        let (Some(a), Some(b)) = (side.text(path), variant.text(path)) else {
            continue;
        };
        if a != b {
            let diff = similar::TextDiff::from_lines(&*a, &*b);
            out.push_str(&diff.unified_diff().context_radius(1).to_string());
        }
    }
    out
}

/// The side with `range` of a file replaced.
fn with(side: &Files, path: &str, range: std::ops::Range<usize>, by: &str) -> Files {
    side.map(|at, text| {
        let text = if at == path {
            format!("{}{by}{}", &text[..range.start], &text[range.end..])
        } else {
            text.to_owned()
        };
        (at.to_owned(), text)
    })
}

fn evidence<'a>(facts: &'a Inventory, role: &'a str) -> impl Iterator<Item = &'a Evidence> {
    let endpoints = facts
        .facts
        .iter()
        .filter(|fact| fact.kind == FactKind::Endpoint);
    endpoints
        .flat_map(|fact| &fact.evidence)
        .filter(move |evidence| evidence.role == role)
}

#[test]
fn a_guard_is_taken_away() {
    speaks("a guard was taken away", 35, |side, facts| {
        let mut places = std::collections::BTreeSet::new();
        let mut variants = Vec::new();
        for guard in evidence(facts, "guard") {
            let at = &guard.location;
            let Some(text) = side.text(&at.path) else {
                continue;
            };
            if !places.insert((at.path.clone(), at.start)) {
                continue;
            }
            let start = text[..at.start].rfind('\n').map_or(0, |at| at + 1);
            let end = text[at.end..]
                .find('\n')
                .map_or(text.len(), |n| at.end + n + 1);
            let line = text[start..end].trim();
            let decorates = (line.starts_with('@') || line.starts_with("#["))
                && at.line == at.end_line
                && text[start..at.start].trim().len() <= 2;
            if decorates {
                variants.push(with(side, &at.path, start..end, ""));
            } else if let Some(rest) = text[at.end..].strip_prefix(", ")
                && guard.attached == "handler"
                && !rest.is_empty()
            {
                variants.push(with(side, &at.path, at.start..at.end + 2, ""));
            }
        }
        variants
    });
}

#[test]
fn a_prefix_is_changed() {
    speaks("a prefix was changed", 30, |side, facts| {
        let mut variants = Vec::new();
        let mut places = std::collections::BTreeSet::new();
        for mount in evidence(facts, "mount") {
            let at = &mount.location;
            let Some(text) = side.text(&at.path) else {
                continue;
            };
            for quote in ['"', '\''] {
                let wanted = format!("{quote}{}{quote}", mount.text);
                if let Some(found) = text[at.start..at.end].find(&wanted)
                    && places.insert((at.path.clone(), at.start + found))
                {
                    let start = at.start + found;
                    // The end of `/:id` is a parameter's name, which says nothing.
                    let last = mount.text.rsplit('/').find(|part| !part.is_empty());
                    if last.is_some_and(|part| part.starts_with([':', '*', '<', '{'])) {
                        continue;
                    }
                    let by = format!("{quote}{}changed{quote}", mount.text);
                    let by = match mount.text.strip_suffix('/') {
                        Some(text) => format!("{quote}{text}-changed/{quote}"),
                        None => by,
                    };
                    variants.push(with(side, &at.path, start..start + wanted.len(), &by));
                }
            }
        }
        variants
    });
}

#[test]
fn an_algorithm_is_changed() {
    const OTHERS: [(&str, &str); 9] = [
        ("sha256", "md5"),
        ("SHA256", "MD5"),
        ("Sha256", "Md5"),
        ("sha512", "sha1"),
        ("sha1", "sha512"),
        ("SHA1", "SHA512"),
        ("md5", "sha512"),
        ("MD5", "SHA512"),
        ("aes-256-gcm", "des-ede3-cbc"),
    ];
    speaks("an algorithm was changed", 20, |side, facts| {
        let crypto = facts
            .facts
            .iter()
            .filter(|fact| fact.kind == FactKind::Crypto);
        let variants = crypto.filter_map(|fact| {
            let at = &fact.location;
            let text = side.text(&at.path)?;
            let (found, (from, to)) = OTHERS.iter().find_map(|pair| {
                text[at.start..at.end]
                    .find(pair.0)
                    .map(|found| (found, *pair))
            })?;
            let start = at.start + found;
            Some(with(side, &at.path, start..start + from.len(), to))
        });
        variants.collect()
    });
}
