//! The line-oriented front end, for screen readers and terminals that cannot be drawn on: it prints lines and reads
//! lines, and decides all that the console can. It has no past, charts, audit page, saved screen or pages of several actions. Like the console it knows snapshots, requests and nothing else of the
//! engine; nothing is printed twice, nothing is erased, no line is for the eye alone.

mod command;
mod lists;
mod show;
mod typed;

use std::collections::HashMap;
use std::time::Duration;

use casimir_dkg::engine::{EngineHandle, Identity, Seat};
use casimir_dkg::types::{ActionId, CaseId, PoolId, Root, UnixMillis, in_words};
use casimir_dkg::view::{
    ActionView, ListKind, Listing, Mode, Page, Query, Request, RowId, Rows, Scope, Snapshot, TransactionView,
    Transition,
};
use tokio::sync::broadcast::error::RecvError;

use crate::headless::{Signal, Signals};
use crate::log;
use crate::output::line;
use crate::summary;
use command::Command;

/// How long the engine may take to stop.
const STOP: Duration = Duration::from_secs(15);
/// How long what is named may take to be in a snapshot.
const MOMENT: Duration = Duration::from_millis(500);
const NO_SUCH: &str = "there is no such action; `waiting` lists what waits, by number and name";
/// So many rows of what is over are printed at a time.
const OLDER: usize = 20;

/// Something beside the engine that takes lines, such as a show's director.
pub(crate) trait Beside {
    /// What it is called by: the word before a line that is for it.
    fn word(&self) -> &'static str;
    /// Takes a line; says what came of it.
    async fn take(&self, line: &str) -> String;
}

/// Nothing beside the engine.
pub(crate) struct Nothing;

impl Beside for Nothing {
    fn word(&self) -> &'static str {
        ""
    }

    async fn take(&self, _: &str) -> String {
        String::new()
    }
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// The user left, or a signal came.
    Quit,
    /// The engine stopped though nobody asked.
    EngineGone,
    /// A second signal.
    Forced,
}

/// Whether what was typed names this digest: its code, or enough of its hex digits.
fn names(typed: &str, digest: Root) -> bool {
    let (typed, whole) = (typed.to_ascii_lowercase(), digest.to_string());
    let begins = |digits: String| whole.trim_start_matches("0x").starts_with(&digits);
    typed == digest.code().to_string() || summary::beginning(&typed).is_some_and(begins)
}

struct Plain<'a, B> {
    seat: Seat,
    /// Whoever sits here, as the journal names them.
    you: String,
    beside: &'a B,
    follow: bool,
    /// The action that was printed last, as it was then.
    opened: Option<Box<ActionView>>,
    /// The last row of each list that `older` printed.
    seen: HashMap<ListKind, RowId>,
    /// The pause of the engine's own, by its beginning, of which it was said why.
    told_why: Option<UnixMillis>,
    /// What would be left was said: leaving again leaves.
    told_left: bool,
    /// The engine does not answer, and that was said.
    is_silent: bool,
}

/// Where nothing happens, the engine's pulse is felt this often.
const LISTENS: Duration = Duration::from_secs(5);

/// Runs until the user leaves, a signal comes, or the engine ends. `stops`: leaving stops the engine.
pub(crate) async fn run(
    handle: EngineHandle,
    identity: Identity,
    beside: &impl Beside,
    signals: &mut Signals,
    stops: bool,
) -> Left {
    let mut plain = Plain {
        you: identity.name().to_string(),
        seat: handle.seat(identity),
        beside,
        follow: true,
        opened: None,
        seen: HashMap::new(),
        told_why: None,
        told_left: false,
        is_silent: false,
    };
    plain.greet(stops);
    let mut lines = typed::lines();
    let left = loop {
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Signal::Reload => {}
                Signal::Stop | Signal::Hangup => break Left::Quit,
            },
            happened = plain.seat.transitions.recv() => match happened {
                Ok(transition) => plain.happened(&transition),
                Err(RecvError::Lagged(missed)) => line(&format!("{missed} lines skipped; the journal has them")),
                Err(RecvError::Closed) => break Left::EngineGone,
            },
            () = tokio::time::sleep(LISTENS) => plain.listens(handle.pulse.silent(UnixMillis::now())),
            typed = lines.recv() => match typed {
                Some(Ok(typed)) => if plain.typed(&typed, stops).await { break Left::Quit },
                Some(Err(refused)) => line(&refused),
                None => break Left::Quit,
            },
        }
    };
    if left != Left::Quit || !stops {
        return left;
    }
    left_behind(&plain.snapshot()).iter().for_each(|text| line(text));
    line("stopping; ctrl-c stops at once");
    tokio::select! {
        _ = tokio::time::timeout(STOP, handle.shutdown()) => Left::Quit,
        _ = signals.next() => Left::Forced,
    }
}

