//! Every scenario of the fault proxy against the real program: what is true at its end, what is on the screen, and what
//! is printed where there is none, in both forms.
//!
//! What must be seen stands in the scenario's own file (`[ends]`). Here stands what must be true: the scenarios of one
//! kind take one course, on a network that they share, each before a proxy and with a program of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod away;
mod beacons;
mod committees;
mod lies;
mod limits;
mod program;
mod relays;
mod restarts;
mod screen;
mod sends;
mod soak;
pub(crate) mod stage;
mod staked;

use casimir_dkg::devnet::proxy::{Scenario, Variables, shipped};
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::engine::support::{Ground, with_beacon};

/// Programs at work at the same time, whichever test plays them: more would only wait for a processor.
static STAGES: Semaphore = Semaphore::const_new(5);

/// Plays every scene; a few at a time.
async fn each<S, F: Future<Output = ()>>(scenes: impl Iterator<Item = S>, play: impl Fn(S) -> F) {
    let plays = scenes.map(|scene| {
        let play = play(scene);
        async {
            let _stage = STAGES.acquire().await.unwrap();
            play.await;
        }
    });
    join_all(plays).await;
}

#[test]
fn every_scenario_is_played_and_says_how_it_ends() {
    let mut played = [
        away::AWAY,
        beacons::UNKNOWING,
        lies::FINALS,
        lies::LIES,
        limits::LIMITS,
        relays::RELAYS,
        relays::REGISTRIES,
        restarts::RESTARTS,
        sends::SENDS,
        staked::CLOCKS,
        staked::ENDS,
        staked::NODES,
        staked::REQUESTS,
    ]
    .concat();
    played.sort_unstable();
    let all: Vec<&str> = shipped().iter().map(|(name, _)| *name).collect();
    assert_eq!(played, all);
    let address = format!("0x{}", "aa".repeat(20));
    let variables = [
        ("manager", address.as_str()),
        ("ssv", address.as_str()),
        ("liar", "liar.0"),
    ];
    let variables = Variables::from(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for name in all {
        let scenario = Scenario::shipped(name, &variables).unwrap();
        let ends = scenario.ends();
        assert!(!(ends.says.is_empty() && ends.shows.is_empty()), "{name}");
    }
}
