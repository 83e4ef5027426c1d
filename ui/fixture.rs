//! What the tests of both front ends begin with.

use casimir_dkg::types::{Root, SafeText, UnixMillis};
use casimir_dkg::view::{ChainView, JournalView, Mode, NetworkView, Older, SignerView, Snapshot};

/// An engine on the devnet that has read and done nothing yet.
pub(crate) fn unread() -> Snapshot {
    Snapshot {
        revision: 0,
        at: UnixMillis(0),
        version: "test".to_owned(),
        network: NetworkView {
            name: "devnet".into(),
            chain_id: 31_337,
            mainnet: false,
            simulated: vec![],
            manager: Default::default(),
        },
        mode: Mode::Supervised,
        switched: None,
        paused: None,
        chain: ChainView::unread(),
        signer: SignerView::unread(None),
        endpoints: vec![],
        operators: vec![],
        cases: vec![],
        ceremonies: vec![],
        actions: vec![],
        transactions: vec![],
        exits: vec![],
        validators: Default::default(),
        older: Older::default(),
        journal: JournalView {
            records: 0,
            head: Root::default(),
            path: SafeText::default(),
            unwritable: None,
        },
        alarms: vec![],
        waits: vec![],
    }
}
