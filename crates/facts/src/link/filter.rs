//! Requests that are described by what they must fulfil: `path("users").and(get()).and(signed_in())
//! .and_then(list)`, and one description beside another: `list.or(add)`.
//!
//! Each call says a part: of the path, the method, what answers. What a description without a path
//! ends in only lets the request on or turns it away: a guard, if it turns callers away.

use super::select::Matched;
use super::*;

/// Descriptions are followed no deeper than this.
const MAX_PARTS: u32 = 60;

/// More ways to one answer are not told apart.
const MAX_WAYS: usize = 400;

/// One way through a description.
#[derive(Clone, Default)]
struct Way {
    path: Vec<PathText>,
    /// The path is said, even if it is empty.
    placed: bool,
    methods: Vec<String>,
    guards: Vec<GuardUse>,
    answer: Option<(FileId, ExprId)>,
    rule: usize,
}

impl Linker<'_> {
    /// The router of an expression that describes requests, with a route for each way through it.
    pub(super) fn described(&self, file: FileId, id: ExprId) -> Option<RouterId> {
        if let Some(known) = self.known_router(file, RouterKey::Expr(id)) {
            return Some(known);
        }
        if !self
            .rules
            .all
            .iter()
            .any(|loaded| loaded.rule.link == Some(Link::Filter))
        {
            return None;
        }
        let ways = self.ways(file, id, 0)?;
        let framework = self.rule(ways.first()?.rule).framework;
        let parsed = self.project.parsed(file);
        let span = parsed.unit.expr(id).span;
        let (router, fresh) = self.router(file, RouterKey::Expr(id), || {
            Router::new(framework, file, span)
        });
        if fresh {
            for way in ways {
                self.add_way(router, way);
            }
        }
        Some(router)
    }

    fn add_way(&self, router: RouterId, way: Way) {
        let Some((file, answer)) = way.answer.filter(|_| way.placed) else {
            return;
        };
        let mut guards = way.guards;
        let Some(handler) = self.handler(file, answer, &mut guards, 0) else {
            return;
        };
        guards.retain(|guard| guard.class != Classified::Not);
        let words: Vec<&str> = way
            .path
            .iter()
            .map(|part| part.text.trim_matches('/'))
            .collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let span = self.project.parsed(file).unit.expr(answer).span;
        let mut methods = way.methods;
        if methods.is_empty() {
            methods.push("ANY".to_owned());
        }
        let route = Route {
            methods,
            path: PathText {
                text: format!("/{}", words.join("/")),
                unknown: way.path.iter().any(|part| part.unknown),
            },
            handler: Some(handler),
            guards,
            ..Route::new(way.rule, file, span)
        };
        self.push_at(router, (file, span.start), EntryKind::Route(route));
    }

    /// The ways through a description; none if the expression is no such thing.
    fn ways(&self, file: FileId, id: ExprId, depth: u32) -> Option<Vec<Way>> {
        if depth > MAX_PARTS {
            return None;
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let callee = match unit.kind(id) {
            ExprKind::Call { callee, .. } => *callee,
            ExprKind::Name(_) => {
                let (at, other) = self.definition(file, id);
                return match (at, other) == (file, id) {
                    true => None,
                    false => self.ways(at, other, depth + 1),
                };
            }
            _ => return None,
        };
        let last = unit.last_name(callee)?;
        for (rule_id, pattern) in self.call_rules(file, callee, last) {
            let loaded = self.rule(rule_id);
            if loaded.rule.link != Some(Link::Filter) {
                continue;
            }
            let pattern = &loaded.patterns[pattern];
            let before = match (&pattern.receiver, unit.kind(callee)) {
                (Some(_), ExprKind::Member { object, .. }) => {
                    if !pattern.matches(last) {
                        continue;
                    }
                    match self.ways(file, *object, depth + 1) {
                        Some(before) => before,
                        None => continue,
                    }
                }
                (Some(_), _) => continue,
                (None, _) => {
                    let name = self.name_of(file, callee).unwrap_or_default();
                    if !pattern.matches(&name) || !self.allowed(file, loaded) {
                        continue;
                    }
                    vec![Way {
                        rule: rule_id,
                        ..Way::default()
                    }]
                }
            };
            return Some(self.said(rule_id, &self.matched(file, id), before, depth));
        }
        // A function of the repository that gives a description.
        let Value::Function(at, function) = self.eval(file, callee) else {
            return None;
        };
        let parsed = self.project.parsed(at);
        let body = parsed.unit.function(function).body?;
        let last = match parsed.unit.kind(body) {
            ExprKind::Block(items) if self.project.language(at).result_is_last => items.last(),
            _ => None,
        };
        let mut given =
            parsed
                .unit
                .descendants(body)
                .into_iter()
                .filter_map(|id| match parsed.unit.kind(id) {
                    ExprKind::Exit {
                        kind: ExitKind::Return,
                        value,
                    } => *value,
                    _ => None,
                });
        let mut ways = last
            .and_then(|last| self.ways(at, *last, depth + 1))
            .or_else(|| given.find_map(|value| self.ways(at, value, depth + 1)))?;
        // Where a function only turns callers away, its name is the guard's.
        for way in &mut ways {
            if way.placed || way.answer.is_none() && way.guards.is_empty() {
                continue;
            }
            let guard = self.guard_use(file, id, "handler");
            if guard.class != Classified::Not {
                way.guards = vec![guard];
                way.answer = None;
            }
        }
        Some(ways)
    }

    /// What a call adds to the ways before it.
    fn said(&self, rule_id: usize, matched: &Matched, before: Vec<Way>, depth: u32) -> Vec<Way> {
        let rule = &self.rule(rule_id).rule;
        let mut ways = before;
        let path: Vec<PathText> = match rule.path.iter().any(|selector| selector.text.is_some()) {
            true => self.path(matched, &rule.path).into_iter().collect(),
            false => self
                .exprs(matched, &rule.path)
                .into_iter()
                .map(|(file, id)| match self.eval(file, id) {
                    Value::Str(text) => PathText {
                        text,
                        unknown: false,
                    },
                    _ => PathText {
                        text: "{param}".to_owned(),
                        unknown: false,
                    },
                })
                .collect(),
        };
        let methods = self.texts(matched, &rule.methods);
        let answer = self.exprs(matched, &rule.handler).into_iter().next();
        for way in &mut ways {
            way.placed |= !rule.path.is_empty();
            way.path.extend(path.iter().cloned());
            way.methods.extend(methods.iter().cloned());
            if let Some(answer) = answer {
                self.settle_answer(way);
                way.answer = Some(answer);
            }
        }
        if let Some((file, id)) = self.exprs(matched, &rule.all).into_iter().next()
            && let Some(others) = self.ways(file, id, depth + 1)
        {
            let mut both = Vec::new();
            for one in &ways {
                for other in others.iter().take(MAX_WAYS) {
                    both.push(self.both_hold(one, other));
                }
            }
            both.truncate(MAX_WAYS);
            ways = both;
        }
        if let Some((file, id)) = self.exprs(matched, &rule.either).into_iter().next()
            && let Some(others) = self.ways(file, id, depth + 1)
        {
            ways.extend(others);
            ways.truncate(MAX_WAYS);
        }
        ways
    }

    /// Both must hold.
    fn both_hold(&self, one: &Way, other: &Way) -> Way {
        let mut way = one.clone();
        self.settle_answer(&mut way);
        let other = other.clone();
        way.placed |= other.placed;
        way.path.extend(other.path);
        way.methods.extend(other.methods);
        way.guards.extend(other.guards);
        way.answer = other.answer;
        way
    }

    /// What answered so far only lets the request on: a guard if it turns callers away.
    fn settle_answer(&self, way: &mut Way) {
        if let Some((file, answer)) = way.answer.take() {
            let guard = self.guard_use(file, answer, "handler");
            if guard.class != Classified::Not {
                way.guards.push(guard);
            }
        }
    }
}
