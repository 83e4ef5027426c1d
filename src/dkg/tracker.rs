//! Who has sent what, and for whom a ceremony waits, by the steps that its backend told. Pure: no clock, no I/O; it is
//! told what happened and when.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::{
    CeremonyPlan, CeremonyStep, Follows, OperatorId, OperatorProgress, OperatorState, SafeText, StepId,
    UnixMillis, present_step_from, was_seen,
};

/// The step that the ceremony waits for, and whose messages of it are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gate {
    pub(crate) step: CeremonyStep,
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
    view: View,
    steps: Vec<CeremonyStep>,
    progress: BTreeMap<OperatorId, OperatorProgress>,
}

impl Tracker {
    pub(crate) fn new(plan: &CeremonyPlan, steps: Vec<CeremonyStep>, view: View) -> Self {
        let rows = plan.participants().into_iter();
        Self {
            view,
            steps,
            progress: rows.map(|id| (id, OperatorProgress::default())).collect(),
        }
    }

    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// The matrix.
    pub(crate) fn progress(&self) -> &BTreeMap<OperatorId, OperatorProgress> {
        &self.progress
    }

    /// Whether `id` sends the message of `step` in this ceremony.
    pub(crate) fn expects(&self, id: OperatorId, step: &StepId) -> bool {
        self.step(step).is_some_and(|step| step.asks(id))
    }

    /// The start message is on its way to everybody.
    pub(crate) fn starting(&mut self) {
        for row in self.progress.values_mut() {
            row.state = OperatorState::Working;
        }
    }

