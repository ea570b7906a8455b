//! Digests of functions, which formatting and comments do not change: what a sign-off is bound to.

use crate::engine::{Engine, MAX_SOURCE};
use crate::text::{digest, plain};
use crate::walk::walk;

/// A function of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// With the classes and functions around it: `Users.show`.
    pub qualified: String,
    /// First byte, decorators included.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Of decorators, parameters and body.
    pub digest: String,
}

impl Engine {
    /// The functions of a source file in the order of their text; none of a file that is no source.
    pub fn functions(&self, path: &str, text: &str) -> Vec<Code> {
        let Some(language) = self.languages.of(path) else {
            return Vec::new();
        };
        if text.len() > MAX_SOURCE {
            return Vec::new();
        }
        let language = self.languages.get(language);
        let Some(unit) = walk(language, text) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for function in &unit.functions {
            let mut words = Vec::new();
            let mut start = function.span.start;
            for decorator in &function.decorators {
                start = start.min(unit.expr(*decorator).span.start);
                words.push(plain(&unit, *decorator, &language.self_names));
            }
            for param in &function.params {
                let ty = param.ty.as_deref().unwrap_or_default();
                words.push(format!("{}: {ty}", param.name));
                words.extend(
                    param
                        .default
                        .map(|id| plain(&unit, id, &language.self_names)),
                );
            }
            words.extend(
                function
                    .body
                    .map(|id| plain(&unit, id, &language.self_names)),
            );
            all.push(Code {
                qualified: function.qualified.to_string(),
                start: start as usize,
                end: function.span.end as usize,
                digest: digest(&words.join("\n")),
            });
        }
        all.sort_by_key(|code| (code.start, code.end));
        all
    }
}
