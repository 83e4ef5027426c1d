//! `explain`: what an exported action is, told by a machine that the engine has no hand in.

use anyhow::bail;
use serde_json::json;

use super::export::Export;
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
    if json {
        let action = &export.action;
        output::json(&json!({
            "action": action.id,
            "title": action.title,
            "chain_id": export.chain_id,
            "manager": export.manager,
            "digest": computed,
            "code": computed.code().to_string(),
        }));
    } else {
        export.print();
    }
    Ok(Outcome::Success)
}
