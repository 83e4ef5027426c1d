//! The demo, driven by keys.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::terminal::Terminal;

/// A local chain, contracts, a messenger and operators must come up first.
const UP: Duration = crate::TIMEOUT;
pub(crate) const SOON: Duration = crate::TIMEOUT;
pub(crate) const WORK: Duration = crate::TIMEOUT;

pub(crate) fn demo(home: &tempfile::TempDir, extra: &[(&str, &str)], columns: u16, rows: u16) -> Terminal {
    let mut terminal = Terminal::start(
        &["demo", "--pools", "1", "--operators", "4"],
        home.path(),
        extra,
        columns,
        rows,
    );
    terminal.expect("1 overview", UP);
    terminal
}

/// Opens the first waiting action of that kind: `deposit` and `keygen`, `exit` and `sign-exit`.
fn open(terminal: &mut Terminal, case: &str, kind: &str) {
    // Ctrl-U empties the filter of the time before
    terminal.press(&format!("2/\x15waiting {kind}\r"));
    let row = |t: &str| t.lines().any(|l| l.contains("● waiting") && l.contains(kind));
    terminal.wait(&format!("a waiting {kind}"), WORK, row);
    terminal.press("g\r");
    // a key that comes before the page is on the screen would not count
    terminal.expect(&format!("▸ action {case}/"), SOON);
}

/// Said where the page in front became another one before the key came.
const CHANGED: &str = "it changed while you looked";
/// Said in the place of a question that closed by itself.
const CLOSED: &str = "the question is closed";

/// What the screen says to the key that approves.
enum Said {
    /// What was waited for.
    Asked,
    /// More of the page must be seen first, and is on the screen now.
    More,
    /// It is to be read again.
    Changed,
}

/// What an approval took.
#[derive(Default)]
pub(crate) struct Presses {
    keys: usize,
    /// A check was late or its answer another one, so that more had to be read than when everything answers at once.
    were_more: bool,
}

/// Presses the key that approves until the screen has all of `asked`, as a person does: what changed in between is read
/// again, and what a small screen has cut comes into view first.
pub(crate) fn ask(terminal: &mut Terminal, asked: &[&str]) -> Presses {
    let mut presses = Presses::default();
    loop {
        let before = part_of_page(&terminal.text());
        terminal.press("a");
        let said = terminal.find(&format!("{asked:?}, or why not"), SOON, |now| {
            let more = now.contains("was on the screen yet") && part_of_page(now) != before;
            match () {
                () if asked.iter().all(|part| now.contains(part)) => Some(Said::Asked),
                () if more => Some(Said::More),
                () if now.contains(CHANGED) || now.contains(CLOSED) => Some(Said::Changed),
                () => None,
            }
        });
        presses.keys += 1;
        match said {
            Said::Asked => return presses,
            Said::More => {}
            Said::Changed => again(terminal),
        }
        presses.were_more = true;
    }
}

/// Closes what took the place of a question, and waits until nothing that was said before can be taken for an answer.
fn again(terminal: &mut Terminal) {
    if terminal.text().contains(CLOSED) {
        terminal.press("\x1b");
    }
    terminal.wait("what was said is gone", SOON, |now| {
        !now.contains(CHANGED) && !now.contains(CLOSED)
    });
}

/// Approves what is in front, once `asked` asks for it.
fn say_yes(terminal: &mut Terminal, asked: &[&str]) -> Presses {
    let mut presses = Presses::default();
    loop {
        let to_ask = ask(terminal, asked);
        presses.keys += to_ask.keys + 1;
        presses.were_more |= to_ask.were_more;
        if answer(terminal) {
            return presses;
        }
        presses.were_more = true;
    }
}

/// Answers the question that is open, unless it closes by itself before.
fn answer(terminal: &mut Terminal) -> bool {
    terminal.press("y");
    let is_decided = terminal.find("the decision, or why there is none", SOON, |now| {
        let decided = now.lines().any(|line| {
            line.contains("decided by") || line.contains("decision ") && line.contains("approved")
        });
        (decided || now.contains(CLOSED)).then_some(decided)
    });
    if !is_decided {
        again(terminal);
    }
    is_decided
}

/// Finds the waiting action of that kind, opens it, reads it, approves it.
pub(crate) fn approve(terminal: &mut Terminal, kind: &str) {
    approve_in(terminal, "deposit", kind);
}

fn approve_in(terminal: &mut Terminal, case: &str, kind: &str) {
    open(terminal, case, kind);
    say_yes(terminal, &[&format!("Approve {case}/"), "y approve"]);
    terminal.press("q");
}

