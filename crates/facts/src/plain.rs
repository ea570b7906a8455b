//! Facts of files that are read as text, not as source code: manifests and lock files, SQL and
//! Prisma schemas, and credentials in any file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::engine::Team;
use crate::entity::field_json;
use crate::error::{Lines, RuleError};
use crate::fact::{Attributes, Confidence, Fact, FactKind, Location, Problem, Scope};
use crate::manifest::{self, Roles};
use crate::rule::wild;
use crate::schema::{self, ColumnChange, Field, Operation, Statement};
use crate::secret::Secrets;
use crate::sensitivity::Sensitivity;

/// The readers of plain files with their data.
pub(crate) struct Plain {
    roles: Roles,
    tls: TlsLibraries,
    secrets: Secrets,
    markup: crate::markup::Markup,
}

/// Libraries that speak TLS, by the features that ask for them: `dependencies/tls.toml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsLibraries {
    /// For the reader of the file.
    #[serde(rename = "source", default)]
    _source: String,
    #[serde(default)]
    library: Vec<TlsLibrary>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsLibrary {
    name: String,
    features: Vec<String>,
}

impl TlsLibraries {
    fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut files = files.iter();
        match files.find(|(path, _)| *path == "dependencies/tls.toml") {
            Some((path, text)) => crate::error::read_rules(path, text),
            None => Ok(Self::default()),
        }
    }

    /// The names of those that features ask for.
    fn of(&self, features: &[String]) -> Vec<&str> {
        let asked = |library: &&TlsLibrary| {
            let mut patterns = library.features.iter();
            patterns.any(|pattern| features.iter().any(|one| wild(pattern, one)))
        };
        let found = self.library.iter().filter(asked);
        found.map(|library| library.name.as_str()).collect()
    }
}

/// The dictionary of sensitive fields with the team's own classes.
pub(crate) fn sensitivity(files: &[(&str, &str)], team: &Team) -> Result<Sensitivity, RuleError> {
    let own: Vec<(&str, &str)> = files
        .iter()
        .copied()
        .filter(|(path, _)| path.starts_with("sensitivity/"))
        .collect();
    let mut sensitivity = Sensitivity::load(&own)?;
    for (name, patterns) in &team.classes {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        sensitivity
            .add(name, &patterns)
            .map_err(|message| RuleError {
                path: ".threatgate/policy.toml".into(),
                line: 1,
                message,
            })?;
    }
    Ok(sensitivity)
}

impl Plain {
    pub(crate) fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut roles = match files
            .iter()
            .find(|(path, _)| *path == "dependencies/roles.toml")
        {
            Some((path, text)) => Roles::parse(path, text)?,
            None => Roles::default(),
        };
        let popular = "dependencies/popular.toml";
        if let Some((path, text)) = files.iter().find(|(path, _)| *path == popular) {
            roles.popular = manifest::Popular::parse(path, text)?;
        }
        let secrets = Secrets::load(files)?;
        let markup = crate::markup::Markup::load(files)?;
        Ok(Self {
            roles,
            tls: TlsLibraries::load(files)?,
            secrets,
            markup,
        })
    }

    /// Whether facts other than credentials can come from a file of this name.
    pub(crate) fn reads(&self, path: &str) -> bool {
        manifest::is_manifest(path).is_some()
            || [".sql", ".prisma", ".avsc"]
                .iter()
                .any(|end| path.ends_with(end))
            || self.markup.reads(path)
    }

    /// Reads one file.
    pub(crate) fn extract(
        &self,
        path: &str,
        text: &str,
        scope: Scope,
        sensitivity: &Sensitivity,
        beside: &dyn Fn(&str) -> Option<String>,
    ) -> (Vec<Fact>, Vec<Problem>) {
        let mut facts = Vec::new();
        let mut problems = Vec::new();
        if let Some(kind) = manifest::is_manifest(path) {
            let reading = manifest::read(kind, path, text, &self.roles, beside);
            let tls = &self.tls;
            dependencies(reading, tls, path, text, scope, &mut facts, &mut problems);
        }
        if path.ends_with(".sql") {
            sql(path, text, scope, sensitivity, &mut facts);
        }
        changelog(path, text, scope, sensitivity, &mut facts);
        mapped(path, text, scope, sensitivity, &mut facts);
        if path.ends_with(".prisma") {
            prisma(path, text, scope, sensitivity, &mut facts, &mut problems);
        }
        self.markup.extract(path, text, scope, &mut facts);
        self.secrets
            .extract(path, text, scope, &mut facts, &mut problems);
        (facts, problems)
    }

    /// What a template puts out, with facts of what it cleans; nothing for other files.
    pub(crate) fn outputs(
        &self,
        path: &str,
        text: &str,
        scope: Scope,
        facts: &mut Vec<Fact>,
    ) -> std::collections::BTreeSet<u32> {
        self.markup.outputs(path, text, scope, facts)
    }

    /// The credentials of one text alone.
    pub(crate) fn secrets(&self, path: &str, text: &str, scope: Scope) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.secrets
            .extract(path, text, scope, &mut facts, &mut Vec::new());
        facts
    }
}

