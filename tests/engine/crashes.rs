//! `SIGKILL`ed (by itself, at a numbered point) before and after every commit of the journal, the real binary goes on
//! where it stopped: one deposit a pool, no second ceremony under one id, no lost record.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use casimir_dkg::devnet::contracts::Manager::ManagerEvents;
use casimir_dkg::journal;
use casimir_dkg::types::PoolId;

use crate::support::{Ground, four_operators};

const PATIENCE: Duration = Duration::from_secs(90);

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn oracle(ground: &Ground, crash_at: Option<u64>) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casimir-dkg"));
    command
        .arg("--config")
        .arg(ground.network.config_file())
        .args(["headless", "--auto-approve"])
        .env("CASIMIR_DKG_STATE_DIR", ground.network.folder())
        .env("CASIMIR_DKG_DKG_ROUND_DEADLINE", "3s")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(point) = crash_at {
        command.env(casimir_dkg::engine::CRASH_AT, point.to_string());
    }
    Killed(command.spawn().unwrap())
}

/// Kinds of the records about one case, and whether it is closed.
fn records(ground: &Ground, case: &str) -> (Vec<String>, bool) {
    let Ok((_, entries)) = journal::verify(&ground.journal()) else {
        return (Vec::new(), false);
    };
    // the id alone, or with the number of an action behind it
    let of_case = |body: &str| {
        [format!("\"{case}\""), format!("\"{case}#")]
            .iter()
            .any(|id| body.contains(id))
    };
    let kinds: Vec<_> = entries
        .iter()
        .filter(|e| of_case(&e.body))
        .map(|e| e.kind.clone())
        .collect();
    let closed = kinds.iter().any(|k| k == "case-closed");
    (kinds, closed)
}

/// Lets an oracle die at `point` of its journal while it works on `case`, and another one finish. `false`: there is no
/// such point before the end of the case.
async fn die_and_finish(ground: &Ground, case: &str, point: u64) -> bool {
    let mut crashing = oracle(ground, Some(point));
    let started = Instant::now();
    let crashed = loop {
        if let Some(status) = crashing.0.try_wait().unwrap() {
            break status.signal().is_some();
        }
        if records(ground, case).1 {
            break false;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "point {point}: neither crashed nor done, {:?}",
            records(ground, case)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    drop(crashing);
    let before = journal::verify(&ground.journal()).map_or(0, |(report, _)| report.records);
    if crashed {
        finish(ground, case, &format!("point {point}")).await;
    }
    let (report, _) = journal::verify(&ground.journal()).unwrap();
    assert!(report.records >= before, "records were lost");
    crashed
}

/// An oracle that nothing happens to, until the case is closed.
async fn finish(ground: &Ground, case: &str, what: &str) {
    let undisturbed = oracle(ground, None);
    let started = Instant::now();
    while !records(ground, case).1 {
        assert!(
            started.elapsed() < PATIENCE,
            "{what}: {case} is not finished: {:?}",
            records(ground, case).0
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(undisturbed);
}

/// No nonce for two intents, no request id for two ceremonies.
fn check_journal(ground: &Ground) {
    let (_, entries) = journal::verify(&ground.journal()).unwrap();
    let mut nonces: BTreeMap<u64, String> = BTreeMap::new();
    let mut started = BTreeSet::new();
    for entry in &entries {
        let body: serde_json::Value = serde_json::from_str(&entry.body).unwrap();
        match entry.kind.as_str() {
            "transaction-signed" => {
                let nonce = body["transaction"]["nonce"].as_u64().unwrap();
                let action = body["action"].as_str().unwrap().to_owned();
                let owner = nonces.entry(nonce).or_insert_with(|| action.clone());
                assert_eq!(*owner, action, "nonce {nonce} was given out twice");
            }
            "ceremony-started" => {
                assert!(
                    started.insert(body["request"].to_string()),
                    "a request id was used twice"
                );
            }
            _ => {}
        }
    }
}

/// How often each pool was served, by the events that `count` looks for.
async fn served(ground: &Ground, count: impl Fn(&ManagerEvents) -> Option<u32>) -> BTreeMap<u32, u64> {
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
    let ground = Ground::start(four_operators()).await;
    let mut points = 0;
    for point in 1.. {
        ground.devnet().deposit_pool(1).await.unwrap();
        if !die_and_finish(&ground, &format!("deposit/{point}"), point).await {
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
    check_journal(&ground);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_boundary_of_the_journal_a_reshare_is_made_once() {
    // the contract takes three reshares of a pool
    const POOLS: u64 = 12;
    let ground = Ground::start(four_operators()).await;
    ground.devnet().deposit_pool(POOLS).await.unwrap();
    finish(&ground, &format!("deposit/{POOLS}"), "the deposits before").await;
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
        if !die_and_finish(&ground, &case, point).await {
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
    check_journal(&ground);
    ground.end().await;
}
