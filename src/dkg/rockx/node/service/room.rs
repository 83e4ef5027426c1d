//! Room for ceremonies that anybody may start: RockX's start messages are unsigned, unless initiators are configured.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Running;
use crate::types::RequestId;

/// Ceremonies at the same time.
pub(super) const MAX_SESSIONS: usize = 512;
/// Those that one client has started without a signature that counts.
const PER_CLIENT: usize = 128;
/// A ceremony in which no other operator has said anything for so long makes room for another. Operators speak within
/// milliseconds of their start, and RockX's messenger brings it within six seconds.
const SILENT: Duration = Duration::from_secs(10);
/// Start messages in a row that one client may send, and how many come back in a second: a request id is remembered for
/// ever, also a junk one.
const BURST: f64 = 256.0;
const REFILL: f64 = 1.0;
/// Clients that are remembered.
const REMEMBERED: usize = 4096;

/// Who started a ceremony.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starter {
    pub(super) client: IpAddr,
    /// An initiator that is configured signed the start message.
    pub(super) signed: bool,
}

/// Which ceremony must go so that this one can start, if one must.
///
/// # Errors
/// There is no room, in words.
pub(super) fn make_room(
    running: &HashMap<RequestId, Running>,
    starter: Starter,
    now: Instant,
) -> Result<Option<RequestId>, String> {
    let oldest = |of: Option<IpAddr>| {
        running
            .iter()
            .filter(|(_, other)| !other.starter.signed && !other.heard)
            .filter(|(_, other)| of.is_none_or(|client| other.starter.client == client))
            .filter(|(_, other)| now.duration_since(other.begun) >= SILENT)
            .min_by_key(|(_, other)| other.begun)
            .map(|(id, _)| *id)
    };
    if !starter.signed {
        let same = |other: &&Running| !other.starter.signed && other.starter.client == starter.client;
        if running.values().filter(same).count() >= PER_CLIENT {
            return oldest(Some(starter.client))
                .map(Some)
                .ok_or_else(|| "too many ceremonies started from one address".to_owned());
        }
    }
    if running.len() >= MAX_SESSIONS {
        return oldest(None)
            .map(Some)
            .ok_or_else(|| "too many ceremonies at the same time".to_owned());
    }
    Ok(None)
}

/// How many start messages each client sent lately.
#[derive(Debug, Default)]
pub(super) struct Starts(HashMap<IpAddr, (f64, Instant)>);

impl Starts {
    /// Whether the client may send another one.
    pub(super) fn admit(&mut self, client: IpAddr, now: Instant) -> bool {
        let left =
            |(count, at): (f64, Instant)| (count - now.duration_since(at).as_secs_f64() * REFILL).max(0.0);
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, entry| left(*entry) > 0.0);
            if self.0.len() >= REMEMBERED {
                return false;
            }
        }
        let count = self.0.get(&client).copied().map_or(0.0, left);
        if count >= BURST {
            return false;
        }
        self.0.insert(client, (count + 1.0, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::dkg::rockx::seen::Seen;

    fn id(n: usize) -> RequestId {
        let mut id = [0; 24];
        id[..8].copy_from_slice(&n.to_be_bytes());
        RequestId(id)
    }

    fn by(n: u8) -> Starter {
        Starter {
            client: IpAddr::from([203, 0, 113, n]),
            signed: false,
        }
    }

    fn running(starter: Starter, begun: Instant, heard: bool) -> Running {
        Running {
            peers: Arc::default(),
            inbox: mpsc::channel(1).0,
            starter,
            begun,
            heard,
            seen: Seen::default(),
            displaced: watch::Sender::new(false),
        }
    }

    #[test]
    fn nobody_fills_the_node_alone_and_silent_ceremonies_go_first() {
        let begun = Instant::now();
        let mut table = HashMap::new();
        for n in 0..PER_CLIENT {
            assert_eq!(make_room(&table, by(1), begun), Ok(None));
            table.insert(id(n), running(by(1), begun, n > 0));
        }
        assert!(make_room(&table, by(1), begun).is_err(), "one client's share");
        assert_eq!(make_room(&table, by(2), begun), Ok(None), "others have theirs");
        let later = begun + SILENT;
        assert_eq!(
            make_room(&table, by(1), later),
            Ok(Some(id(0))),
            "the silent one goes"
        );
        for n in PER_CLIENT..MAX_SESSIONS {
            let other = u8::try_from(2 + n / PER_CLIENT).unwrap();
            table.insert(id(n), running(by(other), later, true));
        }
        let signed = Starter {
            signed: true,
            ..by(9)
        };
        assert_eq!(make_room(&table, signed, later), Ok(Some(id(0))));
        table.remove(&id(0));
        table.insert(id(0), running(signed, begun, false));
        assert!(make_room(&table, by(9), later).is_err(), "signed ones stay");
    }

    #[test]
    fn start_messages_of_one_client_are_rationed() {
        let mut starts = Starts::default();
        let now = Instant::now();
        let taken = (0..1000).filter(|_| starts.admit(by(1).client, now)).count();
        assert_eq!(taken, 256);
        assert!(starts.admit(by(2).client, now));
        assert!(starts.admit(by(1).client, now + Duration::from_secs(2)));
    }
}
