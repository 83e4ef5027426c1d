//! The decision core of the Casimir DKG oracle, and the small types that every room shares.
//!
//! A package of its own, so that the compiler holds what it promises: there is no runtime, no client and no file among
//! its dependencies. Tests live thousands of whole lives of it, so it is optimised in every build.

pub mod oracle;
pub mod types;
