//! `keystore`: what is written can be opened, by its owner only, and nothing is overwritten.

use std::fs;
use std::path::Path;

use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::signer::keystore;
use secrecy::SecretString;

use super::support;

const PASSWORD: &str = "correct horse battery";

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn scratch_with_password(password: &str) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("password"), format!("{password}\n")).unwrap();
    scratch
}

#[test]
fn a_new_keystore_opens_with_its_password_and_has_mode_600() {
    let scratch = scratch_with_password(PASSWORD);
    let new = || {
        let mut program = support::program(scratch.path());
        support::run(program.args([
            "--json",
            "keystore",
            "new",
            "oracle.json",
            "--password-file",
            "password",
        ]))
    };
    let (code, stdout, stderr) = new();
    assert_eq!(code, Some(0), "{stderr}");
    let said: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let path = scratch.path().join("oracle.json");
    let opened = keystore::open(&path, &SecretString::from(PASSWORD.to_owned())).unwrap();
    assert_eq!(said["address"], opened.signer.address().to_string());
    #[cfg(unix)]
    assert_eq!(mode(&path), 0o600);
    let file: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(file["crypto"]["kdfparams"]["n"], 262_144, "geth's standard cost");

    let before = fs::read(&path).unwrap();
    let (code, _, stderr) = new();
    assert_eq!(code, Some(1));
    assert!(stderr.contains("exists already"), "{stderr}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_imported_key_is_that_key_and_is_not_repeated() {
    let scratch = scratch_with_password(PASSWORD);
    // the first account of the well-known development mnemonic
    let key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    fs::write(scratch.path().join("key"), format!("0x{key}\n")).unwrap();
    let mut program = support::program(scratch.path());
    let arguments = [
        "keystore",
        "import",
        "k.json",
        "--key-file",
        "key",
        "--password-file",
        "password",
    ];
    let (code, stdout, stderr) = support::run(program.args(arguments));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.contains("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        "{stdout}"
    );
    let file = fs::read_to_string(scratch.path().join("k.json")).unwrap();
    for text in [stdout, stderr, file] {
        assert!(!text.contains(&key[..16]) && !text.contains(PASSWORD));
    }

    fs::write(scratch.path().join("key"), "0x1234").unwrap();
    let mut program = support::program(scratch.path());
    let arguments = [
        "keystore",
        "import",
        "other.json",
        "--key-file",
        "key",
        "--password-file",
        "password",
    ];
    let (code, _, stderr) = support::run(program.args(arguments));
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("not valid") && !stderr.contains("1234"),
        "{stderr}"
    );
    assert!(!scratch.path().join("other.json").exists());
}

#[test]
fn weak_passwords_and_missing_terminals_are_refused() {
    let scratch = scratch_with_password("short");
    let mut program = support::program(scratch.path());
    let (code, _, stderr) =
        support::run(program.args(["keystore", "new", "k.json", "--password-file", "password"]));
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("at least 10") && !stderr.contains("short"),
        "{stderr}"
    );
    assert!(!scratch.path().join("k.json").exists());
}

#[test]
fn an_operator_key_is_made_in_both_forms() {
    let scratch = scratch_with_password(PASSWORD);
    let make = |arguments: &[&str]| {
        let mut program = support::program(scratch.path());
        let (code, stdout, stderr) = support::run(
            program
                .args(["--json", "keystore", "operator-key"])
                .args(arguments),
        );
        assert_eq!(code, Some(0), "{stderr}");
        let said: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        OperatorPublicKey::parse(said["public_key"].as_str().unwrap()).unwrap()
    };
    let public = make(&["plain.pem"]);
    let pem = fs::read_to_string(scratch.path().join("plain.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert!(OperatorPrivateKey::parse(&pem).unwrap().matches(&public));

    let public = make(&["sealed.json", "--password-file", "password"]);
    let json = fs::read_to_string(scratch.path().join("sealed.json")).unwrap();
    let opened = OperatorPrivateKey::open(&json, &SecretString::from(PASSWORD.to_owned())).unwrap();
    assert!(opened.matches(&public));
    #[cfg(unix)]
    for file in ["plain.pem", "sealed.json"] {
        assert_eq!(mode(&scratch.path().join(file)), 0o600, "{file}");
    }
}
