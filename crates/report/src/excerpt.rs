//! The lines of both sides at which a change can be seen. Credentials are never among them.

use std::collections::BTreeSet;
use std::ops::Range;

use similar::{Algorithm, DiffOp};
use threatgate_assess::{Assessment, Change};
use threatgate_facts::{FactKind, Location};

use crate::{Side, Sources};

/// Lines shown of each side.
const MOST: usize = 3;
/// How far below a fact its changed lines may stand: a function's body below its name.
const REACH: usize = 40;
/// How far above: the condition of a branch.
const ABOVE: usize = 3;
/// Files with more lines are not compared line by line: the cost is quadratic at worst.
const MAX_LINES: usize = 6000;

/// Which side a shown line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Removed,
    Added,
    Same,
}

impl Mark {
    pub(crate) const fn sign(self) -> char {
        match self {
            Self::Removed => '-',
            Self::Added => '+',
            Self::Same => ' ',
        }
    }
}

/// One shown line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) mark: Mark,
    /// With tabs as four spaces and credentials masked; not yet visible.
    pub(crate) text: String,
    /// The characters of the fact, from 0.
    pub(crate) span: Option<Range<usize>>,
}

/// Lines that hold a secret which the assessment knows, by side and path.
pub(crate) type Secrets = BTreeSet<(Side, String, u32)>;

pub(crate) fn secrets(assessment: &Assessment) -> Secrets {
    let mut found = Secrets::new();
    for change in &assessment.changes {
        if change.kind != FactKind::Secret {
            continue;
        }
        let sides = [(Side::Base, &change.before), (Side::Head, &change.after)];
        for (side, fact) in sides {
            // One that only the history holds stands on no line of either side.
            if let Some(fact) = fact.as_ref().filter(|fact| fact.text("commit").is_none()) {
                let at = &fact.location;
                let last = at.end_line.max(at.line).min(at.line.saturating_add(1000));
                found.extend((at.line..=last).map(|line| (side, at.path.clone(), line)));
            }
        }
    }
    found
}

/// The lines of a change: of base, then of head; empty where no source is at hand.
pub(crate) fn excerpt(change: &Change, sources: &dyn Sources, secrets: &Secrets) -> Vec<Line> {
    if change.kind == FactKind::Secret {
        return Vec::new();
    }
    let here = &change.location;
    let before = change.before.as_ref().map(|fact| &fact.location);
    let after = change.after.as_ref().map(|fact| &fact.location);
    // A cause may stand in another file than the facts that it changed: a mount and the routes
    // under it. Then the cause's file is shown on both sides.
    let own = [before, after].iter().flatten().any(|at| *at == here);
    let beside = |at: &&Location| own || at.path == here.path;
    let (base, head) = if change.at_base {
        (Some(here), after.filter(beside))
    } else {
        (before.filter(beside), Some(here))
    };
    let base_path = base.map_or(&here.path, |at| &at.path);
    let head_path = head.map_or(&here.path, |at| &at.path);
    let old = sources.text(Side::Base, base_path);
    let new = sources.text(Side::Head, head_path);
    let old: Option<Vec<&str>> = old.as_ref().map(|text| text.lines().collect());
    let new: Option<Vec<&str>> = new.as_ref().map(|text| text.lines().collect());

    let line = |side: Side, lines: &[&str], index: usize, mark: Mark| -> Option<Line> {
        let path = if side == Side::Base {
            base_path
        } else {
            head_path
        };
        let raw = lines.get(index)?;
        let number = index + 1;
        let secret = (side, path.clone(), u32::try_from(number).ok()?);
        let at = if side == Side::Base { base } else { head };
        let hidden = secrets.contains(&secret);
        Some(Line {
            number,
            mark,
            text: if hidden {
                "[a line with a credential, not shown]".into()
            } else {
                expand(&mask(raw))
            },
            span: at
                .filter(|at| at.line as usize == number && !hidden && mask(raw) == *raw)
                .and_then(|at| span(at, raw)),
        })
    };
    let single = |side: Side, lines: &[&str], at: &Location, mark: Mark| {
        let mut shown = Vec::from_iter(line(
            side,
            lines,
            (at.line as usize).saturating_sub(1),
            mark,
        ));
        dedent(&mut shown);
        shown
    };
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (Some(old), None) => {
            return base.map_or(Vec::new(), |at| single(Side::Base, &old, at, Mark::Removed));
        }
        (None, Some(new)) => {
            return head.map_or(Vec::new(), |at| single(Side::Head, &new, at, Mark::Added));
        }
        (None, None) => return Vec::new(),
    };
    let index = (here.line as usize).saturating_sub(1);
    let hunk = nearest(&hunks(&old, &new), change.at_base, index);
    // A package whose own line did not change was locked to another version: other lines say nothing of it.
    let hunk = hunk.filter(|hunk| {
        let wanted = if change.at_base { &hunk.0 } else { &hunk.1 };
        change.kind != FactKind::Dependency || wanted.contains(&index)
    });
    let Some(hunk) = hunk else {
        // The line itself did not change: something that it hangs on did.
        return if change.at_base {
            single(Side::Base, &old, here, Mark::Removed)
        } else {
            single(Side::Head, &new, here, Mark::Same)
        };
    };
    let mut shown = Vec::new();
    let wanted = if change.at_base { &hunk.0 } else { &hunk.1 };
    // Changed lines stand below or above: the line that names the fact leads to them.
    let own = |shown: &mut Vec<Line>| {
        let (side, lines) = if change.at_base {
            (Side::Base, &old)
        } else {
            (Side::Head, &new)
        };
        shown.extend(line(side, lines, index, Mark::Same));
    };
    if !wanted.contains(&index) && index < wanted.start {
        own(&mut shown);
    }
    for number in window(&hunk.0, base) {
        shown.extend(line(Side::Base, &old, number, Mark::Removed));
    }
    for number in window(&hunk.1, head) {
        shown.extend(line(Side::Head, &new, number, Mark::Added));
    }
    if !wanted.contains(&index) && index >= wanted.end {
        own(&mut shown);
    }
    // Blank lines say nothing.
    shown.retain(|line| line.mark == Mark::Same || !line.text.trim().is_empty());
    dedent(&mut shown);
    shown
}

