//! The three start payloads.

use super::bytes::GoBytes;
use super::codec::go_struct;
use super::collections::{GoList, GoMap};
use crate::types::{ForkVersion, OperatorId};

go_struct! {
    /// Starts a keygen.
    pub struct Init {
        /// The committee; the order carries no meaning for us.
        operator_ids: GoList<OperatorId> = "OperatorIDs";
        /// 2f+1.
        threshold: u64 = "Threshold";
        /// 32 bytes.
        withdrawal_credentials: GoBytes = "WithdrawalCredentials";
        /// Genesis fork version of the network.
        fork: ForkVersion = "Fork";
    }
}

go_struct! {
    /// Starts a reshare.
    pub struct Reshare {
        /// The key, 48 bytes.
        validator_pk: GoBytes = "ValidatorPK";
        /// The new committee.
        operator_ids: GoList<OperatorId> = "OperatorIDs";
        /// 2f+1 of the new committee.
        threshold: u64 = "Threshold";
        /// Exactly the old threshold's number of old operators.
        old_operator_ids: GoList<OperatorId> = "OldOperatorIDs";
    }
}

go_struct! {
    /// Starts a signing ceremony. Only the first two fields are filled in by a sender.
    pub struct KeySign {
        /// The key, 48 bytes.
        validator_pk: GoBytes = "ValidatorPK";
        /// What to sign; the message of hash-to-curve.
        signing_root: GoBytes = "SigningRoot";
        /// Filled in by the receiver.
        operators: GoList<OperatorId> = "Operators";
        /// Filled in by the receiver.
        threshold: u64 = "Threshold";
        /// `null` on the wire.
        secret_share: GoBytes = "SecretShare";
        /// `null` on the wire.
        operator_public_keyshares: GoMap<GoBytes> = "OperatorPublicKeyshares";
    }
}
