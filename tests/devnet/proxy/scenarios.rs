//! The scenarios that come with the program: they say what they are meant to say.

use casimir_dkg::devnet::Devnet;
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables, shipped};
use serde_json::json;

use super::super::support::active_then_balance::Calls::ValidatorAdded;
use super::{CONTRACT, Server, call, chain, get, result, said};

/// A scenario that comes with the program, for this network.
pub(super) fn ship(name: &str, net: &Devnet, liar: &str) -> Scenario {
    let addresses = net.addresses();
    variables(
        name,
        &format!("{:#x}", addresses.manager),
        &format!("{:#x}", addresses.ssv),
        liar,
    )
}

fn variables(name: &str, manager: &str, ssv: &str, liar: &str) -> Scenario {
    let variables = Variables::from(
        [("manager", manager), ("ssv", ssv), ("liar", liar)]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    Scenario::shipped(name, &variables).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A proxy before two endpoints of one node, with a scenario in force.
async fn two(server: &Server, name: &str) -> (FaultProxy, [String; 2]) {
    let target = |n| Target::new(Kind::Execution, &format!("execution.{n}"), &server.url).unwrap();
    let proxy = FaultProxy::start(vec![target(0), target(1)]).await.unwrap();
    proxy
        .load(variables(name, CONTRACT, CONTRACT, "execution.0"))
        .unwrap();
    proxy.switch(name, Switch::On).unwrap();
    let urls = ["execution.0", "execution.1"].map(|name| proxy.url(name).unwrap());
    (proxy, urls)
}

#[tokio::test]
async fn every_scenario_fits_a_network_with_two_of_each() {
    let server = Server::saying(json!({})).await;
    let mut targets = Vec::new();
    for kind in Kind::ALL {
        for n in 0..2 {
            targets.push(Target::new(kind, &format!("{kind}.{n}"), &server.url).unwrap());
        }
    }
    let proxy = FaultProxy::start(targets).await.unwrap();
    for (name, _) in shipped() {
        let liar = if name.starts_with("beacon") {
            "beacon.0"
        } else {
            "execution.0"
        };
        proxy.load(variables(name, CONTRACT, CONTRACT, liar)).unwrap();
        proxy.switch(name, Switch::On).unwrap();
        proxy.switch(name, Switch::Off).unwrap();
    }
    assert_eq!(proxy.scenarios().len(), shipped().len());
}

#[tokio::test]
async fn a_made_up_registration_can_be_decoded() {
    use alloy::sol_types::SolEvent as _;
    let server = Server::rpc(chain(9)).await;
    let (_proxy, [url, _]) = two(&server, "log-added-validator-added").await;
    let filter = json!({"fromBlock": "0x9", "toBlock": "0x9", "topics": [ValidatorAdded::SIGNATURE_HASH]});
    let logs = result(&url, "eth_getLogs", json!([filter])).await;
    let log: alloy::rpc::types::Log = serde_json::from_value(logs[1].clone()).unwrap();
    let event = ValidatorAdded::decode_log_validate(&log.inner).unwrap();
    assert_eq!(format!("{:#x}", event.owner), CONTRACT);
    assert_eq!(
        (event.operatorIds.as_slice(), event.publicKey.len()),
        ([1, 2, 3, 4].as_slice(), 48)
    );
    assert!(event.shares.is_empty() && event.cluster.active && event.cluster.validatorCount == 1);
}

#[tokio::test]
async fn a_full_pool_is_full_at_the_first_endpoint_only() {
    let server = Server::rpc(chain(9)).await;
    let (proxy, [first, second]) = two(&server, "pool-full-at-the-first-endpoint").await;
    let refused = call(&first, "eth_sendRawTransaction", json!(["0x02"])).await;
    assert_eq!(refused["error"]["message"], "txpool is full");
    assert!(
        result(&second, "eth_sendRawTransaction", json!(["0x02"]))
            .await
            .is_string()
    );
    assert_eq!(said(&proxy), ["refused the transaction: txpool is full"]);
}

#[tokio::test]
async fn a_deposit_reverts_at_one_endpoint_and_every_other_call_is_answered() {
    let server = Server::rpc(chain(9)).await;
    let (_proxy, [first, second]) = two(&server, "execution-reverts-every-deposit").await;
    let tries = async |url: &str, data: &str| {
        let answer = call(url, "eth_call", json!([{"to": CONTRACT, "data": data}, "latest"])).await;
        answer["error"]["data"].clone()
    };
    for deposit in ["0x05533129", "0xE261AEFD00"] {
        assert_eq!(tries(&first, deposit).await, "0x961e3e8c");
        assert!(tries(&second, deposit).await.is_null());
    }
    for other in ["0x6ee76d67", "0x0553", "0x"] {
        assert!(tries(&first, other).await.is_null());
    }
}

#[tokio::test]
async fn limited_logs_stand_beside_a_dead_endpoint() {
    for (name, _) in shipped()
        .iter()
        .filter(|(name, _)| name.starts_with("logs-limited-by-"))
    {
        let server = Server::rpc(chain(40)).await;
        let (_proxy, [first, second]) = two(&server, name).await;
        let ask = async |to: &str| {
            call(
                &first,
                "eth_getLogs",
                json!([{"fromBlock": "0x1", "toBlock": to}]),
            )
            .await
        };
        assert!(ask("0x14").await.get("error").is_some(), "{name}");
        assert!(ask("0x1").await["result"].is_array(), "{name}");
        assert!(super::client().get(&second).send().await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_chain_id_changes_at_a_lever() {
    let server = Server::rpc(chain(9)).await;
    let (proxy, [first, second]) = two(&server, "chain-id-changes-while-running").await;
    let id = async |url: &str| result(url, "eth_chainId", json!([])).await;
    assert_eq!(id(&first).await, "0x7a69");
    proxy.pull("other-chain").unwrap();
    assert_eq!(
        (id(&first).await, id(&second).await),
        (json!("0x5"), json!("0x7a69"))
    );
}

#[tokio::test]
async fn a_connection_is_lost_and_mended() {
    let server = Server::rpc(chain(9)).await;
    let (proxy, [first, second]) = two(&server, "connection-lost").await;
    assert_eq!(result(&first, "eth_chainId", json!([])).await, "0x7a69");
    proxy.pull("cut").unwrap();
    for url in [&first, &second] {
        assert!(super::client().get(url).send().await.is_err());
    }
    proxy.pull("mended").unwrap();
    assert_eq!(result(&second, "eth_chainId", json!([])).await, "0x7a69");
}

#[tokio::test]
async fn whatever_listens_there_is_a_web_server() {
    for (kind, name) in [
        (Kind::Beacon, "beacon-is-a-web-server"),
        (Kind::Messenger, "messenger-is-a-web-server"),
        (Kind::SsvApi, "ssv-api-is-a-web-server"),
        (Kind::Operator, "operator-is-a-web-server"),
        (Kind::Execution, "execution-is-a-web-server"),
    ] {
        let server = Server::saying(json!({})).await;
        let proxy = super::proxy(kind, &[&server.url], "").await;
        proxy
            .load(variables(name, CONTRACT, CONTRACT, "execution.0"))
            .unwrap();
        proxy.switch(name, Switch::On).unwrap();
        let url = proxy.url(&format!("{kind}.0")).unwrap();
        let (status, page) = get(&format!("{url}/any/path")).await;
        assert_eq!(
            (status, page.starts_with("<!DOCTYPE html>")),
            (200, true),
            "{name}"
        );
    }
}
