//! Flags of `messenger` and `operator`.

use std::path::PathBuf;

use casimir_dkg::config::Flag;
use clap::{Args, Subcommand};

use super::{given, path_text};

#[derive(Debug, Clone, Args)]
pub(crate) struct MessengerArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Where registrations, topics and undelivered messages survive a restart
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl MessengerArgs {
    /// The flags that were given, as configuration.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        given([
            ("messenger.listen", "--listen", self.listen.clone()),
            (
                "messenger.data_dir",
                "--data-dir",
                path_text(self.data_dir.as_ref()),
            ),
        ])
    }
}

/// `operator`.
///
/// The variables of RockX's node are understood where nothing else is said: NODE_OPERATOR_ID, NODE_ADDR,
/// NODE_BROADCAST_ADDR, MESSENGER_SRV_ADDR, OPERATOR_PRIVATE_KEY, OPERATOR_PRIVATE_KEY_PATH and
/// OPERATOR_PRIVATE_KEY_PASSWORD_PATH.
#[derive(Debug, Clone, Args)]
pub(crate) struct OperatorArgs {
    /// SSV operator id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// How the messenger reaches this node
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The messenger
    #[arg(long, value_name = "URL")]
    messenger: Option<String>,
    /// File with [[operator]] tables: whose messages are believed
    #[arg(long, value_name = "FILE")]
    operators: Option<PathBuf>,
    /// RSA private key: PEM, or RockX's encrypted JSON
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Password of an encrypted key file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Where shares are kept, encrypted
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<OperatorCommand>,
}

/// What else is done with an operator's shares.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Write a copy of the share store, also while the node runs; shares stay encrypted
    ///
    /// A manifest of the keys is written beside the copy, and both are verified. The operator's key is not in it: keep that
    /// elsewhere, since nothing opens the copy without it.
    Backup {
        /// The copy; a file that is there is never replaced
        #[arg(value_name = "FILE", value_parser = super::written_file())]
        to: PathBuf,
        /// The share store, instead of the configured one
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
    },
    /// Take back what a backup has and the share store has not
    ///
    /// Needs the operator's key, which opens every share of the backup. Nothing that the store has is taken away. The node
    /// may not run meanwhile.
    Restore {
        /// The backup
        #[arg(value_name = "FILE")]
        from: PathBuf,
    },
    /// Seal the share store for another operator key, which the node uses from then on
    ///
    /// Needs both keys: the one that is configured opens the store. Every share is sealed anew in a copy, which is verified and
    /// takes the store's place; the file as it was stays beside it. The node may not run meanwhile. Backups that were made
    /// before open with the former key alone.
    Reseal {
        /// The other RSA private key: PEM, or RockX's encrypted JSON
        #[arg(long, value_name = "FILE")]
        new_key_file: PathBuf,
        /// Password of the other key file, where it is encrypted
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// What the share store holds
    #[command(subcommand)]
    Shares(SharesCommand),
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SharesCommand {
    /// List the shares, without any secret; also of a backup, and while the node runs
    List {
        /// The share store or a backup of it, instead of the configured one
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
    },
}

impl OperatorArgs {
    /// The flags that were given, as configuration.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        given([
            ("node.id", "--id", self.id.clone()),
            ("node.listen", "--listen", self.listen.clone()),
            ("node.public_url", "--public-url", self.public_url.clone()),
            ("node.messenger_url", "--messenger", self.messenger.clone()),
            (
                "operators.file",
                "--operators",
                path_text(self.operators.as_ref()),
            ),
            ("node.key_file", "--key-file", path_text(self.key_file.as_ref())),
            (
                "node.password_file",
                "--password-file",
                path_text(self.password_file.as_ref()),
            ),
            ("node.data_dir", "--data-dir", path_text(self.data_dir.as_ref())),
        ])
    }
}
