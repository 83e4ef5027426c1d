//! Who sits here, for the journal.

use casimir_dkg::engine::Identity;

/// As the system knows the user of this process: no variable of the environment is asked, since anybody sets those.
pub(crate) fn identity() -> Identity {
    casimir_dkg::attach::Person::of_this_process().identity()
}

/// Longest reason in characters.
const MAX_REASON: usize = 500;

/// What a person gives as a reason is kept for ever: it must be one.
///
/// # Errors
/// It is empty, or too long.
pub(crate) fn judge_reason(reason: &str) -> anyhow::Result<()> {
    let length = reason.trim().chars().count();
    if !(1..=MAX_REASON).contains(&length) {
        anyhow::bail!("the reason has {length} characters; 1 to {MAX_REASON} are taken");
    }
    Ok(())
}
