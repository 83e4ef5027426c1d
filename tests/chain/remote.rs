//! A signer elsewhere: what it gives back is compared with what was asked, and who is away is told apart from who refuses.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use alloy::primitives::{Address, U256};
use casimir_dkg::config::{self, Config, LoadOptions};
use casimir_dkg::devnet::Mining;
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::ports::tx_signer::{HasKey, TxSignerError};
use casimir_dkg::ports::{Answer, TxSigner};
use casimir_dkg::signer;
use casimir_dkg::tx::{SignError, UnsignedTransaction};
use casimir_dkg::types::ClusterLayout;
use serde_json::json;

use super::stand_in::{Authority, Change, Mood, StandIn};
use super::support::{ORACLE_KEY, devnet, oracle};

const CHAIN: u64 = 31337;

/// A configuration whose signer is what is said here.
fn configured(folder: &Path, signer: &str) -> Config {
    static KEYS: OnceLock<[String; 4]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        [(); 4].map(|()| {
            let key = OperatorPrivateKey::generate().unwrap();
            key.public().to_registry_text()
        })
    });
    let operators: String = (1..=4)
        .map(|id| {
            let key = &keys[id - 1];
            format!("[[operator]]\nid = {id}\nendpoint = \"http://127.0.0.1:{id}\"\npublic_key = \"{key}\"\n")
        })
        .collect();
    let text = format!(
        "[network]\nname = \"devnet\"\n[rpc]\nurls = [\"http://127.0.0.1:1\"]\n[contract]\naddress = \
         \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n[signer]\nkind = \"remote\"\n{signer}\n{operators}"
    );
    let file = folder.join("c.toml");
    fs::write(&file, text).unwrap();
    let environment = ["CONFIG", "STATE", "CACHE"].map(|name| {
        let folder = folder.to_str().unwrap().to_owned();
        (format!("CASIMIR_DKG_{name}_DIR"), folder)
    });
    let options = LoadOptions {
        file: Some(file),
        environment: environment.into(),
        ..LoadOptions::default()
    };
    config::load(&options).unwrap()
}

pub(super) fn opened(folder: &Path, more: &str) -> Arc<dyn TxSigner> {
    let config = configured(folder, more);
    let opened = signer::open(&config, |_| unreachable!("it has no password"));
    opened.unwrap().unwrap().signer
}

pub(super) fn of_oracle(url: &str) -> String {
    format!("url = \"{url}\"\naddress = \"{}\"\n", oracle().address())
}

