//! GitHub workflow commands: annotations at the lines of a pull request.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};

use threatgate_assess::{Assessment, Change};

use crate::Sources;
use crate::change::{self, Level, Place};
use crate::visible::{count, cut, visible};

/// Annotations in one run; more drown a pull request.
const MOST: usize = 50;
/// GitHub shows so many errors, and so many warnings and notices, of one step.
/// <https://github.com/orgs/community/discussions/26680>
const SHOWN: usize = 10;

/// One annotation, not yet escaped.
struct Annotation {
    level: Level,
    place: Option<Place>,
    title: String,
    message: Vec<String>,
}

pub(crate) fn write(
    assessment: &Assessment,
    sources: &dyn Sources,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut all: Vec<Annotation> = change::parts(assessment)
        .asking
        .into_iter()
        .map(|change| of_change(assessment, change, sources))
        .collect();
    all.extend(of_coverage(assessment));
    all.sort_by_key(|annotation| annotation.level);
    let left = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    // What GitHub does not show is said in the last one of a level that it does.
    for level in [Level::Error, Level::Warning, Level::Note] {
        let mut same: Vec<&mut Annotation> = all
            .iter_mut()
            .filter(|annotation| annotation.level == level)
            .collect();
        let hidden = same.len().saturating_sub(SHOWN);
        if hidden > 0 {
            let words = format!("{hidden} more of this level are in the log of the step.");
            same[SHOWN - 1].message.push(words);
        }
    }
    if left > 0
        && let Some(last) = all.last_mut()
    {
        let words = format!("{left} more are not annotated; the other reports have them.");
        last.message.push(words);
    }
    for annotation in &all {
        annotation.write(out)?;
    }
    let changes = count(assessment.changes.len(), "material change");
    let (base, head) = change::ends(assessment);
    writeln!(
        out,
        "threatgate {base}..{head}: {changes}, verdict {}",
        assessment.verdict.name()
    )
}

fn of_change(assessment: &Assessment, change: &Change, sources: &dyn Sources) -> Annotation {
    let mut message = vec![change.title.clone()];
    message.extend(change::preview(change).map(|preview| format!("Value: {preview}")));
    if change.at_base {
        message.push(format!("Was at {}.", change::whereabouts(change)));
    }
    let reached = change.affected.iter().take(10);
    message.extend(reached.map(|one| format!("{}: {}", one.subject, one.outcome)));
    if change.affected.len() > 10 {
        message.push(format!("and {} more", change.affected.len() - 10));
    }
    message.extend(change.notes.iter().cloned());
    for threat in change::news(assessment, change) {
        message.push(format!(
            "{} {} ({})",
            threat.rule,
            threat.title,
            threat.cwe.join(", ")
        ));
        message.extend(
            threat
                .mitigations
                .first()
                .map(|help| format!("Help: {help}")),
        );
    }
    if let Some(review) = &assessment.review
        && review.changes.contains(&change.id)
    {
        message.push(format!("Needs the review {}.", review.id));
    }
    Annotation {
        level: change::level(change.verdict),
        place: Some(change::place(change, sources)).filter(|place| place.exists),
        title: format!(
            "{} {}",
            change.verdict.name(),
            change::code(assessment, change)
        ),
        message,
    }
}

fn of_coverage(assessment: &Assessment) -> Vec<Annotation> {
    let coverage = &assessment.coverage;
    let mut all = Vec::new();
    for guard in &coverage.unknown_guards {
        all.push(Annotation {
            level: Level::Warning,
            place: Some(Place::head(&guard.location)),
            title: "guard unknown".into(),
            message: vec![format!(
                "Whether {} is guarded is unknown: {}",
                guard.endpoint, guard.reason
            )],
        });
    }
    for alarm in &coverage.alarms {
        all.push(Annotation {
            level: Level::Warning,
            place: None,
            title: "coverage".into(),
            message: vec![alarm.clone()],
        });
    }
    for problem in &coverage.problems {
        let what = if problem.whole {
            "not read"
        } else {
            "read in part"
        };
        all.push(Annotation {
            level: Level::Note,
            place: None,
            title: what.into(),
            message: vec![format!("{}: {}", problem.path, problem.reason)],
        });
    }
    all
}

