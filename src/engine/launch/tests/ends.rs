//! The engine's loop in the hands of a test: a journal that cannot be written, effects that die or never answer, an end
//! while something is under way, and the start behind it.

use std::sync::Mutex;
use std::time::Duration;

use alloy::primitives::U256;
use tokio::sync::oneshot;

use super::crowd::{keygen, two_at_once};
use super::*;
use crate::engine::Identity;
use crate::oracle::{
    AccountFacts, CeremonyPayload, ChainFacts, Family, Payload, Prepared, Proposal, Purpose,
};
use crate::types::{NonceStatus, RequestId};
use crate::view::{Refused, Request, Scope};

/// Only a loop that hangs for ever takes so long.
const TIMEOUT: Duration = crate::TIMEOUT;
const POOL: PoolId = PoolId(7);

/// An effect that was begun, and the way to end it. Without an answer it never ends.
struct Begun {
    effect: Effect,
    answer: oneshot::Sender<Option<Input>>,
}

impl Begun {
    fn answers(self, input: Input) {
        self.answer.send(Some(input)).unwrap();
    }

    fn dies(self) {
        self.answer.send(None).unwrap();
    }

    /// The desk has everything ready.
    fn has_all_ready(self) {
        let Effect::Prepare {
            case, purpose, draft, ..
        } = &self.effect
        else {
            panic!("{:?}", self.effect)
        };
        let input = Input::Prepared {
            case: *case,
            purpose: *purpose,
            outcome: Prepared::Proposal(Box::new(Proposal {
                kind: draft.kind(),
                title: SafeText::new("make a key"),
                facts: Vec::new(),
                checks: Vec::new(),
                payload: Payload::Ceremony(CeremonyPayload {
                    plan: keygen(),
                    backend: BackendName::default(),
                    parties: None,
                }),
            })),
        };
        self.answers(input);
    }
}

/// Gives every effect to the test.
struct Hands {
    begun: mpsc::UnboundedSender<Begun>,
    ever: Mutex<Vec<Effect>>,
}

impl World for Hands {
    fn perform(self: Arc<Self>, effect: Effect) -> EffectFuture {
        self.ever.lock().unwrap().push(effect.clone());
        let (answer, answered) = oneshot::channel();
        self.begun.send(Begun { effect, answer }).unwrap();
        Box::pin(async move {
            match answered.await {
                Ok(Some(input)) => input,
                Ok(None) => panic!("as the test says"),
                Err(_) => std::future::pending().await,
            }
        })
    }
}

/// A running engine, with everything that it begins in hand.
struct Run {
    handle: EngineHandle,
    stopped: JoinHandle<Result<(), EngineError>>,
    feeds: mpsc::Sender<Incoming>,
    world: Arc<Hands>,
    begun: mpsc::UnboundedReceiver<Begun>,
    /// Not asked for yet.
    aside: Vec<Begun>,
}

impl Run {
    /// On this journal, in mode auto, with everything read and the deposits of these pools asked for.
    async fn start(options: &JournalOptions, pools: &[PoolId]) -> Self {
        let opened = open(two_at_once(), options).unwrap();
        let signer =
            opened
                .state
                .sendings
                .keys()
                .find_map(|id| match &opened.state.actions[id].proposal.payload {
                    Payload::Transaction(transaction) => Some(transaction.from),
                    _ => None,
                });
        let (sender, begun) = mpsc::unbounded_channel();
        let world = Arc::new(Hands {
            begun: sender,
            ever: Mutex::default(),
        });
        let (handle, stopped, feeds) = launch_in(opened, Arc::clone(&world));
        // the head waits for what nobody does here
        let ready = [1_000, 1, 2, 7, 8].map(PoolId);
        let facts = ChainFacts {
            head: Some(block(100)),
            ready: ready.to_vec(),
            // only what this account signed is sent from here
            account: signer.map(|address| AccountFacts {
                address,
                next: 0,
                pending: 0,
                balance_wei: U256::ZERO,
                is_open: false,
            }),
            ..ChainFacts::default()
        };
        let asked = pools.iter().map(|pool| Input::Requested {
            kind: RequestKind::Deposit,
            pool: *pool,
            leaving: None,
            log: LogRef {
                block: block(95),
                transaction: Root([1; 32]),
                index: u64::from(pool.0),
            },
        });
        let finalized = Some(block(90));
        let told_all = [Input::CaughtUp { finalized }, Input::Facts(Box::new(facts))];
        feeds.send(Incoming::Live(told(block(100)))).await.unwrap();
        for input in told_all.into_iter().chain(asked) {
            feeds.send(Incoming::Input(input)).await.unwrap();
        }
        Self {
            handle,
            stopped,
            feeds,
            world,
            begun,
            aside: Vec::new(),
        }
    }

