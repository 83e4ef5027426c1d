//! What holds something up, and why: one table of every reason that the engine knows. The screen, the headless stream,
//! the notices, the metrics and `/readyz` all speak of these and of no others, so that they say the same.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::types::{ActionId, CaseId, OperatorId, SafeText, Severity, UnixMillis};

/// What cannot go on because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stops {
    /// Nothing new can leave this machine.
    Everything,
    /// Every ceremony; what has its key already leaves.
    Ceremonies,
    /// Every transaction; ceremonies run and exits leave.
    Transactions,
    /// Every transaction, and every ceremony that makes a key or moves one; exits leave.
    AllButExits,
    /// Every deposit; reshares and exits go on.
    Deposits,
    /// Every exit; ceremonies and transactions go on.
    Exits,
    /// The case that waits.
    Case,
    /// Nothing: it goes on by itself, or others do its work.
    Nothing,
}

impl Stops {
    /// The word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Ceremonies => "every ceremony",
            Self::Transactions => "every transaction",
            Self::AllButExits => "everything but exits",
            Self::Deposits => "every deposit",
            Self::Exits => "every exit",
            Self::Case => "the case",
            Self::Nothing => "nothing",
        }
    }

    /// Whether it stops all of a kind, whichever case it is: `/readyz` says no.
    #[must_use]
    pub fn is_wide(self) -> bool {
        !matches!(self, Self::Case | Self::Nothing)
    }
}

macro_rules! reasons {
    ($($reason:ident $code:literal $severity:ident after $seconds:literal s stops $stops:ident: $means:literal, $can_do:literal;)*) => {
        /// Why something waits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum WaitReason {
            $(
                #[doc = $means]
                #[serde(rename = $code)]
                $reason,
            )*
        }

        impl WaitReason {
            /// Every reason that the engine knows.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// Stable name in kebab case.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$reason => $code,)* }
            }

            /// How bad it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$reason => Severity::$severity,)* }
            }

            /// Until it has lasted this long it is usual, and nobody is told.
            #[must_use]
            pub const fn usual_for(self) -> Duration {
                Duration::from_secs(match self { $(Self::$reason => $seconds,)* })
            }

            /// What cannot go on because of it.
            #[must_use]
            pub fn stops(self) -> Stops {
                match self { $(Self::$reason => Stops::$stops,)* }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub fn means(self) -> &'static str {
                match self { $(Self::$reason => $means,)* }
            }

            /// What a person can do, in one sentence; empty where there is nothing to do.
            #[must_use]
            pub fn can_do(self) -> &'static str {
                match self { $(Self::$reason => $can_do,)* }
            }
        }
    };
}

