//! `SIGKILL`ed (by itself, at a numbered point) before and after every commit of the journal, the real binary goes on
//! where it stopped: one deposit a pool, one exit a validator, no second ceremony under one id, no lost record.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use alloy::providers::Provider as _;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent as _;
use casimir_dkg::devnet::beacon::BeaconSpec;
use casimir_dkg::devnet::contracts::DepositContract::DepositEvent;
use casimir_dkg::devnet::contracts::Manager::ManagerEvents;
use casimir_dkg::devnet::{DemoBeacon, DemoOptions};
use casimir_dkg::journal::{self, Entry};
use casimir_dkg::types::PoolId;
use serde_json::Value;

use crate::engine::binary::Binary;
use crate::engine::support::{Ground, with_beacon};

const TIMEOUT: Duration = crate::TIMEOUT;

fn oracle(ground: &Ground, crash_at: Option<u64>) -> Binary {
    match crash_at {
        Some(point) => Binary::start(ground, &[(casimir_dkg::inject::CRASH_AT, &point.to_string())]),
        None => Binary::start(ground, &[]),
    }
}

/// The records about one case, as far as they can be read now.
pub(crate) fn records(ground: &Ground, case: &str) -> Vec<Entry> {
    let Ok((_, mut entries)) = journal::verify(&ground.journal()) else {
        return Vec::new();
    };
    // the id alone, with the number of an action behind it, or by a ceremony
    let mut ids = vec![format!("\"{case}\""), format!("\"{case}#")];
    // nothing before is about it, and the journal gets long
    let opened = |e: &Entry| e.kind == "case-opened" && e.body.contains(&ids[0]);
    let Some(opened) = entries.iter().position(opened) else {
        return Vec::new();
    };
    let mut entries = entries.split_off(opened);
    let ceremonies = entries
        .iter()
        .filter(|e| e.kind == "ceremony-started" && e.body.contains(&ids[0]));
    let requests: Vec<_> = ceremonies.map(|e| body(e)["request"].to_string()).collect();
    ids.extend(requests);
    entries.retain(|e| ids.iter().any(|id| e.body.contains(id)));
    entries
}

/// Whether the records about a case say that it is over.
pub(crate) type Over = fn(&[Entry]) -> bool;

/// Looks at the records about a case, when the journal's files have changed since the last look.
struct Watch<'a> {
    ground: &'a Ground,
    case: &'a str,
    over: Over,
    looks: u32,
    files: [Option<(u64, SystemTime)>; 2],
}

impl<'a> Watch<'a> {
    fn new(ground: &'a Ground, case: &'a str, over: Over) -> Self {
        Self {
            ground,
            case,
            over,
            looks: 0,
            files: [None; 2],
        }
    }

    fn is_over(&mut self) -> bool {
        let journal = self.ground.journal();
        let mut log = journal.clone().into_os_string();
        log.push("-wal");
        let files = [journal, log.into()].map(|file| {
            let file = std::fs::metadata(file).ok()?;
            Some((file.len(), file.modified().ok()?))
        });
        self.looks += 1;
        // two writes may bear one time
        let due = self.looks.is_multiple_of(20);
        if std::mem::replace(&mut self.files, files) == files && !due {
            return false;
        }
        (self.over)(&records(self.ground, self.case))
    }
}

pub(crate) fn closed(entries: &[Entry]) -> bool {
    entries.iter().any(|e| e.kind == "case-closed")
}

/// An exit that is in a block cannot be lost any more.
pub(crate) fn exiting(entries: &[Entry]) -> bool {
    let in_a_block = ["exiting", "exited", "withdrawable", "withdrawn"];
    let phase = |e: &Entry| body(e)["phase"].as_str().is_some_and(|p| in_a_block.contains(&p));
    entries
        .iter()
        .any(|e| e.kind == "validator-phase-seen" && phase(e))
}

pub(crate) fn body(entry: &Entry) -> Value {
    serde_json::from_str(&entry.body).unwrap()
}

