//! Risk by the method `TGR:1`: likelihood × impact from factors that a line of text holds.
//!
//! The factors and their scales from 0 to 9 are those of the [OWASP Risk Rating
//! Methodology](https://owasp.org/www-community/OWASP_Risk_Rating_Methodology); its step 6 invites to adapt the rest. Skill and motive of an attacker are left
//! out, because code says nothing about them; awareness, because it is the same throughout a repository. Impact is the highest of its parts and not their mean: a flaw
//! that leaks everything is not half as bad because it leaves availability alone. The matrix of likelihood and impact has the shape of NIST SP 800-30 Rev. 1.
//!
//! ```text
//! L = ((O+S)/2 + (ED+EE+ID)/3) / 2 + E      0 to 9, one decimal, half up
//! I = max(C, I, A, Acc where it is given) + K      0 to 9
//! R = 100 · L · I / 81                        0 to 100, half up; ranks within a severity
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The highest value of a factor.
const TOP: u8 = 9;

/// What evidence can move, in tenths of the scale of likelihood.
const MOST_EVIDENCE: i16 = 15;

/// How grave a risk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Minor.
    Low,
    /// To be looked at.
    Medium,
    /// Needs a decision by somebody responsible.
    High,
    /// Must not ship as it is.
    Critical,
}

impl Severity {
    /// The severity's name in reports and policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All that a risk is computed from; shown as `TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1`.
///
/// Factors are 0 to 9. What the context changes (a data class, writing) is already in them, so that
/// the vector alone gives the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vector {
    /// `O`: what an attacker must already reach: 0 nothing can, 4 the inside, 7 a login, 9 the internet.
    pub opportunity: u8,
    /// `S`: who can try: 2 operators, 4 employees, 5 partners, 6 registered users, 9 anybody.
    pub population: u8,
    /// `ED`, ease of discovery: 1 practically impossible, 3 difficult, 7 easy, 9 by tools.
    pub discovery: u8,
    /// `EE`, ease of exploit: 1 theoretical, 3 difficult, 5 easy, 9 by tools.
    pub exploit: u8,
    /// `ID`, detection: 1 the application notices, 3 logged and reviewed, 8 logged, 9 not logged.
    pub detection: u8,
    /// `C`: loss of confidentiality.
    pub confidentiality: u8,
    /// `I`: loss of integrity.
    pub integrity: u8,
    /// `A`: loss of availability.
    pub availability: u8,
    /// `Acc`: loss of accountability, where it counts.
    pub accountability: Option<u8>,
    /// `E`: what evidence adds to the likelihood, in tenths, −15 to 15.
    pub evidence: i16,
    /// `K:1`: the code is critical by the team's word.
    pub critical: bool,
}

/// What a [`Vector`] amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score {
    /// Likelihood in tenths, 0 to 90.
    pub likelihood: u8,
    /// Impact, 0 to 9.
    pub impact: u8,
    /// The grade of both.
    pub severity: Severity,
    /// 0 to 100; orders risks of one severity and never decides it.
    pub rank: u8,
}

impl Score {
    /// The likelihood as it is shown: `8.5`.
    pub fn likelihood_text(&self) -> String {
        format!("{}.{}", self.likelihood / 10, self.likelihood % 10)
    }
}

/// Five bands: below 2, 4, 6, 8 and the rest; of tenths.
fn band(tenths: u16) -> usize {
    usize::from(tenths / 20).min(4)
}

/// Rows by likelihood, columns by impact, from very low to very high.
const MATRIX: [[Severity; 5]; 5] = {
    use Severity::{Critical, High, Low, Medium, Note};
    [
        [Note, Note, Note, Low, Low],
        [Note, Low, Low, Low, Medium],
        [Note, Low, Medium, Medium, High],
        [Note, Low, Medium, High, Critical],
        [Note, Low, Medium, High, Critical],
    ]
};

