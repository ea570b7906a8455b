//! What well-known packages do, as data: `rules/dependencies/roles.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::reader::normal_python_name;
use super::{Ecosystem, Popular};
use crate::error::{RuleError, line_of, read_rules};

/// Roles by package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    exact: [BTreeMap<String, String>; Ecosystem::ALL.len()],
    /// Names that others may be mistaken for.
    pub popular: Popular,
    /// Names that end in `*`, without it; the first that fits counts.
    prefixes: [Vec<(String, String)>; Ecosystem::ALL.len()],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    /// For the reader of the file.
    #[serde(rename = "about")]
    _about: String,
    #[serde(default)]
    pypi: Vec<String>,
    #[serde(default)]
    npm: Vec<String>,
    #[serde(default)]
    cargo: Vec<String>,
    #[serde(default)]
    golang: Vec<String>,
    #[serde(default)]
    maven: Vec<String>,
    #[serde(default)]
    nuget: Vec<String>,
    #[serde(default)]
    gem: Vec<String>,
    #[serde(default)]
    composer: Vec<String>,
    #[serde(default)]
    docker: Vec<String>,
    #[serde(default)]
    github: Vec<String>,
}

impl Roles {
    /// Reads a file of roles: one table per role with the packages of each ecosystem; a name may
    /// end in `*`. A package has one role: naming it twice is an error.
    pub fn parse(path: &str, text: &str) -> Result<Self, RuleError> {
        let roles: BTreeMap<String, Role> = read_rules(path, text)?;
        let mut read = Self::default();
        for (role, packages) in roles {
            let lists = [
                packages.pypi,
                packages.npm,
                packages.cargo,
                packages.golang,
                packages.maven,
                packages.nuget,
                packages.gem,
                packages.composer,
                packages.docker,
                packages.github,
            ];
            for (ecosystem, names) in Ecosystem::ALL.into_iter().zip(lists) {
                for name in names {
                    let inserted = read.insert(ecosystem, name.clone(), &role);
                    inserted.map_err(|message| RuleError {
                        path: path.to_owned(),
                        line: line_of(text, &format!("[{role}]"), &format!("\"{name}\"")),
                        message,
                    })?;
                }
            }
        }
        Ok(read)
    }

    fn insert(&mut self, ecosystem: Ecosystem, name: String, role: &str) -> Result<(), String> {
        let normal = match (ecosystem, name.strip_suffix('*')) {
            (Ecosystem::Pypi, None) => normal_python_name(&name),
            _ => name.clone(),
        };
        if normal != name {
            return Err(format!("write \"{name}\" in its normal form \"{normal}\""));
        }
        if let Some(prefix) = name.strip_suffix('*') {
            self.prefixes[ecosystem as usize].push((prefix.to_owned(), role.to_owned()));
            return Ok(());
        }
        match self.exact[ecosystem as usize].insert(normal, role.to_owned()) {
            Some(other) => Err(format!("\"{name}\" has two roles: {other} and {role}")),
            None => Ok(()),
        }
    }

    /// The role of a package named in its normal form.
    pub fn role(&self, ecosystem: Ecosystem, package: &str) -> Option<&str> {
        if let Some(role) = self.exact[ecosystem as usize].get(package) {
            return Some(role);
        }
        let mut prefixes = self.prefixes[ecosystem as usize].iter();
        let found = prefixes.find(|(prefix, _)| package.starts_with(prefix.as_str()));
        found.map(|(_, role)| role.as_str())
    }

    /// How many names the file knows.
    pub fn len(&self) -> usize {
        let prefixes = self.prefixes.iter().map(Vec::len);
        self.exact.iter().map(BTreeMap::len).chain(prefixes).sum()
    }

    /// Whether no package has a role.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
