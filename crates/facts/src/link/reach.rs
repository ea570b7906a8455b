//! Which routers a prefix for everything reaches, where it is said by the namespaces of what
//! answers: `config.packages("shop.api")`, handed on until it is put under a path.

use super::select::Matched;
use super::*;

/// Expressions that are followed from one place.
const MAX_STEPS: usize = 400;

/// A prefix for everything of a framework.
#[derive(Clone, Debug)]
pub(super) struct Prefix {
    pub(super) framework: usize,
    pub(super) path: PathText,
    /// Only what these namespaces hold; nothing said is everything.
    pub(super) namespaces: Vec<String>,
    pub(super) file: FileId,
    pub(super) span: Span,
}

impl Linker<'_> {
    /// Whether a prefix stands before the routes of a router.
    pub(super) fn under(&self, prefix: &Prefix, router: &Router) -> bool {
        if prefix.framework != router.framework {
            return false;
        }
        let package = self.project.parsed(router.file).unit.package.clone();
        prefix.namespaces.is_empty()
            || prefix.namespaces.iter().any(|name| {
                let rest = package.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    }

    /// What an expression is made of, through the variables that it names.
    fn made_of(&self, file: FileId, id: ExprId) -> Vec<ExprId> {
        let parsed = self.project.parsed(file);
        let unit = &parsed.unit;
        let mut all = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for inner in std::iter::once(id).chain(unit.descendants(id)) {
                if all.contains(&inner) || all.len() > MAX_STEPS {
                    continue;
                }
                all.push(inner);
                let ExprKind::Name(name) = unit.kind(inner) else {
                    continue;
                };
                let expr = unit.expr(inner);
                let target = self
                    .project
                    .lookup(file, name, expr.function, expr.span.start);
                if let crate::project::Target::Assign(at, index) = target
                    && at == file
                    && let Some(value) = unit.assigns[index as usize].value
                {
                    open.push(value);
                }
            }
        }
        all
    }

    /// Whether a call of such a name is on the way to what a rule matched.
    pub(super) fn comes_through(&self, matched: &Matched, names: &[String]) -> bool {
        let Some(first) = matched.args.first().filter(|_| !names.is_empty()) else {
            return names.is_empty();
        };
        let parsed = self.project.parsed(matched.file);
        self.made_of(matched.file, first.value)
            .into_iter()
            .any(|id| match parsed.unit.kind(id) {
                ExprKind::Call { callee, .. } => {
                    let last = parsed.unit.last_name(*callee);
                    last.is_some_and(|last| names.iter().any(|name| name == last))
                }
                _ => false,
            })
    }

    /// The namespaces that are handed to calls of these names on the way to what a rule matched;
    /// an object of a class of the repository stands for the namespace of its class.
    pub(super) fn namespaces(&self, matched: &Matched, names: &[String]) -> Vec<String> {
        let Some(first) = matched.args.first().filter(|_| !names.is_empty()) else {
            return Vec::new();
        };
        let parsed = self.project.parsed(matched.file);
        let unit = &parsed.unit;
        let made_of = self.made_of(matched.file, first.value);
        let variables: HashSet<&str> = made_of
            .iter()
            .filter_map(|id| match unit.kind(*id) {
                ExprKind::Name(name) => Some(&**name),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        for id in unit.ids() {
            let ExprKind::Call { callee, args } = unit.kind(id) else {
                continue;
            };
            let named = unit
                .last_name(*callee)
                .is_some_and(|last| names.iter().any(|name| name == last));
            let on_variable = match unit.kind(*callee) {
                ExprKind::Member { object, .. } => match unit.kind(*object) {
                    ExprKind::Name(name) => variables.contains(&**name),
                    _ => made_of.contains(object),
                },
                _ => false,
            };
            if named && on_variable {
                let texts = args
                    .iter()
                    .filter_map(|arg| self.word(matched.file, arg.value));
                found.extend(texts);
            }
        }
        if !found.is_empty() {
            return found;
        }
        for id in made_of {
            let ExprKind::Call { callee, .. } = unit.kind(id) else {
                continue;
            };
            if let Value::Class(at, _) = self.eval(matched.file, *callee) {
                let package = self.project.parsed(at).unit.package.to_string();
                if !package.is_empty() {
                    found.push(package);
                }
            }
        }
        found
    }
}
