//! `transcript verify --ssv`, by the program itself: a transcript's keys beside those that the SSV stand-in logged.

use std::fs;
use std::path::Path;
use std::process::Command;

use alloy::primitives::U256;
use alloy::sol_types::SolCall as _;
use casimir_dkg::devnet::contracts::SsvOperators;
use casimir_dkg::devnet::{Devnet, DevnetOptions};
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use serde_json::Value;

use super::super::support::devnet;

const TRANSCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/vectors/transcripts/keygen.json"
);

/// A network at which these keys are registered.
async fn with_operators(operators: Vec<String>) -> Devnet {
    devnet(DevnetOptions {
        operators,
        ..DevnetOptions::default()
    })
    .await
}

/// The program's word on the transcript, as these endpoints tell SSV's logs.
fn verify(scratch: &Path, net: &Devnet, endpoints: &[&str], more: &str) -> (Option<i32>, Value, String) {
    let config = format!(
        "[network]\nname = \"devnet\"\nssv_network = \"{}\"\n{more}",
        net.addresses().ssv
    );
    fs::write(scratch.join("c.toml"), config).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_casimir-dkg"));
    program.env_clear().env("HOME", scratch).current_dir(scratch);
    program.args(["--config", "c.toml", "--json", "transcript", "verify", TRANSCRIPT]);
    for endpoint in endpoints {
        program.args(["--ssv", endpoint]);
    }
    let output = program.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let said = told
        .lines()
        .next()
        .map_or(Value::Null, |line| serde_json::from_str(line).unwrap());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said, stderr)
}

/// Every check against the registry: its status and its words.
fn registry(said: &Value) -> Vec<(String, String)> {
    let checks = said["checks"].as_array().unwrap().iter();
    let ours = checks.filter(|check| check["name"] == "ssv-registry");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    ours.map(|check| (text(&check["status"]), text(&check["reason"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcripts_keys_are_compared_with_ssvs_registry() {
    let scratch = tempfile::tempdir().unwrap();
    let transcript: Value = serde_json::from_slice(&fs::read(TRANSCRIPT).unwrap()).unwrap();
    let key = |id: u64| {
        transcript["operators"][id.to_string()]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let net = with_operators((1..=4).map(key).collect()).await;
    let url = net.http_url();
    // each endpoint is asked by itself, and who does not answer has said nothing
    let (code, said, stderr) = verify(scratch.path(), &net, &[&url, "http://127.0.0.1:1"], "");
    assert_eq!(code, Some(0), "{stderr}{said}");
    let told = registry(&said);
    let statuses: Vec<_> = told.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["pass", "unknown"], "{told:?}");
    let contract = net.addresses().ssv.to_string();
    assert!(told[0].1.contains(&contract), "{told:?}");

    // who was removed since had its key all the same, and need not stand in a file of today
    let removal = SsvOperators::removeOperatorCall { operatorId: 2 }.abi_encode();
    let (owner, ssv) = (net.accounts().operators, net.addresses().ssv);
    net.send("to SSV", owner, ssv, U256::ZERO, removal).await.unwrap();
    let (code, said, stderr) = verify(scratch.path(), &net, &[&url], "");
    assert_eq!(code, Some(0), "{stderr}{said}");
    let (status, words) = &registry(&said)[0];
    assert_eq!(status, "pass", "{words}");
    for part in [
        "operator 2 was removed at block ",
        "its key as last registered was SHA-256:",
    ] {
        assert!(words.contains(part), "{words}");
    }

    // the same ids, and another key of the third; and nobody has the fourth
    let another = OperatorPrivateKey::generate()
        .unwrap()
        .public()
        .to_registry_text();
    let other = with_operators(vec![key(1), key(2), another]).await;
    let (code, said, stderr) = verify(scratch.path(), &other, &[&other.http_url()], "");
    assert_eq!(code, Some(1), "{stderr}");
    let told = registry(&said);
    assert!(
        told[0].0 == "fail" && told[0].1.contains("operator 3 registered another key, SHA-256:"),
        "{told:?}"
    );

    // that no registration is told proves nothing
    let none = with_operators(vec![key(1), key(2), key(3)]).await;
    let (code, said, _) = verify(scratch.path(), &none, &[&none.http_url()], "");
    let told = registry(&said);
    assert_eq!((code, told[0].0.as_str()), (Some(0), "unknown"), "{told:?}");
    assert!(
        told[0].1.contains("no registration is told of operator 4"),
        "{told:?}"
    );
    let (code, said, _) = verify(scratch.path(), &net, &[&url], "chain_id = 5\n");
    let told = registry(&said);
    assert_eq!((code, told[0].0.as_str()), (Some(0), "unknown"), "{told:?}");
    assert!(told[0].1.contains("serves chain 31337, expected 5"), "{told:?}");
}
