//! What a shell can ask of a running engine: `status`, `waiting`, `show`, `approve`, `reject`, `retry`, `pause`,
//! `resume`, `mode`, `adopt`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use casimir_dkg::attach::Attached;
use casimir_dkg::config::{self, ConfigErrors, LoadOptions, SeatConfig};
use casimir_dkg::engine::{Identity, Seat};
use casimir_dkg::journal;
use casimir_dkg::types::{ActionId, Root, SafeText};
use casimir_dkg::view::{
    ActionView, Listing, Query, Refused, Request, RowId, Rows, Scope, Snapshot, TransactionView, Wait,
};
use serde_json::{Value, json};

use super::export::Export;
use super::part::used;
use super::{person, runtime};
use crate::args::{ApproveArgs, ResumeArgs, SeatArgs, SeatCommand, ShowActionArgs};
use crate::exit::{Kind, Known, Outcome};
use crate::output;
use crate::seat::{self, Found, Places};
use crate::summary::{self, DIGITS};

mod mode;
mod payload;
pub(super) mod text;

pub(super) use payload::Bytes;

/// One engine, one question.
struct Asker {
    attached: Attached,
    json: bool,
}

impl Asker {
    fn snapshot(&self) -> Snapshot {
        (**self.attached.handle.snapshots.borrow()).clone()
    }

    fn seat(&self) -> Seat {
        // the engine knows who this is from the system
        self.attached
            .handle
            .seat(Identity::new(self.attached.seated.you.clone()))
    }

    async fn ask(&self, request: Request) -> anyhow::Result<Outcome> {
        match self.seat().request(request).await {
            Ok(accepted) => {
                if self.json {
                    output::json(&json!({ "accepted": accepted.message }));
                } else {
                    output::line(accepted.message.as_str());
                }
                Ok(Outcome::Success)
            }
            Err(lost @ Refused::NotKnown(_)) => Err(not_known(&lost).into()),
            Err(refused) => Err(refused).context("refused"),
        }
    }

    /// An action, also one that the snapshot lists no more.
    async fn find(&self, id: ActionId) -> anyhow::Result<ActionView> {
        if let Some(action) = self.attached.handle.snapshots.borrow().action(id) {
            return Ok(action.clone());
        }
        let row = RowId::Action(id);
        match self.seat().read(Query::One { row }).await {
            Ok(Listing {
                rows: Rows::Actions(actions),
                ..
            }) => actions.into_iter().next().with_context(|| {
                format!("the engine has no action {id}; `casimir-dkg waiting` lists what waits")
            }),
            Ok(_) => bail!("{id} could not be read: the engine told of something else"),
            Err(refused) => Err(refused).with_context(|| format!("{id} could not be read")),
        }
    }

    /// Its transaction, once there is one: also one that the snapshot lists no more.
    async fn sent(&self, action: &ActionView) -> anyhow::Result<Option<TransactionView>> {
        if let Some(listed) = self.attached.handle.snapshots.borrow().transaction(action.id) {
            return Ok(Some(listed.clone()));
        }
        if !summary::may_be_sent(action) {
            return Ok(None);
        }
        let row = RowId::Transaction(action.id);
        let read = self.seat().read(Query::One { row }).await;
        let read = read.with_context(|| format!("the transaction of {} could not be read", action.id))?;
        Ok(match read.rows {
            Rows::Transactions(transactions) => transactions.into_iter().next(),
            _ => None,
        })
    }

    /// The digest of an action as it is now, where what was given names it.
    async fn digest(&self, action: ActionId, given: &str) -> anyhow::Result<Root> {
        let now = self.find(action).await?.digest;
        if now.code().to_string() == given.trim() {
            return Ok(now);
        }
        let digits = summary::beginning(given);
        let whole = now.to_string();
        let whole = whole.trim_start_matches("0x");
        let Some(digits) = digits else {
            bail!(
                "--digest: expected at least {DIGITS} hex digits of the digest that `casimir-dkg show {action}` prints, or its whole code; \
                 another code is that of another action, or of what it was before"
            );
        };
        if !whole.starts_with(&digits) {
            bail!(
                "{action} is not what you were shown any more: its digest is {now}. Look again with `casimir-dkg show {action}`"
            );
        }
        Ok(now)
    }
}

/// No program may take it for a refusal, nor for an acceptance.
fn not_known(lost: &Refused) -> Known {
    let words = lost.in_full();
    Known::new(Kind::NotKnown, &words).with(json!({ "not_known": words }))
}

