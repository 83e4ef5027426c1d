//! Feldman commitments: the public image of a dealer's polynomial.

use std::collections::BTreeMap;
use std::ops::Add;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use blstrs::{G1Affine, G1Projective};
use group::Group;

use super::point::{PointError, decode_key};
use super::scalar::SecretScalar;
use crate::types::{BlsPublicKey, OperatorId};

/// A_k = a_k·G for each coefficient, constant term first. Every one is a valid point other than the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitments(Vec<G1Affine>);

impl Commitments {
    pub(super) fn of(coefficients: &[SecretScalar]) -> Self {
        Self(coefficients.iter().map(|a| a.times_generator().into()).collect())
    }

    /// Reads compressed points.
    ///
    /// # Errors
    /// The first that is no point of the subgroup or the identity, with its position; or none at all.
    pub fn decode<B: AsRef<[u8]>>(points: &[B]) -> Result<Self, (usize, PointError)> {
        if points.is_empty() {
            return Err((
                0,
                PointError::Length {
                    expected: BlsPublicKey::LEN,
                    got: 0,
                },
            ));
        }
        points
            .iter()
            .enumerate()
            .map(|(n, point)| decode_key(point.as_ref()).map_err(|e| (n, e)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Compressed points, constant term first.
    pub fn iter(&self) -> impl Iterator<Item = BlsPublicKey> {
        self.0.iter().map(|point| BlsPublicKey(point.to_compressed()))
    }

    /// Number of coefficients: the threshold of what was dealt.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.0.len()
    }

    /// Image of the dealer's secret.
    #[must_use]
    pub fn constant_term(&self) -> BlsPublicKey {
        BlsPublicKey(self.0[0].to_compressed())
    }

    /// Whether `share` is the committed polynomial's value at `operator`. Constant time in the share; zero is refused.
    #[must_use]
    pub fn verify_share(&self, operator: OperatorId, share: &SecretScalar) -> bool {
        let expected = G1Affine::from(self.evaluate(operator)).to_compressed();
        let actual = G1Affine::from(share.times_generator()).to_compressed();
        verify_slices_are_equal(&expected, &actual).is_ok() && !share.is_zero()
    }

    /// Image of the polynomial's value at `operator`. *Public input only.*
    pub(crate) fn evaluate(&self, operator: OperatorId) -> G1Projective {
        evaluate_at(&self.0, operator)
    }

    /// The share key that these dealers' shares for `operator` add up to. *Public input only.*
    ///
    /// `None` without dealers, or if the sum is the identity.
    #[must_use]
    pub fn share_key<'a>(
        dealers: impl IntoIterator<Item = &'a Self>,
        operator: OperatorId,
    ) -> Option<BlsPublicKey> {
        Self::sum(dealers.into_iter().map(|c| c.evaluate(operator)))
    }

    /// The group key of these dealers and the share key of each of `members`. The polynomials are added up first, so
    /// that a key costs one evaluation, however many dealers there are. *Public input only.*
    ///
    /// `None` without dealers, or if one of the keys is the identity.
    #[must_use]
    pub fn keys<'a>(
        dealers: impl IntoIterator<Item = &'a Self>,
        members: &[OperatorId],
    ) -> Option<(BlsPublicKey, BTreeMap<OperatorId, BlsPublicKey>)> {
        let mut total: Vec<G1Projective> = Vec::new();
        for dealer in dealers {
            total.resize(total.len().max(dealer.0.len()), G1Projective::identity());
            for (sum, point) in total.iter_mut().zip(&dealer.0) {
                *sum += point;
            }
        }
        let share_keys = members
            .iter()
            .map(|member| Some((*member, Self::sum(std::iter::once(evaluate_at(&total, *member)))?)))
            .collect::<Option<_>>()?;
        Some((Self::sum(total.first().copied().into_iter())?, share_keys))
    }

    fn sum(points: impl Iterator<Item = G1Projective>) -> Option<BlsPublicKey> {
        let sum = points.fold(G1Projective::identity(), |sum, point| sum + point);
        (!bool::from(sum.is_identity())).then(|| BlsPublicKey(sum.to_compressed()))
    }
}

/// The value at `operator` of the polynomial with these coefficients, the constant one first (Horner). *Public input only.*
fn evaluate_at<P>(coefficients: &[P], operator: OperatorId) -> G1Projective
where
    for<'a> G1Projective: Add<&'a P, Output = G1Projective>,
{
    let highest_first = coefficients.iter().rev();
    highest_first.fold(G1Projective::identity(), |value, coefficient| {
        times_public(&value, operator.0) + coefficient
    })
}

/// Double-and-add over the bits of a small factor; far fewer steps than a full-width multiplication. *Public input only.*
fn times_public(point: &G1Projective, factor: u64) -> G1Projective {
    let mut out = G1Projective::identity();
    for bit in (0..u64::BITS - factor.leading_zeros()).rev() {
        out = out.double();
        if factor >> bit & 1 == 1 {
            out += point;
        }
    }
    out
}
