//! Every value here is put together at run time, so that no scanner, ours included, reports this
//! file.

use std::fs;
use std::path::Path;

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::check::{base62, crc32, crc32_hex_of};
use super::*;

fn secrets() -> Secrets {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/secrets");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (format!("secrets/{name}"), fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    Secrets::load(&files).unwrap()
}

fn found(secrets: &Secrets, path: &str, text: &str) -> Vec<Fact> {
    let (mut facts, mut problems) = (Vec::new(), Vec::new());
    secrets.extract(path, text, Scope::Production, &mut facts, &mut problems);
    assert_eq!(problems, []);
    facts
}

/// Writes a value that a pattern accepts.
struct Writer {
    seed: u64,
    /// Which branch of an alternation.
    branch: usize,
    /// One character again and again, as in documentation.
    filler: bool,
}

impl Writer {
    fn next(&mut self, below: usize) -> usize {
        // Constants of Knuth's MMIX generator.
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as usize % below
    }

    fn class(&mut self, class: &Class) -> char {
        let has = |char: char| match class {
            Class::Unicode(class) => class
                .iter()
                .any(|range| range.start() <= char && char <= range.end()),
            Class::Bytes(class) => class
                .iter()
                .any(|range| range.start() <= char as u8 && char as u8 <= range.end()),
        };
        let printable: Vec<char> = (' '..='~').filter(|char| has(*char)).collect();
        let mut choice: Vec<char> = printable
            .iter()
            .copied()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        if choice.is_empty() {
            choice = printable;
        }
        if choice.is_empty() {
            choice.push('\n');
        }
        if self.filler {
            let usual = ['x', 'X', '0', 'a'];
            return usual
                .into_iter()
                .find(|char| choice.contains(char))
                .unwrap_or(choice[0]);
        }
        choice[self.next(choice.len())]
    }

    fn write(&mut self, hir: &Hir, out: &mut String) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).unwrap()),
            HirKind::Class(class) => out.push(self.class(class)),
            HirKind::Capture(capture) => self.write(&capture.sub, out),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.write(part, out)),
            HirKind::Alternation(parts) => self.write(&parts[self.branch % parts.len()], out),
            HirKind::Repetition(repetition) => {
                let min = repetition.min as usize;
                let most = repetition.max.map_or(usize::MAX, |max| max as usize);
                let times = if min == 0 { 0 } else { min.max(most.min(28)) };
                let branch = std::mem::take(&mut self.branch);
                for _ in 0..times {
                    self.write(&repetition.sub, out);
                }
                self.branch = branch;
            }
        }
    }
}

fn base64url(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let number = chunk
            .iter()
            .fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        let number = number << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(DIGITS[(number >> (18 - 6 * place)) as usize & 63] as char);
        }
    }
    out
}

fn jwt(header: &str, payload: &str) -> String {
    let signature = "q7Zt0pLx2RvB9sKd".repeat(2);
    format!("{}.{}.{signature}", base64url(header), base64url(payload))
}

/// A text with a value of the format.
fn written(format: &Format, branch: usize, filler: bool) -> String {
    let hir = regex_syntax::parse(&format.pattern).unwrap();
    let mut text = String::new();
    let mut writer = Writer {
        seed: format.id.bytes().map(u64::from).sum::<u64>() + branch as u64,
        branch,
        filler,
    };
    writer.write(&hir, &mut text);
    match format.check {
        Some(Check::Crc32Base62) => {
            let body = text.split_once('_').unwrap().1;
            let body = body[..body.len() - 6].to_owned();
            let start = text.len() - 6;
            text.replace_range(start.., &base62(crc32(body.as_bytes())));
        }
        Some(Check::Crc32HexLittleEndian) => {
            let start = text.len() - 8;
            let sum = crc32_hex_of(&text[..start - 1]);
            text.replace_range(start.., &sum);
        }
        Some(Check::Base64Number) => {
            let (_, rest) = text.split_once('.').unwrap();
            text = format!("{}.{rest}", base64url("1234509876543210987"));
        }
        Some(Check::BasicAuth) if !filler => {
            let range = Regex::new(&format.pattern).unwrap();
            let range = range
                .captures(&text)
                .unwrap()
                .name("value")
                .unwrap()
                .range();
            text.replace_range(range, &base64url("shop:vK8tr0ub4dor2mi"));
        }
        Some(Check::Jwt) if !filler => {
            text = jwt(
                r#"{"alg":"HS256","typ":"JWT"}"#,
                r#"{"sub":"u-83","iat":1700000001}"#,
            );
        }
        _ => {}
    }
    // A host without a dot is a container beside the program.
    let host = format
        .compiled()
        .and_then(|compiled| Some(compiled.regex.captures(&text)?.name("host")?.range()));
    if let Some(host) = host {
        text.replace_range(host, "db.shop.io");
    }
    text
}

