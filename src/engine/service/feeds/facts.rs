//! The state of the contract and of the oracle's account at a head, as far as it can be believed: what one endpoint tells of
//! the account, or of registrations, and another denies is told as that.

use std::time::Duration;

use alloy::primitives::U256;

use super::chain::Sources;
use super::known::{Alone, Believed, Known};
use crate::chain::intake::Head;
use crate::oracle::{AccountFacts, ChainFacts, Listed};
use crate::ports::agreed::{self, QueueState};
use crate::ports::{Accord, Answer, At, Unknown};
use crate::types::{BlockRef, SafeText};

/// Registrations that are counted by logs are waited for so long: everything else of the state is there by then.
const COUNTED_WITHIN: Duration = Duration::from_secs(1);

/// What was told at earlier heads.
#[derive(Debug)]
pub(super) struct Before {
    /// What the account has sent.
    sent: Known<u64>,
    /// What it has.
    balance: Known<U256>,
    /// What waits in more than one endpoint's pool.
    waiting: Option<u64>,
    /// The manager's queue.
    queue: Known<QueueState>,
    /// The number of the next registration, where logs count it.
    count: Known<u64>,
    /// The newest number of a registration, and the block whose state told it.
    owner_nonce: Option<(BlockRef, u64)>,
}

impl Default for Before {
    fn default() -> Self {
        Self {
            sent: Known::accusing(),
            balance: Known::default(),
            waiting: None,
            queue: Known::default(),
            count: Known::default(),
            owner_nonce: None,
        }
    }
}

impl Before {
    /// What is to be said of how far the endpoints bear each other out, by the subject under which that is an alarm; empty
    /// where they do.
    pub(super) fn doubts(&self) -> [(&'static str, SafeText); 4] {
        let account = [&self.sent.contradicted, &self.balance.contradicted];
        let account = account.into_iter().find(|words| !words.as_str().is_empty());
        let alone = self.alone();
        let rested_on = alone.iter().find(|alone| !alone.is_news);
        let alone = rested_on.or(alone.first()).map(|Alone { why, is_news }| {
            let words = match is_news {
                false => format!("what is shown of the contract and the account rests on one voice: {why}"),
                true => format!("one endpoint tells what nobody bears out yet; what two told stays: {why}"),
            };
            SafeText::new(&words)
        });
        [
            ("account", account.cloned().unwrap_or_default()),
            ("state", self.queue.contradicted.clone()),
            ("count", self.count.contradicted.clone()),
            ("voices", alone.unwrap_or_default()),
        ]
    }

    fn alone(&self) -> Vec<Alone<'_>> {
        let (queue, count) = (self.queue.alone(), self.count.alone());
        let all = [queue, self.sent.alone(), self.balance.alone(), count];
        all.into_iter().flatten().collect()
    }
}

/// Reads the state at `head`.
///
/// # Errors
/// What could not be read, in words.
pub(super) async fn read(from: &Sources, head: Head, before: &mut Before) -> Result<ChainFacts, Unknown> {
    let (at, block) = (At::block(head.block), head.block);
    let (queue, account) = tokio::join!(QueueState::read(&*from.manager, at), account(from, at));
    let queue = before
        .queue
        .vouched(block, queue?, || agreed::on_state(&*from.agreement, block));
    let queue = queue.await;
    let owner_nonce = owner_nonce(from, block, &queue, before).await;
    let account = match account? {
        Some(account) => Some(vouched(from, block, account, before).await),
        None => None,
    };
    let QueueState {
        ready,
        pending,
        staked,
        ..
    } = queue.value;
    Ok(ChainFacts {
        head: Some(block),
        listed: match queue.at {
            Some(at) if at == block => Listed::AtHead,
            Some(at) => Listed::Earlier(at),
            None => Listed::Nowhere,
        },
        finalized: head.finalized,
        base_fee_wei: head.base_fee_wei.unwrap_or_default(),
        ready,
        pending,
        staked,
        owner_nonce,
        account,
        one_voice: before.queue.alone().and_then(Alone::rested_on),
        account_one_voice: before.sent.alone().and_then(Alone::rested_on),
    })
}