pub(super) fn draft(from: Address) -> UnsignedTransaction {
    UnsignedTransaction {
        chain_id: CHAIN,
        from,
        to: Address::repeat_byte(7),
        value_wei: U256::from(5),
        data: vec![1, 2, 3].into(),
        nonce: 0,
        gas_limit: 100_000,
        max_fee_wei: 20_000_000_000,
        priority_fee_wei: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_signs_what_it_is_asked_over_tls_for_whom_it_knows() {
    let authority = Authority::new();
    let stand_in = StandIn::over_tls(&authority, ORACLE_KEY, CHAIN).await;
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue("oracle");
    for (name, text) in [
        ("ca.pem", &authority.pem()),
        ("c.pem", &certificate),
        ("c.key", &key),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let trusting = format!("{}ca_file = \"ca.pem\"\n", of_oracle(&stand_in.url));
    let known = format!("{trusting}client_certificate = \"c.pem\"\nclient_key = \"c.key\"\n");
    let signer = opened(folder.path(), &known);
    assert_eq!(signer.reach().await, Answer::Yes(HasKey::Told));
    let draft = draft(oracle().address());
    let signed = draft.sign(&*signer).await.unwrap();
    assert_eq!(
        signed,
        draft.sign(&oracle()).await.unwrap(),
        "as by the key itself"
    );
    // whoever shows no certificate, or trusts none of its authority, is as if it were away
    for stranger in [trusting, of_oracle(&stand_in.url)] {
        let signer = opened(folder.path(), &stranger);
        let answer = draft.sign(&*signer).await.unwrap_err();
        assert!(answer.away().is_some(), "{answer}");
        assert!(matches!(signer.reach().await, Answer::NotKnown(_)));
    }
    assert_eq!(stand_in.signed(), 1);
    // a certificate that was renewed counts at once, and one that is no more is said
    let (_, another) = authority.issue("oracle");
    fs::write(folder.path().join("c.key"), another).unwrap();
    let answer = draft.sign(&*signer).await.unwrap_err();
    let words = answer.away().expect("what was approved is held meanwhile");
    assert!(words.as_str().contains("client certificate"), "{words}");
    let (certificate, key) = authority.issue("oracle");
    fs::write(folder.path().join("c.pem"), certificate).unwrap();
    fs::write(folder.path().join("c.key"), key).unwrap();
    draft.sign(&*signer).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_signs_instead_is_refused_by_name() {
    let stand_in = StandIn::start(ORACLE_KEY, CHAIN).await;
    let folder = tempfile::tempdir().unwrap();
    let signer = opened(folder.path(), &of_oracle(&stand_in.url));
    let draft = draft(oracle().address());
    let changes: [(Change, &str); 7] = [
        (|tx| tx.chain_id = 1, "another chain"),
        (|tx| tx.nonce += 1, "another nonce"),
        (|tx| tx.to = Address::ZERO.into(), "another contract"),
        (|tx| tx.value += U256::ONE, "another value"),
        (|tx| tx.input = vec![9].into(), "another calldata"),
        (|tx| tx.gas_limit += 1, "another gas limit"),
        (|tx| tx.max_fee_per_gas += 1, "another max fee"),
    ];
    for (change, what) in changes {
        stand_in.is(Mood::Signs(change));
        assert_eq!(draft.sign(&*signer).await, Err(SignError::Mismatch(what)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_is_told_apart_from_who_refuses_and_from_who_is_broken() {
    let stand_in = StandIn::start(ORACLE_KEY, CHAIN).await;
    let folder = tempfile::tempdir().unwrap();
    let signer = opened(folder.path(), &of_oracle(&stand_in.url));
    let draft = draft(oracle().address());
    let ask = async || match draft.sign(&*signer).await {
        Err(SignError::Signer(error)) => error,
        other => panic!("{other:?}"),
    };
    for status in [408, 429, 500, 503] {
        stand_in.is(Mood::Says(status, ""));
        assert!(matches!(ask().await, TxSignerError::Away(_)), "{status}");
        assert!(matches!(signer.reach().await, Answer::NotKnown(_)));
    }
    stand_in.is(Mood::Says(
        200,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"over its limit"}}"#,
    ));
    let refused = ask().await;
    assert!(
        matches!(&refused, TxSignerError::Refused(words) if words.as_str().ends_with(": over its limit"))
    );
    // some say an error by the status, too
    stand_in.is(Mood::Says(
        400,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"over its limit"}}"#,
    ));
    assert_eq!(ask().await, refused);
    let error = |code: i64, words: &str| {
        json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": words } }).to_string()
    };
    // this very transaction: by its rules, or by a person at it
    for (code, words) in [
        (-32000, "request denied"),
        (4001, "user rejected"),
        (-32010, "not on the list"),
    ] {
        stand_in.is(Mood::Says(200, error(code, words).leak()));
        assert!(matches!(ask().await, TxSignerError::Refused(_)), "{code} {words}");
    }
    for (status, words) in [
        (200, error(-32602, "Invalid params")),
        (200, error(-32600, "Invalid Request")),
        (200, r#"{"jsonrpc":"2.0","id":1,"result":null}"#.to_owned()),
        (200, r#"{"jsonrpc":"2.0","id":1,"result":"no hex"}"#.to_owned()),
        (200, r#"{"jsonrpc":"2.0","id":1,"result":{"tx":{}}}"#.to_owned()),
    ] {
        stand_in.is(Mood::Says(status, words.clone().leak()));
        assert!(
            matches!(ask().await, TxSignerError::Broken(_)),
            "{status} {words}"
        );
    }
    // nothing at the moment, whoever says so: it is held, and the answer is named
    for (status, answer, named) in [
        (200, error(-32601, "Method not found"), "Method not found"),
        (500, error(-32603, "Internal error"), "Internal error"),
        (200, error(-32603, "Internal error"), "Internal error"),
        (200, error(-32005, "limit exceeded"), "limit exceeded"),
        (
            200,
            error(-32000, "authentication needed: password or unlock"),
            "password or unlock",
        ),
        (200, error(-32000, "unknown account"), "unknown account"),
        (200, "<html><title>Sign in</title>".to_owned(), "Sign in"),
        (200, String::new(), "not JSON-RPC"),
        (200, r#"{"status":"starting"}"#.to_owned(), "starting"),
        (200, r#"{"error":"unauthorized"}"#.to_owned(), "unauthorized"),
        (302, String::new(), "302"),
        (401, "who are you?".to_owned(), "401"),
        (403, String::new(), "403"),
        (404, "nobody of this name".to_owned(), "404"),
    ] {
        stand_in.is(Mood::Says(status, answer.clone().leak()));
        let told = ask().await;
        assert!(
            matches!(told, TxSignerError::Away(_)),
            "{status} {answer}: {told}"
        );
        assert!(told.to_string().contains(named), "{named}: {told}");
    }
    // one that tells nobody its accounts is there all the same
    stand_in.is(Mood::Says(
        200,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#,
    ));
    assert_eq!(signer.reach().await, Answer::Yes(HasKey::Untold));
    stand_in.is(Mood::Honest);
    let other = format!(
        "url = \"{}\"\naddress = \"{}\"\n",
        stand_in.url,
        Address::repeat_byte(9)
    );
    let other = opened(folder.path(), &other);
    let answer = other.reach().await;
    assert!(
        matches!(&answer, Answer::No(why) if why.to_string().contains("no key of 0x0909")),
        "{answer:?}"
    );
    drop(stand_in);
    tokio::task::yield_now().await;
    assert!(matches!(ask().await, TxSignerError::Away(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_signs_for_its_own_accounts_is_such_a_signer_too() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Manual).await;
    let account = net.accounts().staker;
    let folder = tempfile::tempdir().unwrap();
    let signer = opened(
        folder.path(),
        &format!("url = \"{}\"\naddress = \"{account}\"\n", net.http_url()),
    );
    assert_eq!(signer.reach().await, Answer::Yes(HasKey::Told));
    let draft = draft(account);
    let signed = draft.sign(&*signer).await.unwrap();
    draft.verify(&signed).unwrap();
}

#[test]
fn files_that_are_none_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let identity = "client_certificate = \"c.pem\"\nclient_key = \"c.key\"\n";
    let signer = format!("{}{identity}", of_oracle("https://signer.example"));
    let refused = || {
        let config = configured(folder.path(), &signer);
        signer::open(&config, |_| unreachable!()).unwrap_err().to_string()
    };
    assert!(
        refused().starts_with("signer.client_certificate "),
        "{}",
        refused()
    );
    let other = configured(
        folder.path(),
        &format!("{}ca_file = \"none.pem\"\n", of_oracle("https://signer.example")),
    );
    let error = signer::open(&other, |_| unreachable!()).unwrap_err().to_string();
    assert!(
        error.starts_with("signer.ca_file ") && error.contains("none.pem: No such file"),
        "{error}"
    );
    fs::write(folder.path().join("c.pem"), "nothing").unwrap();
    assert!(refused().contains("c.key: No such file"), "{}", refused());
    fs::write(folder.path().join("c.key"), "nothing").unwrap();
    assert!(
        refused().starts_with("signer: client certificate: "),
        "{}",
        refused()
    );
}
