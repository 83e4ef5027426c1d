use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::*;
use crate::config::{Access, Who};
use crate::engine::{EngineSide, ToEngine, channel};
use crate::types::{PoolId, UnixMillis};
use crate::view::fixture::busy;
use crate::view::{
    Accepted, FromSeat, Hello, ListKind, Listing, Page, Query, Refused, Request, Scope, Snapshot, ToSeat,
    Transition, VERSION,
};

struct Stage {
    engine: EngineSide,
    listening: Listening,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

async fn stage(access: Access) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run/oracle.sock");
    let (engine, handle) = channel(busy());
    let listening = listen(&path, access, about(), handle).await.unwrap();
    Stage {
        engine,
        listening,
        path,
        _folder: folder,
    }
}

fn about() -> About {
    About {
        since: UnixMillis(1_000),
        run_by: Person::of_this_process(),
    }
}

fn only_viewers() -> Access {
    let me = Person::of_this_process().uid;
    Access {
        view: vec![Who::Uid(me)],
        approve: vec![Who::Uid(me + 1)],
        ..Access::default()
    }
}

/// Waits for the newest snapshot to be this one.
async fn until(seat: &mut crate::engine::EngineHandle, wanted: &Snapshot) {
    loop {
        if **seat.snapshots.borrow_and_update() == *wanted {
            return;
        }
        seat.snapshots.changed().await.unwrap();
    }
}

/// The next that is asked by somebody; what a seat asks by itself, to know whether the engine lives, is answered.
async fn next_asked(engine: &mut EngineSide) -> Option<ToEngine> {
    loop {
        match engine.asked.recv().await {
            Some(ToEngine::Read {
                query: Query::Pool { pool: PoolId(0) },
                reply,
            }) => drop(reply.send(Err(Refused::NotNow("no pool".into())))),
            other => return other,
        }
    }
}

fn changed(snapshot: &Snapshot, revision: u64) -> Snapshot {
    let mut next = snapshot.clone();
    next.revision = revision;
    next.actions.pop();
    next.alarms.push("something is wrong".into());
    next
}

#[tokio::test]
async fn a_seat_sees_what_the_engine_shows_and_every_change_of_it() {
    let stage = stage(Access::default()).await;
    let mut seat = attach(&stage.path).await.unwrap();
    assert!(seat.seated.may_decide);
    assert_eq!(seat.seated.process, std::process::id());
    until(&mut seat.handle, &busy()).await;
    let next = changed(&busy(), 8);
    stage.engine.snapshots.send_replace(Arc::new(next.clone()));
    until(&mut seat.handle, &next).await;

    let happened = Transition {
        at: UnixMillis(5),
        record: 9,
        case: None,
        kind: "engine-started".to_owned(),
        text: "it began".into(),
        ..Transition::default()
    };
    stage.engine.transitions.send(happened.clone()).unwrap();
    assert_eq!(seat.handle.transitions.recv().await.unwrap(), happened);
}

