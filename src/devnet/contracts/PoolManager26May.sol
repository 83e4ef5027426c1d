// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cluster} from "./Cluster.sol";
import {PoolManagerBase} from "./PoolManagerBase.sol";

/// The manager of 2023-05-26 to 2023-06-01: another order of arguments, so another selector, and another refusal.
contract PoolManager26May is PoolManagerBase {
    constructor(
        address oracleAddress,
        address ssvNetworkAddress,
        address depositContractAddress,
        address upkeepAddress,
        bool storesReshareFlag
    ) PoolManagerBase(oracleAddress, ssvNetworkAddress, depositContractAddress, upkeepAddress, storesReshareFlag) {}

    function initiatePoolDeposit(
        bytes32 depositDataRoot,
        bytes calldata publicKey,
        bytes calldata signature,
        bytes calldata withdrawalCredentials,
        uint64[] calldata operatorIds,
        bytes calldata shares,
        Cluster calldata cluster,
        uint256 feeAmount
    ) external onlyOracle {
        _initiate(
            depositDataRoot, publicKey, operatorIds, shares, cluster, signature, withdrawalCredentials, feeAmount
        );
    }

    function _refusal() internal pure override returns (string memory) {
        return "Only manager oracle can initiate pools";
    }
}