impl<B: Beside> Plain<'_, B> {
    fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        self.seat.snapshots.borrow().clone()
    }

    /// Says when the engine does not answer any more, and when it does again.
    fn listens(&mut self, silent: Option<Duration>) {
        if silent.is_some() == self.is_silent {
            return;
        }
        self.is_silent = silent.is_some();
        line(&match silent {
            Some(silent) => {
                let silent = in_words(silent);
                format!(
                    "the engine has not answered for {silent}: what stands above is from before, and what is asked waits"
                )
            }
            None => "the engine answers again".to_owned(),
        });
    }

    fn greet(&self, stops: bool) {
        let snapshot = self.snapshot();
        line(&format!(
            "casimir-dkg {}, {}, chain {}, mode {}. Type help for what can be typed.",
            snapshot.version, snapshot.network.name, snapshot.network.chain_id, snapshot.mode
        ));
        for simulated in &snapshot.network.simulated {
            line(&format!("simulated: {simulated}"));
        }
        line(match stops {
            true => "Leaving (quit) stops the engine.",
            false => "Leaving (quit) leaves the engine running.",
        });
        show::waiting(&snapshot, &self.you);
    }

    fn happened(&self, transition: &Transition) {
        if self.follow {
            show::transition(transition);
        }
    }

    /// Does what was typed. `true`: leave.
    async fn typed(&mut self, typed: &str, stops: bool) -> bool {
        let beside = self.beside.word();
        if !beside.is_empty()
            && let Some(rest) = typed.trim().strip_prefix(beside)
            && (rest.is_empty() || rest.starts_with(' '))
        {
            line(&self.beside.take(rest.trim()).await);
            return false;
        }
        match typed.parse::<Command>() {
            Ok(Command::Quit) => return self.may_quit(stops),
            Ok(command) => {
                self.told_left = false;
                self.perform(command).await;
            }
            Err(why) if typed.trim().is_empty() => drop(why),
            Err(why) => line(&why),
        }
        false
    }

    /// Whether to leave now: what would be left waiting or cut off is said first, and leaving typed again.
    fn may_quit(&mut self, stops: bool) -> bool {
        let said = before_quit(&self.snapshot());
        if !stops || said.is_empty() || std::mem::replace(&mut self.told_left, true) {
            return true;
        }
        said.iter().for_each(|text| line(text));
        false
    }

    /// Why the engine paused, where it did and that was not said yet: who resumes has to know it.
    fn why_not_yet(&mut self, snapshot: &Snapshot, command: &Command) -> Option<Vec<String>> {
        let pause = snapshot.paused.as_ref()?;
        let mut why = snapshot.why_paused();
        let ends = *command == Command::Resume(None) && !why.is_empty();
        if !ends || self.told_why.replace(pause.since) == Some(pause.since) {
            return None;
        }
        why.push("To resume all the same, type resume again.".to_owned());
        Some(why)
    }

    async fn perform(&mut self, command: Command) {
        let snapshot = self.snapshot();
        if let Some(why) = self.why_not_yet(&snapshot, &command) {
            return why.iter().for_each(|text| line(text));
        }
        match self.request(&snapshot, &command) {
            Some(Ok(request)) => self.ask(request).await,
            Some(Err(why)) => line(&why),
            None => self.look(&snapshot, command).await,
        }
    }

    /// What a command asks of the engine, or why it does not. None: it only looks.
    fn request(&self, snapshot: &Snapshot, command: &Command) -> Option<Result<Request, String>> {
        Some(match command {
            Command::Approve { code, phrase } => self.approval(snapshot, code, phrase.clone()),
            Command::Reject(reason) => self.opened(snapshot).map(|action| Request::Reject {
                action: action.id,
                digest: action.digest,
                reason: reason.as_str().into(),
            }),
            Command::Committee(committee) => self.opened(snapshot).map(|action| Request::SetCommittee {
                action: action.id,
                committee: committee.clone(),
            }),
            Command::Undo(action) => undo(snapshot, *action),
            Command::Pause(case) => Ok(Request::Pause { scope: scope(*case) }),
            Command::Resume(case) => Ok(Request::Resume { scope: scope(*case) }),
            Command::Exit { pool, phrase } => exit(snapshot.mode, *pool, phrase.as_deref()),
            Command::Ask(request) => Ok(request.clone()),
            _ => return None,
        })
    }

    /// Prints what a command wants to see.
    async fn look(&mut self, snapshot: &Snapshot, command: Command) {
        match command {
            Command::Help => command::help(self.beside.word()),
            Command::Status => show::status(snapshot, &self.you, UnixMillis::now()),
            Command::Waiting => show::waiting(snapshot, &self.you),
            Command::Cases => lists::cases(snapshot),
            Command::Case(id) => self.case(snapshot, id).await,
            Command::Ceremonies => lists::ceremonies(snapshot),
            Command::Transactions => lists::transactions(snapshot),
            Command::Exits => lists::exits(snapshot),
            Command::Validators => lists::validators(snapshot),
            Command::Older(kind) => self.older(snapshot, kind).await,
            Command::Logs { level, lines } => show::logs(&log::since(0).0, level, lines),
            Command::Mode => show::mode(snapshot),
            Command::Open(named) => self.open(&named).await,
            Command::Raw(named) => self.raw(&named).await,
            Command::Follow(on) => {
                self.follow = on;
                line(if on { "following" } else { "not following" });
            }
            // the rest was asked of the engine
            _ => {}
        }
    }

    async fn ask(&self, request: Request) {
        match self.seat.request(request).await {
            Ok(accepted) => line(accepted.message.as_str()),
            Err(refused) => line(&refused.in_full()),
        }
    }

    /// A case, also one that is listed no more.
    async fn case(&self, snapshot: &Snapshot, id: CaseId) {
        if let Some(case) = snapshot.case(id) {
            return lists::case(case);
        }
        let row = RowId::Case(id);
        match self.seat.read(Query::One { row }).await {
            Ok(Listing {
                rows: Rows::Cases(cases),
                ..
            }) if !cases.is_empty() => cases.iter().for_each(lists::case),
            Ok(_) => line(&format!("there is no case {id}")),
            Err(refused) => line(&format!("{id} could not be read: {refused}")),
        }
    }

    /// The next page of what is over and listed no more; after the last it begins anew.
    async fn older(&mut self, snapshot: &Snapshot, kind: ListKind) {
        let seen = self.seen.get(&kind).copied();
        let before = seen.or_else(|| lists::last(snapshot, kind));
        let page = Page {
            kind,
            before,
            limit: OLDER,
        };
        match self.seat.read(Query::Page(page)).await {
            Ok(listing) => match lists::rows(&listing.rows) {
                Some(last) => {
                    self.seen.insert(kind, last);
                }
                None => {
                    self.seen.remove(&kind);
                    line("There is nothing older.");
                }
            },
            Err(refused) => line(&format!("refused: {refused}")),
        }
    }

    /// What was named. A line tells of it a moment before the snapshot has it; what is listed no more is read.
    async fn named(&mut self, named: &str) -> Option<ActionView> {
        let find = |snapshot: &Snapshot| match named.parse::<usize>() {
            Ok(nth) => snapshot.for_a_person().nth(nth.checked_sub(1)?).cloned(),
            Err(_) if named.is_empty() => snapshot.for_a_person().next().cloned(),
            Err(_) => snapshot.action(named.parse().ok()?).cloned(),
        };
        let there = self.seat.snapshots.wait_for(|snapshot| find(snapshot).is_some());
        if let Ok(Ok(snapshot)) = tokio::time::timeout(MOMENT, there).await {
            return find(&snapshot);
        }
        let row = RowId::Action(named.parse().ok()?);
        match self.seat.read(Query::One { row }).await.ok()?.rows {
            Rows::Actions(actions) => actions.into_iter().next(),
            _ => None,
        }
    }

    /// Its transaction, once there is one.
    async fn sent(&self, action: &ActionView) -> Option<TransactionView> {
        let row = RowId::Transaction(action.id);
        if let Some(listed) = self.snapshot().transaction(action.id) {
            return Some(listed.clone());
        }
        if !summary::may_be_sent(action) {
            return None;
        }
        match self.seat.read(Query::One { row }).await.ok()?.rows {
            Rows::Transactions(transactions) => transactions.into_iter().next(),
            _ => None,
        }
    }

    async fn raw(&mut self, named: &str) {
        match self.named(named).await {
            Some(action) => show::raw(&action),
            None => line(NO_SUCH),
        }
    }

    /// Prints everything that an approval of it binds, and what to type.
    async fn open(&mut self, named: &str) {
        let Some(action) = self.named(named).await else {
            return line(NO_SUCH);
        };
        let sent = self.sent(&action).await;
        show::action(&action, sent.as_ref(), UnixMillis::now());
        to_type(&action, &self.you).iter().for_each(|text| line(text));
        self.opened = Some(Box::new(action));
    }

    /// What was opened, if it is still what it was.
    fn opened<'s>(&self, snapshot: &'s Snapshot) -> Result<&'s ActionView, String> {
        let action = as_opened(self.opened.as_deref(), snapshot)?;
        Ok(action.0)
    }

    fn approval(&self, snapshot: &Snapshot, typed: &str, phrase: Option<String>) -> Result<Request, String> {
        approval(self.opened.as_deref(), snapshot, typed, phrase)
    }
}

