//! Dockerfiles as trees: `stages` in order, each with what its instructions say, and `image`, the
//! last one with what it takes over from the stages that it is built on.
//!
//! Source: <https://docs.docker.com/reference/dockerfile/>. An own reader, because the format is
//! lines of a word and its rest, and everything unknown can be passed by.

use super::node::{Kind, Node};

/// One instruction with the lines that continue it and the here-documents that it opens.
pub(crate) struct Instruction {
    /// In capitals: `RUN`.
    pub(crate) word: String,
    pub(crate) rest: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Longer instructions are cut: nobody writes them.
const MAX_REST: usize = 100_000;

/// The lines of a text joined to instructions; comments, blank lines and here-documents understood.
pub(crate) fn instructions(text: &str) -> Vec<Instruction> {
    let escape = text
        .lines()
        .take_while(|line| line.trim_start().starts_with('#'))
        .find_map(|line| {
            let (key, value) = line.trim_start_matches(['#', ' ']).split_once('=')?;
            (key.trim().eq_ignore_ascii_case("escape")).then(|| value.trim().chars().next())?
        })
        .unwrap_or('\\');
    let mut all: Vec<Instruction> = Vec::new();
    let mut open = false;
    let mut until: Option<String> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim();
        if let Some(end) = &until {
            if content == end {
                until = None;
            } else if let Some(last) = all.last_mut()
                && last.rest.len() < MAX_REST
            {
                last.rest.push_str("; ");
                last.rest.push_str(content);
                last.end = start + line.trim_end().len();
            }
            continue;
        }
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let goes_on = content.ends_with(escape);
        let body = content.trim_end_matches(escape).trim_end();
        let end = start + line.trim_end().len();
        if open {
            if let Some(last) = all.last_mut()
                && last.rest.len() < MAX_REST
            {
                last.rest.push(' ');
                last.rest.push_str(body);
                last.end = end;
            }
        } else {
            let (word, rest) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
            all.push(Instruction {
                word: word.to_ascii_uppercase(),
                rest: rest.trim().to_owned(),
                start: start + (line.len() - line.trim_start().len()),
                end,
            });
        }
        open = goes_on;
        if !open && let Some(last) = all.last() {
            until = here_document(&last.word, &last.rest);
        }
    }
    all
}

/// The word that ends a here-document that an instruction opens.
fn here_document(word: &str, rest: &str) -> Option<String> {
    if !matches!(word, "RUN" | "COPY" | "ADD") {
        return None;
    }
    let after = rest.split("<<").nth(1)?;
    let end = after
        .trim_start_matches('-')
        .trim_start_matches(['"', '\'']);
    let end: String = end
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect();
    (!end.is_empty() && !end.starts_with(|letter: char| letter.is_ascii_digit())).then_some(end)
}

/// `$NAME` and `${NAME:-default}` with what `ARG` and `ENV` say.
fn expand(text: &str, known: &[(String, String)]) -> Kind {
    let mut out = String::new();
    let mut rest = text;
    let mut unknown = false;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, default, tail) = match after.strip_prefix('{') {
            Some(inner) => {
                let Some(close) = inner.find('}') else { break };
                let (name, default) = match inner[..close].split_once(":-") {
                    Some((name, default)) => (name, Some(default)),
                    None => (&inner[..close], None),
                };
                (name, default, &inner[close + 1..])
            }
            None => {
                let end = after
                    .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                    .unwrap_or(after.len());
                (&after[..end], None, &after[end..])
            }
        };
        let value = known.iter().rev().find(|(key, _)| key == name);
        match value.map(|(_, value)| value.as_str()).or(default) {
            Some(value) => out.push_str(value),
            None => unknown = true,
        }
        rest = tail;
    }
    out.push_str(rest);
    if unknown {
        Kind::Unknown(text.to_owned())
    } else {
        Kind::Text(out)
    }
}

#[derive(Default)]
struct Stage {
    name: String,
    base: String,
    start: usize,
    end: usize,
    entries: Vec<(String, Node)>,
}

impl Stage {
    fn push(&mut self, key: &str, node: Node) {
        match self.entries.iter_mut().find(|(name, _)| name == key) {
            Some((_, list)) => {
                if let Kind::List(items) = &mut list.kind {
                    items.push(node);
                }
            }
            None => {
                let (start, end) = (node.start, node.end);
                let list = Node::new(Kind::List(vec![node]), start, end);
                self.entries.push((key.to_owned(), list));
            }
        }
    }

    fn set(&mut self, key: &str, node: Node) {
        self.entries.retain(|(name, _)| name != key);
        self.entries.push((key.to_owned(), node));
    }
}

fn stage_named<'a>(stages: &'a [Stage], name: &str) -> Option<&'a Stage> {
    let mut all = stages.iter().rev();
    all.find(|stage| stage.name.eq_ignore_ascii_case(name))
}

