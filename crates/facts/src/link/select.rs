//! Takes the parts that a rule names out of what its pattern matched.

use super::*;
use crate::names::Around;
use crate::rule::{ArgAt, Constraint, PairPart, Pattern, Selector, wild};

/// What a pattern matched.
#[derive(Clone, Debug)]
pub(crate) struct Matched {
    pub(crate) file: FileId,
    /// The callee of a call or decorator.
    pub(crate) callee: Option<ExprId>,
    pub(crate) args: Vec<Arg>,
    /// The value of an assignment, the map.
    pub(crate) value: Option<ExprId>,
}

impl Linker<'_> {
    fn arg_at(matched: &Matched, at: Option<&ArgAt>, name: Option<&str>) -> Option<ExprId> {
        let by_name = |wanted: &str| {
            matched
                .args
                .iter()
                .find(|arg| arg.name.as_deref() == Some(wanted))
                .map(|arg| arg.value)
        };
        if let Some(found) = name.and_then(by_name) {
            return Some(found);
        }
        match at? {
            ArgAt::Name(name) => by_name(name),
            ArgAt::Position(at) => {
                let plain: Vec<_> = matched
                    .args
                    .iter()
                    .filter(|arg| arg.name.is_none())
                    .collect();
                let index = if *at < 0 {
                    plain.len().checked_sub(at.unsigned_abs() as usize)?
                } else {
                    *at as usize
                };
                plain.get(index).map(|arg| arg.value)
            }
        }
    }

    pub(super) fn keyed(
        &self,
        file: FileId,
        id: ExprId,
        key: Option<&str>,
    ) -> Option<(FileId, ExprId)> {
        let Some(key) = key else {
            return Some((file, id));
        };
        // `cookie.secure` is a key of a map in a map.
        let mut found = (file, id);
        for key in key.split('.') {
            found = match self.eval(found.0, found.1) {
                Value::Map(file, map) => self.map_value(file, map, key)?,
                _ => return None,
            };
        }
        Some(found)
    }

    /// The call that made the receiver of a call.
    fn maker(&self, matched: &Matched) -> Option<Matched> {
        let parsed = self.project.parsed(matched.file);
        let ExprKind::Member { object, .. } = parsed.unit.kind(matched.callee?) else {
            return None;
        };
        let ExprKind::Name(name) = parsed.unit.kind(*object) else {
            return None;
        };
        let expr = parsed.unit.expr(*object);
        let found = self
            .project
            .lookup(matched.file, name, expr.function, expr.span.start);
        let crate::project::Target::Assign(at, index) = found else {
            return None;
        };
        let value = self.project.parsed(at).unit.assigns[index as usize].value?;
        Some(self.matched(at, value))
    }

    /// The calls of a chain, the outermost first: `notNull`, `text` in `text("x").notNull()`.
    pub(super) fn chain(&self, file: FileId, id: ExprId) -> Vec<ExprId> {
        let parsed = self.project.parsed(file);
        let mut calls = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            next = match parsed.unit.kind(id) {
                ExprKind::Call { callee, .. } => {
                    calls.push(id);
                    Some(*callee)
                }
                ExprKind::Member { object, .. } => Some(*object),
                ExprKind::Await(inner) => Some(*inner),
                _ => None,
            };
        }
        calls
    }

    /// The other decorators of the declaration that a decorator stands on.
    fn beside(&self, matched: &Matched) -> Vec<Matched> {
        let parsed = self.project.parsed(matched.file);
        let Some(own) = matched.value else {
            return Vec::new();
        };
        let functions = parsed.unit.functions.iter().map(|one| &one.decorators);
        let classes = parsed.unit.classes.iter().map(|one| &one.decorators);
        let mut lists = functions.chain(classes);
        let all = lists.find(|list| list.contains(&own));
        let others = all.into_iter().flatten().filter(|other| **other != own);
        others
            .map(|other| self.matched(matched.file, *other))
            .collect()
    }

    /// Those whose names match.
    fn beside_named(&self, matched: &Matched, patterns: &[String]) -> Vec<Matched> {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::parse(text)).collect();
        let others = self.beside(matched).into_iter().filter(|other| {
            let name = other
                .callee
                .and_then(|callee| self.name_of(other.file, callee));
            name.is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(&name)))
        });
        others.collect()
    }

    /// The calls of this name further along the chain: `only` in `middleware("x").only("y")`.
    fn further(&self, matched: &Matched, name: &str) -> Vec<Matched> {
        let parsed = self.project.parsed(matched.file);
        let mut found = Vec::new();
        let Some(mut inner) = matched.value else {
            return found;
        };
        // What surrounds a call comes after it.
        for id in parsed.unit.ids().skip(inner.0 as usize + 1) {
            if let ExprKind::Call { callee, .. } = parsed.unit.kind(id)
                && let ExprKind::Member { object, property } = parsed.unit.kind(*callee)
                && *object == inner
            {
                if &**property == name {
                    found.push(self.matched(matched.file, id));
                }
                inner = id;
            }
        }
        found
    }

    /// The innermost call of this name in whose arguments the match stands.
    fn call_around(&self, matched: &Matched, name: &str) -> Option<Matched> {
        let parsed = self.project.parsed(matched.file);
        let unit = &parsed.unit;
        let span = unit.expr(matched.value?).span;
        let all = unit.ids().filter(|id| match unit.kind(*id) {
            ExprKind::Call { callee, args } => {
                unit.last_name(*callee) == Some(name)
                    && args.iter().any(|arg| unit.expr(arg.value).span.holds(span))
            }
            _ => false,
        });
        let length = |id: &ExprId| {
            let span = unit.expr(*id).span;
            span.end - span.start
        };
        let found = all.min_by_key(length)?;
        Some(self.matched(matched.file, found))
    }

    /// The name of the member that a function gives.
    fn member_given(&self, file: FileId, id: ExprId) -> Option<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let ExprKind::Function(function) = unit.kind(id) else {
            return None;
        };
        let mut body = unit.function(*function).body?;
        loop {
            body = match unit.kind(body) {
                ExprKind::Block(items) | ExprKind::Other(items) => match items[..] {
                    [one] => one,
                    _ => return None,
                },
                ExprKind::Exit {
                    value: Some(value), ..
                } => *value,
                ExprKind::Member { property, .. } => return Some(property.to_string()),
                _ => return None,
            };
        }
    }

    /// The type argument of the parameter that a chain begins with.
    fn typed_root(&self, matched: &Matched, ty: &str) -> Option<String> {
        let parsed = self.project.parsed(matched.file);
        let unit = &parsed.unit;
        let mut root = matched.value?;
        loop {
            root = match unit.kind(root) {
                ExprKind::Call { callee, .. } => *callee,
                ExprKind::Member { object, .. } => *object,
                ExprKind::Name(_) => break,
                _ => return None,
            };
        }
        let ExprKind::Name(name) = unit.kind(root) else {
            return None;
        };
        let mut scope = unit.expr(root).function;
        while let Some(function) = scope {
            let function = unit.function(function);
            let mut params = function.params.iter();
            if let Some(param) = params.find(|param| param.name == *name) {
                let (outer, inner) = param.ty.as_deref()?.split_once('<')?;
                let outer = outer.rsplit('.').next().unwrap_or(outer).trim();
                let inner = inner.trim_end().strip_suffix('>')?;
                let inner = inner.rsplit('.').next().unwrap_or(inner).trim();
                return (outer == ty).then(|| inner.to_owned());
            }
            scope = function.parent;
        }
        None
    }

    /// The expressions that a selector picks.
    fn pick(&self, matched: &Matched, selector: &Selector) -> Vec<(FileId, ExprId)> {
        if !selector.marked_by.is_empty() {
            // It stands for a path; see [`Self::typed_path`].
            return Vec::new();
        }
        if selector.last {
            let bare = Selector {
                last: false,
                ..selector.clone()
            };
            return self.pick(matched, &bare).pop().into_iter().collect();
        }
        if selector.maker {
            let selector = Selector {
                maker: false,
                ..selector.clone()
            };
            return match self.maker(matched) {
                Some(maker) => self.pick(&maker, &selector),
                None => Vec::new(),
            };
        }
        if !selector.beside.is_empty() {
            let bare = Selector {
                beside: Vec::new(),
                ..selector.clone()
            };
            let others = self.beside_named(matched, &selector.beside).into_iter();
            let mut picked = others.map(|other| self.pick(&other, &bare));
            return picked.find(|found| !found.is_empty()).unwrap_or_default();
        }
        if let Some(name) = &selector.before {
            let bare = Selector {
                before: None,
                ..selector.clone()
            };
            let mut all = Vec::new();
            let calls = matched.value.map(|id| self.chain(matched.file, id));
            // The first call of the chain comes first.
            for call in calls.into_iter().flatten().rev() {
                let earlier = self.matched(matched.file, call);
                let parsed = self.project.parsed(matched.file);
                let last = earlier
                    .callee
                    .and_then(|callee| parsed.unit.last_name(callee));
                if last == Some(name) {
                    all.extend(self.pick(&earlier, &bare));
                }
            }
            return all;
        }
        if let Some(name) = &selector.around {
            let bare = Selector {
                around: None,
                ..selector.clone()
            };
            let around = self.call_around(matched, name);
            return around.map_or_else(Vec::new, |call| self.pick(&call, &bare));
        }
        if let Some(at) = selector.inner {
            let bare = Selector {
                inner: None,
                ..selector.clone()
            };
            let picked = self.pick(matched, &bare).into_iter();
            return picked
                .filter_map(|(file, id)| {
                    let inner = self.matched(file, id);
                    let found = Self::arg_at(&inner, Some(&ArgAt::Position(at)), None)?;
                    Some((file, found))
                })
                .collect();
        }
        if let Some(part) = selector.pair {
            let bare = Selector {
                pair: None,
                ..selector.clone()
            };
            let picked = self.pick(matched, &bare).into_iter();
            return picked
                .filter_map(|(file, id)| {
                    let parsed = self.project.parsed(file);
                    let ExprKind::Map(pairs) = parsed.unit.kind(id) else {
                        return None;
                    };
                    let (key, value) = pairs.first()?;
                    Some((file, if part == PairPart::Key { *key } else { *value }))
                })
                .collect();
        }
        if let Some(name) = &selector.after {
            let bare = Selector {
                after: None,
                ..selector.clone()
            };
            let calls = self.further(matched, name).into_iter();
            return calls.flat_map(|call| self.pick(&call, &bare)).collect();
        }
        if selector.root {
            let selector = Selector {
                root: false,
                ..selector.clone()
            };
            let picked = self.pick(matched, &selector);
            return picked
                .into_iter()
                .map(|(file, id)| (file, self.chain(file, id).last().copied().unwrap_or(id)))
                .collect();
        }
        let file = matched.file;
        if let Some(from) = selector.from {
            let plain: Vec<_> = matched
                .args
                .iter()
                .filter(|arg| arg.name.is_none())
                .collect();
            let until = match selector.until {
                Some(until) if until < 0 => {
                    plain.len().saturating_sub(until.unsigned_abs() as usize)
                }
                Some(until) => until as usize,
                None => plain.len(),
            };
            return plain
                .get(from..until.max(from).min(plain.len()))
                .unwrap_or_default()
                .iter()
                .map(|arg| (file, arg.value))
                .collect();
        }
        if let Some(at) = selector.index {
            let found = matched
                .callee
                .and_then(|callee| self.type_argument(file, callee, at, 0));
            return found.into_iter().collect();
        }
        let one = if selector.value {
            matched.value
        } else if selector.receiver {
            // Of an argument that is named, what that is a member of: `sha256` of `sha256.New`.
            let named = Self::arg_at(matched, selector.arg.as_ref(), selector.name.as_deref());
            named.or(matched.callee).and_then(|callee| {
                match self.project.parsed(file).unit.kind(callee) {
                    ExprKind::Member { object, .. } => Some(*object),
                    _ => None,
                }
            })
        } else {
            Self::arg_at(matched, selector.arg.as_ref(), selector.name.as_deref())
        };
        one.and_then(|id| self.keyed(file, id, selector.key.as_deref()))
            .into_iter()
            .collect()
    }

    /// The first selector's expressions that finds any.
    pub(crate) fn exprs(&self, matched: &Matched, selectors: &[Selector]) -> Vec<(FileId, ExprId)> {
        selectors
            .iter()
            .map(|selector| self.pick(matched, selector))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// All selectors' expressions, lists taken apart.
    pub(crate) fn all_exprs(
        &self,
        matched: &Matched,
        selectors: &[Selector],
    ) -> Vec<(FileId, ExprId)> {
        let mut all = Vec::new();
        for selector in selectors {
            for (file, id) in self.pick(matched, selector) {
                self.flatten(file, id, &mut all, 0);
            }
        }
        all
    }

    /// An expression, or the elements of the list that it stands for.
    pub(crate) fn flatten(
        &self,
        file: FileId,
        id: ExprId,
        all: &mut Vec<(FileId, ExprId)>,
        depth: u32,
    ) {
        match self.eval(file, id) {
            Value::List(list_file, items)
                if depth < 6 && self.path_and_router(list_file, &items).is_none() =>
            {
                for item in items {
                    self.flatten(list_file, item, all, depth + 1);
                }
            }
            _ => all.push((file, id)),
        }
    }

    /// Texts that a selector picks: literal strings, names of constants, fixed words.
    fn texts_of(&self, matched: &Matched, selector: &Selector) -> Vec<String> {
        let mut texts = Vec::new();
        if !self.is_named(matched, &selector.named) {
            return texts;
        }
        if let Some(text) = &selector.text {
            texts.push(text.clone());
        } else if let Some(ty) = &selector.typed {
            texts.extend(self.typed_root(matched, ty));
        } else if selector.member {
            for (file, id) in self.pick(matched, selector) {
                match self.eval(file, id) {
                    Value::Str(text) => texts.push(text),
                    _ => texts.extend(self.member_given(file, id)),
                }
            }
        } else if !selector.chain.is_empty() {
            let picked = self.pick(matched, selector);
            let said = picked.into_iter().any(|(file, id)| {
                let parsed = self.project.parsed(file);
                self.chain(file, id).into_iter().any(|call| {
                    matches!(parsed.unit.kind(call), ExprKind::Call { callee, .. }
                    if parsed.unit.last_name(*callee).is_some_and(|name| {
                        selector.chain.iter().any(|word| word == name)
                    }))
                })
            });
            if said {
                texts.push("true".to_owned());
            }
        } else if selector.origin {
            let picked = self.pick(matched, selector).into_iter();
            let found =
                picked.filter_map(|(file, id)| crate::crypto::origin::origin(self, file, id));
            texts.extend(found.map(str::to_owned));
        } else if selector.accepts {
            let mut picked = self.pick(matched, selector).into_iter();
            if picked.any(|(file, id)| self.lets_through(file, id)) {
                texts.push("true".to_owned());
            }
        } else if selector.callee && !selector.beside.is_empty() {
            for other in self.beside_named(matched, &selector.beside) {
                let bare = Selector {
                    beside: Vec::new(),
                    ..selector.clone()
                };
                texts.extend(self.texts_of(&other, &bare));
            }
            return texts;
        } else if selector.callee {
            let parsed = self.project.parsed(matched.file);
            texts.extend(
                matched
                    .callee
                    .and_then(|callee| parsed.unit.last_name(callee))
                    .map(str::to_owned),
            );
        } else {
            for (file, id) in self.pick(matched, selector) {
                let mut all = Vec::new();
                self.flatten(file, id, &mut all, 0);
                for (file, id) in all {
                    if selector.literal {
                        texts.extend(self.written(file, id, 0));
                        continue;
                    }
                    match self.eval(file, id) {
                        Value::Str(text) => texts.push(text),
                        _ => texts.extend(self.word(file, id)),
                    }
                }
            }
        }
        let most = if selector.first { 1 } else { texts.len() };
        texts
            .into_iter()
            .take(most)
            .flat_map(|text| parted(selector, text))
            .filter(|text| !selector.unless.contains(text))
            .filter(|text| selector.only.is_empty() || selector.only.contains(text))
            .map(|text| {
                let exact = selector.map.get(&text);
                let like = || {
                    let all = selector.map.iter();
                    all.filter(|(key, _)| key.contains('*') && wild(key, &text))
                        .max_by_key(|(key, _)| key.len())
                        .map(|(_, word)| word)
                };
                exact.or_else(like).cloned().unwrap_or(text)
            })
            .map(|text| {
                if selector.upper {
                    text.to_uppercase()
                } else {
                    text
                }
            })
            .collect()
    }

    /// Whether a function lets everything through.
    fn lets_through(&self, file: FileId, id: ExprId) -> bool {
        let (file, function) = match self.eval(file, id) {
            Value::Function(file, function) => (file, function),
            // A type of functions around it: `new Callback(delegate { return true; })`.
            _ => match self.project.parsed(file).unit.kind(id) {
                ExprKind::Call { args, .. } if args.len() == 1 => {
                    match self.eval(file, args[0].value) {
                        Value::Function(file, function) => (file, function),
                        _ => return false,
                    }
                }
                _ => return false,
            },
        };
        let parsed = self.project.parsed(file);
        let body = parsed.unit.function(function).body;
        crate::crypto::lets_through(&parsed.unit, body, &[])
    }

    /// Whether a name around what was matched is like one of these; no patterns ask nothing.
    fn is_named(&self, matched: &Matched, patterns: &[String]) -> bool {
        patterns.is_empty()
            || matched.value.is_some_and(|id| {
                let parsed = self.project.parsed(matched.file);
                Around::new(&parsed.unit, id).is_like(patterns)
            })
    }

    /// A text, number or truth value that is written down here or in a constant.
    fn written(&self, file: FileId, id: ExprId, depth: u32) -> Option<String> {
        if let Value::Str(text) = self.eval(file, id) {
            return Some(text);
        }
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        match unit.kind(id) {
            ExprKind::Bool(value) => Some(value.to_string()),
            ExprKind::Number(text) => Some(text.to_string()),
            ExprKind::Name(name) if depth < 6 => {
                let expr = unit.expr(id);
                let target = self
                    .project
                    .lookup(file, name, expr.function, expr.span.start);
                let crate::project::Target::Assign(at, index) = target else {
                    return None;
                };
                let other = self.project.parsed(at);
                self.written(at, other.unit.assigns[index as usize].value?, depth + 1)
            }
            ExprKind::Binary { op, left, right } if depth < 6 => {
                let number = |id: ExprId| {
                    let text = self.written(file, id, depth + 1)?;
                    text.replace('_', "").parse::<i64>().ok()
                };
                let (left, right) = (number(*left)?, number(*right)?);
                let result = match &**op {
                    "*" => left.checked_mul(right),
                    "+" => left.checked_add(right),
                    "**" => left.checked_pow(u32::try_from(right).ok()?),
                    "<<" => left.checked_mul(1i64.checked_shl(u32::try_from(right).ok()?)?),
                    _ => None,
                };
                result.map(|number| number.to_string())
            }
            _ => None,
        }
    }

    /// The type argument of a callee, or of the type that it is another name of.
    fn type_argument(
        &self,
        file: FileId,
        id: ExprId,
        at: usize,
        depth: u32,
    ) -> Option<(FileId, ExprId)> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        if let Some(types) = unit.type_arguments.get(&id) {
            return match unit.kind(*types) {
                ExprKind::List(items) => items.get(at).map(|one| (file, *one)),
                _ => (at == 0).then_some((file, *types)),
            };
        }
        match unit.kind(id) {
            ExprKind::Index { index, .. } => {
                let mut all = Vec::new();
                for one in index {
                    match unit.kind(*one) {
                        ExprKind::List(items) => all.extend(items.iter().copied()),
                        _ => all.push(*one),
                    }
                }
                all.get(at).map(|one| (file, *one))
            }
            ExprKind::Member { object, .. } => self.type_argument(file, *object, at, depth),
            ExprKind::Name(name) if depth < 6 => {
                let expr = unit.expr(id);
                let target = self
                    .project
                    .lookup(file, name, expr.function, expr.span.start);
                let crate::project::Target::Assign(other, index) = target else {
                    return None;
                };
                let value = self.project.parsed(other).unit.assigns[index as usize].value?;
                self.type_argument(other, value, at, depth + 1)
            }
            _ => None,
        }
    }

    /// A word for a value that is no string: `true`, `12`, the last part of a name.
    pub(crate) fn word(&self, file: FileId, id: ExprId) -> Option<String> {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(id) {
            ExprKind::Bool(value) => Some(value.to_string()),
            ExprKind::Number(text) => Some(text.to_string()),
            ExprKind::Null => Some("null".to_owned()),
            ExprKind::Str(text) => Some(text.to_string()),
            ExprKind::Name(_) | ExprKind::Member { .. } => {
                if let Value::Str(text) = self.eval(file, id) {
                    return Some(text);
                }
                // A constant of the file: its value says more than its name.
                if let ExprKind::Name(name) = parsed.unit.kind(id) {
                    let expr = parsed.unit.expr(id);
                    if let crate::project::Target::Assign(at, index) =
                        self.project
                            .lookup(file, name, expr.function, expr.span.start)
                    {
                        let other = self.project.parsed(at);
                        if let Some(value) = other.unit.assigns[index as usize].value
                            && let ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::Str(_) =
                                other.unit.kind(value)
                        {
                            return self.word(at, value);
                        }
                    }
                }
                parsed.unit.last_name(id).map(str::to_owned)
            }
            ExprKind::Call { callee, .. } => parsed.unit.last_name(*callee).map(str::to_owned),
            ExprKind::Await(inner) => self.word(file, *inner),
            _ => None,
        }
    }

    /// The first selector's texts that finds any.
    pub(crate) fn texts(&self, matched: &Matched, selectors: &[Selector]) -> Vec<String> {
        selectors
            .iter()
            .map(|selector| self.texts_of(matched, selector))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// A string as far as it is known; unknown parts are `{?}`.
    pub(crate) fn joined(&self, file: FileId, id: ExprId) -> String {
        self.path_text(file, id).text
    }

    /// A path, whose unknown parts stay visible. `None` when nothing was picked.
    pub(crate) fn path(&self, matched: &Matched, selectors: &[Selector]) -> Option<PathText> {
        for selector in selectors {
            if let Some(text) = &selector.text {
                return Some(PathText {
                    text: text.clone(),
                    unknown: false,
                });
            }
            if let Some((file, id)) = self.pick(matched, selector).into_iter().next() {
                if matches!(self.project.parsed(file).unit.kind(id), ExprKind::Null)
                    || (selector.literal && !matches!(self.eval(file, id), Value::Str(_)))
                {
                    continue;
                }
                let mut found = self.path_text(file, id);
                if let Some(other) = selector.map.get(&found.text) {
                    found.text.clone_from(other);
                }
                if let Some(text) = parted(selector, found.text.clone()).into_iter().next() {
                    found.text = text;
                }
                return Some(found);
            }
        }
        None
    }

    /// Whether all conditions hold.
    pub(crate) fn holds(&self, matched: &Matched, constraints: &[Constraint]) -> bool {
        constraints.iter().all(|constraint| {
            let at = &constraint.at;
            if !self.is_named(matched, &constraint.named) {
                return false;
            }
            let selector = Selector {
                arg: at.arg.clone(),
                name: at.name.clone(),
                from: at.from,
                key: at.key.clone(),
                index: at.index,
                inner: at.inner,
                callee: at.callee,
                value: at.value,
                receiver: at.receiver,
                root: at.root,
                maker: at.maker,
                accepts: at.accepts,
                origin: at.origin,
                beside: at.beside.clone(),
                before: at.before.clone(),
                after: at.after.clone(),
                ..Selector::default()
            };
            let words = self.texts_of(matched, &selector);
            if let Some(present) = constraint.present {
                let there = !words.is_empty() || !self.pick(matched, &selector).is_empty();
                if there != present {
                    return false;
                }
            }
            if let Some(value) = &constraint.is {
                let wanted = match value {
                    toml::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                if !words.iter().any(|word| word.eq_ignore_ascii_case(&wanted)) {
                    return false;
                }
            }
            let unlike = words.iter().any(|word| {
                let mut patterns = constraint.unlike.iter();
                patterns.any(|pattern| wild(pattern, word))
            });
            if unlike {
                return false;
            }
            if !constraint.holds.is_empty() {
                let picked = self.pick(matched, &selector).into_iter();
                let mut inside = picked.flat_map(|(file, id)| self.words_inside(file, id));
                let found = inside.any(|word| {
                    let mut patterns = constraint.holds.iter();
                    patterns.any(|pattern| wild(pattern, &word))
                });
                if !found {
                    return false;
                }
            }
            let like = |word: &String| constraint.like.iter().any(|pattern| wild(pattern, word));
            constraint.like.is_empty()
                || words.iter().any(like)
                || words.is_empty() && self.partly(matched, &selector).iter().any(like)
        })
    }

    /// The texts of what is put together, with `{?}` for what is computed.
    fn partly(&self, matched: &Matched, selector: &Selector) -> Vec<String> {
        let mut texts = Vec::new();
        for (file, id) in self.pick(matched, selector) {
            let parsed = self.project.parsed(file);
            if let ExprKind::Template(_) | ExprKind::Binary { .. } = parsed.unit.kind(id) {
                texts.push(put_together(&parsed.unit, id, 0));
            }
        }
        texts
    }

    /// The texts and names in an expression, and in what a variable in it was given.
    fn words_inside(&self, file: FileId, id: ExprId) -> Vec<String> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let words = |id: ExprId| {
            let all = unit.descendants(id).into_iter();
            all.filter_map(|id| match unit.kind(id) {
                ExprKind::Str(text) | ExprKind::Name(text) => Some(text.to_string()),
                ExprKind::Member { property, .. } => Some(property.to_string()),
                _ => None,
            })
            .collect::<Vec<_>>()
        };
        let mut all = words(id);
        let function = unit.expr(id).function;
        if let ExprKind::Name(name) = unit.kind(id) {
            // `url.pathname = "/login"`
            for assign in &unit.assigns {
                let target = unit.path(assign.target).unwrap_or_default();
                let own = target.split('.').next() == Some(&**name);
                if own && assign.function == function {
                    all.extend(assign.value.into_iter().flat_map(words));
                }
            }
        }
        all
    }

    /// A call, decorator or bare name as what a pattern matched.
    pub(crate) fn matched(&self, file: FileId, id: ExprId) -> Matched {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(id) {
            ExprKind::Call { callee, args } => Matched {
                file,
                callee: Some(*callee),
                args: args.clone(),
                value: Some(id),
            },
            ExprKind::Await(inner) => self.matched(file, *inner),
            _ => Matched {
                file,
                callee: Some(id),
                args: Vec::new(),
                value: Some(id),
            },
        }
    }
}

