//! The report for a person at a terminal: what asks for something first, with the lines of both
//! sides; then what got better, what was read, who must sign, and the verdict.

use std::collections::BTreeSet;
use std::io::{self, Write};

use threatgate_assess::{Assessment, Change, Identity, Verdict};

use crate::change::{self, About, Level, Parts, Told};
use crate::excerpt::{self, Mark, Secrets};
use crate::visible::{columns, count, cut, visible, wrap};
use crate::{Sources, Style};

/// Lines of a list before the rest becomes a number.
const MOST: usize = 10;
/// Entries in full that share their code and verdict; further ones are a line each.
const MOST_ALIKE: usize = 5;
/// The same for warnings.
const MOST_ALIKE_WARNINGS: usize = 2;

pub(crate) fn write(
    assessment: &Assessment,
    sources: &dyn Sources,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut page = Page {
        out,
        width: style.width.max(40),
        colour: style.colour,
    };
    let coverage = &assessment.coverage;
    let (base, head) = change::ends(assessment);
    let range = format!("threatgate {base}..{head}");
    let files = format!(
        "{} changed, {} read",
        count(coverage.files_changed, "file"),
        coverage.files_read
    );
    if change::nothing(assessment) {
        page.text("", 4, &format!("{range}: {files}"))?;
        let verdict = page.paint(GREEN, "verdict: pass");
        return page.line(&format!("{verdict} (nothing material changed)"));
    }
    page.text("", 4, &format!("{range}: {files}"))?;
    for note in &assessment.notes {
        page.paragraph(CYAN, "note: ", 4, note)?;
    }
    let parts = change::parts(assessment);
    asking(&mut page, assessment, &parts, sources)?;
    quiet(&mut page, assessment, &parts)?;
    read(&mut page, assessment)?;
    review(&mut page, assessment)?;
    policy(&mut page, assessment)?;
    verdict(&mut page, assessment)
}

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const GREEN: &str = "1;32";
const CYAN: &str = "1;36";
const BLUE: &str = "1;34";
const BOLD: &str = "1";

const fn hue(level: Level) -> &'static str {
    match level {
        Level::Error => RED,
        Level::Warning => YELLOW,
        Level::Note => CYAN,
    }
}

/// Where the lines go. Only [`Page::paint`] makes escapes, and only of our own words.
struct Page<'a, W> {
    out: &'a mut W,
    width: usize,
    colour: bool,
}

impl<W: Write> Page<'_, W> {
    fn paint(&self, hue: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{hue}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", line.trim_end())
    }

    /// A paragraph: `lead` before the first line, blanks before the others.
    fn text(&mut self, lead: &str, indent: usize, text: &str) -> io::Result<()> {
        self.paragraph("", lead, indent, text)
    }

    /// A paragraph whose lead is coloured.
    fn paragraph(&mut self, hue: &str, lead: &str, indent: usize, text: &str) -> io::Result<()> {
        let text = visible(text);
        let first = self.width.saturating_sub(columns(lead));
        let lines = wrap(&text, first, self.width.saturating_sub(indent));
        for (index, line) in lines.into_iter().enumerate() {
            if index > 0 {
                self.line(&format!("{}{line}", " ".repeat(indent)))?;
            } else if hue.is_empty() {
                self.line(&format!("{lead}{line}"))?;
            } else {
                self.line(&format!("{}{line}", self.paint(hue, lead)))?;
            }
        }
        Ok(())
    }

    /// A line below a change: `   = help: …`.
    fn remark(&mut self, label: &str, text: &str) -> io::Result<()> {
        let lead = format!("{GUTTER}= {label}: ");
        let text = visible(text);
        let indent = columns(&lead);
        let room = self.width.saturating_sub(indent);
        for (index, line) in wrap(&text, room, room).into_iter().enumerate() {
            let lead = if index == 0 {
                format!(
                    "{GUTTER}{} {}: ",
                    self.paint(BLUE, "="),
                    self.paint(BOLD, label)
                )
            } else {
                " ".repeat(indent)
            };
            self.line(&format!("{lead}{line}"))?;
        }
        Ok(())
    }
}

/// Columns left of the text of a change.
const GUTTER: &str = "     ";

