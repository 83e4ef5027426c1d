//! Time, size, encoding, redirects, and what errors say.

use super::*;

fn within(endpoint: &Endpoint, millis: u64) -> super::super::Call {
    endpoint.get("x").within(Duration::from_millis(millis))
}

#[tokio::test]
async fn an_answer_that_does_not_begin_or_end_in_time_is_none() {
    let silent = Server::start(|_| Vec::new()).await;
    let deadline = Duration::from_secs(2);
    let error = within(&silent.endpoint(), 2_000).send().await.unwrap_err();
    assert_eq!(error, HttpError::NoAnswer(deadline));
    assert!(error.is_timeout() && !error.is_unsent());
    assert_eq!(error.to_string(), "no answer within 2 s");
    // it goes on for ever, a byte at a time
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = RedactedUrl::new(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let endpoint = Http::direct().endpoint(&url, LIMITS).unwrap();
    let error = within(&endpoint, 2_000).send().await.unwrap_err();
    assert_eq!(error, HttpError::Incomplete(deadline));
}

/// A listener whose queue is full takes no further connection, and refuses none.
#[tokio::test]
async fn a_host_that_takes_no_connection_is_told_from_one_that_does_not_answer() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        queue.push(stream);
        assert!(queue.len() < 64, "the queue has no end");
    }
    let connect = Duration::from_millis(150);
    let http = Http::with_environment(
        &HttpOptions {
            connect,
            ..HttpOptions::default()
        },
        |_| None,
    );
    let url = RedactedUrl::new(format!("http://{address}"));
    let endpoint = http.unwrap().endpoint(&url, LIMITS).unwrap();
    let error = failure(&endpoint).await;
    assert_eq!(error, HttpError::ConnectTimeout(connect));
    assert!(error.is_unsent());
    drop((listener, queue));
    // where it listened another test may by now
    let nobody = RedactedUrl::new("http://127.0.0.1:1");
    let error = failure(&Http::direct().endpoint(&nobody, LIMITS).unwrap()).await;
    assert_eq!(error, HttpError::Refused);
    assert!(error.is_unsent());
}

