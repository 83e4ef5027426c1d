//! What every transaction shares: simulation, fees, balance, and its description.

use std::sync::Arc;

use alloy::primitives::{Address, U256};

use super::{proposal, snapshot};
use crate::oracle::{
    ActionKind, CallArgument, CallView, Fact, FactKind, Payload, Prepared, SSV_OPERATORS, TransactionPayload,
};
use crate::ports::{
    Agreement, Answer, Call, Execution, NoSuchCall, PoolCall, PoolManager, Simulated, Ssv, TxSigner,
};
use crate::tx::fees::{self, quoted};
use crate::types::{Check, Round, SafeText, format_ether, rounded_ether};

/// What every transaction of the oracle's account is made and judged with.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) agreement: Arc<dyn Agreement>,
    /// Nobody, in mode observe.
    pub(super) signer: Option<Arc<dyn TxSigner>>,
    pub(super) oracle: Option<Address>,
    /// EIP-155 chain id.
    pub(super) chain_id: u64,
    /// The most that a transaction may cost in fees, wei.
    pub(super) fee_ceiling_wei: U256,
}

/// The transaction of `oracle` to the manager as it would be approved.
///
/// # Errors
/// This version of the manager has no such call.
pub(super) fn payload(
    from: &Sending,
    oracle: Address,
    call: &PoolCall,
) -> Result<TransactionPayload, NoSuchCall> {
    let data = from.manager.encode(call)?;
    let call = from.manager.describe(&data).map(|call| CallView {
        function: call.function,
        arguments: call
            .arguments
            .into_iter()
            .map(|a| CallArgument {
                name: a.name,
                solidity_type: a.solidity_type,
                value: a.value,
            })
            .collect(),
    });
    Ok(TransactionPayload {
        chain_id: from.chain_id,
        from: oracle,
        to: from.manager.address(),
        value_wei: U256::ZERO,
        data,
        fee_ceiling_wei: from.fee_ceiling_wei,
        call,
    })
}

/// The check that tries out exactly what would be sent.
const SIMULATION: &str = "simulation";

/// The proposal of a transaction: to what it is for comes whether it can be sent, from whom to whom, and what it costs.
pub(super) async fn proposal(
    from: &Sending,
    kind: ActionKind,
    title: &str,
    mut facts: Vec<Fact>,
    mut checks: Vec<Check>,
    payload: TransactionPayload,
    balance: &Answer<U256>,
) -> Prepared {
    checks.push(signer(from));
    let (manager, execution, ssv) = (&*from.manager, &*from.execution, &*from.ssv);
    let ask = (&*from.agreement, manager, execution, ssv);
    let (sending, fees) = self::checks(ask, &payload, balance).await;
    checks.extend(sending);
    super::dedup(&mut checks);
    facts.extend(fees);
    facts.extend([
        Fact::new("manager contract", FactKind::Address, payload.to),
        Fact::new("oracle account", FactKind::Address, payload.from),
    ]);
    proposal::proposal(kind, title, facts, checks, Payload::Transaction(payload))
}

/// Tries out exactly what would be sent.
pub(crate) async fn simulate(execution: &dyn Execution, payload: &TransactionPayload) -> Answer<Simulated> {
    execution.simulate(&call(payload)).await
}

/// Exactly what would be sent, as a call.
pub(super) fn call(payload: &TransactionPayload) -> Call {
    Call {
        from: payload.from,
        to: payload.to,
        data: payload.data.clone(),
        value_wei: payload.value_wei,
    }
}

/// The gas that a simulation used, or why there is none; not known where one endpoint of several says so. The one place
/// where a revert is put in words for people before anything was sent.
pub(crate) fn gas_of(manager: &dyn PoolManager, simulated: &Simulated) -> Answer<Result<u64, String>> {
    match simulated {
        Simulated::Succeeds { gas, .. } | Simulated::Disputed { gas, .. } => Answer::Yes(Ok(*gas)),
        Simulated::Unconfirmed { revert, words } => {
            Answer::not_known(format!("{words}: {}", manager.explain(revert)))
        }
        Simulated::Reverts { revert, .. } => {
            Answer::Yes(Err(format!("would revert: {}", manager.explain(revert))))
        }
    }
}

