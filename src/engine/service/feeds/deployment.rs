//! What is wrong with the deployment as a whole, before a ceremony shows it: SSV takes no registration of the manager's
//! kind, or events are read from block 0 of a public chain. Asked at the start and now and then: a proxy can be upgraded. A
//! person stops everything for it, so where several endpoints are configured it is not one endpoint's word.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::known::Known;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{Accord, Agreement, Answer, At, Execution, Ssv, agreed};
use crate::types::SafeText;

/// While nobody tells, and afterwards.
const AGAIN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(600));

/// Who is asked.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) agreement: Arc<dyn Agreement>,
    /// The manager, where the block of its deployment is looked for.
    pub(super) undated: Option<Address>,
}

/// Ends when the core is gone.
pub(super) async fn run(from: Sources, core: mpsc::Sender<Incoming>) {
    run_every(AGAIN, from, core).await;
}

async fn run_every(again: (Duration, Duration), mut from: Sources, core: mpsc::Sender<Incoming>) {
    let mut registering = Known::accusing();
    let mut dated_at = Instant::now();
    loop {
        let (is_known, told) = registers(&from, &mut registering).await;
        let mut said: Vec<_> = told.into_iter().collect();
        // a search through all states of the chain: seldom
        if let Some(manager) = from.undated.filter(|_| Instant::now() >= dated_at) {
            let deployed = deployed(&from, manager).await;
            from.undated = from
                .undated
                .filter(|_| matches!(deployed.found, Answer::NotKnown(_)));
            dated_at = Instant::now() + again.1;
            said.push(("from-block", undated_alarm(&deployed)));
        }
        for (subject, words) in said {
            let alarm = LiveUpdate::Alarm(subject, words);
            if core.send(Incoming::Live(alarm)).await.is_err() {
                return;
            }
        }
        let pause = if is_known { again.1 } else { again.0 };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = core.closed() => return,
        }
    }
}

/// Why SSV takes no registration; none where it takes them.
type Refused = Option<SafeText>;

