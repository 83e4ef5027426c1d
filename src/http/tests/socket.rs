//! A WebSocket keeps the rules of every call: whom it trusts, who stands between, how long it waits and how much it reads.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::super::{ProxyRule, Socket};
use super::tls::{tls, trusting};
use super::*;

async fn open(http: &Http, url: &str) -> Result<Socket, HttpError> {
    http.socket(&RedactedUrl::new(url), LIMITS).await
}

/// Repeats what it hears; says something long, or nothing, when it is asked to.
async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
    let mut socket = accept_async(stream).await.ok()?;
    while let Some(Ok(heard)) = socket.next().await {
        let Message::Text(text) = heard else { continue };
        let answer = match text.as_str() {
            "long" => Message::text("x".repeat(LIMITS.size + 1)),
            "ping" => Message::Ping("x".into()),
            "close" => Message::Close(None),
            _ => Message::Text(text),
        };
        socket.send(answer).await.ok()?;
    }
    Some(())
}

/// What `serve` makes of each connection, and where.
async fn listening<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = Option<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    format!("{address}")
}

async fn says(socket: &mut Socket, text: &str) -> String {
    socket.send(text).await.unwrap();
    let said = socket.next(LIMITS.deadline).await.unwrap();
    String::from_utf8(said.to_vec()).unwrap()
}

#[tokio::test]
async fn messages_go_both_ways_within_limits() {
    let url = format!("ws://{}", listening(echo).await);
    let mut socket = open(&Http::direct(), &url).await.unwrap();
    assert_eq!(says(&mut socket, "hello").await, "hello");
    // a ping is answered, and says nothing
    socket.send("ping").await.unwrap();
    let silence = Duration::from_millis(100);
    assert_eq!(socket.next(silence).await, Err(HttpError::NoAnswer(silence)));
    assert_eq!(says(&mut socket, "still there").await, "still there");
    socket.send("long").await.unwrap();
    let long = socket.next(LIMITS.deadline).await;
    assert_eq!(long, Err(HttpError::TooLarge(LIMITS.size)));
    let mut socket = open(&Http::direct(), &url).await.unwrap();
    socket.send("close").await.unwrap();
    let closed = socket.next(LIMITS.deadline).await.unwrap_err();
    assert!(matches!(closed, HttpError::Broken(_)), "{closed:?}");
}

#[tokio::test]
async fn who_opens_no_socket_says_why_and_shows_no_secret() {
    let http = Http::direct();
    let web = Server::start(|_| answer("403 Forbidden", "", "no sockets here")).await;
    let url = |server: &Server| server.url.replace("http", "ws") + "/SECRET";
    let refused = open(&http, &url(&web)).await.unwrap_err();
    assert_eq!(refused.to_string(), "status 403: no sockets here");
    // an answer that was made for another one's key
    let headers =
        "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let cached = Server::start(move |_| answer("101 Switching Protocols", headers, "")).await;
    let refused = open(&http, &url(&cached)).await.unwrap_err();
    assert!(refused.to_string().contains("not a WebSocket's"), "{refused}");
    let deaf = Server::start(|_| Vec::new()).await;
    let limits = Limits {
        deadline: Duration::from_millis(100),
        ..LIMITS
    };
    let late = http
        .socket(&RedactedUrl::new(url(&deaf)), limits)
        .await
        .unwrap_err();
    assert_eq!(late, HttpError::NoAnswer(limits.deadline));
    for bad in ["http://h/SECRET", "SECRET", "ws://"] {
        let bad = open(&http, bad).await.unwrap_err();
        assert!(bad.is_unsent() && !bad.to_string().contains("SECRET"), "{bad}");
    }
}

#[tokio::test]
async fn a_ca_of_ones_own_is_trusted_by_sockets_too() {
    let (ca, acceptor) = tls(&["localhost"]);
    let serve = move |stream| {
        let acceptor = acceptor.clone();
        async move { echo(acceptor.accept(stream).await.ok()?).await }
    };
    let port = listening(serve).await.replace("127.0.0.1:", "");
    let url = format!("wss://localhost:{port}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca).unwrap();
    let http = Http::new(&trusting(Some(&file))).unwrap();
    let mut socket = open(&http, &url).await.unwrap();
    assert_eq!(says(&mut socket, "in private").await, "in private");
    let stranger = Http::new(&trusting(None)).unwrap();
    let error = open(&stranger, &url).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls(_)), "{error:?}");
}

/// A proxy that knows one way to the far end, and what is asked of it.
async fn proxy(acceptor: tokio_rustls::TlsAcceptor) -> (String, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let hear = Arc::clone(&heard);
    let serve = move |mut stream: TcpStream| {
        let (acceptor, hear) = (acceptor.clone(), Arc::clone(&hear));
        async move {
            let head = request(&mut stream).await?;
            hear.lock().unwrap().push(head.lines().next()?.to_owned());
            let tunnels = head.starts_with("CONNECT ");
            let answer = match tunnels {
                true => b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
                false => answer("405 Method Not Allowed", "", "only tunnels"),
            };
            stream.write_all(&answer).await.ok()?;
            echo(acceptor.accept(stream).await.ok()?).await
        }
    };
    (format!("http://{}", listening(serve).await), heard)
}

#[tokio::test]
async fn the_proxy_stands_before_sockets_too() {
    let (ca, acceptor) = tls(&["far.example"]);
    let (url, heard) = proxy(acceptor).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca).unwrap();
    let by_proxy = HttpOptions {
        proxy: ProxyRule::Url(RedactedUrl::new(url)),
        ..trusting(Some(&file))
    };
    let http = Http::with_environment(&by_proxy, |_| None).unwrap();
    let mut socket = open(&http, "wss://far.example/x").await.unwrap();
    assert_eq!(says(&mut socket, "far away").await, "far away");
    // one that lets nothing through but tunnels is named by its answer
    let refused = open(&http, "ws://far.example/x").await.unwrap_err();
    assert_eq!(refused.to_string(), "status 405: only tunnels");
    assert_eq!(
        *heard.lock().unwrap(),
        [
            "CONNECT far.example:443 HTTP/1.1",
            "GET http://far.example/x HTTP/1.1"
        ]
    );
    // and this machine is never asked for by it
    let local = format!("ws://{}", listening(echo).await);
    let mut socket = open(&http, &local).await.unwrap();
    assert_eq!(says(&mut socket, "near").await, "near");
    assert_eq!(heard.lock().unwrap().len(), 2);
}
