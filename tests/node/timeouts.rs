//! Silence: who is missing is named, peers are told once, and nobody is blamed for it.

use casimir_dkg::dkg::rockx::node::session::Reject;
use casimir_dkg::dkg::rockx::wire::{
    Decode, KeygenBody, KeygenMessage, MsgType, ProtocolRound, SignedMessage,
};
use casimir_dkg::types::OperatorId;

use super::net::{Net, ids};

fn timeout_of(message: &SignedMessage) -> Option<ProtocolRound> {
    let message = message.message.as_ref()?;
    if message.msg_type != MsgType::Protocol {
        return None;
    }
    match KeygenMessage::from_json(message.data.as_slice())
        .ok()?
        .body()
        .ok()?
    {
        KeygenBody::Timeout(timeout) => Some(timeout.round),
        _ => None,
    }
}

/// Operator 4 stops after it sent `sent` messages; then operator 1 runs out of patience.
fn stops_after(sent: usize) -> Net {
    let mut net = Net::keygen(4, 40 + sent as u64);
    let four = OperatorId(4);
    while net.published.iter().filter(|m| m.signer == four).count() < sent {
        net.deliver(0);
    }
    net.deafen(four);
    net.run();
    assert!(net.finished.is_empty(), "{:?}", net.finished);
    net.time_out(OperatorId(1));
    net
}

#[test]
fn the_missing_operator_is_named_in_each_round_and_peers_are_told_the_round() {
    for (sent, round, named) in [
        (0, Some(ProtocolRound::Preparation), "timeout in preparation:"),
        (1, Some(ProtocolRound::Round1), "timeout in round 1:"),
        (2, Some(ProtocolRound::Round2), "timeout in round 2:"),
        // in the last phase a Timeout would tell peers nothing, and RockX's nodes would blame its sender
        (3, None, "timeout in output:"),
    ] {
        let mut net = stops_after(sent);
        let reason = net.failure(1);
        assert!(
            reason.contains(named) && reason.ends_with("nothing came from 4"),
            "{reason}"
        );
        let told: Vec<_> = net.published.iter().filter_map(timeout_of).collect();
        assert_eq!(told, round.into_iter().collect::<Vec<_>>(), "{sent}");
        assert_eq!(net.kept.contains_key(&OperatorId(1)), sent >= 3);

        let before = net.published.len();
        net.run();
        assert_eq!(
            net.published.len(),
            before,
            "a timeout is answered with a message"
        );
        if round.is_some() {
            assert!(
                net.failure(2).contains("operator 1 gave up"),
                "{}",
                net.failure(2)
            );
        }
        net.time_out(OperatorId(1));
        assert_eq!(net.rejected.last(), Some(&(OperatorId(1), Reject::Over)));
    }
}

#[test]
fn a_timer_of_a_round_that_is_over_does_nothing() {
    let mut net = Net::keygen(4, 50);
    for _ in 0..4 {
        net.deliver(0);
    }
    let stale = net.armed.clone();
    net.run();
    net.armed = stale;
    net.time_out(OperatorId(1));
    assert_eq!(net.rejected, [(OperatorId(1), Reject::Over)]);
    assert_eq!(net.outputs(OperatorId(1)).len(), 4);
}

#[test]
fn after_success_nobody_sends_a_timeout_and_theirs_are_ignored() {
    let mut net = Net::keygen(4, 51);
    net.run();
    for id in ids(1..=4) {
        net.time_out(id);
    }
    assert_eq!(net.published.len(), 20);
    assert!(net.rejected.iter().all(|(_, reject)| *reject == Reject::Over));
}

#[test]
fn a_signature_without_enough_operators_never_comes() {
    let mut keygen = Net::keygen(4, 52);
    keygen.run();
    let mut net = Net::keysign(&keygen.kept, &[1; 32], 53);
    net.deafen(OperatorId(3));
    net.deafen(OperatorId(4));
    net.run();
    assert_eq!(net.published.len(), 2, "only the two partial signatures");
    net.time_out(OperatorId(1));
    assert!(
        net.failure(1).ends_with("nothing came from 3, 4"),
        "{}",
        net.failure(1)
    );
    assert_eq!(net.published.len(), 2, "keysign knows no timeout message");
}
