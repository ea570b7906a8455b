//! Calls, their arguments, maps and what macros are handed.

use tree_sitter::Node as Tree;

use super::{MAX_DEPTH, Walker};
use crate::element::*;
use crate::language::{Node, Shape};

impl Walker<'_> {
    pub(super) fn args(&mut self, list: Tree<'_>, callee: ExprId) -> Vec<Arg> {
        let mut args = Vec::new();
        // Pairs whose keys are no names: `get "path" => "handler"`.
        let mut loose = Vec::new();
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
                // `new Cookie { Secure = true }`: the members that a maker sets.
                Some(Shape::Assign)
                    if self
                        .shape(list)
                        .is_some_and(|shape| shape.shape == Shape::List) =>
                {
                    let Some(shape) = shape else { continue };
                    let name = self.part(child, &shape.target).map(|part| self.text(part));
                    let value = self.part(child, &shape.value);
                    if let Some(value) = value.and_then(|part| self.expr(part)) {
                        args.push(Arg {
                            name: name.map(Into::into),
                            value,
                            spread: false,
                        });
                    }
                }
                Some(Shape::Named) => {
                    let Some(shape) = shape else { continue };
                    let value = self.part(child, &shape.value);
                    // Some grammars have one node for arguments with and without a name.
                    let name = self
                        .part(child, &shape.name)
                        .filter(|name| value.is_none_or(|value| value.id() != name.id()))
                        .map(|part| self.text(part));
                    if let Some(name) = name {
                        hint = name.to_owned();
                    }
                    self.hint = Some(hint);
                    let spread = value
                        .and_then(|value| self.shape(value))
                        .is_some_and(|shape| shape.shape == Shape::Spread);
                    let value = value.and_then(|part| match spread {
                        true => self.through(part),
                        false => self.expr(part),
                    });
                    self.hint = None;
                    if let Some(value) = value {
                        args.push(Arg {
                            name: name.map(Into::into),
                            value,
                            spread,
                        });
                    }
                }
                Some(Shape::Pair) => {
                    let Some(shape) = shape else { continue };
                    let Some(key) = self.part(child, &shape.key) else {
                        continue;
                    };
                    let named = self.text(key).starts_with(':')
                        || self
                            .shape(key)
                            .is_some_and(|shape| shape.shape == Shape::Name);
                    if !named {
                        loose.push(child);
                        continue;
                    }
                    let name = self.text(key).trim_matches([':', '"', '\'']);
                    self.hint = Some(name.to_owned());
                    let value = self.part(child, &shape.value);
                    let value = match value {
                        Some(value) => self.expr(value),
                        // `only:` alone stands for a variable of that name.
                        None => Some(self.add(key, ExprKind::Name(name.into()))),
                    };
                    self.hint = None;
                    args.extend(value.map(|value| Arg {
                        name: Some(name.into()),
                        value,
                        spread: false,
                    }));
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
        if let (Some(first), Some(last)) = (loose.first(), loose.last()) {
            let mut pairs = Vec::new();
            for pair in &loose {
                self.pair(*pair, &mut pairs);
            }
            let mut span = self.span(*first);
            span.end = self.mended.at(last.end_byte()) as u32;
            span.end_line = last.end_position().row as u32;
            let value = self.add_at(span, ExprKind::Map(pairs));
            args.push(Arg {
                name: None,
                value,
                spread: false,
            });
        }
        args
    }

    /// A macro's tokens as arguments: parted by commas, `name = value` named, `name(…)` a call.
    pub(super) fn tokens(&mut self, tree: Tree<'_>) -> Vec<Arg> {
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

    /// A key and its value; without a value the key stands for both.
    fn pair(&mut self, node: Tree<'_>, pairs: &mut Vec<(ExprId, ExprId)>) {
        let Some(shape) = self.shape(node) else {
            return;
        };
        let key = match shape.shape {
            Shape::Named => &shape.name,
            _ => &shape.key,
        };
        let Some(key_node) = self.part(node, key) else {
            return;
        };
        let Some(key) = self.expr(key_node) else {
            return;
        };
        let Some(value) = self.part(node, &shape.value) else {
            let nothing = self.add(node, ExprKind::Null);
            let named = matches!(self.unit.kind(key), ExprKind::Name(_));
            pairs.push(if named { (key, key) } else { (nothing, key) });
            return;
        };
        let name = self.text(key_node).trim_matches(['"', '\'']);
        self.hint = Some(name.to_owned());
        let value = self.expr(value);
        self.hint = None;
        pairs.extend(value.map(|value| (key, value)));
    }

    pub(super) fn map(&mut self, node: Tree<'_>) -> ExprId {
        let mut pairs = Vec::new();
        for child in self.named(node) {
            let shape = self.shape(child);
            match shape.map(|shape| shape.shape) {
                Some(Shape::Skip) => {}
                Some(Shape::Pair | Shape::Named) => self.pair(child, &mut pairs),
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

    /// What a call is made of.
    fn call_parts<'t>(&self, node: Tree<'t>, shape: &Node) -> CallParts<'t> {
        let arguments = self.part(node, &shape.arguments);
        let block = self.part(node, &shape.block);
        let plain = self.part(node, &shape.callee);
        if let (None, Some(block), Some(callee)) = (arguments, block, plain)
            && let Some(inner) = self.shape(callee)
            && inner.shape == Shape::Call
        {
            // `route("/x") { … }`: the function is the call's last argument.
            let mut parts = self.call_parts(callee, inner);
            if parts.block.is_none() {
                parts.node = node;
                parts.block = Some(block);
                return parts;
            }
        }
        let callee = match plain {
            Some(member) => match self.shape(member) {
                Some(shape) if matches!(shape.shape, Shape::Member | Shape::Path) => {
                    match (
                        self.part(member, &shape.object),
                        self.part(member, &shape.property),
                    ) {
                        (Some(object), Some(property)) => Callee::Member {
                            node: member,
                            object,
                            property,
                        },
                        _ => Callee::Plain(member),
                    }
                }
                _ => Callee::Plain(member),
            },
            None => match (
                self.part(node, &shape.object),
                self.part(node, &shape.property),
            ) {
                (Some(object), Some(property)) => Callee::Member {
                    node,
                    object,
                    property,
                },
                (Some(object), None) => Callee::Plain(object),
                (None, Some(name)) => Callee::Name(name),
                (None, None) => Callee::None,
            },
        };
        let types = self.part(node, &shape.index);
        CallParts {
            node,
            callee,
            types,
            arguments,
            block,
        }
    }

    /// A call; the calls of a chain one after the other, since `app.route(…).route(…)` may be
    /// as long as an application has routes.
    pub(super) fn call(&mut self, node: Tree<'_>, shape: &Node) -> Option<ExprId> {
        let mut links = Vec::new();
        let mut first = self.call_parts(node, shape);
        while let Callee::Member { object, .. } = first.callee
            && let Some(object_shape) = self.shape(object)
            && object_shape.shape == Shape::Call
        {
            links.push(std::mem::replace(
                &mut first,
                self.call_parts(object, object_shape),
            ));
        }
        let mut made = self.first_call(&first)?;
        for link in links.into_iter().rev() {
            if let Callee::Member { node, property, .. } = link.callee {
                let callee = self.member_of(node, made, property);
                made = self.call_of(&link, callee);
            }
        }
        Some(made)
    }

    pub(super) fn member_of(
        &mut self,
        node: Tree<'_>,
        object: ExprId,
        property: Tree<'_>,
    ) -> ExprId {
        let name = self.text(property).trim_start_matches('#').into();
        let mut span = self.span(node);
        span.end = self.mended.at(property.end_byte()) as u32;
        span.end_line = property.end_position().row as u32;
        let kind = ExprKind::Member {
            object,
            property: name,
        };
        self.add_at(span, kind)
    }

    fn first_call(&mut self, parts: &CallParts<'_>) -> Option<ExprId> {
        let callee = match parts.callee {
            Callee::Plain(node) => self.expr(node)?,
            Callee::Name(node) => {
                let name = self.text(node);
                self.add(node, ExprKind::Name(name.into()))
            }
            Callee::Member {
                node,
                object,
                property,
            } if node.id() == parts.node.id() => {
                match self.expr(object) {
                    Some(object) => self.member_of(node, object, property),
                    // `this.call()` of a grammar that has no node for `this`.
                    None => {
                        let name = self.text(property);
                        self.add(property, ExprKind::Name(name.into()))
                    }
                }
            }
            Callee::Member { node, .. } => self.expr(node)?,
            // A keyword that calls: `require "file"`.
            Callee::None => {
                let word = self.shape(parts.node)?.text.as_deref()?;
                self.add(parts.node, ExprKind::Name(word.into()))
            }
        };
        Some(self.call_of(parts, callee))
    }

    fn call_of(&mut self, parts: &CallParts<'_>, callee: ExprId) -> ExprId {
        if let Some(types) = parts.types.and_then(|part| self.expr(part)) {
            self.unit.type_arguments.insert(callee, types);
        }
        let mut args = match parts.arguments {
            Some(list) => self.args(list, callee),
            None => Vec::new(),
        };
        if let Some(block) = parts.block {
            let listed = self
                .shape(block)
                .is_some_and(|shape| shape.shape == Shape::List);
            if listed {
                // `new Cookie("a") { Secure = true }`
                args.extend(self.args(block, callee));
            } else {
                let hint = self.unit.last_name(callee).unwrap_or_default().to_owned();
                self.hint = Some(hint);
                let value = self.expr(block);
                self.hint = None;
                args.extend(value.map(|value| Arg {
                    name: None,
                    value,
                    spread: false,
                }));
            }
        }
        let written_as_name = parts.arguments.is_none() && parts.block.is_none();
        let name = match self.unit.kind(callee) {
            ExprKind::Name(name) => Some(name.clone()),
            _ => None,
        };
        if let Some(name) = name {
            if self.language.raises.iter().any(|word| **word == *name) {
                return self.raised(parts.node, args);
            }
            let mixes = self.language.mixins.iter().any(|word| **word == *name);
            if let Some(class) = self.class.filter(|_| mixes && self.function.is_none()) {
                let bases = args.iter().map(|arg| arg.value);
                self.unit.classes[class.0 as usize].bases.extend(bases);
            }
        }
        let same = match self.unit.kind(callee) {
            ExprKind::Member { property, .. } => {
                let mut words = self.language.same.iter();
                args.is_empty() && words.any(|word| **word == **property)
            }
            _ => false,
        };
        let made = match self.unit.kind(callee) {
            ExprKind::Member { object, property }
                if self
                    .language
                    .construct
                    .iter()
                    .any(|word| **word == **property) =>
            {
                ExprKind::Call {
                    callee: *object,
                    args,
                }
            }
            _ => ExprKind::Call { callee, args },
        };
        let id = self.add(parts.node, made);
        if same {
            self.unit.same_calls.insert(id);
        }
        if written_as_name && matches!(parts.callee, Callee::Member { .. } | Callee::Name(_)) {
            self.unit.bare_calls.insert(id);
        }
        self.loads_by_call(id);
        id
    }

    /// `raise Denied, "reason"`: the error is made of what follows it.
    fn raised(&mut self, node: Tree<'_>, args: Vec<Arg>) -> ExprId {
        let mut args = args.into_iter();
        let first = args.next().map(|arg| arg.value);
        let value = match first.map(|id| (id, self.unit.kind(id))) {
            Some((id, ExprKind::Name(_) | ExprKind::Member { .. })) => {
                let args = args.collect();
                Some(self.add(node, ExprKind::Call { callee: id, args }))
            }
            other => other.map(|(id, _)| id),
        };
        let kind = ExitKind::Raise;
        self.add(node, ExprKind::Exit { kind, value })
    }

    /// A list, or a map if a part has a key.
    pub(super) fn list_or_map(&mut self, node: Tree<'_>) -> ExprId {
        let keyed = self.named(node).into_iter().any(|child| {
            self.shape(child).is_some_and(|shape| match shape.shape {
                Shape::Pair | Shape::Named => self.part(child, &shape.value).is_some(),
                _ => false,
            })
        });
        if keyed {
            return self.map(node);
        }
        let children = self.children(node);
        self.add(node, ExprKind::List(children))
    }

    /// `[]string{…}` is a list, `map[string]T{…}` a map, `T{…}` a call.
    pub(super) fn composite(&mut self, node: Tree<'_>, shape: &Node) -> Option<ExprId> {
        let ty = self.part(node, &shape.ty)?;
        let body = self.part(node, &shape.body)?;
        let is = |kinds: &[String]| kinds.iter().any(|kind| kind == ty.kind());
        if is(&shape.names) {
            let children = self.children(body);
            return Some(self.add(node, ExprKind::List(children)));
        }
        if is(&shape.alias) {
            return Some(self.map(body));
        }
        let callee = self.expr(ty)?;
        let args = self.args(body, callee);
        Some(self.add(node, ExprKind::Call { callee, args }))
    }
}

struct CallParts<'t> {
    node: Tree<'t>,
    callee: Callee<'t>,
    /// Types that are handed to it.
    types: Option<Tree<'t>>,
    arguments: Option<Tree<'t>>,
    /// The function behind the arguments.
    block: Option<Tree<'t>>,
}

#[derive(Clone, Copy)]
enum Callee<'t> {
    Plain(Tree<'t>),
    /// A name that is called, whatever the grammar makes of names elsewhere.
    Name(Tree<'t>),
    Member {
        node: Tree<'t>,
        object: Tree<'t>,
        property: Tree<'t>,
    },
    None,
}