/// Where the engine may be: by the flag, or by the configuration, which is read only then.
pub(super) fn places(
    args: &SeatArgs,
    config: impl FnOnce() -> Result<SeatConfig, ConfigErrors>,
) -> Result<Places, ConfigErrors> {
    match &args.socket {
        Some(path) => Ok(Places {
            paths: vec![path.clone()],
            named: true,
        }),
        None => {
            let config = config().inspect_err(|_| {
                output::note(
                    "note: with --socket FILE, the socket of the engine, this needs no configuration",
                );
            })?;
            Ok(seat::places(&config))
        }
    }
}

fn listed(paths: &[PathBuf]) -> String {
    let list: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    list.join(", ")
}

/// The process that writes the configured journal, if one does: the lock tells, whatever became of the socket.
fn runs(args: &SeatArgs, options: &LoadOptions) -> Option<SafeText> {
    let config = match args.socket {
        Some(_) => return None,
        None => config::survey(options).ok()?.seat().ok()?,
    };
    journal::writer(&config.journal.path)
}

/// Asks an engine that must be there.
pub(crate) fn run(command: &SeatCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    let places = places(command.seat(), || {
        let layers = config::survey(options)?;
        used(layers.seat(), &layers)
    })?;
    runtime()?.block_on(async {
        let attached = match seat::find(&places).await? {
            Found::Engine(attached) => attached,
            Found::Nobody(unseen) => {
                let listed = listed(&places.paths);
                let words = match runs(command.seat(), options) {
                    Some(by) if journal::reads(&by) => format!(
                        "an engine starts here ({by}): it listens at {listed} once that is done. Ask again then"
                    ),
                    Some(by) => format!(
                        "an engine runs here ({by}), and nobody listens at {listed}{unseen}: it has only just begun, or its \
                         socket is gone. It makes the socket within seconds; where it does not, its log says why: end it \
                         in order (SIGTERM), and start it again"
                    ),
                    None => format!(
                        "no engine runs here: nobody listens at {listed}{unseen}. Start one with `casimir-dkg console` or \
                         `casimir-dkg headless`"
                    ),
                };
                return Err(Known::new(Kind::NoEngine, words).into());
            }
        };
        perform(command, &Asker { attached, json }).await
    })
}

async fn perform(command: &SeatCommand, asker: &Asker) -> anyhow::Result<Outcome> {
    let request = match command {
        SeatCommand::Status(_) => return Ok(status(asker)),
        SeatCommand::Waiting(_) => return Ok(waiting(asker)),
        SeatCommand::Show(args) => return show(asker, args).await,
        SeatCommand::Approve(args) => approval(asker, args).await?,
        SeatCommand::Reject(args) => {
            crate::person::judge_reason(&args.reason)?;
            Request::Reject {
                action: args.action,
                digest: asker.digest(args.action, &args.digest).await?,
                reason: args.reason.as_str().into(),
            }
        }
        SeatCommand::Undo(args) => Request::TakeBack { action: args.action },
        SeatCommand::Retry(args) => Request::Retry { case: args.case },
        SeatCommand::Pause(args) => Request::Pause { scope: args.scope() },
        SeatCommand::Resume(args) => resumption(asker, args)?,
        SeatCommand::Mode(args) => return mode::run(asker, args).await,
        SeatCommand::Adopt(args) => Request::Adopt {
            account: args.account,
        },
    };
    asker.ask(request).await
}

/// Who ends a pause of the engine's own reads first why it paused, and what to look at.
fn resumption(asker: &Asker, args: &ResumeArgs) -> anyhow::Result<Request> {
    let scope = args.of.scope();
    let why = match scope {
        Scope::All => asker.snapshot().why_paused(),
        Scope::Case(_) => Vec::new(),
    };
    if why.is_empty() || args.read {
        return Ok(Request::Resume { scope });
    }
    if !asker.json {
        why.iter().for_each(|text| output::line(text));
    }
    let words = "not resumed: read why it was paused, look at what that names, and then type `casimir-dkg resume --read`";
    Err(Known::new(Kind::CheckFailed, words)
        .with(json!({ "why_paused": why }))
        .into())
}

/// What holds something up, as `/readyz` and the headless stream name it.
fn wait_json(wait: &Wait) -> Value {
    json!({
        "waits_for": wait.reason,
        "severity": wait.reason.severity(),
        "stops": wait.reason.stops().word(),
        "about": wait.subject(),
        "reason": wait.sentence,
        "details": wait.details,
        "can_do": wait.reason.can_do(),
        "since": wait.since.to_rfc3339(),
        "due": wait.due.map(|due| due.to_rfc3339()),
    })
}

