//! What a client asks, what a node says by itself, and which of it a rule is about.

use std::fmt;

use serde_json::Value;

use super::pattern::Pattern;
use super::reader::Reader;
use super::table::Table;
use crate::types::{SafeText, quoted};

/// One thing that a rule may be about.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) enum Call {
    /// One HTTP request as a whole, whatever it carries; the opening of a WebSocket too.
    Http {
        /// GET, POST.
        method: String,
        /// Without the query.
        path: String,
    },
    /// One JSON-RPC call, alone or of a batch, over HTTP or a WebSocket. What a node says to a subscriber is
    /// `eth_subscription`.
    Rpc {
        method: String,
        /// As sent.
        params: Value,
    },
    /// One event of a stream (server-sent events).
    Event { path: String, name: String },
}

impl Call {
    /// How it is counted.
    pub(in crate::devnet::proxy) fn label(&self) -> String {
        match self {
            Self::Http { method, path } => format!("{method} {path}"),
            Self::Rpc { method, .. } => method.clone(),
            Self::Event { path, name } => format!("event {name} of {path}"),
        }
    }
}

impl fmt::Display for Call {
    /// With the parameters, cut and made safe: for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 240;
        let mut text = self.label();
        if let Self::Rpc { params, .. } = self
            && !params.is_null()
        {
            let params = params.to_string();
            let cut: String = params.chars().take(SHOWN).collect();
            let more = if cut.len() < params.len() { "…" } else { "" };
            text = format!("{text} {cut}{more}");
        }
        f.write_str(SafeText::new(&text).as_str())
    }
}

/// Which calls a rule is about.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) enum Calls {
    /// Those that its fault can be done to.
    Own,
    /// HTTP requests as a whole.
    Http {
        methods: Vec<String>,
        path: Option<Pattern>,
    },
    /// JSON-RPC calls.
    Rpc {
        methods: Vec<Pattern>,
        /// JSON pointers into the parameters, and what must be there.
        params: Vec<(String, Value)>,
    },
    /// Events of a stream.
    Events {
        names: Vec<Pattern>,
        path: Option<Pattern>,
    },
}

impl Calls {
    /// Reads `method` and `params`, or `http` and `path`, or `event` and `path`.
    pub(super) fn read(r: &mut Reader<'_>, rule: &mut Table<'_>) -> Self {
        let methods = rule.texts(r, "method");
        let params = rule.table(r, "params");
        let http = rule.texts(r, "http");
        let path = rule.text(r, "path").map(Pattern::new);
        let names = rule.texts(r, "event");
        let patterns = |texts: Vec<String>| texts.into_iter().map(Pattern::new).collect::<Vec<_>>();
        let params = params.map_or_else(Vec::new, |mut params| params.all(r));
        let web = !http.is_empty() || path.is_some() || !names.is_empty();
        if web && (!methods.is_empty() || !params.is_empty()) {
            rule.wrong(
                r,
                "method",
                "is for JSON-RPC, `http`, `path` and `event` for the rest: a rule has one of them",
            );
        }
        if !params.is_empty() && methods.is_empty() {
            rule.wrong(
                r,
                "params",
                "needs `method`: parameters mean something in one method only",
            );
        }
        if !http.is_empty() && !names.is_empty() {
            rule.wrong(
                r,
                "event",
                "is about what a stream says, `http` about requests: a rule has one of them",
            );
        }
        for (pointer, _) in &params {
            if !pointer.starts_with('/') {
                rule.wrong(
                    r,
                    "params",
                    format!("{} is no JSON pointer: it begins with `/`", quoted(pointer)),
                );
            }
        }
        if !methods.is_empty() {
            Self::Rpc {
                methods: patterns(methods),
                params,
            }
        } else if !names.is_empty() {
            Self::Events {
                names: patterns(names),
                path,
            }
        } else if web {
            Self::Http { methods: http, path }
        } else {
            Self::Own
        }
    }

    /// Whether `call` is one of them; `None` leaves it to the fault.
    pub(in crate::devnet::proxy) fn matches(&self, call: &Call) -> Option<bool> {
        let any = |patterns: &[Pattern], text: &str| patterns.iter().any(|pattern| pattern.matches(text));
        let at = |path: &Option<Pattern>, text: &str| path.as_ref().is_none_or(|path| path.matches(text));
        Some(match (self, call) {
            (Self::Own, _) => return None,
            (Self::Http { methods, path }, Call::Http { method, path: asked }) => {
                (methods.is_empty() || methods.contains(method)) && at(path, asked)
            }
            (Self::Rpc { methods, params }, Call::Rpc { method, params: sent }) => {
                any(methods, method)
                    && params.iter().all(|(pointer, wanted)| {
                        sent.pointer(pointer).is_some_and(|found| same(found, wanted))
                    })
            }
            (Self::Events { names, path }, Call::Event { path: stream, name }) => {
                any(names, name) && at(path, stream)
            }
            _ => false,
        })
    }
}

/// Equal, hexadecimal digits in either case: clients write addresses with and without checksum. Digits that are wanted with a
/// `*` behind them are those that it begins with.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) if b.starts_with("0x") && b.ends_with('*') => {
            let wanted = b.trim_end_matches('*');
            let begins = a.get(..wanted.len());
            begins.is_some_and(|begins| begins.eq_ignore_ascii_case(wanted))
        }
        (Value::String(a), Value::String(b)) if a.starts_with("0x") => a.eq_ignore_ascii_case(b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a == b,
    }
}
