//! Two people, one of them at a console and the other one with a key on another machine; and modes that are switched. The
//! real binary throughout.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use casimir_dkg::attach::Person;
use casimir_dkg::view::{ActionView, Mode, Refused, Request};
use serde_json::Value;

use super::binary::Binary;
use super::crowd::{crowd, rss};
use super::seats::{ask, configure, ready, said, seat, sit_down, until};
use super::support::{Ground, records_of, with_beacon};
use crate::executable;

const TIMEOUT: Duration = crate::TIMEOUT;
const PASSWORD: &str = "correct horse battery";

/// A folder of a machine without an engine: a password, and keys.
struct Elsewhere {
    folder: tempfile::TempDir,
}

impl Elsewhere {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Makes a key; gives its public half.
    fn key(&self, ground: &Ground, name: &str) -> String {
        let arguments = [
            "--json",
            "person",
            "new",
            &self.path(name),
            "--password-file",
            &self.path("password"),
        ];
        let made = ask(ground, &arguments);
        let made: Value = serde_json::from_slice(&made.stdout).unwrap_or_else(|_| panic!("{}", said(&made)));
        made["key"].as_str().unwrap().to_owned()
    }

    /// Signs what an engine exported; gives the signature's file.
    fn sign(&self, ground: &Ground, export: &str, key: &str, out: &str) -> String {
        let out = self.path(out);
        let signed = ask(
            ground,
            &[
                "sign",
                export,
                "--key",
                &self.path(key),
                "--password-file",
                &self.path("password"),
                "--out",
                &out,
                "--yes",
            ],
        );
        assert!(signed.status.success(), "{}", said(&signed));
        out
    }
}

