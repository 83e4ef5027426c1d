//! A messenger's host: the real program from a configuration file in an empty directory. Keys are made through it; it is killed,
//! started again, and has forgotten nothing, not even what an operator has lost.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use casimir_dkg::types::{CeremonyResult, OperatorId};

use super::house::{House, Plan, ids, key_of, keygen_plan};
use crate::config::roles::{Role, until_registered};
use crate::config::support;

const LOSER: OperatorId = OperatorId(4);

fn configure(here: &Path, messenger: SocketAddr, operator: SocketAddr) {
    let config = format!(
        "[messenger]\nlisten = \"{messenger}\"\ndata_dir = \"messenger\"\n[metrics]\nlisten = \"off\"\n"
    );
    fs::write(here.join("messenger.toml"), config).unwrap();
    let pem = key_of(LOSER).to_pem().unwrap();
    fs::write(here.join("key.pem"), pem.as_bytes()).unwrap();
    let operators: String = ids(1..=4)
        .into_iter()
        .map(|id| {
            let key = key_of(id).public().to_registry_text();
            format!("[[operator]]\nid = {id}\nendpoint = \"http://127.0.0.1:9\"\npublic_key = \"{key}\"\n")
        })
        .collect();
    let node = format!(
        "[node]\nid = {LOSER}\nlisten = \"{operator}\"\nmessenger_url = \"http://{messenger}\"\nkey_file = \"key.pem\"\n\
         data_dir = \"node\"\n[metrics]\nlisten = \"off\"\n{operators}"
    );
    fs::write(here.join("operator.toml"), node).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_that_is_killed_goes_on_and_tells_an_operator_what_it_lost() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let (address, operator_address) = (crate::nobody(), crate::nobody());
    configure(here, address, operator_address);
    let messenger = || Role::start(here, &["--config", "messenger.toml", "messenger"], &[]);
    let operator = || Role::start(here, &["--config", "operator.toml", "operator"], &[]);
    let first = messenger();
    let node = operator();
    let registered = |messenger: &Role, node: &Role| {
        // it asks over HTTP in a runtime of its own
        std::thread::scope(|threads| {
            threads
                .spawn(|| until_registered(messenger, node))
                .join()
                .unwrap()
        });
    };
    registered(&first, &node);
    let house = House::build(Plan {
        honest: ids(1..=3),
        elsewhere: [(LOSER, node.url().to_owned())].into(),
        messenger_url: Some(format!("http://{address}")),
        ..Plan::default()
    })
    .await;
    let made = house.run(&keygen_plan(ids(1..=4))).await.unwrap();
    let CeremonyResult::Keygen(key) = made.result else {
        panic!("{:?}", made.result)
    };

    // Drop kills it, as a host does that loses power
    drop(first);
    let second = messenger();
    let (code, out, stderr) =
        support::run(support::program(here).args(["--config", "messenger.toml", "doctor", "messenger"]));
    assert!(code == Some(0), "{out}{stderr}");
    house.run(&keygen_plan(ids(1..=4))).await.unwrap();
    let said = node.stopped();
    assert!(!said.contains("NOT IN ITS STORE"), "{said}");

    fs::remove_dir_all(here.join("node")).unwrap();
    let node = operator();
    let missed = "2 shares THAT THIS OPERATOR SIGNED FOR ARE NOT IN ITS STORE";
    let said = node.stopped_after(missed);
    assert!(
        said.contains(missed) && said.contains(&key.validator.to_string()),
        "{said}"
    );
    second.stopped();
}
