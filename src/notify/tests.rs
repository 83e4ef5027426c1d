//! What receivers get, and receivers that hang, refuse, redirect and come back.

use std::io::Write as _;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use serde_json::Value;
use tokio::sync::mpsc;

use super::*;
use crate::config::UrlSource;
use crate::http::Limits;
use crate::ports::notifier::{About, Notice, NoticeKind, NoticePhase, NotifyError, Severity};
use crate::types::{RedactedUrl, UnixMillis};

/// What a receiver was sent.
struct Sent {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Sent {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone)]
struct Script {
    statuses: Arc<std::sync::Mutex<Vec<u16>>>,
    sent: mpsc::UnboundedSender<Sent>,
}

/// A server that answers with these statuses, then 200. 0 hangs for good.
async fn server(statuses: &[u16]) -> (String, mpsc::UnboundedReceiver<Sent>) {
    let (sent, sends) = mpsc::unbounded_channel();
    let mut statuses = statuses.to_vec();
    statuses.reverse();
    let script = Script {
        statuses: Arc::new(std::sync::Mutex::new(statuses)),
        sent,
    };
    let answer = async |State(script): State<Script>, uri: Uri, headers: HeaderMap, body: Bytes| {
        let path = uri.to_string();
        let _ = script.sent.send(Sent { path, headers, body });
        let status = script.statuses.lock().unwrap().pop().unwrap_or(200);
        if status == 0 {
            std::future::pending::<()>().await;
        }
        let status = StatusCode::from_u16(status).unwrap();
        (status, [(header::LOCATION, "/elsewhere")], "said so").into_response()
    };
    let router = Router::new().fallback(answer).with_state(script);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, sends)
}

fn notice() -> Notice {
    Notice {
        kind: NoticeKind::ApprovalWaiting,
        phase: NoticePhase::Begun,
        severity: Severity::Warning,
        sentence: "deposit/7#2 (send <32> ETH & more): waits for a decision".into(),
        advice: "look at it, then approve or reject it".into(),
        about: About {
            case: Some("deposit/7".parse().unwrap()),
            action: Some("deposit/7#2".parse().unwrap()),
            ..About::default()
        },
        since: UnixMillis(1_700_000_000_000),
        at: UnixMillis(1_700_000_060_000),
        reason: Some("decision".to_owned()),
        due: None,
    }
}

fn over() -> Notice {
    Notice {
        phase: NoticePhase::Over,
        at: UnixMillis(1_700_000_120_000),
        ..notice()
    }
}

const SOURCE: &str = "casimir-dkg on hoodi";

fn opened(receiver: Receiver) -> Arc<dyn Notifier> {
    let to = NoticesTo {
        name: "duty".to_owned(),
        receiver,
        least: Severity::Info,
        kinds: Vec::new(),
    };
    open(&to, &Http::direct(), &SOURCE.into()).unwrap()
}

fn secret(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{text}").unwrap();
    file
}

fn url(text: &str) -> UrlSource {
    UrlSource::Url(RedactedUrl::new(text))
}

