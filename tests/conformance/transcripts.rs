//! Transcripts that earlier versions wrote: they are read, and prove today what they proved then.

use casimir_dkg::dkg::rockx::transcript::Document;
use casimir_dkg::dkg::transcript::examine;
use casimir_dkg::types::Transcript;

const KEPT: [(&str, bool); 5] = [
    ("keygen", true),
    ("keygen-timed-out", false),
    ("keygen-blamed", false),
    ("reshare", true),
    ("sign", true),
];

fn kept(name: &str) -> String {
    let path = format!(
        "{}/tests/vectors/transcripts/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn what_was_kept_still_proves_the_same() {
    for (name, has_result) in KEPT {
        let transcript = Transcript::read(kept(name).as_bytes()).expect(name);
        let found = examine(&transcript).expect(name).verification;
        assert!(found.is_sound(), "{name}: {:#?}", found.checks);
        assert_eq!(found.result.is_some(), has_result, "{name}");
    }
}

#[test]
fn what_was_kept_is_written_as_it_was_read() {
    for (name, _) in KEPT {
        let text = kept(name);
        let transcript = Transcript::read(text.as_bytes()).expect(name);
        assert_eq!(transcript.to_file().expect(name), text.as_bytes(), "{name}");
        let document = Document::read(&transcript).expect(name);
        assert_eq!(Transcript::from(&document), transcript, "{name}");
    }
}