/// An approval of what was opened, where it says still what it said: its digest is that of what would leave, and a person
/// reads its checks and its committee as well.
fn approval(
    opened: Option<&ActionView>,
    snapshot: &Snapshot,
    typed: &str,
    phrase: Option<String>,
) -> Result<Request, String> {
    let (action, opened) = as_opened(opened, snapshot)?;
    if !opened.is_shown_as(action) {
        return Err(format!(
            "{} does not say what it said when it was opened: open it again",
            action.id
        ));
    }
    if !names(typed, action.digest) {
        return Err(format!(
            "{typed} is not the code of {}, which is {}",
            action.id,
            action.digest.code()
        ));
    }
    if snapshot.mode == Mode::Observe {
        return Err("mode observe decides nothing".to_owned());
    }
    action.can_approve.check().map_err(ToString::to_string)?;
    if let Some(wanted) = &action.phrase
        && phrase.as_deref() != Some(wanted.as_str())
    {
        return Err(format!("type the phrase behind the code: {wanted}"));
    }
    Ok(Request::Approve {
        action: action.id,
        digest: action.digest,
        phrase: phrase.filter(|_| action.phrase.is_some()),
    })
}

/// What can be decided on an action, and what to type for that.
fn to_type(action: &ActionView, you: &str) -> Vec<String> {
    const REJECT: &str = "To reject: reject REASON";
    let (id, standing) = (action.id, action.standing());
    if !action.is_proposed() {
        return vec![format!("{id} is {standing}: nothing to decide")];
    }
    let by_you = action.people.as_ref().filter(|people| people.is_approved_by(you));
    if let Some(people) = by_you.filter(|_| !action.takes_anew(you)) {
        let mut out = vec![format!(
            "you approved {id}, {people}: nothing to approve for you, it takes another person"
        )];
        out.extend(action.undo.map(|_| format!("To take it back: undo {id}")));
        out.push(REJECT.to_owned());
        return out;
    }
    if !action.takes_approval() {
        return vec![
            format!("{id} is {standing}: nothing to approve"),
            REJECT.to_owned(),
        ];
    }
    let code = action.digest.code();
    let approve = match &action.phrase {
        Some(phrase) => format!("This cannot be undone. To approve: approve {code} {phrase}"),
        None => format!("To approve: approve {code}"),
    };
    vec![approve, REJECT.to_owned()]
}

