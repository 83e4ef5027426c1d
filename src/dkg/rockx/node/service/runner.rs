//! One session at work: a task that owns the state machine, feeds it, and carries its outputs out. The arithmetic runs
//! on blocking threads, so that several ceremonies use several cores and nobody's request waits for a pairing.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::OsRng;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::super::session::{Authentic, Finish, Input, Output, Session, Sink};
use super::super::store::{Ending, Store, StoreError};
use super::outbox::Post;
use crate::dkg::rockx::wire::{Encode, ProtocolRound};
use crate::log_limit::LogLimit;
use crate::types::{RequestId, SafeText};

static DROPPED: LogLimit = LogLimit::usual();

/// Messages that wait for one session: a committee of 13 sends 52.
pub(super) const QUEUE: usize = 256;
/// Posts of one session that wait for the messenger. It makes fewer than ten; what makes more waits.
pub(super) const POSTS: usize = 32;

pub(super) struct Runner {
    pub(super) session: Box<dyn Session>,
    pub(super) hands: Hands,
    pub(super) inbox: mpsc::Receiver<Authentic>,
    pub(super) round_timeout: Duration,
    pub(super) stop: watch::Receiver<bool>,
}

/// What a session's outputs are carried out with.
pub(super) struct Hands {
    pub(super) ceremony: RequestId,
    pub(super) outbox: mpsc::Sender<Post>,
    pub(super) store: Arc<Store>,
}

/// How a session ended.
pub(super) enum End {
    /// The results of the whole committee are here.
    Complete,
    /// Without them, and why.
    Other(Ending, SafeText),
}

/// What a turn on the blocking thread has led to.
#[derive(Default)]
struct Turn {
    arm: Option<ProtocolRound>,
    end: Option<End>,
}

enum Work {
    Start,
    Messages(Vec<Authentic>),
    Timeout(ProtocolRound),
}

impl Runner {
    /// Runs the session to its end, and records it. `None`: the node stops.
    pub(super) async fn run(mut self) -> Option<End> {
        let mut timer: Option<(ProtocolRound, Instant)> = None;
        let mut work = Work::Start;
        loop {
            let (runner, turn) = tokio::task::spawn_blocking(move || {
                let turn = self.turn(work);
                (self, turn)
            })
            .await
            .ok()?;
            self = runner;
            if let Some(round) = turn.arm {
                timer = Some((round, Instant::now() + self.round_timeout));
            }
            if turn.end.is_some() {
                return turn.end;
            }
            let deadline = timer.map_or_else(|| Instant::now() + self.round_timeout, |(_, at)| at);
            let mut batch = Vec::new();
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return None,
                count = self.inbox.recv_many(&mut batch, QUEUE) => {
                    if count == 0 {
                        return None;
                    }
                    work = Work::Messages(batch);
                }
                () = sleep_until(deadline) => {
                    work = Work::Timeout(timer.map_or(ProtocolRound::Preparation, |(round, _)| round));
                }
            }
        }
    }

    fn turn(&mut self, work: Work) -> Turn {
        let mut turn = Turn::default();
        let Self { session, hands, .. } = self;
        match work {
            Work::Start => {
                session.start_into(&mut OsRng, &mut Sink::new(&mut |o| hands.carry_out(o, &mut turn)))
            }
            Work::Timeout(round) => hands.feed(session.as_mut(), Input::Timeout(round), &mut turn),
            Work::Messages(batch) => {
                for message in batch {
                    if turn.end.is_some() {
                        break;
                    }
                    hands.feed(session.as_mut(), Input::Message(message), &mut turn);
                }
            }
        }
        turn
    }
}

impl Hands {
    fn feed(&self, session: &mut dyn Session, input: Input, turn: &mut Turn) {
        let sender = match &input {
            Input::Message(message) => Some(message.signer()),
            Input::Timeout(_) => None,
        };
        let mut sink = |output| self.carry_out(output, turn);
        if let Err(reject) = session.handle_into(input, &mut OsRng, &mut Sink::new(&mut sink))
            && let Some(left_out) = DROPPED.line()
        {
            let sender = sender.map_or_else(|| "its own timer".to_owned(), |id| format!("operator {id}"));
            tracing::warn!(target: "casimir_dkg::node", ceremony = %self.ceremony, sender, %reject, left_out, "message dropped");
        }
    }

    fn carry_out(&self, output: Output, turn: &mut Turn) {
        // without a durable share nothing that depends on it may leave
        if turn.end.is_some() {
            return;
        }
        let done = match output {
            Output::Broadcast(message) => {
                self.post(Post::Publish(message.to_ssv()));
                Ok(())
            }
            Output::Arm(round) => {
                turn.arm = Some(round);
                Ok(())
            }
            Output::Keep(key) => self.store.keep(self.ceremony, &key),
            Output::Finished(finish) => self.finish(finish, turn),
        };
        if let Err(error) = done {
            turn.end = Some(End::Other(Ending::Failed, SafeText::new(&error.to_string())));
        }
    }

    fn finish(&self, finish: Finish, turn: &mut Turn) -> Result<(), StoreError> {
        // the others report the same now: to write first would gain nothing
        let (ending, reason) = match finish {
            Finish::Outputs(outputs) => {
                let outputs = outputs.to_json();
                self.post(Post::Outputs(outputs.clone()));
                turn.end = Some(End::Complete);
                return self.store.complete(self.ceremony, &outputs);
            }
            Finish::Blame { report, reason } => {
                self.post(Post::Blame(report.to_json()));
                (Ending::Blamed, reason)
            }
            Finish::Failed { reason, notice } => {
                if let Some(notice) = notice {
                    self.post(Post::given_up(*notice));
                }
                (Ending::Failed, reason)
            }
        };
        turn.end = Some(End::Other(ending, reason.clone()));
        self.store.finish(self.ceremony, ending, &reason)
    }

    fn post(&self, post: Post) {
        // turns run on threads that may wait. The other side is gone only when delivery was given up, which was logged
        let _ = self.outbox.blocking_send(post);
    }
}
