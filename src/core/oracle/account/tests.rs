//! Strangers at the account, over restarts.

use alloy::primitives::{Address, Bytes, U256};

use crate::oracle::*;
use crate::types::*;

const OURS: Address = Address::repeat_byte(3);

struct Life {
    state: State,
    journal: Vec<Record>,
    now: u64,
}

fn settings() -> Settings {
    Settings {
        mode: Mode::Supervised,
        policy: Policy::default(),
        deposit_order: DepositOrder::HeadOfQueue,
        follows_beacon: false,
        ..fixture::settings()
    }
}

fn action(pool: u32) -> ActionId {
    let case = CaseId {
        kind: RequestKind::Deposit,
        pool: PoolId(pool),
        ordinal: 0,
    };
    ActionId { case, number: 1 }
}

impl Life {
    fn new(journal: Vec<Record>) -> Self {
        let mut life = Self {
            state: State::new(settings()),
            journal,
            now: 0,
        };
        life.restart();
        life
    }

    fn restart(&mut self) {
        let mut state = State::new(settings());
        for (n, record) in self.journal.iter().enumerate() {
            let text = serde_json::to_string(record).unwrap();
            state.apply(n as u64 + 1, UnixMillis(0), &serde_json::from_str(&text).unwrap());
        }
        self.state = state;
        self.input(Input::Started);
    }

    fn input(&mut self, input: Input) -> CommandReply {
        self.asks(input).1
    }

    /// What the core asks for when it hears this.
    fn asks(&mut self, input: Input) -> (Vec<Effect>, CommandReply) {
        self.now += 1;
        let at = UnixMillis(self.now);
        let entropy = [0; 24];
        let (output, reply) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: at.0,
                entropy,
                input,
            },
        );
        self.journal.extend(output.records);
        (output.effects, reply)
    }

    /// The chain says these; whether everything is paused then.
    fn sees(&mut self, address: Address, next: u64, pending: u64) -> bool {
        self.hears(address, next, pending, false)
    }

    /// One endpoint says these; `is_open`: another one says otherwise, or nobody else says it.
    fn hears(&mut self, address: Address, next: u64, pending: u64, is_open: bool) -> bool {
        self.has(address, next, pending, is_open, U256::ZERO);
        self.state.paused.is_some()
    }

    fn has(
        &mut self,
        address: Address,
        next: u64,
        pending: u64,
        is_open: bool,
        balance_wei: U256,
    ) -> Vec<Effect> {
        let facts = ChainFacts {
            head: Some(BlockRef {
                number: 1,
                hash: Root([1; 32]),
            }),
            account: Some(AccountFacts {
                address,
                next,
                pending,
                balance_wei,
                is_open,
            }),
            ..ChainFacts::default()
        };
        self.asks(Input::Facts(Box::new(facts))).0
    }

    fn command(&mut self, command: Command) {
        let by = SafeText::new("ann");
        assert!(
            self.input(Input::Command {
                by: by.into(),
                command
            })
            .unwrap()
            .is_ok()
        );
    }

    fn resume(&mut self) {
        self.command(Command::Resume(None));
    }
}

/// What the journal has of an intent with this nonce.
fn intent(pool: u32, nonce: u64) -> [Record; 2] {
    let action = action(pool);
    let proposal = Proposal {
        kind: ActionKind::SendDeposit,
        title: SafeText::new("send"),
        facts: Vec::new(),
        checks: Vec::new(),
        payload: Payload::Transaction(TransactionPayload {
            chain_id: 1,
            from: OURS,
            to: Address::repeat_byte(7),
            value_wei: U256::ZERO,
            data: Bytes::new(),
            fee_ceiling_wei: U256::from(1),
            call: None,
        }),
    };
    let digest = proposal.digest(action);
    let transaction = SignedTransaction {
        raw: Bytes::new(),
        hash: Root([9; 32]),
        nonce,
        max_fee_wei: U256::from(1),
        priority_fee_wei: U256::from(1),
        gas_limit: 1,
    };
    [
        Record::ActionProposed {
            action,
            proposal: Box::new(proposal),
            digest,
        },
        Record::TransactionSigned { action, transaction },
    ]
}