/// The same for what cannot be undone: the phrase that the screen asks for is typed.
fn approve_by_phrase(terminal: &mut Terminal, kind: &str) {
    const ASKS: &str = "To go on, type:";
    open(terminal, "exit", kind);
    loop {
        ask(terminal, &[ASKS]);
        let text = terminal.text();
        let phrase = text.split_once(ASKS).and_then(|(_, after)| after.lines().next());
        let phrase = phrase.unwrap_or_default().trim_matches([' ', '│']);
        assert!(phrase.starts_with("exit "), "{text}");
        terminal.press(&format!("{phrase}\r"));
        let is_asked = terminal.find("the question, or why there is none", SOON, |now| {
            let asked = now.contains("Approve exit/") && now.contains("y approve");
            let closed = now.contains("nothing was sent") || now.contains("is not used");
            (asked || closed).then_some(asked)
        });
        if is_asked && answer(terminal) {
            break;
        }
        terminal.press("\x1b");
    }
    terminal.press("q");
}

#[test]
fn a_reshare_and_an_exit_by_keys() {
    let home = tempfile::tempdir().unwrap();
    // the first staked pool is asked to be reshared and the second to exit, 20 s after they are staked
    let arguments = ["demo", "--pools", "2", "--operators", "5"];
    let mut terminal = Terminal::start(&arguments, home.path(), &[], 140, 42);
    terminal.expect("1 overview", UP);
    for _ in 0..2 {
        approve(&mut terminal, "keygen");
    }
    for _ in 0..2 {
        approve(&mut terminal, "send-deposit");
    }
    approve_in(&mut terminal, "reshare", "reshare");
    approve_in(&mut terminal, "reshare", "send-reshare");
    terminal.press("3/\x15reshare\r");
    terminal.wait("the end of the reshare", WORK, |t| {
        t.lines().any(|l| l.contains("reshare/") && l.contains("done"))
    });
    approve_by_phrase(&mut terminal, "sign-exit");
    approve_by_phrase(&mut terminal, "broadcast-exit");
    terminal.press("3/\x15exit\r");
    terminal.wait("the end of the exit", WORK, |t| {
        t.lines().any(|l| l.contains("exit/") && l.contains("done"))
    });
    terminal.press("\x03\x03");
    let status = terminal.end(crate::TIMEOUT);
    assert!(matches!(status.exit_code(), 0 | 130), "{status:?}");
    assert!(terminal.is_restored());
}

#[test]
fn from_request_to_a_mined_deposit_by_keys() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, &[], 120, 40);
    let screen = terminal.text();
    assert!(
        screen.contains("DEVNET") && screen.contains("simulated"),
        "{screen}"
    );

    approve(&mut terminal, "keygen");
    approve(&mut terminal, "send-deposit");
    terminal.press("5");
    terminal.wait("the transaction in a block", WORK, |t| {
        t.contains("included") || t.contains("final")
    });

    // a mined deposit has a file that says so
    terminal.press("3");
    terminal.expect("deposit/", SOON);
    terminal.press("q");
    terminal.press("q");
    // whatever is in flight, it is asked
    terminal.expect("▸ quit", SOON);
    terminal.press("y");
    let status = terminal.end(crate::TIMEOUT);
    assert!(status.success(), "{status:?}");
    assert!(terminal.is_restored());
    for off in ["\x1b[?2004l", "\x1b[?1004l", "\x1b[?1049l"] {
        let raw = terminal.raw();
        assert!(
            raw.windows(off.len()).any(|w| w == off.as_bytes()),
            "{off:?} was not sent"
        );
    }
}

/// A person's keys, counted; each is pressed when the screen shows what it is for.
struct Fingers<'a> {
    terminal: &'a mut Terminal,
    keys: usize,
    /// See [`Presses::were_more`].
    were_more: bool,
}

/// The lines of a long page that are on the screen: `lines 1-16 of 206`.
fn part_of_page(text: &str) -> Option<String> {
    let (_, after) = text.split_once(" lines ")?;
    let (part, _) = after.split_once(" of ")?;
    Some(part.to_owned())
}

