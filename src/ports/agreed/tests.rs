//! What counts as agreement, question by question.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::chain::agreement::Voices;
use crate::ports::FinalReceipt;
use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};
use crate::types::CheckStatus;

fn voice(name: &str, manager: FakeManager, execution: FakeExecution) -> Voice {
    Voice {
        name: name.into(),
        execution: Arc::new(execution),
        manager: Arc::new(manager),
        ssv: Arc::new(FakeSsv::default()),
    }
}

async fn facts(voices: Vec<Voice>) -> Accord {
    let block = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    on_facts(
        &Voices::new(voices),
        PoolId(1),
        Address::repeat_byte(3),
        block,
        &Vec::new(),
    )
    .await
}

#[tokio::test]
async fn who_says_something_else_contradicts_and_who_cannot_tell_is_silent() {
    let honest = |name| voice(name, FakeManager::default(), FakeExecution::default());
    let verdict = facts(vec![honest("a"), honest("b")]).await;
    assert!(
        matches!(verdict, Accord::Agree { agreeing: 2, .. }),
        "{verdict:?}"
    );
    let liar = FakeManager {
        ready: Answer::Yes(vec![PoolId(2)]),
        ..FakeManager::default()
    };
    let verdict = facts(vec![honest("a"), voice("b", liar, FakeExecution::default())]).await;
    assert_eq!(
        verdict.words(),
        "at block 9 a and b contradict each other: a says of the head of the ready queue pool 1, b pool 2"
    );
    // the one that two others outvote is named, wherever it stands
    for (place, words) in [
        (
            0,
            "at block 9 a is outvoted by b and c: it says of the head of the ready queue pool 2, not pool 1",
        ),
        (
            2,
            "at block 9 c is outvoted by a and b: it says of the head of the ready queue pool 2, not pool 1",
        ),
    ] {
        let manager = |n| match n == place {
            true => FakeManager {
                ready: Answer::Yes(vec![PoolId(2)]),
                ..FakeManager::default()
            },
            false => FakeManager::default(),
        };
        let three = ["a", "b", "c"].into_iter().enumerate();
        let three = three.map(|(n, name)| voice(name, manager(n), FakeExecution::default()));
        assert_eq!(facts(three.collect()).await.words(), words);
    }
    let blind = FakeManager {
        pool: Answer::not_known("timed out"),
        ..FakeManager::default()
    };
    let verdict = facts(vec![honest("a"), voice("b", blind, FakeExecution::default())]).await;
    assert!(!verdict.bears_out(), "{verdict:?}");
    assert_eq!(
        verdict.words(),
        "1 of 2 endpoints answered; no answer: b: timed out"
    );
}

#[tokio::test]
async fn a_no_of_one_beside_anothers_yes_contradicts_and_names_both() {
    let manager = |authorises| FakeManager {
        authorises,
        ..FakeManager::default()
    };
    let honest = || voice("b", FakeManager::default(), FakeExecution::default());
    let refuses = || manager(Answer::no("the manager refuses calls"));
    let verdict = facts(vec![voice("a", refuses(), FakeExecution::default()), honest()]).await;
    assert_eq!(
        verdict.words(),
        "at block 9 a and b contradict each other: a says of the oracle account's calls to the manager refused, b accepted"
    );
    // one that passes on no words of a refusal is heard on everything else
    let mute = manager(Answer::not_known("the manager refuses without a word"));
    let verdict = facts(vec![voice("a", mute, FakeExecution::default()), honest()]).await;
    assert!(
        matches!(verdict, Accord::Agree { agreeing: 2, .. }),
        "{verdict:?}"
    );
    let block = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    let (pool, oracle) = (PoolId(1), Address::repeat_byte(3));
    let voices = Voices::new(vec![voice("a", refuses(), FakeExecution::default()), honest()]);
    for verdict in [
        on_queue(&voices, pool, Some(oracle), block, &Vec::new()).await,
        on_caller(&voices, oracle, block, &Answer::no("refused")).await,
    ] {
        assert!(
            matches!(&verdict, Accord::Disagree(words) if words.as_str().ends_with("refused, b accepted")),
            "{verdict:?}"
        );
    }
    let bare = FakeExecution {
        code: Answer::no("0x04 has no code"),
        ..FakeExecution::default()
    };
    let voices = Voices::new(vec![voice("a", FakeManager::default(), bare), honest()]);
    let made = MadeSince {
        key: BlsPublicKey([2; 48]),
        committee: &[],
        since: 1,
        deposit_contract: Address::repeat_byte(4),
    };
    let verdict = on_deposit(&voices, pool, oracle, block, made, &Vec::new()).await;
    assert!(
        verdict.words().contains(
            "at block 9 a and b contradict each other: a says of what is at the deposit contract's address"
        ) && verdict.words().contains("deposit contract's address none, b "),
        "{}",
        verdict.words()
    );
}