#[test]
fn what_a_stranger_sends_while_nobody_looks_pauses_the_next_start() {
    let mut life = Life::new(Vec::new());
    assert!(!life.sees(OURS, 5, 5), "an account may have a history");
    life.restart();
    assert!(!life.sees(OURS, 5, 5));
    life.restart();
    assert!(life.sees(OURS, 6, 6), "used while the oracle was down");
    // neither a restart nor time ends the pause
    life.restart();
    assert!(life.state.paused.is_some() && life.sees(OURS, 6, 6));
    life.resume();
    assert!(!life.sees(OURS, 6, 6));
    life.restart();
    assert!(
        !life.sees(OURS, 6, 6),
        "a person has looked, and that is journaled"
    );
    assert!(life.sees(OURS, 8, 8), "at others nobody has looked");
}

#[test]
fn a_stranger_that_only_waits_in_a_pool_is_seen_too() {
    let mut life = Life::new(Vec::new());
    assert!(life.sees(OURS, 5, 6), "even at the first look");
    life.resume();
    assert!(!life.sees(OURS, 6, 6), "the same transaction, in a block");
    // one that vanished before the person looked is told again when it comes back
    assert!(life.sees(OURS, 6, 7));
    life.sees(OURS, 6, 6);
    life.resume();
    assert!(!life.sees(OURS, 6, 6));
    assert!(life.sees(OURS, 7, 7));
}

#[test]
fn who_has_paused_already_is_told_before_resuming() {
    let mut life = Life::new(Vec::new());
    life.sees(OURS, 5, 5);
    life.command(Command::Pause(None));
    life.sees(OURS, 6, 6);
    let (by, _) = life.state.paused.clone().unwrap();
    assert!(by.as_str().contains("nonce 5 of the oracle account"), "{by}");
    // before the chain was read again nothing more than what was told is accepted
    life.restart();
    life.resume();
    assert!(!life.sees(OURS, 6, 6));
    assert!(life.sees(OURS, 7, 7));
}

#[test]
fn who_waits_behind_a_lower_nonce_says_whose_it_is_and_what_holds_that_up() {
    let block = BlockRef {
        number: 1,
        hash: Root([1; 32]),
    };
    let opened = |pool| Record::CaseOpened {
        case: action(pool).case,
        cause: Cause::State { block },
    };
    let of = |pool, nonce| {
        let [proposed, signed] = intent(pool, nonce);
        [opened(pool), proposed, signed]
    };
    let mut life = Life::new([of(1, 3), of(2, 4)].concat());
    life.sees(OURS, 3, 3);
    let why = |life: &Life, pool| {
        let words = life.state.waiting_reason(action(pool).case);
        words.map(|words| words.as_str().to_owned()).unwrap_or_default()
    };
    assert_eq!(why(&life, 1), "", "nothing stands before it");
    let behind = why(&life, 2);
    assert!(
        behind.starts_with("waits behind nonce 3 of deposit/1: "),
        "{behind}"
    );
    life.command(Command::Pause(Some(action(1).case)));
    life.input(Input::Tick);
    let behind = why(&life, 2);
    assert!(
        behind.ends_with("it does not leave while deposit/1 is paused, so resume that"),
        "{behind}"
    );
}

#[test]
fn our_own_are_known_and_a_journal_without_a_floor_is_watched_from_its_first_intent_on() {
    let old: Vec<_> = [intent(1, 3), intent(2, 4)].concat();
    let mut life = Life::new(old.clone());
    assert!(!life.sees(OURS, 5, 5), "both are ours");
    assert!(life.sees(OURS, 6, 6));
    let mut gap = Life::new([intent(1, 3), intent(2, 5)].concat());
    assert!(gap.sees(OURS, 6, 6), "4 was somebody else");
    // sent, not yet in the chain: nobody else's
    let mut ahead = Life::new(old);
    assert!(!ahead.sees(OURS, 3, 5));
}

