//! Assessments made by hand, for the tests of the reports.

use std::sync::Arc;

use serde_json::json;
use threatgate_assess::*;
use threatgate_facts::{Confidence, Fact, FactKind, Location, Problem, Scope};
use threatgate_model::risk::Vector;

use crate::{Side, Sources};

/// The files of [`assessment`].
pub(crate) struct Files;

impl Sources for Files {
    fn text(&self, side: Side, path: &str) -> Option<Arc<str>> {
        let text = match (side, path) {
            (Side::Base, "src/routes/index.js") => {
                "const app = express()\n\napp.use('/admin', requireAdmin, adminRouter)\n"
            }
            (Side::Head, "src/routes/index.js") => {
                "const app = express()\napp.use('/admin', adminRouter)\n"
            }
            (Side::Head, "app/models/user.py") => {
                "class User(Model):\n\tssn = CharField(default='078051120')\n"
            }
            (Side::Base, "app/models/user.py") => "class User(Model):\n\tpass\n",
            (Side::Head, "app/config.py") => "KEY = 'AKIAVERYSECRET'\n",
            _ => return None,
        };
        Some(Arc::from(text))
    }
}

pub(crate) fn at(path: &str, line: u32, column: u32, end_column: u32) -> Location {
    Location {
        path: path.into(),
        line,
        column,
        end_line: line,
        end_column,
        start: 0,
        end: 0,
    }
}

fn fact(kind: FactKind, identity: &str, location: Location) -> Fact {
    Fact {
        kind,
        identity: identity.into(),
        attributes: Default::default(),
        location,
        rule: "sample".into(),
        confidence: Confidence::Resolved,
        scope: Scope::Production,
        evidence: Vec::new(),
    }
}

fn change(id: &str, kind: FactKind, how: ChangeKind, title: &str, location: Location) -> Change {
    let own = Some(fact(kind, title, location.clone()));
    let (before, after) = match how {
        ChangeKind::Removed => (own, None),
        _ => (None, own),
    };
    Change {
        id: id.into(),
        kind,
        change: how,
        direction: Direction::Neutral,
        title: title.into(),
        location,
        at_base: how == ChangeKind::Removed,
        before,
        after,
        deltas: Vec::new(),
        affected: Vec::new(),
        notes: Vec::new(),
        verdict: Verdict::Pass,
        policy_rule: "default".into(),
        threats: Vec::new(),
        severity: None,
        exception: None,
        attached: None,
        context: Context::default(),
    }
}

fn threat(rule: &str, title: &str, change: &str) -> Threat {
    Threat {
        id: format!("{rule}@{change}"),
        rule: rule.into(),
        status: ThreatStatus::Introduced,
        title: title.into(),
        subjects: Vec::new(),
        confidence: Confidence::Resolved,
        controls: Controls::default(),
        stride: "SE".into(),
        cwe: vec!["CWE-306".into(), "CWE-79".into()],
        classes: Classes::default(),
        risk: Some(risk()),
        mitigations: vec!["Put the guard back".into(), "Deny by default".into()],
        questions: vec!["Which requests does the guard let through now?".into()],
        answers: Vec::new(),
        evidence: Vec::new(),
        changes: vec![change.into()],
    }
}

fn risk() -> Risk {
    let vector: Vector = "TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1"
        .parse()
        .expect("a vector");
    let score = vector.score();
    Risk {
        severity: score.severity,
        rank: score.rank,
        likelihood: score.likelihood_text(),
        impact: score.impact,
        vector,
        because: vec![
            "anybody on the internet (assumed)".into(),
            "data of class pii".into(),
        ],
    }
}

fn empty() -> Assessment {
    Assessment {
        schema_version: SCHEMA_VERSION.into(),
        tool: Tool {
            name: "threatgate".into(),
            version: "0.1.0".into(),
            rules: "0123456789ab".into(),
        },
        verdict: Verdict::Pass,
        reasons: Vec::new(),
        base: Some("4b1e9c2000000000000000000000000000000000".into()),
        head: Some("e4f5a6b000000000000000000000000000000000".into()),
        head_date: None,
        range: "arguments".into(),
        notes: Vec::new(),
        changes: Vec::new(),
        threats: Vec::new(),
        coverage: Coverage {
            files_changed: 14,
            files_read: 6,
            files_context: 20,
            ..Coverage::default()
        },
        review: None,
        policy: "built in".into(),
        policy_findings: Vec::new(),
    }
}

/// Nothing material.
pub(crate) fn nothing() -> Assessment {
    empty()
}

