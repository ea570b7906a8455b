//! SARIF 2.1.0 as GitHub code scanning reads it.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>,
//! <https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning>
//!
//! A change that passes is no result: code scanning would open an alert for it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use threatgate_assess::{Assessment, Change, Threat, Verdict};
use threatgate_facts::Location;

use crate::Sources;
use crate::change::{self, Place};
use crate::visible::visible;

/// GitHub keeps the first 5,000 results of a run.
const MAX_RESULTS: usize = 5000;
/// Related places of a result.
const MAX_RELATED: usize = 100;
/// What paths are relative to, as CodeQL names it.
const ROOT: &str = "%SRCROOT%";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    automation_details: AutomationDetails,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<Finding>,
    properties: RunProperties,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: String,
    semantic_version: String,
    information_uri: &'static str,
    rules: Vec<Rule>,
    notifications: Vec<Descriptor>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    name: String,
    short_description: Message,
    full_description: Message,
    help: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    #[serde(rename = "security-severity")]
    security_severity: &'static str,
    #[serde(rename = "problem.severity")]
    problem_severity: &'static str,
    tags: Vec<String>,
}

#[derive(Serialize)]
struct Message {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    exit_code_description: &'static str,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    descriptor: Reference,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Located>,
}

#[derive(Serialize)]
struct Reference {
    id: &'static str,
    index: usize,
}

/// A result of SARIF.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Message,
    /// 0 to 100 (§3.27.25).
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u8>,
    locations: Vec<Located>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Located>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    properties: FindingProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingProperties {
    change: &'static str,
    kind: &'static str,
    verdict: &'static str,
    policy_rule: String,
    at_base: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    threats: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Located {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
    end_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
}

#[derive(Serialize)]
struct RunProperties {
    verdict: &'static str,
    base: Option<String>,
    head: Option<String>,
}

pub(crate) fn write(
    assessment: &Assessment,
    sources: &dyn Sources,
    out: &mut impl Write,
) -> io::Result<()> {
    let asking = change::parts(assessment).asking;
    let left = asking.len().saturating_sub(MAX_RESULTS);
    let asking = &asking[..asking.len() - left];
    let rules = rules(assessment, asking);
    let results = asking
        .iter()
        .map(|change| finding(assessment, change, &rules, sources))
        .collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: assessment.tool.name.clone(),
                    semantic_version: assessment.tool.version.clone(),
                    information_uri: env!("CARGO_PKG_REPOSITORY"),
                    rules,
                    notifications: descriptors(),
                },
            },
            automation_details: AutomationDetails { id: "threatgate/" },
            invocations: [Invocation {
                execution_successful: true,
                exit_code: assessment.verdict.exit_code(),
                exit_code_description: assessment.verdict.name(),
                tool_execution_notifications: notifications(assessment, left),
            }],
            column_kind: "unicodeCodePoints",
            results,
            properties: RunProperties {
                verdict: assessment.verdict.name(),
                base: assessment.base.clone(),
                head: assessment.head.clone(),
            },
        }],
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn text(text: impl Into<String>) -> Message {
    Message {
        text: text.into(),
        markdown: None,
    }
}

/// Repository text in a message: `[words](target)` would be a link (§3.11.6).
fn quoted(words: &str) -> String {
    let words = visible(words);
    if words.contains("](") {
        words
            .replace('\\', "\\\\")
            .replace('[', "\\[")
            .replace(']', "\\]")
    } else {
        words.into_owned()
    }
}

/// The rules of these changes, by id; each as severe as its most severe change.
fn rules(assessment: &Assessment, changes: &[&Change]) -> Vec<Rule> {
    let mut found: BTreeMap<String, (Verdict, &Change, Option<&Threat>)> = BTreeMap::new();
    for change in changes {
        let threat = change::news(assessment, change).next();
        let entry = found.entry(change::code(assessment, change)).or_insert((
            change.verdict,
            change,
            threat,
        ));
        entry.0 = entry.0.max(change.verdict);
    }
    let rule = |(id, (verdict, change, threat))| rule(id, verdict, change, threat);
    found.into_iter().map(rule).collect()
}

