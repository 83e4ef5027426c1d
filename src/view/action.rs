//! Actions: what waits for a decision, with everything that a person needs for it, and what was decided.

use std::fmt;
use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};

use super::{Can, FadedView};
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

/// What takes more than one person, and who approved it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleView {
    /// So many different ones.
    pub needed: u8,
    /// Each must sign with a personal key, on a machine of that person.
    pub personal_keys: bool,
    /// Approvals until now, oldest first.
    pub given: Vec<Decision>,
    /// While it waits: the first approval counts until then.
    pub until: Option<UnixMillis>,
}

impl fmt::Display for PeopleView {
    /// `1 of 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.given.len(), self.needed)
    }
}

impl PeopleView {
    /// `1 of 2: ada (uid 1000)`, and what it takes.
    #[must_use]
    pub fn words(&self) -> String {
        let names: Vec<_> = self.given.iter().map(|d| d.decider.to_string()).collect();
        let by = match names.is_empty() {
            true => String::new(),
            false => format!(": {}", names.join(", ")),
        };
        let keys = match self.personal_keys {
            true => "; each signs with a key of their own",
            false => "",
        };
        let until = self
            .until
            .map_or_else(String::new, |at| format!("; that counts until {}", at.to_utc()));
        format!("{self}{by}{until}{keys}")
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
    /// Why the last approval ended without counting, and when; not kept over a start of the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_ended: Option<SafeText>,
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

    /// How long an approval would count, in words, where there is such a time.
    #[must_use]
    pub fn approval_counts_for(&self) -> Option<String> {
        let time = Duration::from_millis(self.approval_good_for_ms?);
        Some(format!(
            "counts for {}; what has not left then is void and proposed anew",
            in_words(time)
        ))
    }

    /// How long ago its checks were made, and at which block, while it waits: `14 s ago, block 123`.
    #[must_use]
    pub fn checked_in_words(&self, now: UnixMillis) -> Option<String> {
        let at = self.checked_at.filter(|_| self.is_proposed())?;
        let block = self.at_block();
        let ago = now.since(at);
        Some(match ago < Duration::from_secs(1) {
            true => format!("just now{block}"),
            false => format!("{} ago{block}", in_words(Duration::from_secs(ago.as_secs()))),
        })
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

    /// Whether a person who saw this has seen the other: what would leave, what every check says, and who of its committee
    /// is down or was proven to break the protocol.
    #[must_use]
    pub fn is_shown_as(&self, other: &Self) -> bool {
        let warned = |worse: &WorseView| worse.is_told_by(self.worse());
        self.digest == other.digest
            && Check::all_say_the_same(&self.checks, &other.checks)
            && other.worse().is_none_or(warned)
    }

    /// What has become of its committee since it was proposed, while it is not decided.
    #[must_use]
    pub fn worse(&self) -> Option<&WorseView> {
        let committee = self.committee.as_ref().filter(|_| self.is_proposed());
        committee.and_then(|committee| committee.worse.as_ref())
    }

    /// What speaks against approving it as it is, a sentence each: wherever it is approved, these are said.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let upper = |text: String| {
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        };
        let instead = |worse: &WorseView| match &worse.instead {
            Some(instead) => format!("{} could take its place", listed(instead, "and")),
            None => "too few others are up to take its place".to_owned(),
        };
        let worse = self.worse().map(|worse| format!("{worse}; {}", instead(worse)));
        let anew = self.anew.as_ref().filter(|_| self.is_proposed());
        let anew = anew.map(|anew| format!("proposed anew at {}: {anew}", anew.at.to_utc()));
        let beside = self.approved_anew();
        let ended = self.approval_ended.as_ref().filter(|_| self.is_proposed());
        let ended = ended.map(ToString::to_string);
        let all = worse.into_iter().chain(ended).chain(anew).chain(beside);
        all.map(upper).collect()
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
