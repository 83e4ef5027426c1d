//! From a key to its transaction: the queue's order, and the signature that SSV wants.

use crate::oracle::state::{EffectKey, Shares};
use crate::oracle::turn::{Begins, Turn};
use crate::oracle::ways::{first_given_up, is_settled, stopped_by};
use crate::oracle::{Case, CeremonyRole, KnownKey, Mode, Purpose, Record, State, cases};
use crate::types::{BroughtAlong, CaseId, CeremonyPlan, OwnerNonce, RequestKind, SafeText, SignPurpose};

use super::*;

pub(super) fn toward_effect(turn: &mut Turn<'_>, id: CaseId) {
    if !ready_to_begin(turn, id) {
        return;
    }
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let (facts, seen) = (turn.state.facts(), turn.state.seen());
    if let Some(why) = case.kind().holds_effect(&turn.state.settings, seen, id.pool) {
        let first = turn.stoppers.get_or_init(|| first_given_up(turn.state));
        let why = match stopped_by(turn.state, first, id) {
            Some(given_up) => format!(
                "{why}; {given_up} was given up, and nothing behind it is deposited until that one is taken up again"
            ),
            None => why,
        };
        turn.waits(id, &why);
        return;
    }
    // it was condemned, and whoever did so did not come to what follows from it
    let made = case.keygen.as_ref().map(|key| key.validator);
    if let Some(why) = made.and_then(|key| turn.state.condemned.get(&key)) {
        let reason = SafeText::new(&format!("its key must never be used: {why}"));
        turn.record(Record::CaseHalted { case: id, reason });
        return;
    }
    let (effect, owner_nonce) = (case.kind().effect(), facts.owner_nonce);
    if effect.definition().carries_registration() {
        let Some(owner_nonce) = owner_nonce else {
            turn.waits(id, "SSV's registration nonce of the manager is not known: the logs that count it are not read yet, or one of them cannot be read");
            return;
        };
        if let Some(other) = registers_first(turn.state, id) {
            turn.waits(id, &waits_for(other));
            return;
        }
        if case.registration.is_none_or(|r| r.nonce != owner_nonce) {
            register(turn, id, owner_nonce);
            return;
        }
    }
    prepare(turn, id, Purpose::Propose, effect, None);
}

/// Another case whose transaction can still take the number that SSV expects next. SSV's contract looks at no number: a
/// second transaction with the same one would go through, and SSV's nodes would ignore its validator. Where the contract
/// serves a queue, its head lets one through at a time; where calls name their pools, this does.
pub(in crate::oracle) fn registers_first(state: &State, id: CaseId) -> Option<CaseId> {
    if cases::kind(RequestKind::Deposit).is_in_line(&state.settings) || planted!(RegistrationTwice) {
        return None;
    }
    let expected = state.volatile.facts.owner_nonce;
    let takes_it = |other: &CaseId| {
        let signed = state.cases.get(other).and_then(|case| case.registration);
        // once it is taken, the state counts beyond it, unless it is older or another branch's
        signed.is_some_and(|signed| expected.is_none_or(|expected| signed.nonce >= expected))
    };
    let sent = state
        .sendings
        .iter()
        .filter(|(_, sent)| !is_settled(&sent.status));
    let mut others = sent.map(|(action, _)| action.case).filter(|case| *case != id);
    others.find(takes_it)
}

pub(super) fn waits_for(other: CaseId) -> String {
    format!(
        "waits until the transaction of {other} is in a block: it can take the registration nonce that SSV expects next"
    )
}

