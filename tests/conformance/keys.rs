//! RSA keys in every text form in use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use casimir_dkg::dkg::rockx::keys::{KeyError, OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::dkg::rockx::share::{SealedShareError, open_sealed_share, seal_share};
use casimir_dkg::dkg::threshold::SecretScalar;
use proptest::prelude::*;

use super::vectors::{by_operator, bytes, load, private_keys, text, text_of};

#[test]
fn every_form_of_every_operators_key_is_the_same_key() {
    let file = load("hardcoded-operators.json");
    let mut seen = 0;
    for (id, operator) in by_operator(&file["operators"]) {
        let pem = text(operator, "public_spki_pem_as_rockx_writes_it");
        let (registry_name, registry) = operator
            .as_object()
            .unwrap()
            .iter()
            .find(|(name, _)| name.starts_with("public_key_base64"))
            .expect("the registry's form");
        assert!(registry_name.contains("registry"));
        let registry = registry.as_str().unwrap();
        let key = OperatorPublicKey::parse(registry).unwrap();
        assert_eq!(key.to_registry_text(), registry, "written as the registry does");
        let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
        let private_der = bytes(operator, "rsa_private_pkcs1_der_hex");
        let pkcs1 = pkcs1_public(key.as_spki_der());
        let forms = [
            pem.to_owned(),
            pem.replace("RSA PUBLIC KEY", "PUBLIC KEY"),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\n"),
            format!("\n  {pem}\n"),
            STANDARD.encode(pem),
            body.clone(),
            STANDARD.encode(&pkcs1),
            format!(
                "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----",
                STANDARD.encode(&pkcs1)
            ),
            STANDARD.encode(format!(
                "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----",
                STANDARD.encode(&pkcs1)
            )),
        ];
        for form in forms {
            assert_eq!(OperatorPublicKey::parse(&form).unwrap(), key, "{form}");
        }

        let pem = text(operator, "rsa_private_pkcs1_pem");
        let private = OperatorPrivateKey::parse(pem).unwrap();
        assert_eq!(private.to_pem().unwrap().trim(), pem.trim());
        assert!(private.matches(&key));
        assert_eq!(&private_keys()[&id].public(), &private.public());
        for form in [STANDARD.encode(pem), STANDARD.encode(&private_der)] {
            assert!(OperatorPrivateKey::parse(&form).unwrap().matches(&key));
        }
        assert!(OperatorPrivateKey::from_der(&private_der).unwrap().matches(&key));
        seen += 1;
    }
    assert_eq!(seen, 8);
}

/// Strips the SubjectPublicKeyInfo of a 2048-bit key: 24 bytes of algorithm and bit string header.
fn pkcs1_public(spki: &[u8]) -> Vec<u8> {
    spki[24..].to_vec()
}

#[test]
fn the_initiators_public_test_keys_are_operators_1_and_5() {
    let file = load("initiator-keys.json");
    for (command, pem) in [
        ("keygen", Some("initiator-keygen-operator1.private.pem")),
        ("resharing", Some("initiator-resharing-operator5.private.pem")),
        ("keysign", None),
    ] {
        let entry = &file["keys"][command];
        let public = OperatorPublicKey::parse(text(entry, "public_spki_pem")).unwrap();
        let signer = casimir_dkg::types::OperatorId(entry["signer_operator_id"].as_u64().unwrap());
        assert!(private_keys()[&signer].matches(&public));
        if let Some(pem) = pem {
            assert!(OperatorPrivateKey::parse(&text_of(pem)).unwrap().matches(&public));
        }
    }
    for (_, operator) in by_operator(&load("test-keysets.json")["operators"]) {
        assert!(OperatorPrivateKey::from_der(&bytes(operator, "rsa_private_pkcs1_der_hex")).is_ok());
    }
}

#[test]
fn what_is_no_key_is_refused_with_a_reason() {
    let pem = private_keys().values().next().unwrap().to_pem().unwrap();
    for text in ["", "nonsense", "-----BEGIN X-----", "AAAA", &"A".repeat(100_000)] {
        assert!(OperatorPublicKey::parse(text).is_err(), "{text:.40}");
        assert!(OperatorPrivateKey::parse(text).is_err(), "{text:.40}");
    }
    assert!(
        OperatorPublicKey::parse(&pem).is_err(),
        "a private key is no public key"
    );
    let encrypted = pem.replace("RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert_eq!(
        OperatorPrivateKey::parse(&encrypted).err(),
        Some(KeyError::Encrypted)
    );
    let short = OperatorPublicKey::parse(RSA_1024).unwrap_err();
    assert!(
        matches!(short, KeyError::Bits(1024) | KeyError::Content(_)),
        "{short:?}"
    );
}

/// A 1024-bit key, made for this test.
const RSA_1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCksFAMAKtZWfLEKJtNPUt1ZxP1AKI0WMupvvAuRgOnUYEJ77CCZFKz7lMQZw03\
    gMocwypOsZAO/T2fl21I6FtiMyParUQjXgZkpT5dWDpOhyimIfk4EK8wkJQ4d03Lnt6onXWy35hN0NyKSo8H4Bzhw7FXbzckPhIAGHTk2ThbuQIDAQAB";

#[test]
fn a_fresh_key_signs_encrypts_and_survives_its_own_text() {
    let key = OperatorPrivateKey::generate().unwrap();
    let again = OperatorPrivateKey::parse(&key.to_pem().unwrap()).unwrap();
    assert!(again.matches(key.public()));
    let signature = key.sign(b"message").unwrap();
    assert_eq!(signature.len(), 256);
    assert!(again.public().verify(b"message", &signature));
    assert!(!again.public().verify(b"massage", &signature));

    let share = SecretScalar::random(&mut rand::rngs::OsRng);
    let sealed = seal_share(&share, key.public()).unwrap();
    assert_eq!(sealed.len(), 256);
    assert_eq!(
        open_sealed_share(&sealed, &again).unwrap().public_key(),
        share.public_key()
    );
    let other = &private_keys()[&casimir_dkg::types::OperatorId(1)];
    assert!(open_sealed_share(&sealed, other).is_err());
    let zero = key
        .public()
        .encrypt_pkcs1v15(format!("0x{}", "0".repeat(64)).as_bytes())
        .unwrap();
    assert!(matches!(
        open_sealed_share(&zero, &key),
        Err(SealedShareError::Content)
    ));
    assert!(
        key.public().encrypt_pkcs1v15(&[0; 246]).is_err(),
        "longer than the padding allows"
    );
}

proptest! {
    #[test]
    fn key_parsers_never_panic(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = OperatorPublicKey::from_der(&noise);
        let _ = OperatorPrivateKey::from_der(&noise);
        let text = String::from_utf8_lossy(&noise);
        let _ = OperatorPublicKey::parse(&text);
        let _ = OperatorPublicKey::parse(&format!("-----BEGIN RSA PUBLIC KEY-----{text}-----END "));
        let _ = OperatorPrivateKey::parse(&STANDARD.encode(&noise));
    }
}