    /// The next effect of this kind, once it begins; others stay under way.
    async fn next(&mut self, wanted: impl Fn(&Effect) -> bool) -> Begun {
        if let Some(at) = self.aside.iter().position(|b| wanted(&b.effect)) {
            return self.aside.remove(at);
        }
        loop {
            let begun = tokio::time::timeout(TIMEOUT, self.begun.recv()).await;
            let begun = begun.expect("nothing of this kind begins").unwrap();
            if wanted(&begun.effect) {
                return begun;
            }
            self.aside.push(begun);
        }
    }

    /// The desk is asked to look at the key generation of this pool for the last time before it begins.
    async fn before_the_ceremony(&mut self, pool: PoolId) -> Begun {
        let first = move |e: &Effect| prepares(e, pool, |p| p == Purpose::Propose);
        self.next(first).await.has_all_ready();
        self.next(move |e| prepares(e, pool, |p| matches!(p, Purpose::Send(_))))
            .await
    }

    /// The desk has everything ready whenever it is asked for this pool, until its ceremony runs.
    async fn begins(&mut self, pool: PoolId) -> Begun {
        loop {
            let of_pool = |e: &Effect| runs(e) && e.case().pool == pool;
            let next = self.next(|e| prepares(e, pool, |_| true) || of_pool(e)).await;
            if runs(&next.effect) {
                return next;
            }
            next.has_all_ready();
        }
    }

    async fn sees(&mut self, picture: impl Fn(&view::Snapshot) -> bool) {
        let seen = self.handle.snapshots.wait_for(|s| picture(s));
        let seen = tokio::time::timeout(TIMEOUT, seen).await;
        drop(seen.expect("not seen").unwrap());
    }

    async fn cannot_write(&mut self) {
        self.sees(|s| s.journal.unwritable.is_some()).await;
    }

    /// Asks for the end, waits for it, and gives what was said.
    async fn end(self) -> String {
        let answer = self.handle.try_shutdown().unwrap();
        self.ended(answer).await
    }

    async fn ended(self, answer: oneshot::Receiver<crate::view::Reply>) -> String {
        let answer = tokio::time::timeout(TIMEOUT, answer).await;
        let answer = answer.expect("it does not end").unwrap().unwrap();
        self.stopped.await.unwrap().unwrap();
        drop(self.feeds);
        answer.message.to_string()
    }

    fn ceremonies(&self) -> Vec<(RequestId, bool)> {
        let ever = self.world.ever.lock().unwrap();
        let ceremonies = ever.iter().filter_map(|effect| match effect {
            Effect::RunCeremony { request, start, .. } => Some((*request, *start)),
            _ => None,
        });
        ceremonies.collect()
    }
}

fn prepares(effect: &Effect, wanted: PoolId, of: impl Fn(Purpose) -> bool) -> bool {
    matches!(effect, Effect::Prepare { pool, purpose, draft, .. }
        if *pool == wanted && of(*purpose) && draft.kind().family() == Family::Ceremony)
}

fn runs(effect: &Effect) -> bool {
    matches!(effect, Effect::RunCeremony { .. })
}

/// A directory and a journal in it that is not there yet.
fn fresh() -> (tempfile::TempDir, JournalOptions) {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    (directory, options)
}

/// From now on no record can be written, whoever writes.
fn refuse(options: &JournalOptions) {
    sql(
        options,
        "CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'no room'); END",
    );
}

fn allow(options: &JournalOptions) {
    sql(options, "DROP TRIGGER full");
}

fn sql(options: &JournalOptions, text: &str) {
    Connection::open(&options.path)
        .unwrap()
        .execute_batch(text)
        .unwrap();
}

/// The chain of the journal verifies, whoever keeps it from being written; the kinds of its records.
fn kinds(options: &JournalOptions) -> Vec<String> {
    let mut kinds = Vec::new();
    let take = |entry: &Entry| {
        kinds.push(entry.kind.clone());
        Ok::<_, JournalError>(())
    };
    let journal = Archive::open(&options.path).unwrap();
    journal.walk_until(Anchor::BEGINNING, u64::MAX, take).unwrap();
    kinds
}

