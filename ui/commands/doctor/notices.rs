//! Who is told what waits. Nobody is sent anything: that is what `notify test` is for.

use casimir_dkg::config::{Config, NoticesTo, Receiver};
use casimir_dkg::engine::service;
use casimir_dkg::http::Http;
use casimir_dkg::secrets::{judge_program, program_of};

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
        let found = receiver(config, to, http);
        report.add_unless_told(&[&format!("notices to {}", to.name)], found);
        if let Receiver::Command(command) = &to.receiver {
            // what refuses it was said
            for worry in judge_program(command).unwrap_or_default() {
                report.add(Finding::warn(&format!("notices to {}", to.name), worry, ""));
            }
        }
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
        && command.first().and_then(|program| program_of(program)).is_none()
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
