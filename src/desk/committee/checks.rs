//! Whether a ceremony can be held with those who were chosen.

use std::collections::BTreeMap;

use super::versions::versions;
use super::{Committees, OperatorReplies};
use crate::ports::{Answer, CeremonyCapabilities, OperatorHealth};
use crate::types::{CeremonyPlan, Check, CheckStatus, OperatorId, SafeText};

/// How many of those who take part a ceremony cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::desk) enum Quorum {
    /// Key generations and reshares: one who is missing is missing for good.
    All,
    /// Threshold signatures: this many partial signatures are enough.
    AtLeast(usize),
}

/// Whether the backend takes the plan; size, directory, keys, reachability and version of those who take part; and
/// whatever relays between them.
pub(in crate::desk) fn checks(
    from: &Committees,
    asked: &OperatorReplies,
    plan: &CeremonyPlan,
    quorum: Quorum,
) -> Vec<Check> {
    let directory = &from.directory;
    let can = from.ceremonies.capabilities();
    let participants = &plan.participants();
    let OperatorReplies {
        health,
        relay,
        unregistered,
    } = asked;
    let mut checks = vec![
        size(can, plan.committee().len()),
        accepted(can, from.ceremonies.accepts(plan)),
    ];
    let keys: Vec<String> = participants
        .iter()
        .filter_map(|id| match directory.get(id) {
            None => Some(format!("operator {id} is not configured")),
            Some(o) => from
                .ceremonies
                .reads_key(&o.public_key)
                .err()
                .map(|why| format!("operator {id}: {why}")),
        })
        .collect();
    let readable = format!("every operator has a key that {} reads", can.title);
    checks.push(all_or(&keys, "operator-keys", &readable));
    checks.push(attendance(participants, health, quorum));
    checks.push(versions(can, participants, health, quorum));
    checks.extend(relay.as_ref().map(|relay| {
        relay.answers.check("messenger-reachable", |presence| {
            (true, format!("answers in {} ms", presence.latency.as_millis()))
        })
    }));
    let registered = |unregistered: &Answer<_>| registration(participants, unregistered, quorum);
    checks.extend(unregistered.as_ref().map(registered));
    checks
}

/// Whoever is not registered may be the next moment: nodes try again by themselves. So it is waited for, and no fault of
/// anybody.
fn registration(
    participants: &[OperatorId],
    unregistered: &Answer<Vec<OperatorId>>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operators-registered";
    let unregistered = match unregistered.as_ref().value() {
        Ok(unregistered) => unregistered,
        Err(why) => return Check::unknown(NAME, why.to_string()),
    };
    let away: Vec<String> = participants
        .iter()
        .filter(|id| unregistered.contains(id))
        .map(OperatorId::to_string)
        .collect();
    let needed = match quorum {
        Quorum::All => participants.len(),
        Quorum::AtLeast(needed) => needed,
    };
    if participants.len() - away.len() >= needed {
        return Check::pass(NAME, "whoever relays between the operators knows enough of them");
    }
    Check::unknown(
        NAME,
        format!(
            "operators {} are not registered with whoever relays between them; their nodes try again, or do so at their \
             next start",
            away.join(", ")
        ),
    )
}

fn size(can: &CeremonyCapabilities, operators: usize) -> Check {
    const NAME: &str = "committee-size";
    match can.threshold_of(operators) {
        Some(t) => Check::pass(NAME, format!("{operators} operators, threshold {t}")),
        None => Check::fail(
            NAME,
            format!("{operators} operators; {} knows {}", can.title, can.sizes()),
        ),
    }
}

fn accepted(can: &CeremonyCapabilities, verdict: Result<(), SafeText>) -> Check {
    const NAME: &str = "plan-accepted";
    match verdict {
        Ok(()) => Check::pass(NAME, format!("{} can carry it out", can.title)),
        Err(why) => Check::fail(NAME, why.as_str()),
    }
}

fn all_or(problems: &[String], name: &str, fine: &str) -> Check {
    if problems.is_empty() {
        Check::pass(name, fine)
    } else {
        Check::fail(name, problems.join("; "))
    }
}

