//! What a project may write as a package's version:
//! <https://docs.npmjs.com/cli/v11/configuring-npm/package-json#dependencies>.

use super::name_and_rest;
use crate::manifest::Dependency;
use crate::manifest::source::{Source, host};

/// Completes a dependency from the version its manifest asks for.
pub(crate) fn apply(dependency: &mut Dependency, spec: &str) {
    let spec = spec.trim();
    if let Some(alias) = spec.strip_prefix("npm:") {
        match name_and_rest(alias) {
            Some((package, range)) => {
                super::rename(dependency, package);
                dependency.constraint = range_of(range);
            }
            // `npm:^1.0.0` only names the registry, `npm:package` only the package.
            None if starts_a_range(alias) => dependency.constraint = range_of(alias),
            None => super::rename(dependency, alias),
        }
    } else if let Some(patched) = spec.strip_prefix("patch:") {
        // `patch:name@npm%3A1.0.0#./the.patch`
        let inner = patched
            .split('#')
            .next()
            .unwrap_or(patched)
            .replace("%3A", ":");
        if let Some((_, range)) = name_and_rest(&inner) {
            apply(dependency, range);
        }
        dependency.features.push("patched".to_owned());
    } else if let Some(range) = spec.strip_prefix("jsr:") {
        dependency.source = Some(Source::registry("https://npm.jsr.io"));
        dependency.constraint = range_of(name_and_rest(range).map_or(range, |(_, range)| range));
    } else if let Some(range) = spec.strip_prefix("workspace:") {
        dependency.source = Some(Source::Workspace);
        dependency.constraint = range_of(range);
    } else if let Some(source) = place(spec) {
        dependency.source = Some(source);
    } else {
        dependency.constraint = range_of(spec);
    }
}

/// A range without needless white space; none for "any version".
fn range_of(spec: &str) -> Option<String> {
    let folded = spec.split_whitespace().collect::<Vec<_>>().join(" ");
    let folded = folded
        .replace("= ", "=")
        .replace("> ", ">")
        .replace("< ", "<");
    (!folded.is_empty() && folded != "*").then_some(folded)
}

fn starts_a_range(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "^~<>=*v".contains(c))
}

/// The source that a version names instead of a range.
fn place(spec: &str) -> Option<Source> {
    for scheme in ["file:", "link:", "portal:"] {
        if let Some(path) = spec.strip_prefix(scheme) {
            return Some(Source::path(path));
        }
    }
    if ["./", "../", "/", "~/"]
        .iter()
        .any(|start| spec.starts_with(start))
    {
        return Some(Source::path(spec));
    }
    let (place, fragment) = spec.split_once('#').unwrap_or((spec, ""));
    for (scheme, site) in [
        ("github:", "https://github.com/"),
        ("gitlab:", "https://gitlab.com/"),
        ("bitbucket:", "https://bitbucket.org/"),
        ("gist:", "https://gist.github.com/"),
    ] {
        if let Some(repository) = place.strip_prefix(scheme) {
            return Some(Source::git(&format!("{site}{repository}"), Some(fragment)));
        }
    }
    let git = ["git+", "git:", "git@", "ssh:"]
        .iter()
        .any(|start| place.starts_with(start));
    if git || (place.contains("://") && place.ends_with(".git")) {
        return Some(Source::git(place, Some(fragment)));
    }
    if place.starts_with("https://") || place.starts_with("http://") {
        let sites = ["github.com", "gitlab.com", "bitbucket.org"];
        let hosted = host(place).is_some_and(|host| sites.contains(&host.as_str()));
        // `https://github.com/user/repository`, not one of its archives.
        if hosted && place.trim_end_matches('/').matches('/').count() == 4 {
            return Some(Source::git(place, Some(fragment)));
        }
        return Some(Source::url(spec));
    }
    // `user/repository`
    let (user, repository) = place.split_once('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    (plain(user) && plain(repository))
        .then(|| Source::git(&format!("https://github.com/{place}"), Some(fragment)))
}
