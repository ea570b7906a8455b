//! GitHub Markdown for a pull-request comment and a job summary. Repository text is shown so that
//! it can be nothing but text: no markup, no mention, no link, no HTML.

use std::collections::BTreeMap;
use std::io::{self, Write};

use threatgate_assess::{Assessment, Change, Identity, Verdict};

use crate::Sources;
use crate::change::{self, About, Told};
use crate::excerpt;
use crate::visible::{count, cut, visible};

/// By which a comment is found again and updated.
const MARKER: &str = "<!-- threatgate -->";
/// GitHub takes 65,536 characters; some room is left for whoever posts it. Counted in bytes.
const MAX: usize = 64_000;
/// Rows of the table.
const ROWS: usize = 25;
/// Lines of a list below a change.
const MOST: usize = 40;

pub(crate) fn write(
    assessment: &Assessment,
    sources: &dyn Sources,
    out: &mut impl Write,
) -> io::Result<()> {
    let (base, head) = change::ends(assessment);
    let range = format!("base <code>{base}</code> head <code>{head}</code>");
    let coverage = &assessment.coverage;
    writeln!(out, "{MARKER}")?;
    if change::nothing(assessment) {
        let files = count(coverage.files_changed, "changed file");
        return writeln!(
            out,
            "threatgate: nothing material in {files}, {} read ({range}).",
            coverage.files_read
        );
    }
    let parts = change::parts(assessment);
    let mut page = Page::default();
    page.add(&format!(
        "### threatgate: {}\n",
        headline(assessment.verdict)
    ));
    page.add(&format!("{} · {range}\n", summary(assessment, &parts)));
    for note in &assessment.notes {
        page.add(&format!("\n{}\n", prose(note)));
    }
    for finding in &assessment.policy_findings {
        let place = code(&format!("{}:{}", finding.path, finding.line));
        page.add(&format!(
            "\nPolicy: {} ({place})\n",
            prose(&finding.message)
        ));
    }
    let told = change::told(assessment, &parts.asking);
    table(&mut page, assessment, &told);
    if parts.asking.is_empty()
        && let Some(reason) = assessment.reasons.first()
    {
        page.add(&format!("\n{}.\n", prose(reason)));
    }
    // What a reader must not miss is written first and kept back, so that evidence gives way.
    let sign = sign(assessment);
    let read = read(assessment);
    page.kept = sign.len() + read.len();
    questions(&mut page, assessment);
    evidence(&mut page, assessment, &told, sources);
    list(&mut page, "Made stronger", &parts.better);
    allowed(&mut page, &parts.passing);
    less(&mut page, assessment);
    out.write_all(page.text.as_bytes())?;
    write!(out, "{read}{sign}")?;
    if !page.left_out.is_empty() {
        let parts: Vec<String> = page
            .left_out
            .iter()
            .map(|(what, number)| format!("{number} of \"{what}\""))
            .collect();
        let parts = parts.join(", ");
        writeln!(
            out,
            "\nLeft out for length: {parts}. The JSON report has all."
        )?;
    }
    Ok(())
}

const fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "pass with warnings",
        Verdict::Incomplete => "not enough was understood",
        Verdict::Review => "review required",
        Verdict::Block => "blocked",
    }
}

fn summary(assessment: &Assessment, parts: &change::Parts<'_>) -> String {
    let with = |verdict| {
        let same = parts
            .asking
            .iter()
            .filter(|change| change.verdict == verdict);
        same.count()
    };
    let mut words = Vec::new();
    for (number, what) in [
        (with(Verdict::Block), "blocked"),
        (with(Verdict::Review), "to review"),
        (with(Verdict::Incomplete), "not understood"),
    ] {
        if number > 0 {
            words.push(format!("**{number} {what}**"));
        }
    }
    if with(Verdict::Warn) > 0 {
        words.push(count(with(Verdict::Warn), "warning"));
    }
    if !parts.better.is_empty() {
        words.push(format!("{} made stronger", parts.better.len()));
    }
    if !parts.passing.is_empty() {
        words.push(format!("{} allowed", parts.passing.len()));
    }
    let unknown = assessment.coverage.unknown_guards.len();
    if unknown > 0 {
        words.push(format!("{} unknown", count(unknown, "guard")));
    }
    if words.is_empty() {
        words.push("no material change".into());
    }
    words.join(" · ")
}

