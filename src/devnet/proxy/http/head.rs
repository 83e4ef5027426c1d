//! The head of a request.

use super::conn::Gone;

/// A request with its whole body.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Request {
    pub(in crate::devnet::proxy) method: String,
    /// Path and query, beginning with `/`.
    pub(in crate::devnet::proxy) target: String,
    /// In order, as sent.
    pub(in crate::devnet::proxy) headers: Vec<(String, String)>,
    pub(in crate::devnet::proxy) body: Vec<u8>,
    /// The client speaks HTTP/1.1 and did not ask to close.
    pub(in crate::devnet::proxy) keep_alive: bool,
}

/// How long a body is.
pub(super) enum Length {
    Bytes(usize),
    Chunked,
}

const MAX_HEADERS: usize = 200;

impl Request {
    /// From the bytes before the empty line.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Gone> {
        let head = std::str::from_utf8(head).map_err(|_| Gone::Nonsense)?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (first.next(), first.next(), first.next(), first.next())
        else {
            return Err(Gone::Nonsense);
        };
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !word(method) || !target.starts_with('/') || !word(target) || !version.starts_with("HTTP/1.") {
            return Err(Gone::Nonsense);
        }
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or(Gone::Nonsense)?;
            if !word(name) || headers.len() == MAX_HEADERS {
                return Err(Gone::Nonsense);
            }
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut request = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: Vec::new(),
            keep_alive: false,
        };
        let connection = request.header("connection").unwrap_or_default();
        request.keep_alive = version == "HTTP/1.1" && !connection.eq_ignore_ascii_case("close");
        Ok(request)
    }

    /// The first header of this name.
    pub(in crate::devnet::proxy) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub(in crate::devnet::proxy) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// It asks for a WebSocket.
    pub(in crate::devnet::proxy) fn wants_socket(&self) -> bool {
        self.header("upgrade")
            .is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
    }

    pub(super) fn expects_continue(&self) -> bool {
        self.header("expect")
            .is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue"))
    }

    pub(super) fn length(&self) -> Result<Length, Gone> {
        if let Some(coding) = self.header("transfer-encoding") {
            return if coding.eq_ignore_ascii_case("chunked") {
                Ok(Length::Chunked)
            } else {
                Err(Gone::Nonsense)
            };
        }
        match self.header("content-length") {
            None => Ok(Length::Bytes(0)),
            Some(length) => length.parse().map(Length::Bytes).map_err(|_| Gone::Nonsense),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_or_refused() {
        let request = Request::parse(b"POST /v3/key?x=1 HTTP/1.1\r\nHost: a\r\nContent-LENGTH:  7").unwrap();
        assert_eq!((request.method.as_str(), request.path()), ("POST", "/v3/key"));
        assert_eq!(request.header("content-length"), Some("7"));
        assert!(request.keep_alive && !request.wants_socket());
        let close = Request::parse(b"GET / HTTP/1.1\r\nConnection: Close").unwrap();
        assert!(!close.keep_alive);
        assert!(!Request::parse(b"GET / HTTP/1.0").unwrap().keep_alive);
        for bad in [
            &b""[..],
            b"GET /",
            b"GET  / HTTP/1.1",
            b"GET http://elsewhere/ HTTP/1.1",
            b"GET / HTTP/2",
            b"GET / HTTP/1.1\r\nno colon",
            b"GET / HTTP/1.1\r\nsp ace: x",
            b"\xff / HTTP/1.1",
        ] {
            assert!(Request::parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
