//! The pool of voluntary exits.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Node, answer, error};
use crate::devnet::beacon::{ClientFamily, Event, ExitProblem, SignedExit};

pub(super) async fn list(Extract(shared): Node) -> Json<Value> {
    let exits: Vec<SignedExit> = shared.state().pool.values().copied().collect();
    Json(json!({ "data": exits }))
}

pub(super) async fn submit(Extract(shared): Node, body: Bytes) -> Response {
    let family = shared.faults().family;
    let lodestar = family == ClientFamily::Lodestar;
    let exit: SignedExit = match serde_json::from_slice(&body) {
        Ok(exit) => exit,
        // Lodestar tells broken JSON (400) from JSON that lacks something (500)
        Err(problem) if lodestar && problem.is_data() => {
            return error(&shared, 500, &format!("JSON expected key: {problem}"));
        }
        Err(problem) => {
            return error(
                &shared,
                400,
                &format!("BAD_REQUEST: body deserialize error: {problem}"),
            );
        }
    };
    if let Some(problem) = &shared.faults().refuse_exits {
        return answer(family.refuse(problem));
    }
    let index = exit.message.validator_index;
    let mut state = shared.state();
    if state.pool.get(&index) == Some(&exit) {
        return family.known_already().map_or_else(accepted, answer);
    }
    if shared
        .hidden(&state)
        .and_then(|hidden| u64::try_from(hidden).ok())
        == Some(index)
    {
        return answer(family.refuse(&ExitProblem::UnknownValidator { index }));
    }
    if let Err(problem) = state.check_exit(&exit) {
        return answer(family.refuse(&problem));
    }
    let dropped = {
        let mut faults = shared.faults();
        let dropped = faults.drop_exits > 0;
        faults.drop_exits = faults.drop_exits.saturating_sub(1);
        dropped
    };
    if !dropped {
        state.pool.insert(index, exit);
    }
    drop(state);
    // Lodestar tells of an exit when it is in a block, others when it is accepted as well
    if !lodestar {
        shared.tell(Event::VoluntaryExit(exit));
    }
    accepted()
}

fn accepted() -> Response {
    StatusCode::OK.into_response()
}
