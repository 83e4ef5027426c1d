//! Each rule of the transport, against a small server that breaks it.

mod connections;
mod limits;
mod pace;
mod proxy;
mod socket;
mod tls;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Endpoint, Http, HttpError, HttpOptions, Limits};
use crate::types::RedactedUrl;

const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(10),
    size: 1 << 10,
};

/// A server that answers each request with the bytes that a script gives, and hears what is asked.
struct Server {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
    /// Connections taken.
    connections: Arc<Mutex<usize>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// `script` gets the number of the request; an empty answer means none at all, and the connection stays open.
    async fn start(script: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<Mutex<usize>>::default();
        let (hear, count) = (Arc::clone(&heard), Arc::clone(&connections));
        let script = Arc::new(script);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                tokio::spawn(talk(stream, Arc::clone(&hear), Arc::clone(&script)));
            }
        });
        Self {
            url,
            heard,
            connections,
            task,
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn endpoint(&self) -> Endpoint {
        Http::direct()
            .endpoint(&RedactedUrl::new(&self.url), LIMITS)
            .unwrap()
    }

    fn paced(&self, calls_per_second: u32) -> Endpoint {
        let rate = NonZeroU32::new(calls_per_second).unwrap();
        Http::direct()
            .paced_endpoint(&RedactedUrl::new(&self.url), LIMITS, rate)
            .unwrap()
    }
}

async fn talk(
    mut stream: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    script: Arc<impl Fn(usize) -> Vec<u8> + Send + Sync + 'static>,
) {
    while let Some(request) = request(&mut stream).await {
        let nth = {
            let mut heard = heard.lock().unwrap();
            heard.push(request);
            heard.len() - 1
        };
        let answer = script(nth);
        if answer.is_empty() {
            return std::future::pending().await;
        }
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// The head of the next request; none at the end. Bodies are not read, so tests send none.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// A whole answer with this status line, these headers and this body.
fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", "", body)
}

async fn failure(endpoint: &Endpoint) -> HttpError {
    endpoint.get("x").send().await.unwrap_err()
}
