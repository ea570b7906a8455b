//! What the policy and CODEOWNERS say about a place: its components and whether it is on the critical path.

use super::Policy;
use super::text::{Component, Criticality, Exposure};
use crate::assessment::Change;
use crate::owners::Owners;

/// What is known about a path beside what stands in it.
#[derive(Clone, Debug, Default)]
pub struct Place<'a> {
    components: Vec<&'a Component>,
    /// Why it is on the critical path, if it is.
    pub critical: Option<String>,
}

impl<'a> Place<'a> {
    /// Names of the components with the owners that the policy gives them.
    pub fn components(&self) -> impl Iterator<Item = (&'a str, &'a [String])> {
        self.components
            .iter()
            .map(|component| (component.name.as_str(), component.owners.as_slice()))
    }

    /// From where it is reached, if a component says so: of several the widest.
    pub fn exposure(&self) -> Option<Exposure> {
        let said = self.components.iter().filter_map(|one| one.exposure);
        said.min_by_key(|exposure| match exposure {
            Exposure::Internet => 0,
            Exposure::Partner => 1,
            Exposure::Internal => 2,
            Exposure::None => 3,
        })
    }

    /// Classes of data that its components handle.
    pub fn data(&self) -> impl Iterator<Item = &'a str> {
        let all = self.components.iter().flat_map(|one| &one.data);
        all.map(String::as_str)
    }

    /// How much the business depends on it, if a component says so: of several the most.
    pub fn criticality(&self) -> Option<Criticality> {
        self.components
            .iter()
            .filter_map(|one| one.criticality)
            .max()
    }

    /// The place in the words that conditions ask for: names of components, which contain no `:`,
    /// and what the components say.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for component in &self.components {
            words.push(component.name.clone());
            words.extend(
                component
                    .exposure
                    .map(|one| format!("exposure:{}", one.name())),
            );
            words.extend(component.data.iter().map(|class| format!("data:{class}")));
            let criticality = component.criticality.map(Criticality::name);
            words.extend(criticality.map(|name| format!("criticality:{name}")));
        }
        words.extend(self.critical.is_some().then(|| "critical:".to_owned()));
        words
    }
}

impl Policy {
    /// What the policy and CODEOWNERS say about a path.
    pub fn place(&self, path: &str, owners: &Owners) -> Place<'_> {
        let components: Vec<&Component> = self
            .text
            .components
            .iter()
            .filter(|component| component.paths.iter().any(|glob| glob.matches(path)))
            .collect();
        let critical = &self.text.critical;
        let by_component = components
            .iter()
            .find(|one| one.critical || one.criticality == Some(Criticality::Critical))
            .map(|one| format!("component {} is critical", one.name));
        let by_path = || {
            let glob = critical.paths.iter().find(|glob| glob.matches(path));
            glob.map(|_| "the policy's critical paths".to_owned())
        };
        let by_owner = || {
            let (pattern, named) = owners.of(path)?;
            let owner = named.iter().find(|owner| critical.owners.contains(owner))?;
            Some(format!("{owner} owns {pattern}"))
        };
        Place {
            critical: by_component.or_else(by_path).or_else(by_owner),
            components,
        }
    }

    /// The place of a change.
    pub(crate) fn place_of(&self, change: &Change, owners: &Owners) -> Place<'_> {
        self.place(&change.location.path, owners)
    }
}
