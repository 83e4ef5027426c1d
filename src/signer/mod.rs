//! Who signs for the oracle: the key in this process ([`OracleSigner`], an adapter of
//! [`TxSigner`](crate::ports::tx_signer::TxSigner)) with the files that keep it, or a signer elsewhere (`remote.rs`).

pub mod keystore;
mod line;
mod local;
mod open;
pub mod password;
mod remote;

pub use crate::secrets::SecretFile;
pub use line::RemoteError;
pub use local::OracleSigner;
pub use open::{OpenError, OpenedSigner, open};

/// Whether keys may be used that stand in configurations and shell histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPolicy {
    /// A network with real money: keystores only.
    KeystoreOnly,
    /// A development network: mnemonics and plain private keys too.
    DevelopmentKeys,
}

/// A key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Mnemonics and plain keys are for development networks.
    #[error("a {0} is accepted on development networks only; use a keystore")]
    DevelopmentOnly(&'static str),
    /// The words, the path or the digits are not a key. What they are is not repeated.
    #[error("the {0} is not valid")]
    Invalid(&'static str),
}
