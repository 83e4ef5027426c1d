//! Files with secrets are read in one way.

use super::source::{places, sources, without_tests};

/// Rooms in which every file that is read holds a secret.
const ROOMS: [&str; 3] = ["src/notify/", "src/signer/", "src/secrets/"];
/// The one function that reads them.
const THE_WAY: &str = "src/secrets/judged.rs";

#[test]
fn files_with_secrets_are_read_in_one_way() {
    let nobody: [String; 0] = [];
    let mut rooms = without_tests(sources(&["src"]));
    let (way, _): (Vec<_>, Vec<_>) = sources(&["src"]).into_iter().partition(|s| s.path == THE_WAY);
    assert_ne!(
        places(&way, opens_a_file),
        nobody,
        "{THE_WAY} reads none any more"
    );
    rooms.retain(|source| source.path != THE_WAY && ROOMS.iter().any(|room| source.path.starts_with(room)));
    assert!(rooms.len() > 10, "{} files", rooms.len());
    assert_eq!(places(&rooms, opens_a_file), nobody);
}

fn opens_a_file(line: &str) -> bool {
    let ways = [
        "File::open(",
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
