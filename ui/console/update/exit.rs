//! An exit by hand, for a validator that the contract does not ask to leave.

use casimir_dkg::types::PoolId;
use casimir_dkg::view::{Mode, Request};
use tui_input::Input;

use super::*;
use crate::console::app::{Ask, Field, FieldKind};

pub(super) fn start(app: &mut App) {
    let Some(validator) = app.subject_validator() else {
        app.say(
            Token::Info,
            "an exit is requested for a validator: select one in its list",
        );
        return;
    };
    if let Err(why) = validator.can_exit.check() {
        let why = why.to_string();
        app.say(Token::Info, why);
        return;
    }
    let pool = validator.pool;
    if app.snapshot.mode != Mode::Auto {
        return question(app, pool);
    }
    // nobody may be asked again before it is published
    app.overlay = Some(Overlay::Input(Field {
        kind: FieldKind::ExitPhrase {
            pool,
            expected: crate::summary::exit_phrase(pool),
        },
        input: Input::default(),
        problem: None,
    }));
}

/// Asks about the exit of the validator of a pool, as it stands now.
pub(super) fn question(app: &mut App, pool: PoolId) {
    app.overlay = None;
    let Some(validator) = app.snapshot.validators.iter().find(|v| v.pool == pool) else {
        return closed::instead_of_a_question(app, format!("pool {pool} has no validator any more"));
    };
    let follows = match app.snapshot.mode {
        Mode::Auto => {
            "This opens a case. Where a rule covers it, the exit is signed and published without another question."
        }
        Mode::Supervised | Mode::Observe => {
            "This opens a case. Signing the exit waits for your approval, and so does publishing it."
        }
    };
    let ask = Ask {
        question: format!("Request the exit of pool {pool}'s validator?"),
        lines: vec![
            format!("validator {}, {}", validator.public_key, validator.status),
            follows.to_owned(),
            "A published exit cannot be taken back by anybody.".to_owned(),
        ],
        verb: "request",
        request: Request::RequestExit { pool },
        quiet_since: None,
        window: Default::default(),
    };
    ask::open(app, ask);
}
