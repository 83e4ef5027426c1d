//! What packages are made of: samples, units, users, the container file. What cannot be run here is read.

#![allow(clippy::disallowed_macros, reason = "tells what was not looked at")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use casimir_dkg::config::{self, AutoApprove, LoadOptions, all_keys};
use casimir_dkg::oracle::Mode;

use super::support;

const UNITS: [(&str, &str); 3] = [
    ("casimir-dkg", include_str!("../../config/casimir-dkg.service")),
    (
        "casimir-dkg-messenger",
        include_str!("../../config/casimir-dkg-messenger.service"),
    ),
    (
        "casimir-dkg-operator",
        include_str!("../../config/casimir-dkg-operator.service"),
    ),
];
const USERS: &str = include_str!("../../config/casimir-dkg.sysusers");
const FILES: &str = include_str!("../../config/casimir-dkg.tmpfiles");
const CONTAINER: &str = include_str!("../../config/Containerfile");
const COMPOSE: &str = include_str!("../../config/compose.yaml");

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/samples")
}

/// The sample as it is, with the files beside it that it names.
fn sample(name: &str, scratch: &Path) -> LoadOptions {
    let file = scratch.join("c.toml");
    fs::copy(samples().join(name), &file).unwrap();
    let hoodi = "[network]\nname = \"hoodi\"\n";
    assert!(!name.starts_with("oracle") || fs::read_to_string(&file).unwrap().contains(hoodi));
    fs::write(scratch.join("operators.toml"), support::operators()).unwrap();
    fs::write(scratch.join("slack.url"), "https://hooks.example/x").unwrap();
    let mut options = support::options(&file, scratch);
    // the sample says it
    options.environment.remove("CASIMIR_DKG_STATE_DIR");
    options
}

#[test]
fn each_stage_of_the_oracle_is_a_sample_that_loads() {
    for (stage, mode) in [
        ("observe", Mode::Observe),
        ("supervised", Mode::Supervised),
        ("auto", Mode::Auto),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let mut options = sample(&format!("oracle-{stage}.toml"), scratch.path());
        if mode == Mode::Auto {
            config::load(&options).expect_err("not without the flag");
            options.auto_approve = AutoApprove::Given;
        }
        let loaded = config::load(&options);
        assert!(loaded.is_ok(), "{stage}: {}", loaded.unwrap_err());
        let config = loaded.unwrap();
        assert_eq!(config.policy.mode, mode);
        assert!(config.journal.path.starts_with("/var/lib/casimir-dkg"), "{stage}");
        assert_eq!(config.policy.rules.is_empty(), mode != Mode::Auto, "{stage}");
    }
}

/// A fault must not take the machine along.
#[test]
fn each_unit_bounds_memory() {
    for (name, unit) in UNITS {
        let bound = unit.lines().find_map(|line| line.strip_prefix("MemoryMax="));
        let bound = bound.and_then(|text| text.strip_suffix('G')?.parse::<u64>().ok());
        // keystores may ask for 1 GiB, for a second
        let least = if name.ends_with("messenger") { 1 } else { 2 };
        assert!(bound.is_some_and(|bound| bound >= least), "{name}: {bound:?}");
    }
}

#[test]
fn the_other_roles_have_a_sample_each_that_loads() {
    let scratch = tempfile::tempdir().unwrap();
    let layers = config::gather(&sample("messenger.toml", scratch.path())).unwrap();
    let (messenger, ..) = layers.messenger().unwrap();
    assert!(messenger.listen.ip().is_loopback() && !messenger.private_addresses);
    let mut options = sample("operator.toml", scratch.path());
    // by itself, for a person's commands, and as the unit starts it
    let alone = config::gather(&options).unwrap();
    assert!(alone.node().is_ok() && alone.node_store().is_ok());
    for (key, file) in [
        ("KEY_FILE", "operator.json"),
        ("PASSWORD_FILE", "operator.password"),
    ] {
        let path = scratch.path().join(file);
        let name = format!("CASIMIR_DKG_NODE_{key}");
        options
            .environment
            .insert(name, path.to_str().unwrap().to_owned());
    }
    let layers = config::gather(&options).unwrap();
    let (node, ..) = layers.node().unwrap();
    assert!(node.listen.ip().is_loopback());
    let all = fs::read_dir(samples()).unwrap().count();
    assert_eq!(all, 5, "a test for each sample");
}

