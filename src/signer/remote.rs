//! A signer elsewhere: web3signer, or anything that speaks `eth_signTransaction` over JSON-RPC.
//!
//! | what comes | is taken as |
//! |---|---|
//! | the signed envelope in hex, alone (web3signer, anvil) or as `raw` of an object (geth) | signed; `tx` compares it with what was asked |
//! | no connection, no whole answer in time, any HTTP status that is no success, without a JSON-RPC error in the answer | away: what was approved is held, and asked again |
//! | an answer that is no JSON-RPC: a login page, a proxy's own words | away |
//! | nobody was asked: a certificate, its key or the CA file cannot be used, perhaps while they are renewed | away |
//! | a JSON-RPC error that is of no transaction in particular: the codes of [`AT_THE_MOMENT`], or the words of [`LOCKED`] | away |
//! | any other JSON-RPC error | refused, with its words |
//! | a JSON-RPC error -32700, -32600 or -32602: it does not understand what it is asked; a result that is no signed transaction | broken |
//!
//! Whatever refuses this very transaction ends its approval; whatever keeps the signer from signing anything does not.
//!
//! | `eth_accounts` says | is taken as |
//! |---|---|
//! | a list with the account | there |
//! | a JSON-RPC error -32601: it tells nobody its accounts | there; a signature shows the rest |
//! | a list without it | *no* |
//! | anything else | not known |
//!
//! A signature whose answer is lost was made all the same. That is harmless: it is of the account's next nonce, which is
//! asked for again, and only what is in the journal leaves.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, Bytes};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::line::{Line, RemoteError};
use crate::config::RemoteKey;
use crate::http::{Endpoint, HttpError, HttpOptions};
use crate::ports::Answer;
use crate::ports::tx_signer::{HasKey, TxSigner, TxSignerError, UnsignedTransaction};
use crate::types::SafeText;

/// How long the question for its accounts may take; a signature may take longer, where a person or a device makes it.
const REACH: Duration = Duration::from_secs(10);
/// JSON-RPC 2.0, section 5.1.
const NO_SUCH_METHOD: i64 = -32601;
/// It does not understand the question: parse error, invalid request, invalid params (JSON-RPC 2.0, section 5.1).
const NOT_UNDERSTOOD: [i64; 3] = [-32700, -32600, -32602];
/// It signs nothing at the moment: no such method (another server answers in its place) and internal error of JSON-RPC 2.0,
/// section 5.1; resource unavailable and limit exceeded of EIP-1474; unauthorised and disconnected of EIP-1193.
const AT_THE_MOMENT: [i64; 7] = [NO_SUCH_METHOD, -32603, -32002, -32005, 4100, 4900, 4901];
/// Words, in small letters, of signers whose key is locked or not loaded, whatever their code: geth, clef and Besu's
/// EthSigner say so with -32000, which policies use as well.
const LOCKED: [&str; 7] = [
    "authentication needed",
    "unlock",
    "account is locked",
    "wallet is locked",
    "unknown account",
    "no key for",
    "not authenticated",
];
/// Characters of an answer that are repeated.
const REPEATED: usize = 60;

/// A signer elsewhere.
#[derive(Debug)]
pub(super) struct RemoteSigner {
    key: RemoteKey,
    line: Arc<Line>,
}

/// A JSON-RPC answer, of which one of both is there.
#[derive(Deserialize)]
struct RpcReply {
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
}

/// Why there is no result.
enum Silent {
    Away(SafeText),
    Complains { code: i64, words: SafeText },
    Broken(SafeText),
}

impl RemoteSigner {
    /// Nobody is asked yet: whoever is away is waited for. What a person has to mend is found now. Returns what should be
    /// told, too.
    pub(super) fn new(key: &RemoteKey, http: &HttpOptions) -> Result<(Self, Vec<String>), RemoteError> {
        let (line, warnings) = Line::new(key, http)?;
        let signer = Self {
            key: key.clone(),
            line: Arc::new(line),
        };
        Ok((signer, warnings))
    }

    /// By the files as they are now, which are looked at on a thread that may wait for the disk.
    async fn endpoint(&self) -> Result<Endpoint, SafeText> {
        let line = Arc::clone(&self.line);
        let endpoint = tokio::task::spawn_blocking(move || line.endpoint()).await;
        let endpoint = endpoint.map_err(|died| SafeText::new(&died.to_string()))?;
        endpoint.map_err(|error| SafeText::new(&error.to_string()))
    }

