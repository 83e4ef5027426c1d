//! Connections that are kept, and answers that never end.

use super::*;

#[tokio::test]
async fn connections_are_kept_and_shared_by_endpoints_of_one_host() {
    let server = Server::start(|_| ok("here")).await;
    let http = Http::direct();
    for path in ["a", "b", "c"] {
        // each adapter has an endpoint of its own
        let url = RedactedUrl::new(format!("{}/{path}", server.url));
        let endpoint = http.endpoint(&url, LIMITS).unwrap();
        assert_eq!(endpoint.get("x").send().await.unwrap().body, b"here");
    }
    assert_eq!(*server.connections.lock().unwrap(), 1);
    assert_eq!(server.heard().len(), 3);
}

#[tokio::test]
async fn a_stream_lasts_as_long_as_something_comes() {
    // the whole takes longer than one silence may, and a piece much less
    const SILENCE: Duration = Duration::from_secs(5);
    const PIECE: Duration = Duration::from_millis(1_500);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = RedactedUrl::new(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        for _ in 0..4 {
            tokio::time::sleep(PIECE).await;
            stream.write_all(b"3\r\nabc\r\n").await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    let endpoint = Http::direct().endpoint(&url, LIMITS).unwrap();
    let mut stream = endpoint.get("events").stream(SILENCE).await.unwrap();
    let mut heard = Vec::new();
    let error = loop {
        match stream.chunk().await {
            Ok(chunk) => heard.extend_from_slice(&chunk.unwrap()),
            Err(error) => break error,
        }
    };
    assert_eq!(heard, b"abcabcabcabc");
    assert_eq!(error, HttpError::NoAnswer(SILENCE));
}

#[tokio::test]
async fn a_stream_that_is_refused_says_why() {
    let server = Server::start(|_| answer("400 Bad Request", "", "no such topic")).await;
    let stream = server.endpoint().get("events").stream(Duration::from_secs(5));
    let error = stream.await.unwrap_err();
    assert_eq!(error.to_string(), "status 400: no such topic");
}