/// The one document of a Dockerfile; `None` if it builds no image.
pub(super) fn read(text: &str) -> Option<Node> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut known: Vec<(String, String)> = Vec::new();
    for one in instructions(text) {
        let at = |kind| Node::new(kind, one.start, one.end);
        if one.word == "FROM" {
            let words = one.rest.split_whitespace();
            let words: Vec<&str> = words.filter(|word| !word.starts_with("--")).collect();
            let base = words.first().copied().unwrap_or_default();
            let base = expand(base, &known);
            let name = match words.get(1..3) {
                Some([word, name]) if word.eq_ignore_ascii_case("as") => *name,
                _ => "",
            };
            let mut stage = Stage {
                name: name.to_owned(),
                start: one.start,
                end: one.end,
                ..Stage::default()
            };
            if let Kind::Text(base) = &base {
                stage.base.clone_from(base);
            }
            stage.set("from", at(base));
            if !name.is_empty() {
                stage.set("name", at(Kind::Text(name.to_owned())));
            }
            stages.push(stage);
            continue;
        }
        if one.word == "ARG" {
            for word in one.rest.split_whitespace() {
                let (name, value) = word.split_once('=').unwrap_or((word, ""));
                if let Some(stage) = stages.last_mut() {
                    stage.push("arg", at(Kind::Text(name.to_owned())));
                }
                if !value.is_empty() {
                    let value = value.trim_matches(['"', '\'']);
                    known.push((name.to_owned(), value.to_owned()));
                }
            }
            continue;
        }
        let Some(stage) = stages.last_mut() else {
            continue;
        };
        stage.end = one.end;
        let folded = || one.rest.split_whitespace().collect::<Vec<_>>().join(" ");
        match one.word.as_str() {
            "USER" => {
                let user = match expand(one.rest.trim_matches(['"', '\'']), &known) {
                    // The group says nothing about power.
                    Kind::Text(user) => {
                        Kind::Text(user.split(':').next().unwrap_or_default().to_owned())
                    }
                    other => other,
                };
                stage.set("user", at(user));
            }
            "RUN" => stage.push("run", at(Kind::Text(folded()))),
            "ADD" => stage.push("add", at(expand(&folded(), &known))),
            "EXPOSE" => {
                for port in one.rest.split_whitespace() {
                    let port = match expand(port, &known) {
                        Kind::Text(port) => Kind::Text(port.trim_end_matches("/tcp").to_owned()),
                        other => other,
                    };
                    stage.push("expose", at(port));
                }
            }
            "ENV" => {
                let pairs: Vec<(String, String)> = if one.rest.contains('=') {
                    let words = one.rest.split_whitespace();
                    let pairs = words.filter_map(|word| word.split_once('='));
                    pairs
                        .map(|(name, value)| {
                            (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())
                        })
                        .collect()
                } else {
                    let pair = one.rest.split_once(char::is_whitespace);
                    pair.map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                        .into_iter()
                        .collect()
                };
                for (name, value) in pairs {
                    let entry = (name.clone(), at(expand(&value, &known)));
                    known.push((name, value));
                    let map = stage.entries.iter_mut().find(|(key, _)| key == "env");
                    match map.map(|(_, map)| &mut map.kind) {
                        Some(Kind::Map(entries)) => entries.push(entry),
                        _ => stage.set("env", at(Kind::Map(vec![entry]))),
                    }
                }
            }
            "CMD" | "ENTRYPOINT" | "HEALTHCHECK" => {
                stage.set(&one.word.to_ascii_lowercase(), at(Kind::Text(folded())));
            }
            _ => {}
        }
    }
    let last = stages.last()?;
    // What a stage does not say it takes over from the one that it is built on.
    let mut image = last.entries.clone();
    let mut base = last.base.clone();
    for _ in 0..stages.len() {
        let Some(stage) = stage_named(&stages, &base) else {
            break;
        };
        for (key, value) in &stage.entries {
            if !image.iter().any(|(known, _)| known == key) {
                image.push((key.clone(), value.clone()));
            }
        }
        image.retain(|(key, _)| key != "from");
        image.extend(
            stage
                .entries
                .iter()
                .filter(|(key, _)| key == "from")
                .cloned(),
        );
        base.clone_from(&stage.base);
    }
    let image = Node::new(Kind::Map(image), last.start, last.end);
    let (start, end) = (stages[0].start, last.end);
    let all = stages
        .into_iter()
        .map(|stage| Node::new(Kind::Map(stage.entries), stage.start, stage.end));
    let all = Node::new(Kind::List(all.collect()), start, end);
    Some(Node::new(
        Kind::Map(vec![("image".into(), image), ("stages".into(), all)]),
        start,
        end,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_takes_over_from_its_stages() {
        let text = "ARG V=3\nFROM alpine:$V AS base\nUSER app:app\nRUN a \\\n  # why\n  && b\nFROM base\nRUN <<EOF\nx\nEOF\nEXPOSE 80/tcp\n";
        let root = read(text).expect("an image");
        let image = root.get("image").expect("image");
        assert_eq!(image.get("user").and_then(Node::text), Some("app"));
        assert_eq!(image.get("from").and_then(Node::text), Some("alpine:3"));
        let runs: Vec<_> = root.get("stages").expect("stages").each()[0]
            .get("run")
            .expect("run")
            .each()
            .iter()
            .filter_map(Node::text)
            .collect();
        assert_eq!(runs, ["a && b"]);
        assert!(read("# nothing\n").is_none());
    }
}
