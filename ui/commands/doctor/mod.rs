//! `doctor`: tries out everything that is configured, one line each, and says what to do where something is wrong.

mod beacon;
mod chain;
mod deployment;
mod dkg;
mod endpoint;
mod files;
mod finding;
mod http;
mod modes;
mod notices;
mod roles;
mod running;
mod shares;
mod signer;

use std::collections::BTreeSet;
use std::ffi::OsStr;

use casimir_dkg::config::{self, Config, Layers, LoadOptions};
use casimir_dkg::engine;
use casimir_dkg::engine::service::Judged;
use casimir_dkg::http::Http;
use casimir_dkg::types::counted;

use super::runtime;
use crate::args::DoctorRole;
use crate::exit::{self, Outcome};
use crate::output;
use finding::{Finding, Grade};

/// `expect` is what an operator's store must hold.
pub(crate) fn run(
    role: DoctorRole,
    expect: Option<&OsStr>,
    options: &LoadOptions,
    json: bool,
) -> anyhow::Result<Outcome> {
    if expect.is_some() && role != DoctorRole::Operator {
        anyhow::bail!("--expect is for `doctor operator`: nobody else keeps shares");
    }
    let mut report = Report {
        json,
        worst: Grade::Ok,
        failed: 0,
        warned: 0,
        unopened: BTreeSet::new(),
    };
    let gathered = match role {
        DoctorRole::Operator => super::operator::survey(options),
        DoctorRole::Oracle | DoctorRole::Messenger => config::survey(options),
    };
    let layers = match gathered {
        Ok(layers) => layers,
        Err(errors) => {
            report.wrong_configuration(&errors);
            return Ok(report.end());
        }
    };
    if let Some(errors) = layers.told() {
        report.wrong_configuration(&errors);
        if layers.is_unread() {
            return Ok(report.end());
        }
    }
    match layers.file() {
        Some(file) => report.add(Finding::ok("configuration", file.display().to_string())),
        None => report.add(Finding::warn(
            "configuration",
            "no file: defaults, environment and flags only",
            "`casimir-dkg config init` writes an annotated sample",
        )),
    }
    for worry in layers.worries() {
        report.add(Finding::warn("configuration", worry, ""));
    }
    if role != DoctorRole::Oracle {
        runtime()?.block_on(roles::examine(role, expect, &layers, &mut report));
        return Ok(report.end());
    }
    match layers.oracle_after_mistakes() {
        Ok(config) => {
            for worry in config.worries.iter().skip(layers.worries().len()) {
                report.add(Finding::warn("configuration", worry, ""));
            }
            runtime()?.block_on(examine(&config, &mut report));
        }
        Err(errors) => {
            report.wrong_configuration(&errors);
            runtime()?.block_on(examine_part(&layers, &mut report));
        }
    }
    Ok(report.end())
}

/// What does not hang on what is wrong: the journal, and the oracle that runs here with what it read before.
async fn examine_part(layers: &Layers, report: &mut Report) {
    if let Ok(journal) = layers.journal() {
        report.add(files::journal(&engine::journal_at(&journal)).0);
    }
    if let Ok(seat) = layers.seat() {
        running::sit_down(&seat, report).await;
    }
}

async fn examine(config: &Config, report: &mut Report) {
    if config.policy.is_automatic() {
        let found = "auto; not looked at here: a start without the flag --auto-approve is refused";
        report.add(Finding::ok("mode", found));
    }
    let journal = files::examine(config, report);
    let http = match Http::new(&config.http) {
        Ok(http) => http,
        Err(error) => {
            let hint = "nobody can be asked until this is right";
            let finding = Finding::fail("http", error.to_string(), hint);
            return report.add_unless_told(&["http.ca_file"], finding);
        }
    };
    let chain = chain::examine(config, &http, report).await;
    let account = signer::examine(config, chain.as_ref(), report).await;
    running::adoption(account, chain.as_ref(), &journal, report).await;
    running::examine(config, account, report).await;
    if config.messenger.tls.is_some() {
        let found = roles::certificate(config.messenger.tls.as_ref());
        report.add_unless_told(&roles::tls_of("messenger"), found);
    }
    dkg::examine(config, &http, report).await;
    beacon::examine(config, &http, report).await;
    notices::examine(config, &http, report);
}

/// Prints as it goes, and counts.
#[derive(Debug)]
struct Report {
    json: bool,
    worst: Grade,
    failed: usize,
    warned: usize,
    /// Files that cannot be opened, as they were told: whoever opens one of them later finds nothing new.
    unopened: BTreeSet<String>,
}

impl Report {
    fn add(&mut self, finding: Finding) {
        self.worst = self.worst.max(finding.grade);
        self.failed += usize::from(finding.grade == Grade::Fail);
        self.warned += usize::from(finding.grade == Grade::Warn);
        finding.print(self.json);
    }

    fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }

    /// Tells what a start says of each of the files that it opens.
    fn judge(&mut self, files: &[Judged]) {
        for file in files {
            let findings = modes::judged(file);
            if findings.iter().any(|finding| finding.grade == Grade::Fail) {
                self.unopened.insert(file.what.clone());
            }
            self.extend(findings);
        }
    }

    /// Whether it was told of one of these files that it cannot be opened.
    fn is_told(&self, of: &[&str]) -> bool {
        of.iter().any(|what| self.unopened.contains(*what))
    }

    /// Tells what came of a check that opens the file `of`, unless it was told that this cannot be opened.
    fn add_unless_told(&mut self, of: &[&str], finding: Finding) {
        if !self.is_told(of) || finding.grade != Grade::Fail {
            self.add(finding);
        }
    }

    fn wrong_configuration(&mut self, errors: &config::ConfigErrors) {
        for error in &errors.0 {
            self.add(Finding::fail("configuration", error.to_string(), ""));
        }
    }

    fn end(&self) -> Outcome {
        if !self.json {
            output::line(&match (self.failed, self.warned) {
                (0, 0) => "everything is as it should be".to_owned(),
                (0, warned) => format!("nothing fails, {warned} to look at"),
                (failed, warned) => format!("{failed} failed, {warned} to look at"),
            });
        }
        let failed = (self.worst == Grade::Fail).then(|| counted(self.failed, "check"));
        exit::judged(
            None,
            failed.map(|many| format!("{many} failed")).into_iter().collect(),
        )
    }
}
