//! Every file that a start opens by itself, for whoever looks before it does; those of a messenger and of an operator's
//! node stand with their commands. The configuration and its rules are read before, and what the signer opens is the
//! signer's.

use std::io;
use std::path::{Path, PathBuf};

use super::backend::{self, BackendError};
use crate::config::{Config, Receiver, UrlSource};
use crate::engine::journal_at;
use crate::http::HttpOptions;
use crate::listen::TlsFiles;
use crate::secrets::{self, Holds, parts_of};

/// A file that a start judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its key, or what it is.
    pub what: String,
    pub path: PathBuf,
    pub holds: Holds,
    /// No start without it.
    pub is_needed: bool,
}

impl Judged {
    /// One without which there is no start.
    pub fn needed(what: impl Into<String>, path: &Path, holds: Holds) -> Self {
        Self {
            what: what.into(),
            path: path.to_owned(),
            holds,
            is_needed: true,
        }
    }

    /// What is wrong with it that keeps no start back, each with the command that mends it; nothing where it is not there
    /// yet. One judgement, for a start as for whoever looks before it.
    ///
    /// # Errors
    /// A start refuses it.
    pub fn judge(&self) -> io::Result<Vec<String>> {
        match secrets::open(&self.path, self.holds) {
            Ok(found) => Ok(found.worries),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.is_needed => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// A database, where it is there, with what SQLite keeps beside it.
    pub fn database(what: &str, path: &Path, holds: Holds) -> impl Iterator<Item = Self> {
        parts_of(path)
            .into_iter()
            .map(move |part| Self::if_there(what, part, holds))
    }

    /// One that may not be there yet.
    #[must_use]
    pub fn if_there(what: &str, path: PathBuf, holds: Holds) -> Self {
        Self {
            what: what.to_owned(),
            path,
            holds,
            is_needed: false,
        }
    }
}

/// Walks the list before a start opens any of them. Of one that is not there, whoever needs it speaks, in words of its own;
/// what others may get at is logged by whoever opens it.
///
/// # Errors
/// The first that a start refuses, by its key and path.
pub fn walk(files: &[Judged]) -> io::Result<()> {
    for file in files {
        match file.judge() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let words = format!("{}: {} {error}", file.what, file.path.display());
                return Err(io::Error::new(error.kind(), words));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// The one list of them.
#[must_use]
pub fn files(config: &Config) -> Vec<Judged> {
    let mut all = of_http(&config.http);
    let initiator = config.dkg.initiator_key_file.iter();
    all.extend(initiator.map(|path| Judged::needed("dkg.initiator_key_file", path, Holds::Secret)));
    all.extend(
        config
            .messenger
            .tls
            .iter()
            .flat_map(|tls| of_tls("messenger", tls)),
    );
    for to in &config.notices.to {
        let of = secrets_of(&to.receiver).into_iter();
        all.extend(of.map(|path| Judged::needed(format!("notices to {}", to.name), path, Holds::Secret)));
    }
    let journal = journal_at(&config.journal);
    all.extend(Judged::database("journal", &journal.path, Holds::Trusted));
    let beside = journal.beside().into_iter();
    all.extend(beside.map(|(what, path, holds)| Judged::if_there(what, path, holds)));
    all
}

/// The authorities of the way out, where some are named.
#[must_use]
pub fn of_http(http: &HttpOptions) -> Vec<Judged> {
    let bundle = http.ca_file.iter();
    bundle
        .map(|path| Judged::needed("http.ca_file", path, Holds::Trusted))
        .collect()
}

/// Certificate and key of a port of `section`.
#[must_use]
pub fn of_tls(section: &str, tls: &TlsFiles) -> [Judged; 2] {
    [
        Judged::needed(
            format!("{section}.tls_certificate_file"),
            &tls.certificate,
            Holds::Trusted,
        ),
        Judged::needed(format!("{section}.tls_key_file"), &tls.key, Holds::Secret),
    ]
}

fn secrets_of(receiver: &Receiver) -> Vec<&Path> {
    match receiver {
        Receiver::Webhook { to, key_file } => file_of(to).into_iter().chain(key_file.as_deref()).collect(),
        Receiver::Slack { to } => file_of(to).into_iter().collect(),
        Receiver::Telegram { token_file, .. } => vec![token_file],
        Receiver::PagerDuty { key_file, .. } => vec![key_file],
        Receiver::Alertmanager { base } => file_of(base).into_iter().collect(),
        Receiver::Command(_) => Vec::new(),
    }
}

fn file_of(url: &UrlSource) -> Option<&Path> {
    match url {
        UrlSource::Url(_) => None,
        UrlSource::File(path) => Some(path),
    }
}

/// Whether the initiator's key can be used, as a start finds it.
///
/// # Errors
/// As the start's.
pub fn judge_initiator_key(config: &Config) -> Result<(), BackendError> {
    let path = config.dkg.initiator_key_file.as_deref();
    path.map_or(Ok(()), |path| backend::signing_key(path).map(drop))
}
