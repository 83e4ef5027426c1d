//! When a rule strikes: always, from a call on, some times, now and then, for a time, between two levers.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::reader::Reader;
use super::table::Table;

/// All of its conditions must hold. The calls are counted from when the rule was switched on, while its time and its
/// levers hold.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct When {
    from_call: u64,
    every: u64,
    times: Option<u64>,
    after: Duration,
    lasts: Option<Duration>,
    chance: Option<f64>,
    seed: u64,
    pub(in crate::devnet::proxy) from_lever: Option<String>,
    pub(in crate::devnet::proxy) to_lever: Option<String>,
}

impl Default for When {
    fn default() -> Self {
        Self {
            from_call: 1,
            every: 1,
            times: None,
            after: Duration::ZERO,
            lasts: None,
            chance: None,
            seed: 0,
            from_lever: None,
            to_lever: None,
        }
    }
}

impl When {
    pub(super) fn read(r: &mut Reader<'_>, rule: &mut Table<'_>) -> Self {
        let Some(mut when) = rule.table(r, "when") else {
            return Self::default();
        };
        let least_one = |r: &mut Reader<'_>, when: &mut Table<'_>, key| {
            let number = when.number(r, key, u64::MAX);
            if number == Some(0) {
                when.wrong(r, key, "is counted from 1");
            }
            number.filter(|number| *number > 0)
        };
        let read = Self {
            from_call: least_one(r, &mut when, "from_call").unwrap_or(1),
            every: least_one(r, &mut when, "every").unwrap_or(1),
            times: least_one(r, &mut when, "times"),
            after: when.time(r, "after").unwrap_or_default(),
            lasts: when.time(r, "lasts"),
            chance: when.share(r, "chance"),
            seed: when.number(r, "seed", u64::MAX).unwrap_or_default(),
            from_lever: when.text(r, "from_lever"),
            to_lever: when.text(r, "to_lever"),
        };
        if when.has("seed") && !when.has("chance") {
            when.wrong(r, "seed", "does nothing without `chance`");
        }
        if when.has("chance") && !when.has("seed") {
            when.wrong(r, "chance", "needs `seed`: a fault must be repeatable");
        }
        when.finish(r);
        read
    }

    /// Its time and its levers hold. `levers` tells when each was pulled last, `on` when the rule was switched on, as
    /// numbers of one sequence.
    pub(in crate::devnet::proxy) fn open(
        &self,
        since: Duration,
        on: u64,
        levers: &BTreeMap<String, u64>,
    ) -> bool {
        let pulled = |lever: &Option<String>| {
            let at = lever.as_ref().and_then(|lever| levers.get(lever));
            at.copied().filter(|at| *at > on)
        };
        let begun = self.from_lever.is_none() || pulled(&self.from_lever).is_some();
        let ended = pulled(&self.to_lever)
            .is_some_and(|end| pulled(&self.from_lever).is_none_or(|start| end > start));
        let over = self.lasts.is_some_and(|lasts| since >= self.after + lasts);
        begun && !ended && since >= self.after && !over
    }

    /// Whether it depends on the single call, which a standing connection is not.
    pub(in crate::devnet::proxy) fn counts_calls(&self) -> bool {
        self.from_call > 1 || self.every > 1 || self.times.is_some() || self.chance.is_some()
    }

    /// Whether the call with this number, from 1, is struck, when it has struck so often.
    pub(in crate::devnet::proxy) fn strikes(&self, call: u64, struck: u64, dice: &mut ChaCha8Rng) -> bool {
        // thrown for every call, so that the same call is struck whatever else happens
        let luck = self.chance.is_none_or(|chance| dice.gen_bool(chance));
        call >= self.from_call
            && (call - self.from_call).is_multiple_of(self.every)
            && self.times.is_none_or(|times| struck < times)
            && luck
    }

    pub(in crate::devnet::proxy) fn dice(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(when: &When, calls: u64) -> Vec<u64> {
        let mut dice = when.dice();
        let mut struck = Vec::new();
        for call in 1..=calls {
            if when.strikes(call, struck.len() as u64, &mut dice) {
                struck.push(call);
            }
        }
        struck
    }

    #[test]
    fn calls_are_counted() {
        let when = When::default();
        assert_eq!(struck(&when, 3), [1, 2, 3]);
        let when = When {
            from_call: 3,
            every: 2,
            times: Some(2),
            ..When::default()
        };
        assert_eq!(struck(&when, 10), [3, 5]);
        let when = When {
            chance: Some(0.5),
            seed: 7,
            ..When::default()
        };
        let some = struck(&when, 100);
        assert_eq!(some, struck(&when, 100), "one seed, one course");
        assert!((30..70).contains(&some.len()), "{}", some.len());
        let other = When { seed: 8, ..when };
        assert_ne!(some, struck(&other, 100));
    }

    #[test]
    fn levers_and_time_open_and_close() {
        let second = Duration::from_secs(1);
        let when = When {
            after: second,
            lasts: Some(second),
            ..When::default()
        };
        let none = BTreeMap::new();
        for (tenths, open) in [(0, false), (9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(when.open(second / 10 * tenths, 0, &none), open, "{tenths}");
        }
        let when = When {
            from_lever: Some("cut".into()),
            to_lever: Some("mended".into()),
            ..When::default()
        };
        let levers = |cut, mended| BTreeMap::from([("cut".into(), cut), ("mended".into(), mended)]);
        assert!(!when.open(second, 0, &none));
        assert!(
            !when.open(second, 5, &levers(3, 1)),
            "pulled before the rule was on"
        );
        assert!(when.open(second, 0, &levers(3, 1)));
        assert!(!when.open(second, 0, &levers(3, 4)));
        let when = When {
            from_lever: None,
            ..when
        };
        assert!(when.open(second, 0, &none));
        assert!(!when.open(second, 0, &levers(9, 1)));
    }
}
