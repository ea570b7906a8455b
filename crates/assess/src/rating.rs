//! The risk of a threat where it came: the catalogue's factors and what the change says about the place.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value as Json;
use threatgate_facts::FactKind;
use threatgate_model::risk::Vector;

use crate::assessment::{Change, Risk};
use crate::condition::{Pattern, any, guard_states, many, sensitivities, writes};
use crate::standing::Standing;

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

/// Where a threat stands, as far as the facts tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// Guard states of the endpoints that lead there.
    pub(crate) states: Vec<String>,
    /// The guards on each of them.
    pub(crate) guards: Vec<Vec<String>>,
    /// An endpoint, where it is the function around that answers it.
    pub(crate) through: Option<String>,
    pub(crate) writes: bool,
    /// Classes of the data there, each with what tells so.
    pub(crate) data: BTreeMap<String, String>,
    /// Why the code counts as critical, if it does.
    pub(crate) critical: Option<String>,
}

impl Place {
    /// The place of what changed, at head.
    pub(crate) fn of_change(change: &Change) -> Self {
        let heads = change.context.pairs.iter().map(|(_, head)| head);
        let mut place = Self::of_all(heads.flatten());
        let states = guard_states(change);
        if !states.is_empty() {
            place.states = states;
        }
        place.writes |= writes(change);
        for class in sensitivities(change) {
            place.data.entry(class).or_default();
        }
        place
    }

    /// The place of a fact of one revision; of some of its fields, if they are named.
    pub(crate) fn of(standing: &Standing, item: &str) -> Self {
        let mut place = Self::of_all(std::iter::once(standing));
        let fields = standing.fact.attributes.get("fields");
        let fields = fields.and_then(Json::as_array).into_iter().flatten();
        let named = fields.filter(|field| field.get("name").and_then(Json::as_str) == Some(item));
        for class in named.filter_map(|field| field.get("sensitivity").and_then(Json::as_str)) {
            place.data.entry(class.to_owned()).or_default();
        }
        place
    }

    fn of_all<'a>(standings: impl Iterator<Item = &'a Standing>) -> Self {
        let mut place = Self::default();
        for standing in standings {
            for endpoint in &standing.endpoints {
                let state = endpoint.text("guard_state").unwrap_or("unknown");
                place.states.push(state.to_owned());
                let guards = endpoint.texts("guards").into_iter();
                place.guards.push(guards.map(str::to_owned).collect());
                let method = endpoint.text("method").unwrap_or("GET");
                place.writes |= !matches!(method, "GET" | "HEAD" | "OPTIONS");
                if standing.fact.kind != FactKind::Endpoint && place.through.is_none() {
                    let identity = endpoint.identity.as_str();
                    let named = identity.strip_prefix("http ").unwrap_or(identity);
                    place.through = Some(named.to_owned());
                }
            }
            place.data.extend(standing.data.clone());
        }
        place
    }
}

/// Who gets past a guard, by its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caller {
    #[serde(deserialize_with = "many")]
    guard: Vec<Pattern>,
    population: u8,
    opportunity: u8,
    says: String,
}

/// What an attacker must reach, who can try, and the words for it.
fn who(flags: &[Flag], place: &Place, callers: &[Caller]) -> (u8, u8, String) {
    let is = |wanted: &str| place.states.iter().any(|state| state == wanted);
    let through = place.through.as_ref();
    let through = through.map_or(String::new(), |endpoint| format!(" through {endpoint}"));
    // Where a route is reached from is said by nothing in code: the internet, until somebody says otherwise.
    if flags.contains(&Flag::Anonymous) || is("open") {
        return (9, 9, format!("anybody on the internet (assumed){through}"));
    }
    if is("unknown") {
        let words = format!("anybody{through}, because a guard is not understood");
        return (9, 9, words);
    }
    if !is("guarded") {
        return (7, 6, "whoever can log in (assumed)".to_owned());
    }
    // The endpoint that lets in most decides.
    let past = |guards: &Vec<String>| {
        let found = callers.iter().find_map(|caller| {
            let name = guards
                .iter()
                .find(|name| any(&caller.guard, std::slice::from_ref(name)))?;
            let words = format!("{} (`{name}`)", caller.says);
            Some((caller.opportunity, caller.population, words))
        });
        found.unwrap_or_else(|| (7, 6, "whoever can log in".to_owned()))
    };
    let most = place.guards.iter().map(past);
    let most = most.max_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| b.2.cmp(&a.2)));
    let (opportunity, population, words) =
        most.unwrap_or_else(|| (7, 6, "whoever can log in".to_owned()));
    (opportunity, population, words + &through)
}

/// What a control does to a factor: `EE-4`, `ID=3`, `C<5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    factor: &'static str,
    how: char,
    by: u8,
}

impl<'de> Deserialize<'de> for Effect {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const FACTORS: [&str; 9] = ["O", "S", "ED", "EE", "ID", "C", "I", "A", "Acc"];
        let text = String::deserialize(deserializer)?;
        let wrong = || {
            serde::de::Error::custom(format!(
                "\"{text}\" is no effect; expected a factor, one of - = <, and a number: EE-4"
            ))
        };
        let at = text.find(['-', '=', '<']).ok_or_else(wrong)?;
        let factor = FACTORS.iter().find(|name| **name == &text[..at]);
        Ok(Self {
            factor: factor.ok_or_else(wrong)?,
            how: text[at..].chars().next().unwrap_or('='),
            by: text[at + 1..].parse().map_err(|_| wrong())?,
        })
    }
}

