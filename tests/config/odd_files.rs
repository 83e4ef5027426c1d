//! Files of another kind, and what is no file at all, where a command wants a journal, a transcript, a store or a key: it ends at
//! once, names the file, and says what is wrong with it and not with something else.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::support;
use crate::executable;

/// Every command that reads a file which somebody names, with `FILE` in its place.
const COMMANDS: &[&str] = &[
    "journal verify --journal FILE",
    "journal show --journal FILE --last 1",
    "journal export --journal FILE",
    "journal backup copy --journal FILE",
    "journal restore FILE --journal new.sqlite",
    "journal verify --journal j.sqlite --checkpoint FILE",
    "audit deposit/1 --journal FILE --out page.html",
    "transcript verify FILE",
    "transcript verify transcript.json --operators FILE",
    "operator shares list --store FILE",
    "operator backup copy --store FILE",
    "keystore show FILE",
    "explain FILE",
    "--config FILE config show",
    "--config FILE doctor",
];

/// A GiB that takes no room on the disk.
fn sparse(path: &Path, beginning: &[u8]) {
    fs::write(path, beginning).unwrap();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
}

fn scene() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::write(at("empty"), "").unwrap();
    fs::create_dir(at("directory")).unwrap();
    fs::create_dir(at("a b é")).unwrap();
    let made = Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(made.success());
    fs::copy(support::vector("journals/format-2/closed.sqlite"), at("j.sqlite")).unwrap();
    fs::copy(support::vector("transcripts/keygen.json"), at("transcript.json")).unwrap();
    fs::copy(support::vector("transcripts/keygen.json"), at("a b é/transcript")).unwrap();
    fs::write(
        at("keystore.json"),
        r#"{"crypto":{"cipher":"aes-128-ctr"},"id":"x","version":3}"#,
    )
    .unwrap();
    let half = fs::read(at("j.sqlite")).unwrap();
    fs::write(at("half.sqlite"), &half[..half.len() / 2]).unwrap();
    let half = fs::read(at("transcript.json")).unwrap();
    fs::write(at("half.json"), &half[..half.len() / 2]).unwrap();
    sparse(&at("long"), b"");
    sparse(&at("long.json"), b"{");
    scratch
}

const ODD: &[&str] = &[
    "empty",
    "directory",
    "pipe",
    "keystore.json",
    "half.sqlite",
    "half.json",
    "long",
    "long.json",
    "absent",
    "/dev/null",
    "transcript.json/x",
];

/// What a command may ask of memory: the program itself, and no file of a GiB.
const MEMORY_KIB: u64 = 1_500_000;
const TIMEOUT: Duration = crate::TIMEOUT;

/// Exit code and words. A limit on its memory ends one that reads all of a long file.
fn told(scratch: &Path, line: &str, file: &str) -> (Option<i32>, String) {
    let limited = format!("ulimit -v {}; exec \"$0\" \"$@\"", MEMORY_KIB);
    let inner = support::program(scratch);
    let mut program = Command::new("sh");
    program
        .args(["-c", &limited])
        .arg(inner.get_program())
        .current_dir(scratch);
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => program.env(name, value),
            None => program.env_remove(name),
        };
    }
    program.args(
        line.split(' ')
            .map(|word| if word == "FILE" { file } else { word }),
    );
    program.stdin(std::process::Stdio::null());
    for made in ["copy", "copy.manifest", "new.sqlite", "page.html"] {
        let _ = fs::remove_file(scratch.join(made));
    }
    let began = Instant::now();
    let (code, out, stderr) = support::run(&mut program);
    assert!(began.elapsed() < TIMEOUT, "{line} {file}");
    (code, stderr + &out)
}

