//! The policy of mode `auto`: what no rule covers waits for a person.

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use super::{Action, ActionKind, CheckName, Decider, Payload, Person, TwoPersons, UndoWindows, check_named};
use crate::types::{PoolId, SafeText, UnixMillis, counted, format_ether};

/// Lets one kind of action pass, within limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Recorded with each decision that it makes.
    pub name: SafeText,
    pub kinds: Vec<ActionKind>,
    /// Only these pools.
    pub pools: Option<Vec<PoolId>>,
    /// Largest fee ceiling, wei; transactions only.
    pub max_fee_wei: Option<U256>,
    /// At most so many approvals by this rule in any 24 hours; 4,096 where it is more.
    pub max_per_day: Option<u32>,
    /// At most so many ceremonies for one step of a case.
    pub max_attempts: u32,
    /// So many times for one case it has another committee make another key; 0: that waits for a person.
    #[serde(default)]
    pub other_committees: u32,
    /// Names of checks that may be unknown.
    pub unknown_ok: Vec<String>,
}

impl Rule {
    /// Whether it lets this check pass while it is unknown. Some checks only a person lets pass.
    fn allows_unknown(&self, name: &str) -> bool {
        let may_be_allowed = check_named(name).is_none_or(CheckName::may_be_allowed);
        may_be_allowed && self.unknown_ok.iter().any(|allowed| allowed == name)
    }

    /// Whether what earlier tries of the same effect cost in fees and what this one may cost stay under one ceiling.
    ///
    /// # Errors
    /// A sentence that says what it waits for.
    pub fn covers_fees(&self, action: &Action, spent_wei: U256) -> Result<(), String> {
        if planted!(FeeIgnored) {
            return Ok(());
        }
        match (self.max_fee_wei, &action.proposal.payload) {
            (Some(max), Payload::Transaction(tx)) if tx.fee_ceiling_wei.saturating_add(spent_wei) > max => {
                Err(format!(
                    "rule {}: {} of fees are spent already, and fee ceiling {} would bring it over its {}",
                    self.name,
                    format_ether(spent_wei),
                    format_ether(tx.fee_ceiling_wei),
                    format_ether(max)
                ))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn covers(&self, kind: ActionKind, pool: PoolId) -> bool {
        self.kinds.contains(&kind) && self.pools.as_ref().is_none_or(|pools| pools.contains(&pool))
    }

    /// Whether its bounds let an action pass that it covers.
    ///
    /// # Errors
    /// Which one does not.
    fn lets(&self, action: &Action) -> Result<(), String> {
        let unknown: Vec<_> = action
            .proposal
            .unknown_checks()
            .into_iter()
            .filter(|name| !self.allows_unknown(name))
            .collect();
        if !unknown.is_empty() && !planted!(UnknownPasses) {
            return Err(format!(
                "rule {}: unknown checks: {}",
                self.name,
                unknown.join(", ")
            ));
        }
        if let (Some(max), Payload::Transaction(tx)) = (self.max_fee_wei, &action.proposal.payload)
            && tx.fee_ceiling_wei > max
            && !planted!(FeeIgnored)
        {
            return Err(format!(
                "rule {}: fee ceiling {} is over its {}",
                self.name,
                format_ether(tx.fee_ceiling_wei),
                format_ether(max)
            ));
        }
        Ok(())
    }
}

/// All rules, first match decides; and what takes more than one person, which no rule decides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// In order.
    pub rules: Vec<Rule>,
    /// What two different people must approve.
    #[serde(default)]
    pub two_persons: Vec<TwoPersons>,
    /// People with keys of their own.
    #[serde(default)]
    pub persons: Vec<Person>,
    /// How long a person's approval waits before it takes effect.
    #[serde(default)]
    pub undo: UndoWindows,
    /// Why no rule decides now, although some are configured: `rules` is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<SafeText>,
}

/// One approval of a rule in the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleUse {
    pub rule: SafeText,
    /// In the time that limits per day count: what really passed while the program ran.
    pub at: UnixMillis,
}

pub(super) const DAY_MILLIS: u64 = 86_400_000;

/// So many approvals are remembered of each rule. A larger limit of a day counts as this one.
pub(super) const USES_KEPT: usize = 4_096;

impl Policy {
    /// The rule that decides the key generations of a pool, and so which committee makes its key.
    pub(super) fn rule_of_keys(&self, pool: PoolId) -> Option<&Rule> {
        self.covering(ActionKind::Keygen, pool)
    }

