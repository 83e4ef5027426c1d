//! The desk: proposals by what is so at the moment, refusals, and answers that it has not.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, U256};
use rand::Rng as _;
use rand::seq::IteratorRandom as _;

use super::truth::{Call, Event, Said};
use super::world::World;
use crate::oracle::*;
use crate::types::*;

/// A payload and its checks, or why there is none.
type Drafted = Result<(Payload, Vec<Check>), Prepared>;

fn refused(words: &str) -> Drafted {
    Err(Prepared::Refused(SafeText::new(words)))
}

fn ceremony(plan: CeremonyPlan) -> Payload {
    let keys = plan.participants().into_iter();
    let keys = keys.map(|id| (id, SafeText::new(&format!("key of {id}"))));
    let parties = Parties {
        chain_id: 1,
        manager: Address::repeat_byte(7),
        keys: keys.collect(),
    };
    Payload::Ceremony(CeremonyPayload {
        plan,
        backend: BackendName::default(),
        parties: Some(parties),
    })
}

/// Where SSV refuses somebody, it is this operator.
const REFUSED_BY_SSV: OperatorId = OperatorId(2);

impl World {
    pub(super) fn prepare(&mut self, case: CaseId, purpose: Purpose, draft: Draft) -> Prepared {
        if !self.calm && self.rng.gen_bool(0.08) {
            return Prepared::Later {
                reason: SafeText::new("an endpoint is down"),
                at: UnixMillis(self.now + self.rng.gen_range(0..2_000)),
            };
        }
        if !self.calm && self.rng.gen_bool(0.01) {
            return Prepared::Refused(SafeText::new("the contract is not what it was"));
        }
        let kind = draft.kind();
        let drafted = match draft {
            Draft::Keygen(draft) => self.keygen(case, &draft.wanted),
            Draft::Reshare(draft) => self.reshare(case, draft),
            Draft::SignExit(draft) => self.sign_exit(case, draft),
            Draft::SendDeposit(draft) => self.send_deposit(case, &draft),
            Draft::SendReshare(draft) => self.send_reshare(case, &draft),
            Draft::BroadcastExit(draft) => self.broadcast(purpose, draft),
        };
        let (payload, mut checks) = match drafted {
            Ok(drafted) => drafted,
            Err(instead) => return instead,
        };
        if !self.calm && self.rng.gen_bool(0.06) {
            let name = if self.rng.gen_bool(0.5) {
                ENDPOINTS_AGREE
            } else {
                "operators-reachable"
            };
            checks.push(Check::unknown(name, "it did not answer"));
        } else if !self.calm && self.rng.gen_bool(0.05) {
            // the preferred endpoint lies, and another one denies it
            checks.push(Check::fail(ENDPOINTS_AGREE, "they contradict each other"));
            checks.push(Check::fail("oracle-authorised", "the manager refuses calls"));
        }
        let balance = self.rng.gen_range(1..4);
        Prepared::Proposal(Box::new(Proposal {
            kind,
            title: SafeText::new("do it"),
            facts: vec![Fact::new("balance", FactKind::Text, balance)],
            checks,
            payload,
        }))
    }

    fn committee(&mut self, wanted: &CommitteeRequirements) -> Vec<OperatorId> {
        let fixed: Vec<_> = (1..=4).map(OperatorId).collect();
        if self.bound && wanted.chosen.is_none() && !wanted.spent.contains(&fixed) {
            return fixed;
        }
        let fit = |ids: &Vec<OperatorId>| ids.iter().all(|id| !wanted.avoid.contains(id));
        if let Some(chosen) = &wanted.chosen {
            return chosen.clone();
        }
        if let Some(standing) = wanted.standing.as_ref().filter(|ids| fit(ids)) {
            return standing.clone();
        }
        loop {
            let others = (1..=8).map(OperatorId).filter(|id| !wanted.avoid.contains(id));
            let mut ids: Vec<_> = others.choose_multiple(&mut self.rng, 4);
            ids.sort_unstable();
            if !wanted.spent.contains(&ids) || ids.len() < 4 {
                return ids;
            }
        }
    }

