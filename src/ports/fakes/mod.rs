//! A fake of each port, for tests within the library: it answers what a test told it to, and keeps what it was asked.

mod ceremonies;

pub(crate) use ceremonies::FakeCeremonies;
