//! Every message is read and written again, byte for byte.

use casimir_dkg::dkg::rockx::wire::{
    CreateTopic, DataStore, Decode, Encode, GoBytes, GoMap, Init, KeySign, KeygenMessage, KeysignMessage,
    Message, MsgType, PartialDepositData, Reshare, SignedMessage, SignedOutput, SsvMessage, Subscriber,
    Topic,
};
use casimir_dkg::types::{OperatorId, RequestId};
use proptest::prelude::*;
use serde_json::Value;

use super::vectors::{RECORDINGS, TRANSCRIPTS, bytes, exchanges, load, recorded_messages, text};

/// Decodes as `T` and encodes again.
fn rewritten<T: Decode + Encode>(json: &[u8]) -> Vec<u8> {
    T::from_json(json)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(json)))
        .to_json()
}

fn assert_same(ours: &[u8], theirs: &[u8]) {
    assert_eq!(String::from_utf8_lossy(ours), String::from_utf8_lossy(theirs));
}

/// Reads the payload as what it must be and writes it again.
fn assert_payload_rewritten(message: &Message, keysign: bool) {
    let data = message.data.as_slice();
    let ours = match message.msg_type {
        MsgType::Init => rewritten::<Init>(data),
        MsgType::Reshare => rewritten::<Reshare>(data),
        MsgType::KeySign => rewritten::<KeySign>(data),
        MsgType::Protocol if keysign => rewritten::<KeysignMessage>(data),
        MsgType::Protocol => rewritten::<KeygenMessage>(data),
        MsgType::DepositData => rewritten::<PartialDepositData>(data),
        MsgType::Output => rewritten::<SignedOutput>(data),
        MsgType::Other(n) => panic!("message type {n}"),
    };
    assert_same(&ours, data);
}

fn is_keysign(message: &Message) -> bool {
    let text = String::from_utf8_lossy(message.data.as_slice()).into_owned();
    text.contains("PartialSignature") || text.contains("ReconstructedSignature")
}

#[test]
fn every_vector_message_is_rewritten_byte_for_byte() {
    let mut count = 0;
    let blame = load("vectors-blame.json");
    let cases = blame["cases"].as_array().unwrap();
    let messages = TRANSCRIPTS
        .iter()
        .flat_map(|file| load(file)["messages"].as_array().unwrap().clone())
        .chain(
            cases
                .iter()
                .flat_map(|c| c["offending_messages"].as_array().unwrap().clone()),
        )
        .chain(cases.iter().map(|c| c["blame_message"].clone()));
    for vector in messages {
        let ssv = bytes(&vector, "ssv_message_hex");
        assert_eq!(Some(ssv.len() as u64), vector["ssv_message_len"].as_u64());
        let envelope = SsvMessage::decode(&ssv).unwrap();
        assert_eq!(envelope.encode(), ssv);
        assert_same(&envelope.data, text(&vector, "signed_message_json").as_bytes());
        let signed = SignedMessage::from_ssv(&ssv).unwrap();
        assert_eq!(signed.to_ssv(), ssv);
        assert_eq!(Some(signed.signer.0), vector["signer"].as_u64());
        let message = signed.message.unwrap();
        assert_eq!(Some(u64::from(message.msg_type)), vector["msg_type"].as_u64());
        assert_same(&message.to_json(), text(&vector, "message_json").as_bytes());
        assert_same(message.data.as_slice(), text(&vector, "data_utf8").as_bytes());
        assert_payload_rewritten(&message, is_keysign(&message));
        count += 1;
    }
    assert_eq!(count, 21 + 16 + 13 + 7 + 6);
}

#[test]
fn every_recorded_message_is_rewritten_byte_for_byte() {
    let mut count = 0;
    for file in RECORDINGS {
        for exchange in exchanges(&load(file)) {
            let Some(ssv) = exchange.ssv else { continue };
            let signed = SignedMessage::from_ssv(&ssv).unwrap();
            assert_eq!(signed.to_ssv(), ssv, "{file}: {}", exchange.request);
            let message = signed.message.unwrap();
            assert_payload_rewritten(&message, is_keysign(&message));
            count += 1;
        }
    }
    assert_eq!(count, 625, "every recorded message was looked at");
}

