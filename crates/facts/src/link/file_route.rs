//! Routes whose path is the place of their file: `app/users/[id]/route.ts` exporting `GET`.

use super::*;
use crate::project::Target;
use crate::rule::{Constraint, Folder};

/// Methods that a file's name may end in.
const VERBS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// The path that a file's place gives, and the method if its name ends in one.
fn path_of(path: &str, folder: &Folder) -> Option<(String, Option<String>)> {
    let stem = match path.rsplit_once('/') {
        Some((_, name)) => {
            let end = name
                .rfind('.')
                .map_or(path.len(), |dot| path.len() - name.len() + dot);
            &path[..end]
        }
        None => path.rsplit_once('.').map_or(path, |(stem, _)| stem),
    };
    let mut segments: Vec<&str> = stem.split('/').collect();
    if !folder.after.is_empty() {
        let starts = folder.after.iter().filter_map(|after| {
            let words: Vec<&str> = after.split('/').collect();
            let at = segments
                .windows(words.len())
                .position(|run| *run == words[..])?;
            Some(at + words.len())
        });
        segments.drain(..starts.max()?);
    }
    let mut method = None;
    if folder.methods
        && let Some(last) = segments.last_mut()
        && let Some((name, verb)) = last.rsplit_once('.')
        && VERBS.contains(&verb)
    {
        *last = name;
        method = Some(verb.to_uppercase());
    }
    let matches = |list: &[String], text: &str| list.iter().any(|one| wild(one, text));
    if segments
        .last()
        .is_some_and(|last| matches(&folder.index, last))
    {
        segments.pop();
    }
    let mut words: Vec<String> = Vec::new();
    for segment in segments {
        let parts = match &folder.parts {
            Some(parts) => apart(segment, parts),
            None => vec![segment.to_owned()],
        };
        for part in parts {
            if matches(&folder.skip, &part) {
                return None;
            }
            if part.is_empty() || matches(&folder.drop, &part) {
                continue;
            }
            let literal = folder.literal.iter().find_map(|pattern| {
                let (open, close) = pattern.split_once('*')?;
                part.strip_prefix(open)?.strip_suffix(close)
            });
            words.push(match literal {
                Some(text) => text.to_owned(),
                None => filled(&part, &folder.params),
            });
        }
    }
    if words
        .last()
        .is_some_and(|last| matches(&folder.index, last))
    {
        words.pop();
    }
    let prefix = folder.prefix.as_deref().unwrap_or_default();
    Some((format!("{prefix}/{}", words.join("/")), method))
}

/// Pieces of a name, except where brackets keep them together.
fn apart(segment: &str, marks: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut depth = 0;
    for c in segment.chars() {
        depth += i32::from(c == '[') - i32::from(c == ']');
        if depth == 0 && marks.contains(c) {
            all.push(String::new());
        } else if let Some(last) = all.last_mut() {
            last.push(c);
        }
    }
    all
}

/// `{id}` for a segment that is a parameter, `[id]`; also where text stands around it.
fn filled(segment: &str, params: &[String]) -> String {
    for param in params {
        let Some((open, close)) = param.split_once('*') else {
            if segment == param {
                return "{rest}".to_owned();
            }
            continue;
        };
        if close.is_empty() {
            if let Some(name) = segment.strip_prefix(open) {
                return format!("{{{name}}}");
            }
            continue;
        }
        if let Some(at) = segment.find(open)
            && let Some(len) = segment[at + open.len()..].find(close)
        {
            let name = &segment[at + open.len()..at + open.len() + len];
            let name = name.split('=').next().unwrap_or(name);
            let after = &segment[at + open.len() + len + close.len()..];
            return format!("{}{{{name}}}{}", &segment[..at], filled(after, params));
        }
    }
    segment.to_owned()
}

