//! `casimir-2023-05-26`: the contract of 2023-05-26 to 2023-06-01. The events keep their names; `initiatePoolDeposit`
//! takes its arguments in another order, so it has another selector, and a stranger is refused with other words.

use super::casimir_2023::Edition;
use super::casimir_2023::initiate::initiate_call;

initiate_call! {
    depositDataRoot(bytes32),
    publicKey(bytes),
    signature(bytes),
    withdrawalCredentials(bytes),
    operatorIds(uint64[]),
    shares(bytes),
    cluster(Cluster),
    feeAmount(uint256),
}

/// As [`super::VERSIONS`] lists it.
pub(super) static EDITION: Edition = Edition {
    name: "casimir-2023-05-26",
    initiate: INITIATE,
    not_the_oracle: "Only manager oracle can initiate pools",
};
