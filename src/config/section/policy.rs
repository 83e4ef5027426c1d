//! `[policy]` and `[[policy.rule]]`: who decides.

use std::time::Duration;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use crate::config::raw::{Raw, Row};
use crate::config::reader::{Reader, words};
use crate::config::schema::Key;
use crate::config::value::{self, Bad, Ether, Value};
use crate::config::{AutoApprove, NetworkName};
use crate::oracle::{
    ActionKind, CHECKS, Family, Mode, Person, Policy, Risk, Rule, TwoPersons, UndoWindows, check_named,
    unknown_to_one_voice,
};
use crate::types::{DEPOSIT_WEI, PoolId, SafeText, format_ether};

const LIST: &str = "policy.rule";

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "policy.mode",
        "observe, supervised or auto",
        "observe decides nothing and needs no key; supervised asks a person; auto asks the rules first. No file alone switches auto on: it takes the flag --auto-approve, which is enough unless a person took the decision from the rules before (`casimir-dkg mode`).",
    )
    .default("supervised")
    .flag("--mode"),
    Key::new("policy.file", "a path", "Further rules, as [[rule]] and [[two_persons]] tables in a file of their own.").flag("--policy"),
    Key::new(
        "policy.approval_expires",
        "a time",
        "An approval that could not be executed within this time is void and asked again.",
    )
    .within("10s", "30d")
    .default("1h"),
];

pub(in crate::config) const RULE_KEYS: &[Key] = &[
    Key::new(
        "name",
        "text",
        "Names the rule in the journal: every automatic decision says which rule made it.",
    ),
    Key::new(
        "kinds",
        "a list of kinds of action",
        "Actions that the rule approves.",
    ),
    Key::new(
        "max_fee",
        "an amount",
        "Highest possible network fee of a transaction that the rule approves.",
    )
    .within("0.00001 ETH", "10 ETH"),
    Key::new(
        "per_day",
        "a number",
        "Most approvals by this rule in any 24 hours.",
    )
    .within("1", "4096"),
    Key::new("pools", "a list of pool numbers", "Only these pools."),
    Key::new(
        "other_committees",
        "a number",
        "So many times for one deposit the rule has another committee make another key, where SSV refuses the present one or its operators are proven guilty or absent. Without this key that waits for a person.",
    )
    .within("0", "100"),
    Key::new(
        "unknown_ok",
        "a list of names of checks",
        "Checks that may be unknown in what the rule approves: without this key every unknown check waits for a person. policy.example.toml says what each check means.",
    ),
    Key::new(
        "irreversible",
        "true or false",
        "Must be true in a rule for exits, which then covers nothing else.",
    ),
];

words!(Mode {
    "observe" => Mode::Observe,
    "supervised" => Mode::Supervised,
    "auto" => Mode::Auto,
} no_display);

impl Value for ActionKind {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        let kinds: Vec<_> = Self::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
        value::choice(raw, &kinds)
    }
}

/// The name of a check that a rule may let pass while it is unknown.
struct Allowed(&'static str);

impl Value for Allowed {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        let text = value::text("the name of a check", raw)?;
        let check = check_named(text).ok_or_else(|| Bad {
            message: format!("there is no check \"{text}\""),
            suggestion: value::nearest(text, CHECKS.iter().map(|check| check.name)),
        })?;
        if !check.may_be_allowed() {
            return Err(Bad::from(format!(
                "{text} cannot be allowed: only a person has an exit signed again that the beacon nodes found bad"
            )));
        }
        Ok(Self(check.name))
    }
}

/// The names of the kinds that nobody can undo.
fn irreversible_kinds() -> String {
    let kinds = ActionKind::ALL
        .iter()
        .filter(|kind| kind.risk() == Risk::Irreversible);
    let names: Vec<_> = kinds.map(|kind| kind.name()).collect();
    names.join(" and ")
}

/// Ceremonies of one step that a rule may start before a person must look.
const RULE_ATTEMPTS: u32 = 3;

/// What may happen without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRule {
    /// Its name, unique.
    pub name: String,
    /// What it covers, ascending.
    pub kinds: Vec<ActionKind>,
    /// Highest network fee in wei. Present when `kinds` holds a transaction.
    pub max_fee_wei: Option<U256>,
    /// Most approvals in any 24 hours.
    pub per_day: u32,
    /// `None`: every pool.
    pub pools: Option<Vec<PoolId>>,
    /// Other committees that it has make another key for one deposit.
    #[serde(default, skip_serializing_if = "crate::types::is_zero")]
    pub other_committees: u32,
    /// Names of checks that may be unknown, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_ok: Vec<String>,
}

impl PolicyRule {
    /// Whether it covers any kind of transaction.
    #[must_use]
    pub fn sends_transactions(&self) -> bool {
        self.kinds.iter().any(|kind| kind.family() == Family::Transaction)
    }

