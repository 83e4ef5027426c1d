//! Flags of `demo`.

use clap::{Args, ValueEnum};

/// Which beacon chain the demo has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoBeacon {
    /// The development beacon of this program: real rules, short epochs
    Development,
    /// Lodestar, installed once through npm
    Lodestar,
}

/// `demo`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
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
    /// Operators to start
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(4..=13))]
    pub operators: u32,
    /// Which beacon chain
    #[arg(long, value_enum, default_value_t = DemoBeacon::Development)]
    pub beacon: DemoBeacon,
    /// default, light, high-contrast, colour-blind, mono, or a file
    #[arg(long, value_name = "THEME")]
    pub theme: Option<String>,
}