reasons! {
    Decision "decision" Warning after 0 s stops Case:
        "An action waits for a person's decision.", "look at it, then approve or reject it";
    ExitDecision "exit-decision" Warning after 0 s stops Case:
        "A signed exit waits for a person's decision.", "look at it, then approve or reject it: an exit cannot be undone";
    SecondPerson "second-person" Warning after 0 s stops Case:
        "An action has the approval of one person, and waits for that of another one.", "have another person look at it, then approve or reject it";
    Policy "policy" Warning after 0 s stops Case:
        "No rule of the policy lets an action pass, so it waits for a person.", "look at it, then approve or reject it; or change the rule";
    CheckFailed "check-failed" Warning after 0 s stops Case:
        "A check of an action fails, so nobody can approve it.", "mend what the check names; the action is looked at again by itself";
    CasePaused "case-paused" Warning after 0 s stops Case:
        "A person paused the case.", "resume it";
    HeldByPause "held-by-pause" Info after 0 s stops Case:
        "An approved action is held by the pause of everything.", "resume";
    Observed "observed" Info after 0 s stops Case:
        "Mode observe decides nothing and lets nothing leave this machine.", "start it in mode supervised; where it was switched to observe, `casimir-dkg mode supervised` does";
    Orphaned "orphaned" Warning after 60 s stops Case:
        "The request of the case left the chain in a reorganisation.", "nothing: it goes on when the request is back";
    Attention "attention" Critical after 0 s stops Case:
        "The case cannot go on by itself: rejected, failed, or refused.", "open its page and choose a way on: retry, another committee, or give it up";
    GivenUp "given-up" Warning after 0 s stops Case:
        "A person gave the case up, and the contract still lists its pool.", "retry it, or leave it so: what stands behind it in the queue waits";
    ListedAgain "listed-again" Critical after 0 s stops Case:
        "A case came to its end, and the contract lists its pool again: what was final left the chain.", "look what became of its transaction, then retry it: another case takes the pool up";
    AttemptFailed "attempt-failed" Warning after 0 s stops Case:
        "The last attempt at a ceremony failed, and another one is prepared.", "look at who is named in the transcript";
    Gathering "gathering" Warning after 120 s stops Case:
        "What a decision needs is being gathered.", "look whether endpoints and operators answer; a retry asks again at once";
    Held "held" Warning after 60 s stops Case:
        "Something else comes first; the sentence says what.", "look at what it names; a retry asks again at once";
    Turn "turn" Info after 3600 s stops Case:
        "The case waits for its turn in the contract's queue.", "look at what stands before it in the queue";
    ServedElsewhere "served-elsewhere" Warning after 1800 s stops Case:
        "A log says that the pool was served by another transaction.", "nothing: it is closed, or taken up again, when that is final";
    LastChecks "last-checks" Warning after 60 s stops Case:
        "An approved action has not left yet: its last checks do not end.", "look whether endpoints answer; the approval expires otherwise";
    UndoWindow "undo-window" Info after 0 s stops Case:
        "A person approved an action, and it leaves at the end of its undo window.", "nothing, or take the approval back before it leaves";
    NoEndpoint "no-endpoint" Critical after 10 s stops Case:
        "What was approved is held, because no execution endpoint answers.", "look at the endpoints: it leaves by itself once one answers; the approval expires otherwise";
    SignerAway "signer-away" Critical after 10 s stops Transactions:
        "The signer elsewhere does not answer, or does not have the oracle's key, so no transaction can be signed.", "look at the signer: what was approved is held and leaves once it answers; the approval expires otherwise";
    Refreshing "refreshing" Warning after 60 s stops Case:
        "A person approved an action whose checks were stale, and they are made again first.", "look whether endpoints and operators answer, or take the approval back";
    Epoch "epoch" Info after 0 s stops Nothing:
        "An approved exit waits for the epoch from which on it is allowed.", "";
    Ceremony "ceremony" Warning after 1800 s stops Nothing:
        "A ceremony runs.", "look at which operators are behind";
    CeremonyUnknown "ceremony-unknown" Critical after 0 s stops Case:
        "The outcome of a ceremony is not known and is looked for.", "wait until it is found out, or declare the ceremony lost";
    Registration "registration" Warning after 1800 s stops Nothing:
        "The operators sign the SSV registration.", "look at which operators are behind";
    TransactionUnknown "transaction-unknown" Critical after 60 s stops Case:
        "A transaction may have been sent, and no endpoint that answers has it.", "look whether the execution endpoints answer";
    TransactionUnsent "transaction-unsent" Warning after 60 s stops Case:
        "A signed transaction is not taken by any node.", "look at what the nodes say, and at the balance";
    TransactionPending "transaction-pending" Warning after 900 s stops Nothing:
        "A transaction is pending.", "nothing: it is replaced with a higher fee up to its ceiling";
    Finality "finality" Warning after 3600 s stops Nothing:
        "A transaction is in a block that is not final.", "";
    Reverted "transaction-reverted" Critical after 0 s stops Case:
        "A transaction reverted.", "look at why; the case says how it goes on when that is final";
    NonceUsed "nonce-used" Critical after 0 s stops Case:
        "Another transaction of the oracle account took the nonce of ours.", "find out who else holds the key, then resume";
    ExitUnseen "exit-unseen" Warning after 1800 s stops Nothing:
        "A published exit is not in a block.", "nothing: it is offered again";
    ExitRefused "exit-refused" Warning after 0 s stops Case:
        "Every beacon node that answered refuses an exit.", "look at what they say";
    ExitUndelivered "exit-undelivered" Warning after 60 s stops Case:
        "No beacon node in sync takes an exit.", "look whether the beacon nodes answer and are in sync";
    Following "following" Info after 604800 s stops Nothing:
        "The validator is followed on the beacon chain.", "";
    Paused "paused" Warning after 0 s stops Everything:
        "A person paused everything.", "resume";
    ForeignTransaction "foreign-transaction" Critical after 0 s stops Everything:
        "Somebody else used the oracle account; everything is paused until a person has looked.", "find out who holds the key, then resume";
    Observing "observing" Info after 0 s stops Everything:
        "The program runs in mode observe.", "start it in mode supervised; where it was switched to observe, `casimir-dkg mode supervised` does";
    ModeSwitched "mode-switched" Warning after 0 s stops Nothing:
        "A person switched to a more careful mode than the program was started with; that lasts over restarts.", "switch back with `casimir-dkg mode`, or start it in the mode that is meant";
    JournalUnwritable "journal-unwritable" Critical after 0 s stops Everything:
        "The journal cannot be written, so nothing leaves this machine.", "make room on the disk, mend its permissions, or put its file back, as its words say";
    JournalVerifying "journal-verifying" Warning after 60 s stops Everything:
        "The journal is verified behind the start.", "";
    ContractUnread "contract-unread" Critical after 0 s stops Everything:
        "The contract could not be asked yet.", "look whether the execution endpoints answer";
    OperatorsUnread "operators-unread" Critical after 0 s stops Everything:
        "The operators' keys could not be asked yet.", "look whether the SSV API answers, or configure the keys";
    CatchingUp "catching-up" Warning after 120 s stops Everything:
        "Not every event up to the head was read.", "nothing: it goes on by itself";
    ChainStale "chain-stale" Critical after 10 s stops Everything:
        "No new block has come for longer than expected.", "look whether the execution endpoints are in sync";
    ChainDown "chain-down" Critical after 10 s stops Everything:
        "No execution endpoint answers.", "look whether the execution endpoints answer";
    EventsUntold "events-untold" Warning after 10 s stops Everything:
        "The events of the chain cannot be read.", "look at what the execution endpoints say";
    FactsUnread "facts-unread" Warning after 10 s stops Everything:
        "The contract's state cannot be read.", "look at what the execution endpoints say";
    LogsDoubted "logs-doubted" Warning after 0 s stops Nothing:
        "An endpoint left out logs, or what it says cannot be compared.", "look at which endpoint it is";
    StateDoubted "state-doubted" Warning after 0 s stops Nothing:
        "The endpoints contradict each other about the contract, its state or registrations at SSV.", "look at which endpoint it is: what most say is believed, else what was known stays";
    OneVoice "one-voice" Warning after 10 s stops Nothing:
        "Several execution endpoints or beacon nodes are configured, and only one tells the contract, the account, SSV or a validator.", "look at those that are silent";
    ReceiptDoubted "receipt-doubted" Warning after 20 s stops Nothing:
        "The endpoints contradict each other about a receipt.", "look at which endpoint it is";
    HeadDoubted "head-doubted" Warning after 0 s stops Nothing:
        "An endpoint claims blocks that no other has, or stands still.", "look at which endpoint it is";
    ClockDiffers "clock-differs" Warning after 0 s stops Nothing:
        "This machine's clock and the chain's time differ.", "set the clock, or look at which endpoint lies";
    SsvUnsuited "ssv-unsuited" Critical after 0 s stops Deposits:
        "SSV takes no registration of the kind that the manager makes.", "look at which version of SSV the manager uses";
    VersionLacks "version-lacks" Warning after 0 s stops Nothing:
        "Not everything that this version of the contract asks for is done by this program.", "serve such requests in another way";
    NameTaken "name-taken" Warning after 0 s stops Nothing:
        "Somebody else has the name by which the oracles of this machine find each other.", "end that process, and start the oracle again";
    RulesSuspended "rules-suspended" Critical after 0 s stops Nothing:
        "A file of the rules was changed or is gone, so no rule decides and people are asked.", "reload (SIGHUP) if the change is meant, else put the file back as it was";
    FromBlockUnset "from-block-unset" Warning after 0 s stops Nothing:
        "Events are read from block 0 of a public chain.", "set contract.from_block to the block of the deployment";
    AccountUnadopted "account-unadopted" Critical after 0 s stops Everything:
        "The oracle account has a past that this journal does not know.", "restore the journal, or adopt the account";
    TranscriptUnwritten "transcript-unwritten" Warning after 0 s stops Nothing:
        "The transcript of a ceremony could not be written.", "make room on the disk, or mend its permissions, before you stop it";
    PartDied "part-died" Critical after 0 s stops Case:
        "A part of this program died; its case was told so.", "report it with the log";
    Fatal "fatal" Critical after 0 s stops Everything:
        "The program ends because a part that it needs died.", "report it with the log, and start it again";
    JournalAhead "journal-ahead" Critical after 0 s stops Everything:
        "The journal has read further than the chain is.", "compare the endpoints; if they are right, restore the journal from a backup";
    EndpointDown "endpoint-down" Warning after 10 s stops Nothing:
        "An endpoint does not answer, or is not believed, while others of its kind are.", "look at it";
    ExecutionAway "execution-away" Critical after 10 s stops Everything:
        "No execution endpoint answers, or is believed.", "look at them, or configure others";
    ExecutionSyncing "execution-syncing" Critical after 10 s stops Everything:
        "Every execution endpoint that answers says that it is still syncing, so what is read may be old.", "wait until one is in sync, or configure one that is";
    RelayAway "messenger-away" Critical after 10 s stops Ceremonies:
        "The messenger between the operators does not answer, so no ceremony can run.", "start the messenger, or configure another";
    BeaconAway "beacon-away" Critical after 10 s stops Exits:
        "No beacon node answers, so no rule can be sure of a deposit and no exit is published.", "look at them, or configure others";
    OperatorDown "operator-down" Warning after 10 s stops Nothing:
        "Nobody listens at an operator's address.", "ask the operator";
    OperatorNotKnown "operator-not-known" Warning after 10 s stops Nothing:
        "An operator's node gives no usable answer, which may be its fault, the network's or ours.", "look at the reason first: a name that is not found, a certificate, a route; then ask the operator";
    OperatorsShort "operators-short" Critical after 10 s stops Ceremonies:
        "Fewer operators answer than the smallest committee has.", "ask the operators, or configure others";
    ForeignCeremony "foreign-ceremony" Warning after 0 s stops Nothing:
        "Somebody else had operators take part in a ceremony at our messenger.", "ask the operators who asked them, and whether it was about our validators or for our owner";
    NotAuthorised "not-authorised" Critical after 0 s stops AllButExits:
        "The contract does not accept the oracle's account.", "have the manager accept the account, or configure the right key";
    BalanceLow "balance-low" Warning after 0 s stops Nothing:
        "The oracle account will soon not pay for deposits.", "send ether to the oracle account";
    BalanceOut "balance-out" Critical after 0 s stops Transactions:
        "The oracle account cannot pay for one more deposit.", "send ether to the oracle account";
    Alarm "alarm" Warning after 0 s stops Nothing:
        "Something that a person should know of; the sentence says what.", "look at the log";
}