/// The changes that ask for something.
fn asking<W: Write>(
    page: &mut Page<'_, W>,
    assessment: &Assessment,
    parts: &Parts<'_>,
    sources: &dyn Sources,
) -> io::Result<()> {
    let secrets = excerpt::secrets(assessment);
    let mut explained = BTreeSet::new();
    // Alike: the same code, verdict and rule. The first ones are shown in full, the rest in a line.
    let key = |change: &Change| {
        let rule = change.policy_rule.clone();
        (change.verdict, change::code(assessment, change), rule)
    };
    let mut groups: Vec<(_, Vec<Told<'_>>)> = Vec::new();
    for told in change::told(assessment, &parts.asking) {
        let key = key(told.change);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, changes)) => changes.push(told),
            None => groups.push((key, vec![told])),
        }
    }
    for ((verdict, code, rule), changes) in groups {
        let level = change::level(verdict);
        let most = match level {
            Level::Error => MOST_ALIKE,
            _ => MOST_ALIKE_WARNINGS,
        };
        // One more than fits is shown, not counted.
        let full = if changes.len() <= most + 1 {
            changes.len()
        } else {
            most
        };
        for change in &changes[..full] {
            page.line("")?;
            entry(
                page,
                assessment,
                change,
                level,
                sources,
                &secrets,
                &mut explained,
            )?;
        }
        let rest: Vec<&Change> = changes[full..].iter().flat_map(Told::all).collect();
        if !rest.is_empty() {
            page.line("")?;
            let lead = format!("{}[{code}]: ", level.name());
            let words = format!("{} more (policy rule {rule})", rest.len());
            page.paragraph(hue(level), &lead, 4, &words)?;
            let most = if level == Level::Error { 40 } else { MOST };
            list(page, &each(&rest), most)?;
        }
    }
    Ok(())
}

fn entry<W: Write>(
    page: &mut Page<'_, W>,
    assessment: &Assessment,
    told: &Told<'_>,
    level: Level,
    sources: &dyn Sources,
    secrets: &Secrets,
    explained: &mut BTreeSet<String>,
) -> io::Result<()> {
    let change = told.change;
    let code = change::code(assessment, change);
    page.paragraph(
        hue(level),
        &format!("{}[{code}]: ", level.name()),
        4,
        &change.title,
    )?;
    let at = &change.location;
    let side = if change.at_base { " (at base)" } else { "" };
    let arrow = page.paint(BLUE, "-->");
    let place = format!("{}:{}:{}{side}", at.path, at.line, at.column);
    // Never broken: terminals and editors open it by a click.
    page.line(&format!("   {arrow} {}", visible(&place)))?;
    lines(page, &excerpt::excerpt(change, sources, secrets))?;
    if let Some(preview) = change::preview(change) {
        page.remark("value", preview)?;
    }
    affected(page, change)?;
    for also in told.also.iter().take(MOST) {
        let mark = page.paint(BLUE, ":::");
        page.line(&format!(
            "   {mark} {}",
            visible(&change::whereabouts(also))
        ))?;
    }
    if told.also.len() > MOST {
        let mark = page.paint(BLUE, ":::");
        page.line(&format!("   {mark} and {} more", told.also.len() - MOST))?;
    }
    for note in &change.notes {
        page.remark("note", note)?;
    }
    for threat in change::news(assessment, change) {
        // A threat is explained once; its code stands at every change.
        if explained.insert(threat.rule.clone()) {
            let classes = format!(
                "{} {}; {}",
                threat.rule,
                threat.title,
                change::classes(threat)
            );
            page.remark(change::lead(threat), &classes)?;
            if let Some(help) = threat.mitigations.first() {
                page.remark("help", help)?;
            }
        }
    }
    if let Some(risk) = change::risk(assessment, change) {
        page.remark("risk", &change::risk_words(risk))?;
    }
    let asks = match &change.exception {
        Some(exception) => format!("{} (exception {exception})", change.verdict.name()),
        None => format!(
            "{} (policy rule {})",
            change.verdict.name(),
            change.policy_rule
        ),
    };
    page.remark("asks", &asks)
}

