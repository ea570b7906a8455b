//! `threatgate explain`: what an id in a report means.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use threatgate_assess::{Assessment, Change, Explained};
use threatgate_facts::Fact;
use threatgate_git::{Repository, Side};

use crate::check::RangeArgs;
use crate::configuration::Configuration;
use crate::output::one_line;

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// A change (TC-…), a threat (TG-…), a rule, or a rule of the policy
    #[arg(value_name = "ID")]
    id: String,
    /// Where a change is looked for; a threat or rule needs no range
    #[command(flatten)]
    range: RangeArgs,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

pub(crate) fn explain(args: &ExplainArgs) -> Result<ExitCode> {
    let is_json = args.format == "json";
    let id = args.id.trim();
    let text = if id.starts_with("TC-") {
        let assessment = crate::check::assessment(&args.range)?;
        let Some(change) = assessment.changes.iter().find(|change| change.id == id) else {
            let known = assessment.changes.iter().map(|change| change.id.as_str());
            bail!(
                "this range has no change \"{id}\" among its {}{}; give the --base and --head of the report",
                assessment.changes.len(),
                crate::nearest::hint(id, known)
            );
        };
        if is_json {
            crate::output::json(&change_json(&assessment, change))
        } else {
            change_text(&assessment, change)
        }
    } else {
        // Without a range: the catalogue, the rules and the policy as they stand here.
        let configuration = configuration(args)?;
        match find(id, &configuration)? {
            Found::Threat(threat) if is_json => crate::output::json(&threat_json(&threat)),
            Found::Threat(threat) => threat_text(&threat),
            Found::Text { json, .. } if is_json => crate::output::json(&json),
            Found::Text { text, .. } => text,
        }
    };
    crate::output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration at HEAD, or the built-in one outside of a repository.
fn configuration(args: &ExplainArgs) -> Result<Configuration> {
    let repo = &args.range.repo;
    let repository = match Repository::open(repo) {
        Ok(repository) => repository,
        Err(_) if repo.as_os_str() == "." => return crate::configuration::built_in(),
        Err(error) => return Err(error.into()),
    };
    match repository.commit("HEAD") {
        Ok(commit) => {
            crate::configuration::read(&repository, &Side::Commit(commit), args.range.policy())
        }
        Err(_) => crate::configuration::built_in(),
    }
}

/// What an id is.
enum Found {
    Threat(Box<Explained>),
    Text { text: String, json: Value },
}

fn find(id: &str, configuration: &Configuration) -> Result<Found> {
    let catalogue = &configuration.catalogue;
    // `TG-AUTHN-002@GET /users/{}` names a threat and its subject.
    let threat = id.split_once('@').map_or(id, |(rule, _)| rule);
    if let Some(threat) = catalogue.explain(threat) {
        return Ok(Found::Threat(Box::new(threat)));
    }
    let policy = configuration.policy.rules();
    if let Some((_, verdict, reason)) = policy.iter().find(|(known, ..)| known == id) {
        let source = &configuration.policy.source;
        let mut text = format!(
            "{}: a rule of the policy ({})\n\nasks for {}\n",
            one_line(id),
            one_line(source),
            verdict.name()
        );
        if !reason.is_empty() {
            let _ = writeln!(text, "because  {}", one_line(reason));
        }
        let json = json!({
            "id": id, "what": "policy-rule", "verdict": verdict, "reason": reason, "policy": source,
        });
        return Ok(Found::Text { text, json });
    }
    let all = crate::rules::all(&crate::inventory::engine(&configuration.team)?)?;
    if let Some(rule) = all.iter().find(|rule| rule.id == id) {
        return Ok(Found::Text {
            text: crate::rules::as_text(rule, &configuration.team),
            json: crate::rules::as_json(rule, &configuration.team),
        });
    }
    if id.starts_with("TR-") {
        bail!("{id} names a review: `threatgate review show {id}` shows it");
    }
    let known = catalogue
        .list()
        .map(|(id, _)| id)
        .chain(policy.iter().map(|(id, ..)| id.as_str()))
        .chain(all.iter().map(|rule| rule.id.as_str()));
    bail!(
        "nothing is called \"{id}\": no threat, no rule and no rule of the policy{}",
        crate::nearest::hint(id, known)
    )
}

fn threat_json(threat: &Explained) -> Value {
    json!({
        "id": threat.id,
        "what": "threat",
        "title": threat.title,
        "stride": threat.stride,
        "cwe": threat.cwe,
        "classes": threat.classes,
        "factors": threat.factors,
        "flags": threat.flags,
        "tier": threat.tier,
        "controls": threat.controls,
        "mitigations": threat.mitigations,
        "questions": threat.questions,
        "evidence": threat.evidence,
        "sources": threat.sources,
    })
}

fn threat_text(threat: &Explained) -> String {
    let stride: Vec<&str> = threat.stride.chars().filter_map(stride).collect();
    let mut text = format!("{}: {}\n\n", threat.id, threat.title);
    let _ = writeln!(text, "STRIDE  {}", stride.join(", "));
    let _ = writeln!(text, "CWE     {}", threat.cwe.join(", "));
    for (list, ids) in threat.classes.lists() {
        if !ids.is_empty() {
            let _ = writeln!(text, "{list}  {}", ids.join(", "));
        }
    }
    if let Some(factors) = &threat.factors {
        let _ = writeln!(text, "\nrisk before the place is known: {factors}");
        for flag in &threat.flags {
            let _ = writeln!(text, "  * {flag}");
        }
    }
    let evidence = threat.evidence.iter();
    let evidence: Vec<String> = evidence.map(|one| one.words().to_owned()).collect();
    for (heading, lines) in [
        ("what counts against it", &threat.controls),
        ("what to do", &threat.mitigations),
        ("what to ask", &threat.questions),
        ("what shows that it is dealt with", &evidence),
        ("sources", &threat.sources),
    ] {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{heading}");
        }
        for line in lines {
            let _ = writeln!(text, "  * {line}");
        }
    }
    text
}