/// Whoever gave no answer is not known to be there. That is never a pass: a key generation does not begin without
/// everybody, and the initiator asks again before it sends anything.
fn attendance(
    participants: &[OperatorId],
    health: &BTreeMap<OperatorId, OperatorHealth>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operators-reachable";
    let (mut there, mut perhaps, mut words) = (0, 0, Vec::new());
    for id in participants {
        let why = match health.get(id).map(|health| &health.answers) {
            Some(Answer::Yes(_)) => {
                there += 1;
                continue;
            }
            Some(Answer::No(evidence)) => evidence.words.as_str(),
            Some(Answer::NotKnown(why)) => {
                perhaps += 1;
                why.words().as_str()
            }
            None => {
                perhaps += 1;
                "was not asked"
            }
        };
        words.push(format!("operator {id}: {why}"));
    }
    if words.is_empty() {
        return Check::pass(NAME, "every operator answers");
    }
    let mut words = words.join("; ");
    let needed = match quorum {
        Quorum::All => participants.len(),
        Quorum::AtLeast(needed) => {
            let all = participants.len();
            words = format!("{there} of {all} answer, {needed} are needed; {words}");
            needed
        }
    };
    let status = if there >= needed {
        CheckStatus::Pass
    } else if there + perhaps >= needed {
        CheckStatus::Unknown
    } else {
        CheckStatus::Fail
    };
    Check::new(NAME, status, words)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dkg::rockx::backend::capabilities as rockx;
    use crate::ports::fakes::FakeCeremonies;
    use crate::ports::{Ceremonies as _, Presence};

    #[test]
    fn whoever_is_not_registered_yet_is_waited_for() {
        let committee: Vec<_> = (1..=4).map(OperatorId).collect();
        let status = |unregistered: Answer<Vec<OperatorId>>, quorum| {
            registration(&committee, &unregistered, quorum).status
        };
        let away = |ids: &[u64]| Answer::Yes(ids.iter().copied().map(OperatorId).collect());
        assert_eq!(status(away(&[]), Quorum::All), CheckStatus::Pass);
        assert_eq!(
            status(away(&[9]), Quorum::All),
            CheckStatus::Pass,
            "of no part in it"
        );
        assert_eq!(status(away(&[2]), Quorum::All), CheckStatus::Unknown);
        assert_eq!(status(away(&[2]), Quorum::AtLeast(3)), CheckStatus::Pass);
        assert_eq!(status(away(&[2, 3]), Quorum::AtLeast(3)), CheckStatus::Unknown);
        let silent = Answer::not_known("no answer within 10 s");
        assert_eq!(status(silent, Quorum::AtLeast(3)), CheckStatus::Unknown);
    }

    fn health(silent: &[u64], nobody: &[u64]) -> BTreeMap<OperatorId, OperatorHealth> {
        (1..=4)
            .map(|n| {
                let answers = if silent.contains(&n) {
                    Answer::not_known("no answer within 10 s")
                } else if nobody.contains(&n) {
                    Answer::no("not in the directory")
                } else {
                    Answer::Yes(Presence {
                        version: Some("0.2.13".into()),
                        latency: Duration::ZERO,
                    })
                };
                let id = OperatorId(n);
                (id, OperatorHealth { id, answers })
            })
            .collect()
    }

    #[test]
    fn a_signature_can_do_without_some_and_a_key_generation_without_none() {
        use CheckStatus::{Fail, Pass, Unknown};
        let everybody = [1, 2, 3, 4].map(OperatorId);
        let three = Quorum::AtLeast(3);
        // who is silent, who is not there, for everybody, for three
        let table: [(&[u64], &[u64], CheckStatus, CheckStatus); 7] = [
            (&[], &[], Pass, Pass),
            (&[2], &[], Unknown, Pass),
            (&[2, 4], &[], Unknown, Unknown),
            (&[1, 2, 3, 4], &[], Unknown, Unknown),
            (&[], &[2], Fail, Pass),
            (&[4], &[2], Fail, Unknown),
            (&[], &[2, 4], Fail, Fail),
        ];
        for (silent, nobody, all, some) in table {
            let health = health(silent, nobody);
            let status = |quorum| attendance(&everybody, &health, quorum).status;
            assert_eq!(status(Quorum::All), all, "{silent:?} {nobody:?}");
            assert_eq!(status(three), some, "{silent:?} {nobody:?}");
        }
        assert_eq!(attendance(&everybody, &BTreeMap::new(), three).status, Unknown);
        let said = attendance(&everybody, &health(&[2], &[]), three);
        assert_eq!(
            said.reason.as_str(),
            "3 of 4 answer, 3 are needed; operator 2: no answer within 10 s"
        );
    }

    #[test]
    fn what_a_committee_must_be_is_what_its_backend_says() {
        let fake = FakeCeremonies {
            refuses: Some("not today".into()),
            ..FakeCeremonies::default()
        };
        let words = |check: Check| (check.status, check.reason.to_string());
        let fail = |text: &str| (CheckStatus::Fail, text.to_owned());
        let can = fake.capabilities();
        assert_eq!(
            words(size(&rockx(), 5)),
            fail("5 operators; RockX knows 4, 7, 10 and 13")
        );
        assert_eq!(words(size(can, 4)), fail("4 operators; Fake knows 3"));
        assert_eq!(size(can, 3).reason.as_str(), "3 operators, threshold 2");
        let plan = CeremonyPlan::Sign {
            validator: Default::default(),
            committee: [1, 2, 3].map(OperatorId).to_vec(),
            threshold: 2,
            signing_root: Default::default(),
            what: crate::types::SignPurpose::VoluntaryExit {
                validator_index: 1,
                epoch: 1,
                domain: None,
            },
            share_public_keys: BTreeMap::new(),
            brought: None,
        };
        assert_eq!(words(accepted(can, fake.accepts(&plan))), fail("not today"));
    }
}