/// Lines of source with their numbers, and the fact underlined.
fn lines<W: Write>(page: &mut Page<'_, W>, lines: &[excerpt::Line]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let bar = page.paint(BLUE, "|");
    let room = page.width.saturating_sub(10);
    page.line(&format!("     {bar}"))?;
    for (at, line) in lines.iter().enumerate() {
        let text = visible(&line.text);
        // What was written out moves columns; then nothing is underlined.
        let mut span = line.span.clone().filter(|_| text == line.text);
        let from = begin(lines, at, room);
        let text = match from {
            0 => text,
            _ => {
                // The mark of what was left out takes the place of one character.
                let moved = |column: usize| column.saturating_sub(from) + 1;
                span = span.map(|span| moved(span.start)..moved(span.end));
                format!("…{}", text.chars().skip(from).collect::<String>()).into()
            }
        };
        let whole = columns(&text) <= room;
        let shown = cut(&text, room);
        let number = page.paint(BLUE, &format!("{:>4}", line.number));
        let (sign, shown) = match line.mark {
            Mark::Removed => (page.paint(RED, "-"), page.paint("31", &shown)),
            Mark::Added => (page.paint(GREEN, "+"), page.paint("32", &shown)),
            Mark::Same => (page.paint(BLUE, "|"), shown.into_owned()),
        };
        page.line(&format!("{number} {sign} {shown}"))?;
        if let Some(span) = span
            && line.mark != Mark::Removed
        {
            let skip: String = text.chars().take(span.start).collect();
            let under: String = text.chars().skip(span.start).take(span.len()).collect();
            let (skip, under) = (columns(&skip), columns(&under));
            let all = skip == text.chars().take_while(|c| *c == ' ').count()
                && skip + under >= columns(&text);
            if skip < room && !all && (whole || skip + under <= room) {
                let marks = page.paint(YELLOW, &"^".repeat(under));
                page.line(&format!("     {bar} {}{marks}", " ".repeat(skip)))?;
            }
        }
    }
    page.line(&format!("     {bar}"))
}

/// The first character that is shown of a line: where what matters in it would be cut off, a little
/// before that. What matters is where the line differs from its counterpart, or its fact.
fn begin(lines: &[excerpt::Line], at: usize, room: usize) -> usize {
    let line = &lines[at];
    if columns(&line.text) <= room {
        return 0;
    }
    let other = match line.mark {
        Mark::Removed => Some(Mark::Added),
        Mark::Added => Some(Mark::Removed),
        Mark::Same => None,
    };
    let same = |mark: Mark| lines.iter().filter(move |one| one.mark == mark);
    let place = lines[..at]
        .iter()
        .filter(|one| one.mark == line.mark)
        .count();
    let counterpart = other.and_then(|other| same(other).nth(place));
    let differs = counterpart.and_then(|other| {
        let mut pairs = line.text.chars().zip(other.text.chars());
        pairs.position(|(a, b)| a != b)
    });
    let focus = differs.or(line.span.as_ref().map(|span| span.start));
    match focus {
        Some(focus) if focus > room * 2 / 3 => focus - room / 3,
        _ => 0,
    }
}

/// What a cause reaches, in columns that fit.
fn affected<W: Write>(page: &mut Page<'_, W>, change: &Change) -> io::Result<()> {
    let shown = &change.affected[..change.affected.len().min(40)];
    let subjects: Vec<_> = shown.iter().map(|one| visible(&one.subject)).collect();
    let subject = subjects.iter().map(|text| columns(text)).max().unwrap_or(0);
    let mark = page.paint(BLUE, ":::");
    for (one, text) in shown.iter().zip(&subjects) {
        let place = format!("{}:{}", one.location.path, one.location.line);
        let place = visible(&place).into_owned();
        let outcome = visible(&one.outcome);
        let room = page.width.saturating_sub(7);
        let pad = " ".repeat(subject.min(40).saturating_sub(columns(text)));
        let line = format!("{text}{pad}  {outcome}  {place}");
        if columns(&line) <= room {
            page.line(&format!("   {mark} {line}"))?;
        } else {
            let what = format!("{text}  {outcome}");
            page.line(&format!("   {mark} {}", cut(&what, room)))?;
            page.line(&format!("         {}", cut(&place, room.saturating_sub(2))))?;
        }
    }
    let left = change.affected.len() - shown.len();
    if left > 0 {
        page.line(&format!("   {mark} and {left} more"))?;
    }
    Ok(())
}

/// A line or two for each change: its title and its place.
fn list<W: Write>(
    page: &mut Page<'_, W>,
    changes: &[(String, String)],
    most: usize,
) -> io::Result<()> {
    let shown = if changes.len() <= most + 1 {
        changes.len()
    } else {
        most
    };
    for (title, place) in &changes[..shown] {
        let (title, place) = (visible(title), visible(place));
        let used = columns(&title) + columns(&place) + 6;
        if used <= page.width {
            let gap = " ".repeat(page.width - used + 2);
            page.line(&format!("    {title}{gap}{place}"))?;
        } else {
            page.text("    ", 6, &title)?;
            page.line(&format!("        {place}"))?;
        }
    }
    let left = changes.len() - shown;
    if left > 0 {
        page.line(&format!("    and {left} more, in --format json"))?;
    }
    Ok(())
}

