//! WebSocket frames (RFC 6455), as far as a proxy needs them: text is looked into, the rest is passed on.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest message, over all of its fragments.
const MAX_MESSAGE: usize = 64 << 20;

pub(super) const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;
/// From here on frames steer the connection and stand between the fragments of a message.
const CONTROL: u8 = 8;

/// A message, its fragments put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// 1 is text; 8, 9 and 10 close, ping and pong.
    pub(super) opcode: u8,
    /// Unmasked.
    pub(super) payload: Vec<u8>,
}

/// Who sends: clients mask what they send, nodes do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Node,
}

/// Reads messages from one side. What was read of an unfinished one is kept, so that a reader may be dropped and asked
/// again.
#[derive(Debug)]
pub(super) struct Frames<R> {
    from: R,
    early: Vec<u8>,
    unfinished: Option<Message>,
}

struct Frame {
    last: bool,
    opcode: u8,
    payload: Vec<u8>,
    /// Bytes that it took.
    size: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(from: R, early: Vec<u8>) -> Self {
        Self {
            from,
            early,
            unfinished: None,
        }
    }

    /// The side that was read from.
    pub(super) fn into_inner(self) -> R {
        self.from
    }

    /// The next message; none at the end.
    ///
    /// # Errors
    /// The connection broke, or what came is no WebSocket.
    pub(super) async fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            while let Some(frame) = parse(&self.early)? {
                self.early.drain(..frame.size);
                if let Some(message) = self.take(frame)? {
                    return Ok(Some(message));
                }
            }
            let mut piece = [0; 16 << 10];
            match self.from.read(&mut piece).await? {
                0 => return Ok(None),
                n => self.early.extend_from_slice(&piece[..n]),
            }
        }
    }

    fn take(&mut self, frame: Frame) -> io::Result<Option<Message>> {
        if frame.opcode >= CONTROL {
            return Ok(Some(Message {
                opcode: frame.opcode,
                payload: frame.payload,
            }));
        }
        let message = match (self.unfinished.take(), frame.opcode) {
            (Some(mut message), CONTINUATION) => {
                message.payload.extend(frame.payload);
                message
            }
            (None, opcode) if opcode != CONTINUATION => Message {
                opcode,
                payload: frame.payload,
            },
            _ => return Err(nonsense()),
        };
        if message.payload.len() > MAX_MESSAGE {
            return Err(nonsense());
        }
        if frame.last {
            return Ok(Some(message));
        }
        self.unfinished = Some(message);
        Ok(None)
    }
}

fn nonsense() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

/// The first frame, if it is whole.
fn parse(bytes: &[u8]) -> io::Result<Option<Frame>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let mut at = 2;
    let short = second & 0x7f;
    let extended = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if rest.len() < extended {
        return Ok(None);
    }
    let length = rest[..extended]
        .iter()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let length = if extended == 0 { u64::from(short) } else { length };
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= MAX_MESSAGE);
    let length = length.ok_or_else(nonsense)?;
    at += extended;
    let masked = second & 0x80 != 0;
    let mask: [u8; 4] = match (masked, bytes.get(at..at + 4)) {
        (false, _) => [0; 4],
        (true, Some(mask)) => mask.try_into().map_err(|_| nonsense())?,
        (true, None) => return Ok(None),
    };
    at += if masked { 4 } else { 0 };
    let Some(payload) = bytes.get(at..at + length) else {
        return Ok(None);
    };
    let unmasked = payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    Ok(Some(Frame {
        last: first & 0x80 != 0,
        opcode: first & 0x0f,
        payload: unmasked.collect(),
        size: at + length,
    }))
}

/// A message as one frame. The mask is zero: it protects old intermediaries, and there is none on this machine.
pub(super) fn frame(message: &Message, sender: Sender) -> Vec<u8> {
    let mut out = vec![0x80 | message.opcode];
    let mask = if sender == Sender::Client { 0x80 } else { 0 };
    let length = message.payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => out.push(mask | short),
        (_, Ok(middle)) => {
            out.push(mask | 126);
            out.extend(middle.to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    if sender == Sender::Client {
        out.extend([0; 4]);
    }
    out.extend_from_slice(&message.payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Vec<io::Result<Option<Message>>> {
        let mut frames = Frames::new(bytes, Vec::new());
        let mut all = Vec::new();
        loop {
            all.push(frames.next().await);
            if !matches!(all.last(), Some(Ok(Some(_)))) {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn messages_of_every_length_come_back() {
        for sender in [Sender::Client, Sender::Node] {
            for length in [0, 1, 125, 126, 65_535, 65_536, 200_000] {
                let message = Message {
                    opcode: TEXT,
                    payload: vec![b'x'; length],
                };
                let read = read(&frame(&message, sender)).await;
                assert_eq!(read[0].as_ref().unwrap(), &Some(message), "{length}");
            }
        }
    }

    #[tokio::test]
    async fn masks_fragments_and_nonsense() {
        // the examples of RFC 6455, 5.7: a masked "Hello", then "Hel" and "lo" with a ping between
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let hello = Message {
            opcode: TEXT,
            payload: b"Hello".to_vec(),
        };
        assert_eq!(read(&masked).await[0].as_ref().unwrap(), &Some(hello.clone()));
        let fragments = [0x01, 0x03, b'H', b'e', b'l', 0x89, 0x00, 0x80, 0x02, b'l', b'o'];
        let all = read(&fragments).await;
        assert_eq!(all[0].as_ref().unwrap().as_ref().unwrap().opcode, 9);
        assert_eq!(all[1].as_ref().unwrap(), &Some(hello));
        assert!(matches!(all[2], Ok(None)));
        let lonely = [0x80, 0x00];
        assert!(read(&lonely).await[0].is_err(), "a continuation of nothing");
        let endless = [0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(read(&endless).await[0].is_err());
    }
}
