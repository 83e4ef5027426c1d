//! Files that matter are opened in one way, which judges their owner and mode.

use super::source::{places, sources, without_tests};

/// The one function that opens them.
const THE_WAY: &str = "src/secrets/judged.rs";

/// Files that open others themselves, and why they may.
const EXCEPTIONS: [(&str, &str); 12] = [
    ("src/attach/person.rs", "the kernel writes /proc"),
    (
        "src/devnet/anvil/install.rs",
        "compares a program's digest with the one that is known",
    ),
    (
        "src/devnet/proxy/scenario/mod.rs",
        "scenarios of test networks, where nothing is at stake",
    ),
    (
        "src/dkg/rockx/node/store/reseal.rs",
        "folders and its own copies, to make them durable",
    ),
    ("src/engine/service/alone/name.rs", "a socket"),
    (
        "src/journal/backup.rs",
        "folders and its own copies, to make them durable",
    ),
    (
        "src/journal/export.rs",
        "an export comes from anywhere: its chain of digests is what is believed",
    ),
    (
        "src/journal/restore.rs",
        "folders and its own copies, to make them durable",
    ),
    ("src/lock.rs", "what a lock says is shown and never believed"),
    ("src/monitor/process.rs", "the kernel writes /proc"),
    (
        "ui/commands/audit/ceremony.rs",
        "a transcript comes from anywhere: its signatures are what is believed",
    ),
    (
        "ui/commands/units.rs",
        "the service manager's: what a unit says decides no more than whether a person is asked first",
    ),
];

#[test]
fn files_that_matter_are_opened_in_one_way() {
    let nobody: [String; 0] = [];
    let mut all = without_tests(sources(&["src", "ui"]));
    let at = all.iter().position(|source| source.path == THE_WAY).unwrap();
    let way = all.swap_remove(at);
    assert_ne!(
        places(&[way], opens_a_file),
        nobody,
        "{THE_WAY} opens none any more"
    );
    let (excepted, rest): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|source| EXCEPTIONS.iter().any(|(path, _)| *path == source.path));
    assert_eq!(places(&rest, opens_a_file), nobody);
    for (path, why) in EXCEPTIONS {
        let still = excepted.iter().filter(|source| source.path == path);
        let still = still.flat_map(|source| source.text.lines()).any(opens_a_file);
        assert!(still, "{path} opens no file any more: it is no exception ({why})");
    }
}

fn opens_a_file(line: &str) -> bool {
    let ways = [
        "File::open(",
        ".read(true).open(",
        "fs::read(",
        "fs::read_to_string(",
        "read_to_string(",
        "read_to_end(",
    ];
    // a folder is opened so that what was written in it is durable
    let of_folder = line.contains("sync_all");
    !line.trim_start().starts_with("//") && !of_folder && ways.iter().any(|way| line.contains(way))
}

#[test]
fn every_way_to_read_a_file_is_recognised() {
    for line in [
        "std::fs::read_to_string(path)",
        "let file = File::open(path)?;",
        "fs::read(path)",
    ] {
        assert!(opens_a_file(line), "{line}");
    }
    assert!(!opens_a_file("// `File::open` is not for secrets"));
    assert!(!opens_a_file("SecretFile::read(path, 8)"));
}
