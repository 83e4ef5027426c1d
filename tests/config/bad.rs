//! Each file in `bad/` is refused, and the lines that it announces are what is printed: file, line, key, what is wrong,
//! what was probably meant.
//!
//! `#! line key: text` at the end of a file announces one error in it, `#!! …` one that has no line. `KEY` stands for a
//! valid RSA public key. What a file does not talk about and is required comes from the environment, except in files that
//! begin with `# bare`.

use std::fs;
use std::path::Path;

use casimir_dkg::config::{self, ConfigErrors, LoadOptions};

use super::support::{self, MINIMAL};

#[test]
fn every_bad_file_is_refused_with_file_line_key_and_suggestion() {
    let mut files: Vec<_> = fs::read_dir(support::here("bad"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 40, "the corpus is there: {}", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let scratch = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let copy = scratch.path().join(&name);
        fs::write(&copy, text.replace("KEY", support::operator_key())).unwrap();

        let mut options = support::options(&copy, scratch.path());
        if !text.starts_with("# bare") {
            let body: String = text.lines().filter(|line| !line.starts_with("#!")).collect();
            required(&body, scratch.path(), &mut options);
        }
        let errors = config::load(&options).expect_err(&name);
        let expected: Vec<String> = text
            .lines()
            .filter_map(|line| {
                let line = line.strip_prefix("#!")?;
                Some(match line.strip_prefix('!') {
                    Some(rest) => rest.trim().to_owned(),
                    None => format!("{name}:{}", line.trim().replacen(' ', ": ", 1)),
                })
            })
            .collect();
        assert!(!expected.is_empty(), "{name} announces nothing");
        let prefix = format!("{}/", scratch.path().display());
        let got: Vec<String> = errors
            .0
            .iter()
            .map(|e| e.to_string().replace(&prefix, ""))
            .collect();
        assert_eq!(got, expected, "{name}");
    }
}

/// Sets every required key in the environment whose section the file leaves alone.
fn required(text: &str, scratch: &Path, options: &mut LoadOptions) {
    let operators = scratch.join("four-operators.toml");
    fs::write(&operators, support::operators()).unwrap();
    for (section, variable, value) in [
        ("[network]", "CASIMIR_DKG_NETWORK_NAME", "devnet"),
        ("[rpc]", "CASIMIR_DKG_RPC_URLS", "http://127.0.0.1:8545"),
        (
            "[contract]",
            "CASIMIR_DKG_CONTRACT_ADDRESS",
            "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        ),
        ("[policy]", "CASIMIR_DKG_POLICY_MODE", "observe"),
        ("[signer]", "CASIMIR_DKG_SIGNER_KEYSTORE", "/k.json"),
        (
            "operator",
            "CASIMIR_DKG_OPERATORS_FILE",
            operators.to_str().unwrap(),
        ),
    ] {
        if !text.contains(section) {
            options.environment.insert(variable.to_owned(), value.to_owned());
        }
    }
}

#[test]
fn several_files_and_layers_are_reported_together() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    fs::write(&file, format!("{MINIMAL}\n[ui]\nthem = \"x\"\n[log]\nkep = 1\n")).unwrap();
    let mut options = support::options(&file, scratch.path());
    options
        .environment
        .insert("CASIMIR_DKG_RPC_URL".to_owned(), "x".to_owned());
    let ConfigErrors(errors) = config::load(&options).unwrap_err();
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 3, "{text:#?}");
    assert!(
        text[0].contains("CASIMIR_DKG_RPC_URL") && text[0].contains("did you mean `CASIMIR_DKG_RPC_URLS`"),
        "{text:#?}"
    );
    assert!(
        text[1].contains("ui.them: unknown key; did you mean `ui.theme`"),
        "{text:#?}"
    );
    assert!(
        text[2].contains("log.kep: unknown key; did you mean `log.keep`"),
        "{text:#?}"
    );
}

#[test]
fn values_of_secrets_and_urls_do_not_appear_in_errors() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    fs::write(
        &file,
        "[rpc]\nurls = [\"htp://user:hunter2@host/0123456789abcdef0123456789\"]\n[signer]\npassword = \"hunter3\"\n[node]\nkey = \"hunter4\"\n",
    )
    .unwrap();
    let options = support::options(&file, scratch.path());
    let first = config::load(&options).unwrap_err().to_string();
    assert!(
        first.contains("signer.password: is a secret") && first.contains("CASIMIR_DKG_SIGNER_PASSWORD"),
        "{first}"
    );
    fs::write(
        &file,
        fs::read_to_string(&file)
            .unwrap()
            .replace("password", "# ")
            .replace("key =", "# "),
    )
    .unwrap();
    let second = config::load(&options).unwrap_err().to_string();
    assert!(second.contains("rpc.urls"), "{second}");
    for text in [first, second] {
        assert!(
            !text.contains("hunter") && !text.contains("0123456789abcdef"),
            "{text}"
        );
    }
}

#[test]
fn unreadable_files_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    let missing = scratch.path().join("absent.toml");
    let error = config::load(&support::options(&missing, scratch.path()))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("flag --config: no such file") && error.contains("absent.toml"),
        "{error}"
    );

    let latin = scratch.path().join("latin.toml");
    fs::write(&latin, b"[ui]\ntheme = \"\xe9\"\n").unwrap();
    let error = config::load(&support::options(&latin, scratch.path()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("latin.toml") && error.contains("not UTF-8 (line 2)"),
        "{error}"
    );

    let huge = scratch.path().join("huge.toml");
    fs::write(&huge, vec![b'#'; (1 << 20) + 1]).unwrap();
    let error = config::load(&support::options(&huge, scratch.path()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("larger than 1 MiB"), "{error}");
}
