//! Those who have connected and not greeted yet, and those who never may. Whoever can open the socket's file can connect as
//! fast as this machine lets them: each user has a share of the door, and makes room there for nobody but himself.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use super::frame;
use crate::types::SafeText;
use crate::view::{Hello, ToSeat};

/// Connections that have not greeted yet. A console greets at once; of those that do not, the oldest makes room.
pub(super) const AT_THE_DOOR: usize = 64;
/// As many of them may be of one user.
pub(super) const SHARE: usize = 16;

/// Groups change while an engine runs: for so long a stranger is believed to be one.
const STRANGE: Duration = Duration::from_secs(3);
/// So many strangers are remembered.
const STRANGERS: usize = 256;

/// Where a connection leaves the door: to its seat, or out. Whichever comes first holds, since a seat that was greeted
/// and then dropped is an engine that hung up for no reason.
#[derive(Debug, Default)]
pub(super) struct Admission(OnceLock<Left>);

#[derive(Debug, PartialEq)]
enum Left {
    ForItsSeat,
    SentAway,
}

impl Admission {
    /// Whether it may sit down; it was sent away meanwhile where not.
    pub(super) fn greets(&self) -> bool {
        *self.0.get_or_init(|| Left::ForItsSeat) == Left::ForItsSeat
    }

    /// Whether it has to go; it sits where not.
    fn makes_room(&self) -> bool {
        *self.0.get_or_init(|| Left::SentAway) == Left::SentAway
    }

    fn stands(&self) -> bool {
        self.0.get().is_none()
    }
}

struct Waiting {
    uid: u32,
    task: AbortHandle,
    admission: Arc<Admission>,
}

/// Those who have not greeted yet, the oldest first.
#[derive(Default)]
pub(super) struct Door(VecDeque<Waiting>);

impl Door {
    /// One more; whoever has more than his share loses his own oldest. Where all have theirs, whoever has most of the door
    /// makes room.
    pub(super) fn enters(&mut self, uid: u32, task: AbortHandle, admission: Arc<Admission>) {
        self.0
            .retain(|one| !one.task.is_finished() && one.admission.stands());
        self.0.push_back(Waiting { uid, task, admission });
        if self.of(uid) > SHARE {
            self.sends_away(uid);
        } else if self.0.len() > AT_THE_DOOR
            && let Some(most) = self.0.iter().map(|one| one.uid).max_by_key(|uid| self.of(*uid))
        {
            self.sends_away(most);
        }
    }

    fn of(&self, uid: u32) -> usize {
        self.0.iter().filter(|one| one.uid == uid).count()
    }

    /// The oldest of this user.
    fn sends_away(&mut self, uid: u32) {
        let oldest = self.0.iter().position(|one| one.uid == uid);
        if let Some(one) = oldest.and_then(|at| self.0.remove(at))
            && one.admission.makes_room()
        {
            one.task.abort();
        }
    }
}

/// Users who were refused a moment ago, by user and group, and in which words: nothing is looked up for them again.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<HashMap<(u32, u32), (Instant, SafeText)>>);

impl Strangers {
    pub(super) fn remember(&self, who: (u32, u32), why: &SafeText) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, _)| now.duration_since(*at) < STRANGE);
        if known.len() < STRANGERS {
            known.insert(who, (now, why.clone()));
        }
    }

    pub(super) fn why_not(&self, who: (u32, u32)) -> Option<SafeText> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, why) = known.get(&who)?;
        (at.elapsed() < STRANGE).then(|| why.clone())
    }
}

/// Says why not, and hangs up. Nothing is waited for: the words fit into what the system keeps for a new connection.
pub(super) fn turn_away(stream: UnixStream, why: SafeText) {
    let Ok(mut stream) = stream.into_std() else { return };
    let words = [
        frame::line(&ToSeat::Hello(Hello::of_this_program())),
        frame::line(&ToSeat::NotAdmitted(why)),
    ];
    for line in words.into_iter().flatten() {
        if stream.write_all(&line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn comes(door: &mut Door, uid: u32) -> tokio::task::JoinHandle<()> {
        let task = tokio::spawn(std::future::pending());
        door.enters(uid, task.abort_handle(), Arc::default());
        tokio::task::yield_now().await;
        task
    }

    /// One of them connected in a loop, and four of ten others were sent away.
    #[tokio::test]
    async fn whoever_comes_again_and_again_makes_room_for_himself_alone() {
        let mut door = Door::default();
        let other = comes(&mut door, 2).await;
        let mut own = Vec::new();
        for _ in 0..10 * AT_THE_DOOR {
            own.push(comes(&mut door, 1).await);
        }
        assert!(!other.is_finished());
        let left = own.iter().filter(|task| !task.is_finished()).count();
        assert_eq!(left, SHARE);
    }

    #[tokio::test]
    async fn a_door_that_many_users_fill_is_no_longer_than_it_may_be() {
        let mut door = Door::default();
        let mut all = Vec::new();
        for uid in 1..=5 {
            for _ in 0..SHARE {
                all.push((uid, comes(&mut door, uid).await));
            }
        }
        let one = comes(&mut door, 9).await;
        assert!(!one.is_finished(), "who has the least stays");
        let left = all.iter().filter(|(_, task)| !task.is_finished()).count();
        assert_eq!(left + 1, AT_THE_DOOR);
        // whoever has greeted is at the door no more
        let admission = Arc::<Admission>::default();
        let task = tokio::spawn(std::future::pending::<()>());
        door.enters(8, task.abort_handle(), Arc::clone(&admission));
        assert!(admission.greets());
        for _ in 0..2 * SHARE {
            comes(&mut door, 8).await;
        }
        assert!(!task.is_finished());
    }

    /// Twenty seats came at once, and one of them was dropped right after its first state.
    #[tokio::test]
    async fn whoever_has_just_greeted_is_not_sent_away() {
        let mut door = Door::default();
        let admission = Arc::<Admission>::default();
        let task = tokio::spawn(std::future::pending::<()>());
        door.enters(1, task.abort_handle(), Arc::clone(&admission));
        // it greets on another thread, after the door was looked at and before the oldest is sent away
        assert!(admission.greets());
        door.sends_away(1);
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        // and whoever was sent away does not sit down
        let late = Arc::<Admission>::default();
        let task = tokio::spawn(std::future::pending::<()>());
        door.enters(1, task.abort_handle(), Arc::clone(&late));
        door.sends_away(1);
        assert!(!late.greets());
        assert!(task.await.unwrap_err().is_cancelled());
    }

    #[test]
    fn a_stranger_is_known_for_a_while_by_user_and_group() {
        let strangers = Strangers::default();
        let why = SafeText::new("in no list");
        strangers.remember((1, 2), &why);
        assert_eq!(strangers.why_not((1, 2)), Some(why.clone()));
        assert_eq!(strangers.why_not((1, 3)), None);
        for uid in 0..2 * u32::try_from(STRANGERS).unwrap() {
            strangers.remember((uid, 9), &why);
        }
        assert_eq!(strangers.0.lock().unwrap().len(), STRANGERS);
    }
}
