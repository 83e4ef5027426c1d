//! Who is there: `/ping` and `/version` of operators and messenger.
//!
//! | an operator | |
//! |---|---|
//! | yes | `/ping` is answered by 200 and a message |
//! | no | it is in no directory, so that there is nobody to ask; or the connection is refused at its own address, with no proxy between |
//! | not known | everything else: silence, a name without an address, a certificate, no route, our own limits, a proxy's refusal, a status, a page |
//!
//! Of the messenger nothing is ever a *no*: ceremonies wait for it. Whoever is not a *yes* keeps a ceremony from starting.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Deserialize;

use super::http::{CallError, again_if_broken, endpoint, unexpected};
use crate::http::{Endpoint, Http};
use crate::ports::{Answer, OperatorHealth, Presence};
use crate::types::{OperatorId, OperatorRecord, SafeText};

const MAX_SMALL: usize = 4 * 1024;

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
}

/// Answered by every node and messenger with `{"message":"pong"}`. The text is not compared: nothing rests on it, and a
/// page of a web server has none.
#[derive(Deserialize)]
struct Pong {
    #[serde(rename = "message")]
    _message: String,
}

/// `GET /ping` must be answered by 200 and a message; `GET /version` at the same time.
pub(crate) async fn ping(endpoint: &Endpoint) -> Result<Option<SafeText>, CallError> {
    let ask = |path| again_if_broken(move || endpoint.get(path).at_most(MAX_SMALL).send());
    let (answer, version) = tokio::join!(ask("ping"), ask("version"));
    let answer = answer?;
    if answer.status != 200 || answer.json::<Pong>().is_err() {
        return Err(unexpected(&answer));
    }
    Ok(version
        .ok()
        .filter(|answer| answer.status == 200)
        .and_then(|answer| answer.json::<Version>().ok())
        .map(|answer| SafeText::new(&answer.version)))
}

