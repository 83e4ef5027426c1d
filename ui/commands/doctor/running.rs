//! The oracle that runs here, if one does: what holds it up, in its own words. And whether this journal may go on with the
//! account.

use alloy::primitives::Address;
use casimir_dkg::config::{Config, SeatConfig};
use casimir_dkg::engine::service::{self, Holder};
use casimir_dkg::engine::{self};
use casimir_dkg::journal::Entry;
use casimir_dkg::ports::Unknown;
use casimir_dkg::types::{SafeText, Severity, UnixMillis, counted, in_words};
use casimir_dkg::view::Wait;

use super::chain::Chain;
use super::{Finding, Report};
use crate::seat::{self, Found};

const WHAT: &str = "oracle";
const PAST: &str = "account's past";

/// Who runs here for this account, and everything that waits there.
pub(crate) async fn examine(config: &Config, account: Option<Address>, report: &mut Report) {
    let Some(why) = sit_down(&config.seat(), report).await else {
        if let Some(obstacle) = seat::obstacle(&config.seat()) {
            let hint = "those of the group are told that nobody listens there, until then";
            report.add(Finding::warn("attach.group", obstacle.to_string(), hint));
        }
        return;
    };
    // whoever holds the account may listen elsewhere, or let this user not in
    let holder = match account {
        Some(account) => service::holder(config, account).await,
        None => None,
    };
    match holder {
        Some(Holder::Stranger(words)) => report.add(Finding::warn(WHAT, words.to_string(), "")),
        Some(Holder::Oracle(by)) => report.add(Finding::warn(
            WHAT,
            format!("one runs here for this account ({by}), and lets nobody sit down where this configuration looks{why}"),
            "a second one is refused; look with its own user and its own attach.socket, or stop it",
        )),
        None if why.is_empty() => report.add(Finding::ok(WHAT, "none runs here for this account")),
        None => report.add(Finding::warn(
            WHAT,
            format!("whether one runs here is not known{why}"),
            "look with the user that runs it, or with a program of its version",
        )),
    }
}

/// What holds up the oracle that listens here, in its own words. With what kept from looking where none does.
pub(super) async fn sit_down(config: &SeatConfig, report: &mut Report) -> Option<String> {
    let attached = match seat::find(&seat::places(config)).await {
        Ok(Found::Engine(attached)) => attached,
        Ok(Found::Nobody(unseen)) => return Some(unseen),
        Err(error) => return Some(format!("; its socket: {error}")),
    };
    let seated = &attached.seated;
    report.add(Finding::ok(
        WHAT,
        format!(
            "runs here: process {} of {}, since {}",
            seated.process,
            seated.run_by,
            seated.since.to_utc()
        ),
    ));
    let snapshot = attached.handle.snapshots.borrow().clone();
    if snapshot.waits.is_empty() {
        report.add(Finding::ok("waits", "nothing"));
    }
    for wait in &snapshot.waits {
        report.add(of(wait, UnixMillis::now()));
    }
    None
}

fn of(wait: &Wait, now: UnixMillis) -> Finding {
    let subject = match wait.subject() {
        all if all == "-" => String::new(),
        one => format!("{one}: "),
    };
    let what = format!("waits: {}", wait.reason);
    let found = format!(
        "{subject}{} (for {} now)",
        wait.sentence,
        in_words(now.since(wait.since))
    );
    let way_on = match wait.reason.can_do() {
        "" => "it goes on by itself",
        words => words,
    };
    match wait.reason.severity() {
        Severity::Info => Finding::ok(&what, found),
        Severity::Warning => Finding::warn(&what, found, way_on),
        Severity::Critical => Finding::fail(&what, found, way_on),
    }
}

