//! A stand-in for web3signer: `eth_accounts` and `eth_signTransaction` as its `eth1` mode has them, and strict about what
//! it is asked. It is no web3signer, which is a program for the Java machine that these tests cannot install.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, Bytes, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// What it signs instead.
pub(crate) type Change = fn(&mut TxEip1559);

/// What it makes of what it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    Honest,
    /// Signs something else.
    Signs(Change),
    /// Answers so, whatever is asked.
    Says(u16, &'static str),
}

/// A running stand-in.
pub(crate) struct StandIn {
    pub(crate) url: String,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

struct Inner {
    key: PrivateKeySigner,
    chain_id: u64,
    mood: Mutex<Mood>,
    signed: Mutex<usize>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    pub(crate) async fn start(key: [u8; 32], chain_id: u64) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), key, chain_id).await
    }

    pub(crate) async fn at(address: SocketAddr, key: [u8; 32], chain_id: u64) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (inner, router) = router(key, chain_id);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, task }
    }

    /// Over TLS, for those alone who show a certificate of the authority.
    pub(crate) async fn over_tls(authority: &Authority, key: [u8; 32], chain_id: u64) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
        let (inner, router) = router(key, chain_id);
        let listener = Tls {
            tcp,
            acceptor: authority.acceptor(),
        };
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, task }
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    /// How many transactions it has signed.
    pub(crate) fn signed(&self) -> usize {
        *self.inner.signed.lock().unwrap()
    }
}

fn router(key: [u8; 32], chain_id: u64) -> (Arc<Inner>, Router) {
    let inner = Arc::new(Inner {
        key: PrivateKeySigner::from_slice(&key).unwrap(),
        chain_id,
        mood: Mutex::new(Mood::Honest),
        signed: Mutex::new(0),
    });
    let router = Router::new()
        .route("/", post(answer))
        .with_state(Arc::clone(&inner));
    (inner, router)
}

async fn answer(State(inner): State<Arc<Inner>>, body: String) -> (StatusCode, String) {
    let mood = *inner.mood.lock().unwrap();
    if let Mood::Says(status, words) = mood {
        return (StatusCode::from_u16(status).unwrap(), words.to_owned());
    }
    let asked: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(asked["jsonrpc"], "2.0");
    let outcome = match asked["method"].as_str().unwrap() {
        "eth_accounts" => Ok(json!([inner.key.address()])),
        "eth_signTransaction" => inner.sign(&asked["params"], mood),
        _ => Err((-32601, "Method not found")),
    };
    let mut told = json!({ "jsonrpc": "2.0", "id": asked["id"] });
    match outcome {
        Ok(result) => told["result"] = result,
        Err((code, message)) => told["error"] = json!({ "code": code, "message": message }),
    }
    (StatusCode::OK, told.to_string())
}

impl Inner {
    fn sign(&self, params: &Value, mood: Mood) -> Result<Value, (i64, &'static str)> {
        let [of] = params.as_array().unwrap().as_slice() else {
            return Err((-32602, "Invalid params"));
        };
        let from: Address = serde_json::from_value(of["from"].clone()).unwrap();
        if from != self.key.address() {
            return Err((-32000, "Signing from is not an unlocked account"));
        }
        let mut transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: quantity(&of["nonce"]).to(),
            gas_limit: quantity(&of["gas"]).to(),
            max_fee_per_gas: quantity(&of["maxFeePerGas"]).to(),
            max_priority_fee_per_gas: quantity(&of["maxPriorityFeePerGas"]).to(),
            to: serde_json::from_value::<Address>(of["to"].clone())
                .unwrap()
                .into(),
            value: quantity(&of["value"]),
            input: serde_json::from_value::<Bytes>(of["data"].clone()).unwrap(),
            ..TxEip1559::default()
        };
        if let Mood::Signs(change) = mood {
            change(&mut transaction);
        }
        *self.signed.lock().unwrap() += 1;
        let signature = self.key.sign_hash_sync(&transaction.signature_hash()).unwrap();
        let raw = TxEnvelope::from(transaction.into_signed(signature)).encoded_2718();
        Ok(json!(Bytes::from(raw)))
    }
}

/// A QUANTITY of the JSON-RPC: hexadecimal, and no zero before the first digit.
fn quantity(value: &Value) -> U256 {
    let digits = value.as_str().unwrap().strip_prefix("0x").unwrap();
    assert!(digits == "0" || !digits.starts_with('0'), "{value}");
    U256::from_str_radix(digits, 16).unwrap()
}

/// A certificate authority of one's own.
pub(crate) struct Authority {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { ca }
    }

    /// Its own certificate, PEM.
    pub(crate) fn pem(&self) -> String {
        self.ca.pem()
    }

    /// A certificate for this name, and its private key, both PEM.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &self.ca).unwrap();
        (leaf.pem(), key.serialize_pem())
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let known = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &self.ca).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(known.build().unwrap())
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.tcp.accept().await else {
                continue;
            };
            // strangers do not get in, and the next one may be none
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
