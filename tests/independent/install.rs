//! Installing once, for all tests and all processes, into the folder that cargo gives to integration tests.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// One installation or one script; a first installation loads about 30 MB.
const DEADLINE: Duration = Duration::from_secs(420);
const POLL: Duration = Duration::from_millis(20);

/// Runs a program to its end, feeds it `input`, and returns its standard output.
///
/// # Errors
/// What went wrong, in words for a person, with the program's last words.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<Vec<u8>, String> {
    let what = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{what} does not start: {error}"))?;
    let (mut stdin, mut stdout, mut stderr) = (
        child.stdin.take().unwrap(),
        child.stdout.take().unwrap(),
        child.stderr.take().unwrap(),
    );
    let started = Instant::now();
    std::thread::scope(|scope| {
        // a child that ends early closes its end; its exit status tells more
        scope.spawn(move || {
            let _ = stdin.write_all(input.as_bytes());
        });
        let out = scope.spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).map(|_| bytes)
        });
        let err = scope.spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).map(|_| bytes)
        });
        let status = loop {
            match child.try_wait().map_err(|error| format!("{what}: {error}"))? {
                Some(status) => break status,
                None if started.elapsed() < DEADLINE => std::thread::sleep(POLL),
                None => {
                    child.kill().map_err(|error| format!("{what}: {error}"))?;
                    child.wait().map_err(|error| format!("{what}: {error}"))?;
                    return Err(format!("{what}: no end after {} s", DEADLINE.as_secs()));
                }
            }
        };
        let (out, err) = (out.join().unwrap(), err.join().unwrap());
        if status.success() {
            return out.map_err(|error| format!("{what}: {error}"));
        }
        let words = String::from_utf8_lossy(&err.unwrap_or_default()).into_owned();
        Err(format!("{what}: {status}\n{}", words.trim()))
    })
}

/// The folder of an installation. `manifest` names all that is in it: another manifest, another folder. `make` fills it
/// when nobody has; half-made ones are thrown away. Everyone else waits.
pub(crate) fn once(name: &str, manifest: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> PathBuf {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let digest = hex::encode(&Sha256::digest(manifest)[..6]);
    let folder = base.join(format!("{name}-{digest}"));
    let complete = folder.join("complete");
    let lock = File::create(base.join(format!("{name}.lock"))).unwrap();
    // freed when the file is closed, so also when its holder dies; who holds it has a deadline
    lock.lock().unwrap();
    if !complete.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        make(&folder).unwrap_or_else(|reason| panic!("{name} cannot be installed, and is needed: {reason}"));
        File::create(&complete).unwrap();
    }
    folder
}
