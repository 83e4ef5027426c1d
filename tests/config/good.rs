//! Configurations that must be accepted, and what they mean.

use std::fs;
use std::time::Duration;

use casimir_dkg::chain::Finality;
use casimir_dkg::config::{
    self, AutoApprove, MessengerChoice, NetworkName, Notify, SelectionRule, SignerKey,
};
use casimir_dkg::http::ProxyRule;
use casimir_dkg::oracle::{ActionKind, Mode};
use casimir_dkg::types::OperatorId;

use super::support::{self, MINIMAL};

#[test]
fn the_minimal_configuration_means_the_documented_defaults() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    fs::write(&file, format!("{MINIMAL}{}", support::operators())).unwrap();
    let config = config::load(&support::options(&file, scratch.path())).unwrap();
    assert_eq!(config.network.name, NetworkName::Devnet);
    assert_eq!(config.network.chain_id, 31337);
    assert_eq!(config.network.finality, Finality::Tag);
    assert_eq!(config.rpc.timeout, Duration::from_secs(15));
    assert_eq!(config.rpc.calls_per_second.get(), 250);
    assert_eq!(config.http.proxy, ProxyRule::Environment);
    assert_eq!(config.contract.cluster_layout, None, "the contract is asked");
    assert_eq!(config.contract.fee_amount_wei.to_string(), "100000000000000000");
    assert_eq!(config.dkg.round_deadline, Duration::from_secs(60));
    assert_eq!(config.dkg.ceremonies_at_once, None);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(config.dkg.at_once(), cores, "one for each core");
    assert!(
        matches!(config.dkg.messenger, MessengerChoice::Embedded { listen, .. } if listen.ip().is_loopback())
    );
    assert_eq!(config.policy.mode, Mode::Observe);
    assert!(config.policy.rules.is_empty());
    assert_eq!(config.fees.max_fee_wei.to_string(), "50000000000000000");
    assert_eq!(config.ui.notify, Notify::Bell);
    assert_eq!(
        config.journal.path,
        scratch.path().join("state/devnet/journal.sqlite")
    );
    assert_eq!((&config.journal.checkpoint, &config.journal.key), (&None, &None));
    assert_eq!(config.log.dir, scratch.path().join("state/logs"));
    assert!(matches!(config.signer.key, SignerKey::Absent));
    let four = [1, 2, 3, 4].map(OperatorId).to_vec();
    assert_eq!(
        config.selection.rule,
        SelectionRule::Choose { from: four, size: 4 }
    );
}

#[test]
fn a_key_in_the_query_of_a_url_is_kept_to_its_last_character() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let url = "https://rpc.example/v1?key=AAA/";
    let text = MINIMAL.replace("http://127.0.0.1:8545", url);
    let http = "[http]\nproxy = \"http://me:hunter2@proxy.example:3128\"\nca_file = \"ca.pem\"\n";
    fs::write(&file, format!("{text}{http}{}", support::operators())).unwrap();
    let options = support::options(&file, scratch.path());
    let config = config::load(&options).unwrap();
    assert_eq!(config.rpc.urls[0].expose(), url);
    assert!(matches!(&config.http.proxy, ProxyRule::Url(proxy) if proxy.expose().contains("hunter2")));
    assert_eq!(config.http.ca_file, Some(scratch.path().join("ca.pem")));
    let shown = config::render(&config::gather(&options).unwrap().shown());
    assert!(!shown.contains("hunter2") && !shown.contains("AAA"), "{shown}");
    assert!(shown.contains("proxy = \"http://proxy.example:3128\""), "{shown}");
}

#[test]
fn every_good_file_is_accepted() {
    let mut files: Vec<_> = fs::read_dir(support::here("good"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 4);
    for file in files {
        let scratch = tempfile::tempdir().unwrap();
        let copy = scratch.path().join("c.toml");
        let text = support::with_keys(&fs::read_to_string(&file).unwrap(), "KEY");
        fs::write(&copy, &text).unwrap();
        // two of them name further files
        fs::write(scratch.path().join("operators.toml"), support::operators()).unwrap();
        fs::write(
            scratch.path().join("policy.toml"),
            include_str!("../../config/policy.example.toml"),
        )
        .unwrap();
        let mut options = support::options(&copy, scratch.path());
        if text.contains("\"auto\"") {
            options.auto_approve = AutoApprove::Given;
        }
        if let Err(errors) = config::load(&options) {
            panic!("{}:\n{errors}", file.display());
        }
    }
}

#[test]
fn lists_in_files_of_their_own_are_appended() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("sub")).unwrap();
    let file = scratch.path().join("sub/c.toml");
    // relative to the configuration file, not to the working directory
    fs::write(
        &file,
        format!("{MINIMAL}file = \"../policy.toml\"\n[operators]\nfile = \"operators.toml\"\n"),
    )
    .unwrap();
    fs::write(scratch.path().join("sub/operators.toml"), support::operators()).unwrap();
    fs::write(
        scratch.path().join("policy.toml"),
        include_str!("../../config/policy.example.toml"),
    )
    .unwrap();
    let config = config::load(&support::options(&file, scratch.path())).unwrap();
    assert_eq!(config.operators.by_id.len(), 4);
    let rule = &config.policy.rules[0];
    assert_eq!(rule.name, "routine deposits");
    assert_eq!(rule.kinds, [ActionKind::Keygen, ActionKind::SendDeposit]);
    assert_eq!(rule.max_fee_wei.unwrap().to_string(), "50000000000000000");
    assert_eq!(rule.per_day, 20);
}

