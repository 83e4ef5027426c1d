// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// SSV's snapshot of a cluster, with the fields in the order of SSV's network since its version 3.
/// The order is part of every selector and topic that names the tuple.
struct Cluster {
    uint32 validatorCount;
    uint64 networkFeeIndex;
    uint64 index;
    bool active;
    uint256 balance;
}
