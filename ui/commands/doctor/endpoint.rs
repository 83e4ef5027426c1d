//! One execution endpoint by itself: its chain, whether it follows it, and how it tells logs. And how far the endpoints are
//! apart.

use casimir_dkg::chain::rpc::{LogTrial, Rpc, RpcConfig};
use casimir_dkg::chain::{AHEAD_HEAD_S, STALE_HEAD_S};
use casimir_dkg::config::{Config, NetworkName};
use casimir_dkg::http::Http;
use casimir_dkg::types::{RedactedUrl, UnixMillis, counted};

use super::{Finding, Report};

/// Endpoints are a block or a few apart all the time. Further apart, one of them is wrong or far behind.
const APART: u64 = 16;
/// Whoever tells fewer blocks at once is asked after the others.
const FEW: u64 = 256;

/// The newest block of an endpoint to go on with.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) endpoint: RedactedUrl,
    pub(super) number: u64,
    /// Seconds since the Unix epoch.
    pub(super) timestamp: u64,
}

pub(super) fn limits(config: &Config, http: &Http, urls: Vec<RedactedUrl>) -> RpcConfig {
    RpcConfig {
        deadline: config.rpc.timeout,
        // a person waits
        patience: config.rpc.timeout,
        calls_per_second: config.rpc.calls_per_second,
        http: http.clone(),
        ..RpcConfig::new(urls, config.network.chain_id)
    }
}

/// Gives its newest block, where it is one to go on with.
pub(super) async fn examine(
    config: &Config,
    http: &Http,
    url: &RedactedUrl,
    report: &mut Report,
) -> Option<Newest> {
    let what = format!("rpc {url}");
    let rpc = match Rpc::new(limits(config, http, vec![url.clone()])) {
        Ok(rpc) => rpc,
        Err(e) => {
            report.add(Finding::fail(&what, e.to_string(), ""));
            return None;
        }
    };
    if let Err(e) = rpc.verify_chain().await {
        let hint = "is the node running, and is it on the network of network.name?";
        report.add(Finding::fail(&what, e.to_string(), hint));
        return None;
    }
    let head = match rpc.head().await {
        Ok(head) => head,
        Err(e) => {
            let hint =
                "it serves the chain and tells no newest block: ask the provider, or name another endpoint";
            report.add(Finding::fail(&what, e.to_string(), hint));
            return None;
        }
    };
    let newest = Newest {
        endpoint: url.clone(),
        number: head.number(),
        timestamp: head.timestamp(),
    };
    report.add(dated(config, &what, rpc.chain_id(), &newest));
    report.add(syncing(&what, rpc.says_it_is_syncing().await));
    report.add(logs(
        &what,
        rpc.try_logs_out(config.contract.address).await,
        newest.number.saturating_sub(config.contract.from_block),
    ));
    Some(newest)
}

fn dated(config: &Config, what: &str, chain: u64, newest: &Newest) -> Finding {
    let (now, then) = (UnixMillis::now().0 / 1000, newest.timestamp);
    let found = format!(
        "chain {chain}, head {}, {} s old",
        newest.number,
        now.saturating_sub(then)
    );
    let public = config.network.name != NetworkName::Devnet;
    if then > now + AHEAD_HEAD_S {
        let ahead = format!("{found}; the head is {} s in the future", then - now);
        return Finding::fail(what, ahead, "this machine's clock is behind: set it by NTP");
    }
    if public && now - then.min(now) > STALE_HEAD_S {
        let hint = "the node is behind, or this machine's clock is ahead";
        return Finding::warn(what, found, hint);
    }
    Finding::ok(what, found)
}

fn syncing<E: ToString>(what: &str, says: Result<bool, E>) -> Finding {
    let what = format!("{what}: sync");
    match says {
        Ok(false) => Finding::ok(&what, "says that it is in sync"),
        Ok(true) => Finding::warn(
            &what,
            "says that it is still syncing: what it tells is old, and what it lacks proves nothing",
            "wait until it is in sync, or name another endpoint in rpc.urls",
        ),
        Err(why) => Finding::warn(
            &what,
            format!("does not say whether it is in sync: {}", why.to_string()),
            "what it lacks at the start is then not known instead of absent; everything else goes on",
        ),
    }
}

