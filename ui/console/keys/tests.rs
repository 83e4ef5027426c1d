use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

#[test]
fn every_row_has_keys_and_a_sentence_and_names_are_unique() {
    for (i, row) in TABLE.iter().enumerate() {
        assert!(!row.keys.is_empty() && !row.help.is_empty(), "{row:?}");
        for k in row.keys {
            assert_eq!(key(k).to_string(), *k, "a key's text must be its name");
        }
        let twin = TABLE[i + 1..]
            .iter()
            .find(|o| o.group == row.group && o.name == row.name);
        assert!(twin.is_none(), "{row:?}");
        assert!(
            Scene::ALL.iter().any(|s| s.groups().contains(&row.group)),
            "{row:?} is heard nowhere"
        );
    }
    KeyMap::new(None, false).unwrap();
}

#[test]
fn no_default_key_belongs_to_a_multiplexer() {
    for row in TABLE {
        for k in row.keys {
            assert!(
                !["ctrl-a", "ctrl-b", "ctrl-g", "ctrl-o", "ctrl-s", "ctrl-q"].contains(k)
                    && !k.starts_with("alt-"),
                "{row:?}"
            );
        }
    }
}

#[test]
fn read_only_removes_every_dangerous_row() {
    let map = KeyMap::new(None, true).unwrap();
    for row in TABLE.iter().filter(|r| r.dangerous) {
        for scene in Scene::ALL.into_iter().filter(|s| s.groups().contains(&row.group)) {
            for k in row.keys {
                assert_ne!(map.command(scene, key(k)), Some(row.command), "{row:?}");
            }
        }
        assert!(map.rows(row.group).all(|(r, _)| r.name != row.name));
    }
    // what could still hurt must be in the list above
    for command in [
        Command::Approve,
        Command::Reject,
        Command::Retry,
        Command::Pause,
        Command::PauseAll,
        Command::Adopt,
        Command::Reshare,
        Command::Exit,
        Command::RedoKey,
        Command::GiveUp,
        Command::Propose,
        Command::Batch,
        Command::ApproveAll,
    ] {
        assert!(
            TABLE.iter().filter(|r| r.command == command).all(|r| r.dangerous),
            "{command:?}"
        );
    }
    assert_eq!(
        map.command(Scene::Quit, key("y")),
        Some(Command::Yes),
        "an observer can leave"
    );
}

#[test]
fn keys_can_be_changed_and_mistakes_are_named() {
    let change = |text: &str| KeyMap::new(Some(&toml::from_str(text).unwrap()), false);
    let fails = |text: &str| format!("{:#}", change(text).unwrap_err());

    let map = change("[work]\napprove = [\"A\"]\n").unwrap();
    assert_eq!(map.command(Scene::Detail, key("A")), Some(Command::Approve));
    assert_eq!(map.command(Scene::Detail, key("a")), None);
    assert_eq!(map.label(Group::Work, Command::Approve), "A");

    assert!(
        fails("[work]\napprove = [\"x\"]\n").contains("two things at once: work.approve and work.reject")
    );
    assert!(fails("[work]\naprove = [\"x\"]\n").contains("did you mean \"approve\""));
    assert!(fails("[wrok]\napprove = [\"x\"]\n").contains("did you mean \"work\""));
    assert!(fails("[work]\napprove = [\"hyper-x\"]\n").contains("is not a key"));
    assert!(fails("[work]\napprove = \"A\"\n").contains("list of keys"));
    assert!(fails("[ask]\nyes = [\"enter\"]\nno = [\"esc\"]\n").contains("too easily pressed"));
}

#[test]
fn terminals_report_the_same_key_in_different_ways() {
    let event = |code, mods| Key::from(KeyEvent::new(code, mods));
    assert_eq!(event(KeyCode::Char('g'), KeyModifiers::SHIFT), key("G"));
    assert_eq!(event(KeyCode::Char('G'), KeyModifiers::SHIFT), key("G"));
    assert_eq!(event(KeyCode::Char('?'), KeyModifiers::SHIFT), key("?"));
    assert_eq!(event(KeyCode::BackTab, KeyModifiers::SHIFT), key("shift-tab"));
    assert_eq!(event(KeyCode::Tab, KeyModifiers::SHIFT), key("shift-tab"));
    assert_eq!(event(KeyCode::Char('C'), KeyModifiers::CONTROL), key("ctrl-c"));
    assert_eq!(key("space").character(), Some(' '));
    assert_eq!(key("ctrl-c").character(), None);
}

#[test]
fn the_reference_is_a_configuration_with_the_defaults() {
    let table: toml::Table = toml::from_str(&reference()).unwrap();
    let map = KeyMap::new(Some(table["keys"].as_table().unwrap()), false).unwrap();
    let defaults = KeyMap::new(None, false).unwrap();
    for row in TABLE {
        assert_eq!(
            map.label(row.group, row.command),
            defaults.label(row.group, row.command)
        );
    }
    insta::assert_snapshot!("key_reference", reference());
}

#[test]
fn the_handbook_names_keys_that_work_where_a_case_is_seen() {
    let works = [Group::Work, Group::Ask, Group::Over, Group::Global];
    let bound: Vec<_> = TABLE
        .iter()
        .filter(|row| works.contains(&row.group))
        .flat_map(|row| row.keys)
        .collect();
    let mut named = 0;
    for (page, text) in crate::commands::handbook::PAGES {
        for (number, line) in text.lines().enumerate() {
            let codes = line.split('`').skip(1).step_by(2);
            for key in codes.filter(|code| code.len() == 1) {
                assert!(bound.contains(&&key), "{page}, line {}: `{key}`", number + 1);
                named += 1;
            }
        }
    }
    assert!(named > 20, "{named}");
}