#[test]
fn an_intent_whose_nonce_the_chain_gives_to_another_pauses_once() {
    let mut life = Life::new([intent(1, 3)].concat());
    life.sees(OURS, 3, 4);
    let replaced = |by, is_final| Input::Inspected {
        action: action(1),
        status: Some(NonceStatus::Replaced { by, is_final }),
    };
    life.input(replaced(None, false));
    assert!(life.state.paused.is_none(), "two nodes may have different pools");
    let by = Some(Root([8; 32]));
    life.input(replaced(by, false));
    assert!(life.state.paused.is_some());
    life.resume();
    life.input(replaced(by, true));
    assert!(life.state.paused.is_none(), "it is the same one");
}

/// What an endpoint tells by turns is journaled ever more seldom, and hides no transaction of whoever has the key.
#[test]
fn a_stranger_on_our_nonce_pauses_at_once_however_often_its_status_flipped_before() {
    let mut life = sending();
    let status = |status| Input::Inspected {
        action: action(1),
        status: Some(status),
    };
    for _ in 0..40 {
        life.input(status(NonceStatus::Pending));
        life.input(status(NonceStatus::Missing));
    }
    assert!(life.state.paused.is_none());
    let stranger = NonceStatus::Replaced {
        by: Some(Root([8; 32])),
        is_final: false,
    };
    life.input(status(stranger.clone()));
    assert!(life.state.paused.is_some());
    // and whoever takes it back and tells it again writes seldom
    let before = told(&life);
    for _ in 0..40 {
        life.input(status(NonceStatus::Missing));
        life.input(status(stranger.clone()));
    }
    assert!(told(&life) - before <= 2, "{} records", told(&life) - before);
}

/// What a node has with the nonce is not one of the hashes that were asked for.
fn contested() -> Input {
    Input::Inspected {
        action: action(1),
        status: Some(NonceStatus::Replaced {
            by: None,
            is_final: false,
        }),
    }
}

/// A deposit whose transaction with nonce 3 is signed and being sent.
fn sending() -> Life {
    let block = BlockRef {
        number: 1,
        hash: Root([1; 32]),
    };
    let opened = Record::CaseOpened {
        case: action(1).case,
        cause: Cause::State { block },
    };
    let mut life = Life::new([vec![opened], intent(1, 3).to_vec()].concat());
    life.sees(OURS, 3, 3);
    life
}

fn in_block(number: u64, is_final: bool) -> Input {
    Input::Inspected {
        action: action(1),
        status: Some(NonceStatus::Included {
            hash: Root([1; 32]),
            block: BlockRef {
                number,
                hash: Root([2; 32]),
            },
            success: true,
            reason: None,
            fee_paid_wei: U256::ZERO,
            served: None,
            is_final,
            overtaken: false,
        }),
    }
}

#[test]
fn a_block_that_moves_at_every_look_has_few_records() {
    let mut life = sending();
    // a day of looks, one each 12 seconds
    for block in 1..7_200 {
        life.now += 12_000;
        life.input(in_block(block, false));
    }
    let moves = told(&life);
    assert!((9..=45).contains(&moves), "{moves}");
    // what counts is told at once
    life.input(Input::Inspected {
        action: action(1),
        status: Some(NonceStatus::Pending),
    });
    assert_eq!(told(&life), moves + 1);
    life.input(in_block(9_000, false));
    assert_eq!(told(&life), moves + 2);
    life.input(in_block(9_001, true));
    assert_eq!(told(&life), moves + 3);
}

#[test]
fn a_status_that_changes_to_and_fro_at_every_look_has_few_records() {
    for other in [NonceStatus::Missing, NonceStatus::Pending] {
        let mut life = sending();
        // a day of looks, one each 12 seconds
        for n in 1..7_200 {
            life.now += 12_000;
            let status = Some(other.clone());
            let to_and_fro = match (n % 2, &other) {
                (0, _) => Input::Inspected {
                    action: action(1),
                    status,
                },
                (_, NonceStatus::Missing) => Input::Inspected {
                    action: action(1),
                    status: Some(NonceStatus::Pending),
                },
                _ => in_block(5, false),
            };
            life.input(to_and_fro);
        }
        let flips = told(&life);
        assert!((9..=45).contains(&flips), "{flips}");
        // what is final is told at once
        life.input(in_block(9_001, true));
        assert_eq!(told(&life), flips + 1);
    }
}

