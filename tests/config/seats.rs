//! What a shell is told that finds no engine to ask.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use casimir_dkg::attach::{self, About, Person};
use casimir_dkg::config::Access;
use casimir_dkg::engine::{ToEngine, channel};
use casimir_dkg::types::UnixMillis;
use casimir_dkg::view::{Accepted, Snapshot};

use super::support::{self, MINIMAL};
use crate::executable;

/// The system says of a socket that nobody listens at what it says of any: that it may not be connected to.
#[test]
fn of_a_socket_that_keeps_this_person_out_it_is_not_said_that_an_engine_runs() {
    let scratch = tempfile::tempdir().unwrap();
    let mode = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(scratch.path(), 0o755);
    let socket = scratch.path().join("left.sock");
    drop(UnixListener::bind(&socket).unwrap());
    mode(&socket, 0o000);
    let mut program = support::program(scratch.path());
    if rustix::process::geteuid().is_root() {
        // root may connect everywhere; somebody else runs a copy of the program
        program = Command::new(executable::for_other_users(scratch.path()));
        program.current_dir(scratch.path()).uid(65534).gid(65534);
    }
    program.args(["status", "--socket"]).arg(&socket);
    let (code, _, stderr) = support::run(&mut program);
    assert_eq!(code, Some(1), "{stderr}");
    for words in [
        "may not connect to the socket",
        "left.sock of ",
        "cannot tell whether an engine still listens there",
        "[attach]",
    ] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    // who may connect learns that nobody is there
    mode(&socket, 0o666);
    let (code, _, stderr) = support::run(&mut program);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("no engine runs here"), "{stderr}");
}

/// A long journal takes minutes; nothing is wrong with the socket meanwhile.
#[test]
fn of_an_engine_that_still_reads_its_journal_it_is_said_how_far_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let places = "[journal]\npath = \"j.sqlite\"\n[attach]\nsocket = \"e.sock\"\n";
    fs::write(&file, format!("{MINIMAL}{places}{}", support::operators())).unwrap();
    fs::write(scratch.path().join("j.sqlite"), "").unwrap();
    let lock = scratch.path().join("j.lock");
    let status = |holder: &str| {
        fs::write(&lock, holder).unwrap();
        let mut program = support::program(scratch.path());
        program.arg("--config").arg(&file).arg("status");
        let (code, _, stderr) = support::run(&mut program);
        assert_eq!(code, Some(1), "{stderr}");
        stderr
    };
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o600)).unwrap();
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let who = "process 7, since 2026-11-30T08:00:00Z";
    let reads = status(&format!("{who}, reads its journal (record 5 of 9)\n"));
    assert!(reads.contains("reads its journal (record 5 of 9)"), "{reads}");
    assert!(!reads.contains("SIGTERM"), "{reads}");
    let gone = status(&format!("{who}\n"));
    assert!(
        gone.contains(who) && gone.contains("its socket is gone"),
        "{gone}"
    );
    drop(held);
    // a child process that another test begins just now holds everything that is open here, until it is its own program
    let until = std::time::Instant::now() + crate::TIMEOUT;
    while !status(who).contains("no engine runs here") {
        assert!(std::time::Instant::now() < until, "{}", status(who));
    }
}

/// An engine that says yes to everything, at this socket, while the test lives.
async fn engine(socket: &std::path::Path) -> attach::Listening {
    let vector = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/views/toy-deposit.json"
    );
    let snapshot: Snapshot = serde_json::from_slice(&fs::read(vector).unwrap()).unwrap();
    let (mut side, handle) = channel(snapshot);
    tokio::spawn(async move {
        // as a whole: an engine of which a part is gone has ended
        let side = &mut side;
        while let Some(asked) = side.asked.recv().await {
            if let ToEngine::Request { reply, .. } = asked {
                let _ = reply.send(Ok(Accepted {
                    message: "so be it".into(),
                }));
            }
        }
    });
    let about = About {
        since: UnixMillis(1),
        run_by: Person::of_this_process(),
    };
    attach::listen(socket, Access::default(), about, handle)
        .await
        .unwrap()
}

/// The brake is in reach, whatever became of the rules, of the operators and of whatever else only a start reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_elsewhere_keeps_nobody_from_a_running_engine() {
    let scratch = tempfile::tempdir().unwrap();
    let _engine = engine(&scratch.path().join("e.sock")).await;
    let open = scratch.path().join("open.toml");
    fs::write(&open, "").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
    let file = scratch.path().join("c.toml");
    let attach = "[attach]\nsocket = \"e.sock\"\n";
    for (broken, told) in [
        ("file = \"gone.toml\"\n", "gone.toml: cannot be read"),
        ("file = \"open.toml\"\n", "open.toml: cannot be read"),
        ("[operators]\nfile = \"gone.toml\"\n", "gone.toml: cannot be read"),
        ("[rcp]\nulrs = []\n", "rcp: unknown key or section"),
    ] {
        fs::write(
            &file,
            format!("{MINIMAL}{broken}{attach}{}", support::operators()),
        )
        .unwrap();
        let run = |arguments: &[&str]| {
            let mut program = support::program(scratch.path());
            program.arg("--config").arg(&file).args(arguments);
            support::run(&mut program)
        };
        for arguments in [
            &["status"][..],
            &["waiting"],
            &["pause"],
            &["resume"],
            &["mode", "supervised"],
            &["console", "--plain"],
        ] {
            let (code, stdout, stderr) = tokio::task::block_in_place(|| run(arguments));
            assert_eq!(code, Some(0), "{broken}{arguments:?}: {stdout}{stderr}");
            assert!(
                stderr.contains("warning: ") && stderr.contains(told),
                "{arguments:?}: {stderr}"
            );
        }
        let (code, stdout, stderr) = tokio::task::block_in_place(|| run(&["doctor"]));
        assert_eq!(code, Some(1), "{stderr}");
        for words in [told, "runs here: process", "state directory"] {
            assert!(stdout.contains(words), "{broken}{words}: {stdout}");
        }
        // where its socket is named, the rest of the configuration is not asked
        let socket = scratch.path().join("e.sock");
        fs::write(&file, "[network").unwrap();
        let named = ["console", "--plain", "--socket", socket.to_str().unwrap()];
        let (code, _, stderr) = tokio::task::block_in_place(|| run(&named));
        assert_eq!(code, Some(0), "{stderr}");
        let (code, _, stderr) = tokio::task::block_in_place(|| run(&["pause"]));
        assert_eq!(code, Some(3), "where it is cannot be known: {stderr}");
        assert!(stderr.contains("--socket"), "{stderr}");
    }
}
