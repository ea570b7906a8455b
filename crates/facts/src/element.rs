//! Language-neutral elements: what every language's syntax tree is turned into before any rule
//! looks at it. One [`Unit`] is one file. Expressions live in an arena in pre-order, so that an
//! id also says which of two expressions starts first.

use serde::{Deserialize, Serialize};

use crate::hash::HashMap;

/// Index of an expression in [`Unit::exprs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ExprId(pub(crate) u32);

/// Index of a function in [`Unit::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct FnId(pub(crate) u32);

/// Index of a class in [`Unit::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ClassId(pub(crate) u32);

/// A span of the text: bytes from 0, lines and columns from 0 (one is added where a fact is made).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) line: u32,
    pub(crate) end_line: u32,
}

impl Span {
    /// Whether all of the other span lies in this one.
    pub(crate) fn holds(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// An argument of a call, or a bare value with a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Arg {
    pub(crate) name: Option<Box<str>>,
    pub(crate) value: ExprId,
    /// `*args`, `...rest`.
    pub(crate) spread: bool,
}

/// How control leaves a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ExitKind {
    Return,
    Raise,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ExprKind {
    Name(Box<str>),
    Member {
        object: ExprId,
        property: Box<str>,
    },
    Index {
        object: ExprId,
        index: Vec<ExprId>,
    },
    Call {
        callee: ExprId,
        args: Vec<Arg>,
    },
    Str(Box<str>),
    /// A string with parts that are computed; literal parts are `Str`.
    Template(Vec<ExprId>),
    Number(Box<str>),
    Bool(bool),
    Null,
    List(Vec<ExprId>),
    Map(Vec<(ExprId, ExprId)>),
    Function(FnId),
    Class(ClassId),
    Binary {
        op: Box<str>,
        left: ExprId,
        right: ExprId,
    },
    Unary {
        op: Box<str>,
        value: ExprId,
    },
    Await(ExprId),
    /// Index into [`Unit::assigns`].
    Assign(u32),
    Branch {
        condition: ExprId,
        then: ExprId,
        otherwise: Option<ExprId>,
    },
    Exit {
        kind: ExitKind,
        value: Option<ExprId>,
    },
    Block(Vec<ExprId>),
    /// Anything else, with the children that were understood.
    Other(Vec<ExprId>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
    /// The innermost function around it.
    pub(crate) function: Option<FnId>,
    /// The innermost class around it, if no function is nearer.
    pub(crate) class: Option<ClassId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Param {
    pub(crate) name: Box<str>,
    /// The type as written, white space folded.
    pub(crate) ty: Option<Box<str>>,
    /// The type as an expression, where the language's types are made of names and indexes.
    pub(crate) ty_expr: Option<ExprId>,
    pub(crate) default: Option<ExprId>,
    pub(crate) decorators: Vec<ExprId>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Function {
    /// For showing and telling apart; empty for an anonymous function.
    pub(crate) name: Box<str>,
    /// The name is declared, so that code can refer to it. An anonymous function is called after
    /// the place where it stands: `useEffect` in `useEffect(() => …)`.
    pub(crate) declared: bool,
    /// With the classes and functions around it: `Users.show`.
    pub(crate) qualified: Box<str>,
    pub(crate) params: Vec<Param>,
    pub(crate) decorators: Vec<ExprId>,
    pub(crate) class: Option<ClassId>,
    /// The words before it: `public`, `static`.
    pub(crate) marks: Vec<Box<str>>,
    /// It is called on its first parameter, as if it were a method of it.
    pub(crate) extension: bool,
    /// The name of the type that it is a method of, where it stands outside of it.
    pub(crate) receiver: Option<Box<str>>,
    pub(crate) parent: Option<FnId>,
    pub(crate) body: Option<ExprId>,
    pub(crate) span: Span,
    /// From the name to the end of the parameters, for showing.
    pub(crate) head: Span,
    pub(crate) return_type: Option<Box<str>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Class {
    pub(crate) name: Box<str>,
    /// As of a function.
    pub(crate) declared: bool,
    /// With the namespaces and classes around it: `App.Admin.Users`.
    pub(crate) qualified: Box<str>,
    pub(crate) bases: Vec<ExprId>,
    pub(crate) decorators: Vec<ExprId>,
    /// The words before it: `abstract`.
    pub(crate) marks: Vec<Box<str>>,
    /// It adds to a type that is declared elsewhere.
    pub(crate) extends: bool,
    pub(crate) parent: Option<ClassId>,
    pub(crate) body: Option<ExprId>,
    pub(crate) span: Span,
    pub(crate) head: Span,
}

/// An assignment, a declared field or a declared variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Assign {
    /// The target as an expression: a name, a member, a pattern.
    pub(crate) target: ExprId,
    /// The target's name if it is one.
    pub(crate) name: Option<Box<str>>,
    pub(crate) value: Option<ExprId>,
    pub(crate) ty: Option<Box<str>>,
    pub(crate) ty_expr: Option<ExprId>,
    pub(crate) decorators: Vec<ExprId>,
    /// The words before it: `private`, `static`.
    pub(crate) marks: Vec<Box<str>>,
    pub(crate) function: Option<FnId>,
    pub(crate) class: Option<ClassId>,
    /// `+=`: the target grows.
    pub(crate) extends: bool,
    /// The target is each item of the value in turn; with the place of a part of the item.
    pub(crate) each: bool,
    pub(crate) place: Option<usize>,
    /// The block outside of which the name means something else.
    pub(crate) block: Option<Span>,
    /// Gives a value to a variable that is declared elsewhere.
    pub(crate) given: bool,
    /// The block in which it is given.
    pub(crate) given_in: Option<Span>,
    pub(crate) span: Span,
}

/// One imported name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Import {
    /// The name it has in this file; `*` for everything.
    pub(crate) local: Box<str>,
    /// The module as written: `flask`, `..models`, `./routes/users`, `crate.api`.
    pub(crate) module: Box<str>,
    /// The name in that module; none for the module itself.
    pub(crate) symbol: Option<Box<str>>,
    /// Visible to others under the local name.
    pub(crate) exported: bool,
    pub(crate) span: Span,
}

/// The elements of one file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) exprs: Vec<Expr>,
    pub(crate) functions: Vec<Function>,
    pub(crate) classes: Vec<Class>,
    pub(crate) assigns: Vec<Assign>,
    pub(crate) imports: Vec<Import>,
    /// What the file hands out under which name; `default` for the module itself.
    pub(crate) exports: Vec<(Box<str>, ExprId)>,
    /// Statements that hand out what they declare.
    pub(crate) handed_out: Vec<Span>,
    /// Callees that are macros: their names are not those of functions.
    pub(crate) macro_calls: crate::hash::HashSet<ExprId>,
    pub(crate) macros: Vec<FnId>,
    /// Types that are handed to a callee.
    pub(crate) type_arguments: HashMap<ExprId, ExprId>,
    /// What stands before `::`: a module or a type, whatever variable has the same name.
    pub(crate) path_heads: crate::hash::HashSet<ExprId>,
    /// Names of decorators.
    pub(crate) decorator_names: crate::hash::HashSet<ExprId>,
    /// Calls that are written like a name.
    pub(crate) bare_calls: crate::hash::HashSet<ExprId>,
    /// Where the value stands that a condition, which is a pattern, is held against.
    pub(crate) held: crate::hash::HashMap<ExprId, Span>,
    /// Calls that give what they are made on: `user.clone()`.
    pub(crate) same_calls: crate::hash::HashSet<ExprId>,
    /// What runs where an error was raised.
    pub(crate) rescues: Vec<Span>,
    /// The namespace that the file's names are in.
    pub(crate) package: Box<str>,
    pub(crate) root: Option<ExprId>,
    /// Blocks that a call opens: the call's place and the block's.
    pub(crate) within: Vec<(Span, Span)>,
    pub(crate) tries: Vec<Try>,
    /// Lines (from 0) on which the text could not be parsed.
    pub(crate) broken: Vec<u32>,
    /// Nesting deeper than the bound was left out.
    pub(crate) too_deep: bool,
    /// What is looked for over and over; see [`Unit::index`].
    #[serde(skip)]
    pub(crate) found: Index,
}

/// Ids of a unit's expressions, in their order; skipping some takes no time.
#[derive(Clone, Debug)]
pub(crate) struct Ids(std::ops::Range<u32>);

impl Iterator for Ids {
    type Item = ExprId;

    fn next(&mut self) -> Option<ExprId> {
        self.0.next().map(ExprId)
    }

    fn nth(&mut self, n: usize) -> Option<ExprId> {
        self.0.nth(n).map(ExprId)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// Where things stand in a unit, so that a question about one function does not look through the
/// whole file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// By expression: the latest end of it and of all before it.
    latest: Vec<u32>,
    /// The expressions that end before one that stands before them.
    late: Vec<u32>,
    /// Assignments by the name of their target, in source order.
    named: HashMap<Box<str>, Vec<u32>>,
    /// Assignments whose target is no name.
    unnamed: Vec<u32>,
    /// Assignments by their value.
    valued: HashMap<ExprId, Vec<u32>>,
    /// Conditions with what they choose.
    branches: Vec<ExprId>,
}

/// A block whose errors are caught.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Try {
    pub(crate) body: Span,
    pub(crate) clauses: Vec<Clause>,
}

/// What is done with an error.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Clause {
    /// What is caught stands here.
    pub(crate) head: Span,
    pub(crate) body: Span,
    /// Whatever it is.
    pub(crate) all: bool,
    /// It leaves the place or remembers something.
    pub(crate) matters: bool,
}

impl Unit {
    pub(crate) fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize]
    }

    pub(crate) fn kind(&self, id: ExprId) -> &ExprKind {
        &self.exprs[id.0 as usize].kind
    }

    pub(crate) fn function(&self, id: FnId) -> &Function {
        &self.functions[id.0 as usize]
    }

    pub(crate) fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.0 as usize]
    }

    /// The elements as bytes, for a cache.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_allocvec(self).ok()
    }

    /// Elements that [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut unit: Self = postcard::from_bytes(bytes).ok()?;
        unit.index();
        Some(unit)
    }

    /// Makes the index, when all elements are there.
    pub(crate) fn index(&mut self) {
        let ends = self.exprs.iter().map(|expr| expr.span.end);
        let ends: Vec<u32> = ends.collect();
        let mut found = Index {
            latest: ends.clone(),
            late: Vec::new(),
            ..Index::default()
        };
        for at in 1..found.latest.len() {
            found.latest[at] = found.latest[at].max(found.latest[at - 1]);
        }
        let late = ends.iter().zip(&found.latest).enumerate();
        let late = late.filter(|(_, (end, latest))| end < latest);
        found.late = late.map(|(at, _)| at as u32).collect();
        for (at, assign) in self.assigns.iter().enumerate() {
            let at = at as u32;
            match &assign.name {
                Some(name) => found.named.entry(name.clone()).or_default().push(at),
                None => found.unnamed.push(at),
            }
            if let Some(value) = assign.value {
                found.valued.entry(value).or_default().push(at);
            }
        }
        let branches = self.ids().filter(|id| {
            let kind = self.kind(*id);
            matches!(kind, ExprKind::Branch { .. })
        });
        found.branches = branches.collect();
        self.found = found;
    }

    /// The assignments to a name, in source order.
    pub(crate) fn assigns_to(&self, name: &str) -> impl DoubleEndedIterator<Item = &Assign> {
        let found = self.found.named.get(name);
        let found = found.map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|at| &self.assigns[*at as usize])
    }

    /// The assignments to what is no name, in source order.
    pub(crate) fn assigns_to_others(&self) -> impl Iterator<Item = &Assign> {
        let found = self.found.unnamed.iter();
        found.map(|at| &self.assigns[*at as usize])
    }

    /// The assignments of a value, in source order.
    pub(crate) fn assigns_of(&self, value: ExprId) -> impl Iterator<Item = &Assign> {
        let found = self.found.valued.get(&value);
        let found = found.map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|at| &self.assigns[*at as usize])
    }

    /// All conditions, in source order.
    pub(crate) fn branches(&self) -> impl Iterator<Item = ExprId> {
        self.found.branches.iter().copied()
    }

    /// All expressions, in source order.
    pub(crate) fn ids(&self) -> Ids {
        Ids(0..self.exprs.len() as u32)
    }

    /// The expression as a dotted path, if it is made of names and members only:
    /// `self.router`, `web.get`. A call or anything else inside gives none.
    pub(crate) fn path(&self, id: ExprId) -> Option<String> {
        match self.kind(id) {
            ExprKind::Name(name) => Some(name.to_string()),
            ExprKind::Member { object, property } => {
                let mut path = self.path(*object)?;
                path.push('.');
                path.push_str(property);
                Some(path)
            }
            ExprKind::Await(inner) => self.path(*inner),
            ExprKind::Call { callee, .. } if self.bare_calls.contains(&id) => self.path(*callee),
            _ => None,
        }
    }

    /// The namespace of the place: that of the file, or the innermost class around.
    pub(crate) fn namespace(&self, at: u32) -> &str {
        let around = self.classes.iter().rev().find(|class| {
            // The bases stand outside.
            class.body.is_some_and(|body| {
                let span = self.expr(body).span;
                span.start <= at && at < span.end
            })
        });
        around.map_or(&self.package, |class| &class.qualified)
    }

    /// The last name of a callee: `get` in `router.get`, `f(x).get`.
    pub(crate) fn last_name(&self, id: ExprId) -> Option<&str> {
        match self.kind(id) {
            ExprKind::Name(name) => Some(name),
            ExprKind::Member { property, .. } => Some(property),
            ExprKind::Await(inner) => self.last_name(*inner),
            ExprKind::Index { object, .. } => self.last_name(*object),
            ExprKind::Call { callee, .. } if self.bare_calls.contains(&id) => {
                self.last_name(*callee)
            }
            _ => None,
        }
    }

    /// The literal text of a string, without following names.
    pub(crate) fn literal(&self, id: ExprId) -> Option<&str> {
        match self.kind(id) {
            ExprKind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Direct children, in source order; functions and classes are not entered.
    pub(crate) fn children(&self, id: ExprId) -> Vec<ExprId> {
        match self.kind(id) {
            ExprKind::Name(_)
            | ExprKind::Str(_)
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::Null
            | ExprKind::Function(_)
            | ExprKind::Class(_) => Vec::new(),
            ExprKind::Member { object, .. } => vec![*object],
            ExprKind::Index { object, index } => {
                let mut all = vec![*object];
                all.extend(index);
                all
            }
            ExprKind::Call { callee, args } => {
                let mut all = vec![*callee];
                all.extend(args.iter().map(|arg| arg.value));
                all
            }
            ExprKind::Template(parts)
            | ExprKind::List(parts)
            | ExprKind::Block(parts)
            | ExprKind::Other(parts) => parts.clone(),
            ExprKind::Map(pairs) => pairs.iter().flat_map(|(k, v)| [*k, *v]).collect(),
            ExprKind::Binary { left, right, .. } => vec![*left, *right],
            ExprKind::Unary { value, .. } | ExprKind::Await(value) => vec![*value],
            ExprKind::Assign(index) => {
                let assign = &self.assigns[*index as usize];
                let mut all = vec![assign.target];
                all.extend(assign.value);
                all
            }
            ExprKind::Branch {
                condition,
                then,
                otherwise,
            } => {
                let mut all = vec![*condition, *then];
                all.extend(otherwise);
                all
            }
            ExprKind::Exit { value, .. } => value.iter().copied().collect(),
        }
    }

    /// Everything below `id` and `id` itself, in source order; functions and classes inside are
    /// not entered.
    pub(crate) fn descendants(&self, id: ExprId) -> Vec<ExprId> {
        let mut all = Vec::new();
        let mut stack = vec![id];
        while let Some(next) = stack.pop() {
            all.push(next);
            let mut children = self.children(next);
            children.reverse();
            stack.extend(children);
        }
        all
    }

    /// All of a function's expressions, including those of functions inside it.
    pub(crate) fn inside(&self, span: Span) -> impl Iterator<Item = ExprId> {
        // What ends first stands first, but for a few elements that are put in later.
        let Index { latest, late, .. } = &self.found;
        let first = latest.partition_point(|end| *end < span.start) as u32;
        let behind = latest.partition_point(|end| *end <= span.end) as u32;
        let late = &late[late.partition_point(|at| *at < behind)..];
        let all = (first..behind).chain(late.iter().copied());
        all.map(ExprId).filter(move |id| {
            let at = self.expr(*id).span;
            at.start >= span.start && at.end <= span.end
        })
    }
}
