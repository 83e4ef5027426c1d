//! `demo`: a complete local network, and the oracle on it.

mod before;
mod keep;
mod levers;
mod tour;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use casimir_dkg::config::{self, AutoApprove, Flag, LoadOptions, UiConfig};
use casimir_dkg::devnet::demo::{DemoBeacon, DemoNetwork, DemoOptions, Director, StageOptions};
use casimir_dkg::devnet::{RequestScript, StakerScript};
use casimir_dkg::engine::EngineHandle;
use casimir_dkg::engine::service::Running;
use casimir_dkg::types::{RequestKind, SafeText};
use casimir_dkg::view::{CaseView, Snapshot};

#[cfg(feature = "tui")]
use super::console;
use super::{headless, oracle, plain, runtime};
use crate::args::{self, DemoArgs, TourBy};
use crate::exit::Outcome;
use crate::headless::{Form, Signals};
use crate::log::{self, Also};
use crate::mode::Surroundings;
use crate::output;
use levers::Levers;
use tokio::task::JoinHandle;
use tour::Tour;

/// What is not real in the demo, for the screen.
const SIMULATED: [&str; 2] = ["local chain (anvil)", "SSV stand-in"];
/// Between a pool's being staked and the request to reshare it, or to let it exit.
const REQUEST_AFTER: Duration = Duration::from_secs(20);
/// How long the oracle may take to stop when the network under it is gone.
const GRACE: Duration = Duration::from_secs(15);

pub(crate) fn run(args: &DemoArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    let args = &fitting(args);
    let ui = before::ui(args, options)?;
    before::tell_what_is_not_used(options);
    let network_options = network_options(args)?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::take();
        let say = |step: &str| output::note(&format!("demo: {step}"));
        let network = tokio::select! {
            network = DemoNetwork::start(network_options, &say) => network?,
            // whatever was started ends with the dropped future
            _ = signals.next() => return Ok(Outcome::Forced),
        };
        on(network, args, options, ui, json, signals).await
    });
    // who reads lines of a terminal cannot be cut off
    runtime.shutdown_background();
    outcome
}

/// What was asked for, as it can be done here.
fn fitting(args: &DemoArgs) -> DemoArgs {
    let around = Surroundings::of_process();
    if args.headless || args.plain {
        return args.clone();
    }
    if around.is_dumb() {
        return DemoArgs {
            plain: true,
            ..args.clone()
        };
    }
    let Some(why) = no_screen(&around) else {
        return args.clone();
    };
    output::note(&format!(
        "demo: {why}, so it runs without a screen, by the demo's rules, to its end; everything in it is local"
    ));
    by_itself(args)
}

/// Why there is nothing to draw on, if so.
fn no_screen(around: &Surroundings) -> Option<String> {
    match cfg!(feature = "tui") {
        true => around.lacks_terminal().map(str::to_owned),
        false => Some("this build has no screen".to_owned()),
    }
}

/// What was asked for, where nobody watches and nobody can decide.
fn by_itself(args: &DemoArgs) -> DemoArgs {
    DemoArgs {
        headless: true,
        // the tour decides what it comes to
        auto_approve: args.tour.is_none(),
        requests: !args.no_requests && args.tour.is_none(),
        tour: args.tour.map(|_| TourBy::Clock),
        ..args.clone()
    }
}

async fn on(
    mut network: DemoNetwork,
    args: &DemoArgs,
    options: &LoadOptions,
    ui: UiConfig,
    json: bool,
    signals: Signals,
) -> anyhow::Result<Outcome> {
    let mut config = config::load(&load_options(&network, args, options))?;
    config.ui = ui;
    let also = match args.headless {
        true => Also::Nowhere,
        false => Also::Memory,
    };
    let _guard = log::init(&config.log, also)?;
    let signer = oracle::open_signer(&config)?;
    #[cfg(feature = "tui")]
    let screen = console::Screen::of(&config).of_demo(args.keep.is_some().then(|| network.folder()));
    let beacon = network.options().beacon.label();
    let simulated = SIMULATED.into_iter().chain(beacon).map(SafeText::new).collect();
    output::note(&format!(
        "demo: its configuration is {}",
        network.config_file().display()
    ));
    let started = oracle::start(config, signer, simulated).await?;
    let running = started.running;
    if let Some(socket) = started.socket.as_ref().filter(|_| args.headless || args.plain) {
        output::note(&format!(
            "demo: from another terminal: casimir-dkg console --socket {}",
            socket.path().display()
        ));
    }
    network.begin();
    let engine = running.handle.clone();
    let front = Front {
        args,
        json,
        director: network.director().cloned(),
        #[cfg(feature = "tui")]
        screen,
    };
    let outcome = until_gone(front.work(running, signals), &network, &engine).await;
    let folder = network.folder().to_owned();
    network.shutdown().await;
    keep::tell(&folder, args.keep.is_some());
    outcome
}

