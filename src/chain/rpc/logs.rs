//! `eth_getLogs`, in ranges that each endpoint is willing to answer.
//!
//! Every endpoint has a span of its own: it halves when a question was refused, whatever the words, or was not answered in
//! time, and grows again when it goes well. Some say to a question that is too dear that they are asked too often: it halves
//! for that, too, where they go on saying so and answer a small question in between. A range ends at what that endpoint itself calls its head, less the blocks by
//! which its backend for logs turned out to be behind: beyond it some answer with an error, and some with nothing. One block
//! that is refused by itself is read by its receipts. An endpoint that refuses those as well, again and again, is left alone
//! with its logs for a while, and named; in everything else it is asked as before.
//!
//! Behind one address there may be nodes of which some lack what others have. A range that is refused for that is asked for
//! once more as it is; whoever tells it then is named, and its span stays.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::ask::{Failed, decoded};
use super::endpoint::Admission;
use super::error::{EndpointError, RpcError};
use super::hedged::HedgedCalls;
use super::http::RpcOutcome;
use super::types::{BlockHeader, LogEntry, LogFilter};
use super::{EndpointIndex, Rpc};
use crate::chain::logs::{asked_for, oddity};
use crate::types::SafeText;

const METHOD: &str = "eth_getLogs";
/// Endpoints that take fewer blocks at once are asked after those that take more.
const CRAMPED: u64 = 256;
/// Before a range is asked for once more of an endpoint that has told such before.
const FICKLE_PAUSE: Duration = Duration::from_millis(250);

/// The logs of consecutive blocks, and who told them.
#[derive(Debug, Clone)]
pub(crate) struct LogRange {
    pub(crate) logs: Vec<LogEntry>,
    /// The last block that they cover.
    pub(crate) end: u64,
    pub(crate) endpoint: EndpointIndex,
}

/// Why one endpoint told no piece.
struct Miss {
    failed: Failed,
    /// It is asked for less the next time, so it can be asked at once.
    shorter: bool,
}

impl Miss {
    fn of(error: EndpointError) -> Self {
        Self {
            failed: Failed { error, again: None },
            shorter: false,
        }
    }
}

impl From<Failed> for Miss {
    fn from(failed: Failed) -> Self {
        Self {
            failed,
            shorter: false,
        }
    }
}

impl Rpc {
    /// Logs from block `from` on, as far as one endpoint tells them in one answer, at most to block `to`.
    ///
    /// # Errors
    /// No endpoint tells the logs of even the first block.
    pub(crate) async fn logs(&self, filter: &LogFilter, from: u64, to: u64) -> Result<LogRange, RpcError> {
        let give_up = Instant::now() + self.inner.config.patience;
        loop {
            let (mut attempts, mut shorter, mut retry_at) = (Vec::new(), false, None);
            let mut order = self.order();
            order.sort_by_key(|index| self.inner.endpoints[index.0].log_span() < CRAMPED);
            let ask = async |index| (index, self.piece(index, filter, from, to).await);
            let mut turns = HedgedCalls::new(self, METHOD, order, ask);
            while let Some((index, told)) = turns.next().await {
                match told {
                    Ok(piece) => return Ok(piece),
                    Err(miss) => {
                        shorter |= miss.shorter;
                        retry_at = retry_at.into_iter().chain(miss.failed.again).min();
                        attempts.push(self.attempt(index, miss.failed.error));
                    }
                }
            }
            match retry_at {
                _ if shorter => {}
                Some(at) if at < give_up => tokio::time::sleep_until(at).await,
                _ => {
                    return Err(RpcError::Unanswered {
                        method: METHOD,
                        attempts,
                    });
                }
            }
        }
    }

