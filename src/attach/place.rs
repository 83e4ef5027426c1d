//! Where the socket is.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;

use super::server::OWN;
use crate::config::{SeatConfig, Socket};
use crate::runtime::Surroundings;

/// Where a service manager makes the runtime directory of the shipped unit; a person's own environment does not say it.
const SERVICE: &str = "/run/casimir-dkg";

/// A file name for the engine of a manager contract on a chain. The account is not in it: it is not known before a
/// password was typed.
fn file_name(chain_id: u64, manager: Address) -> String {
    let manager = hex::encode(&manager[..8]);
    format!("oracle-{chain_id}-{manager}.sock")
}

/// Where an engine listens: where its configuration says; else in the service's runtime directory, in the session's, or
/// beside its journal. None: nowhere.
#[must_use]
pub fn place(around: &Surroundings, engine: &SeatConfig) -> Option<PathBuf> {
    match &engine.attach.socket {
        Socket::Off => None,
        Socket::At(path) => Some(path.clone()),
        Socket::Usual => {
            let directory = around.service.clone().or_else(|| of_session(around));
            let directory = directory.unwrap_or_else(|| beside_journal(engine));
            Some(directory.join(file_name(engine.chain_id, engine.manager)))
        }
    }
}

/// Where a seat looks for an engine, in this order.
#[must_use]
pub fn candidates(around: &Surroundings, engine: &SeatConfig) -> Vec<PathBuf> {
    match &engine.attach.socket {
        Socket::Off => vec![],
        Socket::At(path) => vec![path.clone()],
        Socket::Usual => {
            let service = around.service.clone().unwrap_or_else(|| SERVICE.into());
            let directories = [Some(service), of_session(around), Some(beside_journal(engine))];
            let name = file_name(engine.chain_id, engine.manager);
            directories.into_iter().flatten().map(|d| d.join(&name)).collect()
        }
    }
}

fn of_session(around: &Surroundings) -> Option<PathBuf> {
    around.session.as_ref().map(|path| path.join(OWN))
}

fn beside_journal(engine: &SeatConfig) -> PathBuf {
    engine
        .journal
        .path
        .parent()
        .map_or_else(PathBuf::new, Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Access, AttachConfig, JournalConfig};

    #[test]
    fn a_seat_looks_wherever_an_engine_may_listen() {
        let engine = SeatConfig {
            chain_id: 31_337,
            manager: Address::repeat_byte(7),
            journal: JournalConfig {
                path: "state/devnet/journal.sqlite".into(),
                checkpoint: None,
                key: None,
            },
            attach: AttachConfig {
                socket: Socket::Usual,
                access: Access::default(),
            },
        };
        let session = Some(PathBuf::from("/run/user/1000"));
        for (service, session) in [
            (None, None),
            (None, session.clone()),
            (Some(PathBuf::from("/run/casimir-dkg")), session.clone()),
        ] {
            let at = place(
                &Surroundings {
                    service,
                    session: session.clone(),
                },
                &engine,
            )
            .unwrap();
            // a person's shell has no RUNTIME_DIRECTORY
            let person = Surroundings {
                service: None,
                session,
            };
            assert!(candidates(&person, &engine).contains(&at), "{at:?}");
            assert_eq!(at.file_name().unwrap(), "oracle-31337-0707070707070707.sock");
        }
    }
}