/// Asks all of `operators` in parallel.
pub(crate) async fn ask_all(
    http: &Http,
    operators: &[(OperatorId, Option<&OperatorRecord>)],
    deadline: Duration,
) -> Vec<OperatorHealth> {
    join_all(operators.iter().map(|(id, record)| async move {
        let begun = Instant::now();
        let answers = match record {
            None => Answer::no("not in the directory of operators"),
            Some(record) => {
                let (asked, is_direct) = match endpoint(http, &record.endpoint, deadline, MAX_SMALL) {
                    Ok(endpoint) => (ping(&endpoint).await, endpoint.is_direct()),
                    Err(error) => (Err(error), false),
                };
                match asked {
                    Ok(version) => Answer::Yes(Presence {
                        version,
                        latency: begun.elapsed(),
                    }),
                    Err(CallError::Refused) if is_direct => {
                        Answer::no("nobody listens at its address: connection refused")
                    }
                    Err(error) => Answer::not_known(error),
                }
            }
        };
        OperatorHealth { id: *id, answers }
    }))
    .await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::{HttpOptions, ProxyRule};
    use crate::types::RedactedUrl;

    /// A server that answers everything so, or never.
    async fn answering(answer: Option<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    match answer {
                        Some(answer) => {
                            let _ = stream.write_all(answer.as_bytes()).await;
                        }
                        None => std::future::pending().await,
                    }
                });
            }
        });
        url
    }

    /// Each path is asked on two connections that end without a word, and answered on the third.
    #[tokio::test]
    async fn connections_that_break_are_no_answer_and_another_one_is_made() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut asked: std::collections::BTreeMap<Vec<u8>, u32> = std::collections::BTreeMap::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let path = request[..length].split(|byte| *byte == b' ').nth(1).unwrap();
                let times = asked.entry(path.to_vec()).or_default();
                *times += 1;
                if *times > 2 {
                    let body = r#"{"message":"pong","version":"v7"}"#;
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        let endpoint = endpoint(&Http::direct(), &url, Duration::from_secs(60), MAX_SMALL).unwrap();
        assert_eq!(ping(&endpoint).await.unwrap(), Some(SafeText::new("v7")));
        server.abort();
    }

    #[tokio::test]
    async fn only_a_pong_is_a_yes_and_only_a_refused_connection_is_a_no() {
        const HEAD: &str = "content-type: text/plain\r\nconnection: close\r\n";
        let reply = |status: &str, body: &str| -> Option<&'static str> {
            let text = format!(
                "HTTP/1.1 {status}\r\n{HEAD}content-length: {}\r\n\r\n{body}",
                body.len()
            );
            Some(Box::leak(text.into_boxed_str()))
        };
        let ask_within = async |deadline: Duration, url: String| {
            let record = OperatorRecord {
                id: OperatorId(1),
                name: SafeText::default(),
                endpoint: url,
                public_key: "".into(),
            };
            let asked = [(OperatorId(1), Some(&record))];
            let mut health = ask_all(&Http::direct(), &asked, deadline).await;
            health.remove(0).answers
        };
        let ask = |url| ask_within(crate::TIMEOUT, url);
        let pong = answering(reply("200 OK", r#"{"message":"pong"}"#)).await;
        assert!(matches!(ask(pong).await, Answer::Yes(_)));
        for (answer, words) in [
            (None, "no answer within"),
            (reply("404 Not Found", "404 page not found"), "404"),
            (reply("500 Internal Server Error", "oops"), "500"),
            (reply("429 Too Many Requests", ""), "429"),
            (reply("200 OK", "<html>It works!</html>"), "It works!"),
            (reply("200 OK", ""), "200"),
            (Some("HTTP/1.1 20"), "connection"),
        ] {
            let deadline = answer.map_or(Duration::from_millis(500), |_| crate::TIMEOUT);
            let found = ask_within(deadline, answering(answer).await).await;
            let Answer::NotKnown(why) = &found else {
                panic!("{answer:?}: {found:?}");
            };
            assert!(why.words().as_str().contains(words), "{answer:?}: {why}");
        }
        for url in [
            "not a URL",
            "http://nobody.invalid",
            "https://127.0.0.1:1/?key=",
            "http://",
        ] {
            // whoever looks the name up may be silent
            let found = ask_within(Duration::from_secs(10), url.to_owned()).await;
            let refused = url.starts_with("https://127");
            assert!(matches!(found, Answer::No(_)) == refused, "{url}: {found:?}");
            assert!(!matches!(found, Answer::Yes(_)), "{url}: {found:?}");
        }
        // what speaks no TLS is there, and says nothing
        let plain = answering(reply("200 OK", r#"{"message":"pong"}"#)).await;
        let found = ask(plain.replace("http://", "https://")).await;
        assert!(matches!(found, Answer::NotKnown(_)), "{found:?}");
        let found = ask("http://127.0.0.1:1".to_owned()).await;
        let Answer::No(evidence) = &found else {
            panic!("{found:?}");
        };
        assert!(
            evidence.words.as_str().contains("connection refused"),
            "{evidence:?}"
        );
        let nobody = ask_all(&Http::direct(), &[(OperatorId(9), None)], Duration::from_secs(1)).await;
        assert!(
            matches!(nobody[0].answers, Answer::No(_)),
            "there is nobody to ask"
        );
    }

    /// A proxy that is away refuses for everybody behind it.
    #[tokio::test]
    async fn a_refusal_of_the_proxy_says_nothing_of_an_operator() {
        let through = Http::new(&HttpOptions {
            proxy: ProxyRule::Url(RedactedUrl::new("http://127.0.0.1:1")),
            ..HttpOptions::default()
        })
        .unwrap();
        let record = OperatorRecord {
            id: OperatorId(1),
            name: SafeText::default(),
            endpoint: "http://192.0.2.1".to_owned(),
            public_key: "".into(),
        };
        let asked = [(OperatorId(1), Some(&record))];
        let health = ask_all(&through, &asked, Duration::from_secs(5)).await;
        assert!(matches!(health[0].answers, Answer::NotKnown(_)), "{health:?}");
    }
}
