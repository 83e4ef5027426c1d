//! A life in words, step by step.

#![allow(clippy::disallowed_macros, reason = "a life is replayed for whoever reads it")]

use crate::oracle::*;
use crate::types::*;

/// What kind of input it is, and of which sort where sorts matter.
pub(super) fn kind(input: &Input) -> String {
    let sort = match input {
        Input::Prepared { outcome, .. } => match outcome {
            Prepared::Proposal(_) => "prepared: proposal",
            Prepared::Later { .. } => "prepared: later",
            Prepared::TooEarly { .. } => "prepared: too early",
            Prepared::AlreadySo { .. } => "prepared: already so",
            Prepared::Refused(_) => "prepared: refused",
        },
        Input::Started => "started",
        Input::Tick => "tick",
        Input::Requested { kind, .. } => return format!("requested: {kind}"),
        Input::RequestRemoved { .. } => "request removed",
        Input::Fulfilled { what, .. } => match what {
            Fulfilment::DepositInitiated => "fulfilled: deposit initiated",
            Fulfilment::Deposited => "fulfilled: deposited",
            Fulfilment::Reshared => "fulfilled: reshared",
            Fulfilment::Exited => "fulfilled: exited",
        },
        Input::FulfilmentRemoved { .. } => "fulfilment removed",
        Input::Remark { .. } => "remark",
        Input::EventsRead { .. } => "events read",
        Input::CaughtUp { .. } => "caught up",
        Input::Sight(reach) => seen(*reach),
        Input::Facts(_) => "facts",
        Input::CeremonyEnded { outcome: Ok(_), .. } => "ceremony ended: result",
        Input::CeremonyEnded {
            outcome: Err(failure),
            ..
        } => match failure.kind {
            FailureKind::NotStarted => "ceremony ended: not started",
            FailureKind::Timeout => "ceremony ended: timeout",
            FailureKind::Blamed => "ceremony ended: blamed",
            FailureKind::Refused => "ceremony ended: refused",
            FailureKind::Lost => "ceremony ended: lost",
            FailureKind::Unknown => "ceremony ended: unknown",
        },
        Input::Signed { outcome: Ok(_), .. } => "signed",
        Input::Signed { outcome: Err(_), .. } => "signed: not",
        Input::Sent { outcome: Ok(()), .. } => "sent",
        Input::Sent { outcome: Err(_), .. } => "sent: refused",
        Input::Inspected { status, .. } => match status {
            None => "inspected: no answer",
            Some(NonceStatus::Missing) => "inspected: missing",
            Some(NonceStatus::Pending) => "inspected: pending",
            Some(NonceStatus::Included { success: true, .. }) => "inspected: included",
            Some(NonceStatus::Included { overtaken: true, .. }) => "inspected: overtaken",
            Some(NonceStatus::Included { .. }) => "inspected: reverted",
            Some(NonceStatus::Replaced { .. }) => "inspected: replaced",
        },
        Input::ExitPublished { standing, .. } => match standing {
            ExitStanding::Delivered => "exit: delivered",
            ExitStanding::Unheard => "exit: unheard",
            ExitStanding::Exiting { .. } => "exit: exiting",
            ExitStanding::TooEarly { .. } => "exit: too early",
            ExitStanding::NotActive => "exit: not active",
            ExitStanding::BadSignature { .. } => "exit: bad signature",
            ExitStanding::UnknownIndex => "exit: unknown index",
            ExitStanding::Refused => "exit: refused",
        },
        Input::BeaconMoved => "beacon moved",
        Input::ValidatorSeen { seen: Some(_), .. } => "validator seen",
        Input::ValidatorSeen { seen: None, .. } => "validator seen: not known",
        Input::Died { effect, .. } => return format!("died: {}", effect.name()),
        Input::Ends { .. } => "ends",
        Input::Wish { wish, .. } => asked(wish),
    };
    sort.to_owned()
}

fn seen(reach: Reach) -> &'static str {
    match reach {
        Reach::Followed => "sight: followed",
        Reach::Still => "sight: still",
        Reach::Lost => "sight: lost",
    }
}

