//! A network of which every part is reached through the fault proxy, and the real program on it.

use std::path::{Path, PathBuf};

use casimir_dkg::devnet::proxy::{Ends, FaultProxy, Kind, Scenario, Switch, Target, Variables};
use tempfile::TempDir;
use toml::{Table, Value};

use super::program::{Form, Program};
use super::screen;
use crate::engine::support::{Ground, ROUND};

/// What a program of the stage is configured with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set {
    /// Execution endpoints of the one node.
    pub(crate) execution: usize,
    /// Beacon endpoints of the one node, where the network has one.
    pub(crate) beacon: usize,
    /// Operator 1's key is asked from the SSV API.
    pub(crate) ssv_api: bool,
}

/// Two of each.
pub(crate) const PAIR: Set = Set {
    execution: 2,
    beacon: 2,
    ssv_api: false,
};

/// One scenario before one network.
pub(crate) struct Stage<'g> {
    pub(crate) ground: &'g Ground,
    pub(crate) proxy: FaultProxy,
    pub(crate) scenario: Scenario,
    set: Set,
    folder: TempDir,
}

fn names(kind: Kind, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{kind}.{n}")).collect()
}

impl<'g> Stage<'g> {
    /// The proxy stands, the scenario is loaded and off.
    pub(crate) async fn set(ground: &'g Ground, scenario: &str, set: Set, ssv_api: Option<&str>) -> Self {
        let target = |kind, name: &str, url: &str| Target::new(kind, name, url).unwrap();
        let mut targets = Vec::new();
        for name in names(Kind::Execution, set.execution) {
            let node = target(Kind::Execution, &name, &ground.devnet().http_url());
            targets.push(node.with_socket(&ground.devnet().ws_url()).unwrap());
        }
        if let Some(url) = ground.network.beacon_url() {
            let beacons = names(Kind::Beacon, set.beacon);
            targets.extend(beacons.iter().map(|name| target(Kind::Beacon, name, url)));
        }
        let messenger = ground.network.messenger_url();
        targets.push(target(Kind::Messenger, "messenger.0", &messenger));
        let first = &ground.network.operators()[0];
        targets.push(target(Kind::Operator, "operator.0", &first.endpoint));
        if let Some(url) = ssv_api {
            targets.push(target(Kind::SsvApi, "ssv-api.0", url));
        }
        let proxy = FaultProxy::start(targets).await.unwrap();
        let scenario = Scenario::shipped(scenario, &variables(ground, scenario)).unwrap();
        proxy.load(scenario.clone()).unwrap();
        Self {
            ground,
            proxy,
            scenario,
            set,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn switch(&self, to: Switch) {
        self.proxy.switch(self.scenario.name(), to).unwrap();
    }

    pub(super) fn strikes(&self) -> u64 {
        self.proxy.strikes(self.scenario.name())
    }

    /// What must be seen in the end is seen.
    pub(super) async fn ends(&self, program: &Program) {
        let Ends { says, shows } = self.scenario.ends();
        for words in says.iter().chain(shows) {
            let words = self.proxy.in_addresses(words);
            let what = format!("{}: «{words}» on the screen", self.scenario.name());
            program
                .until(&what, |s| {
                    screen::of(s)
                        .iter()
                        .any(|line| Ends::are_in(&words, line))
                        .then_some(())
                })
                .await;
        }
        for words in says {
            program
                .prints(self.scenario.name(), &self.proxy.in_addresses(words))
                .await;
        }
    }

    /// Starts the program in this mode, with a journal of its own or with the one of an earlier start.
    pub(super) async fn program(&self, form: Form, mode: &str, change: impl FnOnce(&mut Table)) -> Program {
        let folder = self.folder.path().join(format!("{form:?}-{mode}"));
        std::fs::create_dir_all(&folder).unwrap();
        let file = self.write(&folder, change);
        Program::start(&file, &folder, form, mode).await
    }

    /// A configuration in this folder, by which every line to the outside goes through the proxy.
    pub(crate) fn write(&self, folder: &Path, change: impl FnOnce(&mut Table)) -> PathBuf {
        let network = self.ground.network.config_file();
        let text = std::fs::read_to_string(network).unwrap();
        let mut table: Table = text.parse().unwrap();
        let beside = |name: &str| network.with_file_name(name).display().to_string();
        let urls = |kind, count| {
            let urls = names(kind, count).into_iter();
            urls.map(|name| self.proxy.url(&name).unwrap())
                .collect::<Vec<_>>()
        };
        let mut put = |section: &str, key: &str, value: Value| {
            let section = table.entry(section).or_insert_with(|| Table::new().into());
            section.as_table_mut().unwrap().insert(key.to_owned(), value);
        };
        put("rpc", "urls", urls(Kind::Execution, self.set.execution).into());
        put(
            "rpc",
            "ws_url",
            self.proxy.socket_url("execution.0").unwrap().into(),
        );
        put("rpc", "timeout", "2s".into());
        put("rpc", "poll_interval", "300ms".into());
        put("rpc", "compare_calls_per_second", 100.into());
        if self.ground.network.beacon_url().is_some() {
            put("beacon", "urls", urls(Kind::Beacon, self.set.beacon).into());
            put("beacon", "timeout", "2s".into());
            put("beacon", "poll_interval", "1s".into());
        }
        put(
            "dkg",
            "messenger_url",
            self.proxy.url("messenger.0").unwrap().into(),
        );
        put("dkg", "round_deadline", ROUND.into());
        put("dkg", "initiator_key_file", beside("initiator.pem").into());
        put("signer", "mnemonic_file", beside("oracle.mnemonic").into());
        if self.set.ssv_api {
            put(
                "operators",
                "ssv_api",
                self.proxy.url("ssv-api.0").unwrap().into(),
            );
        }
        let operators = table["operator"].as_array_mut().unwrap();
        let first = operators[0].as_table_mut().unwrap();
        first.insert(
            "endpoint".to_owned(),
            self.proxy.url("operator.0").unwrap().into(),
        );
        if self.set.ssv_api {
            first.remove("public_key");
        }
        change(&mut table);
        let file = folder.join("casimir-dkg.toml");
        std::fs::write(&file, table.to_string()).unwrap();
        file
    }
}

fn variables(ground: &Ground, scenario: &str) -> Variables {
    let addresses = ground.devnet().addresses();
    let liar = if scenario.starts_with("beacon") {
        "beacon.0"
    } else {
        "execution.0"
    };
    let variables = [
        ("manager", format!("{:#x}", addresses.manager)),
        ("ssv", format!("{:#x}", addresses.ssv)),
        ("liar", liar.to_owned()),
    ];
    Variables::from(variables.map(|(name, value)| (name.to_owned(), value)))
}
