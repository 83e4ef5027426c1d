//! Deployment: everything that the local network needs: the contracts in block 1, the operators in block 2.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, TxHash, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolCall, SolValue};

use super::contracts::{self, ManagerActors, SsvOperators};
use super::error::{DevnetError, failed};
use super::options::{Accounts, Addresses, DEPOSIT_CONTRACT, DevnetOptions};
use super::rpc::{ether_to_wei, rpc};

/// Gas for what creates a contract, and for what calls one. Given and not estimated: nothing is mined yet that an
/// estimate could look at.
const CREATE_GAS: u64 = 5_000_000;
const CALL_GAS: u64 = 500_000;
/// The fee that operators ask, in SSV's unit per block. Nobody charges it here.
const OPERATOR_FEE: u64 = 10_000_000_000;

/// Expects an anvil that mines nothing by itself and has mined nothing yet.
pub(super) async fn deploy(
    provider: &DynProvider,
    options: &DevnetOptions,
    oracle: Address,
) -> Result<(Accounts, Addresses), DevnetError> {
    let all: Vec<Address> = rpc(provider, "eth_accounts", ()).await?;
    let &[owner, staker, upkeep, operators, ..] = all.as_slice() else {
        return Err(failed("eth_accounts", &"fewer than four accounts"));
    };
    let accounts = Accounts {
        owner,
        staker,
        upkeep,
        operators,
    };
    let addresses = Addresses {
        ssv: owner.create(0),
        manager: owner.create(1),
        deposit_contract: DEPOSIT_CONTRACT,
        oracle,
    };
    install_deposit_contract(provider, addresses.deposit_contract).await?;
    let balance = ether_to_wei(options.oracle_ether);
    rpc::<serde_json::Value>(provider, "anvil_setBalance", (oracle, balance)).await?;

    let layout = options.cluster_layout;
    let create = |code: Bytes| {
        TransactionRequest::default()
            .with_from(owner)
            .with_deploy_code(code)
            .with_gas_limit(CREATE_GAS)
    };
    let arguments = ManagerActors::constructorCall {
        oracle,
        ssvNetwork: addresses.ssv,
        depositContract: addresses.deposit_contract,
        upkeep,
        storesReshare: options.stores_reshare,
    };
    let contracts = vec![
        create(contracts::ssv_stand_in_code(layout)),
        create(contracts::pool_manager_deployment(
            options.manager,
            layout,
            &arguments,
        )),
        TransactionRequest::default()
            .with_from(owner)
            .with_to(addresses.manager)
            .with_value(ether_to_wei(options.reserved_fees_ether))
            .with_input(ManagerActors::reserveFeesCall {}.abi_encode())
            .with_gas_limit(CALL_GAS),
    ];
    mine_all(provider, contracts).await?;
    let registrations = options.operators.iter().map(|public_key| {
        // SSV's web application registers the key's text ABI-encoded as a string, and readers expect it so
        let call = SsvOperators::registerOperatorCall {
            publicKey: public_key.abi_encode().into(),
            fee: U256::from(OPERATOR_FEE),
            setPrivate: false,
        };
        TransactionRequest::default()
            .with_from(operators)
            .with_to(addresses.ssv)
            .with_input(call.abi_encode())
            .with_gas_limit(3 * CALL_GAS)
    });
    mine_all(provider, registrations).await?;
    Ok((accounts, addresses))
}

/// Sends transactions of one account, which are mined in the order of their nonces, and mines one block with them.
async fn mine_all(
    provider: &DynProvider,
    transactions: impl IntoIterator<Item = TransactionRequest>,
) -> Result<(), DevnetError> {
    let mut hashes = Vec::new();
    for transaction in transactions {
        let hash: TxHash = rpc(provider, "eth_sendTransaction", (transaction,)).await?;
        hashes.push(hash);
    }
    rpc::<serde_json::Value>(provider, "anvil_mine", (U256::from(1),)).await?;
    for transaction in hashes {
        let receipt = provider.get_transaction_receipt(transaction).await;
        match receipt.map_err(|error| failed("eth_getTransactionReceipt", &error))? {
            Some(receipt) if receipt.status() => {}
            Some(_) => {
                return Err(DevnetError::Reverted {
                    what: "deployment",
                    transaction,
                });
            }
            None => return Err(DevnetError::NotMined { what: "deployment" }),
        }
    }
    Ok(())
}

/// Puts the official deposit contract in place, as its constructor would leave it.
async fn install_deposit_contract(provider: &DynProvider, at: Address) -> Result<(), DevnetError> {
    let code = contracts::deposit_contract_runtime();
    rpc::<serde_json::Value>(provider, "anvil_setCode", (at, code)).await?;
    for (slot, value) in contracts::deposit_contract_storage() {
        let slot = B256::from(slot);
        rpc::<serde_json::Value>(provider, "anvil_setStorageAt", (at, slot, value)).await?;
    }
    Ok(())
}
