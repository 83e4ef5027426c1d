//! The tour: the story of the pools by itself, station by station, with a line of explanation at each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::devnet::demo::Director;
use casimir_dkg::engine::{EngineHandle, Seat};
use casimir_dkg::types::{ActionId, RequestKind};
use casimir_dkg::view::{ActionState, ActionView, Health, Request, Snapshot};

use super::Wanted;
use crate::args::TourBy;
use crate::person;

/// What happens at a station.
enum Deed {
    /// The next action of this kind that waits is decided.
    Decide(&'static str),
    /// The director pulls it.
    Pull(&'static str),
    /// Waits until this is so.
    Until(fn(&Snapshot) -> bool),
}

/// One station: what is said, and then done.
struct Station {
    says: &'static str,
    deed: Deed,
}

const fn station(says: &'static str, deed: Deed) -> Station {
    Station { says, deed }
}

/// So many cases of the kind came to their end.
fn over(snapshot: &Snapshot, kind: RequestKind, wanted: u64) -> bool {
    snapshot.cases_over(kind) >= wanted
}

/// In so many cases such an action was proposed: whatever it follows from has come to its end.
fn cases_with(snapshot: &Snapshot, kind: &str) -> usize {
    let these = snapshot.actions.iter().filter(|action| action.kind == kind);
    these.map(|action| action.id.case).collect::<BTreeSet<_>>().len()
}

use Deed::{Decide, Pull, Until};

#[rustfmt::skip]
const STORY: &[Station] = &[
    station("A staker has filled a pool of 32 ETH. Its validator needs a key that nobody holds: the oracle proposes operators who make it together.", Decide("keygen")),
    station("The ceremony runs: each operator sends its round to all others, and the oracle watches every message. The result is verified before anything rests on it.", Until(|s| !s.ceremonies.is_empty() && s.ceremonies.iter().all(|c| c.is_over()))),
    station("The key exists. The deposit is a transaction of its own and a decision of its own: 32 ETH leave the manager, for exactly this key.", Decide("send-deposit")),
    station("The deposit is in a block and becomes final; the beacon chain takes the validator up.", Until(|s| over(s, RequestKind::Deposit, 1))),
    station("An operator's machine dies.", Pull("kill 1")),
    station("The oracle asks every operator how it is, and proposes committees without those that do not answer.", Until(|s| s.operators.iter().any(|o| o.health == Health::Down))),
    station("A second pool is filled.", Pull("pool")),
    station("Its key is made without the dead operator.", Decide("keygen")),
    station("The ceremony runs among those that answer, and its result is verified.", Until(|s| cases_with(s, "send-deposit") >= 2)),
    station("Its deposit waits.", Decide("send-deposit")),
    station("The operator is back.", Pull("heal 1")),
    station("The second validator is followed until it is active.", Until(|s| over(s, RequestKind::Deposit, 2))),
    station("A staked pool asks for other operators: a reshare hands the same key on, without anybody ever holding it.", Pull("reshare")),
    station("The new committee is proposed, with those who stay and those who leave.", Decide("reshare")),
    station("The reshare runs: holders deal parts of their shares to the new committee. The key stays what it was, which is verified, and the old shares are worth nothing from then on.", Until(|s| cases_with(s, "send-reshare") >= 1)),
    station("The contract is told of the new committee.", Decide("send-reshare")),
    station("The reshare comes to its end.", Until(|s| over(s, RequestKind::Reshare, 1))),
    station("A pool wants its stake back. Its operators sign a voluntary exit, which nobody can take back: it wants a phrase.", Pull("exit")),
    station("First they sign it.", Decide("sign-exit")),
    station("They sign: enough of them make one signature, which is verified under the validator's key.", Until(|s| cases_with(s, "broadcast-exit") >= 1)),
    station("Then it is published to the beacon nodes.", Decide("broadcast-exit")),
    station("The validator leaves the beacon chain, and its stake is withdrawn.", Until(|s| over(s, RequestKind::Exit, 1))),
    station("This was the whole story. The journal has every decision of it, and the transcripts prove every ceremony. The next pools come by themselves.", Pull("pool 60")),
];

/// The last line.
const END: &str = "the tour is over: from now on a pool comes every minute, and the decisions are yours";

/// What the story brings to its end.
pub(super) const TOLD: Wanted = Wanted {
    deposits: 2,
    reshares: 1,
    exits: 1,
};
/// How long a station stands before the clock decides.
const READ: Duration = Duration::from_secs(6);
/// How long after what could not be done it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// `tour 3 of 23: …`, from 1 on.
fn numbered(nth: usize, words: &str) -> String {
    format!("tour {} of {}: {words}", nth + 1, STORY.len())
}

pub(super) struct Tour {
    seat: Seat,
    director: Arc<Director>,
    by: TourBy,
    read: Duration,
    /// Kinds whose station has been.
    decided: Vec<&'static str>,
    /// Actions whose decision a station of the same kind has told.
    told: Vec<(&'static str, ActionId)>,
}

impl Tour {
    /// `shown`: somebody reads what it says.
    pub(super) fn new(handle: &EngineHandle, director: Arc<Director>, by: TourBy, shown: bool) -> Self {
        Self {
            seat: handle.seat(person::identity()),
            director,
            by,
            read: if shown { READ } else { AGAIN },
            decided: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Goes through the story; `says` gets each line.
    pub(super) async fn go(mut self, says: impl Fn(&str)) {
        for (nth, station) in STORY.iter().enumerate() {
            let yours = match (&station.deed, self.by) {
                (Deed::Decide(_), TourBy::Key) => " The decision is yours.",
                _ => "",
            };
            let says = |words: &str| says(&numbered(nth, words));
            says(&format!("{}{yours}", station.says));
            let gone = match station.deed {
                Deed::Decide(kind) => self.decide(kind).await,
                Deed::Pull(lever) => self.pull(lever, &says).await,
                Deed::Until(is) => self.until(None, is).await,
            };
            if gone.is_none() {
                return;
            }
        }
        says(END);
    }

    /// Waits until it is so. What was decided before and is proposed anew, because it failed or changed, is decided again,
    /// except for a kind whose station has come: the story goes on. None: the engine is gone.
    async fn until(&mut self, but: Option<&str>, is: impl Fn(&Snapshot) -> bool) -> Option<()> {
        loop {
            let snapshot = self.seat.snapshots.borrow_and_update().clone();
            if is(&snapshot) {
                return Some(());
            }
            let again = snapshot
                .waiting()
                .find(|a| ready(a) && !is_kind(a, but) && self.decided.iter().any(|kind| a.kind == *kind));
            match again.filter(|_| self.by == TourBy::Clock) {
                Some(action) => {
                    self.approve(action.clone()).await;
                    tokio::time::sleep(AGAIN).await;
                    self.seat.snapshots.has_changed().ok()?;
                }
                None => self.seat.snapshots.changed().await.ok()?,
            }
        }
    }

    async fn pull(&self, lever: &str, says: &impl Fn(&str)) -> Option<()> {
        loop {
            if self.seat.snapshots.has_changed().is_err() {
                return None;
            }
            match self.director.pull(lever).await {
                Ok(pulled) => {
                    says(&format!("{lever}: {}. Watch: {}.", pulled.did, pulled.watch));
                    tokio::time::sleep(self.read).await;
                    return Some(());
                }
                // no pool is staked yet, and the like
                Err(error) => tracing::debug!(target: "devnet::director", lever, %error, "not yet"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn decide(&mut self, kind: &'static str) -> Option<()> {
        let told = self.told.clone();
        // whoever watches may have decided it before its station came
        let is_new = |a: &&ActionView| {
            let is_of_old = told.iter().any(|(of, id)| *of == kind && id.case == a.id.case);
            is_kind(a, Some(kind)) && (a.waits() && ready(a) || is_decided(a) && !is_of_old)
        };
        self.until(Some(kind), |snapshot| snapshot.actions.iter().any(|a| is_new(&a)))
            .await?;
        self.decided.push(kind);
        let found = {
            let snapshot = self.seat.snapshots.borrow();
            let mut waiting = snapshot.waiting().filter(is_new);
            let mut decided = snapshot.actions.iter().filter(is_new);
            waiting.next().or_else(|| decided.next()).map(|a| a.id)
        };
        let Some(id) = found else { return Some(()) };
        self.told.push((kind, id));
        if self.by == TourBy::Clock {
            tokio::time::sleep(self.read).await;
        }
        loop {
            let found = self
                .seat
                .snapshots
                .borrow()
                .action(id)
                .filter(|a| a.waits())
                .cloned();
            let Some(action) = found else { return Some(()) };
            match self.by {
                TourBy::Clock => self.approve(action).await,
                TourBy::Key => self.seat.snapshots.changed().await.ok()?,
            }
            if self.by == TourBy::Clock && still_waits(&self.seat, id) {
                tokio::time::sleep(AGAIN).await;
            }
            self.seat.snapshots.has_changed().ok()?;
        }
    }

    async fn approve(&self, action: ActionView) {
        let request = Request::Approve {
            action: action.id,
            digest: action.digest,
            phrase: action.phrase.map(|phrase| phrase.to_string()),
        };
        if let Err(refused) = self.seat.request(request).await {
            // it changed meanwhile, or its checks are made again: looked at once more
            tracing::debug!(target: "devnet::director", action = %action.id, %refused, "not approved");
        }
    }
}

fn ready(action: &ActionView) -> bool {
    action.can_approve.is_yes()
}

/// Somebody let it pass: it may be done already.
fn is_decided(action: &ActionView) -> bool {
    matches!(
        action.state,
        ActionState::Approved | ActionState::Executing | ActionState::Done
    )
}

fn is_kind(action: &ActionView, kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| action.kind == kind)
}

fn still_waits(seat: &Seat, id: ActionId) -> bool {
    seat.snapshots.borrow().action(id).is_some_and(ActionView::waits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_are_numbered_from_one_to_the_last() {
        let last = STORY.len() - 1;
        assert_eq!(numbered(0, "a"), format!("tour 1 of {}: a", STORY.len()));
        assert_eq!(numbered(last, "z"), format!("tour {0} of {0}: z", STORY.len()));
    }

    #[test]
    fn every_lever_of_the_tour_is_one_that_the_director_reads() {
        for station in STORY {
            let Deed::Pull(lever) = station.deed else { continue };
            assert!(
                lever.parse::<casimir_dkg::devnet::demo::Lever>().is_ok(),
                "{lever}"
            );
        }
    }

    /// What is decided after a ceremony waits until that is over, and whoever watches is told what runs meanwhile.
    #[test]
    fn every_ceremony_has_a_station_of_its_own() {
        let ceremonies = ["keygen", "reshare", "sign-exit"];
        let mut seen = 0;
        for (station, next) in STORY.iter().zip(&STORY[1..]) {
            let Decide(kind) = station.deed else { continue };
            if ceremonies.contains(&kind) {
                seen += 1;
                assert!(matches!(next.deed, Until(_)), "{}: {}", station.says, next.says);
            }
        }
        assert_eq!(seen, 4);
    }
}
