//! Go, the JVM, .NET, Ruby, PHP, images and actions.

use super::check;

#[test]
fn go() {
    check(
        "go.mod",
        "module m\n\nrequire github.com/a/b v1.2.3\nrequire (\n\tx.org/c v0.0.0-20230101000000-abcdef012345 // indirect\n)\n\
         replace github.com/a/b => github.com/fork/b v1.2.4\nexclude x.org/d v1.0.0\n",
        "
        3 github.com/a/b v1.2.3 runtime
        5 x.org/c v0.0.0-20230101000000-abcdef012345 runtime transitive
        7 github.com/a/b v1.2.4 <git+https://github.com/fork/b constraint:replace direct?
        8 Resolution exclude x.org/d = v1.0.0
        ",
    );
}

#[test]
fn maven() {
    check(
        "pom.xml",
        "<project>\n<groupId>g</groupId><artifactId>a</artifactId><version>1.0</version>\n\
         <properties><v>2.${minor}</v><minor>5</minor></properties>\n<dependencies>\n\
         <dependency><groupId>x</groupId><artifactId>y</artifactId><version>${v}</version><scope>test</scope></dependency>\n\
         <dependency><groupId>g</groupId><artifactId>b</artifactId><version>${project.version}</version></dependency>\n\
         </dependencies>\n<build><plugins>\n<plugin><artifactId>maven-jar-plugin</artifactId><version>3.3.0</version></plugin>\n\
         </plugins></build></project>",
        "
        5 x:y 2.5 development
        9 org.apache.maven.plugins:maven-jar-plugin 3.3.0 build:plugin
        ",
    );
    check(
        "pom.xml",
        "<project>\n<a>",
        "1 problem not XML: the root node was opened but never closed; the file was not read",
    );
}

#[test]
fn gradle() {
    check(
        "build.gradle",
        "plugins {\n  id 'org.a' version '1.0'\n}\next.v = '2.0'\nrepositories { maven { url 'http://r.example.org/m' } }\n\
         dependencies {\n  implementation \"g:a:$v\"\n  testImplementation group: 'g', name: 'b', version: '1'\n\
         \x20 implementation project(':core')\n  kapt(\"g:c:1.1\")\n  // implementation 'g:d:1'\n}\n",
        "
        2 org.a:org.a.gradle.plugin 1.0 build
        7 g:a 2.0 runtime
        8 g:b 1 development
        10 g:c 1.1 build
        5 Registry repository = http://r.example.org/m
        ",
    );
    check(
        "gradle/libs.versions.toml",
        "[versions]\nv = { strictly = \"1.2\" }\n[libraries]\na = { module = \"g:a\", version.ref = \"v\" }\nb = \"g:b:3\"\n[plugins]\np = { id = \"org.p\", version = \"4\" }\n",
        "
        4 g:a 1.2 runtime:catalog
        5 g:b 3 runtime:catalog
        7 org.p:org.p.gradle.plugin 4 build:plugin
        ",
    );
    check(
        "gradle.lockfile",
        "# written by Gradle\ng:a:1.0=compileClasspath,testRuntimeClasspath\ng:b:2.0=testRuntimeClasspath\nempty=kapt\n",
        "
        2 g:a =1.0 runtime direct?
        3 g:b =2.0 development direct?
        ",
    );
}

#[test]
fn nuget() {
    check(
        "a.csproj",
        "<Project>\n<PropertyGroup><V>1.2</V></PropertyGroup>\n<ItemGroup>\n<PackageReference Include=\"Dapper\" Version=\"$(V).3\" />\n\
         <PackageReference Include=\"Lint\"><Version>1.0</Version><PrivateAssets>all</PrivateAssets></PackageReference>\n</ItemGroup>\n</Project>",
        "
        4 dapper 1.2.3 runtime
        5 lint 1.0 build
        ",
    );
    check(
        "packages.lock.json",
        "{\"version\": 1, \"dependencies\": {\"net8.0\": {\n\"A\": {\"type\": \"Direct\", \"resolved\": \"1.0.0\"},\n\"B\": {\"type\": \"Transitive\", \"resolved\": \"2.0.0\"},\n\"own\": {\"type\": \"Project\"}}}}",
        "
        2 a =1.0.0 runtime
        3 b =2.0.0 runtime transitive
        ",
    );
}