/// The signature that SSV wants over the owner and its nonce. It was approved together with the main ceremony and
/// is harmless by itself, so it needs no decision of its own; a pause holds it all the same.
pub(super) fn register(turn: &mut Turn<'_>, id: CaseId, nonce: u64) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    if !turn.state.may_leave(id) {
        let why = match turn.state.mode() {
            Mode::Observe => {
                "the SSV registration is to be signed; mode observe lets nothing leave this machine"
            }
            _ if turn.state.unadopted().is_some() => {
                "the SSV registration is to be signed; nothing leaves before the account is adopted"
            }
            _ => "paused before the SSV registration is signed",
        };
        turn.waits(id, why);
        return;
    }
    if turn.is_early(EffectKey::Prepare(id)) {
        return;
    }
    if let Some(why) = not_renewable(turn.state, case) {
        let way_on = match case.kind().shares() {
            Shares::Makes => ": another key is the way on",
            Shares::Replaces | Shares::Uses => "",
        };
        let reason = SafeText::new(&format!("{why}{way_on}"));
        turn.record(Record::CaseHalted { case: id, reason });
        return;
    }
    if case.registration_attempts >= REGISTRATION_ATTEMPTS {
        let why = case.last_failure.clone().unwrap_or_default();
        let reason = SafeText::new(&format!("the SSV registration could not be signed: {why}"));
        turn.record(Record::CaseHalted { case: id, reason });
        return;
    }
    turn.may_begin(Begins::Registration { case: id, nonce });
}

/// Why the key of a case cannot be registered any more: SSV expects another nonce than the one that was signed as the
/// key was made or moved, and its backend signs no other.
pub(in crate::oracle) fn not_renewable(state: &State, case: &Case) -> Option<String> {
    let made = state.ceremonies.get(&case.ceremony?)?;
    let signed = made.plan.registration()?;
    let expected = state.volatile.facts.owner_nonce?;
    if case.registration.is_some_and(|r| r.nonce == expected) {
        return None;
    }
    let backend = &state.settings.backend;
    // another backend is waited for: whether it signs again is its own to say
    let why = backend.renews_registrations.as_ref().err()?;
    (made.backend == backend.name).then(|| {
        format!(
            "its SSV registration was signed for nonce {} within the {}, SSV expects {expected} now, and {why}",
            signed.nonce,
            made.plan.kind()
        )
    })
}

/// There is a place for it.
pub(super) fn begin_registration(turn: &mut Turn<'_>, id: CaseId, nonce: u64) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let Some(key) = case.moved_key().or_else(|| case.made_key()) else {
        return;
    };
    let attempt = case.registration_attempts + 1;
    // whoever made the key has its shares, and told how many of them sign
    let Some(made) = case.ceremony.and_then(|made| turn.state.ceremonies.get(&made)) else {
        return;
    };
    let backend = made.backend.clone();
    let plan = registration_plan(turn.state, key, &made.plan, nonce);
    let request = turn.draw_request_id();
    turn.record(Record::CeremonyStarted {
        request,
        case: id,
        action: None,
        role: CeremonyRole::Registration,
        attempt,
        plan: plan.clone(),
        backend: backend.clone(),
    });
    turn.begin_ceremony(id, request, plan, backend);
}

/// Those who hold the key sign; `made` is the plan by which it became theirs.
fn registration_plan(state: &State, key: KnownKey, made: &CeremonyPlan, nonce: u64) -> CeremonyPlan {
    let message = OwnerNonce::new(state.settings.owner, nonce);
    let signing_root = message.root();
    let OwnerNonce { owner, nonce } = message;
    CeremonyPlan::Sign {
        validator: key.validator,
        brought: brought(&key, made).map(Box::new),
        committee: key.committee,
        threshold: made.threshold(),
        signing_root,
        what: SignPurpose::OwnerNonce { owner, nonce },
        share_public_keys: key.share_public_keys,
    }
}