/// What was opened, as it is now and as it was printed, where the same would leave.
fn as_opened<'s, 'o>(
    opened: Option<&'o ActionView>,
    snapshot: &'s Snapshot,
) -> Result<(&'s ActionView, &'o ActionView), String> {
    let opened = opened.ok_or("open an action first: nobody decides what was not read")?;
    let id = opened.id;
    match snapshot.action(id) {
        Some(action) if action.digest == opened.digest => Ok((action, opened)),
        Some(_) => Err(format!("{id} changed since it was opened: open it again")),
        None => Err(format!("{id} is not there any more")),
    }
}

/// What nobody will decide while the engine is stopped, and what is cut off.
fn left_behind(snapshot: &Snapshot) -> Vec<String> {
    let waits = snapshot
        .for_a_person()
        .map(|action| format!("waits still: {}, {}", action.id, action.title));
    let work = snapshot.work_in_flight().into_iter();
    waits
        .chain(work.map(|work| format!("in flight: {work}")))
        .collect()
}

/// The question before leaving stops the engine; empty where nothing is left behind.
fn before_quit(snapshot: &Snapshot) -> Vec<String> {
    let mut said = left_behind(snapshot);
    if !said.is_empty() {
        said.push("This stops the engine. To stop it all the same, type quit again.".to_owned());
    }
    said
}

