//! The real binary in a pseudo-terminal, its screen read back through a terminal emulator.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

pub(crate) struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that was ever written to the terminal.
    raw: Arc<Mutex<Vec<u8>>>,
    writer: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    /// The reader holds the terminal's other end too, and lets go of it when told.
    let_go: Arc<AtomicBool>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Terminal {
    /// Starts `casimir-dkg` with these arguments; its directories are all below `home`.
    pub(crate) fn start(
        arguments: &[&str],
        home: &Path,
        extra: &[(&str, &str)],
        columns: u16,
        rows: u16,
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_casimir-dkg"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        // what tests are told by, such as how long a soak lasts, is no setting of the program
        for name in [
            "CASIMIR_DKG_SOAK",
            "CASIMIR_DKG_REAL_LIVES",
            "CASIMIR_DKG_LIVES",
            "CASIMIR_DKG_SEED",
        ] {
            command.env_remove(name);
        }
        command.env_remove("NO_COLOR");
        command.env_remove("TMUX");
        // the cache stays the user's: what was downloaded once is used again
        command.env("CASIMIR_DKG_CONFIG_DIR", home.join("config"));
        command.env("CASIMIR_DKG_STATE_DIR", home.join("state"));
        command.env("XDG_STATE_HOME", home.join("person"));
        for (name, value) in extra {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(nonzero(rows), nonzero(columns), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let let_go = Arc::new(AtomicBool::new(false));
        let (to_screen, to_raw, stop) = (screen.clone(), raw.clone(), let_go.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                to_raw.lock().unwrap().extend_from_slice(&buffer[..n]);
                to_screen.lock().unwrap().process(&buffer[..n]);
                if stop.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            screen,
            raw,
            writer: Some(writer),
            master: Some(pair.master),
            child,
            let_go,
        }
    }

    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    pub(crate) fn raw(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }

    pub(crate) fn on_alternate_screen(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// What is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        let name = self.master.as_ref().unwrap().tty_name().unwrap();
        let terminal = std::fs::File::options()
            .read(true)
            .write(true)
            .open(name)
            .unwrap();
        let attributes = rustix::termios::tcgetattr(&terminal).unwrap();
        attributes.local_modes.contains(rustix::termios::LocalModes::ECHO)
    }

    pub(crate) fn cursor_is_hidden(&self) -> bool {
        self.screen.lock().unwrap().screen().hide_cursor()
    }

    /// The terminal is as it was before: no alternate screen, cursor shown. What was written last may still be on its
    /// way from the terminal to here when the process has ended.
    pub(crate) fn is_restored(&self) -> bool {
        let start = Instant::now();
        while self.on_alternate_screen() || self.cursor_is_hidden() {
            if start.elapsed() > Duration::from_secs(120) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits until the screen shows `what`.
    pub(crate) fn expect(&mut self, what: &str, within: Duration) {
        self.wait(&format!("{what:?} on the screen"), within, |text| {
            text.contains(what)
        });
    }

    pub(crate) fn wait(&mut self, what: &str, within: Duration, mut is: impl FnMut(&str) -> bool) {
        self.find(what, within, |text| is(text).then_some(()));
    }

    /// Waits until something is found on the screen.
    pub(crate) fn find<T>(&mut self, what: &str, within: Duration, find: impl FnMut(&str) -> Option<T>) -> T {
        self.find_in(Self::text, what, within, find)
    }

    /// Waits until this was written, however far the screen has scrolled since.
    pub(crate) fn wait_raw(&mut self, what: &str, within: Duration) {
        self.find_raw(&format!("{what:?}"), within, |raw| {
            raw.contains(what).then_some(())
        });
    }

    /// Waits until something is found in all that was written.
    pub(crate) fn find_raw<T>(
        &mut self,
        what: &str,
        within: Duration,
        find: impl FnMut(&str) -> Option<T>,
    ) -> T {
        let raw = |terminal: &Self| String::from_utf8_lossy(&terminal.raw()).into_owned();
        self.find_in(raw, what, within, find)
    }

    fn find_in<T>(
        &mut self,
        shown: impl Fn(&Self) -> String,
        what: &str,
        within: Duration,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> T {
        let start = Instant::now();
        loop {
            // asked first: what an ended program has written last is read once more
            let ended = self.child.try_wait().unwrap();
            let text = shown(self);
            if let Some(found) = find(&text) {
                return found;
            }
            assert!(ended.is_none(), "ended ({ended:?}) before {what}:\n{text}");
            assert!(start.elapsed() < within, "no {what} within {within:?}:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(nonzero(rows), nonzero(columns));
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    /// Closes the terminal's other end, as a closed window does.
    pub(crate) fn hang_up(&mut self) {
        self.let_go.store(true, Ordering::SeqCst);
        self.writer = None;
        self.master = None;
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = std::process::Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(status.success(), "kill -s {name} {pid}");
    }

    /// Waits for the end of the process.
    pub(crate) fn end(&mut self, within: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                start.elapsed() < within,
                "still running after {within:?}:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // TERM first: the demo ends what it started
        if let Ok(None) = self.child.try_wait() {
            self.signal("TERM");
            // a stopped process hears it only when it goes on
            self.signal("CONT");
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(30) {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = self.child.kill();
        }
    }
}

fn nonzero(value: u16) -> std::num::NonZeroU16 {
    value.try_into().unwrap()
}
