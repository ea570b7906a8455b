//! Rules of a policy in Rego, for what its conditions do not reach. The only user of regorus.
//!
//! A module sees the published assessment as `input`, the same JSON that opa and conftest read, and says
//! what it wants as conftest's modules do: sets of messages named `deny` (or `violation`), `review` and `warn`.

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::Engine;
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::Value as Json;
use threatgate_assess::{Assessment, Ruling, Verdict};

/// A module may not run longer.
const MOST_TIME: Duration = Duration::from_secs(5);

/// A module that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {message}")]
pub struct RegoError {
    /// The module's file.
    pub file: String,
    /// The interpreter's words.
    pub message: String,
}

/// The names of rules that say something, and what they ask for.
const RULES: [(&str, Verdict); 4] = [
    ("deny", Verdict::Block),
    ("violation", Verdict::Block),
    ("review", Verdict::Review),
    ("warn", Verdict::Warn),
];

/// What modules, given as path and text, say about an assessment; in the order of modules and messages.
///
/// # Errors
/// A module that cannot be read or evaluated.
pub fn rule(
    modules: &[(String, String)],
    assessment: &Assessment,
) -> Result<Vec<Ruling>, RegoError> {
    let mut rulings = Vec::new();
    for (at, (file, _)) in modules.iter().enumerate() {
        let wrong = |message: String| RegoError {
            file: file.clone(),
            message: message.trim().to_owned(),
        };
        let mut engine = Engine::new();
        let mut package = String::new();
        // Modules may use each other's rules.
        for (other, (path, text)) in modules.iter().enumerate() {
            let added = engine
                .add_policy(path.clone(), text.clone())
                .map_err(|error| RegoError {
                    file: path.clone(),
                    message: error.to_string().trim().to_owned(),
                })?;
            if other == at {
                package = added;
            }
        }
        if modules[..at]
            .iter()
            .any(|(_, text)| package_of(text) == package_of(&modules[at].1))
        {
            // A package over several files is asked once.
            continue;
        }
        if let Some(interval) = NonZeroU32::new(1_000) {
            engine.set_execution_timer_config(ExecutionTimerConfig {
                limit: MOST_TIME,
                check_interval: interval,
            });
        }
        let input = serde_json::to_string(assessment).map_err(|error| wrong(error.to_string()))?;
        engine
            .set_input_json(&input)
            .map_err(|error| wrong(error.to_string()))?;
        let answer = engine
            .eval_query(package, false)
            .map_err(|error| wrong(error.to_string()))?;
        let value = answer
            .result
            .first()
            .and_then(|result| result.expressions.first());
        let Some(value) = value.map(|expression| &expression.value) else {
            continue;
        };
        let json = value
            .to_json_str()
            .map_err(|error| wrong(error.to_string()))?;
        let all: Json = serde_json::from_str(&json).map_err(|error| wrong(error.to_string()))?;
        for (name, verdict) in RULES {
            let said = all.get(name).unwrap_or(&Json::Null);
            for message in messages(said).map_err(wrong)? {
                rulings.push(message.ruling(file, verdict));
            }
        }
    }
    Ok(rulings)
}

fn package_of(text: &str) -> Option<&str> {
    let mut lines = text.lines().map(str::trim);
    lines
        .find_map(|line| line.strip_prefix("package "))
        .map(str::trim)
}

struct Message {
    text: String,
    change: Option<String>,
    reviewers: Vec<String>,
}

impl Message {
    fn ruling(self, module: &str, verdict: Verdict) -> Ruling {
        Ruling {
            module: module.to_owned(),
            verdict,
            message: self.text,
            change: self.change,
            reviewers: self.reviewers,
        }
    }
}

/// Messages of a set or an array: texts, or objects with `msg` and where wanted `change` and `reviewers`.
fn messages(said: &Json) -> Result<Vec<Message>, String> {
    let items = match said {
        Json::Array(items) => items.as_slice(),
        Json::Bool(false) | Json::Null => &[],
        one => std::slice::from_ref(one),
    };
    items
        .iter()
        .map(|item| {
            let text = |name: &str| item.get(name).and_then(|value| value.as_str());
            let reviewers = item.get("reviewers").and_then(|value| value.as_array());
            let words = item.as_str().or(text("msg")).or(text("message"));
            Ok(Message {
                text: words
                    .ok_or_else(|| {
                        format!("a message is a text, or an object with `msg`; here stands {item}")
                    })?
                    .to_owned(),
                change: text("change").map(str::to_owned),
                reviewers: reviewers
                    .into_iter()
                    .flatten()
                    .filter_map(|one| one.as_str().map(str::to_owned))
                    .collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assessment() -> Assessment {
        let text = r#"{"schema_version":"1","tool":{"name":"threatgate","version":"0","rules":"r"},
            "verdict":"pass","reasons":[],"base":null,"head":"abc","range":"arguments","notes":[],
            "changes":[],"threats":[],"coverage":{"files_changed":12,"files_read":0,"files_context":0,
            "problems":[],"unknown_guards":[],"alarms":[]},"review":null,"policy":"built in"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn said(text: &str) -> Result<Vec<Ruling>, String> {
        let modules = [(".threatgate/a.rego".to_owned(), text.to_owned())];
        rule(&modules, &assessment()).map_err(|error| error.to_string())
    }

    #[test]
    fn modules_speak_as_those_of_conftest() {
        let rulings = said(
            "package main\nimport rego.v1\n\
             deny contains msg if { input.coverage.files_changed > 100; msg := \"too large\" }\n\
             warn contains \"large\" if input.coverage.files_changed > 10\n\
             review contains {\"msg\": sprintf(\"%d files\", [input.coverage.files_changed]), \"change\": \"TC-1\", \"reviewers\": [\"@sec\"]} if true\n",
        )
        .unwrap();
        assert_eq!(
            rulings
                .iter()
                .map(|ruling| (
                    ruling.verdict,
                    ruling.message.as_str(),
                    ruling.change.as_deref()
                ))
                .collect::<Vec<_>>(),
            [
                (Verdict::Review, "12 files", Some("TC-1")),
                (Verdict::Warn, "large", None),
            ]
        );
        assert_eq!(rulings[0].reviewers, ["@sec"]);
    }

    #[test]
    fn a_module_that_cannot_be_used_names_its_file() {
        let error = said("package main\ndeny contains\n").unwrap_err();
        assert!(error.contains(".threatgate/a.rego"), "{error}");
        let error = said("package main\nimport rego.v1\ndeny contains 7 if true\n").unwrap_err();
        assert!(error.contains("an object with `msg`"), "{error}");
    }
}