/// Titles and places.
fn each(changes: &[&Change]) -> Vec<(String, String)> {
    let each = changes.iter();
    each.map(|change| (change.title.clone(), change::whereabouts(change)))
        .collect()
}

/// What got better, and what passes.
fn quiet<W: Write>(
    page: &mut Page<'_, W>,
    assessment: &Assessment,
    parts: &Parts<'_>,
) -> io::Result<()> {
    if !parts.better.is_empty() {
        page.line("")?;
        let words = format!("{} made stronger", count(parts.better.len(), "protection"));
        page.paragraph(CYAN, "note: ", 4, &words)?;
        list(page, &each(&parts.better), MOST)?;
    }
    if !parts.passing.is_empty() {
        page.line("")?;
        let words = format!("{} allowed", count(parts.passing.len(), "change"));
        page.paragraph(CYAN, "note: ", 4, &words)?;
        let lines = change::lines(&parts.passing).into_iter();
        let lines: Vec<_> = lines.map(|(title, place, _)| (title, place)).collect();
        list(page, &lines, MOST)?;
    }
    for (index, (status, rule, title, times)) in change::better(assessment).into_iter().enumerate()
    {
        if index == 0 {
            page.line("")?;
        }
        let times = if times > 1 {
            format!(" ({times} times)")
        } else {
            String::new()
        };
        page.paragraph(
            CYAN,
            "note: ",
            4,
            &format!("{}: {rule} {title}{times}", status.name()),
        )?;
    }
    Ok(())
}

/// What was read, and what was not.
fn read<W: Write>(page: &mut Page<'_, W>, assessment: &Assessment) -> io::Result<()> {
    let coverage = &assessment.coverage;
    page.line("")?;
    let mut words = format!(
        "{} of {} read",
        coverage.files_read,
        count(coverage.files_changed, "changed file")
    );
    let not = coverage
        .problems
        .iter()
        .filter(|problem| problem.whole)
        .count();
    let partly = coverage.problems.len() - not;
    for (number, what) in [(not, "not read"), (partly, "read in part")] {
        if number > 0 {
            words.push_str(&format!(", {number} {what}"));
        }
    }
    if !coverage.unknown_guards.is_empty() {
        let number = coverage.unknown_guards.len();
        words.push_str(&format!(", {} unknown", count(number, "guard")));
    }
    page.paragraph(BOLD, "coverage: ", 4, &words)?;
    for problem in coverage.problems.iter().take(MOST) {
        let line = problem
            .line
            .map(|line| format!(":{line}"))
            .unwrap_or_default();
        let what = if problem.whole { "not read" } else { "in part" };
        let words = format!("{what}: {}{line}: {}", problem.path, problem.reason);
        page.text("    ", 6, &words)?;
    }
    more(page, coverage.problems.len())?;
    for guard in coverage.unknown_guards.iter().take(MOST) {
        let at = &guard.location;
        let words = format!(
            "guard unknown: {} at {}:{}: {}",
            guard.endpoint, at.path, at.line, guard.reason
        );
        page.text("    ", 6, &words)?;
    }
    more(page, coverage.unknown_guards.len())?;
    for alarm in coverage.alarms.iter().take(MOST) {
        page.paragraph(YELLOW, "warning: ", 4, alarm)?;
    }
    more(page, coverage.alarms.len())
}

fn more<W: Write>(page: &mut Page<'_, W>, all: usize) -> io::Result<()> {
    if all > MOST {
        page.line(&format!("    and {} more, in --format json", all - MOST))?;
    }
    Ok(())
}

