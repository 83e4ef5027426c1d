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
        Input::Stops => "stops",
        Input::Command { command, .. } => asked(command),
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

fn asked(command: &Command) -> &'static str {
    match command {
        Command::Approve { .. } => "command: approve",
        Command::ApproveSigned { .. } => "command: approve by key",
        Command::Reject { .. } => "command: reject",
        Command::TakeBack(_) => "command: take back",
        Command::Retry(_) => "command: retry",
        Command::DeclareLost(_) => "command: declare lost",
        Command::Pause(_) => "command: pause",
        Command::Resume(_) => "command: resume",
        Command::Adopt(_) => "command: adopt",
        Command::Reshare(_) => "command: reshare",
        Command::SetCommittee { .. } => "command: set committee",
        Command::GiveUp { .. } => "command: give up",
        Command::RedoKey(_) => "command: redo key",
        Command::RequestExit(_) => "command: request exit",
        Command::SwitchMode { .. } => "command: switch mode",
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
        Input::Command { by, command } => match command {
            Command::Approve { action, .. }
            | Command::Reject { action, .. }
            | Command::TakeBack(action)
            | Command::SetCommittee { action, .. } => {
                format!("{by}, {action}")
            }
            Command::Retry(case) | Command::RedoKey(case) | Command::GiveUp { case, .. } => {
                format!("{by}, {case}")
            }
            Command::DeclareLost(request) => format!("{by}, {request}"),
            Command::Pause(case) | Command::Resume(case) => {
                format!(
                    "{by}, {}",
                    case.map_or_else(|| "everything".to_owned(), |case| case.to_string())
                )
            }
            Command::Reshare(pool) | Command::RequestExit(pool) => format!("{by}, pool {pool}"),
            Command::Adopt(account) => format!("{by}, {account}"),
            Command::ApproveSigned { name, signed, .. } => format!("{name}, {}", signed.statement.action),
            Command::SwitchMode { to, .. } => format!("{by}, {to}"),
        },
        Input::Started | Input::Tick | Input::BeaconMoved | Input::Ends { .. } | Input::Stops => {
            String::new()
        }
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
