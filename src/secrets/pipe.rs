//! A secret that comes through a pipe: `--password-file <(pass show oracle)`, or `/dev/stdin`.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::Zeroizing;

/// A pipe that is not written whole by then is said to be waited for: whoever hands a secret over does so at once, unless a
/// person is asked for another one first.
const SILENT: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(1)
};

static TELLS: OnceLock<fn(&Path)> = OnceLock::new();

/// From now on a person is told by this of each pipe that is waited for. Whoever comes first counts.
pub fn tell_waiting(tells: fn(&Path)) {
    TELLS.get_or_init(|| tells);
}

/// All that is written into the pipe at this path; none where there is no pipe.
///
/// # Errors
/// It is another user's, or may be written by others; nobody writes into it, or ends within the time; it is longer.
pub(super) fn read(path: &Path, most: u64, within: Duration) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // a link is followed: that is how shells name their pipes
    if !std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        return Ok(None);
    }
    // one that nobody writes to would be waited for without end
    let at_once = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(at_once).open(path)?;
    let found = file.metadata()?;
    let (owner, us) = (found.uid(), rustix::process::geteuid().as_raw());
    let denied = |words: String| Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
    if owner != us && owner != 0 {
        return denied(format!("is a pipe of another user (number {owner}, we are {us})"));
    }
    if found.mode() & 0o022 != 0 {
        let mode = found.mode() & 0o777;
        return denied(format!(
            "is a pipe that others may write into (mode {mode:03o}): chmod go-w {}",
            path.display()
        ));
    }
    // no growing buffer: it would leave copies behind
    let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(vec![0; room]);
    let (mut length, began) = (0, Instant::now());
    let mut silent = Some(began + SILENT.min(within));
    while length < room {
        if silent.is_some_and(|until| !wait(&file, until)) {
            silent = None;
            TELLS.get().into_iter().for_each(|tells| tells(path));
        }
        if silent.is_none() && !wait(&file, began + within) {
            let words = "is a pipe into which nobody has written all in time";
            return Err(io::Error::new(io::ErrorKind::TimedOut, words));
        }
        match (&file).read(&mut bytes[length..]) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(Some(bytes));
            }
            Ok(more) => length += more,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    let words = format!("is longer than {most} bytes");
    Err(io::Error::new(io::ErrorKind::InvalidData, words))
}

/// Until something is in the pipe, or whoever wrote into it has ended. One that nobody has opened yet is neither. Whether that
/// was in time; what else may go wrong, reading says.
fn wait(file: &File, until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).ok();
    poll(&mut [PollFd::new(file, PollFlags::IN)], left.as_ref()) != Ok(0)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::SecretFile;
    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    static TOLD: std::sync::Mutex<Vec<std::path::PathBuf>> = std::sync::Mutex::new(Vec::new());

    /// A start that stood still for a minute said only then what it had waited for.
    #[test]
    fn a_person_is_told_which_pipe_is_waited_for() {
        tell_waiting(|path| TOLD.lock().unwrap().push(path.to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let [slow, quick] = ["slow", "quick"].map(|name| folder.path().join(name));
        for path in [&slow, &quick] {
            rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap();
        }
        let told = |path: &Path| TOLD.lock().unwrap().iter().filter(|told| *told == path).count();
        assert!(read(&slow, 9, SOON).is_err());
        assert_eq!(told(&slow), 1, "once");
        // a shell's pipe is filled before it is opened
        let both = File::options().read(true).write(true).open(&quick).unwrap();
        (&both).write_all(b"long words").unwrap();
        assert!(read(&quick, 9, SOON).is_err());
        assert_eq!(told(&quick), 0);
    }

    #[test]
    fn a_pipe_of_this_user_is_read_to_its_end_and_waited_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        let refused = |most| read(&path, most, SOON).unwrap_err().to_string();
        assert!(refused(9).contains("nobody has written"), "{}", refused(9));
        let writes = |words: &'static [&str]| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut pipe = File::options().write(true).open(path).unwrap();
                for word in words {
                    std::thread::sleep(Duration::from_millis(50));
                    // whoever had enough is gone
                    let _ = pipe.write_all(word.as_bytes());
                }
            })
        };
        let writer = writes(&["pass", "word\n"]);
        let found = SecretFile::read_once(&path, 9).unwrap();
        assert_eq!((found.text.as_str(), found.worries.len()), ("password\n", 0));
        writer.join().unwrap();
        let writer = writes(&["password\n"]);
        let long = read(&path, 8, Duration::from_secs(10)).unwrap_err().to_string();
        assert!(long.contains("longer than 8 bytes"), "{long}");
        writer.join().unwrap();
        // where something is read again and again, a pipe is none
        assert!(
            SecretFile::read(&path, 9)
                .unwrap_err()
                .to_string()
                .contains("a pipe")
        );
        fs::set_permissions(&path, Permissions::from_mode(0o622)).unwrap();
        assert!(refused(9).contains("may write into"), "{}", refused(9));
        if crate::owner::tests::theirs().is_some() {
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&path, Some(crate::owner::tests::SERVICE), None).unwrap();
            assert!(refused(9).contains("another user"), "{}", refused(9));
        }
        let file = folder.path().join("file");
        fs::write(&file, "password").unwrap();
        assert_eq!(read(&file, 9, SOON).unwrap(), None);
        assert_eq!(SecretFile::read_once(&file, 9).unwrap().text.as_str(), "password");
    }
}
