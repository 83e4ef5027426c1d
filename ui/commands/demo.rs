//! `demo`: a complete local network, and the oracle on it.

use std::time::Duration;

use anyhow::anyhow;
use casimir_dkg::config::{self, AutoApprove, Flag, LoadOptions};
use casimir_dkg::devnet::demo::{DemoBeacon, DemoNetwork, DemoOptions};
use casimir_dkg::devnet::{RequestScript, StakerScript};
use casimir_dkg::types::{RequestKind, SafeText};
use casimir_dkg::view::{CaseView, Snapshot};

#[cfg(feature = "tui")]
use super::console;
use super::{headless, oracle, runtime};
use crate::args::{self, DemoArgs};
use crate::exit::Outcome;
use crate::headless::{Form, Signals};
use crate::log::{self, Also};
#[cfg(feature = "tui")]
use crate::mode::Surroundings;
use crate::output;

/// What is not real in the demo, for the screen.
const SIMULATED: [&str; 2] = ["local chain (anvil)", "SSV stand-in"];
/// Between a pool's being staked and the request to reshare it, or to let it exit.
const REQUEST_AFTER: Duration = Duration::from_secs(20);
/// How long the oracle may take to stop when the network under it is gone.
const GRACE: Duration = Duration::from_secs(15);

pub(crate) fn run(args: &DemoArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    let unattended;
    let args = match no_screen() {
        Some(why) if !args.headless => {
            output::note(&format!(
                "demo: {why}, so it runs without a screen, by the demo's rules, to its end; everything in it is local"
            ));
            unattended = by_itself(args);
            &unattended
        }
        _ => args,
    };
    runtime()?.block_on(async {
        let mut signals = Signals::take();
        let say = |step: &str| output::note(&format!("demo: {step}"));
        let network = tokio::select! {
            network = DemoNetwork::start(network_options(args), &say) => network?,
            // whatever was started ends with the dropped future
            _ = signals.next() => return Ok(Outcome::Forced),
        };
        on(network, args, options, json, signals).await
    })
}

/// Why there is nothing to draw on, if so.
fn no_screen() -> Option<String> {
    #[cfg(feature = "tui")]
    return Surroundings::of_process().lacks_terminal().map(str::to_owned);
    #[cfg(not(feature = "tui"))]
    return Some("this build has no screen".to_owned());
}

/// What was asked for, where nobody watches and nobody can decide.
fn by_itself(args: &DemoArgs) -> DemoArgs {
    DemoArgs {
        headless: true,
        auto_approve: true,
        requests: !args.no_requests,
        ..args.clone()
    }
}

async fn on(
    mut network: DemoNetwork,
    args: &DemoArgs,
    options: &LoadOptions,
    json: bool,
    mut signals: Signals,
) -> anyhow::Result<Outcome> {
    let config = config::load(&load_options(&network, args, options))?;
    #[cfg(feature = "tui")]
    let also = if args.headless { Also::Nowhere } else { Also::Pane };
    #[cfg(not(feature = "tui"))]
    let also = Also::Nowhere;
    let _guard = log::init(&config.log, also)?;
    let signer = oracle::open_signer(&config)?;
    #[cfg(feature = "tui")]
    let screen = console::Screen::of(&config);
    let beacon = network.options().beacon.label();
    let simulated = SIMULATED.into_iter().chain(beacon).map(SafeText::new).collect();
    let started = oracle::start(config, signer, simulated).await?;
    let running = started.running;
    #[cfg(unix)]
    if let Some(socket) = started.socket.as_ref().filter(|_| args.headless) {
        output::note(&format!(
            "demo: from another terminal: casimir-dkg console --socket {}",
            socket.path().display()
        ));
    }
    network.begin();
    let engine = running.handle.clone();
    let work = async {
        #[cfg(feature = "tui")]
        if !args.headless {
            return console::show(running, screen).await;
        }
        let form = if json { Form::Json } else { Form::Text };
        let handle = running.handle.clone();
        let wanted = Wanted::of(args);
        let ending = crate::headless::run(handle.clone(), &mut signals, form, |s| wanted.is_done(s)).await;
        let summary = wanted.summary(&handle.snapshots.borrow());
        let outcome = headless::finish(running, ending).await;
        summary.iter().for_each(|line| output::note(line));
        outcome
    };
    let mut work = std::pin::pin!(work);
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        reason = network.ended() => {
            // the screen ends with the engine, and gives the terminal back
            let stop = async {
                // refused: it has stopped already
                let _ = engine.shutdown().await;
                // its own outcome says less than the reason
                let _ = work.await;
            };
            let stopped = tokio::time::timeout(GRACE, stop).await;
            if stopped.is_err() {
                output::note("demo: the oracle did not stop in time");
            }
            Err(anyhow!("the local network is gone: {reason}"))
        }
    };
    network.shutdown().await;
    outcome
}

/// The demo's own file, whatever the environment says of other networks; only directories are taken from it.
fn load_options(network: &DemoNetwork, args: &DemoArgs, options: &LoadOptions) -> LoadOptions {
    let mut flags: Vec<Flag> = options
        .flags
        .iter()
        .filter(|f| f.key == "log.level")
        .cloned()
        .collect();
    flags.extend(args.theme.clone().map(|value| Flag {
        key: "ui.theme",
        flag: "--theme",
        value,
    }));
    let environment = options
        .environment
        .iter()
        .filter(|(name, _)| name.ends_with("_DIR"));
    LoadOptions {
        file: Some(network.config_file().to_owned()),
        flags,
        environment: environment
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        fallbacks: Vec::new(),
        auto_approve: if args.auto_approve {
            AutoApprove::Given
        } else {
            AutoApprove::Absent
        },
    }
}

