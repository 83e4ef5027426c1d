//! The deposit, tried out before its key exists: a key that can never be registered is never made. A key that nobody keeps
//! stands in for the one to come. SSV's contract looks at neither its shares nor its signature, and the deposit contract
//! looks at the root alone, so everything but the key itself is tried.
//!
//! | check | passes | fails | unknown |
//! |---|---|---|---|
//! | `deposit-simulation` | the call goes through | it reverts, or cannot be written | nobody could try it out, or one endpoint says that it reverts and another that it goes through, or nothing |
//! | `ssv-operators` | the call goes through | it reverts because SSV does not take these operators | it reverts for another reason, or was not tried out |
//! | `ssv-registers` | the call goes through, or SSV has the registration that managers call | SSV has it no more, and says which version it is, by every endpoint that answers | nobody tells, or one endpoint alone |
//! | `ssv-cluster-size` | SSV has clusters of this size | it has none | |
//! | `ssv-cluster-active` | the call goes through, or the snapshot says so | the snapshot says that it is liquidated | the snapshot is not known |

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, Bytes, U256};
use rand::rngs::OsRng;

use super::{facts, sending, served, snapshot};
use crate::beacon::roots;
use crate::dkg::threshold::SecretScalar;
use crate::ports::{
    Accord, Agreement, Answer, At, Call, Execution, InitiateDeposit, PoolCall, PoolManager, Registering,
    SharesData, Simulated, Ssv, SsvState, agreed,
};
use crate::types::{
    BlockRef, BlsPublicKey, BlsSignature, Check, DEPOSIT_GWEI, OperatorId, PoolId, Root, SafeText, listed,
};

/// Bytes of an encrypted share: one RSA-2048 ciphertext.
const ENCRYPTED_SHARE: usize = 256;

/// Tries deposits out.
#[derive(Debug)]
pub(super) struct Rehearsal {
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) agreement: Arc<dyn Agreement>,
    pub(super) oracle: Option<Address>,
    /// Wei of the reserved fees that are swapped for SSV.
    pub(super) fee_amount_wei: U256,
}

/// What came of it; `Err`: the call cannot even be written, and why.
type Tried = Answer<Result<Simulated, SafeText>>;

impl Rehearsal {
    /// Whether a key of this committee could be deposited for the pool as things stand. `credentials`: to whom it would pay
    /// out.
    pub(super) async fn checks(
        &self,
        pool: PoolId,
        committee: &[OperatorId],
        credentials: Root,
    ) -> Vec<Check> {
        let ssv = match self.execution.head().await.value() {
            Ok(head) => self.state(head.block, (pool, committee, credentials)).await,
            Err(why) => Answer::NotKnown(why),
        };
        let tried = self.try_out(pool, committee, credentials, &ssv).await;
        let goes_through = matches!(tried, Answer::Yes(Ok(Simulated::Succeeds { .. })));
        let cluster = if goes_through {
            Check::pass(
                "ssv-cluster-active",
                "SSV takes another validator of this cluster",
            )
        } else {
            facts::cluster_active(&ssv)
        };
        vec![
            self.registers(goes_through).await,
            self.size(committee.len()),
            self.operators(&tried),
            cluster,
            self.simulation(&tried),
        ]
    }

    /// With the snapshot that SSV takes.
    async fn state(
        &self,
        block: BlockRef,
        (pool, committee, credentials): (PoolId, &[OperatorId], Root),
    ) -> Answer<SsvState> {
        let told = self.ssv.state(block, committee).await;
        let ask = (&*self.agreement, &*self.execution, &*self.ssv);
        let tried = |ssv: &SsvState| {
            let data = self.call(pool, committee, credentials, ssv).ok()?;
            Some(self.as_call(self.oracle?, data))
        };
        snapshot::settle(ask, block, committee, told, tried).await
    }

    fn as_call(&self, oracle: Address, data: Bytes) -> Call {
        Call {
            from: oracle,
            to: self.manager.address(),
            data,
            value_wei: U256::ZERO,
        }
    }