fn dependencies(
    reading: manifest::Reading,
    tls: &TlsLibraries,
    path: &str,
    text: &str,
    scope: Scope,
    facts: &mut Vec<Fact>,
    problems: &mut Vec<Problem>,
) {
    // Programs write lock files and say so: what they lock counts all the same.
    let scope = match scope {
        Scope::Generated => crate::scope::scope_of_path(path),
        other => other,
    };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let file = path.rsplit('/').next().unwrap_or(path);
    // A lock file has thousands of places to locate.
    let lines = Lines::of(text);
    for dependency in reading.dependencies {
        let mut attributes = Attributes::new();
        let ecosystem = dependency.ecosystem.name();
        attributes.insert("ecosystem".into(), json!(ecosystem));
        attributes.insert("package".into(), json!(dependency.package));
        attributes.insert("group".into(), json!(dependency.group.name()));
        attributes.insert("manifest".into(), json!(folder));
        attributes.insert("file".into(), json!(file));
        let mut optional = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), value);
            }
        };
        optional("constraint", dependency.constraint.map(Json::from));
        optional("locked", dependency.locked.map(Json::from));
        optional(
            "source",
            dependency.source.map(|source| json!(source.to_string())),
        );
        optional("integrity", dependency.integrity.map(Json::from));
        optional("hash", dependency.hash.map(Json::from));
        let needs = (!dependency.requires.is_empty()).then_some(dependency.requires);
        optional("requires", needs.map(Json::from));
        optional("direct", dependency.direct.map(Json::from));
        optional("role", dependency.role.map(Json::from));
        optional("resembles", dependency.resembles.map(Json::from));
        optional("alias", dependency.alias.map(Json::from));
        optional(
            "install_script",
            dependency.install_script.then(|| json!(true)),
        );
        let tls = tls.of(&dependency.features);
        if !tls.is_empty() {
            attributes.insert("tls".into(), json!(tls));
        }
        if !dependency.features.is_empty() {
            attributes.insert("features".into(), json!(dependency.features));
        }
        let location = lines.location(path, text, dependency.start, dependency.end);
        facts.push(Fact {
            kind: FactKind::Dependency,
            identity: format!("{ecosystem}:{}", dependency.package),
            attributes,
            location,
            rule: "manifest".into(),
            confidence: Confidence::Resolved,
            scope,
            evidence: Vec::new(),
        });
    }
    for setting in reading.settings {
        let mut attributes = Attributes::new();
        attributes.insert("package".into(), json!(setting.name));
        attributes.insert("setting".into(), json!(setting_kind(setting.kind)));
        attributes.insert("value".into(), json!(setting.value));
        attributes.insert("manifest".into(), json!(folder));
        attributes.insert("direct".into(), json!(true));
        facts.push(Fact {
            kind: FactKind::Dependency,
            identity: format!("setting:{}:{}", setting_kind(setting.kind), setting.name),
            attributes,
            location: lines.location(path, text, setting.start, setting.end),
            rule: "manifest-setting".into(),
            confidence: Confidence::Resolved,
            scope,
            evidence: Vec::new(),
        });
    }
    for problem in reading.problems {
        problems.push(Problem {
            path: path.to_owned(),
            line: problem.line,
            reason: problem.message,
            whole: false,
        });
    }
}

fn setting_kind(kind: manifest::SettingKind) -> &'static str {
    match kind {
        manifest::SettingKind::Registry => "registry",
        manifest::SettingKind::Trust => "trust",
        manifest::SettingKind::Resolution => "resolution",
        manifest::SettingKind::Include => "include",
        manifest::SettingKind::Script => "script",
        manifest::SettingKind::Build => "build",
        manifest::SettingKind::Patch => "patch",
    }
}

/// A span of bytes as a location.
pub(crate) fn location(path: &str, text: &str, start: usize, end: usize) -> Location {
    Lines::of(text).location(path, text, start, end)
}

