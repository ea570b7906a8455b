//! What a text may be: paths and prefixes are built from parts, chosen by conditions and taken
//! from the items of loops.

use super::*;
use crate::project::Target;
use crate::rule::Rule;

/// Texts of one expression; a table of more rows is unknown.
const MAX_TEXTS: usize = 64;

/// A text, unknown parts of which are [`UNKNOWN`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathText {
    pub(crate) text: String,
    pub(crate) unknown: bool,
}

impl PathText {
    fn known(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            unknown: false,
        }
    }

    fn unknown() -> Self {
        Self {
            text: UNKNOWN.into(),
            unknown: true,
        }
    }

    fn then(&self, other: &Self) -> Self {
        Self {
            text: format!("{}{}", self.text, other.text),
            unknown: self.unknown || other.unknown,
        }
    }
}

/// Each text followed by each other one.
fn product(left: Vec<PathText>, right: &[PathText]) -> Vec<PathText> {
    if left.len() * right.len() > MAX_TEXTS {
        return vec![PathText::unknown()];
    }
    let all = left
        .iter()
        .flat_map(|left| right.iter().map(|right| left.then(right)));
    all.collect()
}

/// Steps of one question for a text.
const MAX_STEPS: u32 = 300;

impl Linker<'_> {
    /// The text that an expression most likely is.
    pub(super) fn path_text(&self, file: FileId, id: ExprId) -> PathText {
        let mut all = self.path_texts(file, id);
        if all.is_empty() {
            PathText::unknown()
        } else {
            all.swap_remove(0)
        }
    }

    /// All texts that an expression may be, at least one.
    pub(super) fn path_texts(&self, file: FileId, id: ExprId) -> Vec<PathText> {
        // Functions that hand each other texts may multiply without end.
        if self.text_steps.get().0 == 0 {
            self.text_steps.set((0, 0));
        }
        let (depth, steps) = self.text_steps.get();
        if steps >= MAX_STEPS {
            return vec![PathText::unknown()];
        }
        self.text_steps.set((depth + 1, steps + 1));
        let found = self.deeper(|| self.find_texts(file, id));
        self.text_steps.set((depth, self.text_steps.get().1));
        found
            .filter(|all| !all.is_empty() && all.len() <= MAX_TEXTS)
            .unwrap_or_else(|| vec![PathText::unknown()])
    }

    fn concatenated(&self, file: FileId, parts: &[ExprId]) -> Vec<PathText> {
        let mut all = vec![PathText::default()];
        for part in parts {
            all = product(all, &self.path_texts(file, *part));
        }
        all
    }

    fn find_texts(&self, file: FileId, id: ExprId) -> Vec<PathText> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let expr = unit.expr(id);
        match &expr.kind {
            ExprKind::Str(text) => vec![PathText::known(&**text)],
            ExprKind::Template(parts) => self.concatenated(file, parts),
            ExprKind::Binary { op, left, right } if &**op == "+" => {
                self.concatenated(file, &[*left, *right])
            }
            ExprKind::Call { callee, .. } if self.joined_list(file, *callee).is_some() => {
                self.concatenated(file, &self.joined_list(file, *callee).unwrap_or_default())
            }
            ExprKind::Call { callee, args } => {
                if let Some(rule) = self.rule_as(file, *callee, Link::Format) {
                    return match (&rule.joins, &rule.placeholder) {
                        (Some(mark), _) => self.joined_with(file, args, mark),
                        (_, Some(mark)) => self.printed(file, args, mark),
                        _ => self.formatted(file, id, args),
                    };
                }
                if let Some((at, value)) = self.given(file, id, *callee) {
                    return self.path_texts(at, value);
                }
                let made = self.eval(file, id);
                if let Value::Unknown | Value::ExternalInstance(_) = made
                    && let Some(texts) = self.returned_texts(file, *callee, args)
                {
                    return texts;
                }
                match &args[..] {
                    // `_("users/")`, `String::from("/x")`
                    [only] if matches!(made, Value::Unknown | Value::ExternalInstance(_)) => {
                        let inner = self.path_texts(file, only.value);
                        if inner.iter().any(|text| text.unknown) {
                            vec![PathText::unknown()]
                        } else {
                            inner
                        }
                    }
                    _ => self.evaluated(file, id),
                }
            }
            ExprKind::Name(name) => self.variable_texts(file, name, id),
            ExprKind::Branch {
                then,
                otherwise: Some(otherwise),
                ..
            } => {
                let mut all = self.path_texts(file, *then);
                all.extend(self.path_texts(file, *otherwise));
                let known = all.iter().any(|text| !text.unknown);
                all.retain(|text| !(known && text.unknown));
                all.dedup();
                all
            }
            _ => self.evaluated(file, id),
        }
    }

    /// Whether a rule with this meaning matches what is called.
    pub(super) fn speaks_as(&self, file: FileId, callee: ExprId, link: Link) -> bool {
        self.rule_as(file, callee, link).is_some()
    }

    /// The rule with this meaning that matches what is called.
    pub(super) fn rule_as(&self, file: FileId, callee: ExprId, link: Link) -> Option<&Rule> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let mut rules = self.index(file).calls.candidates(last);
        rules.find_map(|(rule_id, pattern)| {
            let loaded = self.rule(rule_id);
            let speaks = loaded.rule.link == Some(link)
                && loaded.patterns[pattern].receiver.is_none()
                && self
                    .name_of(file, callee)
                    .is_some_and(|name| loaded.patterns[pattern].matches(&name));
            speaks.then_some(&loaded.rule)
        })
    }

    /// `path.Join("/admin", "users")`: the arguments with one mark between each two.
    fn joined_with(&self, file: FileId, args: &[Arg], mark: &str) -> Vec<PathText> {
        let mut all = vec![PathText::default()];
        for arg in args {
            let parts = self.path_texts(file, arg.value);
            let mut joined = Vec::new();
            for left in &all {
                for part in &parts {
                    let text = match (left.text.is_empty(), part.text.is_empty()) {
                        (true, _) => part.text.clone(),
                        (_, true) => left.text.clone(),
                        _ => format!(
                            "{}{mark}{}",
                            left.text.trim_end_matches(mark),
                            part.text.trim_start_matches(mark)
                        ),
                    };
                    let unknown = left.unknown || part.unknown;
                    joined.push(PathText { text, unknown });
                }
            }
            if joined.len() > MAX_TEXTS {
                return vec![PathText::unknown()];
            }
            all = joined;
        }
        all
    }

    /// `fmt.Sprintf("%s/users/%d", base, id)`: the arguments in the order of their marks.
    fn printed(&self, file: FileId, args: &[Arg], mark: &str) -> Vec<PathText> {
        let Some((template, rest)) = args.split_first() else {
            return vec![PathText::unknown()];
        };
        let Value::Str(text) = self.eval(file, template.value) else {
            return vec![PathText::unknown()];
        };
        let mut pieces = text.split(mark);
        let first = pieces.next().unwrap_or_default();
        let mut all = vec![PathText::known(first)];
        let mut values = rest.iter();
        let mut doubled = false;
        for piece in pieces {
            if std::mem::take(&mut doubled) {
                all = product(all, &[PathText::known(piece)]);
                continue;
            }
            if piece.is_empty() {
                // The mark twice stands for itself.
                doubled = true;
                all = product(all, &[PathText::known(mark)]);
                continue;
            }
            let end = piece.find(|c: char| c.is_alphabetic()).unwrap_or(0);
            let after = piece[end..].chars().skip(1).collect::<String>();
            let part = match values.next() {
                Some(arg) => self.path_texts(file, arg.value),
                None => vec![PathText::unknown()],
            };
            all = product(product(all, &part), &[PathText::known(after)]);
        }
        all
    }

    /// `format!("{base}/users/{{id}}/{}", part)`: names in braces, the next argument for `{}`.
    fn formatted(&self, file: FileId, id: ExprId, args: &[Arg]) -> Vec<PathText> {
        let parsed = self.project.parsed(file);
        let Some((template, rest)) = args.split_first() else {
            return vec![PathText::unknown()];
        };
        let Some(text) = parsed.unit.literal(template.value) else {
            return vec![PathText::unknown()];
        };
        let mut values = rest.iter().filter(|arg| arg.name.is_none());
        let mut all = vec![PathText::default()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let doubled = matches!(c, '{' | '}') && chars.peek() == Some(&c);
            if doubled {
                chars.next();
            }
            if c != '{' || doubled {
                all = product(all, &[PathText::known(c)]);
                continue;
            }
            let inner: String = chars.by_ref().take_while(|c| *c != '}').collect();
            let name = inner.split(':').next().unwrap_or_default();
            let named = rest.iter().find(|arg| arg.name.as_deref() == Some(name));
            let part = match named {
                Some(arg) => self.path_texts(file, arg.value),
                None if name.is_empty() => match values.next() {
                    Some(arg) => self.path_texts(file, arg.value),
                    None => vec![PathText::unknown()],
                },
                None => self.variable_texts(file, name, id),
            };
            all = product(all, &part);
        }
        all
    }

    /// What a function of the repository makes of the texts that it is handed:
    /// `func (c *Config) Path(rest string) string { return "/library" + rest }`.
    fn returned_texts(&self, file: FileId, callee: ExprId, args: &[Arg]) -> Option<Vec<PathText>> {
        let Value::Function(at, function) = self.eval(file, callee) else {
            return None;
        };
        if self.bound.borrow().len() > 2 || args.is_empty() {
            return None;
        }
        let values: Vec<Vec<PathText>> = args
            .iter()
            .map(|arg| self.path_texts(file, arg.value))
            .collect();
        let parsed = self.project.parsed(at);
        let body = parsed.unit.function(function).body?;
        self.bound.borrow_mut().push(((at, function), values));
        let mut returned = parsed.unit.descendants(body).into_iter().filter_map(|id| {
            let ExprKind::Exit {
                kind: ExitKind::Return,
                value: Some(value),
            } = parsed.unit.kind(id)
            else {
                return None;
            };
            Some(self.path_texts(at, *value))
        });
        let known = returned.find(|texts| texts.iter().all(|text| !text.unknown));
        self.bound.borrow_mut().pop();
        known
    }

    /// What a name may be where `id` stands.
    fn variable_texts(&self, file: FileId, name: &str, id: ExprId) -> Vec<PathText> {
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        let target = self
            .project
            .lookup(file, name, expr.function, expr.span.start);
        match target {
            Target::Assign(at, index) => self.assigned_texts(at, index, (file, id)),
            Target::Param(at, function, index)
                if self
                    .bound
                    .borrow()
                    .last()
                    .is_some_and(|(target, _)| *target == (at, function)) =>
            {
                let bound = self.bound.borrow();
                let values = bound.last().and_then(|(_, values)| values.get(index));
                values.cloned().unwrap_or_else(|| vec![PathText::unknown()])
            }
            Target::Param(at, function, index) => {
                let looped = match index {
                    0 => self.looped(at, function),
                    _ => None,
                };
                looped
                    .or_else(|| self.handed_texts(at, function, index))
                    .unwrap_or_else(|| self.evaluated(file, id))
            }
            _ => self.evaluated(file, id),
        }
    }

    fn evaluated(&self, file: FileId, id: ExprId) -> Vec<PathText> {
        match self.eval(file, id) {
            Value::Str(text) => vec![PathText::known(text)],
            _ => vec![PathText::unknown()],
        }
    }

    /// What a call stands for by a rule: the default of `os.environ.get("PREFIX", "")`.
    pub(super) fn given(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
    ) -> Option<(FileId, ExprId)> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let mut name = None;
        for (rule_id, pattern) in self.named_calls(file, callee, last) {
            let loaded = self.rule(rule_id);
            if loaded.rule.link != Some(Link::Value) {
                continue;
            }
            let name = name.get_or_insert_with(|| self.name_of(file, callee).unwrap_or_default());
            if loaded.patterns[pattern].matches(name) {
                let matched = self.matched(file, id);
                let gives = &loaded.rule.gives;
                let inside = loaded.rule.into.as_deref().and_then(|template| {
                    let text = self.texts(&matched, &loaded.rule.path).into_iter().next()?;
                    self.returned_by_file(template, &text)
                });
                return inside.or_else(|| self.exprs(&matched, gives).into_iter().next());
            }
        }
        None
    }

    /// Rules that may speak of a call by its own name or by the one that an import gave it.
    pub(super) fn named_calls(
        &self,
        file: FileId,
        callee: ExprId,
        last: &str,
    ) -> Vec<(usize, usize)> {
        let mut all: Vec<(usize, usize)> = self.index(file).calls.candidates(last).collect();
        let parsed = self.project.parsed(file);
        if let ExprKind::Name(name) = parsed.unit.kind(callee) {
            let expr = parsed.unit.expr(callee);
            let target = self
                .project
                .lookup(file, name, expr.function, expr.span.start);
            if let Target::External(path) = target {
                let other = path.rsplit('.').next().unwrap_or(&path);
                if other != last {
                    all.extend(self.index(file).calls.candidates(other));
                }
            }
        }
        all
    }

    /// What a file returns under a path: `name` of `config/app.php` for `app.name`.
    fn returned_by_file(&self, template: &str, text: &str) -> Option<(FileId, ExprId)> {
        let (stem, keys) = text.split_once('.')?;
        let name = template.replace("{}", stem);
        let suffix = format!("/{name}");
        let paths = self.project.paths();
        let path = paths.get(&name).or_else(|| {
            let mut below = paths.iter();
            below.find(|path| path.ends_with(&suffix))
        })?;
        let file = self.project.load(path)?;
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut found = unit.ids().find_map(|id| match unit.kind(id) {
            ExprKind::Exit {
                kind: ExitKind::Return,
                value: Some(value),
            } if unit.expr(id).function.is_none() => Some((file, *value)),
            _ => None,
        })?;
        for key in keys.split('.') {
            found = match self.eval(found.0, found.1) {
                Value::Map(at, map) => self.map_value(at, map, key)?,
                _ => return None,
            };
        }
        Some(found)
    }

    /// The parts that are put together: `[base, "/api"].concat()`.
    fn joined_list(&self, file: FileId, callee: ExprId) -> Option<Vec<ExprId>> {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(callee) {
            ExprKind::Member { object, property } if &**property == "concat" => {
                match parsed.unit.kind(*object) {
                    ExprKind::List(items) => Some(items.clone()),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What a variable may hold where it is used: what its assignments give, in their order.
    fn assigned_texts(&self, file: FileId, index: u32, used: (FileId, ExprId)) -> Vec<PathText> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let found = &unit.assigns[index as usize];
        if found.each {
            return self.items_of(file, index);
        }
        let Some(name) = found.name.as_deref().filter(|_| found.place.is_none()) else {
            return self.evaluated(used.0, used.1);
        };
        let before = if used.0 == file {
            unit.expr(used.1).span.start
        } else {
            u32::MAX
        };
        let mut all: Vec<PathText> = Vec::new();
        for assign in unit.assigns_to(name) {
            let same = assign.function == found.function
                && assign.class == found.class
                && (assign.span.end <= before || std::ptr::eq(assign, found));
            let Some(value) = assign.value.filter(|_| same) else {
                continue;
            };
            let texts = self.path_texts(file, value);
            if assign.extends {
                all = product(all, &texts);
                continue;
            }
            // An assignment that only some runs reach leaves the earlier ones possible.
            let conditional = unit.branches().any(|branch| {
                let branch = unit.expr(branch).span;
                branch.start <= assign.span.start
                    && assign.span.end <= branch.end
                    && !(branch.start <= before && before < branch.end)
            });
            if !conditional {
                all.clear();
            }
            let known = all.iter().any(|text| !text.unknown);
            all.extend(texts.into_iter().filter(|text| !(text.unknown && known)));
            if all.iter().any(|text| !text.unknown) {
                all.retain(|text| !text.unknown || text.text != UNKNOWN);
            }
        }
        all.dedup();
        if all.is_empty() {
            return self.evaluated(used.0, used.1);
        }
        all
    }

    /// The texts that a loop gives its variable, where the table stands in the source.
    fn items_of(&self, file: FileId, index: u32) -> Vec<PathText> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let assign = &unit.assigns[index as usize];
        let Some(table) = assign.value else {
            return Vec::new();
        };
        self.table_texts(file, table, assign.place)
    }

    /// `["a", "b"].forEach((page) => …)`: the parameter of a function that a table is handed to.
    fn looped(&self, file: FileId, function: FnId) -> Option<Vec<PathText>> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let each = &self.project.language(file).each;
        if each.is_empty() {
            return None;
        }
        let callee = unit.exprs.iter().find_map(|expr| match &expr.kind {
            ExprKind::Call { callee, args } => {
                let handed = args.first().is_some_and(
                    |arg| matches!(unit.kind(arg.value), ExprKind::Function(id) if *id == function),
                );
                handed.then_some(*callee)
            }
            _ => None,
        })?;
        match unit.kind(callee) {
            ExprKind::Member { object, property }
                if each.iter().any(|name| **name == **property) =>
            {
                Some(self.table_texts(file, *object, None))
            }
            _ => None,
        }
    }

    /// The tables that a variable of an outer loop stands for: `for name, prefixes in all.items()`.
    fn inner_tables(&self, file: FileId, id: ExprId) -> Vec<(FileId, ExprId)> {
        let Some((at, index)) = self.assignment(file, id) else {
            return Vec::new();
        };
        let parsed = self.project.parsed(at);
        let assign = &parsed.unit.assigns[index as usize];
        let Some(table) = assign.value.filter(|_| assign.each) else {
            return Vec::new();
        };
        let (mut value, mut place) = (self.eval(at, table), assign.place);
        if let ExprKind::Call { callee, .. } = parsed.unit.kind(table)
            && let ExprKind::Member { object, property } = parsed.unit.kind(*callee)
            && let map @ Value::Map(..) = self.eval(at, *object)
        {
            value = map;
            if &**property == "values" {
                place = Some(1);
            }
        }
        let parts: Vec<(FileId, ExprId)> = match (value, place) {
            (Value::List(at, items), None) => items.iter().map(|item| (at, *item)).collect(),
            (Value::List(at, items), Some(place)) => {
                let parts = items.iter().filter_map(|item| match self.eval(at, *item) {
                    Value::List(at, inner) => inner.get(place).map(|part| (at, *part)),
                    _ => None,
                });
                parts.collect()
            }
            (Value::Map(at, map), Some(1)) => match self.project.parsed(at).unit.kind(map) {
                ExprKind::Map(pairs) => pairs.iter().map(|(_, value)| (at, *value)).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let mut parts = parts.into_iter();
        // One that is no table leaves all unknown.
        let tables = |(at, id): (FileId, ExprId)| {
            matches!(self.eval(at, id), Value::List(..) | Value::Map(..)).then_some((at, id))
        };
        parts
            .by_ref()
            .map(tables)
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default()
    }

    fn table_texts(&self, file: FileId, table: ExprId, place: Option<usize>) -> Vec<PathText> {
        let inner = self.inner_tables(file, table);
        if !inner.is_empty() {
            let texts = inner.into_iter();
            return texts
                .flat_map(|(at, id)| self.table_texts(at, id, place))
                .collect();
        }
        let parsed = self.project.parsed(file);
        // `table.items()`: keys and values of a map.
        let mut value = self.eval(file, table);
        if let ExprKind::Call { callee, .. } = parsed.unit.kind(table)
            && let ExprKind::Member { object, .. } = parsed.unit.kind(*callee)
            && let map @ Value::Map(..) = self.eval(file, *object)
        {
            value = map;
        }
        let all: Vec<PathText> = match value {
            Value::List(at, items) => {
                let texts = items.iter().flat_map(|item| match place {
                    None => self.path_texts(at, *item),
                    Some(place) => match self.eval(at, *item) {
                        Value::List(at, inner) => match inner.get(place) {
                            Some(part) => self.path_texts(at, *part),
                            None => vec![PathText::unknown()],
                        },
                        _ => vec![PathText::unknown()],
                    },
                });
                texts.collect()
            }
            Value::Map(at, map) => {
                let parsed = self.project.parsed(at);
                let ExprKind::Map(pairs) = parsed.unit.kind(map) else {
                    return Vec::new();
                };
                let texts = pairs.iter().flat_map(|(key, value)| match place {
                    Some(1) => self.path_texts(at, *value),
                    _ => match parsed.unit.kind(*key) {
                        ExprKind::Name(name) => vec![PathText::known(&**name)],
                        _ => self.path_texts(at, *key),
                    },
                });
                texts.collect()
            }
            _ => vec![PathText::unknown()],
        };
        // The same text more than once is one.
        let mut once: Vec<PathText> = Vec::new();
        for text in all {
            if !once.contains(&text) {
                once.push(text);
            }
        }
        once
    }
}
