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
    let mut envelope = Reply::json(200, &Value::Null);
    if let Some(body) = unanswered(&calls, &slots, batch) {
        envelope = desk.forward(request, body.into_bytes()).await?;
        let mut answers = match envelope.value() {
            Some(Value::Array(answers)) if batch => answers,
            Some(one) if !batch => vec![one],
            // not JSON, or a refusal of the whole batch: the node has something else to say, and says it for itself
            _ => return Ok(envelope),
        };
        for ((call, fired), slot) in calls.iter().zip(&mut fired).zip(&mut slots) {
            if slot.is_some() {
                continue;
            }
            if let Some(mut reply) = take(&mut answers, call, batch) {
                after(desk, call, &mut reply, fired).await;
                *slot = Some(reply);
            }
        }
    }
    envelope.body = Body::Bytes(for_client(&calls, slots, batch).into_bytes());
    if let Some(status) = status.filter(|_| !batch) {
        envelope.status = status;
    }
    Ok(envelope)
}

/// The body that asks the node for what no rule answered; none when rules answered everything.
fn unanswered(calls: &[RpcCall], slots: &[Option<Value>], batch: bool) -> Option<String> {
    let open = calls.iter().zip(slots).filter(|(_, slot)| slot.is_none());
    let bodies: Vec<Value> = open.map(|(call, _)| call.body()).collect();
    match bodies.as_slice() {
        [] => None,
        [one] if !batch => Some(one.to_string()),
        _ => Some(Value::from(bodies).to_string()),
    }
}

/// Takes a call's answer out of the node's. A single answer is the single call's, whatever id it has.
fn take(answers: &mut Vec<Value>, call: &RpcCall, batch: bool) -> Option<Value> {
    // a notification has no id, and gets no answer
    let id = call.id.as_ref()?;
    let mine = answers.iter().position(|answer| answer.get("id") == Some(id));
    let mine = mine.or_else(|| (!batch && !answers.is_empty()).then_some(0))?;
    Some(answers.swap_remove(mine))
}

/// What the client gets: nothing for notifications.
fn for_client(calls: &[RpcCall], slots: Vec<Option<Value>>, batch: bool) -> String {
    let asked = calls.iter().zip(slots).filter(|(call, _)| call.id.is_some());
    let replies: Vec<Value> = asked.filter_map(|(_, slot)| slot).collect();
    match replies.as_slice() {
        [] => String::new(),
        [one] if !batch => one.to_string(),
        _ => Value::from(replies).to_string(),
    }
}
