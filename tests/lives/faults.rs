//! Faults of one life on every line to the outside, as its seed has them.

use std::fmt::Write as _;
use std::path::Path;

use casimir_dkg::devnet::proxy::{Scenario, Variables};
use rand::Rng;
use rand::seq::SliceRandom as _;

/// What the scenario is called.
pub(super) const NAME: &str = "life";

const LINES: &[&str] = &["execution", "beacon", "messenger", "operator"];

/// What happens to a call, as a scenario says it.
const FAULTS: &[&str] = &[
    r#"fault = "reset""#,
    r#"fault = "reset", forward = true"#,
    r#"fault = "delay", time = "700 ms""#,
    r#"fault = "hang""#,
    r#"fault = "hang", forward = true"#,
    r#"fault = "half""#,
    r#"fault = "status", code = 503"#,
    r#"fault = "status", code = 500, forward = true"#,
    r#"fault = "status", code = 429"#,
    r#"fault = "html""#,
];

/// Up to three of them on each line, often a little and sometimes much; now and then a line that is gone for a while.
pub(super) fn of(rng: &mut impl Rng, folder: &Path) -> Scenario {
    let mut text = "about = \"What went wrong in one life\"\n".to_owned();
    let mut rule = |name: &str, line: &str, when: &str, does: &str| {
        let _ = write!(
            text,
            "[[rule]]\nname = \"{name}\"\nat = \"{line}\"\nwhen = {{ {when} }}\ndoes = {{ {does} }}\n"
        );
    };
    for line in LINES {
        let some = rng.gen_range(1..=3);
        let chosen: Vec<&str> = FAULTS.choose_multiple(rng, some).copied().collect();
        for (n, does) in chosen.into_iter().enumerate() {
            let chance = *[0.005, 0.02, 0.1].choose(rng).unwrap();
            let when = format!("chance = {chance}, seed = {}", rng.gen_range(0..1_000_000));
            rule(&format!("{line}-{n}"), line, &when, does);
        }
    }
    if rng.gen_bool(0.3) {
        let line = LINES.choose(rng).unwrap();
        let when = format!("lasts = \"{} ms\"", rng.gen_range(500..8_000));
        rule("gone", line, &when, r#"fault = "reset""#);
    }
    let file = folder.join(format!("{NAME}.toml"));
    std::fs::write(&file, text).unwrap();
    Scenario::load(&file, &Variables::default()).unwrap()
}
