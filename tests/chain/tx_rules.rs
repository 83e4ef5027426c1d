//! The rules of a transaction: what is signed, what it may cost, what a refusal means.

use alloy::primitives::{Address, U256};
use casimir_dkg::chain::rpc::ServerError;
use casimir_dkg::tx::broadcast::classify;
use casimir_dkg::tx::bump::{bump, options};
use casimir_dkg::tx::fees::{choose, total};
use casimir_dkg::tx::{BroadcastHint, Draft, FeeQuote, Fees, SignError, SignedTransaction};
use proptest::prelude::*;

use super::support::oracle;

#[test]
fn a_signer_of_another_account_does_not_sign_and_changed_bytes_do_not_pass() {
    let draft = Draft {
        chain_id: 1,
        from: oracle().address(),
        to: Address::repeat_byte(7),
        value_wei: U256::ZERO,
        data: vec![1, 2, 3].into(),
        nonce: 3,
        gas_limit: 100_000,
        fees: Fees {
            max_fee: 100,
            priority: 1,
        },
    };
    let signed = draft.sign(&oracle()).unwrap();
    draft.verify(&signed).unwrap();
    let other = Draft {
        from: Address::ZERO,
        ..draft.clone()
    };
    assert!(matches!(
        other.sign(&oracle()),
        Err(SignError::WrongSigner { .. })
    ));
    for changed in [
        Draft {
            nonce: 4,
            ..draft.clone()
        },
        Draft {
            data: vec![1, 2].into(),
            ..draft.clone()
        },
        Draft {
            to: Address::ZERO,
            ..draft.clone()
        },
        Draft {
            chain_id: 2,
            ..draft.clone()
        },
        Draft {
            value_wei: U256::from(1),
            ..draft.clone()
        },
        Draft {
            fees: Fees {
                max_fee: 101,
                priority: 1,
            },
            ..draft.clone()
        },
        other,
    ] {
        assert!(
            matches!(changed.verify(&signed), Err(SignError::Mismatch(_))),
            "{changed:?}"
        );
    }
}

#[test]
fn refusals_of_eight_clients_are_told_apart() {
    use BroadcastHint::{
        AlreadyKnown, BelowBaseFee, InsufficientFunds, NonceTooHigh, NonceTooLow, PoolFull,
        ReplacementUnderpriced, Underpriced,
    };
    for (message, expected) in [
        // geth, reth
        ("already known", AlreadyKnown),
        ("nonce too low: next nonce 5, tx nonce 4", NonceTooLow),
        ("nonce too high: address 0xabc, tx: 9 state: 5", NonceTooHigh),
        (
            "replacement transaction underpriced: new tx gas fee cap 1 <= 1 queued",
            ReplacementUnderpriced,
        ),
        (
            "transaction underpriced: gas tip cap 1, minimum needed 1000000",
            Underpriced,
        ),
        (
            "max fee per gas less than block base fee: address 0xabc, maxFeePerGas: 1, baseFee: 7",
            BelowBaseFee,
        ),
        (
            "insufficient funds for gas * price + value: balance 0",
            InsufficientFunds,
        ),
        ("txpool is full", PoolFull),
        // erigon
        ("ALREADY_EXISTS: already known", AlreadyKnown),
        ("existing txn with same hash", AlreadyKnown),
        (
            "INTERNAL_ERROR: could not replace existing tx",
            ReplacementUnderpriced,
        ),
        // nethermind
        ("AlreadyKnown", AlreadyKnown),
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", NonceTooLow),
        ("NonceGap, Future nonce. Expected nonce: 5", NonceTooHigh),
        ("ReplacementNotAllowed", ReplacementUnderpriced),
        ("FeeTooLow, FeePerGas needs to be higher than 1", Underpriced),
        ("InsufficientFunds, Account balance: 0", InsufficientFunds),
        // besu
        ("Known transaction", AlreadyKnown),
        ("Nonce too low", NonceTooLow),
        (
            "Transaction nonce is too distant from current sender nonce",
            NonceTooHigh,
        ),
        ("Replacement transaction underpriced", ReplacementUnderpriced),
        ("Upfront cost exceeds account balance", InsufficientFunds),
        // openethereum
        (
            "Transaction with the same hash was already imported.",
            AlreadyKnown,
        ),
        (
            "Transaction nonce is too low. Try incrementing the nonce.",
            NonceTooLow,
        ),
        (
            "Transaction gas price is too low. There is another transaction with same nonce in the queue.",
            ReplacementUnderpriced,
        ),
        // anvil
        ("transaction already imported", AlreadyKnown),
        ("replacement transaction underpriced", ReplacementUnderpriced),
        // hardhat
        ("Nonce too low. Expected nonce to be 5 but got 4.", NonceTooLow),
        ("sender doesn't have enough funds to send tx", InsufficientFunds),
    ] {
        let error: ServerError =
            serde_json::from_value(serde_json::json!({"code": -32000, "message": message})).unwrap();
        assert_eq!(classify(&error), expected, "{message}");
    }
    let odd: ServerError =
        serde_json::from_value(serde_json::json!({"code": -32000, "message": "tx type not supported"}))
            .unwrap();
    assert!(matches!(classify(&odd), BroadcastHint::Refused(_)));
}

