//! Who the operators are: the RSA public key of an operator id, from the configuration, from the SSV API's operator
//! record, or from RockX's published test operators.
//!
//! The sources are asked in this order, and the first that knows an id is believed; so a configured key cannot be
//! replaced by an API.

mod api;
mod test_operators;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use api::SsvApi;

use crate::dkg::rockx::keys::{KeyError, OperatorPublicKey};
use crate::types::{OperatorId, OperatorRecord, SafeText};

/// Where operators' keys come from.
#[derive(Debug, Clone, Default)]
pub struct DirectorySources {
    /// Operators of the configuration.
    pub configured: Vec<OperatorRecord>,
    /// Also know RockX's test operators 1 to 8. Their *private* keys are published: for tests and local networks only.
    pub test_operators: bool,
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
    Key { id: OperatorId, error: KeyError },
    /// An id is configured twice.
    #[error("operator {0} is configured twice")]
    Duplicate(OperatorId),
    /// The API could not be asked, or its answer is not about this operator.
    #[error("operator {id}: {reason}")]
    Api {
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

type Cached = (Instant, Result<Arc<OperatorPublicKey>, DirectoryError>);

/// See the module's description.
#[derive(Debug)]
pub struct Directory {
    fixed: BTreeMap<OperatorId, Arc<OperatorPublicKey>>,
    api: Option<SsvApi>,
    looked_up: Mutex<HashMap<OperatorId, Cached>>,
}

impl Directory {
    /// Parses every configured key, so that a bad one is an error at start and not in a ceremony.
    ///
    /// # Errors
    /// A key that cannot be parsed, or an id that is listed twice.
    pub fn new(sources: DirectorySources) -> Result<Self, DirectoryError> {
        let mut fixed = BTreeMap::new();
        for record in &sources.configured {
            if fixed
                .insert(record.id, parse(record.id, &record.public_key)?)
                .is_some()
            {
                return Err(DirectoryError::Duplicate(record.id));
            }
        }
        if sources.test_operators {
            for (id, text) in test_operators::all() {
                let key = parse(id, text)?;
                fixed.entry(id).or_insert(key);
            }
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
    pub async fn resolve(&self, id: OperatorId) -> Result<Arc<OperatorPublicKey>, DirectoryError> {
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
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(id, (Instant::now(), answer.clone()));
        answer
    }

    /// The key of an operator if it is known without asking anybody. Messages from strangers must not make this node
    /// send requests.
    #[must_use]
    pub fn known(&self, id: OperatorId) -> Option<Arc<OperatorPublicKey>> {
        self.fixed.get(&id).cloned().or_else(|| self.recent(id)?.ok())
    }

    fn recent(&self, id: OperatorId) -> Option<Result<Arc<OperatorPublicKey>, DirectoryError>> {
        let cache = self.cache();
        let (when, answer) = cache.get(&id)?;
        let lifetime = if answer.is_ok() {
            KEY_LIFETIME
        } else {
            FAILURE_LIFETIME
        };
        (when.elapsed() < lifetime).then(|| answer.clone())
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<OperatorId, Cached>> {
        self.looked_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(id: OperatorId, text: &str) -> Result<Arc<OperatorPublicKey>, DirectoryError> {
    OperatorPublicKey::parse(text)
        .map(Arc::new)
        .map_err(|error| DirectoryError::Key { id, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn test_operators_exist_only_when_asked_for_and_never_replace_a_configured_key() {
        let none = Directory::new(DirectorySources::default()).unwrap();
        assert_eq!(
            none.resolve(OperatorId(1)).await.unwrap_err().to_string(),
            "failed to find operator with id 1"
        );
        let (_, second) = test_operators::all().nth(1).unwrap();
        let record = OperatorRecord {
            id: OperatorId(1),
            name: SafeText::default(),
            endpoint: String::new(),
            public_key: second.to_owned(),
        };
        let directory = Directory::new(DirectorySources {
            configured: vec![record.clone()],
            test_operators: true,
            api: None,
        })
        .unwrap();
        assert_eq!(directory.known(OperatorId(1)), directory.known(OperatorId(2)));
        assert!(directory.known(OperatorId(8)).is_some() && directory.known(OperatorId(9)).is_none());
        let twice = DirectorySources {
            configured: vec![record.clone(), record],
            ..DirectorySources::default()
        };
        assert_eq!(
            Directory::new(twice).unwrap_err(),
            DirectoryError::Duplicate(OperatorId(1))
        );
    }
}