impl Vector {
    /// What the factors amount to. Lowering a factor never raises a score.
    ///
    /// Factors above 9 count as 9, evidence beyond ±1.5 as ±1.5.
    pub fn score(&self) -> Score {
        let factor = |value: u8| i16::from(value.min(TOP));
        let agent = factor(self.opportunity) + factor(self.population);
        let weakness = factor(self.discovery) + factor(self.exploit) + factor(self.detection);
        // ((O+S)/2 + (ED+EE+ID)/3) / 2, in tenths and half up: one exact fraction with denominator 12.
        let tenths = (10 * (3 * agent + 2 * weakness) + 6) / 12;
        let evidence = self.evidence.clamp(-MOST_EVIDENCE, MOST_EVIDENCE);
        let likelihood = (tenths + evidence).clamp(0, 90).unsigned_abs();
        let parts = [
            self.confidentiality,
            self.integrity,
            self.availability,
            self.accountability.unwrap_or(0),
        ];
        let impact = parts
            .iter()
            .fold(0, |most, part| most.max((*part).min(TOP)));
        let impact = (impact + u8::from(self.critical)).min(TOP);
        let severity = MATRIX[band(likelihood)][band(u16::from(impact) * 10)];
        // 100 · L · I / 81 with L in tenths, half up.
        let rank = (10 * u32::from(likelihood) * u32::from(impact) * 2 + 81) / (2 * 81);
        Score {
            likelihood: u8::try_from(likelihood).unwrap_or(90),
            impact,
            severity,
            rank: u8::try_from(rank).unwrap_or(100),
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TGR:1/O:{}/S:{}/ED:{}/EE:{}/ID:{}/C:{}/I:{}/A:{}",
            self.opportunity,
            self.population,
            self.discovery,
            self.exploit,
            self.detection,
            self.confidentiality,
            self.integrity,
            self.availability
        )?;
        if let Some(accountability) = self.accountability {
            write!(f, "/Acc:{accountability}")?;
        }
        if self.evidence != 0 {
            let sign = if self.evidence < 0 { '-' } else { '+' };
            let tenths = self.evidence.unsigned_abs();
            write!(f, "/E:{sign}{}.{}", tenths / 10, tenths % 10)?;
        }
        if self.critical {
            f.write_str("/K:1")?;
        }
        Ok(())
    }
}

/// Why a text is no vector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// It is of no version that is known.
    #[error("a vector starts with \"TGR:1/\"")]
    Version,
    /// A part is not `NAME:VALUE`, or its name is not known.
    #[error(
        "\"{0}\" is no part of a vector; the parts are O, S, ED, EE, ID, C, I, A and, where they apply, Acc, E, K"
    )]
    Unknown(String),
    /// A value is out of its range.
    #[error("\"{part}\" is out of range: {range}")]
    Range {
        /// The part as written.
        part: String,
        /// What may stand there.
        range: &'static str,
    },
    /// A part stands there twice.
    #[error("\"{0}\" stands there twice")]
    Twice(String),
    /// A part that must be there is not.
    #[error("\"{0}\" is missing")]
    Missing(&'static str),
}

/// The parts that must be there, in their order.
const FACTORS: [&str; 8] = ["O", "S", "ED", "EE", "ID", "C", "I", "A"];

impl FromStr for Vector {
    type Err = VectorError;

    /// Parts may come in any order.
    fn from_str(text: &str) -> Result<Self, VectorError> {
        let mut parts = text.trim().split('/');
        if parts.next() != Some("TGR:1") {
            return Err(VectorError::Version);
        }
        let mut factors = [None; FACTORS.len()];
        let (mut accountability, mut evidence, mut critical) = (None, None, None);
        for part in parts {
            let unknown = || VectorError::Unknown(part.to_owned());
            let range = |range| VectorError::Range {
                part: part.to_owned(),
                range,
            };
            let (name, value) = part.split_once(':').ok_or_else(unknown)?;
            let factor = || match value.as_bytes() {
                [digit @ b'0'..=b'9'] => Ok(digit - b'0'),
                _ => Err(range("a factor is 0 to 9")),
            };
            let is_new = if let Some(place) = FACTORS.iter().position(|known| *known == name) {
                factors[place].replace(factor()?).is_none()
            } else {
                match name {
                    "Acc" => accountability.replace(factor()?).is_none(),
                    "E" => {
                        let tenths =
                            tenths(value).ok_or_else(|| range("evidence is -1.5 to +1.5"))?;
                        evidence.replace(tenths).is_none()
                    }
                    "K" => {
                        let is = match value {
                            "0" => false,
                            "1" => true,
                            _ => return Err(range("K is 0 or 1")),
                        };
                        critical.replace(is).is_none()
                    }
                    _ => return Err(unknown()),
                }
            };
            if !is_new {
                return Err(VectorError::Twice(name.to_owned()));
            }
        }
        let factor = |place: usize| factors[place].ok_or(VectorError::Missing(FACTORS[place]));
        Ok(Self {
            opportunity: factor(0)?,
            population: factor(1)?,
            discovery: factor(2)?,
            exploit: factor(3)?,
            detection: factor(4)?,
            confidentiality: factor(5)?,
            integrity: factor(6)?,
            availability: factor(7)?,
            accountability,
            evidence: evidence.unwrap_or(0),
            critical: critical.unwrap_or(false),
        })
    }
}

