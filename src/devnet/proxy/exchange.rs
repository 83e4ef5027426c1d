//! One HTTP exchange: which rules strike it, and what is answered.

use std::time::Duration;

use tokio::time::Instant;

use super::board::Fired;
use super::desk::{self, Desk, Unreachable};
use super::http::{Body, Conn, Gone, Pace, Reply, Request};
use super::rpc::{self, Calls};
use super::scenario::{Call, Fault};
use super::stream;
use super::target::Kind;
use super::wire::{Wire, Wrap};

/// How an exchange ends.
pub(super) enum End {
    /// The next request may come.
    Next,
    /// The connection is closed.
    Close,
    Reset,
}

/// The longest that an answer is held back.
const HANG: Duration = Duration::from_secs(3600);

/// Answers one request.
pub(super) async fn serve(desk: &Desk, conn: &mut Conn, request: Request) -> Result<End, Gone> {
    let opening = Call::Http {
        method: request.method.clone(),
        path: request.path().to_owned(),
    };
    let calls = (desk.target.kind == Kind::Execution && request.method == "POST")
        .then(|| Calls::parse(&request.body))
        .flatten();
    let mut whole = desk.decide(&opening);
    let mut each: Vec<Vec<Fired>> = Vec::new();
    match &calls {
        None => desk.count(&opening),
        Some(calls) => {
            for call in &calls.calls {
                desk.count(&call.call());
                // what strikes the connection strikes the whole of it, whichever call of a batch it was meant for
                let fired = desk.decide(&call.call());
                let (wires, lies) = fired.into_iter().partition(is_wire);
                whole.extend::<Vec<Fired>>(wires);
                each.push(lies);
            }
        }
    }
    wait(conn, &mut whole).await?;
    let wrap = match &calls {
        Some(Calls { calls, .. }) => Wrap::Rpc {
            id: calls[0].id.clone().unwrap_or_default(),
        },
        None => Wrap::Data,
    };
    if let Some(mut fired) = refusing(&mut whole) {
        return refuse(desk, conn, &request, &wrap, &mut fired).await;
    }
    let answered = match calls {
        Some(calls) => rpc::answer(desk, &request, calls, each).await,
        None => match desk.open(&request, request.body.clone()).await {
            Ok(response) if stream::is_stream(&response) => {
                return stream::serve(desk, conn, &request, &opening, response).await;
            }
            Ok(response) => rest(response, &request, &mut whole).await,
            Err(unreachable) => Err(unreachable),
        },
    };
    let Ok(mut reply) = answered else {
        // as if the node itself were called, and is not there
        return Ok(End::Reset);
    };
    let pace = spoil(&mut reply, &mut whole);
    let (head_only, keep) = (request.method == "HEAD", request.keep_alive);
    reply.send(conn, pace, head_only, keep).await?;
    Ok(if keep { End::Next } else { End::Close })
}

/// Applies the rules to the opening of a connection that is to stand; none when the way is clear.
pub(super) async fn clear(
    desk: &Desk,
    conn: &mut Conn,
    request: &Request,
    opening: &Call,
) -> Result<Option<End>, Gone> {
    let mut whole = desk.decide(opening);
    wait(conn, &mut whole).await?;
    match refusing(&mut whole) {
        Some(mut fired) => refuse(desk, conn, request, &Wrap::Data, &mut fired)
            .await
            .map(Some),
        None => Ok(None),
    }
}

fn is_wire(fired: &Fired) -> bool {
    matches!(fired.fault(), Fault::Wire(_))
}

/// Waits as long as the delays say, one after the other.
async fn wait(conn: &mut Conn, fired: &mut [Fired]) -> Result<(), Gone> {
    for fired in fired {
        let rule = fired.rule();
        if let Fault::Wire(Wire::Delay(time)) = &rule.fault {
            fired.strike(&format!("waited {} ms", time.as_millis()));
            tokio::select! {
                () = tokio::time::sleep(*time) => {}
                () = conn.left() => return Err(Gone::Client),
            }
        }
    }
    Ok(())
}

/// The first rule that answers in place of the target.
fn refusing(fired: &mut Vec<Fired>) -> Option<Fired> {
    let at = fired.iter().position(|fired| match fired.fault() {
        Fault::Wire(Wire::Window(window)) => !fired.memory(|memory| window.admits(memory, Instant::now())),
        Fault::Wire(wire) => wire.replaces(),
        Fault::Lie(_) => false,
    })?;
    Some(fired.remove(at))
}

