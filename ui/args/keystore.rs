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
    /// Tell whose key a file holds: the oracle's keystore, an operator's key, or a person's
    Show(ShowKeyArgs),
    /// Change the password of a keystore, of an operator's key or of a person's; the key stays. An operator's key in clear gets one
    Passwd(PasswdArgs),
}

/// `keystore show`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowKeyArgs {
    /// The file; it is not changed
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// File with the password: then what the file says of its key is proved by opening it
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `keystore passwd`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PasswdArgs {
    /// The file; it is replaced once the new one opens
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// File with the present password; without it the password is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// File with the new password; without it the password is asked for, twice
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
}

/// `keystore new`.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewArgs {
    /// File to write; must not exist
    #[arg(value_name = "FILE", value_parser = super::written_file())]
    pub out: PathBuf,
    /// File with the password; without it the password is asked for, twice
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `keystore import`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportArgs {
    /// File to write; must not exist
    #[arg(value_name = "FILE", value_parser = super::written_file())]
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
    #[arg(value_name = "FILE", value_parser = super::written_file())]
    pub out: PathBuf,
    /// File with a password to encrypt the key with, in RockX's form; without it a plain PEM with mode 0600
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}