#[test]
fn what_is_no_such_file_is_named_as_what_it_is() {
    let scratch = scene();
    let mut wrong = Vec::new();
    for line in COMMANDS {
        for file in ODD {
            let (code, words) = told(scratch.path(), line, file);
            // nothing stands in it, which is said, and is no failure of the command
            let may_pass = *file == "empty" && line.starts_with("journal show");
            let may_pass = may_pass || (*file == "empty" && line.starts_with("journal export"));
            let fails = matches!(code, Some(1 | 3)) || (may_pass && code == Some(0));
            let is_named =
                may_pass || words.contains(file) || (*file == "half.json" && line.contains("--operators"));
            let mut blames = Vec::new();
            if !fails {
                blames.push(format!("ended with {code:?}"));
            }
            // the case is not there, in whatever journal
            let is_other = line.starts_with("audit") && *file == "empty";
            if !(is_named || is_other) {
                blames.push("does not name the file".to_owned());
            }
            if words.contains("panicked") || words.contains("Error code") {
                blames.push("is not for people".to_owned());
            }
            // a way on from a journal that is broken is none from another kind of file
            let is_journal = file.contains("sqlite");
            if words.contains("journal restore") && !is_journal {
                blames.push("offers what does not help".to_owned());
            }
            let expects = match *file {
                "directory" => "is a directory",
                "pipe" | "/dev/null" => "pipe, a socket or a device",
                _ => "",
            };
            if !words.contains(expects) {
                blames.push(format!("does not say: {expects}"));
            }
            if !blames.is_empty() {
                wrong.push(format!("{line} {file}: {}: {words}", blames.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_another_kind_are_no_journals_and_no_stores() {
    let scratch = scene();
    for (line, file, words) in [
        (
            "journal verify --journal FILE",
            "transcript.json",
            "transcript.json is no journal",
        ),
        (
            "journal verify --journal FILE",
            "keystore.json",
            "keystore.json is no journal",
        ),
        ("journal verify --journal FILE", "long", "long is no journal"),
        (
            "journal restore FILE --journal new.sqlite",
            "transcript.json",
            "is no journal",
        ),
        (
            "journal backup copy --journal FILE",
            "empty",
            "empty is no journal",
        ),
        (
            "journal verify --journal FILE",
            "half.sqlite",
            "it was cut off or overwritten",
        ),
        (
            "operator shares list --store FILE",
            "j.sqlite",
            "it is no store of shares",
        ),
        (
            "operator shares list --store FILE",
            "transcript.json",
            "it is no store of shares",
        ),
        (
            "operator backup copy --store FILE",
            "keystore.json",
            "it is no store of shares",
        ),
        ("operator shares list --store FILE", "empty", "empty is empty"),
    ] {
        let (code, told) = told(scratch.path(), line, file);
        assert!(code == Some(1) && told.contains(words), "{line} {file}: {told}");
    }
}

#[test]
fn names_with_spaces_and_without_unicode_are_names() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt as _;

    let scratch = scene();
    let run = |words: &[OsString]| support::run(support::program(scratch.path()).args(words));
    let odd = OsStr::from_bytes(b"a b \xff");
    for (from, line) in [
        ("transcript.json", &["transcript", "verify"][..]),
        ("j.sqlite", &["journal", "verify", "--journal"]),
    ] {
        fs::copy(scratch.path().join(from), scratch.path().join(odd)).unwrap();
        let words: Vec<OsString> = line.iter().map(OsString::from).chain([odd.to_owned()]).collect();
        let mut program = support::program(scratch.path());
        let output = program.args(&words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
    }
    let (code, out, _) = run(&["transcript", "verify", "a b é/transcript"].map(OsString::from));
    assert_eq!(code, Some(0), "{out}");
    let expect: Vec<OsString> = ["doctor", "operator", "--expect"].map(OsString::from).into();
    let mut program = support::program(scratch.path());
    let output = program
        .args(expect.iter().map(OsString::as_os_str).chain([odd]))
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "it is a name, whatever is wrong besides: {output:?}"
    );
}

/// Root reads everything: there is another user then, who does not.
#[test]
fn what_may_not_be_read_is_said_to_be_there() {
    let scratch = scene();
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    let shut = scratch.path().join("shut");
    fs::create_dir(&shut).unwrap();
    for name in ["j.sqlite", "transcript.json"] {
        fs::rename(scratch.path().join(name), shut.join(name)).unwrap();
    }
    fs::set_permissions(&shut, Permissions::from_mode(0o000)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    let ours = executable::for_other_users(scratch.path());
    for (line, file) in [
        ("journal verify --journal FILE", "shut/j.sqlite"),
        ("journal backup copy --journal FILE", "shut/j.sqlite"),
        ("audit deposit/1 --journal FILE", "shut/j.sqlite"),
        ("transcript verify FILE", "shut/transcript.json"),
        ("operator shares list --store FILE", "shut/j.sqlite"),
        ("operator backup copy --store FILE", "shut/j.sqlite"),
        ("--config FILE doctor", "shut/c.toml"),
    ] {
        let inner = support::program(scratch.path());
        let mut program = match is_root {
            true => {
                let mut other = Command::new("setpriv");
                other
                    .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
                    .arg(&ours);
                other
            }
            false => Command::new(inner.get_program()),
        };
        program
            .current_dir(scratch.path())
            .envs(support::directories(scratch.path()));
        program.args(
            line.split(' ')
                .map(|word| if word == "FILE" { file } else { word }),
        );
        let (code, out, stderr) = support::run(&mut program);
        let words = out + &stderr;
        assert!(
            code == Some(1) && words.contains("ermission denied") && words.contains(file),
            "{line}: {code:?}: {words}"
        );
    }
    fs::set_permissions(&shut, Permissions::from_mode(0o700)).unwrap();
}
