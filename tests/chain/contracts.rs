//! The adapter: selectors, topics, calls, reverts, and the refusal of contracts that are something else.

use alloy::primitives::{Bytes, U256, keccak256};
use casimir_dkg::chain::contracts::{
    AdapterName, InitiatePoolDeposit, Manager, ManagerCall, ManagerEvent, ManagerEventKind, ProbeError,
    ResharePool, RevertForm, decode_call, decode_manager_call, decode_manager_event, decode_revert,
    encode_initiate_pool_deposit, encode_reshare_pool, revert_of, ssv_topics,
};
use casimir_dkg::chain::rpc::{At, LogEntry, ServerError};
use casimir_dkg::devnet::Mining;
use casimir_dkg::types::{ClusterLayout, ClusterSnapshot, OperatorId, PoolId};
use proptest::prelude::*;
use serde_json::json;

use super::support::{deposit, devnet, manager, rpc};

const LAYOUTS: [ClusterLayout; 2] = [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance];

fn tuple(layout: ClusterLayout) -> &'static str {
    match layout {
        ClusterLayout::BalanceThenActive => "(uint32,uint64,uint64,uint256,bool)",
        ClusterLayout::ActiveThenBalance => "(uint32,uint64,uint64,bool,uint256)",
    }
}

#[test]
fn selectors_and_topics_are_those_of_the_signatures() {
    for layout in LAYOUTS {
        let signature = format!(
            "initiatePoolDeposit(bytes32,bytes,uint64[],bytes,{},bytes,bytes,uint256)",
            tuple(layout)
        );
        let call = encode_initiate_pool_deposit(&deposit(Default::default(), 1), layout);
        assert_eq!(call[..4], keccak256(signature)[..4]);
        for (kind, topic) in ssv_topics(layout) {
            let cluster = tuple(layout);
            let signature = match format!("{kind:?}").as_str() {
                "ValidatorAdded" => format!("ValidatorAdded(address,uint64[],bytes,bytes,{cluster})"),
                "ValidatorRemoved" => format!("ValidatorRemoved(address,uint64[],bytes,{cluster})"),
                "ValidatorExited" => "ValidatorExited(address,uint64[],bytes)".to_owned(),
                "ClusterDeposited" => format!("ClusterDeposited(address,uint64[],uint256,{cluster})"),
                "ClusterWithdrawn" => format!("ClusterWithdrawn(address,uint64[],uint256,{cluster})"),
                other => format!("{other}(address,uint64[],{cluster})"),
            };
            assert_eq!(topic, keccak256(&signature), "{signature}");
        }
    }
    let reshare = ResharePool {
        pool: PoolId(1),
        operator_ids: vec![],
        shares: Bytes::new(),
    };
    assert_eq!(
        encode_reshare_pool(&reshare)[..4],
        keccak256("resharePool(uint32,uint64[],bytes)")[..4]
    );
    for kind in ManagerEventKind::ALL {
        assert_eq!(kind.topic(), keccak256(format!("{}(uint32)", kind.name())));
    }
}

fn log(topics: serde_json::Value, data: &str) -> LogEntry {
    serde_json::from_value(json!({
        "address": "0x0000000000000000000000000000000000000001", "topics": topics, "data": data,
        "blockNumber": "0x1", "blockHash": keccak256([1]), "transactionHash": keccak256([2]), "logIndex": "0x0",
    }))
    .unwrap()
}

#[test]
fn pool_ids_are_read_indexed_or_not_and_nothing_else_is() {
    let topic = ManagerEventKind::DepositRequested.topic();
    let seven = format!("0x{:064x}", 7);
    let expected = Some(ManagerEvent {
        kind: ManagerEventKind::DepositRequested,
        pool: PoolId(7),
    });
    assert_eq!(decode_manager_event(&log(json!([topic]), &seven)), expected);
    assert_eq!(decode_manager_event(&log(json!([topic, seven]), "0x")), expected);
    let too_big = format!("0x{:064x}", 1u64 << 32);
    for (topics, data) in [
        (json!([topic]), too_big.as_str()),
        (json!([topic, too_big]), "0x"),
        (json!([topic]), "0x"),
        (json!([topic, seven]), seven.as_str()),
        (json!([]), seven.as_str()),
        (json!([keccak256("Other(uint32)")]), seven.as_str()),
    ] {
        assert_eq!(
            decode_manager_event(&log(topics.clone(), data)),
            None,
            "{topics} {data}"
        );
    }
}

