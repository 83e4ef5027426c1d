//! The FROST-style distributed key generation and resharing, as arithmetic without any I/O.
//!
//! Every dealer commits to a polynomial, proves that it knows the constant term, and gives each member of the (new)
//! committee its value there. A member's share is the sum of what it was dealt; the validator key is the sum of the
//! constant terms. In a reshare the dealers are exactly threshold many old operators, and each deals its old share
//! times its Lagrange coefficient, so the sum is the old key.

mod challenge;
mod deal;
mod read;
mod receive;

pub use challenge::{CHALLENGE_DST, Proof, hash_to_scalar};
pub use deal::{Dealing, reshare_secret};
pub(crate) use read::Content;
pub use receive::{DerivedKeys, Round1Error, ShareError, combine_shares, open_share, verify_round1};
