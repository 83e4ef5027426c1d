//! Who sits here, for the journal.

use casimir_dkg::types::SafeText;

/// As the system knows the user of this process: no variable of the environment is asked, since anybody sets those.
pub(crate) fn name() -> SafeText {
    #[cfg(unix)]
    let name = casimir_dkg::attach::Person::of_this_process().to_string();
    #[cfg(not(unix))]
    let name = "the user of this machine".to_owned();
    SafeText::new(&name)
}
