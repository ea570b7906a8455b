//! Views that a decorator files under something, and routers that gather them:
//! `@register_model_view(Site, "peers")` and `include(get_model_urls("dcim", "site"))`.

use super::*;

/// A class that a decorator filed.
pub(super) struct Filed {
    /// The decorator's rule and place.
    rule: usize,
    file: FileId,
    decorator: ExprId,
    view: (FileId, ClassId),
    /// The class that it is filed under.
    under: Option<(FileId, ClassId)>,
    words: BTreeSet<String>,
}

impl Linker<'_> {
    /// The words that selectors pick; a class is known by its name and the folders of its file.
    fn filing_words(
        &self,
        matched: &Matched,
        selectors: &[crate::rule::Selector],
    ) -> BTreeSet<String> {
        let mut words = BTreeSet::new();
        let mut add = |word: &str| {
            words.insert(word.to_ascii_lowercase());
        };
        let folders = |file: FileId| -> Vec<String> {
            let path = self.project.path(file);
            let stem = path.rsplit_once('.').map_or(&*path, |(stem, _)| stem);
            stem.split('/').map(str::to_owned).collect()
        };
        for selector in selectors {
            for (file, id) in self.exprs(matched, std::slice::from_ref(selector)) {
                match self.eval(file, id) {
                    Value::Str(text) => add(&text),
                    Value::Class(at, class) => {
                        add(&self.project.parsed(at).unit.class(class).name);
                        folders(at).iter().for_each(|folder| add(folder));
                    }
                    _ => {
                        let parsed = self.project.parsed(file);
                        parsed.unit.last_name(id).into_iter().for_each(&mut add);
                        folders(file).iter().for_each(|folder| add(folder));
                    }
                }
            }
        }
        words
    }

    fn filed(&self) -> &[Filed] {
        self.filed.get_or_init(|| {
            let mut all = Vec::new();
            for file in (0..self.project.len()).map(|file| FileId(file as u32)) {
                let parsed = self.project.parsed(file);
                let unit = &parsed.unit;
                for (index, class) in unit.classes.iter().enumerate() {
                    let view = (file, ClassId(index as u32));
                    for decorator in &class.decorators {
                        self.file_view(file, *decorator, view, &mut all);
                    }
                }
                // `register_model_view(Port, "trace")(Trace)`
                for id in unit.ids() {
                    if let ExprKind::Call { callee, args } = unit.kind(id)
                        && matches!(unit.kind(*callee), ExprKind::Call { .. })
                        && let [only] = &args[..]
                        && let Value::Class(at, class) = self.eval(file, only.value)
                    {
                        self.file_view(file, *callee, (at, class), &mut all);
                    }
                }
            }
            all
        })
    }

    fn file_view(
        &self,
        file: FileId,
        decorator: ExprId,
        view: (FileId, ClassId),
        all: &mut Vec<Filed>,
    ) {
        let parsed = self.project.parsed(file);
        let matched = self.matched(file, decorator);
        let Some(callee) = matched.callee else { return };
        let last = parsed.unit.last_name(callee).unwrap_or_default();
        for (rule, pattern) in self.index(file).decorators.candidates(last) {
            let loaded = self.rule(rule);
            if loaded.rule.link == Some(Link::Route)
                && !loaded.rule.filed.is_empty()
                && self
                    .name_of(file, callee)
                    .is_some_and(|name| loaded.patterns[pattern].matches(&name))
                && self.holds(&matched, &loaded.rule.constraints)
            {
                let under = self.exprs(&matched, &loaded.rule.filed).into_iter().next();
                let under = under.and_then(|(at, id)| match self.eval(at, id) {
                    Value::Class(at, class) => Some((at, class)),
                    _ => None,
                });
                all.push(Filed {
                    rule,
                    file,
                    decorator,
                    view,
                    under,
                    words: self.filing_words(&matched, &loaded.rule.filed),
                });
            }
        }
    }

    /// Hangs what was filed under the words of a call onto the router that the call makes, and
    /// what belongs to every class of a kind that something was filed under.
    pub(super) fn gather(&self, router: RouterId, rule_id: usize, matched: &Matched) {
        let rule = &self.rule(rule_id).rule;
        if rule.gathers.is_empty() {
            return;
        }
        let wanted = self.filing_words(matched, &rule.filed);
        if wanted.is_empty() {
            return;
        }
        let mut under = None;
        for filed in self.filed() {
            if !wanted.is_subset(&filed.words) {
                continue;
            }
            under = under.or(filed.under);
            if rule.gathers.contains(&self.rule(filed.rule).rule.id) {
                let at = self.matched(filed.file, filed.decorator);
                let unit = &self.project.parsed(filed.file).unit;
                let span = unit.expr(filed.decorator).span;
                let (view_file, view) = filed.view;
                let handler = Handler::Class(view_file, view);
                self.add_route(router, filed.rule, &at, span, Some(handler));
            }
        }
        let Some((file, class)) = under else { return };
        let span = self.project.parsed(file).unit.class(class).span;
        for (of_kind, loaded) in self.rules.all.iter().enumerate() {
            if loaded.rule.class.is_empty()
                || !rule.gathers.contains(&loaded.rule.id)
                || !self.derives_from(file, class, &loaded.patterns, 0)
            {
                continue;
            }
            let at = Matched {
                file,
                callee: None,
                args: Vec::new(),
                value: None,
            };
            let path = self.texts(&at, &loaded.rule.loads).join(".");
            if let Some(Value::Class(view_file, view)) = self.named_item(&path) {
                let handler = Handler::Class(view_file, view);
                self.add_route(router, of_kind, &at, span, Some(handler));
            }
        }
    }
}
