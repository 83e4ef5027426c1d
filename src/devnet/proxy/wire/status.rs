//! An answer of the scenario's own.

use serde_json::Value;

use crate::devnet::proxy::http::Reply;
use crate::devnet::proxy::scenario::{Reader, Table};
use crate::types::quoted;

/// Status, headers and body in place of the target's.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Status {
    code: u16,
    headers: Vec<(String, String)>,
    content_type: &'static str,
    body: String,
    pub(super) forward: bool,
}

/// What a web server says that knows nothing of what it is asked: a wrong port, a captive portal, a parked domain.
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>\
    <body><h1>It works!</h1><p>The web server is running, but nothing has been set up yet.</p></body></html>\n";

impl Status {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let code = code(r, t);
        t.required(r, "code", "the HTTP status");
        let headers = headers(r, t);
        let (content_type, body) = match t.json(r, "body") {
            None => ("text/plain", String::new()),
            Some(Value::String(text)) => ("text/plain", text),
            Some(json) => ("application/json", json.to_string()),
        };
        Some(Self {
            code: code?,
            headers,
            content_type,
            body,
            forward: t.flag(r, "forward"),
        })
    }

    /// A page of HTML, by default with 200, which is what makes it dangerous.
    pub(super) fn html(r: &mut Reader<'_>, t: &mut Table<'_>) -> Self {
        Self {
            code: code(r, t).unwrap_or(200),
            headers: headers(r, t),
            content_type: "text/html",
            body: t.text(r, "page").unwrap_or_else(|| PAGE.to_owned()),
            forward: false,
        }
    }

    pub(in crate::devnet::proxy) fn reply(&self) -> Reply {
        let mut reply = Reply::new(self.code, self.content_type, self.body.as_str());
        let own_type = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if own_type {
            reply.headers.clear();
        }
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }

    pub(in crate::devnet::proxy) fn body(&self) -> &str {
        &self.body
    }

    pub(in crate::devnet::proxy) fn words(&self) -> String {
        let kind = if self.content_type == "text/html" {
            " with a page of HTML"
        } else {
            ""
        };
        let after = if self.forward {
            " after the target had the call"
        } else {
            ""
        };
        format!("answered {}{kind}{after}", self.code)
    }
}

fn code(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<u16> {
    let code = t.number(r, "code", 599)?;
    if code < 200 {
        t.wrong(r, "code", "expected a status from 200 to 599");
        return None;
    }
    u16::try_from(code).ok()
}

fn headers(r: &mut Reader<'_>, t: &mut Table<'_>) -> Vec<(String, String)> {
    let Some(mut table) = t.table(r, "headers") else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (name, value) in table.all(r) {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        // a line break would end the head
        if name.is_empty() || name.contains([':', '\r', '\n', ' ']) || value.contains(['\r', '\n']) {
            t.wrong(
                r,
                "headers",
                format!("{} is no header of one line", quoted(&name)),
            );
        } else {
            headers.push((name, value));
        }
    }
    headers
}
