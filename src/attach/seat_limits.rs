//! How many seats there are, and for whom: whoever may only look cannot keep those out who decide.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Role;
use crate::types::SafeText;

/// Seats at a time. More are told so and let go.
pub(super) const SEATS: usize = 64;
/// As many of them are only for those who may decide.
const FOR_DECIDERS: usize = 16;
/// At most this many for one user who may only look.
pub(super) const VIEWER: usize = 16;

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Seats of those who may only look, by user.
    viewers: HashMap<u32, usize>,
}

/// The seats of one socket.
#[derive(Debug, Default)]
pub(super) struct SeatLimits(Mutex<Taken>);

/// A seat that is taken; free again with this.
#[derive(Debug)]
pub(super) struct SeatPermit {
    places: Arc<SeatLimits>,
    /// Who only looks from it.
    viewer: Option<u32>,
}

impl SeatLimits {
    /// A seat for somebody; else why there is none.
    pub(super) fn take(places: &Arc<Self>, uid: u32, role: Role) -> Result<SeatPermit, SafeText> {
        let mut taken = places.taken();
        if taken.all >= SEATS {
            return Err(SafeText::new(&format!("all {SEATS} seats are taken")));
        }
        let viewer = (role == Role::View).then_some(uid);
        if let Some(uid) = viewer {
            let of_all: usize = taken.viewers.values().sum();
            if of_all >= SEATS - FOR_DECIDERS {
                return Err(SafeText::new(&format!(
                    "all {} seats of those who may only look are taken",
                    SEATS - FOR_DECIDERS
                )));
            }
            let own = taken.viewers.entry(uid).or_default();
            if *own >= VIEWER {
                return Err(SafeText::new(&format!(
                    "all {VIEWER} seats are taken that one user who may only look has"
                )));
            }
            *own += 1;
        }
        taken.all += 1;
        drop(taken);
        let places = Arc::clone(places);
        Ok(SeatPermit { places, viewer })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SeatPermit {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        let Some(uid) = self.viewer else { return };
        if let Some(own) = taken.viewers.get_mut(&uid) {
            *own -= 1;
            if *own == 0 {
                taken.viewers.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_only_look_leave_seats_to_those_who_decide() {
        let places = Arc::new(SeatLimits::default());
        let mut viewers = Vec::new();
        for uid in 1..=3 {
            for _ in 0..VIEWER {
                viewers.push(SeatLimits::take(&places, uid, Role::View).unwrap());
            }
            let one_more = SeatLimits::take(&places, uid, Role::View).unwrap_err();
            assert!(one_more.as_str().contains("seats"), "{one_more}");
        }
        let another = SeatLimits::take(&places, 4, Role::View).unwrap_err();
        assert!(another.as_str().contains("48 seats"), "{another}");

        let mut deciders = Vec::new();
        for _ in 0..FOR_DECIDERS {
            deciders.push(SeatLimits::take(&places, 1, Role::Approve).unwrap());
        }
        let one_more = SeatLimits::take(&places, 9, Role::Approve).unwrap_err();
        assert!(one_more.as_str().contains("all 64 seats"), "{one_more}");

        drop(viewers.pop());
        SeatLimits::take(&places, 4, Role::View).unwrap();
        drop((viewers, deciders));
        assert!(places.taken().all == 0 && places.taken().viewers.is_empty());
    }

    #[test]
    fn whoever_decides_may_take_every_seat() {
        let places = Arc::new(SeatLimits::default());
        let all: Vec<_> = (0..SEATS)
            .map(|_| SeatLimits::take(&places, 7, Role::Approve).unwrap())
            .collect();
        SeatLimits::take(&places, 8, Role::View).unwrap_err();
        drop(all);
        SeatLimits::take(&places, 8, Role::View).unwrap();
    }
}
