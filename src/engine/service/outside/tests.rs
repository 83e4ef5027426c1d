use std::collections::BTreeMap;

use alloy::primitives::{Bytes, U256};

use super::*;
use crate::chain::agreement::Voices;
use crate::config::{Floors, SelectionRule};
use crate::desk::{ExpectedChain, Terms};
use crate::engine::LiveUpdate;
use crate::ports::fakes::{
    FakeCeremonies, FakeExecution, FakeManager, FakeSigner, FakeSsv, FakeTransactions, heard,
};
use crate::ports::{Answer, BroadcastHint, FinalReceipt, Less, OverCeiling, Revert, Simulated, Voice};
use crate::types::{BlockRef, ForkVersion, NonceStatus, PoolId, Root, SignedTransaction};

const ORACLE: Address = Address::repeat_byte(1);
const BLOCK: BlockRef = BlockRef {
    number: 9,
    hash: Root([9; 32]),
};

/// One world of fakes, and what it told the core.
struct Stage {
    world: Outside,
    nodes: Arc<FakeTransactions>,
    signer: Arc<FakeSigner>,
    told: mpsc::Receiver<Incoming>,
}

/// These nodes, and an endpoint for each of `voices`.
fn stage(nodes: FakeTransactions, execution: FakeExecution, voices: Vec<FakeExecution>) -> Stage {
    let voice = |(n, execution)| Voice {
        name: SafeText::new(&format!("endpoint {n}")),
        execution: Arc::new(execution),
        manager: Arc::new(FakeManager::default()),
        ssv: Arc::new(FakeSsv::default()),
    };
    let voices = voices.into_iter().enumerate().map(voice).collect();
    let signer = Arc::new(FakeSigner::of(ORACLE, Ok(Bytes::from_static(&[2]))));
    let ask = Neighbours {
        manager: Arc::new(FakeManager::default()),
        ssv: Arc::new(FakeSsv::default()),
        execution: Arc::new(execution),
        agreement: Arc::new(Voices::new(voices)),
        ceremonies: Arc::new(FakeCeremonies::default()),
        consensus: None,
        signer: Some(signer.clone()),
    };
    let terms = Terms {
        oracle: Some(ORACLE),
        directory: Arc::new(BTreeMap::new()),
        fingerprints: BTreeMap::new(),
        selection: SelectionRule::Fixed(Vec::new()),
        chain_id: 1,
        fork_version: ForkVersion([0; 4]),
        expected: ExpectedChain {
            network: "mainnet".into(),
            capella_fork_version: ForkVersion([3, 0, 0, 0]),
            genesis_validators_root: None,
        },
        deposit_contract: Address::repeat_byte(3),
        fee_amount_wei: U256::ZERO,
        floors: Floors {
            min_ssv: None,
            min_runway: None,
        },
        fee_ceiling_wei: U256::MAX,
    };
    let nodes = Arc::new(nodes);
    let (incoming, told) = mpsc::channel(16);
    Stage {
        world: Outside {
            desk: Desk::new(&ask, &terms),
            ask,
            transactions: nodes.clone(),
            reasons: Reasons::default(),
            oracle: Some(ORACLE),
            transcripts: PathBuf::new(),
            unwritten: Arc::default(),
            incoming,
            telling: Mutex::default(),
        },
        nodes,
        signer,
        told,
    }
}

fn plain(nodes: FakeTransactions) -> Stage {
    stage(nodes, FakeExecution::default(), vec![FakeExecution::default()])
}

fn payload() -> TransactionPayload {
    TransactionPayload {
        chain_id: 1,
        from: ORACLE,
        to: Address::repeat_byte(2),
        value_wei: U256::ZERO,
        data: Bytes::from_static(&[4]),
        fee_ceiling_wei: U256::from(10).pow(U256::from(16)),
        call: None,
    }
}

fn action() -> ActionId {
    "deposit/1#2".parse().unwrap()
}

fn signed() -> SignedTransaction {
    SignedTransaction {
        raw: Bytes::from_static(&[2]),
        hash: Root([8; 32]),
        nonce: 6,
        max_fee_wei: U256::from(9),
        priority_fee_wei: U256::from(8),
        gas_limit: 100_000,
    }
}

