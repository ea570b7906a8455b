//! Access policies of clouds, weighed by their wildcards.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

use super::node::{Found, Kind, Node};
use super::weigh::Item;

fn get<'a>(node: &'a Node, names: &[&str]) -> Option<&'a Node> {
    let mut entries = node.map().iter();
    entries
        .find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value)
}

fn statements(node: &Node, out: &mut Vec<Node>, depth: usize) {
    if depth > 6 {
        return;
    }
    match &node.kind {
        // A document in a text.
        Kind::Text(text) if text.trim_start().starts_with('{') => {
            for mut document in super::yaml::read(text).documents {
                super::place(&mut document, node.start, node.end);
                statements(&document, out, depth + 1);
            }
        }
        Kind::List(items) => items
            .iter()
            .for_each(|item| statements(item, out, depth + 1)),
        Kind::Map(_) => match get(node, &["statement"]) {
            Some(inner) => statements(inner, out, depth + 1),
            None => {
                let names = ["action", "actions", "notaction", "not_actions"];
                if get(node, &names).is_some() {
                    out.push(node.clone());
                }
            }
        },
        _ => {}
    }
}

/// All texts below, sorted; the flag says that one is unknown.
fn words(node: Option<&Node>) -> (Vec<String>, bool) {
    let mut nodes = Vec::new();
    if let Some(node) = node {
        node.texts(&mut nodes);
    }
    let mut unknown = false;
    let mut words: Vec<String> = nodes
        .iter()
        .filter_map(|node| match &node.kind {
            Kind::Text(text) => Some(text.trim().to_owned()),
            Kind::Unknown(text) => {
                unknown = true;
                Some(text.clone())
            }
            _ => None,
        })
        .collect();
    words.sort();
    words.dedup();
    (words, unknown)
}

fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        words if words.len() > 3 => format!("{} and {} more", words[0], words.len() - 1),
        words => words.join(", "),
    }
}

fn reads(action: &str) -> bool {
    let verb = action.rsplit(':').next().unwrap_or(action);
    ["Get", "List", "Describe", "Head", "View", "BatchGet"]
        .iter()
        .any(|word| verb.starts_with(word))
}

pub(super) fn items(found: &[Found<'_>]) -> Vec<Item> {
    let mut all = Vec::new();
    let mut list = Vec::new();
    for one in found {
        statements(one.node, &mut list, 0);
    }
    for statement in &list {
        let (effect, _) = words(get(statement, &["effect"]));
        let denies = effect
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("deny"));
        let (actions, _) = words(get(statement, &["action", "actions"]));
        let (except, _) = words(get(statement, &["notaction", "not_actions"]));
        let (resources, _) = words(get(statement, &["resource", "resources"]));
        let (mut principals, _) =
            words(get(statement, &["principal", "principals"]).map(identifiers));
        principals.retain(|word| !matches!(word.as_str(), "AWS" | "Service" | "Federated"));
        let limited = get(statement, &["condition", "conditions"]).is_some();
        let everything = resources.iter().any(|word| word == "*");
        let anybody = principals.iter().any(|word| word == "*");
        let on = if everything {
            " on everything".to_owned()
        } else if resources.is_empty() {
            String::new()
        } else {
            format!(" on {}", joined(&resources))
        };
        let by = if anybody {
            " by anybody".to_owned()
        } else if principals.is_empty() {
            String::new()
        } else {
            format!(" by {}", joined(&principals))
        };
        let under = if limited { " under a condition" } else { "" };
        let all_but: Vec<String> = if except.is_empty() {
            Vec::new()
        } else {
            vec![format!("all but {}", joined(&except))]
        };
        for action in actions.iter().chain(&all_but) {
            let wild = action == "*" || action == "*:*" || action.starts_with("all but");
            let mut weight = if wild {
                3.0
            } else if action.ends_with(":*") {
                2.0
            } else if action.contains('*') && !reads(action) {
                1.0
            } else {
                0.3
            };
            if everything {
                weight += if reads(action) { 0.2 } else { 1.0 };
            }
            if anybody {
                weight += if limited { 1.0 } else { 3.0 };
            }
            let action = if action == "*" { "everything" } else { action };
            let text = format!("{action}{on}{by}{under}");
            let (weight, says) = if denies {
                (-1.0, format!("denies {text}"))
            } else {
                (weight, format!("allows {text}"))
            };
            all.push(Item {
                text: if denies { says.clone() } else { text },
                weight,
                says,
                given: true,
                shown: None,
                unknown: false,
                start: statement.start,
                end: statement.end,
            });
        }
    }
    all
}

/// Of `{type, identifiers}` blocks only the identifiers.
fn identifiers(node: &Node) -> &Node {
    match node.each() {
        [one] => get(one, &["identifiers"]).unwrap_or(node),
        _ => node,
    }
}