#[tokio::test]
async fn a_long_answer_is_not_read_to_its_end() {
    let told = Server::start(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n".to_vec()).await;
    assert_eq!(failure(&told.endpoint()).await, HttpError::TooLarge(LIMITS.size));
    let untold = Server::start(|_| {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        [head, b"800\r\n".to_vec(), vec![b'x'; 0x800], b"\r\n".to_vec()].concat()
    })
    .await;
    assert_eq!(
        failure(&untold.endpoint()).await,
        HttpError::TooLarge(LIMITS.size)
    );
    let fits = Server::start(|_| ok([b'x'; LIMITS.size])).await;
    assert_eq!(
        fits.endpoint().get("").send().await.unwrap().body.len(),
        LIMITS.size
    );
    let cut = untold.endpoint().get("x").open().await.unwrap();
    let (head, whole) = cut.read_head(100).await;
    assert_eq!((head.len(), whole), (100, Ok(())), "the rest may not matter");
}

/// It was reported as one that is too long.
#[tokio::test]
async fn an_answer_that_was_cut_off_is_told_from_one_that_is_too_long() {
    for head in [
        "content-length: 900\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n80\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = RedactedUrl::new(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            let words = format!("HTTP/1.1 200 OK\r\n{head}{{\"result\": [1, 2");
            stream.write_all(words.as_bytes()).await.unwrap();
        });
        let endpoint = Http::direct().endpoint(&url, LIMITS).unwrap();
        let words = failure(&endpoint).await.to_string();
        let cut = "the answer was cut off by the other end after 16 bytes: ";
        assert!(words.starts_with(cut), "{words}");
    }
    // whole by its length, and no whole text
    let short = Server::start(|_| ok(br#"{"result": [1, 2"#)).await;
    let reply = short.endpoint().get("").send().await.unwrap();
    let words = reply.json::<serde_json::Value>().unwrap_err().to_string();
    assert_eq!(
        words,
        "its text ends too soon, after 16 bytes: whoever made it cut it off"
    );
}

#[tokio::test]
async fn headers_count_too() {
    let long = Server::start(|_| {
        let header = format!("x-long: {}\r\n", "x".repeat(30 << 10));
        answer("200 OK", &header.repeat(3), "")
    })
    .await;
    assert!(matches!(failure(&long.endpoint()).await, HttpError::TooLarge(_)));
    let endless = Server::start(|_| {
        let header = "x: y\r\n".repeat(100_000);
        answer("200 OK", &header, "")
    })
    .await;
    assert!(matches!(
        failure(&endless.endpoint()).await,
        HttpError::Broken(_) | HttpError::TooLarge(_)
    ));
}

#[tokio::test]
async fn compressed_answers_are_neither_asked_for_nor_taken() {
    let server = Server::start(|_| answer("200 OK", "content-encoding: gzip\r\n", [0x1f, 0x8b, 8, 0])).await;
    let error = failure(&server.endpoint()).await;
    assert_eq!(error, HttpError::Encoded("gzip".into()));
    let asked = server.heard().join("").to_lowercase();
    assert!(asked.contains("accept-encoding: identity\r\n"), "{asked}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let target = Server::start(|_| ok("secret")).await;
    let location = format!("location: {}\r\n", target.url);
    let server = Server::start(move |_| answer("307 Temporary Redirect", &location, "")).await;
    let answer = server.endpoint().get("x").send().await.unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(target.heard().len(), 0);
}

#[tokio::test]
async fn a_failure_says_what_happened_and_shows_no_secret() {
    let base = |url: &str| url.replace("http://", "http://me:hunter2@") + "/v1?apikey=s3cret";
    let status = Server::start(|_| {
        answer(
            "500 Internal Server Error",
            "",
            "no\u{1b}[31m way".repeat(200).as_bytes(),
        )
    })
    .await;
    let broken = Server::start(|_| b"nonsense\r\n\r\n".to_vec()).await;
    let http = Http::direct();
    let ask = async |url: &str| {
        let endpoint = http.endpoint(
            &RedactedUrl::new(base(url)),
            Limits {
                size: 1 << 20,
                ..LIMITS
            },
        );
        let endpoint = endpoint.unwrap();
        let error = endpoint
            .get("path")
            .send()
            .await
            .and_then(super::super::Reply::ok);
        let error = error.unwrap_err();
        let shown = format!("{error} {error:?} {endpoint:?} {}", endpoint.name());
        assert!(!shown.contains("s3cret") && !shown.contains("hunter2"), "{shown}");
        error
    };
    let error = ask(&status.url).await;
    let HttpError::Status { status: 500, words } = &error else {
        panic!("{error}");
    };
    assert!(words.as_str().len() < 2_000 && !words.as_str().contains('\u{1b}'));
    assert!(error.to_string().starts_with("status 500: no"), "{error}");
    let asked = status.heard().join("");
    assert!(
        asked.starts_with("GET /v1/path?apikey=s3cret HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("authorization: Basic "), "{asked}");
    assert!(matches!(ask(&broken.url).await, HttpError::Broken(_)));
    assert_eq!(ask("http://127.0.0.1:1").await, HttpError::Refused);
    let error = ask("http://does-not-exist.invalid").await;
    assert!(matches!(error, HttpError::Unresolved(_)), "{error:?}");
    assert!(error.is_unsent());
}

#[tokio::test]
async fn a_request_that_cannot_be_put_together_is_not_sent() {
    let server = Server::start(|_| ok("")).await;
    let call = server.endpoint().get("x").header("cookie", "two\nlines");
    let error = call.send().await.unwrap_err();
    assert!(matches!(error, HttpError::Unsendable(_)) && error.is_unsent());
    assert!(!format!("{error} {error:?}").contains("two"));
    assert_eq!(server.heard().len(), 0);
}