fn field(entity: &str, field: &Field, sensitivity: &Sensitivity) -> Json {
    let mut attributes = BTreeMap::new();
    attributes.insert("nullable".to_owned(), json!(field.nullable));
    if field.unique {
        attributes.insert("unique".to_owned(), json!(true));
    }
    if field.primary_key {
        attributes.insert("primary_key".to_owned(), json!(true));
    }
    if let Some(references) = &field.references {
        attributes.insert("references".to_owned(), json!(references));
    }
    if field.encrypted {
        attributes.insert("encrypted".to_owned(), json!(true));
    }
    field_json(
        entity,
        &field.name,
        field.ty.as_deref(),
        attributes,
        &[],
        sensitivity,
    )
}

/// Whether a path is a migration that runs backwards: it never runs in the normal course.
fn backwards(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    // `U1__users.sql` is Flyway's.
    let undo = || {
        let version = name
            .strip_prefix('U')
            .and_then(|rest| rest.split_once("__"));
        version.is_some_and(|(version, _)| version.starts_with(|c: char| c.is_ascii_digit()))
    };
    name == "down.sql" || name.ends_with(".down.sql") || name.ends_with("_down.sql") || undo()
}

fn sql(path: &str, text: &str, scope: Scope, sensitivity: &Sensitivity, facts: &mut Vec<Fact>) {
    if !backwards(path) {
        statements(text, path, scope, sensitivity, facts);
    }
}

/// The statements of a script that change the data model.
pub(crate) fn statements(
    text: &str,
    path: &str,
    scope: Scope,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
) {
    let reading = schema::read_sql(text);
    steps(
        &reading.statements,
        "sql",
        path,
        text,
        scope,
        sensitivity,
        facts,
    );
}

/// A changelog's changes, which are statements in other words.
fn changelog(
    path: &str,
    text: &str,
    scope: Scope,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
) {
    let statements = schema::read_liquibase(path, text);
    steps(
        &statements,
        "liquibase",
        path,
        text,
        scope,
        sensitivity,
        facts,
    );
}

/// Entities that documents map to tables.
fn mapped(path: &str, text: &str, scope: Scope, sensitivity: &Sensitivity, facts: &mut Vec<Fact>) {
    for one in schema::read_mapping(path, text) {
        let fields: Vec<Json> = one
            .fields
            .iter()
            .map(|item| field(&one.entity, item, sensitivity))
            .collect();
        let mut attributes = Attributes::new();
        attributes.insert("entity".into(), json!(one.entity));
        if let Some(table) = &one.table {
            attributes.insert("table".into(), json!(table));
        }
        attributes.insert("framework".into(), json!("mapping"));
        attributes.insert("fields".into(), Json::from(fields));
        facts.push(Fact {
            kind: FactKind::DataModel,
            identity: one.entity,
            attributes,
            location: location(path, text, one.start, one.end),
            rule: "mapping".into(),
            confidence: Confidence::Resolved,
            scope,
            evidence: Vec::new(),
        });
    }
}

/// Facts of statements that change the data model.
fn steps(
    statements: &[Statement],
    rule: &str,
    path: &str,
    text: &str,
    scope: Scope,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
) {
    let dropped = remade(statements);
    for statement in statements.iter().filter(|statement| !statement.down) {
        if statement.operation == schema::Operation::DropTable
            && dropped.contains(&*statement.table)
        {
            continue;
        }
        let Some((operation, column, extra)) = described(statement, sensitivity) else {
            continue;
        };
        let mut attributes = extra;
        attributes.insert("entity".into(), json!(statement.table));
        attributes.insert("table".into(), json!(statement.table));
        attributes.insert("operation".into(), json!(operation));
        if let Some(column) = &column {
            attributes.insert("column".into(), json!(column));
        }
        if let Some(loss) = statement.destructive {
            attributes.insert("destructive".into(), json!(loss.name()));
            let of_column = operation.ends_with("-column");
            let column = column.as_deref().filter(|_| of_column);
            if column.is_some_and(|column| sensitivity.is_ordinary(&statement.table, column)) {
                attributes.insert("concerns".into(), json!("ordinary"));
            }
        }
        facts.push(Fact {
            kind: FactKind::DataModel,
            identity: format!(
                "migration:{}:{operation}:{}",
                statement.table,
                column.unwrap_or_default()
            ),
            attributes,
            location: location(path, text, statement.span.start, statement.span.end),
            rule: rule.to_owned(),
            confidence: Confidence::Resolved,
            scope,
            evidence: Vec::new(),
        });
    }
}

/// So many tables that are dropped only to be made again are a dump, and no migration.
const DUMP: usize = 3;

/// The tables that a dump drops right before it makes them.
fn remade(statements: &[schema::Statement]) -> BTreeSet<&str> {
    let pairs = statements.windows(2).filter(|pair| {
        pair[0].operation == schema::Operation::DropTable
            && matches!(pair[1].operation, schema::Operation::CreateTable { .. })
            && pair[0].table == pair[1].table
    });
    let tables: BTreeSet<&str> = pairs.map(|pair| &*pair[0].table).collect();
    if tables.len() < DUMP {
        BTreeSet::new()
    } else {
        tables
    }
}

