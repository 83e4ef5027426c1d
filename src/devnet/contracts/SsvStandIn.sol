// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cluster} from "./Cluster.sol";

/// A stand-in of the SSV network contract for local networks, written from its public interface: the selectors, topics
/// and custom errors of what Casimir and its oracle use are SSV's own, and so are the rules on operator ids and on the
/// cluster snapshot that each call must bring. What it can not do, it does not pretend: there is no SSV token and no fee
/// market, an amount counts as paid; balances never burn down; and anyone may liquidate, so that tests can.
/// Neither here nor in SSV does the contract look at the shares: the owner nonce is counted by readers of ValidatorAdded.
contract SsvStandIn {
    error IncorrectClusterState();
    error ClusterDoesNotExists();
    error ClusterIsLiquidated();
    error ClusterAlreadyEnabled();
    error InsufficientBalance();
    error InvalidOperatorIdsLength();
    error InvalidPublicKeyLength();
    error OperatorAlreadyExists();
    error OperatorDoesNotExist();
    error OperatorsListNotUnique();
    error UnsortedOperatorsList();
    error ValidatorAlreadyExistsWithData(bytes publicKey);
    error ValidatorDoesNotExist();

    event OperatorAdded(uint64 indexed operatorId, address indexed owner, bytes publicKey, uint256 fee);
    event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
    event ValidatorRemoved(address indexed owner, uint64[] operatorIds, bytes publicKey, Cluster cluster);
    event ValidatorExited(address indexed owner, uint64[] operatorIds, bytes publicKey);
    event ClusterDeposited(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
    event ClusterWithdrawn(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
    event ClusterLiquidated(address indexed owner, uint64[] operatorIds, Cluster cluster);
    event ClusterReactivated(address indexed owner, uint64[] operatorIds, Cluster cluster);

    uint64 private lastOperatorId;
    mapping(bytes32 => uint64) private operatorOfKey;
    /// (owner, operator ids) -> hash of the newest snapshot; zero: never seen.
    mapping(bytes32 => bytes32) private clusters;
    /// (public key, owner) -> hash of the operator ids; zero: not registered.
    mapping(bytes32 => bytes32) private validators;

    // ---- operators ----

    function registerOperator(bytes calldata publicKey, uint256 fee) external returns (uint64) {
        return _registerOperator(publicKey, fee);
    }

    /// The form since operators can be private; privacy is not enforced here.
    function registerOperator(bytes calldata publicKey, uint256 fee, bool) external returns (uint64) {
        return _registerOperator(publicKey, fee);
    }

    function _registerOperator(bytes calldata publicKey, uint256 fee) private returns (uint64 id) {
        bytes32 key = keccak256(publicKey);
        if (operatorOfKey[key] != 0) revert OperatorAlreadyExists();
        id = ++lastOperatorId;
        operatorOfKey[key] = id;
        emit OperatorAdded(id, msg.sender, publicKey, fee);
    }

    // ---- validators ----

    function registerValidator(
        bytes calldata publicKey,
        uint64[] calldata operatorIds,
        bytes calldata sharesData,
        uint256 amount,
        Cluster memory cluster
    ) external {
        if (publicKey.length != 48) revert InvalidPublicKeyLength();
        _checkOperators(operatorIds);
        bytes32 validator = keccak256(abi.encodePacked(publicKey, msg.sender));
        if (validators[validator] != 0) revert ValidatorAlreadyExistsWithData(publicKey);
        validators[validator] = keccak256(abi.encodePacked(operatorIds));

        bytes32 id = _clusterId(msg.sender, operatorIds);
        if (clusters[id] == 0) {
            bool fresh = cluster.validatorCount == 0 && cluster.networkFeeIndex == 0 && cluster.index == 0
                && cluster.balance == 0 && cluster.active;
            if (!fresh) revert IncorrectClusterState();
        } else {
            if (clusters[id] != _hash(cluster)) revert IncorrectClusterState();
            if (!cluster.active) revert ClusterIsLiquidated();
        }
        cluster.validatorCount += 1;
        cluster.balance += amount;
        _store(id, cluster);
        emit ValidatorAdded(msg.sender, operatorIds, publicKey, sharesData, cluster);
    }

    function removeValidator(bytes calldata publicKey, uint64[] calldata operatorIds, Cluster memory cluster)
        external
    {
        bytes32 id = _existing(msg.sender, operatorIds, cluster);
        bytes32 validator = keccak256(abi.encodePacked(publicKey, msg.sender));
        if (validators[validator] != keccak256(abi.encodePacked(operatorIds))) revert ValidatorDoesNotExist();
        delete validators[validator];
        cluster.validatorCount -= 1;
        _store(id, cluster);
        emit ValidatorRemoved(msg.sender, operatorIds, publicKey, cluster);
    }

    function exitValidator(bytes calldata publicKey, uint64[] calldata operatorIds) external {
        bytes32 validator = keccak256(abi.encodePacked(publicKey, msg.sender));
        if (validators[validator] != keccak256(abi.encodePacked(operatorIds))) revert ValidatorDoesNotExist();
        emit ValidatorExited(msg.sender, operatorIds, publicKey);
    }

    // ---- clusters ----

    function deposit(address clusterOwner, uint64[] calldata operatorIds, uint256 amount, Cluster memory cluster)
        external
    {
        bytes32 id = _existing(clusterOwner, operatorIds, cluster);
        cluster.balance += amount;
        _store(id, cluster);
        emit ClusterDeposited(clusterOwner, operatorIds, amount, cluster);
    }

    function withdraw(uint64[] calldata operatorIds, uint256 amount, Cluster memory cluster) external {
        bytes32 id = _existing(msg.sender, operatorIds, cluster);
        if (!cluster.active) revert ClusterIsLiquidated();
        if (cluster.balance < amount) revert InsufficientBalance();
        cluster.balance -= amount;
        _store(id, cluster);
        emit ClusterWithdrawn(msg.sender, operatorIds, amount, cluster);
    }

    function liquidate(address clusterOwner, uint64[] calldata operatorIds, Cluster memory cluster) external {
        bytes32 id = _existing(clusterOwner, operatorIds, cluster);
        if (!cluster.active) revert ClusterIsLiquidated();
        cluster.active = false;
        cluster.balance = 0;
        cluster.index = 0;
        cluster.networkFeeIndex = 0;
        clusters[id] = _hash(cluster);
        emit ClusterLiquidated(clusterOwner, operatorIds, cluster);
    }

    function reactivate(uint64[] calldata operatorIds, uint256 amount, Cluster memory cluster) external {
        bytes32 id = _existing(msg.sender, operatorIds, cluster);
        if (cluster.active) revert ClusterAlreadyEnabled();
        cluster.active = true;
        cluster.balance += amount;
        _store(id, cluster);
        emit ClusterReactivated(msg.sender, operatorIds, cluster);
    }

    // ---- inside ----

    /// 4, 7, 10 or 13 operators that exist, ascending, each once.
    function _checkOperators(uint64[] calldata operatorIds) private view {
        uint256 n = operatorIds.length;
        if (n < 4 || n > 13 || n % 3 != 1) revert InvalidOperatorIdsLength();
        for (uint256 i = 0; i < n; i++) {
            if (i + 1 < n) {
                if (operatorIds[i] > operatorIds[i + 1]) revert UnsortedOperatorsList();
                if (operatorIds[i] == operatorIds[i + 1]) revert OperatorsListNotUnique();
            }
            if (operatorIds[i] == 0 || operatorIds[i] > lastOperatorId) revert OperatorDoesNotExist();
        }
    }

    function _existing(address clusterOwner, uint64[] calldata operatorIds, Cluster memory cluster)
        private
        view
        returns (bytes32 id)
    {
        id = _clusterId(clusterOwner, operatorIds);
        if (clusters[id] == 0) revert ClusterDoesNotExists();
        if (clusters[id] != _hash(cluster)) revert IncorrectClusterState();
    }

    /// SSV's indices grow with the operators' and the network's fees; here they follow the block number, so that a
    /// caller who does not bring the newest snapshot is refused, as he would be there.
    function _store(bytes32 id, Cluster memory cluster) private {
        cluster.index = uint64(block.number) * 1000;
        cluster.networkFeeIndex = uint64(block.number);
        clusters[id] = _hash(cluster);
    }

    function _clusterId(address clusterOwner, uint64[] calldata operatorIds) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(clusterOwner, operatorIds));
    }

    function _hash(Cluster memory cluster) private pure returns (bytes32) {
        return keccak256(abi.encode(cluster));
    }
}
