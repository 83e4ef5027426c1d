//! A ceremony's results and what was said in it, in the form that `check_ceremony.py` reads. The roots in it are
//! computed by this project; the script computes its own.

use std::collections::BTreeMap;

use casimir_dkg::beacon::roots::{
    deposit_data_root, deposit_domain, deposit_message_root, deposit_signing_root, voluntary_exit_domain,
    voluntary_exit_root, voluntary_exit_signing_root,
};
use casimir_dkg::dkg::rockx::wire::{
    Decode, KeygenMessage, KeysignMessage, MsgType, PartialDepositData, SignedMessage,
};
use casimir_dkg::types::{BlsPublicKey, BlsSignature, DEPOSIT_GWEI, ForkVersion, OperatorId, Root};
use serde_json::{Map, Value, json};

/// Text by operator.
type ByOperator = BTreeMap<String, String>;

fn by_operator<'a, T: ToString + 'a>(map: impl IntoIterator<Item = (&'a OperatorId, &'a T)>) -> ByOperator {
    map.into_iter()
        .map(|(id, value)| (id.0.to_string(), value.to_string()))
        .collect()
}

/// One case for the script.
#[derive(Clone)]
pub(crate) struct Case(Map<String, Value>);

impl Case {
    pub(crate) fn new(
        name: &str,
        validator: &BlsPublicKey,
        threshold: u8,
        share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    ) -> Self {
        let fields = json!({
            "name": name,
            "pubkey": validator,
            "threshold": threshold,
            "share_keys": by_operator(share_keys),
        });
        Self(fields.as_object().unwrap().clone())
    }

    /// Each operator's secret share.
    pub(crate) fn shares<'a>(
        mut self,
        shares: impl IntoIterator<Item = (&'a OperatorId, &'a [u8; 32])>,
    ) -> Self {
        let texts: ByOperator = shares
            .into_iter()
            .map(|(id, share)| (id.0.to_string(), hex::encode(share)))
            .collect();
        self.0.insert("shares".into(), json!(texts));
        self
    }

    /// What the dealers of a keygen or reshare committed to.
    pub(crate) fn dealt(mut self, messages: &[SignedMessage]) -> Self {
        let mut dealings = BTreeMap::new();
        for (id, data) in of_type(messages, MsgType::Protocol) {
            if let Some(round) = KeygenMessage::from_json(data).unwrap().round1 {
                let points: Vec<_> = round
                    .commitment
                    .iter()
                    .map(|c| hex::encode(c.as_slice()))
                    .collect();
                dealings.insert(id.0.to_string(), points);
            }
        }
        self.0.insert("commitments".into(), json!(dealings));
        self
    }

    /// The share keys that the dealers of a reshare had before it.
    pub(crate) fn handed_over<'a>(
        mut self,
        old: impl IntoIterator<Item = (&'a OperatorId, &'a BlsPublicKey)>,
    ) -> Self {
        self.0.insert("old_share_keys".into(), json!(by_operator(old)));
        self
    }

    /// The deposit that a keygen signed.
    pub(crate) fn deposit(
        mut self,
        messages: &[SignedMessage],
        credentials: &Root,
        fork: ForkVersion,
        signature: &BlsSignature,
    ) -> Self {
        let key = self.validator();
        let signing_root = deposit_signing_root(&key, credentials, DEPOSIT_GWEI, fork);
        let mut partials = BTreeMap::new();
        for (id, data) in of_type(messages, MsgType::DepositData) {
            let partial = PartialDepositData::from_json(data).unwrap();
            assert_eq!(partial.root.as_slice(), signing_root.0, "operator {id}");
            partials.insert(id.0.to_string(), hex::encode(partial.signature.as_slice()));
        }
        let fields = json!({
            "withdrawal_credentials": credentials,
            "amount": DEPOSIT_GWEI,
            "fork_version": fork,
            "signature": signature,
            "message_root": deposit_message_root(&key, credentials, DEPOSIT_GWEI),
            "domain": deposit_domain(fork),
            "signing_root": signing_root,
            "data_root": deposit_data_root(&key, credentials, DEPOSIT_GWEI, signature),
            "partials": partials,
        });
        self.0.insert("deposit".into(), fields);
        self
    }

    /// The exit that a signing ceremony signed.
    pub(crate) fn exit(mut self, messages: &[SignedMessage], exit: &Exit, signature: &BlsSignature) -> Self {
        let mut partials = BTreeMap::new();
        for (id, data) in of_type(messages, MsgType::Protocol) {
            if let Some(own) = KeysignMessage::from_json(data).unwrap().preparation {
                partials.insert(id.0.to_string(), hex::encode(own.partial_signature.as_slice()));
            }
        }
        let fields = json!({
            "epoch": exit.epoch,
            "validator_index": exit.index,
            "capella_fork_version": exit.capella,
            "genesis_validators_root": exit.genesis,
            "exit_root": voluntary_exit_root(exit.epoch, exit.index),
            "domain": voluntary_exit_domain(exit.capella, &exit.genesis),
            "signing_root": exit.signing_root(),
            "signature": signature,
            "partials": partials,
        });
        self.0.insert("exit".into(), fields);
        self
    }

    fn validator(&self) -> BlsPublicKey {
        self.0["pubkey"].as_str().unwrap().parse().unwrap()
    }

    /// The same with one value changed, to be checked for these things only.
    pub(crate) fn altered(&self, name: &str, only: &[&str], alter: impl FnOnce(&mut Value)) -> Value {
        let mut altered = Value::Object(self.0.clone());
        alter(&mut altered);
        assert_ne!(
            altered,
            Value::Object(self.0.clone()),
            "{name}: nothing was altered"
        );
        altered["name"] = json!(name);
        altered["only"] = json!(only);
        altered
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// A voluntary exit and the chain it is for.
pub(crate) struct Exit {
    pub(crate) epoch: u64,
    pub(crate) index: u64,
    pub(crate) capella: ForkVersion,
    pub(crate) genesis: Root,
}

impl Exit {
    pub(crate) fn signing_root(&self) -> Root {
        voluntary_exit_signing_root(self.epoch, self.index, self.capella, &self.genesis)
    }
}

/// Payloads of one type, by sender.
fn of_type(messages: &[SignedMessage], wanted: MsgType) -> impl Iterator<Item = (OperatorId, &[u8])> {
    messages.iter().filter_map(move |signed| {
        let message = signed.message.as_ref().filter(|m| m.msg_type == wanted)?;
        Some((signed.signer, message.data.as_slice()))
    })
}
