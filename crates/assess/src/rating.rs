//! The risk of a threat where it came: the catalogue's factors and what the change says about the place.

use std::fmt;

use serde::Deserialize;
use threatgate_model::risk::Vector;

use crate::assessment::{Change, Risk};
use crate::condition::{guard_states, sensitivities, writes};

/// Factors of the catalogue, 0 to 9, on the scales of [`Vector`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Factors {
    #[serde(rename = "ED")]
    discovery: u8,
    #[serde(rename = "EE")]
    exploit: u8,
    #[serde(rename = "ID")]
    detection: u8,
    #[serde(rename = "C")]
    confidentiality: u8,
    #[serde(rename = "I")]
    integrity: u8,
    #[serde(rename = "A")]
    availability: u8,
    /// Counts only with [`Flag::Accountability`].
    #[serde(rename = "Acc")]
    accountability: u8,
}

impl fmt::Display for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ED:{}/EE:{}/ID:{}/C:{}/I:{}/A:{}/Acc:{}",
            self.discovery,
            self.exploit,
            self.detection,
            self.confidentiality,
            self.integrity,
            self.availability,
            self.accountability
        )
    }
}

/// What the place changes about the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flag {
    /// What leaks is as grave as the data is sensitive.
    Data,
    /// What is missing is the authentication itself: anybody can try.
    Anonymous,
    /// Graver where something is written.
    Writes,
    /// An attacker needs another weakness or a position first.
    Position,
    /// A hazard of the change itself and no way in.
    Hazard,
    /// That nobody can tell who did it counts.
    Accountability,
}

impl Flag {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Data => "C follows the class of the data",
            Self::Anonymous => "anybody can try, whoever could before",
            Self::Writes => "I is 2 higher where something is written",
            Self::Position => "an attacker needs another weakness or a position first",
            Self::Hazard => "a hazard of the change itself",
            Self::Accountability => "that nobody can tell who did it counts",
        }
    }
}

/// What a class of data adds to the loss of confidentiality.
fn shift(class: &str) -> i16 {
    match class {
        "public" => -4,
        "pii" => 0,
        "financial" | "pci" => 1,
        "credential" | "phi" | "special-category" => 2,
        _ => UNKNOWN_DATA,
    }
}

/// Of data whose class nobody knows: neither harmless nor grave.
const UNKNOWN_DATA: i16 = -2;

fn moved(factor: u8, by: i16) -> u8 {
    u8::try_from((i16::from(factor) + by).clamp(0, 9)).unwrap_or(9)
}

/// The risk of a threat that this change introduces.
pub(crate) fn rate(factors: Factors, flags: &[Flag], change: &Change) -> Risk {
    let flag = |flag: Flag| flags.contains(&flag);
    let mut because = Vec::new();
    let states = guard_states(change);
    let is = |wanted: &str| states.iter().any(|state| state == wanted);
    // Where a route is reached from is said by nothing in code: the internet, until somebody says otherwise.
    let (mut opportunity, mut population, who) = if flag(Flag::Anonymous) || is("open") {
        (9, 9, "anybody on the internet (assumed)")
    } else if is("unknown") {
        (9, 9, "anybody, because a guard is not understood")
    } else if is("guarded") {
        (7, 6, "whoever can log in")
    } else {
        (7, 6, "whoever can log in (assumed)")
    };
    if flag(Flag::Hazard) {
        (opportunity, population) = (4, 2);
        because.push("a hazard of the change itself".to_owned());
    } else if flag(Flag::Position) {
        (opportunity, population) = (4, 4);
        because.push("needs another weakness or a position first".to_owned());
    } else {
        because.push(who.to_owned());
    }
    let mut confidentiality = factors.confidentiality;
    if flag(Flag::Data) {
        let classes = sensitivities(change);
        let most = classes.iter().max_by_key(|class| shift(class));
        let by = most.map_or(UNKNOWN_DATA, |class| shift(class));
        confidentiality = moved(confidentiality, by);
        because.push(match most {
            Some(class) => format!("data of class {class}"),
            None => "data of unknown class".to_owned(),
        });
    }
    let mut integrity = factors.integrity;
    if flag(Flag::Writes) && writes(change) {
        integrity = moved(integrity, 2);
        because.push("writes".to_owned());
    }
    let vector = Vector {
        opportunity,
        population,
        discovery: factors.discovery,
        exploit: factors.exploit,
        detection: factors.detection,
        confidentiality,
        integrity,
        availability: factors.availability,
        accountability: flag(Flag::Accountability).then_some(factors.accountability),
        evidence: 0,
        critical: false,
    };
    let score = vector.score();
    Risk {
        severity: score.severity,
        rank: score.rank,
        likelihood: score.likelihood_text(),
        impact: score.impact,
        vector,
        because,
    }
}
