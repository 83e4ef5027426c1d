//! The transcripts of RockX's own specification tests, replayed: fed with the peers' messages in listed order, the
//! machine says exactly what the transcript's operator says, and ends with the results that it streams.

use std::collections::VecDeque;

use blstrs::Scalar;
use casimir_dkg::dkg::rockx::node::session::{
    Authentic, Finish, FrostPlan, FrostSession, Input, KeysignPlan, KeysignSession, Output, Session,
};
use casimir_dkg::dkg::rockx::node::store::KeyShare;
use casimir_dkg::dkg::rockx::share::open_sealed_share;
use casimir_dkg::dkg::rockx::wire::{
    Decode, GoMap, Init, KeySign, KeygenMessage, Message, Reshare, SignedMessage, SignedOutput,
};
use casimir_dkg::types::{BlsPublicKey, OperatorId};
use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde_json::Value;
use zeroize::Zeroizing;

use super::net::{identity, ids, peers, public, vectors};

/// Randomness whose first draws are known: the session key is drawn as bytes, scalars as four words.
pub(crate) struct Script {
    session_key: Option<[u8; 32]>,
    words: VecDeque<u64>,
    rest: ChaCha20Rng,
}

impl Script {
    pub(crate) fn new(session_key: Option<[u8; 32]>, scalars: &[Scalar]) -> Self {
        let words = scalars.iter().flat_map(|scalar| {
            let bytes = scalar.to_bytes_le();
            let (words, _) = bytes.as_chunks::<8>();
            words.iter().map(|w| u64::from_le_bytes(*w)).collect::<Vec<_>>()
        });
        Self {
            session_key,
            words: words.collect(),
            rest: ChaCha20Rng::seed_from_u64(1),
        }
    }
}

