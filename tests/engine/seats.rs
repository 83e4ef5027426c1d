//! A headless engine that a person decides for, from other processes: the real binary, its commands, and seats that come
//! and go.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use casimir_dkg::attach::{AttachError, Attached, Person, attach};
use casimir_dkg::engine::{EngineHandle, Identity, Seat};
use casimir_dkg::types::{ActionId, CaseId};
use casimir_dkg::view::{ActionView, CaseStatus, Refused, Request, Snapshot};
use serde_json::Value;

use super::binary::Binary;
use super::support::{Ground, records_of, with_beacon};

const TIMEOUT: Duration = crate::TIMEOUT;

/// What a shell asks of the engine on this network.
pub(super) fn ask(ground: &Ground, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_casimir-dkg"))
        .arg("--config")
        .arg(ground.network.config_file())
        .args(arguments)
        .env("CASIMIR_DKG_STATE_DIR", ground.network.folder())
        // whoever anybody says that they are
        .envs([("USER", "mallory"), ("LOGNAME", "mallory")])
        .output()
        .unwrap()
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// More at the end of the configuration.
pub(super) fn configure(ground: &Ground, more: &str) {
    let file = ground.network.config_file();
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, format!("{text}\n{more}")).unwrap();
}

pub(super) async fn sit_down(ground: &Ground) -> Attached {
    attach(&ground.network.folder().join("oracle.sock"))
        .await
        .unwrap()
}

pub(super) fn seat(attached: &Attached) -> Seat {
    attached.handle.seat(Identity::new("whatever a front end says"))
}

pub(super) async fn until<T>(handle: &EngineHandle, what: &str, find: impl Fn(&Snapshot) -> Option<T>) -> T {
    let mut snapshots = handle.snapshots.clone();
    let started = Instant::now();
    loop {
        if let Some(found) = find(&snapshots.borrow_and_update()) {
            return found;
        }
        let left = TIMEOUT.saturating_sub(started.elapsed());
        let changed = tokio::time::timeout(left, snapshots.changed()).await;
        assert!(matches!(changed, Ok(Ok(()))), "not seen: {what}");
    }
}

pub(super) fn ready(snapshot: &Snapshot, kind: &str) -> Option<ActionView> {
    let fits = |a: &&ActionView| a.kind == kind && a.can_approve.is_yes();
    snapshot.waiting().find(fits).cloned()
}

fn approval(action: &ActionView) -> Request {
    Request::Approve {
        action: action.id,
        digest: action.digest,
        phrase: None,
    }
}

