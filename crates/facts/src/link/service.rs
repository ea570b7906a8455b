//! Guards of services that a protocol knows by name: `GreeterServer::with_interceptor(s, f)` guards
//! the calls of `Greeter`, whoever describes them.
//!
//! A service that is also served bare is not known to be guarded; what hangs on a server holds for
//! all of its services if there is one server only.

use super::emit::Endpoint;
use super::*;

/// Where a rule says that a service is served, or a server is made.
struct Served {
    protocol: String,
    /// The service; none: all of the server.
    service: Option<String>,
    guards: Vec<GuardUse>,
    /// It makes the server or serves the service with nothing around it.
    bare: bool,
}

impl Linker<'_> {
    /// Hangs onto the endpoints of services what the places that serve them say.
    pub(super) fn apply_services(&self, endpoints: &mut [Endpoint]) {
        let rules = self.rules.all.iter();
        let protocols: BTreeSet<&str> = rules
            .filter(|loaded| loaded.rule.link == Some(Link::Service))
            .filter_map(|loaded| loaded.rule.protocol.as_deref())
            .collect();
        if !endpoints
            .iter()
            .any(|one| protocols.contains(&*one.protocol))
        {
            return;
        }
        let served = self.served();
        for endpoint in endpoints {
            let Some(service) = endpoint.path.split('/').nth(1) else {
                continue;
            };
            let service = service.rsplit('.').next().unwrap_or(service).to_owned();
            let mut own = served.iter().filter(|one| {
                one.protocol == endpoint.protocol && one.service.as_ref() == Some(&service)
            });
            let mut guards: Vec<GuardUse> = Vec::new();
            if !own.clone().any(|one| one.bare)
                && let Some(first) = own.next()
                // Served in several ways: all must say something.
                && own.all(|other| !other.guards.is_empty())
            {
                guards.extend(first.guards.iter().cloned());
            }
            let all = served
                .iter()
                .filter(|one| one.protocol == endpoint.protocol && one.service.is_none());
            if all.clone().filter(|one| one.bare).count() <= 1 {
                guards.extend(all.flat_map(|one| one.guards.clone()));
            }
            guards.retain(|guard| !self.spares(guard, &endpoint.path));
            endpoint.guards.extend(guards);
        }
    }

    fn served(&self) -> Vec<Served> {
        let mut all = Vec::new();
        for file in self.production() {
            let parsed = self.project.parsed(file);
            let unit = &parsed.unit;
            for id in unit.ids() {
                let ExprKind::Call { callee, .. } = unit.kind(id) else {
                    continue;
                };
                let Some(last) = unit.last_name(*callee) else {
                    continue;
                };
                for (rule_id, pattern) in self.call_rules(file, *callee, last) {
                    let loaded = self.rule(rule_id);
                    if loaded.rule.link != Some(Link::Service)
                        || !self.imported(file).contains(&loaded.framework)
                    {
                        continue;
                    }
                    let pattern = &loaded.patterns[pattern];
                    let name = match &pattern.receiver {
                        Some(_) => last.to_owned(),
                        None => {
                            let name = self.name_of(file, *callee);
                            // What a build makes of a description is in no file.
                            name.or_else(|| unit.path(*callee)).unwrap_or_default()
                        }
                    };
                    let matched = self.matched(file, id);
                    let behind = &loaded.rule.behind;
                    let mut chain = self.chain(file, id).into_iter();
                    if !behind.is_empty()
                        && !chain.any(|call| {
                            let callee = self.matched(file, call).callee;
                            let last = callee.and_then(|callee| unit.last_name(callee));
                            last.is_some_and(|last| behind.iter().any(|word| word == last))
                        })
                    {
                        continue;
                    }
                    if pattern.matches(&name) && self.holds(&matched, &loaded.rule.constraints) {
                        all.extend(self.served_by(rule_id, &matched));
                        break;
                    }
                }
            }
        }
        all
    }

    fn served_by(&self, rule_id: usize, matched: &super::select::Matched) -> Option<Served> {
        let rule = &self.rule(rule_id).rule;
        let service = match rule.named.is_empty() {
            true => None,
            false => {
                let (file, id) = self.exprs(matched, &rule.named).into_iter().next()?;
                let parsed = self.project.parsed(file);
                let callee = match parsed.unit.kind(id) {
                    // `RegisterGreeterServer(server, greeter)`
                    ExprKind::Call { callee, .. } => *callee,
                    _ => id,
                };
                let name = parsed.unit.last_name(callee)?;
                let (start, end) = rule.served_as.as_deref()?.split_once("{}")?;
                let name = name.strip_prefix(start)?.strip_suffix(end)?;
                Some(name.to_owned())
            }
        };
        let mut guards = self.guard_uses(matched, &rule.guards, "mount");
        guards.retain(|guard| guard.class != Classified::Not);
        Some(Served {
            protocol: rule.protocol.clone()?,
            service,
            bare: rule.guards.is_empty(),
            guards,
        })
    }
}
