//! What is shown and not journaled: progress of running ceremonies, health, the chain's tip.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{Address, U256};

use crate::oracle::{ActionKind, Ceremony, State};
use crate::ports::Ceremonies;
use crate::types::{
    BlockRef, CeremonyStep, CheckStatus, NonceStatus, OperatorId, OperatorProgress, RequestId, SafeText,
    UnixMillis,
};
use crate::view::{
    ChainView, EndpointKind, EndpointView, Health, HistoryView, LinkState, NetworkView, OperatorView,
    ReadyPoolView, SignerView, Trends, ValidatorView,
};

/// A change of what is shown.
#[derive(Debug, Clone)]
pub enum LiveUpdate {
    /// A ceremony moved.
    Progress {
        request: RequestId,
        /// Every operator's row.
        operators: BTreeMap<OperatorId, OperatorProgress>,
        /// The present round's deadline.
        deadline: Option<UnixMillis>,
    },
    /// Operators were asked how they are; counts of ceremonies are filled in by the engine.
    Operators(Vec<OperatorView>),
    /// Endpoints of one kind were asked.
    Endpoints(EndpointKind, Vec<EndpointView>),
    /// The chain's tip.
    Head {
        /// Newest block.
        head: BlockRef,
        /// Its own time, where it was told.
        time: Option<UnixMillis>,
        /// Newest final block.
        finalized: Option<BlockRef>,
        /// Base fee, wei per gas.
        base_fee_wei: Option<U256>,
    },
    /// Whether the chain is followed.
    Link(LinkState),
    /// A long reading of old blocks: (subject, how far it has got); none ends it.
    History(&'static str, Option<HistoryView>),
    /// The first pools of the ready queue.
    Ready(Vec<ReadyPoolView>),
    /// Whether the manager accepts the oracle.
    Authorised(CheckStatus),
    /// Validators of all pools.
    Validators(Vec<ValidatorView>),
    /// What deposits cost, to foretell for how many the balance is enough.
    Costs(Costs),
    /// What the account sent of which the journal knows nothing: in half a sentence, and a line each; none ends it.
    Strange(Option<(SafeText, Vec<SafeText>)>),
    /// Something that a person should know while it lasts: (subject, words); empty words end it.
    Alarm(&'static str, SafeText),
}

/// What it takes to foretell for how many deposits a balance is enough.
#[derive(Debug, Clone, Copy, Default)]
pub struct Costs {
    /// The most that one transaction may cost, wei.
    pub ceiling_wei: U256,
    /// Fewer deposits than these are told of.
    pub least_deposits: u64,
}

impl Costs {
    /// For so many more deposits a balance in wei is enough: by the dearest of those that are in memory, or by the
    /// ceiling while none was paid for. `None` while neither is known.
    pub(super) fn deposits_left(&self, state: &State, balance_wei: U256) -> Option<u64> {
        let deposits = state.sendings.iter().filter(|(id, _)| {
            let action = state.actions.get(id);
            action.is_some_and(|action| action.proposal.kind == ActionKind::SendDeposit)
        });
        let paid = deposits.filter_map(|(_, sending)| match sending.status {
            NonceStatus::Included { fee_paid_wei, .. } => Some(fee_paid_wei),
            _ => None,
        });
        let each = paid
            .max()
            .filter(|wei| !wei.is_zero())
            .unwrap_or(self.ceiling_wei);
        let left = balance_wei.checked_div(each)?;
        Some(u64::try_from(left).unwrap_or(u64::MAX))
    }
}

/// Everything that was last told.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) network: NetworkView,
    pub(super) chain: ChainView,
    pub(super) signer: SignerView,
    pub(super) progress: BTreeMap<RequestId, (BTreeMap<OperatorId, OperatorProgress>, Option<UnixMillis>)>,
    pub(super) operators: Vec<OperatorView>,
    pub(super) endpoints: BTreeMap<EndpointKind, Vec<EndpointView>>,
    /// Endpoints that were down while others of their kind were there, by name, and that are not back.
    pub(super) down_alone: BTreeSet<(EndpointKind, SafeText)>,
    pub(super) validators: Arc<Vec<ValidatorView>>,
    pub(super) alarms: BTreeMap<&'static str, SafeText>,
    pub(super) histories: BTreeMap<&'static str, HistoryView>,
    pub(super) strange: Option<(SafeText, Vec<SafeText>)>,
    pub(super) costs: Costs,
    pub(super) trends: Trends,
    /// Since when the engine is stopping.
    pub(super) stopping: Option<UnixMillis>,
    /// Tells the steps of ceremonies, and what a committee can be like.
    pub(super) backend: Arc<dyn Ceremonies>,
}

impl Live {
    pub(super) fn new(network: NetworkView, oracle: Option<Address>, backend: Arc<dyn Ceremonies>) -> Self {
        Self {
            network,
            chain: ChainView::unread(),
            signer: SignerView::unread(oracle),
            progress: BTreeMap::new(),
            operators: Vec::new(),
            endpoints: BTreeMap::new(),
            down_alone: BTreeSet::new(),
            validators: Arc::default(),
            alarms: BTreeMap::new(),
            histories: BTreeMap::new(),
            strange: None,
            costs: Costs::default(),
            trends: Trends::default(),
            stopping: None,
            backend,
        }
    }

