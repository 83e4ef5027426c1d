//! `console`: a screen, on an engine that runs already or on one that it starts.

use casimir_dkg::config::LoadOptions;

use crate::args::ConsoleArgs;
use crate::exit::Outcome;

#[cfg(feature = "tui")]
pub(crate) use screen::{Screen, show};

use crate::mode::Surroundings;

/// The default command.
#[cfg_attr(
    not(unix),
    expect(unused_variables, reason = "no other process can be attached to")
)]
pub(crate) fn run(options: &LoadOptions, args: &ConsoleArgs) -> anyhow::Result<Outcome> {
    let around = Surroundings::of_process();
    if args.plain || around.is_dumb() {
        if let Some(outcome) = elsewhere::sit_down_plainly(options, args)? {
            return Ok(outcome);
        }
        return super::plain::start(options);
    }
    drawn(&around, options, args)
}

#[cfg(feature = "tui")]
fn drawn(around: &Surroundings, options: &LoadOptions, args: &ConsoleArgs) -> anyhow::Result<Outcome> {
    around.require_terminal()?;
    if let Some(outcome) = elsewhere::sit_down(options, args)? {
        return Ok(outcome);
    }
    screen::start(options)
}

/// A build without the feature `tui` has no screen.
#[cfg(not(feature = "tui"))]
fn drawn(_: &Surroundings, _: &LoadOptions, _: &ConsoleArgs) -> anyhow::Result<Outcome> {
    let text = "this build has no screen: use `casimir-dkg console --plain` or `casimir-dkg headless`, or build with the \
                feature tui";
    Err(crate::exit::NoTerminal(text.to_owned()).into())
}

#[cfg(feature = "tui")]
mod screen {
    use casimir_dkg::config::{self, Config, LoadOptions, UiConfig};
    use casimir_dkg::engine::service::Running;

    use crate::commands::{oracle, serve};
    use crate::console::{self, ConsoleOptions, Director, ExitReason};
    use crate::exit::Outcome;
    use crate::log::{self, Also};
    use crate::person;

    /// Starts an engine, and ends with it.
    pub(super) fn start(options: &LoadOptions) -> anyhow::Result<Outcome> {
        let config = config::load(options)?;
        let _guard = log::init(&config.log, Also::Memory)?;
        log::worries(&config.worries);
        let signer = oracle::open_signer(&config)?;
        let screen = Screen::of(&config);
        serve(async {
            let started = oracle::start(config, signer, Vec::new()).await?;
            show(started.running, screen, None).await
        })
    }

    /// What the screen needs of the configuration, the rest of which goes to the engine.
    #[derive(Debug)]
    pub(crate) struct Screen {
        ui: UiConfig,
        theme_dir: std::path::PathBuf,
        stderr_to: std::path::PathBuf,
        save_to: std::path::PathBuf,
        leaving: Option<String>,
        read_only: bool,
    }

    impl Screen {
        pub(crate) fn of(config: &Config) -> Self {
            Self {
                ui: config.ui.clone(),
                theme_dir: config.directories.config.join("themes"),
                stderr_to: config.log.dir.join("stderr.log"),
                save_to: config.directories.state.clone(),
                leaving: None,
                read_only: config.policy.observes(),
            }
        }

        /// The screen of a demo, whose leaving ends more than an oracle. What the user saves goes to `kept`: a demo that is
        /// kept keeps all of it in one place.
        pub(crate) fn of_demo(self, kept: Option<&std::path::Path>) -> Self {
            let ends = "The demo ends with this console:";
            let leaving = match kept {
                Some(folder) => format!(
                    "{ends} its chain and its operators are gone. Configuration, journal and transcripts stay in {}.",
                    folder.display()
                ),
                None => format!("{ends} its chain, its operators and what was made on it are gone."),
            };
            Self {
                save_to: kept.map_or(self.save_to, std::path::Path::to_owned),
                leaving: Some(leaving),
                ..self
            }
        }
    }

