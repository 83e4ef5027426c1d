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

/// Whether the terminal shows nothing beyond ASCII for sure: by a locale without UTF-8, as `LC_ALL`, `LC_CTYPE` and `LANG`
/// say it in this order, or on the kernel's own console. Where no locale is said, that says nothing.
pub(crate) fn ascii_only(var: impl Fn(&str) -> Option<String>) -> bool {
    if var("TERM").as_deref() == Some("linux") {
        return true;
    }
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(var);
    let locale = said
        .filter(|value| !value.is_empty())
        .map(|value| value.to_lowercase())
        .next();
    locale.is_some_and(|locale| !locale.contains("utf-8") && !locale.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_follows_the_first_locale_that_is_said_and_the_terminal() {
        let cases: [(&[(&str, &str)], bool); 7] = [
            (&[], false),
            (&[("LANG", "de_AT.UTF-8")], false),
            (&[("LANG", "C.utf8")], false),
            (&[("LANG", "C")], true),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")], true),
            (
                &[("LANG", "C"), ("LC_ALL", ""), ("LC_CTYPE", "en_GB.UTF-8")],
                false,
            ),
            (&[("LANG", "C.UTF-8"), ("TERM", "linux")], true),
        ];
        for (vars, expected) in cases {
            let var = |name: &str| {
                let found = vars.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(ascii_only(var), expected, "{vars:?}");
        }
    }

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
