//! `keystore`: what is written can be opened, by its owner only, and nothing is overwritten.

use std::fs;
use std::path::Path;

use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::signer::keystore;
use secrecy::SecretString;
use serde_json::Value;

use super::support;

const PASSWORD: &str = "correct horse battery";

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
    for file in ["plain.pem", "sealed.json"] {
        assert_eq!(mode(&scratch.path().join(file)), 0o600, "{file}");
    }
}

fn with_json(scratch: &Path, arguments: &[&str]) -> (Option<i32>, serde_json::Value, String) {
    let mut program = support::program(scratch);
    let (code, stdout, stderr) = support::run(program.args(["--json", "keystore"]).args(arguments));
    let said = stdout.lines().next().map_or(serde_json::Value::Null, |line| {
        serde_json::from_str(line).unwrap()
    });
    (code, said, stderr)
}

#[test]
fn what_a_file_holds_is_told_without_its_password_and_proved_with_it() {
    let scratch = scratch_with_password(PASSWORD);
    let (_, made, _) = with_json(scratch.path(), &["new", "k.json", "--password-file", "password"]);
    let (code, said, _) = with_json(scratch.path(), &["show", "k.json"]);
    assert_eq!(
        (code, &said["address"], &said["opened"]),
        (Some(0), &made["address"], &false.into())
    );
    assert_eq!(said["derivation"], "scrypt n=262144 r=8 p=1");
    let proved = ["show", "k.json", "--password-file", "password"];
    let (_, said, _) = with_json(scratch.path(), &proved);
    assert_eq!(
        (&said["address"], &said["opened"]),
        (&made["address"], &true.into())
    );
    // a file that names another account is caught by the proof
    let text = fs::read_to_string(scratch.path().join("k.json")).unwrap();
    let mut fields: serde_json::Value = serde_json::from_str(&text).unwrap();
    fields["address"] = "11".repeat(20).into();
    fs::write(scratch.path().join("k.json"), fields.to_string()).unwrap();
    assert_eq!(with_json(scratch.path(), &proved).0, Some(1));

    let (_, made, _) = with_json(scratch.path(), &["operator-key", "plain.pem"]);
    let (code, said, _) = with_json(scratch.path(), &["show", "plain.pem"]);
    assert_eq!((code, &said["public_key"]), (Some(0), &made["public_key"]));
    let private = fs::read_to_string(scratch.path().join("plain.pem")).unwrap();
    let (_, out, _) = support::run(support::program(scratch.path()).args(["keystore", "show", "plain.pem"]));
    let lines: Vec<&str> = private.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(
        out.contains("SHA-256:") && !lines.iter().any(|line| out.contains(line)),
        "{out}"
    );
}

#[test]
fn a_password_is_changed_and_the_key_stays() {
    const NEW: &str = "another horse entirely";
    let scratch = scratch_with_password(PASSWORD);
    fs::write(scratch.path().join("new"), format!("{NEW}\n")).unwrap();
    fs::write(scratch.path().join("short"), "short\n").unwrap();
    let files = ["--password-file", "password"];
    let (_, account, _) = with_json(scratch.path(), &[&["new", "k.json"][..], &files].concat());
    let (_, operator, _) = with_json(
        scratch.path(),
        &[&["operator-key", "o.json"][..], &files].concat(),
    );
    let secret = |text: &str| SecretString::from(text.to_owned());
    for file in ["k.json", "o.json"] {
        let path = scratch.path().join(file);
        let before = fs::read(&path).unwrap();
        let change = |present: &str, new: &str| {
            let arguments = [
                "passwd",
                file,
                "--password-file",
                present,
                "--new-password-file",
                new,
            ];
            with_json(scratch.path(), &arguments)
        };
        assert_eq!(change("new", "password").0, Some(1), "a wrong password");
        assert_eq!(change("password", "short").0, Some(1), "a weak one");
        assert_eq!(fs::read(&path).unwrap(), before, "nothing was changed");
        let (code, said, stderr) = change("password", "new");
        assert_eq!(code, Some(0), "{stderr}");
        let made = if file == "k.json" {
            &account["address"]
        } else {
            &operator["public_key"]
        };
        assert!(said["address"] == *made || said["public_key"] == *made, "{said}");
        assert_eq!(mode(&path), 0o600);
    }
    let opened = keystore::open(&scratch.path().join("k.json"), &secret(NEW)).unwrap();
    assert_eq!(account["address"], opened.signer.address().to_string());
    assert!(keystore::open(&scratch.path().join("k.json"), &secret(PASSWORD)).is_err());
    let text = fs::read_to_string(scratch.path().join("o.json")).unwrap();
    assert!(OperatorPrivateKey::open(&text, &secret(NEW)).is_ok());
    assert!(OperatorPrivateKey::open(&text, &secret(PASSWORD)).is_err());
    let left = fs::read_dir(scratch.path())
        .unwrap()
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains(".new")
        })
        .count();
    assert_eq!(left, 0);
    let (code, ..) = with_json(scratch.path(), &["passwd", "password"]);
    assert_eq!(code, Some(1), "no key at all");
}

#[test]
fn a_persons_key_is_shown_and_gets_another_password_and_a_key_in_clear_gets_its_first() {
    const NEW: &str = "another horse entirely";
    let scratch = scratch_with_password(PASSWORD);
    fs::write(scratch.path().join("new"), format!("{NEW}\n")).unwrap();
    let mut program = support::program(scratch.path());
    program.args([
        "person",
        "new",
        "me.json",
        "--password-file",
        "password",
        "--json",
    ]);
    let (code, made, stderr) = support::run(&mut program);
    assert_eq!(code, Some(0), "{stderr}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let shown = |more: &[&str]| {
        let (code, shown, stderr) = with_json(scratch.path(), &[&["show", "me.json"], more].concat());
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(
            (&shown["kind"], &shown["key"]),
            (&"person-key".into(), &made["key"])
        );
        shown["opened"] == true
    };
    assert!(!shown(&[]) && shown(&["--password-file", "password"]));
    let change = |file: &str, present: &[&str], new: &str| {
        let arguments = [&["passwd", file], present, &["--new-password-file", new]].concat();
        with_json(scratch.path(), &arguments)
    };
    assert_eq!(
        change("me.json", &["--password-file", "new"], "password").0,
        Some(1)
    );
    let (code, said, stderr) = change("me.json", &["--password-file", "password"], "new");
    assert!(code == Some(0) && said["key"] == made["key"], "{said}{stderr}");
    assert!(shown(&["--password-file", "new"]));

    let (_, operator, _) = with_json(scratch.path(), &["operator-key", "o.pem"]);
    let (code, _, stderr) = change("o.pem", &["--password-file", "password"], "new");
    assert!(
        code == Some(1) && stderr.contains("has no password yet"),
        "{stderr}"
    );
    let (code, said, stderr) = change("o.pem", &[], "new");
    assert!(
        code == Some(0) && said["public_key"] == operator["public_key"],
        "{said}{stderr}"
    );
    let text = fs::read_to_string(scratch.path().join("o.pem")).unwrap();
    assert!(OperatorPrivateKey::open(&text, &SecretString::from(NEW.to_owned())).is_ok());
}
