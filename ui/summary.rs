//! What a person has to know of an action before deciding on it: a few rows that fit a small screen. The console, `show`,
//! `sign` and `explain` say the same in the same order.
//!
//! ```text
//! what      Deposit 32 ETH of pool 1 for validator 0x8a154947…edd553ecb …
//! to        0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512, initiatePoolDeposit
//! amount    32 ETH, from the manager contract
//! changes   fees swapped for SSV 0.1 ETH · SSV receives 0 SSV
//! fee       at most 0.05 ETH, now 0.004914 ETH · gas limit 1,949,216 now
//! nonce     12 now; it and the gas limit are set when it is signed
//! unknown   endpoints-agree: only one endpoint is configured
//! pass      37 checks
//! code      bako-fuzi-higo-lomu
//! ```

use casimir_dkg::types::{
    CeremonyPlan, OperatorId, PoolId, Round, SignPurpose, UnixMillis, counted, format_ether, grouped,
    parse_ether, parse_ssv, rounded_ether, rounded_gwei, rounded_ssv,
};
use casimir_dkg::view::{
    ActionState, ActionView, CheckMark, Fact, FactKind, Payload, RefreshingView, Snapshot, TransactionView,
};

/// What a transaction changes at SSV: what it is called for people, and what the desk calls it before, where there is a
/// before, and after.
pub(crate) const SIMULATED: [(&str, Option<&str>, &str); 4] = [
    (
        "reserved fees",
        Some("reserved fees before"),
        "reserved fees afterwards",
    ),
    ("SSV receives", None, "SSV receives"),
    (
        "SSV cluster",
        Some("SSV cluster before"),
        "SSV cluster afterwards",
    ),
    (
        "SSV runway",
        Some("until its liquidation before, at present fees"),
        "until its liquidation, at present fees",
    ),
];

/// When what is stale was so: without a connection nobody knows what is so now.
const LAST_LOOK: &str = "at the last look";

/// What the desk says of a cluster that the transaction makes.
const NO_CLUSTER: &str = "no validator is in it";

/// One part for each thing: what had a value before has it in front of the new one.
fn changes<'f>(facts: impl Iterator<Item = &'f Fact> + Clone) -> Vec<String> {
    let value = |label: &str| {
        let fact = facts.clone().find(|fact| fact.label == label);
        fact.map(|fact| rounded(fact.value.as_str(), round_of(label)))
    };
    let mut out = Vec::new();
    for fact in facts.clone() {
        let is_before = SIMULATED
            .iter()
            .any(|(_, before, after)| *before == Some(fact.label.as_str()) && value(after).is_some());
        if is_before {
            continue;
        }
        let pair = SIMULATED.iter().find(|(.., after)| *after == fact.label);
        let Some((name, before, after)) = pair else {
            let value = rounded(fact.value.as_str(), round_of(&fact.label));
            out.push(format!("{} {value}", fact.label));
            continue;
        };
        let after = value(after).unwrap_or_default();
        out.push(match before.and_then(value) {
            None => format!("{name} {after}"),
            Some(before) if before == NO_CLUSTER => format!("{name} none → {after}"),
            Some(before) => format!("{name} {before} → {after}"),
        });
    }
    out
}

/// Amounts in words by the one rule for people: an older engine tells exactly what a desk rounds today. What somebody has is
/// never said to be more, and what is paid never to be less.
fn rounded(text: &str, round: Round) -> String {
    let words: Vec<_> = text.split(' ').collect();
    let mut out: Vec<String> = Vec::new();
    let mut n = 0;
    while let Some(word) = words.get(n) {
        let amount = words.get(n + 1).and_then(|unit| amount(word, unit, round));
        n += 1 + usize::from(amount.is_some());
        out.push(amount.unwrap_or_else(|| (*word).to_owned()));
    }
    out.join(" ")
}

/// A number and its unit, and whatever mark follows that.
fn amount(number: &str, unit: &str, round: Round) -> Option<String> {
    let (unit, mark) = unit.split_at(
        unit.find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(unit.len()),
    );
    let told = format!("{number} {unit}");
    let told = match unit {
        "ETH" => rounded_ether(parse_ether(&told).ok()?, round),
        "SSV" => rounded_ssv(parse_ssv(&told).ok()?, round),
        "gwei" => rounded_gwei(parse_ether(&told).ok()?, round),
        _ => return None,
    };
    Some(format!("{told}{mark}"))
}

