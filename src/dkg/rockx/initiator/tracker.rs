//! Who has sent what, and for whom the ceremony waits. Pure: no clock, no I/O; it is told what happened and when.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{needs_all_before, senders};
use crate::types::{
    CeremonyKind, CeremonyPlan, OperatorId, OperatorProgress, OperatorState, Round, SafeText, UnixMillis,
};

/// The round that the ceremony waits for, and whose messages of it are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gate {
    pub(crate) round: Round,
    pub(crate) missing: Vec<OperatorId>,
}

/// Whether the tracker has seen the ceremony from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// From before the first start message.
    Whole,
    /// Attached later: what was sent before is not known.
    Late,
}

/// The ceremony matrix.
#[derive(Debug, Clone)]
pub(crate) struct Tracker {
    kind: CeremonyKind,
    view: View,
    /// Rounds in order, each with those who send its message.
    rounds: Vec<(Round, BTreeSet<OperatorId>)>,
    progress: BTreeMap<OperatorId, OperatorProgress>,
}

impl Tracker {
    pub(crate) fn new(plan: &CeremonyPlan, view: View) -> Self {
        let kind = plan.kind();
        let rounds = Round::of(kind)
            .iter()
            .map(|&round| (round, senders(plan, round).into_iter().collect()))
            .collect();
        let progress = plan
            .participants()
            .into_iter()
            .map(|id| (id, OperatorProgress::default()))
            .collect();
        Self {
            kind,
            view,
            rounds,
            progress,
        }
    }

    /// The matrix.
    pub(crate) fn progress(&self) -> &BTreeMap<OperatorId, OperatorProgress> {
        &self.progress
    }

    /// Whether `id` sends the message of `round` in this ceremony.
    pub(crate) fn expects(&self, id: OperatorId, round: Round) -> bool {
        self.rounds
            .iter()
            .any(|(r, senders)| *r == round && senders.contains(&id))
    }

    /// The start message is on its way to everybody.
    pub(crate) fn starting(&mut self) {
        for row in self.progress.values_mut() {
            row.state = OperatorState::Working;
        }
    }

    /// The operator's message of `round` arrived. The first one counts.
    pub(crate) fn arrived(&mut self, id: OperatorId, round: Round, at: UnixMillis) {
        let done = self.last_round_of(id) == Some(round);
        let Some(row) = self.progress.get_mut(&id) else {
            return;
        };
        row.seen.entry(round).or_insert(at);
        if row.state == OperatorState::Blamed {
            return;
        }
        let newest = row.seen.keys().next_back().copied();
        row.state = if done || row.state == OperatorState::Done {
            OperatorState::Done
        } else {
            OperatorState::Working
        };
        row.note = newest.map_or_else(SafeText::default, |round| round.to_string().into());
    }

    /// The operator answered with an error, or could not be reached, or sent what cannot be used.
    pub(crate) fn failing(&mut self, id: OperatorId, why: impl Into<SafeText>) {
        self.mark(id, OperatorState::Failing, why.into());
    }

    /// Evidence shows that the operator broke the protocol.
    pub(crate) fn blamed(&mut self, id: OperatorId, why: impl Into<SafeText>) {
        self.mark(id, OperatorState::Blamed, why.into());
    }

    /// The deadline passed and these sent nothing.
    pub(crate) fn expired(&mut self, gate: &Gate) {
        for id in &gate.missing {
            let note = format!("nothing received for {}", gate.round);
            // an error that was already reported says more than silence
            match self.progress.get(id).map(|row| row.state) {
                Some(OperatorState::Failing) => {}
                _ => self.mark(*id, OperatorState::Missing, note.into()),
            }
        }
    }

    fn mark(&mut self, id: OperatorId, state: OperatorState, note: SafeText) {
        if let Some(row) = self.progress.get_mut(&id)
            && row.state != OperatorState::Blamed
        {
            row.state = state;
            row.note = note;
        }
    }