fn included(success: bool, is_final: bool) -> NonceStatus {
    NonceStatus::Included {
        hash: signed().hash,
        block: BLOCK,
        success,
        reason: None,
        fee_paid_wei: U256::from(5),
        served: success.then_some(PoolId(1)),
        is_final,
        overtaken: false,
    }
}

impl Stage {
    async fn send(&self) -> Result<(), SafeText> {
        let effect = Effect::Send {
            action: action(),
            transaction: signed(),
        };
        match self.world.answer(effect).await {
            Input::Sent { outcome, .. } => outcome,
            _ => panic!("not what became of sending"),
        }
    }

    async fn inspect(&self) -> Option<NonceStatus> {
        let effect = Effect::Inspect {
            action: action(),
            nonce: 6,
            hashes: vec![signed().hash],
        };
        match self.world.answer(effect).await {
            Input::Inspected { status, .. } => status,
            _ => panic!("not what became of a nonce"),
        }
    }

    /// Why nothing was signed.
    async fn unsigned(&self, replaces: Option<SignedTransaction>) -> String {
        self.world
            .sign(&payload(), 6, replaces.as_ref())
            .await
            .unwrap_err()
            .to_string()
    }

    fn alarm(&mut self) -> Option<String> {
        match self.told.try_recv() {
            Ok(Incoming::Live(LiveUpdate::Alarm("receipt", words))) => Some(words.to_string()),
            Ok(_) => panic!("something else was told"),
            Err(_) => None,
        }
    }
}

#[tokio::test]
async fn an_offer_that_every_endpoint_refuses_names_each_with_its_reason() {
    let nodes = FakeTransactions {
        heard: vec![
            heard("a", BroadcastHint::PoolFull),
            heard("b", BroadcastHint::NoAnswer("connection refused".into())),
        ],
        ..FakeTransactions::default()
    };
    let stage = plain(nodes);
    let refused = stage.send().await.unwrap_err();
    assert_eq!(
        refused.as_str(),
        "a: the node's pool is full; b: no answer: connection refused"
    );
    assert_eq!(stage.nodes.offered(), [signed()]);
}

#[tokio::test]
async fn an_offer_that_one_endpoint_takes_is_sent() {
    let nodes = FakeTransactions {
        heard: vec![
            heard("a", BroadcastHint::PoolFull),
            heard("b", BroadcastHint::AlreadyKnown),
        ],
        ..FakeTransactions::default()
    };
    assert_eq!(plain(nodes).send().await, Ok(()));
}

#[tokio::test]
async fn what_became_of_a_nonce_is_not_known_where_nobody_tells() {
    let stage = plain(FakeTransactions::default());
    assert_eq!(stage.inspect().await, None);
    for status in [NonceStatus::Missing, NonceStatus::Pending] {
        stage.nodes.say(Answer::Yes(status.clone()));
        assert_eq!(stage.inspect().await, Some(status));
    }
    assert_eq!(stage.nodes.explained(), [], "nothing reverted");
}

#[tokio::test]
async fn the_reason_of_a_revert_is_looked_up_once_however_often_it_is_inspected() {
    let stage = plain(FakeTransactions::default());
    stage.nodes.say(Answer::Yes(included(false, false)));
    stage.nodes.say_reverted("No ready pools");
    for _ in 0..5 {
        let Some(NonceStatus::Included { reason, .. }) = stage.inspect().await else {
            panic!("it is in a block");
        };
        assert_eq!(reason.unwrap().as_str(), "No ready pools");
    }
    assert_eq!(stage.nodes.explained(), [(signed().hash, BLOCK)]);
}

