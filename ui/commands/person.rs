//! `person new`, `sign`: decisions with a key of one's own, on a machine without an engine.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use casimir_dkg::pool;
use casimir_dkg::ports::DecodedCall;
use casimir_dkg::secrets::SecretFile;
use casimir_dkg::secrets::person::{MAX_FILE, PersonSecret};
use casimir_dkg::types::{CheckStatus, SignedStatement, Stated, Statement, UnixMillis};
use casimir_dkg::view::{ActionView, Payload};
use secrecy::SecretString;
use serde_json::json;

use super::export::Export;
use super::keystore::{new_password, password_of, prompt, refuse_existing, report, write_new};
use super::seat::Bytes;
use crate::args::{NewArgs, PersonCommand, SignArgs};
use crate::exit::Outcome;
use crate::output;

/// Longer files hold no signature.
const MAX_SIGNATURE: u64 = 64 << 10;

pub(crate) fn run(command: &PersonCommand, json: bool) -> anyhow::Result<Outcome> {
    match command {
        PersonCommand::New(args) => new(args, json),
    }
}

fn new(args: &NewArgs, json: bool) -> anyhow::Result<Outcome> {
    refuse_existing(&args.out)?;
    let password = new_password(args.password_file.as_deref())?;
    let secret = PersonSecret::generate();
    write_new(&args.out, secret.seal(&password).as_bytes())?;
    report(&args.out, "key", &secret.public().to_string(), json);
    Ok(Outcome::Success)
}

/// Signs what an export shows, and nothing else: the digest is computed here from what is printed.
pub(crate) fn sign(args: &SignArgs, json: bool) -> anyhow::Result<Outcome> {
    let export = Export::read(&args.export)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.export.with_extension("signature.json"));
    refuse_existing(&out)?;
    let action = &export.action;
    if action.computed_digest() != action.digest {
        bail!(
            "{}: the digest in it is not that of the action in it: the file was changed, or is of another version",
            args.export.display()
        );
    }
    read_again(&action.payload).with_context(|| format!("{}: nothing was signed", args.export.display()))?;
    if let Some(check) = action.checks_with(CheckStatus::Fail).next() {
        bail!("{} cannot be approved: check {} fails", action.id, check.name);
    }
    if !json {
        export.print(Bytes::asked(args.raw));
    }
    let phrase = agree(action, args)?;
    let signed = open(args)?.sign(Statement {
        chain_id: export.chain_id,
        manager: export.manager,
        account: export.account,
        action: action.id,
        proposed_at: Some(action.proposed_at),
        digest: action.digest,
        verdict: Stated::Approve,
        unknown: action
            .checks_with(CheckStatus::Unknown)
            .map(|check| check.name.clone())
            .collect(),
        phrase,
        expires: UnixMillis::now().plus(Duration::from_secs(args.hours * 3_600)),
    });
    let text = serde_json::to_string_pretty(&signed).expect("plain data serialises");
    write_new(&out, text.as_bytes())?;
    let until = signed.statement.expires;
    if json {
        output::json(
            &json!({ "file": out, "key": signed.key, "action": action.id, "expires": until.to_rfc3339() }),
        );
    } else {
        output::line(&format!("wrote {}, good until {}", out.display(), until.to_utc()));
    }
    Ok(Outcome::Success)
}

/// The calldata is read here once more: what an engine says of it is signed only where it is what the bytes say.
///
/// # Errors
/// It says something else, or what no known version of the contract would read in it.
pub(super) fn read_again(payload: &Payload) -> anyhow::Result<()> {
    let Payload::Transaction(transaction) = payload else {
        return Ok(());
    };
    let readings = pool::readings(&transaction.data);
    let Some(call) = &transaction.call else {
        bail!("the engine could not read the data of the transaction: do not approve what nobody can read");
    };
    let is_so = |reading: &DecodedCall| {
        let said = call
            .arguments
            .iter()
            .map(|a| (&a.name, &a.solidity_type, &a.value));
        let read = reading
            .arguments
            .iter()
            .map(|a| (&a.name, &a.solidity_type, &a.value));
        reading.function == call.function && said.eq(read)
    };
    if readings.iter().any(is_so) {
        return Ok(());
    }
    let read: Vec<_> = readings.iter().map(|reading| reading.function.as_str()).collect();
    match read.is_empty() {
        true => bail!(
            "the engine says that the data calls {}, and no version of the contract that is known here reads it so",
            call.function
        ),
        false => bail!(
            "the engine says something else of the data ({}) than what is read in it here ({})",
            call.function,
            read.join(", ")
        ),
    }
}