/// A list that is kept on a network answers when it likes; everybody else is served by the same threads.
#[tokio::test]
async fn who_comes_is_looked_up_beside_what_serves_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run/oracle.sock");
    let (_engine, handle) = channel(busy());
    let (answers, list) = std::sync::mpsc::channel();
    let list = std::sync::Mutex::new(list);
    let judge: server::Judge = Arc::new(move |peer| {
        let patience = crate::TIMEOUT;
        list.lock()
            .unwrap()
            .recv_timeout(patience)
            .map_err(|_| "nobody else was served meanwhile")?;
        Ok((Person::at(peer), Role::Approve))
    });
    let _listening = server::listen_by(&path, Arc::default(), judge, about(), handle)
        .await
        .unwrap();
    let seat = tokio::spawn({
        let path = path.clone();
        async move { attach(&path).await.map(|attached| attached.seated.may_decide) }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    answers.send(()).unwrap();
    assert!(seat.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_request_bears_the_name_that_the_system_has_and_the_answer_comes_back() {
    let mut stage = stage(Access::default()).await;
    let attached = attach(&stage.path).await.unwrap();
    // whatever a front end calls itself
    let seat = attached
        .handle
        .seat(crate::engine::Identity::new("somebody else"));
    let request = Request::Pause { scope: Scope::All };
    let asked = tokio::spawn({
        let (seat, request) = (seat.clone(), request.clone());
        async move { seat.request(request).await }
    });
    let Some(ToEngine::Request {
        by,
        request: got,
        reply,
    }) = next_asked(&mut stage.engine).await
    else {
        panic!("no request");
    };
    assert_eq!(by.to_string(), Person::of_this_process().to_string());
    assert_eq!(by.uid(), Some(nix::unistd::geteuid().as_raw()));
    assert_eq!(got, request);
    let accepted = Accepted {
        message: "paused".into(),
    };
    reply.send(Ok(accepted.clone())).unwrap();
    assert_eq!(asked.await.unwrap(), Ok(accepted));

    let query = Query::Page(Page {
        kind: ListKind::Cases,
        before: None,
        limit: 1,
    });
    let asked = tokio::spawn(async move { seat.read(query).await });
    let Some(ToEngine::Read { reply, .. }) = next_asked(&mut stage.engine).await else {
        panic!("no query");
    };
    let refused: Result<Listing, _> = Err(Refused::NotNow("later".into()));
    reply.send(refused.clone()).unwrap();
    assert_eq!(asked.await.unwrap(), refused);
}

/// A stopped engine's socket stays open: nothing but its silence tells.
#[tokio::test]
async fn an_engine_that_tells_nothing_is_asked_and_its_silence_is_known() {
    let mut stage = stage(Access::default()).await;
    let attached = attach(&stage.path).await.unwrap();
    let heard = || attached.handle.pulse.last();
    let before = heard();
    let Some(ToEngine::Read { query, reply }) = stage.engine.asked.recv().await else {
        panic!("it is not asked")
    };
    assert_eq!(query, Query::Pool { pool: PoolId(0) });
    assert_eq!(heard(), before, "it has not answered");
    assert_eq!(attached.handle.pulse.silent(before), None);
    let later = UnixMillis(before.0 + 60_000);
    assert_eq!(
        attached.handle.pulse.silent(later),
        Some(std::time::Duration::from_secs(60))
    );
    reply.send(Err(Refused::NotNow("no pool".into()))).unwrap();
    while heard() == before {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn who_may_look_may_not_decide() {
    let mut stage = stage(only_viewers()).await;
    let attached = attach(&stage.path).await.unwrap();
    assert!(!attached.seated.may_decide);
    let seat = attached.handle.seat(crate::engine::Identity::new("x"));
    let refused = seat
        .request(Request::RequestReshare { pool: PoolId(1) })
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Refused::Role(why) if why.as_str().contains("attach.approve")),
        "{refused}"
    );
    assert!(stage.engine.asked.try_recv().is_err());
}

#[tokio::test]
async fn who_is_in_no_list_is_told_so() {
    let access = Access {
        approve: vec![Who::User("nobody-here".to_owned())],
        ..Access::default()
    };
    let stage = stage(access).await;
    let refused = attach(&stage.path).await.unwrap_err().to_string();
    let me = Person::of_this_process().to_string();
    assert!(
        refused.contains(&me) && refused.contains("attach.view"),
        "{refused}"
    );
}

#[tokio::test]
async fn leaving_leaves_the_engine_and_the_engine_s_end_reaches_every_seat() {
    let mut stage = stage(Access::default()).await;
    let first = attach(&stage.path).await.unwrap();
    let mut second = attach(&stage.path).await.unwrap();
    let left = first.handle.shutdown().await.unwrap();
    assert!(left.message.as_str().contains("goes on"));
    assert!(
        stage.engine.asked.try_recv().is_err(),
        "the engine is not asked to stop"
    );
    until(&mut second.handle, &busy()).await;
    drop(stage.engine);
    assert!(second.handle.snapshots.changed().await.is_err());
}

#[tokio::test]
async fn another_version_of_the_views_is_refused_by_name() {
    let stage = stage(Access::default()).await;
    let mut stream = UnixStream::connect(&stage.path).await.unwrap();
    let theirs = FromSeat::Hello(Hello {
        view: VERSION + 1,
        program: "9.9.9".to_owned(),
    });
    frame::write(&mut stream, &theirs).await.unwrap();
    let mut lines = frame::Lines::new(stream, frame::TO_SEAT);
    assert!(matches!(lines.next().await.unwrap(), Some(ToSeat::Hello(_))));
    let Some(ToSeat::NotAdmitted(why)) = lines.next().await.unwrap() else {
        panic!("let in")
    };
    assert!(why.as_str().contains("9.9.9"), "{why}");
}

#[tokio::test]
async fn what_is_no_protocol_ends_that_seat_alone() {
    let stage = stage(Access::default()).await;
    let mut good = attach(&stage.path).await.unwrap();
    let endless = vec![b'x'; usize::try_from(frame::FROM_SEAT).unwrap() + 1];
    for bad in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"{\"Request\":1}\n".to_vec(),
        endless,
    ] {
        let mut stream = UnixStream::connect(&stage.path).await.unwrap();
        // the engine may hang up within a long line
        let _ = stream.write_all(&bad).await;
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest).await;
        assert!(end.is_ok() || end.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset));
    }
    let next = changed(&busy(), 8);
    stage.engine.snapshots.send_replace(Arc::new(next.clone()));
    until(&mut good.handle, &next).await;
}