#[tokio::test]
async fn one_endpoints_word_makes_nothing_final_where_another_denies_it() {
    let receipt = |succeeded| FakeExecution {
        receipt: Answer::Yes(FinalReceipt {
            block: BLOCK,
            succeeded,
            logs: Vec::new(),
        }),
        ..FakeExecution::default()
    };
    let is_final = async |stage: &Stage| {
        stage.nodes.say(Answer::Yes(included(true, true)));
        match stage.inspect().await {
            Some(NonceStatus::Included { is_final, .. }) => is_final,
            other => panic!("{other:?}"),
        }
    };
    let divided_voices = || vec![receipt(true), receipt(false)];
    let next = |nonce| FakeExecution {
        nonce: Answer::Yes(nonce),
        ..FakeExecution::default()
    };
    let mut divided = stage(FakeTransactions::default(), next(7), divided_voices());
    assert!(!is_final(&divided).await);
    let alarm = divided.alarm().expect("it is told");
    assert!(
        alarm.contains("is not taken for final") && alarm.contains("endpoint 1"),
        "{alarm}"
    );
    assert_eq!(divided.alarm(), None, "it is told once");
    // of three, the one that denies it holds nothing up, and is named
    let three = vec![receipt(true), receipt(true), receipt(false)];
    let mut outvoted = stage(FakeTransactions::default(), next(7), three);
    assert!(is_final(&outvoted).await);
    let alarm = outvoted.alarm().expect("it is told");
    assert!(
        alarm.contains("endpoint 2 is outvoted by endpoint 0 and endpoint 1"),
        "{alarm}"
    );
    // and where most say that it reverted, it is not final as what it is not
    let liars = vec![receipt(true), receipt(false), receipt(false)];
    assert!(!is_final(&stage(FakeTransactions::default(), next(7), liars)).await);
    // a receipt of a nonce that nothing has used is made up, and the same bytes are sent again
    let unused = || FakeExecution {
        nonce: Answer::Yes(6),
        ..FakeExecution::default()
    };
    let voices = vec![receipt(true), unused(), unused()];
    let made_up = stage(FakeTransactions::default(), next(7), voices);
    made_up.nodes.say(Answer::Yes(included(true, true)));
    assert_eq!(made_up.inspect().await, Some(NonceStatus::Missing));
    let voices = vec![receipt(true), receipt(true)];
    let mut of_one_mind = stage(FakeTransactions::default(), FakeExecution::default(), voices);
    assert!(is_final(&of_one_mind).await);
    assert_eq!(of_one_mind.alarm().as_deref(), Some(""), "what was said is over");
    // in a block that is not final there is nothing to tell
    of_one_mind.nodes.say(Answer::Yes(included(true, false)));
    of_one_mind.inspect().await;
    assert_eq!(of_one_mind.alarm(), None);
}

#[tokio::test]
async fn a_revert_that_another_endpoint_denies_is_no_revert_and_calls_nobody() {
    let receipt = |receipt| FakeExecution {
        receipt,
        ..FakeExecution::default()
    };
    let said = |succeeded| {
        receipt(Answer::Yes(FinalReceipt {
            block: BLOCK,
            succeeded,
            logs: Vec::new(),
        }))
    };
    let nowhere = || receipt(Answer::not_known("timed out"));
    let of = |voices| stage(FakeTransactions::default(), FakeExecution::default(), voices);
    let mut divided = of(vec![said(false), said(true)]);
    divided.nodes.say(Answer::Yes(included(false, false)));
    assert_eq!(divided.inspect().await, None);
    let alarm = divided.alarm().expect("it is told");
    assert!(
        alarm.contains("reverted is not believed: on transaction") && alarm.contains("endpoint 1"),
        "{alarm}"
    );
    assert_eq!(divided.nodes.explained(), [], "nobody is asked why");
    // the liar says what the others say: the alarm is over before the block is final
    divided.nodes.say(Answer::Yes(included(true, false)));
    assert!(divided.inspect().await.is_some());
    assert_eq!(divided.alarm().as_deref(), Some(""));
    // where both or most say it, or nobody else answers, it reverted
    for voices in [
        vec![said(false), said(true), said(false)],
        vec![said(false), said(false)],
        vec![said(false), nowhere()],
    ] {
        let told = of(voices);
        told.nodes.say(Answer::Yes(included(false, false)));
        assert!(matches!(
            told.inspect().await,
            Some(NonceStatus::Included { success: false, .. })
        ));
    }
}