/// Desks call so what is paid; of everything else they say how much there is.
fn round_of(label: &str) -> Round {
    match label.starts_with("fee") {
        true => Round::Up,
        false => Round::Down,
    }
}

/// Whether there may be a transaction of it that a snapshot lists no more.
pub(crate) fn may_be_sent(action: &ActionView) -> bool {
    matches!(action.payload, Payload::Transaction(_)) && !action.is_proposed()
}

/// How a row is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Text,
    /// What moves: amounts and fees.
    Strong,
    Warn,
    Check(CheckMark),
    /// What two people compare.
    Code,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) label: &'static str,
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

fn row(label: &'static str, tone: Tone, text: impl Into<String>) -> Row {
    Row {
        label,
        text: text.into(),
        tone,
    }
}

/// The rows of an action; `sent` is its transaction, once there is one.
pub(crate) fn rows(action: &ActionView, sent: Option<&TransactionView>) -> Vec<Row> {
    let mut out = warnings(action);
    out.extend(effects(action, sent));
    out.extend(checks(action));
    out.extend(ends(action));
    out
}

/// What speaks against approving it as it is. The page of an action has it on top, with the key that mends it.
pub(crate) fn warnings(action: &ActionView) -> Vec<Row> {
    let warnings = action.warnings().into_iter();
    warnings
        .map(|warning| row("warning", Tone::Warn, warning.to_string()))
        .collect()
}

/// What happens, to whom, and what it moves and costs.
pub(crate) fn effects(action: &ActionView, sent: Option<&TransactionView>) -> Vec<Row> {
    let mut out = vec![row("what", Tone::Strong, shortened(action.title.as_str()))];
    out.extend(to(&action.payload).map(|text| row("to", Tone::Text, text)));
    let amounts = || action.facts.iter().filter(|f| f.kind == FactKind::Amount);
    out.extend(
        amounts()
            .filter(|f| f.label == "amount")
            .map(|f| row("amount", Tone::Strong, f.value.as_str())),
    );
    let changes = changes(amounts().filter(|f| f.label != "amount" && !is_cost(f)));
    if !changes.is_empty() {
        out.push(row("changes", Tone::Text, changes.join(" · ")));
    }
    if let Payload::Transaction(tx) = &action.payload {
        let told = |label: &str| amounts().find(|f| f.label == label).map(|f| f.value.as_str());
        // what was looked up for a decision says nothing of what was signed since, or never will be
        let is_to_come = sent.is_none() && !action.is_over();
        let told_now = |label: &str| told(label).filter(|_| is_to_come);
        let now = told_now("fee at most, now").map_or_else(String::new, |fee| {
            let fee = rounded(fee, Round::Up);
            match action.faded.is_some() {
                true => format!(", {fee} {LAST_LOOK}"),
                false => format!(", now {fee}"),
            }
        });
        let when = if action.faded.is_some() { LAST_LOOK } else { "now" };
        // a limit is neither more nor less than it is
        let ceiling = format_ether(tx.fee_ceiling_wei);
        let limit = match (sent, told_now("gas limit, now")) {
            (Some(sent), _) => Some(format!("gas limit {}", grouped(&sent.gas_limit.to_string()))),
            (None, Some(limit)) => Some(format!("gas limit {} {when}", grouped(limit))),
            // an engine before this told what the call used
            (None, None) => told_now("gas, tried out").map(|gas| format!("gas, tried out {}", grouped(gas))),
        };
        let parts: Vec<_> = std::iter::once(format!("at most {ceiling}{now}"))
            .chain(limit)
            .collect();
        out.push(row("fee", Tone::Strong, parts.join(" · ")));
        out.push(row("nonce", Tone::Text, nonce(action, sent)));
    }
    let warnings = action.facts.iter().filter(|f| f.kind == FactKind::Warning);
    out.extend(warnings.map(|f| row("look at", Tone::Warn, format!("{}: {}", f.label, f.value))));
    out
}

