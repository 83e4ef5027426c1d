//! A second fold beside the state, for tests: after each step both must be equal, and so must a fold of everything from
//! the beginning. Records go through their JSON text, as they go through the journal, so what a record does not keep
//! shows as a difference, too.

use super::{Durable, State};
use crate::oracle::Record;
use crate::types::UnixMillis;

/// Every record so far, folded one by one beside the state.
#[derive(Debug, Default)]
pub(in crate::oracle) struct Shadow {
    journal: Vec<(u64, UnixMillis, Record)>,
    folded: Durable,
}

impl Shadow {
    /// Takes the records of a step, and compares. To be called after every step.
    pub(in crate::oracle) fn follow(&mut self, state: &State, at: UnixMillis, records: &[Record]) {
        for record in records {
            let text = serde_json::to_string(record).unwrap();
            let record: Record =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let seq = self.journal.len() as u64 + 1;
            self.folded.apply(seq, at, &record);
            self.journal.push((seq, at, record));
        }
        same(state, &self.folded);
    }

    /// Folds everything from the beginning, and compares: this is what a start knows. To be called at every crash.
    pub(in crate::oracle) fn restart(&self, state: &State) -> Durable {
        let records = self.journal.iter().map(|(seq, at, record)| (*seq, *at, record));
        let folded = Durable::fold(records);
        same(state, &folded);
        folded
    }

    /// Every record so far, each with its time.
    pub(in crate::oracle) fn journal(&self) -> impl Iterator<Item = (UnixMillis, Record)> {
        self.journal.iter().map(|(_, at, record)| (*at, record.clone()))
    }

    /// Every record so far.
    pub(in crate::oracle) fn records(&self) -> impl Iterator<Item = Record> {
        self.journal.iter().map(|(.., record)| record.clone())
    }

    /// The newest records were not durable when the process died: what is left of the journal, folded.
    pub(in crate::oracle) fn lose(&mut self, newest: usize) -> Durable {
        self.journal.truncate(self.journal.len() - newest);
        self.folded = self.folded();
        self.folded.clone()
    }

    /// The journal, folded once more.
    pub(in crate::oracle) fn folded(&self) -> Durable {
        Durable::fold(self.journal.iter().map(|(seq, at, record)| (*seq, *at, record)))
    }
}

/// Names the part that differs: a whole state is too long to read.
fn same(state: &State, folded: &Durable) {
    let live = state.durable();
    let open = live.cases.values().filter(|case| !case.is_closed());
    assert!(
        open.map(|case| case.id).eq(live.open.iter().copied()),
        "open cases are not those that are not closed"
    );
    if live == folded {
        return;
    }
    assert_eq!(live.cases, folded.cases, "cases are not what the records say");
    assert_eq!(
        live.actions, folded.actions,
        "actions are not what the records say"
    );
    assert_eq!(
        live.ceremonies, folded.ceremonies,
        "ceremonies are not what the records say"
    );
    assert_eq!(
        live.sendings, folded.sendings,
        "transactions are not what the records say"
    );
    panic!("the state is not what the records say");
}
