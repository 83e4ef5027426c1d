//! What SSV would refuse is asked before a key is made: the key generation is held, the page and a line say why and whom it
//! concerns, and it goes on by itself once SSV takes it.

use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use casimir_dkg::devnet::contracts::SsvOperators;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CaseId, CheckStatus};
use casimir_dkg::view::CaseStatus;

use super::program::{Form, Program};
use super::stage::{PAIR, Stage};
use super::{Ground, with_beacon};
use crate::engine::deposits::initiated;

/// What stands in the way, by what it is put there and taken away, and what a person reads.
struct Obstacle {
    put: fn() -> Vec<u8>,
    take: fn(&Ground) -> Vec<u8>,
    check: &'static str,
    words: &'static str,
}

const OBSTACLES: &[Obstacle] = &[
    Obstacle {
        put: || SsvOperators::setOperatorsPrivateUncheckedCall { operatorIds: vec![3] }.abi_encode(),
        take: |ground| {
            let call = SsvOperators::setOperatorsWhitelistsCall {
                operatorIds: vec![3],
                whitelistAddresses: vec![ground.devnet().addresses().manager],
            };
            call.abi_encode()
        },
        check: "ssv-operators",
        words: "CallerNotWhitelistedWithData(3)",
    },
    Obstacle {
        put: || SsvOperators::setValidatorsPerOperatorLimitCall { limit: 1 }.abi_encode(),
        take: |_| SsvOperators::setValidatorsPerOperatorLimitCall { limit: 500 }.abi_encode(),
        check: "ssv-operators",
        words: "ExceedValidatorLimitWithData(1)",
    },
    Obstacle {
        put: || SsvOperators::setClosedCall { closed: true }.abi_encode(),
        take: |_| SsvOperators::setClosedCall { closed: false }.abi_encode(),
        check: "deposit-simulation",
        words: "with a throw-away key",
    },
];

async fn tell_ssv(ground: &Ground, data: Vec<u8>) {
    let devnet = ground.devnet();
    let operators = devnet.accounts().operators;
    let sent = devnet.send("to SSV", operators, devnet.addresses().ssv, U256::ZERO, data);
    sent.await.unwrap();
}

/// The key generation waits with this check, and nothing was begun.
async fn is_held(program: &Program, case: &str, check: &str, words: &str) {
    program
        .until(&format!("{case} held by {check}: {words}"), |s| {
            let action = s.waiting().find(|a| a.id.case.to_string() == case)?;
            let stands = |c: &&casimir_dkg::types::Check| {
                c.name == check && c.status != CheckStatus::Pass && c.reason.as_str().contains(words)
            };
            let held =
                action.kind == ActionKind::Keygen.to_string() && action.checks.iter().any(|c| stands(&c));
            held.then_some(())
        })
        .await;
    // the line names the check, and the page says why
    program.prints(case, check).await;
    assert!(
        !program
            .snapshot()
            .ceremonies
            .iter()
            .any(|c| c.case.to_string() == case),
        "no key is made\n{}",
        program.picture()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ssv_would_refuse_holds_the_key_generation_until_it_is_mended() {
    let ground = Ground::start(with_beacon()).await;
    // nothing is wrong with the lines to the outside
    let stage = Stage::set(&ground, super::restarts::RESTARTS[0], PAIR, None).await;
    let program = stage.program(Form::Text, "auto", |_| ()).await;
    for (pool, obstacle) in (1..).zip(OBSTACLES) {
        let case = format!("deposit/{pool}");
        tell_ssv(&ground, (obstacle.put)()).await;
        ground.devnet().deposit_pool(1).await.unwrap();
        is_held(&program, &case, obstacle.check, obstacle.words).await;
        tell_ssv(&ground, (obstacle.take)(&ground)).await;
        let id: CaseId = case.parse().unwrap();
        program
            .until(&format!("{case} made by itself"), |s| {
                s.case(id)
                    .filter(|case| case.status == CaseStatus::Following || case.is_over())
                    .map(drop)
            })
            .await;
        assert_eq!(initiated(&ground).await, (1..=pool).collect::<Vec<_>>());
    }
    // an operator that is gone does not come back: a person takes another committee
    let removed = SsvOperators::removeOperatorCall { operatorId: 2 };
    tell_ssv(&ground, removed.abi_encode()).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let case = format!("deposit/{}", OBSTACLES.len() + 1);
    is_held(&program, &case, "ssv-operators", "OperatorDoesNotExist").await;
    // its error names nobody: the logs do
    is_held(
        &program,
        &case,
        "ssv-operators",
        "removed from SSV: operator 2 in block",
    )
    .await;
    let ways = program.case(&case).await.ways;
    assert!(!ways.is_empty(), "{}", program.picture());
    program.end().await;
    ground.end().await;
}
