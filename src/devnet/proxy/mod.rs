//! The fault proxy: it stands before an execution node, a beacon node, a messenger, the SSV API, an operator, any
//! number of each, and misbehaves as it is told. For tests, and for whoever shows the demo.
//!
//! ```text
//!            oracle                      one process, loopback only
//!   rpc[0] ──────────▶ execution.0 ─┐
//!   rpc[1] ──────────▶ execution.1 ─┴─▶ node       two listeners before one node: one may lie, the other not
//!   beacon ──────────▶ beacon.0 ──────▶ node
//!   messenger ───────▶ messenger.0 ───▶ messenger
//! ```
//!
//! A [`FaultProxy`] is a handle: it loads scenarios, switches them and single rules on and off, pulls levers, counts
//! calls and strikes, and keeps a log of what was said instead, and to which call. There is no way to reach it over
//! the network. It forwards to this machine and nowhere else, and ends when the handle is dropped. Every buffer,
//! table, wait and number of connections has a bound.
//!
//! # Scenarios
//!
//! One scenario is one TOML file; it is called like the file. Nothing in it is in force before it is switched on.
//!
//! ```toml
//! about = "One endpoint says `txpool is full` to the first 3 transactions"
//!
//! [[rule]]
//! name = "full"                       # switched, counted and logged by it
//! at = "execution.0"                  # a kind, the nth of a kind from 0, or a target's name; or a list of them
//! method = "eth_sendRawTransaction"   # which calls
//! when = { times = 3 }                # and when; always, where it is left out
//! does = { fault = "refuse-transaction", client = "geth", reason = "pool-full" }
//! ```
//!
//! Kinds are `execution`, `beacon`, `messenger`, `ssv-api` and `operator`. In every string `${name}` stands for a
//! variable that is given when the file is loaded, such as the address of a contract. A file that says something that
//! is not understood is refused as a whole: every mistake is told with its file, line and key.
//!
//! ## How it ends
//!
//! A scenario may say what whoever watches must see of it. The tests hold the program to it, and whoever shows the demo
//! points at it.
//!
//! ```toml
//! [ends]
//! says = ["execution.0 … is contradicted"]      # on the screen, and on a line of `headless`
//! shows = ["key-unknown-to-beacon unknown"]     # on the screen, where one looks it up
//! ```
//!
//! `…` stands for anything within the line, and the name of a target for the address at which the proxy stands before it
//! ([`FaultProxy::in_addresses`]).
//!
//! ## Which calls
//!
//! | keys | what they choose |
//! |---|---|
//! | `method`, `params` | JSON-RPC calls, alone or in a batch, over HTTP or the WebSocket. Names may hold `*`; `params` is a table of JSON pointers into the parameters and what must be there; of `"0x6ee76d67*"` what it begins with. What a node tells a subscriber is `eth_subscription` |
//! | `http`, `path` | HTTP requests as a whole: methods, and a path without its query, where `*` stands for anything within a segment and `**` for anything. The opening of a WebSocket is a GET |
//! | `event`, `path` | single events of a stream by their names, which may hold `*` |
//! | none of them | what the fault can be done to: every HTTP request for a fault of the wire, the methods or paths that matter for a lie |
//!
//! A fault of the wire that strikes one call of a batch strikes the whole answer; a lie changes that call's answer only.
//! A rule without `method` that hangs or resets calls silences or cuts connections that stand because of such a call,
//! too: event streams and WebSockets.
//!
//! ## When
//!
//! All that is said must hold. Calls are counted from 1 when the rule is switched on, while its time and levers hold.
//!
//! | key | meaning |
//! |---|---|
//! | `from_call` | from this call on |
//! | `every` | of these every nth |
//! | `times` | until it has struck so often; a lie that found nothing to change has not struck |
//! | `after`, `lasts` | from this time after it was switched on, for this time: `"250 ms"`, `"2 s"`, `"5 min"` |
//! | `chance`, `seed` | with this probability, the same course for the same seed |
//! | `from_lever`, `to_lever` | from when one lever is pulled until another is |
//!
//! ## Faults of the wire
//!
//! | `fault` | keys, and what happens |
//! |---|---|
//! | `delay` | `time`: the call waits first. Several add up |
//! | `hang` | no answer, until the client gives up; `forward = true`: the target gets the call. An event is lost |
//! | `reset` | the connection is reset; `forward = true`: the target gets the call, and its answer is lost |
//! | `half` | the true answer, cut in the middle or after `bytes` |
//! | `slow` | the true answer, `bytes_per_second` (1) |
//! | `headers` | the true answer behind `count` (10000) headers of `bytes` (32) each |
//! | `status` | `code`, `headers`, `body` (text, or a table or list as JSON), `forward` |
//! | `html` | `code` (200), `headers`, `page`: what a web server says that knows nothing |
//! | `rate-limit` | 429 beyond `calls` in the time `per` (1 s), with `retry_after` in seconds if it is given |
//! | `redirect` | `code` (307): to this very target, without end |
//! | `huge` | a JSON string of `bytes` (256 MiB) |
//! | `bomb` | gzip that grows to `bytes` (1 GiB) of zeros |
//! | `deep` | JSON lists `depth` (100000) deep |
//! | `not-utf8` | a JSON string that is no UTF-8 and steers terminals |
//!
//! ## Lies
//!
//! | `fault` | keys, and what is said |
//! |---|---|
//! | `rewrite` | `set`, a table of JSON pointers into the whole answer and new values, and `remove`, a list of pointers; a segment `*` means every entry |
//! | `answer` | `result`, `null = true` or `error = { code, message, data }` in place of the node's; `forward` |
//! | `add-log` | a log with `address`, `topics`, `data` in a `block` (`"newest"` of the first question that it answers, `"oldest"`, or a number), `transaction`, `log_index`; it is told to whoever asks for such logs. `thorough = true`: receipts, transactions and the bloom filter say the same |
//! | `drop-log` | logs with this `address`, `topics`, `data` are left out, of `eth_getLogs`, receipts and subscriptions |
//! | `alter-log` | the same chosen, with `set`, pointers into the log |
//! | `repeat-log` | the same chosen, told twice |
//! | `chain-id` | `id` |
//! | `genesis` | another first block, or another root of the first validators: `root` |
//! | `syncing` | the node says that it is `behind` (1000) blocks or slots |
//! | `optimistic` | the beacon node says that its head is not verified |
//! | `clock` | timestamps are off by `shift` (`"+25 h"`), or fall into a `year` |
//! | `head` | it lags `behind` blocks, `stands = true`, or is claimed to be `ahead`. Everything else fits it. Logs `beyond` it: `"error"`, `"clip"` or `"empty"` |
//! | `head-final` | the newest block is called final |
//! | `range-limit` | `eth_getLogs` of more than `blocks`, or with more than `results`, is refused in the `words` of `drpc`, `infura`, `alchemy`, `alchemy-free`, `quicknode`, `ankr`, `blockpi`, `publicnode`, `reth`, `geth` or `too-often` (status 429) |
//! | `refuse-transaction` | `client` (`geth`, `reth`, `erigon`, `nethermind`, `besu`, `openethereum`, `anvil`, `hardhat`) and `reason` (`already-known`, `nonce-too-low`, `nonce-too-high`, `replacement-underpriced`, `underpriced`, `below-base-fee`, `insufficient-funds`, `pool-full`); `forward = true`: the node has it all the same |
//! | `swallow-transaction` | the node says that it took the transaction, and forgets it |
//!
//! In `topics` and lists of `data` an event's signature (`"PoolExited(uint32)"`) is hashed, numbers and addresses
//! become words of 32 bytes, and, where logs are chosen, `"*"` stands for any.

mod board;
mod desk;
mod error;
mod event;
mod exchange;
mod handle;
mod http;
mod lies;
mod listen;
mod rpc;
mod scenario;
mod socket;
mod stream;
mod target;
mod wire;

pub use board::{CallCount, Entry};
pub use error::ProxyError;
pub use handle::{FaultProxy, RuleView, ScenarioView, Switch};
pub(in crate::devnet) use scenario::nearest;
pub use scenario::{Ends, Scenario, Variables, on_the_screen, shipped};
pub use target::{Kind, Target};
