//! The whole network: it starts, its configuration is one that the program reads, and its operators work for this oracle
//! and nobody else.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use alloy::signers::local::MnemonicBuilder;
use casimir_dkg::config::{self, AutoApprove, LoadOptions};
use casimir_dkg::devnet::{DemoNetwork, DemoOptions, StakerScript};
use casimir_dkg::dkg::rockx::initiator::{Initiator, InitiatorConfig};
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::types::{CeremonyPlan, CeremonyResult, ForkVersion, OperatorId, RequestId, Root};
use tokio::sync::mpsc;

use super::support::{eventually, quiet};

async fn start() -> DemoNetwork {
    DemoNetwork::start(
        DemoOptions {
            stakers: StakerScript {
                first: 2,
                then_every: std::time::Duration::from_millis(100),
                up_to: 3,
            },
            ..DemoOptions::default()
        },
        &quiet,
    )
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_serves_its_oracle() {
    let mut network = start().await;
    // the configuration is read like every other
    let config = config::load(&LoadOptions {
        file: Some(network.config_file().to_owned()),
        ..LoadOptions::default()
    })
    .unwrap();
    assert_eq!(config.contract.address, network.devnet().addresses().manager);
    assert_eq!(config.operators.by_id.len(), 7);
    assert_eq!(config.beacon.urls.len(), 1);
    let root = network.beacon().unwrap().genesis_validators_root();
    assert_eq!(config.network.genesis_validators_root, Some(root));
    let mnemonic_file = network.folder().join("oracle.mnemonic");
    let mode = std::fs::metadata(&mnemonic_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let words = std::fs::read_to_string(&mnemonic_file).unwrap();
    let signer = MnemonicBuilder::from_phrase_nth(words.trim(), 0);
    assert_eq!(signer.address(), network.devnet().addresses().oracle);

    // stakers begin when they are told to, and upkeep with them
    assert!(
        network
            .devnet()
            .manager()
            .getReadyPoolIds()
            .call()
            .await
            .unwrap()
            .is_empty()
    );
    network.begin();
    eventually("three pools are ready", async || {
        network.devnet().manager().getReadyPoolIds().call().await.unwrap() == [1, 2, 3]
    })
    .await;

    // a real ceremony with four of the seven
    let records: BTreeMap<_, _> = network.operators().iter().map(|o| (o.id, o.clone())).collect();
    let mut settings = InitiatorConfig::new(network.messenger_url(), records);
    let pem = std::fs::read_to_string(network.folder().join("initiator.pem")).unwrap();
    settings.signing_key = Some(Arc::new(OperatorPrivateKey::parse(&pem).unwrap()));
    let committee: Vec<OperatorId> = [1, 3, 5, 7].map(OperatorId).to_vec();
    let mut credentials = [0; 32];
    credentials[0] = 1;
    credentials[12..].copy_from_slice(network.devnet().addresses().manager.as_slice());
    let plan = CeremonyPlan::Keygen {
        committee,
        threshold: 3,
        withdrawal_credentials: Root(credentials),
        fork_version: ForkVersion([0, 0, 0, 1]),
        registration: None,
    };
    let initiator = Initiator::start(settings.clone()).await.unwrap();
    let (updates, _seen) = mpsc::channel(64);
    let verified = initiator
        .run(RequestId([1; 24]), &plan, updates.clone())
        .await
        .unwrap();
    assert!(matches!(verified.result, CeremonyResult::Keygen(_)));

    // without the oracle's key nobody starts anything
    settings.signing_key = Some(Arc::new(OperatorPrivateKey::generate().unwrap()));
    let stranger = Initiator::start(settings).await.unwrap();
    let refused = stranger.run(RequestId([2; 24]), &plan, updates).await;
    assert!(refused.is_err(), "a stranger started a ceremony");

    assert!(network.kill_operator(OperatorId(3)));
    assert!(!network.kill_operator(OperatorId(3)));
    let (url, folder) = (network.devnet().http_url(), network.folder().to_owned());
    network.shutdown().await;
    eventually("anvil is gone", async || reqwest::get(&url).await.is_err()).await;
    assert!(!folder.exists(), "the folder stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_in_which_policy_decides_is_valid() {
    let network = DemoNetwork::start(
        DemoOptions {
            auto: true,
            operators: 4,
            ..DemoOptions::default()
        },
        &quiet,
    )
    .await
    .unwrap();
    let options = LoadOptions {
        file: Some(network.config_file().to_owned()),
        auto_approve: AutoApprove::Given,
        ..LoadOptions::default()
    };
    let config = config::load(&options).unwrap();
    assert_eq!(config.policy.mode, casimir_dkg::oracle::Mode::Auto);
    network.shutdown().await;
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_before_anything_starts() {
    for (operators, committee, word) in [(3, 4, "4 to 13"), (7, 10, "committee"), (7, 5, "committee")] {
        let options = DemoOptions {
            operators,
            committee,
            ..DemoOptions::default()
        };
        let error = DemoNetwork::start(options, &quiet).await.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

/// In a pipe, in a container, in CI: there is nobody to ask, and nothing in the demo is worth asking about.
#[test]
fn without_a_terminal_the_story_runs_by_itself_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_casimir-dkg"));
    command
        .args(["demo", "--pools", "2", "--operators", "5"])
        .env("CASIMIR_DKG_CONFIG_DIR", home.path().join("config"))
        .env("CASIMIR_DKG_STATE_DIR", home.path().join("state"))
        .env("TMPDIR", home.path())
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let told: Vec<&str> = err
        .lines()
        .filter(|line| line.contains("without a screen"))
        .collect();
    let why = if cfg!(feature = "tui") {
        "stdout is not a terminal"
    } else {
        "this build has no screen"
    };
    let expected = format!(
        "demo: {why}, so it runs without a screen, by the demo's rules, to its end; everything in it is local"
    );
    assert_eq!(told, [expected], "{err}");
    // with its requests: one pool is reshared, the other exits
    for done in [
        "2 of 2 deposits done",
        "1 of 1 reshares done",
        "1 of 1 exits done",
    ] {
        assert!(err.contains(&format!("demo: {done}")), "{done}: {err}");
    }
    for case in ["deposit/1", "deposit/2", "reshare/", "exit/"] {
        assert!(out.contains(case), "{case}: {out}");
    }
    assert!(!out.contains('\x1b'), "{out}");
    // the file of a lock stays, and says nothing
    // locks had their files in these for a while, and nothing else
    let left = std::fs::read_dir(home.path()).unwrap().map(Result::unwrap);
    let left =
        left.filter(|entry| std::fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_some()));
    let folders: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(folders.is_empty(), "the network's folder is gone: {folders:?}");
}

/// What a demo in a pipe leaves on stdout and stderr, and its exit code.
fn run(home: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_casimir-dkg"))
        .args(arguments)
        .env("CASIMIR_DKG_CONFIG_DIR", home.join("config"))
        .env("CASIMIR_DKG_STATE_DIR", home.join("state"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_is_kept_is_verified_by_the_commands_that_are_printed() {
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("kept here");
    let demo = [
        "demo",
        "--pools",
        "1",
        "--operators",
        "4",
        "--headless",
        "--auto-approve",
        "--keep",
    ];
    let arguments: Vec<&str> = demo.into_iter().chain([kept.to_str().unwrap()]).collect();
    let (code, out, err) = run(home.path(), &arguments);
    assert_eq!(code, Some(0), "{out}\n{err}");
    let commands: Vec<&str> = err
        .lines()
        .filter_map(|line| line.strip_prefix("  casimir-dkg "))
        .collect();
    assert!(
        commands.len() >= 3,
        "journal verify, journal show, a transcript: {err}"
    );
    assert!(
        commands[0].contains("journal verify --key 0x"),
        "it shows how a key is given: {err}"
    );
    for command in commands {
        // as a person would: by a shell
        let line = format!("'{}' {command}", env!("CARGO_BIN_EXE_casimir-dkg"));
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // another chain's journal is not gone on with
    let (code, _, err) = run(home.path(), &arguments);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("something in this directory"), "{err}");
}

#[test]
fn the_tour_comes_to_its_end_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--headless", "--tour", "--operators", "7", "--seed", "3"];
    let (code, out, err) = run(home.path(), &arguments);
    assert_eq!(code, Some(0), "{out}\n{err}");
    let stations: Vec<&str> = err.lines().filter(|line| line.starts_with("tour ")).collect();
    let is_last = |line: &&str| line.contains("whole story");
    assert!(stations.iter().any(is_last), "{err}");
    assert!(err.contains("the tour is over"), "{err}");
    for kind in ["deposit/1", "deposit/2", "reshare/", "exit/"] {
        assert!(out.contains(kind), "{kind}: {out}");
    }
}

#[cfg(feature = "tui")]
#[test]
fn a_wrong_look_is_found_before_anything_is_started() {
    let home = tempfile::tempdir().unwrap();
    let (code, _, err) = run(home.path(), &["demo", "--theme", "no-such-theme"]);
    assert_eq!(code, Some(3), "as any mistake in the configuration: {err}");
    assert!(err.contains("--theme") && err.contains("no-such-theme"), "{err}");
    assert!(!err.contains("anvil"), "{err}");
    let config = home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    let file = config.join("mine.toml");
    std::fs::write(&file, "[ui]\nmouse = \"perhaps\"\n").unwrap();
    let (code, _, err) = run(home.path(), &["demo", "--config", file.to_str().unwrap()]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("mine.toml:2") && err.contains("ui.mouse"), "{err}");
}
