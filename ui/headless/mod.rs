//! The front end without a screen: one line for each transition, as text or JSON.

mod endpoints;
mod render;
mod run;
mod signals;

pub(crate) use run::{Ending, Form, run};
pub(crate) use signals::Signals;
