//! Where the socket is.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;

/// The directories that a socket may be in, as the environment and the configuration name them.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The first entry of `RUNTIME_DIRECTORY`: the service manager's.
    pub service: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: of the login session.
    pub session: Option<PathBuf>,
    /// The state directory of the network.
    pub state: PathBuf,
}

/// Where a service manager makes the runtime directory of the shipped unit; a person's own environment does not say it.
const SERVICE: &str = "/run/casimir-dkg";

/// A file name for the engine of a manager contract on a chain. The account is not in it: it is not known before a
/// password was typed.
fn file_name(chain_id: u64, manager: Address) -> String {
    let manager = hex::encode(&manager[..8]);
    format!("oracle-{chain_id}-{manager}.sock")
}

/// Where an engine listens: in the service's runtime directory, else in the session's, else beside its journal.
#[must_use]
pub fn place(around: &Surroundings, chain_id: u64, manager: Address) -> PathBuf {
    let session = around.session.as_ref().map(|path| path.join("casimir-dkg"));
    let directory = around.service.clone().or(session);
    directory
        .unwrap_or_else(|| around.state.clone())
        .join(file_name(chain_id, manager))
}

/// Where a seat looks for an engine, in this order.
#[must_use]
pub fn candidates(around: &Surroundings, chain_id: u64, manager: Address) -> Vec<PathBuf> {
    let session = around.session.as_ref().map(|path| path.join("casimir-dkg"));
    let service = around
        .service
        .clone()
        .or_else(|| Some(Path::new(SERVICE).to_owned()));
    let mut all: Vec<PathBuf> = [service, session, Some(around.state.clone())]
        .into_iter()
        .flatten()
        .map(|directory| directory.join(file_name(chain_id, manager)))
        .collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_looks_wherever_an_engine_may_listen() {
        let manager = Address::repeat_byte(7);
        let state = PathBuf::from("state/devnet");
        let session = Some(PathBuf::from("/run/user/1000"));
        for (service, session) in [
            (None, None),
            (None, session.clone()),
            (Some(PathBuf::from("/run/casimir-dkg")), session.clone()),
        ] {
            let engine = Surroundings {
                service,
                session,
                state: state.clone(),
            };
            let at = place(&engine, 31_337, manager);
            // a person's shell has no RUNTIME_DIRECTORY
            let person = Surroundings {
                service: None,
                ..engine
            };
            assert!(candidates(&person, 31_337, manager).contains(&at), "{at:?}");
            assert_eq!(at.file_name().unwrap(), "oracle-31337-0707070707070707.sock");
        }
    }
}
