//! What every transaction shares: simulation, fees, balance, and its description.

use alloy::primitives::{Address, Bytes, U256};

use super::proposal;
use crate::chain::contracts::decode_call;
use crate::chain::facts::{SimulateError, simulate};
use crate::config::format_ether;
use crate::engine::service::outside::Shared;
use crate::oracle::{
    ActionKind, CallArgument, CallView, Fact, FactKind, Payload, Prepared, TransactionPayload,
};
use crate::tx::fees;
use crate::types::{BlockRef, Check, PoolId};

/// The transaction of `oracle` to the manager as it would be approved.
pub(super) fn payload(outside: &Shared, oracle: Address, data: Bytes) -> TransactionPayload {
    let call = decode_call(&data).map(|call| CallView {
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
    TransactionPayload {
        chain_id: outside.config.network.chain_id,
        from: oracle,
        to: outside.manager.address(),
        value_wei: U256::ZERO,
        data,
        fee_ceiling_wei: outside.config.fees.max_fee_wei,
        call,
    }
}

/// The proposal of a transaction: to what it is for comes whether it can be sent, from whom to whom, and what it costs.
pub(super) async fn proposal(
    outside: &Shared,
    kind: ActionKind,
    title: &str,
    mut facts: Vec<Fact>,
    mut checks: Vec<Check>,
    payload: TransactionPayload,
    balance: Result<U256, String>,
) -> Prepared {
    checks.push(signer(outside));
    let (sending, fees) = self::checks(outside, &payload, balance).await;
    checks.extend(sending);
    super::dedup(&mut checks);
    facts.extend([
        Fact::new("manager contract", FactKind::Address, payload.to),
        Fact::new("oracle account", FactKind::Address, payload.from),
    ]);
    facts.extend(fees);
    proposal::proposal(kind, title, facts, checks, Payload::Transaction(payload))
}

/// Every endpoint says the same of what the transaction rests on.
pub(super) async fn endpoints_agree(
    outside: &Shared,
    pool: PoolId,
    oracle: Address,
    block: BlockRef,
) -> Check {
    let verdict = outside.agreement.on_facts(pool, oracle, block).await;
    verdict.check("endpoints-agree")
}

/// Simulation from the oracle's address, fee under the ceiling, balance enough for the ceiling.
async fn checks(
    outside: &Shared,
    payload: &TransactionPayload,
    balance: Result<U256, String>,
) -> (Vec<Check>, Vec<Fact>) {
    let mut checks = Vec::new();
    let mut facts = vec![Fact::new(
        "fee ceiling",
        FactKind::Amount,
        eth(payload.fee_ceiling_wei),
    )];
    let (simulated, quote) = tokio::join!(
        simulate(&outside.rpc, payload.from, payload.to, &payload.data),
        fees::quote(&outside.rpc)
    );
    let gas = match simulated {
        Ok(gas) => {
            checks.push(Check::pass(
                "simulation",
                format!("succeeds from {}, {gas} gas", payload.from),
            ));
            Some(gas)
        }
        Err(error @ SimulateError::Reverted(_)) => {
            checks.push(Check::fail("simulation", error.to_string()));
            None
        }
        Err(error) => {
            checks.push(Check::unknown("simulation", error.to_string()));
            None
        }
    };
    checks.push(match (gas, quote) {
        (Some(gas), Ok(quote)) => {
            let limit = fees::gas_limit(gas);
            match fees::choose(quote, limit, payload.fee_ceiling_wei) {
                Ok(fees) => {
                    let most = fees::total(limit, fees.max_fee);
                    facts.push(Fact::new("fee at most, now", FactKind::Amount, eth(most)));
                    Check::pass("fee-ceiling", "the fee quoted now is under the ceiling")
                }
                Err(over) => Check::fail("fee-ceiling", over.to_string()),
            }
        }
        (None, _) => Check::unknown("fee-ceiling", "no gas estimate without a successful simulation"),
        (_, Err(error)) => Check::unknown("fee-ceiling", error.to_string()),
    });
    checks.push(match balance {
        Ok(balance) => Check::of(
            "balance",
            balance >= payload.fee_ceiling_wei + payload.value_wei,
            format!(
                "{} has {}, the ceiling is {}",
                payload.from,
                eth(balance),
                eth(payload.fee_ceiling_wei)
            ),
        ),
        Err(why) => Check::unknown("balance", why),
    });
    (checks, facts)
}

pub(super) fn eth(wei: U256) -> String {
    format_ether(wei)
}

/// Whether this process could send it at all.
fn signer(outside: &Shared) -> Check {
    match (&outside.signer, outside.oracle) {
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
