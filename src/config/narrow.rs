//! What commands need that use a part of the configuration only: those that sit down at a running engine, and those that
//! read its journal. Whatever is wrong elsewhere must not keep a person from them.

use alloy::primitives::Address;

use super::error::{ConfigError, ConfigErrors};
use super::layer::{Layers, sorted};
use super::mistake::Mistake;
use super::reader::Reader;
use super::{
    Access, AttachConfig, JournalConfig, LogConfig, NetworkName, NoticesConfig, SeatConfig, UiConfig, section,
};
use crate::http::HttpOptions;

impl Layers {
    /// Everything that is wrong with the form of files, variables and flags.
    #[must_use]
    pub fn told(&self) -> Option<ConfigErrors> {
        let all: Vec<ConfigError> = self
            .mistakes()
            .iter()
            .map(|mistake| mistake.error.clone())
            .collect();
        (!all.is_empty()).then(|| sorted(all))
    }

    /// Who is told of what, for `notify test`: in which network's name, and how they are reached.
    ///
    /// # Errors
    /// Every bad or missing value of `[notices]`, `network.name` and `[http]`.
    pub fn notices(&self) -> Result<(NoticesConfig, NetworkName, HttpOptions), ConfigErrors> {
        let mut r = Reader::new(self);
        let notices = section::notices::read(&mut r);
        let network = r.required("network.name");
        let http = section::http::read(&mut r);
        r.finish((|| Some((notices?, network?, http?)))())
    }

    /// The network's name.
    ///
    /// # Errors
    /// It is none.
    pub fn network_name(&self) -> Result<NetworkName, ConfigErrors> {
        let mut r = Reader::new(self);
        let name = r.required("network.name");
        r.finish(name)
    }

    /// What commands need that only read the journal.
    ///
    /// # Errors
    /// Every bad value of `[journal]`, and the network's name where the journal's place depends on it.
    pub fn journal(&self) -> Result<JournalConfig, ConfigErrors> {
        let mut r = Reader::new(self);
        let journal = journal(&mut r);
        r.finish(journal)
    }

    /// What commands need that talk to a running engine; who may do so is the engine's affair.
    ///
    /// # Errors
    /// A bad or missing chain id, address of the contract, place of the journal or of the socket.
    pub fn seat(&self) -> Result<SeatConfig, ConfigErrors> {
        let mut r = Reader::new(self);
        let chain_id = r.required("network.chain_id");
        let manager = r.required::<Address>("contract.address");
        let journal = journal(&mut r);
        let socket = section::attach::socket(&mut r);
        let parts = (|| {
            Some(SeatConfig {
                chain_id: chain_id?,
                manager: manager?,
                journal: journal?,
                attach: AttachConfig {
                    socket: socket?,
                    access: Access::default(),
                },
            })
        })();
        r.finish(parts)
    }

    /// The console's and the logs' settings, for commands that bring the rest themselves (`demo`).
    ///
    /// # Errors
    /// Every bad value of `[ui]` and `[log]`.
    pub fn front_end(&self) -> Result<(UiConfig, LogConfig), ConfigErrors> {
        let mut r = Reader::new(self);
        let ui = section::ui::read(&mut r);
        let log = section::log::read(&mut r);
        r.finish(ui.zip(log))
    }

    /// The same for whoever sits down at a running engine: colours are no reason not to. With what was wrong, where the
    /// defaults stand for it.
    ///
    /// # Panics
    /// The defaults are wrong.
    #[must_use]
    pub fn front_end_or_usual(&self) -> ((UiConfig, LogConfig), Option<ConfigErrors>) {
        match self.front_end() {
            Ok(found) => (found, None),
            Err(errors) => {
                let usual = self.defaults().front_end();
                (usual.expect("the defaults are right"), Some(errors))
            }
        }
    }

    /// Whether nothing of the configuration's file is known.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.mistakes().iter().any(Mistake::hides_everything)
    }
}

