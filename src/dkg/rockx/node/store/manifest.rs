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

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::held::Held;
use crate::owner;
use crate::secrets::read_trusted;
use crate::types::{BlsPublicKey, RequestId};

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
    let mut name = path.as_os_str().to_owned();
    name.push(".manifest");
    name.into()
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
    // what is no text is no line of a manifest either
    let text = read_trusted(file, LONGEST).map_err(naming(file))?;
    let text = String::from_utf8_lossy(&text);
    let bad = |n: usize| {
        let words = format!("{}: line {} is not of a share manifest", file.display(), n + 1);
        io::Error::new(io::ErrorKind::InvalidData, words)
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.lines().enumerate();
    if lines.next().is_some_and(|(_, head)| head != HEAD) {
        return Err(bad(0));
    }
    lines
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
#[must_use]
pub fn text(named: &[Named]) -> String {
    let lines = named.iter().map(line);
    std::iter::once(format!("{HEAD}\n")).chain(lines).collect()
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
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let out = options.open(path).map_err(naming(path))?;
    owner::settle(path).map_err(naming(path))?;
    Ok(out)
}

pub(super) fn naming(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
