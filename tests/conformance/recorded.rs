//! Ceremonies as an initiator would have seen them: loaded from the computed happy flows and from the recordings.

use std::collections::BTreeMap;

use casimir_dkg::dkg::rockx::verify::{Context, Observed, verify_ceremony};
use casimir_dkg::dkg::rockx::wire::{
    DataStore, Decode, GoMap, Init, KeySign, MsgType, Reshare, SignedMessage, SignedOutput,
};
use casimir_dkg::types::{
    BlsPublicKey, CeremonyPlan, CeremonyResult, KeygenOutput, OperatorId, RequestId, ReshareOutput, Root,
    SignPurpose, Verification,
};

use super::vectors::{PUBLIC_KEYS, exchanges, load, published, text};

/// A ceremony as an initiator would have seen it.
pub(crate) struct Ceremony {
    pub(crate) plan: CeremonyPlan,
    pub(crate) id: RequestId,
    pub(crate) messages: Vec<SignedMessage>,
    pub(crate) outputs: BTreeMap<OperatorId, SignedOutput>,
}

impl Ceremony {
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            plan: &self.plan,
            request_id: self.id,
            keys: &PUBLIC_KEYS,
        }
    }

    pub(crate) fn observed(&self) -> Observed {
        Observed::new(self.context(), &self.messages)
    }

    pub(crate) fn verify(&self) -> Verification {
        verify_ceremony(self.context(), &self.outputs, Some(&self.observed()))
    }
}

fn sorted<'a>(list: impl IntoIterator<Item = &'a OperatorId>) -> Vec<OperatorId> {
    let mut list: Vec<_> = list.into_iter().copied().collect();
    list.sort_unstable();
    list
}

/// What a start message orders. What is signed and by whom is not in it: `sign` says.
pub(crate) fn plan_of(
    start: &SignedMessage,
    sign: Option<(&[OperatorId], SignPurpose, &BTreeMap<OperatorId, BlsPublicKey>)>,
) -> CeremonyPlan {
    let message = start.message.as_ref().unwrap();
    let data = message.data.as_slice();
    match message.msg_type {
        MsgType::Init => {
            let init = Init::from_json(data).unwrap();
            CeremonyPlan::Keygen {
                committee: sorted(&init.operator_ids),
                threshold: u8::try_from(init.threshold).unwrap(),
                withdrawal_credentials: Root::try_from(init.withdrawal_credentials.as_slice()).unwrap(),
                fork_version: init.fork,
                registration: None,
            }
        }
        MsgType::Reshare => {
            let reshare = Reshare::from_json(data).unwrap();
            CeremonyPlan::Reshare {
                validator: BlsPublicKey::try_from(reshare.validator_pk.as_slice()).unwrap(),
                old: sorted(&reshare.old_operator_ids),
                new: sorted(&reshare.operator_ids),
                threshold: u8::try_from(reshare.threshold).unwrap(),
                brought: None,
                registration: None,
            }
        }
        MsgType::KeySign => {
            let (committee, what, share_keys) =
                sign.expect("a signing ceremony needs more than its start message");
            let keysign = KeySign::from_json(data).unwrap();
            CeremonyPlan::Sign {
                validator: BlsPublicKey::try_from(keysign.validator_pk.as_slice()).unwrap(),
                committee: committee.to_vec(),
                threshold: 3,
                signing_root: Root::try_from(keysign.signing_root.as_slice()).unwrap(),
                what,
                share_public_keys: share_keys.clone(),
                brought: None,
            }
        }
        other => panic!("{other:?} starts nothing"),
    }
}

fn outputs_of(messages: &[SignedMessage]) -> BTreeMap<OperatorId, SignedOutput> {
    messages
        .iter()
        .filter_map(|m| m.message.as_ref().filter(|m| m.msg_type == MsgType::Output))
        .map(|m| SignedOutput::from_json(m.data.as_slice()).unwrap())
        .map(|output| (output.signer, output))
        .collect()
}

