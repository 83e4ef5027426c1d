//! `step`: one input in, records and effects out.

mod answers;
mod chain;
mod denied;
mod desk;
mod died;
mod exit;
mod last_checks;
mod reconcile;
mod wavering;

#[cfg(test)]
pub(in crate::oracle) use last_checks::{CHECKS_FAILED, PAYLOAD_CHANGED};
pub(in crate::oracle) use wavering::{counts_again_at, worse};

use crate::oracle::state::EffectKey;
use crate::oracle::turn::{Output, Turn};
use crate::oracle::{Effect, Input, Record, Stamped, State, advance, command, people};
use crate::types::SafeText;

/// The answer to a command of a person; `None` for other inputs.
pub type CommandReply = Option<Result<SafeText, command::Refusal>>;

/// A case that left memory after it had asked for something needs it no more.
fn drop_what_nobody_needs(turn: &mut Turn<'_>) {
    let state = &mut *turn.state;
    turn.out.effects.retain(|effect| {
        let is_known = state.cases.contains_key(&effect.case());
        if let (false, Effect::RunCeremony { request, .. }) = (is_known, effect) {
            state.volatile.in_flight.remove(&EffectKey::Ceremony(*request));
        }
        is_known
    });
}

/// Takes one input into account. The caller makes `Output::records` durable, and only then starts its effects.
pub fn step(state: &mut State, stamped: Stamped) -> (Output, CommandReply) {
    let mut turn = Turn::new(state, stamped.at, stamped.up_ms, stamped.entropy);
    let mut reply = None;
    // before anybody decides by it, at a start as after a change
    if let Some(rules) = turn.state.new_people_rules() {
        turn.record(Record::PeopleDemanded(rules));
    }
    if !stamped.input.concerns_a_case_alone() && !planted!(WorldForgotten) {
        turn.state.volatile.agenda.mark_all();
    }
    match stamped.input {
        Input::Started | Input::Tick => {}
        Input::CaughtUp { finalized } => {
            turn.state.volatile.caught_up = true;
            turn.state.volatile.told_final = finalized.map(|b| b.number).or(turn.state.volatile.told_final);
        }
        Input::EventsRead { upto, told } => chain::events_read(&mut turn, upto, told),
        Input::BeaconMoved if planted!(HintIgnored) => {}
        Input::BeaconMoved => turn.state.volatile.hints += 1,
        Input::Requested {
            kind,
            pool,
            log,
            leaving,
        } => chain::requested(&mut turn, kind, pool, (log, leaving)),
        Input::RequestRemoved { kind, pool, log } => chain::request_removed(&mut turn, kind, pool, log),
        Input::Fulfilled { what, pool, log } => chain::fulfilled(&mut turn, what, pool, log),
        Input::Remark { kind, pool, text } => chain::remarked(&mut turn, kind, pool, text),
        Input::FulfilmentRemoved { what, pool, log } => chain::fulfilment_removed(&mut turn, what, pool, log),
        Input::Sight(reach) => {
            let (at, up_ms) = (turn.at, turn.state.volatile.up_ms);
            turn.state.volatile.sight.turn_to(reach, at, up_ms);
        }
        Input::Facts(facts) => chain::new_facts(&mut turn, *facts),
        Input::Prepared {
            case,
            purpose,
            outcome,
        } => desk::prepared(&mut turn, case, purpose, outcome),
        Input::CeremonyEnded {
            request,
            outcome,
            transcript,
        } => answers::ceremony_ended(&mut turn, request, outcome, transcript),
        Input::Signed { action, outcome } => answers::signed(&mut turn, action, outcome),
        Input::Sent { action, outcome } => answers::sent(&mut turn, action, outcome),
        Input::Inspected { action, status } => answers::inspected(&mut turn, action, status),
        Input::ExitPublished {
            action,
            verdicts,
            standing,
        } => exit::published(&mut turn, action, verdicts, standing),
        Input::ValidatorSeen {
            case,
            validator: _,
            seen,
        } => answers::validator_seen(&mut turn, case, seen),
        Input::Died { effect, words } => died::died(&mut turn, *effect, &words),
        Input::Ends { reason } => turn.record(Record::Note {
            case: None,
            text: reason,
        }),
        Input::Stops => people::drop_all_approving(&mut turn, "the engine stopped"),
        Input::Command { by, command } => reply = Some(command::carry_out(&mut turn, &by, command)),
    }
    advance::what_changed(&mut turn);
    drop_what_nobody_needs(&mut turn);
    (turn.out, reply)
}