/// <https://learn.microsoft.com/en-us/azure/security/develop/threat-modeling-tool-threats#stride-model>
fn stride(letter: char) -> Option<&'static str> {
    Some(match letter {
        'S' => "spoofing",
        'T' => "tampering",
        'R' => "repudiation",
        'I' => "information disclosure",
        'D' => "denial of service",
        'E' => "elevation of privilege",
        _ => return None,
    })
}

fn change_json(assessment: &Assessment, change: &Change) -> Value {
    let threats: Vec<_> = assessment
        .threats
        .iter()
        .filter(|threat| change.threats.contains(&threat.id))
        .collect();
    json!({
        "id": change.id,
        "what": "change",
        "base": assessment.base,
        "head": assessment.head,
        "policy": assessment.policy,
        "change": change,
        "threats": threats,
    })
}

fn change_text(assessment: &Assessment, change: &Change) -> String {
    let mut text = format!("{}: {}\n\n", change.id, one_line(&change.title));
    let _ = writeln!(
        text,
        "{} {} ({})",
        change.kind.name(),
        change.change.name(),
        match change.direction {
            threatgate_assess::Direction::Weakened => "weakened",
            threatgate_assess::Direction::Strengthened => "strengthened",
            threatgate_assess::Direction::Neutral => "neutral",
        }
    );
    let _ = writeln!(
        text,
        "verdict {} by the policy rule {} ({})",
        change.verdict.name(),
        one_line(&change.policy_rule),
        one_line(&assessment.policy)
    );
    if let Some(exception) = &change.exception {
        let _ = writeln!(text, "lowered by exception {}", one_line(exception));
    }
    for note in &change.notes {
        let _ = writeln!(text, "note: {}", one_line(note));
    }
    for (side, commit, fact) in [
        ("base", &assessment.base, &change.before),
        ("head", &assessment.head, &change.after),
    ] {
        let commit = commit.as_deref().map_or("", |id| id.get(..7).unwrap_or(id));
        let _ = writeln!(text, "\n{}", format!("{side} {commit}").trim_end());
        match fact {
            Some(fact) => evidence(&mut text, fact),
            None => text.push_str("  not there\n"),
        }
    }
    if !change.deltas.is_empty() {
        text.push_str("\nwhat differs\n");
        for delta in &change.deltas {
            let words = format!(
                "{}: {} → {}",
                delta.attribute,
                value(&delta.before),
                value(&delta.after)
            );
            let _ = writeln!(text, "  {}", one_line(&words));
        }
    }
    if !change.affected.is_empty() {
        text.push_str("\nwhat it reaches\n");
        for affected in &change.affected {
            let words = format!(
                "{}  {}:{}  {}",
                affected.subject, affected.location.path, affected.location.line, affected.outcome
            );
            let _ = writeln!(text, "  {}", one_line(&words));
        }
    }
    let threats = assessment
        .threats
        .iter()
        .filter(|threat| change.threats.contains(&threat.id));
    for threat in threats {
        let _ = writeln!(
            text,
            "\n{} {} ({}): {}",
            threat.rule,
            one_line(&threat.title),
            threat.cwe.join(", "),
            threat.status.name()
        );
        if let Some(risk) = &threat.risk {
            let _ = writeln!(
                text,
                "  risk {} {} = likelihood {} × impact {}: {}\n  {}",
                risk.severity,
                risk.rank,
                risk.likelihood,
                risk.impact,
                one_line(&risk.because.join(", ")),
                risk.vector
            );
        }
        for (words, names) in [
            ("seen against it", &threat.controls.existing),
            ("not seen", &threat.controls.missing),
        ] {
            if !names.is_empty() {
                let _ = writeln!(text, "  {words}: {}", names.join("; "));
            }
        }
        for mitigation in &threat.mitigations {
            let _ = writeln!(text, "  * {mitigation}");
        }
    }
    text
}

/// A fact with its place, its attributes and what it was read from.
fn evidence(text: &mut String, fact: &Fact) {
    let place = format!("{}:{}", fact.location.path, fact.location.line);
    let _ = writeln!(
        text,
        "  {}, seen by the rule {}",
        one_line(&place),
        one_line(&fact.rule)
    );
    for (name, attribute) in &fact.attributes {
        let words = format!("{name}: {}", value(attribute));
        let _ = writeln!(text, "    {}", one_line(&words));
    }
    for evidence in &fact.evidence {
        let words = format!(
            "{} at {}:{}: {}",
            evidence.role, evidence.location.path, evidence.location.line, evidence.text
        );
        let _ = writeln!(text, "    {}", one_line(&words));
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
