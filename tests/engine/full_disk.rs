//! A disk that is full from some write on: nothing leaves the machine, the program says so and lives, and it goes on by
//! itself when there is room again.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use alloy::providers::Provider as _;
use casimir_dkg::journal;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;

use super::binary::Binary;
use super::support::{Ground, with_beacon};

const TIMEOUT: Duration = crate::TIMEOUT;
/// What SQLite writes to its log at a time: a page and its head.
const FRAME: u64 = 4096 + 24;
/// Blocks that pass while the disk is full: each wakes the engine.
const BLOCKS: u64 = 12;

/// No file of the process may grow beyond `size` bytes from here on; `None`: as it was.
pub(crate) fn limit(oracle: &Binary, size: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(oracle.child.id()).unwrap());
    // ours is what it was started with
    let before = getrlimit(Resource::Fsize);
    let now = Rlimit {
        current: size.or(before.current),
        maximum: before.maximum,
    };
    prlimit(pid, Resource::Fsize, now).unwrap();
}

/// Bytes of the journal's write-ahead log: what the next record is written to.
pub(crate) fn log_size(journal: &Path) -> u64 {
    let mut name = journal.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).map_or(0, |file| file.len())
}

fn bodies(ground: &Ground, kind: &str) -> Vec<Value> {
    let (_, entries) = journal::verify(&ground.journal()).unwrap();
    let of_kind = entries.iter().filter(|e| e.kind == kind);
    of_kind.map(|e| serde_json::from_str(&e.body).unwrap()).collect()
}

/// Every ceremony that the messenger was ever told of, and every nonce that the chain has of the oracle, is in the
/// journal.
async fn all_is_in_the_journal(ground: &Ground, topics: &mut BTreeSet<String>) {
    let url = format!("{}/topics", ground.network.messenger_url());
    let list: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    topics.extend(ids(&list));
    let account = ground.devnet().addresses().oracle;
    let nonce = ground.devnet().provider().get_transaction_count(account);
    let nonce = nonce.pending().await.unwrap();
    let started: BTreeSet<String> = bodies(ground, "ceremony-started").iter().flat_map(ids).collect();
    let unknown: Vec<_> = topics.difference(&started).collect();
    assert!(unknown.is_empty(), "started, and not in the journal: {unknown:?}");
    let signed: BTreeSet<u64> = bodies(ground, "transaction-signed")
        .iter()
        .map(|body| body["transaction"]["nonce"].as_u64().unwrap())
        .collect();
    let next = signed.last().map_or(0, |n| n + 1);
    assert!(
        nonce <= next,
        "nonce {nonce} was used, the journal ends before {next}"
    );
}

/// All request ids in a text of JSON: 48 hex digits.
fn ids(value: &Value) -> Vec<String> {
    let text = value.to_string();
    let strings = text.split('"');
    strings
        .filter(|s| s.len() == 48 && s.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(str::to_owned)
        .collect()
}

/// Waits until the journal says that a case is closed.
async fn closed(ground: &Ground, oracle: &Binary, case: &str) {
    let started = Instant::now();
    while !bodies(ground, "case-closed").iter().any(|b| b["case"] == case) {
        assert!(
            started.elapsed() < TIMEOUT,
            "{case} is not closed:\n{}",
            oracle.said().join("\n")
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Lets an oracle work on the deposit of `pool` on a disk with `room` for so many frames; `None`: for nothing at all.
async fn fill_and_clear(ground: &Ground, pool: u32, room: Option<u64>) {
    let journal = ground.journal();
    let mut oracle = Binary::start_on_a_small_disk(ground);
    oracle.says("on devnet", 0, TIMEOUT).await;
    let size = room.map_or(0, |frames| log_size(&journal) + frames * FRAME + FRAME / 2);
    limit(&oracle, Some(size));
    ground.devnet().deposit_pool(1).await.unwrap();
    let line = oracle.says("the journal cannot be written", 0, TIMEOUT).await;
    let words = oracle.said()[line].clone();
    let file = journal.file_name().unwrap().to_str().unwrap();
    assert!(words.contains(file), "{words} does not name {file}");

    let mut topics = BTreeSet::new();
    let (before, _) = journal::verify(&journal).unwrap();
    let block = ground.devnet().block_number().await.unwrap();
    let started = Instant::now();
    while ground.devnet().block_number().await.unwrap() < block + BLOCKS {
        assert!(started.elapsed() < TIMEOUT, "no blocks");
        all_is_in_the_journal(ground, &mut topics).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = oracle.child.try_wait().unwrap();
    assert!(ended.is_none(), "{ended:?}:\n{}", oracle.said().join("\n"));
    let (meanwhile, _) = journal::verify(&journal).unwrap();
    assert_eq!(meanwhile.records, before.records, "it was written all the same");

    limit(&oracle, None);
    oracle.says("the journal is written again", line, TIMEOUT).await;
    closed(ground, &oracle, &format!("deposit/{pool}")).await;
    all_is_in_the_journal(ground, &mut topics).await;
    let starts = bodies(ground, "engine-started").len();
    assert_eq!(starts, pool as usize, "it went on in another process");
    // in order, so that the next one's log begins anew, and grows with the first write
    assert!(oracle.end().await.success());
}

/// Asked to end while nothing can be written, it ends in order; another one goes on.
async fn fill_and_end(ground: &Ground, pool: u32) {
    let mut oracle = Binary::start_on_a_small_disk(ground);
    oracle.says("on devnet", 0, TIMEOUT).await;
    limit(&oracle, Some(0));
    ground.devnet().deposit_pool(1).await.unwrap();
    oracle.says("the journal cannot be written", 0, TIMEOUT).await;
    // 130 would be: forced, since the engine did not answer
    assert_eq!(oracle.asked_to_end().await.code(), Some(0));
    oracle.has_said("stopped, but the journal").await;
    oracle.has_said("The next start goes on behind record").await;
    let next = Binary::start(ground, &[]);
    closed(ground, &next, &format!("deposit/{pool}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_leaves_and_with_room_it_goes_on() {
    let ground = Ground::start(with_beacon()).await;
    // no room at all, and so much that a later write, or the middle of one, is the first that fails
    let rooms = [None, Some(0), Some(1), Some(5), Some(15), Some(30), Some(50)];
    for (pool, room) in (1..).zip(rooms) {
        fill_and_clear(&ground, pool, room).await;
    }
    fill_and_end(&ground, u32::try_from(rooms.len()).unwrap() + 1).await;
    ground.end().await;
}
