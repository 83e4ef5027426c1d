//! A version of the manager in one file, and as unlike those of May 2023 as one call allows: a deposit names its pool, a
//! validator pays out to its pool, a request for a reshare names an operator and comes from another contract, reshares are
//! stored, errors are custom, SSV's network is configured because no view tells it, and nothing implies an owner nonce. Its contract is `manager.sol`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, TxHash, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::{SolCall, SolConstructor, SolError, SolEvent};
use async_trait::async_trait;
use casimir_dkg::chain::intake::{
    ChainEvent, EventSources, Intake, IntakeConfig, IntakeEvent, ObservedEvent, Resume,
};
use casimir_dkg::chain::rpc::{Rpc, RpcConfig};
use casimir_dkg::chain::view::{ViewError, view};
use casimir_dkg::config::Config;
use casimir_dkg::devnet::{Devnet, DevnetOptions};
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::pool::{self, AdapterName, Connection, Version};
use casimir_dkg::ports::{
    Answer, At, Clusters, CommitteeSource, Credentials, DecodedArgument, DecodedCall, DecodedRevert,
    DepositOrder, Evidence, InitiateDeposit, Log, ManagerEvent, NoSuchCall, PoolCall, PoolCapabilities,
    PoolEventKind, PoolManager, PresentCommittee, Probe, Registering, RegistrationTime, RequestTarget,
    ResharePool, ReshareRules, Revert, RevertForm, WatchedEvent,
};
use casimir_dkg::types::{
    BlockRef, BlsPublicKey, CaseId, ClusterLayout, ClusterSnapshot, OperatorId, PoolId, PoolView,
    RedactedUrl, Root, SafeText,
};
use casimir_dkg::view::CaseStatus;
use tokio::sync::{OnceCell, mpsc};

use super::super::support::{drive, until, waiting};
use super::Toys;

sol! {
    #[derive(Debug)]
    struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance; }
    #[derive(Debug)]
    struct Pool { bytes publicKey; uint64[] operatorIds; bytes32 depositDataRoot; bytes shares; uint64 reshares; }
    #[derive(Debug)]
    interface Toy {
        constructor(address oracle, address ssv, address beacon);
        error Unauthorized();
        error PoolNotReady(uint32 poolId);
        error PoolNotActive(uint32 poolId);
        error InvalidWithdrawalCredentials();
        event InitiationRequested(uint32 indexed poolId);
        event PoolInitiated(uint32 indexed poolId);
        event PoolActivated(uint32 indexed poolId);
        event PoolReshared(uint32 indexed poolId);
        event DeactivationRequested(uint64 indexed operatorId);
        event ActivationsRequested(uint256 count);
        function depositPool(uint32 poolId, bytes32 depositDataRoot, bytes publicKey, bytes signature, bytes withdrawalCredentials, uint64[] operatorIds, bytes shares, Cluster cluster, uint256 feeAmount, bool processed) external;
        function resharePool(uint32 poolId, uint64[] operatorIds, bytes shares) external;
        function getPool(uint32 poolId) external view returns (Pool);
        function lists() external view returns (uint32[] ready, uint32[] pending, uint32[] staked);
        function credentials(uint32 poolId) external view returns (bytes32);
        function oracle() external view returns (address);
        function registry() external view returns (address);
        function reservedFees() external view returns (uint256);
        function stake(uint32 poolId) external payable;
        function reportActive(uint32 poolId) external;
        function settle(uint32 poolId, bytes publicKey, uint64[] operatorIds) external;
        function requestDeactivation(uint64 operatorId) external;
        function requestActivations(uint256 count) external;
        function initiated(uint32 poolId) external;
    }
}

#[derive(Debug, Default)]
pub(crate) struct ToyVersion {
    /// Nobody tells which pools an operator serves.
    is_silent: AtomicBool,
}

impl Version for ToyVersion {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn fingerprint(&self, _layout: ClusterLayout) -> Bytes {
        Toy::depositPoolCall::SELECTOR.into()
    }

    fn open(&'static self, at: Connection) -> Arc<dyn PoolManager> {
        Arc::new(ToyManager {
            version: self,
            rpc: at.rpc,
            address: at.address,
            ssv_network: at.ssv_network,
            registry: OnceCell::new(),
        })
    }
}

#[derive(Debug)]
struct ToyManager {
    version: &'static ToyVersion,
    rpc: Rpc,
    address: Address,
    ssv_network: Option<Address>,
    /// Once it was told.
    registry: OnceCell<Address>,
}

