//! What a deposit is made of, as a real run had it: its proposals, its key, the signature of its registration and its
//! transaction, taken from a journal that is kept for tests.

use std::fs;
use std::path::Path;

use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions};
use casimir_dkg::oracle::{
    ActionKind, CeremonyRole, CeremonySuccess, Payload, Proposal, Record, TransactionPayload,
};
use casimir_dkg::types::{BlsPublicKey, CeremonyResult, KeygenOutput, PoolId, Root, SignedTransaction};

/// The first deposit of that run.
pub(crate) struct Template {
    keygen: Proposal,
    deposit: Proposal,
    made: CeremonySuccess,
    registered: CeremonySuccess,
    signed: SignedTransaction,
}

impl Template {
    pub(crate) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals/format-2");
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("journal.sqlite");
        fs::copy(folder.join("closed.sqlite"), &path).expect("a journal of a real run");
        let options = JournalOptions::at(path);
        let (mut proposals, mut results, mut signed) = (Vec::new(), Vec::new(), None);
        let mut roles = Vec::new();
        Journal::open(&options, Anchor::BEGINNING, |entry| {
            match Record::read(&entry.kind, &entry.body).expect("a record of this program") {
                Record::ActionProposed { proposal, .. } => proposals.push(*proposal),
                Record::CeremonyStarted { request, role, .. } => roles.push((request, role)),
                Record::CeremonyVerified {
                    request,
                    result,
                    checks,
                    ..
                } => results.push((request, CeremonySuccess { result, checks })),
                Record::TransactionSigned { transaction, .. } => signed = signed.take().or(Some(transaction)),
                _ => {}
            }
            Ok::<_, JournalError>(())
        })
        .expect("it verifies");
        let proposal = |kind| {
            proposals
                .iter()
                .find(|p| p.kind == kind)
                .cloned()
                .expect("a proposal")
        };
        let ended = |role| {
            let of_role = |request| roles.contains(&(request, role));
            let found = results.iter().find(|(request, _)| of_role(*request));
            found.map(|(_, success)| success.clone()).expect("a result")
        };
        Self {
            keygen: proposal(ActionKind::Keygen),
            deposit: proposal(ActionKind::SendDeposit),
            made: ended(CeremonyRole::Main),
            registered: ended(CeremonyRole::Registration),
            signed: signed.expect("a transaction"),
        }
    }

    pub(crate) fn proposal(&self, kind: ActionKind) -> Proposal {
        match kind {
            ActionKind::Keygen => self.keygen.clone(),
            _ => self.deposit.clone(),
        }
    }

    /// What is sent, by whom.
    pub(crate) fn payload(&self) -> &TransactionPayload {
        match &self.deposit.payload {
            Payload::Transaction(payload) => payload,
            Payload::Ceremony(_) | Payload::Exit(_) => unreachable!("a deposit is a transaction"),
        }
    }

    /// A key of its own for each pool.
    pub(crate) fn made(&self, pool: PoolId) -> CeremonySuccess {
        let mut success = self.made.clone();
        if let CeremonyResult::Keygen(KeygenOutput { validator, .. }) = &mut success.result {
            *validator = key(pool);
        }
        success
    }

    pub(crate) fn registered(&self) -> CeremonySuccess {
        self.registered.clone()
    }

    pub(crate) fn signed(&self, nonce: u64) -> SignedTransaction {
        let mut hash = self.signed.hash;
        hash.0[..8].copy_from_slice(&nonce.to_be_bytes());
        SignedTransaction {
            nonce,
            hash,
            ..self.signed.clone()
        }
    }
}

pub(crate) fn key(pool: PoolId) -> BlsPublicKey {
    let mut key = [5; 48];
    key[..4].copy_from_slice(&pool.0.to_be_bytes());
    BlsPublicKey(key)
}

/// A hash that no other number has.
pub(crate) fn root(n: u64) -> Root {
    let mut root = [9; 32];
    root[..8].copy_from_slice(&n.to_be_bytes());
    Root(root)
}
