//! The manifest: which shares a store has held, in a text file beside it. A store that was emptied, or replaced by an older
//! copy, is caught by it.
//!
//! ```text
//! casimir-dkg share manifest 1
//! <request id of the run, 48 hex digits> <validator key, 0x and 96 hex digits>
//! ```
//!
//! A line a share, in the order in which they were kept. A line is appended after the share is durable, so a manifest is
//! never ahead of its store. Lines are never taken away but by a person, who removes the file.
//!
//! One that a journal tells for an operator has a second line, `# operator <id>: <number> shares`, so that it is known when
//! lines of it are missing.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::held::Held;
use crate::owner;
use crate::secrets::read_trusted;
use crate::sqlite::beside;
use crate::types::{BlsPublicKey, OperatorId, RequestId, counted};

const HEAD: &str = "casimir-dkg share manifest 1";
/// Bytes of a manifest: 400,000 shares.
const LONGEST: u64 = 64 << 20;

/// A share that a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The run that produced it.
    pub ceremony: RequestId,
    pub validator: BlsPublicKey,
}

impl From<&Held> for Named {
    fn from(held: &Held) -> Self {
        Self {
            ceremony: held.ceremony,
            validator: held.validator,
        }
    }
}

/// The manifest of the store, or of the backup, at `path`: its name and `.manifest`.
#[must_use]
pub fn manifest_of(path: &Path) -> PathBuf {
    beside(path, ".manifest")
}