impl Fingers<'_> {
    /// `key` as the terminal sends it, once the screen has `before`.
    fn press(&mut self, before: &str, key: &str) {
        self.terminal.expect(before, WORK);
        self.terminal.press(key);
        self.keys += 1;
    }

    /// `a a y`: opens what waits for this case, asks, and approves.
    fn approve(&mut self, before: &str, action: &str) {
        self.press(before, "a");
        let page = format!("▸ action {action}");
        // the footer is drawn last
        self.terminal.wait(&page, WORK, |now| {
            now.contains(&page) && now.contains("a approve")
        });
        let presses = say_yes(self.terminal, &["y approve"]);
        self.keys += presses.keys;
        self.were_more |= presses.were_more;
    }

    /// They are as many as are told, unless a slow machine held something up: then they are no fewer.
    fn are(&self, told: RangeInclusive<usize>) {
        let (keys, were_more) = (self.keys, self.were_more);
        assert!(
            told.contains(&keys) || were_more && keys > *told.end(),
            "{keys} keys where {told:?} are told"
        );
    }
}

/// The numbers that the handbook tells.
fn told(before: &str, after: &str) -> Vec<usize> {
    let page = include_str!("../../ui/handbook/console.md").replace('\n', " ");
    let (_, rest) = page.split_once(before).expect(before);
    let (numbers, _) = rest.split_once(after).expect(after);
    numbers
        .split(" to ")
        .map(|n| n.trim().parse().expect(numbers))
        .collect()
}

#[test]
fn a_newcomer_comes_to_a_finished_deposit_with_as_many_keys_as_are_told() {
    let home = tempfile::tempdir().unwrap();
    // a second pool would ask for keys of its own, at a time that nobody knows
    let arguments = ["demo", "--pools", "1", "--operators", "4", "--still"];
    let mut terminal = Terminal::start(&arguments, home.path(), &[], 80, 24);
    let mut fingers = Fingers {
        terminal: &mut terminal,
        keys: 0,
        were_more: false,
    };
    fingers.approve("next: a opens deposit/1#1", "deposit/1#1");
    // the page of the key generation is still open: the same key leads on when its deposit waits
    fingers.approve("1 waiting", "deposit/1#2");
    let [keys] = told("comes to a finished deposit with", "keys")[..] else {
        panic!("one number")
    };
    fingers.are(keys..=keys);
    terminal.press("5");
    terminal.wait("the transaction in a block", WORK, |t| {
        t.contains("included") || t.contains("final")
    });
    let readme = include_str!("../../README.md").replace('\n', " ");
    assert!(
        readme.contains(&format!("{keys} keys to a finished deposit")),
        "README.md"
    );
    terminal.press("\x03\x03");
    terminal.end(crate::TIMEOUT);
}

#[test]
fn six_pools_take_as_many_keys_as_are_told() {
    let home = tempfile::tempdir().unwrap();
    // a seventh pool would ask for keys of its own, at a time that nobody knows
    let arguments = [
        "demo",
        "--pools",
        "6",
        "--still",
        "--operators",
        "4",
        "--no-requests",
    ];
    let mut terminal = Terminal::start(&arguments, home.path(), &[], 80, 24);
    terminal.expect("6 waiting", UP);
    let mut fingers = Fingers {
        terminal: &mut terminal,
        keys: 0,
        were_more: false,
    };
    fingers.press("▸ approvals", "g");
    for marked in 0..6 {
        let before = match marked {
            0 => "space mark".to_owned(),
            1 => "1 action is marked".to_owned(),
            n => format!("{n} actions are marked"),
        };
        fingers.press(&before, " ");
    }
    fingers.press("6 actions are marked", "B");
    while fingers.terminal.text().contains("more below")
        || !fingers.terminal.text().contains("how many they are")
    {
        let before = fingers.terminal.text();
        if before.contains("more below") {
            fingers.press("more below", " ");
        }
        fingers.terminal.wait("the next page", SOON, |now| now != before);
    }
    fingers.press("how many they are", "6");
    fingers.press("6", "\r");
    for pool in 1..=6 {
        let action = format!("deposit/{pool}#2");
        let listed = |t: &str| t.lines().any(|l| l.contains("waiting") && l.contains(&action));
        if pool == 1 {
            fingers.terminal.wait(&action, WORK, listed);
            fingers.approve("next: a opens deposit/1#2", &action);
        } else {
            fingers.approve("1 waiting", &action);
        }
    }
    let [least, most] = told("Six pools at once take", "keys")[..] else {
        panic!("two numbers")
    };
    fingers.are(least..=most);
    terminal.press("3");
    terminal.wait("six deposits", WORK, |t| {
        (1..=6).all(|pool| {
            let case = format!("deposit/{pool} ");
            t.lines().any(|l| l.contains(&case) && !l.contains("decide"))
        })
    });
    terminal.press("\x03\x03");
    terminal.end(crate::TIMEOUT);
}

