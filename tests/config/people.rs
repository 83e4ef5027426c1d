//! `[[person]]` and `[[policy.two_persons]]`.

use std::fs;

use casimir_dkg::config;
use casimir_dkg::oracle::{ActionKind, TwoPersons};

use super::support;

const KEY: &str = "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// Reads these tables in the configuration, with these in the policy's file.
fn load(tables: &str, policy: &str) -> Result<config::Config, config::ConfigErrors> {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("policy.toml"), policy).unwrap();
    let file = scratch.path().join("c.toml");
    let text = format!(
        "{}file = \"policy.toml\"\n{tables}\n{}",
        support::MINIMAL,
        support::operators()
    );
    fs::write(&file, text).unwrap();
    config::load(&support::options(&file, scratch.path()))
}

fn why(tables: &str) -> String {
    load(tables, "").unwrap_err().to_string()
}

#[test]
fn two_people_are_demanded_in_either_file() {
    let two = "[[two_persons]]\nkinds = [\"send-deposit\", \"broadcast-exit\"]\nat_least = \"32 ETH\"\n";
    let person = format!("[[person]]\nname = \"Ada\"\nuid = 1000\nkey = \"{KEY}\"\n");
    let in_config = two.replace("[[two_persons]]", "[[policy.two_persons]]");
    for config in [load(&person, two), load(&format!("{person}{in_config}"), "")] {
        let policy = config.unwrap().policy.to_policy();
        let [
            TwoPersons {
                kinds, personal_keys, ..
            },
        ] = &policy.two_persons[..]
        else {
            panic!("{:?}", policy.two_persons)
        };
        assert_eq!(kinds[..], [ActionKind::SendDeposit, ActionKind::BroadcastExit]);
        assert!(!personal_keys);
        let ada = &policy.persons[0];
        assert_eq!(
            (ada.name.as_str(), ada.uid, ada.key.to_string()),
            ("Ada", Some(1000), KEY.to_owned())
        );
    }
}

#[test]
fn what_nobody_could_ever_approve_is_a_mistake() {
    let person = |name: &str, key: &str| format!("[[person]]\nname = \"{name}\"\nkey = \"{key}\"\n");
    let keys = "[[policy.two_persons]]\nkinds = [\"keygen\"]\npersonal_keys = true\n";
    let alone = why(&format!("{keys}{}", person("Ada", KEY)));
    assert!(
        alone.contains("there are not two [[person]] tables of different people"),
        "{alone}"
    );
    let of_one = |name: &str, key: &str| format!("{}uid = 1000\n", person(name, key));
    let two_keys = format!(
        "{keys}{}{}",
        of_one("Ada", KEY),
        of_one("Ada at home", &KEY.replace('d', "e"))
    );
    assert!(
        why(&two_keys).contains("of different people"),
        "{}",
        why(&two_keys)
    );
    let same = why(&format!("{}{}", person("Ada", KEY), person("Bob", KEY)));
    assert!(same.contains("Ada and Bob have the same key"), "{same}");
    let other = KEY.replace('d', "e");
    let twice = why(&format!("{}{}", person("Ada", KEY), person("Ada", &other)));
    assert!(twice.contains("two people are called \"Ada\""), "{twice}");
    let short = why(&person("Ada", "0x1234"));
    assert!(short.contains("expected 32 bytes"), "{short}");
    let amount = why("[[policy.two_persons]]\nkinds = [\"keygen\"]\nat_least = \"1 ETH\"\n");
    assert!(amount.contains("keygen moves no amount"), "{amount}");
}

/// Otherwise a seat and the key of one person would be two people.
#[test]
fn where_a_seat_and_a_key_can_be_two_people_every_person_says_whose_seat_is_theirs() {
    let two = "[[policy.two_persons]]\nkinds = [\"keygen\"]\n";
    let ada = |uid: &str| format!("[[person]]\nname = \"Ada\"\nkey = \"{KEY}\"\n{uid}\n{two}");
    let unsaid = why(&ada(""));
    assert!(
        unsaid.contains("person.uid") && unsaid.contains("is required where"),
        "{unsaid}"
    );
    let odd = why(&ada("uid = \"nobody\""));
    assert!(odd.contains("the number of a user, or \"none\""), "{odd}");
    for (said, uid) in [("uid = \"none\"", None), ("uid = 1000", Some(1_000))] {
        let policy = load(&ada(said), "").unwrap().policy.to_policy();
        assert_eq!(policy.persons[0].uid, uid);
    }
}
