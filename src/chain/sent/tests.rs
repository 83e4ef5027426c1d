//! Endpoints that make things up, take one block at a time, stop to answer, and disagree.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use serde_json::{Value, json};

use super::*;
use crate::chain::rpc::RpcConfig;
use crate::chain::rpc::fixture::node_that;
use crate::ports::fakes::FakeManager;
use crate::ports::{PoolCall, PoolEvent, ResharePool};
use crate::types::{PoolId, RedactedUrl};

const ACCOUNT: Address = Address::repeat_byte(0x51);
const STRANGER: Address = Address::repeat_byte(0x66);

fn asked(nonces: &[Range]) -> Asked {
    Asked {
        account: ACCOUNT,
        nonces: nonces.to_vec(),
    }
}

fn hash(n: u64) -> B256 {
    B256::with_last_byte(n.try_into().unwrap())
}

/// A log of this transaction: a deposit of pool 3.
fn log(transaction: B256, block: u64, index: u64) -> Value {
    log_of(3, transaction, block, index)
}

fn log_of(pool: u32, transaction: B256, block: u64, index: u64) -> Value {
    let event = PoolEvent {
        kind: PoolEventKind::DepositInitiated,
        pool: PoolId(pool),
        leaving: None,
    };
    let data = format!("0x{}", hex::encode(serde_json::to_vec(&event).unwrap()));
    json!({
        "address": Address::repeat_byte(7), "topics": [], "data": data, "blockNumber": format!("{block:#x}"),
        "blockHash": hash(block), "logIndex": format!("{index:#x}"), "transactionHash": transaction,
    })
}

fn receipt(of: B256, block: u64, status: u8, logs: &[Value]) -> Value {
    json!({"result": {
        "transactionHash": of, "blockNumber": format!("{block:#x}"), "blockHash": hash(block), "gasUsed": "0x1",
        "status": format!("{status:#x}"), "logs": logs,
    }})
}

fn transaction(hash_of: B256, from: Address, nonce: u64, block: u64) -> Value {
    json!({"result": {
        "hash": hash_of, "from": from, "nonce": format!("{nonce:#x}"), "to": null, "input": "0x",
        "blockNumber": format!("{block:#x}"), "blockHash": hash(block),
    }})
}

/// What a node was asked for.
#[derive(Debug, Default)]
struct Counts {
    /// Answers of logs that are no refusals.
    logs: AtomicUsize,
    lookups: AtomicUsize,
}

/// A node with its newest block at `head` that says this of a range of blocks, and of a transaction, whose receipt is of the
/// same block with the logs there.
async fn node(
    head: u64,
    logs: impl Fn(u64, u64) -> Value + Clone + Send + Sync + 'static,
    of: impl Fn(B256) -> Value + Clone + Send + Sync + 'static,
) -> (RedactedUrl, Arc<Counts>) {
    let (told, block_of) = (logs.clone(), of.clone());
    let receipt = move |asked: B256| {
        let Some(block) = block_of(asked)["result"]["blockNumber"].as_str().map(quantity) else {
            return json!({"result": null});
        };
        let told = told(block, block)["result"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let is_of = |log: &Value| log["transactionHash"] == json!(asked);
        let logs: Vec<_> = told.into_iter().filter(is_of).collect();
        receipt(asked, block, 1, &logs)
    };
    node_with(head, logs, of, receipt).await
}

fn quantity(told: &str) -> u64 {
    u64::from_str_radix(told.trim_start_matches("0x"), 16).unwrap()
}

async fn node_with(
    head: u64,
    logs: impl Fn(u64, u64) -> Value + Clone + Send + Sync + 'static,
    of: impl Fn(B256) -> Value + Clone + Send + Sync + 'static,
    receipt: impl Fn(B256) -> Value + Clone + Send + Sync + 'static,
) -> (RedactedUrl, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let counted = Arc::clone(&counts);
    let url = node_that(move |call| match call["method"].as_str().unwrap() {
        "eth_chainId" => json!({"result": "0x1"}),
        "eth_getBlockByNumber" if call["params"][0] == "0x0" => json!({"result": null}),
        "eth_getBlockByNumber" => json!({"result": {
            "number": format!("{head:#x}"), "hash": hash(1), "parentHash": hash(1), "timestamp": "0x1",
        }}),
        "eth_getLogs" => {
            let bound = |name: &str| quantity(call["params"][0][name].as_str().unwrap());
            let said = logs(bound("fromBlock"), bound("toBlock"));
            let is_told = said.get("result").is_some();
            counted.logs.fetch_add(usize::from(is_told), Ordering::SeqCst);
            said
        }
        "eth_getTransactionByHash" => {
            counted.lookups.fetch_add(1, Ordering::SeqCst);
            of(serde_json::from_value(call["params"][0].clone()).unwrap())
        }
        "eth_getTransactionReceipt" => receipt(serde_json::from_value(call["params"][0].clone()).unwrap()),
        other => panic!("{other}"),
    })
    .await;
    (url, counts)
}

/// These logs, where they are in the range.
fn these(logs: Vec<(u64, B256)>) -> impl Fn(u64, u64) -> Value + Clone + Send + Sync + 'static {
    move |from, to| {
        let all = (0..).zip(&logs);
        let told = all.filter(|(_, (block, _))| (from..=to).contains(block));
        let told: Vec<_> = told.map(|(n, (block, of))| log(*of, *block, n)).collect();
        json!({ "result": told })
    }
}

