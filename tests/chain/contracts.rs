//! The adapters: selectors, topics, calls, reverts, and the refusal of contracts that are something else.

use std::sync::Arc;

use alloy::primitives::{Address, Bytes, U256, keccak256};
use casimir_dkg::chain::rpc::{At, LogEntry};
use casimir_dkg::devnet::{ManagerVersion, Mining};
use casimir_dkg::pool::AdapterName;
use casimir_dkg::ports::{
    ActivateDeposit, Answer, Credentials, DepositOrder, Handover, InitiateDeposit, PoolCall, PoolEvent,
    PoolEventKind, PoolManager, Registering, RegistrationTime, ResharePool, Revert, RevertForm,
};
use casimir_dkg::ssv::topics as ssv_topics;
use casimir_dkg::types::{ClusterLayout, ClusterSnapshot, OperatorId, PoolId};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::proxy::{Act, Proxy};
use super::support::{
    adapter, adapter_of, deposit, devnet, devnet_of, encode_deposit, encode_reshare, manager, manager_at,
    nowhere, rpc, with_cluster,
};

const LAYOUTS: [ClusterLayout; 2] = [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance];

fn tuple(layout: ClusterLayout) -> &'static str {
    match layout {
        ClusterLayout::BalanceThenActive => "(uint32,uint64,uint64,uint256,bool)",
        ClusterLayout::ActiveThenBalance => "(uint32,uint64,uint64,bool,uint256)",
    }
}

#[tokio::test]
async fn selectors_and_topics_are_those_of_the_signatures() {
    for layout in LAYOUTS {
        let signature = format!(
            "initiatePoolDeposit(bytes32,bytes,uint64[],bytes,{},bytes,bytes,uint256)",
            tuple(layout)
        );
        let call = encode_deposit(&deposit(Default::default(), 1), layout);
        assert_eq!(call[..4], keccak256(signature)[..4]);
        for (kind, topic) in ssv_topics(layout) {
            let cluster = tuple(layout);
            let signature = match format!("{kind:?}").as_str() {
                "ValidatorAdded" => format!("ValidatorAdded(address,uint64[],bytes,bytes,{cluster})"),
                "ValidatorRemoved" => format!("ValidatorRemoved(address,uint64[],bytes,{cluster})"),
                "ValidatorExited" => "ValidatorExited(address,uint64[],bytes)".to_owned(),
                "ClusterDeposited" => format!("ClusterDeposited(address,uint64[],uint256,{cluster})"),
                "ClusterWithdrawn" => format!("ClusterWithdrawn(address,uint64[],uint256,{cluster})"),
                // the two of v2: https://docs.ssv.network, "Migrating to ETH"
                "ClusterMigratedToEth" => {
                    format!("ClusterMigratedToETH(address,uint64[],uint256,uint256,uint32,{cluster})")
                }
                "ClusterBalanceUpdated" => {
                    format!("ClusterBalanceUpdated(address,uint64[],uint64,uint32,{cluster})")
                }
                other => format!("{other}(address,uint64[],{cluster})"),
            };
            assert_eq!(topic, keccak256(&signature), "{signature}");
        }
    }
    let reshare = ResharePool {
        pool: PoolId(1),
        operator_ids: vec![],
        shares: Bytes::new(),
        handover: None,
    };
    assert_eq!(
        encode_reshare(&reshare)[..4],
        keccak256("resharePool(uint32,uint64[],bytes)")[..4]
    );
    let watched = nowhere(Address::ZERO, adapter(), LAYOUTS[0])
        .watched()
        .await
        .yes()
        .unwrap();
    assert_eq!(watched.len(), 7);
    for event in watched {
        assert_eq!(event.topic, keccak256(format!("{}(uint32)", event.name)));
    }
}

fn log(topics: serde_json::Value, data: &str) -> LogEntry {
    serde_json::from_value(json!({
        "address": "0x0000000000000000000000000000000000000001", "topics": topics, "data": data,
        "blockNumber": "0x1", "blockHash": keccak256([1]), "transactionHash": keccak256([2]), "logIndex": "0x0",
    }))
    .unwrap()
}

