//! Between a client's socket and a node's.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use super::frames::{Frames, Message, Sender, TEXT, frame};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::desk::Desk;
use crate::devnet::proxy::event::{self, Passage};
use crate::devnet::proxy::lies::Fate;
use crate::devnet::proxy::rpc::{self, RpcCall};
use crate::devnet::proxy::scenario::{Call, Fault};
use crate::devnet::proxy::stream::{LOOK, Standing, standing};
use crate::devnet::proxy::wire::Wrap;

/// Calls of one socket whose answer is awaited; a client with more is cut off.
const MAX_PENDING: usize = 4_096;

/// Why it ends.
enum End {
    /// One side is gone.
    Gone,
    /// As told.
    Cut,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

struct Bridge<'d, N> {
    desk: &'d Desk,
    client: WriteHalf<TcpStream>,
    node: WriteHalf<N>,
    /// By the id as JSON.
    pending: BTreeMap<String, (RpcCall, Vec<Fired>)>,
    /// The rule that silences the socket now.
    silent: Option<Fired>,
}

/// Runs until one side ends, or a rule cuts it.
pub(super) async fn run<N: AsyncRead + AsyncWrite + Unpin>(
    desk: &Desk,
    opening: &Call,
    (client, early): (TcpStream, Vec<u8>),
    node: N,
) {
    let (client_read, client_write) = tokio::io::split(client);
    let (node_read, node_write) = tokio::io::split(node);
    let mut bridge = Bridge {
        desk,
        client: client_write,
        node: node_write,
        pending: BTreeMap::new(),
        silent: None,
    };
    let mut from_client = Frames::new(client_read, early);
    let mut from_node = Frames::new(node_read, Vec::new());
    let end = bridge.between(opening, &mut from_client, &mut from_node).await;
    // both halves make the connection again, so that it can be reset
    let stream = from_client.into_inner().unsplit(bridge.client);
    if matches!(end, End::Cut)
        && let Err(error) = stream.set_zero_linger()
    {
        tracing::debug!(target: "devnet::proxy", %error, "closed without a reset");
    }
}

impl<N: AsyncRead + AsyncWrite + Unpin> Bridge<'_, N> {
    async fn between(
        &mut self,
        opening: &Call,
        from_client: &mut Frames<ReadHalf<TcpStream>>,
        from_node: &mut Frames<ReadHalf<N>>,
    ) -> End {
        let mut changes = self.desk.board.changes();
        loop {
            let done = tokio::select! {
                message = from_client.next() => match message {
                    Ok(Some(message)) => self.asked(message).await,
                    Ok(None) | Err(_) => Err(End::Gone),
                },
                message = from_node.next() => match message {
                    Ok(Some(message)) => self.said(message).await,
                    Ok(None) | Err(_) => Err(End::Gone),
                },
                _ = changes.changed() => Ok(()),
                () = tokio::time::sleep(LOOK) => Ok(()),
            };
            if let Err(end) = done {
                return end;
            }
            if standing(self.desk, opening, &mut self.silent) == Standing::Cut {
                return End::Cut;
            }
        }
    }

    /// What the client says.
    async fn asked(&mut self, message: Message) -> Result<(), End> {
        let call = (message.opcode == TEXT)
            .then(|| rpc::Calls::parse(&message.payload))
            .flatten();
        // a batch over a socket is rare: it is passed on as it is
        let Some(rpc::Calls {
            mut calls,
            batch: false,
        }) = call
        else {
            return self.node_hears(&message).await;
        };
        let Some(mut call) = calls.pop() else {
            return Ok(());
        };
        self.desk.count(&call.call());
        if self.silent.is_some() {
            return Ok(());
        }
        let mut fired = self.desk.decide(&call.call());
        let id = call.id.clone().unwrap_or(Value::Null);
        if let Some(made) = rpc::before(self.desk, &mut call, &mut fired).await {
            let reply = made.with_id(id).to_string();
            return self.tell(reply.as_bytes(), &Wrap::Data, &mut fired).await;
        }
        let (wires, lies): (Vec<_>, Vec<_>) = fired
            .into_iter()
            .partition(|fired| matches!(fired.fault(), Fault::Wire(_)));
        if self.pending.len() >= MAX_PENDING {
            return Err(End::Cut);
        }
        let text = call.body().to_string();
        self.pending
            .insert(id.to_string(), (call, wires.into_iter().chain(lies).collect()));
        self.node_hears(&Message {
            opcode: TEXT,
            payload: text.into_bytes(),
        })
        .await
    }

    /// What the node says.
    async fn said(&mut self, message: Message) -> Result<(), End> {
        let said = (message.opcode == TEXT).then(|| serde_json::from_slice::<Value>(&message.payload).ok());
        let Some(mut said) = said.flatten() else {
            return self.client_hears(&message).await;
        };
        let method = said.get("method").and_then(Value::as_str).map(str::to_owned);
        let (call, mut fired) = match (method, said.get("id")) {
            (Some(method), _) => {
                let call = RpcCall {
                    id: None,
                    method,
                    params: said.get("params").cloned().unwrap_or_else(|| json!([])),
                    sent: Value::Null,
                };
                self.desk.count(&call.call());
                let fired = self.desk.decide(&call.call());
                (call, fired)
            }
            (None, Some(id)) => match self.pending.remove(&id.to_string()) {
                Some(pending) => pending,
                None => return self.client_hears(&message).await,
            },
            (None, None) => return self.client_hears(&message).await,
        };
        let before = said.clone();
        if rpc::after(self.desk, &call, &mut said, &mut fired).await == Fate::Lost {
            return Ok(());
        }
        let bytes = if said == before {
            message.payload
        } else {
            said.to_string().into_bytes()
        };
        let wrap = Wrap::Rpc {
            id: call.id.unwrap_or(Value::Null),
        };
        self.tell(&bytes, &wrap, &mut fired).await
    }

    /// Tells the client something, unless the wire has it otherwise.
    async fn tell(&mut self, text: &[u8], wrap: &Wrap, fired: &mut [Fired]) -> Result<(), End> {
        let payload = match event::pass(text, wrap, fired).await {
            Passage::Told => text.to_vec(),
            Passage::Instead(odd) => odd,
            Passage::Lost => return Ok(()),
            Passage::Cut => return Err(End::Cut),
        };
        self.client_hears(&Message {
            opcode: TEXT,
            payload,
        })
        .await
    }

    async fn client_hears(&mut self, message: &Message) -> Result<(), End> {
        if self.silent.is_some() {
            return Ok(());
        }
        Ok(self.client.write_all(&frame(message, Sender::Node)).await?)
    }

    async fn node_hears(&mut self, message: &Message) -> Result<(), End> {
        if self.silent.is_some() {
            return Ok(());
        }
        Ok(self.node.write_all(&frame(message, Sender::Client)).await?)
    }
}
