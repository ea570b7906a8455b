//! What an expression stands for.

use super::*;
use crate::project::{Member, Target};

/// So many classes that mix something in are asked for what it does not have itself.
const MAX_MIXERS: usize = 12;

/// Evaluation follows names and calls no deeper than this.
const MAX_DEPTH: u32 = 60;

impl Linker<'_> {
    /// The value of an expression, remembered.
    pub(crate) fn eval(&self, file: FileId, id: ExprId) -> Value {
        if let Some(known) = self.values.borrow().get(&(file, id)) {
            return known.clone();
        }
        // A name that is defined by itself stays unknown.
        let Some(value) = self.deeper(|| {
            self.values.borrow_mut().insert((file, id), Value::Unknown);
            self.eval_inner(file, id)
        }) else {
            return Value::Unknown;
        };
        self.values.borrow_mut().insert((file, id), value.clone());
        value
    }

    /// Goes one step deeper, unless the bound is reached: definitions may go round in circles.
    pub(super) fn deeper<T>(&self, step: impl FnOnce() -> T) -> Option<T> {
        if self.depth.get() >= MAX_DEPTH {
            return None;
        }
        self.depth.set(self.depth.get() + 1);
        let value = step();
        self.depth.set(self.depth.get() - 1);
        Some(value)
    }

    /// The assignment that a name stands for, as its file and its index there.
    pub(super) fn assignment(&self, file: FileId, id: ExprId) -> Option<(FileId, u32)> {
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        let ExprKind::Name(name) = &expr.kind else {
            return None;
        };
        let target = self
            .project
            .lookup(file, name, expr.function, expr.span.start);
        match target {
            crate::project::Target::Assign(at, index) => Some((at, index)),
            _ => None,
        }
    }

    fn eval_inner(&self, file: FileId, id: ExprId) -> Value {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let expr = unit.expr(id);
        match &expr.kind {
            ExprKind::Name(name) => {
                if let Some(module) = self.project.module_word(file, name)
                    && unit.path_heads.contains(&id)
                {
                    return Value::Module(module);
                }
                if self
                    .project
                    .language(file)
                    .self_names
                    .iter()
                    .any(|word| **word == **name)
                {
                    return self
                        .enclosing_class(file, expr.function)
                        .map_or(Value::Unknown, |class| Value::Instance(file, class));
                }
                let target = if unit.decorator_names.contains(&id) {
                    self.decorator_target(file, id, name)
                } else if unit.macro_calls.contains(&id) {
                    self.project.lookup_macro(file, name)
                } else if unit.path_heads.contains(&id) {
                    self.project.lookup(file, name, None, expr.span.start)
                } else {
                    self.project
                        .lookup(file, name, expr.function, expr.span.start)
                };
                match target {
                    Target::Unknown => {
                        // `other_crate::auth::check`, without an import.
                        let head = unit.path_heads.contains(&id);
                        let package = head.then(|| self.project.package_module(file, name));
                        match package.flatten() {
                            Some(module) => Value::Module(module),
                            None => self.bare(file, id, name),
                        }
                    }
                    target => self.value_of(target),
                }
            }
            ExprKind::Member { object, property } => {
                if let Some(value) = self.of_bases(file, id, *object, property) {
                    return value;
                }
                let object = self.eval(file, *object);
                match self.member(&object, property) {
                    // A name that is written with its namespace.
                    Value::External(path) => match self.project.qualified(file, &path) {
                        Target::Unknown => self
                            .constant(file, id, &path)
                            .unwrap_or(Value::External(path)),
                        found => self.value_of(found),
                    },
                    value => value,
                }
            }
            ExprKind::Call { callee, args } => self.eval_call(file, id, *callee, args),
            ExprKind::Await(inner) => self.eval(file, *inner),
            // The address of something, and what stands there.
            ExprKind::Unary { op, value } if matches!(&**op, "&" | "*") => self.eval(file, *value),
            ExprKind::Str(text) => Value::Str(text.to_string()),
            ExprKind::Template(_) => {
                let text = self.path_text(file, id);
                if text.unknown {
                    Value::Unknown
                } else {
                    Value::Str(text.text)
                }
            }
            ExprKind::Binary { op, left, right } => match &**op {
                "+" => match (self.eval(file, *left), self.eval(file, *right)) {
                    (Value::Str(left), Value::Str(right)) => Value::Str(left + &right),
                    (Value::List(a, left), Value::List(b, right)) if a == b => {
                        Value::List(a, left.into_iter().chain(right).collect())
                    }
                    (list @ Value::List(..), _) | (_, list @ Value::List(..)) => list,
                    _ => Value::Unknown,
                },
                "||" | "??" | "or" => match self.eval(file, *left) {
                    Value::Unknown | Value::External(_) | Value::ExternalInstance(_) => {
                        self.eval(file, *right)
                    }
                    value => value,
                },
                _ => Value::Unknown,
            },
            ExprKind::List(items) => Value::List(file, items.clone()),
            ExprKind::Map(_) => Value::Map(file, id),
            ExprKind::Function(function) => Value::Function(file, *function),
            ExprKind::Class(class) => Value::Class(file, *class),
            ExprKind::Branch { then, .. } => self.eval(file, *then),
            ExprKind::Block(items) => match items.last() {
                Some(last) if self.project.language(file).result_is_last => self.eval(file, *last),
                Some(only) if items.len() == 1 => self.eval(file, *only),
                _ => Value::Unknown,
            },
            ExprKind::Assign(index) => match unit.assigns[*index as usize].value {
                Some(value) => self.eval(file, value),
                None => Value::Unknown,
            },
            ExprKind::Exit {
                value: Some(value), ..
            } => self.eval(file, *value),
            ExprKind::Index { object, index } => {
                let (object, key) = (
                    self.eval(file, *object),
                    index.first().map(|key| self.eval(file, *key)),
                );
                match (object, key) {
                    (Value::Map(map_file, map), Some(Value::Str(key))) => self
                        .map_value(map_file, map, &key)
                        .map_or(Value::Unknown, |(file, id)| self.eval(file, id)),
                    (Value::External(path), _) => Value::External(path),
                    // `config.urls[0]`: the routes of several things that it says of them.
                    (Value::Router(router), _) if matches!(index[..], [only] if matches!(unit.kind(only), ExprKind::Number(_))) => {
                        Value::Router(router)
                    }
                    _ => Value::Unknown,
                }
            }
            _ => Value::Unknown,
        }
    }

    /// What a class takes from its bases: `super().dispatch`.
    fn of_bases(&self, file: FileId, id: ExprId, object: ExprId, property: &str) -> Option<Value> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let name = match unit.kind(object) {
            ExprKind::Call { callee, .. } => *callee,
            _ => object,
        };
        if !matches!(unit.kind(name), ExprKind::Name(word) if &**word == "super") {
            return None;
        }
        let class = self.enclosing_class(file, unit.expr(id).function)?;
        unit.class(class).bases.iter().find_map(|base| {
            let Value::Class(at, base) = self.eval(file, *base) else {
                return None;
            };
            match self.class_member(at, base, property, 0) {
                Value::Unknown | Value::External(_) => None,
                _ if (at, base) == (file, class) => None,
                value => Some(value),
            }
        })
    }

    /// What the name of a decorator means: a type whose ending it may leave out.
    fn decorator_target(&self, file: FileId, id: ExprId, name: &str) -> Target {
        let language = self.project.language(file);
        let parsed = self.project.parsed(file);
        let expr = parsed.unit.expr(id);
        let lookup = |name: &str| {
            let project = &self.project;
            project.lookup(file, name, expr.function, expr.span.start)
        };
        let suffixes = &language.decorator_suffix;
        let long = suffixes.iter().map(|suffix| format!("{name}{suffix}"));
        let found = long
            .map(|name| lookup(&name))
            .find(|found| *found != Target::Unknown);
        match found {
            Some(found) => found,
            // A type of the same name without the ending is another one.
            None if !suffixes.is_empty() && !suffixes.iter().any(|end| name.ends_with(&**end)) => {
                Target::Unknown
            }
            None => match lookup(name) {
                // Where decorators have names of their own, what else has this name is another thing.
                Target::Function(at, function) if !self.makes_decorator(at, function) => {
                    Target::Unknown
                }
                Target::Class(..) | Target::Assign(..) if !language.decorated_by.is_empty() => {
                    Target::Unknown
                }
                found => found,
            },
        }
    }

    /// Whether a function may be a decorator: by one of its own where the language asks for it.
    fn makes_decorator(&self, file: FileId, function: FnId) -> bool {
        let words = &self.project.language(file).decorated_by;
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        words.is_empty()
            || unit.function(function).decorators.iter().any(|decorator| {
                let callee = match unit.kind(*decorator) {
                    ExprKind::Call { callee, .. } => *callee,
                    _ => *decorator,
                };
                let name = unit.last_name(callee);
                name.is_some_and(|name| words.iter().any(|word| word == name))
            })
    }

    /// The text that a name from outside stands for, by a rule: `http.MethodGet`.
    fn constant(&self, file: FileId, id: ExprId, path: &str) -> Option<Value> {
        let last = path.rsplit('.').next().unwrap_or(path);
        let mut rules = self.index(file).mentions.candidates(last);
        let rule = rules.find_map(|(rule_id, pattern)| {
            let loaded = self.rule(rule_id);
            let gives = loaded.rule.link == Some(Link::Value);
            (gives && loaded.patterns[pattern].matches(path)).then_some(&loaded.rule)
        })?;
        let texts = self.texts(&self.matched(file, id), &rule.gives);
        texts.into_iter().next().map(Value::Str)
    }

    /// What a name means that nothing around declares.
    fn bare(&self, file: FileId, id: ExprId, name: &str) -> Value {
        let parsed = self.project.parsed(file);
        if self.project.language(file).implicit_self {
            let expr = parsed.unit.expr(id);
            let class = self.enclosing_class(file, expr.function).or(expr.class);
            for class in class
                .into_iter()
                .flat_map(|class| self.with_outer(file, class))
            {
                match self.class_member(file, class, name, 0) {
                    // Of a class outside nobody knows which names it has.
                    Value::Unknown | Value::External(_) => {}
                    value => return value,
                }
                if let Some(value) = self.of_mixers(file, class, name) {
                    return value;
                }
            }
        }
        match self.starred(file, name) {
            Some(path) => Value::External(path),
            None => Value::External(name.to_owned()),
        }
    }

    /// A method that something which is mixed in finds in the classes that mix it in.
    fn of_mixers(&self, file: FileId, class: ClassId, name: &str) -> Option<Value> {
        if self.project.language(file).mixins.is_empty() {
            return None;
        }
        let own = self.project.parsed(file).unit.class(class).name.clone();
        let mixers = self.mixers(&own);
        mixers
            .iter()
            .take(MAX_MIXERS)
            .find_map(|(at, other, base)| {
                if self.eval(*at, *base) != Value::Class(file, class) {
                    return None;
                }
                match self.class_member(*at, *other, name, 0) {
                    found @ Value::Function(..) => Some(found),
                    _ => None,
                }
            })
    }

    /// The classes that mix in something of this name, with where they name it.
    fn mixers(&self, name: &str) -> Mixers {
        let (seen, mut known) = self.mixed.take();
        let count = self.project.len();
        for index in seen..count {
            let file = FileId(index as u32);
            let parsed = self.project.parsed(file);
            for (index, class) in parsed.unit.classes.iter().enumerate() {
                for base in &class.bases {
                    // What a class derives from stands in its head.
                    if class.head.holds(parsed.unit.expr(*base).span) {
                        continue;
                    }
                    if let Some(name) = parsed.unit.last_name(*base) {
                        known.entry(Box::from(name)).or_default().push((
                            file,
                            ClassId(index as u32),
                            *base,
                        ));
                    }
                }
            }
        }
        let found = known.get(name).cloned().unwrap_or_default();
        self.mixed.replace((count, known));
        found
    }

    /// The full name of what a file takes from a package outside by `*`, if a rule knows it.
    fn starred(&self, file: FileId, name: &str) -> Option<String> {
        let parsed = self.project.parsed(file);
        let index = self.index(file);
        for import in &parsed.unit.imports {
            if &*import.local != "*" {
                continue;
            }
            let path = format!("{}.{name}", import.module);
            let dispatches = [
                &index.calls,
                &index.decorators,
                &index.classes,
                &index.mentions,
                &index.parameters,
                &index.names,
            ];
            let known = dispatches.iter().any(|dispatch| {
                dispatch.candidates(name).any(|(rule, pattern)| {
                    let pattern = &self.rule(rule).patterns[pattern];
                    // A pattern for all that a package has does not say which names those are.
                    let open = pattern.last().iter().any(|last| last.contains('*'));
                    pattern.receiver.is_none() && !open && pattern.matches(&path)
                })
            });
            if known {
                return Some(path);
            }
        }
        None
    }

    /// The class around a function, also through functions inside it.
    pub(super) fn enclosing_class(&self, file: FileId, function: Option<FnId>) -> Option<ClassId> {
        let parsed = self.project.parsed(file);
        let mut scope = function;
        while let Some(id) = scope {
            let function = parsed.unit.function(id);
            if function.class.is_some() {
                return function.class;
            }
            scope = function.parent;
        }
        None
    }

    pub(super) fn value_of(&self, target: Target) -> Value {
        match target {
            Target::Function(file, id) => Value::Function(file, id),
            Target::Class(file, id) => Value::Class(file, id),
            Target::Module(file) => Value::Module(file),
            Target::External(name) => Value::External(name),
            Target::Param(file, function, index) => self.param_value(file, function, index),
            Target::Assign(file, index) => {
                let parsed = self.project.parsed(file);
                let assign = &parsed.unit.assigns[index as usize];
                if assign.each {
                    return Value::Unknown;
                }
                if let Some(place) = assign.place {
                    let Some(value) = assign.value else {
                        return Value::Unknown;
                    };
                    return match self.eval(file, value) {
                        Value::List(at, items) => match items.get(place) {
                            Some(item) => self.eval(at, *item),
                            None => Value::Unknown,
                        },
                        // `(router, description) = router.split()`
                        router @ Value::Router(_) if place == 0 => router,
                        _ => Value::Unknown,
                    };
                }
                if let Some(router) = self.known_router(file, RouterKey::Assign(index)) {
                    return Value::Router(router);
                }
                match (assign.value, assign.ty_expr) {
                    (Some(value), ty) => {
                        let value = if assign.name.is_some()
                            || matches!(parsed.unit.kind(assign.target), ExprKind::Member { .. })
                        {
                            self.eval(file, value)
                        } else {
                            Value::Unknown
                        };
                        match (value, ty) {
                            (Value::Unknown, Some(ty)) => self.instance_of_type(file, ty),
                            (value, _) => value,
                        }
                    }
                    (None, ty) => {
                        let given = match (&assign.name, assign.function, assign.class) {
                            (Some(name), None, None) => self.given_router(file, name),
                            _ => None,
                        };
                        match (given, ty) {
                            (Some(router), _) => Value::Router(router),
                            (None, Some(ty)) => self.instance_of_type(file, ty),
                            (None, None) => Value::Unknown,
                        }
                    }
                }
            }
            Target::Unknown => Value::Unknown,
        }
    }

    /// The router that a function gives to a variable outside of it.
    fn given_router(&self, file: FileId, name: &str) -> Option<RouterId> {
        let files = std::iter::once(file).chain(self.project.siblings(file));
        let mut values = files.flat_map(|at| {
            let parsed = self.project.parsed(at);
            let all = parsed.given(name).iter();
            let values = all.filter_map(|index| parsed.unit.assigns[*index as usize].value);
            values.map(|value| (at, value)).collect::<Vec<_>>()
        });
        values.find_map(|(at, value)| match self.eval(at, value) {
            Value::Router(router) => Some(router),
            _ => None,
        })
    }

    /// The router that a method gives to a field of its type.
    fn given_to_field(&self, file: FileId, ty: &str, field: &str) -> Option<RouterId> {
        let files = std::iter::once(file).chain(self.project.siblings(file));
        let mut values = files.flat_map(|at| {
            let parsed = self.project.parsed(at);
            let all = parsed.given_field(ty, field).iter();
            let values = all.filter_map(|index| parsed.unit.assigns[*index as usize].value);
            values.map(|value| (at, value)).collect::<Vec<_>>()
        });
        values.find_map(|(at, value)| match self.eval(at, value) {
            Value::Router(router) => Some(router),
            _ => None,
        })
    }

    /// An object of the type that is written here.
    pub(super) fn instance_of_type(&self, file: FileId, ty: ExprId) -> Value {
        match self.eval(file, ty) {
            Value::Class(file, class) => Value::Instance(file, class),
            Value::External(path) => Value::ExternalInstance(path),
            _ => Value::Unknown,
        }
    }

    fn param_value(&self, file: FileId, function: FnId, index: usize) -> Value {
        Value::Param(file, function, index)
    }

    /// The type of a parameter as a dotted name.
    pub(super) fn param_type(&self, file: FileId, function: FnId, index: usize) -> Option<String> {
        let parsed = self.project.parsed(file);
        let ty = parsed.unit.function(function).params.get(index)?.ty_expr?;
        self.deeper(|| self.name_of(file, ty))?
    }

    pub(super) fn member(&self, object: &Value, property: &str) -> Value {
        self.deeper(|| self.find_member(object, property))
            .unwrap_or(Value::Unknown)
    }

    fn find_member(&self, object: &Value, property: &str) -> Value {
        match object {
            Value::Module(file) => match self.project.export(*file, property, 0) {
                Target::Unknown => {
                    // `module.exports = { a }`, or a submodule.
                    match self.project.default_export(*file) {
                        Some(default) if property != "default" => {
                            let value = self.eval(*file, default);
                            if matches!(value, Value::Module(_)) {
                                Value::Unknown
                            } else {
                                self.member(&value, property)
                            }
                        }
                        Some(default) => self.eval(*file, default),
                        None => match self
                            .project
                            .module(*file, &format!(".{property}"))
                            .or_else(|| self.project.module(*file, &format!("self.{property}")))
                        {
                            Some(module) => Value::Module(module),
                            None => Value::Unknown,
                        },
                    }
                }
                target => self.value_of(target),
            },
            Value::External(path) | Value::ExternalInstance(path) => {
                let path = format!("{path}.{property}");
                self.setting(&path, property)
                    .unwrap_or(Value::External(path))
            }
            Value::Instance(file, class) | Value::Class(file, class) => {
                match self.routes_under(*file, *class, property) {
                    Some(router) => Value::Router(router),
                    None => self.class_member(*file, *class, property, 0),
                }
            }
            Value::Map(file, map) => match self.map_value(*file, *map, property) {
                Some((file, id)) => self.eval(file, id),
                None => Value::Unknown,
            },
            // `router.urls`, `app.router`: the router itself under another name.
            Value::Router(router) => Value::Router(*router),
            Value::Param(file, function, index) => {
                let parsed = self.project.parsed(*file);
                let param = parsed.unit.function(*function).params.get(*index);
                if let Some(ty) = param.and_then(|param| param.ty_expr)
                    && let Value::Class(at, class) = self.eval(*file, ty)
                {
                    let found = self.class_member(at, class, property, 0);
                    if let Value::Function(..)
                    | Value::Router(_)
                    | Value::Instance(..)
                    | Value::ExternalInstance(_) = found
                    {
                        return found;
                    }
                }
                match self.param_type(*file, *function, *index) {
                    Some(ty) => Value::External(format!("{ty}.{property}")),
                    None => Value::Unknown,
                }
            }
            _ => Value::Unknown,
        }
    }

    /// What a file of settings says of a name, by a rule; the first file in which it is known.
    fn setting(&self, path: &str, name: &str) -> Option<Value> {
        let named = |loaded: &&LoadedRule| {
            let mut patterns = loaded.patterns.iter();
            patterns.any(|pattern| pattern.matches(path))
        };
        if !self.settings.iter().any(|loaded| named(&&**loaded)) {
            return None;
        }
        if let Some(known) = self.set.borrow().get(path) {
            return known.clone();
        }
        // A setting that is made from itself is unknown.
        self.set.borrow_mut().insert(path.to_owned(), None);
        let found = self.find_setting(path, name);
        self.set.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    fn find_setting(&self, path: &str, name: &str) -> Option<Value> {
        for loaded in &self.settings {
            if !loaded.patterns.iter().any(|pattern| pattern.matches(path)) {
                continue;
            }
            for file in self.setting_files(loaded) {
                if let target @ Target::Assign(at, index) = self.project.export(file, name, 0) {
                    let unit = &self.project.parsed(at).unit;
                    let value = match unit.assigns[index as usize].value {
                        Some(value) => match &self.path_texts(at, value)[..] {
                            [text] if !text.unknown => Value::Str(text.text.clone()),
                            _ => self.value_of(target),
                        },
                        None => Value::Unknown,
                    };
                    if !matches!(value, Value::Unknown | Value::ExternalInstance(_)) {
                        return Some(value);
                    }
                }
            }
        }
        None
    }

    fn setting_files(&self, loaded: &LoadedRule) -> Vec<FileId> {
        let Some(globs) = &loaded.files else {
            return Vec::new();
        };
        let paths = self.project.paths().iter();
        paths
            .filter(|path| {
                globs.is_match(path)
                    && crate::scope::scope_of_path(path) == crate::fact::Scope::Production
            })
            .filter_map(|path| self.project.load(path))
            .collect()
    }

    /// A member of a class, also inherited, also from another block that extends the class.
    pub(crate) fn class_member(
        &self,
        file: FileId,
        class: ClassId,
        property: &str,
        hops: u32,
    ) -> Value {
        if hops > 8 {
            return Value::Unknown;
        }
        let parsed = self.project.parsed(file);
        let name = parsed.unit.class(class).name.clone();
        for (index, other) in parsed.unit.classes.iter().enumerate() {
            let id = ClassId(index as u32);
            if id != class && other.name != name {
                continue;
            }
            for member in parsed.members(id, property) {
                match member {
                    Member::Method(function) => return Value::Function(file, *function),
                    Member::Field(index) => {
                        if let Some(router) = self.given_to_field(file, &name, property) {
                            return Value::Router(router);
                        }
                        let value = self.value_of(Target::Assign(file, *index));
                        if value != Value::Unknown {
                            return value;
                        }
                    }
                }
            }
        }
        // Methods that stand outside of their type, in any file of the package.
        for at in std::iter::once(file).chain(self.project.siblings(file)) {
            if let Some(function) = self.project.parsed(at).received(&name, property) {
                return Value::Function(at, function);
            }
        }
        let nested = format!("{}.{property}", parsed.unit.class(class).qualified);
        match self.project.qualified(file, &nested) {
            Target::Unknown => {}
            found => return self.value_of(found),
        }
        let mut bases = parsed.unit.class(class).bases.clone();
        if !self.project.language(file).mixins.is_empty() {
            // What was mixed in last comes first, what the class derives from last.
            bases.reverse();
        }
        // A base outside may have it; one that is known to have it is asked first.
        let mut outside = Value::Unknown;
        for base in bases {
            let value = match self.eval(file, base) {
                Value::Class(at, base) if (at, base) == (file, class) => continue,
                Value::Class(file, class) => self.class_member(file, class, property, hops + 1),
                Value::External(path) => Value::External(format!("{path}.{property}")),
                _ => continue,
            };
            match value {
                Value::Unknown => {}
                Value::External(_) => {
                    if outside == Value::Unknown {
                        outside = value;
                    }
                }
                value => return value,
            }
        }
        outside
    }

    /// The value of a key in a map literal, following spreads.
    pub(super) fn map_value(
        &self,
        file: FileId,
        map: ExprId,
        key: &str,
    ) -> Option<(FileId, ExprId)> {
        self.deeper(|| self.find_in_map(file, map, key))?
    }

    fn find_in_map(&self, file: FileId, map: ExprId, key: &str) -> Option<(FileId, ExprId)> {
        let parsed = self.project.parsed(file);
        let ExprKind::Map(pairs) = parsed.unit.kind(map) else {
            return None;
        };
        for (name, value) in pairs.iter().rev() {
            match parsed.unit.kind(*name) {
                ExprKind::Name(name) | ExprKind::Str(name) if &**name == key => {
                    return Some((file, *value));
                }
                ExprKind::Null => {
                    if let Value::Map(file, map) = self.eval(file, *value)
                        && let Some(found) = self.map_value(file, map, key)
                    {
                        return Some(found);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn eval_call(&self, file: FileId, id: ExprId, callee: ExprId, args: &[Arg]) -> Value {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        // Rules first: they know what the call makes.
        if let Some(router) = self.router_of_call(file, id, callee, args) {
            return Value::Router(router);
        }
        if let Some(found) = self.found_by_text(file, id, callee) {
            return found;
        }
        if let Some((at, value)) = self.given(file, id, callee) {
            return self.eval(at, value);
        }
        if let ExprKind::Name(name) = unit.kind(callee)
            && let Some(modules) = &self.project.language(file).modules
            && modules.require.iter().any(|word| **word == **name)
            && let Some(module) = args.first().and_then(|arg| unit.literal(arg.value))
        {
            return match self.project.module(file, module) {
                Some(module) => match self.project.default_export(module) {
                    Some(default) => match self.eval(module, default) {
                        Value::Unknown => Value::Module(module),
                        value => value,
                    },
                    None => Value::Module(module),
                },
                None => Value::External(module.to_owned()),
            };
        }
        match self.eval(file, callee) {
            Value::Function(at, function) => {
                let result = self.result(at, function);
                // What was handed in and comes back.
                let plain = self
                    .project
                    .parsed(at)
                    .unit
                    .function(function)
                    .class
                    .is_none();
                let handed = match &result {
                    _ if !plain => None,
                    Value::Param(owner, of, index) if (*owner, *of) == (at, function) => {
                        Some(*index)
                    }
                    Value::Router(router) => {
                        let params =
                            0..self.project.parsed(at).unit.function(function).params.len();
                        let mut params = params.into_iter();
                        params.find(|index| {
                            self.known_router(at, RouterKey::Param(function, *index))
                                == Some(*router)
                        })
                    }
                    _ => None,
                };
                match handed.and_then(|index| args.get(index)) {
                    Some(arg) => self.eval(file, arg.value),
                    None if matches!(result, Value::Router(_)) => result,
                    None => match self.wrapped(file, id, (at, function), args) {
                        Some(router) => Value::Router(router),
                        None => result,
                    },
                }
            }
            Value::Class(file, class) => Value::Instance(file, class),
            Value::Module(module) => match self
                .project
                .default_export(module)
                .map(|id| self.eval(module, id))
            {
                Some(Value::Function(file, function)) => self.result(file, function),
                Some(Value::Class(file, class)) => Value::Instance(file, class),
                _ => Value::Unknown,
            },
            Value::External(path) => {
                // `Ok(x)`, `Arc::new(x)`, `Box::new(x)`: what is wrapped is what matters.
                if let [arg] = args {
                    let inner = self.eval(file, arg.value);
                    if let Value::Router(_) = inner {
                        return inner;
                    }
                }
                Value::ExternalInstance(path)
            }
            // A method that is not followed keeps what it was called on.
            Value::Router(router) => Value::Router(router),
            _ => Value::Unknown,
        }
    }

    /// What a function of the repository returns.
    pub(super) fn result(&self, file: FileId, function: FnId) -> Value {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let Some(body) = unit.function(function).body else {
            return Value::Unknown;
        };
        let mut last = Value::Unknown;
        let mut routers: Vec<RouterId> = Vec::new();
        for id in unit.descendants(body) {
            if let ExprKind::Exit {
                kind: ExitKind::Return,
                value: Some(value),
            } = unit.kind(id)
            {
                let value = self.eval(file, *value);
                match value {
                    Value::Router(router) if !routers.contains(&router) => routers.push(router),
                    Value::Router(_) => {}
                    Value::Instance(..) | Value::Function(..) if routers.is_empty() => {
                        return value;
                    }
                    _ => {}
                }
                // Of several results the first that gives something: `return nil, err` does not.
                let nothing = match &last {
                    Value::Unknown => true,
                    Value::List(at, items) => items.first().is_some_and(|first| {
                        matches!(self.project.parsed(*at).unit.kind(*first), ExprKind::Null)
                    }),
                    _ => false,
                };
                if nothing {
                    last = value;
                }
            }
        }
        if last == Value::Unknown {
            let expression = !matches!(unit.kind(body), ExprKind::Block(_));
            if expression || self.project.language(file).result_is_last {
                last = self.eval(file, body);
            }
        }
        if !routers.is_empty() && self.project.language(file).result_is_last {
            match self.eval(file, body) {
                Value::Router(router) if !routers.contains(&router) => routers.push(router),
                _ => {}
            }
        }
        match routers[..] {
            [] => last,
            [one] => Value::Router(one),
            _ => {
                let framework = self.routers.borrow()[routers[0].0 as usize].framework;
                Value::Router(self.group(file, body, framework, &routers))
            }
        }
    }

    /// The dotted name of what an expression stands for.
    pub(crate) fn name_of(&self, file: FileId, id: ExprId) -> Option<String> {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(id) {
            ExprKind::Index { object, .. } => return self.name_of(file, *object),
            ExprKind::Member { object, property } => {
                // The name keeps the method even where the receiver is a router or an object.
                let object_value = self.eval(file, *object);
                if let Value::Router(_)
                | Value::Unknown
                | Value::Str(_)
                | Value::List(..)
                | Value::Map(..) = object_value
                {
                    let path = parsed
                        .unit
                        .path(id)
                        .unwrap_or_else(|| format!("?.{property}"));
                    return Some(path);
                }
            }
            _ => {}
        }
        let local = |file: FileId, name: &str| {
            let path = self.project.path(file);
            let stem = path.rsplit_once('.').map_or(&*path, |(stem, _)| stem);
            format!("{}.{name}", stem.replace('/', "."))
        };
        match self.eval(file, id) {
            Value::External(path) | Value::ExternalInstance(path) => Some(path),
            Value::Function(file, function) => Some(local(
                file,
                &self.project.parsed(file).unit.function(function).qualified,
            )),
            Value::Class(file, class) | Value::Instance(file, class) => Some(local(
                file,
                &self.project.parsed(file).unit.class(class).name,
            )),
            Value::Module(file) => Some(local(file, "")),
            Value::Param(file, function, index) => self
                .param_type(file, function, index)
                .or_else(|| parsed.unit.path(id)),
            _ => parsed.unit.path(id),
        }
    }
}
