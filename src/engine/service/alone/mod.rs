//! One engine for an account. A second one with a journal of its own would not know what the first has begun, so the lock
//! of the journal is not enough.
//!
//! | what stands in the way | whom it stops |
//! |---|---|
//! | a locked file in the first of `$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR/casimir-dkg` and a directory of this user's own among the temporary files (`$TMPDIR`, `/tmp`) | whoever has the same directory, also in another container |
//! | a locked file in the state directory | whoever has the same state directory, whatever journal |
//! | on Linux a name of an abstract Unix socket | every process of this user, of root and of the journal's owner on this machine (in this network namespace), whatever directories they see |
//! | in the core, the account's nonce: an adoption for a new journal, a pause for a transaction that is not ours | oracles that no lock can see |
//!
//! Anybody can take a name, and lock what they can open. So the system is asked who has the name, and a stranger who has it
//! stops nobody: it is said, on the screen and to whoever is told. A file counts only where nobody else can open it.

mod directory;
#[cfg(target_os = "linux")]
mod name;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use alloy::primitives::Address;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, NetworkName};
use crate::lock::{self, Held, NotOurs};
use crate::types::SafeText;

/// Held while an engine of this process works for an account.
#[derive(Debug)]
pub struct Alone {
    files: Vec<(Held, PathBuf)>,
    #[cfg(target_os = "linux")]
    _name: Option<name::Name>,
    worries: Vec<SafeText>,
}

impl Alone {
    /// Who has taken what would keep other oracles away, and what that means. It stops nobody; a person should know.
    #[must_use]
    pub fn worries(&self) -> &[SafeText] {
        &self.worries
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        for (file, path) in self.files.drain(..) {
            lock::remove(file, &path);
        }
    }
}

/// Another engine works for the account, or nobody can tell.
#[derive(Debug, thiserror::Error)]
pub enum NotAlone {
    /// Another engine of this machine.
    #[error(
        "an oracle runs here for account {account} on chain {chain_id} ({by}): `casimir-dkg console` sits down at it, and \
         two would send twice"
    )]
    Taken {
        account: Address,
        /// EIP-155 chain id.
        chain_id: u64,
        /// Its process, and since when.
        by: SafeText,
    },
    /// The lock cannot be taken.
    #[error("the lock of the oracle's account, {path}: {error}")]
    Io {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
}

/// Who has what an oracle of this account would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// An oracle, as it says itself.
    Oracle(SafeText),
    /// Somebody who is none, in words; stops nobody.
    Stranger(SafeText),
}

/// Claims the account on the configured chain for this process.
///
/// # Errors
/// See [`NotAlone`].
pub async fn alone(config: &Config, account: Address) -> Result<Alone, NotAlone> {
    let places = Places::of(config);
    claim(
        &places,
        &name_of(config, account),
        account,
        config.network.chain_id,
    )
    .await
}

/// Who works for the account on this machine, if anybody does, or has taken its name. Nothing is claimed.
pub async fn holder(config: &Config, account: Address) -> Option<Holder> {
    look(&Places::of(config), &name_of(config, account)).await
}

/// Where the locks stand, and whose processes are oracles.
#[derive(Debug)]
struct Places {
    /// What lasts no longer than the process; none where no directory is safe, which is a worry.
    runtime: Result<PathBuf, SafeText>,
    state: PathBuf,
    /// The owner of the journal's directory, for root that runs beside a service.
    owner: Option<u32>,
}

impl Places {
    fn of(config: &Config) -> Self {
        Self {
            runtime: directory::for_runtime(),
            state: config.directories.state.clone(),
            owner: config.journal.path.parent().and_then(directory::owner),
        }
    }

    fn files(&self, name: &str) -> Vec<PathBuf> {
        let all = self.runtime.iter().chain([&self.state]);
        all.map(|directory| directory.join(format!("{name}.lock")))
            .collect()
    }
}

async fn look(places: &Places, name: &str) -> Option<Holder> {
    let by_file = places.files(name).iter().find_map(|path| lock::holder_of(path));
    if let Some(by) = by_file {
        return Some(Holder::Oracle(by));
    }
    #[cfg(target_os = "linux")]
    return name::look(name, places.owner).await;
    #[cfg(not(target_os = "linux"))]
    None
}

async fn claim(places: &Places, name: &str, account: Address, chain_id: u64) -> Result<Alone, NotAlone> {
    let taken = |by| NotAlone::Taken {
        account,
        chain_id,
        by,
    };
    let mut alone = Alone {
        files: Vec::new(),
        #[cfg(target_os = "linux")]
        _name: None,
        worries: places.runtime.as_ref().err().cloned().into_iter().collect(),
    };
    let mut taken_in = Vec::new();
    for path in places.files(name) {
        let io = |error| NotAlone::Io {
            path: path.clone(),
            error,
        };
        // both may be one directory, by whatever name
        let real = lock::home_of(&path).map_err(io)?;
        if taken_in.contains(&real) {
            continue;
        }
        taken_in.push(real);
        let file = lock::take(&path).map_err(|why| match why {
            NotOurs::Taken(by) => taken(by),
            NotOurs::Io(error) => io(error),
        })?;
        alone.files.push((file, path));
    }
    #[cfg(target_os = "linux")]
    match name::claim(name, places.owner).await {
        name::Claimed::Ours(name) => alone._name = Some(name),
        name::Claimed::Unnamed => {}
        name::Claimed::Taken(Holder::Oracle(by)) => return Err(taken(by)),
        name::Claimed::Taken(Holder::Stranger(words)) => alone.worries.push(words),
    }
    Ok(alone)
}

/// By chain and account. The chains of development networks all have the same id and the same accounts, so the endpoint
/// tells them apart.
fn name_of(config: &Config, account: Address) -> String {
    let name = format!("casimir-dkg-{}-{}", config.network.chain_id, hex::encode(account));
    match (config.network.name, config.rpc.urls.first()) {
        (NetworkName::Devnet, Some(url)) => {
            let digest = Sha256::digest(url.expose());
            format!("{name}-{}", hex::encode(&digest[..4]))
        }
        _ => name,
    }
}