fn read(event: &WatchedEvent, log: &Log) -> Option<ManagerEvent> {
    let named = match (log.topics.as_slice(), log.data.as_ref()) {
        ([_, named], []) => named.0,
        ([_], data) => data.try_into().ok()?,
        _ => return None,
    };
    let id = u64::try_from(U256::from_be_bytes::<32>(named)).ok()?;
    let names = match event.kind {
        PoolEventKind::ReshareRequested => RequestTarget::Operator(OperatorId(id)),
        PoolEventKind::ActivationRequested => RequestTarget::Count(id),
        _ => RequestTarget::Pool(PoolId(u32::try_from(id).ok()?)),
    };
    let kind = event.kind;
    Some(ManagerEvent { kind, names })
}

fn pools(ids: Vec<u32>) -> Vec<PoolId> {
    ids.into_iter().map(PoolId).collect()
}

fn operators(ids: &[u64]) -> Vec<OperatorId> {
    ids.iter().copied().map(OperatorId).collect()
}

fn numbers(ids: &[OperatorId]) -> Vec<u64> {
    ids.iter().map(|id| id.0).collect()
}

impl ToyManager {
    async fn view<C: SolCall>(&self, call: C, at: At) -> Result<C::Return, ViewError> {
        view(&self.rpc, self.address, call, at).await
    }

    /// The contract that asks for reshares and activations.
    async fn registry(&self) -> Answer<Address> {
        let asked = || self.view(Toy::registryCall {}, At::Latest);
        self.registry.get_or_try_init(asked).await.copied().into()
    }

    async fn lists(&self, at: At) -> Answer<Toy::listsReturn> {
        self.view(Toy::listsCall {}, at).await.into()
    }

    async fn raw_pool(&self, id: PoolId, at: At) -> Answer<Pool> {
        self.view(Toy::getPoolCall { poolId: id.0 }, at).await.into()
    }

    /// The pools with a key that this operator holds a share of.
    async fn served_by(&self, operator: OperatorId, at: At) -> Answer<Vec<PoolId>> {
        let lists = match self.lists(at).await.value() {
            Ok(lists) => lists,
            Err(why) => return Answer::NotKnown(why),
        };
        let mut served = Vec::new();
        for id in pools([lists.pending, lists.staked].concat()) {
            match self.raw_pool(id, at).await.value() {
                Ok(pool) if pool.operatorIds.contains(&operator.0) => served.push(id),
                Ok(_) => {}
                Err(why) => return Answer::NotKnown(why),
            }
        }
        Answer::Yes(served)
    }
}