fn by_file(ground: &Ground, action: &ActionView, signature: &str) -> Output {
    ask(
        ground,
        &["approve", &action.id.to_string(), "--signature", signature],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_approves_at_a_console_and_one_with_a_key_and_neither_a_kill_nor_a_restart_loses_the_first() {
    let ground = Ground::start(with_beacon()).await;
    let elsewhere = Elsewhere::new();
    let (ada, eve) = (
        elsewhere.key(&ground, "ada.key"),
        elsewhere.key(&ground, "eve.key"),
    );
    configure(
        &ground,
        &format!(
            "[[policy.two_persons]]\nkinds = [\"keygen\"]\n[[person]]\nname = \"Ada\"\nuid = \"none\"\nkey = \"{ada}\"\n"
        ),
    );
    let mut engine = Binary::start_supervised(&ground);
    engine.says("account-seen", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let first = sit_down(&ground).await;
    let keygen = until(&first.handle, "a keygen that waits", |s| ready(s, "keygen")).await;
    let people = keygen.people.clone().expect("it takes two");
    assert_eq!(people.to_string(), "0 of 2");
    assert_eq!(
        keygen.computed_digest(),
        keygen.digest,
        "views have what is signed"
    );

    approve_at_a_console(&ground, &keygen, &first).await;
    let me = Person::of_this_process().to_string();
    let one = until(&first.handle, "the first approval", |s| {
        let people = s.action(keygen.id)?.people.clone()?;
        (people.given.len() == 1).then_some(people)
    })
    .await;
    assert_eq!(one.given[0].decider.to_string(), me);
    let again = approve(&first, &keygen).await.unwrap_err();
    assert!(
        again.to_string().contains("it takes another person (1 of 2)"),
        "{again}"
    );
    let waiting = said(&ask(&ground, &["waiting"]));
    assert!(waiting.contains(&format!("1 of 2: {me}")), "{waiting}");
    engine.says("second-person", 0, TIMEOUT).await;

    // the engine is killed; the next one has the first approval
    drop(first);
    engine.child.kill().unwrap();
    engine.child.wait().unwrap();
    let engine = {
        let mut engine = Binary::start_supervised(&ground);
        engine.says("consoles and commands can attach", 0, TIMEOUT).await;
        engine
    };
    let seat = sit_down(&ground).await;
    let keygen = until(&seat.handle, "the first approval, kept", |s| {
        let action = s.action(keygen.id)?.clone();
        let kept = action.people.as_ref()?.given.len() == 1;
        // its checks were made by the process before, and are made again first
        (kept && action.can_approve.is_yes() && action.faded.is_none()).then_some(action)
    })
    .await;
    // other commands are waited for, and the network goes on meanwhile
    tokio::task::block_in_place(|| signed_elsewhere(&ground, &elsewhere, &keygen, &eve));
    until(&seat.handle, "the keygen begun", |s| {
        s.action(keygen.id).filter(|a| a.was_approved()).map(drop)
    })
    .await;
    let decided = records_of(&ground.journal(), "decided");
    assert!(decided[0].body.contains(&ada), "{}", decided[0].body);
    assert_eq!(records_of(&ground.journal(), "endorsed").len(), 1);
    let shown = said(&ask(&ground, &["journal", "show"]));
    let line = shown.lines().find(|line| line.contains(" decided ")).unwrap();
    assert!(
        line.contains("approved by Ada, who signed with key")
            && line.ends_with("2 of 2 (the signature is right)"),
        "{line}"
    );
    let verified = said(&ask(&ground, &["journal", "verify"]));
    assert!(
        verified.contains("2 decisions checked, 1 signature of people's own keys among them"),
        "{verified}"
    );
    drop(engine);
    ground.end().await;
}

/// Exports what waits, signs it, and brings it in: what is changed, foreign or used is refused by name.
fn signed_elsewhere(ground: &Ground, elsewhere: &Elsewhere, keygen: &ActionView, eve: &str) {
    let id = keygen.id.to_string();
    let export = elsewhere.path("action.json");
    let exported = ask(ground, &["show", &id, "--export", &export]);
    assert!(exported.status.success(), "{}", said(&exported));
    let forged = elsewhere.path("forged.json");
    let text = std::fs::read_to_string(&export).unwrap();
    std::fs::write(&forged, text.replace("\"threshold\": 3", "\"threshold\": 2")).unwrap();
    let refused = ask(
        ground,
        &["sign", &forged, "--key", &elsewhere.path("ada.key"), "--yes"],
    );
    assert!(
        said(&refused).contains("is not that of the action in it"),
        "{}",
        said(&refused)
    );

    shows_what_it_signs(ground, elsewhere, &export);
    let by_eve = elsewhere.sign(ground, &export, "eve.key", "eve.json");
    let refused = said(&by_file(ground, keygen, &by_eve));
    assert!(
        refused.contains(eve) && refused.contains("nobody in [[person]]"),
        "{refused}"
    );
    let by_ada = elsewhere.sign(ground, &export, "ada.key", "ada.json");
    let changed = elsewhere.path("changed.json");
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(&by_ada).unwrap()).unwrap();
    value["statement"]["expires"] = (value["statement"]["expires"].as_u64().unwrap() + 1).into();
    std::fs::write(&changed, value.to_string()).unwrap();
    let refused = said(&by_file(ground, keygen, &changed));
    assert!(
        refused.contains("does not hold under the key of Ada"),
        "{refused}"
    );
    let taken = said(&by_file(ground, keygen, &by_ada));
    // where no block came for a while, its checks are made again before it counts
    let refreshing = taken.contains("is approved once they are made again");
    assert!(taken.contains("approved, 2 of 2") || refreshing, "{taken}");
    let is_used = |words: &str| words.contains("used already") || words.contains("already decided");
    let begun = Instant::now();
    loop {
        let used = said(&by_file(ground, keygen, &by_ada));
        if is_used(&used) {
            break;
        }
        assert!(refreshing && begun.elapsed() < TIMEOUT, "{used}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Whatever somebody wrote into what the digest does not cover: what it covers is shown whole, and before that.
fn shows_what_it_signs(ground: &Ground, elsewhere: &Elsewhere, export: &str) {
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(export).unwrap()).unwrap();
    let plan = &value["action"]["payload"]["plan"];
    let credentials = plan["withdrawal_credentials"].as_str().unwrap().to_owned();
    let lie = format!("0x01{}", "66".repeat(31));
    value["action"]["title"] = "a lie".into();
    value["action"]["facts"] = serde_json::json!([
        { "label": "withdrawal credentials", "value": lie, "kind": "hex" }
    ]);
    let file = elsewhere.path("lie.json");
    std::fs::write(&file, value.to_string()).unwrap();
    let (key, password, out) = (
        elsewhere.path("ada.key"),
        elsewhere.path("password"),
        elsewhere.path("lie.signature.json"),
    );
    let arguments = [
        "sign",
        &file,
        "--key",
        &key,
        "--password-file",
        &password,
        "--out",
        &out,
        "--yes",
    ];
    let shown = said(&ask(ground, &arguments));
    let (signed, unsigned) = shown.split_once("not covered by the digest").unwrap();
    assert!(signed.contains(&credentials) && !signed.contains(&lie), "{shown}");
    assert!(unsigned.contains(&lie) && unsigned.contains("a lie"), "{shown}");
}

async fn approve(attached: &casimir_dkg::attach::Attached, action: &ActionView) -> Result<(), Refused> {
    let request = Request::Approve {
        action: action.id,
        digest: action.digest,
        phrase: action.phrase.clone(),
    };
    seat(attached).request(request).await.map(drop)
}

/// A person attaches with the real console, reads, approves, and leaves; the engine goes on.
#[cfg(feature = "tui")]
async fn approve_at_a_console(ground: &Ground, action: &ActionView, _: &casimir_dkg::attach::Attached) {
    use crate::at_a_terminal::terminal::Terminal;

    let config = ground.network.config_file().display().to_string();
    let state = ground.network.folder().display().to_string();
    let id = action.id.to_string();
    let home = ground.network.folder().to_owned();
    let console = move || {
        let variables = [("CASIMIR_DKG_STATE_DIR", state.as_str())];
        let mut terminal = Terminal::start(&["--config", &config, "console"], &home, &variables, 140, 42);
        terminal.expect("attached", TIMEOUT);
        terminal.press("2");
        terminal.expect("0 of 2", TIMEOUT);
        terminal.press("g\r");
        terminal.expect(&format!("▸ action {id}"), TIMEOUT);
        terminal.press("a");
        terminal.expect(&format!("Approve {id}"), TIMEOUT);
        terminal.expect("y approve", TIMEOUT);
        terminal.press("y");
        terminal.expect("1 of 2", TIMEOUT);
        for _ in 0..3 {
            terminal.press("q");
        }
        terminal.expect("Leave? The engine goes on.", TIMEOUT);
        terminal.press("y");
        let left = terminal.end(TIMEOUT);
        assert_eq!(left.exit_code(), 0);
    };
    tokio::task::spawn_blocking(console).await.unwrap();
}

#[cfg(not(feature = "tui"))]
async fn approve_at_a_console(_: &Ground, action: &ActionView, attached: &casimir_dkg::attach::Attached) {
    approve(attached, action).await.unwrap();
}

/// A user that nobody is, and its group.
#[cfg(target_os = "linux")]
const OTHER: u32 = 65_534;

/// The name that the system has for the group of [`OTHER`].
#[cfg(target_os = "linux")]
fn group_of_other() -> Option<String> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let number = OTHER.to_string();
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find_map(|line| (line.get(2) == Some(&number.as_str())).then(|| line[0].to_owned()))
}

/// Whoever is root may be somebody else as well, by a copy of the program that this one may run.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_second_user_of_the_system_gives_the_second_approval() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let Some(group) = group_of_other().filter(|_| rustix::process::geteuid().is_root()) else {
        return;
    };
    let ground = Ground::start(with_beacon()).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (program, socket) = (
        executable::for_other_users(folder.path()),
        folder.path().join("oracle.sock"),
    );
    let file = ground.network.config_file();
    let text = std::fs::read_to_string(file).unwrap();
    let usual = "socket = \"oracle.sock\"";
    assert!(text.contains(usual), "{text}");
    let shared = format!(
        "socket = \"{}\"\ngroup = \"{group}\"\napprove = [\"root\", \"{OTHER}\"]",
        socket.display()
    );
    std::fs::write(file, text.replace(usual, &shared)).unwrap();
    configure(&ground, "[[policy.two_persons]]\nkinds = [\"keygen\"]\n");
    let mut engine = Binary::start_supervised(&ground);
    engine.says("consoles and commands can attach", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let seat = casimir_dkg::attach::attach(&socket).await.unwrap();
    let begun = Instant::now();
    let keygen = loop {
        // checks are taken anew meanwhile: then the digest is another one
        let now = until(&seat.handle, "a keygen that waits", |s| ready(s, "keygen")).await;
        let (id, digest) = (now.id.to_string(), now.digest.to_string());
        let approval = ["approve", &id, "--digest", &digest];
        let mine = ask(&ground, &approval);
        let other = Command::new(&program)
            .args(approval)
            .arg("--socket")
            .arg(&socket)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .uid(OTHER)
            .gid(OTHER)
            .output()
            .unwrap();
        if other.status.success() && !records_of(&ground.journal(), "decided").is_empty() {
            break now.id;
        }
        assert!(begun.elapsed() < TIMEOUT, "{}{}", said(&mine), said(&other));
    };
    until(&seat.handle, "the keygen begun", |s| {
        s.action(keygen).filter(|a| a.was_approved()).map(drop)
    })
    .await;
    let of = |kind: &str| records_of(&ground.journal(), kind).remove(0).body;
    assert!(of("endorsed").contains(&Person::of_this_process().to_string()));
    let decided = of("decided");
    assert!(decided.contains(&format!("(uid {OTHER})")), "{decided}");
    drop(engine);
    ground.end().await;
}

/// `policy.two_persons` is not there: the demo's rules decide, where they may.
#[tokio::test]
async fn it_is_taken_off_auto_from_a_shell_and_stays_so_after_a_kill_until_somebody_switches_back() {
    let ground = Ground::start(with_beacon()).await;
    let mut engine = Binary::start(&ground, &[]);
    engine.says("account-seen", 0, TIMEOUT).await;
    assert!(said(&ask(&ground, &["mode"])).starts_with("auto"));
    let me = Person::of_this_process().to_string();
    let off = ask(&ground, &["mode", "supervised"]);
    assert!(
        said(&off).contains("mode supervised: a person decides"),
        "{}",
        said(&off)
    );
    engine
        .says(
            &format!("switched from mode auto to supervised by {me}"),
            0,
            TIMEOUT,
        )
        .await;
    engine.child.kill().unwrap();
    engine.child.wait().unwrap();

    // with the same flag
    let mut engine = Binary::start(&ground, &[]);
    let kept = format!("{me} switched to mode supervised at ");
    engine.says(&kept, 0, TIMEOUT).await;
    engine.says("warning: mode-switched: ", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let seat = sit_down(&ground).await;
    let keygen = until(&seat.handle, "a keygen that waits", |s| ready(s, "keygen")).await;
    let status = said(&ask(&ground, &["status"]));
    assert!(status.contains("stays so over restarts"), "{status}");
    let status = ask(&ground, &["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["mode"], "supervised");
    assert_eq!(status["switched"]["configured"], "auto");
    assert_eq!(status["switched"]["by"], me.as_str());

    let asked = ask(&ground, &["mode", "auto"]);
    assert_eq!(asked.status.code(), Some(1));
    let words = said(&asked);
    assert!(
        words.contains(&keygen.id.to_string())
            && words.contains("would approve it at once")
            && words.contains("--yes"),
        "{words}"
    );
    let on = ask(&ground, &["mode", "auto", "--yes"]);
    assert!(on.status.success(), "{}", said(&on));
    until(&seat.handle, "the keygen decided by a rule", |s| {
        let decided = s.action(keygen.id)?.was_approved();
        (decided && s.mode == Mode::Auto && s.switched.is_none()).then_some(())
    })
    .await;
    drop(engine);
    ground.end().await;
}

/// The short form of what `cargo bench --bench seats` does for two minutes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn twenty_seats_come_and_go_and_the_engine_keeps_its_size() {
    let ground = Ground::start(with_beacon()).await;
    let mut engine = Binary::start_supervised(&ground);
    engine.says("account-seen", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(3).await.unwrap();
    let socket: PathBuf = ground.network.folder().join("oracle.sock");
    let rounds = |socket: &Path, rounds: usize| {
        let left = Arc::new(AtomicUsize::new(rounds));
        let socket = socket.to_owned();
        async move {
            let goes_on = move || {
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                    .is_ok()
            };
            crowd(&socket, 20, goes_on).await
        }
    };
    assert_eq!(rounds(&socket, 100).await, 100);
    let before = rss(engine.child.id());
    assert_eq!(rounds(&socket, 400).await, 400);
    let after = rss(engine.child.id());
    assert!(
        after < before + 16 * 1024,
        "{before} KiB before, {after} KiB after"
    );
    let seat = sit_down(&ground).await;
    until(&seat.handle, "a keygen that waits", |s| ready(s, "keygen")).await;
    drop(engine);
    ground.end().await;
}
