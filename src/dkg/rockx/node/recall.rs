//! What this operator signed that it holds, as the messenger kept it: whoever lost the store lost the manifest beside it, too,
//! when the whole directory is gone, and only somebody else can say what was there.
//!
//! The messenger is not believed: what counts is this operator's own signature in a result. One that is kept no longer, or is
//! withheld, is missed; RockX's own messenger has no such list, and says nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Weak;
use std::time::Duration;

use super::service::{Messenger, Service};
use super::session::Identity;
use super::store::{self, Named};
use crate::dkg::rockx::wire::{DataStore, Decode};
use crate::types::{BlsPublicKey, RequestId, SafeText, counted};

/// Time for all of it: a node that registers late holds up its operators.
const LONGEST: Duration = Duration::from_secs(30);
/// Missing shares that are named.
const NAMED: usize = 20;

/// What is asked, and of what.
pub(super) struct Recall {
    pub(super) me: Identity,
    /// Every run that the store knows of, and every share that was missed already.
    pub(super) known: BTreeSet<RequestId>,
    /// The store, for people.
    pub(super) store: PathBuf,
    /// Not held: the store closes with the last who holds it.
    pub(super) service: Weak<Service>,
}

impl Recall {
    /// Asks the messenger, and says what is missing. `false`: it did not answer, and is asked again later.
    pub(super) async fn look(&self, messenger: &Messenger) -> bool {
        let id = self.me.id;
        match tokio::time::timeout(LONGEST, self.signed(messenger)).await {
            Ok(Ok(Some(signed))) => self.keep(signed).await,
            // another's messenger
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                tracing::debug!(target: "casimir_dkg::node", operator = %id, %error, "the messenger does not tell what this operator signed");
                return false;
            }
            Err(_) => tracing::warn!(
                target: "casimir_dkg::node", operator = %id,
                "the messenger takes too long to tell what this operator signed: whether the store lacks a share is not known"
            ),
        }
        true
    }

    /// Shares of runs that the store does not know, by this operator's own signature. None: the messenger has no list.
    async fn signed(&self, messenger: &Messenger) -> Result<Option<Vec<Named>>, SafeText> {
        let Some(ids) = messenger.results_of(self.me.id).await? else {
            return Ok(None);
        };
        let mut signed = Vec::new();
        for ceremony in ids.into_iter().filter(|id| !self.known.contains(id)) {
            let Some(text) = messenger.data(ceremony).await? else {
                continue;
            };
            if let Some(validator) = self.own(ceremony, &text) {
                signed.push(Named { ceremony, validator });
            }
        }
        Ok(Some(signed))
    }

    /// The key whose share this operator says that it holds, in a result of this ceremony that it signed.
    fn own(&self, ceremony: RequestId, text: &[u8]) -> Option<BlsPublicKey> {
        let stored = DataStore::from_json(text).ok()?;
        let mut outputs = stored.dkg_outputs.iter();
        let (_, output) = outputs.find(|(signer, _)| **signer == self.me.id)?;
        let data = output.data.as_ref()?;
        let is_ours =
            output.signer == self.me.id && data.request_id == ceremony && output.verify(self.me.key.public());
        is_ours.then(|| BlsPublicKey::try_from(data.validator_pub_key.as_slice()).ok())?
    }

    /// Has the store keep what it lacks, since the messenger forgets it, and says it.
    async fn keep(&self, signed: Vec<Named>) {
        let Some(service) = self.service.upgrade().filter(|_| !signed.is_empty()) else {
            return;
        };
        match service.miss(signed.clone()).await {
            Ok(missing) => self.tell(&missing),
            Err(error) => {
                self.tell(&signed);
                tracing::error!(
                    target: "casimir_dkg::node", operator = %self.me.id, %error,
                    "what this operator signed for and lacks could not be kept: nobody tells it once the messenger has forgotten it"
                );
            }
        }
    }

    fn tell(&self, signed: &[Named]) {
        if signed.is_empty() {
            return;
        }
        let (me, shares) = (self.me.id, self.store.display());
        let count = counted(signed.len(), "share");
        let (are, them) = if signed.len() == 1 {
            ("IS", "it")
        } else {
            ("ARE", "them")
        };
        let manifest = store::manifest_of(&self.store);
        let manifest = manifest.display();
        tracing::error!(
            target: "casimir_dkg::node", operator = %me,
            "{count} THAT THIS OPERATOR SIGNED FOR {are} NOT IN ITS STORE ({shares}), by results at the messenger that bear its own \
             signature: the store was lost, or is an older copy or another one, and this node cannot sign with {them}. Stop it \
             and take {them} back: casimir-dkg operator restore BACKUP. {manifest} names {them} from now on; where no backup \
             has {them}, who accepts the loss stops the node and removes that file"
        );
        for Named { ceremony, validator } in signed.iter().take(NAMED) {
            tracing::error!(target: "casimir_dkg::node", operator = %me, %validator, %ceremony, "share is missing");
        }
    }
}
