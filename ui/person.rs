//! Who sits here, for the journal.

use casimir_dkg::types::SafeText;

/// `user@host`, as this machine knows them.
pub(crate) fn name() -> SafeText {
    let user = ["LOGNAME", "USER", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned());
    #[cfg(unix)]
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let host = std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned());
    SafeText::new(&format!("{user}@{host}"))
}
