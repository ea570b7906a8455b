//! Guards that hang on methods which answer no request themselves: of a service, of an interface.

use std::collections::BTreeSet;

use crate::check::{self, Told};
use crate::element::*;
use crate::fact::{Attributes, Confidence, Fact};
use crate::link::{Classified, Linker};
use crate::local::Site;
use crate::rule::GuardKind;
use crate::text::digest;

/// Adds a check for each guard on a method or on a class whose methods answer nothing.
pub(crate) fn extract(linker: &Linker<'_>, site: &Site<'_>, facts: &mut Vec<Fact>) {
    if !linker.project.language(site.file).method_guards {
        return;
    }
    let parsed = linker.project.parsed(site.file);
    let unit = &parsed.unit;
    let mut answering: BTreeSet<ClassId> = BTreeSet::new();
    for (at, function) in unit.functions.iter().enumerate() {
        if linker.is_handler(site.file, FnId(at as u32)) {
            answering.extend(function.class);
        }
    }
    let functions = unit.functions.iter().enumerate();
    let functions = functions.filter(|(at, function)| {
        function.declared && !linker.is_handler(site.file, FnId(*at as u32))
    });
    let functions = functions.map(|(_, one)| (&*one.qualified, &one.decorators));
    let classes = unit.classes.iter().enumerate();
    let classes = classes.filter(|(at, _)| !answering.contains(&ClassId(*at as u32)));
    let classes = classes.map(|(_, one)| (&*one.name, &one.decorators));
    for (subject, decorators) in functions.chain(classes) {
        for decorator in decorators {
            for guard in linker.decorator_guards(site.file, *decorator, "handler") {
                let Classified::Guard { kind, heuristic } = guard.class else {
                    continue;
                };
                if !matches!(kind, GuardKind::Authentication | GuardKind::Authorization) {
                    continue;
                }
                let name = guard.text.split('(').next().unwrap_or_default();
                let told = Told {
                    subject,
                    callee: name,
                    call: &guard.text,
                    same: &digest(&guard.text),
                    rule: "method-guard",
                    span: unit.expr(*decorator).span,
                };
                let mut fact = check::fact(site, &told, Attributes::new());
                if !heuristic {
                    fact.confidence = Confidence::Resolved;
                }
                facts.push(fact);
            }
        }
    }
}
