//! Actions: what waits for a decision, with everything that a person needs for it, and what was decided.

use std::fmt;
use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};

use super::{Can, CheckMark, FadedView, PeopleView};
use crate::types::{
    ActionId, BackendName, BlsPublicKey, BlsSignature, CeremonyPlan, Check, Nth, OperatorId, Parties,
    PersonKey, Root, SafeText, UnixMillis, grouped, in_words, listed, payload_digest, refreshing,
};

/// What an action does to the world outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Operators run a DKG protocol.
    Ceremony,
    /// A transaction is sent.
    Transaction,
    /// A message is broadcast to the beacon nodes.
    Broadcast,
}

/// How much is at stake, and so how it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Can be repeated.
    Routine,
    /// Spends or commits money.
    Money,
    /// Cannot be undone by anybody.
    Irreversible,
}

impl Risk {
    /// The word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::Money => "money",
            Self::Irreversible => "irreversible",
        }
    }
}

/// How a fact's value is drawn and copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactKind {
    /// Words.
    Text,
    /// An address, in full.
    Address,
    /// A key, hash or root, in full.
    Hex,
    /// An amount with its unit.
    Amount,
    /// Something that the reader should stop at.
    Warning,
}

/// A labelled value that the approver needs, in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub label: String,
    /// Never shortened: whoever approves compares it.
    pub value: SafeText,
    /// How to draw it.
    pub kind: FactKind,
}

/// One decoded argument of a contract call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallArgument {
    pub name: String,
    pub solidity_type: String,
    /// The value in full.
    pub value: SafeText,
}

/// A decoded contract call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    pub function: String,
    /// Arguments in order.
    pub arguments: Vec<CallArgument>,
}

/// A ceremony to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyPayload {
    /// What is run.
    pub plan: CeremonyPlan,
    /// By which DKG backend; RockX where it is not said.
    #[serde(default, skip_serializing_if = "BackendName::is_default")]
    pub backend: BackendName,
    /// With whom, and for which contract. Proposals of earlier versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parties: Option<Parties>,
}

/// A transaction to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionPayload {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Sender: the oracle address.
    pub from: Address,
    /// The contract that is called.
    pub to: Address,
    /// Wei sent along.
    pub value_wei: U256,
    /// Selector and ABI-encoded arguments.
    pub data: Bytes,
    /// The most that this transaction may cost in fees, wei.
    pub fee_ceiling_wei: U256,
    /// The call in words, where it could be decoded.
    pub call: Option<CallView>,
}

/// A signed voluntary exit to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitPayload {
    pub validator: BlsPublicKey,
    /// Index on the beacon chain.
    pub validator_index: u64,
    /// First epoch at which it may be included.
    pub epoch: u64,
    /// The 32 bytes that were signed.
    pub signing_root: Root,
    /// Valid under the validator key for `signing_root`.
    pub signature: BlsSignature,
}

/// The exact thing that would leave this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Payload {
    /// Start messages to the operators.
    Ceremony(CeremonyPayload),
    Transaction(TransactionPayload),
    Exit(ExitPayload),
}

/// Where an action stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ActionState {
    /// Waits for a decision.
    Proposed,
    /// Approved; the last checks before it leaves are running, or it waits for a pause to end.
    Approved,
    /// Under way: signed, sent, or running.
    Executing,
    /// The effect is a fact.
    Done,
    /// A decider said no.
    Rejected,
    /// It was tried and did not work.
    Failed { reason: SafeText },
    /// What it was for is gone or has changed; it cannot be decided any more.
    Void { reason: SafeText },
    /// It may or may not have taken effect; being found out.
    Unknown {
        /// What is not known, and why.
        reason: SafeText,
    },
}

impl ActionState {
    /// A word for tables.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proposed => "waiting",
            Self::Approved => "approved",
            Self::Executing => "executing",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Failed { .. } => "failed",
            Self::Void { .. } => "void",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// No longer moves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Done | Self::Rejected | Self::Failed { .. } | Self::Void { .. }
        )
    }
}

/// Who made a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum Decider {
    Person {
        /// The identity of the seat.
        name: SafeText,
    },
    /// A rule of the policy.
    Rule { name: SafeText },
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { name } => write!(f, "{name}"),
            Self::Rule { name } => write!(f, "rule {name}"),
        }
    }
}