fn rule(id: String, verdict: Verdict, change: &Change, threat: Option<&Threat>) -> Rule {
    let level = change::level(verdict).name();
    let mut tags = vec!["security".to_owned()];
    let mut help_uri = None;
    let (short, full, help, markdown) = match threat {
        Some(threat) => {
            let numbers = threat.cwe.iter().filter_map(|cwe| cwe.strip_prefix("CWE-"));
            for number in numbers {
                tags.push(format!("external/cwe/cwe-{number:0>3}"));
                help_uri.get_or_insert(format!(
                    "https://cwe.mitre.org/data/definitions/{number}.html"
                ));
            }
            let stride = change::stride(&threat.stride);
            tags.extend(
                stride
                    .iter()
                    .map(|word| format!("stride/{}", word.replace(' ', "-"))),
            );
            let full = format!(
                "{}. STRIDE: {}. {}.",
                threat.title,
                stride.join(", "),
                threat.cwe.join(", ")
            );
            let list = |items: &[String]| -> String {
                items.iter().map(|item| format!("- {item}\n")).collect()
            };
            let help = format!(
                "What to do:\n{}\nWhat a reviewer must answer:\n{}",
                list(&threat.mitigations),
                list(&threat.questions)
            );
            let markdown = help.replace("What to do:", "**What to do**\n").replace(
                "What a reviewer must answer:",
                "**What a reviewer must answer**\n",
            );
            (threat.title.clone(), full, help, markdown)
        }
        None => {
            let short = format!("{}: {}", change.kind.name(), change.change.name());
            let full = format!(
                "A fact of kind {} was {} between base and head.",
                change.kind.name(),
                change.change.name()
            );
            let help = "Look at both sides of the change; say in the review why it is intended.";
            (short, full, help.to_owned(), help.to_owned())
        }
    };
    // GitHub's grades: over 9.0 critical, 7.0 to 8.9 high, 4.0 to 6.9 medium.
    let security_severity = match verdict {
        Verdict::Block => "9.1",
        Verdict::Review => "7.5",
        Verdict::Incomplete | Verdict::Warn => "5.0",
        Verdict::Pass => "2.0",
    };
    Rule {
        name: pascal(&short),
        id,
        short_description: text(short),
        full_description: text(full),
        help: Message {
            text: help,
            markdown: Some(markdown),
        },
        help_uri,
        default_configuration: Configuration { level },
        properties: RuleProperties {
            security_severity,
            problem_severity: if level == "note" {
                "recommendation"
            } else {
                level
            },
            tags,
        },
    }
}

