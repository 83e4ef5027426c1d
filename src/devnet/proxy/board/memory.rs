//! What a rule remembers from call to call. It is forgotten when the rule is switched on.

use std::collections::VecDeque;

use tokio::time::Instant;

/// All of it; each kind of fault uses its own part.
#[derive(Debug, Default)]
pub(in crate::devnet::proxy) struct Memory {
    /// When the newest calls came, for a window of calls a second.
    pub(in crate::devnet::proxy) calls: VecDeque<Instant>,
    /// The height at which a head stands still.
    pub(in crate::devnet::proxy) height: Option<u64>,
    /// Where an invented log was put: number and hash of the block.
    pub(in crate::devnet::proxy) placed: Option<(u64, String)>,
    /// Seconds that a clock is off, once they are known.
    pub(in crate::devnet::proxy) shift: Option<i64>,
}