/// As long as it is believed nothing is sent again, and no fee is raised.
#[tokio::test]
async fn an_inclusion_that_one_endpoint_invents_is_none() {
    let has = |number| FakeExecution {
        receipt: Answer::Yes(FinalReceipt {
            block: BlockRef { number, ..BLOCK },
            succeeded: true,
            logs: Vec::new(),
        }),
        ..FakeExecution::default()
    };
    let invents = || has(BLOCK.number);
    let next = |nonce| FakeExecution {
        nonce: Answer::Yes(nonce),
        ..FakeExecution::default()
    };
    let silent = || FakeExecution {
        receipt: Answer::not_known("timed out"),
        ..FakeExecution::default()
    };
    let seen = async |voices, is_final| {
        let mut stage = stage(FakeTransactions::default(), FakeExecution::default(), voices);
        stage.nodes.say(Answer::Yes(included(true, is_final)));
        let status = stage.inspect().await;
        let alarm = stage.alarm();
        assert_eq!(stage.alarm(), None, "it is told once");
        // as soon as it is told no more, nothing is said of it
        stage.nodes.say(Answer::Yes(NonceStatus::Pending));
        stage.inspect().await;
        if let Some(alarm) = alarm.as_ref().filter(|alarm| !alarm.is_empty()) {
            assert_eq!(stage.alarm().as_deref(), Some(""), "after {alarm}");
        }
        (status, alarm.unwrap_or_default())
    };
    // in a block that it calls final, too
    for is_final in [false, true] {
        let (status, alarm) = seen(vec![invents(), next(6)], is_final).await;
        assert_eq!(status, None);
        assert!(alarm.contains("is in a block is not believed"), "{alarm}");
        assert!(alarm.contains("none: the next nonce is 6"), "{alarm}");
        let (status, alarm) = seen(vec![invents(), next(6), next(6)], is_final).await;
        assert_eq!(status, Some(NonceStatus::Missing));
        assert!(alarm.contains("endpoint 0 is outvoted"), "{alarm}");
        // it says something else when it is asked again
        let (status, alarm) = seen(vec![next(6), next(6)], is_final).await;
        assert_eq!(status, Some(NonceStatus::Missing));
        assert!(alarm.contains("no endpoint that is asked for it"), "{alarm}");
    }
    // who has the nonce used may lag behind itself, and who does not answer denies nothing
    for voices in [
        vec![invents()],
        vec![invents(), invents()],
        vec![invents(), next(7)],
        vec![invents(), silent()],
        vec![invents(), invents(), next(6)],
    ] {
        let (status, _) = seen(voices, false).await;
        assert_eq!(status, Some(included(true, false)));
    }
    // it moved between two questions: nobody is named, and the next look tells
    let (status, alarm) = seen(vec![has(8), has(8)], false).await;
    assert_eq!((status, alarm.as_str()), (None, ""));
}

#[tokio::test]
async fn what_is_signed_pays_what_the_nodes_say() {
    let stage = plain(FakeTransactions::default());
    // the signer of this stage signs nonsense, so nothing leaves
    let refused = stage.unsigned(None).await;
    assert!(refused.starts_with("signed bytes do not match"), "{refused}");
    let [asked] = stage.signer.asked().try_into().unwrap();
    assert_eq!((asked.nonce, asked.gas_limit), (6, 125_000));
    assert_eq!(
        (asked.max_fee_wei, asked.priority_fee_wei),
        (2_100_000_000, 100_000_000)
    );
    assert_eq!((asked.to, asked.data), (payload().to, payload().data));
}

#[tokio::test]
async fn nothing_is_signed_above_the_ceiling_and_the_ways_on_are_named() {
    let over = OverCeiling {
        needed_wei: U256::from(12),
        ceiling_wei: U256::from(10),
    };
    let ether = |n: u64| U256::from(10).pow(U256::from(18)) * U256::from(n);
    let ways = StuckOptions {
        nonce: 6,
        wait_wei: ether(1),
        raise_wei: ether(2),
        cancel_wei: ether(3),
    };
    let nodes = FakeTransactions {
        price: Answer::Yes(Priced::Over(over.clone())),
        raise: Answer::Yes(Priced::Stuck(over.clone(), ways)),
        ..FakeTransactions::default()
    };
    let stage = plain(nodes);
    assert_eq!(stage.unsigned(None).await, over.to_string());
    let stuck = stage.unsigned(Some(signed())).await;
    assert!(stuck.starts_with(&format!("{over}; three ways on")), "{stuck}");
    assert!(stuck.contains("the very nonce 6"), "{stuck}");
    assert_eq!(stage.signer.asked(), []);
    // the call is tried out again: with too little gas no node would ever take it
    assert!(stage.nodes.raised()[0].is_some_and(|gas| gas > 0));
}