/// Approve or reject; a rejection says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "verdict")]
pub enum Verdict {
    /// Let it pass.
    Approve,
    /// Stop it.
    Reject {
        /// Why, in the decider's words.
        reason: SafeText,
    },
}

/// A decision on an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub verdict: Verdict,
    pub decider: Decider,
    pub at: UnixMillis,
    /// The digest of what was decided on.
    pub digest: Root,
    /// Which of how many it is, where it takes more than one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<Nth>,
    /// The person's own key, where that signed it elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PersonKey>,
    /// The unknown checks that it lets pass, where that is written down: of the last of several, those that all of them do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lets_pass: Option<Vec<String>>,
}

/// An approval that can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoView {
    /// It leaves then unless somebody takes the approval back. `None`: something else holds it, so there is no such time.
    pub until: Option<UnixMillis>,
}

impl UndoView {
    /// Whole seconds until it leaves, rounded up.
    #[must_use]
    pub fn seconds_left(&self, now: UnixMillis) -> Option<u128> {
        self.until
            .map(|until| until.since(now).as_millis().div_ceil(1_000))
    }
}

/// Somebody approved what is stale: that counts, by itself, once the checks were made again and none is worse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshingView {
    /// Whose approvals wait for it.
    pub by: SafeText,
    /// When the last of them was given.
    pub at: UnixMillis,
    /// They count no more then.
    pub until: UnixMillis,
    /// Nobody else has to approve.
    pub is_enough: bool,
    /// What they wait for, in words; none while nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<SafeText>,
}

impl fmt::Display for RefreshingView {
    /// `approved by ada, refreshing its checks`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&refreshing(&self.by, None))
    }
}

impl RefreshingView {
    /// With what it waits for: `approved by ada, refreshing its checks (no endpoint answers)`.
    #[must_use]
    pub fn with_why(&self) -> String {
        refreshing(&self.by, self.why.as_ref())
    }

    /// When it ends unless it counts by then: `at 2026-07-02 12:10:00 UTC, in 8 min`.
    #[must_use]
    pub fn lapses(&self, now: UnixMillis) -> String {
        let left = Duration::from_secs(self.until.since(now).as_secs());
        format!("at {}, in {}", self.until.to_utc(), in_words(left))
    }

    /// What follows from it, and until when.
    #[must_use]
    pub fn words(&self) -> String {
        let then = match self.is_enough {
            true => "it counts by itself once they are made again and none is worse",
            false => "it counts once they are made again and none is worse, and takes another person",
        };
        let so = self.with_why();
        format!("{so}: {then}; it lapses at {}", self.until.to_utc())
    }
}

/// A size that a committee can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitteeSize {
    /// Size of the committee, n.
    pub operators: usize,
    /// Any so many of them can sign.
    pub threshold: u8,
}

/// The committee of a waiting ceremony, which a person may choose anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitteeView {
    /// As proposed, ascending.
    pub proposed: Vec<OperatorId>,
    /// Who holds a share of the key now, ascending; empty for a new key.
    pub holders: Vec<OperatorId>,
    /// Sizes that it can have, ascending.
    pub sizes: Vec<CommitteeSize>,
    /// What has become of it since it was proposed; none while nobody of it is down or proven
    /// to break the protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worse: Option<WorseView>,
}

/// A committee with a member that is down, or was proven to break the protocol, not one that ranks worse by a hair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorseView {
    /// Ascending.
    pub down: Vec<OperatorId>,
    /// Proven since the action was proposed, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proven: Vec<OperatorId>,
    /// The same without them, with the best of the others that are up, ascending; none where too few are.
    pub instead: Option<Vec<OperatorId>>,
}

impl WorseView {
    /// A few words for tables: `3 proven to break the protocol`.
    #[must_use]
    pub fn brief(&self) -> String {
        let list = |ids: &[OperatorId]| listed(ids, "and");
        let parts = [
            ("is down", &self.down),
            ("is proven to break the protocol", &self.proven),
        ];
        let parts = parts.into_iter().filter(|(_, ids)| !ids.is_empty());
        let parts: Vec<_> = parts
            .map(|(words, ids)| match ids.len() {
                1 => format!("operator {} {words}", list(ids)),
                _ => format!("operators {} {}", list(ids), words.replacen("is", "are", 1)),
            })
            .collect();
        parts.join(", ")
    }

