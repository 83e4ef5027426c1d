//! Keystores: ours, others', and the files around them.

use std::os::unix::fs::PermissionsExt;

use casimir_dkg::signer::keystore::{self, KeystoreError};
use casimir_dkg::signer::{KeyPolicy, OracleSigner, SignerError, password};
use secrecy::SecretString;

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

/// The test vector of the Web3 secret storage definition for PBKDF2.
const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,
"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
/// The same for scrypt: r = 1 with an N that RFC 7914 does not allow for it, and libraries refuse.
const SCRYPT: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
"ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt","kdfparams":{"dklen":32,
"n":262144,"p":8,"r":1,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
"mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
/// As geth writes it; made with Python's hashlib and openssl, for the same key and password.
const GETH: &str = r#"{"address":"008aeeda4d805471df9b2a5b0f38a0c3bcba786b","crypto":{"cipher":"aes-128-ctr","ciphertext":"83dd273653c737b9dd84d37f8596e17e488dcb03ab2856dd80830e7c925d38d8",
"cipherparams":{"iv":"0ab306823035661bb8dba21cc2535231"},"kdf":"scrypt","kdfparams":{"dklen":32,"n":262144,"p":1,"r":8,"salt":"63479ad69a090b258277ec8fba6f99419a2ffb248981510657c944ccd1148e97"},
"mac":"293ab9fe37c0701af777ed5f2cc9ce533c9cceddb845310789395af239f38c42"},"id":"6c4485f3-3cc0-4081-848e-8bf489f2c262","version":3}"#;

#[test]
fn files_of_other_programs_open() {
    let folder = tempfile::tempdir().unwrap();
    let expected = OracleSigner::from_private_key(&secret(KEY), KeyPolicy::DevelopmentKeys).unwrap();
    for (name, content) in [("pbkdf2", PBKDF2), ("scrypt", SCRYPT), ("geth", GETH)] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let opened = keystore::open(&path, &secret("testpassword")).unwrap();
        assert_eq!(opened.signer.address(), expected.address(), "{name}");
        assert!(opened.warning.unwrap().contains("644"));
        // what the library does not take is derived here, which takes half a minute unoptimised: once is enough
        if name != "scrypt" {
            let wrong = keystore::open(&path, &secret("testpasswore")).unwrap_err();
            assert!(matches!(wrong, KeystoreError::WrongPassword(_)), "{wrong}");
        }
    }
    // geth adds the address; a file whose key belongs to another one is refused
    let path = folder.path().join("swapped");
    let swapped = PBKDF2.replacen(
        "{\"crypto\"",
        "{\"address\":\"00000398232e2064f896018496b4b44b3d62751f\",\"crypto\"",
        1,
    );
    std::fs::write(&path, swapped).unwrap();
    let error = keystore::open(&path, &secret("testpassword")).unwrap_err();
    assert!(matches!(error, KeystoreError::WrongAddress { .. }), "{error}");
}

#[test]
fn our_file_is_private_strong_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oracle.json");
    let (signer, _) = keystore::create(&path, &secret("correct horse")).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let content = std::fs::read_to_string(&path).unwrap();
    let json: serde_json::Value = serde_json::from_str(&content).unwrap();
    assert_eq!(json["crypto"]["kdfparams"]["n"], 262_144);
    assert_eq!(json["version"], 3);
    assert_eq!(keystore::address(&path).unwrap(), Some(signer.address()));
    let opened = keystore::open(&path, &secret("correct horse")).unwrap();
    assert_eq!(opened.signer.address(), signer.address());
    assert!(opened.warning.is_none());
    // alloy's reader, as an independent program
    let foreign = alloy::signers::local::LocalSigner::decrypt_keystore(&path, "correct horse").unwrap();
    assert_eq!(foreign.address(), signer.address());

    let again = keystore::create(&path, &secret("other")).unwrap_err();
    assert!(matches!(again, KeystoreError::Exists(_)), "{again}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left behind"
    );
}

#[test]
fn a_file_may_not_ask_for_all_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("262144", "1073741824"),
        ("262144", "262143"),
        ("\"r\":8", "\"r\":4294967296"),
        ("\"dklen\":32", "\"dklen\":16"),
        ("aes-128-ctr", "aes-128-cbc"),
        ("\"version\":3", "\"version\":4"),
        ("scrypt", "argon2"),
    ] {
        let path = folder.path().join("bad");
        std::fs::write(&path, GETH.replace(from, to)).unwrap();
        let error = keystore::open(&path, &secret("testpassword")).unwrap_err();
        assert!(matches!(error, KeystoreError::Format { .. }), "{to}: {error}");
    }
}

#[test]
fn development_keys_stay_on_development_networks() {
    let words = secret("test test test test test test test test test test test junk");
    let signer = OracleSigner::from_mnemonic(&words, 0, KeyPolicy::DevelopmentKeys).unwrap();
    assert_eq!(
        signer.address().to_string(),
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    );
    assert_eq!(
        OracleSigner::from_mnemonic(&words, 0, KeyPolicy::KeystoreOnly).unwrap_err(),
        SignerError::DevelopmentOnly("mnemonic")
    );
    assert!(OracleSigner::from_private_key(&secret(KEY), KeyPolicy::KeystoreOnly).is_err());
    let bad = OracleSigner::from_private_key(&secret("0xnotakey"), KeyPolicy::DevelopmentKeys).unwrap_err();
    assert!(!bad.to_string().contains("notakey"));
    let shown = format!("{signer:?}");
    assert_eq!(shown, "OracleSigner(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266)");
}

#[test]
fn a_password_file_is_its_first_line() {
    use secrecy::ExposeSecret;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, " with spaces \r\nsecond line\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let read = password::from_file(&path).unwrap();
    assert_eq!(read.password.expose_secret(), " with spaces ");
    assert!(read.warning.is_none());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(
        password::from_file(&path)
            .unwrap()
            .warning
            .unwrap()
            .contains("640")
    );
    std::fs::write(&path, "\nx").unwrap();
    assert!(password::from_file(&path).is_err());
}
