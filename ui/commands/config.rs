//! `config show`, `config path`, `config init`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use casimir_dkg::config::{self, LoadOptions};

use crate::args::ConfigCommand;
use crate::exit::Outcome;
use crate::output;

pub(crate) fn run(command: &ConfigCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    match command {
        ConfigCommand::Show(_) => show(options, json),
        ConfigCommand::Path => path(options, json),
        ConfigCommand::Init { stdout: true, .. } => {
            output::raw(config::SAMPLE);
            Ok(Outcome::Success)
        }
        ConfigCommand::Init { file, .. } => init(file.as_deref(), options),
    }
}

/// Shows what can be shown even when something is missing, and then says what is missing.
fn show(options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    let layers = config::gather(options)?;
    let values = layers.shown();
    if json {
        for value in &values {
            output::json(value);
        }
    } else {
        output::raw(&config::render(&values));
    }
    for worry in layers.oracle()?.worries {
        output::note(&format!("warning: {worry}"));
    }
    Ok(Outcome::Success)
}

fn path(options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    // a file with mistakes still has a place
    let directories = match config::survey(options) {
        Ok(layers) => layers.directories().clone(),
        Err(_) => config::Directories::resolve(&options.environment).map_err(config::ConfigErrors::from)?,
    };
    let file = options
        .file
        .clone()
        .or_else(|| options.environment.get("CASIMIR_DKG_CONFIG").map(Into::into))
        .unwrap_or_else(|| directories.config.join(config::FILE_NAME));
    let rows = [
        ("file", &file),
        ("config", &directories.config),
        ("state", &directories.state),
        ("cache", &directories.cache),
    ];
    if json {
        let object: serde_json::Map<_, _> = rows
            .iter()
            .map(|(name, path)| ((*name).to_owned(), path.to_string_lossy().into()))
            .collect();
        output::json(&object);
    } else {
        for (name, path) in rows {
            let state = if path.exists() { "" } else { "  (does not exist)" };
            output::line(&format!("{name:<7} {}{state}", path.display()));
        }
    }
    Ok(Outcome::Success)
}

fn init(file: Option<&Path>, options: &LoadOptions) -> anyhow::Result<Outcome> {
    let usual;
    // a file that is named for every command is named for this one
    let file = match file.or(options.file.as_deref()) {
        Some(file) => file,
        None => {
            let directories =
                config::Directories::resolve(&options.environment).map_err(config::ConfigErrors::from)?;
            usual = directories.config.join(config::FILE_NAME);
            &usual
        }
    };
    if let Some(parent) = file.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let mut open = OpenOptions::new();
    open.write(true).create_new(true);
    // URLs in it may hold keys
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let mut out = open
        .open(file)
        .with_context(|| format!("cannot create {}", file.display()))?;
    out.write_all(config::SAMPLE.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))?;
    output::line(&format!("wrote {}", file.display()));
    Ok(Outcome::Success)
}
