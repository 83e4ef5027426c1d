//! Flags over environment over file over preset over default: every subset of the layers, and where it says it is from.

use std::fs;

use casimir_dkg::config::{self, Flag, Origin, env_name};

use super::support;

#[test]
fn the_highest_layer_that_speaks_wins() {
    // (key, file, environment, flag, effective form of each)
    let rows = [
        ("log.level", "\"warn\"", "debug", "trace", "--log-level"),
        ("ui.theme", "\"light\"", "mono", "default", "--theme"),
        ("policy.mode", "\"observe\"", "supervised", "observe", "--mode"),
        (
            "contract.address",
            "\"0x0000000000000000000000000000000000000001\"",
            "0x0000000000000000000000000000000000000002",
            "0x0000000000000000000000000000000000000003",
            "--contract",
        ),
        (
            "beacon.urls",
            "[\"http://a\"]",
            "http://b,http://c",
            "http://d",
            "--beacon",
        ),
    ];
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    for (key, in_file, in_environment, in_flag, flag) in rows {
        for layers in 0..8u8 {
            let (with_file, with_environment, with_flag) =
                (layers & 1 != 0, layers & 2 != 0, layers & 4 != 0);
            let (section, name) = key.split_once('.').unwrap();
            let text = if with_file {
                format!("[{section}]\n{name} = {in_file}\n")
            } else {
                String::new()
            };
            fs::write(&file, text).unwrap();
            let mut options = support::options(&file, scratch.path());
            if with_environment {
                options
                    .environment
                    .insert(env_name(key), in_environment.to_owned());
            }
            if with_flag {
                options.flags.push(Flag {
                    key,
                    flag,
                    value: in_flag.to_owned(),
                });
            }
            let gathered = config::gather(&options).unwrap();
            let shown = gathered
                .shown()
                .into_iter()
                .find(|value| value.key == key)
                .unwrap();
            let value = shown.value.unwrap_or_default();
            let (expected, origin) = match (with_flag, with_environment, with_file) {
                (true, ..) => (in_flag, Some(Origin::Flag(flag.to_owned()))),
                (_, true, _) => (in_environment, Some(Origin::Variable(env_name(key)))),
                (.., true) => (
                    in_file,
                    Some(Origin::File {
                        path: file.clone(),
                        line: 2,
                    }),
                ),
                _ => {
                    assert!(gathered.is_default(key), "{key} {layers:03b}");
                    continue;
                }
            };
            assert_eq!(gathered.origin(key), origin.as_ref(), "{key} {layers:03b}");
            for part in expected.trim_matches(['[', ']', '"']).split(',') {
                assert!(
                    value.contains(part),
                    "{key} {layers:03b}: {value} should show {part}"
                );
            }
        }
    }
}

#[test]
fn presets_lie_between_the_file_and_the_defaults() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    fs::write(&file, "[network]\nname = \"devnet\"\nchain_id = 7\n").unwrap();
    let layers = config::gather(&support::options(&file, scratch.path())).unwrap();
    assert!(matches!(
        layers.origin("network.chain_id"),
        Some(Origin::File { line: 3, .. })
    ));
    assert_eq!(
        layers.origin("network.capella_fork_version"),
        Some(&Origin::Preset("devnet".to_owned()))
    );
    assert_eq!(layers.origin("network.finality"), Some(&Origin::Default));
}

#[test]
fn directories_have_variables_of_their_own() {
    let scratch = tempfile::tempdir().unwrap();
    let environment = support::directories(scratch.path());
    let found = config::Directories::resolve(&environment).unwrap();
    assert_eq!(found.config, scratch.path().join("config"));
    assert_eq!(found.state, scratch.path().join("state"));
    assert_eq!(found.cache, scratch.path().join("cache"));
    for bad in ["", "relative/path"] {
        let mut environment = environment.clone();
        environment.insert("CASIMIR_DKG_STATE_DIR".to_owned(), bad.to_owned());
        let error = config::Directories::resolve(&environment)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("CASIMIR_DKG_STATE_DIR") && error.contains("absolute"),
            "{error}"
        );
    }
}

#[test]
fn a_plain_file_leads_to_the_journal_that_it_names() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let text = format!("{}\n[state]\ndir = \"kept\"\n", support::MINIMAL);
    fs::write(&file, text).unwrap();
    let mut options = support::options(&file, scratch.path());
    options.environment.remove("CASIMIR_DKG_STATE_DIR");
    let journal = |options: &config::LoadOptions| {
        let layers = config::gather(options).unwrap();
        assert_eq!(
            layers.front_end().unwrap().1.dir,
            layers.directories().state.join("logs")
        );
        layers.journal().unwrap().path
    };
    let within = |name: &str| scratch.path().join(name).join("devnet/journal.sqlite");
    assert_eq!(journal(&options), within("kept"), "from the file's directory on");
    options.environment.extend(support::directories(scratch.path()));
    assert_eq!(journal(&options), within("state"));
    options.flags.push(Flag {
        key: "state.dir",
        flag: "--state-dir",
        value: scratch.path().join("other").to_str().unwrap().to_owned(),
    });
    assert_eq!(journal(&options), within("other"));
    fs::write(&file, "[state]\ndir = 3\n").unwrap();
    options.flags.clear();
    options.environment.remove("CASIMIR_DKG_STATE_DIR");
    let error = config::gather(&options).unwrap_err().to_string();
    assert!(
        error.contains("state.dir") && error.contains("c.toml:2"),
        "{error}"
    );
}

#[test]
fn the_file_in_the_configuration_directory_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("config");
    fs::create_dir(&directory).unwrap();
    let mut options = support::options(&directory, scratch.path());
    options.file = None;
    assert_eq!(config::gather(&options).unwrap().file(), None);
    fs::write(directory.join(config::FILE_NAME), "[ui]\nmouse = true\n").unwrap();
    let layers = config::gather(&options).unwrap();
    assert_eq!(layers.file(), Some(directory.join(config::FILE_NAME).as_path()));
    assert!(layers.front_end().unwrap().0.mouse);
}
