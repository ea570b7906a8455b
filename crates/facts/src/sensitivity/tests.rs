use super::*;

fn files() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/sensitivity");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() > 5);
    files
}

fn dictionary() -> Sensitivity {
    let files = files();
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    Sensitivity::load(&files).unwrap()
}

/// `Entity.field: type` → class and term.
fn judge(dictionary: &Sensitivity, example: &str) -> String {
    let (name, ty) = example
        .split_once(": ")
        .map_or((example, None), |(name, ty)| (name, Some(ty)));
    let (entity, field) = name.rsplit_once('.').unwrap_or(("", name));
    let found = dictionary.classify(entity, field, ty);
    let found = found.or_else(|| dictionary.find(entity, field, ty, true));
    found.map_or("-".to_owned(), |found| {
        format!("{} {}", found.class, found.term)
    })
}

#[test]
fn every_term_speaks_and_is_silent_as_its_examples_say() {
    let dictionary = dictionary();
    let mut wrong = Vec::new();
    let mut terms = 0;
    for (path, text) in files() {
        let file: File = toml::from_str(&text).unwrap();
        for term in file.term {
            terms += 1;
            let name = &term.name;
            assert!(
                !term.examples.matching.is_empty() && !term.examples.silent.is_empty(),
                "{path}: {name} needs both kinds of example"
            );
            let class = term.class.as_ref().or(file.class.as_ref());
            let class = class.or(file.control.as_ref());
            let expected = format!("{} {name}", class.unwrap());
            for example in &term.examples.matching {
                let found = judge(&dictionary, example);
                if found != expected {
                    wrong.push(format!("{path}: {example} is {found}, expected {expected}"));
                }
            }
            for example in &term.examples.silent {
                let found = judge(&dictionary, example);
                // What a field holds and what it decides are two questions.
                let controls = ["access", "ownership", "tenancy"];
                let is_control = controls.iter().any(|one| found.starts_with(one));
                if found != "-" && is_control == file.control.is_some() {
                    wrong.push(format!("{path}: {example} is {found}, expected silence"));
                }
            }
        }
    }
    assert!(terms > 40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn term_names_are_unique() {
    let mut names = BTreeSet::new();
    for term in dictionary().terms {
        assert!(names.insert(term.name.clone()), "{}", term.name);
    }
}

#[test]
fn names_are_split_into_words() {
    for (name, words) in [
        ("dateOfBirth", "date of birth"),
        ("SSNNumber", "ssn number"),
        ("userIDs", "user id"),
        ("APIKeyHash", "api key hash"),
        ("address_line-1", "address line 1"),
        ("address2", "address 2"),
        ("addresses", "address"),
        ("diagnosis", "diagnosis"),
        ("bodies", "body"),
        ("straßeName", "strasse name"),
        ("", ""),
        ("__", ""),
    ] {
        assert_eq!(split(name).join(" "), words, "{name}");
    }
}

#[test]
fn types_are_read_in_every_language() {
    for (ty, expected) in [
        ("Option<String>", Kind::Text),
        ("VARCHAR(255)", Kind::Text),
        ("string | null", Kind::Text),
        ("models.CharField", Kind::Text),
        ("models.BooleanField", Kind::Boolean),
        ("tinyint(1)", Kind::Boolean),
        ("Mapped[int]", Kind::Number),
        ("Vec<u8>", Kind::Binary),
        ("timestamp with time zone", Kind::Time),
        ("DateTime<Utc>", Kind::Time),
        ("NaiveDate", Kind::Time),
        ("Jsonb", Kind::Json),
        ("Uuid", Kind::Uuid),
        ("Role", Kind::Other),
        ("BIGINT", Kind::Number),
        ("", Kind::Other),
    ] {
        assert_eq!(kind(&type_words(ty)), expected, "{ty}");
    }
}

#[test]
fn a_team_adds_its_own_class() {
    let mut dictionary = dictionary();
    dictionary
        .add("crown-jewels", &["loyalty_number", "Member.level"])
        .unwrap();
    dictionary.add("pii", &["nickname"]).unwrap();
    for (example, expected) in [
        ("Member.loyaltyNumber: int", "crown-jewels loyalty-number"),
        ("Member.level", "crown-jewels level"),
        ("members.level", "crown-jewels level"),
        ("Log.level", "-"),
        ("Cat.nickname", "pii nickname"),
    ] {
        assert_eq!(judge(&dictionary, example), expected, "{example}");
    }
    assert_eq!(
        Class::named("crown-jewels"),
        Class::Custom("crown-jewels".to_owned())
    );
    assert!(dictionary.add("", &["x"]).is_err());
    assert!(dictionary.add("x", &["."]).is_err());
}

#[test]
fn errors_name_file_and_line() {
    let term = "class = \"pii\"\n[[term]]\nname = \"x\"\nwords = [\"x\"]\nexamples.match = []\nexamples.silent = []\n";
    for (text, expected) in [
        ("klass = \"pii\"", "a.toml:1: unknown field `klass`"),
        (
            &term.replace("class", "#"),
            "a.toml:3: a term needs a `class`",
        ),
        (
            &term.replace("[\"x\"]", "[\"-\"]"),
            "a.toml:4: `words` needs",
        ),
        (
            &format!("{term}on = [\"nobody\"]"),
            "a.toml:7: unknown context \"nobody\"; expected one of",
        ),
        (
            &format!("{term}types = [\"txt\"]"),
            "a.toml:7: unknown variant `txt`, expected one of `boolean`",
        ),
    ] {
        let error = Sensitivity::load(&[("a.toml", text)])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