    /// The first rule that covers this, whatever its bounds let pass.
    fn covering(&self, kind: ActionKind, pool: PoolId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.covers(kind, pool))
    }

    /// Why what a rule approved is approved no more, by the rules of today; `None` where it is, or where people decided. The
    /// file may have been read anew since, or be gone. Attempts and days were counted when it was approved.
    pub(super) fn takes_back(&self, action: &Action) -> Option<String> {
        let Decider::Rule { name } = &action.decision.as_ref()?.decider else {
            return None;
        };
        let (kind, pool) = (action.proposal.kind, action.id.case.pool);
        let why = self
            .rule_of(kind, pool)
            .and_then(|rule| rule.lets(action))
            .err()?;
        Some(format!("rule {name} had approved it, and by now {why}"))
    }

    /// The same, or why none does, in a sentence.
    fn rule_of(&self, kind: ActionKind, pool: PoolId) -> Result<&Rule, String> {
        self.covering(kind, pool).ok_or_else(|| match &self.suspended {
            Some(why) => format!("no rule decides {kind}: {why}"),
            None => format!("no policy rule covers {kind} of pool {pool}"),
        })
    }

    /// The rule that lets `action` pass now, in the time that limits per day count, or why none does.
    ///
    /// # Errors
    /// A sentence that says what it waits for.
    pub fn permits(
        &self,
        action: &Action,
        attempt: u32,
        used: &[RuleUse],
        now: UnixMillis,
    ) -> Result<&Rule, String> {
        action.approvable()?;
        let kind = action.proposal.kind;
        let demand = self.demand(&action.proposal);
        if demand.people > 1 {
            let given = action.endorsements.len();
            return Err(format!(
                "{} people must approve {kind}: {given} of {}",
                demand.people, demand.people
            ));
        }
        let rule = self.rule_of(kind, action.id.case.pool)?;
        rule.lets(action)?;
        if attempt > rule.max_attempts {
            return Err(format!(
                "rule {}: attempt {attempt} is over its {}",
                rule.name, rule.max_attempts
            ));
        }
        if let Some(max) = rule.max_per_day {
            let recent = used
                .iter()
                .filter(|u| u.rule == rule.name && now.0 < u.at.0.saturating_add(DAY_MILLIS));
            let max = (max as usize).min(USES_KEPT);
            if recent.count() >= max {
                let approvals = counted(max, "approval");
                return Err(format!("rule {}: its {approvals} a day are used up", rule.name));
            }
        }
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{Decider, Decision, NEW_SIGNING_ROOT, Record, State, Verdict, fixture};
    use crate::types::Check;

    /// What it approved may be held for hours: by a signer that is away, or until its epoch.
    #[test]
    fn what_a_rule_approved_is_approved_while_the_rules_of_today_cover_it() {
        let mut action = fixture::action(ActionKind::SendDeposit);
        let by = Decider::Rule { name: "all".into() };
        action.decision = Some(Decision::alone(
            Verdict::Approve,
            by,
            UnixMillis(1),
            action.digest,
        ));
        let good = fixture::settings().policy;
        assert_eq!(good.lacks(&action), None);
        let mut other_kinds = good.clone();
        other_kinds.rules[0].kinds = vec![ActionKind::Keygen];
        let mut other_pools = good.clone();
        other_pools.rules[0].pools = Some(vec![PoolId(77)]);
        let mut cheaper = good.clone();
        cheaper.rules[0].max_fee_wei = Some(U256::ZERO);
        let suspended = Policy {
            rules: Vec::new(),
            suspended: Some("policy.toml cannot be read".into()),
            ..good.clone()
        };
        for (policy, words) in [
            (other_kinds, "no policy rule covers send-deposit of pool"),
            (other_pools, "no policy rule covers send-deposit of pool"),
            (cheaper, "is over its 0"),
            (
                suspended,
                "no rule decides send-deposit: policy.toml cannot be read",
            ),
        ] {
            let why = policy.lacks(&action).unwrap();
            assert!(
                why.starts_with("rule all had approved it, and by now ") && why.contains(words),
                "{why}"
            );
        }
        // what a person approved needs no rule
        let by = Decider::Person {
            name: "ann".into(),
            uid: Some(1),
            login: None,
            signed: None,
        };
        action.decision = Some(Decision::alone(
            Verdict::Approve,
            by,
            UnixMillis(1),
            action.digest,
        ));
        assert_eq!(Policy::default().lacks(&action), None);
    }

    #[test]
    fn a_rule_lets_unknown_checks_pass_by_name_and_some_never() {
        let mut action = fixture::action(ActionKind::SendDeposit);
        let mut policy = fixture::settings().policy;
        let name = |name: &str| name.to_owned();
        let mut permits = |checks: &[Check], unknown_ok: &[String]| {
            action.proposal.checks = checks.to_vec();
            policy.rules[0].unknown_ok = unknown_ok.to_vec();
            policy.permits(&action, 1, &[], UnixMillis(0)).map(drop)
        };
        let alone = [Check::unknown("endpoints-agree", "one voice")];
        assert!(permits(&alone, &[]).unwrap_err().contains("endpoints-agree"));
        assert!(permits(&alone, &[name("balance")]).is_err());
        assert_eq!(permits(&alone, &[name("endpoints-agree")]), Ok(()));
        let failed = [Check::fail("endpoints-agree", "they differ")];
        assert!(permits(&failed, &[name("endpoints-agree")]).is_err());
        let same = [Check::unknown(NEW_SIGNING_ROOT, "the same bytes")];
        assert!(permits(&same, &[name(NEW_SIGNING_ROOT)]).is_err());
    }

    #[test]
    fn a_rule_that_is_used_often_pushes_out_none_of_another_and_old_uses_go() {
        let mut action = fixture::action(ActionKind::SendDeposit);
        let mut state = State::new(fixture::settings());
        let mut seq = 0;
        let mut used = |state: &mut State, rule: &str, at: u64| {
            action.id.number += 1;
            let id = action.id;
            let rule = Decider::Rule { name: rule.into() };
            let decision = Decision::alone(Verdict::Approve, rule, UnixMillis(at), action.digest);
            let proposed = Record::ActionProposed {
                action: id,
                proposal: Box::new(action.proposal.clone()),
                digest: action.digest,
            };
            for record in [proposed, Record::Decided { action: id, decision }] {
                seq += 1;
                state.apply(seq, UnixMillis(at), &record);
            }
        };
        used(&mut state, "all", 1_000);
        for n in 0..USES_KEPT as u64 + 100 {
            used(&mut state, "often", 2_000 + n);
        }
        let of = |state: &State, rule: &str| {
            let uses = state.rule_uses.iter();
            uses.filter(|used| used.rule.as_str() == rule).count()
        };
        assert_eq!((of(&state, "all"), of(&state, "often")), (1, USES_KEPT));
        let mut policy = fixture::settings().policy;
        policy.rules[0].max_per_day = Some(1);
        let waiting = fixture::action(ActionKind::SendDeposit);
        let refused = policy.permits(&waiting, 1, &state.rule_uses, UnixMillis(9_000));
        assert!(refused.unwrap_err().contains("1 approval a day"));
        // nothing counts what is older than a day
        used(&mut state, "seldom", 3 * DAY_MILLIS);
        assert_eq!(state.rule_uses.len(), 1);
        assert_eq!(of(&state, "seldom"), 1);
    }
}
