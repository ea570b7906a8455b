//! The names around an expression: what they say about its purpose. A random number is a token
//! when it is assigned to `reset_token`, handed on as `token=`, or made in `generate_token`.

use crate::element::*;
use crate::rule::wild;
use crate::sensitivity::split;

/// Parents of an expression are looked for among this many expressions behind it.
const MAX_SCAN: usize = 4096;

/// The names around an expression.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// Each as its words, lower case and singular.
    names: Vec<Vec<String>>,
    /// The class and the method around it.
    method: Option<(Vec<String>, Vec<String>)>,
}

impl Around {
    /// Collects the names around an expression: the function that it stands in, the variable,
    /// key or keyword that it is given to, the functions it is handed to, and the text that it
    /// becomes a part of.
    pub(crate) fn new(unit: &Unit, id: ExprId) -> Self {
        let mut around = Self::default();
        let at = unit.expr(id);
        let mut function = at.function;
        while let Some(outer) = function {
            let element = unit.function(outer);
            if !element.name.is_empty() {
                around.add(&element.name);
                if let Some((class, _)) = element.qualified.rsplit_once('.') {
                    around.method = Some((split(class), split(&element.name)));
                }
            }
            // A block that a call opens is named after the call: the method around tells more.
            if element.declared || element.parent.is_none() {
                break;
            }
            function = element.parent;
        }
        let holds = |outer: ExprId| {
            let span = unit.expr(outer).span;
            span.start <= at.span.start && span.end >= at.span.end
        };
        // Parents follow their children in the arena.
        let parents = unit.ids().skip(id.0 as usize + 1).take(MAX_SCAN);
        for parent in parents.filter(|parent| unit.expr(*parent).function == at.function) {
            match unit.kind(parent) {
                ExprKind::Assign(index) => {
                    let assign = &unit.assigns[*index as usize];
                    if assign.value.is_some_and(holds) {
                        match unit.kind(assign.target) {
                            ExprKind::Index { index, .. } => {
                                let key = index.first().and_then(|key| unit.literal(*key));
                                key.into_iter().for_each(|key| around.add(key));
                            }
                            _ => {
                                let name = unit.last_name(assign.target);
                                name.into_iter().for_each(|name| around.add(name));
                            }
                        }
                    }
                }
                ExprKind::Call { callee, args } => {
                    for arg in args.iter().filter(|arg| holds(arg.value)) {
                        arg.name.iter().for_each(|name| around.add(name));
                        match unit.path(*callee) {
                            Some(path) => path.split('.').for_each(|name| around.add(name)),
                            None => {
                                let name = unit.last_name(*callee);
                                name.into_iter().for_each(|name| around.add(name));
                            }
                        }
                    }
                }
                ExprKind::Map(pairs) => {
                    for (key, _) in pairs.iter().filter(|(_, value)| holds(*value)) {
                        if let ExprKind::Name(name) | ExprKind::Str(name) = unit.kind(*key) {
                            around.add(name);
                        }
                    }
                }
                ExprKind::Template(parts) if holds(parent) => {
                    for text in parts.iter().filter_map(|part| unit.literal(*part)) {
                        around.add(text);
                    }
                }
                ExprKind::Binary { op, left, right } if &**op == "+" && holds(parent) => {
                    for text in [left, right].iter().filter_map(|part| unit.literal(**part)) {
                        around.add(text);
                    }
                }
                _ => {}
            }
        }
        around
    }

    /// Adds the class around.
    pub(crate) fn with_class(&mut self) {
        if let Some((class, _)) = &self.method {
            self.names.push(class.clone());
        }
    }

    /// The names in what a call, or the calls of a chain, are handed.
    pub(crate) fn handed(unit: &Unit, id: ExprId) -> Self {
        let mut handed = Self::default();
        let mut next = Some(id);
        // The calls further along the chain: `createHash("md5").update(password)`.
        while let Some(call) = next {
            if let ExprKind::Call { args, .. } = unit.kind(call) {
                let all = args.iter().flat_map(|arg| unit.descendants(arg.value));
                for inner in all {
                    if let ExprKind::Name(name) | ExprKind::Member { property: name, .. } =
                        unit.kind(inner)
                    {
                        handed.add(name);
                    }
                }
            }
            next = behind(unit, call);
        }
        handed
    }

    fn add(&mut self, name: &str) {
        self.names.push(split(name));
    }

    /// Whether one of the names is like one of the patterns. A pattern is words that follow one
    /// another in the name (`session id`), `*` standing for any letters of a word;
    /// `token.generate` asks for words of the class and of its method.
    pub(crate) fn is_like(&self, patterns: &[String]) -> bool {
        patterns
            .iter()
            .any(|pattern| match pattern.split_once('.') {
                Some((class, method)) => {
                    self.method.as_ref().is_some_and(|(in_class, in_method)| {
                        contains(in_class, class) && contains(in_method, method)
                    })
                }
                None => self.names.iter().any(|name| contains(name, pattern)),
            })
    }
}

/// The call of a member of what a call gave.
fn behind(unit: &Unit, call: ExprId) -> Option<ExprId> {
    // What surrounds an expression comes soon after it.
    let near = unit.ids().skip(call.0 as usize + 1).take(64);
    let mut member = None;
    for id in near {
        match unit.kind(id) {
            ExprKind::Member { object, .. } if *object == call => member = Some(id),
            ExprKind::Call { callee, .. } if Some(*callee) == member => return Some(id),
            _ => {}
        }
    }
    None
}

/// Whether words of a name follow one another as in the pattern.
pub(crate) fn contains(name: &[String], pattern: &str) -> bool {
    let wanted: Vec<&str> = pattern.split_whitespace().collect();
    name.windows(wanted.len().max(1)).any(|words| {
        let pairs = words.iter().zip(&wanted);
        pairs.len() == wanted.len() && pairs.into_iter().all(|(word, like)| wild(like, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_name_count_not_letters() {
        let check = |name: &str, pattern: &str, expected: bool| {
            assert_eq!(
                contains(&split(name), pattern),
                expected,
                "{name} {pattern}"
            );
        };
        check("resetToken", "token", true);
        check("RESET_TOKENS", "token", true);
        check("tokenizer", "token", false);
        check("sessionId", "session id", true);
        check("session_timeout", "session id", false);
        check("createPassword", "pass*", true);
    }
}
