//! Which endpoint is not well, and when it is again: a line for whoever has no screen.

use std::collections::BTreeMap;
use std::time::Duration;

use casimir_dkg::types::SafeText;
use casimir_dkg::view::{EndpointKind, EndpointView, Health};
use tokio::time::Instant;

/// One that comes and goes has a line for its worst, and for getting better only after this time.
const CALM: Duration = Duration::from_secs(30);

/// What was said of each.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    said: BTreeMap<(EndpointKind, SafeText), (Health, String, Instant)>,
}

impl Endpoints {
    /// What is to be said now.
    pub(super) fn news(&mut self, endpoints: &[EndpointView], now: Instant) -> Vec<String> {
        endpoints
            .iter()
            .filter_map(|endpoint| self.one(endpoint, now))
            .collect()
    }

    fn one(&mut self, endpoint: &EndpointView, now: Instant) -> Option<String> {
        let health = endpoint.health;
        if health == Health::Unknown {
            return None;
        }
        // numbers behind the colon may change with every look
        let gist = match health {
            Health::Up => String::new(),
            _ => endpoint
                .detail
                .as_str()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        let key = (endpoint.kind, endpoint.name.clone());
        let (before, known, since) = match self.said.get(&key) {
            Some((before, known, since)) => (*before, known.as_str(), Some(*since)),
            None => (Health::Up, "", None),
        };
        let worse = health > before;
        let calm = since.is_none_or(|since| now - since >= CALM);
        if (health, gist.as_str()) == (before, known) || !(worse || calm) {
            return None;
        }
        self.said.insert(key, (health, gist, now));
        let who = format!("{} endpoint {}", endpoint.kind.word(), endpoint.name);
        Some(match (health, endpoint.detail.as_str()) {
            (Health::Up, _) => format!("{who} is well again"),
            (health, "") => format!("{who} is {}", health.word()),
            (health, detail) => format!("{who} is {}: {detail}", health.word()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(health: Health, detail: &str) -> EndpointView {
        EndpointView {
            kind: EndpointKind::Execution,
            name: "http://a".into(),
            health,
            detail: detail.into(),
            latency_ms: None,
        }
    }

    #[test]
    fn the_worst_is_said_at_once_and_what_flutters_is_not() {
        let mut said = Endpoints::default();
        let start = Instant::now();
        let mut at = |seconds, health, detail| {
            let now = start + Duration::from_secs(seconds);
            said.news(&[endpoint(health, detail)], now)
                .pop()
                .unwrap_or_default()
        };
        assert_eq!(at(0, Health::Unknown, "not asked yet"), "");
        assert_eq!(at(1, Health::Up, ""), "");
        assert_eq!(
            at(2, Health::Degraded, "failing: no answer within 2 s"),
            "execution endpoint http://a is degraded: failing: no answer within 2 s"
        );
        assert_eq!(at(3, Health::Up, ""), "");
        assert_eq!(at(4, Health::Degraded, "failing: no answer within 3 s"), "");
        assert_eq!(
            at(5, Health::Down, "down: 404"),
            "execution endpoint http://a is down: down: 404"
        );
        assert_eq!(at(6, Health::Degraded, "failing: 404"), "");
        assert_eq!(
            at(40, Health::Up, ""),
            "execution endpoint http://a is well again"
        );
        assert_eq!(at(41, Health::Up, "its logs are 1 block behind its head"), "");
    }
}
