//! The one walker: a syntax tree and a language's tables become a [`Unit`].

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Node as Tree, ParseOptions, Parser};

use crate::element::*;
use crate::hash::HashSet;
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
    let mut parse = |text: &str| {
        let bytes = text.as_bytes();
        parser.parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(ParseOptions::new().progress_callback(&mut stop)),
        )
    };
    let mut mended = mend::mend(&language.mends, source, false);
    let mut tree = parse(&mended.text)?;
    if tree.root_node().has_error() && language.mends.iter().any(|mend| mend.broken) {
        let other = mend::mend(&language.mends, source, true);
        if other.text != mended.text
            && let Some(again) = parse(&other.text)
            && mend::broken(&again) < mend::broken(&tree)
        {
            (tree, mended) = (again, other);
        }
    }
    let mut walker = Walker {
        language,
        tables,
        source,
        mended,
        unit: Unit::default(),
        function: None,
        class: None,
        pending: Vec::new(),
        hint: None,
        depth: 0,
        modules: Vec::new(),
        package: String::new(),
        variables: HashSet::default(),
        blocks: Vec::new(),
        test: false,
    };
    let root = walker.expr(tree.root_node());
    walker.unit.root = root;
    walker.unit.broken.sort_unstable();
    walker.unit.broken.dedup();
    walker.imports_by_call();
    walker.unit.index();
    Some(walker.unit)
}

struct Walker<'a> {
    language: &'a Language,
    tables: &'a Tables,
    source: &'a str,
    /// The text that was parsed.
    mended: mend::Mended<'a>,
    unit: Unit,
    function: Option<FnId>,
    class: Option<ClassId>,
    /// The next declaration is one that only tests compile.
    test: bool,
    /// The blocks around.
    blocks: Vec<Span>,
    /// Decorators that wait for the declaration after them.
    pending: Vec<ExprId>,
    /// The name for a nameless function: the variable, the key or the call it is given to.
    hint: Option<String>,
    depth: u32,
    /// Inline modules around.
    modules: Vec<String>,
    /// The namespace around.
    package: String,
    /// Variables by the function that they are in.
    variables: HashSet<(Option<FnId>, Box<str>)>,
}

