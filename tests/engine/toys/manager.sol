// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

struct Cluster {
    uint32 validatorCount;
    uint64 networkFeeIndex;
    uint64 index;
    bool active;
    uint256 balance;
}

interface IDepositContract {
    function deposit(bytes calldata, bytes calldata, bytes calldata, bytes32) external payable;
}

interface ISsvNetwork {
    function registerValidator(bytes calldata, uint64[] memory, bytes calldata, uint256, Cluster memory) external;
}

/// Whoever says that an operator shall be replaced, wherever it serves, and how many deposits are active.
contract ToyRegistry {
    event DeactivationRequested(uint64 indexed operatorId);
    event ActivationsRequested(uint256 count);

    function requestDeactivation(uint64 operatorId) external {
        emit DeactivationRequested(operatorId);
    }

    function requestActivations(uint256 count) external {
        emit ActivationsRequested(count);
    }
}

/// A manager that differs from those of May 2023 in everything that a version may differ in and one call can hold: a
/// deposit names its pool, validators pay out to their pools, an operator is named where a reshare is asked for, reshares
/// are stored, errors are custom. Its bytecode stands beside it, made by `src/devnet/contracts/compile.mjs`'s compiler
/// with its settings.
contract ToyManager {
    struct Pool {
        bytes publicKey;
        uint64[] operatorIds;
        bytes32 depositDataRoot;
        bytes shares;
        uint64 reshares;
    }

    error Unauthorized();
    error PoolNotReady(uint32 poolId);
    error PoolNotActive(uint32 poolId);
    error InvalidWithdrawalCredentials();

    event InitiationRequested(uint32 indexed poolId);
    event PoolInitiated(uint32 indexed poolId);
    event PoolActivated(uint32 indexed poolId);
    event PoolReshared(uint32 indexed poolId);

    ToyRegistry public immutable registry = new ToyRegistry();
    address public immutable oracle;
    ISsvNetwork public immutable ssv;
    IDepositContract private immutable beacon;
    uint256 public reservedFees;
    mapping(uint32 => Pool) private pools;
    uint32[] private readyIds;
    uint32[] private pendingIds;
    uint32[] private stakedIds;

    modifier onlyOracle() {
        if (msg.sender != oracle) revert Unauthorized();
        _;
    }

    constructor(address oracle_, ISsvNetwork ssv_, IDepositContract beacon_) payable {
        (oracle, ssv, beacon, reservedFees) = (oracle_, ssv_, beacon_, msg.value);
    }

    function stake(uint32 poolId) external payable {
        require(msg.value == 32 ether);
        readyIds.push(poolId);
        emit InitiationRequested(poolId);
    }

    function depositPool(
        uint32 poolId,
        bytes32 depositDataRoot,
        bytes calldata publicKey,
        bytes calldata signature,
        bytes calldata withdrawalCredentials,
        uint64[] calldata operatorIds,
        bytes calldata shares,
        Cluster calldata cluster,
        uint256 feeAmount,
        bool processed
    ) external onlyOracle {
        if (!_take(readyIds, poolId)) revert PoolNotReady(poolId);
        if (keccak256(withdrawalCredentials) != keccak256(abi.encodePacked(credentials(poolId)))) {
            revert InvalidWithdrawalCredentials();
        }
        pools[poolId] = Pool(publicKey, operatorIds, depositDataRoot, shares, 0);
        pendingIds.push(poolId);
        if (!processed) reservedFees -= feeAmount;
        beacon.deposit{value: 32 ether}(publicKey, withdrawalCredentials, signature, depositDataRoot);
        ssv.registerValidator(publicKey, operatorIds, shares, feeAmount, cluster);
        emit PoolInitiated(poolId);
    }

    function resharePool(uint32 poolId, uint64[] calldata operatorIds, bytes calldata shares) external onlyOracle {
        Pool storage pool = pools[poolId];
        if (pool.publicKey.length == 0) revert PoolNotActive(poolId);
        (pool.operatorIds, pool.shares, pool.reshares) = (operatorIds, shares, pool.reshares + 1);
        emit PoolReshared(poolId);
    }

    function reportActive(uint32 poolId) external {
        if (!_take(pendingIds, poolId)) revert PoolNotActive(poolId);
        stakedIds.push(poolId);
        emit PoolActivated(poolId);
    }

    /// Somebody deposited for it, no matter who.
    function initiated(uint32 poolId) external {
        pendingIds.push(poolId);
    }

    /// A pool of long ago, which these operators hold.
    function settle(uint32 poolId, bytes calldata publicKey, uint64[] calldata operatorIds) external {
        pools[poolId] = Pool(publicKey, operatorIds, 0, "", 0);
        stakedIds.push(poolId);
    }

    /// 0x01, eleven zero bytes, and where the pool's own contract would be.
    function credentials(uint32 poolId) public view returns (bytes32) {
        return bytes32((uint256(1) << 248) | uint160(uint256(keccak256(abi.encode(this, poolId)))));
    }

    function getPool(uint32 poolId) external view returns (Pool memory) {
        return pools[poolId];
    }

    function lists() external view returns (uint32[] memory ready, uint32[] memory pending, uint32[] memory staked) {
        return (readyIds, pendingIds, stakedIds);
    }

    function _take(uint32[] storage ids, uint32 poolId) private returns (bool) {
        for (uint256 i = 0; i < ids.length; i++) {
            if (ids[i] == poolId) {
                for (; i + 1 < ids.length; i++) ids[i] = ids[i + 1];
                ids.pop();
                return true;
            }
        }
        return false;
    }
}
