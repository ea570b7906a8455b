//! Paths that a guard lets through by itself: `if !signedIn(r) && !isPublic(r.URL.Path) { … }`.

use super::*;

/// Functions are looked into this deep for the paths that they know.
const MAX_CALLS: u32 = 3;

/// A path, or what a path begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spared {
    path: String,
    beginning: bool,
}

impl Linker<'_> {
    /// Whether a guard lets everybody through at this path.
    pub(super) fn spares(&self, guard: &GuardUse, path: &str) -> bool {
        let Some(body) = guard.body else {
            return false;
        };
        let known = self.spared.borrow().get(&body).cloned();
        let spared = known.unwrap_or_else(|| {
            let found = Arc::new(self.find_spared(body.0, body.1, 0));
            self.spared.borrow_mut().insert(body, found.clone());
            found
        });
        let path = path.trim_start_matches("/{?}");
        let path = if path.is_empty() { "/" } else { path };
        spared.iter().any(|one| match one.beginning {
            true => path.starts_with(&one.path),
            false => path == one.path,
        })
    }

    fn find_spared(&self, file: FileId, function: FnId, depth: u32) -> Vec<Spared> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut found = Vec::new();
        for id in unit.inside(unit.function(function).span) {
            // What denies in its place may let paths through as well.
            if let ExprKind::Call { callee, .. } = unit.kind(id)
                && depth < MAX_CALLS
                && let Value::Function(at, other) = self.eval(file, *callee)
                && (at, other) != (file, function)
                && self.denies(at, other, 1)
            {
                found.extend(self.find_spared(at, other, depth + 1));
            }
            let ExprKind::Branch {
                condition, then, ..
            } = unit.kind(id)
            else {
                continue;
            };
            let below = unit.descendants(*then);
            let denies = below.iter().any(|id| self.denial(file, *id).is_some());
            let leaves = below
                .iter()
                .any(|id| matches!(unit.kind(*id), ExprKind::Exit { .. }));
            for id in unit.descendants(*condition) {
                match unit.kind(id) {
                    // Those who are turned away are the others.
                    ExprKind::Unary { op, value } if &**op == "!" && denies => {
                        self.paths_in(file, *value, &mut found, 0);
                    }
                    _ => {}
                }
            }
            if !denies && leaves && !self.negates(file, *condition) {
                self.paths_in(file, *condition, &mut found, 0);
            }
        }
        found
    }

    fn negates(&self, file: FileId, condition: ExprId) -> bool {
        let unit = &self.project.parsed(file).unit;
        unit.descendants(condition)
            .into_iter()
            .any(|id| match unit.kind(id) {
                ExprKind::Unary { op, .. } => &**op == "!",
                ExprKind::Binary { op, .. } => op.starts_with("!="),
                _ => false,
            })
    }

    /// The paths that a condition asks for, also in the functions of the repository that it calls.
    fn paths_in(&self, file: FileId, id: ExprId, found: &mut Vec<Spared>, depth: u32) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        for id in unit.descendants(id) {
            match unit.kind(id) {
                ExprKind::Str(text) if text.starts_with('/') => {
                    let path = text.to_string();
                    let one = Spared {
                        path,
                        beginning: false,
                    };
                    if !found.iter().any(|other| other.path == one.path) {
                        found.push(one);
                    }
                }
                ExprKind::Call { callee, args } => {
                    let last = unit.last_name(*callee).unwrap_or_default();
                    let begins = self.name_rules(file, last).iter().any(|(rule, pattern)| {
                        let loaded = self.rule(*rule);
                        loaded.rule.link == Some(Link::Beginning)
                            && loaded.patterns[*pattern].matches(last)
                    });
                    if begins {
                        let texts = args.iter().filter_map(|arg| unit.literal(arg.value));
                        for text in texts.filter(|text| text.starts_with('/')) {
                            found.retain(|other| other.path != *text);
                            found.push(Spared {
                                path: text.to_owned(),
                                beginning: true,
                            });
                        }
                    } else if depth < MAX_CALLS
                        && let Value::Function(at, function) = self.eval(file, *callee)
                        && let Some(body) = self.project.parsed(at).unit.function(function).body
                    {
                        self.paths_in(at, body, found, depth + 1);
                    }
                }
                _ => {}
            }
        }
        found.retain(|one| one.path.len() > 1 || !one.beginning);
    }
}
