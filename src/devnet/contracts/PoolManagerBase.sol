// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cluster} from "./Cluster.sol";

/// The beacon chain's deposit contract.
interface IDepositContract {
    function deposit(
        bytes calldata publicKey,
        bytes calldata withdrawalCredentials,
        bytes calldata signature,
        bytes32 depositDataRoot
    ) external payable;
}

/// What the manager calls of the SSV network.
interface ISsvNetwork {
    function registerValidator(
        bytes calldata publicKey,
        uint64[] memory operatorIds,
        bytes calldata shares,
        uint256 amount,
        Cluster memory cluster
    ) external;
}

/// What development stand-ins of the Casimir pool managers of May 2023 have in common, written from their description:
/// the events, `resharePool`, the views, the revert texts and the life of a pool by lists are those of the originals;
/// who may report what, and how a pool is filled, is reduced to what a local network needs. Nothing here holds real
/// money.
///
/// A pool's life: open -> ready -> pending -> staked -> (exiting, still in the staked list) -> deleted.
abstract contract PoolManagerBase {
    struct Pool {
        uint256 deposits;
        bool exiting;
        uint256 reshareCount;
        bytes32 depositDataRoot;
        bytes publicKey;
        uint64[] operatorIds;
        bytes shares;
        bytes signature;
        bytes withdrawalCredentials;
    }

    event PoolDepositRequested(uint32 poolId);
    event PoolDepositInitiated(uint32 poolId);
    event PoolDeposited(uint32 poolId);
    event PoolReshareRequested(uint32 poolId);
    event PoolReshared(uint32 poolId);
    event PoolExitRequested(uint32 poolId);
    event PoolExited(uint32 poolId);

    /// Ether in a full pool: one validator.
    uint256 public constant poolCapacity = 32 ether;

    address public immutable owner;
    ISsvNetwork private immutable ssvNetwork;
    IDepositContract private immutable depositContract;
    address private immutable upkeep;
    /// Whether `resharePool` keeps what it is given. The original of May 2023 does not.
    bool public immutable storesReshare;

    address public oracle;
    uint32 private lastPoolId;
    uint256 private reservedFees;
    uint256 private exitingValidatorCount;
    mapping(uint32 => Pool) private pools;
    uint32[] private readyPoolIds;
    uint32[] private pendingPoolIds;
    uint32[] private stakedPoolIds;
    bytes[] private validatorPublicKeys;

    modifier onlyOracle() {
        require(msg.sender == oracle, _refusal());
        _;
    }

    modifier onlyUpkeep() {
        require(msg.sender == upkeep, "Only upkeep can report");
        _;
    }

    constructor(
        address oracleAddress,
        address ssvNetworkAddress,
        address depositContractAddress,
        address upkeepAddress,
        bool storesReshareFlag
    ) {
        owner = msg.sender;
        oracle = oracleAddress;
        ssvNetwork = ISsvNetwork(ssvNetworkAddress);
        depositContract = IDepositContract(depositContractAddress);
        upkeep = upkeepAddress;
        storesReshare = storesReshareFlag;
    }

    /// Withdrawals of the consensus layer arrive without a call; this lets tests send some by hand.
    receive() external payable {}

    // ---- stakers ----

    /// Stakes: fills the open pool, then the next ones. Every pool that gets full is requested, in order.
    function deposit() external payable {
        require(msg.value > 0, "No deposit");
        uint256 left = msg.value;
        while (left > 0) {
            uint32 poolId = lastPoolId;
            if (poolId == 0 || pools[poolId].deposits == poolCapacity || _deleted(poolId)) {
                poolId = ++lastPoolId;
            }
            Pool storage pool = pools[poolId];
            uint256 room = poolCapacity - pool.deposits;
            uint256 part = left < room ? left : room;
            pool.deposits += part;
            left -= part;
            if (pool.deposits == poolCapacity) {
                readyPoolIds.push(poolId);
                emit PoolDepositRequested(poolId);
            }
        }
    }

    /// Adds to the fees from which `initiatePoolDeposit` pays. The original takes them from each stake.
    function reserveFees() external payable {
        reservedFees += msg.value;
    }

    // ---- the oracle ----

    /// What everyone but the oracle is told.
    function _refusal() internal pure virtual returns (string memory);

    /// Deposits for the pool at the head of the ready queue: there is no pool id to give. As in the originals, neither
    /// the BLS signature nor the withdrawal credentials are looked at here; the deposit contract compares the data
    /// root, and nothing else.
    function _initiate(
        bytes32 depositDataRoot,
        bytes memory publicKey,
        uint64[] memory operatorIds,
        bytes memory shares,
        Cluster memory cluster,
        bytes memory signature,
        bytes memory withdrawalCredentials,
        uint256 feeAmount
    ) internal {
        require(readyPoolIds.length > 0, "No ready pools");
        require(reservedFees >= feeAmount, "Not enough reserved fees");

        uint32 poolId = readyPoolIds[0];
        _remove(readyPoolIds, 0);
        pendingPoolIds.push(poolId);
        validatorPublicKeys.push(publicKey);

        Pool storage pool = pools[poolId];
        pool.depositDataRoot = depositDataRoot;
        pool.publicKey = publicKey;
        pool.operatorIds = operatorIds;
        pool.shares = shares;
        pool.signature = signature;
        pool.withdrawalCredentials = withdrawalCredentials;

        depositContract.deposit{value: poolCapacity}(publicKey, withdrawalCredentials, signature, depositDataRoot);
        ssvNetwork.registerValidator(publicKey, operatorIds, shares, _swapFees(feeAmount), cluster);

        emit PoolDepositInitiated(poolId);
    }

    /// Meant to give a pool new operators and shares. In the original it works on a memory copy, so that nothing is
    /// stored and the limit is never reached; `storesReshare` chooses.
    function resharePool(uint32 poolId, uint64[] calldata operatorIds, bytes calldata shares) external onlyOracle {
        Pool memory pool = pools[poolId];
        require(pool.reshareCount < 3, "Pool has been reshared twice");
        pool.operatorIds = operatorIds;
        pool.shares = shares;
        pool.reshareCount += 1;
        if (storesReshare) {
            pools[poolId] = pool;
        }
        emit PoolReshared(poolId);
    }

    // ---- the upkeep ----

    /// The validator of a pending pool has its deposit: the pool is staked.
    function reportDeposited(uint32 poolId) external onlyUpkeep {
        _remove(pendingPoolIds, _indexOf(pendingPoolIds, poolId, "Pool is not pending"));
        stakedPoolIds.push(poolId);
        emit PoolDeposited(poolId);
    }

    /// Asks for new operators. The original declares the event and emits it nowhere.
    function requestReshare(uint32 poolId) external onlyUpkeep {
        _indexOf(stakedPoolIds, poolId, "Pool is not staked");
        emit PoolReshareRequested(poolId);
    }

    /// Asks for the exit of a staked pool's validator.
    function requestExit(uint32 poolId) external onlyUpkeep {
        _indexOf(stakedPoolIds, poolId, "Pool is not staked");
        require(!pools[poolId].exiting, "Pool is already exiting");
        pools[poolId].exiting = true;
        exitingValidatorCount += 1;
        emit PoolExitRequested(poolId);
    }

    /// The validator has exited: forgets the pool.
    function reportExited(uint32 poolId) external onlyUpkeep {
        require(pools[poolId].exiting, "Pool is not exiting");
        _remove(stakedPoolIds, _indexOf(stakedPoolIds, poolId, "Pool is not staked"));
        bytes32 key = keccak256(pools[poolId].publicKey);
        for (uint256 i = 0; i < validatorPublicKeys.length; i++) {
            if (keccak256(validatorPublicKeys[i]) == key) {
                validatorPublicKeys[i] = validatorPublicKeys[validatorPublicKeys.length - 1];
                validatorPublicKeys.pop();
                break;
            }
        }
        exitingValidatorCount -= 1;
        delete pools[poolId];
        emit PoolExited(poolId);
    }

    // ---- the owner ----

    /// Names another oracle.
    function setOracle(address oracleAddress) external {
        require(msg.sender == owner, "Only owner");
        oracle = oracleAddress;
    }

    // ---- views ----

    function getPool(uint32 poolId) external view returns (Pool memory) {
        return pools[poolId];
    }

    function getReadyPoolIds() external view returns (uint32[] memory) {
        return readyPoolIds;
    }

    function getPendingPoolIds() external view returns (uint32[] memory) {
        return pendingPoolIds;
    }

    function getStakedPoolIds() external view returns (uint32[] memory) {
        return stakedPoolIds;
    }

    function getSSVNetworkAddress() external view returns (address) {
        return address(ssvNetwork);
    }

    function getUpkeepAddress() external view returns (address) {
        return upkeep;
    }

    function getReservedFees() external view returns (uint256) {
        return reservedFees;
    }

    function getValidatorPublicKeys() external view returns (bytes[] memory) {
        return validatorPublicKeys;
    }

    function getExitingValidatorCount() external view returns (uint256) {
        return exitingValidatorCount;
    }

    // ---- inside ----

    /// The original buys SSV tokens for the fees on Uniswap. There is no market here: one wei buys one unit.
    function _swapFees(uint256 feeAmount) private returns (uint256) {
        reservedFees -= feeAmount;
        return feeAmount;
    }

    /// A pool that was full once and is empty now has been deleted; its number is not used again.
    function _deleted(uint32 poolId) private view returns (bool) {
        return pools[poolId].deposits == 0;
    }

    function _indexOf(uint32[] storage ids, uint32 poolId, string memory otherwise) private view returns (uint256) {
        for (uint256 i = 0; i < ids.length; i++) {
            if (ids[i] == poolId) {
                return i;
            }
        }
        revert(otherwise);
    }

    /// Removes an element and keeps the order: these lists are queues.
    function _remove(uint32[] storage ids, uint256 index) private {
        for (uint256 i = index; i + 1 < ids.length; i++) {
            ids[i] = ids[i + 1];
        }
        ids.pop();
    }
}