#[tokio::test]
async fn pool_ids_are_read_indexed_or_not_and_nothing_else_is() {
    // where the logs of this test stand
    let manager = nowhere(Address::with_last_byte(1), adapter(), LAYOUTS[0]);
    let watched = manager.watched().await.yes().unwrap().into_iter();
    let topic = watched
        .filter(|event| event.kind == PoolEventKind::DepositRequested)
        .map(|event| event.topic)
        .next()
        .unwrap();
    let read = async |log: LogEntry| manager.event(&log.log()).await;
    let seven = format!("0x{:064x}", 7);
    let event = PoolEvent {
        kind: PoolEventKind::DepositRequested,
        pool: PoolId(7),
        leaving: None,
    };
    let expected = Answer::Yes(event.into());
    assert_eq!(read(log(json!([topic]), &seven)).await, expected);
    assert_eq!(read(log(json!([topic, seven]), "0x")).await, expected);
    let elsewhere = nowhere(Address::with_last_byte(2), adapter(), LAYOUTS[0]);
    let told = elsewhere.event(&log(json!([topic]), &seven).log()).await;
    assert!(matches!(told, Answer::No(_)), "{told:?}");
    let too_big = format!("0x{:064x}", 1u64 << 32);
    for (topics, data) in [
        (json!([topic]), too_big.as_str()),
        (json!([topic, too_big]), "0x"),
        (json!([topic]), "0x"),
        (json!([topic, seven]), seven.as_str()),
        (json!([topic]), &seven[..64]),
    ] {
        let told = read(log(topics.clone(), data)).await;
        assert!(matches!(told, Answer::NotKnown(_)), "{topics} {data}: {told:?}");
    }
    for topics in [json!([]), json!([keccak256("Other(uint32)")])] {
        let told = read(log(topics.clone(), &seven)).await;
        assert!(matches!(told, Answer::No(_)), "{topics}: {told:?}");
    }
}

proptest! {
    #[test]
    fn calls_read_back_as_they_were_written(
        seed: u8, ids in proptest::collection::vec(any::<u64>(), 0..14), shares in proptest::collection::vec(any::<u8>(), 0..400),
        count: u32, network: u64, index: u64, balance: u128, active: bool, fee: u64,
    ) {
        for layout in LAYOUTS {
            let cluster = ClusterSnapshot {
                validator_count: count, network_fee_index: network, index, balance: U256::from(balance), active,
            };
            let call = InitiateDeposit {
                operator_ids: ids.iter().copied().map(OperatorId).collect(),
                shares: shares.clone().into(),
                registering: Some(Registering::by_swap(cluster, U256::from(fee))),
                ..deposit(Default::default(), seed)
            };
            let call = PoolCall::InitiateDeposit(Box::new(call));
            for name in AdapterName::all() {
                let manager = nowhere(Address::ZERO, name, layout);
                let data = manager.encode(&call).unwrap();
                prop_assert_eq!(manager.decode(&data), Some(call.clone()));
                // bytes that the reading would hide are not read
                let longer = [&data[..], &[0]].concat();
                prop_assert_eq!(manager.decode(&longer), None);
                prop_assert_eq!(manager.decode(&data[..data.len() - 1]), None);
            }
        }
    }
}

#[test]
fn the_two_layouts_do_not_read_each_other() {
    let cluster = ClusterSnapshot {
        balance: U256::from(5),
        ..ClusterSnapshot::fresh()
    };
    let call = with_cluster(deposit(Default::default(), 9), cluster);
    let [old, new] = LAYOUTS.map(|layout| encode_deposit(&call, layout));
    assert_ne!(old[..4], new[..4]);
    let mixed = [&old[..4], &new[4..]].concat();
    for layout in LAYOUTS {
        let manager = nowhere(Address::ZERO, adapter(), layout);
        assert_eq!(manager.decode(&mixed), None, "a balance of 5 is no bool");
    }
}