/// `+0.5`, `-1`, `1.5` in tenths, if it is within what evidence can move.
fn tenths(text: &str) -> Option<i16> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let digit = |text: &str| match text.as_bytes() {
        [digit @ b'0'..=b'9'] => Some(i16::from(digit - b'0')),
        _ => None,
    };
    let value = sign * (10 * digit(whole)? + digit(rest)?);
    (value.abs() <= MOST_EVIDENCE).then_some(value)
}

impl Serialize for Vector {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(text: &str) -> Vector {
        text.parse().expect(text)
    }

    #[test]
    fn worked_examples() {
        use Severity::{Critical, High, Medium};
        let cases = [
            (
                "authentication removed from GET /users/{}, internet, personal data",
                "O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1",
                "8.5",
                8,
                Critical,
                84,
            ),
            (
                "the same, seen from the internet",
                "O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1/E:+0.5",
                "9.0",
                8,
                Critical,
                89,
            ),
            (
                "a public catalogue without authentication",
                "O:9/S:9/ED:7/EE:9/ID:8/C:4/I:5/A:1",
                "8.5",
                5,
                Medium,
                52,
            ),
            (
                "a new administrator's route, nothing but a login that anybody can have",
                "O:9/S:9/ED:7/EE:5/ID:8/C:5/I:7/A:3",
                "7.8",
                7,
                High,
                67,
            ),
            (
                "the same with an administrator's role, harder, reviewed",
                "O:9/S:2/ED:7/EE:3/ID:3/C:5/I:7/A:3",
                "4.9",
                7,
                Medium,
                42,
            ),
            (
                "a field with personal data that nothing exposes",
                "O:4/S:4/ED:3/EE:3/ID:8/C:4/I:2/A:1",
                "4.3",
                4,
                Medium,
                21,
            ),
            (
                "a command whose program is fixed, internet",
                "O:9/S:9/ED:7/EE:1/ID:8/C:5/I:5/A:5",
                "7.2",
                5,
                Medium,
                44,
            ),
            (
                "a request to where the caller says, behind a login, within a list of hosts",
                "O:9/S:6/ED:7/EE:3/ID:9/C:5/I:5/A:3",
                "6.9",
                5,
                Medium,
                43,
            ),
            (
                "a secret in a private repository",
                "O:4/S:2/ED:9/EE:9/ID:9/C:8/I:7/A:1",
                "6.0",
                8,
                Critical,
                59,
            ),
            (
                "a new dependency, pinned by its hash",
                "O:4/S:2/ED:3/EE:3/ID:9/C:4/I:5/A:4",
                "4.0",
                5,
                Medium,
                25,
            ),
            (
                "HttpOnly dropped from a session cookie",
                "O:4/S:4/ED:9/EE:1/ID:8/C:5/I:3/A:1",
                "5.0",
                5,
                Medium,
                31,
            ),
            (
                "a command from the request, employees",
                "O:4/S:4/ED:7/EE:5/ID:8/C:9/I:9/A:7",
                "5.3",
                9,
                High,
                59,
            ),
            (
                "the same, anybody on the internet",
                "O:9/S:9/ED:7/EE:5/ID:8/C:9/I:9/A:7",
                "7.8",
                9,
                Critical,
                87,
            ),
            (
                "another's object on personal data, logged in",
                "O:9/S:6/ED:7/EE:9/ID:8/C:7/I:5/A:1",
                "7.8",
                7,
                High,
                67,
            ),
            (
                "the same, confirmed by a test",
                "O:9/S:6/ED:7/EE:9/ID:8/C:7/I:5/A:1/E:+1.0",
                "8.8",
                7,
                High,
                76,
            ),
        ];
        for (what, factors, likelihood, impact, severity, rank) in cases {
            let score = vector(&format!("TGR:1/{factors}")).score();
            let got = (
                score.likelihood_text(),
                score.impact,
                score.severity,
                score.rank,
            );
            assert_eq!(
                got,
                (likelihood.to_owned(), impact, severity, rank),
                "{what}"
            );
        }
    }

