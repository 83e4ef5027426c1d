//! Transactions that are refused, taken in silence, or forgotten.

use casimir_dkg::chain::rpc::ServerError;
use casimir_dkg::devnet::proxy::{FaultProxy, Kind};
use casimir_dkg::tx::BroadcastHint;
use casimir_dkg::tx::classify;
use serde_json::json;

use super::{Server, call, chain, result, ruled, struck_once};

async fn lying(rule: &str) -> (Server, FaultProxy, String) {
    let server = Server::rpc(chain(9)).await;
    let proxy = ruled(Kind::Execution, &server, rule).await;
    let url = proxy.url("execution.0").unwrap();
    (server, proxy, url)
}

/// Every client, and the reasons that it has words for.
const REASONS: [(&str, &[&str]); 8] = [
    (
        "geth",
        &[
            "already-known",
            "nonce-too-low",
            "nonce-too-high",
            "replacement-underpriced",
            "underpriced",
            "below-base-fee",
            "insufficient-funds",
            "pool-full",
        ],
    ),
    (
        "reth",
        &[
            "already-known",
            "nonce-too-low",
            "replacement-underpriced",
            "underpriced",
            "insufficient-funds",
            "pool-full",
        ],
    ),
    (
        "erigon",
        &[
            "already-known",
            "nonce-too-low",
            "replacement-underpriced",
            "underpriced",
            "insufficient-funds",
            "pool-full",
        ],
    ),
    (
        "nethermind",
        &[
            "already-known",
            "nonce-too-low",
            "nonce-too-high",
            "replacement-underpriced",
            "underpriced",
            "insufficient-funds",
        ],
    ),
    (
        "besu",
        &[
            "already-known",
            "nonce-too-low",
            "nonce-too-high",
            "replacement-underpriced",
            "underpriced",
            "insufficient-funds",
        ],
    ),
    (
        "openethereum",
        &[
            "already-known",
            "nonce-too-low",
            "replacement-underpriced",
            "pool-full",
        ],
    ),
    (
        "anvil",
        &[
            "already-known",
            "nonce-too-low",
            "nonce-too-high",
            "replacement-underpriced",
            "insufficient-funds",
        ],
    ),
    (
        "hardhat",
        &[
            "already-known",
            "nonce-too-low",
            "nonce-too-high",
            "insufficient-funds",
        ],
    ),
];

#[tokio::test]
async fn every_client_refuses_in_its_own_words() {
    for (client, reasons) in REASONS {
        for reason in reasons {
            let rule = format!(
                "does = {{ fault = \"refuse-transaction\", client = \"{client}\", reason = \"{reason}\" }}"
            );
            let (server, proxy, url) = lying(&rule).await;
            let answer = call(&url, "eth_sendRawTransaction", json!(["0x02"])).await;
            assert!(server.asked().is_empty());
            struck_once(
                &proxy,
                "eth_sendRawTransaction [\"0x02\"]",
                "refused the transaction",
            );
            let error: ServerError = serde_json::from_value(answer["error"].clone()).unwrap();
            let expected = match *reason {
                "already-known" => BroadcastHint::AlreadyKnown,
                "nonce-too-low" => BroadcastHint::NonceTooLow,
                "nonce-too-high" => BroadcastHint::NonceTooHigh,
                "replacement-underpriced" => BroadcastHint::ReplacementUnderpriced,
                "underpriced" => BroadcastHint::Underpriced,
                "below-base-fee" => BroadcastHint::BelowBaseFee,
                "insufficient-funds" => BroadcastHint::InsufficientFunds,
                _ => continue,
            };
            assert_eq!(classify(&error), expected, "{client} {reason}");
        }
    }
}

#[tokio::test]
async fn a_refusal_may_be_a_lie() {
    let rule = "does = { fault = \"refuse-transaction\", reason = \"pool-full\", forward = true }";
    let (server, proxy, url) = lying(rule).await;
    let answer = call(&url, "eth_sendRawTransaction", json!(["0x02"])).await;
    assert_eq!(
        answer,
        json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32000, "message": "txpool is full"}})
    );
    assert_eq!(server.asked(), ["eth_sendRawTransaction"], "the node has it");
    struck_once(
        &proxy,
        "eth_sendRawTransaction",
        "after the node had it: txpool is full",
    );
}

#[tokio::test]
async fn a_transaction_is_taken_and_forgotten() {
    let (server, proxy, url) = lying("does = { fault = \"swallow-transaction\" }").await;
    // keccak256 of the bytes 1, 2, 3
    let hash = "0xf1885eda54b7a053318cd41e2093220dab15d65381b1157a3633a83bfd5c9239";
    assert_eq!(
        result(&url, "eth_sendRawTransaction", json!(["0x010203"])).await,
        hash
    );
    assert!(server.asked().is_empty());
    struck_once(&proxy, "eth_sendRawTransaction", hash);
}

#[tokio::test]
async fn an_answer_is_lost_on_its_way() {
    let rule = "method = \"eth_sendRawTransaction\"\ndoes = { fault = \"reset\", forward = true }";
    let (server, proxy, url) = lying(rule).await;
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "eth_sendRawTransaction", "params": ["0x02"]});
    assert!(super::client().post(&url).json(&body).send().await.is_err());
    assert_eq!(server.asked(), ["eth_sendRawTransaction"]);
    struck_once(
        &proxy,
        "eth_sendRawTransaction",
        "reset the connection after the target had the call",
    );
}
