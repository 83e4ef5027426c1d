//! The budget of calls, and endpoints that ask to be left alone.

use std::time::{Instant, SystemTime};

use super::*;

#[tokio::test]
async fn calls_beyond_the_budget_wait_for_their_turn() {
    let server = Server::start(|_| ok("")).await;
    let endpoint = server.paced(20);
    let begun = Instant::now();
    let calls = (0..30).map(|_| endpoint.get("x").send());
    for answer in futures_util::future::join_all(calls).await {
        answer.unwrap();
    }
    // 20 at once, 10 more at 20 a second
    assert!(
        begun.elapsed() >= Duration::from_millis(450),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(server.heard().len(), 30);
    // whoever would wait longer than his deadline is told so, and nothing is sent
    let calls = (0..30).map(|_| endpoint.get("x").within(Duration::from_millis(100)).send());
    let answers = futures_util::future::join_all(calls).await;
    let over = answers
        .iter()
        .filter(|answer| matches!(answer, Err(error @ HttpError::OverBudget(_)) if error.is_unsent()));
    let over = over.count();
    assert!(over > 0);
    assert_eq!(server.heard().len(), 60 - over);
}

#[tokio::test]
async fn an_endpoint_that_asks_to_wait_is_left_alone_in_both_forms() {
    let in_two_seconds = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
    for (status, asks) in [
        ("429 Too Many Requests", "retry-after: 2\r\n".to_owned()),
        (
            "429 Too Many Requests",
            format!("retry-after: {in_two_seconds}\r\n"),
        ),
        ("503 Service Unavailable", "retry-after: 2\r\n".to_owned()),
    ] {
        let server = Server::start(move |_| answer(status, &asks, "later")).await;
        let endpoint = server.paced(100);
        for _ in 0..3 {
            let error = failure(&endpoint).await;
            let HttpError::RateLimited(wait) = error else {
                panic!("{error}");
            };
            assert!(
                (Duration::from_millis(1_000)..Duration::from_secs(4)).contains(&wait),
                "{status}: {wait:?}"
            );
        }
        assert_eq!(server.heard().len(), 1, "{status}: it is left alone");
        assert!(endpoint.paused_until().is_some());
    }
}

#[tokio::test]
async fn without_a_budget_a_status_is_an_answer() {
    let server = Server::start(|_| answer("429 Too Many Requests", "retry-after: 60\r\n", "later")).await;
    let endpoint = server.endpoint();
    for _ in 0..2 {
        assert_eq!(endpoint.get("x").send().await.unwrap().status, 429);
    }
    // and a paced endpoint that is merely down does not ask for anything
    let down = Server::start(|_| answer("503 Service Unavailable", "", "")).await;
    assert_eq!(down.paced(10).get("x").send().await.unwrap().status, 503);
}

#[tokio::test]
async fn what_an_endpoint_says_in_its_own_words_counts_too() {
    let server = Server::start(|_| ok("")).await;
    let endpoint = server.paced(10);
    endpoint.get("x").send().await.unwrap();
    endpoint.slow_down(Some(Duration::from_secs(30)));
    assert!(matches!(failure(&endpoint).await, HttpError::RateLimited(_)));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn calls_that_are_refused_together_are_one_refusal() {
    let endpoint = Server::start(|_| ok("")).await.paced(10);
    let first = endpoint.slow_down(None);
    let together: Vec<_> = (0..8).map(|_| endpoint.slow_down(None)).collect();
    assert!(
        together.iter().all(|pause| *pause <= first),
        "{first:?}, {together:?}"
    );
    assert!(
        endpoint.slow_down(Some(first * 4)) >= first * 4,
        "who asks for longer is left alone for longer"
    );
}
