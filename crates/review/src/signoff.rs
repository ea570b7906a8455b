//! Which of the sign-offs that were found count, and whether they are enough.

use std::collections::BTreeSet;

use threatgate_assess::{Closes, Identity, Policy, Review, ReviewState, Signoff, Verdict};

use crate::record::{Decision, Record};
use crate::signature::{AllowedSigners, NAMESPACE};

/// A record with its signature, as it was found at head or in a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file, or the note.
    pub place: String,
    /// The record's text: what is signed.
    pub text: String,
    /// The signature; empty if there is none.
    pub signature: String,
    /// It stood there before the change too: another review's sign-off is no news then.
    pub at_base: bool,
}

/// Who contributed to the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    /// Addresses of authors, committers and co-authors, names of signing keys, `@user` of the event.
    pub contributors: BTreeSet<String>,
    /// How well they are known.
    pub identity: Identity,
    /// Why they are not known in full; then nothing counts.
    pub unknown: Option<String>,
}

/// What the sign-offs amount to.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The review with its sign-offs and its state.
    pub review: Review,
    /// For the report: who signed; none while more is asked for.
    pub words: Option<String>,
    /// Whether what is blocked is closed too.
    pub closes_blocks: bool,
}

/// Judges what was found about a review. Everything that decides is of the base revision: signers and policy.
pub fn settle(
    mut review: Review,
    found: &[Found],
    signers: &AllowedSigners,
    people: &People,
    policy: &Policy,
    today: jiff::civil::Date,
) -> Settled {
    let settings = policy.review();
    let mut accepted: Vec<(Record, Vec<String>, String, bool)> = Vec::new();
    let mut signoffs = Vec::new();
    let mut rejected = false;
    for one in found {
        let record = match Record::parse(&one.place, &one.text) {
            Ok(record) => record,
            Err(_) if one.at_base => continue,
            Err(error) => {
                signoffs.push(Signoff {
                    signer: "unknown".into(),
                    date: String::new(),
                    place: one.place.clone(),
                    counts: false,
                    because: vec![error.message],
                    differs: Vec::new(),
                    key: None,
                });
                continue;
            }
        };
        let fits = record.fingerprint == review.fingerprint;
        // What was signed off earlier and merged is history.
        if !fits && (one.at_base || !concerns(&record, &review)) {
            continue;
        }
        let mut signoff = Signoff {
            signer: record.signer.clone(),
            date: record.date.to_string(),
            place: one.place.clone(),
            counts: false,
            because: Vec::new(),
            differs: Vec::new(),
            key: None,
        };
        let signer = if one.signature.trim().is_empty() {
            Err("is not signed: a record counts by its signature alone".to_owned())
        } else {
            signers
                .verify(&one.signature, NAMESPACE, one.text.as_bytes(), today)
                .map_err(|error| error.to_string())
        };
        match signer {
            Err(why) => signoff.because.push(why),
            Ok(signer) => {
                signoff.key = Some(signer.key.clone());
                let names = signer.principals;
                if !names
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(&record.signer))
                {
                    signoff.because.push(format!(
                        "the key belongs to {} and not to {}",
                        names.join(", "),
                        record.signer
                    ));
                } else if !fits {
                    signoff.differs = differs(&record, &review);
                    signoff
                        .because
                        .push("what was signed is not what is to be reviewed now".into());
                } else if record.decision == Decision::Reject {
                    rejected = true;
                    signoff.because.push("rejects the change".into());
                } else {
                    let (faults, own) = faults(&record, &names, &review, people, policy, today);
                    signoff.counts = faults.is_empty();
                    signoff.because = faults;
                    if signoff.counts {
                        accepted.push((record, names, signer.key, own));
                    }
                }
            }
        }
        signoffs.push(signoff);
    }
    // One person is one, however many records there are.
    accepted.sort_by(|a, b| a.2.cmp(&b.2));
    accepted.dedup_by(|a, b| a.2 == b.2);
    let named = review.reviewers.iter().all(|reviewers| {
        accepted.iter().any(|(_, names, ..)| {
            reviewers
                .owners
                .iter()
                .any(|owner| policy.is_owner(owner, names))
        })
    });
    let enough = named && !rejected && accepted.len() >= review.count.max(1);
    let own = accepted.iter().any(|(_, _, _, own)| *own);
    let evidence = accepted.iter().any(|(record, ..)| record.has_evidence());
    let closes_blocks = settings.closes == Closes::Block && evidence;
    if enough && review.verdict == Verdict::Block && settings.closes == Closes::Block && !evidence {
        for signoff in signoffs.iter_mut().filter(|one| one.counts) {
            signoff.because.push(
                "words alone do not close what is blocked: an answer must link to evidence".into(),
            );
        }
    }
    let mut words = None;
    if enough {
        review.state = if own {
            ReviewState::SelfReviewed
        } else {
            ReviewState::Signed
        };
        let who: Vec<&str> = accepted
            .iter()
            .map(|(record, ..)| record.signer.as_str())
            .collect();
        let until = accepted.iter().map(|(record, ..)| record.expires).min();
        let until = until.map_or_else(String::new, |day| format!(", until {day}"));
        let verb = if own { "self-reviewed" } else { "signed off" };
        words = Some(format!(
            "{verb} by {} ({}{until})",
            who.join(" and "),
            review.id
        ));
    }
    review.identity = Some(people.identity);
    review.signoffs = signoffs;
    Settled {
        review,
        words,
        closes_blocks,
    }
}