/// A file in which the value stands as its format asks.
fn around(format: &Format, value: &str) -> String {
    match format.mark {
        Mark::Keyword => format!("'{value}'\n"),
        Mark::File => format!("# {}\n'{value}'\n", format.keywords[0]),
        Mark::Name => format!("{}_SECRET_KEY = '{value}'\n", format.named[0].join("_")),
    }
}

#[test]
fn every_format_sees_its_values_and_no_filler() {
    let secrets = secrets();
    assert!(secrets.formats.len() >= 400, "{}", secrets.formats.len());
    let mut silent = Vec::new();
    for format in &secrets.formats {
        for branch in 0..12 {
            let value = written(format, branch, false);
            let text = around(format, &value);
            let lower = text.to_ascii_lowercase();
            let has = |word: &String| lower.contains(&word.to_ascii_lowercase());
            if format.mark != Mark::Name && !format.keywords.iter().any(has) {
                silent.push(format!("{}: no keyword in {text}", format.id));
            }
            let facts = found(&secrets, "src/app.py", &text);
            // Two providers may use one format: then the first of the rules speaks.
            let spoken = match format.mark {
                Mark::Name => !facts.is_empty(),
                _ => {
                    let (hits, _) = secrets.formats(&text, &mut Vec::new());
                    hits.iter().any(|hit| hit.rule == format.id)
                }
            };
            if !spoken {
                silent.push(format!("{} does not see {text}", format.id));
            }
            let filler = around(format, &written(format, branch, true));
            let (hits, _) = secrets.formats(&filler, &mut Vec::new());
            if hits.iter().any(|hit| hit.rule == format.id) {
                silent.push(format!("{} sees {filler}", format.id));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn every_fixed_prefix_format_is_silent_inside_a_longer_word() {
    let secrets = secrets();
    let mut tried = 0;
    for format in &secrets.formats {
        let own = format.pattern.contains("(?P<value>");
        if own || format.check.is_some() || format.mark != Mark::Keyword {
            continue;
        }
        if format.pattern.starts_with('[') {
            continue;
        }
        let text = written(format, 0, false);
        let (hits, _) = secrets.formats(&format!("'q{text}'\n"), &mut Vec::new());
        assert!(
            hits.iter().all(|hit| hit.rule != format.id),
            "{}",
            format.id
        );
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}

/// How quick credentials are found: `SECRETS_CORPUS=DIR cargo test --profile quick -p
/// threatgate-facts --lib throughput -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "a measurement")]
fn throughput() {
    let folder = std::env::var("SECRETS_CORPUS").unwrap();
    let mut texts = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push(text);
            }
        }
    }
    let secrets = secrets();
    let bytes: usize = texts.iter().map(String::len).sum();
    let start = std::time::Instant::now();
    let mut count = 0;
    for text in &texts {
        count += found(&secrets, "src/app.conf", text).len();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{count} credentials in {:.0} MB: {:.0} MB/s",
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / seconds
    );
}

#[test]
fn no_output_holds_a_value() {
    let secrets = secrets();
    let mut silent = Vec::new();
    for format in &secrets.formats {
        let text = around(format, &written(format, 0, false));
        silent.push(&format.id);
        for fact in found(&secrets, "src/app.py", &text) {
            let value = &text[fact.location.start..fact.location.end];
            let json = serde_json::to_string(&fact).unwrap();
            let debug = format!("{fact:?}");
            // No six characters of it, apart from words of the rule itself.
            let known = format!(
                "{}{}{}{}{}",
                format.id,
                format.provider,
                format.keywords.join(" "),
                format.pattern,
                fact.rule
            );
            let chars: Vec<char> = value.chars().collect();
            for window in chars.windows(6) {
                let part: String = window.iter().collect();
                if !known.contains(&part) {
                    assert!(!json.contains(&part), "{}: {part} in {json}", format.id);
                    assert!(!debug.contains(&part), "{}: {part} in {debug}", format.id);
                }
            }
            let shown = fact.text("preview").unwrap();
            assert!(
                shown.split('…').next().unwrap().chars().count() <= 15,
                "{shown}"
            );
            silent.retain(|id| **id != format.id);
        }
    }
    assert_eq!(silent, Vec::<&String>::new());
}

/// The rules that see something in a file, in order.
fn check(path: &str, text: &str, expected: &[&str]) {
    let facts = found(&secrets(), path, text);
    let rules: Vec<&str> = facts.iter().map(|fact| fact.rule.as_str()).collect();
    assert_eq!(rules, expected, "{path}: {text}");
}

#[test]
fn assigned_literals() {
    let drawn = ["q7Zt0pLx", "2RvB9sKd", "w4Mf"].concat();
    let hex = ["9f86d081884c", "7d659a2feaa0"].concat();
    let chosen = ["Vh8!kanu", "2mis"].concat();
    let speak = |path: &str, text: String| check(path, &text, &["assignment"]);
    speak("a.py", format!("SECRET_KEY = '{drawn}'"));
    speak("a.py", format!("SECRET_KEY = b\"{drawn}\""));
    speak("a.py", format!("app.config['SECRET_KEY'] = '{drawn}'"));
    speak("a.py", format!("connect(user='x', password='{chosen}')"));
    speak("a.py", format!("key = os.getenv('JWT_SECRET', '{drawn}')"));
    speak("a.ts", format!("const apiKey: string = \"{drawn}\";"));
    speak(
        "a.ts",
        format!("export default {{ clientSecret: `{drawn}` }}"),
    );
    speak("a.rs", format!("const API_TOKEN: &str = \"{drawn}\";"));
    speak("a.go", format!("authToken := \"{hex}\""));
    speak("a.rb", format!(":password => '{chosen}'"));
    speak("a.json", format!("{{\"dbPassword\": \"{chosen}\"}}"));
    speak(".env", format!("DB_PASSWORD={chosen}"));
    speak(".env.production", format!("export SESSION_SECRET={drawn}"));
    speak(
        "docker-compose.yml",
        format!("      - POSTGRES_PASSWORD={chosen}"),
    );
    speak("config.yaml", format!("  api_key: {drawn} # of the shop"));
    speak("Dockerfile", format!("ENV API_TOKEN={drawn}"));
    speak("setup.cfg", format!("password = {chosen}"));

    let silent = |path: &str, text: String| check(path, &text, &[]);
    silent("README.md", format!("SECRET_KEY = '{drawn}'"));
    silent("locale/en.json", format!("{{\"password\": \"{chosen}\"}}"));
    silent("src/lang/de.js", format!("password: '{chosen}',"));
    silent("package-lock.json", format!("{{\"token\": \"{drawn}\"}}"));
    silent("a.py", format!("CSRF_TOKEN = '{drawn}'"));
    silent("a.py", format!("public_key = '{drawn}'"));
    silent("a.py", format!("TEST_PASSWORD = '{chosen}'"));
    silent("a.py", format!("password_hash = '{drawn}'"));
    silent("a.py", format!("token == '{drawn}'"));
    silent("a.py", format!("fingerprint = '{drawn}'"));
    silent("a.py", format!("a = '{drawn}'"));
    silent("a.py", format!("SECRET_KEY = {drawn}"));
    silent("a.py", format!("password = '{chosen}' + salt"));
}

#[test]
fn what_is_called_secret_and_is_none() {
    for value in [
        "changeme",
        "change-me-please-1",
        "xxxxxxxxxxxxxxxx",
        "your-secret-key-123",
        "<your token here>",
        "${DB_PASSWORD}",
        "{{ vault_password }}",
        "%(password)s",
        "$(cat secret)",
        "process.env.TOKEN",
        "os.environ['TOKEN1']",
        "example-pass-1!",
        "dummy!123",
        "test1234!",
        "foo-bar-1234!",
        "password123!",
        "S3cr3t-password!",
        "user_authentication_v2",
        "com.company.Token1",
        "this.state.password1",
        "/run/secrets/db_password1",
        "./keys/private1.pem",
        "https://login.company.com/oauth2",
        "0b5f1d8e-7a3c-4c1e-9f0a-2d6b8c4e1f37",
        "sha512-q7Zt0pLx2RvB9sKdw4Mfq7Zt0pLx2RvB9sKd",
        "ssh-rsa AAAAB3NzaC1yc2E",
        "Enter your password, 8 characters!",
        "phc_q7Zt0pLx2RvB9sKdw4Mfq7Zt0pLx",
        "deadbeefdeadbeefdeadbeef",
        "0123456789abcdef0123456789abcdef",
        "getToken(user1)",
        "django-insecure-q7Zt0pLx2RvB9sKd",
        "[REDACTED-12!]",
        "********1a",
        "not-a-real-key-5!",
        "type1:password",
        "input.form-control#pw1",
        "SELECT 1 FROM t!",
        "postgres1!",
    ] {
        for text in [
            format!("password = \"{value}\"\n"),
            format!("{{\"client_secret\": \"{value}\"}}\n"),
            format!("export const apiToken = \"{value}\";\n"),
        ] {
            check("src/config.js", &text, &[]);
        }
        if !value.contains(' ') {
            check(".env", &format!("DB_PASSWORD={value}\n"), &[]);
        }
    }
    for text in [
        "<input type=\"password\" name=\"password\" id=\"id_password1\">",
        "password: str = Field(min_length=8)",
        "def login(username: str, password: Optional[str] = None):",
        "let token = await getToken(\"session-7-q9x8\");",
        "PASSWORD_HASHER = \"django.contrib.auth.hashers.Argon2PasswordHasher\"",
        "passwordField.setAttribute(\"placeholder\", \"8+ characters!\")",
        "form.password.label = \"Password (min. 8)\"",
        "token_url = \"https://company.com/oauth2/token\"",
        "- API_TOKEN=${API_TOKEN:-}",
        "password: !vault |",
        "secretKeyRef: db-credentials-2",
    ] {
        check("deploy/values.yaml", text, &[]);
        check("src/a.ts", text, &[]);
    }
}

#[test]
fn addresses_with_a_password() {
    let chosen = ["vh8kanu", "2mis"].concat();
    let speak = |text: String, rule: &str| check("settings.py", &text, &[rule]);
    speak(
        format!("URL = 'postgres://shop:{chosen}@db.shop.io:5432/shop'"),
        "connection-string",
    );
    speak(
        format!("URL = 'mongodb+srv://shop:{chosen}@c0.x.mongodb.net/?w=1'"),
        "connection-string",
    );
    speak(
        format!("URL = 'redis://:{chosen}@cache.shop.io'"),
        "connection-string",
    );
    speak(
        format!("git clone https://bot:{chosen}@git.shop.io/a.git"),
        "url-password",
    );
    for text in [
        "postgres://postgres:postgres@localhost:5432/app",
        "postgresql://user:password@db.example.com/app",
        "postgres://app:hunter2@localhost/app",
        "mysql+pymysql://ctfd:ctfd@db/ctfd",
        "mysql://root:root123@127.0.0.1/x",
        "redis://:${REDIS_PASSWORD}@cache.shop.io",
        "amqp://guest:guest@rabbit.shop.io",
        "postgres://{user}:{password}@{host}/{name}",
        "postgres://%s:%s@%s/%s",
        "mongodb://<user>:<password>@cluster0.mongodb.net",
        "https://user:password@proxy.shop.io:8080",
        "https://shop.io:443/@scope/package",
        "http://a.b:8080/x@y",
        "https://fonts.googleapis.com/css2?family=Inter:wght@400;700",
    ] {
        check("settings.py", &format!("URL = \"{text}\"\n"), &[]);
        check("README.md", &format!("    {text}\n"), &[]);
    }
}

#[test]
fn provider_values_that_are_none() {
    let documented = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
    check("a.py", &format!("key = '{documented}'"), &[]);
    let id = ["AKIA", "Z7Q3M5N2X4LWKDUV"].concat();
    check("a.py", &format!("key = '{id}'"), &["aws-access-key-id"]);
    check(
        "a.py",
        &format!("text = 'line\\n{id}\\n'"),
        &["aws-access-key-id"],
    );
    check("a.py", &format!("key = '{id}Q'"), &[]);
    check(
        "a.html",
        &format!("href='/dp/B00?SubscriptionId={id}&tag=a'"),
        &[],
    );
    // A checksum that does not fit: GitHub shows such values.
    let body = ["q7Zt0pLx2RvB9sKd", "w4Mfc1HyT6uJ3n"].concat();
    let good = format!("ghp_{body}{}", base62(crc32(body.as_bytes())));
    check("a.py", &format!("x = '{good}'"), &["github-token"]);
    check("a.py", &format!("x = 'ghp_{body}0000aa'"), &[]);
    // Better a format than a name, and one report of one place.
    check(
        "a.py",
        &format!("GITHUB_TOKEN = '{good}'"),
        &["github-token"],
    );

    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    check("a.py", &jwt(header, r#"{"sub":"u-8","iat":17}"#), &["jwt"]);
    check(
        "a.py",
        &jwt(header, r#"{"sub":"1234567890","name":"John Doe"}"#),
        &[],
    );
    check(
        "a.py",
        &jwt(header, r#"{"iss":"supabase","role":"anon"}"#),
        &[],
    );
    check(
        "a.py",
        &jwt(r#"{"typ":"JWT"}"#, r#"{"sub":"u-8","iat":17}"#),
        &[],
    );
    check(
        "a.py",
        &format!("eyJ{0}.eyJ{0}.{0}", "q7Zt0pLx2RvB9sKd".repeat(2)),
        &[],
    );

    check(
        "a.py",
        "if '-----BEGIN PRIVATE KEY-----' in text and other words follow it here, and more and more of them",
        &[],
    );
    check(
        "a.py",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        &[],
    );
}

#[test]
fn a_clients_key_is_suspected_too() {
    let firebase = ["AIza", "SyQ7Zt0pLx2RvB9sKdw4Mfc1HyT6uJ3nQ8a"].concat();
    check("a.py", &format!("key = '{firebase}'"), &["google-api-key"]);
    check(
        "a.py",
        &format!("apiKey: '{firebase}', authDomain: 'shop.firebaseapp.com'"),
        &["google-api-key"],
    );
}

#[test]
fn a_key_is_the_same_in_another_layout() {
    let secrets = secrets();
    let body = [
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        "q7Zt0pLx2RvB9sKdw4Mfc1HyT6uJ3nQ8",
        "Yb5Ve9Gk",
    ]
    .concat();
    let (one, two) = body.split_at(32);
    let begin = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
    let a = found(
        &secrets,
        "a.pem",
        &format!("{begin}\n{one}\n{two}\n-----END"),
    );
    let b = found(
        &secrets,
        "b.json",
        &format!("{{\"k\": \"{begin}\\n{one}\\n{two}\\n-----END\"}}"),
    );
    assert_eq!((a.len(), b.len()), (1, 1));
    assert_eq!(a[0].identity, b[0].identity);
    assert_eq!(a[0].confidence, Confidence::Resolved);
}

#[test]
fn what_people_choose_has_a_short_digest() {
    let secrets = secrets();
    let chosen = ["Vh8!kanu", "2mis"].concat();
    let facts = found(&secrets, "a.py", &format!("db_password = '{chosen}'"));
    let digest = facts[0].identity.rsplit(':').next().unwrap();
    assert_eq!(digest.len(), 2);
    assert_eq!(facts[0].text("preview"), Some("12 characters"));
    assert_eq!(facts[0].confidence, Confidence::Heuristic);
    let lines = "x".repeat(2000);
    let long = format!("{lines}; db_password = '{chosen}'");
    assert_eq!(found(&secrets, "a.js", &long), []);
}

#[test]
fn tests_among_shipped_code_are_tests() {
    let secrets = secrets();
    let id = |last: &str| ["AKIA", "Z7Q3M5N2X4LWKDU", last].concat();
    let text = format!(
        "const A: &str = \"{}\";\n#[cfg(test)]\nuse x;\nconst B: &str = \"{}\";\n#[cfg(test)]\nmod tests {{\n    const C: &str = \"{}\";\n}}\nconst D: &str = \"{}\";\n",
        id("V"),
        id("W"),
        id("X"),
        id("Y"),
    );
    let facts = found(&secrets, "src/a.rs", &text);
    let scopes: Vec<Scope> = facts.iter().map(|fact| fact.scope).collect();
    use Scope::{Production, Test};
    assert_eq!(scopes, [Production, Production, Test, Production]);
}

#[test]
fn rule_files_are_read_strictly() {
    let entry = "[[format]]\nid = \"a\"\nprovider = \"A\"\nsource = \"https://a.io\"\npattern = 'abc'\nkeywords = [\"abc\"]\nmin-entropy = 1.0\nconfidence = \"resolved\"\n";
    let load = |text: &str| {
        Secrets::load(&[("secrets/a.toml", text)])
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(load(entry), None);
    let error = load(&format!("{entry}colour = 1\n")).unwrap();
    assert!(
        error.starts_with("secrets/a.toml:9: unknown field `colour`"),
        "{error}"
    );
    let error = load(&format!("{entry}\n{entry}")).unwrap();
    assert_eq!(error, "secrets/a.toml:10: format a exists already");
    let error = load(&entry.replace("keywords", "named")).unwrap();
    assert_eq!(
        error,
        "secrets/a.toml:1: format a: expected `value` beside `named`, else `pattern`"
    );
    let error = load(&entry.replace("\"abc\"", "\"a\"")).unwrap();
    assert_eq!(
        error,
        "secrets/a.toml:1: format a: expected keywords of at least 3 characters"
    );
    let error = load(&entry.replace("resolved", "sure")).unwrap();
    assert!(
        error.contains("a.toml:8: unknown variant `sure`"),
        "{error}"
    );
}
