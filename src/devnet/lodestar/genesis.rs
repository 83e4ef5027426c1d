//! The deposits of the validators that the chain begins with.

use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::TxHash;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;

use super::GENESIS_VALIDATORS;
use crate::beacon::roots::{deposit_data_root, deposit_signing_root};
use crate::devnet::beacon::{interop_credentials, interop_secret};
use crate::devnet::contracts::Depositor::depositCall;
use crate::devnet::error::{MINED_DEADLINE, failed};
use crate::devnet::options::POOL_ETHER;
use crate::devnet::rpc::{ether_to_wei, rpc};
use crate::devnet::{Devnet, DevnetError, Mining};
use crate::dkg::threshold::partial_sign;
use crate::types::{DEPOSIT_GWEI, ForkVersion};

const MINED_POLL: Duration = Duration::from_millis(100);
/// More than a deposit takes (the first one about 85,000).
const DEPOSIT_GAS: u64 = 300_000;

/// Sends the deposits of the genesis validators. The genesis state says that so many are in the contract already: only
/// what comes after them counts as new.
///
/// # Errors
/// The node refuses, a deposit fails, or it is not mined in time.
pub async fn mirror_genesis_deposits(devnet: &Devnet, version: ForkVersion) -> Result<(), DevnetError> {
    let what = "the deposit of a genesis validator";
    let mut hashes = Vec::new();
    for index in 0..GENESIS_VALIDATORS {
        let transaction = TransactionRequest::default()
            .with_from(devnet.accounts().staker)
            .with_to(devnet.addresses().deposit_contract)
            .with_value(ether_to_wei(POOL_ETHER))
            .with_gas_limit(DEPOSIT_GAS)
            .with_input(deposit(index, version).abi_encode());
        let hash: TxHash = rpc(devnet.provider(), "eth_sendTransaction", (transaction,)).await?;
        hashes.push(hash);
    }
    if devnet.options().mining == Mining::Manual {
        devnet.mine(1).await?;
    }
    let started = Instant::now();
    for transaction in hashes {
        loop {
            let receipt = devnet.provider().get_transaction_receipt(transaction).await;
            match receipt.map_err(|error| failed(what, &error))? {
                Some(receipt) if receipt.status() => break,
                Some(_) => return Err(DevnetError::Reverted { what, transaction }),
                None if started.elapsed() > MINED_DEADLINE => return Err(DevnetError::NotMined { what }),
                None => tokio::time::sleep(MINED_POLL).await,
            }
        }
    }
    Ok(())
}

/// The call, signed with the validator's own key.
fn deposit(index: u64, version: ForkVersion) -> depositCall {
    let secret = interop_secret(index);
    let key = secret.public_key();
    let credentials = interop_credentials(&key);
    let root = deposit_signing_root(&key, &credentials, DEPOSIT_GWEI, version);
    let signature = partial_sign(&secret, &root.0);
    depositCall {
        pubkey: key.0.to_vec().into(),
        withdrawal_credentials: credentials.0.to_vec().into(),
        signature: signature.0.to_vec().into(),
        deposit_data_root: deposit_data_root(&key, &credentials, DEPOSIT_GWEI, &signature)
            .0
            .into(),
    }
}