fn scope(case: Option<CaseId>) -> Scope {
    case.map_or(Scope::All, Scope::Case)
}

/// Takes back the approval that was named, or the one that was given last.
fn undo(snapshot: &Snapshot, named: Option<ActionId>) -> Result<Request, String> {
    let action = named.or_else(|| summary::approved_last(snapshot).map(|action| action.id));
    let action = action.ok_or(summary::NOTHING_TO_TAKE_BACK)?;
    Ok(Request::TakeBack { action })
}

/// Where a rule may let an exit be published without another question, the question is this one.
fn exit(mode: Mode, pool: PoolId, phrase: Option<&str>) -> Result<Request, String> {
    let wanted = summary::exit_phrase(pool);
    if mode == Mode::Auto && phrase != Some(wanted.as_str()) {
        return Err(format!(
            "a rule may let the exit of pool {pool} be published, which nobody can undo. To go on: exit {pool} {wanted}"
        ));
    }
    Ok(Request::RequestExit { pool })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_or_eleven_digits_name_their_digest_and_no_other_and_nothing_shorter_does() {
        let digest = Root([0x5f; 32]);
        let code = digest.code().to_string();
        assert!(names(&code, digest) && names(&code.to_uppercase(), digest));
        assert!(names("0x5F5f5f5f5f5", digest) && names(&digest.to_string(), digest));
        assert!(!names("0x5f5f5f5f5f", digest), "one digit less");
        assert!(!names(&code[..14], digest), "one word less");
        assert!(!names(&code, Root([0x5e; 32])) && !names("", digest));
    }

    #[test]
    fn an_approval_is_of_what_was_printed_with_its_checks_and_its_committee() {
        use casimir_dkg::types::{Check, OperatorId};
        use casimir_dkg::view::{Can, CommitteeView, WorseView};

        let committee = |down: &[u64]| CommitteeView {
            proposed: [1, 2, 3, 4].map(OperatorId).to_vec(),
            worse: (!down.is_empty()).then(|| WorseView {
                down: down.iter().copied().map(OperatorId).collect(),
                proven: vec![],
                instead: None,
            }),
            holders: vec![],
            sizes: vec![],
        };
        let mut opened = crate::fixture::action("deposit/3#2".parse().unwrap());
        opened.can_approve = Can::Yes;
        opened.checks = vec![Check::pass("balance", "1 ETH")];
        opened.committee = Some(committee(&[]));
        let mut failing = opened.clone();
        failing.checks = vec![Check::unknown("balance", "no answer")];
        let mut down = opened.clone();
        down.committee = Some(committee(&[3]));
        let code = opened.digest.code().to_string();
        let asks = |opened: &ActionView, now: &ActionView| {
            let mut snapshot = crate::fixture::unread();
            snapshot.mode = Mode::Supervised;
            snapshot.actions = vec![now.clone()];
            approval(Some(opened), &snapshot, &code, None)
        };
        assert!(asks(&opened, &opened).is_ok(), "{:?}", asks(&opened, &opened));
        for now in [&failing, &down] {
            let refused = asks(&opened, now).unwrap_err();
            assert!(
                refused.ends_with("when it was opened: open it again"),
                "{refused}"
            );
            assert!(asks(now, now).is_ok());
        }
        // who saw it worse has seen this
        assert!(asks(&down, &opened).is_ok());
    }

    #[test]
    fn what_is_refreshing_can_be_rejected_and_says_so() {
        let mut action = crate::fixture::action("deposit/3#2".parse().unwrap());
        assert!(to_type(&action, "carol")[0].starts_with("To approve: approve "));
        action.refreshing = Some(crate::fixture::refreshing());
        let said = to_type(&action, "carol");
        assert!(
            said[0].starts_with("To approve: approve "),
            "nothing is stale: {said:?}"
        );
        let warns: Vec<_> = action.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(
            warns,
            ["An approval of what is shown now takes the place of that by ada"]
        );
        action.can_approve = casimir_dkg::view::Can::no("approved by ada, refreshing its checks");
        let said = to_type(&action, "carol");
        assert!(
            said[0].ends_with("refreshing its checks: nothing to approve"),
            "{said:?}"
        );
        assert_eq!(said[1], "To reject: reject REASON");
        action.refreshing = None;
        action.state = casimir_dkg::view::ActionState::Done;
        assert_eq!(
            to_type(&action, "carol"),
            ["deposit/3#2 is done: nothing to decide"]
        );
    }

    #[test]
    fn undo_means_what_was_named_or_what_was_approved_last() {
        let mut snapshot = crate::fixture::unread();
        assert!(undo(&snapshot, None).unwrap_err().contains("undo window"));
        let action: ActionId = "deposit/3#2".parse().unwrap();
        assert_eq!(undo(&snapshot, Some(action)), Ok(Request::TakeBack { action }));
        let later: ActionId = "deposit/4#2".parse().unwrap();
        let approved = |id, at, until| {
            let mut approved = crate::fixture::action(id);
            approved.decision = Some(crate::fixture::approval(at));
            approved.undo = Some(casimir_dkg::view::UndoView {
                until: Some(UnixMillis(until)),
            });
            approved
        };
        snapshot.actions = vec![approved(later, 1_000, 9_000), approved(action, 2_000, 9_000)];
        assert_eq!(undo(&snapshot, None), Ok(Request::TakeBack { action }));
        // approved later still, while its checks were stale: what counts down is gone first
        let mut last = crate::fixture::action(later);
        last.undo = Some(casimir_dkg::view::UndoView { until: None });
        last.refreshing = Some(casimir_dkg::view::RefreshingView {
            at: UnixMillis(3_000),
            ..crate::fixture::refreshing()
        });
        snapshot.actions[0] = last;
        assert_eq!(undo(&snapshot, None), Ok(Request::TakeBack { action }));
        snapshot.actions.truncate(1);
        assert_eq!(undo(&snapshot, None), Ok(Request::TakeBack { action: later }));
    }

    #[test]
    fn leaving_asks_where_something_would_be_left_behind() {
        let mut snapshot = crate::fixture::unread();
        assert!(before_quit(&snapshot).is_empty());
        snapshot.actions = vec![crate::fixture::action("deposit/3#2".parse().unwrap())];
        let said = before_quit(&snapshot);
        assert!(said[0].starts_with("waits still: deposit/3#2, "), "{said:?}");
        assert!(said[1].ends_with("type quit again."), "{said:?}");
    }

    #[test]
    fn who_resumes_reads_why_the_engine_paused() {
        let mut snapshot = crate::fixture::unread();
        let paused = |by: &str| casimir_dkg::view::PauseView {
            by: by.into(),
            since: UnixMillis(7),
        };
        snapshot.paused = Some(paused("ada: not today"));
        assert!(snapshot.why_paused().is_empty(), "a person knows why");
        for (by, first) in [
            ("the engine: nonce 12 was used", "find out who holds the key"),
            ("the start: it was put back", "look at the journal"),
        ] {
            snapshot.paused = Some(paused(by));
            let said = snapshot.why_paused();
            let (who, why) = by.split_once(": ").unwrap();
            assert_eq!(said[0], format!("{who} paused it: {why}"));
            assert!(said[1].starts_with(&format!("First: {first}")), "{said:?}");
        }
    }

    #[test]
    fn an_exit_that_rules_may_publish_takes_a_phrase() {
        let pool = PoolId(3);
        let request = Ok(Request::RequestExit { pool });
        assert_eq!(exit(Mode::Supervised, pool, None), request);
        let refused = exit(Mode::Auto, pool, Some("yes")).unwrap_err();
        assert!(refused.ends_with("To go on: exit 3 exit pool 3"), "{refused}");
        assert_eq!(exit(Mode::Auto, pool, Some("exit pool 3")), request);
    }
}