/// What every check says, the worst first, one row each; those that pass share one.
pub(crate) fn checks(action: &ActionView) -> Vec<Row> {
    let mut out = Vec::new();
    for mark in [CheckMark::Fail, CheckMark::Unknown, CheckMark::Stale] {
        let these = action.checks_with(mark);
        out.extend(these.map(|c| {
            row(
                mark.word(),
                Tone::Check(mark),
                format!("{}: {}", c.name, c.reason),
            )
        }));
    }
    if let Some(faded) = &action.faded {
        let then = match &action.refreshing {
            Some(refreshing) => refreshing.to_string(),
            None => "approving refreshes them first".to_owned(),
        };
        let text = format!("{}; {then}", faded.why);
        out.push(row("stale", Tone::Check(CheckMark::Stale), text));
    }
    let pass = action.checks_with(CheckMark::Pass).count();
    let tone = Tone::Check(CheckMark::Pass);
    match (pass, out.is_empty()) {
        (0, true) => out.push(row("checks", Tone::Text, "none")),
        (0, false) => {}
        // what was rejected or is void is checked no more: they may have been stale by then
        (n, _) if action.is_over() && !action.was_approved() => {
            out.push(row(
                "pass",
                Tone::Text,
                format!("{}, as last made", counted(n, "check")),
            ));
        }
        (n, _) => out.push(row("pass", tone, counted(n, "check"))),
    }
    out
}

/// Fewest hex digits of a digest that name it: 44 bits, as many as its code has.
pub(crate) const DIGITS: usize = 11;

/// The hex digits that a digest has to begin with, if what was typed are enough to name it.
pub(crate) fn beginning(typed: &str) -> Option<String> {
    let digits = typed.trim().trim_start_matches("0x").to_ascii_lowercase();
    let enough = digits.len() >= DIGITS && digits.chars().all(|c| c.is_ascii_hexdigit());
    enough.then_some(digits)
}

/// Why there is no approval to take back.
pub(crate) const NOTHING_TO_TAKE_BACK: &str = "no approval can be taken back: nothing that was approved waits in an undo window, for stale checks, or for another person";

/// What waits in an undo window, in the order in which it leaves.
pub(crate) fn leaving(snapshot: &Snapshot) -> Vec<&ActionView> {
    let until = |action: &ActionView| action.undo.and_then(|undo| undo.until);
    let open = snapshot.actions.iter().filter(|action| until(action).is_some());
    let mut open: Vec<_> = open.collect();
    open.sort_by_key(|action| until(action));
    open
}

/// What somebody approved while its checks were stale: it acts by itself.
pub(crate) fn refreshing(snapshot: &Snapshot) -> impl Iterator<Item = (&ActionView, &RefreshingView)> {
    let actions = snapshot.actions.iter().filter(|action| action.is_proposed());
    actions.filter_map(|action| Some((action, action.refreshing.as_ref()?)))
}

/// What waits for a person, and what was approved and acts by itself.
pub(crate) fn undecided(snapshot: &Snapshot) -> impl Iterator<Item = &ActionView> {
    let acts = snapshot.actions.iter().filter(|action| action.is_refreshing());
    snapshot.for_a_person().chain(acts)
}

/// What is taken back where nothing is named: the approval that was given last of what waits in an undo window; where nothing
/// does, of what was approved and is held; then of what waits for stale checks; then of what waits for another person. Who
/// takes one back at once means what they just did, and what counts down is gone first.
pub(crate) fn approved_last(snapshot: &Snapshot) -> Option<&ActionView> {
    let decided = |action: &&ActionView| action.decision.as_ref().map(|decision| decision.at);
    let counts_down = leaving(snapshot).into_iter().max_by_key(decided);
    let held = snapshot.actions.iter();
    let held = held.filter(|action| action.undo.is_some() && !action.is_proposed());
    let held = || held.max_by_key(decided);
    let refreshing = refreshing(snapshot).filter(|(action, _)| action.undo.is_some());
    let refreshing = || refreshing.max_by_key(|(_, it)| it.at).map(|(action, _)| action);
    let last = |action: &&ActionView| {
        action
            .people
            .as_ref()?
            .given
            .iter()
            .map(|decision| decision.at)
            .max()
    };
    let halves = snapshot
        .actions
        .iter()
        .filter(|action| action.is_proposed() && action.undo.is_some());
    counts_down
        .or_else(held)
        .or_else(refreshing)
        .or_else(|| halves.max_by_key(last))
}

