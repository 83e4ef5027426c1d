//! The SSV owner nonce: the one number that a registration needs and no contract stores. A wrong one is paid for, and
//! SSV's nodes ignore the validator. So it takes two voices on the owner's registrations *and* what the manager's own
//! state implies, and all of them must mean the number that was signed for.
//!
//! | the endpoints' logs | the manager's state implies | a registration signed for *n* |
//! |---|---|---|
//! | two voices count *n* | *n* | passes |
//! | two voices count *n* | nothing: nothing waits to be registered | passes: no new validator depends on it |
//! | two voices count another number | the same other number, or nothing waits | fails: it must be signed again |
//! | two voices count something | another number, or not known, or the version has no rule | unknown |
//! | they contradict each other, one voice only, still being read | whatever | unknown |
//!
//! What is unknown is a person's to decide, or a rule allows it by the check's name.

use crate::ports::{Accord, Agreement, Answer, At, PoolManager, Ssv, agreed};
use crate::types::{BlockRef, Check};

/// What is known of the number that SSV expects next.
#[derive(Debug, Clone)]
pub(super) struct ExpectedNonce {
    /// As the logs count.
    counted: Answer<u64>,
    /// How far the endpoints bear that out.
    accord: Accord,
    /// By the manager's state; none where its version has no rule.
    implied: Option<Answer<u64>>,
}

/// Asks for all of it at one block.
pub(super) async fn ask(
    agreement: &dyn Agreement,
    manager: &dyn PoolManager,
    ssv: &dyn Ssv,
    block: BlockRef,
) -> ExpectedNonce {
    let (counted, implied) = tokio::join!(
        ssv.state(block, &[]),
        manager.implied_owner_nonce(At::block(block)),
    );
    let accord = agreed::on_registrations(agreement, block, &counted).await;
    let expected = ExpectedNonce {
        counted: counted.map(|state| state.owner_nonce),
        accord,
        implied,
    };
    // what was kept of earlier runs is in the count of all of them
    if expected.is_contradicted() {
        ssv.read_anew().await;
    }
    expected
}

impl ExpectedNonce {
    /// The endpoints count alike, and the manager's state implies another number.
    fn is_contradicted(&self) -> bool {
        let agree = matches!(self.accord, Accord::Agree { .. });
        agree
            && matches!((&self.counted, &self.implied), (Answer::Yes(counted), Some(Answer::Yes(implied))) if counted != implied)
    }

    /// Whether a registration that was signed for this number is the one that SSV expects.
    pub(super) fn check(&self, signed: u64) -> Check {
        const NAME: &str = "registration-nonce";
        let unknown = |why: String| Check::unknown(NAME, format!("signed for nonce {signed}; {why}"));
        let counted = match &self.counted {
            Answer::Yes(counted) => *counted,
            Answer::No(why) => return unknown(why.words.to_string()),
            Answer::NotKnown(why) => return unknown(why.to_string()),
        };
        let two_voices = match &self.accord {
            Accord::Agree { .. } => self.accord.words(),
            Accord::Alone => {
                return unknown(format!(
                    "{}; {}, and only one voice counted the registrations: {}",
                    self.implied_words(),
                    counted_words(counted),
                    self.accord.words()
                ));
            }
            Accord::Disagree(_) | Accord::Outvoted { .. } | Accord::TooFew { .. } => {
                return unknown(format!(
                    "the registrations at SSV are not told by two voices: {}",
                    self.accord.words()
                ));
            }
        };
        let says = format!("{}, {two_voices}", counted_words(counted));
        match &self.implied {
            Some(Answer::Yes(implied)) if *implied == counted => Check::of(
                NAME,
                counted == signed,
                format!(
                    "signed for nonce {signed}, SSV expects {counted}: {says}, and the contract's state implies it"
                ),
            ),
            Some(Answer::No(why)) => Check::of(
                NAME,
                counted == signed,
                format!("signed for nonce {signed}, SSV expects {counted}: {says}; {why}"),
            ),
            Some(Answer::Yes(_) | Answer::NotKnown(_)) | None => {
                unknown(format!("{says}; {}", self.implied_words()))
            }
        }
    }

