//! What must hold at every moment.

use super::*;

impl Sim {
    /// A hint is followed at once, and never more than once a second; without one the core is calm.
    pub(super) fn check_look_ups(&mut self, effects: &[Effect]) {
        for effect in effects {
            let Effect::LookUpValidator { case, .. } = effect else {
                continue;
            };
            if let Some((asked, hinted)) = self.asked.insert(*case, (self.at, false)) {
                let least = if hinted {
                    self.looks.0 += 1;
                    advance::LOOK_UP_LEAST_MS
                } else {
                    self.looks.1 += 1;
                    LOOK_UP_EVERY_MS
                };
                let pause = self.at - asked;
                assert!(
                    pause >= least,
                    "{case} is looked up after {pause} ms, hinted: {hinted}"
                );
            }
        }
    }

    /// Whatever is due was asked for.
    pub(super) fn check_due(&self) {
        for (id, (asked, hinted)) in &self.asked {
            let followed = self
                .state
                .cases
                .get(id)
                .is_some_and(|c| c.step == Step::Follow && !c.orphaned);
            let least = if *hinted {
                advance::LOOK_UP_LEAST_MS
            } else {
                LOOK_UP_EVERY_MS
            };
            let waits = |e: &Effect| matches!(e, Effect::LookUpValidator { case, .. } if case == id);
            assert!(
                !followed || self.at - asked < least || self.waiting.iter().any(waits),
                "{id} is not looked up, hinted: {hinted}"
            );
        }
    }

    /// What must hold at every moment.
    pub(super) fn check(&self) {
        for (pool, served) in &self.outside.chain.served {
            assert!(served.len() <= 1, "pool {pool} was served {} times", served.len());
        }
        for case in self.state.cases.values().filter(|c| c.is_closed()) {
            let pool = case.id.pool;
            assert!(
                self.outside.chain.served.contains_key(&pool),
                "{} is closed and pool {pool} is not served",
                case.id
            );
        }
        for (request, starts) in &self.outside.started {
            assert!(*starts <= 1, "ceremony {request} was started {starts} times");
        }
        let mut nonces: BTreeMap<u64, ActionId> = BTreeMap::new();
        let mut intents: BTreeMap<ActionId, u64> = BTreeMap::new();
        let mut approved = BTreeSet::new();
        for (_, record) in &self.journal {
            match record {
                Record::Decided { action, decision } if decision.verdict == Verdict::Approve => {
                    approved.insert(*action);
                }
                Record::TransactionSigned { action, transaction } => {
                    assert!(
                        approved.contains(action),
                        "{action} was signed without an approval"
                    );
                    let owner = nonces.entry(transaction.nonce).or_insert(*action);
                    assert_eq!(owner, action, "nonce {} has two intents", transaction.nonce);
                    let nonce = intents.entry(*action).or_insert(transaction.nonce);
                    assert_eq!(*nonce, transaction.nonce, "{action} has two nonces");
                }
                _ => {}
            }
        }
        let journaled: BTreeSet<_> = self.state.sendings.values().flat_map(Sending::hashes).collect();
        for hash in self.outside.pool.keys() {
            assert!(journaled.contains(hash), "bytes left that are not in the journal");
        }
        // an unknown outcome is found out: nothing else is begun beside it, and what was given up is not used
        for id in self.state.cases.keys() {
            let open = self.state.ceremonies.values();
            let open = open.filter(|c| c.case == *id && c.ended.is_none()).count();
            assert!(open <= 1, "{id} has {open} ceremonies at once");
        }
        let given_up: BTreeSet<_> = self
            .journal
            .iter()
            .filter_map(|(_, record)| match record {
                Record::CeremonyDeclaredLost { request, .. } => self.outside.outcomes.get(request),
                _ => None,
            })
            .filter_map(|outcome| match &outcome.as_ref().ok()?.result {
                CeremonyResult::Keygen(output) => Some(output.validator),
                _ => None,
            })
            .collect();
        let signed_keys: Vec<_> = self
            .outside
            .chain
            .served
            .values()
            .flatten()
            .map(|(_, key)| key)
            .collect();
        for key in signed_keys {
            assert!(
                !self.state.condemned.contains_key(key),
                "a condemned key was used"
            );
            assert!(
                !given_up.contains(key),
                "the key of a ceremony that was given up was used"
            );
        }
    }

    /// Nobody else used the account unnoticed.
    pub(super) fn check_strangers(&self) {
        let told = |wanted: u64| {
            self.journal.iter().any(|(_, record)| match record {
                Record::AccountStrange { nonce, next, .. } => (*nonce..*next).contains(&wanted),
                Record::TransactionSigned { transaction, .. } => transaction.nonce == wanted,
                _ => false,
            })
        };
        for nonce in self.outside.chain.strange.keys() {
            assert!(
                told(*nonce),
                "nonce {nonce} was used by a stranger, and nobody was told"
            );
        }
    }
}
