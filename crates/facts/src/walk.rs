//! The one walker: a syntax tree and a language's tables become a [`Unit`].

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Node as Tree, ParseOptions, Parser};

use crate::element::*;
use crate::language::{Language, Node, Part, Shape, Tables};

/// Nesting beyond this is left out and said so: a hostile file must not exhaust the stack.
const MAX_DEPTH: u32 = 250;
/// A file whose parse takes longer is given up.
const MAX_PARSE: Duration = Duration::from_secs(5);

/// Turns a text into elements. `None` when the parser gave up (time bound).
pub(crate) fn walk(language: &Language, source: &str) -> Option<Unit> {
    let tables = language.tables();
    let mut parser = Parser::new();
    parser.set_language(&tables.grammar).ok()?;
    let start = Instant::now();
    let mut stop = |_: &tree_sitter::ParseState| {
        if start.elapsed() > MAX_PARSE {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let bytes = source.as_bytes();
    let tree = parser.parse_with_options(
        &mut |at, _| bytes.get(at..).unwrap_or_default(),
        None,
        Some(ParseOptions::new().progress_callback(&mut stop)),
    )?;
    let mut walker = Walker {
        language,
        tables,
        source,
        unit: Unit::default(),
        function: None,
        class: None,
        pending: Vec::new(),
        hint: None,
        depth: 0,
        modules: Vec::new(),
        test: false,
    };
    let root = walker.expr(tree.root_node());
    walker.unit.root = root;
    walker.unit.broken.sort_unstable();
    walker.unit.broken.dedup();
    walker.imports_by_call();
    Some(walker.unit)
}

struct Walker<'a> {
    language: &'a Language,
    tables: &'a Tables,
    source: &'a str,
    unit: Unit,
    function: Option<FnId>,
    class: Option<ClassId>,
    /// The next declaration is one that only tests compile.
    test: bool,
    /// Decorators that wait for the declaration after them.
    pending: Vec<ExprId>,
    /// The name for a nameless function: the variable, the key or the call it is given to.
    hint: Option<String>,
    depth: u32,
    /// Inline modules around.
    modules: Vec<String>,
}

impl<'a> Walker<'a> {
    fn text(&self, node: Tree<'_>) -> &'a str {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    fn span(node: Tree<'_>) -> Span {
        Span {
            start: node.start_byte() as u32,
            end: node.end_byte() as u32,
            line: node.start_position().row as u32,
            end_line: node.end_position().row as u32,
        }
    }

    fn add(&mut self, node: Tree<'_>, kind: ExprKind) -> ExprId {
        self.add_at(Self::span(node), kind)
    }

    fn add_at(&mut self, span: Span, kind: ExprKind) -> ExprId {
        let id = ExprId(self.unit.exprs.len() as u32);
        self.unit.exprs.push(Expr {
            kind,
            span,
            function: self.function,
            class: self.class,
        });
        id
    }

    fn part<'t>(&self, node: Tree<'t>, parts: &[Part]) -> Option<Tree<'t>> {
        parts.iter().find_map(|part| match part {
            Part::Field(name) => node.child_by_field_name(name),
            Part::Nth(index) => {
                let mut cursor = node.walk();
                node.named_children(&mut cursor)
                    .filter(|child| !child.is_extra())
                    .nth(*index)
            }
            Part::Kind(kind) => {
                let mut cursor = node.walk();
                node.named_children(&mut cursor)
                    .find(|child| child.kind() == kind)
            }
            Part::This => Some(node),
        })
    }

    fn named<'t>(&self, node: Tree<'t>) -> Vec<Tree<'t>> {
        let mut cursor = node.walk();
        node.named_children(&mut cursor).collect()
    }

    fn shape(&self, node: Tree<'_>) -> Option<&'a Node> {
        let tables = self.tables;
        tables
            .nodes
            .get(usize::from(node.kind_id()))
            .and_then(Option::as_ref)
    }

    /// The element of a node; `None` for what has no meaning of its own (a comment).
    fn expr(&mut self, node: Tree<'_>) -> Option<ExprId> {
        if node.is_error() || node.is_missing() {
            self.unit.broken.push(node.start_position().row as u32);
        }
        if self.depth >= MAX_DEPTH {
            self.unit.too_deep = true;
            return None;
        }
        self.depth += 1;
        let result = self.expr_inner(node);
        self.depth -= 1;
        result
    }

    fn expr_inner(&mut self, node: Tree<'_>) -> Option<ExprId> {
        let Some(shape) = self.shape(node) else {
            self.test = false;
            return self.other(node);
        };
        if self.test && !matches!(shape.shape, Shape::Attribute | Shape::Skip) {
            self.test = false;
            self.pending.clear();
            return None;
        }
        Some(match shape.shape {
            Shape::Skip => return None,
            Shape::Through => {
                if shape.value.is_empty() {
                    return self.through(node);
                }
                let inner = self.part(node, &shape.value)?;
                return self.expr(inner);
            }
            Shape::Block => {
                let hint = self.hint.take();
                let children = self.children(node);
                self.hint = hint;
                self.add(node, ExprKind::Block(children))
            }
            Shape::Name => self.add(node, ExprKind::Name(self.text(node).into())),
            Shape::Member | Shape::Path => {
                let property = self
                    .part(node, &shape.property)
                    .map(|part| self.text(part))
                    .unwrap_or_default();
                match self
                    .part(node, &shape.object)
                    .and_then(|object| self.expr(object))
                {
                    Some(object) => {
                        if shape.shape == Shape::Path {
                            self.unit.path_heads.insert(object);
                        }
                        let property = property.trim_start_matches('#').into();
                        self.add(node, ExprKind::Member { object, property })
                    }
                    None => self.add(node, ExprKind::Name(property.into())),
                }
            }
            Shape::Index => {
                let object = self
                    .part(node, &shape.object)
                    .and_then(|part| self.expr(part))?;
                let mut index = Vec::new();
                if let Some(Part::Field(name)) = shape.index.first() {
                    let mut cursor = node.walk();
                    let all: Vec<_> = node.children_by_field_name(name, &mut cursor).collect();
                    for child in all {
                        index.extend(self.expr(child));
                    }
                } else if let Some(part) = self.part(node, &shape.index) {
                    index.extend(self.expr(part));
                }
                if let [only] = index[..]
                    && let ExprKind::List(items) = self.unit.kind(only)
                {
                    index = items.clone();
                }
                self.add(node, ExprKind::Index { object, index })
            }
            Shape::Call => return self.call(node, shape),
            Shape::Macro => {
                let callee = self
                    .part(node, &shape.callee)
                    .and_then(|part| self.expr(part))?;
                self.unit.macro_calls.insert(callee);
                let args = self
                    .part(node, &shape.arguments)
                    .map(|list| self.tokens(list))
                    .unwrap_or_default();
                self.add(node, ExprKind::Call { callee, args })
            }
            Shape::Loop => {
                let items = self.items(node, shape);
                self.add(node, ExprKind::Other(items))
            }
            Shape::Generic => {
                let inner = self.part(node, &shape.value)?;
                let id = self.expr(inner)?;
                let types = self.part(node, &shape.index);
                if let Some(types) = types.and_then(|part| self.expr(part)) {
                    self.unit.type_arguments.insert(id, types);
                }
                return Some(id);
            }
            Shape::MacroDefinition => self.macro_definition(node, shape),
            Shape::Tokens => {
                let items = self.tokens(node).into_iter().map(|arg| arg.value).collect();
                self.add(node, ExprKind::List(items))
            }
            Shape::Attribute => {
                let inner = self.named(node).into_iter().next()?;
                let test = std::mem::take(&mut self.test) || self.marks_test(inner);
                let mut id = None;
                let mut args = None;
                for child in self.named(inner) {
                    if child.kind().ends_with("tree") {
                        args = Some(self.tokens(child));
                    } else if id.is_none() {
                        id = self.expr(child);
                    }
                }
                let callee = id?;
                let decorator = match args {
                    Some(args) => self.add(node, ExprKind::Call { callee, args }),
                    None => callee,
                };
                self.pending.push(decorator);
                self.test = test;
                return None;
            }
            Shape::Decorator => {
                let inner = self
                    .named(node)
                    .into_iter()
                    .find(|child| !child.is_extra())?;
                let saved = std::mem::take(&mut self.pending);
                let decorator = self.expr(inner);
                self.pending = saved;
                self.pending.extend(decorator);
                return None;
            }
            Shape::Named | Shape::Spread | Shape::Pair => return self.other(node),
            Shape::String => self.string(node, shape),
            Shape::Concat => {
                let mut parts = Vec::new();
                for child in self.named(node) {
                    parts.extend(self.expr(child));
                }
                let mut joined = String::new();
                let literal = parts.iter().all(|part| match self.unit.literal(*part) {
                    Some(text) => {
                        joined.push_str(text);
                        true
                    }
                    None => false,
                });
                if literal {
                    self.add(node, ExprKind::Str(joined.into()))
                } else {
                    self.add(node, ExprKind::Template(parts))
                }
            }
            Shape::Number => self.add(node, ExprKind::Number(self.text(node).into())),
            Shape::True => self.add(node, ExprKind::Bool(true)),
            Shape::False => self.add(node, ExprKind::Bool(false)),
            Shape::Boolean => self.add(node, ExprKind::Bool(self.text(node) == "true")),
            Shape::Null => self.add(node, ExprKind::Null),
            Shape::List => {
                let children = self.children(node);
                self.add(node, ExprKind::List(children))
            }
            Shape::Map => self.map(node),
            Shape::Function => return Some(self.function(node, shape)),
            Shape::Class => return Some(self.class(node, shape)),
            Shape::Assign => return self.assign(node, shape),
            Shape::Branch => {
                let condition = self
                    .part(node, &shape.condition)
                    .and_then(|part| self.expr(part));
                let then = self
                    .part(node, &shape.then)
                    .and_then(|part| self.expr(part));
                let mut otherwise = Vec::new();
                match shape.otherwise.first() {
                    Some(Part::Field(name)) => {
                        let mut cursor = node.walk();
                        let all: Vec<_> = node.children_by_field_name(name, &mut cursor).collect();
                        for child in all {
                            otherwise.extend(self.expr(child));
                        }
                    }
                    Some(_) => {
                        if let Some(part) = self.part(node, &shape.otherwise) {
                            otherwise.extend(self.expr(part));
                        }
                    }
                    None => {}
                }
                let otherwise = match otherwise[..] {
                    [] => None,
                    [only] => Some(only),
                    _ => Some(self.add(node, ExprKind::Block(otherwise))),
                };
                let condition =
                    condition.unwrap_or_else(|| self.add(node, ExprKind::Other(Vec::new())));
                let then = then.unwrap_or_else(|| self.add(node, ExprKind::Block(Vec::new())));
                self.add(
                    node,
                    ExprKind::Branch {
                        condition,
                        then,
                        otherwise,
                    },
                )
            }
            Shape::Return | Shape::Raise => {
                let kind = if shape.shape == Shape::Return {
                    ExitKind::Return
                } else {
                    ExitKind::Raise
                };
                let value = self.named(node).into_iter().find(|child| !child.is_extra());
                let value = value.and_then(|child| self.expr(child));
                self.add(node, ExprKind::Exit { kind, value })
            }
            Shape::Await => {
                let inner = self
                    .named(node)
                    .into_iter()
                    .find(|child| !child.is_extra())?;
                let inner = self.expr(inner)?;
                self.add(node, ExprKind::Await(inner))
            }
            Shape::Binary => {
                let op = self.operator(node, &shape.operator);
                let left = self
                    .part(node, &shape.left)
                    .and_then(|part| self.expr(part))?;
                let right = self
                    .part(node, &shape.right)
                    .and_then(|part| self.expr(part))?;
                self.add(
                    node,
                    ExprKind::Binary {
                        op: op.into(),
                        left,
                        right,
                    },
                )
            }
            Shape::Unary => {
                let op = match &shape.text {
                    Some(text) => text.clone(),
                    None => self.source[node.start_byte()..]
                        .chars()
                        .next()
                        .map(String::from)
                        .unwrap_or_default(),
                };
                let value = self
                    .part(node, &shape.value)
                    .and_then(|part| self.expr(part))?;
                self.add(
                    node,
                    ExprKind::Unary {
                        op: op.into(),
                        value,
                    },
                )
            }
            Shape::Module => {
                let name = self
                    .part(node, &shape.name)
                    .map(|part| self.text(part))
                    .unwrap_or_default();
                match self.part(node, &shape.body) {
                    Some(body) => {
                        self.modules.push(name.to_owned());
                        let inner = self.expr(body);
                        self.modules.pop();
                        self.pending.clear();
                        return inner;
                    }
                    None => {
                        // `mod x;` makes `x` a name for the file below this module.
                        self.pending.clear();
                        let local: Box<str> = name.into();
                        let module = format!("self.{name}");
                        let span = Self::span(node);
                        self.unit.imports.push(Import {
                            local,
                            module: module.into(),
                            symbol: None,
                            exported: true,
                            span,
                        });
                        return None;
                    }
                }
            }
            Shape::ImportModules => {
                self.import_modules(node, shape);
                return None;
            }
            Shape::ImportFrom => {
                self.import_from(node, shape);
                return None;
            }
            Shape::ImportEs => {
                self.import_es(node);
                return None;
            }
            Shape::ExportEs => return self.export_es(node),
            Shape::Use => {
                let exported = self.text(node).starts_with("pub");
                self.pending.clear();
                if let Some(argument) = node.child_by_field_name("argument") {
                    self.use_tree(argument, "", exported);
                }
                return None;
            }
            Shape::Other => return self.other(node),
        })
    }

    fn operator(&self, node: Tree<'_>, parts: &[Part]) -> &'a str {
        match parts.first() {
            Some(Part::Field(name)) => {
                let mut cursor = node.walk();
                let first = node.children_by_field_name(name, &mut cursor).next();
                first.map(|part| self.text(part)).unwrap_or_default()
            }
            _ => "",
        }
    }

    fn children(&mut self, node: Tree<'_>) -> Vec<ExprId> {
        let mut all = Vec::new();
        for child in self.named(node) {
            all.extend(self.expr(child));
        }
        all
    }

    fn through(&mut self, node: Tree<'_>) -> Option<ExprId> {
        let children = self.children(node);
        match children[..] {
            [] => None,
            [only] => Some(only),
            _ => Some(self.add(node, ExprKind::Block(children))),
        }
    }

    fn other(&mut self, node: Tree<'_>) -> Option<ExprId> {
        if node.named_child_count() == 0 {
            return None;
        }
        let children = self.children(node);
        Some(self.add(node, ExprKind::Other(children)))
    }

    fn string(&mut self, node: Tree<'_>, shape: &Node) -> ExprId {
        let mut parts: Vec<ExprId> = Vec::new();
        let mut literal = String::new();
        let mut computed = false;
        for child in self.named(node) {
            if shape.content.iter().any(|kind| kind == child.kind()) {
                literal.push_str(self.text(child));
            } else if shape.interpolation.iter().any(|kind| kind == child.kind()) {
                computed = true;
                if !literal.is_empty() {
                    let text = std::mem::take(&mut literal);
                    parts.push(self.add(node, ExprKind::Str(text.into())));
                }
                parts.extend(self.expr(child));
            }
        }
        if !computed {
            return self.add(node, ExprKind::Str(literal.into()));
        }
        if !literal.is_empty() {
            parts.push(self.add(node, ExprKind::Str(literal.into())));
        }
        self.add(node, ExprKind::Template(parts))
    }

    fn args(&mut self, list: Tree<'_>, callee: ExprId) -> Vec<Arg> {
        let mut args = Vec::new();
        let callee_name = self.unit.last_name(callee).unwrap_or_default().to_owned();
        let children = if self
            .shape(list)
            .is_some_and(|shape| shape.shape == Shape::String)
        {
            vec![list]
        } else {
            self.named(list)
        };
        for child in children {
            let first = args
                .first()
                .and_then(|arg: &Arg| self.unit.literal(arg.value))
                .unwrap_or_default();
            let mut hint = if first.is_empty() {
                callee_name.clone()
            } else {
                format!("{callee_name}({first})")
            };
            let shape = self.shape(child);
            match shape.map(|shape| shape.shape) {
                Some(Shape::Skip) => {}
                Some(Shape::Named) => {
                    let Some(shape) = shape else { continue };
                    let name = self
                        .part(child, &shape.name)
                        .map(|part| self.text(part))
                        .unwrap_or_default();
                    hint = name.to_owned();
                    self.hint = Some(hint);
                    let value = self
                        .part(child, &shape.value)
                        .and_then(|part| self.expr(part));
                    self.hint = None;
                    if let Some(value) = value {
                        args.push(Arg {
                            name: Some(name.into()),
                            value,
                            spread: false,
                        });
                    }
                }
                Some(Shape::Spread) => {
                    if let Some(value) = self.through(child) {
                        args.push(Arg {
                            name: None,
                            value,
                            spread: true,
                        });
                    }
                }
                _ => {
                    self.hint = Some(hint);
                    let value = self.expr(child);
                    self.hint = None;
                    if let Some(value) = value {
                        args.push(Arg {
                            name: None,
                            value,
                            spread: false,
                        });
                    }
                }
            }
        }
        args
    }

    /// A macro's tokens as arguments: parted by commas, `name = value` named, `name(…)` a call.
    fn tokens(&mut self, tree: Tree<'_>) -> Vec<Arg> {
        let mut args: Vec<Arg> = Vec::new();
        let mut name: Option<Box<str>> = None;
        let mut current: Option<ExprId> = None;
        let mut joins = false;
        // After `name -> Outer<`: what follows belongs to the type.
        let mut generic = false;
        let mut cursor = tree.walk();
        let all: Vec<_> = tree.children(&mut cursor).collect();
        let inner = all.get(1..all.len().saturating_sub(1)).unwrap_or_default();
        let mut bang = false;
        for child in inner {
            let text = self.text(*child);
            let after_bang = std::mem::replace(&mut bang, text == "!");
            match text {
                "," | ";" | "=>" => {
                    if let Some(value) = current.take() {
                        args.push(Arg {
                            name: name.take(),
                            value,
                            spread: false,
                        });
                    }
                    joins = false;
                    generic = false;
                }
                "=" | "->" => {
                    if let Some(id) = current.take() {
                        name = self.unit.path(id).map(Into::into);
                    }
                }
                "::" | "." => {
                    joins = true;
                    if text == "::" {
                        self.unit.path_heads.extend(current);
                    }
                }
                "<" if name.is_some() => generic = true,
                _ if child.kind().ends_with("tree") => {
                    if self.depth >= MAX_DEPTH {
                        self.unit.too_deep = true;
                        continue;
                    }
                    self.depth += 1;
                    let inner = self.tokens(*child);
                    self.depth -= 1;
                    if let Some(callee) = current.filter(|_| after_bang) {
                        self.unit.macro_calls.insert(callee);
                    }
                    current = Some(match current {
                        Some(callee) => self.add(
                            *child,
                            ExprKind::Call {
                                callee,
                                args: inner,
                            },
                        ),
                        None => {
                            let items = inner.into_iter().map(|arg| arg.value).collect();
                            self.add(*child, ExprKind::List(items))
                        }
                    });
                }
                _ if !child.is_named()
                    && !text.chars().all(|c| c.is_alphanumeric() || c == '_') => {}
                _ => {
                    if joins && let Some(object) = current {
                        joins = false;
                        current = Some(self.add(
                            *child,
                            ExprKind::Member {
                                object,
                                property: text.into(),
                            },
                        ));
                    } else if let Some(id) = self.expr(*child) {
                        // Two values side by side (an operator between them): keep the first.
                        if generic && let Some(object) = current {
                            let index = vec![id];
                            current = Some(self.add(*child, ExprKind::Index { object, index }));
                        } else if current.is_none() {
                            current = Some(id);
                        } else if let Some(value) = current.replace(id) {
                            args.push(Arg {
                                name: name.take(),
                                value,
                                spread: false,
                            });
                        }
                    } else if !child.is_named() && current.is_none() {
                        current = Some(self.add(*child, ExprKind::Name(text.into())));
                    }
                }
            }
        }
        if let Some(value) = current {
            args.push(Arg {
                name,
                value,
                spread: false,
            });
        }
        args
    }

    fn map(&mut self, node: Tree<'_>) -> ExprId {
        let mut pairs = Vec::new();
        for child in self.named(node) {
            let shape = self.shape(child);
            match shape.map(|shape| shape.shape) {
                Some(Shape::Skip) => {}
                Some(Shape::Pair) => {
                    let Some(shape) = shape else { continue };
                    let Some(key_node) = self.part(child, &shape.key) else {
                        continue;
                    };
                    let Some(key) = self.expr(key_node) else {
                        continue;
                    };
                    self.hint = Some(self.text(key_node).trim_matches(['"', '\'']).to_owned());
                    let value = self
                        .part(child, &shape.value)
                        .and_then(|part| self.expr(part));
                    self.hint = None;
                    if let Some(value) = value {
                        pairs.push((key, value));
                    }
                }
                Some(Shape::Spread) => {
                    if let Some(value) = self.through(child) {
                        let key = self.add(child, ExprKind::Null);
                        pairs.push((key, value));
                    }
                }
                Some(Shape::Function) => {
                    let Some(value) = self.expr(child) else {
                        continue;
                    };
                    if let ExprKind::Function(function) = *self.unit.kind(value) {
                        let name = self.unit.function(function).name.clone();
                        let key = self.add(child, ExprKind::Name(name));
                        pairs.push((key, value));
                    }
                }
                _ => {
                    if let Some(value) = self.expr(child) {
                        let key = match self.unit.kind(value) {
                            ExprKind::Name(name) => ExprKind::Name(name.clone()),
                            _ => ExprKind::Null,
                        };
                        let key = self.add(child, key);
                        pairs.push((key, value));
                    }
                }
            }
        }
        self.add(node, ExprKind::Map(pairs))
    }

    fn qualified(&self, name: &str) -> String {
        let outer = match (self.function, self.class) {
            (Some(function), _) => self.unit.function(function).qualified.to_string(),
            (None, Some(class)) => self.unit.class(class).name.to_string(),
            (None, None) => self.modules.join("."),
        };
        if outer.is_empty() {
            name.to_owned()
        } else {
            format!("{outer}.{name}")
        }
    }

    /// A call; the calls of a chain one after the other, since `app.route(…).route(…)` may be
    /// as long as an application has routes.
    fn call(&mut self, node: Tree<'_>, shape: &Node) -> Option<ExprId> {
        let mut links = Vec::new();
        let (mut first, mut first_shape) = (node, shape);
        while let Some(member) = self.part(first, &first_shape.callee)
            && let Some(member_shape) = self.shape(member)
            && matches!(member_shape.shape, Shape::Member | Shape::Path)
            && let Some(object) = self.part(member, &member_shape.object)
            && let Some(object_shape) = self.shape(object)
            && object_shape.shape == Shape::Call
        {
            links.push((first, first_shape, member, member_shape));
            (first, first_shape) = (object, object_shape);
        }
        let callee = self
            .part(first, &first_shape.callee)
            .and_then(|part| self.expr(part))?;
        let mut made = self.call_of(first, first_shape, callee);
        for (call, call_shape, member, member_shape) in links.into_iter().rev() {
            let property = self
                .part(member, &member_shape.property)
                .map(|part| self.text(part))
                .unwrap_or_default();
            let property = property.trim_start_matches('#').into();
            let kind = ExprKind::Member {
                object: made,
                property,
            };
            let callee = self.add(member, kind);
            made = self.call_of(call, call_shape, callee);
        }
        Some(made)
    }

    fn call_of(&mut self, node: Tree<'_>, shape: &Node, callee: ExprId) -> ExprId {
        let args = match self.part(node, &shape.arguments) {
            Some(list) => self.args(list, callee),
            None => Vec::new(),
        };
        self.add(node, ExprKind::Call { callee, args })
    }

    /// Whether an attribute is one of what only tests compile.
    fn marks_test(&self, attribute: Tree<'_>) -> bool {
        let mut text = self.text(attribute).to_owned();
        text.retain(|c| !c.is_whitespace());
        let mut tests = self.language.tests.iter();
        tests.any(|mark| crate::rule::wild(mark, &text))
    }

    /// A macro is a function without parameters, whose body is all that it may expand to.
    fn macro_definition(&mut self, node: Tree<'_>, shape: &Node) -> ExprId {
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
            parent: self.function,
            body: None,
            span: Self::span(node),
            head: Self::span(name_node.unwrap_or(node)),
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

    fn function(&mut self, node: Tree<'_>, shape: &Node) -> ExprId {
        let decorators = std::mem::take(&mut self.pending);
        let hint = self.hint.take();
        let name_node = self.part(node, &shape.name);
        let name = match name_node {
            Some(part) => self.text(part).to_owned(),
            None => hint.unwrap_or_default(),
        };
        let id = FnId(self.unit.functions.len() as u32);
        let parameters = self.part(node, &shape.parameters);
        let mut head = Self::span(name_node.unwrap_or(node));
        if let Some(list) = parameters.filter(|_| name_node.is_some()) {
            head.end = list.end_byte() as u32;
            head.end_line = list.end_position().row as u32;
        }
        let return_type = self
            .part(node, &shape.ty)
            .map(|part| fold(self.text(part)).into());
        self.unit.functions.push(Function {
            qualified: self
                .qualified(if name.is_empty() { "anonymous" } else { &name })
                .into(),
            name: name.into(),
            declared: name_node.is_some(),
            params: Vec::new(),
            decorators,
            class: if self.function.is_none() {
                self.class
            } else {
                None
            },
            parent: self.function,
            body: None,
            span: Self::span(node),
            head,
            return_type,
        });
        let (outer, class) = (self.function.replace(id), self.class.take());
        let params = parameters.map(|list| self.params(list)).unwrap_or_default();
        self.unit.functions[id.0 as usize].params = params;
        let body = self
            .part(node, &shape.body)
            .and_then(|part| self.expr(part));
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
                continue;
            };
            let mut cursor = child.walk();
            for decorator in child.children(&mut cursor) {
                if self
                    .shape(decorator)
                    .is_some_and(|shape| shape.shape == Shape::Decorator)
                {
                    self.expr(decorator);
                }
            }
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
            params.push(Param {
                name: fold(name).into(),
                ty,
                ty_expr,
                default,
                decorators,
                span: Self::span(child),
            });
        }
        params
    }

    fn class(&mut self, node: Tree<'_>, shape: &Node) -> ExprId {
        let mut cursor = node.walk();
        let own: Vec<_> = node.children(&mut cursor).collect();
        for child in own {
            if self
                .shape(child)
                .is_some_and(|shape| shape.shape == Shape::Decorator)
            {
                self.expr(child);
            }
        }
        let decorators = std::mem::take(&mut self.pending);
        let hint = self.hint.take();
        let name_node = self.part(node, &shape.name);
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
        let id = ClassId(self.unit.classes.len() as u32);
        self.unit.classes.push(Class {
            name: name.into(),
            declared: name_node.is_some(),
            bases,
            decorators,
            parent: self.class,
            body: None,
            span: Self::span(node),
            head: Self::span(name_node.unwrap_or(node)),
        });
        let (outer, function) = (self.class.replace(id), self.function.take());
        let body = self
            .part(node, &shape.body)
            .and_then(|part| self.expr(part));
        self.unit.classes[id.0 as usize].body = body;
        self.class = outer;
        self.function = function;
        self.pending.clear();
        self.add(node, ExprKind::Class(id))
    }

    /// `for name in value`, `for (a, b) in value`: an assignment for each name.
    fn items(&mut self, node: Tree<'_>, shape: &Node) -> Vec<ExprId> {
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
                    function: self.function,
                    class: self.class,
                    extends: false,
                    each: true,
                    place,
                    span: Self::span(at),
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
    fn parts_of(&mut self, target: ExprId, value: Option<ExprId>, span: Span) {
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
                function: self.function,
                class: self.class,
                extends: false,
                each: false,
                place: Some(place),
                span,
            });
        }
    }

    fn assign(&mut self, node: Tree<'_>, shape: &Node) -> Option<ExprId> {
        let mut cursor = node.walk();
        let own: Vec<_> = node.children(&mut cursor).collect();
        for child in own {
            if self
                .shape(child)
                .is_some_and(|shape| shape.shape == Shape::Decorator)
            {
                self.expr(child);
            }
        }
        let decorators = std::mem::take(&mut self.pending);
        let outer_hint = self.hint.take();
        let target_node = self.part(node, &shape.target)?;
        let target = match self.expr(target_node) {
            Some(id) => id,
            None => self.add(target_node, ExprKind::Other(Vec::new())),
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
        self.parts_of(target, value, Self::span(node));
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
            function: self.function,
            class: self.class,
            extends: shape.extends,
            each: false,
            place: None,
            span: Self::span(node),
        });
        Some(self.add(node, ExprKind::Assign(index)))
    }
}

/// Folds white space, so that formatting does not show.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

mod import;