    /// The same network and backend, of which nothing was told: for what left memory.
    pub(super) fn without_anything(&self) -> Self {
        Self::new(self.network.clone(), None, Arc::clone(&self.backend))
    }

    /// Forgets how ceremonies went that left memory.
    pub(super) fn forget(&mut self, is_known: impl Fn(RequestId) -> bool) {
        self.progress.retain(|request, _| is_known(*request));
    }

    /// The steps of a journaled ceremony; none when another backend ran it than the one that is here.
    pub(super) fn steps_of(&self, ceremony: &Ceremony) -> Arc<[CeremonyStep]> {
        if ceremony.backend != self.backend.capabilities().backend {
            return Arc::default();
        }
        self.backend.steps(&ceremony.plan).into()
    }

    pub(super) fn update(&mut self, now: UnixMillis, update: LiveUpdate) {
        match update {
            LiveUpdate::Progress {
                request,
                operators,
                deadline,
            } => {
                self.progress.insert(request, (operators, deadline));
            }
            LiveUpdate::Operators(operators) => {
                self.trends.operators_asked(&operators);
                self.operators_told(operators);
            }
            LiveUpdate::Endpoints(kind, endpoints) => {
                self.trends.endpoints_asked(kind, &endpoints);
                self.note_who_is_down(kind, &endpoints);
                self.endpoints.insert(kind, endpoints);
            }
            LiveUpdate::Head {
                head,
                time,
                finalized,
                base_fee_wei,
            } => {
                if self.chain.head != Some(head) {
                    self.chain.head_at = Some(now);
                }
                self.chain.head = Some(head);
                self.chain.head_time = time;
                self.chain.finalized = finalized.or(self.chain.finalized);
                self.chain.base_fee_wei = base_fee_wei;
            }
            LiveUpdate::Link(link) => self.chain.link = link,
            LiveUpdate::History(subject, Some(history)) => {
                self.histories.insert(subject, history);
            }
            LiveUpdate::History(subject, None) => {
                self.histories.remove(subject);
            }
            LiveUpdate::Ready(pools) => self.chain.ready_pools = pools,
            // who cannot be asked has not taken back its no
            LiveUpdate::Authorised(CheckStatus::Unknown) if self.signer.authorised == CheckStatus::Fail => (),
            LiveUpdate::Authorised(status) => self.signer.authorised = status,
            LiveUpdate::Validators(validators) => self.validators = Arc::new(validators),
            LiveUpdate::Costs(costs) => self.costs = costs,
            LiveUpdate::Strange(strange) => self.strange = strange,
            LiveUpdate::Alarm(subject, words) if words.as_str().is_empty() => {
                self.alarms.remove(subject);
            }
            LiveUpdate::Alarm(subject, words) => {
                self.alarms.insert(subject, words);
            }
        }
    }

