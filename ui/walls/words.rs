//! What people read.

use super::source::{Source, places, sources, without_tests};

/// Where Debug output is made on purpose, and why nobody reads it by mistake.
const DEBUG: &[(&str, &str)] = &[
    ("src/core/types/text.rs", "is Debug itself"),
    ("src/devnet/proxy/lies/added.rs", "is hashed, not shown"),
    (
        "ui/log/ring.rs",
        "is how `tracing` hands over a field that was given by Display",
    ),
];

#[test]
fn people_read_plain_words() {
    let nobody: [String; 0] = [];
    let all = sources(&["src", "ui"]);
    assert_eq!(
        places(&all, |line| line.to_lowercase().contains("can not")),
        nobody
    );
}

/// Errors, lines and logs show what a value means, not how the program holds it: no `{:?}` in a format string, and no
/// `?field` in a log.
#[test]
fn people_read_no_debug_output() {
    let nobody: [String; 0] = [];
    let (meant, rest): (Vec<Source>, Vec<Source>) = without_tests(sources(&["src", "ui"]))
        .into_iter()
        .partition(|source| DEBUG.iter().any(|(file, _)| source.path == *file));
    assert_eq!(places(&rest, is_debug), nobody);
    for source in &meant {
        assert_ne!(
            places(std::slice::from_ref(source), is_debug),
            nobody,
            "{} needs no exception any more",
            source.path
        );
    }
    assert_eq!(meant.len(), DEBUG.len(), "a file of the exceptions is gone");
}

fn is_debug(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//") && (in_format(line) || in_log(line))
}

/// `{:?}`, `{name:?}`, `{0:#?}` and the like.
fn in_format(line: &str) -> bool {
    line.split('{').skip(1).any(|behind| {
        let inside = behind.split('}').next().unwrap_or_default();
        inside
            .split_once(':')
            .is_some_and(|(_, how)| how.ends_with('?') && !how.contains(' '))
    })
}

/// `?name` or `field = ?name`: nothing else in Rust begins with a question mark.
fn in_log(line: &str) -> bool {
    line.match_indices('?').any(|(at, _)| {
        let (before, behind) = (&line[..at], &line[at + 1..]);
        let begins = before.is_empty() || before.ends_with([' ', '(']);
        begins && behind.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
    })
}

#[test]
fn debug_output_is_recognised() {
    for line in [
        r#"format!("it says {first:?}")"#,
        r#"bail!("{:?}", text)"#,
        r#"#[error("{0:#?} is odd")]"#,
        r#"tracing::info!(pools = ?requested, "filled");"#,
        "?to,",
        r#"warn!(?error, "failed")"#,
    ] {
        assert!(is_debug(line), "{line}");
    }
    for line in [
        r#"format!("it says {first}")"#,
        "let x = y?;",
        r#"text("Approve? y or n")"#,
        "// `?to` is Debug output",
        r#"format!("{url}?id={id}")"#,
        "match ok()? { Some(a) => b?, _ => c }",
        r#"format!("{number:<5}")"#,
    ] {
        assert!(!is_debug(line), "{line}");
    }
}

/// What a rule decides in a moment is counted nowhere as what waits for a person.
#[test]
fn whoever_counts_what_waits_counts_what_waits_for_a_person() {
    // what the rules would decide, action by action, in another mode than auto
    let of_rules = ["ui/commands/seat/mode.rs", "ui/plain/show.rs"];
    let mut all = without_tests(sources(&["src", "ui"]));
    all.retain(|source| {
        let front_end = [
            "ui/plain/",
            "ui/commands/seat",
            "ui/headless/",
            "src/engine/monitor",
        ];
        front_end.iter().any(|of| source.path.starts_with(of))
    });
    assert!(all.len() > 10, "{}", all.len());
    let found = places(&all, |line| line.contains(".waiting()"));
    let (meant, rest): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|place| of_rules.iter().any(|of| place.starts_with(of)));
    let nobody: [String; 0] = [];
    assert_eq!(rest, nobody);
    assert_eq!(meant.len(), 4, "{meant:?}");
}
