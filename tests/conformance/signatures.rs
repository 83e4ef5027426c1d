//! RSA signatures of messages and results: hashed twice, under the one domain.

use casimir_dkg::dkg::rockx::keys::OperatorPublicKey;
use casimir_dkg::dkg::rockx::sign::{SIGNATURE_DOMAIN, message_root, signing_root};
use casimir_dkg::dkg::rockx::wire::{Decode, Encode, Message, MsgType, SignedMessage, SignedOutput};
use sha2::{Digest, Sha256};

use super::vectors::{
    PUBLIC_KEYS, RECORDINGS, TRANSCRIPTS, array, base64, bytes, load, private_keys, recorded_messages, text,
};

/// The signature must verify with the double hash and with no other recipe.
fn assert_double_hash(key: &OperatorPublicKey, message: &Message, signature: &[u8]) {
    assert!(key.verify(&signing_root(message).0, signature));
    let once = message_root(message);
    let preimage = [&once.0[..], &SIGNATURE_DOMAIN].concat();
    assert_eq!(Sha256::digest(&preimage)[..], signing_root(message).0);
    // a single hash would have the signing root itself in the signature, that is, the pre-image as the message
    assert!(!key.verify(&preimage, signature), "single hash");
    assert!(!key.verify(&once.0, signature), "without domain");
    let foreign = [&once.0[..], b"primus_testnet", &[3, 0, 0, 0]].concat();
    assert!(
        !key.verify(&Sha256::digest(foreign), signature),
        "the domain before 0.2.7"
    );
}

#[test]
fn vectors_have_these_roots_and_signatures() {
    assert_eq!(
        bytes(&load("vectors-misc.json"), "signature_domain_hex"),
        SIGNATURE_DOMAIN
    );
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
        let signed = SignedMessage::from_json(text(&vector, "signed_message_json").as_bytes()).unwrap();
        let message = signed.message.clone().unwrap();
        assert_eq!(message_root(&message).0, array(&vector, "message_root_hex"));
        assert_eq!(signing_root(&message).0, array(&vector, "signing_root_hex"));
        let key = &private_keys()[&signed.signer];
        assert_eq!(
            signed.signature.as_slice(),
            base64(text(&vector, "rsa_signature_b64"))
        );
        assert!(signed.verify(key.public()));
        assert_double_hash(key.public(), &message, signed.signature.as_slice());
        // PKCS#1 v1.5 is deterministic: signing again gives the same bytes
        assert_eq!(message.sign(signed.signer, key).unwrap(), signed);
    }
}

#[test]
fn vector_results_have_these_roots_and_signatures() {
    let mut count = 0;
    for file in TRANSCRIPTS {
        for vector in load(file)["messages"].as_array().unwrap() {
            if vector["msg_type"] != 3 {
                continue;
            }
            let output = SignedOutput::from_json(text(vector, "data_utf8").as_bytes()).unwrap();
            let key = &private_keys()[&output.signer];
            let (json, again) = match (output.data.clone(), output.key_sign_data.clone()) {
                (Some(data), None) => {
                    assert_eq!(signing_root(&data).0, array(vector, "output_signing_root_hex"));
                    assert_eq!(message_root(&data).0, array(vector, "output_root_hex"));
                    (
                        text(vector, "output_json"),
                        SignedOutput::of_output(data, output.signer, key),
                    )
                }
                (None, Some(data)) => {
                    assert_eq!(signing_root(&data).0, array(vector, "output_signing_root_hex"));
                    (
                        text(vector, "keysign_output_json"),
                        SignedOutput::of_keysign(data, output.signer, key),
                    )
                }
                both => panic!("{both:?}"),
            };
            assert!(String::from_utf8(output.to_json()).unwrap().contains(json));
            assert_eq!(again.unwrap(), output);
            assert!(output.verify(key.public()));
            let mut forged = output;
            forged.signature.0.as_mut().unwrap()[5] ^= 1;
            assert!(!forged.verify(key.public()));
            count += 1;
        }
    }
    assert_eq!(count, 12);
}

#[test]
fn every_recorded_signature_verifies_with_the_double_hash_only() {
    let (mut checked, mut inner, mut unsigned_starts) = (0, 0, 0);
    for file in RECORDINGS {
        for signed in recorded_messages(file) {
            let key = &PUBLIC_KEYS[&signed.signer];
            let message = signed.message.as_ref().unwrap();
            if message.msg_type.is_start() && !signed.verify(key) {
                // nodes do not enforce it: some recordings were started with a random signature
                unsigned_starts += 1;
                continue;
            }
            assert_double_hash(key, message, signed.signature.as_slice());
            checked += 1;
            if message.msg_type == MsgType::Output {
                let output = SignedOutput::from_json(message.data.as_slice()).unwrap();
                assert_eq!(output.signer, signed.signer);
                assert!(output.verify(key));
                assert!(
                    PUBLIC_KEYS
                        .iter()
                        .all(|(id, other)| *id == signed.signer || !output.verify(other))
                );
                inner += 1;
            }
        }
    }
    assert!(inner >= 100, "{inner} results");
    assert!(
        checked >= 500,
        "{checked} messages checked, {unsigned_starts} starts with a foreign signature"
    );
}