    async fn ask(&self, method: &str, params: Value, within: Duration) -> Result<Value, Silent> {
        let endpoint = self.endpoint().await.map_err(Silent::Away)?;
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let reply = endpoint.post("").json(&body).within(within).send().await;
        let away = |error: HttpError| Silent::Away(SafeText::new(&error.to_string()));
        let reply = reply.map_err(away)?;
        let told = reply.json::<Value>().ok().filter(is_json_rpc);
        let told = told.and_then(|told| serde_json::from_value::<RpcReply>(told).ok());
        // an error may come with a status that says so, too
        match (told, reply.succeeded()) {
            (Some(RpcReply { error: Some(e), .. }), _) => Err(Silent::Complains {
                code: e.code,
                words: SafeText::new(&e.message),
            }),
            (_, Err(error)) => Err(away(error)),
            (
                Some(RpcReply {
                    result: Some(value), ..
                }),
                Ok(()),
            ) => Ok(value),
            (Some(_), Ok(())) => Err(Silent::Broken("an answer without a result".into())),
            (None, Ok(())) => Err(Silent::Away(no_json_rpc(&reply.body))),
        }
    }

    /// What is said of it, with who it is.
    fn words(&self, what: impl std::fmt::Display) -> SafeText {
        SafeText::new(&format!("{}: {what}", self.key.url))
    }
}

/// Whether an answer has the form of one; anything that stands before a signer says what it likes.
fn is_json_rpc(told: &Value) -> bool {
    ["jsonrpc", "result", "error"]
        .iter()
        .any(|key| told.get(key).is_some())
}

fn no_json_rpc(body: &[u8]) -> SafeText {
    let words: String = String::from_utf8_lossy(body).chars().take(REPEATED).collect();
    SafeText::new(&format!(
        "its answer is not JSON-RPC, so another server may answer in its place: \"{}\"",
        words.trim()
    ))
}

/// A JSON-RPC error, by what it says of the transaction.
fn judged(code: i64, words: SafeText) -> TxSignerError {
    let small = words.as_str().to_lowercase();
    if NOT_UNDERSTOOD.contains(&code) {
        TxSignerError::Broken(words)
    } else if AT_THE_MOMENT.contains(&code) || LOCKED.iter().any(|known| small.contains(known)) {
        TxSignerError::Away(words)
    } else {
        TxSignerError::Refused(words)
    }
}

/// As the execution API has it (`GenericTransaction`); web3signer takes `data`, and the chain's id from its own
/// command line.
fn parameters(asked: &UnsignedTransaction) -> Value {
    json!([{
        "type": "0x2",
        "from": asked.from,
        "to": asked.to,
        "gas": format!("{:#x}", asked.gas_limit),
        "maxFeePerGas": format!("{:#x}", asked.max_fee_wei),
        "maxPriorityFeePerGas": format!("{:#x}", asked.priority_fee_wei),
        "value": format!("{:#x}", asked.value_wei),
        "data": asked.data,
        "nonce": format!("{:#x}", asked.nonce),
        "chainId": format!("{:#x}", asked.chain_id),
    }])
}

#[async_trait]
impl TxSigner for RemoteSigner {
    fn address(&self) -> Address {
        self.key.address
    }

    fn name(&self) -> SafeText {
        SafeText::new(&format!("the signer {}", self.key.url))
    }

    fn is_elsewhere(&self) -> bool {
        true
    }

    async fn reach(&self) -> Answer<HasKey> {
        let told = match self.ask("eth_accounts", json!([]), REACH).await {
            Ok(told) => told,
            Err(Silent::Complains {
                code: NO_SUCH_METHOD, ..
            }) => return Answer::Yes(HasKey::Untold),
            Err(Silent::Away(words) | Silent::Complains { words, .. } | Silent::Broken(words)) => {
                return Answer::not_known(self.words(words));
            }
        };
        match serde_json::from_value::<Vec<Address>>(told) {
            Ok(accounts) if accounts.contains(&self.key.address) => Answer::Yes(HasKey::Told),
            Ok(_) => {
                let words = self.words(format!("it has no key of {}", self.key.address));
                Answer::no(words.as_str())
            }
            Err(_) => Answer::not_known(self.words("its accounts are no list of addresses")),
        }
    }

    async fn sign(&self, transaction: &UnsignedTransaction) -> Result<Bytes, TxSignerError> {
        let told = self.ask("eth_signTransaction", parameters(transaction), self.key.timeout);
        let told = told.await.map_err(|silent| match silent {
            Silent::Away(words) => TxSignerError::Away(self.words(words)),
            Silent::Complains { code, words } => judged(code, self.words(words)),
            Silent::Broken(words) => TxSignerError::Broken(self.words(words)),
        })?;
        let raw = told.get("raw").unwrap_or(&told);
        serde_json::from_value(raw.clone())
            .map_err(|_| TxSignerError::Broken(self.words("its answer is no signed transaction")))
    }
}
