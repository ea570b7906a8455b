//! Declarations: functions, classes, assignments, macros.

use tree_sitter::Node as Tree;

use super::{Walker, fold};
use crate::element::*;
use crate::language::{Node, Part, Shape};

impl Walker<'_> {
    /// Decorators that stand inside a declaration.
    fn own_decorators(&mut self, node: Tree<'_>) {
        if self.language.annotations {
            self.annotations(node);
        }
        let mut cursor = node.walk();
        let own: Vec<_> = node.children(&mut cursor).collect();
        for child in own {
            match self.shape(child).map(|shape| shape.shape) {
                Some(Shape::Decorator) => {
                    self.expr(child);
                }
                Some(Shape::Decorators) => self.decorators(child),
                _ => {}
            }
        }
    }

    /// The words before a declaration.
    fn marks(&self, node: Tree<'_>) -> Vec<Box<str>> {
        let kinds = &self.language.marks;
        if kinds.is_empty() {
            return Vec::new();
        }
        let children = self.named(node).into_iter();
        let mut words = Vec::new();
        for child in children.filter(|child| kinds.iter().any(|kind| kind == child.kind())) {
            // A node may gather the words, beside decorators: `@Id private static`.
            let mut cursor = child.walk();
            let inner: Vec<_> = child.children(&mut cursor).collect();
            let single = inner.iter().filter(|part| !part.is_named());
            if inner.len() > 1 || inner.iter().any(|part| part.is_named()) {
                words.extend(single.map(|part| self.text(*part).into()));
            } else {
                words.push(self.text(child).into());
            }
        }
        words
    }

    /// The words before a field, which may stand a node or two further out than its name.
    fn field_marks(&self, node: Tree<'_>) -> Vec<Box<str>> {
        let mut at = Some(node);
        for _ in 0..3 {
            let Some(node) = at else { break };
            let words = self.marks(node);
            if !words.is_empty() {
                return words;
            }
            at = node.parent();
        }
        Vec::new()
    }

    /// Decorators that a text holds beside a field: `json:"email,omitempty" gorm:"unique"`.
    fn tags(&mut self, node: Tree<'_>, shape: &Node) {
        let Some(tag) = self.part(node, &shape.tags) else {
            return;
        };
        let span = self.span(tag);
        let text = self.text(tag).trim_matches('`').to_owned();
        let mut rest = text.as_str();
        while let Some((name, after)) = rest.split_once(":\"") {
            let Some(end) = after.find('"') else { break };
            let name = name.trim().to_owned();
            let value = &after[..end];
            let mark = [';', ',', ' ']
                .into_iter()
                .find(|mark| value.contains(*mark));
            let mut args = Vec::new();
            for part in value.split(|c| Some(c) == mark) {
                let part = part.trim();
                if part.is_empty() && !args.is_empty() {
                    continue;
                }
                let (key, said) = match part.split_once([':', '=']) {
                    Some((key, said)) => (key, ExprKind::Str(said.into())),
                    None => (part, ExprKind::Bool(true)),
                };
                let plain = self.add_at(span, ExprKind::Str(part.into()));
                let said = self.add_at(span, said);
                args.push(Arg {
                    name: None,
                    value: plain,
                    spread: false,
                });
                args.push(Arg {
                    name: Some(key.to_lowercase().into()),
                    value: said,
                    spread: false,
                });
            }
            let callee = self.add_at(span, ExprKind::Name(name.into()));
            self.unit.decorator_names.insert(callee);
            let call = self.add_at(span, ExprKind::Call { callee, args });
            self.pending.push(call);
            rest = &after[end + 1..];
        }
    }

    /// The decorators that a node holds, also through further such nodes.
    pub(super) fn decorators(&mut self, node: Tree<'_>) {
        for child in self.named(node) {
            match self.shape(child).map(|shape| shape.shape) {
                Some(Shape::Decorators) => self.decorators(child),
                Some(Shape::Decorator) => {
                    self.expr(child);
                }
                _ => {}
            }
        }
    }

    /// Whether an attribute is one of what only tests compile.
    pub(super) fn marks_test(&self, attribute: Tree<'_>) -> bool {
        let mut text = self.text(attribute).to_owned();
        text.retain(|c| !c.is_whitespace());
        let mut tests = self.language.tests.iter();
        tests.any(|mark| crate::rule::wild(mark, &text))
    }

    /// A macro is a function without parameters, whose body is all that it may expand to.
    pub(super) fn macro_definition(&mut self, node: Tree<'_>, shape: &Node) -> ExprId {
        self.pending.clear();
        let name_node = self.part(node, &shape.name);
        let name = name_node.map(|part| self.text(part)).unwrap_or_default();
        let id = FnId(self.unit.functions.len() as u32);
        self.unit.functions.push(Function {
            qualified: self.qualified(name).into(),
            name: name.into(),
            declared: false,
            params: Vec::new(),
            decorators: Vec::new(),
            class: None,
            marks: Vec::new(),
            extension: false,
            receiver: None,
            parent: self.function,
            body: None,
            span: self.span(node),
            head: self.span(name_node.unwrap_or(node)),
            return_type: None,
        });
        self.unit.macros.push(id);
        let (outer, class) = (self.function.replace(id), self.class.take());
        let rules = self.named(node);
        let rules = rules.into_iter().filter(|rule| Some(*rule) != name_node);
        let items: Vec<_> = rules.filter_map(|rule| self.expr(rule)).collect();
        self.function = outer;
        self.class = class;
        let body = self.add(node, ExprKind::Block(items));
        self.unit.functions[id.0 as usize].body = Some(body);
        self.add(node, ExprKind::Function(id))
    }

    pub(super) fn function(&mut self, node: Tree<'_>, shape: &Node) -> ExprId {
        self.own_decorators(node);
        let decorators = std::mem::take(&mut self.pending);
        let hint = self.hint.take();
        let name_node = self.part(node, &shape.name);
        let name = match name_node {
            Some(part) => self.text(part).to_owned(),
            None => hint.unwrap_or_default(),
        };
        let id = FnId(self.unit.functions.len() as u32);
        let parameters = self.part(node, &shape.parameters);
        let mut head = self.span(name_node.unwrap_or(node));
        if let Some(list) = parameters.filter(|_| name_node.is_some()) {
            head.end = self.mended.at(list.end_byte()) as u32;
            head.end_line = list.end_position().row as u32;
        }
        let return_type = self
            .part(node, &shape.ty)
            .map(|part| fold(self.text(part)).into());
        // `func (s *Server) Get()`: the type's name without marks and parameters.
        let receiver_node = self.part(node, &shape.receiver);
        let receiver = receiver_node.and_then(|part| {
            let last = self.named(part).pop();
            let text = self.text(last.and_then(|last| last.child_by_field_name("type"))?);
            let text = text.trim_start_matches(['*', '&', '(']);
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
            Some(Box::<str>::from(&text[..end.unwrap_or(text.len())]))
        });
        let marks = self.marks(node);
        // `this IApplication app`: called on its first parameter.
        let first = parameters.and_then(|list| self.named(list).into_iter().next());
        let extension = first.is_some_and(|first| {
            let mut marks = self.marks(first).into_iter();
            marks.any(|mark| self.language.self_names.iter().any(|word| **word == *mark))
        });
        let own = if name.is_empty() { "anonymous" } else { &name };
        let qualified = match &receiver {
            Some(receiver) => format!("{receiver}.{own}"),
            None => self.qualified(own),
        };
        self.unit.functions.push(Function {
            qualified: qualified.into(),
            name: name.into(),
            declared: name_node.is_some(),
            params: Vec::new(),
            decorators,
            class: if self.function.is_none() {
                self.class
            } else {
                None
            },
            marks,
            extension,
            receiver,
            parent: self.function,
            body: None,
            span: self.span(node),
            head,
            return_type,
        });
        let (outer, class) = (self.function.replace(id), self.class.take());
        let mut params = parameters.map(|list| self.params(list)).unwrap_or_default();
        // The receiver stands last, so that the others keep their places.
        params.extend(receiver_node.into_iter().flat_map(|list| self.params(list)));
        self.unit.functions[id.0 as usize].params = params;
        let body = self.body(node, shape);
        self.unit.functions[id.0 as usize].body = body;
        self.function = outer;
        self.class = class;
        self.pending.clear();
        self.add(node, ExprKind::Function(id))
    }

    fn params(&mut self, list: Tree<'_>) -> Vec<Param> {
        let mut params = Vec::new();
        let tables = self.tables;
        let direct = tables
            .params
            .get(usize::from(list.kind_id()))
            .and_then(Option::as_ref)
            .is_some();
        let children = if direct { vec![list] } else { self.named(list) };
        for child in children {
            let Some(table) = tables
                .params
                .get(usize::from(child.kind_id()))
                .and_then(Option::as_ref)
            else {
                // Decorators may stand in front of their parameter.
                if self
                    .shape(child)
                    .is_some_and(|shape| shape.shape == Shape::Decorators)
                {
                    self.decorators(child);
                }
                continue;
            };
            self.own_decorators(child);
            let decorators = std::mem::take(&mut self.pending);
            let name = self
                .part(child, &table.name)
                .map(|part| self.text(part))
                .unwrap_or_default();
            let ty_node = self.part(child, &table.ty);
            let ty =
                ty_node.map(|part| fold(self.text(part).trim_start_matches(':').trim()).into());
            // Types and defaults are read in the scope around the function: in
            // `user = Depends(user)` and `user: user::Current` the second name is no parameter.
            let inner = self.function;
            self.function = inner.and_then(|id| self.unit.functions[id.0 as usize].parent);
            let ty_expr = ty_node.and_then(|part| self.expr(part));
            let default = self
                .part(child, &table.default)
                .and_then(|part| self.expr(part));
            self.function = inner;
            let owner = inner.and_then(|id| self.unit.functions[id.0 as usize].class);
            let promoted = self.language.promoted.iter();
            if owner.is_some() && promoted.clone().any(|kind| kind == child.kind()) {
                let at = self.part(child, &table.name).unwrap_or(child);
                self.member_parameter(at, owner, fold(name).into(), &ty, ty_expr, &decorators);
            }
            params.push(Param {
                name: fold(name).into(),
                ty,
                ty_expr,
                default,
                decorators,
                span: self.span(child),
            });
        }
        params
    }

    /// What a declaration holds, in a node of its own or beside its name.
    fn body(&mut self, node: Tree<'_>, shape: &Node) -> Option<ExprId> {
        if let [Part::This] = &shape.body[..] {
            let children = self.children(node);
            return Some(self.add(node, ExprKind::Block(children)));
        }
        let body = self.part(node, &shape.body)?;
        self.expr(body)
    }

    /// A parameter that is a member of the class as well.
    fn member_parameter(
        &mut self,
        node: Tree<'_>,
        class: Option<ClassId>,
        name: Box<str>,
        ty: &Option<Box<str>>,
        ty_expr: Option<ExprId>,
        decorators: &[ExprId],
    ) {
        let target = self.add(node, ExprKind::Name(name.clone()));
        self.unit.assigns.push(Assign {
            target,
            name: Some(name),
            value: None,
            ty: ty.clone(),
            ty_expr,
            decorators: decorators.to_vec(),
            marks: Vec::new(),
            function: None,
            class,
            extends: false,
            each: false,
            place: None,
            block: None,
            given: false,
            given_in: None,
            span: self.span(node),
        });
    }

    pub(super) fn class(&mut self, node: Tree<'_>, shape: &Node) -> ExprId {
        self.own_decorators(node);
        let decorators = std::mem::take(&mut self.pending);
        let hint = self.hint.take();
        let name_node = self.part(node, &shape.name);
        let around = match self.class {
            Some(outer) => self.unit.class(outer).qualified.to_string(),
            None => self.package.clone(),
        };
        let written = name_node.map(|part| super::dotted(self.text(part)));
        // A generic type's name is its first part: `impl Trait for Name<T>`.
        let name = match name_node {
            Some(part) => {
                let text = self.text(part);
                let cut = text.find('<').unwrap_or(text.len());
                text[..cut]
                    .rsplit("::")
                    .next()
                    .unwrap_or(text)
                    .trim()
                    .to_owned()
            }
            None => hint.unwrap_or_default(),
        };
        let mut bases = Vec::new();
        for part in &shape.bases {
            let Some(base) = self.part(node, part) else {
                continue;
            };
            let listed = self
                .shape(base)
                .is_none_or(|shape| shape.shape == Shape::List);
            if listed {
                for child in self.named(base) {
                    if self
                        .shape(child)
                        .is_some_and(|shape| matches!(shape.shape, Shape::Named | Shape::Skip))
                    {
                        continue;
                    }
                    match self.expr(child) {
                        Some(id) => match self.unit.kind(id) {
                            ExprKind::List(items) => bases.extend(items.clone()),
                            _ => bases.push(id),
                        },
                        None => continue,
                    }
                }
            } else {
                bases.extend(self.expr(base));
            }
        }
        let marks = self.marks(node);
        let id = ClassId(self.unit.classes.len() as u32);
        let qualified = match around.is_empty() {
            true => written.unwrap_or_else(|| name.clone()),
            false => format!("{around}.{}", written.as_deref().unwrap_or(&name)),
        };
        self.unit.classes.push(Class {
            qualified: qualified.into(),
            name: name.into(),
            declared: name_node.is_some(),
            bases,
            decorators,
            marks,
            extends: shape.extends,
            parent: self.class,
            body: None,
            span: self.span(node),
            head: self.span(name_node.unwrap_or(node)),
        });
        let (outer, function) = (self.class.replace(id), self.function.take());
        if let Some(list) = self.part(node, &shape.parameters) {
            for param in self.params(list) {
                let (ty, ty_expr) = (param.ty, param.ty_expr);
                let decorators = param.decorators;
                self.member_parameter(list, Some(id), param.name, &ty, ty_expr, &decorators);
            }
        }
        let body = self.body(node, shape);
        self.unit.classes[id.0 as usize].body = body;
        self.class = outer;
        self.function = function;
        self.pending.clear();
        self.add(node, ExprKind::Class(id))
    }

    /// `for name in value`, `for (a, b) in value`: an assignment for each name.
    pub(super) fn items(&mut self, node: Tree<'_>, shape: &Node) -> Vec<ExprId> {
        let value = self
            .part(node, &shape.value)
            .and_then(|part| self.expr(part));
        let target_node = self.part(node, &shape.target);
        let target = target_node.and_then(|part| self.expr(part));
        let names: Vec<(ExprId, Option<usize>)> = match target.map(|id| (id, self.unit.kind(id))) {
            Some((_, ExprKind::List(parts))) => {
                let places = parts.iter().enumerate();
                places.map(|(place, id)| (*id, Some(place))).collect()
            }
            Some((id, _)) => vec![(id, None)],
            None => Vec::new(),
        };
        let mut all = Vec::new();
        let block = Some(self.span(node)).filter(|_| shape.scoped);
        if let (Some(value), Some(at)) = (value, target_node) {
            all.push(value);
            for (target, place) in names {
                let ExprKind::Name(name) = self.unit.kind(target) else {
                    continue;
                };
                let name = Some(name.clone());
                let index = self.unit.assigns.len() as u32;
                self.unit.assigns.push(Assign {
                    target,
                    name,
                    value: Some(value),
                    ty: None,
                    ty_expr: None,
                    decorators: Vec::new(),
                    marks: Vec::new(),
                    function: self.function,
                    class: self.class,
                    extends: false,
                    each: true,
                    place,
                    block,
                    given: false,
                    given_in: None,
                    span: self.span(at),
                });
                all.push(self.add(at, ExprKind::Assign(index)));
            }
        }
        all.extend(
            self.part(node, &shape.body)
                .and_then(|part| self.expr(part)),
        );
        all
    }

    /// `(a, b) = value`: a part of the value for each name.
    fn parts_of(
        &mut self,
        target: ExprId,
        value: Option<ExprId>,
        span: Span,
        (block, given_in): (Option<Span>, Option<Span>),
    ) {
        let ExprKind::List(parts) = self.unit.kind(target) else {
            return;
        };
        for (place, part) in parts.clone().into_iter().enumerate() {
            let ExprKind::Name(name) = self.unit.kind(part) else {
                continue;
            };
            let name = Some(name.clone());
            self.unit.assigns.push(Assign {
                target: part,
                name,
                value,
                ty: None,
                ty_expr: None,
                decorators: Vec::new(),
                marks: Vec::new(),
                function: self.function,
                class: self.class,
                extends: false,
                each: false,
                place: Some(place),
                block,
                given: given_in.is_some(),
                given_in,
                span,
            });
        }
    }

    pub(super) fn assign(&mut self, node: Tree<'_>, shape: &Node) -> Option<ExprId> {
        self.own_decorators(node);
        self.tags(node, shape);
        let decorators = std::mem::take(&mut self.pending);
        let outer_hint = self.hint.take();
        let Some(target_node) = self.part(node, &shape.target) else {
            // A type without a name of its own in a class gives it all its members.
            if let (true, Some(class), Some(ty)) =
                (shape.embeds, self.class, self.part(node, &shape.ty))
            {
                let base = self.expr(ty)?;
                self.unit.classes[class.0 as usize].bases.push(base);
            }
            return None;
        };
        let target = match self.expr(target_node) {
            Some(id) => id,
            None => self.add(target_node, ExprKind::Other(Vec::new())),
        };
        // What is given a value is a variable, also where a name alone may be a call.
        let target = match self.unit.kind(target) {
            ExprKind::Call { callee, .. } if self.unit.bare_calls.contains(&target) => *callee,
            _ => target,
        };
        let ty_node = self.part(node, &shape.ty);
        let ty = ty_node.map(|part| fold(self.text(part).trim_start_matches(':').trim()).into());
        let ty_expr = ty_node.and_then(|part| self.expr(part));
        let name = match self.unit.kind(target) {
            // A field may have a quoted name: `"filters.tags"?: string[]`.
            ExprKind::Name(name) | ExprKind::Str(name) => Some(name.clone()),
            _ => None,
        };
        self.hint = self.unit.last_name(target).map(str::to_owned);
        let value = self
            .part(node, &shape.value)
            .and_then(|part| self.expr(part));
        self.hint = outer_hint;
        let function = self.function;
        let mut bind = |name: &str| self.variables.insert((function, name.into()));
        match self.unit.kind(target) {
            ExprKind::Name(name) => {
                bind(name);
            }
            ExprKind::List(parts) => {
                for part in parts {
                    if let ExprKind::Name(name) = self.unit.kind(*part) {
                        bind(name);
                    }
                }
            }
            _ => {}
        }
        let block = self.blocks.last().copied().filter(|_| shape.scoped);
        let given_in = self.blocks.last().copied().filter(|_| shape.given);
        self.parts_of(target, value, self.span(node), (block, given_in));
        let index = self.unit.assigns.len() as u32;
        if let (Some(value), Some(path)) = (value, self.unit.path(target)) {
            self.export_by_assignment(&path, value);
        }
        self.unit.assigns.push(Assign {
            target,
            name,
            value,
            ty,
            ty_expr,
            decorators,
            marks: match self.class {
                Some(_) => self.field_marks(node),
                None => Vec::new(),
            },
            function: self.function,
            class: self.class,
            extends: shape.extends,
            each: false,
            place: None,
            block,
            given: shape.given,
            given_in,
            span: self.span(node),
        });
        let condition = self.add(node, ExprKind::Assign(index));
        // What runs where the pattern does not fit: `let Some(user) = found else { … }`.
        let otherwise = self
            .part(node, &shape.otherwise)
            .and_then(|part| self.expr(part));
        let Some(otherwise) = otherwise else {
            return Some(condition);
        };
        let then = self.add(node, ExprKind::Block(Vec::new()));
        Some(self.add(
            node,
            ExprKind::Branch {
                condition,
                then,
                otherwise: Some(otherwise),
            },
        ))
    }
}
