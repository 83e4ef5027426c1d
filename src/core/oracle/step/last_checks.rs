//! The last checks of what was approved, and how it leaves: what would leave must be what was approved, and nothing that
//! somebody but one endpoint says may speak against it.

use crate::oracle::checks::{BEACON_AGREE, ENDPOINTS_AGREE, RULES_AGREE, Rests, rests_on};
use crate::oracle::state::EffectKey;
use crate::oracle::turn::Turn;
use crate::oracle::{
    Action, ActionState, CeremonyPayload, CeremonyRole, Effect, Family, Payload, Prepared, Proposal, Record,
    TransactionPayload, account, advance, undo,
};
use crate::types::{ActionId, CaseId, Check, CheckStatus, SafeText};

/// The last checks before something leaves: what would leave must be what was approved.
pub(super) fn made(turn: &mut Turn<'_>, action: ActionId, outcome: Prepared) {
    let case = action.case;
    let approved = turn
        .state
        .actions
        .get(&action)
        .filter(|a| a.state == ActionState::Approved);
    let Some(family) = approved.map(|a| a.proposal.payload.family()) else {
        return;
    };
    if !turn.state.may_leave(case) || turn.state.cases.get(&case).is_none_or(|c| c.orphaned) {
        return;
    }
    // the desk may have taken its time, or have answered twice
    if advance::not_in_time(turn.state, action) {
        return;
    }
    let proposal = match outcome {
        Prepared::Proposal(proposal) => proposal,
        Prepared::Refused(reason) => {
            // what is broadcast stays what it is: its approval waits for the person who looks
            if family != Family::Broadcast {
                turn.record(Record::ActionVoided {
                    action,
                    reason: reason.clone(),
                });
            }
            turn.record(Record::CaseHalted { case, reason });
            return;
        }
        Prepared::Later { .. } | Prepared::TooEarly { .. } | Prepared::AlreadySo { .. } => return,
    };
    // the rules may have been read anew since it was asked, and have another window
    let leaves = still_holds(turn, action, &proposal) && !undo::is_open(turn, action);
    if planted!(DigestIgnored) || leaves {
        leave(turn, action, proposal.payload);
    }
}

/// How it begins what is said of an approval that its last checks end.
pub(in crate::oracle) const CHECKS_FAILED: &str = "checks failed after the approval: ";
/// What is said of one where other bytes than those that were approved would leave.
pub(in crate::oracle) const PAYLOAD_CHANGED: &str = "what would be sent changed after the approval";

/// What the last checks make of an approval.
enum Verdict {
    Holds,
    /// It may hold again before it expires.
    Waits(String),
    Ends(String),
}

/// Whether what would leave is what was approved, and every check says what it said then, or is known by now.
fn still_holds(turn: &mut Turn<'_>, id: ActionId, now: &Proposal) -> bool {
    let Some(action) = turn.state.actions.get(&id) else {
        return false;
    };
    match verdict(action, now) {
        Verdict::Holds => true,
        Verdict::Waits(words) => {
            turn.hears(id.case, SafeText::new(&words));
            turn.not_before(EffectKey::Prepare(id.case), advance::AFTER_FAILURE_MS);
            false
        }
        Verdict::Ends(reason) => {
            let reason = SafeText::new(&reason);
            turn.record(Record::ActionVoided { action: id, reason });
            pause_after_ended(turn, id.case);
            false
        }
    }
}

/// Approvals of one case that the last checks may end one after the other before it waits.
const ENDED_AT_ONCE: u32 = 4;
/// The first pause after those, each twice the one before, and the longest, ms.
const ENDED_PAUSE_MS: (u64, u64) = (60_000, 3_600_000);

/// Who turns to and fro what a rule approves and what would leave then (an operator that comes and goes, say) has a case
/// propose and void for ever, and each is another action: so it is proposed again ever more seldom.
fn pause_after_ended(turn: &mut Turn<'_>, case: CaseId) {
    let live = &mut turn.state.volatile;
    let up_ms = live.up_ms;
    let (times, last_ms) = live.ended_approvals.entry(case).or_default();
    // it was steady for longer than any pause
    if up_ms.saturating_sub(*last_ms) > 2 * ENDED_PAUSE_MS.1 {
        *times = 0;
    }
    (*times, *last_ms) = (*times + 1, up_ms);
    if let Some(more) = times.checked_sub(ENDED_AT_ONCE + 1) {
        let (first, longest) = ENDED_PAUSE_MS;
        let pause = (first << more.min(16)).min(longest);
        let words = format!(
            "the last checks ended {times} approvals of this case: it is proposed again after {} min",
            pause / 60_000
        );
        turn.not_before(EffectKey::Prepare(case), pause);
        turn.hears(case, SafeText::new(&words));
    }
}

