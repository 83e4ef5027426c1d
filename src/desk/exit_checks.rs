//! What must hold before a voluntary exit is signed, and again before it is published.

use crate::beacon::exit::self_test;
use crate::oracle::{BadExit, Fact, FactKind, NEW_SIGNING_ROOT};
use crate::ports::consensus::{
    Consensus, ExitMessage, ExitRules, Heard, NodeAnswer, Validator, ValidatorStatus,
};
use crate::ports::{At, PoolManager, Unknown};
use crate::types::{BlsPublicKey, BlsSignature, Check, CheckStatus, ForkVersion, PoolId, Root, SafeText};

const AGE: &str = "activation-age";

/// The beacon chain that exits are meant for.
#[derive(Debug, Clone)]
pub(crate) struct ExpectedChain {
    /// Its name, for people.
    pub(crate) network: SafeText,
    /// Exits are signed in its domain for ever (EIP-7044).
    pub(crate) capella_fork_version: ForkVersion,
    /// Names the chain, where the network's preset or the configuration knows it.
    pub(crate) genesis_validators_root: Option<Root>,
}

/// The contract wants the exit: state decides, the event only hinted. One that a person opened is wanted by that person:
/// the contract of May 2023 marks no pool, since nothing calls what would.
pub(super) fn wanted(exiting: bool, pool: PoolId, opened_by: Option<&SafeText>) -> Check {
    if let Some(by) = opened_by {
        return Check::pass("pool-exiting", format!("opened by hand: {by} asked for it"));
    }
    let marks = if exiting { "marks" } else { "does not mark" };
    let words = format!("the contract {marks} pool {pool} as exiting");
    Check::of("pool-exiting", exiting, words)
}

pub(super) async fn domain(
    expected: &ExpectedChain,
    beacon: &dyn Consensus,
    rules: &ExitRules,
) -> Vec<Check> {
    let self_test = match self_test() {
        Ok(()) => Check::pass(
            "exit-domain-self-test",
            "mainnet's known exit domain is computed correctly",
        ),
        Err(error) => Check::fail("exit-domain-self-test", error.to_string()),
    };
    let version = rules.capella_fork_version;
    let capella = Check::of(
        "capella-version",
        version == expected.capella_fork_version,
        format!(
            "the beacon chain has {version}, {} {}",
            expected.network, expected.capella_fork_version
        ),
    );
    let capella = if capella.status == CheckStatus::Pass {
        in_schedule(beacon, version, &capella.reason).await
    } else {
        capella
    };
    let theirs = rules.genesis.genesis_validators_root;
    let genesis = match expected.genesis_validators_root {
        Some(ours) => Check::of(
            "genesis-validators-root",
            ours == theirs,
            format!("the beacon chain has {theirs}, expected {ours}"),
        ),
        None => Check::pass(
            "genesis-validators-root",
            format!("{theirs}, as the beacon node says: none is configured"),
        ),
    };
    vec![self_test, capella, genesis]
}

/// The spec's version of Capella is one of the schedule's. A client may leave out forks that begin with the chain, so that
/// it is missing there is a doubt and no contradiction.
async fn in_schedule(beacon: &dyn Consensus, version: ForkVersion, so_far: &SafeText) -> Check {
    const NAME: &str = "capella-version";
    match beacon.forks().await.value() {
        Ok(forks) => {
            let versions: Vec<_> = forks.iter().map(|f| f.current_version.to_string()).collect();
            let words = format!("{so_far}; its fork schedule has {}", versions.join(", "));
            if forks.iter().any(|fork| fork.current_version == version) {
                Check::pass(NAME, words)
            } else {
                Check::unknown(NAME, words)
            }
        }
        Err(why) => Check::unknown(NAME, why.to_string()),
    }
}