fn look_back(urls: &[RedactedUrl]) -> LookBack {
    let rpc = Rpc::new(RpcConfig::new(urls.to_vec(), 1)).unwrap();
    LookBack::new(rpc, Arc::new(FakeManager::default()), 0)
}

fn lines(found: &Found) -> String {
    found.lines().iter().map(|line| format!("{line}\n")).collect()
}

/// Each was looked up, one after the other.
#[tokio::test]
async fn of_made_up_logs_only_so_many_are_looked_up_and_the_block_really_finished_is_told() {
    let flood = |from: u64, to: u64| {
        let is_in = (from..=to).contains(&5);
        let logs = (0..200).filter(|_| is_in).map(|n| log(hash(n), 5, n));
        json!({ "result": logs.collect::<Vec<_>>() })
    };
    let (url, counts) = node(10, flood, |of| transaction(of, STRANGER, 1, 5)).await;
    let found = look_back(&[url]).look(&asked(&[(3, 3)])).await.unwrap();
    assert_eq!(counts.lookups.load(Ordering::SeqCst), 64);
    assert_eq!((found.from, found.rest), (6, vec![(3, 3)]));
}

/// A step of 2,000 blocks took 2,000 answers.
#[tokio::test]
async fn an_endpoint_that_takes_one_block_at_once_is_asked_so_often_and_not_for_a_whole_step() {
    let one = |from: u64, to: u64| match from == to {
        true => json!({"result": []}),
        false => json!({"error": {"code": -32005, "message": "query exceeds max block range 1"}}),
    };
    let (url, counts) = node(10_000, one, |_| json!({"result": null})).await;
    let found = look_back(&[url]).look(&asked(&[(3, 3)])).await.unwrap();
    let told = counts.logs.load(Ordering::SeqCst);
    assert!(told <= 50, "{told}");
    assert!((9_950..10_000).contains(&found.from), "{}", found.from);
}

#[tokio::test]
async fn what_was_found_before_an_endpoint_stopped_to_answer_is_told() {
    let stops = |of| match of == hash(3) {
        true => transaction(of, ACCOUNT, 3, 9),
        false => Value::Null,
    };
    let (url, _) = node(10, these(vec![(7, hash(2)), (9, hash(3))]), stops).await;
    let look = look_back(&[url]).within(Duration::from_secs(10));
    let found = look.look(&asked(&[(2, 3)])).await.unwrap();
    assert!(lines(&found).starts_with("nonce 3: "), "{}", lines(&found));
    assert_eq!((found.from, found.rest), (8, vec![(2, 2)]));
    // one that never told anything has said nothing
    let (url, _) = node(10, |_, _| Value::Null, |_| Value::Null).await;
    let look = look_back(&[url]).within(Duration::from_millis(300));
    let silent = look.look(&asked(&[(2, 3)])).await.unwrap_err();
    assert!(silent.to_string().contains("within 300 ms"), "{silent}");
}