/// A check that fails ends an approval, and so does a payload that has changed, unless nothing but what one endpoint or one
/// beacon node tells, and others deny or do not confirm, says so. That only holds it back, as does a check that nobody can
/// look at at the moment and that not everybody who approved took for unknown.
fn verdict(action: &Action, now: &Proposal) -> Verdict {
    let failed: Vec<_> = now.failed_checks().map(|c| c.name.as_str()).collect();
    // the journal may have named it by an older digest
    let is_changed = action.proposal.digest(action.id) != now.digest(action.id);
    let accepted = action.accepts_unknown();
    if !planted!(OneVoiceVoids)
        && let Some(words) = one_voice(now, is_changed, &failed, &accepted)
    {
        return Verdict::Waits(words);
    }
    if is_changed {
        return Verdict::Ends(PAYLOAD_CHANGED.to_owned());
    }
    if !failed.is_empty() {
        return Verdict::Ends(format!("{CHECKS_FAILED}{}", failed.join(", ")));
    }
    let mut unknown = now.unknown_checks();
    unknown.retain(|name| !accepted.contains(name));
    if unknown.is_empty() {
        return Verdict::Holds;
    }
    Verdict::Waits(format!(
        "approved; it leaves when these checks are known again: {}",
        unknown.join(", ")
    ))
}

/// What is waited for where all that speaks against the approval is one voice's.
fn one_voice(now: &Proposal, is_changed: bool, failed: &[&str], accepted: &[String]) -> Option<String> {
    let chain = || doubt(now, &[ENDPOINTS_AGREE], accepted);
    let beacon = || doubt(now, &[BEACON_AGREE, RULES_AGREE], accepted);
    let of_check = |name: &&str| match rests_on(name) {
        Rests::Chain => chain(),
        Rests::Beacon => beacon(),
        Rests::Here | Rests::Others => None,
    };
    let of_change = || match now.payload {
        Payload::Transaction(_) => chain(),
        // an exit is signed for the epoch and the domain that beacon nodes tell
        Payload::Ceremony(_) | Payload::Exit(_) => chain().or_else(beacon),
    };
    let of_checks = failed.iter().map(of_check);
    let doubts: Vec<_> = of_checks
        .chain(is_changed.then(of_change))
        .collect::<Option<_>>()?;
    let doubt = doubts.first()?;
    let who = match doubt.name == ENDPOINTS_AGREE {
        true => "the endpoints agree",
        false => "the beacon nodes agree",
    };
    Some(format!("approved; it leaves when {who}: {}", doubt.reason))
}

/// The check of these which says that one voice is not enough to end what was approved: the others deny what it tells, or do
/// not confirm it. None where they do, or where those who approved took one voice for enough.
fn doubt<'a>(now: &'a Proposal, judges: &[&str], accepted: &[String]) -> Option<&'a Check> {
    let mut judges = now
        .checks
        .iter()
        .filter(|check| judges.contains(&check.name.as_str()));
    judges.find(|check| match check.status {
        CheckStatus::Pass => false,
        CheckStatus::Fail => true,
        CheckStatus::Unknown => !accepted.contains(&check.name),
    })
}

/// It was approved, nothing speaks against it, and it is what would leave.
fn leave(turn: &mut Turn<'_>, action: ActionId, payload: Payload) {
    match payload {
        Payload::Ceremony(payload) => start(turn, action, payload),
        Payload::Transaction(payload) => sign(turn, action, payload),
        Payload::Exit(payload) => turn.ask(EffectKey::Publish(action), || Effect::PublishExit {
            action,
            payload,
        }),
    }
}

fn start(turn: &mut Turn<'_>, action: ActionId, payload: CeremonyPayload) {
    let case = action.case;
    // two may have been approved at once: the first one has the key, or the place
    let taken = turn.state.key_is_taken(case).is_some() && !planted!(SharesAtOnce);
    if taken || !advance::is_free(turn.state) {
        return;
    }
    let request = turn.draw_request_id();
    let attempt = turn.state.cases.get(&case).map_or(0, |c| c.attempts) + 1;
    let CeremonyPayload { plan, backend, .. } = payload;
    turn.record(Record::CeremonyStarted {
        request,
        case,
        action: Some(action),
        role: CeremonyRole::Main,
        attempt,
        plan: plan.clone(),
        backend: backend.clone(),
    });
    turn.begin_ceremony(case, request, plan, backend);
}

/// Whoever waits for a nonce is looked at again after so long, ms: about when the endpoints have told another block.
const NO_NONCE_MS: u64 = 2_000;