/// Whether an exit of the validator waits for a block already, whoever published it.
pub(super) async fn pool(beacon: &dyn Consensus, message: &ExitMessage, signature: &BlsSignature) -> Fact {
    const NAME: &str = "exit pool";
    let text = |words: &str| Fact::new(NAME, FactKind::Text, words);
    let exits = match beacon.pool_exits().await.value() {
        Ok(exits) => exits,
        Err(why) => return text(&format!("not known: {why}")),
    };
    let of_validator = exits
        .into_iter()
        .find(|exit| exit.message.validator_index == message.validator_index);
    match of_validator {
        None => text("no exit of this validator waits for a block"),
        Some(exit) if exit.message == *message && exit.signature == *signature => {
            text("this very exit waits for a block already")
        }
        Some(exit) => Fact::new(
            NAME,
            FactKind::Warning,
            format!(
                "another exit of this validator waits for a block, from epoch {}",
                exit.message.epoch
            ),
        ),
    }
}

/// The validator as the nodes tell it, each by its name: the first one that answers may be the one that lies.
#[derive(Debug)]
pub(super) struct ByNode {
    each: Vec<(SafeText, Validator)>,
    /// Who alone tells of it, though several are configured.
    pub(super) alone: Option<SafeText>,
}

impl ByNode {
    /// By each node that knows it; by `first` where none does any more.
    pub(super) async fn by_each(beacon: &dyn Consensus, key: &BlsPublicKey, first: &Validator) -> Self {
        let known = |voice: NodeAnswer<Validator>| Some((voice.node, voice.answer.yes()?));
        let all = beacon.validator_by_each(key).await;
        let is_one_of_several = all.len() > 1;
        let each: Vec<_> = all.into_iter().filter_map(known).collect();
        let alone = match &each[..] {
            [(node, validator)] if is_one_of_several => {
                let words = format!("of validator {} {node} alone tells", validator.index);
                Some(SafeText::new(&words))
            }
            _ => None,
        };
        match each.is_empty() {
            true => Self::one("the beacon node".into(), first.clone()),
            false => Self { each, alone },
        }
    }

    fn one(node: SafeText, validator: Validator) -> Self {
        let each = vec![(node, validator)];
        Self { each, alone: None }
    }

    /// The checks of what each tells. One that comes out differently is not known, and names who says what.
    fn checks(&self, of: impl Fn(&Validator) -> Vec<Check>) -> Vec<Check> {
        let of_each = |(node, validator): &(SafeText, Validator)| (node.clone(), of(validator));
        let mut each: Vec<_> = self.each.iter().map(of_each).collect();
        let (first, mut checks) = each.remove(0);
        for (n, check) in checks.iter_mut().enumerate() {
            let differs = each.iter().find(|(_, other)| other[n].status != check.status);
            if let Some((node, other)) = differs {
                let words = format!(
                    "{first} and {node} contradict each other: {first} says that {}, {node} that {}",
                    check.reason, other[n].reason
                );
                *check = Check::unknown(&check.name, words);
            }
        }
        checks
    }

    /// Status, age and slashing.
    pub(super) fn validator(&self, rules: &ExitRules, now: u64) -> Vec<Check> {
        let mut checks = self.checks(|of| validator(of, rules, now));
        if let Some(words) = self.disputed_age(rules)
            && let Some(age) = checks.iter_mut().find(|check| check.name == AGE)
        {
            *age = Check::unknown(AGE, words);
        }
        checks
    }

    /// Who says what, where it is old enough to exit from another epoch on by each: for that epoch it is signed.
    fn disputed_age(&self, rules: &ExitRules) -> Option<String> {
        let ready = |(_, validator): &(SafeText, Validator)| rules.ready_epoch(validator);
        let first = self.each.first()?;
        let other = self.each.iter().find(|other| ready(other) != ready(first))?;
        let says = |told: &(SafeText, Validator)| match ready(told) {
            Some(epoch) => format!("{} that it may exit from epoch {epoch}", told.0),
            None => format!("{} that its activation is not set yet", told.0),
        };
        let (first, other) = (says(first), says(other));
        Some(format!(
            "the beacon nodes contradict each other: {first}, {other}"
        ))
    }