#[tokio::test]
async fn a_seat_that_does_not_read_holds_nobody_up() {
    let stage = stage(Access::default()).await;
    let mut dead = UnixStream::connect(&stage.path).await.unwrap();
    frame::write(&mut dead, &FromSeat::Hello(Hello::of_this_program()))
        .await
        .unwrap();
    let mut good = attach(&stage.path).await.unwrap();
    let mut snapshot = busy();
    // far more than a socket holds
    for revision in 100..400 {
        snapshot = changed(&snapshot, revision);
        snapshot.alarms = vec!["w".repeat(100_000).as_str().into(); 4];
        stage.engine.snapshots.send_replace(Arc::new(snapshot.clone()));
        if revision % 50 == 0 {
            until(&mut good.handle, &snapshot).await;
        }
    }
    until(&mut good.handle, &snapshot).await;
    drop(dead);
}

#[tokio::test]
async fn twenty_seats_come_and_go_and_one_too_many_is_told_so() {
    let stage = stage(Access::default()).await;
    for round in 0..3 {
        let mut seats = Vec::new();
        for _ in 0..20 {
            seats.push(attach(&stage.path).await.unwrap());
        }
        let next = changed(&busy(), 100 + round);
        stage.engine.snapshots.send_replace(Arc::new(next.clone()));
        for seat in &mut seats {
            until(&mut seat.handle, &next).await;
        }
    }
    let mut all = Vec::new();
    let refused = loop {
        match attach(&stage.path).await {
            Ok(seat) => all.push(seat),
            Err(refused) => break refused.to_string(),
        }
    };
    assert!(all.len() <= seat_limits::SEATS);
    assert!(refused.contains("seats are taken"), "{refused}");
}

/// Connections that say nothing, and lines that are no greeting, took all seats for five seconds each.
#[tokio::test]
async fn whoever_does_not_greet_takes_nobodys_seat() {
    let stage = stage(Access::default()).await;
    let mut silent = Vec::new();
    for n in 0..5 * super::seat_limits::SEATS {
        let mut stream = UnixStream::connect(&stage.path).await.unwrap();
        if n % 2 == 0 {
            let _ = stream.write_all(b"{\"no\":\"message\"}\n").await;
        }
        silent.push(stream);
        if n % super::seat_limits::SEATS == 0 {
            attach(&stage.path).await.unwrap();
        }
    }
    // the oldest of them is gone
    let mut rest = Vec::new();
    silent[1].read_to_end(&mut rest).await.unwrap();
    attach(&stage.path).await.unwrap();
}

