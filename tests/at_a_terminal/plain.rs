//! The front end that takes lines, in a terminal that can do nothing else.

use super::demo::{SOON, WORK};
use super::terminal::Terminal;

/// The code that approves this action, once its page is printed to its end: an older page has another one.
fn code(raw: &str, id: &str) -> Option<String> {
    let (_, page) = raw.rsplit_once(&format!("action: {id}"))?;
    let (page, _) = page.split_once("To reject: reject REASON")?;
    let mut lines = page.lines().rev();
    lines.find_map(|line| Some(line.trim().strip_prefix("To approve: approve ")?.to_owned()))
}

/// Waits until something was printed, wherever the terminal has scrolled to.
fn printed(terminal: &mut Terminal, what: &str) {
    terminal.wait_raw(what, WORK);
}

/// Opens the first action that waits, whose kind is this, and approves it by its code.
fn approve(terminal: &mut Terminal, id: &str, kind: &str) {
    printed(terminal, &format!("{id} waits for a decision"));
    terminal.press(&format!("open {id}\r"));
    printed(terminal, &format!("kind: {kind}"));
    let code = terminal.find_raw(&format!("page of {id} with its code"), WORK, |raw| code(raw, id));
    terminal.press("approve baba-baba-baba-baba\r");
    printed(terminal, "is not the code of");
    terminal.press(&format!("approve {code}\r"));
}

#[test]
fn from_request_to_deposit_by_lines() {
    let home = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--pools", "1", "--operators", "4", "--no-requests"];
    // the last one counts
    let mut terminal = Terminal::start(&arguments, home.path(), &[("TERM", "dumb")], 200, 50);
    printed(&mut terminal, "Type help for what can be typed");
    terminal.press("aprove\r");
    printed(&mut terminal, "did you mean approve?");
    terminal.press("approve bako-fuzi-higo-lomu\r");
    printed(&mut terminal, "open an action first");
    approve(&mut terminal, "deposit/1#1", "keygen");
    approve(&mut terminal, "deposit/1#2", "send-deposit");
    terminal.press("lever basefee 2\r");
    printed(&mut terminal, "the next block's base fee is 2 gwei");
    printed(&mut terminal, "the transaction is included in block");
    terminal.press("case deposit/1\rceremonies\rtransactions\rstatus\r");
    printed(&mut terminal, "validator: 0x");
    printed(&mut terminal, "everything is here");
    // the first asks where something is under way
    terminal.press("quit\rquit\r");
    let status = terminal.end(SOON);
    assert!(status.success(), "{status:?}");
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    assert!(!raw.contains('\x1b'), "no escape sequence: {raw}");
    assert!(raw.contains("--keep DIR"), "{raw}");
}