/// An operation's name, column and attributes; none for what changes no data model.
fn described(
    statement: &Statement,
    sensitivity: &Sensitivity,
) -> Option<(&'static str, Option<String>, Attributes)> {
    let table = &statement.table;
    let mut attributes = Attributes::new();
    let (name, column) = match &statement.operation {
        Operation::CreateTable {
            fields, temporary, ..
        } => {
            if *temporary {
                return None;
            }
            let fields: Vec<Json> = fields
                .iter()
                .map(|item| field(table, item, sensitivity))
                .collect();
            attributes.insert("fields".into(), Json::from(fields));
            ("create-table", None)
        }
        Operation::DropTable => ("drop-table", None),
        Operation::RenameTable { to } => {
            attributes.insert("to".into(), json!(to));
            ("rename-table", None)
        }
        Operation::AddColumn(item) => {
            attributes.insert(
                "fields".into(),
                Json::from(vec![field(table, item, sensitivity)]),
            );
            ("add-column", Some(item.name.clone()))
        }
        Operation::DropColumn { column } => ("drop-column", Some(column.clone())),
        Operation::RenameColumn { from, to } => {
            attributes.insert("to".into(), json!(to));
            ("rename-column", Some(from.clone()))
        }
        Operation::AlterColumn { column, change } => {
            let words = match change {
                ColumnChange::Type(ty) => format!("type {ty}"),
                ColumnChange::SetNotNull => "not null".to_owned(),
                ColumnChange::DropNotNull => "nullable".to_owned(),
                ColumnChange::Redefine(item) => format!(
                    "redefined as {}",
                    item.ty.as_deref().unwrap_or("another type")
                ),
                // A default may be a credential and is not shown.
                ColumnChange::SetDefault(_) => "default set".to_owned(),
                ColumnChange::DropDefault => "default dropped".to_owned(),
                ColumnChange::Other => return None,
            };
            attributes.insert("change".into(), json!(words));
            ("alter-column", Some(column.clone()))
        }
        Operation::AddConstraint(constraint) => {
            attributes.insert("columns".into(), json!(constraint.columns));
            ("add-constraint", constraint.name.clone())
        }
        Operation::DropConstraint { name } => ("drop-constraint", Some(name.clone())),
        Operation::EnableRowSecurity { .. } => ("enable-row-security", None),
        Operation::DisableRowSecurity { .. } => ("disable-row-security", None),
        Operation::CreatePolicy { name, .. } => ("create-policy", Some(name.clone())),
        Operation::AlterPolicy { name, .. } => ("alter-policy", Some(name.clone())),
        Operation::DropPolicy { name } => ("drop-policy", Some(name.clone())),
        Operation::DropTrigger { name } | Operation::DisableTrigger { name } => {
            ("drop-trigger", Some(name.clone()))
        }
        Operation::Truncate => ("truncate", None),
        Operation::DeleteAll => ("delete-all", None),
        Operation::UpdateAll { .. } => return None,
        Operation::Grant { privileges, to } => {
            attributes.insert("privileges".into(), json!(privileges));
            attributes.insert("to".into(), json!(to));
            ("grant", to.first().cloned())
        }
        _ => return None,
    };
    Some((name, column, attributes))
}

fn prisma(
    path: &str,
    text: &str,
    scope: Scope,
    sensitivity: &Sensitivity,
    facts: &mut Vec<Fact>,
    problems: &mut Vec<Problem>,
) {
    let schema = schema::read_prisma(text);
    for model in &schema.models {
        let fields: Vec<Json> = model
            .fields
            .iter()
            .map(|item| field(&model.name, item, sensitivity))
            .collect();
        let mut attributes = Attributes::new();
        attributes.insert("entity".into(), json!(model.name));
        attributes.insert("table".into(), json!(model.table));
        attributes.insert("framework".into(), json!("prisma"));
        attributes.insert("fields".into(), Json::from(fields));
        facts.push(Fact {
            kind: FactKind::DataModel,
            identity: model.name.clone(),
            attributes,
            location: location(path, text, model.span.start, model.span.end),
            rule: "prisma".into(),
            confidence: Confidence::Resolved,
            scope,
            evidence: Vec::new(),
        });
    }
    for problem in schema.problems {
        problems.push(Problem {
            path: path.to_owned(),
            line: Some(problem.line),
            reason: problem.message,
            whole: false,
        });
    }
}
