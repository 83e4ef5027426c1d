//! What the manager's contract is, as all endpoints tell it that answer. Where one tells it alone, or another one denies it,
//! that is said, and asked again: what is decided later is asked of all of them at its own block.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::ServiceError;
use super::doors::{self, Line};
use super::opening::Standing;
use crate::config::Config;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{Answer, Endpoints, Evidence, PoolManager, Probe, Unknown};
use crate::types::{ClusterLayout, SafeText};

/// Asks the contract what it is, once.
///
/// # Errors
/// It is not what is configured.
pub(super) async fn look(config: &Config, line: &Line) -> Result<Standing, ServiceError> {
    let layout = match doors::layout(config, line).await {
        Ok(layout) => layout,
        Err(why) => return Ok(Standing::NotYet(why)),
    };
    let identity = Identity::of(config, layout, line);
    let (probe, doubt) = match identity.told().await? {
        (Answer::Yes(probe), doubt) => (probe, doubt),
        (Answer::No(evidence), _) => return Err(ServiceError::Contract(evidence)),
        (Answer::NotKnown(why), _) => return Ok(Standing::NotYet(why)),
    };
    Ok(match doors::watched(config, layout, line).await {
        Ok(watched) => Standing::Known(Box::new(probe), layout, watched, doubt),
        Err(why) => Standing::NotYet(why),
    })
}

/// How far the endpoints bear each other out on what the contract is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Doubt {
    /// Who tells it alone, though others are configured; empty where that is not so.
    alone: SafeText,
    /// Who tells it, and who denies it; empty where nobody does.
    contradicted: SafeText,
}

impl Doubt {
    /// `first` tells what it is, as `agreeing` do; others deny it, and the last of those that do not answer is `silent`.
    fn of(
        endpoints: &dyn Endpoints,
        first: usize,
        agreeing: usize,
        no: &[(usize, Evidence)],
        silent: Option<&(usize, Unknown)>,
    ) -> Self {
        let name = |position| name_of(endpoints, position);
        let alone = match (agreeing, no, silent) {
            (1, [], Some((position, why))) => format!(
                "what the contract is rests on one voice, {}; no answer: {}: {why}",
                name(first),
                name(*position)
            ),
            _ => String::new(),
        };
        let contradicted = no.first().map_or_else(String::new, |(position, evidence)| {
            let (first, other) = (name(first), name(*position));
            format!("{first} tells what the manager's contract is, and {other} says that {evidence}")
        });
        Self {
            alone: SafeText::new(&alone),
            contradicted: SafeText::new(&contradicted),
        }
    }

    /// All say that the contract is another one than at the start.
    fn that_it_is(what: &str) -> Self {
        Self {
            contradicted: SafeText::new(&format!(
                "the manager's contract is not what it was when this process started: {what}"
            )),
            ..Self::default()
        }
    }

    /// By the subject under which it is an alarm.
    pub(super) fn alarms(&self) -> [LiveUpdate; 2] {
        [("identity-voice", &self.alone), ("identity", &self.contradicted)]
            .map(|(subject, words)| LiveUpdate::Alarm(subject, words.clone()))
    }
}

/// While it is in doubt, and afterwards: a proxy can be upgraded.
const AGAIN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(600));

/// Asks each endpoint what the contract is.
pub(super) struct Identity {
    endpoints: Arc<dyn Endpoints>,
    /// As each endpoint tells it, in the configured order.
    managers: Vec<Arc<dyn PoolManager>>,
    /// SSV's network, where it is configured.
    configured: Option<Address>,
}

impl Identity {
    pub(super) fn of(config: &Config, layout: ClusterLayout, line: &Line) -> Self {
        Self {
            endpoints: doors::endpoints(line),
            managers: doors::each_manager(config, layout, line),
            configured: config.network.ssv_network,
        }
    }

    async fn told(&self) -> Result<(Answer<Probe>, Doubt), ServiceError> {
        every_voice(&*self.endpoints, &self.managers, self.configured).await
    }

    /// Goes on asking, and tells how far they bear each other out. Ends when the core is gone.
    pub(super) async fn watch(self, core: mpsc::Sender<Incoming>) {
        self.watch_every(AGAIN, core).await;
    }