    /// Whether nobody is unwell in it who was not before.
    fn is_told_by(&self, before: Option<&Self>) -> bool {
        let told = |ids: &[OperatorId], of: fn(&Self) -> &[OperatorId]| {
            ids.iter()
                .all(|id| before.is_some_and(|before| of(before).contains(id)))
        };
        told(&self.down, |it| &it.down) && told(&self.proven, |it| &it.proven)
    }
}

impl fmt::Display for WorseView {
    /// `of this committee is down: 2; proven to break the protocol since it was proposed: 6`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[OperatorId]| {
            let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
            names.join(", ")
        };
        let what = [
            ("is down", &self.down),
            (
                "was proven to break the protocol since it was proposed",
                &self.proven,
            ),
        ];
        let what = what.into_iter().filter(|(_, ids)| !ids.is_empty());
        let what: Vec<_> = what
            .map(|(words, ids)| format!("{words}: {}", list(ids)))
            .collect();
        write!(f, "of this committee {}", what.join("; "))
    }
}

impl CommitteeView {
    /// How many of a committee of `operators` can sign; `None` where a committee cannot have that size.
    #[must_use]
    pub fn threshold(&self, operators: usize) -> Option<u8> {
        let fits = self.sizes.iter().find(|size| size.operators == operators);
        fits.map(|size| size.threshold)
    }

    /// The sizes in words: `4, 7, 10 or 13`.
    #[must_use]
    pub fn sizes_in_words(&self) -> String {
        if self.sizes.is_empty() {
            return "no".to_owned();
        }
        listed(self.sizes.iter().map(|size| size.operators), "or")
    }
}

/// What the rules of the policy would do with an action that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "would")]
pub enum ByRules {
    Approve {
        rule: SafeText,
    },
    /// It would wait for a person.
    Wait {
        why: SafeText,
    },
}

impl fmt::Display for ByRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approve { rule } => write!(f, "rule {rule} would approve it at once"),
            Self::Wait { why } => write!(f, "it would wait for a person: {why}"),
        }
    }
}

/// Something else would leave than was proposed at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnewView {
    /// When that last changed.
    pub at: UnixMillis,
    /// The digest until then: no approval of it counts.
    pub was: Root,
}

impl fmt::Display for AnewView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "other bytes would be sent; the code was {}", self.was.code())
    }
}

/// Something that speaks against approving an action as it is. A page that has a key to name says some of them in its own
/// words, and has to say them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalWarning<'a> {
    /// Of its committee somebody is down, or was proven to break the protocol.
    Committee(&'a WorseView),
    /// An approval ended without counting.
    Ended(&'a SafeText),
    /// Other bytes would be sent than at first.
    Anew(&'a AnewView),
    /// What an approval comes to beside those that wait.
    Beside(String),
    /// Who approved it before did not let pass what is unknown by now: what is approved is held until it is known.
    Held(String),
}

impl fmt::Display for ApprovalWarning<'_> {
    /// A sentence without its full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Committee(worse) => match &worse.instead {
                Some(instead) => format!("{worse}; {} could take its place", listed(instead, "and")),
                None => format!("{worse}; too few others are up to take its place"),
            },
            Self::Ended(words) => words.to_string(),
            Self::Anew(anew) => format!("proposed anew at {}: {anew}", anew.at.to_utc()),
            Self::Beside(words) | Self::Held(words) => words.clone(),
        };
        let mut letters = words.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first
            .into_iter()
            .chain(letters)
            .try_for_each(|letter| write!(f, "{letter}"))
    }
}