/// The text so far, and what did not fit.
#[derive(Default)]
struct Page {
    text: String,
    /// Bytes that are kept back for what follows.
    kept: usize,
    left_out: BTreeMap<String, usize>,
}

impl Page {
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn room(&self) -> usize {
        // The closing line about what was cut takes at most this much.
        MAX.saturating_sub(self.text.len() + self.kept + 600)
    }

    /// A folded section; items that do not fit are left out whole and counted.
    fn folded(&mut self, title: &str, items: &[String]) {
        self.folded_of(title, items.len(), items);
    }

    /// The same where an item can stand for several of those that are counted.
    fn folded_of(&mut self, title: &str, number: usize, items: &[String]) {
        if items.is_empty() {
            return;
        }
        let open = format!("\n<details><summary>{title} ({number})</summary>\n\n");
        let close = "\n</details>\n";
        let mut room = self.room().saturating_sub(open.len() + close.len());
        let fitting = items
            .iter()
            .take_while(|item| {
                let fits = item.len() <= room;
                room = room.saturating_sub(item.len());
                fits
            })
            .count();
        if fitting > 0 {
            self.add(&open);
            self.add(&items[..fitting].concat());
            self.add(close);
        }
        if fitting < items.len() {
            self.left_out
                .insert(title.to_owned(), items.len() - fitting);
        }
    }
}

const fn dot(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Block | Verdict::Review => "🔴",
        Verdict::Incomplete => "🟠",
        Verdict::Warn => "🟡",
        Verdict::Pass => "⚪",
    }
}