    /// The checks that are always unknown with one execution endpoint, in what this rule covers, and which it does not
    /// allow to be: it approves nothing then.
    pub fn waits_for_two_voices(&self) -> impl Iterator<Item = &'static str> {
        let needed = unknown_to_one_voice(&self.kinds);
        needed.filter(|name| !self.unknown_ok.iter().any(|allowed| allowed == name))
    }
}

/// Who decides, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyConfig {
    /// Who decides.
    pub mode: Mode,
    /// In the order of the file; the first that covers an action is named in the journal.
    pub rules: Vec<PolicyRule>,
    /// What two different people must approve.
    #[serde(default)]
    pub two_persons: Vec<TwoPersons>,
    /// People with keys of their own.
    #[serde(default)]
    pub persons: Vec<Person>,
    /// How long an approval stays good.
    pub approval_expires: Duration,
    /// How long a person's approval waits: as the file says it, else as is usual on the network.
    #[serde(default)]
    pub undo: UndoWindows,
}

impl PolicyConfig {
    /// Rules decide. A start takes the flag for it as well.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.mode == Mode::Auto
    }

    /// Nobody decides anything: everything is only watched.
    #[must_use]
    pub fn observes(&self) -> bool {
        self.mode == Mode::Observe
    }

    /// The rules that allow key generations, by name, where no rule allows the deposit that a key is made for.
    #[must_use]
    pub fn rules_for_keys_alone(&self) -> Vec<&str> {
        let covers = |kind: ActionKind| self.rules.iter().filter(move |rule| rule.kinds.contains(&kind));
        if covers(ActionKind::SendDeposit).next().is_some() {
            return Vec::new();
        }
        covers(ActionKind::Keygen)
            .map(|rule| rule.name.as_str())
            .collect()
    }

    /// The rules as the core applies them.
    #[must_use]
    pub fn to_policy(&self) -> Policy {
        let rules = self.rules.iter().map(|rule| Rule {
            name: SafeText::new(&rule.name),
            kinds: rule.kinds.clone(),
            pools: rule.pools.clone(),
            max_fee_wei: rule.max_fee_wei,
            max_per_day: Some(rule.per_day),
            max_attempts: RULE_ATTEMPTS,
            other_committees: rule.other_committees,
            unknown_ok: rule.unknown_ok.clone(),
        });
        Policy {
            rules: rules.collect(),
            two_persons: self.two_persons.clone(),
            persons: self.persons.clone(),
            undo: self.undo.clone(),
            suspended: None,
        }
    }
}

pub(in crate::config) fn read(r: &mut Reader<'_>, network: Option<NetworkName>) -> Option<PolicyConfig> {
    let mode = r.required::<Mode>("policy.mode");
    let approval_expires = r.required("policy.approval_expires");
    let undo = super::undo::read(r, network, approval_expires);
    let _ = r.path("policy.file");
    let persons = super::person::persons(r);
    let two_persons = super::person::two_persons(r, persons.as_deref().unwrap_or_default());
    let mut rules: Vec<PolicyRule> = Vec::new();
    let mut whole = true;
    for row in r.rows(LIST) {
        let Some(rule) = rule(r, row) else {
            whole = false;
            continue;
        };
        if rules.iter().any(|other| other.name == rule.name) {
            r.row_error(
                LIST,
                row,
                "name",
                format!("two rules are called \"{}\"", rule.name),
            );
        }
        judge_rule_of_two(r, row, &rule, two_persons.as_deref().unwrap_or_default());
        rules.push(rule);
    }
    if mode == Some(Mode::Auto) {
        if r.auto_approve() == AutoApprove::Absent {
            let message = "\"auto\" needs the flag --auto-approve as well, so that no file alone can take the decision from you";
            r.error("policy.mode", message.to_owned());
        }
        if rules.is_empty() && whole && r.knows(LIST) {
            let message = "\"auto\" (--auto-approve) without a [[policy.rule]] would approve nothing: write a rule or use \"supervised\"";
            r.error("policy.mode", message.to_owned());
        }
    }
    whole.then_some(())?;
    Some(PolicyConfig {
        mode: mode?,
        rules,
        two_persons: two_persons?,
        persons: persons?,
        approval_expires: approval_expires?,
        undo: undo?,
    })
}

/// What a transaction may cost is compared, and that is `fees.max_fee` of each: a rule that allows less approves none.
pub(in crate::config) fn judge_fees(r: &mut Reader<'_>, rules: &[PolicyRule], most: U256) {
    for (row, rule) in r.rows(LIST).iter().zip(rules) {
        if let Some(allowed) = rule.max_fee_wei.filter(|allowed| *allowed < most) {
            let message = format!(
                "expected at least the {} of fees.max_fee, got {}: what each transaction may cost is compared, so the rule would \
                 approve none",
                format_ether(most),
                format_ether(allowed)
            );
            r.row_error(LIST, row, "max_fee", message);
        }
    }
}