/// The parts of a text that a selector asks for.
/// What is known of a text that is put together; `{?}` for what is computed.
fn put_together(unit: &Unit, id: ExprId, depth: u32) -> String {
    match unit.kind(id) {
        ExprKind::Str(text) => text.to_string(),
        ExprKind::Template(parts) if depth < 8 => {
            let parts = parts.iter();
            parts
                .map(|part| put_together(unit, *part, depth + 1))
                .collect()
        }
        ExprKind::Binary { op, left, right }
            if depth < 8 && matches!(&**op, "+" | "<<" | "." | "..") =>
        {
            let left = put_together(unit, *left, depth + 1);
            format!("{left}{}", put_together(unit, *right, depth + 1))
        }
        _ => UNKNOWN.to_owned(),
    }
}

fn parted(selector: &Selector, text: String) -> Vec<String> {
    let Some(mark) = &selector.split else {
        return vec![text];
    };
    let all: Vec<String> = text
        .split(mark.as_str())
        .map(|part| part.trim().to_owned())
        .collect();
    let Some(at) = selector.part else { return all };
    let at = match usize::try_from(at) {
        Ok(at) => Some(at),
        Err(_) => all.len().checked_sub(at.unsigned_abs() as usize),
    };
    at.and_then(|at| all.get(at).cloned()).into_iter().collect()
}