#[test]
fn a_raise_without_a_price_is_asked_for_after_the_pause_of_a_refused_one() {
    let pause = settings().bump_after_ms;
    for (refused, pause) in [
        (NotSigned::Unknown("no endpoint tells its fees".into()), pause),
        (NotSigned::Refused("over the ceiling".into()), pause),
        (NotSigned::Away("the signer is away".into()), 0),
    ] {
        let mut life = sending();
        let at = life.now + 1;
        life.input(Input::Signed {
            action: action(1),
            outcome: Err(refused),
        });
        let until = life.state.volatile.not_before[&state::EffectKey::Sign(action(1))];
        assert_eq!(until, UnixMillis(at + pause.max(5_000)));
    }
}

fn told(life: &Life) -> usize {
    let status = |r: &&Record| matches!(r, Record::TransactionStatus { .. });
    life.journal.iter().filter(status).count()
}

#[test]
fn what_was_looked_at_before_our_own_bytes_were_at_the_nodes_is_no_news() {
    // signed, and handed over now: the look that began with it races with it
    let mut life = sending();
    life.input(contested());
    assert_eq!(told(&life), 0, "our own comes to the node at this moment");
    life.input(Input::Sent {
        action: action(1),
        outcome: Ok(()),
    });
    life.input(contested());
    assert_eq!(told(&life), 0, "this look began before a node had it");
    life.input(contested());
    assert_eq!(told(&life), 1, "and this one after");
    assert!(life.state.paused.is_none());
}

#[test]
fn a_look_that_began_before_a_replacement_does_not_take_it_for_a_strangers() {
    let mut life = sending();
    life.input(Input::Sent {
        action: action(1),
        outcome: Ok(()),
    });
    // a look is under way when the replacement is signed
    let hash = Root([10; 32]);
    let [_, Record::TransactionSigned { transaction, .. }] = intent(1, 3) else {
        unreachable!()
    };
    let replacement = SignedTransaction { hash, ..transaction };
    life.input(Input::Signed {
        action: action(1),
        outcome: Ok(replacement),
    });
    let before = told(&life);
    life.input(Input::Inspected {
        action: action(1),
        status: Some(NonceStatus::Replaced {
            by: Some(hash),
            is_final: false,
        }),
    });
    assert!(life.state.paused.is_none(), "it is ours");
    assert_eq!(told(&life), before);
}

/// Whether it pays the base fee says little: nodes have floors of their own, and blocks are built by who pays more.
#[test]
fn what_no_block_takes_is_replaced_in_time_whatever_it_pays_where_the_account_can() {
    for status in [NonceStatus::Pending, NonceStatus::Missing] {
        for (balance, replaced) in [(0, false), (1, true)] {
            let mut life = sending();
            life.input(Input::Sent {
                action: action(1),
                outcome: Ok(()),
            });
            for _ in 0..2 {
                life.input(Input::Inspected {
                    action: action(1),
                    status: Some(status.clone()),
                });
            }
            let replaces = |effects: Vec<Effect>| {
                let sign = effects.into_iter().find_map(|effect| match effect {
                    Effect::Sign { nonce, replaces, .. } => Some((nonce, replaces.map(|old| old.hash))),
                    _ => None,
                });
                sign == Some((3, Some(Root([9; 32]))))
            };
            let balance = U256::from(balance);
            let soon = life.has(OURS, 3, 3, false, balance);
            assert!(!replaces(soon), "{status:?}: it has just been sent");
            life.now += settings().bump_after_ms;
            let late = life.has(OURS, 3, 3, false, balance);
            assert_eq!(replaces(late), replaced, "{status:?}, {balance} wei");
        }
    }
}

#[test]
fn each_account_has_its_own_nonces() {
    let mut life = Life::new([intent(1, 100)].concat());
    let new = Address::repeat_byte(4);
    assert!(!life.sees(new, 2, 2), "another key, another history");
    assert_eq!(super::next_nonce(&life.state, new), Some(2));
    assert!(!life.sees(OURS, 101, 101));
    assert_eq!(super::next_nonce(&life.state, OURS), Some(101));
    assert!(life.sees(OURS, 102, 102));
}

