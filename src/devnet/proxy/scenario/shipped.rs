//! The scenarios that come with the program: `devnet/proxy/scenarios/`. Each begins with what must be true while it
//! runs, and what must be on the screen; the words of that are in `[ends]`.
//!
//! They use these variables: `manager`, the pool manager's address; `ssv`, the address of SSV's contract; `liar`, the
//! target that lies, such as `execution.0`, so that each of two or three endpoints can be the liar.

/// Lists the files by their names.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../scenarios/", $name, ".toml")))),*]
    };
}

/// Name and text of every scenario, by name.
const SHIPPED: &[(&str, &str)] = files![
    "beacon-answers-404-below-states",
    "beacon-answers-404-to-everything",
    "beacon-claims-a-final-epoch",
    "beacon-clock-25-hours-ahead",
    "beacon-is-a-web-server",
    "beacon-is-of-another-chain",
    "beacon-is-optimistic",
    "beacon-is-syncing",
    "beacon-lists-no-validators",
    "chain-id-changes-while-running",
    "clock-25-hours-ahead",
    "clock-25-hours-behind",
    "clock-in-the-year-1970",
    "clock-in-the-year-3122",
    "connection-lost",
    "endpoints-hang",
    "execution-answers-404",
    "execution-answers-nothing",
    "execution-claims-an-empty-account",
    "execution-claims-there-is-no-code",
    "execution-has-no-state",
    "execution-is-a-web-server",
    "execution-is-syncing",
    "execution-knows-no-receipts",
    "execution-reverts-every-deposit",
    "final-block-forged",
    "head-called-final",
    "head-claimed-1000-blocks-ahead",
    "head-claimed-in-eternity",
    "head-stands-still",
    "log-added-deposit-initiated",
    "log-added-deposit-initiated-with-receipts",
    "log-added-deposit-requested",
    "log-added-exit-requested",
    "log-added-reshare-requested",
    "log-added-reshared",
    "log-added-validator-added",
    "log-altered",
    "log-backend-clips-in-silence",
    "log-backend-one-block-behind",
    "log-left-out",
    "log-marked-as-removed",
    "log-told-twice",
    "logs-limited-as-too-often",
    "logs-limited-by-alchemy",
    "logs-limited-by-alchemy-free",
    "logs-limited-by-ankr",
    "logs-limited-by-blockpi",
    "logs-limited-by-drpc",
    "logs-limited-by-geth",
    "logs-limited-by-infura",
    "logs-limited-by-publicnode",
    "logs-limited-by-quicknode",
    "logs-limited-by-reth",
    "messenger-answers-404-to-everything",
    "messenger-is-a-web-server",
    "messenger-restarts-for-15-s",
    "operator-answers-404",
    "operator-is-a-web-server",
    "pool-full-at-the-first-endpoint",
    "pool-full-everywhere",
    "rate-limited-with-retry-after",
    "rate-limited-without-a-word",
    "ready-queue-altered",
    "ssv-api-answers-404-to-everything",
    "ssv-api-answers-about-another-operator",
    "ssv-api-answers-with-an-unreadable-key",
    "ssv-api-is-a-web-server",
    "ssv-api-is-away",
    "transaction-swallowed",
    "transaction-taken-and-answer-lost",
    "transaction-taken-and-refused",
    "two-endpoints-limited-to-10-blocks",
];

/// Name and text of every scenario that comes with the program, by name.
#[must_use]
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    SHIPPED
}

/// What a person sees of one of them: the words at its head.
#[must_use]
pub fn on_the_screen(name: &str) -> Option<String> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    let (_, words) = text.split_once("\n# On the screen: ")?;
    let words = words.lines().enumerate();
    let words = words.map_while(|(nth, line)| match nth {
        0 => Some(line.trim()),
        _ => line.strip_prefix("# ").map(str::trim),
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devnet::proxy::{Scenario, Variables};

    #[test]
    fn every_file_is_listed_readable_and_says_what_must_be_true() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/devnet/proxy/scenarios");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        files.sort_unstable();
        let listed: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, files);
        let address = |byte: &str| format!("0x{}", byte.repeat(20));
        let variables = Variables::from([
            ("manager".to_owned(), address("aa")),
            ("ssv".to_owned(), address("bb")),
            ("liar".to_owned(), "execution.0".to_owned()),
        ]);
        for (name, text) in SHIPPED {
            let liar = if name.starts_with("beacon") {
                "beacon.0"
            } else {
                "execution.0"
            };
            let mut variables = variables.clone();
            variables.insert("liar".to_owned(), liar.to_owned());
            let scenario =
                Scenario::shipped(name, &variables).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(scenario.name(), *name);
            for words in ["\n# Must be true: ", "\n# On the screen: "] {
                assert!(text.contains(words), "{name}: {words:?}");
            }
            let told = on_the_screen(name).unwrap();
            for syntax in ["#", "…", "`cut`", "`mended`", "lever"] {
                let words = format!("{}: {told}", scenario.about());
                assert!(!words.contains(syntax), "{name}: {words}");
            }
        }
    }
}
