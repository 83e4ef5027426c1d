//! The manager's logs as they are told: in order, up to a position that the journal keeps; late, twice, taken back, or false.

use rand::Rng as _;
use rand::seq::IteratorRandom as _;

use super::bugs::{Bug, is_planted};
use super::truth::{Event, Said};
use super::world::{POOLS, World};
use crate::oracle::*;
use crate::types::*;

impl World {
    /// The events are read up to the head, what left the chain first; or some of them, where an endpoint lags (F13).
    pub(super) fn read_events(&mut self) {
        let process = self.process;
        let told = self.told.iter().rev();
        let gone = told.filter(|event| !self.outside.is_told(event));
        let gone: Vec<_> = gone.map(|event| (*event, true)).collect();
        let stands = self.outside.chain.events.iter();
        let new = stands.filter(|event| !self.told.contains(event));
        let news: Vec<_> = gone.into_iter().chain(new.map(|event| (*event, false))).collect();
        let read = Input::EventsRead {
            upto: self.outside.chain.at(),
            told: !news.is_empty(),
        };
        if is_planted(Bug::PositionFirst) {
            self.input(read.clone());
            if self.process != process {
                return;
            }
        }
        for (event, removed) in news {
            if !self.calm && !removed && self.rng.gen_bool(0.1) {
                return;
            }
            for _ in 0..if self.rng.gen_bool(0.05) { 2 } else { 1 } {
                self.tell(event, removed);
                if self.process != process {
                    return;
                }
            }
        }
        self.input(read);
        if self.process == process {
            let finalized = Some(self.outside.finalized());
            self.input(Input::CaughtUp { finalized });
        }
    }

    fn tell(&mut self, event: Event, removed: bool) {
        let Event { said, pool, log } = event;
        let process = self.process;
        self.telling = Some((event, removed));
        self.input(match (said, removed) {
            (Said::Asked(kind), false) => Input::Requested {
                kind,
                pool,
                log,
                leaving: None,
            },
            (Said::Asked(kind), true) => Input::RequestRemoved { kind, pool, log },
            (Said::Did(what), false) => Input::Fulfilled { what, pool, log },
            (Said::Did(what), true) => Input::FulfilmentRemoved { what, pool, log },
        });
        let kind = match said {
            Said::Asked(kind) => kind,
            Said::Did(what) => what.answers(),
        };
        let alone = self.outside.adapters.one_voice && !removed && kind != RequestKind::Deposit;
        if alone && self.process == process {
            let text = SafeText::new("told by one voice");
            self.input(Input::Remark { kind, pool, text });
        }
    }

    /// An endpoint tells of something that never was. The others contradict it before it could be final; or nobody does,
    /// and the contract's state says otherwise.
    pub(super) fn false_log(&mut self) {
        // where it matters most: while the pool waits
        let waiting = self.outside.chain.ready.iter().copied().choose(&mut self.rng);
        let pool = waiting.filter(|_| self.rng.gen_bool(0.5));
        let pool = pool.unwrap_or_else(|| PoolId(self.rng.gen_range(1..=POOLS)));
        let mut hash = [0xee; 32];
        self.rng.fill(&mut hash[..8]);
        let said = [
            Said::Did(Fulfilment::DepositInitiated),
            Said::Did(Fulfilment::Deposited),
            Said::Did(Fulfilment::Reshared),
            Said::Did(Fulfilment::Exited),
            Said::Asked(RequestKind::Deposit),
            Said::Asked(RequestKind::Reshare),
            Said::Asked(RequestKind::Exit),
        ];
        let said = said[self.rng.gen_range(0..said.len())];
        let log = LogRef {
            block: self.outside.chain.at(),
            transaction: Root(hash),
            index: 0,
        };
        let event = Event { said, pool, log };
        if said.is_in_state() && self.rng.gen_bool(0.5) {
            self.outside.lies.push(event);
            self.book.lied_about.insert(pool);
        }
        // else it is taken back when the events are read next: it stands nowhere
        self.tell(event, false);
    }

    /// A process reads on from the position in its journal, and knows of events before it what open cases rest on.
    pub(super) fn read_on(&mut self) {
        let cursor = self.state.cursor().filter(|block| self.outside.has(*block));
        // where its branch was left, everything is read again
        let upto = cursor.map_or(0, |block| block.number);
        let (state, outside) = (&self.state, &self.outside);
        let before = outside.chain.events.iter();
        let unheard =
            before.filter(|event| event.log.block.number <= upto && !self.journaled.contains(event));
        assert_eq!(unheard.count(), 0, "events before block {upto} are never told");
        self.told.retain(|event| {
            let known = rests_on(state, event);
            known || event.log.block.number <= upto && outside.is_told(event)
        });
    }
}

/// Whether an open case rests on an event.
fn rests_on(state: &State, event: &Event) -> bool {
    let Event { said, pool, log } = *event;
    match said {
        Said::Asked(kind) => state
            .cases_of(kind, pool)
            .any(|c| c.listens() && !c.orphaned && c.cause.log() == Some(log)),
        Said::Did(Fulfilment::Deposited) => false,
        Said::Did(what) => state
            .cases_of(what.answers(), pool)
            .any(|c| c.listens() && c.reports().any(|by| by.log == Some(log))),
    }
}