#[tokio::test]
async fn a_webhook_is_signed_over_its_timestamp_and_body() {
    let (at, mut sends) = server(&[]).await;
    let key = secret("the key");
    let webhook = opened(Receiver::Webhook {
        to: url(&format!("{at}/hook?token=hidden")),
        key_file: Some(key.path().to_owned()),
    });
    assert!(!webhook.name().as_str().contains("hidden"), "{}", webhook.name());
    webhook.notify(&notice()).await.unwrap();
    let sent = sends.recv().await.unwrap();
    assert_eq!(sent.path, "/hook?token=hidden");
    let header = |name: &str| sent.headers[name].to_str().unwrap().to_owned();
    let (timestamp, signature) = (header(TIMESTAMP), header(SIGNATURE));
    // RFC 2104 by hand, so that it is not the code that signs which says so
    let mut block = [0u8; 64];
    block[..7].copy_from_slice(b"the key");
    let sha = |parts: &[&[u8]]| {
        use sha2::{Digest as _, Sha256};
        parts
            .iter()
            .fold(Sha256::new(), |hash, part| hash.chain_update(part))
            .finalize()
    };
    let (inner, outer) = (block.map(|byte| byte ^ 0x36), block.map(|byte| byte ^ 0x5c));
    let inner = sha(&[&inner, timestamp.as_bytes(), b".", &sent.body]);
    assert_eq!(
        signature,
        format!("sha256={}", hex::encode(sha(&[&outer, &inner])))
    );
    let told = sent.json();
    assert_eq!(
        (&told["v"], &told["kind"]),
        (&1.into(), &"approval-waiting".into())
    );
    assert_eq!(told["source"], SOURCE);
    assert_eq!(told["matter"], "approval-waiting decision deposit/7 deposit/7#2");
    assert_eq!(told["about"]["action"], "deposit/7#2");
}

fn webhook(at: &str, pauses: &[Duration]) -> webhook::Webhook {
    let post = post::Post::new(&Http::direct(), &RedactedUrl::new(at)).unwrap();
    webhook::Webhook::new(post.with_pauses(pauses), None, SOURCE.into())
}

const AT_ONCE: [Duration; 3] = [Duration::ZERO; 3];

#[tokio::test]
async fn who_is_away_is_tried_again_and_who_refuses_is_not() {
    let (at, mut sends) = server(&[503, 429, 500]).await;
    webhook(&at, &AT_ONCE).notify(&notice()).await.unwrap();
    assert_eq!(drain(&mut sends), 4);

    let (at, mut sends) = server(&[500; 9]).await;
    let error = webhook(&at, &AT_ONCE).notify(&notice()).await.unwrap_err();
    assert!(
        matches!(&error, NotifyError::Away(words) if words.as_str().contains("said so")),
        "{error}"
    );
    assert_eq!(drain(&mut sends), 4);

    let (at, mut sends) = server(&[403]).await;
    let error = webhook(&at, &AT_ONCE).notify(&notice()).await.unwrap_err();
    assert!(matches!(error, NotifyError::Refused(_)), "{error}");
    assert_eq!(drain(&mut sends), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let (at, mut sends) = server(&[status]).await;
        let error = webhook(&at, &AT_ONCE).notify(&notice()).await.unwrap_err();
        let words = format!("the notice was refused: status {status}: redirects are not followed");
        assert_eq!(error.to_string(), words);
        assert_eq!(drain(&mut sends), 1, "nobody was asked elsewhere");
    }
}

/// Each attempt ends by itself, and so does the last.
#[tokio::test]
async fn a_webhook_that_hangs_is_away_and_not_waited_for() {
    let (at, mut sends) = server(&[0; 9]).await;
    let answer = Limits {
        deadline: Duration::from_millis(500),
        size: 1 << 10,
    };
    let post = post::Post::within(&Http::direct(), &RedactedUrl::new(&at), answer).unwrap();
    let webhook = webhook::Webhook::new(post.with_pauses(&AT_ONCE), None, SOURCE.into());
    let error = webhook.notify(&notice()).await.unwrap_err();
    assert!(matches!(error, NotifyError::Away(_)), "{error}");
    assert!((1..=4).contains(&drain(&mut sends)), "it was asked");
}

#[tokio::test]
async fn whoever_tries_it_out_is_told_after_one_attempt() {
    let (at, mut sends) = server(&[500; 9]).await;
    let tried = Notice {
        kind: NoticeKind::Test,
        ..notice()
    };
    webhook(&at, &AT_ONCE).notify(&tried).await.unwrap_err();
    assert_eq!(drain(&mut sends), 1);
}

fn drain(sends: &mut mpsc::UnboundedReceiver<Sent>) -> usize {
    std::iter::from_fn(|| sends.try_recv().ok()).count()
}

