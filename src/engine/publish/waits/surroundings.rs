//! What holds everything up: pauses, the journal, the chain, endpoints, operators, the oracle's account.

use crate::engine::live::Live;
use crate::engine::publish::unadopted;
use crate::oracle::State;
use crate::types::{CheckStatus, SafeText, counted};
use crate::view::{
    EndpointKind, EndpointView, Health, LinkState, Mode, OperatorView, Snapshot, Wait, WaitReason,
};

/// Who pauses where the engine itself does: the core's words for what somebody else did with the account begin so.
pub(super) const BY_THE_ENGINE: &str = "the engine: ";

pub(super) fn waits(state: &State, live: &Live, snapshot: &Snapshot) -> Vec<Wait> {
    let mut waits = Vec::new();
    if let Some(pause) = &snapshot.paused {
        waits.push(paused(pause, live));
    }
    if let Some(why) = &snapshot.journal.unwritable {
        let words = format!("the journal cannot be written, so nothing is sent: {why}");
        waits.push(Wait::new(WaitReason::JournalUnwritable, words));
    }
    if snapshot.mode == Mode::Observe {
        let words = "mode observe decides nothing and lets nothing leave this machine";
        waits.push(Wait::new(WaitReason::Observing, words));
    }
    // whatever a rule would have decided waits for a person now
    let careful = snapshot.switched.as_ref();
    waits.extend(
        careful
            .filter(|s| snapshot.mode < s.configured)
            .map(|switched| Wait {
                since: switched.at,
                ..Wait::new(WaitReason::ModeSwitched, switched.words(snapshot.mode))
            }),
    );
    let alarms = live.alarms.iter();
    waits.extend(alarms.map(|(subject, words)| Wait {
        alarm: Some((*subject).into()),
        ..Wait::new(of_alarm(subject), words.clone())
    }));
    waits.extend(
        state
            .reads_the_future()
            .map(|words| Wait::new(WaitReason::JournalAhead, words)),
    );
    waits
        .extend(unadopted(state).map(|unadopted| Wait::new(WaitReason::AccountUnadopted, unadopted.words())));
    // an alarm says the same with more words
    let said: Vec<_> = waits.iter().map(|wait| wait.reason).collect();
    waits.extend(link(snapshot.chain.link).filter(|wait| !said.contains(&wait.reason)));
    endpoints(live, &snapshot.endpoints, &mut waits);
    operators(live, snapshot, &mut waits);
    account(live, snapshot, &mut waits);
    waits
}

fn paused(pause: &crate::view::PauseView, live: &Live) -> Wait {
    let foreign = pause.by.as_str().strip_prefix(BY_THE_ENGINE);
    let strange = live.strange.as_ref().filter(|_| foreign.is_some());
    let (reason, words) = match (foreign, strange) {
        (Some(words), Some((short, _))) => (WaitReason::ForeignTransaction, format!("{words}; {short}")),
        (Some(words), None) => (WaitReason::ForeignTransaction, words.to_owned()),
        (None, _) => (
            WaitReason::Paused,
            format!("everything is paused by {}", pause.by),
        ),
    };
    Wait {
        since: pause.since,
        details: strange.map_or_else(Vec::new, |(_, lines)| lines.clone()),
        ..Wait::new(reason, words)
    }
}

/// By the subjects under which alarms are raised.
pub(super) fn of_alarm(subject: &str) -> WaitReason {
    match subject {
        "journal" => WaitReason::JournalVerifying,
        "contract" => WaitReason::ContractUnread,
        "operators" => WaitReason::OperatorsUnread,
        "chain" => WaitReason::EventsUntold,
        "facts" | "caller" | "account" => WaitReason::FactsUnread,
        "logs" | "registrations" | "comparison" => WaitReason::LogsDoubted,
        "state" | "count" | "identity" | "registering" => WaitReason::StateDoubted,
        "voices" | "beacon-voices" | "identity-voice" | "registering-voice" => WaitReason::OneVoice,
        "head" => WaitReason::HeadDoubted,
        "tip" => WaitReason::ChainStale,
        "syncing" => WaitReason::ExecutionSyncing,
        "clock" => WaitReason::ClockDiffers,
        "ssv" => WaitReason::SsvUnsuited,
        "version" => WaitReason::VersionLacks,
        "name" => WaitReason::NameTaken,
        "rules" => WaitReason::RulesSuspended,
        "from-block" => WaitReason::FromBlockUnset,
        "receipt" => WaitReason::ReceiptDoubted,
        "signer" => WaitReason::SignerAway,
        "transcript" => WaitReason::TranscriptUnwritten,
        "ceremonies" => WaitReason::ForeignCeremony,
        "lane" => WaitReason::PartDied,
        "fatal" => WaitReason::Fatal,
        _ => WaitReason::Alarm,
    }
}