/// One of the computed happy flows.
pub(crate) fn transcript(
    file: &str,
    sign: Option<(&[OperatorId], SignPurpose, &BTreeMap<OperatorId, BlsPublicKey>)>,
) -> Ceremony {
    let json = load(file);
    let mut messages: Vec<SignedMessage> = json["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| SignedMessage::from_json(text(m, "signed_message_json").as_bytes()).unwrap())
        .collect();
    let start = messages.remove(0);
    let stored = DataStore::from_json(text(&json, "datastore_json").as_bytes()).unwrap();
    let outputs = stored.dkg_outputs.0.unwrap();
    assert_eq!(outputs, outputs_of(&messages));
    Ceremony {
        plan: plan_of(&start, sign),
        id: text(&json, "request_id_hex").parse().unwrap(),
        messages,
        outputs,
    }
}

/// A recorded ceremony: the start message, every publication, and the result that the messenger was given.
pub(crate) fn recorded(
    file: &str,
    id: &str,
    sign: Option<(&[OperatorId], SignPurpose, &BTreeMap<OperatorId, BlsPublicKey>)>,
) -> Ceremony {
    let json = load(file);
    let start = exchanges(&json)
        .iter()
        .filter_map(|e| SignedMessage::from_ssv(e.ssv.as_deref()?).ok())
        .find(|m| {
            m.message
                .as_ref()
                .is_some_and(|m| m.msg_type.is_start() && m.identifier.to_string() == id)
        })
        .unwrap_or_else(|| panic!("{file} has no start message of {id}"));
    let streamed = exchanges(&json)
        .into_iter()
        .find(|e| e.request == format!("POST /stream/dkgoutput?request_id={id}"));
    let outputs = streamed.map(|e| GoMap::<SignedOutput>::from_json(e.body.as_bytes()).unwrap());
    Ceremony {
        plan: plan_of(&start, sign),
        id: id.parse().unwrap(),
        messages: published(&json, id),
        outputs: outputs.and_then(|map| map.0).unwrap_or_default(),
    }
}

pub(crate) fn request_id(file: &str) -> String {
    text(&load(file), "request_id").to_owned()
}

pub(crate) fn keygen_result(verification: &Verification) -> KeygenOutput {
    match &verification.result {
        Some(CeremonyResult::Keygen(output)) => output.clone(),
        other => panic!(
            "no keygen result: {other:?}: {:?}",
            verification.failures().collect::<Vec<_>>()
        ),
    }
}

pub(crate) fn reshare_result(verification: &Verification) -> ReshareOutput {
    match &verification.result {
        Some(CeremonyResult::Reshare(output)) => output.clone(),
        other => panic!(
            "no reshare result: {other:?}: {:?}",
            verification.failures().collect::<Vec<_>>()
        ),
    }
}

pub(crate) const CLI_KEYGEN: &str = "65f190c0efbe61bbe0720f3a3bb4f0215e4c6549999d7c3f";
pub(crate) const CLI_KEYGEN_SIGN: &str = "98428cfe63d74a6bd3608ee22c95de810b219fc15f800f5e";
pub(crate) const CLI_RESHARE: &str = "43e9e25ec390d1b20904afd533d3f52ed22f2201a7f6a111";
pub(crate) const CLI_RESHARE_SIGN: &str = "cfd7cbfbc820c9c3fc05c56d34ebd7c1efbfa363d621482b";
/// Owner in the CLI recordings.
pub(crate) const OWNER: &str = "0x81592c3DE184A3E2c0DCB5a261BC107Bfa91f494";

/// An owner-nonce signing ceremony of the CLI.
pub(crate) fn cli_signing(
    file: &str,
    id: &str,
    nonce: u64,
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
) -> Ceremony {
    let committee: Vec<OperatorId> = share_keys.keys().copied().collect();
    let what = SignPurpose::OwnerNonce {
        owner: OWNER.into(),
        nonce,
    };
    recorded(file, id, Some((&committee, what, share_keys)))
}