    /// The operator's message of `step` arrived. The first one counts.
    pub(crate) fn arrived(&mut self, id: OperatorId, step: StepId, at: UnixMillis) {
        let last = self.steps.iter().rev().find(|step| step.asks(id));
        let done = last.is_some_and(|last| last.id == step);
        let Some(row) = self.progress.get_mut(&id) else {
            return;
        };
        row.seen.entry(step).or_insert(at);
        if row.state == OperatorState::Blamed {
            return;
        }
        row.state = if done || row.state == OperatorState::Done {
            OperatorState::Done
        } else {
            OperatorState::Working
        };
        let newest = self
            .steps
            .iter()
            .rev()
            .find(|step| row.seen.contains_key(&step.id));
        row.note = newest.map_or_else(SafeText::default, |step| step.title.clone());
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
            let note = format!("nothing received for {}", gate.step.title);
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

    /// Those whose message of `step` was seen.
    pub(crate) fn seen(&self, step: &StepId) -> BTreeSet<OperatorId> {
        self.progress
            .iter()
            .filter(|(_, row)| row.seen.contains_key(step))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Whether every message of `step` was seen.
    pub(crate) fn complete(&self, step: &StepId) -> bool {
        let seen = self.seen(step);
        self.step(step)
            .is_none_or(|step| step.senders.iter().all(|id| seen.contains(id)))
    }

    /// Whether every message of the steps before `step` was seen itself: what somebody else vouches for was lost on its way
    /// here.
    pub(crate) fn is_whole_before(&self, step: &StepId) -> bool {
        let before = self.steps.iter().take_while(|other| other.id != *step);
        before.into_iter().all(|other| self.complete(&other.id))
    }

    /// What [`present_step`](crate::types::present_step) says; attached late, among the steps that were seen whole.
    ///
    /// `None`: every message was seen, or (attached late) nobody can be named fairly.
    pub(crate) fn gate(&self) -> Option<Gate> {
        let first = match self.view {
            View::Whole => 0,
            View::Late => self.first_whole_step()?,
        };
        let (step, missing) = present_step_from(&self.steps, &self.progress, first)?;
        Some(Gate {
            step: step.clone(),
            missing,
        })
    }

    /// Attached late: a step is seen whole if all its messages depend on a message that was itself seen arriving.
    fn first_whole_step(&self) -> Option<usize> {
        (1..self.steps.len())
            .find(|&n| self.steps[n].follows == Follows::All && was_seen(&self.steps[n - 1], &self.progress))
    }

    fn step(&self, id: &StepId) -> Option<&CeremonyStep> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::rockx::round::{Round, steps};
    use crate::types::{BlsPublicKey, CeremonyKind, ForkVersion, Root, SignPurpose};

    fn ids(list: impl IntoIterator<Item = u64>) -> Vec<OperatorId> {
        list.into_iter().map(OperatorId).collect()
    }

    fn keygen() -> CeremonyPlan {
        CeremonyPlan::Keygen {
            committee: ids(1..=4),
            threshold: 3,
            withdrawal_credentials: Root::default(),
            fork_version: ForkVersion::default(),
            registration: None,
        }
    }

    fn reshare() -> CeremonyPlan {
        CeremonyPlan::Reshare {
            validator: BlsPublicKey::default(),
            old: ids(1..=3),
            new: ids([1, 2, 3, 5]),
            threshold: 3,
            brought: None,
            registration: None,
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
                domain: None,
            },
            share_public_keys: BTreeMap::new(),
            brought: None,
        }
    }

    fn feed(tracker: &mut Tracker, round: Round, who: impl IntoIterator<Item = u64>) {
        for id in who {
            tracker.arrived(OperatorId(id), round.id(), UnixMillis(1000 * id));
        }
    }

    fn tracker(plan: CeremonyPlan, view: View) -> Tracker {
        Tracker::new(&plan, steps(&plan), view)
    }

    fn gate(round: Round, missing: impl IntoIterator<Item = u64>) -> Option<(StepId, Vec<OperatorId>)> {
        Some((round.id(), ids(missing)))
    }

    fn waits_for(tracker: &Tracker) -> Option<(StepId, Vec<OperatorId>)> {
        tracker.gate().map(|gate| (gate.step.id, gate.missing))
    }

    #[test]
    fn whoever_falls_silent_is_named_in_its_round() {
        for (n, silent_from) in Round::of(CeremonyKind::Keygen).iter().enumerate() {
            let mut tracker = tracker(keygen(), View::Whole);
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
            assert_eq!(waits_for(&tracker), gate(*silent_from, [3]), "{silent_from}");
        }
    }

    #[test]
    fn a_message_lost_on_the_way_to_us_accuses_nobody() {
        let mut tracker = tracker(keygen(), View::Whole);
        feed(&mut tracker, Round::Started, 1..=4);
        feed(&mut tracker, Round::Preparation, [1, 2, 3]);
        assert_eq!(waits_for(&tracker), gate(Round::Preparation, [4]));
        // operator 1 deals only when it holds all four session keys
        feed(&mut tracker, Round::Round1, [1]);
        assert_eq!(waits_for(&tracker), gate(Round::Round1, [2, 3, 4]));
        // the output proves only that three deposit signatures exist
        feed(&mut tracker, Round::Round1, [2, 3, 4]);
        feed(&mut tracker, Round::Round2, 1..=4);
        feed(&mut tracker, Round::Output, [1]);
        assert_eq!(waits_for(&tracker), gate(Round::DepositData, [2, 3, 4]));
    }

    #[test]
    fn each_committee_of_a_reshare_is_waited_for_in_its_own_rounds() {
        let mut tracker = tracker(reshare(), View::Whole);
        feed(&mut tracker, Round::Started, [1, 2, 3, 5]);
        assert_eq!(waits_for(&tracker), gate(Round::Preparation, [1, 2, 3, 5]));
        feed(&mut tracker, Round::Preparation, [1, 2, 3, 5]);
        assert_eq!(waits_for(&tracker), gate(Round::Round1, [1, 2, 3]));
        feed(&mut tracker, Round::Round1, [1, 2]);
        assert_eq!(waits_for(&tracker), gate(Round::Round1, [3]));
        assert!(!tracker.expects(OperatorId(5), &Round::Round1.id()));
        feed(&mut tracker, Round::Round1, [3]);
        feed(&mut tracker, Round::Round2, [1, 2, 3]);
        assert_eq!(waits_for(&tracker), gate(Round::Round2, [5]));
        feed(&mut tracker, Round::Round2, [5]);
        feed(&mut tracker, Round::Output, [1, 2, 3, 5]);
        assert_eq!(waits_for(&tracker), None);
        assert!(
            tracker
                .progress()
                .values()
                .all(|row| row.state == OperatorState::Done)
        );
    }

    #[test]
    fn an_offline_signer_stays_the_one_waited_for_while_others_go_on() {
        let mut tracker = tracker(sign(), View::Whole);
        feed(&mut tracker, Round::Started, [1, 2, 4]);
        feed(&mut tracker, Round::Preparation, [1, 2, 4]);
        feed(&mut tracker, Round::Round1, [1, 2, 4]);
        assert_eq!(waits_for(&tracker), gate(Round::Started, [3]));
    }

    #[test]
    fn attached_late_only_those_seen_to_be_late_are_named() {
        let mut tracker = tracker(keygen(), View::Late);
        assert_eq!(waits_for(&tracker), None);
        feed(&mut tracker, Round::Round1, [2]);
        // 1, 3 and 4 may have dealt before we looked, but round 2 waits for operator 2's dealing
        assert_eq!(waits_for(&tracker), gate(Round::Round2, [1, 2, 3, 4]));
        feed(&mut tracker, Round::Round2, [1, 2, 3]);
        assert_eq!(waits_for(&tracker), gate(Round::Round2, [4]));
    }

    #[test]
    fn blame_stays_and_the_first_arrival_counts() {
        let mut tracker = tracker(keygen(), View::Whole);
        let id = OperatorId(2);
        tracker.arrived(id, Round::Preparation.id(), UnixMillis(5));
        tracker.arrived(id, Round::Preparation.id(), UnixMillis(9));
        tracker.blamed(id, "two dealings");
        tracker.arrived(id, Round::Round1.id(), UnixMillis(10));
        tracker.failing(id, "late");
        let row = &tracker.progress()[&id];
        assert_eq!(row.seen[&Round::Preparation.id()], UnixMillis(5));
        assert_eq!(
            (row.state, row.note.as_str()),
            (OperatorState::Blamed, "two dealings")
        );
        assert_eq!(tracker.culprits(), [id]);
    }
}