#[tokio::test]
async fn slack_gets_text_without_markup() {
    let (at, mut sends) = server(&[]).await;
    let file = secret(&format!("{at}/services/T0/B0/hidden"));
    let slack = opened(Receiver::Slack {
        to: UrlSource::File(file.path().to_owned()),
    });
    slack.notify(&notice()).await.unwrap();
    let sent = sends.recv().await.unwrap();
    assert_eq!(sent.path, "/services/T0/B0/hidden");
    assert_eq!(
        sent.json()["text"],
        "[warning] casimir-dkg on hoodi: deposit/7#2 (send &lt;32&gt; ETH &amp; more): waits for a decision\n\
         What can be done: look at it, then approve or reject it"
    );
}

#[tokio::test]
async fn a_telegram_bot_writes_to_its_chat() {
    let (at, mut sends) = server(&[]).await;
    let token = secret("123:abc");
    let telegram = opened(Receiver::Telegram {
        base: RedactedUrl::new(&at),
        token_file: token.path().to_owned(),
        chat: "-100".to_owned(),
    });
    assert!(!telegram.name().as_str().contains("abc"));
    telegram.notify(&notice()).await.unwrap();
    let sent = sends.recv().await.unwrap();
    assert_eq!(sent.path, "/bot123:abc/sendMessage");
    let body = sent.json();
    assert_eq!(
        (&body["chat_id"], &body["disable_notification"]),
        (&"-100".into(), &false.into())
    );
    assert!(
        body["text"].as_str().unwrap().contains("send <32> ETH & more"),
        "{body}"
    );
    telegram.notify(&over()).await.unwrap();
    let body = sends.recv().await.unwrap().json();
    assert_eq!(body["disable_notification"], true);
}

#[tokio::test]
async fn pagerduty_is_triggered_and_resolved_under_one_key() {
    let (at, mut sends) = server(&[202, 202]).await;
    let key = secret("routing");
    let pager = opened(Receiver::PagerDuty {
        to: RedactedUrl::new(format!("{at}/v2/enqueue")),
        key_file: key.path().to_owned(),
    });
    pager.notify(&notice()).await.unwrap();
    pager.notify(&over()).await.unwrap();
    let (begun, ended) = (sends.recv().await.unwrap(), sends.recv().await.unwrap());
    assert_eq!(begun.path, "/v2/enqueue");
    let (begun, ended) = (begun.json(), ended.json());
    assert_eq!(
        (&begun["event_action"], &ended["event_action"]),
        (&"trigger".into(), &"resolve".into())
    );
    assert_eq!(begun["dedup_key"], ended["dedup_key"]);
    assert_eq!(begun["routing_key"], "routing");
    assert_eq!(begun["payload"]["severity"], "warning");
    assert_eq!(begun["payload"]["source"], SOURCE);
    assert_eq!(begun["payload"]["timestamp"], "2023-11-14T22:14:20.000Z");
    assert_eq!(begun["payload"]["custom_details"]["reason"], "decision");
}