/// The values of a setting.
fn settings<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(name));
    lines.filter_map(|rest| rest.strip_prefix('=')).collect()
}

#[test]
fn units_are_hardened_alike_and_name_users_samples_and_secrets_that_are_there() {
    let same = [
        "Restart",
        "RestartPreventExitStatus",
        "WatchdogSec",
        "NoNewPrivileges",
        "ProtectSystem",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "CapabilityBoundingSet",
        "SystemCallFilter",
        "RestrictAddressFamilies",
        "LimitCORE",
        "UMask",
        "StateDirectoryMode",
    ];
    for (name, unit) in UNITS {
        for setting in same {
            let (here, there) = (settings(unit, setting), settings(UNITS[0].1, setting));
            assert!(!here.is_empty() && here == there, "{name}: {setting}");
        }
        assert_eq!(settings(unit, "User"), [name]);
        assert_eq!(settings(unit, "StateDirectory"), [name]);
        assert!(
            USERS.lines().any(|line| line.starts_with(&format!("u {name} "))),
            "{name}"
        );
        let start = settings(unit, "ExecStart")[0];
        if let Some((_, rest)) = start.split_once("--config /etc/casimir-dkg/") {
            let file = rest.split(' ').next().unwrap();
            assert!(samples().join(file).exists(), "{name}: {file}");
            assert_eq!(format!("casimir-dkg-{}", file.trim_end_matches(".toml")), name);
        }
        for credential in settings(unit, "LoadCredential") {
            let (_, path) = credential.split_once(':').unwrap();
            let is_roots = |line: &str| line.contains(&format!("{path} ")) && line.contains("0600 root ");
            assert!(FILES.lines().any(is_roots), "{name}: {path}");
        }
    }
}

