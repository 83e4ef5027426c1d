//! The envelope of every message: the only binary structure of the protocol (SSZ with one variable field).

/// `MsgType` of an SSV message that carries a DKG message; nodes take no other.
pub const SSV_DKG: u64 = 2;

/// SSZ limit of the data field.
const MAX_DATA: usize = 8_388_608;

/// The bytes are not an SSV message. The first two texts are what the real programs answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SsvError {
    /// Shorter than the fixed part.
    #[error("incorrect size")]
    Size,
    /// The data would begin inside the fixed part.
    #[error("invalid ssz encoding. first variable element offset indexes into fixed value data")]
    VariableOffset,
    /// The data would begin behind the end.
    #[error("incorrect offset")]
    Offset,
    /// More data than an SSV message may carry.
    #[error("{0} bytes of data, at most {MAX_DATA} are allowed")]
    TooLong(usize),
}

/// A DKG message in its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsvMessage {
    /// [`SSV_DKG`] for everything in this protocol.
    pub msg_type: u64,
    /// Zero here, and ignored by receivers.
    pub msg_id: [u8; 56],
    /// JSON text of a [`super::SignedMessage`].
    pub data: Vec<u8>,
}

impl SsvMessage {
    /// Bytes before the data.
    pub const HEADER: usize = 68;

    /// Wraps the JSON text of a signed message.
    #[must_use]
    pub fn dkg(data: Vec<u8>) -> Self {
        Self {
            msg_type: SSV_DKG,
            msg_id: [0; 56],
            data,
        }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::HEADER + self.data.len());
        out.extend_from_slice(&self.msg_type.to_le_bytes());
        out.extend_from_slice(&self.msg_id);
        out.extend_from_slice(&(Self::HEADER as u32).to_le_bytes());
        out.extend_from_slice(&self.data);
        out
    }

    /// Reads the bytes on the wire. An offset behind the header is tolerated and the gap ignored.
    ///
    /// # Errors
    /// See [`SsvError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SsvError> {
        let (header, _) = bytes
            .split_first_chunk::<{ Self::HEADER }>()
            .ok_or(SsvError::Size)?;
        let (msg_type, rest) = header.split_first_chunk::<8>().ok_or(SsvError::Size)?;
        let (msg_id, offset) = rest.split_first_chunk::<56>().ok_or(SsvError::Size)?;
        let offset = offset.first_chunk::<4>().ok_or(SsvError::Size)?;
        let offset = u32::from_le_bytes(*offset) as usize;
        if offset > bytes.len() {
            return Err(SsvError::Offset);
        }
        if offset < Self::HEADER {
            return Err(SsvError::VariableOffset);
        }
        let data = &bytes[offset..];
        if data.len() > MAX_DATA {
            return Err(SsvError::TooLong(data.len()));
        }
        Ok(Self {
            msg_type: u64::from_le_bytes(*msg_type),
            msg_id: *msg_id,
            data: data.to_vec(),
        })
    }

    /// Bytes between the header and the data of what can be read. No program leaves any.
    #[must_use]
    pub fn gap(bytes: &[u8]) -> usize {
        let offset = bytes.get(Self::HEADER - 4..Self::HEADER);
        let offset = offset.and_then(|offset| offset.try_into().ok());
        let offset = offset.map_or(0, u32::from_le_bytes) as usize;
        offset.saturating_sub(Self::HEADER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_misplaced_data_have_the_texts_of_the_real_programs() {
        let good = SsvMessage::dkg(b"{}".to_vec()).encode();
        assert_eq!(SsvMessage::decode(&good).unwrap().data, b"{}");
        assert_eq!(
            SsvMessage::decode(&good[..67]).unwrap_err().to_string(),
            "incorrect size"
        );
        let at = |offset: u32| {
            let mut bytes = good.clone();
            bytes[64..68].copy_from_slice(&offset.to_le_bytes());
            SsvMessage::decode(&bytes)
        };
        assert_eq!(at(67), Err(SsvError::VariableOffset));
        assert_eq!(at(71), Err(SsvError::Offset));
        assert_eq!(at(69).unwrap().data, b"}");
        assert_eq!(at(70).unwrap().data, b"");
    }
}
