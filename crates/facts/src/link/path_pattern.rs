//! Patterns over whole paths as servers of JavaScript write them: `/users/:id`, `/api/*path`,
//! `/dashboard(.*)`, `/((?!api|static).*)`.

use regex::{Regex, RegexBuilder};

/// A pattern that may match paths.
#[derive(Clone, Debug)]
pub(super) struct PathPattern {
    matches: Regex,
    /// What the path must not begin with: `(?!…)`.
    never: Vec<Regex>,
}

impl PathPattern {
    /// Reads a pattern; `below`: it also matches what is below the path. `None` if it is not
    /// understood.
    pub(super) fn parse(pattern: &str, below: bool) -> Option<Self> {
        let mut text = translated(pattern);
        if below {
            text = text.trim_end_matches('/').to_owned();
            text.push_str("(?:/.*)?");
        }
        Self::compile(&format!("^{text}/?$"))
    }

    /// Reads a regular expression.
    pub(super) fn expression(text: &str) -> Option<Self> {
        Self::compile(text)
    }

    fn compile(text: &str) -> Option<Self> {
        let mut text = text.to_owned();
        let mut never = Vec::new();
        while let Some(at) = text.find("(?!") {
            let end = at + closing(&text[at..])?;
            let inner = &text[at + 3..end];
            // Groups that are still open where it stands are closed behind it.
            let open = depth(&text[..at]);
            let close = ")".repeat(open);
            never.push(compiled(&format!("{}(?:{inner}){close}", &text[..at]))?);
            text.replace_range(at..=end, "");
        }
        Some(Self {
            matches: compiled(&text)?,
            never,
        })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        self.matches.is_match(path) && !self.never.iter().any(|never| never.is_match(path))
    }
}

fn compiled(text: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(text);
    builder.size_limit(1 << 18).dfa_size_limit(1 << 18);
    builder.build().ok()
}

/// How many groups are open at the end of a text.
fn depth(text: &str) -> usize {
    let mut open = 0usize;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    open
}

/// Where the group ends with which the text begins.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '(' => open += 1,
            ')' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The regular expression of a pattern, without its ends.
fn translated(pattern: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        match c {
            '(' => {
                let rest: String = chars[at..].iter().collect();
                let end = closing(&rest).map_or(rest.len(), |end| end + 1);
                out.push_str(&rest[..end]);
                at += rest[..end].chars().count();
                if let Some(mark @ ('?' | '*' | '+')) = chars.get(at) {
                    out.push(*mark);
                    at += 1;
                }
                continue;
            }
            ':' | '*' | '{' => {
                let braced = c == '{';
                let start = at + 1;
                let mut end = start;
                while chars.get(end).is_some_and(|c| {
                    c.is_alphanumeric() || *c == '_' || braced && matches!(c, '/' | '*' | ':')
                }) {
                    end += 1;
                }
                let name: String = chars[start..end].iter().collect();
                at = end;
                let mut part = match c {
                    ':' => "[^/]+".to_owned(),
                    // `{*rest}`, `{/*rest}`, `{id}`
                    '{' if name.contains('*') => ".*".to_owned(),
                    '{' => "[^/]+".to_owned(),
                    _ => ".*".to_owned(),
                };
                if braced && chars.get(at) == Some(&'}') {
                    at += 1;
                }
                if c == ':' && chars.get(at) == Some(&'(') {
                    let rest: String = chars[at..].iter().collect();
                    let end = closing(&rest).map_or(rest.len(), |end| end + 1);
                    part = rest[..end].to_owned();
                    at += rest[..end].chars().count();
                }
                let mark = chars.get(at).copied().filter(|_| c == ':');
                let slash = out.ends_with('/');
                match mark {
                    Some('*') if slash => {
                        out.pop();
                        out.push_str("(?:/.*)?");
                        at += 1;
                    }
                    Some('+') => {
                        out.push_str(".+");
                        at += 1;
                    }
                    Some('?') if slash => {
                        out.pop();
                        out.push_str(&format!("(?:/{part})?"));
                        at += 1;
                    }
                    // `/users/*` reaches `/users` as well.
                    _ if part == ".*" && slash && out.len() > 1 && at >= chars.len() => {
                        out.pop();
                        out.push_str("(?:/.*)?");
                    }
                    _ => out.push_str(&part),
                }
                continue;
            }
            '\\' => {
                out.push(c);
                if let Some(next) = chars.get(at + 1) {
                    out.push(*next);
                }
                at += 2;
                continue;
            }
            '?' | '+' => out.push(c),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_paths() {
        let check = |pattern: &str, path: &str| {
            PathPattern::parse(pattern, false).is_some_and(|one| one.matches(path))
        };
        assert!(check("/users/:id", "/users/{id}"));
        assert!(!check("/users/:id", "/users"));
        assert!(check("/about/:path*", "/about"));
        assert!(check("/about/:path*", "/about/a/b"));
        assert!(!check("/about/:path*", "/abouts"));
        assert!(check("/dashboard(.*)", "/dashboard/x"));
        assert!(check("/users/*", "/users"));
        assert!(check("/users/*rest", "/users/a/b"));
        assert!(check("/{*rest}", "/a/b"));
        assert!(check("/(api|trpc)(.*)", "/api/users"));
        assert!(!check("/(api|trpc)(.*)", "/app"));
        let all = "/((?!api|_next/static|favicon\\.ico).*)";
        assert!(check(all, "/dashboard"));
        assert!(!check(all, "/api/users"));
        assert!(!check(all, "/favicon.ico"));
        let clerk = "/((?!_next|[^?]*\\.(?:html?|css)).*)";
        assert!(check(clerk, "/api/users"));
        assert!(!check(clerk, "/a/b.css"));
        let below = PathPattern::parse("/users", true).unwrap();
        assert!(below.matches("/users/{id}") && below.matches("/users"));
        assert!(!below.matches("/userspace"));
        assert!(check("*", "/a"));
    }
}
