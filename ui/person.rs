//! Who sits here, for the journal.

use casimir_dkg::engine::Identity;

/// As the system knows the user of this process: no variable of the environment is asked, since anybody sets those.
pub(crate) fn identity() -> Identity {
    #[cfg(unix)]
    return casimir_dkg::attach::Person::of_this_process().identity();
    #[cfg(not(unix))]
    Identity::new("the user of this machine")
}