#[async_trait]
impl PoolManager for ToyManager {
    fn name(&self) -> &'static str {
        self.version.name()
    }

    fn address(&self) -> Address {
        self.address
    }

    fn capabilities(&self) -> PoolCapabilities {
        PoolCapabilities {
            deposit_order: DepositOrder::ById,
            registration: RegistrationTime::WithDeposit,
            credentials: Credentials::OfPool,
            reshares: Some(ReshareRules {
                stored: true,
                limit: 2,
                clusters: Clusters::None,
            }),
            registration_clusters: Clusters::One,
        }
    }

    async fn watched(&self) -> Answer<Vec<WatchedEvent>> {
        use PoolEventKind as Kind;
        let ours = self.address;
        let registry = match self.registry().await.value() {
            Ok(registry) => registry,
            Err(why) => return Answer::NotKnown(why),
        };
        let event = |contract, topic, name, kind| WatchedEvent {
            contract,
            topic,
            name,
            kind,
        };
        Answer::Yes(vec![
            event(
                ours,
                Toy::InitiationRequested::SIGNATURE_HASH,
                "InitiationRequested",
                Kind::DepositRequested,
            ),
            event(
                ours,
                Toy::PoolInitiated::SIGNATURE_HASH,
                "PoolInitiated",
                Kind::DepositInitiated,
            ),
            event(
                ours,
                Toy::PoolActivated::SIGNATURE_HASH,
                "PoolActivated",
                Kind::Deposited,
            ),
            event(
                ours,
                Toy::PoolReshared::SIGNATURE_HASH,
                "PoolReshared",
                Kind::Reshared,
            ),
            event(
                registry,
                Toy::DeactivationRequested::SIGNATURE_HASH,
                "DeactivationRequested",
                Kind::ReshareRequested,
            ),
            event(
                registry,
                Toy::ActivationsRequested::SIGNATURE_HASH,
                "ActivationsRequested",
                Kind::ActivationRequested,
            ),
        ])
    }

    async fn event(&self, log: &Log) -> Answer<ManagerEvent> {
        self.watched().await.and_then(|watched| {
            let is_it = |event: &&WatchedEvent| {
                event.contract == log.address && log.topics.first() == Some(&event.topic)
            };
            match watched.iter().find(is_it) {
                Some(event) => read(event, log).map_or_else(
                    || Answer::not_known(format!("{} names nothing", event.name)),
                    Answer::Yes,
                ),
                None => Answer::no("nothing of the toy's"),
            }
        })
    }

    async fn meant(&self, event: ManagerEvent, block: BlockRef) -> Answer<Vec<PoolId>> {
        match event.names {
            RequestTarget::Pool(pool) => Answer::Yes(vec![pool]),
            RequestTarget::Operator(_) if self.version.is_silent.load(Ordering::Relaxed) => {
                Answer::not_known("the node has no state of that block")
            }
            RequestTarget::Operator(operator) => self.served_by(operator, At::block(block)).await,
            // the oldest become active first
            RequestTarget::Count(count) => {
                let pending = self.pending(At::block(block)).await;
                pending.map(|all| {
                    all.into_iter()
                        .take(usize::try_from(count).unwrap_or(usize::MAX))
                        .collect()
                })
            }
        }
    }

    async fn probe(&self) -> Answer<Probe> {
        let block = match self.rpc.head().await {
            Ok(head) => head.block(),
            Err(why) => return Answer::not_known(why),
        };
        let at = At::block(block);
        let (lists, ssv, fees) = tokio::join!(self.lists(at), self.ssv_network(at), self.reserved_fees(at));
        lists.and_then(|lists| {
            ssv.and_then(|ssv_network| {
                fees.map(|reserved_fees_wei| Probe {
                    block,
                    ssv_network,
                    upkeep: Address::ZERO,
                    ready: pools(lists.ready),
                    pending: pools(lists.pending),
                    staked: pools(lists.staked),
                    reserved_fees_wei,
                })
            })
        })
    }

    async fn ready(&self, at: At) -> Answer<Vec<PoolId>> {
        self.lists(at).await.map(|lists| pools(lists.ready))
    }

    async fn pending(&self, at: At) -> Answer<Vec<PoolId>> {
        self.lists(at).await.map(|lists| pools(lists.pending))
    }

    async fn staked(&self, at: At) -> Answer<Vec<PoolId>> {
        self.lists(at).await.map(|lists| pools(lists.staked))
    }

    async fn pool(&self, id: PoolId, at: At) -> Answer<PoolView> {
        self.raw_pool(id, at).await.map(|pool| PoolView {
            id,
            deposits_wei: U256::ZERO,
            exiting: false,
            reshare_count: pool.reshares,
            deposit_data_root: Root(pool.depositDataRoot.0),
            public_key: BlsPublicKey::try_from(pool.publicKey.as_ref()).ok(),
            operator_ids: operators(&pool.operatorIds),
        })
    }

    async fn committee(&self, pool: PoolId, block: BlockRef) -> Answer<PresentCommittee> {
        let pool = self.raw_pool(pool, At::block(block)).await;
        pool.map(|pool| PresentCommittee {
            operator_ids: operators(&pool.operatorIds),
            shares: pool.shares,
            source: CommitteeSource::State,
            reshare_count: pool.reshares,
        })
    }

    async fn keep_up(&self, _block: BlockRef) -> Answer<()> {
        Answer::Yes(())
    }

    async fn reserved_fees(&self, at: At) -> Answer<U256> {
        self.view(Toy::reservedFeesCall {}, at).await.into()
    }

    /// It has no view that tells.
    async fn ssv_network(&self, _at: At) -> Answer<Address> {
        match self.ssv_network {
            Some(configured) => Answer::Yes(configured),
            None => Answer::not_known("the toy does not tell SSV's network: set network.ssv_network"),
        }
    }

    async fn authorises(&self, oracle: Address, at: At) -> Answer<()> {
        match self.view(Toy::oracleCall {}, at).await {
            Ok(named) if named == oracle => Answer::Yes(()),
            Ok(named) => Answer::No(Evidence::new(format!("the toy names {named} as its oracle"))),
            Err(why) => Answer::not_known(why),
        }
    }

    async fn withdrawal_credentials(&self, pool: PoolId, at: At) -> Answer<Root> {
        let told: Answer<_> = self
            .view(Toy::credentialsCall { poolId: pool.0 }, at)
            .await
            .into();
        told.map(|word| Root(word.0))
    }

    async fn implied_owner_nonce(&self, _at: At) -> Option<Answer<u64>> {
        None
    }

    fn encode(&self, call: &PoolCall) -> Result<Bytes, NoSuchCall> {
        let lacks = |call| NoSuchCall { version: "toy", call };
        match call {
            PoolCall::InitiateDeposit(args) => {
                let (Some(pool), Some(with)) = (args.pool, &args.registering) else {
                    return Err(lacks("that deposits without a pool or without registering"));
                };
                let c = &with.cluster;
                let data = Toy::depositPoolCall {
                    poolId: pool.0,
                    depositDataRoot: args.deposit_data_root.0.into(),
                    publicKey: args.public_key.0.into(),
                    signature: args.signature.0.into(),
                    withdrawalCredentials: args.withdrawal_credentials.0.into(),
                    operatorIds: numbers(&args.operator_ids),
                    shares: args.shares.clone(),
                    cluster: Cluster {
                        validatorCount: c.validator_count,
                        networkFeeIndex: c.network_fee_index,
                        index: c.index,
                        active: c.active,
                        balance: c.balance,
                    },
                    feeAmount: with.fee_amount,
                    processed: with.processed,
                };
                Ok(data.abi_encode().into())
            }
            PoolCall::Reshare(args) if args.handover.is_none() => {
                let data = Toy::resharePoolCall {
                    poolId: args.pool.0,
                    operatorIds: numbers(&args.operator_ids),
                    shares: args.shares.clone(),
                };
                Ok(data.abi_encode().into())
            }
            PoolCall::Reshare(_) | PoolCall::ActivateDeposit(_) => Err(lacks("of two steps")),
        }
    }

    fn decode(&self, data: &[u8]) -> Option<PoolCall> {
        let call = match Toy::resharePoolCall::abi_decode(data) {
            Ok(call) => PoolCall::Reshare(ResharePool {
                pool: PoolId(call.poolId),
                operator_ids: operators(&call.operatorIds),
                shares: call.shares,
                handover: None,
            }),
            Err(_) => {
                let call = Toy::depositPoolCall::abi_decode(data).ok()?;
                let c = call.cluster;
                PoolCall::InitiateDeposit(Box::new(InitiateDeposit {
                    pool: Some(PoolId(call.poolId)),
                    deposit_data_root: Root(call.depositDataRoot.0),
                    public_key: call.publicKey.as_ref().try_into().ok()?,
                    operator_ids: operators(&call.operatorIds),
                    shares: call.shares,
                    signature: call.signature.as_ref().try_into().ok()?,
                    withdrawal_credentials: call.withdrawalCredentials.as_ref().try_into().ok()?,
                    registering: Some(Registering {
                        cluster: ClusterSnapshot {
                            validator_count: c.validatorCount,
                            network_fee_index: c.networkFeeIndex,
                            index: c.index,
                            active: c.active,
                            balance: c.balance,
                        },
                        fee_amount: call.feeAmount,
                        min_token_amount: U256::ZERO,
                        processed: call.processed,
                    }),
                }))
            }
        };
        (self.encode(&call).ok()?.as_ref() == data).then_some(call)
    }

    fn describe(&self, data: &[u8]) -> Option<DecodedCall> {
        let (function, pool) = match self.decode(data)? {
            PoolCall::InitiateDeposit(args) => ("depositPool", args.pool?),
            PoolCall::Reshare(args) => ("resharePool", args.pool),
            PoolCall::ActivateDeposit(_) => return None,
        };
        Some(DecodedCall {
            function: function.into(),
            arguments: vec![DecodedArgument {
                name: "poolId".into(),
                solidity_type: "uint32".into(),
                value: SafeText::new(&pool.to_string()),
            }],
        })
    }

    fn explain(&self, revert: &Revert) -> DecodedRevert {
        let data = revert.data.clone().unwrap_or_default();
        let known = [
            (Toy::Unauthorized::SELECTOR, "Unauthorized"),
            (Toy::PoolNotReady::SELECTOR, "PoolNotReady"),
            (Toy::PoolNotActive::SELECTOR, "PoolNotActive"),
            (
                Toy::InvalidWithdrawalCredentials::SELECTOR,
                "InvalidWithdrawalCredentials",
            ),
        ];
        let found = known.into_iter().find(|(selector, _)| data.starts_with(selector));
        DecodedRevert {
            form: found.map_or(RevertForm::Unknown, |_| RevertForm::Custom),
            reason: found.map_or_else(|| revert.words.clone(), |(_, name)| name.into()),
            data,
            advice: None,
        }
    }
}