#[tokio::test]
async fn nothing_is_signed_for_a_nonce_that_is_used_or_a_call_that_reverts() {
    let used = FakeExecution {
        nonce: Answer::Yes(7),
        ..FakeExecution::default()
    };
    let used = stage(FakeTransactions::default(), used, Vec::new());
    assert!(used.unsigned(None).await.contains("is used already"));
    let reverts = FakeExecution {
        simulated: Answer::Yes(Simulated::reverts(Revert {
            data: None,
            words: "No ready pools".into(),
        })),
        ..FakeExecution::default()
    };
    let reverts = stage(FakeTransactions::default(), reverts, Vec::new());
    assert_eq!(reverts.unsigned(None).await, "would revert: No ready pools");
    // what is out there already is raised all the same
    reverts.unsigned(Some(signed())).await;
    assert_eq!(reverts.nodes.raised(), [None]);
    assert!(used.signer.asked().is_empty() && reverts.signer.asked().is_empty());
}

/// It would end what was approved.
#[tokio::test]
async fn a_nonce_that_one_answer_calls_used_and_all_deny_is_free() {
    let next = |nonce| FakeExecution {
        nonce: Answer::Yes(nonce),
        ..FakeExecution::default()
    };
    let of = |voices| stage(FakeTransactions::default(), next(7), voices);
    for voices in [vec![next(6), next(6)], vec![next(6), next(6), next(7)]] {
        let stage = of(voices);
        drop(stage.world.sign(&payload(), 6, None).await);
        assert_eq!(stage.signer.asked().len(), 1);
    }
    for voices in [
        vec![next(7)],
        vec![next(7), next(7)],
        vec![next(7), next(8), next(6)],
    ] {
        assert!(of(voices).unsigned(None).await.contains("is used already"));
    }
}

#[tokio::test]
async fn what_is_out_there_keeps_its_gas_where_the_endpoints_are_far_apart_on_it() {
    let raised = async |simulated, raise| {
        let execution = FakeExecution {
            simulated: Answer::Yes(simulated),
            ..FakeExecution::default()
        };
        let nodes = FakeTransactions {
            raise,
            ..FakeTransactions::default()
        };
        let raising = stage(nodes, execution, Vec::new());
        raising.unsigned(Some(signed())).await;
        raising.nodes.raised()
    };
    let mute = || Answer::not_known("no endpoint tells its fees");
    let words = "a estimates 16000000 gas, and b 500000";
    let apart = Simulated::Disputed {
        gas: 16_000_000,
        words: words.into(),
    };
    assert_eq!(raised(apart, mute()).await, [None]);
    let alone = Simulated::Succeeds {
        gas: 16_000_000,
        doubt: Some("a alone estimates its gas, 16000000".into()),
        less: None,
    };
    assert_eq!(raised(alone, mute()).await, [None]);
    // stuck is what is so with the lower one of two, too
    let two = Simulated::Succeeds {
        gas: 190_000,
        doubt: None,
        less: Some(Less {
            gas: 100_000,
            words: words.into(),
        }),
    };
    let over = OverCeiling {
        needed_wei: U256::from(12),
        ceiling_wei: U256::from(10),
    };
    let ways = StuckOptions {
        nonce: 6,
        wait_wei: U256::from(1),
        raise_wei: U256::from(2),
        cancel_wei: U256::from(3),
    };
    let stuck = Answer::Yes(Priced::Stuck(over, ways));
    assert_eq!(raised(two, stuck).await, [Some(190_000), Some(100_000)]);
}

/// B is an honest endpoint that stopped hours ago.
#[tokio::test]
async fn one_that_stands_still_for_good_keeps_no_inclusion_from_being_believed() {
    let at = |number, nonce| {
        let mut execution = FakeExecution {
            nonce: Answer::Yes(nonce),
            ..FakeExecution::default()
        };
        if let Answer::Yes(head) = &mut execution.head {
            head.block.number = number;
        }
        execution
    };
    let has = || FakeExecution {
        receipt: Answer::Yes(FinalReceipt {
            block: BLOCK,
            succeeded: true,
            logs: Vec::new(),
        }),
        ..at(40, 7)
    };
    let seen = async |followed, voices| {
        let stage = stage(FakeTransactions::default(), at(followed, 7), voices);
        stage.nodes.say(Answer::Yes(included(true, false)));
        stage.inspect().await
    };
    let believed = Some(included(true, false));
    assert_eq!(seen(40, vec![has(), at(3, 6)]).await, believed);
    assert_eq!(seen(9, vec![at(3, 6), has()]).await, believed);
    // what nobody follows is made up, and one that has got there denies it
    assert_eq!(seen(8, vec![has(), at(3, 6)]).await, None);
    assert_eq!(seen(40, vec![has(), at(9, 6)]).await, None);
    // whoever told it is silent now, and the other one has it nowhere
    let silent = FakeExecution {
        receipt: Answer::not_known("timed out"),
        ..at(40, 7)
    };
    assert_eq!(seen(40, vec![silent, at(40, 6)]).await, None);
}

