//! Which exits are accepted, and how each client family refuses.

use casimir_dkg::devnet::beacon::{ClientFamily, Status, interop_secret};
use casimir_dkg::types::{BlsSignature, ForkVersion, Root};
use serde_json::json;

use super::{EXITS, capella, deposit, exit, manual, post};

const FAMILIES: [ClientFamily; 5] = [
    ClientFamily::Lighthouse,
    ClientFamily::Prysm,
    ClientFamily::Teku,
    ClientFamily::Nimbus,
    ClientFamily::Lodestar,
];

#[tokio::test]
async fn only_the_capella_version_and_the_right_key_sign_an_exit() {
    let beacon = manual().await;
    beacon.advance_epochs(3).await;
    let key = interop_secret(3);
    let genesis = ForkVersion([0, 0, 0, 1]);
    let electra = ForkVersion([5, 0, 0, 1]);
    for version in [genesis, electra] {
        let wish = exit(&beacon, &key, 3, 3, version);
        let (status, body) = post(&beacon, EXITS, &wish).await;
        assert_eq!(status, 400);
        assert!(
            body["message"].as_str().unwrap().contains("BadSignature"),
            "{body}"
        );
    }
    let (status, _) = post(
        &beacon,
        EXITS,
        &exit(&beacon, &interop_secret(4), 3, 3, capella()),
    )
    .await;
    assert_eq!(status, 400);
    let mut infinity = exit(&beacon, &key, 3, 3, capella());
    infinity.signature = BlsSignature([0; 96]);
    infinity.signature.0[0] = 0xc0;
    assert_eq!(post(&beacon, EXITS, &infinity).await.0, 400);
    assert!(beacon.pool().is_empty());
    assert_eq!(
        post(&beacon, EXITS, &exit(&beacon, &key, 3, 3, capella()))
            .await
            .0,
        200
    );
    beacon.advance_slots(1).await;
    assert_eq!(beacon.status(&key.public_key()), Some(Status::ActiveExiting));
}

/// Every problem, in the words of every family: what the client's classification is tested against.
#[tokio::test]
async fn each_family_refuses_in_its_own_words() {
    for family in FAMILIES {
        let beacon = manual().await;
        beacon.faults(|faults| faults.family = family);
        // validator 16: pending, and later too young
        let late = deposit(9, Root([0; 32]));
        beacon.deposit(&late);
        beacon.advance_epochs(3).await;
        let epoch = beacon.epoch();
        let good = exit(&beacon, &interop_secret(1), 1, epoch, capella());
        let mut answers = vec![
            (
                "bad signature",
                post(
                    &beacon,
                    EXITS,
                    &exit(&beacon, &interop_secret(2), 1, epoch, capella()),
                )
                .await,
            ),
            (
                "not active",
                post(
                    &beacon,
                    EXITS,
                    &exit(&beacon, &interop_secret(2), 16, epoch, capella()),
                )
                .await,
            ),
            (
                "unknown index",
                post(
                    &beacon,
                    EXITS,
                    &exit(&beacon, &interop_secret(2), 99, epoch, capella()),
                )
                .await,
            ),
            (
                "future epoch",
                post(
                    &beacon,
                    EXITS,
                    &exit(&beacon, &interop_secret(1), 1, epoch + 9, capella()),
                )
                .await,
            ),
        ];
        assert_eq!(post(&beacon, EXITS, &good).await.0, 200, "{family:?}");
        beacon.advance_slots(1).await;
        answers.push(("already exiting", post(&beacon, EXITS, &good).await));
        while beacon.status(&late.public_key) != Some(Status::ActiveOngoing) {
            beacon.advance_slots(1).await;
        }
        answers.push((
            "too young",
            post(
                &beacon,
                EXITS,
                &exit(&beacon, &interop_secret(2), 16, epoch, capella()),
            )
            .await,
        ));
        for (problem, (status, body)) in answers {
            let expected_status = if family == ClientFamily::Lodestar {
                500
            } else {
                400
            };
            assert_eq!(status, expected_status, "{family:?} {problem}");
            let text = body.to_string();
            let words = expected(family, problem);
            assert!(text.contains(words), "{family:?} {problem}: {words:?} in {text}");
            assert_eq!(body.get("code").is_some(), family != ClientFamily::Lodestar);
        }
    }
}