    /// Where it pays out to.
    pub(super) async fn credentials(&self, manager: &dyn PoolManager, pool: PoolId) -> Vec<Check> {
        let ours = manager.withdrawal_credentials(pool, At::Latest).await;
        self.checks(|validator| {
            let theirs = validator.withdrawal_credentials;
            vec![ours.check("withdrawal-credentials", |ours| {
                let words = format!("the validator pays out to {theirs}, ours are {ours}");
                (*ours == theirs, words)
            })]
        })
    }
}

/// An epoch, and when it begins if it is still to come.
pub(super) fn when(rules: &ExitRules, epoch: u64, now: u64) -> String {
    if epoch <= now {
        format!("{epoch}, reached (it is epoch {now})")
    } else {
        format!(
            "{epoch}, not before {} (it is epoch {now})",
            rules.start_of(epoch).to_utc()
        )
    }
}

/// The index that is signed is the key's, asked by the index; and whose word alone that is.
pub(super) async fn index(
    beacon: &dyn Consensus,
    key: &BlsPublicKey,
    index: u64,
) -> Result<(Check, Option<SafeText>), Unknown> {
    let Heard { answer: found, alone } = beacon.validator_at(index).await;
    let check = found.check("validator-index", |validator| {
        let theirs = validator.public_key;
        (
            theirs == *key,
            format!("validator {index} of the beacon chain is {theirs}"),
        )
    });
    // what nobody can tell now is asked again, and not proposed
    found.known().map(|_| (check, alone))
}

/// Status, age and slashing. What only needs time is no failure: the exit waits for it, and the check says how long.
fn validator(validator: &Validator, rules: &ExitRules, now: u64) -> Vec<Check> {
    let waits = matches!(
        validator.status,
        ValidatorStatus::PendingInitialized | ValidatorStatus::PendingQueued
    );
    let status = Check::of(
        "validator-status",
        validator.status == ValidatorStatus::ActiveOngoing || (waits && validator.activation_epoch.is_some()),
        match validator.activation_epoch {
            Some(epoch) if waits => {
                let when = when(rules, epoch, now);
                format!("{}: active from epoch {when}; the exit waits", validator.status)
            }
            _ => validator.status.to_string(),
        },
    );
    let period = rules.shard_committee_period;
    let age = match (validator.activation_epoch, rules.ready_epoch(validator)) {
        (Some(active), Some(ready)) if ready <= now => Check::pass(
            AGE,
            format!("active for {} epochs, {period} are needed", now - active),
        ),
        (Some(active), Some(ready)) => Check::pass(
            AGE,
            format!(
                "active from epoch {active}, too young: the exit waits until epoch {}",
                when(rules, ready, now)
            ),
        ),
        _ => Check::unknown(AGE, "its activation is not set yet"),
    };
    let slashed = if validator.slashed { "" } else { "not " };
    let words = format!("the validator is {slashed}slashed");
    vec![status, age, Check::of("not-slashed", !validator.slashed, words)]
}