    /// Those that were proven to break the protocol.
    pub(crate) fn culprits(&self) -> Vec<OperatorId> {
        self.progress
            .iter()
            .filter(|(_, row)| row.state == OperatorState::Blamed)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Those whose message of `round` was seen.
    pub(crate) fn seen(&self, round: Round) -> BTreeSet<OperatorId> {
        self.progress
            .iter()
            .filter(|(_, row)| row.seen.contains_key(&round))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Whether every message of `round` was seen.
    pub(crate) fn complete(&self, round: Round) -> bool {
        self.rounds
            .iter()
            .filter(|(r, _)| *r == round)
            .all(|(_, senders)| senders.is_subset(&self.seen(round)))
    }

    /// The first round that is not complete. A later message of an operator stands for its earlier ones, and a message
    /// that is only sent after *all* messages of the round before stands for all of those: so a message that was
    /// lost on its way to the observer alone accuses nobody.
    ///
    /// `None`: every message was seen, or (attached late) nobody can be named fairly.
    pub(crate) fn gate(&self) -> Option<Gate> {
        let proven = self.proven_complete();
        let first = match self.view {
            View::Whole => 0,
            View::Late => self.first_whole_round()?,
        };
        self.rounds
            .iter()
            .enumerate()
            .skip(first.max(proven))
            .find_map(|(n, (round, senders))| {
                let missing: Vec<OperatorId> = senders
                    .iter()
                    .copied()
                    .filter(|id| !self.reached(*id, n))
                    .collect();
                (!missing.is_empty()).then_some(Gate {
                    round: *round,
                    missing,
                })
            })
    }

    /// How many rounds, counted from the first, are complete because a later message proves it.
    fn proven_complete(&self) -> usize {
        (0..self.rounds.len())
            .rev()
            .find(|&n| needs_all_before(self.kind, self.rounds[n].0) && self.anything_of(n))
            .unwrap_or(0)
    }

    /// Attached late: a round is seen whole if all its messages depend on a message that was itself seen arriving.
    fn first_whole_round(&self) -> Option<usize> {
        (1..self.rounds.len())
            .find(|&n| needs_all_before(self.kind, self.rounds[n].0) && self.anything_of(n - 1))
    }

    fn anything_of(&self, n: usize) -> bool {
        let round = self.rounds[n].0;
        self.progress.values().any(|row| row.seen.contains_key(&round))
    }

    fn reached(&self, id: OperatorId, n: usize) -> bool {
        let round = self.rounds[n].0;
        self.progress
            .get(&id)
            .is_some_and(|row| row.seen.keys().next_back().is_some_and(|newest| *newest >= round))
    }

    fn last_round_of(&self, id: OperatorId) -> Option<Round> {
        self.rounds
            .iter()
            .rev()
            .find(|(_, senders)| senders.contains(&id))
            .map(|(round, _)| *round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlsPublicKey, ForkVersion, Root, SignPurpose};

    fn ids(list: impl IntoIterator<Item = u64>) -> Vec<OperatorId> {
        list.into_iter().map(OperatorId).collect()
    }

    fn keygen() -> CeremonyPlan {
        CeremonyPlan::Keygen {
            committee: ids(1..=4),
            threshold: 3,
            withdrawal_credentials: Root::default(),
            fork_version: ForkVersion::default(),
        }
    }

    fn reshare() -> CeremonyPlan {
        CeremonyPlan::Reshare {
            validator: BlsPublicKey::default(),
            old: ids(1..=3),
            new: ids([1, 2, 3, 5]),
            threshold: 3,
        }
    }

    fn sign() -> CeremonyPlan {
        CeremonyPlan::Sign {
            validator: BlsPublicKey::default(),
            committee: ids(1..=4),
            threshold: 3,
            signing_root: Root::default(),
            what: SignPurpose::VoluntaryExit {
                validator_index: 1,
                epoch: 1,
            },
            share_public_keys: BTreeMap::new(),
        }
    }

    fn feed(tracker: &mut Tracker, round: Round, who: impl IntoIterator<Item = u64>) {
        for id in who {
            tracker.arrived(OperatorId(id), round, UnixMillis(1000 * id));
        }
    }

    fn gate(round: Round, missing: impl IntoIterator<Item = u64>) -> Option<Gate> {
        Some(Gate {
            round,
            missing: ids(missing),
        })
    }

    #[test]
    fn whoever_falls_silent_is_named_in_its_round() {
        for (n, silent_from) in Round::of(CeremonyKind::Keygen).iter().enumerate() {
            let mut tracker = Tracker::new(&keygen(), View::Whole);
            for (m, round) in Round::of(CeremonyKind::Keygen).iter().enumerate() {
                match m.cmp(&n) {
                    std::cmp::Ordering::Less => feed(&mut tracker, *round, 1..=4),
                    std::cmp::Ordering::Equal => feed(&mut tracker, *round, [1, 2, 4]),
                    // the deposit needs only three partial signatures, so the others go on
                    std::cmp::Ordering::Greater if *silent_from == Round::DepositData => {
                        feed(&mut tracker, *round, [1, 2, 4]);
                    }
                    std::cmp::Ordering::Greater => {}
                }
            }
            assert_eq!(tracker.gate(), gate(*silent_from, [3]), "{silent_from}");
        }
    }

    #[test]
    fn a_message_lost_on_the_way_to_us_accuses_nobody() {
        let mut tracker = Tracker::new(&keygen(), View::Whole);
        feed(&mut tracker, Round::Started, 1..=4);
        feed(&mut tracker, Round::Preparation, [1, 2, 3]);
        assert_eq!(tracker.gate(), gate(Round::Preparation, [4]));
        // operator 1 deals only when it holds all four session keys
        feed(&mut tracker, Round::Round1, [1]);
        assert_eq!(tracker.gate(), gate(Round::Round1, [2, 3, 4]));
        // the output proves only that three deposit signatures exist
        feed(&mut tracker, Round::Round1, [2, 3, 4]);
        feed(&mut tracker, Round::Round2, 1..=4);
        feed(&mut tracker, Round::Output, [1]);
        assert_eq!(tracker.gate(), gate(Round::DepositData, [2, 3, 4]));
    }

    #[test]
    fn each_committee_of_a_reshare_is_waited_for_in_its_own_rounds() {
        let mut tracker = Tracker::new(&reshare(), View::Whole);
        feed(&mut tracker, Round::Started, [1, 2, 3, 5]);
        assert_eq!(tracker.gate(), gate(Round::Preparation, [1, 2, 3, 5]));
        feed(&mut tracker, Round::Preparation, [1, 2, 3, 5]);
        assert_eq!(tracker.gate(), gate(Round::Round1, [1, 2, 3]));
        feed(&mut tracker, Round::Round1, [1, 2]);
        assert_eq!(tracker.gate(), gate(Round::Round1, [3]));
        assert!(!tracker.expects(OperatorId(5), Round::Round1));
        feed(&mut tracker, Round::Round1, [3]);
        feed(&mut tracker, Round::Round2, [1, 2, 3]);
        assert_eq!(tracker.gate(), gate(Round::Round2, [5]));
        feed(&mut tracker, Round::Round2, [5]);
        feed(&mut tracker, Round::Output, [1, 2, 3, 5]);
        assert_eq!(tracker.gate(), None);
        assert!(
            tracker
                .progress()
                .values()
                .all(|row| row.state == OperatorState::Done)
        );
    }

    #[test]
    fn an_offline_signer_stays_the_one_waited_for_while_others_go_on() {
        let mut tracker = Tracker::new(&sign(), View::Whole);
        feed(&mut tracker, Round::Started, [1, 2, 4]);
        feed(&mut tracker, Round::Preparation, [1, 2, 4]);
        feed(&mut tracker, Round::Round1, [1, 2, 4]);
        assert_eq!(tracker.gate(), gate(Round::Started, [3]));
    }

    #[test]
    fn attached_late_only_those_seen_to_be_late_are_named() {
        let mut tracker = Tracker::new(&keygen(), View::Late);
        assert_eq!(tracker.gate(), None);
        feed(&mut tracker, Round::Round1, [2]);
        // 1, 3 and 4 may have dealt before we looked, but round 2 waits for operator 2's dealing
        assert_eq!(tracker.gate(), gate(Round::Round2, [1, 2, 3, 4]));
        feed(&mut tracker, Round::Round2, [1, 2, 3]);
        assert_eq!(tracker.gate(), gate(Round::Round2, [4]));
    }

    #[test]
    fn blame_stays_and_the_first_arrival_counts() {
        let mut tracker = Tracker::new(&keygen(), View::Whole);
        let id = OperatorId(2);
        tracker.arrived(id, Round::Preparation, UnixMillis(5));
        tracker.arrived(id, Round::Preparation, UnixMillis(9));
        tracker.blamed(id, "two dealings");
        tracker.arrived(id, Round::Round1, UnixMillis(10));
        tracker.failing(id, "late");
        let row = &tracker.progress()[&id];
        assert_eq!(row.seen[&Round::Preparation], UnixMillis(5));
        assert_eq!(
            (row.state, row.note.as_str()),
            (OperatorState::Blamed, "two dealings")
        );
        assert_eq!(tracker.culprits(), [id]);
    }
}
