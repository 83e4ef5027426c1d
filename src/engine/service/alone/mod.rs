//! One engine for an account. A second one with a journal of its own would not know what the first has begun, so the lock
//! of the journal is not enough.
//!
//! | what stands in the way | whom it stops |
//! |---|---|
//! | a locked file in the first of `$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR/casimir-dkg` and the directory for temporary files (`$TMPDIR`, `/tmp`) | whoever has the same directory, also in another container |
//! | on Linux a name of an abstract Unix socket | every user and every service of this machine (of this network namespace), whatever directories they see |
//! | in the core, the account's nonce: an adoption for a new journal, a pause for a transaction that is not ours | oracles that no lock can see |

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, NetworkName};
use crate::lock::{self, NotOurs};
use crate::types::SafeText;

/// Held while an engine of this process works for an account.
#[derive(Debug)]
pub struct Alone {
    _file: File,
    #[cfg(target_os = "linux")]
    _name: Option<name::Name>,
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

/// Claims the account on the configured chain for this process.
///
/// # Errors
/// See [`NotAlone`].
pub fn alone(config: &Config, account: Address) -> Result<Alone, NotAlone> {
    claim(
        &runtime_directory(),
        &name_of(config, account),
        account,
        config.network.chain_id,
    )
}

/// Who works for the account on this machine, if anybody does, as that process says itself. Nothing is claimed.
#[must_use]
pub fn holder(config: &Config, account: Address) -> Option<SafeText> {
    look(&runtime_directory(), &name_of(config, account))
}

fn look(directory: &Path, name: &str) -> Option<SafeText> {
    let by_name = || {
        #[cfg(target_os = "linux")]
        return name::look(name);
        #[cfg(not(target_os = "linux"))]
        None
    };
    lock::holder_of(&directory.join(format!("{name}.lock"))).or_else(by_name)
}

fn claim(directory: &Path, name: &str, account: Address, chain_id: u64) -> Result<Alone, NotAlone> {
    let taken = |by| NotAlone::Taken {
        account,
        chain_id,
        by,
    };
    let io = |path: &Path, error| NotAlone::Io {
        path: path.to_owned(),
        error,
    };
    fs::create_dir_all(directory).map_err(|error| io(directory, error))?;
    let path = directory.join(format!("{name}.lock"));
    let file = lock::take(&path).map_err(|why| match why {
        NotOurs::Taken(by) => taken(by),
        NotOurs::Io(error) => io(&path, error),
    })?;
    Ok(Alone {
        _file: file,
        #[cfg(target_os = "linux")]
        _name: name::claim(name).map_err(taken)?,
    })
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

fn runtime_directory() -> PathBuf {
    #[cfg(unix)]
    {
        let around = crate::runtime::Surroundings::of_process();
        let session = around.session.map(|path| path.join("casimir-dkg"));
        if let Some(directory) = around.service.or(session) {
            return directory;
        }
    }
    std::env::temp_dir()
}

#[cfg(target_os = "linux")]
mod name {
    //! A name in the kernel. Its holder answers whoever connects with who it is.

    use std::io::{self, Read as _, Write as _};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;
    use std::time::Duration;

    use crate::lock;
    use crate::types::SafeText;

    /// How long one end waits for the other's few bytes.
    const MOMENT: Duration = Duration::from_secs(1);

    #[derive(Debug)]
    pub(super) struct Name {
        address: SocketAddr,
        ended: Arc<AtomicBool>,
        answers: Option<JoinHandle<()>>,
    }

    /// Takes the name. None where the system has no such names for us: then the file alone stands in the way.
    ///
    /// # Errors
    /// Who has it.
    pub(super) fn claim(name: &str) -> Result<Option<Name>, SafeText> {
        let claimed = SocketAddr::from_abstract_name(name).and_then(|address| {
            let listener = UnixListener::bind_addr(&address)?;
            Ok((address, listener))
        });
        let (address, listener) = match claimed {
            Ok(claimed) => claimed,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(holder(name)),
            Err(error) => {
                tracing::warn!(target: "engine", %error, "no name in the kernel keeps other oracles away");
                return Ok(None);
            }
        };
        let ended = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ended);
        let card = lock::holder();
        let answers = std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let _ = stream.set_write_timeout(Some(MOMENT));
                let _ = stream.write_all(card.as_bytes());
            }
        });
        Ok(Some(Name {
            address,
            ended,
            answers: Some(answers),
        }))
    }

    /// Who has the name, if anybody has.
    pub(super) fn look(name: &str) -> Option<SafeText> {
        let address = SocketAddr::from_abstract_name(name).ok()?;
        let stream = UnixStream::connect_addr(&address).ok()?;
        Some(read(stream))
    }

    fn holder(name: &str) -> SafeText {
        look(name).unwrap_or_else(|| lock::words(&[]))
    }

    fn read(stream: UnixStream) -> SafeText {
        let mut said = Vec::new();
        // whatever came before an error is as good as nothing
        let _ = stream.set_read_timeout(Some(MOMENT));
        let _ = stream.take(200).read_to_end(&mut said);
        lock::words(&said)
    }

    impl Drop for Name {
        fn drop(&mut self) {
            self.ended.store(true, Ordering::Relaxed);
            // wakes the thread, which gives the name back
            if UnixStream::connect_addr(&self.address).is_ok()
                && let Some(answers) = self.answers.take()
            {
                let _ = answers.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_engine_is_told_of_the_first_wherever_it_looks() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let account = Address::repeat_byte(7);
        let name = format!("casimir-dkg-test-{}", hex::encode(rand::random::<[u8; 8]>()));
        let first = claim(one.path(), &name, account, 1).unwrap();
        let told = |directory: &Path| {
            let refused = claim(directory, &name, account, 1).unwrap_err().to_string();
            let process = format!("process {}, since 20", std::process::id());
            assert!(
                refused.contains("an oracle runs here") && refused.contains(&process),
                "{refused}"
            );
            let looked = look(directory, &name).unwrap();
            assert!(looked.as_str().starts_with(&process), "{looked}");
        };
        told(one.path());
        // a service and a person's login have different runtime directories
        #[cfg(target_os = "linux")]
        told(other.path());
        let next = format!("{name}-b");
        drop(claim(one.path(), &next, account, 1).unwrap());
        drop(first);
        assert_eq!(look(one.path(), &name), None);
        drop(claim(other.path(), &name, account, 1).unwrap());
    }
}