fn asked(wish: &Wish) -> &'static str {
    match wish {
        Wish::Approve { .. } => "wish: approve",
        Wish::ApproveSigned { .. } => "wish: approve by key",
        Wish::Reject { .. } => "wish: reject",
        Wish::TakeBack(_) => "wish: take back",
        Wish::Retry(_) => "wish: retry",
        Wish::DeclareLost(_) => "wish: declare lost",
        Wish::Pause(_) => "wish: pause",
        Wish::Resume(_) => "wish: resume",
        Wish::Adopt(_) => "wish: adopt",
        Wish::Reshare(_) => "wish: reshare",
        Wish::SetCommittee { .. } => "wish: set committee",
        Wish::GiveUp { .. } => "wish: give up",
        Wish::RedoKey(_) => "wish: redo key",
        Wish::RequestExit(_) => "wish: request exit",
        Wish::SwitchMode { .. } => "wish: switch mode",
    }
}

fn about(input: &Input) -> String {
    match input {
        Input::Requested { pool, log, .. }
        | Input::RequestRemoved { pool, log, .. }
        | Input::Fulfilled { pool, log, .. }
        | Input::FulfilmentRemoved { pool, log, .. } => format!("pool {pool}, block {}", log.block.number),
        Input::Remark { kind, pool, text } => format!("{kind} of pool {pool}: {text}"),
        Input::EventsRead { upto, .. } => format!("up to block {}", upto.number),
        Input::CaughtUp { finalized } => format!("final {}", finalized.map_or(0, |b| b.number)),
        Input::Facts(facts) => {
            let pools = |ids: &[PoolId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            format!(
                "head {}, ready [{}], staked [{}], registration nonce {}, account nonce {}",
                facts.head.map_or(0, |b| b.number),
                pools(&facts.ready),
                pools(&facts.staked),
                facts
                    .owner_nonce
                    .map_or("not known".to_owned(), |nonce| nonce.to_string()),
                facts.account.map_or(0, |a| a.next)
            )
        }
        Input::Prepared { case, purpose, .. } => match purpose {
            Purpose::Propose => case.to_string(),
            Purpose::Refresh(action) => format!("{action}, kept true"),
            Purpose::Send(action) => format!("{action}, to be sent"),
        },
        Input::CeremonyEnded { request, .. } => request.to_string(),
        Input::Signed { action, .. }
        | Input::Sent { action, .. }
        | Input::Inspected { action, .. }
        | Input::ExitPublished { action, .. } => action.to_string(),
        Input::ValidatorSeen { case, seen, .. } => {
            seen.map_or_else(|| case.to_string(), |seen| format!("{case}: {}", seen.phase))
        }
        Input::Died { effect, .. } => effect.case().to_string(),
        Input::Sight(_) => String::new(),
        Input::Wish { by, wish } => match wish {
            Wish::Approve { action, .. }
            | Wish::Reject { action, .. }
            | Wish::TakeBack(action)
            | Wish::SetCommittee { action, .. } => {
                format!("{by}, {action}")
            }
            Wish::Retry(case) | Wish::RedoKey(case) | Wish::GiveUp { case, .. } => format!("{by}, {case}"),
            Wish::DeclareLost(request) => format!("{by}, {request}"),
            Wish::Pause(case) | Wish::Resume(case) => {
                format!(
                    "{by}, {}",
                    case.map_or_else(|| "everything".to_owned(), |case| case.to_string())
                )
            }
            Wish::Reshare(pool) | Wish::RequestExit(pool) => format!("{by}, pool {pool}"),
            Wish::Adopt(account) => format!("{by}, {account}"),
            Wish::ApproveSigned { name, signed, .. } => format!("{name}, {}", signed.statement.action),
            Wish::SwitchMode { to, .. } => format!("{by}, {to}"),
        },
        Input::Started | Input::Tick | Input::BeaconMoved | Input::Ends { .. } => String::new(),
    }
}

pub(super) fn input(step: u64, at: UnixMillis, input: &Input) {
    println!(
        "{step:>5} {:>8} ms  {} {}",
        at.0 - 1_000_000,
        kind(input),
        about(input)
    );
}

pub(super) fn output(
    records: &[Record],
    kept: usize,
    effects: &[Effect],
    dies: bool,
    reply: Option<&Result<SafeText, Refusal>>,
) {
    match reply {
        Some(Ok(words)) => println!("{:20}reply: {words}", ""),
        Some(Err(refusal)) => println!("{:20}refused: {}", "", refusal),
        None => {}
    }
    for (n, record) in records.iter().enumerate() {
        let lost = if n < kept { "" } else { "(lost) " };
        println!("{:20}{lost}{}: {}", "", record.kind(), record.sentence());
    }
    if dies {
        return println!("{:20}the process dies", "");
    }
    for effect in effects {
        println!("{:20}→ {} for {}", "", effect.name(), effect.case());
    }
}

pub(super) fn restarted(process: u32, mode: Mode) {
    println!("      process {process}, mode {mode}");
}