    /// Draws until the user leaves, then ends with the engine.
    pub(crate) async fn show(
        running: Running,
        screen: Screen,
        director: Option<Director>,
    ) -> anyhow::Result<Outcome> {
        let options = ConsoleOptions {
            ui: screen.ui,
            theme_dir: Some(screen.theme_dir),
            read_only: screen.read_only,
            stderr_to: Some(screen.stderr_to),
            save_to: Some(screen.save_to),
            leaving: screen.leaving,
            attached: None,
            director,
        };
        let identity = person::identity();
        let reason = console::run(running.handle.clone(), identity, options).await?;
        match reason {
            ExitReason::Forced => Ok(Outcome::Forced),
            // the terminal is gone: nobody reads, nothing is written
            ExitReason::Hangup => Ok(Outcome::Success),
            ExitReason::Quit | ExitReason::Terminated | ExitReason::EngineGone => {
                running.wait().await?;
                Ok(Outcome::Success)
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::path::{Path, PathBuf};

        use casimir_dkg::config::Notify;

        use super::*;

        #[test]
        fn a_demo_that_is_kept_saves_in_its_folder_and_says_so_when_it_is_left() {
            let screen = || Screen {
                ui: UiConfig {
                    theme: None,
                    keys: None,
                    animations: false,
                    notify: Notify::Off,
                    mouse: false,
                    ascii: false,
                    allow_suspend: false,
                    grace: std::time::Duration::ZERO,
                },
                theme_dir: PathBuf::new(),
                stderr_to: PathBuf::new(),
                save_to: PathBuf::from("state"),
                leaving: None,
                read_only: false,
            };
            let kept = screen().of_demo(Some(Path::new("kept")));
            assert_eq!(kept.save_to, Path::new("kept"));
            let words = kept.leaving.unwrap();
            assert!(words.contains("journal and transcripts stay in kept"), "{words}");
            let passing = screen().of_demo(None);
            assert_eq!(passing.save_to, Path::new("state"));
            let words = passing.leaving.unwrap();
            assert!(words.contains("what was made on it are gone"), "{words}");
        }
    }
}

/// At the engine of another process.
mod elsewhere {
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use anyhow::bail;
    use casimir_dkg::attach::{Attached, Person};
    use casimir_dkg::config::{self, ConfigError, Layers, LoadOptions, LogConfig, SeatConfig, UiConfig};
    use casimir_dkg::engine::Identity;
    use tokio::runtime::Runtime;

    use crate::args::ConsoleArgs;
    use crate::commands::units::{self, Wanted};
    use crate::commands::{part, runtime, seat};
    #[cfg(feature = "tui")]
    use crate::console::{self, ConsoleOptions, ExitReason};
    use crate::exit::Outcome;
    use crate::headless::Signals;
    use crate::output;
    use crate::plain::{self, Left};
    use crate::seat::Found;

    /// A running engine, with what it is sat down at by. None: no engine runs, and one may be started here.
    fn find(
        options: &LoadOptions,
        args: &ConsoleArgs,
    ) -> anyhow::Result<Option<(Layers, Runtime, Attached)>> {
        let layers = config::survey(options)?;
        let found = runtime()?;
        let places = seat::places(&args.seat, || layers.seat())?;
        let attached = match found.block_on(crate::seat::find(&places))? {
            Found::Engine(attached) => attached,
            Found::Nobody(unseen) => {
                if let Some(path) = &args.seat.socket {
                    bail!("no engine listens at {}", path.display());
                }
                if !args.start {
                    let config = layers.seat()?;
                    let state = config.journal.path.parent().unwrap_or(Path::new("."));
                    let unit = units::of(Wanted {
                        file: layers.file(),
                        state,
                    });
                    may_start(&config, unit.as_deref(), &Person::of_this_process(), &unseen)?;
                }
                return Ok(None);
            }
        };
        part::warn(layers.told().iter().flat_map(|errors| &errors.0));
        Ok(Some((layers, found, attached)))
    }

    /// Colours and logs, as far as they are said rightly.
    fn front_end(layers: &Layers) -> (UiConfig, LogConfig) {
        let (found, wrong) = layers.front_end_or_usual();
        // what is wrong with the form was said before
        let told = layers.told();
        let told = |error: &&ConfigError| told.as_ref().is_some_and(|errors| errors.0.contains(error));
        part::warn(
            wrong
                .iter()
                .flat_map(|errors| &errors.0)
                .filter(|error| !told(error)),
        );
        found
    }

    /// The same by lines.
    pub(super) fn sit_down_plainly(
        options: &LoadOptions,
        args: &ConsoleArgs,
    ) -> anyhow::Result<Option<Outcome>> {
        let Some((layers, found, attached)) = find(options, args)? else {
            return Ok(None);
        };
        crate::log::init_memory(&front_end(&layers).1)?;
        let process = attached.seated.process;
        let identity = Identity::new(attached.seated.you.clone());
        let left = found.block_on(async {
            let mut signals = Signals::take();
            plain::run(attached.handle, identity, &plain::Nothing, &mut signals, false).await
        });
        match left {
            Left::EngineGone => bail!(gone(process)),
            Left::Quit | Left::Forced => {
                output::note(&format!("left; the engine (process {process}) goes on"));
                // the thread that reads standard input stays behind
                found.shutdown_background();
                Ok(Some(Outcome::Success))
            }
        }
    }

    /// Sits down at a running engine until the person leaves. None: no engine runs, and one may be started here.
    #[cfg(feature = "tui")]
    pub(super) fn sit_down(options: &LoadOptions, args: &ConsoleArgs) -> anyhow::Result<Option<Outcome>> {
        let Some((layers, found, attached)) = find(options, args)? else {
            return Ok(None);
        };
        let (mut ui, logging) = front_end(&layers);
        crate::log::init_memory(&logging)?;
        let themes = layers.directories().config.join("themes");
        let wrong = console::check(&ui, &themes).err();
        if let Some(error) = &wrong {
            output::note(&format!(
                "warning: {error:#} (colours and keys are the built-in ones)"
            ));
            (ui.theme, ui.keys) = (None, None);
        }
        let screen = ConsoleOptions {
            ui,
            theme_dir: wrong.is_none().then_some(themes),
            read_only: !attached.seated.may_decide,
            stderr_to: None,
            save_to: Some(layers.directories().state.clone()),
            leaving: None,
            attached: Some(attached.seated.clone()),
            director: None,
        };
        found.block_on(show(attached, screen)).map(Some)
    }

    #[cfg(feature = "tui")]
    async fn show(attached: Attached, screen: ConsoleOptions) -> anyhow::Result<Outcome> {
        let process = attached.seated.process;
        let identity = Identity::new(attached.seated.you);
        match console::run(attached.handle, identity, screen).await? {
            ExitReason::Forced => Ok(Outcome::Forced),
            ExitReason::Hangup => Ok(Outcome::Success),
            ExitReason::Quit | ExitReason::Terminated => {
                output::note(&format!("left; the engine (process {process}) goes on"));
                Ok(Outcome::Success)
            }
            ExitReason::EngineGone => {
                bail!(gone(process))
            }
        }
    }

    /// Whoever was just approving wants to know whether that counts.
    fn gone(process: u32) -> String {
        format!(
            "the engine (process {process}) has ended, or its connection was cut. What counted is in its journal and stands; \
             an approval that still waited for stale checks is forgotten by a stop, and what it had not answered may be there or \
             not: `casimir-dkg status` says what waits, once it runs again"
        )
    }

    /// An engine that a service manager should run is not started by the way. `unseen`: where nobody could be looked for.
    fn may_start(config: &SeatConfig, unit: Option<&Path>, me: &Person, unseen: &str) -> anyhow::Result<()> {
        if let Some(unit) = unit {
            let name = unit.file_stem().unwrap_or_default().to_string_lossy();
            bail!(
                "no engine runs here{unseen}, and a service is installed for it ({}): start that (systemctl start \
                 {name}), or add --start to run an engine in this console",
                unit.display()
            );
        }
        let Some(directory) = config.journal.path.parent() else {
            return Ok(());
        };
        let owner = std::fs::metadata(directory).map(|found| found.uid());
        match of_another(owner, me) {
            Some(owner) => bail!(
                "no engine runs here{unseen}, and {} belongs to another user{owner}: start the engine as that user, or \
                 add --start to run one as {me}",
                directory.display()
            ),
            None => Ok(()),
        }
    }

    /// Whether a directory with this owner is somebody else's, and whose, as far as it can be seen.
    fn of_another(owner: io::Result<u32>, me: &Person) -> Option<String> {
        match owner {
            Ok(uid) if uid != me.uid => Some(format!(" (uid {uid})")),
            // nobody is shut out of what is their own
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(String::new()),
            _ => None,
        }
    }

    #[cfg(test)]
    mod tests {
        use casimir_dkg::config::LoadOptions;

        use super::*;

        #[test]
        fn whoever_loses_the_engine_is_told_what_stands_and_where_to_look() {
            let words = gone(7);
            for part in [
                "process 7",
                "counted is in its journal",
                "that still waited for stale checks is forgotten",
                "may be there or not",
                "`casimir-dkg status`",
            ] {
                assert!(words.contains(part), "{part}: {words}");
            }
        }

        #[test]
        fn an_engine_that_a_service_or_another_user_should_run_is_not_started_by_the_way() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("c.toml");
            std::fs::write(
                &file,
                "[network]\nname = \"hoodi\"\n[contract]\naddress = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
                 [journal]\npath = \"journal.sqlite\"\n",
            )
            .unwrap();
            let options = LoadOptions {
                file: Some(file),
                ..LoadOptions::default()
            };
            let config = config::gather(&options).unwrap().seat().unwrap();
            let me = Person::of_this_process();
            may_start(&config, None, &me, "").unwrap();
            let refused = may_start(&config, Some(Path::new("a.service")), &me, "")
                .unwrap_err()
                .to_string();
            assert!(
                refused.contains("(a.service)")
                    && refused.contains("(systemctl start a)")
                    && refused.contains("--start"),
                "{refused}"
            );
            let mut other = me;
            other.uid += 1;
            let refused = may_start(&config, None, &other, " (x)").unwrap_err().to_string();
            assert!(
                refused.contains("here (x), and")
                    && refused.contains("another user")
                    && refused.contains("--start"),
                "{refused}"
            );
        }

        #[test]
        fn a_directory_that_may_not_be_looked_at_belongs_to_another_user() {
            let me = Person::of_this_process();
            let failed = |kind: io::ErrorKind| of_another(Err(kind.into()), &me);
            assert_eq!(failed(io::ErrorKind::PermissionDenied), Some(String::new()));
            assert_eq!(failed(io::ErrorKind::NotFound), None);
            assert_eq!(of_another(Ok(me.uid), &me), None);
            assert!(of_another(Ok(me.uid + 1), &me).is_some());
        }
    }
}
