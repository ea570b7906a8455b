//! Content security policies, wherever their directives are written: in one text, in a list that is
//! joined, in a map of directives. Each directive is a setting of its own, so that a source which
//! one gains is seen (<https://www.w3.org/TR/CSP3/#csp-directives>).

use serde_json::json;

use crate::element::*;
use crate::fact::{Attributes, Fact, FactKind};
use crate::local::Site;

/// Directives that limit what a page may do.
const DIRECTIVES: [&str; 21] = [
    "default-src",
    "script-src",
    "script-src-elem",
    "script-src-attr",
    "style-src",
    "style-src-elem",
    "style-src-attr",
    "img-src",
    "font-src",
    "connect-src",
    "media-src",
    "object-src",
    "frame-src",
    "child-src",
    "worker-src",
    "manifest-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
    "require-trusted-types-for",
    "trusted-types",
];

/// Adds a setting for each directive that a text or a map of a file says.
pub(crate) fn extract(site: &Site<'_>, unit: &Unit, facts: &mut Vec<Fact>) {
    for id in unit.ids() {
        match unit.kind(id) {
            ExprKind::Str(_) | ExprKind::Template(_) => {
                let text = written(unit, id);
                for part in text.split(';') {
                    let part = part.trim();
                    let (name, sources) = part.split_once(' ').unwrap_or((part, ""));
                    if DIRECTIVES.contains(&name) && !sources.trim().is_empty() {
                        facts.push(fact(site, unit, id, name, sources));
                    }
                }
            }
            ExprKind::Map(pairs) => {
                for (key, value) in pairs {
                    let name = match unit.kind(*key) {
                        ExprKind::Str(name) | ExprKind::Name(name) => name,
                        _ => continue,
                    };
                    if let Some(name) = DIRECTIVES.iter().find(|one| ***one == **name) {
                        facts.push(fact(site, unit, *value, name, &written(unit, *value)));
                    }
                }
            }
            _ => {}
        }
    }
}

/// The texts of an expression, with `{}` for what is computed.
fn written(unit: &Unit, id: ExprId) -> String {
    match unit.kind(id) {
        ExprKind::Str(text) => text.replace(['\\', '\n'], " "),
        ExprKind::Template(parts) => parts.iter().map(|part| written(unit, *part)).collect(),
        ExprKind::List(items) => {
            let items: Vec<String> = items.iter().map(|item| written(unit, *item)).collect();
            items.join(" ")
        }
        ExprKind::Binary { op, left, right } if matches!(&**op, "+" | "." | "..") => {
            written(unit, *left) + &written(unit, *right)
        }
        _ => "{}".to_owned(),
    }
}

fn fact(site: &Site<'_>, unit: &Unit, at: ExprId, name: &str, sources: &str) -> Fact {
    let mut words: Vec<&str> = sources.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    let mut attributes = Attributes::new();
    attributes.insert("type".into(), json!("setting"));
    attributes.insert(
        "setting".into(),
        json!(format!("{name} of the content security policy")),
    );
    attributes.insert("value".into(), json!(words.join(" ")));
    attributes.insert("protection".into(), json!("headers"));
    attributes.insert("level".into(), json!(level(&words)));
    attributes.insert("default_level".into(), json!(0));
    let identity = format!("setting:Content-Security-Policy:{name}");
    site.fact(
        FactKind::Auth,
        identity,
        attributes,
        unit.expr(at).span,
        "content-policy",
    )
}

/// How much a directive's sources protect: the weakest of them counts.
fn level(words: &[&str]) -> i64 {
    let trusted = words.iter().any(|word| {
        [
            "'nonce-",
            "'sha256-",
            "'sha384-",
            "'sha512-",
            "'strict-dynamic'",
        ]
        .iter()
        .any(|start| word.starts_with(start))
    });
    let each = words.iter().map(|word| match *word {
        "'none'" => 6,
        // Browsers that know nonces take no notice of it.
        "'unsafe-inline'" if trusted => 5,
        "'unsafe-inline'" | "'unsafe-eval'" | "'unsafe-hashes'" => 1,
        "*" | "http:" | "https:" => 2,
        "data:" | "blob:" => 3,
        word if word.starts_with('\'') => 5,
        _ => 4,
    });
    each.min().unwrap_or(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_source_counts() {
        let check = |text: &str, expected: i64| {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(level(&words), expected, "{text}");
        };
        check("'none'", 6);
        check("'self' 'nonce-{}' 'unsafe-inline'", 5);
        check("'self' cdn.example.org", 4);
        check("'self' data:", 3);
        check("*", 2);
        check("'self' 'unsafe-eval'", 1);
    }
}