/// Whether the network asks for reshares and exits.
fn with_requests(args: &DemoArgs) -> bool {
    !args.no_requests && (args.requests || !args.headless)
}

/// What is asked of pools: the first is reshared, the second, if there is one, exits.
fn requests(args: &DemoArgs) -> RequestScript {
    let after = with_requests(args).then_some(REQUEST_AFTER);
    RequestScript {
        reshare_after: after,
        exit_after: after.filter(|_| pools(args) >= 2),
    }
}

/// Pools that are filled in all: a few more where somebody watches.
fn pools(args: &DemoArgs) -> u64 {
    let more = if args.headless { 0 } else { 3 };
    u64::from(args.pools) + more
}

/// Cases that have to come to their end before the headless demo does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    deposits: u64,
    reshares: u64,
    exits: u64,
}

impl Wanted {
    fn of(args: &DemoArgs) -> Self {
        let script = requests(args);
        Self {
            deposits: args.pools.into(),
            reshares: u64::from(script.reshare_after.is_some()),
            exits: u64::from(script.exit_after.is_some()),
        }
    }

    fn each(self) -> [(RequestKind, u64); 3] {
        [
            (RequestKind::Deposit, self.deposits),
            (RequestKind::Reshare, self.reshares),
            (RequestKind::Exit, self.exits),
        ]
    }

    fn is_done(self, snapshot: &Snapshot) -> bool {
        self.each()
            .into_iter()
            .all(|(kind, wanted)| snapshot.cases_over(kind) >= wanted)
    }

    fn summary(self, snapshot: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, wanted) in self.each() {
            let mut cases: Vec<_> = snapshot.cases.iter().filter(|c| c.kind == kind).collect();
            if wanted == 0 && cases.is_empty() {
                continue;
            }
            let over = snapshot.cases_over(kind);
            lines.push(format!("demo: {over} of {wanted} {kind}s done"));
            cases.sort_by_key(|c| c.id);
            lines.extend(cases.into_iter().map(|case| line(snapshot, case)));
            if let Some(older) = snapshot.older.cases.get(&kind) {
                lines.push(format!("  and {older} before them"));
            }
        }
        lines
    }
}

fn line(snapshot: &Snapshot, case: &CaseView) -> String {
    let validator = case
        .validator
        .map_or_else(|| "no key".to_owned(), |key| key.to_string());
    let mut line = format!("  pool {}: {} | validator {validator}", case.pool, case.sentence);
    // an exit goes to the beacon chain
    if case.kind != RequestKind::Exit {
        let transaction = snapshot.transactions.iter().find(|t| t.action.case == case.id);
        let transaction = transaction
            .and_then(|t| t.hashes.last())
            .map_or_else(|| "nothing sent".to_owned(), ToString::to_string);
        line.push_str(&format!(" | transaction {transaction}"));
    }
    line
}

fn network_options(args: &DemoArgs) -> DemoOptions {
    DemoOptions {
        operators: u8::try_from(args.operators).unwrap_or(u8::MAX),
        stakers: StakerScript {
            first: u64::from(args.pools),
            then_every: Duration::from_secs(30),
            up_to: pools(args),
        },
        requests: requests(args),
        auto: args.auto_approve,
        beacon: match args.beacon {
            args::DemoBeacon::Development => DemoBeacon::development(),
            args::DemoBeacon::Lodestar => DemoBeacon::lodestar(),
        },
        ..DemoOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        demo: DemoArgs,
    }

    fn wanted(flags: &str) -> (u64, u64, u64) {
        let line = Line::try_parse_from(std::iter::once("demo").chain(flags.split_whitespace())).unwrap();
        let wanted = Wanted::of(&line.demo);
        (wanted.deposits, wanted.reshares, wanted.exits)
    }

    #[test]
    fn headless_asks_for_deposits_only_unless_told_otherwise() {
        assert_eq!(wanted("--headless --pools 2"), (2, 0, 0));
        assert_eq!(wanted("--headless --requests --pools 2"), (2, 1, 1));
        // the second pool exits, and there is none
        assert_eq!(wanted("--headless --requests --pools 1"), (1, 1, 0));
        assert_eq!(wanted("--pools 1"), (1, 1, 1), "a screen sees more pools come");
        assert_eq!(wanted("--no-requests"), (3, 0, 0));
    }

    #[test]
    fn without_a_screen_the_whole_story_runs_by_itself() {
        let parse = |flags: &str| {
            let words = std::iter::once("demo").chain(flags.split_whitespace());
            Line::try_parse_from(words).unwrap().demo
        };
        let told = parse("--headless --auto-approve --requests --pools 2 --operators 5");
        assert_eq!(by_itself(&parse("--pools 2 --operators 5")), told);
        assert_eq!(by_itself(&parse("--requests --pools 2 --operators 5")), told);
        let deposits = parse("--headless --auto-approve --no-requests");
        assert_eq!(by_itself(&parse("--no-requests")), deposits);
    }

    #[test]
    fn requests_and_no_requests_exclude_each_other() {
        assert!(Line::try_parse_from(["demo", "--headless", "--requests", "--no-requests"]).is_err());
    }
}