#[test]
fn a_call_in_words_names_every_argument() {
    let call = deposit(Default::default(), 3);
    let layout = ClusterLayout::ActiveThenBalance;
    let manager = nowhere(Address::ZERO, adapter(), layout);
    let words = manager.describe(&encode_deposit(&call, layout)).unwrap();
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
    let manager = nowhere(Address::ZERO, adapter(), LAYOUTS[0]);
    let decode_revert = |data: &[u8]| manager.explain(&Revert::of(data));
    let message = [selector("Error(string)"), text("No ready pools")].concat();
    let decoded = decode_revert(&message);
    assert_eq!(
        (decoded.form, decoded.reason.as_str()),
        (RevertForm::Message, "No ready pools")
    );
    assert!(decoded.advice.is_some());

    let panic = [selector("Panic(uint256)"), word(0x11)].concat();
    let decoded = decode_revert(&panic);
    assert_eq!(decoded.form, RevertForm::Panic);
    assert!(decoded.reason.as_str().contains("overflow"), "{decoded}");

    let decoded = decode_revert(&selector("IncorrectClusterState()"));
    assert_eq!(
        (decoded.form, decoded.reason.as_str()),
        (RevertForm::Custom, "IncorrectClusterState")
    );
    assert!(decoded.advice.unwrap().as_str().contains("cluster"));

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

#[tokio::test]
async fn the_probe_accepts_the_manager_and_nothing_else() {
    for layout in LAYOUTS {
        let net = devnet(layout, Mining::Instant).await;
        let rpc = rpc(&[&net.http_url()]);
        let probe = manager(&net, &rpc).probe().await.yes().unwrap();
        assert_eq!(probe.ssv_network, net.addresses().ssv);
        assert_eq!(probe.upkeep, net.accounts().upkeep);

        let at = |address, layout| manager_at(&rpc, address, adapter(), layout);
        let refused = async |manager: Arc<dyn PoolManager>| match manager.probe().await {
            Answer::No(evidence) => evidence.words.to_string(),
            other => panic!("{other:?}"),
        };
        let staker = net.accounts().staker;
        assert_eq!(
            refused(at(staker, layout)).await,
            format!("there is no contract at {staker}")
        );
        let another = refused(at(net.addresses().ssv, layout)).await;
        assert!(another.contains("getSSVNetworkAddress()"), "{another}");
        // it says which layout would do
        let other = LAYOUTS.into_iter().find(|l| *l != layout).unwrap();
        let address = net.addresses().manager;
        assert_eq!(
            refused(at(address, other)).await,
            format!(
                "the contract at {address} takes SSV's cluster with its fields as {layout}, not as {other}; set \
                 contract.cluster_layout = \"{layout}\""
            )
        );
        // silence says nothing
        let silent = nowhere(address, adapter(), layout).probe().await;
        assert!(matches!(silent, Answer::NotKnown(_)), "{silent:?}");
    }
}

#[tokio::test]
async fn a_wrong_version_is_refused_with_the_right_one() {
    use ManagerVersion::{May20, May26};
    for (deployed, configured) in [(May20, May26), (May26, May20)] {
        let layout = ClusterLayout::ActiveThenBalance;
        let net = devnet_of(deployed, layout, Mining::Instant).await;
        let rpc = rpc(&[&net.http_url()]);
        let address = net.addresses().manager;
        let probe = manager(&net, &rpc).probe().await;
        assert!(matches!(probe, Answer::Yes(_)), "{probe:?}");
        let refused = async |layout| {
            let manager = manager_at(&rpc, address, adapter_of(configured), layout);
            manager.probe().await.value().unwrap_err().to_string()
        };
        let (deployed, configured) = (deployed.adapter(), configured.adapter());
        let words = format!(
            "the contract at {address} is {deployed}, not {configured}; set contract.adapter = \"{deployed}\""
        );
        assert_eq!(refused(layout).await, words);
        assert_eq!(
            refused(ClusterLayout::BalanceThenActive).await,
            format!("{words} and contract.cluster_layout = \"{layout}\"")
        );
    }
}

#[test]
fn the_versions_of_may_say_what_they_can_and_cannot_do() {
    for name in AdapterName::all() {
        let manager = nowhere(Address::ZERO, name, LAYOUTS[0]);
        let can = manager.capabilities();
        assert_eq!(manager.name(), name.as_str());
        assert_eq!(can.deposit_order, DepositOrder::HeadOfQueue);
        assert_eq!(can.registration, RegistrationTime::WithDeposit);
        assert_eq!(can.credentials, Credentials::OfManager);
        // «Pool has been reshared twice», says the contract, and takes a third
        assert_eq!(can.reshare_limit(), 3);
        assert!(!can.reshares.unwrap().stored);
    }
}

#[test]
fn a_call_that_the_versions_of_may_lack_is_refused_by_what_they_lack() {
    let plain = deposit(Default::default(), 4);
    let registering = plain.registering.clone().unwrap();
    let with = |change: fn(&mut InitiateDeposit)| {
        let mut call = plain.clone();
        change(&mut call);
        PoolCall::InitiateDeposit(Box::new(call))
    };
    let handover = Handover {
        new_operator: OperatorId(5),
        old_operator: OperatorId(4),
        old_operator_ids: None,
        old_cluster: Some(ClusterSnapshot::fresh()),
        registering: registering.clone(),
    };
    let lacking = [
        (with(|call| call.pool = Some(PoolId(3))), "by its id"),
        (with(|call| call.registering = None), "without registering"),
        (
            with(|call| call.registering.as_mut().unwrap().processed = true),
            "swapped before",
        ),
        (
            with(|call| call.registering.as_mut().unwrap().min_token_amount = U256::ONE),
            "with a floor",
        ),
        (
            PoolCall::ActivateDeposit(ActivateDeposit {
                pending_index: 0,
                registering,
            }),
            "activates a deposit",
        ),
        (
            PoolCall::Reshare(ResharePool {
                pool: PoolId(3),
                operator_ids: vec![OperatorId(5)],
                shares: Default::default(),
                handover: Some(Box::new(handover)),
            }),
            "registers as it reshares",
        ),
    ];
    for name in AdapterName::all() {
        let manager = nowhere(Address::ZERO, name, LAYOUTS[0]);
        for (call, words) in &lacking {
            let refused = manager.encode(call).unwrap_err().to_string();
            assert!(
                refused.starts_with(name.as_str()) && refused.contains(words),
                "{refused}"
            );
        }
    }
}

#[test]
fn the_order_of_the_arguments_is_the_versions_own() {
    let call = PoolCall::InitiateDeposit(Box::new(deposit(Default::default(), 4)));
    for layout in LAYOUTS {
        let signature = format!(
            "initiatePoolDeposit(bytes32,bytes,bytes,bytes,uint64[],bytes,{},uint256)",
            tuple(layout)
        );
        let may26 = nowhere(Address::ZERO, adapter_of(ManagerVersion::May26), layout);
        let data = may26.encode(&call).unwrap();
        assert_eq!(data[..4], keccak256(signature)[..4]);
        let words = may26.describe(&data).unwrap();
        let names: Vec<_> = words.arguments.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "depositDataRoot",
                "publicKey",
                "signature",
                "withdrawalCredentials",
                "operatorIds",
                "shares",
                "cluster",
                "feeAmount"
            ]
        );
        // what one version says, the other does not read as its own
        let may20 = nowhere(Address::ZERO, adapter_of(ManagerVersion::May20), layout);
        assert_eq!(may20.decode(&data), None);
        assert_eq!(may26.decode(&may20.encode(&call).unwrap()), None);
    }
}

