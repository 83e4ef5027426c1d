//! One HTTP body of calls, answered.

use serde_json::Value;

use super::{Calls, RpcCall, after, before};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::desk::{Desk, Unreachable};
use crate::devnet::proxy::http::{Body, Reply, Request};

/// Answers the calls: what rules answer is not sent on, the rest is, as one body of the same form. The order is the
/// client's.
pub(in crate::devnet::proxy) async fn answer(
    desk: &Desk,
    request: &Request,
    calls: Calls,
    mut fired: Vec<Vec<Fired>>,
) -> Result<Reply, Unreachable> {
    let Calls { mut calls, batch } = calls;
    let mut status = None;
    let mut slots: Vec<Option<Value>> = vec![None; calls.len()];
    for ((call, fired), slot) in calls.iter_mut().zip(&mut fired).zip(&mut slots) {
        if let Some(made) = before(desk, call, fired).await {
            status = made.status;
            *slot = Some(made.with_id(call.id.clone().unwrap_or(Value::Null)));
        }
    }
    let open: Vec<&RpcCall> = calls
        .iter()
        .zip(&slots)
        .filter(|(_, slot)| slot.is_none())
        .map(|(call, _)| call)
        .collect();
    let mut envelope = Reply::json(200, &Value::Null);
    if !open.is_empty() {
        let bodies: Vec<Value> = open.iter().map(|call| call.body()).collect();
        let body = match bodies.as_slice() {
            [one] if !batch => one.to_string(),
            all => Value::from(all.to_vec()).to_string(),
        };
        envelope = desk.forward(request, body.into_bytes()).await?;
        let Some(answer) = envelope.value() else {
            // not JSON: the node has something else to say, and says it for itself
            return Ok(envelope);
        };
        let mut answers = match answer {
            Value::Array(answers) if batch => answers,
            one if !batch => vec![one],
            // a refusal of the whole batch
            _ => return Ok(envelope),
        };
        for ((call, fired), slot) in calls.iter().zip(&mut fired).zip(&mut slots) {
            if slot.is_some() || call.id.is_none() {
                continue;
            }
            let mine = answers
                .iter()
                .position(|answer| answer.get("id") == call.id.as_ref());
            let Some(mine) = mine.or_else(|| (!batch && !answers.is_empty()).then_some(0)) else {
                continue;
            };
            let mut reply = answers.swap_remove(mine);
            after(desk, call, &mut reply, fired).await;
            *slot = Some(reply);
        }
    }
    let replies = calls
        .iter()
        .zip(slots)
        .filter(|(call, _)| call.id.is_some())
        .filter_map(|(_, slot)| slot);
    let replies: Vec<Value> = replies.collect();
    let body = match replies.as_slice() {
        [] => String::new(),
        [one] if !batch => one.to_string(),
        _ => Value::from(replies).to_string(),
    };
    envelope.body = Body::Bytes(body.into_bytes());
    if let Some(status) = status.filter(|_| !batch) {
        envelope.status = status;
    }
    Ok(envelope)
}