/// What the manifest of the store at `path` names; nothing where there is none.
///
/// # Errors
/// It cannot be read, or is none.
pub(super) fn read(path: &Path) -> io::Result<Vec<Named>> {
    match named_by(&manifest_of(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// What the manifest `file` names.
///
/// # Errors
/// It is not there, cannot be read, or is none.
pub fn named_by(file: &Path) -> io::Result<Vec<Named>> {
    // a share whose line was cut off by a crash is in the store
    let text = read_text(file)?;
    let Some(end) = text.rfind('\n') else {
        let what = match text.trim_matches('\0') {
            "" if text.is_empty() => "is empty",
            "" => "holds zero bytes only, as after a power cut",
            _ => "has no whole line",
        };
        let problem = format!("{}: {what}, so it is no share manifest", file.display());
        return Err(no_manifest(&problem));
    };
    parsed(file, &text[..end]).map_err(|error| no_manifest(&error.to_string()))
}

/// What is wrong with the manifest of a store, and the way on.
fn no_manifest(problem: &str) -> io::Error {
    let words = format!(
        "{problem}, and which shares must be there is not known. Put it back from a backup; where every share is in the store \
         (casimir-dkg operator shares list), remove it, and it is written anew"
    );
    io::Error::new(io::ErrorKind::InvalidData, words)
}

/// What somebody expects of a store, by a manifest that was made elsewhere.
#[derive(Debug)]
pub struct Expected {
    pub named: Vec<Named>,
    /// Whose store, where the manifest says so.
    pub operator: Option<OperatorId>,
}

/// What the manifest `file` expects. Unlike that of a store in use it is whole, or no expectation at all.
///
/// # Errors
/// It is not there, cannot be read, is none, was cut off, or names no share.
pub fn expected_by(file: &Path) -> io::Result<Expected> {
    let text = read_text(file)?;
    let cut_off = |words: &str| {
        let words = format!("{}: {words}: it is no whole share manifest", file.display());
        io::Error::new(io::ErrorKind::InvalidData, words)
    };
    if !text.ends_with('\n') {
        return Err(cut_off("its last line has no end"));
    }
    let named = parsed(file, &text)?;
    let told = text.lines().nth(1).and_then(operator_told);
    if let Some((_, number)) = told
        && number != named.len()
    {
        let found = named.len();
        return Err(cut_off(&format!(
            "it speaks of {} and names {found}",
            counted(number, "share")
        )));
    }
    if named.is_empty() && told.is_none() {
        return Err(cut_off("it names no share"));
    }
    Ok(Expected {
        named,
        operator: told.map(|(operator, _)| operator),
    })
}

/// `# operator 7: 3 shares`.
fn operator_told(line: &str) -> Option<(OperatorId, usize)> {
    let (operator, number) = line.strip_prefix("# operator ")?.split_once(": ")?;
    let (number, _) = number.split_once(' ')?;
    Some((OperatorId(operator.parse().ok()?), number.parse().ok()?))
}

fn read_text(file: &Path) -> io::Result<String> {
    // what is no text is no line of a manifest either
    let text = read_trusted(file, LONGEST).map_err(naming(file))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn parsed(file: &Path, text: &str) -> io::Result<Vec<Named>> {
    let bad = |n: usize| {
        let words = format!("{}: line {} is not of a share manifest", file.display(), n + 1);
        io::Error::new(io::ErrorKind::InvalidData, words)
    };
    let mut lines = text.lines().enumerate();
    if lines.next().is_some_and(|(_, head)| head != HEAD) {
        return Err(bad(0));
    }
    let shares = lines.filter(|(n, line)| *n != 1 || operator_told(line).is_none());
    shares
        .map(|(n, line)| {
            let (ceremony, validator) = line.split_once(' ').ok_or_else(|| bad(n))?;
            Ok(Named {
                ceremony: ceremony.parse().map_err(|_| bad(n))?,
                validator: validator.parse().map_err(|_| bad(n))?,
            })
        })
        .collect()
}

/// Writes the whole manifest of the store at `path`.
pub(super) fn write(path: &Path, named: &[Named]) -> io::Result<()> {
    let file = manifest_of(path);
    let temporary = file.with_extension("manifest.new");
    let mut out = private(&temporary, true)?;
    out.write_all(text(named).as_bytes())
        .map_err(naming(&temporary))?;
    out.sync_all().map_err(naming(&temporary))?;
    drop(out);
    fs::rename(&temporary, &file).map_err(naming(&file))
}

/// A whole manifest that names these.
fn text(named: &[Named]) -> String {
    let lines = named.iter().map(line);
    std::iter::once(format!("{HEAD}\n")).chain(lines).collect()
}

/// A whole manifest of what this operator must hold, for [`expected_by`].
#[must_use]
pub fn expectation(operator: OperatorId, named: &[Named]) -> String {
    let told = format!(
        "{HEAD}\n# operator {operator}: {}\n",
        counted(named.len(), "share")
    );
    std::iter::once(told).chain(named.iter().map(line)).collect()
}

/// Adds a share to the manifest of the store at `path`.
pub(super) fn append(path: &Path, named: &Named) -> io::Result<()> {
    let file = manifest_of(path);
    let mut out = private(&file, false)?;
    let mut text = String::new();
    // a person removed it while the node runs
    if out.metadata().map_err(naming(&file))?.len() == 0 {
        text = format!("{HEAD}\n");
    }
    text.push_str(&line(named));
    out.write_all(text.as_bytes()).map_err(naming(&file))
}

fn line(named: &Named) -> String {
    format!("{} {}\n", named.ceremony, named.validator)
}

fn private(path: &Path, anew: bool) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true);
    if anew {
        options.write(true).truncate(true);
    } else {
        options.append(true);
    }
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let out = options.open(path).map_err(naming(path))?;
    owner::settle(path).map_err(naming(path))?;
    Ok(out)
}

pub(super) fn naming(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_that_was_cut_off_or_is_empty_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("expected");
        let share = |n: u8| Named {
            ceremony: RequestId([n; 24]),
            validator: BlsPublicKey([n; 48]),
        };
        let whole = expectation(OperatorId(7), &[share(1), share(2)]);
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            expected_by(&file)
        };
        let expected = read(&whole).unwrap();
        assert_eq!(expected.named, [share(1), share(2)]);
        assert_eq!(expected.operator, Some(OperatorId(7)));
        for end in 0..whole.len() {
            let refused = read(&whole[..end]).unwrap_err().to_string();
            assert!(refused.contains("expected"), "{end}: {refused}");
        }
        // of a backup
        assert_eq!(read(&text(&[share(1)])).unwrap().operator, None);
        for garbage in [text(&[]), "garbage".to_owned(), "garbage\n".to_owned()] {
            assert!(read(&garbage).is_err(), "{garbage}");
        }
        assert!(named_by(&file).is_err());
    }

    /// What it named is lost, and "no share is missing" would be a guess.
    #[test]
    fn a_manifest_that_holds_nothing_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("shares.sqlite");
        assert_eq!(read(&store).unwrap(), [], "of a store that is new");
        let file = manifest_of(&store);
        for (content, what) in [
            ("", "is empty"),
            ("\0\0\0\0", "zero bytes"),
            (&HEAD[..9], "no whole line"),
            (HEAD, "no whole line"),
        ] {
            fs::write(&file, content).unwrap();
            let words = read(&store).unwrap_err().to_string();
            assert!(
                words.contains(what) && words.contains("shares.sqlite.manifest"),
                "{words}"
            );
            assert!(words.contains("remove it"), "{words}");
        }
        fs::write(&file, format!("{HEAD}\n")).unwrap();
        assert_eq!(read(&store).unwrap(), []);
    }
}