proptest! {
    #[test]
    fn calls_read_back_as_they_were_written(
        seed: u8, ids in proptest::collection::vec(any::<u64>(), 0..14), shares in proptest::collection::vec(any::<u8>(), 0..400),
        count: u32, network: u64, index: u64, balance: u128, active: bool, fee: u64,
    ) {
        for layout in LAYOUTS {
            let call = InitiatePoolDeposit {
                operator_ids: ids.iter().copied().map(OperatorId).collect(),
                shares: shares.clone().into(),
                cluster: ClusterSnapshot {
                    validator_count: count, network_fee_index: network, index, balance: U256::from(balance), active,
                },
                fee_amount: U256::from(fee),
                ..deposit(Default::default(), seed)
            };
            let data = encode_initiate_pool_deposit(&call, layout);
            prop_assert_eq!(decode_manager_call(&data), Some(ManagerCall::InitiatePoolDeposit(Box::new(call))));
            // bytes that the reading would hide are not read
            let longer = [&data[..], &[0]].concat();
            prop_assert_eq!(decode_manager_call(&longer), None);
            prop_assert_eq!(decode_manager_call(&data[..data.len() - 1]), None);
        }
    }
}

#[test]
fn the_two_layouts_do_not_read_each_other() {
    let mut call = deposit(Default::default(), 9);
    call.cluster.balance = U256::from(5);
    let [old, new] = LAYOUTS.map(|layout| encode_initiate_pool_deposit(&call, layout));
    assert_ne!(old[..4], new[..4]);
    let mixed = [&old[..4], &new[4..]].concat();
    assert_eq!(decode_manager_call(&mixed), None, "a balance of 5 is no bool");
}

#[test]
fn a_call_in_words_names_every_argument() {
    let call = deposit(Default::default(), 3);
    let words = decode_call(&encode_initiate_pool_deposit(
        &call,
        ClusterLayout::ActiveThenBalance,
    ))
    .unwrap();
    let names: Vec<_> = words.arguments.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "depositDataRoot",
            "publicKey",
            "operatorIds",
            "shares",
            "cluster",
            "signature",
            "withdrawalCredentials",
            "feeAmount"
        ]
    );
    assert_eq!(words.arguments[1].value.as_str(), call.public_key.to_string());
    assert_eq!(words.arguments[2].value.as_str(), "[1, 2, 3, 4]");
    let shares = words.arguments[3].value.as_str();
    assert!(
        shares.starts_with("1312 bytes, keccak256 0x") && !shares.ends_with("……"),
        "{shares}"
    );
}

