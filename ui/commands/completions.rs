//! `completions`.

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Outcome;
use crate::output;

pub(crate) fn run(shell: clap_complete::Shell) -> Outcome {
    let mut command = Cli::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "casimir-dkg", &mut script);
    output::raw(&String::from_utf8_lossy(&script));
    Outcome::Success
}
