//! What a shell can ask of a running engine: `status`, `waiting`, `show`, `approve`, `reject`, `retry`, `pause`,
//! `resume`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use casimir_dkg::attach::Attached;
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::engine::{Identity, Seat};
use casimir_dkg::types::{ActionId, Root};
use casimir_dkg::view::{ActionView, Request, Scope, Snapshot};
use serde_json::json;

use super::runtime;
use crate::args::{ApproveArgs, RejectArgs, RetryArgs, ScopeArgs, SeatArgs, ShowArgs};
use crate::exit::Outcome;
use crate::output;
use crate::seat;

mod text;

/// Fewest hex digits of a digest that name it: 40 bits.
const DIGITS: usize = 10;

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
            Err(refused) => {
                if self.json {
                    output::json(&refused);
                }
                bail!("refused: {refused}")
            }
        }
    }

    /// The digest of an action as it is now, where what was given names it.
    fn digest(&self, action: ActionId, given: &str) -> anyhow::Result<Root> {
        let snapshot = self.snapshot();
        let now = find(&snapshot, action)?.digest;
        let digits = given.trim().trim_start_matches("0x").to_ascii_lowercase();
        let whole = now.to_string();
        let whole = whole.trim_start_matches("0x");
        if digits.len() < DIGITS || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            bail!(
                "--digest: expected at least {DIGITS} hex digits of the digest that `casimir-dkg show {action}` prints"
            );
        }
        if !whole.starts_with(&digits) {
            bail!(
                "{action} is not what you were shown any more: its digest is {now}. Look again with `casimir-dkg show {action}`"
            );
        }
        Ok(now)
    }
}

fn find(snapshot: &Snapshot, action: ActionId) -> anyhow::Result<&ActionView> {
    snapshot
        .action(action)
        .with_context(|| format!("the engine has no action {action}; `casimir-dkg waiting` lists what waits"))
}

/// Where the engine may be, by the flag or by the configuration.
pub(super) fn places(args: &SeatArgs, options: &LoadOptions) -> anyhow::Result<Vec<PathBuf>> {
    Ok(match &args.socket {
        Some(path) => vec![path.clone()],
        None => seat::places(&config::gather(options)?.seat()?),
    })
}

/// Asks an engine that must be there.
fn with<F>(args: &SeatArgs, options: &LoadOptions, json: bool, work: F) -> anyhow::Result<Outcome>
where
    F: AsyncFnOnce(Asker) -> anyhow::Result<Outcome>,
{
    let places = places(args, options)?;
    runtime()?.block_on(async {
        let Some(attached) = seat::find(&places).await? else {
            let list: Vec<_> = places.iter().map(|path| path.display().to_string()).collect();
            bail!(
                "no engine runs here: nobody listens at {}. Start one with `casimir-dkg console` or `casimir-dkg headless`",
                list.join(", ")
            );
        };
        work(Asker { attached, json }).await
    })
}

pub(crate) fn status(args: &SeatArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(args, options, json, async |asker| {
        let snapshot = asker.snapshot();
        if asker.json {
            let waiting: Vec<_> = snapshot.waiting().map(|a| a.id.to_string()).collect();
            output::json(&json!({
                "engine": asker.attached.seated,
                "version": snapshot.version,
                "network": snapshot.network,
                "mode": snapshot.mode,
                "paused": snapshot.paused,
                "chain": snapshot.chain,
                "signer": snapshot.signer,
                "waiting": waiting,
                "in_flight": snapshot.work_in_flight(),
                "alarms": snapshot.alarms,
                "journal": snapshot.journal,
            }));
        } else {
            text::status(&snapshot, &asker.attached.seated);
        }
        Ok(Outcome::Success)
    })
}

pub(crate) fn waiting(args: &SeatArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(args, options, json, async |asker| {
        let snapshot = asker.snapshot();
        if asker.json {
            snapshot.waiting().for_each(output_json);
        } else {
            text::waiting(&snapshot);
        }
        Ok(Outcome::Success)
    })
}

fn output_json(action: &ActionView) {
    output::json(action);
}

pub(crate) fn show(args: &ShowArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(&args.seat, options, json, async |asker| {
        let snapshot = asker.snapshot();
        let action = find(&snapshot, args.action)?;
        if asker.json {
            output::json(action);
        } else {
            text::action(action);
        }
        Ok(Outcome::Success)
    })
}

pub(crate) fn approve(args: &ApproveArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(&args.seat, options, json, async |asker| {
        let request = Request::Approve {
            action: args.action,
            digest: asker.digest(args.action, &args.digest)?,
            phrase: args.phrase.clone(),
        };
        asker.ask(request).await
    })
}

pub(crate) fn reject(args: &RejectArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(&args.seat, options, json, async |asker| {
        let request = Request::Reject {
            action: args.action,
            digest: asker.digest(args.action, &args.digest)?,
            reason: args.reason.as_str().into(),
        };
        asker.ask(request).await
    })
}

pub(crate) fn retry(args: &RetryArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(&args.seat, options, json, async |asker| {
        asker.ask(Request::Retry { case: args.case }).await
    })
}

pub(crate) fn pause(args: &ScopeArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(&args.seat, options, json, async |asker| {
        asker.ask(Request::Pause { scope: scope(args) }).await
    })
}

pub(crate) fn resume(args: &ScopeArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    with(&args.seat, options, json, async |asker| {
        asker.ask(Request::Resume { scope: scope(args) }).await
    })
}

fn scope(args: &ScopeArgs) -> Scope {
    args.case.map_or(Scope::All, Scope::Case)
}
