//! What the tests share.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use casimir_dkg::beacon::roots::deposit_data_root;
use casimir_dkg::chain::rpc::{Rpc, RpcConfig};
use casimir_dkg::devnet::{Devnet, DevnetOptions, ManagerVersion, Mining};
use casimir_dkg::pool::{self, AdapterName, Connection};
use casimir_dkg::ports::{InitiateDeposit, PoolCall, PoolManager, Registering, ResharePool};
use casimir_dkg::signer::{KeyPolicy, OracleSigner};
use casimir_dkg::types::{
    BlsPublicKey, BlsSignature, ClusterLayout, ClusterSnapshot, OperatorId, RedactedUrl, Root,
};

pub(crate) const ORACLE_KEY: [u8; 32] = [0x42; 32];

pub(crate) async fn devnet(layout: ClusterLayout, mining: Mining) -> Devnet {
    devnet_of(DevnetOptions::default().manager, layout, mining).await
}

pub(crate) async fn devnet_of(manager: ManagerVersion, layout: ClusterLayout, mining: Mining) -> Devnet {
    let options = DevnetOptions {
        manager,
        cluster_layout: layout,
        mining,
        oracle_key: Some(B256::from(ORACLE_KEY)),
        ..DevnetOptions::default()
    };
    Devnet::start(options, &|_| {}).await.unwrap()
}

pub(crate) fn oracle() -> OracleSigner {
    OracleSigner::from_private_key(&hex::encode(ORACLE_KEY).into(), KeyPolicy::DevelopmentKeys).unwrap()
}

/// Limits short enough for tests.
pub(crate) fn config(urls: &[&str]) -> RpcConfig {
    let urls = urls.iter().map(|url| RedactedUrl::new(*url)).collect();
    RpcConfig {
        deadline: Duration::from_secs(3),
        cooldown: Duration::from_secs(60),
        patience: Duration::from_secs(20),
        ..RpcConfig::new(urls, 31337)
    }
}

pub(crate) fn rpc(urls: &[&str]) -> Rpc {
    Rpc::new(config(urls)).unwrap()
}

/// The version that the local network deploys where a test does not say otherwise.
pub(crate) fn adapter() -> AdapterName {
    adapter_of(DevnetOptions::default().manager)
}

pub(crate) fn adapter_of(version: ManagerVersion) -> AdapterName {
    version.adapter().parse().unwrap()
}

pub(crate) fn manager_at(
    rpc: &Rpc,
    address: Address,
    adapter: AdapterName,
    layout: ClusterLayout,
) -> Arc<dyn PoolManager> {
    let at = Connection {
        rpc: rpc.clone(),
        address,
        layout,
        ssv_network: None,
        from_block: 0,
        kept: None,
    };
    pool::open(adapter, at)
}

pub(crate) fn manager(net: &Devnet, rpc: &Rpc) -> Arc<dyn PoolManager> {
    manager_at(
        rpc,
        net.addresses().manager,
        adapter_of(net.options().manager),
        net.options().cluster_layout,
    )
}

/// A manager that is nowhere: enough for whatever asks nothing.
pub(crate) fn nowhere(address: Address, adapter: AdapterName, layout: ClusterLayout) -> Arc<dyn PoolManager> {
    manager_at(&rpc(&["http://127.0.0.1:1"]), address, adapter, layout)
}

pub(crate) fn encode(call: &PoolCall, layout: ClusterLayout) -> Bytes {
    nowhere(Address::ZERO, adapter(), layout).encode(call).unwrap()
}

pub(crate) fn encode_deposit(call: &InitiateDeposit, layout: ClusterLayout) -> Bytes {
    encode(&PoolCall::InitiateDeposit(Box::new(call.clone())), layout)
}

/// The same with this snapshot of the cluster.
pub(crate) fn with_cluster(call: InitiateDeposit, cluster: ClusterSnapshot) -> InitiateDeposit {
    let fee = call.registering.as_ref().unwrap().fee_amount;
    InitiateDeposit {
        registering: Some(Registering::by_swap(cluster, fee)),
        ..call
    }
}

pub(crate) fn encode_reshare(call: &ResharePool) -> Bytes {
    encode(&PoolCall::Reshare(call.clone()), ClusterLayout::ActiveThenBalance)
}

/// A deposit for `manager`. The BLS parts are made up: neither the manager nor the deposit contract looks at them.
pub(crate) fn deposit(manager: Address, seed: u8) -> InitiateDeposit {
    let mut key = [seed; 48];
    key[..32].copy_from_slice(keccak256([seed]).as_slice());
    let public_key = BlsPublicKey(key);
    let signature = BlsSignature([seed; 96]);
    let mut credentials = [0; 32];
    credentials[0] = 1;
    credentials[12..].copy_from_slice(manager.as_slice());
    let withdrawal_credentials = Root(credentials);
    InitiateDeposit {
        pool: None,
        deposit_data_root: deposit_data_root(
            &public_key,
            &withdrawal_credentials,
            32_000_000_000,
            &signature,
        ),
        public_key,
        operator_ids: (1..=4).map(OperatorId).collect(),
        shares: vec![seed; 1312].into(),
        signature,
        withdrawal_credentials,
        registering: Some(Registering::by_swap(ClusterSnapshot::fresh(), U256::from(100))),
    }
}
