//! Records of ceremonies, as they stand in journals that were written before backends had names and steps were data:
//! they are read as they were meant, and written as they were.

use super::{CeremonyRole, Record};
use crate::types::{BackendName, CeremonyPlan, CeremonyResult, StepId};

const STARTED: [&str; 3] = [
    r#"{"record":"ceremony-started","request":"03e2a4fd01fae101d2fdc1dcb1345e89b1982c7eb75b97e5","case":"deposit/3","action":"deposit/3#1","role":"main","attempt":1,"plan":{"kind":"keygen","committee":[1,2,3,4],"threshold":3,"withdrawal_credentials":"0x0100000000000000000000001111111111111111111111111111111111111111","fork_version":"0x10000038"}}"#,
    r#"{"record":"ceremony-started","request":"03e2a4fd01fae101d2fdc1dcb1345e89b1982c7eb75b97e5","case":"reshare/3","action":null,"role":"main","attempt":2,"plan":{"kind":"reshare","validator":"0xa56c03332ea370665d034a64b21100c58d072f7edbabbb9e2cc19bff143a56c1ebe59687234fd76b82697d38230a63d6","old":[1,2,4],"new":[1,2,3,5],"threshold":3}}"#,
    r#"{"record":"ceremony-started","request":"03e2a4fd01fae101d2fdc1dcb1345e89b1982c7eb75b97e5","case":"deposit/3","action":null,"role":"registration","attempt":1,"plan":{"kind":"sign","validator":"0xa56c03332ea370665d034a64b21100c58d072f7edbabbb9e2cc19bff143a56c1ebe59687234fd76b82697d38230a63d6","committee":[1,2,3,4],"threshold":3,"signing_root":"0x0303030303030303030303030303030303030303030303030303030303030303","what":{"purpose":"voluntary-exit","validator_index":7,"epoch":9},"share_public_keys":{"1":"0xb05fa2a00472f2567175a47dc4e85c4cab929664e07a3a3624766284b4b83eb213557aab50540ff0790ebb3d505e87eb"}}}"#,
];
const VERIFIED: &str = r#"{"record":"ceremony-verified","request":"abdc30ff4179c0dbd8f64d406f06d08011ba7f0441be91f5","result":{"result":"keygen","validator":"0x8cbb83db22d677caa354844cfa68ec1871c54f7b35b446684414f1b019bfadb42788e88762bae4bb0f49f81c7079948e","deposit_signature":"0x000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000","share_public_keys":{"1":"0xb5e9e2d427cf4707cd513992c30c9ceb1f736d1d6df1ef709fd4a6532946c6f01207cc3c02de103f6485404f6fb75169"},"encrypted_shares":{"1":"0x0102"}},"checks":[],"transcript":null}"#;

fn failed(step: &str) -> String {
    format!(
        r#"{{"record":"ceremony-failed","request":"03e2a4fd01fae101d2fdc1dcb1345e89b1982c7eb75b97e5","failure":{{"kind":"timeout","round":{step},"culprits":[2],"reason":"preparation: nothing in time from operator 2","blames":[]}}}}"#
    )
}

/// Reads, and writes the same again.
fn read(text: &str) -> Record {
    let record: Record = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(serde_json::to_string(&record).unwrap(), text);
    record
}

#[test]
fn who_names_no_backend_means_rockx() {
    for text in STARTED {
        let Record::CeremonyStarted { backend, plan, .. } = read(text) else {
            panic!("{text}")
        };
        assert_eq!(backend, BackendName::ROCKX);
        if let CeremonyPlan::Keygen { registration, .. } = plan {
            assert_eq!(registration, None);
        }
    }
    let Record::CeremonyVerified {
        result: CeremonyResult::Keygen(output),
        ..
    } = read(VERIFIED)
    else {
        panic!("{VERIFIED}")
    };
    assert_eq!(output.registration, None);
}

#[test]
fn steps_have_the_names_that_rounds_had() {
    for name in [
        "started",
        "preparation",
        "round1",
        "round2",
        "deposit-data",
        "output",
    ] {
        let Record::CeremonyFailed { failure, .. } = read(&failed(&format!("\"{name}\""))) else {
            panic!("{name}")
        };
        assert_eq!(failure.round.as_ref().map(StepId::as_str), Some(name));
    }
    let Record::CeremonyFailed { failure, .. } = read(&failed("null")) else {
        panic!()
    };
    assert_eq!(failure.round, None);
}

#[test]
fn another_backend_and_what_it_signs_within_the_key_generation_are_journaled() {
    let text = r#"{"record":"ceremony-started","request":"03e2a4fd01fae101d2fdc1dcb1345e89b1982c7eb75b97e5","case":"deposit/3","action":null,"role":"main","attempt":1,"plan":{"kind":"keygen","committee":[1,2,3,4],"threshold":3,"withdrawal_credentials":"0x0100000000000000000000001111111111111111111111111111111111111111","fork_version":"0x10000038","registration":{"owner":"0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7","nonce":7}},"backend":"ssv-dkg"}"#;
    let Record::CeremonyStarted {
        backend, plan, role, ..
    } = read(text)
    else {
        panic!("{text}")
    };
    assert_eq!((backend.as_str(), role), ("ssv-dkg", CeremonyRole::Main));
    let CeremonyPlan::Keygen { registration, .. } = plan else {
        panic!("{plan:?}")
    };
    assert_eq!(registration.map(|owner| owner.nonce), Some(7));
}