/// A list of pools that can never match.
fn judge_pools(r: &mut Reader<'_>, row: &Row, pools: Option<&[PoolId]>) {
    let Some(pools) = pools else {
        return;
    };
    if pools.is_empty() {
        let message = "names no pool, so the rule approves nothing: leave it out for every pool";
        r.row_error(LIST, row, "pools", message.to_owned());
    }
    if pools.contains(&PoolId(0)) {
        r.row_error(
            LIST,
            row,
            "pools",
            "there is no pool 0: they are numbered from 1".to_owned(),
        );
    }
    let twice = pools
        .iter()
        .enumerate()
        .find(|(n, pool)| pools[..*n].contains(pool));
    if let Some((_, pool)) = twice {
        r.row_error(LIST, row, "pools", format!("names pool {pool} twice"));
    }
}

/// What no rule decides, because two people must: a rule about nothing else is switched off.
fn judge_rule_of_two(r: &mut Reader<'_>, row: &Row, rule: &PolicyRule, two: &[TwoPersons]) {
    let of_two = |kind: &ActionKind| two.iter().any(|two| two.kinds.contains(kind) && always(two));
    if !rule.kinds.is_empty() && rule.kinds.iter().all(of_two) {
        let message = format!(
            "rule {} approves nothing: [[policy.two_persons]] has two people approve each of its kinds",
            rule.name
        );
        r.row_worry(LIST, row, "kinds", &message);
    }
}

/// Whether it covers an action whatever it moves: no amount, or one that each stake has.
fn always(two: &TwoPersons) -> bool {
    two.at_least_wei
        .is_none_or(|least| least <= U256::from(DEPOSIT_WEI))
}

/// What cannot be undone is said so, and stands alone.
fn judge_irreversible(r: &mut Reader<'_>, row: &Row, kinds: &[ActionKind], says_so: bool) {
    let irreversible = kinds
        .iter()
        .filter(|kind| kind.risk() == Risk::Irreversible)
        .count();
    if irreversible == 0 && says_so {
        r.row_error(
            LIST,
            row,
            "irreversible",
            "no kind of this rule is irreversible".to_owned(),
        );
    } else if irreversible > 0 && !says_so {
        let message = "exits cannot be undone: such a rule must say irreversible = true";
        r.row_error(LIST, row, "kinds", message.to_owned());
    } else if irreversible > 0 && irreversible < kinds.len() {
        let message = format!(
            "exits cannot be undone: {} need a rule of their own",
            irreversible_kinds()
        );
        r.row_error(LIST, row, "kinds", message);
    }
}

fn rule(r: &mut Reader<'_>, row: &Row) -> Option<PolicyRule> {
    let name = r.row_required::<String>(LIST, row, "name");
    let kinds = r.row_required::<Vec<ActionKind>>(LIST, row, "kinds");
    let max_fee = r.row_optional::<Ether>(LIST, row, "max_fee");
    let per_day = r.row_required(LIST, row, "per_day");
    let pools = r.row_optional::<Vec<PoolId>>(LIST, row, "pools");
    let others = r.row_optional::<u32>(LIST, row, "other_committees");
    let unknown_ok = r.row_optional::<Vec<Allowed>>(LIST, row, "unknown_ok");
    let says_so = r.row_optional::<bool>(LIST, row, "irreversible");
    let (mut kinds, max_fee) = (kinds?, max_fee?);
    kinds.sort_unstable();
    kinds.dedup();
    let says_so = says_so? == Some(true);
    if kinds.is_empty() {
        r.row_error(LIST, row, "kinds", "covers nothing".to_owned());
    }
    judge_irreversible(r, row, &kinds, says_so);
    let sends = kinds.iter().any(|kind| kind.family() == Family::Transaction);
    if max_fee.is_some() && !sends && !kinds.is_empty() {
        let message = "no kind of this rule is a transaction, so it limits nothing";
        r.row_worry(LIST, row, "max_fee", message);
    }
    if sends && max_fee.is_none() {
        r.row_error(
            LIST,
            row,
            "max_fee",
            "is required in a rule that covers a transaction".to_owned(),
        );
    }
    let others = others?;
    if others.is_some() && !kinds.contains(&ActionKind::Keygen) {
        r.row_error(
            LIST,
            row,
            "other_committees",
            "is for a rule that covers keygen: another committee makes another key".to_owned(),
        );
    }
    let allowed = unknown_ok?.unwrap_or_default();
    let mut unknown_ok: Vec<_> = allowed.into_iter().map(|Allowed(name)| name.to_owned()).collect();
    unknown_ok.sort_unstable();
    unknown_ok.dedup();
    let pools = pools?;
    judge_pools(r, row, pools.as_deref());
    Some(PolicyRule {
        name: name?,
        kinds,
        max_fee_wei: max_fee.map(|fee| fee.0),
        per_day: per_day?,
        pools,
        other_committees: others.unwrap_or_default(),
        unknown_ok,
    })
}
