//! The front end without a screen: one line for each transition, as text or JSON.

mod endpoints;
mod render;
mod run;
mod service;
mod signals;

pub(crate) use run::{Ending, Form, run};
pub(crate) use service::{Service, Takes};
pub(crate) use signals::{Signal, Signals};
