//! Units of the service manager that run the oracle: which of them runs the one of a configuration. They are read where
//! systemd looks for them, <https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html>.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where units stand, the first that has one of a name before the others.
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// The unit that is shipped.
const OURS: &str = "casimir-dkg.service";
const PROGRAM: &str = "casimir-dkg";
/// What runs an engine.
const ENGINES: [&str; 2] = ["headless", "console"];

/// What an oracle is found by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The configuration that was read, where there is one.
    pub(super) file: Option<&'a Path>,
    /// Where its journal is.
    pub(super) state: &'a Path,
}

/// The unit that runs the oracle of this configuration.
pub(super) fn of(wanted: Wanted<'_>) -> Option<PathBuf> {
    among(&FOLDERS.map(PathBuf::from), wanted)
}

fn among(folders: &[PathBuf], wanted: Wanted<'_>) -> Option<PathBuf> {
    let mut units = BTreeMap::new();
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        for path in paths.filter(|path| path.extension().is_some_and(|end| end == "service")) {
            let Some(name) = path.file_name().map(ToOwned::to_owned) else {
                continue;
            };
            units.entry(name).or_insert(path);
        }
    }
    let mut found = units.into_values();
    found.find(|path| Unit::read(path, folders).is_some_and(|unit| unit.runs(path, wanted)))
}

/// What a unit says of the oracle that it runs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Unit {
    file: Option<String>,
    state: Option<String>,
}

impl Unit {
    /// A unit with its drop-ins; `None` where it runs no oracle, or may not be read.
    fn read(path: &Path, folders: &[PathBuf]) -> Option<Self> {
        let mut text = fs::read_to_string(path).ok()?;
        // such a unit is masked, whatever is dropped in
        if text.is_empty() {
            return None;
        }
        let name = path.file_name()?.to_str()?;
        let mut more = BTreeMap::new();
        for folder in folders.iter().rev() {
            let entries = fs::read_dir(folder.join(format!("{name}.d")));
            for path in entries.into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.extension().is_some_and(|end| end == "conf") {
                    more.insert(path.file_name()?.to_owned(), path);
                }
            }
        }
        for path in more.into_values() {
            text.push('\n');
            text.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
        Self::of(&text)
    }

    fn of(text: &str) -> Option<Self> {
        let (mut starts, mut variables) = (Vec::new(), BTreeMap::new());
        for line in text.replace("\\\n", " ").lines() {
            let Some((key, value)) = line.trim().split_once('=') else {
                continue;
            };
            match (key.trim_end(), value.trim()) {
                ("ExecStart", "") => starts.clear(),
                ("ExecStart", command) => starts.push(words(command)),
                ("Environment", "") => variables.clear(),
                ("Environment", all) => variables.extend(words(all).iter().filter_map(|w| assigned(w))),
                ("EnvironmentFile", file) => {
                    let file = fs::read_to_string(file.trim_start_matches('-')).unwrap_or_default();
                    variables.extend(file.lines().filter_map(|line| assigned(&unquoted(line))));
                }
                _ => {}
            }
        }
        let command = starts.into_iter().find(|words| is_engine(words))?;
        let flag = |name: &str| {
            let at = command.iter().position(|word| {
                word.strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            })?;
            match command[at].split_once('=') {
                Some((_, value)) => Some(value.to_owned()),
                None => command.get(at + 1).cloned(),
            }
        };
        let folder = |folder: &String| format!("{folder}/config.toml");
        Some(Self {
            file: flag("--config")
                .or_else(|| variables.get("CASIMIR_DKG_CONFIG").cloned())
                .or_else(|| variables.get("CASIMIR_DKG_CONFIG_DIR").map(folder)),
            state: flag("--state-dir").or_else(|| variables.get("CASIMIR_DKG_STATE_DIR").cloned()),
        })
    }

    /// Whether this oracle is the one that is wanted. One that names neither file nor directory may be any, which is
    /// believed of the unit that is shipped.
    fn runs(&self, path: &Path, wanted: Wanted<'_>) -> bool {
        let names = |named: Option<&str>, path: &Path| named.is_some_and(|named| is_at(named, path));
        if self.file.is_none() && self.state.is_none() {
            return path.file_name().is_some_and(|name| name == OURS);
        }
        wanted.file.is_some_and(|file| names(self.file.as_deref(), file))
            || names(self.state.as_deref(), wanted.state)
    }
}

