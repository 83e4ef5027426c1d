//! Files that hold keys, passwords and tokens, and the arithmetic that opens them.

mod file;
pub(crate) mod scrypt;

pub use file::SecretFile;