/// The number that the next registration takes: what the state implies, else what the logs count, as far as they were
/// read. None where one voice alone tells it and others deny that, or do not say it yet. Whether it is sure is the desk's
/// to judge, before anything rests on it.
async fn owner_nonce(
    from: &Sources,
    block: BlockRef,
    queue: &Believed<QueueState>,
    before: &mut Before,
) -> Option<u64> {
    if queue.is_open {
        return None;
    }
    let agreement = &*from.agreement;
    match queue.value.implied {
        Some(told) => {
            let implied = async || {
                let (accord, state) = agreed::on_state(agreement, block).await;
                (accord, state.and_then(|state| state.implied))
            };
            not_behind(from, block, told, &mut before.owner_nonce, implied).await
        }
        None => {
            let told = counted(from, block, before).await?;
            let count = async || agreed::on_count(agreement, block).await;
            not_behind(from, block, told, &mut before.owner_nonce, count).await
        }
    }
}

/// What the logs count, as far as they were read.
async fn counted(from: &Sources, block: BlockRef, before: &mut Before) -> Option<u64> {
    let state = tokio::time::timeout(COUNTED_WITHIN, from.ssv.state(block, &[])).await;
    let told = state.ok().and_then(Answer::yes)?.owner_nonce;
    // one that falls is judged by whether a reorganisation took some
    if before.owner_nonce.is_some_and(|(_, newest)| told < newest) {
        return Some(told);
    }
    let count = before
        .count
        .vouched(block, told, || agreed::on_count(&*from.agreement, block));
    let count = count.await;
    (!count.is_open).then_some(count.value)
}

/// A number that a lone endpoint told once is not held against it for more blocks than this, an epoch of them.
const REMEMBERED: u64 = 32;

/// The number of the next registration never falls in one chain: who tells a lower one than was told before lags or lies,
/// and what is approved is not void for it. What the endpoints agree on then is it: a lower one, where a reorganisation took the
/// others, and a higher one, where whoever told this one has lost some. Where nobody else is there to say it, and the lower one
/// is told on and on, the higher one was wrong.
async fn not_behind(
    from: &Sources,
    block: BlockRef,
    told: u64,
    newest: &mut Option<(BlockRef, u64)>,
    ask: impl AsyncFnOnce() -> (Accord, Option<u64>),
) -> Option<u64> {
    let mut believed = told;
    if let Some((at, before)) = *newest
        && told < before
    {
        let is_gone = async || {
            let stands = from.execution.block_at(at.number).await;
            matches!(stands, Answer::Yes(there) if there != at)
        };
        let is_long_ago = block.number >= at.number.saturating_add(REMEMBERED);
        believed = match ask().await {
            (Accord::Agree { .. } | Accord::Outvoted { .. }, said) => said?,
            (Accord::Alone, _) if is_long_ago || is_gone().await => told,
            // that its block is gone is the word of the one that tells the lower number
            (Accord::TooFew { .. }, said)
                if said.is_none_or(|said| said == told) && is_long_ago && is_gone().await =>
            {
                told
            }
            _ => return None,
        };
    }
    *newest = Some((block, believed));
    Some(believed)
}

/// The account as more than one endpoint tells it, where several are configured: one voice can accuse a stranger, and a
/// number that no transaction reaches would be given out by it.
async fn vouched(from: &Sources, block: BlockRef, told: AccountFacts, before: &mut Before) -> AccountFacts {
    let (agreement, address) = (&*from.agreement, told.address);
    let (sent, balance) = tokio::join!(
        before
            .sent
            .vouched(block, told.next, || agreed::on_sent(agreement, address, block)),
        before
            .balance
            .vouched(block, told.balance_wei, || agreed::on_balance(
                agreement, address, block
            )),
    );
    let mut account = AccountFacts {
        next: sent.value,
        balance_wei: balance.value,
        is_open: sent.is_open,
        ..told
    };
    if told.pending > account.next && before.waiting != Some(told.pending) {
        let accord = agreed::on_waiting(agreement, address, told.pending).await;
        if accord.bears_out() {
            before.waiting = Some(told.pending);
        } else {
            // an honest pool may have what others have not yet: nothing rests on it before they have
            account.pending = account.next;
        }
    }
    account
}