/// One action, with its present state and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionView {
    pub id: ActionId,
    /// What it is called, in kebab case: `keygen`, `send-deposit`, …; rules of the policy name it so.
    pub kind: String,
    /// What it does to the world outside.
    pub family: Family,
    /// What is at stake.
    pub risk: Risk,
    /// One plain sentence.
    pub title: SafeText,
    /// Values in full.
    pub facts: Vec<Fact>,
    /// Named preconditions.
    pub checks: Vec<Check>,
    /// What would leave this machine.
    pub payload: Payload,
    /// Digest of what would leave; an approval must name it.
    pub digest: Root,
    /// When facts, reasons or title were last replaced under this same digest.
    pub refreshed_at: Option<UnixMillis>,
    /// When its checks were last made by the engine that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<UnixMillis>,
    /// The newest block that the engine knew then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_block: Option<u64>,
    /// The nonce that its transaction would get if it were signed now; none for whatever is no transaction that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_now: Option<u64>,
    /// What of its checks is stale by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faded: Option<FadedView>,
    /// When it was proposed.
    pub proposed_at: UnixMillis,
    /// Since when it stands so: since it was decided last, or else since it was proposed. Lists go by it.
    #[serde(default)]
    pub since: UnixMillis,
    /// Where what would leave has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<AnewView>,
    #[serde(flatten)]
    pub state: ActionState,
    /// The decision, once made.
    pub decision: Option<Decision>,
    /// Whether it can be approved now.
    pub can_approve: Can,
    /// Whether it can be rejected now.
    pub can_reject: Can,
    /// What an approval must type; only what cannot be undone asks for it.
    pub phrase: Option<String>,
    /// The committee, where a person may choose another one now.
    pub committee: Option<CommitteeView>,
    /// Where its approval can be taken back: nothing of it has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoView>,
    /// Who approved it while its checks were stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshing: Option<RefreshingView>,
    /// Why approvals ended without counting, and when: of each person the last one. Not kept over a start of the engine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals_ended: Vec<SafeText>,
    /// Where it takes more than one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<PeopleView>,
    /// For so long an approval of it counts, while it waits: what has not left then is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_good_for_ms: Option<u64>,
    /// What the policy's rules would do with it in mode auto, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_rules: Option<ByRules>,
}

