//! Another key by another committee, where the present one cannot be deposited.

use casimir_dkg::view::{Request, Way};

use super::*;
use crate::console::app::Ask;

pub(super) fn start(app: &mut App) {
    let Some(case) = app.subject_case() else {
        app.say(Token::Info, "select a deposit to have another key made for it");
        return;
    };
    let on = match app.way_of(case, Way::RedoKey) {
        Ok(on) => on,
        Err(why) => return app.say(Token::Info, why),
    };
    let ask = Ask {
        question: format!("Have another committee make another key for {case}?"),
        lines: vec![
            on.why.to_string(),
            format!("costs: {}", on.costs),
            "The new committee is proposed and waits for its approval.".to_owned(),
        ],
        verb: "another key",
        request: Request::RedoKey { case },
        quiet_since: None,
        window: Default::default(),
    };
    ask::open(app, ask);
}
