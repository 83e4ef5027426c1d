//! Flags of `demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which beacon chain the demo has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoBeacon {
    /// The development beacon of this program: real rules, short epochs
    Development,
    /// Lodestar, installed once through npm
    Lodestar,
}

/// Who decides at the stations of a tour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TourBy {
    /// The tour itself, after some seconds
    Clock,
    /// Whoever watches
    Key,
}

#[derive(Debug, Clone, PartialEq, Args)]
#[command(
    after_help = "Examples:\n  casimir-dkg demo\n  casimir-dkg demo --pace 1.5 --seed 7\n  casimir-dkg demo --tour\n  \
    casimir-dkg demo --plain\n  casimir-dkg demo --headless --auto-approve --keep kept"
)]
pub(crate) struct DemoArgs {
    /// Print one line for each step instead of opening the console. Where there is no terminal that is done anyhow, with
    /// --auto-approve
    #[arg(long)]
    pub headless: bool,
    /// Decide by the demo's policy; with --headless it ends when all requests are done
    #[arg(long)]
    pub auto_approve: bool,
    /// With --headless: ask for a reshare and an exit too once pools are staked, and wait for both. Without --headless
    /// that is done anyhow
    #[arg(long)]
    pub requests: bool,
    /// Ask for deposits only
    #[arg(long, conflicts_with = "requests")]
    pub no_requests: bool,
    /// Pools that request a deposit
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub pools: u32,
    /// Let no pool come by itself after the first ones; the director still fills more
    #[arg(long)]
    pub still: bool,
    /// Operators to start
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(4..=13))]
    pub operators: u32,
    /// Which beacon chain
    #[arg(long, value_enum, default_value_t = DemoBeacon::Development)]
    pub beacon: DemoBeacon,
    /// default, dark, light, high-contrast, colour-blind, mono, or a file
    #[arg(long, value_name = "THEME")]
    pub theme: Option<String>,
    /// Print and read lines instead of drawing a screen, as for a screen reader; done anyhow where TERM is dumb
    #[arg(long, conflicts_with = "headless")]
    pub plain: bool,
    /// Slow the operators' messages down to about so many seconds each, as over a real network, so that the rounds can be
    /// watched
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = seconds)]
    pub pace: f64,
    /// Repeat a show: the same seed gives the same operators' delays and the same times at which pools come
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Go through the whole story with a line of explanation at each station; decisions by the clock, or by whoever
    /// watches. With --headless it ends with the story
    #[arg(long, value_enum, value_name = "WHO", num_args = 0..=1, default_missing_value = "clock", conflicts_with = "auto_approve")]
    pub tour: Option<TourBy>,
    /// Leave configuration, journal and transcripts in this directory, and say how they are verified
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Operators that run elsewhere: a file with [[operator]] tables, their ids from 1 on. There is no director then
    #[arg(long, value_name = "FILE")]
    pub operators_file: Option<PathBuf>,
    /// A messenger that runs elsewhere. There is no director then
    #[arg(long, value_name = "URL")]
    pub messenger: Option<String>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=30.0).contains(&seconds) => Ok(seconds),
        _ => Err("seconds from 0 to 30".to_owned()),
    }
}
