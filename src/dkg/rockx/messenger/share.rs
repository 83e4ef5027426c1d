//! How much of the room for messages each operator takes, over all topics.

use std::collections::HashMap;

use super::message::Message;
use super::topic::Topic;
use crate::types::OperatorId;

/// A ceremony has four operators at least, so what all of four may hold fills the room, and three of them still have
/// theirs when one takes all it can.
const PARTS: usize = 4;

/// Bytes of all messages held, by signer.
#[derive(Debug, Default)]
pub(super) struct Shares {
    bytes: usize,
    /// Never 0.
    of: HashMap<OperatorId, usize>,
}

impl Shares {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the operator has all that is meant for one.
    pub(super) fn is_used_up(&self, signer: OperatorId, room: usize) -> bool {
        self.of.get(&signer).is_some_and(|held| *held >= room / PARTS)
    }

    pub(super) fn add(&mut self, message: &Message) {
        self.bytes += message.body.len();
        *self.of.entry(message.signer).or_default() += message.body.len();
    }

    /// Drops a topic's messages.
    pub(super) fn free(&mut self, topic: &mut Topic) {
        for message in &topic.messages {
            self.bytes -= message.body.len();
            if let Some(held) = self.of.get_mut(&message.signer) {
                *held -= message.body.len();
                if *held == 0 {
                    self.of.remove(&message.signer);
                }
            }
        }
        topic.drop_messages();
    }
}