proptest! {
    #[test]
    fn no_fee_ever_exceeds_its_ceiling(
        base in 0u128..10_000_000_000_000, priority in 0u128..100_000_000_000, gas in 21_000u64..30_000_000,
        ceiling in 0u128..10_000_000_000_000_000_000, times in 1usize..20,
    ) {
        let market = FeeQuote { base_fee: base, priority };
        let ceiling = U256::from(ceiling);
        match choose(market, gas, ceiling) {
            Err(over) => {
                prop_assert!(over.needed_wei > ceiling);
                prop_assert_eq!(over.needed_wei, total(gas, base + priority));
            }
            Ok(mut fees) => {
                prop_assert!(total(gas, fees.max_fee) <= ceiling);
                prop_assert!(fees.priority <= fees.max_fee && fees.max_fee >= base + fees.priority);
                for _ in 0..times {
                    let Ok(higher) = bump(fees, market, gas, ceiling) else { break };
                    prop_assert!(total(gas, higher.max_fee) <= ceiling);
                    prop_assert!(higher.priority <= higher.max_fee);
                    // what every client asks of a replacement
                    prop_assert!(higher.max_fee * 10 >= fees.max_fee * 11);
                    prop_assert!(higher.priority * 10 >= fees.priority * 11);
                    fees = higher;
                }
            }
        }
    }
}

#[test]
fn the_ways_on_from_a_tenfold_base_fee_are_priced() {
    let calm = FeeQuote {
        base_fee: 10_000_000_000,
        priority: 1_000_000_000,
    };
    let gas = 500_000;
    let ceiling = total(gas, 4 * calm.base_fee + 2 * calm.priority);
    let fees = choose(calm, gas, ceiling).unwrap();
    let storm = FeeQuote {
        base_fee: calm.base_fee * 10,
        ..calm
    };
    let over = bump(fees, storm, gas, ceiling).unwrap_err();
    assert!(over.needed_wei > ceiling);
    let stuck = SignedTransaction {
        raw: Default::default(),
        hash: Default::default(),
        nonce: 7,
        max_fee_wei: U256::from(fees.max_fee),
        priority_fee_wei: U256::from(fees.priority),
        gas_limit: gas,
    };
    let ways = options(&stuck, storm);
    assert_eq!(ways.nonce, 7);
    assert!(ways.raise_wei >= over.needed_wei, "what is offered is enough");
    bump(fees, storm, gas, ways.raise_wei).unwrap();
    assert!(ways.wait_wei <= ceiling && ways.cancel_wei < ways.raise_wei);
}
