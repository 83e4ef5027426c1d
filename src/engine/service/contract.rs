//! What the manager's contract is, as all endpoints tell it that answer.

use std::sync::Arc;

use alloy::primitives::Address;
use futures_util::future::join_all;

use super::ServiceError;
use super::doors::{self, Line};
use super::opening::Standing;
use crate::config::Config;
use crate::ports::{Answer, Endpoints, PoolManager, Probe, Unknown};
use crate::types::SafeText;

/// Asks the contract what it is, once.
///
/// # Errors
/// It is not what is configured.
pub(super) async fn look(config: &Config, line: &Line) -> Result<Standing, ServiceError> {
    let layout = match doors::layout(config, line).await {
        Ok(layout) => layout,
        Err(why) => return Ok(Standing::NotYet(why)),
    };
    let each = doors::each_manager(config, layout, line);
    let configured = config.network.ssv_network;
    let probe = match every_voice(&*doors::endpoints(line), &each, configured).await? {
        Answer::Yes(probe) => probe,
        Answer::No(evidence) => return Err(ServiceError::Contract(evidence)),
        Answer::NotKnown(why) => return Ok(Standing::NotYet(why)),
    };
    Ok(match doors::watched(config, layout, line).await {
        Ok(watched) => Standing::Known(probe, layout, watched),
        Err(why) => Standing::NotYet(why),
    })
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
) -> Result<Answer<Probe>, ServiceError> {
    let said = join_all(managers.iter().map(|manager| manager.probe())).await;
    let (mut yes, mut no, mut silent) = (Vec::new(), Vec::new(), None);
    for (position, answer) in said.into_iter().enumerate() {
        match answer {
            Answer::Yes(probe) => yes.push((position, probe)),
            Answer::No(evidence) => no.push((position, evidence)),
            Answer::NotKnown(why) => silent = Some(why),
        }
    }
    let Some((first, found)) = yes
        .iter()
        .find(|(_, probe)| configured.is_none_or(|network| network == probe.ssv_network))
        .or(yes.first())
        .cloned()
    else {
        return Ok(match (no.into_iter().next(), silent) {
            (Some((_, evidence)), Some(why)) => Answer::NotKnown(Unknown::because(format!(
                "{evidence}, says one endpoint, and another: {why}"
            ))),
            (Some((_, evidence)), None) => Answer::No(evidence),
            (None, Some(why)) => Answer::NotKnown(why),
            (None, None) => Answer::not_known("there is no endpoint"),
        });
    };
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
            Ok(Answer::Yes(found))
        }
        Some(configured) => match silent {
            None => Err(ServiceError::SsvNetwork {
                actual: found.ssv_network,
                configured,
            }),
            Some(why) => Ok(Answer::NotKnown(Unknown::because(format!(
                "the manager names {} as SSV's network, network.ssv_network is {configured}, and another endpoint: {why}",
                found.ssv_network
            )))),
        },
        None => Ok(of_one_network(endpoints, &yes, first, found)),
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
    let health = endpoints.health();
    let name = |position: usize| {
        let name = health.get(position).map(|endpoint| endpoint.name.to_string());
        name.unwrap_or_else(|| format!("endpoint {}", position + 1))
    };
    Answer::NotKnown(Unknown::because(format!(
        "{} and {} tell different networks of SSV for the manager, {} and {}: take the one that lies out of rpc.urls, or set \
         network.ssv_network",
        name(first),
        name(*position),
        found.ssv_network,
        other.ssv_network
    )))
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
        let accused = endpoints.accused.lock().unwrap().clone();
        (
            verdict,
            accused.into_iter().map(|(position, _)| position).collect(),
        )
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
