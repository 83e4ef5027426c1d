//! The public key of an operator id: from the configuration, from a backend's own list, or from the SSV API's operator
//! record.
//!
//! The sources are asked in this order, and the first that knows an id is believed; so a configured key cannot be
//! replaced by an API.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::SsvApi;
use crate::types::{OperatorId, OperatorRecord, RsaPublicKeyText, SafeText};

/// A public key as a DKG backend uses it.
pub trait OperatorKey: fmt::Debug + Send + Sync + Sized {
    /// Reads any of the text forms in use.
    ///
    /// # Errors
    /// Why the text is no such key.
    fn read(text: &str) -> Result<Self, SafeText>;

    /// The form in which SSV's registry has it.
    fn registry_text(&self) -> RsaPublicKeyText;
}

/// Where operators' keys come from.
#[derive(Debug, Clone, Default)]
pub struct KeySources {
    /// Operators of the configuration.
    pub configured: Vec<OperatorRecord>,
    /// Operators that everybody knows, by id and key.
    pub well_known: Vec<(OperatorId, &'static str)>,
    /// Look every other id up in the SSV API.
    pub api: Option<SsvApi>,
}

/// An operator's key could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No source knows the id.
    #[error("failed to find operator with id {0}")]
    Unknown(OperatorId),
    /// A key is not usable.
    #[error("operator {id}: {error}")]
    Key {
        /// Whose key.
        id: OperatorId,
        error: SafeText,
    },
    /// An id is configured twice.
    #[error("operator {0} is configured twice")]
    Duplicate(OperatorId),
    /// The API could not be asked, or its answer is not about this operator.
    #[error("operator {id}: {reason}")]
    Api {
        /// About whom.
        id: OperatorId,
        /// What went wrong.
        reason: SafeText,
    },
}

/// Looked-up keys are asked for again after this time, so a rotated key is seen.
const KEY_LIFETIME: Duration = Duration::from_secs(600);
/// After a failed look-up the API is left alone for this time.
const FAILURE_LIFETIME: Duration = Duration::from_secs(5);
/// Entries in the cache: a committee has at most 13, and start messages name them.
const MAX_CACHED: usize = 4096;

type Cached<K> = (Instant, Result<Arc<K>, DirectoryError>);

/// See the module's description.
#[derive(Debug)]
pub struct Directory<K> {
    fixed: BTreeMap<OperatorId, Arc<K>>,
    api: Option<SsvApi>,
    looked_up: Mutex<HashMap<OperatorId, Cached<K>>>,
}

impl<K: OperatorKey> Directory<K> {
    /// Parses every key that is given, so that a bad one is an error at start and not in a ceremony.
    ///
    /// # Errors
    /// A key that cannot be parsed, or an id that is configured twice.
    pub fn new(sources: KeySources) -> Result<Self, DirectoryError> {
        let mut fixed = BTreeMap::new();
        for record in &sources.configured {
            let key = parse(record.id, &record.public_key)?;
            if fixed.insert(record.id, key).is_some() {
                return Err(DirectoryError::Duplicate(record.id));
            }
        }
        for (id, text) in sources.well_known {
            let key = parse(id, text)?;
            fixed.entry(id).or_insert(key);
        }
        Ok(Self {
            fixed,
            api: sources.api,
            looked_up: Mutex::default(),
        })
    }

    /// The key of an operator; asks the API where no other source knows the id.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn resolve(&self, id: OperatorId) -> Result<Arc<K>, DirectoryError> {
        if let Some(key) = self.fixed.get(&id) {
            return Ok(key.clone());
        }
        let api = self.api.as_ref().ok_or(DirectoryError::Unknown(id))?;
        if let Some(known) = self.recent(id) {
            return known;
        }
        let answer = match api.public_key(id).await {
            Ok(text) => parse(id, &text),
            Err(reason) => Err(DirectoryError::Api { id, reason }),
        };
        let mut cache = self.cache();
        make_room(&mut cache, MAX_CACHED);
        cache.insert(id, (Instant::now(), answer.clone()));
        answer
    }

    /// The key of an operator if it is known without asking anybody. Messages from strangers must not make this node
    /// send requests.
    #[must_use]
    pub fn known(&self, id: OperatorId) -> Option<Arc<K>> {
        self.fixed.get(&id).cloned().or_else(|| self.recent(id)?.ok())
    }

    fn recent(&self, id: OperatorId) -> Option<Result<Arc<K>, DirectoryError>> {
        let cache = self.cache();
        let cached = cache.get(&id)?;
        is_fresh(cached).then(|| cached.1.clone())
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<OperatorId, Cached<K>>> {
        self.looked_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what is over its time; if that is not enough the oldest failure, and only then the oldest key: whoever names ids
/// that nobody has must not make this node ask again for keys that it knows.
fn make_room<K>(cache: &mut HashMap<OperatorId, Cached<K>>, most: usize) {
    if cache.len() < most {
        return;
    }
    cache.retain(|_, cached| is_fresh(cached));
    if cache.len() < most {
        return;
    }
    let oldest = cache
        .iter()
        .min_by_key(|(_, (when, answer))| (answer.is_ok(), *when));
    if let Some(id) = oldest.map(|(id, _)| *id) {
        cache.remove(&id);
    }
}

fn is_fresh<K>((when, answer): &Cached<K>) -> bool {
    let lifetime = match answer {
        Ok(_) => KEY_LIFETIME,
        Err(_) => FAILURE_LIFETIME,
    };
    when.elapsed() < lifetime
}

fn parse<K: OperatorKey>(id: OperatorId, text: &str) -> Result<Arc<K>, DirectoryError> {
    K::read(text)
        .map(Arc::new)
        .map_err(|error| DirectoryError::Key { id, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole cache was cleared when 4,096 ids were named that nobody has, and every good key with it.
    #[test]
    fn failures_make_room_before_keys_and_the_oldest_before_others() {
        let now = Instant::now();
        let id = OperatorId;
        let failure = || Err(DirectoryError::Unknown(id(0)));
        let ago = |seconds| now.checked_sub(Duration::from_secs(seconds)).unwrap_or(now);
        let mut cache: HashMap<OperatorId, Cached<u8>> = HashMap::new();
        cache.insert(id(1), (ago(4), Ok(Arc::new(1))));
        cache.insert(id(2), (ago(3), Ok(Arc::new(2))));
        cache.insert(id(3), (ago(2), failure()));
        cache.insert(id(4), (ago(1), failure()));
        let left = |cache: &HashMap<OperatorId, Cached<u8>>| {
            let mut ids: Vec<u64> = cache.keys().map(|id| id.0).collect();
            ids.sort_unstable();
            ids
        };
        make_room(&mut cache, 5);
        assert_eq!(left(&cache), [1, 2, 3, 4]);
        make_room(&mut cache, 4);
        assert_eq!(left(&cache), [1, 2, 4]);
        make_room(&mut cache, 3);
        make_room(&mut cache, 2);
        assert_eq!(left(&cache), [2]);
    }
}