/// What operators who keep nothing are given again.
fn brought(key: &KnownKey, made: &CeremonyPlan) -> Option<BroughtAlong> {
    let (withdrawal_credentials, fork_version) = match made {
        CeremonyPlan::Keygen {
            withdrawal_credentials,
            fork_version,
            ..
        } => (*withdrawal_credentials, *fork_version),
        CeremonyPlan::Reshare {
            brought: Some(brought),
            ..
        } => (brought.withdrawal_credentials, brought.fork_version),
        CeremonyPlan::Reshare { brought: None, .. } | CeremonyPlan::Sign { .. } => return None,
    };
    (!key.handed_back.is_empty()).then(|| BroughtAlong {
        handed_back: key.handed_back.clone(),
        withdrawal_credentials,
        fork_version,
        owner_signature: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::fixture::settings;
    use crate::oracle::{Cause, ChainFacts, Draft, Effect, Input, Output, Registration, Stamped, step};
    use crate::types::{
        BackendName, BlockRef, BlsPublicKey, BlsSignature, CeremonyResult, ForkVersion, KeygenOutput, LogRef,
        OperatorId, PoolId, RequestId, Root, UnixMillis,
    };

    const BACKEND: BackendName = BackendName::new("other");
    /// All of four: no rule of RockX's.
    const THRESHOLD: u8 = 4;
    const SIGNED: BlsSignature = BlsSignature([7; 96]);

    /// A deposit whose key was just made; with `nonce`, the registration was signed within the key generation.
    fn made(nonce: Option<u64>) -> (State, CaseId) {
        let case: CaseId = "deposit/3".parse().unwrap();
        let request = RequestId([1; 24]);
        let block = BlockRef {
            number: 1,
            hash: Root([1; 32]),
        };
        let records = [
            Record::CaseOpened {
                case,
                cause: Cause::Event {
                    log: LogRef {
                        block,
                        transaction: Root([2; 32]),
                        index: 0,
                    },
                    leaving: None,
                },
            },
            Record::CeremonyStarted {
                request,
                case,
                action: None,
                role: CeremonyRole::Main,
                attempt: 1,
                plan: CeremonyPlan::Keygen {
                    committee: (1..=4).map(OperatorId).collect(),
                    threshold: THRESHOLD,
                    withdrawal_credentials: Root::default(),
                    fork_version: ForkVersion::default(),
                    registration: nonce.map(|nonce| OwnerNonce {
                        owner: settings().owner.to_checksum(None),
                        nonce,
                    }),
                },
                backend: BACKEND,
            },
            Record::CeremonyVerified {
                request,
                result: CeremonyResult::Keygen(KeygenOutput {
                    validator: BlsPublicKey([5; 48]),
                    deposit_signature: BlsSignature::default(),
                    share_public_keys: (1..=4)
                        .map(|n| (OperatorId(n), BlsPublicKey([n as u8; 48])))
                        .collect(),
                    encrypted_shares: Default::default(),
                    registration: nonce.map(|_| SIGNED),
                    handed_back: (1..=4).map(|n| (OperatorId(n), vec![n as u8])).collect(),
                }),
                checks: Vec::new(),
                transcript: None,
            },
        ];
        let mut state = State::new(settings());
        for (n, record) in (1..).zip(&records) {
            state.apply(n, UnixMillis(1_000), record);
        }
        (state, case)
    }

    /// What the core does once the pool is at the head of the queue.
    fn turn_comes(state: &mut State, owner_nonce: u64) -> Output {
        let facts = ChainFacts {
            head: Some(BlockRef {
                number: 9,
                hash: Root([9; 32]),
            }),
            ready: vec![PoolId(3)],
            owner_nonce: Some(owner_nonce),
            ..ChainFacts::default()
        };
        let inputs = [
            Input::Started,
            Input::CaughtUp { finalized: None },
            Input::Facts(Box::new(facts)),
        ];
        let mut all = Output::default();
        for (n, input) in (2..).zip(inputs) {
            let stamped = Stamped {
                at: UnixMillis(n * 1_000),
                up_ms: n * 1_000,
                entropy: [n as u8; 24],
                input,
            };
            let (output, _) = step(state, stamped);
            all.records.extend(output.records);
            all.effects.extend(output.effects);
        }
        all
    }

    #[test]
    fn what_was_signed_within_the_key_generation_is_not_signed_again() {
        let (mut state, case) = made(Some(4));
        let registration = Registration {
            nonce: 4,
            signature: SIGNED,
        };
        assert_eq!(state.cases[&case].registration, Some(registration));
        let out = turn_comes(&mut state, 4);
        assert_eq!(out.records, [], "no ceremony is started");
        let with = out.effects.iter().find_map(|effect| match effect {
            Effect::Prepare { draft, .. } => match &**draft {
                Draft::SendDeposit(draft) => Some(draft.registration),
                _ => None,
            },
            _ => None,
        });
        assert_eq!(with, Some(registration));
    }

    #[test]
    fn whoever_made_the_key_signs_its_registration() {
        let (mut state, _) = made(None);
        let out = turn_comes(&mut state, 4);
        let started = out.records.iter().find_map(|record| match record {
            Record::CeremonyStarted {
                role, backend, plan, ..
            } => Some((*role, backend.clone(), plan.threshold())),
            _ => None,
        });
        assert_eq!(started, Some((CeremonyRole::Registration, BACKEND, THRESHOLD)));
    }

    #[test]
    fn what_the_operators_handed_back_is_brought_along_when_the_nonce_has_moved() {
        let (mut state, case) = made(Some(4));
        let out = turn_comes(&mut state, 5);
        let begun = out.records.iter().find_map(|record| match record {
            Record::CeremonyStarted {
                role: CeremonyRole::Registration,
                plan:
                    CeremonyPlan::Sign {
                        brought,
                        signing_root,
                        ..
                    },
                ..
            } => Some((brought.clone(), *signing_root)),
            _ => None,
        });
        let (brought, signing_root) = begun.expect("a signing ceremony");
        let made = state.cases[&case].keygen.clone().unwrap();
        assert_eq!(brought.map(|brought| brought.handed_back), Some(made.handed_back));
        assert_eq!(signing_root, OwnerNonce::new(settings().owner, 5).root());
    }

    #[test]
    fn a_registration_that_its_backend_signs_once_only_is_held_with_the_way_on() {
        let (mut state, case) = made(Some(4));
        let cannot = || Err(SafeText::new("it signs no other"));
        state.settings.backend.renews_registrations = cannot();
        // of another backend nobody here knows that
        assert_eq!(not_renewable(&state, &state.cases[&case]), None);
        state.settings.backend.name = BACKEND;
        assert_eq!(turn_comes(&mut state, 4).records, [], "good for this one");
        let (mut state, case) = made(Some(4));
        state.settings.backend.name = BACKEND;
        state.settings.backend.renews_registrations = cannot();
        let out = turn_comes(&mut state, 5);
        let reason = SafeText::new(
            "its SSV registration was signed for nonce 4 within the keygen, SSV expects 5 now, and it signs no other: \
             another key is the way on",
        );
        assert_eq!(out.records, [Record::CaseHalted { case, reason }]);
    }

    #[test]
    fn a_committee_that_ssv_refuses_does_not_make_the_next_key_either() {
        for (refused, spent) in [(None, 0), (Some("it would revert: OperatorDoesNotExist()"), 1)] {
            let (mut state, case) = made(Some(4));
            state.settings.backend.name = BACKEND;
            state.settings.backend.renews_registrations = Err(SafeText::new("it signs no other"));
            turn_comes(&mut state, 5);
            if let Some(words) = refused {
                let reason = SafeText::new(words);
                let seq = state.newest + 1;
                state.apply(seq, UnixMillis(9_000), &Record::CaseHalted { case, reason });
            }
            assert!(not_renewable(&state, &state.cases[&case]).is_some());
            let by = SafeText::new("ann").into();
            let command = crate::oracle::Command::RedoKey(case);
            let stamped = Stamped {
                at: UnixMillis(10_000),
                up_ms: 10_000,
                entropy: [1; 24],
                input: Input::Command { by, command },
            };
            let (_, reply) = step(&mut state, stamped);
            assert!(matches!(reply, Some(Ok(_))), "{reply:?}");
            assert_eq!(state.cases[&case].spent.len(), spent, "{refused:?}");
        }
    }
}