/// `history`: blocks that the manager's events are read of at the first start.
fn logs<E: ToString>(what: &str, tried: Result<LogTrial, E>, history: u64) -> Finding {
    let what = format!("{what}: logs");
    let LogTrial {
        blocks,
        limited,
        behind,
    } = match tried {
        Ok(tried) => tried,
        Err(why) => {
            return Finding::fail(
                &what,
                format!(
                    "eth_getLogs is refused, also for a single block: {}",
                    why.to_string()
                ),
                "requests are not seen by this endpoint: take a plan of its provider that has logs, or name another \
                 endpoint in rpc.urls",
            );
        }
    };
    let at_once = counted(usize::try_from(blocks).unwrap_or(usize::MAX), "block");
    let mut found = format!("tells the logs of {at_once} at once");
    let mut hints = Vec::new();
    if limited {
        let calls = counted(
            usize::try_from(history.div_ceil(blocks.max(1))).unwrap_or(usize::MAX),
            "call",
        );
        found = format!("{found} and refuses more: the contract's history takes {calls}");
        if blocks < FEW {
            hints.push(
                "it goes on by itself, only slowly; an endpoint that takes more at once is asked before it",
            );
        }
    }
    if behind > 0 {
        let behind = counted(usize::try_from(behind).unwrap_or(usize::MAX), "block");
        found = format!("{found}; its logs are {behind} behind its head");
        hints.push("requests are seen that much later; it goes on by itself");
    }
    match hints.is_empty() {
        true => Finding::ok(&what, found),
        false => Finding::warn(&what, found, &hints.join("; ")),
    }
}

/// How far the newest blocks of the endpoints are apart, where there is more than one to compare.
pub(super) fn spread(all: &[Newest]) -> Option<Finding> {
    const WHAT: &str = "heads";
    let highest = all.iter().max_by_key(|newest| newest.number)?;
    let lowest = all.iter().min_by_key(|newest| newest.number)?;
    if all.len() < 2 {
        return None;
    }
    let apart = highest.number - lowest.number;
    let blocks = counted(usize::try_from(apart).unwrap_or(usize::MAX), "block");
    if apart <= APART {
        let found = format!("the newest blocks of {} endpoints are {blocks} apart", all.len());
        return Some(Finding::ok(WHAT, found));
    }
    Some(Finding::warn(
        WHAT,
        format!(
            "{} is at block {}, {blocks} behind {}",
            lowest.endpoint, lowest.number, highest.endpoint
        ),
        "one of them is behind or claims blocks that there are not: no block is read beyond the second highest of them \
         unless the lower one says that it is syncing; look at both",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;

    #[test]
    fn what_an_endpoint_says_of_its_sync_has_a_line_with_the_way_on() {
        let grade = |says: Result<bool, &str>| syncing("rpc a", says).grade;
        assert_eq!(grade(Ok(false)), Grade::Ok);
        assert_eq!(grade(Ok(true)), Grade::Warn);
        assert_eq!(grade(Err("method not found")), Grade::Warn);
        let silent = syncing("rpc a", Err::<bool, _>("method not found"));
        assert!(silent.found.as_str().contains("method not found"), "{silent:?}");
        assert!(silent.hint.is_some());
    }

    #[test]
    fn how_an_endpoint_tells_logs_has_a_line_with_the_way_on() {
        let told = |blocks, limited, behind| {
            let trial = LogTrial {
                blocks,
                limited,
                behind,
            };
            logs("rpc a", Ok::<_, &str>(trial), 1_000_000)
        };
        assert_eq!(told(2_000, false, 0).grade, Grade::Ok);
        assert_eq!(told(1_000, true, 0).grade, Grade::Ok);
        let few = told(10, true, 0);
        assert_eq!(few.grade, Grade::Warn);
        assert!(few.found.as_str().contains("takes 100000 calls"), "{few:?}");
        let behind = told(2_000, false, 1);
        assert_eq!(behind.grade, Grade::Warn);
        assert!(
            behind.found.as_str().ends_with("1 block behind its head"),
            "{behind:?}"
        );
        let refused = logs("rpc a", Err("not supported on free tier"), 1);
        assert_eq!(refused.grade, Grade::Fail);
        assert!(refused.found.as_str().contains("not supported on free tier"));
    }

    #[test]
    fn heads_that_are_far_apart_have_a_line_that_names_both() {
        let at = |name: &str, number| Newest {
            endpoint: RedactedUrl::new(name),
            number,
            timestamp: 0,
        };
        assert!(spread(&[at("http://a", 1)]).is_none());
        let near = spread(&[at("http://a", 100), at("http://b", 116)]).unwrap();
        assert_eq!(near.grade, Grade::Ok);
        let far = spread(&[at("http://a", 100), at("http://b", 117)]).unwrap();
        assert_eq!(far.grade, Grade::Warn);
        assert_eq!(
            far.found.as_str(),
            "http://a is at block 100, 17 blocks behind http://b"
        );
    }
}
