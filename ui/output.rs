//! The only module that writes to stdout and stderr. stdout: results. stderr: everything else.

use std::io::Write;

use casimir_dkg::types::SafeText;
use serde::Serialize;

/// A line of the result. A reader that went away (`| head`) ends the program quietly.
pub(crate) fn line(text: &str) {
    raw(&format!("{text}\n"));
}

/// A result that brings its own line ends: a file, a script.
pub(crate) fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        // nobody reads any more, there is nobody left to tell
        std::process::exit(0);
    }
}

/// One JSON object on a line.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(e) => error(&format!("cannot write JSON: {e}")),
    }
}

/// To stderr.
pub(crate) fn note(text: &str) {
    // a closed stderr must not stop the work
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// To stderr, each line made safe: errors repeat what others said.
pub(crate) fn error(text: &str) {
    for (n, line) in text.lines().enumerate() {
        let prefix = if n == 0 { "error: " } else { "       " };
        note(&format!("{prefix}{}", SafeText::new(line)));
    }
}