impl Linker<'_> {
    /// Registers what a file answers by its place.
    pub(super) fn register_exports(&self, file: FileId) {
        let path = self.project.path(file);
        for rule_id in self.index(file).exports.iter().copied() {
            let loaded = self.rule(rule_id);
            if !self.allowed(file, loaded) {
                continue;
            }
            if loaded.rule.link == Some(Link::PathGuard) {
                self.register_path_guard(file, rule_id);
                continue;
            }
            let Some(folder) = &loaded.rule.folder else {
                continue;
            };
            let Some((place, method)) = path_of(&path, folder) else {
                continue;
            };
            for (name, verb) in &loaded.rule.exports {
                let Some((handler, guards, span)) =
                    self.exported(file, name, &loaded.rule.constraints)
                else {
                    continue;
                };
                let methods = match (&method, &handler) {
                    (Some(method), _) => vec![method.clone()],
                    (None, Handler::Function(at, function)) if verb == "ANY" => {
                        self.asked_methods(*at, *function)
                    }
                    _ => vec![verb.clone()],
                };
                let key = RouterKey::Place(loaded.framework);
                let (router, _) = self.router(file, key, || Router {
                    name: String::new(),
                    root: true,
                    ..Router::new(loaded.framework, file, Span::default())
                });
                let route = Route {
                    methods,
                    path: PathText {
                        text: place.clone(),
                        unknown: false,
                    },
                    handler: Some(handler),
                    guards,
                    protocol: loaded.rule.protocol.clone(),
                    ..Route::new(rule_id, file, span)
                };
                self.push_at(router, (file, span.end), EntryKind::Route(route));
            }
        }
    }

    /// Mounts what each file of a folder hands out; folders below are prefixes.
    pub(super) fn mount_folder(
        &self,
        router: RouterId,
        rule_id: usize,
        matched: &Matched,
        span: Span,
    ) {
        let loaded = self.rule(rule_id);
        let Some((file, id)) = self.exprs(matched, &loaded.rule.within).into_iter().next() else {
            return;
        };
        let parsed = self.project.parsed(file);
        let below = parsed.unit.descendants(id).into_iter().filter_map(|id| {
            let text = parsed.unit.literal(id)?;
            Some(text.trim_start_matches("./").trim_matches('/'))
        });
        let below: Vec<&str> = below.filter(|text| !text.is_empty()).collect();
        let path = self.project.path(file);
        let here = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut start = [&[here], &below[..]].concat().join("/");
        start = format!("{}/", start.trim_matches('/'));
        let base = self.path(matched, &loaded.rule.path).unwrap_or_default();
        let paths = self.project.paths().iter();
        let mut found = false;
        for path in paths.filter(|path| path.starts_with(&start)) {
            let Some(child_file) = self.project.load(path) else {
                continue;
            };
            let Some(default) = self.project.default_export(child_file) else {
                continue;
            };
            let names = loaded.rule.folder.as_ref().map(|folder| &folder.params);
            let folder = names.and_then(|params| {
                let (folder, _) = path[start.len()..].rsplit_once('/')?;
                let words = folder.split('/').map(|name| filled(name, params));
                Some(words.collect::<Vec<_>>().join("/"))
            });
            let value = self.eval(child_file, default);
            for child in self.routers_of_value(&value, 0) {
                found = true;
                let mount = Mount {
                    prefix: PathText {
                        text: match &folder {
                            Some(folder) => format!("{}/{folder}", base.text),
                            None => base.text.clone(),
                        },
                        unknown: base.unknown,
                    },
                    ..Mount::new(child, file, span)
                };
                let kind = EntryKind::Mount(mount);
                let order = (file, span.end);
                self.push(router, Entry { order, kind });
            }
        }
        if !found {
            let missed = (loaded.framework, file, span.line);
            self.unfollowed.borrow_mut().insert(missed);
        }
    }

    /// What a file hands out under a name, if it is something that answers.
    fn exported(
        &self,
        file: FileId,
        name: &str,
        constraints: &[Constraint],
    ) -> Option<(Handler, Vec<GuardUse>, Span)> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut guards = Vec::new();
        if name == "default" {
            let id = self.project.default_export(file)?;
            let matched = self.matched(file, id);
            if !self.holds(&matched, constraints) {
                return None;
            }
            let span = match self.eval(file, id) {
                Value::Function(at, function) if at == file => unit.function(function).head,
                _ => unit.expr(id).span,
            };
            let handler = self.handler(file, id, &mut guards, 0)?;
            return Some((handler, guards, span));
        }
        match self.project.export(file, name, 0) {
            Target::Function(at, function) => {
                let head = match at == file {
                    true => unit.function(function).head,
                    false => Span::default(),
                };
                Some((Handler::Function(at, function), guards, head))
            }
            Target::Assign(at, index) => {
                let other = self.project.parsed(at);
                let assign = &other.unit.assigns[index as usize];
                let span = if at == file {
                    assign.span
                } else {
                    Span::default()
                };
                let handler = self.handler(at, assign.value?, &mut guards, 0)?;
                Some((handler, guards, span))
            }
            Target::External(name) => Some((Handler::Other(name), guards, Span::default())),
            Target::Unknown => {
                // `export const { GET, POST } = make()`
                let taken = unit.assigns.iter().find(|assign| {
                    assign.function.is_none()
                        && matches!(unit.kind(assign.target), ExprKind::Map(pairs)
                            if pairs.iter().any(|(key, _)| unit.last_name(*key) == Some(name)))
                        || matches!(unit.kind(assign.target), ExprKind::List(items)
                            if items.iter().any(|key| unit.last_name(*key) == Some(name)))
                })?;
                let value = taken.value?;
                let words = match unit.kind(value) {
                    ExprKind::Call { callee, .. } => self.guard_text(file, *callee),
                    _ => self.guard_text(file, value),
                };
                Some((Handler::Other(words), guards, taken.span))
            }
            _ => None,
        }
    }

    /// The methods that a handler tells apart by itself: `if (req.method === "POST")`.
    fn asked_methods(&self, file: FileId, function: FnId) -> Vec<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        let asks = unit.inside(span).any(
            |id| matches!(unit.kind(id), ExprKind::Member { property, .. } if &**property == "method"),
        );
        let mut all: Vec<String> = Vec::new();
        if asks {
            for id in unit.inside(span) {
                if let ExprKind::Str(text) = unit.kind(id)
                    && VERBS
                        .iter()
                        .any(|verb| text.to_lowercase() == *verb && text.to_uppercase() == **text)
                    && !all.iter().any(|known| **known == **text)
                {
                    all.push(text.to_string());
                }
            }
        }
        if all.is_empty() {
            all.push("ANY".to_owned());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> Folder {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn places_become_paths() {
        let app = folder(
            "after = [\"app\"]\nindex = [\"route\"]\ndrop = [\"(*)\", \"@*\"]\nskip = [\"_*\"]\nparams = [\"[[...*]]\", \"[...*]\", \"[*]\"]",
        );
        let path = |text: &str| path_of(text, &app).map(|(path, _)| path);
        assert_eq!(
            path("web/src/app/(shop)/items/[id]/route.ts").as_deref(),
            Some("/items/{id}")
        );
        assert_eq!(
            path("app/d/[[...slug]]/route.ts").as_deref(),
            Some("/d/{slug}")
        );
        assert_eq!(path("app/_lib/route.ts"), None);
        let flat = folder(
            "after = [\"routes\"]\nparts = \".+\"\nindex = [\"_index\", \"index\"]\ndrop = [\"_*\"]\nparams = [\"$\", \"$*\"]",
        );
        let path = |text: &str| path_of(text, &flat).map(|(path, _)| path);
        assert_eq!(
            path("app/routes/api+/logo.team.$teamId.ts").as_deref(),
            Some("/api/logo/team/{teamId}")
        );
        let named = folder(
            "after = [\"server/api\"]\nmethods = true\nprefix = \"/api\"\nparams = [\"[*]\"]",
        );
        assert_eq!(
            path_of("server/api/users/[id].put.ts", &named),
            Some(("/api/users/{id}".to_owned(), Some("PUT".to_owned())))
        );
    }
}
