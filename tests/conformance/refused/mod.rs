//! Every lie that the verifier is there for, told by operators who sign it properly with their real keys.

mod messages;
mod outputs;

use casimir_dkg::dkg::rockx::verify::verify_ceremony;
use casimir_dkg::dkg::rockx::wire::{Encode, Message, MsgType, Output, SignedOutput};
use casimir_dkg::types::{OperatorId, Verification};

use crate::conformance::recorded::{Ceremony, recorded, request_id};
use crate::conformance::vectors::private_keys;

pub(super) fn live_keygen() -> Ceremony {
    recorded("live/keygen-n4.json", &request_id("live/keygen-n4.json"), None)
}

/// The failed checks by name; a failure must leave no result.
pub(super) fn failed(verification: &Verification) -> Vec<&str> {
    let names: Vec<&str> = verification.failures().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names.is_empty(),
        verification.result.is_some(),
        "{:?}",
        verification.checks
    );
    names
}

pub(super) fn reason<'a>(verification: &'a Verification, name: &str) -> &'a str {
    verification
        .check(name)
        .unwrap_or_else(|| panic!("no check {name}"))
        .reason
        .as_str()
}

impl Ceremony {
    /// Changes an operator's output; the operator signs the new one.
    pub(super) fn resign(&mut self, id: u64, change: impl FnOnce(&mut Output)) {
        let signer = OperatorId(id);
        let mut output = self.outputs[&signer].data.clone().unwrap();
        change(&mut output);
        let signed = SignedOutput::of_output(output, signer, &private_keys()[&signer]).unwrap();
        self.outputs.insert(signer, signed);
    }

    pub(super) fn unobserved(&self) -> Verification {
        verify_ceremony(self.context(), &self.outputs, None)
    }

    /// Adds a protocol message, properly signed.
    pub(super) fn publish(&mut self, id: u64, payload: &impl Encode) {
        let message = Message::new(MsgType::Protocol, self.id, payload);
        let signer = OperatorId(id);
        self.messages
            .push(message.sign(signer, &private_keys()[&signer]).unwrap());
    }

    /// Removes what an operator sent in protocol messages whose payload contains `what`.
    pub(super) fn unpublish(&mut self, id: u64, what: &str) {
        let before = self.messages.len();
        self.messages.retain(|m| {
            let data = m.message.as_ref().unwrap().data.as_slice();
            m.signer != OperatorId(id) || !String::from_utf8_lossy(data).contains(what)
        });
        assert_eq!(self.messages.len(), before - 1, "exactly one message was removed");
    }
}