/// Deploys the contract beside the network's own.
pub(super) async fn deploy(net: &Devnet) -> Address {
    let (to, from) = (net.addresses(), net.accounts().owner);
    let mut code = hex::decode(include_str!("manager.hex").trim()).unwrap();
    let arguments = Toy::constructorCall {
        oracle: to.oracle,
        ssv: to.ssv,
        beacon: to.deposit_contract,
    };
    code.extend(arguments.abi_encode());
    let request = TransactionRequest::default()
        .with_from(from)
        .with_deploy_code(code)
        .with_value(U256::from(10).pow(U256::from(18)))
        .with_gas_limit(6_000_000);
    let hash: TxHash = net.rpc("eth_sendTransaction", (request,)).await.unwrap();
    loop {
        if let Some(receipt) = net.provider().get_transaction_receipt(hash).await.unwrap() {
            assert!(receipt.status());
            return receipt.contract_address.unwrap();
        }
        net.mine(1).await.unwrap();
    }
}

pub(super) async fn view_pool(net: &Devnet, manager: Address, pool: u32) -> Pool {
    let call = TransactionRequest::default()
        .with_to(manager)
        .with_input(Toy::getPoolCall { poolId: pool }.abi_encode());
    let answer = net.provider().call(call).await.unwrap();
    Toy::getPoolCall::abi_decode_returns(&answer).unwrap()
}