/// The last checks passed a moment ago: nothing that somebody said speaks against it.
#[tokio::test]
async fn silence_at_signing_holds_what_was_approved_and_refuses_nothing() {
    let mute = || Answer::not_known("no endpoint answers");
    let unconfirmed = Simulated::Unconfirmed {
        revert: Revert::of(&[1]),
        words: "a says that it reverts, and no other endpoint confirms it".into(),
    };
    let over = || FakeTransactions {
        price: Answer::Yes(Priced::Over(OverCeiling {
            needed_wei: U256::from(12),
            ceiling_wei: U256::from(10),
        })),
        ..FakeTransactions::default()
    };
    let apart = Simulated::Disputed {
        gas: 16_000_000,
        words: "a estimates 16000000 gas, and b 500000".into(),
    };
    let with = |execution| (FakeTransactions::default(), execution);
    let scenes = [
        with(FakeExecution {
            nonce: Answer::not_known("no endpoint answers"),
            ..FakeExecution::default()
        }),
        with(FakeExecution {
            simulated: Answer::not_known("no endpoint answers"),
            ..FakeExecution::default()
        }),
        with(FakeExecution {
            simulated: Answer::Yes(unconfirmed),
            ..FakeExecution::default()
        }),
        (
            FakeTransactions {
                price: mute(),
                ..FakeTransactions::default()
            },
            FakeExecution::default(),
        ),
        (
            over(),
            FakeExecution {
                simulated: Answer::Yes(apart.clone()),
                ..FakeExecution::default()
            },
        ),
    ];
    for (nodes, execution) in scenes {
        let stage = stage(nodes, execution, Vec::new());
        let held = stage.world.sign(&payload(), 6, None).await.unwrap_err();
        assert!(matches!(held, NotSigned::Unknown(_)), "{held:?}");
        assert_eq!(stage.signer.asked(), []);
    }
    // what a person approved though one endpoint speaks against it leaves, where its ceiling pays for it
    let (nodes, execution) = with(FakeExecution {
        simulated: Answer::Yes(apart),
        ..FakeExecution::default()
    });
    let disputed = stage(nodes, execution, Vec::new());
    drop(disputed.world.sign(&payload(), 6, None).await);
    assert_eq!(disputed.signer.asked().len(), 1);
    // what nobody doubts is over its ceiling
    let refused = plain(over()).world.sign(&payload(), 6, None).await.unwrap_err();
    assert!(matches!(refused, NotSigned::Refused(_)), "{refused:?}");
}

/// It would fail an action for good.
#[tokio::test]
async fn one_endpoints_word_gives_no_nonce_to_a_stranger_where_another_denies_it() {
    let used = |next| FakeExecution {
        nonce: Answer::Yes(next),
        receipt: Answer::no("has no receipt"),
        ..FakeExecution::default()
    };
    let is_final = async |stage: &Stage| {
        stage.nodes.say(Answer::Yes(NonceStatus::Replaced {
            by: None,
            is_final: true,
        }));
        match stage.inspect().await {
            Some(NonceStatus::Replaced { is_final, .. }) => is_final,
            // ours may still get there: it is offered again
            None => false,
            other => panic!("{other:?}"),
        }
    };
    // the nonce in question is 6
    let with = |voices| stage(FakeTransactions::default(), FakeExecution::default(), voices);
    let mut divided = with(vec![used(7), used(6)]);
    assert!(!is_final(&divided).await);
    let alarm = divided.alarm().expect("it is told");
    assert!(
        alarm.starts_with("that another transaction used nonce 6"),
        "{alarm}"
    );
    assert!(alarm.contains("the next nonce is 6"), "{alarm}");
    let ours = FakeExecution {
        receipt: Answer::Yes(FinalReceipt {
            block: BLOCK,
            succeeded: true,
            logs: Vec::new(),
        }),
        ..used(7)
    };
    assert!(!is_final(&with(vec![used(7), ours])).await);
    // a look-up that failed is no word for a stranger
    let blind = || FakeExecution {
        receipt: Answer::not_known("timed out"),
        ..used(7)
    };
    let mut one_blind = with(vec![used(7), blind()]);
    assert!(!is_final(&one_blind).await);
    let alarm = one_blind.alarm().expect("it is told");
    assert!(alarm.contains("which is ours: timed out"), "{alarm}");
    assert!(!is_final(&with(vec![blind(), blind()])).await);
    let mut of_one_mind = with(vec![used(7), used(7)]);
    assert!(is_final(&of_one_mind).await);
    assert_eq!(of_one_mind.alarm().as_deref(), Some(""));
}

