use std::path::Path;
use std::time::Duration;

use super::*;

fn places(runtime: &Path, state: &Path) -> Places {
    Places {
        runtime: Ok(runtime.to_owned()),
        state: state.to_owned(),
        owner: None,
    }
}

fn unique() -> String {
    format!("casimir-dkg-test-{}", hex::encode(rand::random::<[u8; 8]>()))
}

const ACCOUNT: Address = Address::repeat_byte(7);
/// Only what hangs for ever takes so long.
const HANGS: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_second_engine_is_told_of_the_first_wherever_it_looks() {
    let folders = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let [one, its, other, others] = folders.each_ref().map(tempfile::TempDir::path);
    let name = unique();
    let first = claim(&places(one, its), &name, ACCOUNT, 1).await.unwrap();
    assert_eq!(first.worries(), []);
    let told = async |places: Places| {
        let refused = claim(&places, &name, ACCOUNT, 1).await.unwrap_err().to_string();
        let process = format!("process {}, since 20", std::process::id());
        assert!(
            refused.contains("an oracle runs here") && refused.contains(&process),
            "{refused}"
        );
        let Some(Holder::Oracle(looked)) = look(&places, &name).await else {
            panic!("nobody is seen");
        };
        assert!(looked.as_str().starts_with(&process), "{looked}");
    };
    told(places(one, others)).await;
    told(places(other, its)).await;
    // a service and a person's login have different runtime directories
    #[cfg(target_os = "linux")]
    told(places(other, others)).await;
    let next = format!("{name}-b");
    drop(claim(&places(one, its), &next, ACCOUNT, 1).await.unwrap());
    drop(first);
    assert_eq!(look(&places(one, its), &name).await, None);
    let left = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!(
        (left(one), left(its)),
        (0, 0),
        "a lock that is given back leaves nothing"
    );
    drop(claim(&places(other, others), &name, ACCOUNT, 1).await.unwrap());
}

/// No directory of this user's own: the state directory's lock and the name are there, and it is said.
#[tokio::test]
async fn without_a_safe_directory_the_rest_stands_in_the_way_and_it_is_said() {
    let state = tempfile::tempdir().unwrap();
    let places = || Places {
        runtime: Err("/tmp/x may be written by others".into()),
        ..places(state.path(), state.path())
    };
    let name = unique();
    let held = claim(&places(), &name, ACCOUNT, 1).await.unwrap();
    assert_eq!(held.worries(), ["/tmp/x may be written by others".into()]);
    assert!(claim(&places(), &name, ACCOUNT, 1).await.is_err());
}

#[cfg(target_os = "linux")]
mod strangers {
    use std::io::{Read as _, Write as _};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A program of `nobody` that has the name. None, said, where this is not run by root, or there is no Python.
    fn squatter(name: &str, does: &str) -> Option<Squatter> {
        use std::os::unix::process::CommandExt as _;

        crate::owner::tests::theirs()?;
        let program = format!(
            "import os, socket, sys, time\nos.setgid(65534); os.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\n\
             s.bind('\\0{name}')\n{does}\nprint('.', flush=True)\ntime.sleep(600)\n"
        );
        let started = Command::new("python3")
            .args(["-c", &program])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut child = started.expect("the tests need python3");
        let mut ready = [0];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        Some(Squatter(child))
    }

    struct Squatter(Child);

    impl Drop for Squatter {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Whatever it answers, and where it does not even accept.
    #[tokio::test]
    async fn a_stranger_who_has_the_name_is_named_and_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let answers = "s.listen(8)\nimport threading\ndef f():\n  while True: s.accept()[0].sendall(b'process 1, since 2020')\n\
                       threading.Thread(target=f, daemon=True).start()";
        let never = "s.listen(0)\ncs = []\nfor _ in range(9):\n  c = socket.socket(socket.AF_UNIX); c.setblocking(False)\n  \
                     cs.append(c); c.connect_ex(s.getsockname())";
        for (does, who) in [
            (answers, "another user (uid 65534, process "),
            ("s.listen(8)", "another user (uid 65534, process "),
            ("", "a process that nobody can connect to"),
            (never, "a process that takes no connection"),
        ] {
            let name = unique();
            let Some(_squatter) = squatter(&name, does) else {
                return;
            };
            let places_here = places(folder.path(), folder.path());
            let held = tokio::time::timeout(HANGS, claim(&places_here, &name, ACCOUNT, 1)).await;
            let held = held.unwrap_or_else(|_| panic!("{does}: waited for without end"));
            let held = held.unwrap_or_else(|error| panic!("{does}: {error}"));
            let [words] = held.worries() else {
                panic!("{does}: {:?}", held.worries());
            };
            assert!(
                words.as_str().starts_with(who) && words.as_str().contains(&name),
                "{words}"
            );
            // the locks stand in the way of a second one, all the same
            let second = claim(&places(folder.path(), folder.path()), &name, ACCOUNT, 1).await;
            assert!(matches!(second, Err(NotAlone::Taken { .. })), "{does}");
            drop(held);
            let seen = look(&places(folder.path(), folder.path()), &name).await;
            assert!(!matches!(seen, Some(Holder::Oracle(_))), "{does}: {seen:?}");
        }
    }

    /// The journal belongs to a service, and root starts another oracle beside it.
    #[tokio::test]
    async fn the_journals_owner_is_no_stranger() {
        let (name, folder) = (unique(), tempfile::tempdir().unwrap());
        let Some(_squatter) = squatter(&name, "s.listen(8)") else {
            return;
        };
        let places = Places {
            owner: Some(65534),
            ..places(folder.path(), folder.path())
        };
        let refused = claim(&places, &name, ACCOUNT, 1).await.unwrap_err().to_string();
        assert!(refused.contains("which does not say more"), "{refused}");
    }

    /// One of this user's that never ends its answer holds up nobody for long.
    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::{SocketAddr, UnixListener};

        let name = unique();
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b".").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let seen = tokio::time::timeout(HANGS, name::look(&name, None)).await;
        assert!(matches!(seen, Ok(Some(Holder::Oracle(_)))), "{seen:?}");
    }
}
