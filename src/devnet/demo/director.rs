//! The director: pulls the levers of a network that is shown. None of it exists outside such a network: it holds the
//! handles of what this process started, and before each pull it looks whether the chain is still the one it started.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{B256, U256};
use alloy::providers::Provider;

use super::lever::{Fate, Fault, Lever, LeverRow, NoLever, StakerRequest, lever_row};
use super::mouth::Honesty;
use super::stage::{ENDPOINTS, Stage};
use crate::devnet::actors::{Actor, again};
use crate::devnet::beacon::{DevBeacon, ExitProblem};
use crate::devnet::error::failed;
use crate::devnet::proxy::{ProxyError, Scenario, Switch, Variables, on_the_screen, shipped};
use crate::devnet::{Devnet, DevnetError};
use crate::types::{OperatorId, PoolId, SafeText};

/// So many names are told where one is not known.
const NEAR: usize = 5;
/// What is to be seen of a list.
const NOTHING: &str = "nothing, for no scenario was pulled";
/// Blocks are never replaced below this one: it tells chains apart.
const MARK: u64 = 1;

/// A lever was not pulled.
#[derive(Debug, thiserror::Error)]
pub enum NotPulled {
    #[error(transparent)]
    Words(#[from] NoLever),
    #[error("refused: {0}")]
    Refused(SafeText),
    #[error(transparent)]
    Network(#[from] DevnetError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// What came of a lever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What it did, a sentence.
    pub did: SafeText,
    /// Where to look for what follows, a sentence.
    pub watch: SafeText,
}

/// Pulls levers.
#[derive(Debug)]
pub struct Director {
    devnet: Arc<Devnet>,
    stage: Arc<Stage>,
    beacon: Option<Arc<DevBeacon>>,
    /// Hash of the block [`MARK`].
    mark: B256,
    /// What is asked for at a rate.
    rates: Mutex<Vec<Actor>>,
}

impl Director {
    pub(super) async fn new(
        devnet: Arc<Devnet>,
        stage: Arc<Stage>,
        beacon: Option<Arc<DevBeacon>>,
    ) -> Result<Self, DevnetError> {
        let mark = hash_of_mark(&devnet)
            .await?
            .ok_or_else(|| failed("the first block", &"there is none"))?;
        for (name, _) in shipped() {
            // some are about variables that only a test knows
            if let Ok(scenario) = Scenario::shipped(name, &variables(&devnet, ENDPOINTS[0])) {
                // and some about targets that are not here
                let _ = stage.proxy.load(scenario);
            }
        }
        Ok(Self {
            devnet,
            stage,
            beacon,
            mark,
            rates: Mutex::default(),
        })
    }

    /// Reads a line and pulls the lever that it names.
    ///
    /// # Errors
    /// It is no lever, the chain is not this director's, or the lever does not move.
    pub async fn pull(&self, line: &str) -> Result<Pulled, NotPulled> {
        let lever: Lever = line.parse()?;
        if hash_of_mark(&self.devnet).await? != Some(self.mark) {
            return Err(refused("this is not the chain that the demo started"));
        }
        let did = self.perform(&lever).await?;
        tracing::info!(target: "devnet::director", lever = line.trim(), "{did}");
        let word = line.split_whitespace().next().unwrap_or_default();
        let watch = lever_row(word).map_or("", |row: &LeverRow| row.watch);
        let watch = match &lever {
            Lever::Scenario(name) => match on_the_screen(name) {
                Some(words) => self.stage.proxy.in_addresses(&words),
                None => NOTHING.to_owned(),
            },
            Lever::Scenarios => NOTHING.to_owned(),
            _ => watch.to_owned(),
        };
        Ok(Pulled {
            did: SafeText::new(&did),
            watch: SafeText::new(&watch),
        })
    }

    async fn perform(&self, lever: &Lever) -> Result<String, NotPulled> {
        Ok(match lever {
            Lever::Ask { wish, every } => self.ask(*wish, *every).await?,
            Lever::Calm => {
                let rates = std::mem::take(&mut *self.rates());
                let ended = crate::types::counted(rates.len(), "rate");
                for rate in rates {
                    rate.end().await;
                }
                format!("{ended} ended")
            }
            Lever::Operator(id, fate) => self.operator(*id, *fate).await?,
            Lever::Messenger(time) => {
                let seconds = time.as_secs();
                let when = format!("{{ lasts = \"{seconds} s\" }}");
                self.rule("messenger-away", "messenger", &when, "{ fault = \"reset\" }")?;
                format!("the messenger is away for {seconds} s")
            }
            Lever::Endpoint(nth, fault) => self.endpoint(*nth, *fault)?,
            Lever::Scenario(name) => self.scenario(name)?,
            Lever::Scenarios => first_words(&self.scenarios()),
            Lever::Reorg { depth, even_final } => self.reorg(*depth, *even_final).await?,
            Lever::BaseFee(gwei) => {
                self.devnet
                    .set_base_fee(U256::from(*gwei) * U256::from(1_000_000_000_u64))
                    .await?;
                format!(
                    "the next block's base fee is {gwei} gwei, and falls by an eighth with each empty block"
                )
            }
            Lever::Stranger => {
                self.devnet.use_oracle_account().await?;
                "somebody else sent 1 wei from the oracle's account".to_owned()
            }
            Lever::BeaconRefuses => {
                self.beacon()?
                    .faults(|faults| faults.refuse_exits = Some(ExitProblem::NotActive { index: 0 }));
                "the beacon node refuses every exit".to_owned()
            }
            Lever::BeaconAway => {
                self.beacon()?.faults(|faults| faults.unavailable = true);
                "the beacon node answers 503".to_owned()
            }
            Lever::Forward(time) => {
                let beacon = self.beacon()?;
                beacon.skip(*time);
                self.devnet.forward(time.as_secs()).await?;
                format!("chain and beacon are {} s further", time.as_secs())
            }
            Lever::Mend => self.mend()?,
        })
    }

    async fn ask(&self, wish: StakerRequest, every: Option<Duration>) -> Result<String, NotPulled> {
        let Some(every) = every else {
            return Ok(once(&self.devnet, wish).await?);
        };
        let devnet = Arc::clone(&self.devnet);
        let actor = again(every, move || {
            let devnet = Arc::clone(&devnet);
            async move {
                match once(&devnet, wish).await {
                    Ok(did) => tracing::info!(target: "devnet::director", "{did}"),
                    Err(error) => tracing::debug!(target: "devnet::director", %error, "not asked for"),
                }
            }
        });
        self.rates().push(actor);
        let what = match wish {
            StakerRequest::Pool => "a pool is filled",
            StakerRequest::Reshare => "a reshare is asked for",
            StakerRequest::Exit => "an exit is asked for",
        };
        Ok(format!("{what} every {} s from now on", every.as_secs()))
    }

    async fn operator(&self, id: OperatorId, fate: Fate) -> Result<String, NotPulled> {
        let stage = &self.stage;
        // whoever is gone is neither slow nor false
        let is_gone = stage.has(id) && !stage.runs(id).await;
        let (known, words) = match fate {
            Fate::Slow(_) | Fate::Lie | Fate::Equivocate if is_gone => (false, String::new()),
            Fate::Kill => (stage.kill(id).await, "was killed: its process is gone".to_owned()),
            Fate::Hang => (
                stage.freeze(id).await,
                "hangs: its process stands still".to_owned(),
            ),
            Fate::Slow(by) => (
                stage.set_delay(id, by),
                format!("is slower by {} s", by.as_secs()),
            ),
            Fate::Lie => (
                stage.set_honesty(id, Honesty::Lies),
                "lies from now on".to_owned(),
            ),
            Fate::Equivocate => (
                stage.set_honesty(id, Honesty::Equivocates),
                "sends two messages for one round from now on".to_owned(),
            ),
            Fate::Heal => (stage.heal(id).await?, "runs and is honest".to_owned()),
        };
        if known {
            return Ok(format!("operator {id} {words}"));
        }
        Err(refused(&match stage.has(id) {
            true => format!("operator {id} does not run: it was killed, and heal {id} starts it again"),
            false => format!("there is no operator {id} here"),
        }))
    }

    fn endpoint(&self, nth: usize, fault: Fault) -> Result<String, NotPulled> {
        let (name, does, words) = match fault {
            Fault::Cut => ("cut", "{ fault = \"reset\" }", "breaks every connection"),
            Fault::Lag => ("lag", "{ fault = \"head\", behind = 20 }", "is 20 blocks behind"),
            Fault::Forge => return self.forge(nth),
        };
        self.rule(&format!("{name}-{nth}"), target(nth)?, "", does)?;
        Ok(format!("execution endpoint {nth} {words}"))
    }

    /// A scenario of one rule, loaded anew, so that it counts from now.
    fn rule(&self, name: &str, at: &str, when: &str, does: &str) -> Result<(), NotPulled> {
        let when = match when {
            "" => String::new(),
            when => format!("when = {when}\n"),
        };
        let text = format!(
            "about = \"the director's\"\n[[rule]]\nname = \"it\"\nat = \"{at}\"\n{when}does = {does}\n"
        );
        let path = format!("director-{name}.toml");
        self.begin(Scenario::parse(Path::new(&path), &text, &Variables::new())?)
    }

    fn begin(&self, scenario: Scenario) -> Result<(), NotPulled> {
        let name = scenario.name().to_owned();
        self.stage.proxy.load(scenario)?;
        Ok(self.stage.proxy.switch(&name, Switch::On)?)
    }

    fn forge(&self, nth: usize) -> Result<String, NotPulled> {
        let scenario = Scenario::shipped("log-added-exit-requested", &variables(&self.devnet, target(nth)?))?;
        self.begin(scenario)?;
        Ok(format!(
            "execution endpoint {nth} tells a request for pool 1's exit that nobody made"
        ))
    }

    /// Those of the proxy that this stage has the targets for.
    fn scenarios(&self) -> Vec<String> {
        let views = self.stage.proxy.scenarios();
        let shipped = |name: &String| shipped().iter().any(|(known, _)| known == name);
        views.into_iter().map(|view| view.name).filter(shipped).collect()
    }

    fn scenario(&self, name: &str) -> Result<String, NotPulled> {
        let mut names = self.scenarios();
        if !names.iter().any(|known| known == name) {
            let of_word: Vec<_> = names
                .iter()
                .filter(|known| first_word(known) == name)
                .cloned()
                .collect();
            if !of_word.is_empty() {
                return Ok(format!("scenarios of {name}: {}", of_word.join(", ")));
            }
            names.sort_by(|a, b| strsim::jaro_winkler(b, name).total_cmp(&strsim::jaro_winkler(a, name)));
            names.truncate(NEAR);
            let near = names.join(", ");
            return Err(refused(&format!(
                "there is no scenario {name} here; near it are {near}; `scenario` alone lists them"
            )));
        }
        let scenario = Scenario::shipped(name, &variables(&self.devnet, ENDPOINTS[0]))?;
        self.stage.proxy.switch(name, Switch::On)?;
        // a test pulls these in the middle of what it does
        for begin in scenario.begins() {
            self.stage.proxy.pull(begin)?;
        }
        Ok(scenario.about().to_owned())
    }

    async fn reorg(&self, depth: u64, even_final: bool) -> Result<String, NotPulled> {
        let head = self.devnet.block_number().await?;
        // the deployment and the mark stay
        if head < depth + MARK + 2 {
            return Err(refused(&format!("the chain has only {head} blocks")));
        }
        let finalized = self
            .devnet
            .provider()
            .get_block_by_number(BlockNumberOrTag::Finalized);
        let finalized = finalized
            .await
            .map_err(|error| failed("the finalized block", &error))?;
        let finalized = finalized.map_or(0, |block| block.header.number);
        if head - depth < finalized && !even_final {
            return Err(refused(&format!(
                "the blocks up to {finalized} are final, and a chain that works replaces none of them: {} at most; `reorg \
                 {depth} final` does, and what the oracle has closed on them stays closed",
                head - finalized
            )));
        }
        self.devnet.reorg(depth).await?;
        Ok(format!(
            "{} replaced by empty ones",
            match depth {
                1 => "the newest block was".to_owned(),
                _ => format!("the newest {depth} blocks were"),
            }
        ))
    }

    fn rates(&self) -> MutexGuard<'_, Vec<Actor>> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beacon(&self) -> Result<&DevBeacon, NotPulled> {
        self.beacon
            .as_deref()
            .ok_or_else(|| refused("this lever is the development beacon's, and the demo has another one"))
    }

    fn mend(&self) -> Result<String, NotPulled> {
        for scenario in self.stage.proxy.scenarios() {
            self.stage.proxy.switch(&scenario.name, Switch::Off)?;
        }
        if let Some(beacon) = &self.beacon {
            beacon.faults(|faults| *faults = Default::default());
        }
        Ok("endpoints, messenger and beacon are as they were; operators are healed one by one".to_owned())
    }
}

/// By which scenarios are grouped.
fn first_word(name: &str) -> &str {
    name.split_once('-').map_or(name, |(word, _)| word)
}

/// All names are more than a screen has room for.
fn first_words(names: &[String]) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for name in names {
        *counts.entry(first_word(name)).or_insert(0) += 1;
    }
    let groups: Vec<_> = counts
        .iter()
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    format!(
        "{} scenarios by their first words: {}; `scenario head` lists those of head",
        names.len(),
        groups.join(", ")
    )
}

