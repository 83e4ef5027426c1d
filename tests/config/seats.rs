//! What a shell is told that finds no engine to ask.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::support;

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
        let copy = scratch.path().join("program");
        fs::copy(env!("CARGO_BIN_EXE_casimir-dkg"), &copy).unwrap();
        mode(&copy, 0o755);
        program = Command::new(&copy);
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