/// The person says that this is meant: by the phrase where the action demands one.
fn agree(action: &ActionView, args: &SignArgs) -> anyhow::Result<Option<String>> {
    if let Some(expected) = &action.phrase {
        let typed = match &args.phrase {
            Some(phrase) => phrase.clone(),
            None => typed(&format!(
                "this cannot be undone by anybody; to sign it, type: {expected}"
            ))?,
        };
        if typed != *expected {
            bail!("that is not the phrase: nothing was signed");
        }
        return Ok(Some(typed));
    }
    if !args.yes && typed("type yes to sign it:")? != "yes" {
        bail!("nothing was signed");
    }
    Ok(None)
}

fn open(args: &SignArgs) -> anyhow::Result<PersonSecret> {
    let shown = args.key.display();
    let file = SecretFile::read(&args.key, MAX_FILE).with_context(|| format!("cannot read {shown}"))?;
    if let Some(warning) = file.warning("key file", &args.key) {
        output::note(&format!("warning: {warning}"));
    }
    let password: SecretString = match &args.password_file {
        Some(file) => password_of(file)?,
        None => prompt(&format!("Password of {shown}: "))?,
    };
    PersonSecret::open(&file.text, &password).with_context(|| shown.to_string())
}

/// What a person types at a terminal.
pub(super) fn typed(question: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here (no terminal): {question}");
    }
    output::note(question);
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("nothing was typed")?;
    Ok(line.trim().to_owned())
}

/// A signature, as [`sign`] wrote it.
pub(super) fn read_signature(path: &Path) -> anyhow::Result<SignedStatement> {
    let shown = path.display();
    let file = SecretFile::read(path, MAX_SIGNATURE).with_context(|| format!("cannot read {shown}"))?;
    serde_json::from_str(&file.text).with_context(|| format!("{shown} is no signature of `casimir-dkg sign`"))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use casimir_dkg::view::{CallArgument, CallView, TransactionPayload};

    use super::*;

    /// A call of the contract, and what an engine says of it.
    fn transaction(change: impl FnOnce(&mut TransactionPayload)) -> Payload {
        // resharePool(uint32 poolId = 3, uint64[] operatorIds = [], bytes shares = 0x)
        let word = |n: u8| format!("{n:064x}");
        let body = [3, 0x60, 0x80, 0, 0].map(word).concat();
        let selector = hex::encode(&alloy::primitives::keccak256("resharePool(uint32,uint64[],bytes)")[..4]);
        let data = hex::decode(format!("{selector}{body}")).unwrap();
        let readings = pool::readings(&data);
        let reading = readings.first().expect("it is a call of the contract");
        let argument = |a: &casimir_dkg::ports::DecodedArgument| CallArgument {
            name: a.name.clone(),
            solidity_type: a.solidity_type.clone(),
            value: a.value.clone(),
        };
        let mut transaction = TransactionPayload {
            chain_id: 1,
            from: Address::ZERO,
            to: Address::ZERO,
            value_wei: U256::ZERO,
            data: data.into(),
            fee_ceiling_wei: U256::ZERO,
            call: Some(CallView {
                function: reading.function.clone(),
                arguments: reading.arguments.iter().map(argument).collect(),
            }),
        };
        change(&mut transaction);
        Payload::Transaction(transaction)
    }

    fn why(payload: &Payload) -> String {
        read_again(payload).unwrap_err().to_string()
    }

    #[test]
    fn a_call_that_the_data_does_not_say_is_not_signed() {
        read_again(&transaction(|_| ())).unwrap();
        let other = transaction(|t| t.call.as_mut().unwrap().arguments[0].value = "4".into());
        assert!(
            why(&other).contains("says something else of the data"),
            "{}",
            why(&other)
        );
        let fewer = transaction(|t| drop(t.call.as_mut().unwrap().arguments.pop()));
        assert!(why(&fewer).contains("says something else of the data"));
        let unsaid = transaction(|t| t.call = None);
        assert!(why(&unsaid).contains("do not approve what nobody can read"));
        let unknown = transaction(|t| t.data = vec![1, 2, 3, 4].into());
        assert!(
            why(&unknown).contains("no version of the contract"),
            "{}",
            why(&unknown)
        );
    }
}
