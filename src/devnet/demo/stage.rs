//! What a network that is shown has beside the others: operators that are processes of their own, relays between them and
//! the messenger, and the fault proxy before the chain and the messenger.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::mouth::{Honesty, Mouth};
use super::operators::{REGISTERED_DEADLINE, Surroundings, records};
use super::process::OperatorProcess;
use super::{DemoKeys, failed_part};
use crate::devnet::DevnetError;
use crate::devnet::proxy::{FaultProxy, Kind, Target};
use crate::types::{OperatorId, OperatorRecord};

/// How to start a network that is shown.
#[derive(Debug, Clone)]
pub struct StageOptions {
    /// This program: operators are started from it.
    pub program: PathBuf,
    /// What an operator's message takes on its way, about: nothing as a rule, a second as over a real network.
    pub pace: Duration,
    /// The same seed gives the same delays.
    pub seed: u64,
}

/// The names under which the proxy stands before the chain.
pub(super) const ENDPOINTS: [&str; 2] = ["endpoint-1", "endpoint-2"];
const MESSENGER: &str = "messenger";

/// The proxy before the chain and the messenger.
pub(super) async fn proxy(execution: &str, messenger: &str) -> Result<FaultProxy, DevnetError> {
    let failed = |error: &dyn std::fmt::Display| failed_part("the fault proxy", error);
    let targets = ENDPOINTS
        .into_iter()
        .map(|name| Target::new(Kind::Execution, name, execution))
        .chain([Target::new(Kind::Messenger, MESSENGER, messenger)])
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&error))?;
    FaultProxy::start(targets).await.map_err(|error| failed(&error))
}

/// Where the oracle finds what the proxy stands before.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    pub(super) execution: Vec<String>,
    pub(super) socket: String,
    pub(super) messenger: String,
}

impl Doors {
    pub(super) fn of(proxy: &FaultProxy) -> Result<Self, DevnetError> {
        let failed = |error: &dyn std::fmt::Display| failed_part("the fault proxy", error);
        let execution = ENDPOINTS.into_iter().map(|name| proxy.url(name));
        Ok(Self {
            execution: execution
                .collect::<Result<_, _>>()
                .map_err(|error| failed(&error))?,
            socket: proxy.socket_url(ENDPOINTS[0]).map_err(|error| failed(&error))?,
            messenger: proxy.url(MESSENGER).map_err(|error| failed(&error))?,
        })
    }
}

/// The operators' processes and their ways to the messenger, with the proxy. What runs ends when this is dropped.
#[derive(Debug)]
pub(super) struct Stage {
    processes: Mutex<Vec<OperatorProcess>>,
    mouths: Vec<(OperatorId, Mouth)>,
    pub(super) proxy: FaultProxy,
}

impl Stage {
    /// Starts a process for each operator and waits until the messenger knows them all.
    pub(super) async fn start(
        options: &StageOptions,
        proxy: FaultProxy,
        keys: &DemoKeys,
        around: &Surroundings<'_>,
    ) -> Result<(Self, Vec<OperatorRecord>), DevnetError> {
        let mut records = records(keys);
        let mut mouths = Vec::new();
        let mut processes = Vec::new();
        for (nth, key) in keys.operators.iter().enumerate() {
            let id = records[nth].id;
            let mouth = Mouth::open(id, Arc::clone(key), around.messenger_url.expose(), options.seed).await?;
            processes.push(OperatorProcess::prepare(
                &options.program,
                nth,
                &records,
                keys,
                around,
                &mouth.url(),
            )?);
            mouths.push((id, mouth));
        }
        futures_util::future::try_join_all(processes.iter_mut().map(OperatorProcess::start)).await?;
        for (record, process) in records.iter_mut().zip(&processes) {
            record.endpoint = process.url().unwrap_or_default();
        }
        let registered = futures_util::future::join_all(mouths.iter().map(|(_, mouth)| mouth.registered()));
        tokio::time::timeout(REGISTERED_DEADLINE, registered)
            .await
            .map_err(|_| failed_part("an operator", &"the messenger does not know it in time"))?;
        for (_, mouth) in &mouths {
            mouth.set_pace(options.pace);
        }
        let stage = Self {
            processes: Mutex::new(processes),
            mouths,
            proxy,
        };
        Ok((stage, records))
    }

    fn mouth(&self, id: OperatorId) -> Option<&Mouth> {
        self.mouths
            .iter()
            .find(|(of, _)| *of == id)
            .map(|(_, mouth)| mouth)
    }

    pub(super) fn set_pace(&self, pace: Duration) {
        self.mouths.iter().for_each(|(_, mouth)| mouth.set_pace(pace));
    }

    /// `false`: there is no such operator.
    pub(super) fn set_honesty(&self, id: OperatorId, honesty: Honesty) -> bool {
        self.mouth(id).map(|mouth| mouth.set_honesty(honesty)).is_some()
    }

    /// `false`: there is no such operator.
    pub(super) fn set_delay(&self, id: OperatorId, delay: Duration) -> bool {
        self.mouth(id).map(|mouth| mouth.set_delay(delay)).is_some()
    }

    /// There is such an operator, whether it runs or not.
    pub(super) fn has(&self, id: OperatorId) -> bool {
        self.mouth(id).is_some()
    }

    /// Its process is there, be it stopped where it stands.
    pub(super) async fn runs(&self, id: OperatorId) -> bool {
        let processes = self.processes.lock().await;
        let found = processes.iter().find(|process| process.id() == id);
        found.is_some_and(OperatorProcess::runs)
    }

    /// `false`: it does not run.
    pub(super) async fn kill(&self, id: OperatorId) -> bool {
        let mut processes = self.processes.lock().await;
        let found = processes.iter_mut().find(|process| process.id() == id);
        found.is_some_and(OperatorProcess::kill)
    }

    /// `false`: it does not run.
    pub(super) async fn freeze(&self, id: OperatorId) -> bool {
        let processes = self.processes.lock().await;
        let found = processes.iter().find(|process| process.id() == id);
        found.is_some_and(|process| process.freeze(true))
    }

    /// Honest, at its usual pace, and running again. `false`: there is no such operator.
    ///
    /// # Errors
    /// Its process does not start.
    pub(super) async fn heal(&self, id: OperatorId) -> Result<bool, DevnetError> {
        let known = self.set_honesty(id, Honesty::Honest) && self.set_delay(id, Duration::ZERO);
        let mut processes = self.processes.lock().await;
        let Some(process) = processes.iter_mut().find(|process| process.id() == id) else {
            return Ok(false);
        };
        // one that is gone is started instead
        let _ = process.freeze(false);
        process.start().await?;
        Ok(known)
    }
}
