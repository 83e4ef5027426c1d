//! From the words of the decision core to the words of front ends. What crosses is the views' own: the core can change
//! its types without a word to anybody outside.

mod action;
mod case;

pub(super) use action::{action, committee, decider, decision};
pub(super) use case::{cause, history, milestone, mode, status, way};
