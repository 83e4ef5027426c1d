//! Where configuration, state and cache live.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::{ConfigError, Place};
use crate::types::quoted;

/// The three directories, XDG's unless our own variables say otherwise. None is created here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Configuration: `CASIMIR_DKG_CONFIG_DIR`, else `$XDG_CONFIG_HOME/casimir-dkg`.
    pub config: PathBuf,
    /// Journal and logs: `state.dir`, else `$XDG_STATE_HOME/casimir-dkg`.
    pub state: PathBuf,
    /// Things that can be fetched again: `CASIMIR_DKG_CACHE_DIR`, else `$XDG_CACHE_HOME/casimir-dkg`.
    pub cache: PathBuf,
}

impl Directories {
    /// From our variables in `environment`, else from the platform.
    ///
    /// # Errors
    /// An override that is empty or not absolute; no home directory.
    pub fn resolve(environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let platform = directories::ProjectDirs::from("", "", "casimir-dkg");
        let pick = |variable: &str, fallback: Option<PathBuf>| match environment.get(variable) {
            Some(value) if PathBuf::from(value).is_absolute() => Ok(PathBuf::from(value)),
            Some(value) => Err(ConfigError {
                place: Place::Variable(variable.to_owned()),
                key: String::new(),
                message: format!("expected an absolute path, got {}", quoted(value)),
                suggestion: None,
            }),
            None => fallback.ok_or_else(|| ConfigError {
                place: Place::Variable(variable.to_owned()),
                key: String::new(),
                message: "this user has no home directory: set the variable to an absolute path".to_owned(),
                suggestion: None,
            }),
        };
        let p = platform.as_ref();
        Ok(Self {
            config: pick("CASIMIR_DKG_CONFIG_DIR", p.map(|p| p.config_dir().to_owned()))?,
            state: pick(
                "CASIMIR_DKG_STATE_DIR",
                // only Linux knows a state directory
                p.map(|p| p.state_dir().unwrap_or_else(|| p.data_local_dir()).to_owned()),
            )?,
            cache: pick("CASIMIR_DKG_CACHE_DIR", p.map(|p| p.cache_dir().to_owned()))?,
        })
    }
}