#[test]
fn reverts_are_put_in_words() {
    let selector = |signature: &str| keccak256(signature)[..4].to_vec();
    let word = |n: u64| U256::from(n).to_be_bytes::<32>().to_vec();
    let text = |s: &str| {
        let mut padded = s.as_bytes().to_vec();
        padded.resize(s.len().div_ceil(32) * 32, 0);
        [word(32), word(s.len() as u64), padded].concat()
    };
    let message = [selector("Error(string)"), text("No ready pools")].concat();
    let decoded = decode_revert(&message);
    assert_eq!(
        (decoded.form, decoded.reason.as_str()),
        (RevertForm::Message, "No ready pools")
    );
    assert!(decoded.advice().is_some());

    let panic = [selector("Panic(uint256)"), word(0x11)].concat();
    let decoded = decode_revert(&panic);
    assert_eq!(decoded.form, RevertForm::Panic);
    assert!(decoded.reason.as_str().contains("overflow"), "{decoded}");

    let decoded = decode_revert(&selector("IncorrectClusterState()"));
    assert_eq!(
        (decoded.form, decoded.reason.as_str()),
        (RevertForm::Custom, "IncorrectClusterState")
    );
    assert!(decoded.advice().unwrap().contains("cluster"));

    let with_key = [selector("ValidatorAlreadyExistsWithData(bytes)"), text("abc")].concat();
    let decoded = decode_revert(&with_key);
    assert_eq!(
        decoded.reason.as_str(),
        "ValidatorAlreadyExistsWithData(0x616263)"
    );

    let decoded = decode_revert(&[1, 2, 3, 4, 5]);
    assert_eq!(
        (decoded.form, decoded.reason.as_str()),
        (RevertForm::Unknown, "unknown error 0x0102030405")
    );
    assert_eq!(decode_revert(&[]).form, RevertForm::Empty);

    // a hostile contract's words are made safe
    let hostile = [selector("Error(string)"), text("\u{1b}[2J gone")].concat();
    assert!(!decode_revert(&hostile).to_string().contains('\u{1b}'));
}

#[test]
fn reverts_are_found_where_each_client_puts_them() {
    let error = |value: serde_json::Value| serde_json::from_value::<ServerError>(value).unwrap();
    let data = format!("0x{}", hex::encode(&keccak256("ClusterIsLiquidated()")[..4]));
    for body in [
        json!({"code": 3, "message": "execution reverted", "data": data}),
        json!({"code": -32015, "message": "VM execution error.", "data": format!("Reverted {data}")}),
        json!({"code": -32603, "message": "Internal error", "data": {"message": "x", "data": data}}),
    ] {
        let revert = revert_of(&error(body.clone())).unwrap();
        assert_eq!(revert.reason.as_str(), "ClusterIsLiquidated", "{body}");
    }
    let words = json!({"code": -32000, "message": "execution reverted: No ready pools"});
    assert_eq!(
        revert_of(&error(words)).unwrap().reason.as_str(),
        "No ready pools"
    );
    let silent = json!({"code": 3, "message": "execution reverted", "data": "0x"});
    assert_eq!(revert_of(&error(silent)).unwrap().form, RevertForm::Empty);
    assert!(revert_of(&error(json!({"code": -32000, "message": "header not found"}))).is_none());
}

#[tokio::test]
async fn the_probe_accepts_the_manager_and_nothing_else() {
    for layout in LAYOUTS {
        let net = devnet(layout, Mining::Instant).await;
        let rpc = rpc(&[&net.http_url()]);
        let probe = manager(&net, &rpc).probe().await.unwrap();
        assert_eq!(probe.ssv_network, net.addresses().ssv);
        assert_eq!(probe.upkeep, net.accounts().upkeep);

        let at = |address, layout| Manager::new(rpc.clone(), address, AdapterName::Casimir202305, layout);
        let nothing = at(net.accounts().staker, layout).probe().await.unwrap_err();
        assert!(matches!(nothing, ProbeError::NoCode(_)), "{nothing}");
        let another = at(net.addresses().ssv, layout)
            .probe()
            .await
            .unwrap_err()
            .to_string();
        assert!(another.contains("getSSVNetworkAddress()"), "{another}");
        let other = LAYOUTS.into_iter().find(|l| *l != layout).unwrap();
        match at(net.addresses().manager, other).probe().await.unwrap_err() {
            ProbeError::Layout {
                configured, other, ..
            } => {
                assert_ne!(configured, layout);
                assert_eq!(other, Some(layout), "it says which layout would do");
            }
            error => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn the_manager_tells_who_may_call_it() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    let manager = manager(&net, &rpc(&[&net.http_url()]));
    let ask = |who| manager.authorises(who, At::Latest);
    assert_eq!(ask(net.addresses().oracle).await.unwrap(), Some(true));
    assert_eq!(ask(net.accounts().staker).await.unwrap(), Some(false));
    net.set_oracle(net.accounts().staker).await.unwrap();
    assert_eq!(ask(net.addresses().oracle).await.unwrap(), Some(false));
}