/// A secret, a lost guard with what it opens, a field, a better hash, and one that passes.
pub(crate) fn assessment() -> Assessment {
    let mut secret = change(
        "TC-000000000001",
        FactKind::Secret,
        ChangeKind::Added,
        "an AWS access key was committed",
        at("app/config.py", 1, 8, 22),
    );
    secret.verdict = Verdict::Block;
    secret.policy_rule = "secret-committed".into();
    if let Some(fact) = &mut secret.after {
        fact.attributes.insert("preview".into(), json!("AKIA…"));
    }
    let mut guard = change(
        "TC-000000000002",
        FactKind::Auth,
        ChangeKind::Removed,
        "3 endpoints lost `requireAdmin`",
        at("src/routes/index.js", 3, 19, 31),
    );
    guard.verdict = Verdict::Review;
    guard.direction = Direction::Weakened;
    guard.policy_rule = "guard-lost".into();
    guard.threats = vec!["TG-AUTHN-003@TC-000000000002".into()];
    let affected = |subject: &str, outcome: &str, line| Affected {
        subject: subject.into(),
        outcome: outcome.into(),
        location: at("src/routes/admin.js", line, 1, 10),
        sides: Sides::default(),
    };
    guard.affected = vec![
        affected("POST /admin/refunds", "now open", 12),
        affected("GET /admin/refunds", "now open", 20),
        affected(
            "DELETE /admin/users/{id}",
            "still guarded by `requireOwner`",
            31,
        ),
    ];
    let mut field = change(
        "TC-000000000003",
        FactKind::DataModel,
        ChangeKind::Added,
        "User gains the sensitive field `ssn` (national id)",
        at("app/models/user.py", 2, 2, 5),
    );
    field.verdict = Verdict::Warn;
    field.policy_rule = "sensitive-field".into();
    field.threats = vec!["TG-DATA-001@TC-000000000003".into()];
    field.notes = vec!["exposed by GET /users/{id} through UserSerializer".into()];
    let mut better = change(
        "TC-000000000004",
        FactKind::Crypto,
        ChangeKind::Added,
        "hash_password uses argon2id (was MD5)",
        at("app/passwords.py", 9, 1, 5),
    );
    better.direction = Direction::Strengthened;
    let passing = change(
        "TC-000000000005",
        FactKind::Endpoint,
        ChangeKind::Added,
        "GET /health added",
        at("src/health.js", 2, 1, 5),
    );
    let mut all = empty();
    all.verdict = Verdict::Block;
    all.reasons = vec![
        "an AWS access key was committed (policy rule secret-committed)".into(),
        "3 endpoints lost `requireAdmin` (policy rule guard-lost)".into(),
    ];
    all.changes = vec![secret, guard, field, better, passing];
    let lost = "Auth middleware removed, narrowed or moved after routes";
    all.threats = vec![
        threat("TG-AUTHN-003", lost, "TC-000000000002"),
        threat(
            "TG-DATA-001",
            "Sensitive data is stored in clear",
            "TC-000000000003",
        ),
        Threat {
            status: ThreatStatus::Resolved,
            risk: None,
            ..threat("TG-CRYPTO-002", "Weak password hash", "TC-000000000004")
        },
    ];
    all.coverage.problems = vec![Problem {
        path: "src/legacy.js".into(),
        line: Some(4),
        reason: "syntax error".into(),
        whole: false,
    }];
    all.coverage.unknown_guards = vec![UnknownGuard {
        endpoint: "POST /beta".into(),
        reason: "`dynamicGuard()` could not be resolved".into(),
        location: at("src/routes/beta.js", 9, 1, 5),
    }];
    all.review = Some(Review {
        id: "TR-7f3a91c2".into(),
        fingerprint: "7f3a91c2".repeat(8),
        changes: vec!["TC-000000000001".into(), "TC-000000000002".into()],
        questions: vec![Question {
            id: "q1".into(),
            text: "Which requests does the guard let through now?".into(),
            change: "TC-000000000002".into(),
            ..Question::default()
        }],
        reviewers: vec![Reviewers {
            owners: vec!["@acme/security".into()],
            reason: "CODEOWNERS: /src/".into(),
        }],
        ..Review::default()
    });
    all
}

/// Text by which an attacker tries to break out of every format.
pub(crate) const HOSTILE: &str = "a\u{1b}[31m\n::error::x\r</details><script>`|@acme/all #1 \
     ](http://evil) <!-- --> \u{202e}**b** ``` www.evil.example %0A";

/// One change of which every text that comes from a repository is hostile.
pub(crate) fn hostile() -> Assessment {
    let mut change = change(
        "TC-000000000001",
        FactKind::Auth,
        ChangeKind::Added,
        HOSTILE,
        at(HOSTILE, 1, 1, 5),
    );
    change.verdict = Verdict::Review;
    change.policy_rule = "default".into();
    change.notes = vec![HOSTILE.into()];
    change.affected = vec![Affected {
        subject: HOSTILE.into(),
        outcome: HOSTILE.into(),
        location: at(HOSTILE, 3, 1, 2),
        sides: Sides::default(),
    }];
    let mut all = empty();
    all.verdict = Verdict::Review;
    all.reasons = vec![HOSTILE.into()];
    all.notes = vec![HOSTILE.into()];
    all.changes = vec![change];
    all.coverage.problems = vec![Problem {
        path: HOSTILE.into(),
        line: None,
        reason: HOSTILE.into(),
        whole: true,
    }];
    all.coverage.unknown_guards = vec![UnknownGuard {
        endpoint: HOSTILE.into(),
        reason: HOSTILE.into(),
        location: at(HOSTILE, 2, 1, 2),
    }];
    all.coverage.alarms = vec![HOSTILE.into()];
    all
}

/// The only line of every file is hostile too.
pub(crate) struct HostileFiles;

impl Sources for HostileFiles {
    fn text(&self, side: Side, _: &str) -> Option<Arc<str>> {
        Some(Arc::from(match side {
            Side::Base => "x = 1\n".to_owned(),
            Side::Head => HOSTILE.replace('\n', " "),
        }))
    }
}

/// So many changes that ask for a review.
pub(crate) fn many(number: usize) -> Assessment {
    let mut all = empty();
    all.verdict = Verdict::Review;
    for index in 0..number {
        let id = format!("TC-{index:012}");
        let title = format!("GET /endpoint/{index} lost `require_login`");
        let place = at("src/views.py", 1 + index as u32, 1, 5);
        let mut change = change(&id, FactKind::Auth, ChangeKind::Added, &title, place);
        change.verdict = Verdict::Review;
        change.policy_rule = "guard-lost".into();
        all.changes.push(change);
    }
    all
}