impl WaitReason {
    /// An action waits for a person, whether it can be approved at this moment or not.
    #[must_use]
    pub fn is_for_a_person(self) -> bool {
        matches!(
            self,
            Self::Decision | Self::ExitDecision | Self::SecondPerson | Self::Policy | Self::CheckFailed
        )
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// Something that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub reason: WaitReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// An endpoint, by its name without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SafeText>,
    /// Which alarm it is, where it is one: several may have one reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<SafeText>,
    /// Why, in one sentence.
    pub sentence: SafeText,
    /// What is known of it beyond the sentence, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<SafeText>,
    /// Since when it waits for this reason.
    pub since: UnixMillis,
    /// Until when it has to be over, or is over by itself, where there is such a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<UnixMillis>,
}

impl Wait {
    /// Of everything, for a reason that began at a time that is not known yet.
    #[must_use]
    pub fn new(reason: WaitReason, sentence: impl Into<SafeText>) -> Self {
        Self {
            reason,
            case: None,
            action: None,
            operator: None,
            endpoint: None,
            alarm: None,
            sentence: sentence.into(),
            details: Vec::new(),
            since: UnixMillis::default(),
            due: None,
        }
    }

    /// Orders what waits: what stops everything is worse than what does not, and then by severity.
    #[must_use]
    pub fn urgency(&self) -> (bool, Severity) {
        (self.reason.stops().is_wide(), self.reason.severity())
    }