fn status(asker: &Asker) -> Outcome {
    let snapshot = asker.snapshot();
    if asker.json {
        let waiting: Vec<_> = snapshot.for_a_person().map(|a| a.id.to_string()).collect();
        let refreshing: Vec<_> = summary::refreshing(&snapshot)
            .map(|(action, it)| json!({ "action": action.id, "by": it.by, "until": it.until.to_rfc3339(), "is_enough": it.is_enough, "why": it.why }))
            .collect();
        output::json(&json!({
            "engine": asker.attached.seated,
            "version": snapshot.version,
            "network": snapshot.network,
            "mode": snapshot.mode,
            "switched": snapshot.switched,
            "paused": snapshot.paused,
            "stopping": snapshot.stopping.map(|since| since.to_rfc3339()),
            "chain": snapshot.chain,
            "signer": snapshot.signer,
            "waiting": waiting,
            "refreshing": refreshing,
            "in_flight": snapshot.work_in_flight(),
            "waits": snapshot.waits.iter().map(wait_json).collect::<Vec<_>>(),
            "alarms": snapshot.alarms,
            "journal": snapshot.journal,
        }));
    } else {
        text::status(&snapshot, &asker.attached.seated);
    }
    Outcome::Success
}

fn waiting(asker: &Asker) -> Outcome {
    let snapshot = asker.snapshot();
    if asker.json {
        summary::undecided(&snapshot).for_each(output::json);
    } else {
        text::waiting(&snapshot, asker.attached.seated.you.as_str());
    }
    Outcome::Success
}

async fn approval(asker: &Asker, args: &ApproveArgs) -> anyhow::Result<Request> {
    let action = args.action;
    if let Some(file) = &args.signature {
        let signed = person::read_signature(file)?;
        if signed.statement.action != action {
            bail!(
                "{} is for {}, not for {action}",
                file.display(),
                signed.statement.action
            );
        }
        let signed = Box::new(signed);
        return Ok(Request::ApproveSigned { signed });
    }
    Ok(Request::Approve {
        action,
        digest: asker
            .digest(action, args.digest.as_deref().unwrap_or_default())
            .await?,
        phrase: args.phrase.clone(),
    })
}

async fn show(asker: &Asker, args: &ShowActionArgs) -> anyhow::Result<Outcome> {
    let action = asker.find(args.action).await?;
    if let Some(file) = &args.export {
        Export::of(&asker.snapshot(), &action).write(file)?;
        output::note(&format!("wrote {}", file.display()));
    }
    if asker.json {
        output::json(&action);
    } else {
        let sent = asker.sent(&action).await?;
        text::action(&action, sent.as_ref(), Bytes::asked(args.raw));
    }
    Ok(Outcome::Success)
}

impl SeatCommand {
    /// Where the engine is that it is asked of.
    fn seat(&self) -> &SeatArgs {
        match self {
            Self::Status(seat) | Self::Waiting(seat) => seat,
            Self::Show(args) => &args.seat,
            Self::Approve(args) => &args.seat,
            Self::Reject(args) => &args.seat,
            Self::Undo(args) => &args.seat,
            Self::Retry(args) => &args.seat,
            Self::Pause(args) => &args.seat,
            Self::Resume(args) => &args.of.seat,
            Self::Mode(args) => &args.seat,
            Self::Adopt(args) => &args.seat,
        }
    }
}

#[cfg(test)]
mod tests {
    use casimir_dkg::engine::{ToEngine, channel};
    use casimir_dkg::types::UnixMillis;
    use casimir_dkg::view::{ActionState, ListKind, Seated};

    use super::*;
    use crate::args::ScopeArgs;
    use crate::exit::Failure;
    use crate::fixture;

    fn asker(handle: casimir_dkg::engine::EngineHandle) -> Asker {
        let seated = Seated {
            you: "ada".into(),
            may_decide: true,
            process: 1,
            run_by: "ada".into(),
            since: UnixMillis(1),
        };
        Asker {
            attached: Attached { handle, seated },
            json: false,
        }
    }

    /// The pause was taken, and then the engine died before it answered.
    #[tokio::test]
    async fn an_answer_that_is_lost_has_a_code_and_words_of_its_own() {
        let (mut side, handle) = channel(fixture::unread());
        let asker = asker(handle);
        let engine = tokio::spawn(async move { drop(side.asked.recv().await.unwrap()) });
        let lost = asker.ask(Request::Pause { scope: Scope::All }).await.unwrap_err();
        engine.await.unwrap();
        let lost = Failure::of(&lost);
        assert!(
            lost.error()
                .starts_with("not known whether it was taken: look at `status`"),
            "{}",
            lost.error()
        );
        assert_eq!(lost.code(), 5);
        let json = lost.object();
        assert!(json["not_known"].as_str().unwrap().contains("`status`"), "{json}");
        assert_eq!((json.get("refused"), json.get("accepted")), (None, None));
        // the engine is gone by now: what cannot be sent is refused
        let refused = asker.ask(Request::Pause { scope: Scope::All }).await.unwrap_err();
        let refused = Failure::of(&refused);
        assert_eq!(refused.code(), 1);
        assert_eq!(refused.error(), "refused: the engine has stopped");
    }