    async fn try_out(
        &self,
        pool: PoolId,
        committee: &[OperatorId],
        credentials: Root,
        ssv: &Answer<SsvState>,
    ) -> Tried {
        let Some(oracle) = self.oracle else {
            return Answer::not_known("no oracle address is configured");
        };
        let ssv = match ssv.as_ref().value() {
            Ok(ssv) => ssv,
            Err(why) => return Answer::not_known(format!("SSV's state is unknown: {why}")),
        };
        let data = match self.call(pool, committee, credentials, ssv) {
            Ok(data) => data,
            Err(why) => return Answer::Yes(Err(why)),
        };
        let call = self.as_call(oracle, data);
        let tried = self.execution.simulate(&call).await;
        let ask = (&*self.agreement, &*self.manager, &*self.execution, &*self.ssv);
        snapshot::doubt(ask, &call.data, &tried).await;
        match tried {
            Answer::Yes(Simulated::Disputed { words, .. }) => Answer::not_known(words),
            Answer::Yes(simulated @ Simulated::Unconfirmed { .. }) => {
                sending::gas_of(&*self.manager, &simulated).and_then(|_| Answer::Yes(Ok(simulated)))
            }
            tried => tried.map(Ok),
        }
    }

    /// The call data of the deposit, with a key that nobody keeps.
    fn call(
        &self,
        pool: PoolId,
        committee: &[OperatorId],
        credentials: Root,
        ssv: &SsvState,
    ) -> Result<Bytes, SafeText> {
        let key = SecretScalar::random(&mut OsRng).public_key();
        let signature = BlsSignature::default();
        let shares = self.ssv.encode_shares(&throw_away_shares(committee, key));
        let shares = shares.map_err(|why| SafeText::new(&why.to_string()))?;
        let amount = DEPOSIT_GWEI;
        let call = PoolCall::InitiateDeposit(Box::new(InitiateDeposit {
            pool: served::named(&*self.manager, pool),
            deposit_data_root: roots::deposit_data_root(&key, &credentials, amount, &signature),
            public_key: key,
            operator_ids: committee.to_vec(),
            shares: Bytes::from(shares),
            signature,
            withdrawal_credentials: credentials,
            registering: Some(Registering::by_swap(ssv.cluster.clone(), self.fee_amount_wei)),
        }));
        let data = self.manager.encode(&call);
        data.map_err(|why| SafeText::new(&why.to_string()))
    }

    fn simulation(&self, tried: &Tried) -> Check {
        let gas = tried.as_ref().and_then(|tried| match tried {
            Ok(simulated) => sending::gas_of(&*self.manager, simulated),
            Err(why) => Answer::Yes(Err(why.to_string())),
        });
        let unwritten = matches!(tried, Answer::Yes(Err(_)));
        gas.check("deposit-simulation", |gas| match gas {
            Ok(gas) => (true, format!("goes through with a throw-away key, {gas} gas")),
            Err(why) if unwritten => (false, why.clone()),
            Err(why) => (false, format!("with a throw-away key: {why}")),
        })
    }

    /// SSV says no itself: an operator does not exist (any more), does not let us in, or has no room.
    fn operators(&self, tried: &Tried) -> Check {
        const NAME: &str = "ssv-operators";
        match tried {
            Answer::Yes(Ok(Simulated::Succeeds { .. })) => {
                Check::pass(NAME, "SSV takes a validator of these operators")
            }
            Answer::Yes(Ok(Simulated::Disputed { words, .. } | Simulated::Unconfirmed { words, .. })) => {
                Check::unknown(NAME, words.as_str())
            }
            Answer::Yes(Ok(Simulated::Reverts { revert, .. })) => match self.ssv.refuses_operators(revert) {
                Some(why) => Check::fail(NAME, why.as_str()),
                None => Check::unknown(NAME, "the deposit reverts for another reason"),
            },
            Answer::Yes(Err(why)) => Check::unknown(NAME, why.as_str()),
            Answer::No(why) => Check::unknown(NAME, why.words.as_str()),
            Answer::NotKnown(why) => Check::unknown(NAME, why.to_string()),
        }
    }

    /// SSV v2.0.0 has no registration with a token amount: there no committee helps.
    async fn registers(&self, goes_through: bool) -> Check {
        const NAME: &str = "ssv-registers";
        if goes_through {
            return Check::pass(NAME, "SSV takes the manager's registration");
        }
        let takes = self.ssv.takes_tokens(At::Latest).await;
        if let Answer::No(evidence) = &takes
            && let Some(doubt) = self.doubts_refusal().await
        {
            return Check::unknown(NAME, format!("{evidence}, by one endpoint: {doubt}"));
        }
        takes.check(NAME, |version| {
            let version = match version.as_str() {
                "" => "SSV".to_owned(),
                version => format!("SSV {version}"),
            };
            (true, format!("{version} takes registrations with a token amount"))
        })
    }