/// Works until it is done, or until the network under it is gone.
async fn until_gone(
    work: impl Future<Output = anyhow::Result<Outcome>>,
    network: &DemoNetwork,
    engine: &EngineHandle,
) -> anyhow::Result<Outcome> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
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
    }
}

/// The front end that was asked for.
struct Front<'a> {
    args: &'a DemoArgs,
    json: bool,
    director: Option<Arc<Director>>,
    #[cfg(feature = "tui")]
    screen: console::Screen,
}

impl Front<'_> {
    async fn work(self, running: Running, mut signals: Signals) -> anyhow::Result<Outcome> {
        if self.args.headless {
            return self.headless(running, &mut signals).await;
        }
        if self.args.plain {
            let _tour = self.tour(&running.handle, output::line);
            return plain::show(running, &Levers(self.director), &mut signals).await;
        }
        self.screen(running, signals).await
    }

    /// Goes through the story beside the front end; it ends with what is returned.
    fn tour(&self, handle: &EngineHandle, says: impl Fn(&str) + Send + Sync + 'static) -> Option<Touring> {
        let (by, director) = (self.args.tour?, self.director.clone()?);
        let tour = Tour::new(handle, director, by, !self.args.headless);
        Some(Touring(tokio::spawn(tour.go(says))))
    }

    async fn headless(self, running: Running, signals: &mut Signals) -> anyhow::Result<Outcome> {
        let form = if self.json { Form::Json } else { Form::Text };
        let handle = running.handle.clone();
        let wanted = Wanted::of(self.args);
        let tour = self.tour(&handle, output::note);
        let done = |snapshot: &Snapshot| match &tour {
            Some(tour) => tour.0.is_finished(),
            None => wanted.is_done(snapshot),
        };
        let ending = crate::headless::run(handle.clone(), signals, form, done).await;
        let summary = wanted.summary(&handle.snapshots.borrow());
        let outcome = headless::finish(running, ending).await;
        summary.iter().for_each(|line| output::note(line));
        outcome
    }

    #[cfg(feature = "tui")]
    async fn screen(self, running: Running, signals: Signals) -> anyhow::Result<Outcome> {
        // the console takes its own
        drop(signals);
        let (says, said) = tokio::sync::mpsc::unbounded_channel();
        let _tour = self.tour(&running.handle, move |line| {
            tracing::info!(target: "devnet::tour", "{line}");
            // the screen may be gone
            let _ = says.send(line.to_owned());
        });
        let director = self.director.map(|director| levers::for_console(director, said));
        console::show(running, self.screen, director).await
    }

    /// Without a screen it is headless: [`fitting`] has seen to that.
    #[cfg(not(feature = "tui"))]
    async fn screen(self, running: Running, mut signals: Signals) -> anyhow::Result<Outcome> {
        self.headless(running, &mut signals).await
    }
}

/// A tour on its way.
struct Touring(JoinHandle<()>);

impl Drop for Touring {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The demo's own file, whatever the environment says of other networks; only directories are taken from it.
fn load_options(network: &DemoNetwork, args: &DemoArgs, options: &LoadOptions) -> LoadOptions {
    let flags: Vec<Flag> = options
        .flags
        .iter()
        .filter(|f| f.key == "log.level")
        .cloned()
        .collect();
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
    args.tour.is_none() && !args.no_requests && (args.requests || !args.headless)
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
    if args.tour.is_some() {
        // the story begins with one, and fills the others itself
        return 1;
    }
    let more = if args.headless || args.still { 0 } else { 3 };
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
        if args.tour.is_some() {
            return tour::TOLD;
        }
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

fn network_options(args: &DemoArgs) -> anyhow::Result<DemoOptions> {
    let shown = !args.headless || args.tour.is_some();
    let stage = match shown {
        true => Some(StageOptions {
            program: std::env::current_exe().context("operators are processes of this program")?,
            pace: Duration::from_secs_f64(args.pace),
            seed: args.seed,
        }),
        false => None,
    };
    let foreign_operators = before::operators(args.operators_file.as_deref())?;
    let operators = foreign_operators
        .as_ref()
        .map_or(args.operators as usize, Vec::len);
    Ok(DemoOptions {
        operators: u8::try_from(operators).unwrap_or(u8::MAX),
        stakers: StakerScript {
            first: u64::from(args.pools).min(pools(args)),
            then_every: Duration::from_secs(30),
            up_to: pools(args),
        },
        lively: (shown && args.tour.is_none() && !args.still).then_some(args.seed),
        requests: requests(args),
        auto: args.auto_approve,
        beacon: match args.beacon {
            args::DemoBeacon::Development => DemoBeacon::development(),
            args::DemoBeacon::Lodestar => DemoBeacon::lodestar(),
        },
        folder: before::folder(args.keep.as_deref())?,
        stage,
        foreign_operators,
        foreign_messenger: args.messenger.clone(),
        ..DemoOptions::default()
    })
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
        assert_eq!(
            wanted("--pools 1 --still"),
            (1, 1, 0),
            "no second one comes that could exit"
        );
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