fn table(page: &mut Page, assessment: &Assessment, changes: &[Told<'_>]) {
    if changes.is_empty() {
        return;
    }
    page.add("\n| | what changed | where | asks for |\n|---|---|---|---|\n");
    let shown = if changes.len() <= ROWS + 1 {
        changes.len()
    } else {
        ROWS
    };
    for told in &changes[..shown] {
        let change = told.change;
        let also = match told.also.len() {
            0 => String::new(),
            places => format!(" and {}", count(places, "more place")),
        };
        let row = format!(
            "| {} | {} | {}{also} | {} |\n",
            dot(change.verdict),
            prose(&cut(&visible(&change.title), 300)),
            code(&cut(&visible(&change::whereabouts(change)), 200)),
            asks(assessment, change)
        );
        if row.len() + 4000 > page.room() {
            page.left_out
                .insert("rows of the table".into(), changes.len() - shown);
            break;
        }
        page.add(&row);
    }
    if shown < changes.len() {
        page.add(&format!(
            "\nand {} more, listed under \"Evidence\".\n",
            changes.len() - shown
        ));
    }
}

/// What a change asks for: its verdict and, for a review, of whom.
fn asks(assessment: &Assessment, change: &Change) -> String {
    match change.verdict {
        Verdict::Block => "must not be merged".into(),
        Verdict::Incomplete => "a look: not understood".into(),
        Verdict::Warn => "a look".into(),
        Verdict::Pass => String::new(),
        Verdict::Review => {
            let owners: Vec<String> = assessment
                .review
                .iter()
                .flat_map(|review| &review.reviewers)
                .map(|reviewers| any_of(&reviewers.owners))
                .collect();
            if owners.is_empty() {
                "a review".into()
            } else {
                format!("a review by {}", owners.join(" and "))
            }
        }
    }
}

/// Names as code: nobody is notified by a report.
fn any_of(owners: &[String]) -> String {
    let owners: Vec<String> = owners.iter().map(|owner| code(owner)).collect();
    owners.join(" or ")
}

fn questions(page: &mut Page, assessment: &Assessment) {
    let Some(review) = &assessment.review else {
        return;
    };
    let items: Vec<String> = review
        .questions
        .iter()
        .map(|question| {
            let wants = question.answer.wants();
            let wants = wants
                .map(|wants| format!(" <i>({wants})</i>"))
                .unwrap_or_default();
            let mut item = format!(
                "* **{}** {}{wants}\n",
                prose(&question.id),
                prose(&question.text)
            );
            match change::about(assessment, review, question) {
                About::Everything => {}
                About::As(other) => item.push_str(&format!("  * about the same as {other}\n")),
                About::Changes(about, left) => {
                    for (title, place) in about {
                        let (title, place) = (prose(&cut(&visible(title), 300)), code(&place));
                        item.push_str(&format!("  * {title} {place}\n"));
                    }
                    if left > 0 {
                        item.push_str(&format!("  * and {left} more\n"));
                    }
                }
            }
            item
        })
        .collect();
    page.folded("Questions to answer before signing", &items);
}

fn evidence(page: &mut Page, assessment: &Assessment, changes: &[Told<'_>], sources: &dyn Sources) {
    let secrets = excerpt::secrets(assessment);
    let mut items = Vec::new();
    for told in changes {
        let change = told.change;
        let mut item = format!(
            "**{}** {} {}\n",
            change::code(assessment, change),
            prose(&change.title),
            code(&change::whereabouts(change))
        );
        let lines = excerpt::excerpt(change, sources, &secrets);
        if !lines.is_empty() {
            let lines: Vec<String> = lines
                .iter()
                .map(|line| format!("{} {}", line.mark.sign(), cut(&visible(&line.text), 200)))
                .collect();
            item.push_str(&fence("diff", &lines));
        }
        item.push('\n');
        if !told.also.is_empty() {
            let places = told.also.iter().take(MOST);
            let places: Vec<String> = places
                .map(|also| code(&change::whereabouts(also)))
                .collect();
            item.push_str(&format!("* also {}", places.join(", ")));
            if told.also.len() > MOST {
                item.push_str(&format!(" and {} more", told.also.len() - MOST));
            }
            item.push('\n');
        }
        if let Some(preview) = change::preview(change) {
            item.push_str(&format!("* value: {}\n", code(preview)));
        }
        for one in change.affected.iter().take(MOST) {
            item.push_str(&format!(
                "* {} {} {}\n",
                code(&one.subject),
                prose(&one.outcome),
                code(&format!("{}:{}", one.location.path, one.location.line))
            ));
        }
        if change.affected.len() > MOST {
            item.push_str(&format!("* and {} more\n", change.affected.len() - MOST));
        }
        for note in &change.notes {
            item.push_str(&format!("* {}\n", prose(note)));
        }
        for threat in change::news(assessment, change) {
            item.push_str(&format!(
                "* {} {}: {} ({})\n",
                change::lead(threat),
                prose(&threat.rule),
                prose(&threat.title),
                change::classes(threat)
            ));
            if let Some(help) = threat.mitigations.first() {
                item.push_str(&format!("* help: {}\n", prose(help)));
            }
        }
        if let Some(risk) = change::risk(assessment, change) {
            item.push_str(&format!(
                "* risk {}; {}\n",
                prose(&change::risk_words(risk)),
                code(&risk.vector.to_string())
            ));
        }
        item.push_str(&format!("* policy rule {}", code(&change.policy_rule)));
        if let Some(exception) = &change.exception {
            item.push_str(&format!(", exception {}", code(exception)));
        }
        item.push_str("\n\n");
        items.push(item);
    }
    let number = changes.iter().map(|told| 1 + told.also.len()).sum();
    page.folded_of("Evidence", number, &items);
}

/// Threats that went or became less grave.
fn less(page: &mut Page, assessment: &Assessment) {
    let items: Vec<String> = change::better(assessment)
        .into_iter()
        .map(|(status, rule, title, times)| {
            let times = if times > 1 {
                format!(" ({times} times)")
            } else {
                String::new()
            };
            format!(
                "* {}: {} {}{times}\n",
                status.name(),
                prose(rule),
                prose(title)
            )
        })
        .collect();
    page.folded("Threats resolved or improved", &items);
}

fn list(page: &mut Page, title: &str, changes: &[&Change]) {
    let items: Vec<String> = changes
        .iter()
        .map(|change| {
            let place = code(&change::whereabouts(change));
            format!("* {} {place}\n", prose(&change.title))
        })
        .collect();
    page.folded(title, &items);
}

/// What passes: many dependencies of one file are one item.
fn allowed(page: &mut Page, changes: &[&Change]) {
    let items: Vec<String> = change::lines(changes)
        .into_iter()
        .map(|(title, place, titles)| {
            let titles: Vec<String> = titles.iter().map(|title| prose(title)).collect();
            let colon = if titles.is_empty() { "" } else { ": " };
            format!(
                "* {} {}{colon}{}\n",
                prose(&title),
                code(&place),
                titles.join("; ")
            )
        })
        .collect();
    page.folded_of("Allowed", changes.len(), &items);
}

fn read(assessment: &Assessment) -> String {
    let coverage = &assessment.coverage;
    let mut items = Vec::new();
    for guard in coverage.unknown_guards.iter().take(MOST) {
        items.push(format!(
            "* guard unknown: {} {} {}\n",
            code(&cut(&visible(&guard.endpoint), 200)),
            code(&cut(
                &visible(&format!("{}:{}", guard.location.path, guard.location.line)),
                200
            )),
            prose(&cut(&visible(&guard.reason), 200))
        ));
    }
    for problem in coverage.problems.iter().take(MOST) {
        let what = if problem.whole {
            "not read"
        } else {
            "read in part"
        };
        items.push(format!(
            "* {what}: {} {}\n",
            code(&cut(&visible(&problem.path), 200)),
            prose(&cut(&visible(&problem.reason), 200))
        ));
    }
    let more = coverage.unknown_guards.len().saturating_sub(MOST)
        + coverage.problems.len().saturating_sub(MOST);
    if more > 0 {
        items.push(format!("* and {more} more\n"));
    }
    let words = format!(
        "Coverage: {} of {} read",
        coverage.files_read,
        count(coverage.files_changed, "changed file")
    );
    let unknown = coverage.unknown_guards.len();
    let mut out = String::new();
    for alarm in coverage.alarms.iter().take(MOST) {
        let alarm = prose(&cut(&visible(alarm), 300));
        out.push_str(&format!("\n{} {alarm}\n", dot(Verdict::Warn)));
    }
    if items.is_empty() {
        out.push_str(&format!("\n{words}.\n"));
        return out;
    }
    out.push_str(&format!("\n<details><summary>{words}"));
    if unknown > 0 {
        out.push_str(&format!(", {} unknown", count(unknown, "guard")));
    }
    if !coverage.problems.is_empty() {
        let files = count(coverage.problems.len(), "problem");
        out.push_str(&format!(", {files}"));
    }
    out.push_str("</summary>\n\n");
    out.push_str(&items.concat());
    out.push_str("\n</details>\n");
    out
}

fn sign(assessment: &Assessment) -> String {
    let Some(review) = &assessment.review else {
        return String::new();
    };
    let mut out = String::from("\n");
    if let Some(evidence) = change::evidence(review) {
        out.push_str(&format!("Evidence wanted: {}.\n", prose(&evidence)));
    }
    if let Some(due) = review.due {
        out.push_str(&format!("Due: {due}.\n"));
    }
    for reviewers in review.reviewers.iter().take(MOST) {
        out.push_str(&format!(
            "Must sign: {} ({}).\n",
            any_of(&reviewers.owners),
            prose(&reviewers.reason)
        ));
    }
    if review.reviewers.is_empty() {
        out.push_str("Nobody is named to sign: name reviewers in the policy or in CODEOWNERS.\n");
    }
    for signoff in review.signoffs.iter().take(MOST) {
        let said = match signoff.counts {
            true => "counts".to_owned(),
            false => format!("does not count: {}", prose(&signoff.because.join("; "))),
        };
        // A stale one is struck through, with what differs since.
        let who = format!("{} of {}", code(&signoff.signer), prose(&signoff.date));
        let who = match signoff.differs.is_empty() {
            true => who,
            false => format!("<s>{who}</s>"),
        };
        out.push_str(&format!("Sign-off by {who} {said}.\n"));
        for differs in signoff.differs.iter().take(MOST) {
            out.push_str(&format!("* {}\n", prose(differs)));
        }
    }
    if review.identity == Some(Identity::Weak) {
        out.push_str(
            "Identity: weak; not every commit bears the signature of an allowed signer.\n",
        );
    }
    let id = code(&review.id);
    out.push_str(&format!(
        "Review {id}: <code>threatgate review show {}</code>.\n",
        review.id
    ));
    out
}

/// A fenced block; the fence is longer than any run of backticks within.
fn fence(language: &str, lines: &[String]) -> String {
    let mut longest = 0;
    for line in lines {
        let mut run = 0;
        for c in line.chars() {
            run = if c == '`' { run + 1 } else { 0 };
            longest = longest.max(run);
        }
    }
    let marks = "`".repeat(3.max(longest + 1));
    format!("\n{marks}{language}\n{}\n{marks}\n", lines.join("\n"))
}

/// Characters by which Markdown, HTML or GitHub see more than text, as numeric references: these
/// never begin markup (<https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references>),
/// not even in a cell of a table.
fn referenced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\' | '|' | '~' | '@' | '#' | ':'
            | '$' | '!' => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out.replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
}

/// Repository text as code.
fn code(text: &str) -> String {
    format!("<code>{}</code>", referenced(&visible(text)))
}

/// A sentence of which the words in backticks are code. Outside of code GitHub looks for mentions
/// and references in what was rendered: an invisible space after `@` and `#` parts them.
fn prose(text: &str) -> String {
    let text = visible(text);
    let parts: Vec<&str> = text.split('`').collect();
    // A text that was cut within code ends there.
    if parts.len().is_multiple_of(2) && !text.ends_with('…') {
        return code(&text);
    }
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index % 2 == 1 {
            out.push_str(&format!("<code>{}</code>", referenced(part)));
        } else {
            out.push_str(
                &referenced(part)
                    .replace("&#64;", "&#64;&#8203;")
                    .replace("&#35;", "&#35;&#8203;")
                    .replace("&#58;//", "&#58;&#8203;//"),
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use threatgate_facts::FactKind;

    use crate::{NoSources, sample};

    fn render(assessment: &Assessment, sources: &dyn Sources) -> String {
        let mut out = Vec::new();
        write(assessment, sources, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn repository_text_is_only_text() {
        assert_eq!(code("a|`b`"), "<code>a&#124;&#96;b&#96;</code>");
        assert_eq!(
            prose("ask @acme/all about #1"),
            "ask &#64;&#8203;acme/all about &#35;&#8203;1"
        );
        assert_eq!(prose("lost `@login`"), "lost <code>&#64;login</code>");
        assert_eq!(prose("odd ` tick"), "<code>odd &#96; tick</code>");
        assert_eq!(prose("<b>"), "&#60;b&#62;");
        let fenced = fence("diff", &["+ ````".into()]);
        assert_eq!(fenced, "\n`````diff\n+ ````\n`````\n");
    }

    #[test]
    fn hostile_text_makes_no_markup() {
        let text = render(&sample::hostile(), &sample::HostileFiles);
        let (open, close) = ("<details>", "</details>");
        assert_eq!(text.matches(open).count(), text.matches(close).count() - 1);
        for line in text.lines() {
            // Within the fence the text is as it was, but for what deceives.
            if !line.starts_with(['+', '-', ' ']) {
                assert!(!line.contains("<script>"), "{line}");
                assert!(!line.contains("@acme"), "{line}");
                assert!(!line.contains("](http"), "{line}");
            }
            assert!(
                !line.contains('\u{1b}') && !line.contains('\u{202e}'),
                "{line}"
            );
        }
        let row = text.lines().find(|line| line.starts_with("| 🔴")).unwrap();
        assert_eq!(row.matches('|').count(), 5, "{row}");
    }

    #[test]
    fn comment() {
        insta::assert_snapshot!(render(&sample::assessment(), &sample::Files), @r###"
<!-- threatgate -->
### threatgate: blocked
**1 blocked** · **1 to review** · 1 warning · 1 made stronger · 1 allowed · 1 guard unknown · base <code>4b1e9c2</code> head <code>e4f5a6b</code>

| | what changed | where | asks for |
|---|---|---|---|
| 🔴 | an AWS access key was committed | <code>app/config.py&#58;1</code> | must not be merged |
| 🔴 | 3 endpoints lost <code>requireAdmin</code> | <code>src/routes/index.js&#58;3 at base</code> | a review by <code>&#64;acme/security</code> |
| 🟡 | User gains the sensitive field <code>ssn</code> (national id) | <code>app/models/user.py&#58;2</code> | a look |

<details><summary>Questions to answer before signing (1)</summary>

* **q1** Which requests does the guard let through now?
  * 3 endpoints lost <code>requireAdmin</code> <code>src/routes/index.js&#58;3 at base</code>

</details>

<details><summary>Evidence (3)</summary>

**secret-added** an AWS access key was committed <code>app/config.py&#58;1</code>

* value: <code>AKIA…</code>
* policy rule <code>secret-committed</code>

**TG-AUTHN-003** 3 endpoints lost <code>requireAdmin</code> <code>src/routes/index.js&#58;3 at base</code>

```diff
- app.use('/admin', requireAdmin, adminRouter)
+ app.use('/admin', adminRouter)
```

* <code>POST /admin/refunds</code> now open <code>src/routes/admin.js&#58;12</code>
* <code>GET /admin/refunds</code> now open <code>src/routes/admin.js&#58;20</code>
* <code>DELETE /admin/users/{id}</code> still guarded by <code>requireOwner</code> <code>src/routes/admin.js&#58;31</code>
* threat TG-AUTHN-003: Auth middleware removed, narrowed or moved after routes (spoofing, elevation of privilege; CWE-306, CWE-79)
* help: Put the guard back
* risk critical 84 = likelihood 8.5 × impact 8&#58; anybody on the internet (assumed), data of class pii; <code>TGR&#58;1/O&#58;9/S&#58;9/ED&#58;7/EE&#58;9/ID&#58;8/C&#58;8/I&#58;5/A&#58;1</code>
* policy rule <code>guard-lost</code>

**TG-DATA-001** User gains the sensitive field <code>ssn</code> (national id) <code>app/models/user.py&#58;2</code>

```diff
- pass
+ ssn = CharField(default='078051120')
```

* exposed by GET /users/{id} through UserSerializer
* threat TG-DATA-001: Sensitive data is stored in clear (spoofing, elevation of privilege; CWE-306, CWE-79)
* help: Put the guard back
* risk critical 84 = likelihood 8.5 × impact 8&#58; anybody on the internet (assumed), data of class pii; <code>TGR&#58;1/O&#58;9/S&#58;9/ED&#58;7/EE&#58;9/ID&#58;8/C&#58;8/I&#58;5/A&#58;1</code>
* policy rule <code>sensitive-field</code>


</details>

<details><summary>Made stronger (1)</summary>

* hash&#95;password uses argon2id (was MD5) <code>app/passwords.py&#58;9</code>

</details>

<details><summary>Allowed (1)</summary>

* GET /health added <code>src/health.js&#58;2</code>

</details>

<details><summary>Threats resolved or improved (1)</summary>

* resolved: TG-CRYPTO-002 Weak password hash

</details>

<details><summary>Coverage: 6 of 14 changed files read, 1 guard unknown, 1 problem</summary>

* guard unknown: <code>POST /beta</code> <code>src/routes/beta.js&#58;9</code> <code>dynamicGuard()</code> could not be resolved
* read in part: <code>src/legacy.js</code> syntax error

</details>

Must sign: <code>&#64;acme/security</code> (CODEOWNERS&#58; /src/).
Review <code>TR-7f3a91c2</code>: <code>threatgate review show TR-7f3a91c2</code>.
"###);
    }

    #[test]
    fn what_is_alike_is_told_once() {
        let mut assessment = sample::many(7);
        for (index, change) in assessment.changes.iter_mut().enumerate() {
            if index < 3 {
                change.title = "Users.show lost its check `owner?`".into();
            } else {
                change.kind = FactKind::Dependency;
                change.verdict = Verdict::Pass;
                change.title = format!("package{index} upgraded from 1.0 to 1.1");
                change.location.path = "Cargo.lock".into();
            }
        }
        let page = render(&assessment, &sample::Files);
        assert_eq!(page.matches("owner?").count(), 2, "{page}");
        assert!(
            page.contains("</code> and 2 more places | a review |"),
            "{page}"
        );
        assert!(page.contains("<summary>Evidence (3)</summary>"), "{page}");
        assert!(page.contains("<summary>Allowed (4)</summary>"), "{page}");
        assert!(page.contains("* 4 dependencies changed <code>Cargo.lock</code>: package3 "));
    }

    #[test]
    fn nothing_material_is_a_line() {
        insta::assert_snapshot!(render(&sample::nothing(), &NoSources), @r###"
<!-- threatgate -->
threatgate: nothing material in 14 changed files, 6 read (base <code>4b1e9c2</code> head <code>e4f5a6b</code>).
"###);
    }

    #[test]
    fn long_reports_are_cut_between_sections() {
        let text = render(&sample::many(2000), &NoSources);
        assert!(text.len() <= MAX, "{}", text.len());
        assert!(text.len() > MAX / 2, "{}", text.len());
        assert!(text.contains("Left out for length"));
        assert_eq!(
            text.matches("<details>").count(),
            text.matches("</details>").count()
        );
        assert!(text.contains("\nCoverage: 6 of 14 changed files read.\n"));
    }
}
