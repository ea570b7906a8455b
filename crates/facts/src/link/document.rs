//! What stands in documents: routes, mounts and rules over paths in a framework's YAML or JSON.

use super::path_rule::Said;
use super::*;
use crate::rule::wild;

/// Texts that one regular expression stands for; more are not listed.
const MAX_TEXTS: usize = 64;

impl Linker<'_> {
    /// The items of a document that rules speak of: those below the keys that a rule names, each
    /// item of a list by itself.
    pub(crate) fn document_items(&self, file: FileId) -> Vec<(usize, Matched)> {
        let mut found = Vec::new();
        let rules = &self.index(file).documents;
        if rules.is_empty() {
            return found;
        }
        let parsed = self.project.parsed(file);
        let Some(root) = parsed.unit.root else {
            return found;
        };
        for rule_id in rules {
            let loaded = self.rule(*rule_id);
            let used = self.used().contains(&loaded.framework);
            if !used || !self.allowed(file, loaded) {
                continue;
            }
            for keys in &loaded.rule.document {
                let keys: Vec<&str> = keys.split('/').collect();
                for item in below(&parsed.unit, root, &keys) {
                    let args = vec![Arg {
                        name: None,
                        value: item,
                        spread: false,
                    }];
                    let matched = Matched {
                        file,
                        callee: None,
                        args,
                        value: Some(item),
                    };
                    if self.holds(&matched, &loaded.rule.constraints) {
                        found.push((*rule_id, matched));
                    }
                }
            }
        }
        found
    }

    /// Registers the routes, mounts and path rules of a document.
    pub(super) fn register_document(&self, file: FileId) {
        for (rule_id, matched) in self.document_items(file) {
            let Some(item) = matched.value else { continue };
            let rule = &self.rule(rule_id).rule;
            match rule.link {
                Some(Link::PathRule) => self.add_said_rule(rule_id, &matched),
                Some(Link::Prefix) => {
                    let path = self.path(&matched, &rule.path);
                    let folder = self.texts(&matched, &rule.child).into_iter().next();
                    if let (Some(path), Some(folder)) = (path, folder)
                        && !path.text.trim_matches('/').is_empty()
                    {
                        let span = self.project.parsed(file).unit.expr(item).span;
                        let folder = self.folder_of(file, &folder);
                        let mut all = self.folder_prefixes.borrow_mut();
                        all.push((folder, path, file, span));
                    }
                }
                Some(_) => self.register_scoped(file, item, rule_id, &matched),
                None => {}
            }
        }
    }

    /// The prefix that a document gives to what the files of a folder declare.
    pub(super) fn folder_prefix(&self, file: FileId) -> Option<(PathText, FileId, Span)> {
        let path = self.project.path(file);
        let all = self.folder_prefixes.borrow();
        let within = all.iter().filter(|(folder, ..)| {
            path.strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        });
        let nearest = within.max_by_key(|(folder, ..)| folder.len())?;
        Some((nearest.1.clone(), nearest.2, nearest.3))
    }

    /// A folder that a file names from where it stands, without what follows a `*`.
    fn folder_of(&self, file: FileId, text: &str) -> String {
        let own = self.project.path(file);
        let mut words: Vec<&str> = own.split('/').collect();
        words.pop();
        for word in text.split('/') {
            match word {
                "" | "." => {}
                ".." => {
                    words.pop();
                }
                word if word.contains('*') => break,
                word => words.push(word),
            }
        }
        words.join("/")
    }

    fn add_said_rule(&self, rule_id: usize, matched: &Matched) {
        let rule = &self.rule(rule_id).rule;
        let mut said = Said::default();
        for text in self.texts(matched, &rule.path) {
            match rule.regular {
                true => match paths_of(&text) {
                    Some(all) => said.paths.extend(all),
                    None => said.unknown = true,
                },
                false => said.paths.push(text),
            }
        }
        if said.paths.is_empty() && !said.unknown {
            said.paths.push("/**".to_owned());
        }
        said.words = self.texts(matched, &rule.guards).join(", ");
        self.add_said(rule_id, matched, said);
    }
}