/// A seat that speaks the protocol by hand: it sends so many questions in one write, and reads no answer meanwhile.
async fn asking(path: &Path, questions: u64) -> (frame::Lines<OwnedReadHalf>, OwnedWriteHalf) {
    let (read, mut write) = UnixStream::connect(path).await.unwrap().into_split();
    let hello = FromSeat::Hello(Hello::of_this_program());
    frame::write(&mut write, &hello).await.unwrap();
    let mut lines = frame::Lines::new(read, frame::TO_SEAT);
    while !matches!(lines.next().await.unwrap(), Some(ToSeat::Snapshot(_))) {}
    let read = |ticket| FromSeat::Read {
        ticket,
        query: Query::Pool { pool: PoolId(0) },
    };
    let line = |ticket| serde_json::to_string(&read(ticket)).unwrap() + "\n";
    let text: String = (0..questions).map(line).collect();
    write.write_all(text.as_bytes()).await.unwrap();
    (lines, write)
}

#[tokio::test]
async fn a_seat_that_asks_much_before_it_reads_gets_every_answer() {
    let Stage {
        mut engine,
        listening: _listening,
        path,
        _folder,
    } = stage(only_viewers()).await;
    tokio::spawn(async move {
        while let Some(ToEngine::Read { reply, .. }) = engine.asked.recv().await {
            let _ = reply.send(Err(Refused::NotNow("later".into())));
        }
    });
    let (mut lines, _write) = asking(&path, 20).await;
    let mut tickets = Vec::new();
    while tickets.len() < 20 {
        if let Some(ToSeat::Rows { ticket, .. }) = lines.next().await.unwrap() {
            tickets.push(ticket);
        }
    }
    tickets.sort_unstable();
    assert_eq!(tickets, (0..20).collect::<Vec<_>>());
}