#[tokio::test]
async fn alertmanager_is_told_how_long_to_believe_it_and_when_it_is_over() {
    let (at, mut sends) = server(&[]).await;
    let alertmanager = opened(Receiver::Alertmanager { base: url(&at) });
    alertmanager.notify(&notice()).await.unwrap();
    alertmanager.notify(&over()).await.unwrap();
    let (begun, ended) = (sends.recv().await.unwrap(), sends.recv().await.unwrap());
    assert_eq!(begun.path, "/api/v2/alerts");
    let (begun, ended) = (begun.json()[0].clone(), ended.json()[0].clone());
    assert_eq!(
        begun["labels"], ended["labels"],
        "what is the same has the same labels"
    );
    assert!(begun["labels"].get("alarm").is_none());
    let mut alarm = notice();
    alarm.about.alarm = Some("which one".into());
    alertmanager.notify(&alarm).await.unwrap();
    let alarm = sends.recv().await.unwrap().json()[0].clone();
    assert_eq!(
        alarm["labels"]["alarm"], "which one",
        "two of one reason are two alerts"
    );
    assert_eq!(begun["labels"]["alertname"], "casimir-approval-waiting");
    assert_eq!(begun["startsAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(begun["endsAt"], "2023-11-15T11:14:20.000Z");
    assert_eq!(ended["endsAt"], "2023-11-14T22:15:20.000Z");
}

#[tokio::test]
async fn a_command_reads_the_notice_from_stdin_and_is_ended_when_it_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told");
    let words = |script: &str| ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
    let mut tell = words("cat > \"$1\"");
    tell.push(file.display().to_string());
    let command = opened(Receiver::Command(tell));
    command.notify(&notice()).await.unwrap();
    let told: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(told["kind"], "approval-waiting");

    let failing = opened(Receiver::Command(words("exit 3")));
    let error = failing.notify(&notice()).await.unwrap_err().to_string();
    assert!(error.contains("sh ended with exit status: 3"), "{error}");
    let hanging = command::Command::new(words("sleep 600"), SOURCE.into()).within(Duration::from_millis(50));
    let error = hanging.notify(&notice()).await.unwrap_err().to_string();
    assert!(error.contains("did not end within 50 ms"), "{error}");
    let absent = opened(Receiver::Command(vec!["/nowhere/at-all".to_owned()]));
    let error = absent.notify(&notice()).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/at-all cannot be started"), "{error}");
}

/// Whether a process runs; one that has ended and was not waited for by its parent runs no more.
#[cfg(target_os = "linux")]
fn runs(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_command_has_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    // the one that hangs has this time to say which process it began
    for (name, script, time) in [
        (
            "hangs",
            "sleep 600 & echo $! > \"$1\"; wait",
            Duration::from_secs(5),
        ),
        ("ends", "sleep 600 & echo $! > \"$1\"", crate::TIMEOUT),
    ] {
        let file = folder.path().join(name);
        let mut words = ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
        words.push(file.display().to_string());
        let command = command::Command::new(words, SOURCE.into()).within(time);
        assert_eq!(command.notify(&notice()).await.is_ok(), name == "ends");
        let child = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        let patience = std::time::Instant::now() + crate::TIMEOUT;
        while runs(&child) {
            assert!(std::time::Instant::now() < patience, "{name}: {child} runs on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The same notice came four times.
#[tokio::test]
async fn a_success_is_a_delivery_whatever_comes_with_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let long = "x".repeat(1 << 20);
    let answers = [
        format!("content-length: {}\r\n\r\n{long}", long.len()),
        format!("transfer-encoding: chunked\r\n\r\n100000\r\n{long}\r\n0\r\n\r\n"),
        "content-encoding: gzip\r\ncontent-length: 2\r\n\r\nok".to_owned(),
        // broken off
        "content-length: 100\r\n\r\nok".to_owned(),
    ];
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let served = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let n = served.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let _ = stream.read(&mut [0; 65_536]).await;
            let answer = format!("HTTP/1.1 200 OK\r\n{}", answers[n % answers.len()]);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    for n in 1..=4 {
        webhook(&at, &AT_ONCE).notify(&notice()).await.unwrap();
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), n);
    }
}

#[test]
fn a_receiver_whose_secret_is_not_there_is_named() {
    let to = NoticesTo {
        name: "duty".to_owned(),
        receiver: Receiver::PagerDuty {
            to: RedactedUrl::new("https://events.example/v2/enqueue"),
            key_file: "/nowhere/key".into(),
        },
        least: Severity::Info,
        kinds: Vec::new(),
    };
    let error = open(&to, &Http::direct(), &SOURCE.into())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("notices.to \"duty\": /nowhere/key cannot be read: "),
        "{error}"
    );
}
