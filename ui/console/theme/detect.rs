//! What the terminal can show, from the environment. Nothing is asked of the terminal itself: an answer could arrive
//! late and be taken for keys.

use super::Depth;

/// Colour depth by `NO_COLOR`, `COLORTERM` and `TERM`; `var` reads an environment variable.
pub(crate) fn depth(var: impl Fn(&str) -> Option<String>) -> Depth {
    // https://no-color.org: present and not empty
    if var("NO_COLOR").is_some_and(|v| !v.is_empty()) {
        return Depth::Mono;
    }
    let term = var("TERM").unwrap_or_default();
    if term == "dumb" || term.ends_with("-m") || term.contains("vt100") || term.contains("vt220") {
        return Depth::Mono;
    }
    let colorterm = var("COLORTERM").unwrap_or_default();
    if colorterm == "truecolor" || colorterm == "24bit" || term.ends_with("-direct") {
        Depth::True
    } else if term.contains("256color") {
        Depth::Indexed
    } else {
        Depth::Ansi
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_follows_no_color_then_the_terminal() {
        let cases: [(&[(&str, &str)], Depth); 7] = [
            (
                &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")],
                Depth::True,
            ),
            (&[("TERM", "xterm-256color")], Depth::Indexed),
            (&[("TERM", "xterm-direct")], Depth::True),
            (&[("TERM", "xterm")], Depth::Ansi),
            (&[("TERM", "vt100"), ("COLORTERM", "truecolor")], Depth::Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Mono),
            (&[("TERM", "xterm"), ("NO_COLOR", "")], Depth::Ansi),
        ];
        for (vars, expected) in cases {
            let var = |name: &str| {
                vars.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| (*v).to_owned())
            };
            assert_eq!(depth(var), expected, "{vars:?}");
        }
    }
}
