//! Reading beyond the snapshot: the next page of a list whose end is reached, and a thing whose details are opened.

use casimir_dkg::view::{Listing, Query, Refused, RowId, Rows};

use super::*;
use crate::console::app::{Reading, Target};
use crate::console::screens::panes::Pane;

/// The end of a list was reached: what is older is read, if there is any.
pub(super) fn on(app: &mut App, pane: Pane) -> Vec<Effect> {
    if app.past.is_some() {
        return vec![];
    }
    let query = pane
        .kind()
        .and_then(|kind| app.older.next_page(&app.snapshot, kind));
    query.map_or_else(Vec::new, |query| vec![ask(app, query)])
}

/// The page of details on top was opened: what it shows and nobody has is read.
pub(super) fn opened(app: &mut App) -> Vec<Effect> {
    let Some(Target::Row(row)) = app.details.last().map(|detail| detail.target) else {
        return vec![];
    };
    let mut wanted: Vec<Query> = missing(app, row).into_iter().collect();
    match row {
        // its page names what opened the case
        RowId::Action(id) => wanted.extend(missing(app, RowId::Case(id.case))),
        RowId::Validator(key) if !app.snapshot.older.cases.is_empty() => {
            let validator = app.snapshot.validators.iter().find(|v| v.public_key == key);
            wanted.extend(validator.map(|v| Query::Pool { pool: v.pool }));
        }
        _ => {}
    }
    wanted.into_iter().map(|query| ask(app, query)).collect()
}

/// What was shown in details and has left the snapshot is read, so that it stays on the screen.
pub(super) fn left(app: &mut App) -> Vec<Effect> {
    let rows = app.details.iter().filter_map(|detail| match detail.target {
        Target::Row(row) => Some(row),
        Target::Status | Target::Charts => None,
    });
    let unasked = rows.filter(|row| app.older.one(*row) == Reading::Idle);
    let wanted: Vec<Query> = unasked.filter_map(|row| missing(app, row)).collect();
    wanted.into_iter().map(|query| ask(app, query)).collect()
}

/// The query for a thing that is not here and not on its way.
fn missing(app: &App, row: RowId) -> Option<Query> {
    // what the engine has now is not what it was
    let here = app.past.is_some()
        || row.kind().is_none()
        || app.known().has(row)
        || app.older.one(row) == Reading::Asked;
    (!here).then_some(Query::One { row })
}

fn ask(app: &mut App, query: Query) -> Effect {
    let ticket = app.ticket();
    app.older.asked(ticket, query);
    Effect::Read { ticket, query }
}

/// The engine's answer.
pub(super) fn arrived(app: &mut App, ticket: u64, answer: Result<Listing, Refused>) -> Vec<Effect> {
    if app.past_asked == Some(ticket) {
        let state = answer.and_then(|listing| match listing.rows {
            Rows::Past(state) => Ok(state),
            _ => Err(Refused::Unavailable("the engine answered something else".into())),
        });
        past::arrived(app, state);
        return vec![];
    }
    let positions = app.positions();
    let snapshot = app.snapshot.clone();
    app.older.arrived(&snapshot, ticket, answer);
    app.refresh_lists(|pane| {
        let known = positions.iter().find(|(p, _)| *p == pane);
        known.and_then(|(_, position)| *position)
    });
    vec![]
}