/// The first explained every nonce, and the second was not asked.
#[tokio::test]
async fn what_the_first_makes_up_does_not_hide_what_the_second_tells_and_who_denies_it_is_named() {
    for (of_first, doubt) in [
        (json!({"result": null}), "does not know it"),
        (transaction(hash(1), STRANGER, 3, 9), "denies it"),
        (transaction(hash(1), ACCOUNT, 4, 9), "denies it"),
        (transaction(hash(1), ACCOUNT, 3, 8), "denies it"),
        // an answer about something else is none
        (transaction(hash(9), ACCOUNT, 3, 9), ""),
    ] {
        // the first says of any transaction what suits it
        let explains = |of| transaction(of, ACCOUNT, 3, 9);
        let (first, _) = node(10, these(vec![(9, hash(1))]), explains).await;
        let tells = move |of| match of == hash(2) {
            true => transaction(of, ACCOUNT, 3, 4),
            false => of_first.clone(),
        };
        let (second, _) = node(10, these(vec![(4, hash(2))]), tells).await;
        let look = look_back(&[first, second]);
        let names: Vec<_> = look.rpc.each().into_iter().map(|(name, _)| name).collect();
        let found = look.look(&asked(&[(3, 3)])).await.unwrap();
        let doubt = match doubt {
            "" => String::new(),
            words => format!("; {} {words}", names[1]),
        };
        let line = |of, block, by: &SafeText, doubt: &str| {
            let of = Root(hash(of).0);
            format!("transaction {of} in block {block} (one voice: {by}{doubt})\n")
        };
        let denied = format!("; {} denies it", names[0]);
        for line in [line(1, 9, &names[0], &doubt), line(2, 4, &names[1], &denied)] {
            assert!(lines(&found).contains(&line), "{line}: {}", lines(&found));
        }
        assert_eq!(found.voices, 2);
    }
}

#[tokio::test]
async fn logs_of_a_second_are_read_only_where_it_does_not_bear_out_the_first() {
    let tells = |of| transaction(of, ACCOUNT, 3, 9);
    let (first, _) = node(10, these(vec![(9, hash(1))]), tells).await;
    let has = |of| receipt(of, 9, 1, &[log(of, 9, 0)]);
    let (second, counts) = node_with(10, |_, _| json!({"result": []}), tells, has).await;
    let found = look_back(&[first, second]).look(&asked(&[(3, 3)])).await.unwrap();
    assert!(
        lines(&found).contains("(2 endpoints say so)"),
        "{}",
        lines(&found)
    );
    assert_eq!(counts.logs.load(Ordering::SeqCst), 0);
}

/// A call for the reshare of this pool.
fn call_for(pool: u32) -> Bytes {
    let call = PoolCall::Reshare(ResharePool {
        pool: PoolId(pool),
        operator_ids: Vec::new(),
        shares: Bytes::new(),
        handover: None,
    });
    FakeManager::default().encode(&call).unwrap()
}

/// The account's transaction 3 in block 9, to the contract with this calldata.
fn tells(input: Bytes) -> impl Fn(B256) -> Value + Clone + Send + Sync + 'static {
    move |of| {
        let mut told = transaction(of, ACCOUNT, 3, 9);
        told["result"]["to"] = json!(FakeManager::default().address());
        told["result"]["input"] = json!(input);
        told
    }
}

/// What is said of a deposit of pool 3 that the first tells, where the second has this calldata, receipt and logs of it; and
/// whether that is said as a denial by the second, by name.
async fn said_of(input: Bytes, its_receipt: Value, its_logs: Value) -> (String, bool) {
    let (first, _) = node(10, these(vec![(9, hash(1))]), tells(call_for(1))).await;
    let (second, _) = node_with(
        10,
        move |_, _| its_logs.clone(),
        tells(input),
        move |_| its_receipt.clone(),
    )
    .await;
    let look = look_back(&[first, second]);
    let names: Vec<_> = look.rpc.each().into_iter().map(|(name, _)| name).collect();
    let found = look.look(&asked(&[(3, 3)])).await.unwrap();
    let told = lines(&found);
    let mut of_first = told
        .lines()
        .filter(|line| line.starts_with("nonce 3: fake of pool 3, "));
    let line = of_first.next().unwrap_or_else(|| panic!("{told}"));
    let denies = format!("(one voice: {}; {} says that ", names[0], names[1]);
    (line.to_owned(), line.contains(&denies))
}