/// Why a record with a good signature does not count, and whether it is a contributor's own.
fn faults(
    record: &Record,
    names: &[String],
    review: &Review,
    people: &People,
    policy: &Policy,
    today: jiff::civil::Date,
) -> (Vec<String>, bool) {
    let settings = policy.review();
    let mut faults = Vec::new();
    if record.date > today {
        faults.push(format!("is of {}, which is still to come", record.date));
    }
    if record.expires < today {
        faults.push(format!("expired on {}", record.expires));
    }
    let days = record.expires.duration_since(record.date).as_hours() / 24;
    if days > i64::from(settings.valid_days) {
        faults.push(format!(
            "holds {days} days; the policy allows {}",
            settings.valid_days
        ));
    }
    if let Some(why) = &people.unknown {
        faults.push(format!("who contributed is not known: {why}"));
    }
    if settings.require_signed_commits && people.identity == Identity::Weak {
        faults.push("a commit of the change bears no signature of an allowed signer".into());
    }
    let contributed = names
        .iter()
        .any(|name| people.contributors.contains(&name.to_lowercase()));
    let mut own = false;
    if contributed && !settings.contributors_allowed {
        own = settings.self_review && record.decision == Decision::SelfReview;
        if !own {
            faults.push(format!("{} contributed to the change", record.signer));
        }
    }
    if record.decision == Decision::SelfReview && !settings.self_review {
        faults.push("is a self-review, which the policy does not allow".into());
    }
    let owners = || {
        review
            .reviewers
            .iter()
            .flat_map(|reviewers| &reviewers.owners)
    };
    if owners().next().is_some() && !owners().any(|owner| policy.is_owner(owner, names)) {
        faults.push(format!("{} is none of those who must sign", record.signer));
    }
    faults.extend(record.missing(review));
    (faults, own)
}

/// Whether a record is about something of this review.
fn concerns(record: &Record, review: &Review) -> bool {
    let mut names = record.inputs.keys();
    names.any(|name| {
        !matches!(name.as_str(), "contract" | "policy") && review.inputs.contains_key(name)
    })
}

/// The inputs that differ from those that were signed.
fn differs(record: &Record, review: &Review) -> Vec<String> {
    let names: BTreeSet<&String> = record.inputs.keys().chain(review.inputs.keys()).collect();
    let mut all = Vec::new();
    let mut ids = Vec::new();
    for name in names {
        let (then, now) = (record.inputs.get(name), review.inputs.get(name));
        if then == now {
            continue;
        }
        let digest = |value: &Option<&String>| value.is_none_or(|value| is_digest(value));
        let words = match (then, now) {
            (Some(_), None) => format!("{name}: no longer there"),
            (None, Some(now)) if is_digest(now) => format!("{name}: not there when it was signed"),
            (None, Some(now)) => format!("{name}: not there when it was signed, now {now}"),
            (Some(_), Some(_)) if digest(&then) || digest(&now) => {
                format!("{name}: changed since it was signed")
            }
            (Some(then), Some(now)) => format!("{name}: was {then}, now {now}"),
            (None, None) => continue,
        };
        // What changed is told by its parts; ids of changes only where nothing else tells.
        if name.starts_with("change TC-") {
            ids.push(words);
        } else {
            all.push(words);
        }
    }
    if all.is_empty() { ids } else { all }
}

