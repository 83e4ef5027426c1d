// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cluster} from "./Cluster.sol";

/// A token of which everybody has as much as is asked for. It tells what is moved, as an ERC-20 does.
contract Token {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function pay(address from, uint256 value) external {
        emit Transfer(from, msg.sender, value);
    }
}

/// A stand-in of the SSV network contract for local networks, written from its public interface: the selectors, topics
/// and custom errors of what Casimir and its oracle use are SSV's own, and so are the rules on operator ids and on the
/// cluster snapshot that each call must bring, on private, removed and full operators, and the views of fees and limits.
/// What it cannot do, it does not pretend: its token is worth nothing and everybody has as much of it as is asked for;
/// fees are told and not charged, so that balances never burn down; and anyone may liquidate, set the limit of validators
/// and keep everybody out, so that tests can. Neither here nor in SSV does the contract look at the shares: the owner nonce is counted by readers of ValidatorAdded.
contract SsvStandIn {
    error CallerNotOwnerWithData(address caller, address owner);
    error CallerNotWhitelistedWithData(uint64 operatorId);
    error ExceedValidatorLimitWithData(uint64 operatorId);
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

    event OperatorMultipleWhitelistRemoved(uint64[] operatorIds, address[] whitelistAddresses);
    event OperatorMultipleWhitelistUpdated(uint64[] operatorIds, address[] whitelistAddresses);
    event OperatorPrivacyStatusUpdated(uint64[] operatorIds, bool toPrivate);
    event OperatorRemoved(uint64 indexed operatorId);
    event OperatorAdded(uint64 indexed operatorId, address indexed owner, bytes publicKey, uint256 fee);
    event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
    event ValidatorRemoved(address indexed owner, uint64[] operatorIds, bytes publicKey, Cluster cluster);
    event ValidatorExited(address indexed owner, uint64[] operatorIds, bytes publicKey);
    event ClusterDeposited(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
    event ClusterWithdrawn(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
    event ClusterLiquidated(address indexed owner, uint64[] operatorIds, Cluster cluster);
    event ClusterReactivated(address indexed owner, uint64[] operatorIds, Cluster cluster);

    struct Operator {
        /// Zero: removed.
        address owner;
        bool isPrivate;
        uint32 validatorCount;
        uint256 fee;
    }

    /// Fees are in the token's unit, a block and validator.
    uint256 private constant NETWORK_FEE = 1e10;
    uint64 private constant LIQUIDATION_THRESHOLD_PERIOD = 100_800;
    uint256 private constant MINIMUM_LIQUIDATION_COLLATERAL = 1e16;

    Token private immutable token = new Token();
    uint32 private validatorsPerOperatorLimit = 500;
    bool private isClosed;
    uint64 private lastOperatorId;
    mapping(uint64 => Operator) private operators;
    mapping(uint64 => mapping(address => bool)) private whitelisted;
    mapping(bytes32 => uint64) private operatorOfKey;
    /// (owner, operator ids) -> hash of the newest snapshot; zero: never seen.
    mapping(bytes32 => bytes32) private clusters;
    /// (public key, owner) -> hash of the operator ids; zero: not registered.
    mapping(bytes32 => bytes32) private validators;

    // ---- operators ----

    function registerOperator(bytes calldata publicKey, uint256 fee) external returns (uint64) {
        return _registerOperator(publicKey, fee);
    }

    /// The form since operators can be private.
    function registerOperator(bytes calldata publicKey, uint256 fee, bool setPrivate) external returns (uint64 id) {
        id = _registerOperator(publicKey, fee);
        operators[id].isPrivate = setPrivate;
    }

    function removeOperator(uint64 operatorId) external {
        _owned(operatorId);
        delete operators[operatorId];
        emit OperatorRemoved(operatorId);
    }

    function setOperatorsPrivateUnchecked(uint64[] calldata operatorIds) external {
        _setPrivacy(operatorIds, true);
    }

    function setOperatorsPublicUnchecked(uint64[] calldata operatorIds) external {
        _setPrivacy(operatorIds, false);
    }

    function setOperatorsWhitelists(uint64[] calldata operatorIds, address[] calldata whitelistAddresses) external {
        _setWhitelisted(operatorIds, whitelistAddresses, true);
        emit OperatorMultipleWhitelistUpdated(operatorIds, whitelistAddresses);
    }

    function removeOperatorsWhitelists(uint64[] calldata operatorIds, address[] calldata whitelistAddresses) external {
        _setWhitelisted(operatorIds, whitelistAddresses, false);
        emit OperatorMultipleWhitelistRemoved(operatorIds, whitelistAddresses);
    }

    function _setPrivacy(uint64[] calldata operatorIds, bool toPrivate) private {
        for (uint256 i = 0; i < operatorIds.length; i++) _owned(operatorIds[i]).isPrivate = toPrivate;
        emit OperatorPrivacyStatusUpdated(operatorIds, toPrivate);
    }

    function _setWhitelisted(uint64[] calldata operatorIds, address[] calldata addresses, bool so) private {
        for (uint256 i = 0; i < operatorIds.length; i++) {
            _owned(operatorIds[i]);
            for (uint256 j = 0; j < addresses.length; j++) whitelisted[operatorIds[i]][addresses[j]] = so;
        }
    }

    function _owned(uint64 operatorId) private view returns (Operator storage operator) {
        operator = operators[operatorId];
        if (operator.owner == address(0)) revert OperatorDoesNotExist();
        if (operator.owner != msg.sender) revert CallerNotOwnerWithData(msg.sender, operator.owner);
    }

    function _registerOperator(bytes calldata publicKey, uint256 fee) private returns (uint64 id) {
        bytes32 key = keccak256(publicKey);
        if (operatorOfKey[key] != 0) revert OperatorAlreadyExists();
        id = ++lastOperatorId;
        operatorOfKey[key] = id;
        operators[id] = Operator({owner: msg.sender, isPrivate: false, validatorCount: 0, fee: fee});
        emit OperatorAdded(id, msg.sender, publicKey, fee);
    }

    // ---- what is set by those who run SSV ----

    /// SSV's own is set when it is deployed.
    function setValidatorsPerOperatorLimit(uint32 limit) external {
        validatorsPerOperatorLimit = limit;
    }

    /// Refuses every registration from now on, without a reason, or none any more.
    function setClosed(bool closed) external {
        isClosed = closed;
    }

    // ---- views ----

    function getVersion() external pure returns (string memory) {
        return "v1.2.0";
    }

    function getOperatorFee(uint64 operatorId) external view returns (uint256) {
        return operators[operatorId].fee;
    }

    function getNetworkFee() external pure returns (uint256) {
        return NETWORK_FEE;
    }

    function getLiquidationThresholdPeriod() external pure returns (uint64) {
        return LIQUIDATION_THRESHOLD_PERIOD;
    }

    function getMinimumLiquidationCollateral() external pure returns (uint256) {
        return MINIMUM_LIQUIDATION_COLLATERAL;
    }

    function getValidatorsPerOperatorLimit() external view returns (uint32) {
        return validatorsPerOperatorLimit;
    }

    // ---- validators ----

    function registerValidator(
        bytes calldata publicKey,
        uint64[] calldata operatorIds,
        bytes calldata sharesData,
        uint256 amount,
        Cluster memory cluster
    ) external {
        if (isClosed) revert();
        if (publicKey.length != 48) revert InvalidPublicKeyLength();
        _takeOperators(operatorIds);
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
        token.pay(msg.sender, amount);
        emit ValidatorAdded(msg.sender, operatorIds, publicKey, sharesData, cluster);
    }

    function removeValidator(bytes calldata publicKey, uint64[] calldata operatorIds, Cluster memory cluster)
        external
    {
        bytes32 id = _existing(msg.sender, operatorIds, cluster);
        bytes32 validator = keccak256(abi.encodePacked(publicKey, msg.sender));
        if (validators[validator] != keccak256(abi.encodePacked(operatorIds))) revert ValidatorDoesNotExist();
        delete validators[validator];
        for (uint256 i = 0; i < operatorIds.length; i++) {
            Operator storage operator = operators[operatorIds[i]];
            if (operator.owner != address(0)) operator.validatorCount -= 1;
        }
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
        token.pay(msg.sender, amount);
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
        token.pay(msg.sender, amount);
        emit ClusterReactivated(msg.sender, operatorIds, cluster);
    }

    // ---- inside ----

    /// 4, 7, 10 or 13 operators that exist, ascending, each once, with room for the caller.
    function _takeOperators(uint64[] calldata operatorIds) private {
        uint256 n = operatorIds.length;
        if (n < 4 || n > 13 || n % 3 != 1) revert InvalidOperatorIdsLength();
        for (uint256 i = 0; i < n; i++) {
            if (i + 1 < n) {
                if (operatorIds[i] > operatorIds[i + 1]) revert UnsortedOperatorsList();
                if (operatorIds[i] == operatorIds[i + 1]) revert OperatorsListNotUnique();
            }
            Operator storage operator = operators[operatorIds[i]];
            if (operator.owner == address(0)) revert OperatorDoesNotExist();
            if (operator.isPrivate && !whitelisted[operatorIds[i]][msg.sender]) {
                revert CallerNotWhitelistedWithData(operatorIds[i]);
            }
            if (++operator.validatorCount > validatorsPerOperatorLimit) {
                revert ExceedValidatorLimitWithData(operatorIds[i]);
            }
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