#[tokio::test]
async fn a_supervised_headless_engine_is_decided_from_other_processes() {
    let ground = Ground::start(with_beacon()).await;
    let none = ask(&ground, &["status"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(said(&none).contains("no engine runs here"), "{}", said(&none));

    let mut engine = Binary::start_supervised(&ground);
    engine.says("account-seen", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let first = sit_down(&ground).await;
    let keygen = until(&first.handle, "a keygen that waits", |s| ready(s, "keygen")).await;

    // a shell sees it, and approves it by the first digits of its digest
    let me = Person::of_this_process().to_string();
    let status = ask(&ground, &["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["engine"]["process"], engine.child.id());
    assert_eq!(status["engine"]["you"], me.as_str());
    assert_eq!(status["waiting"][0], keygen.id.to_string());
    let id = keygen.id.to_string();
    let page = said(&ask(&ground, &["show", &id]));
    assert!(page.contains(&keygen.digest.to_string()), "{page}");
    for (digest, words) in [
        ("0x1234", "at least 11 hex digits"),
        ("0x01234567890", "not what you were shown"),
    ] {
        let refused = ask(&ground, &["approve", &id, "--digest", digest]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
    let paused = said(&ask(&ground, &["pause"]));
    assert!(paused.contains("paused"), "{paused}");
    assert!(said(&ask(&ground, &["status"])).contains(&format!("by {me}")));
    assert!(ask(&ground, &["resume"]).status.success());
    loop {
        // checks are taken anew meanwhile: then the digest is another one
        let now = until(&first.handle, "a keygen that waits", |s| ready(s, "keygen")).await;
        let digits = now.digest.to_string()[..14].to_owned();
        if ask(&ground, &["approve", &now.id.to_string(), "--digest", &digits])
            .status
            .success()
        {
            break;
        }
    }

    // a seat that dies holds nothing up, and two that want the same get one decision
    drop(first);
    let (one, other) = (sit_down(&ground).await, sit_down(&ground).await);
    let deposit = loop {
        let deposit = until(&one.handle, "a deposit that waits", |s| ready(s, "send-deposit")).await;
        let (seat_one, seat_other) = (seat(&one), seat(&other));
        let both = tokio::join!(
            seat_one.request(approval(&deposit)),
            seat_other.request(approval(&deposit))
        );
        match both {
            (Ok(_), Err(late)) | (Err(late), Ok(_)) => {
                assert!(
                    matches!(&late, Refused::AlreadyDecided { by, .. } if by.as_str() == me)
                        || matches!(late, Refused::NotNow(_)),
                    "{late}"
                );
                break deposit;
            }
            (Err(Refused::Stale(_)), Err(Refused::Stale(_))) => {}
            both => panic!("{both:?}"),
        }
    };
    decided_once(&ground, deposit.id, &me);

    // the engine dies with seats attached; the next one has the same socket, and goes on
    engine.child.kill().unwrap();
    engine.child.wait().unwrap();
    let mut lost = one.handle.snapshots.clone();
    while lost.changed().await.is_ok() {}
    let nobody = attach(&ground.network.folder().join("oracle.sock")).await;
    assert!(matches!(nobody, Err(AttachError::NoEngine(_))), "{nobody:?}");
    let mut engine = Binary::start_supervised(&ground);
    engine.says("consoles and commands can attach", 0, TIMEOUT).await;
    let again = sit_down(&ground).await;
    let case: CaseId = "deposit/1".parse().unwrap();
    until(&again.handle, "the deposit done", |s| {
        s.case(case).filter(|c| c.status == CaseStatus::Done).map(|_| ())
    })
    .await;
    assert!(said(&ask(&ground, &["waiting"])).contains("nothing waits"));
    drop(engine);
    ground.end().await;
}

/// By the digest that is shown at the moment: checks are taken anew meanwhile, and then it is another one.
async fn decide(ground: &Ground, handle: &EngineHandle, kind: &str, verb: &str, more: &[&str]) -> ActionView {
    loop {
        let now = until(handle, "something that waits", |s| ready(s, kind)).await;
        let (id, digest) = (now.id.to_string(), now.digest.to_string());
        let asked = [&[verb, id.as_str(), "--digest", digest.as_str()][..], more].concat();
        if ask(ground, &asked).status.success() {
            return now;
        }
    }
}

#[tokio::test]
async fn a_shell_rejects_and_takes_up_again_and_a_seat_that_is_killed_holds_nothing_up() {
    let ground = Ground::start(with_beacon()).await;
    let mut engine = Binary::start_supervised(&ground);
    engine.says("account-seen", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let looks = sit_down(&ground).await;
    let why = ["--reason", "the committee is in one data centre"];
    let rejected = decide(&ground, &looks.handle, "keygen", "reject", &why).await;
    let case: CaseId = "deposit/1".parse().unwrap();
    until(&looks.handle, "a case that is halted", |s| {
        s.case(case)
            .filter(|c| c.status == CaseStatus::Attention)
            .map(|_| ())
    })
    .await;
    let again = ask(
        &ground,
        &[
            "reject",
            &rejected.id.to_string(),
            "--digest",
            &rejected.digest.to_string(),
            "--reason",
            "x",
        ],
    );
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    let decided = records_of(&ground.journal(), "decided");
    let me = Person::of_this_process().to_string();
    let told =
        |record: &casimir_dkg::journal::Entry| record.body.contains(&me) && record.body.contains(why[1]);
    assert!(decided.iter().any(told), "{decided:?}");
    let page = said(&ask(&ground, &["show", &rejected.id.to_string()]));
    assert!(page.contains("rejected"), "{page}");

    // a console in another process, which dies without a word
    let mut console = Command::new(env!("CARGO_BIN_EXE_casimir-dkg"));
    console
        .arg("--config")
        .arg(ground.network.config_file())
        .args(["console", "--plain"])
        .env("CASIMIR_DKG_STATE_DIR", ground.network.folder())
        .env_remove("NOTIFY_SOCKET");
    let mut console = Seated::start(console);
    console.asks("case deposit/1", why[1]).await;

    let retried = ask(&ground, &["--json", "retry", "deposit/1"]);
    assert!(retried.status.success(), "{}", said(&retried));
    let anew = until(&looks.handle, "the keygen asks anew", |s| ready(s, "keygen")).await;
    assert_ne!(anew.id, rejected.id);
    console.child.kill().unwrap();
    console.child.wait().unwrap();
    let approved = decide(&ground, &looks.handle, "keygen", "approve", &[]).await;
    decided_once(&ground, approved.id, &me);
    until(&looks.handle, "the deposit that follows", |s| {
        ready(s, "send-deposit")
    })
    .await;
    assert!(engine.child.try_wait().unwrap().is_none());
    let retry = ask(&ground, &["retry", "deposit/9"]);
    assert_eq!(retry.status.code(), Some(1), "{}", said(&retry));
    drop(engine);
    ground.end().await;
}

/// A console by lines, in a process of its own; killed when dropped.
struct Seated {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Seated {
    fn start(mut command: Command) -> Self {
        use std::io::BufRead as _;
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (says, lines) = std::sync::mpsc::channel();
        let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = says.send(line);
            }
        });
        Self { child, lines }
    }

    /// Types it until an answer has these words.
    async fn asks(&mut self, typed: &str, words: &str) {
        use std::io::Write as _;
        let begun = Instant::now();
        let mut heard = Vec::new();
        while !heard.iter().any(|line: &String| line.contains(words)) {
            assert!(
                begun.elapsed() < TIMEOUT,
                "{words} was not said:\n{}",
                heard.join("\n")
            );
            writeln!(self.child.stdin.as_mut().unwrap(), "{typed}").unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            heard.extend(self.lines.try_iter());
        }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the journal stands one approval, by the one whom the system knows.
fn decided_once(ground: &Ground, action: ActionId, by: &str) {
    let decided = records_of(&ground.journal(), "decided");
    let bodies: Vec<Value> = decided
        .iter()
        .map(|record| serde_json::from_str(&record.body).unwrap())
        .filter(|body: &Value| body.to_string().contains(&format!("\"{action}\"")))
        .collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(bodies[0].to_string().contains(by), "{bodies:?}");
}

#[tokio::test]
async fn a_shell_takes_an_approval_back() {
    let ground = Ground::start(with_beacon()).await;
    configure(
        &ground,
        "[[policy.undo]]\nkinds = [\"keygen\"]\nwindow = \"10m\"\n",
    );
    let mut engine = Binary::start_supervised(&ground);
    engine.says("account-seen", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let looks = sit_down(&ground).await;
    let first = loop {
        // checks are taken anew meanwhile: then the digest is another one
        let now = until(&looks.handle, "a keygen that waits", |s| ready(s, "keygen")).await;
        let (id, digest) = (now.id.to_string(), now.digest.to_string());
        if ask(&ground, &["approve", &id, "--digest", &digest])
            .status
            .success()
        {
            break now.id;
        }
    };
    until(&looks.handle, "an open window", |s| {
        s.action(first)?.undo.and_then(|undo| undo.until)
    })
    .await;

    let id = first.to_string();
    let undone = ask(&ground, &["--json", "undo", &id]);
    assert!(undone.status.success(), "{}", said(&undone));
    let answer: Value = serde_json::from_slice(&undone.stdout).unwrap();
    let answer = answer["accepted"].as_str().unwrap();
    assert!(answer.contains("is taken back: nothing of it left"), "{answer}");
    let late = ask(&ground, &["undo", &id]);
    assert_eq!(late.status.code(), Some(1));
    assert!(
        said(&late).contains("only an approval of what has not left is taken back"),
        "{}",
        said(&late)
    );
    let anew = until(&looks.handle, "the keygen asks anew", |s| ready(s, "keygen")).await;
    assert_ne!(anew.id, first);

    let void = records_of(&ground.journal(), "action-voided");
    let me = Person::of_this_process().to_string();
    assert!(
        void.iter()
            .any(|record| record.body.contains(&me) && record.body.contains("took the approval back")),
        "{void:?}"
    );
    assert!(records_of(&ground.journal(), "ceremony-started").is_empty());
    drop(engine);
    ground.end().await;
}
