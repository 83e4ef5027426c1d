//! Events of the intake become inputs; each new head becomes a view of the contract's state. The state is read first and
//! needs no history: what waits in the contract is on the screen while old logs are still being read.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::facts::{self, Before};
use super::history::Progress;
use super::tip::{Pace, Tip};
use super::validators::Lists;
use crate::chain::intake::{ChainEvent, Head, IntakeEvent, LocatedEvent, ObservedEvent};
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::inject;
use crate::oracle::{Fulfilment, Input, Reach};
use crate::ports::agreed;
use crate::ports::{Accord, Agreement, Answer, At, Execution, PoolEvent, PoolEventKind, PoolManager, Ssv};
use crate::types::{BlockRef, CheckStatus, LogRef, PoolId, PoolView, RequestKind, SafeText, UnixMillis};
use crate::view::{LinkState, ReadyPoolView};

/// Who is asked at each new head.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) agreement: Arc<dyn Agreement>,
    /// The only endpoint, where no second could contradict it.
    pub(super) one_voice: Option<SafeText>,
    /// The account that is looked at.
    pub(super) oracle: Option<Address>,
    /// Whoever reads on at each head, behind everything else.
    pub(super) heads: watch::Sender<Option<Head>>,
    /// What is expected of the chain.
    pub(super) pace: Pace,
}

/// How often it is looked whether the chain stands still.
const LOOK: Duration = Duration::from_secs(1);
/// How long the endpoints may take to say whose time it is: what is told waits for it.
const WHOSE_TIME: Duration = Duration::from_secs(3);
/// Pools of the ready queue that are shown in full.
const SHOWN: usize = 8;
/// The name of this reading.
const EVENTS: &str = "events";

type Sent = Result<(), mpsc::error::SendError<Incoming>>;