/// BLS signatures are deterministic: signing the same again gives the same bytes. That may be right all the same, when
/// the nodes are at fault; so it fails nothing, and no rule lets it pass.
pub(super) fn new_signing_root(bad: &BadExit, root: Root) -> Check {
    let nodes: Vec<_> = bad.nodes.iter().map(SafeText::as_str).collect();
    let nodes = nodes.join(", ");
    if root == bad.signing_root {
        Check::unknown(
            NEW_SIGNING_ROOT,
            format!(
                "what would be signed has not changed, so signing gives the very signature that {nodes} found bad: \
                 look at the beacon nodes first"
            ),
        )
    } else {
        Check::pass(
            NEW_SIGNING_ROOT,
            format!("what would be signed has changed since {nodes} found the signature bad"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::fixture;
    use crate::ports::Answer;
    use crate::ports::consensus::NodeState;
    use crate::ports::fakes::{FakeConsensus, FakeManager, FakeNode};

    fn told(liars: [Validator; 2]) -> ByNode {
        let [a, b] = liars;
        ByNode {
            each: vec![("a".into(), a), ("b".into(), b)],
            alone: None,
        }
    }

    #[tokio::test]
    async fn what_one_node_alone_says_of_a_validator_fails_nothing_and_names_both() {
        let (honest, rules) = (fixture::validator(), fixture::rules());
        let slashed = Validator {
            slashed: true,
            status: ValidatorStatus::ActiveSlashed,
            ..honest.clone()
        };
        let of = |told: ByNode| {
            let checks = told.validator(&rules, 1_000).into_iter();
            let said = checks.map(|check| (check.name.clone(), check.status, check.reason.to_string()));
            said.collect::<Vec<_>>()
        };
        let both_orders = [
            (
                [slashed.clone(), honest.clone()],
                "a says that the validator is slashed, b that the validator is not slashed",
            ),
            (
                [honest.clone(), slashed.clone()],
                "a says that the validator is not slashed, b that the validator is slashed",
            ),
        ];
        for (liars, words) in both_orders {
            let said = of(told(liars));
            let (name, status, why) = said.last().unwrap();
            assert_eq!((name.as_str(), *status), ("not-slashed", CheckStatus::Unknown));
            assert_eq!(*why, format!("a and b contradict each other: {words}"));
            assert_eq!(said[0].1, CheckStatus::Unknown, "{said:?}");
            assert_eq!(said[1].1, CheckStatus::Pass, "{said:?}");
        }
        let both = of(told([slashed.clone(), slashed]));
        assert_eq!(both.last().unwrap().1, CheckStatus::Fail);

        let elsewhere = Validator {
            withdrawal_credentials: Root([7; 32]),
            ..honest.clone()
        };
        let manager = FakeManager {
            credentials: Answer::Yes(honest.withdrawal_credentials),
            ..FakeManager::default()
        };
        let paid = |told: ByNode| async move { told.credentials(&manager, PoolId(1)).await.remove(0) };
        let check = paid(told([elsewhere, honest])).await;
        assert_eq!(check.status, CheckStatus::Unknown, "{}", check.reason);
    }

    #[test]
    fn epochs_from_which_on_it_may_exit_that_differ_are_not_known() {
        let (honest, rules) = (fixture::validator(), fixture::rules());
        let began = honest.activation_epoch.unwrap();
        let of = |activation_epoch| Validator {
            activation_epoch,
            ..honest.clone()
        };
        let age = |other: Validator| {
            let checks = told([other, honest.clone()]).validator(&rules, 1_000_000);
            checks.into_iter().find(|check| check.name == AGE).unwrap()
        };
        assert_eq!(age(honest.clone()).status, CheckStatus::Pass);
        let check = age(of(Some(began + 1)));
        assert_eq!(check.status, CheckStatus::Unknown);
        let ready = began + rules.shard_committee_period;
        let words = format!(
            "the beacon nodes contradict each other: a that it may exit from epoch {}, b that it may exit from epoch {ready}",
            ready + 1
        );
        assert_eq!(check.reason.as_str(), words);
        assert_eq!(age(of(None)).status, CheckStatus::Unknown);
    }

    /// By that epoch the operators sign, and every other check passes.
    #[tokio::test]
    async fn an_activation_that_one_of_two_nodes_tells_is_said_to_be_one_voice() {
        let late = Validator {
            status: ValidatorStatus::PendingQueued,
            activation_epoch: Some(200_000),
            ..fixture::validator()
        };
        let beacon = FakeConsensus::of(vec![
            FakeNode::healthy("a", std::slice::from_ref(&late)),
            FakeNode::healthy("b", std::slice::from_ref(&late)),
        ]);
        let told = async || ByNode::by_each(&beacon, &late.public_key, &late).await;
        assert_eq!(told().await.alone, None);
        beacon.nodes_mut()[1].state = NodeState::NotSynced;
        let (alone, at) = (
            told().await,
            index(&beacon, &late.public_key, late.index).await.unwrap(),
        );
        let passes = |check: &Check| check.status == CheckStatus::Pass;
        assert!(passes(&at.0) && alone.validator(&fixture::rules(), 1_000).iter().all(passes));
        for words in [alone.alone.unwrap(), at.1.unwrap()] {
            assert!(words.as_str().contains("a alone"), "{words}");
        }
        beacon.nodes_mut().remove(1);
        assert_eq!(told().await.alone, None, "nobody else is configured");
    }
}
