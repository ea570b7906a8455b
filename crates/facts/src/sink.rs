//! Dangerous calls as facts, with what is known of the argument: `constant`, `parameterised`,
//! `sanitised`, `unknown`, `built`, `model` or `request`; and the hosts that a program speaks to.

use serde_json::json;

use crate::element::*;
use crate::fact::{Attributes, Confidence, Fact, FactKind};
use crate::link::{FoundSink, Linker, Trace};
use crate::local::{Site, subject};

/// Operations that are told even where their argument is written down.
const ALWAYS: [&str; 4] = ["command", "code", "sql", "deserialisation"];

/// Reads the dangerous calls of one file.
pub(crate) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let found = linker.sinks_in(site.file);
    for sink in &found {
        one(linker, site, sink, facts);
    }
    through(linker, site, facts);
    crate::cleaning::extract(linker, site, facts);
}

fn one(linker: &Linker<'_>, site: &Site<'_>, sink: &FoundSink, facts: &mut Vec<Fact>) {
    let loaded = linker.loaded(sink.rule);
    let rule = &loaded.rule;
    let Some(operation) = rule.operation.first() else {
        return;
    };
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let picked = linker.handed_to(sink);
    if picked.is_empty() {
        return;
    }
    let subject = subject(unit, sink.id);
    let callee = called(linker, site, sink);
    let span = unit.expr(sink.id).span;
    if matches!(&**operation, "log" | "disclose") {
        let to = Told {
            subject: &subject,
            operation,
            callee: &callee,
            argument: "sensitive",
            from: None,
            via: None,
            by: Vec::new(),
        };
        told_away(linker, site, &picked, &to, span, &rule.id, facts);
        return;
    }
    if rule.fact == Some(FactKind::Egress) {
        for (file, id) in &picked {
            let text = linker.beginning(*file, *id);
            if let Some((protocol, host)) = host_of(&text) {
                facts.push(egress(
                    site, &subject, &callee, protocol, host, span, &rule.id,
                ));
            }
        }
    }
    let trace = picked
        .iter()
        .map(|(file, id)| linker.trace(*file, *id, operation))
        .reduce(Trace::and)
        .unwrap_or_default();
    let bound = !linker.exprs(&sink.matched, &rule.bound).is_empty();
    let mut word = trace.word(bound);
    let mut from = trace.request.clone().or_else(|| trace.model.clone());
    if word == "unknown" || word == "built" {
        from = linker.handed_by_request(&trace, operation);
        if from.is_some() {
            word = "request";
        }
    }
    let quiet = matches!(word, "constant" | "parameterised");
    if quiet && !ALWAYS.contains(&&**operation) {
        return;
    }
    let mut told = fact(
        site,
        &Told {
            subject: &subject,
            operation,
            callee: &callee,
            argument: word,
            from: from.as_deref(),
            via: None,
            by: trace.by.iter().map(String::as_str).collect(),
        },
        span,
        &rule.id,
    );
    if word == "request" {
        let handed = handed(linker, &picked);
        told.attributes.insert("handed".into(), json!(handed));
    }
    facts.push(told);
}

/// A digest of what a call is handed as it is written: the same once more in a function is no second danger.
fn handed(linker: &Linker<'_>, picked: &[(crate::project::FileId, ExprId)]) -> String {
    let texts = picked.iter().map(|(file, id)| {
        let parsed = linker.project.parsed(*file);
        let own = &linker.project.language(*file).self_names;
        // By their own names: two variables are two values.
        crate::text::plain(&parsed.unit, *id, own)
    });
    crate::text::digest(&texts.collect::<Vec<_>>().join("|"))
}

/// What a fact tells.
struct Told<'a> {
    subject: &'a str,
    operation: &'a str,
    callee: &'a str,
    argument: &'a str,
    from: Option<&'a str>,
    /// The function of the repository in which the dangerous call stands.
    via: Option<&'a str>,
    /// What made the value harmless for just this.
    by: Vec<&'a str>,
}

fn fact(site: &Site<'_>, told: &Told<'_>, span: Span, rule: &str) -> Fact {
    let mut attributes = Attributes::new();
    attributes.insert("operation".into(), json!(told.operation));
    attributes.insert("callee".into(), json!(told.callee));
    attributes.insert("argument".into(), json!(told.argument));
    attributes.insert("subject".into(), json!(told.subject));
    if let Some(from) = told.from {
        attributes.insert("from".into(), json!(from));
    }
    if let Some(via) = told.via {
        attributes.insert("via".into(), json!(via));
    }
    if !told.by.is_empty() {
        attributes.insert("by".into(), json!(told.by));
    }
    let identity = format!("{}:{}:{}", told.subject, told.operation, told.callee);
    site.fact(FactKind::Sink, identity, attributes, span, rule)
}