impl ActionView {
    /// It waits for a decision. What was approved and is being refreshed does not: it acts by itself.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.is_proposed() && !self.is_refreshing()
    }

    /// An approval of it can be given. One that waits for no more than what is not known takes another one of what is shown
    /// now.
    #[must_use]
    pub fn takes_approval(&self) -> bool {
        self.waits() || self.is_refreshing() && self.can_approve.is_yes()
    }

    /// Whether somebody whose approval of it waits for stale checks can approve what is shown now in its place: nothing is stale
    /// any more, and they have given none that counts.
    #[must_use]
    pub fn takes_anew(&self, you: &str) -> bool {
        let is_you = |by: &Decider| matches!(by, Decider::Person { name } if name.as_str() == you);
        let people = self.people.as_ref().filter(|_| self.faded.is_none());
        people.is_some_and(|people| {
            people.refreshing.iter().any(is_you) && !people.given.iter().any(|given| is_you(&given.decider))
        })
    }

    /// What comes of an approval beside the one that waits, where one can be given.
    #[must_use]
    pub fn approved_anew(&self) -> Option<String> {
        let can = self.is_refreshing() && self.can_approve.is_yes();
        let by = &self.refreshing.as_ref().filter(|_| can)?.by;
        let given = self.people.iter().flat_map(|people| &people.given);
        let given: Vec<_> = given.map(|decision| decision.decider.to_string()).collect();
        let whose = match given.is_empty() {
            true => String::new(),
            false => format!(" by somebody else than {}", listed(&given, "and")),
        };
        let that = match self.people {
            None => "takes the place of",
            Some(_) => "counts whatever becomes of",
        };
        Some(format!(
            "an approval{whose} of what is shown now {that} that by {by}"
        ))
    }

    /// Nothing that was decided on it counts yet.
    #[must_use]
    pub fn is_proposed(&self) -> bool {
        self.state == ActionState::Proposed
    }

    /// It was approved by all that it takes, and counts by itself once its stale checks were made again.
    #[must_use]
    pub fn is_refreshing(&self) -> bool {
        self.is_proposed() && self.refreshing.as_ref().is_some_and(|it| it.is_enough)
    }

    /// How it stands, a word for tables.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.is_refreshing() {
            true => "refreshing",
            false => self.state.word(),
        }
    }

    /// How it stands, in words: `waiting`, or who approved what is being refreshed.
    #[must_use]
    pub fn standing(&self) -> String {
        match &self.refreshing {
            Some(refreshing) if self.is_refreshing() => refreshing.to_string(),
            Some(refreshing) => format!("{}, {refreshing}", self.state.word()),
            None => self.state.word().to_owned(),
        }
    }

    /// The same with why, where it is over or nobody knows: `rejected by bob: wrong operator`, `void: the pool is gone`.
    #[must_use]
    pub fn standing_in_full(&self) -> String {
        match &self.state {
            ActionState::Failed { reason }
            | ActionState::Void { reason }
            | ActionState::Unknown { reason } => {
                format!("{}: {reason}", self.state.word())
            }
            ActionState::Rejected => self.decided().unwrap_or_else(|| self.standing()),
            _ => self.standing(),
        }
    }

    /// What was decided, by whom and why: `rejected by bob: wrong operator`, `approved by ada and bob`.
    #[must_use]
    pub fn decided(&self) -> Option<String> {
        let decision = self.decision.as_ref()?;
        Some(match &decision.verdict {
            Verdict::Approve => format!("approved by {}", listed(self.deciders(), "and")),
            Verdict::Reject { reason } => format!("rejected by {}: {reason}", decision.decider),
        })
    }

    /// Whose decision it was: of an approval by more than one person, all of theirs.
    #[must_use]
    pub fn deciders(&self) -> Vec<String> {
        let Some(decision) = &self.decision else {
            return Vec::new();
        };
        let given = self.people.iter().flat_map(|people| &people.given);
        let others = given.filter(|other| decision.verdict == Verdict::Approve && *other != decision);
        let all = others.chain([decision]);
        all.map(|decision| decision.decider.to_string()).collect()
    }

    /// How long an approval would count, in words, where there is such a time.
    #[must_use]
    pub fn approval_counts_for(&self) -> Option<String> {
        let time = in_words(Duration::from_millis(self.approval_good_for_ms?));
        let first = match &self.people {
            Some(people) if people.given.is_empty() => {
                format!(
                    "; a first one waits so long for the second, and then it is 0 of {} again",
                    people.needed
                )
            }
            Some(_) => "; what waits for a second one so long is as it was before the first".to_owned(),
            None => String::new(),
        };
        Some(format!(
            "counts for {time}; what is approved and has not left then is void and proposed anew{first}"
        ))
    }

    /// How long an approval of it would wait for its stale checks, in words, where any are stale.
    #[must_use]
    pub fn refreshing_lasts_for(&self) -> Option<String> {
        let faded = self.faded.as_ref().filter(|_| self.refreshing.is_none())?;
        let time = Duration::from_millis(faded.waits_ms?);
        Some(format!(
            "waits for stale checks for {} at most, and lapses then",
            in_words(time)
        ))
    }

    /// How long ago its checks were made, and at which block, while it waits: `14 s ago, block 123`.
    #[must_use]
    pub fn checked_in_words(&self, now: UnixMillis) -> Option<String> {
        let at = self.checked_at.filter(|_| self.is_proposed())?;
        let block = self.at_block();
        let ago = now.since(at);
        let when = match ago < Duration::from_secs(1) {
            true => "just now".to_owned(),
            false => format!("{} ago", in_words(Duration::from_secs(ago.as_secs()))),
        };
        // nobody takes the block of what is stale for the newest one
        let old = match self.faded.is_some() && !block.is_empty() {
            true => ", the newest that was known then",
            false => "",
        };
        Some(format!("{when}{block}{old}"))
    }

    /// `, block 19,204,112` of its checks; empty where an engine did not tell it.
    #[must_use]
    pub fn at_block(&self) -> String {
        self.checked_block
            .map_or_else(String::new, |n| format!(", block {}", grouped(&n.to_string())))
    }

    /// No longer moves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.is_over()
    }

    /// Whether a person who saw this has seen the other: what would leave, what every check says, who of its committee is
    /// down or was proven to break the protocol, and whose approvals it has, which say what one more of them does.
    #[must_use]
    pub fn is_shown_as(&self, other: &Self) -> bool {
        let warned = |worse: &WorseView| worse.is_told_by(self.worse());
        self.digest == other.digest
            && Check::all_say_the_same(&self.checks, &other.checks)
            && self.is_approved_as(other)
            && other.worse().is_none_or(warned)
    }

    /// Whether one more approval comes to the same, where it takes more than one person: the same have approved it until now.
    #[must_use]
    pub fn is_approved_as(&self, other: &Self) -> bool {
        let approved = |action: &Self| {
            let people = action.people.as_ref()?;
            // who approves again once it was over has another time
            let given = people
                .given
                .iter()
                .map(|decision| (decision.decider.clone(), decision.at));
            let waits = action.refreshing.as_ref().map(|refreshing| refreshing.by.clone());
            Some((people.needed, given.collect::<Vec<_>>(), waits))
        };
        approved(self) == approved(other)
    }

    /// What taking back takes away, in words: all that was approved, whoever approved it.
    #[must_use]
    pub fn its_approvals(&self) -> &'static str {
        let (given, waiting) = match &self.people {
            Some(people) => (people.given.len(), people.refreshing.len()),
            None => (0, 0),
        };
        match given + waiting.max(usize::from(self.refreshing.is_some())) {
            0 | 1 => "the approval",
            _ => "the approvals",
        }
    }

    /// What keeps an approval of it from leaving beside its undo window: checks that are unknown now, and that somebody who
    /// approved it does not let pass. `until endpoints-agree is known, which bob did not let pass`
    #[must_use]
    pub fn held_until_known(&self) -> Option<String> {
        let unknown = self
            .checks_with(CheckMark::Unknown)
            .map(|check| check.name.as_str());
        let unknown: Vec<_> = unknown.collect();
        let given = self.people.iter().flat_map(|people| &people.given);
        let approvals: Vec<_> = given
            .chain(
                self.decision
                    .iter()
                    .filter(|_| self.state == ActionState::Approved),
            )
            .collect();
        let passes = |decision: &Decision, name: &str| {
            let lets_pass = decision.lets_pass.as_ref();
            lets_pass.is_none_or(|names| names.iter().any(|passed| passed == name))
        };
        let held: Vec<_> = unknown
            .into_iter()
            .filter(|name| !approvals.iter().all(|d| passes(d, name)))
            .collect();
        // the last of several is written down with what all of them let pass: whose doing it is, the first one says
        let by = approvals
            .iter()
            .find(|d| !held.iter().all(|name| passes(d, name)))?;
        let are = if held.len() > 1 { "are" } else { "is" };
        Some(format!(
            "until {} {are} known, which {} did not let pass",
            listed(&held, "and"),
            by.decider
        ))
    }

    /// When what was approved leaves, for as long as the approval can be taken back: `leaves in 7 s`.
    #[must_use]
    pub fn leaves(&self, now: UnixMillis) -> Option<String> {
        let undo = self.undo.filter(|_| !self.is_proposed())?;
        let held = self.held_until_known();
        Some(match (undo.seconds_left(now), held) {
            (Some(seconds), Some(held)) => format!("leaves in {seconds} s, or is held {held}"),
            (Some(seconds), None) => format!("leaves in {seconds} s"),
            (None, Some(held)) => format!("is held {held}"),
            (None, None) => "is approved and held".to_owned(),
        })
    }

    /// What has become of its committee since it was proposed, while it is not decided.
    #[must_use]
    pub fn worse(&self) -> Option<&WorseView> {
        let committee = self.committee.as_ref().filter(|_| self.is_proposed());
        committee.and_then(|committee| committee.worse.as_ref())
    }

    /// What speaks against approving it as it is: wherever it is approved, each of these is said.
    #[must_use]
    pub fn warnings(&self) -> Vec<ApprovalWarning<'_>> {
        let worse = self.worse().map(ApprovalWarning::Committee);
        let ended = self.approvals_ended.iter().filter(|_| self.is_proposed());
        let anew = self.anew.as_ref().filter(|_| self.is_proposed());
        let beside = self.approved_anew();
        let all = worse.into_iter().chain(ended.map(ApprovalWarning::Ended));
        let all = all.chain(anew.map(ApprovalWarning::Anew));
        let held = self.held_until_known().filter(|_| self.is_proposed());
        let held = held.map(|held| ApprovalWarning::Held(format!("once it is approved, it is held {held}")));
        let all = all.chain(held);
        all.chain(beside.map(ApprovalWarning::Beside)).collect()
    }

    /// The digest again, from what is here: the engine's own must be the same.
    #[must_use]
    pub fn computed_digest(&self) -> Root {
        payload_digest(self.id, &self.kind, &self.risk, &self.payload)
    }

    /// Whether it was approved (it may have failed afterwards).
    #[must_use]
    pub fn was_approved(&self) -> bool {
        self.decision
            .as_ref()
            .is_some_and(|d| d.verdict == Verdict::Approve)
    }
}
