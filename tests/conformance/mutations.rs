//! Foreign bytes that are nearly right: no decoder panics on them, and what one takes means the same when it is written
//! and read again. `CASIMIR_DKG_MUTATIONS=100000` tries more of each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use casimir_dkg::attach::frame::{FROM_SEAT, Lines, TO_SEAT};
use casimir_dkg::chain::history_cache::{About, HistoryCache, Seal};
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::dkg::rockx::keys::OperatorPublicKey;
use casimir_dkg::dkg::rockx::transcript;
use casimir_dkg::dkg::rockx::wire::{
    BlameOutput, CreateTopic, DataStore, Decode, Encode, Init, KeySign, KeygenMessage, KeysignMessage,
    PartialDepositData, Reshare, SignedMessage, SignedOutput, SsvMessage, Subscriber, Topic,
};
use casimir_dkg::signer::keystore;
use casimir_dkg::types::Transcript;
use casimir_dkg::view::{Request, Scope, Snapshot};
use casimir_dkg::{engine, journal};

use super::mutate::{mutated, numbers};
use super::vectors::{PUBLIC_KEYS, TRANSCRIPTS, bytes, load, text};

/// Gives each mutation to a decoder: whatever it is, it is taken or refused, and the number of one that is neither is said.
fn each(what: &str, corpus: &[Vec<u8>], share: u64, take: impl Fn(&[u8])) {
    // what is not mutated is taken, so the decoder is reached
    corpus.iter().for_each(|whole| take(whole));
    for number in numbers(share) {
        let bytes = mutated(number, corpus);
        if catch_unwind(AssertUnwindSafe(|| take(&bytes))).is_err() {
            let text = String::from_utf8_lossy(&bytes);
            panic!("{what}: mutation {number} of the corpus is neither taken nor refused: {text}");
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of a folder, and of its folders.
fn files(folder: &str, ends: &str) -> Vec<std::path::PathBuf> {
    let found = files_within(folder, ends);
    assert!(!found.is_empty(), "{folder}");
    found
}

fn files_within(folder: &str, ends: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            found.extend(files_within(&format!("{folder}/{name}"), ends));
        } else if name.ends_with(ends) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read_all(files: &[std::path::PathBuf]) -> Vec<Vec<u8>> {
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every message of the computed flows, as one field of its vector has it.
fn messages(field: impl Fn(&serde_json::Value) -> Vec<u8>) -> Vec<Vec<u8>> {
    let flows = TRANSCRIPTS
        .iter()
        .flat_map(|file| load(file)["messages"].as_array().unwrap().clone());
    flows.map(|vector| field(&vector)).collect()
}

#[test]
fn envelopes() {
    let corpus = messages(|vector| bytes(vector, "ssv_message_hex"));
    each("an envelope", &corpus, 1, |bytes| {
        let _ = SsvMessage::decode(bytes).map(|envelope| envelope.encode());
        if let Ok(message) = SignedMessage::from_ssv(bytes) {
            let written = message.to_ssv();
            let again = SignedMessage::from_ssv(&written).unwrap();
            assert_eq!(again.to_ssv(), written);
        }
    });
}

/// What is read as `T` is the same when it is written and read again.
fn stable<T: Decode + Encode>(json: &[u8]) {
    if let Ok(value) = T::from_json(json) {
        let written = value.to_json();
        assert_eq!(T::from_json(&written).unwrap().to_json(), written);
    }
}

#[test]
fn payloads() {
    let mut corpus = messages(|vector| text(vector, "data_utf8").as_bytes().to_vec());
    corpus.push(serde_json::to_vec(&load("live/keygen-n4.json")["data"]).unwrap());
    corpus.push(serde_json::to_vec(&load("live/keysign-exit-n4.json")["data"]).unwrap());
    each("a payload", &corpus, 1, |json| {
        stable::<Init>(json);
        stable::<Reshare>(json);
        stable::<KeySign>(json);
        stable::<KeygenMessage>(json);
        stable::<KeysignMessage>(json);
        stable::<PartialDepositData>(json);
        stable::<SignedOutput>(json);
        stable::<DataStore>(json);
    });
}

#[test]
fn operators_keys() {
    let texts = PUBLIC_KEYS.values().map(|key| key.to_registry_text());
    let corpus: Vec<_> = texts.map(String::into_bytes).collect();
    each("a key", &corpus, 1, |bytes| {
        if let Ok(key) = OperatorPublicKey::parse(&String::from_utf8_lossy(bytes)) {
            let again = OperatorPublicKey::parse(&key.to_registry_text()).unwrap();
            assert_eq!(again.as_spki_der(), key.as_spki_der());
        }
    });
}

#[test]
fn transcripts() {
    let corpus = read_all(&files("tests/vectors/transcripts", ".json"));
    // signatures and pairings
    each("a transcript", &corpus, 10, |text| {
        if let Ok(transcript) = Transcript::read(text) {
            let _ = transcript::examine(&transcript).map_err(|error| error.to_string());
        }
    });
}

#[test]
fn records_of_journals() {
    let mut corpus = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    for file in files("tests/vectors/journals", ".sqlite") {
        let copy = folder.path().join("journal.sqlite");
        std::fs::copy(&file, &copy).unwrap();
        let (_, entries) = journal::verify(&copy).unwrap();
        corpus.extend(entries.into_iter().map(|entry| entry.body.into_bytes()));
    }
    let kind = |body: &str| {
        let value: serde_json::Value = serde_json::from_str(body).ok()?;
        Some(value["record"].as_str()?.to_owned())
    };
    each("a record", &corpus, 1, |body| {
        let body = String::from_utf8_lossy(body);
        let kind = kind(&body).unwrap_or_else(|| "note".to_owned());
        if engine::understood(&kind, &body).is_ok() {
            engine::sentence(&body).unwrap();
        }
    });
}

#[test]
fn configuration_and_operators() {
    let mut paths = files("tests/config/good", ".toml");
    paths.push(root().join("config/casimir-dkg.toml"));
    let corpus = read_all(&paths);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("casimir-dkg.toml");
    each("a configuration", &corpus, 2, |text| {
        std::fs::write(&file, text).unwrap();
        let options = LoadOptions {
            file: Some(file.clone()),
            ..LoadOptions::default()
        };
        if let Err(errors) = config::load(&options) {
            assert!(!errors.to_string().is_empty());
        }
    });
}

/// What comes to our messenger beside messages and results, and what a foreign one says of a topic.
#[test]
fn bodies_of_messengers() {
    let id = "1a".repeat(24);
    let signed = messages(|vector| text(vector, "data_utf8").as_bytes().to_vec());
    let mut corpus: Vec<Vec<u8>> = [
        r#"{"name":"7","srv_addr":"http://operator.example:8081"}"#.to_owned(),
        format!(r#"{{"topic_name":"{id}","subscribers":["1","2","3","4"]}}"#),
        format!(r#"{{"Name":"{id}","Subscribers":{{"1":{{"name":"1","srv_addr":"http://one"}}}}}}"#),
    ]
    .map(String::into_bytes)
    .into();
    let accusations = signed.iter().map(|message| {
        let message = String::from_utf8_lossy(message);
        format!(r#"{{"Valid":true,"BlameMessage":{message}}}"#).into_bytes()
    });
    corpus.extend(accusations);
    each("a body", &corpus, 1, |json| {
        stable::<Subscriber>(json);
        stable::<CreateTopic>(json);
        stable::<Topic>(json);
        stable::<BlameOutput>(json);
    });
}

#[test]
fn exports_of_journals() {
    let folder = tempfile::tempdir().unwrap();
    let mut corpus = Vec::new();
    for file in files("tests/vectors/journals", ".sqlite") {
        let copy = folder.path().join("journal.sqlite");
        std::fs::copy(&file, &copy).unwrap();
        let mut lines = Vec::new();
        journal::export(&journal::JournalOptions::at(&copy), &mut lines).unwrap();
        corpus.push(lines);
    }
    let export = folder.path().join("journal.jsonl");
    let verifies = |lines: &[u8]| {
        std::fs::write(&export, lines).unwrap();
        journal::verify(&export).is_ok()
    };
    assert!(corpus.iter().all(|lines| verifies(lines)));
    each("an export", &corpus, 4, |lines| {
        let _ = verifies(lines);
    });
}

#[test]
fn keystores() {
    let whole = format!(
        r#"{{"version":3,"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","address":"{}","crypto":{{"ciphertext":"{}","cipher":"aes-128-ctr",
        "cipherparams":{{"iv":"{}"}},"kdf":"scrypt","kdfparams":{{"dklen":32,"salt":"{}","n":2,"r":8,"p":1}},"mac":"{}"}}}}"#,
        "1a".repeat(20),
        "2b".repeat(32),
        "3c".repeat(16),
        "4d".repeat(32),
        "5e".repeat(32),
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keystore.json");
    let describe = |text: &[u8]| {
        std::fs::write(&file, text).unwrap();
        keystore::describe(&file).map_err(|error| assert!(!error.to_string().is_empty()))
    };
    assert!(describe(whole.as_bytes()).is_ok());
    each("a keystore", &[whole.into_bytes()], 1, |text| {
        let _ = describe(text);
    });
}

/// What was kept of a long history.
#[test]
fn kept_histories() {
    let about = || About {
        chain_id: 1,
        manager: [1; 20].into(),
        ssv_network: [2; 20].into(),
        from_block: 7,
        read_as: "toy".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.json");
    // with a seal that holds, and without one, so that what is below it is read as well
    let body = format!(
        r#"{{"about":{},"entries":{{"cursor":41,"logs":[{{"n":1}}]}}}}"#,
        serde_json::to_string(&about()).unwrap()
    );
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[7; 32]);
    let whole = |body: &[u8]| {
        let seal = hex::encode(aws_lc_rs::hmac::sign(&secret, body));
        [
            format!(r#"{{"version":3,"seal":"{seal}","body":"#).as_bytes(),
            body,
            b"}",
        ]
        .concat()
    };
    let open = |text: Vec<u8>| {
        std::fs::write(&file, text).unwrap();
        let _ = HistoryCache::open(file.clone(), about(), Seal::of(&[7; 32]));
    };
    each("a history", &[whole(body.as_bytes())], 1, |text| {
        open(text.to_vec())
    });
    each("a sealed history", &[body.into_bytes()], 1, |text| {
        open(whole(text))
    });
}

/// Requests of seats, and pictures of engines.
#[test]
fn lines_of_the_attach_socket() {
    let mut corpus: Vec<Vec<u8>> = files("tests/vectors/views", ".json")
        .iter()
        .map(|path| {
            let value: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            serde_json::to_vec(&value).unwrap()
        })
        .collect();
    for request in [
        Request::Pause { scope: Scope::All },
        Request::Resume { scope: Scope::All },
    ] {
        corpus.push(serde_json::to_vec(&request).unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    each("a line", &corpus, 4, |line| {
        let line = [line, b"\n"].concat();
        let (mut of_seat, mut of_engine) = (Lines::new(&line[..], FROM_SEAT), Lines::new(&line[..], TO_SEAT));
        runtime.block_on(async {
            let _ = of_seat.next::<Request>().await;
            let _ = of_engine.next::<Snapshot>().await;
        });
    });
}