pub(super) fn served(config: Config, manager: Address, version: &'static ToyVersion) -> Config {
    let mut config = config;
    config.contract.address = manager;
    config.contract.adapter = AdapterName::of(version);
    config.contract.cluster_layout = Some(ClusterLayout::ActiveThenBalance);
    config
}

/// What a version is lives as long as the program.
pub(super) fn version() -> &'static ToyVersion {
    Box::leak(Box::default())
}

/// Pool 7 is held by operators 2 to 5, pool 8 by others than operator 4.
async fn settle(net: &Devnet, manager: Address) {
    for (pool, operators) in [(7, [2, 3, 4, 5]), (8, [1, 2, 3, 5])] {
        let settle = Toy::settleCall {
            poolId: pool,
            publicKey: vec![pool as u8; 48].into(),
            operatorIds: operators.to_vec(),
        };
        send(net, manager, U256::ZERO, settle).await;
    }
}

/// The registry says that operator 4 shall be replaced.
pub(super) async fn deactivate(net: &Devnet, manager: Address) {
    let ask = Toy::requestDeactivationCall { operatorId: 4 };
    send(net, manager.create(1), U256::ZERO, ask).await;
}

pub(super) async fn send(net: &Devnet, to: Address, wei: U256, call: impl SolCall) {
    let from = net.accounts().staker;
    net.send("toy", from, to, wei, call.abi_encode()).await.unwrap();
}

/// Pool 2 was filled before pool 1, and waits. Afterwards operator 4 shall be replaced: two of three pools have it.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_one_room_deposits_by_id_and_opens_a_reshare_for_every_pool_of_an_operator() {
    let toys = Toys::start().await;
    let net = Arc::clone(toys.ground.devnet());
    let manager = deploy(&net).await;
    let version = version();
    let config = served(toys.ground.config(false), manager, version);
    let oracle = toys.oracle_with(config).await;
    let ether = |n: u64| U256::from(n) * U256::from(10).pow(U256::from(18));
    for pool in [2, 1] {
        send(&net, manager, ether(32), Toy::stakeCall { poolId: pool }).await;
    }
    waiting(&oracle, "deposit/2", ActionKind::Keygen).await;
    let done = drive(&oracle, "deposit/1").await;
    let stored = view_pool(&net, manager, 1).await;
    assert_eq!(
        stored.publicKey.as_ref(),
        done.validator.unwrap().as_bytes().as_slice()
    );
    let head = until(&oracle, "the first pool goes on waiting", |s| {
        let second: CaseId = "deposit/2".parse().unwrap();
        let waits = s
            .cases
            .iter()
            .any(|c| c.id == second && c.status != CaseStatus::Done);
        waits.then(|| s.chain.ready_queue.clone())
    });
    assert_eq!(head.await, [PoolId(2)]);

    send(&net, manager, U256::ZERO, Toy::reportActiveCall { poolId: 1 }).await;
    settle(&net, manager).await;
    version.is_silent.store(true, Ordering::Relaxed);
    deactivate(&net, manager).await;
    let told = until(&oracle, "an alarm that it is not known who is meant", |s| {
        let alarms = s.alarms.iter().map(|alarm| alarm.to_string());
        alarms
            .into_iter()
            .find(|words| words.contains("for every pool of operator 4"))
    })
    .await;
    assert!(
        told.contains("which pools it means is not known: the node has no state"),
        "{told}"
    );
    version.is_silent.store(false, Ordering::Relaxed);
    let mut reshares = until(&oracle, "a reshare of two pools", |s| {
        let reshares = s.cases.iter().map(|c| c.id.to_string());
        let reshares: Vec<_> = reshares.filter(|id| id.starts_with("reshare")).collect();
        (reshares.len() == 2).then_some(reshares)
    })
    .await;
    reshares.sort();
    assert_eq!(reshares, ["reshare/1", "reshare/7"]);
    toys.end(oracle).await;
}

