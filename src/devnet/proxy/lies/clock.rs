//! Timestamps that are off.

use serde_json::{Value, json};

use super::{hex, quantity, result_of};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::rpc::RpcCall;
use crate::devnet::proxy::scenario::{Reader, Table, shift};
use crate::types::quoted;

/// What carries a block's time.
pub(super) const METHODS: &[&str] = &[
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getLogs",
    "eth_subscription",
];

/// Seconds of a year of the Gregorian calendar on average: 365.2425 days.
const YEAR: i64 = 31_556_952;

/// By how much. The hashes of the blocks stay, so that nothing but the time tells the lie.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) enum Clock {
    /// Seconds.
    By(i64),
    /// So that the first time that is told falls into this year.
    Year(u64),
}

impl Clock {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let by = t.text(r, "shift");
        let year = t.number(r, "year", 1_000_000);
        match (by, year) {
            (Some(text), None) => {
                let seconds = shift(&text);
                if seconds.is_none() {
                    t.wrong(
                        r,
                        "shift",
                        format!("{} is no shift such as \"+25 h\" or \"-90 s\"", quoted(&text)),
                    );
                }
                seconds.map(Self::By)
            }
            (None, Some(year)) if year >= 1970 => Some(Self::Year(year)),
            _ => {
                t.wrong(r, "shift", "either `shift` or `year` (from 1970 on) is required");
                None
            }
        }
    }

    /// Shifts a time in seconds since 1970; none is before that.
    fn told(&self, time: u64, fired: &Fired) -> u64 {
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        let seconds = match self {
            Self::By(seconds) => *seconds,
            // found out once: else every block would begin the same year anew
            Self::Year(year) => fired.memory(|memory| {
                let now = 1970 + time / YEAR;
                let years = i64::try_from(*year).unwrap_or(i64::MAX) - now;
                *memory.shift.get_or_insert(years.saturating_mul(YEAR))
            }),
        };
        u64::try_from(time.saturating_add(seconds)).unwrap_or_default()
    }

    pub(super) fn after(&self, call: &RpcCall, reply: &mut Value, fired: &mut Fired) {
        let Some(result) = result_of(call, reply) else {
            return;
        };
        let one = |holder: &mut Value, key: &str| {
            let time = holder.get(key).and_then(quantity)?;
            let told = self.told(time, fired);
            holder[key] = hex(told);
            Some(told)
        };
        let told = match result {
            Value::Array(logs) => logs
                .iter_mut()
                .filter_map(|log| one(log, "blockTimestamp"))
                .last(),
            other => one(other, "timestamp").or_else(|| one(other, "blockTimestamp")),
        };
        if let Some(told) = told {
            fired.strike(&format!("said the time is {told}"));
        }
    }

    /// The genesis of the beacon chain, from which every slot's time follows.
    pub(super) fn rest(&self, body: &mut Value, fired: &mut Fired) {
        if let Some(time) = body.pointer_mut("/data/genesis_time")
            && let Some(true_time) = time.as_str().and_then(|text| text.parse().ok())
        {
            let told = self.told(true_time, fired);
            *time = json!(told.to_string());
            fired.strike(&format!("said genesis was at {told}"));
        }
    }
}
