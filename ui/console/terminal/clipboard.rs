//! OSC 52: text for the user's clipboard, through ssh and, wrapped, through tmux.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The control sequence that copies `text`.
pub(crate) fn sequence(text: &str, tmux: bool) -> String {
    let osc = format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
    if tmux {
        // tmux takes the plain form with `set-clipboard on`, and passes the wrapped one on with `allow-passthrough`
        format!("{osc}\x1bPtmux;{}\x1b\\", osc.replace('\x1b', "\x1b\x1b"))
    } else {
        osc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base64_of_the_text_is_sent() {
        assert_eq!(sequence("0xab", false), "\x1b]52;c;MHhhYg==\x07");
        assert_eq!(
            sequence("0xab", true),
            "\x1b]52;c;MHhhYg==\x07\x1bPtmux;\x1b\x1b]52;c;MHhhYg==\x07\x1b\\"
        );
        assert!(!sequence("\x1b]0;x\x07", false)[1..].contains('\x1b'));
    }
}