fn count(options: &JournalOptions, kind: &str) -> usize {
    kinds(options).iter().filter(|known| *known == kind).count()
}

const ALL_IS_THERE: &str = "stopped; everything that was begun is in the journal";

/// The next start begins the ceremony of [`POOL`], which is not in the journal, and begins it once.
async fn the_next_start_begins_it(options: &JournalOptions) {
    assert_eq!(count(options, "ceremony-started"), 0);
    let mut run = Run::start(options, &[POOL]).await;
    run.begins(POOL).await;
    assert!(
        matches!(run.ceremonies()[..], [(_, true)]),
        "{:?}",
        run.ceremonies()
    );
    assert_eq!(run.end().await, ALL_IS_THERE);
    assert_eq!(count(options, "ceremony-started"), 1);
}

#[tokio::test]
async fn while_nothing_can_be_written_nothing_begins_and_then_it_goes_on_by_itself() {
    let (_directory, options) = fresh();
    let mut run = Run::start(&options, &[POOL]).await;
    let last_look = run.before_the_ceremony(POOL).await;
    refuse(&options);
    last_look.has_all_ready();
    run.cannot_write().await;
    let seat = run.handle.seat(Identity::new("ada"));
    let refused = seat.request(Request::Pause { scope: Scope::All }).await;
    assert!(matches!(refused, Err(Refused::Unavailable(_))), "{refused:?}");
    assert_eq!(
        (count(&options, "ceremony-started"), run.ceremonies()),
        (0, vec![])
    );
    allow(&options);
    run.next(runs).await;
    run.sees(|s| s.journal.unwritable.is_none()).await;
    let [(request, true)] = run.ceremonies()[..] else {
        panic!("{:?}", run.ceremonies())
    };
    assert_eq!(
        count(&options, "paused"),
        0,
        "what was refused was not made up for"
    );
    assert_eq!(run.end().await, ALL_IS_THERE);
    assert_eq!(count(&options, "ceremony-started"), 1);

    // it may have gone on without this machine: looked for, never begun again
    let mut run = Run::start(&options, &[]).await;
    run.next(runs).await;
    assert_eq!(run.ceremonies(), [(request, false)]);
    run.end().await;
}

/// Nobody could stop it any more while nothing is taken up, and it would leave as soon as there is room.
#[tokio::test]
async fn what_a_person_asks_for_and_cannot_be_written_is_not_done_later() {
    let (_directory, options) = fresh();
    let mut run = Run::start(&options, &[POOL]).await;
    run.before_the_ceremony(POOL).await;
    refuse(&options);
    let seat = run.handle.seat(Identity::new("ada"));
    let refused = seat.request(Request::Pause { scope: Scope::All }).await;
    assert!(matches!(refused, Err(Refused::Unavailable(_))), "{refused:?}");
    run.cannot_write().await;
    allow(&options);
    run.sees(|s| s.journal.unwritable.is_none()).await;
    assert!(run.handle.snapshots.borrow().paused.is_none());
    // the next one counts
    seat.request(Request::Pause { scope: Scope::All }).await.unwrap();
    run.sees(|s| s.paused.is_some()).await;
    assert_eq!(run.end().await, ALL_IS_THERE);
    assert_eq!(count(&options, "paused"), 1);
}

#[tokio::test]
async fn an_end_with_a_journal_that_stays_unwritable_says_what_is_not_in_it_and_the_next_start_goes_on() {
    let (_directory, options) = fresh();
    let mut run = Run::start(&options, &[POOL]).await;
    let propose = move |e: &Effect| prepares(e, POOL, |_| true);
    let asked = run.next(propose).await;
    let before = kinds(&options);
    refuse(&options);
    asked.has_all_ready();
    run.cannot_write().await;
    let words = run.end().await;
    let file = std::fs::canonicalize(&options.path).unwrap();
    let newest = before.len();
    for part in [
        format!("stopped, but the journal {} cannot be written", file.display()),
        "has the trigger full".to_owned(),
        format!("2 records (action-proposed of deposit/{POOL}, decided of deposit/{POOL})"),
        format!("The next start goes on behind record {newest}"),
    ] {
        assert!(words.contains(&part), "«{part}» is not in: {words}");
    }
    assert_eq!(kinds(&options), before);
    allow(&options);
    the_next_start_begins_it(&options).await;
}

