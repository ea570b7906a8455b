//! Guards that an option of the call turns on: `toggle(&Options{SignedIn: true})`.

use super::*;

/// Whether the code below a condition runs for one call.
#[derive(Clone, Copy, PartialEq)]
enum Runs {
    Yes,
    No,
    /// A setting says so.
    Perhaps,
}

impl Linker<'_> {
    /// What the options of a call make of a function that denies below a condition on them;
    /// `None` where nothing hangs on them.
    pub(super) fn by_options(
        &self,
        file: FileId,
        args: &[Arg],
        target: (FileId, FnId),
        text: &str,
    ) -> Option<Classified> {
        let parsed = self.project.parsed(target.0);
        let unit = &parsed.unit;
        let span = unit.function(target.1).span;
        let (mut off, mut open) = (Vec::new(), Vec::new());
        let mut names: Vec<String> = Vec::new();
        for id in unit.inside(span) {
            let ExprKind::Branch {
                condition, then, ..
            } = unit.kind(id)
            else {
                continue;
            };
            let below = unit.expr(*then).span;
            match self.runs(file, args, target, *condition) {
                Some((Runs::No, _)) => off.push(below),
                Some((Runs::Perhaps, name)) => {
                    open.push(below);
                    names.push(name);
                }
                Some((Runs::Yes, _)) | None => {}
            }
        }
        if off.is_empty() && open.is_empty() {
            return None;
        }
        let without_open = [&off[..], &open[..]].concat();
        if self.denies_outside(target.0, target.1, &without_open) {
            return None;
        }
        if self.denies_outside(target.0, target.1, &off) {
            let name = names.first().map(String::as_str).unwrap_or_default();
            return Some(Classified::Unknown(format!(
                "whether `{text}` has `{name}` set"
            )));
        }
        Some(Classified::Not)
    }

    /// Whether what stands below a condition on an option of this call runs.
    fn runs(
        &self,
        file: FileId,
        args: &[Arg],
        target: (FileId, FnId),
        condition: ExprId,
    ) -> Option<(Runs, String)> {
        let parsed = self.project.parsed(target.0);
        let unit = &parsed.unit;
        match unit.kind(condition) {
            ExprKind::Binary { op, left, right } if matches!(&**op, "&&" | "and") => {
                let all = [*left, *right].map(|side| self.runs(file, args, target, side));
                let no = all.iter().flatten().find(|(runs, _)| *runs == Runs::No);
                no.or(all.iter().flatten().next()).cloned()
            }
            ExprKind::Member { object, property } => {
                let Value::Param(at, function, index) = self.eval(target.0, *object) else {
                    return None;
                };
                if (at, function) != target {
                    return None;
                }
                let options = args.get(index)?.value;
                let runs = self.option(file, options, property)?;
                Some((runs, property.to_string()))
            }
            ExprKind::Name(name) => {
                let Value::Param(at, function, index) = self.eval(target.0, condition) else {
                    return None;
                };
                if (at, function) != target {
                    return None;
                }
                let value = args.get(index)?.value;
                Some((self.truth(file, value), name.to_string()))
            }
            _ => None,
        }
    }

    /// An option that a call is handed in a value of a type: `&Options{SignedIn: true}`.
    fn option(&self, file: FileId, options: ExprId, name: &str) -> Option<Runs> {
        let parsed = self.project.parsed(file);
        match parsed.unit.kind(options) {
            ExprKind::Unary { value, .. } => self.option(file, *value, name),
            ExprKind::Call { args, .. } if args.iter().all(|arg| arg.name.is_some()) => {
                let mut args = args.iter();
                let found = args.find(|arg| arg.name.as_deref() == Some(name));
                Some(found.map_or(Runs::No, |arg| self.truth(file, arg.value)))
            }
            _ => None,
        }
    }

    fn truth(&self, file: FileId, id: ExprId) -> Runs {
        match self.project.parsed(file).unit.kind(id) {
            ExprKind::Bool(true) => Runs::Yes,
            ExprKind::Bool(false) => Runs::No,
            _ => Runs::Perhaps,
        }
    }
}