#[test]
fn results_and_topics_are_rewritten_byte_for_byte() {
    for file in TRANSCRIPTS {
        let vectors = load(file);
        let stored = text(&vectors, "datastore_json").as_bytes();
        assert_same(&rewritten::<DataStore>(stored), stored);
        if let Some(streamed) = vectors["stream_dkgoutput_body_json"].as_str() {
            assert_same(
                &rewritten::<GoMap<SignedOutput>>(streamed.as_bytes()),
                streamed.as_bytes(),
            );
        }
    }
    let (mut streams, mut topics) = (0, 0);
    for file in RECORDINGS {
        for e in exchanges(&load(file)) {
            if e.request.starts_with("POST /stream/dkgoutput") {
                assert_same(
                    &rewritten::<GoMap<SignedOutput>>(e.body.as_bytes()),
                    e.body.as_bytes(),
                );
                streams += 1;
            } else if e.request.starts_with("GET /data/") {
                assert_same(
                    &rewritten::<DataStore>(e.response.as_bytes()),
                    e.response.as_bytes(),
                );
            } else if e.request == "POST /topics" {
                let asked = CreateTopic::from_json(e.body.as_bytes()).unwrap();
                let topic = Topic::from_json(e.response.as_bytes()).unwrap();
                assert_same(&topic.to_json(), e.response.as_bytes());
                assert_eq!(topic.name, asked.topic_name);
                assert_eq!(topic.subscribers.len(), asked.subscribers.as_slice().len());
                topics += 1;
            }
        }
    }
    assert!(streams > 20 && topics >= 6, "{streams} streams, {topics} topics");
}

#[test]
fn registrations_are_rewritten_byte_for_byte() {
    let recording = load("live/cli-keygen-n4.json");
    let registrations = recording["registration"].as_array().unwrap();
    for registration in registrations {
        let body = text(registration, "body").as_bytes();
        assert_same(&rewritten::<Subscriber>(body), body);
    }
    assert_eq!(registrations.len(), 8);
}

#[test]
fn the_smallest_envelope_has_the_documented_bytes() {
    let ssv = &load("vectors-misc.json")["ssv_empty"];
    assert_eq!(
        SsvMessage::dkg(b"{}".to_vec()).encode(),
        bytes(ssv, "ssv_message_hex")
    );
    // what kills the real messenger is a message without content: here it is just that
    assert_eq!(SignedMessage::from_json(b"{}").unwrap(), SignedMessage::default());
}