/// Even where the engine does not answer: nobody waits for what is asked for those who are gone.
#[tokio::test]
async fn whoever_asks_much_and_hangs_up_leaves_the_seat_to_others() {
    let mut stage = stage(only_viewers()).await;
    let mut streams = Vec::new();
    // never answered
    let mut open = Vec::new();
    for _ in 0..seat_limits::VIEWER {
        streams.push(asking(&stage.path, 20).await);
        // as much as a seat may ask at a time
        for _ in 0..8 {
            open.push(stage.engine.asked.recv().await.unwrap());
        }
    }
    let one_more = attach(&stage.path).await.unwrap_err().to_string();
    assert!(one_more.contains("seats are taken"), "{one_more}");
    drop(streams);
    loop {
        match attach(&stage.path).await {
            Ok(_) => break,
            Err(refused) => assert!(refused.to_string().contains("seats are taken"), "{refused}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_file_of_a_dead_engine_is_taken_over_and_that_of_a_living_one_is_not() {
    let stage = stage(Access::default()).await;
    let (_engine, handle) = channel(busy());
    let taken = listen(&stage.path, Access::default(), about(), handle.clone()).await;
    assert!(matches!(taken, Err(AttachError::Taken(_))), "{taken:?}");

    // a kill leaves the file behind
    let left = stage.path.with_file_name("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    assert!(matches!(attach(&left).await, Err(AttachError::NoEngine(_))));
    let listening = listen(&left, Access::default(), about(), handle).await.unwrap();
    attach(&left).await.unwrap();
    drop(listening);
    assert!(!left.exists(), "the socket goes with its engine");
    assert!(stage.listening.path().exists());
}

#[tokio::test]
async fn what_is_no_socket_is_nobodys_to_remove() {
    let stage = stage(Access::default()).await;
    let (_engine, handle) = channel(busy());
    let beside = |name: &str| stage.path.with_file_name(name);
    let (file, folder, link) = (beside("notes.txt"), beside("folder"), beside("link"));
    std::fs::write(&file, "years of work").unwrap();
    std::fs::create_dir(&folder).unwrap();
    let dead = beside("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    std::os::unix::fs::symlink(&dead, &link).unwrap();
    let dangling = beside("dangling");
    std::os::unix::fs::symlink(beside("nowhere"), &dangling).unwrap();
    for path in [&file, &folder, &link, &dangling] {
        let refused = listen(path, Access::default(), about(), handle.clone())
            .await
            .unwrap_err();
        let words = refused.to_string();
        assert!(matches!(refused, AttachError::NoSocket(_)), "{words}");
        assert!(
            words.contains("attach.socket") && words.contains(&path.display().to_string()),
            "{words}"
        );
        assert!(path.symlink_metadata().is_ok(), "{words}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "years of work");
}

#[tokio::test]
async fn nobody_else_can_open_the_file() {
    let stage = stage(Access::default()).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&stage.path), 0o600);
    assert_eq!(mode(stage.path.parent().unwrap()), 0o700);

    let (_engine, handle) = channel(busy());
    let me = nix::unistd::Group::from_gid(nix::unistd::getegid())
        .unwrap()
        .unwrap();
    let access = Access {
        group: Some(me.name),
        ..Access::default()
    };
    let path = stage.path.parent().unwrap().join("of-a-group/oracle.sock");
    let _listening = listen(&path, access, about(), handle.clone()).await.unwrap();
    assert_eq!(mode(&path), 0o660);
    assert_eq!(mode(path.parent().unwrap()), 0o710);

    let access = Access {
        group: Some("no-such-group".to_owned()),
        ..Access::default()
    };
    let error = listen(&path.with_file_name("other.sock"), access, about(), handle)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no-such-group"), "{error}");
}

/// The group of this process, by name.
fn my_group() -> Access {
    let me = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap();
    Access {
        group: Some(me.unwrap().name),
        ..Access::default()
    }
}

/// Made by an engine that had no group yet.
#[tokio::test]
async fn the_engines_own_directory_is_opened_to_the_group_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("casimir-dkg/oracle.sock");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (_engine, handle) = channel(busy());
    drop(
        listen(&path, Access::default(), about(), handle.clone())
            .await
            .unwrap(),
    );
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let listening = listen(&path, my_group(), about(), handle.clone()).await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o710);
    drop(listening);

    // somebody else's stays as it is
    let theirs = folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    std::fs::set_permissions(&theirs, std::fs::Permissions::from_mode(0o700)).unwrap();
    let listening = listen(&theirs.join("oracle.sock"), my_group(), about(), handle)
        .await
        .unwrap();
    assert_eq!(mode(&theirs), 0o700);
    let obstacle = listening.obstacle().unwrap().to_string();
    assert!(
        obstacle.contains(&format!("{} (mode 0700)", theirs.display())),
        "{obstacle}"
    );
}

#[tokio::test]
async fn the_directory_that_lets_the_group_not_pass_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let (between, path) = (folder.path().join("a"), folder.path().join("a/b/oracle.sock"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "").unwrap();
    for directory in [folder.path(), between.as_path(), path.parent().unwrap()] {
        open(directory, 0o711);
    }
    assert_eq!(my_group().obstacle(&path), None);
    open(&between, 0o701);
    let obstacle = my_group().obstacle(&path).unwrap().to_string();
    assert!(
        obstacle.contains(&format!("{} (mode 0701)", between.display())),
        "{obstacle}"
    );
    assert_eq!(
        Access::default().obstacle(&path),
        None,
        "nobody else is to reach it"
    );
}

#[tokio::test]
async fn a_socket_whose_file_was_removed_or_replaced_is_made_again_and_who_sits_stays() {
    let stage = stage(Access::default()).await;
    let mut sits = attach(&stage.path).await.unwrap();
    let comes = async || {
        let patience = crate::TIMEOUT;
        tokio::time::timeout(patience, async {
            while attach(&stage.path).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("nobody can attach any more");
    };
    std::fs::remove_file(&stage.path).unwrap();
    comes().await;
    // what a session leaves when it ends
    std::fs::remove_dir_all(stage.path.parent().unwrap()).unwrap();
    comes().await;
    std::fs::remove_file(&stage.path).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&stage.path).unwrap());
    comes().await;
    let next = changed(&busy(), 8);
    stage.engine.snapshots.send_replace(Arc::new(next.clone()));
    until(&mut sits.handle, &next).await;
    // another engine's socket is not ours to remove
    std::fs::remove_file(&stage.path).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&stage.path).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    drop(stage.listening);
    assert!(stage.path.exists());
    drop(other);
}

/// The pause was taken: whoever hears nothing of it any more must not take that for a refusal.
#[tokio::test]
async fn an_answer_that_is_lost_with_the_engine_or_the_link_is_no_refusal() {
    for link in [true, false] {
        let mut stage = stage(Access::default()).await;
        let attached = attach(&stage.path).await.unwrap();
        let seat = attached.handle.seat(crate::engine::Identity::new("x"));
        let asked = tokio::spawn(async move { seat.request(Request::Pause { scope: Scope::All }).await });
        let taken = next_asked(&mut stage.engine).await.unwrap();
        match link {
            true => drop(stage.listening),
            false => drop((taken, stage.engine)),
        }
        let lost = asked.await.unwrap();
        assert!(matches!(lost, Err(Refused::NotKnown(_))), "{lost:?}");
    }
}

/// An engine that hangs after it has greeted keeps nobody waiting for ever.
#[tokio::test]
async fn an_engine_that_swallows_a_request_is_waited_for_within_bounds() {
    let mut stage = stage(Access::default()).await;
    let attached = attach(&stage.path).await.unwrap();
    let seat = attached
        .handle
        .seat(crate::engine::Identity::new("x"))
        .with_patience(std::time::Duration::from_millis(200));
    let asked = tokio::spawn(async move { seat.request(Request::Pause { scope: Scope::All }).await });
    let _swallowed = next_asked(&mut stage.engine).await.unwrap();
    let lost = asked.await.unwrap();
    assert!(matches!(lost, Err(Refused::NotKnown(_))), "{lost:?}");
}

/// Changes are gathered for a while, and the answer must not overtake them.
#[tokio::test]
async fn what_was_taken_is_seen_by_whoever_is_told_so() {
    let mut stage = stage(Access::default()).await;
    let attached = attach(&stage.path).await.unwrap();
    let seat = attached.handle.seat(crate::engine::Identity::new("x"));
    for revision in 100..110 {
        let asked = tokio::spawn({
            let seat = seat.clone();
            async move {
                seat.request(Request::Pause { scope: Scope::All }).await.unwrap();
                seat.snapshots.borrow().revision
            }
        });
        let Some(ToEngine::Request { reply, .. }) = next_asked(&mut stage.engine).await else {
            panic!("no request")
        };
        stage
            .engine
            .snapshots
            .send_replace(Arc::new(changed(&busy(), revision)));
        let message = "paused".into();
        reply.send(Ok(Accepted { message })).unwrap();
        assert_eq!(asked.await.unwrap(), revision);
        // the next command of somebody else
        let other = attach(&stage.path).await.unwrap();
        assert_eq!(other.handle.snapshots.borrow().revision, revision);
    }
}

/// Pushed out by others before it had greeted, or found no room at the door.
#[tokio::test]
async fn whoever_comes_to_a_crowded_door_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oracle.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let engine = tokio::spawn(async move {
        for n in 0..5 {
            let (mut stream, _) = listener.accept().await.unwrap();
            if n % 2 == 0 {
                let hello = ToSeat::Hello(Hello::of_this_program());
                frame::write(&mut stream, &hello).await.unwrap();
            }
        }
        drop(listener);
    });
    // five are hung up on, and then nobody listens any more
    let refused = attach(&path).await.unwrap_err();
    assert!(matches!(refused, AttachError::NoEngine(_)), "{refused}");
    engine.await.unwrap();
}

/// Nothing is looked up for a stranger who comes in a loop, and whoever may sit has the door to himself.
#[tokio::test]
async fn strangers_are_refused_at_once() {
    let access = Access {
        approve: vec![Who::User("nobody-here".to_owned())],
        ..Access::default()
    };
    let stage = stage(access).await;
    for _ in 0..3 * door::AT_THE_DOOR {
        let stream = UnixStream::connect(&stage.path).await.unwrap();
        let mut lines = frame::Lines::new(stream, frame::TO_SEAT);
        assert!(matches!(lines.next().await.unwrap(), Some(ToSeat::Hello(_))));
        let Some(ToSeat::NotAdmitted(why)) = lines.next().await.unwrap() else {
            panic!("let in")
        };
        assert!(why.as_str().contains("attach.view"), "{why}");
        // it is not waited for a word of theirs
        assert!(lines.next::<ToSeat>().await.unwrap().is_none());
    }
}