impl Effect {
    fn apply(self, vector: &mut Vector) {
        let factor = match self.factor {
            "O" => &mut vector.opportunity,
            "S" => &mut vector.population,
            "ED" => &mut vector.discovery,
            "EE" => &mut vector.exploit,
            "ID" => &mut vector.detection,
            "C" => &mut vector.confidentiality,
            "I" => &mut vector.integrity,
            "A" => &mut vector.availability,
            _ => match &mut vector.accountability {
                Some(factor) => factor,
                None => return,
            },
        };
        // A control never raises a risk.
        *factor = match self.how {
            '-' => factor.saturating_sub(self.by),
            _ => (*factor).min(self.by),
        };
    }
}

/// The risk of a threat where it stands.
pub(crate) fn rate(
    factors: Factors,
    flags: &[Flag],
    place: &Place,
    callers: &[Caller],
    effects: &[Effect],
) -> Risk {
    let flag = |flag: Flag| flags.contains(&flag);
    let mut because = Vec::new();
    let (mut opportunity, mut population, who) = who(flags, place, callers);
    if flag(Flag::Hazard) {
        (opportunity, population) = (4, 2);
        because.push("a hazard of the change itself".to_owned());
    } else if flag(Flag::Position) {
        (opportunity, population) = (4, 4);
        because.push("needs another weakness or a position first".to_owned());
    } else {
        because.push(who);
    }
    let mut confidentiality = factors.confidentiality;
    if flag(Flag::Data) {
        let most = place.data.iter().max_by_key(|(class, _)| shift(class));
        let by = most.map_or(UNKNOWN_DATA, |(class, _)| shift(class));
        confidentiality = moved(confidentiality, by);
        because.push(match most {
            Some((class, because)) if because.is_empty() => format!("data of class {class}"),
            Some((class, because)) => format!("data of class {class} ({because})"),
            None => "data of unknown class".to_owned(),
        });
    }
    let mut integrity = factors.integrity;
    if flag(Flag::Writes) && place.writes {
        integrity = moved(integrity, 2);
        because.push("writes".to_owned());
    }
    because.extend(place.critical.clone());
    let mut vector = Vector {
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
        critical: place.critical.is_some(),
    };
    for effect in effects {
        effect.apply(&mut vector);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const FACTORS: Factors = Factors {
        discovery: 7,
        exploit: 9,
        detection: 8,
        confidentiality: 8,
        integrity: 5,
        availability: 1,
        accountability: 9,
    };

    fn callers() -> Vec<Caller> {
        #[derive(Deserialize)]
        struct All {
            caller: Vec<Caller>,
        }
        let text = "caller = [{ guard = [\"*Admin*\"], population = 2, opportunity = 7, says = \"administrators\" }]";
        toml::from_str::<All>(text).unwrap().caller
    }

    fn place(state: &str, guards: &[&str]) -> Place {
        Place {
            states: vec![state.to_owned()],
            guards: vec![guards.iter().map(|guard| (*guard).to_owned()).collect()],
            ..Place::default()
        }
    }

    fn risk(place: &Place, effects: &[Effect]) -> Risk {
        rate(
            FACTORS,
            &[Flag::Data, Flag::Writes],
            place,
            &callers(),
            effects,
        )
    }

    fn effect(text: &str) -> Result<Effect, String> {
        let text = serde_json::Value::String(text.to_owned());
        Effect::deserialize(text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_narrower_the_way_in_the_lower_the_risk() {
        let ranks: Vec<u8> = [
            place("open", &[]),
            place("guarded", &["login_required"]),
            place("guarded", &["requireAdmin"]),
        ]
        .iter()
        .map(|place| risk(place, &[]).rank)
        .collect();
        assert!(ranks.is_sorted_by(|a, b| a > b), "{ranks:?}");
    }

    #[test]
    fn the_widest_of_several_ways_in_decides() {
        let mut both = place("guarded", &["requireAdmin"]);
        both.states.push("guarded".into());
        both.guards.push(vec!["login_required".into()]);
        assert_eq!(
            risk(&both, &[]).vector,
            risk(&place("guarded", &["login_required"]), &[]).vector
        );
    }

    #[test]
    fn a_control_never_raises_a_risk() {
        let texts = [
            "O-3", "S<5", "S=6", "ED-2", "EE-4", "ID=3", "C<5", "I<1", "A-9", "Acc-1",
        ];
        for state in ["open", "guarded", "unknown"] {
            let bare = risk(&place(state, &[]), &[]);
            for text in texts {
                let less = risk(&place(state, &[]), &[effect(text).unwrap()]);
                assert!(
                    less.rank <= bare.rank && less.severity <= bare.severity,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn an_effect_that_is_none_says_what_is_expected() {
        let wrong = effect("XY-4").unwrap_err();
        assert!(wrong.contains("expected a factor"), "{wrong}");
        assert!(effect("EE").is_err());
    }
}