    /// Why it is not believed that SSV takes no registration; none where all say so that could be asked.
    async fn doubts_refusal(&self) -> Option<String> {
        let head = match self.execution.head().await.value() {
            Ok(head) => head.block,
            Err(why) => return Some(why.to_string()),
        };
        match agreed::on_registering(&*self.agreement, head).await {
            (Accord::Alone, _) | (Accord::Agree { .. }, Some(Some(_))) => None,
            (Accord::Agree { .. }, Some(None)) => Some("all say now that it is taken".to_owned()),
            (Accord::Agree { .. }, None) => Some("they have another block now".to_owned()),
            (accord, _) => Some(accord.words()),
        }
    }

    fn size(&self, operators: usize) -> Check {
        let sizes = self.ssv.capabilities().cluster_sizes;
        let known = listed(sizes.iter().copied(), "and");
        let words = format!("{operators} operators; SSV has clusters of {known}");
        Check::of("ssv-cluster-size", sizes.contains(&operators), words)
    }
}

fn throw_away_shares(committee: &[OperatorId], key: BlsPublicKey) -> SharesData {
    let keys: BTreeMap<_, _> = committee.iter().map(|id| (*id, key)).collect();
    let encrypted = keys.keys().map(|id| (*id, vec![0; ENCRYPTED_SHARE]));
    SharesData {
        signature: BlsSignature::default(),
        encrypted_shares: encrypted.collect(),
        share_public_keys: keys,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::agreement::Voices;
    use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};
    use crate::ports::{Revert, Voice};
    use crate::types::CheckStatus;

    fn rehearsal(execution: FakeExecution, ssv: FakeSsv) -> (Rehearsal, Arc<FakeExecution>) {
        let execution = Arc::new(execution);
        let rehearsal = Rehearsal {
            manager: Arc::new(FakeManager::default()),
            ssv: Arc::new(ssv),
            execution: Arc::clone(&execution) as Arc<dyn Execution>,
            agreement: Arc::new(Voices::new(Vec::new())),
            oracle: Some(Address::repeat_byte(3)),
            fee_amount_wei: U256::from(1),
        };
        (rehearsal, execution)
    }

    async fn of(rehearsal: &Rehearsal, operators: u64) -> Vec<(String, CheckStatus)> {
        let committee: Vec<_> = (1..=operators).map(OperatorId).collect();
        let checks = rehearsal.checks(PoolId(1), &committee, Root([1; 32])).await;
        checks
            .into_iter()
            .map(|check| (check.name, check.status))
            .collect()
    }

    fn expected(statuses: [CheckStatus; 5]) -> Vec<(String, CheckStatus)> {
        let names = [
            "ssv-registers",
            "ssv-cluster-size",
            "ssv-operators",
            "ssv-cluster-active",
            "deposit-simulation",
        ];
        names.map(str::to_owned).into_iter().zip(statuses).collect()
    }

    fn reverting() -> FakeExecution {
        FakeExecution {
            simulated: Answer::Yes(Simulated::reverts(Revert::of(&[]))),
            ..FakeExecution::default()
        }
    }

    fn liquidated() -> FakeSsv {
        let mut ssv = FakeSsv::default();
        if let Answer::Yes(state) = &mut ssv.state {
            state.cluster.active = false;
        }
        ssv
    }

    #[tokio::test]
    async fn everything_but_the_key_is_tried_and_the_key_is_another_each_time() {
        use CheckStatus::Pass;
        let (fine, execution) = rehearsal(FakeExecution::default(), FakeSsv::default());
        assert_eq!(of(&fine, 4).await, expected([Pass; 5]));
        of(&fine, 4).await;
        let tried = execution.tried.lock().unwrap();
        assert_eq!(
            (tried[0].from, tried[0].to),
            (Address::repeat_byte(3), Address::repeat_byte(7))
        );
        let keys: Vec<_> = tried
            .iter()
            .map(|call| {
                let Some(PoolCall::InitiateDeposit(deposit)) = fine.manager.decode(&call.data) else {
                    panic!("{call:?}")
                };
                assert_eq!(deposit.operator_ids.len(), 4);
                deposit.public_key
            })
            .collect();
        assert_ne!(keys[0], keys[1]);
    }

    /// A liar that is asked first stopped every deposit.
    #[tokio::test]
    async fn that_ssv_has_no_registration_is_no_one_endpoints_word() {
        let refusing = || FakeSsv {
            takes_tokens: Answer::no("SSV is v2.0.0"),
            ..FakeSsv::default()
        };
        let voice = |name: &str, ssv| Voice {
            name: name.into(),
            execution: Arc::new(FakeExecution::default()),
            manager: Arc::new(FakeManager::default()),
            ssv: Arc::new(ssv),
        };
        let away = || FakeSsv {
            takes_tokens: Answer::not_known("timed out"),
            ..FakeSsv::default()
        };
        for (second, status, who) in [
            (refusing(), CheckStatus::Fail, "v2.0.0"),
            (FakeSsv::default(), CheckStatus::Unknown, "b"),
            (away(), CheckStatus::Unknown, "b: timed out"),
        ] {
            let (mut asked, _) = rehearsal(reverting(), refusing());
            let voices = vec![voice("a", refusing()), voice("b", second)];
            asked.agreement = Arc::new(Voices::new(voices));
            let check = asked.registers(false).await;
            assert_eq!(check.status, status, "{}", check.reason);
            assert!(check.reason.as_str().contains(who), "{}", check.reason);
        }
        // it is the only one that says so, and says something else when it is asked with the others
        let (mut asked, _) = rehearsal(reverting(), refusing());
        let voices = ["a", "b"].map(|name| voice(name, FakeSsv::default()));
        asked.agreement = Arc::new(Voices::new(voices.to_vec()));
        let check = asked.registers(false).await;
        assert_eq!(check.status, CheckStatus::Unknown, "{}", check.reason);
        assert!(
            check.reason.as_str().ends_with("all say now that it is taken"),
            "{}",
            check.reason
        );
    }

    #[tokio::test]
    async fn what_ssv_does_not_take_fails_before_there_is_a_key() {
        use CheckStatus::{Fail, Pass, Unknown};
        let refusing = FakeSsv {
            refuses: Some("OperatorDoesNotExist".into()),
            ..FakeSsv::default()
        };
        let (refused, _) = rehearsal(reverting(), refusing);
        assert_eq!(of(&refused, 4).await, expected([Pass, Pass, Fail, Pass, Fail]));
        let (other, _) = rehearsal(reverting(), liquidated());
        assert_eq!(of(&other, 4).await, expected([Pass, Pass, Unknown, Fail, Fail]));
        let of_v2 = FakeSsv {
            takes_tokens: Answer::no("SSV is v2.0.0"),
            ..FakeSsv::default()
        };
        let (of_v2, _) = rehearsal(reverting(), of_v2);
        assert_eq!(of(&of_v2, 4).await, expected([Fail, Pass, Unknown, Pass, Fail]));
        let (size, _) = rehearsal(FakeExecution::default(), FakeSsv::default());
        assert_eq!(of(&size, 5).await, expected([Pass, Fail, Pass, Pass, Pass]));
    }

    #[tokio::test]
    async fn what_nobody_can_tell_is_unknown() {
        use CheckStatus::{Pass, Unknown};
        let silent = FakeExecution {
            simulated: Answer::not_known("no endpoint answers"),
            ..FakeExecution::default()
        };
        let (silent, _) = rehearsal(silent, FakeSsv::default());
        assert_eq!(
            of(&silent, 4).await,
            expected([Pass, Pass, Unknown, Pass, Unknown])
        );
        let blind = FakeSsv {
            state: Answer::not_known("no endpoint answers"),
            ..FakeSsv::default()
        };
        let (blind, _) = rehearsal(FakeExecution::default(), blind);
        assert_eq!(
            of(&blind, 4).await,
            expected([Pass, Pass, Unknown, Unknown, Unknown])
        );
        let (nobody, _) = rehearsal(FakeExecution::default(), FakeSsv::default());
        let nobody = Rehearsal {
            oracle: None,
            ..nobody
        };
        assert_eq!(
            of(&nobody, 4).await,
            expected([Pass, Pass, Unknown, Pass, Unknown])
        );
    }
}
