//! Orders and exact constraints.

use std::cmp::Ordering;

use crate::manifest::{Ecosystem, compare_versions, is_exact};

#[track_caller]
fn check(ecosystem: Ecosystem, line: &str) {
    let mut words = line.split('|').map(str::trim);
    let (a, sign, b) = (
        words.next().unwrap(),
        words.next().unwrap(),
        words.next().unwrap(),
    );
    let expected = match sign {
        "<" => Some(Ordering::Less),
        "=" => Some(Ordering::Equal),
        ">" => Some(Ordering::Greater),
        _ => None,
    };
    let b = b.replace("OR", "||");
    let a = a.replace("OR", "||");
    assert_eq!(compare_versions(ecosystem, &a, &b), expected, "{line}");
    assert_eq!(
        compare_versions(ecosystem, &b, &a),
        expected.map(Ordering::reverse),
        "{line}"
    );
}

#[test]
fn python() {
    for line in [
        "1.9 | < | 1.10",
        "1.0 | = | 1.0.0",
        "1.0rc1 | < | 1.0",
        "1.0.dev1 | < | 1.0a1",
        "1.0 | < | 1.0.post1",
        "2!1.0 | > | 9",
        "1.0+local | > | 1.0",
        "v1.2 | = | 1.2",
        "==2.0.1 | < | ==2.0.10",
        ">=1.2,<2 | = | ~=1.2",
        ">=1,>=3 | = | 3",
        "==1.* | = | 1",
        "<2 | < | 0.1",
        "* | < | >=1",
        "^1.4 | > | ~1.3",
        "^1 OR ^3 | < | ^2",
        "main | ? | 1.0",
        ">=1.0, !=1.5 | = | 1.0",
    ] {
        check(Ecosystem::Pypi, line);
    }
}

#[test]
fn npm() {
    for line in [
        "1.2.9 | < | 1.2.10",
        "1.0.0-rc.1 | < | 1.0.0",
        "1.0.0-rc.2 | < | 1.0.0-rc.10",
        "1.0.0+a | = | 1.0.0+b",
        "^1.2 | = | 1.2.0",
        "~1 | = | 1.x",
        ">=1.2.3 <2 | = | ^1.2.3",
        "1.2 - 2.3 | < | 1.3",
        "^17 OR ^18 | < | ^18",
        "* | < | 0.0.1",
        "v2.0.0 | = | 2.0.0",
        "npm:other@^1 | < | npm:other@^2",
        "workspace:^1 | = | 1.0.0",
        "latest | ? | 1.0.0",
        ">= 2 | > | ^1",
        "github:a/b | ? | 1.0.0",
    ] {
        check(Ecosystem::Npm, line);
    }
}

#[test]
fn cargo() {
    for line in [
        "1 | = | 1.0.0",
        "0.9 | < | 0.10",
        "=1.2.3 | > | 1.2.2",
        ">=1,<3 | = | 1.0",
        "1.* | = | 1",
        "1.0.0-alpha | < | 1.0.0",
        "not-a-version | ? | 1",
    ] {
        check(Ecosystem::Cargo, line);
    }
}

#[test]
fn exact() {
    let exact = |ecosystem, text| is_exact(ecosystem, text);
    assert!(exact(Ecosystem::Pypi, "==1.0") && exact(Ecosystem::Pypi, "===1.0"));
    assert!(!exact(Ecosystem::Pypi, "==1.*") && !exact(Ecosystem::Pypi, "==1.0,<2"));
    assert!(exact(Ecosystem::Npm, "1.2.3") && exact(Ecosystem::Npm, "=1.2.3"));
    assert!(!exact(Ecosystem::Npm, "1.2") && !exact(Ecosystem::Npm, "^1.2.3"));
    assert!(exact(Ecosystem::Cargo, "=1.2.3") && !exact(Ecosystem::Cargo, "1.2.3"));
}

#[test]
fn other_ecosystems() {
    let all: [(Ecosystem, &[&str]); 7] = [
        (
            Ecosystem::Golang,
            &[
                "v1.9.0 | < | v1.10.0",
                "v0.0.0-20230101000000-aaaaaaaaaaaa | < | v0.0.0-20240101000000-aaaaaaaaaaaa",
                "v1.2.4-0.20230101000000-aaaaaaaaaaaa | > | v1.2.3",
                "v2.0.0+incompatible | = | v2.0.0",
            ],
        ),
        (
            Ecosystem::Maven,
            &[
                "1.9 | < | 1.10",
                "1.0 | = | 1.0.0.Final",
                "1.0-alpha-1 | < | 1.0-beta-1",
                "1.0-rc1 | < | 1.0",
                "1.0-SNAPSHOT | < | 1.0",
                "1.0 | < | 1.0-sp1",
                "6.0.0.Final | < | 6.0.1.Final",
                "[1.0,2.0) | < | 1.5",
                "32.1.2-jre | < | 33.0.0-jre",
                "1.+ | < | 2.0",
            ],
        ),
        (
            Ecosystem::Nuget,
            &[
                "8.0.0-rc.2 | < | 8.0.0",
                "1.0.0.1 | > | 1.0.0",
                "1.0.0-Beta | = | 1.0.0-beta",
                "1.0.0-beta.10 | > | 1.0.0-beta.9",
                "[1.0,2.0) | < | [1.1]",
            ],
        ),
        (
            Ecosystem::Gem,
            &[
                "~>7.0 | < | ~>7.1",
                "1.0.rc1 | < | 1.0",
                "1.0.a | < | 1.0.b",
                "7.0.8.1 | > | 7.0.8",
            ],
        ),
        (
            Ecosystem::Composer,
            &[
                "^6.10 | > | ^5.5",
                "1.0.0-beta1 | < | 1.0.0-RC1",
                "1.0.0-RC1 | < | 1.0.0",
                "v3.0.0 | = | 3.0.0",
                "dev-main | ? | 1.0",
                "^1.0 OR ^2.0 | < | ^2.0",
            ],
        ),
        (
            Ecosystem::Docker,
            &[
                "3.12-slim | > | 3.11-alpine",
                "latest | ? | 3.11",
                "16 | < | 17.1",
            ],
        ),
        (
            Ecosystem::Github,
            &["v3 | < | v4.1.0", "main | ? | v4", "123456789abc | ? | v4"],
        ),
    ];
    for (ecosystem, lines) in all {
        for line in lines {
            check(ecosystem, line);
        }
    }
}
