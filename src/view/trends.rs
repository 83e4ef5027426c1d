//! What is measured again and again, for charts: the newest values of this run. Nothing here is durable, and nothing is
//! decided by it.

use std::collections::BTreeMap;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use super::{EndpointKind, EndpointView, Health, OperatorView};
use crate::types::{OperatorId, SafeText};

/// The newest values of one thing, oldest first. `None`: it was asked and did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Samples(Vec<Option<u64>>);

impl Samples {
    /// So many values are kept: as many as a chart has columns on a common terminal.
    pub const MOST: usize = 60;

    /// Takes a value in; the oldest goes.
    pub fn push(&mut self, value: Option<u64>) {
        let over = (self.0.len() + 1).saturating_sub(Self::MOST);
        self.0.drain(..over);
        self.0.push(value);
    }

    /// Oldest first.
    #[must_use]
    pub fn values(&self) -> &[Option<u64>] {
        &self.0
    }
}

/// How long one endpoint took to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointTrend {
    pub kind: EndpointKind,
    /// Redacted URL.
    pub name: SafeText,
    /// Milliseconds.
    pub latency_ms: Samples,
}

/// The newest values of everything that is measured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trends {
    /// How long operators took to answer, milliseconds.
    pub operators: BTreeMap<OperatorId, Samples>,
    pub endpoints: Vec<EndpointTrend>,
    /// Base fee of each head that was seen, wei per gas.
    pub base_fee_wei: Samples,
    /// Pools in the contract's ready queue, at each head that was seen.
    pub queue: Samples,
    /// The most that one transaction may cost in fees, wei; none while it is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_ceiling_wei: Option<U256>,
}

impl Trends {
    /// Nothing was measured yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Operators were asked. Who is not configured any more goes.
    pub fn operators_asked(&mut self, asked: &[OperatorView]) {
        self.operators
            .retain(|id, _| asked.iter().any(|operator| operator.id == *id));
        for operator in asked {
            let samples = self.operators.entry(operator.id).or_default();
            samples.push(operator.latency_ms);
        }
    }

    /// Endpoints of one kind were asked. Who is not configured any more goes.
    pub fn endpoints_asked(&mut self, kind: EndpointKind, asked: &[EndpointView]) {
        let is_there = |trend: &EndpointTrend| asked.iter().any(|endpoint| endpoint.name == trend.name);
        self.endpoints
            .retain(|trend| trend.kind != kind || is_there(trend));
        for endpoint in asked {
            // whatever it needed before, it does not answer now
            let latency = endpoint.latency_ms.filter(|_| endpoint.health != Health::Down);
            let known = self
                .endpoints
                .iter_mut()
                .find(|t| t.kind == kind && t.name == endpoint.name);
            match known {
                Some(trend) => trend.latency_ms.push(latency),
                None => {
                    let mut latency_ms = Samples::default();
                    latency_ms.push(latency);
                    self.endpoints.push(EndpointTrend {
                        kind,
                        name: endpoint.name.clone(),
                        latency_ms,
                    });
                }
            }
        }
        self.endpoints
            .sort_by(|a, b| (a.kind, a.name.as_str()).cmp(&(b.kind, b.name.as_str())));
    }

    /// A head was seen.
    pub fn head_seen(&mut self, base_fee_wei: Option<U256>, queue: usize) {
        let fee = base_fee_wei.map(|wei| u64::try_from(wei).unwrap_or(u64::MAX));
        self.base_fee_wei.push(fee);
        self.queue.push(Some(queue as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(name: &str, latency_ms: Option<u64>) -> EndpointView {
        EndpointView {
            kind: EndpointKind::Execution,
            name: name.into(),
            health: Health::Up,
            detail: SafeText::default(),
            latency_ms,
        }
    }

    #[test]
    fn the_oldest_value_goes_and_no_answer_is_no_zero() {
        let mut samples = Samples::default();
        (0..100).for_each(|n| samples.push(Some(n)));
        samples.push(None);
        assert_eq!(samples.values().len(), Samples::MOST);
        assert_eq!(samples.values().first(), Some(&Some(41)));
        assert_eq!(samples.values().last(), Some(&None));
    }

    #[test]
    fn endpoints_keep_their_values_and_those_that_are_configured_no_more_go() {
        let mut trends = Trends::default();
        assert!(trends.is_empty());
        let kind = EndpointKind::Execution;
        trends.endpoints_asked(kind, &[endpoint("b", Some(1)), endpoint("a", None)]);
        trends.endpoints_asked(EndpointKind::Beacon, &[endpoint("c", Some(9))]);
        trends.endpoints_asked(kind, &[endpoint("b", Some(2))]);
        let found: Vec<_> = trends
            .endpoints
            .iter()
            .map(|t| (t.name.as_str(), t.latency_ms.values().to_vec()))
            .collect();
        assert_eq!(found, [("b", vec![Some(1), Some(2)]), ("c", vec![Some(9)])]);
    }

    #[test]
    fn who_is_down_did_not_answer_whatever_it_needed_before() {
        let mut trends = Trends::default();
        let mut node = endpoint("a", Some(2));
        trends.endpoints_asked(EndpointKind::Execution, std::slice::from_ref(&node));
        node.health = Health::Down;
        trends.endpoints_asked(EndpointKind::Execution, &[node]);
        assert_eq!(trends.endpoints[0].latency_ms.values(), [Some(2), None]);
    }

    #[test]
    fn a_head_has_its_fee_and_its_queue() {
        let mut trends = Trends::default();
        trends.head_seen(Some(U256::from(7)), 3);
        trends.head_seen(None, 0);
        assert_eq!(trends.base_fee_wei.values(), [Some(7), None]);
        assert_eq!(trends.queue.values(), [Some(3), Some(0)]);
        let text = serde_json::to_string(&trends).unwrap();
        assert_eq!(serde_json::from_str::<Trends>(&text).unwrap(), trends);
    }
}
