//! Rules decide only while their files say what was read: once one changes or disappears, people are asked again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::{Config, RulesFile};
use crate::engine::core::Incoming;
use crate::oracle::Policy;
use crate::types::SafeText;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(5);

/// What was read last, shared by who reads anew and who looks whether it still holds.
#[derive(Debug, Clone)]
pub(super) struct Rules(Arc<Mutex<Read>>);

#[derive(Debug)]
struct Read {
    files: Vec<RulesFile>,
    policy: Policy,
    /// Why nothing is decided by a rule now.
    suspended: Option<String>,
}

impl Rules {
    pub(super) fn of(config: &Config) -> Self {
        Self(Arc::new(Mutex::new(Read {
            files: config.rules.clone(),
            policy: config.policy.to_policy(),
            suspended: None,
        })))
    }

    /// Another configuration counts from now on; its rules.
    pub(super) fn take(&self, config: &Config) -> Policy {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.files.clone_from(&config.rules);
        read.policy = config.policy.to_policy();
        read.suspended = None;
        read.policy.clone()
    }

    /// The rules that count from now on, where that changed since the last look.
    fn look(&self) -> Option<Policy> {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if read.policy.rules.is_empty() {
            return None;
        }
        let differs = |file: &RulesFile| Some(format!("{} {}", file.path.display(), file.differs()?));
        let found = read.files.iter().find_map(differs);
        if found.is_some() == read.suspended.is_some() {
            return None;
        }
        let mut policy = read.policy.clone();
        if let Some(why) = &found {
            let words = format!(
                "{why}: people are asked until a reload (SIGHUP) reads the rules anew, or the file is as it was"
            );
            tracing::error!(target: "engine::told", "no rule decides any more: {words}");
            policy.rules.clear();
            policy.suspended = Some(SafeText::new(&words));
        } else {
            tracing::warn!(target: "engine::told", "the files of the rules are again what was read: the rules decide");
        }
        read.suspended = found;
        Some(policy)
    }

    /// Looks beside the feeds, for as long as they run.
    pub(super) fn watched_by(
        &self,
        mut feeds: JoinSet<()>,
        core: &mpsc::WeakSender<Incoming>,
    ) -> JoinSet<()> {
        feeds.spawn(self.clone().watch(core.clone()));
        feeds
    }

    async fn watch(self, core: mpsc::WeakSender<Incoming>) {
        loop {
            tokio::time::sleep(EVERY).await;
            let rules = self.clone();
            let found = tokio::task::spawn_blocking(move || rules.look()).await;
            let Some(core) = core.upgrade() else { return };
            if let Ok(Some(policy)) = found {
                // the core is gone only when everything ends
                let _ = core.send(Incoming::Rules(policy)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AutoApprove, LoadOptions, load};

    const CONFIG: &str = "[network]\nname = \"hoodi\"\n[rpc]\nurls = [\"http://127.0.0.1:1\"]\n[contract]\naddress = \
                          \"0x0707070707070707070707070707070707070707\"\n[policy]\nmode = \"observe\"\nfile = \"rules.toml\"\n[operators]\nssv_api = \"http://127.0.0.1:2\"\n";

    #[test]
    fn a_file_that_changes_or_disappears_takes_its_rules_away_until_it_is_as_it_was_or_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (config, file) = (
            folder.path().join("config.toml"),
            folder.path().join("rules.toml"),
        );
        let rule = "[[rule]]\nname = \"all\"\nkinds = [\"keygen\"]\nper_day = 3\n";
        let operators =
            (1..=4).map(|id| format!("[[operator]]\nid = {id}\nendpoint = \"http://127.0.0.1:{id}\"\n"));
        std::fs::write(&config, CONFIG.to_owned() + &operators.collect::<String>()).unwrap();
        std::fs::write(&file, rule).unwrap();
        let options = LoadOptions {
            file: Some(config),
            auto_approve: AutoApprove::Absent,
            environment: [("HOME".to_owned(), folder.path().display().to_string())].into(),
            ..LoadOptions::default()
        };
        let read = load(&options).unwrap_or_else(|errors| panic!("{errors}"));
        let rules = Rules::of(&read);
        assert_eq!(rules.look(), None);
        std::fs::remove_file(&file).unwrap();
        let gone = rules.look().unwrap();
        assert!(gone.rules.is_empty(), "gone");
        let why = gone.suspended.unwrap();
        assert!(
            why.as_str().contains("rules.toml") && why.as_str().contains("SIGHUP"),
            "{why}"
        );
        assert_eq!(rules.look(), None, "said once");
        std::fs::write(&file, rule).unwrap();
        let again = rules.look().unwrap();
        assert_eq!((again.rules.len(), again.suspended), (1, None), "as it was");
        std::fs::write(&file, rule.replace("= 3", "= 4")).unwrap();
        assert!(rules.look().unwrap().rules.is_empty(), "changed");
        assert_eq!(rules.take(&load(&options).unwrap()).rules.len(), 1, "read anew");
        assert_eq!(rules.look(), None);
    }
}