/// The oracle's account, where one is configured.
async fn account(from: &Sources, at: At) -> Result<Option<AccountFacts>, Unknown> {
    let Some(address) = from.oracle else {
        return Ok(None);
    };
    let execution = &from.execution;
    let (balance, next, pending) = tokio::join!(
        execution.balance(address, at),
        execution.nonce(address, at),
        execution.nonce(address, At::Pending)
    );
    Ok(Some(AccountFacts {
        address,
        next: next.value()?,
        pending: pending.value()?,
        balance_wei: balance.value()?,
        is_open: false,
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alloy::primitives::Address;
    use tokio::sync::watch;

    use super::*;
    use crate::chain::agreement::Voices;
    use crate::engine::service::feeds::tip::Pace;
    use crate::ports::Voice;
    use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};
    use crate::types::{PoolId, Root};

    /// What the feed makes of an account and a registration number that `first` tells, beside `second`.
    struct Told {
        account: AccountFacts,
        owner_nonce: Option<u64>,
        alarm: String,
    }

    async fn told(
        first: FakeExecution,
        second: FakeExecution,
        registrations: [u64; 2],
        before: &mut Before,
    ) -> Told {
        told_at(
            9,
            vec![(first, registrations[0]), (second, registrations[1])],
            before,
        )
        .await
    }

    /// What each of the endpoints says at the block of this number; the first is the one that is asked.
    async fn told_at(number: u64, voices: Vec<(FakeExecution, u64)>, before: &mut Before) -> Told {
        let manager = || FakeManager {
            implied_nonce: None,
            ..FakeManager::default()
        };
        let voices = voices.into_iter();
        let voices = voices.map(|(execution, registrations)| (execution, manager(), registrations));
        let facts = facts_at(number, voices.collect(), before).await;
        Told {
            account: facts.account.unwrap(),
            owner_nonce: facts.owner_nonce,
            alarm: before.doubts()[0].1.to_string(),
        }
    }

    async fn facts_at(
        number: u64,
        voices: Vec<(FakeExecution, FakeManager, u64)>,
        before: &mut Before,
    ) -> ChainFacts {
        facts_read(number, None, voices, before).await
    }

    /// The same, where whoever is asked first said something else before all were asked.
    async fn facts_read(
        number: u64,
        first: Option<(FakeExecution, u64)>,
        voices: Vec<(FakeExecution, FakeManager, u64)>,
        before: &mut Before,
    ) -> ChainFacts {
        let counts = |registrations| {
            let Answer::Yes(mut state) = FakeSsv::default().state else {
                unreachable!("it tells a state")
            };
            state.owner_nonce = registrations;
            Arc::new(FakeSsv {
                state: Answer::Yes(state),
                ..FakeSsv::default()
            })
        };
        let named = ["a", "b", "c"].into_iter().zip(voices);
        let voices: Vec<Voice> = named
            .map(|(name, (execution, manager, registrations))| Voice {
                name: name.into(),
                execution: Arc::new(execution),
                manager: Arc::new(manager),
                ssv: counts(registrations),
            })
            .collect();
        let (ssv, execution) = match first {
            Some((execution, registrations)) => (counts(registrations) as _, Arc::new(execution) as _),
            None => (voices[0].ssv.clone(), voices[0].execution.clone()),
        };
        let from = Sources {
            manager: voices[0].manager.clone(),
            ssv,
            execution,
            agreement: Arc::new(Voices::new(voices)),
            one_voice: None,
            oracle: Some(Address::repeat_byte(3)),
            heads: watch::channel(None).0,
            pace: Pace::LOCAL,
        };
        let head = Head {
            block: BlockRef {
                number,
                hash: Root([9; 32]),
            },
            timestamp: 1_700_000_000,
            base_fee_wei: None,
            finalized: None,
        };
        read(&from, head, before).await.unwrap()
    }

    /// A contract whose queue is this; its head implies the number of the next registration.
    fn queue(pools: [u32; 3]) -> FakeManager {
        FakeManager {
            ready: Answer::Yes(pools.map(PoolId).to_vec()),
            implied_nonce: Some(Answer::Yes(u64::from(pools[0]) - 1)),
            ..FakeManager::default()
        }
    }

    #[tokio::test]
    async fn a_queue_that_one_endpoint_makes_up_moves_nothing_and_it_is_named() {
        let (truth, lie) = ([9, 10, 11], [11, 10, 9]);
        let mut before = Before::default();
        let mut says = async |queues: &[[u32; 3]]| {
            let voice = |pools: &[u32; 3]| (sent(4), queue(*pools), 8);
            let facts = facts_at(9, queues.iter().map(voice).collect(), &mut before).await;
            let [_, (_, words), ..] = before.doubts();
            (facts.ready, facts.owner_nonce, words.to_string())
        };
        let pools = |of: [u32; 3]| of.map(PoolId).to_vec();
        let honest = says(&[truth, truth, truth]).await;
        assert_eq!(honest, (pools(truth), Some(8), String::new()));
        let (ready, nonce, words) = says(&[lie, truth, truth]).await;
        assert_eq!(
            (ready, nonce),
            (pools(truth), Some(8)),
            "two of three know better"
        );
        let named = "a is outvoted by b and c: it says of the ready queue 11, 10, 9, not 9, 10, 11";
        assert!(words.ends_with(named), "{words}");
        let (ready, nonce, words) = says(&[lie, truth]).await;
        assert_eq!((ready, nonce), (pools(truth), None), "what was known stays");
        assert!(
            words.contains("a says of the ready queue 11, 10, 9, b 9, 10, 11"),
            "{words}"
        );
        let healed = says(&[truth, truth]).await;
        assert_eq!(healed, (pools(truth), Some(8), String::new()));
        // it moves where they say so together, and by the word of one where it is the only one
        let moved = [10, 11, 12];
        assert_eq!(says(&[moved, moved]).await.0, pools(moved));
        assert_eq!(says(&[lie]).await, (pools(lie), Some(10), String::new()));
    }

    /// A deposit comes into a block while one of two endpoints is away: the list that stays is that of a block before it.
    #[tokio::test]
    async fn a_queue_that_stays_is_told_with_the_block_of_which_it_is_known() {
        let mut before = Before::default();
        let mut told = async |number, first: [u32; 3], second: FakeManager| {
            let node = || {
                let mut node = sent(4);
                if let Answer::Yes(head) = &mut node.head {
                    head.block.number = number;
                }
                node
            };
            let voices = vec![(node(), queue(first), 8), (node(), second, 8)];
            let facts = facts_at(number, voices, &mut before).await;
            (facts.ready[0], facts.listed_at().map(|at| at.number))
        };
        let away = || FakeManager {
            ready: Answer::not_known("timed out"),
            ..FakeManager::default()
        };
        let (old, new) = ([9, 10, 11], [10, 11, 12]);
        assert_eq!(
            told(5, old, queue(new)).await,
            (PoolId(9), None),
            "shown, and not known"
        );
        assert_eq!(told(6, old, queue(old)).await, (PoolId(9), Some(6)));
        assert_eq!(told(7, old, away()).await, (PoolId(9), Some(7)));
        for number in 8..11 {
            assert_eq!(told(number, new, away()).await, (PoolId(9), Some(7)));
        }
        assert_eq!(
            told(11, new, away()).await,
            (PoolId(10), Some(11)),
            "not for ever"
        );
        assert_eq!(told(12, new, queue(new)).await, (PoolId(10), Some(12)));
    }

    #[tokio::test]
    async fn a_count_of_registrations_that_one_endpoint_raises_is_not_taken() {
        let mut before = Before::default();
        let mut count = async |counts: &[u64]| {
            let voices = counts.iter().map(|count| (sent(4), *count)).collect();
            told_at(9, voices, &mut before).await.owner_nonce
        };
        assert_eq!(count(&[8, 8, 8]).await, Some(8));
        assert_eq!(count(&[10, 8, 8]).await, Some(8), "most say so");
        assert_eq!(count(&[10, 8]).await, None, "nobody knows");
        assert_eq!(count(&[9, 9]).await, Some(9));
    }

    fn sent(nonce: u64) -> FakeExecution {
        FakeExecution {
            nonce: Answer::Yes(nonce),
            ..FakeExecution::default()
        }
    }

    #[tokio::test]
    async fn an_account_that_endpoints_contradict_each_other_on_is_told_as_that_and_names_them() {
        let mut before = Before::default();
        let both = told(sent(4), sent(4), [0, 0], &mut before).await;
        assert!(!both.account.is_open && both.alarm.is_empty());
        for _ in 0..2 {
            let lied = told(sent(99), sent(4), [0, 0], &mut before).await;
            assert!(lied.account.is_open, "{:?}", lied.account);
            assert!(
                lied.alarm
                    .contains("a says of the oracle account's nonce 99, b 4"),
                "{}",
                lied.alarm
            );
        }
        let healed = told(sent(4), sent(4), [0, 0], &mut before).await;
        assert!(!healed.account.is_open && healed.alarm.is_empty());
    }

    #[tokio::test]
    async fn a_balance_that_one_endpoint_makes_up_is_not_taken_for_the_accounts() {
        let has = |wei: u64| FakeExecution {
            balance: Answer::Yes(U256::from(wei)),
            ..FakeExecution::default()
        };
        let mut before = Before::default();
        let both = told(has(7), has(7), [0, 0], &mut before).await;
        assert!(both.alarm.is_empty() && both.account.balance_wei == U256::from(7));
        for _ in 0..2 {
            let lied = told(has(0), has(7), [0, 0], &mut before).await;
            assert!(!lied.account.is_open && lied.account.balance_wei == U256::from(7));
            let words = "a says of the oracle account's balance 0 ETH, b 0.000000000000000007 ETH";
            assert!(lied.alarm.contains(words), "{}", lied.alarm);
        }
        // spent: both say so
        let spent = told(has(3), has(3), [0, 0], &mut before).await;
        assert!(spent.alarm.is_empty() && spent.account.balance_wei == U256::from(3));
    }

    #[tokio::test]
    async fn a_lone_endpoint_that_goes_on_telling_a_lower_number_is_believed_in_the_end() {
        let mut before = Before::default();
        let mut lone = async |number, registrations| {
            let voices = vec![(sent(4), registrations)];
            told_at(number, voices, &mut before).await.owner_nonce
        };
        assert_eq!(lone(9, 99).await, Some(99));
        assert_eq!(lone(10, 42).await, None, "it may lag");
        assert_eq!(lone(9 + REMEMBERED - 1, 42).await, None);
        assert_eq!(lone(9 + REMEMBERED, 42).await, Some(42));
        assert_eq!(lone(10 + REMEMBERED, 43).await, Some(43));
    }

    #[tokio::test]
    async fn a_registration_number_does_not_fall_by_one_voice() {
        let mut before = Before::default();
        assert_eq!(
            told(sent(4), sent(4), [42, 42], &mut before).await.owner_nonce,
            Some(42)
        );
        assert_eq!(
            told(sent(4), sent(4), [40, 42], &mut before).await.owner_nonce,
            None
        );
        assert_eq!(
            told(sent(4), sent(4), [43, 43], &mut before).await.owner_nonce,
            Some(43)
        );
        // a reorganisation took some: both count less
        assert_eq!(
            told(sent(4), sent(4), [41, 41], &mut before).await.owner_nonce,
            Some(41)
        );
    }

    fn told_alike(registrations: u64) -> Vec<(FakeExecution, FakeManager, u64)> {
        let manager = || FakeManager {
            implied_nonce: None,
            ..FakeManager::default()
        };
        vec![
            (sent(4), manager(), registrations),
            (sent(4), manager(), registrations),
        ]
    }

    /// It accuses whoever has the key, and pauses everything.
    #[tokio::test]
    async fn what_waits_by_one_answer_that_all_deny_when_they_are_asked_is_no_stranger() {
        let mut before = Before::default();
        let mut account = async |said_before| {
            let first = Some((sent(said_before), 8));
            let facts = facts_read(9, first, told_alike(8), &mut before).await;
            facts.account.unwrap()
        };
        for _ in 0..2 {
            let account = account(5).await;
            assert_eq!((account.next, account.pending), (4, 4), "{account:?}");
        }
        assert_eq!(account(4).await.pending, 4);
    }

    #[tokio::test]
    async fn a_registration_number_does_not_fall_where_all_agree_on_the_higher_one() {
        let mut before = Before::default();
        let mut number = async |said_before, all| {
            let first = Some((sent(4), said_before));
            facts_read(9, first, told_alike(all), &mut before)
                .await
                .owner_nonce
        };
        assert_eq!(number(42, 42).await, Some(42));
        assert_eq!(number(40, 42).await, Some(42), "whoever tells 40 has lost some");
        assert_eq!(number(43, 43).await, Some(43));
        assert_eq!(number(41, 41).await, Some(41), "a reorganisation took some");
    }

    fn silent() -> FakeExecution {
        FakeExecution {
            nonce: Answer::not_known("timed out"),
            balance: Answer::not_known("timed out"),
            ..FakeExecution::default()
        }
    }

    #[tokio::test]
    async fn an_account_that_one_endpoint_tells_while_the_other_is_silent_accuses_nobody_and_is_said() {
        let mut before = Before::default();
        let told = async |first: u64, second, before: &mut Before| {
            let voices = vec![
                (sent(first), FakeManager::default(), 8),
                (second, FakeManager::default(), 8),
            ];
            facts_at(9, voices, before).await
        };
        // a start while the second is away: nothing of it is known
        let first = told(99, silent(), &mut before).await;
        assert!(first.account.unwrap().is_open);
        assert!(first.one_voice.is_none(), "two told the queue");
        assert!(first.account_one_voice.unwrap().as_str().contains("b: timed out"));
        let [.., (subject, words)] = before.doubts();
        assert!(
            subject == "voices"
                && words
                    .as_str()
                    .contains("rests on one voice: 1 of 2 endpoints answered"),
            "{words}"
        );
        // it is back, and knows better
        let back = told(99, sent(4), &mut before).await;
        assert!(back.account.unwrap().is_open && back.account_one_voice.is_none());
        let healed = told(4, sent(4), &mut before).await.account.unwrap();
        assert!(!healed.is_open && healed.next == 4);
        // what is told anew while it is away again moves nothing
        let later = told(99, silent(), &mut before).await.account.unwrap();
        assert!(later.is_open && later.next == 4, "{later:?}");
        assert_eq!(later.pending, 4, "neither does what one pool claims");
        let [.., (_, words)] = before.doubts();
        assert!(!words.as_str().is_empty());
    }

    /// It notes its lie, and then says nothing of what is final: it counts as silent, and so does what it noted.
    #[tokio::test]
    async fn who_lies_and_falls_silent_is_neither_one_of_two_that_agree_nor_the_one_that_answers() {
        let lying = || FakeExecution {
            finalized: Answer::not_known("refused"),
            ..sent(99)
        };
        let told = async |others: usize, before: &mut Before| {
            let mut voices = vec![(lying(), FakeManager::default(), 8)];
            voices.extend((0..others).map(|_| (sent(4), FakeManager::default(), 8)));
            facts_at(9, voices, before).await.account.unwrap()
        };
        let among_three = told(2, &mut Before::default()).await;
        assert!(among_three.next == 4 && !among_three.is_open, "{among_three:?}");
        let mut before = Before::default();
        for _ in 0..2 {
            assert!(told(1, &mut before).await.is_open);
        }
        let [(_, words), ..] = before.doubts();
        assert!(words.as_str().contains("denies it"), "{words}");
    }

    #[tokio::test]
    async fn a_queue_of_a_first_look_that_one_endpoint_tells_is_shown_and_marked_until_a_second_tells_it() {
        let mut before = Before::default();
        let mut says = async |second: FakeManager| {
            let voices = vec![(sent(4), queue([9, 10, 11]), 8), (sent(4), second, 8)];
            let facts = facts_at(9, voices, &mut before).await;
            (facts.ready, facts.one_voice.is_some())
        };
        let away = || FakeManager {
            ready: Answer::not_known("timed out"),
            ..FakeManager::default()
        };
        let pools = [9, 10, 11].map(PoolId).to_vec();
        assert_eq!(says(away()).await, (pools.clone(), true));
        assert_eq!(says(away()).await, (pools.clone(), true));
        assert_eq!(says(queue([9, 10, 11])).await, (pools.clone(), false));
        assert_eq!(says(away()).await, (pools, false), "two have told it");
    }
}
