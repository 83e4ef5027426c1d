//! Logs that say that a case has ended, after one that the contract's state denied. Whoever invents one invents one a block:
//! so each further one waits for the state, and is recorded only if the state says so, too. The first one may be true, and
//! the state of an endpoint that lags: it waits like the others, for as long as a reorganisation or a lag takes.

use crate::oracle::state::{Denied, Held};
use crate::oracle::turn::Turn;
use crate::oracle::{Case, Record, Served, advance, cases};
use crate::types::{BlockRef, CaseId, LogRef, SafeText};

use super::chain::sender;

/// Logs of one case that wait for the state; the oldest that was not the first one makes room.
const HELD: usize = 64;
/// Blocks for which a log waits for the state: an epoch, after which no honest endpoint lags or is on another branch.
const HELD_FOR: u64 = 32;

impl Denied {
    /// Says how many others made room. One that was recorded before the state denied it may be true, and whoever invents
    /// the others invents as many as it takes.
    fn hold(&mut self, held: Held) -> u64 {
        if self.held.iter().any(|known| known.log == held.log) {
            return 0;
        }
        let is_full = self.held.len() == HELD;
        if is_full {
            let invented = self.held.iter().position(|known| !known.is_first);
            self.held.remove(invented.unwrap_or(0));
        }
        self.held.push(held);
        u64::from(is_full)
    }
}

/// Holds the log back, where its case has one that was not believed.
pub(super) fn holds_back(turn: &mut Turn<'_>, id: CaseId, log: LogRef) -> bool {
    let before = turn.state.volatile.read;
    let Some(denied) = turn.state.volatile.denied.get_mut(&id) else {
        return false;
    };
    let dropped = denied.hold(Held {
        log,
        before,
        is_first: false,
    });
    count(turn, id, dropped);
    true
}

/// The state denies a log that was recorded: it waits from here on.
pub(super) fn denies(turn: &mut Turn<'_>, id: CaseId, said: Served) {
    let held = said.log.map(|log| Held {
        log,
        before: turn.state.position_below(log.block.number),
        is_first: true,
    });
    let denied = turn.state.volatile.denied.entry(id).or_default();
    let dropped = held.map_or(0, |held| denied.hold(held));
    count(turn, id, dropped);
}

/// The log has left the chain.
pub(super) fn removed(turn: &mut Turn<'_>, log: LogRef) {
    for denied in turn.state.volatile.denied.values_mut() {
        denied.held.retain(|known| known.log != log);
    }
}

/// How far the journal may say that it has read, `upto` being where that is: not beyond a log that waits, which a start
/// has to be told of again. None where that is not known.
pub(super) fn position(turn: &Turn<'_>, upto: BlockRef) -> Option<BlockRef> {
    let held = turn
        .state
        .volatile
        .denied
        .values()
        .flat_map(|denied| &denied.held);
    let mut position = upto;
    for held in held {
        let before = held.before?;
        if before.number < position.number {
            position = before;
        }
    }
    Some(position)
}

/// Holds what waits against the state at this block.
pub(super) fn judge(turn: &mut Turn<'_>, listed: BlockRef) {
    let ids: Vec<CaseId> = turn.state.volatile.denied.keys().copied().collect();
    for id in ids {
        if !turn.state.cases.get(&id).is_some_and(Case::listens) {
            turn.state.volatile.denied.remove(&id);
        } else if cases::kind(id.kind).denies_end(turn.state.seen(), id.pool) {
            drop_old(turn, id, listed);
        } else {
            believe(turn, id, listed);
        }
    }
}

/// The state says otherwise still: what has waited for long is dropped, and counted.
fn drop_old(turn: &mut Turn<'_>, id: CaseId, listed: BlockRef) {
    let Some(denied) = turn.state.volatile.denied.get_mut(&id) else {
        return;
    };
    let is_old = |held: &Held| listed.number >= held.log.block.number.saturating_add(HELD_FOR);
    let dropped = { denied.held.iter() }.filter(|held| is_old(held) && !held.is_first);
    let dropped = dropped.count() as u64;
    denied.held.retain(|held| !is_old(held));
    count(turn, id, dropped);
}

/// So many further ones were dropped.
fn count(turn: &mut Turn<'_>, id: CaseId, dropped: u64) {
    let Some(denied) = turn.state.volatile.denied.get_mut(&id) else {
        return;
    };
    let before = denied.further;
    denied.further += dropped;
    // at the first ten, hundred, thousand
    if let Some(many) = reached(before, denied.further) {
        let text = format!("{many} further logs say the same, and are not believed");
        let (case, text) = (Some(id), SafeText::new(&text));
        turn.record(Record::Note { case, text });
    }
}

/// The state says so, too, up to this block: of the logs before it those are recorded of which that was to be expected just
/// now; else the newest, which is all that whoever invented the others leaves to know.
fn believe(turn: &mut Turn<'_>, id: CaseId, listed: BlockRef) {
    let Some(denied) = turn.state.volatile.denied.get_mut(&id) else {
        return;
    };
    let held = std::mem::take(&mut denied.held);
    let facts = &turn.state.volatile.facts;
    let (mut told, wait): (Vec<_>, Vec<_>) = held
        .into_iter()
        .partition(|held| advance::covers(facts, held.log.block));
    if let Some(denied) = turn.state.volatile.denied.get_mut(&id) {
        denied.held = wait;
    }
    told.sort_by_key(|held| (held.log.block.number, held.log.index));
    let is_young = |held: &Held| listed.number < held.log.block.number.saturating_add(advance::UNSEEN_BLOCKS);
    let old = told.iter().take_while(|held| !is_young(held)).count();
    let from = old.min(told.len().saturating_sub(1));
    for Held { log, .. } in told.drain(from..) {
        let by = sender(turn.state, log.transaction);
        turn.record(Record::PoolServed {
            case: id,
            transaction: log.transaction,
            by,
            log: Some(log),
        });
    }
}

/// The greatest power of ten above one that was reached with this.
fn reached(before: u64, now: u64) -> Option<u64> {
    let mut powers = (1..=18).map(|power| 10_u64.pow(power));
    powers.rfind(|power| before < *power && *power <= now)
}