/// Ends when the core or the intake is gone.
pub(super) async fn run(
    from: Sources,
    mut events: mpsc::Receiver<IntakeEvent>,
    lists: watch::Sender<Option<Lists>>,
    core: mpsc::Sender<Incoming>,
) {
    // of the head of this look, and of the last look that got through
    let (mut finalized, mut caught_up) = (None, None);
    let (mut seen, mut progress) = (Seen::default(), Progress::default());
    let mut tip = Tip::new(from.pace);
    let mut sight = Reach::default();
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = tick.tick() => match stands_still(&mut tip, &mut sight, Instant::now(), &core).await {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Some(event) = event else { return };
        if see(&mut sight, reach(&event, &tip), &core).await.is_err() {
            return;
        }
        tip.hears(&event);
        let sent = match event {
            IntakeEvent::Batch(batch) => {
                hand_over(inputs(batch.events, from.one_voice.as_ref()), batch.cursor, &core).await
            }
            IntakeEvent::Head(head) => {
                finalized = head.finalized;
                if tell(&*from.agreement, &mut tip, &head, &core).await.is_err() {
                    return;
                }
                let looked = look(&from, head, &lists, &mut seen, &core).await;
                from.heads.send_replace(Some(head));
                looked
            }
            IntakeEvent::CaughtUp => {
                tell_caught_up(&tip, &mut progress, &core).await;
                if caught_up == Some(finalized) {
                    Ok(())
                } else {
                    caught_up = Some(finalized);
                    core.send(Incoming::Input(Input::CaughtUp { finalized })).await
                }
            }
            IntakeEvent::CatchingUp { at, target } => {
                let _ = core
                    .send(Incoming::Live(LiveUpdate::Link(LinkState::CatchingUp)))
                    .await;
                let history = progress.view("past events of the contract", at, target);
                core.send(Incoming::Live(LiveUpdate::History(EVENTS, Some(history))))
                    .await
            }
            IntakeEvent::Reorganised { from: block, .. } => {
                went_back(&*from.agreement, &mut tip, block, &core).await
            }
            IntakeEvent::Trouble(words) => trouble(LinkState::Stale, words, &core).await,
            IntakeEvent::NoConnection(words) => trouble(LinkState::Down, words, &core).await,
            IntakeEvent::Doubts(words) => core.send(Incoming::Live(LiveUpdate::Alarm("logs", words))).await,
            IntakeEvent::Apart(words) => core.send(Incoming::Live(LiveUpdate::Alarm("head", words))).await,
            IntakeEvent::Socket(_) => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Tells the core how the chain is seen, when that changed.
async fn see(sight: &mut Reach, now: Option<Reach>, core: &mpsc::Sender<Incoming>) -> Sent {
    let Some(reach) = now.filter(|now| now != sight) else {
        return Ok(());
    };
    *sight = reach;
    core.send(Incoming::Input(Input::Sight(reach))).await
}

/// What an event says of how the chain is seen, where it does.
fn reach(event: &IntakeEvent, tip: &Tip) -> Option<Reach> {
    match event {
        IntakeEvent::NoConnection(_) => Some(Reach::Lost),
        IntakeEvent::CaughtUp if tip.stands() => Some(Reach::Still),
        IntakeEvent::Head(head) if tip.stands_at(head) => Some(Reach::Still),
        IntakeEvent::CaughtUp | IntakeEvent::Head(_) => Some(Reach::Followed),
        _ => None,
    }
}

async fn hand_over(inputs: Vec<Input>, cursor: BlockRef, core: &mpsc::Sender<Incoming>) -> Sent {
    let requested = inputs
        .iter()
        .any(|input| matches!(input, Input::Requested { .. }));
    let sent = core.send(Incoming::Batch(inputs, cursor)).await;
    if requested {
        inject::panic_at("feed");
    }
    sent
}

/// Nothing is left to be read.
async fn tell_caught_up(tip: &Tip, progress: &mut Progress, core: &mpsc::Sender<Incoming>) {
    let link = match tip.stands() {
        true => LinkState::Stale,
        false => LinkState::Live,
    };
    let mut said = vec![
        LiveUpdate::Alarm("chain", SafeText::default()),
        LiveUpdate::Link(link),
    ];
    if progress.is_told() {
        *progress = Progress::default();
        said.push(LiveUpdate::History(EVENTS, None));
    }
    for update in said {
        // with the core gone, the next input finds out
        let _ = core.send(Incoming::Live(update)).await;
    }
}

/// What a new head and its time say. One below the newest is of an endpoint that lags, and is not shown as the head.
async fn tell(agreement: &dyn Agreement, tip: &mut Tip, head: &Head, core: &mpsc::Sender<Incoming>) -> Sent {
    let mut clock = tip.head(head, Instant::now(), UnixMillis::now());
    if tip.wants_names()
        && let Some(remark) = whose_time(agreement, head.timestamp).await
    {
        clock = tip.names(&remark);
    }
    if !tip.is_newest(head) {
        return Ok(());
    }
    // the same block may come again, with more that is final
    let moves = (!tip.stands()).then(|| ("tip", SafeText::default()));
    let back = tip.back().map(|words| ("reorg", words));
    let said = [Some(("clock", clock)), moves, back].into_iter().flatten();
    let said = said.map(|(subject, words)| LiveUpdate::Alarm(subject, words));
    let update = LiveUpdate::Head {
        head: head.block,
        time: Some(UnixMillis(head.timestamp.saturating_mul(1_000))),
        finalized: head.finalized,
        base_fee_wei: head.base_fee_wei,
    };
    for update in said.chain([update]) {
        core.send(Incoming::Live(update)).await?;
    }
    Ok(())
}

/// Whether the other endpoints date their newest blocks like this, in words: where they do not, one of them is wrong, and
/// not this machine's clock. None where nobody else is there to say it.
async fn whose_time(agreement: &dyn Agreement, timestamp: u64) -> Option<String> {
    let asked = tokio::time::timeout(WHOSE_TIME, agreed::on_time(agreement, timestamp));
    match asked.await.ok()? {
        Accord::Alone => None,
        Accord::Agree { agreeing, .. } => Some(format!("{agreeing} endpoints date theirs like that")),
        accord => Some(accord.words()),
    }
}

/// The head that an endpoint told before was no lag: the chain was reorganised, and that is what is shown, and said.
async fn went_back(
    agreement: &dyn Agreement,
    tip: &mut Tip,
    from: BlockRef,
    core: &mpsc::Sender<Incoming>,
) -> Sent {
    match tip.reorganised(from) {
        Some(head) => tell(agreement, tip, &head, core).await,
        None => Ok(()),
    }
}

async fn stands_still(tip: &mut Tip, sight: &mut Reach, now: Instant, core: &mpsc::Sender<Incoming>) -> Sent {
    if let Some(words) = tip.still(now) {
        core.send(Incoming::Live(LiveUpdate::Alarm("tip", words))).await?;
        // a time that is over is no answer
        if *sight != Reach::Lost {
            core.send(Incoming::Live(LiveUpdate::Link(LinkState::Stale)))
                .await?;
        }
    }
    let still = tip.stands() && *sight == Reach::Followed;
    see(sight, still.then_some(Reach::Still), core).await
}

async fn trouble(link: LinkState, words: SafeText, core: &mpsc::Sender<Incoming>) -> Sent {
    core.send(Incoming::Live(LiveUpdate::Link(link))).await?;
    core.send(Incoming::Live(LiveUpdate::Alarm("chain", words))).await
}

fn inputs(events: Vec<ChainEvent>, one_voice: Option<&SafeText>) -> Vec<Input> {
    let told = events.into_iter().filter_map(input).flat_map(|input| {
        let remark = one_voice.and_then(|name| told_by_one(name, &input));
        std::iter::once(input).chain(remark)
    });
    told.collect()
}

fn input(event: ChainEvent) -> Option<Input> {
    let (observed, added) = match event {
        ChainEvent::Added(observed) => (observed, true),
        ChainEvent::Removed(observed) => (observed, false),
    };
    let LocatedEvent {
        at: log,
        event: ObservedEvent::Manager(PoolEvent { kind, pool, leaving }),
    } = observed
    else {
        return None;
    };
    if let Some(kind) = kind.request() {
        return Some(if added {
            Input::Requested {
                kind,
                pool,
                log,
                leaving,
            }
        } else {
            Input::RequestRemoved { kind, pool, log }
        });
    }
    let what = match kind {
        PoolEventKind::DepositInitiated => Fulfilment::DepositInitiated,
        PoolEventKind::Deposited => Fulfilment::Deposited,
        PoolEventKind::Reshared => Fulfilment::Reshared,
        PoolEventKind::Exited => Fulfilment::Exited,
        PoolEventKind::ActivationRequested => return added.then(|| activation(pool, log)),
        PoolEventKind::DepositRequested | PoolEventKind::ReshareRequested | PoolEventKind::ExitRequested => {
            return None;
        }
    };
    Some(if added {
        Input::Fulfilled { what, pool, log }
    } else {
        Input::FulfilmentRemoved { what, pool, log }
    })
}

/// The second half of a deposit is nothing that is done here: whoever does it must know that it is asked for.
fn activation(pool: PoolId, log: LogRef) -> Input {
    let text = SafeText::new(&format!(
        "the contract asks in block {} to register the validator of pool {pool}; this program does not send that call",
        log.block.number
    ));
    let kind = RequestKind::Deposit;
    Input::Remark { kind, pool, text }
}

/// What the contract keeps no state of rests on logs: where there is one endpoint, on its word alone, and the case says so.
/// Deposits are in the contract's queue.
fn told_by_one(endpoint: &SafeText, input: &Input) -> Option<Input> {
    let (kind, pool, what) = match input {
        Input::Requested { kind, pool, .. } => (*kind, *pool, "request"),
        Input::Fulfilled { what, pool, .. } => (what.answers(), *pool, "end"),
        _ => return None,
    };
    let text = SafeText::new(&format!(
        "the {what} of this {kind} is told by one voice, {endpoint}: no second endpoint is configured to contradict it"
    ));
    (kind != RequestKind::Deposit).then_some(Input::Remark { kind, pool, text })
}

/// What was shown before.
#[derive(Debug, Default)]
struct Seen {
    /// The state was read once.
    state: bool,
    /// The ready queue whose first pools were read.
    ready: Vec<PoolId>,
    /// How endpoints contradict each other on whether the manager takes the oracle's calls.
    caller: SafeText,
    /// What the facts before rest on.
    before: Before,
}

/// Reads the state at `head` and tells it. What cannot be read is said and read again at the next head.
async fn look(
    from: &Sources,
    head: Head,
    lists: &watch::Sender<Option<Lists>>,
    seen: &mut Seen,
    core: &mpsc::Sender<Incoming>,
) -> Sent {
    let before = seen.before.doubts();
    let read = facts::read(from, head, &mut seen.before).await;
    for (was, (subject, words)) in before.into_iter().zip(seen.before.doubts()) {
        if was.1 != words {
            core.send(Incoming::Live(LiveUpdate::Alarm(subject, words)))
                .await?;
        }
    }
    match read {
        Ok(facts) => {
            if !std::mem::replace(&mut seen.state, true) {
                core.send(Incoming::Live(LiveUpdate::Link(LinkState::CatchingUp)))
                    .await?;
            }
            let ready = facts.ready.clone();
            core.send(Incoming::Live(LiveUpdate::Alarm("facts", SafeText::default())))
                .await?;
            // shown, never decided upon: read beside
            lists.send_replace(Lists::of(&facts));
            core.send(Incoming::Input(Input::Facts(Box::new(facts)))).await?;
            if seen.ready != ready
                && let Some(pools) = waiting(from, head, &ready).await
            {
                seen.ready = ready;
                core.send(Incoming::Live(LiveUpdate::Ready(pools))).await?;
            }
        }
        Err(words) => {
            let words = SafeText::new(&format!("the contract's state could not be read: {words}"));
            core.send(Incoming::Live(LiveUpdate::Alarm("facts", words)))
                .await?;
        }
    }
    if let Some(oracle) = from.oracle {
        let (status, contradiction) = authorised(from, oracle, head.block).await;
        if let Some(contradiction) = contradiction
            && seen.caller != contradiction
        {
            seen.caller.clone_from(&contradiction);
            core.send(Incoming::Live(LiveUpdate::Alarm("caller", contradiction)))
                .await?;
        }
        core.send(Incoming::Live(LiveUpdate::Authorised(status))).await?;
    }
    Ok(())
}

/// Whether the manager takes the oracle's calls, and where endpoints contradict each other on that, how: one that says no may
/// be alone with it. None where nobody says anything: then what was said stands.
async fn authorised(from: &Sources, oracle: Address, block: BlockRef) -> (CheckStatus, Option<SafeText>) {
    let nothing = Some(SafeText::default());
    let told = from.manager.authorises(oracle, At::block(block)).await;
    match &told {
        Answer::Yes(()) => (CheckStatus::Pass, nothing),
        Answer::NotKnown(_) => (CheckStatus::Unknown, None),
        Answer::No(_) => {
            match agreed::on_caller(&*from.agreement, oracle, block, &told).await {
                Accord::Alone | Accord::Agree { .. } => (CheckStatus::Fail, nothing),
                // of three, the one that says otherwise is named
                Accord::Outvoted { words, .. } => (CheckStatus::Fail, Some(words)),
                Accord::Disagree(words) => (CheckStatus::Unknown, Some(words)),
                // nobody else says so
                Accord::TooFew { .. } => (CheckStatus::Unknown, None),
            }
        }
    }
}

/// The first pools of the ready queue; none where they cannot be read now.
async fn waiting(from: &Sources, head: Head, ready: &[PoolId]) -> Option<Vec<ReadyPoolView>> {
    let at = At::block(head.block);
    let asked = ready.iter().take(SHOWN).map(|pool| from.manager.pool(*pool, at));
    let pools = futures_util::future::join_all(asked).await;
    let view = |pool: PoolView| ReadyPoolView {
        id: pool.id,
        deposits_wei: pool.deposits_wei,
        block: head.block.number,
    };
    pools.into_iter().map(|pool| pool.yes().map(view)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::agreement::Voices;
    use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};
    use crate::ports::{HeadBlock, Voice};
    use crate::types::Root;

    #[tokio::test]
    async fn a_chain_that_stands_still_goes_on_only_with_another_block() {
        let mut tip = Tip::new(super::super::tip::Pace::LOCAL);
        let (core, mut told) = mpsc::channel(16);
        let mut head = Head {
            block: BlockRef {
                number: 7,
                hash: Root([7; 32]),
            },
            timestamp: 1_700_000_000,
            base_fee_wei: None,
            finalized: None,
        };
        let mut over = async |tip: &mut Tip, head: &Head| {
            tell(&Voices::new(Vec::new()), tip, head, &core).await.unwrap();
            let said: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).collect();
            said.iter().any(|told| {
                matches!(told, Incoming::Live(LiveUpdate::Alarm("tip", words)) if words.as_str().is_empty())
            })
        };
        assert!(over(&mut tip, &head).await);
        assert!(tip.still(Instant::now() + Duration::from_secs(60)).is_some());
        // more of it is final, and it stands where it stood
        head.finalized = Some(head.block);
        assert!(!over(&mut tip, &head).await);
        head.block.number = 8;
        assert!(over(&mut tip, &head).await);
    }

    /// That no block came for two minutes was taken for news: the link was no more one that is down.
    #[tokio::test]
    async fn a_link_that_is_down_is_up_again_by_an_answer_and_by_no_time_that_is_over() {
        let head = Head {
            block: BlockRef {
                number: 7,
                hash: Root([7; 32]),
            },
            timestamp: UnixMillis::now().0 / 1_000,
            base_fee_wei: None,
            finalized: None,
        };
        for (mut sight, links) in [
            (Reach::Lost, Vec::new()),
            (Reach::Followed, vec![LinkState::Stale]),
        ] {
            let mut tip = Tip::new(Pace::NETWORK);
            let (core, mut told) = mpsc::channel(1_000);
            tell(&Voices::new(Vec::new()), &mut tip, &head, &core)
                .await
                .unwrap();
            let begun = Instant::now();
            for seconds in 0..600 {
                let now = begun + Duration::from_secs(seconds);
                stands_still(&mut tip, &mut sight, now, &core).await.unwrap();
            }
            let (mut changes, mut alarms) = (Vec::new(), 0);
            while let Ok(told) = told.try_recv() {
                match told {
                    Incoming::Live(LiveUpdate::Link(link)) => changes.push(link),
                    Incoming::Live(LiveUpdate::Alarm("tip", words)) if !words.as_str().is_empty() => {
                        alarms += 1
                    }
                    _ => {}
                }
            }
            assert_eq!((changes, alarms), (links, 1), "{sight:?}");
        }
    }

    #[tokio::test]
    async fn a_time_that_one_endpoint_alone_tells_is_told_with_its_name() {
        const DAY: u64 = 86_400;
        let dated = |name: &str, timestamp: u64| Voice {
            name: name.into(),
            execution: Arc::new(FakeExecution {
                head: FakeExecution::default()
                    .head
                    .map(|head| HeadBlock { timestamp, ..head }),
                ..FakeExecution::default()
            }),
            manager: Arc::new(FakeManager::default()),
            ssv: Arc::new(FakeSsv::default()),
        };
        let now = UnixMillis::now().0 / 1_000;
        let said = async |others: &[(&str, u64)]| {
            let voices = others.iter().map(|(name, at)| dated(name, *at));
            let voices = Voices::new(voices.collect());
            let (core, mut told) = mpsc::channel(16);
            let mut tip = Tip::new(Pace::NETWORK);
            let head = Head {
                block: BlockRef {
                    number: 7,
                    hash: Root([7; 32]),
                },
                timestamp: now + DAY,
                base_fee_wei: None,
                finalized: None,
            };
            // the second time it is the same that is told, and nobody is asked
            for _ in 0..2 {
                tell(&voices, &mut tip, &head, &core).await.unwrap();
            }
            drop(core);
            let mut words = Vec::new();
            while let Some(told) = told.recv().await {
                if let Incoming::Live(LiveUpdate::Alarm("clock", said)) = told {
                    words.push(said.to_string());
                }
            }
            assert!(words.len() == 2 && words[0] == words[1], "{words:?}");
            words.remove(0)
        };
        let liar = said(&[("a", now + DAY), ("b", now)]).await;
        assert!(liar.contains("a and b contradict each other"), "{liar}");
        let outvoted = said(&[("a", now + DAY), ("b", now), ("c", now)]).await;
        assert!(outvoted.contains("a is outvoted by b and c"), "{outvoted}");
        let clock = said(&[("a", now + DAY), ("b", now + DAY + 12)]).await;
        assert!(clock.ends_with("2 endpoints date theirs like that"), "{clock}");
        let alone = said(&[("a", now + DAY)]).await;
        assert!(
            alone.ends_with("Times that are predicted rest on both"),
            "{alone}"
        );
    }

    #[tokio::test]
    async fn one_endpoint_that_has_the_oracle_refused_is_a_contradiction_and_no_refusal() {
        let refuses = || {
            Arc::new(FakeManager {
                authorises: Answer::no("the manager refuses calls"),
                ..FakeManager::default()
            })
        };
        let voice = |name: &str, manager: Arc<FakeManager>| Voice {
            name: name.into(),
            execution: Arc::new(FakeExecution::default()),
            manager,
            ssv: Arc::new(FakeSsv::default()),
        };
        let block = BlockRef {
            number: 9,
            hash: Root([9; 32]),
        };
        let told = async |other: Arc<FakeManager>| {
            let from = Sources {
                manager: refuses(),
                ssv: Arc::new(FakeSsv::default()),
                execution: Arc::new(FakeExecution::default()),
                agreement: Arc::new(Voices::new(vec![voice("a", refuses()), voice("b", other)])),
                one_voice: None,
                oracle: None,
                heads: watch::channel(None).0,
                pace: Pace::LOCAL,
            };
            let (status, words) = authorised(&from, Address::repeat_byte(3), block).await;
            (status, words.map(|words| words.to_string()).unwrap())
        };
        assert_eq!(told(refuses()).await, (CheckStatus::Fail, String::new()));
        let (status, words) = told(Arc::new(FakeManager::default())).await;
        assert_eq!(status, CheckStatus::Unknown);
        assert!(
            words.contains("a says of the oracle account's calls to the manager refused, b accepted"),
            "{words}"
        );
    }

    #[test]
    fn only_what_the_contract_keeps_no_state_of_is_marked_as_one_voice() {
        let log = LogRef {
            block: BlockRef {
                number: 4,
                hash: Root([4; 32]),
            },
            transaction: Root([5; 32]),
            index: 0,
        };
        let pool = PoolId(1);
        let says = |input: Input| match told_by_one(&"node:8545".into(), &input) {
            Some(Input::Remark { text, .. }) => Some(text.to_string()),
            _ => None,
        };
        let requested = |kind| Input::Requested {
            kind,
            pool,
            log,
            leaving: None,
        };
        assert_eq!(says(requested(RequestKind::Deposit)), None);
        let words = says(requested(RequestKind::Reshare)).unwrap();
        assert!(words.contains("told by one voice, node:8545"), "{words}");
        let what = Fulfilment::Exited;
        let words = says(Input::Fulfilled { what, pool, log }).unwrap();
        assert!(words.starts_with("the end of this exit"), "{words}");
    }

    #[test]
    fn an_activation_that_is_asked_for_stands_in_the_file_of_the_deposit_and_opens_nothing() {
        let at = LogRef {
            block: BlockRef {
                number: 4,
                hash: Root([4; 32]),
            },
            transaction: Root([5; 32]),
            index: 0,
        };
        let event = ObservedEvent::Manager(PoolEvent {
            kind: PoolEventKind::ActivationRequested,
            pool: PoolId(3),
            leaving: None,
        });
        let asked = LocatedEvent { at, event };
        let told = input(ChainEvent::Added(asked.clone()));
        let Some(Input::Remark { kind, pool, text }) = told else {
            panic!("{told:?}")
        };
        assert_eq!((kind, pool), (RequestKind::Deposit, PoolId(3)));
        assert!(text.as_str().contains("in block 4"), "{text}");
        assert_eq!(input(ChainEvent::Removed(asked)), None);
    }
}