fn is_digest(value: &str) -> bool {
    let value = value.strip_prefix("digest ").unwrap_or(value);
    value.len() >= 12 && value.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::key;
    use threatgate_assess::{Question, Reviewers};

    const DAY: jiff::civil::Date = jiff::civil::date(2026, 6, 1);

    struct Case {
        review: Review,
        record: Record,
        policy: String,
        people: People,
        seed: u8,
        today: jiff::civil::Date,
    }

    fn case() -> Case {
        let mut review = Review {
            questions: vec![Question {
                id: "q1".into(),
                text: "Who may call it?".into(),
                ..Question::default()
            }],
            reviewers: vec![Reviewers {
                owners: vec!["@sec".into()],
                reason: "policy".into(),
            }],
            verdict: Verdict::Review,
            count: 1,
            ..Review::default()
        };
        review
            .inputs
            .insert("auth GET /users (after): guards".into(), "[]".into());
        review.seal();
        let mut record = Record::new(
            &review,
            "bob@example.org",
            DAY,
            jiff::civil::date(2026, 9, 1),
        );
        record.answer(&review.questions[0].clone(), "Anybody");
        Case {
            review,
            record,
            policy: "version = 1\n[[team]]\nname = \"@sec\"\nmembers = [\"bob@example.org\"]\n"
                .into(),
            people: People {
                contributors: ["alice@example.org".to_owned()].into(),
                identity: Identity::Weak,
                unknown: None,
            },
            seed: 1,
            today: DAY,
        }
    }

    impl Case {
        fn settle(&self) -> Settled {
            let (private, _) = key(self.seed);
            let signers = AllowedSigners::parse(&format!("bob@example.org {}\n", key(1).1));
            let text = self.record.text().unwrap();
            let signature = crate::sign(&private, NAMESPACE, text.as_bytes()).unwrap();
            let found = Found {
                place: "file".into(),
                text,
                signature,
                at_base: false,
            };
            let policy = Policy::new("version = 1\n", Some(("p", &self.policy))).unwrap();
            settle(
                self.review.clone(),
                &[found],
                &signers,
                &self.people,
                &policy,
                self.today,
            )
        }

        #[track_caller]
        fn refused(&self, words: &str) {
            let settled = self.settle();
            assert_eq!(settled.words, None);
            let because = settled.review.signoffs[0].because.join("; ");
            assert!(because.contains(words), "{because}");
        }
    }

    #[test]
    fn a_sign_off_of_a_named_person_closes_the_review() {
        let settled = case().settle();
        let words = "signed off by bob@example.org (".to_owned()
            + &settled.review.id
            + ", until 2026-09-01)";
        assert_eq!(settled.words, Some(words));
        assert_eq!(settled.review.state, ReviewState::Signed);
        assert_eq!(settled.review.identity, Some(Identity::Weak));
    }

    #[test]
    fn what_does_not_count_says_why() {
        let mut one = case();
        one.seed = 2;
        one.refused("is not in allowed_signers");

        let mut one = case();
        one.record.signer = "alice@example.org".into();
        one.refused("belongs to bob@example.org");

        let mut one = case();
        one.today = jiff::civil::date(2026, 9, 2);
        one.refused("expired on 2026-09-01");

        let mut one = case();
        one.record.date = jiff::civil::date(2026, 6, 2);
        one.refused("still to come");

        let mut one = case();
        one.record.expires = jiff::civil::date(2027, 6, 2);
        one.refused("the policy allows 180");

        let mut one = case();
        one.people.contributors.insert("bob@example.org".into());
        one.refused("contributed to the change");

        let mut one = case();
        one.people.unknown = Some("shallow".into());
        one.refused("who contributed is not known");

        let mut one = case();
        one.record.answers.clear();
        one.refused("is not answered");

        let mut one = case();
        one.record.decision = Decision::Reject;
        one.refused("rejects");

        let mut one = case();
        one.policy = "version = 1\n".into();
        one.refused("none of those who must sign");

        let mut one = case();
        one.policy
            .push_str("[review]\nrequire-signed-commits = true\n");
        one.refused("bears no signature");

        let mut one = case();
        one.review
            .inputs
            .insert("auth GET /users (after): guards".into(), "[login]".into());
        one.review.seal();
        one.refused("not what is to be reviewed");
        assert_eq!(
            one.settle().review.signoffs[0].differs,
            ["auth GET /users (after): guards: was [], now [login]"]
        );
    }

    #[test]
    fn a_small_team_may_record_its_own_review() {
        let mut one = case();
        one.people.contributors.insert("bob@example.org".into());
        one.record.decision = Decision::SelfReview;
        one.refused("self-review, which the policy does not allow");
        one.policy.push_str("[review]\nself-review = true\n");
        let settled = one.settle();
        assert_eq!(settled.review.state, ReviewState::SelfReviewed);
        assert!(
            settled
                .words
                .unwrap_or_default()
                .starts_with("self-reviewed")
        );
    }

    #[test]
    fn words_alone_do_not_close_what_is_blocked() {
        let mut one = case();
        one.review.verdict = Verdict::Block;
        one.policy.push_str("[review]\ncloses = \"block\"\n");
        assert!(!one.settle().closes_blocks);
        one.record.answer(
            &one.review.questions[0].clone(),
            "nobody, see tests/test_users.py",
        );
        assert!(one.settle().closes_blocks);
    }
}