/// An account with a past that this journal does not know lets nothing leave until a person adopts it.
pub(crate) async fn adoption(
    account: Option<Address>,
    chain: Option<&Chain>,
    journal: &[Entry],
    report: &mut Report,
) {
    const WHAT: &str = PAST;
    let (Some(account), Some(chain)) = (account, chain) else {
        return;
    };
    let sent = match chain.sent_by(account).await {
        Ok(sent) => sent,
        Err(error) => {
            let hint = "nobody tells: run it again when the endpoints answer";
            return report.add(Finding::warn(WHAT, error.to_string(), hint));
        }
    };
    let transactions = counted(usize::try_from(sent).unwrap_or(usize::MAX), "transaction");
    let records = journal
        .iter()
        .map(|entry| (entry.kind.as_str(), entry.body.as_str()));
    let others = engine::identity(journal).accounts;
    let is_known = engine::knows_account(records, account);
    let other = others
        .iter()
        .find(|other| **other != account)
        .filter(|_| !is_known);
    if let Some(other) = other {
        return report.add(Finding::warn(
            WHAT,
            format!("the journal was written for account {other}, and {account} is configured: nothing leaves before a person has adopted it"),
            &format!(
                "configure that account again, or a journal of its own (state.dir, journal.path); where it takes the other's \
                 place for good, adopt it while the oracle runs: key T in the console, or `casimir-dkg adopt {account}`"
            ),
        ));
    }
    let unknown = engine::unexplained(journal, account, sent);
    if let Some(unknown) = unknown.as_ref().filter(|_| is_known) {
        let told = chain.what_was_sent(account, unknown).await;
        return report.add(strange(account, &transactions, unknown, told));
    }
    if sent == 0 || is_known {
        let found = format!("{transactions} sent, and the journal takes the account for its own");
        report.add(Finding::ok(WHAT, found));
        return;
    }
    report.add(Finding::warn(
        WHAT,
        format!("{account} has sent {transactions} of which this journal knows nothing: nothing leaves before a person has adopted it"),
        &format!(
            "if an oracle works for it elsewhere, or its journal is kept elsewhere, use that one (state.dir, journal.path); \
             else adopt it while the oracle runs: key T in the console, or `casimir-dkg adopt {account}`"
        ),
    ));
}

/// Nonces that are used, and that this journal does not know: the start takes them for another one's.
fn strange(
    account: Address,
    transactions: &str,
    unknown: &engine::Gap,
    told: Result<Vec<SafeText>, Unknown>,
) -> Finding {
    let engine::Gap { nonces, lost, .. } = unknown;
    let by_logs = told.map_or_else(
        |why| format!("what the contract's logs say of it is not known: {why}"),
        |lines| lines.iter().map(SafeText::as_str).collect::<Vec<_>>().join("; "),
    );
    let (one, theirs) = match nonces.first == nonces.last {
        true => ("is", "its transaction"),
        false => ("are", "their transactions"),
    };
    let own = match lost {
        Some(words) => format!("it may be one of the lost records' own ({words})"),
        None => {
            "where the journal lost records, or was put back from an older copy, it may be one of its own"
                .to_owned()
        }
    };
    Finding::warn(
        PAST,
        format!(
            "{transactions} sent, and {nonces} {one} not in this journal: the oracle pauses everything at its start. By the contract's logs: {by_logs}"
        ),
        &format!(
            "look at {theirs}; what no log explains a block explorer finds by account {account} and nonce: {own}. Then resume (key P in the console, or \
             `casimir-dkg resume --read`); else find out who holds the key first. Where the oracle runs, and sends just now, run this again"
        ),
    )
}

#[cfg(test)]
mod tests {
    use casimir_dkg::engine::Unexplained;
    use casimir_dkg::view::WaitReason;

    use super::super::finding::Grade;
    use super::*;

    #[test]
    fn a_nonce_that_a_restored_journal_lacks_is_told_before_the_start_accuses_anybody() {
        let unknown = engine::Gap {
            nonces: Unexplained { first: 2, last: 2 },
            ranges: vec![(2, 2)],
            lost: Some(SafeText::new(
                "records 9 to 20 were declared lost by ada: the disk died",
            )),
        };
        let account = Address::repeat_byte(7);
        let unasked = strange(
            account,
            "3 transactions",
            &unknown,
            Err(Unknown::because("timed out")),
        );
        assert!(
            unasked.found.as_str().ends_with("is not known: timed out"),
            "{}",
            unasked.found
        );
        let told = strange(
            account,
            "3 transactions",
            &unknown,
            Ok(vec!["nonce 2: a line".into()]),
        );
        assert!(
            told.found
                .as_str()
                .ends_with("By the contract's logs: nonce 2: a line"),
            "{}",
            told.found
        );
        assert_eq!(told.grade, Grade::Warn);
        assert!(
            told.found
                .as_str()
                .contains("3 transactions sent, and nonce 2 is not in this journal"),
            "{}",
            told.found
        );
        let hint = told.hint.unwrap();
        for words in ["records 9 to 20", "0x0707"] {
            assert!(hint.as_str().contains(words), "{words}: {hint}");
        }
    }

    #[test]
    fn every_reason_to_wait_has_its_line_and_the_way_on() {
        for reason in WaitReason::ALL {
            let wait = Wait {
                since: UnixMillis(1_000),
                ..Wait::new(*reason, "it is so")
            };
            let finding = of(&wait, UnixMillis(61_000));
            assert_eq!(finding.what.as_str(), format!("waits: {reason}"));
            assert!(
                finding.found.as_str().starts_with("it is so (for "),
                "{}",
                finding.found
            );
            assert!(finding.grade == Grade::Ok || finding.hint.is_some(), "{reason}");
        }
    }
}
