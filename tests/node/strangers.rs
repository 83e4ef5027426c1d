//! Messages that have no business in a ceremony.

use casimir_dkg::dkg::rockx::node::session::{Authentic, Input, Reject, Session};
use casimir_dkg::dkg::rockx::node::session::{FrostPlan, FrostSession, Purpose};
use casimir_dkg::dkg::rockx::wire::{
    Decode, Message, MsgType, PartialDepositData, SignedMessage, SignedOutput,
};
use casimir_dkg::types::OperatorId;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::net::{Net, identity, ids, keygen_plan, peers, public, request};

fn check(message: SignedMessage) -> Authentic {
    let key = public(message.signer);
    Authentic::check(message, &key).unwrap()
}

#[test]
fn a_forged_signature_is_not_authentic() {
    let mut net = Net::keygen(4, 80);
    net.run();
    let mut message = net.published[0].clone();
    message.signer = OperatorId(2);
    assert!(Authentic::check(message.clone(), &public(OperatorId(2))).is_none());
    message.message = None;
    assert!(Authentic::check(message, &public(OperatorId(2))).is_none());
}

#[test]
fn members_of_other_committees_and_other_ceremonies_have_no_say() {
    let mut strangers = Net::keygen(7, 81);
    strangers.run();
    let mut net = Net::keygen(4, 81);
    net.deliver(0);
    // operator 5 of the same ceremony id
    let five = strangers
        .published
        .iter()
        .find(|m| m.signer == OperatorId(5))
        .unwrap();
    net.feed(OperatorId(1), check(five.clone()));
    assert_eq!(
        net.rejected.pop(),
        Some((OperatorId(1), Reject::Stranger(OperatorId(5))))
    );
    // operator 2, but of another ceremony
    let mut other = Net::keygen(4, 82);
    other.run();
    let two = other
        .published
        .iter()
        .find(|m| m.signer == OperatorId(2))
        .unwrap();
    net.feed(OperatorId(1), check(two.clone()));
    assert!(matches!(net.rejected.pop(), Some((_, Reject::Unexpected(_)))));
    net.run();
    assert_eq!(net.outputs(OperatorId(1)).len(), 4, "it did no harm");
}

#[test]
fn only_dealers_deal_and_only_receivers_receive() {
    let mut keygen = Net::keygen(7, 83);
    keygen.run();
    // 4 belongs to the resharing as a receiver only: a sixth dealer would change the key unnoticed
    let plan = FrostPlan {
        id: request(83),
        dealers: ids([1, 2, 3]),
        receivers: ids([1, 2, 3, 4]),
        threshold: 3,
        purpose: Purpose::Reshare {
            validator: keygen.kept[&OperatorId(1)].validator,
        },
    };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut session = FrostSession::new(identity(4), peers(&ids(1..=4)), plan, None);
    session.start(&mut rng);
    let rejected = |session: &mut FrostSession, rng: &mut ChaCha20Rng, signer: u64, nth: usize| {
        let of_signer = keygen.published.iter().filter(|m| m.signer == OperatorId(signer));
        let message = of_signer.clone().nth(nth).unwrap().clone();
        session.handle(Input::Message(check(message)), rng).unwrap_err()
    };
    // its threshold differs from the keygen's, so take the deposit data, which no resharing has
    assert_eq!(
        rejected(&mut session, &mut rng, 2, 3),
        Reject::Stranger(OperatorId(2))
    );
    assert_eq!(
        rejected(&mut session, &mut rng, 5, 1),
        Reject::Stranger(OperatorId(5))
    );

    let mut four = Net::keygen(4, 84);
    four.run();
    let plan = FrostPlan {
        dealers: ids([1, 2, 3]),
        ..keygen_plan(request(84), &ids(1..=4))
    };
    let mut session = FrostSession::new(identity(1), peers(&ids(1..=4)), plan, None);
    session.start(&mut rng);
    let dealing = four
        .published
        .iter()
        .filter(|m| m.signer == OperatorId(4))
        .nth(1)
        .unwrap();
    assert_eq!(
        session
            .handle(Input::Message(check(dealing.clone())), &mut rng)
            .unwrap_err(),
        Reject::Stranger(OperatorId(4))
    );
}

/// Operator 2's partial signature and result, sent again by operator 3 as its own: in RockX this poisons the result.
#[test]
fn inner_and_outer_signer_must_be_the_same() {
    let mut honest = Net::keygen(4, 85);
    honest.run();
    let repackaged = |msg_type: MsgType| {
        let mut of_two = honest.published.iter().filter(|m| m.signer == OperatorId(2));
        let message = of_two
            .find(|m| m.message.as_ref().unwrap().msg_type == msg_type)
            .unwrap();
        let message: Message = message.message.clone().unwrap();
        check(message.sign(OperatorId(3), &identity(3).key).unwrap())
    };
    let mut net = Net::keygen(4, 85);
    net.deliver(0);
    for msg_type in [MsgType::DepositData, MsgType::Output] {
        net.feed(OperatorId(1), repackaged(msg_type));
        assert!(
            matches!(net.rejected.pop(), Some((_, Reject::Wrong(_)))),
            "{msg_type:?}"
        );
    }
    net.run();
    assert_eq!(net.outputs(OperatorId(1)).len(), 4);
}

#[test]
fn a_result_of_another_ceremony_does_not_count() {
    let mut first = Net::keygen(4, 86);
    first.run();
    let of_two = |net: &Net, msg_type: MsgType| {
        let mut all = net.published.iter().filter(|m| m.signer == OperatorId(2));
        let message = all
            .find(|m| m.message.as_ref().unwrap().msg_type == msg_type)
            .unwrap();
        message.message.clone().unwrap()
    };
    let old = SignedOutput::from_json(of_two(&first, MsgType::Output).data.as_slice()).unwrap();
    let mut net = Net::keygen(4, 87);
    let transplanted = Message::new(MsgType::Output, request(87), &old);
    let transplanted = check(transplanted.sign(OperatorId(2), &identity(2).key).unwrap());
    // it comes before the genuine one, which must still count
    net.deliver(0);
    net.feed(OperatorId(1), transplanted);
    assert!(matches!(net.rejected.pop(), Some((_, Reject::Wrong(_)))));
    net.run();
    assert_eq!(net.outputs(OperatorId(1)), net.outputs(OperatorId(3)));

    // a partial signature over another deposit is left out: those of the others suffice
    let partial =
        PartialDepositData::from_json(of_two(&first, MsgType::DepositData).data.as_slice()).unwrap();
    let mut late = Net::keygen(4, 88);
    let partial = Message::new(MsgType::DepositData, request(88), &partial);
    late.publish(partial.sign(OperatorId(2), &identity(2).key).unwrap());
    late.run();
    for id in [1, 3, 4].map(OperatorId) {
        assert_eq!(late.outputs(id).len(), 4);
    }
}
