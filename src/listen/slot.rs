//! A connection's place: what it is doing, since when, and whether it has to go.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::task::AtomicWaker;

use super::limiter::ConnectionLimiter;

/// Bytes a second with which a body earns time: one that is slower trickles, and is the next to go after all such heads.
const SLOWEST_BODY: u64 = 16 << 10;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing came since the last reply.
    Idle = 0,
    /// A request has begun to come in.
    Head = 1,
    /// A request is here, and is being answered.
    Served = 2,
    /// A request's head is here, and its body is coming.
    Body = 3,
}

/// A connection's place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) number: u64,
    pub(super) client: IpAddr,
    /// Whose share it is part of: its client's, or that of all proxies.
    pub(super) holder: IpAddr,
    phase: AtomicU8,
    /// Since when, in milliseconds since the listener was made.
    since: AtomicU64,
    /// Bytes of the body that came so far.
    came: AtomicU64,
    sent_away: AtomicBool,
    /// A request was read.
    asked: AtomicBool,
    /// Bytes of its answers that were not taken.
    owed: AtomicUsize,
    pub(super) waker: AtomicWaker,
    limiter: Arc<ConnectionLimiter>,
}

/// A request under way behind a trusted proxy, until this is dropped or its connection is sent away.
#[derive(Debug)]
pub(super) struct ProxiedRequest(pub(super) Arc<Slot>);

impl Drop for ProxiedRequest {
    fn drop(&mut self) {
        self.0.limiter.end_proxied(&self.0);
    }
}

impl Slot {
    pub(super) fn new(number: u64, client: IpAddr, holder: IpAddr, limiter: &Arc<ConnectionLimiter>) -> Self {
        Self {
            number,
            client,
            holder,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(limiter.now()),
            came: AtomicU64::new(0),
            sent_away: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            owed: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
            limiter: Arc::clone(limiter),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            3 => Phase::Body,
            _ => Phase::Served,
        }
    }

    /// A request's head was read, and nothing of its reply was written.
    pub(super) fn is_served(&self) -> bool {
        matches!(self.phase(), Phase::Served | Phase::Body)
    }

    /// The head was read, and the body behind it begins to come.
    pub(super) fn begin_body(&self) {
        self.came.store(0, Ordering::Relaxed);
        self.enter(Phase::Body);
    }

    /// So many bytes of the body came.
    pub(super) fn came(&self, bytes: u64) {
        self.came.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Nothing more is awaited of the body.
    pub(super) fn end_body(&self) {
        if self.phase() == Phase::Body {
            self.enter(Phase::Served);
        }
    }

    /// Milliseconds that the body has earned with what came of it.
    pub(super) fn earned(&self) -> u64 {
        self.came.load(Ordering::Relaxed).saturating_mul(1_000) / SLOWEST_BODY
    }

    /// When its phase began, in milliseconds since the listener was made.
    pub(super) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.since.store(self.limiter.now(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
        if matches!(phase, Phase::Served | Phase::Body) {
            self.asked.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn is_sent_away(&self) -> bool {
        self.sent_away.load(Ordering::Acquire)
    }

    pub(super) fn send_away(&self) {
        self.sent_away.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(super) fn owed(&self) -> usize {
        self.owed.load(Ordering::Relaxed)
    }

    /// An answer of so many bytes is on its way to it.
    pub(super) fn owes(&self, bytes: usize) {
        self.owed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So much of it is not in memory any more.
    pub(super) fn took(&self, bytes: usize) {
        self.owed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether its client may have one more handshake.
    pub(super) fn may_greet(&self) -> bool {
        self.limiter.client_limits.may_greet(self.client, Instant::now())
    }

    /// Its client sent something that is no request.
    pub(super) fn refused(&self) {
        self.limiter.client_limits.refused(self.client, Instant::now());
    }

    /// The connection is over.
    pub(super) fn leave(&self) {
        self.limiter.leave(self);
    }
}