impl Annotation {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let command = match self.level {
            Level::Note => "notice",
            level => level.name(),
        };
        let mut properties = Vec::new();
        if let Some(place) = &self.place {
            properties.push(format!("file={}", property(&place.path)));
            if let Some((line, end)) = place.lines {
                properties.push(format!("line={line},endLine={end}"));
                // Columns count only within one line.
                if let Some((column, end_column)) = place.columns
                    && line == end
                {
                    properties.push(format!("col={column},endColumn={end_column}"));
                }
            }
        }
        properties.push(format!(
            "title={}",
            property(&format!("threatgate: {}", self.title))
        ));
        let message: Vec<String> = self
            .message
            .iter()
            .map(|line| cut(&visible(line), 1000).into_owned())
            .collect();
        writeln!(
            out,
            "::{command} {}::{}",
            properties.join(","),
            data(&message.join("\n"))
        )
    }
}

/// Escapes as the runner reads it back.
/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Properties end at a comma and at a colon.
fn property(text: &str) -> String {
    data(&visible(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoSources, sample};

    fn render(assessment: &Assessment) -> String {
        let mut out = Vec::new();
        write(assessment, &NoSources, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn commands_cannot_be_broken_out_of() {
        assert_eq!(property("a,b:c%\r\n"), "a%2Cb%3Ac%25\\u{d}\\u{a}");
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        let text = render(&sample::hostile());
        for line in text.lines() {
            assert!(
                line.starts_with("::") || line.starts_with("threatgate "),
                "{line}"
            );
        }
    }

    #[test]
    fn annotations() {
        insta::assert_snapshot!(render(&sample::assessment()), @r###"
::error file=app/config.py,line=1,endLine=1,col=8,endColumn=22,title=threatgate%3A block secret-added::an AWS access key was committed%0AValue: AKIA…%0ANeeds the review TR-7f3a91c2.
::error title=threatgate%3A review TG-AUTHN-003::3 endpoints lost `requireAdmin`%0AWas at src/routes/index.js:3 at base.%0APOST /admin/refunds: now open%0AGET /admin/refunds: now open%0ADELETE /admin/users/{id}: still guarded by `requireOwner`%0ATG-AUTHN-003 Auth middleware removed, narrowed or moved after routes (CWE-306, CWE-79)%0AHelp: Put the guard back%0ANeeds the review TR-7f3a91c2.
::warning file=app/models/user.py,line=2,endLine=2,col=2,endColumn=5,title=threatgate%3A warn TG-DATA-001::User gains the sensitive field `ssn` (national id)%0Aexposed by GET /users/{id} through UserSerializer%0ATG-DATA-001 Sensitive data is stored in clear (CWE-306, CWE-79)%0AHelp: Put the guard back
::warning file=src/routes/beta.js,line=9,endLine=9,col=1,endColumn=5,title=threatgate%3A guard unknown::Whether POST /beta is guarded is unknown: `dynamicGuard()` could not be resolved
::notice title=threatgate%3A read in part::src/legacy.js: syntax error
threatgate 4b1e9c2..e4f5a6b: 5 material changes, verdict block
"###);
    }

    #[test]
    fn at_most_fifty_and_the_rest_is_counted() {
        let text = render(&sample::many(73));
        let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("::")).collect();
        assert_eq!(commands.len(), MOST);
        assert!(
            commands[49].contains("%0A23 more are not annotated"),
            "{}",
            commands[49]
        );
        assert!(
            commands[9].contains("%0A40 more of this level"),
            "{}",
            commands[9]
        );
    }
}