    async fn piece(
        &self,
        index: EndpointIndex,
        filter: &LogFilter,
        from: u64,
        to: u64,
    ) -> Result<LogRange, Miss> {
        let endpoint = &self.inner.endpoints[index.0];
        if let Some(why) = endpoint.tells_no_logs() {
            return Err(Miss::of(EndpointError::NoLogs(why)));
        }
        let end = self.last_to_ask(index, from, to).await?;
        // asked too often, or for too much at once: its answer to a small question tells which
        if endpoint.refuses_logs_as_too_often() {
            self.learn_head(index).await?;
        }
        let blocks = end - from + 1;
        let above = endpoint.above_last(end);
        let asked = matches!(endpoint.admission(self.inner.config.recheck), Admission::Ready);
        let piece = |logs, end| LogRange {
            logs,
            end,
            endpoint: index,
        };
        let failed = match self.ask_range(index, filter, (from, end), above).await {
            Ok(logs) => {
                endpoint.told_logs(blocks, above);
                return Ok(piece(logs, end));
            }
            Err(failed) => failed,
        };
        let as_too_often = asked && matches!(failed.error, EndpointError::RateLimited(_));
        let is_too_much = as_too_often && endpoint.refused_logs_as_too_often();
        if blocks == 1 && is_too_much {
            // its receipts are not asked for either while it wants to be left alone
            endpoint.told_no_logs(&failed.error);
            return Err(Miss::from(failed));
        }
        // another node behind its address has the blocks, so the range is not what is wrong
        if above.is_none() && failed.error.lacks_blocks() && endpoint.is_fickle_with_logs() {
            let again = Some(Instant::now() + FICKLE_PAUSE);
            return Err(Miss::from(Failed { again, ..failed }));
        }
        if blocks == 1 && failed.error.may_be_too_big() {
            let logs = self.one_block(index, filter, end, above, failed).await?;
            return Ok(piece(logs, end));
        }
        // the newest block may be all that is too much
        if above.is_some()
            && matches!(failed.error, EndpointError::NotHere(_))
            && let Some(logs) = self.all_but_newest(index, filter, (from, end), above).await
        {
            return Ok(piece(logs, end - 1));
        }
        let shorter = blocks > 1 && (is_too_much || failed.error.may_be_too_big());
        if shorter {
            let error = &failed.error;
            tracing::debug!(target: "chain", endpoint = %endpoint.name, from, end, %error, "log range refused, asking for half");
            endpoint.refused_logs(blocks);
            // a page of whoever stands before it may be all that it says to a question that is too big
            if error.is_of_somebody_there() {
                endpoint.forgiven();
            }
        }
        Err(Miss { failed, shorter })
    }

    /// The last block of a range that begins at `from`, as long as an endpoint is asked for at once and has logs.
    async fn last_to_ask(&self, index: EndpointIndex, from: u64, to: u64) -> Result<u64, Miss> {
        let endpoint = &self.inner.endpoints[index.0];
        let end = to.min(from.saturating_add(endpoint.log_span() - 1));
        if endpoint.logs_end().is_some_and(|known| end <= known) {
            return Ok(end);
        }
        self.learn_head(index).await?;
        let last = endpoint.logs_end().unwrap_or(end);
        if from > last {
            return Err(Miss::of(EndpointError::Behind(last)));
        }
        Ok(end.min(last))
    }

    /// What an endpoint tells of these blocks but the last, which is the newest, where it tells that. By what it says of the
    /// last it is found out whether that was too much, or one block more than it takes at once.
    async fn all_but_newest(
        &self,
        index: EndpointIndex,
        filter: &LogFilter,
        (from, end): (u64, u64),
        above: Option<u64>,
    ) -> Option<Vec<LogEntry>> {
        let logs = self.ask_logs(index, filter, from, end - 1).await.ok()?;
        let too_many = match self.ask_logs(index, filter, end, end).await {
            Ok(_) => true,
            Err(failed) => self.one_block(index, filter, end, above, failed).await.is_ok(),
        };
        if too_many {
            self.inner.endpoints[index.0].refused_logs(end - from + 1);
        }
        Some(logs)
    }

    /// What an endpoint tells of one block whose logs it refused. There is nothing smaller to ask for, so the receipts tell
    /// them. Of its newest block it may have no logs yet: where the receipts hold no more than one, which no limit is below,
    /// that is why it refused.
    async fn one_block(
        &self,
        index: EndpointIndex,
        filter: &LogFilter,
        number: u64,
        above: Option<u64>,
        refused: Failed,
    ) -> Result<Vec<LogEntry>, Miss> {
        let endpoint = &self.inner.endpoints[index.0];
        let told = self.logs_by_receipts(index, filter, number).await;
        let above = above.filter(|_| matches!(refused.error, EndpointError::NotHere(_)));
        match told {
            Ok(logs) if above.is_none() || logs.len() > 1 => Ok(logs),
            _ if above.is_some_and(|above| endpoint.logs_are_behind(above)) => {
                Err(Miss::of(EndpointError::Behind(number.saturating_sub(1))))
            }
            Ok(logs) => Ok(logs),
            Err(_) => {
                endpoint.told_no_logs(&refused.error);
                let why = SafeText::new(&refused.error.to_string());
                Err(Miss::of(EndpointError::NoLogs(why)))
            }
        }
    }