/// Takes away the indent that all lines share: what matters stands at its end.
fn dedent(lines: &mut [Line]) {
    let indents = lines
        .iter()
        .filter(|line| !line.text.trim().is_empty())
        .map(|line| line.text.chars().take_while(|c| *c == ' ').count());
    let common = indents.min().unwrap_or(0);
    for line in lines {
        line.text = line.text.chars().skip(common).collect();
        line.span = line
            .span
            .take()
            .map(|span| span.start.saturating_sub(common)..span.end.saturating_sub(common));
    }
}

/// The lines of a hunk that are shown: from the fact's own line, otherwise from the first.
fn window(lines: &Range<usize>, at: Option<&Location>) -> Range<usize> {
    let own = at.map(|at| (at.line as usize).saturating_sub(1));
    let start = own
        .filter(|own| lines.contains(own))
        .map_or(lines.start, |own| own.min(lines.end.saturating_sub(MOST)))
        .max(lines.start);
    start..lines.end.min(start + MOST)
}

type Hunk = (Range<usize>, Range<usize>);

/// The runs of lines that differ, as ranges of both sides, in order.
fn hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    if old.len() > MAX_LINES || new.len() > MAX_LINES {
        return Vec::new();
    }
    similar::capture_diff_slices(Algorithm::Myers, old, new)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| (op.old_range(), op.new_range()))
        .collect()
}

/// The hunk that holds the line, otherwise the nearest: close above, where a condition stands, or
/// below within reach, where a body stands.
fn nearest(hunks: &[Hunk], at_base: bool, index: usize) -> Option<Hunk> {
    let distance = |hunk: &Hunk| {
        let lines = if at_base { &hunk.0 } else { &hunk.1 };
        if lines.contains(&index) {
            Some(0)
        } else if lines.start >= index {
            Some(lines.start - index + 1).filter(|distance| *distance <= REACH)
        } else {
            Some(index + 1 - lines.end).filter(|distance| *distance <= ABOVE)
        }
    };
    hunks
        .iter()
        .filter_map(|hunk| Some((distance(hunk)?, hunk)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, hunk)| hunk.clone())
}

/// The line of head that stands where the line of base stood, from 1.
pub(crate) fn at_head(before: &str, after: &str, line: u32) -> u32 {
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let index = (line as usize).saturating_sub(1);
    let mut found = index;
    for (old, new) in hunks(&old, &new) {
        if old.contains(&index) {
            let offset = index - old.start;
            found = new.start + offset.min(new.len().saturating_sub(1));
            break;
        }
        if old.start > index {
            break;
        }
        found = index + new.end - old.end;
    }
    let last = new.len().max(1);
    u32::try_from((found + 1).min(last)).unwrap_or(1)
}