#[test]
fn a_nonce_is_given_out_once() {
    let next = |own: &[u64], next, pending| {
        let intents = own.iter().zip(1..).map(|(nonce, pool)| intent(pool, *nonce));
        let mut life = Life::new(intents.flatten().collect());
        life.sees(OURS, next, pending);
        super::next_nonce(&life.state, OURS).unwrap()
    };
    assert_eq!(next(&[], 5, 5), 5);
    assert_eq!(next(&[5], 5, 5), 6, "5 is given, though no node has it");
    assert_eq!(next(&[5, 6], 6, 7), 7);
    assert_eq!(next(&[5, 6], 5, 5), 7);
    assert_eq!(next(&[5], 5, 7), 7, "what waits in a pool has its nonce");
    assert_eq!(
        next(&[6], 5, 5),
        5,
        "one that nobody has any more would hold up all behind it"
    );
}

/// A case whose transaction is approved and waits to be signed.
fn held(life: &Life) -> bool {
    !life.state.may_leave(action(1).case)
}

#[test]
fn a_new_journal_for_an_account_with_a_past_lets_nothing_leave_before_a_person_adopts_it() {
    let block = BlockRef {
        number: 1,
        hash: Root([1; 32]),
    };
    let opened = Record::CaseOpened {
        case: action(1).case,
        cause: Cause::State { block },
    };
    let mut life = Life::new(vec![opened]);
    life.sees(OURS, 5, 5);
    assert!(held(&life), "another oracle may work for it");
    let words = life.state.unadopted().unwrap().words();
    assert!(
        words.as_str().contains("5 transactions") && words.as_str().contains("casimir-dkg adopt"),
        "{words}"
    );
    life.restart();
    life.sees(OURS, 5, 5);
    assert!(held(&life), "a restart is no adoption");
    let by = SafeText::new("ann");
    let other = Command::Adopt(Address::repeat_byte(4));
    assert!(
        life.input(Input::Command {
            by: by.clone().into(),
            command: other
        })
        .unwrap()
        .is_err()
    );
    life.command(Command::Adopt(OURS));
    assert!(!held(&life));
    life.restart();
    life.sees(OURS, 5, 5);
    assert!(!held(&life), "it is journaled");
    let again = Command::Adopt(OURS);
    assert!(
        life.input(Input::Command {
            by: by.into(),
            command: again
        })
        .unwrap()
        .is_err()
    );
    assert!(life.sees(OURS, 6, 6), "and strangers are still watched for");
}

#[test]
fn no_adoption_is_asked_for_an_account_that_this_journal_has_always_watched() {
    let mut life = Life::new(Vec::new());
    life.sees(OURS, 0, 0);
    assert_eq!(life.state.unadopted(), None);
    assert!(life.sees(OURS, 1, 1), "a stranger");
    life.resume();
    life.sees(OURS, 1, 1);
    assert_eq!(life.state.unadopted(), None, "a person has looked");
    let mut served = Life::new([intent(1, 3)].concat());
    served.sees(OURS, 4, 4);
    assert_eq!(served.state.unadopted(), None, "its own work");
}

#[test]
fn another_account_that_endpoints_contradict_each_other_on_is_another_all_the_same() {
    let theirs = Address::repeat_byte(4);
    let mut life = Life::new(Vec::new());
    life.sees(OURS, 0, 0);
    life.restart();
    life.hears(theirs, 0, 0, true);
    let waiting = life.state.unadopted().unwrap();
    assert_eq!((waiting.account, waiting.other), (theirs, Some(OURS)));
}

#[test]
fn another_account_than_the_journals_waits_for_a_person_even_where_it_never_sent_anything() {
    let theirs = Address::repeat_byte(4);
    let mut life = Life::new(Vec::new());
    life.sees(OURS, 0, 0);
    assert_eq!(life.state.unadopted(), None, "the first is the journal's own");
    life.restart();
    life.sees(theirs, 0, 0);
    let waiting = life.state.unadopted().unwrap();
    assert_eq!(
        (waiting.account, waiting.nonce, waiting.other),
        (theirs, 0, Some(OURS))
    );
    assert!(
        waiting.words().as_str().contains(&OURS.to_string()),
        "{}",
        waiting.words()
    );
    life.command(Command::Adopt(theirs));
    assert_eq!(life.state.unadopted(), None);
    life.restart();
    life.sees(theirs, 0, 0);
    assert_eq!(life.state.unadopted(), None, "the adoption is a record");
}

