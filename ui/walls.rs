//! What sources may not know, may not say and may not become, looked up in them.

mod functions;
mod patience;
mod rooms;
mod secrets;
mod source;
mod words;
