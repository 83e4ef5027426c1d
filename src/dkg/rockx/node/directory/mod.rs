//! Who the operators are, as a node sees it: the directory of [`crate::operators`] with RSA keys, to which RockX's
//! published test operators may be added.

mod test_operators;

use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::operators::{self, OperatorKey};
use crate::types::{OperatorRecord, RsaPublicKeyText, SafeText};

pub use crate::operators::{DirectoryError, SsvApi};

/// RSA keys by operator id.
pub type Directory = operators::Directory<OperatorPublicKey>;

impl OperatorKey for OperatorPublicKey {
    fn read(text: &str) -> Result<Self, SafeText> {
        Self::parse(text).map_err(|error| SafeText::new(&error.to_string()))
    }

    fn registry_text(&self) -> RsaPublicKeyText {
        self.to_registry_text()
    }
}

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

impl DirectorySources {
    /// Parses every key that is given.
    ///
    /// # Errors
    /// A key that cannot be parsed, or an id that is configured twice.
    pub fn open(self) -> Result<Directory, DirectoryError> {
        let known = self.test_operators.then(test_operators::all);
        Directory::new(operators::KeySources {
            configured: self.configured,
            well_known: known.into_iter().flatten().collect(),
            api: self.api,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::OperatorId;

    #[tokio::test]
    async fn test_operators_exist_only_when_asked_for_and_never_replace_a_configured_key() {
        let none = DirectorySources::default().open().unwrap();
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
        let directory = DirectorySources {
            configured: vec![record.clone()],
            test_operators: true,
            api: None,
        }
        .open()
        .unwrap();
        assert_eq!(directory.known(OperatorId(1)), directory.known(OperatorId(2)));
        assert!(directory.known(OperatorId(8)).is_some() && directory.known(OperatorId(9)).is_none());
        let twice = DirectorySources {
            configured: vec![record.clone(), record],
            ..DirectorySources::default()
        };
        assert_eq!(
            twice.open().unwrap_err(),
            DirectoryError::Duplicate(OperatorId(1))
        );
    }
}