    /// Until when it has to be over. An undo window ends by itself, and nothing is late then.
    #[must_use]
    pub fn deadline(&self) -> Option<UnixMillis> {
        self.due.filter(|_| self.reason != WaitReason::UndoWindow)
    }

    /// The same for as long as the same thing waits for the same reason, and different for everything else.
    #[must_use]
    pub fn matter(&self) -> String {
        let alarm = self.alarm.as_ref().map(|alarm| format!(" {alarm}"));
        format!("{} {}{}", self.reason, self.subject(), alarm.unwrap_or_default())
    }

    /// What waits, for tables: an action, a case, an operator, an endpoint, or everything (`-`).
    #[must_use]
    pub fn subject(&self) -> String {
        if let Some(action) = self.action {
            return action.to_string();
        }
        if let Some(case) = self.case {
            return case.to_string();
        }
        if let Some(operator) = self.operator {
            return format!("operator {operator}");
        }
        self.endpoint
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_is_serialised_by_it() {
        let codes: BTreeSet<_> = WaitReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), WaitReason::ALL.len());
        for reason in WaitReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
            assert!(reason.means().ends_with('.'), "{reason}");
        }
    }

    #[test]
    fn what_stops_something_says_what_a_person_can_do() {
        for reason in WaitReason::ALL {
            let critical = reason.severity() == Severity::Critical;
            assert!(!critical || !reason.can_do().is_empty(), "{reason}");
        }
    }
}