/// Simulation from the oracle's address, fee under the ceiling, balance enough for the ceiling.
async fn checks(
    ask: (&dyn Agreement, &dyn PoolManager, &dyn Execution, &dyn Ssv),
    payload: &TransactionPayload,
    balance: &Answer<U256>,
) -> (Vec<Check>, Vec<Fact>) {
    let (_, manager, execution, ssv) = ask;
    let (ceiling, from) = (payload.fee_ceiling_wei, payload.from);
    let (simulated, quote) = tokio::join!(simulate(execution, payload), execution.fee_quote());
    snapshot::doubt(ask, &payload.data, &simulated).await;
    let committee = simulated.as_ref().yes().and_then(|tried| committee(tried, ssv));
    let dispute = match &simulated {
        Answer::Yes(Simulated::Disputed { words, .. }) => Some(Check::unknown(SIMULATION, words.as_str())),
        _ => None,
    };
    let doubt = simulated.as_ref().yes().and_then(Simulated::doubt).cloned();
    let less = simulated.as_ref().yes().and_then(Simulated::less).cloned();
    let simulated = simulated.and_then(|simulated| gas_of(manager, &simulated));
    let simulation = dispute.unwrap_or_else(|| {
        simulated.check(SIMULATION, |gas| match gas {
            Ok(gas) => (true, format!("succeeds from {from}, {gas} gas")),
            Err(why) => (false, why.clone()),
        })
    });
    let gas = simulated.yes().and_then(Result::ok);
    // under the ceiling or not, as soon as both gas and market are known
    let with = |gas| {
        let limit = fees::gas_limit(gas);
        let total = |quote| fees::choose(quote, limit, ceiling).map(|fees| fees::total(limit, fees.max_fee));
        quote.as_ref().and_then(|quote| quoted(*quote, total))
    };
    let fee = match gas {
        Some(gas) => with(gas),
        None => Answer::not_known("no gas estimate without a successful simulation"),
    };
    // too dear is what is so with the lower one of two estimates, too
    let less = less.filter(|less| !matches!(with(less.gas), Answer::Yes(Err(_))));
    let doubt = doubt.or(less.map(|less| less.words));
    let fee_ceiling = fee_ceiling(&fee, doubt.as_ref());
    let balance = balance.check("balance", |balance| {
        let words = format!("{from} has {}, the ceiling is {}", there(*balance), eth(ceiling));
        (*balance >= ceiling + payload.value_wei, words)
    });
    let mut facts: Vec<_> = gas.into_iter().flat_map(gas_facts).collect();
    facts.push(Fact::new("fee ceiling", FactKind::Amount, eth(ceiling)));
    if let Some(Ok(most)) = fee.yes() {
        facts.push(Fact::new(
            "fee at most, now",
            FactKind::Amount,
            rounded_ether(most, Round::Up),
        ));
    }
    let mut checks = vec![simulation, fee_ceiling, balance];
    checks.extend(committee);
    (checks, facts)
}

/// Whether it is under the ceiling. What one endpoint of several says of gas ends nothing that was approved.
fn fee_ceiling(fee: &Answer<Result<U256, fees::OverCeiling>>, doubt: Option<&SafeText>) -> Check {
    const NAME: &str = "fee-ceiling";
    let over = |over: &fees::OverCeiling| {
        let (needed, ceiling) = (rounded_ether(over.needed_wei, Round::Up), eth(over.ceiling_wei));
        format!("the fee would be about {needed}, the ceiling is {ceiling}")
    };
    if let (Answer::Yes(Err(too_much)), Some(doubt)) = (fee, doubt) {
        return Check::unknown(NAME, format!("{}, and {doubt}", over(too_much)));
    }
    fee.check(NAME, |fee| match fee {
        Ok(_) => (true, "the fee quoted now is under the ceiling".to_owned()),
        Err(too_much) => (false, over(too_much)),
    })
}

/// What SSV has against the committee: of two endpoints or more that say so at one block, or of one, which is no ground to
/// give a key up. None where nothing says so.
fn committee(tried: &Simulated, ssv: &dyn Ssv) -> Option<Check> {
    let (revert, agreed_at) = match tried {
        Simulated::Reverts { revert, agreed_at } => (revert, *agreed_at),
        Simulated::Unconfirmed { revert, .. } => (revert, None),
        Simulated::Succeeds { .. } | Simulated::Disputed { .. } => return None,
    };
    let why = ssv.refuses_committee(revert)?;
    Some(match agreed_at {
        Some(block) => {
            let words = format!("two endpoints or more say at block {}: {why}", block.number);
            Check::fail(SSV_OPERATORS, words)
        }
        None => Check::unknown(SSV_OPERATORS, format!("one endpoint alone says: {why}")),
    })
}

/// What the call used, and the limit that it would be signed with now: by the same rule.
fn gas_facts(gas: u64) -> [Fact; 2] {
    [
        Fact::new("gas, tried out", FactKind::Amount, gas),
        Fact::new("gas limit, now", FactKind::Amount, fees::gas_limit(gas)),
    ]
}

/// Exactly: what is paid, or was configured.
pub(super) fn eth(wei: U256) -> String {
    format_ether(wei)
}

