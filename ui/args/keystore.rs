//! Flags of `keystore`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum KeystoreCommand {
    /// Make a new account for the oracle
    New(NewArgs),
    /// Put an existing private key into a keystore; the key is asked for, or read from a file
    Import(ImportArgs),
    /// Make an RSA key for an operator's node
    OperatorKey(OperatorKeyArgs),
}

/// `keystore new`.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewArgs {
    /// File to write; must not exist
    #[arg(value_name = "FILE")]
    pub out: PathBuf,
    /// File with the password; without it the password is asked for, twice
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `keystore import`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportArgs {
    /// File to write; must not exist
    #[arg(value_name = "FILE")]
    pub out: PathBuf,
    /// File with the private key, 64 hex digits; without it the key is asked for and not shown
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// File with the password; without it the password is asked for, twice
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `keystore operator-key`.
#[derive(Debug, Clone, Args)]
pub(crate) struct OperatorKeyArgs {
    /// File to write the private key to; must not exist
    #[arg(value_name = "FILE")]
    pub out: PathBuf,
    /// File with a password to encrypt the key with, in RockX's form; without it a plain PEM with mode 0600
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}