#[test]
fn decoding_is_as_tolerant_as_go() {
    let odd = r#" {"signer": 7, "MESSAGE": {"msgtype": 1, "Identifier": [1,2,3], "data": "e30=", "extra": {"a":[1]}},
        "SIGNATURE": null, "Signer": 9, "nonsense": [[[]]]} "#;
    let signed = SignedMessage::from_json(odd.as_bytes()).unwrap();
    assert_eq!(signed.signer, OperatorId(9), "the last duplicate wins");
    assert!(signed.signature.is_nil());
    let message = signed.message.unwrap();
    assert_eq!(
        message.identifier.0[..4],
        [1, 2, 3, 0],
        "missing numbers are zero"
    );
    assert_eq!(message.data.as_slice(), b"{}");

    let long: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let message =
        Message::from_json(format!(r#"{{"Identifier":[{}],"Data":""}}"#, long.join(",")).as_bytes()).unwrap();
    assert_eq!(message.identifier.0[23], 23, "extra numbers are dropped");
    assert_eq!(message.data, GoBytes::from(vec![]), "empty is not nil");
    assert_eq!(
        Message::from_json(br#"{"Data":[104,105]}"#)
            .unwrap()
            .data
            .as_slice(),
        b"hi"
    );
    assert_eq!(
        Message::from_json(br#"{"Data":"aG\nk="}"#)
            .unwrap()
            .data
            .as_slice(),
        b"hi"
    );
    assert_eq!(
        SignedMessage::from_json(b"null").unwrap(),
        SignedMessage::default()
    );

    let refused: [&[u8]; 7] = [
        br#"{"Signer":-1}"#,
        br#"{"Signer":1.5}"#,
        br#"{"Signer":"1"}"#,
        br#"{"Message":[]}"#,
        br#"{"Signature":"a"}"#,
        br#"{"Signer":1} x"#,
        br#"{"Message":{"Identifier":[256]}}"#,
    ];
    for text in refused {
        assert!(
            SignedMessage::from_json(text).is_err(),
            "{}",
            String::from_utf8_lossy(text)
        );
    }
    assert!(GoMap::<GoBytes>::from_json(br#"{"+1":""}"#).is_err());
    assert!(
        GoMap::<GoBytes>::from_json(br#"{"01":"","1":null}"#)
            .unwrap()
            .get(&OperatorId(1))
            .unwrap()
            .is_nil()
    );
}

#[test]
fn nesting_and_length_are_bounded() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    // skipped without recursion or refused, but never a stack overflow
    let _ = SignedMessage::from_json(deep.as_bytes());
    assert!(SignedMessage::from_json(&vec![b' '; 9 << 20]).is_err());
    let mut blob = SsvMessage::dkg(Vec::new()).encode();
    blob.resize(68 + 8_388_608, b'x');
    assert!(SsvMessage::decode(&blob).is_ok());
    blob.push(b'x');
    assert!(SsvMessage::decode(&blob).is_err());
}

#[test]
fn map_keys_are_sorted_as_text() {
    let map: GoMap<GoBytes> = [2, 10, 1]
        .map(|id| (OperatorId(id), GoBytes::NIL))
        .into_iter()
        .collect();
    assert_same(&map.to_json(), br#"{"1":null,"10":null,"2":null}"#);
    let hostile = Topic::new(
        "<&>\"",
        [Subscriber {
            name: "a\"\u{2028}\u{1}".into(),
            srv_addr: "x".into(),
        }],
    );
    let json = hostile.to_json();
    assert_same(
        &json,
        br#"{"Name":"\u003c\u0026\u003e\"","Subscribers":{"a\"\u2028\u0001":{"name":"a\"\u2028\u0001","srv_addr":"x"}}}"#,
    );
    assert_eq!(Topic::from_json(&json).unwrap(), hostile);
}

fn go_bytes() -> impl Strategy<Value = GoBytes> {
    prop_oneof![
        Just(GoBytes::NIL),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(GoBytes::from)
    ]
}

prop_compose! {
    fn signed_message()(
        kind in any::<u64>(), id in any::<[u8; 24]>(), data in go_bytes(), signer in any::<u64>(),
        signature in go_bytes(), present in any::<bool>(),
    ) -> SignedMessage {
        let message = Message { msg_type: kind.into(), identifier: RequestId(id), data };
        SignedMessage { message: present.then_some(message), signer: OperatorId(signer), signature }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[A-Za-z0-9+/=]{0,12}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "Message",
        "signer",
        "Signature",
        "Data",
        "KeySignData",
        "BlameData",
        "round",
        "round1",
        "Shares",
        "Commitment",
        "1",
        "01",
        "DKGOutputs",
        "BlameOutput",
        "Identifier",
        "preparation",
        "blame",
        "timeout",
        "Round",
        "x",
    ]);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|entries| entries
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Value>()),
        ]
    })
}

/// Whatever decodes must survive a second trip unchanged.
fn assert_stable<T: Decode + Encode + PartialEq + std::fmt::Debug>(json: &[u8]) {
    if let Ok(value) = T::from_json(json) {
        let once = value.to_json();
        let again = T::from_json(&once).expect("our own encoding decodes");
        assert_eq!(again, value);
        assert_eq!(again.to_json(), once);
    }
}

proptest! {
    #[test]
    fn signed_messages_round_trip(signed in signed_message()) {
        prop_assert_eq!(&SignedMessage::from_ssv(&signed.to_ssv()).unwrap(), &signed);
        let theirs: Value = serde_json::from_slice(&signed.to_json()).expect("valid JSON");
        prop_assert_eq!(theirs["Signer"].as_u64(), Some(signed.signer.0));
    }

    #[test]
    fn decoders_never_panic(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = SsvMessage::decode(&noise);
        let _ = SignedMessage::from_ssv(&noise);
        assert_stable::<SignedMessage>(&noise);
        assert_stable::<KeygenMessage>(&noise);
    }

    #[test]
    fn json_of_any_shape_is_read_stably_or_refused(value in json_value()) {
        let json = value.to_string().into_bytes();
        assert_stable::<SignedMessage>(&json);
        assert_stable::<KeygenMessage>(&json);
        assert_stable::<KeysignMessage>(&json);
        assert_stable::<DataStore>(&json);
        assert_stable::<SignedOutput>(&json);
        assert_stable::<Init>(&json);
        assert_stable::<KeySign>(&json);
        assert_stable::<Topic>(&json);
    }
}

#[test]
fn deliveries_equal_what_was_published() {
    // the messenger forwards bytes unchanged, so a delivery is some publication
    let published: std::collections::HashSet<Vec<u8>> = recorded_messages("live/keygen-n4.json")
        .iter()
        .filter(|m| m.message.as_ref().is_some_and(|m| !m.msg_type.is_start()))
        .map(SignedMessage::to_ssv)
        .collect();
    assert_eq!(
        published.len(),
        20,
        "an n=4 keygen is 5 broadcasts of 4 operators"
    );
}