    #[test]
    fn a_vector_is_read_as_it_is_written() {
        for text in [
            "TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1",
            "TGR:1/O:0/S:2/ED:1/EE:1/ID:1/C:0/I:0/A:0/Acc:7/E:-1.5/K:1",
            "TGR:1/O:4/S:5/ED:3/EE:3/ID:3/C:1/I:2/A:3/E:+0.5",
        ] {
            assert_eq!(vector(text).to_string(), text);
        }
        let other_order = vector("TGR:1/A:1/I:5/C:8/ID:8/EE:9/ED:7/S:9/O:9/K:0/E:0");
        assert_eq!(
            other_order.to_string(),
            "TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1"
        );
    }

    #[test]
    fn what_is_no_vector_says_why() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Vector>().expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: {error}");
        };
        check("", "starts with");
        check("CVSS:4.0/AV:N", "starts with");
        check("TGR:1", "\"O\" is missing");
        check("TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5", "\"A\" is missing");
        check("TGR:1/O:10", "0 to 9");
        check("TGR:1/O:-1", "0 to 9");
        check("TGR:1/O:9/O:9", "twice");
        check("TGR:1/X:1", "no part");
        check("TGR:1/O", "no part");
        check("TGR:1/E:+1.6", "-1.5 to +1.5");
        check("TGR:1/E:0.55", "-1.5 to +1.5");
        check("TGR:1/K:2", "0 or 1");
    }

    /// All factors on their scales: raising one never lowers likelihood, impact, severity or rank.
    #[test]
    fn no_factor_that_falls_raises_the_risk() {
        let opportunities = [0, 4, 7, 9];
        let populations = [2, 4, 5, 6, 9];
        let steps = [1, 3, 5, 7, 8, 9];
        let base =
            |o: usize, s: usize, d: usize, e: usize, i: usize, c: u8, evidence: i16| Vector {
                opportunity: opportunities[o],
                population: populations[s],
                discovery: steps[d],
                exploit: steps[e],
                detection: steps[i],
                confidentiality: c,
                integrity: 0,
                availability: 0,
                accountability: None,
                evidence,
                critical: false,
            };
        let mut seen = 0;
        for o in 0..opportunities.len() {
            for s in 0..populations.len() {
                for (d, e, i) in (0..216).map(|n| (n / 36, n / 6 % 6, n % 6)) {
                    for c in 0..=9 {
                        for evidence in [-15, -5, 0, 5, 15] {
                            seen += 1;
                            let vector = base(o, s, d, e, i, c, evidence);
                            let score = vector.score();
                            let mut higher = Vec::new();
                            if o + 1 < opportunities.len() {
                                higher.push(base(o + 1, s, d, e, i, c, evidence));
                            }
                            if s + 1 < populations.len() {
                                higher.push(base(o, s + 1, d, e, i, c, evidence));
                            }
                            if e + 1 < steps.len() {
                                higher.push(base(o, s, d, e + 1, i, c, evidence));
                            }
                            higher.push(base(o, s, d, e, i, (c + 1).min(9), evidence));
                            higher.push(base(o, s, d, e, i, c, evidence + 5));
                            higher.push(Vector {
                                critical: true,
                                ..vector
                            });
                            higher.push(Vector {
                                accountability: Some(9),
                                ..vector
                            });
                            for other in higher {
                                let other = other.score();
                                assert!(
                                    other.likelihood >= score.likelihood
                                        && other.impact >= score.impact
                                        && other.severity >= score.severity
                                        && other.rank >= score.rank,
                                    "{vector}: {score:?} {other:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(seen, 4 * 5 * 216 * 10 * 5);
    }
}
