//! Taking over an account with a past that the journal does not know.

use casimir_dkg::view::Request;

use super::*;
use crate::console::app::Ask;

/// The adopt key.
pub(super) fn start(app: &mut App) {
    let signer = &app.snapshot.signer;
    let (Some(account), Some(nonce)) = (signer.address, signer.unadopted) else {
        return app.say(Token::Info, "no account waits for an adoption");
    };
    let ask = Ask {
        question: format!("Adopt account {account}?"),
        lines: vec![
            match nonce {
                0 => "This journal was written for another account.".to_owned(),
                _ => {
                    format!("It has used every nonce below {nonce}, and this journal has no record of that.")
                }
            },
            "Another oracle that works for it must be stopped, for good.".to_owned(),
            "Approved actions that were held back will be sent.".to_owned(),
        ],
        verb: "adopt",
        request: Request::Adopt { account },
        quiet_since: None,
        window: Default::default(),
    };
    ask::open(app, ask);
}