#[test]
fn debug_output_shows_no_secret() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let text = MINIMAL.replace(
        "http://127.0.0.1:8545",
        "https://me:hunter2@rpc.example/v3/hunter2hunter2hunter2hunter2",
    );
    fs::write(&file, format!("{text}{}", support::operators())).unwrap();
    let mut options = support::options(&file, scratch.path());
    let words = "test test test test test test test test test test test junk";
    options
        .environment
        .insert("CASIMIR_DKG_SIGNER_MNEMONIC".to_owned(), words.to_owned());
    let layers = config::gather(&options).unwrap();
    let config = layers.oracle().unwrap();
    assert!(matches!(config.signer.key, SignerKey::Mnemonic { .. }));
    let shown = config::render(&layers.shown());
    for text in [format!("{config:?}"), format!("{layers:?}"), shown] {
        assert!(!text.contains("hunter2") && !text.contains("junk"), "{text}");
    }
}

/// What can be meant is no mistake, and is said by `doctor` and at the start.
#[test]
fn what_can_be_meant_and_rather_is_not_is_said() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let person = |name: &str, key: &str| {
        format!(
            "[[person]]\nname = \"{name}\"\nuid = 1000\nkey = \"0x{}\"\n",
            key.repeat(32)
        )
    };
    let said = |network: &str, contract: &str, tables: &str| {
        let text = support::MINIMAL
            .replace("name = \"devnet\"", network)
            .replace("[policy]", &format!("{contract}\n[policy]"));
        fs::write(&file, format!("{text}{}{tables}", support::operators())).unwrap();
        config::load(&support::options(&file, scratch.path()))
            .unwrap()
            .worries
    };
    assert!(said("name = \"devnet\"", "", "").is_empty());
    let people = [person("Ada", "01"), person("Ada at home", "02")].concat();
    let two = "[[policy.two_persons]]\nkinds = [\"keygen\"]\n[[policy.rule]]\nname = \"r\"\nkinds = [\"keygen\"]\nper_day = 1\n";
    let nothing =
        "[[policy.rule]]\nname = \"r\"\nkinds = [\"keygen\"]\nmax_fee = \"0.05 ETH\"\nper_day = 1\n";
    let plain = |role: &str, who: &str| {
        format!("[{role}]\ntls_certificate_file = \"c\"\ntls_key_file = \"k\"\nplain_http = {who}\n")
    };
    let told = |kinds: &str| {
        format!(
            "[[notices.to]]\nname = \"duty\"\ncommand = [\"tell\"]\nseverity = \"critical\"\nkinds = {kinds}\n"
        )
    };
    let second = |says: &str| format!("[attach]\n{says}\n[[policy.two_persons]]\nkinds = [\"reshare\"]\n");
    let key = support::operator_key();
    let there =
        format!("[[operator]]\nid = 5\nendpoint = \"http://127.0.0.1:8081\"\npublic_key = \"{key}\"\n");
    for (network, contract, tables, words) in [
        (
            "name = \"devnet\"",
            "fee_amount = \"0 ETH\"",
            "",
            "contract.fee_amount: 0 gives SSV nothing",
        ),
        (
            "name = \"devnet\"",
            "fee_amount = \"10 ETH\"",
            "",
            "contract.fee_amount: the string \"10 ETH\" is taken",
        ),
        (
            "name = \"devnet\"",
            "[dkg]\nmessenger_url = \"http://m\"\nmessenger_public_url = \"http://n\"",
            "",
            "dkg.messenger_public_url: is for the messenger within the process",
        ),
        (
            "name = \"devnet\"",
            "",
            nothing,
            "policy.rule.max_fee: no kind of this rule is a transaction",
        ),
        (
            "name = \"devnet\"",
            "",
            &there,
            "operator.endpoint: operator 1 is there already",
        ),
        (
            "name = \"hoodi\"\nfinality = 3",
            "",
            "",
            "network.finality: 3 blocks of a public network",
        ),
        (
            "name = \"devnet\"",
            "",
            &people,
            "person.uid: Ada has uid 1000 too",
        ),
        (
            "name = \"devnet\"",
            "",
            two,
            "policy.rule.kinds: rule r approves nothing",
        ),
        (
            "name = \"devnet\"",
            "",
            &second("approve = [\"ada\"]"),
            "policy.two_persons.kinds: attach.approve names ada alone",
        ),
        (
            "name = \"devnet\"",
            "",
            &second("socket = \"off\""),
            "policy.two_persons.kinds: attach.socket = \"off\" leaves the console's own person alone",
        ),
        (
            "name = \"devnet\"",
            "",
            &plain("messenger", "[\"10.0.0.0/8\", \"0.0.0.0/0\"]"),
            "messenger.plain_http: 0.0.0.0/0 is everybody",
        ),
        (
            "name = \"devnet\"",
            "",
            &plain("node", "[\"::/0\", \"fd00::/8\"]"),
            "node.plain_http: ::/0 is everybody",
        ),
        (
            "name = \"devnet\"",
            "",
            &plain("node", "[\"192.0.0.0/8\"]"),
            "node.plain_http: 192.0.0.0/8 has addresses of the internet",
        ),
        (
            "name = \"devnet\"",
            "",
            &told("[\"exit-due\", \"stuck\"]"),
            "notices.to.kinds: exit-due is a warning at worst, and less than critical is not told here",
        ),
    ] {
        let worries = said(network, contract, tables);
        assert_eq!(worries.len(), 1, "{worries:?}");
        assert!(
            worries[0].contains("c.toml:") && worries[0].contains(words),
            "{worries:?}"
        );
    }
}