    async fn watch_every(self, again: (Duration, Duration), core: mpsc::Sender<Incoming>) {
        let mut pause = again.0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = core.closed() => return,
            }
            let doubt = match self.told().await {
                Ok((Answer::Yes(_), doubt)) => doubt,
                Ok((Answer::No(evidence), _)) => Doubt::that_it_is(&evidence.to_string()),
                Err(error) => Doubt::that_it_is(&error.to_string()),
                // what nobody tells now leaves what was said as it stands
                Ok((Answer::NotKnown(_), _)) => continue,
            };
            pause = if doubt == Doubt::default() {
                again.1
            } else {
                again.0
            };
            for alarm in doubt.alarms() {
                if core.send(Incoming::Live(alarm)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Asks each endpoint by itself, because any of them may lie, or have no state there. Only when all say so it is *no*; where
/// another one says *yes*, it is named, and not believed. Those that say *yes* must name one network of SSV, or the one that
/// is configured. `managers`: as each endpoint tells it, in the configured order.
///
/// # Errors
/// All name another network of SSV than is configured.
async fn every_voice(
    endpoints: &dyn Endpoints,
    managers: &[Arc<dyn PoolManager>],
    configured: Option<Address>,
) -> Result<(Answer<Probe>, Doubt), ServiceError> {
    let sure = |answer| Ok((answer, Doubt::default()));
    let said = join_all(managers.iter().map(|manager| manager.probe())).await;
    let (mut yes, mut no, mut silent) = (Vec::new(), Vec::new(), None);
    for (position, answer) in said.into_iter().enumerate() {
        match answer {
            Answer::Yes(probe) => yes.push((position, probe)),
            Answer::No(evidence) => no.push((position, evidence)),
            Answer::NotKnown(why) => silent = Some((position, why)),
        }
    }
    let Some((first, found)) = yes
        .iter()
        .find(|(_, probe)| configured.is_none_or(|network| network == probe.ssv_network))
        .or(yes.first())
        .cloned()
    else {
        return sure(match (no.into_iter().next(), silent) {
            (Some((_, evidence)), Some((_, why))) => Answer::NotKnown(Unknown::because(format!(
                "{evidence}, says one endpoint, and another: {why}"
            ))),
            (Some((_, evidence)), None) => Answer::No(evidence),
            (None, Some((_, why))) => Answer::NotKnown(why),
            (None, None) => Answer::not_known("there is no endpoint"),
        });
    };
    let doubt = Doubt::of(endpoints, first, yes.len(), &no, silent.as_ref());
    for (position, evidence) in no {
        let words = format!("says that {evidence}, which others deny");
        endpoints.contradicted(position, &SafeText::new(&words));
    }
    match configured {
        Some(configured) if configured == found.ssv_network => {
            for (position, probe) in yes.iter().filter(|(_, probe)| probe.ssv_network != configured) {
                let words = format!(
                    "names {} as SSV's network of the manager, where others name {configured}",
                    probe.ssv_network
                );
                endpoints.contradicted(*position, &SafeText::new(&words));
            }
            Ok((Answer::Yes(found), doubt))
        }
        Some(configured) => match silent {
            None => Err(ServiceError::SsvNetwork {
                actual: found.ssv_network,
                configured,
            }),
            Some((_, why)) => sure(Answer::NotKnown(Unknown::because(format!(
                "the manager names {} as SSV's network, network.ssv_network is {configured}, and another endpoint: {why}",
                found.ssv_network
            )))),
        },
        None => Ok((of_one_network(endpoints, &yes, first, found), doubt)),
    }
}

/// What is found, where all who tell of the contract name the same network of SSV.
fn of_one_network(
    endpoints: &dyn Endpoints,
    yes: &[(usize, Probe)],
    first: usize,
    found: Probe,
) -> Answer<Probe> {
    let Some((position, other)) = yes
        .iter()
        .find(|(_, probe)| probe.ssv_network != found.ssv_network)
    else {
        return Answer::Yes(found);
    };
    let name = |position| name_of(endpoints, position);
    Answer::NotKnown(Unknown::because(format!(
        "{} and {} tell different networks of SSV for the manager, {} and {}: take the one that lies out of rpc.urls, or set \
         network.ssv_network",
        name(first),
        name(*position),
        found.ssv_network,
        other.ssv_network
    )))
}

fn name_of(endpoints: &dyn Endpoints, position: usize) -> String {
    let health = endpoints.health();
    let name = health.get(position).map(|endpoint| endpoint.name.to_string());
    name.unwrap_or_else(|| format!("endpoint {}", position + 1))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;

    use super::*;
    use crate::ports::fakes::{FakeEndpoints, FakeManager};
    use crate::types::{BlockRef, Root};

    fn probe() -> Probe {
        Probe {
            block: BlockRef {
                number: 9,
                hash: Root([9; 32]),
            },
            ssv_network: Address::repeat_byte(5),
            upkeep: Address::repeat_byte(6),
            ready: Vec::new(),
            pending: Vec::new(),
            staked: Vec::new(),
            reserved_fees_wei: U256::ZERO,
        }
    }

    /// What comes of endpoints that say this of the contract, and who is named.
    async fn judged(said: Vec<Answer<Probe>>) -> (Answer<Probe>, Vec<usize>) {
        let (verdict, accused) = judged_for(said, None).await;
        (verdict.unwrap(), accused)
    }

    async fn judged_for(
        said: Vec<Answer<Probe>>,
        configured: Option<Address>,
    ) -> (Result<Answer<Probe>, ServiceError>, Vec<usize>) {
        let managers = managers(said);
        let endpoints = FakeEndpoints::default();
        let verdict = every_voice(&endpoints, &managers, configured).await;
        let verdict = verdict.map(|(verdict, _)| verdict);
        let accused = endpoints.accused.lock().unwrap().clone();
        (
            verdict,
            accused.into_iter().map(|(position, _)| position).collect(),
        )
    }

    /// What is said of how far the endpoints bear each other out.
    async fn doubt(said: Vec<Answer<Probe>>) -> Doubt {
        let endpoints = FakeEndpoints::default();
        every_voice(&endpoints, &managers(said), None).await.unwrap().1
    }

    #[tokio::test]
    async fn what_one_endpoint_tells_of_the_contract_is_one_voice_until_a_second_one_does() {
        let silent = || Answer::not_known("timed out");
        let yes = || Answer::Yes(probe());
        for sure in [vec![yes()], vec![yes(), yes()], vec![yes(), silent(), yes()]] {
            assert_eq!(doubt(sure).await, Doubt::default());
        }
        let alone = doubt(vec![silent(), yes()]).await;
        for part in ["one voice, endpoint 2", "endpoint 1: timed out"] {
            assert!(alone.alone.as_str().contains(part), "{alone:?}");
        }
        let denied = doubt(vec![yes(), Answer::no("there is no contract")]).await;
        for part in ["endpoint 1 tells", "endpoint 2 says that there is no contract"] {
            assert!(denied.contradicted.as_str().contains(part), "{denied:?}");
        }
    }

    /// A proxy can be upgraded while the oracle runs.
    #[tokio::test]
    async fn a_contract_that_has_become_another_one_is_an_alarm() {
        let (yes, no) = (|| Answer::Yes(probe()), || Answer::no("there is no contract"));
        let other = || {
            Answer::Yes(Probe {
                ssv_network: Address::repeat_byte(0xbb),
                ..probe()
            })
        };
        let silent = || Answer::not_known("timed out");
        let changed = "the manager's contract is not what it was when this process started: ";
        for (said, expected) in [
            (vec![yes(), yes()], Some(["", ""])),
            (vec![yes()], Some(["", ""])),
            (vec![no()], Some([changed, "there is no contract"])),
            (vec![no(), no()], Some([changed, "there is no contract"])),
            (vec![other(), other()], Some([changed, "SSV network 0xbB"])),
            (vec![yes(), no()], Some(["endpoint 1 tells", "endpoint 2 says"])),
            (vec![silent(), no()], None),
            (vec![silent(), silent()], None),
        ] {
            let identity = Identity {
                endpoints: Arc::new(FakeEndpoints::default()),
                managers: managers(said.clone()),
                configured: Some(probe().ssv_network),
            };
            let (tell, mut told) = mpsc::channel(64);
            let feed = tokio::spawn(
                identity.watch_every((Duration::from_millis(5), Duration::from_secs(600)), tell),
            );
            let mut next = async || loop {
                let said = told.recv().await.expect("it goes on");
                if let Incoming::Live(LiveUpdate::Alarm("identity", words)) = said {
                    return words.to_string();
                }
            };
            let fits = |words: &str| {
                let parts = expected.expect("nothing is said");
                words.is_empty() == parts.concat().is_empty() && parts.iter().all(|part| words.contains(part))
            };
            if expected.is_some() {
                let comes = async { while !fits(&next().await) {} };
                tokio::time::timeout(crate::TIMEOUT, comes).await.unwrap();
            }
            // and nothing else after it
            let end = tokio::time::Instant::now() + Duration::from_millis(250);
            while let Ok(words) = tokio::time::timeout_at(end, next()).await {
                assert!(fits(&words), "{said:?}: {words}");
            }
            feed.abort();
        }
    }

    fn managers(said: Vec<Answer<Probe>>) -> Vec<Arc<dyn PoolManager>> {
        let manager = |probe| {
            Arc::new(FakeManager {
                probe,
                ..FakeManager::default()
            }) as Arc<dyn PoolManager>
        };
        said.into_iter().map(manager).collect()
    }

    #[tokio::test]
    async fn a_contract_that_one_endpoint_cannot_tell_of_is_told_by_another() {
        let syncs = || Answer::not_known("the endpoint is still syncing");
        let known = async |said| judged(said).await.0.yes();
        assert_eq!(known(vec![syncs()]).await, None);
        assert_eq!(known(vec![syncs(), syncs()]).await, None);
        assert_eq!(known(vec![syncs(), Answer::no("no code")]).await, None);
        assert_eq!(known(vec![syncs(), Answer::Yes(probe())]).await, Some(probe()));
    }

    /// The first one lies about whom the manager registers with.
    #[tokio::test]
    async fn the_network_of_ssv_is_not_what_the_first_endpoint_says() {
        let yes = |network: u8| {
            Answer::Yes(Probe {
                ssv_network: Address::repeat_byte(network),
                ..probe()
            })
        };
        let lie = || vec![yes(0xbb), yes(5)];
        let (verdict, accused) = judged(lie()).await;
        let Answer::NotKnown(why) = verdict else {
            panic!("{verdict:?}");
        };
        assert!(
            why.words().as_str().contains("endpoint 1 and endpoint 2"),
            "{why:?}"
        );
        assert_eq!(accused, [0; 0], "nobody can say which one lies");
        let configured = Some(Address::repeat_byte(5));
        let (verdict, accused) = judged_for(lie(), configured).await;
        assert_eq!((verdict.unwrap(), accused), (yes(5), vec![0]));
        let (verdict, _) = judged_for(vec![yes(0xbb), Answer::not_known("timed out")], configured).await;
        assert!(
            matches!(verdict, Ok(Answer::NotKnown(_))),
            "the other one may know it"
        );
        let (verdict, _) = judged_for(vec![yes(0xbb), yes(0xbb)], configured).await;
        assert!(
            matches!(verdict, Err(ServiceError::SsvNetwork { .. })),
            "the configuration is wrong"
        );
    }

    #[tokio::test]
    async fn a_contract_is_wrong_only_when_all_that_answer_say_so() {
        let no = || Answer::no("no code");
        let silent = || Answer::not_known("timed out");
        let yes = || Answer::Yes(probe());
        assert_eq!(judged(vec![no()]).await, (no(), vec![]), "there is nobody else");
        assert_eq!(judged(vec![no(), no()]).await, (no(), vec![]));
        let (verdict, accused) = judged(vec![no(), silent()]).await;
        assert!(matches!(verdict, Answer::NotKnown(_)), "{verdict:?}");
        assert!(accused.is_empty(), "silence is no lie");
        assert_eq!(
            judged(vec![silent(), no(), yes()]).await,
            (yes(), vec![1]),
            "whoever denies what another one has is named"
        );
    }
}