fn expected(family: ClientFamily, problem: &str) -> &'static str {
    match (family, problem) {
        (ClientFamily::Lighthouse, "bad signature") => "ExitValidationError(Invalid(BadSignature))",
        (ClientFamily::Lighthouse, "not active") => "ExitValidationError(Invalid(NotActive(16)))",
        (ClientFamily::Lighthouse, "unknown index") => "ValidatorUnknown(99)",
        (ClientFamily::Lighthouse, "future epoch") => "FutureEpoch { state: Epoch(3), exit: Epoch(12) }",
        (ClientFamily::Lighthouse, "already exiting") => "AlreadyExited(1)",
        (ClientFamily::Lighthouse, "too young") => "TooYoungToExit { current_epoch: Epoch(",
        (ClientFamily::Prysm, "bad signature") => "signature did not verify",
        (ClientFamily::Prysm, "not active") => "non-active validator cannot exit",
        (ClientFamily::Prysm, "unknown index") => "index 99 out of range",
        (ClientFamily::Prysm, "future epoch") => "expected current epoch >= exit epoch, received 3 < 12",
        (ClientFamily::Prysm, "already exiting") => "has already submitted an exit",
        (ClientFamily::Prysm, "too young") => "has not been active long enough to exit: 0 of 2 epochs",
        (ClientFamily::Teku, "bad signature") => "Invalid validator signature",
        (ClientFamily::Teku, "not active") => "Validator is not active",
        (ClientFamily::Teku, "unknown index") => "Invalid validator index",
        (ClientFamily::Teku, "future epoch") => "Specified exit epoch is still in the future",
        (ClientFamily::Teku, "already exiting") => "Validator has already initiated exit",
        (ClientFamily::Teku, "too young") => "Validator has not been active long enough",
        (ClientFamily::Nimbus, "bad signature") => "Exit: invalid signature",
        (ClientFamily::Nimbus, "not active") => "Exit: validator not active",
        (ClientFamily::Nimbus, "unknown index") => "VoluntaryExit: validator index too high",
        (ClientFamily::Nimbus, "future epoch") => "Exit: exit epoch not passed",
        (ClientFamily::Nimbus, "already exiting") => "Exit: validator has exited",
        (ClientFamily::Nimbus, "too young") => "Exit: not in validator set long enough",
        (ClientFamily::Lodestar, "bad signature") => "VOLUNTARY_EXIT_ERROR_INVALID_SIGNATURE",
        (ClientFamily::Lodestar, "unknown index") => "Cannot read properties of undefined",
        (ClientFamily::Lodestar, "already exiting") => "VOLUNTARY_EXIT_ERROR_ALREADY_EXISTS",
        (ClientFamily::Lodestar, _) => "VOLUNTARY_EXIT_ERROR_INVALID\"",
        (family, problem) => panic!("{family:?} {problem}"),
    }
}

#[tokio::test]
async fn an_exit_that_waits_already_is_told_or_taken() {
    for family in FAMILIES {
        let beacon = manual().await;
        beacon.faults(|faults| {
            faults.family = family;
            faults.hold_exits = true;
        });
        beacon.advance_epochs(3).await;
        let wish = exit(&beacon, &interop_secret(1), 1, 3, capella());
        assert_eq!(post(&beacon, EXITS, &wish).await.0, 200);
        beacon.advance_slots(2).await;
        assert_eq!(beacon.pool(), [wish], "exits are held back");
        let (status, body) = post(&beacon, EXITS, &wish).await;
        match family {
            ClientFamily::Lodestar => {
                assert_eq!(status, 500);
                assert!(body["message"].as_str().unwrap().contains("ALREADY_EXISTS"));
            }
            ClientFamily::Nimbus => assert_eq!(status, 400),
            _ => assert_eq!(status, 200),
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_exit_is_refused() {
    let beacon = manual().await;
    let broken = async |text: &str| {
        let request = reqwest::Client::new()
            .post(format!("{}{EXITS}", beacon.url()))
            .header("content-type", "application/json")
            .body(text.to_owned());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(broken("{nope").await, 400);
    assert_eq!(broken(r#"{"message":{"epoch":"0"}}"#).await, 400);
    // numbers are strings in this API
    let number = json!({"message": {"epoch": 0, "validator_index": 1}, "signature": BlsSignature([0; 96])});
    assert_eq!(broken(&number.to_string()).await, 400);
    assert_eq!(broken(&"x".repeat(300_000)).await, 413);
    beacon.faults(|faults| faults.family = ClientFamily::Lodestar);
    assert_eq!(broken("{nope").await, 400);
    assert_eq!(broken(r#"{"message":{"epoch":"0"}}"#).await, 500);
}
