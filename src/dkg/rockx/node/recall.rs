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

/// Time for all that is asked at once: a node that registers late holds up its operators.
const LONGEST: Duration = Duration::from_secs(30);
/// Missing shares that are named.
const NAMED: usize = 20;

/// What is asked, and of what.
pub(super) struct Recall {
    pub(super) me: Identity,
    /// Every run that the store knows of, every share that was missed already, and every result that was looked at.
    pub(super) known: BTreeSet<RequestId>,
    /// Results that were asked for and did not come.
    pub(super) put_off: BTreeSet<RequestId>,
    /// The store, for people.
    pub(super) store: PathBuf,
    /// Not held: the store closes with the last who holds it.
    pub(super) service: Weak<Service>,
}

impl Recall {
    /// Asks the messenger, and says what is missing. `false`: it did not tell all, and the rest is asked again later.
    pub(super) async fn look(&mut self, messenger: &Messenger) -> bool {
        let id = self.me.id;
        let mut signed = Vec::new();
        let asked = tokio::time::timeout(LONGEST, self.ask(messenger, &mut signed)).await;
        // however the asking ended: the messenger may have forgotten it by the next time
        self.keep(signed).await;
        match asked {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => {
                tracing::debug!(target: "casimir_dkg::node", operator = %id, %error, "the messenger does not tell what this operator signed");
            }
            Err(_) => tracing::warn!(
                target: "casimir_dkg::node", operator = %id,
                "the messenger takes long to tell what this operator signed: whether the store lacks a share is not known yet, and \
                 the rest is asked for after the next registration"
            ),
        }
        false
    }

    /// Adds to `signed` the shares of runs that the store does not know, by this operator's own signature. Each result is asked
    /// for once, those that did not come the last time after all others.
    async fn ask(&mut self, messenger: &Messenger, signed: &mut Vec<Named>) -> Result<(), SafeText> {
        // another's messenger has no list
        let Some(mut ids) = messenger.results_of(self.me.id).await? else {
            return Ok(());
        };
        ids.retain(|id| !self.known.contains(id));
        ids.sort_by_key(|id| self.put_off.contains(id));
        for ceremony in ids {
            // until it came: who asks may be stopped at any wait
            self.put_off.insert(ceremony);
            let text = messenger.data(ceremony).await?;
            self.put_off.remove(&ceremony);
            self.known.insert(ceremony);
            if let Some(validator) = text.and_then(|text| self.own(ceremony, &text)) {
                signed.push(Named { ceremony, validator });
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use axum::extract::{Path, State};
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::sync::watch;

    use super::*;
    use crate::dkg::rockx::keys::OperatorPrivateKey;
    use crate::dkg::rockx::node::directory::DirectorySources;
    use crate::dkg::rockx::node::policy::Policy;
    use crate::dkg::rockx::node::service::{Rules, ServiceParts};
    use crate::dkg::rockx::node::store::Store;
    use crate::dkg::rockx::wire::{Encode as _, GoBytes, Output, SignedOutput};
    use crate::http::Http;
    use crate::types::{OperatorId, RedactedUrl};

    fn run(n: u8) -> RequestId {
        RequestId([n; 24])
    }

    /// A result of run `n` that operator 1 signed, as the messenger keeps it.
    fn result(n: u8, key: &OperatorPrivateKey) -> Vec<u8> {
        let output = Output {
            request_id: run(n),
            encrypted_share: vec![1; 256].into(),
            share_pub_key: [n; 48].into(),
            validator_pub_key: [n; 48].into(),
            deposit_data_signature: GoBytes::NIL,
        };
        let signed = SignedOutput::of_output(output, OperatorId(1), key).unwrap();
        let stored = DataStore {
            dkg_outputs: [(OperatorId(1), signed)].into_iter().collect(),
            blame_output: None,
        };
        stored.to_json()
    }

    /// A run, and its result; none where the messenger fails.
    type Held = (RequestId, Option<Vec<u8>>);

    /// What a messenger has by run, and what it was asked for.
    #[derive(Clone, Default)]
    struct Has {
        results: Arc<Mutex<Vec<Held>>>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    async fn messenger(has: &Has) -> Messenger {
        let list = |State(has): State<Has>| async move {
            let results = has.results.lock().unwrap();
            axum::Json(results.iter().map(|(run, _)| *run).collect::<Vec<_>>())
        };
        let data = |State(has): State<Has>, Path(wanted): Path<String>| async move {
            has.asked.lock().unwrap().push(wanted.clone());
            let results = has.results.lock().unwrap();
            let found = results.iter().find(|(run, _)| run.to_string() == wanted);
            let text = found.and_then(|(_, text)| text.clone());
            text.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
        };
        let router = axum::Router::new()
            .route("/results/{operator}", get(list))
            .route("/data/{run}", get(data))
            .with_state(has.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Messenger::new(&Http::direct(), &RedactedUrl::new(&url)).unwrap()
    }

    /// One result that did not come took all that had come with it, and nobody asked again.
    #[tokio::test]
    async fn what_was_proven_is_kept_when_the_messenger_does_not_tell_the_rest() {
        let key = Arc::new(OperatorPrivateKey::generate().unwrap());
        let has = Has::default();
        let all = [1, 2, 3].map(|n| (run(n), (n != 2).then(|| result(n, &key))));
        has.results.lock().unwrap().extend(all);
        let messenger = messenger(&has).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shares.sqlite");
        let me = Identity {
            id: OperatorId(1),
            key: Arc::clone(&key),
        };
        let (_stop, stop) = watch::channel(false);
        let parts = ServiceParts {
            me: me.clone(),
            directory: DirectorySources::default().open().unwrap(),
            rules: watch::channel(Arc::new(Rules::of(Policy::default(), None).unwrap())).1,
            store: Store::open(&path, b"k").unwrap(),
            messenger: messenger.clone(),
            round_timeout: Duration::from_secs(1),
            stop,
        };
        let service = Arc::new(Service::new(parts).unwrap());
        let mut recall = Recall {
            me,
            known: BTreeSet::new(),
            put_off: BTreeSet::new(),
            store: path.clone(),
            service: Arc::downgrade(&service),
        };
        let missing = || -> Vec<_> {
            let missing = store::missing(&path).unwrap();
            missing.iter().map(|named| named.ceremony).collect()
        };
        assert!(!recall.look(&messenger).await, "one did not come");
        assert_eq!(missing(), [run(1)]);
        assert!(!recall.look(&messenger).await, "it does not yet");
        assert_eq!(missing(), [run(1), run(3)], "it holds up no other");
        let before = has.asked.lock().unwrap().len();
        has.results.lock().unwrap()[1].1 = Some(result(2, &key));
        assert!(recall.look(&messenger).await);
        assert_eq!(missing(), [run(1), run(3), run(2)]);
        assert_eq!(
            has.asked.lock().unwrap()[before..],
            [run(2).to_string()],
            "each once"
        );
    }
}
