//! `man`: the manual pages, made from the command line's own descriptions.

use std::path::Path;

use crate::args;
use crate::exit::Outcome;
use crate::output;
use anyhow::Context as _;

/// Prints the program's page, or writes all of them.
pub(crate) fn run(directory: Option<&Path>) -> anyhow::Result<Outcome> {
    let Some(directory) = directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(args::command()).render(&mut page)?;
        output::raw(&String::from_utf8_lossy(&page));
        return Ok(Outcome::Success);
    };
    let shown = directory.display();
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make the directory {shown}"))?;
    clap_mangen::generate_to(args::command(), directory)
        .with_context(|| format!("cannot write manual pages in {shown}"))?;
    output::note(&format!("wrote the manual pages to {shown}"));
    Ok(Outcome::Success)
}
