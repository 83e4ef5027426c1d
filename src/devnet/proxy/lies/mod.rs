//! What is wrong with what an answer says. One file a kind of lie; each reads its own keys, says which calls it is
//! about, and changes what is asked or what is answered.

mod added;
mod answer;
mod chain;
mod clock;
mod finality;
mod future;
mod height;
mod logs;
mod range;
mod refusals;
mod rewrite;
mod sends;
mod sync;
mod topic;
mod vendors;

pub(super) use added::AddLog;
pub(super) use answer::Answer;
pub(super) use chain::{ChainId, Genesis};
pub(super) use clock::Clock;
pub(super) use finality::HeadFinal;
pub(super) use height::Height;
pub(super) use logs::ChangeLogs;
pub(super) use range::RangeLimit;
pub(super) use rewrite::Rewrite;
pub(super) use sends::{Refuse, Swallow};
pub(super) use sync::{Optimistic, Syncing};

use serde_json::Value;

use super::board::Fired;
use super::desk::Desk;
use super::rpc::{Made, RpcCall};
use super::scenario::{Call, Fault, Reader, Table};
use super::target::Kind;

/// What a rule of a scenario has a target say instead of the truth.
#[derive(Debug, Clone)]
pub(super) enum Lie {
    Rewrite(Rewrite),
    Answer(Answer),
    AddLog(AddLog),
    Logs(ChangeLogs),
    ChainId(ChainId),
    Genesis(Genesis),
    Syncing(Syncing),
    Optimistic(Optimistic),
    Clock(Clock),
    Height(Height),
    HeadFinal(HeadFinal),
    Range(RangeLimit),
    Refuse(Refuse),
    Swallow(Swallow),
}

type Read = fn(&mut Reader<'_>, &mut Table<'_>) -> Option<Fault>;

pub(super) const FAULTS: &[(&str, Read)] = &[
    ("rewrite", |r, t| lie(Rewrite::read(r, t).map(Lie::Rewrite))),
    ("answer", |r, t| lie(Answer::read(r, t).map(Lie::Answer))),
    ("add-log", |r, t| lie(AddLog::read(r, t).map(Lie::AddLog))),
    ("drop-log", |r, t| lie(ChangeLogs::dropping(r, t).map(Lie::Logs))),
    ("alter-log", |r, t| lie(ChangeLogs::altering(r, t).map(Lie::Logs))),
    ("repeat-log", |r, t| {
        lie(ChangeLogs::repeating(r, t).map(Lie::Logs))
    }),
    ("chain-id", |r, t| lie(ChainId::read(r, t).map(Lie::ChainId))),
    ("genesis", |r, t| lie(Some(Lie::Genesis(Genesis::read(r, t))))),
    ("syncing", |r, t| lie(Some(Lie::Syncing(Syncing::read(r, t))))),
    ("optimistic", |_, _| lie(Some(Lie::Optimistic(Optimistic)))),
    ("clock", |r, t| lie(Clock::read(r, t).map(Lie::Clock))),
    ("head", |r, t| lie(Height::read(r, t).map(Lie::Height))),
    ("head-final", |_, _| lie(Some(Lie::HeadFinal(HeadFinal)))),
    ("range-limit", |r, t| lie(RangeLimit::read(r, t).map(Lie::Range))),
    ("refuse-transaction", |r, t| {
        lie(Refuse::read(r, t).map(Lie::Refuse))
    }),
    ("swallow-transaction", |_, _| lie(Some(Lie::Swallow(Swallow)))),
];

fn lie(lie: Option<Lie>) -> Option<Fault> {
    lie.map(Fault::Lie)
}

/// What becomes of something that a node says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Told,
    /// It is not.
    Lost,
}

