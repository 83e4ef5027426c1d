//! What is wrong with the deployment as a whole, before a ceremony shows it: SSV takes no registration of the manager's
//! kind, or events are read from block 0 of a public chain. Asked at the start and now and then: a proxy can be upgraded.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::mpsc;

use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{Answer, At, Execution, Ssv};
use crate::types::SafeText;

/// While nobody tells, and afterwards.
const AGAIN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(600));

/// Ends when the core is gone. `undated`: the manager, where the block of its deployment is looked for.
pub(super) async fn run(
    ssv: Arc<dyn Ssv>,
    execution: Arc<dyn Execution>,
    mut undated: Option<Address>,
    core: mpsc::Sender<Incoming>,
) {
    loop {
        let registers = ssv.takes_tokens(At::Latest).await;
        if let Some(words) = ssv_alarm(&registers)
            && tell(&core, "ssv", words).await.is_err()
        {
            return;
        }
        if let Some(manager) = undated {
            let found = execution.deployed_at(manager).await;
            undated = undated.filter(|_| matches!(found, Answer::NotKnown(_)));
            if tell(&core, "from-block", undated_alarm(&found)).await.is_err() {
                return;
            }
        }
        let known = !matches!(registers, Answer::NotKnown(_)) && undated.is_none();
        let pause = if known { AGAIN.1 } else { AGAIN.0 };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = core.closed() => return,
        }
    }
}

async fn tell(
    core: &mpsc::Sender<Incoming>,
    subject: &'static str,
    words: SafeText,
) -> Result<(), mpsc::error::SendError<Incoming>> {
    core.send(Incoming::Live(LiveUpdate::Alarm(subject, words))).await
}

/// What is said of SSV: nothing where it takes registrations. While nobody tells, what was said stands.
fn ssv_alarm(registers: &Answer<SafeText>) -> Option<SafeText> {
    match registers {
        Answer::Yes(_) => Some(SafeText::default()),
        Answer::No(evidence) => Some(evidence.words.clone()),
        Answer::NotKnown(_) => None,
    }
}

fn undated_alarm(found: &Answer<u64>) -> SafeText {
    let what = match found {
        Answer::Yes(block) => {
            format!("the contract was deployed in block {block}: set contract.from_block = {block}")
        }
        Answer::No(evidence) => evidence.to_string(),
        Answer::NotKnown(why) => {
            format!("set it to the block of the contract's deployment, which no endpoint tells: {why}")
        }
    };
    SafeText::new(&format!(
        "contract.from_block is 0, so every block of the chain is read; {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::{FakeExecution, FakeSsv};

    #[tokio::test]
    async fn a_network_without_the_managers_registration_is_an_alarm_from_the_start() {
        let alarm = async |takes_tokens| {
            let (tell, mut told) = mpsc::channel(4);
            let ssv = FakeSsv {
                takes_tokens,
                ..FakeSsv::default()
            };
            let feed = tokio::spawn(run(Arc::new(ssv), Arc::new(FakeExecution::default()), None, tell));
            let said = match told.recv().await {
                Some(Incoming::Live(LiveUpdate::Alarm("ssv", words))) => words,
                _ => panic!("nothing was told of SSV"),
            };
            feed.abort();
            said.to_string()
        };
        assert_eq!(alarm(Answer::no("SSV is v2.0.0")).await, "SSV is v2.0.0");
        assert_eq!(alarm(Answer::Yes("v1.2.0".into())).await, "");
        assert_eq!(
            ssv_alarm(&Answer::not_known("timed out")),
            None,
            "what was said stands"
        );
    }

    #[tokio::test]
    async fn a_public_networks_manager_without_a_block_is_looked_for_by_the_endpoints() {
        let (tell, mut told) = mpsc::channel(4);
        let execution = FakeExecution {
            deployed: Answer::Yes(17),
            ..FakeExecution::default()
        };
        let manager = Some(Address::repeat_byte(7));
        let feed = tokio::spawn(run(
            Arc::new(FakeSsv::default()),
            Arc::new(execution),
            manager,
            tell,
        ));
        let mut next = async || match told.recv().await {
            Some(Incoming::Live(LiveUpdate::Alarm(subject, words))) => (subject, words.to_string()),
            _ => panic!("nothing was told"),
        };
        assert_eq!(next().await.0, "ssv");
        let (subject, words) = next().await;
        assert_eq!(subject, "from-block");
        assert!(words.ends_with("set contract.from_block = 17"), "{words}");
        feed.abort();
    }

    #[test]
    fn the_block_to_set_is_named() {
        let found = undated_alarm(&Answer::Yes(17_000_000));
        assert!(
            found.as_str().ends_with("set contract.from_block = 17000000"),
            "{found}"
        );
        let pruned = undated_alarm(&Answer::not_known("missing trie node"));
        assert!(pruned.as_str().ends_with("missing trie node"), "{pruned}");
    }
}
