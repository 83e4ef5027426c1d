//! Who is told what waits. Nobody is sent anything: that is what `notify test` is for.

use std::path::{Path, PathBuf};

use casimir_dkg::config::{Config, NoticesTo, Receiver};
use casimir_dkg::engine::service;
use casimir_dkg::http::Http;

use super::{Finding, Report};

pub(crate) fn examine(config: &Config, http: &Http, report: &mut Report) {
    let notices = &config.notices;
    if notices.to.is_empty() {
        let found =
            "nobody is told: without [[notices.to]] what waits is on the screen and on the lines only";
        report.add(Finding::ok("notices", found));
        return;
    }
    for to in &notices.to {
        report.add(receiver(config, to, http));
    }
}

/// Whether its secrets can be read, and its program started.
fn receiver(config: &Config, to: &NoticesTo, http: &Http) -> Finding {
    let what = format!("notices to {}", to.name);
    let mut alone = config.notices.clone();
    alone.to = vec![to.clone()];
    let opened = match service::receivers(&alone, config.network.name, http) {
        Ok(opened) => opened,
        Err(error) => return Finding::fail(&what, error.to_string(), "the engine does not start with it"),
    };
    if let Receiver::Command(command) = &to.receiver
        && !command.first().is_some_and(|program| can_start(program))
    {
        let program = command.first().map_or("", String::as_str);
        return Finding::fail(
            &what,
            format!("{program} is no program that this user can start"),
            "name it with its whole path, and make it executable",
        );
    }
    let name = opened
        .first()
        .map_or_else(String::new, |told| told.notifier.name().to_string());
    let found = format!("{name}, not tried here: `casimir-dkg notify test` sends a notice");
    Finding::ok(&what, found)
}

fn can_start(program: &str) -> bool {
    if program.contains('/') {
        return is_executable(Path::new(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places
        .iter()
        .any(|directory| is_executable(&directory.join(program)))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let found = path.metadata();
    found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
