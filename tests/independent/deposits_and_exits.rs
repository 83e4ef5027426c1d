//! Deposits and exits, of our own ceremonies and of recorded ones, as `py_ecc` and `ethstaker_deposit` see them.

use std::collections::{BTreeMap, BTreeSet};

use casimir_dkg::dkg::rockx::node::session::FrostPlan;
use casimir_dkg::dkg::rockx::node::session::Purpose;
use casimir_dkg::dkg::rockx::node::store::KeyShare;
use casimir_dkg::dkg::rockx::share::open_sealed_share;
use casimir_dkg::types::{
    BlsSignature, CeremonyPlan, CeremonyResult, ForkVersion, OperatorId, Root, SignPurpose,
};
use serde_json::{Value, json};

use super::ceremony::{Case, Exit};
use super::python;
use crate::conformance::recorded::{keygen_result, recorded, request_id};
use crate::conformance::vectors::private_keys;
use crate::node::net::{Net, ids, request, threshold_of};

/// Hoodi's genesis and Capella versions and its genesis validators root.
const GENESIS_VERSION: ForkVersion = ForkVersion([0x10, 0, 0x09, 0x10]);
const CAPELLA_VERSION: ForkVersion = ForkVersion([0x40, 0, 0x09, 0x10]);
const HOODI: &str = "0x212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f";

const KEYS: [&str; 5] = ["keys", "interpolation", "degree", "feldman", "shares"];
const DEPOSIT: [&str; 8] = [
    "deposit-message-root",
    "deposit-domain",
    "deposit-signing-root",
    "deposit-data-root",
    "deposit-signature",
    "deposit-partials",
    "deposit-combination",
    "deposit-valid",
];
const EXIT: [&str; 7] = [
    "exit-root",
    "exit-domain",
    "exit-signing-root",
    "exit-signature",
    "exit-partials",
    "exit-combination",
    "exit-transaction",
];

/// 0x01, eleven zeros, and an address.
fn credentials() -> Root {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes[12..].copy_from_slice(&[0xca; 20]);
    Root(bytes)
}

fn exit() -> Exit {
    Exit {
        epoch: 60_001,
        index: 1_234_567,
        capella: CAPELLA_VERSION,
        genesis: HOODI.parse().unwrap(),
    }
}

/// What the script says to these cases, by the names of the cases: passed and refused checks.
fn verdicts(cases: Vec<Value>) -> BTreeMap<String, (BTreeSet<String>, BTreeMap<String, String>)> {
    let count = cases.len();
    let answer = python::ask("check_ceremony.py", &json!({ "cases": cases }));
    let verdicts: BTreeMap<_, _> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let name = result["name"].as_str().unwrap().to_owned();
            let passed = serde_json::from_value(result["passed"].clone()).unwrap();
            let refused = serde_json::from_value(result["refused"].clone()).unwrap();
            (name, (passed, refused))
        })
        .collect();
    assert_eq!(verdicts.len(), count, "one verdict for each case");
    verdicts
}

fn set(names: &[&[&str]]) -> BTreeSet<String> {
    names.concat().iter().map(|name| (*name).to_owned()).collect()
}

/// Everything was checked, and nothing refused.
fn assert_accepted(name: &str, case: Case, checks: &BTreeSet<String>) {
    let (passed, refused) = &verdicts(vec![case.into_value()])[name];
    assert!(refused.is_empty(), "{name}: {refused:#?}");
    assert_eq!(passed, checks, "{name}: not all was checked");
}

/// Runs a keygen with credentials that a staker's tool accepts.
fn keygen(n: u64) -> Net {
    let committee = ids(1..=n);
    let plan = FrostPlan {
        id: request(n),
        threshold: threshold_of(committee.len()),
        dealers: committee.clone(),
        receivers: committee,
        purpose: Purpose::Keygen {
            credentials: credentials(),
            fork: GENESIS_VERSION,
        },
    };
    let mut net = Net::frost(&plan, &BTreeMap::new(), n);
    net.run();
    net
}

/// The case of a keygen or reshare, without what it signed.
fn keys_case(name: &str, net: &Net) -> Case {
    let first = net.kept.values().next().unwrap();
    Case::new(name, &first.validator, first.threshold, &first.share_public_keys)
        .shares(net.kept.iter().map(|(id, key)| (id, &*key.share)))
        .dealt(&net.published)
}

fn keygen_case(name: &str, net: &Net) -> Case {
    let outputs = net.outputs(OperatorId(1));
    let output = outputs.get(&OperatorId(1)).unwrap().data.as_ref().unwrap();
    let signature = BlsSignature::try_from(output.deposit_data_signature.as_slice()).unwrap();
    keys_case(name, net).deposit(&net.published, &credentials(), GENESIS_VERSION, &signature)
}