const FOREIGN: NonceStatus = NonceStatus::Replaced {
    by: Some(Root([7; 32])),
    is_final: false,
};

/// An endpoint that says this of the foreign transaction, and of the account's next nonce.
fn of_stranger(sender: Answer<(Address, u64)>, next: u64) -> FakeExecution {
    FakeExecution {
        sender,
        nonce: Answer::Yes(next),
        ..FakeExecution::default()
    }
}

/// What is known, and the alarm, where one endpoint told that a stranger has the nonce in a block.
async fn seen_of_stranger(voices: Vec<FakeExecution>) -> (Option<NonceStatus>, String) {
    let mut stage = stage(FakeTransactions::default(), FakeExecution::default(), voices);
    stage.nodes.say(Answer::Yes(FOREIGN));
    let status = stage.inspect().await;
    let alarm = stage.alarm().expect("something is told");
    // as soon as it is told no more, nothing is said of it
    stage.nodes.say(Answer::Yes(NonceStatus::Pending));
    assert_eq!(stage.inspect().await, Some(NonceStatus::Pending));
    let over = status.is_none().then(String::new);
    assert_eq!(stage.alarm(), over, "after {alarm}");
    (status, alarm)
}

/// It would pause everything, and accuse whoever has the key.
#[tokio::test]
async fn a_stranger_in_a_block_that_one_endpoint_invents_is_nobody() {
    let has_it = || of_stranger(Answer::Yes((ORACLE, 6)), 7);
    let in_no_block = |next| of_stranger(Answer::no("has it in no block"), next);
    let nothing = || in_no_block(6);
    let another = || of_stranger(Answer::Yes((Address::repeat_byte(5), 6)), 6);
    let ours = FakeExecution {
        receipt: Answer::Yes(FinalReceipt {
            block: BLOCK,
            succeeded: true,
            logs: Vec::new(),
        }),
        ..nothing()
    };
    for (voices, words) in [
        (vec![has_it(), nothing()], "used nonce 6 is not believed yet"),
        (
            vec![has_it(), nothing()],
            "endpoint 0 and endpoint 1 contradict each other",
        ),
        (vec![has_it(), nothing()], "nothing: the next nonce is 6"),
        (
            vec![has_it(), nothing(), nothing()],
            "endpoint 0 is outvoted by endpoint 1 and endpoint 2",
        ),
        // it exists, and is another account's
        (vec![has_it(), another()], "which is number 6 of 0x0505"),
        // whoever told it says something else when it is asked
        (
            vec![nothing(), nothing()],
            "no endpoint that is asked for it says so",
        ),
        (vec![has_it(), in_no_block(7)], "1 of 2 endpoints answered"),
        (
            vec![has_it(), of_stranger(Answer::not_known("timed out"), 7)],
            "1 of 2 endpoints answered",
        ),
        (vec![has_it(), ours], "which is ours"),
    ] {
        let (status, alarm) = seen_of_stranger(voices).await;
        assert_eq!(status, None, "{words}");
        assert!(alarm.contains(words), "{alarm}");
    }
    for voices in [
        vec![has_it(), has_it()],
        vec![has_it(), has_it(), nothing()],
        vec![has_it()],
    ] {
        assert_eq!(seen_of_stranger(voices).await.0, Some(FOREIGN));
    }
}
