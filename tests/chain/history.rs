//! Old blocks compared with their headers, behind everything else; and what was read before, after a restart.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, U256};
use casimir_dkg::chain::comparison::{Comparison, WatchedLogs, kept_at};
use casimir_dkg::chain::history_cache::{About, HistoryCache, Looked, Seal};
use casimir_dkg::chain::rpc::Rpc;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::Ssv;
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::{ClusterLayout, PoolId};
use serde_json::Value;

use super::lies::lied_to;
use super::proxy::{Act, Call, Proxy};
use super::support::{deposit, devnet, encode_deposit, manager, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

fn about(net: &Devnet) -> About {
    let to = net.addresses();
    About {
        chain_id: 31337,
        manager: to.manager,
        ssv_network: to.ssv,
        from_block: 1,
        read_as: LAYOUT.to_string(),
    }
}

fn seal() -> Seal {
    Seal::of(&[7; 32])
}

fn kept(folder: &Path, about: About) -> Arc<HistoryCache> {
    Arc::new(HistoryCache::open(folder.join("history.json"), about, seal()))
}

async fn comparison(net: &Devnet, rpc: &Rpc, kept: Arc<HistoryCache>) -> Comparison {
    let to = net.addresses();
    let watched = manager(net, rpc).watched().await.yes().unwrap();
    let topics = |address: Address| {
        let of = watched.iter().filter(move |event| event.contract == address);
        of.map(|event| event.topic).collect()
    };
    let ssv = SsvReader::new(rpc.clone(), to.ssv, to.manager, LAYOUT, 1);
    let wanted = vec![
        WatchedLogs::of("events of the manager", to.manager, topics(to.manager), None),
        WatchedLogs::of(
            "events of SSV",
            to.ssv,
            ssv.topics(),
            Some(to.manager.into_word()),
        ),
    ];
    Comparison::new(rpc.clone(), wanted, 1, kept, NonZeroU32::new(10_000).unwrap())
}

/// Two pools asked for, the first deposited, and many blocks on top.
async fn ground() -> Devnet {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let data = encode_deposit(&deposit(to.manager, 1), LAYOUT);
    net.send_as(to.oracle, to.manager, U256::ZERO, data)
        .await
        .unwrap();
    net.deposit_pool(1).await.unwrap();
    net.mine(200).await.unwrap();
    net
}

/// Leaves out what this contract logged.
fn omits(contract: Address) -> impl Fn(&Call) -> Act + Send + Sync {
    let contract = format!("{contract:#x}");
    move |call| {
        let asked = call.params[0]["address"][0].as_str();
        match call.method.as_str() {
            "eth_getLogs" if asked == Some(&contract) => Act::Result(Value::Array(vec![])),
            _ => Act::Forward,
        }
    }
}

async fn to_the_end(comparison: &mut Comparison, last: u64) {
    while comparison.next() <= last {
        comparison.step(last).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_endpoint_leaves_out_is_found_and_named_whichever_it_is() {
    let net = ground().await;
    let last = net.block_number().await.unwrap();
    for liar in [0, 1] {
        for contract in [net.addresses().manager, net.addresses().ssv] {
            let proxies = [
                Proxy::start(Some(net.http_url()), |_| Act::Forward).await,
                Proxy::start(Some(net.http_url()), |_| Act::Forward).await,
            ];
            proxies[liar].rescript(omits(contract));
            let rpc = rpc(&[&proxies[0].url, &proxies[1].url]);
            let folder = tempfile::tempdir().unwrap();
            let mut comparison = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
            to_the_end(&mut comparison, last).await;
            let compared = comparison.compared();
            assert!(compared.found >= 1, "{compared:?}");
            let name = proxies[liar].url.as_str();
            assert!(
                compared
                    .findings
                    .iter()
                    .all(|found| found.left_out && found.endpoint.as_str() == name),
                "{compared:?}"
            );
            let words = compared.alarm().unwrap();
            assert!(words.as_str().contains(name), "{words}");
            let health = rpc.health();
            assert!(health[liar].omitted_logs > 0 && health[1 - liar].omitted_logs == 0);
        }
    }
    // an honest pair is compared, and nothing is found
    let folder = tempfile::tempdir().unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let mut comparison = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
    to_the_end(&mut comparison, last).await;
    assert_eq!(
        (comparison.compared().found, comparison.compared().untold),
        (0, 0)
    );
    assert_eq!(comparison.compared().alarm(), None);
}

/// The liar's receipts and headers lie as well as its logs.
#[tokio::test]
async fn only_who_provably_lies_is_accused_whichever_of_two_or_three_it_is() {
    let net = ground().await;
    let last = net.block_number().await.unwrap();
    for (scenario, left_out) in [("log-left-out", true), ("log-added-validator-added", false)] {
        for (voices, liar) in [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)] {
            let setting = format!("{scenario}, {liar} of {voices}");
            let (proxy, rpc) = lied_to(&net, scenario, voices, liar).await;
            let folder = tempfile::tempdir().unwrap();
            let mut comparison = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
            to_the_end(&mut comparison, last).await;
            assert!(proxy.strikes(scenario) > 0, "{setting}");
            let compared = comparison.compared();
            assert!(compared.found >= 1, "{setting}: {compared:?}");
            let name = proxy.url(&format!("execution.{liar}")).unwrap();
            for finding in &compared.findings {
                assert_eq!(
                    (
                        finding.endpoint.as_str(),
                        finding.left_out,
                        &finding.disagrees_with
                    ),
                    (name.as_str(), left_out, &None),
                    "{setting}: {compared:?}"
                );
            }
            for (n, health) in rpc.health().iter().enumerate() {
                let accused = health.omitted_logs + health.contradicted > 0;
                assert_eq!(accused, n == liar, "{setting}: {health:?}");
            }
        }
    }
}

/// A chain whose receipts are of a kind that is not known here, or whose nodes do not name their root, proves nothing.
#[tokio::test]
async fn where_nothing_is_proven_both_are_named_and_nobody_is_accused() {
    let net = ground().await;
    let last = net.block_number().await.unwrap();
    let without_root = |mut block: Value| {
        block.as_object_mut().unwrap().remove("receiptsRoot");
        block
    };
    let unknown_kind = |mut receipts: Value| {
        for receipt in receipts.as_array_mut().unwrap() {
            receipt["type"] = "0x7f".into();
        }
        receipts
    };
    for (rootless, liar) in [(true, 0), (true, 1), (false, 0), (false, 1)] {
        let script = move |lies: bool| {
            move |call: &Call| match call.method.as_str() {
                "eth_getBlockByNumber" if rootless => Act::Change(Box::new(without_root)),
                "eth_getBlockReceipts" if lies => Act::Result(Value::Array(vec![])),
                "eth_getBlockReceipts" if !rootless => Act::Change(Box::new(unknown_kind)),
                "eth_getLogs" if lies => Act::Result(Value::Array(vec![])),
                _ => Act::Forward,
            }
        };
        let proxies = [
            Proxy::start(Some(net.http_url()), script(liar == 0)).await,
            Proxy::start(Some(net.http_url()), script(liar == 1)).await,
        ];
        let names = [proxies[0].url.as_str(), proxies[1].url.as_str()];
        let rpc = rpc(&names);
        let folder = tempfile::tempdir().unwrap();
        let mut comparison = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
        to_the_end(&mut comparison, last).await;
        let compared = comparison.compared();
        assert!(compared.found >= 1, "{rootless} {liar}: {compared:?}");
        let words = compared.alarm().unwrap();
        assert!(
            words.as_str().contains("endpoints disagree")
                && names.iter().all(|name| words.as_str().contains(name)),
            "{words}"
        );
        for health in rpc.health() {
            assert_eq!((health.omitted_logs, health.contradicted), (0, 0), "{health:?}");
        }
    }
}

#[tokio::test]
async fn the_comparison_goes_on_after_a_restart_and_keeps_what_it_found() {
    let net = ground().await;
    let last = net.block_number().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.json");
    assert_eq!(kept_at(&file, &seal()).unwrap(), Looked::Nothing);
    let endpoint = Proxy::start(Some(net.http_url()), omits(net.addresses().manager)).await;
    let rpc = rpc(&[&endpoint.url]);
    let mut first = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
    first.step(last).await.unwrap();
    let (reached, found) = (first.next(), first.compared().found);
    assert!(reached > 10 && reached < last && found > 0, "{reached}, {found}");
    drop(first);

    let Looked::Entry(of, told) = kept_at(&file, &seal()).unwrap() else {
        panic!("it was kept");
    };
    assert_eq!((of, told.found), (about(&net), found));
    let mut second = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
    assert_eq!((second.next(), second.compared().found), (reached, found));
    let asked = endpoint.calls("eth_getBlockByNumber").len();
    to_the_end(&mut second, last).await;
    let headers = (endpoint.calls("eth_getBlockByNumber").len() - asked) as u64;
    assert!(
        headers < last - reached + 20,
        "{headers} headers from block {reached} to {last}"
    );

    // of another owner nothing is believed
    let other = About {
        manager: Address::repeat_byte(9),
        ..about(&net)
    };
    assert_eq!(comparison(&net, &rpc, kept(folder.path(), other)).await.next(), 1);
}

#[tokio::test]
async fn what_was_compared_of_a_branch_that_is_gone_is_compared_again() {
    let net = ground().await;
    let folder = tempfile::tempdir().unwrap();
    let rpc = rpc(&[&net.http_url()]);
    net.deposit_pool(1).await.unwrap();
    let last = net.block_number().await.unwrap();
    let mut first = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
    to_the_end(&mut first, last).await;
    net.reorg(2).await.unwrap();
    net.mine(10).await.unwrap();
    let mut second = comparison(&net, &rpc, kept(folder.path(), about(&net))).await;
    assert_eq!(second.next(), last + 1);
    second.step(last + 5).await.unwrap();
    assert!(
        second.next() < last,
        "it begins again, and is at {}",
        second.next()
    );
}

/// The owner's logs are read once for each endpoint, over a restart too.
#[tokio::test]
async fn a_restart_reads_only_what_came_since() {
    let net = ground().await;
    net.mine(200).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let rpc = rpc(&[&endpoint.url]);
    let to = net.addresses();
    let reader = |about: About| {
        let reader = SsvReader::new(rpc.clone(), to.ssv, to.manager, LAYOUT, 1);
        reader.kept(kept(folder.path(), about))
    };
    let block = rpc.head().await.unwrap().block();
    let before = reader(about(&net)).at(block, &[]).await.unwrap();
    assert_eq!(before.owner_nonce, 1);

    let oldest = |since: usize| {
        let calls = endpoint.calls("eth_getLogs");
        let from = calls[since..].iter().map(|call| {
            let from = call.params[0]["fromBlock"].as_str().unwrap();
            u64::from_str_radix(&from[2..], 16).unwrap()
        });
        from.min().unwrap()
    };
    let asked = endpoint.calls("eth_getLogs").len();
    let operators: Vec<_> = deposit(to.manager, 1).operator_ids;
    let after = reader(about(&net)).at(block, &operators).await.unwrap();
    assert_eq!(
        (
            after.owner_nonce,
            after.registered_at,
            after.cluster.validator_count
        ),
        (1, before.registered_at, 1)
    );
    assert!(oldest(asked) > 200, "from block {} on", oldest(asked));

    // what was kept of another first block is not taken up
    let asked = endpoint.calls("eth_getLogs").len();
    let other = About {
        from_block: 2,
        ..about(&net)
    };
    assert_eq!(reader(other).at(block, &[]).await.unwrap().owner_nonce, 1);
    assert_eq!(oldest(asked), 1);
}

/// What was settled once is never read again, so a log that was passed over would be missing for good.
#[tokio::test]
async fn nothing_is_settled_over_a_log_that_cannot_be_read() {
    let net = ground().await;
    net.mine(250).await.unwrap();
    let endpoint = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(|mut logs| {
            for log in logs.as_array_mut().into_iter().flatten() {
                log["data"] = "0x".into();
            }
            logs
        })),
        _ => Act::Forward,
    })
    .await;
    let rpc = rpc(&[&endpoint.url]);
    let to = net.addresses();
    let (reader, manager) = (
        SsvReader::new(rpc.clone(), to.ssv, to.manager, LAYOUT, 1),
        manager(&net, &rpc),
    );
    let block = rpc.head().await.unwrap().block();
    let error = reader.at(block, &[]).await.unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
    let committee = manager.committee(PoolId(1), block).await.value();
    let error = committee.unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");

    endpoint.rescript(|_| Act::Forward);
    let operators: Vec<_> = deposit(to.manager, 1).operator_ids;
    let state = reader.at(block, &operators).await.unwrap();
    assert_eq!((state.owner_nonce, state.cluster.validator_count), (1, 1));
    assert!(manager.committee(PoolId(1), block).await.yes().is_some());
}
