//! HTTP towards everybody outside: one client below all adapters, so that one set of rules holds for each of them.
//!
//! | What | Rule |
//! |---|---|
//! | Time | Every call has a deadline from connecting to its last byte; a connection, its TLS handshake included, has one of its own. |
//! | Size | Headers and body are bounded, and counted while they are read. |
//! | Encoding | Compressed answers are neither asked for nor taken, so that a small one cannot become a large one. |
//! | Redirects | Never followed: they could lead credentials and calls elsewhere. |
//! | Proxy | [`ProxyRule`]; never for a loopback address. |
//! | Trust | The system's CA certificates and those of `http.ca_file`. Where the system has none, plain HTTP works all the same. |
//! | Connections | Kept open and shared by all adapters. |
//! | Pace | An endpoint with a budget ([`Http::paced_endpoint`]) is asked so many times a second, and not while it asks to be left alone. |
//! | WebSockets | [`Socket`]: opened by the same client, so by the same proxy and trust; a deadline for its handshake and for each message, and a longest message. |
//! | URLs | [`join`] appends a path for everybody; a query of the base stays one. |
//! | Errors | [`HttpError`] says what happened, and never shows a URL. |

mod budget;
mod call;
mod client;
mod endpoint;
mod error;
mod response;
mod retry_after;
mod socket;
#[cfg(test)]
mod tests;
mod url;

pub use budget::MAX_PAUSE;
pub use call::{Call, Reply};
pub use client::{AddressRule, Http, HttpOptions, HttpSetupError, ProxyRule};
pub use endpoint::{Endpoint, Limits, named_apart};
pub use error::{HttpError, NotJson};
pub use response::Response;
pub use socket::Socket;
pub use url::{BadUrl, join, parse};