fn journal(r: &mut Reader<'_>) -> Option<JournalConfig> {
    let network = r.required("network.name");
    section::journal::read(r, network)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::{LoadOptions, gather, survey};
    use super::*;

    const GOOD: &str = "[network]\nname = \"devnet\"\n[contract]\naddress = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
                        [journal]\npath = \"j.sqlite\"\n[attach]\nsocket = \"e.sock\"\n";

    fn options(folder: &Path, text: &str) -> LoadOptions {
        let file = folder.join("config.toml");
        fs::write(&file, text).unwrap();
        LoadOptions {
            file: Some(file),
            environment: [("CASIMIR_DKG_STATE_DIR".to_owned(), folder.display().to_string())].into(),
            ..LoadOptions::default()
        }
    }

    /// Whatever is wrong with the rest, a person gets to the engine and to its journal, and a start is refused.
    #[test]
    fn what_a_seat_does_not_use_does_not_keep_a_person_from_the_engine() {
        let folder = tempfile::tempdir().unwrap();
        let operator =
            "[[operator]]\nid = 1\nendpoint = \"http://127.0.0.1:1\"\npublic_key_file = \"gone.pem\"\n";
        let cases = [
            format!("{GOOD}[policy]\nfile = \"gone.toml\"\n"),
            format!("{GOOD}[operators]\nfile = \"gone.toml\"\n"),
            format!("{GOOD}[policy]\nmode = \"sometimes\"\n"),
            format!("{GOOD}[policy]\nmoed = \"auto\"\n"),
            format!("{GOOD}[nonsense]\na = 1\n"),
            format!("{GOOD}{operator}"),
            format!("{GOOD}[signer]\nkeystore = 7\npassword_file = \"gone\"\n"),
            format!("{GOOD}view = \"bob builder\"\n"),
            GOOD.replace(
                "[contract]",
                "finality = \"soon\"\n[contract]\nfee_amount = \"much\"",
            ),
            format!(
                "{GOOD}[messenger]\ntls_certificate_file = \"gone.pem\"\n[ui]\ntheme = 3\n[log]\nlevel = 1\n"
            ),
        ];
        for text in cases {
            let options = options(folder.path(), &text);
            let layers = survey(&options).unwrap();
            let seat = layers.seat().unwrap_or_else(|errors| panic!("{text}: {errors}"));
            assert_eq!(
                seat.attach.socket,
                section::Socket::At(folder.path().join("e.sock"))
            );
            assert_eq!(layers.journal().unwrap().path, folder.path().join("j.sqlite"));
            assert_eq!(
                layers.front_end_or_usual().0.0,
                layers.defaults().front_end().unwrap().0
            );
            let start = gather(&options).and_then(|layers| layers.oracle());
            assert!(start.is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_seat_uses_is_right_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            ("path = \"j.sqlite\"", "pth = \"j.sqlite\""),
            ("path = \"j.sqlite\"", "path = \"j.sqlite\"\npath = \"k.sqlite\""),
            ("[journal]", "[jurnal]"),
            ("[journal]", "[journal]\nabc = 1"),
            ("socket = \"e.sock\"", "socket = 4"),
            ("[contract]\naddress", "[contract]\nadress"),
            ("name = \"devnet\"", "name = \"devnot\""),
            ("[attach]", "[attach"),
        ];
        for (good, bad) in cases {
            let text = GOOD.replace(good, bad);
            let layers = survey(&options(folder.path(), &text)).unwrap();
            assert!(layers.seat().is_err(), "{text}");
        }
        let mut elsewhere = options(folder.path(), GOOD);
        let set = |options: &mut LoadOptions, name: &str| {
            options.environment.insert(name.to_owned(), "/x".to_owned())
        };
        set(&mut elsewhere, "CASIMIR_DKG_RPC_ULRS");
        survey(&elsewhere).unwrap().seat().unwrap();
        set(&mut elsewhere, "CASIMIR_DKG_JOURNAL_PTH");
        assert!(survey(&elsewhere).unwrap().seat().is_err());
        let gone = LoadOptions {
            file: Some(folder.path().join("gone.toml")),
            ..options(folder.path(), GOOD)
        };
        assert!(survey(&gone).unwrap().seat().is_err());
        assert!(survey(&gone).unwrap().is_unread());
    }

    /// What is known without the file that cannot be read, for whoever tells of it.
    #[test]
    fn without_the_rules_the_rest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "{GOOD}[rpc]\nurls = [\"http://127.0.0.1:1\"]\n[policy]\nmode = \"observe\"\nfile = \"gone.toml\"\n\
             [operators]\nfile = \"none.toml\"\n"
        );
        let layers = survey(&options(folder.path(), &text)).unwrap();
        let told = layers.told().unwrap();
        for file in ["gone.toml", "none.toml"] {
            assert!(
                told.to_string().contains(&format!("{file}: cannot be read")),
                "{told}"
            );
        }
        assert_eq!(layers.oracle().unwrap_err(), told);
        assert_eq!(layers.oracle_after_mistakes().unwrap().policy.rules, []);
    }
}