/// What leaves for a case whose transaction [`OURS`] signed, after a restart with this account.
fn asked_for(account: Option<Address>) -> Vec<Effect> {
    let opened = Record::CaseOpened {
        case: action(1).case,
        cause: Cause::Manual {
            by: "ann".into(),
            at: UnixMillis(0),
        },
    };
    let mut state = State::new(settings());
    for (n, record) in [opened].into_iter().chain(intent(1, 0)).enumerate() {
        state.apply(n as u64 + 1, UnixMillis(0), &record);
    }
    let facts = ChainFacts {
        head: Some(BlockRef {
            number: 1,
            hash: Root([1; 32]),
        }),
        account: account.map(|address| AccountFacts {
            address,
            next: 0,
            pending: 0,
            balance_wei: U256::ZERO,
            is_open: false,
        }),
        ..ChainFacts::default()
    };
    let mut effects = Vec::new();
    for (at, input) in [(1, Input::Started), (2, Input::Facts(Box::new(facts)))] {
        let stamped = Stamped {
            at: UnixMillis(at),
            up_ms: at,
            entropy: [0; 24],
            input,
        };
        effects.extend(step(&mut state, stamped).0.effects);
    }
    effects
}

#[test]
fn what_another_account_signed_is_looked_for_and_never_sent() {
    let looks = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Inspect { .. }));
    let sends = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Send { .. }));
    for (account, sent) in [
        (Some(OURS), true),
        (Some(Address::repeat_byte(4)), false),
        (None, false),
    ] {
        let effects = asked_for(account);
        assert!(looks(&effects), "{account:?}: {effects:?}");
        assert_eq!(sends(&effects), sent, "{account:?}: {effects:?}");
    }
}

#[test]
fn what_endpoints_contradict_each_other_on_accuses_nobody_and_gives_out_no_nonce() {
    let mut life = Life::new(intent(1, 4).into());
    assert!(!life.hears(OURS, u64::MAX >> 11, 0, true), "the first look");
    assert!(
        !life.state.accounts.contains_key(&OURS),
        "nothing is taken down of it"
    );
    assert!(!life.sees(OURS, 5, 5));
    let records = life.journal.len();
    for (next, pending) in [(6, 6), (6, 1_000), (1_000, 1_000)] {
        assert!(!life.hears(OURS, next, pending, true));
        assert_eq!(
            super::next_nonce(&life.state, OURS),
            None,
            "{next} is no nonce of ours"
        );
    }
    // what the journal explains needs no second voice
    assert!(!life.hears(OURS, 5, 5, true));
    assert_eq!(super::next_nonce(&life.state, OURS), Some(5));
    assert_eq!(life.journal.len(), records, "nothing was recorded");
    assert!(life.sees(OURS, 6, 6), "once they agree, it is so");
}

/// A journal that was put back from an older copy knows nothing of what it sent since: each of it is told, and not the first.
#[test]
fn several_strange_nonces_are_one_record_that_names_the_last() {
    let mut life = Life::new(Vec::new());
    assert!(!life.sees(OURS, 0, 0));
    life.journal.extend(intent(1, 0));
    life.restart();
    assert!(life.sees(OURS, 4, 4));
    let strange = life
        .journal
        .iter()
        .find(|record| record.kind() == "account-strange");
    let strange = strange.unwrap();
    assert!(
        matches!(
            strange,
            Record::AccountStrange {
                nonce: 1,
                next: 4,
                last: Some(3),
                ..
            }
        ),
        "{strange:?}"
    );
    assert!(
        strange.sentence().as_str().contains("nonces 1 to 3"),
        "{}",
        strange.sentence()
    );
    let (by, _) = life.state.paused.clone().unwrap();
    assert!(
        by.as_str().contains("nonces 1 to 3") && by.as_str().contains("older copy"),
        "{by}"
    );
    // what was told is not accepted yet: doctor names it, too
    let unknown = life.state.unexplained(OURS, 4).unwrap();
    assert_eq!((unknown.first, unknown.last), (1, 3));
    life.resume();
    assert_eq!(life.state.unexplained(OURS, 4), None);
}
