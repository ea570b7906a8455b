//! Endpoints and guards as facts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::element::Span;
use crate::engine::{Engine, Stats, Tree};
use crate::error::Lines;
use crate::fact::{Attributes, Confidence, Evidence, Fact, FactKind, Inventory, Location, Scope};
use crate::hash::HashSet;
use crate::link::{Classified, Endpoint, GuardUse, Handler, Linker};
use crate::local::Site;
use crate::project::FileId;

/// Adds the endpoints of the revision and the bodies of its guards.
pub(crate) fn facts(
    engine: &Engine,
    linker: &Linker<'_>,
    tree: &dyn Tree,
    inventory: &mut Inventory,
    stats: &mut Stats,
) {
    let mut sites = Sites {
        linker,
        tree,
        texts: BTreeMap::new(),
    };
    let mut seen = HashSet::default();
    let mut frameworks = BTreeSet::new();
    for endpoint in linker.endpoints() {
        frameworks.insert(endpoint.framework);
        if let Some(Handler::Function(file, function) | Handler::Method(_, file, function)) =
            &endpoint.handler
        {
            linker.remember_handler(*file, *function);
            linker.remember_path(*file, *function, path_parameters(&endpoint.path));
        }
        if let Some(fact) = endpoint_fact(linker, &mut sites, &endpoint)
            && seen.insert((
                fact.identity.clone(),
                fact.location.path.clone(),
                fact.location.start,
                fact.text("handler").map(str::to_owned),
            ))
        {
            inventory.facts.push(fact);
        }
    }
    for (file, function) in linker.guard_functions() {
        let parsed = linker.project.parsed(file);
        let element = parsed.unit.function(function);
        let attributes = crate::local::body_attributes(linker, file, function);
        let Some(mut attributes) = attributes else {
            continue;
        };
        let credentials = linker.credentials(file, function);
        if !credentials.is_empty() {
            attributes.insert("credentials".into(), json!(credentials));
        }
        let identity = format!("guard-body:{}", element.qualified);
        let head = element.head;
        if let Some(fact) = sites.fact(
            file,
            FactKind::Auth,
            identity,
            attributes,
            head,
            "guard-body",
        ) {
            inventory.facts.push(fact);
        }
    }
    for (framework, count, path, line) in linker.unfollowed() {
        let name = &engine.rules.frameworks[framework].name;
        let places = match count {
            1 => format!("{path}:{line}"),
            2 => format!("{path}:{line} and one more place"),
            _ => format!("{path}:{line} and {} more places", count - 1),
        };
        stats.alarms.push(format!(
            "the {name} routes that are brought in at {places} could not be followed"
        ));
    }
    // A framework that is imported and yet shows no endpoint should make a reader stop.
    let shown: BTreeSet<&str> = frameworks
        .iter()
        .map(|framework| &engine.rules.frameworks[*framework])
        .flat_map(|framework| framework.extends.iter().chain(&framework.runs_on))
        .map(String::as_str)
        .collect();
    for framework in linker.imported_with_routes(!frameworks.is_empty()) {
        let of = &engine.rules.frameworks[framework];
        if shown.contains(&*of.name) {
            continue;
        }
        if !frameworks.contains(&framework) && engine.rules.frameworks[framework].imports.len() <= 8
        {
            let name = &engine.rules.frameworks[framework].name;
            stats.alarms.push(format!(
                "{name} is imported, but no endpoint of it was seen"
            ));
        }
    }
}

/// Where guards hang that an exemption at the handler does not take away: beside it, or in front of
/// everything, where nobody asks the handler.
const NEAR: [&str; 3] = ["handler", "body", "path"];

struct Sites<'a, 'b> {
    linker: &'a Linker<'b>,
    tree: &'a dyn Tree,
    texts: BTreeMap<FileId, (String, std::sync::Arc<str>, Lines, Scope)>,
}