    /// No command says "First: find out who holds the key" and has resumed already.
    #[tokio::test]
    async fn who_ends_a_pause_of_the_engines_own_has_read_why() {
        let pause = |by: &str| casimir_dkg::view::PauseView {
            by: by.into(),
            since: UnixMillis(7),
        };
        let own = pause("the engine: nonce 12 was used");
        let case = Some("deposit/3".parse().unwrap());
        for (by, case, read, resumes) in [
            (&own, None, false, false),
            (&own, None, true, true),
            (&own, case, false, true),
            (&pause("ada: not today"), None, false, true),
        ] {
            let mut snapshot = fixture::unread();
            snapshot.paused = Some(by.clone());
            let (_side, handle) = channel(snapshot);
            let mut asker = asker(handle);
            asker.json = true;
            let seat = SeatArgs { socket: None };
            let of = ScopeArgs { case, seat };
            match resumption(&asker, &ResumeArgs { read, of }) {
                Ok(request) => {
                    assert!(resumes);
                    let scope = case.map_or(Scope::All, Scope::Case);
                    assert_eq!(request, Request::Resume { scope });
                }
                Err(refused) => {
                    assert!(!resumes, "{refused:#}");
                    let refused = Failure::of(&refused);
                    assert_eq!(refused.code(), 1);
                    assert!(refused.error().ends_with("`casimir-dkg resume --read`"));
                    let why = refused.object()["why_paused"].to_string();
                    assert!(
                        why.contains("nonce 12 was used") && why.contains("First: "),
                        "{why}"
                    );
                }
            }
        }
    }

    /// The snapshot lists the newest of what is over; whatever is older is asked for.
    #[tokio::test]
    async fn an_action_that_is_listed_no_more_is_found() {
        let [listed, older, unread, never] =
            ["deposit/3#1", "deposit/1#1", "deposit/1#2", "deposit/1#3"].map(|id| id.parse().unwrap());
        let mut snapshot = fixture::unread();
        snapshot.actions = vec![fixture::action(listed)];
        let (mut side, handle) = channel(snapshot);
        let answers = tokio::spawn(async move {
            while let Some(asked) = side.asked.recv().await {
                let ToEngine::Read { query, reply } = asked else {
                    panic!("{asked:?}");
                };
                let Query::One { row } = query else {
                    panic!("{query:?}");
                };
                let id = match row {
                    RowId::Action(id) => id,
                    RowId::Transaction(id) => {
                        let rows = Rows::Transactions(vec![fixture::transaction(id)]);
                        let _ = reply.send(Ok(Listing { rows, older: 0 }));
                        continue;
                    }
                    other => panic!("{other:?}"),
                };
                let answer = match id {
                    id if id == older => Ok(Rows::Actions(vec![fixture::action(id)])),
                    id if id == unread => Err(Refused::NotNow("the journal cannot be read".into())),
                    _ => Ok(Rows::none(ListKind::Actions)),
                };
                let _ = reply.send(answer.map(|rows| Listing { rows, older: 0 }));
            }
        });
        let asker = asker(handle);
        assert_eq!(asker.find(listed).await.unwrap().id, listed);
        assert_eq!(asker.find(older).await.unwrap().id, older);
        let why = |error: anyhow::Error| format!("{error:#}");
        let unread = why(asker.find(unread).await.unwrap_err());
        assert!(
            unread.contains("could not be read: ") && unread.contains("the journal"),
            "{unread}"
        );
        let never = why(asker.find(never).await.unwrap_err());
        assert!(never.contains("the engine has no action deposit/1#3"), "{never}");
        // its transaction is found the same way: its nonce is not the account's next
        let mut done = asker.find(older).await.unwrap();
        done.state = ActionState::Done;
        let sent = asker.sent(&done).await.unwrap().expect("it is read");
        let nonce = summary::effects(&done, Some(&sent))
            .into_iter()
            .find(|row| row.label == "nonce");
        assert_eq!(nonce.unwrap().text, "0 of the account");
        drop(asker);
        answers.await.unwrap();
    }
}