#[test]
fn ruby() {
    check(
        "Gemfile",
        "source \"https://rubygems.org\"\ngem \"rails\", \"~> 7.0\", \">= 7.0.4\" # web\ngem 'own', path: 'engines/own'\n\
         gem \"fork\",\n  git: \"https://example.org/fork\",\n  tag: \"v1\"\ngroup :test, :development do\n  gem \"rspec\"\nend\n\
         source \"https://gems.example.org\" do\n  gem \"inner\"\nend\n",
        "
        2 rails ~>7.0,>=7.0.4 runtime
        3 own <path+engines/own runtime
        4 fork <git+https://example.org/fork#tag=v1 runtime
        8 rspec development:test+development
        11 inner <registry+https://gems.example.org runtime
        ",
    );
    check(
        "Gemfile.lock",
        "GIT\n  remote: https://example.org/fork\n  revision: abc\n  specs:\n    fork (1.0)\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n    a (1.0-x86_64-linux)\n    a (1.0)\n      b (>= 1)\n    b (1.1)\n\nDEPENDENCIES\n  a (~> 1)\n  fork!\n",
        "
        5 fork =1.0 <git+https://example.org/fork#abc runtime
        10 a =1.0 runtime
        13 b =1.1 runtime transitive
        ",
    );
}

#[test]
fn php() {
    check(
        "composer.json",
        "{\"require\": {\"php\": \">=8\", \"ext-json\": \"*\",\n\"A/b\": \"^1.0 || ^2.0\"},\n\"require-dev\": {\"c/d\": \"*\"},\n\
         \"repositories\": [{\"type\": \"vcs\", \"url\": \"https://example.org/x\"}],\n\"scripts\": {\"post-install-cmd\": [\"x\", \"y\"], \"lint\": \"z\"}}",
        "
        2 a/b ^1.0||^2.0 runtime
        3 c/d development
        4 Registry repository vcs = https://example.org/x
        5 Script post-install-cmd = x; y
        ",
    );
}

#[test]
fn images() {
    check(
        "Dockerfile",
        "ARG V=3.12\nFROM --platform=$BUILDPLATFORM python:${V}-slim AS build\nRUN echo \\\n  FROM none\nFROM build AS test\n\
         FROM docker.io/library/nginx:1.25@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\
         COPY --from=build /a /a\nCOPY --from=ghcr.io/astral-sh/uv:0.4 /uv /uv\nFROM $BASE\n",
        "
        2 python 3.12-slim build
        6 nginx 1.25 #sha256 build
        8 astral-sh/uv 0.4 <registry+ghcr.io runtime:copy
        9 problem which image \"${BASE}\" is stands outside of the file
        ",
    );
    check(
        "compose.yml",
        "services:\n  db:\n    image: postgres:${TAG:-16}\n  app:\n    build: .\n    image: own\n",
        "3 postgres 16 runtime",
    );
}

#[test]
fn clients() {
    check(
        ".npmrc",
        "registry=https://r.example.org/\n@own:registry=https://npm.example.org/\n//npm.example.org/:_authToken=canary\n\
         strict-ssl=false\nfund=false\n",
        "
        1 Registry registry = https://r.example.org/
        2 Registry @own:registry = https://npm.example.org/
        4 Trust strict-ssl = false
        ",
    );
    check(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = \"https://m.example.org/index\"\n[registries.x]\ntoken = \"canary\"\n",
        "
        2 Registry source.crates-io.replace-with = mirror
        4 Registry source.mirror.registry = https://m.example.org/index
        ",
    );
    check(
        "pip.conf",
        "[global]\nindex-url = https://user:canary@p.example.org/simple\ntrusted-host = p.example.org\n",
        "
        2 Registry index-url = https://***@p.example.org/simple
        3 Trust trusted-host = p.example.org
        ",
    );
}

#[test]
fn actions() {
    check(
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  a:\n    container: node:20\n    steps:\n      - uses: actions/checkout@v4\n\
         \x20     - uses: a/b/c@0123456789abcdef0123456789abcdef01234567 # v1.2.3\n      - uses: ./local\n      - uses: docker://alpine:3.19\n\
         \x20     - run: |\n          uses: x/y@v1\n",
        "
        4 node 20 build
        6 actions/checkout v4 build
        7 a/b v1.2.3 #git build +path=c
        9 alpine 3.19 build
        ",
    );
}
