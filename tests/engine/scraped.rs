//! Numbers of an oracle that works: whatever the dashboard draws of it has samples, with the labels that it names.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::binary::Binary;
use super::seats::{configure, ready, sit_down, until};
use super::support::{Ground, with_beacon};
use crate::TIMEOUT;
use crate::scrape::{Labels, RUNNING, labels, named, targets};

fn scrape(at: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// What the dashboard draws of the oracle and a scrape lacks.
fn lacking(scrape: &str) -> Vec<String> {
    let mut labelled = Labels::new();
    labels(scrape, &mut labelled);
    let mut lacking = Vec::new();
    let mut drawn = 0;
    for target in targets() {
        let metrics = named(&target.expression);
        let of_oracle = metrics
            .iter()
            .filter(|metric| metric.starts_with("casimir_oracle_"));
        for metric in of_oracle {
            drawn += 1;
            let is_there = scrape.lines().any(|line| {
                let rest = line.strip_prefix(metric);
                rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            if !is_there {
                lacking.push((*metric).to_owned());
            }
            let names = |label: &&String| labelled.get(*metric).is_some_and(|of| of.contains_key(*label));
            let missing = target.legend.iter().filter(|label| !names(label));
            lacking.extend(missing.map(|label| format!("{metric}{{{label}}}")));
        }
    }
    assert!(drawn > 20 && RUNNING.len() > 2);
    lacking
}

#[tokio::test]
async fn whatever_the_dashboard_draws_has_samples_while_an_oracle_works() {
    let ground = Ground::start(with_beacon()).await;
    configure(
        &ground,
        "[[notices.to]]\nname = \"somebody\"\ncommand = [\"true\"]\n",
    );
    let variables = [("CASIMIR_DKG_METRICS_LISTEN", "127.0.0.1:0")];
    let mut engine = Binary::start_supervised_with(&ground, &variables);
    engine.says("account-seen", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let looks = sit_down(&ground).await;
    until(&looks.handle, "a keygen that waits", |s| ready(s, "keygen")).await;
    let said = engine.said();
    let line = said
        .iter()
        .find(|line| line.contains("answers /metrics"))
        .unwrap();
    let at = &line[line.find("127.0.0.1:").unwrap()..];
    let at: String = at
        .chars()
        .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
        .collect();

    let begun = Instant::now();
    loop {
        let scrape = scrape(&at);
        let lacking = lacking(&scrape);
        if lacking.is_empty() {
            break;
        }
        assert!(begun.elapsed() < TIMEOUT, "{lacking:?}:\n{scrape}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(looks);
    drop(engine);
    ground.end().await;
}
