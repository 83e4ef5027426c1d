//! The policy of mode `auto`: what no rule covers waits for a person.

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use super::{Action, ActionKind, Payload};
use crate::types::{CheckStatus, PoolId, SafeText, UnixMillis};

/// The check of an exit to be signed again, unknown while what would be signed has not changed. Only a person lets it
/// pass, whatever a rule says of unknown checks: the same bytes would come out that the nodes found bad.
pub const NEW_SIGNING_ROOT: &str = "new-signing-root";

/// Lets one kind of action pass, within limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Recorded with each decision that it makes.
    pub name: SafeText,
    /// Which kinds.
    pub kinds: Vec<ActionKind>,
    /// Only these pools.
    pub pools: Option<Vec<PoolId>>,
    /// Largest fee ceiling, wei; transactions only.
    pub max_fee_wei: Option<U256>,
    /// At most so many approvals by this rule in any 24 hours.
    pub max_per_day: Option<u32>,
    /// At most so many ceremonies for one step of a case.
    pub max_attempts: u32,
    /// Names of checks that may be unknown.
    pub unknown_ok: Vec<String>,
}

impl Rule {
    fn covers(&self, kind: ActionKind, pool: PoolId) -> bool {
        self.kinds.contains(&kind) && self.pools.as_ref().is_none_or(|pools| pools.contains(&pool))
    }
}

/// All rules, first match decides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// In order.
    pub rules: Vec<Rule>,
}

/// One approval of a rule in the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleUse {
    /// Which rule.
    pub rule: SafeText,
    /// When.
    pub at: UnixMillis,
}

const DAY_MILLIS: u64 = 86_400_000;

impl Policy {
    /// The rule that lets `action` pass now, or why none does.
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
        let Some(rule) = self.rules.iter().find(|r| r.covers(kind, action.id.case.pool)) else {
            return Err(format!(
                "no policy rule covers {kind} of pool {}",
                action.id.case.pool
            ));
        };
        let unknown: Vec<_> = action
            .proposal
            .checks
            .iter()
            .filter(|c| c.status == CheckStatus::Unknown)
            .filter(|c| c.name == NEW_SIGNING_ROOT || !rule.unknown_ok.contains(&c.name))
            .map(|c| c.name.as_str())
            .collect();
        if !unknown.is_empty() {
            return Err(format!(
                "rule {}: unknown checks: {}",
                rule.name,
                unknown.join(", ")
            ));
        }
        if attempt > rule.max_attempts {
            return Err(format!(
                "rule {}: attempt {attempt} is over its {}",
                rule.name, rule.max_attempts
            ));
        }
        if let (Some(max), Payload::Transaction(tx)) = (rule.max_fee_wei, &action.proposal.payload)
            && tx.fee_ceiling_wei > max
        {
            return Err(format!(
                "rule {}: fee ceiling {} wei is over its {max}",
                rule.name, tx.fee_ceiling_wei
            ));
        }
        if let Some(max) = rule.max_per_day {
            let recent = used
                .iter()
                .filter(|u| u.rule == rule.name && now.0 < u.at.0.saturating_add(DAY_MILLIS));
            if recent.count() >= max as usize {
                return Err(format!("rule {}: its {max} approvals a day are used", rule.name));
            }
        }
        Ok(rule)
    }
}
