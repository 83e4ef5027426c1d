//! `casimir-2023-05`: the contract of 2023-05-15 to 2023-05-20. Compiled and run with both SSV versions of its time.

use super::casimir_2023::Edition;
use super::casimir_2023::initiate::initiate_call;

initiate_call! {
    depositDataRoot(bytes32),
    publicKey(bytes),
    operatorIds(uint64[]),
    shares(bytes),
    cluster(Cluster),
    signature(bytes),
    withdrawalCredentials(bytes),
    feeAmount(uint256),
}

/// As [`super::VERSIONS`] lists it.
pub(super) static EDITION: Edition = Edition {
    name: "casimir-2023-05",
    initiate: INITIATE,
    not_the_oracle: "Only DKG oracle can initiate pools",
};
