//! `[[person]]`: people with keys of their own, and `[[policy.two_persons]]`: what two different people must approve.

use std::collections::BTreeSet;

use crate::config::raw::{Raw, Row};
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::section::attach::{AttachConfig, Socket, Who};
use crate::config::section::policy::PolicyConfig;
use crate::config::value::{self, Bad, Ether, Value};
use crate::oracle::{ActionKind, Person, TwoPersons};
use crate::types::{PersonKey, SafeText};

const PERSON: &str = "person";
const TWO: &str = "policy.two_persons";

pub(in crate::config) const PERSON_KEYS: &[Key] = &[
    Key::new(
        "name",
        "text",
        "Names the person in the journal, with what the key signed.",
    ),
    Key::new(
        "uid",
        "the number of a user, or \"none\"",
        "The person's user on this machine: a seat of that user and the key are then one person, and not two. Required where two people need no keys.",
    ),
    Key::new(
        "key",
        "32 bytes in hex",
        "Public key, as `casimir-dkg person new` prints it.",
    ),
];

pub(in crate::config) const TWO_KEYS: &[Key] = &[
    Key::new(
        "kinds",
        "a list of kinds of action",
        "Actions that two different people must approve; no rule approves them.",
    ),
    Key::new(
        "at_least",
        "an amount",
        "Only what moves or commits so much, fees not counted: the 32 ether of a validator in a deposit and in an exit.",
    )
    .within("0 ETH", "32 ETH"),
    Key::new(
        "personal_keys",
        "true or false",
        "Both must sign with keys of their own ([[person]]): whoever is root here can be any user, and so two of them.",
    ),
];

impl Value for PersonKey {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        let text = value::text("32 bytes in hex", raw)?;
        text.parse().map_err(|error| Bad::from(format!("{error}")))
    }
}

/// The user of a person; none where it is said that there is none.
struct User(Option<u32>);

impl Value for User {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "the number of a user, or \"none\"";
        match raw {
            Raw::Text(text) | Raw::Loose(text) if text.trim() == "none" => Ok(Self(None)),
            Raw::Text(_) => Err(Bad::from(format!("expected {EXPECTED}, got {}", raw.describe()))),
            _ => u32::read(raw).map(|uid| Self(Some(uid))),
        }
    }
}

/// Everybody with a key.
pub(in crate::config) fn persons(r: &mut Reader<'_>) -> Option<Vec<Person>> {
    let mut persons: Vec<Person> = Vec::new();
    let mut whole = true;
    for row in r.rows(PERSON) {
        let name = r.row_required::<String>(PERSON, row, "name");
        let uid = r
            .row_optional::<User>(PERSON, row, "uid")
            .map(|uid| uid.and_then(|User(uid)| uid));
        let key = r.row_required::<PersonKey>(PERSON, row, "key");
        let (Some(name), Some(uid), Some(key)) = (name, uid, key) else {
            whole = false;
            continue;
        };
        let name = SafeText::new(&name);
        if persons.iter().any(|other| other.name == name) {
            r.row_error(PERSON, row, "name", format!("two people are called \"{name}\""));
        }
        if let Some(other) = persons.iter().find(|other| other.key == key) {
            let message = format!(
                "{} and {name} have the same key: nobody is two people",
                other.name
            );
            r.row_error(PERSON, row, "key", message);
        }
        if key == PersonKey::default() {
            r.row_error(PERSON, row, "key", "is zero, which is nobody's".to_owned());
        }
        if uid == Some(u32::MAX) {
            r.row_error(PERSON, row, "uid", format!("{} is no user's number", u32::MAX));
        }
        let of_one = persons.iter().find(|other| uid.is_some() && other.uid == uid);
        if let (Some(other), Some(uid)) = (of_one, uid) {
            let message = format!(
                "{} has uid {uid} too: both keys count as one person, and never as the two of [[policy.two_persons]]",
                other.name
            );
            r.row_worry(PERSON, row, "uid", &message);
        }
        persons.push(Person { name, uid, key });
    }
    whole.then_some(persons)
}

/// What takes two of them.
pub(in crate::config) fn two_persons(r: &mut Reader<'_>, persons: &[Person]) -> Option<Vec<TwoPersons>> {
    let two_persons = r.each(TWO, |r, row| {
        let two = two(r, row)?;
        if two.personal_keys && different(persons) < 2 {
            let message =
                "there are not two [[person]] tables of different people: nobody could ever approve it";
            r.row_error(TWO, row, "personal_keys", message.to_owned());
        }
        Some(two)
    });
    let seats_count = |all: &Vec<TwoPersons>| all.iter().any(|two| !two.personal_keys);
    if two_persons.as_ref().is_some_and(seats_count) {
        for row in r.rows(PERSON) {
            if !row.entries.contains_key("uid") {
                let message = "is required where [[policy.two_persons]] is without personal_keys: a seat and the key of one \
                               person would be two people. \"none\" says that this person has no user here";
                r.row_error(PERSON, row, "uid", message.to_owned());
            }
        }
    }
    two_persons
}

/// Whether there can be a second person at a seat where no signatures are demanded. A list of groups, and root, may be
/// anybody.
pub(in crate::config) fn judge_second(r: &mut Reader<'_>, policy: &PolicyConfig, attach: &AttachConfig) {
    let seat = match (&attach.socket, attach.access.approve.as_slice()) {
        (Socket::Off, _) => {
            "attach.socket = \"off\" leaves the console's own person alone to decide".to_owned()
        }
        (_, [Who::Group(_)]) => return,
        (_, [who]) => format!("attach.approve names {who} alone"),
        _ => return,
    };
    // with a key somebody is a second one, whose user is not the one who sits there
    let is_another = |person: &Person| match (attach.access.approve.as_slice(), person.uid) {
        ([Who::Uid(uid)], Some(other)) if attach.socket != Socket::Off => *uid != other,
        _ => true,
    };
    if policy.persons.iter().any(is_another) {
        return;
    }
    let message = format!(
        "{seat}, and no [[person]] is another one: nobody is there who could be the second to approve it"
    );
    let rows = r.rows(TWO).iter().zip(&policy.two_persons);
    for (row, _) in rows.filter(|(_, two)| !two.personal_keys) {
        r.row_worry(TWO, row, "kinds", &message);
    }
}

/// Two keys of one user are one person.
fn different(persons: &[Person]) -> usize {
    let users: BTreeSet<_> = persons.iter().filter_map(|person| person.uid).collect();
    users.len() + persons.iter().filter(|person| person.uid.is_none()).count()
}

fn two(r: &mut Reader<'_>, row: &Row) -> Option<TwoPersons> {
    let kinds = r.row_required::<Vec<ActionKind>>(TWO, row, "kinds");
    let at_least = r.row_optional::<Ether>(TWO, row, "at_least");
    let personal_keys = r.row_optional::<bool>(TWO, row, "personal_keys");
    let mut kinds = kinds?;
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        r.row_error(TWO, row, "kinds", "covers nothing".to_owned());
    }
    let at_least_wei = at_least?.map(|amount| amount.0);
    let none = kinds.iter().find(|kind| !kind.commits_a_stake());
    if let Some(kind) = none.filter(|_| at_least_wei.is_some_and(|wei| !wei.is_zero())) {
        let message = format!("{kind} moves no amount: give it a table without at_least");
        r.row_error(TWO, row, "at_least", message);
    }
    Some(TwoPersons {
        kinds,
        at_least_wei,
        personal_keys: personal_keys? == Some(true),
    })
}
