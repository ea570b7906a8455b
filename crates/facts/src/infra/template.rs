//! Templates of charts, read tolerantly: values that the chart's own `values.yaml` gives are put
//! in, conditions on them decided; what is not known becomes an unknown value, never a safe one.
//! Lines stay where they are, so that places hold.
//!
//! Source: <https://helm.sh/docs/chart_template_guide/>.

use super::node::{Kind, Node};

/// Marks around the words of what is unknown.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// Blocks may stand in each other this deep.
const MAX_BLOCKS: usize = 100;

struct Block {
    /// Whether what stands in it is kept.
    kept: bool,
    /// Whether a branch of it was kept or may have been.
    taken: bool,
    /// What the dot means inside.
    dot: Option<Option<Node>>,
}

/// The text with its templates filled in.
pub(super) fn render(text: &str, values: Option<&Node>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blocks: Vec<Block> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, tail) = rest.split_at(at);
        let kept = blocks.iter().all(|block| block.kept);
        keep(before, kept, &mut out);
        let Some(end) = tail.find("}}") else {
            rest = tail;
            break;
        };
        let action = &tail[2..end];
        rest = &tail[end + 2..];
        let words = action.trim_matches(['-', ' ', '\n', '\r', '\t']);
        let line_start = out.rfind('\n').map_or(0, |at| at + 1);
        let alone = out[line_start..].trim().is_empty()
            && rest
                .split('\n')
                .next()
                .is_some_and(|tail| tail.trim().is_empty());
        let dot = blocks.iter().rev().find_map(|block| block.dot.clone());
        let (word, argument) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        match word {
            "if" | "with" | "range" | "define" | "block" => {
                let value = look_up(argument, values, dot.as_ref());
                let truth = value.as_ref().map(truth);
                let dot = match word {
                    "with" => Some(value),
                    "range" | "define" => Some(None),
                    _ => None,
                };
                if blocks.len() < MAX_BLOCKS {
                    blocks.push(Block {
                        kept: word != "define" && truth != Some(false),
                        taken: truth != Some(false),
                        dot,
                    });
                }
            }
            "else" => {
                if let Some(block) = blocks.last_mut() {
                    let condition = argument.strip_prefix("if ");
                    let value = condition.and_then(|text| look_up(text, values, dot.as_ref()));
                    let truth = value.as_ref().map(truth);
                    block.kept = !block.taken && truth != Some(false);
                    block.taken |= block.kept;
                }
            }
            "end" => {
                blocks.pop();
            }
            _ if words.starts_with("/*") => {}
            _ if words.starts_with('$') && words.contains(":=") => {}
            _ if kept => match look_up(words, values, dot.as_ref()) {
                Some(value) if alone => {
                    // As deep as the template says, and beside whatever stands there.
                    if let Some(deep) = indent(words) {
                        out.truncate(line_start);
                        out.extend(std::iter::repeat_n(' ', deep));
                    }
                    if matches!(value.kind, Kind::Map(_)) {
                        out.push_str("<<: ");
                    }
                    out.push_str(&flow(&value));
                }
                Some(value) => out.push_str(&flow(&value)),
                // A block of lines that nobody knows, or a value.
                None if alone => {}
                None => {
                    out.push(OPEN);
                    out.extend(words.chars().filter(|letter| {
                        !matches!(*letter, '"' | '\'' | ':' | '#' | '\n' | OPEN | CLOSE)
                    }));
                    out.push(CLOSE);
                }
            },
            _ => {}
        }
        out.extend(action.chars().filter(|letter| *letter == '\n'));
    }
    let kept = blocks.iter().all(|block| block.kept);
    keep(rest, kept, &mut out);
    out
}

/// How far an action moves its lines to the right.
fn indent(words: &str) -> Option<usize> {
    let mut stages = words.rsplit('|').map(str::trim);
    let deep = stages.find_map(|stage| {
        let count = stage
            .strip_prefix("nindent ")
            .or_else(|| stage.strip_prefix("indent "))?;
        count.trim().parse().ok()
    });
    deep.filter(|deep| *deep < 100)
}

fn keep(text: &str, kept: bool, out: &mut String) {
    if kept {
        out.push_str(text);
    } else {
        out.extend(text.chars().filter(|letter| *letter == '\n'));
    }
}

fn truth(value: &Node) -> bool {
    match &value.kind {
        Kind::Null => false,
        Kind::Text(text) => !matches!(text.as_str(), "" | "false" | "0"),
        Kind::Unknown(_) => true,
        Kind::List(items) => !items.is_empty(),
        Kind::Map(entries) => !entries.is_empty(),
    }
}