async fn refuse(
    desk: &Desk,
    conn: &mut Conn,
    request: &Request,
    wrap: &Wrap,
    fired: &mut Fired,
) -> Result<End, Gone> {
    let rule = fired.rule();
    let Fault::Wire(wire) = &rule.fault else {
        return Ok(End::Close);
    };
    if wire.forwards() {
        // the answer is lost, and whether there was one
        let _ = desk.forward(request, request.body.clone()).await;
    }
    let after = if wire.forwards() {
        " after the target had the call"
    } else {
        ""
    };
    let reply = match wire {
        Wire::Hang { .. } => {
            fired.strike(&format!("gave no answer{after}"));
            tokio::select! {
                () = tokio::time::sleep(HANG) => {}
                () = conn.left() => {}
            }
            return Ok(End::Close);
        }
        Wire::Reset { .. } => {
            fired.strike(&format!("reset the connection{after}"));
            return Ok(End::Reset);
        }
        other => {
            let (said, reply) = canned(other, request, wrap);
            fired.strike(&said);
            reply
        }
    };
    let (head_only, keep) = (request.method == "HEAD", request.keep_alive);
    reply.send(conn, Pace::Whole, head_only, keep).await?;
    Ok(if keep { End::Next } else { End::Close })
}

/// Answers that need no target, and how they are told in the log.
fn canned(wire: &Wire, request: &Request, wrap: &Wrap) -> (String, Reply) {
    match wire {
        Wire::Status(status) => (status.words(), status.reply()),
        Wire::Window(window) => ("answered 429".to_owned(), window.reply()),
        Wire::Odd(odd) => (odd.words(), odd.reply(wrap)),
        Wire::Redirect { code } => {
            let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
            let hop: u64 = query
                .strip_prefix("hop=")
                .and_then(|hop| hop.parse().ok())
                .unwrap_or_default();
            let mut reply = Reply::new(*code, "text/plain", "");
            reply
                .headers
                .push(("location".to_owned(), format!("{path}?hop={}", hop + 1)));
            (format!("redirected with {code}"), reply)
        }
        // these do not replace the target's answer
        Wire::Delay(_)
        | Wire::Hang { .. }
        | Wire::Reset { .. }
        | Wire::Half { .. }
        | Wire::Slow { .. }
        | Wire::Headers { .. } => (String::new(), Reply::new(500, "text/plain", "")),
    }
}

/// A REST call: the target's answer with what the rules make of its body.
async fn rest(
    response: reqwest::Response,
    request: &Request,
    fired: &mut [Fired],
) -> Result<Reply, Unreachable> {
    let mut reply = desk::whole(response).await?;
    for fired in fired.iter_mut() {
        let rule = fired.rule();
        if let Fault::Lie(lie) = &rule.fault {
            // some say all they have to say by their status
            let mut body = reply.value().unwrap_or_default();
            let before = body.clone();
            let status = lie.rest(request.path(), &mut body, fired);
            reply.status = status.unwrap_or(reply.status);
            if body != before {
                reply.body = Body::Bytes(body.to_string().into_bytes());
            }
        }
    }
    Ok(reply)
}

/// What goes wrong with the bytes of a true answer.
fn spoil(reply: &mut Reply, fired: &mut [Fired]) -> Pace {
    let mut pace = Pace::Whole;
    for fired in fired {
        let rule = fired.rule();
        match &rule.fault {
            Fault::Wire(Wire::Half { bytes }) => {
                let sent = bytes.unwrap_or(reply.body.len() / 2).min(reply.body.len());
                fired.strike(&format!(
                    "cut the answer after {sent} of {} bytes",
                    reply.body.len()
                ));
                pace = Pace::Cut(*bytes);
            }
            Fault::Wire(Wire::Slow { bytes_per_second }) => {
                fired.strike(&format!("answered {bytes_per_second} bytes a second"));
                pace = Pace::Drip(Duration::from_secs(1) / u32::try_from(*bytes_per_second).unwrap_or(1));
            }
            Fault::Wire(Wire::Headers { count, bytes }) => {
                let value = "x".repeat(usize::try_from(*bytes).unwrap_or_default());
                reply
                    .headers
                    .extend((0..*count).map(|n| (format!("x-flood-{n}"), value.clone())));
                fired.strike(&format!("answered with {count} headers more"));
            }
            _ => {}
        }
    }
    pace
}
