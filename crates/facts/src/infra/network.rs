//! Networks that are let in or reached, weighed by their width and by the ports.

use super::node::{Found, Kind};
use super::rule::Trait;
use super::weigh::Item;

/// Ports of databases, remote shells and control planes: nobody means them for everybody.
const INNER: [u16; 19] = [
    21, 22, 23, 135, 445, 1433, 1521, 2375, 2379, 3306, 3389, 5432, 5601, 5900, 6379, 6443, 9200,
    11211, 27017,
];

/// The share of the address space that a network takes, as the bits that are not fixed of 32 or
/// 128; `None` for what is no network.
fn width(text: &str) -> Option<(f64, bool)> {
    if matches!(
        text.to_ascii_lowercase().as_str(),
        "*" | "any" | "internet" | "all" | "allow all"
    ) {
        return Some((1.0, true));
    }
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let address: std::net::IpAddr = address.trim().parse().ok()?;
    let (bits, public) = match address {
        std::net::IpAddr::V4(v4) => (
            32.0,
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local()),
        ),
        std::net::IpAddr::V6(v6) => (
            128.0,
            !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
        ),
    };
    let length: f64 = if length.is_empty() {
        bits
    } else {
        f64::from(length.trim().parse::<u8>().ok()?).min(bits)
    };
    Some(((bits - length) / bits, public))
}

/// The ports in words, and whether one of them is nobody's business.
fn ports(rule: &Trait, one: &Found<'_>) -> (String, bool, bool) {
    let mut owner = one.clone();
    let Some(node) = owner.around.pop() else {
        return (String::new(), false, false);
    };
    owner.node = node;
    owner.keys.pop();
    let mut values: Vec<String> = Vec::new();
    for path in &rule.ports {
        for found in path.select(&owner) {
            for item in found.node.each() {
                match &item.kind {
                    Kind::Text(text) => values.push(text.clone()),
                    Kind::Unknown(text) => values.push(format!("`{text}`")),
                    _ => {}
                }
            }
        }
    }
    if rule.ports.is_empty() {
        return (String::new(), false, false);
    }
    let number = |text: &String| text.parse::<i64>().ok();
    let range = match &values[..] {
        [from, to] if rule.ports.len() == 2 => number(from).zip(number(to)),
        [one] if one.contains('-') => one
            .split_once('-')
            .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?))),
        [one] => number(one).map(|port| (port, port)),
        _ => None,
    };
    match range {
        Some((from, to)) if from <= 0 && (to <= 0 || to >= 65_535) => {
            (" on every port".into(), true, false)
        }
        Some((from, to)) => {
            let inner = INNER
                .iter()
                .any(|port| (from..=to).contains(&i64::from(*port)));
            let web = from == to && matches!(from, 80 | 443);
            if from == to {
                (format!(" on port {from}"), inner, web)
            } else {
                (
                    format!(" on ports {from}-{to}"),
                    inner || to - from > 1000,
                    false,
                )
            }
        }
        None if values.is_empty() => (" on every port".into(), true, false),
        None => {
            let every = values.iter().any(|value| value == "*");
            let inner = values
                .iter()
                .any(|value| value.parse().is_ok_and(|port| INNER.contains(&port)));
            let web = values
                .iter()
                .all(|value| matches!(value.as_str(), "80" | "443"));
            if every {
                (" on every port".into(), true, false)
            } else {
                (format!(" on ports {}", values.join(", ")), inner, web)
            }
        }
    }
}

pub(super) fn items(rule: &Trait, found: &[Found<'_>]) -> Vec<Item> {
    let mut all = Vec::new();
    for one in found {
        let (text, unknown) = match &one.node.kind {
            Kind::Text(text) => (text.trim().to_owned(), false),
            Kind::Unknown(text) => (text.clone(), true),
            _ => continue,
        };
        let (on, inner, web) = ports(rule, one);
        let weight = match width(&text) {
            None => 0.3,
            // The whole world.
            Some((width, true)) if width > 0.7 => match (inner, web) {
                (true, _) => 4.0,
                (_, true) => 1.5,
                _ => 3.0,
            },
            Some((width, true)) => 0.6 + width,
            Some((width, false)) => 0.3 + width / 4.0,
        };
        all.push(Item {
            text: format!("{text}{on}"),
            weight,
            says: String::new(),
            given: true,
            shown: None,
            unknown,
            start: one.node.start,
            end: one.node.end,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_widths() {
        let check = |text: &str, expected| assert_eq!(width(text), expected, "{text}");
        check("0.0.0.0/0", Some((1.0, true)));
        check("::/0", Some((1.0, true)));
        check("10.0.0.0/8", Some((0.75, false)));
        check("203.0.113.7", Some((0.0, true)));
        check("sg-1234", None);
        check("1.2.3.4/999", None);
    }
}