/// What somebody has.
pub(super) fn there(wei: U256) -> String {
    rounded_ether(wei, Round::Down)
}

/// Whether this process could send it at all.
fn signer(from: &Sending) -> Check {
    match (&from.signer, from.oracle) {
        (Some(signer), Some(oracle)) if signer.address() == oracle => {
            Check::pass("signer", format!("{} signs for {oracle}", signer.name()))
        }
        (Some(signer), _) => Check::fail(
            "signer",
            format!("{} signs for {}", signer.name(), signer.address()),
        ),
        (None, _) => Check::fail("signer", "nobody signs in this process"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::agreement::Voices;
    use crate::ports::Revert;
    use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};
    use crate::types::{BlockRef, CheckStatus};

    fn payload(value_wei: u64) -> TransactionPayload {
        TransactionPayload {
            chain_id: 1,
            from: Address::repeat_byte(3),
            to: Address::repeat_byte(7),
            value_wei: U256::from(value_wei),
            data: vec![1, 2, 3].into(),
            fee_ceiling_wei: U256::from(10).pow(U256::from(17)),
            call: None,
        }
    }

    /// One endpoint is configured.
    fn nobody() -> Voices {
        Voices::new(Vec::new())
    }

    #[tokio::test]
    async fn what_is_tried_out_is_what_would_be_sent_value_included() {
        let (manager, execution) = (FakeManager::default(), FakeExecution::default());
        let sent = payload(42);
        let (made, facts) = checks(
            (&nobody(), &manager, &execution, &FakeSsv::default()),
            &sent,
            &Answer::Yes(U256::MAX),
        )
        .await;
        assert!(made.iter().all(|c| c.status == CheckStatus::Pass), "{made:?}");
        let labels: Vec<_> = facts.iter().map(|fact| fact.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "gas, tried out",
                "gas limit, now",
                "fee ceiling",
                "fee at most, now"
            ]
        );
        // 125,000 gas at twice 1 gwei and 0.1 gwei: 0.0002625 ETH
        let values: Vec<_> = facts.iter().map(|fact| fact.value.as_str()).collect();
        assert_eq!(values, ["100000", "125000", "0.1 ETH", "0.000263 ETH"]);
        let tried = execution.tried.lock().unwrap();
        let call = Call {
            from: sent.from,
            to: sent.to,
            data: sent.data,
            value_wei: sent.value_wei,
        };
        assert_eq!(*tried, [call]);
    }

    #[tokio::test]
    async fn a_revert_fails_with_its_advice_and_silence_is_unknown() {
        let manager = FakeManager {
            advice: Some("rebuild its snapshot"),
            ..FakeManager::default()
        };
        let status = async |execution: FakeExecution| {
            let balance = Answer::Yes(U256::MAX);
            checks(
                (&nobody(), &manager, &execution, &FakeSsv::default()),
                &payload(0),
                &balance,
            )
            .await
            .0
        };
        let reverts = status(FakeExecution {
            simulated: Answer::Yes(Simulated::reverts(Revert {
                data: None,
                words: "IncorrectClusterState".into(),
            })),
            ..FakeExecution::default()
        })
        .await;
        assert_eq!(reverts[0].status, CheckStatus::Fail);
        assert_eq!(
            reverts[0].reason.as_str(),
            "would revert: IncorrectClusterState (rebuild its snapshot)"
        );
        assert_eq!(reverts[1].status, CheckStatus::Unknown, "no gas, no fee");
        let silent = status(FakeExecution {
            simulated: Answer::not_known("no endpoint answered"),
            ..FakeExecution::default()
        })
        .await;
        assert_eq!(silent[0].status, CheckStatus::Unknown);
        let no_market = status(FakeExecution {
            quote: Answer::not_known("no endpoint answered"),
            ..FakeExecution::default()
        })
        .await;
        assert_eq!(no_market[1].status, CheckStatus::Unknown);
    }

    /// The check of the fees.
    async fn looked(execution: FakeExecution) -> (CheckStatus, String) {
        let (manager, ssv, balance) = (FakeManager::default(), FakeSsv::default(), Answer::Yes(U256::MAX));
        let made = checks((&nobody(), &manager, &execution, &ssv), &payload(0), &balance)
            .await
            .0;
        (made[1].status, made[1].reason.to_string())
    }

    /// Base fees in gwei.
    fn quote(base_fee: u128, least: u128, alone: bool) -> Answer<fees::FeeQuote> {
        Answer::Yes(fees::FeeQuote {
            base_fee: base_fee * 1_000_000_000,
            priority: 1,
            alone,
            least_base_fee: least * 1_000_000_000,
        })
    }

    /// At 10 gwei the ceiling, 0.1 ETH, pays 8 million.
    const MUCH: u64 = 12_000_000;

    fn at_ten_gwei(simulated: Simulated) -> FakeExecution {
        FakeExecution {
            simulated: Answer::Yes(simulated),
            quote: quote(10, 10, false),
            ..FakeExecution::default()
        }
    }

    /// It would end an approval.
    #[tokio::test]
    async fn gas_above_the_ceiling_by_one_voice_of_several_is_not_known() {
        let succeeds = |doubt: Option<&str>| {
            at_ten_gwei(Simulated::Succeeds {
                gas: MUCH,
                doubt: doubt.map(Into::into),
                less: None,
            })
        };
        assert_eq!(looked(succeeds(None)).await.0, CheckStatus::Fail);
        let words = "a alone estimates its gas";
        let disputed = at_ten_gwei(Simulated::Disputed {
            gas: MUCH,
            words: words.into(),
        });
        for execution in [succeeds(Some(words)), disputed] {
            let (status, reason) = looked(execution).await;
            assert_eq!(status, CheckStatus::Unknown);
            assert!(reason.ends_with(words), "{reason}");
        }
    }

    /// Two estimates that are not far apart: too dear is what is so by the lower one, too.
    #[tokio::test]
    async fn gas_is_above_the_ceiling_where_the_lower_estimate_is() {
        let dear = |less| {
            looked(at_ten_gwei(Simulated::Succeeds {
                gas: MUCH,
                doubt: None,
                less: Some(crate::ports::Less {
                    gas: less,
                    words: "a estimates more gas than b".into(),
                }),
            }))
        };
        let (status, reason) = dear(7_000_000).await;
        assert_eq!(status, CheckStatus::Unknown, "{reason}");
        assert!(reason.ends_with("a estimates more gas than b"), "{reason}");
        assert_eq!(dear(9_000_000).await.0, CheckStatus::Fail);
    }

    #[tokio::test]
    async fn fees_above_the_ceiling_by_one_voice_or_by_the_higher_of_two_are_not_known() {
        let at = |quote| {
            looked(FakeExecution {
                quote,
                ..FakeExecution::default()
            })
        };
        assert_eq!(at(quote(5_000, 5_000, false)).await.0, CheckStatus::Fail);
        for (quote, words) in [
            (quote(1_000, 600, false), "by the higher of two base fees"),
            (quote(5_000, 5_000, true), "by the fees of one endpoint alone"),
        ] {
            let (status, reason) = at(quote).await;
            assert_eq!(status, CheckStatus::Unknown, "{reason}");
            assert!(reason.contains(words), "{reason}");
        }
    }

    /// One voice's refusal is a person's affair: the core gives a key up on a failed check alone.
    #[tokio::test]
    async fn a_refusal_of_the_committee_fails_by_two_voices_and_is_unknown_by_one() {
        let manager = FakeManager::default();
        let block = BlockRef {
            number: 8,
            hash: crate::types::Root([8; 32]),
        };
        let looked = async |simulated: Simulated, refuses: Option<&str>| {
            let execution = FakeExecution {
                simulated: Answer::Yes(simulated),
                ..FakeExecution::default()
            };
            let ssv = FakeSsv {
                refuses: refuses.map(Into::into),
                ..FakeSsv::default()
            };
            let balance = Answer::Yes(U256::MAX);
            let made = checks((&nobody(), &manager, &execution, &ssv), &payload(0), &balance)
                .await
                .0;
            let status = |name: &str| made.iter().find(|c| c.name == name).map(|c| c.status);
            (status(SIMULATION), status(SSV_OPERATORS))
        };
        let of_committee = Some("OperatorDoesNotExist");
        let alone = Simulated::reverts(Revert::of(&[1]));
        let agreed = Simulated::Reverts {
            revert: Revert::of(&[1]),
            agreed_at: Some(block),
        };
        let disputed = Simulated::Disputed {
            gas: 1,
            words: "a says that it reverts, and b that it goes through".into(),
        };
        let unconfirmed = Simulated::Unconfirmed {
            revert: Revert::of(&[1]),
            words: "a says that it reverts, and no other endpoint confirms it".into(),
        };
        use CheckStatus::{Fail, Unknown};
        assert_eq!(
            looked(unconfirmed.clone(), of_committee).await,
            (Some(Unknown), Some(Unknown))
        );
        assert_eq!(looked(unconfirmed, None).await, (Some(Unknown), None));
        assert_eq!(looked(alone, of_committee).await, (Some(Fail), Some(Unknown)));
        assert_eq!(
            looked(agreed.clone(), of_committee).await,
            (Some(Fail), Some(Fail))
        );
        assert_eq!(looked(agreed, None).await, (Some(Fail), None));
        assert_eq!(looked(disputed, of_committee).await, (Some(Unknown), None));
    }
}
