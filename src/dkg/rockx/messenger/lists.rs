//! The long lists that anybody may ask for. Each is made at most once a second, and all who read it share its text: those
//! who ask and do not read hold no copies of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::hub::{Hub, State};
use super::store::Changes;

/// A list that has changed is made again after so long.
const EVERY: Duration = Duration::from_secs(1);
/// Texts of one list in memory, the present one and those that somebody still reads. While there are so many, the present one
/// is shown although something has changed since.
const TEXTS: usize = 3;

#[derive(Debug)]
pub(super) struct List {
    present: Mutex<Option<Present>>,
    texts: Arc<Semaphore>,
}

#[derive(Debug)]
struct Present {
    of: u64,
    made: Instant,
    text: Bytes,
}

/// Gives its place back when nobody reads the text any more.
struct Text {
    bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for List {
    fn default() -> Self {
        Self {
            present: Mutex::default(),
            texts: Arc::new(Semaphore::new(TEXTS)),
        }
    }
}

impl List {
    /// The list as it is now. `changes` counts what it depends on.
    pub(super) async fn text(
        &self,
        hub: &Hub,
        changes: impl Fn(&Changes) -> u64,
        make: impl FnOnce(&State) -> Vec<u8>,
    ) -> Bytes {
        let asked = Instant::now();
        let mut present = self.present.lock().await;
        if let Some(known) = &*present {
            if known.made >= asked || known.of == changes(&hub.store.changes) {
                return known.text.clone();
            }
            tokio::time::sleep(EVERY.saturating_sub(known.made.elapsed())).await;
        }
        let place = match (Arc::clone(&self.texts).try_acquire_owned(), &*present) {
            (Ok(place), _) => place,
            (Err(_), Some(known)) => return known.text.clone(),
            // only those hold places who were shown a text, and the last one stays
            (Err(_), None) => return Bytes::new(),
        };
        let made = Instant::now();
        let (of, mut bytes) = {
            let state = hub.lock();
            (changes(&hub.store.changes), make(&state))
        };
        // it grew by doubling, perhaps
        bytes.shrink_to_fit();
        let text = Bytes::from_owner(Text { bytes, _place: place });
        *present = Some(Present {
            of,
            made,
            text: text.clone(),
        });
        text
    }
}