/// Sender, nonce and block were compared, and what it did was one endpoint's word under "2 endpoints say so".
#[tokio::test]
async fn what_it_did_is_borne_out_by_the_calldata_and_the_logs_that_the_second_has_of_it() {
    let of = hash(1);
    let same = || receipt(of, 9, 1, &[log(of, 9, 0)]);
    let other = || log_of(4, of, 9, 0);
    let none = || json!({"result": null});
    let no_logs = || json!({"result": []});
    let agree = "(2 endpoints say so)";
    let (line, denies) = said_of(call_for(1), same(), no_logs()).await;
    assert!(line.contains(agree) && !denies, "{line}");
    // receipts are pruned sooner than logs
    let (line, denies) = said_of(call_for(1), none(), json!({"result": [log(of, 9, 0)]})).await;
    assert!(line.contains(agree) && !denies, "{line}");
    let two = [log(of, 9, 0), log_of(4, of, 9, 1)];
    for (input, its_receipt, its_logs, words) in [
        // another call, other pools, none
        (
            Bytes::from_static(b"{"),
            same(),
            no_logs(),
            "a call that this version cannot read: ",
        ),
        (
            call_for(1),
            receipt(of, 9, 1, &[other()]),
            no_logs(),
            "it was fake of pool 4",
        ),
        (
            call_for(1),
            receipt(of, 9, 1, &two),
            no_logs(),
            "fake of pool 3 and pool 4",
        ),
        (
            call_for(1),
            none(),
            json!({"result": [other()]}),
            "it was fake of pool 4",
        ),
        (
            call_for(1),
            receipt(of, 9, 1, &[]),
            no_logs(),
            "the contract told nothing of it",
        ),
        (call_for(1), receipt(of, 9, 0, &[]), no_logs(), "it was reverted"),
    ] {
        let (line, denies) = said_of(input, its_receipt, its_logs).await;
        assert!(denies && line.contains(words), "{words}: {line}");
    }
    // whoever has neither, or tells of something else, says nothing
    for nothing in [none(), receipt(hash(2), 9, 1, &[]), receipt(of, 8, 1, &[])] {
        let (line, denies) = said_of(call_for(1), nothing, no_logs()).await;
        assert!(line.contains("(one voice: ") && !denies, "{line}");
    }
}

/// A node answers with whatever it likes.
#[tokio::test]
async fn an_answer_about_another_transaction_explains_nothing() {
    let other = |_| transaction(hash(9), ACCOUNT, 3, 9);
    let (url, _) = node(10, these(vec![(9, hash(1))]), other).await;
    let found = look_back(&[url]).look(&asked(&[(3, 3)])).await.unwrap();
    assert_eq!(found.rest, [(3, 3)], "{}", lines(&found));
}

/// One transaction with so many logs filled the page.
#[tokio::test]
async fn of_a_transactions_logs_the_first_are_told_and_the_others_counted() {
    let many: Vec<_> = (0..200).map(|_| (9, hash(1))).collect();
    let (url, _) = node(10, these(many), |of| transaction(of, ACCOUNT, 3, 9)).await;
    let found = look_back(&[url]).look(&asked(&[(3, 3)])).await.unwrap();
    let told = lines(&found);
    assert!(told.len() < 1_000 && told.contains("192 more"), "{told}");
}

#[test]
fn every_nonce_is_explained_or_said_to_be_in_no_log_and_one_voice_is_said() {
    let one = |nonce, told_by: &[&str]| Sent {
        nonce,
        transaction: Root([0xab; 32]),
        block: BlockRef {
            number: 41,
            hash: Root([1; 32]),
        },
        did: "resharePool of pool 3".into(),
        told_by: told_by.iter().map(|name| SafeText::new(name)).collect(),
        doubts: Vec::new(),
    };
    let asked = asked(&[(3, 4), (7, 11)]);
    let mut sent = vec![one(4, &["a", "b"]), one(8, &["a"])];
    sent[1].doubts.push(Doubt {
        by: "b".into(),
        words: "denies it".into(),
    });
    assert!(!asked.is_explained(&sent) && asked.has(9) && !asked.has(5));
    let rest = rest_of(&asked, &sent);
    assert_eq!(rest, [(3, 3), (7, 7), (9, 11)]);
    let found = Found {
        sent,
        rest,
        from: 12,
        voices: 1,
    };
    let hash = Root([0xab; 32]);
    let lines: Vec<_> = found.lines().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            format!("nonce 4: resharePool of pool 3, transaction {hash} in block 41 (2 endpoints say so)"),
            format!(
                "nonce 8: resharePool of pool 3, transaction {hash} in block 41 (one voice: a; b denies it)"
            ),
            "nonces 3, 7 and 9 to 11: in no log of the contract from block 12 on, by one voice: not to the contract, \
             reverted, or older; look them up by the account and nonce"
                .to_owned(),
        ]
    );
    assert_eq!(
        found.short().as_str(),
        "by the contract's logs: 4 resharePool of pool 3, 8 resharePool of pool 3 (one voice: a; b denies it), \
         nonces 3, 7 and 9 to 11 in no log of it"
    );
}