#[tokio::test]
async fn what_could_not_be_written_is_written_at_the_end_if_there_is_room_again() {
    let (_directory, options) = fresh();
    let mut run = Run::start(&options, &[POOL]).await;
    let propose = move |e: &Effect| prepares(e, POOL, |_| true);
    let asked = run.next(propose).await;
    refuse(&options);
    asked.has_all_ready();
    run.cannot_write().await;
    let answer = run.handle.try_shutdown().unwrap();
    // the engine hears of it, tries, and waits for its last try
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    allow(&options);
    assert_eq!(run.ended(answer).await, ALL_IS_THERE);
    assert_eq!(kinds(&options).last().unwrap(), "decided");
    the_next_start_begins_it(&options).await;
}

#[tokio::test]
async fn a_ceremony_that_could_not_be_written_is_not_written_as_begun_when_it_does_not_begin_any_more() {
    let (_directory, options) = fresh();
    let mut run = Run::start(&options, &[POOL]).await;
    let last_look = run.before_the_ceremony(POOL).await;
    refuse(&options);
    last_look.has_all_ready();
    run.cannot_write().await;
    let answer = run.handle.try_shutdown().unwrap();
    allow(&options);
    assert_eq!(run.ended(answer).await, ALL_IS_THERE);
    the_next_start_begins_it(&options).await;
}

impl Run {
    /// On a journal with a transaction that was signed: it is looked for, not found, and sent.
    async fn sending() -> (tempfile::TempDir, JournalOptions, Self, Begun) {
        let (directory, _) = earlier("format-1/signed.sqlite");
        let options = options(directory.path());
        let mut run = Self::start(&options, &[POOL]).await;
        let sending = run.sends().await;
        (directory, options, run, sending)
    }

    async fn sends(&mut self) -> Begun {
        let inspected = self.next(|e| matches!(e, Effect::Inspect { .. })).await;
        let Effect::Inspect { action, .. } = inspected.effect else {
            unreachable!()
        };
        let status = Some(NonceStatus::Missing);
        inspected.answers(Input::Inspected { action, status });
        self.next(|e| matches!(e, Effect::Send { .. })).await
    }

    fn raw(begun: &Begun) -> (crate::types::ActionId, crate::types::SignedTransaction) {
        let Effect::Send { action, transaction } = &begun.effect else {
            panic!("{:?}", begun.effect)
        };
        (*action, transaction.clone())
    }
}

#[tokio::test]
async fn what_the_desk_answers_while_the_engine_ends_begins_no_ceremony() {
    let (_directory, options, mut run, sending) = Run::sending().await;
    let began = count(&options, "ceremony-started");
    let last_look = run.before_the_ceremony(POOL).await;
    let answer = run.handle.try_shutdown().unwrap();
    last_look.has_all_ready();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let (action, _) = Run::raw(&sending);
    let outcome = Ok(());
    sending.answers(Input::Sent { action, outcome });
    assert_eq!(run.ended(answer).await, ALL_IS_THERE);
    assert_eq!(
        count(&options, "transaction-accepted"),
        1,
        "what had left is waited for"
    );
    assert_eq!(count(&options, "ceremony-started"), began);

    let mut run = Run::start(&options, &[]).await;
    let begun = run.begins(POOL).await;
    assert!(matches!(begun.effect, Effect::RunCeremony { start: true, .. }));
    run.end().await;
    assert_eq!(count(&options, "ceremony-started"), began + 1);
}

/// Whoever looks while it finishes sees that it stops, and whoever asks is told that nothing was taken.
#[tokio::test]
async fn an_engine_that_stops_says_so_while_it_does() {
    let (_directory, _options, mut run, _sends) = Run::sending().await;
    let seat = run.handle.seat(Identity::new("ada"));
    // they stand in this order
    let ended = run.handle.try_shutdown().unwrap();
    let refused = seat.try_request(Request::Pause { scope: Scope::All }).unwrap();
    let again = run.handle.try_shutdown().unwrap();
    run.sees(|snapshot| snapshot.stopping.is_some()).await;
    let refused = refused.await;
    assert!(
        matches!(&refused, Err(Refused::Unavailable(why)) if why.as_str().contains("is stopping")),
        "{refused:?}"
    );
    let words = run.ended(ended).await;
    assert_eq!(again.await.unwrap().unwrap().message.as_str(), words);
}

