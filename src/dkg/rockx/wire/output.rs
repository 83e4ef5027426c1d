//! Results: what operators sign at the end, and what the messenger stores.

use super::bytes::GoBytes;
use super::codec::go_struct;
use super::collections::GoMap;
use super::message::SignedMessage;
use crate::types::{OperatorId, RequestId};

go_struct! {
    /// An operator's partial signature over the deposit.
    pub struct PartialDepositData {
        /// Whose share signed.
        signer: OperatorId = "Signer";
        /// Deposit signing root, 32 bytes.
        root: GoBytes = "Root";
        /// BLS signature with the share, 96 bytes.
        signature: GoBytes = "Signature";
    }
}

go_struct! {
    /// Result of a keygen or reshare at one operator.
    pub struct Output {
        /// The ceremony.
        request_id: RequestId = "RequestID";
        /// The share, encrypted to the operator's own RSA key, 256 bytes.
        encrypted_share: GoBytes = "EncryptedShare";
        /// 48 bytes.
        share_pub_key: GoBytes = "SharePubKey";
        /// 48 bytes.
        validator_pub_key: GoBytes = "ValidatorPubKey";
        /// 96 bytes; nil after a reshare.
        deposit_data_signature: GoBytes = "DepositDataSignature";
    }
}

go_struct! {
    /// Result of a signing ceremony at one operator.
    pub struct KeySignOutput {
        /// The ceremony.
        request_id: RequestId = "RequestID";
        /// The combined signature, 96 bytes.
        signature: GoBytes = "Signature";
        /// 48 bytes.
        validator_pk: GoBytes = "ValidatorPK";
    }
}

go_struct! {
    /// Part of a signed output that no release since 0.2.7 fills in.
    pub struct OutputBlame {
        /// The ceremony.
        request_id: RequestId = "RequestID";
        /// Whether the accusation was held to be true.
        valid: bool = "Valid";
        /// The accusation.
        blame_message: Option<SignedMessage> = "BlameMessage";
    }
}

go_struct! {
    /// An operator's result with its RSA signature over `data` or `key_sign_data`. Exactly one of the two is present.
    pub struct SignedOutput {
        /// Always nil.
        blame_data: Option<OutputBlame> = "BlameData";
        /// Of a keygen or reshare.
        data: Option<Output> = "Data";
        /// Of a signing ceremony.
        key_sign_data: Option<KeySignOutput> = "KeySignData";
        /// Who signed.
        signer: OperatorId = "Signer";
        /// RSA signature, 256 bytes.
        signature: GoBytes = "Signature";
    }
}

go_struct! {
    /// What a node reports when a ceremony ended without a result.
    pub struct BlameOutput {
        /// Whether the reporting node held it to be true.
        valid: bool = "Valid";
        /// A protocol message whose payload is a blame; from our nodes also a timeout, which accuses nobody and is never valid.
        blame_message: Option<SignedMessage> = "BlameMessage";
    }
}

go_struct! {
    /// Everything the messenger has about a ceremony: outputs by outer signer, or a blame, never both.
    pub struct DataStore {
        /// By operator.
        dkg_outputs: GoMap<SignedOutput> = "DKGOutputs";
        /// The accusation.
        blame_output: Option<BlameOutput> = "BlameOutput";
    }
}
