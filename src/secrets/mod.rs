//! Files that hold keys, passwords and tokens, and the arithmetic that opens them.

mod file;
mod judged;
pub mod person;
mod pipe;
mod private;
mod program;
mod scrypt;
pub(crate) mod sealing;
mod way;
mod whole;

pub use file::SecretFile;
pub use judged::{
    Holds, Judged, judge_database, judge_directory, judge_ours, open, parts_of, read_trusted, regular,
};
pub use pipe::tell_waiting;
pub(crate) use private::unmounted;
pub use private::{append_private, make_private, partial_of, replace_private, write_private};
pub use program::{judge_program, program_of};
pub use whole::{Placed, Successor, create_whole};
