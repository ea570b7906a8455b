//! Parameters of an endpoint beyond its path: from the signature of its handler, and from what
//! its body reads of the request.

use serde_json::{Value as Json, json};

use super::*;

/// Parameters of one endpoint; more are not listed.
const MAX_PARAMETERS: usize = 200;

/// Methods whose requests have no body.
const READS: [&str; 3] = ["GET", "HEAD", "DELETE"];

/// What reads the request in the place of a handler is followed this deep.
const MAX_HELPERS: u32 = 2;

/// What a guard calls is followed this deep, and so many functions far, to where it finds out who
/// calls.
const MAX_GUARD_CALLS: u32 = 4;
const MAX_GUARD_FUNCTIONS: usize = 60;

/// The texts that a function is handed, by its parameters: `param` is `page` in `number(r, "page")`.
type Handed = BTreeMap<String, String>;

/// Parameters by place and name, each with its type and whether it must be given.
pub(super) type Found = BTreeMap<(String, String), (Option<String>, Option<bool>)>;

impl Linker<'_> {
    /// Parameters beyond those in the path, as `{ name, in, type?, required? }`. A name of `*`
    /// stands for the whole body, query or form.
    pub(crate) fn parameters(&self, endpoint: &Endpoint) -> Vec<Json> {
        let Some(Handler::Function(file, function) | Handler::Method(_, file, function)) =
            &endpoint.handler
        else {
            return Vec::new();
        };
        let known = self.taken.borrow().get(&(*file, *function)).cloned();
        let found = match known {
            Some(found) => found,
            None => {
                let mut found = Found::new();
                self.declared(*file, *function, None, &mut found);
                self.read(*file, *function, &Handed::new(), &mut found, 0);
                let found = Arc::new(found);
                let key = (*file, *function);
                self.taken.borrow_mut().insert(key, found.clone());
                found
            }
        };
        let mut found = Found::clone(&found);
        self.shaped(endpoint, &mut found);
        let in_path = |name: &str| endpoint.path.contains(&format!("{{{name}}}"));
        let all = found
            .iter()
            .filter(|((place, name), _)| {
                // What a session holds, the program put there itself. A place of `any` is the
                // path too.
                let own = matches!(&**place, "path" | "session");
                !(own || matches!(&**place, "plain" | "any") && in_path(name))
            })
            .map(|((place, name), (ty, required))| {
                // What stands in no path of a plain signature is asked for in the query.
                let place = match &**place {
                    "plain" => "query",
                    "any" if READS.contains(&&*endpoint.method) => "query",
                    "any" => "body",
                    place => place,
                };
                let mut one = json!({ "name": name, "in": place });
                if let Some(ty) = ty {
                    one["type"] = json!(ty);
                }
                if let Some(required) = required {
                    one["required"] = json!(required);
                }
                one
            });
        all.take(MAX_PARAMETERS).collect()
    }

    /// Classes of the repository that requests are read into.
    pub(crate) fn is_request_model(&self, file: FileId, class: ClassId) -> bool {
        self.request_models.borrow().contains(&(file, class))
    }

    /// Parameters that the signature declares.
    fn declared(&self, file: FileId, function: FnId, plain: Option<usize>, found: &mut Found) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let self_names = &self.project.language(file).self_names;
        let plain = plain.or_else(|| self.plain_rule(file, function));
        for param in &unit.function(function).params {
            let name = crate::project::param_name(&param.name);
            if self_names.iter().any(|word| **word == *name) {
                continue;
            }
            self.declared_by(file, function, param, plain, found);
        }
    }

    /// What one parameter of a signature takes from the request.
    fn declared_by(
        &self,
        file: FileId,
        function: FnId,
        param: &Param,
        plain: Option<usize>,
        found: &mut Found,
    ) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let name = crate::project::param_name(&param.name);
        let by_decorator = param.decorators.iter().find_map(|id| {
            let matched = self.matched(file, *id);
            let rule = self.parameter_rule(file, matched.callee?, &self.index(file).decorators)?;
            Some((rule, matched))
        });
        if let Some((rule, matched)) = by_decorator {
            self.add(file, rule, &matched, None, param, found);
            return;
        }
        let parts = [param.default, param.ty_expr].into_iter().flatten();
        let parts = parts.flat_map(|id| self.type_parts(file, id, 0));
        let by_call = parts.into_iter().find_map(|(at, id)| {
            let matched = self.matched(at, id);
            let rule = self.parameter_rule(at, matched.callee?, &self.index(at).parameters)?;
            Some((rule, matched))
        });
        if let Some((rule, matched)) = by_call {
            self.add(file, rule, &matched, Some(name), param, found);
            return;
        }
        if let Some(values) = self.dependency(file, param) {
            // What a dependency takes, its dependent takes.
            for value in values {
                match value {
                    Value::Function(at, other) if (at, other) != (file, function) => {
                        self.deeper(|| self.declared(at, other, plain, found));
                    }
                    Value::Class(at, class) if plain.is_some() => {
                        self.class_fields(at, class, "query", found, 0);
                    }
                    _ => {}
                }
            }
            return;
        }
        let Some(ty) = param.ty_expr else { return };
        let (outer, inner) = match unit.kind(ty) {
            ExprKind::Index { object, index } => (*object, index.first().copied()),
            _ => (ty, None),
        };
        let rule = self.parameter_rule(file, outer, &self.index(file).parameters);
        if let Some(rule) = rule.or_else(|| self.rule_of_alias(file, outer)) {
            let place = self.rule(rule).rule.place.clone().unwrap_or_default();
            match inner {
                Some(inner) => self.fields_of(file, inner, &place, found),
                None => {
                    found.insert((place, "*".into()), (None, None));
                }
            }
            return;
        }
        if let Value::Class(at, class) = self.eval(file, ty)
            && let Some(place) = self.ruled_fields(at, class, found)
        {
            let place = place.clone();
            self.request_models.borrow_mut().insert((at, class));
            if !found.keys().any(|(other, _)| *other == place) {
                found.insert(
                    (place, "*".into()),
                    (param.ty.as_deref().map(str::to_owned), None),
                );
            }
            return;
        }
        if let Some(rule) = plain {
            self.plain(file, rule, name, ty, param, found);
        }
    }

    /// The places of the request that a parameter of a function is read from; nothing where it
    /// comes from elsewhere.
    pub(super) fn places_of(&self, file: FileId, function: FnId, param: &Param) -> Vec<String> {
        if self.dependency(file, param).is_some() {
            return Vec::new();
        }
        let mut found = Found::new();
        let plain = self.plain_rule(file, function);
        self.declared_by(file, function, param, plain, &mut found);
        let places = found.into_keys().map(|(place, _)| place);
        places.filter(|place| place != "session").collect()
    }

    /// The rule by which the parameters of a handler are parameters of the request.
    fn plain_rule(&self, file: FileId, function: FnId) -> Option<usize> {
        let parsed = self.project.parsed(file);
        let mut decorators = parsed.unit.function(function).decorators.iter();
        decorators.find_map(|id| {
            let callee = self.matched(file, *id).callee?;
            let last = parsed.unit.last_name(callee)?;
            let mut rules = self.index(file).decorators.candidates(last);
            rules.find_map(|(rule_id, _)| {
                let rule = &self.rule(rule_id).rule;
                let routes = rule.link == Some(Link::Route) && rule.plain_parameters;
                (routes && self.imported(file).contains(&self.rule(rule_id).framework))
                    .then_some(rule_id)
            })
        })
    }

    /// A parameter of the signature that no rule names: a model is the body, a value the query.
    fn plain(
        &self,
        file: FileId,
        rule_id: usize,
        name: &str,
        ty: ExprId,
        param: &Param,
        found: &mut Found,
    ) {
        let required = Some(param.default.is_none());
        match self.eval(file, ty) {
            Value::Class(at, class) if !self.is_guard_class(at, class) => {
                let text = param.ty.as_deref().map(str::to_owned);
                if self.derives(at, class, "enum", 0) {
                    found.insert(("plain".into(), name.to_owned()), (text, required));
                } else {
                    self.fields_of(file, ty, "body", found);
                }
            }
            Value::External(path) => {
                let of_framework = self.rules.frameworks[self.rule(rule_id).framework]
                    .imports
                    .iter()
                    .any(|package| {
                        path.strip_prefix(package.as_str())
                            .is_some_and(|rest| rest.starts_with('.'))
                    });
                if !of_framework {
                    let text = param.ty.as_deref().map(str::to_owned);
                    found.insert(("plain".into(), name.to_owned()), (text, required));
                }
            }
            _ => {}
        }
    }

    /// The functions and classes that a parameter gets its value from: `Depends(pagination)`.
    fn dependency(&self, file: FileId, param: &Param) -> Option<Vec<Value>> {
        let parts = [param.default, param.ty_expr].into_iter().flatten();
        let mut parts = parts.flat_map(|id| self.type_parts(file, id, 0));
        parts.find_map(|(at, id)| {
            let callee = self.matched(at, id).callee?;
            let guards = self.inner_guards(at, callee, id)?;
            Some(guards.iter().map(|(at, id)| self.eval(*at, *id)).collect())
        })
    }

    fn is_guard_class(&self, file: FileId, class: ClassId) -> bool {
        self.class_denies(file, class, 0)
    }

    /// Whether a class derives from one of a package, at any depth.
    fn derives(&self, file: FileId, class: ClassId, package: &str, depth: u32) -> bool {
        let parsed = self.project.parsed(file);
        depth < 6
            && parsed
                .unit
                .class(class)
                .bases
                .iter()
                .any(|base| match self.eval(file, *base) {
                    Value::Class(at, base) => self.derives(at, base, package, depth + 1),
                    Value::External(path) => path.split('.').next() == Some(package),
                    _ => false,
                })
    }

    fn parameter_rule(&self, file: FileId, callee: ExprId, dispatch: &Dispatch) -> Option<usize> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let mut name = None;
        for (rule_id, pattern) in dispatch.candidates(last) {
            let loaded = self.rule(rule_id);
            if loaded.rule.link != Some(Link::Parameter) {
                continue;
            }
            let name = name.get_or_insert_with(|| self.name_of(file, callee).unwrap_or_default());
            if loaded.patterns[pattern].matches(name) {
                return Some(rule_id);
            }
        }
        None
    }

    /// The same for another name of such a type: `type Upper<T> = Json<UpCase<T>>`.
    fn rule_of_alias(&self, file: FileId, ty: ExprId) -> Option<usize> {
        let (at, index) = self.assignment(file, ty)?;
        let parsed = self.project.parsed(at);
        let value = parsed.unit.assigns[index as usize].value?;
        match parsed.unit.kind(value) {
            ExprKind::Index { object, .. } => {
                self.parameter_rule(at, *object, &self.index(at).parameters)
            }
            _ => None,
        }
    }

    /// A parameter that a rule names, by a decorator or a call.
    fn add(
        &self,
        file: FileId,
        rule_id: usize,
        matched: &Matched,
        default: Option<&str>,
        param: &Param,
        found: &mut Found,
    ) {
        let rule = &self.rule(rule_id).rule;
        let place = rule.place.clone().unwrap_or_default();
        let name = self.texts(matched, &rule.named).into_iter().next();
        let own = rule.named.iter().any(|one| one.decorated);
        let name = name.or_else(|| own.then(|| crate::project::param_name(&param.name).into()));
        let optional = &rule.optional;
        let required = (!optional.is_empty()).then(|| self.texts(matched, optional).is_empty());
        match name.as_deref().or(default) {
            Some(name) => {
                let model = param
                    .ty_expr
                    .filter(|_| rule.place.as_deref() == Some("body"));
                match model {
                    Some(ty) if default.is_some() => self.fields_of(file, ty, &place, found),
                    _ => {
                        let ty = param.ty.as_deref().map(str::to_owned);
                        found.insert((place, name.to_owned()), (ty, required));
                    }
                }
            }
            None => match param.ty_expr {
                // A value without a name of its own is called as the parameter.
                Some(ty)
                    if rule.plain_parameters
                        && !matches!(self.eval(file, ty), Value::Class(..)) =>
                {
                    let name = crate::project::param_name(&param.name).to_owned();
                    let ty = param.ty.as_deref().map(str::to_owned);
                    found.insert((place, name), (ty, None));
                }
                Some(ty) => self.fields_of(file, ty, &place, found),
                None => {
                    found.insert((place, "*".into()), (None, None));
                }
            },
        }
    }

    /// The fields of the model that a request is read into; a type of another kind as a whole.
    fn fields_of(&self, file: FileId, ty: ExprId, place: &str, found: &mut Found) {
        let parsed = self.project.parsed(file);
        let text = parsed.unit.path(ty);
        let (at, class) = match self.eval(file, ty) {
            Value::Class(at, class) => {
                let declared = self.project.extended(at, class);
                declared.unwrap_or((at, class))
            }
            _ => {
                if let ExprKind::Index { index, .. } = parsed.unit.kind(ty)
                    && let Some(inner) = index.first()
                {
                    return self.fields_of(file, *inner, place, found);
                }
                found.insert((place.to_owned(), "*".into()), (text, None));
                return;
            }
        };
        self.request_models.borrow_mut().insert((at, class));
        let before = found.len();
        self.class_fields(at, class, place, found, 0);
        if found.len() == before {
            found.insert((place.to_owned(), "*".into()), (text, None));
        }
    }

    fn class_fields(
        &self,
        file: FileId,
        class: ClassId,
        place: &str,
        found: &mut Found,
        depth: u32,
    ) {
        let parsed = self.project.parsed(file);
        for base in &parsed.unit.class(class).bases {
            if let Value::Class(at, base) = self.eval(file, *base)
                && depth < 6
            {
                self.class_fields(at, base, place, found, depth + 1);
            }
        }
        let assigns = parsed.unit.assigns.iter();
        let fields = assigns.filter(|assign| {
            assign.class == Some(class) && assign.function.is_none() && assign.ty.is_some()
        });
        for field in fields.take(MAX_PARAMETERS) {
            if let Some(name) = field.name.as_ref().filter(|name| !name.starts_with('_')) {
                let ty = field.ty.as_deref().map(str::to_owned);
                let required = self.asked_for(file, &field.decorators);
                found.insert((place.to_owned(), name.to_string()), (ty, required));
            }
        }
    }

    /// The fields that a class of a framework names in what a method returns: `rules()` of a form.
    /// Gives the place that they are read from, if it is such a class.
    fn ruled_fields(&self, file: FileId, class: ClassId, found: &mut Found) -> Option<String> {
        let mut bases = BTreeSet::new();
        self.bases(file, class, &mut bases, 0);
        let rule = bases.iter().find_map(|base| {
            let last = base.rsplit('.').next().unwrap_or(base);
            let mut rules = self.index(file).classes.candidates(last);
            rules.find_map(|(rule, pattern)| {
                let loaded = self.rule(rule);
                let speaks = loaded.rule.link == Some(Link::Parameter)
                    && loaded.patterns[pattern].matches(base);
                speaks.then_some(&loaded.rule)
            })
        })?;
        let place = rule.place.clone().unwrap_or_default();
        for method in &rule.answers {
            let Value::Function(at, function) = self.class_member(file, class, method, 0) else {
                continue;
            };
            let parsed = self.project.parsed(at);
            let unit = &parsed.unit;
            let span = unit.function(function).span;
            for id in unit.inside(span) {
                let ExprKind::Exit {
                    kind: ExitKind::Return,
                    value: Some(value),
                } = unit.kind(id)
                else {
                    continue;
                };
                for name in self.listed_names(at, *value) {
                    found.entry((place.clone(), name)).or_insert((None, None));
                }
            }
        }
        Some(place)
    }

    /// The names in a list, the keys of a map, or a text; of `items.*.id` the first.
    fn listed_names(&self, file: FileId, id: ExprId) -> Vec<String> {
        let mut names = Vec::new();
        let mut all = Vec::new();
        self.flatten(file, id, &mut all, 0);
        for (at, id) in all {
            match self.eval(at, id) {
                Value::Str(text) => names.push(text),
                Value::Map(at, map) => {
                    let parsed = self.project.parsed(at);
                    if let ExprKind::Map(pairs) = parsed.unit.kind(map) {
                        let keys = pairs.iter().filter_map(|(key, _)| {
                            let named = parsed.unit.literal(*key);
                            named.or_else(|| parsed.unit.last_name(*key))
                        });
                        names.extend(keys.map(str::to_owned));
                    }
                }
                _ => {}
            }
        }
        let first = |name: String| name.split('.').next().unwrap_or_default().to_owned();
        let names = names.into_iter().map(first);
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The names that a call takes out of the request: `params.permit(:name)`,
    /// `$request->validate(["email" => "required"])`.
    fn taken_by(&self, file: FileId, id: ExprId, callee: ExprId) -> Option<(String, Vec<String>)> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let mut name = None;
        let mut rules = self.index(file).calls.candidates(last);
        rules.find_map(|(rule_id, pattern)| {
            let loaded = self.rule(rule_id);
            let rule = &loaded.rule;
            let takes = rule.link == Some(Link::Parameter)
                && !rule.named.is_empty()
                && rule.gives.is_empty()
                && self.in_use(file, loaded.framework);
            if !takes {
                return None;
            }
            let pattern = &loaded.patterns[pattern];
            let matches = match pattern.receiver {
                Some(_) => pattern.matches(last),
                None => {
                    let path = || {
                        let path = parsed.unit.path(callee);
                        path.or_else(|| self.name_of(file, callee))
                            .unwrap_or_default()
                    };
                    pattern.matches(name.get_or_insert_with(path))
                }
            };
            let matched = self.matched(file, id);
            if !matches || !self.holds(&matched, &rule.constraints) {
                return None;
            }
            let picked = self.all_exprs(&matched, &rule.named);
            let mut names: Vec<String> = picked
                .into_iter()
                .flat_map(|(at, id)| self.listed_names(at, id))
                .collect();
            if rule.named.iter().any(|one| one.from.is_some()) {
                // `permit(tags: [])`
                let named = matched.args.iter().filter_map(|arg| arg.name.as_deref());
                names.extend(named.map(str::to_owned));
            }
            Some((rule.place.clone().unwrap_or_default(), names))
        })
    }

    /// Whether a field must be given, by the decorators that say what it must look like.
    fn asked_for(&self, file: FileId, decorators: &[ExprId]) -> Option<bool> {
        let rules = decorators.iter().filter_map(|id| {
            let matched = self.matched(file, *id);
            let rule = self.parameter_rule(file, matched.callee?, &self.index(file).decorators)?;
            let rule = &self.rule(rule).rule;
            rule.place.is_none().then_some(rule.optional.is_empty())
        });
        rules.reduce(|all, one| all && one)
    }

    /// What the body of a handler reads of the request: `req.query.page`, `request.args.get("page")`;
    /// also in methods beside it that need nothing handed in, and in functions that the request is
    /// handed to: `numberOf(r, "page")`.
    fn read(&self, file: FileId, function: FnId, handed: &Handed, found: &mut Found, depth: u32) {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let span = unit.function(function).span;
        let text = |id: ExprId| match unit.kind(id) {
            ExprKind::Name(name) => {
                handed
                    .get(&**name)
                    .cloned()
                    .or_else(|| match self.eval(file, id) {
                        Value::Str(text) => Some(text),
                        _ => None,
                    })
            }
            _ => unit.literal(id).map(str::to_owned),
        };
        let place = |id: ExprId| -> Option<String> {
            // `values := r.URL.Query()`
            let id = match self.assignment(file, id) {
                Some((at, index)) if at == file && !handed.is_empty() => {
                    unit.assigns[index as usize].value.unwrap_or(id)
                }
                _ => id,
            };
            // `r.URL.Query().Get("page")`
            let id = match unit.kind(id) {
                ExprKind::Call { callee, args } if args.is_empty() => *callee,
                _ => id,
            };
            let last = unit.last_name(id)?;
            let mut path = None;
            let mut rules = self.index(file).mentions.candidates(last);
            rules.find_map(|(rule_id, pattern)| {
                let loaded = self.rule(rule_id);
                if loaded.rule.link != Some(Link::Parameter) {
                    return None;
                }
                let path = path.get_or_insert_with(|| unit.path(id).unwrap_or_default());
                let speaks =
                    loaded.patterns[pattern].matches(path) && self.in_use(file, loaded.framework);
                speaks.then(|| loaded.rule.place.clone()).flatten()
            })
        };
        let mut models = Vec::new();
        let mut helpers = Vec::new();
        let mut add = |place: String, name: &str| {
            let plain = !name.is_empty() && name.len() <= 80 && !name.contains(char::is_whitespace);
            if plain && found.len() < MAX_PARAMETERS {
                found
                    .entry((place, name.to_owned()))
                    .or_insert((None, None));
            }
        };
        for id in unit.inside(span) {
            if let ExprKind::Call { callee, .. } = unit.kind(id)
                && let Some((place, class)) = self.read_into(file, id, *callee)
            {
                models.push((place, class));
            }
        }
        let mut shapes = Found::new();
        for id in unit.inside(span) {
            if let ExprKind::Call { .. } = unit.kind(id) {
                self.shapes_of_call(file, id, None, &mut shapes);
            }
        }
        for id in unit.inside(span) {
            match unit.kind(id) {
                ExprKind::Call { callee, args } => {
                    if let Some((place, names)) = self.taken_by(file, id, *callee) {
                        for name in names {
                            add(place.clone(), &name);
                        }
                        continue;
                    }
                    if depth < MAX_HELPERS
                        && args.is_empty()
                        && let Value::Function(at, other) = self.eval(file, *callee)
                        && at == file
                        && other != function
                    {
                        let beside = unit.function(other);
                        if beside.class.is_some() && beside.params.is_empty() {
                            helpers.push((file, other, Handed::new()));
                        }
                    }
                    if depth < MAX_HELPERS
                        && let Some(helper) =
                            self.handed_request(file, function, *callee, args, &text)
                    {
                        helpers.push(helper);
                        continue;
                    }
                    // `request.args.get("page")`, `req.header("x-token")`
                    let Some(name) = args.first().and_then(|arg| text(arg.value)) else {
                        continue;
                    };
                    let object = match unit.kind(*callee) {
                        ExprKind::Member { object, property }
                            if property.starts_with("get")
                                || &**property == "Get"
                                || &**property == "has" =>
                        {
                            place(*object)
                        }
                        _ => None,
                    };
                    if let Some(place) = object.or_else(|| place(*callee)) {
                        add(place, &name);
                    }
                }
                ExprKind::Member { object, property } => {
                    if let Some(place) = place(*object)
                        && !property.starts_with("get")
                        && !self.is_called(file, id)
                    {
                        add(place, property);
                    }
                }
                ExprKind::Index { object, index } => {
                    if let Some(name) = index.first().and_then(|key| text(*key))
                        && let Some(place) = place(*object)
                    {
                        add(place, &name);
                    }
                }
                ExprKind::Assign(index) => {
                    // `const { page, size } = req.query`
                    let assign = &unit.assigns[*index as usize];
                    if let (Some(value), ExprKind::Map(pairs)) =
                        (assign.value, unit.kind(assign.target))
                        && let Some(place) = place(value)
                    {
                        for (key, _) in pairs {
                            if let ExprKind::Name(name) = unit.kind(*key) {
                                add(place.clone(), name);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        for (at, other, handed) in helpers {
            self.read(at, other, &handed, found, depth + 1);
        }
        found.extend(shapes);
        for (place, (at, class)) in models {
            self.request_models.borrow_mut().insert((at, class));
            self.class_fields(at, class, &place, found, 0);
        }
    }

    /// The function of the repository that a call hands a parameter of the function around to, first
    /// of all and under the same name: the request goes by one name in a code base. With it the
    /// texts that it is handed.
    fn handed_request(
        &self,
        file: FileId,
        function: FnId,
        callee: ExprId,
        args: &[Arg],
        text: &dyn Fn(ExprId) -> Option<String>,
    ) -> Option<(FileId, FnId, Handed)> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let ExprKind::Name(request) = unit.kind(args.first()?.value) else {
            return None;
        };
        let mut own = unit.function(function).params.iter();
        if !own.any(|param| param.name == *request) {
            return None;
        }
        let Value::Function(at, other) = self.eval(file, callee) else {
            return None;
        };
        let called = self.project.parsed(at);
        let params = &called.unit.function(other).params;
        // A method's own object is no argument.
        let own = &self.project.language(at).self_names;
        let params = params
            .iter()
            .map(|param| crate::project::param_name(&param.name));
        let params = params.filter(|name| !own.iter().any(|word| **word == **name));
        let params: Vec<&str> = params.collect();
        if (at, other) == (file, function) || params.first() != Some(&&**request) {
            return None;
        }
        let texts = params.iter().zip(args).filter_map(|(name, arg)| {
            let text = text(arg.value).filter(|_| arg.name.is_none())?;
            Some(((*name).to_owned(), text))
        });
        Some((at, other, texts.collect()))
    }

    /// Where a guard takes from what shows who calls, itself or in what it calls: `cookie session`.
    pub(crate) fn credentials(&self, file: FileId, function: FnId) -> Vec<String> {
        let mut seen = BTreeSet::from([(file, function)]);
        let mut next = vec![(file, function, 0)];
        let mut found = Found::new();
        while let Some((file, function, depth)) = next.pop() {
            // What is read deeper is read there.
            self.read(file, function, &Handed::new(), &mut found, MAX_HELPERS);
            let parsed = self.project.parsed(file);
            let unit = &parsed.unit;
            let calls = unit.inside(unit.function(function).span);
            for id in calls.filter(|_| depth < MAX_GUARD_CALLS) {
                if let ExprKind::Call { callee, .. } = unit.kind(id)
                    && let Value::Function(at, other) = self.eval(file, *callee)
                    && seen.len() < MAX_GUARD_FUNCTIONS
                    && seen.insert((at, other))
                {
                    next.push((at, other, depth + 1));
                }
            }
        }
        let places = ["header", "cookie", "query", "form"];
        let found = found.into_keys();
        let found = found.filter(|(place, name)| {
            let mut rules = self.index(file).names.candidates(name);
            places.contains(&&**place)
                && rules.any(|(rule, pattern)| {
                    let loaded = self.rule(rule);
                    loaded.rule.link == Some(Link::Credential)
                        && loaded.patterns[pattern].matches(name)
                })
        });
        found
            .map(|(place, name)| format!("{place} {name}"))
            .collect()
    }

    /// The class that a call reads a part of the request into: `c.ShouldBindJSON(&form)`.
    fn read_into(
        &self,
        file: FileId,
        id: ExprId,
        callee: ExprId,
    ) -> Option<(String, (FileId, ClassId))> {
        let parsed = self.project.parsed(file);
        let last = parsed.unit.last_name(callee)?;
        let mut rules = self.index(file).calls.candidates(last);
        rules.find_map(|(rule_id, pattern)| {
            let loaded = self.rule(rule_id);
            let reads = loaded.rule.link == Some(Link::Parameter)
                && loaded.patterns[pattern].receiver.is_some()
                && loaded.patterns[pattern].matches(last)
                && self.in_use(file, loaded.framework);
            if !reads {
                return None;
            }
            let matched = self.matched(file, id);
            let (at, value) = self
                .exprs(&matched, &loaded.rule.gives)
                .into_iter()
                .next()?;
            match self.eval(at, value) {
                Value::Instance(at, class) => {
                    Some((loaded.rule.place.clone().unwrap_or_default(), (at, class)))
                }
                _ => None,
            }
        })
    }

    fn is_called(&self, file: FileId, id: ExprId) -> bool {
        let parsed = self.project.parsed(file);
        let span = parsed.unit.expr(id).span;
        // A call's element follows its callee's.
        (id.0 + 1..parsed.unit.exprs.len() as u32)
            .map(ExprId)
            .take_while(|next| parsed.unit.expr(*next).span.start <= span.end + 200)
            .any(|next| matches!(parsed.unit.kind(next), ExprKind::Call { callee, .. } if *callee == id))
    }
}
