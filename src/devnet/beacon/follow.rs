//! The link to the execution chain: deposits are read from the deposit contract's logs, withdrawals are paid out.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, TxHash, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::SolEvent;

use super::state::{Deposit, Withdrawal};
use crate::devnet::DevnetError;
use crate::devnet::contracts::DepositContract::DepositEvent;
use crate::devnet::error::failed;
use crate::devnet::rpc::{connect, rpc};
use crate::types::{BlsPublicKey, BlsSignature, Root};

const GWEI: u64 = 1_000_000_000;
/// Blocks asked for at once.
const RANGE: u64 = 2_000;

/// Reads deposits in order, each once.
#[derive(Debug)]
pub(super) struct Follower {
    provider: DynProvider,
    contract: Address,
    distance: u64,
    next_block: u64,
}

impl Follower {
    pub(super) fn new(url: &str, contract: Address, distance: u64) -> Result<Self, DevnetError> {
        Ok(Self {
            provider: connect(url)?,
            contract,
            distance,
            next_block: 0,
        })
    }

    /// The deposits since the last call. A reorg deeper than the follow distance is not noticed.
    pub(super) async fn deposits(&mut self) -> Result<Vec<Deposit>, DevnetError> {
        let head = self.provider.get_block_number().await;
        let head = head.map_err(|error| failed("eth_blockNumber", &error))?;
        let Some(last) = head
            .checked_sub(self.distance)
            .filter(|last| *last >= self.next_block)
        else {
            return Ok(Vec::new());
        };
        let last = last.min(self.next_block + RANGE);
        let filter = Filter::new()
            .address(self.contract)
            .event_signature(DepositEvent::SIGNATURE_HASH)
            .from_block(self.next_block)
            .to_block(last);
        let logs = self.provider.get_logs(&filter).await;
        let logs = logs.map_err(|error| failed("eth_getLogs", &error))?;
        self.next_block = last + 1;
        Ok(logs
            .iter()
            .filter_map(|log| DepositEvent::decode_log(&log.inner).ok())
            .filter_map(|event| deposit(&event.data))
            .collect())
    }

    /// Pays a withdrawal from the last of the node's own accounts: nothing else on this chain can make ether. Not waited
    /// for.
    pub(super) async fn pay(&self, withdrawal: Withdrawal) -> Result<(), DevnetError> {
        let accounts: Vec<Address> = rpc(&self.provider, "eth_accounts", ()).await?;
        let from = *accounts.last().ok_or_else(|| failed("eth_accounts", &"none"))?;
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(withdrawal.address.into())
            .with_value(U256::from(withdrawal.amount) * U256::from(GWEI));
        rpc::<TxHash>(&self.provider, "eth_sendTransaction", (request,))
            .await
            .map(drop)
    }
}

/// A log in our types. The contract has checked the lengths.
fn deposit(event: &DepositEvent) -> Option<Deposit> {
    Some(Deposit {
        public_key: BlsPublicKey::try_from(event.pubkey.as_ref()).ok()?,
        withdrawal_credentials: Root::try_from(event.withdrawal_credentials.as_ref()).ok()?,
        amount: u64::from_le_bytes(event.amount.as_ref().try_into().ok()?),
        signature: BlsSignature::try_from(event.signature.as_ref()).ok()?,
    })
}