    fn implied_words(&self) -> String {
        match &self.implied {
            Some(Answer::Yes(implied)) => format!("the contract's state implies {implied}"),
            Some(Answer::No(why)) => why.to_string(),
            Some(Answer::NotKnown(why)) => format!("what the contract's state implies is not known: {why}"),
            None => "this version's state implies no nonce".to_owned(),
        }
    }
}

fn counted_words(counted: u64) -> String {
    format!("the logs count {counted}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::CheckStatus;

    fn agree() -> Accord {
        Accord::Agree {
            agreeing: 2,
            said: Vec::new(),
            silent: Vec::new(),
        }
    }

    /// Signed for 4.
    fn judged(counted: Answer<u64>, accord: Accord, implied: Option<Answer<u64>>) -> Check {
        let nonce = ExpectedNonce {
            counted,
            accord,
            implied,
        };
        nonce.check(4)
    }

    #[test]
    fn only_two_voices_and_the_contracts_state_together_make_it_known() {
        use CheckStatus::{Fail, Pass, Unknown};
        let silent = || Accord::TooFew {
            configured: 2,
            said: None,
            silent: vec!["b: timed out".into()],
        };
        let differ = || Accord::Disagree("a is contradicted: b says 5, not 4".into());
        let nothing_waits = || Some(Answer::no("the contract's ready queue is empty"));
        let untold = || Some(Answer::not_known("timed out"));
        let implies = |n| Some(Answer::Yes(n));
        for (counted, accord, implied, expected) in [
            (Answer::Yes(4), agree(), implies(4), Pass),
            (Answer::Yes(4), agree(), nothing_waits(), Pass),
            (Answer::Yes(5), agree(), implies(5), Fail),
            (Answer::Yes(5), agree(), nothing_waits(), Fail),
            (Answer::Yes(4), agree(), implies(5), Unknown),
            (Answer::Yes(5), agree(), implies(4), Unknown),
            (Answer::Yes(4), agree(), untold(), Unknown),
            (Answer::Yes(4), agree(), None, Unknown),
            (Answer::Yes(4), Accord::Alone, implies(4), Unknown),
            (Answer::Yes(4), silent(), implies(4), Unknown),
            (Answer::Yes(4), differ(), implies(4), Unknown),
            (Answer::not_known("being read"), agree(), implies(4), Unknown),
        ] {
            let check = judged(counted.clone(), accord.clone(), implied.clone());
            assert_eq!(
                check.status, expected,
                "{counted:?} {accord:?} {implied:?}: {}",
                check.reason
            );
        }
    }

    #[test]
    fn what_makes_it_unknown_is_said() {
        let one = judged(Answer::Yes(4), Accord::Alone, Some(Answer::Yes(4))).reason;
        assert!(one.as_str().contains("only one voice"), "{one}");
        let differ = judged(Answer::Yes(5), agree(), Some(Answer::Yes(4))).reason;
        for words in ["signed for nonce 4", "the logs count 5", "state implies 4"] {
            assert!(differ.as_str().contains(words), "{differ}");
        }
    }

    #[test]
    fn a_number_that_all_count_and_the_contract_denies_is_counted_again() {
        let is_contradicted = |counted, accord, implied| {
            let nonce = ExpectedNonce {
                counted,
                accord,
                implied,
            };
            nonce.is_contradicted()
        };
        let implies = |n| Some(Answer::Yes(n));
        assert!(is_contradicted(Answer::Yes(5), agree(), implies(4)));
        assert!(!is_contradicted(Answer::Yes(4), agree(), implies(4)));
        assert!(!is_contradicted(Answer::Yes(5), Accord::Alone, implies(4)));
        assert!(!is_contradicted(Answer::Yes(5), agree(), None));
        assert!(!is_contradicted(
            Answer::Yes(5),
            agree(),
            Some(Answer::no("nothing waits"))
        ));
        assert!(!is_contradicted(
            Answer::not_known("being read"),
            agree(),
            implies(4)
        ));
    }
}