/// How an approval that can be taken back stands: `leaves in 7 s`.
pub(crate) fn undoable(action: &ActionView, now: UnixMillis) -> Option<String> {
    action.undo?;
    Some(match (&action.refreshing, action.leaves(now)) {
        (Some(refreshing), _) => format!("is {}", refreshing.words()),
        (None, Some(leaves)) => leaves,
        (None, None) => match &action.people {
            Some(people) => format!("is approved, {}", people.words()),
            None => "is approved".to_owned(),
        },
    })
}

/// What is typed before an exit is opened where a rule may let it be published without another question.
pub(crate) fn exit_phrase(pool: PoolId) -> String {
    format!("exit pool {pool}")
}

/// Who has to agree and until when, and what two people compare.
pub(crate) fn ends(action: &ActionView) -> Vec<Row> {
    let mut out = Vec::new();
    if let Some(people) = &action.people {
        out.push(row("people", Tone::Warn, people.words()));
    }
    out.push(row("code", Tone::Code, action.digest.code().to_string()));
    out
}

fn said(fact: &Fact) -> String {
    format!("{} {}", fact.label, fact.value)
}

/// What leaves the oracle's own account for having it done. Desks call these facts so.
fn is_cost(fact: &Fact) -> bool {
    fact.label.starts_with("gas") || fact.label.starts_with("fee ")
}

fn to(payload: &Payload) -> Option<String> {
    Some(match payload {
        Payload::Transaction(tx) => {
            let call = match &tx.call {
                Some(call) => call.function.as_str(),
                None => "a call that could not be decoded",
            };
            let with = match tx.value_wei.is_zero() {
                true => String::new(),
                false => format!(", with {}", format_ether(tx.value_wei)),
            };
            format!("{}, {call}{with}", tx.to)
        }
        Payload::Exit(exit) => format!(
            "the beacon nodes: validator {} leaves, from epoch {} on",
            exit.validator_index, exit.epoch
        ),
        Payload::Ceremony(ceremony) => asked(&ceremony.plan),
    })
}

/// Whom a ceremony asks for what.
fn asked(plan: &CeremonyPlan) -> String {
    let of = |ids: &[OperatorId], threshold: u8| {
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        format!("operators {}: any {threshold} of {}", names.join(", "), ids.len())
    };
    match plan {
        CeremonyPlan::Keygen {
            committee, threshold, ..
        } => format!("{} can sign with the new key", of(committee, *threshold)),
        CeremonyPlan::Reshare { new, threshold, .. } => {
            format!("{} can sign afterwards", of(new, *threshold))
        }
        CeremonyPlan::Sign {
            committee,
            threshold,
            what,
            ..
        } => {
            let what = match what {
                SignPurpose::OwnerNonce { nonce, .. } => format!("the SSV registration, nonce {nonce}"),
                SignPurpose::VoluntaryExit { validator_index, .. } => {
                    format!("the exit of validator {validator_index}")
                }
            };
            format!("{} sign {what}", of(committee, *threshold))
        }
    }
}