/// What happened to a case, and what its last proposal said: enough to see why it does not go on.
fn story(entries: &[Entry]) -> String {
    let mut story: Vec<_> = entries
        .iter()
        .map(|e| format!("{} {}", e.at.to_rfc3339(), e.kind))
        .collect();
    let proposal = entries
        .iter()
        .rfind(|e| matches!(e.kind.as_str(), "action-proposed" | "action-changed"));
    story.extend(proposal.map(|e| body(e)["proposal"]["checks"].to_string()));
    let failures = entries.iter().filter(|e| {
        matches!(
            e.kind.as_str(),
            "ceremony-failed" | "action-voided" | "case-halted"
        )
    });
    story.extend(failures.map(|e| e.body.clone()));
    story.join("\n")
}

/// Lets an oracle die at `point` of its journal while it works on `case`, and another one finish. `false`: there is no
/// such point before the end of the case.
async fn die_and_finish(ground: &Ground, case: &str, point: u64, over: Over) -> bool {
    let mut crashing = oracle(ground, Some(point));
    let started = Instant::now();
    let mut watch = Watch::new(ground, case, over);
    let crashed = loop {
        if let Some(status) = crashing.child.try_wait().unwrap() {
            break status.signal().is_some();
        }
        if watch.is_over() {
            break false;
        }
        assert!(
            started.elapsed() < TIMEOUT,
            "point {point}: neither crashed nor done:\n{}",
            story(&records(ground, case))
        );
        tokio::time::sleep(Duration::from_millis(150)).await;
    };
    drop(crashing);
    let before = journal::verify(&ground.journal()).map_or(0, |(report, _)| report.records);
    if crashed {
        finish(ground, case, &format!("point {point}"), over).await;
    }
    let (report, _) = journal::verify(&ground.journal()).unwrap();
    assert!(report.records >= before, "records were lost");
    crashed
}

/// An oracle that nothing happens to, until the case is over.
pub(crate) async fn finish(ground: &Ground, case: &str, what: &str, over: Over) {
    let undisturbed = oracle(ground, None);
    wait(ground, case, what, over).await;
    drop(undisturbed);
}

