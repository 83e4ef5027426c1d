//! `console`: the engine with its screen.

use casimir_dkg::config::LoadOptions;

use crate::exit::Outcome;

#[cfg(feature = "tui")]
pub(crate) use screen::{Screen, show};

/// The default command.
#[cfg(feature = "tui")]
pub(crate) fn run(options: &LoadOptions) -> anyhow::Result<Outcome> {
    screen::run(options)
}

/// A build without the feature `tui` has no screen.
#[cfg(not(feature = "tui"))]
pub(crate) fn run(_: &LoadOptions) -> anyhow::Result<Outcome> {
    let text = "this build has no screen: use `casimir-dkg headless`, or build with the feature tui";
    Err(crate::exit::NoTerminal(text.to_owned()).into())
}

#[cfg(feature = "tui")]
mod screen {
    use casimir_dkg::config::{self, Config, LoadOptions, UiConfig};
    use casimir_dkg::engine::Identity;
    use casimir_dkg::engine::service::Running;

    use crate::commands::{oracle, serve};
    use crate::console::{self, ConsoleOptions, ExitReason};
    use crate::exit::Outcome;
    use crate::log::{self, Also};
    use crate::mode::Surroundings;
    use crate::person;

    pub(crate) fn run(options: &LoadOptions) -> anyhow::Result<Outcome> {
        Surroundings::of_process().require_terminal()?;
        let config = config::load(options)?;
        let _guard = log::init(&config.log, Also::Pane)?;
        let signer = oracle::open_signer(&config)?;
        let screen = Screen::of(&config);
        serve(async {
            let running = oracle::start(config, signer, Vec::new()).await?;
            show(running, screen).await
        })
    }

    /// What the screen needs of the configuration, the rest of which goes to the engine.
    pub(crate) struct Screen {
        ui: UiConfig,
        theme_dir: std::path::PathBuf,
        stderr_to: std::path::PathBuf,
        read_only: bool,
    }

    impl Screen {
        pub(crate) fn of(config: &Config) -> Self {
            Self {
                ui: config.ui.clone(),
                theme_dir: config.directories.config.join("themes"),
                stderr_to: config.log.dir.join("stderr.log"),
                read_only: config.policy.observes(),
            }
        }
    }

    /// Draws until the user leaves, then ends with the engine.
    pub(crate) async fn show(running: Running, screen: Screen) -> anyhow::Result<Outcome> {
        let options = ConsoleOptions {
            ui: screen.ui,
            theme_dir: Some(screen.theme_dir),
            read_only: screen.read_only,
            stderr_to: Some(screen.stderr_to),
        };
        let identity = Identity::new(person::name());
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
}