fn sign(turn: &mut Turn<'_>, action: ActionId, payload: TransactionPayload) {
    // one nonce is given out at a time, so that two intents cannot get the same one
    let mut under_way = turn.state.volatile.in_flight.iter();
    if under_way.any(|key| matches!(key, EffectKey::Sign(_))) {
        turn.not_before(EffectKey::Prepare(action.case), 200);
        return;
    }
    // two deposits that name their pools may have been looked at side by side
    let carries = turn
        .state
        .actions
        .get(&action)
        .map(|a| a.proposal.kind.definition());
    if carries.is_some_and(|of| of.carries_registration())
        && advance::registers_first(turn.state, action.case).is_some()
    {
        return;
    }
    let Some(nonce) = account::next_nonce(turn.state, payload.from) else {
        let words = "held: no nonce can be given out while the endpoints do not tell, or contradict each other on, what the \
                     oracle account has sent";
        turn.hears(action.case, words.into());
        turn.not_before(EffectKey::Prepare(action.case), NO_NONCE_MS);
        return;
    };
    turn.ask(EffectKey::Sign(action), || Effect::Sign {
        action,
        payload,
        nonce,
        replaces: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::fixture::{self, payload};
    use crate::oracle::{ActionKind, Decider, Decision, ExitPayload, Verdict as Decided};
    use crate::types::{Root, UnixMillis};

    fn said(kind: ActionKind, checks: &[Check], accepted: &[&str], is_changed: bool) -> &'static str {
        let mut action = fixture::action(kind);
        let (by, at) = (Decider::Rule { name: "all".into() }, UnixMillis(1));
        let decision = Decision::alone(Decided::Approve, by, at, action.digest);
        action.decision = Some(Decision {
            unknown: Some(accepted.iter().map(|name| (*name).to_owned()).collect()),
            ..decision
        });
        let mut now = action.proposal.clone();
        now.checks = checks.to_vec();
        if is_changed {
            now.payload = match payload(kind) {
                Payload::Exit(exit) => Payload::Exit(ExitPayload {
                    signing_root: Root([8; 32]),
                    ..exit
                }),
                Payload::Transaction(tx) => Payload::Transaction(TransactionPayload { chain_id: 2, ..tx }),
                Payload::Ceremony(of) => Payload::Ceremony(of),
            };
        }
        match verdict(&action, &now) {
            Verdict::Holds => "holds",
            Verdict::Waits(words) if words.contains("the beacon nodes agree: by a alone") => {
                "waits for nodes"
            }
            Verdict::Waits(words) if words.contains("the endpoints agree: by a alone") => {
                "waits for endpoints"
            }
            Verdict::Waits(_) => "waits",
            Verdict::Ends(_) => "ends",
        }
    }

    #[test]
    fn what_one_beacon_node_alone_says_holds_an_approval_back_and_does_not_end_it() {
        use ActionKind::{BroadcastExit, SendDeposit, SignExit};
        let alone = |name: &str| Check::unknown(name, "by a alone");
        let fails = |name: &str| Check::fail(name, "so says a");
        let (nodes, rules, chain) = (BEACON_AGREE, RULES_AGREE, ENDPOINTS_AGREE);
        for (kind, failed) in [
            (SendDeposit, "key-unknown-to-beacon"),
            (SignExit, "validator-index"),
            (BroadcastExit, "exit-allowed"),
        ] {
            let by = |judges: &[Check], accepted: &[&str]| {
                let checks: Vec<_> = [fails(failed)]
                    .into_iter()
                    .chain(judges.iter().cloned())
                    .collect();
                said(kind, &checks, accepted, false)
            };
            assert_eq!(by(&[alone(nodes)], &[]), "waits for nodes", "{failed}");
            assert_eq!(
                by(&[alone(chain)], &[]),
                "ends",
                "{failed}: the endpoints do not judge it"
            );
            assert_eq!(
                by(&[], &[]),
                "ends",
                "{failed}: two nodes say so, or the only one"
            );
            assert_eq!(
                by(&[alone(nodes)], &[nodes]),
                "ends",
                "{failed}: one voice is enough by the rule"
            );
            assert_eq!(
                by(&[alone(nodes), fails("balance")], &[nodes]),
                "ends",
                "{failed}"
            );
        }
        // by rules that one node tells it holds for another domain
        let checks = [fails("exit-signature"), alone(rules)];
        assert_eq!(said(BroadcastExit, &checks, &[], true), "waits for nodes");
        assert_eq!(said(BroadcastExit, &[alone(nodes)], &[], true), "waits for nodes");
        assert_eq!(
            said(SendDeposit, &[alone(nodes)], &[], true),
            "ends",
            "no node tells what is sent"
        );
        assert_eq!(
            said(SendDeposit, &[alone(chain)], &[], true),
            "waits for endpoints"
        );
        assert_eq!(
            said(SendDeposit, &[fails("signer"), alone(chain)], &[], true),
            "ends"
        );
        // nothing speaks against it, but that one node alone says so
        assert_eq!(said(SignExit, &[alone(nodes)], &[], false), "waits");
        assert_eq!(said(SignExit, &[alone(nodes)], &[nodes], false), "holds");
    }
}