/// A payload rests on it: what one endpoint alone tells must not end an approval.
#[tokio::test]
async fn a_cluster_that_fewer_than_two_tell_is_agreed_on_by_nobody() {
    let told = || Arc::new(FakeSsv::default());
    let reads = || {
        Arc::new(FakeSsv {
            state: Answer::not_known("the logs are being read"),
            ..FakeSsv::default()
        })
    };
    let block = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    let made = MadeSince {
        key: BlsPublicKey([2; 48]),
        committee: &[OperatorId(1)],
        since: 1,
        deposit_contract: Address::repeat_byte(4),
    };
    let verdict = async |readers: Vec<Arc<FakeSsv>>| {
        let names = ["a", "b", "c"].into_iter().zip(readers);
        let voices = names.map(|(name, ssv)| Voice {
            ssv,
            ..voice(name, FakeManager::default(), FakeExecution::default())
        });
        on_deposit(
            &Voices::new(voices.collect()),
            PoolId(1),
            Address::repeat_byte(3),
            block,
            made,
            &Vec::new(),
        )
        .await
    };
    for readers in [vec![told(), told()], vec![told(), reads(), told()]] {
        let accord = verdict(readers).await;
        assert!(matches!(accord, Accord::Agree { .. }), "{accord:?}");
    }
    assert_eq!(
        verdict(vec![told(), reads()]).await.words(),
        "1 of 2 endpoints answered; no answer: b: the SSV cluster of these operators: the logs are being read"
    );
    let accord = verdict(vec![reads(), told(), reads()]).await;
    assert!(matches!(accord, Accord::TooFew { .. }), "{accord:?}");
}

#[tokio::test]
async fn only_whom_others_contradict_at_the_same_block_reads_anew() {
    let counts = |owner_nonce| {
        let mut ssv = FakeSsv::default();
        if let Answer::Yes(state) = &mut ssv.state {
            state.owner_nonce = owner_nonce;
        }
        Arc::new(ssv)
    };
    let fork = || {
        let mut execution = FakeExecution::default();
        if let Answer::Yes(head) = &mut execution.head {
            head.block.hash = Root([7; 32]);
        }
        execution
    };
    let block = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    let here = FakeExecution::default;
    for (told, anew) in [
        (vec![(8, here()), (8, here()), (5, here())], vec![0, 0, 1]),
        (vec![(8, here()), (5, here())], vec![1, 1]),
        (vec![(8, here()), (8, fork())], vec![0, 0]),
        (vec![(8, here()), (8, here()), (5, fork())], vec![0, 0, 0]),
    ] {
        let (readers, voices): (Vec<_>, Vec<_>) = told
            .into_iter()
            .map(|(count, execution)| {
                let ssv = counts(count);
                let voice = Voice {
                    ssv: ssv.clone(),
                    ..voice("a", FakeManager::default(), execution)
                };
                (ssv, voice)
            })
            .unzip();
        on_registrations(
            &Voices::new(voices),
            block,
            &Answer::not_known("nobody read them"),
        )
        .await;
        let read = readers.iter().map(|ssv| ssv.anew.load(Ordering::Relaxed));
        assert_eq!(read.collect::<Vec<_>>(), anew);
    }
}

#[tokio::test]
async fn what_a_receipt_says_is_compared_in_plain_words() {
    let receipt = |succeeded| FakeExecution {
        receipt: Answer::Yes(FinalReceipt {
            block: BlockRef {
                number: 4,
                hash: Root([4; 32]),
            },
            succeeded,
            logs: Vec::new(),
        }),
        ..FakeExecution::default()
    };
    let voices = Voices::new(vec![
        voice("a", FakeManager::default(), receipt(true)),
        voice("b", FakeManager::default(), receipt(false)),
    ]);
    let verdict = on_receipt(&voices, Root([8; 32])).await;
    assert!(
        verdict.words().ends_with("a says of its success true, b false"),
        "{}",
        verdict.words()
    );
    let alone = Voices::new(vec![voice("a", FakeManager::default(), FakeExecution::default())]);
    let verdict = on_receipt(&alone, Root([8; 32])).await;
    assert!(verdict.bears_out(), "nobody could contradict it");
}

