//! `explain`: what an exported action is, told by a machine that the engine has no hand in.

use anyhow::{Context, bail};
use serde_json::json;

use super::export::Export;
use super::person;
use super::seat::Bytes;
use crate::args::ExplainArgs;
use crate::exit::Outcome;
use crate::output;

/// Computes the digest from the payload in the file, and prints what a person decides by and the code to compare.
///
/// # Errors
/// The file is no export, or its digest is not that of what is in it.
pub(super) fn run(args: &ExplainArgs, json: bool) -> anyhow::Result<Outcome> {
    let export = Export::read(&args.export)?;
    let (told, computed) = (export.action.digest, export.action.computed_digest());
    if told != computed {
        bail!(
            "{}: the digest in it is {told}, that of the action in it is {computed}: the file was changed, or is of another \
             version",
            args.export.display()
        );
    }
    person::read_again(&export.action.payload).with_context(|| args.export.display().to_string())?;
    if json {
        let action = &export.action;
        output::json(&json!({
            "action": action.id,
            "kind": action.kind,
            "risk": action.risk,
            "payload": action.payload,
            "digest": computed,
            "code": computed.code().to_string(),
        }));
    } else {
        export.print(Bytes::asked(args.raw));
        output::line("");
        output::line(WORD);
    }
    Ok(Outcome::Success)
}

/// What somebody on the way could have changed without another code.
const WORD: &str = "The digest and its code were computed here. They bind the action, its kind and risk, and what would leave: a \
                    ceremony's plan; a transaction's chain, sender, contract, value, data and most in fees; an exit; the call was \
                    read from its data here. Sentence, facts and checks are the engine's word.";

#[cfg(test)]
mod tests {
    use casimir_dkg::types::Root;
    use casimir_dkg::view::{Payload, Snapshot};

    use super::*;
    use crate::commands::mutate::{mutated, numbers};

    /// Files that are nearly right: each is told or refused.
    #[test]
    fn mutations_of_an_export() {
        let vector = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/vectors/views/toy-deposit.json"
        );
        let snapshot: Snapshot = serde_json::from_slice(&std::fs::read(vector).unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let corpus: Vec<Vec<u8>> = snapshot
            .actions
            .iter()
            .enumerate()
            .map(|(n, action)| {
                let mut action = action.clone();
                action.digest = action.computed_digest();
                let export = dir.path().join(format!("{n}.json"));
                Export::of(&snapshot, &action).write(&export).unwrap();
                std::fs::read(export).unwrap()
            })
            .collect();
        let export = dir.path().join("mutated.json");
        for number in numbers(2) {
            std::fs::write(&export, mutated(number, &corpus)).unwrap();
            // what it says does not matter here: a panic is the only wrong end
            let args = ExplainArgs {
                export: export.clone(),
                raw: number % 3 == 0,
            };
            drop(run(&args, number % 2 == 0));
            drop(person::read_signature(&export));
        }
    }

    #[test]
    fn a_file_whose_digest_is_not_that_of_its_payload_is_refused() {
        let vector = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/vectors/views/toy-deposit.json"
        );
        let snapshot: Snapshot = serde_json::from_slice(&std::fs::read(vector).unwrap()).unwrap();
        let is_transaction =
            |a: &&casimir_dkg::view::ActionView| matches!(a.payload, Payload::Transaction(_));
        let mut action = snapshot.actions.iter().find(is_transaction).unwrap().clone();
        let dir = tempfile::tempdir().unwrap();
        let explain = |name: &str, action: &casimir_dkg::view::ActionView| {
            let export = dir.path().join(name);
            Export::of(&snapshot, action).write(&export).unwrap();
            run(&ExplainArgs { export, raw: false }, false)
        };
        action.digest = action.computed_digest();
        assert_eq!(explain("good.json", &action).unwrap(), Outcome::Success);

        let mut dearer = action.clone();
        if let Payload::Transaction(tx) = &mut dearer.payload {
            tx.fee_ceiling_wei += alloy::primitives::U256::ONE;
        }
        let refused = explain("dearer.json", &dearer).unwrap_err().to_string();
        assert!(refused.contains("the file was changed"), "{refused}");
        action.digest = Root::default();
        assert!(explain("other.json", &action).is_err());
    }
}