impl Sites<'_, '_> {
    fn with<T>(&mut self, file: FileId, make: impl FnOnce(&Site<'_>) -> T) -> Option<T> {
        if !self.texts.contains_key(&file) {
            let path = self.linker.project.path(file).to_string();
            let text = self.tree.text(&path)?;
            let scope = self
                .tree
                .scope(&path)
                .unwrap_or_else(|| crate::scope::scope_of_text(&path, &text));
            let lines = Lines::of(&text);
            self.texts.insert(file, (path, text, lines, scope));
        }
        let (path, source, lines, scope) = self.texts.get(&file)?;
        Some(make(&Site {
            file,
            path,
            source,
            lines,
            scope: *scope,
        }))
    }

    fn fact(
        &mut self,
        file: FileId,
        kind: FactKind,
        identity: String,
        attributes: Attributes,
        span: Span,
        rule: &str,
    ) -> Option<Fact> {
        self.with(file, |site| {
            site.fact(kind, identity, attributes, span, rule)
        })
    }

    fn location(&mut self, file: FileId, span: Span) -> Location {
        self.with(file, |site| site.location(span))
            .unwrap_or_default()
    }
}

/// The path without the parameters' names.
pub(crate) fn nameless(path: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    for c in path.chars() {
        match c {
            '{' => {
                depth += 1;
                if depth == 1 {
                    out.push_str("{}");
                }
            }
            '}' => depth -= 1,
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

fn path_parameters(path: &str) -> Vec<String> {
    path.split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
        .filter(|name| !name.is_empty() && *name != "?")
        .map(str::to_owned)
        .collect()
}

fn handler_name(linker: &Linker<'_>, handler: Option<&Handler>) -> Option<String> {
    Some(match handler? {
        Handler::Function(file, function) => {
            let parsed = linker.project.parsed(*file);
            parsed.unit.function(*function).qualified.to_string()
        }
        Handler::Method((file, class), at, function) => {
            let parsed = linker.project.parsed(*file);
            let class = &parsed.unit.class(*class).name;
            let parsed = linker.project.parsed(*at);
            format!("{class}.{}", parsed.unit.function(*function).name)
        }
        Handler::Class(file, class) => linker
            .project
            .parsed(*file)
            .unit
            .class(*class)
            .name
            .to_string(),
        Handler::Other(words) => words.clone(),
    })
}

fn endpoint_fact(
    linker: &Linker<'_>,
    sites: &mut Sites<'_, '_>,
    endpoint: &Endpoint,
) -> Option<Fact> {
    let path = if endpoint.path.is_empty() {
        "/".to_owned()
    } else {
        endpoint.path.clone()
    };
    let identity = format!(
        "{} {} {}",
        endpoint.protocol,
        endpoint.method,
        nameless(&path)
    );
    let exemptions = endpoint
        .guards
        .iter()
        .filter(|guard| guard.attached != "path")
        .filter_map(|guard| match guard.class {
            Classified::Exempt { all } => Some(all),
            _ => None,
        });
    let exempt = exemptions.clone().count() > 0;
    let wholly = exemptions.into_iter().any(|all| all);
    let stays = |guard: &GuardUse| match guard.attached {
        _ if !exempt => true,
        "handler" => !wholly,
        attached => NEAR.contains(&attached),
    };
    let mut guards: Vec<&GuardUse> = endpoint
        .guards
        .iter()
        .filter(|guard| stays(guard))
        .filter(|guard| matches!(guard.class, Classified::Guard { .. }))
        .collect();
    guards.sort_by(|a, b| (&a.text, a.attached).cmp(&(&b.text, b.attached)));
    guards.dedup_by(|a, b| a.text == b.text);
    let body = guards.iter().any(|guard| guard.attached == "body");
    let shown: Vec<&str> = guards
        .iter()
        .filter(|guard| guard.attached != "body")
        .map(|guard| guard.text.as_str())
        .collect();
    let mut unknown: BTreeSet<String> = endpoint.unknown.iter().cloned().collect();
    for guard in &endpoint.guards {
        if let Classified::Unknown(reason) = &guard.class {
            unknown.insert(reason.clone());
        }
    }
    let guarded = guards.iter().any(|guard| guard.asks_caller());
    let open = !guarded && (unknown.is_empty() || exempt && endpoint.unknown.is_empty());
    let names = path_parameters(&path);
    let capability = linker.capability(endpoint, &names).filter(|_| open);
    let state = if guarded {
        "guarded"
    } else if let Some(name) = &capability {
        unknown = BTreeSet::from([format!("whoever knows the `{name}` in its path gets in")]);
        "unknown"
    } else if open {
        "open"
    } else {
        "unknown"
    };
    let mut attributes = Attributes::new();
    attributes.insert("protocol".into(), json!(endpoint.protocol));
    attributes.insert("method".into(), json!(endpoint.method));
    attributes.insert("path".into(), json!(path));
    attributes.insert(
        "framework".into(),
        json!(linker.framework_name(endpoint.framework)),
    );
    if let Some(handler) = handler_name(linker, endpoint.handler.as_ref()) {
        attributes.insert("handler".into(), json!(handler));
    }
    attributes.insert("guards".into(), json!(shown));
    attributes.insert("guard_state".into(), json!(state));
    let (early, late) = linker.by_order(&endpoint.guards);
    let ways_in = linker.ways_in(&endpoint.guards);
    for (name, texts) in [
        ("early_guards", early),
        ("late_guards", late),
        ("ways_in", ways_in),
    ] {
        if !texts.is_empty() {
            attributes.insert(name.into(), json!(texts));
        }
    }
    if let Some(name) = capability {
        attributes.insert("capability".into(), json!(name));
    }
    if body {
        attributes.insert("checked_in_body".into(), json!(true));
    }
    if state == "unknown" {
        attributes.insert(
            "unknown".into(),
            Json::from(unknown.into_iter().collect::<Vec<_>>()),
        );
    }
    let mut parameters: Vec<Json> = names
        .iter()
        .map(|name| json!({ "name": name, "in": "path", "required": true }))
        .collect();
    parameters.extend(linker.parameters(endpoint));
    attributes.insert("parameters".into(), Json::from(parameters));
    let rule = linker.loaded(endpoint.rule).rule.id.clone();
    let mut fact = sites.fact(
        endpoint.file,
        FactKind::Endpoint,
        identity,
        attributes,
        endpoint.span,
        &rule,
    )?;
    if endpoint.heuristic
        || guards.iter().any(|guard| {
            matches!(
                guard.class,
                Classified::Guard {
                    heuristic: true,
                    ..
                }
            )
        }) && !guards.iter().any(|guard| {
            matches!(
                guard.class,
                Classified::Guard {
                    heuristic: false,
                    ..
                }
            )
        })
    {
        fact.confidence = Confidence::Heuristic;
    }
    for (text, file, span) in &endpoint.mounts {
        let location = sites.location(*file, *span);
        fact.evidence.push(Evidence {
            role: "mount".into(),
            text: text.clone(),
            attached: String::new(),
            asks: String::new(),
            location,
        });
    }
    if let Some(Handler::Function(file, function) | Handler::Method(_, file, function)) =
        &endpoint.handler
    {
        let parsed = linker.project.parsed(*file);
        let element = parsed.unit.function(*function);
        // A route in a table: the reader wants the function that it leads to.
        if *file != endpoint.file {
            let location = sites.location(*file, element.head);
            fact.evidence.push(Evidence {
                role: "handler".into(),
                text: element.qualified.to_string(),
                attached: String::new(),
                asks: String::new(),
                location,
            });
        }
    }
    for guard in &endpoint.guards {
        let role = match guard.class {
            Classified::Guard { .. } if stays(guard) => "guard",
            Classified::Exempt { .. } => "exemption",
            Classified::Unknown(_) => "unknown",
            _ => continue,
        };
        let location = sites.location(guard.file, guard.span);
        fact.evidence.push(Evidence {
            role: role.into(),
            text: guard.text.clone(),
            attached: guard.attached.into(),
            asks: guard
                .body
                .filter(|_| role == "guard")
                .and_then(|(file, function)| linker.asks(file, function))
                .unwrap_or_default(),
            location,
        });
    }
    fact.evidence.sort();
    fact.evidence.dedup();
    Some(fact)
}