fn refused(why: &str) -> NotPulled {
    NotPulled::Refused(SafeText::new(why))
}

fn target(nth: usize) -> Result<&'static str, NotPulled> {
    let found = nth.checked_sub(1).and_then(|nth| ENDPOINTS.get(nth));
    found
        .copied()
        .ok_or_else(|| refused(&format!("there are {} execution endpoints", ENDPOINTS.len())))
}

fn variables(devnet: &Devnet, liar: &str) -> Variables {
    let addresses = devnet.addresses();
    [
        ("manager", addresses.manager.to_string()),
        ("ssv", addresses.ssv.to_string()),
        ("liar", liar.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

async fn hash_of_mark(devnet: &Devnet) -> Result<Option<B256>, DevnetError> {
    let block = devnet.provider().get_block_by_number(MARK.into()).await;
    let block = block.map_err(|error| failed("the first block", &error))?;
    Ok(block.map(|block| block.header.hash))
}

/// Asks for one thing, of the first pool that can have it.
async fn once(devnet: &Devnet, wish: StakerRequest) -> Result<String, DevnetError> {
    if wish == StakerRequest::Pool {
        let pools = devnet.deposit_pool(1).await?;
        let pools: Vec<_> = pools.iter().map(PoolId::to_string).collect();
        return Ok(format!("a staker filled pool {}", pools.join(", ")));
    }
    let staked = devnet.manager().getStakedPoolIds().call().await;
    let mut refused = "no pool is staked yet".to_owned();
    for id in staked.map_err(|error| failed("getStakedPoolIds", &error))? {
        let pool = PoolId(id);
        let asked = match wish {
            StakerRequest::Exit => devnet.request_exit(pool).await,
            StakerRequest::Reshare | StakerRequest::Pool => devnet.request_reshare(pool).await,
        };
        match asked {
            Ok(()) if wish == StakerRequest::Exit => return Ok(format!("pool {pool} asks for its exit")),
            Ok(()) => return Ok(format!("pool {pool} asks for a reshare")),
            Err(error) => refused = format!("no staked pool can have it: {}", reverted(&error)),
        }
    }
    Err(failed("the request", &refused))
}

/// The contract's own words of a refusal, where a node's error has them.
fn reverted(error: &DevnetError) -> String {
    let words = error.to_string();
    let own = words.split_once("execution reverted: ").map(|(_, own)| own);
    let own = own.map(|own| own.split(", data").next().unwrap_or(own));
    own.unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_scenarios_leave_none_out_and_fit_a_small_screen() {
        let names: Vec<_> = shipped().iter().map(|(name, _)| (*name).to_owned()).collect();
        let told = first_words(&names);
        assert!(told.len() < 400, "{}: {told}", told.len());
        for name in &names {
            let word = first_word(name);
            let count = names.iter().filter(|other| first_word(other) == word).count();
            assert!(told.contains(&format!("{word} {count}")), "{name}: {told}");
        }
    }
}