/// What is to be said of SSV, by subject, and whether it is known. What nobody tells, or one of several alone, leaves what
/// was said before as it stands.
async fn registers(from: &Sources, known: &mut Known<Refused>) -> (bool, Vec<(&'static str, SafeText)>) {
    let Some(head) = from.execution.head().await.yes() else {
        return (false, Vec::new());
    };
    let told = match from.ssv.takes_tokens(At::block(head.block)).await {
        Answer::Yes(_) => None,
        Answer::No(evidence) => Some(evidence.words),
        Answer::NotKnown(_) => return (false, Vec::new()),
    };
    let accuses = told.as_ref().map(SafeText::to_string);
    let ask = || agreed::on_registering(&*from.agreement, head.block);
    let believed = known.vouched(head.block, told, ask).await;
    let alone = accuses.zip(known.alone()).map(|(words, alone)| {
        let words = format!(
            "one endpoint tells that {words}; nobody bears it out: {}",
            alone.why
        );
        SafeText::new(&words)
    });
    let is_known = !believed.is_open && alone.is_none();
    let mut said = vec![
        ("registering", known.contradicted.clone()),
        ("registering-voice", alone.unwrap_or_default()),
    ];
    if !believed.is_open {
        said.insert(0, ("ssv", believed.value.unwrap_or_default()));
    }
    (is_known, said)
}

/// What is known of the block of the manager's deployment.
struct Deployed {
    found: Answer<u64>,
    /// Why it is one voice's word, where it is.
    by_one: Option<String>,
}

/// The block of the manager's deployment, as most tell it, or who alone can: an endpoint without old states never tells it.
async fn deployed(from: &Sources, manager: Address) -> Deployed {
    let found = from.execution.deployed_at(manager).await;
    let (mut by_one, known) = (None, found.as_ref().yes().copied());
    let accord = agreed::on_deployment(&*from.agreement, manager).await;
    let said = agreed::deployed_in(&accord).map(|said| match (said, &found) {
        (Some(block), _) => Answer::Yes(block),
        (None, Answer::No(_)) => found.clone(),
        (None, _) => Answer::no(format!("no endpoint has a contract at {manager}")),
    });
    let found = match (&accord, said) {
        (Accord::Alone, _) => found,
        (Accord::Agree { .. } | Accord::Outvoted { .. }, Some(said)) => said,
        (Accord::TooFew { .. }, Some(said)) if known.is_none_or(|block| said == Answer::Yes(block)) => {
            by_one = Some(accord.words());
            said
        }
        // nobody answers at the moment
        (Accord::TooFew { said: None, .. }, _) if known.is_none() => found,
        _ => Answer::not_known(accord.words()),
    };
    Deployed { found, by_one }
}

fn undated_alarm(deployed: &Deployed) -> SafeText {
    let by_one = deployed.by_one.as_ref();
    let by_one = by_one.map_or_else(String::new, |why| format!(", by one voice: {why}"));
    let what = match &deployed.found {
        Answer::Yes(block) => {
            format!("the contract was deployed in block {block}{by_one}: set contract.from_block = {block}")
        }
        Answer::No(evidence) => format!("{evidence}{by_one}"),
        Answer::NotKnown(why) => {
            format!("set it to the block of the contract's deployment, which is not known: {why}")
        }
    };
    SafeText::new(&format!(
        "contract.from_block is 0, so every block of the chain is read; {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::agreement::Voices;
    use crate::ports::Voice;
    use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};

    fn sources(ssv: Vec<Answer<SafeText>>, deployed: &[u64]) -> Sources {
        let blocks = deployed.iter().copied().map(Answer::Yes);
        sources_of(ssv, &blocks.collect::<Vec<_>>())
    }

    fn sources_of(ssv: Vec<Answer<SafeText>>, deployed: &[Answer<u64>]) -> Sources {
        let voices = ssv.into_iter().enumerate().map(|(n, takes_tokens)| Voice {
            name: ["a", "b", "c"][n].into(),
            execution: Arc::new(FakeExecution {
                deployed: deployed.get(n).cloned().unwrap_or(Answer::Yes(17)),
                ..FakeExecution::default()
            }),
            manager: Arc::new(FakeManager::default()),
            ssv: Arc::new(FakeSsv {
                takes_tokens,
                ..FakeSsv::default()
            }),
        });
        let voices: Vec<Voice> = voices.collect();
        Sources {
            ssv: voices[0].ssv.clone(),
            execution: voices[0].execution.clone(),
            agreement: Arc::new(Voices::new(voices)),
            undated: None,
        }
    }

    fn old() -> Answer<SafeText> {
        Answer::Yes("v1.2.0".into())
    }

    fn new() -> Answer<SafeText> {
        Answer::no("SSV is v2.0.0")
    }

    fn away() -> Answer<SafeText> {
        Answer::not_known("timed out")
    }

    #[tokio::test]
    async fn a_network_without_the_managers_registration_is_an_alarm_unless_one_of_several_alone_says_so() {
        let ssv = ["ssv", "registering", "registering-voice"];
        type Case = (Vec<Answer<SafeText>>, [Option<&'static str>; 3], bool);
        let cases: [Case; 8] = [
            (vec![new()], [Some("SSV is v2.0.0"), Some(""), Some("")], true),
            (vec![old()], [Some(""), Some(""), Some("")], true),
            (
                vec![new(), new()],
                [Some("SSV is v2.0.0"), Some(""), Some("")],
                true,
            ),
            (
                vec![new(), old()],
                [
                    None,
                    Some("a says of SSV's registration with a token amount SSV is v2.0.0, b taken"),
                    Some(""),
                ],
                false,
            ),
            (
                vec![new(), old(), old()],
                [Some(""), Some("SSV is v2.0.0"), Some("")],
                true,
            ),
            (vec![new(), away()], [None, Some(""), Some("b: timed out")], false),
            (vec![old(), away()], [None, Some(""), Some("")], false),
            (vec![away(), away()], [None, None, None], false),
        ];
        for (voices, expected, is_known) in cases {
            let from = sources(voices.clone(), &[]);
            let (known, said) = registers(&from, &mut Known::accusing()).await;
            assert_eq!(known, is_known, "{voices:?}");
            for (subject, expected) in ssv.into_iter().zip(expected) {
                let words = said.iter().find(|(known, _)| *known == subject);
                let words = words.map(|(_, words)| words.to_string());
                let fits = match (&words, expected) {
                    (None, None) => true,
                    (Some(words), Some("")) => words.is_empty(),
                    (Some(words), Some(part)) => words.contains(part),
                    _ => false,
                };
                assert!(fits, "{voices:?}: {subject}: {words:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_public_networks_manager_without_a_block_is_looked_for_by_the_endpoints() {
        let told = async |mut from: Sources| {
            from.undated = Some(Address::repeat_byte(7));
            let (tell, mut told) = mpsc::channel(8);
            let feed = tokio::spawn(run(from, tell));
            loop {
                match told.recv().await {
                    Some(Incoming::Live(LiveUpdate::Alarm("from-block", words))) => {
                        feed.abort();
                        return words.to_string();
                    }
                    Some(Incoming::Live(LiveUpdate::Alarm(..))) => {}
                    _ => panic!("nothing was told"),
                }
            }
        };
        for one_says in [vec![old()], vec![old(), old()]] {
            let words = told(sources(one_says, &[17, 17])).await;
            assert!(words.ends_with("set contract.from_block = 17"), "{words}");
        }
        let words = told(sources(vec![old(), old()], &[17_000, 17])).await;
        assert!(
            words.contains("a says of the block of the deployment 17000, b 17"),
            "{words}"
        );
        assert!(!words.contains("from_block = 17"), "{words}");
    }

    /// An endpoint without old states never tells it, and whoever tells another block alone keeps nobody from it.
    #[tokio::test]
    async fn the_block_of_the_deployment_is_looked_for_until_it_is_known_and_seldom() {
        let (yes, away) = (Answer::Yes, || Answer::<u64>::not_known("missing trie node"));
        for (deployed, parts, is_found) in [
            (
                vec![yes(17), away()],
                ["deployed in block 17, by one voice: ", "b: missing trie node"],
                true,
            ),
            (
                vec![away(), away()],
                ["which is not known: ", "missing trie node"],
                false,
            ),
            (vec![yes(17), yes(9)], ["which is not known: ", "17, b 9"], false),
            (
                vec![yes(9), yes(17), yes(17)],
                ["deployed in block 17: ", "set contract.from_block = 17"],
                true,
            ),
        ] {
            let mut from = sources_of(vec![old(); deployed.len()], &deployed);
            from.undated = Some(Address::repeat_byte(7));
            let (tell, mut told) = mpsc::channel(64);
            let again = [1, 400].map(Duration::from_millis);
            let begun = Instant::now();
            let feed = tokio::spawn(run_every((again[0], again[1]), from, tell));
            let mut look = async || loop {
                let said = told.recv().await.expect("it goes on");
                if let Incoming::Live(LiveUpdate::Alarm("from-block", words)) = said {
                    return words.to_string();
                }
            };
            let mut looked = async || tokio::time::timeout(crate::TIMEOUT, look()).await.unwrap();
            let first = looked().await;
            for part in parts {
                assert!(first.contains(part), "{part}: {first}");
            }
            match is_found {
                true => {
                    let next = tokio::time::timeout(2 * again[1], look()).await;
                    assert!(next.is_err(), "{next:?}");
                }
                false => {
                    for _ in 0..2 {
                        looked().await;
                    }
                    assert!(begun.elapsed() >= 2 * again[1], "{:?}", begun.elapsed());
                }
            }
            feed.abort();
        }
    }

    #[test]
    fn the_block_to_set_is_named() {
        let undated_alarm = |found| undated_alarm(&Deployed { found, by_one: None });
        let found = undated_alarm(Answer::Yes(17_000_000));
        assert!(
            found.as_str().ends_with("set contract.from_block = 17000000"),
            "{found}"
        );
        let pruned = undated_alarm(Answer::not_known("missing trie node"));
        assert!(pruned.as_str().ends_with("missing trie node"), "{pruned}");
    }
}