pub(crate) async fn wait(ground: &Ground, case: &str, what: &str, over: Over) {
    let started = Instant::now();
    let mut watch = Watch::new(ground, case, over);
    while !watch.is_over() {
        assert!(
            started.elapsed() < TIMEOUT,
            "{what}: {case} is not finished:\n{}",
            story(&records(ground, case))
        );
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

/// No nonce for two intents and no second nonce for one; no request id for two ceremonies; a case has a second ceremony
/// only once the one before is known to have failed, and never two results of one plan.
pub(crate) fn check_journal(ground: &Ground) {
    check_records(&ground.journal());
}

/// The same of the journal in this file.
pub(crate) fn check_records(journal: &Path) {
    let (_, entries) = journal::verify(journal).unwrap();
    let mut owners: BTreeMap<u64, String> = BTreeMap::new();
    let mut nonces: BTreeMap<String, u64> = BTreeMap::new();
    let mut cases: BTreeMap<String, String> = BTreeMap::new();
    let mut under_way = BTreeSet::new();
    let mut results = BTreeSet::new();
    for entry in &entries {
        let body = body(entry);
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        match entry.kind.as_str() {
            "transaction-signed" => {
                let nonce = body["transaction"]["nonce"].as_u64().unwrap();
                let owner = owners.entry(nonce).or_insert_with(|| text("action"));
                assert_eq!(*owner, text("action"), "nonce {nonce} was given out twice");
                let first = *nonces.entry(text("action")).or_insert(nonce);
                assert_eq!(first, nonce, "{} has two nonces", text("action"));
            }
            "ceremony-started" => {
                let mut what = format!("{} {}", text("case"), text("role"));
                // a registration is signed anew for another nonce of SSV's, and for the same one never
                if text("role") == "registration" {
                    what = format!("{what} {}", body["plan"]);
                }
                assert!(!results.contains(&what), "{what}: again, after a result");
                assert!(under_way.insert(what.clone()), "{what}: two at the same time");
                let before = cases.insert(text("request"), what);
                assert_eq!(before, None, "a request id was used twice");
            }
            "ceremony-failed" => drop(under_way.remove(&cases[&text("request")])),
            "ceremony-verified" => {
                let what = cases[&text("request")].clone();
                assert!(results.insert(what.clone()), "{what}: two results");
            }
            _ => {}
        }
    }
}

/// The oracle's account paid for exactly this many transactions, reverted ones included.
async fn check_account(ground: &Ground, transactions: u64) {
    let devnet = ground.devnet();
    let oracle = devnet.addresses().oracle;
    let nonce = devnet.provider().get_transaction_count(oracle).await.unwrap();
    assert_eq!(nonce, transactions, "another number of transactions");
}

/// As many deposits as pools, each for a key of its own.
pub(crate) async fn check_deposits(ground: &Ground, pools: usize) {
    let devnet = ground.devnet();
    let filter = Filter::new()
        .address(devnet.addresses().deposit_contract)
        .from_block(0);
    let logs = devnet.provider().get_logs(&filter).await.unwrap();
    let keys: BTreeSet<_> = logs
        .iter()
        .map(|log| DepositEvent::decode_log(&log.inner).unwrap().pubkey.clone())
        .collect();
    assert_eq!((logs.len(), keys.len()), (pools, pools), "(deposits, keys)");
}

/// How often each pool was served, by the events that `count` looks for.
pub(crate) async fn served(
    ground: &Ground,
    count: impl Fn(&ManagerEvents) -> Option<u32>,
) -> BTreeMap<u32, u64> {
    let mut pools = BTreeMap::new();
    for (event, _) in ground.devnet().events(0).await.unwrap() {
        if let Some(pool) = count(&event) {
            *pools.entry(pool).or_default() += 1;
        }
    }
    pools
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_boundary_of_the_journal_a_deposit_is_made_once() {
    let ground = Ground::start(with_beacon()).await;
    let mut points = 0;
    for point in 1.. {
        ground.devnet().deposit_pool(1).await.unwrap();
        if !die_and_finish(&ground, &format!("deposit/{point}"), point, closed).await {
            break;
        }
        points += 1;
    }
    // start, request, proposal, decision, ceremony, its result, the same for the transaction, each before and after
    assert!(points >= 20, "only {points} boundaries");
    let initiated = served(&ground, |event| match event {
        ManagerEvents::PoolDepositInitiated(e) => Some(e.poolId),
        _ => None,
    })
    .await;
    assert!(
        initiated.len() as u64 >= points && initiated.values().all(|n| *n == 1),
        "{initiated:?}"
    );
    check_account(&ground, initiated.len() as u64).await;
    check_deposits(&ground, initiated.len()).await;
    check_journal(&ground);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_boundary_of_the_journal_a_reshare_is_made_once() {
    // the contract takes three reshares of a pool
    const POOLS: u64 = 12;
    let ground = Ground::start(with_beacon()).await;
    ground.devnet().deposit_pool(POOLS).await.unwrap();
    finish(
        &ground,
        &format!("deposit/{POOLS}"),
        "the deposits before",
        closed,
    )
    .await;
    for pool in 1..=POOLS {
        ground
            .devnet()
            .report_staked(PoolId(u32::try_from(pool).unwrap()))
            .await
            .unwrap();
    }
    let mut points = 0;
    for point in 1..=3 * POOLS {
        let (pool, ordinal) = (1 + (point - 1) / 3, (point - 1) % 3);
        ground
            .devnet()
            .request_reshare(PoolId(u32::try_from(pool).unwrap()))
            .await
            .unwrap();
        let case = if ordinal == 0 {
            format!("reshare/{pool}")
        } else {
            format!("reshare/{pool}.{ordinal}")
        };
        if !die_and_finish(&ground, &case, point, closed).await {
            break;
        }
        points += 1;
    }
    assert!((20..3 * POOLS).contains(&points), "{points} boundaries");
    let reshared = served(&ground, |event| match event {
        ManagerEvents::PoolReshared(e) => Some(e.poolId),
        _ => None,
    })
    .await;
    // the last request met no crash
    assert_eq!(reshared.values().sum::<u64>(), points + 1, "{reshared:?}");
    check_account(&ground, POOLS + points + 1).await;
    check_journal(&ground);
    ground.end().await;
}

/// A beacon whose exits stay on the way: so the cases of the points before write little between the points of the next
/// one.
pub(crate) fn exits_without_an_end() -> DemoOptions {
    let options = with_beacon();
    let DemoBeacon::Development(spec) = options.beacon else {
        unreachable!("the development beacon is one")
    };
    DemoOptions {
        beacon: DemoBeacon::Development(BeaconSpec {
            min_validator_withdrawability_delay: 1_000_000,
            ..spec
        }),
        ..options
    }
}

/// What the beacon has in its blocks from slot `from` on, up to its head: (validator, message and signature).
async fn exits_in_blocks(ground: &Ground, from: u64) -> (Vec<(u64, String)>, u64) {
    let (beacon, http) = (ground.network.beacon().unwrap(), reqwest::Client::new());
    let head = beacon.slot();
    let mut found = Vec::new();
    for slot in from..=head {
        let url = format!("{}/eth/v2/beacon/blocks/{slot}", beacon.url());
        let block: Value = http.get(url).send().await.unwrap().json().await.unwrap();
        let exits = block["data"]["message"]["body"]["voluntary_exits"]
            .as_array()
            .unwrap();
        found.extend(exits.iter().map(|exit| {
            let index = exit["message"]["validator_index"].as_str().unwrap();
            (index.parse().unwrap(), exit.to_string())
        }));
    }
    (found, head + 1)
}

/// One root for all that was ever ordered, signed or published; what was approved once was carried out or has an end in
/// the journal, and nothing was carried out that was not approved.
fn check_exit(case: &str, entries: &[Entry]) {
    let mut roots = BTreeSet::new();
    let mut decided = BTreeSet::new();
    let mut ended = BTreeSet::new();
    for entry in entries {
        let body = body(entry);
        let action = || body["action"].as_str().unwrap().to_owned();
        match entry.kind.as_str() {
            "action-proposed" | "action-changed" => {
                let payload = &body["proposal"]["payload"];
                let root = payload["signing_root"].as_str();
                roots.insert(
                    root.or(payload["plan"]["signing_root"].as_str())
                        .unwrap()
                        .to_owned(),
                );
            }
            "decided" => assert!(decided.insert(action()), "{} was decided twice", action()),
            "ceremony-started" => {
                roots.insert(body["plan"]["signing_root"].as_str().unwrap().to_owned());
                assert!(decided.contains(&action()), "{} was not decided", action());
                assert!(ended.insert(action()), "{} was started twice", action());
            }
            "exit-published" => {
                assert!(decided.contains(&action()), "{} was not decided", action());
                ended.insert(action());
            }
            "action-voided" => drop(ended.insert(action())),
            // the end of all that was still to do
            "validator-phase-seen" => ended.extend(decided.iter().cloned()),
            _ => {}
        }
    }
    assert_eq!(roots.len(), 1, "{case}: {}", story(entries));
    assert!(
        decided.is_subset(&ended),
        "{case} lost a decision:\n{}",
        story(entries)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_boundary_of_the_journal_an_exit_is_signed_once() {
    // one for each point, and some for the records that cases of earlier points write in between
    const POOLS: u32 = 28;
    let ground = Ground::start(exits_without_an_end()).await;
    ground.devnet().deposit_pool(u64::from(POOLS)).await.unwrap();
    let undisturbed = oracle(&ground, None);
    for pool in 1..=POOLS {
        wait(&ground, &format!("deposit/{pool}"), "the deposits before", closed).await;
    }
    drop(undisturbed);
    for pool in 1..=POOLS {
        ground.devnet().report_staked(PoolId(pool)).await.unwrap();
    }
    let (mut published, mut slot) = exits_in_blocks(&ground, 1).await;
    assert_eq!(published, [], "nobody asked for an exit yet");
    let mut points = 0;
    for pool in 1..=POOLS {
        ground.devnet().request_exit(PoolId(pool)).await.unwrap();
        let case = format!("exit/{pool}");
        let crashed = die_and_finish(&ground, &case, u64::from(pool), exiting).await;
        let (exits, next) = exits_in_blocks(&ground, slot).await;
        published.extend(exits);
        slot = next;
        check_exit(&case, &records(&ground, &case));
        if !crashed {
            break;
        }
        points += 1;
    }
    // start, request, proposal, decision, ceremony, its result, publication, its verdicts: each before and after
    assert!((14..POOLS).contains(&points), "{points} boundaries");
    let mut validators: BTreeMap<u64, String> = BTreeMap::new();
    let offered = ground.network.beacon().unwrap().pool();
    assert_eq!(offered, [], "an exit was published again after it was in a block");
    for (validator, exit) in published {
        assert_eq!(validators.insert(validator, exit), None, "{validator} left twice");
    }
    // the last one met no crash
    assert_eq!(validators.len(), points as usize + 1);
    check_account(&ground, u64::from(POOLS)).await;
    check_journal(&ground);
    ground.end().await;
}
