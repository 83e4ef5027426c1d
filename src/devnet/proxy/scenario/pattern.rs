//! Patterns of method names and paths.

/// `*` stands for anything without a slash, `**` for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::devnet::proxy) struct Pattern(String);

impl Pattern {
    pub(in crate::devnet::proxy) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(in crate::devnet::proxy) fn matches(&self, text: &str) -> bool {
        glob(self.0.as_bytes(), text.as_bytes())
    }
}

/// Goes back to the last star only: a pattern of many stars costs no more than length times length.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // where to go on when what follows a star does not fit: after the star, and the text that it has not eaten yet
    let mut deep: Option<(usize, usize)> = None;
    let mut flat: Option<(usize, usize)> = None;
    loop {
        if pattern[p..].starts_with(b"**") {
            p += 2;
            (deep, flat) = (Some((p, t)), None);
        } else if pattern[p..].starts_with(b"*") {
            p += 1;
            flat = Some((p, t));
        } else if p < pattern.len() && t < text.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if p == pattern.len() && t == text.len() {
            return true;
        } else if let Some((after, from)) =
            flat.filter(|(_, from)| text.get(*from).is_some_and(|c| *c != b'/'))
        {
            flat = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else if let Some((after, from)) = deep.filter(|(_, from)| *from < text.len()) {
            (deep, flat) = (Some((after, from + 1)), None);
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_within_a_segment() {
        for (pattern, text, fits) in [
            ("eth_getLogs", "eth_getLogs", true),
            ("eth_getLogs", "eth_getLog", false),
            ("eth_get*", "eth_getLogs", true),
            ("eth_*Transaction*", "eth_sendRawTransaction", true),
            ("*", "eth_call", true),
            ("/eth/*/node/syncing", "/eth/v1/node/syncing", true),
            ("/eth/*/syncing", "/eth/v1/node/syncing", false),
            (
                "/eth/v1/beacon/states/**",
                "/eth/v1/beacon/states/head/validators/0x1",
                true,
            ),
            (
                "/eth/**/validators/*",
                "/eth/v1/beacon/states/head/validators/7",
                true,
            ),
            (
                "/eth/**/validators/*",
                "/eth/v1/beacon/states/head/validators/7/8",
                false,
            ),
            ("**", "/", true),
            ("", "", true),
            ("", "/", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbYd", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), fits, "{pattern} {text}");
        }
        let stars = "*a".repeat(50);
        assert!(!Pattern::new(stars).matches(&"a".repeat(40)));
    }
}
