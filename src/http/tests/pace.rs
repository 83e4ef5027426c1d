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
    // minutes, of which this test waits for none; up to a quarter is added
    let date = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(400));
    let seconds = || "400".to_owned();
    let forms: [(_, fn() -> String); 3] = [
        ("429 Too Many Requests", seconds),
        ("429 Too Many Requests", date),
        ("503 Service Unavailable", seconds),
    ];
    for (status, until) in forms {
        let asks = move || format!("retry-after: {}\r\n", until());
        let server = Server::start(move |_| answer(status, &asks(), "later")).await;
        let endpoint = server.paced(100);
        for _ in 0..3 {
            let error = failure(&endpoint).await;
            let HttpError::RateLimited(wait) = error else {
                panic!("{error}");
            };
            assert!(
                (Duration::from_secs(200)..=Duration::from_secs(500)).contains(&wait),
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
    let answer = endpoint.get("x").send().await.unwrap();
    answer.too_often(Some(Duration::from_secs(30)));
    assert!(matches!(failure(&endpoint).await, HttpError::RateLimited(_)));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn its_header_counts_where_its_words_do_not_say_how_long() {
    let server = Server::start(|_| answer("200 OK", "retry-after: 120\r\n", "{}")).await;
    let endpoint = server.paced(10);
    let pause = endpoint.get("x").send().await.unwrap().too_often(None);
    assert!(pause >= Duration::from_secs(120), "{pause:?}");
}

#[tokio::test]
async fn calls_that_are_refused_together_are_one_refusal() {
    let server = Server::start(|_| ok("")).await;
    let endpoint = server.paced(10);
    let calls = (0..10).map(|_| endpoint.get("x").send());
    let mut answers = futures_util::future::join_all(calls).await.into_iter();
    let mut slow_down = |asked| answers.next().unwrap().unwrap().too_often(asked);
    let first = slow_down(None);
    let together: Vec<_> = (0..8).map(|_| slow_down(None)).collect();
    assert!(
        together.iter().all(|pause| *pause <= first),
        "{first:?}, {together:?}"
    );
    assert!(
        slow_down(Some(first * 4)) >= first * 4,
        "who asks for longer is left alone for longer"
    );
}

/// Like a circuit breaker that is half open: one call tries, and the others go on when it was answered.
#[tokio::test]
async fn after_a_pause_one_call_tries_whether_the_endpoint_is_back() {
    let server = Server::start(|nth| match nth {
        0 | 1 => answer("429 Too Many Requests", "", "later"),
        _ => ok(""),
    })
    .await;
    let endpoint = server.paced(100);
    failure(&endpoint).await;
    let all = async || {
        let over = endpoint
            .paused_until()
            .map(|until| until + Duration::from_millis(1));
        tokio::time::sleep_until(over.expect("it is left alone")).await;
        futures_util::future::join_all((0..8).map(|_| endpoint.get("x").send())).await
    };
    for asked in [2, 3] {
        let refused = all().await.into_iter().filter(|answer| answer.is_err()).count();
        assert_eq!(server.heard().len(), asked, "the others do not ask");
        assert_eq!(refused, 10 - asked, "one was refused, and one answered");
    }
    for answer in futures_util::future::join_all((0..8).map(|_| endpoint.get("x").send())).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_tries_and_is_cancelled_holds_nobody_up() {
    let server = Server::start(|nth| match nth {
        0 => answer("429 Too Many Requests", "", "later"),
        // the one that tries gets no answer
        1 => Vec::new(),
        _ => ok(""),
    })
    .await;
    let endpoint = server.paced(100);
    failure(&endpoint).await;
    if let Some(until) = endpoint.paused_until() {
        tokio::time::sleep_until(until).await;
    }
    let trying = tokio::spawn(endpoint.get("x").send());
    while server.heard().len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(matches!(failure(&endpoint).await, HttpError::RateLimited(_)));
    trying.abort();
    assert!(trying.await.unwrap_err().is_cancelled());
    endpoint.get("x").send().await.unwrap();
}
