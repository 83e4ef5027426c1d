//! Whether the committee of a proposal has become clearly worse since, and which would take its place: a member that is
//! down, not a rank by a hair.

use casimir_dkg::types::OperatorId;
use casimir_dkg::view::{ActionView, Health, OperatorView};

use super::App;

/// A committee with a member down, and another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Worse {
    pub(crate) down: Vec<OperatorId>,
    /// The same without them, with the best of the others that are up, ascending; none where too few are up.
    pub(crate) instead: Option<Vec<OperatorId>>,
}

impl App {
    /// What has become of the committee of a key generation or reshare that waits; none while nobody of it is down.
    pub(crate) fn worse(&self, action: &ActionView) -> Option<Worse> {
        let proposed = &action.committee.as_ref().filter(|_| action.waits())?.proposed;
        let view = |id: &OperatorId| self.snapshot.operators.iter().find(|o| o.id == *id);
        let is_down = |id: &OperatorId| view(id).is_some_and(|o| o.health == Health::Down);
        let down: Vec<_> = proposed.iter().copied().filter(is_down).collect();
        if down.is_empty() {
            return None;
        }
        let mut others: Vec<&OperatorView> = self
            .snapshot
            .operators
            .iter()
            .filter(|o| o.health == Health::Up && !proposed.contains(&o.id))
            .collect();
        others.sort_by_key(|o| (o.ceremonies_failed, o.latency_ms.unwrap_or(u64::MAX), o.id));
        let instead = (others.len() >= down.len()).then(|| {
            let stay = proposed.iter().copied().filter(|id| !down.contains(id));
            let join = others.iter().take(down.len()).map(|o| o.id);
            let mut instead: Vec<_> = stay.chain(join).collect();
            instead.sort_unstable();
            instead
        });
        Some(Worse { down, instead })
    }
}