impl RngCore for Script {
    fn next_u32(&mut self) -> u32 {
        self.rest.next_u32()
    }
    fn next_u64(&mut self) -> u64 {
        self.words.pop_front().unwrap_or_else(|| self.rest.next_u64())
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        match self.session_key.take() {
            Some(key) => out.copy_from_slice(&key),
            None => self.rest.fill_bytes(out),
        }
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Script {}

pub(crate) fn hex32(value: &Value) -> [u8; 32] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn scalar(value: &Value) -> Scalar {
    Option::from(Scalar::from_bytes_be(&hex32(value))).unwrap()
}

/// Coefficients of the polynomial of degree two through three values (Newton's form, multiplied out).
fn coefficients(points: [(u64, Scalar); 3]) -> [Scalar; 3] {
    let [(x0, y0), (x1, y1), (x2, y2)] = points.map(|(x, y)| (Scalar::from(x), y));
    let divide = |a: Scalar, b: Scalar| a * Option::<Scalar>::from(ff::Field::invert(&b)).unwrap();
    let b1 = divide(y1 - y0, x1 - x0);
    let b2 = divide(divide(y2 - y1, x2 - x1) - b1, x2 - x0);
    [y0 - b1 * x0 + b2 * x0 * x1, b1 - b2 * (x0 + x1), b2]
}

/// The dealing of an operator of a fixture: its coefficients and the nonce of its proof, from what it dealt.
pub(crate) fn dealing(fixture: &Value, dealer: u64, to: [u64; 3]) -> ([Scalar; 3], Scalar) {
    let dealt = |to: u64| scalar(&fixture["computed"]["decrypted_shares"][format!("{dealer}->{to}")]);
    let coefficients = coefficients(to.map(|to| (to, dealt(to))));
    let round1 = &fixture["round1"][dealer.to_string()];
    let nonce = scalar(&round1["proof_s_hex"]) - coefficients[0] * scalar(&round1["proof_r_hex"]);
    (coefficients, nonce)
}

pub(crate) fn session_key(fixture: &Value, operator: u64) -> [u8; 32] {
    hex32(&fixture["session_keys"][operator.to_string()]["sk_hex"])
}

pub(crate) fn authentic(ssv_hex: &Value) -> Authentic {
    let bytes = hex::decode(ssv_hex.as_str().unwrap()).unwrap();
    let message = SignedMessage::from_ssv(&bytes).unwrap();
    let key = public(message.signer);
    Authentic::check(message, &key).expect("the transcript's signatures are valid")
}

struct Replay {
    start: Message,
    peers: Vec<Authentic>,
    own: Vec<SignedMessage>,
    streamed: GoMap<SignedOutput>,
}

fn transcript(file: &str, me: OperatorId) -> Replay {
    let transcript = vectors(file);
    let mut messages: Vec<Authentic> = transcript["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| authentic(&m["ssv_message_hex"]))
        .collect();
    let start = messages.remove(0).to_signed().message.unwrap();
    let (own, peers) = messages.into_iter().partition(|m: &Authentic| m.signer() == me);
    let store: Value = serde_json::from_str(transcript["datastore_json"].as_str().unwrap()).unwrap();
    let outputs = serde_json::to_vec(&store["DKGOutputs"]).unwrap();
    Replay {
        start,
        peers,
        own: own.iter().map(Authentic::to_signed).collect(),
        streamed: GoMap::from_json(&outputs).unwrap(),
    }
}

/// Everything that the machine says and how it ends.
fn play(
    mut session: impl Session,
    replay: &Replay,
    mut rng: Script,
) -> (Vec<SignedMessage>, GoMap<SignedOutput>) {
    let mut outputs = session.start(&mut rng);
    for message in &replay.peers {
        assert!(
            !outputs.iter().any(|o| matches!(o, Output::Finished(_))),
            "it ended too early"
        );
        outputs.extend(session.handle(Input::Message(message.clone()), &mut rng).unwrap());
    }
    let mut said = Vec::new();
    let mut end = None;
    for output in outputs {
        match output {
            Output::Broadcast(message) => said.push(message),
            Output::Finished(Finish::Outputs(outputs)) => end = Some(outputs),
            Output::Finished(other) => panic!("{other:?}"),
            Output::Keep(_) | Output::Arm(_) => {}
        }
    }
    (said, end.expect("the ceremony completes"))
}

fn output_of(message: &SignedMessage) -> SignedOutput {
    SignedOutput::from_json(message.message.as_ref().unwrap().data.as_slice()).unwrap()
}

/// RSA encryption is randomised, so results are compared without the encrypted share, and the share is opened.
fn same_output(ours: &SignedOutput, theirs: &SignedOutput, me: u64) {
    assert!(ours.verify(&public(OperatorId(me))));
    let (mut a, b) = (ours.data.clone().unwrap(), theirs.data.clone().unwrap());
    let key = &identity(me).key;
    let open = |sealed: &[u8]| *open_sealed_share(sealed, key).unwrap().to_be_bytes();
    assert_eq!(
        open(a.encrypted_share.as_slice()),
        open(b.encrypted_share.as_slice())
    );
    a.encrypted_share = b.encrypted_share.clone();
    assert_eq!(a, b);
}

fn same_end(ours: &GoMap<SignedOutput>, theirs: &GoMap<SignedOutput>, me: u64) {
    assert_eq!(ours.len(), theirs.len());
    for (id, output) in ours.iter() {
        let expected = theirs.get(id).unwrap();
        if id.0 == me {
            same_output(output, expected, me);
        } else {
            assert_eq!(output, expected);
        }
    }
}

#[test]
fn the_keygen_transcript_is_reproduced() {
    let fixture = vectors("fixture-frost-keygen.json");
    let replay = transcript("vectors-keygen-transcript.json", OperatorId(1));
    let init = Init::from_json(replay.start.data.as_slice()).unwrap();
    let plan = FrostPlan::keygen(replay.start.identifier, &init, OperatorId(1)).unwrap();
    let session = FrostSession::new(identity(1), peers(&ids(1..=4)), plan, None);
    let ([a0, a1, a2], nonce) = dealing(&fixture, 1, [2, 3, 4]);
    let script = Script::new(Some(session_key(&fixture, 1)), &[a0, a1, a2, nonce]);
    let (said, end) = play(session, &replay, script);

    assert_eq!(said.len(), 5);
    // preparation, round 2 and deposit data hold nothing random: byte for byte, signature included
    for n in [0, 2, 3] {
        assert_eq!(said[n], replay.own[n], "message {n}");
    }
    let round1 = |m: &SignedMessage| {
        let payload = KeygenMessage::from_json(m.message.as_ref().unwrap().data.as_slice()).unwrap();
        payload.round1.unwrap()
    };
    let (ours, theirs) = (round1(&said[1]), round1(&replay.own[1]));
    assert_eq!(ours.commitment, theirs.commitment);
    assert_eq!((ours.proof_s, ours.proof_r), (theirs.proof_s, theirs.proof_r));
    same_output(&output_of(&said[4]), &output_of(&replay.own[4]), 1);
    same_end(&end, &replay.streamed, 1);
}

#[test]
fn the_reshare_transcript_is_reproduced_by_a_new_operator() {
    let fixture = vectors("fixture-frost-resharing.json");
    let replay = transcript("vectors-reshare-transcript.json", OperatorId(5));
    let start = Reshare::from_json(replay.start.data.as_slice()).unwrap();
    let plan = FrostPlan::reshare(replay.start.identifier, &start, OperatorId(5)).unwrap();
    let session = FrostSession::new(identity(5), peers(&plan.participants()), plan, None);
    let script = Script::new(Some(session_key(&fixture, 5)), &[]);
    let (said, end) = play(session, &replay, script);
    assert_eq!(said.len(), 3);
    assert_eq!(said[..2], replay.own[..2]);
    same_output(&output_of(&said[2]), &output_of(&replay.own[2]), 5);
    same_end(&end, &replay.streamed, 5);
}

fn fixture_key(me: u64) -> KeyShare {
    let fixture = vectors("fixture-frost-keygen.json");
    let key = |value: &Value| value.as_str().unwrap().parse::<BlsPublicKey>().unwrap();
    KeyShare {
        validator: key(&fixture["round2"]["1"]["vk_hex"]),
        threshold: 3,
        share: Zeroizing::new(hex32(&fixture["round2"][me.to_string()]["sk_share_hex"])),
        share_public_keys: (1..=4)
            .map(|id| {
                (
                    OperatorId(id),
                    key(&fixture["round2"][id.to_string()]["vk_share_hex"]),
                )
            })
            .collect(),
    }
}

#[test]
fn the_reshare_transcript_is_reproduced_by_an_old_operator() {
    let fixture = vectors("fixture-frost-resharing.json");
    let replay = transcript("vectors-reshare-transcript.json", OperatorId(1));
    let start = Reshare::from_json(replay.start.data.as_slice()).unwrap();
    let plan = FrostPlan::reshare(replay.start.identifier, &start, OperatorId(1)).unwrap();
    let session = FrostSession::new(
        identity(1),
        peers(&plan.participants()),
        plan,
        Some(fixture_key(1)),
    );
    let ([_, a1, a2], nonce) = dealing(&fixture, 1, [5, 6, 7]);
    let (said, end) = play(session, &replay, Script::new(None, &[a1, a2, nonce]));
    let payload = |m: &SignedMessage| {
        let mut payload = KeygenMessage::from_json(m.message.as_ref().unwrap().data.as_slice()).unwrap();
        payload.round1.as_mut().unwrap().shares = GoMap::default();
        payload
    };
    assert_eq!(said.len(), 1, "an old operator deals and listens");
    assert_eq!(payload(&said[0]), payload(&replay.own[0]));
    assert_eq!(end, replay.streamed);
}

#[test]
fn the_keysign_transcript_is_reproduced_byte_for_byte() {
    let replay = transcript("vectors-keysign-transcript.json", OperatorId(1));
    let start = KeySign::from_json(replay.start.data.as_slice()).unwrap();
    let (validator, root) = KeysignPlan::request(&start).unwrap();
    let key = fixture_key(1);
    assert_eq!(key.validator, validator);
    let plan = KeysignPlan {
        id: replay.start.identifier,
        root,
        key,
    };
    let session = KeysignSession::new(identity(1), peers(&ids(1..=4)), plan);
    let (said, end) = play(session, &replay, Script::new(None, &[]));
    assert_eq!(said, replay.own);
    assert_eq!(end, replay.streamed);
}
