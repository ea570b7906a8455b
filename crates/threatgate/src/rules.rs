//! `threatgate rules`: which rules there are, whether a team's own can be used, and what one means.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use threatgate_facts::{Engine, FactKind, RuleSummary, Team};

use crate::configuration::{Configuration, RULES_FOLDER};

#[derive(Args, Debug)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Subcommand, Debug)]
enum RulesCommand {
    /// List all rules: the built-in ones and those of the team
    List(ListArgs),
    /// Read the team's rules and say what is wrong with them
    Test(TestArgs),
    /// Show one rule: what it looks for, what it gives and where it stands
    Explain(RuleArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    /// The folder whose .threatgate/rules are read with the built-in rules
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Only rules of this language
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

#[derive(Args, Debug)]
struct TestArgs {
    /// Folders that hold .threatgate/rules, or single rule files (LANGUAGE/NAME.toml)
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
}

#[derive(Args, Debug)]
struct RuleArgs {
    /// The rule's id, as reports and `threatgate rules list` show it
    #[arg(value_name = "ID")]
    id: String,
    /// The folder whose .threatgate/rules are read with the built-in rules
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

pub(crate) fn rules(args: &RulesArgs) -> Result<ExitCode> {
    match &args.command {
        RulesCommand::List(args) => list(args),
        RulesCommand::Test(args) => test(args),
        RulesCommand::Explain(args) => {
            let team = team(&read_folder(&args.repo)?)?;
            let engine = crate::inventory::engine(&team)?;
            let all = all(&engine)?;
            let Some(rule) = all.iter().find(|rule| rule.id == args.id) else {
                bail!(
                    "no rule \"{}\"{}; `threatgate rules list` shows all",
                    args.id,
                    crate::nearest::hint(&args.id, all.iter().map(|rule| rule.id.as_str()))
                );
            };
            crate::output::print(&match args.format.as_str() {
                "json" => crate::output::json(&as_json(rule, &team)),
                _ => as_text(rule, &team),
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(args: &ListArgs) -> Result<ExitCode> {
    let team = team(&read_folder(&args.folder)?)?;
    let mut all = all(&crate::inventory::engine(&team)?)?;
    if let Some(language) = &args.language {
        let known: std::collections::BTreeSet<String> =
            all.iter().map(|rule| rule.language.clone()).collect();
        if !known.contains(language) {
            let known: Vec<String> = known.into_iter().collect();
            bail!(
                "no rules for the language \"{language}\"; there are rules for {}",
                known.join(", ")
            );
        }
        all.retain(|rule| rule.language == *language);
    }
    let text = match args.format.as_str() {
        "json" => {
            let rules: Vec<_> = all.iter().map(|rule| as_json(rule, &team)).collect();
            crate::output::json(&json!({ "schema_version": "1", "rules": rules }))
        }
        _ => table(&all),
    };
    crate::output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(all: &[RuleSummary]) -> String {
    let mut text = String::new();
    let mut heading = String::new();
    let wide = |part: fn(&RuleSummary) -> usize| all.iter().map(part).max().unwrap_or_default();
    let ids = wide(|rule| rule.id.len());
    let meanings = wide(|rule| rule.meaning.len());
    for rule in all {
        let group = format!("{} ({})", rule.framework, rule.language);
        if group != heading {
            let gap = if heading.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", crate::output::one_line(&group));
            heading = group;
        }
        let mut patterns = rule.patterns.join(", ");
        if let Some((at, _)) = patterns.char_indices().nth(60) {
            patterns.truncate(at);
            patterns.push('…');
        }
        let line = format!("  {:ids$}  {:meanings$}  {patterns}", rule.id, rule.meaning);
        let _ = writeln!(text, "{}", crate::output::one_line(line.trim_end()));
    }
    let _ = writeln!(text, "\n{} rules", all.len());
    text
}

fn test(args: &TestArgs) -> Result<ExitCode> {
    let mut files = Vec::new();
    for path in &args.paths {
        let found = if path.is_file() {
            vec![read_file(path)?]
        } else if path.is_dir() {
            read_folder(path)?
        } else {
            bail!(
                "{}: no such file or folder; give a folder that holds {RULES_FOLDER} or a rule file",
                path.display()
            );
        };
        if found.is_empty() {
            bail!(
                "{}: no rule files below {RULES_FOLDER}; rules stand in {RULES_FOLDER}LANGUAGE/NAME.toml",
                path.display()
            );
        }
        files.extend(found);
    }
    let mut wrong = Vec::new();
    // One by one first, so that an error in one file does not hide those of the others.
    for file in &files {
        if let Err(error) = load(std::slice::from_ref(file)) {
            wrong.push(format!("{error:#}"));
        }
    }
    if wrong.is_empty() {
        match load(&files) {
            Ok(engine) => {
                let own = engine
                    .list()
                    .iter()
                    .filter(|rule| files.iter().any(|file| file.inside == rule.file))
                    .count();
                if own == 0 {
                    bail!("the files hold no rule: each needs at least one [[rule]]");
                }
                let rules = if own == 1 { "rule" } else { "rules" };
                crate::output::print(&format!("{own} {rules} ok\n"))?;
                return Ok(ExitCode::SUCCESS);
            }
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    bail!("{}", wrong.join("\nerror: "))
}

/// The rules of the engine and the formats of credentials.
pub(crate) fn all(engine: &Engine) -> Result<Vec<RuleSummary>> {
    let mut all = engine.list();
    for (path, text) in threatgate_rules::folder("secrets") {
        all.extend(formats(path, text)?);
    }
    Ok(all)
}

/// The formats of credentials in one file: its tables that have an id and a pattern.
fn formats(path: &str, text: &str) -> Result<Vec<RuleSummary>> {
    let file: toml::Table = text
        .parse()
        .with_context(|| format!("reading rules/{path}"))?;
    let tables = file
        .values()
        .filter_map(toml::Value::as_array)
        .flatten()
        .filter_map(toml::Value::as_table);
    let summary = |table: &toml::Table| {
        let word = |key: &str| table.get(key).and_then(toml::Value::as_str);
        Some(RuleSummary {
            id: word("id")?.to_owned(),
            framework: word("provider").unwrap_or("credentials").to_owned(),
            language: "any".to_owned(),
            meaning: FactKind::Secret.name().to_owned(),
            patterns: vec![word("pattern")?.to_owned()],
            file: path.to_owned(),
            source: word("source").unwrap_or_default().to_owned(),
        })
    };
    Ok(tables.filter_map(summary).collect())
}

/// A team's rule file.
struct RuleFile {
    /// As the user finds it.
    path: PathBuf,
    /// Below the rules folder, which says its language.
    inside: String,
    text: String,
}

/// Loads the built-in rules with these; an error names the file as the user knows it.
fn load(files: &[RuleFile]) -> Result<Engine> {
    let team = Team {
        rules: pairs(files),
        ..Team::default()
    };
    Engine::new(threatgate_rules::ready(), &team).map_err(|mut error| {
        if let Some(file) = files.iter().find(|file| file.inside == error.path) {
            error.path = file.path.display().to_string();
        }
        error.into()
    })
}

fn pairs(files: &[RuleFile]) -> Vec<(String, String)> {
    let pair = |file: &RuleFile| (file.inside.clone(), file.text.clone());
    files.iter().map(pair).collect()
}

/// What a team's rules and the policy on disk add to the built-in rules.
fn team(files: &[RuleFile]) -> Result<Team> {
    let Configuration { mut team, .. } = crate::configuration::built_in()?;
    team.rules = pairs(files);
    Ok(team)
}

/// All rule files of a folder's `.threatgate/rules`, sorted. An author tests what is on disk; the
/// gate itself reads the base revision.
fn read_folder(folder: &Path) -> Result<Vec<RuleFile>> {
    let root = folder.join(RULES_FOLDER);
    let mut files = Vec::new();
    if !root.is_dir() {
        return Ok(files);
    }
    let walker = ignore::WalkBuilder::new(&root)
        .standard_filters(false)
        .follow_links(false)
        .sort_by_file_path(|a, b| a.cmp(b))
        .build();
    for entry in walker {
        let entry = entry.with_context(|| format!("reading {}", root.display()))?;
        let path = entry.path();
        if entry.file_type().is_some_and(|kind| kind.is_file())
            && path.extension().is_some_and(|ending| ending == "toml")
            && let Ok(inside) = path.strip_prefix(&root)
        {
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            files.push(RuleFile {
                path: path.to_owned(),
                inside: parts.join("/"),
                text: read(path)?,
            });
        }
    }
    Ok(files)
}

/// A single rule file; the folder around it says its language.
fn read_file(path: &Path) -> Result<RuleFile> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parts: Vec<String> = whole
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let from = parts.len().saturating_sub(2);
    Ok(RuleFile {
        path: path.to_owned(),
        inside: parts[from..].join("/"),
        text: read(path)?,
    })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// One rule for programs.
pub(crate) fn as_json(rule: &RuleSummary, team: &Team) -> serde_json::Value {
    json!({
        "id": rule.id,
        "framework": rule.framework,
        "language": rule.language,
        "gives": rule.meaning,
        "meaning": meaning(&rule.meaning),
        "patterns": rule.patterns,
        "file": file(rule, team),
        "source": rule.source,
        "text": excerpt(rule, team),
    })
}

/// One rule for people.
pub(crate) fn as_text(rule: &RuleSummary, team: &Team) -> String {
    let mut text = format!(
        "{}: a rule for {} ({})\n\n",
        rule.id, rule.framework, rule.language
    );
    let _ = writeln!(
        text,
        "gives     {}: {}",
        rule.meaning,
        meaning(&rule.meaning)
    );
    let label = "looks for";
    for (index, pattern) in rule.patterns.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let _ = writeln!(text, "{label:9} {pattern}");
    }
    let _ = writeln!(text, "stands in {}", file(rule, team));
    let _ = writeln!(text, "source    {}", rule.source);
    if let Some(excerpt) = excerpt(rule, team) {
        let _ = writeln!(text);
        for line in excerpt.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    crate::output::printable(&text).into_owned()
}

/// Where a rule stands: in the program's `rules/` or in the team's folder.
fn file(rule: &RuleSummary, team: &Team) -> String {
    let own = team.rules.iter().any(|(path, _)| *path == rule.file);
    let folder = if own { RULES_FOLDER } else { "rules/" };
    format!("{folder}{}", rule.file)
}

/// The rule as it stands in its file.
fn excerpt(rule: &RuleSummary, team: &Team) -> Option<String> {
    let own = team
        .rules
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let (_, text) = own
        .chain(threatgate_rules::files().iter().copied())
        .find(|(path, _)| *path == rule.file)?;
    block(text, &rule.id)
}

/// The table that has this id, from its `[[heading]]` to the next.
fn block(text: &str, id: &str) -> Option<String> {
    let wanted = format!("\"{id}\"");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| {
        line.split_once('=')
            .is_some_and(|(key, value)| key.trim() == "id" && value.trim() == wanted)
    })?;
    let is_heading = |line: &&str| line.starts_with("[[");
    let from = lines[..at].iter().rposition(is_heading)?;
    let rest = lines[at..].iter().position(is_heading);
    let mut until = rest.map_or(lines.len(), |rest| at + rest);
    // Comments at the end belong to what follows.
    while lines[..until]
        .last()
        .is_some_and(|line| line.trim().is_empty() || line.starts_with('#'))
    {
        until -= 1;
    }
    Some(lines[from..until].join("\n"))
}

/// What a rule's fact or link means, in words.
fn meaning(name: &str) -> &'static str {
    match name {
        "router" => "an object that routes hang on",
        "route" => "a path that answers requests",
        "mount" => "a router under another one's path",
        "guard" => "a check that stands before routes",
        "guardname" => "a name that is a check of the caller wherever it hangs",
        "notguard" => "a name that looks like a check of the caller and is none",
        "exempt" => "the checks around it do not hold here",
        "view" => "a class whose methods answer requests",
        "handler" => "a class that is used as a handler",
        "denial" => "a request ends because the caller may not",
        "check" => "a check of the caller inside a handler",
        "service" => "serves what a protocol knows by name",
        "filter" => "a part of a description of requests",
        "lookup" => "a call that reads or changes records by conditions",
        "lookupdata" => "an argument of a lookup that says what is written",
        "lookupfunction" => "a function that reads or changes a record",
        "caller" => "a value that stands for the caller",
        "owner" => "a column that says whose a record is",
        "value" => "a call that stands for a value written in it",
        "notroute" => "a function that answers no requests",
        "setting" => "a name that stands for an assignment in a file of settings",
        "format" => "a call that puts names into a text",
        "parameter" => "a parameter of the request",
        "version" => "the version that stands in a path",
        "metadata" => "what a decorator says of a handler",
        "attach" => "something that is put onto a router under a name",
        "switch" => "a name that is turned on or off outside of the code",
        "entry" => "a handler through which callers come in",
        "credential" => "a header, cookie or parameter that shows who calls",
        "source" => "a value that a request brings",
        "sanitizer" => "makes a value harmless, or asks whether it is",
        "carrier" => "a call whose result holds what it is handed",
        "capability" => "a parameter of a path that is a secret",
        "beginning" => "a call that asks what a text begins with",
        "prefix" => "a path in front of all routes",
        "resource" => "routes by a table of actions",
        "concern" => "routes that others take over by name",
        "alias" => "names that stand for guards",
        "pathrule" => "who may call the paths that it names",
        "pathguard" => "a guard of the paths that it names",
        "requestpath" => "the path of the request",
        "shape" => "what a request must look like",
        "implementation" => "what answers the routes that a router promises",
        "pathscope" => "the paths that the rules of the same function speak of",
        "pathorder" => "the place of a function's path rules among all",
        "tokenstyle" => "how names are written in paths",
        "application" => "the start of an application",
        "translated" => "says that a caller was turned away elsewhere",
        "authority" => "a member that says what somebody may",
        "aspect" => "what a value is judged by",
        "constraint" => "says what a field or parameter may hold",
        "hook" => "a method that a framework calls",
        "allowance" => "lets more through a sanitiser",
        "endpoint" => "a place where a request, message or call enters",
        "auth" => "a guard or a security setting",
        "crypto" => "a use of cryptography",
        "data-model" => "an entity and its fields",
        "secret" => "a credential in the text",
        "dependency" => "a package that the project depends on",
        "infra" => "a resource of infrastructure or of the delivery pipeline",
        "sink" => "a call whose argument can be dangerous",
        "egress" => "a connection to the outside",
        "gate" => "the gate's own configuration",
        _ => "a link between facts",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_rule_can_be_explained() {
        let engine = crate::inventory::engine(&Team::default()).unwrap();
        let all = all(&engine).unwrap();
        assert!(all.len() > 50, "{}", all.len());
        for rule in &all {
            let excerpt = excerpt(rule, &Team::default());
            assert!(
                excerpt.is_some_and(|text| text.contains(&rule.id)),
                "{}",
                rule.id
            );
            assert_ne!(
                meaning(&rule.meaning),
                "a link between facts",
                "{}",
                rule.id
            );
        }
    }

    #[test]
    fn formats_of_credentials_are_rules_too() {
        let text = "# Keys.\n\n[[format]]\nid = \"acme-key\"\nprovider = \"Acme\"\npattern = 'ac_[a-z]{20}'\n\n\
                    # Others.\n[[format]]\nid = \"other\"\npattern = 'x'\n";
        let formats = formats("secrets/acme.toml", text).unwrap();
        assert_eq!(formats.len(), 2);
        assert_eq!(formats[0].id, "acme-key");
        assert_eq!(formats[0].patterns, ["ac_[a-z]{20}"]);
        let block = block(text, "acme-key").unwrap();
        assert!(block.starts_with("[[format]]\nid"), "{block}");
        assert!(block.ends_with("'ac_[a-z]{20}'"), "{block}");
    }
}