impl<'a> Walker<'a> {
    fn text(&self, node: Tree<'_>) -> &'a str {
        let (start, end) = (node.start_byte(), node.end_byte());
        self.source
            .get(self.mended.at(start)..self.mended.at(end))
            .unwrap_or_default()
    }

    fn span(&self, node: Tree<'_>) -> Span {
        Span {
            start: self.mended.at(node.start_byte()) as u32,
            end: self.mended.at(node.end_byte()) as u32,
            line: node.start_position().row as u32,
            end_line: node.end_position().row as u32,
        }
    }

    fn add(&mut self, node: Tree<'_>, kind: ExprKind) -> ExprId {
        self.add_at(self.span(node), kind)
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
        parts.iter().find_map(|part| self.one_part(node, part))
    }

    fn one_part<'t>(&self, node: Tree<'t>, part: &Part) -> Option<Tree<'t>> {
        match part {
            Part::Field(name) => node.child_by_field_name(name),
            Part::Nth(index) => {
                let mut cursor = node.walk();
                let mut children = node
                    .named_children(&mut cursor)
                    .filter(|child| !child.is_extra());
                match usize::try_from(*index) {
                    Ok(index) => children.nth(index),
                    Err(_) => {
                        let all: Vec<_> = children.collect();
                        let at = all.len().checked_sub(index.unsigned_abs())?;
                        all.get(at).copied()
                    }
                }
            }
            Part::Kind(kind) => {
                let mut cursor = node.walk();
                node.named_children(&mut cursor)
                    .find(|child| child.kind() == kind)
            }
            Part::This => Some(node),
            Part::Around(part) => self.one_part(node.parent()?, part),
            Part::Inside(outer, inner) => self.one_part(self.one_part(node, outer)?, inner),
        }
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
                self.blocks.push(self.span(node));
                let children = self.children(node);
                self.blocks.pop();
                self.hint = hint;
                self.add(node, ExprKind::Block(children))
            }
            Shape::Name => {
                let text = self.text(node);
                let name = match text.contains('\\') {
                    true => dotted(text).into(),
                    false => text.into(),
                };
                self.add(node, ExprKind::Name(name))
            }
            Shape::NameOrCall => {
                let name = self.text(node);
                let id = self.add(node, ExprKind::Name(name.into()));
                if self.is_variable(name) {
                    return Some(id);
                }
                let call = ExprKind::Call {
                    callee: id,
                    args: Vec::new(),
                };
                let call = self.add(node, call);
                self.unit.bare_calls.insert(call);
                call
            }
            Shape::Decorators => {
                self.decorators(node);
                return None;
            }
            Shape::Tuple => {
                let children = self.children(node);
                match children[..] {
                    [only] => only,
                    _ => self.add(node, ExprKind::List(children)),
                }
            }
            Shape::Literal => return Some(self.list_or_map(node)),
            Shape::Composite => return self.composite(node, shape),
            Shape::Rescue => {
                let span = self.span(node);
                self.unit.rescues.push(span);
                return self.other(node);
            }
            Shape::Mixin => {
                let bases = self.children(node);
                if let Some(class) = self.class {
                    self.unit.classes[class.0 as usize].bases.extend(bases);
                }
                return None;
            }
            Shape::Package => {
                let name = self
                    .part(node, &shape.name)
                    .map(|part| dotted(self.text(part)))
                    .unwrap_or_default();
                let outer = self.package.clone();
                self.package = match outer.is_empty() {
                    true => name,
                    false => format!("{outer}.{name}"),
                };
                if self.unit.package.is_empty() {
                    self.unit.package = self.package.as_str().into();
                }
                // Without a body it holds for the rest of the file.
                let body = self.part(node, &shape.body)?;
                let inner = self.expr(body);
                self.package = outer;
                return inner;
            }
            Shape::Import => {
                self.import_names(node, shape);
                return None;
            }
            Shape::Member | Shape::Path => {
                let named = self.part(node, &shape.property);
                // `app.Add<Filter>()`: the name, and types that are handed to it.
                let typed = named.and_then(|part| {
                    let shape = self.shape(part)?;
                    (shape.shape == Shape::Generic).then_some((part, shape))
                });
                let types = typed.and_then(|(part, shape)| self.part(part, &shape.index));
                let named = match typed {
                    Some((part, shape)) => self.part(part, &shape.value),
                    None => named,
                };
                let property = named.map(|part| self.text(part)).unwrap_or_default();
                let object = self.part(node, &shape.object);
                let object = match (object, &shape.text) {
                    // `@name` is a member of the object around.
                    (None, Some(text)) => {
                        Some(self.add(node, ExprKind::Name(text.as_str().into())))
                    }
                    (object, _) => object.and_then(|object| self.expr(object)),
                };
                let literal = self.language.class_literal.iter();
                if object.is_some() && literal.clone().any(|word| *word == property) {
                    return object;
                }
                match object {
                    Some(object) => {
                        if shape.shape == Shape::Path {
                            self.unit.path_heads.insert(object);
                        }
                        let property = property.trim_start_matches(['#', '@']).into();
                        let id = self.add(node, ExprKind::Member { object, property });
                        if let Some(types) = types.and_then(|part| self.expr(part)) {
                            self.unit.type_arguments.insert(id, types);
                        }
                        id
                    }
                    None => self.add(node, ExprKind::Name(property.into())),
                }
            }
            Shape::Index => {
                let mut object = self
                    .part(node, &shape.object)
                    .and_then(|part| self.expr(part))?;
                // `Outer.Inner`: names that the grammar leaves side by side.
                let named = self.named(node).into_iter();
                let further = named
                    .filter(|child| shape.names.iter().any(|kind| kind == child.kind()))
                    .skip(1);
                for name in further {
                    object = self.member_of(node, object, name);
                }
                if self.part(node, &shape.index).is_none() {
                    return Some(object);
                }
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
                let raises = self.unit.last_name(callee).is_some_and(|name| {
                    let mut words = self.language.raises.iter();
                    words.any(|word| **word == *name)
                });
                let call = self.add(node, ExprKind::Call { callee, args });
                if !raises {
                    return Some(call);
                }
                let (kind, value) = (ExitKind::Raise, Some(call));
                self.add(node, ExprKind::Exit { kind, value })
            }
            Shape::Loop => {
                let items = self.items(node, shape);
                self.add(node, ExprKind::Other(items))
            }
            Shape::Within => {
                let parts = (self.part(node, &shape.value), self.part(node, &shape.body));
                if let (Some(head), Some(body)) = parts {
                    let spans = (self.span(head), self.span(body));
                    self.unit.within.push(spans);
                }
                return self.other(node);
            }
            Shape::Try => {
                self.attempt(node, shape);
                return self.other(node);
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
            Shape::Decorator if !shape.callee.is_empty() => {
                let saved = std::mem::take(&mut self.pending);
                let callee = self
                    .part(node, &shape.callee)
                    .and_then(|part| self.expr(part));
                self.unit.decorator_names.extend(callee);
                let decorator = match (callee, self.part(node, &shape.arguments)) {
                    (Some(callee), Some(list)) => {
                        let args = self.args(list, callee);
                        Some(self.add(node, ExprKind::Call { callee, args }))
                    }
                    (callee, _) => callee,
                };
                self.pending = saved;
                self.pending.extend(decorator);
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
            Shape::Named | Shape::Pair if self.part(node, &shape.value).is_none() => {
                return self.through(node);
            }
            Shape::Named | Shape::Spread | Shape::Pair => return self.other(node),
            // A text that the language hands to a function by the way it is written: `` `ls` ``.
            Shape::String => match &shape.text {
                Some(name) => {
                    let value = self.string(node, shape);
                    let callee = self.add(node, ExprKind::Name(name.as_str().into()));
                    let handed = Arg {
                        name: None,
                        value,
                        spread: false,
                    };
                    let args = vec![handed];
                    self.add(node, ExprKind::Call { callee, args })
                }
                None => self.string(node, shape),
            },
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
                // `if err := check(); err != nil`
                let first = self
                    .part(node, &shape.value)
                    .and_then(|part| self.expr(part));
                let condition_node = self.part(node, &shape.condition);
                let mut condition = condition_node.and_then(|part| self.expr(part));
                if let (Some(value), Some(op), Some(at)) = (condition, &shape.text, condition_node)
                {
                    let op = op.as_str().into();
                    condition = Some(self.add(at, ExprKind::Unary { op, value }));
                }
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
                if let Some(held) = self.part(node, &shape.object) {
                    let span = self.span(held);
                    self.unit.held.insert(condition, span);
                }
                let then = then.unwrap_or_else(|| self.add(node, ExprKind::Block(Vec::new())));
                let branch = self.add(
                    node,
                    ExprKind::Branch {
                        condition,
                        then,
                        otherwise,
                    },
                );
                match first {
                    Some(first) => self.add(node, ExprKind::Block(vec![first, branch])),
                    None => branch,
                }
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
                let joins = self.language.concat.iter().any(|word| word == op);
                let op = if joins { "+" } else { op };
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
                    None if !shape.operator.is_empty() => {
                        self.operator(node, &shape.operator).to_owned()
                    }
                    None => self.source[self.mended.at(node.start_byte())..]
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
                        let span = self.span(node);
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

    /// A block whose errors are caught, and what is done with them.
    fn attempt(&mut self, node: Tree<'_>, shape: &Node) {
        let Some(body) = self.part(node, &shape.body) else {
            return;
        };
        let mut clauses = Vec::new();
        for child in self.named(node) {
            if !shape.names.iter().any(|kind| kind == child.kind()) {
                continue;
            }
            let Some(block) = self.part(child, &shape.block) else {
                continue;
            };
            let span = self.span(child);
            let head = Span {
                end: block.start_byte() as u32,
                ..span
            };
            let caught = &self.source[head.start as usize..head.end as usize];
            let mut words = caught.split(|c: char| !c.is_alphanumeric() && c != '_');
            let any = words.any(|word| shape.wildcard.iter().any(|name| name == word));
            let named = self.named(child).len() > 1;
            let mut matters = false;
            let mut open = vec![block];
            while let Some(node) = open.pop() {
                matters |= shape.content.iter().any(|kind| kind == node.kind());
                open.extend(self.named(node));
            }
            clauses.push(Clause {
                head,
                body: self.span(block),
                all: any || !named,
                matters,
            });
        }
        self.unit.tries.push(Try {
            body: self.span(body),
            clauses,
        });
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
            if literal.is_empty() && node.named_child_count() == 0 {
                // `:name`, `@"text"`: the grammar does not part the text from its marks.
                let text = self.text(node).trim_start_matches([':', '@', '$']);
                literal.push_str(text.trim_matches(['"', '\'', '`']));
            }
            return self.add(node, ExprKind::Str(literal.into()));
        }
        if !literal.is_empty() {
            parts.push(self.add(node, ExprKind::Str(literal.into())));
        }
        self.add(node, ExprKind::Template(parts))
    }

    /// Whether a variable or parameter around has this name.
    fn is_variable(&self, name: &str) -> bool {
        let mut function = self.function;
        loop {
            if self.variables.contains(&(function, name.into())) {
                return true;
            }
            let Some(id) = function else { return false };
            let around = self.unit.function(id);
            if around.params.iter().any(|param| &*param.name == name) {
                return true;
            }
            function = around.parent;
        }
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
}

/// A path with dots: `App\\Models`, `Admin::Users`.
fn dotted(text: &str) -> String {
    let text = text.replace("::", ".").replace('\\', ".");
    text.trim_matches('.').to_owned()
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

mod annotation;
mod call;
mod declare;
mod import;
mod mend;