#[test]
fn resize_paste_and_no_color() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, &[("NO_COLOR", "1")], 80, 24);
    for (columns, rows) in [(60, 16), (20, 3), (1, 1), (200, 60), (59, 15)] {
        terminal.resize(columns, rows);
    }
    terminal.expect("needs 60x16", SOON);
    terminal.resize(100, 30);
    terminal.expect("? help", SOON);
    // a pasted "q" and "y" are text, not keys
    let paste = format!("\x1b[200~{}\x1b[201~", "qyay\r\n".repeat(150_000));
    terminal.press(&paste);
    terminal.press("?");
    terminal.expect("On the selected row", SOON);
    // no colour was ever set, while bold and reverse still are
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    let colour = raw.split("\x1b[").skip(1).any(|s| {
        let sgr = s
            .split(|c: char| !c.is_ascii_digit() && c != ';')
            .next()
            .unwrap_or_default();
        s[sgr.len()..].starts_with('m')
            && sgr
                .split(';')
                .any(|n| matches!(n.parse::<u8>(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107)))
    });
    assert!(!colour, "a colour was set under NO_COLOR");
    assert!(
        raw.contains("\x1b[7m") || raw.contains("\x1b[1m"),
        "neither bold nor reverse"
    );
    // an escape that comes together with another key would be Alt
    terminal.press("\x1b");
    terminal.wait("no help any more", SOON, |t| !t.contains("On the selected row"));
    terminal.press("\x03\x03");
    let status = terminal.end(crate::TIMEOUT);
    assert!(matches!(status.exit_code(), 0 | 130), "{status:?}");
    assert!(terminal.is_restored());
}

#[test]
fn a_hang_up_ends_the_process_and_what_it_started() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, &[], 80, 24);
    let pid = terminal.pid();
    terminal.hang_up();
    terminal.end(crate::TIMEOUT);
    nobody_is_left(pid);
}

/// Nothing of a process's group or session is left.
pub(crate) fn nobody_is_left(session: u32) {
    let start = Instant::now();
    loop {
        let left = std::process::Command::new("pgrep")
            .args(["-s", &session.to_string()])
            .output()
            .unwrap();
        if left.stdout.is_empty() {
            break;
        }
        assert!(
            start.elapsed() < SOON,
            "left: {}",
            String::from_utf8_lossy(&left.stdout)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn term_gives_the_terminal_back_and_stop_continue_repaints() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, &[], 80, 24);
    // suspending by key is refused with a reason
    terminal.press("\x1a");
    terminal.expect("not suspended", SOON);
    terminal.signal("TSTP");
    terminal.wait("the shell's screen", SOON, |t| !t.contains("overview"));
    assert!(terminal.is_restored());
    terminal.signal("CONT");
    terminal.expect("1 overview", SOON);
    assert!(terminal.on_alternate_screen());
    terminal.signal("TERM");
    let status = terminal.end(crate::TIMEOUT);
    let tail = |raw: Vec<u8>| String::from_utf8_lossy(&raw[raw.len().saturating_sub(400)..]).into_owned();
    assert!(terminal.is_restored(), "{status:?}: {:?}", tail(terminal.raw()));
}

/// `cargo test --release --test whole at_a_terminal::demo::idle -- --ignored --nocapture`
#[test]
#[ignore = "a measurement of ten seconds"]
#[expect(clippy::disallowed_macros, reason = "its result is what it prints")]
fn idle_console_costs_next_to_nothing() {
    let home = tempfile::tempdir().unwrap();
    let terminal = demo(&home, &[], 120, 40);
    let pid = terminal.pid();
    // utime and stime of the console's own thread, in ticks of 10 ms
    let ticks = || -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let of_task = |task: std::fs::DirEntry| -> u64 {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap();
            let (name, rest) = stat.rsplit_once(") ").unwrap();
            if !name.ends_with("(console") {
                return 0;
            }
            let fields: Vec<&str> = rest.split(' ').collect();
            fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
        };
        tasks.map(|t| of_task(t.unwrap())).sum()
    };
    let before = ticks();
    std::thread::sleep(Duration::from_secs(10));
    let used = (ticks() - before) * 10;
    println!("the console's thread used {used} ms of CPU time in 10 s on a chain with a block each second");
    assert!(used < 1_000, "{used} ms");
}
