//! A reshare by hand, for a pool whose validator exists.

use casimir_dkg::view::Request;

use super::*;
use crate::console::app::Ask;

pub(super) fn start(app: &mut App) {
    let Some(validator) = app.subject_validator() else {
        app.say(
            Token::Info,
            "a reshare is requested for a validator: select one in its list",
        );
        return;
    };
    if let Err(why) = validator.can_reshare.check() {
        let why = why.to_string();
        app.say(Token::Info, why);
        return;
    }
    let (used, limit) = validator.reshares;
    let operators: Vec<_> = validator.operators.iter().map(ToString::to_string).collect();
    let ask = Ask {
        question: format!("Request a reshare for pool {}?", validator.pool),
        lines: vec![
            format!("operators now: {}", operators.join(", ")),
            format!("reshares used: {used} of {limit}"),
            "This opens a case. The new committee is proposed and waits for your approval.".to_owned(),
        ],
        verb: "request",
        request: Request::RequestReshare { pool: validator.pool },
        quiet_since: None,
        window: Default::default(),
    };
    ask::open(app, ask);
}