    /// As [`Rpc::ask_logs`], and once more where it says that it lacks blocks of that range: a balancer may stand before
    /// nodes of which some have them. One that then tells what it has just refused is named. Logs may come a moment after
    /// their blocks, so what it lacks of the newest says nothing of it.
    async fn ask_range(
        &self,
        index: EndpointIndex,
        filter: &LogFilter,
        (from, to): (u64, u64),
        above: Option<u64>,
    ) -> Result<Vec<LogEntry>, Failed> {
        let endpoint = &self.inner.endpoints[index.0];
        let again = above.is_none() || endpoint.is_fickle_with_logs();
        let refused = match self.ask_logs(index, filter, from, to).await {
            Err(refused) if again && refused.error.lacks_blocks() => refused,
            told => return told,
        };
        let told = self.ask_logs(index, filter, from, to).await;
        if told.is_ok() && above.is_none() {
            endpoint.is_fickle(METHOD, &refused.error);
        }
        told
    }

    async fn ask_logs(
        &self,
        index: EndpointIndex,
        filter: &LogFilter,
        from: u64,
        to: u64,
    ) -> Result<Vec<LogEntry>, Failed> {
        let params = json!([filter.to_json(from, to)]);
        let logs: Vec<LogEntry> = self.ask_and_read(index, METHOD, &params).await?;
        if let Some(what) = oddity(&logs) {
            self.blame_for_contradiction(index, &what);
        }
        Ok(asked_for(logs, filter, from, to))
    }

    pub(super) async fn learn_head(&self, index: EndpointIndex) -> Result<BlockHeader, Failed> {
        let (params, asked) = (json!(["latest", false]), Instant::now());
        let head: BlockHeader = self.ask_and_read(index, "eth_getBlockByNumber", &params).await?;
        self.inner.endpoints[index.0].told_newest(&head, asked);
        Ok(head)
    }

    pub(super) async fn ask_and_read<R: serde::de::DeserializeOwned>(
        &self,
        index: EndpointIndex,
        method: &'static str,
        params: &Value,
    ) -> Result<R, Failed> {
        match self.ask_one(index, method, params).await? {
            RpcOutcome::Result(raw) => self.read(index, method, &raw, decoded),
            RpcOutcome::Error(error) => Err(Failed {
                error: EndpointError::NotHere(error),
                again: None,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::fixture::node_that;
    use super::super::{EndpointState, RpcConfig};
    use super::*;
    use crate::types::RedactedUrl;

    const HEAD: u64 = 100_000;

    /// A balancer before two nodes, asked by turns, of which one has no logs of blocks that the other has. How often logs
    /// were asked for is counted.
    async fn balancer(asked: Arc<AtomicUsize>) -> RedactedUrl {
        node_that(move |call| {
            let hash = format!("0x{}", "05".repeat(32));
            match call["method"].as_str().unwrap() {
                "eth_chainId" => json!({"result": "0x1"}),
                "eth_getBlockByNumber" if call["params"][0] == "0x0" => json!({"result": null}),
                "eth_getBlockByNumber" => json!({"result": {
                    "number": format!("{HEAD:#x}"), "hash": hash, "parentHash": hash, "timestamp": "0x1",
                }}),
                "eth_getLogs" => match asked.fetch_add(1, Ordering::SeqCst) % 2 {
                    0 => json!({"error": {"code": -32000, "message": "unknown block"}}),
                    _ => json!({"result": []}),
                },
                other => panic!("{other}: logs are told, so nothing else is asked"),
            }
        })
        .await
    }

    /// The range was halved down to one block, and every old block asked for by itself again and again.
    #[tokio::test]
    async fn a_range_that_one_of_two_nodes_lacks_is_asked_for_again_and_not_halved() {
        let asked = Arc::new(AtomicUsize::new(0));
        let url = balancer(Arc::clone(&asked)).await;
        let rpc = Rpc::new(RpcConfig::new(vec![url], 1)).unwrap();
        let filter = LogFilter {
            addresses: Vec::new(),
            topics: Vec::new(),
        };
        let (mut from, mut pieces) = (1, 0);
        while from < HEAD / 2 {
            let piece = rpc.logs(&filter, from, HEAD / 2).await.unwrap();
            from = piece.end + 1;
            pieces += 1;
        }
        assert!(pieces <= HEAD / 2 / 2_000, "{pieces}");
        assert_eq!(asked.load(Ordering::SeqCst) as u64, 2 * pieces);
        let health = &rpc.health()[0];
        assert_eq!((health.state, health.log_span), (EndpointState::Healthy, None));
        let named = health.odd.as_ref().unwrap().as_str();
        assert_eq!(
            named,
            "eth_getLogs: tells logs of the same range sometimes and sometimes not: unknown block (code -32000)"
        );
    }
}