impl Lie {
    /// Whether it can be told by targets of this kind.
    pub(super) fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::Rewrite(_) | Self::Answer(_) => true,
            Self::Genesis(_) | Self::Syncing(_) | Self::Clock(_) => {
                matches!(kind, Kind::Execution | Kind::Beacon)
            }
            Self::Optimistic(_) => kind == Kind::Beacon,
            Self::AddLog(_)
            | Self::Logs(_)
            | Self::ChainId(_)
            | Self::Height(_)
            | Self::HeadFinal(_)
            | Self::Range(_)
            | Self::Refuse(_)
            | Self::Swallow(_) => kind == Kind::Execution,
        }
    }

    /// Whether it is about this call where the rule says nothing else.
    pub(super) fn concerns(&self, kind: Kind, call: &Call) -> bool {
        match (kind, call) {
            (Kind::Execution, Call::Rpc { method, .. }) => self.concerns_method(method),
            (Kind::Beacon, Call::Http { path, .. } | Call::Event { path, .. }) => self.concerns_path(path),
            _ => false,
        }
    }

    fn concerns_method(&self, method: &str) -> bool {
        match self {
            // these say nothing about anything by themselves
            Self::Rewrite(_) | Self::Answer(_) | Self::Optimistic(_) => false,
            Self::AddLog(lie) => lie.concerns(method),
            Self::Logs(_) => logs::METHODS.contains(&method),
            Self::ChainId(_) => chain::CHAIN_ID.contains(&method),
            Self::Genesis(_) => method == "eth_getBlockByNumber",
            Self::Syncing(_) => method == "eth_syncing",
            Self::Clock(_) => clock::METHODS.contains(&method),
            Self::Height(_) => height::METHODS.contains(&method),
            Self::HeadFinal(_) => HeadFinal::concerns(method),
            Self::Range(_) => method == "eth_getLogs",
            Self::Refuse(_) | Self::Swallow(_) => method == "eth_sendRawTransaction",
        }
    }

    fn concerns_path(&self, path: &str) -> bool {
        match self {
            Self::Genesis(_) | Self::Clock(_) => path == "/eth/v1/beacon/genesis",
            Self::Syncing(_) => sync::PATHS.contains(&path),
            Self::Optimistic(_) => path.starts_with("/eth/"),
            _ => false,
        }
    }

    /// What is said without asking the node. What is asked of the node may be changed, too.
    pub(super) async fn before(&self, desk: &Desk, call: &mut RpcCall, fired: &mut Fired) -> Option<Made> {
        match self {
            Self::Answer(lie) => lie.before(fired),
            Self::Height(lie) => lie.before(desk, call, fired).await,
            Self::HeadFinal(lie) => lie.before(call, fired),
            Self::Range(lie) => lie.before(desk, call, fired).await,
            Self::Refuse(lie) => lie.before(fired),
            Self::Swallow(lie) => lie.before(call, fired),
            _ => None,
        }
    }

    /// Changes the whole JSON-RPC answer, or a message to a subscriber.
    pub(super) async fn after(
        &self,
        desk: &Desk,
        call: &RpcCall,
        reply: &mut Value,
        fired: &mut Fired,
    ) -> Fate {
        match self {
            Self::Rewrite(lie) => lie.apply(reply, fired),
            Self::Answer(lie) => lie.after(reply, fired),
            Self::AddLog(lie) => lie.after(desk, call, reply, fired).await,
            Self::Logs(lie) => return lie.after(call, reply, fired),
            Self::ChainId(lie) => lie.after(call, reply, fired),
            Self::Genesis(lie) => lie.after(call, reply, fired),
            Self::Syncing(lie) => lie.after(desk, reply, fired).await,
            Self::Clock(lie) => lie.after(call, reply, fired),
            Self::Height(lie) => return lie.after(desk, call, reply, fired).await,
            Self::Range(lie) => lie.after(call, reply, fired),
            Self::Refuse(lie) => lie.after(reply, fired),
            Self::Optimistic(_) | Self::Swallow(_) | Self::HeadFinal(_) => {}
        }
        Fate::Told
    }

    /// Changes the body of an answer of a REST API, or the data of an event. Gives the status to answer with, if it is
    /// another.
    pub(super) fn rest(&self, path: &str, body: &mut Value, fired: &mut Fired) -> Option<u16> {
        match self {
            Self::Rewrite(lie) => lie.apply(body, fired),
            Self::Answer(lie) => lie.rest(body, fired),
            Self::Genesis(lie) => lie.rest(body, fired),
            Self::Syncing(lie) => return lie.rest(path, body, fired),
            Self::Optimistic(lie) => lie.rest(path, body, fired),
            Self::Clock(lie) => lie.rest(body, fired),
            _ => {}
        }
        None
    }
}

/// Where the result stands: in an answer, or in what a subscriber is told.
fn result_of<'v>(call: &RpcCall, reply: &'v mut Value) -> Option<&'v mut Value> {
    let pointer = if call.method == "eth_subscription" {
        "/params/result"
    } else {
        "/result"
    };
    reply.pointer_mut(pointer).filter(|result| !result.is_null())
}

/// A JSON-RPC quantity.
fn quantity(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

fn hex(number: u64) -> Value {
    Value::String(format!("{number:#x}"))
}