fn is_engine(command: &[String]) -> bool {
    let Some((program, arguments)) = command.split_first() else {
        return false;
    };
    // what the manager reads before the program's name
    let program = program.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    Path::new(program).file_name().is_some_and(|name| name == PROGRAM)
        && arguments.iter().any(|word| ENGINES.contains(&word.as_str()))
}

/// Words of a line; quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            (_, c) => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

fn assigned(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    (!name.starts_with('#')).then(|| (name.trim().to_owned(), value.to_owned()))
}

fn unquoted(line: &str) -> String {
    line.chars().filter(|c| !['"', '\''].contains(c)).collect()
}

/// Whether a unit's path is this one. An instance's name (`%i`) may be anything.
fn is_at(named: &str, path: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = real(path);
    let instance = ["%i", "%I"].into_iter().find_map(|name| named.split_once(name));
    match (instance, path.to_str()) {
        (Some((before, behind)), Some(path)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(behind))
            .is_some_and(|name| !name.is_empty() && !name.contains('/')),
        _ => real(Path::new(named)) == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../config/casimir-dkg.service");

    fn wanted<'a>(file: &'a str, state: &'a str) -> Wanted<'a> {
        Wanted {
            file: Some(Path::new(file)),
            state: Path::new(state),
        }
    }

    #[test]
    fn the_unit_that_is_shipped_runs_its_own_configuration_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(OURS), SHIPPED).unwrap();
        let folders = [folder.path().to_owned()];
        let of = |file, state| among(&folders, wanted(file, state));
        assert!(of("/etc/casimir-dkg/config.toml", "/home/ada/state").is_some());
        assert!(of("/home/ada/mine.toml", "/var/lib/casimir-dkg").is_some());
        assert_eq!(of("/home/ada/devnet.toml", "/home/ada/state"), None);
    }

    #[test]
    fn a_unit_of_another_name_is_found_by_what_it_starts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let folders = [folder.path().join("etc"), folder.path().join("lib")];
        let of = |file, state| {
            let unit = among(&folders, wanted(file, state))?;
            Some(unit.file_name()?.to_str()?.to_owned())
        };
        write(
            "etc/web.service",
            "[Service]\nExecStart=/usr/bin/web --config /etc/a.toml\n",
        );
        write(
            "etc/messenger.service",
            "[Service]\nExecStart=/usr/local/bin/casimir-dkg messenger --config /etc/a.toml\n",
        );
        assert_eq!(of("/etc/a.toml", "/var/a"), None, "neither runs an oracle");
        write(
            "lib/oracle.service",
            "[Service]\nExecStart=-/opt/casimir-dkg \\\n  --config=/etc/a.toml headless\n",
        );
        assert_eq!(of("/etc/a.toml", "/x").as_deref(), Some("oracle.service"));
        // a drop-in has another state directory, another start, or the first folder another unit of that name
        write(
            "etc/oracle.service.d/state.conf",
            "[Service]\nEnvironment=\"CASIMIR_DKG_STATE_DIR=/srv/a state\" A=b\n",
        );
        assert_eq!(of("/x", "/srv/a state").as_deref(), Some("oracle.service"));
        write(
            "etc/oracle.service.d/start.conf",
            "[Service]\nExecStart=\nExecStart=/opt/casimir-dkg headless --config '/etc/b.toml'\n",
        );
        assert_eq!(of("/etc/a.toml", "/x"), None);
        assert_eq!(of("/etc/b.toml", "/x").as_deref(), Some("oracle.service"));
        write("etc/oracle.service", "");
        assert_eq!(of("/etc/b.toml", "/x"), None, "it is masked");
        write(
            "etc/oracle@.service",
            "[Service]\nExecStart=/opt/casimir-dkg --config /etc/casimir/%i.toml headless\n",
        );
        assert_eq!(
            of("/etc/casimir/hoodi.toml", "/x").as_deref(),
            Some("oracle@.service")
        );
        assert_eq!(of("/etc/casimir/a/hoodi.toml", "/x"), None);
    }

    #[test]
    fn what_names_neither_a_file_nor_a_directory_may_run_any() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        let text = "[Service]\nExecStart=/usr/local/bin/casimir-dkg headless\n";
        fs::write(folder.path().join("another.service"), text).unwrap();
        assert_eq!(among(&folders, wanted("/a.toml", "/a")), None);
        fs::write(folder.path().join(OURS), text).unwrap();
        assert!(among(&folders, wanted("/a.toml", "/a")).is_some());
    }
}