/// What an expression gives, if the chart's values say it.
fn look_up(words: &str, values: Option<&Node>, dot: Option<&Option<Node>>) -> Option<Node> {
    let mut stages = words.split('|').map(str::trim);
    let first = stages.next()?;
    let first = ["toYaml ", "quote ", "not ", "int ", "tpl "]
        .iter()
        .find_map(|word| Some((*word, first.strip_prefix(word)?)))
        .unwrap_or(("", first));
    let (function, path) = first;
    let path = path.trim();
    let found = if path == "." {
        dot?.clone()
    } else if let Some(path) = path
        .strip_prefix("$.Values.")
        .or_else(|| path.strip_prefix(".Values."))
    {
        follow(values?, path)
    } else if let Some(path) = path.strip_prefix('.')
        && let Some(dot) = dot
        && !path.starts_with(|letter: char| letter.is_ascii_uppercase())
    {
        dot.as_ref().and_then(|dot| follow(dot, path))
    } else if path.len() > 1 && path.starts_with('"') && path.ends_with('"') {
        Some(text(path.trim_matches('"')))
    } else {
        return None;
    };
    let mut value = found;
    if function == "not " {
        value = value.map(|value| text(if truth(&value) { "false" } else { "true" }));
    }
    for stage in stages {
        if let Some(default) = stage.strip_prefix("default ") {
            let missing = value.as_ref().is_none_or(|value| !truth(value));
            if missing {
                value = Some(text(default.trim().trim_matches('"')));
            }
        } else if ![
            "quote", "toYaml", "nindent", "indent", "trim", "squote", "int", "toString",
        ]
        .iter()
        .any(|word| stage == *word || stage.starts_with(&format!("{word} ")))
        {
            return None;
        }
    }
    value
}

fn text(words: &str) -> Node {
    Node::new(Kind::Text(words.to_owned()), 0, 0)
}

fn follow(values: &Node, path: &str) -> Option<Node> {
    let mut at = values;
    for part in path.split('.') {
        if part.contains(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-')
        {
            return None;
        }
        match at.get(part) {
            Some(next) => at = next,
            // A key that the values do not have is empty, if they are its owner.
            None if !at.map().is_empty() => return Some(Node::new(Kind::Null, 0, 0)),
            None => return None,
        }
    }
    Some(at.clone())
}

/// A value in one line.
fn flow(value: &Node) -> String {
    fn json(node: &Node) -> serde_json::Value {
        match &node.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Text(text) => match text.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                _ => text
                    .parse::<i64>()
                    .map_or_else(|_| text.clone().into(), Into::into),
            },
            Kind::Unknown(text) => format!("{OPEN}{text}{CLOSE}").into(),
            Kind::List(items) => items.iter().map(json).collect::<Vec<_>>().into(),
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), json(value)));
                serde_json::Value::Object(entries.collect())
            }
        }
    }
    match &value.kind {
        Kind::Null => String::new(),
        Kind::Text(text) if !text.contains(['\n', '"', '\'', '{', '[', '#', ':']) => text.clone(),
        _ => json(value).to_string(),
    }
}

/// Turns the marked values of a rendered document into unknown ones.
pub(super) fn settle(node: &mut Node) {
    match &mut node.kind {
        Kind::Text(text) if text.contains(OPEN) => {
            let words = text.replace(OPEN, "{{ ").replace(CLOSE, " }}");
            node.kind = Kind::Unknown(words);
        }
        Kind::List(items) => items.iter_mut().for_each(settle),
        Kind::Map(entries) => {
            for (key, value) in entries {
                if key.contains(OPEN) {
                    *key = key.replace(OPEN, "{{ ").replace(CLOSE, " }}");
                }
                settle(value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_and_conditions_decided() {
        let values =
            super::super::yaml::read("image: {tag: '1'}\nctx: {runAsNonRoot: true}\non: false\n");
        let text = "a: {{ .Values.image.tag | quote }}\n{{- if .Values.on }}\nb: 1\n{{- else }}\nc: 1\n{{- end }}\nd:\n  {{- toYaml .Values.ctx | nindent 2 }}\ne: {{ include \"x\" . }}\n{{- with .Values.ctx }}\nf: {{ .runAsNonRoot }}\n{{- end }}\n";
        let rendered = render(text, values.documents.first());
        assert_eq!(rendered.lines().count(), text.lines().count());
        let mut document = super::super::yaml::read(&rendered).documents.remove(0);
        settle(&mut document);
        let get = |key: &str| document.get(key).and_then(Node::text);
        assert_eq!(get("a"), Some("1"));
        assert_eq!(get("b"), None);
        assert_eq!(get("c"), Some("1"));
        assert_eq!(get("f"), Some("true"));
        let inner = document.get("d").and_then(|d| d.get("runAsNonRoot"));
        assert_eq!(inner.and_then(Node::text), Some("true"));
        let unknown = document.get("e").map(|e| &e.kind);
        assert!(matches!(unknown, Some(Kind::Unknown(_))));
    }
}