/// What one log opened for several pools is taken back for all of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_names_an_operator_or_a_number_is_told_for_each_pool_and_taken_back_for_each() {
    let net = Devnet::start(DevnetOptions::default(), &|_| ()).await.unwrap();
    let manager = deploy(&net).await;
    settle(&net, manager).await;
    // pool 9 has it too, and only afterwards
    deactivate(&net, manager).await;
    let rpc = Rpc::new(RpcConfig::new(
        vec![RedactedUrl::new(net.http_url())],
        net.options().chain_id,
    ));
    let rpc = rpc.unwrap();
    let at = Connection {
        rpc: rpc.clone(),
        address: manager,
        layout: ClusterLayout::ActiveThenBalance,
        ssv_network: None,
        from_block: 0,
        kept: None,
    };
    let manager_door = pool::open(AdapterName::of(version()), at);
    let late = Toy::settleCall {
        poolId: 9,
        publicKey: vec![9; 48].into(),
        operatorIds: vec![1, 2, 3, 4],
    };
    send(&net, manager, U256::ZERO, late).await;
    let sources = EventSources {
        manager: manager_door,
        ssv: None,
    };
    let mut intake = Intake::new(rpc, sources, IntakeConfig::new(0), Resume::default());
    let (out, mut told) = mpsc::channel(999);
    let mut batch = async |intake: &mut Intake| {
        intake.step(&out).await.unwrap();
        let mut changes = Vec::new();
        while let Ok(event) = told.try_recv() {
            if let IntakeEvent::Batch(batch) = event {
                changes.extend(batch.events.into_iter().map(change));
            }
        }
        changes
    };
    let reshare = PoolEventKind::ReshareRequested;
    assert_eq!(batch(&mut intake).await, [(true, reshare, 7)]);
    deactivate(&net, manager).await;
    assert_eq!(batch(&mut intake).await, [(true, reshare, 7), (true, reshare, 9)]);
    for pool in [5, 3, 4] {
        send(&net, manager, U256::ZERO, Toy::initiatedCall { poolId: pool }).await;
    }
    let count = U256::from(2);
    send(
        &net,
        manager.create(1),
        U256::ZERO,
        Toy::requestActivationsCall { count },
    )
    .await;
    let active = PoolEventKind::ActivationRequested;
    assert_eq!(batch(&mut intake).await, [(true, active, 5), (true, active, 3)]);
    net.reorg(1).await.unwrap();
    net.mine(1).await.unwrap();
    assert_eq!(batch(&mut intake).await, [(false, active, 5), (false, active, 3)]);
    net.reorg(6).await.unwrap();
    net.mine(1).await.unwrap();
    assert_eq!(
        batch(&mut intake).await,
        [(false, reshare, 7), (false, reshare, 9)]
    );
}

/// Whether it stands, and what it tells of which pool.
fn change(event: ChainEvent) -> (bool, PoolEventKind, u32) {
    let (observed, stands) = match event {
        ChainEvent::Added(observed) => (observed, true),
        ChainEvent::Removed(observed) => (observed, false),
    };
    match observed.event {
        ObservedEvent::Manager(event) => (stands, event.kind, event.pool.0),
        ObservedEvent::Ssv(_) => unreachable!("SSV is not listened to"),
    }
}
