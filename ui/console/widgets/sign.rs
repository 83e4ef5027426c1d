//! Signs beside words. Each has a form for terminals and fonts that have ASCII only.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Ok,
    Fail,
    Unknown,
    Stale,
    Warn,
    Waiting,
    Marked,
    Running,
    Queued,
    Idle,
    Paused,
    Done,
    Here,
    Dot,
    Rule,
}

impl Sign {
    /// The sign in one column.
    pub(crate) fn glyph(self, ascii: bool) -> &'static str {
        let (unicode, plain) = match self {
            Sign::Ok => ("✓", "+"),
            Sign::Fail => ("✗", "x"),
            Sign::Unknown => ("?", "?"),
            Sign::Stale => ("◌", "~"),
            Sign::Warn => ("!", "!"),
            Sign::Waiting => ("●", "*"),
            Sign::Marked => ("■", "#"),
            Sign::Running => ("◐", "o"),
            Sign::Queued => ("○", "."),
            Sign::Idle => ("·", "."),
            Sign::Paused => ("‖", "="),
            Sign::Done => ("✓", "+"),
            Sign::Here => ("▌", ">"),
            Sign::Dot => ("·", "-"),
            Sign::Rule => ("│", "|"),
        };
        if ascii { plain } else { unicode }
    }
}

/// A sign that turns while something runs; four frames a second are calm and enough.
pub(crate) fn spinner(mono: std::time::Duration, animations: bool, ascii: bool) -> &'static str {
    if !animations {
        return Sign::Running.glyph(ascii);
    }
    let frames = if ascii {
        ["|", "/", "-", "\\"]
    } else {
        ["◐", "◓", "◑", "◒"]
    };
    frames[(mono.as_millis() / 250 % 4) as usize]
}
