//! Prompts for secrets: a signal in the middle of one ends the program, and the terminal is as it was.

use std::time::Duration;

use super::terminal::Terminal;

const TIMEOUT: Duration = crate::TIMEOUT;

#[test]
fn a_signal_at_a_password_prompt_ends_the_program_and_gives_the_terminal_back() {
    // the key, and what the system sends at a shutdown
    for signal in [None, Some("TERM")] {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key.json");
        let mut terminal = Terminal::start(
            &["keystore", "new", file.to_str().unwrap()],
            home.path(),
            &[],
            80,
            24,
        );
        terminal.expect("New password:", TIMEOUT);
        let begun = std::time::Instant::now();
        while terminal.echoes() {
            assert!(begun.elapsed() < TIMEOUT, "a password would be shown");
            std::thread::sleep(Duration::from_millis(10));
        }
        match signal {
            None => terminal.press("\x03"),
            Some(name) => terminal.signal(name),
        }
        assert_eq!(terminal.end(TIMEOUT).exit_code(), 130);
        assert!(terminal.echoes(), "what is typed is shown again");
        assert!(!file.exists());
    }
}