    fn keygen(&mut self, case: CaseId, wanted: &CommitteeRequirements) -> Drafted {
        let plan = CeremonyPlan::Keygen {
            committee: self.committee(wanted),
            threshold: 3,
            withdrawal_credentials: Root([1; 32]),
            fork_version: ForkVersion([0; 4]),
            registration: self.registration_before(case),
        };
        let free = !self.outside.chain.keys.contains_key(&case.pool);
        let another = !wanted.spent.contains(&plan.participants());
        let checks = vec![
            Check::of("pool-without-key", free, ""),
            Check::of("another-committee", another, ""),
        ];
        Ok((ceremony(plan), checks))
    }

    /// A backend that signs the registration within the key generation is told it beforehand.
    fn registration_before(&self, case: CaseId) -> Option<OwnerNonce> {
        let chain = &self.outside.chain;
        let before = match self.outside.adapters.by_id {
            false => chain.ready.iter().take_while(|pool| **pool != case.pool).count() as u64,
            true => 0,
        };
        self.outside.adapters.registers_with_key.then(|| OwnerNonce {
            owner: self.settings.owner.to_checksum(None),
            nonce: chain.owner_nonce + before,
        })
    }

    /// Why the contract takes no reshare of a pool.
    fn no_reshare(&self, pool: PoolId) -> Option<&'static str> {
        let chain = &self.outside.chain;
        let done = chain.reshares.get(&pool).map_or(0, Vec::len);
        match chain.staked.contains(&pool) {
            false => Some("its pool is not staked"),
            true if done >= self.outside.adapters.reshares => {
                Some("the contract takes no more reshares of it")
            }
            true => None,
        }
    }

    fn reshare(&mut self, case: CaseId, draft: ReshareDraft) -> Drafted {
        if let Some(why) = self.no_reshare(case.pool) {
            return refused(why);
        }
        let validator = self.outside.chain.keys[&case.pool];
        let (key, committee) = match draft.known {
            Some(known) => (known.validator, known.committee),
            None => (validator, (1..=4).map(OperatorId).collect()),
        };
        let plan = CeremonyPlan::Reshare {
            validator,
            old: committee.into_iter().take(3).collect(),
            new: self.committee(&draft.wanted),
            threshold: 3,
            registration: None,
            brought: None,
        };
        let checks = vec![Check::of("key-in-journal", key == validator, "")];
        Ok((ceremony(plan), checks))
    }

    fn sign_exit(&mut self, case: CaseId, draft: SignExitDraft) -> Drafted {
        let Some(validator) = self.outside.chain.keys.get(&case.pool).copied() else {
            return refused("the contract has no validator for the pool");
        };
        self.drafts.push((draft.bad.clone(), draft.last_failure));
        let phase = self.phase_of(&validator);
        if phase >= ValidatorPhase::Exiting {
            return Err(Prepared::AlreadySo { phase, validator });
        }
        let signing_root = Root([self.outside.exit_root; 32]);
        let plan = CeremonyPlan::Sign {
            validator,
            committee: draft
                .known
                .map_or_else(|| (1..=4).map(OperatorId).collect(), |k| k.committee),
            threshold: 3,
            signing_root,
            what: SignPurpose::VoluntaryExit {
                validator_index: 4,
                epoch: 8,
                domain: None,
            },
            share_public_keys: BTreeMap::new(),
            brought: None,
        };
        let asked = |e: &Event| (e.said, e.pool) == (Said::Asked(RequestKind::Exit), case.pool);
        let asked = draft.opened_by.is_some() || self.outside.chain.events.iter().any(asked);
        let mut checks = vec![Check::of("pool-exiting", asked, "")];
        let same = draft.bad.is_some_and(|bad| bad.signing_root == signing_root);
        checks.extend(same.then(|| Check::unknown(NEW_SIGNING_ROOT, "the same bytes again")));
        Ok((ceremony(plan), checks))
    }

    fn broadcast(&mut self, purpose: Purpose, draft: BroadcastExitDraft) -> Drafted {
        let CeremonyPlan::Sign {
            validator,
            signing_root,
            ..
        } = draft.plan
        else {
            panic!("an exit that is no signature")
        };
        let phase = self.phase_of(&validator);
        if phase >= ValidatorPhase::Exiting {
            return Err(Prepared::AlreadySo { phase, validator });
        }
        let sending = matches!(purpose, Purpose::Send(_));
        if sending && self.outside.no_validator {
            return refused("no such validator");
        }
        if let Some(why) = self.outside.untold.filter(|_| sending) {
            return Err(Prepared::Later {
                reason: SafeText::new(why),
                at: UnixMillis(self.now + 1_000),
            });
        }
        if sending && self.now < self.outside.exits_from {
            return Err(Prepared::TooEarly {
                reason: SafeText::new("too early"),
                until: UnixMillis(self.outside.exits_from),
            });
        }
        let exit = ExitPayload {
            validator,
            validator_index: 4,
            epoch: 8,
            signing_root,
            signature: draft.signature,
        };
        Ok((Payload::Exit(exit), Vec::new()))
    }

    fn send_deposit(&mut self, case: CaseId, draft: &SendDepositDraft) -> Drafted {
        let chain = &self.outside.chain;
        let by_id = self.outside.adapters.by_id;
        let served = match by_id {
            false => Check::of("pool-at-head", chain.ready.first() == Some(&case.pool), ""),
            true => Check::of("pool-ready", chain.ready.contains(&case.pool), ""),
        };
        let mut checks = vec![served, self.registered(draft.registration)];
        if self.bound {
            let takes = !draft.keygen.share_public_keys.contains_key(&REFUSED_BY_SSV);
            checks.push(Check::of("simulation", takes, "OperatorDoesNotExist()"));
            let refused = match self.one_voice {
                true => Check::unknown(SSV_OPERATORS, "one endpoint alone says: OperatorDoesNotExist()"),
                false => Check::fail(SSV_OPERATORS, "two endpoints or more say: OperatorDoesNotExist()"),
            };
            checks.extend((!takes).then_some(refused));
        }
        let named = (None, Some(case.pool).filter(|_| by_id));
        let payload = self.transaction(named, draft.keygen.validator, draft.registration, draft.spent_wei);
        Ok((payload, checks))
    }

    fn send_reshare(&mut self, case: CaseId, draft: &SendReshareDraft) -> Drafted {
        if let Some(why) = self.no_reshare(case.pool) {
            return refused(why);
        }
        let checks = vec![self.registered(draft.registration)];
        let validator = draft.reshare.validator;
        let payload = self.transaction((Some(case.pool), None), validator, draft.registration, U256::ZERO);
        Ok((payload, checks))
    }

    fn registered(&self, registration: Registration) -> Check {
        Check::of(
            "registration-nonce",
            registration.nonce == self.outside.chain.owner_nonce,
            "",
        )
    }

    /// The ceiling follows the fees of the day, and what is spent of it is gone.
    fn transaction(
        &mut self,
        (reshares, deposits): (Option<PoolId>, Option<PoolId>),
        key: BlsPublicKey,
        registration: Registration,
        spent: U256,
    ) -> Payload {
        let call = Call {
            reshares,
            deposits,
            key,
            registration: registration.nonce,
        };
        let dear = !self.calm && self.rng.gen_bool(0.2);
        // the second is what a rule lets pass once a part of it is spent
        let ceiling = if dear {
            [9_000, 5_100][self.rng.gen_range(0..2)]
        } else {
            3_000
        };
        Payload::Transaction(TransactionPayload {
            chain_id: 1,
            from: Address::ZERO,
            to: Address::repeat_byte(7),
            value_wei: U256::ZERO,
            data: Bytes::from(call.data()),
            fee_ceiling_wei: U256::from(ceiling).saturating_sub(spent),
            call: None,
        })
    }
}
