//! The rules of a transaction: what is signed, what it may cost, what a refusal means.

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::eips::eip2930::AccessListItem;
use alloy::primitives::{Address, Bytes, Signature, TxKind, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use async_trait::async_trait;
use casimir_dkg::chain::rpc::ServerError;
use casimir_dkg::ports::tx_signer::{TxSigner, TxSignerError};
use casimir_dkg::tx::bump::{bump, options};
use casimir_dkg::tx::fees::{choose, total};
use casimir_dkg::tx::{BroadcastHint, FeeQuote, SignError, SignedTransaction, UnsignedTransaction, classify};
use casimir_dkg::types::SafeText;
use proptest::prelude::*;

use super::support::{ORACLE_KEY, oracle};

#[tokio::test]
async fn a_signer_of_another_account_does_not_sign_and_changed_bytes_do_not_pass() {
    let draft = UnsignedTransaction {
        chain_id: 1,
        from: oracle().address(),
        to: Address::repeat_byte(7),
        value_wei: U256::ZERO,
        data: vec![1, 2, 3].into(),
        nonce: 3,
        gas_limit: 100_000,
        max_fee_wei: 100,
        priority_fee_wei: 1,
    };
    let signed = draft.sign(&oracle()).await.unwrap();
    draft.verify(&signed).unwrap();
    let other = UnsignedTransaction {
        from: Address::ZERO,
        ..draft.clone()
    };
    assert!(matches!(
        other.sign(&oracle()).await,
        Err(SignError::WrongSigner { .. })
    ));
    for changed in [
        UnsignedTransaction {
            nonce: 4,
            ..draft.clone()
        },
        UnsignedTransaction {
            data: vec![1, 2].into(),
            ..draft.clone()
        },
        UnsignedTransaction {
            to: Address::ZERO,
            ..draft.clone()
        },
        UnsignedTransaction {
            chain_id: 2,
            ..draft.clone()
        },
        UnsignedTransaction {
            value_wei: U256::from(1),
            ..draft.clone()
        },
        UnsignedTransaction {
            max_fee_wei: 101,
            priority_fee_wei: 1,
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

/// A signer elsewhere that has its own idea of what it was asked.
#[derive(Debug)]
struct Liar {
    change: Change,
    spoil: Spoil,
}

/// What it signs instead.
type Change = fn(&mut TxEip1559);
/// What it makes of the signed bytes.
type Spoil = fn(Vec<u8>) -> Vec<u8>;

#[async_trait]
impl TxSigner for Liar {
    fn address(&self) -> Address {
        oracle().address()
    }

    fn name(&self) -> SafeText {
        "a liar".into()
    }

    async fn sign(&self, asked: &UnsignedTransaction) -> Result<Bytes, TxSignerError> {
        let mut transaction = TxEip1559 {
            chain_id: asked.chain_id,
            nonce: asked.nonce,
            gas_limit: asked.gas_limit,
            max_fee_per_gas: asked.max_fee_wei,
            max_priority_fee_per_gas: asked.priority_fee_wei,
            to: asked.to.into(),
            value: asked.value_wei,
            input: asked.data.clone(),
            ..TxEip1559::default()
        };
        (self.change)(&mut transaction);
        let key = PrivateKeySigner::from_slice(&ORACLE_KEY).unwrap();
        let signature = key.sign_hash_sync(&transaction.signature_hash()).unwrap();
        let raw = TxEnvelope::from(transaction.into_signed(signature)).encoded_2718();
        Ok((self.spoil)(raw).into())
    }
}

/// The other signature that recovers the same account.
fn high_s(raw: Vec<u8>) -> Vec<u8> {
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(&raw).unwrap() else {
        panic!("it was one");
    };
    let (transaction, signature, _) = signed.into_parts();
    // of secp256k1
    let order = U256::from_be_bytes(alloy::hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    let other = Signature::new(signature.r(), order - signature.s(), !signature.v());
    TxEnvelope::from(transaction.into_signed(other)).encoded_2718()
}

#[tokio::test]
async fn what_a_signer_gives_back_is_compared_with_what_it_was_asked() {
    let draft = UnsignedTransaction {
        chain_id: 1,
        from: oracle().address(),
        to: Address::repeat_byte(7),
        value_wei: U256::from(5),
        data: vec![1, 2, 3].into(),
        nonce: 3,
        gas_limit: 100_000,
        max_fee_wei: 100,
        priority_fee_wei: 1,
    };
    let ask = async |change, spoil| draft.sign(&Liar { change, spoil }).await;
    let same: Spoil = |raw| raw;
    let asked: Change = |_| {};
    let honest = ask(asked, same).await.unwrap();
    assert_eq!(honest, draft.sign(&oracle()).await.unwrap());
    let changes: [(Change, &str); 10] = [
        (|tx| tx.chain_id = 2, "another chain"),
        (|tx| tx.nonce = 4, "another nonce"),
        (|tx| tx.to = Address::ZERO.into(), "another contract"),
        (|tx| tx.to = TxKind::Create, "another contract"),
        (|tx| tx.value = U256::from(6), "another value"),
        (|tx| tx.input = vec![1, 2].into(), "another calldata"),
        (|tx| tx.gas_limit += 1, "another gas limit"),
        (|tx| tx.max_fee_per_gas += 1, "another max fee"),
        (|tx| tx.max_priority_fee_per_gas += 1, "another priority fee"),
        (
            |tx| tx.access_list = vec![AccessListItem::default()].into(),
            "an access list",
        ),
    ];
    for (change, what) in changes {
        let answer = ask(change, same).await;
        assert_eq!(answer, Err(SignError::Mismatch(what)));
    }
    let spoilt: [(Spoil, &str); 4] = [
        (high_s, "a signature that no node takes"),
        (|raw| [raw, vec![0]].concat(), "not an EIP-2718 transaction"),
        (|raw| raw[1..].to_vec(), "not an EIP-2718 transaction"),
        (|_| Vec::new(), "not an EIP-2718 transaction"),
    ];
    for (spoil, what) in spoilt {
        let answer = ask(asked, spoil).await;
        assert_eq!(answer, Err(SignError::Mismatch(what)));
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
        let market = FeeQuote { base_fee: base, priority, alone: false, least_base_fee: base };
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
        alone: false,
        least_base_fee: 10_000_000_000,
    };
    let gas = 500_000;
    let ceiling = total(gas, 4 * calm.base_fee + 2 * calm.priority);
    let fees = choose(calm, gas, ceiling).unwrap();
    let storm = FeeQuote {
        base_fee: calm.base_fee * 10,
        least_base_fee: calm.base_fee * 10,
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
    let ways = options(&stuck, stuck.gas_limit, storm);
    assert_eq!(ways.nonce, 7);
    assert!(ways.raise_wei >= over.needed_wei, "what is offered is enough");
    bump(fees, storm, gas, ways.raise_wei).unwrap();
    assert!(ways.wait_wei <= ceiling && ways.cancel_wei < ways.raise_wei);
}
