//! Replies as the Go messenger writes them: compact JSON, keys in alphabetical or declared order, HTML characters
//! escaped, `null` where there is nothing to say.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::listen::SharedText;

/// JSON text as Go's encoder writes it: like serde_json's, with `<`, `>`, `&` and the two line separators escaped.
pub(super) fn go_json<T: Serialize + ?Sized>(value: &T) -> String {
    // our reply types are maps and structs with string keys, for which serialisation cannot fail
    let plain = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    if !plain.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return plain;
    }
    // these characters occur only within strings, where the escapes are legal
    let mut out = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// JSON text with gin's content type.
pub(super) fn json_text(status: StatusCode, text: String) -> Response {
    json_bytes(status, text.into())
}

/// JSON text that its owner keeps, and may let go of before it was taken.
pub(super) fn json_shared(status: StatusCode, text: Arc<str>) -> Response {
    struct Text(Arc<str>);

    impl AsRef<[u8]> for Text {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }

    json_bytes(status, Bytes::from_owner(Text(text)))
}

/// A long list, of whose texts there are few, shared by all who read it.
pub(super) fn list(text: Bytes) -> Response {
    let mut response = json_bytes(StatusCode::OK, text);
    response.extensions_mut().insert(SharedText);
    response
}

fn json_bytes(status: StatusCode, text: Bytes) -> Response {
    with_type(status, text, "application/json; charset=utf-8")
}

pub(super) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    json_text(status, go_json(value))
}

/// The four bytes `null`.
pub(super) fn null(status: StatusCode) -> Response {
    json_text(status, "null".to_owned())
}

/// `{"error":…,"message":…}`.
pub(super) fn error(status: StatusCode, error: &str, message: &str) -> Response {
    json(status, &ErrorBody { error, message })
}

/// No body, no content type.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// gin's reply to unknown routes and wrong methods.
pub(super) fn not_found() -> Response {
    with_type(
        StatusCode::NOT_FOUND,
        "404 page not found".to_owned(),
        "text/plain",
    )
}

/// Text in the Prometheus exposition format.
pub(super) fn prometheus(text: String) -> Response {
    with_type(StatusCode::OK, text, "text/plain; version=0.0.4; charset=utf-8")
}

fn with_type(status: StatusCode, text: impl Into<Body>, content_type: &'static str) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    message: &'a str,
}