/// Every variable of ours is a key, or one of the directories.
#[test]
fn variables_of_units_and_containers_are_known() {
    let directories = ["CONFIG_DIR", "STATE_DIR", "CACHE_DIR"].map(|name| format!("CASIMIR_DKG_{name}"));
    let files = UNITS.iter().map(|(_, unit)| *unit).chain([CONTAINER, COMPOSE]);
    let mut seen = 0;
    for text in files {
        for rest in text.split("CASIMIR_DKG_").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || *c == '_')
                .collect();
            let name = format!("CASIMIR_DKG_{name}");
            let known =
                all_keys().any(|key| config::env_name(key.name) == name) || directories.contains(&name);
            assert!(known, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_container_runs_as_nobody_with_certificates_and_writes_nothing_of_its_own() {
    let last = CONTAINER.split("\nFROM ").last().unwrap();
    assert!(last.contains("ca-certificates") && last.contains("\nUSER 10001:10001\n"));
    assert!(CONTAINER.contains("--locked") && CONTAINER.contains("remap-path-prefix"));
    for hardened in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"] {
        assert!(COMPOSE.contains(hardened), "{hardened}");
    }
    let manifest = include_str!("../../Cargo.toml");
    let wanted = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let image = format!("rust:{}-slim", wanted.unwrap().trim_matches('"'));
    assert!(CONTAINER.contains(&image), "{image}");
}

/// The commands of the handbook, by a shell, with a root of their own: what needs a running manager is left out.
#[test]
fn the_installation_of_the_handbook_leads_to_a_configuration_that_loads() {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !rustix::process::geteuid().is_root() || !has("systemd-sysusers") || !has("systemd-tmpfiles") {
        eprintln!(
            "skipped: only root installs, and systemd-sysusers and systemd-tmpfiles make users and directories"
        );
        return;
    }
    let page = include_str!("../../ui/handbook/service.md");
    let block = page
        .split("```text\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let (here, root) = (scratch.path().join("here"), scratch.path().join("root"));
    for directory in [
        "usr/local/bin",
        "usr/lib/sysusers.d",
        "usr/lib/tmpfiles.d",
        "etc/systemd/system",
    ] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::create_dir(&here).unwrap();
    symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config"),
        here.join("config"),
    )
    .unwrap();
    fs::copy(env!("CARGO_BIN_EXE_casimir-dkg"), here.join("casimir-dkg")).unwrap();
    for (file, text) in [
        ("oracle.password", "a sentence"),
        ("oracle.json", "{}"),
        ("operators.toml", &*support::operators()),
        ("slack.url", "https://hooks.example/x"),
    ] {
        fs::write(here.join(file), text).unwrap();
    }
    let number =
        |field: u8| format!(r#"$(awk -F: '$1 == "casimir-dkg" {{ print ${field} }}' $ROOT/etc/passwd)"#);
    let script: String = block
        .lines()
        .filter(|line| !line.starts_with("systemctl") && !line.starts_with("usermod"))
        .map(|line| {
            let line = line
                .replace(" /usr/", " $ROOT/usr/")
                .replace(" /etc/", " $ROOT/etc/");
            let line = line.replace("systemd-sysusers", "systemd-sysusers --root=$ROOT");
            let line = line.replace("systemd-tmpfiles", "systemd-tmpfiles --root=$ROOT");
            // the user is this root's, and not the machine's
            let user = format!("-o {} -g {}", number(3), number(4));
            line.replace("-o casimir-dkg -g casimir-dkg", &user) + "\n"
        })
        .collect();
    let output = Command::new("sh")
        .args(["-e", "-c", &script])
        .current_dir(&here)
        .env("ROOT", &root)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{script}");

    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap();
    let ours = passwd.lines().find_map(|line| line.strip_prefix("casimir-dkg:"));
    let uid: u32 = ours.unwrap().split(':').nth(1).unwrap().parse().unwrap();
    let found = |file: &str| fs::metadata(root.join("etc/casimir-dkg").join(file)).unwrap();
    for (file, owner, mode) in [
        ("oracle.json", uid, 0o600),
        ("slack.url", uid, 0o600),
        ("oracle.password", 0, 0o600),
        ("operators.toml", 0, 0o644),
        ("config.toml", 0, 0o644),
    ] {
        let of = found(file);
        assert_eq!((of.uid(), of.mode() & 0o777), (owner, mode), "{file}");
    }
    let mut program = Command::new(root.join("usr/local/bin/casimir-dkg"));
    program.env_clear().env("HOME", scratch.path());
    let file = root.join("etc/casimir-dkg/config.toml");
    let (code, _, stderr) = support::run(program.arg("--config").arg(file).args(["config", "show"]));
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn the_compose_example_has_every_role_and_what_watches_them() {
    let service = |name: &str| COMPOSE.contains(&format!("\n  {name}:\n"));
    for n in 1..=7 {
        assert!(service(&format!("operator-{n}")), "operator {n}");
        assert!(
            COMPOSE.contains(&format!("\"operator-{n}:9466\"")),
            "operator {n} is watched"
        );
    }
    for name in ["oracle", "messenger", "anvil", "prometheus", "grafana"] {
        assert!(service(name), "{name}");
    }
    for given in [
        "provisioning/datasources/",
        "provisioning/dashboards/",
        "./monitoring/dashboard.json:",
    ] {
        assert!(COMPOSE.contains(given), "{given}");
    }
    // a build takes everything that is not named here
    let left_out = include_str!("../../.dockerignore");
    for name in [
        ".git",
        "target",
        "**/*.password",
        "config/oracle",
        "config/operator-*",
    ] {
        assert!(left_out.lines().any(|line| line == name), "{name}");
    }
}

/// The manager's own opinion, where it is installed: with a program that is there, in the place of the installed one.
#[test]
fn the_manager_finds_nothing_wrong_with_the_units() {
    let Ok(found) = Command::new("systemd-analyze").arg("--version").output() else {
        eprintln!("skipped: systemd-analyze is not installed, so nobody who knows units looked at ours");
        return;
    };
    assert!(found.status.success());
    let scratch = tempfile::tempdir().unwrap();
    for (name, unit) in UNITS {
        let file = scratch.path().join(format!("{name}.service"));
        let program = env!("CARGO_BIN_EXE_casimir-dkg");
        fs::write(&file, unit.replace("/usr/local/bin/casimir-dkg", program)).unwrap();
        let output = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let ours: Vec<_> = said.lines().filter(|line| line.contains(name)).collect();
        assert!(output.status.success() && ours.is_empty(), "{said}");
    }
}