#[tokio::test]
async fn the_manager_tells_who_may_call_it() {
    for version in [ManagerVersion::May20, ManagerVersion::May26] {
        let net = devnet_of(version, ClusterLayout::ActiveThenBalance, Mining::Instant).await;
        let manager = manager(&net, &rpc(&[&net.http_url()]));
        let ask = async |who| manager.authorises(who, At::Latest).await;
        assert_eq!(ask(net.addresses().oracle).await, Answer::Yes(()));
        assert!(matches!(ask(net.accounts().staker).await, Answer::No(_)));
        net.set_oracle(net.accounts().staker).await.unwrap();
        assert!(matches!(ask(net.addresses().oracle).await, Answer::No(_)));
    }
}

/// *Yes* only where the question for the oracle was provably passed.
#[tokio::test]
async fn a_refusal_proves_an_oracle_only_when_it_lies_behind_the_oracle_check() {
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Says {
        Yes,
        No,
        NotKnown,
    }
    let text = |words: &str| {
        let revert = alloy::sol_types::Revert::from(words);
        format!(
            "0x{}",
            hex::encode(alloy::sol_types::SolError::abi_encode(&revert))
        )
    };
    let reverts = |data: String| json!({"code": 3, "message": "execution reverted", "data": data});
    let words = |words: &str| json!({"code": -32000, "message": format!("execution reverted: {words}")});
    let error = |code: i64, message: &str| json!({"code": code, "message": message});
    let custom = |name: &str| format!("0x{}", hex::encode(&alloy::primitives::keccak256(name)[..4]));
    let may20 = [
        (reverts(text("Pool has been reshared twice")), Says::Yes),
        (words("Pool has been reshared twice"), Says::Yes),
        (reverts(text("Only DKG oracle can initiate pools")), Says::No),
        (words("Only DKG oracle can initiate pools"), Says::No),
        // of another edition, of other calls, of other contracts
        (
            reverts(text("Only manager oracle can initiate pools")),
            Says::NotKnown,
        ),
        (reverts(text("Only owner can call this")), Says::NotKnown),
        (reverts(text("No ready pools")), Says::NotKnown),
        (reverts(text("Not enough reserved fees")), Says::NotKnown),
        (reverts(custom("Unauthorized()")), Says::NotKnown),
        (reverts(custom("EnforcedPause()")), Says::NotKnown),
        (reverts("0x12345678".into()), Says::NotKnown),
        (reverts("0x".into()), Says::NotKnown),
        (error(-32000, "execution reverted"), Says::NotKnown),
        (error(-32000, "out of gas"), Says::NotKnown),
        (error(-32015, "VM execution error."), Says::NotKnown),
        (error(-32000, "missing trie node 00ff (path )"), Says::NotKnown),
        (error(-32000, "execution aborted (timeout = 5s)"), Says::NotKnown),
        (error(-32603, "Internal error"), Says::NotKnown),
    ];
    for (error, expected) in may20 {
        let said = error.clone();
        let node = Proxy::start(None, move |call| match call.method.as_str() {
            "eth_chainId" => Act::Result(json!("0x7a69")),
            "eth_getBlockByNumber" => Act::Result(Value::Null),
            "eth_call" => Act::Http(200, vec![], json!({"jsonrpc": "2.0", "error": said}).to_string()),
            other => panic!("unexpected {other}"),
        })
        .await;
        let manager = manager_at(
            &rpc(&[&node.url]),
            Address::repeat_byte(7),
            adapter_of(ManagerVersion::May20),
            ClusterLayout::ActiveThenBalance,
        );
        let answer = manager.authorises(Address::repeat_byte(9), At::Latest).await;
        let found = match &answer {
            Answer::Yes(()) => Says::Yes,
            Answer::No(_) => Says::No,
            Answer::NotKnown(_) => Says::NotKnown,
        };
        assert_eq!(found, expected, "{error}: {answer:?}");
    }
    // where there is no code, everybody's call goes through
    let nobody = Proxy::start(None, |call| match call.method.as_str() {
        "eth_chainId" => Act::Result(json!("0x7a69")),
        "eth_getBlockByNumber" => Act::Result(Value::Null),
        _ => Act::Result(json!("0x")),
    })
    .await;
    let manager = manager_at(
        &rpc(&[&nobody.url]),
        Address::repeat_byte(7),
        adapter(),
        ClusterLayout::ActiveThenBalance,
    );
    let answer = manager.authorises(Address::repeat_byte(9), At::Latest).await;
    assert!(matches!(answer, Answer::NotKnown(_)), "{answer:?}");
}