/// Who must sign, and what they must answer.
fn review<W: Write>(page: &mut Page<'_, W>, assessment: &Assessment) -> io::Result<()> {
    let Some(review) = &assessment.review else {
        return Ok(());
    };
    page.line("")?;
    let words = format!(
        "{} asks for a review of {}",
        review.id,
        count(review.changes.len(), "change")
    );
    page.paragraph(BOLD, "review: ", 4, &words)?;
    for question in &review.questions {
        let wants = question.answer.wants();
        let wants = wants.map(|wants| format!(" [{wants}]")).unwrap_or_default();
        let words = format!("{}{wants}", question.text);
        page.text(&format!("    {}  ", question.id), 8, &words)?;
        match change::about(assessment, review, question) {
            About::Everything => {}
            About::As(other) => page.line(&format!("        - about the same as {other}"))?,
            About::Changes(about, left) => {
                for (title, place) in &about {
                    page.text("        - ", 10, &format!("{title} ({place})"))?;
                }
                if left > 0 {
                    page.line(&format!("        - and {left} more"))?;
                }
            }
        }
    }
    if let Some(evidence) = change::evidence(review) {
        page.text("    evidence: ", 8, &evidence)?;
    }
    if let Some(due) = review.due {
        page.line(&format!("    due: {due}"))?;
    }
    for reviewers in &review.reviewers {
        let words = format!("{} ({})", reviewers.owners.join(" or "), reviewers.reason);
        page.text("    must sign: ", 8, &words)?;
    }
    if review.reviewers.is_empty() {
        let words = "nobody is named; name reviewers in the policy or in CODEOWNERS";
        page.text("    must sign: ", 8, words)?;
    }
    for signoff in &review.signoffs {
        let said = match signoff.counts {
            true => "counts".to_owned(),
            false => format!("does not count: {}", signoff.because.join("; ")),
        };
        let words = format!("{} of {}, {said}", signoff.signer, signoff.date);
        page.text("    sign-off: ", 8, &words)?;
        for differs in signoff.differs.iter().take(MOST) {
            page.text("        ", 8, differs)?;
        }
    }
    if review.identity == Some(Identity::Weak) {
        let words = "weak; not every commit bears the signature of an allowed signer";
        page.text("    identity: ", 8, words)?;
    }
    Ok(())
}

/// What is not in order about the policy itself.
fn policy<W: Write>(page: &mut Page<'_, W>, assessment: &Assessment) -> io::Result<()> {
    if assessment.policy_findings.is_empty() {
        return Ok(());
    }
    page.line("")?;
    for finding in &assessment.policy_findings {
        let words = format!("{} ({}:{})", finding.message, finding.path, finding.line);
        page.paragraph(BOLD, "policy: ", 4, &words)?;
    }
    Ok(())
}

