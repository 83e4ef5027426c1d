//! The real program without a screen, and a seat at it: what it prints, what a console would draw.

use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use casimir_dkg::attach::{Attached, attach};
use casimir_dkg::devnet::proxy::Ends;
use casimir_dkg::engine::Identity;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::CaseId;
use casimir_dkg::view::{ActionView, CaseView, Refused, Reply, Request, Scope, Snapshot};

use super::screen;
use crate::engine::binary::{Binary, PROGRAM};
use crate::engine::full_disk::{limit, log_size};

/// Everything here happens within seconds; on a machine that compiles something else, within a minute or two.
const TIMEOUT: Duration = crate::TIMEOUT;
const LOOK: Duration = Duration::from_millis(50);

/// How it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

pub(super) struct Program {
    binary: Binary,
    seat: Attached,
    form: Form,
}

impl Program {
    pub(super) async fn start(config: &Path, state: &Path, form: Form, mode: &str) -> Self {
        // a file that may not grow is a full disk to it, and no end
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, PROGRAM])
            .arg("--config")
            .arg(config)
            .env("CASIMIR_DKG_STATE_DIR", state);
        if form == Form::Json {
            command.arg("--json");
        }
        command.arg("headless");
        match mode {
            "auto" => command.arg("--auto-approve"),
            mode => command.args(["--mode", mode]),
        };
        let binary = Binary::run(command);
        let socket = state.join("oracle.sock");
        let started = Instant::now();
        let seat = loop {
            match attach(&socket).await {
                Ok(seat) => break seat,
                Err(error) if started.elapsed() > TIMEOUT => {
                    panic!("{error}\n{}", binary.said().join("\n"))
                }
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        };
        Self { binary, seat, form }
    }

    /// What it printed as its output, a line at a time, in words.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.binary.printed().into_iter();
        lines
            .map(|line| match self.form {
                Form::Text => line,
                Form::Json => {
                    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                    let words = ["case", "kind", "text"]
                        .map(|key| value[key].as_str().unwrap_or_default().to_owned());
                    words.join(" ")
                }
            })
            .collect()
    }

    /// No file of it may grow any more, or all may.
    pub(super) fn disk_is_full(&self, full: bool) {
        let journal = self.snapshot().journal.path.to_string();
        let size = full.then(|| log_size(Path::new(&journal)));
        limit(&self.binary, size);
    }

    /// Resident memory, MiB; 0 where the system does not tell as Linux does.
    pub(super) fn resident_mib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.binary.child.id());
        let status = std::fs::read_to_string(status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() / 1024
    }

    pub(super) fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        self.seat.handle.snapshots.borrow().clone()
    }

    /// Waits until there is what is looked for.
    pub(super) async fn until<T>(&self, what: &str, find: impl Fn(&Snapshot) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = find(&self.snapshot()) {
                return found;
            }
            assert!(
                started.elapsed() < TIMEOUT,
                "not seen: {what}\n{}",
                self.picture()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a line has these words.
    pub(super) async fn prints(&self, scenario: &str, words: &str) {
        let started = Instant::now();
        while !self.lines().iter().any(|line| Ends::are_in(words, line)) {
            assert!(
                started.elapsed() < TIMEOUT,
                "{scenario}: «{words}» is on no line\n{}",
                self.picture()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Everything that there is to see and to read.
    pub(super) fn picture(&self) -> String {
        format!(
            "on the screen:\n  {}\nprinted:\n  {}\nlogged:\n  {}",
            screen::of(&self.snapshot()).join("\n  "),
            self.lines().join("\n  "),
            self.binary.logged().join("\n  ")
        )
    }

    pub(super) async fn case(&self, case: &str) -> CaseView {
        let id: CaseId = case.parse().unwrap();
        self.until(case, |s| s.case(id).cloned()).await
    }

    /// The action of a case that waits for a decision, whether it can be approved or not.
    pub(super) async fn proposed(&self, case: &str, kind: ActionKind) -> ActionView {
        let id: CaseId = case.parse().unwrap();
        let fits = |a: &&ActionView| a.id.case == id && a.kind == kind.to_string();
        self.until(&format!("{kind} of {case}"), |s| s.waiting().find(fits).cloned())
            .await
    }

    /// The action of a case that waits, just after its checks were made again.
    pub(super) async fn checked_anew(&self, case: &str) -> ActionView {
        let id: CaseId = case.parse().unwrap();
        let now = |s: &Snapshot| {
            s.waiting()
                .find(|a| a.id.case == id && a.checked_at.is_some())
                .cloned()
        };
        let first = self.until(&format!("the checks of {case}"), now).await;
        self.until(&format!("the checks of {case} made again"), |s| {
            now(s).filter(|action| action.checked_at > first.checked_at)
        })
        .await
    }

    /// Pauses everything, or ends that.
    pub(super) async fn pauses(&self, pause: bool) {
        let seat = self.seat.handle.seat(Identity::new("tess@test"));
        let scope = Scope::All;
        let request = if pause {
            Request::Pause { scope }
        } else {
            Request::Resume { scope }
        };
        seat.request(request).await.unwrap();
    }

    pub(super) async fn approve(&self, action: &ActionView) -> Reply {
        let seat = self.seat.handle.seat(Identity::new("tess@test"));
        let approve = Request::Approve {
            action: action.id,
            digest: action.digest,
            phrase: action.phrase.clone(),
        };
        seat.request(approve).await
    }

    /// Takes over the account with the past that other programs of this table gave it.
    pub(super) async fn adopt(&self) {
        let account = |s: &Snapshot| s.signer.unadopted.and(s.signer.address);
        let account = self.until("an account to adopt", account).await;
        let seat = self.seat.handle.seat(Identity::new("tess@test"));
        seat.request(Request::Adopt { account }).await.unwrap();
    }

    /// Approves what is proposed, again when it changed in between.
    pub(super) async fn approve_next(&self, case: &str, kind: ActionKind) {
        loop {
            let id: CaseId = case.parse().unwrap();
            let fits =
                |a: &&ActionView| a.id.case == id && a.kind == kind.to_string() && a.can_approve.is_yes();
            let action = self
                .until(&format!("{kind} of {case} to approve"), |s| {
                    s.waiting().find(fits).cloned()
                })
                .await;
            match self.approve(&action).await {
                Ok(_) => return,
                Err(
                    Refused::Stale(_) | Refused::NotNow(_) | Refused::Unavailable(_) | Refused::NotKnown(_),
                ) => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Approves every action of this kind that asks for it, and never ends.
    pub(super) async fn approve_again(&self, case: &str, kind: ActionKind) -> Infallible {
        let id: CaseId = case.parse().unwrap();
        loop {
            let snapshot = self.snapshot();
            let mut waiting = snapshot.waiting();
            let action = waiting
                .find(|a| a.id.case == id && a.kind == kind.to_string() && a.can_approve.is_yes())
                .cloned();
            if let Some(action) = action {
                // one that is stale by now is followed by another
                let _ = self.approve(&action).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) async fn end(self) {
        drop(self.seat);
        let said = self.binary.said();
        let ended = self.binary.end().await;
        assert!(ended.success(), "{ended}\n{}", said.join("\n"));
    }
}
