//! Polynomials, commitments, Lagrange interpolation and threshold BLS over BLS12-381.
//!
//! Keys are in G1, signatures in G2 (`min_pk`). The Shamir x-coordinate of an operator is its id. Arithmetic on secrets
//! uses constant-time group operations; the functions marked *public input only* do not.

mod commitments;
mod committee;
mod lagrange;
mod point;
mod polynomial;
mod scalar;
mod signature;

pub use commitments::Commitments;
pub use committee::{CommitteeError, interpolates_to};
pub use lagrange::{
    InterpolationError, coefficients_at_zero, interpolate_key, interpolate_secret, interpolate_signature,
};
pub use point::{PointError, decode_key, decode_signature};
pub use polynomial::SecretPolynomial;
pub use scalar::{ScalarError, SecretScalar, scalar_of};
pub use signature::{BLS_DST, CombineError, combine, partial_sign, verify, verify_partials};