/// A transaction gets its nonce when it is signed: until then nobody can say more than whose it is.
fn nonce(action: &ActionView, sent: Option<&TransactionView>) -> String {
    let when = if action.faded.is_some() { LAST_LOOK } else { "now" };
    let own = match (sent, &action.state) {
        (Some(sent), _) => format!("{} of the account", sent.nonce),
        (None, ActionState::Proposed | ActionState::Approved | ActionState::Executing) => {
            action.nonce_now.map_or_else(
                || "the account's next, and a gas limit, when it is signed".to_owned(),
                |next| format!("{next} {when}; it and the gas limit are set when it is signed"),
            )
        }
        (None, ActionState::Rejected) => "none: it was not sent".to_owned(),
        (None, _) => "not known here: its transaction is not in view".to_owned(),
    };
    let others = action
        .facts
        .iter()
        .filter(|f| f.label.ends_with("nonce") && f.kind == FactKind::Text);
    std::iter::once(own)
        .chain(others.map(said))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Hex digits that are shown whole: a key, a signature, a root. Call data is longer.
const LONGEST: usize = 2 + 2 * 128;

/// Bytes that nobody reads, by their number and hash; `how` says what prints them. Whatever is shorter is left as it is.
pub(crate) fn folded(value: &str, how: &str) -> String {
    if value.len() <= LONGEST {
        return value.to_owned();
    }
    match alloy::primitives::hex::decode(value) {
        Ok(bytes) => format!(
            "{} bytes, Keccak-256 {}; {how}",
            bytes.len(),
            alloy::primitives::keccak256(&bytes)
        ),
        Err(_) => value.to_owned(),
    }
}

/// Long hexadecimal values without their middle: the page has them in full.
pub(crate) fn shortened(text: &str) -> String {
    let short = |word: &str| {
        let value = word.trim_end_matches(['.', ',', ';', ':']);
        let is_long = value.starts_with("0x") && value.len() > 30 && value.is_ascii();
        if !is_long {
            return word.to_owned();
        }
        let (head, tail) = (&value[..10], &value[value.len() - 8..]);
        format!("{head}…{tail}{}", &word[value.len()..])
    };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits were cut, so that a fee was said to be less than it is.
    #[test]
    fn exact_amounts_of_an_older_engine_are_rounded_as_all_others_are_and_a_limit_is_exact() {
        let mut action = crate::fixture::action("deposit/3#2".parse().unwrap());
        let fact = |label: &str, value: &str| Fact {
            label: label.to_owned(),
            value: value.into(),
            kind: FactKind::Amount,
        };
        action.facts = vec![
            fact("fee at most, now", "0.004913241234567891 ETH"),
            fact("fees swapped for SSV", "0.1000000000000001 ETH"),
            fact("reserved fees before", "0.3000009999999999 ETH"),
            fact("reserved fees afterwards", "0.0000000000000007 ETH"),
            fact("SSV cluster before", "12.3456789 SSV, at its newest event"),
            fact("SSV cluster afterwards", "1.5 SSV"),
            fact("until its liquidation, at present fees", "42 days"),
        ];
        if let Payload::Transaction(tx) = &mut action.payload {
            tx.fee_ceiling_wei = parse_ether("0.0500000001 ETH").unwrap();
        }
        let rows = effects(&action, None);
        let text = |label: &str| rows.iter().find(|row| row.label == label).unwrap().text.clone();
        assert_eq!(text("fee"), "at most 0.0500000001 ETH, now 0.004914 ETH");
        assert_eq!(
            text("changes"),
            "fees swapped for SSV 0.100001 ETH · reserved fees 0.3 ETH → less than 0.000001 ETH · SSV cluster 12.345678 SSV, \
             at its newest event → 1.5 SSV · SSV runway 42 days"
        );
    }

    #[test]
    fn a_transaction_that_waits_says_nonce_gas_limit_fee_and_ceiling_as_numbers() {
        let mut action = crate::fixture::action("deposit/3#2".parse().unwrap());
        let fact = |label: &str, value: &str| Fact {
            label: label.to_owned(),
            value: value.into(),
            kind: FactKind::Amount,
        };
        action.nonce_now = Some(12);
        action.facts = vec![
            fact("gas, tried out", "1559373"),
            fact("gas limit, now", "1949216"),
            fact("fee at most, now", "0.004914 ETH"),
        ];
        if let Payload::Transaction(tx) = &mut action.payload {
            tx.fee_ceiling_wei = casimir_dkg::types::parse_ether("0.05 ETH").unwrap();
        }
        let text = |action: &ActionView, sent: Option<&TransactionView>, label: &str| {
            let rows = effects(action, sent);
            rows.into_iter().find(|row| row.label == label).unwrap().text
        };
        assert_eq!(
            text(&action, None, "fee"),
            "at most 0.05 ETH, now 0.004914 ETH · gas limit 1,949,216 now"
        );
        assert_eq!(
            text(&action, None, "nonce"),
            "12 now; it and the gas limit are set when it is signed"
        );
        // what is stale is not said to be so now
        let stale = ActionView {
            faded: Some(casimir_dkg::view::FadedView {
                waits_ms: Some(600_000),
                checks: vec!["balance".to_owned()],
                why: "no endpoint answers".into(),
            }),
            ..action.clone()
        };
        for label in ["fee", "nonce"] {
            let said = text(&stale, None, label);
            assert!(
                !said.contains("now") && said.contains("at the last look"),
                "{said}"
            );
        }
        let mut sent = crate::fixture::transaction(action.id);
        (sent.nonce, sent.gas_limit) = (13, 1_950_000);
        assert_eq!(
            text(&action, Some(&sent), "fee"),
            "at most 0.05 ETH · gas limit 1,950,000"
        );
        let rejected = ActionView {
            state: ActionState::Rejected,
            ..action.clone()
        };
        assert_eq!(
            text(&rejected, None, "fee"),
            "at most 0.05 ETH",
            "there is no now any more"
        );
        assert_eq!(text(&action, Some(&sent), "nonce"), "13 of the account");
    }

    #[test]
    fn digits_name_a_digest_no_worse_than_its_code() {
        assert_eq!(beginning("0x0123456789"), None, "40 bits; the code has 44");
        assert_eq!(beginning(" 0x0123456789A "), Some("0123456789a".to_owned()));
        assert_eq!(beginning("0123456789x"), None);
    }

    #[test]
    fn nobody_is_told_of_the_next_nonce_once_the_action_was_decided_or_sent() {
        let said = |state: ActionState| {
            let mut action = crate::fixture::action("deposit/3#2".parse().unwrap());
            action.state = state;
            nonce(&action, None)
        };
        for open in [ActionState::Proposed, ActionState::Approved] {
            assert_eq!(
                said(open),
                "the account's next, and a gas limit, when it is signed"
            );
        }
        let reason = || "it reverted".into();
        for over in [
            ActionState::Done,
            ActionState::Rejected,
            ActionState::Failed { reason: reason() },
            ActionState::Unknown { reason: reason() },
            ActionState::Void { reason: reason() },
        ] {
            let words = said(over);
            assert!(!words.contains("next"), "{words}");
        }
    }

    #[test]
    fn what_changes_is_said_once_with_what_was_before() {
        let fact = |label: &str, value: &str| Fact {
            label: label.to_owned(),
            value: value.into(),
            kind: FactKind::Amount,
        };
        let facts = [
            fact("fees swapped for SSV", "0.1 ETH"),
            fact("SSV receives", "5.12345678901234567 SSV"),
            fact("SSV cluster before", NO_CLUSTER),
            fact("SSV cluster afterwards", "5 SSV"),
            fact(
                "until its liquidation before, at present fees",
                "12 days at its newest event",
            ),
            fact("until its liquidation, at present fees", "250 days"),
        ];
        assert_eq!(
            changes(facts.iter()),
            [
                "fees swapped for SSV 0.1 ETH",
                "SSV receives 5.123456 SSV",
                "SSV cluster none → 5 SSV",
                "SSV runway 12 days at its newest event → 250 days",
            ]
        );
        // nobody told what is after
        assert_eq!(
            changes(facts[2..3].iter()),
            ["SSV cluster before no validator is in it"]
        );
    }

    #[test]
    fn only_bytes_that_nobody_reads_are_folded() {
        let key = format!("0x{}", "8a".repeat(48));
        let words = "a sentence ".repeat(40);
        for whole in [&key, &words] {
            assert_eq!(folded(whole, "--raw prints them"), **whole);
        }
        let data = folded(&format!("0x{}", "00".repeat(2_180)), "--raw prints them");
        assert!(data.starts_with("2180 bytes, Keccak-256 0x"), "{data}");
        assert!(
            data.ends_with("; --raw prints them") && data.len() < 120,
            "{data}"
        );
    }

    #[test]
    fn long_values_keep_both_ends() {
        let key = format!("0x{}", "8a15".repeat(24));
        assert_eq!(
            shortened(&format!("for {key}, now.")),
            "for 0x8a158a15…8a158a15, now."
        );
        assert_eq!(shortened("to 0x12 and back"), "to 0x12 and back");
    }

    #[test]
    fn what_acts_by_itself_is_listed_after_what_waits() {
        let mut snapshot = crate::fixture::unread();
        let waits = crate::fixture::action("deposit/3#2".parse().unwrap());
        let mut acts = crate::fixture::action("deposit/4#2".parse().unwrap());
        acts.refreshing = Some(crate::fixture::refreshing());
        snapshot.actions = vec![acts, waits];
        let ids: Vec<_> = undecided(&snapshot).map(|action| action.id.to_string()).collect();
        assert_eq!(ids, ["deposit/3#2", "deposit/4#2"]);
    }
}
