//! The consensus layer: a client of several beacon nodes ([`client`], an adapter of
//! [`Consensus`](crate::ports::consensus::Consensus)), what is signed for it ([`roots`]), and what a validator's state
//! means for an exit ([`exit`]).
//!
//! # What counts as an answer
//!
//! A node is asked only while its word counts: it has our chain's genesis, and calls itself neither syncing nor optimistic
//! nor without its execution node. What else it says is passed over, and the next node is asked.
//!
//! | Question | Yes | No | Not known |
//! |---|---|---|---|
//! | a validator by key or index | listed, or found by itself, in the head state | the head state's list is there without it, or 404 to it; while the same node tells the root of its head state, which is no hour behind this machine's clock, and by the same route validator 0 | a node that lists not even validator 0; 404 to everything, or to everything below `/states/`; a list of others; an answer about an unchecked (optimistic) state; every other failure |
//! | the same, where several nodes are configured | two say the same stage of its life (waits, works, leaves), and fewer another one; of those that lag within it the least far; its key, index and epochs as more than half of these tell; or one tells it and nobody else answers, which comes with the answer (`Heard::alone`) and is the check `beacon-agree` | as above, and nobody knows it | as many say the one as the other, who are named; one of several denies that it leaves; as many or more know none as tell that it waits; of those who say the same stage no half tells the same epochs |
//! | rules | what is built in for a public network; else spec and genesis, which all who answer tell alike, or most and two at least | never | every failure, a missing constant; nodes that contradict each other, who are named |
//! | forks | the node's schedule | never | every failure |
//! | exits in the pool | the list, which may be empty | never: a pool is one node's | every failure |
//! | publishing an exit | each node's verdict by itself | | a node that is not in sync: what it took does not count, and its refusal is no verdict; an error that has not the form of a beacon node's, or a status that nodes do not give to exits: a gateway's |

pub mod client;
pub mod exit;
pub mod roots;