fn verdict<W: Write>(page: &mut Page<'_, W>, assessment: &Assessment) -> io::Result<()> {
    page.line("")?;
    let verdict = assessment.verdict;
    let hue = match verdict {
        Verdict::Pass => GREEN,
        other => hue(change::level(other)),
    };
    let code = match verdict.exit_code() {
        0 => String::new(),
        code => format!(" (exit code {code})"),
    };
    let lead = format!("verdict: {}", verdict.name());
    let words = match assessment.reasons.as_slice() {
        [] => code,
        [one] => format!("{code}: {one}"),
        [first, rest @ ..] => format!("{code}: {first}; and {}", count(rest.len(), "more reason")),
    };
    let lines = wrap(
        &visible(&words),
        page.width.saturating_sub(columns(&lead) + 1),
        page.width - 4,
    );
    let colon = if words.starts_with(':') { "" } else { " " };
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            let lead = page.paint(hue, &lead);
            page.line(&format!("{lead}{colon}{line}"))?;
        } else {
            page.line(&format!("    {line}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoSources, sample};

    fn render(assessment: &Assessment, sources: &dyn Sources, colour: bool) -> String {
        let mut out = Vec::new();
        let style = Style { colour, width: 80 };
        write(assessment, sources, &style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn report() {
        insta::assert_snapshot!(render(&sample::assessment(), &sample::Files, false), @r###"
threatgate 4b1e9c2..e4f5a6b: 14 files changed, 6 read

error[secret-added]: an AWS access key was committed
   --> app/config.py:1:8
     = value: AKIA…
     = asks: block (policy rule secret-committed)

error[TG-AUTHN-003]: 3 endpoints lost `requireAdmin`
   --> src/routes/index.js:3:19 (at base)
     |
   3 - app.use('/admin', requireAdmin, adminRouter)
   2 + app.use('/admin', adminRouter)
     |
   ::: POST /admin/refunds       now open  src/routes/admin.js:12
   ::: GET /admin/refunds        now open  src/routes/admin.js:20
   ::: DELETE /admin/users/{id}  still guarded by `requireOwner`
         src/routes/admin.js:31
     = threat: TG-AUTHN-003 Auth middleware removed, narrowed or moved after
               routes; spoofing, elevation of privilege; CWE-306, CWE-79
     = help: Put the guard back
     = risk: critical 84 = likelihood 8.5 × impact 8: anybody on the internet
             (assumed), data of class pii
     = asks: review (policy rule guard-lost)

warning[TG-DATA-001]: User gains the sensitive field `ssn` (national id)
   --> app/models/user.py:2:2
     |
   2 - pass
   2 + ssn = CharField(default='078051120')
     | ^^^
     |
     = note: exposed by GET /users/{id} through UserSerializer
     = threat: TG-DATA-001 Sensitive data is stored in clear; spoofing,
               elevation of privilege; CWE-306, CWE-79
     = help: Put the guard back
     = risk: critical 84 = likelihood 8.5 × impact 8: anybody on the internet
             (assumed), data of class pii
     = asks: warn (policy rule sensitive-field)

note: 1 protection made stronger
    hash_password uses argon2id (was MD5)                     app/passwords.py:9

note: 1 change allowed
    GET /health added                                            src/health.js:2

note: resolved: TG-CRYPTO-002 Weak password hash

coverage: 6 of 14 changed files read, 1 read in part, 1 guard unknown
    in part: src/legacy.js:4: syntax error
    guard unknown: POST /beta at src/routes/beta.js:9: `dynamicGuard()` could
      not be resolved

review: TR-7f3a91c2 asks for a review of 2 changes
    q1  Which requests does the guard let through now?
        - 3 endpoints lost `requireAdmin` (src/routes/index.js:3 at base)
    must sign: @acme/security (CODEOWNERS: /src/)

verdict: block (exit code 1): an AWS access key was committed (policy rule
    secret-committed); and 1 more reason
"###);
    }

    #[test]
    fn nothing_material_is_two_lines() {
        insta::assert_snapshot!(render(&sample::nothing(), &NoSources, false), @r###"
threatgate 4b1e9c2..e4f5a6b: 14 files changed, 6 read
verdict: pass (nothing material changed)
"###);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let text = render(&sample::assessment(), &sample::Files, false);
        assert!(!text.contains("VERYSECRET"), "{text}");
        assert!(text.contains("= value: AKIA…"), "{text}");
    }

    #[test]
    fn ends_without_a_commit_have_a_name() {
        let mut assessment = sample::assessment();
        assessment.head = None;
        assessment.range = "staged".into();
        let page = render(&assessment, &NoSources, false);
        assert!(page.starts_with("threatgate 4b1e9c2..staged: "), "{page}");
        assessment.base = None;
        assessment.range = "undetermined".into();
        let page = render(&assessment, &NoSources, false);
        assert!(page.starts_with("threatgate ?..?: "), "{page}");
    }

    #[test]
    fn hostile_text_moves_nothing() {
        let text = render(&sample::hostile(), &sample::HostileFiles, false);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{text}");
        assert!(
            !text.lines().any(|line| line.starts_with("::error")),
            "{text}"
        );
    }

    #[test]
    fn every_line_fits() {
        for assessment in [sample::assessment(), sample::hostile(), sample::many(40)] {
            let text = render(&assessment, &sample::HostileFiles, false);
            let places = ["   --> ", "        "];
            for line in text.lines() {
                // A place is never broken.
                let place = places.iter().any(|lead| line.starts_with(lead));
                assert!(place || columns(line) <= 80, "{line}");
            }
        }
    }

    #[test]
    fn colour_changes_no_word() {
        let plain = render(&sample::assessment(), &sample::Files, false);
        let colour = render(&sample::assessment(), &sample::Files, true);
        assert!(colour.contains("\u{1b}[1;31merror[TG-AUTHN-003]: \u{1b}[0m"));
        let mut stripped = String::new();
        let mut parts = colour.split('\u{1b}');
        stripped.push_str(parts.next().unwrap());
        for part in parts {
            stripped.push_str(part.split_once('m').unwrap().1);
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn a_long_line_begins_a_little_before_what_matters() {
        let line = |mark, text: &str, span| excerpt::Line {
            number: 7,
            mark,
            text: text.to_owned(),
            span,
        };
        let long = "x".repeat(60);
        let (old, new) = (format!("{long} clean(a)"), format!("{long} a"));
        let both = [
            line(Mark::Removed, &old, None),
            line(Mark::Added, &new, None),
        ];
        // It differs at character 61; a third of the room stands before.
        assert_eq!(begin(&both, 0, 45), 61 - 15);
        assert_eq!(begin(&both, 1, 45), 61 - 15);
        assert_eq!(begin(&both, 0, 70), 0);
        let alone = [line(Mark::Same, &old, Some(61..69))];
        assert_eq!(begin(&alone, 0, 45), 61 - 15);
        assert_eq!(begin(&[line(Mark::Same, &old, None)], 0, 45), 0);
    }
}
