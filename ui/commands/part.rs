//! Commands that use a part of the configuration: what is wrong with the rest is said, and stops nobody.

use casimir_dkg::config::{ConfigError, ConfigErrors, Layers};

use crate::output;

/// The part that a command uses. Says what is wrong with the rest.
pub(super) fn used<T>(part: Result<T, ConfigErrors>, layers: &Layers) -> Result<T, ConfigErrors> {
    if part.is_ok() {
        warn(layers.told().iter().flat_map(|errors| &errors.0));
    }
    part
}

/// Says what is wrong with a part that is not used here.
pub(super) fn warn<'a>(errors: impl IntoIterator<Item = &'a ConfigError>) {
    for error in errors {
        output::note(&format!("warning: {error} (not needed here; a start needs it)"));
    }
}
