//! Files that hold keys, passwords and tokens, and the arithmetic that opens them.

mod file;
mod judged;
pub mod person;
#[cfg(unix)]
mod pipe;
mod private;
pub(crate) mod scrypt;
#[cfg(unix)]
mod way;

pub use file::SecretFile;
pub use judged::{Holds, Judged, judge_database, judge_directory, judge_ours, open, read_trusted, regular};
pub(crate) use private::unmounted;
pub use private::{append_private, make_private, partial_of, replace_private, write_private};