/// The name of a rule in PascalCase (§3.49.7).
fn pascal(words: &str) -> String {
    let words = words.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

fn finding(
    assessment: &Assessment,
    change: &Change,
    rules: &[Rule],
    sources: &dyn Sources,
) -> Finding {
    let rule_id = change::code(assessment, change);
    let rule_index = rules.iter().position(|rule| rule.id == rule_id);
    let mut words = vec![quoted(&change.title)];
    words.extend(change::preview(change).map(|preview| format!("Value: {}", quoted(preview))));
    if change.at_base {
        words.push(format!("Was at {}", quoted(&change::whereabouts(change))));
    }
    words.extend(change.notes.iter().map(|note| quoted(note)));
    let related = change.affected.iter().take(MAX_RELATED).enumerate();
    let risk = change::risk(assessment, change);
    Finding {
        rule_index: rule_index.unwrap_or_default(),
        rule_id,
        level: change::level(change.verdict).name(),
        message: text(words.join(".\n")),
        rank: risk.map(|risk| risk.rank),
        locations: vec![located(&change::place(change, sources))],
        related_locations: related
            .map(|(index, affected)| Located {
                id: Some(index + 1),
                message: Some(text(quoted(&format!(
                    "{}: {}",
                    affected.subject, affected.outcome
                )))),
                ..at(&affected.location)
            })
            .collect(),
        partial_fingerprints: BTreeMap::from([("threatgate/v1", change.id.clone())]),
        properties: FindingProperties {
            change: change.change.name(),
            kind: change.kind.name(),
            verdict: change.verdict.name(),
            policy_rule: change.policy_rule.clone(),
            at_base: change.at_base,
            threats: change.threats.clone(),
            severity: risk.map(|risk| risk.severity.name()),
            vector: risk.map(|risk| risk.vector.to_string()),
        },
    }
}

fn at(location: &Location) -> Located {
    located(&Place::head(location))
}

fn located(place: &Place) -> Located {
    let region = place.lines.map(|(start_line, end_line)| Region {
        start_line,
        end_line,
        start_column: place.columns.map(|(start, _)| start),
        end_column: place.columns.map(|(_, end)| end),
    });
    Located {
        id: None,
        physical_location: Physical {
            artifact_location: Artifact {
                uri: uri(&place.path),
                uri_base_id: ROOT,
            },
            region,
        },
        message: None,
    }
}

/// A path as a relative reference: all but unreserved characters and `/` percent-encoded (RFC 3986,
/// sections 2.3 and 4.2).
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn descriptors() -> Vec<Descriptor> {
    [
        ("not-read", "A file was not read"),
        ("read-in-part", "A file was read in part"),
        ("guard-unknown", "Whether an endpoint is guarded is unknown"),
        (
            "coverage",
            "A part of the program may not have been understood",
        ),
        ("range", "A word about the range or its size"),
    ]
    .into_iter()
    .map(|(id, words)| Descriptor {
        id,
        short_description: text(words),
        full_description: text(format!("{words}.")),
        help: text("What was not understood is not judged: look at it."),
    })
    .collect()
}

fn notifications(assessment: &Assessment, left: usize) -> Vec<Notification> {
    let coverage = &assessment.coverage;
    let all = descriptors();
    let notification = |id: &str, level, words: &str, locations| {
        let index = all
            .iter()
            .position(|known| known.id == id)
            .unwrap_or_default();
        Notification {
            level,
            descriptor: Reference {
                id: all[index].id,
                index,
            },
            message: text(quoted(words)),
            locations,
        }
    };
    let mut found = Vec::new();
    for problem in &coverage.problems {
        let id = if problem.whole {
            "not-read"
        } else {
            "read-in-part"
        };
        let place = Place {
            path: problem.path.clone(),
            lines: problem
                .line
                .filter(|line| *line > 0)
                .map(|line| (line, line)),
            columns: None,
            exists: true,
        };
        found.push(notification(
            id,
            "warning",
            &problem.reason,
            vec![located(&place)],
        ));
    }
    for guard in &coverage.unknown_guards {
        let words = format!("{}: {}", guard.endpoint, guard.reason);
        found.push(notification(
            "guard-unknown",
            "warning",
            &words,
            vec![at(&guard.location)],
        ));
    }
    for alarm in &coverage.alarms {
        found.push(notification("coverage", "warning", alarm, Vec::new()));
    }
    for note in &assessment.notes {
        found.push(notification("range", "note", note, Vec::new()));
    }
    if left > 0 {
        let words = format!("{left} further results are left out; the JSON report has them");
        found.push(notification("range", "warning", &words, Vec::new()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoSources, sample};

    fn render(assessment: &Assessment, sources: &dyn Sources) -> serde_json::Value {
        let mut out = Vec::new();
        write(assessment, sources, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn paths_are_relative_references() {
        assert_eq!(uri("src/a b#?%.py"), "src/a%20b%23%3F%25.py");
        assert_eq!(uri("ä:x"), "%C3%A4%3Ax");
        assert_eq!(uri("-._~/A0"), "-._~/A0");
    }

    #[test]
    fn a_link_in_repository_text_is_none() {
        assert_eq!(quoted("[click](http://x)"), "\\[click\\](http://x)");
        assert_eq!(quoted("items[0] (x)"), "items[0] (x)");
    }

    #[test]
    fn results() {
        let log = render(&sample::assessment(), &sample::Files);
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&log["runs"][0]["results"]).unwrap(),
            @r###"
[
  {
    "ruleId": "secret-added",
    "ruleIndex": 2,
    "level": "error",
    "message": {
      "text": "an AWS access key was committed.\nValue: AKIA…"
    },
    "locations": [
      {
        "physicalLocation": {
          "artifactLocation": {
            "uri": "app/config.py",
            "uriBaseId": "%SRCROOT%"
          },
          "region": {
            "startLine": 1,
            "startColumn": 8,
            "endLine": 1,
            "endColumn": 22
          }
        }
      }
    ],
    "partialFingerprints": {
      "threatgate/v1": "TC-000000000001"
    },
    "properties": {
      "change": "added",
      "kind": "secret",
      "verdict": "block",
      "policyRule": "secret-committed",
      "atBase": false
    }
  },
  {
    "ruleId": "TG-AUTHN-003",
    "ruleIndex": 0,
    "level": "error",
    "message": {
      "text": "3 endpoints lost `requireAdmin`.\nWas at src/routes/index.js:3 at base"
    },
    "rank": 84,
    "locations": [
      {
        "physicalLocation": {
          "artifactLocation": {
            "uri": "src/routes/index.js",
            "uriBaseId": "%SRCROOT%"
          },
          "region": {
            "startLine": 2,
            "endLine": 2
          }
        }
      }
    ],
    "relatedLocations": [
      {
        "id": 1,
        "physicalLocation": {
          "artifactLocation": {
            "uri": "src/routes/admin.js",
            "uriBaseId": "%SRCROOT%"
          },
          "region": {
            "startLine": 12,
            "startColumn": 1,
            "endLine": 12,
            "endColumn": 10
          }
        },
        "message": {
          "text": "POST /admin/refunds: now open"
        }
      },
      {
        "id": 2,
        "physicalLocation": {
          "artifactLocation": {
            "uri": "src/routes/admin.js",
            "uriBaseId": "%SRCROOT%"
          },
          "region": {
            "startLine": 20,
            "startColumn": 1,
            "endLine": 20,
            "endColumn": 10
          }
        },
        "message": {
          "text": "GET /admin/refunds: now open"
        }
      },
      {
        "id": 3,
        "physicalLocation": {
          "artifactLocation": {
            "uri": "src/routes/admin.js",
            "uriBaseId": "%SRCROOT%"
          },
          "region": {
            "startLine": 31,
            "startColumn": 1,
            "endLine": 31,
            "endColumn": 10
          }
        },
        "message": {
          "text": "DELETE /admin/users/{id}: still guarded by `requireOwner`"
        }
      }
    ],
    "partialFingerprints": {
      "threatgate/v1": "TC-000000000002"
    },
    "properties": {
      "change": "removed",
      "kind": "auth",
      "verdict": "review",
      "policyRule": "guard-lost",
      "atBase": true,
      "threats": [
        "TG-AUTHN-003@TC-000000000002"
      ],
      "severity": "critical",
      "vector": "TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1"
    }
  },
  {
    "ruleId": "TG-DATA-001",
    "ruleIndex": 1,
    "level": "warning",
    "message": {
      "text": "User gains the sensitive field `ssn` (national id).\nexposed by GET /users/{id} through UserSerializer"
    },
    "rank": 84,
    "locations": [
      {
        "physicalLocation": {
          "artifactLocation": {
            "uri": "app/models/user.py",
            "uriBaseId": "%SRCROOT%"
          },
          "region": {
            "startLine": 2,
            "startColumn": 2,
            "endLine": 2,
            "endColumn": 5
          }
        }
      }
    ],
    "partialFingerprints": {
      "threatgate/v1": "TC-000000000003"
    },
    "properties": {
      "change": "added",
      "kind": "data-model",
      "verdict": "warn",
      "policyRule": "sensitive-field",
      "atBase": false,
      "threats": [
        "TG-DATA-001@TC-000000000003"
      ],
      "severity": "critical",
      "vector": "TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1"
    }
  }
]
"###
        );
    }

    #[test]
    fn rules_and_notifications() {
        let log = render(&sample::assessment(), &sample::Files);
        let rules = log["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .unwrap();
        let ids: Vec<&str> = rules
            .iter()
            .filter_map(|rule| rule["id"].as_str())
            .collect();
        assert_eq!(ids, ["TG-AUTHN-003", "TG-DATA-001", "secret-added"]);
        assert_eq!(rules[0]["properties"]["security-severity"], "7.5");
        assert_eq!(rules[2]["properties"]["security-severity"], "9.1");
        assert_eq!(rules[0]["properties"]["tags"][1], "external/cwe/cwe-306");
        let notes = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
        assert_eq!(notes[0]["descriptor"]["id"], "read-in-part");
        assert_eq!(notes[1]["descriptor"]["id"], "guard-unknown");
    }

    #[test]
    fn what_is_gone_points_at_head() {
        // The guard stood at line 3 of base; at head another line stands there.
        let log = render(&sample::assessment(), &sample::Files);
        let physical = &log["runs"][0]["results"][1]["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "src/routes/index.js");
        assert_eq!(physical["region"]["startLine"], 2);
        // Nothing is known of head: the removed path, and no line that would be of another text.
        let log = render(&sample::assessment(), &NoSources);
        let physical = &log["runs"][0]["results"][1]["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "src/routes/index.js");
        assert!(physical.get("region").is_none());
    }
}