#[tokio::test]
async fn a_sending_that_never_answers_is_cut_off_and_the_next_start_sends_the_same_bytes() {
    let (_directory, options, run, sending) = Run::sending().await;
    let (action, bytes) = Run::raw(&sending);
    let words = run.end().await;
    let cut_off = format!("the sending for {}, and the next start finds out", action.case);
    assert!(
        words.starts_with(ALL_IS_THERE) && words.contains(&cut_off),
        "{words}"
    );
    drop(sending);
    let signed = count(&options, "transaction-signed");

    let mut run = Run::start(&options, &[]).await;
    let again = run.sends().await;
    assert_eq!(Run::raw(&again), (action, bytes));
    assert_eq!(count(&options, "transaction-signed"), signed);
    let outcome = Ok(());
    again.answers(Input::Sent { action, outcome });
    run.end().await;
    assert_eq!(count(&options, "transaction-accepted"), 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_at_the_end_is_named_and_found_out_again() {
    let (_directory, options, run, sending) = Run::sending().await;
    let (action, bytes) = Run::raw(&sending);
    refuse(&options);
    let answer = run.handle.try_shutdown().unwrap();
    let outcome = Ok(());
    sending.answers(Input::Sent { action, outcome });
    let words = run.ended(answer).await;
    let lost = format!("transaction-accepted of {}", action.case);
    assert!(words.contains("stopped, but") && words.contains(&lost), "{words}");
    allow(&options);
    assert_eq!(count(&options, "transaction-accepted"), 0);
    let mut run = Run::start(&options, &[]).await;
    assert_eq!(Run::raw(&run.sends().await), (action, bytes));
    run.end().await;
}

#[tokio::test]
async fn effects_that_die_cost_their_case_some_time_and_nothing_is_begun_twice() {
    let (_directory, options) = fresh();
    let other = PoolId(8);
    let mut run = Run::start(&options, &[POOL, other]).await;
    let dies = run.next(move |e| prepares(e, POOL, |_| true)).await;
    dies.dies();
    run.before_the_ceremony(other).await.has_all_ready();
    run.next(runs).await.dies();
    // its outcome is open: it is looked for
    let looks = run
        .next(|e| matches!(e, Effect::RunCeremony { start: false, .. }))
        .await;
    let [(begun, true), (looked_for, false)] = run.ceremonies()[..] else {
        panic!("{:?}", run.ceremonies())
    };
    assert_eq!(begun, looked_for);
    drop(looks);
    assert_eq!(run.end().await, ALL_IS_THERE);
    assert_eq!(
        (count(&options, "note"), count(&options, "ceremony-unknown")),
        (2, 1),
        "each death is said in the file of its case"
    );
    let mut run = Run::start(&options, &[]).await;
    run.next(runs).await;
    assert_eq!(run.ceremonies(), [(begun, false)]);
    run.end().await;
}

#[tokio::test]
async fn a_journal_that_is_moved_away_from_an_idle_engine_is_noticed_and_nothing_is_taken_up_until_it_is_back()
 {
    let (_directory, options) = fresh();
    let mut run = Run::start(&options, &[]).await;
    run.sees(|s| s.journal.records > 0).await;
    let files = |suffix: &str| {
        let (file, away) = (options.path.display(), options.path.with_extension("away"));
        let away = away.display();
        (format!("{file}{suffix}"), format!("{away}{suffix}"))
    };
    let all = ["", "-wal", "-shm"].map(files);
    for (file, away) in &all {
        std::fs::rename(file, away).unwrap();
    }
    run.cannot_write().await;
    let why = run.handle.snapshots.borrow().journal.unwritable.clone().unwrap();
    assert!(
        why.as_str().contains("moved away while this process writes it"),
        "{why}"
    );
    assert!(why.as_str().contains("casimir-dkg journal restore "), "{why}");
    let seat = run.handle.seat(Identity::new("ada"));
    let pause = || seat.request(Request::Pause { scope: Scope::All });
    let refused = pause().await;
    assert!(matches!(refused, Err(Refused::Unavailable(_))), "{refused:?}");
    for (file, away) in &all {
        std::fs::rename(away, file).unwrap();
    }
    run.sees(|s| s.journal.unwritable.is_none()).await;
    pause().await.unwrap();
    assert_eq!(run.end().await, ALL_IS_THERE);
    assert_eq!(count(&options, "paused"), 1);
}