/// Characters of the expanded line that the location covers.
fn span(at: &Location, raw: &str) -> Option<Range<usize>> {
    let start = (at.column as usize).checked_sub(1)?;
    let length = raw.chars().count();
    let end = if at.end_line > at.line {
        length
    } else {
        (at.end_column as usize).saturating_sub(1).min(length)
    };
    let wide = |upto: usize| {
        raw.chars()
            .take(upto)
            .map(|c| if c == '\t' { 4 } else { 1 })
            .sum()
    };
    (start < end).then(|| wide(start)..wide(end))
}

fn expand(text: &str) -> String {
    text.replace('\t', "    ")
}

/// Masks what may be a credential in a line of source: quoted texts that a name such as `password`
/// leads to, and long ones that mix letters and digits as tokens do.
fn mask(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find(['"', '\'', '`']) {
        let quote = rest[open..].chars().next().unwrap_or('"');
        let (before, inner) = (&rest[..=open], &rest[open + 1..]);
        let Some(close) = inner.find(quote) else {
            break;
        };
        out.push_str(before);
        let value = &inner[..close];
        if is_token(value) || value.len() > 3 && names_secret(&out[..out.len() - 1]) {
            out.push('…');
        } else {
            out.push_str(value);
        }
        out.push(quote);
        rest = &inner[close + 1..];
    }
    out.push_str(rest);
    if out == line
        && let Some(at) = line.find([':', '='])
        && names_secret(&line[..=at])
        && bare(line[at + 1..].trim())
    {
        // A settings file without quotes: `DB_PASSWORD=hunter2`.
        return format!("{} …", &line[..=at]);
    }
    out
}

/// Whether the text can be a value without quotes, and is no expression or type.
fn bare(value: &str) -> bool {
    value.len() > 3 && !value.contains([' ', '(', '[', '{', '<', '$', '"', '\'', '`', ';'])
}

fn is_token(value: &str) -> bool {
    // `=` pads base64; within a text it is something else: `package==1.0.12`.
    let value = value.trim_end_matches('=');
    value.len() >= 20
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/_-.~".contains(&byte))
        && value.bytes().filter(u8::is_ascii_digit).count() >= 4
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether the text ends in `secret =`, `"api_key":`, `get("TOKEN",` or the like.
fn names_secret(before: &str) -> bool {
    let before = before.trim_end();
    let Some(before) = before.strip_suffix(['=', ':', ',', '>']) else {
        return false;
    };
    let before = before.trim_end_matches([' ', '=', ':', '"', '\'', '`', ']', ')']);
    let name: String = before
        .chars()
        .rev()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric())
        .collect();
    // The name was collected backwards.
    [
        "terces",
        "ssap",
        "dwp",
        "nekot",
        "yekipa",
        "laitnederc",
        "yeketavirp",
        "yekssecca",
    ]
    .iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked() {
        let check = |line: &str, expected: &str| assert_eq!(mask(line), expected, "{line}");
        check("password = 'hunter2'", "password = '…'");
        check("{\"api_key\": \"abcdef\"}", "{\"api_key\": \"…\"}");
        check(
            "get(\"SECRET_KEY\", \"change-me\")",
            "get(\"SECRET_KEY\", \"…\")",
        );
        check("config['TOKEN'] = 'abcd'", "config['TOKEN'] = '…'");
        check("x = \"ghp_0123456789abcdefABCDEF\"", "x = \"…\"");
        check("@app.get(\"/users/{id}\")", "@app.get(\"/users/{id}\")");
        check(
            "jwt.decode(t, k, algorithms=[\"HS256\"])",
            "jwt.decode(t, k, algorithms=[\"HS256\"])",
        );
        check("it's open", "it's open");
        check(
            "\"pytest-randomly==14.0.12\",",
            "\"pytest-randomly==14.0.12\",",
        );
        check("  DB_PASSWORD: hunter2", "  DB_PASSWORD: …");
        check("  password = getpass()", "  password = getpass()");
    }

    #[test]
    fn a_line_of_base_has_a_place_at_head() {
        let check = |before: &str, after: &str, line: u32, expected: u32| {
            assert_eq!(at_head(before, after, line), expected);
        };
        check("a\nb\nc\n", "a\nb\nc\n", 2, 2);
        check("a\nb\nc\n", "new\na\nc\n", 3, 3);
        check("a\nb\nc\n", "a\nB\nc\n", 2, 2);
        check("a\nb\nc\n", "a\nc\n", 2, 2);
        check("a\nb\n", "", 2, 1);
        check("a\nb\nc", "a", 3, 1);
    }
}