fn link(link: LinkState) -> Option<Wait> {
    let (reason, words) = match link {
        LinkState::Live => return None,
        LinkState::Connecting => (WaitReason::CatchingUp, "no execution endpoint has answered yet"),
        LinkState::CatchingUp => (WaitReason::CatchingUp, "events of older blocks are being read"),
        LinkState::Stale => (
            WaitReason::ChainStale,
            "no new block has come for longer than expected",
        ),
        LinkState::Down => (WaitReason::ChainDown, "no execution endpoint answers"),
    };
    Some(Wait::new(reason, words))
}

/// One wait for each that is down while others of its kind are there, and one for a kind of which all are down. Whoever went
/// down before the others is not back because they went, too.
fn endpoints(live: &Live, endpoints: &[EndpointView], waits: &mut Vec<Wait>) {
    let kinds = [
        (EndpointKind::Execution, WaitReason::ExecutionAway),
        (EndpointKind::Relay, WaitReason::RelayAway),
        (EndpointKind::Beacon, WaitReason::BeaconAway),
    ];
    for (kind, away) in kinds {
        let (down, rest): (Vec<_>, Vec<_>) = endpoints
            .iter()
            .filter(|endpoint| endpoint.kind == kind)
            .partition(|endpoint| endpoint.health == Health::Down);
        let told = |endpoint: &EndpointView| match endpoint.detail.as_str() {
            "" => endpoint.name.to_string(),
            detail => format!("{} ({detail})", endpoint.name),
        };
        if rest.is_empty() && !down.is_empty() {
            let names: Vec<_> = down.iter().map(|endpoint| told(endpoint)).collect();
            let words = format!("no {} endpoint answers: {}", kind.word(), names.join(", "));
            waits.push(Wait::new(away, SafeText::new(&words)));
        }
        let went_alone = |endpoint: &&EndpointView| {
            let known = live.down_alone.iter();
            !rest.is_empty() || { known }.any(|(of, name)| *of == kind && *name == endpoint.name)
        };
        waits.extend(down.into_iter().filter(went_alone).map(|endpoint| Wait {
            endpoint: Some(endpoint.name.clone()),
            ..Wait::new(
                WaitReason::EndpointDown,
                format!("{} endpoint {} is down", kind.word(), told(endpoint)),
            )
        }));
    }
}

fn operators(live: &Live, snapshot: &Snapshot, waits: &mut Vec<Wait>) {
    let all = &snapshot.operators;
    // whoever has not been asked yet has no note
    let is_away = |operator: &&OperatorView| match operator.health {
        Health::Down => true,
        Health::Unknown => !operator.note.as_str().is_empty(),
        Health::Up | Health::Degraded => false,
    };
    let away: Vec<_> = all.iter().filter(is_away).collect();
    let sizes = live.backend.capabilities().committees.iter();
    let least = sizes.map(|size| size.operators).min().unwrap_or_default();
    let there = all.len() - away.len();
    if !away.is_empty() && there < least {
        let words = format!(
            "{there} of {} answer, and a committee needs {least}",
            counted(all.len(), "operator"),
        );
        waits.push(Wait::new(WaitReason::OperatorsShort, words));
    }
    waits.extend(away.into_iter().map(|operator| {
        let note = match operator.note.as_str() {
            "" => String::new(),
            note => format!(": {note}"),
        };
        let (reason, words) = match operator.health {
            Health::Down => (WaitReason::OperatorDown, "is down"),
            _ => (
                WaitReason::OperatorNotKnown,
                "gives no usable answer, and whether it is there is not known",
            ),
        };
        Wait {
            operator: Some(operator.id),
            ..Wait::new(reason, format!("operator {} {words}{note}", operator.id))
        }
    }));
}

fn account(live: &Live, snapshot: &Snapshot, waits: &mut Vec<Wait>) {
    let signer = &snapshot.signer;
    if signer.authorised == CheckStatus::Fail {
        let who = signer
            .address
            .map_or_else(String::new, |address| format!(" {address}"));
        let words = format!("the contract does not accept the oracle account{who}");
        waits.push(Wait::new(WaitReason::NotAuthorised, words));
    }
    // whoever only looks pays for nothing
    let Some(left) = signer.deposits_left.filter(|_| snapshot.mode != Mode::Observe) else {
        return;
    };
    let enough = usize::try_from(left).unwrap_or(usize::MAX);
    let words = format!(
        "the balance of the oracle account is enough for {}",
        counted(enough, "more deposit")
    );
    if left == 0 {
        waits.push(Wait::new(WaitReason::BalanceOut, words));
    } else if left < live.costs.least_deposits {
        waits.push(Wait::new(WaitReason::BalanceLow, words));
    }
}
