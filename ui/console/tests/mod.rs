//! The console drawn on a test backend: pictures of every screen and state, every size, hostile text, frame time.

mod bench;
pub(crate) mod draw;
pub(crate) mod fixture;
mod hostile;
mod sweep;