/// What was read comes from whoever is asked first: it is told by nobody who tells something else when all are asked.
#[test]
fn that_all_agree_bears_out_only_what_was_used() {
    let words = |fees: &str| vec![("the head", "pool 1".to_owned()), ("the fees", fees.to_owned())];
    let agree = |fees| Accord::Agree {
        agreeing: 2,
        said: words(fees),
        silent: Vec::new(),
    };
    let outvoted = |fees| Accord::Outvoted {
        most: words(fees),
        words: "c is outvoted".into(),
    };
    let one = |fees| Accord::TooFew {
        configured: 2,
        said: Some(words(fees)),
        silent: vec!["b: timed out".into()],
    };
    let used = words("7");
    for same in [agree("7"), outvoted("7"), one("7"), Accord::Alone] {
        assert_eq!(same.clone().held_against(&used), same);
    }
    for other in [agree("8"), outvoted("8"), one("8")] {
        let held = other.clone().held_against(&used);
        let words = held.contradiction().expect("they say something else").to_string();
        assert!(words.contains("an endpoint said of the fees 7, and "), "{words}");
        assert!(words.ends_with(" 8") && !held.bears_out(), "{words}");
        assert_ne!(held.check("endpoints-agree").status, CheckStatus::Pass);
    }
    // of another block at that height they say nothing
    let elsewhere = Accord::Agree {
        agreeing: 2,
        said: vec![("the block's hash", "0x07".to_owned())],
        silent: Vec::new(),
    };
    assert!(elsewhere.held_against(&used).contradiction().is_some());
    // one alone can tell it
    let held = agree(UNTOLD).held_against(&used);
    assert!(matches!(held, Accord::TooFew { .. }), "{held:?}");
    assert!(
        held.words().contains("fewer than two can tell the fees"),
        "{held:?}"
    );
    assert_eq!(agree("7").held_against(&words(UNTOLD)), agree("7"));
}

/// It differs from nobody on what it cannot tell.
#[tokio::test]
async fn who_cannot_tell_hides_no_difference_of_the_others_and_makes_nobody_most() {
    let block = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    let verdict = async |told: Vec<Answer<()>>| {
        let voices = ["a", "b", "c"].into_iter().zip(told).map(|(name, authorises)| {
            let manager = FakeManager {
                authorises,
                ..FakeManager::default()
            };
            voice(name, manager, FakeExecution::default())
        });
        let voices = Voices::new(voices.collect());
        on_caller(&voices, Address::repeat_byte(3), block, &Answer::Yes(())).await
    };
    let (yes, no) = (|| Answer::Yes(()), || Answer::no("refused"));
    let mute = || Answer::not_known("without a word");
    for told in [
        vec![mute(), yes(), no()],
        vec![yes(), mute(), no()],
        vec![no(), yes(), mute()],
    ] {
        let verdict = verdict(told.clone()).await;
        assert!(matches!(verdict, Accord::Disagree(_)), "{told:?}: {verdict:?}");
    }
    let most = verdict(vec![mute(), yes(), yes()]).await;
    assert!(matches!(most, Accord::Agree { .. }), "{most:?}");
    let one = verdict(vec![yes(), mute()]).await;
    assert!(matches!(one, Accord::TooFew { .. }), "{one:?}");
}

/// It is asked for the deposit's facts a second time, and tells the truth then, as the other one does.
#[tokio::test]
async fn a_deposit_for_the_key_that_was_hidden_once_is_a_contradiction() {
    use crate::ports::{KnownDeposit, SsvState};
    use crate::types::LogRef;
    let block = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    let deposited = || FakeExecution {
        deposits: Answer::Yes(vec![KnownDeposit {
            at: LogRef {
                block,
                transaction: Root([5; 32]),
                index: 0,
            },
            withdrawal_credentials: Root::default(),
            amount_gwei: 1_000_000_000,
            index: 0,
        }]),
        ..FakeExecution::default()
    };
    let voices = ["a", "b"].map(|name| voice(name, FakeManager::default(), deposited()));
    let voices = Voices::new(voices.into());
    let made = MadeSince {
        key: BlsPublicKey([2; 48]),
        committee: &[OperatorId(1)],
        since: 1,
        deposit_contract: Address::repeat_byte(4),
    };
    let on = async |used| {
        let oracle = Address::repeat_byte(3);
        on_deposit(&voices, PoolId(1), oracle, block, made, &used).await
    };
    let Answer::Yes(ssv): Answer<SsvState> = FakeSsv::default().state else {
        unreachable!("it tells a state")
    };
    let mut used = vec![words::cluster(&ssv), words::head_of_queue(&[PoolId(1)])];
    used.extend(words::deposits(&deposited().deposits));
    let agreed = on(used.clone()).await;
    assert!(matches!(agreed, Accord::Agree { agreeing: 2, .. }), "{agreed:?}");
    used.pop();
    used.extend(words::deposits(&FakeExecution::default().deposits));
    let hidden = on(used).await;
    assert_eq!(
        hidden.words(),
        "an endpoint said of the deposits for the new key 0, and 2 endpoints that are asked now say 1"
    );
}