/// Lets the holders of these shares sign an exit.
fn with_exit(case: Case, keys: &BTreeMap<OperatorId, KeyShare>, seed: u64) -> Case {
    let mut net = Net::keysign(keys, &exit().signing_root().0, seed);
    net.run();
    let signer = *keys.keys().next().unwrap();
    let outputs = net.outputs(signer);
    let output = outputs.get(&signer).unwrap().key_sign_data.as_ref().unwrap();
    let signature = BlsSignature::try_from(output.signature.as_slice()).unwrap();
    case.exit(&net.published, &exit(), &signature)
}

fn committee_is_accepted(n: u64) {
    let name = format!("keygen of {n}");
    let net = keygen(n);
    let case = with_exit(keygen_case(&name, &net), &net.kept, 100 + n);
    assert_accepted(&name, case, &set(&[&KEYS, &DEPOSIT, &EXIT]));
}

#[test]
fn deposit_and_exit_of_four_are_accepted() {
    committee_is_accepted(4);
}

#[test]
fn deposit_and_exit_of_seven_are_accepted() {
    committee_is_accepted(7);
}

#[test]
fn deposit_and_exit_of_ten_are_accepted() {
    committee_is_accepted(10);
}

#[test]
fn deposit_and_exit_of_thirteen_are_accepted() {
    committee_is_accepted(13);
}

/// The new shares are of the old key, and sign its exit.
#[test]
fn an_exit_after_a_reshare_is_accepted() {
    let old = keygen(4);
    let dealers = ids([1, 2, 4]);
    let mut new = Net::reshare(&old.kept, &dealers, &ids([1, 2, 3, 5]), 40);
    new.run();
    assert_eq!(new.kept.keys().copied().collect::<Vec<_>>(), ids([1, 2, 3, 5]));
    let before = &old.kept[&OperatorId(1)];
    assert_eq!(new.kept[&OperatorId(5)].validator, before.validator);
    let old_keys = before
        .share_public_keys
        .iter()
        .filter(|(id, _)| dealers.contains(id));
    let case = with_exit(keys_case("reshare", &new).handed_over(old_keys), &new.kept, 41);
    let altered = case.altered("another old share", &["handover"], |c| {
        c["old_share_keys"]["2"] = c["old_share_keys"]["1"].clone();
    });
    assert_accepted("reshare", case, &set(&[&KEYS, &["handover"], &EXIT]));
    let (passed, refused) = &verdicts(vec![altered])["another old share"];
    assert!(
        passed.is_empty() && refused.contains_key("handover"),
        "{refused:?}"
    );
}

/// Ceremonies of the real programs: what our verifier accepted, the others accept.
#[test]
fn recorded_ceremonies_are_accepted() {
    const KEYGEN: &str = "live/keygen-n4.json";
    const SIGN: &str = "live/keysign-exit-n4.json";
    let ceremony = recorded(KEYGEN, &request_id(KEYGEN), None);
    let CeremonyPlan::Keygen {
        threshold,
        withdrawal_credentials,
        fork_version,
        ..
    } = &ceremony.plan
    else {
        panic!("{:?}", ceremony.plan)
    };
    let result = keygen_result(&ceremony.verify());
    let shares: BTreeMap<_, _> = result
        .encrypted_shares
        .iter()
        .map(|(id, sealed)| {
            let share = open_sealed_share(sealed, &private_keys()[id]).unwrap();
            (*id, share.to_be_bytes())
        })
        .collect();
    // Prater, as the recording's note says
    let exit = Exit {
        epoch: 200_000,
        index: 552_061,
        capella: ForkVersion([3, 0, 0x10, 0x20]),
        genesis: "0x043db0d9a83813551ee2f33450d23797757d430911a9320530ad8a0eabc43efb"
            .parse()
            .unwrap(),
    };
    let purpose = SignPurpose::VoluntaryExit {
        validator_index: exit.index,
        epoch: exit.epoch,
        domain: None,
    };
    let signing = recorded(
        SIGN,
        &request_id(SIGN),
        Some((&ids(1..=4), purpose, &result.share_public_keys)),
    );
    let Some(CeremonyResult::Sign { signature }) = signing.verify().result else {
        panic!("the recording has a signature");
    };
    let case = Case::new(
        "recorded",
        &result.validator,
        *threshold,
        &result.share_public_keys,
    )
    .shares(shares.iter().map(|(id, share)| (id, &**share)))
    .dealt(&ceremony.messages)
    .deposit(
        &ceremony.messages,
        withdrawal_credentials,
        *fork_version,
        &result.deposit_signature,
    )
    .exit(&signing.messages, &exit, &signature);
    assert_accepted("recorded", case, &set(&[&KEYS, &DEPOSIT, &EXIT]));
}

/// Changes the last digit of a text.
fn flip(text: &mut Value) {
    let mut changed = text.as_str().unwrap().to_owned();
    let last = changed.pop().unwrap();
    changed.push(if last == '0' { '1' } else { '0' });
    *text = json!(changed);
}