    /// Whoever is down is so until it answers: that it could not be asked since is no answer.
    fn operators_told(&mut self, mut operators: Vec<OperatorView>) {
        let was_down = |id: OperatorId| {
            let mut before = self.operators.iter();
            before.any(|operator| operator.id == id && operator.health == Health::Down)
        };
        for operator in &mut operators {
            if operator.health == Health::Unknown && was_down(operator.id) {
                operator.health = Health::Down;
            }
        }
        self.operators = operators;
    }

    fn note_who_is_down(&mut self, kind: EndpointKind, endpoints: &[EndpointView]) {
        let is_down = |endpoint: &EndpointView| endpoint.health == Health::Down;
        let all = endpoints.iter().all(is_down);
        let down = endpoints.iter().filter(|endpoint| is_down(endpoint));
        let down: BTreeSet<_> = down.map(|endpoint| (kind, endpoint.name.clone())).collect();
        self.down_alone
            .retain(|known| known.0 != kind || down.contains(known));
        if !all {
            self.down_alone.extend(down);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::CeremonyRole;
    use crate::ports::fakes::FakeCeremonies;
    use crate::types::{BackendName, CeremonyPlan};

    #[test]
    fn an_operator_that_is_down_is_so_until_it_answers() {
        let mut live = live(FakeCeremonies::default());
        let mut told = |health| {
            let mut operators = crate::view::fixture::busy().operators;
            operators.truncate(1);
            operators[0].health = health;
            live.update(UnixMillis(1), LiveUpdate::Operators(operators));
            live.operators[0].health
        };
        assert_eq!(told(Health::Unknown), Health::Unknown);
        assert_eq!(told(Health::Down), Health::Down);
        assert_eq!(told(Health::Unknown), Health::Down, "nobody has answered");
        assert_eq!(told(Health::Up), Health::Up);
        assert_eq!(told(Health::Unknown), Health::Unknown);
    }

    #[test]
    fn a_no_of_the_contract_ends_with_a_yes_and_not_with_an_endpoint_that_is_away() {
        let mut live = live(FakeCeremonies::default());
        let mut told = |status| {
            live.update(UnixMillis(1), LiveUpdate::Authorised(status));
            live.signer.authorised
        };
        assert_eq!(told(CheckStatus::Fail), CheckStatus::Fail);
        assert_eq!(told(CheckStatus::Unknown), CheckStatus::Fail);
        assert_eq!(told(CheckStatus::Pass), CheckStatus::Pass);
        assert_eq!(
            told(CheckStatus::Unknown),
            CheckStatus::Unknown,
            "a yes may have been taken back since"
        );
    }

    fn live(backend: FakeCeremonies) -> Live {
        let network = NetworkView {
            name: "test".into(),
            chain_id: 1,
            mainnet: false,
            simulated: Vec::new(),
            manager: Address::ZERO,
        };
        Live::new(network, None, Arc::new(backend))
    }

    #[test]
    fn the_steps_of_a_journaled_ceremony_are_those_of_the_backend_that_ran_it() {
        let fake = FakeCeremonies::default();
        let here = fake.capabilities.backend.clone();
        let live = live(fake);
        let ceremony = |backend| Ceremony {
            case: "reshare/1".parse().unwrap(),
            role: CeremonyRole::Main,
            attempt: 1,
            plan: CeremonyPlan::Reshare {
                validator: Default::default(),
                old: [1, 2].map(OperatorId).to_vec(),
                new: [2, 3].map(OperatorId).to_vec(),
                threshold: 2,
                brought: None,
                registration: None,
            },
            backend,
            started_at: UnixMillis(0),
            moved_by: 1,
            doubt: None,
            ended: None,
            checks: Vec::new(),
            transcript: None,
        };
        let steps = live.steps_of(&ceremony(here));
        let told: Vec<_> = steps
            .iter()
            .map(|step| (step.id.as_str(), step.senders.len()))
            .collect();
        assert_eq!(told, [("greet", 3), ("conclude", 1)]);
        let foreign = live.steps_of(&ceremony(BackendName::ROCKX));
        assert!(foreign.is_empty(), "it is not here to be asked");
    }
}