/// What stands below the keys, in which `*` stands for any characters.
fn below(unit: &Unit, id: ExprId, keys: &[&str]) -> Vec<ExprId> {
    match (unit.kind(id), keys.split_first()) {
        (ExprKind::Block(items) | ExprKind::Other(items), _) => {
            let items = items.iter();
            items.flat_map(|item| below(unit, *item, keys)).collect()
        }
        (ExprKind::List(items), None) => items.clone(),
        (_, None) => vec![id],
        (ExprKind::Map(pairs), Some((key, rest))) => {
            let pairs = pairs.iter().filter(|(name, _)| {
                let name = unit.literal(*name).or_else(|| unit.last_name(*name));
                name.is_some_and(|name| wild(key, name))
            });
            pairs
                .flat_map(|(_, value)| below(unit, *value, rest))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The patterns of paths that a regular expression stands for, if it is made of texts, groups
/// of alternatives and runs of any characters: `^/(login|join)$`, `^/admin`.
fn paths_of(text: &str) -> Option<Vec<String>> {
    let (rest, anchored) = match text.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (rest, ends) = match rest.strip_suffix('$') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    if !anchored && !rest.starts_with('/') {
        return None;
    }
    let chars: Vec<char> = rest.chars().collect();
    let mut at = 0;
    let all = alternatives(&chars, &mut at, 0)?;
    if at != chars.len() {
        return None;
    }
    let mut paths = BTreeSet::new();
    for path in all {
        if ends {
            paths.insert(path);
        } else if path.ends_with('/') {
            paths.insert(format!("{path}**"));
        } else {
            paths.insert(format!("{path}*"));
            paths.insert(format!("{path}*/**"));
        }
    }
    Some(paths.into_iter().collect())
}

fn alternatives(chars: &[char], at: &mut usize, depth: u32) -> Option<Vec<String>> {
    if depth > 8 {
        return None;
    }
    let mut all = Vec::new();
    let mut current = vec![String::new()];
    while let Some(c) = chars.get(*at) {
        let parts: Vec<String> = match c {
            '|' => {
                all.append(&mut current);
                current.push(String::new());
                *at += 1;
                continue;
            }
            ')' => break,
            '(' => {
                *at += 1;
                if chars.get(*at) == Some(&'?') {
                    (chars.get(*at + 1) == Some(&':')).then_some(())?;
                    *at += 2;
                }
                let inner = alternatives(chars, at, depth + 1)?;
                (chars.get(*at) == Some(&')')).then_some(())?;
                inner
            }
            '\\' => {
                *at += 1;
                match chars.get(*at)? {
                    'd' | 'w' => vec!["*".to_owned()],
                    c if c.is_alphanumeric() => return None,
                    c => vec![c.to_string()],
                }
            }
            '[' => {
                while chars.get(*at).is_some_and(|c| *c != ']') {
                    *at += 1;
                }
                chars.get(*at)?;
                vec!["*".to_owned()]
            }
            '.' if matches!(chars.get(*at + 1), Some('*' | '+')) => vec!["**".to_owned()],
            '.' => vec![".".to_owned()],
            '*' | '+' | '?' | '{' | '}' | '^' | '$' => return None,
            c => vec![c.to_string()],
        };
        *at += 1;
        let optional = match chars.get(*at) {
            Some('?') => true,
            Some('*' | '+') if parts.iter().all(|part| part.starts_with('*')) => false,
            Some('*' | '+' | '{') => return None,
            _ => {
                current = joined(&current, &parts, false)?;
                continue;
            }
        };
        *at += 1;
        current = joined(&current, &parts, optional)?;
    }
    all.append(&mut current);
    (all.len() <= MAX_TEXTS).then_some(all)
}

fn joined(heads: &[String], tails: &[String], optional: bool) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for head in heads {
        if optional {
            all.push(head.clone());
        }
        all.extend(tails.iter().map(|tail| format!("{head}{tail}")));
    }
    (all.len() <= MAX_TEXTS).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_are_patterns_of_paths() {
        let check = |text: &str, expected: &[&str]| {
            let found = paths_of(text).unwrap_or_default();
            assert_eq!(found, expected, "{text}");
        };
        check("^/admin", &["/admin*", "/admin*/**"]);
        check("^/", &["/**"]);
        check("^/(login|join)$", &["/join", "/login"]);
        check(
            "^/(_(profiler|wdt)|css)/",
            &["/_profiler/**", "/_wdt/**", "/css/**"],
        );
        check("^/api/v\\d+/users$", &["/api/v*/users"]);
        check("^/(fr/)?contact$", &["/contact", "/fr/contact"]);
        check("^/files/.*$", &["/files/**"]);
        check("admin", &[]);
        check("^/(?!api)", &[]);
    }
}
