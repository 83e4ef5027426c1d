//! The director's box by keys, and what follows when one operator is the target of several levers.

use super::demo::{SOON, WORK};
use super::terminal::Terminal;

/// Opens the box, types a line, and waits for what is said of it.
fn pull(terminal: &mut Terminal, line: &str, said: &str) {
    terminal.press("D");
    terminal.expect("heal OPERATOR", SOON);
    terminal.press(&format!("{line}\r"));
    terminal.expect(said, WORK);
}

/// How many of the four operators are up, as the header has it.
fn are_up(terminal: &mut Terminal, up: u8) {
    let what = format!("{up} of 4 operators up in the header");
    let tally = format!(" {up}/4");
    terminal.wait(&what, WORK, |text| {
        let operators = text.lines().find_map(|line| line.split_once("operators "));
        operators.is_some_and(|(_, tail)| tail.split_whitespace().nth(1) == Some(tally.trim()))
    });
}

#[test]
fn levers_by_keys_also_the_second_one_on_the_same_operator() {
    let home = tempfile::tempdir().unwrap();
    let arguments = [
        "demo",
        "--pools",
        "1",
        "--operators",
        "4",
        "--still",
        "--no-requests",
    ];
    let mut terminal = Terminal::start(&arguments, home.path(), &[], 160, 45);
    terminal.expect("1 overview", WORK);
    are_up(&mut terminal, 4);
    // refused in words, and nothing is pulled
    pull(&mut terminal, "hnag 4", "did you mean hang?");
    pull(&mut terminal, "hang", "hang wants OPERATOR");
    pull(&mut terminal, "hang 9", "there is no operator 9 here");
    are_up(&mut terminal, 4);
    // who hangs is still there for another lever, and no longer after a kill
    pull(
        &mut terminal,
        "hang 4",
        "operator 4 hangs: its process stands still",
    );
    are_up(&mut terminal, 3);
    pull(&mut terminal, "slow 4 2", "operator 4 is slower by 2 s");
    pull(&mut terminal, "heal 4", "operator 4 runs and is honest");
    are_up(&mut terminal, 4);
    pull(
        &mut terminal,
        "hang 4",
        "operator 4 hangs: its process stands still",
    );
    pull(
        &mut terminal,
        "kill 4",
        "operator 4 was killed: its process is gone",
    );
    for again in ["kill 4", "hang 4", "lie 4"] {
        pull(&mut terminal, again, "it was killed, and heal 4 starts it again");
        // the next refusal has the same words
        terminal.press("D\r");
        terminal.wait("the refusal is gone", SOON, |text| {
            !text.contains("was killed, and heal")
        });
    }
    are_up(&mut terminal, 3);
    pull(&mut terminal, "heal 4", "operator 4 runs and is honest");
    are_up(&mut terminal, 4);
    terminal.press("Qy");
    let status = terminal.end(SOON);
    assert!(status.success(), "{status:?}");
}