/// The other side says no to whatever is not as it should be; so the tests above can fail.
#[test]
fn altered_results_are_refused() {
    let net = keygen(4);
    let case = with_exit(keygen_case("true", &net), &net.kept, 50);
    let other = keygen_case("other", &keygen(7)).into_value();
    let mut expected = BTreeMap::new();
    let mut cases = Vec::new();
    let mut alter = |name: &str, refused: &[&str], change: &dyn Fn(&mut Value)| {
        cases.push(case.altered(name, refused, change));
        expected.insert(name.to_owned(), set(&[refused]));
    };
    alter(
        "another amount",
        &[
            "deposit-message-root",
            "deposit-signing-root",
            "deposit-data-root",
            "deposit-valid",
        ],
        &|c| {
            c["deposit"]["amount"] = json!(31_000_000_000_u64);
        },
    );
    alter(
        "other credentials",
        &[
            "deposit-message-root",
            "deposit-signing-root",
            "deposit-data-root",
            "deposit-valid",
        ],
        &|c| {
            flip(&mut c["deposit"]["withdrawal_credentials"]);
        },
    );
    alter(
        "another chain",
        &["deposit-domain", "deposit-signing-root", "deposit-valid"],
        &|c| {
            c["deposit"]["fork_version"] = json!("0x00000000");
        },
    );
    alter(
        "an operator's signature for the whole one",
        &[
            "deposit-data-root",
            "deposit-signature",
            "deposit-combination",
            "deposit-valid",
        ],
        &|c| {
            c["deposit"]["signature"] = c["deposit"]["partials"]["1"].clone();
        },
    );
    alter(
        "another data root",
        &["deposit-data-root", "deposit-valid"],
        &|c| {
            flip(&mut c["deposit"]["data_root"]);
        },
    );
    alter(
        "two partial signatures exchanged",
        &["deposit-partials", "deposit-combination"],
        &|c| {
            let first = c["deposit"]["partials"]["1"].take();
            c["deposit"]["partials"]["1"] = c["deposit"]["partials"]["2"].take();
            c["deposit"]["partials"]["2"] = first;
        },
    );
    alter(
        "another validator key",
        &["interpolation", "feldman", "shares", "deposit-valid"],
        &|c| {
            c["pubkey"] = other["pubkey"].clone();
        },
    );
    alter(
        "another share key",
        &["interpolation", "feldman", "shares", "deposit-partials"],
        &|c| {
            c["share_keys"]["4"] = other["share_keys"]["4"].clone();
        },
    );
    alter("the same share key twice", &["keys", "interpolation"], &|c| {
        c["share_keys"]["4"] = c["share_keys"]["3"].clone();
    });
    alter("a share key that is no point", &["keys"], &|c| {
        c["share_keys"]["4"] = json!(format!("0x{}", "11".repeat(48)));
    });
    alter("the identity as validator key", &["keys"], &|c| {
        c["pubkey"] = json!(format!("0xc0{}", "00".repeat(47)));
    });
    alter("a lower threshold", &["interpolation", "feldman"], &|c| {
        c["threshold"] = json!(2);
    });
    alter("a higher threshold", &["degree", "feldman"], &|c| {
        c["threshold"] = json!(4);
    });
    alter("another commitment", &["feldman"], &|c| {
        c["commitments"]["3"][1] = other["commitments"]["3"][1].clone();
    });
    alter("a dealer left out", &["feldman"], &|c| {
        c["commitments"].as_object_mut().unwrap().remove("2");
    });
    alter("another share", &["shares"], &|c| flip(&mut c["shares"]["2"]));
    alter(
        "another epoch",
        &["exit-root", "exit-signing-root", "exit-transaction"],
        &|c| {
            c["exit"]["epoch"] = json!(60_002);
        },
    );
    alter(
        "another validator",
        &["exit-root", "exit-signing-root", "exit-transaction"],
        &|c| {
            c["exit"]["validator_index"] = json!(1);
        },
    );
    alter(
        "Electra's version instead of Capella's",
        &["exit-domain", "exit-signing-root", "exit-transaction"],
        &|c| {
            c["exit"]["capella_fork_version"] = json!("0x60000910");
        },
    );
    alter(
        "an operator's exit signature for the whole one",
        &["exit-signature", "exit-combination", "exit-transaction"],
        &|c| {
            c["exit"]["signature"] = c["exit"]["partials"]["2"].clone();
        },
    );
    alter("one exit signature changed", &["exit-partials"], &|c| {
        c["exit"]["partials"]["3"] = c["deposit"]["partials"]["3"].clone();
    });

    let verdicts = verdicts(cases);
    for (name, checks) in expected {
        let (passed, refused) = &verdicts[&name];
        assert!(passed.is_empty(), "{name}: accepted: {passed:?}");
        assert_eq!(refused.keys().cloned().collect::<BTreeSet<_>>(), checks, "{name}");
    }
}