/// Calls that hand what a request brings to a function whose dangerous call it reaches.
fn through(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    for id in unit.ids() {
        let ExprKind::Call { callee, .. } = unit.kind(id) else {
            continue;
        };
        for (operation, from, function, at) in linker.reaches_through(site.file, id) {
            let other = linker.project.parsed(at);
            let via = other.unit.function(function).qualified.to_string();
            let Some(last) = unit.last_name(*callee) else {
                continue;
            };
            let told = Told {
                subject: &subject(unit, id),
                operation: &operation,
                callee: last,
                argument: "request",
                from: Some(&from),
                via: Some(&via),
                by: Vec::new(),
            };
            facts.push(fact(site, &told, unit.expr(id).span, "handed-on"));
        }
    }
}

/// What is called, without the names of variables.
fn called(linker: &Linker<'_>, site: &Site<'_>, sink: &FoundSink) -> String {
    let parsed = linker.project.parsed(site.file);
    let Some(callee) = sink.matched.callee else {
        let rule = &linker.loaded(sink.rule).rule;
        return rule.has.keys().next().cloned().unwrap_or_default();
    };
    let last = parsed.unit.last_name(callee).unwrap_or_default();
    last.to_owned()
}

/// Names of credentials among what a log is handed, and of whatever is sensitive among what another company is.
fn told_away(
    linker: &Linker<'_>,
    site: &Site<'_>,
    picked: &[(crate::project::FileId, ExprId)],
    to: &Told<'_>,
    span: Span,
    rule: &str,
    facts: &mut Vec<Fact>,
) {
    let discloses = to.operation == "disclose";
    let mut seen = std::collections::BTreeSet::new();
    for (file, id) in picked {
        let parsed = linker.project.parsed(*file);
        let unit = &parsed.unit;
        let shown = match unit.kind(*id) {
            ExprKind::Name(_) | ExprKind::Member { .. } => vec![*id],
            ExprKind::Template(parts) => parts.clone(),
            ExprKind::Binary { .. } => unit.descendants(*id),
            // What a name stands for is told by its value: `{ email: user.email }`.
            ExprKind::Map(_) if discloses => unit.descendants(*id),
            // A field with its name: `slog.String("token", token)`.
            ExprKind::Call { args, .. } => match &args[..] {
                [key, value]
                    if matches!(
                        unit.kind(value.value),
                        ExprKind::Name(_) | ExprKind::Member { .. }
                    ) && unit
                        .literal(key.value)
                        .is_some_and(|key| !key.contains(char::is_whitespace)) =>
                {
                    vec![key.value, value.value]
                }
                _ => continue,
            },
            _ => continue,
        };
        for part in shown {
            let name = match unit.kind(part) {
                ExprKind::Name(name) => name,
                ExprKind::Member { property, .. } => property,
                ExprKind::Str(key) if matches!(unit.kind(*id), ExprKind::Call { .. }) => key,
                _ => continue,
            };
            let class = linker.sensitivity().classify("", name, Some("string"));
            let told_by = |class: &str| discloses || class == "credential";
            if !class.is_some_and(|class| told_by(class.class.name()))
                || discloses && !seen.insert(name.clone())
            {
                continue;
            }
            let told = Told {
                from: Some(name),
                by: Vec::new(),
                ..*to
            };
            let mut fact = fact(site, &told, span, rule);
            fact.identity = format!("{}:{name}", fact.identity);
            fact.confidence = Confidence::Heuristic;
            facts.push(fact);
            // A field and its name are one.
            if matches!(unit.kind(*id), ExprKind::Call { .. }) {
                break;
            }
        }
    }
}

fn egress(
    site: &Site<'_>,
    subject: &str,
    callee: &str,
    protocol: &str,
    host: &str,
    span: Span,
    rule: &str,
) -> Fact {
    let mut attributes = Attributes::new();
    attributes.insert("host".into(), json!(host));
    attributes.insert("protocol".into(), json!(protocol));
    attributes.insert("callee".into(), json!(callee));
    attributes.insert("subject".into(), json!(subject));
    site.fact(
        FactKind::Egress,
        format!("{protocol}://{host}"),
        attributes,
        span,
        rule,
    )
}

/// The protocol and the host of a URL that are written down; the program's own machine is none.
fn host_of(text: &str) -> Option<(&str, &str)> {
    let (protocol, rest) = text.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = host.split(':').next().unwrap_or(host);
    let plain = !host.is_empty()
        && host.contains('.')
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && protocol
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '+');
    let own = host.starts_with("127.") || host == "0.0.0.0";
    (plain && !own).then_some((protocol, host))
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn hosts_are_those_that_are_written_down() {
        let check =
            |text: &str, expected: Option<(&str, &str)>| assert_eq!(host_of(text), expected);
        check(
            "https://api.example.com/v1",
            Some(("https", "api.example.com")),
        );
        check(
            "https://u:p@api.example.com:8443",
            Some(("https", "api.example.com")),
        );
        check("https://{?}.example.com/", None);
        check("http://127.0.0.1/x", None);
        check("http://localhost:80/", None);
        check("/users", None);
    }
}
