//! Imports and exports, in the few shapes that languages give them.

use tree_sitter::Node as Tree;

use super::Walker;
use crate::element::*;
use crate::language::{ModuleStyle, Node};

impl Walker<'_> {
    fn import(
        &mut self,
        node: Tree<'_>,
        local: &str,
        module: &str,
        symbol: Option<&str>,
        exported: bool,
    ) {
        self.unit.imports.push(Import {
            local: local.into(),
            module: module.into(),
            symbol: symbol.map(Into::into),
            exported,
            span: self.span(node),
        });
    }

    /// Names of another namespace or package: the last part of the path is the name here, unless
    /// an alias stands beside it. With a body the path is the prefix of what stands there.
    pub(super) fn import_names(&mut self, node: Tree<'_>, shape: &Node) {
        let of_folders = self
            .language
            .modules
            .as_ref()
            .is_some_and(|modules| modules.style == ModuleStyle::Folder);
        let path_of = |text: &str| {
            let text = text.trim_matches(['"', '`', ' ']);
            if of_folders {
                text.to_owned()
            } else {
                super::dotted(text)
            }
        };
        let prefix = self
            .part(node, &shape.module)
            .map(|part| path_of(self.text(part)));
        if !shape.names.is_empty() {
            let list = self.part(node, &shape.body).unwrap_or(node);
            let prefix = prefix.filter(|_| list.id() != node.id());
            for child in self.named(list) {
                if !shape.names.iter().any(|kind| kind == child.kind()) {
                    continue;
                }
                let Some(inner) = self.shape(child) else {
                    continue;
                };
                let own = self.part(child, &inner.module);
                let own = own.map(|part| path_of(self.text(part))).unwrap_or_default();
                let path = match &prefix {
                    Some(prefix) => format!("{prefix}.{own}"),
                    None => own,
                };
                let alias = self.part(child, &inner.name).map(|part| self.text(part));
                self.import_path(child, &path, alias);
            }
            return;
        }
        let Some(path) = prefix else { return };
        let alias = self.part(node, &shape.name);
        let mut cursor = node.walk();
        let star = node
            .named_children(&mut cursor)
            .any(|child| shape.wildcard.iter().any(|kind| kind == child.kind()))
            || shape.star && alias.is_none()
            || self.text(node).trim_end_matches([';', ' ']).ends_with(".*");
        if star {
            self.import(node, "*", &path, None, false);
            return;
        }
        let alias = alias.map(|part| self.text(part));
        if of_folders {
            // A version at the end is no name: `github.com/go-chi/chi/v5`.
            let mut words = path.rsplit('/');
            let last = words.next().unwrap_or_default();
            let version = last
                .strip_prefix('v')
                .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()) && !rest.is_empty());
            let name = match version {
                true => words.next().unwrap_or(last),
                false => last,
            };
            // `gopkg.in/yaml.v3`, `github.com/x/go-y`
            let name = name.split('.').next().unwrap_or(name);
            let name = name.strip_prefix("go-").unwrap_or(name);
            self.import(node, alias.unwrap_or(name), &path, None, false);
            return;
        }
        self.import_path(node, &path, alias);
    }

    fn import_path(&mut self, node: Tree<'_>, path: &str, alias: Option<&str>) {
        let last = path.rsplit('.').next().unwrap_or(path).to_owned();
        self.use_path(node, alias.unwrap_or(&last), path, false);
    }

    /// `import a.b as c, d`
    pub(super) fn import_modules(&mut self, node: Tree<'_>, shape: &Node) {
        for child in self.named(node) {
            if shape.names.iter().any(|kind| kind == child.kind()) {
                let name = self.text(child);
                // `import a.b` binds `a`; a later `a.b.f` is followed from there.
                let first = name.split('.').next().unwrap_or(name);
                self.import(child, first, first, None, false);
            } else if shape.alias.iter().any(|kind| kind == child.kind()) {
                let name = child
                    .child_by_field_name("name")
                    .map(|part| self.text(part))
                    .unwrap_or_default();
                let alias = child
                    .child_by_field_name("alias")
                    .map(|part| self.text(part))
                    .unwrap_or_default();
                self.import(child, alias, name, None, false);
            }
        }
    }

    /// `from a import b as c, d`
    pub(super) fn import_from(&mut self, node: Tree<'_>, shape: &Node) {
        let Some(module_node) = self.part(node, &shape.module) else {
            return;
        };
        let module = self.text(module_node);
        for child in self.named(node) {
            if child.id() == module_node.id() {
                continue;
            }
            if shape.names.iter().any(|kind| kind == child.kind()) {
                let name = self.text(child);
                self.import(child, name, module, Some(name), true);
            } else if shape.alias.iter().any(|kind| kind == child.kind()) {
                let name = child
                    .child_by_field_name("name")
                    .map(|part| self.text(part))
                    .unwrap_or_default();
                let alias = child
                    .child_by_field_name("alias")
                    .map(|part| self.text(part))
                    .unwrap_or_default();
                self.import(child, alias, module, Some(name), true);
            } else if shape.wildcard.iter().any(|kind| kind == child.kind()) {
                self.import(child, "*", module, None, true);
            }
        }
    }

    fn module_text(&self, node: Tree<'_>) -> Option<String> {
        let source = node.child_by_field_name("source")?;
        Some(self.text(source).trim_matches(['"', '\'', '`']).to_owned())
    }

    /// `import d, { a as b }, * as ns from "m"`
    pub(super) fn import_es(&mut self, node: Tree<'_>) {
        let module = self.module_text(node);
        for clause in self.named(node) {
            match clause.kind() {
                "import_clause" => {
                    let Some(module) = module.as_deref() else {
                        continue;
                    };
                    for child in self.named(clause) {
                        match child.kind() {
                            "identifier" => {
                                self.import(child, self.text(child), module, Some("default"), false)
                            }
                            "namespace_import" => {
                                if let Some(name) = self.named(child).first() {
                                    self.import(child, self.text(*name), module, None, false);
                                }
                            }
                            "named_imports" => {
                                for specifier in self.named(child) {
                                    self.specifier(specifier, module, false);
                                }
                            }
                            _ => {}
                        }
                    }
                }
                "import_require_clause" => {
                    if let (Some(name), Some(module)) =
                        (self.named(clause).first(), self.module_text(clause))
                    {
                        self.import(clause, self.text(*name), &module, None, false);
                    }
                }
                _ => {}
            }
        }
    }

    fn specifier(&mut self, node: Tree<'_>, module: &str, exported: bool) {
        let Some(name) = node.child_by_field_name("name") else {
            return;
        };
        let alias = node.child_by_field_name("alias").unwrap_or(name);
        self.import(
            node,
            self.text(alias),
            module,
            Some(self.text(name)),
            exported,
        );
    }

    /// `export { a } from "m"`, `export * from "m"`, `export default x`, `export const a = …`
    pub(super) fn export_es(&mut self, node: Tree<'_>) -> Option<ExprId> {
        let module = self.module_text(node);
        let mut clause = None;
        let mut last = None;
        let mut children = Vec::new();
        for child in self.named(node) {
            if child.kind() == "export_clause" || child.kind() == "namespace_export" {
                clause = Some(child);
            } else if node
                .child_by_field_name("source")
                .is_some_and(|source| source.id() == child.id())
            {
                continue;
            } else if let Some(id) = self.expr(child) {
                last = Some(id);
                children.push(id);
            }
        }
        match (module, clause) {
            (Some(module), Some(clause)) if clause.kind() == "export_clause" => {
                for specifier in self.named(clause) {
                    self.specifier(specifier, &module, true);
                }
            }
            (Some(module), Some(clause)) => {
                if let Some(name) = self.named(clause).first() {
                    self.import(clause, self.text(*name), &module, None, true);
                }
            }
            (Some(module), None) => self.import(node, "*", &module, None, true),
            (None, Some(clause)) => {
                for specifier in self.named(clause) {
                    let Some(name) = specifier.child_by_field_name("name") else {
                        continue;
                    };
                    let alias = specifier.child_by_field_name("alias").unwrap_or(name);
                    let (alias, name) = (self.text(alias), self.text(name));
                    let id = self.add(specifier, ExprKind::Name(name.into()));
                    self.unit.exports.push((alias.into(), id));
                }
            }
            (None, None) => {
                let span = self.span(node);
                self.unit.handed_out.push(span);
                let mut cursor = node.walk();
                let default = node
                    .children(&mut cursor)
                    .any(|child| child.kind() == "default");
                if default && let Some(id) = last {
                    self.unit.exports.push(("default".into(), id));
                }
            }
        }
        match children[..] {
            [] => None,
            [only] => Some(only),
            _ => Some(self.add(node, ExprKind::Block(children))),
        }
    }

    /// `use a::b::{c, d as e}`
    pub(super) fn use_tree(&mut self, node: Tree<'_>, prefix: &str, exported: bool) {
        let dotted = |text: &str| {
            text.split("::")
                .map(str::trim)
                .collect::<Vec<_>>()
                .join(".")
        };
        let join = |name: &str| {
            if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}.{name}")
            }
        };
        match node.kind() {
            "scoped_use_list" => {
                let path = node
                    .child_by_field_name("path")
                    .map(|part| dotted(self.text(part)))
                    .unwrap_or_default();
                if let Some(list) = node.child_by_field_name("list") {
                    self.use_tree(list, &join(&path), exported);
                }
            }
            "use_list" => {
                for child in self.named(node) {
                    self.use_tree(child, prefix, exported);
                }
            }
            "use_as_clause" => {
                let path = node
                    .child_by_field_name("path")
                    .map(|part| dotted(self.text(part)))
                    .unwrap_or_default();
                let alias = node
                    .child_by_field_name("alias")
                    .map(|part| self.text(part))
                    .unwrap_or_default();
                self.use_path(node, alias, &join(&path), exported);
            }
            "use_wildcard" => {
                if let Some(inner) = self.named(node).first() {
                    let module = join(&dotted(self.text(*inner)));
                    self.import(node, "*", &module, None, exported);
                }
            }
            "self" => {
                let name = prefix.rsplit('.').next().unwrap_or(prefix).to_owned();
                self.use_path(node, &name, prefix, exported);
            }
            _ => {
                let path = join(&dotted(self.text(node)));
                let name = path.rsplit('.').next().unwrap_or_default().to_owned();
                self.use_path(node, &name, &path, exported);
            }
        }
    }

    fn use_path(&mut self, node: Tree<'_>, local: &str, path: &str, exported: bool) {
        match path.rsplit_once('.') {
            Some((module, symbol)) => self.import(node, local, module, Some(symbol), exported),
            None => self.import(node, local, path, None, exported),
        }
    }

    /// `module.exports = x`, `exports.name = x`
    pub(super) fn export_by_assignment(&mut self, path: &str, value: ExprId) {
        let Some(modules) = &self.language.modules else {
            return;
        };
        for root in &modules.exports {
            if path == root {
                self.unit.exports.push(("default".into(), value));
                if let ExprKind::Map(pairs) = self.unit.kind(value).clone() {
                    for (key, value) in pairs {
                        if let ExprKind::Name(name) | ExprKind::Str(name) = self.unit.kind(key) {
                            self.unit.exports.push((name.clone(), value));
                        }
                    }
                }
                return;
            }
            if let Some(name) = path
                .strip_prefix(root.as_str())
                .and_then(|rest| rest.strip_prefix('.'))
                && !name.contains('.')
            {
                self.unit.exports.push((name.into(), value));
                return;
            }
        }
    }

    /// The module of `require("m")`, also awaited.
    fn required(&self, id: ExprId) -> Option<String> {
        let modules = self.language.modules.as_ref()?;
        match self.unit.kind(id) {
            ExprKind::Await(inner) => self.required(*inner),
            ExprKind::Call { callee, args } => {
                let ExprKind::Name(name) = self.unit.kind(*callee) else {
                    return None;
                };
                let known = modules.require.iter().any(|word| **word == **name);
                known
                    .then(|| self.unit.literal(args.first()?.value).map(str::to_owned))
                    .flatten()
            }
            _ => None,
        }
    }

    /// Notes what `require "m"` loads: the file uses the package, no name of it is bound.
    pub(super) fn loads_by_call(&mut self, id: ExprId) {
        let ExprKind::Call { callee, args } = self.unit.kind(id) else {
            return;
        };
        let (ExprKind::Name(name), [only]) = (self.unit.kind(*callee), &args[..]) else {
            return;
        };
        let words = self.language.modules.iter().flat_map(|all| &all.loads);
        let Some(module) = self.unit.literal(only.value) else {
            return;
        };
        if words.into_iter().any(|word| **word == **name) {
            let import = Import {
                local: "".into(),
                module: module.into(),
                symbol: None,
                exported: false,
                span: self.unit.expr(id).span,
            };
            self.unit.imports.push(import);
        }
    }

    /// Turns `const x = require("m")`, `const { a: b } = require("m")` and
    /// `const y = require("m").z` into imports.
    pub(super) fn imports_by_call(&mut self) {
        let mut found = Vec::new();
        for assign in &self.unit.assigns {
            let Some(value) = assign.value else { continue };
            let (module, member) = match self.required(value) {
                Some(module) => (module, None),
                None => match self.unit.kind(value) {
                    ExprKind::Member { object, property } => match self.required(*object) {
                        Some(module) => (module, Some(property.clone())),
                        None => continue,
                    },
                    _ => continue,
                },
            };
            match self.unit.kind(assign.target) {
                ExprKind::Name(name) => {
                    // The module itself is its default export.
                    let symbol = member.unwrap_or_else(|| "default".into());
                    found.push((name.clone(), module, Some(symbol), assign.span));
                }
                ExprKind::Map(pairs) => {
                    for (key, value) in pairs {
                        if let (ExprKind::Name(symbol), ExprKind::Name(local)) =
                            (self.unit.kind(*key), self.unit.kind(*value))
                        {
                            found.push((
                                local.clone(),
                                module.clone(),
                                Some(symbol.clone()),
                                assign.span,
                            ));
                        }
                    }
                }
                _ => {}
            }
        }
        for (local, module, symbol, span) in found {
            self.unit.imports.push(Import {
                local,
                module: module.into(),
                symbol,
                exported: false,
                span,
            });
        }
    }
}
