//! What SSV will have of a deposit, before it is sent. The manager swaps fees with a minimum of zero, so a pool without
//! liquidity, or somebody who trades around it, leaves SSV nothing and the deposit succeeds all the same.
//!
//! | check | passes | fails | unknown |
//! |---|---|---|---|
//! | `ssv-amount` | SSV gets at least the floor | it gets less | no node tells what the call would log |
//! | `ssv-runway` | the cluster lasts at least the floor at present fees | it lasts less | the same, or SSV tells no fees |

use std::time::Duration;

use crate::config::Floors;
use crate::oracle::{Fact, FactKind, TransactionPayload};
use crate::ports::{Answer, At, Call, Execution, Funding, Ssv};
use crate::types::{Check, ClusterSnapshot, Round, counted, format_ssv, rounded_ssv};

/// Seconds between two blocks of Ethereum.
const BLOCK_S: u64 = 12;
const DAY_S: u64 = 86_400;

/// Tries out exactly what would be sent, and reads what it leaves at SSV.
pub(super) async fn foresee(
    execution: &dyn Execution,
    ssv: &dyn Ssv,
    payload: &TransactionPayload,
    before: &ClusterSnapshot,
) -> Answer<Funding> {
    let call = Call {
        from: payload.from,
        to: payload.to,
        data: payload.data.clone(),
        value_wei: payload.value_wei,
    };
    match execution.foresee(&call).await {
        Answer::Yes(logs) => ssv.funding(&logs, before, At::Latest).await,
        Answer::No(evidence) => Answer::not_known(evidence),
        Answer::NotKnown(why) => Answer::NotKnown(why),
    }
}

/// One for each floor that is set.
pub(super) fn checks(funding: &Answer<Funding>, floors: &Floors) -> Vec<Check> {
    let amount = floors.min_ssv.map(|least| {
        funding.check("ssv-amount", |funding| {
            let words = format!(
                "SSV gets {}, the floor is {}",
                rounded_ssv(funding.received, Round::Down),
                format_ssv(least)
            );
            (funding.received >= least, words)
        })
    });
    let runway = floors.min_runway.map(|least| {
        let blocks = funding.as_ref().and_then(|funding| funding.runway_blocks.clone());
        blocks.check("ssv-runway", |blocks| {
            let words = format!(
                "the SSV cluster lasts {} at present fees, the floor is {}",
                lasts(*blocks),
                days(least.as_secs())
            );
            (Duration::from_secs(seconds(*blocks)) >= least, words)
        })
    });
    amount.into_iter().chain(runway).collect()
}

/// The same for the person who decides, whether there are floors or not.
pub(super) fn facts(funding: &Answer<Funding>) -> Vec<Fact> {
    const RECEIVED: &str = "SSV receives";
    let amount = |label, value| Fact::new(label, FactKind::Amount, value);
    let there = |amount| rounded_ssv(amount, Round::Down);
    match funding.as_ref().value() {
        Ok(funding) => {
            let runway = |blocks: &Answer<u64>| match blocks.as_ref().value() {
                Ok(blocks) => lasts(*blocks),
                Err(why) => format!("not known: {why}"),
            };
            let new = || "no validator is in it".to_owned();
            let since_event = |told: String| format!("{told} at its newest event");
            let before = funding.before.as_ref();
            let balance = before.map_or_else(new, |before| since_event(there(before.balance)));
            let lasted = before.map_or_else(new, |before| since_event(runway(&before.runway_blocks)));
            vec![
                amount(RECEIVED, there(funding.received)),
                amount("SSV cluster before", balance),
                amount("SSV cluster afterwards", there(funding.balance)),
                amount("until its liquidation before, at present fees", lasted),
                amount(
                    "until its liquidation, at present fees",
                    runway(&funding.runway_blocks),
                ),
            ]
        }
        Err(why) => vec![amount(RECEIVED, format!("not known: {why}"))],
    }
}

fn seconds(blocks: u64) -> u64 {
    blocks.saturating_mul(BLOCK_S)
}

fn lasts(blocks: u64) -> String {
    match blocks {
        u64::MAX => "without end, since nothing burns".to_owned(),
        blocks => days(seconds(blocks)),
    }
}

fn days(seconds: u64) -> String {
    counted(usize::try_from(seconds / DAY_S).unwrap_or(usize::MAX), "day")
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;

    use super::*;
    use crate::ports::FundingBefore;
    use crate::types::CheckStatus;

    fn floors() -> Floors {
        Floors {
            min_ssv: Some(U256::from(100)),
            min_runway: Some(Duration::from_secs(30 * DAY_S)),
        }
    }

    fn funding(received: u64, runway_blocks: Answer<u64>) -> Answer<Funding> {
        Answer::Yes(Funding {
            received: U256::from(received),
            balance: U256::from(5_000),
            runway_blocks,
            before: None,
        })
    }

    fn statuses(funding: &Answer<Funding>, floors: &Floors) -> Vec<(String, CheckStatus)> {
        let checks = checks(funding, floors);
        checks
            .into_iter()
            .map(|check| (check.name, check.status))
            .collect()
    }

    #[test]
    fn floors_hold_and_what_nobody_tells_is_unknown() {
        use CheckStatus::{Fail, Pass, Unknown};
        let expected = |amount, runway| {
            let named = [("ssv-amount", amount), ("ssv-runway", runway)];
            named.map(|(name, status)| (name.to_owned(), status)).to_vec()
        };
        let days = |days: u64| Answer::Yes(days * DAY_S / BLOCK_S);
        let of = |funding| statuses(&funding, &floors());
        assert_eq!(of(funding(100, days(30))), expected(Pass, Pass));
        assert_eq!(of(funding(99, days(30))), expected(Fail, Pass));
        // a swap that was sandwiched, and a cluster that others paid for
        assert_eq!(of(funding(0, Answer::Yes(u64::MAX))), expected(Fail, Pass));
        assert_eq!(of(funding(100, days(29))), expected(Pass, Fail));
        assert_eq!(
            of(funding(100, Answer::not_known("no fees"))),
            expected(Pass, Unknown)
        );
        let silent = Answer::not_known("no eth_simulateV1");
        assert_eq!(of(silent.clone()), expected(Unknown, Unknown));
        let none = Floors::default();
        assert_eq!(statuses(&silent, &none), []);
        assert!(facts(&silent)[0].value.as_str().starts_with("not known"));
        let values = |funding: &Answer<Funding>| -> Vec<String> {
            facts(funding).iter().map(|fact| fact.value.to_string()).collect()
        };
        let told = values(&funding(7, days(2)));
        assert_eq!(told[1], "no validator is in it");
        assert_eq!(
            (told[3].as_str(), told[4].as_str()),
            ("no validator is in it", "2 days")
        );
        let before = FundingBefore {
            balance: U256::from(10u64.pow(18)),
            runway_blocks: days(3),
        };
        let grown = funding(7, days(2)).map(|funding| Funding {
            before: Some(before),
            ..funding
        });
        let told = values(&grown);
        assert_eq!(
            (told[1].as_str(), told[3].as_str()),
            ("1 SSV at its newest event", "3 days at its newest event")
        );
    }
}
